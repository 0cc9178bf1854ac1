"""How a step is taken: the optimizers, each a frozen dataclass of its hyperparameters.

A definition here says what a rule is called, what it takes and which values make sense; the kernel
of the same name in core/update.pyx does the work. The state of a run is made by `init` and belongs
to that run alone, so one optimizer may serve any number of runs at once.
"""

import dataclasses
import math
import numbers
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from fastgd import schedules
from fastgd.core import update
from fastgd.schedules import Schedule, as_schedule

__all__ = [
    "AdaGrad", "Adam", "AdamW", "Lion", "Momentum", "Nesterov", "Optimizer", "RMSProp", "SGD",
]  # fmt: skip

Rate = float | Schedule | str

registry: dict[str, type["Optimizer"]] = {}


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


def _number(
    default: float | None,
    interval: Interval,
    optional: bool = False,
    space: LogUniform | None = None,
) -> Any:
    metadata = {"interval": interval, "optional": optional, "space": space}
    return field(default=default, metadata=metadata)


def _rate(default: Any, interval: Interval = NOT_NEGATIVE, space: LogUniform = RATES) -> Any:
    # Default schedules are frozen, so instances may share them.
    metadata = {"interval": interval, "rate": True, "space": space}
    return field(default=default, metadata=metadata)


def _real(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value}")
    return float(value)


