"""The data of the benchmarks, float64 and C-contiguous, made or read once.

Sets that the package does not ship are read from the folder named by FASTGD_DATA, or from
../shared/data beside the checkout.
"""

from __future__ import annotations

import csv
import gzip
import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from bench.harness import Missing

Pair = tuple[np.ndarray, np.ndarray]


def _path(name: str) -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("FASTGD_DATA", beside)) / name
    if not path.exists():
        raise Missing(f"{name} is not in FASTGD_DATA")
    return path


def _read(name: str) -> np.lib.npyio.NpzFile:
    return np.load(_path(name))


def standardised(X: np.ndarray) -> np.ndarray:
    scale = X.std(axis=0)
    return np.ascontiguousarray((X - X.mean(axis=0)) / np.where(scale > 0, scale, 1.0))


@lru_cache(maxsize=2)
def synthetic(n_samples: int, n_features: int, seed: int = 0) -> Pair:
    """Gaussian features, labels 0 and 1 drawn from a logistic model."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    weights = rng.standard_normal(n_features) / np.sqrt(n_features)
    margin = X @ weights
    y = (rng.random(n_samples) < 1.0 / (1.0 + np.exp(-margin))).astype(np.float64)
    return X, y


@lru_cache(maxsize=1)
def breast_cancer() -> Pair:
    from fastgd import datasets

    X, y = datasets.load("breast-cancer")
    return np.ascontiguousarray(X), np.asarray(y, dtype=np.float64)


@lru_cache(maxsize=1)
def adult() -> Pair:
    """The census, 32561 rows to train on: numbers standardised, 0 and 1 for each other value."""
    with gzip.open(_path("adult.csv.gz"), "rt") as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] == "train"]
    columns = []
    for name in rows[0]:
        if name in ("income", "split"):
            continue
        values = np.array([row[name] for row in rows])
        try:
            columns.append(standardised(values.astype(np.float64)[:, None]))
        except ValueError:
            columns.append((values[:, None] == np.unique(values)).astype(np.float64))
    y = np.array([row["income"].startswith(">50K") for row in rows], dtype=np.float64)
    return np.ascontiguousarray(np.hstack(columns)), y


@lru_cache(maxsize=1)
def covtype() -> Pair:
    """581012×54, class 2 against the rest; the ten numeric columns are standardised."""
    z = _read("covtype.npz")
    X = np.empty((len(z["y"]), 54))
    X[:, :10] = standardised(z["num"].astype(np.float64))
    X[:, 10:] = z["onehot"]
    return X, (z["y"] == 2).astype(np.float64)


@lru_cache(maxsize=1)
def mnist() -> Pair:
    """60000×784 in [0, 1], ten classes."""
    z = _read("mnist.npz")
    X = z["x_train"].reshape(60000, 784) / 255.0
    return X, z["y_train"].astype(np.int64)


def sparse(name: str):
    """A CSR set with labels 0 and 1, rows shuffled; news20: its first ten classes against the rest.

    Rows are scaled to length 1, since raw counts make a constant rate diverge.
    """
    import scipy.sparse as sp

    z = _read(f"{name}.npz")
    parts = tuple(z[f"X_train_{part}"] for part in ("data", "indices", "indptr"))
    X = sp.csr_array(parts, shape=tuple(z["X_train_shape"])).astype(np.float64)
    y = z["y_train"].astype(np.int64)
    y = (y > (10 if name == "news20" else 0)).astype(np.float64)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    length = np.sqrt(X.multiply(X).sum(axis=1))
    X.data /= np.repeat(np.where(length > 0, length, 1.0), np.diff(X.indptr))
    X.sort_indices()
    return X, y


def forget() -> None:
    """Free the sets read so far."""
    for cached in (synthetic, breast_cancer, covtype, mnist):
        cached.cache_clear()
