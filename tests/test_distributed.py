"""Runs over many ranks, the ranks being threads of this process; on real MPI: test_mpi.py."""

import threading

import numpy as np
import pytest
import ranks
import scipy.sparse as sp

import fastgd as gd
from fastgd import distributed
from fastgd.core.spread import Alone

RNG = np.random.default_rng(0)
X = RNG.standard_normal((600, 7))
Y = (X[:, 0] + RNG.standard_normal(600) > 0).astype(float)
NUMBERS = X @ np.arange(7.0) + RNG.standard_normal(600)
CLASSES = RNG.integers(0, 3, 600)
WEIGHTS = RNG.uniform(0.1, 2.0, 600)


def sparse(X):
    return sp.csr_array(X * (np.abs(X) > 1))


# name: (objective of rows, more arrays of rows)
OBJECTIVES = {
    "logistic": lambda X, y, w: gd.LogisticRegression(X, y > 2, l2=0.1, fit_intercept=True),
    "float32": lambda X, y, w: gd.LeastSquares(X.astype(np.float32), y),
    "sparse": lambda X, y, w: gd.LogisticRegression(sparse(X), y > 2, l2=0.1),
    "weights": lambda X, y, w: gd.LeastSquares(X, y, sample_weight=w),
    "class weights": lambda X, y, w: gd.LogisticRegression(X, y > 2, class_weight={0: 1.0, 1: 3.0}),
    "softmax": lambda X, y, w: gd.SoftmaxRegression(X, np.digitize(y, [-4, 4]), fit_intercept=True),
    "l1": lambda X, y, w: gd.LinearModel(X, y, "huber", gd.penalties.L1(0.1)),
    "box": lambda X, y, w: gd.LinearModel(X, y, penalty=gd.penalties.Box(0.0, 1.0)),
    "network": lambda X, y, w: gd.NeuralNetwork(X, y > 2, hidden=(5,), sample_weight=w),
    "function": lambda X, y, w: gd.Function(
        lambda theta, i: float(np.mean((X[i] @ theta - y[i]) ** 2)),
        lambda theta, i: 2.0 * X[i].T @ (X[i] @ theta - y[i]) / len(i),
        7,
        n_samples=len(y),
    ),
}  # fmt: skip
RUNS = {
    "full": (gd.SGD(0.1), {"steps": 15}),
    "batches": (gd.Adam(0.01), {"batch_size": 50, "epochs": 2}),
    "single": (gd.Momentum(0.01), {"batch_size": 1, "steps": 40}),
    "shuffle": (gd.Nesterov(0.01), {"batch_size": 256, "epochs": 3, "sampling": "shuffle"}),
    "sequential": (gd.AdaGrad(0.1), {"batch_size": 130, "epochs": 2, "sampling": "sequential"}),
    "clipped": (gd.SGD(0.1), {"batch_size": 32, "steps": 30, "clip_norm": 0.5}),
}


def run(name, optimizer, **options):
    """The run on each of so many ranks."""

    def on(comm):
        objective = OBJECTIVES[name](*distributed.split(X, NUMBERS, WEIGHTS, comm=comm))
        options.setdefault("seed", 3)
        return gd.minimize(objective, optimizer, comm=comm, **options)

    return on


def same(a, b):
    return np.array_equal(a.theta, b.theta) and np.array_equal(a.history["loss"], b.history["loss"])


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("kind", ["full", "batches"])
def test_every_objective_takes_the_same_steps_on_any_number_of_ranks(name, kind):
    optimizer, options = RUNS[kind]
    alone = gd.minimize(OBJECTIVES[name](X, NUMBERS, WEIGHTS), optimizer, seed=3, **options)
    one = run(name, optimizer, **options)(Alone())
    assert np.linalg.norm(one.theta - alone.theta) <= 1e-12 * np.linalg.norm(alone.theta)
    for size in (2, 3, 4):
        for result in ranks.agreed(size, run(name, optimizer, **options)):
            assert same(result, one)
            assert result.loss == one.loss


@pytest.mark.parametrize("kind", RUNS)
def test_every_way_of_drawing_too(kind):
    optimizer, options = RUNS[kind]
    alone = gd.minimize(OBJECTIVES["logistic"](X, NUMBERS, 0), optimizer, seed=3, **options)
    one = run("logistic", optimizer, **options)(Alone())
    assert np.linalg.norm(one.theta - alone.theta) <= 1e-12 * np.linalg.norm(alone.theta)
    assert all(same(r, one) for r in ranks.agreed(3, run("logistic", optimizer, **options)))


