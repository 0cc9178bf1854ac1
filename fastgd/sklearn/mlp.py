"""MLPClassifier and MLPRegressor: scikit-learn's, learning by fastgd's core.

Parameters, checks, attributes and predictions are inherited. What is replaced is the loop, and it
takes the same batches in the same order. Sparse X stays with scikit-learn's loop: a network of
fastgd takes dense rows.
"""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn import neural_network
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight

from fastgd.optimizers import Optimizer
from fastgd.sklearn import networks

__all__ = ["MLPClassifier", "MLPRegressor"]


class _Network:
    """What both have in place of scikit-learn's, and beyond."""

    # What the estimators set, for type checkers.
    optimizer: Any
    callbacks: Any
    _held_out: Any = None
    _state: Any = None

    def fit(
        self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None
    ):  # fmt: skip
        """Fit the network.

        Parameters
        ----------
        X : (n, d) array, sparse matrix or frame
        y : (n,) or (n, K)
        sample_weight : (n,) array, optional
        X_val, y_val, sample_weight_val : optional
            Rows whose loss is recorded each epoch, and by which early stopping judges, instead of
            a part of X.

        Returns
        -------
        self
        """
        if (X_val is None) != (y_val is None) or (X_val is None and sample_weight_val is not None):
            raise ValueError("X_val and y_val go together, and sample_weight_val with them")
        self._held_out = None
        if X_val is not None:
            X_val = check_array(X_val, dtype=[np.float64, np.float32], order="C")
            if sample_weight_val is not None:
                sample_weight_val = _check_sample_weight(sample_weight_val, X_val)
            self._held_out = X_val, np.asarray(y_val), sample_weight_val
        try:
            if sample_weight is None:
                return super().fit(X, y)  # type: ignore[misc]
            return super().fit(X, y, sample_weight=sample_weight)  # type: ignore[misc]
        finally:
            self._held_out = None

    def _is_foreign(self, X: Any) -> bool:
        if not sparse.issparse(X):
            return False
        if self.optimizer is not None or self.callbacks or self._held_out is not None:
            raise TypeError(
                "X is sparse, and optimizer, callbacks and X_val need dense rows: take X.toarray()"
            )
        return True

    def _fit_stochastic(self, X, y, *rest):
        # Before scikit-learn 1.7 there is no sample_weight among the rest.
        weights, incremental = (rest[0] if len(rest) == 7 else None), rest[-1]
        if self._is_foreign(X):
            super()._fit_stochastic(X, y, *rest)  # type: ignore[misc]
            return
        networks.learn(self, np.ascontiguousarray(X), y, weights, incremental)

    def _fit_lbfgs(self, X, y, *rest):
        weights = rest[0] if len(rest) == 6 else None
        if self._is_foreign(X):
            super()._fit_lbfgs(X, y, *rest)  # type: ignore[misc]
            return
        networks.lbfgs(self, np.ascontiguousarray(X), y, weights)

    def __getstate__(self) -> dict[str, Any]:
        # No data of a fit is kept.
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_held_out"}


