"""Epoch after epoch over a network, as scikit-learn's MLP: how it learns, and when it stops."""

import copy
import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils.optimize import _check_optimize_result

from fastgd import losses
from fastgd.callbacks import Progress
from fastgd.core import update as updates
from fastgd.core.epochs import Epochs
from fastgd.history import History
from fastgd.objectives import NeuralNetwork
from fastgd.sklearn.tasks import Steps, Task
from fastgd.sklearn.terms import optimizer_of, softmax_of

__all__: list[str] = []

Vector = NDArray[np.float64]

# SciPy's status of a search that its callback has ended.
STOPPED = 99


def network_of(estimator: Any, X: Any, y: Any, weights: Any) -> tuple[NeuralNetwork, float, Any]:
    """The network, its losses' scale to scikit-learn's, and how targets become fastgd's."""
    ends = estimator.out_activation_
    activation = {"logistic": "sigmoid"}.get(estimator.activation, estimator.activation)
    loss: Any
    if ends == "softmax":
        loss, scale = softmax_of(estimator.n_outputs_), 1.0
        y = np.argmax(y, axis=1).astype(np.float64)
    else:
        loss, scale = {
            "logistic": (losses.Logistic(), 1.0),
            "exp": (losses.Poisson(), 1.0),
            "identity": (losses.Squared(), 0.5),
        }[ends]
        y = np.ascontiguousarray(y, dtype=np.float64)
        y = y[:, 0] if y.shape[1] == 1 else y
    hidden = [coef.shape[1] for coef in estimator.coefs_[:-1]]
    return NeuralNetwork(X, y, hidden, activation, loss, sample_weight=weights), scale, y


def offset(estimator: Any, y: Vector, weights: Any) -> tuple[float, float]:
    """What scikit-learn's mean loss has more, and what it divides by, for its loss of numbers."""
    if is_classifier(estimator):
        return 0.0, 1.0
    if estimator.out_activation_ != "exp":
        return 0.0, float(estimator.n_outputs_)
    return -float(np.average(losses.Poisson().least(y), weights=weights)), 1.0


def pack(estimator: Any) -> Vector:
    """θ, layer by layer, of scikit-learn's matrices."""
    parts = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    return np.concatenate([np.concatenate([W.T.ravel(), b]) for W, b in parts], dtype=np.float64)


def matrices(estimator: Any, theta: Vector, dtype: Any) -> dict[str, Any]:
    """θ as an estimator has it: coefs_ and intercepts_."""
    start, coefs, intercepts = 0, [], []
    for W in estimator.coefs_:
        inputs, outputs = W.shape
        middle = start + inputs * outputs
        coefs.append(np.array(theta[start:middle].reshape(outputs, inputs).T, dtype, order="C"))
        intercepts.append(np.array(theta[middle : middle + outputs], dtype))
        start = middle + outputs
    return {"coefs_": coefs, "intercepts_": intercepts}


def unpack(estimator: Any, theta: Vector, dtype: Any) -> None:
    """The matrices of θ, in the estimator."""
    estimator.__dict__.update(matrices(estimator, theta, dtype))


def split(estimator: Any, X: Any, y: Any, weights: Any) -> tuple[Any, Any]:
    """Rows to learn from, and rows by which early stopping judges."""
    stratify = y if is_classifier(estimator) and estimator.n_outputs_ == 1 else None
    given = [X, y] if weights is None else [X, y, weights]
    parts = train_test_split(
        *given, random_state=estimator._random_state, test_size=estimator.validation_fraction,
        stratify=stratify,
    )  # fmt: skip
    ours, held_out = parts[::2], parts[1::2]
    if held_out[0].shape[0] < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            "or the size of your dataset."
        )
    if weights is None:
        ours, held_out = [*ours, None], [*held_out, None]
    if is_classifier(estimator):
        held_out[1] = estimator._label_binarizer.inverse_transform(held_out[1])
    return ours, held_out


def _steps(estimator: Any, size: int, state: Any) -> tuple[dict[str, Any], Any]:
    """What takes the steps, and the rates of coming steps where they are an optimizer's."""
    if estimator.optimizer is None and estimator.solver == "sgd":
        velocity = np.zeros(size) if state is None else state
        return {"velocity": velocity, "ahead": bool(estimator.nesterovs_momentum)}, None
    if estimator.optimizer is None:
        moments = np.zeros((2, size)) if state is None else state
        betas = estimator.beta_1, estimator.beta_2
        return {"moments": moments, "betas": betas, "eps": estimator.epsilon}, None
    optimizer = optimizer_of(copy.copy(estimator.optimizer), None)
    update = updates.make(optimizer, size, estimator._spans, None)
    if state is not None:
        update.load(state)
    return {"update": update}, optimizer


