# The theorems: the bounds themselves on their worst cases, β and σ² from outside, and certificates
# of real runs, each violated assumption included.
import dataclasses
import itertools
import json
import math

import numpy as np
import pytest

import fastgd as gd
from fastgd import schedules, theory

RNG = np.random.default_rng(0)


def cancer(**options):
    X, y = gd.datasets.load("breast-cancer")
    return gd.LogisticRegression(X, y, **options)


def penguins(**options):
    X, y = gd.datasets.load("penguins", "body_mass_g")
    return gd.LeastSquares(X, (y - y.mean()) / y.std(), **options)


def digits(**options):
    X, y = gd.datasets.load("digits")
    return gd.SoftmaxRegression(X[y < 3], y[y < 3], **options)


def mean_of(y):
    """1/n Σ (y_i - θ)²: β = 2, and the noise of a gradient is the same at every θ."""
    return gd.LeastSquares(np.ones((len(y), 1)), y)


REAL = {
    "logistic": lambda: cancer(l2=0.01),
    "logistic with intercept": lambda: cancer(l2=1e-3, fit_intercept=True),
    "least squares": lambda: penguins(fit_intercept=True),
    "softmax": lambda: digits(l2=0.01, fit_intercept=True),
    "quadratic": lambda: gd.Quadratic(np.diag(np.geomspace(1e-3, 1.0, 20)), np.ones(20)),
}


@pytest.fixture(params=REAL)
def objective(request):
    return REAL[request.param]()


# β, μ and σ².


def small(kind, intercept):
    X = RNG.normal(1.0, 1.0, size=(40, 3)) * [1.0, 3.0, 0.1]
    y = {"LeastSquares": X @ [1.0, 2.0, 3.0], "LogisticRegression": X[:, 0] > 1}.get(kind)
    if y is None:
        y = np.arange(40) % 2
    return getattr(gd, kind)(X, np.asarray(y, float), l2=0.5, fit_intercept=intercept)


CURVATURE = {"LeastSquares": 2.0, "LogisticRegression": 0.25, "SoftmaxRegression": 0.5}


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("kind", CURVATURE)
def test_beta_is_the_exact_eigenvalue_and_is_reached(kind, intercept):
    f = small(kind, intercept)
    X = np.column_stack([f.X, np.ones(40)]) if intercept else f.X
    values, vectors = np.linalg.eigh(X.T @ X / 40)
    beta = theory.smoothness(f)
    exact = CURVATURE[kind] * values[-1] + 0.5
    assert exact <= beta <= exact * (1 + 1e-9)
    # No pair of points turns the gradient faster,
    for _ in range(300):
        u = RNG.normal(size=f.n_params) * 10.0 ** RNG.uniform(-3, 1)
        v = u + RNG.normal(size=f.n_params) * 10.0 ** RNG.uniform(-3, 1)
        turn = np.linalg.norm(f.gradient(u) - f.gradient(v))
        assert turn <= beta * np.linalg.norm(u - v) * (1 + 1e-9)
    # and, but for the l2 that an intercept does not have, one at θ = 0 turns it so fast.
    top = vectors[:, -1]
    if kind == "SoftmaxRegression":
        weights, biases = np.outer([1, -1], top[:3]), np.outer([1, -1], top[3:])
        top = np.concatenate([weights.ravel(), biases.ravel()])
    step = 1e-5 * top / np.linalg.norm(top)
    turn = np.linalg.norm(f.gradient(step) - f.gradient(-step)) / 2e-5
    assert turn > (beta - 0.5 * intercept) * (1 - 1e-6)


def test_an_intercept_without_centred_data_is_in_beta():
    # [X 1]ᵀ[X 1]/n has the eigenvalue 2 here; 1 + 1/n would void every bound.
    f = gd.LeastSquares(np.ones((10, 1)), np.arange(10.0), fit_intercept=True)
    assert f.smoothness() == pytest.approx(4.0)


def test_strong_convexity():
    f = small("LeastSquares", False)
    lowest = np.linalg.eigvalsh(2 * f.X.T @ f.X / 40)[0] + 0.5
    assert theory.strong_convexity(f) == pytest.approx(lowest, rel=1e-8)
    assert theory.strong_convexity(f) <= lowest
    g = small("LeastSquares", True)
    X = np.column_stack([g.X, np.ones(40)])
    lowest = np.linalg.eigvalsh(2 * X.T @ X / 40 + np.diag([0.5, 0.5, 0.5, 0.0]))[0]
    assert theory.strong_convexity(g) == pytest.approx(lowest, rel=1e-7)
    assert theory.strong_convexity(small("LogisticRegression", False)) == 0.5
    assert theory.strong_convexity(small("LogisticRegression", True)) == 0.0
    assert theory.strong_convexity(gd.Quadratic(np.diag([-1.0, 2.0]))) == pytest.approx(-1.0)
    assert theory.strong_convexity(gd.Function(abs, np.sign, 1)) is None


