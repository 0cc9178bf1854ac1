r"""What a parameter costs: Ω(θ), added to the mean of the losses. Intercepts and biases are free.

An l2 term is smooth, so its gradient goes through a rule's moments like any other. The others come
in after a rule's step, by the proximal step

.. math:: \operatorname{prox}_{ηΩ}(u) = \arg\min_w \; Ω(w) + \frac{1}{2η} \|w - u\|^2

so that zeros are exact zeros. Under a rule that divides coordinate j by D_j, η is η/D_j there.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastgd.checks import as_penalty
from fastgd.core import penalties as compiled

__all__ = ["Box", "ElasticNet", "L1", "L2", "NonNegative", "Penalty"]

Vector = NDArray[np.float64]

registry: dict[str, type["Penalty"]] = {}


@dataclass(frozen=True)
class Penalty:
    """Base of all penalties: a frozen dataclass of numbers, with a compiled class of its name.

    A package of its own sets `kernel` to a compiled class of its own, a subclass of
    ``fastgd.core.penalties.Penalty``, which is made with the values of the fields.
    """

    kernel: ClassVar[Any] = None
    smooth: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        registry[cls.__name__.lower()] = cls

    @property
    def parameters(self) -> tuple[Any, ...]:
        """The values of the fields, in their order."""
        return tuple(getattr(self, item.name) for item in dataclasses.fields(self))

    @property
    def curvature(self) -> float:
        """What a smooth penalty adds to β, and any of these to μ at least: 0 where it adds none."""
        return 0.0

    def value(self, w: Any) -> float:
        """Ω(w) of a vector of weights."""
        return float(compiled.make(self).evaluate(np.ascontiguousarray(w, dtype=np.float64)))

    def prox(self, w: Any, step: float, rates: Any = None) -> Vector:
        """prox of step·Ω at w, a new vector; `rates` are steps of each coordinate's own."""
        if rates is not None:
            rates = np.ascontiguousarray(rates, dtype=np.float64)
        vector = np.ascontiguousarray(w, dtype=np.float64)
        return compiled.make(self).move(vector, float(step), rates)


@dataclass(frozen=True)
class L2(Penalty):
    r"""Ridge: :math:`Ω(w) = \frac{λ}{2} \|w\|^2`, with gradient λw.

    Parameters
    ----------
    l2 : float, at least 0
        λ. ``l2=λ`` of an objective is short for this.

    Raises
    ------
    TypeError, ValueError
        λ that is not a finite number of at least 0.

    Notes
    -----
    scikit-learn's Ridge minimises the sum of squares plus alpha ‖w‖²: λ = 2 alpha/n here.

    References
    ----------
    Hoerl and Kennard 1970, Ridge Regression: Biased Estimation for Nonorthogonal Problems.

    Examples
    --------
    >>> gd.penalties.L2(0.5).value([1.0, -2.0])
    1.25
    """

    l2: float
    smooth: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "l2", as_penalty("L2: l2", self.l2))

    @property
    def curvature(self) -> float:
        """λ."""
        return self.l2


@dataclass(frozen=True)
class L1(Penalty):
    r"""Lasso: :math:`Ω(w) = λ \|w\|_1`; the proximal step moves each weight towards 0 by ηλ.

    Parameters
    ----------
    l1 : float, at least 0
        λ.

    Raises
    ------
    TypeError, ValueError
        λ that is not a finite number of at least 0.

    References
    ----------
    Tibshirani 1996, Regression Shrinkage and Selection via the Lasso. Duchi and Singer 2009,
    Efficient Online and Batch Learning Using Forward Backward Splitting (for sparse rows).

    Examples
    --------
    >>> gd.penalties.L1(0.5).prox([1.0, -0.1, 0.0], step=1.0)
    array([0.5, 0. , 0. ])
    """

    l1: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "l1", as_penalty("L1: l1", self.l1))


