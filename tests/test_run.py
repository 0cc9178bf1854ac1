"""Run, minimize, sweep: records, stop rules, epochs, divergence, seeds, threads, clipping."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import optimizer
from scipy import sparse
from scipy.optimize import minimize as judge

import fastgd as gd
from fastgd import stretch
from fastgd.core import seeds


def data(n=50, d=4):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, d))
    return X, X @ np.arange(1.0, d + 1) + rng.standard_normal(n)


@pytest.fixture
def f():
    return gd.LeastSquares(*data(), fit_intercept=True)


def recorded(f, **run):
    return gd.minimize(f, gd.SGD(0.01), seed=0, **run).history["step"].tolist()


def test_records_come_every_so_many_steps_and_at_both_ends(f):
    assert recorded(f, steps=10, record_every=1) == list(range(11))
    assert recorded(f, steps=10, record_every=4) == [0, 4, 8, 10]
    assert recorded(f, steps=10, record_every=100) == [0, 10]
    assert recorded(f, steps=10, record_every=0) == []


def test_records_come_once_an_epoch_by_default(f):
    # 50 rows in batches of 7 are 8 steps.
    assert recorded(f, batch_size=7, epochs=3) == [0, 8, 16, 24]
    assert recorded(f, batch_size=7, steps=20) == [0, 8, 16, 20]
    assert len(recorded(f, steps=1000)) == 101
    assert recorded(f, epochs=3) == [0, 1, 2, 3]


def test_the_history_holds_loss_gradient_and_rate_of_the_oracle(f):
    slow = oracle.LeastSquares(*data(), fit_intercept=True)
    lr = 0.05 / (1 + 0.1 * np.arange(20))
    path = oracle.replay(slow, "sgd", np.zeros(5), 20, lr, 7, seed=2)
    r = gd.minimize(
        f, gd.SGD(gd.schedules.inverse_time(0.05, 0.1)), batch_size=7, steps=20, seed=2,
        record_every=5,
    )  # fmt: skip
    h = r.history
    assert set(h) == {"step", "loss", "lr", "grad_norm", "time"}
    assert h["step"].dtype == np.int64 and h["loss"].dtype == np.float64
    assert h["step"].tolist() == [0, 5, 10, 15, 20]
    np.testing.assert_allclose(h["loss"], [slow.value(u) for u in path[::5]], rtol=1e-12)
    norms = [np.linalg.norm(slow.gradient(u)) for u in path[::5]]
    np.testing.assert_allclose(h["grad_norm"], norms, rtol=1e-11)
    assert np.isnan(h["lr"][0])
    np.testing.assert_allclose(h["lr"][1:], lr[4::5], rtol=1e-15)
    assert (np.diff(h["time"]) >= 0).all()
    assert r.loss == h["loss"][-1] and r.steps == 20


def test_without_records_the_loss_is_computed_when_asked_for(f):
    runs = [gd.minimize(f, gd.Adam(0.1), steps=30, record_every=every) for every in (0, 1)]
    assert "not asked for" in repr(runs[0])
    assert runs[0].loss == runs[1].loss == f.value(runs[0].theta)


@pytest.mark.parametrize("sampling", ["replacement", "shuffle", "sequential"])
@pytest.mark.parametrize("batch_size, per_epoch", [(1, 50), (7, 8), (50, 1), (None, 1)])
def test_an_epoch_is_the_data_once(f, batch_size, per_epoch, sampling):
    run = {"batch_size": batch_size, "seed": 0, "sampling": sampling}
    a = gd.minimize(f, gd.SGD(0.01), epochs=3, **run)
    b = gd.minimize(f, gd.SGD(0.01), steps=3 * per_epoch, **run)
    assert a.steps == b.steps == 3 * per_epoch
    assert np.array_equal(a.theta, b.theta)


def test_schedules_see_the_length_of_the_run(f):
    seen = []

    class spy(gd.schedules.Schedule):
        def __call__(self, t, total):
            seen.append(total)
            return np.full(np.shape(t), 0.01)

    # Other tests go through the registry.
    gd.schedules.registry.pop("spy", None)
    gd.minimize(f, gd.SGD(spy()), batch_size=7, epochs=2, seed=0)
    assert set(seen) == {16}


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({}, ValueError, "steps"),
        ({"steps": 5, "epochs": 1}, ValueError, "steps"),
        ({"steps": 0}, ValueError, "steps"),
        ({"steps": -1}, ValueError, "steps"),
        ({"steps": 1.5}, TypeError, "steps"),
        ({"steps": True}, TypeError, "steps"),
        ({"epochs": 0}, ValueError, "epochs"),
        ({"epochs": "3"}, TypeError, "epochs"),
        ({"steps": 5, "batch_size": 0}, ValueError, "batch_size"),
        ({"steps": 5, "batch_size": 51}, ValueError, "batch_size"),
        ({"steps": 5, "batch_size": 2.0}, TypeError, "batch_size"),
        ({"steps": 5, "batch_size": True}, TypeError, "batch_size"),
        ({"steps": 5, "sampling": "random"}, ValueError, "sampling"),
        ({"steps": 5, "sampling": None}, ValueError, "sampling"),
        ({"steps": 5, "record_every": -1}, ValueError, "record_every"),
        ({"steps": 5, "record_every": 1.0}, TypeError, "record_every"),
        ({"steps": 5, "seed": -1}, ValueError, "seed"),
        ({"steps": 5, "seed": 0.5}, TypeError, "seed"),
        ({"steps": 5, "seed": "0"}, TypeError, "seed"),
        ({"steps": 5, "callbacks": [3]}, TypeError, "callback"),
        ({"steps": 5, "theta0": np.zeros(4)}, ValueError, "theta0"),
        ({"steps": 5, "theta0": np.full(5, np.nan)}, ValueError, "theta0"),
        ({"steps": 5, "theta0": np.zeros(5, complex)}, TypeError, "theta0"),
        ({"steps": 5, "record_every": 0, "callbacks": [gd.callbacks.TargetLoss(1.0)]}, ValueError,
         "record_every"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_refused(f, arguments, error, message):
    with pytest.raises(error, match=message):
        gd.minimize(f, gd.SGD(0.01), **arguments)


def test_what_is_not_an_objective_or_an_optimizer_is_refused(f):
    with pytest.raises(TypeError, match="objective"):
        gd.minimize(lambda u: u, gd.SGD(), steps=1)
    with pytest.raises(TypeError, match="parentheses"):
        gd.minimize(f, gd.SGD, steps=1)
    for without in (gd.Quadratic(np.eye(2)), gd.Function(lambda u: 0.0, np.zeros_like, 2)):
        with pytest.raises(ValueError, match="no observations"):
            gd.minimize(without, gd.SGD(), batch_size=1, steps=1)
        with pytest.raises(ValueError, match="no epochs"):
            gd.minimize(without, gd.SGD(), epochs=1)


@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_a_schedule_that_goes_wrong_is_refused(f, rule):
    bad = gd.schedules.linear(0.1, 0.01)
    opt = gd.optimizers.registry[rule](lr=bad)
    gd.minimize(f, opt, steps=5)
    with pytest.raises(ValueError, match="steps"):
        opt.step(np.zeros(2), np.zeros(2), opt.init(np.zeros(2)))


def test_theta0_is_left_alone_and_any_real_vector_will_do(f):
    theta0 = np.ones(5)
    r = gd.minimize(f, gd.SGD(0.01), theta0, steps=5)
    assert np.array_equal(theta0, np.ones(5)) and not np.shares_memory(theta0, r.theta)
    for other in ([1] * 5, np.ones(5, dtype=np.int8), np.ones(10)[::2]):
        assert np.array_equal(gd.minimize(f, gd.SGD(0.01), other, steps=5).theta, r.theta)


def test_stop_rules_end_a_run_as_converged(f):
    def run(rule):
        return gd.minimize(f, gd.SGD("1/beta"), steps=10**5, record_every=1, callbacks=[rule])

    r = run(gd.callbacks.GradientNorm(1e-6))
    norms = r.history["grad_norm"]
    assert r.converged and norms[-1] <= 1e-6 < norms[-2] and "gradient norm" in r.message
    r = run(gd.callbacks.TargetLoss(2.0))
    assert r.converged and r.loss <= 2.0 < r.history["loss"][-2]
    r = run(gd.callbacks.RelativeChange(1e-9))
    a, b, c = r.history["loss"][-3:]
    assert r.converged and abs(c - b) <= 1e-9 * c and abs(b - a) > 1e-9 * b
    assert r.steps < 10**5 and r.steps == r.history["step"][-1]


def test_a_run_that_meets_its_rule_at_the_start_takes_no_step(f):
    r = gd.minimize(f, gd.SGD(0.1), steps=5, callbacks=[gd.callbacks.TargetLoss(1e9)])
    assert r.steps == 0 and r.converged and np.array_equal(r.theta, np.zeros(5))


def test_wall_time_ends_a_run_that_would_take_for_ever(f):
    r = gd.minimize(f, gd.SGD(1e-9), steps=10**13, record_every=0,
                    callbacks=[gd.callbacks.WallTime(0.02)])  # fmt: skip
    assert 0 < r.steps < 10**13 and not r.converged and "time" in r.message


@pytest.mark.parametrize(
    "rule, bad",
    [(rule, bad)
     for rule in ("GradientNorm", "RelativeChange", "TargetLoss", "WallTime")
     for bad in (np.nan, np.inf, "1", None)]
    + [(rule, -1.0) for rule in ("GradientNorm", "RelativeChange", "WallTime")],
)  # fmt: skip
def test_a_bad_stop_rule_is_refused(rule, bad):
    with pytest.raises((TypeError, ValueError)):
        getattr(gd.callbacks, rule)(bad)


def test_any_callable_may_look_and_stop(f):
    seen = []

    def look(progress):
        seen.append((progress.step, progress.loss))
        progress.theta[:] = np.nan  # a copy: the run does not notice
        return "enough" if progress.step == 4 else None

    r = gd.minimize(f, gd.SGD(0.01), steps=10, record_every=2, callbacks=[look])
    assert [step for step, _ in seen] == [0, 2, 4]
    assert (r.steps, r.message, r.converged, r.diverged) == (4, "enough", False, False)
    assert r.loss == seen[-1][1] == f.value(r.theta)
    r = gd.minimize(f, gd.SGD(0.01), steps=10, record_every=2, callbacks=[lambda p: p.step == 6])
    assert r.steps == 6 and "stopped" in r.message


def test_a_progress_that_is_kept_keeps_its_theta(f):
    kept, seen = [], []

    def look(progress):
        (kept.append if progress.step % 4 else seen.append)(progress)
        if progress.step % 4 == 0:
            seen[-1] = progress.theta

    gd.minimize(f, gd.SGD(0.01), steps=8, record_every=2, callbacks=[look])
    for progress, steps in zip(kept, (2, 6), strict=True):
        assert np.array_equal(progress.theta, gd.minimize(f, gd.SGD(0.01), steps=steps).theta)
    assert np.array_equal(seen[1], gd.minimize(f, gd.SGD(0.01), steps=4).theta)


def test_a_log_holds_the_history_line_by_line(f, tmp_path):
    path = tmp_path / "run.log"
    log = gd.callbacks.Log(path)
    run = gd.Run(f, gd.SGD(0.01), steps=20, record_every=5, callbacks=[log])
    run.advance(10).save(tmp_path / "run.npz")
    assert len(path.read_text().splitlines()) == 4  # while the run goes on
    r = gd.resume(tmp_path / "run.npz", f, callbacks=[log])
    header, *lines = path.read_text().splitlines()
    assert header == ",".join(r.history)
    rows = np.array([[float(text) for text in line.split(",")] for line in lines])
    for place, column in enumerate(r.history):
        np.testing.assert_array_equal(rows[:, place], r.history[column])
    gd.minimize(f, gd.SGD(0.01), steps=1, callbacks=[log])
    assert len(path.read_text().splitlines()) == 3
    with pytest.raises(OSError, match="No such file"):
        gd.minimize(f, gd.SGD(0.01), steps=1, callbacks=[gd.callbacks.Log(tmp_path / "no" / "log")])


def test_what_a_callback_raises_comes_out(f):
    def fail(progress):
        raise KeyError("from the callback")

    with pytest.raises(KeyError, match="from the callback"):
        gd.minimize(f, gd.SGD(0.01), steps=10, callbacks=[fail])


@pytest.mark.parametrize("record_every", [0, 1, 50, None])
@pytest.mark.parametrize("rule", ["sgd", "momentum", "nesterov"])
@pytest.mark.parametrize("batch_size", [None, 7])
def test_divergence_names_the_step_and_keeps_the_last_finite_parameters(
    f, rule, batch_size, record_every
):
    slow = oracle.LeastSquares(*data(), fit_intercept=True)
    with np.errstate(over="ignore", invalid="ignore"):
        path = oracle.replay(slow, rule, np.zeros(5), 2000, 50.0, batch_size, seed=0)
        first = int(np.argmin(np.isfinite(path).all(axis=1))) - 1
        losses = np.array([slow.value(theta) for theta in path])
    assert 0 < first < 1999
    r = gd.minimize(f, gd.optimizers.registry[rule](lr=50.0), batch_size=batch_size, steps=2000,
                    seed=0, record_every=record_every)  # fmt: skip
    assert not r.converged and r.diverged and "diverged" in r.message
    assert np.isfinite(r.theta).all()
    assert f"step {r.steps}" in r.message
    every = record_every if record_every is not None else 20 if batch_size is None else 8
    if every:
        # A record may see an infinite loss at a θ that is still finite.
        infinite = int(np.argmin(np.isfinite(losses)))
        noticed = -(-infinite // every) * every
        assert r.steps == min(first, noticed)
    else:
        assert r.steps == first
    np.testing.assert_allclose(r.theta, path[r.steps], rtol=1e-9)


def test_an_infinite_loss_at_finite_parameters_is_no_success(f):
    r = gd.minimize(f, gd.SGD(50.0), steps=60, record_every=0)
    assert np.isfinite(r.theta).all() and np.abs(r.theta).max() < 1e160
    r = gd.minimize(f, gd.SGD(1e170), steps=1, record_every=0)
    assert not np.isfinite(r.loss) and r.diverged and not r.converged and "diverged" in r.message


@pytest.mark.parametrize(
    "rule, bad",
    # Lion, Signum and Rprop take a finite step along an infinite gradient: sign(inf) = 1.
    [(rule, bad) for rule in oracle.rules for bad in (np.nan, np.inf)
     if (rule, bad) not in [("lion", np.inf), ("signum", np.inf), ("rprop", np.inf)]],
)  # fmt: skip
def test_a_gradient_that_is_not_finite_is_never_a_success(rule, bad):
    calls = []

    def gradient(theta):
        calls.append(1)
        return np.full(2, bad) if len(calls) > 5 else np.ones(2)

    f = gd.Function(lambda u: float(u.sum()), gradient, 2)
    r = gd.minimize(f, optimizer(rule, lr=0.1), steps=50, record_every=0)
    assert r.diverged and "diverged" in r.message


def test_an_interrupt_returns_what_there_was():
    script = """
