"""Real data: three small sets shipped with the package, and CSV or NPZ files from disk.

Sources, creators and licences of what is shipped stand in LICENSES.md beside this file.
"""

import numbers
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import notebook
from fastgd.datasets import encoding, frames, tables
from fastgd.datasets.formats import READABLE, read
from fastgd.datasets.tables import Table, Wanted
from fastgd.files import as_path

__all__ = ["Dataset", "load", "load_features", "shipped"]

shipped = {
    "breast-cancer": ("breast_cancer.csv", "diagnosis"),
    "digits": ("digits.csv.gz", "digit"),
    "penguins": ("penguins.csv", "species"),
}
"""Name of each data set in the package: its file and its default target."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Observations and their target; unpacks as ``X, y``.

    Attributes
    ----------
    X : (n, d') float64, or CSR
        Standardised if `standardized`: each column has mean 0 and variance 1, in multiples of its
        own standard deviation. A constant column is 0.
    y : (n,)
        int64 in {0..K-1} for classes, float64 (in the target's own units) for regression.
    feature_names : tuple of str
        Column names; ``column=level`` for each level of a categorical column.
    target_name : str
    classes : tuple or None
        What y's integers stand for, sorted; None for regression.
    name : str
    mean, scale : (d',) float64
        ``X * scale + mean`` are the values as read: 0 and 1 if not standardised.
    standardized : bool
    test : Dataset or None
        The part that whoever made the file has held out, standardised as X is.

    Examples
    --------
    >>> data = gd.datasets.load("penguins")
    >>> data
    Dataset penguins: 333 × 10, target 'species' with 3 classes
    >>> data.classes
    ('Adelie', 'Chinstrap', 'Gentoo')
    >>> X, y = data
    >>> X.shape, y.dtype
    ((333, 10), dtype('int64'))
    """

    X: NDArray[np.float64]
    y: NDArray[Any]
    feature_names: tuple[str, ...]
    target_name: str
    classes: tuple[Any, ...] | None
    name: str
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    standardized: bool
    test: "Dataset | None" = None

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.X, self.y))

    def __repr__(self) -> str:
        kind = f" with {len(self.classes)} classes" if self.classes else ""
        n, d = self.X.shape
        return f"Dataset {self.name}: {n} × {d}, target {self.target_name!r}{kind}"

    def _repr_html_(self) -> str:
        """What it holds, and its first rows as they were read, as a notebook shows them."""
        target = self.target_name
        if self.classes:
            counts = np.bincount(self.y, minlength=len(self.classes))
            named = zip(self.classes, counts, strict=True)
            target += ": " + ", ".join(f"{name} ({count})" for name, count in named)
        few = 8
        features = ", ".join(self.feature_names[:few])
        if len(self.feature_names) > few:
            features += f", ... ({len(self.feature_names)})"
        first: Any = self.X[:5, :few]
        first = first.toarray() if hasattr(first, "toarray") else first
        values = first * self.scale[:few] + self.mean[:few]
        labels = [self.classes[code] if self.classes else code for code in self.y[:5]]
        rows = [[*row, label] for row, label in zip(values, labels, strict=True)]
        return notebook.facts({
            "data": escape(self.name),
            "rows": f"{len(self.y)}",
            "features": escape(features),
            "target": escape(target),
            "standardised": "yes; below, the values as read" if self.standardized else "no",
        }) + notebook.table([*self.feature_names[:few], self.target_name], rows)  # fmt: skip

    def split(self, test_fraction: float = 0.25, seed: Any = None) -> "tuple[Dataset, Dataset]":
        """Two parts, drawn at random: one to train on, one held out.

        If the data is standardised, both parts are standardised again by the mean and scale of the
        training part alone, so that nothing of the held-out part leaks into the training.

        Parameters
        ----------
        test_fraction : float in (0, 1), default 0.25
            Part of the rows that is held out, rounded to whole rows, at least one.
        seed : int or numpy Generator, optional

        Returns
        -------
        train, test : Dataset

        Raises
        ------
        TypeError, ValueError
            A fraction that is not a number between 0 and 1, a negative seed, fewer than two rows.

        Examples
        --------
        >>> train, test = gd.datasets.load("penguins").split(0.2, seed=0)
        >>> len(train.y), len(test.y)
        (266, 67)
        """
        if isinstance(test_fraction, bool) or not isinstance(test_fraction, numbers.Real):
            raise TypeError(f"test_fraction must be a number, not {test_fraction!r}")
        test_fraction = float(test_fraction)
        if not 0.0 < test_fraction < 1.0:
            raise ValueError(f"test_fraction must lie between 0 and 1, not {test_fraction}")
        n = len(self.y)
        if n < 2:
            raise ValueError(f"{self.name}: a single row cannot be split")
        if isinstance(seed, numbers.Integral) and seed < 0:
            raise ValueError(f"seed must be at least 0, not {seed}")
        held_out = min(max(1, round(test_fraction * n)), n - 1)
        order = np.random.default_rng(seed).permutation(n)
        train, test = np.sort(order[held_out:]), np.sort(order[:held_out])
        X_train, X_test = self.X[train], self.X[test]
        mean, scale = self.mean, self.scale
        if self.standardized:
            X_train, shift, stretch = encoding.standardize(X_train, self.feature_names)
            X_test = encoding.moved(X_test, shift, stretch)
            mean, scale = mean + scale * shift, scale * stretch
        parts = replace(self, mean=mean, scale=scale, test=None)
        return (
            replace(parts, X=X_train, y=self.y[train]),
            replace(parts, X=X_test, y=self.y[test]),
        )


