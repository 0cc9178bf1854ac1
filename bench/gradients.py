"""A step of Rosenbrock-10 by gradients from anywhere: the table of docs/guide/gradients.md.

    python -m bench.gradients

Each way is the best of some runs of plain descent, without records. What is not installed here is
left out; C needs a compiler.
"""

import ctypes
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import fastgd as gd

D, RATE, ROUNDS = 10, 1e-3, 7

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


def value(x: Any, np: Any = np) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def gradient(x: Any) -> Any:
    g = np.zeros_like(x)
    a, b = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
    g[:-1] = -400.0 * a * x[:-1] - 2.0 * b
    g[1:] += 200.0 * a
    return g


def ways() -> Iterator[tuple[str, gd.Function, int]]:
    """What is measured: a name, the objective, steps of a run."""
    yield "NumPy by hand", gd.Function(value, gradient, D), 20_000
    try:
        import autograd
        import autograd.numpy as anp

        slope = autograd.grad(lambda x: value(x, anp))
        yield "autograd", gd.Function(value, slope, D), 500
    except ImportError:
        pass
    try:
        import torch

        def both(theta: Any) -> Any:
            x = torch.from_numpy(theta).requires_grad_()
            loss = value(x, torch)
            return loss, torch.autograd.grad(loss, x)[0]

        yield "torch", gd.Function(value_and_gradient=both, n_params=D), 2000
    except ImportError:
        pass
    try:
        import jax

        jax.config.update("jax_enable_x64", True)
        compiled = jax.jit(jax.value_and_grad(lambda x: value(x, jax.numpy)))
        yield "jax, compiled", gd.Function(value_and_gradient=compiled, n_params=D), 5000
    except ImportError:
        pass
    try:
        yield from numba_ways()
    except ImportError:
        pass
    yield from c_way()


def numba_ways() -> Iterator[tuple[str, gd.Function, int]]:
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

    yield "numba, njit", gd.Function(value_and_gradient=both, n_params=D), 50_000
    pointer = types.CPointer(types.float64)
    compiled = cfunc(types.float64(types.intc, pointer, pointer))(rosenbrock)
    yield "numba, cfunc", gd.Function(value_and_gradient=compiled, n_params=D), 500_000


def c_way() -> Iterator[tuple[str, gd.Function, int]]:
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
        yield "C", gd.Function(value_and_gradient=function, n_params=D), 500_000


def main() -> None:
    start = np.zeros(D)
    found: dict[str, float] = {}
    for name, f, steps in ways():
        np.testing.assert_allclose(f.gradient(start + 0.3), gradient(start + 0.3), rtol=1e-12)
        best = np.inf
        for _ in range(ROUNDS):
            began = time.perf_counter()
            gd.minimize(f, gd.SGD(RATE), start, steps=steps, record_every=0)
            best = min(best, time.perf_counter() - began)
        found[name] = best / steps * 1e9
        print(f"{name:<16}{found[name]:>12.0f} ns a step", flush=True)


if __name__ == "__main__":
    main()
