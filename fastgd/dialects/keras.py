"""The optimizers and schedules of keras 3, under their names and with their numbers.

Every optimizer takes keras' common arguments besides its own: ``weight_decay``, which is decoupled
there too, and those that must stay at their defaults, since a run here says them (clipping), or a
rule around another (averages).
"""

from collections.abc import Sequence
from typing import Any

from fastgd import optimizers, schedules
from fastgd.dialects.terms import as_nesterov, below_one, heavy, missing, refuse

__all__ = [
    "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "CosineDecay", "CosineDecayRestarts",
    "ExponentialDecay", "InverseTimeDecay", "Lamb", "Lion", "Nadam", "PiecewiseConstantDecay",
    "PolynomialDecay", "RMSprop", "SGD", "ScheduleFreeAdamW",
]  # fmt: skip

REASONS = {
    "Adafactor": "it factors the second moment of matrices, and θ is one vector here",
    "Ftrl": "there is no such rule here; penalties.L1 makes exact zeros with any rule",
    "LossScaleOptimizer": "all arithmetic is in float64 here, and needs no scaled loss",
    "MultiOptimizer": "θ is one vector here, with one rule",
    "Muon": "it works on matrices, and θ is one vector here",
}
# What every optimizer of keras takes, and where that is said here.
COMMON = {
    "clipnorm": "clip_norm= of minimize bounds the gradient",
    "clipvalue": "clip_value= of minimize bounds its entries",
    "global_clipnorm": "clip_norm= of minimize bounds the gradient",
    "use_ema": "gd.ExponentialAverage is around an optimizer",
    "ema_momentum": "gd.ExponentialAverage is around an optimizer",
    "ema_overwrite_frequency": "gd.ExponentialAverage is around an optimizer",
    "loss_scale_factor": "all arithmetic is in float64 here",
    "gradient_accumulation_steps": "a larger batch_size is the same",
}


def __getattr__(name: str) -> Any:
    missing("keras", REASONS, name)


def _decay(name: str, common: dict[str, Any]) -> float:
    """The weight decay among the common arguments; refuses those that say something else."""
    common = dict(common)
    decay, _ = common.pop("weight_decay", None), common.pop("name", None)
    for argument, value in common.items():
        if argument not in COMMON:
            raise TypeError(f"{name} has no argument {argument!r}")
        if value not in (None, False) and not (argument == "ema_momentum" and value == 0.99):
            refuse(f"{name}({argument}={value!r})", COMMON[argument])
    return 0.0 if decay is None else float(decay)


def SGD(
    learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, **common: Any
) -> optimizers.Optimizer:
    """``keras.optimizers.SGD``: each gradient keeps the rate of its own step in the velocity.

    Parameters
    ----------
    learning_rate, momentum, nesterov, **common
        As in keras.

    Returns
    -------
    Optimizer

    Raises
    ------
    TypeError, ValueError
        What makes no sense, or is said elsewhere here.

    Examples
    --------
    >>> gd.dialects.keras.SGD(0.1, momentum=0.5)
    QHM(lr=0.2, momentum=0.5, nu=1.0, inside=1.0, weight_decay=0.0)
    """
    decay = _decay("SGD", common)
    if not momentum:
        return optimizers.SGD(learning_rate, weight_decay=decay)
    momentum = below_one("SGD", momentum)
    made: optimizers.Optimizer
    if nesterov:
        made = as_nesterov(learning_rate, momentum, decay, inside=1.0)
    else:
        made = heavy(learning_rate, momentum, decay)
    return made


