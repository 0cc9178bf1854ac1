import numpy as np
from numpy.typing import NDArray

from fastgd.core.objective import Objective
from fastgd.core.sampling import Sampler
from fastgd.core.update import Update

def simd_level() -> str: ...
def compiler() -> str: ...
def all_finite(x: NDArray[np.float64]) -> bool: ...
def run(
    objective: Objective,
    update: Update,
    sampler: Sampler,
    theta: NDArray[np.float64],
    gradient: NDArray[np.float64],
    lr: NDArray[np.float64],
    momentum: NDArray[np.float64],
    watch: bool = False,
) -> int: ...
