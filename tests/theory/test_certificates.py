# What a certificate must notice: changed data, wrong gradients, few seeds, an L* that cannot be,
# clipping, weights, numbers at the edge of float64. And the Lipschitz constant of L itself.
import math

import numpy as np
import pytest

import fastgd as gd
from fastgd import theory
from fastgd.theory import judging, rows
from fastgd.theory.replay import gradient_is_wrong


def states(row):
    return {one.name: one.state for one in row.assumptions}


def cancer(**options):
    X, y = gd.datasets.load("breast-cancer")
    return gd.LogisticRegression(X, y, **options)


# Data that change in place.


def test_beta_of_other_data_is_not_checked():
    X = np.eye(3)
    f = gd.LeastSquares(X, [1.0, 2.0, 3.0])
    assert f.smoothness() == pytest.approx(2 / 3)
    X *= 2
    c = gd.minimize(f, gd.SGD(lr=0.1), steps=20).certificate()
    for theorem in ("1", "2", "(1)"):
        assert c[theorem].verdict == "not applicable"
        assert "X has changed since β = 0.666667 was found: now it is 2.66667" in c[theorem].why
    assert states(c["1"])["convex"] == "violated"


@pytest.mark.parametrize("change", [4.0, -1.0])
def test_a_quadratic_form_that_changes_is_noticed(change):
    A = np.diag([1.0, 2.0])
    f = gd.Quadratic(A, [1.0, 1.0])
    lr = 1 / f.smoothness()
    A[0, 0] = change
    c = gd.minimize(f, gd.SGD(lr=lr), steps=5).certificate(optimum=None)
    assert c["1"].verdict == "not applicable"
    assert "A has changed since: its eigenvalues were 1 to 2" in c["1"].why


def test_targets_that_change_after_a_run_are_noticed_without_a_replay():
    y = np.array([1.0, 2.0, 3.0])
    f = gd.LeastSquares(np.eye(3), y)
    r = gd.minimize(f, gd.SGD(lr=0.1), steps=5)
    y += 1
    with pytest.raises(ValueError, match="the loss of the run was .* ends elsewhere"):
        r.certificate(replay=False)


# A gradient that is another function's.


def wrong(factor, **options):
    return gd.Function(lambda x: float(x @ x), lambda x: factor * 2 * x, 2, convex=True, **options)


@pytest.mark.parametrize("factor", [0.5, -1.0, 1.01])
@pytest.mark.parametrize("replay", [None, False])
def test_a_wrong_gradient_has_no_theorem(factor, replay):
    f = wrong(factor, smoothness=2.1)
    c = gd.minimize(f, gd.SGD(lr=0.1), [1.0, -2.0], steps=20).certificate(replay=replay)
    for row in c.rows:
        assert row.verdict in ("not applicable", "not observed"), row.theorem
    assert "where ∇L says" in c["2"].why
    assert states(c["(1)"])["∇L is the gradient of L"] == "violated"


def test_a_right_gradient_is_never_accused():
    rng = np.random.default_rng(0)
    f = cancer(l2=0.01, fit_intercept=True)
    kink = gd.Function(lambda x: float(np.abs(x).sum()), np.sign, 3, convex=True)
    for _ in range(50):
        theta = rng.normal(size=f.n_params) * 10.0 ** rng.uniform(-6, 3)
        slope = f.gradient(theta)
        assert gradient_is_wrong(f, theta, slope, slope) is None
        assert gradient_is_wrong(f, theta, slope, rng.normal(size=f.n_params)) is None
        # At 1 the gradient is one of many: a subgradient, which is right.
        theta = np.round(rng.normal(size=3))
        assert gradient_is_wrong(kink, theta, kink.gradient(theta), rng.normal(size=3)) is None
    best = theory.optimum(f).theta
    assert gradient_is_wrong(f, best, f.gradient(best), f.gradient(best)) is None


