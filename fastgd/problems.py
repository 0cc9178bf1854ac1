"""A fixed suite of named problems, on which optimizers are compared.

A problem is what is minimised, how its outcome is judged, and how long a run may be. Its data is
read and split when it is asked for by name.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from fastgd import datasets
from fastgd.objectives import (
    Function,
    LeastSquares,
    LogisticRegression,
    NeuralNetwork,
    Objective,
    Quadratic,
    SoftmaxRegression,
)

__all__ = ["Problem", "get", "names"]

SPLIT_SEED = 0

Parts = tuple[Objective, Objective, Objective]


@dataclass(frozen=True)
class Problem:
    """What is minimised, and what a result is judged by.

    Parameters
    ----------
    name : str
    train : Objective
        What a run minimises.
    validation, test : Objective, default that of `train`
        Of the same θ: the loss by which settings are chosen, and the one that is reported.
    batch_size : int, optional
        Observations a step; all of them by default.
    steps : int, default 1000
        Length of a run.
    theta0 : (n_params,) array, optional
        Where every run starts; by default the objective's own point, drawn anew for each seed.
    split : callable, optional
        Takes a number and returns train, validation and test on another random split of the data,
        so that a comparison can tell what it has found from the luck of one split.

    Examples
    --------
    >>> f = gd.Quadratic(np.diag([1.0, 10.0]), [1.0, 1.0])
    >>> mine = gd.problems.Problem("mine", f, steps=100)
    >>> mine.test is f
    True
    """

    name: str
    train: Objective
    validation: Objective = None  # type: ignore[assignment]
    test: Objective = None  # type: ignore[assignment]
    batch_size: int | None = None
    steps: int = 1000
    theta0: Any = None
    split: Callable[[int], Parts] | None = None

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            one = getattr(self, name)
            if one is None and name != "train":
                object.__setattr__(self, name, self.train)
            elif not isinstance(one, Objective):
                raise TypeError(f"{self.name}: {name} must be an Objective, not {one!r}")
        sizes = {one.n_params for one in (self.train, self.validation, self.test)}
        if len(sizes) != 1:
            raise ValueError(
                f"{self.name}: train, validation and test must have the same parameters, and have "
                f"{sorted(sizes)} of them"
            )

    def drawn(self, number: int) -> "Problem":
        """The same problem on another split of its data; itself where it has none.

        Examples
        --------
        >>> problem = gd.problems.get("penguins-least-squares")
        >>> other = problem.drawn(1)
        >>> other.name == problem.name, bool(other.train.y[0] == problem.train.y[0])
        (True, False)
        """
        if self.split is None:
            return self
        train, validation, test = self.split(number)
        return replace(self, train=train, validation=validation, test=test)


def names() -> list[str]:
    """The names of the suite.

    Examples
    --------
    >>> "rosenbrock" in gd.problems.names()
    True
    """
    return list(_suite)


def get(name: str) -> Problem:
    """The problem of that name.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Problem

    Raises
    ------
    ValueError
        There is none of that name.

    Notes
    -----
    Data sets are split at random, always in the same way (`Problem.drawn` splits them anew): 60 %
    to train on, 20 % for validation, 20 % for the test, standardised by the training part; losses
    are compared without any penalty. The deep networks have three, four and six hidden layers.

    Examples
    --------
    >>> problem = gd.problems.get("digits-softmax")
    >>> problem.train.n_samples, problem.validation.n_samples, problem.test.n_samples
    (1078, 360, 359)
    """
    if name not in _suite:
        raise ValueError(f"there is no problem {name!r}; there are {', '.join(_suite)}")
    return _suite[name](name)


def _of_data(
    kind: type[Objective], data: str, target: str | None = None, steps: int = 1000, **options: Any
) -> Callable[[str], Problem]:
    split = partial(_data_parts, kind, data, target, options)
    return partial(_made, split, steps=steps)


def _made(split: Callable[[int], Parts], name: str, steps: int = 1000) -> Problem:
    return Problem(name, *split(SPLIT_SEED), batch_size=32, steps=steps, split=split)


def _data_parts(
    kind: type[Objective], data: str, target: str | None, options: dict[str, Any], seed: int
) -> Parts:
    rest, test = datasets.load(data, target).split(0.2, seed)
    fit, validation = rest.split(0.25, seed)
    # The test rows once more, by the mean and scale of the part that is trained on.
    X_test = (test.X * test.scale + test.mean - fit.mean) / fit.scale
    pairs = (fit, (validation.X, validation.y), (X_test, test.y))
    y_mean, y_scale = 0.0, 1.0
    if fit.classes is None:
        y_mean, y_scale = float(fit.y.mean()), float(fit.y.std())
    train, validating, testing = (
        kind(X, y if fit.classes else (y - y_mean) / y_scale, **options)  # type: ignore[call-arg]
        for X, y in pairs
    )
    return train, validating, testing


def _of_draws(
    draw: Callable[[np.random.Generator, int], tuple[Any, Any]],
    kind: Callable[..., Objective],
    rows: int = 400,
    **options: Any,
) -> Callable[[str], Problem]:
    """A problem whose data is drawn: another split is another draw."""
    return partial(_made, partial(_drawn_parts, draw, kind, rows, options))


def _drawn_parts(
    draw: Callable[[np.random.Generator, int], tuple[Any, Any]],
    kind: Callable[..., Objective],
    rows: int,
    options: dict[str, Any],
    seed: int,
) -> Parts:
    generator = np.random.default_rng([SPLIT_SEED, seed])
    parts = [kind(*draw(generator, n), **options) for n in (rows, 1000, 1000)]
    return parts[0], parts[1], parts[2]


def _spirals(generator: np.random.Generator, n: int) -> tuple[Any, Any]:
    """Two spirals of one turn and a half about each other (Lang and Witbrock 1988)."""
    side = generator.integers(2, size=n)
    turn = 3.0 * np.pi * np.sqrt(generator.uniform(0.03, 1.0, size=n))
    angle = turn + np.pi * side
    X = np.column_stack((np.cos(angle), np.sin(angle))) * (turn / np.pi)[:, None] / 1.5
    return X + generator.normal(scale=0.08, size=X.shape), side


def _teacher(generator: np.random.Generator, n: int) -> tuple[Any, Any]:
    """What another network of ReLUs says of random points, and noise."""
    fixed = np.random.default_rng(SPLIT_SEED)
    X = generator.normal(size=(n, 8))
    layer, last = fixed.normal(size=(8, 6)) / np.sqrt(8.0), fixed.normal(size=6)
    y = np.maximum(X @ layer + fixed.normal(size=6) / 2, 0.0) @ last
    return X, (y - y.mean()) / y.std() + generator.normal(scale=0.1, size=n)


def _uneven(generator: np.random.Generator, n: int) -> tuple[Any, Any]:
    """Two classes whose 20 features have scales three orders of magnitude apart."""
    X = generator.normal(size=(n, 20))
    margin = 2.0 * X @ np.cos(np.arange(20.0))
    y = generator.uniform(size=n) < 1.0 / (1.0 + np.exp(-margin))
    return X * np.geomspace(0.03, 10.0, 20), y.astype(np.int64)


def _rare(generator: np.random.Generator, n: int) -> tuple[Any, Any]:
    """Two classes told apart by features of which most are seldom there, as words in a text."""
    often = 0.5 / np.arange(1.0, 101.0) ** 0.8
    X = (generator.uniform(size=(n, 100)) < often).astype(float)
    weight = 3.0 * np.cos(3.0 * np.arange(100.0))
    y = generator.uniform(size=n) < 1.0 / (1.0 + np.exp(-(X @ weight)))
    return X, y.astype(np.int64)


def _quadratic(condition: float) -> Callable[[str], Problem]:
    def make(name: str) -> Problem:
        f = Quadratic(np.diag(np.geomspace(1.0 / condition, 1.0, 50)))
        return Problem(name, f, f, f, theta0=np.ones(50))

    return make


def _noisy_quadratic(name: str) -> Problem:
    parts = _noisy_parts(SPLIT_SEED)
    return Problem(name, *parts, batch_size=8, theta0=np.ones(20), split=_noisy_parts)


def _noisy_parts(seed: int) -> Parts:
    # Targets of pure noise: the expected loss is θᵀAθ beyond a constant, and 0 is its minimiser.
    generator = np.random.default_rng(seed)
    eigenvalues = np.geomspace(1e-3, 1.0, 20)
    X = generator.normal(size=(4096, 20)) * np.sqrt(eigenvalues)
    train = LeastSquares(X, generator.normal(size=4096))
    expected = Quadratic(np.diag(2.0 * eigenvalues))
    return train, expected, expected


def _rosenbrock(name: str) -> Problem:
    f = Function(_rosenbrock_value, _rosenbrock_gradient, 2)
    return Problem(name, f, f, f, theta0=np.array([-1.2, 1.0]))


# At the top of the module, so that the problem can be pickled.
def _rosenbrock_value(theta: Any) -> float:
    x, y = map(float, theta)
    return (1.0 - x) * (1.0 - x) + 100.0 * (y - x * x) * (y - x * x)


def _rosenbrock_gradient(theta: Any) -> Any:
    x, y = map(float, theta)
    away = y - x * x
    return np.array([-2.0 * (1.0 - x) - 400.0 * x * away, 200.0 * away])


_suite: dict[str, Callable[[str], Problem]] = {
    "breast-cancer-logistic": _of_data(LogisticRegression, "breast-cancer", fit_intercept=True),
    "digits-softmax": _of_data(SoftmaxRegression, "digits", fit_intercept=True),
    "penguins-least-squares": _of_data(LeastSquares, "penguins", "body_mass_g", fit_intercept=True),
    "breast-cancer-network": _of_data(NeuralNetwork, "breast-cancer", hidden=(16,)),
    "digits-network": _of_data(NeuralNetwork, "digits", hidden=(32,), loss="softmax"),
    "penguins-network": _of_data(
        NeuralNetwork, "penguins", "body_mass_g", hidden=(16, 16), loss="squared"
    ),
    "quadratic-1e2": _quadratic(1e2),
    "quadratic-1e4": _quadratic(1e4),
    "noisy-quadratic": _noisy_quadratic,
    "rosenbrock": _rosenbrock,
    "uneven-logistic": _of_draws(_uneven, LogisticRegression, fit_intercept=True),
    "rare-logistic": _of_draws(_rare, LogisticRegression, rows=1000, fit_intercept=True),
    "spirals-deep": _of_draws(_spirals, NeuralNetwork, hidden=(12,) * 3),
    "teacher-deep": _of_draws(_teacher, NeuralNetwork, hidden=(12,) * 4, loss="squared"),
    "digits-deep": _of_data(
        NeuralNetwork, "digits", steps=500, hidden=(16,) * 6, loss="softmax", activation="tanh"
    ),
}