@pytest.mark.parametrize("numbers", [1, 100, 10**6])
def test_variance_is_the_trace_of_the_covariance(monkeypatch, numbers):
    monkeypatch.setattr("fastgd.theory.constants.BLOCK_NUMBERS", numbers)
    for f in (small("LeastSquares", True), cancer(l2=0.3, fit_intercept=True)):
        theta = RNG.normal(size=f.n_params)
        gradients = f.sample_gradients(theta)
        expected = np.trace(np.cov(gradients.T, bias=True))
        assert theory.variance(f, theta) == pytest.approx(expected, rel=1e-12)


def test_variance_of_equal_gradients_far_from_zero_does_not_cancel():
    f = gd.LeastSquares(np.full((5000, 1), 1e6), np.zeros(5000))
    assert theory.variance(f, [1e3]) == 0.0


def test_variance_bound_serves_everywhere():
    for f in (cancer(), cancer(fit_intercept=True), digits(fit_intercept=True)):
        bound = theory.variance_bound(f)
        for scale in (0.0, 0.1, 1.0, 100.0):
            assert theory.variance(f, scale * RNG.normal(size=f.n_params)) <= bound
    assert theory.variance_bound(penguins()) is None
    # And it is not larger than its formula.
    expected = np.mean(np.sum(cancer().X ** 2, axis=1)) + 1
    assert theory.variance_bound(cancer(fit_intercept=True)) == pytest.approx(expected)


def test_variance_needs_observations():
    with pytest.raises(ValueError, match="Quadratic has no observations"):
        theory.variance(gd.Quadratic(np.eye(2)), np.zeros(2))


# L*.


def test_the_optimum_is_one(objective):
    best = theory.optimum(objective)
    assert best.error <= 1e-12
    assert objective.value(best.theta) == best.loss
    slopes = np.linalg.norm(objective.gradient(np.zeros(objective.n_params)))
    assert best.grad_norm <= 1e-9 * slopes
    for scale in (1e-6, 1e-3, 1.0):
        for _ in range(20):
            near = best.theta + scale * RNG.normal(size=objective.n_params)
            assert objective.value(near) >= best.loss - 1e-15


def test_of_many_minimisers_the_nearest_counts():
    f = gd.Quadratic(np.diag([1.0, 0.0]), [1.0, 0.0])
    np.testing.assert_allclose(theory.optimum(f, [5.0, 7.0]).theta, [1.0, 7.0], rtol=1e-12)


@pytest.mark.parametrize(
    "f", [gd.Quadratic(np.diag([1.0, 0.0]), [0.0, 1.0]), gd.Quadratic(np.diag([1.0, -1.0]))]
)
def test_no_lower_bound(f):
    assert theory.optimum(f).loss == -math.inf
    r = gd.minimize(f, gd.SGD(lr=0.5), theta0=[1.0, 1.0], steps=5)
    assert r.certificate()["2"].why == "L has no lower bound"


def test_classes_that_a_plane_separates_have_no_minimiser_but_a_certificate():
    # L falls towards 0 for ever; the theorems compare with any point, so with the one found.
    f = cancer(fit_intercept=True)
    best = theory.optimum(f)
    assert 0 <= best.loss < 1e-6
    assert best.error <= best.loss
    row = gd.minimize(f, gd.SGD(lr="1/beta"), steps=50).certificate()["1"]
    assert row.verdict == "holds"
    assert row.observed >= f.value(gd.minimize(f, gd.SGD(lr="1/beta"), steps=50).theta) - best.loss


def test_l_bfgs_agrees_with_the_direct_solution():
    f = penguins(l2=0.1, fit_intercept=True)
    wrapped = gd.Function(f.value, f.gradient, f.n_params, f.smoothness(), convex=True)
    assert theory.optimum(wrapped).loss == pytest.approx(theory.optimum(f).loss, rel=1e-12)
    assert theory.optimum(wrapped).error == math.inf


# Each bound on its worst case: a wrong constant fails.


def huber(beta, delta):
    def value(theta):
        x = abs(float(theta[0]))
        return beta * (x**2 / 2 if x <= delta else delta * x - delta**2 / 2)

    def gradient(theta):
        return beta * np.clip(theta, -delta, delta)

    return gd.Function(value, gradient, 1, smoothness=beta, convex=True)


@pytest.mark.parametrize("steps", [1, 4, 50])
def test_theorem_1_on_the_huber_function_that_is_its_worst_case(steps):
    beta, R = 3.0, 2.0
    f = huber(beta, R / (2 * steps + 1))
    r = gd.minimize(f, gd.SGD(lr="1/beta"), theta0=[R], steps=steps)
    assert r.loss == pytest.approx(beta * R**2 / (4 * steps + 2), rel=1e-12)
    row = r.certificate()["1"]
    assert row.verdict == "holds"
    assert row.observed == pytest.approx(r.loss, rel=1e-9)
    assert row.bound == pytest.approx(r.loss * (2 + 1 / steps), rel=1e-9)


