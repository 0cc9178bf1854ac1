"""
Data that stays on the disk
===========================

A matrix in a file, in float32, is used where it lies: the system reads the pages that a step needs.
Here the digits, fifty times with noise, 23 MB; it may as well be larger than memory.
"""

import pathlib
import tempfile

import numpy as np

import fastgd as gd

digits, classes = gd.datasets.load("digits")
rng = np.random.default_rng(0)
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    path = pathlib.Path(folder, "digits.npy")
    times, (n, d) = 50, digits.shape
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(times * n, d))
    for k in range(times):
        out[k * n : (k + 1) * n] = digits + 0.1 * rng.normal(size=(n, d))
    out.flush()

    X = np.load(path, mmap_mode="r")
    f = gd.SoftmaxRegression(X, np.tile(classes, times), l2=1e-4)
    # Rows were written in no order of their own, so they may be read as they lie.
    r = gd.minimize(f, gd.Momentum(lr=0.1), batch_size=32, epochs=1, seed=0,
                    sampling="sequential", record_every=100)  # fmt: skip
    print(f"{path.stat().st_size / 1e6:.0f} MB, {r.steps} steps, loss {r.loss:.3f}")
    del f, X, out
r.plot()