class MLPClassifier(_Network, neural_network.MLPClassifier):
    r"""scikit-learn's ``MLPClassifier``, several times faster and with any optimizer.

    .. math:: F(θ) = \frac{1}{n} \sum_i w_i\, ℓ(f_θ(x_i), y_i) + \frac{α}{2 n_B} \sum_l \|W_l\|^2

    n_B is the number of rows of a batch. ℓ is the softmax loss of several classes, or the logistic
    loss of two, and of each of several labels.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate
        As for ``sklearn.neural_network.MLPClassifier``, defaults included.
    learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start
        The same.
    momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon
        The same.
    n_iter_no_change, max_fun
        The same.
    optimizer : Optimizer or str, optional
        Takes the steps instead of `solver`, which must not be "lbfgs"; by name it has its default
        rate. It has its own rates: learning_rate and learning_rate_init do not count.
    callbacks : list of callables, optional
        Each is called with a `callbacks.Progress` after each epoch and may end the training.

    Attributes
    ----------
    coefs_, intercepts_, classes_, loss_, best_loss_, loss_curve_, validation_scores_
        As scikit-learn's.
    best_validation_score_, t_, n_iter_, n_layers_, n_outputs_, out_activation_, n_features_in_
        The same.
    feature_names_in_
        The same.
    history_ : History
        Steps, loss, rate and seconds, once an epoch.
    validation_loss_curve_ : list of float
        The mean loss on X_val after each epoch.

    Raises
    ------
    ValueError, TypeError
        As scikit-learn's.

    References
    ----------
    Rumelhart, Hinton and Williams 1986; Kingma and Ba 2015; Glorot and Bengio 2010.

    Examples
    --------
    >>> from fastgd.sklearn import MLPClassifier
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> model = MLPClassifier((16,), max_iter=20, tol=0.1, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _parameter_constraints: dict[str, Any] = {
        **neural_network.MLPClassifier._parameter_constraints,
        "optimizer": [Optimizer, str, None],
        "callbacks": ["array-like", tuple, None],
    }

    def __init__(
        self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001,
        batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5,
        max_iter=200, shuffle=True, random_state=None, tol=1e-4, verbose=False, warm_start=False,
        momentum=0.9, nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1,
        beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000,
        optimizer=None, callbacks=None,
    ):  # fmt: skip
        super().__init__(
            hidden_layer_sizes, activation, solver=solver, alpha=alpha, batch_size=batch_size,
            learning_rate=learning_rate, learning_rate_init=learning_rate_init, power_t=power_t,
            max_iter=max_iter, shuffle=shuffle, random_state=random_state, tol=tol,
            verbose=verbose, warm_start=warm_start, momentum=momentum,
            nesterovs_momentum=nesterovs_momentum, early_stopping=early_stopping,
            validation_fraction=validation_fraction, beta_1=beta_1, beta_2=beta_2,
            epsilon=epsilon, n_iter_no_change=n_iter_no_change, max_fun=max_fun,
        )  # fmt: skip
        self.optimizer = optimizer
        self.callbacks = callbacks


class MLPRegressor(_Network, neural_network.MLPRegressor):
    r"""scikit-learn's ``MLPRegressor``, several times faster and with any optimizer.

    .. math:: F(θ) = \frac{1}{n} \sum_i w_i\, ℓ(f_θ(x_i), y_i) + \frac{α}{2 n_B} \sum_l \|W_l\|^2

    ℓ is half the squared error, or the Poisson loss of an output exp(f).

    Parameters
    ----------
    loss, hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate
        As for ``sklearn.neural_network.MLPRegressor``, defaults included.
    learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start
        The same.
    momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon
        The same.
    n_iter_no_change, max_fun
        The same.
    optimizer, callbacks
        As for `MLPClassifier`.

    Attributes
    ----------
    coefs_, intercepts_, loss_, best_loss_, loss_curve_, validation_scores_
        As scikit-learn's.
    best_validation_score_, t_, n_iter_, n_layers_, n_outputs_, out_activation_, n_features_in_
        The same.
    feature_names_in_
        The same.
    history_, validation_loss_curve_
        As `MLPClassifier`'s.

    Raises
    ------
    ValueError, TypeError
        As scikit-learn's.

    References
    ----------
    Those of `MLPClassifier`.

    Examples
    --------
    >>> from fastgd.sklearn import MLPRegressor
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> model = MLPRegressor(hidden_layer_sizes=(8,), tol=0.1, n_iter_no_change=2, random_state=0)
    >>> model = model.fit(X, X.sum(axis=1))
    >>> model.predict(X).shape
    (300,)
    """

    _parameter_constraints: dict[str, Any] = {
        **neural_network.MLPRegressor._parameter_constraints,
        "optimizer": [Optimizer, str, None],
        "callbacks": ["array-like", tuple, None],
    }

    def __init__(
        self, loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *,
        solver="adam", alpha=0.0001, batch_size="auto", learning_rate="constant",
        learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True, random_state=None,
        tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True,
        early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8,
        n_iter_no_change=10, max_fun=15000, optimizer=None, callbacks=None,
    ):  # fmt: skip
        super().__init__(
            loss, hidden_layer_sizes, activation, solver=solver, alpha=alpha,
            batch_size=batch_size, learning_rate=learning_rate,
            learning_rate_init=learning_rate_init, power_t=power_t, max_iter=max_iter,
            shuffle=shuffle, random_state=random_state, tol=tol, verbose=verbose,
            warm_start=warm_start, momentum=momentum, nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping, validation_fraction=validation_fraction,
            beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
        )  # fmt: skip
        self.optimizer = optimizer
        self.callbacks = callbacks
