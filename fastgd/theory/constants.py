r"""What is known of an objective: β, μ, σ², how steep it is, and what its loss and penalty say.

All that theory asks of a loss or a penalty is asked here, so that no other file names one. Where a
number is not known, None stands, and a certificate says so.
"""

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import losses, objectives, penalties
from fastgd.checks import as_vector
from fastgd.objectives import (
    Function,
    LinearModel,
    Objective,
    Quadratic,
    largest_eigenvalue,
    row_weights,
    spectrum,
)

__all__ = ["lipschitz", "smoothness", "strong_convexity", "variance", "variance_bound"]

Vector = NDArray[np.float64]

EPSILON = float(np.finfo(np.float64).eps)
# Sums of squares of sample gradients are taken over blocks of about so many numbers.
BLOCK_NUMBERS = 1 << 18


def smoothness(objective: Objective) -> float | None:
    """β, the Lipschitz constant of ∇L, from above; None where none is known.

    Of a penalty only an l2 term counts: the others enter by their proximal step.

    Examples
    --------
    >>> gd.theory.smoothness(gd.Quadratic(np.diag([1.0, 4.0]))).__round__(9)
    4.0
    """
    return objective.smoothness()


def lipschitz(objective: Objective) -> float | None:
    r"""The Lipschitz constant G of L itself, from above: abs(L(u) - L(v)) <= G ‖u - v‖.

    With s the steepest slope of the loss, which the logistic, softmax, hinge, Huber and quantile
    losses have,

    .. math:: G = s \min\left\{\frac1n \sum_i \tilde w_i \|[x_i\ 1]\|,\;
              \sqrt{\max_i \tilde w_i\, λ_{\max}([X\ 1]^T D [X\ 1])/n}\right\}

    where w̃_i = n w_i/Σw and D = diag(w̃). An L1 penalty of p weights adds λ√p; constraints add
    nothing, on the set that they allow.

    Parameters
    ----------
    objective : Objective

    Returns
    -------
    float or None
        None where there is no such constant (squared losses, an l2 term) or none is known.

    References
    ----------
    Definition 1 of the course; Shalev-Shwartz and Ben-David 2014, Understanding Machine Learning,
    section 12.1.2.

    Examples
    --------
    >>> round(gd.theory.lipschitz(gd.LogisticRegression([[3.0], [4.0]], [0, 1])), 6)
    3.5
    >>> gd.theory.lipschitz(gd.LeastSquares([[3.0], [4.0]], [0.0, 1.0])) is None
    True
    """
    if type(objective) is Quadratic:
        return None if objective.A.any() else float(np.linalg.norm(objective.b))
    if not isinstance(objective, LinearModel) or not ours(objective):
        return None
    added = _penalty_slope(objective)
    steepest = steepest_row(objective)
    if added is None or steepest is None:
        return None
    weights, n = row_weights(objective), objective.n_samples
    top = largest_eigenvalue(objective.X, objective.fit_intercept, objective._row_weights)
    by_rows = float(row_norms(objective) @ weights) / n
    by_norm = math.sqrt(float(weights.max()) * top / n)
    return steepest * min(by_rows, by_norm) * (1 + 1e-12) + added


def _penalty_slope(objective: LinearModel) -> float | None:
    """The Lipschitz constant of the penalty where it is finite; None where it has none."""
    penalty, weights = objective.penalty, objective.n_outputs * objective.n_features
    if penalty is None or isinstance(penalty, (penalties.Box, penalties.NonNegative)):
        return 0.0
    if penalty.curvature > 0:
        return None
    if isinstance(penalty, penalties.L1):
        return penalty.l1 * math.sqrt(weights)
    if isinstance(penalty, penalties.ElasticNet):
        return penalty.strength * penalty.ratio * math.sqrt(weights)
    return 0.0 if isinstance(penalty, penalties.L2) else None


