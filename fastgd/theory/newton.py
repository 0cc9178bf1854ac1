r"""Newton's method for linear models with few parameters, and a proof of how near L* it came.

The Hessian is exact but for the second derivative of the loss, which is a difference of slopes:
some nine digits of it are right. The proof rests on self-concordance (Bach 2010, Self-concordant
analysis for logistic regression): along every line the third derivative is at most R times the
second. With ν² = gᵀH⁻¹g and R ν <= √λ_min(H)/2, L has a minimiser, and L(θ) - L* <= 1.4 ν².
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.objectives import LinearModel
from fastgd.theory.constants import (
    EPSILON,
    class_probabilities,
    row_blocks,
    row_norms,
    row_weights,
    twice_differentiable,
)
from fastgd.theory.quadratics import Found, independent_columns

__all__: list[str] = []

Vector = NDArray[np.float64]

MOST_PARAMETERS = 1200
MOST_STEPS = 60
# How far from a margin its slope is taken, and what a second derivative is then off by, as a part
# of the largest.
APART = 1e-5
DOUBT = 1e-9
# Below this ratio of its eigenvalues (columns scaled) a Hessian may hide columns that depend on
# others.
DEPENDENT = 1e-9
# A first guess comes from a part of the rows, but from so many for each parameter.
GUESS_PART = 32
# Where a Hessian costs as much as so many gradients, it comes from so many steps of L-BFGS instead.
MANY_PASSES = 200
MOST_RIDGE = 1e6
GUESS_PASSES = 60
GUESS_ROWS = 10


def applies(objective: LinearModel) -> bool:
    """Whether Newton's method is for this model."""
    return objective.n_params <= MOST_PARAMETERS and twice_differentiable(objective.loss)


def work(objective: LinearModel) -> float:
    """Multiplications of one Hessian."""
    return float(objective.n_samples) * objective.n_params**2


