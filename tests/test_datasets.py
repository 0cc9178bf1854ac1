"""Data sets of the package and files from disk, with everything that is refused."""

import csv
import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastgd import datasets

SHARED = Path(os.environ.get("FASTGD_DATA", Path(__file__).parents[2] / "shared" / "data"))


def shared(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is missing: set FASTGD_DATA to the folder that holds it")
    return path


@pytest.fixture
def write(tmp_path):
    def write_text(text, name="table.csv"):
        path = tmp_path / name
        if name.endswith(".gz"):
            path.write_bytes(gzip.compress(text.encode()))
        else:
            path.write_bytes(text.encode())
        return path

    return write_text


@pytest.fixture
def save(tmp_path):
    def save_arrays(**arrays):
        path = tmp_path / "table.npz"
        np.savez(path, **arrays)
        return path

    return save_arrays


# What is shipped.


@pytest.mark.parametrize(
    ("name", "target", "shape", "counts"),
    [
        ("breast-cancer", None, (569, 30), [357, 212]),
        ("digits", None, (1797, 64), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]),
        ("penguins", None, (333, 10), [146, 68, 119]),
        ("penguins", "sex", (333, 11), [165, 168]),
    ],
)
def test_shipped_classes(name, target, shape, counts):
    data = datasets.load(name, target)
    assert data.X.shape == shape
    assert data.X.dtype == np.float64
    assert data.X.flags.c_contiguous
    assert data.y.dtype == np.int64
    assert np.bincount(data.y).tolist() == counts
    assert len(data.feature_names) == shape[1]
    assert len(data.classes) == len(counts)
    assert data.name == name


def test_malignant_is_one():
    data = datasets.load("breast-cancer", standardize=False)
    assert data.classes == ("benign", "malignant")
    assert data.target_name == "diagnosis"
    assert data.X[0, :2].tolist() == [17.99, 10.38]
    assert data.y[0] == 1


def test_digits_are_sixteenths_of_ink():
    X, y = datasets.load("digits", standardize=False)
    assert X.min() == 0
    assert X.max() == 16
    assert y[:10].tolist() == list(range(10))


def test_body_mass_is_a_regression():
    data = datasets.load("penguins", target="body_mass_g", standardize=False)
    assert data.classes is None
    assert data.y.dtype == np.float64
    assert data.y[:3].tolist() == [3750, 3800, 3250]
    first = dict(zip(data.feature_names, data.X[0], strict=True))
    assert first["species=Adelie"] == 1
    assert first["species=Gentoo"] == first["species=Chinstrap"] == 0
    assert first["sex=male"] == 1
    assert first["sex=female"] == 0
    assert first["bill_length_mm"] == 39.1
    for column in ("species=", "island=", "sex="):
        part = [j for j, name in enumerate(data.feature_names) if name.startswith(column)]
        assert (data.X[:, part].sum(axis=1) == 1).all()


