# Each loss is found in LOSSES, so that a new one needs no line here.
from typing import Any

import numpy as np
from numpy.typing import NDArray

class Loss:
    n_outputs: int
    n_targets: int
    def __init__(self, n_outputs: int = 1, parameters: tuple[float, ...] = ()) -> None: ...
    def evaluate(
        self, margins: NDArray[np.float64], targets: Any
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

LOSSES: dict[str, type[Loss]]

def name_of(kind: type) -> str: ...
def make(loss: Any, n_outputs: int = 1) -> Loss: ...
