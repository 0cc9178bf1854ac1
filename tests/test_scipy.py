# Every optimizer as a method of scipy.optimize.minimize.
import numpy as np
import pytest
from scipy import optimize
from scipy.optimize import Bounds, OptimizeResult, OptimizeWarning, rosen, rosen_der

import fastgd as gd

START = np.array([1.3, 0.7])
A = np.array([[2.0, 0.5], [0.5, 1.0]])
b = np.array([1.0, -1.0])


def value(x, A=A, b=b):
    return 0.5 * x @ A @ x - b @ x


def slope(x, A=A, b=b):
    return A @ x - b


def both(x):
    return value(x), slope(x)


def minimum(method, fun=value, jac=slope, x0=START, **options):
    return optimize.minimize(fun, x0, jac=jac, method=method, **options)


@pytest.mark.parametrize("rule", gd.optimizers.registry)
def test_every_optimizer_is_a_method(rule):
    optimizer = gd.optimizers.registry[rule].make(lr=0.02)
    r = minimum(optimizer, options={"maxiter": 50})
    ours = gd.minimize(gd.Function(value, slope, 2), optimizer, START, steps=r.nit)
    np.testing.assert_array_equal(r.x, ours.theta)
    assert isinstance(r, OptimizeResult)
    assert r.fun == value(r.x)
    assert r.nit == r.history["step"][-1]
    np.testing.assert_array_equal(r.jac, slope(r.x))


@pytest.mark.parametrize("rule", [gd.SAGA(), gd.SVRG(0.1)])
def test_what_asks_for_samples_is_no_method(rule):
    with pytest.raises(ValueError, match="keeps one number for each sample of a linear model"):
        minimum(rule)


def test_it_converges_by_the_gradient():
    r = minimum(gd.Momentum(0.2, momentum=0.5), tol=1e-8)
    assert r.success and r.status == 0
    assert np.abs(r.jac).max() <= 1e-8
    np.testing.assert_allclose(r.x, np.linalg.solve(A, b), atol=1e-7)
    assert r.message == f"largest entry of the gradient {np.abs(r.jac).max():.3g} <= 1e-08"


def test_steps_run_out_and_runs_diverge():
    r = minimum(gd.SGD(1e-6), options={"maxiter": 3})
    assert (r.success, r.status, r.nit, r.message) == (False, 1, 3, "reached 3 steps")
    with np.errstate(over="ignore", invalid="ignore"):
        r = minimum(gd.SGD(1e3), options={"maxiter": 500})
    assert not r.success and r.status == 2
    assert np.isfinite(r.x).all()


def test_a_place_is_asked_for_once():
    asked = []
    r = minimum(gd.SGD(0.1), lambda x: asked.append(0) or both(x), True, options={"maxiter": 20})
    assert r.nit == 20
    assert len(asked) == 21  # θ_0 to θ_20
    assert r.nfev == 21 and r.njev == 21


def test_arguments_reach_both():
    kept = minimum(gd.SGD(0.1), args=(2 * A, b), options={"maxiter": 30})
    other = minimum(gd.SGD(0.1), lambda x: value(x, 2 * A), lambda x: slope(x, 2 * A),
                    options={"maxiter": 30})  # fmt: skip
    np.testing.assert_array_equal(kept.x, other.x)


@pytest.mark.parametrize("jac", [None, False, "2-point"])
def test_gradients_by_differences(jac):
    r = minimum(gd.SGD(0.3), jac=jac, tol=1e-6)
    assert r.success
    assert "by forward differences" in r.message
    np.testing.assert_allclose(r.x, np.linalg.solve(A, b), atol=1e-5)
    assert r.nfev == 3 * (r.nit + 1)


def test_differences_stay_within_the_bounds():
    seen = []

    def watched(x):
        seen.append(x.copy())
        return value(x)

    r = minimum(gd.SGD(0.3), watched, None, [0.5, -0.5], bounds=[(0.0, 0.5), (None, -0.5)])
    assert r.success
    assert np.max(seen, axis=0)[0] <= 0.5 and np.max(seen, axis=0)[1] <= -0.5


def test_one_place_of_any_shape():
    r = minimum(gd.SGD(0.1), lambda x: np.array([value(x)]), lambda x: slope(x)[None, :],
                options={"maxiter": 5})  # fmt: skip
    np.testing.assert_array_equal(r.x, minimum(gd.SGD(0.1), options={"maxiter": 5}).x)
    with pytest.raises(ValueError, match="fun must return a number, not an array of shape"):
        minimum(gd.SGD(0.1), lambda x: x)


