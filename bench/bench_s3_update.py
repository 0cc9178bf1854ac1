"""S3: one update of d parameters, called from Python with a gradient computed elsewhere.

At 1e7 parameters memory is the limit: the bytes are those of every stream read and written.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import fastgd as gd
from bench.harness import Case, Contender, peer

LR = 0.001
OPTIMIZERS = {
    "Momentum": (gd.Momentum(lr=LR, momentum=0.9), 5),
    "AdaGrad": (gd.AdaGrad(lr=LR, eps=1e-10), 5),
    "Adam": (gd.Adam(lr=LR, eps=1e-8, eps_root=0.0), 7),
    "AdamW": (gd.AdamW(lr=LR, eps=1e-8, eps_root=0.0, weight_decay=0.01), 7),
}  # the second entry: float64 streams, theta and the moments both read and written


def _ours(optimizer, theta, gradient, units):
    theta = theta.copy()
    state = optimizer.init(theta)
    step = optimizer.step

    def run():
        for _ in range(units):
            step(theta, gradient, state)
        return theta

    return run


def cases(quick: bool) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    for name, (optimizer, streams) in OPTIMIZERS.items():
        for d, steps, target in ((10, 1000, 500), (1000, 500, 55), (10**5, 20, 2.5), (10**7, 1, 1)):
            if quick and d == 10**7 and name != "Adam":
                continue
            theta, gradient = rng.standard_normal(d), rng.standard_normal(d)

            def theirs(module, name=name, theta=theta, gradient=gradient):
                return lambda units: peer(module).update(name, theta, gradient, LR, units)

            yield Case(
                "S3",
                f"{name}, d = {d:.0e}".replace("e+0", "e"),
                {
                    "fastgd": Contender(
                        lambda units, o=optimizer, p=theta, g=gradient: _ours(o, p, g, units), steps
                    ),
                    "torch fused": Contender(theirs("pytorch"), min(steps, 100)),
                    "numba": Contender(theirs("numba_loops"), steps),
                },
                unit="step",
                targets={"torch fused": target},
                bytes=8.0 * streams * d if d == 10**7 else None,
                share=0.9 if d == 10**7 else None,
                writes=True,
                check_units=5 if d < 10**7 else 1,
            )
