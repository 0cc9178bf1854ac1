"""What is minimised: losses over data, quadratic forms, and functions of the user's own.

An objective checks its data once, keeps it, and hands the compiled core of fastgd/core an object
for each run. θ is one flat float64 vector throughout.
"""

import contextlib
import copy
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastgd import checks, losses, penalties
from fastgd.checks import as_count, as_matrix, as_penalty, as_vector, as_weights
from fastgd.core import descent, foreign, linear, objective, solver
from fastgd.core import penalties as compiled_penalties
from fastgd.losses import Loss
from fastgd.penalties import L2, Penalty
from fastgd.pointers import as_pointer

__all__ = [
    "Function", "LeastSquares", "LinearModel", "LogisticRegression", "NeuralNetwork", "Objective",
    "Quadratic", "SoftmaxRegression",
]  # fmt: skip

Vector = NDArray[np.float64]

registry: dict[str, type["Objective"]] = {}

# Above this width an eigenvalue comes from Lanczos, below from the whole matrix.
EXACT_WIDTH = 2048


class Objective:
    """Base of all objectives: L(θ), its gradient, its smoothness.

    A subclass sets `n_params`, `n_samples` and `convex`, and writes `compiled`, which makes the
    object of the core that computes it.
    """

    n_params: int
    n_samples: int | None
    convex: ClassVar[bool | None] = None
    penalty: Penalty | None = None
    # Makes the way of stepping of a run; `General` takes any objective.
    stepping: ClassVar[Callable[..., solver.Solver]] = solver.General

    def __init_subclass__(cls, registered: bool = True, **options: Any) -> None:
        super().__init_subclass__(**options)
        # The base of a family is none itself.
        if registered and not cls.__name__.startswith("_"):
            registry[cls.__name__] = cls

    def compiled(self) -> objective.Objective:
        """A new object of the core for one run: it owns scratch memory and shares the data."""
        raise NotImplementedError(f"{type(self).__name__} does not define compiled()")

    def solver(self, core: Any, update: Any, sampler: Any, theta: Vector) -> solver.Solver:
        """One run's way of stepping, from `theta`: the optimizer's own, or else `stepping`, which
        an objective with a faster way overrides.

        Parameters
        ----------
        core : the object of the core that `compiled` made for the run
        update : the state of the optimizer
        sampler : the sampler of the core
        theta : (n_params,) float64, copied
        """
        way = update.optimizer.solver or type(self).stepping
        found: solver.Solver = way(core, update, sampler, theta)
        return found

    @property
    def l2(self) -> float:
        """λ of the l2 penalty; 0 where there is none or another one."""
        return self.penalty.l2 if isinstance(self.penalty, L2) else 0.0

    def _freeze(self) -> None:
        # What is known of an objective (β, above all) is known of it as it was made.
        self.__dict__["_frozen"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if "_frozen" in self.__dict__ and not name.startswith("_"):
            raise AttributeError(
                f"{type(self).__name__}.{name} cannot be changed: what is known of an objective "
                "is known of it as it was made, so make another one"
            )
        super().__setattr__(name, value)

    def lend(self) -> Any:
        """A compiled object that nobody else uses until it is taken back; threads get one each."""
        try:
            return self.__dict__.setdefault("_spare", []).pop()
        except IndexError:
            return self.compiled()

    def take_back(self, core: Any) -> None:
        """The end of a loan. What an exception has left behind is not to be taken back."""
        self.__dict__.setdefault("_spare", []).append(core)

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Any]:
        """A compiled object that nobody else uses meanwhile, for a block of code."""
        core = self.lend()
        yield core
        self.take_back(core)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_spare"}

    def value(self, theta: Any, indices: Any = None) -> float:
        """L(θ), with the l2 term.

        Parameters
        ----------
        theta : (n_params,) array
        indices : (m,) integers in [0, n_samples), optional
            The observations to average over, repeats counted; all of them by default.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError, IndexError
            θ of another shape, not real or not finite; indices that are not integers or out of
            range; indices for an objective without observations.
        """
        return self._evaluate(theta, indices, True, False)[0]

    def gradient(self, theta: Any, indices: Any = None) -> Vector:
        """∇L(θ), with the l2 term, a new vector. Parameters and errors as for `value`."""
        return self._evaluate(theta, indices, False, True)[1]

    def value_and_gradient(self, theta: Any, indices: Any = None) -> tuple[float, Vector]:
        """L(θ) and ∇L(θ). Parameters and errors as for `value`."""
        return self._evaluate(theta, indices, True, True)

    def sample_gradients(self, theta: Any, indices: Any = None) -> Vector:
        """∇ℓ_i(θ) for each observation i, without the l2 term: (m, n_params).

        Parameters and errors as for `value`.
        """
        theta, indices = self._check(theta, indices)
        with self.borrow() as core:
            return core.sample_gradients(theta, indices)

    def _check(self, theta: Any, indices: Any) -> tuple[Vector, NDArray[np.int64] | None]:
        theta = as_vector("theta", theta, self.n_params)
        if indices is None:
            return theta, None
        if self.n_samples is None:
            raise ValueError(f"{type(self).__name__} has no observations to index")
        given = np.asarray(indices)
        if given.dtype.kind not in "iu" or given.ndim != 1:
            raise TypeError(
                f"indices must be a vector of integers, not {given.dtype} of shape {given.shape}"
            )
        return theta, np.ascontiguousarray(given, dtype=np.int64)

    def _evaluate(self, theta: Any, indices: Any, value: bool, gradient: bool) -> Any:
        theta, indices = self._check(theta, indices)
        with self.borrow() as core:
            return core.evaluate(theta, indices, value, gradient)

    def initial_point(self, seed: Any = 0) -> Vector:
        """A starting point: zeros, where nothing speaks for another (networks draw theirs)."""
        return np.zeros(self.n_params)

    def smoothness(self) -> float | None:
        """β, the least known Lipschitz constant of ∇L, never below the true one, or None."""
        return None


