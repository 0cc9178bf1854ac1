"""What all schedules share, and those that stand for a number, a function or a multiple."""

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd import notebook
from fastgd.views import view

__all__ = ["Schedule", "as_schedule", "constant", "custom", "registry", "scaled"]

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
    ['bottou', 'bounded', 'constant', 'cosine']
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
        value = real(label, getattr(self, name))
        if not (low < value if above else low <= value) or value > high:
            bound = f"{'>' if above else '>='} {low:g}"
            if high < math.inf:
                bound += f" and <= {high:g}"
            raise ValueError(f"{label} must be {bound}, not {value}")
        object.__setattr__(self, name, value)

    def _check_integer(self, name: str, least: int = 1) -> None:
        label = f"{type(self).__name__}: {name}"
        object.__setattr__(self, name, _integer(label, getattr(self, name), least))

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


def real(label: str, value: Any) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{label} must be a number, not {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{label} must be finite, not {value}")
    return float(value)


def _integer(label: str, value: Any, least: int = 1) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{label} must be an integer, not {value!r}")
    if value < least:
        raise ValueError(f"{label} must be an integer >= {least}, not {value}")
    return int(value)


def half_cosine(part: Values) -> Values:
    values: Values = 0.5 * (1.0 + np.cos(np.pi * part))
    return values
