"""What the explorer descends: functions of one or two parameters, many points at a time.

A landscape knows its value and gradient at a whole array of points, so that one run of fastgd can
carry all starts at once, and the facts that the theorems ask for.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import datasets, theory
from fastgd.objectives import (
    Function,
    LeastSquares,
    LogisticRegression,
    NeuralNetwork,
    Objective,
    Quadratic,
)

__all__ = ["Landscape", "classics", "of_data", "of_objective"]

Vector = NDArray[np.float64]
Text = dict[str, str]

SIGNS = ((1, 1), (-1, 1), (1, -1), (-1, -1))
# Noise levels are spoken of in these: standard deviations, and observations whose mean is taken.
BATCHES = (1, 4, 16)


@dataclass(frozen=True)
class Landscape:
    """A function to descend, and what is known of it.

    Attributes
    ----------
    name : str
    title, note : dict of str
        In each language: what the page calls it, and what is to be seen there.
    objective : Objective
        Of one or two parameters: the same function, as fastgd has it.
    value, gradient : callable
        Of (k, d) points: (k,) values and (k, d) gradients. With a second argument, row numbers,
        the gradient is that of the mean over those observations.
    window : ((left, right), (bottom, top))
        What is drawn; of a curve, bottom and top are values of the function.
    starts : (k, d) array
    mirrors : sequence of (sign, sign)
        Changes of sign that change neither the function nor, therefore, any path but for its signs.
    least : float
        L*.
    minimum : (d,) array
        θ*, the one that is marked; `minima` are all of them that are in the window.
    beta : float
        β; where there is none for the whole plane, the largest curvature at the minimum.
    smooth, convex : bool
        Whether β holds everywhere, and whether the function is convex.
    sigmas : sequence of float
        Standard deviations of the noise that may be added to a gradient; none with data.
    batches : sequence of int
    sigma2 : float or None
        With data, a σ² that holds at each point of the paths of plain descent.
    unit : float
        A length that is large in the picture: what rates of adaptive rules are measured in.
    axes : tuple of str
        Names of the parameters.
    own : (T + 1, d) array, optional
        The path of a run that is to be shown beside all others.
    """

    name: str
    title: Text
    note: Text
    objective: Objective
    value: Callable[[Vector], Vector]
    gradient: Callable[..., Vector]
    window: tuple[tuple[float, float], tuple[float, float]]
    starts: Vector
    least: float
    minimum: Vector
    beta: float
    smooth: bool = True
    convex: bool = True
    mirrors: Sequence[tuple[int, int]] = ((1, 1),)
    minima: Sequence[Sequence[float]] = ()
    sigmas: Sequence[float] = (0.0, 1.0, 2.0)
    batches: Sequence[int] = BATCHES
    rows: int | None = None
    unit: float = 1.0
    axes: tuple[str, ...] = ("x", "y")
    own: Vector | None = field(default=None, repr=False)

    @property
    def dimension(self) -> int:
        return int(self.starts.shape[1])

    def levels(self) -> list[tuple[float, int | None]]:
        """The kinds of gradients: (noise, None), or (0, batch size) with data; exact ones first."""
        if self.rows is not None:
            return [(0.0, None if b == self.rows else b) for b in self.batches]
        # The mean of n_B gradients with noise σ has noise σ/√n_B, of the same distribution.
        spread = {sigma / math.sqrt(b) for sigma in self.sigmas for b in self.batches}
        return [(sigma, None) for sigma in sorted(spread)]

    def sigma2(self, points: Vector) -> float | None:
        """The largest variance of one observation's gradient at these points; None without data."""
        if self.rows is None:
            return None
        return max(theory.variance(self.objective, one) for one in points)


def classics() -> list[Landscape]:
    """The functions of the course, from one parabola to a network and to real data."""
    return [
        _parabola(),
        _bowl("bowl", "x² + y²/2", (2.0, 1.0), {
            "en": "A mild valley: plain descent bends, and arrives.",
            "fr": "Une vallée douce : la descente simple s’incurve, et arrive.",
        }),
        _bowl("valley", "x² + 3y²", (2.0, 6.0), {
            "en": "A steeper valley: at rates above 1/β plain descent zigzags across it.",
            "fr": "Une vallée plus raide : au-delà de 1/β, la descente simple zigzague.",
        }),
        _rosenbrock(),
        _two_neurons(),
        of_data("breast-cancer", columns=("mean_texture", "mean_concave_points")),
    ]  # fmt: skip


