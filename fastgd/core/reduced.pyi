from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.sampling import Sampler
from fastgd.core.solver import Solver
from fastgd.core.update import Update

class ReducedUpdate(Update): ...

class ReducedSolver(Solver):
    still: bool
    def __init__(
        self,
        objective: Any,
        update: Update,
        sampler: Sampler,
        theta: NDArray[np.float64],
        anchored: bool = False,
    ) -> None: ...
