"""Theorem 12, of local SGD: what steps between two averages cost, where ranks hold other rows."""

from typing import Any

import numpy as np

from fastgd.checks import as_count, as_vector
from fastgd.theory.bounds import RATE_SLACK, require, step_counts
from fastgd.theory.constants import variance

__all__ = ["local_noise", "theorem_12"]


def theorem_12(
    lr: float,
    beta: float,
    noise: float,
    distance: float,
    steps: Any,
    sync_every: int,
    ranks: float,
) -> Any:
    r"""Bound of E L(θ̄) - L* under local SGD, θ̄ being the mean of all averages over the run.

    .. math:: E L\Big(\frac1T \sum_{t<T} \hat θ_t\Big) - L^* <= \frac{4R^2}{ηT}
              + \frac{20ησ^2}{M} + 16η^2β(H-1)^2σ^2

    θ̂_t is the mean of the ranks' θ after t steps, also between two meetings. The last term is what
    steps of one's own cost; with H = 1 it is gone.

    Parameters
    ----------
    lr : float in ]0, min{1/(4β), 1/(8β(H-1))}]
        η.
    beta : float
        With which the gradient of every single observation is Lipschitz, each loss being convex:
        ``objective.sample_smoothness()``.
    noise : float
        σ², as `local_noise` finds it at θ*.
    distance : float
        R = ‖θ_0 - θ*‖.
    steps : int or array of int, at least 1
        T.
    sync_every : int, at least 1
        H.
    ranks : float, at least 1
        M, ranks with equally many rows; else all rows over those of the rank with most.

    Returns
    -------
    float or array, like `steps`

    Raises
    ------
    ValueError
        A number outside its range, a rate that is too large among them.

    Notes
    -----
    The paper has ranks of equal weight. With weights p_m its proof stands as it is, but for the
    variance of their mean, Σ p_m² σ_m² <= σ² max p_m.

    References
    ----------
    Khaled, Mishchenko and Richtárik 2020, Tighter Theory for Local SGD on Identical and
    Heterogeneous Data (that on heterogeneous data). Stich 2019, Local SGD Converges Fast and
    Communicates Little.

    Examples
    --------
    >>> gd.theory.theorem_12(0.01, 1.0, 2.0, 1.0, 10_000, sync_every=1, ranks=4).__round__(6)
    0.14
    >>> gd.theory.theorem_12(0.01, 1.0, 2.0, 1.0, 10_000, sync_every=11, ranks=4).__round__(6)
    0.46
    """
    every = as_count("sync_every", sync_every)
    require(lr=lr, beta=beta, noise=noise, distance=distance)
    if not ranks >= 1:
        raise ValueError(f"ranks must be at least 1, not {ranks}")
    most = 1 / (beta * max(4, 8 * (every - 1)))
    if not 0 < lr <= most * RATE_SLACK:
        raise ValueError(
            f"lr must be in ]0, min{{1/(4β), 1/(8β(H-1))}}] = ]0, {most:g}], not {lr:g}"
        )
    drift = 16 * lr**2 * beta * (every - 1) ** 2 * noise
    return 4 * distance**2 / (lr * step_counts(steps)) + 20 * lr * noise / ranks + drift


def local_noise(objective: Any, theta: Any, batch_size: int | None = 1) -> float:
    r"""σ² of theorem 12: how far the ranks' gradients are from 0 where that of all is 0.

    .. math:: σ^2 = \sum_m p_m E \|∇f_m(θ^*; B)\|^2
              = \sum_m p_m \Big( \|∇f_m(θ^*)\|^2 + \frac{σ_m^2}{n_B} \Big)

    where f_m is the mean over the rows of rank m, p_m their share of all rows, and σ_m² the
    variance of the gradients of single rows.

    Parameters
    ----------
    objective : Objective over all ranks
        Such as a result's `objective`; asked by all ranks together.
    theta : (n_params,) array
        θ*.
    batch_size : int or None, default 1
        n_B, drawn with replacement. None: all rows of the rank.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An objective that is not spread over ranks; θ of another shape.

    Examples
    --------
    >>> from fastgd.core.spread import Alone
    >>> f = gd.distributed.whole(gd.LeastSquares([[1.0], [1.0]], [0.0, 2.0]), Alone())
    >>> gd.theory.local_noise(f, [1.0])
    4.0
    """
    if not hasattr(objective, "local"):
        raise ValueError(f"{objective!r} is not spread over ranks: see distributed.whole")
    theta = as_vector("theta", theta, objective.n_params)
    size = np.inf if batch_size is None else as_count("batch_size", batch_size)

    def sums(own: Any) -> tuple[float]:
        gradient = own.gradient(theta)
        spread = 0.0 if batch_size is None else variance(own, theta) / size
        return (own.n_samples * (float(gradient @ gradient) + spread),)

    return float(objective.means(sums)[0])