def RMSprop(
    learning_rate: Any = 1e-3, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7,
    centered: bool = False, **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.RMSprop``: ε in the root, the rate in the velocity.

    Parameters
    ----------
    learning_rate, rho, momentum, epsilon, centered, **common
        As in keras.

    Returns
    -------
    Optimizer

    Raises
    ------
    TypeError, ValueError
        What makes no sense, or is said elsewhere here.

    Examples
    --------
    >>> gd.dialects.keras.RMSprop().eps_root
    1e-07
    """
    return optimizers.RMSProp(
        learning_rate, decay=rho, eps=0.0, eps_root=epsilon, momentum=momentum,
        centered=float(centered), inside=1.0, weight_decay=_decay("RMSprop", common),
    )  # fmt: skip


def Adam(
    learning_rate: Any = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
    amsgrad: bool = False, **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Adam``: ε̂ beside the root of the uncorrected moment.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, amsgrad, **common
        As in keras.

    Returns
    -------
    Optimizer

    Raises
    ------
    TypeError, ValueError
        What makes no sense, or is said elsewhere here.

    Examples
    --------
    >>> gd.dialects.keras.Adam().eps_hat
    1e-07
    """
    kind: Any = optimizers.AMSGrad if amsgrad else optimizers.Adam
    made: optimizers.Optimizer = kind(
        learning_rate, beta1=beta_1, beta2=beta_2, eps=0.0, eps_root=0.0, eps_hat=epsilon,
        weight_decay=_decay("Adam", common),
    )  # fmt: skip
    return made


def AdamW(
    learning_rate: Any = 1e-3, weight_decay: float = 0.004, beta_1: float = 0.9,
    beta_2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False, **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.AdamW``: a decay of 0.004 by default.

    Parameters
    ----------
    learning_rate, weight_decay, beta_1, beta_2, epsilon, amsgrad, **common
        As in keras.

    Returns
    -------
    Optimizer

    Raises
    ------
    TypeError, ValueError
        What makes no sense, or is said elsewhere here.

    Examples
    --------
    >>> gd.dialects.keras.AdamW().weight_decay
    0.004
    """
    return Adam(
        learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **common
    )


def Adadelta(
    learning_rate: Any = 1e-3, rho: float = 0.95, epsilon: float = 1e-7, **common: Any
) -> optimizers.Optimizer:
    """``keras.optimizers.Adadelta``, with a rate of 0.001 by default.

    Parameters
    ----------
    learning_rate, rho, epsilon, **common
        As in keras.

    Returns
    -------
    Optimizer

    Raises
    ------
    TypeError, ValueError
        What makes no sense, or is said elsewhere here.

    Examples
    --------
    >>> gd.dialects.keras.Adadelta()
    Adadelta(lr=0.001, decay=0.95, eps_root=1e-07, weight_decay=0.0)
    """
    return optimizers.Adadelta(
        learning_rate, decay=rho, eps_root=epsilon, weight_decay=_decay("Adadelta", common)
    )


def Adagrad(
    learning_rate: Any = 1e-3, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7,
    **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Adagrad``: the sum starts at 0.1, and ε stands in the root.

    Parameters
    ----------
    learning_rate, initial_accumulator_value, epsilon, **common
        As in keras.

    Returns
    -------
    Optimizer

    Raises
    ------
    TypeError, ValueError
        What makes no sense, or is said elsewhere here.

    Examples
    --------
    >>> gd.dialects.keras.Adagrad().initial_accumulator
    0.1
    """
    return optimizers.AdaGrad(
        learning_rate, eps=0.0, eps_root=epsilon, initial_accumulator=initial_accumulator_value,
        weight_decay=_decay("Adagrad", common),
    )  # fmt: skip


def Adamax(
    learning_rate: Any = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
    **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Adamax``: ε beside the maximum.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, **common
        As in keras.

    Returns
    -------
    Optimizer

    Raises
    ------
    TypeError, ValueError
        What makes no sense, or is said elsewhere here.

    Examples
    --------
    >>> gd.dialects.keras.Adamax().eps_outside
    1e-07
    """
    return optimizers.Adamax(
        learning_rate, beta1=beta_1, beta2=beta_2, eps=0.0, eps_outside=epsilon,
        weight_decay=_decay("Adamax", common),
    )  # fmt: skip


def Nadam(
    learning_rate: Any = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
    **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Nadam``: β₁ moves by the paper's schedule, 250 times as fast as torch's.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, **common
        As in keras.

    Returns
    -------
    Optimizer

    Raises
    ------
    TypeError, ValueError
        What makes no sense, or is said elsewhere here.

    Examples
    --------
    >>> gd.dialects.keras.Nadam().momentum_decay
    1.0
    """
    return optimizers.NAdam(
        learning_rate, beta1=beta_1, beta2=beta_2, eps=epsilon, momentum_decay=1.0,
        weight_decay=_decay("Nadam", common),
    )  # fmt: skip


def Lion(
    learning_rate: Any = 1e-3, beta_1: float = 0.9, beta_2: float = 0.99, **common: Any
) -> optimizers.Optimizer:
    """``keras.optimizers.Lion`` in fastgd's words.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, **common
        As in keras.

    Returns
    -------
    Optimizer

    Raises
    ------
    TypeError, ValueError
        What makes no sense, or is said elsewhere here.

    Examples
    --------
    >>> gd.dialects.keras.Lion()
    Lion(lr=0.001, beta1=0.9, beta2=0.99, weight_decay=0.0)
    """
    return optimizers.Lion(
        learning_rate, beta1=beta_1, beta2=beta_2, weight_decay=_decay("Lion", common)
    )


def Lamb(
    learning_rate: Any = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
    **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Lamb`` in fastgd's words.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, **common
        As in keras.

    Returns
    -------
    Optimizer

    Raises
    ------
    ValueError
        A weight decay, which keras leaves out of the trust ratio.

    Examples
    --------
    >>> gd.dialects.keras.Lamb().eps
    1e-07
    """
    if _decay("Lamb", common):
        refuse("Lamb(weight_decay=...)", "keras decays before the norm is taken, and not within "
               "the trust ratio as the paper does")  # fmt: skip
    return optimizers.LAMB(learning_rate, beta1=beta_1, beta2=beta_2, eps=epsilon)


def ScheduleFreeAdamW(
    learning_rate: Any = 0.0025, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8,
    warmup_steps: int = 0, **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.ScheduleFreeAdamW``: its variables are y; all steps weigh the same.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, warmup_steps, **common
        As in keras.

    Returns
    -------
    Optimizer

    Raises
    ------
    ValueError
        A weight decay, which there moves y alone; a warm-up of a rate that moves already.

    Examples
    --------
    >>> gd.dialects.keras.ScheduleFreeAdamW().weight_power
    0.0
    """
    if _decay("ScheduleFreeAdamW", common):
        refuse("ScheduleFreeAdamW(weight_decay=...)", "keras decays y and not z")
    if warmup_steps:
        if isinstance(learning_rate, schedules.Schedule):
            refuse("ScheduleFreeAdamW(warmup_steps=...)", "the rate moves already")
        learning_rate = schedules.warmup(warmup_steps, then=learning_rate)
    return optimizers.ScheduleFreeAdamW(
        learning_rate, beta1=beta_1, beta2=beta_2, eps=epsilon, weight_power=0.0
    )


# --- Schedules ------------------------------------------------------------------------------------


def ExponentialDecay(
    initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
    name: str = "",
) -> schedules.Schedule:  # fmt: skip
    """``keras.optimizers.schedules.ExponentialDecay`` in fastgd's words.

    Parameters
    ----------
    initial_learning_rate, decay_steps, decay_rate, staircase, name
        As in keras.

    Returns
    -------
    Schedule

    Raises
    ------
    TypeError, ValueError
        What makes no sense.

    Examples
    --------
    >>> gd.dialects.keras.ExponentialDecay(1.0, 2, 0.25)(np.arange(4))
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    if staircase:
        return schedules.step(initial_learning_rate, decay_rate, decay_steps)
    return schedules.exponential(initial_learning_rate, decay_rate ** (1.0 / decay_steps))


def InverseTimeDecay(
    initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
    name: str = "",
) -> schedules.Schedule:  # fmt: skip
    """``keras.optimizers.schedules.InverseTimeDecay`` in fastgd's words.

    Parameters
    ----------
    initial_learning_rate, decay_steps, decay_rate, staircase, name
        As in keras.

    Returns
    -------
    Schedule

    Raises
    ------
    TypeError, ValueError
        What makes no sense.

    Examples
    --------
    >>> gd.dialects.keras.InverseTimeDecay(1.0, 2, 1.0)
    inverse_time(lr=1.0, rate=0.5)
    """
    made = schedules.inverse_time(initial_learning_rate, decay_rate / decay_steps)
    return schedules.held(made, decay_steps) if staircase else made


def PiecewiseConstantDecay(
    boundaries: Sequence[int], values: Sequence[float], name: str = ""
) -> schedules.Schedule:
    """``keras.optimizers.schedules.PiecewiseConstantDecay``: a boundary belongs to the left.

    Parameters
    ----------
    boundaries, values, name
        As in keras; whole steps.

    Returns
    -------
    Schedule

    Raises
    ------
    TypeError, ValueError
        What makes no sense.

    Examples
    --------
    >>> gd.dialects.keras.PiecewiseConstantDecay([2], [1.0, 0.1])(np.arange(4))
    array([1. , 1. , 1. , 0.1])
    """
    return schedules.join([int(place) + 1 for place in boundaries], list(values))


def PolynomialDecay(
    initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 1e-4,
    power: float = 1.0, cycle: bool = False, name: str = "",
) -> schedules.Schedule:  # fmt: skip
    """``keras.optimizers.schedules.PolynomialDecay`` in fastgd's words.

    Parameters
    ----------
    initial_learning_rate, decay_steps, end_learning_rate, power, name
        As in keras.
    cycle : False

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError
        A cycle.

    Examples
    --------
    >>> gd.dialects.keras.PolynomialDecay(1.0, 4, end_learning_rate=0.0)(np.arange(5))
    array([1.  , 0.75, 0.5 , 0.25, 0.  ])
    """
    if cycle:
        refuse("PolynomialDecay(cycle=True)", "each period would be longer, and begin lower; "
               "gd.schedules.sgdr restarts")  # fmt: skip
    return schedules.polynomial(
        initial_learning_rate, end_learning_rate, exponent=power, steps=decay_steps
    )


def CosineDecay(
    initial_learning_rate: float, decay_steps: int, alpha: float = 0.0, name: str = "",
    warmup_target: float | None = None, warmup_steps: int = 0,
) -> schedules.Schedule:  # fmt: skip
    """``keras.optimizers.schedules.CosineDecay``: the decay counts from the warm-up's end.

    Parameters
    ----------
    initial_learning_rate, decay_steps, alpha, name, warmup_target, warmup_steps
        As in keras.

    Returns
    -------
    Schedule

    Raises
    ------
    TypeError, ValueError
        What makes no sense.

    Examples
    --------
    >>> gd.dialects.keras.CosineDecay(1.0, 2)(np.arange(4)).round(3)
    array([1. , 0.5, 0. , 0. ])
    """
    if warmup_target is None or warmup_steps <= 0:
        top = initial_learning_rate if warmup_target is None else warmup_target
        return schedules.cosine(top, alpha, steps=decay_steps)
    rise = schedules.interpolate([0, warmup_steps], [initial_learning_rate, warmup_target])
    return schedules.join([warmup_steps], [rise, schedules.cosine(warmup_target, alpha,
                                                                  steps=decay_steps)])  # fmt: skip


def CosineDecayRestarts(
    initial_learning_rate: float, first_decay_steps: int, t_mul: float = 2.0, m_mul: float = 1.0,
    alpha: float = 0.0, name: str = "",
) -> schedules.Schedule:  # fmt: skip
    """``keras.optimizers.schedules.CosineDecayRestarts``: SGDR.

    Parameters
    ----------
    initial_learning_rate, first_decay_steps, m_mul, alpha, name
        As in keras.
    t_mul : whole number

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError
        Periods that are no whole numbers.

    Examples
    --------
    >>> gd.dialects.keras.CosineDecayRestarts(1.0, 10).period_multiplier
    2
    """
    if t_mul != int(t_mul):
        refuse(f"CosineDecayRestarts(t_mul={t_mul!r})", "a period is a whole number of steps here")
    return schedules.sgdr(
        initial_learning_rate * alpha, initial_learning_rate, first_decay_steps,
        period_multiplier=int(t_mul), height_multiplier=m_mul,
    )  # fmt: skip
