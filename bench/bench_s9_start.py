"""S9: what fastgd costs before any work: its import beyond NumPy's, and a run of ten steps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import fastgd as gd
from bench import data
from bench.harness import Case, Contender


def _start(statement):
    def run():
        subprocess.run([sys.executable, "-c", statement], check=True)

    return Contender(lambda units: run)


def cases(quick: bool) -> Iterator[Case]:
    yield Case(
        "S9",
        "import fastgd",
        {"fastgd": _start("import numpy, fastgd"), "import numpy": _start("import numpy")},
        unit="start",
        at_most=0.060,
        minus="import numpy",
    )
    X, y = data.synthetic(100, 5)
    f = gd.LogisticRegression(X, y)
    ways = {
        "full batch, recorded": {},
        "batch 32, not recorded": {"batch_size": 32, "record_every": 0},
    }
    for name, options in ways.items():

        def ours(units, options=options):
            adam = gd.Adam(lr=0.01)
            return lambda: gd.minimize(f, adam, steps=10, seed=0, **options).theta

        yield Case(
            "S9",
            f"minimize, 10 steps on 100×5, {name}",
            {"fastgd": Contender(ours)},
            at_most=100e-6,
        )
