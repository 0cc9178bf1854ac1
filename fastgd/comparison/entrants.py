"""Who takes part: problems, optimizers and schedules by their names."""

import dataclasses
from collections.abc import Callable
from typing import Any

from fastgd import optimizers as rules
from fastgd import schedules as moves
from fastgd.optimizers import Optimizer

# The fifteen of Schmidt, Schneider and Hennig 2021, and rules that have been published since.
FIFTEEN = (
    "amsbound", "amsgrad", "adabelief", "adabound", "adadelta", "adagrad", "adam",
    "lookahead-momentum", "lookahead-radam", "momentum", "nesterov", "nadam", "radam", "rmsprop",
    "sgd",
)  # fmt: skip
NEWER = ("ademamix", "adopt", "signum", "nadamw", "cautious-adam")
# Four problems of four kinds, one of them deep.
FOUR = ("breast-cancer-logistic", "uneven-logistic", "spirals-deep", "noisy-quadratic")
# The four schedules of the same paper. A run of T steps has restarts at T/7 and 3T/7; a trapezoid
# rises over its first tenth and falls over its last.
SCHEDULES = ("constant", "cosine", "restarts", "trapezoidal")

Kind = Callable[[Any, int], Any]


def named(what: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if not pairs:
        raise ValueError(f"there must be at least one {what}")
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        hint = "; {name: Optimizer} gives them names" if what == "optimizer" else ""
        raise ValueError(f"{what} {twice!r} is given twice{hint}")
    return found


def as_optimizer(given: Any) -> tuple[str, Optimizer]:
    """An optimizer and its label, out of a name or itself."""
    if isinstance(given, Optimizer):
        return _label(given), given
    if not isinstance(given, str):
        raise TypeError(f"an optimizer is a name or an Optimizer, not {given!r}")
    made: Optimizer | None = None
    for name in reversed(given.lower().split("-")):
        if name not in rules.registry:
            known = ", ".join(rules.registry)
            raise ValueError(f"there is no optimizer {name!r}; there are {known}")
        kind: Any = rules.registry[name]
        fields = {item.name for item in dataclasses.fields(kind)}
        if made is not None and "optimizer" not in fields:
            raise ValueError(f"{given!r}: {name} goes around no other optimizer")
        made = kind() if made is None else kind(optimizer=made)
    assert made is not None
    return given.lower(), made


def _label(optimizer: Optimizer) -> str:
    inside = getattr(optimizer, "optimizer", None)
    name = type(optimizer).__name__.lower()
    return name if inside is None else f"{name}-{_label(inside)}"


def as_schedule_kind(name: Any) -> Kind:
    """What makes a schedule of that name out of a rate and the number of steps."""
    if name in ("constant", "restarts", "trapezoidal"):
        known: dict[str, Kind] = {
            "constant": lambda lr, steps: lr,
            "restarts": lambda lr, steps: moves.sgdr(
                0.0, lr, max(1, round(steps / 7)), period_multiplier=2
            ),
            "trapezoidal": lambda lr, steps: moves.wsd(lr, warmup=0.1, cooldown=0.1),
        }
        return known[name]
    kind = moves.registry.get(name) if isinstance(name, str) else None
    if kind is not None and kind.top in {item.name for item in dataclasses.fields(kind)}:  # type: ignore[arg-type]
        needed = [
            item.name
            for item in dataclasses.fields(kind)  # type: ignore[arg-type]
            if item.default is dataclasses.MISSING and item.name != kind.top
        ]
        if not needed:
            top = kind.top
            return lambda lr, steps: kind(**{top: lr})
        raise ValueError(f"schedule {name!r} needs {', '.join(needed)} beside the rate")
    raise ValueError(f"a schedule is a name such as 'constant' or 'cosine', not {name!r}")


def moving(optimizer: Optimizer, schedule: str, kind: Kind, steps: int) -> Optimizer:
    """The optimizer, its rate under a schedule; "1/beta" and schedules of one's own stay."""
    if schedule == "constant" or isinstance(optimizer.lr, (str, moves.Schedule)):
        return optimizer
    return optimizer.with_lr(kind(optimizer.lr, steps))
