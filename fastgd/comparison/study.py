"""Many optimizers, one tuning budget, several draws of all that chance has a say in.

The protocol: which trials there are, and what each of them draws. That depends on its own name
alone, neither on the threads nor on the order; `trials` runs them, `file` keeps them.
"""

import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastgd.checks import as_count
from fastgd.comparison import file, trials
from fastgd.comparison.entrants import FIFTEEN, FOUR, as_optimizer, as_schedule_kind, moving, named
from fastgd.comparison.results import Comparison
from fastgd.comparison.trials import COLUMNS, Key, Pack, Record, Trial
from fastgd.console import Bar
from fastgd.jobs import check_parallel
from fastgd.optimizers import Optimizer
from fastgd.sweeps import shared_steps

if TYPE_CHECKING:
    from fastgd.problems import Problem

__all__ = ["compare"]

# Runs that share the pass over data which no cache holds: an interrupt loses no more than these.
PACK = 8
# With fewer draws of the tuning nothing can be said of their noise.
FEWEST = 5
ORDER = ("trial", "tuned", "default")


def compare(
    problems: "str | Problem | Iterable[str | Problem]" = FOUR,
    optimizers: "str | Optimizer | Iterable[str | Optimizer] | Mapping[str, Any]" = FIFTEEN,
    budget: int = 7,
    seeds: int = 5,
    schedules: Sequence[str] = ("constant", "cosine"),
    n_jobs: int | None = None,
    seed: int = 0,
    path: str | Path | None = None,
    progress: bool = False,
    parallel: str = "threads",
    draws: int | None = None,
) -> "Comparison":
    """Compare optimizers fairly: equal tuning budgets, several draws, results on held-out data.

    For each problem, optimizer and schedule, `draws` times: the data is split anew; the default
    settings and `budget` - 1 that are drawn at random from the optimizer's search space
    (`Optimizer.drawn`) are run once each; the one of least validation loss is run again with new
    seeds, and so are the default settings. Reported are the test losses of these, after the last
    step.

    Parameters
    ----------
    problems : names out of `problems.names`, Problems, or a mix
    optimizers : names out of `optimizers.registry`, Optimizers, or a mix
        ``"lookahead-radam"`` is the one around the other. An Optimizer's hyperparameters are its
        default settings; those without a search space are kept. A mapping gives names of one's own,
        such as to two Optimizers of one class.
    budget : int, at least 1, default 7
        Settings that each draw tries, the default one among them.
    seeds : int, at least 1, default 5
        Runs of what was chosen, and of the default settings; the draws share them.
    schedules : sequence of names
        "constant", "cosine", "restarts", "trapezoidal", and those of `schedules.registry` of which
        all but the rate has a default; each makes a search of its own. "As it comes" is an
        optimizer with its default settings under the first of them.
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
    draws : int, at least 1, at most `seeds`, optional
        How often the tuning is done anew, each time with other settings and, where the problem can
        be split anew, on another split. As many as `seeds` by default; 1 where those are fewer than
        five, which say nothing of the noise of tuning.

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
    Draw number d has the same split, and seed number s the same batches and starting point, for
    every optimizer. The validation loss is the worst of five over the last tenth of a run, so that
    no setting is chosen for one lucky step. A run that diverges has the loss inf. The search spaces
    are of the kind of that paper's: logarithmic, four decades of the rate; `Optimizer.search_space`
    states each. On data larger than a cache, trials share the pass over it, as in `sweep`.

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
    study = _Study(problems, optimizers, budget, seeds, schedules, seed, path, draws)
    jobs = as_count("n_jobs", (os.cpu_count() or 1) if n_jobs is None else n_jobs)
    return study.go(None if elsewhere and n_jobs is None else jobs, progress, elsewhere)


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
        draws: int | None,
    ) -> None:
        from fastgd import problems as suite

        self.budget, self.seeds = as_count("budget", budget), as_count("seeds", seeds)
        if draws is None:
            draws = self.seeds if self.seeds >= FEWEST else 1
        self.draws = as_count("draws", draws)
        if self.draws > self.seeds:
            raise ValueError(
                f"each of the {draws} draws needs a run of what it chose, and seeds is {seeds}"
            )
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
        self.drawn: dict[tuple[str, int], Problem] = {}
        self.tried: dict[tuple[str, str, str, int], list[Trial]] = {}
        self.file: Any = None

    def go(self, jobs: int | None, progress: bool, elsewhere: bool) -> "Comparison":
        if self.path is not None:
            self.records = file.take_up(self.path, self.problems, self.seed)
        groups = [(p, o, s) for p in self.problems for o in self.optimizers for s in self.schedules]
        wanted: dict[Key, Record] = {}
        bar = Bar(len(groups) * (self.draws * self.budget + 2 * self.seeds)) if progress else None

        def collect(records: list[Record]) -> None:
            for record in records:
                key: Key = tuple(record[column] for column in COLUMNS[:6])
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
                    for trial in stage(*group):
                        known = self.records.get(trial.key)
                        if known is not None and known["setting"] == repr(trial.optimizer):
                            wanted[trial.key] = known
                        else:
                            missing.append(trial)
                if bar is not None:
                    bar.skipped += len(wanted) - already
                trials.run_packs(self._packs(missing), jobs, collect, elsewhere)
            complete = True
        except KeyboardInterrupt:
            pass  # what had ended is kept
        finally:
            if bar is not None:
                bar.close()
            if self.file is not None:
                self.file.close()
        # In the order of their names, which no thread has a say in.
        rows = [wanted[key] for key in sorted(wanted, key=self._place)]
        return Comparison(rows, complete)

    def _packs(self, missing: Sequence[Trial]) -> list[Pack]:
        """Runs that draw the same rows of a large data set, some at a time; others one by one."""
        alike: dict[tuple[str, int, str], list[Trial]] = {}
        for trial in missing:
            name, _, _, draw, *_ = trial.key
            alike.setdefault((name, draw, self._rows_of(trial.key)), []).append(trial)
        packs = []
        for (name, draw, rows), those in alike.items():
            problem = self._problem(name, draw)
            seed = int(self._entropy(name, rows).generate_state(1)[0])
            shared = shared_steps(problem.train, problem.batch_size) is not None
            size = PACK if shared else 1
            packs += [
                Pack(problem, seed, those[first : first + size])
                for first in range(0, len(those), size)
            ]
        return packs

    def _problem(self, name: str, draw: int) -> "Problem":
        """A problem as a draw of the tuning has it: after the first, on a split of its own."""
        problem: Problem = self.problems[name]
        if draw == 0 or problem.split is None:
            return problem
        if (name, draw) not in self.drawn:
            number = int(self._entropy(name, f"split {draw}").generate_state(1)[0])
            self.drawn[name, draw] = problem.drawn(number)
        return self.drawn[name, draw]

    def _place(self, key: Key) -> tuple[int, ...]:
        problem, optimizer, schedule, draw, kind, number = key
        return (
            list(self.problems).index(problem), list(self.optimizers).index(optimizer),
            list(self.schedules).index(schedule), draw, ORDER.index(kind), number,
        )  # fmt: skip

    def _searches(self, problem: str, label: str, schedule: str) -> Iterable[Trial]:
        for draw in range(self.draws):
            tried = list(self._search(problem, label, schedule, draw))
            self.tried[problem, label, schedule, draw] = tried
            yield from tried
        default = self._moving(problem, self.optimizers[label], schedule)
        for i in range(self.seeds):
            yield Trial((problem, label, schedule, i % self.draws, "default", i), default)

    def _search(self, problem: str, label: str, schedule: str, draw: int) -> Iterable[Trial]:
        base = self.optimizers[label]
        for i in range(self.budget):
            names = f"draw {i}" if draw == 0 else f"draw {i} of {draw}"
            generator = np.random.default_rng(self._entropy(problem, label, schedule, names))
            # The default settings are the first that are tried.
            setting = base.drawn(generator) if i else base
            key = (problem, label, schedule, draw, "trial", i)
            yield Trial(key, self._moving(problem, setting, schedule))

    def _reruns(self, problem: str, label: str, schedule: str) -> Iterable[Trial]:
        best = []
        for draw in range(self.draws):
            tried = self.tried[problem, label, schedule, draw]
            best.append(min(tried, key=lambda one: self.records[one.key]["validation"]))
        for i in range(self.seeds):
            draw = i % self.draws
            yield Trial((problem, label, schedule, draw, "tuned", i), best[draw].optimizer)

    def _moving(self, problem: str, optimizer: Optimizer, schedule: str) -> Optimizer:
        kind = self.schedules[schedule]
        return moving(optimizer, schedule, kind, self.problems[problem].steps)

    def _entropy(self, *names: str) -> np.random.SeedSequence:
        # crc32 and not hash(), which differs from one process to the next.
        return np.random.SeedSequence([self.seed, *(zlib.crc32(name.encode()) for name in names)])

    def _rows_of(self, key: Key) -> str:
        # One seed for all trials of a draw, as in the paper; others for what is reported.
        _, _, _, draw, kind, number = key
        if kind != "trial":
            return f"seed {number}"
        return "search" if draw == 0 else f"search {draw}"

    def _keep(self, record: Record) -> None:
        if self.file is not None:
            self.file.write(file.line(record))
            self.file.flush()
