"""The optimizers and schedules of optax, under their names and with their numbers.

An optimizer here is a rule, and no transformation to be chained. Those of ``optax.contrib`` stand
beside the others.
"""

from typing import Any

from fastgd import optimizers
from fastgd.dialects.optax_schedules import (
    constant_schedule,
    cosine_decay_schedule,
    cosine_onecycle_schedule,
    exponential_decay,
    join_schedules,
    linear_onecycle_schedule,
    linear_schedule,
    piecewise_constant_schedule,
    piecewise_interpolate_schedule,
    polynomial_schedule,
    sgdr_schedule,
    warmup_constant_schedule,
    warmup_cosine_decay_schedule,
    warmup_exponential_decay_schedule,
)
from fastgd.dialects.terms import Dialect, as_nesterov, below_one, coupled, refuse

__all__ = [
    "adabelief", "adadelta", "adagrad", "adam", "adamax", "adamaxw", "adamw", "adan", "ademamix",
    "adopt", "amsgrad", "constant_schedule", "cosine_decay_schedule", "cosine_onecycle_schedule",
    "exponential_decay", "join_schedules", "lamb", "linear_onecycle_schedule", "linear_schedule",
    "lion", "lookahead", "nadam", "nadamw", "piecewise_constant_schedule",
    "piecewise_interpolate_schedule", "polynomial_schedule", "radam", "rmsprop",
    "schedule_free_adamw", "schedule_free_sgd", "sgd", "sgdr_schedule", "sign_sgd", "signum",
    "warmup_constant_schedule", "warmup_cosine_decay_schedule", "warmup_exponential_decay_schedule",
    "yogi",
]  # fmt: skip

REASONS = {
    "adafactor": "it factors the second moment of matrices, and θ is one vector here",
    "fromage": "there is no such rule here",
    "lars": "there is no such rule here; LAMB has a trust ratio",
    "lbfgs": 'it is no rule of a gradient alone; minimize(f, "auto") has L-BFGS',
    "noisy_sgd": "it draws noise of its own, and a run here has one source of randomness",
    "novograd": "there is no such rule here",
    "optimistic_gradient_descent": "there is no such rule here",
    "polyak_sgd": "its rate depends on the value of the loss",
    "rprop": "optax takes each step one gradient later; gd.Rprop is the paper's and torch's",
    "sm3": "there is no such rule here",
}
MASK = "what is decayed is known here: all but intercepts and biases"
DTYPE = "all of a rule's state is float64 here"
CORRECTED = "both moments are corrected for their start at 0 here"
LOOKS_AHEAD = "there is no such rule with Nesterov's look-ahead here"
row = Dialect("optax", REASONS, {
    "accumulator_dtype": DTYPE, "mu_dtype": DTYPE, "state_dtype": DTYPE,
    "mask": MASK, "weight_decay_mask": MASK,
    "clip_value_fn": "the bound is a power of the step: clip= of gd.ADOPT",
    "reset_state": "the inner state is kept at a return here",
    "initial_scale": "the average starts at 0 here",
    "bias_correction": "gd.Adam(beta1=0) is corrected",
})  # fmt: skip
__getattr__ = row.missing


