"""The command line: ``fastgd fit``, ``predict``, ``certify``, ``figures``, ``compare``, ``demo``.

Objectives, optimizers and schedules come from their registries, so a new one is offered here by
being defined. An error is one line on the standard error stream and exit code 2.
"""

import argparse
import csv
import dataclasses
import inspect
import io
import json
import os
import re
import sys
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

import fastgd
from fastgd import (
    comparison,
    datasets,
    figures,
    objectives,
    optimizers,
    problems,
    report,
    schedules,
    theory,
)
from fastgd.datasets import Dataset
from fastgd.history import Result
from fastgd.optimizers import Optimizer
from fastgd.run import minimize
from fastgd.schedules import Schedule

__all__ = ["main"]

ERROR, INTERRUPTED = 2, 130

DEMO_EPOCHS, DEMO_BATCH, DEMO_SEED, DEMO_L2, DEMO_HELD_OUT = 30, 32, 0, 1e-3, 0.25
# Where a rule's own default is too slow for so short a run. Found by trying 1, 3, 10, 30, ...
DEMO_RATES = {
    "sgd": 0.1, "momentum": 0.1, "nesterov": 0.01, "adagrad": 0.1, "rmsprop": 0.01, "adam": 0.01,
    "adamw": 0.01, "lion": 0.003,
}  # fmt: skip


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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name in the data must not end the run
    try:
        options = _parser().parse_args(arguments)
        code: int = options.command(options)
        sys.stdout.flush()
        return code
    except SystemExit as error:  # argparse, after --help or --version
        return int(error.code or 0)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read has gone (`| head`): nothing is left to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}" if error.strerror else str(error))
    except (TypeError, ValueError, ImportError) as error:
        return _complain(str(error))
    except MemoryError:
        return _complain("not enough memory for this data")


