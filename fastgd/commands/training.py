"""What fit and certify share: the options of a run, its data, the run, and what is said of it."""

import argparse
import contextlib
import inspect
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastgd import datasets, distributed, objectives, optimizers
from fastgd.commands import choices
from fastgd.core.sampling import SAMPLERS
from fastgd.datasets import Dataset
from fastgd.distributed.ranks import Ranks
from fastgd.history import Result
from fastgd.losses import Loss
from fastgd.model import Model
from fastgd.run import Run

Trained = tuple[Model, Dataset, Dataset | None, Result]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What a run is made of: data, objective, optimizer, batches, length."""
    add = parser.add_argument
    shipped = ", ".join(datasets.shipped)
    add("data", metavar="DATA", help=f"{shipped}, or the path of {datasets.READABLE}")
    add("--target", metavar="COL", help="the column to be predicted")
    add("--task", choices=["classification", "regression"],
        help="what the target is; by default texts, and whole numbers of few different values, are"
        " classes")  # fmt: skip
    add("--drop", metavar="COL,...", type=choices.names, default=(), help="columns to leave out")
    add("--missing", choices=["refuse", "drop", "impute"], default="refuse",
        help="what becomes of rows that lack a value; default: refuse")  # fmt: skip
    add("--no-standardize", action="store_true",
        help="take features and a numeric target as they are, not standardised")  # fmt: skip
    add("--objective", choices=list(choices.of_objectives()),
        help="default: by the target, its numbers or classes")  # fmt: skip
    add("--loss", metavar="NAME[:KEY=VALUE,...]",
        help="of a linear model, or of a network: huber:epsilon=1.35, poisson, hinge, ...; in units"
        " of the standardised target")  # fmt: skip
    add("--optimizer", choices=list(optimizers.registry), default="adam",
        help="default: %(default)s")  # fmt: skip
    add("--lr", metavar="RATE", type=choices.rate,
        help="learning rate, or 1/beta; fit's default: the optimizer's own")  # fmt: skip
    add("--schedule", metavar="NAME[:KEY=VALUE,...]",
        help=f"how the rate moves, from --lr on: {', '.join(choices.of_schedules())}")  # fmt: skip
    add("--warmup", metavar="STEPS", type=choices.number,
        help="steps, or a part of the run below 1, over which the rate rises first")  # fmt: skip
    add("--set", metavar="KEY=VALUE", action="append", default=[],
        help="a hyperparameter of the optimizer: beta1=0.95, momentum=nesterov")  # fmt: skip
    add("--weight-decay", metavar="RATE", type=float, help="decoupled weight decay")
    add("--l2", metavar="L2", type=float, default=0.0, help="L2 penalty of the objective")
    add("--penalty", metavar="NAME:KEY=VALUE,...", help="another one: l1:l1=0.01, nonnegative, ...")
    add("--no-intercept", action="store_true", help="no constant term")
    add("--hidden", metavar="N,...", type=choices.sizes,
        help="neurons of each hidden layer of a network; default: 16,16")  # fmt: skip
    add("--activation", choices=objectives.ACTIVATIONS, help="of a network; default: relu")
    add("--batch-size", metavar="N", type=choices.batch_size,
        help="observations a step, or 'all'; default: 32")  # fmt: skip
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", metavar="N", type=choices.whole,
                        help="length of the run; default: 100")  # fmt: skip
    length.add_argument("--steps", metavar="N", type=choices.whole, help="length of the run")
    add("--sampling", choices=list(SAMPLERS), default="replacement",
        help="how batches are drawn; default: replacement")  # fmt: skip
    add("--seed", metavar="N", type=int, default=0, help="default: 0")
    add("--test-fraction", metavar="PART", type=float,
        help="part of the rows that is held out; 0: none; default: 0.25, or the file's own test"
        " part")  # fmt: skip


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Where a run is kept while it goes on."""
    parser.add_argument("--checkpoint", metavar="FILE", type=choices.file,
        help="keep the run there, for fastgd resume FILE")  # fmt: skip
    parser.add_argument("--checkpoint-every", metavar="SECONDS", type=float, default=60.0,
        help="and how often; default: 60")  # fmt: skip


