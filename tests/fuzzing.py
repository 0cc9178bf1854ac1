"""Inputs made of random bytes for every door of fastgd, and what must hold of each.

    python tests/fuzzing.py --seconds 1800          every target in turn
    python tests/fuzzing.py --only csv --seed 3     one of them
    python tests/fuzzing.py --keep                  write an input of each kind to the corpus

A target turns bytes into an input and asks fastgd: it may refuse, in words and before it does any
harm, or give what plain NumPy gives. All else is a find: another exception, another result, a
crash, more than `HANG` seconds. Finds are printed, and belong in corpus.jsonl, which
test_fuzzing.py replays. Inputs run in a child process, so that a crash is a find too. Where atheris
is installed, `--atheris TARGET` lets it choose the bytes.
"""

import argparse
import atexit
import base64
import contextlib
import csv
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import fastgd as gd
from fastgd import cli, datasets
from fastgd.comparison import file
from fastgd.comparison.study import _Study

CORPUS = Path(__file__).with_name("corpus.jsonl")
HANG = 20


class Bytes:
    """Bytes as a source of choices; zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def whole(self, most: int) -> int:
        """0 to most."""
        size = 1 if most < 256 else 4
        part = self.data[self.place : self.place + size]
        self.place += size
        return int.from_bytes(part, "little") % (most + 1)

    def pick(self, choices):
        choices = list(choices)
        return choices[self.whole(len(choices) - 1)]

    def rest(self) -> bytes:
        return self.data[self.place :]

    def number(self) -> float:
        special = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-3, 1e300, -1e300, 5e-324, 1e-310, np.inf, -np.inf,
                   np.nan, 2.0**53, 1e16]  # fmt: skip
        if self.whole(3) == 0:
            return float(self.pick(special))
        return self.whole(20_000) / 100.0 - 100.0

    def damaged(self, data: bytes) -> bytes:
        """With some bytes changed, taken out or put in."""
        found = bytearray(data)
        for _ in range(self.whole(6)):
            place = self.whole(max(0, len(found) - 1)) if found else 0
            kind = self.whole(4)
            if kind == 0:
                del found[place : place + 1 + self.whole(40)]
            elif kind == 1:
                found[place:place] = bytes(self.whole(255) for _ in range(self.whole(8)))
            elif kind == 2 and found:
                found[place] ^= 1 << self.whole(7)
            elif found:
                found[place] = self.whole(255)
        return bytes(found)


REFUSED = (ValueError, TypeError)
PLACE = Path(tempfile.mkdtemp(prefix="fastgd-fuzz-"))
atexit.register(shutil.rmtree, PLACE, ignore_errors=True)


def data_of(rows: int = 12, columns: int = 3):
    generator = np.random.default_rng(1)
    X = generator.integers(-9, 10, (rows, columns)) / 4.0
    return X, (X[:, 0] + generator.integers(-5, 6, rows) > 0).astype(np.int64)


def check_loaded(found: datasets.Dataset) -> None:
    X = found.X.data if sp.issparse(found.X) else found.X
    assert np.isfinite(X).all() and np.isfinite(found.y).all()
    assert found.X.shape == (len(found.y), len(found.feature_names))
    assert len(found.mean) == len(found.scale) == found.X.shape[1]
    if found.classes is not None:
        assert len(found.classes) > 1 and found.y.min() >= 0 and found.y.max() < len(found.classes)


def texts(source: Bytes) -> None:
    """A csv, tsv or jsonl of anything."""
    path = PLACE / ("x" + source.pick([".csv", ".tsv", ".jsonl", ".libsvm"]))
    valid = {
        ".csv": b'a,b,y\n1,x,0\n2.5,"y,z",1\n-3e2,x,0\n4,x,1\n',
        ".tsv": b"a\tb\ty\n1\t2\t0\n3\t4\t1\n5\t6\t1\n",
        ".jsonl": b'{"a": 1, "b": "u", "y": 0}\n{"a": 2.5, "b": "v", "y": 1}\n',
        ".libsvm": b"1 1:0.5 3:2\n-1 2:1\n1 1:1 2:-4e1\n",
    }[path.suffix]
    path.write_bytes(source.damaged(valid) if source.whole(3) else source.rest())
    with contextlib.suppress(*REFUSED):
        check_loaded(datasets.load(path, None if path.suffix == ".libsvm" else "y"))


def tables(source: Bytes) -> None:
    """A table of numbers and texts, which must be read as it was written."""
    kinds = [source.whole(2) for _ in range(1 + source.whole(3))]
    words = ["u", "v w", 'q"uote', "comma, here", "a;b", "é", " lead"]
    rows = [
        [source.pick(words) if kind == 2 else source.whole(2000) / 8 - 100 if kind else
         source.whole(9) for kind in kinds] + [source.whole(30) / 4]
        for _ in range(3 + source.whole(12))
    ]  # fmt: skip
    names = [f"c{i}" for i in range(len(kinds))] + ["y"]
    mark = source.pick([",", ";", "\t"])
    path = PLACE / "table.csv"
    end = source.pick(["\n", "\r\n"])
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=mark, lineterminator=end).writerows([names, *rows])
    try:
        found = datasets.load(path, "y", False, "regression")
    except REFUSED:
        return
    assert found.y.tolist() == [row[-1] for row in rows]
    for i, kind in enumerate(kinds):
        if kind != 2 and f"c{i}" in found.feature_names:
            values = found.X[:, found.feature_names.index(f"c{i}")]
            assert values.tolist() == [row[i] for row in rows], (i, kind)


def npz(source: Bytes) -> None:
    """An npz of arrays of any kind and shape, whole or damaged."""
    kinds = ["f8", "f4", "i8", "u1", "?", "S3", "U4", "c16", ">f8", "M8[s]", "f2"]
    shapes = [(), (0,), (6,), (6, 1), (6, 4), (4, 6), (0, 4), (6, 0), (2, 3, 2), (5,)]
    names = ["X", "y", "X_train", "y_train", "X_test", "y_test", "data", "indices", "indptr",
             "shape", "feature_names", "X_data", "X_indices", "X_indptr", "X_shape"]  # fmt: skip
    arrays = {}
    for _ in range(source.whole(6)):
        shape, kind = source.pick(shapes), np.dtype(source.pick(kinds))
        values = np.array([source.whole(6) for _ in range(int(np.prod(shape)))])
        arrays[source.pick(names)] = values.reshape(shape).astype(kind)
    path = PLACE / "x.npz"
    file = io.BytesIO()
    np.savez(file, **arrays)
    path.write_bytes(source.damaged(file.getvalue()) if source.whole(1) else file.getvalue())
    with contextlib.suppress(*REFUSED):
        check_loaded(datasets.load(path, source.pick([None, "y", "y_train", "X"])))


def entries_changed(source: Bytes, valid: bytes) -> bytes:
    """An npz with one entry changed inside, or bytes changed anywhere."""
    if source.whole(2) == 0:
        return source.damaged(valid)
    with np.load(io.BytesIO(valid)) as entries:
        arrays = {name: entries[name] for name in entries.files}
    name = source.pick(sorted(arrays))
    value = arrays[name]
    change = source.whole(6)
    if change == 0:
        del arrays[name]
    elif change == 1:
        arrays[name] = value[:-1] if value.ndim else np.array(source.number())
    elif change == 2 and value.size and value.dtype.kind == "f":
        value = value.copy()
        value.flat[source.whole(value.size - 1)] = source.number()
        arrays[name] = value
    elif change == 3:
        with contextlib.suppress(ValueError):  # a text that is no number
            arrays[name] = value.astype(source.pick(["f4", "i8", ">f8", "U5"]))
    elif change == 4:
        arrays[name] = np.concatenate([np.atleast_1d(value)] * 2)
    elif value.dtype == np.uint8:  # a text in JSON
        text = source.damaged(value.tobytes()) if change == 5 else json_changed(source, value)
        arrays[name] = np.frombuffer(text, dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def json_changed(source: Bytes, value: np.ndarray) -> bytes:
    """One value of a text in JSON, wherever in it, made another."""
    known = json.loads(value.tobytes())
    inner, steps = known, 0
    while isinstance(inner, (dict, list)) and inner and steps < 12:
        key = (
            source.pick(sorted(inner)) if isinstance(inner, dict) else source.whole(len(inner) - 1)
        )
        if not isinstance(inner[key], (dict, list)) or not inner[key] or source.whole(7) == 0:
            inner[key] = source.pick(
                [None, -1, 0, 1, 2**70, 1e400, "x", [], {}, True, [1, 2], {"array": "array_0"},
                 {"dict": [["a", 1]]}, {"optimizer": ["Adam", {"dict": []}]}, 1.5]
            )  # fmt: skip
            break
        inner, steps = inner[key], steps + 1
    return json.dumps(known).encode()


def made_once(make):
    kept = []

    def get():
        if not kept:
            kept.append(make())
        return kept[0]

    return get


@made_once
def model_file() -> bytes:
    X, y = data_of()
    gd.minimize(gd.LogisticRegression(X, y, l2=0.1), gd.SGD(0.1), steps=3).model.save(
        PLACE / "m.npz"
    )
    return (PLACE / "m.npz").read_bytes()


def models(source: Bytes) -> None:
    """A damaged model: refused, or one that predicts."""
    path = PLACE / "damaged.npz"
    path.write_bytes(entries_changed(source, model_file()))
    with contextlib.suppress(*REFUSED):
        model = gd.load_model(path)
        X = data_of()[0]
        assert len(model.predict(X[:, : model.n_features])) == len(X)
        assert np.isfinite(model.theta).all()


@made_once
def checkpoint_file():
    X, y = data_of()
    f = gd.LogisticRegression(X, y, l2=0.1)
    options = {"batch_size": 4, "epochs": 3, "seed": 0, "sampling": "shuffle", "record_every": 1}
    run = gd.Run(f, gd.Adam(gd.schedules.inverse_time(0.1, 0.1)), **options).advance(4)
    run.save(PLACE / "c.npz")
    run.close()
    return f, (PLACE / "c.npz").read_bytes()


def checkpoints(source: Bytes) -> None:
    """A damaged checkpoint: refused, or a run that goes to its end."""
    f, valid = checkpoint_file()
    path = PLACE / "damaged-run.npz"
    path.write_bytes(entries_changed(source, valid))
    with contextlib.suppress(*REFUSED), gd.Run.load(path, f) as run:
        if run.total < 10_000:
            run.advance()
        assert run.theta.shape == (f.n_params,)


@made_once
def trials_file():
    path = PLACE / "trials.jsonl"
    path.unlink(missing_ok=True)
    X, y = data_of(30)
    f = gd.LogisticRegression(X, y)
    problem = gd.problems.Problem("small", f, f, f, batch_size=8, steps=4)
    options = ([problem], ["sgd"], 1, 1, ["constant"], 0)
    _Study(*options, path, None).go(1, False, False)
    return options, path.read_bytes()


def trials(source: Bytes) -> None:
    """A damaged file of trials: refused, or read as records."""
    options, valid = trials_file()
    path = PLACE / "damaged.jsonl"
    if source.whole(1):
        lines = valid.splitlines()
        i = source.whole(len(lines) - 1)
        lines[i] = json_changed(source, np.frombuffer(lines[i], dtype=np.uint8))
        path.write_bytes(b"\n".join(lines) + b"\n")
    else:
        path.write_bytes(source.damaged(valid))
    with contextlib.suppress(*REFUSED):
        study = _Study(*options, path, None)
        file.take_up(path, study.problems, study.seed)


def csr(source: Bytes) -> None:
    """Three arrays that say they are a CSR matrix: refused, or the gradient of the dense one."""
    rows, columns = 1 + source.whole(5), 1 + source.whole(4)
    index = source.pick([np.int32, np.int64])
    starts = sorted(source.whole(8) for _ in range(rows + 1))
    starts[0] = 0
    data = [source.whole(16) / 4 - 2 for _ in range(starts[-1])]
    places = [source.whole(columns - 1) for _ in range(starts[-1])]
    X = sp.csr_array((rows, columns))
    X.data, X.indices = np.array(data), np.array(places, dtype=index)
    X.indptr = np.array(starts, dtype=index)
    for _ in range(source.whole(2)):
        part = source.pick(["data", "indices", "indptr"])
        values = getattr(X, part)
        change = source.whole(3)
        if change == 0:
            values = values[:-1]
        elif change == 1:
            values = np.append(values, values[-1:])
        elif values.size:
            values = values.copy()
            values[source.whole(values.size - 1)] = source.pick([-1, 2**31 - 1, 1, columns, 0])
        setattr(X, part, values)
    y = np.arange(rows) % 2
    theta = np.linspace(-1, 1, columns)
    try:
        f = gd.LeastSquares(X, y, l2=0.5)
    except REFUSED:
        return
    dense = np.zeros((rows, columns))
    for i in range(rows):
        for k in range(X.indptr[i], X.indptr[i + 1]):
            dense[i, X.indices[k]] += X.data[k]
    expected = 2.0 * dense.T @ (dense @ theta - y) / rows + 0.5 * theta
    assert np.allclose(f.gradient(theta), expected, rtol=1e-12, atol=1e-12)
    gd.minimize(f, gd.SGD(0.01), batch_size=1, steps=5, seed=0)


def states(source: Bytes) -> None:
    """The dict of an optimizer's state, changed: refused, or what `save` gives back."""
    rules = [
        gd.Adam(0.1),
        gd.Momentum(0.1),
        gd.AdaGrad(0.1),
        gd.Lookahead(gd.SGD(0.1)),
        gd.SGD(0.1),
    ]
    optimizer, theta = source.pick(rules), np.ones(3)
    state = optimizer.init(theta)
    optimizer.step(theta, np.ones(3), state)
    before, saved = state.save(), state.save()
    values = [None, -1, 1.5, "x", np.zeros(3), np.zeros((1, 2)), np.zeros((2, 3)), 2**70, {}, [],
              np.zeros((2, 3), dtype=np.float32), np.array([[np.nan] * 3] * 2), 7]  # fmt: skip
    for _ in range(1 + source.whole(1)):
        key = source.pick(sorted(saved) or ["t"])
        if source.whole(4) == 0:
            saved.pop(key, None)
        else:
            saved[key] = source.pick(values)
    try:
        state.load(saved)
    except REFUSED:
        assert repr(state.save()) == repr(before)
        return
    with contextlib.suppress(*REFUSED):
        optimizer.step(theta, np.ones(3), state)


