"""Quadratic forms, and functions of the user's own, in Python or compiled."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastgd.checks import as_count, as_matrix, as_penalty, as_vector
from fastgd.core import foreign, objective
from fastgd.core import penalties as compiled_penalties
from fastgd.objectives.base import Objective, Vector
from fastgd.penalties import Penalty
from fastgd.pointers import as_pointer

__all__ = ["Function", "Quadratic"]


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
