"""S10, S11: fits of scikit-learn's SGD and MLP estimators, beside fastgd's in their place.

Parameters, rows and their order are the same, and so are the coefficients; all of `fit` is timed,
with its checks of parameters and data.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench import data
from bench.harness import Case, Contender, Missing, peer


def _ours(name: str, parameters: dict[str, Any], X: Any, y: Any):
    if importlib.util.find_spec("sklearn") is None:
        raise Missing("not installed (sklearn)")
    from fastgd import sklearn as estimators

    kind = getattr(estimators, name)

    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind(**parameters).fit(X, y)

    return run


def _case(row, name, package, kind, parameters, X, y, target) -> Case:
    parameters = {"random_state": 0, **parameters}
    return Case(
        row,
        name,
        {
            "fastgd": Contender(lambda units: _ours(kind, parameters, X, y), same=False),
            "scikit-learn": Contender(
                lambda units: peer("scikit_learn").estimator(package, kind, parameters, X, y),
                same=False,
            ),
        },
        unit="fit",
        targets={"scikit-learn": target},
    )


def _small():
    X, y = data.synthetic(100, 5)
    return X, y.astype(np.int64)


def _california():
    z = data._read("california_housing.npz")
    return data.standardised(z["X"].astype(np.float64)), z["y"].astype(np.float64)


def _digits():
    from fastgd import datasets

    X, y = datasets.load("digits")
    return np.ascontiguousarray(X / 16.0), y


SGD = [
    ("100×5", _small, 2, {}),
    ("a9a", lambda: data.sparse("a9a"), 3, {"max_iter": 5, "tol": None}),
    ("adult", data.adult, 3, {"max_iter": 5, "tol": None}),
    ("covtype", data.covtype, 3, {"max_iter": 1, "tol": None}),
    ("MNIST, 0 to 4 against the rest", lambda: (data.mnist()[0], data.mnist()[1] < 5), 3,
     {"max_iter": 1, "tol": None}),
]  # fmt: skip

# Left out of the short form: a fit takes seconds.
LARGE = ("covtype", "MNIST")


def cases(quick: bool) -> Iterator[Case]:
    for name, load, target, length in SGD:
        if quick and name.partition(",")[0] in LARGE:
            continue
        try:
            X, y = load()
        except Missing as reason:
            print(f"S10 {name}: skipped, {reason}")
            continue
        for loss, penalty in (("log_loss", "l2"), ("hinge", "l2"), ("modified_huber", "l2"),
                              ("log_loss", "l1")):  # fmt: skip
            parameters = {"loss": loss, "penalty": penalty, **length}
            label = f"{name}, {loss}, {penalty}"
            yield _case("S10", label, "linear_model", "SGDClassifier", parameters, X, y, target)
    try:
        X, y = _california()
        for loss in ("squared_error", "huber"):
            parameters = {"loss": loss, "max_iter": 20, "tol": None}
            label = f"california, {loss}, l2"
            yield _case("S10", label, "linear_model", "SGDRegressor", parameters, X, y, 3)
    except Missing as reason:
        print(f"S10 california: skipped, {reason}")
    networks = [
        ("digits, adam", _digits, 3, {"max_iter": 10}),
        ("digits, sgd, batch 32", _digits, 3, {"max_iter": 10, "solver": "sgd", "batch_size": 32}),
        ("MNIST, adam", data.mnist, 2, {"max_iter": 1}),
    ]
    for name, load, target, parameters in networks:
        if quick and name.partition(",")[0] in LARGE:
            continue
        try:
            X, y = load()
        except Missing as reason:
            print(f"S11 {name}: skipped, {reason}")
            continue
        yield _case("S11", name, "neural_network", "MLPClassifier", parameters, X, y, target)