class Kind(np.ndarray):
    """A subclass, as astropy's quantities and masked arrays are."""


def buffer(source: Bytes, memory: np.ndarray, size: int):
    """A vector over that memory, or anywhere else; of any kind."""
    kind = source.whole(11)
    start = source.whole(8)
    if kind < 4:
        return memory[start : start + size]
    if kind == 4:
        return memory[start : start + 2 * size : 2]
    if kind == 5:
        return memory[start : start + size][::-1]
    if kind == 6:
        return np.frombuffer(bytearray(8 * size + 1), dtype=np.uint8)[1:].view(np.float64)
    if kind == 7:
        return np.arange(size).astype(source.pick([">f8", "f4", "i8", "f2", "?", "c16"]))
    if kind == 8:
        vector = np.arange(float(size))
        vector.flags.writeable = False
        return vector
    if kind == 9:
        return np.arange(float(size)).view(Kind)
    if kind == 10:
        return np.ma.masked_array(np.arange(float(size)), mask=np.arange(size) % 2)
    return source.pick([None, [1.0] * size, np.ones((size, 1)), np.ones(size + 1), np.float64(3.0)])


def steps(source: Bytes) -> None:
    """θ and a gradient of any kind: refused and untouched, or a step as NumPy would take it."""
    memory = np.arange(40.0)
    size = 1 + source.whole(5)
    theta, gradient = buffer(source, memory, size), buffer(source, memory, size)
    optimizer = gd.SGD(0.5)
    state = optimizer.init(np.zeros(size))
    before = np.array(theta, copy=True) if isinstance(theta, np.ndarray) else None
    slope = np.array(gradient, dtype=np.float64) if np.shape(gradient) == (size,) and np.asarray(
        gradient).dtype.kind != "c" else None  # fmt: skip
    try:
        optimizer.step(theta, gradient, state)
    except REFUSED:
        assert before is None or np.array_equal(np.asarray(theta), np.asarray(before))
        assert state.t == 0
        return
    assert slope is not None and before is not None
    assert np.array_equal(np.asarray(theta), np.asarray(before) - 0.5 * slope)


