"""What a run asks of its arguments, before any work starts."""

import math
from typing import Any

import numpy as np

from fastgd.callbacks import Callback
from fastgd.checks import as_count, as_penalty
from fastgd.core import sampling as samplers
from fastgd.core import seeds
from fastgd.objectives import Objective
from fastgd.optimizers import SGD, Momentum, Optimizer

__all__: list[str] = []


def checked_records(
    given: int | None, epoch: int | None, total: int, callbacks: tuple[Callback, ...]
) -> int:
    """Steps between two records, all callbacks being content with it."""
    if given is None:
        given = epoch or max(1, total // 100)
    elif given != 0:
        given = as_count("record_every", given)
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"a callback must be callable, not {callback!r}")
        if not given and not getattr(callback, "every_chunk", False):
            raise ValueError(f"{callback!r} looks at records, and record_every=0 makes none")
    return given


def bound(name: str, given: Any) -> float | None:
    if given is None:
        return None
    if not as_penalty(name, given):
        raise ValueError(f"{name} must be above 0, not {given}")
    return float(given)


def length(objective: Objective, steps: Any, epochs: Any, epoch: int | None) -> int:
    if (steps is None) == (epochs is None):
        raise ValueError("give the length of the run as either steps= or epochs=")
    if steps is not None:
        return as_count("steps", steps)
    if objective.n_samples is None:
        name = type(objective).__name__
        raise ValueError(f"{name} has no observations, so no epochs: give steps=")
    return as_count("epochs", epochs) * (epoch or 1)


def with_number(optimizer: Optimizer, objective: Objective) -> Optimizer:
    # lr="1/beta" becomes the number, which the result then shows; so does a rule's own default.
    optimizer = optimizer.prepared(objective)
    if not isinstance(optimizer.lr, str):
        return optimizer
    beta = objective.smoothness()
    if not beta:
        raise ValueError(
            f"lr='1/beta' needs a known smoothness, and that of {objective!r} is {beta}: give lr a "
            "number"
        )
    return optimizer.with_lr(1.0 / beta)


def check_seed(seed: Any) -> None:
    if seed is None or isinstance(seed, np.random.Generator):
        return
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise TypeError(f"seed must be an int or a numpy.random.Generator, not {seed!r}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0, not {seed}")


def check_sampling(sampling: Any) -> None:
    if sampling not in samplers.SAMPLERS:
        known = ", ".join(samplers.SAMPLERS)
        raise ValueError(f"sampling must be one of {known}, not {sampling!r}")


def sampler_of(
    batch_size: int | None, sampling: str, n: int, seed: Any, chances: Any = None
) -> tuple[Any, Any]:
    """The sampler, and the lock of a generator that others may draw from between our chunks.

    `chances` are those of the rows, where they are not equal.
    """
    if batch_size is None:
        return samplers.All(n, n, None), None
    if sampling == "sequential":
        return samplers.Sequential(n, batch_size, None), None
    more = () if chances is None else (chances,)
    kind = samplers.SAMPLERS[sampling]
    if isinstance(seed, np.random.Generator):
        return kind(n, batch_size, seed, *more), seed.bit_generator.lock
    return kind(n, batch_size, seeds.generator(seed), *more), None


def dampening_watched(optimizer: Optimizer, objective: Objective, comm: Any) -> float:
    """What `core.solver.Watched` has to know of a run whose stationarity is asked for."""
    name = type(optimizer).__name__
    if type(optimizer) not in (SGD, Momentum):
        raise ValueError(f"stationarity is known of SGD and Momentum, not of {name}")
    if optimizer.weight_decay:
        raise ValueError("stationarity needs the decay in the gradient: give the objective an l2")
    if objective.penalty is not None and not objective.penalty.smooth:
        raise ValueError(f"stationarity is not known under {objective.penalty!r}")
    if comm is not None:
        raise ValueError("stationarity is watched in a run on one machine: leave out comm")
    dampening = getattr(optimizer, "dampening", 0.0)
    return math.nan if dampening is None else float(dampening)


def chances_of(objective: Objective, sampling: str, batch_size: int | None) -> Any:
    """The probability of each row under importance sampling; None where all are equal."""
    if sampling != "importance" or batch_size is None:
        return None
    if not hasattr(objective, "importance"):
        raise ValueError(
            'sampling="importance" goes by how smooth each row of a linear model is, and '
            f"{objective!r} is none"
        )
    return objective.importance()
