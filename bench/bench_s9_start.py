"""S9: what fastgd costs before any work: its import beyond NumPy's, and a run of ten steps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import numpy as np

import fastgd as gd
from bench import data
from bench.harness import Case, Contender


def _start(statement):
    def run():
        subprocess.run([sys.executable, "-c", statement], check=True)

    return Contender(lambda units: run)


def _steps(rule, units):
    theta, gradient = np.zeros(10), np.ones(10)
    state = rule.init(theta)

    def run():
        for _ in range(units):
            rule.step(theta, gradient, state)

    return run


def cases(quick: bool) -> Iterator[Case]:
    yield Case(
        "S9",
        "import fastgd",
        {"fastgd": _start("import numpy, fastgd"), "import numpy": _start("import numpy")},
        unit="start",
        at_most=0.040,
        minus="import numpy",
    )
    X, y = data.synthetic(100, 5)
    f = gd.LogisticRegression(X, y)
    ways = {
        "full batch, recorded": ({}, 45e-6),
        "batch 32, not recorded": ({"batch_size": 32, "record_every": 0}, 20e-6),
    }
    for name, (options, most) in ways.items():

        def ours(units, options=options):
            adam = gd.Adam(lr=0.01)
            return lambda: gd.minimize(f, adam, steps=10, seed=0, **options).theta

        yield Case(
            "S9",
            f"minimize, 10 steps on 100×5, {name}",
            {"fastgd": Contender(ours)},
            at_most=most,
        )
    for name, lr in (
        ("a constant rate", 0.01),
        ("under a schedule", gd.schedules.inverse_time(0.01, 1e-3)),
    ):
        yield Case(
            "S9",
            f"opt.step, SGD, d = 10, {name}",
            {"fastgd": Contender(lambda units, lr=lr: _steps(gd.SGD(lr=lr), units), 1000)},
            unit="step",
            at_most=80e-9,
        )
