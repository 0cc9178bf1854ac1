"""scikit-learn: SGDClassifier, MLPClassifier, LogisticRegression."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier


def sgd_epoch(X, y, lr, l2, units):
    """One epoch of plain SGD, fit call included. l2 is our λ; scikit-learn's alpha is the same."""
    penalty = {"penalty": "l2", "alpha": l2} if l2 else {"penalty": None, "alpha": 0.0}
    model = SGDClassifier(
        loss="log_loss",
        learning_rate="constant",
        eta0=lr,
        max_iter=1,
        tol=None,
        fit_intercept=False,
        shuffle=True,
        random_state=0,
        **penalty,
    )
    return lambda: model.fit(X, y).coef_[0]


def network(X, y, hidden, batch_size, lr, units):
    """MLPClassifier, one epoch over as many rows as `units` batches hold."""
    rows = slice(0, units * batch_size)
    model = MLPClassifier(
        hidden,
        activation="relu",
        solver="adam",
        alpha=0.0,
        batch_size=batch_size,
        learning_rate_init=lr,
        max_iter=1,
        random_state=0,
        shuffle=True,
    )

    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one epoch does not converge, as intended
            model.fit(X[rows], y[rows])

    return run


def sgd_fit(X, y, settings):
    """theta of SGDClassifier with the given settings."""
    model = SGDClassifier(
        loss="log_loss", penalty=None, tol=None, fit_intercept=False, random_state=0, **settings
    )
    return model.fit(X, y).coef_[0]


def logistic_fit(X, y, solver, max_iter):
    """theta of LogisticRegression without penalty after at most max_iter iterations."""
    model = LogisticRegression(
        C=np.inf, solver=solver, tol=1e-12, max_iter=max_iter, fit_intercept=False, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is stopped early on purpose
        return model.fit(X, y).coef_[0]


def estimator(package, name, parameters, X, y):
    """A fit of one of its estimators, by name."""
    import importlib

    kind = getattr(importlib.import_module(f"sklearn.{package}"), name)

    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a few epochs do not converge, as intended
            return kind(**parameters).fit(X, y)

    return run


def saga_fit(X, y, strength, epochs, l1=False):
    """theta of LogisticRegression by saga after so many epochs; `strength` is our λ, 1/(C n)."""
    model = LogisticRegression(
        C=1.0 / (strength * len(y)),
        l1_ratio=1.0 if l1 else 0.0,
        solver="saga",
        fit_intercept=False,
        max_iter=epochs,
        tol=0.0,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the epochs are counted, not judged
        return model.fit(X, y).coef_[0]
