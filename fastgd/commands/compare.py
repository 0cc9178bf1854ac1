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
    add("--budget", metavar="N", type=choices.whole, default=7,
        help="trials of each in a draw of the tuning; default: 7")  # fmt: skip
    add("--draws", metavar="N", type=choices.whole,
        help="how often the tuning is done anew, on another split of the data; default: as many as "
        "seeds, or 1 where those are fewer than five")  # fmt: skip
    add("--seeds", metavar="N", type=choices.whole, default=5,
        help="runs of what was chosen; default: 5")  # fmt: skip
    add("--schedules", metavar="NAME,...", type=choices.names, default=("constant", "cosine"),
        help=f"of {', '.join(comparison.SCHEDULES)} and others of which all but the rate has a "
        "default; default: constant,cosine")  # fmt: skip
    add("--jobs", metavar="N", type=choices.whole, help="threads; default: all processors")
    add("--seed", metavar="N", type=choices.whole, default=0, help="default: 0")
    add("--out", metavar="DIR", type=choices.file, required=True, help="folder for the report")


def _compare(options: argparse.Namespace) -> int:
    options.out.mkdir(parents=True, exist_ok=True)
    found = comparison.compare(
        options.problems, options.optimizers, options.budget, options.seeds, options.schedules,
        options.jobs, options.seed, options.out / "trials.jsonl", progress=sys.stderr.isatty(),
        draws=options.draws,
    )  # fmt: skip
    if not found.complete:
        print("fastgd: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    found.to_csv(options.out / "comparison.csv")
    text = json.dumps(found.to_dict(), indent=1, ensure_ascii=False)
    replace_text(options.out / "comparison.json", text + "\n")
    pictures = report.comparison_pictures(found, options.out)
    spaces = {name: comparison.as_optimizer(name)[1].search_space() for name in options.optimizers}
    command = (
        f"fastgd compare --problems {','.join(options.problems)} --optimizers "
        f"{','.join(options.optimizers)} --budget {options.budget} --seeds {options.seeds} "
        f"--schedules {','.join(options.schedules)} --seed {options.seed}"
        f"{'' if options.draws is None else f' --draws {options.draws}'}"
    )
    made = f"fastgd {fastgd.__version__}: <code>{escape(command)}</code>"
    page = options.out / "comparison.html"
    replace_text(page, report.comparison_page(found, pictures, spaces, made))
    if options.json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))
        return 0
    parts = [found.verdict()]
    for one in found.findings():
        numbers = [f"  {name}: {estimate}" for name, estimate in one.numbers.items()]
        parts.append("\n".join([f"{one.sentence}.", *numbers]))
    print("\n\n".join([*parts, f"The report is in {page}"]))
    return 0
