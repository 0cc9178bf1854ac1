"""
Paths over level lines
======================

The loss of a logistic regression on two features of the breast-cancer data, and sixty steps of
three rules from the same point.
"""

import matplotlib.pyplot as plt

import fastgd as gd

data = gd.datasets.load("breast-cancer")
X = data.X[:, [data.feature_names.index(name) for name in ("mean_radius", "mean_texture")]]
f = gd.LogisticRegression(X, data.y, l2=0.01)

runs = {
    "SGD": gd.minimize(f, gd.SGD(lr=2.0), theta0=[4.0, 3.0], steps=60, record_every=1),
    "Momentum": gd.minimize(f, gd.Momentum(lr=2.0), theta0=[4.0, 3.0], steps=60, record_every=1),
    "Adam": gd.minimize(f, gd.Adam(lr=0.3), theta0=[4.0, 3.0], steps=60, record_every=1),
}
figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
gd.figures.contour(f, runs, ax=axes)
axes.set(xlabel="weight of the radius", ylabel="weight of the texture")
