# Places of the core where one small change would go unnoticed by any run of ordinary data: the
# mutants that survived once. Each is met by data made for it.
import math

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
    assert objective.norm(scale * np.array([3.0, 0.0, -4.0])) == pytest.approx(5 * scale, 1e-15)
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
        "slots": [np.zeros((2, 4)), np.zeros((3, 3)), np.zeros(6), np.zeros((2, 3, 1))],
        "numbers": [np.zeros(size + 1), np.zeros(size - 1), np.zeros((size, 1))],
        "t": [-1, 1.5, "1", None],
        "inner": [state.save(), {}],
    }[name]
    for value in wrong:
        with pytest.raises((TypeError, ValueError)):
            state.load(saved | {name: value})
        assert repr(state.save()) == before
    state.load(saved)  # and it is free


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


def test_a_signal_is_heard_inside_of_a_step(sent):  # noqa: F811
    # One step that is long: whoever listened between steps only would have taken it.
    generator = np.random.default_rng(0)
    X = generator.standard_normal((30_000, 60))
    f = gd.NeuralNetwork(X, generator.integers(0, 9, 30_000), hidden=(300, 300), loss="softmax")
    begun = []

    def look(progress):
        begun.append(progress.step)
        sent(0.02)

    r = gd.minimize(f, gd.SGD(1e-3), steps=1, record_every=1, callbacks=[look])
    assert begun == [0] and r.interrupted and r.steps == 0


@pytest.mark.parametrize("l2", [0.5, 0.99, 1.0])
def test_what_is_put_off_is_saved(l2):
    # Scaled rows of sparse data, and the row that a narrow dense step is late by.
    generator = np.random.default_rng(0)
    dense = generator.standard_normal((30, 4))
    wide = sp.random(30, 300, density=0.02, random_state=0, format="csr")
    for X in (dense, wide):
        f = gd.LogisticRegression(X, np.arange(30) % 2, l2=l2)
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
