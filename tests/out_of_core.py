"""Training on more data than there is memory for, dense and CSR, to the bits of data in memory.

    python tests/out_of_core.py 20 2        20 GB of each under a limit of 2 GB

The files are sparse on disk: their rows are zeros, but for some. The limit is that of a memory
control group of Linux, which counts the pages of the files too, where one may be made (as root);
elsewhere it is on what the process allocates (RLIMIT_DATA), and pages of files go when others need
memory.
"""

import contextlib
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import fastgd as gd

COLUMNS = 250
WRITTEN = 4096  # rows, spread over all


def made(path: Path, shape: tuple[int, ...], dtype) -> np.memmap:
    return np.memmap(path, dtype=dtype, mode="w+", shape=shape)


def dense(folder: Path, size: float) -> np.memmap:
    rows = int(size / 8 / COLUMNS)
    X = made(folder / "X", (rows, COLUMNS), np.float64)
    generator = np.random.default_rng(0)
    for row in np.linspace(0, rows - 1, WRITTEN).astype(int):
        X[row] = generator.standard_normal(COLUMNS)
    return X


def csr(folder: Path, size: float) -> sp.csr_array:
    rows = int(size / 12 / COLUMNS)
    data = made(folder / "data", (rows * COLUMNS,), np.float64)
    indices = made(folder / "indices", (rows * COLUMNS,), np.int32)
    generator = np.random.default_rng(0)
    for row in np.linspace(0, rows - 1, WRITTEN).astype(int):
        part = slice(row * COLUMNS, (row + 1) * COLUMNS)
        data[part] = generator.standard_normal(COLUMNS)
        indices[part] = np.sort(generator.choice(4 * COLUMNS, COLUMNS, replace=False))
    X = sp.csr_array((rows, 4 * COLUMNS))
    X.data, X.indices = data, indices
    X.indptr = np.arange(rows + 1, dtype=np.int64) * COLUMNS
    X.indices = X.indices if rows * COLUMNS < 2**31 else X.indices
    if rows * COLUMNS < 2**31:
        X.indptr = X.indptr.astype(np.int32)
    return X


def trained(X) -> np.ndarray:
    y = (np.arange(X.shape[0]) % 3 == 0).astype(np.float64)
    f = gd.LogisticRegression(X, y, l2=1e-3)
    run = {"batch_size": 64, "steps": 300, "seed": 0, "record_every": 0}
    thetas = [gd.minimize(f, gd.Adam(0.01), sampling=how, **run).theta
              for how in ("replacement", "shuffle", "sequential")]  # fmt: skip
    thetas.append(gd.minimize(f, gd.SGD(0.01), steps=1, record_every=1, n_threads=2).theta)
    return np.concatenate(thetas)


def copy_of(X):
    if isinstance(X, np.memmap):
        return np.array(X)
    found = sp.csr_array(X.shape)
    found.data, found.indices, found.indptr = np.array(X.data), np.array(X.indices), X.indptr
    return found


def peak() -> float:
    """Gigabytes that the process itself has allocated."""
    text = Path("/proc/self/status").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if "RssAnon" in line) / 1e6


def limited(limit: int) -> tuple[str, Path | None]:
    """By what this process is limited from here on, and its control group."""
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    root = Path("/sys/fs/cgroup")
    for parent, name in ((root / "memory", "memory.limit_in_bytes"), (root, "memory.max")):
        group = parent / f"fastgd-{os.getpid()}"
        if not (parent / "cgroup.procs").exists():
            continue
        try:
            group.mkdir()
            (group / name).write_text(str(limit))
            (group / "cgroup.procs").write_text(str(os.getpid()))
        except OSError:
            with contextlib.suppress(OSError):
                group.rmdir()
            continue
        return "a control group", group
    return "RLIMIT_DATA", None


def leave(group: Path | None) -> None:
    """Put this process back, so that the group can go."""
    if group is not None:
        (group.parent / "cgroup.procs").write_text(str(os.getpid()))
        with contextlib.suppress(OSError):
            group.rmdir()


def main(size: float, limit: float) -> None:
    by, group = limited(int(limit * 1e9))
    try:
        train(size, limit, by)
    finally:
        leave(group)


def train(size: float, limit: float, by: str) -> None:
    for make in (dense, csr):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            X = make(Path(folder), size * 1e9)
            theta = trained(X)
            assert np.isfinite(theta).all() and theta.any()
            same = ""
            if size < limit / 2:
                assert np.array_equal(trained(copy_of(X)), theta)
                same = ", the bits of the same data in memory"
            took = time.perf_counter() - began
            print(f"{make.__name__}: {size:g} GB in {took:.0f} s, {peak():.2f} GB of its own, "
                  f"limited to {limit:g} by {by}{same}", flush=True)  # fmt: skip
            del X
    if size > limit:
        try:
            np.ones(int(limit * 1e9 / 8))
        except MemoryError:
            return
        raise SystemExit("the limit does not hold here")


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
