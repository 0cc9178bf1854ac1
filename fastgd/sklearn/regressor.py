"""SGDRegressor: scikit-learn's, learning by fastgd's core; see `classifier`."""

from numbers import Real
from typing import Any

import numpy as np
from sklearn import linear_model
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from fastgd.schedules import Schedule
from fastgd.sklearn.beyond import BEYOND, Beyond
from fastgd.sklearn.passes import MOST_SEED, learn
from fastgd.sklearn.proofs import Proof, prove
from fastgd.sklearn.runs import descend, objective_of
from fastgd.sklearn.tasks import Steps, Watched
from fastgd.sklearn.terms import LOG_LINK, REGRESSOR_EXTRA, loss_of

__all__ = ["SGDRegressor"]


class SGDRegressor(Beyond, Watched, linear_model.SGDRegressor):
    r"""scikit-learn's ``SGDRegressor``, several times faster and with any optimizer.

    .. math:: F(w, b) = \frac{1}{n} \sum_i w_i\, ℓ(y_i, x_i^T w + b)
              + α \Big(\frac{1-ρ}{2} \|w\|^2 + ρ \|w\|_1\Big)

    Parameters
    ----------
    loss : str, default "squared_error"
        One of scikit-learn's; or "quantile", "poisson", "gamma" or "tweedie", of which the last
        three predict exp(x·w + b).
    penalty, alpha, l1_ratio, fit_intercept, max_iter, tol, shuffle, verbose, epsilon
        As for ``sklearn.linear_model.SGDRegressor``, defaults included. `learning_rate` may also be
        one of `fastgd.schedules`.
    random_state, learning_rate, eta0, power_t, early_stopping, validation_fraction
        The same.
    n_iter_no_change, warm_start, average
        The same.
    optimizer, batch_size, callbacks
        As for `SGDClassifier`.
    quantile : float in ]0, 1[, default 0.5
        Of the quantile loss.
    power : float in ]1, 2[, default 1.5
        Of the Tweedie loss.

    Attributes
    ----------
    coef_, intercept_, n_iter_, t_, n_features_in_, feature_names_in_
        As scikit-learn's.
    history_, validation_loss_curve_
        As `SGDClassifier`'s.

    Raises
    ------
    ValueError, TypeError
        As scikit-learn's.

    References
    ----------
    Those of `SGDClassifier`; McCullagh and Nelder 1989, Generalized Linear Models.

    Examples
    --------
    >>> from fastgd.sklearn import SGDRegressor
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> SGDRegressor(random_state=0).fit(X, X @ [1.0, -2.0] + 3.0).coef_.round(1)
    array([ 1., -2.])
    """

    _parameter_constraints: dict[str, Any] = {
        **linear_model.SGDRegressor._parameter_constraints,
        **BEYOND,
        "loss": [StrOptions({*linear_model.SGDRegressor.loss_functions, *REGRESSOR_EXTRA})],
        "learning_rate": [
            *linear_model.SGDRegressor._parameter_constraints["learning_rate"],
            Schedule,
        ],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "power": [Interval(Real, 1, 2, closed="neither")],
    }

    def __init__(
        self, loss="squared_error", *, penalty="l2", alpha=0.0001, l1_ratio=0.15,
        fit_intercept=True, max_iter=1000, tol=1e-3, shuffle=True, verbose=0, epsilon=0.1,
        random_state=None, learning_rate="invscaling", eta0=0.01, power_t=0.25,
        early_stopping=False, validation_fraction=0.1, n_iter_no_change=5, warm_start=False,
        average=False, optimizer=None, batch_size=None, callbacks=None, quantile=0.5, power=1.5,
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
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.average = average
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.callbacks = callbacks
        self.quantile = quantile
        self.power = power

    def fit(
        self, X, y, coef_init=None, intercept_init=None, sample_weight=None, X_val=None,
        y_val=None, sample_weight_val=None,
    ):  # fmt: skip
        """Fit, as `SGDClassifier.fit`, with coef_init (d,), intercept_init (1,) and y numbers."""
        self._state = None
        given = coef_init, intercept_init, sample_weight, X_val, y_val, sample_weight_val
        if all(one is None for one in given) and self._fit_plain(X, y):
            return self
        self._held_out = self._hold_out(
            X_val, y_val, sample_weight_val, lambda y: np.asarray(y, dtype=np.float64)
        )
        self._watch(X, y, sample_weight)
        try:
            return super().fit(X, y, coef_init, intercept_init, sample_weight)
        finally:
            self._held_out = self._given = None

    def _fit_plain(self, X, y):
        """Fit data that needs none of scikit-learn's conversions; whether that has succeeded."""
        if not self._is_simple(X, y) or y.dtype.kind not in "fiu" or not np.isfinite(y).all():
            return False
        self._begin(1, X)
        try:
            self._fit_regressor(X, y.astype(X.dtype, copy=False), None, None, None, None,
                                self.max_iter)  # fmt: skip
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

    def _fit_regressor(self, X, y, alpha, loss, learning_rate, *rest):
        sample_weight, max_iter = rest[-2:]
        if not hasattr(self, "t_"):
            self.t_ = 1.0
        left_out = self._left_out(y, sample_weight)
        judge = None
        if self.early_stopping:
            judge = self._make_validation_score_cb(left_out, X, y, sample_weight)
            if self._held_out is not None:
                Xs, ys, ws = self._held_out
                judge = self._make_validation_score_cb(np.ones(len(ys), dtype=bool), Xs, ys, ws)
        seed = check_random_state(self.random_state).randint(0, MOST_SEED)
        weights = None
        if sample_weight is not None and not (sample_weight == 1.0).all():
            weights = sample_weight.astype(np.float64)
        targets = y.astype(np.float64, copy=False)
        held_out = self._held_out_loss(lambda y: y)
        task = self._begin_task(max_iter)
        epochs = None if task is None else Steps(task, "epoch")

        def attributes(coef, intercept):
            coef = np.array(coef, dtype=X.dtype).ravel()
            return {"coef_": coef, "intercept_": np.array(intercept, dtype=X.dtype).reshape(1)}

        if self._is_plain():
            self._fit_passes(
                X, targets, weights, left_out, max_iter, seed, held_out, judge, epochs, attributes
            )
        else:
            self._fit_run(
                X, targets, weights, left_out, max_iter, seed, held_out, judge, epochs, attributes
            )
        if task is not None:
            task.end({})

    def _fit_passes(
        self, X, targets, weights, left_out, max_iter, seed, held_out, judge, epochs, attributes
    ):  # fmt: skip
        if not self.average:
            start = self.coef_, self.intercept_[0], None, 0.0
        else:
            start = (
                self._standard_coef, self._standard_intercept[0], self._average_coef,
                self._average_intercept[0],
            )  # fmt: skip
        learnt = learn(
            self, X, targets, weights, start, max_iter, seed, left_out, judge, held_out, epochs,
            attributes,
        )  # fmt: skip
        coef = learnt.coef.astype(X.dtype)
        intercept = np.array([learnt.intercept], dtype=X.dtype)
        self.n_iter_, self.history_ = learnt.n_iter, learnt.history
        self.t_ += self.n_iter_ * X.shape[0]
        if learnt.validation:
            self.validation_loss_curve_ = learnt.validation
        if self.average > 0:
            self._standard_coef, self._standard_intercept = coef, intercept
            assert learnt.mean is not None
            self._average_coef = learnt.mean.astype(X.dtype)
            self._average_intercept = np.array([learnt.intercept_mean], dtype=X.dtype)
            if self.average <= self.t_ - 1.0:
                coef, intercept = self._average_coef, self._average_intercept
        self.coef_, self.intercept_ = coef, intercept

    def _fit_run(
        self, X, targets, weights, left_out, max_iter, seed, held_out, judge, epochs, attributes
    ):  # fmt: skip
        if left_out is not None:
            X, targets = X[~left_out], targets[~left_out]
            weights = None if weights is None else weights[~left_out]
        score = judge and (lambda coef, intercept: judge(coef[0], intercept[0]))
        fitted = descend(
            self, X, targets, weights, (self.coef_, self.intercept_), max_iter, seed, self._state,
            held_out, score, epochs, attributes,
        )  # fmt: skip
        self._state, self.history_ = fitted.state, fitted.history
        if fitted.validation:
            self.validation_loss_curve_ = fitted.validation
        dtype = self.coef_.dtype
        self.coef_ = fitted.coef[0].astype(dtype)
        self.intercept_ = np.asarray(fitted.intercept, dtype=dtype)
        self.n_iter_, self.t_ = fitted.n_iter, self.t_ + fitted.steps

    def predict(self, X):
        """x·w + b, or exp of it for Poisson, gamma and Tweedie: (n,)."""
        margins = super().predict(X)
        if self.loss not in LOG_LINK:
            return margins
        with np.errstate(over="ignore"):
            return np.exp(margins)

    def certificate(self, X, y, sample_weight=None) -> Proof:
        """How far above the least objective this fit is at most, on these rows; see `Proof`."""
        check_is_fitted(self)
        X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], order="C")
        weights = _check_sample_weight(sample_weight, X)
        f = objective_of(self, X, np.asarray(y, dtype=np.float64), weights)
        return prove(f, self.coef_, self.intercept_, loss_of(self)[1])
