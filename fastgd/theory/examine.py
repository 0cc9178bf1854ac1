"""Certificates of one run, and of the mean over many."""

import dataclasses
import math
import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.checks import as_count, as_vector
from fastgd.history import Result, Setting
from fastgd.objectives import Objective
from fastgd.optimizers import Optimizer
from fastgd.theory import minimum
from fastgd.theory.certificates import Certificate
from fastgd.theory.constants import EPSILON
from fastgd.theory.minimum import Optimum
from fastgd.theory.replay import Trace, repeatable, traced
from fastgd.theory.rows import Case

__all__ = ["certificate", "expectation"]

Vector = NDArray[np.float64]

# A run whose replay costs more multiplications than this is replayed on request only.
CHEAP = 5e9
# What a step of a replay costs besides, in multiplications: its record, in Python.
STEP_WORK = 50_000


def certificate(
    result: Result,
    optimum: "float | Optimum | None" = None,
    replay: bool | None = None,
    progress: bool = False,
) -> Certificate:
    """Every theorem beside a run: which apply, what they promise, what happened.

    Parameters
    ----------
    result : Result
        What `minimize` returned.
    optimum : float or Optimum, optional
        L*, where it is known; by default `theory.optimum` finds it, which takes longest. A number
        still leaves θ* to be found; an `Optimum` leaves nothing.
    replay : bool, optional
        Whether to take the run again with a look at every θ_t: the averages of the theorems need
        every step, and a run records few. Possible where the seed is an int or nothing is drawn.
        None replays where that is cheap.
    progress : bool, default False
        Whether to show on the standard error stream how far the search for L* is. Without it, one
        that is going to take more than half a minute is announced by a warning.

    Returns
    -------
    Certificate

    Raises
    ------
    ValueError
        A run without steps; an L* above a loss that was reached, or below what is proven;
        ``replay=True`` for a run whose seed is not an int; data that have changed since the run.

    Examples
    --------
    >>> f = gd.Quadratic(np.diag([1.0, 4.0]), [1.0, 4.0])
    >>> r = gd.minimize(f, gd.SGD(lr="1/beta"), steps=100)
    >>> c = r.certificate()
    >>> c["1"].verdict, c["2"].verdict, c["5"].verdict
    ('holds', 'holds', 'not applicable')
    >>> c["5"].why
    'the optimizer is SGD, the theorem is on Nesterov'
    """
    if not isinstance(result, Result):
        raise TypeError(f"result must be what minimize returned, not {result!r}")
    if result.steps < 1:
        raise ValueError("the run took no step: there is nothing to certify")
    objective, setting = result.objective, result.setting
    again = repeatable(setting)
    work = (objective.n_samples or objective.n_params) * objective.n_params + STEP_WORK
    if replay and not again:
        raise ValueError("the run cannot be taken again: its seed is not an int")
    no_trace = ""
    traces: list[Trace] = []
    if not result.diverged:
        _same_data(result)
    if result.diverged:
        no_trace = f"not observed: {result.message}"
    elif not again:
        no_trace = "not observed: the steps between the records are lost, as the seed is not an int"
    elif replay or (replay is None and work * result.steps <= CHEAP):
        trace, repeated = traced(
            objective, result.optimizer, setting, result.steps, rescalings=result.rescalings
        )
        if not np.array_equal(repeated.theta, result.theta):
            raise ValueError("the run taken again ends elsewhere: has its objective changed since?")
        traces = [trace]
    else:
        no_trace = "not observed: needs every step; certificate(replay=True) takes the run again"
    if traces:
        steps = np.arange(result.steps + 1)
        seen = steps, np.array(traces[0].losses), np.array(traces[0].squares)
    else:
        history = result.history
        with np.errstate(over="ignore"):  # shortly before a divergence
            seen = history["step"], history["loss"], history["grad_norm"] ** 2
        if not len(seen[0]) or seen[0][0] != 0:
            loss, gradient = objective.value_and_gradient(setting.theta0)
            start = np.zeros(1, dtype=np.int64), np.array([loss]), np.array([gradient @ gradient])
            seen = tuple(np.concatenate(pair) for pair in zip(start, seen, strict=True))  # type: ignore[assignment]
    if isinstance(result.optimizer.lr, float):
        rates = np.broadcast_to(np.float64(result.optimizer.lr), result.steps)  # takes no memory
    else:
        rates, _ = result.optimizer.rates(setting.steps).over(0, result.steps)
    for at, factor in result.rescalings:
        rates = np.where(np.arange(result.steps) >= at, factor * rates, rates)
    least = min(float(seen[1].min()), result.loss)
    return Case(
        objective=objective,
        optimizer=result.optimizer,
        setting=setting,
        steps=result.steps,
        rates=rates,
        traces=traces,
        seen=seen,
        final=(result.theta, result.loss),
        best=_best(objective, setting.theta0, optimum, least, progress),
        no_trace=no_trace,
    ).certificate()


def _same_data(result: Result) -> None:
    """Refuse a run whose data have been written to since."""
    objective, first = result.objective, result.history
    known = [(result.theta, result.loss)]
    if len(first["step"]) and first["step"][0] == 0:
        known.append((result.setting.theta0, float(first["loss"][0])))
    for theta, loss in known:
        now = objective.value(theta)
        if abs(now - loss) > 1e-9 * max(abs(now), abs(loss)):
            raise ValueError(
                f"the loss of the run was {loss:.9g} where it is {now:.9g} now: the run taken "
                "again ends elsewhere. Have the data of its objective changed since?"
            )


