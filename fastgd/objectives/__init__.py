"""What is minimised: losses over data, quadratic forms, and functions of the user's own.

An objective checks its data once, keeps it, and hands the compiled core of fastgd/core an object
for each run. θ is one flat float64 vector throughout.
"""

# In the order of every list that the registry gives.
# isort: off
from fastgd.objectives.base import Objective, changed, registry, row_weights
from fastgd.objectives.linear import (
    LeastSquares, LinearModel, LogisticRegression, SoftmaxRegression,
)  # fmt: skip
from fastgd.objectives.network import ACTIVATIONS, NeuralNetwork
from fastgd.objectives.functions import Function, Quadratic
from fastgd.objectives.spectrum import largest_eigenvalue
# isort: on

__all__ = [
    "Function", "LeastSquares", "LinearModel", "LogisticRegression", "NeuralNetwork", "Objective",
    "Quadratic", "SoftmaxRegression",
]  # fmt: skip
