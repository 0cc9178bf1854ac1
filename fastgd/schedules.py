"""How a learning rate or a momentum moves during a run: pure functions of the step.

A schedule is called with the steps t (int64, counted from 0) and the run's number of steps, and
returns float64. It keeps no state, so a run may be cut into chunks, resumed or plotted and sees
the same numbers. Needs NumPy only: neither the compiled core nor the optimizers are imported here.

To add a schedule, write one frozen dataclass that derives from `Schedule`.
"""

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd import notebook
from fastgd.views import view

__all__ = [
    "Schedule", "as_schedule", "constant", "cosine", "custom", "exponential", "inverse_time",
    "linear", "nesterov", "power", "registry", "scaled", "sgdr", "step", "triangular", "warmup",
]  # fmt: skip

Steps = NDArray[np.int64]
Values = NDArray[np.floating[Any]]

registry: dict[str, type["Schedule"]] = {}


class Schedule:
    """Base of all schedules: ``schedule(t, total)`` is the value at step t of a run.

    A subclass is a frozen dataclass with a method ``values``, and `robbins_monro` where the answer
    is known. It is registered under its name by being defined.

    Examples
    --------
    >>> half = 0.5 * gd.schedules.exponential(lr=1.0, ratio=0.1)
    >>> half(np.arange(3), 10)
    array([0.5  , 0.05 , 0.005])
    >>> sorted(gd.schedules.registry)[:4]
    ['constant', 'cosine', 'custom', 'exponential']
    """

    # The parameter that is the learning rate where only that is given, as on the command line.
    top: ClassVar[str] = "lr"

    # Without this, np.float64(0.5) * schedule would become an array of objects.
    __array_ufunc__ = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        registry[cls.__name__] = cls

    @property
    def robbins_monro(self) -> bool | None:
        """Whether Σ η = ∞ and Σ η² < ∞ (Robbins and Monro 1951); None where that is unknown."""
        return None

    def values(self, t: Steps, total: int | None) -> Values:
        """The values at the steps t, a one-dimensional int64 array, unchecked."""
        raise NotImplementedError(f"{type(self).__name__} does not define values(t, total)")

    def __call__(self, t: ArrayLike, total: int | None = None) -> Any:
        """The values at the steps t of a run of `total` steps.

        Parameters
        ----------
        t : int or array of int
            Steps, counted from 0. Those beyond the run's end are accepted.
        total : int >= 1, optional
            The run's number of steps. Schedules that do not depend on it do without.

        Returns
        -------
        float64, of the shape of t

        Raises
        ------
        TypeError
            Steps that are not integers.
        ValueError
            A negative step, a total below 1, a missing total where it is needed, or a value that
            is not finite (a growing schedule, far out).
        """
        given = np.asarray(t)
        if given.dtype.kind not in "iu":
            raise TypeError(f"the steps t must be integers, not {given.dtype}")
        steps = np.atleast_1d(given).astype(np.int64, copy=False)
        if steps.size and steps.min() < 0:
            raise ValueError(f"the steps t count from 0, but one is {steps.min()}")
        if total is not None:
            total = _integer("total", total)
        with np.errstate(all="ignore"):  # what is not finite is refused below
            values = self.values(steps, total)
        if not np.isfinite(values).all():
            first = steps.ravel()[np.argmin(np.isfinite(values).ravel())]
            raise ValueError(f"{self} is not finite at step {first}")
        return values.reshape(given.shape)[()]

    def __mul__(self, factor: float) -> "Schedule":
        if isinstance(factor, bool) or not isinstance(factor, numbers.Real):
            return NotImplemented
        return scaled(float(factor), self)

    __rmul__ = __mul__

    def plot(self, total: int, ax: Any = None) -> Any:
        """Draws the schedule over a run of `total` steps; needs ``pip install "fastgd[plot]"``.

        Parameters
        ----------
        total : int >= 1
            The run's number of steps.
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            matplotlib is missing.
        """
        return view("plot_schedule")(self, _integer("total", total), ax)

    def _repr_html_(self) -> str:
        """Its values over a run of 1000 steps, as a notebook shows them."""
        values = self(np.arange(1000), 1000)
        line = notebook.curve(values, "values over 1000 steps", logarithmic=False)
        ends = f"{values[0]:.4g} to {values[-1]:.4g}, at most {values.max():.4g}"
        return notebook.facts({
            "schedule": escape(str(self)), "1000 steps": line, "values": ends,
        })  # fmt: skip

    def _check_real(self, name: str, low: float = 0.0, high: float = math.inf,
                    above: bool = False) -> None:  # fmt: skip
        label = f"{type(self).__name__}: {name}"
        value = _real(label, getattr(self, name))
        if not (low < value if above else low <= value) or value > high:
            bound = f"{'>' if above else '>='} {low:g}"
            if high < math.inf:
                bound += f" and <= {high:g}"
            raise ValueError(f"{label} must be {bound}, not {value}")
        object.__setattr__(self, name, value)

    def _check_integer(self, name: str) -> None:
        label = f"{type(self).__name__}: {name}"
        object.__setattr__(self, name, _integer(label, getattr(self, name)))

    def _check_order(self) -> None:
        self._check_real("low")
        self._check_real("high")
        low, high = getattr(self, "low"), getattr(self, "high")  # noqa: B009
        if low > high:
            raise ValueError(f"{type(self).__name__}: low must not exceed high, but {low} > {high}")

    def _length(self, total: int | None) -> int:
        if total is None:
            raise ValueError(
                f"{type(self).__name__} depends on the run's length: "
                "call it with the run's number of steps, schedule(t, total)"
            )
        return total


