"""S7: twenty runs of Adam with different rates on one data set, two threads against one.

Two processes, which share no interpreter, show what this machine's two cores give at that moment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import fastgd as gd
from bench import data
from bench.harness import Case, Contender


def cases(quick: bool) -> Iterator[Case]:
    X, y = data.synthetic(20_000, 54)
    f = gd.LogisticRegression(X, y)
    rates = np.geomspace(1e-4, 1e-1, 20)
    steps = 1000 if quick else 3000

    def tune(lr):
        return gd.minimize(
            f, gd.Adam(lr=lr), batch_size=32, steps=steps, seed=0, record_every=0
        ).theta

    def with_threads(threads):
        def run():
            with ThreadPoolExecutor(threads) as pool:
                return np.concatenate(list(pool.map(tune, rates)))

        return Contender(lambda units: run)

    def two_processes():
        children = []
        for part in (rates[::2], rates[1::2]):
            child = os.fork()
            if child == 0:
                for lr in part:
                    tune(lr)
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)

    contenders = {"fastgd, 2 threads": with_threads(2), "fastgd, 1 thread": with_threads(1)}
    if hasattr(os, "fork"):
        contenders["fastgd, 2 processes"] = Contender(lambda units: two_processes, same=False)
    yield Case(
        "S7",
        "twenty runs of Adam",
        contenders,
        unit="sweep",
        targets={"fastgd, 1 thread": 1.9},
        check_units=1,
        tolerance=0.0,
        ours="fastgd, 2 threads",
    )
