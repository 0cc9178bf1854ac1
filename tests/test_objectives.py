"""Objectives: value and gradient by formula, difference and torch; β; refusal of bad data."""

import math

import numpy as np
import oracle
import pytest
from scipy.linalg import eigvalsh

import fastgd as gd
from fastgd import checks

LINEAR = ["LeastSquares", "LogisticRegression", "SoftmaxRegression"]


def targets(name, n, rng):
    if name == "LeastSquares":
        return rng.standard_normal(n)
    y = rng.integers(0, 2 if name == "LogisticRegression" else 4, n)
    y[:4] = np.arange(4) % (y.max() + 1)
    return y


def pair(name, n=37, d=5, l2=0.3, fit_intercept=True):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n, d)), targets(name, n, rng)
    fast = getattr(gd, name)(X, y, l2=l2, fit_intercept=fit_intercept)
    return fast, getattr(oracle, name)(X, y, l2, fit_intercept), rng.standard_normal(fast.n_params)


@pytest.mark.parametrize("indices", [None, [3], [0, 0, 5], list(range(36, -1, -1)), []])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("name", LINEAR)
def test_value_and_gradient_are_the_formulas(name, fit_intercept, indices):
    fast, slow, theta = pair(name, fit_intercept=fit_intercept)
    if indices == []:
        with pytest.raises((TypeError, ValueError)):
            fast.value(theta, indices)
        with pytest.raises(ValueError, match="empty|one"):
            fast.value(theta, np.array([], dtype=np.int64))
        return
    assert fast.value(theta, indices) == pytest.approx(slow.value(theta, indices), rel=1e-13)
    np.testing.assert_allclose(
        fast.gradient(theta, indices), slow.gradient(theta, indices), rtol=1e-11, atol=1e-14
    )
    value, gradient = fast.value_and_gradient(theta, indices)
    assert value == fast.value(theta, indices)
    assert np.array_equal(gradient, fast.gradient(theta, indices))


