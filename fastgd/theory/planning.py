"""How long, and in what batches, a run has to be for what theorem 4 promises."""

import math
from dataclasses import dataclass
from typing import Any

from fastgd.checks import as_count
from fastgd.objectives import Objective
from fastgd.theory.bounds import noise_floor, theorem_4
from fastgd.theory.constants import smooth, variance, variance_bound
from fastgd.theory.minimum import KNOWN, optimum

__all__ = ["Plan", "plan"]


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
        No observations, no known β, a penalty that is not smooth, a target that is not above 0.

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
    if not smooth(objective) and objective.penalty is not None:
        raise ValueError(f"theorem 4 is on smooth objectives, and {objective.penalty!r} is not")
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
