"""
A rule of your own
==================

A dozen lines of Python make an optimizer that records, schedules, checkpoints and comparisons work
with: here the sign of the gradient, beside the compiled Signum, which has a momentum.
"""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd


@dataclass(frozen=True)
class SignDescent(gd.optimizers.PythonRule):
    """θ ← θ - η sign(g)."""

    lr: float = 0.01
    weight_decay: float = 0.0

    def move(self, theta, gradient, state, t, lr, momentum):
        return theta - lr * np.sign(gradient)


X, y = gd.datasets.load("breast-cancer")
f = gd.LogisticRegression(X, y, l2=0.01)
best = gd.theory.optimum(f).loss
falling = gd.schedules.linear(0.03, 0.0)

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for opt in (SignDescent(falling), gd.Signum(falling), gd.SGD(falling)):
    r = gd.minimize(f, opt, batch_size=32, steps=1000, seed=0)
    axes.semilogy(r.history["step"], r.history["loss"] - best, label=type(opt).__name__)
axes.set(xlabel="step", ylabel="F(θ) - F*")
axes.legend()
