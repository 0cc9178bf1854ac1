"""Linear models: any loss of x·w (+ b), and the three that have names of their own."""

import math
import warnings
from typing import Any, ClassVar

import numpy as np

from fastgd import checks, losses
from fastgd.core import descent, linear, objective, solver
from fastgd.losses import Loss
from fastgd.objectives.base import Supervised, Vector, row_weights
from fastgd.objectives.spectrum import (
    gram_matrix,
    largest_eigenvalue,
    largest_entry,
    raised,
    row_squares,
)

__all__ = ["LeastSquares", "LinearModel", "LogisticRegression", "SoftmaxRegression"]

# Entries of X that are predicted from at a time: a quarter of a megabyte.
BLOCK_ENTRIES = 1 << 15


class LinearModel(Supervised):
    r"""Any loss of x·w (+ b), with any penalty of w.

    .. math:: F(θ) = \frac{\sum_i w_i\, ℓ(x_i^T w + b, y_i)}{\sum_i w_i} + Ω(w)

    θ is w (d) for one output or W (K x d, row-major) for several, then b (one an output) with an
    intercept. β = c λ_max([X 1]ᵀ D [X 1])/n plus that of a smooth penalty, where c is the loss's
    curvature and D = n diag(w_i)/Σw_i; none where the loss has no curvature.

    Parameters
    ----------
    X : (n, d) array or CSR matrix
        C-contiguous float64 and float32, and CSR with those values, are used in place; other real
        numbers are converted once.
    y : (n,) array, or (n, K)
        What the loss takes; K columns are K outputs, with a loss each, that are added up.
    loss : Loss or str, default ``losses.Squared()``
        One of `fastgd.losses`, or the name of one.
    penalty : Penalty, optional
        One of `fastgd.penalties`; intercepts are free.
    sample_weight : (n,) array of numbers of at least 0, optional
        w_i, not all 0. With the full gradient a weight of 2 is a row given twice.
    fit_intercept : bool, default False
    l2 : float, default 0
        λ, at least 0: short for ``penalty=L2(λ)``.
    class_weight : dict or "balanced", optional
        For classes: w_i times the weight of its class; "balanced" is n/(K n_k), n_k rows having
        class k.

    Raises
    ------
    TypeError
        Arguments that are not real numbers, or would lose digits in float64; not a loss, not a
        penalty.
    ValueError
        Targets that the loss does not take, shapes that do not fit, no rows, NaN or infinite
        entries, weights that are negative or all 0, two penalties.

    References
    ----------
    McCullagh and Nelder 1989, Generalized Linear Models. The losses and penalties have theirs.

    Examples
    --------
    >>> X, y = [[1.0], [2.0], [3.0]], [1.0, 2.0, 30.0]
    >>> f = gd.LinearModel(X, y, loss=gd.losses.Huber(1.0), penalty=gd.penalties.L1(0.1))
    >>> gd.minimize(f, gd.SGD(lr=0.2), steps=500).theta.round(3)
    array([1.7])
    """

    convex = True
    stepping = staticmethod(descent.fastest)

    def __init__(
        self,
        X: Any,
        y: Any,
        loss: Any = losses.Squared(),  # noqa: B008 - frozen
        penalty: Any = None,
        sample_weight: Any = None,
        fit_intercept: bool = False,
        l2: float = 0.0,
        class_weight: Any = None,
    ) -> None:
        super().__init__(X, y, loss, l2, penalty, sample_weight, class_weight)
        if not isinstance(fit_intercept, (bool, np.bool_)):
            raise TypeError(f"fit_intercept must be True or False, not {fit_intercept!r}")
        self.fit_intercept = bool(fit_intercept)
        self.n_params = self.n_outputs * (self.n_features + self.fit_intercept)
        self._smoothness: float | None = None
        self._freeze()

    def compiled(self) -> objective.Objective:
        X, y, penalty, weights = self._ingredients()
        return linear.LinearObjective(
            X, y, self.loss, self.n_outputs, self.fit_intercept, penalty, weights
        )

    def solver(self, core: Any, update: Any, sampler: Any, theta: Vector) -> solver.Solver:
        found = super().solver(core, update, sampler, theta)
        if getattr(update, "sparse", False) and not isinstance(found, descent.LocalSolver):
            self._warn_of_width(type(update.optimizer).__name__, sampler.batch_size)
        return found

    def _warn_of_width(self, rule: str, batch_size: int) -> None:
        # Said where it costs: each step walks over all weights, not over the batch's entries.
        if not hasattr(self.X, "indptr"):
            return
        entries = batch_size * self.X.data.shape[0] / self.n_samples
        if self.n_features > 100 * max(entries, 100.0):
            warnings.warn(
                f"with a penalty, {rule} moves all {self.n_features} weights at every step, though "
                f"a batch of this sparse data has about {entries:.0f} entries: plain SGD does not",
                stacklevel=5,
            )

    def margins(self, theta: Any, X: Any) -> Vector:
        """x·w + b of each row of X: (m, n_outputs)."""
        theta, names = checks.as_vector("theta", theta, self.n_params), checks.column_names(X)
        X = self._rows(X, look=False)
        with self.borrow() as core:
            if hasattr(X, "indptr"):
                return core.margins(theta, X)
            # Each block is looked through and multiplied while it is in a cache.
            size = max(64, BLOCK_ENTRIES // X.shape[1])
            blocks = checks.checked_blocks("X", X, names, size)
            if X.shape[0] <= size:
                return core.margins(theta, next(blocks)[1])
            found = np.empty((X.shape[0], self.n_outputs))
            for first, block in blocks:
                found[first : first + size] = core.margins(theta, block)
            return found

    def smoothness(self) -> float | None:
        """β, from above; None where the loss has no curvature.

        Raises ValueError where it is more than float64 holds.
        """
        if self.loss.curvature is None:
            return None
        if self._smoothness is None:
            largest = largest_eigenvalue(self.X, self.fit_intercept, self._row_weights)
            beta = raised(self.loss.curvature * (largest / self.n_samples)) if largest else 0.0
            if not math.isfinite(beta):
                raise ValueError(
                    f"X has entries of up to {largest_entry(self.X):.3g}: their squares, and β "
                    "with them, leave float64; divide X by its largest entry"
                )
            self._smoothness = beta + (self.penalty.curvature if self.l2 else 0.0)  # type: ignore[union-attr]
        return self._smoothness

    def gram(self) -> Vector:
        """[X 1]ᵀ D [X 1], or XᵀDX, with D = n diag(w_i)/Σw_i: (d + 1, d + 1) or (d, d)."""
        return gram_matrix(self.X, self.fit_intercept, self._row_weights)

    def sample_smoothness(self) -> float | None:
        r"""L_max, the largest β of one observation's loss, with a smooth penalty; None as for β.

        .. math:: L_{max} = \max_i \frac{n w_i}{\sum_j w_j} c \|(x_i, 1)\|^2 + λ

        Examples
        --------
        >>> gd.LeastSquares([[1.0], [2.0]], [1.0, 3.0], l2=0.5).sample_smoothness()
        8.5
        """
        if self.loss.curvature is None:
            return None
        squares = row_squares(self.X) + self.fit_intercept
        if self._row_weights is not None:
            squares = squares * self._row_weights
        largest = self.loss.curvature * float(squares.max())
        return largest + (self.penalty.curvature if self.l2 else 0.0)  # type: ignore[union-attr]

    def importance(self) -> Vector:
        r"""The probability of each row under ``sampling="importance"``: (n_samples,).

        .. math:: p_i = \frac{1}{2n} + \frac{L_i}{2 \sum_j L_j}, \quad
                  L_i = \frac{n w_i}{\sum_j w_j} c \|(x_i, 1)\|^2

        L_i is the smoothness of the row's own loss, without the penalty, whose gradient is not
        drawn. Half of p is uniform, so that no row weighs more than 2 in a step. A loss without a
        curvature c, as the hinge loss, has its steepest slope times ‖(x_i, 1)‖ instead.

        Raises
        ------
        ValueError
            The slope of the loss has no bound either.

        References
        ----------
        Needell, Srebro and Ward 2014, Stochastic Gradient Descent, Weighted Sampling, and the
        Randomized Kaczmarz algorithm. Zhao and Zhang 2015, Stochastic Optimization with Importance
        Sampling: the slopes.

        Examples
        --------
        >>> gd.LeastSquares([[1.0], [3.0]], [0.0, 1.0]).importance()
        array([0.3, 0.7])
        """
        sizes = row_squares(self.X) + self.fit_intercept
        if self.loss.curvature is None:
            if not math.isfinite(self.loss.steepest):
                raise ValueError(
                    f"{self.loss!r} has neither a largest curvature nor a steepest slope to draw "
                    "rows by"
                )
            sizes = np.sqrt(sizes)
        sizes = sizes * row_weights(self)
        total = float(sizes.sum())
        share = sizes / total if total > 0 else np.full(len(sizes), 1 / len(sizes))
        return 0.5 / len(share) + 0.5 * share

    def __repr__(self) -> str:
        loss = f", {self.loss!r}" if type(self) is LinearModel else ""
        intercept = ", fit_intercept=True" if self.fit_intercept else ""
        size = f"{self.n_samples} x {self.n_features}"
        return f"{type(self).__name__}({size}{loss}{self._options()}{intercept})"


class _Named(LinearModel):
    """A linear model whose loss is in its name."""

    named: ClassVar[Loss]

    def __init__(
        self,
        X: Any,
        y: Any,
        l2: float = 0.0,
        fit_intercept: bool = False,
        penalty: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> None:
        super().__init__(X, y, self.named, penalty, sample_weight, fit_intercept, l2, class_weight)


class LeastSquares(_Named):
    r"""Linear regression.

    .. math:: L(θ) = \frac{1}{n} \sum_i (y_i - x_i^T w - b)^2 + \frac{λ}{2} \|w\|^2

    θ is w (d), then b with an intercept. β = 2 λ_max(XᵀX)/n + λ.

    Parameters
    ----------
    X : (n, d) array
        C-contiguous float64 is used in place; other real numbers are converted once.
    y : (n,) array of numbers
    l2 : float, default 0
        λ, at least 0; the intercept is not penalised.
    fit_intercept : bool, default False
    penalty : Penalty, optional
        One of `fastgd.penalties`, instead of l2.
    sample_weight, class_weight
        As for `LinearModel`.

    Raises
    ------
    TypeError
        X, y or l2 that are not real numbers, or would lose digits in float64.
    ValueError
        Shapes that do not fit, no rows, NaN or infinite entries, a negative l2.

    References
    ----------
    Legendre 1805; Gauss 1809. Note that scikit-learn's squared loss has a factor 1/2.

    Examples
    --------
    >>> f = gd.LeastSquares([[1.0], [2.0]], [1.0, 3.0])
    >>> f.value([1.0]), f.gradient([1.0]), round(f.smoothness(), 9)
    (0.5, array([-2.]), 5.0)
    """

    named = losses.Squared()


class LogisticRegression(_Named):
    r"""Classification in two classes.

    .. math:: L(θ) = -\frac{1}{n} \sum_i [y_i \ln ŷ_i + (1-y_i) \ln(1-ŷ_i)] + \frac{λ}{2} \|w\|^2,
              \quad ŷ = \operatorname{sigmoid}(x^T w + b)

    θ is w (d), then b with an intercept. β = λ_max(XᵀX)/(4n) + λ. Finite for any finite margin.

    Parameters
    ----------
    X : (n, d) array
        C-contiguous float64 is used in place; other real numbers are converted once.
    y : (n,) array of 0 and 1
    l2 : float, default 0
        λ, at least 0; the intercept is not penalised.
    fit_intercept : bool, default False
    penalty : Penalty, optional
        One of `fastgd.penalties`, instead of l2.
    sample_weight, class_weight
        As for `LinearModel`.

    Raises
    ------
    TypeError
        X, y or l2 that are not real numbers, or would lose digits in float64.
    ValueError
        Labels other than 0 and 1, shapes that do not fit, no rows, NaN or infinite entries, a
        negative l2.

    References
    ----------
    Cox 1958, The Regression Analysis of Binary Sequences.

    Examples
    --------
    >>> f = gd.LogisticRegression([[1.0], [-1.0]], [1, 0])
    >>> round(f.value([0.0]), 6), f.gradient([0.0])
    (0.693147, array([-0.5]))
    >>> f.predict([2.0], [[3.0], [-3.0]])
    array([1, 0])
    """

    named = losses.Logistic()


class SoftmaxRegression(_Named):
    r"""Classification in K classes.

    .. math:: L(θ) = -\frac{1}{n} \sum_i \ln \operatorname{softmax}(W x_i + b)_{y_i}
              + \frac{λ}{2} \|W\|^2

    θ is W (K x d, row-major), then b (K) with an intercept. β = λ_max(XᵀX)/(2n) + λ.

    Parameters
    ----------
    X : (n, d) array
        C-contiguous float64 is used in place; other real numbers are converted once.
    y : (n,) array of integers 0..K-1
        K is the largest label plus one, at least 2.
    l2 : float, default 0
        λ, at least 0; the intercepts are not penalised.
    fit_intercept : bool, default False
    penalty : Penalty, optional
        One of `fastgd.penalties`, instead of l2.
    sample_weight, class_weight
        As for `LinearModel`.

    Raises
    ------
    TypeError
        X, y or l2 that are not real numbers, or would lose digits in float64.
    ValueError
        Labels that are not 0..K-1, shapes that do not fit, no rows, NaN or infinite entries, a
        negative l2.

    References
    ----------
    Böhning 1992, Multinomial logistic regression algorithm (for β).

    Examples
    --------
    >>> f = gd.SoftmaxRegression(np.eye(3), [0, 1, 2])
    >>> f.n_params, round(f.value(np.zeros(9)), 6)
    (9, 1.098612)
    """

    named = losses.Softmax()
