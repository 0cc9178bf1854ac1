"""
With or without replacement
===========================

Rows drawn independently, as the theorems ask for, or each once an epoch: at a rate that falls the
second comes nearer to the minimum in the same number of steps. Lines are medians of ten seeds.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

X, y = gd.datasets.load("breast-cancer")
f = gd.LogisticRegression(X, y, l2=1e-3)
best = gd.theory.optimum(f).loss
opt = gd.SGD(lr=gd.schedules.linear(0.1, 0.0))

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for sampling in ("replacement", "shuffle"):
    runs = [
        gd.minimize(f, opt, batch_size=1, epochs=32, seed=seed, sampling=sampling)
        for seed in range(10)
    ]
    excess = np.array([r.history["loss"] - best for r in runs])
    low, middle, high = np.quantile(excess, [0.25, 0.5, 0.75], axis=0)
    epochs = runs[0].history["step"] / len(y)
    axes.semilogy(epochs, middle, label=sampling)
    axes.fill_between(epochs, low, high, alpha=0.25)
    print(f"{sampling}: {middle[-1]:.1e} above the minimum at the end")
axes.set(xlabel="epoch", ylabel="L(θ) - L*")
axes.legend()
