"""What is minimised: losses over data, quadratic forms, and functions of the user's own.

An objective checks its data once, keeps it, and hands the compiled core of fastgd/core an object
for each run. θ is one flat float64 vector throughout.
"""

import contextlib
import math
import numbers
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.core import foreign, linear, objective, rows, solver

__all__ = [
    "Function", "LeastSquares", "LogisticRegression", "NeuralNetwork", "Objective", "Quadratic",
    "SoftmaxRegression",
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

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        registry[cls.__name__] = cls

    def compiled(self) -> objective.Objective:
        """A new object of the core for one run: it owns scratch memory and shares the data."""
        raise NotImplementedError(f"{type(self).__name__} does not define compiled()")

    def solver(self, core: Any, update: Any, sampler: Any, theta: Vector) -> solver.Solver:
        """One run's way of stepping, from `theta`; an objective with a faster way overrides this.

        Parameters
        ----------
        core : the object of the core that `compiled` made for the run
        update : the state of the optimizer
        sampler : the sampler of the core
        theta : (n_params,) float64, copied
        """
        return solver.General(core, update, sampler, theta)

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Any]:
        """A compiled object that nobody else uses meanwhile; threads get one each."""
        spare = self.__dict__.setdefault("_spare", [])
        try:
            core = spare.pop()
        except IndexError:
            core = self.compiled()
        yield core
        # Not after an exception: what it left behind is not worth finding out.
        spare.append(core)

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


class Supervised(Objective):
    """Base of the objectives over observations x_i with targets y_i: checks both, keeps them.

    X that is C-contiguous and of a dtype in `kept` is used in place, never copied; anything else
    exact in float64 is converted once.
    """

    kept: ClassVar[tuple[Any, ...]] = (np.float64, np.float32)
    n_samples: int
    loss: str

    def __init__(self, X: Any, y: Any, l2: float = 0.0) -> None:
        self.X = as_matrix("X", X, self.kept)
        self.n_samples, self.n_features = self.X.shape
        self.y = as_vector("y", y, self.n_samples, what="observation of X")
        self.n_outputs = OUTPUTS[self.loss].check(self.y)
        self.l2 = as_penalty("l2", l2)

    def margins(self, theta: Any, X: Any) -> Vector:
        """What the loss is applied to, for each row of X: (m, n_outputs)."""
        theta = as_vector("theta", theta, self.n_params)
        X = as_matrix("X", X, self.kept)
        if X.shape[1] != self.n_features:
            raise ValueError(f"X has {X.shape[1]} columns, the model has {self.n_features}")
        with self.borrow() as core:
            return core.margins(theta, X)


class LinearModel(Supervised):
    """Base of the objectives whose loss is one of x·w (+ b): finds β."""

    convex = True
    # β of L is this times λ_max([X 1]ᵀ[X 1])/n: the largest second derivative of the loss.
    curvature: ClassVar[float]

    def __init__(self, X: Any, y: Any, l2: float = 0.0, fit_intercept: bool = False) -> None:
        super().__init__(X, y, l2)
        if not isinstance(fit_intercept, (bool, np.bool_)):
            raise TypeError(f"fit_intercept must be True or False, not {fit_intercept!r}")
        self.fit_intercept = bool(fit_intercept)
        self.n_params = self.n_outputs * (self.n_features + self.fit_intercept)
        self._smoothness: float | None = None

    def compiled(self) -> objective.Objective:
        return linear.LinearObjective(
            self.X, self.y, self.loss, self.n_outputs, self.fit_intercept, self.l2
        )

    def smoothness(self) -> float:
        """β = c λ_max([X 1]ᵀ[X 1])/n + l2, with c = 2, 1/4 or 1/2 by the loss, from above."""
        if self._smoothness is None:
            largest = largest_eigenvalue(self.X, self.fit_intercept)
            self._smoothness = self.curvature * largest / self.n_samples + self.l2
        return self._smoothness

    def __repr__(self) -> str:
        intercept = ", fit_intercept=True" if self.fit_intercept else ""
        size = f"{self.n_samples} x {self.n_features}"
        return f"{type(self).__name__}({size}, l2={self.l2:g}{intercept})"


class LeastSquares(LinearModel):
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

    loss = "squared"
    curvature = 2.0

    def predict(self, theta: Any, X: Any) -> Vector:
        """ŷ = x·w (+ b) for each row of X: (m,) float64."""
        return OUTPUTS[self.loss].predict(self.margins(theta, X))


class LogisticRegression(LinearModel):
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

    loss = "logistic"
    curvature = 0.25

    def predict(self, theta: Any, X: Any) -> NDArray[np.int64]:
        """The more probable class of each row of X, 0 or 1: (m,) int64."""
        return OUTPUTS[self.loss].predict(self.margins(theta, X))

    def predict_proba(self, theta: Any, X: Any) -> Vector:
        """ŷ, the probability of class 1, for each row of X: (m,)."""
        return OUTPUTS[self.loss].probabilities(self.margins(theta, X))


