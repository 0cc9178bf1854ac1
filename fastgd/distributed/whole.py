"""The objective over the rows of all ranks: what a run on many machines minimises."""

import hashlib
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import checkpoint as files
from fastgd.arguments import checked_records
from fastgd.callbacks import Callback
from fastgd.checks import as_count
from fastgd.core.spread import SpreadObjective
from fastgd.distributed.local import LocalSteps
from fastgd.distributed.ranks import Ranks, ranks_of
from fastgd.distributed.rows import cuts, parts_of
from fastgd.objectives import Function, LinearModel, Objective, changed, spectrum
from fastgd.optimizers.reduced import Reduced

__all__ = ["whole"]

Vector = NDArray[np.float64]


def whole(objective: Objective, comm: Any = None, reproducible: bool | int = True) -> Objective:
    r"""The objective over the rows of all ranks: its value and gradient are asked by all together.

    .. math:: F(θ) = \frac{1}{n} \sum_r \sum_{i \in \text{rank } r} ℓ_i(θ) + Ω(θ)

    `minimize` with ``comm=`` makes it by itself; its result's `objective` is one.

    Parameters
    ----------
    objective : Objective
        Over this rank's rows; of the same kind, width and dtype on all ranks.
    comm : communicator, optional
        As for `rows`.
    reproducible : bool or int, default True
        As for `minimize`.

    Returns
    -------
    Objective

    Raises
    ------
    TypeError, ValueError
        Ranks whose data do not fit together, on all ranks, naming one that differs; an objective
        without observations.

    Examples
    --------
    >>> from fastgd.core.spread import Alone
    >>> f = gd.LeastSquares([[1.0], [2.0]], [1.0, 3.0])
    >>> gd.distributed.whole(f, Alone()).value([1.0])
    0.5
    """
    ranks = ranks_of(comm)
    return Whole(ranks.together(lambda: _own(objective)), ranks, reproducible)


