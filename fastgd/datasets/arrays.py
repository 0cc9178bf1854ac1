"""Tables of arrays: npz, npy and libsvm files, dense or sparse.

An npz file may hold its data in two parts, X_train and X_test, and CSR matrices as the arrays that
scipy.sparse.save_npz writes: data, indices, indptr and shape, each behind the name of the matrix.
"""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from fastgd.checks import as_matrix
from fastgd.datasets.tables import (
    LARGEST_WHOLE,
    MISSING,
    Column,
    Table,
    Wanted,
    listing,
    opened,
)

# Beyond this an index is a mistake: each column has a name, of some 60 bytes.
MOST_COLUMNS = 2**25
PARTS = ("data", "indices", "indptr", "shape")  # of a CSR matrix


def read_npz(path: Path, name: str, wanted: Wanted) -> Table:
    arrays, present = _load_arrays(path, name, wanted.drop)
    names = arrays.pop("feature_names", None)
    arrays = _with_matrices(name, arrays)
    train, test = _two_parts(arrays)
    for column in wanted.drop:
        if column not in (*present, *arrays, *train):
            raise ValueError(f"{name}: no column {column!r} to drop; there are {listing(arrays)}")
    parts = [
        _table(name, {key: part[key] for key in part if key not in wanted.drop}, names, wanted)
        for part in (train, test)
        if part
    ]
    if not parts:
        raise ValueError(f"{name} holds no array")
    table = parts[0]
    if len(parts) == 2:
        if list(table.columns) != list(parts[1].columns):
            raise ValueError(f"{name}: the two parts, train and test, have other columns")
        table.test = parts[1]
    return table


def _with_matrices(name: str, arrays: dict[str, Any]) -> dict[str, Any]:
    """The arrays, with the parts of each sparse matrix put together."""
    import scipy.sparse as sp  # which takes longer than to read most files

    found = dict(arrays)
    for key in arrays:
        prefix = key.removesuffix("indptr")
        if prefix == key or not all(prefix + part in arrays for part in PARTS):
            continue
        kind = str(np.asarray(found.pop(prefix + "format", "csr")).astype(str))
        if kind not in ("csr", "csc"):
            raise ValueError(f"{name}: a sparse matrix in the form {kind}; save it as CSR")
        label = prefix.rstrip("_") or "X"
        data, indices, indptr, shape = (found.pop(prefix + part) for part in PARTS)
        try:
            made = (sp.csr_matrix if kind == "csr" else sp.csc_matrix)(
                (data, indices, indptr), shape=tuple(int(size) for size in shape)
            )
            found[label] = as_matrix(f"{name}: {label}", made)
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            raise ValueError(f"{name}: sparse matrix {label!r} is damaged: {error}") from None
        if made.shape[1] > MOST_COLUMNS:
            raise ValueError(f"{name}: sparse matrix {label!r} has {made.shape[1]} columns")
    return found


