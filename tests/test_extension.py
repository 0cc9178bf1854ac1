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
def rosenbrock(tmp_path_factory):
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    if shutil.which("gcc") is None and shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    place = tmp_path_factory.mktemp("rosenbrock")
    source = Path(__file__).parent / "extension"
    for file in source.iterdir():
        shutil.copy(file, place)
    command = [sys.executable, "setup.py", "build_ext", "--inplace"]
    built = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    sys.path.insert(0, str(place))
    yield importlib.import_module("rosenbrock")
    sys.path.remove(str(place))
    # Its objective must not appear in the registry of the tests that follow.
    gd.objectives.registry.pop("Rosenbrock")


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