def _complain(message: str, code: int = ERROR) -> int:
    print(f"fastgd: {' '.join(message.split())}", file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("fastgd", description="Gradient descent and all its variants.")
    parser.add_argument("--version", action="version", version=f"fastgd {fastgd.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    fit = commands.add_parser("fit", help="train a model", description="Train a model.")
    fit.set_defaults(command=_fit)
    _add_training(fit)
    fit.add_argument("--out", metavar="FILE.npz", type=Path, help="where to save the model")

    predict = commands.add_parser(
        "predict", help="use a model", description="Predict by a model that fit has saved."
    )
    predict.set_defaults(command=_predict)
    predict.add_argument("model", metavar="MODEL", type=Path, help="a file saved by fastgd fit")
    predict.add_argument("data", metavar="DATA", help="as for fit; the target may be missing")
    predict.add_argument("--out", metavar="FILE.csv", type=Path, help="default: standard output")

    certify = commands.add_parser(
        "certify", help="what theory guarantees of a run",
        description="Train like fit, and put every theorem beside the run.",
    )  # fmt: skip
    _add_training(certify)
    # What the theorems are about.
    certify.set_defaults(command=_certify, optimizer="sgd", lr="1/beta")
    certify.add_argument("--seeds", metavar="N", type=int, default=1,
                         help="runs over which expectations are taken; default: 1")  # fmt: skip
    certify.add_argument("--out", metavar="FILE", type=Path,
                         help="where to save it: .json; its picture: .png, .svg")  # fmt: skip

    pictures = commands.add_parser(
        "figures", help="the course's pictures",
        description="Draw the pictures of the course, from real runs, and a page that shows them.",
    )  # fmt: skip
    pictures.set_defaults(command=_figures)
    pictures.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for them")
    pictures.add_argument("--only", metavar="N", type=int, help="draw this one only")

    study = commands.add_parser(
        "compare", help="which optimizer? the same tuning budget for all",
        description="Tune optimizers by random search with equal budgets, run the best settings "
        "again over seeds, and write a report (HTML, CSV, JSON). A run that was interrupted goes "
        "on where it stopped when it is started again.",
    )  # fmt: skip
    study.set_defaults(command=_compare)
    add = study.add_argument
    add("--problems", metavar="NAME,...", type=_names, default=comparison.FOUR,
        help=f"of {', '.join(problems.names())}; default: four of them")  # fmt: skip
    add("--optimizers", metavar="NAME,...", type=_names, default=comparison.FIFTEEN,
        help=f"of {', '.join(optimizers.registry)}, and lookahead-adam for one around another; "
        "default: the fifteen of Schmidt et al. 2021")  # fmt: skip
    add("--budget", metavar="N", type=int, default=25, help="trials of each; default: 25")
    add("--seeds", metavar="N", type=int, default=10, help="runs of a setting; default: 10")
    add("--schedules", metavar="NAME,...", type=_names, default=("constant", "cosine"),
        help="default: constant,cosine")  # fmt: skip
    add("--jobs", metavar="N", type=int, help="threads; default: all processors")
    add("--seed", metavar="N", type=int, default=0, help="default: 0")
    add("--out", metavar="DIR", type=Path, required=True, help="folder for the report")

    demo = commands.add_parser(
        "demo", help="eight optimizers on real data",
        description="Train by eight optimizers on the breast-cancer data; a table and a PNG.",
    )  # fmt: skip
    demo.set_defaults(command=_demo)
    demo.add_argument("--out", metavar="DIR", type=Path, default=Path(),
                      help="folder for the picture; default: this one")  # fmt: skip
    return parser


def _add_training(parser: argparse.ArgumentParser) -> None:
    """What a run is made of: data, objective, optimizer, batches, length."""
    add = parser.add_argument
    shipped = ", ".join(datasets.shipped)
    add("data", metavar="DATA", help=f"{shipped}, or the path of a .csv, .csv.gz or .npz file")
    add("--target", metavar="COL", help="the column to be predicted")
    add("--drop", metavar="COL,...", type=_names, default=(), help="columns to leave out")
    add("--no-standardize", action="store_true",
        help="take features and a numeric target as they are, not standardised")  # fmt: skip
    add("--objective", choices=list(_objectives()),
        help="default: by the target, its numbers or classes")  # fmt: skip
    add("--optimizer", choices=list(optimizers.registry), default="adam",
        help="default: %(default)s")  # fmt: skip
    add("--lr", metavar="RATE", type=_rate,
        help="learning rate, or 1/beta; fit's default: the optimizer's own")  # fmt: skip
    add("--schedule", metavar="NAME[:KEY=VALUE,...]",
        help=f"how the rate moves, from --lr on: {', '.join(_schedules())}")  # fmt: skip
    add("--warmup", metavar="STEPS", type=_number,
        help="steps, or a part of the run below 1, over which the rate rises first")  # fmt: skip
    add("--set", metavar="KEY=VALUE", action="append", default=[],
        help="a hyperparameter of the optimizer: beta1=0.95, momentum=nesterov")  # fmt: skip
    add("--weight-decay", metavar="RATE", type=float, help="decoupled weight decay")
    add("--l2", metavar="L2", type=float, default=0.0, help="L2 penalty of the objective")
    add("--no-intercept", action="store_true", help="no constant term")
    add("--hidden", metavar="N,...", type=_sizes,
        help="neurons of each hidden layer of a network; default: 16,16")  # fmt: skip
    add("--activation", choices=objectives.ACTIVATIONS, help="of a network; default: relu")
    add("--batch-size", metavar="N", type=_batch_size,
        help="observations a step, or 'all'; default: 32")  # fmt: skip
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", metavar="N", type=int, help="length of the run; default: 100")
    length.add_argument("--steps", metavar="N", type=int, help="length of the run")
    add("--sampling", choices=["replacement", "shuffle", "sequential"], default="replacement",
        help="how batches are drawn; default: replacement")  # fmt: skip
    add("--seed", metavar="N", type=int, default=0, help="default: 0")
    add("--test-fraction", metavar="PART", type=float, default=0.25,
        help="part of the rows that is held out; 0: none; default: 0.25")  # fmt: skip


# Values of options.


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",") if size.strip()]


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _rate(text: str) -> float | str:
    return text if text == "1/beta" else float(text)


def _batch_size(text: str) -> int | str:
    return text if text == "all" else int(text)


for _type, _text in (
    (_number, "number"), (_rate, "rate"), (_batch_size, "batch size"), (_sizes, "list of sizes")
):  # fmt: skip
    _type.__name__ = _text  # argparse says "invalid rate value: 'x'"


# Objectives, optimizers and schedules by name.


