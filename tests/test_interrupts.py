"""Ctrl-C: whenever it comes, what is left is finite, in order, and goes on to the same bits."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from scipy import sparse

import fastgd as gd
from fastgd import console

pytestmark = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(),
    reason="signals are heard in the main thread only",
)


def logistic(n=3000, d=5):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    return gd.LogisticRegression(X, rng.integers(0, 2, n), l2=0.01)


def squares():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((200, 4))
    return gd.LeastSquares(X, X @ np.ones(4))


def wide():
    X = sparse.random_array(
        (300, 5000), density=0.01, random_state=np.random.default_rng(2), format="csr"
    )
    return gd.LogisticRegression(X, np.arange(300) % 2)


def own():
    return gd.Function(lambda u: float(u @ u), lambda u: 2 * u, 3)


@pytest.fixture
def sent():
    """Sends SIGINT to this process after so many seconds, unless the test has ended."""
    timers = []

    def send(seconds):
        timers.append(threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)))
        timers[-1].start()

    before = signal.getsignal(signal.SIGINT)
    yield send
    for timer in timers:
        timer.cancel()
        timer.join()
    assert signal.getsignal(signal.SIGINT) is before


def interrupted(work, seconds, sent):
    """What `work` returns, or None where the signal came when it was over."""
    found = None
    try:
        sent(seconds)
        found = work()
        ended = found if isinstance(found, list) else [found]
        if not any(r.interrupted for r in ended):
            time.sleep(5.0)  # until the signal comes, in one piece
    except KeyboardInterrupt:
        pass
    return found


# Those that diverge do so at a rate of 1e300, a little before the signal or a little after.
def moving(step):
    return gd.schedules.custom(lambda t, total: np.where(t < step, 1e-3, 1e300))


CASES = {
    "single rows": (logistic, gd.SGD(1e-3), {"batch_size": 1}),
    "shuffled": (logistic, gd.Adam(1e-3), {"batch_size": 3, "sampling": "shuffle"}),
    "recorded": (squares, gd.Momentum(1e-3), {"batch_size": 2, "record_every": 500}),
    "every step": (squares, gd.SGD(1e-6), {"record_every": 1}),
    "threads": (logistic, gd.SGD(1e-3), {"n_threads": 3}),
    "sparse": (wide, gd.AdaGrad(1e-3), {"batch_size": 4}),
    "python": (own, gd.SGD(1e-6), {}),
    "clipped": (logistic, gd.SGD(1e-3), {"batch_size": 8, "clip_norm": 0.1}),
}


@pytest.mark.parametrize("case", CASES)
def test_an_interrupted_run_goes_on_to_the_same_bits(case, sent):
    make, rule, options = CASES[case]
    f = make()
    options = {"steps": 10**9, "seed": 5, "record_every": 0, **options}
    before = threading.active_count()
    for seconds in np.random.default_rng(3).uniform(0.0, 0.12, 8):
        r = interrupted(lambda: gd.minimize(f, rule, **options), seconds, sent)
        assert threading.active_count() <= before + 8  # timers that have fired, and no helper
        if r is None:
            continue
        assert r.interrupted and r.message == "interrupted"
        assert not r.diverged and np.isfinite(r.theta).all()
        run = gd.Run._of_state(r.state, f, None, None, (), {})
        assert np.array_equal(run.theta, r.theta) and run.step == r.steps
        more = r.steps + 17
        once = gd.Run(f, rule, **options).advance(more)
        assert np.array_equal(run.advance(17).theta, once.theta)


@pytest.mark.parametrize("number", range(3, 15))
def test_a_signal_while_a_generator_is_marked_is_heard_later(number):
    # As in the product of two large integers, of which NumPy makes the state of its own.
    class PCG64(np.random.PCG64):
        asked = 0

        @property
        def state(self):
            PCG64.asked += 1
            if PCG64.asked == number:
                os.kill(os.getpid(), signal.SIGINT)
            return super().state

        @state.setter
        def state(self, value):
            np.random.PCG64.state.__set__(self, value)

    f, rule, options = wide(), gd.AdaGrad(1e-3), {"steps": 10**9, "batch_size": 4}
    seed = np.random.Generator(PCG64(5))
    r = gd.minimize(f, rule, seed=seed, record_every=0, **options)
    assert r.interrupted
    run = gd.Run._of_state(r.state, f, None, None, (), {})
    once = gd.Run(f, rule, seed=np.random.default_rng(5), record_every=0, **options)
    assert np.array_equal(run.advance(17).theta, once.advance(r.steps + 17).theta)


@pytest.mark.parametrize("steps", [300, 30_000, 300_000])
@pytest.mark.parametrize("record_every", [0, 10_000])
def test_an_interrupt_of_a_diverging_run_never_returns_nan(record_every, steps, sent):
    f = squares()
    options = {"batch_size": 1, "steps": 10**9, "seed": 0, "record_every": record_every}
    run = gd.Run(f, gd.SGD(moving(steps)), **options).advance()
    assert run.stop.kind == "diverged" and run.step >= steps
    for seconds in np.random.default_rng(steps).uniform(0.0, 0.1, 6):
        r = interrupted(lambda: gd.minimize(f, gd.SGD(moving(steps)), **options), seconds, sent)
        if r is None:
            continue
        assert np.isfinite(r.theta).all() and r.steps <= run.step
        assert r.diverged or r.message == "interrupted"
        if r.diverged:
            assert r.steps == run.step and np.array_equal(r.theta, run.theta)


def test_a_sweep_is_interrupted_as_a_whole(sent, monkeypatch):
    f = logistic()
    rules = [gd.SGD(1e-3), gd.Adam(1e-3), gd.SGD(2e-3)]
    for cached in (0, 1 << 40):
        monkeypatch.setattr("fastgd.sweeps.CACHED_BYTES", cached)
        options = {"batch_size": 1, "steps": 10**9, "seed": 1}
        found = interrupted(lambda: gd.sweep(f, rules, **options), 0.1, sent)  # noqa: B023
        assert [r.interrupted for r in found] == [True] * 3
        for r, rule in zip(found, rules, strict=True):
            once = gd.Run(f, rule, record_every=0, **options)
            theta = once.advance(r.steps).theta if r.steps else once.theta
            assert np.array_equal(r.theta, theta)


def test_an_interrupt_may_be_asked_to_raise(sent):
    f = logistic()
    run = gd.Run(f, gd.SGD(1e-3), batch_size=1, steps=10**9, seed=0, on_interrupt="raise")
    sent(0.05)
    with pytest.raises(KeyboardInterrupt):
        run.advance()
    assert run.stop.kind == "interrupted" and run.result().interrupted
    once = gd.Run(f, gd.SGD(1e-3), batch_size=1, steps=10**9, seed=0)
    assert np.array_equal(run.advance(5).theta, once.advance(run.step).theta)
    with pytest.raises(ValueError, match="on_interrupt"):
        gd.minimize(f, gd.SGD(), steps=3, on_interrupt="ignore")


def test_an_interrupt_before_the_first_record_has_a_result():
    def value(theta):
        raise KeyboardInterrupt

    f = gd.Function(value, lambda u: u, 2)
    r = gd.minimize(f, gd.SGD(0.1), [1.0, 2.0], steps=5)
    assert r.interrupted and r.steps == 0 and r.theta.tolist() == [1.0, 2.0]
    assert len(r.history["loss"]) == 0


def test_an_interrupt_inside_of_a_callback_ends_both_runs(sent):
    f = logistic()
    inner = []

    def nested(progress):
        sent(0.05)
        inner.append(gd.minimize(f, gd.SGD(1e-3), batch_size=1, steps=10**9, seed=0))

    r = gd.minimize(f, gd.SGD(1e-3), steps=100, callbacks=[nested])
    assert inner[0].interrupted and r.interrupted and r.steps == 0


def test_a_handler_of_the_users_own_is_asked(sent):
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        sent(0.02)
        r = gd.minimize(
            logistic(), gd.SGD(1e-3), batch_size=1, steps=10**9, record_every=0,
            callbacks=[gd.callbacks.WallTime(0.2)],
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT] and "time is up" in r.message and not r.interrupted


def test_a_signal_is_raised_once_and_only_where_that_is_meant():
    with console.Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass  # it has come by now
        with pytest.raises(KeyboardInterrupt):
            interrupts.listen()
        assert interrupts.pending
    with pytest.raises(KeyboardInterrupt), console.Interrupts() as interrupts:
        with interrupts.heard:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1.0)
    with pytest.raises(KeyboardInterrupt), console.Interrupts():
        os.kill(os.getpid(), signal.SIGINT)  # nobody listens any more


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_thread_that_cannot_start_leaves_none_behind(which, monkeypatch):
    before, real, started = threading.active_count(), threading.Thread.start, []

    def start(thread):
        if len(started) == which:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    f = logistic()
    with pytest.raises(RuntimeError, match="can't start"):
        gd.minimize(f, gd.SGD(0.1), steps=5, n_threads=4)
    assert threading.active_count() == before
    monkeypatch.undo()
    assert gd.minimize(f, gd.SGD(0.1), steps=5, n_threads=4).steps == 5


def test_no_more_threads_than_parts_of_a_gradient(monkeypatch):
    started, real = [], threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda t: (started.append(t), real(t))[1])
    f = logistic(n=1000)
    one = gd.minimize(f, gd.SGD(0.1), steps=5, record_every=0)
    many = gd.minimize(f, gd.SGD(0.1), steps=5, record_every=0, n_threads=2000)
    assert 1 <= len(started) <= 8  # 1000 rows are in parts of at least 128
    assert np.array_equal(one.theta, many.theta)
    started.clear()
    gd.minimize(f, gd.SGD(0.1), batch_size=8, steps=5, record_every=0, n_threads=2000)
    assert not started


def test_who_takes_runs_again_hears_of_an_interrupt(sent):
    f = logistic()
    for work in (
        lambda: gd.lr_range_test(f, gd.SGD(), 1e-9, 1e-6, steps=10**7, batch_size=1),
        lambda: gd.theory.path(
            gd.Result(
                np.zeros(5), 10**7, False, False, "", gd.History(), f, gd.SGD(1e-6),
                gd.Run(f, gd.SGD(1e-6), steps=10**7, seed=0).setting,
            )
        ),
    ):  # fmt: skip
        sent(0.1)
        with pytest.raises(KeyboardInterrupt):
            work()
