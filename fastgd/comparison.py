"""Many optimizers, one tuning budget, many seeds; and the learning-rate range test.

The trials run in plain threads, side by side, since the loop does not hold the GIL. What a trial
is, its draw and its seed, depends on its own name alone: neither on the threads nor on the order.
"""

import contextlib
import csv
import dataclasses
import json
import math
import os
import queue
import threading
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd import optimizers as rules
from fastgd import schedules as moves
from fastgd.callbacks import Progress, Stop
from fastgd.checks import as_count
from fastgd.console import Bar
from fastgd.history import Result
from fastgd.objectives import Objective
from fastgd.optimizers import Optimizer
from fastgd.run import INTERRUPTED, minimize
from fastgd.sweeps import shared_steps, sweep

if TYPE_CHECKING:
    from fastgd.problems import Problem

__all__ = ["Comparison", "RateRange", "compare", "lr_range_test"]

# The fifteen of Schmidt, Schneider and Hennig 2021, and four problems of four kinds.
FIFTEEN = (
    "amsbound", "amsgrad", "adabelief", "adabound", "adadelta", "adagrad", "adam",
    "lookahead-momentum", "lookahead-radam", "momentum", "nesterov", "nadam", "radam", "rmsprop",
    "sgd",
)  # fmt: skip
FOUR = ("breast-cancer-logistic", "digits-softmax", "penguins-network", "noisy-quadratic")

Record = dict[str, Any]
Key = tuple[str, str, str, str, int]
Job = tuple[Key, Optimizer]
# Runs that share the pass over data which no cache holds: an interrupt loses no more than these.
PACK = 8
COLUMNS = (
    "problem", "optimizer", "schedule", "kind", "number", "lr", "validation", "test", "setting",
    "message",
)  # fmt: skip


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

    Returns
    -------
    Comparison
        After Ctrl-C, with the trials that had ended, and `complete` False.

    Raises
    ------
    TypeError, ValueError
        Unknown names, names that occur twice, counts below 1, a file of another comparison.

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
    study = _Study(problems, optimizers, budget, seeds, schedules, seed, path)
    jobs = as_count("n_jobs", (os.cpu_count() or 1) if n_jobs is None else n_jobs)
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
        self.problems = _named("problem", [(one.name, one) for one in found])
        if isinstance(optimizers, (str, Optimizer)):
            optimizers = [optimizers]
        if isinstance(optimizers, Mapping):
            pairs = [(str(name), as_optimizer(one)[1]) for name, one in optimizers.items()]
        else:
            pairs = [as_optimizer(one) for one in optimizers]
        self.optimizers = _named("optimizer", pairs)
        if isinstance(schedules, str):
            schedules = [schedules]
        self.schedules = _named("schedule", [(name, _schedule(name)) for name in schedules])
        self.path = None if path is None else Path(path)
        self.records: dict[Key, Record] = {}
        self.file: Any = None
        self.halt = threading.Event()

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
            for record in task.result():
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

    def _run(self, pack: Sequence[Job]) -> list[Record]:
        """The records of runs on one problem with the same draws, those that were let finish."""
        problem = self.problems[pack[0][0][0]]
        seed = int(self._entropy(problem.name, self._draws(pack[0][0])).generate_state(1)[0])

        def halted(_: Progress) -> Stop | None:
            return INTERRUPTED if self.halt.is_set() else None

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
        text = self.path.read_text(encoding="utf-8")
        lines = text.splitlines()
        if text and not text.endswith("\n"):  # killed while it wrote: that trial is run again
            lines.pop()
            self.path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        problems: dict[str, str] = {}
        try:
            for line in map(json.loads, lines):
                if "fastgd" in line:
                    problems |= line["problems"]
                    if line["seed"] != self.seed:
                        raise ValueError(
                            f"{self.path} is of a comparison with seed {line['seed']}, not "
                            f"{self.seed}"
                        )
                    continue
                for column in ("validation", "test"):
                    line[column] = math.inf if line[column] is None else line[column]
                line["lr"] = math.nan if line["lr"] is None else line["lr"]
                self.records[tuple(line[column] for column in COLUMNS[:5])] = line
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"{self.path} is not the file of a comparison") from error
        if lines and not problems:
            raise ValueError(f"{self.path} is not the file of a comparison")
        return problems


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


