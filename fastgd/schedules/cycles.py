"""Rates that rise and fall again."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd.schedules.base import Schedule, Steps, Values, as_schedule, half_cosine

__all__ = ["one_cycle", "sgdr", "triangular"]


@dataclass(frozen=True)
class triangular(Schedule):
    r"""Up and down between two bounds, in straight lines.

    .. math:: η_t = l + (h - l)\, r(t) \max\bigl(0, 1 - |t/c - 2 ⌊t/(2c)⌋ - 1|\bigr)

    with :math:`r(t) = s^{⌊t/(2c)⌋}` for a number s, else the schedule's value.

    Parameters
    ----------
    low, high : float >= 0, low <= high
        l and h, the bounds. A run begins at the lower one.
    half_cycle : int >= 1
        c, in steps, from one bound to the other; Smith advises 2 to 10 epochs.
    shrink : float > 0 or Schedule, default 1.0
        A number multiplies the height once a cycle: 1 is Smith's *triangular*, 1/2 his
        *triangular2*. A schedule multiplies it at each step: ``exponential(1.0, γ)``, which is
        γ^t, is his *exp_range*.

    Raises
    ------
    TypeError, ValueError
        A parameter of the wrong type, out of its range, or low > high.

    References
    ----------
    Smith 2017, Cyclical learning rates for training neural networks.

    Examples
    --------
    >>> gd.schedules.triangular(low=0.0, high=1.0, half_cycle=2, shrink=0.5)(np.arange(8), 8)
    array([0.  , 0.5 , 1.  , 0.5 , 0.  , 0.25, 0.5 , 0.25])
    """

    low: float
    high: float
    half_cycle: int
    shrink: Any = 1.0
    top = "high"

    def __post_init__(self) -> None:
        self._check_order()
        self._check_integer("half_cycle")
        if callable(self.shrink):
            object.__setattr__(self, "shrink", as_schedule(self.shrink))
        else:
            self._check_real("shrink", above=True)

    @property
    def robbins_monro(self) -> bool | None:
        # Above a positive bound Σ η² is infinite; with a bound of 0 and a number for the shrinking
        # both sums are geometric, finite or infinite together.
        unknown = self.low == 0 and self.high > 0 and isinstance(self.shrink, Schedule)
        return None if unknown else False

    def values(self, t: Steps, total: int | None) -> Values:
        cycle, position = np.divmod(t, 2 * self.half_cycle)
        height = 1.0 - np.abs(position / self.half_cycle - 1.0)
        if isinstance(self.shrink, Schedule):
            height *= self.shrink.values(t, total)
        else:
            height *= self.shrink ** cycle.astype(np.float64)
        return self.low + (self.high - self.low) * height


@dataclass(frozen=True)
class sgdr(Schedule):
    r"""Cosine descents, each followed by a restart at the top.

    .. math:: η_t = l + (h - l)\, r^i\, \frac{1 + \cos(π τ/P_i)}{2}, \qquad P_i = P_0 m^i

    i counts the restarts before t, and τ the steps since the last one.

    Parameters
    ----------
    low, high : float >= 0, low <= high
        l and h, the bounds. A run begins at the upper one.
    period : int >= 1
        :math:`P_0`, in steps, up to the first restart.
    period_multiplier : int >= 1, default 1
        m: each period is m times as long as the one before.
    height_multiplier : float > 0, default 1.0
        r: the height above `low` is multiplied by it at each restart.

    Raises
    ------
    TypeError, ValueError
        A parameter of the wrong type, out of its range, or low > high.

    Notes
    -----
    With low = 0 a period sums to about :math:`h r^i P_i/2`, its squares to about
    :math:`3/8\, h^2 r^{2i} P_i`: the conditions of Robbins and Monro hold if and only if
    :math:`m r ≥ 1` and :math:`m r^2 < 1`.

    References
    ----------
    Loshchilov and Hutter 2016, SGDR: stochastic gradient descent with warm restarts.

    Examples
    --------
    >>> restarts = gd.schedules.sgdr(low=0.0, high=1.0, period=2, period_multiplier=2)
    >>> restarts(np.arange(7), 7).round(3)
    array([1.   , 0.5  , 1.   , 0.854, 0.5  , 0.146, 1.   ])
    """

    low: float
    high: float
    period: int
    period_multiplier: int = 1
    height_multiplier: float = 1.0
    top = "high"

    def __post_init__(self) -> None:
        self._check_order()
        self._check_integer("period")
        self._check_integer("period_multiplier")
        self._check_real("height_multiplier", above=True)

    @property
    def robbins_monro(self) -> bool:
        sum_growth = self.period_multiplier * self.height_multiplier
        return (
            self.low == 0 and self.high > 0
            and sum_growth >= 1.0 and sum_growth * self.height_multiplier < 1.0
        )  # fmt: skip

    def values(self, t: Steps, total: int | None) -> Values:
        if self.period_multiplier == 1:
            cycle, position = np.divmod(t, self.period)
            part = position / self.period
        else:
            # The restarts grow geometrically, so there are at most 64 of them below any int64, and
            # whole numbers name their steps exactly, which a logarithm would not.
            last = int(t.max(initial=0))
            starts, length = [0], self.period
            while starts[-1] + length <= last:
                starts.append(starts[-1] + length)
                length *= self.period_multiplier
            cycle = np.searchsorted(np.array(starts), t, side="right") - 1
            lengths = float(self.period) * float(self.period_multiplier) ** np.arange(len(starts))
            part = (t - np.array(starts)[cycle]) / lengths[cycle]
        height = self.height_multiplier ** cycle.astype(np.float64)
        values: Values = self.low + (self.high - self.low) * height * half_cosine(part)
        return values


@dataclass(frozen=True)
class one_cycle(Schedule):
    r"""One rise to a peak and one descent far below the start, each half a cosine, over the run.

    .. math:: η_t = \begin{cases} η_{peak} \bigl(1 - (1 - s) c(t/(rT))\bigr) & t < rT \\
              η_{peak} \bigl(e + (1 - e)\, c((t - rT)/(T - rT))\bigr) & t ≥ rT \end{cases}, \qquad
              c(x) = \frac{1 + \cos(π \min(x, 1))}{2}

    T is the run's number of steps; beyond it the value stays at the end. A momentum goes the other
    way: ``one_cycle(0.85, start=0.95/0.85, end=0.95/0.85)``.

    Parameters
    ----------
    peak : float >= 0
        The value at step rT: the rate that a range test finds (`fastgd.lr_range_test`).
    rise : float in [0, 1], default 0.3
        r, the part of the run before the peak.
    start, end : float >= 0, default 1/25 and 4e-6
        s and e, as parts of the peak. The defaults are torch's, whose cycle ends at step T - 1.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Smith and Topin 2018, Super-convergence: very fast training of neural networks using large
    learning rates.

    Examples
    --------
    >>> gd.schedules.one_cycle(1.0, rise=0.5, start=0.2, end=0.0)(np.arange(9), 8).round(3)
    array([0.2  , 0.317, 0.6  , 0.883, 1.   , 0.854, 0.5  , 0.146, 0.   ])
    """

    peak: float
    rise: float = 0.3
    start: float = 0.04
    end: float = 4e-6
    top = "peak"
    robbins_monro = False  # beyond the run it stays at its end: see `linear`

    def __post_init__(self) -> None:
        self._check_real("peak")
        self._check_real("rise", high=1.0)
        self._check_real("start")
        self._check_real("end")

    def values(self, t: Steps, total: int | None) -> Values:
        length = self._length(total)
        turn = self.rise * length
        # A rise or a descent of no length is never asked for its middle.
        up = half_cosine(np.minimum(t / max(turn, 1.0), 1.0))
        down = half_cosine(np.clip((t - turn) / max(length - turn, 1e-300), 0.0, 1.0))
        rising = 1.0 - (1.0 - self.start) * up
        values: Values = self.peak * np.where(t < turn, rising, self.end + (1.0 - self.end) * down)
        return values
