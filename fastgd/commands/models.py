"""fit, resume, predict and show: a model is trained, used and looked at."""

import argparse
import csv
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

import fastgd
from fastgd import checkpoint, datasets, distributed
from fastgd.commands import choices, training
from fastgd.early import INTERRUPTED
from fastgd.files import as_path, replace_text
from fastgd.losses import Loss
from fastgd.model import Model, load_model


def add(commands: Any) -> None:
    fit = commands.add_parser("fit", help="train a model", description="Train a model.")
    fit.set_defaults(command=_fit)
    training.add_options(fit)
    fit.add_argument("--out", metavar="FILE.npz", type=choices.file,
                     help="where to save the model")  # fmt: skip
    training.add_checkpoint(fit)
    _add_report(fit)

    resume = commands.add_parser(
        "resume", help="go on with a run of fit",
        description="Go on with a run that fit --checkpoint has kept, with the same options, to the"
        " same bits as if it had never stopped.",
    )  # fmt: skip
    resume.set_defaults(command=_resume)
    resume.add_argument("checkpoint", metavar="FILE", type=choices.file,
                        help="the checkpoint, which is written on")  # fmt: skip
    resume.add_argument("--data", metavar="DATA", help="where the data is now, if it was moved")
    resume.add_argument("--out", metavar="FILE.npz", type=choices.file,
                        help="where to save the model; default: as fit was told")  # fmt: skip
    _add_report(resume)

    predict = commands.add_parser(
        "predict", help="use a model", description="Predict by a model that fit has saved."
    )
    predict.set_defaults(command=_predict)
    predict.add_argument("model", metavar="MODEL", type=choices.file,
                         help="a file saved by fastgd fit")  # fmt: skip
    predict.add_argument("data", metavar="DATA", help="as for fit; the target may be missing")
    predict.add_argument("--out", metavar="FILE.csv", type=choices.file,
                         help="default: standard output")  # fmt: skip

    show = commands.add_parser(
        "show", help="look at a model", description="A model's coefficients, with their names."
    )
    show.set_defaults(command=_show)
    show.add_argument("model", metavar="MODEL", type=choices.file, help="a file saved by fit")
    show.add_argument("--most", metavar="N", type=choices.whole, default=20,
                      help="the N largest coefficients; 0: all; default: 20")  # fmt: skip
    show.add_argument("--json", action="store_true", help="print all of it as JSON")


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="print nothing that is no error")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _fit(options: argparse.Namespace) -> int:
    note = None
    if options.checkpoint is not None:
        if options.data == "-":
            raise ValueError("--checkpoint: standard input cannot be read a second time, by resume")
        if options.checkpoint.exists():
            raise ValueError(
                f"there is {str(options.checkpoint)!r} already: go on with it by fastgd resume "
                f"{options.checkpoint}, or delete it"
            )
        # What was typed, and where: it is checked again as it was the first time.
        note = {"fit": options.arguments, "folder": str(Path.cwd())}
    return _train(options, note)


def _resume(options: argparse.Namespace) -> int:
    state, _ = checkpoint.read(options.checkpoint)
    try:
        arguments, folder = state["note"]["fit"], Path(state["note"]["folder"])
        first = options.parse(arguments)
    except (KeyError, TypeError):
        raise ValueError(
            f"{str(options.checkpoint)!r} was not kept by fastgd fit: go on with gd.resume"
        ) from None
    if options.data is not None:
        first.data = options.data
    elif first.data not in datasets.shipped:
        first.data = str(folder / as_path(first.data))
    if options.out is not None:
        first.out = options.out
    elif first.out is not None:
        first.out = folder / first.out
    first.checkpoint, first.quiet, first.json = options.checkpoint, options.quiet, options.json
    return _train(first, resumed=True)


def _train(options: argparse.Namespace, note: Any = None, resumed: bool = False) -> int:
    if options.out is not None:
        check_out(options.out, ".npz")
    options.comm = distributed.launched()
    if options.comm is not None and options.comm.Get_rank() != 0:
        # Rank 0 speaks and writes for all.
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        options.out = None
    found = model, train, test, result = training.train(options, note, resumed)
    model.details.update(
        fastgd=fastgd.__version__,
        data=train.name,
        optimizer=repr(result.optimizer),
        batch_size=result.setting.batch_size,
        steps=result.steps,
        seed=options.seed,
        sampling=options.sampling,
        test_fraction=options.test_fraction,
    )
    if options.json:
        print(json.dumps(_facts(options, found), ensure_ascii=False))
    elif not options.quiet:
        training.report(options, found)
    if options.out is not None:
        model.save(options.out)
        if not (options.quiet or options.json):
            print(f"model          {options.out}")
    if options.checkpoint is not None and not (options.quiet or options.json):
        go_on = f": fastgd resume {options.checkpoint} goes on" if result.interrupted else ""
        print(f"checkpoint     {options.checkpoint}{go_on}")
    return INTERRUPTED if result.interrupted else 0


