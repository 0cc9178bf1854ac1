"""Many optimizers, one tuning budget, many seeds.

The trials run in plain threads, side by side, since the loop does not hold the GIL. What a trial
is, its draw and its seed, depends on its own name alone: neither on the threads nor on the order.
"""

import contextlib
import functools
import json
import math
import os
import queue
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastgd import optimizers as rules
from fastgd import schedules as moves
from fastgd.callbacks import Progress, Stop
from fastgd.checks import as_count
from fastgd.comparison.entrants import as_optimizer, as_schedule_kind, named
from fastgd.comparison.results import COLUMNS, Comparison, Record
from fastgd.console import Bar
from fastgd.files import replace_text
from fastgd.history import Result
from fastgd.jobs import check_parallel, handed_out
from fastgd.optimizers import Optimizer
from fastgd.run import INTERRUPTED
from fastgd.sweeps import shared_steps, sweep

if TYPE_CHECKING:
    from fastgd.problems import Problem

__all__ = ["compare"]

# The fifteen of Schmidt, Schneider and Hennig 2021, and four problems of four kinds.
FIFTEEN = (
    "amsbound", "amsgrad", "adabelief", "adabound", "adadelta", "adagrad", "adam",
    "lookahead-momentum", "lookahead-radam", "momentum", "nesterov", "nadam", "radam", "rmsprop",
    "sgd",
)  # fmt: skip
FOUR = ("breast-cancer-logistic", "digits-softmax", "penguins-network", "noisy-quadratic")

Key = tuple[str, str, str, str, int]
Job = tuple[Key, Optimizer]
# Runs that share the pass over data which no cache holds: an interrupt loses no more than these.
PACK = 8

# What each column is in a line of a file of trials.
KINDS: dict[str, Any] = {
    **dict.fromkeys(COLUMNS, str),
    **dict.fromkeys(("lr", "validation", "test"), (int, float)),
    "number": int,
}


def compare(
    problems: "str | Problem | Iterable[str | Problem]" = FOUR,
    optimizers: "str | Optimizer | Iterable[str | Optimizer] | Mapping[str, Any]" = FIFTEEN,
    budget: int = 25,
    seeds: int = 10,
    schedules: Sequence[str] = ("constant", "cosine"),
    n_jobs: int | None = None,
    seed: int = 0,
    path: str | Path | None = None,
    progress: bool = False,
    parallel: str = "threads",
) -> "Comparison":
    """Compare optimizers fairly: equal tuning budgets, several seeds, results on held-out data.

    For each problem, optimizer and schedule: `budget` settings are drawn at random from the
    optimizer's search space (`Optimizer.drawn`) and each is run once; the one of least validation
    loss is run again over `seeds` new seeds, and so are the default settings. Reported are the
    test losses of these, after the last step.

    Parameters
    ----------
    problems : names out of `problems.names`, Problems, or a mix
    optimizers : names out of `optimizers.registry`, Optimizers, or a mix
        ``"lookahead-radam"`` is the one around the other. An Optimizer's hyperparameters are its
        default settings; those without a search space are kept. A mapping gives names of one's own,
        such as to two Optimizers of one class.
    budget, seeds : int, at least 1, default 25 and 10
    schedules : sequence of names out of `schedules.registry`
        Those of which all but the rate has a default; each makes a search of its own.
    n_jobs : int, at least 1, optional
        Threads; as many as the machine has processors by default. The results are the same.
    seed : int, at least 0, default 0
    path : str or Path, optional
        A file that every trial is added to when it ends (JSON, a line each). If it exists, its
        trials are taken from it, so that an interrupted comparison goes on where it stopped, and
        one with more seeds, a larger budget or more optimizers takes over what is there.
    progress : bool, default False
        Show a bar, with the time left, on the standard error stream.
    parallel : "threads" or "joblib"
        Threads of this process; or joblib hands the trials out, to other processes or, inside
        ``joblib.parallel_config("dask")``, to a cluster. n_jobs is then joblib's too. The results
        are the same.

    Returns
    -------
    Comparison
        After Ctrl-C, with the trials that had ended, and `complete` False.

    Raises
    ------
    TypeError, ValueError
        Unknown names, names that occur twice, counts below 1, a file of another comparison.
    ImportError
        joblib is asked for, and not installed.

    Notes
    -----
    Seed number s draws the same batches and starting point for every optimizer. A run that
    diverges has the loss inf. The search spaces are of the kind of that paper's: logarithmic,
    four decades of the rate; `Optimizer.search_space` states each. On data larger than a cache,
    trials share the pass over it, as in `sweep`.

    References
    ----------
    Schmidt, Schneider and Hennig 2021, Descending through a Crowded Valley.

    Examples
    --------
    >>> c = gd.compare("quadratic-1e2", ["sgd", "adam"], budget=2, seeds=2)
    >>> c.complete, len(c.table["test"])  # (2 trials + 2 tuned + 2 default) of 2 × 2
    (True, 24)
    """
    elsewhere = check_parallel(parallel)
    study = _Study(problems, optimizers, budget, seeds, schedules, seed, path)
    jobs = as_count("n_jobs", (os.cpu_count() or 1) if n_jobs is None else n_jobs)
    if elsewhere:
        study.hand_out = functools.partial(handed_out, n_jobs=None if n_jobs is None else jobs)
    return study.go(jobs, progress)


