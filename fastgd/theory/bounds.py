"""What the theorems promise, 1 to 6 of the course: functions of plain numbers.

Where something is unknown the side is taken on which a wrong answer would be against the user: a
bound may come out too small, never too large.

L* is the least loss, Δ_0 = L(θ_0) - L*, R = ‖θ_0 - θ*‖, T the number of steps. Assumption A:
indices independent and uniform, E ∇ℓ_i = ∇L, E ‖∇ℓ_i‖² <= σ² + ‖∇L‖².
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.checks import as_count

__all__ = [
    "descent", "noise_floor", "proposition_1", "theorem_1", "theorem_2", "theorem_3", "theorem_4",
    "theorem_5", "theorem_6",
]  # fmt: skip

Vector = NDArray[np.float64]

# β is known from above, to a relative 1e-12 at best, so that a 1/β by hand may lie above ours: a
# rate this near to 1/β counts as 1/β. Bounds move by as much, less than a certificate tells apart.
RATE_SLACK = 1 + 2e-12


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
    require(beta=beta, distance=distance)
    return beta * distance**2 / (2 * step_counts(steps))


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
    require(beta=beta, gap=gap)
    return 2 * beta * gap / step_counts(steps)


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
    require(gap=gap)
    return noise_floor(lr, beta, sigma2, batch_size) + 2 * gap / (lr * step_counts(steps))


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
    require(beta=beta, sigma2=sigma2)
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
    require(beta=beta, distance=distance)
    return 2 * beta * distance**2 / (step_counts(steps) + 1) ** 2


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
    require(beta=beta, sigma2=sigma2, gap=gap)
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
    require(sigma2=sigma2, grad_norm=grad_norm)
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
    require(beta=beta, grad_norm=grad_norm, sigma2=sigma2)
    _require_rates(np.array([lr]), beta)
    noise = beta * lr**2 * sigma2 / (2 * as_count("batch_size", batch_size))
    return loss - (lr - beta * lr**2 / 2) * grad_norm**2 + noise


def require(**numbers: float) -> None:
    """Refuse numbers that are negative or not finite, and a β of 0."""
    for name, value in numbers.items():
        if not (math.isfinite(value) and value >= 0) or (name == "beta" and value == 0):
            low = "above 0" if name == "beta" else "at least 0"
            raise ValueError(f"{name} must be finite and {low}, not {value}")


def _require_rates(rates: Vector, beta: float) -> None:
    for rate in (rates.min(), rates.max()):
        if not 0 < rate <= RATE_SLACK / beta:
            raise ValueError(f"lr must be in ]0, 1/β] = ]0, {1 / beta:g}], but is {rate:g}")


def step_counts(steps: Any) -> Any:
    """T as a number, or as an array of them."""
    given = np.asarray(steps)
    if given.dtype.kind not in "iu" or (given < 1).any():
        raise ValueError(f"steps must be integers of at least 1, not {steps!r}")
    return given.astype(np.float64)[()] if given.ndim else int(given)