def _objectives() -> dict[str, type[Any]]:
    """Those of the registry that learn from X and y: least-squares, logistic, softmax, ..."""
    found = {}
    for name, objective in objectives.registry.items():
        parameters = list(inspect.signature(objective).parameters)
        if objective is not objectives.LinearModel and parameters[:2] == ["X", "y"]:
            words = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
            found[words.removesuffix("-regression").removeprefix("neural-")] = objective
    return found


def _schedules() -> list[str]:
    """Those whose one indispensable number is the learning rate."""
    return [
        name
        for name, schedule in schedules.registry.items()
        if schedule.top in inspect.signature(schedule).parameters
    ]


def _optimizer(options: argparse.Namespace, objective: Any) -> Optimizer:
    kind = optimizers.registry[options.optimizer]
    fields = kind.hyperparameters()
    given: dict[str, Any] = {}
    for pair in options.set:
        key, value = _pair("--set", pair)
        if key not in fields:
            raise ValueError(f"--set: {kind.__name__} has no {key!r}, but {', '.join(fields)}")
        if key in given:
            raise ValueError(f"--set: {key} is given twice")
        given[key] = _hyperparameter(key, value)
    for key, value in (("lr", options.lr), ("weight_decay", options.weight_decay)):
        if value is not None:
            if key in given:
                raise ValueError(f"{key} is given twice, by --set too")
            given[key] = value
    if options.schedule is not None or options.warmup is not None:
        rate = given.get("lr", fields["lr"])
        if rate == "1/beta":
            beta = objective.smoothness()
            if not beta:
                raise ValueError(f"--lr 1/beta: {type(objective).__name__} has no known smoothness")
            rate = 1.0 / beta
        if options.schedule is not None:
            rate = _schedule(options.schedule, rate)
        if options.warmup is not None:
            rate = schedules.warmup(options.warmup, then=rate)
        given["lr"] = rate
    return kind.make(**given)


def _pair(option: str, text: str) -> tuple[str, str]:
    key, mark, value = text.partition("=")
    if not mark or not key.strip() or not value.strip():
        raise ValueError(f"{option}: {text!r} is not of the form KEY=VALUE")
    return key.strip(), value.strip()


def _hyperparameter(key: str, text: str) -> Any:
    if text.lower() == "none":
        return None
    try:
        return _number(text)
    except ValueError:
        if text.partition(":")[0] in schedules.registry:
            return _schedule(text, None)
        if key == "lr" and text == "1/beta":
            return text
        raise ValueError(f"--set: {key} must be a number, not {text!r}") from None


def _schedule(text: str, rate: float | None) -> Schedule:
    """The schedule that NAME:KEY=VALUE,... stands for, with `rate` as its top value."""
    name, _, rest = text.partition(":")
    if name not in schedules.registry or (rate is not None and name not in _schedules()):
        raise ValueError(f"there is no schedule {name!r}; there are {', '.join(_schedules())}")
    kind = schedules.registry[name]
    parameters = inspect.signature(kind).parameters
    given: dict[str, Any] = {} if rate is None else {kind.top: rate}
    for pair in filter(None, rest.split(",")):
        key, value = _pair(f"schedule {name}", pair)
        if key not in parameters:
            raise ValueError(f"schedule {name} has no {key!r}, but {', '.join(parameters)}")
        try:
            given[key] = _number(value)
        except ValueError:
            raise ValueError(f"schedule {name}: {key} must be a number, not {value!r}") from None
    needed = [key for key, one in parameters.items() if one.default is one.empty]
    missing = [key for key in needed if key not in given]
    if missing:
        form = ",".join(f"{key}=..." for key in missing)
        raise ValueError(f"schedule {name} needs {' and '.join(missing)}: {name}:{form}")
    return kind(**given)


# Models: what is trained, held out, saved and loaded.


