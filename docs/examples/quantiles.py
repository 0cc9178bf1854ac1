"""
Not the mean but a range
========================

The quantile loss at 0.1, 0.5 and 0.9: a range for the weight of a penguin by the length of its
flippers, in which four of five should lie.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

data = gd.datasets.load("penguins", "body_mass_g")
x = data.X[:, data.feature_names.index("flipper_length_mm")]
mean, scale = data.y.mean(), data.y.std()

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.plot(x, data.y, ".", color="0.6")
ends = np.array([[x.min()], [x.max()]])
below = {}
for q in (0.1, 0.5, 0.9):
    loss = gd.losses.Quantile(q)
    f = gd.LinearModel(x[:, None], (data.y - mean) / scale, loss=loss, fit_intercept=True)
    opt = gd.SGD(lr=gd.schedules.inverse_time(0.5, 0.01))
    model = gd.minimize(f, opt, steps=5000, record_every=0).model
    axes.plot(ends, mean + scale * model.predict(ends), label=f"{100 * q:.0f} %")
    below[q] = (data.y < mean + scale * model.predict(x[:, None])).mean()
print({q: round(float(part), 3) for q, part in below.items()}, "of the penguins lie below")
axes.set(xlabel="flipper length, standardised", ylabel="body mass, g")
axes.legend()