@pytest.mark.parametrize("name", list(datasets.shipped))
def test_shipped_data_is_standardised_on_request(name):
    data, raw = datasets.load(name), datasets.load(name, standardize=False)
    assert data.standardized
    assert not raw.standardized
    assert (raw.mean == 0).all()
    assert (raw.scale == 1).all()
    np.testing.assert_allclose(data.X * data.scale + data.mean, raw.X, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(data.X.mean(axis=0), 0, atol=1e-12)
    varying = raw.X.min(axis=0) < raw.X.max(axis=0)
    np.testing.assert_allclose(data.X[:, varying].std(axis=0), 1, rtol=1e-12)
    assert (data.X[:, ~varying] == 0).all()
    assert (data.scale[~varying] == 1).all()
    np.testing.assert_array_equal(data.y, raw.y)


def test_the_licences_are_shipped():
    folder = Path(datasets.__file__).parent
    text = (folder / "LICENSES.md").read_text(encoding="utf-8")
    for file, _ in datasets.shipped.values():
        assert file in text
    for words in ("Wolberg", "Street", "Mangasarian", "Alpaydin", "Kaynak", "Horst", "Hill"):
        assert words in text
    for words in ("Gorman", "CC BY 4.0", "CC0", "archive.ics.uci.edu"):
        assert words in text


@pytest.mark.parametrize(
    ("name", "file"),
    [("breast-cancer", "breast_cancer.csv"), ("digits", "digits.csv.gz")],
)
def test_shipped_files_equal_their_origin(name, file):
    target = datasets.shipped[name][1]
    data = datasets.load(name, standardize=False)
    origin = datasets.load(shared(file), target, standardize=False)
    assert data.feature_names == origin.feature_names
    np.testing.assert_array_equal(data.X, origin.X)
    np.testing.assert_array_equal(data.y, origin.y)


def test_shipped_penguins_are_the_complete_rows_of_their_origin():
    with shared("penguins.csv").open(newline="") as file:
        complete = [row for row in csv.reader(file) if "NA" not in row]
    folder = Path(datasets.__file__).parent
    with (folder / "penguins.csv").open(newline="") as file:
        assert list(csv.reader(file)) == complete


# Splits.


def test_split_is_a_seeded_partition():
    data = datasets.load("digits", standardize=False)
    train, test = data.split(0.2, seed=3)
    assert len(test.y) == round(0.2 * 1797)
    assert len(train.y) + len(test.y) == 1797
    together = np.vstack([np.column_stack((part.X, part.y)) for part in (train, test)])
    whole = np.column_stack((data.X, data.y))
    order = np.lexsort(whole.T), np.lexsort(together.T)
    np.testing.assert_array_equal(whole[order[0]], together[order[1]])
    again, _ = data.split(0.2, seed=3)
    other, _ = data.split(0.2, seed=4)
    np.testing.assert_array_equal(train.X, again.X)
    assert not np.array_equal(train.y, other.y)


def test_split_standardises_by_the_training_part_only():
    raw = datasets.load("penguins", standardize=False)
    train, test = datasets.load("penguins").split(0.3, seed=1)
    raw_train, raw_test = raw.split(0.3, seed=1)
    mean, scale = raw_train.X.mean(axis=0), raw_train.X.std(axis=0)
    for part, of_raw in ((train, raw_train), (test, raw_test)):
        np.testing.assert_allclose(part.X, (of_raw.X - mean) / scale, atol=1e-11)
        np.testing.assert_allclose(part.X * part.scale + part.mean, of_raw.X, rtol=1e-11, atol=1e-9)
        assert part.classes == raw.classes
        assert part.feature_names == raw.feature_names


def test_split_leaves_the_data_alone():
    data = datasets.load("penguins")
    before = data.X.copy(), data.mean.copy(), data.scale.copy()
    data.split(0.3, seed=1)
    for now, then in zip((data.X, data.mean, data.scale), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_column_that_is_constant_in_the_training_part_only(write):
    path = write("a,b,y\n" + "".join(f"{i},{int(i == 3)},{i}\n" for i in range(40)))
    data = datasets.load(path, "y")
    for seed in range(200):
        train, test = data.split(0.25, seed)
        if (train.X[:, 1] == 0).all():
            break
    assert np.isfinite(test.X).all()
    assert (test.X[:, 1] != 0).sum() == 1


@pytest.mark.parametrize("fraction", [0, 1, 0.0, 1.0, -0.1, 1.5, float("nan")])
def test_split_refuses_fractions_out_of_range(fraction):
    with pytest.raises(ValueError, match="test_fraction must lie between 0 and 1"):
        datasets.load("penguins").split(fraction)


@pytest.mark.parametrize("fraction", ["0.2", True, None])
def test_split_refuses_what_is_no_number(fraction):
    with pytest.raises(TypeError, match="test_fraction must be a number"):
        datasets.load("penguins").split(fraction)


def test_both_parts_of_a_split_hold_a_row(write):
    data = datasets.load(write("a,y\n1,2\n3,4\n"), "y")
    for fraction in (0.01, 0.99):
        train, test = data.split(fraction, 0)
        assert len(train.y) == len(test.y) == 1
    with pytest.raises(ValueError, match="a single row cannot be split"):
        datasets.load(write("a,y\n1,2\n"), "y").split(0.5)


# CSV files.

PLAIN = "size;colour;price\n1.5;red;10.5\n2;blue; 20 \n-3e1;red;30\n"


@pytest.mark.parametrize("mark", [";", ",", "\t"])
@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz", "TABLE.CSV"])
def test_csv(write, mark, name):
    data = datasets.load(write(PLAIN.replace(";", mark), name), "price", standardize=False)
    assert data.feature_names == ("size", "colour=blue", "colour=red")
    assert data.X.tolist() == [[1.5, 0, 1], [2, 1, 0], [-30, 0, 1]]
    assert data.y.tolist() == [10.5, 20, 30]
    assert data.classes is None
    assert data.name == name


def test_csv_of_the_world(write):
    text = '\ufeff\n"a ""b""","c,d",y\r\n1,"x, y",2\r\n\r\n"3","x\ny",4\r\n'
    data = datasets.load(write(text), "y", standardize=False)
    assert data.feature_names == ('a "b"', "c,d=x\ny", "c,d=x, y")
    assert data.X.tolist() == [[1, 0, 1], [3, 1, 0]]


def test_columns_may_be_dropped(write):
    text = "id,when,a,y\n1,2020-01-01,5,1\n2,2020-01-02,,2\n"
    with pytest.raises(ValueError, match="missing values in 'a'"):
        datasets.load(write(text), "y", drop=["id"])
    data = datasets.load(write(text), "y", drop=["a", "when"], standardize=False)
    assert data.feature_names == ("id",)
    with pytest.raises(ValueError, match="no column 'z' to drop; there are 'id', 'when', 'a', 'y'"):
        datasets.load(write(text), "y", drop=["z"])
    with pytest.raises(TypeError, match="drop must be a list of column names"):
        datasets.load(write(text), "y", drop="id")
    with pytest.raises(ValueError, match="there is no column besides the target 'y'"):
        datasets.load(write(text), "y", drop=["id", "when", "a"])


def test_long_files_are_read_in_blocks(write, monkeypatch):
    monkeypatch.setattr(datasets.tables, "ROWS_AT_ONCE", 3)
    rows = [f"{i},{'ab'[i % 2] * (1 + i)},{i % 2}\n" for i in range(10)]
    data = datasets.load(write("n,t,y\n" + "".join(rows)), "y", standardize=False)
    assert data.X[:, 0].tolist() == list(range(10))
    assert data.X.shape == (10, 11)
    assert data.y.tolist() == [0, 1] * 5
    # Numbers alone in the first block, and text in a later one.
    rows[7] = "7,seven,1\n"
    mixed = "n,t,y\n" + "".join(r if i > 6 else f"{i},{i},0\n" for i, r in enumerate(rows))
    with pytest.raises(ValueError, match="column 't' holds numbers, but 'seven' in line 9"):
        datasets.load(write(mixed), "y")
    gap = "n,t,y\n" + "".join(f"{'' if i == 8 else i},a,0\n" for i in range(10))
    with pytest.raises(ValueError, match=r"missing values in 'n' \(1, first in line 10\)"):
        datasets.load(write(gap), "y")


@pytest.mark.parametrize("gap", ["", " ", "NA", "n/a", "NaN", "?", "null"])
@pytest.mark.parametrize("column", ["a", "t", "y"])
def test_missing_values_are_refused_by_column_and_line(write, gap, column):
    row = {"a": "2", "t": "v", "y": "1", column: gap}
    text = "a,t,y\n1,u,0\n" + ",".join(row.values()) + "\n3,u,1\n,w,1\n"
    listed = {"a": r"'a' \(2, first in line 3\)"}.get(
        column, rf"'a' \(1, first in line 5\), '{column}' \(1, first in line 3\)"
    )
    with pytest.raises(ValueError, match=rf"table.csv: missing values in {listed}"):
        datasets.load(write(text), "y")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("a,y\n", "a header but no row of data"),
        ("1,2\n3,4\n", "the first line must name the columns, but it holds numbers"),
        ("a,,y\n1,2,3\n", "column 2 has no name in the first line"),
        ("a,b,a,y\n1,2,3,4\n", "two columns are named 'a'"),
        ("a,y\n1,2\n3\n", "line 3 has 1 fields, not 2"),
        ("a,y\n1,2\n\n3,4,5\n", "line 4 has 3 fields, not 2"),
        ("\na,y\n1,2\n3\n", "line 4 has 1 fields, not 2"),
        ("a,y\n1,2\ninf,4\n", "column 'a' has inf in line 3, where a finite number is needed"),
        ("a,y\n1,2\n3,-1e999\n", "column 'y' has -inf in line 3"),
        ("a,y\n1,2\nx,4\n", "column 'a' holds numbers, but 'x' in line 3"),
        ("a,y\n1_000,2\n3,4\n", "column 'a' holds numbers, but '1_000' in line 2"),
        ("a;y\n1,5;2\n2,5;4\n", "column 'a' has '1,5' in line 2: write decimals with a point"),
        ("a;y\n1;2\n2,5;4\n", "column 'a' has '2,5' in line 3: write decimals with a point"),
        ("a,z\n1,2\n", "there is no column 'y'; there are 'a', 'z'"),
        ("y\n1\n", "there is no column besides the target 'y'"),
        ("a,y\n1,u\n2,u\n", "target 'y' has one value only, u"),
        ("a,y\n1,5\n2,5\n", "target 'y' has one value only, 5.0"),
        ('a,y\n"1,2\n3,4\n', "not a CSV file"),
        (f"a,y\n{'x' * 201},1\n", "column 'a' holds long text, not categories; drop it"),
        (
            "a,y\n" + "".join(f"n{i},{i}\n" for i in range(1001)),
            "column 'a' has 1001 different values, too many for categories; drop it",
        ),
        (
            "a,y\n" + "".join(f"1,n{i}\n" for i in range(1001)),
            "target 'y' has 1001 different values",
        ),
        ("a,b,y\n1e300,1,2\n-1e300,2,3\n", "column 'a' is too large or too small"),
        ("a,b,y\n1e-300,1,2\n-1e-300,2,3\n", "column 'a' is too large or too small"),
    ],
)
def test_bad_csv(write, text, message):
    with pytest.raises(ValueError, match=message):
        datasets.load(write(text), "y")


