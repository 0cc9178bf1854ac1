"""The command line: ``fastgd fit``, ``predict``, ``show``, ``certify``, ``compare``, ``figures``.

Objectives, optimizers and schedules come from their registries, so a new one is offered here by
being defined. An error is one line on the standard error stream and exit code 2. What each command
does stands in fastgd/commands; here are the way in and the ways out.
"""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn, TextIO

import fastgd

__all__ = ["main"]

# As shells have it: 128 and the number of the signal.
ERROR, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Returns
    -------
    int
        The exit code: 0; 2 after an error; 130 after Ctrl-C.

    Examples
    --------
    >>> from fastgd.cli import main
    >>> main(["fit", "iris"])  # prints on stderr: fastgd: there is no data set 'iris': ...
    2
    """
    with _streams() as no_output:
        try:
            code = _run(arguments, no_output)
            sys.stdout.flush()
        except KeyboardInterrupt:
            code = _complain("interrupted", INTERRUPTED)
        except BrokenPipeError:
            # Whoever read has gone (`| head`): nothing is left to say, and nobody to say it to.
            code = 0
        except OSError as error:
            # An error without a name is that of what is printed.
            where = "standard output" if error.filename is None else error.filename
            text = str(error.strerror)
            code = _complain(text if "cannot be written" in text else f"{where}: {text}")
        _let_go(sys.stdout)
        _let_go(sys.stderr)
    return code


def _run(arguments: Sequence[str] | None, no_output: bool) -> int:
    try:
        options = _parser().parse_args(arguments)
        options.no_output = no_output
        code: int = options.command(options)
        return code
    except SystemExit as error:  # argparse, after --help or --version
        return int(error.code or 0)
    except FileNotFoundError as error:
        if error.filename is None:  # one of ours
            return _complain(str(error))
        raise
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
    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    # Here, and not at the top: it takes a while, and Ctrl-C is to end that too in words.
    from fastgd import explorer
    from fastgd.commands import certify, compare, models, pictures

    parser = _Parser("fastgd", description="Gradient descent and all its variants.")
    parser.add_argument("--version", action="version", version=f"fastgd {fastgd.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    models.add(commands)
    certify.add(commands)
    compare.add(commands)
    pictures.add(commands)
    explorer.add_parser(commands)
    return parser
