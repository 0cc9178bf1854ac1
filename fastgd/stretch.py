"""The steps of one run: taken in chunks, marked now and then, taken back where θ is not finite.

A chunk does not look for NaN. Now and then θ is found finite and the run is marked; where it is
not, the step is found by halving what was taken since the mark. A mark costs as much as some steps,
so it waits until they have cost many times as much.
"""

import contextlib
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fastgd.callbacks import Stop
from fastgd.console import Interrupts
from fastgd.optimizers import Rates

__all__ = ["ALONE", "Stretch"]

# Seconds that a chunk should take: short enough for Ctrl-C, long enough to cost nothing.
CHUNK_SECONDS = 0.03
LONGEST_CHUNK = 1 << 16
CHUNK_WORK = 10_000_000
NO_RATES = np.empty(0), np.empty(0)
NO_LOCK = contextlib.nullcontext()
# What a mark costs, it costs once in so many times as long.
MARK_SHARE = 16


class One:
    """All that a run of one process has to agree on with others: nothing. See distributed.Ranks."""

    size = 1
    first = True
    sync_every = 1
    watched = False

    def same(self, number: float) -> float:
        return number

    def listen(self, interrupts: Interrupts) -> None:
        interrupts.listen()

    def answer(self, ask: Callable[[], Stop | None]) -> Stop | None:
        return ask()

    def together(self, function: Callable[[], Any]) -> Any:
        return function()


ALONE = One()


class Stretch:
    """The steps of a run since it was last marked.

    Parameters
    ----------
    solver : core.solver.Solver
    rates : Rates
    lock : lock, optional
        Of a bit generator that others may draw from between our chunks. Each chunk is then marked
        before and after, while nobody else draws.
    same : callable
        Makes one of what several ranks have measured, so that all cut their steps alike.

    Attributes
    ----------
    chunk : int
        Steps that should be taken next.
    alone : bool
        Whether nobody else has had a turn since the last ones: then the data is what it was.
    """

    def __init__(
        self,
        solver: Any,
        rates: Rates,
        lock: Any = None,
        same: Callable[[float], float] = ALONE.same,
    ) -> None:
        self.solver = solver
        self._same = same
        self.rates = rates
        self._constant = rates.constant
        self.scale = 1.0  # of all rates, from the last mark on
        # A guess at the first chunk, from the multiplications that a step needs; then measured.
        work = (solver.sampler.batch_size + 4) * solver.n_params + 50
        self.chunk = max(1, min(LONGEST_CHUNK, CHUNK_WORK // work))
        self.alone = False
        self._shared = lock is not None
        self._lock = NO_LOCK if lock is None else lock
        self._chunk_rates = NO_RATES
        self.mark()

    @property
    def step(self) -> int:
        step: int = self.solver.step
        return step

    @property
    def last_lr(self) -> float:
        """The rate of the last step, also where the rule has found it; NaN before the first."""
        lr: float = self.solver.last_lr
        return lr

    def take(
        self, start: int, end: int, interrupts: Interrupts, record_every: int, recorded: int,
        total: int,
    ) -> Stop | None:  # fmt: skip
        """Take the steps start <= t < end, and mark the run where that is due.

        With `record_every`, records are made after the step `recorded`, and left with the solver.
        The run stays where it diverges.
        """
        with self._lock:
            try:
                # What is marked, or taken back, is so as a whole: a signal waits. Python hears one
                # in the product of two large integers too, of which a generator's state is made.
                if self._shared:
                    self.mark()
                with interrupts.heard:
                    lr, momentum = self._rates_over(start, end)
                    began = time.perf_counter()
                    looked = self.solver.take(
                        lr, momentum, record_every, total, recorded, self.alone
                    )
                    self.alone = True
                    seconds = self._same(time.perf_counter() - began)
                self._since_mark += seconds
                stop = None
                if looked or self._shared or self._since_mark > MARK_SHARE * self._mark_seconds:
                    stop = self.secure(end == total)
            except BaseException:
                # How many steps were taken is known, but not how many of the draws were used.
                self.rewind()
                raise
        if start < end < total:
            length = int((end - start) * CHUNK_SECONDS / max(seconds, 1e-9))
            self.chunk = max(1, min(LONGEST_CHUNK, 4 * (end - start) + 64, length))
        return stop

    def _rates_over(self, start: int, end: int) -> tuple[Any, Any]:
        if start == end:
            return NO_RATES
        if not self._constant or len(self._chunk_rates[0]) != end - start:
            self._chunk_rates = self._over(start, end)
        return self._chunk_rates

    def _over(self, start: int, end: int) -> tuple[Any, Any]:
        lr, momentum = self.rates.over(start, end)
        return (lr if self.scale == 1.0 else lr * self.scale), momentum

    def rescale(self, factor: float) -> Stop | None:
        """Multiply the rates of all later steps."""
        stop = self.secure()
        if stop is None:
            # What is taken back later is taken again at the rate that it had.
            self.mark()
            self.scale *= factor
            self._chunk_rates = NO_RATES
        return stop

    def _lr_before(self, step: int) -> float:
        if not step:
            return math.nan
        found = self.solver.update.rate
        return float(self._over(step - 1, step)[0][0]) if found is None else float(found)

    def mark(self) -> None:
        began = time.perf_counter()
        self.solver.mark()
        self._since_mark = 0.0
        self._mark_seconds = self._same(time.perf_counter() - began)

    def load(self, saved: dict[str, Any]) -> None:
        """Go to where the solver was saved."""
        self.solver.load(saved)
        if not self.solver.finite:
            raise ValueError("the saved theta is not finite")
        self.mark()
        self.solver.last_lr = self._lr_before(self.step)

    def rewind(self) -> None:
        self.solver.rewind()
        self._since_mark = 0.0
        self.solver.last_lr = self._lr_before(self.step)

    def secure(self, last: bool = False) -> Stop | None:
        """Mark a finite θ; from one that is not, go back to the last that is, and say so.

        With `last`, nothing follows that could be taken back, so a finite θ needs no mark.
        """
        if self.solver.marked_step == self.step:
            return None
        began = time.perf_counter()
        if self.solver.finite:
            if last:
                return None
            self.mark()
            self._mark_seconds = self._same(time.perf_counter() - began)
            return None
        solver, bad = self.solver, self.step
        try:
            while bad - solver.marked_step > 1:
                if self.step != solver.marked_step:
                    solver.rewind()
                middle = (solver.marked_step + bad) // 2
                for start in range(solver.marked_step, middle, LONGEST_CHUNK):
                    solver.take(*self._over(start, min(middle, start + LONGEST_CHUNK)))
                if solver.finite:
                    self.mark()
                else:
                    bad = middle
        finally:
            self.rewind()
        return Stop(f"diverged at step {self.step}: theta is no longer finite", kind="diverged")