def as_schedule(value: Any) -> Schedule:
    """The schedule that `value` stands for: a number is constant, a function is wrapped.

    Parameters
    ----------
    value : Schedule, float or callable

    Returns
    -------
    Schedule

    Raises
    ------
    TypeError
        Anything else.
    ValueError
        A number that is negative or not finite.

    Examples
    --------
    >>> gd.schedules.as_schedule(0.1)
    constant(lr=0.1)
    """
    if isinstance(value, Schedule):
        return value
    if isinstance(value, type) and issubclass(value, Schedule):
        raise TypeError(f"{value.__name__} needs its parameters: {value.__name__}(...)")
    if callable(value):
        return custom(value)
    return constant(value)


@dataclass(frozen=True)
class constant(Schedule):
    r"""The same value at every step.

    .. math:: η_t = η_0

    Parameters
    ----------
    lr : float >= 0
        :math:`η_0`.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Bottou, Curtis and Nocedal 2018, Optimization methods for large-scale machine learning.

    Examples
    --------
    >>> gd.schedules.constant(0.1)(np.arange(3), 3)
    array([0.1, 0.1, 0.1])
    """

    lr: float
    robbins_monro = False

    def __post_init__(self) -> None:
        self._check_real("lr")

    def values(self, t: Steps, total: int | None) -> Values:
        return np.full(t.shape, self.lr)


@dataclass(frozen=True)
class inverse_time(Schedule):
    r"""Decay as one over the time.

    .. math:: η_t = \frac{η_0}{1 + k t}

    Satisfies the conditions of Robbins and Monro if :math:`η_0 > 0` and :math:`k > 0`.

    Parameters
    ----------
    lr : float >= 0
        :math:`η_0`, the value at step 0.
    rate : float >= 0
        k, per step: after 1/k steps the value has halved.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Robbins and Monro 1951, A stochastic approximation method.

    Examples
    --------
    >>> gd.schedules.inverse_time(lr=1.0, rate=1.0)(np.arange(4), 4)
    array([1.        , 0.5       , 0.33333333, 0.25      ])
    """

    lr: float
    rate: float

    def __post_init__(self) -> None:
        self._check_real("lr")
        self._check_real("rate")

    @property
    def robbins_monro(self) -> bool:
        return self.lr > 0 and self.rate > 0

    def values(self, t: Steps, total: int | None) -> Values:
        return self.lr / (1.0 + self.rate * t)