def test_a_csv_needs_its_target(write):
    with pytest.raises(ValueError, match=r"say which column is to be predicted, target=.*'size'"):
        datasets.load(write(PLAIN))


def test_files_that_are_not_what_their_name_says(tmp_path, write):
    damaged = tmp_path / "damaged.csv.gz"
    damaged.write_bytes(gzip.compress(b"a,y\n1,2\n" * 99)[:-12])
    plain = tmp_path / "plain.csv.gz"
    plain.write_bytes(b"a,y\n1,2\n")
    for path in (damaged, plain):
        with pytest.raises(ValueError, match="damaged, or not compressed by gzip"):
            datasets.load(path, "y")
    latin = tmp_path / "latin.csv"
    latin.write_bytes("a,y\né,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match="not text in UTF-8"):
        datasets.load(latin, "y")
    for name in ("text.npz", "empty.npz"):
        (tmp_path / name).write_bytes(b"a,y\n" if name == "text.npz" else b"")
        with pytest.raises(ValueError, match="not an .npz file, or damaged"):
            datasets.load(tmp_path / name)
    np.save(tmp_path / "one.npy", np.ones(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(ValueError, match="a single array, not an .npz file"):
        datasets.load(tmp_path / "one.npz")
    with pytest.raises(ValueError, match="is a folder"):
        datasets.load(tmp_path)
    with pytest.raises(ValueError, match="only .csv, .csv.gz and .npz files"):
        datasets.load(write("a,y\n", "table.xlsx"), "y")


def test_names_that_lead_nowhere(tmp_path):
    with pytest.raises(
        ValueError, match="no data set 'iris': give breast-cancer, digits, penguins"
    ):
        datasets.load("iris")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        datasets.load(tmp_path / "none.csv", "y")
    for name in (None, 3, b"digits"):
        with pytest.raises(TypeError, match="named by a string or a path"):
            datasets.load(name)


# What the target is.


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["b", "a", "b", "a"], None, ("a", "b")),
        ([-1, 1, -1, 1], None, (-1, 1)),
        ([1, 2, 10, 1, 2, 10], None, (1, 2, 10)),
        ([0.5, 1, 0.5, 1], None, None),
        ([1, 2, 3, 4], None, None),
        (list(range(21)) * 3, None, None),
        (list(range(20)) * 3, None, tuple(range(20))),
        ([1, 2, 1, 2], "regression", None),
        ([1, 2, 3, 4], "classification", (1, 2, 3, 4)),
        ([0.5, 1, 0.5, 1], "classification", (0.5, 1.0)),
    ],
)
def test_what_the_target_is(write, values, task, classes):
    path = write("a,y\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values)))
    data = datasets.load(path, "y", task=task)
    assert data.classes == classes
    if classes is None:
        assert data.y.dtype == np.float64
        assert data.y.tolist() == values
    else:
        assert data.y.dtype == np.int64
        assert [classes[code] for code in data.y] == values


def test_bad_tasks():
    with pytest.raises(ValueError, match="task must be 'classification' or 'regression'"):
        datasets.load("penguins", task="ranking")
    with pytest.raises(ValueError, match="target 'species' is text, which cannot be regressed"):
        datasets.load("penguins", task="regression")


# NPZ files.


def test_npz_of_X_and_y(save):
    X, y = np.arange(12, dtype=np.float32).reshape(6, 2), np.array([3, 5, 3, 5, 3, 5], np.int8)
    data = datasets.load(save(X=X, y=y), standardize=False)
    np.testing.assert_array_equal(data.X, X)
    assert data.y.tolist() == [0, 1] * 3
    assert data.classes == (3, 5)
    assert data.feature_names == ("x0", "x1")
    assert data.target_name == "y"
    named = datasets.load(save(X=X, y=y, feature_names=np.array(["a", "b"])))
    assert named.feature_names == ("a", "b")


def test_npz_of_named_arrays(save):
    path = save(
        size=np.array([1, 2, 3]),
        colour=np.array(["red", "blue", "red"]),
        hot=np.array([True, False, True]),
        cost=np.array([0.1, 0.2, 0.3]),
        grid=np.arange(6).reshape(3, 2),
        note=np.zeros((2, 2, 2)),
    )
    with pytest.raises(ValueError, match="array 'note' has 3 dimensions"):
        datasets.load(path, "cost")
    data = datasets.load(path, "cost", standardize=False, drop=["note"])
    assert data.feature_names == ("size", "colour=blue", "colour=red", "hot", "grid0", "grid1")
    assert data.X.tolist() == [[1, 0, 1, 1, 0, 1], [2, 1, 0, 0, 2, 3], [3, 0, 1, 1, 4, 5]]
    with pytest.raises(ValueError, match="say which column is to be predicted"):
        datasets.load(path, drop=["note"])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": [[1.0], [2.0]], "y": [1.0]}, "differ in their number of rows: 'X' 2, 'y' 1"),
        ({"X": [[1.0], [np.nan]], "y": [1.0, 2.0]}, "column 'x0' has nan in row 1"),
        ({"X": [[1.0], [2.0]], "y": [np.inf, 2.0]}, "column 'y' has inf in row 0"),
        ({"X": [[1 + 1j], [2.0]], "y": [1.0, 2.0]}, "array 'X' of type complex128"),
        ({"X": [[2**60 + 1], [1]], "y": [1.0, 2.0]}, "'X' holds integers that float64 cannot hold"),
        ({"X": np.zeros((0, 2)), "y": np.zeros(0)}, "there is no row of data"),
        ({"X": [["a"], [""]], "y": [1.0, 2.0]}, "missing value in 'X', row 1"),
        ({"X": [[1.0]], "y": [1.0], "feature_names": ["a", "b"]}, "2 names for X with 1 columns"),
        ({"X": [[1.0, 1.5]], "y": [1.0], "feature_names": ["a", "a"]}, "two columns are named 'a'"),
        ({"X": [[1.0], [2.0]], "y": [1.0, 2.0], "s": 1.0}, "array 's' has 0 dimensions"),
        ({"a": [1.0]}, "say which column is to be predicted"),
    ],
)  # fmt: skip
def test_bad_npz(save, arrays, message):
    with pytest.raises(ValueError, match=message):
        datasets.load(save(**{key: np.asarray(value) for key, value in arrays.items()}))


