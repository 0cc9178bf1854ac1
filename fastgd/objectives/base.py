"""The base of all objectives, and that of those over observations with targets."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastgd import checks, losses, penalties
from fastgd.checks import as_matrix, as_vector, as_weights
from fastgd.core import objective, solver
from fastgd.core import penalties as compiled_penalties
from fastgd.losses import Loss
from fastgd.penalties import L2, Penalty

__all__ = ["Objective", "Supervised", "Vector", "changed", "registry", "row_weights"]

Vector = NDArray[np.float64]

registry: dict[str, type["Objective"]] = {}


class Objective:
    """Base of all objectives: L(θ), its gradient, its smoothness.

    A subclass sets `n_params`, `n_samples` and `convex`, and writes `compiled`, which makes the
    object of the core that computes it.
    """

    n_params: int
    n_samples: int | None
    convex: ClassVar[bool | None] = None
    penalty: Penalty | None = None
    # Makes the way of stepping of a run; `General` takes any objective.
    stepping: ClassVar[Callable[..., solver.Solver]] = solver.General

    def __init_subclass__(cls, registered: bool = True, **options: Any) -> None:
        super().__init_subclass__(**options)
        # The base of a family is none itself.
        if registered and not cls.__name__.startswith("_"):
            registry[cls.__name__] = cls

    def compiled(self) -> objective.Objective:
        """A new object of the core for one run: it owns scratch memory and shares the data."""
        raise NotImplementedError(f"{type(self).__name__} does not define compiled()")

    def solver(self, core: Any, update: Any, sampler: Any, theta: Vector) -> solver.Solver:
        """One run's way of stepping, from `theta`: the optimizer's own, or else `stepping`, which
        an objective with a faster way overrides.

        Parameters
        ----------
        core : the object of the core that `compiled` made for the run
        update : the state of the optimizer
        sampler : the sampler of the core
        theta : (n_params,) float64, copied
        """
        way = update.optimizer.solver or type(self).stepping
        found: solver.Solver = way(core, update, sampler, theta)
        return found

    @property
    def l2(self) -> float:
        """λ of the l2 penalty; 0 where there is none or another one."""
        return self.penalty.l2 if isinstance(self.penalty, L2) else 0.0

    def _freeze(self) -> None:
        # What is known of an objective (β, above all) is known of it as it was made.
        self.__dict__["_frozen"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if "_frozen" in self.__dict__ and not name.startswith("_"):
            raise AttributeError(
                f"{type(self).__name__}.{name} cannot be changed: what is known of an objective "
                "is known of it as it was made, so make another one"
            )
        super().__setattr__(name, value)

    def lend(self) -> Any:
        """A compiled object that nobody else uses until it is taken back; threads get one each."""
        try:
            return self.__dict__.setdefault("_spare", []).pop()
        except IndexError:
            return self.compiled()

    def take_back(self, core: Any) -> None:
        """The end of a loan. What an exception has left behind is not to be taken back."""
        self.__dict__.setdefault("_spare", []).append(core)

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Any]:
        """A compiled object that nobody else uses meanwhile, for a block of code."""
        core = self.lend()
        yield core
        self.take_back(core)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_spare"}

    def value(self, theta: Any, indices: Any = None) -> float:
        """L(θ), with the l2 term.

        Parameters
        ----------
        theta : (n_params,) array
        indices : (m,) integers in [0, n_samples), optional
            The observations to average over, repeats counted; all of them by default.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError, IndexError
            θ of another shape, not real or not finite; indices that are not integers or out of
            range; indices for an objective without observations.
        """
        return self._evaluate(theta, indices, True, False)[0]

    def gradient(self, theta: Any, indices: Any = None) -> Vector:
        """∇L(θ), with the l2 term, a new vector. Parameters and errors as for `value`."""
        return self._evaluate(theta, indices, False, True)[1]

    def value_and_gradient(self, theta: Any, indices: Any = None) -> tuple[float, Vector]:
        """L(θ) and ∇L(θ). Parameters and errors as for `value`."""
        return self._evaluate(theta, indices, True, True)

    def sample_gradients(self, theta: Any, indices: Any = None) -> Vector:
        """∇ℓ_i(θ) for each observation i, without the l2 term: (m, n_params).

        Parameters and errors as for `value`.
        """
        theta, indices = self._check(theta, indices)
        with self.borrow() as core:
            return core.sample_gradients(theta, indices)

    def _check(self, theta: Any, indices: Any) -> tuple[Vector, NDArray[np.int64] | None]:
        theta = as_vector("theta", theta, self.n_params)
        if indices is None:
            return theta, None
        if self.n_samples is None:
            raise ValueError(f"{type(self).__name__} has no observations to index")
        given = np.asarray(indices)
        if given.dtype.kind not in "iu" or given.ndim != 1:
            raise TypeError(
                f"indices must be a vector of integers, not {given.dtype} of shape {given.shape}"
            )
        return theta, np.ascontiguousarray(given, dtype=np.int64)

    def _evaluate(self, theta: Any, indices: Any, value: bool, gradient: bool) -> Any:
        theta, indices = self._check(theta, indices)
        with self.borrow() as core:
            return core.evaluate(theta, indices, value, gradient)

    def initial_point(self, seed: Any = 0) -> Vector:
        """A starting point: zeros, where nothing speaks for another (networks draw theirs)."""
        return np.zeros(self.n_params)

    def smoothness(self) -> float | None:
        """β, the least known Lipschitz constant of ∇L, never below the true one, or None."""
        return None


class Supervised(Objective, registered=False):
    """Base of the objectives over observations x_i with targets y_i: checks both, keeps them.

    X that is C-contiguous and of a dtype in `kept` is used in place, never copied; anything else
    exact in float64 is converted once.
    """

    kept: ClassVar[tuple[Any, ...]] = (np.float64, np.float32)
    n_samples: int

    def __init__(
        self,
        X: Any,
        y: Any,
        loss: Any,
        l2: Any = 0.0,
        penalty: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> None:
        self.loss: Loss = losses.as_loss(loss)
        names = checks.column_names(X)
        self.feature_names = None if names is None else tuple(names)
        self.X = as_matrix("X", X, self.kept)
        self.n_samples, self.n_features = self.X.shape
        self.y = _targets(y, self.n_samples)
        self.n_outputs = self.loss.targets(self.y)
        self.penalty = penalties.as_penalty_term(l2, penalty)
        weights = as_weights(sample_weight, class_weight, self.y, self.loss.task)
        self._balanced = isinstance(class_weight, str)
        self.sample_weight: Vector | None = weights
        # A solver's own: with mean 1, so that a mean over rows is the weighted mean.
        self._row_weights = None if weights is None else weights * (len(weights) / weights.sum())

    def _ingredients(self) -> tuple[Any, Vector, Any, Vector | None]:
        """What the compiled objectives take: X, y in one row, the penalty, the weights."""
        return (
            self.X,
            self.y.reshape(-1),
            compiled_penalties.make(self.penalty),
            self._row_weights,
        )

    def margins(self, theta: Any, X: Any) -> Vector:
        """What the loss is applied to, for each row of X: (m, n_outputs)."""
        theta = as_vector("theta", theta, self.n_params)
        X = self._rows(X)
        with self.borrow() as core:
            return core.margins(theta, X)

    def _rows(self, X: Any, look: bool = True) -> Any:
        X = as_matrix("X", X, self.kept, look)
        if X.shape[1] != self.n_features:
            raise ValueError(f"X has {X.shape[1]} columns, the model has {self.n_features}")
        return X

    def predict(self, theta: Any, X: Any) -> NDArray[Any]:
        """What the margins of each row of X predict: numbers, or classes in int64: (m,)."""
        return self.loss.predict(self.margins(theta, X))

    def predict_proba(self, theta: Any, X: Any) -> Vector:
        """Of class 1: (m,); of each class for the softmax loss: (m, K).

        Raises ValueError for losses without probabilities, beside what `predict` raises.
        """
        return self.loss.probabilities(self.margins(theta, X))

    def _options(self) -> str:
        """Penalty and weights, as the end of a repr."""
        text = ""
        if self.penalty is None or isinstance(self.penalty, L2):
            text += f", l2={self.l2:g}"
        else:
            text += f", penalty={self.penalty!r}"
        return text + ("" if self.sample_weight is None else ", sample_weight=...")


def _targets(y: Any, n_samples: int) -> Vector:
    """y as (n,) float64, or (n, K) for K outputs."""
    given = np.asarray(y) if not hasattr(y, "tocsr") else y
    if getattr(given, "ndim", 1) == 2 and given.shape[1] > 1 and given.shape[0] == n_samples:
        return as_matrix("y", given, (np.float64,))
    return as_vector("y", y, n_samples, what="observation of X")


def changed(objective: Any, **known: Any) -> Any:
    """The same over other rows, with what its attributes are there; made without its checks."""
    twin = copy.copy(objective)
    # What is known of an objective was found out over all its rows.
    twin.__dict__.pop("_spare", None)
    twin.__dict__.update({"_smoothness": None, **known})
    return twin


def row_weights(objective: Any) -> Vector:
    """w̃_i = n w_i/Σw: (n,)."""
    weights = objective._row_weights
    return np.ones(objective.n_samples) if weights is None else weights
