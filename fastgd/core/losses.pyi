# Each loss is found in LOSSES, so that a new one needs no line here.
import numpy as np
from numpy.typing import NDArray

class Loss:
    n_outputs: int
    def __init__(self, n_outputs: int = 1) -> None: ...
    def evaluate(
        self, margins: NDArray[np.float64], targets: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

LOSSES: dict[str, type[Loss]]
