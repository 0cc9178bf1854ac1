# Places of the core where one small change would go unnoticed by any run of ordinary data: the
# mutants that survived once. Each is met by data made for it.
import dataclasses
import math
import signal

import numpy as np
import pytest
import scipy.sparse as sp
from test_interrupts import sent  # noqa: F401  (a fixture)

import fastgd as gd
from fastgd.core import objective, rows, update
from fastgd.core.losses import LOSSES


def test_a_long_sum_of_losses_is_compensated():
    block, blocks = 128, 4001
    y = np.full(block * blocks, math.sqrt(0.1))
    X = np.zeros((len(y), 1))
    part = block * gd.LeastSquares(X[:block], y[:block]).value(np.zeros(1))
    plain = 0.0
    for _ in range(blocks):
        plain += part
    exact = math.fsum([part] * blocks) / len(y)
    assert abs(plain / len(y) - exact) > 5 * math.ulp(exact)
    assert abs(gd.LeastSquares(X, y).value(np.zeros(1)) - exact) <= math.ulp(exact)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-140, 1.0, 1e160, 1e300])
def test_a_norm_whose_squares_vanish_or_overflow(scale):
    found = objective.norm(scale * np.array([3.0, 0.0, -4.0]))
    assert found == pytest.approx(5 * scale, rel=1e-15, abs=0.0)
    assert all(math.isnan(objective.norm(np.array(x))) for x in ([np.nan], [0.0, np.nan, 0.0]))
    assert math.isnan(objective.norm(scale * np.array([3.0, np.nan, 1.0])))
    assert objective.norm(np.array([scale, -np.inf])) == math.inf


def test_a_column_before_the_first_is_refused():
    good = sp.random(6, 4, density=0.5, random_state=0, format="csr")
    for index in (np.int32, np.int64):
        bad = good.copy()
        bad.indices, bad.indptr = bad.indices.astype(index), bad.indptr.astype(index)
        bad.indices[-1] = -1
        with pytest.raises(ValueError, match="column -1, outside"):
            gd.LeastSquares(bad, np.ones(6))


def test_a_column_that_is_moved_during_a_run_is_refused_in_the_next_turn():
    X = sp.random(60, 4, density=0.5, random_state=0, format="csr")
    f = gd.LogisticRegression(X, np.arange(60) % 2)
    run = gd.Run(f, gd.SGD(0.01), batch_size=1, steps=10**7, record_every=0)
    run.advance(300_000)  # in several chunks, of which the first looks through X

    changed = "changed since it was checked: entry 7 is in column 4"
    kept = int(X.indices[7])
    for use in (run._stretch.solver.evaluate, run.advance):
        X.indices[7] = 4
        with pytest.raises(ValueError, match=changed):
            use()
        X.indices[7] = kept
        run.advance(200_000)

    def moved(progress):
        X.indices[7] = 4

    with pytest.raises(ValueError, match=changed):
        gd.minimize(f, gd.SGD(0.01), steps=9, record_every=3, callbacks=[moved])


@pytest.mark.parametrize("name", ["data", "indices", "indptr"])
def test_sparse_rows_at_odd_addresses_are_refused(name):
    odd = sp.random(6, 4, density=0.5, random_state=0, format="csr")
    array = getattr(odd, name)
    place = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype)
    place[...] = array
    setattr(odd, name, place)
    with pytest.raises(ValueError, match=r"aligned: take X.copy\(\)"):
        gd.LeastSquares(odd, np.ones(6))
    assert f"its {name} is not a contiguous, aligned" in rows.check_csr(odd)
    assert gd.LeastSquares(odd.copy(), np.ones(6)).n_samples == 6


@pytest.mark.parametrize("label", range(4))
@pytest.mark.parametrize("place", range(4))
def test_one_margin_that_is_no_number_shows_in_softmax(place, label):
    m = np.linspace(-1, 1, 12).reshape(3, 4)
    m[1, place] = np.nan
    values, slopes = LOSSES["softmax"](4).evaluate(m, np.full(3, float(label)))
    assert np.isnan(values).tolist() == [False, True, False]
    assert np.isnan(slopes[1]).all() and np.isfinite(slopes[[0, 2]]).all()


