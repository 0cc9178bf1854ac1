"""What a command can be told: values of options, and what the registries offer by name."""

import argparse
import dataclasses
import inspect
from pathlib import Path
from typing import Any

from fastgd import losses, objectives, optimizers, penalties, schedules
from fastgd.files import as_path
from fastgd.losses import Loss
from fastgd.model import in_words
from fastgd.optimizers import Optimizer
from fastgd.penalties import Penalty
from fastgd.schedules import Schedule

# Longer than any run: what is beyond would not fit the 64 bits in which steps are counted.
LONGEST = 2**53


def file(text: str) -> Path:
    try:
        return as_path(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def whole(text: str) -> int:
    number = int(text)
    if abs(number) > LONGEST:
        raise argparse.ArgumentTypeError(f"{text[:40]} is beyond 2^53")
    return number


def sizes(text: str) -> list[int]:
    return [whole(size) for size in text.split(",") if size.strip()]


def number(text: str) -> int | float:
    try:
        found = int(text)
    except ValueError:
        return float(text)
    return found if abs(found) <= LONGEST else float(found)


def rate(text: str) -> float | str:
    return text if text == "1/beta" else float(text)


def batch_size(text: str) -> int | str:
    return text if text == "all" else whole(text)


for _type, _text in (
    (number, "number"), (rate, "rate"), (batch_size, "batch size"), (sizes, "list of sizes"),
    (whole, "int"),
):  # fmt: skip
    _type.__name__ = _text  # argparse says "invalid rate value: 'x'"


def of_objectives() -> dict[str, type[Any]]:
    """Those of the registry that learn from X and y: least-squares, logistic, softmax, ..."""
    found = {}
    for objective in objectives.registry.values():
        parameters = list(inspect.signature(objective).parameters)
        # The linear model of any loss is what --loss stands for.
        general = objective is objectives.LinearModel
        if parameters[:2] == ["X", "y"] and hasattr(objective, "predict") and not general:
            found[in_words(objective)] = objective
    return found


def of_schedules() -> list[str]:
    """Those whose one indispensable number is the learning rate."""
    return [
        name
        for name, schedule in schedules.registry.items()
        if schedule.top in inspect.signature(schedule).parameters
    ]


def loss(text: str) -> Loss:
    """The loss that NAME:KEY=VALUE,... stands for."""
    return _made("loss", losses.registry, text)


def penalty(text: str) -> Penalty:
    """The penalty that NAME:KEY=VALUE,... stands for."""
    return _made("penalty", penalties.registry, text)


def schedule(text: str, lr: float | None) -> Schedule:
    """The schedule that NAME:KEY=VALUE,... stands for, with `lr` as its top value."""
    name = text.partition(":")[0]
    known = of_schedules() if lr is not None else list(schedules.registry)
    if name not in known:
        raise ValueError(f"there is no schedule {name!r}; there are {', '.join(of_schedules())}")
    given = {} if lr is None else {schedules.registry[name].top: lr}
    return _made("schedule", schedules.registry, text, **given)


def _made(what: str, registry: Any, text: str, **given: Any) -> Any:
    name, _, rest = text.partition(":")
    if name not in registry:
        raise ValueError(f"there is no {what} {name!r}; there are {', '.join(registry)}")
    kind = registry[name]
    parameters = inspect.signature(kind).parameters
    for part in filter(None, rest.split(",")):
        key, value = pair(f"{what} {name}", part)
        if key not in parameters:
            known = f", but {', '.join(parameters)}" if parameters else ""
            raise ValueError(f"{what} {name} has no {key!r}{known}")
        try:
            given[key] = number(value)
        except ValueError:
            raise ValueError(f"{what} {name}: {key} must be a number, not {value!r}") from None
    needed = [key for key, one in parameters.items() if one.default is one.empty]
    missing = [key for key in needed if key not in given]
    if missing:
        form = ",".join(f"{key}=..." for key in missing)
        raise ValueError(f"{what} {name} needs {' and '.join(missing)}: {name}:{form}")
    return kind(**given)


def pair(option: str, text: str) -> tuple[str, str]:
    key, mark, value = text.partition("=")
    if not mark or not key.strip() or not value.strip():
        raise ValueError(f"{option}: {text!r} is not of the form KEY=VALUE")
    return key.strip(), value.strip()


def optimizer(options: argparse.Namespace, objective: Any) -> Optimizer:
    """The optimizer that --optimizer, --set, --lr, --schedule and --warmup stand for."""
    kind = optimizers.registry[options.optimizer]
    fields = kind.hyperparameters()
    given: dict[str, Any] = {}
    for text in options.set:
        key, value = pair("--set", text)
        if key not in fields:
            raise ValueError(f"--set: {kind.__name__} has no {key!r}, but {', '.join(fields)}")
        if key in given:
            raise ValueError(f"--set: {key} is given twice")
        given[key] = _hyperparameter(key, value)
    for key, value in (("lr", options.lr), ("weight_decay", options.weight_decay)):
        if value is not None:
            if key in given:
                raise ValueError(f"{key} is given twice, by --set too")
            given[key] = value
    if options.schedule is not None or options.warmup is not None:
        lr = given.get("lr", fields["lr"])
        if lr == "1/beta":
            beta = objective.smoothness()
            if not beta:
                raise ValueError(f"--lr 1/beta: {type(objective).__name__} has no known smoothness")
            lr = 1.0 / beta
        if options.schedule is not None:
            lr = schedule(options.schedule, lr)
        if options.warmup is not None:
            lr = schedules.warmup(options.warmup, then=lr)
        given["lr"] = lr
    return kind.make(**given)


def _hyperparameter(key: str, text: str) -> Any:
    if text.lower() == "none":
        return None
    try:
        return number(text)
    except ValueError:
        if text.partition(":")[0] in schedules.registry:
            return schedule(text, None)
        if key == "lr" and text == "1/beta":
            return text
        raise ValueError(f"--set: {key} must be a number, not {text!r}") from None


def shown(value: Any) -> Any:
    """A setting as JSON can hold it."""
    if isinstance(value, losses.Loss) and not value.parameters:
        return value.name
    if dataclasses.is_dataclass(value):
        return repr(value)
    return list(value) if isinstance(value, tuple) else value
