"""Penalties against the oracle: values, proximal steps, and runs of every rule, dense and sparse.

Agreement of runs is ‖θ - θ_oracle‖ <= 1e-12 ‖θ_oracle‖, and the zeros are the same zeros.
"""

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import optimizer
from scipy import sparse
from test_updates import RULES

import fastgd as gd

P = gd.penalties
CASES = {
    "l2": (P.L2(0.3), ("l2", 0.3)),
    "l1": (P.L1(0.05), ("l1", 0.05)),
    "elasticnet": (P.ElasticNet(0.1, 0.7), ("elasticnet", 0.1, 0.7)),
    "box": (P.Box(-0.2, 0.3), ("box", -0.2, 0.3)),
    "nonnegative": (P.NonNegative(), ("nonnegative",)),
}
STEPS = 60


def test_every_penalty_has_an_oracle_and_a_case():
    assert set(P.registry) == set(oracle.penalties) == set(CASES)


def data(storage="dense", n=50, d=6):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, d))
    if storage != "dense":
        X = np.where(rng.random((n, d)) < 0.4, X, 0.0)
    y = X @ np.linspace(-1.0, 1.0, d) + 0.3 * rng.standard_normal(n)
    return X, y, sparse.csr_matrix(X) if storage == "csr" else X


def same(theta, expected):
    assert np.isfinite(expected).all()
    assert np.linalg.norm(theta - expected) <= 1e-12 * np.linalg.norm(expected)
    assert np.array_equal(theta == 0, expected == 0)


@pytest.mark.parametrize("name", CASES)
def test_values_and_proximal_steps_agree_with_the_oracle(name):
    penalty, (_, *parameters) = CASES[name]
    value, prox = oracle.penalties[name]
    rng = np.random.default_rng(0)
    for w in (rng.standard_normal(37), np.array([0.0, -0.0, 0.05, -0.05, 0.1]), np.ones(1)):
        assert penalty.value(w) == pytest.approx(value(w, *parameters), rel=1e-14)
        rates = rng.random(len(w))
        if prox is not None:
            for rate in (0.0, 0.5, 10.0):
                np.testing.assert_allclose(
                    penalty.prox(w, rate), prox(w, rate, *parameters), rtol=1e-14, atol=0
                )
            np.testing.assert_allclose(
                penalty.prox(w, 1.0, rates), prox(w, rates, *parameters), rtol=1e-14, atol=0
            )


@given(
    st.sampled_from(["l1", "elasticnet", "box", "nonnegative"]),
    st.floats(-5, 5),
    st.floats(0.01, 3),
    st.floats(-5, 5),
)
def test_the_proximal_step_is_the_minimiser(name, u, step, other):
    # Ω(w) + (w - u)²/(2 step) is least at prox(u): no other point does better.
    penalty = CASES[name][0]
    w = penalty.prox([u], step)[0]
    cost = [penalty.value([p]) + (p - u) ** 2 / (2 * step) for p in (w, other)]
    assert cost[0] <= cost[1] + 1e-12 * abs(cost[1])


@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("batch_size", [1, 7, None])
@pytest.mark.parametrize("name", CASES)
def test_plain_sgd_agrees_with_the_oracle(name, batch_size, storage):
    X, y, stored = data(storage)
    penalty, known = CASES[name]
    for loss, target in (("squared", y), ("logistic", (y > 0) * 1.0), ("softmax", y > 0)):
        for weight_decay in (0.0, 0.1):
            fast = gd.LinearModel(stored, target, loss, penalty, fit_intercept=True)
            slow = oracle.LinearModel(X, target, (loss,), known, fit_intercept=True)
            start = 0.1 * np.random.default_rng(2).standard_normal(fast.n_params)
            lr = gd.schedules.inverse_time(0.05, rate=0.01)
            r = gd.minimize(fast, gd.SGD(lr, weight_decay=weight_decay), start, batch_size,
                            steps=STEPS, seed=3, record_every=20)  # fmt: skip
            rates = 0.05 / (1 + 0.01 * np.arange(STEPS))
            path = oracle.replay(slow, "sgd", start, STEPS, rates, batch_size, seed=3,
                                 weight_decay=weight_decay)  # fmt: skip
            same(r.theta, path[-1])
            expected = [slow.value(theta) for theta in path[::20]]
            np.testing.assert_allclose(r.history["loss"], expected, rtol=1e-12)


@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("name", ["l1", "elasticnet", "nonnegative"])
@pytest.mark.parametrize("entry", RULES)
def test_every_rule_makes_the_proximal_step_in_its_own_metric(entry, name, storage):
    rule, lr, hyperparameters = RULES[entry]
    X, y, stored = data(storage)
    penalty, known = CASES[name]
    fast = gd.LinearModel(stored, y, penalty=penalty, fit_intercept=True)
    slow = oracle.LinearModel(X, y, ("squared",), known, fit_intercept=True)
    start = 0.3 * np.random.default_rng(2).standard_normal(fast.n_params)
    if name == "nonnegative":
        start = np.abs(start)  # averages of points inside stay inside
    for batch_size in (7, None):
        opt = optimizer(rule, lr=lr, weight_decay=0.01, **hyperparameters)
        r = gd.minimize(fast, opt, start, batch_size, steps=STEPS, seed=3)
        path = oracle.replay(slow, rule, start, STEPS, lr, batch_size, seed=3, weight_decay=0.01,
                             **hyperparameters)  # fmt: skip
        assert np.linalg.norm(r.theta - path[-1]) <= 1e-12 * np.linalg.norm(path[-1])