def _two_parts(arrays: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays to train on and those held out, by their names; by default all and none."""
    train: dict[str, Any] = {}
    test: dict[str, Any] = {}
    for key, array in arrays.items():
        for ending, part in (("_train", train), ("_test", test)):
            if key.lower().endswith(ending):
                base = key[: -len(ending)]
                part[{"x": "X", "Y": "y"}.get(base, base)] = array
    if not train:
        return arrays, {}
    others = {key: array for key, array in arrays.items()
              if not key.lower().endswith(("_train", "_test"))}  # fmt: skip
    return {**train, **others}, test


def _table(name: str, arrays: dict[str, Any], names: Column | None, wanted: Wanted) -> Table:
    columns: dict[str, Column] = {}
    lengths: dict[str, int] = {}
    sparse: Any = None
    sparse_names: tuple[str, ...] = ()
    for key, array in arrays.items():
        if hasattr(array, "indptr"):
            if sparse is not None:
                raise ValueError(f"{name}: there are two sparse matrices; drop all but one")
            sparse, sparse_names = array, tuple(_labels(name, key, array, names))
            lengths[key] = array.shape[0]
            continue
        labels = _labels(name, key, array, names)
        if wanted.only is not None and not any(label in wanted.only for label in labels):
            continue
        if array.ndim not in (1, 2):
            raise ValueError(
                f"{name}: array {key!r} has {array.ndim} dimensions; only 1 (a column) or 2 (rows"
                " and columns) can be read; drop it"
            )
        values = _exact(name, key, array)
        lengths[key] = len(values)
        for j, label in enumerate(labels):
            if label in columns:
                raise ValueError(f"{name}: two columns are named {label!r}")
            columns[label] = values[:, j] if values.ndim == 2 else values
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{key!r} {length}" for key, length in islice(lengths.items(), 6))
        raise ValueError(f"{name}: the arrays differ in their number of rows: {listed}; drop"
                         " what is no column")  # fmt: skip
    n = max(lengths.values(), default=0)
    if not (columns or sparse_names) or not n:
        raise ValueError(f"{name}: there is no row of data")
    table = Table(name, columns, range(n), "row", sparse, sparse_names)
    for column in columns:
        table.check_numbers(column)
    return table


def _load_arrays(
    path: Path, name: str, drop: tuple[str, ...]
) -> tuple[dict[str, Column], list[str]]:
    """The arrays but for those that are dropped, and the names of all."""
    arrays: dict[str, Column] = {}
    # NumPy leaves a file open that it cannot read.
    with path.open("rb") as raw:
        try:
            file = np.load(raw, allow_pickle=False)
        # What a damaged file raises is as varied as damage, here and below.
        except Exception as error:
            raise ValueError(f"{name}: not an .npz file, or damaged") from error
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError(f"{name}: a single array, not an .npz file")
        with file:
            for key in file.files:
                if key in drop:
                    continue
                try:
                    arrays[key] = file[key]
                except Exception as error:
                    if "allow_pickle" in str(error):
                        raise ValueError(
                            f"{name}: array {key!r} holds Python objects; save numbers or text"
                            " instead"
                        ) from error
                    raise ValueError(f"{name}: array {key!r} is damaged") from error
            return arrays, list(file.files)


def read_npy(path: Path, name: str, wanted: Wanted) -> Table:
    """One array: its columns are x0, x1, ..., or the fields of its dtype."""
    with path.open("rb") as file:
        try:
            array = np.load(file, allow_pickle=False)
        except Exception as error:
            hint = "; it holds Python objects" if "allow_pickle" in str(error) else ""
            raise ValueError(f"{name}: not an .npy file, or damaged{hint}") from None
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name}: several arrays, not an .npy file")
    if array.dtype.names is not None and array.ndim == 1:
        arrays = {field: array[field] for field in array.dtype.names}
    elif array.ndim == 2:
        arrays = {f"x{j}": array[:, j] for j in range(array.shape[1])}
    else:
        raise ValueError(f"{name}: an array of {array.ndim} dimensions, not of rows and columns")
    left = wanted.of(name, list(arrays))
    return _table(name, {key: arrays[key] for key in left}, None, wanted)


def read_libsvm(path: Path, name: str, wanted: Wanted) -> Table:
    """Lines of ``target index:value index:value``; the columns are named x1, x2, ..."""
    import scipy.sparse as sp

    targets, values, indices, starts, places = [], [], [], [0], []
    with opened(path, name) as file:
        for line, text in enumerate(file, 1):
            fields = text.partition("#")[0].split()
            if not fields:
                continue
            try:
                targets.append(float(fields[0]))
                before = -1
                for field in fields[1:]:
                    index, _, value = field.partition(":")
                    if not before < int(index) <= MOST_COLUMNS:
                        raise ValueError
                    before = int(index)
                    indices.append(before)
                    values.append(float(value))
            except ValueError:
                raise ValueError(
                    f"{name}: line {line} is not of the form target index:value index:value, with"
                    f" indices that rise, to {MOST_COLUMNS} at most"
                ) from None
            starts.append(len(values))
            places.append(line)
    if not places or not indices:
        raise ValueError(f"{name}: there is no row of data")
    first = min(min(indices), 1)  # most count from 1, some from 0
    width = max(indices) - first + 1
    made = sp.csr_matrix((values, np.array(indices) - first, starts), shape=(len(places), width))
    if not np.isfinite(made.data).all():
        raise ValueError(f"{name}: a value is not a finite number")
    names = tuple(f"x{j + first}" for j in range(width))
    table = Table(name, {"y": np.array(targets)}, places, "line", made, names, padded=True)
    for column in wanted.drop:
        if column != "y":
            raise ValueError(f"{name}: no column {column!r} to drop; a sparse file is taken whole")
        del table.columns["y"]
    table.check_numbers("y")
    return table


def _labels(name: str, key: str, array: Column, names: Column | None) -> list[str]:
    """The column names that an array stands for."""
    if array.ndim != 2:
        return [key]
    width = array.shape[1]
    if key != "X" or names is None:
        return [f"{key.lower()}{j}" for j in range(width)]
    labels = [str(label) for label in names.ravel()]
    if len(labels) != width:
        raise ValueError(
            f"{name}: feature_names has {len(labels)} names for X with {width} columns"
        )
    return labels


def _exact(name: str, key: str, array: Column) -> Column:
    if array.dtype.kind == "U":
        for position, cell in enumerate(array.ravel().tolist()):
            if cell.strip().lower() in MISSING:
                row = position // (array.shape[1] if array.ndim == 2 else 1)
                raise ValueError(f"{name}: missing value in {key!r}, row {row}")
        return array
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: array {key!r} of type {array.dtype} is neither numbers nor text")
    values = array.astype(np.float64)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        if array.size and not (np.abs(values) <= LARGEST_WHOLE).all():
            raise ValueError(f"{name}: array {key!r} holds integers that float64 cannot hold")
    elif array.dtype.kind == "f" and array.dtype.itemsize > 8 and (values != array).any():
        raise ValueError(f"{name}: array {key!r} of type {array.dtype} does not fit float64")
    return values
