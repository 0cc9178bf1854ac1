"""Theorems 7 to 11: as rows of a certificate, and against the worst cases that PEPit finds."""

import math

import numpy as np
import pytest

import fastgd as gd
from fastgd import theory

X, Y = gd.datasets.load("breast-cancer")
F = gd.LogisticRegression(X, Y, l2=0.1)
BETA, MU = F.smoothness(), theory.strong_convexity(F)
BEST = theory.optimum(F)


def momentum(beta=BETA, mu=MU):
    root = math.sqrt(beta / mu)
    return (root - 1) / (root + 1)


def test_gradient_descent_has_7_and_8():
    c = gd.minimize(F, gd.SGD("1/beta"), steps=150).certificate()
    assert c["7"].verdict == c["8"].verdict == "holds"
    assert c["8"].bound == pytest.approx((1 - MU / BETA) ** 150 * c.gap, rel=1e-12)
    norms = [np.linalg.norm(F.gradient(t)) for t in theory.path(
        gd.minimize(F, gd.SGD("1/beta"), steps=150))]  # fmt: skip
    expected = theory.theorem_7(np.full(151, 1 / BETA), np.linalg.norm(BEST.theta), norms)
    assert c["7"].bound == pytest.approx(expected, rel=1e-9)
    assert (c["7"].curve[1] <= c["7"].curve[2]).all()
    # To the end: below rounding nothing is said against a bound.
    assert gd.minimize(F, gd.SGD("1/beta"), steps=2000).certificate()["8"].verdict == "holds"
    # A smaller rate is that of a larger β.
    half = gd.minimize(F, gd.SGD(0.5 / BETA), steps=150).certificate()["8"]
    assert half.bound == pytest.approx((1 - MU / BETA / 2) ** 150 * c.gap, rel=1e-12)


def test_7_is_on_any_schedule_and_on_losses_with_a_kink():
    for schedule in (gd.schedules.cosine(0.05), gd.schedules.wsd(0.05), 0.02):
        c = theory.expectation(F, gd.SGD(schedule), batch_size=4, steps=200, seeds=8)
        assert c["7"].verdict == "holds" and c["7"].stderr > 0
    hinge = gd.LinearModel(X, Y, "hinge", gd.penalties.L2(0.1))
    row = gd.minimize(hinge, gd.SGD(0.01), steps=300).certificate()["7"]
    assert row.verdict == "holds"
    zero = gd.schedules.custom(lambda t, total: 0.1 * (t != 3))
    assert "η = 0 at step 3" in gd.minimize(F, gd.SGD(zero), steps=9).certificate()["7"].why


def test_nesterov_with_the_best_constant_momentum_has_9():
    r = gd.minimize(F, gd.Nesterov("1/beta", momentum=momentum()), steps=100)
    row = r.certificate()["9"]
    expected = theory.theorem_9(BETA, MU, np.linalg.norm(BEST.theta), 100)
    assert row.verdict == "holds" and row.bound == pytest.approx(expected, rel=1e-9)
    # More momentum is that of a smaller μ; less has no theorem.
    more = gd.minimize(F, gd.Nesterov("1/beta", momentum=momentum(mu=MU / 2)), steps=100)
    assert more.certificate()["9"].bound > row.bound
    less = gd.minimize(F, gd.Nesterov("1/beta", momentum=momentum(mu=2 * MU)), steps=100)
    assert "and κ is" in less.certificate()["9"].why
    restarted = gd.minimize(F, gd.Nesterov("1/beta", restart="gradient"), steps=50).certificate()
    assert "restarts" in restarted["5"].why and "momentum moves" in restarted["9"].why


@pytest.mark.parametrize("sampling", ["replacement", "importance"])
@pytest.mark.parametrize("weighted", [False, True])
def test_sgd_reaches_a_neighbourhood(sampling, weighted):
    weights = np.linspace(0.5, 2.0, len(Y)) if weighted else None
    f = gd.LogisticRegression(X, Y, l2=0.1, sample_weight=weights)
    best = theory.optimum(f)
    run = {"batch_size": 4, "steps": 800, "seeds": 6, "sampling": sampling}
    c = theory.expectation(f, gd.SGD(0.005), **run)
    noise = theory.variance(f, best.theta, sampling) / 4
    mu = theory.strong_convexity(f)
    expected = (1 - 0.005 * mu) ** 800 * best.theta @ best.theta + 2 * 0.005 * noise / mu
    assert c["10"].verdict == "holds" and c["10"].bound == pytest.approx(expected, rel=1e-6)
    assert c["10"].curve is not None and c["10"].curve[0][-1] == 800
    big = theory.expectation(f, gd.SGD(0.25), **run | {"seeds": 2, "steps": 20})
    assert "1/(2𝓛)" in big["10"].why