def train(options: argparse.Namespace, note: Any = None, resumed: bool = False) -> Trained:
    """The run that the options describe: model, training part, held-out part, result.

    With a checkpoint the note is kept beside the run; `resumed` goes on with the one that is there.
    """
    loss = None if options.loss is None else choices.loss(options.loss)
    comm = getattr(options, "comm", None)
    if comm is None:
        data, kind, loss = _load(options, loss)
    else:  # each rank reads the file, and takes its rows below
        data, kind, loss = Ranks(comm).together(lambda: _load(options, loss))
    part, test = _parts(options, data)
    moved = data.classes is None and not options.no_standardize
    y, target_mean, target_scale = part.y, 0.0, 1.0
    # A target whose prediction is not the margin itself has units that the loss knows.
    if moved and (loss is None or type(loss).predict is Loss.predict):
        target_mean, target_scale = float(y.mean()), float(y.std()) or 1.0
        y = (y - target_mean) / target_scale
    settings = _settings(options, kind, loss)
    try:
        objective = kind(part.X, y, **settings)
    except ValueError as error:
        if not str(error).startswith("y "):
            raise
        raise ValueError(f"{data.name}: target {data.target_name!r}: {error}") from None
    optimizer = choices.optimizer(options, objective)
    batch_size = options.batch_size if options.batch_size is not None else min(32, len(y))
    epochs = 100 if options.epochs is None and options.steps is None else options.epochs
    path, every = getattr(options, "checkpoint", None), getattr(options, "checkpoint_every", 60.0)
    kept: dict[str, Any] = {
        "progress": sys.stderr.isatty() or (not options.quiet and "log"),
         "checkpoint": path, "checkpoint_every": every,
        "comm": comm,
    }  # fmt: skip
    shared = objective if comm is None else distributed.part(objective, comm)
    with _in_lines():
        if resumed:
            run = Run.load(path, shared, optimizer, **kept)
        else:
            run = Run(
                shared,
                optimizer,
                batch_size=None if batch_size == "all" else batch_size,
                epochs=epochs,
                steps=options.steps,
                seed=options.seed,
                sampling=options.sampling,
                **kept,
            )
            run.note = note
        with run:
            result = run.advance().result()
    if result.diverged:
        raise ValueError(f"{result.message}; try a smaller --lr")
    details = {"options": {key: choices.shown(value) for key, value in settings.items()}}
    model = Model.of(
        objective, result.theta, feature_names=part.feature_names, target_name=part.target_name,
        classes=part.classes, mean=part.mean, scale=part.scale, target_mean=target_mean,
        target_scale=target_scale, details=details,
    )  # fmt: skip
    return model, part, test, result


@contextlib.contextmanager
def _in_lines() -> Iterator[None]:
    """What a run warns of, such as a checkpoint that cannot be written, a line each."""
    said: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = f"fastgd: {' '.join(str(message).split())}"
        if text not in said:  # a disk that is full is so every minute
            print(text, file=sys.stderr)
        said.add(text)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield


def _load(options: argparse.Namespace, loss: Loss | None) -> tuple[Dataset, type[Any], Loss | None]:
    """The data, the kind of objective, and the loss where the objective takes one."""
    known, name = choices.of_objectives(), options.objective
    kind = None if name is None else known[name]
    chooses = kind is None or "loss" in inspect.signature(kind).parameters
    if loss is not None and not chooses:
        raise ValueError(f"--loss: the loss of {name} is in its name; leave out one of the two")
    asked = loss
    # An objective with a choice of losses takes the one that the target asks for.
    if asked is None and kind is not None and not chooses:
        asked = kind.named
    task = options.task
    if asked is not None:
        needed = "regression" if asked.task == "regression" else "classification"
        if task not in (None, needed):
            raise ValueError(f"--task {task}: the {asked.name} loss is for {needed}")
        task = needed
    data = datasets.load(
        options.data,
        options.target,
        not options.no_standardize,
        task,
        options.drop,
        options.missing,
    )
    k = len(data.classes or ())
    if asked is not None and asked.task == "binary" and k != 2:
        hint = "; try --objective softmax" if name == "logistic" else ""
        raise ValueError(f"{data.name}: target {data.target_name!r} has {k} classes, and"
                         f" {asked.name} takes two{hint}")  # fmt: skip
    own = "squared" if not k else "logistic" if k == 2 else "softmax"
    if kind is None and loss is not None:
        return data, objectives.LinearModel, loss
    if kind is None:
        return data, known["least-squares" if own == "squared" else own], None
    return data, kind, (loss or choices.loss(own)) if chooses else None


