"""L*: the least loss, a point that has it, and a bound of how far the loss there is above it."""

import math
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.checks import as_vector
from fastgd.objectives import LinearModel, Objective, Quadratic
from fastgd.theory import kinks, newton, proximal, quadratics
from fastgd.theory.constants import (
    constant_curvature,
    convex,
    least_possible,
    ours,
    row_norms,
    row_weights,
    smooth,
    strong_convexity,
)
from fastgd.theory.quadratics import Found

__all__ = ["Optimum", "optimum"]

Vector = NDArray[np.float64]

# L* counts as known when the error is at most this part of Δ_0.
KNOWN = 1e-9
# Multiplications from which a way is too long where another one is open.
DIRECT_WORK = 1e11
NEWTON_WORK = 2e10
# Seconds from which a search is announced.
LONG = 30.0
# What is guessed beforehand: passes that L-BFGS takes, multiplications a second of a factorisation.
PASSES = 300
SPEED = 5e9


@dataclass(frozen=True)
class Optimum:
    """The least loss as far as it is known.

    Attributes
    ----------
    loss : float
        L at `theta`, in more digits than ``objective.value`` has where θ is so long that rounding
        shows in that; -inf where L has no lower bound.
    theta : (n_params,) float64
    grad_norm : float
        ‖∇L(theta)‖; of a penalty that is not smooth, the norm of the gradient mapping.
    error : float
        L* is at most this much below `loss`; inf where no such bound is known.
    given : bool
        Whether the loss was given rather than found.
    attained : bool or None
        Whether L is proven to have a minimiser; None where that is not known.
    """

    loss: float
    theta: Vector = field(repr=False)
    grad_norm: float
    error: float
    given: bool = False
    attained: bool | None = None


def optimum(objective: Objective, theta0: Any = None, progress: bool = False) -> Optimum:
    r"""The least loss L* and a point θ* that has it.

    Parameters
    ----------
    objective : Objective
    theta0 : (n_params,) array, optional
        Where to start; of several minimisers of a quadratic the nearest to it is taken. By default
        ``objective.initial_point()``.
    progress : bool, default False
        Whether to show on the standard error stream how far the search is. Without it, a search
        that is going to take more than half a minute is announced by a warning.

    Returns
    -------
    Optimum

    Raises
    ------
    ValueError
        θ_0 of another shape or not finite.

    Notes
    -----
    A squared loss goes by a QR factorisation of the data, a quadratic form by its eigenvectors,
    other linear models with up to 1200 parameters by Newton's method, everything else by SciPy's
    L-BFGS, or, where the penalty is not smooth, by FISTA with restarts. The error is a proven bound
    (see the files of these ways): from the factors and a gradient in long double, from
    self-concordance, from ‖∇L‖²/(2μ) where μ > 0, or from the losses' own least values. Where
    rounding hides whether columns depend on each other, the rank is found in exact arithmetic; and
    where even that leaves a doubt, the error is large or inf.

    References
    ----------
    Higham 2002, Accuracy and Stability of Numerical Algorithms, chapters 19 and 20; Connolly and
    Higham 2023, Probabilistic rounding error analysis of Householder QR factorization; Bach 2010,
    Self-concordant analysis for logistic regression.

    Examples
    --------
    >>> best = gd.theory.optimum(gd.Quadratic(np.diag([1.0, 4.0]), [1.0, 4.0]))
    >>> round(best.loss, 9), best.theta.round(9)
    (-2.5, array([1., 1.]))
    """
    if theta0 is None:
        theta = objective.initial_point()
    else:
        theta = as_vector("theta0", theta0, objective.n_params).copy()
    show = _Show(progress)
    with np.errstate(over="ignore", under="ignore"):
        found = _found(objective, theta, show)
        show.close()
        if found.unbounded:
            return Optimum(-math.inf, found.theta, math.nan, 0.0, attained=False)
        return _judged(objective, found)