@pytest.mark.parametrize("name", ["slots", "numbers", "t", "inner"])
def test_a_state_of_another_shape_is_refused_and_changes_nothing(name):
    state = update.make(gd.Adam(0.1), 3)
    gd.Adam(0.1).step(np.ones(3), np.ones(3), state)
    before, saved = repr(state.save()), state.save()
    size = len(saved["numbers"])
    wrong = {
        "slots": [
            np.zeros((2, 4)),
            np.zeros((3, 3)),
            np.zeros(6),
            np.zeros((2, 3, 1)),
            np.zeros(3),
            np.zeros((1, 3)),
            np.zeros(()),
            np.zeros((2, 3), int),
            np.zeros((2, 3), object),
        ],
        "numbers": [
            np.zeros(size + 1),
            np.zeros(size - 1),
            np.zeros((size, 1)),
            np.zeros(1),
            np.zeros(()),
            np.zeros(size, bool),
            np.zeros(size, complex),
        ],
        "t": [-1, 1.5, "1", None],
        "inner": [state.save(), {}],
    }[name]
    for value in wrong:
        with pytest.raises((TypeError, ValueError)):
            state.load(saved | {name: value})
        assert repr(state.save()) == before
    state.load(saved)  # and it is free


def test_a_state_within_a_state_is_looked_at_first():
    state = update.make(gd.PolyakAverage(gd.Adam(0.1)), 3)
    good = state.save()
    other = update.make(gd.PolyakAverage(gd.Adam(0.1)), 4).save()
    wrong = good | {"t": 7, "slots": good["slots"] + 1.0, "inner": other["inner"]}
    with pytest.raises(ValueError, match="another size"):
        state.load(wrong)
    assert state.t == 0 and repr(state.save()) == repr(good)


def test_an_objective_is_free_after_an_exception():
    def gradient(theta):
        if spoilt:
            raise ArithmeticError
        return theta

    spoilt = False
    f = gd.Function(lambda u: float(u @ u), gradient, 2)
    run = gd.Run(f, gd.SGD(0.1), theta0=[1.0, 2.0], steps=9, record_every=0)
    solver, theta = run._stretch.solver, np.ones(2)
    run.advance(2)
    spoilt = True
    for use in (
        run.advance,
        solver.evaluate,
        lambda: solver.objective.evaluate(theta),
        lambda: solver.objective.sample_gradients(theta),
    ):
        for _ in range(2):
            with pytest.raises(ArithmeticError):
                use()
    spoilt = False
    run.advance(2)
    assert run.step == 4


def test_a_state_is_free_after_a_rule_has_raised():
    @dataclasses.dataclass(frozen=True)
    class Raising(gd.optimizers.PythonRule):
        lr: float = 0.1
        weight_decay: float = 0.0

        def move(self, theta, gradient, state, t, lr, momentum):
            raise ArithmeticError

    gd.optimizers.registry.pop("raising", None)
    rule, theta = Raising(), np.ones(3)
    state = rule.init(theta)
    for _ in range(2):
        with pytest.raises(ArithmeticError):
            rule.step(theta, np.ones(3), state)
    assert state.t == 0 and theta.tolist() == [1.0] * 3


def test_an_array_at_an_odd_address_is_no_place_for_a_step():
    rule, theta = gd.SGD(0.1), np.ones(3)
    odd = np.zeros(25, np.uint8)[1:].view(float)
    state = rule.init(theta)
    for given in ((odd, theta), (theta, odd)):
        with pytest.raises(ValueError, match="contiguous"):
            rule.step(*given, state)
    assert state.t == 0


def test_a_loss_that_is_infinite_in_one_part_is_infinite():
    X, y = np.zeros((1000, 1)), np.zeros(1000)
    y[200] = 1e200
    assert gd.LeastSquares(X, y).value(np.zeros(1)) == math.inf


@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("sampling", ["replacement", "shuffle"])
@pytest.mark.parametrize("how", ["l2", "elastic", "weight_decay", "RMSProp"])
def test_a_factor_that_would_vanish_is_applied_in_time(how, sampling, batch_size):
    # Each step leaves a tenth of the weights; what is stored must not become 1e400 times as large.
    generator = np.random.default_rng(0)
    X = sp.random(40, 30, density=0.1, random_state=0, format="csr")
    y = (generator.random(40) < 0.5).astype(float)
    lr = 0.5
    penalty, rule = {
        "l2": ({"l2": 1.8}, gd.SGD(lr)),
        "elastic": ({"penalty": gd.penalties.ElasticNet(36.0, 0.001)}, gd.SGD(lr)),
        "weight_decay": ({}, gd.SGD(lr, weight_decay=1.8)),
        "RMSProp": ({}, gd.RMSProp(1e-3, decay=0.1)),
    }[how]
    options = {"batch_size": batch_size, "steps": 900, "seed": 0, "sampling": sampling}
    sparse, dense = (
        gd.minimize(gd.LogisticRegression(Z, y, **penalty), rule, record_every=0, **options)
        for Z in (X, X.toarray())
    )
    assert sparse.steps == 900 and np.abs(dense.theta).max() > 1e-6
    np.testing.assert_allclose(sparse.theta, dense.theta, rtol=1e-10, atol=1e-16)


