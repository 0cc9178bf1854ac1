"""A list of trials, run side by side: the one place where a comparison does its work.

What a trial gives depends on the trial alone, so whoever runs them may do so in any order and
anywhere. `run_pack` is a plain function of plain values, which any pool of workers can be given;
`run_packs` is the pool of threads, since the loop does not hold the GIL.
"""

import contextlib
import math
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastgd import optimizers as rules
from fastgd.callbacks import Progress, Stop
from fastgd.console import Interrupts
from fastgd.jobs import handed_out
from fastgd.optimizers import Optimizer
from fastgd.run import INTERRUPTED, Run
from fastgd.sweeps import abreast, shared_steps

if TYPE_CHECKING:
    from fastgd.problems import Problem

Record = dict[str, Any]
Key = tuple[str, str, str, int, str, int]
COLUMNS = (
    "problem", "optimizer", "schedule", "draw", "kind", "number", "lr", "validation", "test",
    "setting", "message",
)  # fmt: skip
# Where in a run the validation loss is taken, beside its end: over the last tenth.
LOOKS = (0.9, 0.925, 0.95, 0.975)


class Trial(NamedTuple):
    """One run: its name in a comparison, and its optimizer."""

    key: Key
    optimizer: Optimizer


class Pack(NamedTuple):
    """Trials on one problem with the same draws of rows."""

    problem: "Problem"
    seed: int
    trials: Sequence[Trial]


def run_packs(
    packs: Sequence[Pack],
    n_jobs: int | None,
    collect: Callable[[list[Record]], None],
    elsewhere: bool = False,
) -> None:
    """Run packs in threads; `collect` is given the records of each, in this thread, as it ends.

    With `elsewhere`, joblib hands them out, so many at once or as many as it is configured for.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, once the runs under way have ended at their next chunk and what is whole has
        been collected.
    """
    if elsewhere:
        for _, records in handed_out(run_pack, [(pack,) for pack in packs], n_jobs):
            collect(records)
        return
    halt = threading.Event()
    ended: queue.SimpleQueue[Future[list[Record]]] = queue.SimpleQueue()
    waiting: set[Future[list[Record]]] = set()
    pool = ThreadPoolExecutor(n_jobs)
    try:
        waiting |= {pool.submit(run_pack, pack, halt.is_set) for pack in packs}
        for task in waiting:
            task.add_done_callback(ended.put)
        while waiting:
            # Awake now and then: a signal that another thread got wakes nobody.
            with contextlib.suppress(queue.Empty):
                task = ended.get(timeout=0.05)
                waiting.remove(task)
                collect(task.result())
    except KeyboardInterrupt:
        halt.set()
        pool.shutdown(cancel_futures=True)
        for task in [task for task in waiting if not task.cancelled()]:
            collect(task.result())
        raise
    finally:
        halt.set()
        pool.shutdown(cancel_futures=True)


def run_pack(pack: Pack, halted: Callable[[], bool] = lambda: False) -> list[Record]:
    """The records of the trials of a pack, but of those that were halted."""
    problem = pack.problem

    def look(_: Progress) -> Stop | None:
        return INTERRUPTED if halted() else None

    look.every_chunk = True  # type: ignore[attr-defined]
    with np.errstate(all="ignore"):
        try:
            found = _outcomes(problem, pack.seed, [trial.optimizer for trial in pack.trials], look)
        except ArithmeticError as error:
            # Python's floats raise, in a function of the user's, where NumPy's become inf.
            message = f"diverged: {type(error).__name__}: {error}"
            found = [(math.inf, math.inf, message)] * len(pack.trials)
    return [
        _record(trial, *outcome)
        for trial, outcome in zip(pack.trials, found, strict=True)
        if outcome is not None
    ]


def _outcomes(
    problem: "Problem", seed: int, optimizers: Sequence[Optimizer], look: Any
) -> list[tuple[float, float, str] | None]:
    """Validation loss, test loss and message of each run; None where it was halted.

    The validation loss is the worst of five over the last tenth of the run: the last one alone is
    often luck, of a rate so large that θ goes on jumping about.
    """
    stride = shared_steps(problem.train, problem.batch_size)
    worst = [-math.inf] * len(optimizers)
    with contextlib.ExitStack() as stack:
        runs = [
            stack.enter_context(
                Run(
                    problem.train, optimizer, problem.theta0, problem.batch_size, problem.steps,
                    seed=seed, record_every=0, callbacks=[look],
                )
            )
            for optimizer in optimizers
        ]  # fmt: skip
        interrupts = stack.enter_context(Interrupts())
        for run in runs:
            run._interrupts = interrupts
        for until in sorted({round(part * problem.steps) for part in (*LOOKS, 1.0)}):
            abreast(runs, until, stride)
            for i, run in enumerate(runs):
                if run.stop is None or run.stop.kind == "finished":
                    worst[i] = max(worst[i], _finite(problem.validation.value(run.theta)))
        found: list[tuple[float, float, str] | None] = []
        for run, validation in zip(runs, worst, strict=True):
            assert run.stop is not None
            if run.stop.kind == "interrupted":
                found.append(None)
            elif run.stop.kind == "diverged":
                found.append((math.inf, math.inf, run.stop.message))
            else:
                test = _finite(problem.test.value(run.theta))
                found.append((validation, test, run.stop.message))
    return found


def _finite(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf


def _record(trial: Trial, validation: float, test: float, message: str) -> Record:
    lr = trial.optimizer.lr
    rate = math.nan if isinstance(lr, str) else _top(lr)
    row = (*trial.key, rate, validation, test, repr(trial.optimizer), message)
    return dict(zip(COLUMNS, row, strict=True))


def _top(lr: Any) -> float:
    """The rate itself, or the one that its schedule begins with or rises to."""
    if isinstance(lr, float):
        return lr
    top = getattr(lr, type(lr).top, None)
    if isinstance(top, float):
        return top
    return float(rules.Rates(lr, 0.0, 1).over(0, 1)[0][0])