class SoftmaxRegression(LinearModel):
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

    loss = "softmax"
    curvature = 0.5

    def predict(self, theta: Any, X: Any) -> NDArray[np.int64]:
        """The most probable class of each row of X: (m,) int64."""
        return OUTPUTS[self.loss].predict(self.margins(theta, X))

    def predict_proba(self, theta: Any, X: Any) -> Vector:
        """The probability of each class for each row of X: (m, K)."""
        return OUTPUTS[self.loss].probabilities(self.margins(theta, X))


class NeuralNetwork(Supervised):
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
    loss : {"logistic", "squared", "softmax"}, default "logistic"
    l2 : float, default 0
        λ, at least 0; the biases are not penalised.
    scale : float, default 1
        Each entry of X is multiplied by it when it is read, here and in `predict`: ``scale=1/255``
        for images in uint8, which thus stay one byte a pixel.

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
        loss: str = "logistic",
        l2: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        for name, given, known in (
            ("activation", activation, ACTIVATIONS),
            ("loss", loss, tuple(OUTPUTS)),
        ):
            if given not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {given!r}")
        if hasattr(X, "tocsr"):
            raise TypeError("X is sparse, and a network takes dense data: take X.toarray()")
        if isinstance(hidden, (str, bytes)) or not np.iterable(hidden):
            raise TypeError(f"hidden must be a sequence of sizes, as (64, 64), not {hidden!r}")
        self.loss = loss
        self.activation = activation
        self.hidden = tuple(as_count("a size in hidden", size) for size in hidden)
        super().__init__(X, y, l2)
        self.scale = as_penalty("scale", scale)
        if self.scale == 0:
            raise ValueError("scale must be above 0")
        self.sizes = (self.n_features, *self.hidden, self.n_outputs)
        self.n_params = sum(rows * columns + rows for rows, columns in self.shapes)

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

        return network.NetworkObjective(
            self.X, self.y, self.sizes, self.activation, self.loss, self.scale, self.l2
        )

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

    def predict(self, theta: Any, X: Any) -> NDArray[Any]:
        """ŷ for "squared", else the most probable class (int64), of each row of X: (m,)."""
        return OUTPUTS[self.loss].predict(self.margins(theta, X))

    def predict_proba(self, theta: Any, X: Any) -> Vector:
        """Of class 1 for "logistic": (m,); of each class for "softmax": (m, K).

        Raises ValueError for "squared", beside what `predict` raises.
        """
        return OUTPUTS[self.loss].probabilities(self.margins(theta, X))

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
        last = {"squared": "identity", "logistic": "sigmoid"}.get(self.loss, self.loss)
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
            f"{self.loss}, l2={self.l2:g})"
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
    """Any function with a gradient, as two Python callables.

    Parameters
    ----------
    value : callable
        ``value(theta)`` returns a number; θ is a copy, free to be changed.
    gradient : callable
        ``gradient(theta)`` returns a (n_params,) array.
    n_params : int, at least 1
    smoothness : float, optional
        β, where it is known.
    convex : bool, optional
        Whether the function is convex, where it is known.

    Raises
    ------
    TypeError, ValueError
        Arguments that are not callable, not a positive integer, not a positive number. What the
        callables raise during a run comes out of it as it is.

    Notes
    -----
    The callables are Python: each step takes the GIL to ask them.

    Examples
    --------
    >>> f = gd.Function(lambda theta: float(theta @ theta), lambda theta: 2 * theta, n_params=2)
    >>> gd.minimize(f, gd.SGD(lr=0.25), theta0=[1.0, -4.0], steps=2).theta
    array([ 0.25, -1.  ])
    """

    n_samples = None

    def __init__(
        self,
        value: Callable[[Vector], float],
        gradient: Callable[[Vector], Any],
        n_params: int,
        smoothness: float | None = None,
        convex: bool | None = None,
    ) -> None:
        for name, function in (("value", value), ("gradient", gradient)):
            if not callable(function):
                raise TypeError(f"{name} must be a function of theta, not {function!r}")
        self._functions = value, gradient
        self.n_params = as_count("n_params", n_params)
        if smoothness is not None:
            smoothness = as_penalty("smoothness", smoothness)
            if smoothness == 0:
                raise ValueError("smoothness must be above 0")
        if convex not in (None, True, False):
            raise TypeError(f"convex must be True, False or None, not {convex!r}")
        self._smoothness = smoothness
        self.convex = convex  # type: ignore[misc]

    def compiled(self) -> objective.Objective:
        return foreign.FunctionObjective(*self._functions, self.n_params)

    def smoothness(self) -> float | None:
        """β as it was given."""
        return self._smoothness

    def __repr__(self) -> str:
        return f"Function(n_params={self.n_params})"


