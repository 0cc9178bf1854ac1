"""Rules that look at the loss of the rows they step on, and find a rate by it.

A gradient alone does not say it, so each brings its own way of stepping (core/search.pyx), for any
smooth objective, over all rows or a batch.
"""

import dataclasses
import math
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Self

from fastgd.core import search
from fastgd.optimizers.base import (
    NOT_NEGATIVE,
    RATES,
    Interval,
    Optimizer,
    Rate,
    Rates,
    number,
    rate,
)

__all__ = ["Armijo", "PolyakStep"]

FINITE = Interval("finite", -math.inf)
ABOVE_ZERO = Interval("above 0", 5e-324)
INSIDE = Interval("above 0 and below 1", 5e-324, 1.0)
FROM_ONE = Interval("at least 1", 1.0)


class Searching(Optimizer):
    """Base of the rules that look at the loss.

    Examples
    --------
    >>> gd.Armijo(lr=2.0).lr
    2.0
    """

    def prepared(self, objective: Any) -> Self:
        """Itself; refuses an objective with a penalty that is not smooth."""
        penalty = objective.penalty
        if penalty is not None and not penalty.smooth:
            raise ValueError(
                f"{type(self).__name__} measures steps along the gradient, and {penalty!r} has none"
            )
        return self

    def init(self, theta: Any, steps: int | None = None) -> Any:
        """Refused: a gradient from elsewhere comes without its loss."""
        raise TypeError(
            f"{type(self).__name__} asks for the loss at points of its own, so it takes no "
            "gradient from elsewhere: use minimize"
        )


@dataclass(frozen=True)
class PolyakStep(Searching):
    r"""The step to where the loss would be least if it were a cone; on batches SPS_max.

    .. math:: θ_{t+1} = θ_t - a_t (g_t + λ θ_t), \quad
              a_t = \min\left\{\frac{L_B(θ_t) - L^*}{c \|g_t\|^2},\; η_t\right\}

    L_B is the loss over the rows of the step.

    Parameters
    ----------
    lr : float, schedule, "1/beta" or None, default None
        η, the largest rate, at least 0; None: no bound. With batches that cannot all be fitted at
        once a bound keeps the steps from growing near the end.
    optimum : float or None, default None
        L*, of all rows, or of each batch. None: over all rows it is estimated, by a level below the
        best loss seen that comes nearer where it is not reached; over batches `least` is taken,
        which is right where the model can fit all rows at once, and else ends in a neighbourhood.
    least : float or None, default None
        What no loss is below. None: found from the objective, where its losses have least values: 0
        for most.
    c : float, default 1
        Above 0. Half of it is what the theorems on batches take under strong convexity.
    weight_decay : float, default 0
        Decoupled λ, at least 0: at the rate that was found.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range; in a run, a penalty that is not
        smooth, an objective without a known least value where none is given, or clipping.

    Notes
    -----
    The history's lr is a_t. Each step takes the loss over its rows beside the gradient.

    References
    ----------
    Polyak 1987, Introduction to Optimization. Loizou, Vaswani, Laradji and Lacoste-Julien 2021,
    Stochastic Polyak Step-size for SGD: An Adaptive Learning Rate for Fast Convergence. The level:
    Nedić and Bertsekas 2001, Incremental Subgradient Methods for Nondifferentiable Optimization,
    their dynamic rule with factors 1 and 0.9.

    Examples
    --------
    >>> f = gd.Quadratic(np.diag([1.0, 4.0]), [1.0, 4.0])
    >>> r = gd.minimize(f, gd.PolyakStep(optimum=-2.5), steps=100)
    >>> r.theta.round(6)
    array([1., 1.])
    """

    lr: Rate | None = field(  # type: ignore[assignment]
        default=None,
        metadata={"interval": NOT_NEGATIVE, "rate": True, "space": RATES, "optional": True},
    )
    _: KW_ONLY
    optimum: float | None = number(None, FINITE, optional=True)
    least: float | None = number(None, FINITE, optional=True)
    c: float = number(1.0, ABOVE_ZERO)
    weight_decay: float = number(0.0, NOT_NEGATIVE)
    solver: ClassVar[Any] = search.PolyakSolver

    def prepared(self, objective: Any) -> Self:
        """With the least value of the objective's losses, where it is asked for."""
        super().prepared(objective)
        if self.optimum is not None or self.least is not None:
            return self
        loss = getattr(objective, "loss", None)
        if loss is None:
            raise ValueError(f"PolyakStep: no least value of {objective!r} is known: give optimum, "
                             "or least")  # fmt: skip
        least = loss.least(objective.y)
        if objective._row_weights is not None:
            least = least * objective._row_weights
        return dataclasses.replace(self, least=float(least.min()))

    def rates(self, total: int | None) -> Rates:
        """As for every optimizer; without a bound, an infinite one."""
        return Rates(math.inf, 0.0, total) if self.lr is None else super().rates(total)


@dataclass(frozen=True)
class Armijo(Searching):
    r"""Gradient descent that tries rates, from above, until the loss of the same rows falls enough.

    .. math:: θ_{t+1} = θ_t - a_t (g_t + λ θ_t), \quad
              L_B(θ_t - a_t g_t) \le L_B(θ_t) - c\, a_t \|g_t\|^2

    The first trial is η_t, and later the rate before times a factor, but never above η_t; each next
    one is shorter by a factor.

    Parameters
    ----------
    lr : float, schedule or "1/beta", default 1
        η, the largest rate, at least 0.
    slope : float, default 0.1
        c, above 0 and below 1.
    shrink : float, default 0.8
        What the next trial is multiplied by: above 0 and below 1.
    grow : float, default 2
        What the rate is multiplied by in an epoch, at least 1: by its root of as many steps as
        there are batches. Over all rows that is every step.
    weight_decay : float, default 0
        Decoupled λ, at least 0: at the rate that was found, after the search.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range; in a run, a penalty that is not
        smooth, or clipping.

    Notes
    -----
    The history's lr is a_t. A trial costs a loss over the rows of the step. After 100 trials the
    last one is taken.

    References
    ----------
    Armijo 1966, Minimization of functions having Lipschitz continuous first partial derivatives.
    Vaswani, Mishkin, Laradji, Schmidt, Gidel and Lacoste-Julien 2019, Painless Stochastic Gradient:
    Interpolation, Line-Search, and Convergence Rates.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01)
    >>> gd.minimize(f, gd.Armijo(lr=100.0), steps=200).loss < 0.103
    True
    """

    lr: Rate = rate(1.0)
    _: KW_ONLY
    slope: float = number(0.1, INSIDE)
    shrink: float = number(0.8, INSIDE)
    grow: float = number(2.0, FROM_ONE)
    weight_decay: float = number(0.0, NOT_NEGATIVE)
    solver: ClassVar[Any] = search.ArmijoSolver