class Optimizer(update.Stepper):
    """Base of all optimizers.

    A subclass is a frozen dataclass; it is registered under its lower-case name, and works with the
    compiled rule of its own name or the one that `rule` names.

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

    rule: ClassVar[str] = ""
    # Every optimizer has these two; declared here for readers and type checkers.
    lr: Rate
    weight_decay: float

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "rule" not in cls.__dict__ and cls.__name__ in update.UPDATES:
            cls.rule = cls.__name__
        if cls.rule:  # the base of a family has none
            registry[cls.__name__.lower()] = cls

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            interval = item.metadata.get("interval")
            if interval is None:
                continue
            name = f"{type(self).__name__}: {item.name}"
            value = getattr(self, item.name)
            if value is None and item.metadata.get("optional"):
                continue
            if item.metadata.get("rate"):
                if isinstance(value, str):
                    if item.name != "lr" or value != "1/beta":
                        raise ValueError(
                            f"{name} is a number, a schedule or, for lr, '1/beta'; not {value!r}"
                        )
                    continue
                if isinstance(value, Schedule) or callable(value):
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

    def with_lr(self, lr: Rate) -> Self:
        """The same optimizer with another learning rate."""
        return dataclasses.replace(self, lr=lr)  # type: ignore[type-var]

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
        theta : (d,) float64
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
            θ is not a float64 vector, or a schedule needs `steps`.
        """
        if not isinstance(theta, np.ndarray) or theta.dtype != np.float64 or theta.ndim != 1:
            raise TypeError("theta must be a one-dimensional float64 NumPy array")
        state = update.make(self, theta.shape[0])
        rates = self.rates(steps)
        state.set_rates(*rates(0), None if rates.constant else rates)
        return state


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class SGD(Optimizer):
    r"""Plain gradient descent: full, stochastic or mini-batch, as the run's batch size has it.

    .. math:: θ_{t+1} = θ_t - η_t (g_t + λ θ_t)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 0.01
        η, at least 0. "1/beta" is 1/β of the objective's smoothness β, found by `minimize`.
    weight_decay : float, default 0
        λ, at least 0, per unit of lr; biases are not decayed. For this rule the same as l2 = λ.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, negative or not finite.

    Notes
    -----
    State: none. On a linear model the step goes straight into θ.

    References
    ----------
    Cauchy 1847; Robbins and Monro 1951, A Stochastic Approximation Method.

    Examples
    --------
    >>> opt, theta = gd.SGD(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta
    array([ 0.7 , -1.95])
    """

    lr: Rate = _rate(0.01)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class Momentum(Optimizer):
    r"""A step along an average of the gradients so far.

    .. math:: v_{t+1} = γ_t v_t + (1-γ_t) g_t, \quad θ_{t+1} = θ_t - η_t (v_{t+1} + λ θ_t)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 0.01
        η, at least 0.
    momentum : float or schedule, default 0.9
        γ in [0, 1].
    dampening : float in [0, 1] or None, default None
        What is taken off the new gradient's weight: None takes γ_t, the rule above (an average, so
        lr keeps its meaning); 0 is Polyak's heavy ball, v = γ v + g, with steps 1/(1-γ) as long.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters v.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: v. Dense in d also on sparse data. torch's SGD with momentum γ and dampening 0 is this
    rule at lr η(1-γ), or the heavy ball at the same lr.

    References
    ----------
    Polyak 1964, Some methods of speeding up the convergence of iteration methods.

    Examples
    --------
    >>> opt, theta = gd.Momentum(lr=0.1, momentum=0.5), np.array([1.0])
    >>> opt.step(theta, np.array([2.0]), opt.init(theta))
    >>> theta
    array([0.9])
    """

    lr: Rate = _rate(0.01)
    momentum: float | Schedule = _rate(0.9, UP_TO_ONE, PERSISTENCE)
    dampening: float | None = _number(None, UP_TO_ONE, optional=True)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class Nesterov(Optimizer):
    r"""Accelerated gradient: the gradient is taken at the look-ahead point y.

    .. math:: y_t = θ_t + γ_t (θ_t - θ_{t-1}), \quad θ_{t+1} = y_t - η_t (∇L(y_t) + λ θ_t),
              \quad θ_{-1} = θ_0

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 0.01
        η, at least 0. The theorem on convex functions takes 1/β.
    momentum : float or schedule, default ``schedules.nesterov()``
        γ in [0, 1]; the default is the schedule of the theorem.
    weight_decay : float, default 0
        Decoupled λ, at least 0.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: the previous θ, and y. With gradients of one's own, take them at
    ``opt.point(theta, state)``. Dense in d also on sparse data. torch and optax keep y as their
    parameters, this keeps θ.

    References
    ----------
    Nesterov 1983, A method of solving a convex programming problem with convergence rate O(1/k²).

    Examples
    --------
    >>> opt, theta = gd.Nesterov(lr=0.1, momentum=0.5), np.array([1.0])
    >>> state = opt.init(theta)
    >>> for _ in range(2):
    ...     opt.step(theta, 2 * opt.point(theta, state), state)
    >>> theta
    array([0.56])
    """

    lr: Rate = _rate(0.01)
    momentum: float | Schedule = _rate(schedules.nesterov(), UP_TO_ONE, PERSISTENCE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class AdaGrad(Optimizer):
    r"""Steps that shrink, in each coordinate, with the squares of all its gradients.

    .. math:: G_{t+1} = G_t + g_t^2, \quad
              θ_{t+1} = θ_t - η_t \left(\frac{g_t}{\sqrt{G_{t+1} + ε_{root}} + ε} + λ θ_t\right)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 0.01
        η, at least 0, in units of θ: the first step is η in each coordinate.
    eps, eps_root : float, default 1e-10 and 0
        ε outside and inside the root, at least 0; the course, the paper and torch have it outside.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters G.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: G, which starts at 0 (optax and keras start it at 0.1).

    References
    ----------
    Duchi, Hazan and Singer 2011, Adaptive Subgradient Methods.

    Examples
    --------
    >>> opt, theta = gd.AdaGrad(lr=0.5), np.array([1.0, 1.0])
    >>> opt.step(theta, np.array([3.0, -0.01]), opt.init(theta))
    >>> theta.round(6)
    array([0.5, 1.5])
    """

    lr: Rate = _rate(0.01)
    eps: float = _number(1e-10, NOT_NEGATIVE)
    eps_root: float = _number(0.0, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class RMSProp(Optimizer):
    r"""AdaGrad with a memory that fades: an average of the squares instead of their sum.

    .. math:: G_{t+1} = α G_t + (1-α) g_t^2, \quad
              θ_{t+1} = θ_t - η_t \left(\frac{g_t}{\sqrt{G_{t+1} + ε_{root}} + ε} + λ θ_t\right)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0, in units of θ.
    decay : float in [0, 1), default 0.9
        α, the weight of the past.
    eps, eps_root : float, default 0 and 1e-16
        ε outside and inside the root, at least 0. torch has it outside, with α = 0.99.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters G.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: G.

    References
    ----------
    Hinton 2012, Neural Networks for Machine Learning, lecture 6e.

    Examples
    --------
    >>> opt, theta = gd.RMSProp(lr=0.1, decay=0.75), np.array([1.0])
    >>> opt.step(theta, np.array([3.0]), opt.init(theta))
    >>> theta
    array([0.8])
    """

    lr: Rate = _rate(1e-3)
    decay: float = _number(0.9, BELOW_ONE, space=PERSISTENCE)
    eps: float = _number(0.0, NOT_NEGATIVE)
    eps_root: float = _number(1e-16, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class Adam(Optimizer):
    r"""Averages of the gradient and of its square, both corrected for their start at 0.

    .. math:: m = β_1 m + (1-β_1) g, \quad v = β_2 v + (1-β_2) g^2, \quad
              \hat m = \frac{m}{1-β_1^{t+1}}, \quad \hat v = \frac{v}{1-β_2^{t+1}}, \quad
              θ_{t+1} = θ_t - η_t \left(\frac{\hat m}{\sqrt{\hat v + ε_{root}} + ε} + λ θ_t\right)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0, in units of θ: on a constant gradient every step is η long.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    eps, eps_root : float, default 0 and 1e-16
        ε outside and inside the root, at least 0. The paper and torch are eps=1e-8, eps_root=0.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters m or v (torch's Adam calls its l2 weight decay).

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, v. Dense in d also on sparse data.

    References
    ----------
    Kingma and Ba 2015, Adam: A Method for Stochastic Optimization.

    Examples
    --------
    >>> opt, theta = gd.Adam(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta
    array([ 0.9, -1.9])
    """

    lr: Rate = _rate(1e-3)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = _number(0.0, NOT_NEGATIVE)
    eps_root: float = _number(1e-16, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class AdamW(Adam):
    r"""Adam with decoupled weight decay on by default.

    .. math:: θ_{t+1} = θ_t - η_t \left(\frac{\hat m}{\sqrt{\hat v + ε_{root}} + ε} + λ θ_t\right)

    Parameters
    ----------
    lr, beta1, beta2, eps, eps_root
        As in `Adam`.
    weight_decay : float, default 0.01
        λ, at least 0, multiplied by η_t (as in torch, optax and keras; the paper multiplies it by
        the schedule's factor only).

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, v. Dense in d also on sparse data.

    References
    ----------
    Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization.

    Examples
    --------
    >>> opt, theta = gd.AdamW(lr=0.1, weight_decay=0.5), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta
    array([ 0.85, -1.8 ])
    """

    rule: ClassVar[str] = "Adam"
    weight_decay: float = _number(0.01, NOT_NEGATIVE)


@dataclass(frozen=True)
class Lion(Optimizer):
    r"""A step of equal size in every coordinate, along the sign of a momentum.

    .. math:: c = β_1 m + (1 - β_1) g, \quad θ ← θ - η (\operatorname{sign} c + λ θ),
              \quad m ← β_2 m + (1 - β_2) g

    The step uses c; m is updated after it. sign(0) = 0, so a coordinate that never had a gradient
    moves only by weight decay.

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-4
        η, at least 0, in units of θ: without decay each coordinate moves by η or not at all, so
        take 3 to 10 times less than for Adam.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.99
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters m.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m. Dense in d also on sparse data.

    References
    ----------
    Chen et al. 2023, Symbolic Discovery of Optimization Algorithms.

    Examples
    --------
    >>> opt, theta = gd.Lion(lr=0.1), np.array([1.0, -2.0, 0.0])
    >>> opt.step(theta, np.array([3.0, -0.5, 0.0]), opt.init(theta))
    >>> theta
    array([ 0.9, -1.9,  0. ])
    """

    lr: Rate = _rate(1e-4, space=SMALL_RATES)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.99, BELOW_ONE, space=LONG_MEMORY)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)