@dataclass(frozen=True, eq=False)
class _Model:
    """A trained objective without its data: enough to predict from a file."""

    objective: str
    options: dict[str, Any]
    theta: NDArray[np.float64]
    feature_names: tuple[str, ...]
    target_name: str
    classes: tuple[Any, ...] | None
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    target_mean: float = 0.0
    target_scale: float = 1.0

    def on(self, X: NDArray[np.float64], y: NDArray[Any]) -> tuple[Any, NDArray[np.int64]]:
        """The objective on other data, and the indices of that data within it.

        One row for each class comes first, so that the number of classes is the model's own also
        where some class does not occur in y.
        """
        labels = np.arange(len(self.classes or ()))
        X_all = np.vstack([np.zeros((len(labels), X.shape[1])), X])
        objective = _objectives()[self.objective]
        made = objective(X_all, np.concatenate([labels, y]), **self.options)
        return made, np.arange(len(labels), len(X_all))

    def save(self, path: Path, parameters: dict[str, Any]) -> None:
        content = io.BytesIO()
        np.savez(
            content,
            theta=self.theta,
            feature_names=np.array(self.feature_names),
            target_name=np.array(self.target_name),
            classes=np.array(self.classes or []),
            mean=self.mean,
            scale=self.scale,
            target_mean=self.target_mean,
            target_scale=self.target_scale,
            objective=np.array(self.objective),
            parameters=np.array(json.dumps({"options": self.options, **parameters})),
        )
        path.write_bytes(content.getvalue())

    @classmethod
    def load(cls, path: Path) -> "_Model":
        if not path.exists():
            raise FileNotFoundError(f"there is no file {str(path)!r}")
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            model = cls(
                objective=str(arrays["objective"]),
                options=json.loads(str(arrays["parameters"]))["options"],
                theta=arrays["theta"],
                feature_names=tuple(arrays["feature_names"].tolist()),
                target_name=str(arrays["target_name"]),
                classes=tuple(arrays["classes"].tolist()) or None,
                mean=arrays["mean"],
                scale=arrays["scale"],
                target_mean=float(arrays["target_mean"]),
                target_scale=float(arrays["target_scale"]),
            )
        except (KeyError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
            raise ValueError(f"{path} is not a model that fastgd fit has saved") from None
        if model.objective not in _objectives():
            raise ValueError(f"{path}: this version of fastgd has no objective {model.objective!r}")
        return model


def _fit(options: argparse.Namespace) -> int:
    if options.out is not None:
        _check_out(options.out, ".npz")
    model, train, test, result = _train(options)
    _report(model, train, test, result)
    if options.out is not None:
        model.save(
            options.out,
            {
                "fastgd": fastgd.__version__,
                "data": train.name,
                "optimizer": repr(result.optimizer),
                "batch_size": result.setting.batch_size,
                "steps": result.steps,
                "seed": options.seed,
                "sampling": options.sampling,
                "test_fraction": options.test_fraction,
            },
        )
        print(f"model          {options.out}")
    return INTERRUPTED if result.message == "interrupted" else 0


def _train(options: argparse.Namespace) -> tuple[_Model, Dataset, Dataset | None, Result]:
    """The run that the options describe: model, training part, held-out part, result."""
    data, name = _load(options)
    train, test = data, None
    if options.test_fraction != 0:
        train, test = data.split(options.test_fraction, options.seed)
    if data.classes is not None:
        absent = np.flatnonzero(np.bincount(train.y, minlength=len(data.classes)) == 0)
        if absent.size:
            raise ValueError(
                f"{data.name}: no row of class {data.classes[absent[0]]!r} is left to train on;"
                " take another --seed or a smaller --test-fraction"
            )
    y, target_mean, target_scale = train.y, 0.0, 1.0
    if data.classes is None and not options.no_standardize:
        target_mean, target_scale = float(y.mean()), float(y.std()) or 1.0
        y = (y - target_mean) / target_scale

    kind = _objectives()[name]
    settings: dict[str, Any] = {"l2": options.l2, "fit_intercept": not options.no_intercept}
    taken = inspect.signature(kind).parameters
    settings = {key: value for key, value in settings.items() if key in taken}
    if "loss" in taken:
        settings["loss"] = _loss(data)
    for key in ("hidden", "activation"):
        value = getattr(options, key)
        if value is not None:
            if key not in taken:
                raise ValueError(f"--{key} is for networks: add --objective network")
            settings[key] = value
    objective = kind(train.X, y, **settings)
    optimizer = _optimizer(options, objective)
    batch_size = options.batch_size if options.batch_size is not None else min(32, len(y))
    epochs = 100 if options.epochs is None and options.steps is None else options.epochs
    result = minimize(
        objective,
        optimizer,
        batch_size=None if batch_size == "all" else batch_size,
        epochs=epochs,
        steps=options.steps,
        seed=options.seed,
        sampling=options.sampling,
        progress=sys.stderr.isatty(),
    )
    if result.diverged:
        raise ValueError(f"{result.message}; try a smaller --lr")
    model = _Model(
        name, settings, result.theta, data.feature_names, data.target_name, data.classes,
        train.mean, train.scale, target_mean, target_scale,
    )  # fmt: skip
    return model, train, test, result


def _certify(options: argparse.Namespace) -> int:
    if options.seeds < 1:
        raise ValueError("--seeds must be at least 1")
    if options.out is not None:
        _check_out(options.out, ".json", ".png", ".svg")
    _, _, _, result = _train(options)
    if result.message == "interrupted":
        return _complain("interrupted", INTERRUPTED)
    setting = result.setting
    if options.seeds == 1:
        certificate = theory.certificate(result, replay=True)
    elif setting.batch_size is None:
        raise ValueError("--seeds: with the full gradient nothing is random, all runs are one")
    else:
        certificate = theory.expectation(
            result.objective, result.optimizer, setting.theta0, setting.batch_size, result.steps,
            range(options.seed, options.seed + options.seeds), setting.sampling,
        )  # fmt: skip
    if options.out is None:
        print(certificate)
        return 0
    # The file first: where there is nothing to draw, nothing is printed either.
    if options.out.suffix.lower() == ".json":
        text = json.dumps(certificate.to_dict(), indent=2, ensure_ascii=False)
        options.out.write_text(text + "\n", encoding="utf-8")
    else:
        figures.save(certificate.plot()[0], options.out)
    print(f"{certificate}\n\nThe certificate is in {options.out}")
    return 0


def _figures(options: argparse.Namespace) -> int:
    files = figures.gallery(options.out, options.only)
    print(f"{len(files)} files in {options.out}: {files[-1].name}")
    return 0


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
    (options.out / "comparison.json").write_text(text + "\n", encoding="utf-8")
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
    page.write_text(report.comparison_page(found, pictures, spaces, made), encoding="utf-8")
    print(f"{found.verdict()}\n\nThe report is in {page}")
    return 0


def _load(options: argparse.Namespace) -> tuple[Dataset, str]:
    """The data, and the name of the objective, which says what the target is."""
    known, name = _objectives(), options.objective
    task = None
    # An objective with a choice of losses takes the one that the target asks for.
    if name is not None and "loss" not in inspect.signature(known[name]).parameters:
        task = "regression" if known[name].named.task == "regression" else "classification"
    data = datasets.load(
        options.data, options.target, not options.no_standardize, task, options.drop
    )
    if name is None:
        return data, {"squared": "least-squares"}.get(_loss(data), _loss(data))
    if name == "logistic" and len(data.classes or ()) != 2:
        raise ValueError(
            f"{data.name}: target {data.target_name!r} has {len(data.classes or ())} classes, and"
            " logistic takes two; try --objective softmax"
        )
    return data, name


def _loss(data: Dataset) -> str:
    k = len(data.classes or ())
    return "squared" if not k else "logistic" if k == 2 else "softmax"


def _report(model: _Model, train: Dataset, test: Dataset | None, result: Result) -> None:
    n, d = train.X.shape
    of_classes = f", {len(model.classes)} classes" if model.classes else ""
    held_out = f", {len(test.y)} held out" if test is not None else ""
    details = "".join(f", {key} = {value}" for key, value in model.options.items())
    print(f"data           {train.name}: {n} rows to train on{held_out}, {d} features")
    print(f"target         {model.target_name}{of_classes}")
    print(f"objective      {model.objective}{details}")
    if hasattr(result.objective, "summary"):
        print("\n" + result.objective.summary() + "\n")
    print(f"optimizer      {result.optimizer}")
    batch = result.setting.batch_size or n
    seconds = result.history["time"][-1]
    print(
        f"run            {result.steps} steps of {batch} rows in {seconds:.2f} s: {result.message}"
    )
    print(f"train loss     {result.loss:.6g}")
    if test is not None:
        loss, score = _judge(model, test)
        label = "accuracy" if model.classes else "R²"
        print(f"held-out loss  {loss:.6g}")
        print(
            f"{label:<15}{score:.4f}" if score == score else f"{label:<15}undefined for one value"
        )
    if model.target_scale != 1.0:
        print("               (losses in units of the target's variance)")


def _judge(model: _Model, test: Dataset) -> tuple[float, float]:
    """Loss, without any penalty, and accuracy or R² on data that was held out."""
    y = test.y if model.classes else (test.y - model.target_mean) / model.target_scale
    unpenalised = {key: 0.0 if key == "l2" else value for key, value in model.options.items()}
    bare = dataclasses.replace(model, options=unpenalised)
    objective, rows = bare.on(test.X, y)
    loss = float(objective.value(model.theta, indices=rows))
    predicted = objective.predict(model.theta, test.X)
    if model.classes:
        return loss, float(np.mean(predicted == y))
    spread = float(np.sum((y - y.mean()) ** 2))
    return loss, 1.0 - float(np.sum((y - predicted) ** 2)) / spread if spread else float("nan")


def _predict(options: argparse.Namespace) -> int:
    if options.out is not None:
        _check_out(options.out, ".csv")
    model = _Model.load(options.model)
    X = datasets.load_features(options.data, model.feature_names)
    X = (X - model.mean) / model.scale
    placeholder = np.zeros(len(X))
    objective, _ = model.on(X, placeholder)
    predicted = objective.predict(model.theta, X)
    header: tuple[str, ...] = (model.target_name,)
    rows: list[tuple[Any, ...]]
    if model.classes:
        chances = objective.predict_proba(model.theta, X)
        likeliest = chances.max(axis=1) if chances.ndim == 2 else np.maximum(chances, 1 - chances)
        labels = (model.classes[code] for code in predicted)
        header += ("probability",)
        rows = [(label, f"{p:.6f}") for label, p in zip(labels, likeliest, strict=True)]
    else:
        rows = [(repr(float(one * model.target_scale + model.target_mean)),) for one in predicted]
    if options.out is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows([header, *rows])
    else:
        with options.out.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])
        print(f"{len(rows)} predictions of {model.target_name!r} in {options.out}")
    return 0


