"""``minimize(f, "auto")``: a way for each kind of objective, until a proof or a small gradient.

Squared losses are solved. Where rows are many a pass of SGD makes a start, which may be enough.
Then few parameters take Newton's method with a Cholesky factor, wide sparse rows SAGA, other smooth
objectives SciPy's L-BFGS over our gradient. A penalty with a kink takes SAGA on a linear model, and
FISTA elsewhere; a loss with a kink takes L-BFGS-B on its dual, which is smooth where there is an l2
term.
"""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import schedules
from fastgd.checks import as_penalty, as_vector
from fastgd.history import History, Result, Setting
from fastgd.objectives import LinearModel, Objective, Quadratic
from fastgd.objectives.spectrum import EXACT_WIDTH
from fastgd.optimizers import SAGA, SGD
from fastgd.penalties import L1, ElasticNet
from fastgd.run import Run
from fastgd.theory import duality, kinks, minimum, newton, proximal, quadratics
from fastgd.theory.constants import constant_curvature, convex, ours, smooth, strong_convexity

__all__: list[str] = []

Vector = NDArray[np.float64]

# Newton pays where its Hessian costs no more than so many gradients.
NEWTON_PASSES = 64
# Of so many where the condition is so bad that L-BFGS takes hundreds.
ILL_PASSES = 128
ILL = 1e4
# And where it is done in a moment.
NEWTON_WORK = 1e8
LBFGS_STEPS = 20_000
# What a loss may be off by, as a part of it.
ROUNDED = 1e-14
# A stochastic start: from so many rows on, where a pass is worth so many gradients, of which so
# many rows tell.
MANY = 4096
WORTH = 100
GLANCE = 2048
# A step of L-BFGS costs as much as so many vectors as long as θ, beside the gradient.
LBFGS_VECTORS = 64
# What a pass of SAGA divides the gap by where each row's term is well conditioned, as a rule.
PASS_GAIN = 6.0
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
        direct = None if model is None else _by_normal_equations(model, theta, watch)
        if direct is not None:
            theta = direct
        else:
            best = minimum.optimum(objective, theta)
            theta, watch.gap = best.theta, best.error
            watch.step, watch.norm = 1, best.grad_norm
    elif not smooth(objective):
        theta, chosen = _with_kinks(objective, theta, seed, watch)
    else:
        if isinstance(objective, LinearModel):
            watch.curvature = strong_convexity(objective) or 0.0
        started, known = "", None
        largest = 0.0 if model is None else _largest(model)
        beta = 0.0 if model is None else _glance(model)
        if model is not None and _many(model, largest, beta):
            theta, known = _start(model, theta, seed, watch, largest)
            started = "after a stochastic start, "
        if watch.met:
            chosen = Chosen("SGD", f"a stochastic start over {model.n_samples} rows was enough")  # type: ignore[union-attr]
        elif model is not None and _small(model, not beta or beta > ILL * watch.curvature):
            chosen = Chosen("Newton", f"{started}only {objective.n_params} parameters")
            theta = newton.descend(model, theta, watch.enough)
        elif started and watch.curvature > 0 and _by_rows(model, largest):  # type: ignore[arg-type]
            chosen = Chosen("SAGA", f"{started}{model.n_params} parameters, few entries a row")  # type: ignore[union-attr]
            theta = _passes(model, theta, seed, watch)  # type: ignore[arg-type]
        else:
            why = f"{started}smooth, with {objective.n_params} parameters"
            chosen = Chosen("L-BFGS", why)
            theta = _lbfgs(objective, theta, watch, known)
    return _result(objective, theta, start, seed, chosen, watch)


def _solvable(model: LinearModel) -> bool:
    return (
        smooth(model)
        and constant_curvature(model)
        and quadratics.work(model) <= minimum.NEWTON_WORK
    )


def _by_normal_equations(model: LinearModel, theta: Vector, watch: _Watch) -> Vector | None:
    """XᵀX squares the condition of X, but where the gradient proves enough no more is asked.

    The second step takes back what rounding did to the first. None where neither proves it.
    θ is a new vector.
    """
    if model.n_outputs > 1 or model.n_features + model.fit_intercept > EXACT_WIDTH:
        return None
    hessian = (model.loss.curvature or 0.0) / model.n_samples * model.gram()
    features = np.arange(model.n_features)
    hessian[features, features] += 0.0 if model.penalty is None else model.penalty.curvature
    values, directions = np.linalg.eigh(hessian)
    watch.curvature = float(values[0] - 1e-11 * np.abs(values).max())
    if watch.curvature <= 0:
        return None
    gradient = model.gradient(theta)
    watch.first, watch.step = float(np.linalg.norm(gradient)), 1
    for _ in range(2):
        theta = theta - directions @ ((directions.T @ gradient) / values)
        loss, gradient = model.value_and_gradient(theta)
        if watch.enough(loss, gradient):
            watch.gap += ROUNDED * abs(loss)
            return theta
    watch.curvature, watch.history = 0.0, History()
    return None


def _largest(model: LinearModel) -> float:
    """L_max where a stochastic start may pay, 0 where it does not."""
    if model.loss.curvature is None or model.n_samples < MANY:
        return 0.0
    return model.sample_smoothness() or 0.0


