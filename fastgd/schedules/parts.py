"""Schedules made of others: one after the other, between points, within bounds, held."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd.schedules.base import Schedule, Steps, Values, as_schedule, half_cosine, real

__all__ = ["bounded", "held", "interpolate", "join"]


@dataclass(frozen=True)
class join(Schedule):
    r"""Schedules one after the other, each of which counts from its own beginning.

    .. math:: η_t = \text{schedule}_i(t - b_i, b_{i+1} - b_i) \quad (b_i \le t < b_{i+1}), \qquad
              b_0 = 0, \; b_n = T

    Parameters
    ----------
    boundaries : sequence of int >= 1, rising
        b_1, b_2, ..., one less than there are schedules.
    schedules : sequence of Schedule or float
        A number stands for itself, so that steps of any heights are numbers alone.

    Raises
    ------
    TypeError, ValueError
        What is no schedule, boundaries that do not rise, or another number of them.

    References
    ----------
    Goyal et al. 2017, Accurate, large minibatch SGD: training ImageNet in 1 hour, for drops at
    epochs that are chosen.

    Examples
    --------
    >>> gd.schedules.join([2, 4], [1.0, 0.1, 0.01])(np.arange(6))
    array([1.  , 1.  , 0.1 , 0.1 , 0.01, 0.01])
    """

    boundaries: Any
    schedules: Any

    def __post_init__(self) -> None:
        if not isinstance(self.schedules, Sequence) or not self.schedules:
            raise TypeError(f"join: schedules must be a list of schedules, not {self.schedules!r}")
        _keep_whole(self, "boundaries", rising=True)
        object.__setattr__(self, "schedules", tuple(as_schedule(one) for one in self.schedules))
        if len(self.boundaries) != len(self.schedules) - 1:
            raise ValueError(
                f"join: {len(self.schedules)} schedules have {len(self.schedules) - 1} boundaries "
                f"between them, not {len(self.boundaries)}"
            )

    @property
    def robbins_monro(self) -> bool | None:
        last: Schedule = self.schedules[-1]
        return last.robbins_monro  # finitely many steps change neither sum

    def values(self, t: Steps, total: int | None) -> Values:
        starts = np.array([0, *self.boundaries])
        which = np.searchsorted(starts, t, side="right") - 1
        found = np.empty(t.shape)
        for i, schedule in enumerate(self.schedules):
            end = int(starts[i + 1]) if i + 1 < len(starts) else total
            here = which == i
            if here.any():
                length = None if end is None else max(end - int(starts[i]), 1)
                found[here] = schedule.values(t[here] - starts[i], length)
        return found


@dataclass(frozen=True)
class interpolate(Schedule):
    r"""Through given points, in straight lines or halves of cosines.

    .. math:: η_t = η_i + (η_{i+1} - η_i)\, g\Bigl(\frac{t - p_i}{p_{i+1} - p_i}\Bigr), \qquad
              p_i \le t < p_{i+1}

    with g(x) = x, or (1 - cos πx)/2. Before the first point and after the last the value stays.

    Parameters
    ----------
    places : sequence of float, rising
        p_i, in steps; they need not be whole.
    heights : sequence of float >= 0
        η_i, as many.
    shape : "linear" or "cosine", default "linear"
        g.

    Raises
    ------
    TypeError, ValueError
        Places that do not rise, heights below 0, or another number of them; another shape.

    References
    ----------
    Smith and Topin 2018, Super-convergence: very fast training of neural networks using large
    learning rates.

    Examples
    --------
    >>> gd.schedules.interpolate([0, 2, 6], [0.0, 1.0, 0.0])(np.arange(8))
    array([0.  , 0.5 , 1.  , 0.75, 0.5 , 0.25, 0.  , 0.  ])
    """

    places: Any
    heights: Any
    shape: str = "linear"

    def __post_init__(self) -> None:
        for name in ("places", "heights"):
            given = getattr(self, name)
            if isinstance(given, (str, bytes)) or not np.iterable(given):
                raise TypeError(f"interpolate: {name} must be a list of numbers, not {given!r}")
            numbers = tuple(real(f"interpolate: {name}", one) for one in given)
            object.__setattr__(self, name, numbers)
        if not self.places or len(self.places) != len(self.heights):
            raise ValueError(
                f"interpolate: heights must be as many as places, {len(self.places)}, and at least "
                f"one, not {len(self.heights)}"
            )
        if any(b <= a for a, b in zip(self.places, self.places[1:], strict=False)):
            raise ValueError(f"interpolate: places must rise, not {self.places}")
        if min(self.heights) < 0:
            raise ValueError(f"interpolate: heights must be >= 0, not {min(self.heights)}")
        if not isinstance(self.shape, str) or self.shape not in ("linear", "cosine"):
            kind = ValueError if isinstance(self.shape, str) else TypeError
            raise kind(f"interpolate: shape must be 'linear' or 'cosine', not {self.shape!r}")

    @property
    def robbins_monro(self) -> bool:
        return False  # in the end it stays where it is

    def values(self, t: Steps, total: int | None) -> Values:
        places, heights = np.array(self.places), np.array(self.heights)
        if len(places) == 1:
            return np.full(t.shape, heights[0])
        i = np.clip(np.searchsorted(places, t, side="right") - 1, 0, len(places) - 2)
        part = np.clip((t - places[i]) / (places[i + 1] - places[i]), 0.0, 1.0)
        if self.shape == "cosine":
            # As a fall from the left, which is exact at both ends.
            values: Values = heights[i + 1] + (heights[i] - heights[i + 1]) * half_cosine(part)
        else:
            values = heights[i] + (heights[i + 1] - heights[i]) * part
        return values


@dataclass(frozen=True)
class bounded(Schedule):
    r"""Another schedule, kept between two bounds.

    .. math:: η_t = \min(h, \max(l, \text{schedule}(t, T)))

    Parameters
    ----------
    schedule : Schedule or float
    low, high : float >= 0, default 0 and none
        l and h.

    Raises
    ------
    TypeError, ValueError
        A bound that is not a number, below 0, or a low above the high.

    References
    ----------
    None: it cuts a formula of others.

    Examples
    --------
    >>> gd.schedules.bounded(gd.schedules.exponential(1.0, 0.5), low=0.2)(np.arange(4))
    array([1.  , 0.5 , 0.25, 0.2 ])
    """

    schedule: Any
    low: float = 0.0
    high: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedule", as_schedule(self.schedule))
        self._check_real("low")
        if self.high is not None:
            self._check_order()

    @property
    def robbins_monro(self) -> bool | None:
        if self.low > 0 or self.high == 0:
            return False
        inside: Schedule = self.schedule
        return inside.robbins_monro

    def values(self, t: Steps, total: int | None) -> Values:
        high = math.inf if self.high is None else self.high
        return np.clip(self.schedule.values(t, total), self.low, high)


@dataclass(frozen=True)
class held(Schedule):
    r"""Another schedule, asked every so many steps only: a staircase.

    .. math:: η_t = \text{schedule}(s ⌊t/s⌋, T)

    Parameters
    ----------
    schedule : Schedule or float
    every : int >= 1
        s, in steps: an epoch, say.

    Raises
    ------
    TypeError, ValueError
        An `every` that is no whole number from 1 on.

    References
    ----------
    None: it samples a formula of others.

    Examples
    --------
    >>> gd.schedules.held(gd.schedules.inverse_time(1.0, 0.5), every=2)(np.arange(6)).round(3)
    array([1.   , 1.   , 0.5  , 0.5  , 0.333, 0.333])
    """

    schedule: Any
    every: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedule", as_schedule(self.schedule))
        self._check_integer("every")

    @property
    def robbins_monro(self) -> bool | None:
        inside: Schedule = self.schedule
        return inside.robbins_monro

    def values(self, t: Steps, total: int | None) -> Values:
        values: Values = self.schedule.values(t // self.every * self.every, total)
        return values


def _keep_whole(schedule: Any, name: str, rising: bool) -> None:
    given = getattr(schedule, name)
    label = f"{type(schedule).__name__}: {name}"
    if isinstance(given, (str, bytes)) or not np.iterable(given):
        raise TypeError(f"{label} must be a list of steps, not {given!r}")
    steps = []
    for one in given:
        if isinstance(one, (bool, np.bool_)) or not isinstance(one, (int, np.integer)):
            raise TypeError(f"{label} must be whole numbers, not {one!r}")
        steps.append(int(one))
    if any(b <= a for a, b in zip([0, *steps], steps, strict=False)):
        raise ValueError(f"{label} must rise from 1 on, not {steps}")
    object.__setattr__(schedule, name, tuple(steps))
