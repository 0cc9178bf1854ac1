"""
Nothing to tune
===============

`minimize(f, "auto", tol=...)` looks at the objective, takes what fits, and ends when it can prove
that the minimum is no further than `tol` of where it began.
"""

import matplotlib.pyplot as plt

import fastgd as gd

X, y = gd.datasets.load("breast-cancer")
digits, classes = gd.datasets.load("digits")
objectives = {
    "logistic": gd.LogisticRegression(X, y, l2=0.01),
    "L1": gd.LogisticRegression(X, y, penalty=gd.penalties.L1(0.01)),
    "softmax": gd.SoftmaxRegression(digits, classes, l2=1e-3),
}
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, f in objectives.items():
    best = gd.theory.optimum(f).loss
    for tol in (1e-3, 1e-6):
        r = gd.minimize(f, "auto", tol=tol)
        print(f"{name}, tol {tol:g}: {r.steps} steps, {r.loss - best:.1e} above the minimum")
    axes.semilogy(r.history["time"], r.history["loss"] - best + 1e-16, "o-", label=name)
axes.set(xlabel="seconds", ylabel="F(θ) - F*")
axes.legend()
