"""What all optimizers share: their hyperparameters and ranges, rates, state, and random search."""

import dataclasses
import inspect
import math
import numbers
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

# Rules are found by name.
from fastgd.core import adam, around, rules, shared, tuning, update  # noqa: F401
from fastgd.schedules import Schedule, as_schedule
from fastgd.views import view

Rate = float | Schedule | str

registry: dict[str, type["Optimizer"]] = {}
# Beside the above, those that step on samples of their own choice, and not on any gradient.
by_name: dict[str, type["Optimizer"]] = {}


@dataclass(frozen=True)
class Interval:
    """The values that a hyperparameter may take, and how to say so."""

    text: str
    low: float
    high: float = math.inf
    high_allowed: bool = False

    def holds(self, value: float) -> bool:
        below = value <= self.high if self.high_allowed else value < self.high
        return self.low <= value and below


NOT_NEGATIVE = Interval("at least 0", 0.0)
BELOW_ONE = Interval("in [0, 1)", 0.0, 1.0)
UP_TO_ONE = Interval("in [0, 1]", 0.0, 1.0, high_allowed=True)


@dataclass(frozen=True)
class LogUniform:
    """Where a random search looks: the logarithm of the value, or of 1 - value, is uniform."""

    low: float
    high: float
    below_one: bool = False
    integer: bool = False

    def __str__(self) -> str:
        if self.below_one:
            ends = f"{1.0 - self.high:.4g} to {1.0 - self.low:.4g}"
            return f"1 minus log-uniform from {ends}"
        integer = ", whole numbers" if self.integer else ""
        return f"log-uniform from {self.low:g} to {self.high:g}{integer}"

    def draw(self, generator: "np.random.Generator") -> float:
        low, high = self.low, self.high
        if self.below_one:
            low, high = 1.0 - high, 1.0 - low
        if self.integer:
            high += 1.0
        value = float(np.exp(generator.uniform(math.log(low), math.log(high))))
        if self.below_one:
            value = 1.0 - value
        return min(int(value), int(self.high)) if self.integer else value


# The rates that a search tries, four decades; of a rule whose steps are signs, two lower.
RATES = LogUniform(1e-4, 1.0)
SMALL_RATES = LogUniform(1e-6, 1e-2)
# What is remembered of a mean: from two steps to a thousand.
MEMORY = LogUniform(0.5, 0.999, below_one=True)
LONG_MEMORY = LogUniform(0.8, 0.999, below_one=True)
# Momentum, with memories of one step to ten thousand.
PERSISTENCE = LogUniform(1e-4, 0.9999, below_one=True)


def number(
    default: float | None,
    interval: Interval,
    optional: bool = False,
    space: LogUniform | None = None,
) -> Any:
    """The field of a number."""
    metadata = {"interval": interval, "optional": optional, "space": space}
    return field(default=default, metadata=metadata)


def rate(
    default: Any,
    interval: Interval = NOT_NEGATIVE,
    space: LogUniform | None = RATES,
) -> Any:
    """The field of a number or schedule."""
    # Default schedules are frozen, so instances may share them.
    metadata = {"interval": interval, "rate": True, "space": space}
    return field(default=default, metadata=metadata)


def count(default: int, least: int = 1, space: LogUniform | None = None) -> Any:
    """The field of a whole number."""
    interval = Interval(f"at least {least}", least)
    return field(default=default, metadata={"interval": interval, "integer": True, "space": space})


def choice(default: str | None, names: tuple[str, ...]) -> Any:
    """The field of a word out of some; of none at all, where that is the default."""
    return field(default=default, metadata={"names": names})


def _chosen(name: str, value: Any, names: tuple[str, ...]) -> None:
    if isinstance(value, str) and value in names:
        return
    said = f"{name} must be one of {', '.join(map(repr, names))}, not {value!r}"
    # A number could be meant as one; whatever else is of the wrong type.
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    raise ValueError(said) if number or isinstance(value, str) else TypeError(said)


def _real(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value}")
    return float(value)


