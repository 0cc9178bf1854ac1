"""A data set that no rank has room for: each maps its own rows of one file, and copies none.

    mpiexec -n 2 python examples/larger_than_one.py --rows 1000000

The files X.npy and y.npy are made where they are missing. Each rank then forbids itself more
address space than it has and seven tenths of X, so that X as a whole does not fit in.
"""

import argparse
import os
import resource
import time

import numpy as np
import scipy.linalg
from mpi4py import MPI

import fastgd as gd

WIDTH = 50


def make(n):
    """Rows of a linear rule with noise, a block at a time."""
    X = np.lib.format.open_memmap("X.npy", "w+", np.float64, (n, WIDTH))
    y = np.lib.format.open_memmap("y.npy", "w+", np.float64, (n,))
    weights = np.random.default_rng(0).standard_normal(WIDTH)
    for first in range(0, n, 10_000):
        generator = np.random.default_rng([1, first])
        block = generator.standard_normal((min(10_000, n - first), WIDTH))
        X[first : first + 10_000] = block
        y[first : first + 10_000] = block @ weights + generator.standard_normal(len(block)) > 0


def rows_of(path, own):
    """Those rows of a .npy file, and no more of it, as a map of the file."""
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        header, row = file.tell(), dtype.itemsize * int(np.prod(shape[1:]))
    shape = (own.stop - own.start, *shape[1:])
    return np.memmap(path, dtype, "r", header + own.start * row, shape)


def used():
    """Bytes of address space that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


comm = MPI.COMM_WORLD
parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=1_000_000)
n = parser.parse_args().rows
if comm.rank == 0 and not os.path.exists("X.npy"):
    make(n)
comm.Barrier()

# What BLAS takes for itself when it is first used is not to count against the limit.
scipy.linalg.eigvalsh(np.eye(200) @ np.eye(200))
size = os.path.getsize("X.npy")
limit = used() + 7 * size // 10
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    np.load("X.npy", mmap_mode="r")
    whole = "fits in"
except OSError as error:
    whole = f"does not fit in ({error.strerror})"

own = gd.distributed.rows(n, comm)
f = gd.LogisticRegression(rows_of("X.npy", own), rows_of("y.npy", own), l2=1e-4)
began = time.perf_counter()
r = gd.minimize(f, gd.Nesterov("1/beta"), steps=60, record_every=20, comm=comm)
seconds = time.perf_counter() - began
right = comm.allreduce(int((f.predict(r.theta, f.X) == f.y).sum())) / n
if comm.rank == 0:
    print(f"X              {size / 1e6:.0f} MB, which {whole}")
    print(f"room           {7 * size / 1e7:.0f} MB beside what a rank has anyway")
    print(f"rank 0         {f.n_samples} rows of {n}, {f.X.nbytes / 1e6:.0f} MB")
    for step, loss in zip(r.history["step"], r.history["loss"], strict=True):
        print(f"step {step:<9} loss {loss:.6f}")
    print(f"run            {r.steps} steps in {seconds:.1f} s: {r.message}")
    print(f"accuracy       {right:.4f} on all rows")