def load(
    name_or_path: str | Path,
    target: str | None = None,
    standardize: bool = True,
    task: str | None = None,
    drop: Iterable[str] = (),
    missing: str = "refuse",
) -> Dataset:
    """A data set of the package, one from a file, or a table of pandas, polars or pyarrow.

    Parameters
    ----------
    name_or_path : str or Path
        ``"breast-cancer"`` (569 × 30; y = 1 is malignant, where scikit-learn's copy has benign),
        ``"digits"`` (1797 × 64, ten classes), ``"penguins"`` (the 333 complete rows; species, or
        ``target="body_mass_g"`` for regression); a path that ends in .csv, .tsv, .jsonl (these
        also with .gz, .bz2 or .xz), .npz, .npy, .libsvm, .parquet or .feather; ``"-"``, a csv or
        jsonl text on standard input; or a table, which needs ``pip install "fastgd[data]"``.
    target : str, optional
        The column to be predicted. A CSV file needs it: its first line names the columns, set
        apart by comma, semicolon or tab. An NPZ file holds X and y (optionally feature_names), or
        one array for each column or group of columns, of which `target` names one; X_train and
        X_test are two parts, of which `Dataset.test` is the second. A CSR matrix, of a libsvm file
        or as ``scipy.sparse.save_npz`` writes it, stays CSR: it is scaled, not shifted.
    standardize : bool, default True
        Subtract each feature's mean and divide by its standard deviation; a constant column
        becomes 0. The target is left alone.
    task : "classification" or "regression", optional
        What the target is. By default text is classification, and so are whole numbers if at most
        20 different ones occur, each at least twice on average, or at most 100 that are labels:
        0, 1, ..., K-1 or 1, ..., K without a gap, each 10 times on average; all else is regression.
    drop : iterable of str, optional
        Columns to leave out: identifiers, or other columns that give the target away.
    missing : "refuse", "drop" or "impute", default "refuse"
        What becomes of a row of a text or table that lacks a value: it is left out, or a feature
        takes the mean of its column, or its most frequent text (of all rows, also of those that are
        held out later). A target is never made up.

    Returns
    -------
    Dataset
        Columns of text become one column of 0 and 1 for each level, named ``column=level``.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        An unknown name or column; a missing or infinite value (named with its column and line); a
        column that mixes numbers and text, or has more than 1000 levels of text; a target with one
        class only; a file that is not what its name says. NPZ files with pickled objects are not
        read.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> X.shape, np.bincount(y)
    ((569, 30), array([357, 212]))
    >>> gd.datasets.load("penguins", target="body_mass_g", standardize=False)
    Dataset penguins: 333 × 12, target 'body_mass_g'
    """
    if task not in (None, "classification", "regression"):
        raise ValueError(f"task must be 'classification' or 'regression', not {task!r}")
    if missing not in ("refuse", "drop", "impute"):
        raise ValueError(f"missing must be 'refuse', 'drop' or 'impute', not {missing!r}")
    table, name, default = _read(name_or_path, _wanted(drop, missing=missing))
    if target is None:
        target = default if default in table.columns else None
    if target is None:
        raise ValueError(
            f"{name}: say which column is to be predicted, target=...;"
            f" there are {tables.listing(table.columns)}"
        )
    if target not in table.columns:
        raise ValueError(
            f"{name}: there is no column {target!r}; there are {tables.listing(table.columns)}"
        )
    if target in table.filled:
        raise ValueError(f"{name}: the target {target!r} lacks values: missing='drop' leaves their "
                         "rows out")  # fmt: skip
    if len(table.columns) == 1 and table.sparse is None:
        raise ValueError(f"{name}: there is no column besides the target {target!r}")
    y, classes = encoding.target_of(table, target, task)
    features = encoding.features_of(table, target)
    X = encoding.encode(table, features)
    names = tuple(one if level is None else f"{one}={level}" for one, level in features)
    d = len(names)
    mean, scale = np.zeros(d), np.ones(d)
    if standardize:
        X, mean, scale = encoding.standardize(X, names)
    data = Dataset(X, y, names, target, classes, name, mean, scale, bool(standardize))
    if table.test is None:
        return data
    encoding.check_levels(table.test, features)
    X_test = encoding.moved(encoding.encode(table.test, features), mean, scale)
    return replace(
        data, test=replace(data, X=X_test, y=encoding.as_coded(table.test, target, classes))
    )