class Optimizer(update.Stepper):
    """Base of all optimizers.

    A subclass is a frozen dataclass; it is registered under its lower-case name, and works with the
    compiled rule of its own name, or the one that `rule` is or names: a package of its own sets
    `rule` to a compiled class of its own, a subclass of ``fastgd.core.update.Update``.

    Examples
    --------
    Any gradient will do; here that of θ² + 3/2, at 2θ:

    >>> opt = gd.Momentum(lr=0.1)
    >>> theta = np.array([1.0, -2.0])
    >>> state = opt.init(theta)
    >>> for _ in range(100):
    ...     opt.step(theta, 2 * theta, state)
    >>> bool(np.abs(theta).max() < 0.2)
    True
    """

    rule: ClassVar[Any] = ""
    # The way of stepping of a rule that needs one of its own: a function of what `Objective.solver`
    # is given. None: any way does.
    solver: ClassVar[Any] = None
    # Every optimizer has these two; declared here for readers and type checkers.
    lr: Rate
    weight_decay: float

    def __new__(cls, *arguments: Any, **hyperparameters: Any) -> Self:
        # Two numbers in a row do not say what they are: SGD(0.1, 0.9) was a weight decay of 0.9.
        if len(arguments) > 1:
            fields = inspect.signature(cls).parameters.values()
            by_keyword = [item.name for item in fields if item.kind is item.KEYWORD_ONLY]
            first = [item.name for item in fields if item.kind is item.POSITIONAL_OR_KEYWORD]
            more = any(item.kind is item.VAR_POSITIONAL for item in fields)
            if len(arguments) > len(first) and not more:
                rest = (
                    f"all else by name: {', '.join(by_keyword)}" if by_keyword else "nothing else"
                )
                raise TypeError(
                    f"{cls.__name__} takes {' and '.join(first)} by position and {rest}"
                )
        return super().__new__(cls)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "rule" not in cls.__dict__ and cls.__name__ in update.UPDATES:
            cls.rule = cls.__name__
        if cls.rule:  # the base of a family has none
            by_name[cls.__name__.lower()] = cls
            if cls.solver is None:
                registry[cls.__name__.lower()] = cls

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            interval = item.metadata.get("interval")
            name = f"{type(self).__name__}: {item.name}"
            value = getattr(self, item.name)
            if "names" in item.metadata and value is not item.default:
                _chosen(name, value, item.metadata["names"])
            if interval is None:
                continue
            if value is None and item.metadata.get("optional"):
                continue
            if item.metadata.get("rate"):
                if isinstance(value, str):
                    if item.name != "lr" or value != "1/beta":
                        raise ValueError(
                            f"{name} is a number, a schedule or, for lr, '1/beta'; not {value!r}"
                        )
                    continue
                moves = callable(value) and not isinstance(value, Optimizer)
                if isinstance(value, Schedule) or moves:
                    object.__setattr__(self, item.name, as_schedule(value))
                    continue
            if item.metadata.get("integer"):
                if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
                    raise TypeError(f"{name} must be an integer, not {value!r}")
                value = int(value)
            else:
                value = _real(name, value)
            if not interval.holds(value):
                raise ValueError(f"{name} must be {interval.text}, not {value}")
            object.__setattr__(self, item.name, value)

    def drawn(self, generator: "np.random.Generator") -> Self:
        """The same optimizer with hyperparameters drawn from their search spaces.

        A space is part of a field's definition. Fields without one keep their value: ε, the
        weight decay, and what changes a rule into another.

        Examples
        --------
        >>> opt = gd.Adam(eps=1e-8).drawn(np.random.default_rng(0))
        >>> bool(1e-4 <= opt.lr <= 1.0 and 0.5 <= opt.beta1 <= 0.999), opt.eps
        (True, 1e-08)
        """
        changed: dict[str, Any] = {}
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            value, space = getattr(self, item.name), item.metadata.get("space")
            if isinstance(value, Optimizer):
                changed[item.name] = value.drawn(generator)
            elif space is not None:
                changed[item.name] = space.draw(generator)
        return dataclasses.replace(self, **changed)  # type: ignore[type-var]

    def search_space(self) -> dict[str, str]:
        """Where `drawn` looks for each hyperparameter, in words; all others keep their value.

        Examples
        --------
        >>> gd.AMSGrad().search_space()["lr"]
        'log-uniform from 0.0001 to 1'
        >>> gd.Lookahead(gd.SGD()).search_space()["optimizer.lr"]
        'log-uniform from 0.0001 to 1'
        """
        found: dict[str, str] = {}
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            value, space = getattr(self, item.name), item.metadata.get("space")
            if isinstance(value, Optimizer):
                inside = value.search_space().items()
                found |= {f"{item.name}.{name}": text for name, text in inside}
            elif space is not None:
                found[item.name] = str(space)
        return found

    @classmethod
    def hyperparameters(cls) -> dict[str, Any]:
        """Name and default of each parameter that `make` takes."""
        return {item.name: item.default for item in dataclasses.fields(cls)}  # type: ignore[arg-type]

    @classmethod
    def make(cls, **hyperparameters: Any) -> Self:
        """The optimizer with these hyperparameters, also those of an optimizer inside."""
        return cls(**hyperparameters)

    def __call__(self, fun: Any, x0: Any, **options: Any) -> Any:
        """What ``scipy.optimize.minimize(fun, x0, method=optimizer)`` asks for.

        Parameters
        ----------
        fun, x0, **options
            As `fastgd.scipy.minimize` takes them.

        Returns
        -------
        scipy.optimize.OptimizeResult

        Raises
        ------
        TypeError, ValueError
            What makes no sense, before any work starts.
        """
        return view("scipy")(self, fun, x0, **options)

    def with_lr(self, lr: Rate) -> Self:
        """The same optimizer with another learning rate."""
        return dataclasses.replace(self, lr=lr)  # type: ignore[type-var]

    def prepared(self, objective: Any) -> Self:
        """The same optimizer for a run on this objective, with what it takes from it.

        Raises ValueError where it cannot step on that objective.
        """
        return self

    def rates(self, total: int | None) -> "Rates":
        """lr and momentum as functions of the step, for a run of `total` steps."""
        if isinstance(self.lr, str):
            raise ValueError(
                f"lr={self.lr!r} needs an objective to take β from: use it with minimize, "
                "or give the number"
            )
        return Rates(self.lr, getattr(self, "momentum", 0.0), total)

    def init(self, theta: Any, steps: int | None = None) -> update.Update:
        """The state before the first step, for gradients computed elsewhere.

        Parameters
        ----------
        theta : (d,) float64 of NumPy, torch or jax
            The starting point; only its length matters. Weight decay, if any, applies to all of it.
        steps : int, optional
            The run's number of steps, for schedules that depend on it (cosine, warm-up).

        Returns
        -------
        state
            To be passed to every `step`; ``state.t`` counts the steps, ``state.arrays`` shows its
            vectors by name. Belongs to one run; it can be pickled.

        Raises
        ------
        TypeError, ValueError
            θ is not a float64 vector, `steps` is no whole number from 1 on, or a schedule needs it.
        """
        if steps is not None:
            if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)):
                raise TypeError(f"steps must be an integer, not {steps!r}")
            if steps < 1:
                raise ValueError(f"steps must be at least 1, not {steps}")
        theta = shared.as_numpy(theta, "theta")
        if theta.dtype != np.float64 or theta.ndim != 1:
            raise TypeError("theta must be a one-dimensional float64 array")
        state = update.make(self, theta.shape[0])
        rates = self.rates(steps)
        state.set_rates(*rates(0), None if rates.constant else rates)
        return state


