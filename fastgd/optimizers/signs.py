"""Rules that go by the signs of gradients."""

from dataclasses import KW_ONLY, dataclass

from fastgd.optimizers.base import (
    BELOW_ONE,
    LONG_MEMORY,
    MEMORY,
    NOT_NEGATIVE,
    PERSISTENCE,
    SMALL_RATES,
    UP_TO_ONE,
    Interval,
    Optimizer,
    Rate,
    number,
    rate,
)
from fastgd.schedules import Schedule

__all__ = ["Lion", "Rprop", "Signum"]

FROM_ONE = Interval("at least 1", 1.0)


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

    lr: Rate = rate(1e-4, space=SMALL_RATES)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.99, BELOW_ONE, space=LONG_MEMORY)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class Rprop(Optimizer):
    r"""Steps by the gradient's sign, longer while it stays and shorter when it turns.

    .. math:: s_{t+1} = \operatorname{clip}(s_t \cdot \{a^+ \text{ if } g_t g_{t-1} > 0,\; a^-
              \text{ if } < 0\}), \quad
              θ_{t+1} = θ_t - \operatorname{sign}(g_t) s_{t+1} - η_t λ θ_t, \quad g_t := 0
              \text{ after a turn}

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 0.01
        s_0, the first step, at least 0, in units of θ. Later values of a schedule only scale λ.
    shrink, grow : float, default 0.5 and 1.2
        a⁻ in [0, 1] and a⁺ at least 1.
    smallest, largest : float, default 1e-6 and 50
        The bounds of s, at least 0.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: the previous gradient, s. For full gradients: it knows signs only, and the noise of
    batches has none to trust. Dense in d also on sparse data. A turn is not taken
    back: the iRprop⁻ of Igel and Hüsken 2000, as in torch. optax 0.2.8 takes each step one gradient
    later.

    References
    ----------
    Riedmiller and Braun 1993, A direct adaptive method for faster backpropagation learning.

    Examples
    --------
    >>> opt, theta = gd.Rprop(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.9, -1.9])
    """

    lr: Rate = rate(0.01)
    _: KW_ONLY
    shrink: float = number(0.5, UP_TO_ONE)
    grow: float = number(1.2, FROM_ONE)
    smallest: float = number(1e-6, NOT_NEGATIVE)
    largest: float = number(50.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class Signum(Optimizer):
    r"""A step of equal size in every coordinate, along the sign of an average of the gradients.

    .. math:: m = γ_t m + (1-γ_t) g_t, \quad θ_{t+1} = θ_t - η_t (\operatorname{sign} m + λ θ_t)

    With a momentum of 0 it is signSGD. sign(0) = 0.

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-4
        η, at least 0, in units of θ: without decay each coordinate moves by η or not at all.
    momentum : float in [0, 1] or schedule, default 0.9
        γ.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters m.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m. Dense in d also on sparse data. A coordinate whose gradients end walks on until its m
    is below 2.2e-308, which counts as 0: some 6,700 steps at γ = 0.9.

    References
    ----------
    Bernstein, Wang, Azizzadenesheli and Anandkumar 2018, signSGD: Compressed Optimisation for
    Non-Convex Problems.

    Examples
    --------
    >>> opt, theta = gd.Signum(lr=0.1), np.array([1.0, -2.0, 0.0])
    >>> opt.step(theta, np.array([3.0, -0.5, 0.0]), opt.init(theta))
    >>> theta
    array([ 0.9, -1.9,  0. ])
    """

    lr: Rate = rate(1e-4, space=SMALL_RATES)
    _: KW_ONLY
    momentum: float | Schedule = rate(0.9, UP_TO_ONE, PERSISTENCE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)