def as_matrix(name: str, given: Any, keep: tuple[Any, ...] = (np.float64, np.float32)) -> Any:
    """`given` as a finite C-contiguous (n, d) array, itself where it is one of a kept dtype."""
    if hasattr(given, "tocsr"):
        return _as_csr(name, given)
    array = _real_array(name, given)
    if array.ndim != 2:
        hint = "; one feature is X.reshape(-1, 1)" if array.ndim == 1 else ""
        raise ValueError(f"{name} must have two dimensions, not shape {array.shape}{hint}")
    if 0 in array.shape:
        raise ValueError(f"{name} is empty: its shape is {array.shape}")
    dtype = array.dtype if array.dtype in keep and array.dtype.isnative else np.dtype(np.float64)
    if array.dtype != dtype or not array.flags.c_contiguous or not array.flags.aligned:
        array = _converted(name, array, dtype)
    place = rows.first_not_finite(array) if array.dtype.kind == "f" else None
    if place is not None:
        row, column = divmod(place, array.shape[1])
        raise ValueError(f"{name}[{row}, {column}] is {array[row, column]}: NaN and infinite "
                         "entries are not accepted")  # fmt: skip
    return array


def _as_csr(name: str, given: Any) -> Any:
    """A scipy.sparse matrix or array as a checked CSR one, itself where it already is one."""
    if given.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, not shape {given.shape}")
    if 0 in given.shape:
        raise ValueError(f"{name} is empty: its shape is {given.shape}")
    matrix = given if given.format == "csr" else given.tocsr()
    values = _real_array(name, matrix.data)
    if values.dtype not in (np.float64, np.float32) or not values.dtype.isnative:
        values = _converted(name, values, np.dtype(np.float64))
    columns = matrix.indices
    if not (values.flags.c_contiguous and columns.flags.c_contiguous):
        raise ValueError(f"the arrays of {name} must be contiguous: take {name}.copy()")
    if values is not matrix.data:
        matrix = type(matrix)((values, columns, matrix.indptr), shape=matrix.shape, copy=False)
    starts = np.ascontiguousarray(matrix.indptr, dtype=columns.dtype)
    wrong = rows.check_sparse(columns, starts, matrix.shape[1])
    if wrong is not None:
        raise ValueError(f"{name} is not a valid CSR matrix: {wrong}")
    place = rows.first_not_finite(values)
    if place is not None:
        row = int(np.searchsorted(matrix.indptr, place, side="right")) - 1
        raise ValueError(f"{name}[{row}, {columns[place]}] is {values[place]}: NaN and infinite "
                         "entries are not accepted")  # fmt: skip
    return matrix


def as_vector(name: str, given: Any, length: int, what: str = "parameter") -> Vector:
    """`given` as a finite contiguous float64 vector of that length."""
    array = _real_array(name, given)
    if array.shape != (length,):
        raise ValueError(
            f"{name} must have one entry for each {what}: shape ({length},), not {array.shape}"
        )
    if array.dtype != np.float64 or not array.flags.c_contiguous or not array.flags.aligned:
        array = _converted(name, array, np.dtype(np.float64))
    place = rows.first_not_finite(array)
    if place is not None:
        raise ValueError(f"{name}[{place}] is {array[place]}: NaN and infinite entries are not "
                         "accepted")  # fmt: skip
    return array


