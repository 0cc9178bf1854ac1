# One table in every form in which data comes: the same numbers, and refusals in the user's terms.
import bz2
import gzip
import io
import json
import lzma
import sys

import numpy as np
import pytest
import scipy.sparse as sp

import fastgd as gd
from fastgd import cli, datasets

N = 40
ROWS = [{"size": i * 0.5 - 3, "sort": "ab"[i % 2], "count": i % 7, "y": i % 3} for i in range(N)]
NAMES = ("size", "sort=a", "sort=b", "count")


def text(mark):
    lines = [mark.join(ROWS[0])]
    return "\n".join(lines + [mark.join(map(str, row.values())) for row in ROWS]) + "\n"


def json_lines(rows=ROWS):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def expected(tmp_path):
    (tmp_path / "expected.csv").write_text(text(","))
    return datasets.load(tmp_path / "expected.csv", "y")


def same(data, expected):
    assert data.feature_names == expected.feature_names == NAMES
    assert data.classes == expected.classes
    np.testing.assert_array_equal(data.X, expected.X)
    np.testing.assert_array_equal(data.y, expected.y)


@pytest.mark.parametrize("packed", ["", ".gz", ".bz2", ".xz"])
@pytest.mark.parametrize(("ending", "content"), [
    (".csv", text(",")), (".csv", text(";")), (".tsv", text("\t")), (".jsonl", json_lines()),
    (".ndjson", "\n" + json_lines()),
])  # fmt: skip
def test_texts(tmp_path, expected, ending, content, packed):
    pack = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[packed]
    path = tmp_path / f"table{ending}{packed}"
    path.write_bytes(pack(content.encode()))
    same(datasets.load(path, "y"), expected)
    X = datasets.load_features(path, expected.feature_names)
    np.testing.assert_allclose((X - expected.mean) / expected.scale, expected.X, atol=1e-15)
    if packed:
        path.write_bytes(pack(content.encode())[:-9])
        with pytest.raises(ValueError, match="damaged, or not compressed"):
            datasets.load(path, "y")


@pytest.mark.parametrize("content", [text(","), json_lines()], ids=["csv", "jsonl"])
def test_standard_input(monkeypatch, capsys, expected, content):
    def feed():
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))

    feed()
    same(datasets.load("-", "y"), expected)
    feed()
    assert cli.main(["fit", "-", "--target", "y", "--steps", "2"]) == 0
    assert "data           standard input: 30 rows" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["fit", "-", "--target", "y"]) == 2
    assert capsys.readouterr().err == "fastgd: standard input is closed\n"


@pytest.mark.parametrize(("line", "message"), [
    ("{", "line 2 is not JSON"),
    ("[1]", "line 2 is no object"),
    ('{"size": 1}', "line 2 and line 1 differ in 'count', 'sort', 'y'"),
    ('{"size": [1], "sort": "a", "count": 1, "y": 2}', "column 'size' holds a list in line 2"),
    ('{"size": "a\\u0000", "sort": "a", "count": 1, "y": 2}', "line 2 has a NUL character"),
    ('{"size": null, "sort": "a", "count": 1, "y": 2}', "missing values in 'size' "),
    ('{"size": "x", "sort": "a", "count": 1, "y": 2}', "column 'size' holds numbers, but 'x' in"),
    ("[" * 100_000, "line 2 is not JSON"),
])  # fmt: skip
def test_lines_that_are_no_rows(tmp_path, line, message):
    path = tmp_path / "t.jsonl"
    path.write_text(json_lines(ROWS[:1]) + line + "\n")
    with pytest.raises(ValueError, match=message):
        datasets.load(path, "y")


def test_rows_that_lack_a_value(tmp_path, expected):
    holes = [dict(ROWS[3], size=None), *ROWS, dict(ROWS[5], sort="?")]
    path = tmp_path / "holes.jsonl"
    path.write_text(json_lines(holes))
    with pytest.raises(ValueError, match="missing values in 'size' .1, first in line 1., 'sort'"):
        datasets.load(path, "y")
    same(datasets.load(path, "y", missing="drop"), expected)
    with pytest.raises(ValueError, match="missing must be 'refuse', 'drop' or 'impute'"):
        datasets.load(path, "y", missing="guess")
    path.write_text(json_lines([dict(ROWS[3], size=None)]))
    with pytest.raises(ValueError, match="every row lacks a value"):
        datasets.load(path, "y", missing="drop")


# Arrays.


def matrix(n=60, d=8, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, d))
    return sp.csr_matrix(np.where(X > 0.3, X, 0.0))


