"""Relatives of Adam that remember in another way: changes, very old gradients, the past alone."""

from dataclasses import KW_ONLY, dataclass

from fastgd.optimizers.base import (
    BELOW_ONE,
    LONG_MEMORY,
    MEMORY,
    NOT_NEGATIVE,
    PERSISTENCE,
    Optimizer,
    Rate,
    count,
    number,
    rate,
)

__all__ = ["ADOPT", "AdEMAMix", "Adan"]


@dataclass(frozen=True)
class Adan(Optimizer):
    r"""Nesterov momentum on averages of the gradient, its change, and their square.

    .. math:: δ = g_t - g_{t-1} \; (0 \text{ at } t = 0), \quad m = β_1 m + (1-β_1) g, \quad
              d = β_2 d + (1-β_2) δ, \quad n = β_3 n + (1-β_3) (g + β_2 δ)^2,\\
              θ_{t+1} = θ_t - η_t \left(\frac{\hat m + β_2 \hat d}{\sqrt{\hat n + ε_{root}} + ε} + λ
              θ_t\right)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0, in units of θ.
    beta1, beta2, beta3 : float in [0, 1), default 0.98, 0.92 and 0.99
        The paper writes 1 - β.
    eps, eps_root : float, default 1e-8 and 0
        ε outside and inside the root, at least 0.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, d, n and the previous gradient. Dense in d also on sparse data. The paper divides by 1
    + ηλ where the decay here subtracts ηλθ, as everywhere in this library. optax extrapolates by
    1 - β2 where the paper and its authors' code have β2.

    References
    ----------
    Xie et al. 2022, Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models.

    Examples
    --------
    >>> opt, theta = gd.Adan(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.9, -1.9])
    """

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    beta1: float = number(0.98, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.92, BELOW_ONE, space=LONG_MEMORY)
    beta3: float = number(0.99, BELOW_ONE, space=LONG_MEMORY)
    eps: float = number(1e-8, NOT_NEGATIVE)
    eps_root: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class AdEMAMix(Optimizer):
    r"""Adam with a second average of the gradients, of a far longer memory.

    .. math:: m = β_1 m + (1-β_1) g, \quad s = β_{3,t} s + (1-β_{3,t}) g, \quad
              v = β_2 v + (1-β_2) g^2,\\
              θ_{t+1} = θ_t - η_t \left(\frac{\hat m + α_t s}{\sqrt{\hat v + ε_{root}} + ε} +
              λ θ_t\right), \quad
              α_t = α \min(f, 1), \quad
              \frac{1}{\ln β_{3,t}} = \frac{1 - f}{\ln β_1} + \frac{f}{\ln β_3}, \quad
              f = \frac{t + 1}{W}

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0, in units of θ.
    beta1, beta2, beta3 : float in [0, 1), default 0.9, 0.999 and 0.9999
        The memories of m, v and s. 0.9999 is for 1e5 steps and more; take 0.999 for fewer.
    alpha : float, default 5
        α, at least 0, the weight of s; 0 is Adam.
    warmup : int, at least 0, default 0
        W, the steps over which α and the memory of s grow; 0 has both at full length at once. The
        paper takes the whole run.
    eps, eps_root : float, default 1e-8 and 0
        ε outside and inside the root, at least 0.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, v, s, which is not corrected for its start at 0. Dense in d also on sparse data.

    References
    ----------
    Pagliardini, Ablin and Grangier 2025, The AdEMAMix Optimizer: Better, Faster, Older.

    Examples
    --------
    >>> opt, theta = gd.AdEMAMix(lr=0.1, beta3=0.99), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.895, -1.895])
    """

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    beta3: float = number(0.9999, BELOW_ONE, space=PERSISTENCE)
    alpha: float = number(5.0, NOT_NEGATIVE)
    warmup: int = count(0, 0)
    eps: float = number(1e-8, NOT_NEGATIVE)
    eps_root: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class ADOPT(Optimizer):
    r"""Adam that scales a gradient by what came before it, and averages after scaling.

    .. math:: m = β_1 m + (1-β_1) \operatorname{clip}_{t^p}\left(
              \frac{g_t}{\max(\sqrt{v}, ε)}\right), \quad
              θ_{t+1} = θ_t - η_t (m + λ θ_t), \quad v ← β_2 v + (1-β_2) g_t^2

    The first step only looks: v = g², and no coordinate moves but by decay.

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0, in units of θ.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.9999
    eps : float, default 1e-6
        ε, at least 0: the least divisor.
    clip : float or None, default 0.25
        p, at least 0: a scaled gradient is cut to at most t^p. None: not at all, the paper's
        Algorithm 1.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, v. Dense in d also on sparse data. Converges for any β2, where Adam may not.

    References
    ----------
    Taniguchi et al. 2024, ADOPT: Modified Adam Can Converge with Any β2 with the Optimal Rate.

    Examples
    --------
    >>> opt, theta = gd.ADOPT(lr=0.1), np.array([1.0, -2.0])
    >>> state = opt.init(theta)
    >>> for _ in range(2):
    ...     opt.step(theta, np.array([3.0, -0.5]), state)
    >>> theta
    array([ 0.99, -1.99])
    """

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.9999, BELOW_ONE, space=PERSISTENCE)
    eps: float = number(1e-6, NOT_NEGATIVE)
    clip: float | None = number(0.25, NOT_NEGATIVE, optional=True)
    weight_decay: float = number(0.0, NOT_NEGATIVE)
