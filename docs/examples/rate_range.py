"""
One run that finds a rate
=========================

The rate grows from step to step, and the loss tells where it is too small, where it works, and
where it is too large. Then a run with the suggestion.
"""

import matplotlib.pyplot as plt

import fastgd as gd

X, y = gd.datasets.load("digits")
f = gd.NeuralNetwork(X, y, hidden=(32,), loss="softmax")
found = gd.lr_range_test(f, gd.Adam(), batch_size=32)
print(found)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
found.plot(ax=left)
for factor in (0.1, 1.0, 10.0):
    rate = factor * found.suggestion
    r = gd.minimize(f, gd.Adam(lr=rate), batch_size=32, epochs=10, seed=0)
    right.semilogy(r.history["step"], r.history["loss"], label=f"lr {rate:.2g}")
right.set(xlabel="step", ylabel="loss")
right.legend()
