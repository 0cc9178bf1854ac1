"""Fits by `gd.Run`: any optimizer, batches, softmax and the losses that scikit-learn has not."""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.callbacks import Stop
from fastgd.history import History
from fastgd.objectives import LinearModel
from fastgd.optimizers import PolyakAverage
from fastgd.run import Run
from fastgd.sklearn.passes import LEAST_RATE, Patience
from fastgd.sklearn.tasks import Steps
from fastgd.sklearn.terms import loss_of, optimizer_of, penalty_of, rates_of

__all__: list[str] = []

Vector = NDArray[np.float64]

# Rows a step where an optimizer is given and nothing is said of them.
BATCH = 32


def objective_of(estimator: Any, X: Any, targets: Vector, weights: Vector | None) -> LinearModel:
    """What a linear estimator minimises; in units of fastgd's loss."""
    loss, scale = loss_of(estimator)
    penalty = penalty_of(estimator, scale)
    return LinearModel(X, targets, loss, penalty, weights, estimator.fit_intercept)


class Fitted:
    """What a run came to."""

    coef: Vector
    intercept: Vector
    n_iter: int
    steps: int
    history: History
    validation: list[float]
    state: Any


def descend(
    estimator: Any,
    X: Any,
    targets: Vector,
    weights: Vector | None,
    start: tuple[Any, Any],
    max_iter: int,
    seed: int,
    state: Any = None,
    held_out: Any = None,
    score: Any = None,
    epochs: Steps | None = None,
    attributes: Any = None,
) -> Fitted:
    """A run from `start`, epoch by epoch, which ends where scikit-learn's would.

    Parameters
    ----------
    targets : (n,), or (n, K) of K outputs
    weights : (n,) float64 or None
    start : coef (K, d) and intercept (K,)
    state : of the optimizer, as an earlier run left it
    held_out, score : functions of coef and intercept: a loss and a score on other rows
    epochs : of which scikit-learn's callbacks hear; with what `attributes` makes of both
    """
    coef, intercept = np.atleast_2d(start[0]), np.atleast_1d(start[1])
    objective = objective_of(estimator, X, targets, weights)
    _, scale = loss_of(estimator)
    theta = coef.astype(np.float64).ravel()
    if estimator.fit_intercept:
        theta = np.concatenate([theta, intercept.astype(np.float64)])
    rates, factor = rates_of(estimator, scale), [1.0]
    optimizer = optimizer_of(
        copy.copy(estimator.optimizer), lambda t, total: factor[0] * rates(t.astype(float), total)
    )
    if estimator.average:
        optimizer = PolyakAverage(optimizer, start=int(estimator.average) - 1)
    size = estimator.batch_size or (1 if estimator.optimizer is None else BATCH)
    size = min(size, len(targets))
    epoch = -(-len(targets) // size)
    before = 0 if state is None else int(state["t"])
    rises = score is not None and estimator.early_stopping
    tol = -np.inf if estimator.tol is None else estimator.tol
    patience = Patience(tol, int(estimator.n_iter_no_change), rises)
    out = Fitted()
    out.validation = []

    def parts(theta: Vector) -> tuple[Vector, Vector]:
        count = coef.size
        return theta[:count].reshape(coef.shape), theta[count:] if len(theta) > count else intercept

    def after_epoch(progress: Any) -> Any:
        if progress.step == before:
            return None
        if held_out is not None:
            out.validation.append(held_out(*parts(progress.theta)))
        reached = score(*parts(progress.theta)) if rises else scale * progress.loss
        if estimator.verbose:
            print(f"-- Epoch {(progress.step - before) // epoch}: {reached:f}")
        if epochs is not None:
            if epochs.end(lambda: attributes(*parts(progress.theta))):
                return Stop("a callback of scikit-learn asked for it")
            if progress.step < before + max_iter * epoch:
                epochs.begin()
        if not patience.over(reached):
            return None
        rate = rates(np.array([progress.step - 1.0]), None)[0] * factor[0]
        if estimator.learning_rate == "adaptive" and rate > LEAST_RATE:
            factor[0] /= 5.0
            patience.count = 0
            return None
        return Stop("nothing improved", converged=True)

    if epochs is not None:
        epochs.begin()
    with Run(
        objective, optimizer, theta, size, before + max_iter * epoch, seed=seed,
        sampling="shuffle" if estimator.shuffle else "sequential", record_every=epoch,
        callbacks=[after_epoch, *(estimator.callbacks or ())],
    ) as run:  # fmt: skip
        if state is not None:
            run._stretch.load(run._stretch.solver.save() | {"update": state})
        result = run.advance().result()
        out.state = run._stretch.solver.save()["update"]
    if epochs is not None:
        epochs.close()
    if result.diverged:
        raise ValueError(
            "Floating-point under-/overflow occurred: " + result.message + ". Scaling input data "
            "with StandardScaler or MinMaxScaler might help."
        )
    out.coef, out.intercept = parts(result.theta)
    out.steps, out.history = result.steps - before, result.history
    out.n_iter = -(-out.steps // epoch)
    return out
