"""Who has which rows: slices that begin where the parts of a sum begin."""

from typing import Any

import numpy as np

from fastgd.checks import as_count
from fastgd.distributed.ranks import ranks_of
from fastgd.objectives import LinearModel, NeuralNetwork, Objective, changed

__all__ = ["part", "rows", "split"]

# The least number that 1, 2, 3 and 4 ranks share evenly: of so many parts a sum is made.
PARTS = 12


def parts_of(reproducible: Any) -> int:
    if isinstance(reproducible, (bool, np.bool_)):
        return PARTS
    return as_count("reproducible", reproducible)


def rows(n: int, comm: Any = None, reproducible: bool | int = True) -> slice:
    """Which of n rows this rank should hold, for it to read them itself.

    Parameters
    ----------
    n : int
        Rows of all ranks together, at least as many as there are ranks.
    comm : communicator, optional
        Of mpi4py, or an object with rank and size; ``MPI.COMM_WORLD`` by default.
    reproducible : bool or int, default True
        As for `minimize`: slices begin where parts of its sums begin, as long as there are no more
        ranks than parts.

    Returns
    -------
    slice
        Of consecutive rows, those of the ranks being next to each other, and about as many.

    Raises
    ------
    TypeError, ValueError
        n is no whole number, or below the number of ranks.

    Examples
    --------
    >>> from fastgd.core.spread import Alone
    >>> gd.distributed.rows(569, Alone())
    slice(0, 569, None)
    """
    ranks = ranks_of(comm)
    n = as_count("n", n)
    if n < ranks.size:
        raise ValueError(f"{n} rows are fewer than the {ranks.size} ranks")
    begins = begins_of(n, ranks.size, parts_of(reproducible))
    return slice(begins[ranks.rank], begins[ranks.rank + 1])


def begins_of(n: int, size: int, n_parts: int) -> list[int]:
    """Where the rows of each rank begin, and the end."""
    if size > min(n_parts, n):
        return [n * rank // size for rank in range(size + 1)]
    found = cuts(n, n_parts)
    return [found[(len(found) - 1) * rank // size] for rank in range(size + 1)]


def cuts(n: int, n_parts: int) -> list[int]:
    return sorted({n * i // n_parts for i in range(n_parts + 1)})


def split(X: Any, y: Any, *more: Any, comm: Any = None, reproducible: bool | int = True) -> Any:
    """This rank's rows of data that every rank has, or rank 0 alone.

    Parameters
    ----------
    X : (n, d) array or CSR matrix, or None
        None on the ranks that do not have the data, which are then sent theirs. Where all have it,
        each takes its own rows, and of a memmap reads no others.
    y, *more : (n,) or (n, K) arrays, or None
        More of the same rows, such as sample weights.
    comm, reproducible
        As for `rows`.

    Returns
    -------
    tuple
        Of as many as were given.

    Raises
    ------
    ValueError
        Arrays of different lengths, or fewer rows than ranks.

    Examples
    --------
    >>> from fastgd.core.spread import Alone
    >>> X_here, y_here = gd.distributed.split(np.eye(3), np.arange(3.0), comm=Alone())
    >>> y_here
    array([0., 1., 2.])
    """
    ranks = ranks_of(comm)
    arrays = (X, y, *more)

    def length() -> int:
        lengths = {one.shape[0] if hasattr(one, "shape") else len(one) for one in arrays}
        if len(lengths) > 1:
            raise ValueError(f"arrays of different lengths cannot be split: {sorted(lengths)}")
        if min(lengths) < ranks.size:
            raise ValueError(f"{min(lengths)} rows are fewer than the {ranks.size} ranks")
        return lengths.pop()

    has = all(one is not None for one in arrays)
    everyone = bool(ranks.gather(has).all())
    n = ranks.together(length if has else lambda: None)
    n = n if everyone else ranks.share(n)
    if n is None:
        raise ValueError("nobody has the data: rank 0 must have it")
    begins = begins_of(n, ranks.size, parts_of(reproducible))
    if everyone:
        own = slice(begins[ranks.rank], begins[ranks.rank + 1])
        return tuple(one[own] for one in map(_sliceable, arrays))
    found: tuple[Any, ...] = ()
    for rank in range(ranks.size):
        piece: Any = None
        if ranks.first:
            piece = tuple(one[begins[rank] : begins[rank + 1]] for one in map(_sliceable, arrays))
        piece = ranks.share(piece)
        if rank == ranks.rank:
            found = piece
    return found


def _sliceable(one: Any) -> Any:
    return one.tocsr() if hasattr(one, "tocsr") else one if hasattr(one, "shape") else np.array(one)


def part(objective: Objective, comm: Any = None, reproducible: bool | int = True) -> Objective:
    """This rank's part of an objective that every rank has made of all the data.

    Parameters
    ----------
    objective : linear model or NeuralNetwork
    comm, reproducible
        As for `rows`.

    Returns
    -------
    Objective
        Over this rank's rows, with as many outputs as the whole has classes.

    Raises
    ------
    TypeError
        An objective that is not made of rows of data.

    Examples
    --------
    >>> from fastgd.core.spread import Alone
    >>> f = gd.LeastSquares([[1.0], [2.0]], [1.0, 3.0])
    >>> gd.distributed.part(f, Alone())
    LeastSquares(2 x 1, l2=0)
    """
    ranks = ranks_of(comm)
    if not isinstance(objective, (LinearModel, NeuralNetwork)):
        raise TypeError(f"{objective!r} has no rows that could be shared out")
    begins = begins_of(objective.n_samples, ranks.size, parts_of(reproducible))
    own = slice(begins[ranks.rank], begins[ranks.rank + 1])
    known = objective.__dict__
    weights = known["sample_weight"]
    weights = None if weights is None else weights[own]
    return changed(
        objective, X=known["X"][own], y=known["y"][own], n_samples=own.stop - own.start,
        sample_weight=weights, _balanced=False,
        _row_weights=None if weights is None else weights * (len(weights) / weights.sum()),
    )  # fmt: skip
