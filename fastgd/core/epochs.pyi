from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.update import Update

Vector = NDArray[np.float64]

class Epochs:
    def __init__(
        self,
        objective: Any,
        theta: Vector,
        update: Update | None = None,
        velocity: Vector | None = None,
        ahead: bool = False,
        *,
        moments: NDArray[np.float64] | None = None,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        scale: float = 1.0,
        alpha: float = 0.0,
        row_weights: Vector | None = None,
    ) -> None: ...
    def take(
        self, order: NDArray[np.int64], batch_size: int, lr: Vector, momentum: Vector
    ) -> tuple[float, float]: ...
