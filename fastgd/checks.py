"""What every public name asks of its input: real, finite, of the right shape, in its own terms.

Data that the core can read as it is stays as it is; everything else is converted once, exactly or
not at all, and a copy of some size is said.
"""

import copy
import math
import numbers
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core import rows, shared

Vector = NDArray[np.float64]

# A copy of more bytes than this is announced.
LARGE_COPY = 100_000_000
# Bytes that are copied at a time.
BLOCK = 1 << 24


def column_names(given: Any) -> list[str] | None:
    """The names of the columns of a table (pandas, polars, ...), or None."""
    columns = getattr(given, "columns", None)
    if columns is None or callable(columns):
        return None
    return [str(column) for column in columns]


def as_matrix(
    name: str, given: Any, keep: tuple[Any, ...] = (np.float64, np.float32), look: bool = True
) -> Any:
    """`given` as a finite C-contiguous (n, d) array, itself where it is one of a kept dtype.

    Without `look`, a dense array is not looked through: that is left to `checked_blocks`.
    """
    if hasattr(given, "tocsr"):
        return _as_csr(name, given)
    names = column_names(given)
    array = _real_array(name, given)
    if array.ndim != 2:
        hint = "; one feature is X.reshape(-1, 1)" if array.ndim == 1 else ""
        raise ValueError(f"{name} must have two dimensions, not shape {array.shape}{hint}")
    if 0 in array.shape:
        raise ValueError(f"{name} is empty: its shape is {array.shape}")
    dtype = array.dtype if array.dtype in keep and array.dtype.isnative else np.dtype(np.float64)
    if array.dtype != dtype or not array.flags.c_contiguous or not array.flags.aligned:
        array = _converted(name, array, dtype)
    if look:
        _look_through(name, array, names)
    return array


def _look_through(name: str, array: Any, names: Any, first: int = 0) -> None:
    place = rows.first_not_finite(array) if array.dtype.kind == "f" else None
    if place is not None:
        row, column = divmod(place, array.shape[1])
        value, row = array[row, column], row + first
        where = f"[{row}, {column}]" if names is None else f": column {names[column]!r}, row {row},"
        raise ValueError(f"{name}{where} is {value}: NaN and infinite entries are not accepted")


def checked_blocks(name: str, array: Any, names: Any, size: int) -> Iterator[tuple[int, Any]]:
    """Blocks of so many rows and where they begin, each looked through while it is in a cache."""
    for first in range(0, array.shape[0], size):
        block = array[first : first + size]
        _look_through(name, block, names, first)
        yield first, block


def _as_csr(name: str, given: Any) -> Any:
    """A scipy.sparse matrix or array as a checked CSR one, itself where it already is one."""
    if given.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, not shape {given.shape}")
    if 0 in given.shape:
        raise ValueError(f"{name} is empty: its shape is {given.shape}")
    matrix = given if given.format == "csr" else given.tocsr()
    values = _real_array(name, matrix.data)
    if values.ndim != 1 or matrix.indices.ndim != 1 or matrix.indptr.ndim != 1:
        raise ValueError(f"{name} is not a valid CSR matrix: its arrays must be vectors")
    if values.dtype not in (np.float64, np.float32) or not values.dtype.isnative:
        values = _converted(name, values, np.dtype(np.float64))
    columns = matrix.indices
    for array in (values, columns, matrix.indptr):
        if not (array.flags.c_contiguous and array.flags.aligned):
            raise ValueError(
                f"the arrays of {name} must be contiguous and aligned: take {name}.copy()"
            )
    wrong = rows.check_csr(matrix)
    if wrong is not None:
        raise ValueError(f"{name} is not a valid CSR matrix: {wrong}")
    place = rows.first_not_finite(values)
    if place is not None:
        row = int(np.searchsorted(matrix.indptr, place, side="right")) - 1
        raise ValueError(f"{name}[{row}, {columns[place]}] is {values[place]}: NaN and infinite "
                         "entries are not accepted")  # fmt: skip
    if values is not matrix.data:
        matrix = copy.copy(matrix)
        matrix.data = values
    return matrix


def as_vector(name: str, given: Any, length: int, what: str = "parameter") -> Vector:
    """`given` as a finite contiguous float64 vector of that length."""
    array = _real_array(name, given)
    if array.shape != (length,):
        raise ValueError(
            f"{name} must have one entry for each {what}: shape ({length},), not {array.shape}"
        )
    if array.dtype != np.float64 or not array.flags.c_contiguous or not array.flags.aligned:
        array = _converted(name, array, np.dtype(np.float64))
    place = rows.first_not_finite(array)
    if place is not None:
        raise ValueError(f"{name}[{place}] is {array[place]}: NaN and infinite entries are not "
                         "accepted")  # fmt: skip
    return array


