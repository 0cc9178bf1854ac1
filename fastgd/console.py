"""What a run has to do with whoever sits at the console: the progress bar, and Ctrl-C."""

import sys
import threading
import time

# The functions behind those of `signal`, which make an enum of all that they take and return: three
# times the cost of all else that hearing signals adds to a run of ten steps.
from _signal import SIGINT, getsignal  # type: ignore[import-not-found]
from _signal import signal as set_handler
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

__all__: list[str] = []


class Bar:
    """A progress bar on one line of the standard error stream."""

    WIDTH = 30

    def __init__(self, total: int, log: bool = False) -> None:
        self.total = total
        self.log = log  # lines, ten seconds apart, for a file
        self.skipped = 0  # of these, those that took no time
        self.began = self.shown = time.perf_counter()

    def show(self, step: int, loss: float | None) -> None:
        now = time.perf_counter()
        if now - self.shown < (10.0 if self.log else 0.1) and (step < self.total or self.log):
            return
        self.shown = now
        full = self.WIDTH * step // self.total
        left = (now - self.began) * (self.total - step) / max(1, step - self.skipped)
        text = f"{step}/{self.total}, {left:.0f} s left"
        if loss is not None:
            text += f", loss {loss:.5g}"
        if self.log:
            sys.stderr.write(f"{text}\n")
        else:
            sys.stderr.write(f"\r[{'#' * full}{'.' * (self.WIDTH - full)}] {text}".ljust(78))
        sys.stderr.flush()

    def close(self) -> None:
        if not self.log:
            sys.stderr.write("\n")
        sys.stderr.flush()


class Interrupts:
    """Ctrl-C, heard where a run can be left: a context manager around the work.

    Python raises KeyboardInterrupt between any two of its instructions, also half-way through what
    must be done as a whole. Inside ``with interrupts:`` the signal waits for `listen`; but while
    other people's code runs, inside ``with interrupts.heard:``, it is raised at once, as always.

    Nothing changes outside the main thread, which alone hears signals, nor where nobody hears them.
    A handler of the user's own is asked in the same places, and need not raise.

    Attributes
    ----------
    pending : bool
        Whether the work is to end.
    """

    def __init__(self) -> None:
        self.pending = False
        self.heard: AbstractContextManager[None] = _Heard(self)
        self.open = 0
        self._depth = 0
        self._arrived = False
        self._before: Callable[[int, FrameType | None], Any] | None = None

    def __enter__(self) -> "Interrupts":
        self._depth += 1
        if self._depth == 1:
            self.pending = False
            if threading.current_thread() is threading.main_thread():
                before = getsignal(SIGINT)
                if callable(before):
                    self._before = before
                    set_handler(SIGINT, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0 and self._before is not None:
            before, self._before = self._before, None
            set_handler(SIGINT, before)
            if self._arrived:  # so late that nobody has listened since
                self._arrived = False
                before(SIGINT, None)

    def listen(self) -> None:
        """Raise what a signal that has come since would have raised."""
        if self._arrived:
            self._arrived = False
            self._raise(SIGINT, None)
        if self.pending:
            raise KeyboardInterrupt

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.open:
            self._raise(number, frame)
        else:
            self._arrived = True

    def _raise(self, number: int, frame: FrameType | None) -> None:
        try:
            if self._before is not None:
                self._before(number, frame)
        except BaseException:
            # Raised once: what a second would interrupt is the cleaning up after the first.
            if not self.pending:
                self.pending = True
                raise


class _Heard:
    def __init__(self, owner: Interrupts) -> None:
        self.owner = owner

    def __enter__(self) -> None:
        self.owner.listen()
        self.owner.open += 1

    def __exit__(self, *_: object) -> None:
        self.owner.open -= 1
