"""What a run needs beyond its data: peak resident memory around a 1 GB X.

    python -m bench.memory [GIGABYTES]

Prints, for each way of running, how far the peak rose above what was resident once X existed.
"""

import resource
import sys

import numpy as np

import fastgd as gd


def peak() -> float:
    """Peak resident memory of this process in MB (ru_maxrss is in kB on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(gigabytes: float = 1.0) -> None:
    """Print the table."""
    d = 100
    n = int(gigabytes * 1e9 / (8 * d))
    rng = np.random.default_rng(0)
    X = np.empty((n, d))
    for first in range(0, n, 10_000):  # in blocks: making the data must not set the peak
        X[first : first + 10_000] = rng.standard_normal((min(10_000, n - first), d))
    y = (X[:, 0] > 0).astype(np.float64)
    f = gd.LogisticRegression(X[:10], y[:10])
    gd.minimize(f, gd.Adam(), batch_size=1, steps=1, seed=0)  # what importing and a run load once
    base = peak()
    print(f"X: {n} x {d}, {X.nbytes / 1e6:.0f} MB; resident {base:.0f} MB")
    f = gd.LogisticRegression(X, y)
    print(f"{'LogisticRegression(X, y)':42} +{peak() - base:.1f} MB")
    for name, options in (
        ("SGD, batch 1, 1,000,000 steps", {"batch_size": 1, "steps": 1_000_000}),
        ("Adam, batch 256, 10,000 steps", {"batch_size": 256, "steps": 10_000}),
        ("full batch, 3 steps", {"steps": 3}),
        (
            "shuffle, one epoch (8 n bytes expected)",
            {"batch_size": 64, "epochs": 1, "sampling": "shuffle"},
        ),
    ):
        optimizer = gd.SGD(1e-3) if "SGD" in name else gd.Adam(1e-3)
        gd.minimize(f, optimizer, seed=0, record_every=0, **options)
        print(f"{name:42} +{peak() - base:.1f} MB")


if __name__ == "__main__":
    main(*(float(argument) for argument in sys.argv[1:]))
