"""sampling="importance": replayed in NumPy, its σ², and what it gains."""

import numpy as np
import oracle
import pytest
from scipy import sparse

import fastgd as gd


def data(n=60, d=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * rng.lognormal(0, 1.5, n)[:, None]
    return X, X @ rng.standard_normal(d) + rng.standard_normal(n), rng.uniform(0.5, 2.0, n)


def replay(slow, p, theta, steps, batch_size, lr, seed):
    """The whole of it, in ten lines."""
    rng = np.random.default_rng(seed)
    c = np.cumsum(p)
    for rows in np.searchsorted(c / c[-1], rng.random((steps, batch_size)), "right"):
        slopes = slow.slopes(slow.X[rows] @ slow.columns(theta), slow.y[rows])
        weights = slow.w[rows] / (slow.n * p[rows])
        g = slow.flat(slow.X[rows].T @ (weights[:, None] * slopes) / batch_size)
        theta = theta - lr * (g + slow.l2 * slow.weights * theta)
        theta = slow.prox(theta, lr)
    return theta


def chances(slow, curvature):
    sizes = slow.w * curvature * np.sum(slow.X**2, axis=1)
    return 0.5 / slow.n + 0.5 * sizes / sizes.sum()


@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array, np.float32])
@pytest.mark.parametrize("batch_size", [1, 7, 60])
@pytest.mark.parametrize("penalty", [None, ("l2", 0.1), ("l1", 0.05)])
def test_runs_agree_with_ten_lines_of_numpy(storage, batch_size, penalty):
    X, y, w = data()
    X = storage(X)
    kinds = {"l1": gd.penalties.L1, "l2": gd.penalties.L2}
    ours = penalty and kinds[penalty[0]](penalty[1])
    rows = X.toarray() if sparse.issparse(X) else X
    for loss, curvature, targets in (("squared", 2.0, y), ("logistic", 0.25, (y > 0) * 1.0)):
        f = gd.LinearModel(X, targets, loss, ours, w, fit_intercept=True)
        slow = oracle.LinearModel(rows, targets, (loss,), penalty, w, fit_intercept=True)
        p = f.importance()
        np.testing.assert_allclose(p, chances(slow, curvature), rtol=1e-12)
        expected = replay(slow, p, np.zeros(6), 50, batch_size, 1e-4, 3)
        for threads, every in ((1, 0), (2, 7)):
            r = gd.minimize(
                f,
                gd.SGD(1e-4),
                batch_size=batch_size,
                steps=50,
                seed=3,
                sampling="importance",
                n_threads=threads,
                record_every=every,
            )
            assert np.linalg.norm(r.theta - expected) <= 1e-12 * np.linalg.norm(expected)
            # What is recorded is the loss over all rows, each as often as the others.
            if every:
                assert r.history["loss"][-1] == pytest.approx(f.value(r.theta), rel=1e-13)
        # And the objective forgets it.
        again = gd.minimize(f, gd.SGD(1e-4), batch_size=batch_size, steps=50, seed=3)
        path = oracle.replay(slow, "sgd", np.zeros(6), 50, 1e-4, batch_size, seed=3)
        assert np.linalg.norm(again.theta - path[-1]) <= 1e-12 * np.linalg.norm(path[-1])


def test_other_rules_take_the_same_draws_and_a_run_may_be_cut(tmp_path):
    X, y, w = data()
    f = gd.LinearModel(X, y, "huber", sample_weight=w)
    for optimizer in (gd.Adam(0.01), gd.Armijo(), gd.Momentum(1e-3)):
        run = {"batch_size": 5, "steps": 40, "seed": 2, "sampling": "importance"}
        whole = gd.minimize(f, optimizer, record_every=0, **run)
        gd.Run(f, optimizer, **run).advance(17).save(tmp_path / "run.npz")
        assert np.array_equal(gd.resume(tmp_path / "run.npz", f).theta, whole.theta)
        (tmp_path / "run.npz").unlink()


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000, 4099])
def test_draws_are_those_of_searchsorted(n):
    from fastgd.core.sampling import Importance

    rng = np.random.default_rng(n)
    p = rng.lognormal(0, 3, n)
    p[rng.random(n) < 0.3] = 0.0
    p[-1] += 1.0
    f = gd.LinearModel(np.ones((n, 1)), np.zeros(n), "squared")
    sampler = Importance(n, 1, np.random.default_rng(1), p)
    with f.borrow() as core:
        core.draw_with(np.arange(1.0, n + 1.0))
        update = gd.optimizers.SGD(1.0)
        from fastgd.core import solver
        from fastgd.core import update as updates

        way = solver.General(core, updates.make(update, 1), sampler, np.array([-0.5]))
        c = np.cumsum(p)
        rows = np.searchsorted(c / c[-1], np.random.default_rng(1).random(200), "right")
        theta = -0.5
        for row in rows:
            # The slope of θ² at -1/2 is -1: a step of the row's number.
            way.load({**way.save(), "theta": np.array([-0.5])})
            way.take(np.ones(1), np.zeros(1))
            theta = way.settled[0]
            assert theta == -0.5 + row + 1
        core.draw_with(None)


def test_its_variance_is_that_of_its_steps_and_smaller():
    X, y, w = data(400)
    f = gd.LogisticRegression(X, y > 0, l2=0.01, sample_weight=w)
    theta = np.full(5, 0.1)
    p, n = f.importance(), f.n_samples
    steps = f.sample_gradients(theta) / (n * p)[:, None]
    mean = f.sample_gradients(theta).mean(axis=0)
    expected = p @ np.sum((steps - mean) ** 2, axis=1)
    found = gd.theory.variance(f, theta, sampling="importance")
    assert found == pytest.approx(expected, rel=1e-10)
    assert found < 0.5 * gd.theory.variance(f, theta)
    with pytest.raises(ValueError, match="sampling must be"):
        gd.theory.variance(f, theta, sampling="shuffle")


def test_certificates_know_it():
    X, y, _ = data(100)
    f = gd.LogisticRegression(X, y > 0, l2=0.1)
    run = {"batch_size": 4, "steps": 200, "sampling": "importance"}
    r = gd.minimize(f, gd.SGD("1/beta"), seed=0, **run)
    c = r.certificate()
    assert c["4"].verdict == c["P1"].verdict == "one run"
    assert c.sigma2 == pytest.approx(
        max(gd.theory.variance(f, t, "importance") for t in gd.theory.path(r)[:-1]), rel=1e-9
    )
    c = gd.theory.expectation(f, gd.SGD("1/beta"), seeds=range(30), **run)
    assert c["4"].verdict == c["P1"].verdict == "holds"


def test_what_makes_no_sense_is_refused():
    X, y, _ = data()
    for f, optimizer, words in (
        (gd.NeuralNetwork(X, y, hidden=(2,), loss="squared"), gd.SGD(), "and .* is none"),
        (gd.LinearModel(X, np.abs(y), "poisson"), gd.SGD(), "neither a largest curvature"),
        (gd.LeastSquares(X, y), gd.SAGA(), "uniform draws"),
    ):
        with pytest.raises(ValueError, match=words):
            gd.minimize(f, optimizer, batch_size=1, steps=1, sampling="importance")
    hinge = gd.LinearModel(X, y > 0, "hinge")
    sizes = np.linalg.norm(X, axis=1)
    np.testing.assert_allclose(hinge.importance(), 0.5 / 60 + 0.5 * sizes / sizes.sum())