def expectation(
    objective: Objective,
    optimizer: Optimizer,
    theta0: Any = None,
    batch_size: int = 1,
    steps: int = 100,
    seeds: int | Iterable[int] = 50,
    sampling: str = "replacement",
    optimum: "float | Optimum | None" = None,
    n_threads: int | None = None,
    progress: bool = False,
) -> Certificate:
    """The theorems on expectations beside means over many runs, with their standard errors.

    Parameters
    ----------
    objective : Objective with observations
    optimizer : Optimizer
    theta0 : (n_params,) array, optional
        The same for all runs.
    batch_size, steps : int
    seeds : int or iterable of int, default 50
        The seeds, at least two; a number stands for 0, 1, 2, ...
    sampling : str
        As for `minimize`.
    optimum : float or Optimum, optional
        L*, where it is known.
    n_threads : int, optional
        By default one for each processor.
    progress : bool, default False
        As for `certificate`.

    Returns
    -------
    Certificate
        A bound is said to hold where the mean does not exceed it by more than its standard error;
        up to three of them the question is left undecided (for P1, an equality, one time in six).
        With few seeds these are Student's quantiles of the same probabilities, not 1 and 3.

    Raises
    ------
    TypeError, ValueError
        As `minimize`; fewer than two seeds; a run that diverged.

    Notes
    -----
    Each step of each run is followed by a pass over the data, for ‖∇L(θ_t)‖² and the exact σ².

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.1)
    >>> c = gd.theory.expectation(f, gd.SGD(lr="1/beta"), batch_size=8, steps=20, seeds=10)
    >>> c["4"].verdict, c["4"].observed < c["4"].bound, c["4"].stderr > 0
    ('holds', True, True)
    """
    if objective.n_samples is None:
        raise ValueError(f"{type(objective).__name__} has no observations: nothing is random")
    chosen = range(as_count("seeds", seeds)) if isinstance(seeds, int) else list(seeds)
    if len(chosen) < 2:
        raise ValueError("a standard error needs at least two seeds")
    start = objective.initial_point() if theta0 is None else theta0
    start = as_vector("theta0", start, objective.n_params)
    best = _best(objective, start, optimum, math.inf, progress)

    halt = threading.Event()

    def run(seed: int) -> tuple[Trace, Result]:
        setting = Setting(batch_size, sampling, steps, seed, start)
        return traced(objective, optimizer, setting, steps, halt)

    pool = ThreadPoolExecutor(n_threads or os.cpu_count() or 1)
    try:
        tasks = [pool.submit(run, seed) for seed in chosen]
        for task in tasks:
            # Awake now and then: a signal that another thread got wakes nobody.
            while not task.done():
                wait([task], timeout=0.05)
        runs = [task.result() for task in tasks]
    finally:
        # After Ctrl-C, which only this thread hears, the runs under way end at their next step.
        halt.set()
        pool.shutdown(cancel_futures=True)
    traces = [trace for trace, _ in runs]
    optimizer = runs[0][1].optimizer  # where lr="1/beta" has become a number
    if any(len(trace.losses) <= steps for trace in traces):
        raise ValueError("a run diverged: take a smaller lr")
    rates, _ = optimizer.rates(steps).over(0, steps)
    first = traces[0]
    return Case(
        objective=objective,
        optimizer=optimizer,
        setting=Setting(batch_size, sampling, steps, None, start),
        steps=steps,
        rates=rates,
        traces=traces,
        seen=(np.arange(steps + 1), np.array(first.losses), np.array(first.squares)),
        final=(runs[0][1].theta, first.losses[-1]),
        best=best,
    ).certificate()


def _best(
    objective: Objective, theta0: Vector, given: Any, least_seen: float, progress: bool
) -> Optimum:
    if isinstance(given, Optimum):
        if given.theta.shape != theta0.shape:
            raise ValueError("optimum= is that of another objective: its θ has another shape")
        if math.isfinite(given.loss) and not given.given:
            now, start = objective.value(given.theta), objective.value(theta0)
            apart = abs(now - given.loss)
            # A long θ shows rounding in its loss; see Optimum.
            if not apart <= 1e-6 * (abs(now) + abs(start)):
                raise ValueError(
                    f"optimum= is that of another objective: its loss is {given.loss:.9g}, here "
                    f"it is {now:.9g}"
                )
        return dataclasses.replace(given, loss=min(given.loss, least_seen))
    best = minimum.optimum(objective, theta0, progress)
    if given is None:
        # Where L is not convex, the run may have found better.
        return dataclasses.replace(best, loss=min(best.loss, least_seen))
    given = float(given)
    rounding = 64 * EPSILON * abs(given)
    if given > min(least_seen, best.loss) + rounding:
        lower = min(least_seen, best.loss)
        raise ValueError(f"optimum={given} is not the least loss: {lower} was reached")
    if given < best.loss - best.error - rounding:
        raise ValueError(
            f"optimum={given} is not the least loss: none below {best.loss - best.error} is "
            f"possible, that of theory.optimum is {best.loss}, at most {best.error:.1g} too high"
        )
    return dataclasses.replace(best, loss=given, error=0.0, given=True)
