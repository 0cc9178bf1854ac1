r"""The minimum of a linear model whose loss has a kink, by its dual, and a proof of it.

For F(w, b) = Σ c_i ℓ_i(x_i·w + b) + λ/2 ‖w‖² + κ ‖w‖₁ with λ > 0 the dual is smooth, on a box:

.. math:: \max_u\; -\sum_i c_i ℓ_i^*(u_i) - \frac{1}{2λ} \|\operatorname{soft}(X^T (c u), κ)\|^2,
          \quad \sum_i c_i u_i = 0 \text{ where there is an intercept}

SciPy's L-BFGS-B takes the box, an augmented Lagrangian the sum, whose multiplier is the intercept.
Any u of the box, moved a little so that the sum is 0, gives a weight vector and a bound of F*.
"""

import math
from collections.abc import Callable
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from fastgd import losses
from fastgd.objectives import LinearModel, row_weights
from fastgd.penalties import L2, ElasticNet
from fastgd.theory.quadratics import Found

__all__: list[str] = []

Vector = NDArray[np.float64]

ROUNDS = 40
STEPS = 500


def applies(f: Any) -> TypeGuard[LinearModel]:
    """Whether it is a linear model of that kind, with one output and a quadratic penalty."""
    if not isinstance(f, LinearModel) or f.n_outputs != 1 or _strengths(f)[0] == 0.0:
        return False
    return type(f.loss) in (
        losses.Hinge, losses.Perceptron, losses.Quantile, losses.EpsilonInsensitive
    )  # fmt: skip


def _strengths(f: LinearModel) -> tuple[float, float]:
    if isinstance(f.penalty, L2):
        return f.penalty.l2, 0.0
    if isinstance(f.penalty, ElasticNet):
        return f.penalty.strength * (1 - f.penalty.ratio), f.penalty.strength * f.penalty.ratio
    return 0.0, 0.0


class _Dual:
    """The dual in variables of a box: u = from a (and of two signs, from both)."""

    def __init__(self, f: LinearModel) -> None:
        self.f, y, n = f, f.y, f.n_samples
        self.l2, self.l1 = _strengths(f)
        self.c = row_weights(f) / n
        # u = sign a + offset, ℓ*(u) = slope a + constant, 0 <= a <= top.
        sign, top, slope = np.ones(n), np.ones(n), np.zeros(n)
        self.offset, constant = np.zeros(n), np.zeros(n)
        self.twice = type(f.loss) is losses.EpsilonInsensitive
        if isinstance(f.loss, losses.Hinge):
            sign, slope = 1.0 - 2.0 * y, -np.ones(n)
        elif isinstance(f.loss, losses.Perceptron):
            sign = 1.0 - 2.0 * y
        elif isinstance(f.loss, losses.Quantile):
            self.offset = np.full(n, -f.loss.quantile)
            constant, slope = self.offset * y, y
        else:
            epsilon = f.loss.epsilon  # type: ignore[attr-defined]
            sign = np.concatenate([sign, -sign])
            slope = np.concatenate([y + epsilon, -y + epsilon])
            top = np.ones(2 * n)
        self.sign, self.slope, self.top = sign, slope, top
        self.constant = float(self.c @ constant)
        self.weights = np.concatenate([self.c, self.c]) if self.twice else self.c

    def u(self, a: Vector) -> Vector:
        moved = self.sign * a
        if self.twice:
            n = len(self.c)
            moved = moved[:n] + moved[n:]
        u: Vector = moved + self.offset
        return u

    def coefficients(self, u: Vector) -> Vector:
        v = np.asarray(self.f.X.T @ (self.c * u), dtype=np.float64)
        w: Vector = -np.sign(v) * np.maximum(np.abs(v) - self.l1, 0.0) / self.l2
        return w

    def cost(self, a: Vector) -> float:
        return float(self.weights @ (self.slope * a)) + self.constant

    def lagrangian(self, a: Vector, b: float, stiffness: float) -> tuple[float, Vector]:
        """The dual's negative, with what the intercept asks of it, and its gradient in a."""
        u = self.u(a)
        w = self.coefficients(u)
        sum_u = float(self.c @ u) if self.f.fit_intercept else 0.0
        value = self.cost(a) + self.l2 / 2 * float(w @ w) - b * sum_u + stiffness / 2 * sum_u**2
        # The derivative of the quadratic by u_i is -c_i x_i·w.
        slope = -np.asarray(self.f.X @ w, dtype=np.float64)
        if self.f.fit_intercept:
            slope = slope - b + stiffness * sum_u
        if self.twice:
            slope = np.concatenate([slope, slope])
        return value, self.weights * (self.slope + self.sign * slope)

    def lower(self, a: Vector) -> float:
        """A proven bound of F*, from a moved so that it is admissible."""
        if self.f.fit_intercept:
            a = self._balanced(a)
        u = self.u(a)
        if self.f.fit_intercept and abs(float(self.c @ u)) > 1e-13:
            return -math.inf
        w = self.coefficients(u)
        return -self.cost(a) - self.l2 / 2 * float(w @ w)

    def _balanced(self, a: Vector) -> Vector:
        # The part of u that pulls too much is shortened towards 0, which the box contains.
        u = self.u(a)
        up, down = float(self.c @ np.maximum(u, 0)), float(self.c @ np.maximum(-u, 0))
        least = min(up, down)
        factor = np.where(u > 0, least / up if up > 0 else 1.0, least / down if down > 0 else 1.0)
        if self.twice:
            return np.asarray(a * np.concatenate([factor, factor]))
        # a = sign (u - offset), the signs being their own inverses.
        return np.clip(self.sign * (factor * u - self.offset), 0.0, self.top)


def solve(
    f: LinearModel, tol: float = 0.0, enough: Callable[[float, float], bool] | None = None
) -> Found:
    """θ near the minimum and a bound of F(θ) - F*; ends where the bound is at most `tol`.

    `enough` is told of the loss and the bound after each round, and may end it too.
    """
    from scipy.optimize import minimize

    dual = _Dual(f)
    a = dual.top / 2 if not dual.twice else np.zeros(len(dual.top))
    b, stiffness = 0.0, 1.0
    best_theta = np.zeros(f.n_params)
    best, highest = f.value(best_theta), -math.inf
    bounds = np.column_stack([np.zeros(len(a)), dual.top])
    for _ in range(ROUNDS):
        found = minimize(
            dual.lagrangian, a, (b, stiffness), jac=True, method="L-BFGS-B", bounds=bounds,
            options={"maxiter": STEPS, "maxfun": 2 * STEPS, "ftol": 0.0, "gtol": 1e-12,
                     "maxcor": 20},
        )  # fmt: skip
        a = np.clip(found.x, 0.0, dual.top)
        u = dual.u(a)
        if f.fit_intercept:
            b -= stiffness * float(dual.c @ u)
            stiffness *= 2.0
        w = dual.coefficients(u)
        theta = np.append(w, b) if f.fit_intercept else w
        loss = f.value(theta)
        if loss < best:
            best, best_theta = loss, theta
        highest = max(highest, dual.lower(a))
        gap = max(best - highest, 0.0) + 64 * np.finfo(float).eps * abs(best)
        if gap <= max(tol, 1e-12 * abs(best)) or (enough is not None and enough(best, gap)):
            break
    return Found(best_theta, gap, True)
