"""A table of named columns, and how one is read from text: csv, tsv and jsonl, compressed or not.

Nothing is guessed about a value: what is missing, half a number or not finite is refused with the
name of its column and its place in the file.
"""

import bz2
import contextlib
import csv
import gzip
import io
import itertools
import json
import lzma
import math
import re
import sys
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]  # float64, or text
Rows = Iterator[tuple[list[str], int]]  # cells, and the line that they stand in

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "#n/a"})
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
LARGEST_WHOLE = 2.0**53
# Text is kept as Python strings until a block is converted: few enough to stay in the cache.
ROWS_AT_ONCE = 1000
LONGEST_LEVEL = 200  # characters; NumPy keeps each cell of a column as wide as its longest


@dataclass(eq=False)
class Table:
    """Columns of equal length by name; `places` says where a row stands in the file.

    Columns of a CSR matrix stand in `sparse` under `sparse_names`; with `padded`, columns that it
    does not have are all 0. `test` is the part that whoever made the file has held out.
    """

    name: str
    columns: dict[str, Column]
    places: "range | list[int]"
    place_word: str
    sparse: Any = None
    sparse_names: tuple[str, ...] = ()
    padded: bool = False
    test: "Table | None" = None
    left_out: int = 0  # rows that lacked a value
    filled: tuple[str, ...] = ()  # columns that lacked values, which were put in

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


@dataclass(frozen=True)
class Wanted:
    """Which columns are read, and what becomes of a row that lacks a value."""

    drop: tuple[str, ...] = ()
    only: Collection[str] | None = None
    missing: str = "refuse"

    def of(self, name: str, columns: list[str]) -> list[str]:
        left = _without(name, columns, self.drop)
        return left if self.only is None else [one for one in left if one in self.only]


def read_text(path: Path | None, name: str, wanted: Wanted) -> Table:
    """The table in a csv, tsv or jsonl text, compressed or not; None is standard input."""
    with opened(path, name) as file:
        first, above = file.readline(), 1
        while first and not first.strip():
            first, above = file.readline(), above + 1
        first = "".join(_without_nul(name, [first], above - 1))
        if not first:
            raise ValueError(f"{name}: the file is empty")
        if _is_json(path, first):
            header, rows = _json_rows(name, first, file, above)
        else:
            header, rows = _csv_rows(name, first, file, above)
        return _table(name, header, rows, wanted)


@contextlib.contextmanager
def opened(path: Path | None, name: str) -> Iterator[Any]:
    """A text to read, unpacked; what is wrong with it is said in the user's terms."""
    try:
        with _opened(path) as file:
            yield file
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: not text in UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{name}: not a CSV file ({error})") from error
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        how = {".xz": "xz", ".bz2": "bzip2"}.get(
            "" if path is None else path.suffix.lower(), "gzip"
        )
        raise ValueError(f"{name}: damaged, or not compressed by {how}") from error
    except OSError as error:
        if error.errno is None:  # of bz2, which has no error of its own
            raise ValueError(f"{name}: damaged, or not compressed by bzip2") from error
        raise


def _opened(path: Path | None) -> Any:
    if path is None:
        if sys.stdin is None:
            raise ValueError("standard input is closed")
        raw = getattr(sys.stdin, "buffer", None)
        text = sys.stdin if raw is None else io.TextIOWrapper(raw, "utf-8-sig", newline="")
        return contextlib.nullcontext(text)
    ending = path.suffix.lower()
    if ending == ".bz2":
        return bz2.open(path, "rt", encoding="utf-8-sig", newline="")
    if ending == ".xz":
        return lzma.open(path, "rt", encoding="utf-8-sig", newline="")
    how = gzip.open if ending == ".gz" else open
    return how(path, "rt", encoding="utf-8-sig", newline="")


def _is_json(path: Path | None, first: str) -> bool:
    if path is None:  # nothing has a name, so the first line tells
        return first.lstrip().startswith("{")
    return any(part in ("jsonl", "ndjson") for part in path.name.lower().split(".")[-2:])


