r"""What theory guarantees of a run: β, μ, σ², the bounds of the theorems, and certificates.

Every bound is a function of plain numbers. `certificate` puts them beside what a run did, and
`expectation` beside what many runs did. Where something is unknown, the side is taken on which a
wrong answer would be against the user: a bound may come out too small here, never too large.

L* is the least loss, Δ_0 = L(θ_0) - L*, R = ‖θ_0 - θ*‖, T the number of steps. Assumption A:
indices independent and uniform, E ∇ℓ_i = ∇L, E ‖∇ℓ_i‖² <= σ² + ‖∇L‖².
"""

import dataclasses
import math
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import objectives, schedules
from fastgd.callbacks import Progress, Stop
from fastgd.checks import as_count, as_vector
from fastgd.history import Result, Setting
from fastgd.objectives import (
    Function,
    LeastSquares,
    LinearModel,
    Objective,
    Quadratic,
    gram_matrix,
)
from fastgd.optimizers import SGD, Nesterov, Optimizer
from fastgd.run import minimize
from fastgd.views import view

__all__ = [
    "Assumption", "Certificate", "Optimum", "Plan", "Row", "certificate", "descent", "expectation",
    "noise_floor", "optimum", "path", "plan", "proposition_1", "smoothness", "strong_convexity",
    "theorem_1", "theorem_2", "theorem_3", "theorem_4", "theorem_5", "theorem_6", "variance",
    "variance_bound",
]  # fmt: skip

Vector = NDArray[np.float64]

EPSILON = float(np.finfo(np.float64).eps)
# 1/(1/β) is not always β: rates this near to 1/β count as 1/β.
RATE_SLACK = 1 + 4 * EPSILON
# Sums of squares of sample gradients are taken over blocks of about so many numbers.
BLOCK_NUMBERS = 1 << 18
# L* counts as known when the error is at most this part of Δ_0.
KNOWN = 1e-9
# A run whose replay costs more multiplications than this is replayed on request only.
CHEAP = 5e9
# What a step of a replay costs besides, in multiplications: its record, in Python.
STEP_WORK = 50_000


# What is known of an objective.


def smoothness(objective: Objective) -> float | None:
    """β, the Lipschitz constant of ∇L, from above; None where none is known.

    Examples
    --------
    >>> gd.theory.smoothness(gd.Quadratic(np.diag([1.0, 4.0]))).__round__(9)
    4.0
    """
    return objective.smoothness()


def strong_convexity(objective: Objective) -> float | None:
    """μ, the least curvature of L over all θ, from below; None where it is unknown.

    Parameters
    ----------
    objective : Objective

    Returns
    -------
    float or None
        0 for a convex objective without strong convexity: a logistic loss flattens far out, so
        only its l2 term counts, and that leaves an intercept alone. Negative for a quadratic form
        that is not convex. None for a `Function` and for networks.

    Examples
    --------
    >>> round(gd.theory.strong_convexity(gd.Quadratic(np.diag([1.0, 4.0]))), 9)
    1.0
    >>> gd.theory.strong_convexity(gd.LogisticRegression([[1.0], [2.0]], [0, 1], l2=0.5))
    0.5
    """
    hessian = _hessian(objective)
    if hessian is not None:
        values = np.linalg.eigvalsh(hessian)
        lowest = float(values[0] - 1e-11 * np.abs(values).max())
        return lowest if objective.convex is not True else max(lowest, 0.0)
    if isinstance(objective, LinearModel) and _ours(objective):
        return 0.0 if objective.fit_intercept else objective.l2
    return None


def _ours(objective: Objective) -> bool:
    """Whether β and convexity are ours to vouch for; a subclass may have changed anything."""
    kind = type(objective)
    return kind.__module__ == objectives.__name__ and kind is not Function


