"""
Five schedules for one network
==============================

The same network, the same rows, the same largest rate: what differs is how the rate falls.
"""

import matplotlib.pyplot as plt

import fastgd as gd

s = gd.schedules
X, y = gd.datasets.load("digits")
f = gd.NeuralNetwork(X, y, hidden=(32,), loss="softmax", l2=1e-4)
schedules = {
    "constant": s.constant(0.02),
    "linear": s.linear(0.02, 0.0),
    "cosine": s.cosine(0.02, floor=0.0),
    "one_cycle": s.one_cycle(0.02),
    "wsd": s.wsd(0.02, warmup=0.05, cooldown=0.3),
}

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for name, schedule in schedules.items():
    r = gd.minimize(f, gd.Adam(lr=schedule), batch_size=32, epochs=20, seed=0, record_every=20)
    left.plot(r.history["step"][:-1], r.history["lr"][:-1])
    right.semilogy(r.history["step"], r.history["loss"], label=name)
    print(f"{name:9} loss {r.loss:.2e}")
left.set(xlabel="step", ylabel="η")
right.set(xlabel="step", ylabel="loss")
right.legend()
