r"""What a prediction costs: ℓ(z, y) of a margin z = x·w + b (or a network's output) and a target y.

Each loss is a frozen dataclass of its parameters and the one place of its facts: which targets it
takes, what it predicts, and the constants that theory rests on. Its kernel stands in
core/losses.pyx under the same name. s = 2y - 1 is the label as -1 or 1, r = z - y the residual.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastgd.checks import as_penalty
from fastgd.core import losses as compiled

__all__ = [
    "EpsilonInsensitive", "Gamma", "Hinge", "Huber", "Logistic", "Loss", "ModifiedHuber",
    "Perceptron", "Poisson", "PseudoHuber", "Quantile", "Softmax", "Squared",
    "SquaredEpsilonInsensitive", "SquaredHinge", "Tweedie",
]  # fmt: skip

Vector = NDArray[np.float64]

registry: dict[str, type["Loss"]] = {}


@dataclass(frozen=True, eq=False)
class Loss:
    """Base of all losses.

    Attributes
    ----------
    name : str
        As ``loss="name"`` of a network or of the command line.
    curvature : float or None
        c, the largest second derivative in the margins: β = c λ_max([X 1]ᵀ[X 1])/n. None where
        there is none (then theorems that ask for β do not apply).
    steepest : float
        The largest norm of the first derivative, inf where it has no bound.
    self_concordance : float or None
        R with abs ℓ''' <= R ℓ'' along every line of unit length in the margins, None where unknown.
    task : str
        "regression", "binary" (y is 0 or 1) or "multiclass" (y is 0..K-1).

    Notes
    -----
    A package of its own sets `kernel` to a compiled class of its own, a subclass of
    ``fastgd.core.losses.Loss``, which is made with the number of outputs and the parameters.
    """

    kernel: ClassVar[Any] = None
    name: ClassVar[str] = ""
    curvature: ClassVar[float | None] = None
    steepest: ClassVar[float] = math.inf
    self_concordance: ClassVar[float | None] = None
    convex: ClassVar[bool] = True
    task: ClassVar[str] = "regression"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__name__.startswith("_"):  # the base of a family is no loss
            return
        if "name" not in cls.__dict__:
            cls.name = compiled.name_of(cls)
        registry[cls.name] = cls

    def __eq__(self, other: object) -> bool:
        """Whether it is the same loss; one that needs no parameters is also equal to its name."""
        if isinstance(other, str):
            return other == self.name and not self.parameters
        return type(other) is type(self) and self.parameters == other.parameters

    def __hash__(self) -> int:
        return hash((self.name, *self.parameters)) if self.parameters else hash(self.name)

    @property
    def parameters(self) -> tuple[float, ...]:
        """The values of the fields, in their order."""
        return tuple(getattr(self, item.name) for item in dataclasses.fields(self))

    def targets(self, y: Vector) -> int:
        """Refuse targets that the loss does not take; the number of outputs that it needs."""
        return 1 if y.ndim == 1 else y.shape[1]

    def least(self, y: Vector) -> Vector:
        """The least value of ℓ(·, y) for each target, which may be negative: (n,)."""
        return np.zeros(len(y))

    def predict(self, margins: Vector) -> NDArray[Any]:
        """What margins (m, n_outputs) predict: (m,), or (m, n_outputs) of several targets."""
        return _squeezed(margins)

    def probabilities(self, margins: Vector) -> Vector:
        """The probability of class 1 (m,), or of each class (m, K).

        Raises
        ------
        ValueError
            The loss is not that of a probability.
        """
        raise ValueError(f"the {self.name} loss gives no probabilities")

    def values(self, margins: Any, y: Any) -> Vector:
        """ℓ of each row of margins (n, n_outputs) and its target: (n,)."""
        return self._evaluate(margins, y)[0]

    def slopes(self, margins: Any, y: Any) -> Vector:
        """The derivative of each ℓ with respect to its margins: (n, n_outputs)."""
        return self._evaluate(margins, y)[1]

    def _evaluate(self, margins: Any, y: Any) -> tuple[Vector, Vector]:
        margins = np.ascontiguousarray(margins, dtype=np.float64)
        margins = margins[:, None] if margins.ndim == 1 else margins
        core = compiled.make(self, margins.shape[1])
        losses, slopes = core.evaluate(margins, np.asarray(y))
        return losses, slopes


def _squeezed(margins: NDArray[Any]) -> Any:
    return margins[:, 0] if margins.shape[1] == 1 else margins


class _Binary(Loss):
    task: ClassVar[str] = "binary"

    def targets(self, y: Vector) -> int:
        other = (y != 0) & (y != 1)
        if other.any():
            place = np.unravel_index(np.argmax(other), y.shape)
            shown = ", ".join(map(str, place))
            raise ValueError(f"y must hold 0 and 1 only, but y[{shown}] is {y[place]:g}")
        return super().targets(y)

    def predict(self, margins: Vector) -> NDArray[np.int64]:
        """The class 0 or 1: 1 where the margin is above 0."""
        return _squeezed((margins > 0).astype(np.int64))


class _Counts(Loss):
    """A loss with the log link: it predicts exp(z)."""

    lowest: ClassVar[str] = "at least 0"

    def targets(self, y: Vector) -> int:
        wrong = y < 0 if self.lowest == "at least 0" else y <= 0
        if wrong.any():
            place = np.unravel_index(np.argmax(wrong), y.shape)
            shown = ", ".join(map(str, place))
            raise ValueError(
                f"y must be {self.lowest} for the {self.name} loss, but y[{shown}] is {y[place]:g}"
            )
        return super().targets(y)

    def predict(self, margins: Vector) -> Vector:
        """exp of each margin."""
        with np.errstate(over="ignore"):
            return np.exp(_squeezed(margins))


@dataclass(frozen=True, eq=False)
class Squared(Loss):
    r"""The square of the residual: :math:`ℓ = (y - z)^2`.

    Notes
    -----
    Without a factor 1/2, which scikit-learn's squared error has.

    References
    ----------
    Legendre 1805; Gauss 1809.

    Examples
    --------
    >>> gd.losses.Squared().values([3.0], [1.0])
    array([4.])
    """

    curvature: ClassVar[float] = 2.0
    self_concordance: ClassVar[float] = 0.0


@dataclass(frozen=True, eq=False)
class Logistic(_Binary):
    r"""The logistic loss: :math:`ℓ = \ln(1 + e^{-sz})`, -ln of the probability of y.

    References
    ----------
    Cox 1958, The Regression Analysis of Binary Sequences.

    Examples
    --------
    >>> gd.losses.Logistic().values([0.0, 1e4], [1, 1]).round(6)
    array([0.693147, 0.      ])
    """

    curvature: ClassVar[float] = 0.25
    steepest: ClassVar[float] = 1.0
    self_concordance: ClassVar[float] = 1.0

    def probabilities(self, margins: Vector) -> Vector:
        """sigmoid(z), the probability of class 1: (m,)."""
        return _squeezed(sigmoid(margins))


@dataclass(frozen=True, eq=False)
class Softmax(Loss):
    r"""The logistic loss of K classes: :math:`ℓ = -\ln \operatorname{softmax}(z)_y`.

    References
    ----------
    Böhning 1992, Multinomial logistic regression algorithm (for the curvature).

    Examples
    --------
    >>> gd.losses.Softmax().values([[0.0, 0.0, 0.0]], [2]).round(6)
    array([1.098612])
    """

    curvature: ClassVar[float] = 0.5
    steepest: ClassVar[float] = math.sqrt(2.0)
    self_concordance: ClassVar[float] = math.sqrt(2.0)
    task: ClassVar[str] = "multiclass"

    def targets(self, y: Vector) -> int:
        if y.ndim != 1:
            raise ValueError(f"y must hold one class for each observation, not shape {y.shape}")
        other = (y < 0) | (y != np.floor(y))
        if other.any():
            found = y[np.argmax(other)]
            raise ValueError(
                f"y must hold classes 0, 1, 2, ..., but y[{np.argmax(other)}] is {found:g}"
            )
        n_classes = int(y.max()) + 1
        if n_classes < 2:
            raise ValueError("y holds class 0 only; the softmax loss needs at least two classes")
        if n_classes > max(2, y.shape[0]):
            raise ValueError(
                f"y has a class {n_classes - 1} but only {y.shape[0]} observations: number "
                "the classes 0, 1, 2, ... without gaps"
            )
        return n_classes

    def predict(self, margins: Vector) -> NDArray[np.int64]:
        """The class of the largest margin."""
        return np.argmax(margins, axis=1)

    def probabilities(self, margins: Vector) -> Vector:
        """softmax(z), the probability of each class: (m, K)."""
        return softmax(margins)


@dataclass(frozen=True, eq=False)
class Hinge(_Binary):
    r"""The loss of the linear support vector machine: :math:`ℓ = \max(0, 1 - sz)`.

    Its derivative at the kink is -s, as in scikit-learn.

    References
    ----------
    Cortes and Vapnik 1995, Support-Vector Networks.

    Examples
    --------
    >>> gd.losses.Hinge().values([0.5, 2.0], [1, 1])
    array([0.5, 0. ])
    """

    steepest: ClassVar[float] = 1.0


@dataclass(frozen=True, eq=False)
class Perceptron(_Binary):
    r"""The perceptron's loss: :math:`ℓ = \max(0, -sz)`.

    References
    ----------
    Rosenblatt 1958, The Perceptron.

    Examples
    --------
    >>> gd.losses.Perceptron().values([0.5, -2.0], [1, 1])
    array([0., 2.])
    """

    steepest: ClassVar[float] = 1.0


@dataclass(frozen=True, eq=False)
class SquaredHinge(_Binary):
    r"""The smooth hinge: :math:`ℓ = \max(0, 1 - sz)^2`.

    References
    ----------
    Fan, Chang, Hsieh, Wang and Lin 2008, LIBLINEAR (L2-loss SVM).

    Examples
    --------
    >>> gd.losses.SquaredHinge().values([0.5, -1.0], [1, 1])
    array([0.25, 4.  ])
    """

    curvature: ClassVar[float] = 2.0


@dataclass(frozen=True, eq=False)
class ModifiedHuber(_Binary):
    r"""A smooth hinge with linear growth.

    .. math:: ℓ = \max(0, 1 - sz)^2 \text{ for } sz >= -1, \quad -4sz \text{ below}

    References
    ----------
    Zhang 2004, Solving Large Scale Linear Prediction Problems Using Stochastic Gradient Descent.

    Examples
    --------
    >>> gd.losses.ModifiedHuber().values([0.5, -2.0], [1, 1])
    array([0.25, 8.  ])
    """

    curvature: ClassVar[float] = 2.0
    steepest: ClassVar[float] = 4.0

    def probabilities(self, margins: Vector) -> Vector:
        """(min(max(z, -1), 1) + 1)/2, the probability of class 1 (Zhang 2004): (m,)."""
        return _squeezed((np.clip(margins, -1.0, 1.0) + 1.0) / 2.0)


@dataclass(frozen=True, eq=False)
class Huber(Loss):
    r"""Squares near 0, absolute values beyond, so that outliers pull with bounded force.

    .. math:: ℓ = \frac{r^2}{2} \text{ for } |r| <= ε, \quad ε|r| - \frac{ε^2}{2} \text{ beyond}

    Parameters
    ----------
    epsilon : float above 0, default 1.35
        ε, in units of y. At 1.35 standard deviations of the noise, 95 % of the efficiency of least
        squares is kept where the noise is normal.

    Raises
    ------
    TypeError, ValueError
        ε that is not a number above 0.

    References
    ----------
    Huber 1964, Robust Estimation of a Location Parameter.

    Examples
    --------
    >>> gd.losses.Huber(1.0).values([0.5, 3.0], [0.0, 0.0])
    array([0.125, 2.5  ])
    """

    epsilon: float = 1.35
    curvature: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        _positive(self, "epsilon")

    @property
    def steepest(self) -> float:  # type: ignore[override]
        """ε."""
        return self.epsilon


@dataclass(frozen=True, eq=False)
class PseudoHuber(Loss):
    r"""Huber's loss without its corners: smooth everywhere, a square near 0, a line far away.

    .. math:: ℓ = ε^2 \left(\sqrt{1 + (r/ε)^2} - 1\right)

    Parameters
    ----------
    epsilon : float above 0, default 1.35
        ε, in units of y: where squares turn into absolute values.

    Raises
    ------
    TypeError, ValueError
        ε that is not a number above 0.

    References
    ----------
    Charbonnier, Blanc-Féraud, Aubert and Barlaud 1997, Deterministic Edge-Preserving Regularization
    in Computed Imaging.

    Examples
    --------
    >>> gd.losses.PseudoHuber(1.0).values([0.0, 3.0], [0.0, 0.0]).round(4)
    array([0.    , 2.1623])
    """

    epsilon: float = 1.35
    curvature: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        _positive(self, "epsilon")

    @property
    def steepest(self) -> float:  # type: ignore[override]
        """ε."""
        return self.epsilon


@dataclass(frozen=True, eq=False)
class EpsilonInsensitive(Loss):
    r"""The loss of support vector regression: :math:`ℓ = \max(0, |r| - ε)`.

    Parameters
    ----------
    epsilon : float, at least 0, default 0.1
        ε, in units of y; 0 gives the absolute error.

    Raises
    ------
    TypeError, ValueError
        ε that is not a number of at least 0.

    References
    ----------
    Vapnik 1995, The Nature of Statistical Learning Theory.

    Examples
    --------
    >>> gd.losses.EpsilonInsensitive(0.5).values([0.25, 3.0], [0.0, 0.0])
    array([0. , 2.5])
    """

    epsilon: float = 0.1
    steepest: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        name = f"{type(self).__name__}: epsilon"
        object.__setattr__(self, "epsilon", as_penalty(name, self.epsilon))


@dataclass(frozen=True, eq=False)
class SquaredEpsilonInsensitive(EpsilonInsensitive):
    r"""The square of the ε-insensitive loss: :math:`ℓ = \max(0, |r| - ε)^2`.

    Parameters
    ----------
    epsilon : float, at least 0, default 0.1
        ε, in units of y; 0 gives the squared loss.

    Raises
    ------
    TypeError, ValueError
        ε that is not a number of at least 0.

    References
    ----------
    Vapnik 1995; Ho and Lin 2012, Large-scale Linear Support Vector Regression.

    Examples
    --------
    >>> gd.losses.SquaredEpsilonInsensitive(0.5).values([0.25, 3.0], [0.0, 0.0])
    array([0.  , 6.25])
    """

    curvature: ClassVar[float] = 2.0
    steepest: ClassVar[float] = math.inf


@dataclass(frozen=True, eq=False)
class Quantile(Loss):
    r"""The pinball loss, whose minimiser is a quantile.

    .. math:: ℓ = q \max(0, y - z) + (1 - q) \max(0, z - y)

    Parameters
    ----------
    quantile : float in ]0, 1[, default 0.5
        q. The derivative at z = y is 0.

    Raises
    ------
    TypeError, ValueError
        q that is not a number between 0 and 1.

    References
    ----------
    Koenker and Bassett 1978, Regression Quantiles.

    Examples
    --------
    >>> gd.losses.Quantile(0.75).values([0.0, 2.0], [1.0, 1.0])
    array([0.75, 0.25])
    """

    quantile: float = 0.5

    def __post_init__(self) -> None:
        _positive(self, "quantile")
        if self.quantile >= 1:
            raise ValueError(f"Quantile: quantile must be below 1, not {self.quantile}")

    @property
    def steepest(self) -> float:  # type: ignore[override]
        """max(q, 1 - q)."""
        return max(self.quantile, 1.0 - self.quantile)


@dataclass(frozen=True, eq=False)
class Poisson(_Counts):
    r"""-ln of a Poisson probability with mean exp(z), but for ln y!: :math:`ℓ = e^z - yz`.

    y is at least 0. The second derivative e^z has no bound, so no β is known; the least value,
    y - y ln y, may be negative.

    References
    ----------
    Nelder and Wedderburn 1972, Generalized Linear Models.

    Examples
    --------
    >>> gd.losses.Poisson().values([0.0], [3.0])
    array([1.])
    """

    self_concordance: ClassVar[float] = 1.0

    def least(self, y: Vector) -> Vector:
        """y - y ln y, and 0 at y = 0."""
        y = np.asarray(y, dtype=np.float64)
        total = y - y * np.log(np.where(y > 0, y, 1.0))
        return _summed(total)


@dataclass(frozen=True, eq=False)
class Gamma(_Counts):
    r"""-ln of a gamma density with mean exp(z), but for terms in y: :math:`ℓ = z + y e^{-z}`.

    y is above 0. No β is known; the least value is 1 + ln y.

    References
    ----------
    Nelder and Wedderburn 1972, Generalized Linear Models.

    Examples
    --------
    >>> gd.losses.Gamma().values([0.0], [3.0])
    array([3.])
    """

    lowest: ClassVar[str] = "above 0"
    self_concordance: ClassVar[float] = 1.0

    def least(self, y: Vector) -> Vector:
        """1 + ln y."""
        return _summed(1.0 + np.log(np.asarray(y, dtype=np.float64)))


@dataclass(frozen=True, eq=False)
class Tweedie(_Counts):
    r"""Half the Tweedie deviance with mean exp(z), but for terms in y.

    .. math:: ℓ = \frac{e^{(2-p) z}}{2-p} - y \frac{e^{(1-p) z}}{1-p}, \quad 1 < p < 2

    Parameters
    ----------
    power : float in ]1, 2[, default 1.5
        p; between Poisson (1) and gamma (2), with a point mass at y = 0.

    Raises
    ------
    TypeError, ValueError
        p that is not a number between 1 and 2.

    References
    ----------
    Jørgensen 1987, Exponential Dispersion Models.

    Examples
    --------
    >>> gd.losses.Tweedie(1.5).values([0.0], [3.0])
    array([8.])
    """

    power: float = 1.5

    def __post_init__(self) -> None:
        power = as_penalty("Tweedie: power", self.power)
        if not 1 < power < 2:
            raise ValueError(f"Tweedie: power must be between 1 and 2, not {power}")
        object.__setattr__(self, "power", power)

    def least(self, y: Vector) -> Vector:
        """The value at z = ln y; 0 at y = 0."""
        y = np.asarray(y, dtype=np.float64)
        p = self.power
        return _summed(y ** (2 - p) * (1 / (2 - p) - 1 / (1 - p)))


def _summed(values: Vector) -> Vector:
    return values if values.ndim == 1 else values.sum(axis=1)


def _positive(loss: Loss, name: str) -> None:
    value = as_penalty(f"{type(loss).__name__}: {name}", getattr(loss, name))
    if value == 0:
        raise ValueError(f"{type(loss).__name__}: {name} must be above 0")
    object.__setattr__(loss, name, value)


def sigmoid(margins: Vector) -> Vector:
    """1/(1 + exp(-margins)), without overflow."""
    with np.errstate(under="ignore"):
        e = np.exp(-np.abs(margins))
        return np.where(margins >= 0, 1.0, e) / (1.0 + e)


def softmax(margins: Vector) -> Vector:
    """exp(margins) over their sum, row by row, without overflow."""
    with np.errstate(under="ignore"):
        e = np.exp(margins - margins.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


def as_loss(given: Any, name: str = "loss") -> Loss:
    """A loss, from one or from the name of one."""
    if isinstance(given, Loss):
        return given
    if isinstance(given, str):
        if given not in registry:
            raise ValueError(f"{name} must be one of {', '.join(registry)}, not {given!r}")
        return registry[given]()
    hint = " (did you forget its parentheses?)" if isinstance(given, type) else ""
    raise TypeError(f"{name} must be one of fastgd.losses or a name, not {given!r}{hint}")