def _parabola() -> Landscape:
    return Landscape(
        name="parabola",
        title={"en": "x²", "fr": "x²"},
        note={
            "en": "One parameter: the curve itself, and the points that a run visits on it.",
            "fr": "Un seul paramètre : la courbe elle-même, et les points visités.",
        },
        objective=Quadratic(np.array([[2.0]])),
        value=lambda P: P[:, 0] ** 2,
        gradient=lambda P, rows=None: 2 * P,
        window=((-2.4, 2.4), (-0.35, 5.6)),
        starts=np.array([[2.0], [1.5], [1.0], [0.5]]),
        mirrors=SIGNS[:2],
        least=0.0,
        minimum=np.zeros(1),
        beta=2.0,
        axes=("x",),
    )


def _bowl(name: str, title: str, curvature: tuple[float, float], note: Text) -> Landscape:
    curve = np.array(curvature)
    return Landscape(
        name=name,
        title={"en": title, "fr": title},
        note=note,
        objective=Quadratic(np.diag(curve)),
        value=lambda P: P**2 @ (curve / 2),
        gradient=lambda P, rows=None: P * curve,
        window=((-2.4, 2.4), (-2.4, 2.4)),
        starts=np.array([[2.0, 2.0], [2.0, 0.7], [0.7, 2.0], [0.7, 0.7]]),
        mirrors=SIGNS,
        least=0.0,
        minimum=np.zeros(2),
        beta=float(curve.max()),
    )


def _rosenbrock() -> Landscape:
    def value(P: Vector) -> Vector:
        x, y = P.T
        return (1 - x) ** 2 + 100 * (y - x * x) ** 2

    def gradient(P: Vector, rows: Any = None) -> Vector:
        x, y = P.T
        away = y - x * x
        return np.column_stack([-2 * (1 - x) - 400 * x * away, 200 * away])

    at_minimum = np.array([[802.0, -400.0], [-400.0, 200.0]])
    return Landscape(
        name="rosenbrock",
        title={"en": "Rosenbrock", "fr": "Rosenbrock"},
        note={
            "en": "(1−x)² + 100(y−x²)²: a bent valley with a flat floor. No β holds everywhere; "
            "1/β is that of the minimum.",
            "fr": "(1−x)² + 100(y−x²)² : une vallée courbe à fond plat. Aucun β ne vaut partout ; "
            "1/β est celui du minimum.",
        },
        objective=_function(value, gradient),
        value=value,
        gradient=gradient,
        window=((-1.9, 1.9), (-1.0, 2.8)),
        starts=np.array(
            [[-1.2, 1.0], [0.0, 2.2], [1.5, 0.0], [-0.2, -0.5], [1.6, 2.4]]
        ),
        least=0.0,
        minimum=np.ones(2),
        beta=float(np.linalg.eigvalsh(at_minimum)[-1]),
        smooth=False,
        convex=False,
        sigmas=(0.0, 20.0, 40.0),
    )  # fmt: skip


def _function(value: Callable[[Vector], Vector], gradient: Callable[..., Vector]) -> Function:
    return Function(
        value=lambda theta: float(value(theta[None])[0]),
        gradient=lambda theta: gradient(theta[None])[0],
        n_params=2,
    )


def _two_neurons() -> Landscape:
    """The course's two ReLU neurons, in the plane that holds θ1, θ2 and their midpoint."""

    # ŷ = v relu(ux) - v relu(-ux) = uvx, on D = {(-1, -1), (1, 1)}.
    def value(P: Vector) -> Vector:
        return (P[:, 0] * P[:, 1] - 1) ** 2

    def gradient(P: Vector, rows: Any = None) -> Vector:
        return 2 * (P[:, :1] * P[:, 1:] - 1) * P[:, ::-1]

    return Landscape(
        name="two-neurons",
        title={"en": "Two ReLU neurons", "fr": "Deux neurones ReLU"},
        note={
            "en": "w¹ = (u, −u), w² = (v, −v), no biases: L = 0 at θ1 = (1, 1) and at θ2 = (−1, "
            "−1), but 1 half way. Not convex; 1/β is that of the minima.",
            "fr": "w¹ = (u, −u), w² = (v, −v), sans biais : L = 0 en θ1 = (1, 1) et en θ2 = (−1, "
            "−1), mais 1 à mi-chemin. Non convexe ; 1/β est celui des minima.",
        },
        objective=_function(value, gradient),
        value=value,
        gradient=gradient,
        window=((-2.4, 2.4), (-2.4, 2.4)),
        starts=np.array([[0.1, 0.4], [2.0, 0.3], [0.5, 2.0], [2.0, 2.0], [1.4, -1.2]]),
        mirrors=(SIGNS[0], SIGNS[3]),
        least=0.0,
        minimum=np.ones(2),
        minima=((1.0, 1.0), (-1.0, -1.0)),
        beta=4.0,
        smooth=False,
        convex=False,
        axes=("u", "v"),
    )


