"""The spectrum of data: XᵀDX, its largest eigenvalue, the lengths of rows."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXACT_WIDTH", "gram_matrix", "largest_eigenvalue", "row_squares"]

Vector = NDArray[np.float64]

# Above this width an eigenvalue comes from Lanczos, below from the whole matrix.
EXACT_WIDTH = 2048
# Below this one all eigenvalues take less time than the import of scipy.linalg.
SMALL = 256


@np.errstate(under="ignore")
def largest_eigenvalue(X: Any, intercept: bool, weights: Vector | None = None) -> float:
    """λ_max of [X 1]ᵀ D [X 1] (or of XᵀDX), rounded up; D = diag(weights), or the identity.

    Exact, from the whole matrix, where one side of X is at most `EXACT_WIDTH`; by Lanczos to a
    relative 1e-10, then raised by 1e-8, beyond.

    inf where the squares of X add up to more than float64 holds.
    """
    largest = largest_entry(X)
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
    return raised(top) if largest else top


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


def largest_entry(X: Any) -> float:
    values = X.data if hasattr(X, "indptr") else X
    return max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))


def raised(value: float) -> float:
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
        if width <= n:
            gram = gram_matrix(X, intercept, weights)
        else:
            gram = _outer(X, intercept, weights)
        top = len(gram) - 1
        if top < SMALL:
            return float(np.linalg.eigvalsh(gram)[top]) * (1 + 1e-12)
        from scipy.linalg import eigvalsh

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
