"""How long, and in what batches, a run has to be for what a theorem promises."""

import math
from typing import Any

from fastgd.checks import as_count
from fastgd.objectives import Objective
from fastgd.optimizers import SGD
from fastgd.theory import gaps
from fastgd.theory.bounds import noise_floor, theorem_4
from fastgd.theory.constants import smooth, variance, variance_bound
from fastgd.theory.gaps import Plan
from fastgd.theory.minimum import KNOWN, optimum

__all__ = ["Plan", "plan"]


def plan(
    objective: Objective,
    target_grad_norm: float | None = None,
    theta0: Any = None,
    batch_size: int | None = None,
    sigma2: float | None = None,
    target_gap: float | None = None,
    theorem: str | None = None,
) -> Plan:
    r"""The rate, batch size and length of a run of SGD with E[1/T Σ ‖∇L(θ_t)‖²] <= ε².

    Or, with `target_gap`, the run for which one of theorems 1, 5 and 7 to 11 promises that L(θ_T)
    - L*, or its expectation, is at most that: see below.

    Theorem 4's two terms get half of ε² each. The number of observations seen, n_B T =
    8βσ²Δ_0/ε⁴, does not depend on η, so η is 1/β, as large as the theorem allows, unless the
    batch would be larger than the data; then η is smaller and the run longer.

    Parameters
    ----------
    objective : Objective with observations and a known β
    target_grad_norm : float > 0
        ε. Either this or `target_gap`.
    theta0 : (n_params,) array, optional
    batch_size : int, optional
        A batch size to plan for, instead of the plan's own.
    sigma2 : float, optional
        σ² along the run. By default `variance_bound`, which serves everywhere; where there is none
        the larger of the variances at θ_0 and θ*, which is a guess (`guaranteed` is False).

    target_gap : float > 0
        What L(θ_T) - L* is to be at most.
    theorem : "1", "5", "7", "8", "9", "10", "11" or "11 SVRG", optional
        The one to plan by; by default the one that asks for the fewest gradients of observations.

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        No observations, no known β, a penalty that is not smooth, a target that is not above 0; a
        theorem that does not apply to the objective, in words.

    Notes
    -----
    With `target_gap`: 1 and 8 run gradient descent, 5 and 9 Nesterov's method with its schedule or
    the best constant momentum, 7 SGD at the constant rate that is best for as many steps, 10 SGD in
    batches at the rate that leaves half of the target to the noise, and 11 SAGA or loopless SVRG.
    10 and 11 bound distances, and L(θ) - L* <= β/2 ‖θ - θ*‖².

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> plan = gd.theory.plan(gd.LogisticRegression(X, y, l2=0.1), target_grad_norm=0.5)
    >>> plan.batch_size, plan.steps, plan.guaranteed, plan.bound <= 0.25
    (240, 27, True, True)
    >>> plan = gd.theory.plan(gd.LogisticRegression(X, y, l2=0.1), target_gap=1e-6)
    >>> plan.theorem, type(plan.optimizer).__name__, plan.steps
    ('9', 'Nesterov', 86)
    """
    if (target_grad_norm is None) == (target_gap is None):
        raise ValueError("give what is wanted as either target_grad_norm= or target_gap=")
    if target_gap is not None:
        return gaps.plan(objective, target_gap, theta0, batch_size, theorem)
    if theorem not in (None, "4"):
        raise ValueError(f"a norm of the gradient is planned by theorem 4, not by {theorem}")
    assert target_grad_norm is not None
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
    return Plan(
        lr, batch_size, steps, bound, beta, sigma2, gap, guaranteed, "4", SGD(lr),
        batch_size * steps,
    )  # fmt: skip
