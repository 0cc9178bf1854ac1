"""Threads: sharing one gradient, running many runs at once, and the GIL, which a chunk lets go."""

import subprocess
import sys
import sysconfig
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp

import fastgd as gd
from fastgd.core import sampling, solver, update


def logistic(n=3000, d=7, **options):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    return gd.LogisticRegression(X, X[:, 0] + rng.standard_normal(n) > 0, **options)


@pytest.mark.parametrize("n_threads", [2, 3, 5])
@pytest.mark.parametrize("batch_size", [1, 128, 129, 700, None])
@pytest.mark.parametrize("optimizer", [gd.SGD(0.1), gd.Adam(0.01), gd.Nesterov("1/beta")], ids=repr)
def test_the_number_of_threads_does_not_change_a_bit(optimizer, batch_size, n_threads):
    f = logistic(l2=0.01, fit_intercept=True)
    run = {"batch_size": batch_size, "steps": 30, "seed": 3, "sampling": "shuffle"}
    one = gd.minimize(f, optimizer, **run)
    many = gd.minimize(f, optimizer, n_threads=n_threads, **run)
    assert np.array_equal(one.theta, many.theta)
    assert np.array_equal(one.history["loss"], many.history["loss"])


def test_sparse_data_and_softmax_share_their_gradients_too():
    X = sp.random(9000, 50, density=0.1, random_state=0, format="csr")
    y = np.random.default_rng(0).integers(0, 3, 9000)
    f = gd.SoftmaxRegression(X, y, l2=0.01)
    one = gd.minimize(f, gd.Momentum(0.5), steps=20)
    two = gd.minimize(f, gd.Momentum(0.5), steps=20, n_threads=2)
    assert np.array_equal(one.theta, two.theta)


def test_a_short_last_batch_beside_large_ones_on_sparse_data():
    # Batches of 1500 go through a gradient buffer, the last one of 500 straight into theta.
    X = sp.random(2000, 50, density=0.1, random_state=0, format="csr")
    y = np.random.default_rng(0).integers(0, 2, 2000)
    run = {"batch_size": 1500, "epochs": 20, "seed": 0, "sampling": "shuffle"}
    a = gd.minimize(gd.LogisticRegression(X, y, l2=0.1), gd.SGD(0.5), **run).theta
    b = gd.minimize(gd.LogisticRegression(X.toarray(), y, l2=0.1), gd.SGD(0.5), **run).theta
    assert np.linalg.norm(a - b) <= 1e-12 * np.linalg.norm(b)


def test_runs_in_a_pool_of_threads_give_what_they_give_alone():
    f = logistic()
    optimizers = [gd.Adam(lr) for lr in np.geomspace(1e-4, 1e-1, 12)]

    def run(optimizer):
        return gd.minimize(f, optimizer, batch_size=8, epochs=2, seed=1).theta

    alone = [run(optimizer) for optimizer in optimizers]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, optimizers))
    assert np.array_equal(alone, together)


def test_a_chunk_runs_without_the_gil():
    # The main thread can get from `started` to its question only with the GIL. If the chunk held
    # it, the chunk would be over by then.
    f = logistic()
    core, theta = f.compiled(), np.zeros(f.n_params)
    state = update.make(gd.SGD(0.01), f.n_params, core.span_list)
    sampler = sampling.Replacement(3000, 1, np.random.default_rng(0))
    rates = np.full(4_000_000, 0.01), np.zeros(4_000_000)
    started, over = threading.Event(), threading.Event()

    def chunk():
        started.set()
        solver.General(core, state, sampler, theta).take(*rates)
        over.set()

    thread = threading.Thread(target=chunk)
    thread.start()
    started.wait()
    turns = 0
    while state.t == 0 and not over.is_set():
        pass  # until the chunk is under way
    for _ in range(1000):
        turns += not over.is_set()
    thread.join()
    assert state.t == 4_000_000
    assert turns == 1000


