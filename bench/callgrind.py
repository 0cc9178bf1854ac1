"""`python -m bench.callgrind`: instructions of ten kernels, so that a regression shows without a
quiet machine.

All run in one process under valgrind's callgrind, each with N steps and with 2N; the difference
over N is its cost, and what a call costs cancels. The counts repeat for the same compiler (valgrind
hides AVX-512, so it counts the AVX2 code). callgrind.json keeps the last figures; `--keep` writes
them anew, and the exit code is 1 when a count grew by more than 3 %. Other compilers are shown, but
not judged.
"""

from __future__ import annotations

import argparse
import functools
import gc
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

from fastgd.core.build import compiler

KEPT = Path(__file__).resolve().parent / "callgrind.json"
TOLERANCE = 0.03
SIZE = 54


@functools.cache
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


@functools.cache
def _sparse_problem():
    from scipy import sparse

    rng = np.random.default_rng(0)
    X = sparse.csr_array(rng.standard_normal((2000, 1000)) * (rng.random((2000, 1000)) < 0.02))
    return X, (rng.random(2000) < 0.5).astype(np.float64)


def _sparse(optimizer: str, **keywords: float) -> Callable:
    def run(steps):
        import fastgd as gd

        f = gd.LogisticRegression(*_sparse_problem(), **keywords)
        rule = getattr(gd, optimizer)()
        gd.minimize(f, rule, batch_size=1, steps=steps, seed=0, record_every=0)

    return run


def _softmax(steps):
    import fastgd as gd

    X, _ = _problem()
    f = gd.SoftmaxRegression(X, np.arange(2000) % 3)
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
    "SGD, batch 32, softmax of 3, d = 54": (_softmax, 2_000),
    "SGD, batch 32, logistic, float32, d = 54": (_float32, 5_000),
    "SGD, batch 32, network 54-16-1": (_network, 1_000),
}


def _marker() -> None:
    """Valgrind begins a new part wherever this is called: it knows the function of C below it."""
    os.getppid()


def _child(names: list[str]) -> None:
    gc.disable()  # it comes when it comes, and costs more than a kernel
    for name in names:
        run, steps = KERNELS[name]
        run(10)  # what is imported and compiled on first use
        _marker()
        run(steps)
        _marker()
        run(2 * steps)
        _marker()


def count(names: list[str]) -> dict[str, float]:
    """Instructions a step of each kernel."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--dump-before=getppid"]
        command.append(f"--callgrind-out-file={folder}/out")
        child = [sys.executable, "-m", "bench.callgrind", "--child", *names]
        # A fixed hash seed and one BLAS thread: the same instructions in every run.
        fixed = {**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        result = subprocess.run([*command, *child], env=fixed, capture_output=True, text=True)
        parts = [_total(Path(folder, f"out.{i + 1}")) for i in range(3 * len(names))]
    if result.returncode or 0 in parts:
        raise RuntimeError(f"callgrind counted nothing:\n{result.stderr[-2000:]}")
    # A part for each mark: what went before the kernel, N steps, 2 N steps.
    return {
        name: (parts[3 * i + 2] - parts[3 * i + 1]) / KERNELS[name][1]
        for i, name in enumerate(names)
    }


def _total(part: Path) -> int:
    """The instructions of one part; 0 where there is none."""
    text = part.read_text() if part.exists() else ""
    found = re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)
    return int(found.group(1)) if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.callgrind", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="write callgrind.json anew")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.child)
        return 0
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: nothing was counted")
        return 0
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    same = kept.get("compiler") == compiler()
    before = kept.get("instructions a step", {})
    counts = {name: round(found, 1) for name, found in count(list(KERNELS)).items()}
    for name, found in counts.items():
        change = f"{found / before[name] - 1:+.1%}" if name in before else "new"
        print(f"{name:51} {found:12.1f} instructions a step  {change}")
    if options.keep:
        text = {"compiler": compiler(), "instructions a step": counts}
        KEPT.write_text(json.dumps(text, indent=1, ensure_ascii=False) + "\n")
        return 0
    if not same:
        print(f"kept with {kept.get('compiler')}, counted with {compiler()}: not judged")
        return 0
    grown = [name for name in before if counts.get(name, 0.0) > (1 + TOLERANCE) * before[name]]
    for name in grown:
        print(f"more instructions than before: {name}")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