class PythonRule(Optimizer):
    r"""Base of the rules that are written in Python: slow, but a dozen lines.

    A subclass is a frozen dataclass with ``lr`` and ``weight_decay`` among its fields; it names the
    vectors that it keeps, which start at 0, and writes `move`. Everything else is as for the
    others: schedules, decoupled weight decay, proximal steps, records, checkpoints.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class MyMomentum(gd.optimizers.PythonRule):
    ...     lr: float = 0.1
    ...     weight_decay: float = 0.0
    ...     slots = ("v",)
    ...     def move(self, theta, gradient, state, t, lr, momentum):
    ...         state["v"][:] = 0.9 * state["v"] + 0.1 * gradient
    ...         return theta - lr * state["v"]
    >>> f = gd.Quadratic(np.eye(2), [1.0, 2.0])
    >>> gd.minimize(f, MyMomentum(0.1), steps=500).theta.round(6)
    array([1., 2.])
    >>> _ = gd.optimizers.registry.pop("mymomentum")  # or it is offered everywhere from here on
    """

    slots: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        cls.rule = update.PythonUpdate
        super().__init_subclass__(**options)

    def move(
        self, theta: Any, gradient: Any, state: dict[str, Any], t: int, lr: float, momentum: float
    ) -> Any:
        """The next θ, without weight decay.

        Parameters
        ----------
        theta, gradient : (d,) float64
            Copies.
        state : dict of (d,) float64
            The vectors that `slots` names, to be changed in place.
        t : int
            Steps taken before.
        lr, momentum : float
            η_t and γ_t.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define move()")


@dataclass
class Rates:
    """lr and momentum at the steps of one run."""

    lr: Any
    momentum: Any
    total: int | None

    @property
    def constant(self) -> bool:
        return not (isinstance(self.lr, Schedule) or isinstance(self.momentum, Schedule))

    def __call__(self, t: int) -> tuple[float, float]:
        lr, momentum = self.over(t, t + 1)
        return float(lr[0]), float(momentum[0])

    def until(self, start: int, most: int) -> int:
        """The end of the next `most` steps, or of the run."""
        return start + most if self.total is None else max(start + 1, min(start + most, self.total))

    def over(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """lr and momentum at the steps start <= t < stop, refused where they make no sense."""
        if self.constant:
            lr, momentum = np.empty(stop - start), np.empty(stop - start)
            lr.fill(self.lr)  # a third of the time of np.full, which counts in a run of ten steps
            momentum.fill(self.momentum)
            return lr, momentum
        t = np.arange(start, stop, dtype=np.int64)
        lr, momentum = (
            np.full(len(t), value) if not isinstance(value, Schedule)
            else np.ascontiguousarray(value(t, self.total), dtype=np.float64)
            for value in (self.lr, self.momentum)
        )  # fmt: skip
        if isinstance(self.lr, Schedule):
            _refuse("lr", lr, start, lr >= 0, "at least 0")
        if isinstance(self.momentum, Schedule):
            # Nesterov's schedule starts at -1, harmless since θ_{-1} = θ_0.
            allowed = (momentum >= 0) & (momentum <= 1) | (t == 0) & (momentum == -1)
            _refuse("momentum", momentum, start, allowed, "in [0, 1]")
        return lr, momentum


def _refuse(name: str, values: np.ndarray, start: int, allowed: np.ndarray, text: str) -> None:
    allowed = allowed & np.isfinite(values)
    if not allowed.all():
        first = int(np.argmin(allowed))
        raise ValueError(f"{name} must be {text}, but is {values[first]} at step {start + first}")