def two_neuron_network() -> tuple[NeuralNetwork, Vector]:
    """The network itself, and E with θ = E (u, v): what `_two_neurons` is the plane of."""
    network = NeuralNetwork(
        np.array([[-1.0], [1.0]]), np.array([-1.0, 1.0]), hidden=(2,), activation="relu",
        loss="squared",
    )  # fmt: skip
    embed = np.zeros((network.n_params, 2))
    # One after the other: weights and biases of the hidden layer, then those of the output.
    embed[:2, 0] = embed[4:6, 1] = (1.0, -1.0)
    return network, embed


def of_data(
    data: Any,
    target: str | None = None,
    columns: Sequence[str] | None = None,
    positive: str | None = None,
) -> Landscape:
    """The loss of a linear model with two weights on real data.

    Parameters
    ----------
    data : str, path or Dataset
        As for `datasets.load`.
    target : str, optional
    columns : two names, optional
        By default the first two principal components of all columns.
    positive : str, optional
        Of more than two classes, the one that is told apart from all others.

    Returns
    -------
    Landscape
        Of a logistic loss for classes, of least squares otherwise (the target then has mean 0 and
        variance 1).

    Raises
    ------
    ValueError
        Columns that are not there, or not two; more than two classes and no `positive`.
    """
    if not isinstance(data, datasets.Dataset):
        data = datasets.load(data, target)
    X, axes = _two_columns(data, columns)
    y = data.y
    french, english = "moindres carrés", "least squares"
    if data.classes is None:
        spread = float(y.std()) or 1.0
        y = (y - y.mean()) / spread
        objective: LeastSquares | LogisticRegression = LeastSquares(X, y)
    else:
        y = _as_two_classes(data, positive)
        objective = LogisticRegression(X, y)
        french, english = "perte logistique", "logistic loss"
    return _linear(data.name, objective, axes, {"en": english, "fr": french})


def _two_columns(
    data: datasets.Dataset, columns: Sequence[str] | None
) -> tuple[Vector, tuple[str, ...]]:
    names = list(data.feature_names)
    if columns is not None:
        if len(columns) != 2 or columns[0] == columns[1]:
            raise ValueError(f"columns must be two different names, not {', '.join(columns)}")
        for one in columns:
            if one not in names:
                raise ValueError(
                    f"{data.name}: there is no column {one!r}; there are {', '.join(names)}"
                )
        chosen = [names.index(one) for one in columns]
        return np.ascontiguousarray(data.X[:, chosen]), tuple(columns)
    if len(names) < 2:
        raise ValueError(f"{data.name}: there is one column only, and two are drawn")
    if len(names) == 2:
        return data.X, tuple(names)
    centred = data.X - data.X.mean(axis=0)
    _, scales, directions = np.linalg.svd(centred, full_matrices=False)
    if scales[1] <= 1e-12 * scales[0]:
        raise ValueError(f"{data.name}: all columns say the same, and two directions are needed")
    parts = centred @ directions[:2].T
    return np.ascontiguousarray(parts / parts.std(axis=0)), ("PC1", "PC2")


def _as_two_classes(data: datasets.Dataset, positive: str | None) -> NDArray[Any]:
    labels = [str(one) for one in data.classes or ()]
    if positive is None:
        if len(labels) > 2:
            raise ValueError(
                f"{data.name}: target {data.target_name!r} has {len(labels)} classes; say which "
                f"one is told apart from the others: {', '.join(labels)}"
            )
        positive = labels[1]
    if positive not in labels:
        raise ValueError(
            f"{data.name}: there is no class {positive!r}; there are {', '.join(labels)}"
        )
    return (data.y == labels.index(positive)).astype(np.int64)


def _linear(
    name: str, objective: LeastSquares | LogisticRegression, axes: tuple[str, ...], loss: Text
) -> Landscape:
    X, y, n = objective.X, np.asarray(objective.y, dtype=np.float64), objective.n_samples
    squares = isinstance(objective, LeastSquares)

    def value(P: Vector) -> Vector:
        return np.array([objective.value(one) for one in P])

    def gradient(P: Vector, rows: Any = None) -> Vector:
        A, b = (X, y) if rows is None else (X[rows], y[rows])
        margins = P @ A.T
        slopes = 2 * (margins - b) if squares else _sigmoid(margins) - b
        return slopes @ A / len(b)

    best = theory.optimum(objective)
    if not squares and ((2 * y - 1) * (X @ best.theta)).min() > 0:
        raise ValueError(
            f"{name}: the two classes are told apart without error by {' and '.join(axes)}, so "
            "the loss has no minimum to be drawn; choose other columns"
        )
    x, y_ = best.theta
    half = 1.6 * max(float(np.abs(best.theta).max()), 1.0)
    window = tuple((float(c / 2 - half), float(c / 2 + half)) for c in (x, y_))
    corners = [[x / 2 + 0.75 * half * i, y_ / 2 + 0.75 * half * j] for i, j in SIGNS]
    starts = np.array([[0.0, 0.0], *corners, [x / 2 - 0.75 * half, y_]])
    batches = [n, *(b for b in (64, 8, 1) if b < n)]
    title = {key: f"{name} ({text})" for key, text in loss.items()}
    return Landscape(
        name=name,
        title=title,
        note={
            "en": f"{n} observations, two weights: of {axes[0]} and of {axes[1]}. Noise comes "
            "from the draw of the batch.",
            "fr": f"{n} observations, deux poids : de {axes[0]} et de {axes[1]}. Le bruit vient "
            "du tirage du lot.",
        },
        objective=objective,
        value=value,
        gradient=gradient,
        window=window,  # type: ignore[arg-type]
        starts=starts,
        least=best.loss,
        minimum=best.theta,
        beta=float(objective.smoothness() or 1.0),
        sigmas=(0.0,),
        batches=batches,
        rows=n,
        unit=half / 2.4,
        axes=tuple(f"w: {one}" for one in axes),
    )