@pytest.mark.parametrize("rule", [gd.SAGA, gd.SVRG])
def test_reduced_variance_converges(rule):
    r = gd.minimize(F, rule(), batch_size=1, epochs=15, seed=0)
    row = r.certificate()["11"]
    assert row.verdict == "one run" and row.observed < row.bound
    c = theory.expectation(F, rule(), batch_size=1, steps=4000, seeds=4)
    assert c["11"].verdict == "holds"
    assert (
        "1/(" in gd.minimize(F, rule(0.02), batch_size=1, steps=9, seed=0).certificate()["11"].why
    )
    flat = gd.LogisticRegression(X, Y)
    why = gd.minimize(flat, rule(), batch_size=1, steps=9, seed=0).certificate()["11"].why
    assert "no μ above 0" in why


def test_what_is_clipped_penalised_or_decayed_says_so():
    run = {"batch_size": 2, "steps": 30, "seed": 0}
    for row in ("7", "10"):
        clipped = gd.minimize(F, gd.SGD(0.001), clip_norm=0.1, **run).certificate()
        assert "clip_norm = 0.1 changes the steps" in clipped[row].why
        decayed = gd.minimize(F, gd.SGD(0.001, weight_decay=0.1), **run).certificate()
        assert "weight_decay" in decayed[row].why
        l1 = gd.LogisticRegression(X, Y, penalty=gd.penalties.L1(0.01))
        assert "L1" in gd.minimize(l1, gd.SGD(0.001), **run).certificate()[row].why
    weighted = gd.LogisticRegression(X, Y, l2=0.1, sample_weight=np.linspace(0.5, 2.0, len(Y)))
    c = gd.minimize(weighted, gd.SGD("1/beta"), steps=50).certificate()
    assert [c[row].verdict for row in ("1", "2", "7", "8")] == ["holds"] * 4


# --- The worst case of all functions, found by PEPit ---------------------------------------------


@pytest.fixture(scope="module")
def worst():
    pytest.importorskip("PEPit")
    return pytest.importorskip("PEPit.functions")


def test_no_function_is_worse_than_7(worst):
    from PEPit import PEP

    for rates in (np.full(4, 0.5), np.array([0.8, 0.6, 0.4, 0.2])):
        problem = PEP()
        f = problem.declare_function(worst.ConvexLipschitzFunction, M=1.0)
        star = f.stationary_point()
        x = problem.set_initial_point()
        problem.set_initial_condition((x - star) ** 2 <= 1)
        for rate in rates[:-1]:
            x = x - rate * f.gradient(x)
        problem.set_performance_metric(f(x) - f(star))
        found = problem.solve(verbose=0)
        bound = theory.theorem_7(rates, 1.0, 1.0)
        assert found <= bound * (1 + 1e-4)
        assert bound <= 2 * found


def test_no_function_is_worse_than_8_and_9(worst):
    from PEPit import PEP

    beta, mu, steps = 1.0, 0.1, 4
    for theorem in ("8", "9"):
        problem = PEP()
        f = problem.declare_function(worst.SmoothStronglyConvexFunction, mu=mu, L=beta)
        star = f.stationary_point()
        start = problem.set_initial_point()
        if theorem == "8":
            problem.set_initial_condition(f(start) - f(star) <= 1)
            x = start
            for _ in range(steps):
                x = x - f.gradient(x) / beta
            bound = theory.theorem_8(beta, mu, 1.0, steps)
        else:
            problem.set_initial_condition((start - star) ** 2 <= 1)
            x = y = start
            for _ in range(steps):
                following = y - f.gradient(y) / beta
                x, y = following, following + momentum(beta, mu) * (following - x)
            bound = theory.theorem_9(beta, mu, 1.0, steps)
        problem.set_performance_metric(f(x) - f(star))
        assert problem.solve(verbose=0) <= bound * (1 + 1e-4)


def test_no_functions_are_worse_than_10_and_11(worst):
    from PEPit import PEP

    # One step on the mean of two functions: its expectation is a mean over the two draws.
    largest, mu, n = 1.0, 0.2, 2
    for theorem in ("10", "11"):
        problem = PEP()
        parts = [
            problem.declare_function(worst.SmoothStronglyConvexFunction, mu=mu, L=largest)
            for _ in range(n)
        ]
        mean = (parts[0] + parts[1]) / n
        star = mean.stationary_point()
        x = problem.set_initial_point()
        noise = sum(part.gradient(star) ** 2 for part in parts) / n
        # What the bound would be is at most 1, whatever makes it up.
        if theorem == "10":
            rate = 1 / (2 * largest)
            scale = (1 - rate * mu) * (x - star) ** 2 + 2 * rate / mu * noise
            steps = [x - rate * part.gradient(x) for part in parts]
        else:
            # The table is filled at another point, so that not all is known at once.
            rate, phi = 1 / (3 * largest), problem.set_initial_point()
            apart = mean(phi) - mean(star) - mean.gradient(star) * (phi - star)
            scale = (x - star) ** 2 + 2 * n / (3 * largest) * apart
            scale = scale * (1 - min(1 / (4 * n), mu / (3 * largest)))
            table = mean.gradient(phi)
            steps = [x - rate * (part.gradient(x) - part.gradient(phi) + table) for part in parts]
        problem.set_initial_condition(scale <= 1)
        problem.set_performance_metric(sum((one - star) ** 2 for one in steps) / n)
        assert problem.solve(verbose=0) <= 1 + 1e-4