import signal, threading, os, numpy as np, fastgd as gd
f = gd.LeastSquares(np.random.default_rng(0).standard_normal((100, 5)), np.ones(100))
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
r = gd.minimize(f, gd.SGD(1e-6), batch_size=1, steps=10**13, seed=0, record_every={every})
print(r.message, 0 < r.steps < 10**13, r.converged, r.diverged, r.loss == f.value(r.theta))
"""
    for every in (0, 1000):
        done = subprocess.run(
            [sys.executable, "-c", script.format(every=every)], capture_output=True, text=True
        )
        assert done.stdout.split() == ["interrupted", "True", "False", "False", "True"], done.stderr


def test_an_interrupt_in_this_process_is_heard(f):
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals are heard in the main thread only")
    steps = []

    def send(progress):
        steps.append(progress.step)
        if len(steps) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    r = gd.minimize(f, gd.SGD(1e-6), steps=10**12, record_every=100, callbacks=[send])
    assert r.message == "interrupted" and 100 <= r.steps < 10**12
    assert r.loss == f.value(r.theta)


def test_a_generator_is_a_seed_and_goes_on_where_it_stopped(f):
    run = {"batch_size": 7, "steps": 20, "record_every": 0}
    a = gd.minimize(f, gd.Adam(0.01), seed=4, **run)
    rng = np.random.default_rng(4)
    b = gd.minimize(f, gd.Adam(0.01), seed=rng, **run)
    assert np.array_equal(a.theta, b.theta)
    # As many draws as the run's stream of indices took, and none beside.
    other = np.random.default_rng(4)
    other.integers(50, size=(20, 7))
    assert rng.random() == other.random()
    c = gd.minimize(f, gd.Adam(0.01), seed=rng, **run)
    assert not np.array_equal(b.theta, c.theta)
    d = gd.minimize(f, gd.Adam(0.01), seed=np.int64(4), **run)
    assert np.array_equal(a.theta, d.theta)


@pytest.mark.parametrize("sampling", ["replacement", "shuffle"])
def test_a_run_from_a_generator_records_what_one_from_a_seed_does(f, sampling):
    lr = gd.schedules.inverse_time(0.01, 0.1)
    run = {"batch_size": 7, "steps": 2000, "record_every": 300, "sampling": sampling}
    a = gd.Run(f, gd.Adam(lr), seed=4, **run).advance()
    b = gd.Run(f, gd.Adam(lr), seed=np.random.default_rng(4), **run).advance()
    for column in ("step", "loss", "lr"):
        np.testing.assert_array_equal(a.history[column], b.history[column])
    assert a._stretch.chunk > 64 and b._stretch.chunk > 64


@given(st.one_of(st.none(), st.integers(0, 1 << 70), st.sampled_from([0, 2**32, 2**64 - 1])))
def test_a_seed_gives_the_stream_of_numpy(seed):
    made = seeds.generator(seed)
    if seed is None:
        assert isinstance(made, np.random.Generator)
        return
    assert made.bit_generator.state == np.random.default_rng(seed).bit_generator.state
    for n, dtype in ((4, np.uint64), (70, np.uint64), (5, np.uint32)):
        if seed < 2**64:
            expected = np.random.SeedSequence(seed).generate_state(n, dtype)
            found = made.bit_generator.seed_seq.generate_state(n, dtype)
            np.testing.assert_array_equal(found, expected)


def test_words_refuse_what_they_have_no_room_for():
    for wrong in (-1, 65):
        with pytest.raises(ValueError, match="n_words"):
            seeds.words(0, wrong)


def test_other_bit_generators_give_their_own_stream(f):
    for made in (np.random.MT19937, np.random.Philox, np.random.SFC64):
        slow = oracle.LeastSquares(*data(), fit_intercept=True)
        drawn = np.random.Generator(made(3)).integers(50, size=(40, 7))
        theta = np.zeros(5)
        for indices in drawn:
            theta = theta - 0.01 * slow.gradient(theta, indices)
        seed = np.random.Generator(made(3))
        r = gd.minimize(f, gd.SGD(0.01), batch_size=7, steps=40, seed=seed)
        np.testing.assert_allclose(r.theta, theta, rtol=1e-12)


def test_threads_give_the_same_bits(f):
    def run(seed):
        return gd.minimize(f, gd.Adam(0.01), batch_size=7, steps=3000, seed=seed).theta

    alone = [run(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for a, b in zip(alone, pool.map(run, range(8)), strict=True):
            assert np.array_equal(a, b)


def test_a_shared_generator_serves_threads_without_a_clash(f):
    rng = np.random.default_rng(0)

    def run(_):
        return gd.minimize(f, gd.SGD(0.01), batch_size=7, steps=2000, seed=rng).theta

    with ThreadPoolExecutor(4) as pool:
        assert all(np.isfinite(theta).all() for theta in pool.map(run, range(8)))


def test_a_result_says_what_was_run(f):
    r = gd.minimize(f, gd.Adam(0.01), batch_size=7, epochs=2, seed=9)
    text = repr(r)
    for part in ("Adam", "LeastSquares", "16", "reached 16 steps", f"{r.loss:.6g}"):
        assert part in text
    s = r.setting
    assert (s.batch_size, s.sampling, s.steps, s.seed) == (7, "replacement", 16, 9)
    assert "5 records" not in repr(r.history) and "3 records" in repr(r.history)
    with pytest.raises(KeyError, match="columns"):
        r.history["accuracy"]


def test_the_progress_bar_is_on_the_error_stream_only(f, capsys):
    gd.minimize(f, gd.SGD(0.01), steps=10)
    assert capsys.readouterr() == ("", "")
    gd.minimize(f, gd.SGD(0.01), steps=10, progress=True)
    out, err = capsys.readouterr()
    assert out == "" and "10/10" in err


def test_one_over_beta_is_resolved(f):
    r = gd.minimize(f, gd.SGD("1/beta"), steps=10)
    assert r.optimizer.lr == 1 / f.smoothness()
    free = gd.Function(lambda u: 0.0, np.zeros_like, 2)
    with pytest.raises(ValueError, match="1/beta"):
        gd.minimize(free, gd.SGD("1/beta"), steps=1)


def test_nesterov_reaches_the_optimum_that_lbfgs_finds():
    folder = os.environ.get("FASTGD_DATA", Path(__file__).resolve().parents[2] / "shared/data")
    path = Path(folder) / "diabetes.csv"
    if not path.exists():
        pytest.skip("diabetes.csv is neither in FASTGD_DATA nor in ../shared/data")
    X, y = gd.datasets.load(str(path), target="progression")
    f = gd.LeastSquares(X, y, fit_intercept=True)
    best = judge(f.value_and_gradient, f.initial_point(), jac=True, method="L-BFGS-B",
                 options={"ftol": 1e-16, "gtol": 1e-9, "maxiter": 10000}).fun  # fmt: skip
    r = gd.minimize(f, gd.Nesterov("1/beta"), steps=20000)
    # Neither may have stopped short of the other.
    assert abs(r.loss - best) <= 1e-8


# --- Several runs in one pass over the data -------------------------------------------------------


OPTIMIZERS = [gd.SGD(0.1), gd.SGD(1e3), gd.Adam(0.01), gd.Nesterov(gd.schedules.cosine(0.1))]


@pytest.mark.parametrize("sampling", ["replacement", "shuffle", "sequential"])
@pytest.mark.parametrize("shared", [0, 1 << 40])
def test_a_sweep_is_so_many_runs(f, sampling, shared, monkeypatch):
    driver = sys.modules["fastgd.sweeps"]
    monkeypatch.setattr(driver, "CACHED_BYTES", shared)
    monkeypatch.setattr(driver, "SHARED_BYTES", 3000)
    options = {"batch_size": 7, "epochs": 50, "seed": 3, "sampling": sampling, "record_every": 9}
    for rule, r in zip(OPTIMIZERS, gd.sweep(f, OPTIMIZERS, **options), strict=True):
        alone = gd.minimize(f, rule, **options)
        np.testing.assert_array_equal(r.theta, alone.theta)
        np.testing.assert_array_equal(r.history["loss"], alone.history["loss"])
        assert (r.message, r.steps, r.diverged) == (alone.message, alone.steps, alone.diverged)
    assert gd.sweep(f, OPTIMIZERS, **options)[1].diverged


def test_a_sweep_on_sparse_data(monkeypatch):
    monkeypatch.setattr(sys.modules["fastgd.sweeps"], "CACHED_BYTES", 0)
    X = sparse.random_array(
        (80, 30), density=0.1, random_state=np.random.default_rng(0), format="csr"
    )
    f = gd.LogisticRegression(X, np.arange(80) % 2)
    for r, rule in zip(
        gd.sweep(f, OPTIMIZERS, batch_size=3, steps=40, seed=0), OPTIMIZERS, strict=True
    ):
        alone = gd.minimize(f, rule, batch_size=3, steps=40, seed=0, record_every=0)
        np.testing.assert_array_equal(r.theta, alone.theta)


def test_a_sweep_without_a_seed_has_the_same_draws_for_all(f):
    for seed in (None, np.random.default_rng(1)):
        one, two = gd.sweep(f, [gd.SGD(), gd.SGD()], batch_size=1, steps=30, seed=seed)
        np.testing.assert_array_equal(one.theta, two.theta)


def test_an_interrupt_ends_all_of_a_sweep(f, monkeypatch):
    monkeypatch.setattr(sys.modules["fastgd.sweeps"], "CACHED_BYTES", 0)

    def at_step(progress):
        if progress.step == 20:
            raise KeyboardInterrupt

    found = gd.sweep(
        f, OPTIMIZERS, batch_size=7, steps=10**12, seed=0, record_every=10, callbacks=[at_step]
    )
    assert [r.message for r in found] == ["interrupted"] * len(OPTIMIZERS)
    assert found[0].steps == 20 and all(r.steps <= 20 for r in found)


def test_a_sweep_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one optimizer"):
        gd.sweep(gd.Quadratic(np.eye(2)), [], steps=3)
    with pytest.raises(TypeError, match="must be an Optimizer"):
        gd.sweep(gd.Quadratic(np.eye(2)), [gd.SGD], steps=3)


# Steps on single narrow rows are added to θ one step late; nobody may see it.
@pytest.mark.parametrize("width", [3, 60])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("fit_intercept, l2", [(False, 0.0), (True, 0.3)])
def test_single_rows_are_cut_anywhere(width, dtype, fit_intercept, l2):
    generator = np.random.default_rng(3)
    X = generator.standard_normal((50, width)).astype(dtype)
    f = gd.LogisticRegression(X, generator.integers(0, 2, 50), fit_intercept=fit_intercept, l2=l2)
    paths = []
    for every in (0, 1, 7):
        seen = []

        def look(progress, seen=seen):
            seen.append(progress.theta)

        r = gd.minimize(
            f, gd.SGD(0.1, weight_decay=l2), batch_size=1, steps=40, seed=5, record_every=every,
            callbacks=[look] if every else [],
        )  # fmt: skip
        paths.append((r.theta, seen))
    for theta, _ in paths[1:]:
        assert np.array_equal(theta, paths[0][0])
    assert np.array_equal(paths[1][1][14], paths[2][1][2])
    theta = np.zeros(f.n_params)
    for i, expected in zip(
        np.random.default_rng(5).integers(50, size=40), paths[1][1][1:], strict=True
    ):
        decayed = theta.copy()
        decayed[width:] = 0.0
        theta = theta - 0.1 * (f.gradient(theta, indices=[i]) + l2 * decayed)
        np.testing.assert_allclose(expected, theta, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("width", [3, 60])
def test_single_rows_diverge_at_the_step_they_do(width):
    generator = np.random.default_rng(4)
    X, y = 1e3 * generator.standard_normal((30, width)), generator.standard_normal(30)
    r = gd.minimize(
        gd.LeastSquares(X, y), gd.SGD(1.0), batch_size=1, steps=500, seed=6, record_every=0
    )
    theta, steps = np.zeros(width), 0
    with np.errstate(over="ignore", invalid="ignore"):
        for i in np.random.default_rng(6).integers(30, size=500):
            new = theta - 2.0 * (X[i] @ theta - y[i]) * X[i]
            if not np.isfinite(new).all():
                break
            theta, steps = new, steps + 1
    assert r.diverged and r.steps == steps
    np.testing.assert_allclose(r.theta, theta, rtol=1e-9)


# --- gd.Run: the same run, in the caller's hands --------------------------------------------------


@pytest.mark.parametrize("sampling", ["replacement", "shuffle", "sequential"])
@pytest.mark.parametrize("rule", ["sgd", "adam", "nesterov", "lookahead"])
def test_a_run_is_advanced_in_any_pieces(f, rule, sampling):
    options = {"batch_size": 7, "steps": 60, "seed": 1, "sampling": sampling, "record_every": 9}
    whole = gd.minimize(f, optimizer(rule, lr=0.01), **options)
    with gd.Run(f, optimizer(rule, lr=0.01), **options) as run:
        taken = 0
        for piece in (1, 1, 7, 8, 20, 100):
            taken = min(60, taken + piece)
            assert run.advance(piece) is run
            assert run.step == taken
            assert np.isfinite(run.theta).all()
        r = run.result()
    np.testing.assert_array_equal(r.theta, whole.theta)
    for column in ("step", "loss", "grad_norm", "lr"):
        np.testing.assert_array_equal(r.history[column], whole.history[column])
    assert (r.message, r.steps, r.loss) == (whole.message, 60, whole.loss)


def test_a_run_says_where_it_stands(f):
    run = gd.Run(f, gd.SGD(0.01), steps=10, batch_size=5, seed=0)
    assert run.step == 0 and run.stop is None and np.array_equal(run.theta, np.zeros(5))
    part = run.advance(4).result()
    assert (part.steps, part.message, part.converged) == (4, "at step 4 of 10", False)
    assert "step 4 of 10" in repr(run) and "SGD" in repr(run)
    before = run.theta
    run.theta[:] = 9.0  # a copy
    assert np.array_equal(run.theta, before)
    run.advance()
    assert run.stop.kind == "finished" and run.advance().step == 10
    assert not np.array_equal(part.theta, run.theta)
    run.close()
    with pytest.raises(ValueError, match="closed"):
        run.advance()
    for bad in (0, -1, 1.5):
        with pytest.raises((TypeError, ValueError), match="steps"):
            gd.Run(f, gd.SGD(0.01), steps=3).advance(bad)


def test_a_run_that_is_let_go_of_leaves_nothing_behind():
    f = gd.LeastSquares(np.ones((300, 2)), np.ones(300))
    before = threading.active_count()
    for _ in range(5):
        gd.Run(f, gd.SGD(0.01), steps=10, n_threads=2).advance(3)
    assert threading.active_count() == before


def test_a_stopped_run_goes_on_where_it_stopped(f):
    whole = gd.minimize(f, gd.Adam(0.01), steps=50, record_every=10)
    run = gd.Run(f, gd.Adam(0.01), steps=50, record_every=10,
                 callbacks=[lambda p: "a pause" if p.step in (10, 30) else None])  # fmt: skip
    seen = []
    while run.stop is None or run.stop.kind == "stopped":
        run.advance()
        seen.append((run.step, run.stop.message))
    assert seen == [(10, "a pause"), (30, "a pause"), (50, "reached 50 steps")]
    np.testing.assert_array_equal(run.theta, whole.theta)
    np.testing.assert_array_equal(run.history["loss"], whole.history["loss"])


def test_a_run_goes_on_after_an_exception(f):
    whole = gd.minimize(f, gd.Adam(0.01), batch_size=5, steps=50, seed=0, record_every=7)
    faults = [21, 35]

    def faulty(progress):
        if faults and progress.step == faults[0]:
            faults.pop(0)
            raise OSError("the disk is gone")

    run = gd.Run(f, gd.Adam(0.01), batch_size=5, steps=50, seed=0, record_every=7,
                 callbacks=[faulty])  # fmt: skip
    for step in (21, 35):
        with pytest.raises(OSError, match="gone"):
            run.advance()
        assert run.step == step
    np.testing.assert_array_equal(run.advance().theta, whole.theta)
    np.testing.assert_array_equal(run.history["loss"], whole.history["loss"])


def test_a_step_that_fails_takes_the_run_back_to_a_state_in_order():
    fails = []

    def gradient(theta):
        if fails and len(calls) == fails[0]:
            fails.pop(0)
            raise ArithmeticError("a bad moment")
        calls.append(1)
        return 2 * theta

    calls = []
    f = gd.Function(lambda u: float(u @ u), gradient, 3)
    whole = gd.minimize(f, gd.Momentum(0.1), [1.0, 2.0, 3.0], steps=40, record_every=0)
    calls.clear()
    fails[:] = [11, 30]
    run = gd.Run(f, gd.Momentum(0.1), [1.0, 2.0, 3.0], steps=40, record_every=0)
    for _ in range(2):
        with pytest.raises(ArithmeticError, match="bad moment"):
            run.advance()
        assert run.step <= 30 and np.isfinite(run.theta).all()
    np.testing.assert_array_equal(run.advance().theta, whole.theta)


# --- Ends that have a kind ------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["diverged from the plan", "interrupted", "reached 3 steps"])
def test_the_text_of_a_callback_is_a_text(f, text):
    def at_step(progress):
        return text if progress.step == 20 else None

    r = gd.minimize(f, gd.SGD(0.01), steps=50, record_every=10, callbacks=[at_step])
    assert (r.message, r.steps) == (text, 20)
    assert not (r.diverged or r.converged or r.interrupted)
    stopped = []

    def once(progress):
        if progress.step == 20 and not stopped:
            stopped.append(1)
            return text
        return None

    found = gd.sweep(f, [gd.SGD(0.01), gd.Adam(0.01), gd.SGD(0.02)], batch_size=7, steps=50,
                     seed=0, record_every=10, callbacks=[once])  # fmt: skip
    assert [r.steps for r in found] == [20, 50, 50]
    assert [r.message for r in found] == [text, "reached 50 steps", "reached 50 steps"]


def test_a_stop_has_a_kind():
    stop = gd.callbacks.Stop
    assert stop("x").kind == "stopped" and stop("x", converged=True).kind == "converged"
    assert stop("x", kind="converged").converged
    with pytest.raises(ValueError, match="kind"):
        stop("x", kind="over")
    with pytest.raises(ValueError, match="converged"):
        stop("x", converged=True, kind="diverged")


def test_a_callback_may_call_a_run_diverged_or_end_all_of_a_sweep(f):
    stop = gd.callbacks.Stop
    r = gd.minimize(f, gd.SGD(0.01), steps=9, callbacks=[lambda p: stop("x", kind="diverged")])
    assert r.diverged and r.message == "x"
    found = gd.sweep(f, [gd.SGD(0.01), gd.SGD(0.02)], steps=9, record_every=1,
                     callbacks=[lambda p: stop("x", kind="interrupted")])  # fmt: skip
    assert all(r.interrupted and r.steps == 0 for r in found)


# --- Growth ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("record_every", [0, 1, None])
@pytest.mark.parametrize("steps, grows", [(3, False), (12, True), (30, True)])
def test_a_loss_beyond_any_sense_is_a_divergence(f, steps, grows, record_every):
    r = gd.minimize(f, gd.SGD(50.0), steps=steps, record_every=record_every)
    first = f.value(np.zeros(5))
    assert np.isfinite(r.loss) and np.isfinite(r.theta).all()
    assert (r.loss > 1e15 * max(1.0, first)) == grows
    assert r.diverged == grows and not r.converged and r.steps == steps
    assert r.message.startswith("diverged" if grows else "reached")


def test_a_run_may_climb_on_its_way_and_come_down_again():
    f = gd.Quadratic(np.eye(1))
    rates = gd.schedules.custom(lambda t, total: np.where(t < 12, 1e3, 0.999))
    r = gd.minimize(f, gd.SGD(rates), [1.0], steps=200, record_every=1)
    assert r.history["loss"].max() > 1e60 and not r.diverged and r.loss < 1e-9


def test_a_loss_that_was_large_at_the_start_is_no_divergence():
    f = gd.Function(lambda u: 1e20 + float(u @ u), lambda u: 2 * u, 2)
    for every in (0, 1):
        r = gd.minimize(f, gd.SGD(0.1), [1.0, 1.0], steps=5, record_every=every)
        assert r.loss >= 1e20 and not r.diverged


# --- Marks: what is looked at now and then --------------------------------------------------------


class Costly:
    """Makes marks seem so dear that none is made but where one must be."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(stretch, "MARK_SHARE", 1e12)
        monkeypatch.setattr(stretch, "LONGEST_CHUNK", 5)