def _real_array(name: str, given: Any) -> Any:
    if isinstance(given, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: fill or drop its masked entries first")
    if hasattr(given, "tocsr"):
        raise TypeError(f"{name} is sparse, and must be dense here: take {name}.toarray()")
    if hasattr(given, "__dlpack_device__") and hasattr(given, "device"):
        given = shared.as_numpy(given, name)  # a tensor, which says where it lies
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array of numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        names = column_names(given)
        if names is not None and array.ndim == 2:
            texts = [n for n, column in zip(names, array.T, strict=True) if not _numeric(column)]
            if texts:
                raise TypeError(
                    f"{name} must hold real numbers, but these columns do not: "
                    f"{', '.join(map(repr, texts[:5]))}{', ...' if len(texts) > 5 else ''}"
                )
        raise TypeError(f"{name} must hold real numbers, not {array.dtype}")
    return array


def _numeric(column: Any) -> bool:
    try:
        column.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return not any(isinstance(entry, str) for entry in column[:1000])


def _converted(name: str, array: Any, dtype: Any) -> Any:
    if array.size * dtype.itemsize > LARGE_COPY:
        order = "" if array.flags.c_contiguous else " that is not C-contiguous"
        warnings.warn(
            f"{name} is {array.dtype}{order}, so {array.size * dtype.itemsize / 1e6:.0f} MB of it "
            f"are copied into memory as {dtype}; numpy.ascontiguousarray({name}, dtype='{dtype}') "
            "beforehand avoids that at every call",
            stacklevel=4,
        )
    # In blocks of rows: besides the copy there is never more than one of them.
    converted = np.empty(array.shape, dtype)
    step = max(1, BLOCK // max(1, converted[:1].nbytes))
    for start in range(0, len(array), step):
        part, copied = array[start : start + step], converted[start : start + step]
        copied[...] = part
        if _lost(part, copied):
            raise TypeError(f"{name} is {array.dtype} with values that float64 cannot hold exactly")
    return converted


def _lost(array: Any, converted: Any) -> bool:
    """Whether wide integers or long doubles hold what float64 cannot."""
    if array.dtype.kind in "iu" and array.dtype.itemsize > 4 and array.size:
        largest = max(-converted.min(), converted.max())
        return bool(
            largest > 2**53 or (largest == 2**53 and (converted.astype(array.dtype) != array).any())
        )
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(invalid="ignore"):
            return not ((converted.astype(array.dtype) == array) | (array != array)).all()
    return False


def as_penalty(name: str, given: Any) -> float:
    """`given` as a finite float >= 0."""
    # The abstract class of numbers is slow to ask, and most of them are floats.
    if type(given) is not float and (
        isinstance(given, bool) or not isinstance(given, numbers.Real)
    ):
        raise TypeError(f"{name} must be a number, not {given!r}")
    value = float(given)
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be finite and at least 0, not {value}")
    return value


def as_count(name: str, given: Any) -> int:
    """`given` as an int >= 1."""
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, not {given!r}")
    if given < 1:
        raise ValueError(f"{name} must be at least 1, not {given}")
    return int(given)


def as_weights(
    sample_weight: Any, class_weight: Any, y: Vector, task: str
) -> NDArray[np.float64] | None:
    """The weight of each observation, that of its class included; None where all count the same."""
    weights = None
    if sample_weight is not None:
        weights = np.array(as_vector("sample_weight", sample_weight, len(y), "observation of X"))
    if class_weight is not None:
        if task == "regression" or y.ndim != 1:
            raise ValueError("class_weight needs classes: y holds numbers")
        classes, number, counts = np.unique(y, return_inverse=True, return_counts=True)
        if isinstance(class_weight, str):
            if class_weight != "balanced":
                raise ValueError(f'class_weight is a dict or "balanced", not {class_weight!r}')
            of_class = len(y) / (len(classes) * counts)
        else:
            unknown = [key for key in class_weight if key not in classes]
            if unknown:
                raise ValueError(f"class_weight names classes that y does not have: {unknown}")
            given = [class_weight.get(int(c), 1.0) for c in classes]
            of_class = as_vector("class_weight", given, len(classes), "class")
        weights = of_class[number] if weights is None else weights * of_class[number]
    if weights is None:
        return None
    if (weights < 0).any():
        place = int(np.argmin(weights))
        raise ValueError(f"sample_weight[{place}] is {weights[place]:g}: weights are at least 0")
    total = weights.sum()
    if not 0 < total < math.inf:
        raise ValueError(f"the weights add up to {total:g}: there is nothing to average")
    weights.flags.writeable = False
    return weights