def test_npy(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 3))
    np.save(tmp_path / "x.npy", X)
    data = datasets.load(tmp_path / "x.npy", "x2", standardize=False)
    assert data.feature_names == ("x0", "x1")
    np.testing.assert_array_equal(data.X, X[:, :2])
    np.testing.assert_array_equal(data.y, X[:, 2])
    fields = np.zeros(20, dtype=[("a", "f4"), ("b", "i2")])
    fields["b"] = np.arange(20)
    np.save(tmp_path / "x.npy", fields)
    assert datasets.load(tmp_path / "x.npy", "b").feature_names == ("a",)
    for wrong in (np.zeros(3), np.zeros((2, 2, 2)), np.array([None])):
        np.save(tmp_path / "x.npy", wrong)
        with pytest.raises(ValueError, match="x.npy: "):
            datasets.load(tmp_path / "x.npy", "x0")
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY nothing")
    with pytest.raises(ValueError, match="not an .npy file, or damaged"):
        datasets.load(tmp_path / "x.npy", "x0")


@pytest.mark.parametrize("form", ["save_npz", "named", "csc"])
def test_sparse_matrices_stay_sparse(tmp_path, form):
    X, y = matrix(), np.arange(60) % 3
    if form == "named":
        parts = {f"X_{p}": getattr(X, p) for p in ("data", "indices", "indptr")}
        np.savez(tmp_path / "m.npz", X_shape=X.shape, y=y, **parts)
    else:
        sp.save_npz(tmp_path / "m.npz", X if form == "save_npz" else X.tocsc())
        with np.load(tmp_path / "m.npz") as file:
            np.savez(tmp_path / "m.npz", y=y, **dict(file))
    raw = datasets.load(tmp_path / "m.npz", standardize=False)
    assert sp.issparse(raw.X) and raw.X.format == "csr"
    assert raw.feature_names == tuple(f"x{j}" for j in range(8))
    np.testing.assert_array_equal(raw.X.toarray(), X.toarray())
    data = datasets.load(tmp_path / "m.npz")
    rms = np.sqrt(np.mean(X.toarray() ** 2, axis=0))
    np.testing.assert_allclose(data.X.toarray(), X.toarray() / rms, rtol=1e-14)
    train, test = data.split(0.25, seed=0)
    np.testing.assert_allclose(
        np.sqrt(np.mean(train.X.toarray() ** 2, axis=0)), np.ones(8), rtol=1e-14
    )
    assert test.X.shape == (15, 8)
    X_again = datasets.load_features(tmp_path / "m.npz", data.feature_names)
    np.testing.assert_array_equal(X_again.toarray(), X.toarray())


@pytest.mark.parametrize(("part", "value"), [
    ("indices", 99), ("indptr", np.zeros(3, int)), ("data", np.nan),
    ("shape", np.array([60])), ("data", "a"), ("format", np.array(b"bsr")),
])  # fmt: skip
def test_sparse_matrices_that_are_damaged(tmp_path, part, value):
    sp.save_npz(tmp_path / "m.npz", matrix())
    with np.load(tmp_path / "m.npz") as file:
        arrays = {**dict(file), "y": np.arange(60) % 2}
    if np.ndim(value) == 0 and part != "format":
        value = np.full(len(arrays["data"]), value)
    np.savez(tmp_path / "m.npz", **{**arrays, part: value})
    with pytest.raises(
        ValueError, match="m.npz: (sparse matrix 'X' is damaged|a sparse matrix in)"
    ):
        datasets.load(tmp_path / "m.npz")


def test_two_parts_of_a_file(tmp_path, capsys, monkeypatch):
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(90, 4)), np.arange(90) % 3
    np.savez(tmp_path / "m.npz", x_train=X[:60], y_train=y[:60], x_test=X[60:], y_test=y[60:])
    data = datasets.load(tmp_path / "m.npz")
    np.testing.assert_allclose(data.X * data.scale + data.mean, X[:60], atol=1e-14)
    np.testing.assert_allclose(data.test.X * data.scale + data.mean, X[60:], atol=1e-14)
    np.testing.assert_array_equal(data.test.y, y[60:])
    assert data.split(0.5, seed=0)[0].test is None
    monkeypatch.chdir(tmp_path)
    assert cli.main(["fit", "m.npz", "--steps", "9", "--out", "model.npz"]) == 0
    assert "m.npz: 60 rows to train on, 30 held out, 4 features" in capsys.readouterr().out
    assert cli.main(["fit", "m.npz", "--steps", "9", "--test-fraction", "0.5"]) == 0
    assert "30 rows to train on, 30 held out" in capsys.readouterr().out
    assert cli.main(["predict", "model.npz", "m.npz"]) == 0
    labels = [int(line.split(",")[0]) for line in capsys.readouterr().out.splitlines()[1:]]
    assert labels == gd.load_model("model.npz").predict(X[60:]).tolist()
    np.savez(tmp_path / "m.npz", x_train=X[:60], y_train=y[:60], x_test=X[60:], y_test=y[60:] + 1)
    with pytest.raises(ValueError, match="target 'y' has 3.0 in the test part, row 2, and nowhere"):
        datasets.load(tmp_path / "m.npz")
    np.savez(tmp_path / "m.npz", x_train=X[:60], y_train=y[:60], x_test=X[60:, :3], y_test=y[60:])
    with pytest.raises(ValueError, match="the two parts, train and test, have other columns"):
        datasets.load(tmp_path / "m.npz")