def test_inequality_1_is_not_excused_by_an_unknown_optimum():
    f = gd.Function(lambda x: float(x @ x), lambda x: 2 * x, 1, smoothness=2.0, convex=True)
    r = gd.minimize(f, gd.SGD(lr=0.25), [1.0], steps=4)
    case = _case(r)
    assert states(case.row_descent())["β-smooth"] == "assumed"
    # Losses that do not fall are an excess, whatever is known of L*.
    case.traces[0].losses[:] = [1.0] * 5
    assert case.minimum().state == "assumed"
    assert case.row_descent().verdict == "exceeded"


def _case(result):
    from fastgd.theory import examine

    made = []

    class Spy(rows.Case):
        def __post_init__(self):
            super().__post_init__()
            made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examine, "Case", Spy)
        result.certificate()
    return made[0]


@pytest.mark.parametrize("kind", ["smooth", "convex"])
def test_the_first_step_that_contradicts_is_named(kind):
    # cos is concave between -π/2 and π/2, and turns by 1 at most: β = 0.1 is wrong at every step.
    f = gd.Function(
        lambda x: float(np.cos(x).sum()), lambda x: -np.sin(x), 1,
        smoothness=0.1 if kind == "smooth" else 1.0, convex=True,
    )  # fmt: skip
    r = gd.minimize(f, gd.SGD(lr=0.05), [0.3], steps=10)
    row = r.certificate()["1" if kind == "convex" else "2"]
    assert "to θ_1" in row.why
    assert "θ_10" not in row.why


# Few seeds.


@pytest.mark.parametrize("runs", [2, 3, 5, 50])
def test_few_seeds_exceed_as_rarely_as_many(runs):
    # The mean of normal numbers, judged as a row judges it: 0.135 % beyond the far limit.
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(100_000, runs))
    t = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / math.sqrt(runs))
    near, far = (judging._quantile(tail, runs) for tail in judging.TAILS)
    assert np.mean(t > far) == pytest.approx(0.00135, abs=4e-4)
    assert np.mean(t > near) == pytest.approx(0.15866, abs=5e-3)
    if runs == 50:
        assert far == pytest.approx(3.0, abs=0.2)


# L*.


def test_an_optimum_below_what_is_proven_is_refused():
    f = cancer(l2=0.1)
    r = gd.minimize(f, gd.SGD(lr="1/beta"), steps=10)
    best = theory.optimum(f)
    assert r.certificate(optimum=best.loss)["1"].verdict == "holds"
    for wrong in (best.loss - 1e-9, 0.0, -1.0):
        with pytest.raises(ValueError, match="none below .* is possible"):
            r.certificate(optimum=wrong)


def test_whether_there_is_a_minimiser_is_an_assumption():
    for f, state in ((cancer(fit_intercept=True), "assumed"), (cancer(l2=0.1), "checked")):
        plain = gd.minimize(f, gd.SGD(lr="1/beta"), steps=10).certificate()
        fast = gd.minimize(f, gd.Nesterov(lr="1/beta"), steps=10).certificate()
        assert states(plain["1"])["θ* exists"] == states(fast["5"])["θ* exists"] == state
        assert "θ* exists" not in states(plain["2"])


# Other runs.


@pytest.mark.parametrize("option", ["clip_norm", "clip_value"])
def test_clipped_runs_have_no_theorem(option):
    f = cancer(l2=0.1)
    options = {option: 0.1}
    c = gd.minimize(f, gd.SGD(lr="1/beta"), steps=10, **options).certificate()
    assert all(row.verdict == "not applicable" for row in c.rows)
    assert f"{option} = 0.1 changes the steps" in c["1"].why