def _wanted(drop: Iterable[str], only: Collection[str] | None = None, **more: Any) -> Wanted:
    if isinstance(drop, str):
        raise TypeError(f"drop must be a list of column names, not the string {drop!r}")
    return Wanted(tuple(drop), only, **more)


def load_features(name_or_path: str | Path, feature_names: Sequence[str]) -> NDArray[np.float64]:
    """The columns that a model was trained on, in its order, as read (not standardised).

    Parameters
    ----------
    name_or_path : str or Path
        As for `load`. Columns that the model does not need are not looked at.
    feature_names : sequence of str
        Those of the `Dataset` that the model saw: ``column``, or ``column=level``.

    Returns
    -------
    (n, len(feature_names)) float64

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        A column that is missing, has text for numbers (or the reverse), or a level that the model
        has not seen; all that `load` refuses in a file.

    Examples
    --------
    >>> data = gd.datasets.load("penguins")
    >>> X = gd.datasets.load_features("penguins", data.feature_names)
    >>> np.allclose((X - data.mean) / data.scale, data.X)
    True
    """
    # A level may hold a '=' too, so every place to cut is a candidate until the columns are known.
    cuts = {
        feature[:position]
        for feature in feature_names
        for position in (*encoding.equal_signs(feature), len(feature))
    }
    table, name, _ = _read(name_or_path, Wanted(only=cuts))
    table = table.test or table  # what was held out is there to be predicted
    kinds = {column: values.dtype.kind for column, values in table.columns.items()}
    kinds |= dict.fromkeys(table.sparse_names, "f")
    if table.padded:
        kinds |= dict.fromkeys(set(feature_names) - set(kinds), "f")
    wanted = [encoding.column_of(feature, table.name, kinds) for feature in feature_names]
    encoding.check_levels(table, wanted)
    return encoding.encode(table, wanted)


def _read(given: Any, wanted: Wanted) -> tuple[Table, str, str | None]:
    """The table, its name, and the target that it has by default."""
    if not isinstance(given, (str, Path)):
        if frames.is_frame(given):
            return frames.read_frame(given, "table", wanted), "table", None
        raise TypeError(f"a data set is named by a string or a path, not {given!r}")
    name = str(given)
    if name in shipped:
        file, target = shipped[name]
        return read(Path(__file__).parent / file, name, wanted), name, target
    if name == "-":
        name = "standard input"
        return tables.read_text(None, name, wanted), name, None
    path = as_path(given)
    if not path.exists() and not path.suffix:
        raise ValueError(
            f"there is no data set {name!r}: give {', '.join(shipped)}, or the path of {READABLE}"
        )
    return read(path, path.name, wanted), path.name, "y"
