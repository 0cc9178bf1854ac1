"""Held-out accuracy of GDClassifier and GDRegressor beside scikit-learn's solvers, and their time.

    python -m bench.held_out [a9a covtype news20 mnist california]

Each is fitted at its default tolerance with C = 1 (α = 1/n), Ridge's default: what is shown is the
processor time of `fit`, the best of a few, how far above the least objective found it ended as a
part of it, and the share of right answers, or R², on rows that it has not seen. The table is that
of docs/coming-from-scikit-learn.md. Needs the data that FASTGD_DATA names.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

import fastgd as gd
from bench import data

# A fit that takes longer is not repeated.
LONG = 5.0


def halves(X: Any, y: Any) -> tuple[Any, Any, Any, Any]:
    """Four fifths to learn from and one to be judged by, drawn once."""
    order = np.random.default_rng(0).permutation(len(y))
    cut = len(y) * 4 // 5
    return X[order[:cut]], y[order[:cut]], X[order[cut:]], y[order[cut:]]


def a9a() -> tuple[Any, Any, Any, Any]:
    z = data._read("a9a.npz")
    parts = []
    for part in ("train", "test"):
        arrays = tuple(z[f"X_{part}_{name}"] for name in ("data", "indices", "indptr"))
        X = sp.csr_array(arrays, shape=tuple(z[f"X_{part}_shape"])).astype(np.float64)
        parts += [X, (z[f"y_{part}"] > 0).astype(np.int64)]
    return tuple(parts)


def mnist() -> tuple[Any, Any, Any, Any]:
    z = data._read("mnist.npz")
    flat = {part: z[f"x_{part}"].reshape(-1, 784) / 255.0 for part in ("train", "test")}
    return flat["train"], z["y_train"].astype(int), flat["test"], z["y_test"].astype(int)


def california() -> tuple[Any, Any, Any, Any]:
    z = data._read("california_housing.npz")
    return halves(data.standardised(z["X"].astype(np.float64)), z["y"].astype(np.float64))


SETS = {
    "a9a": (a9a, ("lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")),
    "covtype": (lambda: halves(*data.covtype()), ("lbfgs", "newton-cholesky")),
    "news20": (lambda: halves(*data.sparse("news20")), ("lbfgs", "liblinear", "newton-cg", "saga")),
    "mnist": (mnist, ("lbfgs",)),
    "california": (california, ("cholesky", "svd", "lsqr", "sparse_cg", "sag", "saga")),
}


def rivals(name: str, n: int, solvers: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    from sklearn.linear_model import LogisticRegression, Ridge

    from fastgd.sklearn import GDClassifier, GDRegressor

    numbers = name == "california"
    ours = GDRegressor if numbers else GDClassifier
    # On MNIST the default takes minutes.
    for tol in (1e-4,) if name == "mnist" else (1e-6, 1e-4):
        yield f"{ours.__name__}, tol={tol:.0e}", ours(alpha=1.0 / n, tol=tol)
    for solver in solvers:
        theirs = Ridge(solver=solver) if numbers else LogisticRegression(solver=solver)
        yield f"{type(theirs).__name__}, {solver}", theirs


def timed(model: Any, X: Any, y: Any) -> float:
    best = np.inf
    for _ in range(5):
        began = time.process_time()
        model.fit(X, y)
        best = min(best, time.process_time() - began)
        if best > LONG:
            break
    return best


def objective(name: str, X: Any, y: Any) -> gd.LinearModel:
    if name == "california":  # half squares, half of alpha
        return gd.LeastSquares(X, y, l2=2.0 / len(y), fit_intercept=True)
    kind: Any = gd.SoftmaxRegression if y.max() > 1 else gd.LogisticRegression
    return kind(X, y, l2=1.0 / len(y), fit_intercept=True)


def main() -> None:
    warnings.simplefilter("ignore")
    print("| data | fitted by | seconds | above the least | held out |\n|---|---|---|---|---|")
    for name in sys.argv[1:] or SETS:
        load, solvers = SETS[name]
        X, y, X_test, y_test = load()
        y = y if name == "california" else y.astype(np.int64)
        f, rows = objective(name, X, y), []
        for label, model in rivals(name, len(y), solvers):
            seconds = timed(model, X, y)
            theta = np.append(np.ravel(model.coef_), np.ravel(model.intercept_))
            rows.append((label, seconds, f.value(theta), model.score(X_test, y_test)))
            way = getattr(model, "solver_", "")
            print("   ", *rows[-1], way, file=sys.stderr, flush=True)
        least = min(value for _, _, value, _ in rows)
        for label, seconds, value, score in sorted(rows, key=lambda row: row[1]):
            print(f"| {name} | {label} | {seconds:.3g} | {value / least - 1:.0e} | {score:.4f} |",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