@pytest.fixture
def impatient():
    """Threads take turns a thousand times as often as usual, where they take turns at all."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work, count=8):
    """What `work(i)` returns for each i, all of them having started together."""
    gate = threading.Barrier(count)

    def one(i):
        gate.wait()
        return work(i)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def sparse(n=400, d=30):
    X = sp.random(n, d, density=0.2, random_state=0, format="csr")
    return gd.LogisticRegression(X, np.arange(n) % 2, l2=1e-3)


def network(n=300):
    X = np.random.default_rng(0).standard_normal((n, 4))
    return gd.NeuralNetwork(X, X[:, 0] > 0, hidden=(5,), loss="logistic")


@pytest.mark.parametrize("make", [lambda: logistic(400), sparse, network])
def test_one_objective_serves_all_threads(impatient, make):
    f = make()
    theta = np.full(f.n_params, 0.1)
    rule = gd.RMSProp(0.01)

    def work(i):
        kind, turns = i % 4, range(20)
        if kind == 0:
            return [f.value_and_gradient(theta)[1] for _ in turns]
        if kind == 1:
            return [f.margins(theta, f.X) for _ in turns]
        if kind == 2:
            return [f.sample_gradients(theta, np.arange(50)) for _ in turns]
        return [gd.minimize(f, rule, theta, 8, 50, seed=2, n_threads=2).theta for _ in turns]

    alone = [work(kind)[0] for kind in range(4)]
    for i, found in enumerate(at_once(work)):
        assert all(np.array_equal(one, alone[i % 4]) for one in found)


def test_objects_of_their_own_for_all_threads(impatient):
    def work(i):
        f = sparse() if i % 2 else logistic(400)
        return gd.minimize(f, gd.AdaGrad(0.1), batch_size=4, epochs=3, seed=5).theta

    found = at_once(work)
    for i, theta in enumerate(found):
        assert np.array_equal(theta, found[i % 2])


def test_runs_that_share_a_generator_draw_each_number_once(impatient):
    # In which order is chance, but all the numbers of the stream are used, and none twice.
    f = logistic(400)
    shared, alone = np.random.default_rng(3), np.random.default_rng(3)

    def work(i):
        run = {"batch_size": 4, "steps": 700, "record_every": 50}
        return gd.minimize(f, gd.SGD(0.01), seed=shared, **run)

    assert all(np.isfinite(r.theta).all() for r in at_once(work))
    alone.integers(400, size=8 * 700 * 4)
    assert shared.random() == alone.random()


def test_what_one_run_uses_a_second_is_refused():
    f = logistic()
    theta, rng = np.zeros(f.n_params), np.random.default_rng
    rates = np.full(1_000_000, 1e-3), np.zeros(1_000_000)

    def parts():
        core = f.compiled()
        state = update.make(gd.Adam(0.01), f.n_params, core.span_list)
        return [core, state, sampling.Replacement(3000, 1, rng(0))]

    busy, over = parts(), threading.Event()

    def run():
        while not over.is_set():
            solver.General(*busy, theta).take(*rates)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        while busy[1].t == 0:
            pass  # until the run is under way
        for shared, name in enumerate(["compiled objective", "optimizer state", "sampler"]):
            mine = parts()
            mine[shared] = busy[shared]
            with pytest.raises(RuntimeError, match=f"this {name} is in use by another run: make"):
                while True:  # between two runs of the other thread it is free
                    solver.General(*mine, theta).take(*(r[:1] for r in rates))
        for refused in (
            lambda: gd.Adam(0.01).step(theta, theta.copy(), busy[1]),
            lambda: gd.Adam(0.01).point(theta, busy[1]),
            lambda: busy[1].load(update.make(gd.Adam(0.01), f.n_params).save()),
            lambda: busy[0].evaluate(theta),
            lambda: busy[0].sample_gradients(theta),
        ):
            with pytest.raises(RuntimeError, match="in use by another run"):
                while True:
                    refused()
    finally:
        over.set()
        thread.join()
    fresh = parts()
    solver.General(*fresh, theta).take(*(r[:5] for r in rates))
    assert fresh[1].t == 5


@pytest.mark.parametrize("size", [10, 10_000])
def test_steps_of_one_state_in_many_threads_are_taken_whole_or_refused(impatient, size):
    optimizer = gd.Momentum(0.001, momentum=0.5)
    theta, gradient = np.zeros(size), np.ones(size)
    state = optimizer.init(theta)

    def work(i):
        taken = 0
        for _ in range(300):
            try:
                optimizer.step(theta, gradient, state)
                taken += 1
            except RuntimeError as error:
                assert "in use by another run" in str(error)
        return taken

    taken = sum(at_once(work))
    assert taken == state.t > 0
    replayed = np.zeros(size)
    other = optimizer.init(replayed)
    for _ in range(taken):
        optimizer.step(replayed, gradient, other)
    assert np.array_equal(theta, replayed)


def test_a_state_that_is_stepped_within_its_own_step_is_refused():
    theta = np.zeros(3)

    class Meddling(gd.schedules.Schedule):
        def values(self, t, total):
            if state is not None:
                inner.step(theta, np.ones(3), state)
            return np.full(np.shape(t), 0.1)

    state, inner = None, gd.SGD(Meddling())
    state = inner.init(theta)
    with pytest.raises(RuntimeError, match="this optimizer state is in use"):
        inner.step(theta, np.ones(3), state)
    gd.schedules.registry.pop("Meddling", None)
    assert state.t == 0 and not theta.any()


def test_no_module_asks_for_the_gil():
    # A Python without the GIL turns it on again, with a warning, for a module that does not say
    # that it can do without.
    code = (
        "import sys, pkgutil, importlib, fastgd.core\n"
        "for module in pkgutil.iter_modules(fastgd.core.__path__, 'fastgd.core.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(getattr(sys, '_is_gil_enabled', bool)())\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    free = sysconfig.get_config_var("Py_GIL_DISABLED")
    expected = "False" if free or sys.version_info < (3, 13) else "True"
    assert (done.stdout.strip(), done.stderr) == (expected, "")


def test_an_interrupt_in_a_shared_gradient_ends_the_helpers(monkeypatch):
    f = logistic()
    before = threading.active_count()

    def stop(progress):
        raise KeyboardInterrupt

    r = gd.minimize(f, gd.SGD(0.1), steps=100, n_threads=3, callbacks=[stop])
    assert r.message == "interrupted"
    assert threading.active_count() == before


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, "2", True, None])
def test_bad_numbers_of_threads(n_threads):
    with pytest.raises((TypeError, ValueError), match="n_threads"):
        gd.minimize(logistic(), gd.SGD(), steps=1, n_threads=n_threads)
