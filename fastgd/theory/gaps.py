"""Plans for a loss near the least: the run that each of theorems 1, 5 and 7 to 11 asks for."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd.checks import as_count
from fastgd.objectives import LinearModel, Objective
from fastgd.optimizers import SAGA, SGD, SVRG, Nesterov, Optimizer
from fastgd.theory import rates
from fastgd.theory.bounds import theorem_1, theorem_5
from fastgd.theory.constants import convex, lipschitz, smooth, strong_convexity, variance
from fastgd.theory.minimum import KNOWN, optimum

__all__: list[str] = []

# A plan of more steps is none.
MOST_STEPS = 10**15


@dataclass(frozen=True)
class Plan:
    """What a theorem asks for: run `optimizer` for `steps` steps in batches of `batch_size`.

    `bound` is the theorem's: of theorem 4, that of the mean of ‖∇L‖², at most the square of the
    target; of the others that of L(θ_T) - L*, or of its expectation, at most the target. `lr` is
    the optimizer's rate, a batch size of None all rows; `guaranteed` says whether `sigma2` is known
    to serve at every θ, and `gap`, Δ_0, at most so much too small. `observations` is the number of
    gradients of single observations that all steps take.
    """

    lr: float
    batch_size: int | None
    steps: int
    bound: float
    beta: float
    sigma2: float
    gap: float
    guaranteed: bool
    theorem: str = "4"
    optimizer: Optimizer = SGD()
    observations: int = 0


@dataclass(frozen=True)
class _Facts:
    """What the theorems ask of an objective and a start."""

    objective: Objective
    target: float
    batch_size: int | None
    beta: float
    mu: float
    largest: float
    distance: float
    gap: float
    noise: float
    steepest: float
    guaranteed: bool

    def made(
        self,
        theorem: str,
        optimizer: Optimizer,
        batch_size: int | None,
        bound: Callable[[int], float],
    ) -> Plan:
        steps = _least(lambda t: bound(t) <= self.target)
        if steps is None:
            raise ValueError(f"theorem {theorem} promises it after no {MOST_STEPS:.0e} steps")
        rows = batch_size or self.objective.n_samples or 1
        assert isinstance(optimizer.lr, float)
        return Plan(
            optimizer.lr, batch_size, steps, float(bound(steps)), self.beta, self.noise, self.gap,
            self.guaranteed, theorem, optimizer, rows * steps,
        )  # fmt: skip


def plan(
    objective: Objective, target: float, theta0: Any, batch_size: Any, theorem: str | None
) -> Plan:
    """The run by that theorem, or by the one that asks for the fewest gradients."""
    if not (math.isfinite(target) and target > 0):
        raise ValueError(f"target_gap must be above 0, not {target}")
    if theorem is not None and theorem not in WAYS:
        raise ValueError(f"theorem must be one of {', '.join(WAYS)}, not {theorem!r}")
    if batch_size is not None:
        batch_size = as_count("batch_size", batch_size)
    facts = _facts(objective, float(target), theta0, batch_size)
    if theorem is not None:
        return WAYS[theorem](facts)
    found = []
    for way in WAYS.values():
        try:
            found.append(way(facts))
        except ValueError:
            continue
    if not found:
        raise ValueError(f"no theorem promises anything of {objective!r}")
    return min(found, key=lambda one: one.observations)


def _facts(objective: Objective, target: float, theta0: Any, batch_size: int | None) -> _Facts:
    if not convex(objective):
        raise ValueError(f"{objective!r} is not known to be convex")
    if objective.penalty is not None and not objective.penalty.smooth:
        raise ValueError(f"these theorems are on steps along a gradient: not {objective.penalty!r}")
    theta = objective.initial_point() if theta0 is None else theta0
    best = optimum(objective, theta)
    gap = max(objective.value(theta) - best.loss, 0.0)
    known = best.error <= KNOWN * gap
    beta = (objective.smoothness() or 0.0) if smooth(objective) else 0.0
    largest = getattr(objective, "sample_smoothness", lambda: None)() or 0.0
    noise = math.nan if objective.n_samples is None else variance(objective, best.theta)
    return _Facts(
        objective, target, batch_size, beta, strong_convexity(objective) or 0.0,
        max(largest, beta), float(np.linalg.norm(np.asarray(theta) - best.theta)),
        gap + (best.error if known else 0.0), noise, lipschitz(objective) or 0.0, known,
    )  # fmt: skip


def _least(enough: Callable[[int], bool]) -> int | None:
    """The least number of steps that is enough: doubled, then halved between."""
    high = 1
    while not enough(high):
        high *= 2
        if high > MOST_STEPS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _asks(theorem: str, **facts: float) -> None:
    for name, value in facts.items():
        if not value > 0:
            raise ValueError(f"theorem {theorem} asks for {name}, of which none is known here")


def _descent(facts: _Facts) -> Plan:
    _asks("1", β=facts.beta)
    lr = 1 / facts.beta
    return facts.made("1", SGD(lr), None, lambda t: theorem_1(facts.beta, facts.distance, t))


def _accelerated(facts: _Facts) -> Plan:
    _asks("5", β=facts.beta)
    lr = 1 / facts.beta
    return facts.made("5", Nesterov(lr), None, lambda t: theorem_5(facts.beta, facts.distance, t))


def _any_convex(facts: _Facts) -> Plan:
    # At a constant η the bound is R²/(2(T+1)η) + ηG²/2 (1 + H_T): least at the η of the two equal.
    # Its second sum is 1/2 Σ η G²/(T - k) <= ηG²/2 (1 + ln T).
    if not facts.steepest > 0 or facts.objective.n_samples is None:
        raise ValueError("theorem 7 asks for a bound of the slopes of all losses: none is known")
    objective, size = facts.objective, facts.batch_size or 1
    steep = _steepest_mean(objective)
    if not steep:
        raise ValueError("theorem 7 asks for a bound of E‖g_t‖²: none is known here")

    def best(steps: int) -> tuple[float, float]:
        logs = 2 + math.log(steps) + 1 / steps
        rate = facts.distance / (steep * math.sqrt((steps + 1) * logs))
        return rate, facts.distance**2 / (2 * (steps + 1) * rate) + rate * steep**2 / 2 * logs

    steps = _least(lambda t: best(t)[1] <= facts.target)
    if steps is None or not facts.distance > 0:
        raise ValueError(f"theorem 7 promises it after no {MOST_STEPS:.0e} steps")
    rate, bound = best(steps)
    return Plan(
        rate, size, steps, bound, facts.beta, steep**2, facts.gap, facts.guaranteed, "7", SGD(rate),
        size * steps,
    )  # fmt: skip


def _steepest_mean(objective: Objective) -> float:
    """G with E‖g‖² <= G² at every θ; 0 where none is known."""
    from fastgd.theory.constants import variance_bound

    if objective.penalty is not None and objective.l2:
        return 0.0  # the gradient of the penalty grows with θ
    found = variance_bound(objective)
    return math.sqrt(found) if found else 0.0


def _linear(facts: _Facts) -> Plan:
    _asks("8", β=facts.beta, μ=facts.mu)
    lr, mu = 1 / facts.beta, min(facts.mu, facts.beta)
    return facts.made(
        "8", SGD(lr), None, lambda t: rates.theorem_8(facts.beta, mu, facts.gap, t)
    )  # fmt: skip


def _linear_accelerated(facts: _Facts) -> Plan:
    _asks("9", β=facts.beta, μ=facts.mu)
    root = math.sqrt(max(facts.beta / facts.mu, 1.0))
    optimizer = Nesterov(1 / facts.beta, momentum=(root - 1) / (root + 1))
    mu = min(facts.mu, facts.beta)
    return facts.made(
        "9", optimizer, None, lambda t: rates.theorem_9(facts.beta, mu, facts.distance, t)
    )


def _neighbourhood(facts: _Facts) -> Plan:
    _asks("10", β=facts.beta, μ=facts.mu, L_max=facts.largest)
    _exact(facts)
    size = facts.batch_size or 1
    smoothness = rates.expected_smoothness(facts.beta, facts.largest, size)
    noise, mu = facts.noise / size, min(facts.mu, smoothness)
    lr = 0.5 / smoothness
    if noise > 0:
        # Half of the target for what no number of steps removes.
        lr = min(lr, facts.target * mu / (2 * facts.beta * noise))
    return facts.made(
        "10", SGD(lr), size,
        lambda t: facts.beta / 2 * rates.theorem_10(lr, mu, smoothness, noise, facts.distance, t),
    )  # fmt: skip


def _saga(facts: _Facts) -> Plan:
    _asks("11", μ=facts.mu, L_max=facts.largest)
    _exact(facts)
    n, mu = facts.objective.n_samples or 1, min(facts.mu, facts.largest)
    largest = facts.largest
    return facts.made(
        "11", SAGA(1 / (3 * largest)), 1,
        lambda t: facts.beta / 2 * rates.theorem_11(largest, mu, n, facts.distance, facts.gap, t),
    )  # fmt: skip


def _svrg(facts: _Facts) -> Plan:
    _asks("11", μ=facts.mu, L_max=facts.largest)
    _exact(facts)
    n, mu, largest = facts.objective.n_samples or 1, min(facts.mu, facts.largest), facts.largest
    lr = 1 / (6 * largest)
    return facts.made(
        "11 SVRG", SVRG(lr), 1,
        lambda t: facts.beta / 2 * rates.theorem_11_loopless(
            lr, largest, mu, 1 / n, facts.distance, 2 * largest * facts.gap, t
        ),
    )  # fmt: skip


def _exact(facts: _Facts) -> None:
    if not facts.guaranteed:
        raise ValueError("theorems 10 and 11 ask for θ*, which is not known well enough")
    if not isinstance(facts.objective, LinearModel):
        raise ValueError("theorems 10 and 11 are on means over observations")


WAYS: dict[str, Callable[[_Facts], Plan]] = {
    "1": _descent,
    "5": _accelerated,
    "7": _any_convex,
    "8": _linear,
    "9": _linear_accelerated,
    "10": _neighbourhood,
    "11": _saga,
    "11 SVRG": _svrg,
}
