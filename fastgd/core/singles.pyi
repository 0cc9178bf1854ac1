from typing import Any

from fastgd.core.sampling import Sampler
from fastgd.core.solver import Solver
from fastgd.core.update import Update

class SinglesSolver(Solver):
    @staticmethod
    def serves(objective: Any, update: Update, sampler: Sampler) -> bool: ...
