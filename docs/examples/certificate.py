"""A theorem beside the run: what theorems 1 and 5 promise, and what happened."""

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

X, y = gd.datasets.load("breast-cancer")
f = gd.LogisticRegression(X, y, l2=0.01)
best = gd.theory.optimum(f)
beta = f.smoothness()
radius = np.linalg.norm(best.theta)  # from θ_0 = 0

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, opt, bound in [
    ("gradient descent", gd.SGD(lr="1/beta"), gd.theory.theorem_1),
    ("Nesterov", gd.Nesterov(lr="1/beta"), gd.theory.theorem_5),
]:
    r = gd.minimize(f, opt, steps=500, record_every=1)
    t = r.history["step"][1:]
    (line,) = axes.loglog(t, r.history["loss"][1:] - best.loss, label=name)
    axes.loglog(t, [bound(beta, radius, int(k)) for k in t], "--", color=line.get_color(),
                label=f"{name}: the bound")  # fmt: skip
    print(r.certificate(optimum=best))
axes.set(xlabel="step", ylabel="L(θ) - L*")
axes.legend()
