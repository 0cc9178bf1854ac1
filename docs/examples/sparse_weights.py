"""
Weights that are exactly 0
==========================

Under an L1 penalty one weight after the other becomes 0 as the penalty grows: not small, but 0,
since each step ends with a proximal step.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

X, y = gd.datasets.load("breast-cancer")
strengths = np.geomspace(1e-3, 0.3, 20)
paths = []
for strength in strengths:
    f = gd.LogisticRegression(X, y, penalty=gd.penalties.L1(strength))
    paths.append(gd.minimize(f, gd.Nesterov(lr="1/beta"), steps=2000, record_every=0).theta)
paths = np.array(paths)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.semilogx(strengths, paths)
left.set(xlabel="λ", ylabel="weights")
right.semilogx(strengths, (paths != 0).sum(axis=1), "o-")
right.set(xlabel="λ", ylabel="weights that are not 0")
