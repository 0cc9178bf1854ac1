"""The command line: ``fastgd fit``, ``predict``, ``show``, ``certify``, ``compare``, ``figures``.

Objectives, optimizers and schedules come from their registries, so a new one is offered here by
being defined. An error is one line on the standard error stream and exit code 2. What each command
does stands in fastgd/commands; here are the way in, the ways out, and compare.
"""

import argparse
import base64
import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NoReturn, TextIO

import fastgd
from fastgd import comparison, figures, optimizers, problems
from fastgd.commands import certify, choices, models, pictures
from fastgd.files import replace_text

__all__ = ["main"]

ERROR, INTERRUPTED = 2, models.INTERRUPTED


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
    parser = _Parser("fastgd", description="Gradient descent and all its variants.")
    parser.add_argument("--version", action="version", version=f"fastgd {fastgd.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    models.add(commands)
    certify.add(commands)

    study = commands.add_parser(
        "compare", help="which optimizer? the same tuning budget for all",
        description="Tune optimizers by random search with equal budgets, run the best settings "
        "again over seeds, and write a report (HTML, CSV, JSON). A run that was interrupted goes "
        "on where it stopped when it is started again.",
    )  # fmt: skip
    study.set_defaults(command=_compare)
    add = study.add_argument
    add("--problems", metavar="NAME,...", type=choices.names, default=comparison.FOUR,
        help=f"of {', '.join(problems.names())}; default: four of them")  # fmt: skip
    add("--optimizers", metavar="NAME,...", type=choices.names, default=comparison.FIFTEEN,
        help=f"of {', '.join(optimizers.registry)}, and lookahead-adam for one around another; "
        "default: the fifteen of Schmidt et al. 2021")  # fmt: skip
    add("--budget", metavar="N", type=choices.whole, default=25,
        help="trials of each; default: 25")  # fmt: skip
    add("--seeds", metavar="N", type=choices.whole, default=10,
        help="runs of a setting; default: 10")  # fmt: skip
    add("--schedules", metavar="NAME,...", type=choices.names, default=("constant", "cosine"),
        help="default: constant,cosine")  # fmt: skip
    add("--jobs", metavar="N", type=choices.whole, help="threads; default: all processors")
    add("--seed", metavar="N", type=choices.whole, default=0, help="default: 0")
    add("--out", metavar="DIR", type=choices.file, required=True, help="folder for the report")

    pictures.add(commands)
    return parser


def _compare(options: argparse.Namespace) -> int:
    options.out.mkdir(parents=True, exist_ok=True)
    found = comparison.compare(
        options.problems, options.optimizers, options.budget, options.seeds, options.schedules,
        options.jobs, options.seed, options.out / "trials.jsonl", progress=sys.stderr.isatty(),
    )  # fmt: skip
    if not found.complete:
        return _complain("interrupted; the same command goes on from here", INTERRUPTED)
    found.to_csv(options.out / "comparison.csv")
    text = json.dumps(found.to_dict(), indent=1, ensure_ascii=False)
    replace_text(options.out / "comparison.json", text + "\n")
    pictures = {}
    try:
        drawn = [("losses", found.plot()[0])]
        if len(found.critical_difference()[0]) > 1:
            drawn += [("ranks", found.plot_ranks())]
        for i, name in enumerate(found.ranks(), 1):
            # A problem of the user's own may have any name, and a file may not.
            drawn += [(f"gain-{i}", found.plot_gain(name))]
            drawn += [(f"rates-{i}", found.plot_sensitivity(name)[0])]
        for name, ax in drawn:
            pictures[name] = options.out / f"{name}.png"
            figures.save(ax, pictures[name])
    except ImportError as error:
        print(f"No pictures: {error}", file=sys.stderr)
    page = options.out / "comparison.html"
    replace_text(page, _report_page(found, options, pictures))
    print(f"{found.verdict()}\n\nThe report is in {page}")
    return 0


def _report_page(
    found: comparison.Comparison, options: argparse.Namespace, pictures: Mapping[str, Path]
) -> str:
    def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
        lines = [[f"<th>{escape(one)}</th>" for one in header]]
        for row in rows:
            cells = (f"{one:.4g}" if isinstance(one, float) else str(one) for one in row)
            lines.append([f"<td>{escape(one)}</td>" for one in cells])
        return "<table>" + "\n".join(f"<tr>{''.join(line)}</tr>" for line in lines) + "</table>"

    def spread(three: Sequence[float]) -> str:
        return f"{three[1]:.4g} ({three[0]:.4g} – {three[2]:.4g})"

    means, difference = found.critical_difference()
    ranks = found.ranks()
    summary = [
        (row["problem"], row["optimizer"], row["schedule"], spread(row["tuned"]),
         spread(row["default"]), row["gain"], f"{row['diverged']:.0%}")
        for row in found.summary()
    ]  # fmt: skip

    def images(start: str) -> str:
        return "".join(
            f'<p><img alt="{name}" src="data:image/png;base64,'
            f'{base64.b64encode(path.read_bytes()).decode()}"></p>'
            for name, path in pictures.items()
            if name.startswith(start)
        )

    verdict = "<br>".join(escape(line) for line in found.verdict().splitlines())
    rank_rows = [(name, mean, *(ranks[p][name] for p in ranks)) for name, mean in means.items()]
    spaces = [
        (name, field, text)
        for name in options.optimizers
        for field, text in comparison.as_optimizer(name)[1].search_space().items()
    ]
    command = (
        f"fastgd compare --problems {','.join(options.problems)} --optimizers "
        f"{','.join(options.optimizers)} --budget {options.budget} --seeds {options.seeds} "
        f"--schedules {','.join(options.schedules)} --seed {options.seed}"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Which optimizer?</title>'
        "<style>body{font:16px sans-serif;max-width:75em;margin:2em auto;padding:0 1em}"
        "table{border-collapse:collapse;font-size:14px}td,th{padding:.2em .8em;border-bottom:1px "
        "solid #ddd;text-align:left}img{max-width:100%}</style><h1>Which optimizer?</h1>"
        f"<p>{options.budget} trials for each optimizer, schedule and problem, chosen by validation"
        f" loss; test loss over {options.seeds} seeds: median (quartiles).</p><p>{verdict}</p>"
        "<h2>Ranks</h2>"
        + (
            f"<p>Mean ranks that differ by less than {difference:.3g} do not differ at 5 %"
            " (Nemenyi).</p>"
            if len(means) > 1
            else ""
        )
        + table(["optimizer", "mean rank", *ranks], rank_rows)
        + images("ranks")
        + f"<h2>Losses</h2>{images('losses')}"
        + table(
            ["problem", "optimizer", "schedule", "tuned", "default", "gain", "diverged"], summary
        )
        + "<h2>What tuning gains</h2><p>Percent of the median test loss that is saved by going from"
        f" an optimizer as it comes to a tuned one.</p>{images('gain')}"
        f"<h2>Learning rates</h2><p>The trials; open marks on the edge: diverged.</p>"
        f"{images('rates')}"
        "<h2>Search spaces</h2>"
        + table(["optimizer", "parameter", "drawn"], spaces)
        + f"<p>Made by fastgd {fastgd.__version__}: <code>{escape(command)}</code></p></html>\n"
    )