def _check_out(path: Path, *suffixes: str) -> None:
    """Refuses, before any work is done, a file that could not be written after it."""
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"--out: {str(path)!r} must end in {' or '.join(suffixes)}")
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(
            f"--out: {str(path)!r} cannot be a file: no such folder, or a folder itself"
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"--out: {str(path)!r} may not be written")


def _demo(options: argparse.Namespace) -> int:
    options.out.mkdir(parents=True, exist_ok=True)
    data = datasets.load("breast-cancer")
    train, test = data.split(DEMO_HELD_OUT, DEMO_SEED)
    settings: dict[str, Any] = {"l2": DEMO_L2, "fit_intercept": True}
    objective = objectives.LogisticRegression(train.X, train.y, **settings)
    print(
        f"Logistic regression on {data.name}: {len(train.y)} observations to train on,"
        f" {len(test.y)} held out, {len(data.feature_names)} features.\n"
        f"{DEMO_EPOCHS} epochs in batches of {DEMO_BATCH}, l2 = {DEMO_L2:g}, seed {DEMO_SEED}; "
        "all else by default.\n"
    )
    print(f"{'optimizer':<20}{'train loss':>12}{'held-out loss':>15}{'accuracy':>10}{'time':>10}")
    curves = {}
    for name, lr in DEMO_RATES.items():
        kind = optimizers.registry[name]
        optimizer = kind.make(lr=lr)
        began = time.perf_counter()
        result = minimize(
            objective, optimizer, batch_size=DEMO_BATCH, epochs=DEMO_EPOCHS, seed=DEMO_SEED
        )
        seconds = time.perf_counter() - began
        model = _Model(
            "logistic", settings, result.theta, data.feature_names, data.target_name, data.classes,
            train.mean, train.scale,
        )  # fmt: skip
        loss, accuracy = _judge(model, test)
        label = f"{kind.__name__}, lr {lr:g}"
        print(f"{label:<20}{result.loss:12.5f}{loss:15.5f}{accuracy:10.4f}{seconds * 1e3:7.1f} ms")
        curves[label] = result.history["step"], result.history["loss"]
        if result.message == "interrupted":
            return _complain("interrupted", INTERRUPTED)
    path = options.out / "fastgd-demo.png"
    try:
        title = f"Logistic regression on {data.name}: loss on the training part"
        figures.save(figures.plot_losses(curves, title), path)
    except ImportError as error:
        print(f"\nNo picture: {error}")
    else:
        print(f"\nThe loss curves are in {path}")
    return 0