def _real_array(name: str, given: Any) -> Any:
    if isinstance(given, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: fill or drop its masked entries first")
    if hasattr(given, "tocsr"):
        raise TypeError(f"{name} is sparse, and must be dense here: take {name}.toarray()")
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array of numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, not {array.dtype}")
    return array


def _converted(name: str, array: Any, dtype: Any) -> Any:
    # Wide integers and long doubles may hold what float64 cannot.
    converted = np.ascontiguousarray(array, dtype=dtype)
    lost = False
    if array.dtype.kind in "iu" and array.dtype.itemsize > 4:
        largest = np.abs(converted).max() if array.size else 0.0
        lost = largest > 2**53 or (
            largest == 2**53 and (converted.astype(array.dtype) != array).any()
        )
    elif array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(invalid="ignore"):
            lost = not ((converted.astype(array.dtype) == array) | (array != array)).all()
    if lost:
        raise TypeError(f"{name} is {array.dtype} with values that float64 cannot hold exactly")
    return converted


def as_penalty(name: str, given: Any) -> float:
    """`given` as a finite float >= 0."""
    if isinstance(given, bool) or not isinstance(given, numbers.Real):
        raise TypeError(f"{name} must be a number, not {given!r}")
    value = float(given)
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be finite and at least 0, not {value}")
    return value


def as_count(name: str, given: Any) -> int:
    """`given` as an int >= 1."""
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, not {given!r}")
    if given < 1:
        raise ValueError(f"{name} must be at least 1, not {given}")
    return int(given)


class Output(NamedTuple):
    """What belongs to a loss beside its values: its targets, and what margins predict."""

    check: Callable[[Vector], int]  # refuses targets that the loss does not know; n_outputs
    predict: Callable[[Vector], NDArray[Any]]
    probabilities: Callable[[Vector], Vector]


def _any_numbers(y: Vector) -> int:
    return 1


def _no_probabilities(margins: Vector) -> Vector:
    raise ValueError("a model of numbers, by the squared loss, predicts no probabilities")


def _two_classes(y: Vector) -> int:
    other = (y != 0) & (y != 1)
    if other.any():
        found = y[np.argmax(other)]
        raise ValueError(f"y must hold 0 and 1 only, but y[{np.argmax(other)}] is {found:g}")
    return 1


def _classes(y: Vector) -> int:
    other = (y < 0) | (y != np.floor(y))
    if other.any():
        found = y[np.argmax(other)]
        raise ValueError(
            f"y must hold classes 0, 1, 2, ..., but y[{np.argmax(other)}] is {found:g}"
        )
    n_classes = int(y.max()) + 1
    if n_classes < 2:
        raise ValueError("y holds class 0 only; the softmax loss needs at least two classes")
    if n_classes > max(2, y.shape[0]):
        raise ValueError(
            f"y has a class {n_classes - 1} but only {y.shape[0]} observations: number "
            "the classes 0, 1, 2, ... without gaps"
        )
    return n_classes


def sigmoid(margin: Vector) -> Vector:
    """1/(1 + exp(-margin)), without overflow."""
    e = np.exp(-np.abs(margin))
    return np.where(margin >= 0, 1.0, e) / (1.0 + e)


def softmax(margins: Vector) -> Vector:
    """exp(margins) over their sum, row by row, without overflow."""
    e = np.exp(margins - margins.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


OUTPUTS = {
    "squared": Output(_any_numbers, lambda margins: margins[:, 0], _no_probabilities),
    "logistic": Output(
        _two_classes,
        lambda margins: (margins[:, 0] > 0).astype(np.int64),
        lambda margins: sigmoid(margins[:, 0]),
    ),
    "softmax": Output(_classes, lambda margins: np.argmax(margins, axis=1), softmax),
}


def largest_eigenvalue(X: Any, intercept: bool) -> float:
    """λ_max of [X 1]ᵀ[X 1] (or of XᵀX), rounded up.

    Exact, from the whole matrix, where one side of X is at most `EXACT_WIDTH`; by Lanczos to a
    relative 1e-10, then raised by 1e-8, beyond.
    """
    n, d = X.shape
    width = d + intercept
    if min(n, width) <= EXACT_WIDTH:
        from scipy.linalg import eigvalsh

        gram = gram_matrix(X, intercept) if width <= n else _outer(X, intercept)
        top = len(gram) - 1
        return float(eigvalsh(gram, subset_by_index=[top, top])[0]) * (1 + 1e-12)

    from scipy.sparse.linalg import LinearOperator, eigsh

    def product(v: Vector) -> Vector:
        v = np.ravel(v)
        margins = X @ v[:d] + (v[d] if intercept else 0.0)
        back = X.T @ margins
        return np.append(back, margins.sum()) if intercept else back

    operator = LinearOperator((width, width), matvec=product, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(width)
    largest = eigsh(operator, k=1, which="LA", v0=start, tol=1e-10, return_eigenvectors=False)[0]
    return float(largest) * (1 + 1e-8)


def gram_matrix(X: Any, intercept: bool) -> Vector:
    """[X 1]ᵀ[X 1] (or XᵀX) in float64."""
    d = X.shape[1]
    gram = np.zeros((d + intercept, d + intercept))
    # In blocks of rows, so that float32 data is not copied whole.
    for first in range(0, X.shape[0], 8192):
        block = X[first : first + 8192].astype(np.float64)
        product = block.T @ block
        gram[:d, :d] += product if isinstance(product, np.ndarray) else product.toarray()
        if intercept:
            gram[d, :d] += np.asarray(block.sum(axis=0)).ravel()
    if intercept:
        gram[:d, d] = gram[d, :d]
        gram[d, d] = X.shape[0]
    return gram


def _outer(X: Any, intercept: bool) -> Vector:
    outer = (X @ X.T).toarray() if hasattr(X, "indptr") else X.astype(np.float64) @ X.T
    return outer + (1.0 if intercept else 0.0)
