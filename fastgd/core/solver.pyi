from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.objective import Objective
from fastgd.core.sampling import Sampler
from fastgd.core.team import Team
from fastgd.core.update import Update

class Solver:
    objective: Objective
    update: Update
    sampler: Sampler
    team: Team | None
    n_params: int
    last_lr: float
    marked_step: int
    records: list[NDArray[np.float64]]
    def __init__(
        self,
        objective: Objective,
        update: Update,
        sampler: Sampler,
        theta: NDArray[np.float64],
    ) -> None: ...
    @property
    def step(self) -> int: ...
    @property
    def settled(self) -> NDArray[np.float64]: ...
    @property
    def finite(self) -> bool: ...
    def clip(self, norm: float, value: float) -> None: ...
    def evaluate(self) -> tuple[float, float]: ...
    def take(
        self,
        lr: NDArray[np.float64],
        momentum: NDArray[np.float64],
        record_every: int = 0,
        total: int = -1,
        recorded: int = -1,
        alone: bool = False,
    ) -> bool: ...
    def save(self) -> dict[str, Any]: ...
    def load(self, saved: dict[str, Any]) -> None: ...
    def mark(self) -> None: ...
    def rewind(self) -> None: ...

class General(Solver): ...

class Watched(General):
    def __init__(
        self,
        objective: Objective,
        update: Update,
        sampler: Sampler,
        theta: NDArray[np.float64],
        *,
        dampening: float = 0.0,
    ) -> None: ...
