"""Twenty learning rates in one pass over the data, and one after the other: python -m bench.sweep.

Both compute the same, bit by bit, which is checked. Small data, which stays in a cache anyway, is
there to show that nothing is lost.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import fastgd as gd

RATES = np.geomspace(1e-4, 1e-2, 20)
REPEATS = 5


def thetas(found: list[gd.Result]) -> list[Any]:
    return [one.theta for one in found]


def measure(f: gd.Objective, rule: type[gd.Optimizer], options: dict[str, Any]) -> Any:
    """Seconds for all rates alone and shared: medians."""
    many = [rule(lr=float(lr)) for lr in RATES]  # type: ignore[call-arg]
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        alone = [gd.minimize(f, one, record_every=0, **options) for one in many]
        between = time.perf_counter()
        shared = gd.sweep(f, many, **options)
        times.append((between - began, time.perf_counter() - between))
        if not np.array_equal(thetas(alone), thetas(shared)):
            raise SystemExit("a sweep computes something else")
    return np.median(times, axis=0)


def main() -> None:
    for n, d in ((200, 54), (20_000, 54), (500_000, 54), (40_000, 784)):
        generator = np.random.default_rng(0)
        f = gd.LogisticRegression(generator.normal(size=(n, d)), generator.integers(2, size=n))
        for batch_size, samples in ((1, 40_000), (32, 128_000)):
            steps = samples // batch_size // (4 if d == 784 else 1)
            for rule in (gd.SGD, gd.Adam):
                times = measure(f, rule, {"batch_size": batch_size, "steps": steps, "seed": 0})
                alone, shared = times / steps / len(RATES) * 1e6
                print(
                    f"{n:6} x {d:3} ({n * d * 8 / 1e6:5.1f} MB), batch {batch_size:2}, "
                    f"{rule.__name__:4}: {alone:6.2f} us a step alone, {shared:6.2f} shared, "
                    f"{alone / shared:4.2f} times as fast"
                )


if __name__ == "__main__":
    main()
