"""certify: a run, and every theorem beside it."""

import argparse
import json
import sys
from typing import Any

from fastgd import figures, theory
from fastgd.commands import choices, training
from fastgd.commands.models import check_out
from fastgd.files import replace_text


def add(commands: Any) -> None:
    certify = commands.add_parser(
        "certify", help="what theory guarantees of a run",
        description="Train like fit, and put every theorem beside the run.",
    )  # fmt: skip
    training.add_options(certify)
    # What the theorems are about.
    certify.set_defaults(command=_certify, optimizer="sgd", lr="1/beta")
    certify.add_argument("--seeds", metavar="N", type=choices.whole, default=1,
                         help="runs over which expectations are taken; default: 1")  # fmt: skip
    certify.add_argument("--out", metavar="FILE", type=choices.file,
                         help="where to save it: .json; its picture: .png, .svg")  # fmt: skip


def _certify(options: argparse.Namespace) -> int:
    if options.seeds < 1:
        raise ValueError("--seeds must be at least 1")
    if options.out is not None:
        check_out(options.out, ".json", ".png", ".svg")
    _, train, _, result = training.train(options)
    if result.interrupted:
        raise KeyboardInterrupt
    task = training.task_line(options, train)
    if "--task" in task:  # a guess; on the error stream, as what is printed is the certificate
        print(f"fastgd: {task}", file=sys.stderr)
    setting = result.setting
    if options.seeds == 1:
        certificate = theory.certificate(result, replay=True, progress=sys.stderr.isatty())
    elif setting.batch_size is None:
        raise ValueError("--seeds: with the full gradient nothing is random, all runs are one")
    else:
        certificate = theory.expectation(
            result.objective, result.optimizer, setting.theta0, setting.batch_size, result.steps,
            range(options.seed, options.seed + options.seeds), setting.sampling,
            progress=sys.stderr.isatty(),
        )  # fmt: skip
    shown = str(certificate)
    if options.json:
        shown = json.dumps(certificate.to_dict(), ensure_ascii=False)
    if options.out is None:
        if options.quiet:
            raise ValueError("--quiet prints nothing: say --out FILE")
        print(shown)
        return 0
    # The file first: where there is nothing to draw, nothing is printed either.
    if options.out.suffix.lower() == ".json":
        text = json.dumps(certificate.to_dict(), indent=2, ensure_ascii=False)
        replace_text(options.out, text + "\n")
    else:
        figures.save(certificate.plot()[0], options.out)
    print(shown if options.json else f"{shown}\n\nThe certificate is in {options.out}")
    return 0
