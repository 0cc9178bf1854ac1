"""S6: the full gradient of least squares and of logistic regression, 100000×100.

X is 80 MB, larger than the caches, and has to be read once: that is the limit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import fastgd as gd
from bench import data
from bench.harness import Case, Contender, peer


def cases(quick: bool) -> Iterator[Case]:
    X, y = data.synthetic(100_000, 100)
    theta = np.random.default_rng(1).standard_normal(100) / 10
    for name, objective, function in (
        ("least squares", gd.LeastSquares, "least_squares_gradient"),
        ("logistic", gd.LogisticRegression, "logistic_gradient"),
    ):

        def ours(units, objective=objective):
            f = objective(X, y)
            return lambda: f.gradient(theta)

        def theirs(module, function=function):
            return lambda units: getattr(peer(module), function)(X, y, theta, units)

        yield Case(
            "S6",
            name,
            {
                "fastgd": Contender(ours),
                "NumPy, two gemv": Contender(theirs("plain_numpy")),
                "numba": Contender(theirs("numba_loops")),
            },
            unit="gradient",
            targets={"NumPy, two gemv": 1.6},
            bytes=float(X.nbytes),
            share=0.85,
            check_units=1,
        )
