r"""Quadratic objectives, solved from their data, with a proof of how far the loss is above L*.

Least squares goes by a QR factorisation of the data, never by XᵀX, whose condition number is the
square. With the factor R of Z = [X 1], g half the gradient at any θ and ρ < 1/2 the rounding of R
over its least singular value,

.. math:: L(θ) - L^* = \max_u \frac{(g^T u)^2}{\|Z u\|^2} <= \frac{\|R^{-T} g\|^2}{(1 - ρ)^2}

so that the bound needs only g to be accurate, which takes twice the digits of float64. Directions
that float64 cannot tell from those in which Z is 0 are left out where the rank of Z, found in exact
arithmetic, says that Z is 0 there; else nothing is claimed of L*.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.objectives import LinearModel, Quadratic
from fastgd.theory.constants import EPSILON, row_blocks, row_weights

__all__: list[str] = []

Vector = NDArray[np.float64]

LONG = float(np.finfo(np.longdouble).eps)
# The largest primes below 2^22: 512 products of two residues add up exactly in float64.
PRIMES = (4194301, 4194287)
EXACT_ROWS = 512
# A rank is found by elimination up to so many columns.
EXACT_COLUMNS = 600


@dataclass(frozen=True)
class Found:
    """A point, and how far its loss may be above L*: inf where nothing is known.

    `attained` says whether L has a minimiser, None where that is not known. `unbounded`: L has no
    lower bound. `loss` is L(θ) where it is known better than `objective.value` can tell.
    """

    theta: Vector = field(repr=False)
    error: float = math.inf
    attained: bool | None = None
    unbounded: bool = False
    loss: float | None = None


# Least squares.


def work(objective: LinearModel) -> float:
    """Multiplications of `least_squares`."""
    width = objective.n_features + objective.fit_intercept
    return 2.0 * objective.n_samples * width**2 + 20.0 * width**3


def least_squares(objective: LinearModel, theta: Vector) -> Found:
    """The minimiser nearest to θ of a linear model whose loss has the same curvature everywhere."""
    system = _System(objective)
    _, sizes, right = np.linalg.svd(system.triangle(), full_matrices=True)
    length = math.hypot(*sizes)
    rounding = 8 * math.sqrt(objective.n_samples * system.width) * EPSILON * length
    kept = int((sizes > 2 * rounding).sum())
    proven = kept == system.width or (system.ridge == 0 and system.is_zero(right[kept:]))
    within, sizes = right[:kept].T, sizes[:kept]
    # Directions in which nothing changes, in units of θ: no step is taken along them.
    unseen = None
    if kept < system.width:
        unseen, _ = np.linalg.qr(system.scale[:, None] * right[kept:].T)
    steepest = float(sizes[0]) if kept else 0.0
    # The first correction needs no more digits than float64 has.
    place, seen = system.rows(theta), None
    best, bound = place, math.inf
    g = -system.rows(objective.gradient(theta)) / 2
    for _ in range(20):
        parts = (g * system.scale) @ within / sizes
        if seen is not None:
            found = float(np.sqrt(np.sum(parts**2, axis=1)).max(initial=0.0))
            found += seen.slack / float(sizes[-1]) if kept else 0.0
            if not found < bound * 0.9:
                break
            best, bound, best_seen = place, found, seen
            if found**2 <= 1e-15 * seen.loss:
                break
        step = (parts / sizes) @ within.T * system.scale
        if unseen is not None:
            step -= (step @ unseen) @ unseen.T
        place = place + step
        seen = system.look(place, steepest)
        g = seen.slopes
    theta = system.flat(best)
    if not proven:
        return Found(theta, attained=True)
    margin = 1 - rounding / float(sizes[-1]) if kept else 1.0
    error = best.shape[0] * (bound / margin) ** 2 if kept else 0.0
    return _with_loss(objective, theta, best_seen.loss, error + best_seen.loss_slack)


def _with_loss(objective: Any, theta: Vector, exact: float, error: float) -> Found:
    """The loss as `value` has it, but where θ is so long that rounding shows in it."""
    apart = abs(float(objective.value(theta)) - exact)
    if apart <= 64 * EPSILON * abs(exact):
        return Found(theta, error + apart, True)
    return Found(theta, error, True, loss=exact)


class _System:
    """‖diag(q) (t - Z θ)‖² + ridge ‖w‖², which is L but for a constant; Z = [X 1].

    θ is in rows here: one for each output, its weights, then its intercept.
    """

    def __init__(self, objective: LinearModel, curvature: float | None = None) -> None:
        self.objective = objective
        self.d = objective.n_features
        self.width = self.d + objective.fit_intercept
        self.outputs = objective.n_outputs
        if curvature is None:
            curvature = objective.loss.curvature or 0.0
            zeros = np.zeros((objective.n_samples, self.outputs))
            slopes = objective.loss.slopes(zeros, objective.y)
            self.targets = -slopes.reshape(zeros.shape) / curvature
        self.squares = row_weights(objective) * (curvature / 2 / objective.n_samples)
        self.ridge = objective.l2 / 2
        norms = np.zeros(self.width)
        for first, block in self.blocks():
            norms += self.squares[first : first + len(block)] @ block**2
        norms[: self.d] += self.ridge
        # Powers of two: no digit is lost, and year² does not drown what stands beside it.
        exponents = np.frexp(np.sqrt(np.where(norms > 0, norms, 1.0)))[1]
        self.scale = np.ldexp(1.0, -exponents)

    def blocks(self, size: int | None = None) -> Iterable[tuple[int, Any]]:
        for first, block in row_blocks(self.objective, size=size):
            if self.objective.fit_intercept:
                block = np.column_stack([block, np.ones(len(block))])
            yield first, block

    def triangle(self) -> Vector:
        """R of the QR factorisation, block by block."""
        R: Any = np.zeros((0, self.width))
        if self.ridge:
            diagonal = math.sqrt(self.ridge) * self.scale
            diagonal[self.d :] = 0.0
            R = np.diag(diagonal)
        for first, block in self.blocks(max(4 * self.width, 1024)):
            roots = np.sqrt(self.squares[first : first + len(block)])
            R = np.linalg.qr(np.vstack([R, block * self.scale * roots[:, None]]), mode="r")
        return R

    def rows(self, theta: Vector) -> Vector:
        """θ with one row for each output."""
        weights = theta[: self.outputs * self.d].reshape(self.outputs, self.d)
        rest = theta[self.outputs * self.d :].reshape(self.outputs, -1)
        return np.concatenate([weights, rest], axis=1)

    def flat(self, rows: Vector) -> Vector:
        """θ as a vector again."""
        return np.concatenate([rows[:, : self.d].ravel(), rows[:, self.d :].ravel()])

    def is_zero(self, directions: Vector) -> bool:
        """Whether Z is 0, exactly, in as many directions as these, which are of no length in R."""
        # Most often few columns take part in them. (That of ones may, by the rounding of a mean.)
        taking = np.abs(directions).max(axis=0) > 1e-9
        taking[self.d :] = True
        for part in (np.flatnonzero(taking), np.arange(self.width)):
            found = rank(partial(self._rows_of, part), len(part))
            if found is not None and found <= len(part) - len(directions):
                return True
        return False

    def _rows_of(self, columns: Any) -> Iterable[Any]:
        for first, block in self.blocks():
            yield block[self.squares[first : first + len(block)] > 0][:, columns]

    def _residuals(self, rows: Vector) -> Iterable[tuple[int, Any, Any, Any]]:
        for first, block in self.blocks(max(64, (1 << 16) // self.width)):
            targets = self.targets[first : first + len(block)]
            pairs = [residual(block, row, targets[:, k]) for k, row in enumerate(rows)]
            residuals, doubts = (np.stack(part, axis=1) for part in zip(*pairs, strict=True))
            yield first, block, residuals, doubts

    def look(self, rows: Vector, length: float) -> "_Seen":
        """What is seen at θ in more digits than float64 has; `length` is that of scaled Z."""
        total = np.zeros(rows.shape, dtype=np.longdouble)
        doubts, sizes = np.zeros(self.outputs), np.zeros(self.outputs)
        loss, loss_doubt = np.longdouble(0), 0.0
        for first, block, residuals, doubt in self._residuals(rows):
            squares = self.squares[first : first + len(block)]
            weighted = residuals * squares[:, None]
            size = np.abs(np.asarray(weighted, dtype=np.float64))
            total += weighted.T @ block.astype(np.longdouble)
            doubts += squares @ doubt**2
            sizes += squares @ np.asarray(residuals, dtype=np.float64) ** 2
            loss += np.sum(weighted * residuals)
            loss_doubt += float(np.sum(2 * size * doubt + squares[:, None] * doubt**2))
        weights = rows[:, : self.d].astype(np.longdouble)
        total[:, : self.d] -= self.ridge * weights
        loss += self.ridge * np.sum(weights**2)
        g = np.asarray(total, dtype=np.float64)
        summing = 8 * math.sqrt(self.objective.n_samples) * LONG
        slack = 1.01 * length * math.sqrt(doubts.max())
        # Columns are scaled to a norm of at most 1.
        slack += math.sqrt(self.width * sizes.max()) * summing
        slack += LONG * self.ridge * float(np.linalg.norm(rows[:, : self.d] * self.scale[: self.d]))
        slack += EPSILON * float(np.linalg.norm(g * self.scale, axis=1).max())
        return _Seen(g, slack, float(loss), loss_doubt + (summing + EPSILON) * float(loss))


@dataclass(frozen=True)
class _Seen:
    """Half of -∇L, how far its scaled norm may be off, L, and how far that may be."""

    slopes: Vector
    slack: float
    loss: float
    loss_slack: float


def residual(block: Vector, theta: Vector, target: Vector) -> tuple[Any, Vector]:
    """target - block @ θ in twice the digits of float64, and how far each may be off.

    References
    ----------
    Ogita, Rump and Oishi 2005, Accurate sum and dot product; here the sum is that of a tree.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        products = block * -theta
        errors = _product_errors(block, -theta, products)
        products = np.column_stack([target, products])
        low = errors.sum(axis=1)
        while products.shape[1] > 1:
            half = products.shape[1] // 2
            a, b = products[:, :half], products[:, half : 2 * half]
            added = a + b
            back = added - a
            low += ((a - (added - back)) + (b - back)).sum(axis=1)
            products = np.column_stack([added, products[:, 2 * half :]])
        high = products[:, 0].astype(np.longdouble) + low
    size = np.abs(target) + np.abs(block) @ np.abs(theta)
    doubt = (len(theta) + 2) ** 2 * EPSILON**2 * size
    return high, doubt + LONG * np.abs(np.asarray(high, dtype=np.float64))