def zigzag(beta, g, steps):
    """The function on which `steps` steps see the gradient g at every one, falling the least."""
    period = g / beta
    end = (steps - 1) * period

    def slope(x):
        if x >= end:
            return -g + beta * (x - end)
        apart = x % period
        return -g + beta * min(apart, period - apart)

    def value(theta):
        x = float(theta[0])
        if x >= end:
            start = -(steps - 1) * 0.75 * g * period
            return start - g * (x - end) + beta * (x - end) ** 2 / 2
        whole, apart = divmod(x, period)
        inside = -g * apart + beta * (
            apart**2 / 2 if apart <= period / 2 else period**2 / 4 - (period - apart) ** 2 / 2
        )
        return -whole * 0.75 * g * period + inside

    return gd.Function(value, lambda theta: np.array([slope(theta[0])]), 1, smoothness=beta)


@pytest.mark.parametrize("steps", [1, 7, 40])
def test_theorem_2_on_its_worst_case(steps):
    # g and β are powers of two, so that the steps fall on the kinks without rounding.
    beta, g = 2.0, 0.5
    f = zigzag(beta, g, steps)
    lowest = -(3 * steps - 1) * g**2 / (4 * beta)
    r = gd.minimize(f, gd.SGD(lr="1/beta"), theta0=[0.0], steps=steps)
    row = r.certificate(optimum=lowest)["2"]
    assert row.observed == g**2 == pytest.approx(4 * beta * -lowest / (3 * steps - 1))
    assert row.bound == pytest.approx(row.observed * (3 * steps - 1) / (2 * steps))
    # With one step there is nothing to spare: bound and observation are equal.
    assert row.verdict == "holds"


def nesterov_worst(beta, d):
    """β/4 (½(θ_1² + Σ (θ_i - θ_{i+1})² + θ_d²) - θ_1): Nesterov 2004, section 2.1.2."""
    A = beta / 4 * (2 * np.eye(d) - np.eye(d, k=1) - np.eye(d, k=-1))
    b = np.zeros(d)
    b[0] = beta / 4
    return gd.Quadratic(A, b)


def sequence(steps):
    y = 0.0
    for _ in range(steps):
        y = (1 + math.sqrt(1 + 4 * y**2)) / 2
    return y


@pytest.mark.parametrize("steps", [5, 20, 60])
def test_theorem_5_on_nesterov_s_function(steps):
    beta = 4.0
    f = nesterov_worst(beta, 2 * steps + 1)
    # λ_max is just below β; the theorem's η is 1/β.
    r = gd.minimize(f, gd.Nesterov(lr=1 / beta), steps=steps)
    row = r.certificate()["5"]
    R = np.linalg.norm(np.linalg.solve(f.A, f.b))
    assert row.verdict == "holds"
    assert row.bound == pytest.approx(2 * beta * R**2 / (steps + 1) ** 2, rel=1e-6)
    # No first-order method does better than 3βR²/(32(T+1)²), this one not worse than its proof.
    assert 3 * beta * R**2 / (32 * (steps + 1) ** 2) <= row.observed
    assert row.observed <= beta * R**2 / (2 * sequence(steps) ** 2) <= row.bound


@pytest.mark.parametrize("steps", [5, 20, 60])
def test_theorem_5_is_nearly_reached(steps):
    # On a Huber function whose slope is the same until the end the method only gathers speed: it
    # goes S/β times the gradient.
    beta, R = 2.0, 3.0
    gamma = schedules.nesterov()(np.arange(steps), steps)
    S = before = 0.0
    for t in range(steps):
        S, before = S + gamma[t] * (S - before) + 1, S
    f = huber(beta, R / (2 * S + 1))
    r = gd.minimize(f, gd.Nesterov(lr="1/beta"), theta0=[R], steps=steps)
    assert r.loss == pytest.approx(beta * R**2 / (4 * S + 2), rel=1e-9)
    proof = beta * R**2 / (2 * sequence(steps) ** 2)
    assert (1 - 1.5 / steps) * proof < r.loss < proof <= theory.theorem_5(beta, R, steps)
    assert theory.theorem_5(beta, R, steps) == 2 * beta * R**2 / (steps + 1) ** 2
    row = r.certificate()["5"]
    assert row.verdict == "holds"
    assert row.bound == pytest.approx(theory.theorem_5(beta, R, steps), rel=1e-6)


def test_proposition_1_is_an_equality():
    for f, size in ((small("LeastSquares", True), 2), (small("SoftmaxRegression", False), 2)):
        f = type(f)(f.X[:8], f.y[:8], fit_intercept=f.fit_intercept)
        theta = RNG.normal(size=f.n_params)
        draws = itertools.product(range(8), repeat=size)
        squares = [np.sum(f.gradient(theta, np.array(draw)) ** 2) for draw in draws]
        norm = float(np.linalg.norm(f.gradient(theta)))
        expected = theory.proposition_1(theory.variance(f, theta), size, norm)
        assert np.mean(squares) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("size", [1, 3])
