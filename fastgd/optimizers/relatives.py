"""Further relatives of Adam: bounds on its rates, other second moments, layers, no schedule."""

from dataclasses import KW_ONLY, dataclass

from fastgd.optimizers.base import (
    BELOW_ONE,
    LONG_MEMORY,
    MEMORY,
    NOT_NEGATIVE,
    Interval,
    LogUniform,
    Optimizer,
    Rate,
    number,
    rate,
)

__all__ = [
    "AMSBound",
    "AdaBelief",
    "AdaBound",
    "Adamax",
    "LAMB",
    "RAdam",
    "ScheduleFreeAdamW",
    "Yogi",
]

FROM_FOUR = Interval("at least 4", 4.0)


@dataclass(frozen=True)
class AdaBound(Optimizer):
    r"""Adam at first, SGD in the end: each coordinate's rate is kept between two closing bounds.

    .. math:: m = β_1 m + (1-β_1) g, \quad v = β_2 v + (1-β_2) g^2,\\
              θ_{t+1} = θ_t -
              \operatorname{clip}\left(\frac{η_t/(1-β_1^{t+1})}{\sqrt{v/(1-β_2^{t+1}) + ε_{root}} +
              ε}, \; c η_t (1 - \tfrac{1}{γ(t+1)+1}), \;
              c η_t (1 + \tfrac{1}{γ(t+1)})\right) m - η_t λ θ_t

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0, in units of θ at first, of SGD's rate later.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    final_ratio : float, default 100
        c, at least 0: the rate of SGD that the bounds close in on, as a multiple of η.
    gamma : float in [0, 1), default 1e-3
        How fast the bounds close, per step.
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
    State: m, v. Dense in d also on sparse data. The bounds follow lr, as in the authors' code,
    where c is final_lr / lr; their paper divides by the root of t besides. γ = 0 lets the lower
    bound stay at 0 and the upper at infinity: Adam.

    References
    ----------
    Luo, Xiong, Liu and Sun 2019, Adaptive Gradient Methods with Dynamic Bound of Learning Rate.

    Examples
    --------
    >>> opt, theta = gd.AdaBound(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.9, -1.9])
    """

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    final_ratio: float = number(100.0, NOT_NEGATIVE, space=LogUniform(1.0, 1e3))
    gamma: float = number(1e-3, BELOW_ONE, space=LogUniform(1e-4, 0.1))
    eps: float = number(1e-8, NOT_NEGATIVE)
    eps_root: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class AMSBound(Optimizer):
    r"""AdaBound with the largest second moment so far in place of the current one.

    .. math:: m = β_1 m + (1-β_1) g, \quad v = β_2 v + (1-β_2) g^2, \quad V = \max(V, v),\\
              θ_{t+1} = θ_t -
              \operatorname{clip}\left(\frac{η_t/(1-β_1^{t+1})}{\sqrt{V/(1-β_2^{t+1}) + ε_{root}} +
              ε}, \; c η_t (1 - \tfrac{1}{γ(t+1)+1}), \;
              c η_t (1 + \tfrac{1}{γ(t+1)})\right) m - η_t λ θ_t

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0, in units of θ at first, of SGD's rate later.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    final_ratio : float, default 100
        c, at least 0: the rate of SGD that the bounds close in on, as a multiple of η.
    gamma : float in [0, 1), default 1e-3
        How fast the bounds close, per step.
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
    State: m, v, V. Dense in d also on sparse data. As AdaBound, with AMSGrad's maximum, taken of v
    itself.

    References
    ----------
    Luo, Xiong, Liu and Sun 2019, Adaptive Gradient Methods with Dynamic Bound of Learning Rate.

    Examples
    --------
    >>> opt, theta = gd.AMSBound(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.9, -1.9])
    """

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    final_ratio: float = number(100.0, NOT_NEGATIVE, space=LogUniform(1.0, 1e3))
    gamma: float = number(1e-3, BELOW_ONE, space=LogUniform(1e-4, 0.1))
    eps: float = number(1e-8, NOT_NEGATIVE)
    eps_root: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class AdaBelief(Optimizer):
    r"""Adam that divides by how far the gradient was from what was expected of it.

    .. math:: m = β_1 m + (1-β_1) g, \quad s = β_2 s + (1-β_2) (g - m)^2 + ε_{root},\\
              θ_{t+1} = θ_t - η_t \left(\frac{m/(1-β_1^{t+1})}{\sqrt{s/(1-β_2^{t+1})} + ε} + λ
              θ_t\right)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0, in units of θ.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    eps, eps_root : float, default 1e-16 and 1e-16
        At least 0. Here eps_root is added to s at every step, as in the paper, and so adds up.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, s. Dense in d also on sparse data. (g - m) is taken with the new m.

    References
    ----------
    Zhuang et al. 2020, AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients.

    Examples
    --------
    >>> opt, theta = gd.AdaBelief(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.888889, -1.888889])
    """

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = number(1e-16, NOT_NEGATIVE)
    eps_root: float = number(1e-16, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class RAdam(Optimizer):
    r"""Adam that waits to divide until its second moment can be trusted.

    .. math:: m = β_1 m + (1-β_1) g, \quad v = β_2 v + (1-β_2) g^2, \quad ρ_∞ = \tfrac{2}{1-β_2} -
              1, \quad
              ρ = ρ_∞ - 2(t+1) \tfrac{β_2^{t+1}}{1-β_2^{t+1}},\\
              θ_{t+1} = θ_t - η_t \left(r \frac{\hat m}{\sqrt{\hat v + ε_{root}} + ε} + λ
              θ_t\right), \quad
              r = \sqrt{\tfrac{(ρ-4)(ρ-2)ρ_∞}{(ρ_∞-4)(ρ_∞-2)ρ}} \;\text{where } ρ > 5, \text{ else }
              θ_t - η_t (\hat m + λ θ_t)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    threshold : float, default 5
        Above which ρ divides, at least 4; 5 in the authors' code, torch and optax, 4 in the paper.
    eps, eps_root : float, default 1e-8 and 0
        ε outside and inside the root, at least 0.
    eps_hat : float, default 0
        ε̂, at least 0, beside the root of the uncorrected moment, as in torch: in
        the formula, ε is ε + ε̂/√(1-β₂ᵗ⁺¹).
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, v. Dense in d also on sparse data.

    References
    ----------
    Liu et al. 2020, On the Variance of the Adaptive Learning Rate and Beyond.

    Examples
    --------
    >>> opt, theta = gd.RAdam(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.7 , -1.95])
    """

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    threshold: float = number(5.0, FROM_FOUR)
    eps: float = number(1e-8, NOT_NEGATIVE)
    eps_root: float = number(0.0, NOT_NEGATIVE)
    eps_hat: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class Adamax(Optimizer):
    r"""Adam with a fading maximum of the gradient's size in place of its root mean square.

    .. math:: m = β_1 m + (1-β_1) g, \quad u = \max(β_2 u, |g| + ε), \quad
              θ_{t+1} = θ_t - η_t \left(\frac{m/(1-β_1^{t+1})}{u + ε_{out}} + λ θ_t\right)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 2e-3
        η, at least 0, in units of θ.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    eps, eps_outside : float, default 1e-8 and 0
        ε within the maximum, as in torch and optax, and beside it, as in keras; at least 0.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, u. Dense in d also on sparse data.

    References
    ----------
    Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, section 7.

    Examples
    --------
    >>> opt, theta = gd.Adamax(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.9, -1.9])
    """

    lr: Rate = rate(2e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = number(1e-8, NOT_NEGATIVE)
    eps_outside: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class Yogi(Optimizer):
    r"""Adam whose second moment moves by a bounded amount, so that rates do not jump.

    .. math:: m = β_1 m + (1-β_1) g, \quad v = v - (1-β_2) \operatorname{sign}(v - g^2) g^2,\\
              θ_{t+1} = θ_t - η_t \left(\frac{\hat m}{\sqrt{\hat v + ε_{root}} + ε} + λ θ_t\right)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 0.01
        η, at least 0, in units of θ.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    eps, eps_root : float, default 1e-3 and 0
        ε outside and inside the root, at least 0.
    initial_accumulator : float, default 0
        What m and v start at, at least 0; optax starts both at 1e-6.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, v. Dense in d also on sparse data.

    References
    ----------
    Zaheer et al. 2018, Adaptive Methods for Nonconvex Optimization.

    Examples
    --------
    >>> opt, theta = gd.Yogi(lr=0.1, eps=0), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.9, -1.9])
    """

    lr: Rate = rate(0.01)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = number(1e-3, NOT_NEGATIVE)
    eps_root: float = number(0.0, NOT_NEGATIVE)
    initial_accumulator: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class LAMB(Optimizer):
    r"""Adam with steps in proportion to the size of each layer's weights.

    .. math:: r = \frac{\hat m}{\sqrt{\hat v + ε_{root}} + ε} + λ θ_t, \quad
              θ_{t+1} = θ_t - η_t \frac{\|θ_t\|}{\|r\|} r \quad \text{layer by layer}

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0: the relative change of a layer in one step.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    eps, eps_root : float, default 1e-6 and 0
        ε outside and inside the root, at least 0.
    weight_decay : float, default 0
        λ, at least 0; inside r, as in the paper, so that the layer's ratio scales it too.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, v, and room for r. A layer is a stretch of weights or of biases; where one of the two
    norms is 0 the ratio is 1. Dense in d also on sparse data.

    References
    ----------
    You et al. 2020, Large Batch Optimization for Deep Learning: Training BERT in 76 minutes.

    Examples
    --------
    >>> opt, theta = gd.LAMB(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.841886, -1.841886])
    """

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = number(1e-6, NOT_NEGATIVE)
    eps_root: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class ScheduleFreeAdamW(Optimizer):
    r"""Schedule-free averaging around Adam's second moment.

    .. math:: y = (1-β_1) z + β_1 θ, \quad v = β_2 v + (1-β_2) g(y)^2, \quad
              z = z - η_t \left(\frac{g(y)}{\sqrt{\hat v + ε_{root}} + ε} + λ y\right), \quad θ =
              (1-c) θ + c z

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 2.5e-3
        η, at least 0, in units of θ; a warm-up is the one schedule to give it.
    beta1 : float in [0, 1), default 0.9
        Between z and θ, in place of a first moment.
    beta2 : float in [0, 1), default 0.999
    eps, eps_root : float, default 1e-8 and 0
        ε outside and inside the root, at least 0.
    weight_power : float, default 2
        p in h_t^p, at least 0: 0 weighs all steps alike, as keras does.
    weight_decay : float, default 0
        λ, at least 0, at y.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: z, y, v. c and the rest as in `ScheduleFreeSGD`.

    References
    ----------
    Defazio et al. 2024, The Road Less Scheduled.

    Examples
    --------
    >>> opt, theta = gd.ScheduleFreeAdamW(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.9, -1.9])
    """

    lr: Rate = rate(2.5e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = number(1e-8, NOT_NEGATIVE)
    eps_root: float = number(0.0, NOT_NEGATIVE)
    weight_power: float = number(2.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)
