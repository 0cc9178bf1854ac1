"""Numba: the loops a good user writes by hand, compiled, fastmath on. Compiled beforehand."""

from __future__ import annotations

import numba
import numpy as np

jit = numba.njit(fastmath=True, error_model="numpy", nogil=True)


@jit
def _sgd(X, y, lr, l2, steps, seed):
    np.random.seed(seed)
    n, d = X.shape
    theta = np.zeros(d)
    for _ in range(steps):
        i = np.random.randint(0, n)
        margin = 0.0
        for j in range(d):
            margin += X[i, j] * theta[j]
        scale = -lr * (1.0 / (1.0 + np.exp(-margin)) - y[i])
        for j in range(d):
            theta[j] += scale * X[i, j] - lr * l2 * theta[j]
    return theta


def sgd_epoch(X, y, lr, l2, units):
    return lambda: _sgd(X, y, lr, l2, units, 0)


@jit
def _sgd_csr(data, columns, row_start, n_features, y, lr, l2, steps, seed):
    # l2 shrinks every coordinate each step: theta = scale * w keeps that one multiplication.
    np.random.seed(seed)
    w, scale = np.zeros(n_features), 1.0
    for _ in range(steps):
        i = np.random.randint(0, len(y))
        margin = 0.0
        for k in range(row_start[i], row_start[i + 1]):
            margin += data[k] * w[columns[k]]
        slope = 1.0 / (1.0 + np.exp(-scale * margin)) - y[i]
        scale *= 1.0 - lr * l2
        for k in range(row_start[i], row_start[i + 1]):
            w[columns[k]] -= lr * slope / scale * data[k]
    return scale * w


def sgd_epoch_csr(X, y, lr, l2, units):
    return lambda: _sgd_csr(X.data, X.indices, X.indptr, X.shape[1], y, lr, l2, units, 0)


@jit
def _adam_logistic(X, y, indices, lr, beta1, beta2, eps):
    d = X.shape[1]
    theta, gradient, m, v = np.zeros(d), np.zeros(d), np.zeros(d), np.zeros(d)
    steps, batch_size = indices.shape
    for t in range(steps):
        gradient[:] = 0.0
        for b in range(batch_size):
            i = indices[t, b]
            margin = 0.0
            for j in range(d):
                margin += X[i, j] * theta[j]
            slope = (1.0 / (1.0 + np.exp(-margin)) - y[i]) / batch_size
            for j in range(d):
                gradient[j] += slope * X[i, j]
        m_scale, v_scale = 1.0 / (1.0 - beta1 ** (t + 1)), 1.0 / (1.0 - beta2 ** (t + 1))
        for j in range(d):
            m[j] = beta1 * m[j] + (1.0 - beta1) * gradient[j]
            v[j] = beta2 * v[j] + (1.0 - beta2) * gradient[j] * gradient[j]
            theta[j] -= lr * m_scale * m[j] / (np.sqrt(v_scale * v[j]) + eps)
    return theta


def adam_logistic(X, y, indices, lr, units):
    """Adam on logistic regression, one minibatch a step."""
    batches = np.ascontiguousarray(indices[:units])
    return lambda: _adam_logistic(X, y, batches, lr, 0.9, 0.999, 1e-8)


@jit
def _momentum(theta, gradient, v, w, lr, t):
    for j in range(theta.size):
        v[j] = 0.9 * v[j] + (1.0 - 0.9) * gradient[j]
        theta[j] -= lr * v[j]


@jit
def _adagrad(theta, gradient, total, w, lr, t):
    for j in range(theta.size):
        total[j] += gradient[j] * gradient[j]
        theta[j] -= lr * gradient[j] / (np.sqrt(total[j]) + 1e-10)


@jit
def _adam_loop(theta, gradient, m, v, lr, t, decay):
    m_scale, v_scale = 1.0 / (1.0 - 0.9**t), 1.0 / (1.0 - 0.999**t)
    for j in range(theta.size):
        m[j] = 0.9 * m[j] + 0.1 * gradient[j]
        v[j] = 0.999 * v[j] + 0.001 * gradient[j] * gradient[j]
        step = m_scale * m[j] / (np.sqrt(v_scale * v[j]) + 1e-8)
        theta[j] -= lr * (step + decay * theta[j])


@jit
def _adam(theta, gradient, m, v, lr, t):
    _adam_loop(theta, gradient, m, v, lr, t, 0.0)


@jit
def _adamw(theta, gradient, m, v, lr, t):
    _adam_loop(theta, gradient, m, v, lr, t, 0.01)


UPDATES = {"Momentum": _momentum, "AdaGrad": _adagrad, "Adam": _adam, "AdamW": _adamw}


def update(name, theta, gradient, lr, units):
    """`units` calls of a compiled step, from Python."""
    theta, first, second = theta.copy(), np.zeros(theta.size), np.zeros(theta.size)
    step, done = UPDATES[name], [0]

    def run():
        for t in range(done[0] + 1, done[0] + units + 1):
            step(theta, gradient, first, second, lr, t)
        done[0] += units
        return theta

    return run


@jit
def _gradient(X, y, theta, logistic):
    n, d = X.shape
    gradient = np.zeros(d)
    for i in range(n):
        margin = 0.0
        for j in range(d):
            margin += X[i, j] * theta[j]
        slope = 1.0 / (1.0 + np.exp(-margin)) - y[i] if logistic else 2.0 * (margin - y[i])
        for j in range(d):
            gradient[j] += slope * X[i, j]
    return gradient / n


def least_squares_gradient(X, y, theta, units):
    return lambda: _gradient(X, y, theta, False)


def logistic_gradient(X, y, theta, units):
    return lambda: _gradient(X, y, theta, True)