def test_inequality_1_is_an_equality_where_the_curvature_is_the_same_everywhere(size):
    f = mean_of(np.array([0.0, 1.0, 5.0, -2.0]))
    theta, lr = np.array([3.0]), 0.3
    losses = [
        f.value(theta - lr * f.gradient(theta, np.array(draw)))
        for draw in itertools.product(range(4), repeat=size)
    ]
    norm = float(np.linalg.norm(f.gradient(theta)))
    bound = theory.descent(f.value(theta), lr, 2.0, norm, theory.variance(f, theta), size)
    assert np.mean(losses) == pytest.approx(bound, rel=1e-12)


@pytest.mark.parametrize("size", [1, 4])
def test_theorems_3_and_4_are_reached_by_the_estimate_of_a_mean(size):
    # At η = 1/β each step lands on the mean of a batch: E‖∇L‖² = σ²/n_B from the first step on,
    # and the bound exceeds the expectation by σ²/(n_B T) exactly.
    f, steps = mean_of(RNG.normal(size=30)), 40
    c = theory.expectation(f, gd.SGD(lr="1/beta"), [4.0], batch_size=size, steps=steps, seeds=200)
    row = c["4"]
    sigma2 = 4 * np.var(f.y)
    assert c.sigma2 == pytest.approx(sigma2)
    assert row.bound == pytest.approx(sigma2 / size + 4 * c.gap / steps)
    assert row.verdict == "holds"
    expected = row.bound - sigma2 / (size * steps)
    assert abs(row.observed - expected) < 4 * row.stderr
    assert row.stderr < 0.03 * row.bound
    if size == 1:
        assert c["3"].bound == row.bound
        assert c["3"].verdict == "holds"
    else:
        assert c["3"].why == "a step sees 4 observations"


def test_theorem_6_against_its_exact_expectation():
    # The same problem: the variance of θ_t follows a recursion.
    y = RNG.normal(size=30)
    f, sigma2, rates = mean_of(y), 4 * np.var(y), 0.5 / (1 + np.arange(60.0))
    second = (4.0 - y.mean()) ** 2  # E(θ - θ*)²
    squares = []
    for rate in rates:
        squares.append(4 * second)
        second = (1 - 2 * rate) ** 2 * second + rate**2 * sigma2
    exact = np.sum(rates * squares) / np.sum(rates)
    bound = theory.theorem_6(rates, 2.0, sigma2, f.value([4.0]) - np.var(y))
    assert 0.5 * bound < exact <= bound
    schedule = gd.schedules.inverse_time(1 / f.smoothness(), 1.0)
    c = theory.expectation(f, gd.SGD(lr=schedule), [4.0], batch_size=1, steps=60, seeds=200)
    assert c["6"].bound == pytest.approx(bound, rel=1e-6)
    assert abs(c["6"].observed - exact) < 4 * c["6"].stderr
    assert c["6"].verdict == "holds"
    assert c["4"].why.startswith("η moves")


def test_noise_floor_and_rates_that_no_theorem_covers():
    assert theory.noise_floor(0.5, 2.0, 3.0, 4) == 0.75
    for lr in (0.0, -1.0, 0.51, math.nan, math.inf):
        with pytest.raises(ValueError, match="lr must be in"):
            theory.theorem_4(lr, 2.0, 3.0, 1.0, 10, 4)
    with pytest.raises(ValueError, match="do not increase"):
        theory.theorem_6([0.1, 0.2], 2.0, 1.0, 1.0)
    for steps in (0, 1.5, [1, 0]):
        with pytest.raises(ValueError, match="steps must be integers"):
            theory.theorem_1(1.0, 1.0, steps)
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="gap must be finite"):
            theory.theorem_2(1.0, wrong, 5)
        with pytest.raises(ValueError, match="beta must be finite"):
            theory.theorem_2(wrong, 1.0, 5)


# Certificates of runs.


@pytest.mark.parametrize("steps", [1, 100])
def test_theorems_1_2_and_1_on_gradient_descent(objective, steps):
    c = gd.minimize(objective, gd.SGD(lr="1/beta"), steps=steps).certificate()
    for theorem in ("1", "2", "(1)"):
        row = c[theorem]
        assert row.verdict == "holds"
        assert row.observed <= row.bound
        assert {one.state for one in row.assumptions} == {"checked"}
    t, observed, bound = c["1"].curve
    assert len(t) == steps
    assert (observed <= bound).all()
    assert (c["2"].curve[1] <= c["2"].curve[2]).all()
    for theorem in ("3", "P1", "4", "5", "6"):
        assert c[theorem].verdict == "not applicable"
        assert c[theorem].why


def test_theorem_5_on_real_runs(objective):
    c = gd.minimize(objective, gd.Nesterov(lr="1/beta"), steps=100).certificate()
    assert c["5"].verdict == "holds"
    assert {one.state for one in c["5"].assumptions} == {"checked"}
    assert (c["5"].curve[1] <= c["5"].curve[2]).all()
    assert [row.theorem for row in c.rows if row.verdict != "not applicable"] == ["5"]


