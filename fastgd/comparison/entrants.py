"""Who takes part: problems, optimizers and schedules by their names."""

import dataclasses
from typing import Any

from fastgd import optimizers as rules
from fastgd import schedules as moves
from fastgd.optimizers import Optimizer


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


def as_schedule_kind(name: Any) -> Any:
    kind = moves.registry.get(name) if isinstance(name, str) else None
    if kind is not None and kind.top in {item.name for item in dataclasses.fields(kind)}:  # type: ignore[arg-type]
        needed = [
            item.name
            for item in dataclasses.fields(kind)  # type: ignore[arg-type]
            if item.default is dataclasses.MISSING and item.name != kind.top
        ]
        if not needed:
            return kind
        raise ValueError(f"schedule {name!r} needs {', '.join(needed)} beside the rate")
    raise ValueError(f"a schedule is a name such as 'constant' or 'cosine', not {name!r}")