def variance(objective: Objective, theta: Any) -> float:
    r"""σ² at θ: the trace of the covariance of the gradients of single observations.

    .. math:: σ^2 = \frac{1}{n} \sum_i \|∇ℓ_i(θ) - ∇L(θ)\|^2

    the smallest with which assumption A holds at θ. The l2 term is the same for all i and drops
    out.

    Parameters
    ----------
    objective : Objective with observations
    theta : (n_params,) array

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An objective without observations; a θ of another shape.

    Notes
    -----
    Exact, over all the data, in blocks of rows: memory O(n_params + block). Blocks are merged by
    the formula of Chan, Golub and LeVeque 1979, so nothing cancels.

    Examples
    --------
    >>> f = gd.LeastSquares([[1.0], [1.0]], [0.0, 2.0])
    >>> gd.theory.variance(f, [1.0])
    4.0
    """
    n = objective.n_samples
    if n is None:
        raise ValueError(f"{type(objective).__name__} has no observations, so no variance")
    theta = as_vector("theta", theta, objective.n_params)
    size = max(1, BLOCK_NUMBERS // objective.n_params)
    mean, total = np.zeros(objective.n_params), 0.0
    for first in range(0, n, size):
        rows = np.arange(first, min(n, first + size))
        block = objective.sample_gradients(theta, rows)
        centre = block.mean(axis=0)
        block -= centre
        apart = centre - mean
        both = first + len(rows)
        # einsum: BLAS would wake its threads for each block, which costs more than the sum.
        total += float(np.einsum("ij,ij->", block, block))
        total += float(apart @ apart) * first * len(rows) / both
        mean += apart * (len(rows) / both)
    return total / n


def variance_bound(objective: Objective) -> float | None:
    r"""A σ² that serves at every θ, or None where none is known.

    The derivative of the logistic loss is at most 1 and that of the softmax loss at most √2 in
    norm, so σ² <= c · mean ‖[x_i 1]‖² with c = 1 or 2. The squared loss has no such bound.

    Examples
    --------
    >>> gd.theory.variance_bound(gd.LogisticRegression([[3.0], [4.0]], [0, 1]))
    12.5
    """
    if not isinstance(objective, LinearModel) or not _ours(objective):
        return None
    steepest = objective.loss.steepest**2
    if not math.isfinite(steepest):
        return None
    total = 0.0
    for first in range(0, objective.n_samples, 8192):
        block = objective.X[first : first + 8192]
        if hasattr(block, "tocsr"):
            total += float(np.sum(block.astype(np.float64).data ** 2))
        else:
            total += float(np.sum(np.asarray(block, dtype=np.float64) ** 2))
    return steepest * (total / objective.n_samples + objective.fit_intercept)


@dataclass(frozen=True)
class Optimum:
    """The least loss as far as it is known.

    Attributes
    ----------
    loss : float
        L at `theta`; -inf where L has no lower bound.
    theta : (n_params,) float64
    grad_norm : float
        ‖∇L(theta)‖.
    error : float
        L* is at most this much below `loss`; inf where no such bound is known.
    given : bool
        Whether the loss was given rather than found.
    """

    loss: float
    theta: Vector = field(repr=False)
    grad_norm: float
    error: float
    given: bool = False


def optimum(objective: Objective, theta0: Any = None) -> Optimum:
    """The least loss L* and a point θ* that has it.

    Parameters
    ----------
    objective : Objective
    theta0 : (n_params,) array, optional
        Where to start; of several minimisers of a quadratic the nearest to it is taken. By default
        ``objective.initial_point()``.

    Returns
    -------
    Optimum

    Notes
    -----
    `Quadratic` and `LeastSquares` of up to 2048 parameters by their eigenvectors, everything else
    by scipy's L-BFGS, begun anew until the loss does not fall any more. The error is bounded by
    ‖∇L‖²/(2μ) where μ > 0, and for losses that are never negative by the loss itself.

    Examples
    --------
    >>> best = gd.theory.optimum(gd.Quadratic(np.diag([1.0, 4.0]), [1.0, 4.0]))
    >>> round(best.loss, 9), best.theta.round(9)
    (-2.5, array([1., 1.]))
    """
    if theta0 is None:
        theta = objective.initial_point()
    else:
        theta = as_vector("theta0", theta0, objective.n_params).copy()
    hessian = _hessian(objective)
    if hessian is not None:
        theta, curvature = _solve(objective, hessian, theta)
        if curvature is None:
            return Optimum(-math.inf, theta, math.nan, 0.0)
    else:
        theta = _lbfgs(objective, theta)
        curvature = strong_convexity(objective) or 0.0
    loss, gradient = objective.value_and_gradient(theta)
    norm = float(np.linalg.norm(gradient))
    error = norm**2 / (2 * curvature) if curvature > 0 else math.inf
    if isinstance(objective, LinearModel) and _ours(objective):
        if error > KNOWN * abs(loss):
            theta, loss, norm, local = _polished(objective, theta)
            error = min(error, local)
        error = min(error, loss)
    return Optimum(loss, theta, norm, error)


def _hessian(objective: Objective) -> Vector | None:
    """The second derivative of L where it is the same everywhere and small enough to write down."""
    if type(objective) is Quadratic:
        return objective.A
    if type(objective) is not LeastSquares or objective.n_params > objectives.EXACT_WIDTH:
        return None
    hessian = 2 / objective.n_samples * gram_matrix(objective.X, objective.fit_intercept)
    weights = np.arange(objective.n_features)
    hessian[weights, weights] += objective.l2
    return hessian


def _solve(objective: Objective, hessian: Vector, theta: Vector) -> tuple[Vector, float | None]:
    """The minimiser of a quadratic that is nearest to θ, and the least curvature that is not 0.

    The latter is None where L has no lower bound.
    """
    values, vectors = np.linalg.eigh(hessian)
    kept = values > 1e-13 * len(values) * np.abs(values).max(initial=0.0)
    if values[0] < 0 and objective.convex is not True:
        return theta, None
    values, vectors = values[kept], vectors[:, kept]
    slope = float(np.linalg.norm(objective.gradient(theta)))
    for _ in range(3):  # the second and third take off the rounding of the one before
        theta = theta - vectors @ ((vectors.T @ objective.gradient(theta)) / values)
    left = float(np.linalg.norm(objective.gradient(theta)))
    if objective.convex is not True or isinstance(objective, Quadratic):
        scale = slope + float(np.linalg.norm(objective.gradient(np.zeros(len(theta)))))
        if left > 1e-8 * scale:
            return theta, None
    return theta, float(values[0]) if len(values) else math.inf


def _lbfgs(objective: Objective, theta: Vector) -> Vector:
    from scipy.optimize import minimize as scipy_minimize

    loss = objective.value(theta)
    options = {"maxiter": 20_000, "maxfun": 40_000, "ftol": 0.0, "gtol": 1e-14, "maxcor": 30}
    for _ in range(20):
        found = scipy_minimize(
            objective.value_and_gradient, theta, jac=True, method="L-BFGS-B", options=options
        )
        if not found.fun < loss:
            break
        theta, loss = found.x, found.fun
    return theta


def _polished(objective: LinearModel, theta: Vector) -> tuple[Vector, float, float, float]:
    r"""Newton's steps from near the minimum: θ, L, ‖∇L‖, and how far L may be above L*.

    Along every line the third derivative of a logistic or softmax loss is at most R times the
    second, R being the longest [x_i 1] (times √2 for softmax): Bach 2010, Self-concordant analysis
    for logistic regression. So with λ, the least curvature at θ, and R‖∇L‖ <= λ/2, no ray from θ
    falls for longer than -ln(1 - R‖∇L‖/λ)/R <= 1.4 ‖∇L‖/λ, nor by more than ‖∇L‖ times that.
    """
    loss, gradient = objective.value_and_gradient(theta)
    unknown = theta, loss, float(np.linalg.norm(gradient)), math.inf
    longest = variance_bound(objective)
    if longest is None or objective.n_params > 1024:
        return unknown
    # A mean of squares times n is at least their maximum.
    longest = math.sqrt(longest * objective.n_samples)
    least = 0.0
    for _ in range(2):
        hessian = _measured_hessian(objective, theta)
        size = objective.smoothness()
        hessian += size * _unseen(objective)
        # Differences of gradients know the curvature to about nine digits.
        least = float(np.linalg.eigvalsh(hessian)[0]) - 1e-7 * size
        if least <= 0:
            return unknown
        moved = theta - np.linalg.solve(hessian, gradient)
        moved_loss, moved_gradient = objective.value_and_gradient(moved)
        if np.linalg.norm(moved_gradient) >= np.linalg.norm(gradient):
            break
        theta, loss, gradient = moved, moved_loss, moved_gradient
    norm = float(np.linalg.norm(gradient))
    # The curvature was measured one short step before.
    local = 1.5 * norm**2 / least if longest * norm <= least / 4 else math.inf
    return theta, loss, norm, local


def _measured_hessian(objective: Objective, theta: Vector) -> Vector:
    h = 1e-5
    rows = [
        (objective.gradient(theta + h * e) - objective.gradient(theta - h * e)) / (2 * h)
        for e in np.eye(objective.n_params)
    ]
    hessian = np.array(rows)
    return (hessian + hessian.T) / 2


def _unseen(objective: LinearModel) -> Vector:
    """The projection on the directions in which L never changes.

    Softmax does not see a number added to all outputs; the l2 term does, but not in the intercepts.
    """
    K, d = objective.n_outputs, objective.n_features
    projection = np.zeros((objective.n_params, objective.n_params))
    if K == 1:
        return projection
    places = [K * d + np.arange(K)] if objective.fit_intercept else []
    if objective.l2 == 0:
        places += [j + d * np.arange(K) for j in range(d)]
    for place in places:
        projection[np.ix_(place, place)] = 1 / K
    return projection


# The theorems.


def theorem_1(beta: float, distance: float, steps: Any) -> Any:
    r"""Bound of L(θ_T) - L* under gradient descent on a convex β-smooth L, η = 1/β: βR²/(2T).

    Parameters
    ----------
    beta, distance : float
        β > 0 and R = ‖θ_0 - θ*‖ >= 0.
    steps : int or array of int, at least 1
        T.

    Returns
    -------
    float or array, like `steps`

    Raises
    ------
    ValueError
        A number outside its range.

    References
    ----------
    Bubeck 2015, Convex Optimization, theorem 3.3 (with another constant). The exact worst case is
    βR²/(4T + 2): Drori and Teboulle 2014, Performance of first-order methods for smooth convex
    minimization.

    Examples
    --------
    >>> gd.theory.theorem_1(beta=4.0, distance=1.0, steps=10)
    0.2
    """
    _require(beta=beta, distance=distance)
    return beta * distance**2 / (2 * _steps(steps))


def theorem_2(beta: float, gap: float, steps: Any) -> Any:
    r"""Bound of min_{t<T} ‖∇L(θ_t)‖² under gradient descent, η = 1/β, L β-smooth: 2βΔ_0/T.

    Parameters
    ----------
    beta, gap : float
        β > 0 and Δ_0 = L(θ_0) - L* >= 0.
    steps : int or array of int, at least 1

    Returns
    -------
    float or array, like `steps`

    Raises
    ------
    ValueError
        A number outside its range.

    References
    ----------
    Nesterov 2004, Introductory Lectures on Convex Optimization, section 1.2.3.

    Examples
    --------
    >>> gd.theory.theorem_2(beta=4.0, gap=1.0, steps=10)
    0.8
    """
    _require(beta=beta, gap=gap)
    return 2 * beta * gap / _steps(steps)


def theorem_3(lr: float, beta: float, sigma2: float, gap: float, steps: Any) -> Any:
    r"""Bound of E[1/T Σ_{t<T} ‖∇L(θ_t)‖²] under SGD, one observation a step: ηβσ² + 2Δ_0/(ηT).

    Parameters
    ----------
    lr : float in ]0, 1/β]
    beta, sigma2, gap : float
    steps : int or array of int, at least 1

    Returns
    -------
    float or array, like `steps`

    Raises
    ------
    ValueError
        A number outside its range, lr > 1/β among them.

    References
    ----------
    Ghadimi and Lan 2013, Stochastic First- and Zeroth-order Methods.

    Examples
    --------
    >>> gd.theory.theorem_3(lr=0.25, beta=4.0, sigma2=1.0, gap=1.0, steps=10)
    1.8
    """
    return theorem_4(lr, beta, sigma2, gap, steps, batch_size=1)


def theorem_4(
    lr: float, beta: float, sigma2: float, gap: float, steps: Any, batch_size: int
) -> Any:
    r"""As theorem 3, with batches of n_B drawn with replacement: ηβσ²/n_B + 2Δ_0/(ηT).

    Parameters
    ----------
    lr : float in ]0, 1/β]
    beta, sigma2, gap : float
    steps : int or array of int, at least 1
    batch_size : int, at least 1

    Returns
    -------
    float or array, like `steps`

    Raises
    ------
    ValueError
        A number outside its range, lr > 1/β among them.

    Examples
    --------
    >>> gd.theory.theorem_4(lr=0.25, beta=4.0, sigma2=1.0, gap=1.0, steps=10, batch_size=10)
    0.9
    """
    _require(gap=gap)
    return noise_floor(lr, beta, sigma2, batch_size) + 2 * gap / (lr * _steps(steps))


def noise_floor(lr: float, beta: float, sigma2: float, batch_size: int) -> float:
    r"""ηβσ²/n_B: below this, theorem 4 promises nothing, however many steps are taken.

    Parameters
    ----------
    lr : float in ]0, 1/β]
    beta, sigma2 : float
    batch_size : int, at least 1

    Raises
    ------
    ValueError
        A number outside its range.

    Examples
    --------
    >>> gd.theory.noise_floor(lr=0.25, beta=4.0, sigma2=1.0, batch_size=10)
    0.1
    """
    _require(beta=beta, sigma2=sigma2)
    _require_rates(np.array([lr]), beta)
    return lr * beta * sigma2 / as_count("batch_size", batch_size)


def theorem_5(beta: float, distance: float, steps: Any) -> Any:
    r"""Bound of L(θ_T) - L* under Nesterov's method, L convex, η = 1/β: 2βR²/(T+1)².

    Parameters
    ----------
    beta, distance : float
        β > 0 and R = ‖θ_0 - θ*‖ >= 0.
    steps : int or array of int, at least 1

    Returns
    -------
    float or array, like `steps`

    Raises
    ------
    ValueError
        A number outside its range.

    References
    ----------
    Nesterov 1983; Beck and Teboulle 2009, A fast iterative shrinkage-thresholding algorithm. The
    proof gives βR²/(2y_T²), y being Nesterov's sequence, and y_T >= (T+1)/2.

    Examples
    --------
    >>> gd.theory.theorem_5(beta=4.0, distance=1.0, steps=9)
    0.08
    """
    _require(beta=beta, distance=distance)
    return 2 * beta * distance**2 / (_steps(steps) + 1) ** 2


def theorem_6(rates: Any, beta: float, sigma2: float, gap: float, batch_size: int = 1) -> float:
    r"""Bound of E[Σ η_t ‖∇L(θ_t)‖²] / Σ η_t for decreasing rates.

    .. math:: \frac{2 Δ_0 + β σ^2 / n_B \sum_t η_t^2}{\sum_t η_t}

    which goes to 0 where Σ η = ∞ and Σ η² < ∞.

    Parameters
    ----------
    rates : (T,) array in ]0, 1/β], not increasing
        η_0, ..., η_{T-1}.
    beta, sigma2, gap : float
    batch_size : int, default 1

    Returns
    -------
    float

    Raises
    ------
    ValueError
        A number outside its range, rates above 1/β or increasing.

    References
    ----------
    Robbins and Monro 1951; Bottou, Curtis and Nocedal 2018, theorem 4.10.

    Examples
    --------
    >>> gd.theory.theorem_6([0.25, 0.125], beta=4.0, sigma2=0.0, gap=0.75)
    4.0
    """
    rates = np.asarray(rates, dtype=np.float64)
    if rates.ndim != 1 or not len(rates):
        raise ValueError(f"rates must be a vector of at least one rate, not shape {rates.shape}")
    _require(beta=beta, sigma2=sigma2, gap=gap)
    _require_rates(rates, beta)
    if (np.diff(rates) > 0).any():
        raise ValueError("theorem 6 asks for rates that do not increase")
    noise = beta * sigma2 / as_count("batch_size", batch_size)
    return float((2 * gap + noise * np.sum(rates**2)) / np.sum(rates))


def proposition_1(sigma2: float, batch_size: int, grad_norm: float) -> float:
    r"""E‖1/n_B Σ_B ∇ℓ_i‖² over batches drawn with replacement: σ²/n_B + ‖∇L‖².

    An equality where σ² is the exact variance at θ.

    Parameters
    ----------
    sigma2 : float
    batch_size : int, at least 1
    grad_norm : float
        ‖∇L(θ)‖.

    Raises
    ------
    ValueError
        A number outside its range.

    Examples
    --------
    >>> gd.theory.proposition_1(sigma2=4.0, batch_size=2, grad_norm=3.0)
    11.0
    """
    _require(sigma2=sigma2, grad_norm=grad_norm)
    return sigma2 / as_count("batch_size", batch_size) + grad_norm**2


def descent(
    loss: float, lr: float, beta: float, grad_norm: float, sigma2: float = 0.0, batch_size: int = 1
) -> float:
    r"""Inequality (1): bound of E L(θ_{t+1}) after one step from θ_t.

    .. math:: L(θ_t) - (η - β η^2/2) \|∇L(θ_t)\|^2 + \frac{β η^2 σ^2}{2 n_B}

    Parameters
    ----------
    loss : float
        L(θ_t).
    lr : float in ]0, 1/β]
    beta : float
    grad_norm : float
        ‖∇L(θ_t)‖.
    sigma2 : float, default 0
        σ² at θ_t; 0 for the full gradient.
    batch_size : int, default 1

    Raises
    ------
    ValueError
        A number outside its range.

    Examples
    --------
    >>> gd.theory.descent(loss=2.0, lr=0.25, beta=4.0, grad_norm=4.0)
    0.0
    """
    _require(beta=beta, grad_norm=grad_norm, sigma2=sigma2)
    _require_rates(np.array([lr]), beta)
    noise = beta * lr**2 * sigma2 / (2 * as_count("batch_size", batch_size))
    return loss - (lr - beta * lr**2 / 2) * grad_norm**2 + noise


def _require(**numbers: float) -> None:
    for name, value in numbers.items():
        if not (math.isfinite(value) and value >= 0) or (name == "beta" and value == 0):
            low = "above 0" if name == "beta" else "at least 0"
            raise ValueError(f"{name} must be finite and {low}, not {value}")


def _require_rates(rates: Vector, beta: float) -> None:
    for rate in (rates.min(), rates.max()):
        if not 0 < rate <= RATE_SLACK / beta:
            raise ValueError(f"lr must be in ]0, 1/β] = ]0, {1 / beta:g}], but is {rate:g}")


def _steps(steps: Any) -> Any:
    given = np.asarray(steps)
    if given.dtype.kind not in "iu" or (given < 1).any():
        raise ValueError(f"steps must be integers of at least 1, not {steps!r}")
    return given.astype(np.float64)[()] if given.ndim else int(given)


# Planning.


@dataclass(frozen=True)
class Plan:
    """What theorem 4 asks for: run SGD at `lr` for `steps` steps in batches of `batch_size`.

    `bound` is the theorem's bound of the mean of ‖∇L‖², at most the square of the target;
    `guaranteed` says whether `sigma2` is known to serve at every θ.
    """

    lr: float
    batch_size: int
    steps: int
    bound: float
    beta: float
    sigma2: float
    gap: float
    guaranteed: bool


def plan(
    objective: Objective,
    target_grad_norm: float,
    theta0: Any = None,
    batch_size: int | None = None,
    sigma2: float | None = None,
) -> Plan:
    r"""The rate, batch size and length of a run of SGD with E[1/T Σ ‖∇L(θ_t)‖²] <= ε².

    Theorem 4's two terms get half of ε² each. The number of observations seen, n_B T =
    8βσ²Δ_0/ε⁴, does not depend on η, so η is 1/β, as large as the theorem allows, unless the
    batch would be larger than the data; then η is smaller and the run longer.

    Parameters
    ----------
    objective : Objective with observations and a known β
    target_grad_norm : float > 0
        ε.
    theta0 : (n_params,) array, optional
    batch_size : int, optional
        A batch size to plan for, instead of the plan's own.
    sigma2 : float, optional
        σ² along the run. By default `variance_bound`, which serves everywhere; where there is none
        the larger of the variances at θ_0 and θ*, which is a guess (`guaranteed` is False).

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        No observations, no known β, a target that is not above 0.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> plan = gd.theory.plan(gd.LogisticRegression(X, y, l2=0.1), target_grad_norm=0.5)
    >>> plan.batch_size, plan.steps, plan.guaranteed, plan.bound <= 0.25
    (240, 27, True, True)
    """
    if not (math.isfinite(target_grad_norm) and target_grad_norm > 0):
        raise ValueError(f"target_grad_norm must be above 0, not {target_grad_norm}")
    if objective.n_samples is None:
        raise ValueError(f"{type(objective).__name__} has no observations to take batches of")
    beta = objective.smoothness()
    if not beta:
        raise ValueError(f"{type(objective).__name__} has no known smoothness β to plan with")
    theta = objective.initial_point() if theta0 is None else theta0
    best = optimum(objective, theta)
    gap = max(objective.value(theta) - best.loss, 0.0)
    guaranteed = best.error <= KNOWN * gap
    if guaranteed:
        gap += best.error
    if sigma2 is None:
        everywhere = variance_bound(objective)
        guaranteed = guaranteed and everywhere is not None
        sigma2 = everywhere
        if sigma2 is None:
            sigma2 = max(variance(objective, theta), variance(objective, best.theta))
    else:
        guaranteed = False
    target = float(target_grad_norm) ** 2
    if batch_size is None:
        batch_size = min(max(1, math.ceil(2 * sigma2 / target)), objective.n_samples)
    else:
        batch_size = as_count("batch_size", batch_size)
    lr = 1 / beta
    if 2 * sigma2 > target * batch_size:
        lr = target * batch_size / (2 * sigma2 * beta)
    rest = target - noise_floor(lr, beta, sigma2, batch_size)
    steps = max(1, math.ceil(2 * gap / (lr * rest)))
    bound = theorem_4(lr, beta, sigma2, gap, steps, batch_size)
    if bound > target:  # by rounding
        steps += 1
        bound = theorem_4(lr, beta, sigma2, gap, steps, batch_size)
    return Plan(lr, batch_size, steps, bound, beta, sigma2, gap, guaranteed)


# Certificates.

STATEMENTS = {
    "1": "L(θ_T) - L* <= βR²/(2T)",
    "2": "min ‖∇L(θ_t)‖² <= 2βΔ_0/T",
    "3": "E[1/T Σ ‖∇L(θ_t)‖²] <= ηβσ² + 2Δ_0/(ηT)",
    "P1": "E‖g_t‖² <= σ²/n_B + ‖∇L(θ_t)‖², mean over t",
    "4": "E[1/T Σ ‖∇L(θ_t)‖²] <= ηβσ²/n_B + 2Δ_0/(ηT)",
    "(1)": "E L(θ_{t+1}) - L(θ_t) <= -(η - βη²/2)‖∇L(θ_t)‖² + βη²σ²/(2n_B), mean over t",
    "5": "L(θ_T) - L* <= 2βR²/(T+1)²",
    "6": "E[Σ η_t‖∇L(θ_t)‖² / Σ η_t] <= (2Δ_0 + βσ²/n_B Σ η_t²)/Σ η_t",
}


@dataclass(frozen=True)
class Assumption:
    """One assumption of a theorem: its `state` is "checked", "assumed" or "violated"."""

    name: str
    state: str
    why: str


@dataclass(frozen=True)
class Row:
    """One theorem beside what happened.

    Attributes
    ----------
    theorem, statement : str
    assumptions : tuple of Assumption
    verdict : str
        "holds"; "exceeded" (then an assumption that was only assumed is wrong); "undecided" (a mean
        over seeds is above the bound by one to three of its standard errors, or L*, and so the
        bound, is not known well enough); "not applicable" (an assumption is violated); "one run"
        (the theorem bounds an expectation, of which one run is a single draw: see `expectation`);
        or "not observed".
    bound, observed : float or None
        bound is None where the theorem does not apply.
    stderr : float or None
        The standard error of `observed`, where it is a mean over seeds.
    note : str
        Where `observed` comes from, where that is not every step.
    curve : (steps, observed, bound) or None
        The same for the runs that are made of the first t steps.
    """

    theorem: str
    statement: str
    assumptions: tuple[Assumption, ...]
    verdict: str
    bound: float | None = None
    observed: float | None = None
    stderr: float | None = None
    note: str = ""
    curve: tuple[Any, Any, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def slack(self) -> float | None:
        """bound - observed."""
        if self.bound is None or self.observed is None:
            return None
        return self.bound - self.observed

    @property
    def observation(self) -> str:
        """`observed`, with its standard error, as text."""
        return _show(self.observed) + ("" if self.stderr is None else f" ± {self.stderr:.2g}")

    @property
    def why(self) -> str:
        """The reasons for which the theorem does not apply; empty where it does."""
        return "; ".join(one.why for one in self.assumptions if one.state == "violated")


@dataclass(frozen=True)
class Certificate:
    """Every theorem beside a run (or many): printed, a table; see also `to_dict` and `plot`.

    Attributes
    ----------
    rows : tuple of Row
        ``certificate["4"]`` is the row of theorem 4.
    beta, strong_convexity, sigma2, gap, distance : float or None
        β, μ, the largest σ² seen, Δ_0 and R.
    optimum : Optimum
    seeds : int
        The number of runs.
    """

    rows: tuple[Row, ...]
    beta: float | None
    strong_convexity: float | None
    sigma2: float | None
    gap: float
    distance: float
    optimum: Optimum
    steps: int
    seeds: int
    run: str

    def __getitem__(self, theorem: str) -> Row:
        for row in self.rows:
            if row.theorem == str(theorem):
                return row
        raise KeyError(f"{theorem!r}: the theorems are {', '.join(r.theorem for r in self.rows)}")

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for json."""
        rows = {}
        for row in self.rows:
            made = dataclasses.asdict(dataclasses.replace(row, curve=None))
            del made["curve"]
            rows[row.theorem] = {**made, "slack": row.slack, "why": row.why}
        return {
            "run": self.run,
            "steps": self.steps,
            "seeds": self.seeds,
            "beta": self.beta,
            "strong_convexity": self.strong_convexity,
            "sigma2": self.sigma2,
            "gap": self.gap,
            "distance": self.distance,
            "optimum": self.optimum.loss,
            "theorems": rows,
        }

    def plot(self) -> Any:
        """Observed against bound over the steps, on logarithmic axes; needs matplotlib.

        Returns
        -------
        array of matplotlib Axes, one for each theorem that applies

        Raises
        ------
        ImportError
            matplotlib is missing.
        ValueError
            No theorem applies, or nothing was observed.
        """
        return view("plot_certificate")(self)

    def __repr__(self) -> str:
        runs = "one run" if self.seeds == 1 else f"{self.seeds} runs"
        lines = [
            f"Certificate of {runs}: {self.run}",
            f"β = {_show(self.beta)}, μ = {_show(self.strong_convexity)}, "
            f"σ² = {_show(self.sigma2)}, Δ_0 = {_show(self.gap)}, R = {_show(self.distance)}, "
            f"L* = {_show(self.optimum.loss)}",
            "",
            f"{'theorem':<9}{'verdict':<16}{'observed':>24}{'bound':>12}{'slack':>12}",
        ]
        for row in self.rows:
            lines.append(
                f"{row.theorem:<9}{row.verdict:<16}{row.observation:>24}{_show(row.bound):>12}"
                f"{_show(row.slack):>12}"
            )
        lines.append("")
        for row in self.rows:
            lines.append(f"{row.theorem}: {row.statement}")
            if row.verdict == "not applicable":
                lines.append(f"    not applicable: {row.why}")
                continue
            lines += [f"    {one.state}: {one.name} ({one.why})" for one in row.assumptions]
            if row.note:
                lines.append(f"    {row.note}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        cells = [
            "".join(
                f"<td>{escape(text)}</td>"
                for text in (
                    row.theorem,
                    row.statement,
                    row.verdict,
                    row.observation,
                    _show(row.bound),
                    row.why or "; ".join(f"{one.state}: {one.name}" for one in row.assumptions),
                )
            )
            for row in self.rows
        ]
        head = "".join(
            f"<th>{name}</th>"
            for name in ("theorem", "statement", "verdict", "observed", "bound", "assumptions")
        )
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<table><caption>{escape(self.run)}</caption><tr>{head}</tr>{body}</table>"


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


class _Trace:
    """A callback that keeps of every step what the theorems need."""

    def __init__(self, objective: Objective, steps: int, stochastic: bool, examine: bool) -> None:
        self.objective, self.steps = objective, steps
        self.stochastic, self.examine = stochastic, examine
        self.losses: list[float] = []
        self.squares: list[float] = []
        self.variances: list[float] = []
        self.moves: list[float] = []
        # Steps between which the user's β or convexity turned out wrong.
        self.not_smooth: int | None = None
        self.not_convex: int | None = None
        self.theta: Vector | None = None
        self.gradient: Vector | None = None

    def __call__(self, progress: Progress) -> Stop | None:
        with np.errstate(over="ignore", invalid="ignore"):  # a run that is about to diverge
            return self._look(progress)

    def _look(self, progress: Progress) -> Stop | None:
        self.losses.append(progress.loss)
        self.squares.append(progress.grad_norm * progress.grad_norm)
        if self.theta is not None:
            move = progress.theta - self.theta
            self.moves.append(float(move @ move))
        if self.examine:
            self._examine(progress)
        self.theta = progress.theta
        if progress.step >= self.steps:
            return Stop("replayed")
        if self.stochastic:
            self.variances.append(variance(self.objective, progress.theta))
        return None

    def _examine(self, progress: Progress) -> None:
        before, self.gradient = self.gradient, self.objective.gradient(progress.theta)
        if before is None or self.theta is None:
            return
        move = progress.theta - self.theta
        length = float(np.linalg.norm(move))
        size = float(np.linalg.norm(before) + np.linalg.norm(self.gradient))
        turn = float(np.linalg.norm(self.gradient - before))
        beta = self.objective.smoothness()
        if beta is not None and turn > beta * length * (1 + 1e-9) + 1e-13 * size:
            self.not_smooth = progress.step
        loss, last = self.losses[-1], self.losses[-2]
        rounding = 1e-12 * (abs(loss) + abs(last) + size * length)
        tangents = min(loss - last - before @ move, last - loss + self.gradient @ move)
        if tangents < -rounding:
            self.not_convex = progress.step


@dataclass
class _Case:
    """All that is known of the runs to be certified."""

    objective: Objective
    optimizer: Optimizer
    batch_size: int | None
    sampling: str
    steps: int
    asked_steps: int
    rates: Vector
    theta0: Vector
    traces: list[_Trace]
    # Of the first run: (steps, losses, squared gradient norms) as recorded.
    seen: tuple[Any, Vector, Vector]
    final_loss: float
    best: Optimum
    no_trace: str = ""

    def __post_init__(self) -> None:
        self.beta = self.objective.smoothness()
        self.start_loss = self.objective.value(self.theta0)
        self.gap = max(self.start_loss - self.best.loss, 0.0)
        self.distance = float(np.linalg.norm(self.theta0 - self.best.theta))
        self.sigma2 = None if self.objective.n_samples is None else self._sigma2()
        self.known = self.best.error <= KNOWN * self.gap and not self.best.given
        # What rounding may have done to a difference of two losses.
        self.rounding = 64 * EPSILON * (abs(self.start_loss) + abs(self.best.loss))

    def _sigma2(self) -> float:
        if self.batch_size is None:
            return 0.0
        seen = [value for trace in self.traces for value in trace.variances]
        return max(seen) if seen else variance(self.objective, self.theta0)

    # Each of these is one assumption.

    def smooth(self) -> Assumption:
        name, kind = "β-smooth", type(self.objective).__name__
        if not self.beta:
            return Assumption(name, "violated", f"no finite β is known for {kind}")
        step = next((t.not_smooth for t in self.traces if t.not_smooth is not None), None)
        if step is not None:
            why = f"β = {self.beta:g} as given is too small: the gradient turns faster in the step"
            return Assumption(name, "violated", f"{why} to θ_{step}")
        state = "checked" if _ours(self.objective) else "assumed"
        origin = "from the data" if state == "checked" else "as given"
        return Assumption(name, state, f"β = {self.beta:.6g} {origin}")

    def convex(self) -> Assumption:
        name, kind = "convex", type(self.objective).__name__
        if self.objective.convex is None:
            return Assumption(name, "violated", f"{kind} is not known to be convex")
        if not self.objective.convex:
            return Assumption(name, "violated", f"{kind} is not convex")
        step = next((t.not_convex for t in self.traces if t.not_convex is not None), None)
        if step is not None:
            why = f"L lies below its tangent in the step to θ_{step}, so it is not convex"
            return Assumption(name, "violated", why)
        if _ours(self.objective):
            return Assumption(name, "checked", f"{kind} is convex")
        return Assumption(name, "assumed", "as given")

    def plain(self) -> Assumption:
        name = "plain gradient descent"
        if type(self.optimizer) is not SGD:
            why = f"the optimizer is {type(self.optimizer).__name__}, the theorem is on SGD"
            return Assumption(name, "violated", why)
        return self._no_decay(name)

    def nesterov(self) -> Assumption:
        name = "Nesterov's method with its schedule"
        if type(self.optimizer) is not Nesterov:
            why = f"the optimizer is {type(self.optimizer).__name__}, the theorem is on Nesterov"
            return Assumption(name, "violated", why)
        if self.optimizer.momentum != schedules.nesterov():
            why = f"momentum is {self.optimizer.momentum}, not the theorem's schedule"
            return Assumption(name, "violated", why)
        return self._no_decay(name)

    def _no_decay(self, name: str) -> Assumption:
        decay = self.optimizer.weight_decay
        if decay:
            why = f"weight_decay = {decay:g} moves θ and is no part of L (l2 would be)"
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", f"{type(self.optimizer).__name__}, no weight decay")

    def full(self) -> Assumption:
        name = "full gradient"
        if self.batch_size is not None:
            return Assumption(name, "violated", f"the run takes batches of {self.batch_size}")
        return Assumption(name, "checked", "every step sees all of L")

    def single(self) -> Assumption:
        name = "one observation a step"
        if self.batch_size != 1:
            shown = "all of L" if self.batch_size is None else f"{self.batch_size} observations"
            return Assumption(name, "violated", f"a step sees {shown}")
        return Assumption(name, "checked", "batch_size = 1")

    def batches(self) -> Assumption:
        name = "batches"
        if self.batch_size is None:
            why = "every step takes the full gradient, nothing is drawn (see theorem 2)"
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", f"batch_size = {self.batch_size}")

    def independent(self) -> Assumption:
        name = "A: indices independent and uniform"
        if self.batch_size is None:
            return Assumption(name, "checked", "the full gradient is its own mean, σ² = 0")
        if self.sampling != "replacement":
            why = f'sampling="{self.sampling}" draws without replacement: indices depend on others'
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", "drawn with replacement")

    def noise(self) -> Assumption:
        name = "A: E‖∇ℓ_i‖² <= σ² + ‖∇L‖²"
        if self.batch_size is None:
            return Assumption(name, "checked", "σ² = 0")
        if not self.traces:
            return Assumption(name, "assumed", f"σ² = {self.sigma2:.6g} is that at θ_0 only")
        where = "the run" if len(self.traces) == 1 else f"the {len(self.traces)} runs"
        why = f"σ² = {self.sigma2:.6g}, exact, the largest along {where}; elsewhere assumed"
        return Assumption(name, "assumed", why)

    def exact_noise(self) -> Assumption:
        name = "A: E‖∇ℓ_i‖² <= σ² + ‖∇L‖²"
        return Assumption(name, "checked", "σ² is the exact variance at each θ_t")

    def inverse_rate(self) -> Assumption:
        """η = 1/β; a smaller η is 1/β' of a larger β', with which L is smooth as well."""
        found = self.constant_rate("η = 1/β")
        if found.state != "checked" or self.beta is None:
            return found
        rate = float(self.rates[0])
        why = f"η = {rate:.6g} = 1/β"
        if rate * self.beta < 1 / RATE_SLACK:
            why = f"η = {rate:.6g} = 1/β' with β' = {1 / rate:.6g} > β, and L is β'-smooth too"
        return Assumption(found.name, "checked", why)

    def constant_rate(self, name: str = "constant η in ]0, 1/β]") -> Assumption:
        if self.rates.min() != self.rates.max():
            return Assumption(name, "violated", f"η moves: lr = {self.optimizer.lr}")
        return self._bounded_rates(name)

    def _bounded_rates(self, name: str) -> Assumption:
        low, high = float(self.rates.min()), float(self.rates.max())
        if not low > 0:
            return Assumption(name, "violated", f"η = {low:g} is not above 0")
        if not self.beta:
            return Assumption(name, "violated", "1/β is unknown")
        if high * self.beta > RATE_SLACK:
            # All digits: 1/β is rounded down, and η may be above it by very little.
            why = f"η = {high!r} > 1/β = {1 / self.beta!r}"
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", f"η <= {high:.6g} <= 1/β = {1 / self.beta:.6g}")

    def decreasing_rates(self) -> Assumption:
        name = "η_t in ]0, 1/β], decreasing"
        if self.rates.min() != self.rates.max() and (np.diff(self.rates) > 0).any():
            step = int(np.argmax(np.diff(self.rates) > 0)) + 1
            return Assumption(name, "violated", f"η rises at step {step}")
        return self._bounded_rates(name)

    def robbins_monro(self) -> Assumption:
        name = "Σ η = ∞, Σ η² < ∞"
        known = schedules.as_schedule(self.optimizer.lr).robbins_monro
        if known:
            return Assumption(name, "checked", f"known of {self.optimizer.lr}")
        said = "not known" if known is None else "known not to hold"
        return Assumption(name, "violated", f"{said} of lr = {self.optimizer.lr}")

    def length(self) -> Assumption:
        name = "T fixed beforehand"
        if self.steps != self.asked_steps:
            why = f"the run ended after {self.steps} of {self.asked_steps} steps, so T is random"
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", f"T = {self.steps}")

    def minimum(self) -> Assumption:
        name, best = "L* known", self.best
        if not math.isfinite(best.loss):
            return Assumption(name, "violated", "L has no lower bound")
        if best.given:
            return Assumption(name, "assumed", f"L* = {best.loss:.6g} as given")
        if self.known:
            why = f"L* = {best.loss:.6g}, at most {best.error:.1g} too high"
            return Assumption(name, "checked", why)
        why = f"L* = {best.loss:.6g} is the least found, ‖∇L‖ = {best.grad_norm:.1g} there"
        return Assumption(name, "assumed", why)

    # Each of these is one theorem.

    def row_1(self) -> Row:
        wanted = (
            self.convex(), self.smooth(), self.plain(), self.full(), self.inverse_rate(),
            self.minimum(),
        )  # fmt: skip
        return self._gap_row("1", wanted, theorem_1)

    def row_5(self) -> Row:
        wanted = (
            self.convex(), self.smooth(), self.nesterov(), self.full(), self.inverse_rate(),
            self.minimum(),
        )  # fmt: skip
        return self._gap_row("5", wanted, theorem_5)

    def _gap_row(
        self, theorem: str, wanted: tuple[Assumption, ...], bound: Callable[..., Any]
    ) -> Row:
        if _violated(wanted):
            return self._row(theorem, wanted)
        steps, losses, _ = self.seen
        later = steps > 0
        beta = self._effective_beta()
        # The proofs compare with any point, so R belongs to the θ* that was found, exact or not.
        error = self.best.error if self.known else 0.0
        curve = (
            steps[later],
            losses[later] - self.best.loss + error,
            bound(beta, self.distance, steps[later]),
        )
        observed = self.final_loss - self.best.loss + error
        return self._row(
            theorem, wanted, bound(beta, self.distance, self.steps), [observed], curve=curve,
            rounding=self.rounding,
        )  # fmt: skip

    def _effective_beta(self) -> float:
        assert self.beta is not None
        return max(self.beta, 1 / float(self.rates[0]))

    def row_2(self) -> Row:
        wanted = (self.smooth(), self.plain(), self.full(), self.inverse_rate(), self.minimum())
        if _violated(wanted):
            return self._row("2", wanted)
        steps, _, squares = self.seen
        before = steps < self.steps
        beta = self._effective_beta()
        note = ""
        if before.sum() < self.steps:
            note = "the minimum is over the recorded steps, so at least that over all"
        curve = (
            steps[before] + 1,
            np.minimum.accumulate(squares[before]),
            theorem_2(beta, self.gap, steps[before] + 1),
        )
        return self._row(
            "2", wanted, theorem_2(beta, self.gap, self.steps),
            [float(squares[before].min())], note=note, curve=curve,
        )  # fmt: skip

    def row_3(self) -> Row:
        return self._mean_row("3", (self.single(),))

    def row_4(self) -> Row:
        return self._mean_row("4", (self.batches(),))

    def _mean_row(self, theorem: str, first: tuple[Assumption, ...]) -> Row:
        wanted = (
            self.smooth(), self.plain(), *first, self.independent(), self.noise(),
            self.constant_rate(), self.length(), self.minimum(),
        )  # fmt: skip
        if _violated(wanted):
            return self._row(theorem, wanted)
        assert self.beta is not None
        assert self.sigma2 is not None
        t = self._prefixes()
        size = self.batch_size or 1
        bounds = theorem_4(float(self.rates[0]), self.beta, self.sigma2, self.gap, t, size)
        means = [np.cumsum(trace.squares[: self.steps]) / t for trace in self.traces]
        return self._expected_row(theorem, wanted, t, means, bounds)

    def row_6(self) -> Row:
        wanted = (
            self.smooth(), self.plain(), self.independent(), self.noise(), self.decreasing_rates(),
            self.robbins_monro(), self.length(), self.minimum(),
        )  # fmt: skip
        if _violated(wanted):
            return self._row("6", wanted)
        assert self.beta is not None
        t = self._prefixes()
        rates, sums = self.rates, np.cumsum(self.rates)
        noise = self.beta * (self.sigma2 or 0.0) / (self.batch_size or 1)
        bounds = ((2 * self.gap + noise * np.cumsum(rates**2)) / sums)[t - 1]
        means = [np.cumsum(rates * trace.squares[: self.steps]) / sums for trace in self.traces]
        return self._expected_row("6", wanted, t, means, bounds)

    def _prefixes(self) -> Any:
        """The numbers of steps that the curves are made of: T alone where nothing was observed."""
        return np.arange(1 if self.traces else self.steps, self.steps + 1)

    def _expected_row(
        self, theorem: str, wanted: tuple[Assumption, ...], t: Any, means: list[Vector], bounds: Any
    ) -> Row:
        curve = (t, np.mean(means, axis=0), bounds) if means else None
        return self._row(
            theorem, wanted, float(bounds[-1]), [float(mean[-1]) for mean in means],
            note=self.no_trace, curve=curve, random=self.batch_size is not None,
        )  # fmt: skip

    def row_p1(self) -> Row:
        wanted: tuple[Assumption, ...]
        wanted = (self.plain(), self.batches(), self.independent(), self.exact_noise())
        if self.rates.min() <= 0:
            zero = Assumption("η > 0", "violated", "a step with η = 0 does not show its gradient")
            wanted = (*wanted, zero)
        if _violated(wanted):
            return self._row("P1", wanted)
        # A run of plain steps shows the gradients it took: g_t = (θ_t - θ_{t+1})/η_t.
        apart, bounds = [], []
        for trace in self.traces:
            bound = np.array(trace.variances) / (self.batch_size or 1) + trace.squares[:-1]
            apart.append(float(np.mean(np.array(trace.moves) / self.rates**2 - bound)))
            bounds.append(float(np.mean(bound)))
        return self._difference_row("P1", wanted, apart, bounds)

    def row_descent(self) -> Row:
        wanted: tuple[Assumption, ...]
        wanted = (self.smooth(), self.plain(), self.independent(), self.constant_rate())
        if self.batch_size is not None:
            wanted = (*wanted, self.exact_noise())
        if _violated(wanted):
            return self._row("(1)", wanted)
        assert self.beta is not None
        rate = float(self.rates[0])
        apart, bounds = [], []
        for trace in self.traces:
            noise = np.array(trace.variances) if self.batch_size is not None else 0.0
            bound = -(rate - self.beta * rate**2 / 2) * np.array(trace.squares[:-1])
            bound = bound + self.beta * rate**2 * noise / (2 * (self.batch_size or 1))
            apart.append(float(np.mean(np.diff(trace.losses) - bound)))
            bounds.append(float(np.mean(bound)))
        return self._difference_row("(1)", wanted, apart, bounds)

    def _difference_row(
        self, theorem: str, wanted: tuple[Assumption, ...], apart: list[float], bounds: list[float]
    ) -> Row:
        # Each run has a bound of its own here; the differences vary less than the values.
        if not apart:
            return self._row(theorem, wanted, note=self.no_trace)
        bound = float(np.mean(bounds))
        return self._row(
            theorem, wanted, bound, [bound + one for one in apart],
            random=self.batch_size is not None, rounding=self.rounding + 1e-12 * abs(bound),
        )  # fmt: skip

    def _row(
        self,
        theorem: str,
        wanted: tuple[Assumption, ...],
        bound: float | None = None,
        observed: Sequence[float] = (),
        note: str = "",
        curve: Any = None,
        random: bool = False,
        rounding: float = 0.0,
    ) -> Row:
        statement = STATEMENTS[theorem]
        if _violated(wanted):
            return Row(theorem, statement, wanted, "not applicable")
        if not observed:
            return Row(theorem, statement, wanted, "not observed", bound, note=note)
        mean, stderr = float(np.mean(observed)), None
        if random and len(observed) > 1:
            stderr = float(np.std(observed, ddof=1) / math.sqrt(len(observed)))
        assert bound is not None
        if random and stderr is None:
            verdict = "one run"
        else:
            excess, error = mean - bound - rounding, stderr or 0.0
            # Δ_0, and the bound with it, is too small where L* is lower than what was found. The
            # proofs of 1 and 5 compare with any point, so they do not mind.
            small = theorem not in ("1", "5") and self.minimum().state == "assumed"
            verdict = "exceeded"
            if excess <= error:
                verdict = "holds"
            elif excess <= 3 * error or small:
                verdict = "undecided"
        return Row(theorem, statement, wanted, verdict, bound, mean, stderr, note, curve)

    def certificate(self) -> Certificate:
        rows = (
            self.row_1(), self.row_2(), self.row_3(), self.row_p1(), self.row_4(),
            self.row_descent(), self.row_5(), self.row_6(),
        )  # fmt: skip
        batch = "full gradient" if self.batch_size is None else f"batches of {self.batch_size}"
        if self.batch_size is not None:
            batch += f" ({self.sampling})"
        return Certificate(
            rows=rows,
            beta=self.beta,
            strong_convexity=strong_convexity(self.objective),
            sigma2=self.sigma2,
            gap=self.gap,
            distance=self.distance,
            optimum=self.best,
            steps=self.steps,
            seeds=max(1, len(self.traces)),
            run=f"{self.optimizer} on {self.objective!r}, {self.steps} steps, {batch}",
        )


def _violated(assumptions: Iterable[Assumption]) -> bool:
    return any(one.state == "violated" for one in assumptions)


def certificate(
    result: Result, optimum: "float | Optimum | None" = None, replay: bool | None = None
) -> Certificate:
    """Every theorem beside a run: which apply, what they promise, what happened.

    Parameters
    ----------
    result : Result
        What `minimize` returned.
    optimum : float or Optimum, optional
        L*, where it is known; by default `theory.optimum` finds it.
    replay : bool, optional
        Whether to take the run again with a look at every θ_t: the averages of the theorems need
        every step, and a run records few. Possible where the seed is an int or nothing is drawn.
        None replays where that is cheap.

    Returns
    -------
    Certificate

    Raises
    ------
    ValueError
        A run without steps; an L* above a loss that was reached; ``replay=True`` for a run whose
        seed is not an int.

    Examples
    --------
    >>> f = gd.Quadratic(np.diag([1.0, 4.0]), [1.0, 4.0])
    >>> r = gd.minimize(f, gd.SGD(lr="1/beta"), steps=100)
    >>> c = r.certificate()
    >>> c["1"].verdict, c["2"].verdict, c["5"].verdict
    ('holds', 'holds', 'not applicable')
    >>> c["5"].why
    'the optimizer is SGD, the theorem is on Nesterov'
    """
    if not isinstance(result, Result):
        raise TypeError(f"result must be what minimize returned, not {result!r}")
    if result.steps < 1:
        raise ValueError("the run took no step: there is nothing to certify")
    objective, setting = result.objective, result.setting
    repeatable = _repeatable(setting)
    work = (objective.n_samples or objective.n_params) * objective.n_params + STEP_WORK
    if replay and not repeatable:
        raise ValueError("the run cannot be taken again: its seed is not an int")
    no_trace = ""
    traces: list[_Trace] = []
    if result.diverged:
        no_trace = f"not observed: {result.message}"
    elif not repeatable:
        no_trace = "not observed: the steps between the records are lost, as the seed is not an int"
    elif replay or (replay is None and work * result.steps <= CHEAP):
        trace, again = _traced(objective, result.optimizer, setting, result.steps)
        if not np.array_equal(again.theta, result.theta):
            raise ValueError("the run taken again ends elsewhere: has its objective changed since?")
        traces = [trace]
    else:
        no_trace = "not observed: needs every step; certificate(replay=True) takes the run again"
    if traces:
        steps = np.arange(result.steps + 1)
        seen = steps, np.array(traces[0].losses), np.array(traces[0].squares)
    else:
        history = result.history
        with np.errstate(over="ignore"):  # shortly before a divergence
            seen = history["step"], history["loss"], history["grad_norm"] ** 2
        if not len(seen[0]) or seen[0][0] != 0:
            loss, gradient = objective.value_and_gradient(setting.theta0)
            start = np.zeros(1, dtype=np.int64), np.array([loss]), np.array([gradient @ gradient])
            seen = tuple(np.concatenate(pair) for pair in zip(start, seen, strict=True))  # type: ignore[assignment]
    if isinstance(result.optimizer.lr, float):
        rates = np.broadcast_to(np.float64(result.optimizer.lr), result.steps)  # takes no memory
    else:
        rates, _ = result.optimizer.rates(setting.steps).over(0, result.steps)
    return _Case(
        objective=objective,
        optimizer=result.optimizer,
        batch_size=setting.batch_size,
        sampling=setting.sampling,
        steps=result.steps,
        asked_steps=setting.steps,
        rates=rates,
        theta0=setting.theta0,
        traces=traces,
        seen=seen,
        final_loss=result.loss,
        best=_best(objective, setting.theta0, optimum, min(float(seen[1].min()), result.loss)),
        no_trace=no_trace,
    ).certificate()


def expectation(
    objective: Objective,
    optimizer: Optimizer,
    theta0: Any = None,
    batch_size: int = 1,
    steps: int = 100,
    seeds: int | Iterable[int] = 50,
    sampling: str = "replacement",
    optimum: "float | Optimum | None" = None,
    n_threads: int | None = None,
) -> Certificate:
    """The theorems on expectations beside means over many runs, with their standard errors.

    Parameters
    ----------
    objective : Objective with observations
    optimizer : Optimizer
    theta0 : (n_params,) array, optional
        The same for all runs.
    batch_size, steps : int
    seeds : int or iterable of int, default 50
        The seeds, at least two; a number stands for 0, 1, 2, ...
    sampling : str
        As for `minimize`.
    optimum : float or Optimum, optional
        L*, where it is known.
    n_threads : int, optional
        By default one for each processor.

    Returns
    -------
    Certificate
        A bound is said to hold where the mean does not exceed it by more than its standard error;
        up to three of them the question is left undecided (for P1, an equality, one time in six).

    Raises
    ------
    TypeError, ValueError
        As `minimize`; fewer than two seeds; a run that diverged.

    Notes
    -----
    Each step of each run is followed by a pass over the data, for ‖∇L(θ_t)‖² and the exact σ².

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.1)
    >>> c = gd.theory.expectation(f, gd.SGD(lr="1/beta"), batch_size=8, steps=20, seeds=10)
    >>> c["4"].verdict, c["4"].observed < c["4"].bound, c["4"].stderr > 0
    ('holds', True, True)
    """
    if objective.n_samples is None:
        raise ValueError(f"{type(objective).__name__} has no observations: nothing is random")
    chosen = range(as_count("seeds", seeds)) if isinstance(seeds, int) else list(seeds)
    if len(chosen) < 2:
        raise ValueError("a standard error needs at least two seeds")
    start = objective.initial_point() if theta0 is None else theta0
    start = as_vector("theta0", start, objective.n_params)
    best = _best(objective, start, optimum, math.inf)

    halt = threading.Event()

    def run(seed: int) -> tuple[_Trace, Result]:
        setting = Setting(batch_size, sampling, steps, seed, start)
        return _traced(objective, optimizer, setting, steps, halt)

    pool = ThreadPoolExecutor(n_threads or os.cpu_count() or 1)
    try:
        tasks = [pool.submit(run, seed) for seed in chosen]
        for task in tasks:
            # Awake now and then: a signal that another thread got wakes nobody.
            while not task.done():
                wait([task], timeout=0.05)
        runs = [task.result() for task in tasks]
    finally:
        # After Ctrl-C, which only this thread hears, the runs under way end at their next step.
        halt.set()
        pool.shutdown(cancel_futures=True)
    traces = [trace for trace, _ in runs]
    optimizer = runs[0][1].optimizer  # where lr="1/beta" has become a number
    if any(len(trace.losses) <= steps for trace in traces):
        raise ValueError("a run diverged: take a smaller lr")
    rates, _ = optimizer.rates(steps).over(0, steps)
    first = traces[0]
    return _Case(
        objective=objective,
        optimizer=optimizer,
        batch_size=batch_size,
        sampling=sampling,
        steps=steps,
        asked_steps=steps,
        rates=rates,
        theta0=start,
        traces=traces,
        seen=(np.arange(steps + 1), np.array(first.losses), np.array(first.squares)),
        final_loss=first.losses[-1],
        best=best,
    ).certificate()


def path(result: Result) -> Vector:
    """θ_0, ..., θ_T of a run, which is taken again for it: (steps + 1, n_params).

    Raises
    ------
    ValueError
        The run drew its batches by a seed that is not an int, so it cannot be taken again.

    Examples
    --------
    >>> r = gd.minimize(gd.Quadratic(np.eye(1)), gd.SGD(lr=0.5), [1.0], steps=2)
    >>> gd.theory.path(r)
    array([[1.  ],
           [0.5 ],
           [0.25]])
    """
    if not _repeatable(result.setting):
        raise ValueError("the run cannot be taken again: its seed is not an int")
    points: list[Vector] = []

    def keep(progress: Progress) -> bool:
        points.append(progress.theta)
        return progress.step >= result.steps

    _again(result.objective, result.optimizer, result.setting, keep)
    return np.array(points)


def _repeatable(setting: Setting) -> bool:
    drawn = setting.batch_size is not None and setting.sampling != "sequential"
    return not drawn or isinstance(setting.seed, (int, np.integer))


def _again(
    objective: Objective, optimizer: Optimizer, setting: Setting, callback: Callable[..., Any]
) -> Result:
    # A generator would be moved on, and where it is one nothing is drawn.
    seed = setting.seed if isinstance(setting.seed, (int, np.integer)) else 0
    arguments = setting.arguments() | {"seed": seed}
    return minimize(
        objective, optimizer, record_every=1, callbacks=(callback,), on_interrupt="raise",
        **arguments,
    )  # fmt: skip


def _traced(
    objective: Objective,
    optimizer: Optimizer,
    setting: Setting,
    stop: int,
    halt: threading.Event | None = None,
) -> tuple[_Trace, Result]:
    trace = _Trace(objective, stop, setting.batch_size is not None, examine=not _ours(objective))

    def look(progress: Progress) -> Any:
        if halt is not None and halt.is_set():
            return Stop("interrupted", kind="interrupted")
        return trace(progress)

    return trace, _again(objective, optimizer, setting, look)


def _best(objective: Objective, theta0: Vector, given: Any, least_seen: float) -> Optimum:
    if isinstance(given, Optimum):
        return given
    best = optimum(objective, theta0)
    if given is None:
        # Where L is not convex, the run may have found better.
        return dataclasses.replace(best, loss=min(best.loss, least_seen))
    given = float(given)
    if given > min(least_seen, best.loss) + 64 * EPSILON * abs(given):
        lower = min(least_seen, best.loss)
        raise ValueError(f"optimum={given} is not the least loss: {lower} was reached")
    return dataclasses.replace(best, loss=given, error=0.0, given=True)
