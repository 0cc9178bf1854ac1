"""``minimize(f, "auto")``: a way for each kind of objective, until a proof or a small gradient.

Squared losses are solved. Where rows are many SAGA makes a start, which is often enough. Then few
parameters take Newton's method with a Cholesky factor, other smooth objectives SciPy's L-BFGS over
our gradient; a penalty with a kink takes SAGA on a linear model, and FISTA elsewhere; a loss with a
kink takes L-BFGS-B on its dual, which is smooth where there is an l2 term.
"""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.checks import as_penalty, as_vector
from fastgd.history import History, Result, Setting
from fastgd.objectives import LinearModel, Objective, Quadratic
from fastgd.optimizers import SAGA
from fastgd.penalties import L1, ElasticNet
from fastgd.run import Run
from fastgd.theory import duality, kinks, minimum, newton, proximal, quadratics
from fastgd.theory.constants import constant_curvature, convex, ours, smooth, strong_convexity

__all__: list[str] = []

Vector = NDArray[np.float64]

# Newton pays where its Hessian costs no more than so many gradients.
NEWTON_PASSES = 128
# And where it is done in a moment.
NEWTON_WORK = 1e8
LBFGS_STEPS = 20_000
# A stochastic start: from so many rows on, where a pass is worth so many gradients, and for at most
# so many passes.
MANY = 4096
WORTH = 100
START_EPOCHS = 8
# Then FISTA goes on, which a bad condition slows down less.
SAGA_EPOCHS = 100


@dataclass(frozen=True)
class Chosen:
    """The way that "auto" took, in a result's place of an optimizer."""

    name: str
    reason: str


@dataclass
class _Watch:
    """Records each point's loss and gradient, and knows when it is near enough."""

    objective: Objective
    tol: float
    curvature: float = 0.0
    history: History = field(default_factory=History)
    began: float = field(default_factory=time.perf_counter)
    step: int = 0
    first: float = math.nan
    gap: float = math.inf
    norm: float = math.inf

    def enough(self, loss: float, gradient: Vector) -> bool:
        return self.near(loss, float(np.linalg.norm(gradient)))

    def near(self, loss: float, norm: float) -> bool:
        self.history.append(self.step, loss, norm, math.nan, time.perf_counter() - self.began)
        if not self.step:
            self.first = norm
        self.step += 1
        self.norm = norm
        if self.curvature > 0:
            # L(θ) - L* <= ‖∇L(θ)‖²/(2μ) (Polyak 1963).
            self.gap = norm**2 / (2 * self.curvature)
            return self.gap <= self.tol
        return norm <= self.tol * max(1.0, self.first)

    @property
    def met(self) -> bool:
        return self.gap <= self.tol or (
            self.curvature <= 0 and self.norm <= self.tol * max(1.0, self.first)
        )


def minimize(objective: Any, theta0: Any, seed: Any, tol: Any) -> Result:
    """`fastgd.minimize` with the optimizer "auto", which describes it.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01)
    >>> r = gd.minimize(f, "auto", tol=1e-8)
    >>> r.optimizer.name, r.converged
    ('Newton', True)
    """
    if not isinstance(objective, Objective):
        raise TypeError(f"objective must be an Objective, not {objective!r}")
    if not as_penalty("tol", tol):
        raise ValueError(f"tol must be above 0, not {tol}")
    if theta0 is None:
        theta = objective.initial_point(seed if isinstance(seed, (int, np.integer)) else 0)
    else:
        theta = as_vector("theta0", theta0, objective.n_params).copy()
    watch = _Watch(objective, float(tol))
    start = theta.copy()
    model = objective if isinstance(objective, LinearModel) and ours(objective) else None
    if type(objective) is Quadratic or (model is not None and _solvable(model)):
        chosen = Chosen("exact solution", "the gradient is linear in θ")
        best = minimum.optimum(objective, theta)
        theta, watch.gap = best.theta, best.error
        watch.step, watch.norm = 1, best.grad_norm
    elif not smooth(objective):
        theta, chosen = _with_kinks(objective, theta, seed, watch)
    else:
        if isinstance(objective, LinearModel):
            watch.curvature = strong_convexity(objective) or 0.0
        started = ""
        if model is not None and _many(model):
            theta = _start(model, theta, seed, watch)
            started = "after a stochastic start, "
        if watch.met:
            chosen = Chosen("SAGA", f"a stochastic start over {model.n_samples} rows was enough")  # type: ignore[union-attr]
        elif model is not None and _small(model):
            chosen = Chosen("Newton", f"{started}only {objective.n_params} parameters")
            theta = newton.descend(model, theta, watch.enough)
        else:
            why = f"{started}smooth, with {objective.n_params} parameters"
            chosen = Chosen("L-BFGS", why)
            theta = _lbfgs(objective, theta, watch)
    return _result(objective, theta, start, seed, chosen, watch)


def _solvable(model: LinearModel) -> bool:
    return (
        smooth(model)
        and constant_curvature(model)
        and quadratics.work(model) <= minimum.NEWTON_WORK
    )


def _many(model: LinearModel) -> bool:
    # A pass of n steps of 1/(3 L_max) goes as far as nβ/(3 L_max) whole gradients of 1/β.
    largest, beta = model.sample_smoothness(), model.smoothness()
    if not largest or not beta or model.n_samples < MANY:
        return False
    return model.n_samples * beta >= WORTH * largest


