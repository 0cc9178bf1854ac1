"""One run from θ_0 to θ_T, step by step.

A run checks its input once and hands chunks of steps to the core: a few hundredths of a second
without the GIL. Between chunks are the records, the callbacks, the checkpoints, and the place where
Ctrl-C is heard. Nothing depends on where the cuts fall.
"""

import contextlib
import functools
import math
import os
import time
import warnings
import weakref
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import checkpoint as files
from fastgd import views
from fastgd.arguments import (
    bound,
    chances_of,
    check_sampling,
    check_seed,
    checked_records,
    dampening_watched,
    length,
    sampler_of,
    with_number,
)
from fastgd.callbacks import Callback, Progress, Rescale, Stop
from fastgd.checks import as_count, as_penalty, as_vector
from fastgd.console import Bar, Interrupts
from fastgd.core import solver as solvers
from fastgd.core import update as updates
from fastgd.history import History, Result, Setting
from fastgd.objectives import Objective, row_weights
from fastgd.optimizers import Optimizer
from fastgd.stretch import ALONE, Stretch
from fastgd.threads import team_of

__all__ = ["Run"]

INTERRUPTED = Stop("interrupted", kind="interrupted")
# The end of every run that takes all its steps, made once for many that are as long.
_finished = functools.lru_cache(lambda steps: Stop(f"reached {steps} steps", kind="finished"))


# Whether a callback looks between any two chunks, and not at each record.
def _each_chunk(callback: Callback) -> bool:
    return bool(getattr(callback, "every_chunk", False))


# How a run ends that has nothing left to do.
OVER = ("finished", "converged", "diverged")


