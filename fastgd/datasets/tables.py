"""Reads a CSV or NPZ file into named columns of numbers or of text. NumPy and the standard library.

Nothing is guessed about a value: what is missing, half a number or not finite is refused with the
name of its column and its place in the file.
"""

import csv
import gzip
import math
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]  # float64, or text

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "#n/a"})
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
LARGEST_WHOLE = 2.0**53
# Text is kept as Python strings until a block is converted: a bound on memory for long files.
ROWS_AT_ONCE = 20_000
LONGEST_LEVEL = 200  # characters; NumPy keeps each cell of a column as wide as its longest


@dataclass(eq=False)
class Table:
    """Columns of equal length by name; `places` says where a row stands in the file."""

    name: str
    columns: dict[str, Column]
    places: "range | list[int]"
    place_word: str

    def __len__(self) -> int:
        return len(self.places)

    def place(self, row: int) -> str:
        """Where a row stands, in the user's terms."""
        return f"{self.place_word} {self.places[row]}"

    def check_numbers(self, column: str) -> None:
        """Refuses a column of numbers that are not all finite."""
        values = self.columns[column]
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            raise ValueError(
                f"{self.name}: column {column!r} has {values[row]} in {self.place(row)},"
                " where a finite number is needed"
            )


def read(path: Path, name: str, drop: tuple[str, ...], only: Collection[str] | None) -> Table:
    """The table in a .csv, .csv.gz or .npz file, without the columns named in `drop`.

    With `only`, other columns are not even looked at. Messages call the file by `name`.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder, not a .csv, .csv.gz or .npz file")
    ending = path.name.lower()
    if ending.endswith(".npz"):
        return _read_npz(path, name, drop, only)
    if ending.endswith((".csv", ".csv.gz")):
        return _read_csv(path, name, drop, only)
    raise ValueError(f"{name}: only .csv, .csv.gz and .npz files can be read")


def _read_csv(path: Path, name: str, drop: tuple[str, ...], only: Collection[str] | None) -> Table:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            return _parse_csv(name, file, drop, only)
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: not text in UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{name}: not a CSV file ({error})") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{name}: damaged, or not compressed by gzip") from error


def _parse_csv(name: str, file: Any, drop: tuple[str, ...], only: Collection[str] | None) -> Table:
    first, above = file.readline(), 1
    while first and not first.strip():
        first, above = file.readline(), above + 1
    first = "".join(_without_nul(name, [first], above - 1))
    if not first:
        raise ValueError(f"{name}: the file is empty")
    delimiter = max(",;\t", key=lambda mark: len(_header(first, mark)))
    header = _header(first, delimiter)
    _check_header(name, header)
    wanted = [one for one in _without(name, header, drop) if only is None or one in only]

    rows = csv.reader(_without_nul(name, file, above), delimiter=delimiter, strict=True)
    places: list[int] = []
    blocks: dict[str, list[Column]] = {column: [] for column in wanted}
    missing: dict[str, list[int]] = {}
    for block, lines in _blocks(name, rows, len(header), above):
        places += lines
        for column, cells in zip(header, zip(*block, strict=True), strict=True):
            if column not in blocks:
                continue
            values = _convert(cells)
            if values is None:
                raise ValueError(
                    f"{name}: column {column!r} holds long text, not categories; drop it"
                )
            row = _inexact(cells, values)
            if row is not None:
                raise ValueError(
                    f"{name}: column {column!r} has {cells[row].strip()[:40]} in line {lines[row]},"
                    " a whole number that float64 cannot hold; drop the column"
                )
            blocks[column].append(values)
            gaps = _missing_rows(values)
            if gaps.size:
                missing.setdefault(column, []).extend(lines[row] for row in gaps)
    if not places:
        raise ValueError(f"{name}: there is a header but no row of data")
    if missing:
        listed = ", ".join(
            f"{column!r} ({len(lines)}, first in line {lines[0]})"
            for column, lines in missing.items()
        )
        raise ValueError(f"{name}: missing values in {listed}; fill or remove them first")

    table = Table(name, {}, places, "line")
    for column, parts in blocks.items():
        table.columns[column] = _join(table, column, parts)
        table.check_numbers(column)
    return table


def _header(first: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter))]
    except csv.Error:  # all of a long line is one cell, by a mark that it does not have
        return []


def _without_nul(name: str, lines: Iterable[str], above: int) -> Iterator[str]:
    # NumPy would cut a text at its end; and text in UTF-16 is full of them.
    for number, line in enumerate(lines, above + 1):
        if "\0" in line:
            raise ValueError(f"{name}: line {number} has a NUL character, which no text has")
        yield line


def _check_header(name: str, header: list[str]) -> None:
    if all(_number(cell) is not None for cell in header):
        raise ValueError(f"{name}: the first line must name the columns, but it holds numbers")
    seen: set[str] = set()
    for position, column in enumerate(header, start=1):
        if not column:
            raise ValueError(f"{name}: column {position} has no name in the first line")
        if column in seen:
            raise ValueError(f"{name}: two columns are named {column!r}")
        seen.add(column)


def _without(name: str, columns: list[str], drop: tuple[str, ...]) -> list[str]:
    known, dropped = set(columns), set(drop)
    for column in drop:
        if column not in known:
            raise ValueError(f"{name}: no column {column!r} to drop; there are {listing(columns)}")
    return [column for column in columns if column not in dropped]


def _blocks(
    name: str, rows: Any, width: int, above: int
) -> Iterator[tuple[list[list[str]], list[int]]]:
    def checked() -> Iterator[tuple[list[str], int]]:
        for row in rows:
            line = rows.line_num + above
            if row and len(row) != width:
                raise ValueError(f"{name}: line {line} has {len(row)} fields, not {width}")
            if row:
                yield row, line

    numbered = checked()
    while block := list(islice(numbered, ROWS_AT_ONCE)):
        yield [row for row, _ in block], [line for _, line in block]


def _convert(cells: tuple[str, ...]) -> Column | None:
    """Numbers if all cells but the missing ones are (these become NaN), else stripped text.

    None for text that is too long for a category.
    """
    try:
        values = np.array([float(cell) for cell in cells])
        if not any("_" in cell for cell in cells):  # Python reads 1_000 as a number
            return values
    except ValueError:
        pass
    stripped = [cell.strip() for cell in cells]
    numbers = [math.nan if cell.lower() in MISSING else _number(cell) for cell in stripped]
    if None not in numbers:
        return np.array(numbers, dtype=np.float64)
    if max(map(len, stripped)) > LONGEST_LEVEL:
        return None
    return np.array(stripped)


def _inexact(cells: Sequence[str], values: Column) -> int | None:
    """The row of a whole number that has become another one: an identifier, mostly."""
    if values.dtype.kind != "f":
        return None
    large = np.flatnonzero(np.abs(values) > LARGEST_WHOLE)
    for row in large.tolist():
        cell = cells[row].strip().lstrip("+-")
        # Not of thousands of digits, which Python does not read.
        if cell.isdigit() and len(cell) < 310 and int(cell) != int(abs(values[row])):
            return int(row)
    return None


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _missing_rows(values: Column) -> NDArray[np.intp]:
    if values.dtype.kind == "f":
        return np.flatnonzero(np.isnan(values))
    return np.flatnonzero([cell.lower() in MISSING for cell in values.tolist()])


def _join(table: Table, column: str, parts: list[Column]) -> Column:
    """One column of its blocks: all numbers, or text that holds no number."""
    if all(part.dtype.kind == "f" for part in parts):
        return np.concatenate(parts)
    row, number, text = 0, False, None
    for part in parts:
        for cell in part.tolist():
            if isinstance(cell, float) or _number(cell) is not None:
                number = True
            elif text is None or (
                DECIMAL_COMMA.fullmatch(cell) and not DECIMAL_COMMA.fullmatch(text[0])
            ):
                text = (cell, row)
            row += 1
    assert text is not None
    if DECIMAL_COMMA.fullmatch(text[0]):
        raise ValueError(
            f"{table.name}: column {column!r} has {text[0]!r} in {table.place(text[1])}:"
            " write decimals with a point"
        )
    if number:
        raise ValueError(
            f"{table.name}: column {column!r} holds numbers, but {text[0]!r} in"
            f" {table.place(text[1])}; correct it, or drop the column"
        )
    return np.concatenate(parts)


def _read_npz(path: Path, name: str, drop: tuple[str, ...], only: Collection[str] | None) -> Table:
    arrays = _load_arrays(path, name, drop)
    names = arrays.pop("feature_names", None)
    columns: dict[str, Column] = {}
    lengths: dict[str, int] = {}
    for key, array in arrays.items():
        labels = _labels(name, key, array, names)
        if only is not None and not any(label in only for label in labels):
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
        raise ValueError(f"{name}: the arrays differ in their number of rows: {listed}")
    n = max(lengths.values(), default=0)
    if not columns or not n:
        raise ValueError(f"{name}: there is no row of data")
    table = Table(name, columns, range(n), "row")
    for column in columns:
        table.check_numbers(column)
    return table


def _load_arrays(path: Path, name: str, drop: tuple[str, ...]) -> dict[str, Column]:
    arrays: dict[str, Column] = {}
    # NumPy leaves a file open that it cannot read.
    with path.open("rb") as opened:
        try:
            file = np.load(opened, allow_pickle=False)
        # What a damaged file raises is as varied as damage, here and below.
        except Exception as error:
            raise ValueError(f"{name}: not an .npz file, or damaged") from error
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError(f"{name}: a single array, not an .npz file")
        with file:
            for key in _without(name, list(file.files), drop):
                try:
                    arrays[key] = file[key]
                except Exception as error:
                    if "allow_pickle" in str(error):
                        raise ValueError(
                            f"{name}: array {key!r} holds Python objects; save numbers or text"
                            " instead"
                        ) from error
                    raise ValueError(f"{name}: array {key!r} is damaged") from error
    return arrays


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


def listing(names: Any, most: int = 8) -> str:
    """A few names for a message."""
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