def test_a_state_is_free_after_an_exception():
    class Spoilt(gd.schedules.Schedule):
        def values(self, t, total):
            if spoilt:
                raise ArithmeticError
            return np.full(np.shape(t), 0.1)

    gd.schedules.registry.pop("Spoilt", None)
    spoilt, theta = False, np.ones(3)
    rule = gd.SGD(Spoilt())
    state = rule.init(theta)
    spoilt = True
    for _ in range(2):
        with pytest.raises(ArithmeticError):
            rule.step(theta, np.ones(3), state)
    spoilt = False
    rule.step(theta, np.ones(3), state)
    assert state.t == 1 and theta.tolist() == [0.9] * 3


@pytest.mark.parametrize("place", ["step", "loss", "threads"])
def test_a_signal_is_heard_inside_of_a_step(place, sent):  # noqa: F811
    # While the objective is in use, that is, and not when the step is done.
    generator = np.random.default_rng(0)
    X = generator.standard_normal((20_000, 60))
    f = gd.NeuralNetwork(X, generator.integers(0, 9, 20_000), hidden=(300, 300), loss="softmax")
    threads = 2 if place == "threads" else 1
    run = gd.Run(f, gd.SGD(1e-3), steps=100, record_every=0, n_threads=threads)
    solver, heard = run._stretch.solver, []

    def hear(number, frame):
        try:
            solver.objective.evaluate(solver.settled, np.zeros(1, np.int64))
            heard.append("between")
        except RuntimeError:
            heard.append("inside")
        if heard[-1] == "between" and len(heard) < 100:
            sent(0.02)  # too early, where the machine is slow

    before = signal.signal(signal.SIGINT, hear)
    try:
        sent(0.02)
        if place == "loss":
            solver.objective.evaluate(solver.settled, None, True, False)
        else:
            run.advance(1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard[-1] == "inside"


@pytest.mark.parametrize("penalty", [0.5, 0.99, 1.0, "elastic"])
def test_what_is_put_off_is_saved(penalty):
    # Scaled rows of sparse data, thresholds of its weights, and the row that a narrow dense step is
    # late by.
    generator = np.random.default_rng(0)
    dense = generator.standard_normal((30, 4))
    wide = sp.random(30, 300, density=0.02, random_state=0, format="csr")
    elastic = {"penalty": gd.penalties.ElasticNet(0.05, 0.5)}
    for X in (dense, wide):
        how = elastic if penalty == "elastic" else {"l2": penalty}
        f = gd.LogisticRegression(X, np.arange(30) % 2, **how)
        options = {"batch_size": 1, "steps": 40, "seed": 0, "sampling": "shuffle"}
        whole = gd.minimize(f, gd.SGD(0.9), **options).theta
        for cut in range(1, 40, 4):
            first = gd.Run(f, gd.SGD(0.9), **options).advance(cut)
            part = gd.resume(first.result())
            first.close()
            assert np.array_equal(part.theta, whole), cut


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("sampling", ["replacement", "shuffle", "sequential"])
def test_what_was_taken_back_is_taken_again(sampling, batch_size):
    # From any place in an epoch, within it, over its end, and over two.
    X = np.random.default_rng(0).standard_normal((30, 4))
    f = gd.LogisticRegression(X, np.arange(30) % 2)
    options = {"batch_size": batch_size, "steps": 400, "seed": 0, "sampling": sampling}
    solver = gd.Run(f, gd.SGD(0.5), **options)._stretch.solver
    epoch = -(-30 // batch_size)
    for number, length in enumerate((1, 3, epoch, epoch - 1, 2 * epoch + 1, 2) * 2):
        rates = np.full(length + number, 0.5), np.zeros(length + number)
        solver.mark()
        solver.take(*rates)
        first = solver.settled
        for _ in range(2):
            solver.rewind()
            solver.take(*rates)
            assert np.array_equal(solver.settled, first)
