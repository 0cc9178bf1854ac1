"""Rules of reduced variance: a step on one sample that knows what the others last said.

They are no rules of a gradient alone, since they remember samples: so each brings its own way of
stepping (core/reduced.pyx), for linear models, where one number says all of a sample's gradient.
"""

import functools
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Self

from fastgd.core import reduced
from fastgd.optimizers.base import NOT_NEGATIVE, RATES, Optimizer, Rate, number

__all__ = ["SAGA", "SVRG"]


def _own_rate() -> Any:
    return field(
        default=None,
        metadata={"interval": NOT_NEGATIVE, "rate": True, "space": RATES, "optional": True},
    )


class Reduced(Optimizer):
    """Base of SAGA and SVRG, whose rate may come from the objective.

    Examples
    --------
    >>> gd.SAGA().prepared(gd.LeastSquares([[1.0], [2.0]], [1.0, 3.0])).lr == 1 / 24
    True
    """

    # The certified rate is 1/(so many L_max).
    slowness: ClassVar[float]

    def prepared(self, objective: Any) -> Self:
        """With the certified rate, where lr is None; refuses all but linear models."""
        name = type(self).__name__
        if not hasattr(objective, "sample_smoothness"):
            raise ValueError(
                f"{name} keeps one number for each sample of a linear model, and {objective!r} is "
                "none"
            )
        if self.lr is not None:
            return self
        largest = objective.sample_smoothness()
        if largest is None:
            raise ValueError(f"{name} finds its rate by the loss's curvature, and that of "
                             f"{objective!r} is unbounded: give lr")  # fmt: skip
        largest += self.weight_decay
        if not largest:
            raise ValueError(f"all of X is 0, which leaves {name} no rate: give lr")
        return self.with_lr(1.0 / (self.slowness * largest))

    def rates(self, total: int | None) -> Any:
        """As for every optimizer; refused before lr is known."""
        if self.lr is None:
            raise ValueError(f"{type(self).__name__} without lr needs an objective: use minimize")
        return super().rates(total)

    def init(self, theta: Any, steps: int | None = None) -> Any:
        """Refused: the gradients of samples are its own affair."""
        raise TypeError(
            f"{type(self).__name__} asks for the samples that it steps on, so it takes no gradient "
            "from elsewhere: use minimize"
        )


@dataclass(frozen=True)
class SAGA(Reduced):
    r"""One sample's gradient, corrected by what it was when last seen, and by the mean of these.

    .. math:: θ_{t+1} = \operatorname{prox}_{η Ω}\Big(θ_t - η_t \Big[(s_i(θ_t) - α_i) x_i
              + \frac{1}{n} \sum_j α_j x_j + λ θ_t\Big]\Big), \quad α_i ← s_i(θ_t)

    s_i is the derivative of sample i's loss (times its weight) by its margin, and α_i = s_i(θ_0) at
    the start, for which all rows are read once.

    Parameters
    ----------
    lr : float, schedule, "1/beta" or None, default None
        η, at least 0. None: 1/(3 L_max), for which the linear rate is proved; L_max is
        ``objective.sample_smoothness()``.
    weight_decay : float, default 0
        λ, at least 0, beside that of an l2 penalty; biases are not decayed.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, negative or not finite; in a run, an objective that is no
        linear model, a batch size other than 1, or clipping.

    Notes
    -----
    State: a number for each sample and output, and the mean gradient. On CSR rows a step costs as
    much as its row is long, also with an l1 penalty. It is the rule for high precision: the error
    falls by a constant factor an epoch, which plain SGD does not at any rate.

    References
    ----------
    Defazio, Bach and Lacoste-Julien 2014, SAGA: A Fast Incremental Gradient Method With Support for
    Non-Strongly Convex Composite Objectives.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01, fit_intercept=True)
    >>> r = gd.minimize(f, gd.SAGA(), batch_size=1, epochs=300, seed=0)
    >>> bool(np.linalg.norm(f.gradient(r.theta)) < 1e-4)
    True
    """

    lr: Rate | None = _own_rate()  # type: ignore[assignment]
    _: KW_ONLY
    weight_decay: float = number(0.0, NOT_NEGATIVE)
    slowness = 3.0
    solver: ClassVar[Any] = reduced.ReducedSolver


@dataclass(frozen=True)
class SVRG(Reduced):
    r"""One sample's gradient, corrected by what it is at an anchor, and by the full gradient there.

    .. math:: θ_{t+1} = \operatorname{prox}_{η Ω}\big(θ_t - η_t [∇ℓ_i(θ_t) - ∇ℓ_i(φ_t)
              + ∇L(φ_t) + λ θ_t]\big), \quad φ_{t+1} = θ_t \text{ where } i = 0,
              \text{ else } φ_t

    This is the loopless form: the anchor φ moves with probability 1/n, by no draw of its own.

    Parameters
    ----------
    lr : float, schedule, "1/beta" or None, default None
        η, at least 0. None: 1/(6 L_max), for which the linear rate is proved.
    weight_decay : float, default 0
        As for `SAGA`.

    Raises
    ------
    TypeError, ValueError
        As for `SAGA`.

    Notes
    -----
    State: the slope of each sample at the anchor, and the full gradient there. The anchor's own
    gradients cost about one more reading of the data an epoch; `SAGA` does without.

    References
    ----------
    Johnson and Zhang 2013, Accelerating Stochastic Gradient Descent using Predictive Variance
    Reduction. Kovalev, Horváth and Richtárik 2020, Don't Jump Through Hoops and Remove Those Loops:
    SVRG and Katyusha are Better Without the Outer Loop.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01, fit_intercept=True)
    >>> r = gd.minimize(f, gd.SVRG(), batch_size=1, epochs=1000, seed=0)
    >>> bool(np.linalg.norm(f.gradient(r.theta)) < 1e-4)
    True
    """

    lr: Rate | None = _own_rate()  # type: ignore[assignment]
    _: KW_ONLY
    weight_decay: float = number(0.0, NOT_NEGATIVE)
    slowness = 6.0
    solver: ClassVar[Any] = functools.partial(reduced.ReducedSolver, anchored=True)