def learn(
    estimator: Any, X: Any, y: Any, weights: Any, incremental: bool, task: Task | None = None
) -> None:
    """What scikit-learn's ``_fit_stochastic`` does, in the estimator."""
    dtype, rows, held_out = X.dtype, y, None
    early = estimator.early_stopping
    if early and incremental:
        raise ValueError("partial_fit does not support early_stopping=True")
    judge = estimator._held_out
    if early and judge is None:
        (X, rows, weights), held_out = split(estimator, X, y, weights)
    elif judge is not None:
        held_out = judge
    n = len(rows)
    if estimator.batch_size == "auto":
        size = min(200, n)
    else:
        if estimator.batch_size > n:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than "
                "sample size. It is going to be clipped",
                stacklevel=4,
            )
        size = int(np.clip(estimator.batch_size, 1, n))
    f, scale, targets = network_of(estimator, X, rows, weights)
    more, outputs = offset(estimator, targets, weights)
    theta = pack(estimator)
    # The schedule of scikit-learn's rates, without its vectors.
    if not incremental or not hasattr(estimator, "_optimizer"):
        estimator._state = None
        estimator._optimizer = (
            SGDOptimizer(
                [], estimator.learning_rate_init, estimator.learning_rate, estimator.momentum,
                estimator.nesterovs_momentum, estimator.power_t,
            )
            if estimator.solver == "sgd"
            else AdamOptimizer([], estimator.learning_rate_init, estimator.beta_1,
                               estimator.beta_2, estimator.epsilon)
        )  # fmt: skip
    if not incremental or not hasattr(estimator, "history_"):
        estimator.history_, estimator.validation_loss_curve_ = History(), []
    with f.borrow() as core:
        estimator._spans = core.span_list
        means, optimizer = _steps(estimator, f.n_params, estimator._state)
        # The objective's weights have mean 1, and the penalty is over the sum of those given.
        alpha = estimator.alpha / (1.0 if weights is None else float(np.mean(weights)))
        epochs = Epochs(core, theta, **means, scale=scale, alpha=alpha, row_weights=f._row_weights)
        order = np.arange(n, dtype=np.int64)
        steps = -(-n // size)
        judged = _validation(estimator, judge)
        told = Steps(task, "epoch")
        began = time.perf_counter()
        try:
            estimator.n_iter_ = 0
            for _ in range(estimator.max_iter):
                told.begin()
                if estimator.shuffle:
                    # What sklearn.utils.shuffle does, without its checks.
                    picks = np.arange(n)
                    estimator._random_state.shuffle(picks)
                    order = order[picks]
                lr, momentum = _rates(estimator, means, optimizer, steps)
                loss, penalty = epochs.take(order, size, lr, momentum)
                estimator.n_iter_ += 1
                estimator.t_ += n
                estimator.loss_ = loss / outputs + penalty + more / outputs
                estimator.loss_curve_.append(estimator.loss_)
                if estimator.verbose:
                    print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
                seconds = time.perf_counter() - began
                taken = estimator.n_iter_ * steps
                estimator.history_.append(taken, estimator.loss_, np.nan, lr[-1], seconds)
                if early:
                    unpack(estimator, theta, dtype)
                if judged is not None:
                    estimator.validation_loss_curve_.append(judged(theta))
                Xs, ys, ws = held_out if held_out is not None else (None, None, None)
                estimator._update_no_improvement_count(early, Xs, ys, ws)
                estimator._optimizer.iteration_ends(estimator.t_)
                if told.end(lambda: _now(estimator, theta, dtype)):
                    break
                if estimator._no_improvement_count > estimator.n_iter_no_change:
                    what = "Validation score" if early else "Training loss"
                    message = (
                        f"{what} did not improve more than tol={estimator.tol:f} for "
                        f"{estimator.n_iter_no_change} consecutive epochs."
                    )
                    if estimator._optimizer.trigger_stopping(message, estimator.verbose):
                        break
                    estimator._no_improvement_count = 0
                if _asked(estimator, taken, theta, seconds) or incremental:
                    break
                if estimator.n_iter_ == estimator.max_iter:
                    warnings.warn(
                        f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) "
                        "reached and the optimization hasn't converged yet.",
                        ConvergenceWarning,
                        stacklevel=4,
                    )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
    unpack(estimator, theta, dtype)
    kept = next(iter(means.values()))
    estimator._state = kept if optimizer is None else kept.save()
    if early:
        estimator.coefs_ = estimator._best_coefs
        estimator.intercepts_ = estimator._best_intercepts


