# The core's online learning and its epochs against plain NumPy, step by step.
import numpy as np
import pytest
import scipy.sparse as sp

import fastgd as gd
from fastgd.core import update as updates
from fastgd.core.epochs import Epochs
from fastgd.core.online import Online

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 7)) * (RNG.random((60, 7)) < 0.6)
Y = (X.sum(axis=1) > 0).astype(float)
W = RNG.random(60)
ORDER = RNG.permutation(60).astype(np.int32)
STORED = {
    "dense": X,
    "float32": X.astype(np.float32),
    "csr": sp.csr_array(X),
    "csr, long": sp.csr_array((X[X != 0], np.nonzero(X)[1].astype(np.int64),
                               np.r_[0, np.cumsum((X != 0).sum(1))].astype(np.int64)), X.shape),
}  # fmt: skip


def learnt(X, y, loss, lr, order, weights=None, l2=0.0, l1=0.0, average=0, bias_rate=1.0,
           scale=1.0, mode="descent", limit=1.0, touched=None):  # fmt: skip
    """Weights, bias, means and the sums of losses and penalties, without any trick."""
    w, b = np.zeros(X.shape[1]), 0.0
    had = np.zeros(X.shape[1])
    due, total, cost, kept, seen = 0.0, 0.0, 0.0, [], 0.0
    for t, i in enumerate(order):
        z = X[i] @ w + b
        value = scale * loss.values([z], [y[i]])[0]
        total += value
        if mode == "descent":
            cost += 0.5 * l2 * (w @ w if touched is None else seen)
            move = -lr[t] * scale * loss.slopes([z], [y[i]])[0, 0]
        else:
            square = X[i] @ X[i]
            move = min(limit, value / square) if mode == "pa1" else value / (square + 0.5 / limit)
            move *= 2 * y[i] - 1
        move *= 1.0 if weights is None else weights[i]
        part = max(0.0, 1.0 - lr[t] * l2)
        w = w * part + move * X[i]
        seen *= part**2
        if touched is not None and move:
            seen = (w[touched[i]] ** 2).sum()
        b += move * bias_rate
        if 0 < average <= t + 1:
            kept.append((w.copy(), b))  # before the cut, as scikit-learn has it
        due += lr[t] * l1
        for j in np.arange(len(w)) if touched is None else np.flatnonzero(touched[i]):
            before = w[j]
            if l1 and before > 0:
                w[j] = max(0.0, before - (due + had[j]))
            elif l1 and before < 0:
                w[j] = min(0.0, before + (due - had[j]))
            had[j] += w[j] - before
    mean = None
    if average:
        mean = np.mean([w for w, _ in kept], axis=0), np.mean([b for _, b in kept])
    return w, b, mean, total / len(order), cost / len(order)


