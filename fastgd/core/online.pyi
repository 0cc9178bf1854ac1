from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

class Online:
    n_rows: int
    n_columns: int
    bias_mean: float
    def __init__(
        self,
        X: Any,
        y: Vector,
        loss: Any,
        weights: Any,
        bias: float = 0.0,
        *,
        scale: float = 1.0,
        row_weights: Vector | None = None,
        left_out: Any = None,
        bias_rate: float = 1.0,
        l2: float = 0.0,
        l1: float = 0.0,
        average: int = 0,
        mean: Any = None,
        bias_mean: float = 0.0,
        t: int = 1,
        mode: str = "descent",
        aggressiveness: float = 1.0,
        watched: bool = True,
    ) -> None: ...
    def take(
        self,
        order: NDArray[np.int32],
        lr: Vector,
        seed: int | None = None,
        passes: int = 1,
        tol: float = -inf,
        best: float = inf,
        idle: int = 0,
        patience: int = 1,
    ) -> tuple[Vector, Vector, float, int]: ...
    @property
    def finite(self) -> bool: ...
    @property
    def sound(self) -> bool: ...
    @property
    def t(self) -> int: ...
    @property
    def weights(self) -> Vector: ...
    @property
    def bias(self) -> float: ...
    @property
    def mean(self) -> Vector: ...
