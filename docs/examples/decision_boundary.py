"""
What a network tells apart
==========================

Three species of penguins by their bills: a network of sixteen neurons against a linear model, which
has straight borders only.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

data = gd.datasets.load("penguins")
columns = [data.feature_names.index(name) for name in ("bill_length_mm", "bill_depth_mm")]
X, y = np.ascontiguousarray(data.X[:, columns]), data.y

models = {
    "linear": gd.SoftmaxRegression(X, y, fit_intercept=True),
    "16 neurons": gd.NeuralNetwork(X, y, hidden=(16,), loss="softmax"),
}
a, b = np.meshgrid(np.linspace(-2.5, 3.2, 200), np.linspace(-2.5, 2.5, 200))
grid = np.column_stack([a.ravel(), b.ravel()])
figure, panels = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for axes, (name, f) in zip(panels, models.items(), strict=True):
    r = gd.minimize(f, gd.Adam(lr=0.02), batch_size=32, epochs=300, seed=0)
    axes.contourf(a, b, r.model.predict(grid).reshape(a.shape), levels=[-0.5, 0.5, 1.5, 2.5],
                  colors=["C0", "C1", "C2"], alpha=0.25)  # fmt: skip
    for k, species in enumerate(data.classes):
        axes.plot(*X[y == k].T, ".", color=f"C{k}", label=species)
    right = (r.model.predict(X) == y).mean()
    axes.set(title=f"{name}: {100 * right:.1f} % right", xlabel="bill length, standardised")
panels[0].set(ylabel="bill depth, standardised")
panels[0].legend()