def _now(estimator: Any, theta: Vector, dtype: Any) -> dict[str, Any]:
    """What a fit that stopped here would predict by."""
    if estimator.early_stopping:
        return {"coefs_": estimator._best_coefs, "intercepts_": estimator._best_intercepts}
    return matrices(estimator, theta, dtype)


def _rates(estimator: Any, means: Any, optimizer: Any, steps: int) -> tuple[Vector, Vector]:
    if optimizer is None and "moments" in means:
        # scikit-learn's Adam has the corrections in the rate; and counts them.
        given = estimator._optimizer
        t = np.arange(given.t + 1.0, given.t + steps + 1.0)
        given.t += steps
        lr = given.learning_rate_init * np.sqrt(1.0 - given.beta_2**t) / (1.0 - given.beta_1**t)
        given.learning_rate = lr[-1]
        return lr, np.zeros(steps)
    if optimizer is None:
        rate, momentum = estimator._optimizer.learning_rate, estimator.momentum
        return np.full(steps, rate), np.full(steps, float(momentum))
    first = means["update"].t
    return optimizer.rates(None).over(first, first + steps)


def _validation(estimator: Any, held_out: Any) -> Any:
    """The mean loss of θ on given rows, without the penalty."""
    if held_out is None:
        return None
    X, y, weights = held_out
    y = estimator._label_binarizer.transform(y) if is_classifier(estimator) else y
    f, scale, targets = network_of(estimator, X, y.reshape(len(y), -1), weights)
    more, outputs = offset(estimator, targets, weights)
    return lambda theta: (scale * f.value(theta) + more) / outputs


def _asked(estimator: Any, step: int, theta: Vector, seconds: float) -> bool:
    total = estimator.max_iter * step // estimator.n_iter_
    answers = [
        callback(Progress(step, total, estimator.loss_, np.nan, seconds, estimator.history_,
                          theta.copy))
        for callback in estimator.callbacks or ()
    ]  # fmt: skip
    return any(bool(answer) for answer in answers)


def lbfgs(estimator: Any, X: Any, y: Any, weights: Any, task: Task | None = None) -> None:
    """What scikit-learn's ``_fit_lbfgs`` does: SciPy's L-BFGS, over fastgd's gradient."""
    f, scale, targets = network_of(estimator, X, y, weights)
    more, outputs = offset(estimator, targets, weights)
    decay = estimator.alpha / (len(y) if weights is None else weights.sum())

    iterations = Steps(task, "iteration")

    def function(theta: Vector) -> tuple[float, Vector]:
        iterations.begin()
        value, gradient = f.value_and_gradient(theta)
        value, gradient = scale * value, scale * gradient
        for (W, _), (out, _) in zip(f.layers(theta), f.layers(gradient), strict=True):
            value += 0.5 * decay * float(np.vdot(W, W))
            out += decay * W
        return value, gradient

    def ended(intermediate_result: Any) -> None:
        theta = intermediate_result.x
        if iterations.end(lambda: matrices(estimator, theta, X.dtype)):
            raise StopIteration

    found = optimize.minimize(
        function, pack(estimator), method="L-BFGS-B", jac=True,
        callback=None if task is None else ended,
        options={"maxfun": estimator.max_fun, "maxiter": estimator.max_iter,
                 "gtol": estimator.tol},
    )  # fmt: skip
    iterations.close()
    if found.status == STOPPED:
        estimator.n_iter_ = min(found.nit, estimator.max_iter)
    else:
        estimator.n_iter_ = _check_optimize_result("lbfgs", found, estimator.max_iter)
    squares = sum(float(np.vdot(W, W)) for W, _ in f.layers(found.x))
    penalty = 0.5 * decay * squares
    estimator.loss_ = (found.fun - penalty + more) / outputs + penalty
    unpack(estimator, found.x, X.dtype)
