"""
Outliers and the Huber loss
===========================

Five penguins of 333 with a mistyped weight turn the line of least squares, and hardly move that of
the Huber loss.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

data = gd.datasets.load("penguins", "body_mass_g")
x = data.X[:, data.feature_names.index("flipper_length_mm")]
y = (data.y - data.y.mean()) / data.y.std()
y[np.argsort(x)[-5:]] -= 20.0  # the penguins with the longest flippers, mistyped

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.plot(x, y, ".", color="0.6")
for loss in (gd.losses.Squared(), gd.losses.Huber(1.0)):
    f = gd.LinearModel(x[:, None], y, loss=loss, fit_intercept=True)
    slope, intercept = gd.minimize(f, gd.Nesterov(lr="1/beta"), steps=500).theta
    ends = np.array([x.min(), x.max()])
    axes.plot(ends, slope * ends + intercept, label=f"{loss}: slope {slope:.2f}")
axes.set(xlabel="flipper length, standardised", ylabel="body mass, standardised", ylim=(-4, 4))
axes.legend()
