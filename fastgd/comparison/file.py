"""The file of trials: a line for each, added when it ends, so that a comparison can go on."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastgd.comparison.trials import COLUMNS, Key, Record
from fastgd.files import replace_text

if TYPE_CHECKING:
    from fastgd.problems import Problem

# 1 had one draw of the tuning, and took the validation loss at the last step alone.
VERSION = 2
# What each column is in a line.
KINDS: dict[str, Any] = {
    **dict.fromkeys(COLUMNS, str),
    **dict.fromkeys(("lr", "validation", "test"), (int, float)),
    **dict.fromkeys(("draw", "number"), int),
}


def line(record: Mapping[str, Any]) -> str:
    """A record as a line of the file."""
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }
    return json.dumps(finite, allow_nan=False) + "\n"


def take_up(path: Path, problems: Mapping[str, "Problem"], seed: int) -> dict[Key, Record]:
    """The records of a file, which from now on is one of these problems.

    Raises
    ------
    ValueError
        It is none of a comparison, or of one with another seed or of other problems.
    """
    asked = {name: _description(one) for name, one in problems.items()}
    known, records = _read(path, seed) if path.exists() else ({}, {})
    for name, text in asked.items():
        if known.get(name, text) != text:
            raise ValueError(
                f"{path}: problem {name!r} was another there: {known[name]}; and is {text}"
            )
    new = {name: text for name, text in asked.items() if name not in known}
    if new:
        with path.open("a", encoding="utf-8") as file:
            file.write(line({"fastgd": VERSION, "seed": seed, "problems": new}))
    return records


def _description(problem: "Problem") -> str:
    start = problem.train.initial_point(0) if problem.theta0 is None else problem.theta0
    judges = problem.train, problem.validation, problem.test
    values = ", ".join(f"{part.value(start):.8g}" for part in judges)
    return (
        f"{problem.train!r}, losses {values} at the start, batch_size {problem.batch_size}, "
        f"{problem.steps} steps"
    )


def _read(path: Path, seed: int) -> tuple[dict[str, str], dict[Key, Record]]:
    problems: dict[str, str] = {}
    records: dict[Key, Record] = {}
    try:
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        if text and not text.endswith("\n"):  # killed while it wrote: that trial is run again
            lines.pop()
            replace_text(path, "".join(one + "\n" for one in lines))
        for one in map(json.loads, lines):
            if not isinstance(one, dict):
                raise TypeError("a line is no object")
            if "fastgd" in one:
                problems |= {str(name): str(known) for name, known in one["problems"].items()}
                if one["fastgd"] != VERSION:
                    raise ValueError(f"{path} was written by another version of fastgd: start anew")
                if one["seed"] != seed:
                    raise ValueError(
                        f"{path} is of a comparison with seed {one['seed']}, not {seed}"
                    )
                continue
            for column in ("validation", "test"):
                one[column] = math.inf if one[column] is None else one[column]
            one["lr"] = math.nan if one["lr"] is None else one["lr"]
            _check(one)
            records[tuple(one[column] for column in COLUMNS[:6])] = one
    except (
        json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError,
        RecursionError,
    ) as error:  # fmt: skip
        raise ValueError(f"{path} is not the file of a comparison") from error
    if lines and not problems:
        raise ValueError(f"{path} is not the file of a comparison")
    return problems, records


def _check(record: Mapping[str, Any]) -> None:
    """Raise TypeError where a line of a file is no record."""
    for column, kind in KINDS.items():
        value = record[column]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(f"{column} is {value!r}")
