"""How `GDClassifier` and `GDRegressor` reach the minimum, without a rate to be tuned.

Each way ends where the duality gap proves that it is near enough. Where no gap is known it ends
where nothing moves any more, and says that nothing is proven.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from fastgd import losses
from fastgd.objectives import LinearModel
from fastgd.optimizers import SAGA
from fastgd.penalties import L2
from fastgd.run import Run
from fastgd.sklearn.tasks import Steps
from fastgd.theory.duality import bounds, gap

__all__: list[str] = []

Vector = NDArray[np.float64]

# Parameters up to which a Hessian costs less than the passes that it saves; of squared losses, for
# which it is needed once.
NEWTON, DIRECT = 200, 1000
ROWS = 4096
FILLED = 4  # of so many entries in a row at most one is not 0, where products are of sparse rows
# SAGA is for so many rows, if its bound promises to halve what is left in some passes; without
# strong convexity it is tried for so many. How fast it is cannot be told from the first ones.
MANY, SLOWEST, TRIED, SURE = 4000, 8.0, 60, 15
TWICE = (
    losses.Squared, losses.Logistic, losses.SquaredHinge, losses.ModifiedHuber, losses.Huber,
    losses.Poisson,
)  # fmt: skip


@dataclass
class Reached:
    """Where a search has ended; `error` bounds how far above the minimum that is."""

    theta: Vector
    value: float
    error: float
    n_iter: int
    solver: str
    converged: bool


def choose(f: LinearModel) -> str:
    """The way for an objective."""
    if f.penalty is not None and not isinstance(f.penalty, L2):
        return "saga" if f.n_samples >= MANY and f.loss.curvature is not None else "fista"
    few = DIRECT if isinstance(f.loss, losses.Squared) else NEWTON
    newton = f.n_outputs == 1 and f.n_params <= few and isinstance(f.loss, TWICE)
    if newton and not hasattr(f.X, "indptr"):
        return "newton"
    if f.n_samples >= MANY and f.l2 > 0.0 and f.loss.curvature is not None:
        # Passes in which what is left falls by e, at most (Defazio, Bach and Lacoste-Julien 2014).
        steepest = f.sample_smoothness()
        if steepest is not None and 3.0 * steepest / (f.l2 * f.n_samples) <= SLOWEST:
            return "saga"
    return "newton" if newton else "lbfgs"


def serves(f: LinearModel, solver: str) -> bool:
    """Whether a way is one for an objective."""
    smooth = f.penalty is None or isinstance(f.penalty, L2)
    if solver == "saga":
        return f.loss.curvature is not None
    if solver == "newton":
        return smooth and f.n_outputs == 1 and isinstance(f.loss, TWICE) and f.n_params <= DIRECT
    return smooth == (solver == "lbfgs")


class Watch:
    """Tells scikit-learn's callbacks of each iteration; what `attributes` makes of θ."""

    def __init__(self, steps: Steps, attributes: Callable[[Vector], dict[str, Any]]) -> None:
        self.steps, self.attributes = steps, attributes

    def begin(self) -> None:
        """The next iteration, unless it has begun."""
        self.steps.begin()

    def end(self, theta: Vector) -> bool:
        """It ends; whether a callback says stop."""
        return self.steps.end(lambda: self.attributes(theta))


def solve(
    f: LinearModel, theta: Vector, solver: str, tol: float, max_iter: int, watch: Watch
) -> Reached:
    """From theta to where F - F* is proven to be at most tol F(0)."""
    # F(0) needs no look at X.
    first = f.loss.values(np.zeros((f.n_samples, f.n_outputs)), f.y)
    bound = tol * abs(float(np.average(first, weights=f.sample_weight)))
    ways = {"newton": _newton, "lbfgs": _lbfgs, "fista": _fista, "saga": _saga}
    found = ways[solver](f, theta, bound, max_iter, watch)
    watch.steps.close()
    return found


