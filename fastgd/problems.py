"""A fixed suite of named problems, on which optimizers are compared.

A problem is what is minimised, how its outcome is judged, and how long a run may be. Its data is
read and split when it is asked for by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
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
    Data sets are split at random, always in the same way: 60 % to train on, 20 % for validation,
    20 % for the test, standardised by the training part; losses are compared without any penalty.

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
    def make(name: str) -> Problem:
        rest, test = datasets.load(data, target).split(0.2, SPLIT_SEED)
        fit, validation = rest.split(0.25, SPLIT_SEED)
        # The test rows once more, by the mean and scale of the part that is trained on.
        X_test = (test.X * test.scale + test.mean - fit.mean) / fit.scale
        pairs = (fit, (validation.X, validation.y), (X_test, test.y))
        y_mean, y_scale = 0.0, 1.0
        if fit.classes is None:
            y_mean, y_scale = float(fit.y.mean()), float(fit.y.std())
        parts = [
            kind(X, y if fit.classes else (y - y_mean) / y_scale, **options)  # type: ignore[call-arg]
            for X, y in pairs
        ]
        train, validating, testing = parts
        return Problem(name, train, validating, testing, batch_size=32, steps=steps)

    return make


def _quadratic(condition: float) -> Callable[[str], Problem]:
    def make(name: str) -> Problem:
        f = Quadratic(np.diag(np.geomspace(1.0 / condition, 1.0, 50)))
        return Problem(name, f, f, f, theta0=np.ones(50))

    return make


def _noisy_quadratic(name: str) -> Problem:
    # Targets of pure noise: the expected loss is θᵀAθ beyond a constant, and 0 is its minimiser.
    generator = np.random.default_rng(SPLIT_SEED)
    eigenvalues = np.geomspace(1e-3, 1.0, 20)
    X = generator.normal(size=(4096, 20)) * np.sqrt(eigenvalues)
    train = LeastSquares(X, generator.normal(size=4096))
    expected = Quadratic(np.diag(2.0 * eigenvalues))
    return Problem(name, train, expected, expected, batch_size=8, theta0=np.ones(20))


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
}