def _parts(options: argparse.Namespace, data: Dataset) -> tuple[Dataset, Dataset | None]:
    fraction = options.test_fraction
    if fraction is None and data.test is not None:
        train, test = data, data.test
    elif fraction == 0:
        train, test = data, None
    else:
        train, test = data.split(0.25 if fraction is None else fraction, options.seed)
    if data.classes is not None:
        absent = np.flatnonzero(np.bincount(train.y, minlength=len(data.classes)) == 0)
        if absent.size:
            raise ValueError(
                f"{data.name}: no row of class {data.classes[absent[0]]!r} is left to train on;"
                " take another --seed or a smaller --test-fraction"
            )
    return train, test


def _settings(options: argparse.Namespace, kind: type[Any], loss: Loss | None) -> dict[str, Any]:
    """The arguments of the objective besides the data."""
    taken = inspect.signature(kind).parameters
    settings: dict[str, Any] = {"l2": options.l2, "fit_intercept": not options.no_intercept}
    if options.penalty is not None:
        if options.l2:
            raise ValueError("--penalty and --l2: take one of the two")
        settings["penalty"] = choices.penalty(options.penalty)
        del settings["l2"]
    settings = {key: value for key, value in settings.items() if key in taken}
    if "loss" in taken and loss is not None:
        settings["loss"] = loss
    for key in ("hidden", "activation"):
        value = getattr(options, key)
        if value is not None:
            if key not in taken:
                raise ValueError(f"--{key} is for networks: add --objective network")
            settings[key] = value
    return settings


def task_line(options: argparse.Namespace, data: Dataset) -> str:
    """What the target was taken for, and how to have it otherwise."""
    if data.classes is None:
        text = f"regression: {data.target_name!r} is a number"
        other = "classification for classes"
    else:
        text = f"classification: {data.target_name!r} has {len(data.classes)} classes"
        other = "regression for numbers"
    guessed = options.task is None and options.objective is None and options.loss is None
    if not guessed or isinstance((data.classes or (0,))[0], str):
        return text
    return f"{text}; --task {other}"


def report(
    options: argparse.Namespace, found: tuple[Model, Dataset, Dataset | None, Result]
) -> None:
    """What was run, and how well it went."""
    model, train, test, result = found
    n, d = train.X.shape
    of_classes = f", {len(model.classes)} classes" if model.classes else ""
    held_out = f", {len(test.y)} held out" if test is not None else ""
    details = "".join(f", {key} = {value}" for key, value in model.details["options"].items())
    print(f"task           {task_line(options, train)}")
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
        loss, score = judge(model, result, test)
        label = "accuracy" if model.classes else "R²"
        print(f"held-out loss  {loss:.6g}")
        print(
            f"{label:<15}{score:.4f}" if score == score else f"{label:<15}undefined for one value"
        )
    if model.target_scale != 1.0:
        print("               (losses in units of the target's variance)")


def judge(model: Model, result: Result, test: Dataset) -> tuple[float, float]:
    """Loss, without any penalty, and accuracy or R² on data that was held out."""
    y = test.y if model.classes else (test.y - model.target_mean) / model.target_scale
    bare = result.model  # of data that is standardised already
    margins = bare.margins(test.X)
    loss = float(np.mean(bare.loss.values(margins, y)))
    predicted = bare.loss.predict(margins)
    if model.classes:
        return loss, float(np.mean(predicted == y))
    spread = float(np.sum((y - y.mean()) ** 2))
    return loss, 1.0 - float(np.sum((y - predicted) ** 2)) / spread if spread else float("nan")
