"""Stop rules that look at one number, and the log."""

import inspect
import math
import os
import warnings
from collections.abc import Callable
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
    """Hands each record on at once: as a line of a CSV file, or to a tracker of experiments.

    A new run begins the file anew; one that is resumed writes on. What cannot be written or sent
    later on is warned of, and the run goes on.

    Parameters
    ----------
    to : path or callable
        A file; or ``run.log`` of wandb or trackio, ``mlflow.log_metrics``, ``writer.add_scalar`` of
        tensorboard, or any other function of a dict of numbers. Where it takes ``step``, it is told
        the step.

    Raises
    ------
    OSError, or what the tracker raises
        At the first record.

    Examples
    --------
    >>> f = gd.Quadratic(np.eye(1))
    >>> r = gd.minimize(f, gd.SGD(lr=0.5), [1.0], steps=2, record_every=1,
    ...                 callbacks=[gd.callbacks.Log("run.log")])
    >>> from pathlib import Path
    >>> Path("run.log").read_text().splitlines()[0]
    'step,loss,grad_norm,lr,time'
    """

    to: Any

    def __post_init__(self) -> None:
        if not callable(self.to):
            object.__setattr__(self, "to", Path(os.fspath(self.to)))

    def __call__(self, progress: Progress) -> None:
        history = progress.history
        first = len(history["step"]) == 1
        row = {column: history[column][-1].item() for column in history}
        try:
            if callable(self.to):
                self._send(row)
            else:
                self._write(row, first)
        except Exception as error:
            if first:
                raise
            reason = getattr(error, "strerror", None) or str(error)
            where = "the tracker" if callable(self.to) else repr(str(self.to))
            warnings.warn(f"{where}: {reason}", RuntimeWarning, stacklevel=2)

    def _write(self, row: dict[str, float], first: bool) -> None:
        line = ",".join(map(repr, row.values()))
        with self.to.open("w" if first else "a", encoding="utf-8") as file:
            file.write(f"{','.join(row)}\n{line}\n" if first else f"{line}\n")

    def _send(self, row: dict[str, float]) -> None:
        step = int(row.pop("step"))
        # The rate of step 0 is not known, and no tracker takes NaN for a number.
        row = {name: value for name, value in row.items() if math.isfinite(value)}
        if getattr(self.to, "__name__", "") == "add_scalar":
            for name, value in row.items():
                self.to(name, value, step)
        elif _takes_step(self.to):
            self.to(row, step=step)
        else:
            self.to({"step": step, **row})


def _takes_step(function: Callable[..., Any]) -> bool:
    try:
        known = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return "step" in known or any(one.kind is one.VAR_KEYWORD for one in known.values())