@pytest.mark.parametrize("name", ["logistic", "least squares"])
def test_theorems_on_expectations_on_real_data(name):
    f = REAL[name]()
    for optimizer, size, applies in (
        (gd.SGD(lr="1/beta"), 1, ["3", "P1", "4", "(1)", "7"]),
        (gd.SGD(lr=0.3 / f.smoothness()), 16, ["P1", "4", "(1)", "7"]),
        (gd.SGD(lr=schedules.power(1 / f.smoothness(), 0.75)), 4, ["P1", "6", "7"]),
    ):
        c = theory.expectation(f, optimizer, batch_size=size, steps=50, seeds=20)
        rows = [row for row in c.rows if row.verdict != "not applicable"]
        assert [row.theorem for row in rows] == applies
        for row in rows:
            assert row.stderr > 0
            # An equality is above its expectation half of the time.
            assert row.verdict in (("holds", "undecided") if row.theorem == "P1" else ("holds",))
            assert row.observed - row.bound < 3 * row.stderr


def test_a_smaller_rate_is_that_of_a_larger_beta():
    f = cancer(l2=0.1)
    lr = 0.25 / f.smoothness()
    c = gd.minimize(f, gd.SGD(lr=lr), steps=30).certificate()
    assert c["1"].verdict == c["2"].verdict == "holds"
    assert c["1"].bound == pytest.approx(c.distance**2 / (2 * lr * 30))
    assert c["2"].bound == pytest.approx(2 * c.gap / (lr * 30))


def test_one_run_of_an_expectation_does_not_hold():
    f = cancer(l2=0.1)
    c = gd.minimize(f, gd.SGD(lr="1/beta"), batch_size=1, steps=50, seed=3).certificate()
    for theorem in ("3", "P1", "4", "(1)"):
        assert c[theorem].verdict == "one run"
        assert c[theorem].observed is not None


def test_expectation_does_not_depend_on_threads():
    f = cancer(l2=0.1)
    made = [
        theory.expectation(f, gd.SGD(lr=0.1), batch_size=4, steps=20, seeds=6, n_threads=k)
        for k in (1, 3)
    ]
    assert made[0].to_dict() == made[1].to_dict()


# What a certificate must not say.

LOGISTIC = cancer(l2=0.1)
BETA = LOGISTIC.smoothness()


def saddle():
    return gd.Function(
        lambda x: float(np.sum(np.cos(x))), lambda x: -np.sin(x), 2, smoothness=1.0, convex=False
    )


@pytest.mark.parametrize(
    ("f", "optimizer", "options", "theorems", "why"),
    [
        (LOGISTIC, gd.SGD(lr=1.0001 / BETA), {}, "1 2 (1)", "> 1/β"),
        (LOGISTIC, gd.SGD(lr=1.0001 / BETA), {"batch_size": 1}, "3 4 (1)", "> 1/β"),
        (LOGISTIC, gd.SGD(lr=0.0), {}, "1 2 (1)", "not above 0"),
        (LOGISTIC, gd.SGD(lr=0.0), {"batch_size": 1}, "3 P1 4 (1)", "η = 0"),
        (LOGISTIC, gd.SGD(lr="1/beta"), {"batch_size": 569}, "1 2 5", "takes batches of 569"),
        (LOGISTIC, gd.SGD(lr="1/beta"), {"batch_size": 2}, "3", "sees 2 observations"),
        (LOGISTIC, gd.SGD(lr="1/beta"), {}, "3 P1 4", "full gradient|all of L"),
        (LOGISTIC, gd.SGD(lr="1/beta"), {"batch_size": 1, "sampling": "shuffle"},
         "3 P1 4 (1) 6", "without replacement"),
        (LOGISTIC, gd.SGD(lr="1/beta"), {"batch_size": 1, "sampling": "sequential"},
         "3 P1 4 (1) 6", "without replacement"),
        (LOGISTIC, gd.SGD(lr=schedules.cosine(1 / BETA)), {}, "1 2 (1)", "η moves"),
        (LOGISTIC, gd.SGD(lr=schedules.cosine(1 / BETA)), {"batch_size": 1},
         "3 4 (1) 6", "η moves|known not to hold"),
        (LOGISTIC, gd.SGD(lr=schedules.power(1 / BETA, 0.5)), {"batch_size": 1},
         "6", "known not to hold"),
        (LOGISTIC, gd.SGD(lr=schedules.custom(lambda t, T: 0.01 / (1.0 + t))), {"batch_size": 1},
         "6", "not known"),
        (LOGISTIC, gd.SGD(lr=schedules.inverse_time(1.1 / BETA, 1.0)), {"batch_size": 1},
         "6", "> 1/β"),
        (LOGISTIC, gd.SGD(lr=schedules.warmup(5, then=schedules.inverse_time(1 / BETA, 0.1))),
         {"batch_size": 1}, "6", "η rises at step 1"),
        (LOGISTIC, gd.SGD(lr=0.1, weight_decay=0.01), {}, "1 2 (1) 6", "weight_decay = 0.01"),
        (LOGISTIC, gd.SGD(lr=0.1, weight_decay=0.01), {"batch_size": 1}, "3 P1 4", "weight_decay"),
        (LOGISTIC, gd.Momentum(lr=0.1), {}, "1 2 (1) 5 6", "optimizer is Momentum"),
        (LOGISTIC, gd.Adam(lr=0.1), {"batch_size": 1}, "3 P1 4 (1) 6", "optimizer is Adam"),
        (LOGISTIC, gd.Nesterov(lr="1/beta", momentum=0.9), {}, "5", "momentum is 0.9"),
        (LOGISTIC, gd.Nesterov(lr="1/beta", weight_decay=0.1), {}, "5", "weight_decay"),
        (LOGISTIC, gd.Nesterov(lr=1.01 / BETA), {}, "5", "> 1/β"),
        (LOGISTIC, gd.Nesterov(lr="1/beta"), {"batch_size": 8}, "5", "takes batches of 8"),
        (saddle(), gd.SGD(lr=0.5), {}, "1 5", "is not convex"),
        (gd.Quadratic(np.diag([1.0, -1.0])), gd.Nesterov(lr=0.5), {}, "5", "is not convex"),
        (gd.Function(lambda x: float(x @ x), lambda x: 2 * x, 2), gd.SGD(lr=0.1), {},
         "1 2 (1) 6", "no finite β is known"),
        (gd.Function(lambda x: float(x @ x), lambda x: 2 * x, 2, smoothness=2.0), gd.SGD(lr=0.1),
         {}, "1 5", "not known to be convex"),
        (gd.Function(lambda x: float(x @ x), lambda x: 2 * x, 2, smoothness=1.0, convex=True),
         gd.SGD(lr=0.1), {}, "1 2 (1)", "as given is too small"),
        (gd.Function(lambda x: float(np.sum(np.sin(x))), np.cos, 2, smoothness=1.0, convex=True),
         gd.SGD(lr=0.5), {}, "1", "is not convex"),
    ],
)  # fmt: skip
def test_each_violated_assumption_is_caught(f, optimizer, options, theorems, why):
    theta0 = np.full(f.n_params, 0.7)
    c = gd.minimize(f, optimizer, theta0, steps=20, seed=0, **options).certificate()
    for theorem in theorems.split():
        row = c[theorem]
        assert row.verdict == "not applicable"
        assert row.bound is None
        assert row.slack is None
        assert any(one.state == "violated" for one in row.assumptions)
    assert any(pattern in c[theorems.split()[0]].why for pattern in why.split("|"))
    for row in c.rows:
        if row.verdict != "not applicable":
            assert all(one.state != "violated" for one in row.assumptions)


