"""What importance sampling gains on real data: prints the table of docs/guide/sampling.md.

    python -m bench.importance

σ*² is the exact gradient noise at the minimum, uniform and by importance: in theory the distance at
which SGD stays at a constant rate is in proportion to it. Then what was found: the loss above the
least after 10 epochs of single rows, each sampling at the best of fourteen rates, a factor of 2
apart, that fall linearly to 0; medians of five seeds.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import fastgd as gd
from bench import data
from bench.harness import Missing

SAMPLINGS = ("replacement", "importance")
EPOCHS, SEEDS, RATES = 10, 5, 14


def problems() -> Iterator[tuple[str, gd.LinearModel]]:
    X, y = data.breast_cancer()
    yield "breast cancer, logistic", gd.LogisticRegression(X, y, l2=1e-3)
    for name in ("california_housing", "protein_casp"):
        z = data._read(f"{name}.npz")
        X, y = data.standardised(z["X"]), z["y"] - z["y"].mean()
        yield f"{name}, least squares", gd.LeastSquares(X, y, l2=1e-3)
        yield f"{name}, Huber", gd.LinearModel(X, y, gd.losses.Huber(1.35), gd.penalties.L2(1e-3))
    z = data._read("blog_feedback.npz")
    X = data.standardised(z["X_train"])
    yield "blog_feedback, any comment?", gd.LogisticRegression(X, z["y_train"] > 0, l2=1e-3)


def found(f: gd.LinearModel, sampling: str, least: float) -> tuple[float, float]:
    """The best rate, and the median loss above the least there."""
    # From where noise does nothing to where one sampling or the other diverges.
    first = 1.0 / f.smoothness()
    best = (0.0, np.inf)
    for rate in first * 0.5 ** np.arange(RATES):
        opt = gd.SGD(gd.schedules.linear(rate, 0.0))
        runs = [
            gd.minimize(f, opt, batch_size=1, epochs=EPOCHS, seed=seed, sampling=sampling,
                        record_every=0).loss
            for seed in range(SEEDS)
        ]  # fmt: skip
        excess = float(np.median(runs)) - least
        if excess < best[1]:
            best = rate, excess
    return best


def main() -> None:
    print(
        "| data | rows | σ*², uniform | importance | ratio | F - F*, uniform | importance | ratio |"
    )
    print("|---|---|---|---|---|---|---|---|")
    try:
        for name, f in problems():
            best = gd.theory.optimum(f)
            noise = [gd.theory.variance(f, best.theta, sampling=kind) for kind in SAMPLINGS]
            excess = [found(f, kind, best.loss)[1] for kind in SAMPLINGS]
            print(
                f"| {name} | {f.n_samples} | {noise[0]:.3g} | {noise[1]:.3g} | "
                f"{noise[0] / noise[1]:.2g} | {excess[0]:.2g} | {excess[1]:.2g} | "
                f"{excess[0] / excess[1]:.2g} |",
                flush=True,
            )
    except Missing as reason:
        print(f"the rest is skipped: {reason}")


if __name__ == "__main__":
    main()