def _saga(f: LinearModel, theta: Vector, bound: float, max_iter: int, watch: Watch) -> Reached:
    """SAGA with its certified step, a pass an iteration; where it is slow, another goes on."""
    done, due, before = 0, 5, (0, math.inf)
    error, value, stopped = math.inf, math.nan, False
    with Run(
        f, SAGA(), theta, batch_size=1, steps=f.n_samples * max_iter, seed=0, record_every=0
    ) as run:
        while done < max_iter:
            watch.begin()
            run.advance(f.n_samples)
            done += 1
            stopped = watch.steps.part is not None and watch.end(run.theta)
            if done < due and done < max_iter and not stopped:
                continue
            theta = run.theta
            error, value = bounds(f, theta)
            if error <= bound or stopped or math.isinf(error):
                break
            # A gap costs as much as a pass: the next is looked for where it should be small enough.
            rate = math.log(before[1] / error) / (done - before[0]) if before[0] else 1.0
            rate = max(rate, 0.6 if done < SURE else 1e-3)
            wanted = math.log(error / bound) / rate
            if done + wanted > TRIED:
                break
            before, due = (done, error), done + min(math.ceil(wanted), 8)
    if error <= bound or stopped or done >= max_iter:
        return Reached(theta, value, error, done, "saga", stopped or error <= bound)
    rest = _lbfgs if f.penalty is None or isinstance(f.penalty, L2) else _fista
    found = rest(f, theta, bound, max_iter - done, watch)
    return replace(found, n_iter=found.n_iter + done, solver=f"saga, {found.solver}")


def _curvatures(f: LinearModel, margins: Vector) -> Vector:
    """The second derivative of each row's loss."""
    z, y, loss = margins[:, 0], f.y, f.loss
    if isinstance(loss, losses.Logistic):
        p: Vector = losses.sigmoid(z)
        return p * (1.0 - p)
    if isinstance(loss, losses.Poisson):
        return np.exp(z)
    if isinstance(loss, losses.Huber):
        return (np.abs(y - z) <= loss.epsilon).astype(np.float64)
    product = (2.0 * y - 1.0) * z
    active = product < 1.0
    if isinstance(loss, losses.ModifiedHuber):
        active &= product > -1.0
    return np.where(active, 2.0, 0.0)


def _columns(f: LinearModel) -> Any:
    """Xᵀ in CSR where rows are mostly 0, and else None."""
    if not hasattr(f.X, "indptr") or FILLED * f.X.nnz >= f.n_samples * f.n_features:
        return None
    return f.X.T.tocsr().astype(np.float64, copy=False)


def _hessian(f: LinearModel, theta: Vector, columns: Any) -> Vector:
    d, p = f.n_features, f.n_params
    if isinstance(f.loss, losses.Squared):
        weights = np.full(f.n_samples, 2.0 / f.n_samples)
    else:
        weights = _curvatures(f, f.margins(theta, f.X)) / f.n_samples
    if f.sample_weight is not None:
        weights *= f.sample_weight * (f.n_samples / f.sample_weight.sum())
    out = np.zeros((p, p))
    if columns is not None:  # only the products that are not 0
        X = f.X.astype(np.float64, copy=False)
        scaled = columns.copy()
        scaled.data *= weights[columns.indices]
        out[:d, :d] = (scaled @ X).toarray()
        if f.fit_intercept:
            out[d, :d], out[d, d] = np.ravel(scaled.sum(axis=1)), weights.sum()
    for start in range(0, f.n_samples, ROWS) if columns is None else ():
        block = f.X[start : start + ROWS]
        block = block.toarray() if hasattr(block, "indptr") else block
        block = block.astype(np.float64, copy=False)
        w = weights[start : start + ROWS]
        # A matrix times its own transpose takes half of the products.
        scaled = block * np.sqrt(w)[:, None]
        out[:d, :d] += scaled.T @ scaled
        if f.fit_intercept:
            out[d, :d] += w @ block
            out[d, d] += w.sum()
    if f.fit_intercept:
        out[:d, d] = out[d, :d]
    out[np.arange(d), np.arange(d)] += f.l2
    return out


