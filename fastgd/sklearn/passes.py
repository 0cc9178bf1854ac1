"""Pass after pass over the rows, as scikit-learn's SGD: how it learns, and when it stops."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core import online
from fastgd.history import History
from fastgd.sklearn.tasks import Steps
from fastgd.sklearn.terms import loss_of, rates_of

__all__: list[str] = []

Vector = NDArray[np.float64]

# scikit-learn's seeds are 31 bits long.
MOST_SEED = np.iinfo(np.int32).max
# A rate that is divided by 5 whenever nothing improves is not divided below this one.
LEAST_RATE = 1e-6
# Passes that are taken at once, and the rates that are made for them.
PASSES = 64
RATES = 1 << 16


class Patience:
    """Counts the epochs without progress: of a score that should rise, a loss that should fall."""

    def __init__(self, tol: float, most: int, rises: bool) -> None:
        self.tol, self.most, self.sign = tol, most, 1.0 if rises else -1.0
        self.best, self.count = -np.inf, 0

    def over(self, value: float) -> bool:
        """Whether it has been too long, after another epoch."""
        value *= self.sign
        # A score has to rise by tol, and a loss to fall by more than nothing where tol is 0.
        worse = value < self.best + self.tol
        self.count = self.count + 1 if self.tol > -np.inf and worse else 0
        self.best = max(self.best, value)
        return self.count >= self.most


class Learnt:
    """What the passes over one output's targets came to."""

    coef: Vector
    intercept: float
    mean: Vector | None = None
    intercept_mean: float = 0.0
    n_iter: int
    history: History
    validation: list[float]


