"""A step of Rosenbrock-10 by gradients from anywhere: the table of docs/guide/elsewhere.md.

    python -m bench.gradients

Each way is the best of many short runs of plain descent, without records: short enough that some
are not interrupted on a busy machine. Whole loops of numba and Cython, without fastgd, stand
beside. What is not installed here is left out; C and Cython need a compiler.
"""

import ctypes
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import fastgd as gd

D, RATE = 10, 1e-3
SECONDS, MOST_ROUNDS = 2.0, 100  # of each way

SOURCE = """
double rosenbrock(int n, const double *x, double *g) {
    double value = 0.0;
    for (int i = 0; i < n; i++) g[i] = 0.0;
    for (int i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1.0 - x[i];
        value += 100.0 * a * a + b * b;
        g[i] += -400.0 * a * x[i] - 2.0 * b;
        g[i + 1] += 200.0 * a;
    }
    return value;
}
"""

CYTHON = """
# cython: boundscheck=False, wraparound=False, cdivision=True
cdef api double rosenbrock(int n, double *x, double *g) noexcept nogil:
    cdef double value = 0.0, a, b
    cdef int i
    for i in range(n):
        g[i] = 0.0
    for i in range(n - 1):
        a, b = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        value += 100.0 * a * a + b * b
        g[i] += -400.0 * a * x[i] - 2.0 * b
        g[i + 1] += 200.0 * a
    return value

def loop(double[::1] x, double[::1] g, double rate, Py_ssize_t steps):
    cdef Py_ssize_t t, i
    with nogil:
        for t in range(steps):
            rosenbrock(<int> x.shape[0], &x[0], &g[0])
            for i in range(x.shape[0]):
                x[i] -= rate * g[i]
"""

Way = tuple[str, gd.Function | Callable[[Any, int], Any], int]


def value(x: Any, np: Any = np) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def gradient(x: Any) -> Any:
    g = np.zeros_like(x)
    a, b = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
    g[:-1] = -400.0 * a * x[:-1] - 2.0 * b
    g[1:] += 200.0 * a
    return g


def ways() -> Iterator[Way]:
    """What is measured: a name, the objective or a loop of its own, steps of a run."""
    yield "NumPy by hand", gd.Function(value, gradient, D), 500
    try:
        import autograd
        import autograd.numpy as anp

        slope = autograd.grad(lambda x: value(x, anp))
        yield "autograd", gd.Function(value, slope, D), 50
    except ImportError:
        pass
    try:
        import torch

        def both(theta: Any) -> Any:
            x = torch.from_numpy(theta).requires_grad_()
            loss = value(x, torch)
            return loss, torch.autograd.grad(loss, x)[0]

        yield "torch", gd.Function(value_and_gradient=both, n_params=D), 50
    except ImportError:
        pass
    try:
        import jax

        jax.config.update("jax_enable_x64", True)
        compiled = jax.jit(jax.value_and_grad(lambda x: value(x, jax.numpy)))
        yield "jax, compiled", gd.Function(value_and_gradient=compiled, n_params=D), 200
    except ImportError:
        pass
    try:
        yield from numba_ways()
    except ImportError:
        pass
    yield from c_way()
    yield from cython_ways()


def numba_ways() -> Iterator[Way]:
    from numba import cfunc, njit, types

    def rosenbrock(n, x, g):
        value = 0.0
        for i in range(n):
            g[i] = 0.0
        for i in range(n - 1):
            a, b = x[i + 1] - x[i] * x[i], 1.0 - x[i]
            value += 100.0 * a * a + b * b
            g[i] += -400.0 * a * x[i] - 2.0 * b
            g[i + 1] += 200.0 * a
        return value

    inner = njit(rosenbrock)

    @njit
    def both(x):
        g = np.empty(x.shape[0])
        return inner(x.shape[0], x, g), g

    yield "numba, njit", gd.Function(value_and_gradient=both, n_params=D), 2000
    pointer = types.CPointer(types.float64)
    compiled = cfunc(types.float64(types.intc, pointer, pointer))(rosenbrock)
    yield "numba, cfunc", gd.Function(value_and_gradient=compiled, n_params=D), 20_000

    @njit
    def loop(x, rate, steps):
        g = np.empty(x.shape[0])
        for _ in range(steps):
            inner(x.shape[0], x, g)
            for i in range(x.shape[0]):
                x[i] -= rate * g[i]

    yield "numba's own loop", lambda x, steps: loop(x, RATE, steps), 20_000


