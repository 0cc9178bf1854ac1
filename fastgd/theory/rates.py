r"""What the theorems beyond the course promise, 7 to 11: functions of plain numbers.

The last iterate under any schedule, linear rates, and the neighbourhood that SGD reaches. R is
‖θ_0 - θ*‖, Δ_0 = L(θ_0) - L*, μ the strong convexity, T the number of steps, L_max the largest
smoothness of a single ℓ_i (with its l2 term).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.checks import as_count
from fastgd.theory.bounds import RATE_SLACK, require, step_counts

__all__ = [
    "expected_smoothness", "suboptimality", "theorem_7", "theorem_8", "theorem_9", "theorem_10",
    "theorem_11", "theorem_11_loopless", "theorem_11_svrg",
]  # fmt: skip

Vector = NDArray[np.float64]


def theorem_7(rates: Any, distance: float, grad_norm: Any) -> float:
    r"""Bound of E L(θ_{T-1}) - L*, the last iterate, L convex, for any rates η_0, ..., η_{T-1}.

    .. math:: \frac{D^2 + \sum_t η_t^2 G_t^2}{2 \sum_t η_t} + \frac12 \sum_{k<T-1}
              \frac{η_k}{\sum_{t>k} η_t} \frac{\sum_{t>=k} η_t^2 G_t^2}{\sum_{t>=k} η_t}

    The last rate belongs to the step that would be taken from θ_{T-1}. L need not be smooth: the
    steps are along subgradients g_t.

    Parameters
    ----------
    rates : (T,) array above 0
    distance : float
        D = ‖θ_0 - θ*‖.
    grad_norm : float, or (T,) array
        G_t, with E‖g_t‖² <= G_t²: for example `lipschitz`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        A number outside its range.

    References
    ----------
    Defazio, Cutkosky, Mehta and Mishchenko 2023, Optimal Linear Decay Learning Rate Schedules and
    Further Refinements; Schaipp et al. 2025, The Surprising Agreement Between Convex Optimization
    Theory and Learning-Rate Scheduling for Large Model Training.

    Examples
    --------
    A rate that falls to 0 ends nearer than a constant one of the same kind:

    >>> t = np.arange(400)
    >>> constant, falling = np.full(400, 0.05), 0.05 * (1 - t / 400)
    >>> [round(gd.theory.theorem_7(rates, 1.0, 1.0), 3) for rates in (constant, falling)]
    [0.214, 0.101]
    """
    rates = np.asarray(rates, dtype=np.float64)
    if rates.ndim != 1 or not len(rates):
        raise ValueError(f"rates must be a vector of at least one rate, not shape {rates.shape}")
    if not (np.isfinite(rates) & (rates > 0)).all():
        raise ValueError("theorem 7 asks for rates above 0")
    norms = np.broadcast_to(np.asarray(grad_norm, dtype=np.float64), rates.shape)
    require(distance=distance, grad_norm=float(norms.min()))
    require(grad_norm=float(norms.max()))
    left = np.cumsum(rates[::-1])[::-1]  # Σ_{t>=k} η_t
    noise = np.cumsum((rates * norms)[::-1] ** 2)[::-1]
    first = (distance**2 + noise[0]) / (2 * left[0])
    return float(first + np.sum(rates[:-1] / left[1:] * noise[:-1] / left[:-1]) / 2)


def theorem_8(beta: float, mu: float, gap: float, steps: Any) -> Any:
    r"""Bound of L(θ_T) - L* under gradient descent, η = 1/β: :math:`(1 - μ/β)^T Δ_0`.

    L need not be convex, but must have ‖∇L‖² >= 2μ(L - L*) everywhere (Polyak and Łojasiewicz), as
    every μ-strongly convex L has.

    Parameters
    ----------
    beta, mu : float
        0 < μ <= β.
    gap : float
        Δ_0.
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
    Karimi, Nutini and Schmidt 2016, Linear Convergence of Gradient and Proximal-Gradient Methods
    Under the Polyak-Łojasiewicz Condition, theorem 1.

    Examples
    --------
    >>> gd.theory.theorem_8(beta=4.0, mu=2.0, gap=8.0, steps=3)
    1.0
    """
    _require_convexity(mu, beta)
    require(gap=gap)
    return (1 - mu / beta) ** step_counts(steps) * gap


def theorem_9(beta: float, mu: float, distance: float, steps: Any) -> Any:
    r"""Bound of L(θ_T) - L* under Nesterov's method with a constant γ = (√κ - 1)/(√κ + 1).

    .. math:: \frac{μ + β}{2} R^2 \exp\left(-\frac{T}{\sqrt κ}\right), \quad κ = β/μ,\; η = 1/β

    L is β-smooth and μ-strongly convex. The source counts from y_1 = θ_0.

    Parameters
    ----------
    beta, mu : float
        0 < μ <= β.
    distance : float
        R.
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
    Bubeck 2015, Convex Optimization, theorem 3.18.

    Examples
    --------
    >>> round(gd.theory.theorem_9(beta=4.0, mu=1.0, distance=1.0, steps=10), 6)
    0.016845
    """
    _require_convexity(mu, beta)
    require(distance=distance)
    bound = (mu + beta) / 2 * distance**2 * np.exp(-step_counts(steps) * math.sqrt(mu / beta))
    return bound if np.ndim(bound) else float(bound)


def expected_smoothness(beta: float, largest: float, batch_size: int = 1) -> float:
    r"""𝓛 of batches drawn with replacement: :math:`L_{\max}/n_B + (1 - 1/n_B) β`.

    The smallest known with E‖g(θ) - g(θ*)‖² <= 2𝓛 (L(θ) - L*), g being the mean over a batch. Where
    observation i is drawn with probability p_i, `largest` is max L_i/(n p_i).

    Parameters
    ----------
    beta : float
        That of L.
    largest : float
        L_max, at least β.
    batch_size : int, default 1

    Raises
    ------
    ValueError
        A number outside its range.

    References
    ----------
    Gower, Loizou, Qian, Sailanbayev, Shulgin and Richtárik 2019, SGD: General Analysis and Improved
    Rates, definition 2.1; there for batches without replacement. With replacement the mean of the
    squares is that of independent draws, as in proposition 1.

    Examples
    --------
    >>> gd.theory.expected_smoothness(beta=1.0, largest=5.0, batch_size=4)
    2.0
    """
    require(beta=beta, largest=largest)
    size = as_count("batch_size", batch_size)
    return largest / size + (1 - 1 / size) * beta


def theorem_10(
    lr: float, mu: float, smoothness: float, noise: float, distance: float, steps: Any
) -> Any:
    r"""Bound of E‖θ_T - θ*‖² under SGD at a constant rate: it reaches a neighbourhood of θ*.

    .. math:: (1 - ημ)^T R^2 + \frac{2 η σ_*^2}{μ}

    Parameters
    ----------
    lr : float in ]0, 1/(2𝓛)]
    mu : float above 0
        L(θ*) >= L(θ) + <∇L(θ), θ* - θ> + μ/2 ‖θ* - θ‖² at every θ, as under strong convexity.
    smoothness : float
        𝓛: see `expected_smoothness`.
    noise : float
        σ*² = E‖g(θ*)‖² of a step's gradient: `variance` at θ* over the batch size.
    distance : float
        R.
    steps : int or array of int, at least 1

    Returns
    -------
    float or array, like `steps`

    Raises
    ------
    ValueError
        A number outside its range, a rate above 1/(2𝓛) among them.

    References
    ----------
    Gower et al. 2019, SGD: General Analysis and Improved Rates, theorem 3.1.

    Examples
    --------
    >>> gd.theory.theorem_10(0.25, 2.0, smoothness=2.0, noise=1.0, distance=4.0, steps=3)
    2.25
    """
    require(smoothness=smoothness, noise=noise, distance=distance)
    _require_convexity(mu, smoothness)
    if not 0 < lr <= RATE_SLACK / (2 * smoothness):
        raise ValueError(f"lr must be in ]0, 1/(2𝓛)] = ]0, {0.5 / smoothness:g}], but is {lr:g}")
    return (1 - lr * mu) ** step_counts(steps) * distance**2 + 2 * lr * noise / mu


def theorem_11(
    largest: float, mu: float, n_samples: int, distance: float, gap: float, steps: Any
) -> Any:
    r"""Bound of E‖θ_T - θ*‖² under SAGA, η = 1/(3 L_max), its table filled at θ_0.

    .. math:: \left(1 - \min\left\{\frac{1}{4n}, \frac{μ}{3 L_{\max}}\right\}\right)^T
              \left[R^2 + \frac{2n}{3 L_{\max}} Δ_0\right]

    Parameters
    ----------
    largest, mu : float
        0 < μ <= L_max.
    n_samples : int
    distance, gap : float
        R and Δ_0; of a penalised objective L(θ_0) - L(θ*) - <∇L(θ*), θ_0 - θ*>.
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
    Defazio, Bach and Lacoste-Julien 2014, SAGA, corollary 1 and section 2.

    Examples
    --------
    >>> gd.theory.theorem_11(1.0, 0.75, n_samples=1, distance=1.0, gap=1.5, steps=1)
    1.5
    """
    _require_convexity(mu, largest)
    require(distance=distance, gap=gap)
    n = as_count("n_samples", n_samples)
    factor = 1 - min(1 / (4 * n), mu / (3 * largest))
    return factor ** step_counts(steps) * (distance**2 + 2 * n / (3 * largest) * gap)


def theorem_11_svrg(
    lr: float, largest: float, mu: float, inner: int, gap: float, rounds: Any
) -> Any:
    r"""Bound of E L - L* under SVRG after some rounds of `inner` steps each.

    .. math:: α^s Δ_0, \quad α = \frac{1}{μ η (1 - 2 L_{\max} η) m}
              + \frac{2 L_{\max} η}{1 - 2 L_{\max} η}

    for the point θ̃_s that is drawn uniformly among those of round s. Where α >= 1 the theorem
    promises nothing, and the bound is Δ_0 or more.

    Parameters
    ----------
    lr : float in ]0, 1/(2 L_max)[
    largest, mu, gap : float
    inner : int
        m.
    rounds : int or array of int, at least 1
        s.

    Returns
    -------
    float or array, like `rounds`

    Raises
    ------
    ValueError
        A number outside its range.

    References
    ----------
    Johnson and Zhang 2013, Accelerating Stochastic Gradient Descent using Predictive Variance
    Reduction, theorem 1.

    Examples
    --------
    >>> round(gd.theory.theorem_11_svrg(0.1, 1.0, 0.5, inner=100, gap=1.0, rounds=2), 6)
    0.25
    """
    _require_convexity(mu, largest)
    require(gap=gap)
    if not 0 < lr < 0.5 / largest:
        raise ValueError(f"lr must be in ]0, 1/(2 L_max)[ = ]0, {0.5 / largest:g}[, but is {lr:g}")
    rest = 1 - 2 * largest * lr
    alpha = 1 / (mu * lr * rest * as_count("inner", inner)) + 2 * largest * lr / rest
    return alpha ** step_counts(rounds) * gap


def theorem_11_loopless(
    lr: float, largest: float, mu: float, probability: float, distance: float, noise: float,
    steps: Any,
) -> Any:  # fmt: skip
    r"""Bound of E‖θ_T - θ*‖² under loopless SVRG, which moves θ̃ with probability p in each step.

    .. math:: \max\{1 - ημ, 1 - p/2\}^T \left[R^2 + \frac{4 η^2}{p}\, \frac1n \sum_i
              \|∇ℓ_i(θ_0) - ∇ℓ_i(θ^*)\|^2\right]

    Parameters
    ----------
    lr : float in ]0, 1/(6 L_max)]
    largest, mu : float
    probability : float in ]0, 1]
    distance : float
        R.
    noise : float
        The mean of ‖∇ℓ_i(θ_0) - ∇ℓ_i(θ*)‖², at most 2 L_max Δ_0.
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
    Kovalev, Horváth and Richtárik 2020, Don't Jump Through Hoops and Remove Those Loops: SVRG and
    Katyusha are Better Without the Outer Loop, theorem 5.

    Examples
    --------
    >>> gd.theory.theorem_11_loopless(0.125, 1.0, 1.0, 0.5, distance=1.0, noise=0.0, steps=1)
    0.875
    """
    _require_convexity(mu, largest)
    require(distance=distance, noise=noise)
    if not 0 < probability <= 1:
        raise ValueError(f"probability must be in ]0, 1], not {probability}")
    if not 0 < lr <= RATE_SLACK / (6 * largest):
        raise ValueError(
            f"lr must be in ]0, 1/(6 L_max)] = ]0, {1 / (6 * largest):g}], but is {lr:g}"
        )
    factor = max(1 - lr * mu, 1 - probability / 2)
    return factor ** step_counts(steps) * (distance**2 + 4 * lr**2 / probability * noise)


def suboptimality(grad_norm: float, mu: float) -> float:
    r"""Bound of L(θ) - L* from one gradient, where μ > 0: :math:`\|∇L(θ)\|^2/(2μ)`.

    Raises
    ------
    ValueError
        A number outside its range.

    References
    ----------
    Nesterov 2004, Introductory Lectures on Convex Optimization, theorem 2.1.10.

    Examples
    --------
    >>> gd.theory.suboptimality(grad_norm=0.1, mu=0.5).__round__(9)
    0.01
    """
    require(grad_norm=grad_norm, mu=mu)
    if mu == 0:
        raise ValueError("mu must be above 0: without strong convexity a gradient bounds nothing")
    return grad_norm**2 / (2 * mu)


def _require_convexity(mu: float, beta: float) -> None:
    require(beta=beta)
    if not 0 < mu <= beta * RATE_SLACK:
        raise ValueError(f"mu must be in ]0, {beta:g}], the smoothness, but is {mu:g}")