class Whole(Objective, registered=False):
    """What `whole` makes."""

    n_samples: int

    def __init__(self, objective: Any, ranks: Ranks, reproducible: Any) -> None:
        facts = ranks.together(lambda: _facts(objective))
        expected = ranks.share(facts)
        ranks.together(lambda: _compare(facts, expected))
        known = ranks.gather(objective.n_samples, getattr(objective, "n_outputs", 1))
        objective = _with_outputs(objective, int(known[:, 1].max()))
        ranks.together(lambda: _compare_width(objective, ranks.share(objective.n_params)))
        self._ranks = ranks
        self.comm = ranks.comm
        self._local_sgd: dict[str, Any] | None = None
        self._ordered = reproducible is not False
        begins = np.concatenate([[0], np.cumsum(known[:, 0])]).astype(np.int64)
        inner = cuts(int(begins[-1]), parts_of(reproducible)) if self._ordered else []
        self._bounds = np.unique(np.concatenate([begins, np.array(inner, dtype=np.int64)]))
        self._owners = np.searchsorted(begins, self._bounds[:-1], side="right") - 1
        mine = self._bounds[:-1][self._owners == ranks.rank] - begins[ranks.rank]
        self._starts = [*mine.tolist(), objective.n_samples]
        self._begin = int(begins[ranks.rank])
        self.n_samples, self.n_params = int(begins[-1]), objective.n_params
        self.penalty, self.convex = objective.penalty, objective.convex  # type: ignore[misc]
        weights = getattr(objective, "sample_weight", None)
        if weights is not None:
            sums = [np.array([weights[a:b].sum()]) for a, b in self._own_parts()]
            total = float(ranks.sum_in_order(sums, np.zeros(1))[0])
            objective = changed(objective, _row_weights=weights * (self.n_samples / total))
        self._local = objective
        self._smoothness: float | None = None
        self.description = repr(changed(objective, n_samples=self.n_samples))
        self._freeze()

    def __getattr__(self, name: str) -> Any:
        # What does not depend on the rows is what each rank's own objective says.
        if name in _OF_ANY_ROWS:
            return getattr(self._local, name)
        raise AttributeError(f"the objective over the rows of all ranks has no {name!r}")

    @property
    def local(self) -> Objective:
        """That over this rank's own rows."""
        local: Objective = self._local
        return local

    def _check_batch(self, batch_size: Any) -> None:
        n = self._local.n_samples
        if batch_size is not None and as_count("batch_size", batch_size) > n:
            raise ValueError(f"batch_size is {batch_size}, but this rank has only {n} observations")

    def _own_parts(self) -> list[tuple[int, int]]:
        return list(zip(self._starts[:-1], self._starts[1:], strict=True))

    def solver(self, core: Any, update: Any, sampler: Any, theta: Vector) -> Any:
        """One run's way of stepping: the same steps on all ranks, or local SGD."""
        if self._local_sgd is None:
            return super().solver(core, update, sampler, theta)
        return LocalSteps(self._local, core, update, theta, self._ranks, **self._local_sgd)

    def compiled(self) -> SpreadObjective:
        return SpreadObjective(
            self._local.compiled(), self._ranks.carrier, self._bounds, self._owners, self._ordered,
            self._ranks.blame,
        )  # fmt: skip

    def initial_point(self, seed: Any = 0) -> Vector:
        return self._local.initial_point(seed)

    def sample_gradients(self, theta: Any, indices: Any = None) -> Vector:
        theta, indices = self._check(theta, indices)
        indices = np.arange(self.n_samples) if indices is None else indices
        if indices.size and not 0 <= indices.min() <= indices.max() < self.n_samples:
            raise IndexError(f"indices must be in [0, {self.n_samples})")
        found = np.zeros((len(indices), self.n_params))
        own = (indices >= self._begin) & (indices < self._begin + self._local.n_samples)
        if own.any():
            found[own] = self._local.sample_gradients(theta, indices[own] - self._begin)
        self._ranks.carrier.allreduce(found.reshape(-1))
        return found

    def smoothness(self) -> float | None:
        """β over the rows of all ranks, as for their objective; asked by all together."""
        local = self._local
        if not isinstance(local, LinearModel):
            return local.smoothness()
        if local.loss.curvature is None:
            return None
        if self._smoothness is None:
            beta = local.loss.curvature * self._largest_eigenvalue() / self.n_samples
            if not math.isfinite(beta):
                raise ValueError("β leaves float64: divide X by its largest entry")
            added = local.penalty.curvature if local.penalty is not None and local.l2 else 0.0
            self._smoothness = beta + added
        return self._smoothness

    def sample_smoothness(self) -> float | None:
        """L_max over the rows of all ranks; asked by all together."""
        if not isinstance(self._local, LinearModel):
            raise ValueError(f"{self.description} is no linear model: its L_max is not known")
        found = self._local.sample_smoothness()
        return None if found is None else float(self._ranks.gather(found).max())

    def gram(self) -> Vector:
        """As that of a linear model, over the rows of all ranks; asked by all together."""
        local = self._local
        X, weights, intercept = local.X, local._row_weights, local.fit_intercept
        grams = [
            spectrum.gram_matrix(X[a:b], intercept, None if weights is None else weights[a:b])
            for a, b in self._own_parts()
        ]
        width = local.n_features + intercept
        found: Vector = self._ranks.sum_in_order(grams, np.zeros((width, width)))
        return found

    def means(self, sums: Callable[[Any], tuple[float, ...]]) -> Vector:
        """What a function of an objective adds up over its rows, as means over all rows."""
        found: Vector = self._ranks.gather(*sums(self._local)).sum(axis=0) / self.n_samples
        return found

    def _largest_eigenvalue(self) -> float:
        local, parts = self._local, self._own_parts()
        X, weights, intercept = local.X, local._row_weights, local.fit_intercept
        width = local.n_features + intercept

        def of(start: int, stop: int) -> tuple[Any, Any]:
            return X[start:stop], None if weights is None else weights[start:stop]

        if width <= spectrum.EXACT_WIDTH:
            from scipy.linalg import eigvalsh

            top = float(eigvalsh(self.gram(), subset_by_index=[width - 1, width - 1])[0])
            return top * (1 + 1e-12)

        from scipy.sparse.linalg import LinearOperator, eigsh

        def product(v: Vector) -> Vector:
            v, found = np.ravel(v), []
            for own in parts:
                block, factors = of(*own)
                margins = block @ v[: local.n_features] + (v[-1] if intercept else 0.0)
                margins = margins if factors is None else factors * margins
                back = block.T @ margins
                found.append(np.append(back, margins.sum()) if intercept else back)
            total: Vector = self._ranks.sum_in_order(found, np.zeros(width))
            return total

        operator = LinearOperator((width, width), matvec=product, dtype=np.float64)
        start = np.random.default_rng(0).standard_normal(width)
        found = eigsh(operator, k=1, which="LA", v0=start, tol=1e-10, return_eigenvectors=False)
        return float(found[0]) * (1 + 1e-8)

    def __copy__(self) -> "Whole":
        twin = object.__new__(Whole)
        twin.__dict__.update(self.__dict__)
        return twin

    def __getstate__(self) -> Any:
        raise TypeError("an objective over many ranks cannot be pickled: pickle r.model instead")

    def __repr__(self) -> str:
        return f"{self.description} on {self._ranks.size} ranks"


