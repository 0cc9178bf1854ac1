"""What a run has to do with whoever sits at the console: the progress bar, and Ctrl-C."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__: list[str] = []


class Bar:
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


class Interrupts:
    """Ctrl-C, heard where a run can be left: a context manager around the work.

    Python raises KeyboardInterrupt between any two of its instructions, also half-way through what
    must be done as a whole. Inside ``with interrupts:`` the signal only sets `pending`, which
    `listen` makes an exception of; but while other people's code runs, inside
    ``with interrupts.heard:``, it is raised at once, as always.

    Nothing changes outside the main thread, which alone hears signals, nor where nobody hears them.
    """

    def __init__(self) -> None:
        self.pending = False
        self.heard = _Heard(self)
        self.depth = 0
        self.open = 0
        self.before: Callable[[int, FrameType | None], Any] | None = None

    def __enter__(self) -> "Interrupts":
        self.depth += 1
        if self.depth == 1:
            self.pending = False
            if threading.current_thread() is threading.main_thread():
                before = signal.getsignal(signal.SIGINT)
                if callable(before):
                    self.before = before
                    signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        self.depth -= 1
        if self.depth == 0 and self.before is not None:
            before, self.before = self.before, None
            signal.signal(signal.SIGINT, before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        # Raised once: what it interrupts may be the cleaning up after the first.
        first, self.pending = not self.pending, True
        if first and self.open and self.before is not None:
            self.before(number, frame)

    def listen(self) -> None:
        """Raise what a signal that has come since would have raised."""
        if self.pending:
            raise KeyboardInterrupt


class _Heard:
    def __init__(self, owner: Interrupts) -> None:
        self.owner = owner

    def __enter__(self) -> None:
        self.owner.listen()
        self.owner.open += 1

    def __exit__(self, *_: object) -> None:
        self.owner.open -= 1
