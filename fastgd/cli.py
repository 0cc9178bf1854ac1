"""The command line: ``fastgd fit``, ``resume``, ``predict``, ``show``, ``certify`` and so on.

Objectives, optimizers and schedules come from their registries, so a new one is offered here by
being defined. An error is one line on the standard error stream and exit code 2. What each command
does stands in fastgd/commands; here are the way in and the ways out.
"""

import argparse
import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any, NoReturn, TextIO

import fastgd
from fastgd import early
from fastgd.early import INTERRUPTED, TERMINATED

__all__ = ["main"]

ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Returns
    -------
    int
        The exit code: 0; 2 after an error; 130 after Ctrl-C, 143 after SIGTERM.

    Examples
    --------
    >>> from fastgd.cli import main
    >>> main(["fit", "iris"])  # prints on stderr: fastgd: there is no data set 'iris': ...
    2
    """
    with _streams() as no_output, _Signals() as signals:
        try:
            signals.raising = True
            try:
                code = _run(arguments, no_output)
                sys.stdout.flush()
            except BrokenPipeError:
                # Whoever read has gone (`| head`): nothing is left to say, and nobody to say it to.
                code = 0
            except OSError as error:
                code = _complain(_reason(error))
            signals.raising = False
        except (KeyboardInterrupt, RuntimeError) as error:
            # Before 3.12 Python wraps what is raised while a class is made.
            if isinstance(error, RuntimeError) and not signals.heard:
                raise
            signals.raising = False
            code = _complain("terminated" if signals.terminated else "interrupted", INTERRUPTED)
        _let_go(sys.stdout)
        _let_go(sys.stderr)
    return TERMINATED if code == INTERRUPTED and signals.terminated else code


class _Signals:
    """Ctrl-C and SIGTERM end a command in order, as KeyboardInterrupt, if this process is one.

    That is raised once, where `main` can catch it. What comes later ends the process at once: files
    are written under another name and renamed, so that nothing is half done.
    """

    def __init__(self) -> None:
        self.raising = self.terminated = self.heard = False
        self._numbers: list[int] = []

    def __enter__(self) -> "_Signals":
        self._hook = sys.unraisablehook
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is early.leave:
                signal.signal(number, self._hear)
                self._numbers.append(number)
                sys.unraisablehook = self._lost
        return self

    def __exit__(self, *_: object) -> None:
        # All is done and said. What follows is Python's own end, late in which a handler finds no
        # thread to run in, and Python aborts.
        for number in self._numbers:
            signal.signal(number, signal.SIG_DFL)
        sys.unraisablehook = self._hook

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM and not self.heard:
            self.terminated = True
            # Whoever hears Ctrl-C, such as a run inside a chunk, is to hear this.
            signal.raise_signal(signal.SIGINT)
        elif self.raising and not self.heard:
            self.heard = True
            raise KeyboardInterrupt
        else:
            early.leave(signal.SIGTERM if self.terminated else number)

    def _lost(self, unraisable: Any) -> None:
        # Raised where Python goes on all the same: in a destructor.
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            early.leave(signal.SIGTERM if self.terminated else signal.SIGINT)
        self._hook(unraisable)


def _reason(error: OSError) -> str:
    if error.errno is None:  # one of ours
        return str(error)
    # An error without a name is that of what is printed.
    where = "standard output" if error.filename is None else error.filename
    text = str(error.strerror)
    return text if "cannot be written" in text else f"{where}: {text}"


def _run(arguments: Sequence[str] | None, no_output: bool) -> int:
    try:
        arguments = sys.argv[1:] if arguments is None else arguments
        parser = _parser()
        options = parser.parse_args(arguments)
        options.no_output, options.parse = no_output, parser.parse_args
        options.arguments = list(arguments)
        # What is asked for by a file goes there; the report of it is what is not wanted.
        silent = getattr(options, "quiet", False) and getattr(options, "out", None) is not None
        with contextlib.redirect_stdout(io.StringIO()) if silent else contextlib.nullcontext():
            code: int = options.command(options)
        return code
    except SystemExit as error:  # argparse, after --help or --version
        return int(error.code or 0)
    except MemoryError:
        return _complain("not enough memory for this data")
    except (TypeError, ValueError, ImportError, OverflowError) as error:
        return _complain(str(error))


@contextlib.contextmanager
def _streams() -> Iterator[bool]:
    """Streams that can be written to; whether standard output is closed."""
    before = sys.stdout, sys.stderr
    with contextlib.ExitStack() as stack:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None:  # closed by whoever started the process
                nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                setattr(sys, name, nowhere)
            elif isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a name in the data must not end the run
        try:
            yield before[0] is None
        finally:
            sys.stdout, sys.stderr = before


def _let_go(stream: TextIO) -> None:
    """Write out what is left; where that fails, let Python not try again when it ends."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _complain(message: str, code: int = ERROR) -> int:
    with contextlib.suppress(OSError, ValueError):  # where nobody can be told, the code tells
        print(f"fastgd: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return code


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse keeps to itself that nothing could be written.
        if message:
            (file or sys.stderr).write(message)

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    # Here, and not at the top: it takes a while, and Ctrl-C is to end that too in words.
    from fastgd import explorer
    from fastgd.commands import certify, compare, completion, models, pictures

    parser = _Parser("fastgd", description="Gradient descent and all its variants.")
    parser.add_argument("--version", action="version", version=f"fastgd {fastgd.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    models.add(commands)
    certify.add(commands)
    compare.add(commands)
    pictures.add(commands)
    explorer.add_parser(commands)
    completion.add(commands)
    for name, command in commands.choices.items():
        known = command._option_string_actions
        for option, text in (("--json", "print JSON"), ("--quiet", "print nothing but errors")):
            if option not in known and name != "completion":
                command.add_argument(option, action="store_true", help=text)
    return parser