class _Study:
    """The trials of a comparison: which there are, which are done."""

    def __init__(
        self,
        problems: Any,
        optimizers: Any,
        budget: int,
        seeds: int,
        schedules: Any,
        seed: int,
        path: Any,
    ) -> None:
        from fastgd import problems as suite

        self.budget, self.seeds = as_count("budget", budget), as_count("seeds", seeds)
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise TypeError(f"seed must be an int, not {seed!r}")
        if seed < 0:
            raise ValueError(f"seed must be at least 0, not {seed}")
        self.seed = int(seed)
        found = [
            suite.get(one) if isinstance(one, str) else one
            for one in ([problems] if isinstance(problems, (str, suite.Problem)) else problems)
        ]
        for one in found:
            if not isinstance(one, suite.Problem):
                raise TypeError(f"a problem is a name or a problems.Problem, not {one!r}")
        self.problems = named("problem", [(one.name, one) for one in found])
        if isinstance(optimizers, (str, Optimizer)):
            optimizers = [optimizers]
        if isinstance(optimizers, Mapping):
            pairs = [(str(name), as_optimizer(one)[1]) for name, one in optimizers.items()]
        else:
            pairs = [as_optimizer(one) for one in optimizers]
        self.optimizers = named("optimizer", pairs)
        if isinstance(schedules, str):
            schedules = [schedules]
        self.schedules = named("schedule", [(name, as_schedule_kind(name)) for name in schedules])
        self.path = None if path is None else Path(path)
        self.records: dict[Key, Record] = {}
        self.file: Any = None
        self.halt = threading.Event()
        self.hand_out: Callable[..., Any] | None = None

    def go(self, jobs: int, progress: bool) -> "Comparison":
        from concurrent.futures import Future, ThreadPoolExecutor

        if self.path is not None:
            self._resume()
        groups = [(p, o, s) for p in self.problems for o in self.optimizers for s in self.schedules]
        wanted: dict[Key, Record] = {}
        waiting: set[Future[list[Record]]] = set()
        bar = None
        pool = ThreadPoolExecutor(jobs)

        def collect(task: "Future[list[Record]]") -> None:
            waiting.remove(task)
            keep(task.result())

        def keep(records: list[Record]) -> None:
            for record in records:
                key: Key = tuple(record[column] for column in COLUMNS[:5])
                wanted[key] = self.records[key] = record
                self._keep(record)
            if bar is not None:
                bar.show(len(wanted), None)

        complete = False
        try:
            if self.path is not None:
                self.file = self.path.open("a", encoding="utf-8")
            for stage in (self._searches, self._reruns):
                missing, already = [], len(wanted)
                for group in groups:
                    for key, optimizer in stage(*group):
                        known = self.records.get(key)
                        if known is not None and known["setting"] == repr(optimizer):
                            wanted[key] = known
                        else:
                            missing.append((key, optimizer))
                if progress and bar is None:
                    bar = Bar(len(groups) * (self.budget + 2 * self.seeds))
                if bar is not None:
                    bar.skipped += len(wanted) - already
                if self.hand_out is not None:
                    given = [self._given(pack) for pack in self._packs(missing)]
                    for _, records in self.hand_out(_trials, given):
                        keep(records)
                    continue
                waiting |= {pool.submit(self._run, pack) for pack in self._packs(missing)}
                ended: queue.SimpleQueue[Future[list[Record]]] = queue.SimpleQueue()
                for task in waiting:
                    task.add_done_callback(ended.put)
                while waiting:
                    # Awake now and then: a signal that another thread got wakes nobody.
                    with contextlib.suppress(queue.Empty):
                        collect(ended.get(timeout=0.05))
            complete = True
        except KeyboardInterrupt:
            # The runs under way end after their chunk; what had ended is kept.
            self.halt.set()
            pool.shutdown(cancel_futures=True)
            for task in [task for task in waiting if not task.cancelled()]:
                collect(task)
        finally:
            self.halt.set()
            pool.shutdown(cancel_futures=True)
            if bar is not None:
                bar.close()
            if self.file is not None:
                self.file.close()
        # In the order of their names, which no thread has a say in.
        rows = [wanted[key] for key in sorted(wanted, key=self._place)]
        return Comparison(rows, complete)

    def _packs(self, jobs: Sequence[Job]) -> list[list[Job]]:
        """Runs that draw the same rows of a large data set, some at a time; others one by one."""
        draws: dict[tuple[str, str], list[Job]] = {}
        for job in jobs:
            draws.setdefault((job[0][0], self._draws(job[0])), []).append(job)
        packs = []
        for (name, _), alike in draws.items():
            problem = self.problems[name]
            shared = shared_steps(problem.train, problem.batch_size) is not None
            size = PACK if shared else 1
            packs += [alike[first : first + size] for first in range(0, len(alike), size)]
        return packs

    def _place(self, key: Key) -> tuple[int, ...]:
        kinds = ["trial", "tuned", "default"]
        axes = (list(self.problems), list(self.optimizers), list(self.schedules), kinds)
        return (*(axis.index(name) for axis, name in zip(axes, key[:4], strict=True)), key[4])

    def _searches(self, problem: str, label: str, schedule: str) -> Iterable[tuple[Key, Optimizer]]:
        base = self.optimizers[label]
        for i in range(self.budget):
            generator = np.random.default_rng(self._entropy(problem, label, schedule, f"draw {i}"))
            drawn = base.drawn(generator)
            yield (problem, label, schedule, "trial", i), self._moving(drawn, schedule)
        for i in range(self.seeds):
            yield (problem, label, schedule, "default", i), self._moving(base, schedule)

    def _reruns(self, problem: str, label: str, schedule: str) -> Iterable[tuple[Key, Optimizer]]:
        trials = dict(self._searches(problem, label, schedule))
        keys = [(problem, label, schedule, "trial", i) for i in range(self.budget)]
        best = min(keys, key=lambda key: self.records[key]["validation"])
        for i in range(self.seeds):
            yield (problem, label, schedule, "tuned", i), trials[best]

    def _moving(self, optimizer: Optimizer, schedule: str) -> Optimizer:
        kind = self.schedules[schedule]
        if schedule == "constant" or isinstance(optimizer.lr, (str, moves.Schedule)):
            return optimizer  # "1/beta", and schedules that are somebody's choice, stay
        return optimizer.with_lr(kind(**{kind.top: optimizer.lr}))

    def _entropy(self, *names: str) -> np.random.SeedSequence:
        # crc32 and not hash(), which differs from one process to the next.
        return np.random.SeedSequence([self.seed, *(zlib.crc32(name.encode()) for name in names)])

    def _draws(self, key: Key) -> str:
        # One seed for all trials, as in the paper; others for what is reported.
        return "search" if key[3] == "trial" else f"seed {key[4]}"

    def _given(self, pack: Sequence[Job]) -> "tuple[Problem, Sequence[Job], int]":
        problem = self.problems[pack[0][0][0]]
        seed = int(self._entropy(problem.name, self._draws(pack[0][0])).generate_state(1)[0])
        return problem, pack, seed

    def _run(self, pack: Sequence[Job]) -> list[Record]:
        return _trials(*self._given(pack), self.halt)

    def _keep(self, record: Record) -> None:
        if self.file is not None:
            self.file.write(_line(record))
            self.file.flush()

    def _resume(self) -> None:
        assert self.path is not None
        asked = {}
        for name, one in self.problems.items():
            start = one.train.initial_point(0) if one.theta0 is None else one.theta0
            values = [f"{part.value(start):.8g}" for part in (one.train, one.validation, one.test)]
            asked[name] = (
                f"{one.train!r}, losses {', '.join(values)} at the start, batch_size "
                f"{one.batch_size}, {one.steps} steps"
            )
        known = self._read() if self.path.exists() else {}
        for name, text in asked.items():
            if known.get(name, text) != text:
                raise ValueError(
                    f"{self.path}: problem {name!r} was another there: {known[name]}; and is {text}"
                )
        new = {name: text for name, text in asked.items() if name not in known}
        if new:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(_line({"fastgd": 1, "seed": self.seed, "problems": new}))

    def _read(self) -> dict[str, str]:
        """Takes in the records of the file; the problems that they are of."""
        assert self.path is not None
        problems: dict[str, str] = {}
        try:
            text = self.path.read_text(encoding="utf-8")
            lines = text.splitlines()
            if text and not text.endswith("\n"):  # killed while it wrote: that trial is run again
                lines.pop()
                replace_text(self.path, "".join(line + "\n" for line in lines))
            for line in map(json.loads, lines):
                if not isinstance(line, dict):
                    raise TypeError("a line is no object")
                if "fastgd" in line:
                    problems |= {str(name): str(known) for name, known in line["problems"].items()}
                    if line["seed"] != self.seed:
                        raise ValueError(
                            f"{self.path} is of a comparison with seed {line['seed']}, not "
                            f"{self.seed}"
                        )
                    continue
                for column in ("validation", "test"):
                    line[column] = math.inf if line[column] is None else line[column]
                line["lr"] = math.nan if line["lr"] is None else line["lr"]
                _check_record(line)
                self.records[tuple(line[column] for column in COLUMNS[:5])] = line
        except (
            json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError,
            RecursionError,
        ) as error:  # fmt: skip
            raise ValueError(f"{self.path} is not the file of a comparison") from error
        if lines and not problems:
            raise ValueError(f"{self.path} is not the file of a comparison")
        return problems


