from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.objective import Objective

class QuadraticObjective(Objective):
    def __init__(self, A: NDArray[np.float64], b: NDArray[np.float64]) -> None: ...

class FunctionObjective(Objective):
    def __init__(
        self,
        value: Callable[..., Any],
        gradient: Callable[..., Any],
        n_params: int,
        n_samples: int | None = None,
    ) -> None: ...
