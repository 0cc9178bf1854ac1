"""Rates with a beginning and an end: a warm-up before another schedule, a cooldown at the end."""

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd.schedules.base import Schedule, Steps, Values, as_schedule, half_cosine, real

__all__ = ["warmup", "wsd"]


@dataclass(frozen=True)
class warmup(Schedule):
    r"""A rise to the first value of another schedule, which then takes over.

    .. math:: η_t = \begin{cases} η_{peak} (t + 1)/W & t < W \text{, without a start} \\
              s + (η_{peak} - s)\, t/W & t < W \text{, with a start} \\
              \text{then}(t - W, T - W) & t ≥ W \end{cases}

    :math:`η_{peak}` is the value of `then` at its own step 0. Without a start no step is wasted at
    rate 0. `then` sees its steps and the run's length counted from the end of the warm-up.

    Parameters
    ----------
    steps : int >= 1, or float in (0, 1)
        W, in steps; or a part of the run, rounded to whole steps, at least one. A warm-up that is
        longer than the run is cut off by the run's end.
    start : float >= 0, optional
        s, the value at step 0.
    then : Schedule or float
        What follows.

    Raises
    ------
    TypeError, ValueError
        A parameter of the wrong type or out of its range; no `then`.

    References
    ----------
    Goyal et al. 2017, Accurate, large minibatch SGD: training ImageNet in 1 hour.

    Examples
    --------
    >>> gd.schedules.warmup(4, then=1.0)(np.arange(6), 6)
    array([0.25, 0.5 , 0.75, 1.  , 1.  , 1.  ])
    >>> gd.schedules.warmup(0.5, start=0.0, then=gd.schedules.linear(1.0, 0.0))(np.arange(8), 8)
    array([0.  , 0.25, 0.5 , 0.75, 1.  , 0.75, 0.5 , 0.25])
    """

    steps: int | float
    start: float | None = None
    then: Any = None

    def __post_init__(self) -> None:
        if self.then is None:
            raise TypeError("warmup: then= is missing, the schedule or number that follows")
        object.__setattr__(self, "then", as_schedule(self.then))
        if self.start is not None:
            self._check_real("start")
        if isinstance(self.steps, numbers.Integral):
            self._check_integer("steps")
        else:
            fraction = real("warmup: steps", self.steps)
            if not 0.0 < fraction < 1.0:
                raise ValueError(
                    "warmup: steps must be an integer >= 1, or a part of the run between 0 and 1,"
                    f" not {fraction}"
                )
            object.__setattr__(self, "steps", fraction)

    @property
    def robbins_monro(self) -> bool | None:
        then: Schedule = self.then
        return then.robbins_monro  # finitely many steps change neither sum

    def values(self, t: Steps, total: int | None) -> Values:
        width = self.steps
        if isinstance(width, float):
            width = max(1, round(width * self._length(total)))
        # At least 1: a warm-up that fills the run asks `then` for its peak only.
        remaining = None if total is None else max(total - width, 1)
        peak = self.then.values(np.zeros(1, dtype=np.int64), remaining)
        if self.start is None:
            rise = peak * ((t + 1) / width)
        else:
            rise = self.start + (peak - self.start) * (t / width)
        after = self.then.values(np.maximum(t - width, 0), remaining)
        values: Values = np.where(t < width, rise, after)
        return values


@dataclass(frozen=True)
class wsd(Schedule):
    r"""Warm-up, a long stretch at one rate, and a cooldown at the end of the run.

    .. math:: η_t = η_{peak} \begin{cases} (t + 1)/W & t < W \\ 1 & W ≤ t < T - C \\
              f + (1 - f)\, g\bigl(\min(1, (t - T + C)/C)\bigr) & t ≥ T - C \end{cases}

    T is the run's number of steps; g(x) is 1 - x (linear), (1 + cos πx)/2 (cosine) or
    :math:`1 - \sqrt x` (1-sqrt). Up to the cooldown nothing depends on T: a run can be made longer
    from there.

    Parameters
    ----------
    peak : float >= 0
        The value of the long stretch.
    warmup, cooldown : int >= 0, or float in [0, 1], default 0 and 0.2
        W and C, in steps; or as parts of the run, rounded to whole steps. Where both do not fit
        into the run, the cooldown takes what is left.
    shape : "linear", "cosine" or "1-sqrt", default "linear"
        g.
    floor : float in [0, 1], default 0
        f, where the cooldown ends, as a part of the peak.

    Raises
    ------
    TypeError, ValueError
        A parameter of the wrong type or out of its range.

    References
    ----------
    Hu et al. 2024, MiniCPM: unveiling the potential of small language models with scalable training
    strategies; Hägele et al. 2024, Scaling laws and compute-optimal training beyond fixed training
    durations, for the shapes: 1-sqrt does best there.

    Examples
    --------
    >>> gd.schedules.wsd(1.0, warmup=2, cooldown=0.5)(np.arange(9), 8)
    array([0.5 , 1.  , 1.  , 1.  , 1.  , 0.75, 0.5 , 0.25, 0.  ])
    """

    peak: float
    warmup: int | float = 0
    cooldown: int | float = 0.2
    shape: str = "linear"
    floor: float = 0.0
    top = "peak"
    robbins_monro = False  # beyond the run it stays at the floor: see `linear`

    def __post_init__(self) -> None:
        self._check_real("peak")
        self._check_stretch("warmup")
        self._check_stretch("cooldown")
        if not isinstance(self.shape, str) or self.shape not in SHAPES:
            kind = ValueError if isinstance(self.shape, str) else TypeError
            raise kind(f"wsd: shape must be one of {', '.join(SHAPES)}; not {self.shape!r}")
        self._check_real("floor", high=1.0)

    def _check_stretch(self, name: str) -> None:
        if isinstance(getattr(self, name), numbers.Integral):
            self._check_integer(name, least=0)
        else:
            self._check_real(name, high=1.0)

    def values(self, t: Steps, total: int | None) -> Values:
        length = self._length(total)
        rise, fall = (
            round(part * length) if isinstance(part, float) else part
            for part in (self.warmup, self.cooldown)
        )
        fall = min(fall, max(length - rise, 0))
        part = np.clip((t - (length - fall)) / max(fall, 1), 0.0, 1.0)
        falling = self.floor + (1.0 - self.floor) * SHAPES[self.shape](part)
        if fall == 0:
            falling = np.ones(t.shape)
        values: Values = self.peak * np.where(t < rise, (t + 1) / max(rise, 1), falling)
        return values


SHAPES: dict[str, Callable[[Values], Values]] = {
    "linear": lambda part: 1.0 - part,
    "cosine": half_cosine,
    "1-sqrt": lambda part: 1.0 - np.sqrt(part),
}
