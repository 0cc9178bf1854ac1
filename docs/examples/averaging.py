"""
Averages of the iterates
========================

A run at a constant rate keeps moving about the minimum. The mean of where it has been is much
nearer, and costs nothing but one more vector.
"""

import matplotlib.pyplot as plt

import fastgd as gd

X, y = gd.datasets.load("breast-cancer")
f = gd.LogisticRegression(X, y, l2=0.1)
best = gd.theory.optimum(f).loss
inner = gd.SGD(lr=0.05)

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, opt in {
    "the last iterate": inner,
    "mean from step 1000 on": gd.PolyakAverage(inner, start=1000),
    "exponential mean, 0.99": gd.ExponentialAverage(inner, decay=0.99),
}.items():
    r = gd.minimize(f, opt, batch_size=1, steps=20_000, seed=0, record_every=100)
    axes.semilogy(r.history["step"], r.history["loss"] - best, label=name)
axes.set(xlabel="step", ylabel="F(θ) - F*")
axes.legend()
