"""PyTorch on the CPU: a training loop with autograd and its fused optimizers."""

from __future__ import annotations

import itertools

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def adam_logistic(X, y, indices, lr, units):
    """Adam on logistic regression, one minibatch a step."""
    features, labels = torch.from_numpy(X), torch.from_numpy(y)
    batches = torch.from_numpy(np.ascontiguousarray(indices[:units]))

    def run():
        theta = torch.zeros(X.shape[1], dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([theta], lr=lr, eps=1e-8, fused=True)
        for batch in batches:
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(features[batch] @ theta, labels[batch]).backward()
            optimizer.step()
        return theta.detach().numpy()

    return run


UPDATES = {
    # The course's momentum with rate lr is torch's with rate lr (1 - momentum).
    "Momentum": lambda p, lr: torch.optim.SGD([p], lr=lr * 0.1, momentum=0.9, fused=True),
    "AdaGrad": lambda p, lr: torch.optim.Adagrad([p], lr=lr, eps=1e-10, fused=True),
    "Adam": lambda p, lr: torch.optim.Adam([p], lr=lr, eps=1e-8, fused=True),
    "AdamW": lambda p, lr: torch.optim.AdamW([p], lr=lr, eps=1e-8, weight_decay=0.01, fused=True),
}


def update(name, theta, gradient, lr, units):
    """`units` calls of step() with the gradient already there."""
    parameter = torch.nn.Parameter(torch.from_numpy(theta.copy()))
    parameter.grad = torch.from_numpy(gradient.copy())
    optimizer = UPDATES[name](parameter, lr)

    def run():
        for _ in range(units):
            optimizer.step()
        return parameter.detach().numpy()

    return run


def network(X, y, sizes, theta0, indices, lr, units):
    """Adam on a ReLU network; sigmoid or softmax output by its last size."""
    features = torch.from_numpy(X)
    labels = torch.from_numpy(y)
    batches = torch.from_numpy(np.ascontiguousarray(indices[:units]))

    def layers():
        modules, start = [], 0
        for fan_in, fan_out in itertools.pairwise(sizes):
            linear = torch.nn.Linear(fan_in, fan_out, dtype=torch.float64)
            stop = start + fan_in * fan_out
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(theta0[start:stop].reshape(fan_out, fan_in)))
                linear.bias.copy_(torch.from_numpy(theta0[stop : stop + fan_out]))
            start = stop + fan_out
            modules += [linear, torch.nn.ReLU()]
        return torch.nn.Sequential(*modules[:-1])

    def run():
        model = layers()
        optimizer = torch.optim.Adam(model.parameters(), lr=lr, eps=1e-8, fused=True)
        for batch in batches:
            optimizer.zero_grad()
            output = model(features[batch])
            if sizes[-1] == 1:
                loss = F.binary_cross_entropy_with_logits(output[:, 0], labels[batch])
            else:
                loss = F.cross_entropy(output, labels[batch])
            loss.backward()
            optimizer.step()
        return torch.cat([p.detach().ravel() for p in model.parameters()]).numpy()

    return run