_OF_ANY_ROWS = (
    "loss", "fit_intercept", "n_features", "n_outputs", "feature_names", "activation", "hidden",
    "sizes", "shapes", "scale", "layers", "summary", "margins", "predict", "predict_proba",
)  # fmt: skip


def _own(objective: Any) -> Any:
    """This rank's own of an objective over all ranks, and any other as it is."""
    if isinstance(objective, Whole):
        if objective._local_sgd is not None:
            raise ValueError(
                "a run of local SGD cannot be gone on with: the ranks have draws of their own"
            )
        return objective.local
    return objective


def _facts(objective: Any) -> dict[str, Any]:
    """What must be the same on all ranks, in words."""
    if not isinstance(objective, Objective):
        raise TypeError(f"objective must be an Objective, not {objective!r}")
    if objective.n_samples is None:
        raise ValueError(
            f"{type(objective).__name__} has no observations that ranks could share: run it on one"
        )
    if getattr(objective, "_balanced", False):
        raise ValueError(
            'class_weight="balanced" has counted the classes of this rank alone: give the weights '
            "of the classes as a dict"
        )
    facts: dict[str, Any] = {"the objective": type(objective).__name__}
    X = getattr(objective, "X", None)
    if X is not None:
        facts["the number of columns of X"] = X.shape[1]
        facts["the dtype of X"] = str(X.dtype)
        facts["the storage of X"] = "sparse" if hasattr(X, "indptr") else "dense"
        facts["sample_weight"] = "given" if objective.sample_weight is not None else "none"  # type: ignore[attr-defined]
    for name in ("loss", "penalty", "fit_intercept", "hidden", "activation", "scale"):
        if hasattr(objective, name):
            facts[name] = repr(getattr(objective, name))
    if isinstance(objective, Function):
        facts["β"] = objective.smoothness()
    return facts


