# L*: what `theory.optimum` claims of it, judged in exact rational arithmetic or by a known minimum.
import math
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import fastgd as gd
from fastgd import theory
from fastgd.theory import newton, quadratics

DATA = Path(os.environ.get("FASTGD_DATA", "/nowhere"))


def fractions(array):
    return [[Fraction(float(x)) for x in row] for row in np.atleast_2d(array)]


def exact_solution(A, b):
    """A⁻¹b by Gauss and Jordan, in rational numbers."""
    n = len(A)
    rows = [[*A[i], b[i]] for i in range(n)]
    for i in range(n):
        pivot = next(k for k in range(i, n) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k in range(n):
            if k != i and rows[k][i]:
                rows[k] = [x - rows[k][i] * y for x, y in zip(rows[k], rows[i], strict=True)]
    return [row[n] for row in rows]


def exact_least_squares(X, y, weights=None, l2=0.0):
    """The least of Σ w (y - Xθ)²/Σ w + l2/2 ‖θ‖², without any rounding."""
    X, y = fractions(X), [Fraction(float(one)) for one in y]
    w = [Fraction(1)] * len(y) if weights is None else [Fraction(float(one)) for one in weights]
    total, d = sum(w), len(X[0])
    gram = [
        [sum(v * row[i] * row[j] for v, row in zip(w, X, strict=True)) / total for j in range(d)]
        for i in range(d)
    ]
    right = [
        sum(v * row[i] * z for v, row, z in zip(w, X, y, strict=True)) / total for i in range(d)
    ]
    for i in range(d):
        gram[i][i] += Fraction(float(l2)) / 2
    theta = exact_solution(gram, right)
    square = sum(v * z * z for v, z in zip(w, y, strict=True)) / total
    return square - sum(a * b for a, b in zip(right, theta, strict=True))


def check(f, exact):
    best = theory.optimum(f)
    assert f.value(best.theta) == pytest.approx(best.loss, rel=1e-4, abs=1e-12)
    if math.isfinite(best.error):
        assert abs(Fraction(best.loss) - exact) <= Fraction(best.error)
    return best


@pytest.mark.parametrize("number", range(40))
def test_random_matrices_stay_within_the_error_that_is_claimed(number):
    rng = np.random.default_rng(number)
    n, d = 24, 4
    U, _ = np.linalg.qr(rng.normal(size=(n, d)))
    V, _ = np.linalg.qr(rng.normal(size=(d, d)))
    condition = 10.0 ** (12 * number / 39)
    X = U * np.geomspace(1.0, 1 / condition, d) @ V
    y = X @ rng.normal(size=d) + rng.normal(size=n)
    best = check(gd.LeastSquares(X, y), exact_least_squares(X, y))
    # And it is a claim that is worth something.
    assert best.error <= 1e-9 * best.loss
    assert best.attained


@pytest.mark.parametrize("condition", [1e3, 1e9])
def test_weights_l2_and_an_intercept_stay_within_it_too(condition):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(20, 3))
    X[:, 2] = X[:, 1] + X[:, 2] / condition
    y, w = rng.normal(size=20), rng.integers(0, 3, 20).astype(float)
    for l2 in (0.0, 0.5):
        exact = exact_least_squares(X, y, w, l2)
        assert check(gd.LeastSquares(X, y, l2=l2, sample_weight=w), exact).error < 1e-9
    Z = np.column_stack([X, np.ones(20)])
    f = gd.LeastSquares(X, y, fit_intercept=True, sample_weight=w)
    assert check(f, exact_least_squares(Z, y, w)).error < 1e-9


def test_columns_that_are_nearly_the_same():
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=100), rng.normal(size=100)
    X, y = np.column_stack([x, x + 1e-7 * z]), x + z
    best = check(gd.LeastSquares(X, y), exact_least_squares(X, y))
    assert best.loss < 1e-15


def test_years_and_their_squares():
    rng = np.random.default_rng(0)
    year = np.arange(1990.0, 2020.0)
    X = np.column_stack([year, year**2])
    y = 0.01 * (year - 2000) ** 2 + rng.normal(size=30)
    exact = exact_least_squares(np.column_stack([X, np.ones(30)]), y)
    best = check(gd.LeastSquares(X, y, fit_intercept=True), exact)
    assert best.error < 1e-9 * best.loss


def test_several_outputs_share_the_error():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(15, 3)) * [1.0, 1e4, 1e-4]
    Y = rng.normal(size=(15, 2))
    exact = sum(exact_least_squares(X, Y[:, k]) for k in range(2))
    assert check(gd.LinearModel(X, Y), exact).error < 1e-12


