"""Several runs in one pass over the data."""

import contextlib
import copy
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fastgd.arguments import check_seed
from fastgd.callbacks import Callback
from fastgd.console import Interrupts
from fastgd.history import Result
from fastgd.jobs import check_parallel, handed_out
from fastgd.objectives import Objective
from fastgd.optimizers import Optimizer
from fastgd.run import Run
from fastgd.stretch import LONGEST_CHUNK

__all__ = ["sweep"]

# Data beyond the first does not stay in a processor's cache; rows of the second do, for long enough
# to be used by several runs in turn.
CACHED_BYTES = 1 << 24
SHARED_BYTES = 1 << 20


def sweep(
    objective: Objective,
    optimizers: Sequence[Optimizer],
    theta0: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    seed: Any = None,
    sampling: str = "replacement",
    record_every: int | None = 0,
    callbacks: Iterable[Callback] = (),
    parallel: str = "threads",
) -> list[Result]:
    """Several optimizers on one objective, with the same draws, in one pass over the data.

    The runs take turns, a few steps at a time, so that a row is fetched from memory once and found
    in the cache by all others. Each result is that of `minimize` with the same seed, bit by bit.

    Parameters
    ----------
    objective : Objective
    optimizers : sequence of Optimizers, at least one
        Such as one rule at many rates.
    theta0, batch_size, steps, epochs, seed, sampling, record_every, callbacks
        As for `minimize`, for each of the runs; but nothing is recorded by default, and a seed that
        is not an int is asked once, for the draws of all.
    parallel : "threads" or "joblib"
        The runs take turns in this thread; or each is a job that joblib hands out, to other
        processes or, inside ``joblib.parallel_config("dask")``, to a cluster, where callbacks are
        copies. The results are the same.

    Returns
    -------
    list of Result
        In the order of the optimizers. The times in a history are those since the start of all.

    Raises
    ------
    TypeError, ValueError
        Arguments that make no sense, before any work starts.
    ImportError
        joblib is asked for, and not installed.

    Notes
    -----
    Nothing is gained on data that fits in a cache (below 16 MB): there the runs go one after the
    other. Memory beyond the data is that of all runs together.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01)
    >>> rates = np.geomspace(1e-4, 1.0, 5)
    >>> found = gd.sweep(f, [gd.Adam(lr=lr) for lr in rates], batch_size=32, epochs=20, seed=0)
    >>> float(rates[np.argmin([r.loss for r in found])])
    0.01
    """
    optimizers = list(optimizers)
    if not optimizers:
        raise ValueError("there must be at least one optimizer")
    check_seed(seed)
    if not isinstance(seed, (int, np.integer)):
        seed = int(np.random.default_rng(seed).integers(1 << 63))
    callbacks = tuple(callbacks)
    if check_parallel(parallel):
        options = {
            "theta0": theta0, "batch_size": batch_size, "steps": steps, "epochs": epochs,
            "seed": seed, "sampling": sampling, "record_every": record_every,
            "callbacks": callbacks,
        }  # fmt: skip
        jobs = [(objective, optimizer, options) for optimizer in optimizers]
        found = sorted(handed_out(_alone, jobs), key=lambda pair: pair[0])
        for _, result in found:
            result.objective = objective
        return [result for _, result in found]
    stride = shared_steps(objective, batch_size)
    with contextlib.ExitStack() as stack:
        runs = [
            stack.enter_context(
                Run(
                    objective, optimizer, theta0, batch_size, steps, epochs, seed, sampling,
                    record_every, [_own(callback) for callback in callbacks],
                )
            )
            for optimizer in optimizers
        ]  # fmt: skip
        # One pair of ears for all: a signal that one run hears ends the others too.
        interrupts = stack.enter_context(Interrupts())
        for run in runs:
            run._interrupts = interrupts
        if runs:
            abreast(runs, runs[0].total, stride)
        return [run._last_result() for run in runs]


def _alone(objective: Objective, optimizer: Optimizer, options: dict[str, Any]) -> Result:
    with Run(objective, optimizer, **options) as run:
        result = run.advance()._last_result()
    result.state  # noqa: B018 - copied now: nothing of the run travels
    result.objective = None  # type: ignore[assignment]  # whoever asked has it, and its data
    return result


def _own(callback: Callback) -> Callback:
    # What remembers something remembers it of one run.
    return copy.copy(callback) if hasattr(callback, "save") else callback


def abreast(runs: Sequence[Run], until: int, stride: int | None) -> None:
    """Take runs to the same step, in turns of `stride` steps, or one after the other."""
    live = [run for run in runs if run.stop is None]
    while live:
        for run in live:
            end = until if stride is None else min(until, run.step + stride)
            run._advance(end, settled=end == until)
        live = [run for run in live if run.stop is None and run.step < until]


def shared_steps(objective: Objective, batch_size: int | None) -> int | None:
    """Steps whose rows several runs can share; None where there is nothing to gain."""
    X = getattr(objective, "X", None)
    if X is None or batch_size is None:
        return None
    size = X.nbytes if isinstance(X, np.ndarray) else X.data.nbytes + X.indices.nbytes
    if size < CACHED_BYTES:
        return None
    return min(LONGEST_CHUNK, max(1, SHARED_BYTES * X.shape[0] // (size * batch_size)))