def _many(model: LinearModel, largest: float, beta: float) -> bool:
    # A pass of n steps of 1/(3 L_max) goes as far as nβ/(3 L_max) whole gradients of 1/β.
    return largest > 0 and model.n_samples * beta >= WORTH * largest


def _glance(model: LinearModel) -> float:
    """β of the losses, roughly, as a choice needs it: some of the rows tell."""
    rows = model.X[:: max(1, model.n_samples // GLANCE)]
    weights = np.ones(rows.shape[1])
    for _ in range(3):
        weights = rows.T @ (rows @ (weights / np.linalg.norm(weights)))
        if not weights.any():
            return 0.0
    return (model.loss.curvature or 0.0) * float(np.linalg.norm(weights)) / rows.shape[0]


def _start(
    model: LinearModel, theta: Vector, seed: Any, watch: _Watch, largest: float
) -> tuple[Vector, tuple[float, Vector]]:
    """A pass of SGD, its rate falling from 1/(3 L_max) to 0; and loss and gradient after it.

    Two, where SAGA follows, whose own passes cost twice as much. Elsewhere another pass at a third
    of the rate, where one was nearly enough.
    """
    wide = watch.curvature > 0 and _by_rows(model, largest)
    seed = _seed(seed)
    known = model.value_and_gradient(theta)
    if watch.enough(*known):
        return theta, known
    for turn in range(2):
        rate = schedules.linear(1.0 / (3.0 ** (turn + 1) * largest), 0.0)
        with Run(
            model, SGD(rate), theta, batch_size=1, epochs=2 if wide else 1, seed=seed + turn,
            sampling="shuffle", record_every=0, on_interrupt="raise",
        ) as run:  # fmt: skip
            found = run.advance().theta
        reached = model.value_and_gradient(found)
        # A start near the minimum already is a better one.
        if not reached[0] < known[0]:
            break
        theta, known = found, reached
        if not watch.enough(*known) and watch.curvature <= 0:
            # The duality gap is nearer the truth than what the gradient proves.
            watch.gap = min(watch.gap, duality.gap_bound(model, theta))
        if watch.met or wide or not watch.gap <= PASS_GAIN * watch.tol:
            break
    return theta, known


def _seed(seed: Any) -> int:
    # A generator is drawn from once, for all the passes.
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(1 << 31))
    return 0 if seed is None else int(seed)


def _by_rows(model: LinearModel, largest: float) -> bool:
    # Where SAGA's rate is that of n alone, its passes cost less than L-BFGS's long vectors.
    entries = getattr(model.X, "nnz", math.inf)
    return (
        model.n_outputs == 1
        and model.l2 * model.n_samples >= largest
        and entries <= LBFGS_VECTORS * model.n_params
    )


def _small(model: LinearModel, ill: bool) -> bool:
    if not newton.applies(model):
        return False
    passes = ILL_PASSES if ill else NEWTON_PASSES
    return model.n_params <= passes * model.n_outputs or newton.work(model) <= NEWTON_WORK


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


def _lbfgs(objective: Objective, theta: Vector, watch: _Watch, known: Any = None) -> Vector:
    """SciPy's L-BFGS from θ, where loss and gradient may be known, and looked at, already."""
    from scipy.optimize import minimize as scipy_minimize

    last: list[Any] = [None, None]

    def measured(point: Vector) -> tuple[float, Vector]:
        # SciPy begins where we have just looked.
        if last[0] is None or not np.array_equal(point, last[0]):
            last[:] = point.copy(), objective.value_and_gradient(point)
        found: tuple[float, Vector] = last[1]
        return found

    def look(intermediate_result: Any) -> None:
        # SciPy calls it after the evaluation at the point that it has accepted.
        if watch.enough(*last[1]):
            raise StopIteration

    if known is not None:
        last[:] = theta.copy(), known
    elif watch.enough(*measured(theta)):
        return theta
    options = {
        "maxiter": LBFGS_STEPS, "maxfun": 2 * LBFGS_STEPS, "ftol": 0.0, "gtol": 0.0, "maxcor": 20,
    }  # fmt: skip
    found = scipy_minimize(
        measured, theta, jac=True, method="L-BFGS-B", options=options, callback=look
    )
    theta = np.asarray(found.x, dtype=np.float64)
    if not watch.met:
        watch.enough(*measured(theta))
    return theta


def _passes(model: LinearModel, theta: Vector, seed: Any, watch: _Watch) -> Vector:
    """SAGA, an order a pass, until the gradient proves enough: asked where that may be."""
    with Run(
        model, SAGA(), theta, batch_size=1, epochs=SAGA_EPOCHS, seed=0 if seed is None else seed,
        sampling="shuffle", record_every=0, on_interrupt="raise",
    ) as run:  # fmt: skip
        while run.stop is None:
            wanted = math.log(max(watch.gap / watch.tol, 1.0)) / math.log(PASS_GAIN)
            run.advance(max(1, round(min(wanted, 8.0))) * model.n_samples)
            theta = run.theta
            if watch.enough(*model.value_and_gradient(theta)):
                return theta
    return _lbfgs(model, theta, watch)


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
