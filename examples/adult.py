"""The census through a ColumnTransformer, and film reviews as CSR, with fastgd.sklearn.

    python examples/adult.py adult.csv.gz [imdb.npz]

adult.csv.gz is the Adult data of the UCI repository with named columns, and one, "split", that
says "train" or "test"; imdb.npz has the bags of words of 25,000 reviews to train on and as many to
test on, in CSR's three arrays (X_train_data, X_train_indices, X_train_indptr, X_train_shape, ...).
Needs ``pip install "fastgd[sklearn]" pandas``.
"""

import sys
import time

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import fastgd as gd
from fastgd.sklearn import GDClassifier, SGDClassifier


def told(name, model, X, y, X_test, y_test):
    began = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - began
    print(f"{name:<32} {seconds:6.2f} s   accuracy {model.score(X_test, y_test):.4f}")
    return model


def census(path):
    table = pd.read_csv(path)
    train = table["split"] == "train"
    X, y = table.drop(columns=["income", "split"]), table["income"].str.rstrip(".")
    columns = make_column_transformer(
        (
            make_pipeline(SimpleImputer(), StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )  # fmt: skip
    sets = X[train], y[train], X[~train], y[~train]
    for name, model in {
        "SGDClassifier": SGDClassifier(loss="log_loss", random_state=0),
        "SGDClassifier, Adam, batches": SGDClassifier(
            loss="log_loss", optimizer=gd.Adam(0.01), batch_size=128, random_state=0
        ),
        "GDClassifier": GDClassifier(alpha=1e-4),
    }.items():
        pipe = told(name, make_pipeline(columns, model), *sets)
    last = pipe[-1]
    print(f"  by {last.solver_}; F - F* is proven to be at most {last.certificate_:.1e}")


def reviews(path):
    with np.load(path) as z:
        X, X_test = (
            sp.csr_array(
                tuple(z[f"X_{part}_{name}"] for name in ("data", "indices", "indptr")),
                shape=tuple(z[f"X_{part}_shape"]),
            )
            for part in ("train", "test")
        )
        y, y_test = z["y_train"] > 5, z["y_test"] > 5  # of marks from 1 to 10, or 0 and 1
        if not y.any():
            y, y_test = z["y_train"] > 0, z["y_test"] > 0
    for name, model in {
        "SGDClassifier on CSR": SGDClassifier(loss="log_loss", alpha=1e-5, random_state=0),
        "GDClassifier on CSR": GDClassifier(alpha=1e-5),
    }.items():
        told(name, make_pipeline(TfidfTransformer(), model), X, y, X_test, y_test)


if __name__ == "__main__":
    census(sys.argv[1])
    if len(sys.argv) > 2:
        reviews(sys.argv[2])
