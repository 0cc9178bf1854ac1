"""compare: optimizers tuned with equal budgets on a suite of problems, and a report."""

import argparse
import json
import sys
from html import escape
from typing import Any

import fastgd
from fastgd import comparison, optimizers, problems, report
from fastgd.commands import choices
from fastgd.early import INTERRUPTED
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
        pictures = report.comparison_pictures(found, options.out)
    except ImportError as error:
        print(f"No pictures: {error}", file=sys.stderr)
    spaces = {name: comparison.as_optimizer(name)[1].search_space() for name in options.optimizers}
    command = (
        f"fastgd compare --problems {','.join(options.problems)} --optimizers "
        f"{','.join(options.optimizers)} --budget {options.budget} --seeds {options.seeds} "
        f"--schedules {','.join(options.schedules)} --seed {options.seed}"
    )
    made = f"fastgd {fastgd.__version__}: <code>{escape(command)}</code>"
    page = options.out / "comparison.html"
    replace_text(page, report.comparison_page(found, pictures, spaces, made))
    print(f"{found.verdict()}\n\nThe report is in {page}")
    return 0
