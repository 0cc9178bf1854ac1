r"""How far above its minimum an objective is, at most: the duality gap.

For F(w, b) = Σ c_i ℓ_i(x_i·w + b) + (λ/2) ‖w‖² + κ ‖w‖₁, Σ c_i = 1, and any u with Σ c_i u_i = 0
(where there is an intercept), Fenchel's inequality gives

.. math:: F^* ≥ -\sum_i c_i\, ℓ_i^*(u_i) - \frac{1}{2λ} \|\operatorname{soft}(X^T (c u), κ)\|^2

and equality at u_i = ℓ_i'(z_i). So the slopes at a point near the minimum, moved a little to be
admissible, prove how near it is. Without the quadratic, X^T (c u) must not exceed κ.

References: Fenchel 1949; Rockafellar 1970, Convex Analysis, section 31.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from fastgd import losses
from fastgd.objectives import LinearModel, Objective
from fastgd.penalties import L1, L2, ElasticNet
from fastgd.theory import proximal
from fastgd.theory.constants import EPSILON, convex, ours, smooth, strong_convexity

__all__ = ["gap_bound"]

Vector = NDArray[np.float64]

# Of a bound that rounding must not pass.
BELOW = 1.0 - 1e-12

KNOWN = (
    losses.Squared, losses.Logistic, losses.Softmax, losses.SquaredHinge, losses.ModifiedHuber,
    losses.Huber, losses.Poisson,
)  # fmt: skip


def gap_bound(objective: Objective, theta: Any) -> float:
    r"""A proven bound of F(θ) - F*; inf where none is found.

    The least of what is known: :math:`\|∇F(θ)\|^2/(2μ)` where F is smooth and μ-strongly convex,
    the same of the gradient mapping where its penalty is not smooth, and the duality gap of a
    linear model.

    Parameters
    ----------
    objective : Objective
    theta : (n_params,) array

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        θ of another shape, not real or not finite.

    References
    ----------
    Nesterov 2004, Introductory Lectures on Convex Optimization, theorem 2.1.10. Nesterov 2013,
    Gradient methods for minimizing composite functions. Fenchel 1949, On conjugate convex
    functions.

    Examples
    --------
    >>> f = gd.LeastSquares([[1.0], [2.0]], [1.0, 2.0], l2=0.1)
    >>> best = gd.theory.optimum(f)
    >>> f.value([0.5]) - best.loss <= gd.theory.gap_bound(f, [0.5]) < 1.0
    True
    """
    value, gradient = objective.value_and_gradient(theta)
    theta = np.asarray(theta, dtype=np.float64)
    # What rounding may have done to the value, and to what it is compared with.
    rounding = 64 * EPSILON * abs(value)
    found = math.inf
    if not has_gap_bound(objective):
        return found
    curvature = convexity(objective)
    if curvature > 0 and smooth(objective):
        found = float(gradient @ gradient) / (2 * curvature) + rounding
    elif curvature > 0 and isinstance(objective, LinearModel) and objective.smoothness():
        # That of the end of a proximal step, which is not above F(θ).
        after = proximal.step(objective, theta, gradient, objective.smoothness() or 0.0)
        norm = proximal.mapping_norm(objective, theta, gradient)
        found = max(value - objective.value(after), 0.0) + norm**2 / (2 * curvature) + rounding
    if isinstance(objective, LinearModel) and _has_conjugate(objective):
        found = min(found, gap(objective, theta, value) + rounding)
    return found


def has_gap_bound(objective: Objective) -> bool:
    """Whether `gap_bound` knows anything of such an objective."""
    if not ours(objective) or not convex(objective):
        return False
    if isinstance(objective, LinearModel) and _has_conjugate(objective):
        return True
    if not smooth(objective) and not (
        isinstance(objective, LinearModel) and objective.smoothness()
    ):
        return False
    return convexity(objective) > 0


def convexity(objective: Objective) -> float:
    """μ, found once for each objective."""
    known: float | None = objective.__dict__.get("_convexity")
    if known is None:
        known = strong_convexity(objective) or 0.0
        objective.__dict__["_convexity"] = known
    return known


def _has_conjugate(f: LinearModel) -> bool:
    return isinstance(f.loss, KNOWN) and isinstance(f.penalty, (L1, L2, ElasticNet))


def gap(f: LinearModel, theta: Vector, value: float | None = None) -> float:
    """A bound of F(theta) - F*; inf where none is known."""
    return bounds(f, theta, value)[0]


def bounds(f: LinearModel, theta: Vector, value: float | None = None) -> tuple[float, float]:
    """A bound of F(theta) - F*, which is inf where none is known; and F(theta)."""
    if not isinstance(f.loss, KNOWN):
        return math.inf, f.value(theta) if value is None else value
    margins = f.margins(theta, f.X)
    n = len(margins)
    c = np.full(n, 1.0 / n) if f.sample_weight is None else f.sample_weight / f.sample_weight.sum()
    y = f.y if f.y.ndim == 2 else f.y[:, None]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        values, slopes = f.loss._evaluate(margins, f.y)
        slopes = slopes.reshape(margins.shape)
        if isinstance(f.loss, losses.Softmax):
            u, conjugate = _simplex(slopes, np.eye(f.n_outputs)[f.y.astype(int)], c, f)
        elif isinstance(f.loss, losses.Logistic):
            u, conjugate = _unit(slopes, y, c, f)
        else:
            u, conjugate = _admissible(slopes, y, c, f)
        lower = -_penalised(f, u * c[:, None]) - conjugate
        if value is None:
            # Of the margins, which are at hand.
            value = float(c @ values)
            if f.penalty is not None:
                value += f.penalty.value(theta[: f.n_outputs * f.n_features])
        return float(max(0.0, value - lower)) if math.isfinite(lower) else math.inf, value


def _penalised(f: LinearModel, weighted: Vector) -> float:
    # The conjugate of the penalty at -X^T (c u).
    product = np.abs(np.asarray(f.X.T @ weighted, dtype=np.float64))
    l2, l1 = 0.0, 0.0
    if isinstance(f.penalty, L2):
        l2 = f.penalty.l2
    elif isinstance(f.penalty, L1):
        l1 = f.penalty.l1
    elif isinstance(f.penalty, ElasticNet):
        l2 = f.penalty.strength * (1.0 - f.penalty.ratio)
        l1 = f.penalty.strength * f.penalty.ratio
    beyond = np.maximum(product - l1, 0.0)
    if l2 == 0.0:
        return math.inf if beyond.any() else 0.0
    return float(np.sum(beyond**2)) / (2.0 * l2)


def _blend(q: Vector, target: Vector, c: Vector, f: LinearModel) -> Vector:
    """Probabilities (n, K) whose weighted mean is that of the targets: mixed with a constant."""
    if not f.fit_intercept:
        return q
    wanted, mean = c @ target, c @ q
    excess = mean - wanted
    part = float(np.max(np.where(excess > 0.0, excess / mean, 0.0)))
    if not 0.0 < part < 1.0:
        return q if part <= 0.0 else target
    rest = np.maximum((wanted - (1.0 - part) * mean) / part, 0.0)
    return (1.0 - part) * q + part * rest


def _simplex(slopes: Vector, target: Vector, c: Vector, f: LinearModel) -> tuple[Vector, float]:
    q = _shrunk(_blend(slopes + target, target, c, f), target, c, f)
    return q - target, -float(np.sum(c @ entr(q)))


def _unit(slopes: Vector, y: Vector, c: Vector, f: LinearModel) -> tuple[Vector, float]:
    q = slopes + y
    if f.fit_intercept:
        # The probabilities of the class that has too much are scaled down.
        wanted, mean = c @ y, c @ q
        for k in range(q.shape[1]):
            if mean[k] > wanted[k]:
                q[:, k] *= wanted[k] / mean[k]
            elif mean[k] < wanted[k]:
                q[:, k] = 1.0 - (1.0 - q[:, k]) * ((1.0 - wanted[k]) / (1.0 - mean[k]))
    q = _shrunk(q, y, c, f)
    return q - y, -float(np.sum(c @ (entr(q) + entr(1.0 - q))))


def _shrunk(q: Vector, target: Vector, c: Vector, f: LinearModel) -> Vector:
    # Without a quadratic the slopes are scaled until the penalty bears them.
    if not isinstance(f.penalty, L1):
        return q
    most = float(np.max(np.abs(f.X.T @ ((q - target) * c[:, None]))))
    return q if most <= f.penalty.l1 else target + (q - target) * (f.penalty.l1 / most * BELOW)


def _admissible(slopes: Vector, y: Vector, c: Vector, f: LinearModel) -> tuple[Vector, float]:
    loss, u = f.loss, slopes
    if isinstance(loss, (losses.SquaredHinge, losses.ModifiedHuber)):
        sign = 2.0 * y - 1.0
        t = -sign * u
        if f.fit_intercept:
            up = np.sum(c[:, None] * np.where(sign > 0, t, 0.0), axis=0)
            down = np.sum(c[:, None] * np.where(sign < 0, t, 0.0), axis=0)
            least = np.minimum(up, down)
            t = t * np.where(sign > 0, least / np.where(up > 0, up, 1.0),
                             least / np.where(down > 0, down, 1.0))  # fmt: skip
        u = _shrunk(-sign * t, np.zeros_like(t), c, f)
        t = -sign * u
        return u, float(c @ (t**2 / 4.0 - t).sum(axis=1))
    if isinstance(loss, losses.Poisson):
        mean = u + y
        if f.fit_intercept:
            mean = mean * ((c @ y) / (c @ mean))
        if isinstance(f.penalty, L1):
            mean = _shrunk(mean, y, c, f)
        return mean - y, -float(np.sum(c @ (entr(mean) + mean)))
    if f.fit_intercept:
        shift = c @ u
        u = u - shift
        if isinstance(loss, losses.Huber):
            u = u * (loss.epsilon / (loss.epsilon + np.abs(shift)))
    u = _shrunk(u, np.zeros_like(u), c, f)
    curvature = 2.0 if isinstance(loss, losses.Squared) else 1.0
    return u, float(c @ (u * y + u**2 / (2.0 * curvature)).sum(axis=1))