@pytest.mark.skipif(not DATA.is_dir(), reason="FASTGD_DATA names no folder")
@pytest.mark.parametrize("name", ["protein_casp", "blog_feedback"])
def test_raw_tables(name):
    # The residual of the minimiser is orthogonal to every column; here to those of scaled data, of
    # which a QR factorisation is accurate.
    with np.load(DATA / f"{name}.npz") as data:
        X = data["X" if "X" in data else "X_train"].astype(float)[:20000]
        y = data["y" if "y" in data else "y_train"].astype(float)[:20000]
    best = theory.optimum(gd.LeastSquares(X, y, fit_intercept=True))
    Z = np.column_stack([X - X.mean(axis=0), np.ones(len(y))])
    norms = np.linalg.norm(Z, axis=0)
    Z = Z[:, norms > 1e-9 * norms.max()]
    U, sizes, _ = np.linalg.svd(Z / np.linalg.norm(Z, axis=0), full_matrices=False)
    U = U[:, sizes > 1e-10]
    loss = np.mean((y - U @ (U.T @ y)) ** 2)
    assert best.error <= 1e-8 * best.loss
    assert best.loss == pytest.approx(loss, rel=1e-7)


def test_dummies_with_an_intercept_are_dependent_exactly():
    # Standardised, so that no ratio of two columns is a number that anyone would guess.
    rng = np.random.default_rng(3)
    kind = rng.integers(0, 3, 200)
    X = np.eye(3)[kind]
    y = kind + rng.normal(size=200)
    means = np.array([y[kind == k].mean() for k in range(3)])
    exact = np.mean((y - means[kind]) ** 2)
    for data in (X, (X - X.mean(axis=0)) / X.std(axis=0)):
        best = theory.optimum(gd.LeastSquares(data, y, fit_intercept=True))
        assert best.loss == pytest.approx(exact, rel=1e-12)
        assert best.error <= 1e-12 * best.loss
        f = gd.LogisticRegression(data, kind == 1, fit_intercept=True)
        # No class is separated, as there is noise.
        y2 = (rng.random(200) < 0.3 + 0.2 * kind).astype(float)
        f = gd.LogisticRegression(data, y2, fit_intercept=True)
        best = theory.optimum(f)
        p = np.array([y2[kind == k].mean() for k in range(3)])[kind]
        entropy = -np.mean(y2 * np.log(p) + (1 - y2) * np.log(1 - p))
        assert best.loss == pytest.approx(entropy, rel=1e-12)
        assert best.error <= 1e-12
        assert best.attained


def test_columns_dependent_but_for_rounding_claim_nothing():
    # The third is the sum of two, rounded: whether L* uses the rounding, no float64 knows.
    rng = np.random.default_rng(4)
    X = rng.normal(size=(50, 3))
    X[:, 2] = 0.1 * X[:, 0] + 0.7 * X[:, 1]
    y = rng.normal(size=50)
    best = check(gd.LeastSquares(X, y), exact_least_squares(X, y))
    assert best.error == pytest.approx(best.loss)
    assert theory.optimum(gd.Quadratic(X.T @ X, X.T @ y)).error == math.inf


def test_a_rank_is_exact():
    rng = np.random.default_rng(5)
    A = rng.integers(-9, 9, size=(40, 6)) * 2.0 ** rng.integers(-40, 40, size=6)
    assert quadratics.rank(lambda: [A], 6) == 6
    joined = np.column_stack([A, A[:, :2] @ [3.0, -0.5]])
    assert quadratics.rank(lambda: [joined], 7) == 6
    joined[17, 6] = np.nextafter(joined[17, 6], np.inf)
    assert quadratics.rank(lambda: [joined[:20], joined[20:]], 7) == 7
    assert quadratics.rank(lambda: [np.zeros((3, 4))], 4) == 0