def strong_convexity(objective: Objective) -> float | None:
    """μ, the least curvature of L (with its penalty) over all θ, from below; None if unknown.

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
    if type(objective) is Quadratic:
        values = np.linalg.eigvalsh(objective.A)
        lowest = float(values[0] - 1e-11 * np.abs(values).max())
        return lowest if objective.convex is not True else max(lowest, 0.0)
    model: Any = objective
    linear = issubclass(kind_of(objective), LinearModel)
    if not linear or not ours(objective) or not convex(objective):
        return None
    curvature = 0.0 if model.penalty is None else model.penalty.curvature
    width = model.n_features + model.fit_intercept
    if constant_curvature(model) and width <= spectrum.EXACT_WIDTH:
        gram = model.gram()
        hessian = (model.loss.curvature or 0.0) / model.n_samples * gram
        features = np.arange(model.n_features)
        hessian[features, features] += curvature
        values = np.linalg.eigvalsh(hessian)
        return max(float(values[0] - 1e-11 * np.abs(values).max()), 0.0)
    return 0.0 if model.fit_intercept else curvature


def variance(objective: Objective, theta: Any, sampling: str = "replacement") -> float:
    r"""σ² at θ: the trace of the covariance of the gradients of single observations.

    .. math:: σ^2 = \frac{1}{n} \sum_i \|∇ℓ_i(θ) - ∇L(θ)\|^2

    the smallest with which assumption A holds at θ. The l2 term is the same for all i and drops
    out. With sample weights ∇ℓ_i stands for n w_i/Σw times it: what a step takes.

    Parameters
    ----------
    objective : Objective with observations
    theta : (n_params,) array
    sampling : "replacement" or "importance"
        How observations are drawn. With "importance" it is that of ∇ℓ_i/(n p_i), i drawn with
        probability p_i = ``objective.importance()[i]``: what a step takes then.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An objective without observations; a θ of another shape; another sampling.

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
    if sampling not in ("replacement", "importance"):
        raise ValueError(f'sampling must be "replacement" or "importance", not {sampling!r}')
    theta = as_vector("theta", theta, objective.n_params)
    size = max(1, BLOCK_NUMBERS // objective.n_params)
    if sampling == "importance":
        return _variance_of_draws(objective, theta, size)
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


def _variance_of_draws(objective: Any, theta: Vector, size: int) -> float:
    # Σ p_i ‖∇ℓ_i/(n p_i) - ∇L‖²: of differences, so that nothing cancels.
    n, chances = objective.n_samples, objective.importance()
    mean = np.zeros(objective.n_params)
    blocks = [np.arange(first, min(n, first + size)) for first in range(0, n, size)]
    for rows in blocks:
        mean += objective.sample_gradients(theta, rows).sum(axis=0) / n
    total = 0.0
    for rows in blocks:
        block = objective.sample_gradients(theta, rows) / (n * chances[rows])[:, None] - mean
        total += float(chances[rows] @ np.einsum("ij,ij->i", block, block))
    return total


def variance_bound(objective: Objective) -> float | None:
    r"""A σ² that serves at every θ, or None where none is known.

    With s the steepest slope of the loss (1 for the logistic, √2 for the softmax loss),
    σ² <= s² · mean ‖w̃_i [x_i 1]‖². The squared loss has no such bound.

    Examples
    --------
    >>> gd.theory.variance_bound(gd.LogisticRegression([[3.0], [4.0]], [0, 1]))
    12.5
    """
    if not isinstance(objective, LinearModel) or not ours(objective):
        return None
    steepest = steepest_row(objective)
    if steepest is None:
        return None
    lengths = row_weights(objective) * row_norms(objective)
    return float(steepest**2 * np.mean(lengths**2))


# What the other files of this package ask.


def ours(objective: Objective) -> bool:
    """Whether β and convexity are ours to vouch for; a subclass may have changed anything."""
    kind = kind_of(objective)
    if not kind.__module__.startswith(f"{objectives.__name__}.") or kind is Function:
        return False
    loss, penalty = getattr(objective, "loss", None), objective.penalty
    return (loss is None or type(loss).__module__ == losses.__name__) and (
        penalty is None or type(penalty).__module__ == penalties.__name__
    )


def kind_of(objective: Objective) -> type[Objective]:
    """Its class; of one over the rows of many ranks, that of each rank's own."""
    own: Objective = getattr(objective, "local", objective)
    return type(own)


def convex(objective: Objective) -> bool | None:
    """Whether F is convex; None where it is not known."""
    loss = getattr(objective, "loss", None)
    return objective.convex if loss is None or loss.convex else False


def smooth(objective: Objective) -> bool:
    """Whether F, penalty and all, has a gradient everywhere (or a user says that it has)."""
    if objective.penalty is not None and not objective.penalty.smooth:
        return False
    loss = getattr(objective, "loss", None)
    return loss is None or twice_differentiable(loss)


def twice_differentiable(loss: Any) -> bool:
    """Whether differences of slopes are second derivatives: not for a loss with a kink."""
    return loss.curvature is not None or math.isinf(loss.steepest)


def class_probabilities(loss: Any) -> bool:
    """Whether second derivatives are diag(p) - ppᵀ, p being the probabilities of the classes."""
    return type(loss) is losses.Softmax


def constant_curvature(objective: LinearModel) -> bool:
    """Whether the loss is a quadratic function of its margin, of the same curvature everywhere."""
    return objective.loss.self_concordance == 0 and objective.loss.curvature is not None


def steepest_row(objective: LinearModel) -> float | None:
    """The largest norm of the derivative in the margins of one row; None where unbounded."""
    steepest = objective.loss.steepest
    # Each target of several has a loss of its own.
    targets = objective.y.shape[1] if objective.y.ndim == 2 else 1
    return steepest * math.sqrt(targets) if math.isfinite(steepest) else None


def least_possible(objective: Objective) -> float:
    """The mean of the losses' own least values, which L is never below; -inf where unknown."""
    loss = getattr(objective, "loss", None)
    if loss is None or not ours(objective):
        return -math.inf
    if hasattr(objective, "local"):  # rows of many ranks
        mean, size = objective.means(least_sums)  # type: ignore[attr-defined]
        return float(mean - 8 * EPSILON * size)
    least = loss.least(objective.y) * row_weights(objective)  # type: ignore[attr-defined]
    return float(least.mean() - 8 * EPSILON * np.abs(least).mean())


def least_sums(objective: Any) -> tuple[float, float]:
    """The sum over the rows of the losses' least values, and of their sizes."""
    least = objective.loss.least(objective.y) * row_weights(objective)
    return float(least.sum()), float(np.abs(least).sum())


def row_norms(objective: LinearModel, scale: Vector | None = None) -> Vector:
    """‖[x_i 1]‖, or ‖x_i‖ without an intercept, the columns scaled on request: (n,)."""
    d = objective.n_features
    squares = np.ones(d + objective.fit_intercept) if scale is None else scale**2
    norms = np.empty(objective.n_samples)
    for first, block in row_blocks(objective, dense=False):
        power = block.multiply(block) if hasattr(block, "indptr") else block * block
        norms[first : first + block.shape[0]] = power @ squares[:d]
    return np.sqrt(norms + squares[d:].sum())


def row_blocks(
    objective: LinearModel, dense: bool = True, size: int | None = None
) -> Iterator[tuple[int, Any]]:
    """(first, rows of X in float64), a few at a time, so that X is never copied whole."""
    sparse = hasattr(objective.X, "indptr")
    if size is None:
        size = max(1, (1 << 19) // objective.n_features) if dense or not sparse else 8192
    for first in range(0, objective.n_samples, size):
        block = objective.X[first : first + size]
        if dense and sparse:
            block = block.toarray()
        yield first, block.astype(np.float64, copy=False)


def changed(objective: Objective) -> str | None:
    """In what the data are no longer those of which β was found; None where they are.

    Attributes of an objective are frozen, but an array that it uses in place can be written to. A
    change that leaves β as it is does no harm: all else is found when a certificate is made.
    """
    anew: Any = copy.copy(objective)
    if type(objective) is Quadratic and objective._eigenvalues is not None:
        anew._eigenvalues = None
        known, now = objective.eigenvalues, anew.eigenvalues
        if np.abs(known - now).max() > 1e-13 * np.abs(known).max():
            return (
                "A has changed since: its eigenvalues were "
                f"{known[0]:.6g} to {known[-1]:.6g}, now {now[0]:.6g} to {now[-1]:.6g}"
            )
    elif isinstance(objective, LinearModel) and objective._smoothness is not None:
        anew._smoothness = None
        beta = anew.smoothness()
        if beta is not None and abs(beta - objective._smoothness) > 1e-9 * abs(beta):
            before = objective._smoothness
            return f"X has changed since β = {before:.6g} was found: now it is {beta:.6g}"
    return None
