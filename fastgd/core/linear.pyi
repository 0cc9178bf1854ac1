from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.objective import Objective

class LinearObjective(Objective):
    def __init__(
        self,
        X: Any,
        y: NDArray[np.float64],
        loss: Any,
        n_outputs: int,
        intercept: bool,
        penalty: Any = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> None: ...
    def draw_with(self, weights: NDArray[np.float64] | None) -> None: ...
    def margins(self, theta: NDArray[np.float64], X: Any) -> NDArray[np.float64]: ...
