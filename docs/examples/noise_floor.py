"""
The noise floor
===============

Single rows make noisy steps. At a constant rate a run stops falling at some distance from the
minimum; a larger batch or a rate that falls brings it below.
"""

import matplotlib.pyplot as plt

import fastgd as gd

X, y = gd.datasets.load("breast-cancer")
f = gd.LogisticRegression(X, y, l2=0.01)
best = gd.theory.optimum(f).loss

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for label, lr, batch_size in [
    ("rate 0.05, batch 1", 0.05, 1),
    ("rate 0.05, batch 32", 0.05, 32),
    ("rate from 0.05 to 0, batch 1", gd.schedules.linear(0.05, 0.0), 1),
]:
    r = gd.minimize(f, gd.SGD(lr=lr), batch_size=batch_size, steps=20_000, seed=0, record_every=200)
    axes.semilogy(r.history["step"], r.history["loss"] - best, label=label)
    print(f"{label}: {r.loss - best:.1e} above the minimum")
axes.set(xlabel="step", ylabel="L(θ) - L*")
axes.legend()