@pytest.mark.parametrize("name", gd.optimizers.registry)
def test_every_optimizer_takes_1_over_beta_and_few_have_a_theorem(name):
    kind = gd.optimizers.registry[name]
    names = {field.name for field in dataclasses.fields(kind)}
    # What has no rate of its own wraps an optimizer that has one.
    optimizer = kind(lr="1/beta") if "lr" in names else kind(gd.SGD(lr="1/beta"))
    r = gd.minimize(LOGISTIC, optimizer, steps=5)
    assert r.optimizer.lr == 1 / BETA
    proved = {"sgd": ["1", "2", "(1)", "7", "8"], "nesterov": ["5"]}.get(name, [])
    rows = r.certificate().rows
    assert [row.theorem for row in rows if row.verdict != "not applicable"] == proved


def test_a_stop_rule_that_looks_makes_t_random():
    f = cancer(l2=0.1)
    stop = gd.callbacks.TargetLoss(0.5)
    options = {"steps": 500, "seed": 0, "record_every": 1, "callbacks": [stop]}
    stochastic = gd.minimize(f, gd.SGD(lr="1/beta"), batch_size=1, **options)
    assert 0 < stochastic.steps < 500
    for theorem in ("3", "4"):
        assert "T is random" in stochastic.certificate()[theorem].why
    # Without chance there is nothing to select.
    c = gd.minimize(f, gd.SGD(lr="1/beta"), **options).certificate()
    assert c["1"].verdict == c["2"].verdict == "holds"


def test_a_network_has_no_bounds():
    f = gd.NeuralNetwork([[-1.0], [1.0]], [-1.0, 1.0], hidden=(2,), loss="squared")
    c = gd.minimize(f, gd.SGD(lr=0.01), batch_size=1, steps=20, seed=0).certificate()
    for theorem in ("1", "2", "3", "4", "(1)", "5", "6"):
        assert "no finite β" in c[theorem].why or "not" in c[theorem].why
    assert c["P1"].verdict == "one run"


def test_a_start_below_the_optimum_that_was_found_decides_nothing():
    # Two separable points, from so far out that L is 1e-50 and Δ_0 smaller than anyone can tell.
    f = gd.LogisticRegression([[1.0], [-1.0]], [1, 0])
    c = gd.minimize(f, gd.SGD(lr="1/beta"), [115.0], steps=20).certificate()
    assert c["2"].verdict in ("holds", "undecided")