@pytest.mark.parametrize("name", LINEAR)
def test_sample_gradients_are_the_formulas_and_their_mean_is_the_gradient(name):
    fast, slow, theta = pair(name, l2=0.0)
    rows = fast.sample_gradients(theta)
    np.testing.assert_allclose(rows, slow.sample_gradients(theta), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(rows.mean(axis=0), fast.gradient(theta), rtol=1e-11, atol=1e-14)
    assert np.array_equal(fast.sample_gradients(theta, [4, 4]), rows[[4, 4]])


def cases():
    for name in LINEAR:
        yield pair(name)[::2]
    A = np.array([[2.0, 0.5], [0.5, 1.0]])
    yield gd.Quadratic(A, [1.0, -1.0]), np.array([0.3, -0.7])
    yield gd.Function(lambda u: float(np.sum(u**4)), lambda u: 4 * u**3, 3), np.arange(3.0)


@pytest.mark.parametrize("f, theta", list(cases()), ids=lambda x: type(x).__name__)
def test_gradients_agree_with_central_differences(f, theta):
    h = 1e-5
    differences = [
        (f.value(theta + h * e) - f.value(theta - h * e)) / (2 * h) for e in np.eye(len(theta))
    ]
    np.testing.assert_allclose(f.gradient(theta), differences, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", LINEAR)
def test_gradients_agree_with_torch(name):
    torch = pytest.importorskip("torch")
    fast, _, theta = pair(name)
    X, y = torch.tensor(fast.X), torch.tensor(fast.y)
    t = torch.tensor(theta, requires_grad=True)
    k = fast.n_outputs
    weights = t[:-k].reshape(k, -1)
    margins = X @ weights.T + t[-k:]
    F = torch.nn.functional
    loss = {
        "LeastSquares": lambda: F.mse_loss(margins[:, 0], y),
        "LogisticRegression": lambda: F.binary_cross_entropy_with_logits(margins[:, 0], y),
        "SoftmaxRegression": lambda: F.cross_entropy(margins, y.long()),
    }[name]() + 0.15 * (weights**2).sum()
    loss.backward()
    assert fast.value(theta) == pytest.approx(loss.item(), rel=1e-13)
    np.testing.assert_allclose(fast.gradient(theta), t.grad.numpy(), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("margin", [-1e4, -800.0, -40.0, -1.0, 0.0, 1.0, 40.0, 800.0, 1e4])
def test_losses_of_large_margins_are_finite_and_exact(margin):
    for label in (0, 1):
        f = gd.LogisticRegression([[1.0]], [label])
        away = margin if label == 0 else -margin
        expected = max(away, 0.0) + math.log1p(math.exp(-abs(away)))
        slope = 1 / (1 + math.exp(-away)) if away > -700 else math.exp(max(away, -745.0))
        assert f.value([margin]) == pytest.approx(expected, rel=1e-15, abs=0)
        expected_slope = slope if label == 0 else -slope
        assert f.gradient([margin])[0] == pytest.approx(expected_slope, rel=1e-13, abs=1e-300)
        # The same loss as two classes of softmax with scores (0, margin).
        g = gd.SoftmaxRegression([[1.0], [1.0]], [0, 1])
        assert g.value([0.0, margin], [label]) == pytest.approx(expected, rel=1e-13, abs=1e-300)
        assert np.isfinite(g.gradient([0.0, margin])).all()
    assert gd.LeastSquares([[1.0]], [0.0]).value([margin]) == margin**2


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_predictions(name, fit_intercept):
    fast, slow, theta = pair(name, fit_intercept=fit_intercept)
    margins = slow.X @ slow.columns(theta)
    got = fast.predict(theta, fast.X)
    if name == "LeastSquares":
        np.testing.assert_allclose(got, margins[:, 0], rtol=1e-12, atol=1e-14)
        return
    assert got.dtype == np.int64
    p = fast.predict_proba(theta, fast.X)
    if name == "LogisticRegression":
        assert np.array_equal(got, margins[:, 0] > 0)
        np.testing.assert_allclose(p, 1 / (1 + np.exp(-margins[:, 0])), rtol=1e-12)
    else:
        assert np.array_equal(got, margins.argmax(axis=1))
        e = np.exp(margins)
        np.testing.assert_allclose(p, e / e.sum(axis=1, keepdims=True), rtol=1e-12)
    with pytest.raises(ValueError, match="columns"):
        fast.predict(theta, np.ones((3, 9)))


@pytest.mark.parametrize("name", LINEAR)
def test_the_initial_point_is_zero(name):
    fast = pair(name)[0]
    point = fast.initial_point(seed=3)
    assert point.dtype == np.float64 and np.array_equal(point, np.zeros(fast.n_params))


@pytest.mark.parametrize("shape", [(40, 3), (5, 30), (1, 1), (200, 60)])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("name, factor", list(zip(LINEAR, [2.0, 0.25, 0.5], strict=True)))
def test_smoothness_is_never_below_the_eigenvalue(name, factor, fit_intercept, shape):
    rng = np.random.default_rng(4)
    # Columns off centre: there the intercept matters most.
    X = rng.standard_normal(shape) + 1
    y = {"LeastSquares": np.ones(shape[0])}.get(name, np.arange(shape[0]) % 2)
    if name == "SoftmaxRegression" and shape[0] == 1:
        y = np.array([1])
    f = getattr(gd, name)(X, y, l2=0.7, fit_intercept=fit_intercept)
    X1 = np.column_stack([X, np.ones(len(X))]) if fit_intercept else X
    true = factor * eigvalsh(X1.T @ X1)[-1] / len(X) + 0.7
    # eigvalsh is itself exact to a few units in the last place only.
    assert true * (1 - 1e-14) <= f.smoothness() <= true * (1 + 1e-9)


def test_smoothness_of_the_others():
    A = np.diag([3.0, -7.0])
    assert 7.0 <= gd.Quadratic(A).smoothness() <= 7.0 * (1 + 1e-9)
    assert gd.Quadratic(np.eye(2)).convex and not gd.Quadratic(A).convex
    f = gd.Function(lambda u: 0.0, np.zeros_like, 2)
    assert f.smoothness() is None and f.convex is None
    assert gd.Function(lambda u: 0.0, np.zeros_like, 2, smoothness=3.0).smoothness() == 3.0


@pytest.mark.parametrize("name", LINEAR)
def test_smoothness_bounds_the_change_of_the_gradient(name):
    fast, _, _ = pair(name)
    rng, beta = np.random.default_rng(8), fast.smoothness()
    for scale in (1e-3, 1.0, 10.0):
        for _ in range(20):
            u, v = scale * rng.standard_normal((2, fast.n_params))
            change = np.linalg.norm(fast.gradient(u) - fast.gradient(v))
            assert change <= beta * np.linalg.norm(u - v)


@pytest.mark.parametrize("name", LINEAR)
def test_data_is_used_in_place_or_converted_once(name):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 3)), targets(name, 8, rng)
    before = X.copy()
    f = getattr(gd, name)(X, y)
    assert f.X is X
    gd.minimize(f, gd.SGD(0.01), batch_size=2, steps=10, seed=0)
    assert np.array_equal(X, before)
    for other in (np.asfortranarray(X), X[::-1], X.astype(">f8"), X.tolist()):
        g = getattr(gd, name)(other, y)
        assert g.X.flags.c_contiguous and g.X.dtype == np.float64 and g.X.dtype.isnative
        assert np.array_equal(g.X, np.asarray(other, dtype=float))
    read_only = X.copy()
    read_only.flags.writeable = False
    assert getattr(gd, name)(read_only, y).X is read_only


GOOD = np.ones((3, 2))
NAN, INF = GOOD.copy(), GOOD.copy()
NAN[1, 1], INF[2, 0] = np.nan, -np.inf


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize(
    "X, error, message",
    [
        (NAN, ValueError, r"X\[1, 1\] is nan"),
        (INF, ValueError, r"X\[2, 0\] is -inf"),
        (np.ones(3), ValueError, "two dimensions"),
        (np.ones((3, 2, 1)), ValueError, "two dimensions"),
        (np.ones((0, 2)), ValueError, "empty"),
        (np.ones((3, 0)), ValueError, "empty"),
        (GOOD.astype(complex), TypeError, "X"),
        (GOOD.astype(object), TypeError, "X"),
        (GOOD.astype(str), TypeError, "X"),
        (GOOD.astype("datetime64[s]"), TypeError, "X"),
        (np.full((3, 2), 2**53 + 1), TypeError, "exactly"),
        (np.full((3, 2), 2**63, dtype=np.uint64) + np.uint64(1), TypeError, "exactly"),
        ([[1.0, 2.0], [3.0]], ValueError, "X"),
        (None, TypeError, "X"),
        (np.ma.masked_array(GOOD, NAN != NAN), TypeError, "masked"),
    ],
)
def test_bad_data_is_refused(name, X, error, message):
    with pytest.raises(error, match=message):
        getattr(gd, name)(X, [0, 1, 1])


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize(
    "y, error",
    [
        ([0, 1], ValueError),
        ([[0], [1], [1]], ValueError),
        ([0, 1, np.nan], ValueError),
        ([0, 1, np.inf], ValueError),
        (["a", "b", "c"], TypeError),
        ([0, 1, 1j], TypeError),
        (np.array([0, 1, 1], dtype=object), TypeError),
        ([], ValueError),
        (1.0, ValueError),
    ],
)
def test_bad_targets_are_refused(name, y, error):
    with pytest.raises(error, match="y"):
        getattr(gd, name)(GOOD, y)


@pytest.mark.parametrize("y", [[-1, 1, 1], [0, 2, 1], [0.5, 1, 0], [1, 2, 2]])
def test_logistic_labels_are_0_and_1(y):
    with pytest.raises(ValueError, match="0 and 1"):
        gd.LogisticRegression(GOOD, y)


@pytest.mark.parametrize("y", [[-1, 1, 0], [0.5, 1, 0], [0, 0, 0], [0, 1, 10**9]])
def test_softmax_labels_are_classes(y):
    with pytest.raises(ValueError, match="class"):
        gd.SoftmaxRegression(GOOD, y)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("l2", [-1.0, np.nan, np.inf, "1", True, [0.1], 1j, None])
def test_a_bad_l2_is_refused(name, l2):
    with pytest.raises((TypeError, ValueError), match="l2"):
        getattr(gd, name)(GOOD, [0, 1, 1], l2=l2)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("fit_intercept", ["yes", 1, None])
def test_a_bad_intercept_flag_is_refused(name, fit_intercept):
    with pytest.raises(TypeError, match="fit_intercept"):
        getattr(gd, name)(GOOD, [0, 1, 1], fit_intercept=fit_intercept)


@pytest.mark.parametrize("f, theta", list(cases()), ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("method", ["value", "gradient", "value_and_gradient", "sample_gradients"])
def test_a_bad_theta_is_refused(f, theta, method):
    d = len(theta)
    for bad, error in [
        (np.ones(d + 1), ValueError),
        (np.ones((d, 1)), ValueError),
        (1.0, ValueError),
        (np.full(d, np.nan), ValueError),
        (np.full(d, np.inf), ValueError),
        (np.ones(d, dtype=complex), TypeError),
        (["a"] * d, TypeError),
        (None, TypeError),
        (np.full(d, 2**53 + 1), TypeError),
    ]:
        with pytest.raises(error, match="theta"):
            getattr(f, method)(bad)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("method", ["value", "gradient", "value_and_gradient", "sample_gradients"])
@pytest.mark.parametrize(
    "indices, error",
    [
        ([37], IndexError), ([-1], IndexError), ([0, 10**15], IndexError),
        ([0.0], TypeError), ([True], TypeError), ([[0]], TypeError), (0, TypeError),
        (["0"], TypeError), (slice(3), TypeError),
        (np.array([2**64 - 1], dtype=np.uint64), (IndexError, TypeError, ValueError)),
    ],
)  # fmt: skip
def test_bad_indices_are_refused(name, method, indices, error):
    fast, _, theta = pair(name)
    with pytest.raises(error, match=r"ind|observation|range"):
        getattr(fast, method)(theta, indices)


def test_objectives_without_observations_take_no_indices():
    for f in (gd.Quadratic(np.eye(2)), gd.Function(lambda u: 0.0, np.zeros_like, 2)):
        with pytest.raises(ValueError, match="no observations"):
            f.value(np.zeros(2), [0])


@pytest.mark.parametrize(
    "A, b, error",
    [
        (np.ones((2, 3)), None, ValueError),
        ([[1.0, 2.0], [0.0, 1.0]], None, ValueError),
        ([[np.nan]], None, ValueError),
        (np.eye(2), np.ones(3), ValueError),
        (np.eye(2), [0.0, np.inf], ValueError),
        (np.eye(2).astype(complex), None, TypeError),
        (np.ones(2), None, ValueError),
    ],
)
def test_a_bad_quadratic_is_refused(A, b, error):
    with pytest.raises(error):
        gd.Quadratic(A, b)


@pytest.mark.parametrize(
    "arguments",
    [
        (3, np.zeros_like, 2), (abs, None, 2), (abs, abs, 0), (abs, abs, 1.0), (abs, abs, True),
        (abs, abs, 2, -1.0), (abs, abs, 2, 0.0), (abs, abs, 2, np.nan), (abs, abs, 2, 1.0, "yes"),
    ],
)  # fmt: skip
def test_a_bad_function_is_refused(arguments):
    with pytest.raises((TypeError, ValueError)):
        gd.Function(*arguments)


@pytest.mark.parametrize("wrong", [np.zeros(3), "text", None, np.zeros(2, dtype=complex)])
def test_a_gradient_of_the_wrong_kind_is_refused(wrong):
    f = gd.Function(lambda u: 0.0, lambda u: wrong, 2)
    with pytest.raises((TypeError, ValueError)):
        f.gradient(np.zeros(2))
    with pytest.raises((TypeError, ValueError)):
        gd.minimize(f, gd.SGD(0.1), steps=3, record_every=0)


def test_what_a_function_raises_comes_out_of_the_run():
    def gradient(theta):
        raise ZeroDivisionError("as the user wrote it")

    f = gd.Function(lambda u: 0.0, gradient, 2)
    with pytest.raises(ZeroDivisionError, match="as the user wrote it"):
        gd.minimize(f, gd.SGD(0.1), steps=3)


def test_a_function_cannot_change_the_parameters_of_a_run():
    def gradient(theta):
        g = 2 * theta
        theta[:] = 77.0
        return g

    f = gd.Function(lambda u: float(u @ u), gradient, 2)
    theta = gd.minimize(f, gd.SGD(0.25), [1.0, -4.0], steps=2).theta
    assert np.array_equal(theta, [0.25, -1.0])


# The two share a pass over the data, and must not differ from what each finds alone.
@pytest.mark.parametrize("kind", ["dense", "narrow", "float32", "sparse"])
@pytest.mark.parametrize("n", [1, 7, 128, 129, 1000, 9001])
@pytest.mark.parametrize("name", LINEAR)
def test_value_and_gradient_have_the_bits_of_either(name, n, kind):
    generator = np.random.default_rng(n)
    X = generator.standard_normal((n, 3 if kind == "narrow" else 41))
    if kind == "float32":
        X = X.astype(np.float32)
    if kind == "sparse":
        X = pytest.importorskip("scipy.sparse").csr_array(X * (X > 1.0))
    y = np.arange(n) % 2 if n > 1 else np.ones(1)
    f = getattr(gd, name)(X, y, l2=0.1, fit_intercept=True)
    theta = generator.standard_normal(f.n_params)
    for indices in (None, generator.integers(n, size=200)):
        value, gradient = f.value_and_gradient(theta, indices)
        assert value == f.value(theta, indices)
        assert np.array_equal(gradient, f.gradient(theta, indices))


@pytest.mark.parametrize("shape", [(50, 3), (3, 50)])
def test_smoothness_where_floating_point_errors_are_raised(shape):
    X = 1e-160 * np.random.default_rng(0).normal(size=shape)
    expected = gd.LeastSquares(X, np.ones(shape[0])).smoothness()
    with np.errstate(all="raise"):
        assert gd.LeastSquares(X, np.ones(shape[0])).smoothness() == expected


@pytest.mark.parametrize("kind", ["Fortran order", "uint8"])
def test_a_large_copy_is_said(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(checks, "LARGE_COPY", 10_000)
    order, dtype = ("F", np.float64) if kind == "Fortran order" else ("C", np.uint8)
    X = np.memmap(tmp_path / "x", dtype=dtype, mode="w+", shape=(500, 4), order=order)
    X[:] = np.arange(2000).reshape(500, 4) % 200
    with pytest.warns(UserWarning, match=r"X is .* MB of it are copied into memory"):
        f = gd.LeastSquares(X, X[:, 0])
    np.testing.assert_array_equal(f.X, X)
    in_place = np.memmap(tmp_path / "y", dtype=np.float64, mode="w+", shape=(500, 4))
    assert np.shares_memory(gd.LeastSquares(in_place, X[:, 0]).X, in_place)
