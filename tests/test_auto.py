"""minimize(f, "auto"): which way it takes, and that what it says of the result is so."""

import numpy as np
import pytest
import scipy.sparse as sp

import fastgd as gd

X, Y = gd.datasets.load("breast-cancer")


def wide(penalty):
    rng = np.random.default_rng(0)
    rows = sp.random(300, 2000, density=0.01, random_state=1, format="csr")
    y = (rows @ rng.standard_normal(2000) > 0).astype(float)
    return gd.LogisticRegression(rows, y, penalty=penalty)


CASES = {
    "Newton": lambda: gd.LogisticRegression(X, Y, l2=0.01),
    "exact solution": lambda: gd.LeastSquares(X, Y, fit_intercept=True),
    "L-BFGS": lambda: wide(gd.penalties.L2(1e-3)),
    "SAGA": lambda: wide(gd.penalties.ElasticNet(0.01, 0.5)),
    "SAGA, then FISTA": lambda: gd.LogisticRegression(X, Y, penalty=gd.penalties.L1(0.01)),
}


@pytest.mark.parametrize("way", CASES)
def test_it_chooses_by_the_objective_and_keeps_its_word(way):
    f = CASES[way]()
    r = gd.minimize(f, "auto", tol=1e-7)
    best = gd.theory.optimum(f)
    assert r.optimizer.name == way and way in r.message
    assert r.converged and best.error < 1e-8
    assert r.loss - best.loss < 1e-7
    assert "proven" in r.message and np.isfinite(r.theta).all()


def test_a_proof_is_no_larger_than_tol_and_no_smaller_than_the_truth():
    f = CASES["L-BFGS"]()
    best = gd.theory.optimum(f)
    steps = []
    for tol in (1e-2, 1e-4, 1e-6, 1e-8):
        r = gd.minimize(f, "auto", tol=tol)
        assert "proven" in r.message and r.loss - best.loss <= tol
        steps.append(r.steps)
    assert steps == sorted(steps) and steps[0] < steps[-1]


@pytest.mark.parametrize("intercept, l2", [(False, 1e-3), (True, 0.0), (True, 0.1)])
def test_least_squares_ends_where_its_gradient_proves_enough(intercept, l2):
    f = gd.LeastSquares(X, Y, fit_intercept=intercept, l2=l2)
    best = gd.theory.optimum(f)
    r = gd.minimize(f, "auto", tol=1e-8)
    assert r.optimizer.name == "exact solution" and r.converged
    assert r.loss - best.loss <= 1e-8 + best.error
    assert len(r.history["loss"]) == 1  # one direct step was enough


def test_least_squares_whose_condition_hides_the_minimum_takes_the_factors_of_the_data():
    u = np.linspace(0, 1, 200)
    f = gd.LeastSquares(np.vander(u, 12), np.sin(9 * u))
    r = gd.minimize(f, "auto", tol=1e-10)
    assert r.converged and "proven" in r.message
    assert r.loss <= gd.theory.optimum(f).loss + 1e-10
    assert not len(r.history["loss"])


def test_it_starts_where_it_is_told_and_says_where_it_cannot_end():
    f = gd.Quadratic(np.diag([1.0, 3.0]), [1.0, 3.0])
    assert gd.minimize(f, "auto", theta0=[5.0, 5.0]).theta == pytest.approx([1.0, 1.0])
    f = gd.Function(lambda t: float(np.exp(t[0])), lambda t: np.exp(t), n_params=1)
    r = gd.minimize(f, "auto", theta0=[0.0], tol=1e-3)
    assert r.optimizer.name == "L-BFGS" and "not proven" in r.message


def test_what_makes_no_sense_is_refused():
    f = CASES["Newton"]()
    with pytest.raises(ValueError, match="it chooses the rest"):
        gd.minimize(f, "auto", steps=10)
    with pytest.raises(ValueError, match="tol must be above 0"):
        gd.minimize(f, "auto", tol=0.0)
    with pytest.raises(ValueError, match='tol is for "auto"'):
        gd.minimize(f, gd.SGD(), steps=1, tol=0.1)
    with pytest.raises(TypeError, match="not 'best'"):
        gd.minimize(f, "best", steps=1)
    with pytest.raises(ValueError, match="without curvature"):
        gd.minimize(gd.LinearModel(X, Y, "hinge"), "auto")
    with pytest.raises(ValueError, match="theta0 must have one entry"):
        gd.minimize(f, "auto", theta0=np.zeros(3))


KINKED = {
    "hinge": lambda y, score: ("hinge", y),
    "quantile": lambda y, score: (gd.losses.Quantile(0.3), score),
    "epsilon": lambda y, score: (gd.losses.EpsilonInsensitive(0.1), score),
}


@pytest.mark.parametrize("kind", KINKED)
@pytest.mark.parametrize("intercept", [False, True])
def test_losses_with_a_kink_end_with_a_proof_too(kind, intercept):
    rows = X[:150, :6]
    score = rows @ np.arange(1.0, 7.0) + np.sin(np.arange(150))
    loss, y = KINKED[kind](Y[:150], score)
    for penalty in (gd.penalties.L2(0.05), gd.penalties.ElasticNet(0.1, 0.5)):
        f = gd.LinearModel(rows, y, loss, penalty, fit_intercept=intercept)
        r = gd.minimize(f, "auto", tol=1e-4)
        assert r.converged and "dual" in r.message and "proven" in r.message
        # No descent from there finds a loss that is lower by more than what is proven.
        rates = gd.schedules.inverse_time(0.05, rate=0.01)
        down = gd.minimize(f, gd.SGD(rates), r.theta, steps=2000, record_every=10)
        assert r.loss - down.history["loss"].min() <= 1e-4


def test_many_rows_are_begun_stochastically():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((20_000, 20))
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    y = rows @ rng.standard_normal(20) + 0.3 * rng.standard_normal(20_000) > 0
    f = gd.LogisticRegression(rows, y, l2=1e-3)
    best = gd.theory.optimum(f)
    rough, fine = (gd.minimize(f, "auto", tol=tol) for tol in (1e-2, 1e-9))
    assert rough.optimizer.name == "SGD" and "stochastic start" in rough.message
    assert fine.optimizer.name == "Newton" and "after a stochastic start" in fine.message
    assert rough.loss - best.loss <= 1e-2 and fine.loss - best.loss <= 1e-9
    assert "proven" in rough.message and "proven" in fine.message
    # A start near the minimum is not given up for a stochastic one.
    again = gd.minimize(f, "auto", theta0=fine.theta, tol=1e-9)
    assert again.loss - best.loss <= 1e-9 and again.steps <= 1


def test_wide_sparse_rows_are_walked_one_by_one():
    rng = np.random.default_rng(0)
    rows = sp.random(20_000, 3000, density=0.002, random_state=1, format="csr")
    rows.data[:] = 1.0
    rows = rows[np.diff(rows.indptr) > 0]
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    rows.data /= np.repeat(length, np.diff(rows.indptr))
    # A column in every row, so that the data has a direction of its own.
    X = sp.hstack([np.full((rows.shape[0], 1), 0.5), rows], format="csr")
    y = X @ rng.standard_normal(3001) > 0
    f = gd.LogisticRegression(X, y, l2=1e-3)
    r = gd.minimize(f, "auto", tol=1e-8)
    assert r.optimizer.name == "SAGA" and r.converged and "proven" in r.message
    # By another way, and by another start.
    best = gd.theory.optimum(f)
    assert abs(r.loss - best.loss) <= 1e-8 + best.error