def schedules(source: Bytes) -> None:
    """A schedule with any parameters: refused, or the same values however they are asked for."""
    import inspect

    kind = gd.schedules.registry[source.pick(sorted(gd.schedules.registry))]
    values = {}
    for name in inspect.signature(kind).parameters:
        choice = source.whole(5)
        if choice < 3:
            values[name] = source.number()
        elif choice == 3:
            values[name] = source.whole(50)
        elif choice == 4:
            values[name] = source.pick(
                ["cosine", "linear", True, None, gd.schedules.cosine(0.1), "x"]
            )
    total = 1 + source.whole(60)
    t = np.arange(total)
    with np.errstate(all="ignore"):
        try:
            schedule = kind(**values)
            whole = np.asarray(schedule.values(t, total))
        except REFUSED:
            return
        cut = source.whole(total)
        parts = [np.asarray(schedule.values(one, total)) for one in (t[:cut], t[cut:]) if len(one)]
    assert whole.shape == (total,)
    assert np.array_equal(np.concatenate(parts), whole, equal_nan=True)


WORDS = [
    "fit", "predict", "show", "certify", "resume", "--help", "--version", "breast-cancer", "iris",
    "penguins", "m.npz", "c.npz", "nope.csv", "--steps", "--epochs", "3", "0", "-1", "1e9", "nan",
    "--lr", "1/beta", "0.1", "inf", "--optimizer", "sgd", "adam", "lookahead", "--set",
    "beta1=0.5", "beta1=", "=", "momentum=nesterov", "--schedule", "cosine", "step:every=2",
    "wsd:x", "--warmup", "--objective", "logistic", "least-squares", "softmax", "network",
    "--hidden", "2,2", ",", "--loss", "huber:epsilon=1.5", "hinge", "poisson", "--penalty",
    "l1:l1=0.1", "box:low=0", "--l2", "-0.5", "--batch-size", "all", "4", "--sampling", "shuffle",
    "--seed", "--target", "species", "body_mass_g", "--task", "regression", "classification",
    "--drop", "island", "--missing", "drop", "--out", "o.npz", "o.csv", "/dev/full", "--json",
    "--quiet", "--test-fraction", "0.999", "--no-intercept", "\0", "é", "--checkpoint", "r.npz",
    "--most", "~nobody/x.csv", "--weight-decay", "1e308", "--activation", "tanh",
]  # fmt: skip


