"""figures and demo: the course's pictures, and eight optimizers side by side on real data."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from fastgd import datasets, figures, objectives, optimizers
from fastgd.commands import choices, training
from fastgd.descent import minimize
from fastgd.gallery import LANGUAGES
from fastgd.model import Model

DEMO_EPOCHS, DEMO_BATCH, DEMO_SEED, DEMO_L2, DEMO_HELD_OUT = 30, 32, 0, 1e-3, 0.25
# Where a rule's own default is too slow for so short a run. Found by trying 1, 3, 10, 30, ...
DEMO_RATES = {
    "sgd": 0.1, "momentum": 0.1, "nesterov": 0.01, "adagrad": 0.1, "rmsprop": 0.01, "adam": 0.01,
    "adamw": 0.01, "lion": 0.003,
}  # fmt: skip


def add(commands: Any) -> None:
    pictures = commands.add_parser(
        "figures", help="the course's pictures",
        description="Draw the pictures of the course, from real runs, and a page that shows them.",
    )  # fmt: skip
    pictures.set_defaults(command=_figures)
    pictures.add_argument("--out", metavar="DIR", type=choices.file, required=True,
                          help="folder for them")  # fmt: skip
    pictures.add_argument("--only", metavar="N", type=choices.whole, help="draw this one only")
    pictures.add_argument("--lang", choices=list(LANGUAGES), default="en",
                          help="language of labels and captions; default: en")  # fmt: skip

    demo = commands.add_parser(
        "demo", help="eight optimizers on real data",
        description="Train by eight optimizers on the breast-cancer data; a table and a PNG.",
    )  # fmt: skip
    demo.set_defaults(command=_demo)
    demo.add_argument("--out", metavar="DIR", type=choices.file, default=Path(),
                      help="folder for the picture; default: this one")  # fmt: skip


def _figures(options: argparse.Namespace) -> int:
    files = figures.gallery(options.out, options.only, options.lang)
    if options.json:
        print(json.dumps({"files": [str(options.out / file.name) for file in files]}))
    else:
        print(f"{len(files)} files in {options.out}: {files[-1].name}")
    return 0


def _demo(options: argparse.Namespace) -> int:
    options.out.mkdir(parents=True, exist_ok=True)
    data = datasets.load("breast-cancer")
    train, test = data.split(DEMO_HELD_OUT, DEMO_SEED)
    settings: dict[str, Any] = {"l2": DEMO_L2, "fit_intercept": True}
    objective = objectives.LogisticRegression(train.X, train.y, **settings)
    say: Any = (lambda *texts: None) if options.json else print
    say(
        f"Logistic regression on {data.name}: {len(train.y)} observations to train on,"
        f" {len(test.y)} held out, {len(data.feature_names)} features.\n"
        f"{DEMO_EPOCHS} epochs in batches of {DEMO_BATCH}, l2 = {DEMO_L2:g}, seed {DEMO_SEED}; "
        "all else by default.\n"
    )
    say(f"{'optimizer':<20}{'train loss':>12}{'held-out loss':>15}{'accuracy':>10}{'time':>10}")
    curves, rows = {}, []
    for name, lr in DEMO_RATES.items():
        kind = optimizers.registry[name]
        optimizer = kind.make(lr=lr)
        began = time.perf_counter()
        result = minimize(
            objective, optimizer, batch_size=DEMO_BATCH, epochs=DEMO_EPOCHS, seed=DEMO_SEED,
            on_interrupt="raise",
        )  # fmt: skip
        seconds = time.perf_counter() - began
        model = Model.of(objective, result.theta, classes=data.classes)
        loss, accuracy = training.judge(model, result, test)
        label = f"{kind.__name__}, lr {lr:g}"
        say(f"{label:<20}{result.loss:12.5f}{loss:15.5f}{accuracy:10.4f}{seconds * 1e3:7.1f} ms")
        rows.append({"optimizer": repr(optimizer), "train_loss": result.loss,
                     "held_out_loss": loss, "accuracy": accuracy, "seconds": seconds})  # fmt: skip
        curves[label] = result.history["step"], result.history["loss"]
    path = options.out / "fastgd-demo.png"
    try:
        title = f"Logistic regression on {data.name}: loss on the training part"
        figures.save(figures.plot_losses(curves, title), path)
    except ImportError as error:
        say(f"\nNo picture: {error}")
    else:
        say(f"\nThe loss curves are in {path}")
    if options.json:
        print(json.dumps(rows))
    return 0