@pytest.mark.parametrize("kind", ["rounds", "loopless"])
def test_no_functions_are_worse_than_what_the_rates_of_svrg_are_made_of(worst, kind):
    from PEPit import PEP

    # One step from any point, the anchor being any other one; draws of two functions. With rounds
    # the sum of m such steps, and ‖θ_0 - θ*‖² <= 2 Δ_0/μ, are theorem 11's α.
    largest, mu, n = 1.0, 0.2, 2
    problem = PEP()
    parts = [
        problem.declare_function(worst.SmoothStronglyConvexFunction, mu=mu, L=largest)
        for _ in range(n)
    ]
    mean = (parts[0] + parts[1]) / n
    star = mean.stationary_point()
    x, anchor = problem.set_initial_point(), problem.set_initial_point()
    full = mean.gradient(anchor)
    rate = 0.1 / largest if kind == "rounds" else 1 / (6 * largest)
    steps = [x - rate * (part.gradient(x) - part.gradient(anchor) + full) for part in parts]
    after = sum((one - star) ** 2 for one in steps) / n
    if kind == "rounds":
        before = (x - star) ** 2 - 2 * rate * (1 - 2 * largest * rate) * (mean(x) - mean(star))
        before = before + 4 * largest * rate**2 * (mean(anchor) - mean(star))
        inner, gap = 50, 0.7
        alpha = (2 * gap / mu + 4 * largest * rate**2 * inner * gap) / (
            2 * rate * (1 - 2 * largest * rate) * inner
        )
        assert theory.theorem_11_svrg(rate, largest, mu, inner, gap, 1) == pytest.approx(alpha)
    else:
        p = 0.3

        def noise(point):
            return sum((part.gradient(point) - part.gradient(star)) ** 2 for part in parts) / n

        scale = 4 * rate**2 / p
        after = after + scale * ((1 - p) * noise(anchor) + p * noise(x))
        # Distance and noise of the start enter the bound with these weights.
        factor, part = (
            theory.theorem_11_loopless(rate, largest, mu, p, *start, 1)
            for start in ((1.0, 0.0), (0.0, 1.0))
        )
        before = factor * (x - star) ** 2 + part * noise(anchor)
    problem.set_initial_condition(before <= 1)
    problem.set_performance_metric(after)
    found = problem.solve(verbose=0)
    assert found <= 1 + 1e-4
    assert found > 0.9  # and the inequality is no looser than that


# --- Plans ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("theorem", ["1", "5", "8", "9", "10", "11", "11 SVRG"])
def test_a_plan_is_the_shortest_that_its_theorem_allows_and_keeps_its_word(theorem):
    target = 1e-2
    plan = theory.plan(F, target_gap=target, theorem=theorem)
    assert plan.theorem == theorem
    assert plan.bound <= target and plan.guaranteed and plan.lr == plan.optimizer.lr
    assert plan.observations == plan.steps * (plan.batch_size or F.n_samples)
    if plan.steps > 200_000:
        return
    r = gd.minimize(F, plan.optimizer, batch_size=plan.batch_size, steps=plan.steps, seed=0)
    assert r.loss - BEST.loss <= target
    row = r.certificate(replay=False)[theorem.split()[0]]
    assert row.verdict in ("holds", "one run")
    bound = row.bound * (BETA / 2 if theorem in ("10", "11", "11 SVRG") else 1.0)
    assert bound <= target * (1 + 1e-9)


def test_by_default_a_plan_takes_the_fewest_gradients():
    best = theory.plan(F, target_gap=1e-4)
    assert best.theorem == "9"
    for theorem in ("1", "5", "8", "11"):
        assert theory.plan(F, target_gap=1e-4, theorem=theorem).observations >= best.observations
    huber = gd.LinearModel(X, Y, "huber")
    plan = theory.plan(huber, target_gap=0.1, theorem="7", batch_size=4)
    lr = np.full(plan.steps + 1, plan.lr)
    distance = np.linalg.norm(theory.optimum(huber).theta)
    assert theory.theorem_7(lr, distance, math.sqrt(plan.sigma2)) <= plan.bound <= 0.1
    for wrong, words in (
        ({"target_gap": -1.0}, "above 0"),
        ({"target_gap": 0.1, "target_grad_norm": 0.1}, "either"),
        ({}, "either"),
        ({"target_gap": 0.1, "theorem": "2"}, "one of"),
        ({"target_gap": 0.1, "theorem": "7"}, "slopes"),
    ):
        with pytest.raises(ValueError, match=words):
            theory.plan(F, **wrong)
