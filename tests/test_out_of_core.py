# Data that stays on the disk: read through a map, in place, to the same bits. A copy, where there
# must be one, is made in blocks.
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import fastgd as gd
from fastgd import checks

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