def _csv_rows(name: str, first: str, file: Any, above: int) -> tuple[list[str], Rows]:
    delimiter = max(",;\t", key=lambda mark: len(_header(first, mark)))
    header = _header(first, delimiter)
    _check_header(name, header)
    rows = csv.reader(_without_nul(name, file, above), delimiter=delimiter, strict=True)

    def checked() -> Rows:
        for row in rows:
            line = rows.line_num + above
            if row and len(row) != len(header):
                raise ValueError(f"{name}: line {line} has {len(row)} fields, not {len(header)}")
            if row:
                yield row, line

    return header, checked()


def _json_rows(name: str, first: str, file: Any, above: int) -> tuple[list[str], Rows]:
    header = list(_json_object(name, first, above))
    if not header:
        raise ValueError(f"{name}: line {above} has no columns")

    def checked() -> Rows:
        for line, text in enumerate(itertools.chain([first], file), above):
            if not text.strip():
                continue
            cells = _json_object(name, text, line)
            if cells.keys() != known:
                odd = sorted(cells.keys() ^ known)
                raise ValueError(f"{name}: line {line} and line {above} differ in {listing(odd)}")
            yield [_cell(name, column, cells[column], line) for column in header], line

    known = set(header)
    return header, checked()


def _json_object(name: str, text: str, line: int) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{name}: line {line} is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f'{name}: line {line} is no object, as {{"column": value}}')
    return found


def _cell(name: str, column: str, value: Any, line: int) -> str:
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        raise ValueError(f"{name}: column {column!r} holds a {type(value).__name__} in line {line}")
    if isinstance(value, bool):
        return str(value).lower()
    text = value if isinstance(value, str) else repr(value)
    if "\0" in text:
        raise ValueError(f"{name}: line {line} has a NUL character, which no text has")
    return text


def _table(name: str, header: list[str], rows: Rows, wanted: Wanted) -> Table:
    places: list[int] = []
    blocks: dict[str, list[Column]] = {column: [] for column in wanted.of(name, header)}
    missing: dict[str, list[int]] = {}
    while block := list(islice(rows, ROWS_AT_ONCE)):
        lines = [line for _, line in block]
        places += lines
        for column, cells in zip(header, zip(*(row for row, _ in block), strict=True), strict=True):
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
    if missing and wanted.missing == "refuse":
        listed = ", ".join(
            f"{column!r} ({len(lines)}, first in line {lines[0]})"
            for column, lines in missing.items()
        )
        raise ValueError(f"{name}: missing values in {listed}; fill or remove them first")
    table = Table(name, {}, places, "line")
    kept = None
    if missing and wanted.missing != "impute":
        left_out = set().union(*missing.values())
        kept = np.array([line not in left_out for line in places])
        table.left_out = len(places) - int(kept.sum())
        if not kept.any():
            raise ValueError(f"{name}: every row lacks a value")
    for column, parts in blocks.items():
        table.columns[column] = _join(table, column, parts)
    if missing and wanted.missing == "impute":
        for column, without in missing.items():
            fill(table, column, np.isin(places, without))
    elif kept is not None:
        table.columns = {column: values[kept] for column, values in table.columns.items()}
        table.places = [line for line, keep in zip(places, kept.tolist(), strict=True) if keep]
    for column in table.columns:
        table.check_numbers(column)
    return table


def fill(table: Table, column: str, gaps: NDArray[np.bool_]) -> None:
    """Put the mean of a column of numbers where it lacks a value, or its most frequent text."""
    values = table.columns[column]
    if gaps.all():
        raise ValueError(f"{table.name}: column {column!r} has no value at all; drop it")
    if values.dtype.kind == "f":
        table.columns[column] = np.where(gaps, values[~gaps].mean(), values)
    else:
        levels, counts = np.unique(values[~gaps], return_counts=True)
        table.columns[column] = np.where(gaps, levels[np.argmax(counts)], values)
    table.filled += (column,)


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


def _convert(cells: tuple[str, ...]) -> Column | None:
    """Numbers if all cells but the missing ones are (these become NaN), else stripped text.

    None for text that is too long for a category.
    """
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
        if "_" not in "".join(cells):  # Python reads 1_000 as a number
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


def listing(names: Any, most: int = 8) -> str:
    """A few names for a message."""
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
