"""S15: a step late in a run against an early one, and steps under shuffle in a long order.

Columns that hold nothing for long let the moments of their coordinates fall below all normal
numbers. A run that is looked at every 100 steps must not pay for the length of its order: it is set
beside draws with replacement from the same rows, which are as far away in memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import fastgd as gd
from bench import data
from bench.harness import Case, Contender, Missing

EARLY, LATE = "fastgd, step 1,000", "fastgd, step 60,000"


def _from(f, rule, age, batch_size):
    def build(units):
        run = gd.Run(
            f, rule(lr=1e-3), batch_size=batch_size, steps=10**9, seed=0, record_every=0
        ).advance(age)
        return lambda: run.advance(units)

    return build


def _objectives():
    X, digit = data.mnist()
    yield "MNIST even or odd", gd.LogisticRegression(X, (digit % 2 == 0) * 1.0), 500
    yield "covtype", gd.LogisticRegression(*data.covtype()), 5000
    X, y = gd.datasets.load("digits")
    yield "digits, network 64-16-10", gd.NeuralNetwork(X, y, hidden=(16,), loss="softmax"), 500


def _shuffled(f, sampling):
    def build(units):
        run = gd.Run(
            f, gd.SGD(lr=1e-3), batch_size=1, steps=10**9, seed=0, record_every=0,
            sampling=sampling,
        ).advance(10)  # fmt: skip

        def go():
            for _ in range(units // 100):
                run.advance(100)

        return go

    return build


def cases(quick: bool) -> Iterator[Case]:
    try:
        for name, f, units in _objectives():
            for rule in (gd.Momentum, gd.Adam):
                yield Case(
                    "S15",
                    f"{name}, {rule.__name__}, batch 1",
                    {
                        LATE: Contender(_from(f, rule, 60_000, 1), units),
                        EARLY: Contender(_from(f, rule, 1_000, 1), units),
                    },
                    unit="step",
                    targets={EARLY: 0.91},
                    ours=LATE,
                )
    except Missing as reason:
        print(f"S15: skipped, {reason}")
    n = 5_000_000
    f = gd.LogisticRegression(np.ones((n, 2)), np.arange(n) % 2.0)
    yield Case(
        "S15",
        f"shuffle of {n} rows, 100 steps at a time",
        {
            "fastgd": Contender(_shuffled(f, "shuffle"), 2000),
            "fastgd, replacement": Contender(_shuffled(f, "replacement"), 2000),
        },
        unit="step",
        targets={"fastgd, replacement": 0.91},
    )
