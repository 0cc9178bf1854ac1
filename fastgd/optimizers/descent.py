"""Rules with one rate for all coordinates: descent, momentum, acceleration, averaging."""

from dataclasses import KW_ONLY, dataclass

from fastgd import schedules
from fastgd.optimizers.base import (
    MEMORY,
    NOT_NEGATIVE,
    PERSISTENCE,
    UP_TO_ONE,
    Optimizer,
    Rate,
    choice,
    number,
    rate,
)
from fastgd.schedules import Schedule

__all__ = ["Momentum", "Nesterov", "QHM", "SGD", "ScheduleFreeSGD"]


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

    lr: Rate = rate(0.01)
    _: KW_ONLY
    weight_decay: float = number(0.0, NOT_NEGATIVE)


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

    lr: Rate = rate(0.01)
    _: KW_ONLY
    momentum: float | Schedule = rate(0.9, UP_TO_ONE, PERSISTENCE)
    dampening: float | None = number(None, UP_TO_ONE, optional=True)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


@dataclass(frozen=True)
class QHM(Optimizer):
    r"""Quasi-hyperbolic momentum: a step between the gradient and the average of all so far.

    .. math:: v_{t+1} = γ_t v_t + (1-γ_t) η_t^p g_t, \quad
              θ_{t+1} = θ_t - η_t (1-ν) g_t - η_t^{1-p} ν v_{t+1} - η_t λ θ_t

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 0.01
        η, at least 0.
    momentum : float or schedule, default 0.999
        γ in [0, 1].
    nu : float in [0, 1], default 0.7
        ν: 0 is plain descent, 1 is `Momentum`, and γ is Nesterov's momentum as torch and optax
        write it, around the look-ahead point.
    inside : float in [0, 1], default 0
        p, the part of the rate that the average remembers: 0 where the rate multiplies it (torch,
        optax), 1 where each gradient keeps the rate of its own step (keras, scikit-learn). For a
        rate that does not move all are the same.
    weight_decay : float, default 0
        Decoupled λ, at least 0: never enters v.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    Notes
    -----
    State: v. Dense in d also on sparse data. torch's SGD(lr=η, momentum=γ, nesterov=True) is this
    rule at lr η/(1-γ), ν = γ.

    References
    ----------
    Ma and Yarats 2019, Quasi-hyperbolic momentum and Adam for deep learning; Sutskever, Martens,
    Dahl and Hinton 2013, On the importance of initialization and momentum in deep learning, for a
    velocity with the rate inside.

    Examples
    --------
    >>> opt, theta = gd.QHM(lr=0.1, momentum=0.5, nu=0.5), np.array([1.0])
    >>> opt.step(theta, np.array([2.0]), opt.init(theta))
    >>> theta
    array([0.85])
    """

    lr: Rate = rate(0.01)
    _: KW_ONLY
    momentum: float | Schedule = rate(0.999, UP_TO_ONE, PERSISTENCE)
    nu: float = number(0.7, UP_TO_ONE, space=PERSISTENCE)
    inside: float = number(0.0, UP_TO_ONE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)


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
    restart : "gradient" or None, default None
        "gradient": after a step that went back against the one before it, with
        :math:`⟨y_t - θ_{t+1}, θ_{t+1} - θ_t⟩ > 0`, the velocity is dropped and the schedule begins
        anew. A strongly convex L then falls at the rate of the best constant γ, which need not be
        known. For the default schedule, or a constant.
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
    O'Donoghue and Candès 2015, Adaptive Restart for Accelerated Gradient Schemes.

    Examples
    --------
    >>> opt, theta = gd.Nesterov(lr=0.1, momentum=0.5), np.array([1.0])
    >>> state = opt.init(theta)
    >>> for _ in range(2):
    ...     opt.step(theta, 2 * opt.point(theta, state), state)
    >>> theta
    array([0.56])
    """

    lr: Rate = rate(0.01)
    _: KW_ONLY
    momentum: float | Schedule = rate(schedules.nesterov(), UP_TO_ONE, PERSISTENCE)
    restart: str | None = choice(None, ("gradient",))
    weight_decay: float = number(0.0, NOT_NEGATIVE)

    def __post_init__(self) -> None:
        super().__post_init__()
        moves = isinstance(self.momentum, Schedule) and self.momentum != schedules.nesterov()
        if self.restart is not None and moves:
            raise ValueError(
                "Nesterov: restart is for the schedule of the theorem or a constant momentum, not "
                f"for {self.momentum!r}"
            )


@dataclass(frozen=True)
class ScheduleFreeSGD(Optimizer):
    r"""SGD whose averaging does what a schedule would, without knowing the run's length.

    .. math:: y = (1-β) z + β θ, \quad z = z - η_t (∇L(y) + λ y), \quad θ = (1-c) θ + c z, \quad
              c = \frac{h_t^p}{\sum_{s \le t} h_s^p}, \; h_t = \max_{s \le t} η_s

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 0.1
        η, at least 0; a warm-up is the one schedule to give it.
    beta : float in [0, 1], default 0.9
        β; 0 is Polyak and Ruppert's averaging.
    weight_power : float, default 2
        p, at least 0: 0 weighs all steps alike.
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

    lr: Rate = rate(0.1)
    _: KW_ONLY
    beta: float = number(0.9, UP_TO_ONE, space=MEMORY)
    weight_power: float = number(2.0, NOT_NEGATIVE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)