def _compare(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name in [*expected, *(name for name in found if name not in expected)]:
        one, other = found.get(name), expected.get(name)
        if one != other:
            raise ValueError(f"{name} is {one} here, but {other} on rank 0")


def _compare_width(objective: Any, expected: int) -> None:
    if objective.n_params != expected:
        raise ValueError(f"theta has {objective.n_params} entries here, but {expected} on rank 0")


def _with_outputs(objective: Any, n_outputs: int) -> Any:
    """The same with as many outputs as all ranks together have classes."""
    loss = getattr(objective, "loss", None)
    if loss is None or loss.task != "multiclass" or objective.n_outputs == n_outputs:
        return objective
    if isinstance(objective, LinearModel):
        n_params = n_outputs * (objective.n_features + objective.fit_intercept)
        return changed(objective, n_outputs=n_outputs, n_params=n_params)
    sizes = (*objective.sizes[:-1], n_outputs)
    n_params = sum(a * b + b for a, b in zip(sizes[:-1], sizes[1:], strict=True))
    return changed(objective, n_outputs=n_outputs, sizes=sizes, n_params=n_params)


# --- What a run asks ------------------------------------------------------------------------------


def ranks_of_run(
    objective: Any,
    optimizer: Any,
    comm: Any,
    reproducible: Any,
    sync_every: Any,
    callbacks: Iterable[Callback],
    **arguments: Any,
) -> tuple[Whole, Ranks, tuple[Any, Any, tuple[Callback, ...]]]:
    """The objective over all ranks, the ranks, and the seed, records and callbacks of this one.

    Raises on all ranks, before any work, where the call makes no sense on one of them, or is not
    the same on all.
    """
    ranks = ranks_of(comm)
    asked: tuple[Callback, ...] = ranks.together(
        lambda: _checked(optimizer, reproducible, sync_every, tuple(callbacks), arguments)
    )
    if arguments["seed"] is None:
        arguments["seed"] = ranks.share(int(np.random.default_rng().integers(1 << 63)))
    known = {"optimizer": optimizer, "reproducible": reproducible, "sync_every": sync_every}
    facts = {name: _text(name, value) for name, value in (known | arguments).items()}
    expected = ranks.share(facts)
    ranks.together(lambda: _compare(facts, expected))
    ranks.asks = bool(ranks.same(bool(asked)))
    ranks.watched = bool(ranks.same(any(not getattr(one, "every_chunk", False) for one in asked)))
    if not ranks.first:
        asked = tuple(one for one in asked if getattr(one, "everywhere", False))
    found = Whole(ranks.together(lambda: _own(objective)), ranks, reproducible)
    record_every = arguments["record_every"]
    if sync_every is not None:
        ranks.sync_every = as_count("sync_every", sync_every)
        total = as_count("steps", arguments["steps"])
        if record_every is None:
            record_every = max(1, total // 100)
            record_every += -record_every % ranks.sync_every
        found._local_sgd = {
            "every": ranks.sync_every, "total": total,
            **{name: arguments[name] for name in ("batch_size", "sampling", "seed")},
        }  # fmt: skip
        ranks.together(lambda: found._check_batch(arguments["batch_size"]))
    return found, ranks, (arguments["seed"], record_every, asked)


def read_checkpoint(path: Path, comm: Any) -> Any:
    """What rank 0 reads of a file, on all ranks."""
    ranks = ranks_of(comm)
    return ranks.share(ranks.together(lambda: files.read(path) if ranks.first else None))


def _checked(
    optimizer: Any, reproducible: Any, sync_every: Any, callbacks: Any, arguments: dict[str, Any]
) -> tuple[Callback, ...]:
    parts_of(reproducible)
    record_every, epoch = arguments["record_every"], arguments["batch_size"]
    checked_records(record_every, epoch, 100, callbacks)
    name = type(optimizer).__name__
    if isinstance(optimizer, Reduced) and sync_every is None:
        raise ValueError(
            f"{name} steps on one row at a time, which another rank may have: let each rank step "
            "on its own rows, with sync_every"
        )
    if arguments["sampling"] == "importance":
        raise ValueError("importance sampling knows the rows of one rank only: take another one")
    if name == "PolyakStep" and optimizer.optimum is None and sync_every is None:
        raise ValueError(
            "PolyakStep finds the least possible loss in one rank's rows: give optimum"
        )
    if sync_every is None:
        return tuple(callbacks)
    every = as_count("sync_every", sync_every)
    for option in ("clip_norm", "clip_value", "checkpoint", "epochs"):
        if arguments[option] is not None:
            hint = ": give steps" if option == "epochs" else ""
            raise ValueError(f"{option} is not for local SGD (sync_every){hint}")
    if record_every and record_every % every:
        raise ValueError(
            f"record_every is {record_every}, but the ranks meet every {every} steps: take a "
            "multiple of sync_every"
        )
    if isinstance(arguments["seed"], np.random.Generator):
        raise ValueError("local SGD needs an int as seed, from which each rank has its own draws")
    return tuple(callbacks)


def _text(name: str, value: Any) -> str:
    if name == "checkpoint":
        return "none" if value is None else "given"  # rank 0's counts
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if name == "theta0" and value is not None:
        data = np.ascontiguousarray(value)
        return f"{data.shape} with the hash {hashlib.blake2b(data.tobytes()).hexdigest()[:12]}"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
