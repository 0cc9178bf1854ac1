"""
Which optimizer, fairly
=======================

Five optimizers, each with the same number of trials to find its settings, and then five new seeds.
A difference counts only where it is larger than what the seeds make.
"""

import fastgd as gd

found = gd.compare(
    "digits-softmax",
    ["sgd", "momentum", "nesterov", "adagrad", "adam"],
    budget=10,
    seeds=5,
    schedules="constant",
)
print(found.verdict())
found.plot()