@pytest.mark.parametrize("record_every", [0, 40])
@pytest.mark.parametrize("sampling", ["replacement", "shuffle", "sequential"])
@pytest.mark.parametrize("rule", ["sgd", "momentum", "nesterov", "rmsprop"])
def test_the_step_of_a_divergence_is_found_far_from_the_last_mark(
    f, rule, sampling, record_every, monkeypatch
):
    calls = []
    lr = gd.schedules.custom(lambda t, total: np.where(t < 333, 0.01, 1e300))
    run = {"batch_size": 7, "steps": 2000, "seed": 0, "sampling": sampling}
    often = gd.minimize(f, gd.optimizers.registry[rule](lr=lr), record_every=1, **run)
    Costly(monkeypatch)
    marks = stretch.Stretch.mark
    monkeypatch.setattr(
        stretch.Stretch, "mark", lambda self: (calls.append(self.step), marks(self))[1]
    )
    r = gd.minimize(
        f, gd.optimizers.registry[rule](lr=lr), record_every=record_every,
        callbacks=[Patient()], **run,
    )  # fmt: skip
    assert r.diverged and often.diverged
    if "theta" in often.message:
        assert r.steps == often.steps
        np.testing.assert_array_equal(r.theta, often.theta)
    assert f"step {r.steps}" in r.message and np.isfinite(r.theta).all()
    assert len(calls) < 60


