"""optax inside jit(lax.scan): the whole run is one program. Compile time is not counted."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax

jax.config.update("jax_enable_x64", True)


def _scan(loss, optimizer, theta0, batches):
    """The compiled run over `batches` and its arguments, as a function of nothing."""

    @jax.jit
    def train(theta, state, batches):
        def step(carry, batch):
            theta, state = carry
            gradient = jax.grad(loss)(theta, batch)
            updates, state = optimizer.update(gradient, state, theta)
            return (optax.apply_updates(theta, updates), state), None

        (theta, _), _ = jax.lax.scan(step, (theta, state), batches)
        return theta

    state = optimizer.init(theta0)
    return lambda: jax.block_until_ready(train(theta0, state, batches))


def adam_logistic(X, y, indices, lr, units):
    """Adam on logistic regression, one minibatch a step."""
    features, labels = jnp.asarray(X), jnp.asarray(y)

    def loss(theta, batch):
        return optax.sigmoid_binary_cross_entropy(features[batch] @ theta, labels[batch]).mean()

    batches = jnp.asarray(indices[:units])
    return _scan(loss, optax.adam(lr, eps=1e-8), jnp.zeros(X.shape[1]), batches)


def network(X, y, sizes, theta0, indices, lr, units):
    """Adam on a ReLU network; sigmoid or softmax output by its last size."""
    features, labels = jnp.asarray(X), jnp.asarray(y)

    def loss(layers, batch):
        h = features[batch]
        for weight, bias in layers[:-1]:
            h = jax.nn.relu(h @ weight.T + bias)
        weight, bias = layers[-1]
        output = h @ weight.T + bias
        if sizes[-1] == 1:
            return optax.sigmoid_binary_cross_entropy(output[:, 0], labels[batch]).mean()
        return optax.softmax_cross_entropy_with_integer_labels(output, labels[batch]).mean()

    layers, start = [], 0
    for fan_in, fan_out in itertools.pairwise(sizes):
        stop = start + fan_in * fan_out
        weight = jnp.asarray(theta0[start:stop].reshape(fan_out, fan_in))
        layers.append((weight, jnp.asarray(theta0[stop : stop + fan_out])))
        start = stop + fan_out
    train = _scan(loss, optax.adam(lr, eps=1e-8), layers, jnp.asarray(indices[:units]))

    def run():
        return np.concatenate([np.ravel(part) for layer in train() for part in layer])

    return run
