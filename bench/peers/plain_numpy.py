"""NumPy alone, as its user writes it: array expressions, in place where that is natural."""

from __future__ import annotations

import numpy as np
from scipy.special import expit


def adam_logistic(X, y, indices, lr, units):
    """Adam on logistic regression, one minibatch a step."""
    beta1, beta2, eps = 0.9, 0.999, 1e-8

    def run():
        theta, m, v = (np.zeros(X.shape[1]) for _ in range(3))
        for t in range(units):
            batch = indices[t]
            rows = X[batch]
            gradient = rows.T @ (expit(rows @ theta) - y[batch]) / len(batch)
            m = beta1 * m + (1 - beta1) * gradient
            v = beta2 * v + (1 - beta2) * gradient * gradient
            m_hat, v_hat = m / (1 - beta1 ** (t + 1)), v / (1 - beta2 ** (t + 1))
            theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
        return theta

    return run


def least_squares_gradient(X, y, theta, units):
    """Two matrix-vector products: X is read twice."""

    def run():
        return X.T @ (X @ theta - y) * (2 / len(y))

    return run


def logistic_gradient(X, y, theta, units):
    """Two matrix-vector products: X is read twice."""

    def run():
        return X.T @ (expit(X @ theta) - y) / len(y)

    return run
