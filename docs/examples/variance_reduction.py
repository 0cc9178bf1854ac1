"""
SAGA and SVRG: no noise floor
=============================

Both take single rows, and yet fall without end at a constant rate: SAGA by one remembered number a
row, SVRG by a full gradient now and then. Neither needs a rate from you.
"""

import matplotlib.pyplot as plt

import fastgd as gd

X, y = gd.datasets.load("breast-cancer")
f = gd.LogisticRegression(X, y, l2=0.1)
best = gd.theory.optimum(f)

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, opt in {"SGD": gd.SGD(lr=0.02), "SAGA": gd.SAGA(), "SVRG": gd.SVRG()}.items():
    r = gd.minimize(f, opt, batch_size=1, epochs=40, seed=0)
    axes.semilogy(r.history["step"] / len(y), r.history["loss"] - best.loss, label=name)
    print(f"{name}: {r.loss - best.loss:.1e} above the minimum")
axes.set(xlabel="epoch", ylabel="F(θ) - F*")
axes.legend()
