"""The driver: runs from θ_0 to θ_T. Checks once, then hands chunks of steps to the core.

A chunk is a few hundredths of a second of steps without the GIL. Between chunks are the records,
the callbacks, and the place where Ctrl-C is heard. Nothing depends on where the cuts fall.
"""

import contextlib
import math
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.callbacks import Callback, Progress, Stop
from fastgd.checks import as_count, as_vector
from fastgd.core import objective as cores
from fastgd.core import sampling as samplers
from fastgd.core import team as teams
from fastgd.core import update as updates
from fastgd.history import History, Result, Setting
from fastgd.objectives import Objective
from fastgd.optimizers import Optimizer

__all__ = ["minimize", "sweep"]

# Seconds that a chunk should take: short enough for Ctrl-C, long enough to cost nothing.
CHUNK_SECONDS = 0.03
LONGEST_CHUNK = 1 << 16
INTERRUPTED = "interrupted"
# Data beyond the first does not stay in a processor's cache; rows of the second do, for long enough
# to be used by several runs in turn.
CACHED_BYTES = 1 << 24
SHARED_BYTES = 1 << 20


def minimize(
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
    progress: bool = False,
    n_threads: int = 1,
) -> Result:
    r"""Minimise an objective by gradient descent or one of its variants.

    .. math:: θ_{t+1} = θ_t - η_t \, d_t, \quad t = 0, \dots, T - 1,

    where the optimizer makes the direction d_t out of the mean gradient over the batch of step t.

    Parameters
    ----------
    objective : Objective
    optimizer : Optimizer
    theta0 : (n_params,) array, optional
        Where to start, copied; by default ``objective.initial_point``, with the seed of the run
        where that is an int.
    batch_size : int in 1..n_samples, optional
        Observations a step. None takes the whole data set: plain gradient descent. 1 is SGD.
    steps, epochs : int, at least 1
        How long, one of the two. An epoch is ceil(n_samples / batch_size) steps.
    seed : int or numpy.random.Generator, optional
        The one source of randomness. An int makes the run repeatable, bit by bit.
    sampling : "replacement", "shuffle" or "sequential"
        Independent indices, ``default_rng(seed).integers(n, size=(steps, batch_size))``; or a new
        ``permutation(n)`` each epoch; or rows in their order. The last batch of an epoch of the
        latter two may be short, and is averaged over its own size.
    record_every : int, at least 0, optional
        Steps between two records of loss and gradient norm over the whole data. None: once an
        epoch, or about 100 times a run where there is no epoch. 0: never; the final loss is then
        computed when first asked for, so that a benchmark times the steps alone.
    callbacks : iterable of callables
        Each is called with a `callbacks.Progress` at every record and may end the run. The stop
        rules are `callbacks.GradientNorm`, `RelativeChange`, `TargetLoss` and `WallTime`.
    progress : bool, default False
        Show a bar on the standard error stream.
    n_threads : int, at least 1, default 1
        Threads that share each gradient over more than 128 rows (4096 or more of sparse data).
        The result is the same, bit by bit, for any number.

    Returns
    -------
    Result
        With the last finite θ, also when the run diverged or was interrupted by Ctrl-C.

    Raises
    ------
    TypeError, ValueError
        Arguments that make no sense, before any work starts.

    Notes
    -----
    Memory beyond the data: θ, its gradient, a copy of θ and of the optimizer's state, and a few
    thousand indices: O(n_params + batch_size), whatever n_samples and the number of steps. Only
    "shuffle" needs more: 8 n_samples bytes for the order of an epoch.

    References
    ----------
    Bottou, Curtis and Nocedal 2018, Optimization Methods for Large-Scale Machine Learning.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01)
    >>> r = gd.minimize(f, gd.Adam(lr=0.01), batch_size=32, epochs=20, seed=0)
    >>> round(r.loss, 2), r.steps, r.message
    (0.1, 360, 'reached 360 steps')
    """
    with _prepared(
        objective, optimizer, theta0, batch_size, steps, epochs, seed, sampling, record_every,
        callbacks, n_threads,
    ) as run:  # fmt: skip
        return run.go(bool(progress))


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

    Returns
    -------
    list of Result
        In the order of the optimizers. The times in a history are those since the start of all.

    Raises
    ------
    TypeError, ValueError
        Arguments that make no sense, before any work starts.

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
    _check_seed(seed)
    if not isinstance(seed, (int, np.integer)):
        seed = int(np.random.default_rng(seed).integers(1 << 63))
    callbacks = tuple(callbacks)
    with contextlib.ExitStack() as stack:
        runs = [
            stack.enter_context(
                _prepared(
                    objective, optimizer, theta0, batch_size, steps, epochs, seed, sampling,
                    record_every, callbacks, 1,
                )
            )
            for optimizer in optimizers
        ]  # fmt: skip
        stride = shared_steps(objective, batch_size)
        if stride is None or len(runs) == 1:
            return _in_turns([run.pieces() for run in runs], each=False)
        return _in_turns([run.pieces(stride=stride) for run in runs], each=True)


