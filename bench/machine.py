"""The machine's own limits, taken in the same run: read bandwidth, update bandwidth, dgemm rate.

Each is the best of several tries with one thread, since a limit is what the machine can do.
"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import numpy as np
from scipy.linalg import blas

PACKAGES = (
    *("fastgd", "numpy", "scipy", "scikit-learn", "torch", "jax", "jaxlib", "optax", "numba"),
    *("vowpalwabbit", "matplotlib"),
)


def _best(run, tries: int) -> float:
    best = np.inf
    for _ in range(tries):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def limits(gigabytes: float = 1.0, tries: int = 5) -> dict[str, float]:
    """Bytes or floating point operations per second of one core.

    read bandwidth: ddot of an array with itself, far larger than any cache, which is one stream
    of reads; or of two arrays, when that is faster. update bandwidth: y += a x, two streams read
    and one written back. dgemm rate: a product of 1536 × 1536 matrices.
    """
    n = int(gigabytes * 1e9 / 8)
    x, y = np.ones(n // 2), np.ones(n // 2)
    whole = np.ones(n)
    read = max(
        8 * n / _best(lambda: blas.ddot(whole, whole), tries),
        8 * n / _best(lambda: blas.ddot(x, y), tries),
        8 * n / _best(lambda: np.sum(whole), tries),
    )
    update = 12 * n / _best(lambda: blas.daxpy(x, y, a=1e-9), tries)
    size = 1536
    a = np.asfortranarray(np.random.default_rng(0).standard_normal((size, size)))
    c = np.zeros((size, size), order="F")
    dgemm = 2 * size**3 / _best(lambda: blas.dgemm(1.0, a, a, 0.0, c, overwrite_c=True), tries)
    return {"read bandwidth": read, "update bandwidth": update, "dgemm rate": dgemm}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def description() -> dict[str, str]:
    """What a reader needs to place the figures: processor, system, versions."""
    from importlib.metadata import PackageNotFoundError, version

    facts = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}",
        "Python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "not installed"
    return facts
