from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.objective import Objective

class LinearObjective(Objective):
    def __init__(
        self,
        X: Any,
        y: NDArray[np.float64],
        loss: str,
        n_outputs: int,
        intercept: bool,
        l2: float,
    ) -> None: ...
    def margins(self, theta: NDArray[np.float64], X: Any) -> NDArray[np.float64]: ...
