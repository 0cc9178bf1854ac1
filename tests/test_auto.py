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
