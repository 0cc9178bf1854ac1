"""
Cut, and gone on with
=====================

A run that is saved in the middle and loaded again ends at the same bits as one that was not.
"""

import pathlib
import tempfile

import matplotlib.pyplot as plt

import fastgd as gd

X, y = gd.datasets.load("digits")
f = gd.NeuralNetwork(X, y, hidden=(32,), loss="softmax")
setting = {"batch_size": 32, "epochs": 10, "seed": 0, "record_every": 10}
whole = gd.minimize(f, gd.Adam(lr=0.005), **setting)

with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "run.npz")
    first = gd.Run(f, gd.Adam(lr=0.005), **setting).advance(250)
    first.save(path)
    second = gd.Run.load(path, f).advance().result()
print("the same bits:", (second.theta == whole.theta).all())

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.semilogy(whole.history["step"], whole.history["loss"], linewidth=5, alpha=0.3, label="whole")
axes.semilogy(second.history["step"], second.history["loss"], label="saved at step 250, loaded")
axes.set(xlabel="step", ylabel="loss")
axes.legend()
