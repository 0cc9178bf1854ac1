# Objective is what a compiled objective derives from; its hot side is declared in objective.pxd.
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.penalties import Penalty

class Objective:
    n_samples: int
    n_params: int
    penalty: Penalty
    error: BaseException | None
    def __init__(
        self,
        n_samples: int,
        n_params: int,
        l2: float = 0.0,
        spans: list[tuple[int, int, bool]] | None = None,
        penalty: Penalty | None = None,
        *arguments: Any,
        **keywords: Any,
    ) -> None: ...
    @property
    def span_list(self) -> list[tuple[int, int, bool]]: ...
    def part_count(self, count: int) -> int: ...
    def evaluate(
        self,
        theta: NDArray[np.float64],
        indices: NDArray[np.int64] | None = None,
        value: bool = True,
        gradient: bool = True,
    ) -> tuple[Any, Any]: ...
    def sample_gradients(
        self, theta: NDArray[np.float64], indices: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]: ...

def norm(vector: NDArray[np.float64]) -> float: ...
