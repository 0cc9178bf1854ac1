"""The optimizers beyond the course: relatives of Adam, Rprop, schedule-free rules, and wrappers.

As optimizers.py, with the kernels in core/variants.pyx. A rule around another optimizer derives
from `Around`; the state of the other is part of its own.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Self

import fastgd.core.variants  # noqa: F401  (its rules are found by name)
from fastgd.optimizers import (
    BELOW_ONE,
    LONG_MEMORY,
    MEMORY,
    NOT_NEGATIVE,
    PERSISTENCE,
    SGD,
    UP_TO_ONE,
    Interval,
    LogUniform,
    Momentum,
    Optimizer,
    Rate,
    _number,
    _rate,
)  # fmt: skip

__all__ = [
    "AMSBound", "AMSGrad", "AdaBelief", "AdaBound", "Adadelta", "Adamax", "Adan",
    "ExponentialAverage", "LAMB", "Lookahead", "NAdam", "PolyakAverage", "RAdam", "Rprop",
    "ScheduleFreeAdamW", "ScheduleFreeSGD", "Yogi",
]  # fmt: skip

FROM_ONE = Interval("at least 1", 1.0)
FROM_FOUR = Interval("at least 4", 4.0)


def _count(default: int, least: int = 1, space: LogUniform | None = None) -> Any:
    interval = Interval(f"at least {least}", least)
    return field(default=default, metadata={"interval": interval, "integer": True, "space": space})


@dataclass(frozen=True)
class AMSGrad(Optimizer):
    r"""Adam whose second moment never forgets its largest value, so that rates never grow.

    .. math:: m = β_1 m + (1-β_1) g, \quad v = β_2 v + (1-β_2) g^2, \quad V = \max(V, v),\\
              θ_{t+1} = θ_t - η_t \left(\frac{m/(1-β_1^{t+1})}{\sqrt{V/(1-β_2^{t+1}) + ε_{root}} +
              ε} + λ θ_t\right)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0, in units of θ.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
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
    State: m, v, V. Dense in d also on sparse data. The maximum is of v itself, as in torch and
    keras; optax takes it of the corrected v, and the paper corrects neither moment.

    References
    ----------
    Reddi, Kale and Kumar 2018, On the Convergence of Adam and Beyond.

    Examples
    --------
    >>> opt, theta = gd.AMSGrad(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.9, -1.9])
    """

    lr: Rate = _rate(1e-3)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = _number(1e-8, NOT_NEGATIVE)
    eps_root: float = _number(0.0, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


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

    lr: Rate = _rate(1e-3)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.999, BELOW_ONE, space=LONG_MEMORY)
    final_ratio: float = _number(100.0, NOT_NEGATIVE, space=LogUniform(1.0, 1e3))
    gamma: float = _number(1e-3, BELOW_ONE, space=LogUniform(1e-4, 0.1))
    eps: float = _number(1e-8, NOT_NEGATIVE)
    eps_root: float = _number(0.0, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


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

    lr: Rate = _rate(1e-3)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.999, BELOW_ONE, space=LONG_MEMORY)
    final_ratio: float = _number(100.0, NOT_NEGATIVE, space=LogUniform(1.0, 1e3))
    gamma: float = _number(1e-3, BELOW_ONE, space=LogUniform(1e-4, 0.1))
    eps: float = _number(1e-8, NOT_NEGATIVE)
    eps_root: float = _number(0.0, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


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

    lr: Rate = _rate(1e-3)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = _number(1e-16, NOT_NEGATIVE)
    eps_root: float = _number(1e-16, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class Adadelta(Optimizer):
    r"""RMSProp with a rate of its own: the root mean square of its steps so far.

    .. math:: G = ρ G + (1-ρ) g^2, \quad Δ = \frac{\sqrt{D + ε}}{\sqrt{G + ε}} g, \quad D = ρ D +
              (1-ρ) Δ^2, \quad
              θ_{t+1} = θ_t - η_t (Δ + λ θ_t)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1
        η, at least 0; the paper has none, that is 1.
    decay : float in [0, 1), default 0.9
        ρ.
    eps_root : float, default 1e-6
        ε, at least 0. It sets the length of the first steps.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: G, D. Dense in d also on sparse data.

    References
    ----------
    Zeiler 2012, ADADELTA: An Adaptive Learning Rate Method.

    Examples
    --------
    >>> opt, theta = gd.Adadelta(), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.996838, -1.996838])
    """

    lr: Rate = _rate(1.0, space=LogUniform(1e-2, 1e2))
    decay: float = _number(0.9, BELOW_ONE, space=PERSISTENCE)
    eps_root: float = _number(1e-6, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class NAdam(Optimizer):
    r"""Adam with Nesterov's look-ahead in its first moment.

    .. math:: m = β_1 m + (1-β_1) g, \quad v = β_2 v + (1-β_2) g^2,\\
              θ_{t+1} = θ_t - η_t \left(\frac{β_1 m/(1-β_1^{t+2}) + (1-β_1) g/(1-β_1^{t+1})}
              {\sqrt{v/(1-β_2^{t+1}) + ε_{root}} + ε} + λ θ_t\right)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0, in units of θ.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
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
    State: m, v. Dense in d also on sparse data. The form with a constant β1, which optax has too;
    torch lets β1 move by the paper's schedule.

    References
    ----------
    Dozat 2016, Incorporating Nesterov Momentum into Adam.

    Examples
    --------
    >>> opt, theta = gd.NAdam(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.852632, -1.852632])
    """

    lr: Rate = _rate(1e-3)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = _number(1e-8, NOT_NEGATIVE)
    eps_root: float = _number(0.0, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


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

    lr: Rate = _rate(1e-3)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.999, BELOW_ONE, space=LONG_MEMORY)
    threshold: float = _number(5.0, FROM_FOUR)
    eps: float = _number(1e-8, NOT_NEGATIVE)
    eps_root: float = _number(0.0, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class Adamax(Optimizer):
    r"""Adam with a fading maximum of the gradient's size in place of its root mean square.

    .. math:: m = β_1 m + (1-β_1) g, \quad u = \max(β_2 u, |g| + ε), \quad
              θ_{t+1} = θ_t - η_t \left(\frac{m/(1-β_1^{t+1})}{u} + λ θ_t\right)

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 2e-3
        η, at least 0, in units of θ.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    eps : float, default 1e-8
        ε, at least 0.
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

    lr: Rate = _rate(2e-3)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = _number(1e-8, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


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
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, v, both from 0 (optax starts them at 1e-6 unless told otherwise). Dense in d also on
    sparse data.

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

    lr: Rate = _rate(0.01)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = _number(1e-3, NOT_NEGATIVE)
    eps_root: float = _number(0.0, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


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

    lr: Rate = _rate(1e-3)
    beta1: float = _number(0.98, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.92, BELOW_ONE, space=LONG_MEMORY)
    beta3: float = _number(0.99, BELOW_ONE, space=LONG_MEMORY)
    eps: float = _number(1e-8, NOT_NEGATIVE)
    eps_root: float = _number(0.0, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


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

    lr: Rate = _rate(1e-3)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = _number(1e-6, NOT_NEGATIVE)
    eps_root: float = _number(0.0, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


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

    lr: Rate = _rate(0.01)
    shrink: float = _number(0.5, UP_TO_ONE)
    grow: float = _number(1.2, FROM_ONE)
    smallest: float = _number(1e-6, NOT_NEGATIVE)
    largest: float = _number(50.0, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class ScheduleFreeSGD(Optimizer):
    r"""SGD whose averaging does what a schedule would, without knowing the run's length.

    .. math:: y = (1-β) z + β θ, \quad z = z - η_t (∇L(y) + λ y), \quad θ = (1-c) θ + c z, \quad
              c = \frac{h_t^2}{\sum_{s \le t} h_s^2}, \; h_t = \max_{s \le t} η_s

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 0.1
        η, at least 0; a warm-up is the one schedule to give it.
    beta : float in [0, 1], default 0.9
        β; 0 is Polyak and Ruppert's averaging.
    weight_decay : float, default 0
        λ, at least 0, at y.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: z, y. θ is the average x of the paper, at which the loss is to be measured; with
    gradients of one's own, take them at ``opt.point(theta, state)``. Dense in d also on sparse
    data.

    References
    ----------
    Defazio et al. 2024, The Road Less Scheduled.

    Examples
    --------
    >>> opt, theta = gd.ScheduleFreeSGD(lr=0.1), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.7 , -1.95])
    """

    lr: Rate = _rate(0.1)
    beta: float = _number(0.9, UP_TO_ONE, space=MEMORY)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


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

    lr: Rate = _rate(2.5e-3)
    beta1: float = _number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = _number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = _number(1e-8, NOT_NEGATIVE)
    eps_root: float = _number(0.0, NOT_NEGATIVE)
    weight_decay: float = _number(0.0, NOT_NEGATIVE)


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
    every: int = _count(5, space=LogUniform(1, 20, integer=True))
    slow_step: float = _number(0.5, UP_TO_ONE, space=PERSISTENCE)


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
    start: int = _count(0, 0)


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
    decay: float = _number(0.99, BELOW_ONE, space=PERSISTENCE)
