"""The optimizers and schedules of keras 3, under their names and with their numbers.

Every optimizer takes keras' common arguments besides its own: ``weight_decay``, which is decoupled
there too, and those that must stay at their defaults, since a run here says them (clipping), or a
rule around another (averages).
"""

from collections.abc import Sequence
from typing import Any

from fastgd import optimizers, schedules
from fastgd.dialects.terms import Dialect, as_nesterov, below_one, heavy, refuse

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


row = Dialect("keras", REASONS, COMMON, weight_decay=None, name=None, ema_momentum=0.99)
__getattr__ = row.missing


def _decay(common: dict[str, Any]) -> float:
    return float(common.get("weight_decay") or 0.0)


@row
def SGD(
    learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.SGD``: each gradient keeps the rate of its own step in the velocity.

    >>> gd.dialects.keras.SGD(0.1, momentum=0.5)
    QHM(lr=0.2, momentum=0.5, nu=1.0, inside=1.0, weight_decay=0.0)
    """
    decay = _decay(common)
    if not momentum:
        return optimizers.SGD(learning_rate, weight_decay=decay)
    momentum = below_one("SGD", momentum)
    made: optimizers.Optimizer
    if nesterov:
        made = as_nesterov(learning_rate, momentum, decay, inside=1.0)
    else:
        made = heavy(learning_rate, momentum, decay)
    return made


@row
def RMSprop(
    learning_rate: Any = 1e-3, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7,
    centered: bool = False, **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.RMSprop``: ε in the root, the rate in the velocity.

    >>> gd.dialects.keras.RMSprop().eps_root
    1e-07
    """
    return optimizers.RMSProp(
        learning_rate, decay=rho, eps=0.0, eps_root=epsilon, momentum=momentum,
        centered=float(centered), inside=1.0, weight_decay=_decay(common),
    )  # fmt: skip


@row
def Adam(
    learning_rate: Any = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
    amsgrad: bool = False, **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Adam``: ε̂ beside the root of the uncorrected moment.

    >>> gd.dialects.keras.Adam().eps_hat
    1e-07
    """
    kind: Any = optimizers.AMSGrad if amsgrad else optimizers.Adam
    made: optimizers.Optimizer = kind(
        learning_rate, beta1=beta_1, beta2=beta_2, eps=0.0, eps_root=0.0, eps_hat=epsilon,
        weight_decay=_decay(common),
    )  # fmt: skip
    return made


@row
def AdamW(
    learning_rate: Any = 1e-3, weight_decay: float = 0.004, beta_1: float = 0.9,
    beta_2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False, **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.AdamW``: a decay of 0.004 by default.

    >>> gd.dialects.keras.AdamW().weight_decay
    0.004
    """
    return Adam(
        learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **common
    )


@row
def Adadelta(
    learning_rate: Any = 1e-3, rho: float = 0.95, epsilon: float = 1e-7, **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Adadelta``, with a rate of 0.001 by default.

    >>> gd.dialects.keras.Adadelta()
    Adadelta(lr=0.001, decay=0.95, eps_root=1e-07, weight_decay=0.0)
    """
    return optimizers.Adadelta(
        learning_rate, decay=rho, eps_root=epsilon, weight_decay=_decay(common)
    )


@row
def Adagrad(
    learning_rate: Any = 1e-3, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7,
    **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Adagrad``: the sum starts at 0.1, and ε stands in the root.

    >>> gd.dialects.keras.Adagrad().initial_accumulator
    0.1
    """
    return optimizers.AdaGrad(
        learning_rate, eps=0.0, eps_root=epsilon, initial_accumulator=initial_accumulator_value,
        weight_decay=_decay(common),
    )  # fmt: skip


@row
def Adamax(
    learning_rate: Any = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
    **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Adamax``: ε beside the maximum.

    >>> gd.dialects.keras.Adamax().eps_outside
    1e-07
    """
    return optimizers.Adamax(
        learning_rate, beta1=beta_1, beta2=beta_2, eps=0.0, eps_outside=epsilon,
        weight_decay=_decay(common),
    )  # fmt: skip


@row
def Nadam(
    learning_rate: Any = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
    **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Nadam``: β₁ moves by the paper's schedule, 250 times as fast as torch's.

    >>> gd.dialects.keras.Nadam().momentum_decay
    1.0
    """
    return optimizers.NAdam(
        learning_rate, beta1=beta_1, beta2=beta_2, eps=epsilon, momentum_decay=1.0,
        weight_decay=_decay(common),
    )  # fmt: skip


@row
def Lion(
    learning_rate: Any = 1e-3, beta_1: float = 0.9, beta_2: float = 0.99, **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Lion`` in fastgd's words.

    >>> gd.dialects.keras.Lion()
    Lion(lr=0.001, beta1=0.9, beta2=0.99, weight_decay=0.0)
    """
    return optimizers.Lion(learning_rate, beta1=beta_1, beta2=beta_2, weight_decay=_decay(common))


@row
def Lamb(
    learning_rate: Any = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
    **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.Lamb`` in fastgd's words.

    Refused: a weight decay, which keras leaves out of the trust ratio.

    >>> gd.dialects.keras.Lamb().eps
    1e-07
    """
    if _decay(common):
        refuse("Lamb(weight_decay=...)", "keras decays before the norm is taken, and not within "
               "the trust ratio as the paper does")  # fmt: skip
    return optimizers.LAMB(learning_rate, beta1=beta_1, beta2=beta_2, eps=epsilon)


@row
def ScheduleFreeAdamW(
    learning_rate: Any = 0.0025, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8,
    warmup_steps: int = 0, **common: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``keras.optimizers.ScheduleFreeAdamW``: its variables are y; all steps weigh the same.

    Refused: a weight decay, which there moves y alone; a warm-up of a rate that moves already.

    >>> gd.dialects.keras.ScheduleFreeAdamW().weight_power
    0.0
    """
    if _decay(common):
        refuse("ScheduleFreeAdamW(weight_decay=...)", "keras decays y and not z")
    if warmup_steps:
        if isinstance(learning_rate, schedules.Schedule):
            refuse("ScheduleFreeAdamW(warmup_steps=...)", "the rate moves already")
        learning_rate = schedules.warmup(warmup_steps, then=learning_rate)
    return optimizers.ScheduleFreeAdamW(
        learning_rate, beta1=beta_1, beta2=beta_2, eps=epsilon, weight_power=0.0
    )


# --- Schedules ------------------------------------------------------------------------------------


@row
def ExponentialDecay(
    initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
    name: str = "",
) -> schedules.Schedule:  # fmt: skip
    """``keras.optimizers.schedules.ExponentialDecay`` in fastgd's words.

    >>> gd.dialects.keras.ExponentialDecay(1.0, 2, 0.25)(np.arange(4))
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    if staircase:
        return schedules.step(initial_learning_rate, decay_rate, decay_steps)
    return schedules.exponential(initial_learning_rate, decay_rate ** (1.0 / decay_steps))


@row
def InverseTimeDecay(
    initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
    name: str = "",
) -> schedules.Schedule:  # fmt: skip
    """``keras.optimizers.schedules.InverseTimeDecay`` in fastgd's words.

    >>> gd.dialects.keras.InverseTimeDecay(1.0, 2, 1.0)
    inverse_time(lr=1.0, rate=0.5)
    """
    made = schedules.inverse_time(initial_learning_rate, decay_rate / decay_steps)
    return schedules.held(made, decay_steps) if staircase else made


@row
def PiecewiseConstantDecay(
    boundaries: Sequence[int], values: Sequence[float], name: str = "",
) -> schedules.Schedule:  # fmt: skip
    """``keras.optimizers.schedules.PiecewiseConstantDecay``: a boundary belongs to the left.

    >>> gd.dialects.keras.PiecewiseConstantDecay([2], [1.0, 0.1])(np.arange(4))
    array([1. , 1. , 1. , 0.1])
    """
    return schedules.join([int(place) + 1 for place in boundaries], list(values))


@row
def PolynomialDecay(
    initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 1e-4,
    power: float = 1.0, cycle: bool = False, name: str = "",
) -> schedules.Schedule:  # fmt: skip
    """``keras.optimizers.schedules.PolynomialDecay`` in fastgd's words.

    Refused: a cycle.

    >>> gd.dialects.keras.PolynomialDecay(1.0, 4, end_learning_rate=0.0)(np.arange(5))
    array([1.  , 0.75, 0.5 , 0.25, 0.  ])
    """
    if cycle:
        refuse("PolynomialDecay(cycle=True)", "each period would be longer, and begin lower; "
               "gd.schedules.sgdr restarts")  # fmt: skip
    return schedules.polynomial(
        initial_learning_rate, end_learning_rate, exponent=power, steps=decay_steps
    )


@row
def CosineDecay(
    initial_learning_rate: float, decay_steps: int, alpha: float = 0.0, name: str = "",
    warmup_target: float | None = None, warmup_steps: int = 0,
) -> schedules.Schedule:  # fmt: skip
    """``keras.optimizers.schedules.CosineDecay``, which on JAX is in float32, 2e-7 apart.

    >>> gd.dialects.keras.CosineDecay(1.0, 2)(np.arange(4)).round(3)
    array([1. , 0.5, 0. , 0. ])
    """
    if warmup_target is None or warmup_steps <= 0:
        top = initial_learning_rate if warmup_target is None else warmup_target
        return schedules.cosine(top, alpha, steps=decay_steps)
    rise = schedules.interpolate([0, warmup_steps], [initial_learning_rate, warmup_target])
    return schedules.join([warmup_steps], [rise, schedules.cosine(warmup_target, alpha,
                                                                  steps=decay_steps)])  # fmt: skip


@row
def CosineDecayRestarts(
    initial_learning_rate: float, first_decay_steps: int, t_mul: float = 2.0, m_mul: float = 1.0,
    alpha: float = 0.0, name: str = "",
) -> schedules.Schedule:  # fmt: skip
    """``keras.optimizers.schedules.CosineDecayRestarts``: SGDR.

    Refused: periods that are no whole numbers.

    >>> gd.dialects.keras.CosineDecayRestarts(1.0, 10).period_multiplier
    2
    """
    if t_mul != int(t_mul):
        refuse(f"CosineDecayRestarts(t_mul={t_mul!r})", "a period is a whole number of steps here")
    return schedules.sgdr(
        initial_learning_rate * alpha, initial_learning_rate, first_decay_steps,
        period_multiplier=int(t_mul), height_multiplier=m_mul,
    )  # fmt: skip