def test_quadratic_forms_of_any_scale():
    f = gd.Quadratic(np.diag([1.0, 1e-14]), [1.0, 1e-7])
    best = theory.optimum(f)
    assert best.loss == pytest.approx(-1.0, abs=1e-12)
    assert best.error < 1e-12
    # Without a minimum, however small the slope.
    assert theory.optimum(gd.Quadratic(np.diag([1.0, 0.0]), [0.0, 1e-300])).loss == -math.inf
    assert theory.optimum(gd.Quadratic([[1.0, 2.0], [2.0, 1.0]])).loss == -math.inf
    # Dependent, exactly: b in the range of A, and not.
    A = np.outer([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    best = theory.optimum(gd.Quadratic(A, [1.0, 2.0, 3.0]))
    assert best.loss == pytest.approx(-0.5)
    assert best.error < 1e-12
    assert theory.optimum(gd.Quadratic(A, [1.0, 2.0, 4.0])).loss == -math.inf


@pytest.mark.parametrize("number", range(10))
def test_random_quadratic_forms_stay_within_the_error(number):
    rng = np.random.default_rng(number)
    V, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    A = V * np.geomspace(1.0, 10.0 ** (-1.3 * number), 4) @ V.T
    A, b = (A + A.T) / 2, rng.normal(size=4)
    theta = exact_solution(fractions(A), [Fraction(float(one)) for one in b])
    exact = -sum(Fraction(float(x)) * z for x, z in zip(b, theta, strict=True)) / 2
    best = check(gd.Quadratic(A, b), exact)
    assert best.error <= 1e-6 * abs(best.loss)


# Newton's method, and what it proves.


def table(n=400, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    margins = X @ np.arange(1.0, d + 1) / d
    return X, margins, rng


def models():
    X, margins, rng = table()
    binary = (rng.random(400) < 1 / (1 + np.exp(-margins))).astype(float)
    classes = (rng.integers(0, 3, 400) + (margins > 0)) % 3
    counts = rng.poisson(np.exp(margins / 2)).astype(float)
    weights = rng.integers(0, 4, 400).astype(float)
    yield gd.LogisticRegression(X, binary, fit_intercept=True)
    yield gd.LogisticRegression(X * [1e3, 1.0, 1e-3, 1.0], binary, sample_weight=weights)
    yield gd.SoftmaxRegression(X, classes, fit_intercept=True)
    yield gd.SoftmaxRegression(X, classes, l2=0.1, fit_intercept=True)
    yield gd.LinearModel(X, counts, "poisson", fit_intercept=True)
    yield gd.LinearModel(X, counts + 0.5, "gamma", sample_weight=weights)
    yield gd.LinearModel(X, margins + rng.normal(size=400), gd.losses.Huber(0.5), l2=0.1)
    yield gd.LinearModel(X, binary, "squared_hinge", l2=0.01)


MODELS = list(models())


@pytest.mark.parametrize("f", MODELS, ids=lambda f: f.loss.name)
def test_newtons_method_finds_the_minimum_and_proves_it(f):
    best = theory.optimum(f)
    assert best.attained
    assert 0 <= best.error <= 1e-12
    slopes = np.linalg.norm(f.gradient(np.zeros(f.n_params)))
    assert best.grad_norm <= 1e-9 * slopes
    rng = np.random.default_rng(0)
    for scale in (1e-6, 1e-3, 1.0):
        for _ in range(20):
            near = best.theta + scale * rng.normal(size=f.n_params) * (1 + np.abs(best.theta))
            assert f.value(near) >= best.loss - 1e-14 * abs(best.loss)


@pytest.mark.parametrize("f", MODELS[:6], ids=lambda f: f.loss.name)
def test_what_is_proven_from_afar_is_true(f):
    # Any point will do for the proof: what it says there is never less than the truth.
    best = theory.optimum(f)
    rng = np.random.default_rng(1)
    claims = 0
    for scale in (1e-5, 1e-4, 1e-3, 1e-2, 0.1):
        theta = best.theta + scale * rng.normal(size=f.n_params) * (1 + np.abs(best.theta))
        used = np.arange(f.n_params)
        H = newton._Hessian(f, f.X, None)(theta)
        error, attained = newton._bound(f, theta, f.gradient(theta), H, used)
        assert error >= f.value(theta) - best.loss - 1e-15
        claims += math.isfinite(error)
        assert bool(attained) == math.isfinite(error)
    assert claims >= 2


def test_rare_columns_do_not_lead_newtons_method_astray():
    # A part of the rows sees few of them, each of one class: there they have no minimiser.
    rng = np.random.default_rng(0)
    X = (rng.random((6000, 30)) < 0.005).astype(float)
    y = (rng.random(6000) < 1 / (1 + np.exp(-X @ rng.normal(size=30)))).astype(float)
    best = theory.optimum(gd.LogisticRegression(X, y, fit_intercept=True))
    assert best.grad_norm < 1e-12
    assert best.attained
    assert best.error < 1e-12


@pytest.mark.parametrize("kind", ["logistic", "softmax"])
def test_many_parameters_and_a_free_intercept_are_proven_without_a_hessian(kind):
    X, margins, rng = table()
    y = (margins + rng.normal(size=400) > 0).astype(float)
    if kind == "softmax":
        y += rng.integers(0, 2, 400)
    f = gd.LinearModel(X, y, kind, l2=0.1, fit_intercept=True)
    best = theory.optimum(f)
    assert best.error < 1e-13
    claims = 0
    for scale in (1e-8, 1e-6, 1e-4, 1e-3, 0.1):
        theta = best.theta + scale * rng.normal(size=f.n_params)
        error = newton.bound_from_afar(f, theta)
        assert error >= f.value(theta) - best.loss - 1e-15
        claims += math.isfinite(error)
    assert claims >= 2
    wide = gd.LinearModel(rng.normal(size=(30, 1300)), y[:30], kind, l2=0.1, fit_intercept=True)
    best = theory.optimum(wide)
    assert best.attained
    assert best.error < 1e-9


def test_the_hessian_is_that_of_the_loss():
    for f in MODELS:
        theta = np.random.default_rng(0).normal(size=f.n_params) * 0.1
        H = newton._Hessian(f, f.X, None)(theta)
        h = 1e-5 / max(1.0, float(np.abs(f.X).max() / 10))
        for j in range(0, f.n_params, 2):
            e = np.zeros(f.n_params)
            e[j] = h
            column = (f.gradient(theta + e) - f.gradient(theta - e)) / (2 * h)
            if f.loss.name == "softmax":  # it fills directions that change nothing
                shift = np.zeros(f.n_params)
                K, d = f.n_outputs, f.n_features
                if j < K * d and f.l2 == 0:
                    shift[j % d : K * d : d] = 1.0
                elif j >= K * d:
                    shift[K * d :] = 1.0
                difference = H[:, j] - column
                np.testing.assert_allclose(
                    difference - shift * (difference @ shift / max(shift.sum(), 1.0)),
                    0.0, atol=1e-8 * np.abs(H).max(),
                )  # fmt: skip
            else:
                np.testing.assert_allclose(H[:, j], column, atol=1e-5 * np.abs(H).max())


def test_a_loss_that_may_be_negative_is_bounded_by_its_own_least_values():
    X, margins, rng = table()
    y = rng.poisson(20 * np.exp(margins / 2)).astype(float)
    f = gd.LinearModel(X, y, "poisson", fit_intercept=True)
    best = theory.optimum(f)
    assert best.loss < 0
    assert 0 <= best.error < 1e-9
    least = np.mean(y - y * np.log(np.maximum(y, 1)))
    assert least < best.loss
    wide = gd.LinearModel(rng.normal(size=(5, 1300)), np.arange(5.0), "poisson")
    best = theory.optimum(wide)  # by L-BFGS: it can reach the least values
    y = np.arange(5.0)
    assert best.loss - best.error <= np.mean(y - y * np.log(np.maximum(y, 1))) + 1e-12


# Penalties that are not smooth.


@pytest.mark.parametrize("penalty", [
    gd.penalties.L1(0.1), gd.penalties.ElasticNet(0.2, 0.5), gd.penalties.Box(-0.2, 0.3),
], ids=repr)  # fmt: skip
def test_penalised_minima(penalty):
    X, margins, rng = table()
    f = gd.LinearModel(X, margins + 0.1 * rng.normal(size=400), penalty=penalty)
    best = theory.optimum(f)
    assert 0 <= best.error <= 1e-10
    assert best.grad_norm <= 1e-10
    for scale in (1e-6, 1e-3, 1.0):
        for _ in range(20):
            near = penalty.prox(best.theta + scale * rng.normal(size=4), 1e-3)
            assert f.value(near) >= best.loss - 1e-14
    r = gd.minimize(f, gd.SGD(lr="1/beta"), steps=50)
    c = r.certificate()
    assert c["1"].verdict == c["2"].verdict == "holds"
    assert c["(1)"].verdict == "not applicable"
    fast = gd.minimize(f, gd.Nesterov(lr="1/beta"), steps=50).certificate()
    assert fast["5"].verdict == "holds"


def test_progress_is_shown_and_a_long_search_is_announced(capfd, monkeypatch):
    f = MODELS[0]
    monkeypatch.setattr("fastgd.theory.minimum.LONG", 0.0)
    theory.optimum(f, progress=True)
    assert "finding L* may take about" in capfd.readouterr().err
    with pytest.warns(UserWarning, match="finding L\\* may take about .* optimum="):
        theory.optimum(f)
