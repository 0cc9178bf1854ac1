from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.objective import Objective
from fastgd.core.team import Team

class Alone:
    rank: int
    size: int
    def allreduce(self, numbers: NDArray[np.float64]) -> None: ...
    def broadcast(self, numbers: NDArray[np.float64], root: int = 0) -> None: ...

class SpreadObjective(Objective):
    inner: Objective
    team: Team | None
    carrier: Any
    def __init__(
        self,
        inner: Objective,
        carrier: Any,
        bounds: NDArray[np.int64],
        owners: NDArray[np.int64],
        ordered: bool,
        blame: Callable[[BaseException | None], BaseException],
    ) -> None: ...
