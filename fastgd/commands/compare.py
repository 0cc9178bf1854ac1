"""compare: optimizers tuned with equal budgets on a suite of problems, and a report."""

import argparse
import base64
import json
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import fastgd
from fastgd import comparison, figures, optimizers, problems
from fastgd.commands import choices
from fastgd.commands.models import INTERRUPTED
from fastgd.files import replace_text


def add(commands: Any) -> None:
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


def _compare(options: argparse.Namespace) -> int:
    options.out.mkdir(parents=True, exist_ok=True)
    found = comparison.compare(
        options.problems, options.optimizers, options.budget, options.seeds, options.schedules,
        options.jobs, options.seed, options.out / "trials.jsonl", progress=sys.stderr.isatty(),
    )  # fmt: skip
    if not found.complete:
        print("fastgd: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
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
