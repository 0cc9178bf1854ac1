"""The schedulers of torch, which move the rate of an optimizer, or stand for a schedule.

They count steps: one step is one call of ``scheduler.step()``.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fastgd import optimizers, schedules
from fastgd.dialects.terms import Dialect, moved, refuse

__all__ = [
    "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR",
    "LambdaLR", "LinearLR", "MultiStepLR", "OneCycleLR", "PolynomialLR", "SequentialLR", "StepLR",
]  # fmt: skip


row = Dialect("torch", {}, {
    "last_epoch": "a run's own checkpoint knows where it stands",
    "scale_fn": "say the whole rate as a function, by LambdaLR",
})  # fmt: skip


@row
def StepLR(optimizer: Any, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> Any:
    """``StepLR``: a drop by a factor every so many steps.

    >>> opt = gd.dialects.torch.SGD(lr=0.1)
    >>> gd.dialects.torch.StepLR(opt, step_size=30).lr
    step(lr=0.1, factor=0.1, every=30)
    """
    return moved("StepLR", optimizer, lambda lr: schedules.step(lr, gamma, step_size))


@row
def MultiStepLR(
    optimizer: Any, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1,
) -> Any:  # fmt: skip
    """``MultiStepLR``: a drop by a factor at each milestone.

    >>> gd.dialects.torch.MultiStepLR(1.0, [2, 4])(np.arange(5)).round(3)
    array([1.  , 1.  , 0.1 , 0.1 , 0.01])
    """
    given = sorted(milestones)
    places = sorted(set(given))

    def schedule(lr: float) -> schedules.Schedule:
        counts = [sum(one <= place for one in given) for place in places]
        return schedules.join(places, [lr, *(lr * gamma**count for count in counts)])

    return moved("MultiStepLR", optimizer, schedule)


@row
def ConstantLR(
    optimizer: Any, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1,
) -> Any:  # fmt: skip
    """``ConstantLR``: a part of the rate for a while, then the rate.

    >>> gd.dialects.torch.ConstantLR(1.0, factor=0.5, total_iters=2)(np.arange(4))
    array([0.5, 0.5, 1. , 1. ])
    """
    return moved(
        "ConstantLR", optimizer, lambda lr: schedules.join([total_iters], [lr * factor, lr])
    )


@row
def LinearLR(
    optimizer: Any, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5,
    last_epoch: int = -1,
) -> Any:  # fmt: skip
    """``LinearLR``: a straight line between two parts of the rate.

    >>> gd.dialects.torch.LinearLR(1.0, start_factor=0.5, total_iters=2)(np.arange(4))
    array([0.5 , 0.75, 1.  , 1.  ])
    """
    return moved(
        "LinearLR",
        optimizer,
        lambda lr: schedules.interpolate([0, total_iters], [lr * start_factor, lr * end_factor]),
    )


@row
def ExponentialLR(optimizer: Any, gamma: float, last_epoch: int = -1) -> Any:
    """``ExponentialLR``: multiplication at every step.

    >>> gd.dialects.torch.ExponentialLR(0.1, gamma=0.9)
    exponential(lr=0.1, ratio=0.9)
    """
    return moved("ExponentialLR", optimizer, lambda lr: schedules.exponential(lr, gamma))


@row
def PolynomialLR(
    optimizer: Any, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1,
) -> Any:  # fmt: skip
    """``PolynomialLR``: to 0 by a power of what is left.

    >>> gd.dialects.torch.PolynomialLR(1.0, total_iters=4, power=2.0)(np.arange(5))
    array([1.    , 0.5625, 0.25  , 0.0625, 0.    ])
    """
    return moved(
        "PolynomialLR",
        optimizer,
        lambda lr: schedules.polynomial(lr, 0.0, exponent=power, steps=total_iters),
    )


@row
def CosineAnnealingLR(
    optimizer: Any, T_max: int, eta_min: float = 0.0, last_epoch: int = -1,
) -> Any:  # fmt: skip
    """``CosineAnnealingLR``: half a cosine to a floor, and up again after T_max.

    Refused: a rate that moves already, or is below eta_min.

    >>> gd.dialects.torch.CosineAnnealingLR(1.0, T_max=2)(np.arange(5)).round(3)
    array([1. , 0.5, 0. , 0.5, 1. ])
    """

    def schedule(lr: float) -> schedules.Schedule:
        if not 0 <= eta_min <= lr:
            refuse("CosineAnnealingLR", f"its floor {eta_min} is above its top {lr}")
        floor = eta_min / lr if lr else 0.0
        return schedules.cosine(lr, floor, steps=T_max, after="rise")

    return moved("CosineAnnealingLR", optimizer, schedule)


@row
def CosineAnnealingWarmRestarts(
    optimizer: Any, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1,
) -> Any:  # fmt: skip
    """``CosineAnnealingWarmRestarts``: SGDR.

    Refused: a rate that moves already, or is below eta_min.

    >>> gd.dialects.torch.CosineAnnealingWarmRestarts(0.1, T_0=10, T_mult=2).period_multiplier
    2
    """
    return moved(
        "CosineAnnealingWarmRestarts",
        optimizer,
        lambda lr: schedules.sgdr(eta_min, lr, T_0, period_multiplier=T_mult),
    )


@row
def CyclicLR(
    optimizer: Any, base_lr: float, max_lr: float, step_size_up: int = 2000,
    step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
    scale_fn: Any = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
    base_momentum: float = 0.8, max_momentum: float = 0.9, last_epoch: int = -1,
) -> Any:  # fmt: skip
    """``CyclicLR``: up and down in straight lines.

    Refused: a momentum that moves, a descent of another length, a function for the heights.

    >>> lr = gd.dialects.torch.CyclicLR(0.1, 0.0, 1.0, step_size_up=2, cycle_momentum=False)
    >>> lr(np.arange(5))
    array([0. , 0.5, 1. , 0.5, 0. ])
    """
    _refuse_moving_momentum("CyclicLR", cycle_momentum)
    if step_size_down not in (None, step_size_up):
        refuse(f"CyclicLR(step_size_down={step_size_down})", "a cycle here is as long down as up")
    shrink: Any = {
        "triangular": 1.0, "triangular2": 0.5, "exp_range": schedules.exponential(1.0, gamma),
    }.get(mode)  # fmt: skip
    if shrink is None:
        raise ValueError(
            f"CyclicLR: mode must be triangular, triangular2 or exp_range, not {mode!r}"
        )
    made = schedules.triangular(base_lr, max_lr, step_size_up, shrink)
    return moved("CyclicLR", optimizer, lambda lr: made)


@row
def OneCycleLR(
    optimizer: Any, max_lr: float, total_steps: int | None = None, epochs: int | None = None,
    steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: str = "cos",
    cycle_momentum: bool = True, base_momentum: float = 0.85, max_momentum: float = 0.95,
    div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
    last_epoch: int = -1,
) -> Any:  # fmt: skip
    """``OneCycleLR``: one rise and one long descent, which ends at step total_steps - 1.

    Refused: a momentum that moves, no length.

    >>> lr = gd.dialects.torch.OneCycleLR(0.1, 1.0, total_steps=101, cycle_momentum=False)
    >>> lr(np.array([0, 100])).round(9)
    array([4.e-02, 4.e-06])
    """
    _refuse_moving_momentum("OneCycleLR", cycle_momentum)
    if total_steps is None:
        if epochs is None or steps_per_epoch is None:
            raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
        total_steps = epochs * steps_per_epoch
    shape = {"cos": "cosine", "linear": "linear"}.get(anneal_strategy)
    if shape is None:
        raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', not "
                         f"{anneal_strategy!r}")  # fmt: skip
    start = max_lr / div_factor
    places = [0.0, pct_start * total_steps - 1, total_steps - 1.0]
    heights = [start, max_lr, start / final_div_factor]
    if three_phase:
        places.insert(2, 2 * pct_start * total_steps - 2)
        heights.insert(2, start)
    made = schedules.interpolate(places, heights, shape)
    return moved("OneCycleLR", optimizer, lambda lr: made)


@row
def LambdaLR(optimizer: Any, lr_lambda: Callable[[int], float], last_epoch: int = -1) -> Any:
    """``LambdaLR``: the rate times a function of the step.

    Refused: what is no function; a rate that moves already.

    >>> gd.dialects.torch.LambdaLR(0.5, lambda step: 1 / (1 + step))(np.arange(3)).round(3)
    array([0.5  , 0.25 , 0.167])
    """
    if not callable(lr_lambda):
        raise TypeError(f"LambdaLR: lr_lambda must be a function, not {lr_lambda!r}")

    def factors(t: Any, total: int | None) -> Any:
        return [float(lr_lambda(int(step))) for step in t]

    return moved("LambdaLR", optimizer, lambda lr: lr * schedules.custom(factors))


@row
def SequentialLR(
    optimizer: Any, schedulers: Sequence[Any], milestones: Sequence[int], last_epoch: int = -1,
) -> Any:  # fmt: skip
    """``SequentialLR``: one scheduler after the other.

    Refused: what is no scheduler, or another number of milestones.

    >>> dialect, opt = gd.dialects.torch, gd.dialects.torch.SGD(lr=1.0)
    >>> parts = [dialect.LinearLR(opt, 0.5, total_iters=2), dialect.ExponentialLR(opt, 0.5)]
    >>> dialect.SequentialLR(opt, parts, milestones=[3]).lr(np.arange(6))
    array([0.5 , 0.75, 1.  , 1.  , 0.5 , 0.25])
    """
    parts = [one.lr if isinstance(one, optimizers.Optimizer) else one for one in schedulers]
    joined = schedules.join(list(milestones), parts)
    if isinstance(optimizer, optimizers.Optimizer):
        return optimizer.with_lr(joined)
    return joined


def _refuse_moving_momentum(name: str, cycle_momentum: bool) -> None:
    if cycle_momentum:
        refuse(
            f"{name}(cycle_momentum=True)",
            "the momentum would move by a schedule of its own: say cycle_momentum=False, and "
            "momentum=gd.schedules... of gd.Momentum",
        )