def commands(source: Bytes) -> None:
    """A command line of any words: exit code 0 or 2, and then one line."""
    first = source.pick(["fit breast-cancer --steps 3", "fit penguins --steps 2", "show m.npz",
                         "predict m.npz breast-cancer", "fit", "resume c.npz", "",
                         "certify breast-cancer --steps 3"])  # fmt: skip
    words = first.split() + [source.pick(WORDS) for _ in range(source.whole(6))]
    if "1e9" in words or "certify" in words and "--seeds" in words:
        return
    for name in ("r.npz", "r.npz.before", "o.npz", "o.csv"):
        (PLACE / name).unlink(missing_ok=True)
    (PLACE / "m.npz").write_bytes(model_file())
    out, err = io.StringIO(), io.StringIO()
    here = os.getcwd()
    os.chdir(PLACE)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(words)
    finally:
        os.chdir(here)
    lines = err.getvalue().splitlines()
    assert code in (0, 2), (code, words)
    assert code == 0 or (lines and lines[-1].startswith("fastgd: ")), (words, err.getvalue())
    assert "Traceback" not in err.getvalue(), (words, err.getvalue())


TARGETS = {
    target.__name__: target
    for target in (
        texts,
        tables,
        npz,
        models,
        checkpoints,
        trials,
        csr,
        states,
        steps,
        schedules,
        commands,
    )  # fmt: skip
}


