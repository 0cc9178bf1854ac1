"""MLPClassifier and MLPRegressor: scikit-learn's, learning by fastgd's core.

Parameters, checks, attributes and predictions are inherited. What is replaced is the loop, and it
takes the same batches in the same order. Sparse X stays with scikit-learn's loop: a network of
fastgd takes dense rows.
"""

import copy
import inspect
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import get_config, neural_network
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_array
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import _check_sample_weight

from fastgd.optimizers import Optimizer
from fastgd.sklearn import arrays, networks
from fastgd.sklearn.tasks import Steps, Watched

__all__ = ["MLPClassifier", "MLPRegressor"]

# Whether scikit-learn's own networks take weights of rows; from 1.7 on.
WEIGHTED = "sample_weight" in inspect.signature(neural_network.MLPClassifier.fit).parameters
NOT_KEPT = "_held_out", "_given", "_epochs", "_weights"
LAYERS = "coefs_", "intercepts_"


class _Ended(Exception):
    """A callback has ended scikit-learn's own loop."""


class _Network(Watched):
    """What both have in place of scikit-learn's, and beyond."""

    # What the estimators set, for type checkers.
    optimizer: Any
    callbacks: Any
    n_iter_: Any
    max_iter: Any
    early_stopping: Any
    solver: Any
    warm_start: Any
    _held_out: Any = None
    _state: Any = None
    # The epochs of scikit-learn's own loop, which callbacks hear of.
    _epochs: Any = None
    # Weights that scikit-learn before 1.7 does not take.
    _weights: Any = None

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
        self._watch(X, y, sample_weight)
        try:
            if sample_weight is None:
                return super().fit(X, y)
            if not WEIGHTED:
                self._weights = _check_sample_weight(sample_weight, X)
                return super().fit(X, y)
            return super().fit(X, y, sample_weight=sample_weight)
        finally:
            self._held_out = self._given = self._epochs = self._weights = None

    def _is_foreign(self, X: Any, weights: Any) -> bool:
        if not sparse.issparse(X):
            return False
        if weights is not None and not WEIGHTED:
            raise TypeError("X is sparse, and sample_weight needs scikit-learn 1.7 then")
        if self.optimizer is not None or self.callbacks or self._held_out is not None:
            raise TypeError(
                "X is sparse, and optimizer, callbacks and X_val need dense rows: take X.toarray()"
            )
        return True

    def _has_plain_data(self, X: Any, y: Any) -> bool:
        """Whether scikit-learn's checks would change nothing of X and y, and X is finite."""
        return (
            arrays.is_plain(X, y)
            and type(X) is np.ndarray
            and not self.warm_start
            and not get_config()["array_api_dispatch"]
            and bool(np.isfinite(X.sum()))
        )

    def _fit_stochastic(self, X, y, *rest):
        # Before scikit-learn 1.7 there is no sample_weight among the rest.
        weights, incremental = (rest[0] if len(rest) == 7 else self._weights), rest[-1]
        task = self._begin_task(self.max_iter)
        if not self._is_foreign(X, weights):
            networks.learn(self, np.ascontiguousarray(X), y, weights, incremental, task)
        else:
            self._epochs = Steps(task, "epoch")
            self._epochs.begin()
            try:
                super()._fit_stochastic(X, y, *rest)
            except _Ended:
                if self.early_stopping:
                    self.coefs_, self.intercepts_ = self._best_coefs, self._best_intercepts
            self._epochs.close()
            self._epochs = None
        if task is not None:
            task.end({})

    def _update_no_improvement_count(self, *arguments):
        # scikit-learn's own loop calls it once an epoch.
        if not WEIGHTED:
            arguments = arguments[:3]
        super()._update_no_improvement_count(*arguments)
        if self._epochs is None:
            return
        layers = self.coefs_, self.intercepts_
        if self.early_stopping:
            layers = self._best_coefs, self._best_intercepts
        if self._epochs.end(lambda: copy.deepcopy(dict(zip(LAYERS, layers, strict=True)))):
            raise _Ended
        if self.n_iter_ < self.max_iter:
            self._epochs.begin()

    def _fit_lbfgs(self, X, y, *rest):
        weights = rest[0] if len(rest) == 6 else self._weights
        foreign = self._is_foreign(X, weights)
        # Of scikit-learn's own search no parts are known.
        task = self._begin_task(0 if foreign else self.max_iter)
        if foreign:
            super()._fit_lbfgs(X, y, *rest)
        else:
            networks.lbfgs(self, np.ascontiguousarray(X), y, weights, task)
        if task is not None:
            task.end({})

    def __getstate__(self) -> dict[str, Any]:
        # No data of a fit is kept.
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name not in NOT_KEPT}


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
    loss = "log_loss"

    def __init__(
        self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001,
        batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5,
        max_iter=200, shuffle=True, random_state=None, tol=1e-4, verbose=False, warm_start=False,
        momentum=0.9, nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1,
        beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000,
        optimizer=None, callbacks=None,
    ):  # fmt: skip
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.optimizer = optimizer
        self.callbacks = callbacks

    def _validate_input(self, X, y, incremental, reset):
        classes = None
        if not incremental and reset and self._has_plain_data(X, y):
            classes = arrays.classes_of(y)
        if classes is None or len(classes) < 2:
            return super()._validate_input(X, y, incremental, reset)
        # What a LabelBinarizer comes to, in a tenth of its time.
        self.__dict__.pop("feature_names_in_", None)
        self.n_features_in_, self.classes_ = X.shape[1], classes
        self._label_binarizer = LabelBinarizer()
        kind = "binary" if len(classes) == 2 else "multiclass"
        self._label_binarizer.__dict__.update(classes_=classes, y_type_=kind, sparse_input_=False)
        return X, y[:, None] == (classes[1:] if len(classes) == 2 else classes)


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
        # scikit-learn has no output of exp before 1.7.
        "loss": [StrOptions({"squared_error", "poisson"} if WEIGHTED else {"squared_error"})],
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
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.optimizer = optimizer
        self.callbacks = callbacks
