"""
Twenty rates in one pass
========================

How much the learning rate matters, for three optimizers: `gd.sweep` takes all runs over the data
together.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

X, y = gd.datasets.load("digits")
f = gd.SoftmaxRegression(X, y, l2=1e-3)
rates = np.geomspace(1e-4, 10, 20)

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for kind in (gd.SGD, gd.Momentum, gd.Adam):
    runs = gd.sweep(f, [kind(lr=lr) for lr in rates], batch_size=32, epochs=5, seed=0)
    losses = [r.loss if not r.diverged else np.nan for r in runs]
    axes.loglog(rates, losses, "o-", label=kind.__name__)
axes.axhline(f.value(np.zeros(f.n_params)), color="0.7", linewidth=0.8)
axes.set(xlabel="learning rate", ylabel="loss after 5 epochs", ylim=(None, 10))
axes.legend()
