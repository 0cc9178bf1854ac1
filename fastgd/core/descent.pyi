from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.sampling import Sampler
from fastgd.core.solver import Solver
from fastgd.core.update import Update

class LinearSGD(Solver):
    @staticmethod
    def serves(objective: Any, update: Update, sampler: Sampler) -> bool: ...

class LocalSolver(Solver):
    @staticmethod
    def serves(objective: Any, update: Update, sampler: Sampler) -> bool: ...

def fastest(
    objective: Any,
    update: Update,
    sampler: Sampler,
    theta: NDArray[np.float64],
) -> Solver: ...
