"""How far a fit is from the least objective, at most."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd.objectives import LinearModel
from fastgd.theory import optimum

__all__: list[str] = []


@dataclass(frozen=True)
class Proof:
    """How far above the least objective some weights are.

    Attributes
    ----------
    objective : float
        F at the weights, in scikit-learn's scale.
    least : float
        F at the best weights found.
    suboptimality : float
        F* is at most this much below `objective`; inf where nothing is proven.
    """

    objective: float
    least: float
    suboptimality: float


def prove(f: LinearModel, coef: Any, intercept: Any, scale: float) -> Proof:
    """Of F = scale f at these weights; its best weights are searched for from them."""
    theta = np.asarray(coef, dtype=np.float64).ravel()
    if f.fit_intercept:
        theta = np.concatenate([theta, np.asarray(intercept, dtype=np.float64).ravel()])
    value, best = f.value(theta), optimum(f, theta)
    gap = max(0.0, value - best.loss) + best.error
    return Proof(scale * value, scale * min(value, best.loss), scale * gap)
