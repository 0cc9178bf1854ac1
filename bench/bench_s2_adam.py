"""S2: logistic regression, dense 100000×54, Adam, per step at three batch sizes.

All see the same batches, so they must end at the same theta. The peers are given theirs drawn
beforehand; fastgd draws within the time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import fastgd as gd
from bench import data
from bench.harness import Case, Contender, peer

LR = 0.001


def _ours(X, y, batch_size, units):
    f = gd.LogisticRegression(X, y)
    adam = gd.Adam(lr=LR, eps=1e-8, eps_root=0.0)

    def run():
        return gd.minimize(
            f, adam, batch_size=batch_size, steps=units, seed=0, record_every=0
        ).theta

    return run


def cases(quick: bool) -> Iterator[Case]:
    X, y = data.synthetic(100_000, 54)
    for batch_size, steps, target in ((1, 20_000, 12), (32, 5_000, 6), (256, 1_000, 3)):
        indices = np.random.default_rng(0).integers(len(y), size=(steps, batch_size))

        def theirs(module, indices=indices):
            return lambda units: peer(module).adam_logistic(X, y, indices, LR, units)

        yield Case(
            "S2",
            f"batch {batch_size}",
            {
                "fastgd": Contender(lambda units, size=batch_size: _ours(X, y, size, units), steps),
                "optax in jit(scan)": Contender(theirs("jax_optax"), steps),
                "torch": Contender(theirs("pytorch"), 200),
                "NumPy": Contender(theirs("plain_numpy"), 500),
                "numba": Contender(theirs("numba_loops"), steps),
            },
            unit="step",
            targets={
                "optax in jit(scan)": target,
                "numba": 1.5,
                **({"torch": 100} if batch_size == 32 else {}),
            },
            bytes=8.0 * X.shape[1] * batch_size,
            check_units=200,
        )
