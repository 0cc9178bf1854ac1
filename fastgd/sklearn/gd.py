"""GDClassifier and GDRegressor: the minimum of a linear model, with nothing to be tuned."""

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model._base import LinearClassifierMixin, SparseCoefMixin
from sklearn.utils import compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastgd import losses
from fastgd.objectives import LinearModel
from fastgd.sklearn import arrays
from fastgd.sklearn.arrays import classes_of
from fastgd.sklearn.solvers import Reached, Watch, choose, serves, solve
from fastgd.sklearn.tasks import Steps, Watched
from fastgd.sklearn.terms import LOG_LINK, loss_of, penalty_of

__all__ = ["GDClassifier", "GDRegressor"]

Vector = NDArray[np.float64]


class _Minimum(Watched, SparseCoefMixin, BaseEstimator):
    """What both share: parameters, the search, and what is said about it."""

    coef_: Any
    intercept_: Any
    epsilon: float = 0.1
    power: float = 1.5

    _parameter_constraints: dict[str, Any] = {
        "penalty": [StrOptions({"l2", "l1", "elasticnet"}), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "fit_intercept": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions({"auto", "newton", "lbfgs", "saga", "fista"})],
        "warm_start": ["boolean"],
    }

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        """By scikit-learn's checks, unless these would change nothing; see `arrays`."""
        if sample_weight is None and self._fit_plain(X, y):
            return self
        self._watch(X, y, sample_weight)
        try:
            self._fit_checked(X, y, sample_weight)
        finally:
            self._given = None
        return self

    def _fit_plain(self, X: Any, y: Any) -> bool:
        if "_skl_callbacks" in self.__dict__:
            return False
        if not arrays.is_plain(X, y) or not arrays.are_valid(self):
            return False
        self.__dict__.pop("feature_names_in_", None)
        self.n_features_in_ = X.shape[1]
        try:
            return bool(self._reach_plain(X, y))
        except ValueError:
            return False  # scikit-learn's checks find what is wrong

    def _minimise(self, f: LinearModel, n_outputs: int, flat: bool = False) -> None:
        """The attributes of the minimum; coef_ of one output is a vector where it is flat."""
        theta = np.zeros(f.n_params)
        d = f.n_features
        if self.warm_start and hasattr(self, "coef_"):
            coef = np.atleast_2d(self.coef_.toarray() if hasattr(self.coef_, "toarray")
                                 else self.coef_)  # fmt: skip
            if coef.shape != (n_outputs, d):
                raise ValueError(f"coef_ is {coef.shape}, and this data needs {(n_outputs, d)}")
            theta[: coef.size] = coef.ravel()
            theta[coef.size :] = np.atleast_1d(self.intercept_)[: f.n_params - coef.size]
        solver, way = self.solver, choose(f)
        if solver == "auto":
            solver = way
        elif not serves(f, solver):
            raise ValueError(f"solver={solver!r} does not serve here; solver='auto' is {way!r}")
        task = self._begin_task(self.max_iter)

        def parts(theta: Vector) -> dict[str, Any]:
            coef = theta[: n_outputs * d].reshape(n_outputs, d).astype(f.X.dtype)
            intercept = np.zeros(n_outputs, dtype=f.X.dtype)
            if f.fit_intercept:
                intercept[:] = theta[n_outputs * d :]
            return {"coef_": coef[0] if flat else coef, "intercept_": intercept}

        watch = Watch(Steps(task, "iteration"), parts)
        found: Reached = solve(f, theta, solver, self.tol, self.max_iter, watch)
        scale = loss_of(self)[1]
        self.solver_, self.n_iter_ = found.solver, found.n_iter
        self.objective_, self.certificate_ = scale * found.value, scale * found.error
        if not found.converged:
            warnings.warn(
                f"after {found.n_iter} iterations the objective is proven to be within "
                f"{self.certificate_:.3g} of its minimum only: raise max_iter or tol, or scale X",
                ConvergenceWarning,
                stacklevel=6,
            )
        self.__dict__.update(parts(found.theta))
        if task is not None:
            task.end({})

    def _objective(self, X: Any, y: Any, weights: Any, loss: Any = None) -> LinearModel:
        known, scale = loss_of(self)
        if weights is not None and (weights == 1.0).all():
            weights = None
        loss = known if loss is None else loss
        return LinearModel(X, y, loss, penalty_of(self, scale), weights, self.fit_intercept)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class GDClassifier(LinearClassifierMixin, _Minimum):
    r"""A linear classifier at the proven minimum of its objective; no rate, no epochs.

    .. math:: F(w, b) = \frac{\sum_i w_i\, ℓ(y_i, x_i^T w + b)}{\sum_i w_i}
              + α \Big(\frac{1-ρ}{2} \|w\|^2 + ρ \|w\|_1\Big)

    Parameters
    ----------
    loss : "log_loss", "squared_hinge" or "modified_huber", default "log_loss"
        "log_loss" of more than two classes is the softmax loss; the others take one class against
        the rest.
    penalty : "l2", "l1", "elasticnet" or None, default "l2"
    alpha : float, at least 0, default 1e-4
        α; C of ``LogisticRegression`` is 1/(n α).
    l1_ratio : float in [0, 1], default 0.15
        ρ, of "elasticnet".
    fit_intercept : bool, default True
        The intercept is free.
    tol : float above 0, default 1e-6
        F - F* ends at most at tol F(0).
    max_iter : int, default 10000
    solver : "auto", "newton", "lbfgs", "saga" or "fista", default "auto"
        "newton" for one output of few parameters; "saga" for many rows where its bound is good, or
        with l1; "lbfgs", or "fista" with l1, otherwise, and where "saga" turns out to be slow.
    class_weight : dict or "balanced", optional
    warm_start : bool, default False

    Attributes
    ----------
    coef_, intercept_, classes_, n_features_in_, feature_names_in_, n_iter_
    solver_ : str
        How the minimum was reached.
    objective_ : float
        F.
    certificate_ : float
        F - F* is at most this, by the duality gap; inf where nothing is proven.

    Raises
    ------
    ValueError, TypeError
        Parameters that make no sense, data that is not finite or of other sizes.

    References
    ----------
    Liu and Nocedal 1989, On the Limited Memory BFGS Method. Defazio, Bach and Lacoste-Julien 2014,
    SAGA: A Fast Incremental Gradient Method with Support for Non-Strongly Convex Composite
    Objectives. Beck and Teboulle 2009, A Fast
    Iterative Shrinkage-Thresholding Algorithm. Fenchel 1949, On Conjugate Convex Functions.

    Examples
    --------
    >>> from fastgd.sklearn import GDClassifier
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> model = GDClassifier(alpha=0.01).fit(X, y)
    >>> model.solver_, bool(model.certificate_ < 1e-6), bool(model.score(X, y) > 0.97)
    ('newton', True, True)
    """

    _parameter_constraints: dict[str, Any] = {
        **_Minimum._parameter_constraints,
        "loss": [StrOptions({"log_loss", "squared_hinge", "modified_huber"})],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self, loss="log_loss", *, penalty="l2", alpha=1e-4, l1_ratio=0.15, fit_intercept=True,
        tol=1e-6, max_iter=10000, solver="auto", class_weight=None, warm_start=False,
    ):  # fmt: skip
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.solver = solver
        self.class_weight = class_weight
        self.warm_start = warm_start

    def fit(self, X, y, sample_weight=None):
        """Fit to X (n, d), classes y (n,) and weights of the rows (n,)."""
        return self._fit(X, y, sample_weight)

    def _reach_plain(self, X, y):
        classes = classes_of(y)
        if classes is None or len(classes) < 2:
            return False
        self.classes_ = classes
        self._reach(X, y, np.searchsorted(classes, y), None)
        return True

    @_fit_context(prefer_skip_nested_validation=True)
    def _fit_checked(self, X, y, sample_weight):
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], order="C"
        )
        check_classification_targets(y)
        self.classes_, number = np.unique(y, return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(f"The number of classes has to be greater than one; got {count} class")
        self._reach(X, y, number, _check_sample_weight(sample_weight, X, dtype=np.float64))

    def _reach(self, X, y, number, weights):
        count = len(self.classes_)
        if self.class_weight is not None:
            weights = np.ones(len(y)) if weights is None else weights
            weights = weights * self._class_weights(y, number, weights)[number]
        if count == 2:
            f, outputs = self._objective(X, number.astype(np.float64), weights), 1
        elif self.loss == "log_loss":
            f = self._objective(X, number.astype(np.float64), weights, losses.Softmax())
            outputs = count
        else:
            f, outputs = self._objective(X, np.eye(count)[number], weights), count
        self._minimise(f, outputs)

    def _class_weights(self, y, number, weights):
        if self.class_weight != "balanced":
            return compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        # scikit-learn takes no sample_weight here before 1.7.
        total = np.bincount(number, weights=weights)
        return total.sum() / (len(total) * np.where(total > 0, total, 1.0))

    def _check_proba(self):
        if self.loss == "squared_hinge":
            raise AttributeError(f"probability estimates are not available for loss={self.loss!r}")
        return True

    @available_if(_check_proba)
    def predict_proba(self, X):
        """Probabilities of each class: (n, K)."""
        check_is_fitted(self)
        margins = self.decision_function(X)
        if margins.ndim > 1 and self.loss == "log_loss":
            return losses.softmax(margins)
        of = losses.Logistic() if self.loss == "log_loss" else losses.ModifiedHuber()
        if margins.ndim == 1:
            p = of.probabilities(margins[:, None])
            return np.column_stack([1.0 - p, p])
        p = np.clip(of.probabilities(margins), 0.0, 1.0)
        total = p.sum(axis=1, keepdims=True)
        # Where no class claims a row, all of them have it alike, as in SGDClassifier.
        return np.where(total > 0, p / np.where(total > 0, total, 1.0), 1.0 / p.shape[1])

    @available_if(_check_proba)
    def predict_log_proba(self, X):
        """Their logarithms: (n, K)."""
        return np.log(self.predict_proba(X))


class GDRegressor(RegressorMixin, _Minimum):
    r"""A linear regression at the proven minimum of its objective; no rate, no epochs.

    .. math:: F(w, b) = \frac{\sum_i w_i\, ℓ(y_i, x_i^T w + b)}{\sum_i w_i}
              + α \Big(\frac{1-ρ}{2} \|w\|^2 + ρ \|w\|_1\Big)

    Parameters
    ----------
    loss : str, default "squared_error"
        "squared_error" (half the square), "huber", "squared_epsilon_insensitive", "poisson",
        "gamma" or "tweedie"; the last three predict exp(x·w + b).
    penalty, alpha, l1_ratio, fit_intercept, tol, max_iter, solver, warm_start
        As for `GDClassifier`; α is that of ``Ridge`` over n, and that of ``Lasso``.
    epsilon : float, at least 0, default 1.35
        Of "huber" and "squared_epsilon_insensitive", in units of y.
    power : float in ]1, 2[, default 1.5
        Of "tweedie".

    Attributes
    ----------
    coef_, intercept_, n_features_in_, feature_names_in_, n_iter_, solver_, objective_, certificate_
        As of `GDClassifier`, with ``coef_`` (d,) for one target; y (n, K) has K outputs.

    Raises
    ------
    ValueError, TypeError
        As `GDClassifier`.

    References
    ----------
    Those of `GDClassifier`.

    Examples
    --------
    >>> from fastgd.sklearn import GDRegressor
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> model = GDRegressor(alpha=1e-6).fit(X, X @ [1.0, -2.0] + 3.0)
    >>> model.solver_, model.coef_.round(3), model.intercept_.round(3)
    ('newton', array([ 1., -2.]), array([3.]))
    """

    _parameter_constraints: dict[str, Any] = {
        **_Minimum._parameter_constraints,
        "loss": [StrOptions({
            "squared_error", "huber", "squared_epsilon_insensitive", *LOG_LINK,
        })],
        "epsilon": [Interval(Real, 0, None, closed="left")],
        "power": [Interval(Real, 1, 2, closed="neither")],
    }  # fmt: skip

    def __init__(
        self, loss="squared_error", *, penalty="l2", alpha=1e-4, l1_ratio=0.15,
        fit_intercept=True, tol=1e-6, max_iter=10000, solver="auto", warm_start=False,
        epsilon=1.35, power=1.5,
    ):  # fmt: skip
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.solver = solver
        self.warm_start = warm_start
        self.epsilon = epsilon
        self.power = power

    def fit(self, X, y, sample_weight=None):
        """Fit to X (n, d), numbers y (n,) or (n, K) and weights of the rows (n,)."""
        return self._fit(X, y, sample_weight)

    def _reach_plain(self, X, y):
        if y.dtype.kind not in "fiu" or not np.isfinite(y).all():
            return False
        self._reach(X, y, None)
        return True

    @_fit_context(prefer_skip_nested_validation=True)
    def _fit_checked(self, X, y, sample_weight):
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], order="C",
            multi_output=True, y_numeric=True,
        )  # fmt: skip
        self._reach(X, y, _check_sample_weight(sample_weight, X, dtype=np.float64))

    def _reach(self, X, y, weights):
        targets = np.ascontiguousarray(y, dtype=np.float64)
        several = targets.ndim == 2 and targets.shape[1] > 1
        f = self._objective(X, targets if several else targets.ravel(), weights)
        self._flat = targets.ndim == 1
        self._minimise(f, targets.shape[1] if several else 1, self._flat)

    def predict(self, X):
        """x·w + b, or exp of it for Poisson, gamma and Tweedie: (n,) or (n, K)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        margins = X @ self.coef_.T + self.intercept_
        # One output's coef_ that is made sparse may be a matrix of one row.
        margins = np.asarray(margins).ravel() if self._flat else np.asarray(margins)
        if self.loss not in LOG_LINK:
            return margins
        with np.errstate(over="ignore"):
            return np.exp(margins)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