def test_threads_within_a_rank_change_no_bit():
    X = np.random.default_rng(1).standard_normal((6000, 5))

    def on(threads):
        def on(comm):
            f = gd.LeastSquares(*distributed.split(X, X[:, 0], comm=comm))
            return gd.minimize(f, gd.SGD("1/beta"), steps=10, n_threads=threads, comm=comm)

        return on

    one = on(1)(Alone())
    assert all(same(r, one) for r in [*ranks.agreed(2, on(1)), *ranks.agreed(2, on(3))])


def test_many_parameters_go_from_rank_to_rank_to_the_same_bits():
    X = np.random.default_rng(1).standard_normal((40, 3000))  # too many numbers to go all at once

    def on(comm):
        f = gd.LeastSquares(*distributed.split(X, X[:, 0], comm=comm))
        return gd.minimize(f, gd.SGD(1e-4), steps=5, batch_size=20, seed=0, comm=comm)

    one = on(Alone())
    assert all(same(r, one) for size in (2, 3) for r in ranks.agreed(size, on))


def test_any_order_of_the_sums_is_right_to_rounding_and_sends_less():
    results, sent = {}, {}
    for reproducible in (True, False):

        def on(comm, reproducible=reproducible):
            f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
            r = gd.minimize(f, gd.SGD(0.1), steps=20, comm=comm, reproducible=reproducible)
            return r, comm.numbers

        (results[reproducible], sent[reproducible]), _ = ranks.agreed(2, on)
    a, b = results[True].theta, results[False].theta
    assert 0 < np.linalg.norm(a - b) <= 1e-12 * np.linalg.norm(a) or np.array_equal(a, b)
    assert sent[False] < sent[True]


def test_more_parts_for_more_ranks():
    def on(comm):
        parts = distributed.split(X, NUMBERS, comm=comm, reproducible=30)
        return gd.minimize(
            gd.LeastSquares(*parts), gd.SGD(0.1), steps=5, comm=comm, reproducible=30
        )

    one = on(Alone())
    assert all(same(r, one) for r in ranks.agreed(5, on))


def test_one_over_beta_is_that_of_all_rows():
    for name in ("logistic", "weights", "sparse"):
        f = OBJECTIVES[name](X, NUMBERS, WEIGHTS)

        def on(comm, name=name):
            own = OBJECTIVES[name](*distributed.split(X, NUMBERS, WEIGHTS, comm=comm))
            return distributed.whole(own, comm).smoothness()

        betas = [on(Alone()), *ranks.agreed(2, on), *ranks.agreed(3, on)]
        assert len(set(betas)) == 1
        assert betas[0] == pytest.approx(f.smoothness(), rel=1e-11)


def test_the_whole_objective_is_asked_by_all(monkeypatch):
    monkeypatch.setattr(gd.objectives.spectrum, "EXACT_WIDTH", 3)  # and β by Lanczos
    f = OBJECTIVES["logistic"](X, NUMBERS, WEIGHTS)
    theta, rows = np.linspace(-1, 1, 8), [5, 599, 300, 5]

    def on(comm):
        own = OBJECTIVES["logistic"](*distributed.split(X, NUMBERS, WEIGHTS, comm=comm))
        g = distributed.whole(own, comm)
        with pytest.raises(TypeError, match="cannot be pickled"):
            g.__getstate__()
        with pytest.raises(IndexError):
            g.sample_gradients(theta, [600])
        return (
            g.value(theta, rows), g.gradient(theta), g.sample_gradients(theta, rows),
            g.smoothness(), g.predict(theta, X[:5]), repr(g),
        )  # fmt: skip

    for value, gradient, each, beta, predicted, text in ranks.agreed(3, on):
        assert value == pytest.approx(f.value(theta, rows), rel=1e-14)
        assert gradient == pytest.approx(f.gradient(theta), rel=1e-12)
        assert np.array_equal(each, f.sample_gradients(theta, rows))
        assert beta == pytest.approx(f.smoothness(), rel=1e-7)
        assert np.array_equal(predicted, f.predict(theta, X[:5]))
        assert text == "LogisticRegression(600 x 7, l2=0.1, fit_intercept=True) on 3 ranks"


