"""
The weights of ten digits
=========================

What softmax regression looks for in an image: where ink speaks for a digit (blue), and where
against it (red), under a weak and under a strong penalty.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

train, test = gd.datasets.load("digits").split(0.3, seed=0)
figure, panels = plt.subplots(2, 10, figsize=(9, 2.4), layout="constrained")
for row, l2 in zip(panels, (1e-5, 0.1), strict=True):
    f = gd.SoftmaxRegression(train.X, train.y, l2=l2, fit_intercept=True)
    model = gd.minimize(f, gd.Nesterov(lr="1/beta"), steps=500, record_every=0).model
    weights = np.asarray(model.coef_).reshape(10, 64)
    for k, axes in enumerate(row):
        largest = np.abs(weights[k]).max()
        axes.imshow(weights[k].reshape(8, 8), cmap="RdBu", vmin=-largest, vmax=largest)
        axes.set(xticks=[], yticks=[], title=k if l2 < 1e-4 else "")
    right = (model.predict(test.X) == test.y).mean()
    row[0].set_ylabel(f"l2 {l2:g}")
    print(f"l2 = {l2:g}: {100 * right:.1f} % of the held-out digits right")