class _Supervised(Objective):
    """Base of the objectives over observations x_i with targets y_i: checks both, keeps them.

    X that is C-contiguous and of a dtype in `kept` is used in place, never copied; anything else
    exact in float64 is converted once.
    """

    kept: ClassVar[tuple[Any, ...]] = (np.float64, np.float32)
    n_samples: int

    def __init__(
        self,
        X: Any,
        y: Any,
        loss: Any,
        l2: Any = 0.0,
        penalty: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> None:
        self.loss: Loss = losses.as_loss(loss)
        names = checks.column_names(X)
        self.feature_names = None if names is None else tuple(names)
        self.X = as_matrix("X", X, self.kept)
        self.n_samples, self.n_features = self.X.shape
        self.y = _targets(y, self.n_samples)
        self.n_outputs = self.loss.targets(self.y)
        self.penalty = penalties.as_penalty_term(l2, penalty)
        weights = as_weights(sample_weight, class_weight, self.y, self.loss.task)
        self._balanced = isinstance(class_weight, str)
        self.sample_weight: Vector | None = weights
        # A solver's own: with mean 1, so that a mean over rows is the weighted mean.
        self._row_weights = None if weights is None else weights * (len(weights) / weights.sum())

    def _ingredients(self) -> tuple[Any, Vector, Any, Vector | None]:
        """What the compiled objectives take: X, y in one row, the penalty, the weights."""
        return (
            self.X,
            self.y.reshape(-1),
            compiled_penalties.make(self.penalty),
            self._row_weights,
        )

    def margins(self, theta: Any, X: Any) -> Vector:
        """What the loss is applied to, for each row of X: (m, n_outputs)."""
        theta = as_vector("theta", theta, self.n_params)
        X = self._rows(X)
        with self.borrow() as core:
            return core.margins(theta, X)

    def _rows(self, X: Any) -> Any:
        X = as_matrix("X", X, self.kept)
        if X.shape[1] != self.n_features:
            raise ValueError(f"X has {X.shape[1]} columns, the model has {self.n_features}")
        return X

    def predict(self, theta: Any, X: Any) -> NDArray[Any]:
        """What the margins of each row of X predict: numbers, or classes in int64: (m,)."""
        return self.loss.predict(self.margins(theta, X))

    def predict_proba(self, theta: Any, X: Any) -> Vector:
        """Of class 1: (m,); of each class for the softmax loss: (m, K).

        Raises ValueError for losses without probabilities, beside what `predict` raises.
        """
        return self.loss.probabilities(self.margins(theta, X))

    def _options(self) -> str:
        """Penalty and weights, as the end of a repr."""
        text = ""
        if self.penalty is None or isinstance(self.penalty, L2):
            text += f", l2={self.l2:g}"
        else:
            text += f", penalty={self.penalty!r}"
        return text + ("" if self.sample_weight is None else ", sample_weight=...")


def _targets(y: Any, n_samples: int) -> Vector:
    """y as (n,) float64, or (n, K) for K outputs."""
    given = np.asarray(y) if not hasattr(y, "tocsr") else y
    if getattr(given, "ndim", 1) == 2 and given.shape[1] > 1 and given.shape[0] == n_samples:
        return as_matrix("y", given, (np.float64,))
    return as_vector("y", y, n_samples, what="observation of X")


class LinearModel(_Supervised):
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

    def smoothness(self) -> float | None:
        """β, from above; None where the loss has no curvature.

        Raises ValueError where it is more than float64 holds.
        """
        if self.loss.curvature is None:
            return None
        if self._smoothness is None:
            largest = largest_eigenvalue(self.X, self.fit_intercept, self._row_weights)
            beta = _raised(self.loss.curvature * (largest / self.n_samples)) if largest else 0.0
            if not math.isfinite(beta):
                raise ValueError(
                    f"X has entries of up to {_largest_entry(self.X):.3g}: their squares, and β "
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


class NeuralNetwork(_Supervised):
    r"""A multilayer perceptron.

    .. math:: L(θ) = \frac{1}{n} \sum_i \ell(f(x_i), y_i) + \frac{λ}{2} \sum_l \|W_l\|^2, \quad
              f(x) = W_k\, a(\dots a(W_1 x + b_1) \dots) + b_k

    θ is, layer by layer, W (outputs x inputs, row-major), then b. a stands after every layer but
    the last, whose outputs go into the loss: (y - f)², the logistic loss of one output, or the
    softmax loss of one output for each class. Not convex, and no finite β is known.

    Parameters
    ----------
    X : (n, d) array
        C-contiguous float64, float32 and uint8 are used in place; other real numbers are converted
        once.
    y : (n,) array
        Numbers for "squared", 0 and 1 for "logistic", integers 0..K-1 for "softmax".
    hidden : sequence of int, default (16, 16)
        Neurons of each hidden layer; with () the network is a linear model with an intercept.
    activation : {"relu", "tanh", "sigmoid", "identity"}, default "relu"
        a; the derivative of ReLU at 0 is 0.
    loss : Loss or str, default "logistic"
        One of `fastgd.losses`, or the name of one.
    l2 : float, default 0
        λ, at least 0; the biases are not penalised.
    scale : float, default 1
        Each entry of X is multiplied by it when it is read, here and in `predict`: ``scale=1/255``
        for images in uint8, which thus stay one byte a pixel.
    penalty : Penalty, optional
        One of `fastgd.penalties`, instead of l2.
    sample_weight, class_weight
        As for `LinearModel`.

    Raises
    ------
    TypeError
        X, y, l2 or scale that are not real numbers, or would lose digits in float64; sizes that are
        not integers; sparse X.
    ValueError
        An activation or loss that does not exist, targets that the loss does not take, sizes below
        1, shapes that do not fit, no rows, NaN or infinite entries, a negative l2.

    Notes
    -----
    Memory of a run beyond the data: one block of at most 128 rows in each layer, and a few vectors
    as long as θ. Products of matrices are those of scipy's BLAS, in slices that OpenBLAS computes
    on the calling thread: its own threads are never used, whatever they are set to, and many
    networks may be trained side by side. With another BLAS than scipy's wheels bring, set its
    threads to one (MKL_NUM_THREADS=1, VECLIB_MAXIMUM_THREADS=1) for the same.

    References
    ----------
    Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors.
    Glorot and Bengio 2010; He, Zhang, Ren and Sun 2015 (for `initial_point`).

    Examples
    --------
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    >>> f = gd.NeuralNetwork(X, y, hidden=(8,), activation="tanh")
    >>> r = gd.minimize(f, gd.Adam(lr=0.1), steps=200, seed=0)
    >>> f.predict(r.theta, X)
    array([0, 1, 1, 0])
    """

    kept = (np.float64, np.float32, np.uint8)

    def __init__(
        self,
        X: Any,
        y: Any,
        hidden: Any = (16, 16),
        activation: str = "relu",
        loss: Any = "logistic",
        l2: float = 0.0,
        scale: float = 1.0,
        penalty: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {', '.join(ACTIVATIONS)}, not {activation!r}"
            )
        if hasattr(X, "tocsr"):
            raise TypeError("X is sparse, and a network takes dense data: take X.toarray()")
        if isinstance(hidden, (str, bytes)) or not np.iterable(hidden):
            raise TypeError(f"hidden must be a sequence of sizes, as (64, 64), not {hidden!r}")
        self.activation = activation
        self.hidden = tuple(as_count("a size in hidden", size) for size in hidden)
        super().__init__(X, y, loss, l2, penalty, sample_weight, class_weight)
        self.scale = as_penalty("scale", scale)
        if self.scale == 0:
            raise ValueError("scale must be above 0")
        self.sizes = (self.n_features, *self.hidden, self.n_outputs)
        self.n_params = sum(rows * columns + rows for rows, columns in self.shapes)
        self._freeze()

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """The shape of each layer's W: (outputs, inputs)."""
        return list(zip(self.sizes[1:], self.sizes[:-1], strict=True))

    @property
    def convex(self) -> bool:  # type: ignore[override]
        """Only without a hidden layer."""
        return not self.hidden

    def compiled(self) -> objective.Objective:
        # Not at the top: it brings scipy, which costs more than all of fastgd.
        from fastgd.core import network

        X, y, penalty, weights = self._ingredients()
        return network.NetworkObjective(
            X, y, self.sizes, self.activation, self.loss, self.scale, penalty, weights
        )

    def _rows(self, X: Any) -> Any:
        if hasattr(X, "tocsr"):
            raise TypeError("X is sparse, and a network takes dense data: take X.toarray()")
        return super()._rows(X)

    def initial_point(self, seed: Any = 0) -> Vector:
        """A random starting point: normal weights, biases 0.

        The variance of W is 2/inputs for ReLU (He et al. 2015) and 2/(inputs + outputs) otherwise
        (Glorot and Bengio 2010), layer by layer from ``numpy.random.default_rng(seed)``.
        """
        generator = np.random.default_rng(seed)
        theta = np.zeros(self.n_params)
        for W, _ in self.layers(theta):
            outputs, inputs = W.shape
            fan = inputs if self.activation == "relu" else inputs + outputs
            W[:] = generator.standard_normal(W.shape) * np.sqrt(2.0 / fan)
        return theta

    def layers(self, theta: Any) -> list[tuple[Vector, Vector]]:
        """W (outputs x inputs) and b of each layer, as views of θ where that is possible."""
        theta = as_vector("theta", theta, self.n_params)
        found, start = [], 0
        for outputs, inputs in self.shapes:
            middle = start + outputs * inputs
            W = theta[start:middle].reshape(outputs, inputs)
            found.append((W, theta[middle : middle + outputs]))
            start = middle + outputs
        return found

    def summary(self) -> str:
        """The layers as a table: inputs, outputs, activation and number of parameters.

        Examples
        --------
        >>> print(gd.NeuralNetwork(np.eye(3), [0, 1, 2], hidden=(4,), loss="softmax").summary())
        layer   inputs  outputs  activation  parameters
        1            3        4  relu                16
        2            4        3  softmax             15
        total                                        31
        """
        ends = {"squared": "identity", "logistic": "sigmoid"}
        last = ends.get(self.loss.name, self.loss.name)
        lines = [f"{'layer':<6}{'inputs':>8}{'outputs':>9}  {'activation':<10}{'parameters':>12}"]
        for number, (outputs, inputs) in enumerate(self.shapes, 1):
            name = self.activation if number < len(self.shapes) else last
            size = outputs * inputs + outputs
            lines.append(f"{number:<6}{inputs:>8}{outputs:>9}  {name:<10}{size:>12}")
        lines.append(f"{'total':<35}{self.n_params:>12}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        return (
            f"NeuralNetwork({self.n_samples} x {self.n_features}, {sizes}, {self.activation}, "
            f"{self.loss.name}{self._options()})"
        )


ACTIVATIONS = ("relu", "tanh", "sigmoid", "identity")


class Quadratic(Objective):
    r"""A quadratic form.

    .. math:: L(θ) = \frac{1}{2} θ^T A θ - b^T θ

    Parameters
    ----------
    A : (d, d) symmetric array
    b : (d,) array, default zeros

    Raises
    ------
    TypeError, ValueError
        A that is not square or not symmetric, shapes that do not fit, entries that are not finite
        real numbers.

    Examples
    --------
    >>> f = gd.Quadratic([[2.0, 0.0], [0.0, 6.0]], [0.0, 0.0])
    >>> f.value([1.0, 1.0]), f.gradient([1.0, 1.0]), round(f.smoothness(), 9)
    (4.0, array([2., 6.]), 6.0)
    """

    n_samples = None

    def __init__(self, A: Any, b: Any = None) -> None:
        self.A = as_matrix("A", A, keep=(np.float64,))
        if self.A.shape[0] != self.A.shape[1]:
            raise ValueError(f"A must be square, not of shape {self.A.shape}")
        if np.abs(self.A - self.A.T).max() > 1e-12 * np.abs(self.A).max():
            raise ValueError("A must be symmetric: take (A + A.T)/2, which has the same form")
        self.n_params = self.A.shape[0]
        self.b = np.zeros(self.n_params) if b is None else as_vector("b", b, self.n_params)
        self._eigenvalues: Vector | None = None
        self._freeze()

    def compiled(self) -> objective.Objective:
        return foreign.QuadraticObjective(self.A, self.b)

    @property
    def eigenvalues(self) -> Vector:
        """The eigenvalues of A, ascending."""
        if self._eigenvalues is None:
            from scipy.linalg import eigvalsh

            self._eigenvalues = eigvalsh(self.A)
        return self._eigenvalues

    @property
    def convex(self) -> bool:  # type: ignore[override]
        """Whether A has no negative eigenvalue, up to rounding."""
        return bool(self.eigenvalues[0] >= -1e-12 * np.abs(self.eigenvalues).max())

    def smoothness(self) -> float:
        """β = the largest eigenvalue of A in absolute value, from above."""
        return float(np.abs(self.eigenvalues[[0, -1]]).max()) * (1 + 1e-12)

    def __repr__(self) -> str:
        return f"Quadratic({self.n_params} x {self.n_params})"


class Function(Objective):
    """Any function with a gradient: Python callables, or a compiled function behind a pointer.

    Parameters
    ----------
    value : callable
        ``value(theta)`` returns a number; θ is a copy, free to be changed.
    gradient : callable
        ``gradient(theta)`` returns a (n_params,) array, of NumPy, torch or jax.
    n_params : int, at least 1
    smoothness : float, optional
        β, where it is known.
    convex : bool, optional
        Whether the function is convex, where it is known.
    n_samples : int, at least 1, optional
        For a mean over so many observations: the callables then take θ and an int64 vector of
        indices, and answer with the mean over those, so that runs may take batches.
    value_and_gradient : callable, optional
        In place of the first two: ``value_and_gradient(theta)`` returns both. A numba cfunc, a
        function of ctypes, a capsule of Cython or a `scipy.LowLevelCallable` is called without the
        GIL, at its own speed: ``double f(n_params, theta, gradient)`` returns the value and writes
        the gradient; with n_samples, ``double f(n_params, theta, count, indices, gradient)``. The
        first is an int or a 64-bit integer, the sizes of the second are of 64 bits; a void * at the
        end is the user_data of a LowLevelCallable.
    penalty : Penalty, optional
        One of `fastgd.penalties`, of all parameters.

    Raises
    ------
    TypeError, ValueError
        Arguments that are not callable, not a positive integer, not a positive number; a compiled
        function of another signature. What the callables raise during a run comes out of it as it
        is.

    Notes
    -----
    With Python callables a run of at most 4096 parameters keeps the GIL from step to step, so that
    runs in threads take turns instead of waiting for each other in every step; one behind a pointer
    never takes it. A pointer has no way to fail but by NaN, upon which the run ends as diverged.

    Examples
    --------
    >>> f = gd.Function(lambda theta: float(theta @ theta), lambda theta: 2 * theta, n_params=2)
    >>> gd.minimize(f, gd.SGD(lr=0.25), theta0=[1.0, -4.0], steps=2).theta
    array([ 0.25, -1.  ])

    A mean of squares (θ - x_i)², in batches:

    >>> x = np.array([1.0, 2.0, 6.0])
    >>> f = gd.Function(
    ...     lambda theta, indices: float(np.mean((theta[0] - x[indices]) ** 2)),
    ...     lambda theta, indices: [2 * np.mean(theta[0] - x[indices])],
    ...     n_params=1, n_samples=3,
    ... )
    >>> r = gd.minimize(f, gd.SGD(gd.schedules.power(0.5, 1.0)), batch_size=2, steps=500, seed=0)
    >>> bool(abs(r.theta[0] - 3.0) < 0.2)
    True
    """

    def __init__(
        self,
        value: Callable[..., float] | None = None,
        gradient: Callable[..., Any] | None = None,
        n_params: int | None = None,
        smoothness: float | None = None,
        convex: bool | None = None,
        n_samples: int | None = None,
        value_and_gradient: Any = None,
        penalty: Penalty | None = None,
    ) -> None:
        self.n_samples = None if n_samples is None else as_count("n_samples", n_samples)
        pointer = None
        if value_and_gradient is not None:
            if value is not None or gradient is not None:
                raise TypeError("give value and gradient, or value_and_gradient, not both")
            pointer = as_pointer(value_and_gradient, n_samples is not None)
            wanted = [] if pointer else [("value_and_gradient", value_and_gradient)]
        else:
            wanted = [("value", value), ("gradient", gradient)]
        for name, function in wanted:
            if not callable(function):
                raise TypeError(f"{name} must be a function of theta, not {function!r}")
        if n_params is None:
            raise TypeError("n_params is missing: the number of parameters")
        self._pointer = pointer
        self._functions = value, gradient, value_and_gradient
        self.n_params = as_count("n_params", n_params)
        if smoothness is not None:
            smoothness = as_penalty("smoothness", smoothness)
            if smoothness == 0:
                raise ValueError("smoothness must be above 0")
        if convex not in (None, True, False):
            raise TypeError(f"convex must be True, False or None, not {convex!r}")
        if penalty is not None and not isinstance(penalty, Penalty):
            raise TypeError(f"penalty must be one of fastgd.penalties, not {penalty!r}")
        self.penalty = penalty
        self._smoothness = smoothness
        self.convex = convex  # type: ignore[misc]
        self._freeze()

    def compiled(self) -> objective.Objective:
        penalty = None if self.penalty is None else compiled_penalties.make(self.penalty)
        if self._pointer is not None:
            return foreign.FunctionPointer(
                self._pointer.capsule,
                self.n_params,
                self.n_samples,
                self._pointer.wide,
                self._pointer.data,
                penalty,
            )
        value, gradient, both = self._functions
        return foreign.FunctionObjective(
            value, gradient, self.n_params, self.n_samples, both, penalty
        )

    def smoothness(self) -> float | None:
        """β as it was given, with that of the penalty."""
        if self._smoothness is None or self.penalty is None:
            return self._smoothness
        return self._smoothness + self.penalty.curvature

    def __repr__(self) -> str:
        return f"Function(n_params={self.n_params})"


def changed(objective: Any, **known: Any) -> Any:
    """The same over other rows, with what its attributes are there; made without its checks."""
    twin = copy.copy(objective)
    # What is known of an objective was found out over all its rows.
    twin.__dict__.pop("_spare", None)
    twin.__dict__.update({"_smoothness": None, **known})
    return twin


@np.errstate(under="ignore")
def largest_eigenvalue(X: Any, intercept: bool, weights: Vector | None = None) -> float:
    """λ_max of [X 1]ᵀ D [X 1] (or of XᵀDX), rounded up; D = diag(weights), or the identity.

    Exact, from the whole matrix, where one side of X is at most `EXACT_WIDTH`; by Lanczos to a
    relative 1e-10, then raised by 1e-8, beyond.

    inf where the squares of X add up to more than float64 holds.
    """
    largest = _largest_entry(X)
    power = math.frexp(max(largest, float(intercept)))[1]
    if abs(power) < 100:
        top = _largest_eigenvalue(X, intercept, weights)
    else:  # squares of such entries might leave the numbers
        scaled = X.astype(np.float64)  # a copy, also of float64
        entries = scaled.data if hasattr(X, "indptr") else scaled
        with np.errstate(under="ignore"):
            np.ldexp(entries, -power, out=entries)
        if intercept:
            scaled = _with_column(scaled, math.ldexp(1.0, -power))
        with np.errstate(over="ignore", under="ignore"):
            top = float(np.ldexp(_largest_eigenvalue(scaled, False, weights), 2 * power))
    return _raised(top) if largest else top


def row_weights(objective: Any) -> Vector:
    """w̃_i = n w_i/Σw: (n,)."""
    weights = objective._row_weights
    return np.ones(objective.n_samples) if weights is None else weights


def row_squares(X: Any) -> Vector:
    """‖x_i‖² of each row: (n,)."""
    if hasattr(X, "indptr"):
        if not X.has_canonical_format:  # repeated entries count as their sum
            X = X.copy()
            X.sum_duplicates()
        squares = X.data.astype(np.float64) ** 2
        found = np.zeros(X.shape[0])
        full = np.diff(X.indptr) > 0
        if full.any():
            found[full] = np.add.reduceat(squares[: X.indptr[-1]], X.indptr[:-1][full])
        return found
    found = np.empty(X.shape[0])
    # In blocks of rows, so that float32 data is not copied whole.
    for first in range(0, X.shape[0], 8192):
        block = X[first : first + 8192].astype(np.float64, copy=False)
        found[first : first + 8192] = np.einsum("ij,ij->i", block, block)
    return found


def _largest_entry(X: Any) -> float:
    values = X.data if hasattr(X, "indptr") else X
    return max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))