def test_what_the_user_vouches_for_is_assumed():
    f = gd.Function(lambda x: float(x @ x), lambda x: 2 * x, 2, smoothness=2.0, convex=True)
    c = gd.minimize(f, gd.SGD(lr=0.25), [1.0, -1.0], steps=10).certificate()
    states = {one.name: one.state for one in c["1"].assumptions}
    assert states["β-smooth"] == states["convex"] == states["L* known"] == "assumed"
    assert c["1"].verdict == "holds"

    class Mine(gd.LeastSquares):
        pass

    mine = Mine(np.eye(2), [1.0, 2.0])
    states = {
        one.name: one.state
        for one in gd.minimize(mine, gd.SGD(lr=0.25), steps=10).certificate()["1"].assumptions
    }
    assert states["β-smooth"] == states["convex"] == "assumed"


def test_an_optimum_of_the_user_s():
    f = gd.Quadratic(np.eye(2), [1.0, 1.0])
    r = gd.minimize(f, gd.SGD(lr=0.5), steps=5)
    assert r.certificate(optimum=-1.0)["1"].verdict == "holds"
    assert r.certificate(optimum=theory.optimum(f)).to_dict() == r.certificate().to_dict()
    with pytest.raises(ValueError, match="is not the least loss"):
        r.certificate(optimum=-0.9)


# Records and replays.


def test_records_do_not_matter_where_the_run_can_be_taken_again():
    f = cancer(l2=0.1)
    made = [
        gd.minimize(
            f, gd.SGD(lr="1/beta"), batch_size=4, steps=50, seed=np.int64(5), record_every=k
        ).certificate().to_dict()
        for k in (0, 1, 7)
    ]  # fmt: skip
    assert made[0] == made[1] == made[2]


def test_without_an_int_seed_only_what_was_recorded_is_known():
    f = cancer(l2=0.1)
    r = gd.minimize(f, gd.SGD(lr="1/beta"), batch_size=4, steps=50, seed=np.random.default_rng(0))
    c = r.certificate()
    for theorem in ("4", "P1", "(1)"):
        assert c[theorem].verdict == "not observed"
        assert c[theorem].observed is None
        assert "seed is not an int" in c[theorem].note
    with pytest.raises(ValueError, match="seed is not an int"):
        r.certificate(replay=True)


@pytest.mark.parametrize("record_every", [0, 8])
def test_without_a_replay_the_minimum_is_over_the_records(record_every):
    f = cancer(l2=0.1)
    r = gd.minimize(f, gd.SGD(lr="1/beta"), steps=50, record_every=record_every)
    full, partial = r.certificate(), r.certificate(replay=False)
    assert partial["2"].observed > full["2"].observed
    assert "recorded steps" in partial["2"].note
    assert partial["1"].observed == full["1"].observed
    assert partial["(1)"].verdict == "not observed"


def test_a_replay_notices_other_data():
    X, y = np.eye(3), np.zeros(3)
    f = gd.LeastSquares(X, y)
    r = gd.minimize(f, gd.SGD(lr=0.1), [1.0, 1.0, 1.0], steps=5)
    X *= 2
    with pytest.raises(ValueError, match="ends elsewhere"):
        r.certificate()


def test_a_diverged_run_is_no_crash_and_no_success():
    r = gd.minimize(penguins(), gd.SGD(lr=1e6), batch_size=8, steps=500, seed=0)
    assert r.diverged
    assert all(row.verdict == "not applicable" or row.theorem == "P1"
               for row in r.certificate().rows)  # fmt: skip
    square = lambda x: sum(float(one) * float(one) for one in x)  # noqa: E731 (without a warning)
    wrong = gd.Function(square, lambda x: 2 * x, 2, smoothness=0.01, convex=True)
    r = gd.minimize(wrong, gd.SGD(lr="1/beta"), [1.0, 1.0], steps=500)
    assert r.diverged
    assert not any(row.verdict == "holds" for row in r.certificate().rows)
    for lr in (1e6, 1e300):
        with pytest.raises(ValueError, match="diverged"):
            theory.expectation(penguins(), gd.SGD(lr=lr), batch_size=8, steps=500, seeds=2)


def test_a_long_run_is_not_taken_again_unasked(monkeypatch):
    f = cancer(l2=0.1)
    r = gd.minimize(f, gd.SGD(lr="1/beta"), batch_size=8, steps=100, seed=0)
    assert r.certificate()["4"].verdict == "one run"
    monkeypatch.setattr("fastgd.theory.examine.CHEAP", 1e3)
    row = r.certificate()["4"]
    assert row.verdict == "not observed"
    assert "certificate(replay=True)" in row.note
    assert row.bound is not None
    assert r.certificate(replay=True)["4"].verdict == "one run"
    # The steps of a trivial problem cost something too.
    monkeypatch.setattr("fastgd.theory.examine.CHEAP", 5e9)
    long = gd.minimize(gd.Quadratic([[1.0]]), gd.SGD(lr=0.5), [1.0], steps=10**6, record_every=0)
    assert long.certificate()["(1)"].verdict == "not observed"


