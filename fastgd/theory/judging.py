"""A theorem's assumptions and bound beside what was observed: the verdict of a row."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fastgd.theory.assumptions import Known
from fastgd.theory.certificates import Assumption, Row

__all__: list[str] = []

STATEMENTS = {
    "1": "L(θ_T) - L* <= βR²/(2T)",
    "2": "min ‖∇L(θ_t)‖² <= 2βΔ_0/T",
    "3": "E[1/T Σ ‖∇L(θ_t)‖²] <= ηβσ² + 2Δ_0/(ηT)",
    "P1": "E‖g_t‖² <= σ²/n_B + ‖∇L(θ_t)‖², mean over t",
    "4": "E[1/T Σ ‖∇L(θ_t)‖²] <= ηβσ²/n_B + 2Δ_0/(ηT)",
    "(1)": "E L(θ_{t+1}) - L(θ_t) <= -(η - βη²/2)‖∇L(θ_t)‖² + βη²σ²/(2n_B), mean over t",
    "5": "L(θ_T) - L* <= 2βR²/(T+1)²",
    "6": "E[Σ η_t‖∇L(θ_t)‖² / Σ η_t] <= (2Δ_0 + βσ²/n_B Σ η_t²)/Σ η_t",
    "7": "E L(θ_T) - L* <= (R² + Σ η_t²E‖g_t‖²)/(2Σ η_t) + 1/2 Σ_{k<T} η_k/Σ_{t>k} η_t · "
    "Σ_{t>=k} η_t²E‖g_t‖²/Σ_{t>=k} η_t",
    "8": "L(θ_T) - L* <= (1 - μ/β)^T Δ_0",
    "9": "L(θ_T) - L* <= (μ+β)/2 R² exp(-T/√κ)",
    "10": "E‖θ_T - θ*‖² <= (1-ημ)^T R² + 2ησ*²/(μn_B)",
    "11": "E‖θ_T - θ*‖² <= ρ^T C_0, ρ and C_0 those of the method",
}

# The tails beyond one and three standard deviations of a normal number.
TAILS = 0.15865525393145707, 0.0013498980316300957


class Judge(Known):
    """What all rows share."""

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
        if violated(wanted):
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
            excess = mean - bound - rounding
            near, far = (_quantile(tail, len(observed)) * (stderr or 0.0) for tail in TAILS)
            # Δ_0, and the bound with it, is too small where L* is lower than what was found. The
            # proofs of 1, 5, 7 and 9 compare with any point, and (1) and P1 know nothing of L*.
            small = (
                theorem not in ("1", "5", "7", "9", "(1)", "P1")
                and self.minimum().state == "assumed"
            )
            verdict = "exceeded"
            if excess <= near:
                verdict = "holds"
            elif excess <= far or small:
                verdict = "undecided"
        return Row(theorem, statement, wanted, verdict, bound, mean, stderr, note, curve)


def _quantile(tail: float, runs: int) -> float:
    """What Student's t, of the mean over so many runs, exceeds with that probability."""
    if runs < 2:
        return 0.0
    from scipy.special import stdtrit

    return float(-stdtrit(runs - 1, tail))


def violated(assumptions: Iterable[Assumption]) -> bool:
    return any(one.state == "violated" for one in assumptions)