def _newton(f: LinearModel, theta: Vector, bound: float, max_iter: int, watch: Watch) -> Reached:
    value, gradient = f.value_and_gradient(theta)
    # From the outside no gap is looked for before the first step.
    error, near = math.inf, bool(theta.any())
    constant = isinstance(f.loss, losses.Squared)
    columns = _columns(f)
    for t in range(max_iter + 1):
        if near or t == max_iter:
            error = gap(f, theta, value)
            if error <= bound or t == max_iter:
                break
        watch.begin()
        hessian = _hessian(f, theta, columns)
        # A column that tells nothing leaves the matrix singular; so much moves nothing else.
        ridge = 1e-14 * np.trace(hessian) / len(hessian)
        hessian[np.diag_indices_from(hessian)] += ridge
        try:
            step = linalg.cho_solve(linalg.cho_factor(hessian, check_finite=False), -gradient)
        except linalg.LinAlgError:
            step = linalg.lstsq(hessian, -gradient)[0]
        slope = float(gradient @ step)
        # Half of it is what is left, near the minimum, before the step; a gap is not cheap.
        near = -0.5 * slope <= max(bound, 1e-3 * abs(value)) or constant
        if constant and t == 0:
            # The step leads to the minimum but for rounding, and the gap gives F there.
            theta = theta + step
            error, value = bounds(f, theta)
            if watch.end(theta) or error <= bound:
                return Reached(theta, value, error, 1, "newton", True)
            value, gradient = f.value_and_gradient(theta)
            continue
        length = 1.0
        while True:
            there = theta + length * step
            tried, slopes = f.value_and_gradient(there)
            if tried <= value + 1e-4 * length * slope or length < 1e-10:
                break
            length *= 0.5
        if not tried < value:
            error = gap(f, theta, value)
            done = math.isinf(error) or error <= bound
            return Reached(theta, value, error, t, "newton", done)
        theta, value, gradient = there, tried, slopes
        if watch.end(theta):
            return Reached(theta, value, gap(f, theta, value), t + 1, "newton", True)
    return Reached(theta, value, error, t, "newton", error <= bound)


def _lbfgs(f: LinearModel, theta: Vector, bound: float, max_iter: int, watch: Watch) -> Reached:
    count, due, stopped = 0, 5, False
    best: list[Any] = [theta, math.inf]

    def function(theta: Vector) -> tuple[float, Vector]:
        watch.begin()
        return f.value_and_gradient(theta)

    def look(intermediate_result: Any) -> None:
        # A gap costs as much as two steps, so it is looked for now and then.
        nonlocal count, due, stopped
        count += 1
        stopped = watch.end(intermediate_result.x)
        if stopped:
            raise StopIteration
        if count < due:
            return
        due = count + max(3, count // 4)
        best[:] = intermediate_result.x.copy(), gap(f, intermediate_result.x)
        if best[1] <= bound:
            raise StopIteration

    found = optimize.minimize(
        function, theta, jac=True, method="L-BFGS-B", callback=look,
        options={"maxiter": max_iter, "maxfun": 10 * max_iter, "ftol": 0.0, "gtol": 0.0,
                 "maxcor": 10},
    )  # fmt: skip
    theta = best[0] if best[1] <= bound else found.x
    value = f.value(theta)
    error = best[1] if best[1] <= bound else gap(f, theta, value)
    done = stopped or error <= bound or (math.isinf(error) and count < max_iter)
    return Reached(theta, value, error, count, "lbfgs", done)


def _fista(f: LinearModel, theta: Vector, bound: float, max_iter: int, watch: Watch) -> Reached:
    """FISTA (Beck and Teboulle 2009), begun anew where it turns (O'Donoghue and Candès 2015)."""
    penalty, d = f.penalty, f.n_outputs * f.n_features
    assert penalty is not None
    smooth = LinearModel(f.X, f.y, f.loss, None, f.sample_weight, f.fit_intercept)
    # Half a step too long is found by looking; without a known β the search begins at one.
    beta = smooth.smoothness() or 1.0
    fixed = smooth.smoothness() is not None
    point, momentum, error, due = theta.copy(), 1.0, math.inf, 10
    value, gradient = smooth.value_and_gradient(point)
    stopped = False
    for t in range(1, max_iter + 1):
        watch.begin()
        while True:
            there = point - gradient / beta
            there[:d] = penalty.prox(there[:d], 1.0 / beta)
            if fixed:
                break
            move = there - point
            tried = smooth.value(there)
            if tried <= value + gradient @ move + 0.5 * beta * move @ move + 1e-14 * abs(value):
                break
            beta *= 2.0
        step = there - theta
        if (point - there) @ step > 0.0:
            momentum = 1.0
        ahead = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * momentum**2))
        point = there + (momentum - 1.0) / ahead * step
        theta, momentum = there, ahead
        stopped = watch.end(theta)
        if t >= due or t == max_iter or stopped:
            due = t + max(5, t // 5)
            error = gap(f, theta)
            if error <= bound or stopped:
                break
            if math.isinf(error) and np.abs(step).max() <= 1e-10 * (1 + np.abs(theta).max()):
                break
        value, gradient = smooth.value_and_gradient(point)
    done = stopped or error <= bound or (math.isinf(error) and t < max_iter)
    return Reached(theta, f.value(theta), error, t, "fista", done)
