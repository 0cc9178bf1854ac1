"""From a table to numbers: what the target is, one column for each level, standardisation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.datasets import tables
from fastgd.datasets.tables import Table

Feature = tuple[str, str | None]  # a column of numbers, or a column of text and one of its levels

MOST_CLASSES = 20  # up to which a target of whole numbers is taken for classes
# Numbered without a gap from 0 or 1, as labels are, more of them are, if none is rare.
MOST_LABELS, ROWS_OF_A_LABEL = 100, 10
MOST_LEVELS = 1000  # beyond which a column of text is an identifier, not a category


def check_levels(table: Table, features: Sequence[Feature]) -> None:
    """Refuses a level of a category that the model does not know."""
    known_levels: dict[str, list[str]] = {}
    for column, level in features:
        if level is not None:
            known_levels.setdefault(column, []).append(level)
    for column, levels in known_levels.items():
        known = np.isin(table.columns[column], levels)
        if not known.all():
            row = int(np.argmin(known))
            raise ValueError(
                f"{table.name}: column {column!r} has {str(table.columns[column][row])!r} in"
                f" {table.place(row)}, which the model has not seen; it knows"
                f" {tables.listing(levels)}"
            )


def as_coded(table: Table, target: str, classes: tuple[Any, ...] | None) -> NDArray[Any]:
    """The target of held-out rows, by the classes of those that are trained on."""
    values = table.columns[target]
    if classes is None:
        return values.copy()
    places = np.searchsorted(classes, values)
    codes = np.minimum(places, len(classes) - 1)
    known = np.array(classes)[codes] == values
    if not known.all():
        row = int(np.argmin(known))
        raise ValueError(
            f"{table.name}: target {target!r} has {values[row].item()!r} in the test part,"
            f" {table.place(row)}, and nowhere in the training part"
        )
    return codes.astype(np.int64)


def target_of(
    table: Table, target: str, task: str | None
) -> tuple[NDArray[Any], tuple[Any, ...] | None]:
    values = table.columns[target]
    text = values.dtype.kind != "f"
    if task == "regression" and text:
        raise ValueError(f"{table.name}: target {target!r} is text, which cannot be regressed")
    if task == "regression":
        return values.copy(), None
    levels, codes = np.unique(values, return_inverse=True)
    whole = not text and bool((levels == np.round(levels)).all())
    if task is None and not text and not (whole and _few(levels, len(values))):
        return values.copy(), None
    if len(levels) < 2:
        raise ValueError(f"{table.name}: target {target!r} has one value only, {levels[0]}")
    if text and len(levels) > MOST_LEVELS:
        raise ValueError(f"{table.name}: target {target!r} has {len(levels)} different values")
    whole = whole and bool(np.abs(levels).max() <= tables.LARGEST_WHOLE)
    classes = tuple(int(level) if whole else level.item() for level in levels)
    return codes.astype(np.int64), classes


def _few(levels: NDArray[np.float64], n: int) -> bool:
    """Whether these whole numbers, in order, are so few that they are classes."""
    k = len(levels)
    if k <= MOST_CLASSES:
        return 2 * k <= n
    labels = levels[0] in (0, 1) and levels[-1] - levels[0] == k - 1
    return bool(labels) and k <= MOST_LABELS and ROWS_OF_A_LABEL * k <= n


def features_of(table: Table, target: str) -> list[Feature]:
    """The columns but the target, in order; one of text once for each of its levels."""
    features: list[Feature] = []
    for column, values in table.columns.items():
        if column == target:
            continue
        if values.dtype.kind == "f":
            features.append((column, None))
            continue
        levels = np.unique(values).tolist()
        if len(levels) > MOST_LEVELS:
            raise ValueError(
                f"{table.name}: column {column!r} has {len(levels)} different values, too many for"
                " categories; drop it"
            )
        features += [(column, level) for level in levels]
    return features + [(column, None) for column in table.sparse_names]


def encode(table: Table, features: Sequence[Feature]) -> Any:
    if table.sparse is not None:
        return _encode_sparse(table, features)
    X = np.empty((len(table), len(features)))
    for j, (column, level) in enumerate(features):
        values = table.columns[column]
        X[:, j] = values if level is None else values == level
    return X


def _encode_sparse(table: Table, features: Sequence[Feature]) -> Any:
    import scipy.sparse as sp

    if [column for column, _ in features] == list(table.sparse_names):
        return table.sparse
    known = {column: j for j, column in enumerate(table.sparse_names)}
    dense = [one for one in features if one[0] in table.columns]
    columns = np.empty((len(table), len(dense) + 1))
    for j, (column, level) in enumerate(dense):
        values = table.columns[column]
        columns[:, j] = values if level is None else values == level
    columns[:, -1] = 0.0  # what a padded file does not have
    all_of_them = sp.hstack([table.sparse, sp.csr_matrix(columns)], format="csc")
    place = {one: len(known) + j for j, one in enumerate(dense)}
    order = [known.get(one[0], place.get(one, all_of_them.shape[1] - 1)) for one in features]
    return all_of_them[:, order].tocsr()


def column_of(feature: str, name: str, kinds: Mapping[str, str]) -> Feature:
    """The column, and the level if it is one of a category; either may contain '=' itself."""
    cuts = [(feature[:position], feature[position + 1 :]) for position in equal_signs(feature)]
    if kinds.get(feature) == "f":
        return feature, None
    for column, level in cuts:
        if kinds.get(column) == "U":
            return column, level
    if feature in kinds:
        raise ValueError(f"{name}: column {feature!r} must hold numbers for this model")
    for column, _ in cuts:
        if column in kinds:
            raise ValueError(f"{name}: column {column!r} must hold text for this model")
    missing = cuts[0][0] if cuts else feature
    raise ValueError(f"{name}: the model needs a column {missing!r}")


def equal_signs(feature: str) -> list[int]:
    return [position for position, letter in enumerate(feature) if letter == "="]


def standardize(X: Any, names: Sequence[str]) -> tuple[Any, Any, Any]:
    """X standardised, in place if dense; mean and scale. A constant column becomes exactly 0.

    CSR is scaled only, by the root of the mean square, so that what is 0 stays so.
    """
    with np.errstate(all="ignore"):
        if hasattr(X, "indptr"):
            squares = X.astype(np.float64).power(2).mean(axis=0)
            mean, scale = np.zeros(X.shape[1]), np.sqrt(np.asarray(squares).ravel())
            scale[np.asarray(abs(X).max(axis=0).todense()).ravel() == 0] = 1.0
        else:
            mean = X.mean(axis=0)
            constant = X.min(axis=0) == X.max(axis=0)
            mean[constant] = X[0, constant]
            X -= mean
            scale = np.sqrt(np.mean(X * X, axis=0))
            scale[constant] = 1.0
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        worst = int(np.argmin(np.isfinite(scale) & (scale > 0)))
        raise ValueError(f"column {names[worst]!r} is too large or too small to be standardised")
    if hasattr(X, "indptr"):
        return moved(X, mean, scale), mean, scale
    X /= scale
    return X, mean, scale


def moved(X: Any, mean: NDArray[np.float64], scale: NDArray[np.float64]) -> Any:
    """(X - mean)/scale, where mean is 0 if X is CSR."""
    if not hasattr(X, "indptr"):
        return (X - mean) / scale
    X = X.astype(np.float64)
    X.data /= scale[X.indices]
    return X