def _facts(options: argparse.Namespace, found: Any) -> dict[str, Any]:
    """The report of fit as JSON has it."""
    model, train, test, result = found
    facts = {
        "task": "classification" if model.classes else "regression",
        "objective": model.objective,
        "loss": model.loss.name,
        "target": model.target_name,
        "classes": model.classes,
        "n_train": len(train.y),
        "n_features": model.n_features,
        **model.details,
        "message": result.message,
        "seconds": float(result.history["time"][-1]),
        "train_loss": result.loss,
    }
    if test is not None:
        loss, score = training.judge(model, result, test)
        facts |= {"n_held_out": len(test.y), "held_out_loss": loss}
        facts["accuracy" if model.classes else "r2"] = score if score == score else None
    if options.out is not None:
        facts["model"] = str(options.out)
    return facts


def _predict(options: argparse.Namespace) -> int:
    if options.out is not None:
        check_out(options.out, ".csv")
    elif options.no_output:
        raise ValueError("standard output is closed: say --out FILE.csv")
    model = load_model(options.model)
    if model.feature_names is None:
        raise ValueError(f"{options.model} does not name its features: use it from Python, with"
                         " gd.load_model")  # fmt: skip
    X = datasets.load_features(options.data, model.feature_names)
    name = model.target_name or "prediction"
    header: tuple[str, ...] = (name,)
    rows: list[tuple[Any, ...]]
    margins = model.margins(X)
    predicted = model.loss.predict(margins)
    if options.quiet and options.out is None:
        raise ValueError("--quiet prints nothing: say --out FILE.csv")
    if model.classes is None:
        rows = [(repr(float(one)),) for one in predicted]
    else:
        labels = [model.classes[code] for code in predicted]
        rows = [(label,) for label in labels]
        if type(model.loss).probabilities is not Loss.probabilities:
            chances = model.loss.probabilities(margins)
            likeliest = (
                chances.max(axis=1) if chances.ndim == 2 else np.maximum(chances, 1 - chances)
            )
            header += ("probability",)
            rows = [(label, f"{p:.6f}") for label, p in zip(labels, likeliest, strict=True)]
    if options.json:
        kept = [(float(row[0]) if model.classes is None else row[0], *map(float, row[1:]))
                for row in rows]  # fmt: skip
        text_of_json = json.dumps([dict(zip(header, row, strict=True)) for row in kept],
                                  ensure_ascii=False)  # fmt: skip
        if options.out is None:
            print(text_of_json)
            return 0
    elif options.out is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows([header, *rows])
        return 0
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    replace_text(options.out, text.getvalue())
    if options.json:
        print(text_of_json)
    else:
        print(f"{len(rows)} predictions of {name!r} in {options.out}")
    return 0


def _show(options: argparse.Namespace) -> int:
    model = load_model(options.model)
    if options.json:
        print(json.dumps(_contents(model), ensure_ascii=False))
        return 0
    print(f"model          {model.objective}, {model.loss!r}")
    kind = f", {len(model.classes)} classes" if model.classes else ""
    print(f"target         {model.target_name}{kind}")
    for key in ("data", "optimizer", "steps", "batch_size", "seed", "fastgd"):
        if key in model.details:
            print(f"{key:<15}{model.details[key]}")
    print(f"features       {model.n_features}\n")
    print(model.summary(options.most or None))
    if model.activation is None and 0 < options.most < model.n_features:
        print(f"\nThe {options.most} largest of {model.n_features}; --most 0 shows all.")
    return 0


def _contents(model: Model) -> dict[str, Any]:
    known: dict[str, Any] = {
        "objective": model.objective, "loss": repr(model.loss), "target": model.target_name,
        "classes": model.classes, "feature_names": model.feature_names, **model.details,
    }  # fmt: skip
    if model.activation is None:
        known["coefficients"] = model.coef_.tolist()
        known["intercept"] = np.asarray(model.intercept_).tolist()
    else:
        known |= {"sizes": model.sizes, "activation": model.activation}
    return known


def check_out(path: Path, *suffixes: str) -> None:
    """Refuses, before any work is done, a file that could not be written after it."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        return  # a device, whose name says nothing
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"--out: {str(path)!r} must end in {' or '.join(suffixes)}")
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(
            f"--out: {str(path)!r} cannot be a file: no such folder, or a folder itself"
        )
    # The folder too: a file is written beside the old one, and renamed.
    if not all(os.access(one, os.W_OK) for one in (path, path.parent) if one.exists()):
        raise ValueError(f"--out: {str(path)!r} may not be written")
