"""`python -m bench.callgrind`: instructions of ten kernels, so that a regression shows without a
quiet machine.

Each kernel runs under valgrind's callgrind twice, with N steps and with 2N; the difference over N
is its cost, and start-up cancels. The counts repeat for the same compiler and SIMD level (valgrind
hides AVX-512, so it counts the AVX2 code). callgrind.json keeps the last figures; `--keep` writes
them anew, and the exit code is 1 when a count grew by more than 3 %.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

KEPT = Path(__file__).resolve().parent / "callgrind.json"
TOLERANCE = 0.03
SIZE = 54


def _problem():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, SIZE))
    return X, (rng.random(2000) < 0.5).astype(np.float64)


def _run(optimizer: str, batch_size: int, objective: str = "LogisticRegression") -> Callable:
    def run(steps):
        import fastgd as gd

        f = getattr(gd, objective)(*_problem())
        gd.minimize(
            f, getattr(gd, optimizer)(), batch_size=batch_size, steps=steps, seed=0, record_every=0
        )

    return run


def _adam_step(steps):
    import fastgd as gd

    theta, gradient = np.zeros(1000), np.ones(1000)
    adam = gd.Adam()
    state = adam.init(theta)
    for _ in range(steps):
        adam.step(theta, gradient, state)


def _sparse(optimizer: str, **keywords: float) -> Callable:
    def run(steps):
        from scipy import sparse

        import fastgd as gd

        rng = np.random.default_rng(0)
        X = sparse.csr_array(rng.standard_normal((2000, 1000)) * (rng.random((2000, 1000)) < 0.02))
        f = gd.LogisticRegression(X, (rng.random(2000) < 0.5).astype(np.float64), **keywords)
        rule = getattr(gd, optimizer)()
        gd.minimize(f, rule, batch_size=1, steps=steps, seed=0, record_every=0)

    return run


def _softmax(steps):
    import fastgd as gd

    X, _ = _problem()
    f = gd.SoftmaxRegression(X, np.arange(2000) % 7)
    gd.minimize(f, gd.SGD(), batch_size=32, steps=steps, seed=0, record_every=0)


def _network(steps):
    import fastgd as gd

    f = gd.NeuralNetwork(*_problem(), hidden=(16,))
    gd.minimize(f, gd.SGD(), batch_size=32, steps=steps, seed=0, record_every=0)


def _float32(steps):
    import fastgd as gd

    X, y = _problem()
    f = gd.LogisticRegression(X.astype(np.float32), y)
    gd.minimize(f, gd.SGD(), batch_size=32, steps=steps, seed=0, record_every=0)


def _full_gradient(steps):
    import fastgd as gd

    f = gd.LeastSquares(*_problem())
    theta = np.zeros(SIZE)
    for _ in range(steps):
        f.gradient(theta)


# Name: what runs so many steps, and how many.
KERNELS = {
    "SGD, batch 1, logistic, d = 54": (_run("SGD", 1), 20_000),
    "Adam, batch 32, logistic, d = 54": (_run("Adam", 32), 2_000),
    "full gradient, least squares, 2000×54": (_full_gradient, 50),
    "Adam.step, d = 1000": (_adam_step, 2_000),
    "Momentum, batch 1, least squares, d = 54": (_run("Momentum", 1, "LeastSquares"), 20_000),
    "SGD with l2, batch 1, logistic, CSR, 20 of d = 1000": (_sparse("SGD", l2=0.01), 20_000),
    "AdaGrad, batch 1, logistic, CSR, 20 of d = 1000": (_sparse("AdaGrad"), 20_000),
    "SGD, batch 32, softmax of 7, d = 54": (_softmax, 2_000),
    "SGD, batch 32, logistic, float32, d = 54": (_float32, 5_000),
    "SGD, batch 32, network 54-16-1": (_network, 1_000),
}


def _instructions(name: str, steps: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        child = [sys.executable, "-m", "bench.callgrind", "--child", name, str(steps)]
        # A fixed hash seed and one BLAS thread: start-up is then the same in both runs.
        fixed = {**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        result = subprocess.run(
            [*command, *child], env=fixed, capture_output=True, text=True, check=True
        )
    found = re.search(r"Collected : (\d+)", result.stderr)
    if found is None:
        raise RuntimeError(f"callgrind printed no count:\n{result.stderr[-2000:]}")
    return int(found.group(1))


def count(name: str) -> float:
    """Instructions a step."""
    steps = KERNELS[name][1]
    return (_instructions(name, 2 * steps) - _instructions(name, steps)) / steps


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.callgrind", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="write callgrind.json anew")
    parser.add_argument("--child", nargs=2, metavar=("KERNEL", "STEPS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, steps = options.child
        KERNELS[name][0](int(steps))
        return 0
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: nothing was counted")
        return 0
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    counts, grown = {}, []
    for name in KERNELS:
        counts[name] = round(count(name), 1)
        before = kept.get(name)
        change = f"{counts[name] / before - 1:+.1%}" if before else "new"
        print(f"{name:51} {counts[name]:12.1f} instructions a step  {change}", flush=True)
        if before and counts[name] > (1 + TOLERANCE) * before:
            grown.append(name)
    if options.keep:
        KEPT.write_text(json.dumps(counts, indent=1, ensure_ascii=False) + "\n")
    for name in grown:
        print(f"more instructions than before: {name}")
    return 1 if grown and not options.keep else 0


if __name__ == "__main__":
    sys.exit(main())