class Run:
    """One run, step by step: what `minimize` does at once.

    Parameters
    ----------
    objective, optimizer, ...
        As for `minimize`.

    Attributes
    ----------
    objective, optimizer, setting, history
        As in a `Result`.
    stop : callbacks.Stop or None
        Why the run ended, where it has.
    note : anything made of dicts, lists, texts and numbers
        Nothing to the run, but saved with it: what whoever started it wants to find again.
    rescalings : list of (step, factor)
        Where a callback had all later rates multiplied.

    Raises
    ------
    TypeError, ValueError
        Arguments that make no sense, before any work starts.

    Notes
    -----
    A run that is let go of frees all it has. `close`, or ``with gd.Run(...) as run:``, hands the
    compiled objective back for the next run at once.

    Examples
    --------
    >>> f = gd.Quadratic(np.eye(2), [1.0, 2.0])
    >>> run = gd.Run(f, gd.SGD(lr=0.5), steps=20)
    >>> run.advance(3).step
    3
    >>> run.theta
    array([0.875, 1.75 ])
    >>> run.advance().result().message
    'reached 20 steps'
    """

    def __init__(
        self,
        objective: Objective,
        optimizer: Optimizer,
        theta0: Any = None,
        batch_size: int | None = None,
        steps: int | None = None,
        epochs: int | None = None,
        seed: Any = None,
        sampling: str = "replacement",
        record_every: int | None = None,
        callbacks: Iterable[Callback] = (),
        progress: bool | str = False,
        n_threads: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        checkpoint: Any = None,
        checkpoint_every: float = 60.0,
        on_interrupt: str = "return",
        comm: Any = None,
        reproducible: bool | int = True,
        sync_every: int | None = None,
        stationarity: bool = False,
    ) -> None:
        self._ranks: Any = ALONE
        comm = getattr(objective, "comm", None) if comm is None else comm
        if comm is not None:
            objective, self._ranks, agreed = views.view("ranks")(
                objective, optimizer, comm, reproducible, sync_every, callbacks, theta0=theta0,
                batch_size=batch_size, steps=steps, epochs=epochs, seed=seed, sampling=sampling,
                record_every=record_every, clip_norm=clip_norm, clip_value=clip_value,
                checkpoint=checkpoint,
            )  # fmt: skip
            seed, record_every, callbacks = agreed
            progress = progress and self._ranks.first
        elif sync_every is not None:
            raise ValueError("sync_every is for a run on many ranks: give comm")
        if not isinstance(objective, Objective):
            raise TypeError(f"objective must be an Objective, not {objective!r}")
        if not isinstance(optimizer, Optimizer):
            hint = " (did you forget its parentheses?)" if isinstance(optimizer, type) else ""
            raise TypeError(f"optimizer must be an Optimizer, not {optimizer!r}{hint}")
        check_sampling(sampling)
        n = objective.n_samples
        if batch_size is not None:
            batch_size = as_count("batch_size", batch_size)
            if n is None:
                name = type(objective).__name__
                raise ValueError(f"{name} has no observations to take batches of")
            if batch_size > n:
                raise ValueError(f"batch_size is {batch_size}, but there are only {n} observations")
        epoch = None if batch_size is None else -(-(n or 1) // batch_size)
        self.total = length(objective, steps, epochs, epoch)
        self.callbacks = tuple(callbacks)
        self.record_every = checked_records(record_every, epoch, self.total, self.callbacks)
        self.n_threads = as_count("n_threads", n_threads)
        if on_interrupt not in ("return", "raise"):
            raise ValueError(f"on_interrupt must be 'return' or 'raise', not {on_interrupt!r}")
        self.on_interrupt = on_interrupt
        self.optimizer = with_number(optimizer, objective)
        check_seed(seed)
        clip_norm, clip_value = bound("clip_norm", clip_norm), bound("clip_value", clip_value)
        if optimizer.solver is not None and (clip_norm or clip_value):
            raise ValueError(f"{type(optimizer).__name__} makes no gradient that could be clipped")
        if stationarity:
            dampening = dampening_watched(optimizer, objective, comm)
        self.checkpoint = None if checkpoint is None else Path(os.fspath(checkpoint))
        self.checkpoint_every = as_penalty("checkpoint_every", checkpoint_every)
        self.progress = progress
        if theta0 is None:
            theta = objective.initial_point(seed if isinstance(seed, (int, np.integer)) else 0)
        else:
            theta = as_vector("theta0", theta0, objective.n_params).copy()
        self.objective = objective
        self.setting = Setting(
            batch_size, sampling, self.total, seed, theta.copy(), clip_norm, clip_value,
            bool(stationarity),
        )  # fmt: skip
        self.rates = self.optimizer.rates(self.total)

        chances = chances_of(objective, sampling, batch_size)
        sampler, lock = sampler_of(batch_size, sampling, n or 1, seed, chances)
        core = self._core = objective.lend()
        self._drawn_weights = None
        if chances is not None:
            # A mean over these draws is that over all rows only with these weights.
            self._drawn_weights = row_weights(objective) / (len(chances) * chances)
            core.draw_with(self._drawn_weights)
        update = updates.make(self.optimizer, len(theta), core.span_list, core.penalty)
        if stationarity:
            solver: Any = solvers.Watched(core, update, sampler, theta, dampening=dampening)
        elif clip_norm is None and clip_value is None:
            solver = objective.solver(core, update, sampler, theta)
        else:
            solver = solvers.General(core, update, sampler, theta)
        if clip_norm is not None or clip_value is not None:
            solver.clip(clip_norm or math.inf, clip_value or math.inf)
        self._stretch = Stretch(solver, self.rates, lock, self._ranks.same)
        # A run that ends at each record: somebody looks at it there.
        self._watched = self._ranks.watched or (
            bool(self.callbacks) and not all(map(_each_chunk, self.callbacks))
        )
        self._closed = False
        self._interrupts = Interrupts()
        if self._ranks.size > 1:
            # An exception in the middle of a step would leave the others waiting.
            self._interrupts.heard = contextlib.nullcontext()
        self.note: Any = None
        self.history = History(watched=bool(stationarity))
        self.stop: Stop | None = None
        # (step, factor): from there on a callback had the rates multiplied.
        self.rescalings: list[tuple[int, float]] = []
        self._interrupted = False
        self._loss = self._norm = math.nan
        self._looked = -1  # the step at which records and callbacks have had their turn
        self._recorded = -1
        self._started = time.perf_counter()
        self._ended: float | None = None
        self._saved_at: float | None = None
        self._fingerprint: dict[str, Any] | None = None

    @property
    def step(self) -> int:
        """Steps taken."""
        return int(self._stretch.solver.step)

    @property
    def theta(self) -> NDArray[np.float64]:
        """θ after these steps, a new vector: (n_params,)."""
        settled: NDArray[np.float64] = self._stretch.solver.settled
        return settled

    @property
    def time(self) -> float:
        """Seconds since the start."""
        if self._ended is not None:
            return self._ended
        return time.perf_counter() - self._started

    def advance(self, steps: int | None = None) -> "Run":
        """Take so many more steps, or all that are left; fewer where the run ends before.

        A run that a callback or Ctrl-C has stopped goes on; one that has converged or diverged does
        not. Where a step raises an exception, the run goes back to where it was last marked, and
        may be continued.

        Parameters
        ----------
        steps : int, at least 1, optional

        Returns
        -------
        Run
            Itself.

        Raises
        ------
        ValueError
            The run is closed.
        KeyboardInterrupt
            Ctrl-C, with ``on_interrupt="raise"``.
        """
        until = self.total if steps is None else self.step + as_count("steps", steps)
        with self._interrupts:
            self._advance(until)
        if self._interrupted and self.on_interrupt == "raise":
            raise KeyboardInterrupt
        return self

    def result(self) -> Result:
        """What `minimize` returns, as things stand."""
        return self._result(files.state_of(self, self._stretch.solver.save()))

    def _result(self, state: Any) -> Result:
        step = self.step
        if self._ranks.size > 1 and self._recorded != step and self.stop is not None:
            # Later, perhaps only one rank asks.
            self._loss, self._norm = self._stretch.solver.evaluate()
            self._recorded = step
        stop = self.stop or Stop(f"at step {step} of {self.total}")
        loss = self._loss if self._recorded == step else None
        theta, message = self._stretch.solver.settled, stop.message
        for callback in self.callbacks:
            best = getattr(callback, "best", None)
            found = best() if callable(best) else None
            if found is not None and found[0] < step:
                step, loss, theta = found
                message = f"{message}; the result is that of step {step}"
        return Result(
            theta=theta,
            steps=step,
            converged=stop.converged,
            diverged=stop.kind == "diverged",
            message=message,
            history=self.history.snapshot(),
            objective=self.objective,
            optimizer=self.optimizer,
            setting=self.setting,
            _loss=loss,
            interrupted=self._interrupted,
            _state=state,
            rescalings=tuple(self.rescalings),
        )

    def _last_result(self) -> Result:
        """The result of a run that goes no further: its state is written down when asked for."""
        solver = self._stretch.solver
        if self.callbacks:  # which others may use, and change, before that
            known = files.state_of(self, None)
            return self._result(lambda: {**known, "solver": solver.save()})
        self._ended = self.time
        return self._result(lambda: files.state_of(self, solver.save()))

    def save(self, path: Any) -> None:
        """Write all that the run depends on to a file, for `load`; see `checkpoint.write`.

        Raises
        ------
        OSError
            The file cannot be written; what was there before is still there.
        """
        if self._fingerprint is None:
            self._fingerprint = files.fingerprint(self.objective, self.setting.theta0)
        self._ranks.together(lambda: self._write(Path(os.fspath(path))))

    def _write(self, path: Path) -> None:
        if self._ranks.first:
            state = files.state_of(self, self._stretch.solver.save())
            files.write(path, state, self._fingerprint or {})

    @classmethod
    def load(
        cls,
        path: Any,
        objective: Objective,
        optimizer: Optimizer | None = None,
        record_every: int | None = None,
        callbacks: Iterable[Callback] = (),
        **options: Any,
    ) -> "Run":
        """The run that `save` wrote, which goes on to the same bits as if it had never stopped.

        Parameters
        ----------
        path : path
        objective : Objective
            That of the run, made anew: a file does not hold the data.
        optimizer : Optimizer, optional
            That of the run, where the file cannot hold it (``schedules.custom`` has a function).
        record_every, callbacks
            As for `minimize`; by default as many records as before. What callbacks remembered is
            given back to those of the same type, in their order.
        **options
            progress, n_threads, checkpoint, checkpoint_every, on_interrupt, comm and reproducible,
            as for `minimize`.

        Raises
        ------
        FileNotFoundError, ValueError
            No such file, or none that `save` wrote, or that of another objective or optimizer.
        """
        path = Path(os.fspath(path))
        if options.get("comm") is None:
            state, known = files.read(path)
        else:
            state, known = views.view("read")(path, options["comm"])
        run = cls._of_state(state, objective, optimizer, record_every, callbacks, options, path)
        run._fingerprint = files.fingerprint(run.objective, run.setting.theta0)
        files.compare(path, known, run._fingerprint)
        if run.checkpoint == path:
            run._saved_at = run.time
        return run

    @classmethod
    def _of_state(
        cls,
        state: dict[str, Any],
        objective: Objective,
        optimizer: Optimizer | None,
        record_every: int | None,
        callbacks: Iterable[Callback],
        options: dict[str, Any],
        path: Any = "the state",
    ) -> "Run":
        try:
            if state["n_params"] != objective.n_params:
                raise ValueError(
                    f"{path} is of an objective with {state['n_params']} parameters, not "
                    f"{objective.n_params}"
                )
            known = state["optimizer"]
            if optimizer is None and not isinstance(known, Optimizer):
                raise ValueError(
                    f"{path} could not hold the optimizer {known}, which has a function in it: "
                    "give optimizer="
                )
            run = cls(
                objective,
                known if optimizer is None else optimizer,
                state["theta0"],
                seed=files.seed_of(state),
                record_every=state["record_every"] if record_every is None else record_every,
                callbacks=callbacks,
                **{name: state[name] for name in files.SETTING if name in state},
                **options,
            )
            if isinstance(known, Optimizer) and known != run.optimizer:
                raise ValueError(f"{path} is of a run of {known!r}, not {run.optimizer!r}")
            files.restore(run, state)
        except (KeyError, IndexError, AttributeError, OverflowError) as error:
            raise ValueError(f"{path} is damaged: {error!r}") from None
        return run

    def close(self) -> None:
        """Hand the compiled objective back. Nothing can be advanced after that."""
        if not self._closed:
            self._closed = True
            if self._drawn_weights is not None:
                self._core.draw_with(None)
            self.objective.take_back(self._core)

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What an exception left behind is not worth finding out.
        if error is None:
            self.close()
        self._closed = True

    def __repr__(self) -> str:
        where = f"step {self.step} of {self.total}"
        return f"<Run of {self.optimizer!r} on {self.objective!r}: {where}>"

    def _advance(self, until: int, settled: bool = True) -> None:
        """Take steps up to `until`; with `settled`, the θ after them is found finite."""
        if self._closed:
            raise ValueError("this run is closed")
        if self.stop is not None and self.stop.kind in OVER:
            return
        self.stop, self._interrupted = None, False
        bar = Bar(self.total, self.progress == "log") if self.progress else None
        try:
            if self.checkpoint is not None and self._saved_at is None:
                self._begin_checkpoints()
            helpers = self._useful_threads() - 1 if self.n_threads > 1 else 0
            if helpers:
                stop = self._steps_in_team(until, bar, helpers)
            else:
                stop = self._steps(until, bar)
        except KeyboardInterrupt:
            stop = INTERRUPTED
        except BaseException:
            if self._ranks.size == 1:  # the others may be elsewhere
                self._stretch.secure()
            raise
        finally:
            if self._stretch.solver.records:
                self._collect()
            if bar is not None:
                bar.close()
        if settled or stop is not None:
            stop = self._stretch.secure(self._stretch.step == self.total) or stop
        if stop is not None and stop.kind == "interrupted":
            self._interrupts.pending = True  # for the other runs of a sweep
        try:
            self._interrupts.listen()
        except KeyboardInterrupt:
            pass  # a signal came when all was over
        self._interrupted = self._interrupts.pending
        self.stop = stop
        if stop is not None and self.checkpoint is not None:
            self._save_or_warn()

    def _steps_in_team(self, until: int, bar: Bar | None, helpers: int) -> Stop | None:
        with team_of(self.objective, self._core, helpers, self._drawn_weights) as team:
            owner = self._core if hasattr(self._core, "inner") else self._stretch.solver
            owner.team = team
            try:
                return self._steps(until, bar)
            finally:
                owner.team = None

    def _steps(self, until: int, bar: Bar | None) -> Stop | None:
        record_every, stretch, interrupts = self.record_every, self._stretch, self._interrupts
        until = min(until, self.total)
        stretch.alone = False
        t = stretch.step
        if record_every and self._watched and self._recorded < 0:
            stop = self._take(0, 0)  # the first record, for whoever looks at it
            if stop is not None:
                return stop
        while True:
            self._ranks.listen(interrupts)
            if t != self._looked:
                stop = self._look(t)
                if stop is not None:
                    return stop
            if t >= until:
                return None if t < self.total else _finished(t)
            if self._saved_at is not None and self._ranks.same(
                self.time - self._saved_at > self.checkpoint_every
            ):
                stop = stretch.secure()
                if stop is not None:
                    return stop
                self._save_or_warn()
            end = t + stretch.chunk
            end = min(until, end + -end % self._ranks.sync_every)
            if record_every and self._watched:
                end = min(end, t - t % record_every + record_every)
            stop = self._take(t, end)
            if stop is not None:
                return stop
            t = stretch.step
            if bar is not None:
                bar.show(t, None if self._recorded < 0 else self._loss)

    def _take(self, start: int, end: int) -> Stop | None:
        stop = self._stretch.take(
            start, end, self._interrupts, self.record_every, self._recorded, self.total
        )
        if self._stretch.solver.records:
            self._collect()
        return stop

    def _collect(self) -> None:
        """Take the records that the core has made."""
        tables = self._stretch.solver.records
        while tables:
            table = tables[0]
            if table[0, -1] > self._recorded:
                table[4] -= self._started
                self.history.extend(table)
                self._recorded = int(table[0, -1])
                self._loss, self._norm = float(table[1, -1]), float(table[2, -1])
            del tables[0]

    def _look(self, t: int) -> Stop | None:
        """Ask the callbacks that are due at this step."""
        asked = self.callbacks
        if self._recorded == t:
            # A start outside its bounds costs infinity, and the first step brings it inside.
            if not math.isfinite(self._loss) and not (t == 0 and self._core.penalty.idempotent):
                return Stop(f"diverged at step {t}: the loss is {self._loss}", kind="diverged")
        elif self._looked < 0 and not t:
            asked = ()  # before the first step
        elif asked:
            asked = tuple(filter(_each_chunk, asked))
        if asked or self._ranks.size > 1:
            stop = self._ranks.answer(lambda: self._ask_all(asked))
        else:
            stop = None
        self._looked = t
        return stop

    def _ask_all(self, callbacks: Iterable[Callback]) -> Stop | None:
        for callback in callbacks:
            stop = self._ask(callback)
            if stop is not None:
                return stop
        return None

    def _ask(self, callback: Callback) -> Stop | None:
        progress = Progress(
            self.step, self.total, self._loss, self._norm, self.time, self.history,
            lambda: self._stretch.solver.settled, self.objective,
        )  # fmt: skip
        with self._interrupts.heard:
            self._stretch.alone = False
            answer = callback(progress)
        # Whoever keeps it may ask for its theta later, when the run has moved on.
        kept = weakref.ref(progress)
        del progress
        held = kept()
        if held is not None:
            held.theta  # noqa: B018
        if isinstance(answer, Stop):
            return answer
        if isinstance(answer, Rescale):
            self.rescalings.append((self.step, answer.factor))
            return self._stretch.rescale(answer.factor)
        if answer:
            return Stop(answer if isinstance(answer, str) else f"stopped by {callback!r}")
        return None

    def _useful_threads(self) -> int:
        # Records take all rows, steps a batch.
        rows = self.objective.n_samples or 1
        if not self.record_every and self.setting.batch_size is not None:
            rows = self.setting.batch_size
        return min(self.n_threads, self._core.part_count(rows))

    def _begin_checkpoints(self) -> None:
        path = self.checkpoint
        assert path is not None
        self._ranks.together(lambda: files.refuse_existing(path) if self._ranks.first else None)
        self.save(self.checkpoint)
        self._saved_at = self.time

    def _save_or_warn(self) -> None:
        # A full disk is no reason to throw away what a run has done.
        try:
            self.save(self.checkpoint)
        except OSError as error:
            warnings.warn(f"{error}; the run goes on", RuntimeWarning, stacklevel=2)
        self._saved_at = self.time
