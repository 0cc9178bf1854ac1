# Each rule is found in UPDATES, so that a new one needs no line here.
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.penalties import Penalty

class Update:
    slots: tuple[str, ...]
    numbers: dict[str, float]
    n_params: int
    t: int
    weight_decay: float
    sparse: bool
    optimizer: Any
    inner: Update | None
    penalty: Penalty
    def __init__(
        self,
        n_params: int,
        optimizer: Any,
        spans: list[tuple[int, int, bool]] | None = None,
        penalty: Penalty | None = None,
    ) -> None: ...
    def configure(self, optimizer: Any) -> None: ...
    @property
    def span_list(self) -> list[tuple[int, int, bool]]: ...
    @property
    def arrays(self) -> dict[str, NDArray[np.float64]]: ...
    @property
    def rate(self) -> float | None: ...
    def save(self) -> dict[str, Any]: ...
    def load(self, saved: dict[str, Any]) -> None: ...
    def set_rates(
        self,
        lr: float,
        momentum: float,
        rates: Any,
    ) -> None: ...

class PythonUpdate(Update): ...

class Stepper:
    def point(self, theta: NDArray[np.float64], state: Update) -> NDArray[np.float64]: ...
    def step(
        self, theta: NDArray[np.float64], gradient: NDArray[np.float64], state: Update
    ) -> None: ...

def make(
    optimizer: Any,
    n_params: int,
    spans: list[tuple[int, int, bool]] | None = None,
    penalty: Penalty | None = None,
) -> Update: ...
def rules_of(names: dict[str, Any]) -> dict[str, type[Update]]: ...

UPDATES: dict[str, type[Update]]