@pytest.mark.parametrize("name", ["l1", "elasticnet"])
@pytest.mark.parametrize("batch_size", [1, 7])
def test_lazy_thresholds_survive_a_long_run(name, batch_size):
    # The factor of the elastic net falls below 1e-100 several times.
    X, y, stored = data("csr")
    strong, known = {
        "l1": (P.L1(1e-3), ("l1", 1e-3)),
        "elasticnet": (P.ElasticNet(30.0, 1e-4), ("elasticnet", 30.0, 1e-4)),
    }[name]
    fast = gd.LinearModel(stored, y, penalty=strong)
    slow = oracle.LinearModel(X, y, ("squared",), known)
    start = np.ones(6)
    r = gd.minimize(fast, gd.SGD(0.01), start, batch_size, steps=3000, seed=3, record_every=700)
    path = oracle.replay(slow, "sgd", start, 3000, 0.01, batch_size, seed=3)
    same(r.theta, path[-1])
    whole = gd.minimize(fast, gd.SGD(0.01), start, batch_size, steps=3000, seed=3, record_every=0)
    assert np.array_equal(whole.theta, r.theta)


def test_bounds_for_each_parameter():
    X, y, _ = data()
    low, high = np.full(7, -np.inf), np.full(7, np.inf)
    low[2], high[4] = 0.4, -0.1
    f = gd.LinearModel(X, y, penalty=P.Box(low, high), fit_intercept=True)
    theta = gd.minimize(f, gd.SGD(0.1), steps=500).theta
    assert theta[2] == 0.4 and theta[4] == -0.1
    free = gd.minimize(gd.LinearModel(X, y, fit_intercept=True), gd.SGD(0.1), steps=500).theta
    assert not np.allclose(theta, free)
    with pytest.raises(ValueError, match="7 parameters"):
        gd.LinearModel(X, y, penalty=P.Box(low, high)).value(np.zeros(6))


def test_the_optimum_is_that_of_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model")
    X, y, stored = data(n=200)
    n, options = len(X), {"fit_intercept": True, "tol": 1e-14, "max_iter": 100_000}
    for alpha, ratio in ((0.05, 1.0), (0.2, 0.5)):
        # Its squared loss has a factor 1/2: twice its alpha is ours.
        judge = linear.ElasticNet(alpha=alpha, l1_ratio=ratio, **options).fit(X, y)
        f = gd.LinearModel(stored, y, penalty=P.ElasticNet(2 * alpha, ratio), fit_intercept=True)
        r = gd.minimize(f, gd.Nesterov("1/beta"), steps=3000)
        np.testing.assert_allclose(r.theta, [*judge.coef_, judge.intercept_], atol=1e-8)
        assert np.array_equal(r.theta[:-1] == 0, judge.coef_ == 0)
    label = (y > 0).astype(int)
    judge = linear.LogisticRegression(
        l1_ratio=1.0, C=0.05 * 20 / n * n / 20, solver="saga", tol=1e-12, max_iter=100_000
    ).fit(X, label)
    f = gd.LogisticRegression(X, label, penalty=P.L1(1 / (0.05 * n)), fit_intercept=True)
    r = gd.minimize(f, gd.Nesterov("1/beta"), steps=4000)
    np.testing.assert_allclose(r.theta, [*judge.coef_[0], judge.intercept_[0]], atol=1e-7)


def test_fista_keeps_theorem_5():
    X, y, _ = data(n=200)
    f = gd.LinearModel(X, y, penalty=P.L1(0.3))
    beta = f.smoothness()
    best = gd.minimize(f, gd.Nesterov("1/beta"), steps=5000).theta
    r = gd.minimize(f, gd.Nesterov("1/beta"), steps=200, record_every=1)
    t = r.history["step"][1:]
    gap = r.history["loss"][1:] - f.value(best)
    assert (gap <= 2 * beta * np.linalg.norm(best) ** 2 / (t + 1) ** 2 + 1e-12).all()


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: P.L1(-1.0), ValueError, "at least 0"),
        (lambda: P.L1("0.1"), TypeError, "number"),
        (lambda: P.L2(np.nan), ValueError, "finite"),
        (lambda: P.ElasticNet(0.1, 1.5), ValueError, r"\[0, 1\]"),
        (lambda: P.Box(1.0, 0.0), ValueError, "above high"),
        (lambda: P.Box(np.nan, 0.0), ValueError, "NaN"),
        (lambda: gd.LeastSquares(np.eye(2), [1, 2], penalty=P.L1), TypeError, "parameters"),
        (lambda: gd.LeastSquares(np.eye(2), [1, 2], penalty="l1"), TypeError, "penalty"),
        (lambda: gd.LeastSquares(np.eye(2), [1, 2], 0.1, penalty=P.L1(0.1)), ValueError, "both"),
    ],
)
def test_bad_penalties_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_penalties_are_values():
    assert P.L1(0.5) == P.L1(0.5) != P.L1(0.6)
    assert P.Box([0.0, 1.0], 2.0) == P.Box([0.0, 1.0], [2.0, 2.0])
    assert hash(P.Box(0, 1)) == hash(P.Box(0, 1))
    f = gd.LeastSquares(np.eye(2), [1, 2], l2=0.5)
    assert f.penalty == P.L2(0.5) and f.l2 == 0.5
    assert gd.LeastSquares(np.eye(2), [1, 2], penalty=P.L1(0.5)).l2 == 0.0
