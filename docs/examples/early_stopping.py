"""
A callback that watches other data
==================================

Training loss keeps falling when the loss on rows that were held out has long begun to rise. A
callback is any function of the progress of a run; this one ends it, and gives the best parameters.
A ready-made one is `gd.callbacks.EarlyStopping`.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

train, held_out = gd.datasets.load("breast-cancer").split(0.4, seed=1)
f = gd.NeuralNetwork(train.X, train.y, hidden=(32, 32))
judge = gd.NeuralNetwork(held_out.X, held_out.y, hidden=(32, 32))


class Watch:
    """The loss on held-out rows at each record; stops after ten without a new best."""

    def __init__(self):
        self.losses, self.found = [], None

    def __call__(self, progress):
        self.losses.append(judge.value(progress.theta))
        if self.losses[-1] == min(self.losses):
            self.found = progress.step, progress.loss, progress.theta.copy()
        late = len(self.losses) - int(np.argmin(self.losses)) > 10
        return "no new best in ten records" if late else None

    def best(self):
        """What the result is then made of."""
        return self.found


watch = Watch()
r = gd.minimize(f, gd.Adam(lr=0.003), batch_size=32, epochs=60, seed=0, callbacks=[watch])
print(f"{r.message}; best on held-out rows: {min(watch.losses):.3f}, at the end "
      f"{watch.losses[-1]:.3f}")  # fmt: skip

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.semilogy(r.history["step"], r.history["loss"], label="training rows")
axes.semilogy(r.history["step"][: len(watch.losses)], watch.losses, label="held-out rows")
axes.set(xlabel="step", ylabel="loss")
axes.legend()