def c_way() -> Iterator[Way]:
    compiler = shutil.which("cc")
    if compiler is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "rosenbrock.c"), Path(folder, "rosenbrock.so")
        source.write_text(SOURCE)
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", source, "-o", library], check=True)
        function = ctypes.CDLL(str(library)).rosenbrock
        double_p = ctypes.POINTER(ctypes.c_double)
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_int, double_p, double_p]
        yield "C", gd.Function(value_and_gradient=function, n_params=D), 20_000


def cython_ways() -> Iterator[Way]:
    from scipy import LowLevelCallable

    if shutil.which("cc") is None or importlib.util.find_spec("Cython") is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "rosenbrock_loop.pyx").write_text(CYTHON)
        command = [
            sys.executable,
            "-m",
            "Cython.Build.Cythonize",
            "-i",
            "-3",
            "rosenbrock_loop.pyx",
        ]
        subprocess.run(command, check=True, cwd=folder, capture_output=True)
        sys.path.insert(0, folder)
        module = importlib.import_module("rosenbrock_loop")
        sys.path.remove(folder)
    # What it exports is no callable of SciPy's own search, but a capsule like all others.
    capsule = LowLevelCallable(module.__pyx_capi__["rosenbrock"])
    yield "Cython", gd.Function(value_and_gradient=capsule, n_params=D), 20_000
    g = np.empty(D)
    yield "Cython's own loop", lambda x, steps: module.loop(x, g, RATE, steps), 20_000


def descend(way: Any, steps: int) -> Any:
    if isinstance(way, gd.Function):
        return gd.minimize(way, gd.SGD(RATE), np.zeros(D), steps=steps, record_every=0).theta
    theta = np.zeros(D)
    way(theta, steps)
    return theta


def best_of(job: Callable[[], Any]) -> float:
    """The shortest of many runs, in seconds; the first is not counted."""
    job()
    best, end = np.inf, time.perf_counter() + SECONDS
    for _ in range(MOST_ROUNDS):
        began = time.perf_counter()
        job()
        now = time.perf_counter()
        best = min(best, now - began)
        if now > end:
            break
    return best


def threads() -> None:
    """Two Python functions, one after the other and in two threads, by turns."""
    f = gd.Function(value, gradient, D)

    def one(steps: int) -> None:
        descend(f, steps)
        descend(f, steps)

    def two(steps: int) -> None:
        jobs = [threading.Thread(target=descend, args=(f, steps)) for _ in range(2)]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()

    for steps in (500, 5000):
        best = {one: np.inf, two: np.inf}
        for _ in range(20):
            for job in best:
                began = time.perf_counter()
                job(steps)
                best[job] = min(best[job], (time.perf_counter() - began) * 1e3)
        print(f"two Python functions of {steps} steps: one after the other {best[one]:.1f} ms, "
              f"in two threads {best[two]:.1f} ms")  # fmt: skip


def main() -> None:
    expected = descend(gd.Function(value, gradient, D), 200)
    for name, way, steps in ways():
        np.testing.assert_allclose(descend(way, 200), expected, rtol=1e-10)
        best = best_of(lambda way=way, steps=steps: descend(way, steps))
        print(f"{name:<18}{best / steps * 1e9:>12.0f} ns a step", flush=True)
    threads()


if __name__ == "__main__":
    main()