@pytest.mark.parametrize("bounds", [[(0.0, 0.5), (None, -0.5)], Bounds([0, -np.inf], [0.5, -0.5])])
@pytest.mark.parametrize("rule", [gd.SGD(0.1), gd.Adam(0.05), gd.Nesterov(0.1, momentum=0.5)])
def test_bounds_are_kept_by_projection(bounds, rule):
    seen = []
    r = minimum(rule, bounds=bounds, x0=[0.3, -0.7], callback=lambda x: seen.append(x), tol=1e-6)
    best = optimize.minimize(value, [0.3, -0.7], jac=slope, bounds=bounds, tol=1e-12)
    assert r.success and "projected gradient" in r.message
    np.testing.assert_allclose(r.x, best.x, atol=1e-5)
    assert (np.array(seen) <= [0.5, -0.5]).all() and (np.array(seen)[:, 0] >= 0).all()


def test_bounds_that_make_no_sense():
    with pytest.raises(ValueError, match=r"2 pairs \(low, high\)"):
        minimum(gd.SGD(0.1), bounds=[(0, 1)])
    with pytest.raises(ValueError, match="variable 1 has its low 2.0 above its high 1.0"):
        minimum(gd.SGD(0.1), bounds=[(0, 1), (2, 1)])
    with pytest.warns(OptimizeWarning, match="x0 is outside the bounds"):
        minimum(gd.SGD(0.1), bounds=[(2, 3), (0, 1)])


def test_what_is_not_used_is_said():
    with pytest.raises(ValueError, match="SGD takes bounds, but no other constraints"):
        minimum(gd.SGD(0.1), constraints={"type": "eq", "fun": lambda x: x[0]})
    with pytest.warns(RuntimeWarning, match="SGD does not use hess and hessp"):
        minimum(gd.SGD(0.1), hess=lambda x: A, options={"maxiter": 1})
    with pytest.raises(TypeError, match="ftol"):
        minimum(gd.SGD(0.1), options={"ftol": 1e-3})


def test_both_signatures_of_callbacks():
    plain, named = [], []
    minimum(gd.SGD(0.1), callback=lambda x: plain.append(x), options={"maxiter": 4})
    minimum(
        gd.SGD(0.1),
        callback=lambda intermediate_result: named.append(intermediate_result),
        options={"maxiter": 4},
    )
    assert len(plain) == len(named) == 4
    np.testing.assert_array_equal(plain, [one.x for one in named])
    assert [one.fun for one in named] == [value(x) for x in plain]


def test_stop_iteration_ends_a_run():
    def stop(x):
        raise StopIteration

    r = minimum(gd.SGD(0.1), callback=stop)
    assert (r.success, r.status, r.nit) == (False, 99, 1)
    assert r.message == "`callback` raised `StopIteration`."


def test_inside_basinhopping():
    def bumpy(x):
        return float(x @ x + 3 * np.sin(3 * x).sum()), 2 * x + 9 * np.cos(3 * x)

    r = optimize.basinhopping(
        bumpy, [2.0, 2.0], niter=20, rng=np.random.default_rng(0), stepsize=2.0,
        minimizer_kwargs={"method": gd.SGD(0.02), "jac": True},
    )  # fmt: skip
    line = np.linspace(-4, 4, 100_001)
    best = 2 * (line**2 + 3 * np.sin(3 * line)).min()
    assert r.fun == pytest.approx(best, abs=1e-6)


def test_rates_by_the_smoothness_and_by_a_schedule():
    beta = np.linalg.eigvalsh(A)[-1]
    r = minimum(gd.SGD("1/beta"), options={"maxiter": 9, "smoothness": beta})
    np.testing.assert_array_equal(r.x, minimum(gd.SGD(1 / beta), options={"maxiter": 9}).x)
    r = minimum(gd.SGD(gd.schedules.cosine(0.1)), options={"maxiter": 9})
    np.testing.assert_array_equal(r.history["lr"][1:], gd.schedules.cosine(0.1)(np.arange(9), 9))


def test_records_apart(capsys):
    options = {"maxiter": 2500, "record_every": 500, "disp": True}
    r = minimum(gd.Adam(0.01), rosen, rosen_der, options=options)
    assert list(r.history["step"]) == [0, 500, 1000, 1500, 2000, 2500]
    assert capsys.readouterr().out == "reached 2500 steps\n"


def test_an_optimizer_is_no_rate():
    with pytest.raises(TypeError, match="SGD: lr must be a number"):
        gd.SGD(gd.Adam())