def try_one(name: str, data: bytes) -> None:
    """Raise where what must hold does not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        TARGETS[name](Bytes(data))


def drawn(draw: random.Random) -> bytes:
    return draw.randbytes(draw.choice([4, 12, 40, 120]))


def child(names: list[str], seed: int, until: float, count: int, note: Path) -> None:
    """Inputs until the time is up, or so many; the one under way is noted first."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    draw = random.Random(seed)
    done, seen = 0, set()
    with note.open("w+b", buffering=0) as file:
        while time.time() < until and done < count:
            name = names[done % len(names)]
            data = drawn(draw)
            text = json.dumps([name, base64.b64encode(data).decode(), done]).encode()
            file.seek(0)
            file.write(text + b" " * (400 - len(text)))
            signal.alarm(HANG)
            try:
                try_one(name, data)
            except (Exception, SystemExit) as error:
                last = error.__traceback__
                while last is not None and last.tb_next is not None:
                    last = last.tb_next
                where = last and f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}"
                kind = f"{type(error).__name__} at {where}"
                if (name, kind) not in seen:
                    print(f"FIND {text.decode()} {kind}: {str(error)[:300]}", flush=True)
                seen.add((name, kind))
            signal.alarm(0)
            done += 1
        file.seek(0)
        file.write(json.dumps(["", "", done]).encode().ljust(400))
    sys.stdout.flush()