def test_classes_that_a_rank_does_not_have():
    order = np.argsort(CLASSES, kind="stable")
    f = gd.SoftmaxRegression(X[order], CLASSES[order])
    net = gd.NeuralNetwork(X[order], CLASSES[order], (4,), loss="softmax")

    def on(comm):
        results = []
        for g in (f, net):
            own = distributed.part(g, comm)
            results.append(gd.minimize(own, gd.SGD(0.1), steps=5, seed=0, comm=comm))
        # The last two ranks of three make theirs of rows alone: with 2 or 3 classes.
        return results

    one = on(Alone())
    for two in ranks.agreed(3, on):
        assert same(two[0], one[0]) and same(two[1], one[1])
        assert two[0].model.n_outputs == 3

    def of_rows(comm):
        rows = slice(0, 401) if comm.rank == 0 else slice(401, 600)
        own = gd.SoftmaxRegression(X[order][rows], CLASSES[order][rows])
        return own.n_outputs, gd.minimize(own, gd.SGD(0.1), steps=5, seed=0, comm=comm)

    (few, a), (many, b) = ranks.agreed(2, of_rows)
    assert few == 2 or many == 3
    assert np.linalg.norm(a.theta - one[0].theta) <= 1e-12 * np.linalg.norm(a.theta)
    assert same(a, b)


def test_rank_0_may_have_all_the_data():
    def on(comm):
        given = (X, NUMBERS) if comm.rank == 0 else (None, None)
        return distributed.split(*given, comm=comm)

    parts = ranks.agreed(3, on)
    assert np.array_equal(np.concatenate([part[0] for part in parts]), X)
    assert np.array_equal(np.concatenate([part[1] for part in parts]), NUMBERS)


