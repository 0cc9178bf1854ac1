"""The optimizers and schedulers of torch, under their names and with their numbers.

An optimizer here takes no parameters: those are a run's. A scheduler takes an optimizer, whose rate
it then moves, or a number, and counts steps: one step is one call of ``scheduler.step()``.
"""

from typing import Any

from fastgd import optimizers, schedules
from fastgd.dialects.terms import Dialect, as_nesterov, below_one, coupled, refuse
from fastgd.dialects.torch_schedulers import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    SequentialLR,
    StepLR,
)

__all__ = [
    "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ConstantLR", "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR", "LambdaLR", "LinearLR",
    "MultiStepLR", "NAdam", "OneCycleLR", "PolynomialLR", "RAdam", "RMSprop", "Rprop", "SGD",
    "SequentialLR", "StepLR",
]  # fmt: skip

REASONS = {
    "ASGD": "its average and its rate follow a formula of its own; gd.PolyakAverage is the average",
    "Adafactor": "it factors the second moment of matrices, and θ is one vector here",
    "ChainedScheduler": "it multiplies schedules step by step; say the product as one function",
    "LBFGS": 'it is no rule of a gradient alone; minimize(f, "auto") has L-BFGS',
    "Muon": "it works on matrices, and θ is one vector here",
    "MultiplicativeLR": "its factors add up over the run; say their product, by LambdaLR",
    "ReduceLROnPlateau": "its rate depends on the losses seen, not on the step alone",
    "SparseAdam": "its moments rest where the gradient is 0; gd.Adam's move everywhere",
}
FLAGS = "it changes how torch computes, and nothing here; leave it out"
row = Dialect("torch", REASONS, {
    "maximize": "minimise minus the function", "foreach": FLAGS, "capturable": FLAGS,
    "differentiable": FLAGS, "fused": FLAGS,
})  # fmt: skip
__getattr__ = row.missing