class Patient:
    every_chunk = True

    def __call__(self, progress):
        return None


def test_marks_wait_until_the_steps_have_cost_more(f, monkeypatch):
    Costly(monkeypatch)
    marks, chunks = [], []
    real, take = stretch.Stretch.mark, stretch.Stretch.take
    monkeypatch.setattr(
        stretch.Stretch, "mark", lambda self: (marks.append(self.step), real(self))[1]
    )
    monkeypatch.setattr(
        stretch.Stretch, "take", lambda self, *a: (chunks.append(a[1]), take(self, *a))[1]
    )
    gd.minimize(f, gd.Adam(0.01), batch_size=5, steps=1000, seed=0, record_every=0)
    assert len(chunks) >= 200 and marks == [0]


# --- Clipping -------------------------------------------------------------------------------------


def clipped(g, norm, value):
    if value is not None:
        g = np.clip(g, -value, value)
    length = np.linalg.norm(g)
    return g * (norm / length) if norm is not None and length > norm else g


@pytest.mark.parametrize("norm, value", [(0.5, None), (None, 0.1), (0.3, 0.2), (1e9, 1e9)])
@pytest.mark.parametrize("rule", sorted(set(oracle.rules) - {"barzilaiborwein"}))  # chaotic
def test_a_clipped_gradient_is_that_of_the_oracle(rule, norm, value):
    slow = oracle.LeastSquares(*data(), fit_intercept=True, l2=0.1)
    f = gd.LeastSquares(*data(), fit_intercept=True, l2=0.1)
    plain = slow.gradient
    slow.gradient = lambda theta, indices=None: clipped(plain(theta, indices), norm, value)
    path = oracle.replay(slow, rule, np.zeros(5), 40, 0.05, 7, seed=2)
    r = gd.minimize(f, optimizer(rule, lr=0.05), batch_size=7, steps=40, seed=2,
                    clip_norm=norm, clip_value=value)  # fmt: skip
    np.testing.assert_allclose(r.theta, path[-1], rtol=1e-11, atol=1e-13)
    assert (r.setting.clip_norm, r.setting.clip_value) == (norm, value)
    if norm != 1e9 and rule == "sgd":
        assert not np.allclose(r.theta, gd.minimize(f, optimizer(rule, lr=0.05), batch_size=7,
                                                    steps=40, seed=2).theta)  # fmt: skip