LOSSES = [gd.losses.Logistic(), gd.losses.Hinge(), gd.losses.Squared(), gd.losses.ModifiedHuber()]


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize(
    "options",
    [{}, {"l2": 0.05}, {"weights": W, "l2": 0.05, "bias_rate": 0.01}, {"l2": 0.05, "average": 1},
     {"average": 20}, {"scale": 0.5, "bias_rate": 0.0, "l2": 30.0}],
    ids=str,
)  # fmt: skip
def test_a_pass_is_what_the_formulas_say(stored, loss, options):
    data = STORED[stored]
    dense = data.toarray() if sp.issparse(data) else data.astype(float)
    touched = dense != 0 if sp.issparse(data) else None
    lr = 0.1 / np.sqrt(1 + np.arange(60.0))
    w, b, mean, total, cost = learnt(dense, Y, loss, lr, ORDER, touched=touched, **options)
    given = {"row_weights" if k == "weights" else k: v for k, v in options.items()}
    model = Online(data, Y, loss, np.zeros(7), **given)
    losses, costs, _, _ = model.take(ORDER.copy(), lr)
    np.testing.assert_allclose(model.weights, w, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(model.bias, b, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(losses, [total], rtol=1e-11)
    np.testing.assert_allclose(costs, [cost], rtol=1e-11, atol=1e-13)
    if mean is not None:
        np.testing.assert_allclose(model.mean, mean[0], rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(model.bias_mean, mean[1], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("stored", ["dense", "csr"])
@pytest.mark.parametrize("options", [{"l1": 0.02}, {"l1": 0.02, "l2": 0.1}, {"l1": 0.02,
                         "average": 5}], ids=str)  # fmt: skip
def test_l1_is_paid_cumulatively(stored, options):
    data = STORED[stored]
    touched = X != 0 if stored == "csr" else None
    lr = np.full(60, 0.1)
    w, b, mean, _, _ = learnt(X, Y, LOSSES[0], lr, ORDER, touched=touched, **options)
    model = Online(data, Y, LOSSES[0], np.zeros(7), watched=False, **options)
    model.take(ORDER.copy(), lr)
    np.testing.assert_allclose(model.weights, w, rtol=1e-11, atol=1e-13)
    assert np.array_equal(model.weights == 0, w == 0)
    if mean is not None:
        np.testing.assert_allclose(model.mean, mean[0], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("mode", ["pa1", "pa2"])
@pytest.mark.parametrize("stored", ["dense", "csr"])
def test_passive_aggressive_steps(mode, stored):
    rows = ORDER[(X[ORDER] != 0).any(axis=1)]
    w, b, *_ = learnt(X, Y, LOSSES[1], np.ones(60), rows, mode=mode, limit=0.3)
    model = Online(STORED[stored], Y, LOSSES[1], np.zeros(7), mode=mode, aggressiveness=0.3)
    model.take(rows.copy(), np.ones(60))
    np.testing.assert_allclose(model.weights, w, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(model.bias, b, rtol=1e-11, atol=1e-13)


def test_rows_left_out_are_passed_over():
    out = np.arange(60) % 4 == 0
    some = ORDER[~out[ORDER]]
    lr = np.full(60, 0.1)
    both = [Online(X, Y, LOSSES[0], np.zeros(7), l2=0.1, left_out=o) for o in (out, None)]
    both[0].take(ORDER.copy(), lr)
    both[1].take(some.copy(), lr)
    assert np.array_equal(both[0].weights, both[1].weights)


def test_several_passes_are_those_taken_one_by_one():
    lr = 1.0 / (10 + np.arange(240.0))
    together, apart = (Online(X, Y, LOSSES[0], np.zeros(7), l2=0.1) for _ in range(2))
    order = np.arange(60, dtype=np.int32)
    sums = together.take(order.copy(), lr, 5, 4)
    taken = [apart.take(order, lr[60 * k : 60 * k + 60], 5)[0][0] for k in range(4)]
    np.testing.assert_allclose(sums[0], taken, rtol=1e-14)
    np.testing.assert_allclose(together.weights, apart.weights, rtol=1e-13)


def test_what_makes_no_sense_is_refused():
    model = Online(X, Y, LOSSES[0], np.zeros(7))
    with pytest.raises(IndexError, match="outside"):
        model.take(np.array([60], dtype=np.int32), np.ones(1))
    with pytest.raises(ValueError, match="rates"):
        model.take(ORDER.copy(), np.ones(59))
    with pytest.raises(ValueError, match="one weight for each column"):
        Online(X, Y, LOSSES[0], np.zeros(6))
    with pytest.raises(ValueError, match="nothing is averaged"):
        model.mean  # noqa: B018
    bad = sp.csr_array(X)
    model = Online(bad, Y, LOSSES[0], np.zeros(7))
    bad.indices[0] = 1000
    with pytest.raises(ValueError, match="changed"):
        model.take(ORDER.copy(), np.ones(60))


@pytest.mark.parametrize("weights", [None, W], ids=["plain", "weighted"])
@pytest.mark.parametrize("ahead", [False, True])
def test_epochs_of_sgd_with_velocity(weights, ahead):
    f = gd.NeuralNetwork(X, Y, (4,), "tanh", sample_weight=weights)
    theta = f.initial_point(1)
    expected, v, total = theta.copy(), np.zeros_like(theta), 0.0
    order = ORDER.astype(np.int64)
    w = np.ones(60) if weights is None else weights * (60 / weights.sum())
    penalised = np.concatenate([np.r_[np.ones(W.size), np.zeros(b.size)]
                                for W, b in f.layers(theta)])  # fmt: skip
    for start in range(0, 60, 16):
        rows = order[start : start + 16]
        rows_w = w[rows] / w[rows].sum()
        g = (rows_w / w[rows]) @ f.sample_gradients(expected, rows)  # which have the weights
        z = f.margins(expected, X[rows])
        total += len(rows) * (rows_w @ f.loss.values(z, Y[rows]))
        g = 0.5 * g + 0.3 / w[rows].sum() * penalised * expected
        v = 0.9 * v - 0.1 * g
        expected = expected + (0.9 * v - 0.1 * g if ahead else v)
    velocity = np.zeros_like(theta)
    epochs = Epochs(
        f.compiled(), theta, velocity=velocity, ahead=ahead, scale=0.5, alpha=0.3,
        row_weights=f._row_weights,
    )  # fmt: skip
    loss, _ = epochs.take(order, 16, np.full(4, 0.1), np.full(4, 0.9))
    np.testing.assert_allclose(theta, expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(velocity, v, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(loss, 0.5 * total / 60, rtol=1e-12)


def test_epochs_of_adam_with_its_corrections_in_the_rate():
    f = gd.NeuralNetwork(X, Y, (4,), "tanh")
    theta = f.initial_point(1)
    expected, m, v = theta.copy(), np.zeros_like(theta), np.zeros_like(theta)
    order, eps = ORDER.astype(np.int64), 1e-3
    t = np.arange(1.0, 5.0)
    rates = 0.05 * np.sqrt(1 - 0.99**t) / (1 - 0.8**t)
    for lr, start in zip(rates, range(0, 60, 16), strict=True):
        g = f.sample_gradients(expected, order[start : start + 16]).mean(axis=0)
        m = 0.8 * m + 0.2 * g
        v = 0.99 * v + 0.01 * g**2
        expected = expected - lr * m / (np.sqrt(v) + eps)
    moments = np.zeros((2, f.n_params))
    epochs = Epochs(f.compiled(), theta, moments=moments, betas=(0.8, 0.99), eps=eps)
    epochs.take(order, 16, rates, np.zeros(4))
    np.testing.assert_allclose(theta, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(moments, [m, v], rtol=1e-9, atol=1e-15)
    with pytest.raises(ValueError, match="moments"):
        Epochs(f.compiled(), theta, moments=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="one way"):
        Epochs(f.compiled(), theta, velocity=theta, moments=moments)


@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_a_number_that_is_not_finite_shows_in_the_margins(kind):
    for place, value in ((0, np.nan), (5, np.inf), (59, -np.inf)):
        data = np.where(np.arange(X.size).reshape(X.shape) % 3 == 0, X, 0.0)
        model = Online(sp.csr_array(data) if kind == "csr" else data, Y, gd.losses.Squared(),
                       np.zeros(X.shape[1]))  # fmt: skip
        model.take(np.arange(60, dtype=np.int32), np.zeros(60))
        assert model.sound
        data[place, 1] = value
        model = Online(sp.csr_array(data) if kind == "csr" else data, Y, gd.losses.Squared(),
                       np.zeros(X.shape[1]))  # fmt: skip
        model.take(np.arange(60, dtype=np.int32), np.zeros(60))
        assert not model.sound


def test_epochs_by_an_optimizer_are_those_of_a_run():
    f = gd.NeuralNetwork(X, Y, (4,))
    theta = f.initial_point(0)
    run = gd.minimize(f, gd.Adam(0.01), theta, batch_size=13, epochs=1, sampling="sequential")
    core = f.compiled()
    update = updates.make(gd.Adam(0.01), f.n_params, core.span_list, core.penalty)
    mine = theta.copy()
    Epochs(core, mine, update).take(np.arange(60), 13, np.full(5, 0.01), np.zeros(5))
    np.testing.assert_allclose(mine, run.theta, rtol=1e-12, atol=1e-14)