def learn(
    estimator: Any,
    X: Any,
    targets: Vector,
    row_weights: Vector | None,
    start: tuple[Any, float, Any, float],
    max_iter: int,
    seed: int,
    left_out: Any,
    score: Any,
    held_out: Any = None,
    epochs: Steps | None = None,
    attributes: Any = None,
) -> Learnt:
    """Learn one output, in scikit-learn's meaning of the estimator's parameters.

    Parameters
    ----------
    targets : what the loss of fastgd takes
    start : weights, intercept, and the means of both over the steps before
    seed : of the orders of the rows
    left_out : (n,) bool or None, rows that serve for validation
    score : called with weights and intercept, where early stopping asks for it
    held_out : a function of weights and intercept too: the loss of other rows
    epochs : of which scikit-learn's callbacks hear; with what `attributes` makes of both
    """
    loss, scale = loss_of(estimator)
    coef, intercept, mean, intercept_mean = start
    kind, verbose = estimator.learning_rate, estimator.verbose > 0
    alpha, ratio = _shares(estimator)
    passive = kind if kind in ("pa1", "pa2") else "descent"
    watched = verbose or not estimator.early_stopping
    left = 0 if left_out is None else int(np.count_nonzero(left_out))
    model = online.Online(
        X, targets, loss, coef, float(intercept), scale=scale, row_weights=row_weights,
        left_out=left_out if left else None,
        bias_rate=_bias_rate(estimator, X), l2=alpha * (1.0 - ratio), l1=alpha * ratio,
        average=int(estimator.average), mean=mean, bias_mean=float(intercept_mean),
        t=int(estimator.t_), mode=passive, aggressiveness=estimator.eta0, watched=watched,
    )  # fmt: skip
    order = np.arange(len(targets), dtype=np.int32)
    count = len(targets) - left
    rates, factor = rates_of(estimator), 1.0
    tol = -np.inf if estimator.tol is None else estimator.tol
    patience = Patience(tol, int(estimator.n_iter_no_change), estimator.early_stopping)
    judged = estimator.early_stopping or verbose or held_out is not None or epochs is not None
    out, records = Learnt(), []
    out.validation = []
    began, done, over = time.perf_counter(), 0, False
    while done < max_iter and not over:
        # Several passes at once, as long as nobody looks at what is between them.
        passes = 1 if judged else max(1, min(max_iter - done, PASSES, RATES // count))
        first = model.t - 1
        lr = rates(np.arange(first, first + passes * count, dtype=np.float64), max_iter * count)
        if factor != 1.0:
            lr *= factor
        if epochs is not None:
            epochs.begin()
        if verbose:
            print(f"-- Epoch {done + 1}")
        losses, costs, best, idle = model.take(
            order, lr, seed if estimator.shuffle else None, passes,
            -np.inf if estimator.early_stopping else tol, -patience.best, patience.count,
            patience.most,
        )  # fmt: skip
        if not estimator.early_stopping:
            patience.best, patience.count = -best, idle
        seconds = time.perf_counter() - began
        steps = first + count * np.arange(1, len(losses) + 1)
        objective = losses + costs if watched else np.full(len(losses), np.nan)
        records.append((steps, objective, lr[steps - first - 1], seconds))
        done += len(losses)
        if estimator._unchecked and not model.sound:
            raise ValueError("X is not finite, or a product with it overflows")
        if not model.finite:
            raise ValueError(
                f"Floating-point under-/overflow occurred at epoch #{done}. Scaling input data "
                "with StandardScaler or MinMaxScaler might help."
            )
        reached = objective[-1]
        if estimator.early_stopping:
            reached = score(model.weights, model.bias)
            patience.over(reached)
        if held_out is not None:
            out.validation.append(held_out(model.weights, model.bias))
        if verbose:
            _tell(model, done * count, losses[-1], objective[-1], reached, estimator, began)
        if epochs is not None and epochs.end(lambda: attributes(*_now(model, estimator))):
            break
        if patience.count >= patience.most:
            if kind == "adaptive" and lr[-1] > LEAST_RATE:
                factor /= 5.0
                patience.count = 0
                continue
            over = True
            if verbose:
                seconds = time.perf_counter() - began
                print(f"Convergence after {done} epochs took {seconds:.2f} seconds")
    out.coef, out.intercept, out.n_iter = model.weights, model.bias, done
    out.history = _history(records)
    if estimator.average:
        out.mean, out.intercept_mean = model.mean, model.bias_mean
    return out


def _now(model: online.Online, estimator: Any) -> tuple[Vector, float]:
    """What a fit that stopped here would predict by."""
    if 0 < estimator.average <= model.t - 1:
        return model.mean, model.bias_mean
    return model.weights, model.bias


def _history(records: list[Any]) -> History:
    steps, objective, lr, seconds = zip(*records, strict=True)
    history = History()
    counts = [len(some) for some in steps]
    history.load({
        "step": np.concatenate(steps).astype(np.int64),
        "loss": np.concatenate(objective),
        "grad_norm": np.full(sum(counts), np.nan),
        "lr": np.concatenate(lr),
        "time": np.repeat(seconds, counts),
    })  # fmt: skip
    return history


def _shares(estimator: Any) -> tuple[float, float]:
    """alpha as far as there is a penalty, and which part of it is l1."""
    if estimator.penalty is None:
        return 0.0, 0.0
    return estimator.alpha, {"l2": 0.0, "l1": 1.0}.get(estimator.penalty, estimator.l1_ratio)


def _bias_rate(estimator: Any, X: Any) -> float:
    # On sparse rows scikit-learn's intercept learns a hundredth as fast, for it sees every row.
    if not estimator.fit_intercept:
        return 0.0
    return 0.01 if hasattr(X, "indptr") else 1.0


def _tell(
    model: online.Online, seen: int, loss: float, objective: float, reached: float,
    estimator: Any, began: float,
) -> None:  # fmt: skip
    weights = model.weights
    text = (
        f"Norm: {np.linalg.norm(weights):.2f}, NNZs: {np.count_nonzero(weights)}, "
        f"Bias: {model.bias:.6f}, T: {seen}, Avg. loss: {loss:f}, Objective: {objective:f}"
    )
    if estimator.early_stopping:
        text += f", Validation score: {reached:f}"
    print(text)
    print(f"Total training time: {time.perf_counter() - began:.2f} seconds.")