def _found(objective: Objective, theta: Vector, show: "_Show") -> Found:
    if type(objective) is Quadratic:
        return quadratics.quadratic(objective, theta)
    if kinks.applies(objective) and ours(objective):
        return kinks.solve(objective)
    if not smooth(objective):
        return proximal.fista(objective, theta, show)
    if isinstance(objective, LinearModel) and ours(objective):
        if constant_curvature(objective) and quadratics.work(objective) <= DIRECT_WORK:
            show.expect(quadratics.work(objective) / SPEED)
            return quadratics.least_squares(objective, theta)
        if newton.applies(objective) and newton.work(objective) <= NEWTON_WORK:
            show.expect(10 * newton.work(objective) / SPEED)
            return newton.newton(objective, theta, show, _lbfgs)
    show.expect(PASSES * _seconds(objective.value_and_gradient, theta))
    theta = _lbfgs(objective, theta, show)
    if isinstance(objective, LinearModel) and ours(objective):
        error = newton.bound_from_afar(objective, theta)
        return Found(theta, error, True if math.isfinite(error) else None)
    return Found(theta)


def _seconds(function: Callable[[Vector], Any], theta: Vector) -> float:
    function(theta)  # the first call is longer
    began = time.perf_counter()
    function(theta)
    return time.perf_counter() - began


def _judged(objective: Objective, found: Found) -> Optimum:
    """With the bounds that hold for any point."""
    theta, error, attained = found.theta, found.error, found.attained
    loss, gradient = objective.value_and_gradient(theta)
    loss = loss if found.loss is None else found.loss
    norm = float(np.linalg.norm(gradient))
    if not smooth(objective):
        norm = proximal.mapping_norm(objective, theta, gradient)
    if math.isinf(error) and isinstance(objective, LinearModel) and smooth(objective):
        curvature = strong_convexity(objective) or 0.0
        if curvature > 0:
            squares = float(np.mean(row_weights(objective) * row_norms(objective) ** 2))
            squares *= objective.n_outputs
            rounding, slope_rounding = newton.roundings(objective, theta, squares)
            error = (norm + slope_rounding) ** 2 / (2 * curvature) + rounding
            attained = True
    if not convex(objective):
        attained = attained if type(objective) is Quadratic else None
    error = min(error, loss - least_possible(objective))
    return Optimum(loss, theta, norm, error, attained=attained)


def _lbfgs(objective: Objective, theta: Vector, show: "_Show", steps: int = 20_000) -> Vector:
    """L-BFGS from θ, begun anew until L falls no more, or for so many steps."""
    from scipy.optimize import minimize as scipy_minimize

    loss, gradient = objective.value_and_gradient(theta)
    curvature = strong_convexity(objective) if isinstance(objective, LinearModel) else None
    last: list[Vector] = [gradient]

    def measured(theta: Vector) -> tuple[float, Vector]:
        loss, last[0] = objective.value_and_gradient(theta)
        return loss, last[0]

    def look(intermediate_result: Any) -> None:
        show("L-BFGS", intermediate_result.fun, last[0])
        # Nothing is gained below what rounding does to the loss.
        enough = 1e-14 * abs(intermediate_result.fun)
        if curvature and float(last[0] @ last[0]) / (2 * curvature) <= enough:
            raise StopIteration

    options = {"maxiter": steps, "maxfun": 2 * steps, "ftol": 0.0, "gtol": 1e-14, "maxcor": 30}
    for _ in range(20):
        found = scipy_minimize(
            measured, theta, jac=True, method="L-BFGS-B", options=options, callback=look
        )
        if not found.fun < loss:
            break
        fallen = loss - found.fun
        theta, loss = found.x, found.fun
        if fallen <= 1e-14 * abs(loss) or found.nit >= steps:
            break
    return theta


class _Show:
    """What a search says while it lasts."""

    def __init__(self, progress: bool) -> None:
        self.progress, self.written = progress, False
        self.began = self.shown = time.perf_counter()

    def expect(self, seconds: float) -> None:
        """Say beforehand how long it may take, where that is long."""
        if seconds < LONG:
            return
        text = f"finding L* may take about {seconds:.0f} s"
        if self.progress:
            sys.stderr.write(text + "\n")
        else:
            warnings.warn(
                f"{text}; optimum= of a certificate takes an L* that is known, or what "
                "theory.optimum(objective, progress=True) finds",
                stacklevel=2,
            )

    def __call__(self, what: str, loss: float, gradient: Vector) -> None:
        now = time.perf_counter()
        if not self.progress or now - self.shown < 0.2:
            return
        self.shown, self.written = now, True
        norm = float(np.linalg.norm(gradient))
        text = f"\rL*: {what}, loss {loss:.8g}, gradient {norm:.2g}, {now - self.began:.0f} s"
        sys.stderr.write(f"{text:<78}")
        sys.stderr.flush()

    def close(self) -> None:
        if self.written:
            sys.stderr.write("\n")
            sys.stderr.flush()
