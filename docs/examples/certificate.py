"""
A theorem beside the run
========================

What theorems 1 and 5 promise of gradient descent and of Nesterov's method, and what happened.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

X, y = gd.datasets.load("breast-cancer")
f = gd.LogisticRegression(X, y, l2=0.01)
best = gd.theory.optimum(f)
beta = f.smoothness()
radius = np.linalg.norm(best.theta)  # R, from θ_0 = 0

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
certificates = {}
for name, opt, bound in [
    ("gradient descent", gd.SGD(lr="1/beta"), gd.theory.theorem_1),
    ("Nesterov", gd.Nesterov(lr="1/beta"), gd.theory.theorem_5),
]:
    r = gd.minimize(f, opt, steps=500, record_every=1)
    t = r.history["step"][1:]
    (line,) = axes.loglog(t, r.history["loss"][1:] - best.loss, label=name)
    axes.loglog(t, [bound(beta, radius, int(k)) for k in t], "--", color=line.get_color(),
                label=f"{name}: the bound")  # fmt: skip
    certificates[name] = r.certificate(optimum=best)
axes.set(xlabel="step", ylabel="L(θ) - L*")
axes.legend()

# %%
# The certificate of a run says of each theorem whether it applies, which of its assumptions were
# checked, and whether it held.

print(certificates["Nesterov"])
