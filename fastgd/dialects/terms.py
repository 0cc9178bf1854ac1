"""What all dialects share: refusals in words, decay in the gradient, and rates that move."""

from collections.abc import Callable
from typing import Any, NoReturn

from fastgd import optimizers
from fastgd.optimizers import CoupledDecay, Optimizer
from fastgd.schedules import Schedule

Rate = float | Schedule


def refuse(name: str, reason: str) -> NoReturn:
    """What is another rule here, or none."""
    raise ValueError(f"{name} cannot be said in fastgd: {reason}")


def only(name: str, reason: str, **given: Any) -> None:
    """Refuse arguments that are not what they are by default, or False."""
    for argument, value in given.items():
        if value is not None and value is not False:
            refuse(f"{name}({argument}={value!r})", reason)


def missing(library: str, known: dict[str, str], name: str) -> NoReturn:
    """The answer to a name of that library that no dialect has."""
    if name in known:
        raise AttributeError(f"{library} {name} cannot be said in fastgd: {known[name]}")
    raise AttributeError(f"the dialect of {library} has no {name!r}")


def coupled(optimizer: Optimizer, weight_decay: float) -> Optimizer:
    """With a decay that enters the gradient, and so the moments."""
    return CoupledDecay(optimizer, l2=weight_decay) if weight_decay else optimizer


def times(lr: Any, factor: float) -> Any:
    """A rate, or a schedule, as a multiple of itself."""
    return lr if factor == 1.0 else lr * factor


def as_nesterov(lr: Any, momentum: float, weight_decay: float = 0.0, inside: float = 0.0) -> Any:
    """Nesterov's momentum around the look-ahead point."""
    return optimizers.QHM(
        times(lr, 1.0 / (1.0 - momentum)),
        momentum=momentum,
        nu=momentum,
        inside=inside,
        weight_decay=weight_decay * (1.0 - momentum),  # of a rate that is longer
    )


def heavy(lr: Any, momentum: float, weight_decay: float = 0.0) -> Any:
    """A velocity in which each gradient keeps the rate of its own step."""
    return optimizers.QHM(
        times(lr, 1.0 / (1.0 - momentum)),
        momentum=momentum,
        nu=1.0,
        inside=1.0,
        weight_decay=weight_decay * (1.0 - momentum),  # of a rate that is longer
    )


def below_one(name: str, momentum: float) -> float:
    """A momentum that is a number below 1."""
    if not 0.0 <= momentum < 1.0:
        refuse(f"{name}(momentum={momentum!r})", "a momentum is at least 0 and below 1 there")
    return float(momentum)


def moved(name: str, given: Any, schedule: Callable[[float], Schedule]) -> Any:
    """An optimizer whose rate moves as `schedule` of its rate does; of a number, the schedule."""
    if not isinstance(given, Optimizer):
        return schedule(float(given))
    lr = given.lr
    if isinstance(lr, Schedule) or isinstance(lr, str) or lr is None:
        refuse(name, f"the rate of {given!r} is no number that could move")
    inner: Any = given
    while hasattr(inner, "optimizer"):
        inner = inner.optimizer
    # The rate that was said, where another stands in the rule: see `as_nesterov`.
    factor = 1.0
    if isinstance(inner, optimizers.QHM):
        momentum: Any = inner.momentum
        factor = 1.0 / (1.0 - float(momentum))
    return given.with_lr(times(schedule(float(lr) / factor), factor))
