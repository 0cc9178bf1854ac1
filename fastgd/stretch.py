"""The steps of one run: taken in chunks, marked now and then, taken back where θ is not finite.

A chunk does not look for NaN. Now and then θ is found finite and the run is marked; where it is
not, the step is found by halving what was taken since the mark. A mark costs as much as some steps,
so it waits until they have cost many times as much.
"""

import contextlib
import math
import time
from typing import Any

import numpy as np

from fastgd.callbacks import Stop
from fastgd.console import Interrupts
from fastgd.optimizers import Rates

__all__ = ["Stretch"]

# Seconds that a chunk should take: short enough for Ctrl-C, long enough to cost nothing.
CHUNK_SECONDS = 0.03
LONGEST_CHUNK = 1 << 16
# What a mark costs, it costs once in so many times as long.
MARK_SHARE = 16


class Stretch:
    """The steps of a run since it was last marked.

    Parameters
    ----------
    solver : core.solver.Solver
    rates : Rates
    lock : lock, optional
        Of a bit generator that others may draw from between our chunks. Each chunk is then marked
        before and after, while nobody else draws.

    Attributes
    ----------
    chunk : int
        Steps that should be taken next.
    last_lr : float
        The rate of the step taken last, also where the rule has found it; NaN before the first.
    """

    def __init__(self, solver: Any, rates: Rates, lock: Any = None) -> None:
        self.solver = solver
        self.rates = rates
        self.scale = 1.0  # of all rates, from the last mark on
        self.last_lr = math.nan
        # A guess at the first chunk, from the multiplications that a step needs; then measured.
        work = (solver.sampler.batch_size + 4) * solver.n_params + 50
        self.chunk = max(1, min(LONGEST_CHUNK, 10_000_000 // work))
        self._shared = lock is not None
        self._lock = lock if self._shared else contextlib.nullcontext()
        self._chunk_rates = np.empty(0), np.empty(0)
        self.mark()

    @property
    def step(self) -> int:
        return int(self.solver.step)

    def take(self, start: int, end: int, interrupts: Interrupts, last: bool = False) -> Stop | None:
        """Take the steps start <= t < end, and mark the run where that is due."""
        stop = None
        try:
            with interrupts.heard, self._lock:
                try:
                    if self._shared:
                        self.mark()
                    lr, momentum = self._rates_over(start, end)
                    began = time.perf_counter()
                    self.solver.take(lr, momentum)
                    seconds = time.perf_counter() - began
                except BaseException:
                    # How many steps were taken is known, but not how many of the draws were used.
                    self.rewind()
                    raise
                found = self.solver.update.rate
                self.last_lr = float(lr[-1]) if found is None else found
                self._since_mark += seconds
                if self._shared or self._since_mark > MARK_SHARE * self._mark_seconds:
                    stop = self.secure(last)
        except KeyboardInterrupt:
            # Perhaps after the steps, and before we knew of them.
            self.last_lr = self._lr_before(self.step)
            raise
        length = int((end - start) * CHUNK_SECONDS / max(seconds, 1e-9))
        self.chunk = max(1, min(LONGEST_CHUNK, 4 * (end - start) + 64, length))
        return stop

    def _rates_over(self, start: int, end: int) -> tuple[Any, Any]:
        if not self.rates.constant or len(self._chunk_rates[0]) != end - start:
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
            self._chunk_rates = np.empty(0), np.empty(0)
        return stop

    def _lr_before(self, step: int) -> float:
        if not step:
            return math.nan
        found = self.solver.update.rate
        return float(self._over(step - 1, step)[0][0]) if found is None else float(found)

    def mark(self) -> None:
        began = time.perf_counter()
        self.solver.mark()
        self._marked, self._since_mark = self.step, 0.0
        self._mark_seconds = time.perf_counter() - began

    def load(self, saved: dict[str, Any]) -> None:
        """Go to where the solver was saved."""
        self.solver.load(saved)
        if not self.solver.finite:
            raise ValueError("the saved theta is not finite")
        self.mark()
        self.last_lr = self._lr_before(self.step)

    def rewind(self) -> None:
        self.solver.rewind()
        self._since_mark = 0.0
        self.last_lr = self._lr_before(self.step)

    def secure(self, last: bool = False) -> Stop | None:
        """Mark a finite θ; from one that is not, go back to the last that is, and say so.

        With `last`, nothing follows that could be taken back, so a finite θ needs no mark.
        """
        if self._marked == self.step:
            return None
        began = time.perf_counter()
        if self.solver.finite:
            if last:
                return None
            self.mark()
            self._mark_seconds = time.perf_counter() - began
            return None
        bad = self.step
        try:
            while bad - self._marked > 1:
                if self.step != self._marked:
                    self.solver.rewind()
                middle = (self._marked + bad) // 2
                for start in range(self._marked, middle, LONGEST_CHUNK):
                    self.solver.take(*self._over(start, min(middle, start + LONGEST_CHUNK)))
                if self.solver.finite:
                    self.mark()
                else:
                    bad = middle
        finally:
            self.rewind()
        return Stop(f"diverged at step {self.step}: theta is no longer finite", kind="diverged")
