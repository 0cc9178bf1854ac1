r"""Penalties that are not smooth: the gradient mapping, the minimum by FISTA, and its bound.

A proximal step from θ ends at θ⁺ = prox_{Ω/β}(θ - ∇L/β). The gradient mapping β(θ - θ⁺) stands for
the gradient: it is 0 at a minimiser and nowhere else.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.objectives import LinearModel, Objective
from fastgd.penalties import L1, Box, ElasticNet
from fastgd.theory.constants import convex, least_possible, ours, strong_convexity
from fastgd.theory.quadratics import Found

__all__: list[str] = []

Vector = NDArray[np.float64]

MOST_STEPS = 50_000


def step(objective: Any, theta: Vector, gradient: Vector, beta: float) -> Vector:
    """θ⁺: the proximal step of length 1/β; intercepts are free."""
    moved = theta - gradient / beta
    weights = objective.n_outputs * objective.n_features
    proxed: Vector = objective.penalty.prox(moved, 1 / beta)
    proxed[weights:] = moved[weights:]
    return proxed


def mapping_norm(objective: Objective, theta: Vector, gradient: Vector) -> float:
    """‖β(θ - θ⁺)‖ of a linear model; ‖∇L‖ where there is no β, or no such step."""
    beta = objective.smoothness()
    if beta and isinstance(objective, LinearModel) and objective.penalty is not None:
        if not objective.penalty.smooth:
            return beta * float(np.linalg.norm(theta - step(objective, theta, gradient, beta)))
    return float(np.linalg.norm(gradient))


def fista(objective: Objective, theta: Vector, show: Callable[..., None]) -> Found:
    """FISTA (Beck and Teboulle 2009), begun anew where it overshoots (O'Donoghue and Candès 2015).

    The error is ‖mapping‖²/(2μ), for F of strong convexity μ (Nesterov 2013, Gradient methods for
    minimizing composite functions), or the gap between F and its tangents.
    """
    beta = objective.smoothness()
    if not isinstance(objective, LinearModel) or not ours(objective) or not beta:
        return Found(theta)
    penalty = objective.penalty
    if penalty is None or penalty.smooth:  # the loss has a kink instead
        return Found(theta)
    theta = step(objective, theta, np.zeros(len(theta)), beta)  # where F is finite
    curvature = strong_convexity(objective) or 0.0
    point, momentum = theta, 1.0
    for number in range(MOST_STEPS):
        loss, gradient = objective.value_and_gradient(point)
        show(f"FISTA's step {number + 1}", loss, gradient)
        moved = step(objective, point, gradient, beta)
        mapping = beta * (point - moved)
        if float(np.linalg.norm(mapping)) <= 1e-15 * beta * max(1.0, float(np.linalg.norm(point))):
            theta = moved
            break
        if float(mapping @ (moved - theta)) > 0:
            momentum, point = 1.0, theta
            theta = step(objective, theta, objective.gradient(theta), beta)
            point = theta
            continue
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        point = moved + (momentum - 1) / following * (moved - theta)
        theta, momentum = moved, following
    loss, gradient = objective.value_and_gradient(theta)
    error = _tangent_gap(objective, theta, loss, gradient)
    if curvature > 0:
        # The bound is one of the loss at the end of the step, which is not above that at θ.
        after = step(objective, theta, gradient, beta)
        mapping = beta * (theta - after)
        least = objective.value(after)
        bound = float(mapping @ mapping) / (2 * curvature) + 8e-16 * abs(loss)
        error = min(error, max(loss - least, 0.0) + bound)
    if not convex(objective):
        error = math.inf
    return Found(theta, error, True if math.isfinite(error) else None)


def _tangent_gap(objective: LinearModel, theta: Vector, loss: float, gradient: Vector) -> float:
    """F(θ) less the least of L's tangent at θ plus Ω, over all θ that may be the minimiser."""
    if objective.fit_intercept:
        return math.inf
    penalty = objective.penalty
    slope = float(gradient @ theta)
    if isinstance(penalty, Box):
        low, high = (np.broadcast_to(one, theta.shape) for one in (penalty.low, penalty.high))
        ends = np.where(gradient > 0, low, high)
        least = np.sum(np.where(gradient == 0, 0.0, gradient * np.where(gradient == 0, 0.0, ends)))
        return float(slope - least)
    strength = 0.0
    if isinstance(penalty, L1):
        strength = penalty.l1
    elif isinstance(penalty, ElasticNet):
        strength = penalty.strength * penalty.ratio
    if not strength:
        return math.inf
    # No minimiser has a larger norm: its penalty alone would exceed F(θ).
    reach = (loss - least_possible(objective)) / strength
    excess = max(float(np.abs(gradient).max()) - strength, 0.0)
    rounding = 1e-14 * (abs(slope) + abs(loss))
    return float(strength * np.abs(theta).sum() + slope + excess * reach + rounding) + (
        penalty.value(theta) - strength * float(np.abs(theta).sum())  # type: ignore[union-attr]
    )
