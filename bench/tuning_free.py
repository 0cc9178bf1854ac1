"""Rules without a rate to tune, beside the best constant rate: the table of docs/guide/methods.md.

    python -m bench.tuning_free

Steps until L - L* <= part (L(0) - L*), the part being 1e-3 for full gradients and 1e-2 for batches
of 32, where a constant rate stays in its noise; l2 = 1e-3. The best constant rate is that of the
fewest steps in a grid by powers of 2 around 1/β. Each figure is the rule's steps over those of the
best constant rate: 1 is as good as if the rate had been tuned. Batches: medians of three seeds,
steps counted to a twentieth of an epoch. "-": not in 2,000 steps of full gradients, or 30 epochs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import fastgd as gd
from bench import data
from bench.harness import Missing

FULL = {"steps": 2000, "record_every": 1}
EPOCHS, BATCH, SEEDS = 30, 32, 3
WHOLE, PART = 1e-3, 1e-2


def problems() -> Iterator[tuple[str, gd.LinearModel]]:
    yield "breast cancer", gd.LogisticRegression(*data.breast_cancer(), l2=1e-3)
    yield "digits, softmax", gd.SoftmaxRegression(*gd.datasets.load("digits"), l2=1e-3)
    z = data._read("california_housing.npz")
    X, y = data.standardised(z["X"]), z["y"] - z["y"].mean()
    yield "California, squares", gd.LeastSquares(X, y, l2=1e-3)
    z = data._read("protein_casp.npz")
    X, y = data.standardised(z["X"]), z["y"] - z["y"].mean()
    yield "protein, Huber", gd.LinearModel(X, y, gd.losses.Huber(1.35), gd.penalties.L2(1e-3))
    for name in ("a9a", "w8a"):
        yield name, gd.LogisticRegression(*data.sparse(name), l2=1e-3)


def steps(f: gd.LinearModel, opt: gd.optimizers.Optimizer, goal: float, full: bool) -> float:
    """The median number of steps until the loss is first at the goal; inf where it never is."""
    found = []
    for seed in range(1 if full else SEEDS):
        enough = [gd.callbacks.TargetLoss(goal)]
        epoch = -(-f.n_samples // BATCH)
        more = FULL if full else {
            "batch_size": BATCH, "epochs": EPOCHS, "record_every": max(1, epoch // 20),
            "sampling": "shuffle",
        }  # fmt: skip
        r = gd.minimize(f, opt, seed=seed, callbacks=enough, **more)
        found.append(r.steps if r.converged else np.inf)
    return float(np.median(found))


def ratios(f: gd.LinearModel) -> dict[str, str]:
    least, first = gd.theory.optimum(f).loss, f.value(np.zeros(f.n_params))
    rules = (
        (True, WHOLE, 2.0 ** np.arange(-3, 1.01, 0.5), {
            "Polyak, L* given": gd.PolyakStep(optimum=least), "Polyak": gd.PolyakStep(),
            "Armijo": gd.Armijo(), "Barzilai-Borwein": gd.BarzilaiBorwein(),
        }),
        (False, PART, 2.0 ** np.arange(-7, 4), {
            "SPS_max": gd.PolyakStep(), "Armijo, batches": gd.Armijo(), "DoG": gd.DoG(),
            "DoWG": gd.DoWG(), "Prodigy": gd.Prodigy(),
        }),
    )  # fmt: skip
    found = {}
    for full, part, factors, kinds in rules:
        goal = least + part * (first - least)
        rates = factors / f.smoothness()
        counts = [steps(f, gd.SGD(rate), goal, full) for rate in rates]
        best = min(counts)
        word = "full" if full else "batches"
        found[f"best rate, {word}"] = f"{best:.0f} at {factors[int(np.argmin(counts))]:.2g}/β"
        for name, opt in kinds.items():
            count = steps(f, opt, goal, full)
            found[name] = f"{count / best:.2g}" if np.isfinite(count) else "-"
    return found


def main() -> None:
    columns: list[str] = []
    try:
        for name, f in problems():
            row = ratios(f)
            if not columns:
                columns = list(row)
                print(f"| data | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
            print(f"| {name} | {' | '.join(row[column] for column in columns)} |", flush=True)
    except Missing as reason:
        print(f"the rest is skipped: {reason}")


if __name__ == "__main__":
    main()