def shared_steps(objective: Objective, batch_size: int | None) -> int | None:
    """Steps whose rows several runs can share; None where there is nothing to gain."""
    X = getattr(objective, "X", None)
    if X is None or batch_size is None:
        return None
    size = X.nbytes if isinstance(X, np.ndarray) else X.data.nbytes + X.indices.nbytes
    if size < CACHED_BYTES:
        return None
    return min(LONGEST_CHUNK, max(1, SHARED_BYTES * X.shape[0] // (size * batch_size)))


def _in_turns(pieces: list[Generator[None, None, Result]], each: bool) -> list[Result]:
    """The results of runs that are taken up one chunk at a time, or one after the other."""
    results: dict[int, Result] = {}
    interrupted = False
    for one in pieces:
        next(one)  # to where it listens for an interrupt
    while len(results) < len(pieces):
        for i, one in enumerate(pieces):
            try:
                while i not in results:
                    if interrupted:
                        one.throw(KeyboardInterrupt())
                    next(one)
                    if each:
                        break
            except StopIteration as end:
                results[i] = end.value
                interrupted = interrupted or end.value.message == INTERRUPTED
            except KeyboardInterrupt:
                interrupted = True
    return [results[i] for i in range(len(pieces))]


@contextlib.contextmanager
def _prepared(
    objective: Objective,
    optimizer: Optimizer,
    theta0: Any,
    batch_size: int | None,
    steps: int | None,
    epochs: int | None,
    seed: Any,
    sampling: str,
    record_every: int | None,
    callbacks: Iterable[Callback],
    n_threads: int,
) -> Iterator["_Run"]:
    """A run before its first step, all arguments having been checked."""
    if not isinstance(objective, Objective):
        raise TypeError(f"objective must be an Objective, not {objective!r}")
    if not isinstance(optimizer, Optimizer):
        hint = " (did you forget its parentheses?)" if isinstance(optimizer, type) else ""
        raise TypeError(f"optimizer must be an Optimizer, not {optimizer!r}{hint}")
    if sampling not in samplers.SAMPLERS:
        known = ", ".join(samplers.SAMPLERS)
        raise ValueError(f"sampling must be one of {known}, not {sampling!r}")
    if batch_size is not None:
        batch_size = as_count("batch_size", batch_size)
        if objective.n_samples is None:
            raise ValueError(f"{type(objective).__name__} has no observations to take batches of")
        if batch_size > objective.n_samples:
            raise ValueError(
                f"batch_size is {batch_size}, but there are only {objective.n_samples} observations"
            )
    epoch = None if batch_size is None else -(-(objective.n_samples or 1) // batch_size)
    total = _length(objective, steps, epochs, epoch)
    if record_every is None:
        record_every = epoch or max(1, total // 100)
    elif record_every != 0:
        record_every = as_count("record_every", record_every)
    callbacks = tuple(callbacks)
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"a callback must be callable, not {callback!r}")
        if not record_every and not getattr(callback, "every_chunk", False):
            raise ValueError(f"{callback!r} looks at records, and record_every=0 makes none")
    n_threads = as_count("n_threads", n_threads)
    optimizer = _with_number(optimizer, objective)
    _check_seed(seed)
    if theta0 is None:
        theta = objective.initial_point(seed if isinstance(seed, (int, np.integer)) else 0)
    else:
        theta = as_vector("theta0", theta0, objective.n_params).copy()
    setting = Setting(batch_size, sampling, total, seed, theta.copy())

    n = objective.n_samples or 1
    sampler: samplers.Sampler
    lock: Any = contextlib.nullcontext()
    if batch_size is None:
        sampler = samplers.All(n, n, None)
    elif sampling == "sequential":
        sampler = samplers.Sequential(n, batch_size, None)
    else:
        generator = seed if isinstance(seed, np.random.Generator) else np.random.default_rng(seed)
        lock = generator.bit_generator.lock
        sampler = samplers.SAMPLERS[sampling](n, batch_size, generator)
    with objective.borrow() as core, _helpers(objective, core, n_threads - 1) as team:
        run = _Run(objective, core, optimizer, sampler, lock, theta, setting, team)
        run.record_every, run.callbacks = record_every, callbacks
        yield run


@contextlib.contextmanager
def _helpers(objective: Objective, core: Any, count: int) -> Iterator[Any]:
    # Plain threads, each with a compiled object of its own, that wait without the GIL for work.
    count = min(count, core.parts(objective.n_samples or 1) - 1)
    if count <= 0:
        yield None
        return
    team = teams.Team(core, [objective.compiled() for _ in range(count)])
    threads = [threading.Thread(target=team.help, args=(i,)) for i in range(count)]
    started = []
    try:
        for thread in threads:
            thread.start()
            started.append(thread)
        yield team
    finally:
        team.dismiss()
        for thread in started:
            thread.join()


def _length(objective: Objective, steps: Any, epochs: Any, epoch: int | None) -> int:
    if (steps is None) == (epochs is None):
        raise ValueError("give the length of the run as either steps= or epochs=")
    if steps is not None:
        return as_count("steps", steps)
    if objective.n_samples is None:
        name = type(objective).__name__
        raise ValueError(f"{name} has no observations, so no epochs: give steps=")
    return as_count("epochs", epochs) * (epoch or 1)


def _with_number(optimizer: Optimizer, objective: Objective) -> Optimizer:
    # lr="1/beta" becomes the number, which the result then shows.
    if not isinstance(optimizer.lr, str):
        return optimizer
    beta = objective.smoothness()
    if not beta:
        raise ValueError(
            f"lr='1/beta' needs a known smoothness, and that of {objective!r} is {beta}: give lr a "
            "number"
        )
    return optimizer.with_lr(1.0 / beta)


def _check_seed(seed: Any) -> None:
    if seed is None or isinstance(seed, np.random.Generator):
        return
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise TypeError(f"seed must be an int or a numpy.random.Generator, not {seed!r}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0, not {seed}")


class _Run:
    """The state of one run, and what happens between its chunks."""

    def __init__(
        self,
        objective: Objective,
        core: Any,
        optimizer: Optimizer,
        sampler: Any,
        lock: Any,
        theta: NDArray[np.float64],
        setting: Setting,
        team: Any = None,
    ) -> None:
        self.objective = objective
        self.core = core
        self.optimizer = optimizer
        self.sampler = sampler
        self.lock = lock
        self.setting = setting
        self.total = setting.steps
        self.record_every = 0
        self.callbacks: tuple[Callback, ...] = ()
        self.rates = optimizer.rates(self.total)
        self.chunk_rates = np.empty(0), np.empty(0)
        self.last_lr = math.nan
        self.state = updates.make(optimizer, len(theta), core.span_list, core.penalty)
        self.solver = objective.solver(core, self.state, sampler, theta, team)
        self.history = History()
        self.loss: float | None = None
        self.started = time.perf_counter()

    def go(self, progress: bool) -> Result:
        pieces = self.pieces(progress)
        try:
            while True:
                next(pieces)
        except StopIteration as end:
            result: Result = end.value
            return result

    def pieces(
        self, progress: bool = False, stride: int | None = None
    ) -> Generator[None, None, Result]:
        """The run, with a pause after each chunk; chunks of `stride` steps, or as time allows."""
        bar = _Bar(self.total) if progress else None
        try:
            yield
            stop = yield from self._steps(bar, stride)
        except KeyboardInterrupt:
            stop = Stop(INTERRUPTED)
            if self.loss is not None and self.history["step"][-1] != self.state.t:
                self.loss = None
        finally:
            if bar is not None:
                bar.close()
        return Result(
            theta=self.solver.settled,
            steps=self.state.t,
            converged=stop.converged,
            diverged=stop.message.startswith("diverged"),
            message=stop.message,
            history=self.history,
            objective=self.objective,
            optimizer=self.optimizer,
            setting=self.setting,
            _loss=self.loss,
        )

    def _steps(self, bar: Any, stride: int | None) -> Generator[None, None, Stop]:
        record_every, callbacks = self.record_every, self.callbacks
        # A guess at the first chunk, from the multiplications that a step needs; then measured.
        work = (self.sampler.batch_size + 4) * self.solver.n_params + 50
        length = stride or max(1, min(LONGEST_CHUNK, 10_000_000 // work))
        if record_every:
            stop = self._record(callbacks)
            if stop is not None:
                return stop
        while (t := self.state.t) < self.total:
            end = min(self.total, t + length)
            if record_every:
                end = min(end, t - t % record_every + record_every)
            began = time.perf_counter()
            stop = self._chunk(t, end)
            if stop is not None:
                return stop
            seconds = time.perf_counter() - began
            if stride is None:
                length = int((end - t) * CHUNK_SECONDS / max(seconds, 1e-9))
                length = max(1, min(LONGEST_CHUNK, 4 * (end - t) + 64, length))
            if bar is not None:
                bar.show(end, self.loss)
            if record_every and (end % record_every == 0 or end == self.total):
                stop = self._record(callbacks)
            elif callbacks:
                stop = self._ask(c for c in callbacks if getattr(c, "every_chunk", False))
            if stop is not None:
                return stop
            yield
        return Stop(f"reached {self.total} steps")

    def _chunk(self, start: int, end: int) -> Stop | None:
        """Take the steps start <= t < end; on divergence go back to the last finite θ."""
        if not self.rates.constant or len(self.chunk_rates[0]) != end - start:
            self.chunk_rates = self.rates.over(start, end)
        lr, momentum = self.chunk_rates
        self.last_lr = float(lr[-1])
        with self.lock:  # of the bit generator, which another run may share
            solver = self.solver
            solver.mark()
            solver.take(lr, momentum)
            if solver.finite:
                return None
            # The steps do not look for NaN. This chunk has one: it is taken again, halving.
            low, high = 0, end - start
            while high - low > 1:
                solver.rewind()
                middle = (low + high) // 2
                solver.take(lr[:middle], momentum[:middle])
                if solver.finite:
                    low = middle
                else:
                    high = middle
            solver.rewind()
            solver.take(lr[:low], momentum[:low])
        self.loss = None
        return Stop(f"diverged at step {self.state.t}: theta is no longer finite")

    def _record(self, callbacks: Iterable[Callback]) -> Stop | None:
        loss, gradient = self.core.evaluate(self.solver.settled)
        self.loss = loss
        norm = cores.norm(gradient)
        seconds = time.perf_counter() - self.started
        self.history.append(self.state.t, loss, norm, self.last_lr, seconds)
        if not math.isfinite(loss):
            return Stop(f"diverged at step {self.state.t}: the loss is {loss}")
        return self._ask(callbacks)

    def _ask(self, callbacks: Iterable[Callback]) -> Stop | None:
        for callback in callbacks:
            answer = callback(
                Progress(
                    step=self.state.t,
                    steps=self.total,
                    theta=self.solver.settled,
                    loss=math.nan if self.loss is None else self.loss,
                    grad_norm=self.history["grad_norm"][-1] if self.loss is not None else math.nan,
                    time=time.perf_counter() - self.started,
                    history=self.history,
                )
            )
            if isinstance(answer, Stop):
                return answer
            if answer:
                return Stop(answer if isinstance(answer, str) else f"stopped by {callback!r}")
        return None


class _Bar:
    """A progress bar on one line of the standard error stream."""

    WIDTH = 30

    def __init__(self, total: int) -> None:
        self.total = total
        self.skipped = 0  # of these, those that took no time
        self.began = self.shown = time.perf_counter()

    def show(self, step: int, loss: float | None) -> None:
        now = time.perf_counter()
        if now - self.shown < 0.1 and step < self.total:
            return
        self.shown = now
        full = self.WIDTH * step // self.total
        left = (now - self.began) * (self.total - step) / max(1, step - self.skipped)
        text = f"\r[{'#' * full}{'.' * (self.WIDTH - full)}] {step}/{self.total}, {left:.0f} s left"
        if loss is not None:
            text += f", loss {loss:.5g}"
        sys.stderr.write(f"{text:<78}")
        sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\n")
        sys.stderr.flush()
