"""SAGA and SVRG: against the oracle, dense and sparse, and against scikit-learn's saga."""

import numpy as np
import oracle
import pytest
import scipy.sparse as sp
from sklearn.linear_model import ElasticNet, LogisticRegression

import fastgd as gd

RULES = {"SAGA": gd.SAGA, "SVRG": gd.SVRG}
PENALTIES = {
    "none": None,
    "l2": ("l2", 0.05),
    "l1": ("l1", 0.03),
    "elasticnet": ("elasticnet", 0.06, 0.4),
}
LOSSES = {
    "squared": ("squared",),
    "logistic": ("logistic",),
    "softmax": ("softmax",),
    "columns": ("squared",),
}


def problem(loss, penalty, storage, fit_intercept=True, weighted=False, n=60, d=9):
    rng = np.random.default_rng(3)
    X = sp.random(n, d, density=0.4, random_state=4, format="csr", data_rvs=rng.standard_normal)
    y = X @ rng.standard_normal(d) + 0.3 * rng.standard_normal(n)
    if loss == "logistic":
        y = (y > 0).astype(float)
    elif loss == "softmax":
        y = np.digitize(y, [-0.5, 0.5])
    elif loss == "columns":
        y = np.column_stack([y, X @ rng.standard_normal(d)])
    weights = rng.uniform(0.2, 2.0, n) if weighted else None
    given = PENALTIES[penalty]
    theirs = oracle.LinearModel(X.toarray(), y, LOSSES[loss], given, weights, fit_intercept)
    kinds = {"l2": gd.penalties.L2, "l1": gd.penalties.L1, "elasticnet": gd.penalties.ElasticNet}
    rows = {
        "dense": lambda: X.toarray(),
        "dense32": lambda: X.toarray().astype(np.float32),
        "csr": lambda: X,
        "csr32": lambda: X.astype(np.float32),
        "csr64": lambda: sp.csr_array(
            (X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64)), X.shape
        ),
    }[storage]()
    ours = gd.LinearModel(
        rows, y, LOSSES[loss][0], None if given is None else kinds[given[0]](*given[1:]),
        weights, fit_intercept,
    )  # fmt: skip
    return ours, theirs, rng


def distance(a, b):
    return np.max(np.abs(a - b)) / np.max(np.abs(b))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_runs_agree_with_the_oracle(rule, storage, loss, penalty):
    ours, theirs, rng = problem(loss, penalty, storage, weighted=True)
    theta0 = rng.standard_normal(ours.n_params)
    path = oracle.replay_reduced(theirs, rule, theta0, 400, 0.03, seed=7, weight_decay=0.01)
    optimizer = RULES[rule](lr=0.03, weight_decay=0.01)
    for steps in (1, 37, 400):
        r = gd.minimize(ours, optimizer, theta0, batch_size=1, steps=steps, seed=7, record_every=0)
        # An index sequence begins the same however long it is.
        assert distance(r.theta, path[steps]) < 1e-12


