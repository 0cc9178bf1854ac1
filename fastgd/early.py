"""A signal that comes while the command line is still being imported, or is over already.

Python would show where in whose module it was, in twenty lines. `main` of cli.py hears signals by
itself; before and after it, nothing is under way that would have to be put in order, and so the
process ends at once, in one line.
"""

import os
import sys

# As in console.py: `signal` itself takes longer to import than all of this.
from _signal import (  # type: ignore[import-not-found]
    SIG_DFL,
    SIGINT,
    SIGTERM,
    default_int_handler,
    getsignal,
)
from _signal import signal as set_handler
from types import FrameType

__all__ = ["INTERRUPTED", "TERMINATED", "leave", "listen"]

# As shells have it: 128 and the number of the signal.
INTERRUPTED, TERMINATED = 130, 143
WORDS = {SIGINT: ("interrupted", INTERRUPTED), SIGTERM: ("terminated", TERMINATED)}


def is_command() -> bool:
    """Whether this process is ``fastgd`` or ``python -m fastgd``, and no user's program."""
    name = os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else ""
    # Python has not found out yet what `-m` stands for when it imports the package.
    return name in ("fastgd", "fastgd.exe") or (name == "-m" and "fastgd" in sys.orig_argv)


def listen() -> None:
    """From now on a signal ends the process, unless somebody hears or ignores it already."""
    if is_command() and getsignal(SIGINT) is default_int_handler:
        set_handler(SIGINT, leave)
        if getsignal(SIGTERM) == SIG_DFL:
            set_handler(SIGTERM, leave)


def leave(number: int, frame: FrameType | None = None) -> None:
    """End the process: one line, and the exit code that goes with the signal."""
    word, code = WORDS[number]
    try:
        os.write(2, f"fastgd: {word}\n".encode())
    except OSError:  # where nobody can be told, the code tells
        pass
    os._exit(code)