def newton(
    objective: LinearModel, theta: Vector, show: Callable[..., None], descent: Callable[..., Vector]
) -> Found:
    """Newton's steps from θ, each as long as it lowers L, until the gradient falls no more."""
    n = objective.n_samples
    enough = max(GUESS_ROWS * objective.n_params, n // GUESS_PART)
    if objective.n_params**2 > MANY_PASSES * objective.n_outputs * objective.n_features:
        theta = descent(objective, theta, show, GUESS_PASSES)
    elif n > 4 * enough:
        rows = np.arange(0, n, n // enough)
        guess = _descend(objective, theta, rows, 8, show)[0]
        # Where the part fits itself only, a guess is worse than none.
        if objective.value(guess) < min(objective.value(theta), 1.1 * objective.value(guess, rows)):
            theta = guess
    theta, slope, hessian, used = _descend(objective, theta, None, MOST_STEPS, show)
    error, attained = _bound(objective, theta, slope, hessian, used)
    return Found(theta, error, attained)


def descend(
    objective: LinearModel, theta: Vector, enough: Callable[[float, Vector], bool]
) -> Vector:
    """Newton's steps from θ until `enough` says so of loss and gradient, or they gain no more."""

    def quiet(*_: Any) -> None: ...

    return _descend(objective, theta, None, MOST_STEPS, quiet, enough)[0]


def _descend(
    objective: LinearModel, theta: Vector, rows: Any, steps: int, show: Callable[..., None],
    enough: Callable[[float, Vector], bool] | None = None,
) -> tuple[Vector, Vector, Any, Any]:  # fmt: skip
    """θ, ∇L, the Hessian of the parameters that are moved, and which these are."""
    X = objective.X if rows is None else objective.X[rows]
    loss, slope = objective.value_and_gradient(theta, rows)
    used = np.arange(objective.n_params)
    hessian = _Hessian(objective, X, rows)
    if enough is not None and enough(loss, slope):
        return theta, slope, None, used
    H = hessian(theta)
    checked = rows is not None or objective.l2 > 0
    # Some of the rows may not hold every column.
    ridge, ratio = (0.0 if rows is None else 1e-4), 1.0
    for step in range(steps):
        show(f"Newton's step {step + 1}", loss, slope)
        H = H[np.ix_(used, used)]
        if not checked:
            checked = True
            least = _least(H)
            if least < DEPENDENT:
                columns = independent_columns(objective)
                if columns is not None and len(columns) * objective.n_outputs < len(used):
                    used = hessian.places[:, columns].ravel()
                    H = H[np.ix_(used, used)]
        moved = None
        while moved is None and ridge < MOST_RIDGE:
            direction = np.zeros(len(theta))
            direction[used] = _solved(H, -slope[used], ridge)
            fall = float(slope @ direction)
            # Below rounding, unless it converges so fast that the gradient still gains by it.
            small = 1e-6 if rows is not None else 1e-16 if ratio > 0.2 else 1e-26
            if -fall <= small * abs(loss):
                break
            moved, length, moved_loss, moved_slope = _searched(
                objective, theta, rows, direction, loss, slope, fall
            )
            # Where long steps fail, shorter ones along the scaled gradient (Levenberg 1944).
            if length < 0.2:
                ridge = max(10 * ridge, 1e-6)
            elif length == 1 and rows is None:
                ridge = ridge / 10 if ridge > 1e-8 else 0.0
        if moved is None:
            break
        # Near the minimum only the slope still tells whether a step helps.
        ratio = float(np.linalg.norm(moved_slope)) / max(float(np.linalg.norm(slope)), 1e-300)
        if ratio >= 0.5 and loss - moved_loss <= 1e-14 * abs(loss):
            break
        theta, loss, slope = moved, moved_loss, moved_slope
        if enough is not None and enough(loss, slope):
            return theta, slope, None, used
        H = hessian(theta)
    else:
        return theta, slope, H[np.ix_(used, used)], used
    return theta, slope, H, used


def _searched(
    objective: LinearModel, theta: Vector, rows: Any, direction: Vector, loss: float,
    slope: Vector, fall: float,
) -> tuple[Any, float, float, Any]:  # fmt: skip
    """Point, length, loss and slope after the longest step of 1, 1/2, 1/4, ... that lowers L."""
    if not fall < 0:
        return None, 0.0, loss, slope
    length = 1.0
    for _ in range(20):
        moved = theta + length * direction
        if not np.isfinite(moved).all():
            length /= 2
            continue
        moved_loss, moved_slope = objective.value_and_gradient(moved, rows)
        rounding = 1e-14 * abs(loss)
        if math.isfinite(moved_loss) and moved_loss <= loss + 1e-4 * length * fall + rounding:
            return moved, length, moved_loss, moved_slope
        length /= 2
    return None, 0.0, loss, slope


class _Hessian:
    """The second derivative of L at any θ, over some rows."""

    def __init__(self, objective: LinearModel, X: Any, rows: Any) -> None:
        self.objective, self.X = objective, X
        weights = row_weights(objective)
        self.y = objective.y if rows is None else objective.y[rows]
        self.weights = (weights if rows is None else weights[rows]) / X.shape[0]
        K, d = objective.n_outputs, objective.n_features
        places = np.arange(K * d).reshape(K, d)
        if objective.fit_intercept:
            places = np.column_stack([places, K * d + np.arange(K)])
        # Where the parameters of output k stand in θ: (K, d + 1).
        self.places = places

    def __call__(self, theta: Vector) -> Vector:
        objective = self.objective
        K, width = self.places.shape
        H = np.zeros((K, width, K, width))
        size = max(256, (1 << 18) // (K * width))
        shift = K > 1
        for first in range(0, self.X.shape[0], size):
            block = self.X[first : first + size]
            here = slice(first, first + block.shape[0])
            block = block.toarray() if hasattr(block, "indptr") else block.astype(np.float64)
            if objective.fit_intercept:
                block = np.column_stack([block, np.ones(len(block))])
            margins = np.ascontiguousarray(block @ theta[self.places].T)
            weights = self.weights[here]
            shift = shift and _blind(objective, margins, self.y[here])
            if class_probabilities(objective.loss):
                p = objective.loss.probabilities(margins)
                wide = (p[:, :, None] * block[:, None, :]).reshape(len(block), -1)
                wide *= np.sqrt(weights)[:, None]
                H -= (wide.T @ wide).reshape(H.shape)
                own = ((block * np.sqrt(weights)[:, None]).T @ wide).reshape(width, K, width)
                H[range(K), :, range(K)] += own.transpose(1, 0, 2)
                continue
            for k in range(K):
                bends = _bends(objective, margins, self.y[here], k)
                factors = weights[:, None] * bends[:, k:]
                wide = (factors[:, :, None] * block[:, None, :]).reshape(len(block), -1)
                H[k, :, k:] += (block.T @ wide).reshape(width, K - k, width)
        for k in range(K):
            for j in range(k):
                H[k, :, j] = H[j, :, k].T
        order = np.argsort(self.places.ravel())
        H = H.reshape(K * width, K * width)[np.ix_(order, order)]
        H = (H + H.T) / 2
        weights_only = np.arange(K * objective.n_features)
        H[weights_only, weights_only] += objective.l2
        if shift:
            self._fill(H)
        return H

    def _fill(self, H: Vector) -> None:
        # A number added to all outputs changes no loss: without this H would be singular.
        K = len(self.places)
        free = range(self.places.shape[1])
        if self.objective.l2 > 0:
            free = range(self.objective.n_features, self.places.shape[1])
        for j in free:
            place = self.places[:, j]
            H[np.ix_(place, place)] += max(float(np.trace(H[np.ix_(place, place)])), 1e-300) / K**2


def _blind(objective: LinearModel, margins: Vector, y: Vector) -> bool:
    """Whether the loss does not see a number added to all outputs."""
    slopes = objective.loss.slopes(margins[:100], y[:100])
    return bool(np.abs(slopes.sum(axis=1)).max() <= 1e-12)


def _bends(objective: LinearModel, margins: Vector, y: Vector, k: int) -> Vector:
    """The derivatives of all slopes in the margin of output k: (n, K)."""
    above, below = margins.copy(), margins.copy()
    above[:, k] += APART
    below[:, k] -= APART
    apart = (above[:, k] - below[:, k])[:, None]
    bends: Vector = objective.loss.slopes(above, y) - objective.loss.slopes(below, y)
    return bends.reshape(margins.shape) / apart


def _scale(H: Vector) -> Vector:
    diagonal = np.diag(H)
    return 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))


def _least(H: Vector) -> float:
    scale = _scale(H)
    return float(np.linalg.eigvalsh(H * scale * scale[:, None])[0])


def _solved(H: Vector, right: Vector, ridge: float) -> Vector:
    """H⁻¹ right, H scaled and with a ridge; where that is not positive definite, with more."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    scale = _scale(H)
    H = H * scale * scale[:, None]
    places, added = np.arange(len(H)), ridge
    H[places, places] += ridge
    while True:
        try:
            return cho_solve(cho_factor(H), right * scale) * scale
        except LinAlgError:
            more = max(10 * added, 1e-13)
            H[places, places] += more - added
            added = more
            if added > 1e3:
                return right * scale**2


def _bound(
    objective: LinearModel, theta: Vector, slope: Vector, H: Vector, used: Any
) -> tuple[float, bool | None]:
    """How far L(θ) is above L*, and whether L has a minimiser, as far as that can be proven."""
    R = objective.loss.self_concordance
    if R is None or not np.isfinite(H).all():
        return math.inf, None
    scale = _scale(H)
    values = np.linalg.eigvalsh(H * scale * scale[:, None])
    # Second derivatives are known to some digits only, and with them H.
    K, d = objective.n_outputs, objective.n_features
    entries = _column_squares(objective)
    squares = np.concatenate([np.tile(entries[:d], K), np.repeat(entries[d:], K)])[used]
    most = _steepest_bend(objective, theta)
    doubt = DOUBT * K * most * float(np.sum(scale**2 * squares))
    least = float(values[0]) - doubt - 64 * len(used) * EPSILON
    if least <= 0:
        return math.inf, None
    loss_rounding, rounding = roundings(objective, theta, float(np.sum(scale**2 * squares)))
    slope = slope[used] * scale
    moved = np.linalg.solve(H * scale * scale[:, None], slope)
    decrement = math.sqrt(max(float(moved @ slope), 0.0) * (least + doubt) / least)
    decrement += rounding / math.sqrt(least)
    # Row i turns by ‖U [x_i 1]‖, at most ‖[x_i 1] scaled‖ times the scaled norm of U.
    widest = np.zeros(d + objective.fit_intercept)
    outputs = np.empty(objective.n_params, dtype=np.int64)
    outputs[: K * d] = np.tile(np.arange(d), K)
    outputs[K * d :] = d
    np.maximum.at(widest, outputs[used], scale)
    longest = R * float(row_norms(objective, widest).max())
    if longest * decrement > math.sqrt(least) / 2:
        return math.inf, None
    return 1.4 * decrement**2 + loss_rounding, True


def _steepest_bend(objective: LinearModel, theta: Vector) -> float:
    """The largest second derivative of any loss at θ, or its slope where that is larger."""
    margins = objective.margins(theta, objective.X)
    most = float(np.abs(objective.loss.slopes(margins, objective.y)).max())
    if objective.loss.curvature is not None:
        return max(most, objective.loss.curvature)
    for k in range(objective.n_outputs):
        most = max(most, float(np.abs(_bends(objective, margins, objective.y, k)).max()))
    return most


def bound_from_afar(objective: LinearModel, theta: Vector) -> float:
    r"""How far L(θ) is above L* where l2 > 0 but an intercept is free, however many parameters.

    With λ = l2, a the largest curvature of the mean loss in the weights and c its least in the
    intercepts, both at θ, ‖(u, v)‖_H² >= λ‖u‖² + (√c‖v‖ - √a‖u‖)², which is at least m‖(u, v)‖²
    for the least eigenvalue m of [[λ + a, -√(ac)], [-√(ac), c]]; then as for Newton's method.
    """
    R, l2 = objective.loss.self_concordance, objective.l2
    beta, K = objective.smoothness(), objective.n_outputs
    if R is None or not l2 or not objective.fit_intercept or beta is None:
        return math.inf
    margins = objective.margins(theta, objective.X)
    weights = row_weights(objective) / objective.n_samples
    C = np.stack([weights @ _bends(objective, margins, objective.y, k) for k in range(K)])
    C = (C + C.T) / 2
    if K > 1 and _blind(objective, margins, objective.y):
        C += 1.0 / K  # a number added to all outputs changes nothing
    c = float(np.linalg.eigvalsh(C)[0]) - 2 * DOUBT * K * _steepest_bend(objective, theta)
    a = max(beta - l2, 0.0)
    if c <= 0:
        return math.inf
    m = 0.999 * l2 * c / (l2 + a + c)  # the determinant over the trace: not above the eigenvalue
    squares = float(np.mean(row_weights(objective) * row_norms(objective) ** 2)) * K
    loss_rounding, rounding = roundings(objective, theta, squares)
    norm = float(np.linalg.norm(objective.gradient(theta))) + rounding
    longest = R * float(row_norms(objective).max())
    if longest * norm > m / 2:
        return math.inf
    return 1.4 * norm**2 / m + loss_rounding


def roundings(objective: LinearModel, theta: Vector, squares: float) -> tuple[float, float]:
    """How far L(θ) and ∇L(θ), as computed, may be from what they are.

    `squares` is the sum of the mean squares of all columns, in units in which the length of the
    gradient counts.
    """
    K, d, n = objective.n_outputs, objective.n_features, objective.n_samples
    margins = objective.margins(theta, objective.X)
    slopes = objective.loss.slopes(margins, objective.y).reshape(margins.shape)
    sizes = np.linalg.norm(slopes, axis=1)
    weights = row_weights(objective)
    rows = np.abs(theta[: K * d].reshape(K, d)).sum(axis=0)
    free = float(np.abs(theta[K * d :]).sum())
    # What rounding may do to a margin, and so to its loss and slope.
    spans = np.empty(n)
    for first, block in row_blocks(objective, dense=False):
        spans[first : first + block.shape[0]] = abs(block) @ rows + free
    spans *= 4 * math.sqrt(d + 1)
    steps = 8 * math.sqrt(n)
    ridge = objective.l2 * float(theta @ theta)
    losses = np.abs(objective.loss.values(margins, objective.y))
    loss = EPSILON * (steps * (float(np.mean(weights * losses)) + ridge) + float(
        np.mean(weights * sizes * spans)))  # fmt: skip
    errors = (steps + d) * sizes + _steepest_bend(objective, theta) * spans
    slope = math.sqrt(float(np.mean(weights * errors**2)) * squares)
    return loss, EPSILON * (slope + (steps + d) * objective.l2 * float(np.linalg.norm(theta)))


def _column_squares(objective: LinearModel) -> Vector:
    """The weighted mean squares of the columns of X, then of that of ones."""
    total = np.zeros(objective.n_features)
    weights = row_weights(objective) / objective.n_samples
    for first, block in row_blocks(objective):
        total += weights[first : first + len(block)] @ block**2
    return np.append(total, 1.0) if objective.fit_intercept else total