def _start(model: LinearModel, theta: Vector, seed: Any, watch: _Watch) -> Vector:
    """SAGA, an order a pass, while a pass still halves what is proven or the gradient."""
    seed = 0 if seed is None else seed
    loss, gradient = model.value_and_gradient(theta)
    if watch.enough(loss, gradient):
        return theta
    with Run(
        model, SAGA(), theta, batch_size=1, epochs=START_EPOCHS, seed=seed, sampling="shuffle",
        record_every=0,
    ) as run:  # fmt: skip
        while run.step < run.total:
            before, gap = watch.norm, watch.gap
            if run.advance(model.n_samples).stop is not None and run.step < run.total:
                break
            theta = run.theta
            loss, gradient = model.value_and_gradient(theta)
            near = watch.enough(loss, gradient)
            # The duality gap is nearer the truth than what the gradient proves.
            proven = duality.gap_bound(model, theta)
            if proven < watch.gap:
                watch.gap = proven
            if near or watch.met:
                break
            if watch.norm > before / 2 and watch.gap > gap / 2:
                break
    return theta


def _small(model: LinearModel) -> bool:
    if not newton.applies(model):
        return False
    return model.n_params <= NEWTON_PASSES * model.n_outputs or newton.work(model) <= NEWTON_WORK


def _with_kinks(
    objective: Objective, theta: Vector, seed: Any, watch: _Watch
) -> tuple[Vector, Chosen]:
    loss = getattr(objective, "loss", None)
    if loss is not None and loss.curvature is None:
        if not kinks.applies(objective) or not ours(objective):
            raise ValueError(f'"auto" has no way for a loss without curvature, as {loss!r}, but '
                             "with an l2 penalty of a linear model of one output: give an "
                             "optimizer")  # fmt: skip

        def enough(value: float, gap: float) -> bool:
            watch.gap = gap
            watch.near(value, math.nan)
            return gap <= watch.tol

        found = kinks.solve(objective, watch.tol, enough)
        watch.gap = found.error
        return found.theta, Chosen("L-BFGS-B on the dual", "a loss that has a kink")
    name = "FISTA"
    lasso = isinstance(objective.penalty, (L1, ElasticNet))
    if isinstance(objective, LinearModel) and (lasso or not hasattr(objective.X, "indptr")):
        name = "SAGA"
        theta = _saga(objective, theta, seed, watch)
    if not watch.met:
        name = "SAGA, then FISTA" if name == "SAGA" else "FISTA"
        best = minimum.optimum(objective, theta)
        theta, watch.gap = best.theta, best.error
        watch.near(best.loss, best.grad_norm)
    return theta, Chosen(name, "a penalty that has a kink")


def _lbfgs(objective: Objective, theta: Vector, watch: _Watch) -> Vector:
    from scipy.optimize import minimize as scipy_minimize

    last: list[Any] = [None]

    def measured(point: Vector) -> tuple[float, Vector]:
        last[0] = objective.value_and_gradient(point)
        found: tuple[float, Vector] = last[0]
        return found

    def look(intermediate_result: Any) -> None:
        # SciPy calls it after the evaluation at the point that it has accepted.
        if watch.enough(*last[0]):
            raise StopIteration

    if watch.enough(*measured(theta)):
        return theta
    options = {
        "maxiter": LBFGS_STEPS, "maxfun": 2 * LBFGS_STEPS, "ftol": 0.0, "gtol": 0.0, "maxcor": 20,
    }  # fmt: skip
    found = scipy_minimize(
        measured, theta, jac=True, method="L-BFGS-B", options=options, callback=look
    )
    theta = np.asarray(found.x, dtype=np.float64)
    watch.enough(*objective.value_and_gradient(theta))
    return theta


def _saga(objective: LinearModel, theta: Vector, seed: Any, watch: _Watch) -> Vector:
    seed = 0 if seed is None else seed
    with Run(
        objective, SAGA(), theta, batch_size=1, epochs=SAGA_EPOCHS, seed=seed, record_every=0,
        on_interrupt="raise",
    ) as run:  # fmt: skip
        while True:
            theta = run.theta
            loss, gradient = objective.value_and_gradient(theta)
            if watch.near(loss, proximal.mapping_norm(objective, theta, gradient)):
                return theta
            if run.advance(objective.n_samples).stop is not None:
                return run.theta


def _result(
    objective: Objective, theta: Vector, start: Vector, seed: Any, chosen: Chosen, watch: _Watch
) -> Result:
    converged = watch.met
    if watch.gap <= watch.tol:
        end = f"L(θ) - L* is at most {watch.gap:.2g}, proven"
    elif converged:
        kind = "minimum" if convex(objective) else "stationary point"
        end = f"the gradient is {watch.norm:.2g}; how far the {kind} is, is not proven"
    else:
        end = f"it gains no more; the gradient is {watch.norm:.2g}"
    return Result(
        theta=theta,
        steps=max(0, watch.step - 1),
        converged=converged,
        diverged=False,
        message=f"{chosen.name} ({chosen.reason}): {end}",
        history=watch.history.snapshot(),
        objective=objective,
        optimizer=chosen,  # type: ignore[arg-type]
        setting=Setting(None, "replacement", max(0, watch.step - 1), seed, start),
    )
