"""Rules with a rate for each coordinate, by its own gradients: AdaGrad, RMSProp, Adam."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from fastgd.optimizers.base import (
    BELOW_ONE,
    LONG_MEMORY,
    MEMORY,
    NOT_NEGATIVE,
    PERSISTENCE,
    LogUniform,
    Optimizer,
    Rate,
    number,
    rate,
)

__all__ = ["AMSGrad", "AdaGrad", "Adadelta", "Adam", "AdamW", "NAdam", "NadamW", "RMSProp"]


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

    lr: Rate = rate(0.01)
    _: KW_ONLY
    eps: float = number(1e-10, NOT_NEGATIVE)
    eps_root: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


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

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    decay: float = number(0.9, BELOW_ONE, space=PERSISTENCE)
    eps: float = number(0.0, NOT_NEGATIVE)
    eps_root: float = number(1e-16, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


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

    lr: Rate = rate(1.0, space=LogUniform(1e-2, 1e2))
    _: KW_ONLY
    decay: float = number(0.9, BELOW_ONE, space=PERSISTENCE)
    eps_root: float = number(1e-6, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


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

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = number(0.0, NOT_NEGATIVE)
    eps_root: float = number(1e-16, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


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
    _: KW_ONLY
    weight_decay: float = number(0.01, NOT_NEGATIVE)


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

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = number(1e-8, NOT_NEGATIVE)
    eps_root: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


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

    lr: Rate = rate(1e-3)
    _: KW_ONLY
    beta1: float = number(0.9, BELOW_ONE, space=MEMORY)
    beta2: float = number(0.999, BELOW_ONE, space=LONG_MEMORY)
    eps: float = number(1e-8, NOT_NEGATIVE)
    eps_root: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class NadamW(NAdam):
    r"""NAdam with decoupled weight decay on by default.

    .. math:: θ_{t+1} = θ_t - η_t \left(\frac{β_1 m/(1-β_1^{t+2}) + (1-β_1) g/(1-β_1^{t+1})}
              {\sqrt{v/(1-β_2^{t+1}) + ε_{root}} + ε} + λ θ_t\right)

    Parameters
    ----------
    lr, beta1, beta2, eps, eps_root
        As in `NAdam`.
    weight_decay : float, default 0.01
        λ, at least 0, multiplied by η_t.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, v. Dense in d also on sparse data. The baseline of the AlgoPerf competition.

    References
    ----------
    Dozat 2016, Incorporating Nesterov Momentum into Adam; Loshchilov and Hutter 2019, Decoupled
    Weight Decay Regularization; Dahl et al. 2023, Benchmarking Neural Network Training Algorithms.

    Examples
    --------
    >>> opt, theta = gd.NadamW(lr=0.1, weight_decay=0.5), np.array([1.0, -2.0])
    >>> opt.step(theta, np.array([3.0, -0.5]), opt.init(theta))
    >>> theta.round(6)
    array([ 0.802632, -1.752632])
    """

    rule: ClassVar[str] = "NAdam"
    _: KW_ONLY
    weight_decay: float = number(0.01, NOT_NEGATIVE)