def _named(what: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
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


def _schedule(name: Any) -> Any:
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


@dataclass
class Comparison:
    """What `compare` returns.

    Attributes
    ----------
    rows : list of dict
        One for each run: problem, optimizer, schedule; kind ("trial", "tuned" or "default") and its
        number; lr (of step 0), validation and test loss (inf: diverged), setting, message.
    complete : bool
        Whether no trial is missing, after Ctrl-C.
    """

    rows: list[Record]
    complete: bool = True

    @property
    def table(self) -> dict[str, NDArray[Any]]:
        """The rows as a tidy table: one array for each column."""
        return {name: np.array([row[name] for row in self.rows]) for name in COLUMNS}

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame; pandas must be installed."""
        import pandas

        return pandas.DataFrame(self.table)

    def to_polars(self) -> Any:
        """The table as a polars DataFrame; polars must be installed."""
        import polars

        return polars.DataFrame(self.table)

    def to_csv(self, path: str | Path) -> None:
        """Writes the table; losses of runs that diverged are ``inf``."""
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def losses(self, kind: str, column: str = "test") -> dict[tuple[str, str, str], Any]:
        """The losses of one kind of run, for each (problem, optimizer, schedule)."""
        found: dict[tuple[str, str, str], list[float]] = {}
        for row in self.rows:
            if row["kind"] == kind:
                group = row["problem"], row["optimizer"], row["schedule"]
                found.setdefault(group, []).append(row[column])
        return {group: np.array(values) for group, values in found.items()}

    def summary(self) -> list[Record]:
        """Median and quartiles of the test loss, tuned and by default, and the gain from tuning.

        Returns
        -------
        list of dict
            problem, optimizer, schedule; tuned and default, each (lower quartile, median, upper
            quartile); gain: default median minus tuned median, above 0 where tuning helped, nan
            where neither is finite; diverged: the part of the trials that did.
        """
        tuned, default = self.losses("tuned"), self.losses("default")
        found = []
        for group, trials in self.losses("trial").items():
            if group not in tuned or group not in default:
                continue
            row: Record = dict(zip(COLUMNS, group, strict=False))
            row["tuned"], row["default"] = _quartiles(tuned[group]), _quartiles(default[group])
            ends = row["default"][1], row["tuned"][1]
            row["gain"] = ends[0] - ends[1] if any(map(math.isfinite, ends)) else math.nan
            row["diverged"] = float(np.mean(~np.isfinite(trials)))
            found.append(row)
        return found

    def chosen(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """For each problem and optimizer the tuned test losses, under the schedule of the least
        validation loss of any trial."""
        tuned = self.losses("tuned")
        best: dict[tuple[str, str], tuple[float, str]] = {}
        for (problem, optimizer, schedule), values in self.losses("trial", "validation").items():
            if (problem, optimizer, schedule) in tuned:
                offer = float(values.min()), schedule
                best[problem, optimizer] = min(best.get((problem, optimizer), offer), offer)
        found: dict[str, dict[str, NDArray[np.float64]]] = {}
        for (problem, optimizer), (_, schedule) in best.items():
            found.setdefault(problem, {})[optimizer] = tuned[problem, optimizer, schedule]
        return found

    def gains(self, problem: str) -> tuple[list[str], NDArray[np.float64]]:
        """Percent of the loss of each default setting (rows) that each tuned one (columns) saves.

        Of median test losses: by default under the first schedule, tuned under that of `chosen`.
        100 where only the default diverged, below -1000 where only the tuned one did, else nan.
        """
        tuned = self.chosen().get(problem, {})
        if not tuned:
            raise ValueError(f"there is no tuned run on a problem {problem!r}")
        default: dict[str, float] = {}
        for (name, optimizer, _), values in self.losses("default").items():
            if name == problem:
                default.setdefault(optimizer, _quartiles(values)[1])
        names = [name for name in tuned if name in default]
        found = np.empty((len(names), len(names)))
        for i, before in enumerate(default[name] for name in names):
            for j, after in enumerate(_quartiles(tuned[name])[1] for name in names):
                if math.isfinite(before) and math.isfinite(after) and before != 0:
                    found[i, j] = 100.0 * (before - after) / abs(before)
                elif math.isfinite(before) == math.isfinite(after):
                    found[i, j] = 0.0 if before == after == 0 else math.nan
                else:
                    found[i, j] = 100.0 if math.isfinite(after) else -math.inf
        return names, found

    def ranks(self) -> dict[str, dict[str, float]]:
        """The rank of each optimizer's median tuned test loss on each problem; 1 is best, and
        ties share their mean."""
        found = {}
        for problem, losses in self.chosen().items():
            medians = np.array([_quartiles(values)[1] for values in losses.values()])
            below = (medians[None, :] < medians[:, None]).sum(axis=1)
            ties = (medians[None, :] == medians[:, None]).sum(axis=1)
            ranks = below + (ties + 1) / 2
            found[problem] = dict(zip(losses, map(float, ranks), strict=True))
        return found

    def critical_difference(self) -> tuple[dict[str, float], float]:
        """Mean ranks over the problems, best first, and how far two must lie apart at 5 %.

        The difference is Nemenyi's, q sqrt(k (k + 1)/(6 N)) for k optimizers on N problems; nan for
        a single optimizer.

        References
        ----------
        Demšar 2006, Statistical Comparisons of Classifiers over Multiple Data Sets.
        """
        from scipy.stats import studentized_range

        ranks = list(self.ranks().values())
        shared = [name for name in (ranks[0] if ranks else {}) if all(name in r for r in ranks)]
        means = {name: float(np.mean([r[name] for r in ranks])) for name in shared}
        k, n = len(means), len(ranks)
        difference = math.nan
        if k > 1:
            q = float(studentized_range.ppf(0.95, k, math.inf)) / math.sqrt(2.0)
            difference = q * math.sqrt(k * (k + 1) / (6.0 * n))
        return dict(sorted(means.items(), key=lambda pair: pair[1])), difference

    def verdict(self) -> str:
        """In plain words, for each problem and for all: do differences exceed the seeds' noise?

        The best median is tested against each other optimizer by Mann and Whitney's test over the
        seeds, at 5 % after Holm's correction. That the best was picked by the same losses is not
        corrected for.
        """
        from scipy.stats import mannwhitneyu

        sentences = []
        for problem, losses in self.chosen().items():
            best = min(losses, key=lambda name: _quartiles(losses[name])[1])
            others = [name for name in losses if name != best]
            runs = len(losses[best])
            # The least p-value that so many runs can have.
            if not others or 2.0 / math.comb(2 * runs, runs) * len(others) >= 0.05:
                sentences.append(f"{problem}: too few runs to tell.")
                continue
            tests = {name: mannwhitneyu(losses[best], losses[name]).pvalue for name in others}
            worse: list[str] = []
            for i, name in enumerate(sorted(others, key=lambda name: tests[name])):
                if not tests[name] * (len(others) - i) < 0.05:
                    break
                worse.append(name)
            level = [name for name in others if name not in worse]
            if not worse:
                text = "no difference exceeds the noise of the seeds"
            elif not level:
                text = f"{best} is better than all others by more than the noise of the seeds"
            else:
                text = (
                    f"{best} has the least median, but {', '.join(level)} "
                    f"{'does' if len(level) == 1 else 'do'} not differ from it by more than the "
                    f"noise of the seeds; the other {len(worse)} do"
                )
            sentences.append(f"{problem}: {text}.")
        means, difference = self.critical_difference()
        if len(self.ranks()) > 1 and len(means) > 1:
            (first, best_mean), *rest = means.items()
            apart = [name for name, mean in rest if mean - best_mean > difference]
            text = (
                f"{first} has the best mean rank, and {', '.join(apart)} "
                f"{'lies' if len(apart) == 1 else 'lie'} behind it by more than chance (5 %) "
                "explains; the others do not"
                if 0 < len(apart) < len(rest)
                else f"{first} has the best mean rank, ahead of all others by more than chance"
                if apart
                else f"{first} has the best mean rank ({best_mean:.3g} of {len(means)}), but no "
                "other lies behind it by more than chance (5 %) explains"
            )
            sentences.append(f"Over all {len(self.ranks())} problems: {text}.")
        if not self.complete:
            sentences.append("The comparison was interrupted: trials are missing.")
        return "\n".join(sentences)

    def plot(self, axes: Any = None) -> Any:
        """Test loss with quartiles, tuned and by default: see `figures.plot_comparison`."""
        from fastgd import figures

        return figures.plot_comparison(self, axes)

    def plot_gain(self, problem: str, ax: Any = None) -> Any:
        """From any optimizer as it comes to any tuned one: see `figures.plot_gain`."""
        from fastgd import figures

        return figures.plot_gain(self, problem, ax)

    def plot_ranks(self, ax: Any = None) -> Any:
        """Mean ranks with the critical difference: see `figures.plot_ranks`."""
        from fastgd import figures

        return figures.plot_ranks(self, ax)

    def plot_sensitivity(self, problem: str, axes: Any = None) -> Any:
        """The trials' validation loss against lr: see `figures.plot_sensitivity`."""
        from fastgd import figures

        return figures.plot_sensitivity(self, problem, axes)

    def to_dict(self) -> dict[str, Any]:
        """All of it, in what JSON can hold; None for a loss that is not finite."""
        means, difference = self.critical_difference()
        found = {
            "complete": self.complete,
            "verdict": self.verdict(),
            "ranks": self.ranks(),
            "mean_ranks": means,
            "critical_difference": difference,
            "summary": self.summary(),
            "rows": self.rows,
        }
        plain: dict[str, Any] = _plain(found)
        return plain

    def __repr__(self) -> str:
        lines = [f"{'problem':<24}{'optimizer':<22}{'schedule':<10}{'tuned':>11}{'default':>11}"]
        for row in self.summary():
            lines.append(
                f"{row['problem']:<24}{row['optimizer']:<22}{row['schedule']:<10}"
                f"{row['tuned'][1]:>11.4g}{row['default'][1]:>11.4g}"
            )
        return "\n".join(lines)


def _quartiles(values: NDArray[np.float64]) -> tuple[float, float, float]:
    # As numpy.quantile, which makes nan of a median beside an inf.
    ordered = [float(value) for value in np.sort(values)]
    found = []
    for part in (0.25, 0.5, 0.75):
        place = part * (len(ordered) - 1)
        low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
        between = math.isfinite(high) and high > low
        found.append(low + (high - low) * (place - math.floor(place)) if between else high)
    return found[0], found[1], found[2]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass
class RateRange:
    """What `lr_range_test` returns.

    Attributes
    ----------
    lr, loss : (k,) float64
        The rate of a step, and the loss over the whole data after it.
    suggestion : float
        A tenth of the rate at which the loss was least; nan if it never fell.
    """

    lr: NDArray[np.float64]
    loss: NDArray[np.float64]
    suggestion: float

    def plot(self, ax: Any = None) -> Any:
        """Loss against rate: see `figures.plot_rate_range`."""
        from fastgd import figures

        return figures.plot_rate_range(self, ax)


def lr_range_test(
    objective: Objective,
    optimizer: Optimizer,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 300,
    batch_size: int | None = None,
    seed: Any = 0,
    theta0: Any = None,
) -> RateRange:
    r"""One run in which the rate grows from far too small to far too large.

    .. math:: η_t = η_{low} (η_{high}/η_{low})^{t/(T-1)}

    It ends early once the loss is four times as large as at the start or at its least.

    Parameters
    ----------
    objective : Objective
    optimizer : Optimizer
        Its own rate plays no part.
    low, high : float, above 0, default 1e-6 and 10
    steps : int, at least 2, default 300
    batch_size, seed, theta0
        As for `minimize`.

    Returns
    -------
    RateRange

    Raises
    ------
    TypeError, ValueError
        Rates that are not 0 < low < high, fewer than two steps; what `minimize` refuses.

    References
    ----------
    Smith 2017, Cyclical Learning Rates for Training Neural Networks, whose rates grow linearly.

    Examples
    --------
    >>> f = gd.Quadratic(np.diag([1.0, 10.0]), [1.0, 1.0])
    >>> bool(0.005 < gd.lr_range_test(f, gd.SGD()).suggestion < 0.2)  # 2/β = 0.2 diverges
    True
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer, not {optimizer!r}")
    if not 0.0 < low < high < math.inf:
        raise ValueError(f"low and high must be rates with 0 < low < high, not {low} and {high}")
    if as_count("steps", steps) < 2:
        raise ValueError("steps must be at least 2")

    def exploded(progress: Progress) -> str:
        known = progress.history["loss"]
        usual = max(abs(known[0]), abs(known.min()))
        return "the loss exploded" if progress.loss > 4.0 * usual else ""

    growing = moves.exponential(low, (high / low) ** (1.0 / (steps - 1)))
    result = minimize(
        objective, optimizer.with_lr(growing), theta0, batch_size=batch_size, steps=steps,
        seed=seed, record_every=max(1, steps // 300), callbacks=[exploded], on_interrupt="raise",
    )  # fmt: skip
    loss, lr = result.history["loss"], result.history["lr"]
    place = int(np.nanargmin(loss))
    return RateRange(lr[1:], loss[1:], float(lr[place]) / 10.0 if place else math.nan)