def _check_record(record: Mapping[str, Any]) -> None:
    """Raise TypeError where a line of a file is no record."""
    for column, kind in KINDS.items():
        value = record[column]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(f"{column} is {value!r}")


def _trials(
    problem: "Problem", pack: Sequence[Job], seed: int, halt: threading.Event | None = None
) -> list[Record]:
    """The records of runs on one problem with the same draws, those that were let finish."""

    def halted(_: Progress) -> Stop | None:
        return INTERRUPTED if halt is not None and halt.is_set() else None

    halted.every_chunk = True  # type: ignore[attr-defined]
    with np.errstate(all="ignore"):
        try:
            results = sweep(
                problem.train, [optimizer for _, optimizer in pack], problem.theta0,
                batch_size=problem.batch_size, steps=problem.steps, seed=seed,
                callbacks=[halted],
            )  # fmt: skip
            found = [
                None if result.interrupted else (*_losses(problem, result), result.message)
                for result in results
            ]
        except ArithmeticError as error:
            # Python's floats raise, in a function of the user's, where NumPy's become inf.
            message = f"diverged: {type(error).__name__}: {error}"
            found = [(math.inf, math.inf, message)] * len(pack)
    return [
        _record(key, optimizer, *outcome)
        for (key, optimizer), outcome in zip(pack, found, strict=True)
        if outcome is not None
    ]


def _losses(problem: "Problem", result: Result) -> tuple[float, float]:
    values = [
        math.inf if result.diverged else judge.value(result.theta)
        for judge in (problem.validation, problem.test)
    ]
    return tuple(value if math.isfinite(value) else math.inf for value in values)  # type: ignore[return-value]


def _record(key: Key, optimizer: Optimizer, validation: float, test: float, message: str) -> Record:
    lr = optimizer.lr
    rate = math.nan if isinstance(lr, str) else float(rules.Rates(lr, 0.0, 1).over(0, 1)[0][0])
    row = (*key, rate, validation, test, repr(optimizer), message)
    return dict(zip(COLUMNS, row, strict=True))


def _line(record: Mapping[str, Any]) -> str:
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }
    return json.dumps(finite, allow_nan=False) + "\n"