def test_slices_begin_where_parts_begin():
    for n in (5, 12, 600, 10**9 + 7):
        for size in (1, 2, 3, 4, 5):
            slices = ranks.agreed(size, lambda comm, n=n: distributed.rows(n, comm))
            assert slices[0].start == 0 and slices[-1].stop == n
            assert all(a.stop == b.start for a, b in zip(slices, slices[1:], strict=False))
            assert all(s.stop > s.start for s in slices)
            assert {s.start for s in slices} <= {n * i // 12 for i in range(12)}


# --- Refusals: on all ranks, in words, before the first step --------------------------------------


def refused(size, function, kind, match):
    found = ranks.on(size, function)
    for rank, error in enumerate(found):
        with pytest.raises(kind, match=match):
            raise error if isinstance(error, BaseException) else AssertionError(rank)
    return found


def steps(f, comm, optimizer=gd.SGD(0.1), **options):  # noqa: B008 - frozen
    options.setdefault("steps", 3)
    return gd.minimize(f, optimizer, comm=comm, **options)


@pytest.mark.parametrize(
    "other, match",
    [
        (lambda: gd.LeastSquares(X[:, :6], NUMBERS), "columns of X is 6 here, but 7 on rank 0"),
        (lambda: gd.LeastSquares(X.astype(np.float32), NUMBERS), "dtype of X is float32 here, but"),
        (lambda: gd.LeastSquares(sparse(X), NUMBERS), "storage of X is sparse here, but dense"),
        (lambda: gd.LogisticRegression(X, Y), "the objective is LogisticRegression here"),
        (lambda: gd.LeastSquares(X, NUMBERS, l2=1.0), r"penalty is L2\(l2=1.0\)"),
        (lambda: gd.LeastSquares(X, NUMBERS, fit_intercept=True), "fit_intercept is True here"),
        (lambda: gd.LeastSquares(X, NUMBERS, sample_weight=WEIGHTS), "sample_weight is given here"),
    ],
)
def test_ranks_with_other_data_are_refused(other, match):
    def on(comm):
        return steps(other() if comm.rank == 1 else gd.LeastSquares(X, NUMBERS), comm)

    found = refused(3, on, ValueError, match)
    assert "rank 1 of 3: " in str(found[0]) and "rank 1 of 3: " in str(found[2])
    assert found[1].__notes__ == ["on rank 1 of 3"]


@pytest.mark.parametrize(
    "name, here, there",
    [
        ("seed", 1, 2),
        ("steps", 3, 4),
        ("batch_size", 8, 9),
        ("theta0", np.zeros(7), np.ones(7)),
        ("optimizer", gd.SGD(0.1), gd.SGD(0.2)),
        ("record_every", 1, 2),
        ("reproducible", True, False),
    ],
)
def test_ranks_that_ask_for_another_run_are_refused(name, here, there):
    def on(comm):
        return steps(gd.LeastSquares(X, NUMBERS), comm, **{name: there if comm.rank else here})

    refused(2, on, ValueError, f"{name} is .* here, but .* on rank 0")


@pytest.mark.parametrize(
    "call, kind, match",
    [
        (lambda comm: steps(gd.Quadratic(np.eye(2)), comm), ValueError, "no observations that"),
        (lambda comm: steps(gd.LeastSquares(X, NUMBERS), comm, gd.SAGA(), batch_size=1),
         ValueError, "SAGA steps on one row at a time.*sync_every"),
        (lambda comm: steps(gd.LogisticRegression(X, Y, class_weight="balanced"), comm),
         ValueError, "balanced.*give the weights"),
        (lambda comm: steps(gd.LeastSquares(X, NUMBERS), comm, record_every=0,
                            callbacks=[gd.callbacks.GradientNorm(1.0)]),
         ValueError, "looks at records"),
        (lambda comm: steps(gd.LeastSquares(X, NUMBERS), comm, batch_size=1201),
         ValueError, "only 1200 observations"),
        (lambda comm: steps(gd.LeastSquares(X, NUMBERS), comm, reproducible=0), ValueError,
         "reproducible must be at least 1"),
        (lambda comm: gd.minimize(gd.LeastSquares(X, NUMBERS), "auto", comm=comm),
         ValueError, "runs on one machine"),
        (lambda comm: distributed.split(X, NUMBERS[:5], comm=comm), ValueError, "lengths"),
        (lambda comm: distributed.split(X[:1], NUMBERS[:1], comm=comm), ValueError, "fewer than"),
        (lambda comm: distributed.rows(1, comm), ValueError, "fewer than"),
        (lambda comm: distributed.split(None, None, comm=comm), ValueError, "nobody has"),
        (lambda comm: distributed.part(gd.Quadratic(np.eye(2)), comm), TypeError, "no rows"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(call, kind, match):
    refused(2, call, kind, match)


def test_what_is_no_communicator_is_refused():
    with pytest.raises(TypeError, match="comm must be a communicator of mpi4py"):
        steps(gd.LeastSquares(X, NUMBERS), "world")
    with pytest.raises(ValueError, match="sync_every is for a run on many ranks"):
        gd.minimize(gd.LeastSquares(X, NUMBERS), gd.SGD(0.1), steps=3, sync_every=2)


# --- Faults -------------------------------------------------------------------------------------


def test_an_exception_in_one_rank_ends_all_and_names_it():
    calls = []

    def on(comm):
        def gradient(theta, indices):
            calls.append(comm.rank)
            if comm.rank == 1 and calls.count(1) > 30:
                raise ZeroDivisionError("no such luck")
            return theta

        f = gd.Function(lambda theta, i: 0.0, gradient, 2, n_samples=10)
        return steps(f, comm, steps=1000, batch_size=5, seed=0)

    a, b = ranks.on(2, on)
    assert type(a) is ZeroDivisionError and str(a) == "rank 1 of 2: no such luck"
    assert type(b) is ZeroDivisionError and b.__notes__ == ["on rank 1 of 2"]


@pytest.mark.parametrize("culprit", [0, 1])
def test_an_exception_of_a_kind_that_only_one_rank_knows(culprit):
    class MyError(Exception):
        pass

    def on(comm):
        def value(theta, indices):
            if comm.rank == culprit:
                raise MyError("mine")
            return 0.0

        f = gd.Function(value, lambda theta, i: theta, 2, n_samples=10)
        return steps(f, comm)

    found = ranks.on(2, on)
    assert type(found[culprit]) is MyError
    assert str(found[1 - culprit]) == f"rank {culprit} of 2: MyError: mine"


def test_an_exception_of_a_callback_ends_all():
    def look(progress):
        raise KeyError("what")

    def on(comm):
        return steps(gd.LeastSquares(X, NUMBERS), comm, callbacks=[look])

    a, b = ranks.on(2, on)
    assert type(a) is KeyError and str(b) == "rank 0 of 2: KeyError: 'what'"


def test_another_theta_on_one_rank_is_noticed():
    def on(comm):
        f = distributed.whole(gd.LeastSquares(X, NUMBERS), comm)
        return f.value(np.full(7, float(comm.rank)))

    for error in ranks.on(2, on):
        assert "theta of rank 1 is no longer that of rank 0" in str(error)


def test_ctrl_c_on_one_rank_ends_all():
    heard = []

    def on(comm):
        def gradient(theta, indices):
            if comm.rank == 1 and not heard:
                heard.append(True)
                raise KeyboardInterrupt
            return theta

        f = gd.Function(lambda theta, i: 0.0, gradient, 2, n_samples=10)
        return steps(f, comm, record_every=0)

    a, b = ranks.agreed(2, on)
    assert a.interrupted and b.interrupted


# --- Records, stop rules, checkpoints -------------------------------------------------------------


def test_stop_rules_and_callbacks_are_rank_0s():
    seen = []

    def on(comm):
        def look(progress):
            seen.append((comm.rank, threading.current_thread().name, progress.theta.sum()))
            return "enough" if progress.step == 4 else None

        f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
        return steps(f, comm, steps=10, record_every=2, callbacks=[look] if comm.rank == 0 else [])

    for result in ranks.agreed(3, on):
        assert (result.message, result.steps) == ("enough", 4)
        assert list(result.history["step"]) == [0, 2, 4]
    assert [rank for rank, *_ in seen] == [0, 0, 0]


def test_wall_time_and_gradient_norm():
    def on(comm):
        f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
        short = steps(f, comm, steps=10**9, record_every=0, callbacks=[gd.callbacks.WallTime(0.2)])
        found = steps(
            f, comm, gd.SGD("1/beta"), steps=10**4, callbacks=[gd.callbacks.GradientNorm(1e-6)]
        )
        return short, found

    (a, b), (c, d) = ranks.agreed(2, on)
    assert a.message == c.message == "time is up: 0.2 s"
    assert a.steps == c.steps and a.loss == c.loss
    assert b.converged and d.converged and same(b, d)


def test_a_run_that_diverges_goes_back_to_the_same_step():
    alone = gd.minimize(gd.LeastSquares(X, NUMBERS), gd.SGD(30.0), steps=9000, record_every=0)

    def on(comm):
        f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
        return steps(f, comm, gd.SGD(30.0), steps=9000, record_every=0)

    a, b = ranks.agreed(2, on)
    assert a.diverged and a.steps == b.steps == alone.steps and a.message == alone.message


def test_seeds():
    def on(comm):
        f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
        options = {"batch_size": 9, "steps": 30, "comm": comm}
        none = gd.minimize(f, gd.SGD(0.01), **options)
        generator = gd.minimize(f, gd.SGD(0.01), seed=np.random.default_rng(3), **options)
        return none, generator, gd.minimize(f, gd.SGD(0.01), seed=3, **options)

    (a, b, c), (d, e, g) = ranks.agreed(2, on)
    assert same(a, d) and a.setting.seed == d.setting.seed
    assert same(b, c) and same(e, g) and same(b, e)


def test_a_checkpoint_goes_on_on_another_number_of_ranks(tmp_path):
    path = tmp_path / "run.npz"
    options = {"batch_size": 20, "steps": 90, "seed": 3, "sampling": "shuffle"}

    def first(comm):
        f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
        stop = [lambda progress: progress.step == 30]
        return gd.minimize(
            f, gd.Adam(0.1), record_every=10, callbacks=stop, checkpoint=path, comm=comm, **options
        )

    def rest(comm):
        f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
        return gd.resume(path, f, comm=comm)

    whole = run_whole = ranks.agreed(
        2,
        lambda comm: gd.minimize(
            gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm)),
            gd.Adam(0.1), record_every=10, comm=comm, **options,
        ),
    )[0]  # fmt: skip
    assert ranks.agreed(2, first)[0].steps == 30
    refused(2, first, FileExistsError, "there is a checkpoint")
    for result in ranks.agreed(3, rest):
        assert same(result, whole)
    with pytest.raises(ValueError, match="of a run on another objective"):
        gd.resume(path, gd.LeastSquares(X, NUMBERS))
    path.unlink()
    (tmp_path / "run.npz.before").unlink()
    refused(2, rest, FileNotFoundError, "there is no checkpoint")
    assert run_whole.steps == 90


def test_a_result_goes_on_too():
    def on(comm):
        f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
        stop = [lambda progress: progress.step == 4]
        part = steps(f, comm, steps=9, record_every=1, callbacks=stop)
        return part, gd.resume(part), steps(f, comm, steps=9, record_every=1)

    for part, rest, whole in ranks.agreed(2, on):
        assert part.steps == 4 and same(rest, whole)
        assert part.model.predict(X[:3]) == pytest.approx(X[:3] @ part.theta)


# --- Local SGD ------------------------------------------------------------------------------------


def replay(parts, lr, batch_size, steps, every, seed):
    """Local SGD on least squares, in plain NumPy."""
    n = sum(len(y) for _, y in parts)
    theta, draws = np.zeros(7), []
    for rank, (_, y) in enumerate(parts):
        generator = np.random.default_rng([seed, rank])
        draws.append(generator.integers(len(y), size=(steps, batch_size)))
    own = [theta.copy() for _ in parts]
    for t in range(steps):
        for rank, (A, y) in enumerate(parts):
            i = draws[rank][t]
            own[rank] -= lr * 2 * A[i].T @ (A[i] @ own[rank] - y[i]) / batch_size
        if (t + 1) % every == 0 or t + 1 == steps:
            theta = sum(len(y) / n * one for one, (_, y) in zip(own, parts, strict=True))
            own = [theta.copy() for _ in parts]
    return theta


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("every", [1, 5, 1000])
def test_local_sgd_is_what_it_says(batch_size, every):
    cuts = [slice(0, 100), slice(100, 350), slice(350, 600)]

    def on(comm):
        f = gd.LeastSquares(X[cuts[comm.rank]], NUMBERS[cuts[comm.rank]])
        return gd.minimize(
            f, gd.SGD(0.01), batch_size=batch_size, steps=33, seed=5, sync_every=every, comm=comm
        )

    results = ranks.agreed(3, on)
    expected = replay([(X[c], NUMBERS[c]) for c in cuts], 0.01, batch_size, 33, every, 5)
    for result in results:
        assert same(result, results[0])
        assert np.linalg.norm(result.theta - expected) <= 1e-12 * np.linalg.norm(expected)
        assert result.loss == pytest.approx(gd.LeastSquares(X, NUMBERS).value(expected), rel=1e-12)


def test_local_steps_send_one_vector_every_so_many():
    sent = {}
    for every in (None, 10):

        def on(comm, every=every):
            f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
            gd.minimize(f, gd.SGD(0.01), batch_size=4, steps=2000, seed=0, record_every=0,
                        sync_every=every, comm=comm)  # fmt: skip
            return comm.messages

        sent[every], _ = ranks.agreed(2, on)
    assert sent[10] < sent[None] / 5


@pytest.mark.parametrize("name", ["sparse", "l1", "network"])
@pytest.mark.parametrize("optimizer", [gd.SGD(0.01), gd.Adam(0.01)], ids=repr)
def test_local_steps_of_any_rule_on_any_objective(name, optimizer):
    options = {"batch_size": 4, "steps": 40, "record_every": 20}

    def on(comm):
        f = OBJECTIVES[name](*distributed.split(X, NUMBERS, WEIGHTS, comm=comm))
        return gd.minimize(f, optimizer, seed=0, sync_every=4, comm=comm, **options)

    a, b = ranks.agreed(2, on)
    assert same(a, b) and a.history["loss"][-1] < a.history["loss"][0]


@pytest.mark.parametrize("kind", ["dense", "sparse", "weights and l1", "softmax"])
@pytest.mark.parametrize("optimizer", [gd.SAGA(), gd.SVRG()], ids=repr)
def test_local_tables_of_saga_and_svrg_lead_to_the_minimum_of_all_rows(optimizer, kind):
    def objective(X, y, w, classes):
        if kind == "softmax":
            return gd.SoftmaxRegression(X, classes, l2=0.1, fit_intercept=True)
        if kind == "weights and l1":
            penalty = gd.penalties.ElasticNet(0.2, 0.5)
            return gd.LinearModel(X, y > 0, "logistic", penalty, sample_weight=w)
        return gd.LogisticRegression(
            sparse(X) if kind == "sparse" else X, y > 0, l2=0.1, fit_intercept=True
        )

    order = np.argsort(NUMBERS)  # each rank has targets of its own kind
    data = [X[order], NUMBERS[order] + 8 * np.sin(np.arange(600)), WEIGHTS, CLASSES]
    best = gd.theory.optimum(objective(*data))

    def on(comm):
        f = objective(*distributed.split(*data, comm=comm))
        return gd.minimize(
            f, optimizer, batch_size=1, steps=6000, seed=0, sync_every=200, comm=comm
        )

    a, b = ranks.agreed(2, on)
    assert same(a, b)
    assert 0 <= a.loss - best.loss + best.error <= 1e-9


def test_local_sgd_on_one_rank_is_sgd():
    f = gd.LeastSquares(X, NUMBERS)
    options = {"batch_size": 4, "steps": 40}
    draws = np.random.default_rng([0, 0])
    plain = gd.minimize(f, gd.Adam(0.01), seed=draws, **options)
    local = gd.minimize(f, gd.Adam(0.01), seed=0, sync_every=7, comm=Alone(), **options)
    assert np.array_equal(plain.theta, local.theta)


def test_local_steps_end_with_the_exception_of_one():
    def on(comm):
        def gradient(theta, indices):
            if comm.rank == 1:
                raise ArithmeticError("no")
            return theta

        f = gd.Function(lambda theta, i: 0.0, gradient, 2, n_samples=10)
        return steps(f, comm, steps=20, batch_size=2, sync_every=3, seed=0)

    a, b = ranks.on(2, on)
    assert str(a) == "rank 1 of 2: no" and type(b) is ArithmeticError


def test_local_sgd_that_diverges():
    def on(comm):
        f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
        return steps(f, comm, gd.SGD(50.0), steps=4000, batch_size=4, sync_every=7, seed=0)

    a, b = ranks.agreed(2, on)
    assert a.diverged and b.diverged and a.steps == b.steps and np.isfinite(a.theta).all()


@pytest.mark.parametrize(
    "options, match",
    [
        ({"clip_norm": 1.0}, "clip_norm is not for local SGD"),
        ({"epochs": 2, "steps": None}, "give steps"),
        ({"checkpoint": "run.npz"}, "checkpoint is not for local SGD"),
        ({"record_every": 5}, "the ranks meet every 2 steps"),
        ({"seed": np.random.default_rng(0)}, "an int as seed"),
        ({"batch_size": 301}, "this rank has only 300"),
    ],
)
def test_what_local_sgd_refuses(options, match):
    def on(comm):
        f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
        return steps(f, comm, **{"sync_every": 2, "steps": 4, "batch_size": 2, "seed": 0} | options)

    refused(2, on, ValueError, match)


def test_a_local_run_is_not_resumed():
    def on(comm):
        f = gd.LeastSquares(*distributed.split(X, NUMBERS, comm=comm))
        part = steps(f, comm, steps=4, batch_size=2, sync_every=2, seed=0)
        return gd.resume(part)

    refused(2, on, ValueError, "a run of local SGD cannot be gone on with")


# --- Certificates, and theorem 12 -----------------------------------------------------------------


def test_a_certificate_is_made_by_all_ranks():
    X, y = gd.datasets.load("breast-cancer")
    setting = {"steps": 20, "seed": 0}

    def on(comm):
        f = gd.LogisticRegression(*distributed.split(X, y, comm=comm), l2=0.01)
        full = gd.minimize(f, gd.SGD("1/beta"), comm=comm, **setting)
        drawn = gd.minimize(f, gd.SGD(0.1), batch_size=4, comm=comm, **setting)
        return full.certificate(), drawn.certificate(), gd.theory.path(drawn), drawn.theta

    f = gd.LogisticRegression(X, y, l2=0.01)
    alone = [
        gd.minimize(f, gd.SGD("1/beta"), **setting).certificate(),
        gd.minimize(f, gd.SGD(0.1), batch_size=4, **setting).certificate(),
    ]
    for *certificates, path, theta in ranks.agreed(2, on):
        assert np.array_equal(path[-1], theta)
        for found, expected in zip(certificates, alone, strict=True):
            for row in expected.rows:
                assert found[row.theorem].verdict == row.verdict
                if row.bound is not None:
                    assert found[row.theorem].bound == pytest.approx(row.bound, rel=1e-6)


def test_constants_over_all_ranks():
    f = gd.LeastSquares(X, NUMBERS, sample_weight=WEIGHTS, l2=0.1)

    def on(comm):
        own = distributed.split(X, NUMBERS, WEIGHTS, comm=comm)
        g = distributed.whole(gd.LeastSquares(own[0], own[1], sample_weight=own[2], l2=0.1), comm)
        theta = np.ones(7)
        return gd.theory.strong_convexity(g), gd.theory.variance(g, theta), g.sample_smoothness()

    for mu, sigma2, largest in ranks.agreed(3, on):
        assert mu == pytest.approx(gd.theory.strong_convexity(f), rel=1e-9)
        assert sigma2 == pytest.approx(gd.theory.variance(f, np.ones(7)), rel=1e-9)
        assert largest == pytest.approx(f.sample_smoothness(), rel=1e-12)


def averages(parts, lr, batch_size, steps, every, seed):
    """The mean over t < T of the ranks' mean θ under local SGD, in plain NumPy."""
    generator = np.random.default_rng(seed)
    own, total = [np.zeros(7) for _ in parts], np.zeros(7)
    for t in range(steps):
        total += sum(own) / len(own)
        for rank, (A, y) in enumerate(parts):
            i = generator.integers(len(y), size=batch_size)
            own[rank] = own[rank] - lr * 2 * A[i].T @ (A[i] @ own[rank] - y[i]) / batch_size
        if (t + 1) % every == 0:
            own = [sum(own) / len(own)] * len(own)
    return total / steps


@pytest.mark.parametrize("every, batch_size", [(1, 1), (8, 1), (8, 16), (25, 4)])
def test_local_sgd_keeps_theorem_12_on_ranks_with_other_rows(every, batch_size):
    order = np.argsort(NUMBERS)  # each rank has targets of its own kind
    parts = [
        (X[order[c]], NUMBERS[order[c]]) for c in (slice(0, 200), slice(200, 400), slice(400, 600))
    ]
    f = gd.LeastSquares(X, NUMBERS)
    best = gd.theory.optimum(f)

    def on(comm):
        g = distributed.whole(gd.LeastSquares(*parts[comm.rank]), comm)
        return gd.theory.local_noise(g, best.theta, batch_size), g.sample_smoothness()

    noise, beta = ranks.agreed(3, on)[0]
    each = [2 * A * (A @ best.theta - y)[:, None] for A, y in parts]
    expected = [
        g.mean(0) @ g.mean(0) + ((g - g.mean(0)) ** 2).sum(1).mean() / batch_size for g in each
    ]
    assert noise == pytest.approx(np.mean(expected), rel=1e-10)
    lr = 1 / (beta * max(4, 8 * (every - 1)))
    steps = 400
    gaps = [f.value(averages(parts, lr, batch_size, steps, every, s)) - best.loss for s in range(8)]
    distance = np.linalg.norm(best.theta)
    bound = gd.theory.theorem_12(lr, beta, noise, distance, steps, every, 3)
    assert 0 < np.mean(gaps) <= bound
    # The part of the bound that steps of one's own add is what it says.
    if every > 1:
        one = gd.theory.theorem_12(lr, beta, noise, distance, steps, 1, 3)
        assert bound - one == pytest.approx(16 * lr**2 * beta * (every - 1) ** 2 * noise)


def test_theorem_12_refuses_what_it_is_not_proved_for():
    with pytest.raises(ValueError, match="lr must be in .*0.0125"):
        gd.theory.theorem_12(0.02, 1.0, 1.0, 1.0, 10, 11, 2)
    with pytest.raises(ValueError, match="ranks must be at least 1"):
        gd.theory.theorem_12(0.01, 1.0, 1.0, 1.0, 10, 11, 0.5)
    with pytest.raises(ValueError, match="not spread over ranks"):
        gd.theory.local_noise(gd.LeastSquares(X, NUMBERS), np.zeros(7))
