from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.objective import Objective
from fastgd.core.penalties import Penalty

class QuadraticObjective(Objective):
    def __init__(self, A: NDArray[np.float64], b: NDArray[np.float64]) -> None: ...

class FunctionObjective(Objective):
    def __init__(
        self,
        value: Callable[..., Any] | None,
        gradient: Callable[..., Any] | None,
        n_params: int,
        n_samples: int | None = None,
        pair: Callable[..., Any] | None = None,
        penalty: Penalty | None = None,
    ) -> None: ...

class FunctionPointer(Objective):
    def __init__(
        self,
        capsule: Any,
        n_params: int,
        n_samples: int | None = None,
        wide: bool = True,
        data: bool = False,
        penalty: Penalty | None = None,
    ) -> None: ...
