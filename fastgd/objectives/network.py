"""Small neural networks: multilayer perceptrons with any of the losses."""

from typing import Any

import numpy as np

from fastgd.checks import as_count, as_penalty, as_vector
from fastgd.core import objective
from fastgd.objectives.base import Supervised, Vector

__all__ = ["ACTIVATIONS", "NeuralNetwork"]

ACTIVATIONS = ("relu", "tanh", "sigmoid", "identity")


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

    def _rows(self, X: Any, look: bool = True) -> Any:
        if hasattr(X, "tocsr"):
            raise TypeError("X is sparse, and a network takes dense data: take X.toarray()")
        return super()._rows(X, look)

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
