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
    def __init__(
        self,
        objective: Objective,
        update: Update,
        sampler: Sampler,
        theta: NDArray[np.float64],
        team: Team | None = None,
    ) -> None: ...
    @property
    def step(self) -> int: ...
    @property
    def settled(self) -> NDArray[np.float64]: ...
    @property
    def finite(self) -> bool: ...
    def take(self, lr: NDArray[np.float64], momentum: NDArray[np.float64]) -> None: ...
    def save(self) -> dict[str, Any]: ...
    def load(self, saved: dict[str, Any]) -> None: ...
    def mark(self) -> None: ...
    def rewind(self) -> None: ...

class General(Solver): ...