@dataclass(frozen=True)
class power(Schedule):
    r"""Decay as a power of the time.

    .. math:: η_t = η_0 (1 + t)^{-p}

    Satisfies the conditions of Robbins and Monro if :math:`η_0 > 0` and :math:`1/2 < p <= 1`.

    Parameters
    ----------
    lr : float >= 0
        :math:`η_0`, the value at step 0.
    exponent : float >= 0
        p.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Robbins and Monro 1951, A stochastic approximation method; Polyak and Juditsky 1992,
    Acceleration of stochastic approximation by averaging, for 1/2 < p < 1.

    Examples
    --------
    >>> gd.schedules.power(lr=1.0, exponent=0.5)(np.array([0, 3, 8]), 9)
    array([1.        , 0.5       , 0.33333333])
    """

    lr: float
    exponent: float

    def __post_init__(self) -> None:
        self._check_real("lr")
        self._check_real("exponent")

    @property
    def robbins_monro(self) -> bool:
        return self.lr > 0 and 0.5 < self.exponent <= 1.0

    def values(self, t: Steps, total: int | None) -> Values:
        return self.lr * (1.0 + t) ** -self.exponent


@dataclass(frozen=True)
class step(Schedule):
    r"""A drop by a factor every so many steps.

    .. math:: η_t = η_0 f^{⌊t/s⌋}

    Parameters
    ----------
    lr : float >= 0
        :math:`η_0`, the value of the first s steps.
    factor : float > 0
        f; above 1 the schedule grows.
    every : int >= 1
        s, in steps.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Ge, Kakade, Kidambi and Netrapalli 2019, The step decay schedule: a near optimal,
    geometrically decaying learning rate procedure for least squares.

    Examples
    --------
    >>> gd.schedules.step(lr=1.0, factor=0.1, every=2)(np.arange(5), 5)
    array([1.  , 1.  , 0.1 , 0.1 , 0.01])
    """

    lr: float
    factor: float
    every: int
    robbins_monro = False

    def __post_init__(self) -> None:
        self._check_real("lr")
        self._check_real("factor", above=True)
        self._check_integer("every")

    def values(self, t: Steps, total: int | None) -> Values:
        return self.lr * self.factor ** (t // self.every).astype(np.float64)


@dataclass(frozen=True)
class exponential(Schedule):
    r"""Multiplication by a ratio at every step.

    .. math:: η_t = η_0 q^t

    Parameters
    ----------
    lr : float >= 0
        :math:`η_0`, the value at step 0.
    ratio : float > 0
        q; above 1 the schedule grows, as a learning-rate range test wants it.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Li, Zhuang and Orabona 2021, A second look at exponential and cosine step sizes.

    Examples
    --------
    >>> gd.schedules.exponential(lr=0.8, ratio=0.5)(np.arange(4), 4)
    array([0.8, 0.4, 0.2, 0.1])
    """

    lr: float
    ratio: float
    robbins_monro = False

    def __post_init__(self) -> None:
        self._check_real("lr")
        self._check_real("ratio", above=True)

    def values(self, t: Steps, total: int | None) -> Values:
        return self.lr * self.ratio ** t.astype(np.float64)


@dataclass(frozen=True)
class linear(Schedule):
    r"""A straight line over the run.

    .. math:: η_t = a + (b - a) \min(t/T, 1)

    T is the run's number of steps: b is where the line arrives as the run ends, and it stays there.

    Parameters
    ----------
    start : float >= 0
        a, the value at step 0.
    end : float >= 0
        b, the value at t = T.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Defazio, Cutkosky, Mehta and Mishchenko 2023, When, why and how much? Adaptive learning rate
    scheduling by refinement.

    Examples
    --------
    >>> gd.schedules.linear(start=1.0, end=0.0)(np.arange(5), 4)
    array([1.  , 0.75, 0.5 , 0.25, 0.  ])
    """

    start: float
    end: float
    top = "start"
    # Beyond the run it stays at `end`: Σ η is finite if that is 0, and Σ η² is not if it is above.
    robbins_monro = False

    def __post_init__(self) -> None:
        self._check_real("start")
        self._check_real("end")

    def values(self, t: Steps, total: int | None) -> Values:
        part = np.minimum(t / self._length(total), 1.0)
        return self.start * (1.0 - part) + self.end * part


@dataclass(frozen=True)
class cosine(Schedule):
    r"""Half a cosine, from the peak to a floor, as long as the run.

    .. math:: η_t = η_{peak} \Bigl(f + (1 - f) \frac{1 + \cos(π \min(t/T, 1))}{2}\Bigr)

    T is the run's number of steps. Beyond it the value stays at the floor and never rises again
    (torch's does). Behind a warm-up, t and T count from the warm-up's end.

    Parameters
    ----------
    peak : float >= 0
        The value at step 0.
    floor : float in [0, 1], default 0.1
        f, as a part of the peak. The default is the choice of Hoffmann et al. 2022.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or out of its range.

    References
    ----------
    Loshchilov and Hutter 2016, SGDR: stochastic gradient descent with warm restarts;
    Hoffmann et al. 2022, Training compute-optimal large language models.

    Examples
    --------
    >>> gd.schedules.cosine(peak=1.0, floor=0.0)(np.array([0, 50, 100, 150]), 100)
    array([1. , 0.5, 0. , 0. ])
    """

    peak: float
    floor: float = 0.1
    top = "peak"
    robbins_monro = False  # as for `linear`

    def __post_init__(self) -> None:
        self._check_real("peak")
        self._check_real("floor", high=1.0)

    def values(self, t: Steps, total: int | None) -> Values:
        falling = _half_cosine(np.minimum(t / self._length(total), 1.0))
        return self.peak * (self.floor + (1.0 - self.floor) * falling)


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
            fraction = _real("warmup: steps", self.steps)
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
        values: Values = self.low + (self.high - self.low) * height * _half_cosine(part)
        return values


@dataclass(frozen=True)
class nesterov(Schedule):
    r"""The momentum of Nesterov's accelerated gradient; not a learning rate.

    .. math:: y_0 = 0, \quad y_{t+1} = \frac{1 + \sqrt{1 + 4 y_t^2}}{2}, \quad
              γ_t = \frac{y_t - 1}{y_{t+1}}

    So :math:`γ_0 = -1`, which is harmless since :math:`θ_{-1} = θ_0`; then 0, and up towards 1
    about as :math:`1 - 3/t`.

    Notes
    -----
    Any step costs O(1) time and memory. Up to step 1024 the recurrence itself is tabulated. Beyond,
    :math:`A(y) = 2y - \tfrac12 \ln y - 1/(192 y^2)`, which the recurrence raises by 1 up to
    :math:`O(y^{-4})`, is solved for y. The error of γ stays below 1e-15.

    References
    ----------
    Nesterov 1983, A method of solving a convex programming problem with convergence rate O(1/k²);
    Bubeck 2015, Convex optimization: algorithms and complexity, section 3.7.2.

    Examples
    --------
    >>> gd.schedules.nesterov()(np.arange(4), 4).round(3)
    array([-1.   ,  0.   ,  0.282,  0.434])
    """

    robbins_monro = False  # γ rises to 1

    def values(self, t: Steps, total: int | None) -> Values:
        table = _nesterov_table()
        last = len(table) - 1
        y = table[np.minimum(t, last)]
        beyond = t > last
        if beyond.any():
            y[beyond] = _nesterov_beyond(table[last], (t[beyond] - last).astype(np.float64))
        values: Values = (y - 1.0) / _nesterov_next(y)
        return values


@dataclass(frozen=True)
class scaled(Schedule):
    r"""Another schedule, multiplied by a number: what ``0.5 * schedule`` is.

    .. math:: η_t = f \, \text{schedule}(t, T)

    Parameters
    ----------
    factor : float >= 0
        f.
    schedule : Schedule or float

    Raises
    ------
    TypeError, ValueError
        A factor that is not a number, negative or not finite.

    References
    ----------
    Goyal et al. 2017, Accurate, large minibatch SGD: training ImageNet in 1 hour, for scaling a
    whole schedule with the batch size.

    Examples
    --------
    >>> (2.0 * gd.schedules.linear(1.0, 0.0))(np.arange(4), 4)
    array([2. , 1.5, 1. , 0.5])
    """

    factor: float
    schedule: Any

    def __post_init__(self) -> None:
        self._check_real("factor")
        object.__setattr__(self, "schedule", as_schedule(self.schedule))

    @property
    def robbins_monro(self) -> bool | None:
        schedule: Schedule = self.schedule
        return schedule.robbins_monro if self.factor > 0 else False

    def values(self, t: Steps, total: int | None) -> Values:
        values: Values = self.factor * self.schedule.values(t, total)
        return values


@dataclass(frozen=True)
class custom(Schedule):
    r"""A function of one's own as a schedule; wherever a schedule is taken, so is the function.

    .. math:: η_t = f(t, T)

    Parameters
    ----------
    function : callable
        Called with an int64 array of steps and the run's number of steps (None if unknown); returns
        an array of numbers of the same shape. It must depend on nothing else, or a run cannot be
        repeated.

    Raises
    ------
    TypeError
        What is given is not callable, or returns no real numbers.
    ValueError
        The function returns another shape, or values that are not finite.

    References
    ----------
    None: the formula is the caller's.

    Examples
    --------
    >>> gd.schedules.custom(lambda t, total: 0.1 * (t < total / 2))(np.arange(4), 4)
    array([0.1, 0.1, 0. , 0. ])
    """

    function: Callable[[Steps, int | None], ArrayLike]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"custom: function must be callable, not {self.function!r}")

    def values(self, t: Steps, total: int | None) -> Values:
        values = np.asarray(self.function(t, total))
        if values.dtype.kind not in "iuf":
            raise TypeError(f"{self} must return real numbers, not {values.dtype}")
        if values.shape != t.shape:
            raise ValueError(f"{self} returned shape {values.shape} for steps of shape {t.shape}")
        return values.astype(np.float64)


def _real(label: str, value: Any) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{label} must be a number, not {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{label} must be finite, not {value}")
    return float(value)


def _integer(label: str, value: Any) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{label} must be an integer, not {value!r}")
    if value < 1:
        raise ValueError(f"{label} must be an integer >= 1, not {value}")
    return int(value)


def _half_cosine(part: Values) -> Values:
    values: Values = 0.5 * (1.0 + np.cos(np.pi * part))
    return values


def _nesterov_next(y: Any) -> Any:
    return 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * y * y))


@cache
def _nesterov_table() -> Values:
    table = np.zeros(1025)
    for t in range(1024):
        table[t + 1] = _nesterov_next(table[t])
    return table


def _nesterov_beyond(y: float, ahead: Values) -> Values:
    """y_{t+ahead} from y_t. An error e of y moves γ by 1.5 e/y² only, so few terms are enough."""
    target = 2.0 * y - 0.5 * np.log(y) - 1.0 / (192.0 * y * y) + ahead
    later: Values = 0.5 * target
    for _ in range(5):  # each round shrinks the error by 4y > 2000
        later = 0.5 * (target + 0.5 * np.log(later) + 1.0 / (192.0 * later * later))
    return later