def test_clipping_goes_through_sparse_rows_and_single_steps():
    rng = np.random.default_rng(0)
    X = sparse.random_array((60, 20), density=0.2, random_state=rng, format="csr")
    y = rng.integers(0, 2, 60)
    for batch in (1, 6):
        run = {"batch_size": batch, "steps": 50, "seed": 3, "clip_norm": 0.05}
        a = gd.minimize(gd.LogisticRegression(X, y, l2=0.1), gd.SGD(0.5), **run).theta
        b = gd.minimize(gd.LogisticRegression(X.toarray(), y, l2=0.1), gd.SGD(0.5), **run).theta
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
        assert np.linalg.norm(a) <= 0.5 * 0.05 * 50


@pytest.mark.parametrize("entry", [1e200, 1e-200])
def test_the_norm_of_a_huge_or_tiny_gradient_is_a_number(entry):
    f = gd.Function(lambda u: 0.0, lambda u: np.array([3.0, 4.0]) * entry, 2)
    r = gd.minimize(f, gd.SGD(1.0), steps=1, record_every=0, clip_norm=entry)
    np.testing.assert_allclose(r.theta, [-0.6 * entry, -0.8 * entry], rtol=1e-12)


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, "1", True])
def test_bounds_that_make_no_sense_are_refused(f, name, bad):
    with pytest.raises((TypeError, ValueError), match=name):
        gd.minimize(f, gd.SGD(0.1), steps=3, **{name: bad})
