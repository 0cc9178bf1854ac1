"""The optimizers of scikit-learn: that of its linear models, and those of its networks.

`SGDOptimizer` and `AdamOptimizer` are what ``MLPClassifier(solver="sgd")`` and ``solver="adam"``
use; `SGD` is what ``SGDClassifier`` and ``SGDRegressor`` do. The gradient is scikit-learn's: half a
square, and α w of the penalty. The estimators themselves are those of `fastgd.sklearn`.
"""

import math
from typing import Any

from fastgd import optimizers, schedules
from fastgd.dialects.terms import Dialect, as_nesterov, below_one, heavy, refuse

__all__ = ["AdamOptimizer", "SGD", "SGDOptimizer"]

REASONS = {
    "LBFGS": 'it is no rule of a gradient alone; minimize(f, "auto") has L-BFGS',
}


row = Dialect("scikit-learn", REASONS, {})
__getattr__ = row.missing


@row
def SGD(
    learning_rate: str = "invscaling", eta0: float = 0.01, power_t: float = 0.25,
    alpha: float = 1e-4, average: bool | int = False,
) -> optimizers.Optimizer:  # fmt: skip
    """What ``SGDRegressor`` and ``SGDClassifier`` do, with the regressor's defaults.

    Refused: "adaptive", "pa1" and "pa2", which look at losses.

    >>> gd.dialects.sklearn.SGD()
    SGD(lr=invscaling(lr=0.01, exponent=0.25), weight_decay=0.0)
    """
    lr: Any
    if learning_rate == "constant":
        lr = eta0
    elif learning_rate == "invscaling":
        lr = schedules.invscaling(eta0, power_t)
    elif learning_rate == "optimal":
        # The first step is as long as the weights will typically be.
        lr = schedules.bottou(alpha, 1.0 / (math.sqrt(1.0 / math.sqrt(alpha)) * alpha))
    elif learning_rate in ("adaptive", "pa1", "pa2"):
        refuse(f"SGD(learning_rate={learning_rate!r})", "its rate depends on the losses seen")
    else:
        raise ValueError(
            f"learning_rate must be constant, invscaling or optimal, not {learning_rate!r}"
        )
    made = optimizers.SGD(lr)
    if average:
        return optimizers.PolyakAverage(made, start=int(average) - 1)
    return made


@row
def SGDOptimizer(
    learning_rate_init: Any = 0.1, lr_schedule: str = "constant", momentum: float = 0.9,
    nesterov: bool = True, power_t: float = 0.5,
) -> optimizers.Optimizer:  # fmt: skip
    """The rule of ``MLPClassifier(solver="sgd")``: the rate in the velocity, and a look-ahead.

    Refused: "adaptive", which looks at losses.

    >>> gd.dialects.sklearn.SGDOptimizer(0.1, momentum=0.5)
    QHM(lr=0.2, momentum=0.5, nu=0.5, inside=1.0, weight_decay=0.0)
    """
    lr = learning_rate_init
    if lr_schedule == "invscaling":
        lr = schedules.invscaling(lr, power_t)
    elif lr_schedule == "adaptive":
        refuse("SGDOptimizer(lr_schedule='adaptive')", "its rate depends on the losses seen")
    elif lr_schedule != "constant":
        raise ValueError(f"lr_schedule must be constant or invscaling, not {lr_schedule!r}")
    momentum = below_one("SGDOptimizer", momentum)
    made: optimizers.Optimizer
    made = as_nesterov(lr, momentum, inside=1.0) if nesterov else heavy(lr, momentum)
    return made


@row
def AdamOptimizer(
    learning_rate_init: Any = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999,
    epsilon: float = 1e-8,
) -> optimizers.Optimizer:  # fmt: skip
    """The rule of ``MLPClassifier(solver="adam")``: ε̂ beside the uncorrected moment's root.

    >>> gd.dialects.sklearn.AdamOptimizer().eps_hat
    1e-08
    """
    return optimizers.Adam(
        learning_rate_init, beta1=beta_1, beta2=beta_2, eps=0.0, eps_root=0.0, eps_hat=epsilon
    )