@dataclass(frozen=True)
class ElasticNet(Penalty):
    r"""Both: :math:`Ω(w) = λ (ρ \|w\|_1 + \frac{1-ρ}{2} \|w\|^2)`, by one proximal step.

    .. math:: \operatorname{prox}_{ηΩ}(u) =
              \frac{\operatorname{sign}(u) \max(0, |u| - ηλρ)}{1 + ηλ(1-ρ)}

    Parameters
    ----------
    strength : float, at least 0
        λ; scikit-learn's alpha.
    ratio : float in [0, 1], default 0.5
        ρ; scikit-learn's l1_ratio.

    Raises
    ------
    TypeError, ValueError
        A parameter that is not a number, or outside its range.

    References
    ----------
    Zou and Hastie 2005, Regularization and Variable Selection via the Elastic Net.

    Examples
    --------
    >>> penalty = gd.penalties.ElasticNet(1.0, 0.5)
    >>> penalty.value([1.0, -2.0]), penalty.prox([1.0, -0.1], step=1.0).round(6)
    (2.75, array([0.333333, 0.      ]))
    """

    strength: float
    ratio: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", as_penalty("ElasticNet: strength", self.strength))
        ratio = as_penalty("ElasticNet: ratio", self.ratio)
        if ratio > 1:
            raise ValueError(f"ElasticNet: ratio must be in [0, 1], not {ratio}")
        object.__setattr__(self, "ratio", ratio)

    @property
    def curvature(self) -> float:
        """λ(1 - ρ)."""
        return self.strength * (1.0 - self.ratio)


@dataclass(frozen=True, eq=False)
class Box(Penalty):
    r"""Bounds: :math:`Ω(w) = 0` where low <= w <= high, else infinite; its step is a projection.

    Parameters
    ----------
    low, high : float, or (n_params,) array
        The same for every weight, or one for each entry of θ (those of intercepts and biases do not
        count: they are free). -inf and inf are allowed.

    Raises
    ------
    TypeError, ValueError
        Bounds that are not numbers, or a low above its high.

    References
    ----------
    Goldstein 1964; Levitin and Polyak 1966 (gradient projection).

    Examples
    --------
    >>> gd.penalties.Box(-1.0, 1.0).prox([3.0, -0.5], step=0.1)
    array([ 1. , -0.5])
    """

    low: Any
    high: Any

    def __post_init__(self) -> None:
        bounds = []
        for name in ("low", "high"):
            given = np.array(getattr(self, name), dtype=np.float64)
            if given.ndim > 1 or np.isnan(given).any():
                raise ValueError(f"Box: {name} must be a number or a vector without NaN")
            bounds.append(given)
        low, high = np.broadcast_arrays(*bounds)
        if (low > high).any():
            raise ValueError("Box: low must not be above high")
        for name, bound in (("low", low), ("high", high)):
            value: Any = float(bound) if bound.ndim == 0 else np.array(bound)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return (
            type(other) is type(self)
            and np.array_equal(self.low, other.low)
            and np.array_equal(self.high, other.high)
        )

    def __hash__(self) -> int:
        return hash((np.asarray(self.low).tobytes(), np.asarray(self.high).tobytes()))


@dataclass(frozen=True)
class NonNegative(Penalty):
    r"""No weight below 0: :math:`Ω(w) = 0` where w >= 0, else infinite.

    The proximal step is :math:`\max(0, w)`.

    References
    ----------
    Lawson and Hanson 1974, Solving Least Squares Problems, chapter 23.

    Examples
    --------
    >>> gd.penalties.NonNegative().prox([3.0, -0.5], step=0.1)
    array([3., 0.])
    """


def as_penalty_term(l2: Any, penalty: Any) -> Penalty | None:
    """The penalty of an objective, from `l2=` or `penalty=`; None where there is none."""
    strength = as_penalty("l2", l2)
    if penalty is None:
        return L2(strength) if strength else None
    if not isinstance(penalty, Penalty):
        hint = " (did you forget its parameters?)" if isinstance(penalty, type) else ""
        raise TypeError(f"penalty must be one of fastgd.penalties, not {penalty!r}{hint}")
    if strength:
        raise ValueError("give the penalty as l2= or as penalty=, not as both")
    return penalty
