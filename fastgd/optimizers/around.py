"""Rules around another optimizer, whose state is part of their own."""

import dataclasses
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from fastgd.optimizers.base import (
    BELOW_ONE,
    NOT_NEGATIVE,
    PERSISTENCE,
    UP_TO_ONE,
    LogUniform,
    Optimizer,
    Rate,
    count,
    number,
)
from fastgd.optimizers.descent import SGD, Momentum, ScheduleFreeSGD
from fastgd.optimizers.relatives import ScheduleFreeAdamW

__all__ = ["Cautious", "CoupledDecay", "ExponentialAverage", "Lookahead", "PolyakAverage"]


class Around(Optimizer):
    """Base of the rules around another optimizer, whose rates and decay are theirs too.

    Examples
    --------
    >>> gd.Lookahead(gd.Adam(lr=0.01)).lr
    0.01
    """

    optimizer: Optimizer

    def __post_init__(self) -> None:
        if not isinstance(self.optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: optimizer must be an Optimizer, not {self.optimizer!r}"
            )
        if self.optimizer.solver is not None:
            raise TypeError(
                f"{type(self).__name__}: {type(self.optimizer).__name__} chooses its own samples, "
                "so nothing can be put around it"
            )
        super().__post_init__()

    @classmethod
    def hyperparameters(cls) -> dict[str, Any]:
        """Its own parameters, and those of the default optimizer inside."""
        own = super().hyperparameters()
        inside: Optimizer = own.pop("optimizer")
        return own | type(inside).hyperparameters()

    @classmethod
    def make(cls, **hyperparameters: Any) -> Self:
        """The rule around its default optimizer, which takes what is not the rule's own."""
        own = super().hyperparameters()
        given = {name: value for name, value in hyperparameters.items() if name in own}
        inside = {name: value for name, value in hyperparameters.items() if name not in own}
        return cls(**{"optimizer": type(own["optimizer"])(**inside)} | given)

    @property
    def lr(self) -> Rate:  # type: ignore[override]
        """That of the optimizer inside."""
        return self.optimizer.lr

    @property
    def momentum(self) -> Any:
        """That of the optimizer inside, 0 where it has none."""
        return getattr(self.optimizer, "momentum", 0.0)

    @property
    def weight_decay(self) -> float:  # type: ignore[override]
        """That of the optimizer inside."""
        return self.optimizer.weight_decay

    def with_lr(self, lr: Rate) -> Self:
        """The same with another rate inside."""
        return dataclasses.replace(self, optimizer=self.optimizer.with_lr(lr))  # type: ignore[type-var]


@dataclass(frozen=True)
class Lookahead(Around):
    r"""Every few steps, back to a point part of the way towards where another optimizer went.

    .. math:: φ ← φ + α (θ - φ), \; θ ← φ \quad \text{every } k \text{ steps}, \quad φ_0 = θ_0

    Parameters
    ----------
    optimizer : Optimizer, default ``Momentum()``
        The rule inside, which takes the steps.
    every : int, at least 1, default 5
        k.
    slow_step : float in [0, 1], default 0.5
        α.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: φ, and that of the optimizer inside, which is kept at a return. The loss is best measured
    at a step divisible by k, where θ = φ.

    References
    ----------
    Zhang, Lucas, Hinton and Ba 2019, Lookahead Optimizer: k steps forward, 1 step back.

    Examples
    --------
    >>> opt, theta = gd.Lookahead(gd.SGD(lr=0.1), every=2), np.array([1.0])
    >>> state = opt.init(theta)
    >>> for _ in range(2):
    ...     opt.step(theta, np.array([1.0]), state)
    >>> theta
    array([0.9])
    """

    optimizer: Optimizer = Momentum()
    _: KW_ONLY
    every: int = count(5, space=LogUniform(1, 20, integer=True))
    slow_step: float = number(0.5, UP_TO_ONE, space=PERSISTENCE)


@dataclass(frozen=True)
class PolyakAverage(Around):
    r"""The mean of the points that another optimizer visits.

    .. math:: \barθ_t = \frac{1}{t - s} \sum_{i = s+1}^{t} θ_i \quad (t > s), \qquad \barθ_t = θ_t
              \quad (t \le s)

    Parameters
    ----------
    optimizer : Optimizer, default ``SGD()``
        The rule inside, which takes the steps.
    start : int, at least 0, default 0
        s, the step after which averaging begins.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: the iterate θ_t, and that of the optimizer inside. The parameters of a run are the mean,
    so the loss that it records and what it returns are the mean's; gradients are taken at the
    iterate (``opt.point``).

    References
    ----------
    Polyak and Juditsky 1992, Acceleration of Stochastic Approximation by Averaging; Ruppert 1988.

    Examples
    --------
    >>> opt, theta = gd.PolyakAverage(gd.SGD(lr=0.1)), np.array([1.0])
    >>> state = opt.init(theta)
    >>> for _ in range(2):
    ...     opt.step(theta, np.array([1.0]), state)
    >>> theta
    array([0.85])
    """

    optimizer: Optimizer = SGD()
    _: KW_ONLY
    start: int = count(0, 0)


