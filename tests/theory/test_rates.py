# Theorems 7 to 11 against runs in plain NumPy, on worst cases where they are known: a wrong
# constant or a wrong index fails.
import itertools
import math

import numpy as np
import pytest

import fastgd as gd
from fastgd import theory

RNG = np.random.default_rng(0)


# 7: the last iterate of subgradient descent.


def test_theorem_7_by_its_formula():
    rates, norms, D = RNG.uniform(0.1, 1, 7), RNG.uniform(0.5, 2, 7), 1.5
    T = 7
    bound = (D**2 + sum(rates[t] ** 2 * norms[t] ** 2 for t in range(T))) / (2 * sum(rates))
    for k in range(T - 1):
        after = sum(rates[t] for t in range(k + 1, T))
        left = sum(rates[t] for t in range(k, T))
        noise = sum(rates[t] ** 2 * norms[t] ** 2 for t in range(k, T))
        bound += rates[k] / after * noise / left / 2
    assert theory.theorem_7(rates, D, norms) == pytest.approx(bound, rel=1e-13)


SCHEDULES = {
    "constant": lambda t, T: np.ones(T),
    "linear": lambda t, T: 1 - t / T,
    "cosine": lambda t, T: (1 + np.cos(np.pi * t / T)) / 2,
    "wsd": lambda t, T: np.minimum(1, (T - t) / (0.2 * T)),
    "root": lambda t, T: 1 / np.sqrt(1 + t),
    "rising": lambda t, T: (1 + t) / T,
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("T", [1, 2, 5, 40])
def test_theorem_7_on_functions_that_resist(name, T):
    # The largest of d linear functions, whose subgradient is always that of a coordinate not yet
    # seen: no method gets below the level of the coordinates that are left.
    t = np.arange(T)
    shape = SCHEDULES[name](t, T)
    for scale in (0.02, 0.1, 0.3, 1.0):
        rates = scale * shape
        bound = theory.theorem_7(rates, 1.0, 1.0)
        for d in (1, T, T + 1):
            theta = np.zeros(d)
            # L = max(θ_j) over d coordinates, from 0; the best point at distance 1 is -1/√d.
            for rate in rates[:-1]:
                j = int(np.argmax(theta))
                theta[j] -= rate
            assert theta.max() - (-1 / math.sqrt(d)) <= bound + 1e-12
        x = 1.0
        for rate in rates[:-1]:  # the absolute value
            x -= rate * np.sign(x)
        assert abs(x) <= bound + 1e-12


def test_theorem_7_is_reached():
    # With one point there is nothing to spare: L falls by G over the distance D, at η = D/G.
    assert theory.theorem_7([2.0 / 3.0], 2.0, 3.0) == pytest.approx(6.0)
    # A linear decay is within a constant of DG/√T, which no method is better than (Nemirovski and
    # Yudin 1983); a constant rate pays a logarithm.
    falling, constant = [], []
    for T in (10, 100, 1000, 10_000):
        t, root = np.arange(T), math.sqrt(T)
        falling.append(root * theory.theorem_7((1 - t / T) / root, 1.0, 1.0))
        constant.append(root * theory.theorem_7(np.full(T, 1 / root), 1.0, 1.0))
    assert falling == sorted(falling, reverse=True)
    assert falling[0] < 2.2
    assert falling[-1] == pytest.approx(2.0, abs=1e-3)
    np.testing.assert_allclose(np.diff(constant), math.log(10) / 2, rtol=0.1)


def test_theorem_7_of_sgd_on_a_hinge():
    X, y = RNG.normal(size=(50, 3)), RNG.integers(0, 2, 50)
    f = gd.LinearModel(X, y, "hinge")
    norms = np.sqrt(np.mean(np.sum(X**2, axis=1)))
    best = theory.optimum(gd.LinearModel(X, y, "hinge", l2=1e-9))
    rates = 0.3 * (1 - np.arange(200) / 200)
    schedule = gd.schedules.custom(lambda t, T: 0.3 * (1 - t / 200))
    ends = [
        gd.minimize(f, gd.SGD(lr=schedule), batch_size=1, steps=199, seed=seed).loss
        for seed in range(20)
    ]
    bound = theory.theorem_7(rates, float(np.linalg.norm(best.theta)), norms)
    assert np.mean(ends) - f.value(best.theta) <= bound


# 8 and 9: linear rates.


def test_theorem_8_is_reached_and_holds_without_convexity():
    # θ²: the rate is exact where μ = β is the only curvature; with two, where the steps fall short.
    f = gd.Quadratic(np.diag([1.0, 4.0]))
    r = gd.minimize(f, gd.SGD(lr=0.25), [1.0, 0.0], steps=10)
    assert r.loss == pytest.approx(0.75**20 / 2, rel=1e-12)
    assert r.loss <= theory.theorem_8(4.0, 1.0, 0.5, 10) == pytest.approx(0.75**10 / 2)
    # x² + 3 sin² x has β = 8 and μ = 1/32 (Karimi, Nutini and Schmidt 2016).
    for start in np.linspace(-3, 3, 13):
        x = start
        for T in range(1, 60):
            x -= (2 * x + 3 * math.sin(2 * x)) / 8
            gap = start**2 + 3 * math.sin(start) ** 2
            assert x**2 + 3 * math.sin(x) ** 2 <= theory.theorem_8(8.0, 1 / 32, gap, T) + 1e-300
    steps = np.arange(1, 5)
    assert theory.theorem_8(2.0, 1.0, 1.0, steps).tolist() == [0.5, 0.25, 0.125, 0.0625]


@pytest.mark.parametrize("kappa", [1.0, 4.0, 100.0, 1e4])
def test_theorem_9_on_quadratics(kappa):
    values = np.geomspace(1.0, kappa, 9)
    f = gd.Quadratic(np.diag(values))
    gamma = (math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1)
    for start in (np.ones(9), np.eye(9)[0], np.eye(9)[4]):
        R = float(np.linalg.norm(start))
        points = theory.path(
            gd.minimize(f, gd.Nesterov(lr=1 / kappa, momentum=gamma), start, steps=300)
        )
        losses = np.array([f.value(point) for point in points[1:]])
        bounds = theory.theorem_9(kappa, 1.0, R, np.arange(1, 301))
        assert (losses <= bounds + 1e-300).all()
    # A rate better by a tenth is none.
    if kappa == 100.0:
        r = gd.minimize(f, gd.Nesterov(lr=1 / kappa, momentum=gamma), np.eye(9)[0], steps=300)
        # At the least curvature the method forgets 1 - 1/√κ a step, the loss twice that.
        assert -math.log(r.loss) / 300 == pytest.approx(2 * -math.log(1 - 0.1), rel=0.1)


# 10: the neighbourhood of SGD.


def test_expected_smoothness_is_what_a_batch_needs():
    X = RNG.normal(size=(6, 2)) * [1.0, 3.0]
    y = RNG.normal(size=6)
    f = gd.LeastSquares(X, y, l2=0.1)
    best = theory.optimum(f)
    largest = float(np.max(2 * np.sum(X**2, axis=1)) + 0.1)
    for size in (1, 2, 3):
        known = theory.expected_smoothness(f.smoothness(), largest, size)
        tightest = 0.0
        for _ in range(60):
            theta = best.theta + RNG.normal(size=2) * [1.0, 0.3]
            at_best = {i: f.gradient(best.theta, np.array([i])) for i in range(6)}
            here = {i: f.gradient(theta, np.array([i])) for i in range(6)}
            squares = [
                np.sum(np.mean([here[i] - at_best[i] for i in draw], axis=0) ** 2)
                for draw in itertools.product(range(6), repeat=size)
            ]
            tightest = max(tightest, np.mean(squares) / (2 * (f.value(theta) - best.loss)))
        assert tightest <= known
        if size == 1:
            assert tightest >= 0.3 * known
    assert theory.expected_smoothness(2.0, 10.0, 1) == 10.0


@pytest.mark.parametrize("size", [1, 4])
def test_theorem_10_against_the_exact_expectation(size):
    # The mean of y by SGD: E(θ_T - θ*)² follows a recursion, and 𝓛 = μ = β = 2.
    y = RNG.normal(size=30)
    f = gd.LeastSquares(np.ones((30, 1)), y)
    noise = theory.variance(f, [y.mean()]) / size
    for lr in (0.05, 0.25):
        exact = np.empty(600)
        second = 9.0
        for t in range(600):
            second = (1 - 2 * lr) ** 2 * second + lr**2 * noise
            exact[t] = second
        bound = theory.theorem_10(lr, 2.0, 2.0, noise, 3.0, np.arange(1, 601))
        assert (exact <= bound).all()
        # The floor is 4(1 - η) times what is reached: η σ²/(4(1 - η)) against η σ².
        assert bound[-1] / exact[-1] == pytest.approx(4 * (1 - lr), rel=0.02)
    with pytest.raises(ValueError, match="lr must be in"):
        theory.theorem_10(0.26, 2.0, 2.0, noise, 3.0, 5)


def test_theorem_10_on_real_data():
    X, y = gd.datasets.load("breast-cancer")
    f = gd.LogisticRegression(X, y, l2=0.5)
    best = theory.optimum(f)
    largest = float(np.max(np.sum(f.X**2, axis=1)) / 4 + 0.5)
    smoothness = theory.expected_smoothness(f.smoothness(), largest, 8)
    noise = theory.variance(f, best.theta) / 8
    lr = 0.5 / smoothness
    start = np.full(f.n_params, 1.0)
    R = float(np.linalg.norm(start - best.theta))
    ends = [
        np.sum((gd.minimize(f, gd.SGD(lr=lr), start, 8, steps=60, seed=s).theta - best.theta) ** 2)
        for s in range(30)
    ]
    assert np.mean(ends) <= theory.theorem_10(lr, 0.5, smoothness, noise, R, 60)


# 11: variance reduction, in plain NumPy.


def ridge(n=12, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X, y, l2 = rng.normal(size=(n, d)), rng.normal(size=n), 0.3
    H = 2 * X.T @ X / n + l2 * np.eye(d)
    best = np.linalg.solve(H, 2 * X.T @ y / n)
    largest = float(np.max(2 * np.sum(X**2, axis=1)) + l2)
    mu = float(np.linalg.eigvalsh(H)[0])

    def value(theta):
        return np.mean((y - X @ theta) ** 2) + l2 / 2 * theta @ theta

    def slope(theta, i):
        return -2 * (y[i] - X[i] @ theta) * X[i] + l2 * theta

    return n, best, largest, mu, value, slope


def test_theorem_11_on_saga():
    n, best, largest, mu, value, slope = ridge()
    start = np.full(3, 2.0)
    lr, T = 1 / (3 * largest), 200
    total = np.zeros(T)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        theta = start.copy()
        kept = np.array([slope(theta, i) for i in range(n)])
        for t in range(T):
            i = rng.integers(n)
            g = slope(theta, i)
            theta = theta - lr * (g - kept[i] + kept.mean(axis=0))
            kept[i] = g
            total[t] += np.sum((theta - best) ** 2) / 100
    R, gap = float(np.linalg.norm(start - best)), value(start) - value(best)
    bound = theory.theorem_11(largest, mu, n, R, gap, np.arange(1, T + 1))
    assert (total <= bound).all()
    assert theory.theorem_11(largest, mu, n, R, gap, T) == pytest.approx(
        (1 - min(1 / 48, mu / (3 * largest))) ** T * (R**2 + 24 / (3 * largest) * gap)
    )


def test_theorem_11_on_svrg_and_without_its_loop():
    n, best, largest, mu, value, slope = ridge()
    start = np.full(3, 2.0)
    R, gap = float(np.linalg.norm(start - best)), value(start) - value(best)
    # With rounds: θ̃ is drawn among the points of a round.
    lr, inner = 0.1 / largest, int(30 * largest / mu)
    losses = np.zeros(3)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        anchor = start
        for s in range(3):
            full = np.mean([slope(anchor, i) for i in range(n)], axis=0)
            theta, points = anchor, []
            for i in rng.integers(n, size=inner):
                points.append(theta)
                theta = theta - lr * (slope(theta, i) - slope(anchor, i) + full)
            anchor = points[rng.integers(inner)]
            losses[s] += (value(anchor) - value(best)) / 30
    bound = theory.theorem_11_svrg(lr, largest, mu, inner, gap, np.arange(1, 4))
    assert bound[0] < gap
    assert (losses <= bound).all()
    # Without: the anchor moves with probability p.
    lr, p, T = 1 / (6 * largest), 0.1, 200
    total = np.zeros(T)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        theta = anchor = start
        full = np.mean([slope(anchor, i) for i in range(n)], axis=0)
        for t in range(T):
            i = rng.integers(n)
            moved = theta - lr * (slope(theta, i) - slope(anchor, i) + full)
            if rng.random() < p:
                anchor = theta
                full = np.mean([slope(anchor, i) for i in range(n)], axis=0)
            theta = moved
            total[t] += np.sum((theta - best) ** 2) / 100
    noise = np.mean([np.sum((slope(start, i) - slope(best, i)) ** 2) for i in range(n)])
    assert noise <= 2 * largest * gap
    bound = theory.theorem_11_loopless(lr, largest, mu, p, R, noise, np.arange(1, T + 1))
    assert (total <= bound).all()


# The end of a run, and numbers outside their range.


def test_suboptimality_from_one_gradient():
    f = gd.Quadratic(np.diag([1.0, 5.0]))
    for theta in RNG.normal(size=(20, 2)):
        slope = float(np.linalg.norm(f.gradient(theta)))
        assert f.value(theta) <= theory.suboptimality(slope, 1.0) * (1 + 1e-12)
    theta = np.array([3.0, 0.0])
    assert theory.suboptimality(3.0, 1.0) == f.value(theta)


@pytest.mark.parametrize("call", [
    lambda: theory.theorem_7([0.1, 0.0], 1.0, 1.0),
    lambda: theory.theorem_7([], 1.0, 1.0),
    lambda: theory.theorem_7([0.1], -1.0, 1.0),
    lambda: theory.theorem_8(1.0, 2.0, 1.0, 5),
    lambda: theory.theorem_8(1.0, 0.0, 1.0, 5),
    lambda: theory.theorem_9(1.0, 0.5, math.nan, 5),
    lambda: theory.theorem_9(1.0, 0.5, 1.0, 0),
    lambda: theory.expected_smoothness(1.0, -1.0),
    lambda: theory.theorem_10(0.6, 1.0, 1.0, 1.0, 1.0, 5),
    lambda: theory.theorem_11(1.0, 0.5, 3, 1.0, -1.0, 5),
    lambda: theory.theorem_11_svrg(0.5, 1.0, 0.5, 10, 1.0, 2),
    lambda: theory.theorem_11_loopless(0.2, 1.0, 0.5, 0.1, 1.0, 1.0, 2),
    lambda: theory.theorem_11_loopless(0.1, 1.0, 0.5, 0.0, 1.0, 1.0, 2),
    lambda: theory.suboptimality(1.0, 0.0),
])  # fmt: skip
def test_numbers_outside_their_range_are_refused(call):
    with pytest.raises(ValueError):
        call()
