"""A package of somebody else's, built in Cython against the installed fastgd."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastgd as gd


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    if shutil.which("gcc") is None and shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    place = tmp_path_factory.mktemp("rosenbrock")
    source = Path(__file__).parent / "extension"
    for file in source.iterdir():
        shutil.copy(file, place)
    command = [sys.executable, "setup.py", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(place))
    yield importlib.import_module
    sys.path.remove(str(place))


@pytest.fixture(scope="module")
def rosenbrock(built):
    yield built("rosenbrock")
    # What is somebody else's must not appear in the registries of the tests that follow.
    gd.objectives.registry.pop("Rosenbrock")


@pytest.fixture(scope="module")
def cauchy(built):
    yield built("cauchy")
    gd.losses.registry.pop("cauchy")
    gd.penalties.registry.pop("l0")
    gd.optimizers.registry.pop("normalized")
    gd.schedules.registry.pop("halving")
    from fastgd.core.sampling import SAMPLERS

    SAMPLERS.pop("both_ends")


@pytest.mark.slow
def test_an_objective_of_ones_own_runs_in_the_loop(rosenbrock):
    f = rosenbrock.Rosenbrock(4)
    scipy_optimize = pytest.importorskip("scipy.optimize")
    theta = np.array([0.3, -1.2, 0.5, 2.0])
    assert f.value(theta) == pytest.approx(scipy_optimize.rosen(theta), rel=1e-14)
    np.testing.assert_allclose(f.gradient(theta), scipy_optimize.rosen_der(theta), rtol=1e-13)
    r = gd.minimize(f, gd.Adam(0.01), theta0=theta, steps=20_000)
    np.testing.assert_allclose(r.theta, np.ones(4), atol=1e-3)

    same = gd.Function(scipy_optimize.rosen, scipy_optimize.rosen_der, n_params=4)
    slow = gd.minimize(same, gd.Adam(0.01), theta0=theta, steps=200)
    fast = gd.minimize(f, gd.Adam(0.01), theta0=theta, steps=200)
    np.testing.assert_allclose(fast.theta, slow.theta, rtol=1e-10)


@pytest.mark.slow
def test_it_diverges_like_any_other(rosenbrock):
    r = gd.minimize(rosenbrock.Rosenbrock(2), gd.SGD(1.0), theta0=[-1.0, 1.0], steps=1000)
    assert r.diverged and not r.converged and np.isfinite(r.theta).all()


@pytest.mark.slow
def test_a_loss_penalty_optimizer_sampler_and_schedule_of_ones_own(cauchy):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 5))
    y = X @ [1.0, -2.0, 0.0, 0.0, 3.0] + rng.standard_cauchy(60)
    f = gd.LinearModel(X, y, cauchy.Cauchy(2.0), cauchy.L0(0.001), fit_intercept=True)
    opt = cauchy.Normalized(cauchy.halving(0.05, 40))
    r = gd.minimize(f, opt, batch_size=1, steps=200, sampling="both_ends", record_every=50)

    # The same in plain NumPy.
    theta, Z = np.zeros(6), np.column_stack([X, np.ones(60)])
    for t in range(200):
        place = t % 60
        i = place // 2 if place % 2 == 0 else 59 - place // 2
        residual = Z[i] @ theta - y[i]
        g = Z[i] * 2 * residual / (4 + residual**2)
        lr = 0.05 * 0.5 ** (t // 40)
        theta = theta - lr * g / np.linalg.norm(g)
        theta[:5][np.abs(theta[:5]) < np.sqrt(2 * 0.001 * lr)] = 0.0
    np.testing.assert_allclose(r.theta, theta, rtol=1e-11)
    cost = np.mean(np.log1p((Z @ theta - y) ** 2 / 4)) + 0.001 * np.count_nonzero(theta[:5])
    assert r.loss == pytest.approx(cost, rel=1e-12)
    assert gd.NeuralNetwork(X, y, hidden=(3,), loss="cauchy").loss == cauchy.Cauchy()
    sparse = pytest.importorskip("scipy.sparse")
    wide = gd.LinearModel(sparse.csr_matrix(X), y, "cauchy")
    assert np.isfinite(gd.minimize(wide, gd.SGD(0.1), batch_size=1, steps=50, seed=0).theta).all()
    # A run of it can be cut anywhere, as any other.
    run = {"batch_size": 1, "steps": 200, "sampling": "both_ends"}
    half = gd.Run(f, opt, **run).advance(77).result()
    assert np.array_equal(gd.resume(half).theta, r.theta)


def test_an_optimizer_in_plain_python():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Slow(gd.optimizers.PythonRule):
        lr: float = 0.1
        weight_decay: float = 0.0
        slots = ("v",)

        def move(self, theta, gradient, state, t, lr, momentum):
            if lr > 1:
                raise KeyError("too fast")
            state["v"][:] = 0.9 * state["v"] + 0.1 * gradient
            return theta - lr * state["v"]

    try:
        X = np.random.default_rng(0).standard_normal((40, 3))
        f = gd.LeastSquares(X, X[:, 0], l2=0.1, fit_intercept=True)
        lr = gd.schedules.cosine(0.1)
        run = {"batch_size": 7, "steps": 50, "seed": 0}
        a = gd.minimize(f, Slow(lr, weight_decay=0.1), **run).theta
        b = gd.minimize(f, gd.Momentum(lr, weight_decay=0.1), **run).theta
        np.testing.assert_allclose(a, b, rtol=1e-12)
        # Its exceptions come out as they are, and the step that raised changed nothing.
        run = gd.Run(f, Slow(gd.schedules.linear(0.0, 2.0)), steps=10)
        with pytest.raises(KeyError, match="too fast"):
            run.advance()
        theta = np.zeros(4)
        opt, before = Slow(2.0), theta.copy()
        with pytest.raises(KeyError, match="too fast"):
            opt.step(theta, np.ones(4), opt.init(theta))
        assert np.array_equal(theta, before)
    finally:
        gd.optimizers.registry.pop("slow")


def test_a_mini_batch_objective_in_plain_python():
    X = np.random.default_rng(0).standard_normal((500, 3))
    y = X @ [1.0, 2.0, 3.0]
    same = gd.LeastSquares(X, y)
    f = gd.Function(
        lambda theta, i: float(np.mean((X[i] @ theta - y[i]) ** 2)),
        lambda theta, i: 2 * X[i].T @ (X[i] @ theta - y[i]) / len(i),
        n_params=3,
        n_samples=500,
    )
    theta = np.ones(3)
    assert f.value(theta) == pytest.approx(same.value(theta), rel=1e-12)
    np.testing.assert_allclose(f.gradient(theta, [1, 1, 7]), same.gradient(theta, [1, 1, 7]))
    np.testing.assert_allclose(f.sample_gradients(theta), same.sample_gradients(theta))
    for batch_size in (1, 32, None):
        run = {"batch_size": batch_size, "steps": 60, "seed": 0, "sampling": "shuffle"}
        a, b = (gd.minimize(g, gd.Adam(0.01), **run) for g in (f, same))
        np.testing.assert_allclose(a.theta, b.theta, rtol=1e-11)
        assert a.loss == pytest.approx(b.loss, rel=1e-11)
    with pytest.raises(ValueError, match="no observations"):
        gd.minimize(gd.Function(lambda u: 0.0, lambda u: u, 3), gd.SGD(0.1), batch_size=2, steps=3)
    with pytest.raises(TypeError, match="n_samples"):
        gd.Function(lambda u, i: 0.0, lambda u, i: u, 3, n_samples=2.5)
