"""What SGDClassifier and SGDRegressor have beyond scikit-learn's, and in place of its parts."""

import warnings
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_sample_weight

from fastgd.optimizers import Optimizer
from fastgd.schedules import Schedule
from fastgd.sklearn import arrays
from fastgd.sklearn.terms import loss_of

__all__: list[str] = []

Vector = NDArray[np.float64]

# Up to so many passes another one, that looks for NaN before, would take longer than it saves.
FEW_PASSES = 5

BEYOND: dict[str, Any] = {
    "optimizer": [Optimizer, str, None],
    "batch_size": [Interval(Integral, 1, None, closed="left"), None],
    "callbacks": ["array-like", tuple, None],
}


class Beyond:
    """What both have beyond scikit-learn's."""

    # What the estimators set, for type checkers.
    history_: Any
    coef_: Any
    intercept_: Any
    t_: Any
    loss: Any
    learning_rate: Any
    optimizer: Any
    batch_size: Any
    callbacks: Any
    loss_functions: Any
    _standard_coef: Any
    _standard_intercept: Any
    _average_coef: Any
    _average_intercept: Any
    # Rows to judge by while a fit lasts, and the optimizer's state after it.
    n_features_in_: Any
    n_iter_: Any
    max_iter: Any
    tol: Any
    power_t: Any
    warm_start: Any
    early_stopping: Any
    verbose: Any
    # While it learns from rows of which nobody knows that they are finite.
    _unchecked: bool = False
    _held_out: Any = None
    _state: Any = None

    def _is_plain(self) -> bool:
        """Whether it is SGD as scikit-learn has it, which `passes` does."""
        return (
            self.optimizer is None
            and not self.callbacks
            and self.batch_size in (None, 1)
            and self.loss in self.loss_functions
        )

    def _is_simple(self, X: Any, y: Any) -> bool:
        """Whether a fit needs none of scikit-learn's conversions and checks; see `arrays`."""
        return (
            self._is_plain()
            and not (self.warm_start or self.early_stopping or self.verbose)
            and "_skl_callbacks" not in self.__dict__
            and arrays.are_valid(self)
            and self.power_t >= 0  # scikit-learn warns of it
            and arrays.is_plain(X, y)
            and (self.max_iter <= FEW_PASSES or arrays.is_finite(X))
        )

    def _begin(self, count: int, X: Any) -> None:
        """The attributes of a fit that begins anew."""
        self._more_validate_params()
        self.__dict__.pop("feature_names_in_", None)
        self.n_features_in_, self.t_ = X.shape[1], 1.0
        self._allocate_parameter_mem(count, X.shape[1], X.dtype)  # type: ignore[attr-defined]
        self._unchecked = True

    def _warn_of_limits(self) -> None:
        if self.tol is not None and self.tol > -np.inf and self.n_iter_ == self.max_iter:
            warnings.warn(
                "Maximum number of iteration reached before convergence. Consider increasing "
                "max_iter to improve the fit.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _left_out(self, y: Any, weights: Any) -> Any:
        """The rows that serve for validation, or None."""
        if not self.early_stopping:
            return None
        return self._make_validation_split(  # type: ignore[attr-defined]
            y, sample_mask=weights > 0
        )

    def _get_learning_rate_type(self, learning_rate: Any) -> Any:
        return learning_rate

    def _get_loss_function(self, loss: str) -> Any:
        return loss  # fastgd has its own

    def _more_validate_params(self, for_partial_fit: bool = False) -> None:
        given = self.learning_rate
        if isinstance(given, Schedule):
            self.learning_rate = "constant"
        try:
            super()._more_validate_params(for_partial_fit=for_partial_fit)  # type: ignore[misc]
        finally:
            self.learning_rate = given
        if given in ("pa1", "pa2") and not self._is_plain():
            raise ValueError(f"learning_rate={given!r} takes one row a step and no optimizer")

    def _hold_out(self, X: Any, y: Any, weights: Any, check_y: Any) -> Any:
        """Rows to judge by, checked."""
        if X is None:
            if y is not None or weights is not None:
                raise ValueError("y_val and sample_weight_val need X_val")
            return None
        if y is None:
            raise ValueError("X_val needs y_val")
        X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], order="C")
        return X, check_y(y), _check_sample_weight(weights, X)

    def _columns(self, X: Any, coef: Any, intercept: Any) -> Vector:
        product = X @ np.atleast_2d(coef).T
        return np.ascontiguousarray(product + np.atleast_1d(intercept), dtype=np.float64)

    def _held_out_loss(self, encode: Any) -> Any:
        """The mean loss on the rows to judge by, as a function of weights and intercept."""
        if self._held_out is None:
            return None
        X, y, weights = self._held_out
        loss, scale = loss_of(self)
        targets = encode(y)

        def mean(coef: Any, intercept: Any) -> float:
            values = loss.values(self._columns(X, coef, intercept), targets)
            return float(scale * np.average(values, weights=weights))

        return mean

    def __getstate__(self) -> dict[str, Any]:
        # No data of a fit is kept, and scikit-learn's own losses are of no use here.
        state: Any = super().__getstate__()
        out = ("_held_out", "_loss_function_")
        return {name: value for name, value in state.items() if name not in out}
