"""Rules with a rate for each coordinate, by its own gradients: AdaGrad, RMSProp, Adam."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from fastgd.optimizers.base import (
    BELOW_ONE,
    LONG_MEMORY,
    MEMORY,
    NOT_NEGATIVE,
    PERSISTENCE,
    UP_TO_ONE,
    LogUniform,
    Optimizer,
    Rate,
    number,
    rate,
)
from fastgd.schedules import Schedule

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
    initial_accumulator : float, default 0
        G_0, at least 0.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters G.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: G (which optax and keras start at 0.1).

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
    initial_accumulator: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class RMSProp(Optimizer):
    r"""AdaGrad with a memory that fades: an average of the squares instead of their sum.

    .. math:: G_{t+1} = α G_t + (1-α) g_t^2, \quad
              θ_{t+1} = θ_t - η_t \left(\frac{g_t}{\sqrt{G_{t+1} + ε_{root}} + ε} + λ θ_t\right)

    With a momentum, or centred, it keeps a velocity v and a mean m of the gradients besides:

    .. math:: m_{t+1} = α m_t + (1-α) g_t, \quad v_{t+1} = γ_t v_t + η_t^p
              \frac{g_t}{\sqrt{G_{t+1} - c\, m_{t+1}^2 + ε_{root}} + ε}, \quad
              θ_{t+1} = θ_t - η_t^{1-p} v_{t+1} - η_t λ θ_t

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1e-3
        η, at least 0, in units of θ.
    decay : float in [0, 1), default 0.9
        α, the weight of the past.
    eps, eps_root : float, default 0 and 1e-16
        ε outside and inside the root, at least 0. torch has it outside, with α = 0.99.
    momentum : float or schedule, default 0
        γ in [0, 1], of a velocity of scaled gradients.
    centered : float in [0, 1], default 0
        c: 1 divides by the standard deviation of the gradients, 0 by their root mean square.
    inside : float in [0, 1], default 0
        p, the part of the rate that goes into the velocity: 0 as in torch, 1 as in keras and optax.
        Where the rate does not move, or there is no momentum, all are the same.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters G.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: G; with a momentum, or centred, m and v too.

    References
    ----------
    Hinton 2012, Neural Networks for Machine Learning, lecture 6e; Graves 2013, Generating Sequences
    With Recurrent Neural Networks, for the centred form and the velocity.

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
    momentum: float | Schedule = rate(0.0, UP_TO_ONE, None)
    centered: float = number(0.0, UP_TO_ONE)
    inside: float = number(0.0, UP_TO_ONE)
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
    eps_hat : float, default 0
        ε̂, at least 0, beside the root of the uncorrected moment, as in keras and scikit-learn: in
        the formula, ε is ε + ε̂/√(1-β₂ᵗ⁺¹).
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
    eps_hat: float = number(0.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class AdamW(Adam):
    r"""Adam with decoupled weight decay on by default.

    .. math:: θ_{t+1} = θ_t - η_t \left(\frac{\hat m}{\sqrt{\hat v + ε_{root}} + ε} + λ θ_t\right)

    Parameters
    ----------
    lr, beta1, beta2, eps, eps_root, eps_hat
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
    eps_hat : float, default 0
        ε̂, at least 0, beside the root of the uncorrected moment, as in keras: in
        the formula, ε is ε + ε̂/√(1-β₂ᵗ⁺¹).
    corrected : float in [0, 1], default 0
        The power of 1/(1-β₂ᵗ⁺¹) that multiplies v before the maximum, the rest follows after it: 0
        as in torch and keras, 1 as in optax.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, v, V. Dense in d also on sparse data. The paper corrects neither moment.

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
    eps_hat: float = number(0.0, NOT_NEGATIVE)
    corrected: float = number(0.0, UP_TO_ONE)
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
    momentum_decay : float, at least 0, or None, default None
        ψ: with it, β₁ in the step (not in m) is μ_t = β₁(1 - 0.96^(ψ(t+1))/2) and its powers are
        products of these, the paper's schedule; 0.004 in torch, 1 in keras. None: β₁ stands still.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters a moment.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: m, v. Dense in d also on sparse data. optax has the form with a constant β₁ only.

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
    momentum_decay: float | None = number(None, NOT_NEGATIVE, optional=True)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class NadamW(NAdam):
    r"""NAdam with decoupled weight decay on by default.

    .. math:: θ_{t+1} = θ_t - η_t \left(\frac{β_1 m/(1-β_1^{t+2}) + (1-β_1) g/(1-β_1^{t+1})}
              {\sqrt{v/(1-β_2^{t+1}) + ε_{root}} + ε} + λ θ_t\right)

    Parameters
    ----------
    lr, beta1, beta2, eps, eps_root, momentum_decay
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
