"""Whether rows and targets are such that scikit-learn's checks would find and change nothing.

On a hundred rows those checks take ten times as long as learning, and on many they read all of X
twice. Whatever is not plain here goes through them, and they say what is wrong with it. Where a fit
is a few passes long, that X is finite shows in the first (`core.online.Online.sound`).
"""

import functools
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.utils._param_validation import validate_parameter_constraints

__all__: list[str] = []

# Values of parameters of which equality says all.
PLAIN = (int, float, str, bool, type(None))
# The range of whole numbers among which classes are counted and not sorted.
RANGE = 1 << 16


def is_plain(X: Any, y: Any) -> bool:
    """X (n, d) of float64 or float32, C-contiguous or CSR, and y (n,), with n and d above 0."""
    if type(X) is np.ndarray:
        data, good = X, X.ndim == 2 and X.flags.c_contiguous
    elif type(X) in (sp.csr_array, sp.csr_matrix):
        data, good = X.data, X.indices.dtype == np.int32 == X.indptr.dtype
    else:
        return False
    return bool(
        good
        and data.dtype in (np.float64, np.float32)
        and data.dtype.isnative
        and min(X.shape) > 0
        and type(y) is np.ndarray
        and y.shape == X.shape[:1]
    )


def is_finite(X: Any) -> bool:
    """Whether no value is NaN or infinite, by one sum; False too where finite ones overflow."""
    data = X if type(X) is np.ndarray else X.data
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(data.sum()))


def classes_of(y: NDArray[Any]) -> NDArray[Any] | None:
    """np.unique(y) of some whole numbers, or None where they are no such."""
    if y.dtype.kind == "b":
        some = np.array([not y.all(), bool(y.any())])
        return np.array([False, True])[some]
    whole = y
    if y.dtype.kind not in "fiu":
        return None
    # Two classes, the most usual, without sorting or another array as long.
    ends = np.array([y.min(), y.max()])
    if np.isfinite(ends).all() and (ends == np.rint(ends)).all() and ends[0] < ends[1]:
        if sum(np.count_nonzero(y == end) for end in ends) == len(y):
            return ends
    if y.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            whole = y.astype(np.int64)
        if not np.array_equal(whole, y):
            return None
    least, most = int(whole.min()), int(whole.max())
    if most - least >= RANGE:
        return None
    found = np.flatnonzero(np.bincount((whole - least).astype(np.intp, copy=False))) + least
    # scikit-learn warns of so many.
    return found.astype(y.dtype) if len(found) <= max(2, len(y) // 2) else None


def are_valid(estimator: Any) -> bool:
    """Whether its parameters are plain values, and valid; invalid ones raise."""
    config = get_config()
    if config["skip_parameter_validation"] or config["array_api_dispatch"]:
        return False
    names = tuple(estimator._parameter_constraints)
    values = tuple([getattr(estimator, name) for name in names])
    kinds = tuple(map(type, values))
    if not all(kind in PLAIN for kind in kinds):
        return False
    kind: Any = type(estimator)
    return _valid(kind, names, values, kinds)


@functools.lru_cache(maxsize=256)
def _valid(kind: Any, names: Any, values: Any, _: Any) -> bool:
    validate_parameter_constraints(
        kind._parameter_constraints,
        dict(zip(names, values, strict=True)),
        kind.__name__,
    )
    return True
