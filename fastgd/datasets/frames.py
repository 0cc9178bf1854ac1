"""Tables of pandas, polars, pyarrow and their like, and parquet and feather files.

narwhals, which speaks to all of them, is imported here only: pip install "fastgd[data]".
"""

from pathlib import Path
from typing import Any

import numpy as np

from fastgd.datasets.tables import LARGEST_WHOLE, MISSING, Column, Table, Wanted, fill

MISSING_EXTRA = 'needs narwhals, which is missing: pip install "fastgd[data]"'


def is_frame(given: Any) -> bool:
    """Whether it is a table of some library, and no path."""
    return hasattr(given, "columns") or hasattr(given, "column_names")


def as_frame(columns: dict[str, Any], library: str) -> Any:
    """These columns as a table of pandas, polars or pyarrow."""
    try:
        import narwhals as nw
    except ImportError:
        raise ImportError(f"a table of {library} {MISSING_EXTRA}") from None
    if library not in ("pandas", "polars", "pyarrow"):
        raise ValueError(f"library must be pandas, polars or pyarrow, not {library!r}")
    backend: Any = library
    return nw.from_dict(columns, backend=backend).to_native()


def read_delimited(path: Path, delimiter: str) -> Any:
    """A csv text as polars reads it, or pyarrow; None where neither is here or it is none."""
    try:
        import narwhals as nw
    except ImportError:
        return None
    # Of a type guessed from the first rows, whatever does not fit it is an error, and no digit is
    # lost; then it is taken from all rows, which is a second pass over the text.
    first, all_rows = {"infer_schema_length": 1000}, {"infer_schema_length": None}
    for backend, options in (("polars", first), ("polars", all_rows), ("pyarrow", {})):
        known: Any = backend
        try:
            return nw.read_csv(str(path), backend=known, separator=delimiter, **options)
        except Exception:  # not here, or not its kind of file: the plain reader says which
            continue
    return None


def plain(series: Any) -> tuple[str, Any]:
    """ "numbers" and float64, or "text" and a list; "else" for dates, truth values and gaps."""
    import narwhals as nw

    if series.is_null().any():
        return "else", None
    if series.dtype.is_numeric():
        return "numbers", np.asarray(series.cast(nw.Float64).to_numpy(), dtype=np.float64)
    if series.dtype == nw.String:
        return "text", series.to_list()
    return "else", None


def read_frame(given: Any, name: str, wanted: Wanted) -> Table:
    """The table in a data frame, column by column."""
    try:
        import narwhals as nw
    except ImportError:
        raise ImportError(f"a table of {type(given).__module__} {MISSING_EXTRA}") from None
    try:
        frame = nw.from_native(given, eager_only=True)
    except TypeError:
        raise TypeError(f"a data set is a path or a table, not {type(given).__name__}") from None
    names = [str(column) for column in frame.columns]
    if len(set(names)) != len(names):
        twice = next(column for column in names if names.count(column) > 1)
        raise ValueError(f"{name}: two columns are named {twice!r}")
    if not len(frame):
        raise ValueError(f"{name}: there is no row of data")
    left = set(wanted.of(name, names))
    found, gaps = {}, {}
    for column, series in zip(names, frame.iter_columns(), strict=True):
        if column in left:
            found[column], missing = _column(nw, name, column, series)
            if missing.any():
                gaps[column] = missing
    table = Table(name, found, range(len(frame)), "row")
    if gaps and wanted.missing == "refuse":
        listed = ", ".join(
            f"{column!r} ({missing.sum()}, first in row {np.argmax(missing)})"
            for column, missing in gaps.items()
        )
        raise ValueError(f"{name}: missing values in {listed}; fill or remove them first")
    if gaps and wanted.missing == "impute":
        for column, missing in gaps.items():
            fill(table, column, missing)
    elif gaps:
        kept = ~np.logical_or.reduce(list(gaps.values()))
        if not kept.any():
            raise ValueError(f"{name}: every row lacks a value")
        table.columns = {column: values[kept] for column, values in found.items()}
        table.places = np.flatnonzero(kept).tolist()
        table.left_out = int((~kept).sum())
    for column in table.columns:
        table.check_numbers(column)
    return table


def _column(nw: Any, name: str, column: str, series: Any) -> tuple[Column, Any]:
    """Numbers or text, and where a value is missing."""
    missing = series.is_null().to_numpy().astype(bool)
    dtype = series.dtype
    if dtype.is_numeric() or dtype == nw.Boolean:
        whole = dtype.is_integer()
        if whole and series.abs().max() is not None and series.abs().max() > LARGEST_WHOLE:
            raise ValueError(f"{name}: column {column!r} holds integers that float64 cannot hold")
        values = np.asarray(series.cast(nw.Float64).to_numpy(), dtype=np.float64)
        return values, missing | np.isnan(values)
    if dtype in (nw.String, nw.Categorical, nw.Enum) or dtype == nw.Object:
        cells = series.to_list()
        odd = next((one for one in cells if one is not None and not isinstance(one, str)), None)
        if odd is None or odd != odd:
            texts = ["" if one is None or one != one else one.strip() for one in cells]
            missing |= np.array([text.lower() in MISSING for text in texts])
            return np.array(texts), missing
        raise ValueError(f"{name}: column {column!r} mixes text and {type(odd).__name__}; drop it")
    raise ValueError(f"{name}: column {column!r} of type {dtype} is neither numbers nor text; "
                     "drop it")  # fmt: skip


def read_file(path: Path, name: str, wanted: Wanted) -> Table:
    """A parquet or feather file, by whichever library that reads it is installed."""
    parquet = path.suffix.lower() == ".parquet"
    damage: tuple[type[BaseException], ...] = (Exception,)
    try:
        import polars
        from polars.exceptions import PanicException

        damage += (PanicException,)  # no Exception: a file may be so damaged that polars panics

        reader = polars.read_parquet if parquet else polars.read_ipc
    except ImportError:
        try:
            import pandas
            import pyarrow  # noqa: F401

            reader = pandas.read_parquet if parquet else pandas.read_feather
        except ImportError:
            raise ImportError(f"{name}: needs polars, or pandas and pyarrow") from None
    try:
        frame = reader(path)
    # Each of them has errors of its own.
    except damage as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{name}: damaged, or not what its name says ({first})") from None
    return read_frame(frame, name, wanted)