def _product_errors(a: Vector, b: Vector, product: Vector) -> Vector:
    # Dekker's: each factor in halves of 26 bits.
    split = 134217729.0
    big = split * a
    a_high = big - (big - a)
    a_low = a - a_high
    big = split * b
    b_high = big - (big - b)
    b_low = b - b_high
    errors: Vector = a_low * b_low - (
        ((product - a_high * b_high) - a_low * b_high) - a_high * b_low
    )
    return errors


# Quadratic forms.


def quadratic(objective: Quadratic, theta: Vector) -> Found:
    """The minimiser of ½ θᵀAθ - bᵀθ that is nearest to θ."""
    A, b, width = objective.A, objective.b, objective.n_params
    symmetric = np.array_equal(A, A.T)
    A = A if symmetric else (A + A.T) / 2
    diagonal = np.diag(A)
    empty = ~A.any(axis=0)
    # A direction of negative curvature, or of none and a slope, without any rounding.
    flat = (diagonal == 0) & ~empty
    if (diagonal < 0).any() or flat.any() or (empty & (b != 0)).any():
        return Found(theta, 0.0, False, unbounded=True)
    scale = np.ldexp(1.0, -(np.frexp(np.where(empty, 1.0, diagonal))[1] // 2))
    values, vectors = np.linalg.eigh(A * scale * scale[:, None])
    rounding = 4 * width * EPSILON * float(np.abs(values).max(initial=0.0))
    if values[0] < -rounding:
        return Found(theta, 0.0, False, unbounded=True)
    places = values > 2 * rounding
    kept = int(places.sum())
    proven = kept == width
    if not proven and symmetric and kept == rank(lambda: [A], width):
        # All other eigenvalues are 0. L has a minimum where b is in the range of A.
        proven = True
        joined = np.column_stack([A, b])
        if rank(lambda: [joined], width + 1) != kept:
            return Found(theta, 0.0, False, unbounded=True)
    within, sizes = vectors[:, places], np.sqrt(values[places])
    unseen = None
    if kept < width:
        unseen, _ = np.linalg.qr(scale[:, None] * vectors[:, ~places])
    place = theta
    best, bound = place, math.inf
    for _ in range(20):
        exact, doubt = residual(A, place, b)
        g, doubt = np.asarray(exact, dtype=np.float64) * scale, doubt * scale
        parts = g @ within / sizes
        found = float(np.linalg.norm(parts))
        if kept:
            rest = float(np.linalg.norm(doubt)) + EPSILON * float(np.linalg.norm(g))
            found += rest / float(sizes[0])
        if not found < bound * 0.9:
            break
        best, bound = place, found
        step = within @ (parts / sizes) * scale
        if unseen is not None:
            step -= unseen @ (unseen.T @ step)
        place = place + step
    if not proven:
        return Found(best)
    margin = 1 - rounding / float(sizes[0]) ** 2 if kept else 1.0
    error = bound**2 / 2 / margin if kept else 0.0
    # ½ θᵀAθ - bᵀθ = -½ (b + (b - Aθ))ᵀθ.
    exact, doubt = residual(A, best, b)
    loss = float(-((exact + b) @ best.astype(np.longdouble)) / 2)
    terms = float((np.abs(np.asarray(exact, dtype=np.float64)) + np.abs(b)) @ np.abs(best))
    slack = float(doubt @ np.abs(best)) + (width + 4) * LONG * terms
    return _with_loss(objective, best, loss, error + slack + EPSILON * abs(loss))


# The rank of a matrix, in exact arithmetic.


def rank(blocks: Callable[[], Iterable[Any]], width: int) -> int | None:
    """The rank of the float64 matrix whose rows come in blocks; None where there are too many.

    Elimination modulo a prime of random sums of the rows finds a rank that is never too high, and
    too low only where the prime divides a certain number: one time in four millions for each of
    two primes, of which the larger rank counts.
    """
    if width > EXACT_COLUMNS:
        return None
    generator = np.random.default_rng(0)
    sums = [np.zeros((width + 8, width)) for _ in PRIMES]
    for block in blocks():
        for first in range(0, len(block), EXACT_ROWS):
            part = block[first : first + EXACT_ROWS]
            mantissas, exponents = np.frexp(part)
            whole = np.ldexp(mantissas, 53).astype(np.int64)
            for i, prime in enumerate(PRIMES):
                factors = generator.integers(0, prime, (width + 8, len(part)))
                product = factors.astype(np.float64) @ _residues(whole, exponents, prime)
                sums[i] = (sums[i] + product) % prime
    return max(
        _rank_modulo(total.astype(np.int64), prime)
        for total, prime in zip(sums, PRIMES, strict=True)
    )


def _residues(whole: Any, exponents: Any, prime: int) -> Vector:
    lowest = int(exponents.min(initial=0))
    powers = [pow(2, e - 53, prime) for e in range(lowest, int(exponents.max(initial=0)) + 1)]
    return (whole % prime * np.array(powers)[exponents - lowest] % prime).astype(np.float64)


def _rank_modulo(matrix: NDArray[np.int64], prime: int) -> int:
    found = 0
    for column in range(matrix.shape[1]):
        pivots = np.flatnonzero(matrix[found:, column])
        if not len(pivots):
            continue
        pivot = found + int(pivots[0])
        matrix[[found, pivot]] = matrix[[pivot, found]]
        row = matrix[found] * pow(int(matrix[found, column]), -1, prime) % prime
        below = matrix[found + 1 :]
        below -= below[:, column : column + 1] * row % prime
        below %= prime
        found += 1
        if found == matrix.shape[0]:
            break
    return found


def independent_columns(objective: LinearModel) -> NDArray[np.int64] | None:
    """Columns of [X 1] that span them all, no more than are needed; None where that is unknown."""
    from scipy.linalg import qr

    system = _System(objective, curvature=1.0)
    triangle = system.triangle()
    factor, order = qr(triangle, mode="r", pivoting=True)
    sizes = np.abs(np.diag(factor))
    rounding = 8 * math.sqrt(objective.n_samples * system.width) * EPSILON
    kept = int((sizes > 8 * rounding * float(np.linalg.norm(triangle))).sum())
    if kept < system.width:
        directions = np.linalg.svd(triangle, full_matrices=True)[2][kept:]
        if not system.is_zero(directions):
            return None
    return np.sort(order[:kept]).astype(np.int64)
