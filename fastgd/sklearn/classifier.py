"""SGDClassifier: scikit-learn's, learning by fastgd's core.

Parameters, checks, attributes and predictions are inherited. What is replaced is the loop, and it
takes the same steps in the same order, so that a fit differs from scikit-learn's by rounding only.
"""

from typing import Any

import numpy as np
from sklearn import linear_model
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from fastgd import losses
from fastgd.schedules import Schedule
from fastgd.sklearn.arrays import classes_of
from fastgd.sklearn.beyond import BEYOND, Beyond
from fastgd.sklearn.passes import MOST_SEED, learn
from fastgd.sklearn.proofs import Proof, prove
from fastgd.sklearn.runs import descend, objective_of
from fastgd.sklearn.tasks import Steps, Watched
from fastgd.sklearn.terms import CLASSIFIER_EXTRA, loss_of

__all__ = ["SGDClassifier"]


class SGDClassifier(Beyond, Watched, linear_model.SGDClassifier):
    r"""scikit-learn's ``SGDClassifier``, several times faster and with any optimizer.

    .. math:: F(w, b) = \frac{1}{n} \sum_i w_i\, ℓ(y_i, x_i^T w + b)
              + α \Big(\frac{1-ρ}{2} \|w\|^2 + ρ \|w\|_1\Big)

    Parameters
    ----------
    loss : str, default "hinge"
        One of scikit-learn's, one class against the rest; or "softmax", all classes together.
    penalty, alpha, l1_ratio, fit_intercept, max_iter, tol, shuffle, verbose, epsilon, n_jobs
        As for ``sklearn.linear_model.SGDClassifier``, defaults included. `learning_rate` may also
        be one of `fastgd.schedules`.
    random_state, learning_rate, eta0, power_t, early_stopping, validation_fraction
        The same.
    n_iter_no_change, class_weight, warm_start, average
        The same.
    optimizer : Optimizer or str, optional
        Takes the steps instead of plain SGD; one given by name has its default rate.
    batch_size : int, optional
        Rows a step: 1, or 32 with an optimizer.
    callbacks : list of callables, optional
        As for `gd.minimize`; each is asked once an epoch.

    Attributes
    ----------
    coef_, intercept_, classes_, n_iter_, t_, n_features_in_, feature_names_in_
        As scikit-learn's.
    history_ : History
        Steps, objective, rate and seconds, once an epoch; a list, one a class, where each class
        learns for itself.
    validation_loss_curve_ : list of float
        The mean loss on X_val after each epoch; a list of lists where `history_` is one.

    Raises
    ------
    ValueError, TypeError
        As scikit-learn's.

    References
    ----------
    Bottou 2012, Stochastic Gradient Descent Tricks. Tsuruoka, Tsujii and Ananiadou 2009, Stochastic
    Gradient Descent Training for L1-regularized Log-linear Models with Cumulative Penalty. Crammer,
    Dekel, Keshet, Shalev-Shwartz and Singer 2006, Online Passive-Aggressive Algorithms.

    Examples
    --------
    >>> from fastgd.sklearn import SGDClassifier
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> model = SGDClassifier(loss="log_loss", random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    _parameter_constraints: dict[str, Any] = {
        **linear_model.SGDClassifier._parameter_constraints,
        **BEYOND,
        "loss": [StrOptions({*linear_model.SGDClassifier.loss_functions, *CLASSIFIER_EXTRA})],
        "learning_rate": [
            *linear_model.SGDClassifier._parameter_constraints["learning_rate"],
            Schedule,
        ],
    }

    def __init__(
        self, loss="hinge", *, penalty="l2", alpha=0.0001, l1_ratio=0.15, fit_intercept=True,
        max_iter=1000, tol=1e-3, shuffle=True, verbose=0, epsilon=0.1, n_jobs=None,
        random_state=None, learning_rate="optimal", eta0=0.01, power_t=0.5, early_stopping=False,
        validation_fraction=0.1, n_iter_no_change=5, class_weight=None, warm_start=False,
        average=False, optimizer=None, batch_size=None, callbacks=None,
    ):  # fmt: skip
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.epsilon = epsilon
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.average = average
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.callbacks = callbacks

    def fit(
        self, X, y, coef_init=None, intercept_init=None, sample_weight=None, X_val=None,
        y_val=None, sample_weight_val=None,
    ):  # fmt: skip
        """Fit, from `coef_init` and `intercept_init` where they are given.

        Parameters
        ----------
        X : (n, d) array, CSR matrix or frame
        y : (n,) classes
        coef_init : (K, d) array, optional
        intercept_init : (K,) array, optional
        sample_weight : (n,) array, optional
        X_val, y_val, sample_weight_val : optional
            Rows whose loss is recorded each epoch, and by which early stopping judges, instead of
            a part of X.

        Returns
        -------
        SGDClassifier
        """
        self._state = None
        given = coef_init, intercept_init, sample_weight, X_val, y_val, sample_weight_val
        if all(one is None for one in given) and self._fit_plain(X, y):
            return self
        self._held_out = self._hold_out(X_val, y_val, sample_weight_val, np.asarray)
        self._watch(X, y, sample_weight)
        try:
            return super().fit(X, y, coef_init, intercept_init, sample_weight)
        finally:
            self._held_out = self._given = None

    def _fit_plain(self, X, y):
        """Fit data that needs none of scikit-learn's conversions; whether that has succeeded."""
        if self.class_weight is not None or not self._is_simple(X, y):
            return False
        classes = classes_of(y)
        if classes is None or len(classes) < 2:
            return False
        self.classes_ = classes
        self._expanded_class_weight = np.ones(len(classes))
        self._begin(len(classes), X)
        try:
            fit = self._fit_binary if len(classes) == 2 else self._fit_multiclass
            fit(X, y, sample_weight=None, max_iter=self.max_iter)
        except ValueError:
            return False  # scikit-learn's checks find what is wrong
        finally:
            self._unchecked = False
        self._warn_of_limits()
        return True

    def _make_validation_split(self, y, sample_mask):
        if self._held_out is not None:
            return np.zeros(len(y), dtype=bool)
        return super()._make_validation_split(y, sample_mask=sample_mask)

    def _score_of(self, X, signs, weights, left_out, label):
        """Early stopping's judge of one class against the rest, or None."""
        if not self.early_stopping:
            return None
        if self._held_out is not None:
            X, y, weights = self._held_out
            signs, left_out = np.where(y == label, 1.0, -1.0), np.ones(len(y), dtype=bool)
        return self._make_validation_score_cb(
            left_out, X, signs, weights, classes=np.array([-1.0, 1.0])
        )

    def _fit_binary(self, X, y, *, sample_weight, max_iter, **_):
        if not self._is_plain():
            self._fit_together(X, y, sample_weight, max_iter)
            return
        random_state = check_random_state(self.random_state)
        # scikit-learn draws one number for a purpose of its own before.
        random_state.randint(1, MOST_SEED)
        task = self._begin_task(max_iter)
        epochs = None if task is None else Steps(task, "epoch")
        learnt = self._learn_class(
            1, X, y, sample_weight, self._expanded_class_weight[::-1], max_iter, random_state,
            None, epochs, np.atleast_2d(self.coef_).copy(), self.intercept_.copy(),
        )  # fmt: skip
        self._keep([learnt], X.dtype, len(y))
        if task is not None:
            task.end({})

    def _fit_multiclass(self, X, y, *, sample_weight, max_iter, **_):
        if not self._is_plain():
            self._fit_together(X, y, sample_weight, max_iter)
            return
        left_out = self._left_out(y, sample_weight)
        seeds = check_random_state(self.random_state).randint(MOST_SEED, size=len(self.classes_))
        task = self._begin_task(len(self.classes_), in_order=False)
        # As far as the classes have come, for callbacks.
        so_far = self.coef_.copy(), self.intercept_.copy()

        def one(k, seed):
            random_state = np.random.RandomState(seed)
            random_state.randint(1, MOST_SEED)
            weights = self._expanded_class_weight[k], 1.0
            part = None if task is None else task.part("class", max_iter, k)
            learnt = self._learn_class(
                k, X, y, sample_weight, weights, max_iter, random_state, left_out,
                None if part is None else Steps(part, "epoch"), *so_far,
            )  # fmt: skip
            if part is not None:
                so_far[0][k], so_far[1][k] = learnt.coef, learnt.intercept
                part.end(lambda: {"coef_": so_far[0].copy(), "intercept_": so_far[1].copy()})
            return learnt

        # Threads: the core holds no lock while it learns.
        learnt = Parallel(n_jobs=self.n_jobs, verbose=self.verbose, require="sharedmem")(
            delayed(one)(k, seed) for k, seed in enumerate(seeds)
        )
        self._keep(learnt, X.dtype, len(y))
        if task is not None:
            task.end({})

    def _targets(self, y, label):
        """Of one class against the rest: 1 and 0, or -1 for losses of numbers."""
        targets = (y == label).astype(np.float64)
        return targets if loss_of(self)[0].task == "binary" else 2.0 * targets - 1.0

    def _learn_class(
        self, k, X, y, sample_weight, weights, max_iter, random_state, left_out, epochs, coef,
        intercept,
    ):  # fmt: skip
        label = self.classes_[k]
        judge = row_weights = None
        if self.early_stopping:
            signs = np.where(y == label, 1.0, -1.0)
            if left_out is None:
                left_out = self._left_out(signs, sample_weight)
            judge = self._score_of(X, signs, sample_weight, left_out, label)
        if sample_weight is not None:
            row_weights = np.where(y == label, *weights) * sample_weight
            if (row_weights == 1.0).all():
                row_weights = None
        row = 0 if len(self.classes_) == 2 else k

        def attributes(weights, bias):
            coef[row], intercept[row] = weights, bias
            return {"coef_": coef.copy(), "intercept_": intercept.copy()}

        return learn(
            self, X, self._targets(y, label), row_weights, self._start(row), max_iter,
            random_state.randint(MOST_SEED), left_out, judge,
            self._held_out_loss(lambda y: self._targets(y, label)), epochs, attributes,
        )  # fmt: skip

    def _start(self, row):
        if not self.average:
            return np.atleast_2d(self.coef_)[row], self.intercept_[row], None, 0.0
        return (
            np.atleast_2d(self._standard_coef)[row], self._standard_intercept[row],
            np.atleast_2d(self._average_coef)[row], self._average_intercept[row],
        )  # fmt: skip

    def _keep(self, learnt, dtype, n_samples):
        coef = np.array([one.coef for one in learnt], dtype=dtype)
        intercept = np.array([one.intercept for one in learnt], dtype=dtype)
        self.n_iter_ = max(one.n_iter for one in learnt)
        self.t_ += self.n_iter_ * n_samples
        several = len(learnt) > 1
        histories = [one.history for one in learnt]
        curves = [one.validation for one in learnt]
        self.history_ = histories if several else histories[0]
        if curves[0]:
            self.validation_loss_curve_ = curves if several else curves[0]
        if self.average > 0:
            self._standard_coef, self._standard_intercept = coef, intercept
            self._average_coef = np.array([one.mean for one in learnt], dtype=dtype)
            self._average_intercept = np.array([one.intercept_mean for one in learnt], dtype=dtype)
            if self.average <= self.t_ - 1.0:
                coef, intercept = self._average_coef, self._average_intercept
        self.coef_, self.intercept_ = coef, intercept

    def _fit_together(self, X, y, sample_weight, max_iter):
        """All outputs in one run."""
        together = self.loss == "softmax" and len(self.classes_) > 2
        left_out = self._left_out(y, sample_weight)
        row_weights = self._expanded_class_weight[np.searchsorted(self.classes_, y)] * sample_weight
        judge = None
        if self.early_stopping:
            Xs, ys, ws = self._held_out or (X[left_out], y[left_out], sample_weight[left_out])

            def judge(coef, intercept):
                margins = self._columns(Xs, coef, intercept)
                best = (
                    margins.argmax(1) if margins.shape[1] > 1 else (margins[:, 0] > 0).astype(int)
                )
                return float(np.average(self.classes_[best] == ys, weights=ws))

        if left_out is not None:
            X, y, row_weights = X[~left_out], y[~left_out], row_weights[~left_out]

        def encode(y):
            if together:
                return np.searchsorted(self.classes_, y).astype(np.float64)
            if len(self.classes_) == 2:
                return self._targets(y, self.classes_[1])
            return np.column_stack([self._targets(y, label) for label in self.classes_])

        task, dtype = self._begin_task(max_iter), self.coef_.dtype
        fitted = descend(
            self, X, encode(y), None if (row_weights == 1.0).all() else row_weights,
            (self.coef_, self.intercept_), max_iter,
            check_random_state(self.random_state).randint(MOST_SEED), self._state,
            self._held_out_loss(encode), judge, None if task is None else Steps(task, "epoch"),
            lambda coef, intercept: {
                "coef_": coef.astype(dtype), "intercept_": np.array(intercept, dtype=dtype),
            },
        )  # fmt: skip
        self._state, self.history_ = fitted.state, fitted.history
        if fitted.validation:
            self.validation_loss_curve_ = fitted.validation
        self.coef_ = fitted.coef.astype(dtype)
        self.intercept_ = np.asarray(fitted.intercept, dtype=dtype)
        self.n_iter_, self.t_ = fitted.n_iter, self.t_ + fitted.steps
        if task is not None:
            task.end({})

    def _check_proba(self):
        if self.loss not in ("log_loss", "modified_huber", "softmax"):
            raise AttributeError(f"probability estimates are not available for loss={self.loss!r}")
        return True

    @available_if(_check_proba)
    def predict_proba(self, X):
        """Probabilities of each class: (n, K). For log_loss, modified_huber and softmax only."""
        check_is_fitted(self)
        if self.loss != "softmax":
            return super().predict_proba(X)
        margins = self.decision_function(X)
        if margins.ndim == 1:
            p = losses.Logistic().probabilities(margins[:, None])
            return np.column_stack([1.0 - p, p])
        return losses.softmax(margins)

    @available_if(_check_proba)
    def predict_log_proba(self, X):
        """Their logarithms: (n, K)."""
        return np.log(self.predict_proba(X))

    def certificate(self, X, y, sample_weight=None) -> Proof:
        """How far above the least objective this fit is at most, on these rows; see `Proof`."""
        check_is_fitted(self)
        X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], order="C")
        y = np.asarray(y)
        weights = _check_sample_weight(sample_weight, X)
        number = np.searchsorted(self.classes_, y)
        weights = weights * self._expanded_class_weight[number]
        if self.loss == "softmax" and len(self.classes_) > 2:
            f = objective_of(self, X, number.astype(np.float64), weights)
        else:
            labels = self.classes_ if len(self.classes_) > 2 else self.classes_[1:]
            targets = np.column_stack([self._targets(y, label) for label in labels])
            f = objective_of(self, X, targets if len(labels) > 1 else targets[:, 0], weights)
        return prove(f, self.coef_, self.intercept_, loss_of(self)[1])