@row
def sgd(
    learning_rate: Any, momentum: float | None = None, nesterov: bool = False,
    accumulator_dtype: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.sgd``: its velocity has no factor 1 - γ, and with nesterov θ looks ahead.

    >>> gd.dialects.optax.sgd(0.1, momentum=0.9)
    Momentum(lr=0.1, momentum=0.9, dampening=0.0, weight_decay=0.0)
    """
    if momentum is None:
        return optimizers.SGD(learning_rate)
    momentum = below_one("sgd", momentum)
    if nesterov:
        made: optimizers.Optimizer = as_nesterov(learning_rate, momentum)
        return made
    return optimizers.Momentum(learning_rate, momentum=momentum, dampening=0.0)


@row
def adam(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
    eps_root: float = 0.0, mu_dtype: Any = None, *, nesterov: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.adam``; with nesterov, ``optax.nadam``.

    >>> gd.dialects.optax.adam(0.1, eps_root=1e-12).eps_root
    1e-12
    """
    return adamw(learning_rate, b1, b2, eps, eps_root, mu_dtype, 0.0, nesterov=nesterov)


@row
def adamw(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
    eps_root: float = 0.0, mu_dtype: Any = None, weight_decay: float = 1e-4, mask: Any = None, *,
    nesterov: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.adamw``: a decay beside the step, at the same rate, of 1e-4 by default.

    >>> gd.dialects.optax.adamw(0.1).weight_decay
    0.0001
    """
    kind: Any = optimizers.NAdam if nesterov else optimizers.Adam
    made: optimizers.Optimizer = kind(
        learning_rate, beta1=b1, beta2=b2, eps=eps, eps_root=eps_root, weight_decay=weight_decay
    )
    return made


@row
def nadam(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
    eps_root: float = 0.0, mu_dtype: Any = None, *, nesterov: bool = True,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.nadam``: β₁ stands still.

    >>> gd.dialects.optax.nadam(0.1).beta2
    0.999
    """
    return adamw(learning_rate, b1, b2, eps, eps_root, mu_dtype, 0.0, nesterov=nesterov)


@row
def nadamw(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
    eps_root: float = 0.0, mu_dtype: Any = None, weight_decay: float = 1e-4, mask: Any = None, *,
    nesterov: bool = True,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.nadamw`` in fastgd's words.

    >>> gd.dialects.optax.nadamw(0.1).weight_decay
    0.0001
    """
    return adamw(
        learning_rate, b1, b2, eps, eps_root, mu_dtype, weight_decay, mask, nesterov=nesterov
    )


@row(bias_correction_mu=CORRECTED, bias_correction_nu=CORRECTED)
def amsgrad(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
    eps_root: float = 0.0, mu_dtype: Any = None, bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.amsgrad``: the maximum is taken of the corrected moment.

    Refused: moments that are not corrected.

    >>> gd.dialects.optax.amsgrad(0.1).corrected
    1.0
    """
    return optimizers.AMSGrad(
        learning_rate, beta1=b1, beta2=b2, eps=eps, eps_root=eps_root, corrected=1.0
    )


@row
def adagrad(
    learning_rate: Any, initial_accumulator_value: float = 0.1, eps: float = 1e-7,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.adagrad``: the sum starts at 0.1, and ε stands in the root.

    >>> gd.dialects.optax.adagrad(0.1).initial_accumulator
    0.1
    """
    return optimizers.AdaGrad(
        learning_rate, eps=0.0, eps_root=eps, initial_accumulator=initial_accumulator_value
    )


@row
def rmsprop(
    learning_rate: Any, decay: float = 0.9, eps: float = 1e-8, initial_scale: float = 0.0,
    eps_in_sqrt: bool = True, centered: bool = False, momentum: float | None = None,
    nesterov: bool = False, bias_correction: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.rmsprop``: ε in the root, and each step keeps its own rate in the velocity.

    Refused: a look-ahead, a correction, or a start that is not 0.

    >>> gd.dialects.optax.rmsprop(0.1, momentum=0.9).inside
    1.0
    """
    if nesterov and momentum is not None:
        refuse("rmsprop(nesterov=True)", LOOKS_AHEAD)
    return optimizers.RMSProp(
        learning_rate, decay=decay, eps=0.0 if eps_in_sqrt else eps,
        eps_root=eps if eps_in_sqrt else 0.0, momentum=momentum or 0.0, centered=float(centered),
        inside=1.0,
    )  # fmt: skip


@row
def adadelta(
    learning_rate: Any = None, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0,
    weight_decay_mask: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.adadelta``: its ``weight_decay`` enters the gradient.

    Refused: no rate.

    >>> gd.dialects.optax.adadelta(1.0)
    Adadelta(lr=1.0, decay=0.9, eps_root=1e-06, weight_decay=0.0)
    """
    if learning_rate is None:
        refuse("adadelta(learning_rate=None)", "without a rate optax climbs; give one")
    made = optimizers.Adadelta(learning_rate, decay=rho, eps_root=eps)
    return coupled(made, weight_decay)


@row
def adamax(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.adamax``: ε within the maximum.

    >>> gd.dialects.optax.adamax(0.1).eps
    1e-08
    """
    return optimizers.Adamax(learning_rate, beta1=b1, beta2=b2, eps=eps)


@row
def adamaxw(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
    weight_decay: float = 1e-4, mask: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.adamaxw``: Adamax with a decay beside the step.

    >>> gd.dialects.optax.adamaxw(0.1).weight_decay
    0.0001
    """
    return optimizers.Adamax(learning_rate, beta1=b1, beta2=b2, eps=eps, weight_decay=weight_decay)


@row(nesterov=LOOKS_AHEAD)
def adabelief(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-16,
    eps_root: float = 1e-16, *, nesterov: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.adabelief`` in fastgd's words.

    >>> gd.dialects.optax.adabelief(0.1).eps
    1e-16
    """
    return optimizers.AdaBelief(learning_rate, beta1=b1, beta2=b2, eps=eps, eps_root=eps_root)


@row(nesterov=LOOKS_AHEAD)
def radam(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
    eps_root: float = 0.0, threshold: float = 5.0, *, nesterov: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.radam`` in fastgd's words.

    >>> gd.dialects.optax.radam(0.1).threshold
    5.0
    """
    return optimizers.RAdam(
        learning_rate, beta1=b1, beta2=b2, threshold=threshold, eps=eps, eps_root=eps_root
    )


@row
def yogi(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-3,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.yogi``: both moments start at 1e-6.

    >>> gd.dialects.optax.yogi(0.1).initial_accumulator
    1e-06
    """
    return optimizers.Yogi(learning_rate, beta1=b1, beta2=b2, eps=eps, initial_accumulator=1e-6)


@row
def adan(
    learning_rate: Any, b1: float = 0.98, b2: float = 0.92, b3: float = 0.99, eps: float = 1e-8,
    eps_root: float = 1e-8, weight_decay: float = 0.0, mask: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.adan``, at b2 = 1/2 only: it extrapolates by 1 - b2, the paper by β₂.

    Refused: another b2.

    >>> gd.dialects.optax.adan(0.1, b2=0.5).beta3
    0.99
    """
    if b2 != 0.5:
        refuse(f"adan(b2={b2!r})", "optax averages changes with b2 and extrapolates by 1 - b2, the "
               "paper and gd.Adan by the same number: they meet at 0.5")  # fmt: skip
    return optimizers.Adan(
        learning_rate, beta1=b1, beta2=b2, beta3=b3, eps=eps, eps_root=eps_root,
        weight_decay=weight_decay,
    )  # fmt: skip


@row
def lamb(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-6,
    eps_root: float = 0.0, weight_decay: float = 0.0, mask: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.lamb`` in fastgd's words.

    >>> gd.dialects.optax.lamb(0.1).eps
    1e-06
    """
    return optimizers.LAMB(
        learning_rate, beta1=b1, beta2=b2, eps=eps, eps_root=eps_root, weight_decay=weight_decay
    )


@row
def lion(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.99, mu_dtype: Any = None,
    weight_decay: float = 1e-3, mask: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.lion``: a decay of 1e-3 by default.

    >>> gd.dialects.optax.lion(0.1)
    Lion(lr=0.1, beta1=0.9, beta2=0.99, weight_decay=0.001)
    """
    return optimizers.Lion(learning_rate, beta1=b1, beta2=b2, weight_decay=weight_decay)


@row
def sign_sgd(learning_rate: Any) -> optimizers.Optimizer:
    """``optax.sign_sgd``: the sign of each gradient.

    >>> gd.dialects.optax.sign_sgd(0.1).momentum
    0.0
    """
    return optimizers.Signum(learning_rate, momentum=0.0)


@row
def signum(
    learning_rate: Any, beta: float = 0.9, accumulator_dtype: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.signum``: the sign of an average.

    >>> gd.dialects.optax.signum(0.1).momentum
    0.9
    """
    return optimizers.Signum(learning_rate, momentum=beta)


@row
def ademamix(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.999, b3: Any = 0.9999, alpha: Any = 5.0,
    eps: float = 1e-8, eps_root: float = 0.0, mu_dtype: Any = None, weight_decay: float = 0.0,
    mask: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.contrib.ademamix`` in fastgd's words.

    Refused: b3 or alpha that move.

    >>> gd.dialects.optax.ademamix(0.1).beta3
    0.9999
    """
    return optimizers.AdEMAMix(
        learning_rate, beta1=b1, beta2=b2, beta3=b3, alpha=alpha, eps=eps, eps_root=eps_root,
        weight_decay=weight_decay,
    )  # fmt: skip


@row(nesterov=LOOKS_AHEAD)
def adopt(
    learning_rate: Any, b1: float = 0.9, b2: float = 0.9999, eps: float = 1e-6,
    mu_dtype: Any = None, *, nesterov: bool = False, use_clipping: bool = True,
    clip_value_fn: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.contrib.adopt``, clipped at the fourth root of the step as by default there.

    >>> gd.dialects.optax.adopt(0.1, use_clipping=False).clip is None
    True
    """
    return optimizers.ADOPT(
        learning_rate, beta1=b1, beta2=b2, eps=eps, clip=0.25 if use_clipping else None
    )


@row
def lookahead(
    fast_optimizer: Any, sync_period: int, slow_step_size: float, reset_state: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.lookahead``, whose fast parameters are θ here.

    Refused: a state that is reset.

    >>> gd.dialects.optax.lookahead(gd.SGD(0.1), 5, 0.5).every
    5
    """
    return optimizers.Lookahead(fast_optimizer, every=sync_period, slow_step=slow_step_size)


def _still(name: str, learning_rate: Any, warmup_steps: Any, weight_lr_power: float) -> None:
    if warmup_steps is None and isinstance(learning_rate, (int, float)):
        return
    if weight_lr_power != 0:
        refuse(f"{name} with a rate that moves",
               "optax weighs each step by the rate of the next one; take weight_lr_power=0, or "
               "gd.ScheduleFree..., which weighs it by its own")  # fmt: skip


@row
def schedule_free_sgd(
    learning_rate: Any = 1.0, warmup_steps: int | None = None, b1: float = 0.9,
    weight_decay: float | None = None, weight_lr_power: float = 2.0, state_dtype: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.contrib.schedule_free_sgd``: its parameters are y, θ here what it evaluates at.

    Refused: a rate that moves, and weights that follow it: optax takes the next step's rate.

    >>> gd.dialects.optax.schedule_free_sgd(0.5)
    ScheduleFreeSGD(lr=0.5, beta=0.9, weight_power=2.0, weight_decay=0.0)
    """
    _still("schedule_free_sgd", learning_rate, warmup_steps, weight_lr_power)
    if warmup_steps is not None:
        learning_rate = warmup_constant_schedule(0.0, learning_rate, warmup_steps)
    return optimizers.ScheduleFreeSGD(
        learning_rate, beta=b1, weight_power=weight_lr_power, weight_decay=weight_decay or 0.0
    )


@row
def schedule_free_adamw(
    learning_rate: Any = 0.0025, warmup_steps: int | None = None, b1: float = 0.9,
    b2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.0, weight_lr_power: float = 2.0,
    state_dtype: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``optax.contrib.schedule_free_adamw``: its parameters are y, θ here what it evaluates at.

    >>> gd.dialects.optax.schedule_free_adamw().lr
    0.0025
    """
    _still("schedule_free_adamw", learning_rate, warmup_steps, weight_lr_power)
    if warmup_steps is not None:
        learning_rate = warmup_constant_schedule(0.0, learning_rate, warmup_steps)
    return optimizers.ScheduleFreeAdamW(
        learning_rate, beta1=b1, beta2=b2, eps=eps, weight_power=weight_lr_power,
        weight_decay=weight_decay,
    )  # fmt: skip
