"""What must hold for any data: laws of means, weights, scales and symmetries, by hypothesis."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import optimizer

import fastgd as gd

LINEAR = [gd.LeastSquares, gd.LogisticRegression, gd.SoftmaxRegression]
RULES = list(gd.optimizers.registry)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def problems(draw, l2=0.0):
    """The arguments of an objective, and a θ for it."""
    kind = draw(st.sampled_from(LINEAR))
    rng = np.random.default_rng(draw(seeds))
    n, d = draw(st.integers(2, 40)), draw(st.integers(1, 20))
    scale = 10.0 ** draw(st.integers(-3, 3))
    X = scale * rng.standard_normal((n, d))
    if kind is gd.LeastSquares:
        y = rng.standard_normal(n)
    else:
        y = rng.integers(0, 2 if kind is gd.LogisticRegression else 3, n)
        y[:2] = 0, 1
        if kind is gd.SoftmaxRegression and n > 2:
            y[2] = 2
    intercept = draw(st.booleans())
    f = kind(X, y, l2=l2, fit_intercept=intercept)
    return kind, X, y, intercept, rng.standard_normal(f.n_params) / scale, rng


def close(a, b, size):
    """Equal up to rounding in sums of terms as large as `size`."""
    assert np.linalg.norm(a - b) <= 1e-13 * size


def size_of(f, theta):
    # Terms may cancel in a mean: what counts is how large they are.
    return np.linalg.norm(f.sample_gradients(theta), axis=1).max() + np.linalg.norm(
        f.gradient(theta)
    )


@given(problems())
def test_the_order_of_the_rows_does_not_matter(problem):
    kind, X, y, intercept, theta, rng = problem
    f = kind(X, y, fit_intercept=intercept)
    order = rng.permutation(len(X))
    shuffled = kind(X[order], y[order], fit_intercept=intercept)
    assert shuffled.value(theta) == pytest.approx(f.value(theta), rel=1e-12)
    close(shuffled.gradient(theta), f.gradient(theta), size_of(f, theta))
    close(f.gradient(theta, order), f.gradient(theta), size_of(f, theta))
    if f.smoothness():
        assert shuffled.smoothness() == pytest.approx(f.smoothness(), rel=1e-9)


@given(problems(), st.data())
def test_the_mean_over_indices_is_the_mean_of_samples(problem, data):
    kind, X, y, intercept, theta, _ = problem
    f = kind(X, y, fit_intercept=intercept)
    indices = data.draw(st.lists(st.integers(0, len(X) - 1), min_size=1, max_size=70))
    rows = f.sample_gradients(theta)[indices]
    close(f.gradient(theta, indices), rows.mean(axis=0), size_of(f, theta))
    values = [f.value(theta, [i]) for i in indices]
    assert f.value(theta, indices) == pytest.approx(np.mean(values), rel=1e-12)


@given(problems(), st.data())
def test_repeated_rows_are_weights(problem, data):
    kind, X, y, intercept, theta, _ = problem
    counts = data.draw(st.lists(st.integers(1, 4), min_size=len(X), max_size=len(X)))
    repeated = kind(np.repeat(X, counts, axis=0), np.repeat(y, counts), fit_intercept=intercept)
    f = kind(X, y, fit_intercept=intercept)
    expected = np.average(f.sample_gradients(theta), axis=0, weights=counts)
    close(repeated.gradient(theta), expected, size_of(f, theta))


@given(problems(), st.floats(0, 100))
def test_l2_adds_its_square_and_spares_the_intercepts(problem, l2):
    kind, X, y, intercept, theta, _ = problem
    bare, f = (kind(X, y, l2=penalty, fit_intercept=intercept) for penalty in (0.0, l2))
    w = theta.copy()
    if intercept:
        w[-f.n_outputs :] = 0.0
    assert f.value(theta) == pytest.approx(bare.value(theta) + l2 / 2 * w @ w, rel=1e-12)
    added = f.gradient(theta) - bare.gradient(theta)
    close(added, l2 * w, size_of(bare, theta) + l2 * np.linalg.norm(w))
    assert f.smoothness() == pytest.approx(bare.smoothness() + l2, rel=1e-12)


@given(problems())
def test_the_gradient_is_monotone_where_the_loss_is_convex(problem):
    kind, X, y, intercept, theta, rng = problem
    f = kind(X, y, fit_intercept=intercept)
    other = theta + rng.standard_normal(len(theta)) * np.abs(theta).max()
    step = other - theta
    slack = 1e-12 * np.linalg.norm(step) * (size_of(f, theta) + size_of(f, other))
    assert step @ (f.gradient(other) - f.gradient(theta)) >= -slack
    # β-smooth: the parabola at θ lies above.
    model = f.value(theta) + f.gradient(theta) @ step + f.smoothness() / 2 * step @ step
    assert f.value(other) <= model + slack + 1e-12 * abs(model)


@given(problems(), st.sampled_from([2.0, 0.5, 1024.0]))
def test_features_times_c_and_weights_over_c_are_the_same_model(problem, c):
    # c is a power of two, so that all products are exact.
    kind, X, y, _, _, rng = problem
    a, b = kind(X, y), kind(c * X, y)
    theta = rng.standard_normal(a.n_params)
    assert b.value(theta / c) == a.value(theta)
    assert np.array_equal(b.gradient(theta / c), c * a.gradient(theta))
    assert b.smoothness() == pytest.approx(c**2 * a.smoothness(), rel=1e-12)


@given(problems())
def test_a_softmax_of_two_is_logistic(problem):
    _, X, _, _, _, rng = problem
    y = np.arange(len(X)) % 2
    logistic, softmax = gd.LogisticRegression(X, y), gd.SoftmaxRegression(X, y)
    # Margins of order 1: exp of a margin of 600 has 600 times the rounding error of the margin.
    w = rng.uniform(-1, 1, X.shape[1]) / np.abs(X).sum(axis=1).max()
    theta = np.concatenate([np.zeros_like(w), w])
    assert softmax.value(theta) == pytest.approx(logistic.value(w), rel=1e-12)
    close(softmax.gradient(theta)[len(w) :], logistic.gradient(w), size_of(logistic, w))


LINEAR_RULES = ["sgd", "momentum", "nesterov", "schedulefreesgd", "lookahead", "polyakaverage",
          "exponentialaverage", "cautious", "barzilaiborwein", "qhm", "coupleddecay"]  # fmt: skip
# Neither one nor the other: AdaBound's bounds do not scale, RAdam is linear for its first steps,
# and Adadelta without its ε never starts.
MIXED = ["adabound", "amsbound", "radam", "adadelta"]


@given(
    st.sampled_from([rule for rule in RULES if rule not in MIXED]), seeds,
    st.sampled_from([0.25, 2.0, 1024.0]),
)  # fmt: skip
def test_scaling_laws_of_the_rules(rule, seed, c):
    """Gradients times c: linear rules move c times as far, adaptive ones as far as before."""
    rng = np.random.default_rng(seed)
    gradients = rng.standard_normal((20, 5))
    known = gd.optimizers.registry[rule].hyperparameters()
    exact = {name: 0.0 for name in ("eps", "eps_root") if name in known}
    opt = optimizer(rule, lr=0.5, weight_decay=0.0, **exact)
    ends = []
    for factor in (1.0, c):
        theta = np.zeros(5)
        state = opt.init(theta)
        for g in gradients:
            opt.step(theta, factor * g, state)
        ends.append(theta)
    ratio = c if rule in LINEAR_RULES else 1.0
    # Powers of two: not a bit may differ.
    assert np.array_equal(ends[1], ratio * ends[0])


# LAMB's steps are in proportion to the norm of a whole layer, those of Cautious to the part of all
# coordinates that it lets move, and others make one rate of all of them.
TOGETHER = ("lamb", "cautious", "dog", "dowg", "prodigy", "barzilaiborwein")
APART = [rule for rule in RULES if rule not in TOGETHER]


@given(st.sampled_from(APART), seeds, st.integers(1, 30))
def test_coordinates_do_not_see_each_other(rule, seed, d):
    rng = np.random.default_rng(seed)
    start, gradients = rng.standard_normal(d), rng.standard_normal((5, d))
    opt = optimizer(rule, lr=0.1, weight_decay=0.1)

    def run(columns):
        theta = np.ascontiguousarray(start[columns])
        state = opt.init(theta)
        for g in gradients[:, columns]:
            opt.step(theta, np.ascontiguousarray(g), state)
        return theta

    order = rng.permutation(d)
    whole = run(np.arange(d))
    # Not bit by bit: the tail of a SIMD loop may be compiled without fused operations.
    np.testing.assert_allclose(run(order), whole[order], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(run(order[:1]), whole[order[:1]], rtol=1e-12, atol=1e-14)


@settings(max_examples=40)
@given(
    problems(), st.sampled_from(RULES), st.sampled_from(["replacement", "shuffle", "sequential"]),
    st.data(),
)  # fmt: skip
def test_how_a_run_is_recorded_changes_no_bit(problem, rule, sampling, data):
    kind, X, y, intercept, _, _ = problem
    f = kind(X, y, fit_intercept=intercept)
    run = {
        "batch_size": data.draw(st.integers(1, len(X))),
        "steps": data.draw(st.integers(1, 60)),
        "seed": data.draw(st.integers(0, 2**63)),
        "sampling": sampling,
    }
    opt = optimizer(rule, lr=1e-6)
    a, b = (
        gd.minimize(f, opt, record_every=every, **run)
        for every in (0, data.draw(st.integers(1, 20)))
    )
    assert np.array_equal(a.theta, b.theta)
    assert b.history["step"][-1] == run["steps"]