def test_pickles_are_not_opened(save):
    path = save(X=np.ones((2, 1)), y=np.array([{}, {}]))
    with pytest.raises(ValueError, match="array 'y' holds Python objects"):
        datasets.load(path)


def test_a_damaged_array_is_named(save):
    path = save(X=np.ones((2, 1)), y=np.arange(2.0))
    content = bytearray(path.read_bytes())
    content[content.index(b"NUMPY") + 130] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match="array 'X' is damaged"):
        datasets.load(path)


# Features for a trained model.


def test_features_in_the_model_s_order(write):
    names = ("colour=green", "size", "colour=red")
    # The model needs neither `extra`, where a value is missing, nor the target.
    path = write("extra,size,colour\n,1.5,red\n7,2,green\n")
    assert datasets.load_features(path, names).tolist() == [[0, 1.5, 1], [1, 2, 0]]


def test_features_with_equal_signs_in_their_names(write):
    path = write("a=b,a,c\n1,2,x=y\n3,4,z\n")
    names = ("a=b", "c=x=y", "c=z")
    assert datasets.load_features(path, names).tolist() == [[1, 1, 0], [3, 0, 1]]


def test_features_of_an_npz(save):
    path = save(X=np.array([[1.0, 2.0]]), words=np.array(["a", "b", "c"]))
    assert datasets.load_features(path, ("x1", "x0")).tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size,y\n1,2\n", "the model needs a column 'colour'"),
        ("colour\nred\n", "the model needs a column 'size'"),
        ("size,colour\nbig,red\n", "column 'size' must hold numbers for this model"),
        ("size,colour\n1,3\n", "column 'colour' must hold text for this model"),
        (
            "size,colour\n1,red\n2,pink\n",
            "column 'colour' has 'pink' in line 3, which the model has not seen; it knows"
            " 'green', 'red'",
        ),
        ("size,colour\n1,\n", r"missing values in 'colour' \(1, first in line 2\)"),
    ],
)
def test_bad_features(write, text, message):
    with pytest.raises(ValueError, match=message):
        datasets.load_features(write(text), ("colour=green", "colour=red", "size"))