def test_sparse_and_single_precision_data():
    from scipy import sparse

    X = RNG.normal(size=(60, 5)) * (RNG.random((60, 5)) < 0.4)
    y = (X[:, 0] > 0).astype(float)
    for data in (sparse.csr_array(X), X.astype(np.float32)):
        for kind in (gd.LeastSquares, gd.LogisticRegression):
            dense = X.astype(np.float32).astype(float) if isinstance(data, np.ndarray) else X
            made, expected = (kind(one, y, l2=0.1, fit_intercept=True) for one in (data, dense))
            a, b = (
                gd.minimize(f, gd.SGD(lr=0.1), batch_size=4, steps=30, seed=0).certificate()
                for f in (made, expected)
            )
            assert a.sigma2 == pytest.approx(b.sigma2, rel=1e-9)
            assert a.gap == pytest.approx(b.gap, rel=1e-9)
            assert a["4"].bound == pytest.approx(b["4"].bound, rel=1e-9)
            assert a["4"].observed == pytest.approx(b["4"].observed, rel=1e-9)
            if kind is gd.LogisticRegression:
                bound = theory.variance_bound(expected)
                assert theory.variance_bound(made) == pytest.approx(bound)


def test_threads_of_a_run_do_not_disturb_its_replay():
    X = RNG.normal(size=(20000, 3))
    f = gd.LeastSquares(X, X @ [1.0, 2.0, 3.0])
    r = gd.minimize(f, gd.SGD(lr="1/beta"), steps=20, n_threads=2)
    assert r.certificate()["1"].verdict == "holds"


def test_no_loss_of_the_run_is_below_the_optimum():
    # Many valleys: whichever of them scipy finds, the run's own counts as well.
    def value(theta):
        x = float(theta[0])
        return math.sin(x) + 0.01 * x

    f = gd.Function(value, lambda theta: np.cos(theta) + 0.01, 1, smoothness=1.0, convex=False)
    r = gd.minimize(f, gd.SGD(lr="1/beta"), [2.0], steps=100)
    c = r.certificate()
    assert c.optimum.loss <= r.loss
    assert c["2"].verdict == "holds"


def test_a_run_without_steps_has_nothing_to_certify():
    stop = lambda progress: True  # noqa: E731
    r = gd.minimize(gd.Quadratic(np.eye(1)), gd.SGD(), steps=5, callbacks=[stop])
    with pytest.raises(ValueError, match="no step"):
        r.certificate()


# How it is shown.


def test_a_certificate_is_a_table_a_dict_and_a_page():
    f = cancer(l2=0.1)
    c = gd.minimize(f, gd.SGD(lr="1/beta"), steps=50).certificate()
    text = repr(c)
    for row in c.rows:
        assert f"\n{row.theorem}: {row.statement}\n" in text
        assert (row.why or row.statement) in text
    assert f"{c['1'].bound:.4g}" in text
    made = json.loads(json.dumps(c.to_dict()))
    assert made["theorems"]["1"]["slack"] == c["1"].bound - c["1"].observed
    assert made["theorems"]["1"]["assumptions"][0] == {
        "name": "convex", "state": "checked", "why": "LogisticRegression is convex",
    }  # fmt: skip
    assert c._repr_html_().count("<tr>") == len(c.rows) + 1
    with pytest.raises(KeyError, match="the theorems are 1, 2"):
        c["99"]


# Planning.


def test_a_plan_is_kept():
    f = cancer(l2=0.1)
    plan = theory.plan(f, target_grad_norm=0.3)
    assert plan.guaranteed
    assert plan.bound <= 0.09
    # One step or one observation less and theorem 4 would not promise it.
    assert (
        theory.theorem_4(plan.lr, plan.beta, plan.sigma2, plan.gap, plan.steps - 1, plan.batch_size)
        > plan.bound
    )
    steps = min(plan.steps, 100)
    c = theory.expectation(f, gd.SGD(lr=plan.lr), batch_size=plan.batch_size, steps=steps, seeds=4)
    assert c["4"].verdict == "holds"
    assert c["4"].observed <= 0.09


def test_a_plan_for_few_observations_takes_smaller_steps():
    f = cancer(l2=0.1)
    plan = theory.plan(f, target_grad_norm=0.1)
    assert plan.batch_size == f.n_samples
    assert plan.lr < 1 / plan.beta
    assert plan.bound <= 0.01
    single = theory.plan(f, target_grad_norm=0.1, batch_size=1)
    assert single.batch_size == 1
    assert single.bound <= 0.01
    # The observations to be seen do not depend on the batch.
    seen = plan.batch_size * plan.steps, single.batch_size * single.steps
    assert seen[0] == pytest.approx(seen[1], rel=0.01)


def test_plans_that_are_guesses_say_so():
    assert not theory.plan(penguins(), 0.1).guaranteed
    assert not theory.plan(cancer(l2=0.1), 0.1, sigma2=1.0).guaranteed
    with pytest.raises(ValueError, match="has no observations"):
        theory.plan(gd.Quadratic(np.eye(1)), 0.1)
    for wrong in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="target_grad_norm must be above 0"):
            theory.plan(penguins(), wrong)