@dataclass(frozen=True)
class ExponentialAverage(Around):
    r"""A fading mean of the points that another optimizer visits.

    .. math:: \barθ_{t+1} = δ \barθ_t + (1-δ) θ_{t+1}, \quad \barθ_0 = θ_0

    Parameters
    ----------
    optimizer : Optimizer, default ``SGD()``
        The rule inside, which takes the steps.
    decay : float in [0, 1), default 0.99
        δ.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: the iterate θ_t, and that of the optimizer inside. As in `PolyakAverage`, the parameters
    of a run are the mean.

    References
    ----------
    Ruppert 1988; Tarvainen and Valpola 2017, Mean teachers are better role models.

    Examples
    --------
    >>> opt, theta = gd.ExponentialAverage(gd.SGD(lr=0.1), decay=0.5), np.array([1.0])
    >>> state = opt.init(theta)
    >>> for _ in range(2):
    ...     opt.step(theta, np.array([1.0]), state)
    >>> theta
    array([0.875])
    """

    optimizer: Optimizer = SGD()
    _: KW_ONLY
    decay: float = number(0.99, BELOW_ONE, space=PERSISTENCE)


@dataclass(frozen=True)
class CoupledDecay(Around):
    r"""Weight decay that another optimizer sees: added to each gradient, and so in its moments.

    .. math:: g_t ← g_t + λ θ_t

    Parameters
    ----------
    optimizer : Optimizer, default ``Momentum()``
        The rule inside, which takes the steps. Where it looks ahead, θ is its look-ahead point.
    l2 : float, default 0.01
        λ, at least 0; intercepts and biases are not decayed.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: room for the sum, and that of the optimizer inside. torch's ``weight_decay`` is this, but
    for AdamW. It takes the steps of an objective with the penalty l2 = λ, which is what to prefer
    where there is one: the losses that a run records know of it then.

    References
    ----------
    Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization, section 2.

    Examples
    --------
    >>> opt, theta = gd.CoupledDecay(gd.SGD(lr=0.1), l2=0.5), np.array([2.0])
    >>> opt.step(theta, np.array([3.0]), opt.init(theta))
    >>> theta
    array([1.6])
    """

    optimizer: Optimizer = Momentum()
    _: KW_ONLY
    l2: float = number(0.01, NOT_NEGATIVE)


@dataclass(frozen=True)
class Cautious(Around):
    r"""Another optimizer's step, but not where it goes against the gradient of the moment.

    .. math:: Δ = \text{the step inside}, \quad
              θ_{t+1} = θ_t + \frac{d}{1 + \sum_j φ_j} φ ∘ Δ - η_t λ θ_t, \quad
              φ_j = 1 \text{ where } Δ_j g_j < 0 \text{, else } 0

    Parameters
    ----------
    optimizer : Optimizer, default ``Momentum()``
        The rule inside. Its decay is taken outside of the mask; so is a penalty's proximal step, in
        its metric.

    Raises
    ------
    TypeError
        No optimizer, or one whose θ is not where its steps lead: rules around others, and the
        schedule-free ones.

    Notes
    -----
    State: room for θ before the step, and that of the optimizer inside. d and the sum are of a
    layer, a stretch of weights or of biases. Plain descent never goes against its gradient: around
    it all steps are d/(d + 1) long.

    References
    ----------
    Liang, Chen, Liu and Liu 2024, Cautious Optimizers: Improving Training with One Line of Code.

    Examples
    --------
    >>> opt, theta = gd.Cautious(gd.Momentum(lr=0.1, momentum=0.5)), np.array([1.0, 1.0])
    >>> state = opt.init(theta)
    >>> opt.step(theta, np.array([3.0, 3.0]), state)  # both along: 2/3 of 0.15
    >>> opt.step(theta, np.array([-1.0, 3.0]), state)  # the first would go on downwards
    >>> theta.round(6)
    array([0.9  , 0.675])
    """

    optimizer: Optimizer = Momentum()
    _: KW_ONLY

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.optimizer, (Around, ScheduleFreeSGD, ScheduleFreeAdamW)):
            raise TypeError(
                "Cautious: optimizer must be a rule whose θ is where its steps lead, no average "
                f"and no rule around another; not {self.optimizer!r}"
            )
