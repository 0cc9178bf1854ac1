"""Threads: sharing one gradient, running many runs at once, and the GIL, which a chunk lets go."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp

import fastgd as gd
from fastgd.core import loop, sampling, update


def logistic(n=3000, d=7, **options):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    return gd.LogisticRegression(X, X[:, 0] + rng.standard_normal(n) > 0, **options)


@pytest.mark.parametrize("n_threads", [2, 3, 5])
@pytest.mark.parametrize("batch_size", [1, 128, 129, 700, None])
@pytest.mark.parametrize("optimizer", [gd.SGD(0.1), gd.Adam(0.01), gd.Nesterov("1/beta")], ids=repr)
def test_the_number_of_threads_does_not_change_a_bit(optimizer, batch_size, n_threads):
    f = logistic(l2=0.01, fit_intercept=True)
    run = {"batch_size": batch_size, "steps": 30, "seed": 3, "sampling": "shuffle"}
    one = gd.minimize(f, optimizer, **run)
    many = gd.minimize(f, optimizer, n_threads=n_threads, **run)
    assert np.array_equal(one.theta, many.theta)
    assert np.array_equal(one.history["loss"], many.history["loss"])


def test_sparse_data_and_softmax_share_their_gradients_too():
    X = sp.random(9000, 50, density=0.1, random_state=0, format="csr")
    y = np.random.default_rng(0).integers(0, 3, 9000)
    f = gd.SoftmaxRegression(X, y, l2=0.01)
    one = gd.minimize(f, gd.Momentum(0.5), steps=20)
    two = gd.minimize(f, gd.Momentum(0.5), steps=20, n_threads=2)
    assert np.array_equal(one.theta, two.theta)


def test_a_short_last_batch_beside_large_ones_on_sparse_data():
    # Batches of 1500 go through a gradient buffer, the last one of 500 straight into theta.
    X = sp.random(2000, 50, density=0.1, random_state=0, format="csr")
    y = np.random.default_rng(0).integers(0, 2, 2000)
    run = {"batch_size": 1500, "epochs": 20, "seed": 0, "sampling": "shuffle"}
    a = gd.minimize(gd.LogisticRegression(X, y, l2=0.1), gd.SGD(0.5), **run).theta
    b = gd.minimize(gd.LogisticRegression(X.toarray(), y, l2=0.1), gd.SGD(0.5), **run).theta
    assert np.linalg.norm(a - b) <= 1e-12 * np.linalg.norm(b)


def test_runs_in_a_pool_of_threads_give_what_they_give_alone():
    f = logistic()
    optimizers = [gd.Adam(lr) for lr in np.geomspace(1e-4, 1e-1, 12)]

    def run(optimizer):
        return gd.minimize(f, optimizer, batch_size=8, epochs=2, seed=1).theta

    alone = [run(optimizer) for optimizer in optimizers]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, optimizers))
    assert np.array_equal(alone, together)


def test_a_chunk_runs_without_the_gil():
    # The main thread can get from `started` to its question only with the GIL. If the chunk held
    # it, the chunk would be over by then.
    f = logistic()
    core, theta = f.compiled(), np.zeros(f.n_params)
    state = update.make(gd.SGD(0.01), f.n_params, core.span_list)
    sampler = sampling.Replacement(3000, 1, np.random.default_rng(0))
    rates = np.full(4_000_000, 0.01), np.zeros(4_000_000)
    started, over = threading.Event(), threading.Event()

    def chunk():
        started.set()
        loop.run(core, state, sampler, theta, np.empty_like(theta), *rates)
        over.set()

    thread = threading.Thread(target=chunk)
    thread.start()
    started.wait()
    turns = 0
    while state.t == 0 and not over.is_set():
        pass  # until the chunk is under way
    for _ in range(1000):
        turns += not over.is_set()
    thread.join()
    assert state.t == 4_000_000
    assert turns == 1000


def test_an_interrupt_in_a_shared_gradient_ends_the_helpers(monkeypatch):
    f = logistic()
    before = threading.active_count()

    def stop(progress):
        raise KeyboardInterrupt

    r = gd.minimize(f, gd.SGD(0.1), steps=100, n_threads=3, callbacks=[stop])
    assert r.message == "interrupted"
    assert threading.active_count() == before


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, "2", True, None])
def test_bad_numbers_of_threads(n_threads):
    with pytest.raises((TypeError, ValueError), match="n_threads"):
        gd.minimize(logistic(), gd.SGD(), steps=1, n_threads=n_threads)
