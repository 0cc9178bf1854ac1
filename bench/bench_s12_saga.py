"""S12: wall time of SAGA to come within 1e-5 (L(0) - L*) of the least logistic loss, λ = 1e-4.

Each takes its own step and the fewest epochs that get there, found before the timing: scikit-learn
its 1/(L + max(2nλ, L)) at every step, fastgd the certified 1/(3 L_max). The rows are drawn with
seed 0; all fit from arrays in memory, without an intercept. L* is Newton's or L-BFGS's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

import fastgd as gd
from bench import data
from bench.harness import Case, Contender, Missing, peer

L2 = 1e-4
PRECISION = 1e-5
MOST_EPOCHS = 400
SETS = ("a9a", "w8a", "covtype", "news20", "imdb")


@lru_cache(maxsize=1)
def _problem(name: str):
    X, y = data.covtype() if name == "covtype" else data.sparse(name)
    f = gd.LogisticRegression(X, y, l2=L2)
    found = gd.theory.optimum(f)
    return f, found.loss + PRECISION * (f.value(np.zeros(f.n_params)) - found.loss)


def _fewest(name: str, fit: Callable[[int], np.ndarray]) -> int:
    """The fewest epochs that reach the goal: doubled until they do, then halved between."""
    f, goal = _problem(name)
    low, high = 0, 1
    while not f.value(fit(high)) <= goal:
        low, high = high, 2 * high
        if high > MOST_EPOCHS:
            raise Missing(f"does not reach it in {low} epochs")
    while high - low > 1:
        middle = (low + high) // 2
        if f.value(fit(middle)) <= goal:
            high = middle
        else:
            low = middle
    return high


def _ours(name: str, optimizer: gd.Optimizer) -> Contender:
    f, _ = _problem(name)

    def fit(epochs):
        g = gd.LogisticRegression(f.X, f.y, l2=L2)
        return gd.minimize(g, optimizer, batch_size=1, epochs=epochs, seed=0, record_every=0).theta

    return _contender(name, fit)


def _theirs(name: str) -> Contender:
    f, _ = _problem(name)
    return _contender(name, lambda epochs: peer("scikit_learn").saga_fit(f.X, f.y, L2, epochs))


def _contender(name: str, fit: Callable[[int], np.ndarray]) -> Contender:
    def build(units):
        epochs = _fewest(name, fit)
        return lambda: fit(epochs)

    return Contender(build)


def cases(quick: bool) -> Iterator[Case]:
    for name in SETS[:1] if quick else SETS:
        try:
            f, _ = _problem(name)
        except Missing as reason:
            print(f"S12 {name}: skipped, {reason}")
            continue
        yield Case(
            "S12",
            f"{name} {f.n_samples}×{f.n_features}",
            {
                "fastgd": _ours(name, gd.SAGA()),
                "LogisticRegression(saga)": _theirs(name),
            },
            unit="fit",
            targets={"LogisticRegression(saga)": 3},
        )
