"""Dense data as it comes: float32 and memory-mapped files, in place and with float64 sums."""

import numpy as np
import pytest

import fastgd as gd

OBJECTIVES = [gd.LeastSquares, gd.LogisticRegression, gd.SoftmaxRegression]


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("n_features", [1, 5, 30, 255, 256, 300, 784])
def test_float32_is_used_in_place_and_summed_in_float64(objective, n_features):
    rng = np.random.default_rng(n_features)
    X = rng.standard_normal((70, n_features)).astype(np.float32)
    y = rng.integers(0, 3 if objective is gd.SoftmaxRegression else 2, 70)
    single = objective(X, y, l2=0.1, fit_intercept=True)
    double = objective(X.astype(np.float64), y, l2=0.1, fit_intercept=True)
    assert single.X is X
    theta = rng.standard_normal(single.n_params)
    assert single.value(theta) == pytest.approx(double.value(theta), rel=1e-13)
    np.testing.assert_allclose(
        single.gradient(theta), double.gradient(theta), rtol=1e-11, atol=1e-13
    )
    assert single.smoothness() == pytest.approx(double.smoothness(), rel=1e-12)
    for batch_size in (1, 32, None):
        run = {"batch_size": batch_size, "steps": 100, "seed": 0}
        a = gd.minimize(single, gd.Momentum(0.001), **run).theta
        b = gd.minimize(double, gd.Momentum(0.001), **run).theta
        assert np.linalg.norm(a - b) <= 1e-12 * np.linalg.norm(b)


def test_a_memory_mapped_file_is_not_copied(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1000, 20))
    y = (X[:, 0] > 0).astype(float)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    f = gd.LogisticRegression(mapped, y)
    assert np.shares_memory(f.X, mapped)
    run = {"batch_size": 16, "epochs": 3, "seed": 0}
    a = gd.minimize(f, gd.Adam(0.01), **run)
    b = gd.minimize(gd.LogisticRegression(X, y), gd.Adam(0.01), **run)
    assert np.array_equal(a.theta, b.theta)


def test_an_infinity_in_float32_is_found():
    X = np.ones((5000, 3), dtype=np.float32)
    X[4321, 2] = np.inf
    with pytest.raises(ValueError, match=r"X\[4321, 2\] is inf"):
        gd.LeastSquares(X, np.ones(5000))