def fuzz(names: list[str], seconds: float, count: int, seed: int) -> tuple[int, int]:
    """Inputs tried, and crashes; finds are printed as they come."""
    until, tried, crashes = time.time() + seconds, 0, 0
    note = PLACE / "under-way"
    while time.time() < until and tried < count:
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            child(names, seed, until, min(20_000, count - tried), note)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        name, data, done = json.loads(note.read_bytes())
        tried, seed = tried + done, seed + 1
        if status:
            crashes += 1
            kind = "HANG" if os.WTERMSIG(status) == signal.SIGALRM else f"CRASH {status}"
            print(f"FIND {[name, data]} {kind}", flush=True)
    return tried, crashes


def keep(seed: int) -> None:
    """A few inputs of each target as the beginning of a corpus."""
    draw, lines = random.Random(seed), []
    for name in TARGETS:
        for _ in range(12):
            lines.append(json.dumps([name, base64.b64encode(drawn(draw)).decode()]))
    CORPUS.write_text("\n".join(lines) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--atheris", metavar="TARGET")
    options = parser.parse_args()
    if options.keep:
        keep(options.seed)
    elif options.atheris:
        import atheris

        atheris.instrument_all()
        atheris.Setup([sys.argv[0]], lambda data: try_one(options.atheris, data))
        atheris.Fuzz()
    else:
        began = time.time()
        names = options.only.split(",")
        tried, crashes = fuzz(names, options.seconds, options.count, options.seed)
        print(f"{tried} inputs in {time.time() - began:.0f} s, {crashes} crashes or hangs")


if __name__ == "__main__":
    main()