def _raised(value: float) -> float:
    # Among the denormal numbers a relative margin is rounded away.
    return math.nextafter(value, math.inf) if value < 1e-290 else value


def _with_column(X: Any, value: float) -> Any:
    column = np.full((X.shape[0], 1), value)
    if not hasattr(X, "indptr"):
        return np.hstack([X, column])
    from scipy import sparse

    return sparse.hstack([X, sparse.csr_array(column)], format="csr")


def _largest_eigenvalue(X: Any, intercept: bool, weights: Vector | None) -> float:
    n, d = X.shape
    width = d + intercept
    if min(n, width) <= EXACT_WIDTH:
        from scipy.linalg import eigvalsh

        if width <= n:
            gram = gram_matrix(X, intercept, weights)
        else:
            gram = _outer(X, intercept, weights)
        top = len(gram) - 1
        return float(eigvalsh(gram, subset_by_index=[top, top])[0]) * (1 + 1e-12)

    from scipy.sparse.linalg import LinearOperator, eigsh

    def product(v: Vector) -> Vector:
        v = np.ravel(v)
        margins = X @ v[:d] + (v[d] if intercept else 0.0)
        if weights is not None:
            margins = weights * margins
        back = X.T @ margins
        return np.append(back, margins.sum()) if intercept else back

    operator = LinearOperator((width, width), matvec=product, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(width)
    largest = eigsh(operator, k=1, which="LA", v0=start, tol=1e-10, return_eigenvectors=False)[0]
    return float(largest) * (1 + 1e-8)


@np.errstate(under="ignore")
def gram_matrix(X: Any, intercept: bool, weights: Vector | None = None) -> Vector:
    """[X 1]ᵀ D [X 1] (or XᵀDX) in float64."""
    d = X.shape[1]
    gram = np.zeros((d + intercept, d + intercept))
    # In blocks of rows, so that float32 data is not copied whole.
    for first in range(0, X.shape[0], 8192):
        block = X[first : first + 8192].astype(np.float64)
        D = np.ones(block.shape[0]) if weights is None else weights[first : first + 8192]
        weighted = block if weights is None else _times_rows(block, D)
        product = weighted.T @ block
        gram[:d, :d] += product if isinstance(product, np.ndarray) else product.toarray()
        if intercept:
            gram[d, :d] += np.asarray(weighted.sum(axis=0)).ravel()
            gram[d, d] += D.sum()
    if intercept:
        gram[:d, d] = gram[d, :d]
    return gram


def _times_rows(X: Any, weights: Vector) -> Any:
    """diag(weights) X."""
    if hasattr(X, "indptr"):
        return X.multiply(weights[:, None]).tocsr()
    return X * weights[:, None]


def _outer(X: Any, intercept: bool, weights: Vector | None = None) -> Vector:
    # Of D^½ [X 1], from the other side, with the same eigenvalues.
    outer = (X @ X.T).toarray() if hasattr(X, "indptr") else X.astype(np.float64) @ X.T
    outer = outer + (1.0 if intercept else 0.0)
    if weights is not None:
        roots = np.sqrt(weights)
        outer = roots[:, None] * outer * roots
    return outer
