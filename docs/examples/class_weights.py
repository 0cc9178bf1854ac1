"""
A rare class
============

One digit in ten is an 8. Weights that balance the classes find more of them, at the price of more
false alarms: they move the border, and learn nothing new.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

train, test = gd.datasets.load("digits").split(0.3, seed=0)
eights = [(part.y == 8).astype(np.int64) for part in (train, test)]

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, weight in {"as they are": None, "balanced": "balanced"}.items():
    f = gd.LogisticRegression(train.X, eights[0], l2=1e-3, fit_intercept=True, class_weight=weight)
    model = gd.minimize(f, gd.Nesterov(lr="1/beta"), steps=1000, record_every=0).model
    probability = model.predict_proba(test.X)
    probability = probability[:, 1] if probability.ndim == 2 else probability
    order = np.argsort(-probability)
    found = np.cumsum(eights[1][order]) / eights[1].sum()
    alarms = np.cumsum(1 - eights[1][order]) / (1 - eights[1]).sum()
    (line,) = axes.plot(alarms, found, label=name)
    at_half = (probability >= 0.5).sum() - 1
    axes.plot(alarms[at_half], found[at_half], "o", color=line.get_color())
    print(f"{name}: {found[at_half]:.2f} of the eights found, {alarms[at_half]:.3f} false alarms")
axes.set(xlabel="false alarms", ylabel="eights found", xlim=(-0.01, 0.3), ylim=(0.5, 1.01))
axes.legend(title="dots: at probability 1/2")
