# Each penalty is found in PENALTIES, so that a new one needs no line here.
from typing import Any

import numpy as np
from numpy.typing import NDArray

class Penalty:
    decay: float
    proximal: bool
    idempotent: bool
    elastic: bool
    l1: float
    l2: float
    source: Any
    def __init__(self, *parameters: Any) -> None: ...
    def size(self) -> int | None: ...
    def evaluate(self, w: NDArray[np.float64]) -> float: ...
    def move(
        self, w: NDArray[np.float64], lr: float, rates: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]: ...

PENALTIES: dict[str, type[Penalty]]

def make(penalty: Any) -> Penalty: ...