def _sigmoid(z: Vector) -> Vector:
    # exp of what is never positive cannot overflow.
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


def of_objective(objective: Objective, path: Vector, name: str = "") -> Landscape:
    """Any objective in the plane in which a run moved most.

    With one or two parameters that is all of it. With more, the plane goes through the last point
    of the path, along the two principal directions of the path (Li et al. 2018, Visualizing the
    Loss Landscape of Neural Nets); what is descended is the objective on that plane.
    """
    d = min(objective.n_params, 2)
    if objective.n_params <= 2:
        origin, embed = np.zeros(objective.n_params), np.eye(objective.n_params)
    else:
        origin = path[-1]
        directions = np.linalg.svd(path - origin, full_matrices=False)[2]
        embed = directions[:2].T
    flat = (path - origin) @ embed

    def value(P: Vector) -> Vector:
        return np.array([objective.value(origin + embed @ one) for one in P])

    def gradient(P: Vector, rows: Any = None) -> Vector:
        return np.array([embed.T @ objective.gradient(origin + embed @ one, rows) for one in P])

    plane = Function(
        lambda p: float(value(p[None])[0]), lambda p: gradient(p[None])[0], n_params=d,
        smoothness=objective.smoothness(), convex=objective.convex,
    )  # fmt: skip
    best = theory.optimum(plane, flat[-1])
    points = np.vstack([flat, best.theta])
    low, high = points.min(axis=0), points.max(axis=0)
    half = 0.75 * float((high - low).max()) or 1.0
    centre = (low + high) / 2
    if d == 2:
        window = tuple((float(c - half), float(c + half)) for c in centre)
        others = [centre + half * 0.75 * np.array(one) for one in SIGNS]
    else:
        x = np.linspace(centre[0] - half, centre[0] + half, 101)[:, None]
        seen = value(x)
        margin = 0.06 * float(np.ptp(seen)) or 1.0
        window = ((float(x[0, 0]), float(x[-1, 0])),
                  (float(seen.min() - margin), float(seen.max() + margin)))  # fmt: skip
        others = [centre + half * 0.75, centre - half * 0.75]
    beta = objective.smoothness()
    title = name or type(objective).__name__
    return Landscape(
        name=title.lower(),
        title={"en": title, "fr": title},
        note={
            "en": "Your run, dotted, beside others on the same function"
            + ("." if objective.n_params <= 2 else ", in the plane where your run moved most."),
            "fr": "Votre exécution, en pointillé, à côté d’autres sur la même fonction"
            + ("." if objective.n_params <= 2 else ", dans le plan où elle a le plus bougé."),
        },
        objective=plane,
        value=value,
        gradient=gradient,
        window=window,  # type: ignore[arg-type]
        starts=np.array([flat[0], *others]),
        least=best.loss,
        minimum=best.theta,
        beta=beta or _curvature(gradient, best.theta),
        smooth=beta is not None,
        convex=objective.convex is True,
        sigmas=(0.0,),
        batches=(1,),
        unit=half / 2.4,
        axes=(("θ",) if d == 1 else ("θ₁", "θ₂") if objective.n_params == 2 else ("PC1", "PC2")),
        own=flat,
    )


def _curvature(gradient: Callable[..., Vector], at: Vector) -> float:
    """The largest curvature at a point, by differences; 1 where it is flat."""
    h = 1e-4 * max(1.0, float(np.abs(at).max()))
    steps = h * np.eye(len(at))
    hessian = (gradient(at + steps) - gradient(at - steps)) / (2 * h)
    largest = float(np.abs(np.linalg.eigvalsh((hessian + hessian.T) / 2)).max())
    return largest if largest > 0 and math.isfinite(largest) else 1.0
