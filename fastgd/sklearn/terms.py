"""scikit-learn's words in fastgd's: losses, penalties and rates of its linear models by SGD."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import losses, penalties, schedules
from fastgd.losses import Loss
from fastgd.optimizers import SGD, Optimizer, base
from fastgd.penalties import Penalty

__all__: list[str] = []

CLASSIFIER_EXTRA = ("softmax",)
REGRESSOR_EXTRA = ("quantile", "poisson", "gamma", "tweedie")
LOG_LINK = ("poisson", "gamma", "tweedie")


class _Classes(losses.Softmax):
    # Softmax of so many classes, also where some of the last have no row.
    count: int

    def targets(self, y: NDArray[np.float64]) -> int:
        return self.count


def softmax_of(n_classes: int) -> Loss:
    """The softmax loss of so many classes, whichever there are rows of."""
    loss = _Classes()
    object.__setattr__(loss, "count", n_classes)
    return loss


def loss_of(estimator: Any) -> tuple[Loss, float]:
    """The loss that an estimator names, and what scikit-learn's is of it."""
    name = estimator.loss
    epsilon = estimator.epsilon
    if name == "squared_error":
        return losses.Squared(), 0.5
    if name == "log_loss":
        return losses.Logistic(), 1.0
    if name == "huber":
        return losses.Huber(epsilon), 1.0
    if name == "epsilon_insensitive":
        return losses.EpsilonInsensitive(epsilon), 1.0
    if name == "squared_epsilon_insensitive":
        return losses.SquaredEpsilonInsensitive(epsilon), 1.0
    if name == "quantile":
        return losses.Quantile(estimator.quantile), 1.0
    if name == "tweedie":
        return losses.Tweedie(estimator.power), 1.0
    if name == "softmax":
        # Of two classes it is the logistic loss of one output.
        count = len(estimator.classes_)
        return (softmax_of(count) if count > 2 else losses.Logistic()), 1.0
    return losses.as_loss(name), 1.0


def penalty_of(estimator: Any, scale: float) -> Penalty | None:
    """alpha and l1_ratio as a penalty of an objective whose loss is 1/scale times as large."""
    strength = estimator.alpha / scale
    if estimator.penalty is None or strength == 0.0:
        return None
    if estimator.penalty == "l2":
        return penalties.L2(strength)
    if estimator.penalty == "l1":
        return penalties.L1(strength)
    return penalties.ElasticNet(strength, estimator.l1_ratio)


def rates_of(estimator: Any, scale: float = 1.0) -> Any:
    """η as a function of the steps t = 0, 1, ... (float64) and of their number."""
    # The numbers of steps that are given are no longer needed: each array is made in their place.
    kind, eta0 = estimator.learning_rate, estimator.eta0
    if isinstance(kind, schedules.Schedule):
        return lambda t, total=None: kind(t.astype(np.int64), total) / scale
    if kind == "optimal":
        alpha = estimator.alpha
        # Bottou's rule: the first step is as long as the weights will typically be.
        begin = 1.0 / (math.sqrt(1.0 / math.sqrt(alpha)) * alpha)

        def optimal(t: NDArray[np.float64], total: Any = None) -> NDArray[np.float64]:
            t += begin
            t *= alpha
            np.divide(1.0, t, out=t)
            return t if scale == 1.0 else np.divide(t, scale, out=t)

        return optimal
    if kind == "invscaling":
        power = estimator.power_t
        return lambda t, total=None: eta0 / _raised(t + 1.0, power) / scale
    return lambda t, total=None: np.full(len(t), eta0 / scale)


def _raised(t: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    # Roots cost a tenth of a power, and the defaults are such.
    if power == 0.5:
        return np.sqrt(t)
    if power == 0.25:
        return np.sqrt(np.sqrt(t))
    return t**power


def optimizer_of(given: Any, rates: Any) -> Optimizer:
    """An optimizer from one, from its name (with its own default rate), or SGD with `rates`."""
    if given is None:
        return SGD(lr=schedules.custom(rates))
    if isinstance(given, Optimizer):
        return given
    if not isinstance(given, str) or given.lower() not in base.registry:
        known = ", ".join(base.registry)
        raise ValueError(f"optimizer must be an Optimizer or one of {known}, not {given!r}")
    return base.registry[given.lower()]()