def test_penalised_runs_show_the_gradient_mapping_or_nothing():
    X = np.random.default_rng(0).normal(size=(40, 3))
    f = gd.LinearModel(X, X @ [1.0, 0.0, 0.1], penalty=gd.penalties.L1(0.5))
    r = gd.minimize(f, gd.SGD(lr="1/beta"), steps=200)
    c = r.certificate()
    assert c["2"].verdict == "holds"
    # ∇L does not vanish at the minimum, the mapping does.
    assert c["2"].observed < 1e-12 < float(np.linalg.norm(f.gradient(r.theta)))
    assert r.certificate(replay=False)["2"].verdict == "not observed"
    assert "L1(l1=0.5) is not" in c["(1)"].why
    box = gd.LinearModel(X, X[:, 0], penalty=gd.penalties.Box(0.1, 0.2))
    c = gd.minimize(box, gd.SGD(lr="1/beta"), [5.0, 5.0, 5.0], steps=20).certificate()
    assert "L(θ_0) is not finite" in c["2"].why


def test_weights_are_in_every_constant():
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(40, 3)), rng.integers(0, 4, 40).astype(float)
    y = (rng.random(40) < 0.5).astype(float)
    f = gd.LogisticRegression(X, y, l2=0.1, sample_weight=w)
    again = np.repeat(np.arange(40), w.astype(int))
    g = gd.LogisticRegression(X[again], y[again], l2=0.1)
    assert theory.smoothness(f) == pytest.approx(theory.smoothness(g))
    assert theory.optimum(f).loss == pytest.approx(theory.optimum(g).loss, rel=1e-12)
    least = gd.LeastSquares(X, y, sample_weight=w)
    other = gd.LeastSquares(X[again], y[again])
    assert theory.strong_convexity(least) == pytest.approx(theory.strong_convexity(other))
    # A step takes n w_i/Σw times the gradient of an observation that is drawn uniformly.
    theta = rng.normal(size=3)
    weights = w / w.mean()
    plain = gd.LogisticRegression(X, y, l2=0.1)
    drawn = weights[:, None] * plain.sample_gradients(theta)
    expected = np.trace(np.cov(drawn.T, bias=True))
    assert theory.variance(f, theta) == pytest.approx(expected, rel=1e-12)
    assert expected <= theory.variance_bound(f)
    c = theory.expectation(f, gd.SGD(lr="1/beta"), batch_size=4, steps=20, seeds=20)
    assert c["4"].verdict == "holds"
    assert gd.minimize(f, gd.SGD(lr="1/beta"), steps=20).certificate()["1"].verdict == "holds"


def test_a_loss_without_curvature_has_no_theorem_but_p1():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    f = gd.LinearModel(X, np.abs(X[:, 0]), "poisson")
    c = gd.minimize(f, gd.SGD(lr=0.01), batch_size=2, steps=20, seed=0).certificate()
    assert c["4"].why.startswith("no finite β is known for LinearModel")
    assert c["P1"].verdict == "one run"


# Numbers at the edge of float64.


@pytest.mark.parametrize("rows", [1, 3])
def test_data_whose_squares_leave_float64_is_refused_in_words(rows):
    f = gd.LeastSquares(np.full((rows, 1), 1e154), np.zeros(rows))
    for call in (f.smoothness, lambda: gd.minimize(f, gd.SGD(lr="1/beta"), steps=1)):
        with pytest.raises(ValueError, match="entries of up to 1e\\+154: their squares, and β"):
            call()


@pytest.mark.parametrize("size", [1e-160, 1e-120, 1e120])
@pytest.mark.parametrize("intercept", [False, True])
def test_beta_is_not_too_low_at_any_scale(size, intercept):
    from fractions import Fraction

    X = np.array([[1.0], [2.0], [3.0]]) * size
    beta = gd.LeastSquares(X, np.zeros(3), fit_intercept=intercept).smoothness()
    if not intercept:
        exact = 2 * sum(Fraction(float(x)) ** 2 for x in X[:, 0]) / 3
        assert exact <= Fraction(beta) <= exact * Fraction(1 + 1e-9) + Fraction(1e-322)
    else:
        assert beta >= max(2.0, 2 * (14 / 3) * size**2) * (1 - 1e-15)