def test_libsvm(tmp_path):
    X, y = matrix(), np.arange(60) % 2 * 2 - 1

    def write(name, X, y):
        lines = []
        for i in range(X.shape[0]):
            row = X[[i]]
            pairs = zip(row.indices, row.data, strict=True)
            lines.append(f"{y[i]:+d} " + " ".join(f"{j + 1}:{float(v)!r}" for j, v in pairs))
        (tmp_path / name).write_text("# made\n" + "\n".join(lines) + "\n")

    write("a.libsvm", X, y)
    data = datasets.load(tmp_path / "a.libsvm", standardize=False)
    np.testing.assert_array_equal(data.X.toarray(), X.toarray())
    assert data.classes == (-1, 1) and data.feature_names[0] == "x1"
    narrow = X[:, :5].tocsr()
    write("b.svm", narrow, y)
    padded = datasets.load_features(tmp_path / "b.svm", data.feature_names)
    np.testing.assert_array_equal(padded.toarray()[:, :5], narrow.toarray())
    assert padded.shape == (60, 8) and padded.nnz == narrow.nnz


@pytest.mark.parametrize("line", ["1 2:a", "a 1:2", "1 3:1 2:1", "1 1", "1 1:inf", "1 :3",
                                  "1 " + "9" * 30 + ":1"])  # fmt: skip
def test_lines_that_are_not_libsvm(tmp_path, line):
    (tmp_path / "a.libsvm").write_text("1 1:2\n" + line + "\n")
    with pytest.raises(ValueError, match="a.libsvm: (line 2 is not of the form|a value is not)"):
        datasets.load(tmp_path / "a.libsvm")


# Tables of other libraries.


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_tables(expected, library):
    pytest.importorskip("narwhals")
    module = pytest.importorskip(library)
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    table = module.table(columns) if library == "pyarrow" else module.DataFrame(columns)
    same(datasets.load(table, "y"), expected)
    X = datasets.load_features(table, expected.feature_names)
    np.testing.assert_allclose((X - expected.mean) / expected.scale, expected.X, atol=1e-15)


def test_tables_with_gaps_and_odd_columns():
    pytest.importorskip("narwhals")
    polars = pytest.importorskip("polars")
    table = polars.DataFrame({"a": [1.0, None, 3.0, 4.0], "b": ["x", "y", None, "x"],
                              "y": [0, 1, 0, 1]})  # fmt: skip
    with pytest.raises(ValueError, match="missing values in 'a' .1, first in row 1., 'b' "):
        datasets.load(table, "y")
    assert len(datasets.load(table, "y", missing="drop").y) == 2
    for odd in ([[1], [2], [3], [4]], polars.datetime_range(
        polars.datetime(2020, 1, 1), polars.datetime(2020, 1, 4), eager=True
    )):  # fmt: skip
        with pytest.raises(ValueError, match="column 'c' of type .* is neither numbers nor text"):
            datasets.load(table.with_columns(polars.Series("c", odd)), "y", missing="drop")
    with pytest.raises(ValueError, match="column 'c' holds integers that float64 cannot hold"):
        datasets.load(table.with_columns(c=polars.lit(2**60 + 1)), "y")


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_columnar_files(tmp_path, expected, ending):
    pytest.importorskip("narwhals")
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(ROWS)
    path = tmp_path / f"t.{ending}"
    (frame.write_parquet if ending == "parquet" else frame.write_ipc)(path)
    same(datasets.load(path, "y"), expected)
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(ValueError, match="damaged, or not what its name says"):
        datasets.load(path, "y")


