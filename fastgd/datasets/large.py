"""Large csv and tsv texts, read by polars or pyarrow where one of them is installed.

What they read must come out as the plain reader's table does; whatever could not (a missing value,
a quoted line break, an integer beyond float64) is left to that reader, which says what is wrong.
"""

from pathlib import Path
from typing import Any

import numpy as np

from fastgd.datasets import frames, tables
from fastgd.datasets.tables import LARGEST_WHOLE, Column, Table, Wanted

# Below so many bytes the plain reader is as fast as their import.
LARGE = 1_000_000


def read(path: Path, name: str, wanted: Wanted) -> Table | None:
    """The table, or None where the plain reader is to be asked."""
    if path.stat().st_size < LARGE:
        return None
    try:
        with tables.opened(path, name) as file:
            first = file.readline()
            begun = file.read(1)
    except ValueError:
        return None
    if not first.strip() or not begun:
        return None
    if first.count('"') % 2:
        return None
    delimiter = max(",;\t", key=lambda mark: len(tables._header(first, mark)))
    header = tables._header(first, delimiter)
    frame = frames.read_delimited(path, delimiter)
    if frame is None or len(set(header)) != len(header) or "" in header:
        return None
    if [str(column).strip() for column in frame.columns] != header or not len(frame):
        return None
    table = Table(name, {}, range(2, len(frame) + 2), "line")
    left = wanted.of(name, header)
    for column, series in zip(header, frame.iter_columns(), strict=True):
        if column not in left:
            continue
        values = _column(table, column, series)
        if values is None:
            return None
        table.columns[column] = values
    return table


def _column(table: Table, column: str, series: Any) -> Column | None:
    kind, values = frames.plain(series)
    if kind == "numbers":
        if not np.isfinite(values).all() or np.abs(values).max() > LARGEST_WHOLE:
            return None
        return values
    if kind != "text" or any(text is None or "\n" in text or "\0" in text for text in values):
        return None
    parts = []
    for start in range(0, len(values), tables.ROWS_AT_ONCE):
        cells = tuple(values[start : start + tables.ROWS_AT_ONCE])
        part = tables._convert(cells)
        if part is None or tables._inexact(cells, part) is not None:
            return None
        if tables._missing_rows(part).size or not _finite(part):
            return None
        parts.append(part)
    try:
        return tables._join(table, column, parts)
    except ValueError:
        return None


def _finite(part: Column) -> bool:
    return part.dtype.kind != "f" or bool(np.isfinite(part).all())
