"""Every combination against the oracle: storage or network, loss, penalty, weights, rule, sampling.

The other files try what can go wrong in each; this one, that nothing goes wrong between them. Which
combinations stand in the short form is drawn once; the slow form takes all. Agreement is
‖θ - θ_oracle‖ <= 1e-12 ‖θ_oracle‖ after a few steps, so that no rule amplifies what rounding does.
"""

import functools
import itertools

import numpy as np
import oracle
import pytest
from makers import optimizer
from scipy import sparse
from test_loss_registry import known, targets
from test_updates import RULES

import fastgd as gd

STEPS, ROWS = 12, 29
STORAGES = ("dense", "float32", "csr", "network")
P = gd.penalties
PENALTIES = {
    "none": (None, None),
    "l2": (P.L2(0.3), ("l2", 0.3)),
    "l1": (P.L1(0.05), ("l1", 0.05)),
    "elasticnet": (P.ElasticNet(0.1, 0.7), ("elasticnet", 0.1, 0.7)),
    "box": (P.Box(-0.4, 0.5), ("box", -0.4, 0.5)),
    "nonnegative": (P.NonNegative(), ("nonnegative",)),
}
DRAWS = (
    (1, "replacement"),
    (1, "shuffle"),
    (7, "shuffle"),
    (7, "sequential"),
    (None, "replacement"),
)
# Unclipped, ADOPT divides by a second moment from before the gradient: of a loss that grows as exp,
# one row may throw it out of the numbers.
GROWING = ("gamma", "poisson", "tweedie")
ALL = [
    one
    for one in itertools.product(
        STORAGES, sorted(gd.losses.registry), PENALTIES, (False, True), sorted(RULES), DRAWS
    )
    if not (one[4] == "adopt-unclipped" and one[1] in GROWING)
]


@functools.cache
def problem(storage, loss, penalty, weighted):
    """The same objective twice, fastgd's and the oracle's, and where to start."""
    loss = gd.losses.Quantile(0.37) if loss == "quantile" else gd.losses.registry[loss]()
    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, 4))
    if storage == "csr":
        X = np.where(rng.random(X.shape) < 0.6, X, 0.0)
    elif storage == "float32":
        X = X.astype(np.float32)
    y = targets(loss, X @ np.linspace(-1.0, 1.0, 4), rng)
    # Such that no sum of them cancels, of which a kinked loss would show the rounding alone.
    weights = rng.random(ROWS) if weighted else None
    fast, slow = PENALTIES[penalty]
    if storage == "network":
        settings = {"hidden": (3,), "activation": "tanh"}
        ours = gd.NeuralNetwork(X, y, loss=loss, penalty=fast, sample_weight=weights, **settings)
        theirs = oracle.LossNetwork(X, y, known(loss), slow, weights, **settings)
    else:
        stored = sparse.csr_matrix(X) if storage == "csr" else X
        ours = gd.LinearModel(stored, y, loss, fast, weights)
        theirs = oracle.LinearModel(X, y, known(loss), slow, weights)
    start = 0.3 * np.random.default_rng(1).standard_normal(ours.n_params)
    return ours, theirs, np.abs(start) if penalty == "nonnegative" else start


def differences(combinations):
    """The combinations in which the two θ disagree, and by how much."""
    found = []
    for combination in combinations:
        *which, entry, (batch_size, sampling) = combination
        fast, slow, start = problem(*which)
        rule, lr, hyperparameters = RULES[entry]
        opt = optimizer(rule, lr=lr, **hyperparameters)
        drawn = {"batch_size": batch_size, "sampling": sampling, "seed": 5}
        theta = gd.minimize(fast, opt, start, steps=STEPS, record_every=0, **drawn).theta
        expected = oracle.replay(slow, rule, start, STEPS, lr, **drawn, **hyperparameters)[-1]
        error, size = np.linalg.norm(theta - expected), np.linalg.norm(expected)
        if not error <= 1e-12 * size:
            found.append((combination, error, size))
    return found


def test_a_sample_of_all_combinations():
    order = np.random.default_rng(0).permutation(len(ALL))
    assert differences(ALL[i] for i in order[:3000]) == []


@pytest.mark.slow
@pytest.mark.parametrize("storage", STORAGES)
def test_all_combinations(storage):
    assert differences(one for one in ALL if one[0] == storage) == []