@pytest.mark.parametrize("sampling", ["shuffle", "sequential"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("storage", ["csr", "dense"])
def test_schedules_and_samplings_agree_with_the_oracle(sampling, rule, penalty, storage):
    ours, theirs, _ = problem("logistic", penalty, storage, fit_intercept=False)
    rates = 0.2 / np.sqrt(1 + np.arange(300))
    theta0 = np.zeros(ours.n_params)
    path = oracle.replay_reduced(theirs, rule, theta0, 300, rates, sampling, seed=2)
    schedule = gd.schedules.custom(lambda t, total: 0.2 / np.sqrt(1 + t))
    r = gd.minimize(
        ours, RULES[rule](schedule), theta0, batch_size=1, steps=300, seed=2, sampling=sampling
    )
    assert distance(r.theta, path[-1]) < 1e-12


@pytest.mark.parametrize("storage", ["dense32", "csr32", "csr64"])
def test_other_storage_is_the_same_run(storage):
    ours, _, rng = problem("logistic", "elasticnet", storage)
    rows = ours.X.toarray() if sp.issparse(ours.X) else ours.X
    same = gd.LinearModel(
        rows.astype(np.float64), ours.y, "logistic", ours.penalty, fit_intercept=True
    )
    run = {"theta0": rng.standard_normal(ours.n_params), "batch_size": 1, "steps": 500, "seed": 0}
    for kind in RULES.values():
        a, b = (gd.minimize(f, kind(lr=0.05), **run).theta for f in (ours, same))
        assert distance(a, b) < 1e-12


def test_rows_with_repeated_columns_are_their_sum():
    X = sp.csr_matrix(
        (np.array([1.0, 2.0, 3.0, 4.0]), np.array([2, 0, 2, 1]), np.array([0, 3, 4])), shape=(2, 3)
    )
    f = gd.LogisticRegression(X, [0, 1], penalty=gd.penalties.L1(0.01))
    g = gd.LogisticRegression(X.toarray(), [0, 1], penalty=gd.penalties.L1(0.01))
    assert f.sample_smoothness() == g.sample_smoothness() == 5.0
    for kind in RULES.values():
        a, b = (gd.minimize(h, kind(), batch_size=1, steps=50, seed=0).theta for h in (f, g))
        assert distance(a, b) < 1e-12


@pytest.mark.parametrize("penalty", [gd.penalties.Box(-0.1, 0.2), gd.penalties.NonNegative()])
def test_any_proximal_step_on_dense_rows(penalty):
    ours, theirs, rng = problem("squared", "none", "dense")
    f = gd.LinearModel(ours.X, ours.y, "squared", penalty, fit_intercept=True)
    name = type(penalty).__name__.lower()
    theirs.penalty = (name, -0.1, 0.2) if name == "box" else (name,)
    path = oracle.replay_reduced(theirs, "SAGA", np.zeros(f.n_params), 200, 0.02, seed=1)
    r = gd.minimize(f, gd.SAGA(lr=0.02), batch_size=1, steps=200, seed=1)
    assert distance(r.theta, path[-1]) < 1e-12


def test_weights_that_shrink_are_brought_up_to_date_in_time():
    # The factor falls below its bound again and again, and the list of sums fills up.
    ours, theirs, rng = problem("logistic", "l1", "csr", n=30)
    theta0 = rng.standard_normal(ours.n_params)
    for rule, decay, steps in (("SAGA", 5.0, 600), ("SVRG", 19.9, 600), ("SAGA", 0.0, 9000)):
        path = oracle.replay_reduced(theirs, rule, theta0, steps, 0.05, seed=1, weight_decay=decay)
        r = gd.minimize(
            ours,
            RULES[rule](lr=0.05, weight_decay=decay),
            theta0,
            batch_size=1,
            steps=steps,
            seed=1,
        )
        assert np.max(np.abs(r.theta - path[-1])) < 1e-12 * np.max(np.abs(path))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("penalty", ["l2", "elasticnet"])
def test_cuts_and_resumption_change_no_bit(rule, storage, penalty, tmp_path):
    f, _, _ = problem("logistic", penalty, storage)
    optimizer, run = RULES[rule](), {"batch_size": 1, "seed": 5, "steps": 700}
    whole = gd.minimize(f, optimizer, record_every=0, **run)
    often = gd.minimize(f, optimizer, record_every=3, **run)
    assert np.array_equal(whole.theta, often.theta)
    with gd.Run(f, optimizer, **run) as first:
        first.advance(211).save(tmp_path / "run.npz")
    resumed = gd.resume(tmp_path / "run.npz", f)
    assert np.array_equal(whole.theta, resumed.theta)
    generator = gd.minimize(f, optimizer, **run | {"seed": np.random.default_rng(5)})
    assert np.array_equal(whole.theta, generator.theta)


def test_a_run_goes_back_to_its_last_finite_theta():
    f, _, _ = problem("squared", "none", "csr")
    r = gd.minimize(f, gd.SAGA(lr=50.0), batch_size=1, steps=5000, seed=0, record_every=0)
    assert r.diverged and np.isfinite(r.theta).all() and r.steps < 5000
    short = gd.minimize(f, gd.SAGA(lr=50.0), batch_size=1, steps=r.steps, seed=0, record_every=0)
    assert np.array_equal(r.theta, short.theta)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("storage", ["dense", "csr"])
def test_the_minimum_is_scikit_learns(rule, storage):
    X, y = gd.datasets.load("breast-cancer")
    n = len(y)
    rows = sp.csr_matrix(X) if storage == "csr" else X
    f = gd.LogisticRegression(rows, y, l2=0.05)
    r = gd.minimize(f, RULES[rule](), batch_size=1, epochs=400, seed=0, record_every=0)
    peer = LogisticRegression(
        C=1 / (0.05 * n), solver="saga", fit_intercept=False, tol=1e-12, max_iter=4000,
        random_state=0,
    ).fit(X, y)  # fmt: skip
    assert distance(r.theta, peer.coef_[0]) < 1e-6
    z = X[:, 0]
    f = gd.LeastSquares(rows[:, 1:], z, penalty=gd.penalties.ElasticNet(1.0, 0.7),
                        fit_intercept=True)  # fmt: skip
    r = gd.minimize(f, RULES[rule](), batch_size=1, epochs=3000, seed=0, record_every=0)
    peer = ElasticNet(alpha=0.5, l1_ratio=0.7, tol=1e-12, max_iter=100000).fit(X[:, 1:], z)
    assert np.max(np.abs(r.theta[:-1] - peer.coef_)) < 1e-6
    assert np.array_equal(r.theta[:-1] == 0, peer.coef_ == 0)


def test_the_certified_rate_is_the_papers():
    f, theirs, _ = problem("logistic", "l2", "csr", weighted=True)
    squares = (theirs.X**2).sum(axis=1) * theirs.w
    largest = squares.max() / 4 + 0.05
    assert f.sample_smoothness() == pytest.approx(largest, rel=1e-14)
    run = {"batch_size": 1, "steps": 1, "seed": 0}
    assert gd.minimize(f, gd.SAGA(), **run).optimizer.lr == pytest.approx(1 / (3 * largest))
    assert gd.minimize(f, gd.SVRG(), **run).optimizer.lr == pytest.approx(1 / (6 * largest))
    assert gd.SAGA(weight_decay=1.0).prepared(f).lr == pytest.approx(1 / (3 * largest + 3))


@pytest.mark.parametrize("kind", RULES.values())
def test_what_cannot_be_is_refused_in_words(kind):
    f, _, _ = problem("logistic", "l2", "csr")
    with pytest.raises(ValueError, match="of a linear model, and Quadratic"):
        gd.minimize(gd.Quadratic(np.eye(2)), kind(), steps=1)
    network = gd.NeuralNetwork(f.X.toarray(), f.y)
    with pytest.raises(ValueError, match="of a linear model, and NeuralNetwork"):
        gd.minimize(network, kind(lr=0.1), batch_size=1, steps=1)
    for batch_size in (None, 2):
        with pytest.raises(ValueError, match="give batch_size=1"):
            gd.minimize(f, kind(), batch_size=batch_size, steps=1)
    with pytest.raises(ValueError, match="clipped"):
        gd.minimize(f, kind(), batch_size=1, steps=1, clip_norm=1.0)
    with pytest.raises(ValueError, match="on sparse X .* not NonNegative"):
        g = gd.LinearModel(f.X, f.y, "logistic", gd.penalties.NonNegative())
        gd.minimize(g, kind(), batch_size=1, steps=1)
    with pytest.raises(ValueError, match="unbounded: give lr"):
        gd.minimize(gd.LinearModel(f.X, f.y, "hinge"), kind(), batch_size=1, steps=1)
    with pytest.raises(TypeError, match="nothing can be put around"):
        gd.Lookahead(kind(lr=0.1))
    with pytest.raises(TypeError, match="use minimize"):
        kind(lr=0.1).init(np.zeros(2))
    with pytest.raises(ValueError, match="at least 0"):
        kind(lr=-1.0)