def test_without_narwhals(monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(ImportError, match="narwhals, which is missing: pip install"):
        datasets.load(pandas.DataFrame(ROWS), "y")


def test_what_fuzzing_found(tmp_path):
    packed = bytearray(lzma.compress(text(",").encode()))
    packed[40] ^= 255
    (tmp_path / "a.csv.xz").write_bytes(packed)
    with pytest.raises(ValueError, match="a.csv.xz: damaged, or not compressed by xz"):
        datasets.load(tmp_path / "a.csv.xz", "y")
    (tmp_path / "a.libsvm").write_bytes(b"1 1:2\n\x97 1:3\n")
    with pytest.raises(ValueError, match="a.libsvm: not text in UTF-8"):
        datasets.load(tmp_path / "a.libsvm")


@pytest.mark.parametrize("form", ["text", "table"])
def test_missing_values_are_imputed_on_request(form, tmp_path):
    text = "a,b,c,y\n1,x,5,0\n,x,6,1\n3,,7,0\n8,z,,1\n"
    if form == "text":
        given = tmp_path / "gaps.csv"
        given.write_text(text)
    else:
        pytest.importorskip("narwhals")
        pandas = pytest.importorskip("pandas")
        given = pandas.DataFrame({"a": [1, None, 3, 8], "b": ["x", "x", None, "z"],
                                  "c": [5.0, 6, 7, None], "y": [0, 1, 0, 1]})  # fmt: skip
    data = gd.datasets.load(given, "y", standardize=False, missing="impute")
    assert data.feature_names == ("a", "b=x", "b=z", "c")
    expected = [[1, 1, 0, 5], [4, 1, 0, 6], [3, 1, 0, 7], [8, 0, 1, 6]]
    np.testing.assert_array_equal(data.X, expected)
    with pytest.raises(ValueError, match="the target 'c' lacks values"):
        gd.datasets.load(given, "c", missing="impute")


def large_text(rows, spoil=""):
    rng = np.random.default_rng(0)
    lines = ["number, count,kind ,padded,y"]
    for i in range(rows):
        kind = "abc"[i % 3]
        lines.append(f'{rng.standard_normal()!r},{i % 11},"{kind}, {kind}", {i % 7}.5 ,{i % 2}')
    return "\n".join([*lines, *([spoil] if spoil else [])]) + "\n"


@pytest.mark.parametrize("backend", ["polars", "pyarrow"])
def test_large_texts_are_read_as_the_plain_reader_does(backend, tmp_path, monkeypatch):
    pytest.importorskip("narwhals")
    pytest.importorskip(backend)
    from fastgd.datasets import frames, large, tables

    monkeypatch.setattr(large, "LARGE", 0)
    if backend == "pyarrow":
        monkeypatch.setitem(sys.modules, "polars", None)
    path = tmp_path / "large.csv"
    path.write_text(large_text(50))
    wanted = tables.Wanted()
    fast, slow = large.read(path, "large", wanted), tables.read_text(path, "large", wanted)
    assert fast is not None
    assert list(fast.columns) == list(slow.columns)
    for column, values in slow.columns.items():
        np.testing.assert_array_equal(fast.columns[column], values)
        assert fast.columns[column].dtype.kind == values.dtype.kind
    assert list(fast.places) == list(slow.places)
    # What the plain reader has something to say about is left to it.
    for spoil in ("1,2,a,,0", "1,2,a,x,0", "inf,2,a,1,0", "1,2,a,1", "9007199254740993,2,a,1,0"):
        path.write_text(large_text(50, spoil))
        found = large.read(path, "large", wanted)
        try:
            expected = tables.read_text(path, "large", wanted)
        except ValueError:
            assert found is None
        else:
            np.testing.assert_array_equal(found.columns["padded"], expected.columns["padded"])
    assert frames.read_delimited(tmp_path / "none.csv", ",") is None


@pytest.mark.parametrize("late", ["1200.25", "1e3", "99999999999999999999", "word", "007", "true"])
def test_a_column_that_changes_its_kind_far_below_is_read_whole(late, tmp_path, monkeypatch):
    pytest.importorskip("narwhals")
    pytest.importorskip("polars")
    from fastgd.datasets import large, tables

    monkeypatch.setattr(large, "LARGE", 0)
    path = tmp_path / "late.csv"
    rows = [f"{i},{i % 2}" for i in range(1200)]
    path.write_text("\n".join(["a,y", *rows, f"{late},0", f"{late},1"]) + "\n")
    wanted = tables.Wanted()
    found = large.read(path, "late", wanted)
    try:
        expected = tables.read_text(path, "late", wanted).columns["a"]
    except ValueError:
        assert found is None
    else:
        assert found is not None
        np.testing.assert_array_equal(found.columns["a"], expected)
