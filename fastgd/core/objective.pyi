# Objective is what a compiled objective derives from; its hot side is declared in objective.pxd.
from typing import Any

import numpy as np
from numpy.typing import NDArray

class Objective:
    n_samples: int
    n_params: int
    l2: float
    error: BaseException | None
    takes_singles: bool
    sparse: bool
    late: bool
    def __init__(
        self,
        n_samples: int,
        n_params: int,
        l2: float = 0.0,
        spans: list[tuple[int, int, bool]] | None = None,
        *arguments: Any,
        **keywords: Any,
    ) -> None: ...
    @property
    def span_list(self) -> list[tuple[int, int, bool]]: ...
    def part_count(self, count: int) -> int: ...
    def help(self, leader: Objective) -> None: ...
    def dismiss(self, over: bool = True) -> None: ...
    def settle(self, theta: NDArray[np.float64]) -> None: ...
    def settled(self, theta: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def put_off(self) -> Any: ...
    def restore(self, work: Any) -> None: ...
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
