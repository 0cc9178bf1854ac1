# Data that stays on the disk: read through a map, in place, to the same bits. A copy, where there
# must be one, is made in blocks.
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import fastgd as gd
from fastgd import checks
from fastgd.core import reading

PROGRAM = Path(__file__).with_name("out_of_core.py")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")


def run(size, limit):
    command = [sys.executable, "-W", "error", PROGRAM, str(size), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@LINUX
def test_mapped_data_gives_the_bits_of_data_in_memory():
    out = run(0.02, 1.0)
    assert out.count("the bits of the same data in memory") == 2


@LINUX
@pytest.mark.slow
def test_more_data_than_memory_trains():
    assert len(run(1.0, 0.5).splitlines()) == 2


class Spy:
    """A solver, and with which words it is asked to take steps."""

    def __init__(self, solver, alone):
        self.__dict__.update(solver=solver, alone=alone)

    def __getattr__(self, name):
        return getattr(self.solver, name)

    def __setattr__(self, name, value):
        setattr(self.solver, name, value)

    def take(self, *given):
        self.alone.append(given[5])
        return self.solver.take(*given)


@pytest.fixture
def mapped(tmp_path):
    """Data in files, and the same data in memory: dense, and CSR with short and long indices."""

    def make(kind):
        generator = np.random.default_rng(0)
        X = generator.standard_normal((9000, 40))
        y = (np.arange(len(X)) % 3 == 0).astype(float)
        if kind == "dense":
            np.save(tmp_path / "X.npy", X)
            return np.load(tmp_path / "X.npy", mmap_mode="r"), X, y
        X = sp.csr_array(X * (generator.random(X.shape) < 0.2))
        found = X.copy()
        for name in ("data", "indices", "indptr"):
            array = getattr(X, name).astype({"int32": np.int64}.get(kind, getattr(X, name).dtype))
            np.save(tmp_path / f"{name}.npy", array)
            setattr(found, name, np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
        return found, X, y

    return make


@pytest.mark.parametrize("sampling", ["replacement", "shuffle", "sequential"])
@pytest.mark.parametrize("batch_size", [1, 7, 5000])
@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_rows_are_asked_for_ahead_and_no_bit_changes(mapped, kind, batch_size, sampling):
    X, same, y = mapped(kind)
    setting = {"batch_size": batch_size, "steps": max(20_000 // batch_size, 4), "seed": 0}
    setting |= {"sampling": sampling, "record_every": 0}
    runs = [gd.Run(gd.LogisticRegression(Z, y), gd.SGD(0.01), **setting) for Z in (X, same)]
    thetas = [run.advance().theta for run in runs]
    assert np.array_equal(*thetas)
    asked, none = (run._stretch.solver.sampler.reading for run in runs)
    assert none is None and asked.rows == 4096
    # The rows of the first part, but for the one that is needed at once. Those in memory are found
    # there, and no more are asked for; but another process may have taken them.
    assert asked.asked == 0 if sampling == "sequential" else asked.asked >= 100


def test_rows_are_asked_for_while_they_are_missing(mapped):
    X, _, _ = mapped("dense")
    reader = reading.ReadAhead(X)
    now = 1 << 40  # more often than this process
    assert [reading.due(reader, now) for _ in range(20)] == [True] * 16 + [False] * 4
    assert reading.due(reader, now + 1) and reading.due(reader, now + 1)


def test_a_part_that_is_asked_for_fits_into_memory():
    wide = np.empty((100, 500_000))
    assert reading.ReadAhead(wide).rows * wide[0].nbytes <= 1 << 25
    assert reading.ReadAhead(wide[:, :2].copy()).rows == 4096
    assert reading.read_ahead(wide) is None


def test_a_sparse_matrix_is_looked_through_once_and_after_callbacks(mapped):
    _, X, y = mapped("csr")
    f = gd.LogisticRegression(X, y)
    run = gd.Run(f, gd.SGD(0.01), batch_size=1, steps=10**6, record_every=0)
    solver, alone = run._stretch.solver, []
    run._stretch.solver = Spy(solver, alone)
    run.advance(300_000)
    run.advance(100_000)
    assert len(alone) > 3 and alone.count(False) == 2 and not alone[0]
    alone.clear()
    looking = gd.Run(f, gd.SGD(0.01), steps=6, record_every=2, callbacks=[lambda p: None])
    looking._stretch.solver = Spy(looking._stretch.solver, alone)
    looking.advance()
    assert alone.count(False) == 4  # before the first step, and after each look


@pytest.mark.parametrize("kind", ["Fortran order", "uint8", "int64", "strided"])
def test_a_copy_needs_one_block_besides(monkeypatch, kind):
    monkeypatch.setattr(checks, "BLOCK", 1 << 16)
    X = np.arange(400_000.0).reshape(20_000, 20) % 200
    given = {
        "Fortran order": np.asfortranarray(X),
        "uint8": X.astype(np.uint8),
        "int64": X.astype(np.int64),
        "strided": np.repeat(X, 2, axis=1)[:, ::2],
    }[kind]
    y = X[:, 0].copy()
    gd.LeastSquares(given[:9], y[:9])  # imports what it needs
    tracemalloc.start()
    try:
        f = gd.LeastSquares(given, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(f.X, X)
    assert peak < X.nbytes + y.nbytes + 5 * (1 << 16)
