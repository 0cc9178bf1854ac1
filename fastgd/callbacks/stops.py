"""Stop rules that look at one number, and the log."""

import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastgd.callbacks.base import Progress, Stop
from fastgd.checks import as_penalty

__all__ = ["GradientNorm", "Log", "RelativeChange", "TargetLoss", "WallTime"]


@dataclass(frozen=True)
class GradientNorm:
    """Stops, converged, at the first record with ‖∇L(θ)‖ <= tol.

    Parameters
    ----------
    tol : float, at least 0

    Raises
    ------
    TypeError, ValueError
        A tolerance that is not a finite number of at least 0.

    Examples
    --------
    >>> f = gd.Quadratic(np.eye(2), [1.0, 2.0])
    >>> r = gd.minimize(f, gd.SGD(lr=0.5), steps=1000, record_every=1,
    ...                 callbacks=[gd.callbacks.GradientNorm(1e-6)])
    >>> r.converged, r.steps
    (True, 22)
    """

    tol: float

    def __post_init__(self) -> None:
        as_penalty("GradientNorm: tol", self.tol)

    def __call__(self, progress: Progress) -> Stop | None:
        if progress.grad_norm <= self.tol:
            return Stop(f"gradient norm {progress.grad_norm:.3g} <= {self.tol:g}", converged=True)
        return None


@dataclass(frozen=True)
class RelativeChange:
    """Stops, converged, when the recorded loss moves by at most tol of itself.

    Parameters
    ----------
    tol : float, at least 0

    Raises
    ------
    TypeError, ValueError
        A tolerance that is not a finite number of at least 0.

    Examples
    --------
    >>> f = gd.Quadratic(np.eye(2), [1.0, 2.0])
    >>> gd.minimize(f, gd.SGD(lr=0.5), steps=1000, record_every=1,
    ...             callbacks=[gd.callbacks.RelativeChange(1e-3)]).message
    'loss changed by 0.000733 <= 0.001 of itself'
    """

    tol: float

    def __post_init__(self) -> None:
        as_penalty("RelativeChange: tol", self.tol)

    def __call__(self, progress: Progress) -> Stop | None:
        losses = progress.history["loss"]
        if len(losses) < 2:
            return None
        change = abs(losses[-1] - losses[-2])
        if change <= self.tol * abs(losses[-1]):
            share = change / abs(losses[-1]) if losses[-1] else 0.0
            return Stop(f"loss changed by {share:.3g} <= {self.tol:g} of itself", converged=True)
        return None


@dataclass(frozen=True)
class TargetLoss:
    """Stops, converged, at the first record with L(θ) <= loss.

    Parameters
    ----------
    loss : float

    Raises
    ------
    ValueError
        A target that is not finite.

    Examples
    --------
    >>> f = gd.Quadratic(np.eye(1))
    >>> gd.minimize(f, gd.SGD(lr=0.5), theta0=[1.0], steps=100, record_every=1,
    ...             callbacks=[gd.callbacks.TargetLoss(0.01)]).steps
    3
    """

    loss: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.loss):
            raise ValueError(f"TargetLoss: loss must be finite, not {self.loss}")

    def __call__(self, progress: Progress) -> Stop | None:
        if progress.loss <= self.loss:
            return Stop(f"loss {progress.loss:.6g} <= {self.loss:g}", converged=True)
        return None


@dataclass(frozen=True)
class WallTime:
    """Stops a run after so many seconds, between two chunks: within about a tenth of a second.

    Of a run that is resumed, the seconds before count too.

    Parameters
    ----------
    seconds : float, at least 0

    Raises
    ------
    TypeError, ValueError
        A time that is not a finite number of at least 0.

    Examples
    --------
    >>> f = gd.Quadratic(np.eye(1))
    >>> gd.minimize(f, gd.SGD(lr=0.5), steps=10**12, record_every=0,
    ...             callbacks=[gd.callbacks.WallTime(0.05)]).message
    'time is up: 0.05 s'
    """

    seconds: float
    every_chunk = True

    def __post_init__(self) -> None:
        as_penalty("WallTime: seconds", self.seconds)

    def __call__(self, progress: Progress) -> Stop | None:
        return Stop(f"time is up: {self.seconds:g} s") if progress.time >= self.seconds else None


@dataclass(frozen=True)
class Log:
    """Writes each record as a line of a CSV file, at once: to be watched while a run goes on.

    A new run begins the file anew; one that is resumed writes on. A line that cannot be written is
    warned of, and the run goes on.

    Parameters
    ----------
    path : path

    Raises
    ------
    OSError
        The file cannot be written when the run begins.

    Examples
    --------
    >>> f = gd.Quadratic(np.eye(1))
    >>> r = gd.minimize(f, gd.SGD(lr=0.5), [1.0], steps=2, record_every=1,
    ...                 callbacks=[gd.callbacks.Log("run.log")])
    >>> from pathlib import Path
    >>> Path("run.log").read_text().splitlines()[0]
    'step,loss,grad_norm,lr,time'
    """

    path: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(os.fspath(self.path)))

    def __call__(self, progress: Progress) -> None:
        history = progress.history
        first = len(history["step"]) == 1
        line = ",".join(repr(history[column][-1].item()) for column in history)
        try:
            with self.path.open("w" if first else "a", encoding="utf-8") as file:
                file.write(f"{','.join(history)}\n{line}\n" if first else f"{line}\n")
        except OSError as error:
            if first:
                raise
            warnings.warn(f"{str(self.path)!r}: {error.strerror}", RuntimeWarning, stacklevel=2)