def test_a_few_large_entries_among_sparse_rows():
    from scipy import sparse

    X = np.zeros((5, 3))
    X[0, 0], X[3, 2] = 1e130, -3e130
    made = gd.LeastSquares(sparse.csr_array(X), np.zeros(5), fit_intercept=True)
    assert made.smoothness() == pytest.approx(2 * 9e260 / 5)


# Definition 1.


LIPSCHITZ = {
    "logistic": {}, "hinge": {}, "perceptron": {}, "modified_huber": {}, "huber": {},
    "epsilon_insensitive": {}, "quantile": {}, "softmax": {},
    "weights": {"loss": "logistic", "sample_weight": np.arange(30.0)},
    "l1": {"loss": "logistic", "penalty": gd.penalties.L1(0.3)},
    "elastic net": {"loss": "hinge", "penalty": gd.penalties.ElasticNet(0.3, 1.0)},
}  # fmt: skip


@pytest.mark.parametrize("name", LIPSCHITZ)
@pytest.mark.parametrize("intercept", [False, True])
def test_no_two_points_are_steeper_than_the_lipschitz_constant(name, intercept):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2)) + [0.0, 2.0]
    options = {"loss": name, **LIPSCHITZ[name]}
    f = gd.LinearModel(X, rng.integers(0, 2, 30), fit_intercept=intercept, **options)
    G = theory.lipschitz(f)
    steepest = 0.0
    for _ in range(500):
        u = rng.normal(size=f.n_params) * 10.0 ** rng.uniform(-2, 3)
        v = u + rng.normal(size=f.n_params) * 10.0 ** rng.uniform(-3, 2)
        steepest = max(steepest, abs(f.value(u) - f.value(v)) / np.linalg.norm(u - v))
    assert steepest <= G
    assert steepest >= 0.05 * G


def test_the_lipschitz_constant_is_reached_and_is_not_there():
    f = gd.LogisticRegression(np.full((4, 1), 3.0), np.ones(4))
    assert theory.lipschitz(f) == pytest.approx(3.0)
    assert (f.value([-1000.0]) - f.value([-999.0])) == pytest.approx(3.0)
    assert theory.lipschitz(gd.LeastSquares([[1.0]], [0.0])) is None
    assert theory.lipschitz(cancer(l2=0.1)) is None
    assert theory.lipschitz(gd.Quadratic(np.eye(2))) is None
    assert theory.lipschitz(gd.Quadratic(np.zeros((2, 2)), [3.0, 4.0])) == 5.0
    assert theory.lipschitz(wrong(1.0)) is None


def test_an_optimum_of_another_objective_is_refused():
    f, g = cancer(l2=0.1), cancer(l2=1.0)
    r = gd.minimize(f, gd.SGD(lr="1/beta"), steps=5)
    with pytest.raises(ValueError, match="optimum= is that of another objective"):
        r.certificate(optimum=theory.optimum(g))
    with pytest.raises(ValueError, match="optimum= is that of another objective"):
        r.certificate(optimum=theory.optimum(gd.Quadratic(np.eye(2))))


def test_a_plan_needs_a_smooth_objective():
    f = gd.LogisticRegression(np.eye(3), [0, 1, 0], penalty=gd.penalties.L1(0.1))
    with pytest.raises(ValueError, match="theorem 4 is on smooth objectives, and L1"):
        theory.plan(f, 0.1)


@pytest.mark.parametrize("A, lr", [(np.diag([1.0, 10.0]), 0.1), ([[2.0, 1.0], [1.0, 2.0]], 1 / 3)])
def test_one_over_beta_by_hand_counts(A, lr):
    verdicts = gd.minimize(gd.Quadratic(A), gd.SGD(lr), [1.0, 1.0], steps=50).certificate()
    assert [verdicts[row].verdict for row in ("1", "2", "8")] == ["holds"] * 3
    above = gd.minimize(gd.Quadratic(A), gd.SGD(lr * (1 + 1e-11)), [1.0, 1.0], steps=50)
    assert above.certificate()["1"].verdict == "not applicable"
