"""S4: ReLU networks under Adam, per step. All start at the same point and see the same batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

import fastgd as gd
from bench import data
from bench.harness import Case, Contender, Missing, peer

LR = 0.001


def _start(sizes):
    """Layer by layer W (out × in, row-major), then b: fastgd's order of theta."""
    rng = np.random.default_rng(0)
    parts = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        parts += [rng.standard_normal(fan_in * fan_out) * np.sqrt(2 / fan_in), np.zeros(fan_out)]
    return np.concatenate(parts)


def _ours(X, y, sizes, theta0, batch_size, units):
    if not hasattr(gd, "NeuralNetwork"):
        raise Missing("it has no networks yet")
    loss = "logistic" if sizes[-1] == 1 else "softmax"
    f = gd.NeuralNetwork(X, y, hidden=sizes[1:-1], activation="relu", loss=loss)
    adam = gd.Adam(lr=LR, eps=1e-8, eps_root=0.0)

    def run():
        return gd.minimize(
            f, adam, theta0, batch_size=batch_size, steps=units, seed=0, record_every=0
        ).theta

    return run


def cases(quick: bool) -> Iterator[Case]:
    shapes = [
        ((2, 16, 16, 1), lambda: data.synthetic(10_000, 2), 32, 2000, 200, 5, 50),
        ((30, 64, 1), lambda: data.synthetic(10_000, 30), 32, 2000, 200, 4, 35),
        ((784, 128, 10), data.mnist, 64, 200, 50, 1.7, 1.9),
    ]
    for sizes, load, batch_size, steps, torch_steps, optax_target, torch_target in shapes:
        name = "-".join(map(str, sizes)) + f", batch {batch_size}"
        try:
            X, y = load()
        except Missing as reason:
            print(f"S4 {name}: skipped, {reason}")
            continue
        theta0 = _start(sizes)
        indices = np.random.default_rng(0).integers(len(y), size=(steps, batch_size))
        data_and_start = (X, y, sizes, theta0, indices, LR)

        def theirs(module, arguments=data_and_start):
            return lambda units: peer(module).network(*arguments, units)

        # Forward and both backward products: 2 flops for each weight, sample and product, but
        # none for the gradient of the data.
        products = 3 * sum(a * b for a, b in itertools.pairwise(sizes))
        large = sizes[0] == 784
        flops = 2.0 * batch_size * (products - sizes[0] * sizes[1]) if large else None
        yield Case(
            "S4",
            name,
            {
                "fastgd": Contender(
                    lambda units, a=(X, y, sizes, theta0, batch_size): _ours(*a, units), steps
                ),
                "optax in jit(scan)": Contender(theirs("jax_optax"), steps),
                "torch": Contender(theirs("pytorch"), torch_steps),
                "scikit-learn MLPClassifier": Contender(
                    lambda units, a=(X, y, sizes[1:-1], batch_size, LR): peer(
                        "scikit_learn"
                    ).network(*a, units),
                    torch_steps,
                    same=False,
                ),
            },
            unit="step",
            targets={"optax in jit(scan)": optax_target, "torch": torch_target},
            flops=flops,
            share=0.8 if large else None,
            check_units=50,
            tolerance=1e-6,
        )