@row
def SGD(
    lr: Any = 1e-3, momentum: float = 0.0, dampening: float = 0.0, weight_decay: float = 0.0,
    nesterov: bool = False, *, maximize: bool = False, foreach: Any = None,
    differentiable: bool = False, fused: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``torch.optim.SGD``: its velocity has no factor 1 - γ, and with nesterov θ looks ahead.

    Refused: a dampened momentum, since torch's first step is not dampened.

    >>> gd.dialects.torch.SGD(lr=0.1, momentum=0.9)
    Momentum(lr=0.1, momentum=0.9, dampening=0.0, weight_decay=0.0)
    """
    if nesterov and (momentum <= 0 or dampening != 0):
        raise ValueError("SGD: Nesterov momentum requires a momentum and zero dampening")
    if momentum == 0:
        return optimizers.SGD(lr, weight_decay=weight_decay)
    momentum = below_one("SGD", momentum)
    if dampening != 0:
        refuse(
            f"SGD(dampening={dampening!r})", "torch's first step is not dampened, all others are"
        )
    if nesterov:
        return coupled(as_nesterov(lr, momentum), weight_decay)
    return coupled(optimizers.Momentum(lr, momentum=momentum, dampening=0.0), weight_decay)


@row
def Adam(
    lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.0, amsgrad: bool = False, *, foreach: Any = None,
    maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    fused: Any = None, decoupled_weight_decay: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``torch.optim.Adam``: its ``weight_decay`` enters the gradient, and so the moments.

    >>> gd.dialects.torch.Adam(amsgrad=True, weight_decay=0.1).l2
    0.1
    """
    beta1, beta2 = betas
    inside = weight_decay if decoupled_weight_decay else 0.0
    kind: Any = optimizers.AMSGrad if amsgrad else optimizers.Adam
    made = kind(lr, beta1=beta1, beta2=beta2, eps=eps, eps_root=0.0, weight_decay=inside)
    return made if decoupled_weight_decay else coupled(made, weight_decay)


@row
def AdamW(
    lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01, amsgrad: bool = False, **flags: Any,
) -> optimizers.Optimizer:  # fmt: skip
    """``torch.optim.AdamW``: Adam with the decay beside its step, at the same rate.

    >>> gd.dialects.torch.AdamW(weight_decay=0.1).weight_decay
    0.1
    """
    return Adam(lr, betas, eps, weight_decay, amsgrad, decoupled_weight_decay=True, **flags)


@row
def Adadelta(
    lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0,
    foreach: Any = None, *, capturable: bool = False, maximize: bool = False,
    differentiable: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``torch.optim.Adadelta`` in fastgd's words.

    >>> gd.dialects.torch.Adadelta()
    Adadelta(lr=1.0, decay=0.9, eps_root=1e-06, weight_decay=0.0)
    """
    return coupled(optimizers.Adadelta(lr, decay=rho, eps_root=eps), weight_decay)


@row
def Adagrad(
    lr: Any = 0.01, lr_decay: float = 0.0, weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0, eps: float = 1e-10, foreach: Any = None, *,
    maximize: bool = False, differentiable: bool = False, fused: Any = None,
) -> optimizers.Optimizer:  # fmt: skip
    """``torch.optim.Adagrad``: its ``lr_decay`` is a schedule, inverse time.

    Refused: a schedule and ``lr_decay`` at once.

    >>> gd.dialects.torch.Adagrad(0.1, lr_decay=0.01).lr
    inverse_time(lr=0.1, rate=0.01)
    """
    if lr_decay:
        if not isinstance(lr, (int, float)):
            refuse("Adagrad", "lr_decay and a schedule multiply each other; say the product as lr")
        lr = schedules.inverse_time(lr, lr_decay)
    made = optimizers.AdaGrad(
        lr, eps=eps, eps_root=0.0, initial_accumulator=initial_accumulator_value
    )
    return coupled(made, weight_decay)


@row
def Adamax(
    lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.0, foreach: Any = None, *, maximize: bool = False,
    differentiable: bool = False, capturable: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``torch.optim.Adamax``: ε within the maximum.

    >>> gd.dialects.torch.Adamax().eps
    1e-08
    """
    beta1, beta2 = betas
    return coupled(optimizers.Adamax(lr, beta1=beta1, beta2=beta2, eps=eps), weight_decay)


@row
def NAdam(
    lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.0, momentum_decay: float = 0.004, decoupled_weight_decay: bool = False,
    *, foreach: Any = None, maximize: bool = False, capturable: bool = False,
    differentiable: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``torch.optim.NAdam``: β₁ moves by the paper's schedule. Its product must be in float64.

    >>> gd.dialects.torch.NAdam().momentum_decay
    0.004
    """
    beta1, beta2 = betas
    made = optimizers.NAdam(
        lr, beta1=beta1, beta2=beta2, eps=eps, momentum_decay=momentum_decay,
        weight_decay=weight_decay if decoupled_weight_decay else 0.0,
    )  # fmt: skip
    return made if decoupled_weight_decay else coupled(made, weight_decay)


@row
def RAdam(
    lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.0, decoupled_weight_decay: bool = False, *, foreach: Any = None,
    maximize: bool = False, capturable: bool = False, differentiable: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``torch.optim.RAdam``: ε beside the root of the uncorrected moment.

    >>> gd.dialects.torch.RAdam().eps_hat
    1e-08
    """
    beta1, beta2 = betas
    made = optimizers.RAdam(
        lr, beta1=beta1, beta2=beta2, eps=0.0, eps_hat=eps,
        weight_decay=weight_decay if decoupled_weight_decay else 0.0,
    )  # fmt: skip
    return made if decoupled_weight_decay else coupled(made, weight_decay)


@row
def RMSprop(
    lr: Any = 0.01, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0,
    momentum: float = 0.0, centered: bool = False, capturable: bool = False, foreach: Any = None,
    maximize: bool = False, differentiable: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``torch.optim.RMSprop``: ε outside the root, and the rate outside the velocity.

    >>> gd.dialects.torch.RMSprop(centered=True).centered
    1.0
    """
    made = optimizers.RMSProp(
        lr, decay=alpha, eps=eps, eps_root=0.0, momentum=momentum, centered=float(centered)
    )
    return coupled(made, weight_decay)


@row
def Rprop(
    lr: Any = 0.01, etas: tuple[float, float] = (0.5, 1.2),
    step_sizes: tuple[float, float] = (1e-6, 50.0), *, capturable: bool = False,
    foreach: Any = None, maximize: bool = False, differentiable: bool = False,
) -> optimizers.Optimizer:  # fmt: skip
    """``torch.optim.Rprop``, whose rate counts at the first step alone.

    >>> gd.dialects.torch.Rprop(etas=(0.4, 1.1)).grow
    1.1
    """
    (shrink, grow), (smallest, largest) = etas, step_sizes
    return optimizers.Rprop(lr, shrink=shrink, grow=grow, smallest=smallest, largest=largest)
