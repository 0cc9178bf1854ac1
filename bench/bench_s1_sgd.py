"""S1: logistic regression, dense, plain SGD, one sample a step, one epoch, fit call included.

Each starts at arrays in memory and ends at a fitted theta: checks of the input count.
"""

from __future__ import annotations

from collections.abc import Iterator

import fastgd as gd
from bench import data
from bench.harness import Case, Contender, Missing, peer

LR = 0.01


def _digit_is_even():
    X, digit = data.mnist()
    return X, (digit % 2 == 0).astype(float)


def _ours(X, y, units):
    def run():
        f = gd.LogisticRegression(X, y)
        return gd.minimize(f, gd.SGD(lr=LR), batch_size=1, epochs=1, seed=0, record_every=0).theta

    return run


def cases(quick: bool) -> Iterator[Case]:
    sets = [
        ("breast-cancer 569×30", data.breast_cancer, 15),
        ("synthetic 100000×10", lambda: data.synthetic(100_000, 10), 8),
        ("covtype 581012×54", data.covtype, 6),
        ("MNIST even or odd, 60000×784", _digit_is_even, 3.5),
    ]
    for name, load, target in sets:
        try:
            X, y = load()
        except Missing as reason:
            print(f"S1 {name}: skipped, {reason}")
            continue
        build = {
            "fastgd": lambda units, X=X, y=y: _ours(X, y, units),
            "scikit-learn SGDClassifier": lambda units, X=X, y=y: peer("scikit_learn").sgd_epoch(
                X, y, LR, 0.0, units
            ),
            "numba": lambda units, X=X, y=y: peer("numba_loops").sgd_epoch(X, y, LR, 0.0, units),
        }
        yield Case(
            "S1",
            name,
            {key: Contender(value, len(y)) for key, value in build.items()},
            unit="sample",
            targets={"scikit-learn SGDClassifier": target, "numba": 1},
            bytes=8.0 * X.shape[1],
        )
