"""What a callback is shown of a run, and what it may answer."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.history import History

__all__ = ["Progress", "Rescale", "Stop"]

KINDS = ("finished", "converged", "stopped", "interrupted", "diverged")


@dataclass(frozen=True)
class Stop:
    """The end of a run, as a callback wants it.

    Parameters
    ----------
    message : str
    converged : bool, default False
        Whether the run has found what it was looking for.
    kind : str, optional
        What kind of end it is; by default "converged" or "stopped", as `converged` has it. Nothing
        is read from the message. "finished": all steps were taken. "interrupted": somebody wants
        all work to end, also the other runs of a sweep. "diverged": θ is not to be used.

    Raises
    ------
    ValueError
        A kind that there is not, or one that `converged` contradicts.
    """

    message: str
    converged: bool = False
    kind: str = ""

    def __post_init__(self) -> None:
        if not self.kind:
            object.__setattr__(self, "kind", "converged" if self.converged else "stopped")
        if self.kind not in KINDS:
            raise ValueError(f"Stop: kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.kind == "converged":
            object.__setattr__(self, "converged", True)
        if self.converged != (self.kind == "converged"):
            raise ValueError(f"Stop: a run that is {self.kind} has not converged")


@dataclass(frozen=True)
class Rescale:
    """The answer of a callback that wants all later rates multiplied.

    Parameters
    ----------
    factor : float, at least 0

    Raises
    ------
    ValueError
        A factor that is negative or not finite.
    """

    factor: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.factor) and self.factor >= 0):
            raise ValueError(f"Rescale: factor must be at least 0, not {self.factor}")


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    `step` of `steps` steps are taken; `loss` and `grad_norm` are those of the last record; `time`
    is in seconds since the start, those before a checkpoint included; `history` holds all records
    so far. `theta` is a copy of the parameters, made when it is first asked for; `objective` is
    what is minimised.
    """

    step: int
    steps: int
    loss: float
    grad_norm: float
    time: float
    history: History
    copy: Callable[[], NDArray[np.float64]] = field(repr=False, compare=False)
    objective: Any = field(default=None, repr=False, compare=False)

    @cached_property
    def theta(self) -> NDArray[np.float64]:
        return self.copy()


Callback = Callable[[Progress], Any]
