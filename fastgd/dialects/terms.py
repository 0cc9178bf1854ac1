"""What all dialects share: their tables, refusals in words, decay in the gradient, moving rates."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, overload

from fastgd import optimizers
from fastgd.optimizers import CoupledDecay, Optimizer
from fastgd.schedules import Schedule

Rate = float | Schedule
Row = TypeVar("Row", bound=Callable[..., Any])


def refuse(name: str, reason: str) -> NoReturn:
    """What is another rule here, or none."""
    raise ValueError(f"{name} cannot be said in fastgd: {reason}")


class Dialect:
    """A library's table: each row a name of it, its arguments and defaults, and what that is here.

    A row is a function of the library's signature. Its docstring says in a sentence what differs,
    in another what is ``Refused:``, and shows one call; the sections are written for it.
    """

    def __init__(
        self, library: str, absent: dict[str, str], still: dict[str, str], **common: Any
    ) -> None:
        self.library = library
        self.absent = absent  # names that have no row, and why
        self.still = still  # arguments that stay at their defaults, and why
        self.common = common  # arguments of every row that takes **common, with their defaults

    @overload
    def __call__(self, row: Row) -> Row: ...
    @overload
    def __call__(self, row: None = None, **still: str) -> Callable[[Row], Row]: ...
    def __call__(self, row: Any = None, **still: str) -> Any:
        """Make a row of a function; `still` says what else stays at its default in this one."""
        if row is None:
            return lambda row: self(row, **still)
        still = {**self.still, **still}
        signature = inspect.signature(row)
        defaults = {name: p.default for name, p in signature.parameters.items()}
        defaults = {**dict.fromkeys(still), **self.common, **defaults}
        common = [p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD]

        @functools.wraps(row)
        def said(*arguments: Any, **named: Any) -> Any:
            try:
                given = signature.bind(*arguments, **named).arguments
            except TypeError:
                return row(*arguments, **named)  # Python's own words, with the name
            for name in common:
                given |= given.pop(name, {})  # as names of their own
            for name, value in given.items():
                if name not in defaults:
                    raise TypeError(f"{row.__name__} has no argument {name!r}")
                if name in still and not _rests(value, defaults[name]):
                    refuse(f"{row.__name__}({name}={value!r})", still[name])
            return row(*arguments, **named)

        said.__doc__ = self._document(row, signature, still)
        return said

    def missing(self, name: str) -> NoReturn:
        """The answer to a name that has no row."""
        if name in self.absent:
            reason = self.absent[name]
            raise AttributeError(f"{self.library} {name} cannot be said in fastgd: {reason}")
        raise AttributeError(f"the dialect of {self.library} has no {name!r}")

    def _document(self, row: Any, signature: inspect.Signature, still: dict[str, str]) -> str:
        text, example = inspect.cleandoc(row.__doc__).split("\n\n>>> ", 1)
        summary, _, refused = text.partition("\n\nRefused: ")
        told = {name: f"**{name}" if p.kind is p.VAR_KEYWORD else name
                for name, p in signature.parameters.items()}  # fmt: skip
        parts = [summary, "", "Parameters", "----------"]
        parts += [", ".join(told[name] for name in told if name not in still)]
        parts += [f"    As in {self.library}."]
        resting = [name for name in told if name in still]
        if resting:
            parts += [", ".join(resting), "    At their defaults."]
        made = "Optimizer or Schedule"
        if signature.return_annotation is not Any:
            made = signature.return_annotation.__name__
        parts += ["", "Returns", "-------", made]
        parts += ["", "Raises", "------", "TypeError, ValueError"]
        parts += ["    What makes no sense, or no difference here."]
        if refused:
            words = " ".join(refused.split())
            parts += ["    " + words[0].upper() + words[1:]]
        return "\n".join([*parts, "", "Examples", "--------", f">>> {example}", ""])


def _rests(value: Any, default: Any) -> bool:
    """Whether an argument is what it is by default, or off."""
    if value is None or value is False:
        return default is None or default is False
    return bool(value == default)


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