# Larger files, where they are at hand.


@pytest.mark.parametrize(
    ("file", "target", "drop", "shape", "classes"),
    [
        ("winequality-red.csv", "quality", (), (1599, 11), 6),
        ("diabetes.csv", "progression", (), (442, 10), None),
        ("spambase.csv.gz", "spam", (), (4601, 57), 2),
        ("wine.csv", "cultivar", (), (178, 13), 3),
        (
            "bike_sharing_hour.csv.gz", "cnt", ("instant", "dteday", "casual", "registered"),
            (17379, 12), None,
        ),
        ("protein_casp.npz", None, (), (45730, 9), None),
        ("california_housing.npz", None, ("raw", "raw_names"), (20640, 8), None),
    ],
)  # fmt: skip
def test_files_from_disk(file, target, drop, shape, classes):
    data = datasets.load(shared(file), target, drop=drop)
    assert data.X.shape == shape
    assert (data.classes and len(data.classes)) == classes
    assert np.isfinite(data.X).all()


def test_data_sets_are_imported_when_first_asked_for():
    code = (
        "import sys, fastgd as gd\n"
        "assert 'fastgd.datasets' not in sys.modules\n"
        "assert {'datasets', 'figures', 'Adam'} <= set(dir(gd))\n"
        "print(gd.datasets.load('penguins').X.shape, gd.figures.__name__)\n"
        "gd.nothing\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "(333, 10) fastgd.figures\n"
    assert done.stderr.endswith("AttributeError: module 'fastgd' has no attribute 'nothing'\n")
