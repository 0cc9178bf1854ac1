"""Checkpoints: a run that was cut anywhere goes on to the same bits, and no file is ever lost."""

import errno
import itertools
import os
import signal
import subprocess
import sys

import numpy as np
import oracle
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from makers import optimizer
from scipy import sparse

import fastgd as gd
from fastgd import checkpoint

RNG = np.random.default_rng(7)
X, Y = RNG.standard_normal((23, 4)), RNG.integers(0, 3, 23)
CSR = sparse.random_array((23, 9), density=0.3, random_state=RNG, format="csr")


def dense():
    return gd.LeastSquares(X, X @ np.arange(4.0), l2=0.01, fit_intercept=True)


OBJECTIVES = {
    "dense": dense,
    "single precision": lambda: gd.LogisticRegression(X.astype(np.float32), Y == 0, l2=0.1),
    "sparse": lambda: gd.LogisticRegression(CSR, Y == 0, l2=0.1, fit_intercept=True),
    "sparse zeros": lambda: gd.LinearModel(
        CSR, Y == 0, loss=gd.losses.Logistic(), penalty=gd.penalties.ElasticNet(0.05, 0.5)
    ),
    "weighted": lambda: gd.LinearModel(
        X,
        X @ np.ones(4),
        loss=gd.losses.Huber(0.5),
        penalty=gd.penalties.Box(-0.5, 0.5),
        sample_weight=np.arange(1.0, 24.0),
    ),
    "sparse softmax": lambda: gd.SoftmaxRegression(CSR, Y),
    "network": lambda: gd.NeuralNetwork(X, Y == 0, hidden=(3,), loss="logistic"),
    "quadratic": lambda: gd.Quadratic(np.diag([1.0, 2.0, 3.0]), [1.0, 1.0, 1.0]),
}
SCHEDULES = {
    "constant": lambda: 0.01,
    "cosine": lambda: gd.schedules.cosine(0.02),
    "warm": lambda: gd.schedules.warmup(5, then=0.5 * gd.schedules.inverse_time(0.02, 0.1)),
    "cycles": lambda: gd.schedules.triangular(0.001, 0.02, 7),
}


def made(objective, rule_name, schedule, sampling, batch_size, **options):
    f = OBJECTIVES[objective]()
    if f.n_samples is None:
        batch_size = None
    run = {"batch_size": batch_size, "sampling": sampling, "seed": 4, "steps": 60, **options}
    return f, optimizer(rule_name, lr=SCHEDULES[schedule]()), run


def same(a, b):
    assert np.array_equal(a.theta, b.theta)
    for column in ("step", "loss", "grad_norm", "lr"):
        np.testing.assert_array_equal(a.history[column], b.history[column])


@pytest.mark.parametrize("rule_name", sorted(oracle.rules))
@pytest.mark.parametrize("sampling", ["replacement", "shuffle", "sequential"])
@pytest.mark.parametrize("batch_size", [1, 5, None])
def test_a_run_is_cut_and_goes_on(rule_name, sampling, batch_size, tmp_path):
    objective = "dense" if batch_size != 1 else "sparse"
    f, rule_, run = made(objective, rule_name, "cosine", sampling, batch_size, record_every=7)
    whole = gd.minimize(f, rule_, **run)
    gd.Run(f, rule_, **run).advance(31).save(tmp_path / "run.npz")
    r = gd.resume(tmp_path / "run.npz", OBJECTIVES[objective]())
    same(r, whole)
    assert (r.message, r.steps, r.loss) == (whole.message, whole.steps, whole.loss)
    assert r.setting.seed == 4 and r.optimizer == whole.optimizer


class AnyOrder(RuleBasedStateMachine):
    """A run that is taken on, saved, killed, loaded, in any order, beside one that is not."""

    @initialize(
        objective=st.sampled_from(sorted(OBJECTIVES)),
        rule_name=st.sampled_from(sorted(oracle.rules)),
        schedule=st.sampled_from(sorted(SCHEDULES)),
        sampling=st.sampled_from(["replacement", "shuffle", "sequential"]),
        batch_size=st.sampled_from([1, 2, 5, 23, None]),
        clip=st.sampled_from([None, 0.05]),
        seed=st.sampled_from([0, np.random.MT19937, np.random.SFC64, np.random.Philox]),
    )
    def begin(self, objective, rule_name, schedule, sampling, batch_size, clip, seed):
        self.folder = TMP[0]
        self.path = self.folder / f"{next(COUNT)}.npz"

        def options():
            given = seed if seed == 0 else np.random.Generator(seed(3))
            return {"clip_norm": clip, "record_every": 0, "seed": given}

        f, rule_, run = made(objective, rule_name, schedule, sampling, batch_size, **options())
        self.make = OBJECTIVES[objective]
        self.run = gd.Run(f, rule_, **run)
        self.beside = gd.Run(f, rule_, **(run | options()))
        self.saved = None

    @rule(steps=st.integers(1, 20))
    def advance(self, steps):
        self.run.advance(steps)

    @rule()
    def save(self):
        self.run.save(self.path)
        self.saved = self.run.step

    @precondition(lambda self: getattr(self, "saved", None) is not None)
    @rule(threads=st.integers(1, 3), every=st.sampled_from([0, 1, 3]), steps=st.integers(1, 20))
    def kill_and_load(self, threads, every, steps):
        self.run.advance(steps)  # what is lost
        self.run = gd.Run.load(self.path, self.make(), n_threads=threads, record_every=every)
        assert self.run.step == self.saved

    @invariant()
    def the_bits_are_those_of_the_other(self):
        if not hasattr(self, "run") or self.run.step < self.beside.step:
            return
        if self.run.step > self.beside.step:
            self.beside.advance(self.run.step - self.beside.step)
        assert np.array_equal(self.run.theta, self.beside.theta)


TMP, COUNT = [], itertools.count()


@pytest.mark.parametrize("examples", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_any_order_of_advance_save_kill_load(examples, tmp_path):
    TMP[:] = [tmp_path]
    AnyOrder.TestCase.settings = settings(
        max_examples=examples, stateful_step_count=12, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    AnyOrder.TestCase("runTest").runTest()


@pytest.mark.parametrize("batch_size", [1, 5, 23])
def test_shuffled_epochs_are_cut_at_every_step(batch_size, tmp_path):
    f, rule_, run = made("dense", "adam", "cosine", "shuffle", batch_size, record_every=4)
    run["steps"] = 3 * -(-23 // batch_size)
    whole = gd.minimize(f, rule_, **run)
    for step in range(1, run["steps"]):
        path = tmp_path / f"{step}.npz"
        gd.Run(f, rule_, **run).advance(step).save(path)
        same(gd.resume(path, f), whole)


@pytest.mark.parametrize("name", sorted(gd.optimizers.registry))
def test_every_optimizer_is_kept_in_a_file(name, tmp_path):
    f = dense()
    rule_ = optimizer(name, lr=0.01)
    gd.Run(f, rule_, steps=3).save(tmp_path / "run.npz")
    assert gd.Run.load(tmp_path / "run.npz", f).optimizer == rule_


def test_the_rate_of_the_step_before_is_known_after_a_load(tmp_path):
    f, rule_, run = made("dense", "adam", "warm", "shuffle", 5)
    cut = gd.Run(f, rule_, **run).advance(13)
    cut.save(tmp_path / "run.npz")
    loaded = gd.Run.load(tmp_path / "run.npz", f)
    assert loaded._stretch.last_lr == cut._stretch.last_lr == rule_.lr(np.array([12]), 60)[0]


def test_a_run_of_a_shared_generator_is_kept_too(tmp_path):
    f, rule_, run = made("dense", "adam", "warm", "shuffle", 5, record_every=4)
    run["seed"] = np.random.default_rng(4)
    whole = gd.minimize(f, rule_, **(run | {"seed": 4}))
    gd.Run(f, rule_, **run).advance(13).save(tmp_path / "run.npz")
    same(gd.resume(tmp_path / "run.npz", f), whole)


def test_a_function_in_a_schedule_is_asked_for(tmp_path):
    f, path = dense(), tmp_path / "run.npz"
    for rule_ in (
        gd.SGD(gd.schedules.custom(lambda t, total: 0.01 / (1.0 + t))),
        gd.Lookahead(gd.Adam(gd.schedules.custom(lambda t, total: 0.01 / (1.0 + t)))),
    ):
        whole = gd.minimize(f, rule_, steps=30)
        gd.Run(f, rule_, steps=30).advance(11).save(path)
        with pytest.raises(ValueError, match="give optimizer="):
            gd.resume(path, f)
        same(gd.resume(path, f, rule_), whole)


def test_another_optimizer_is_refused(tmp_path):
    f, path = dense(), tmp_path / "run.npz"
    gd.Run(f, gd.SGD(0.01), steps=30).advance(11).save(path)
    with pytest.raises(ValueError, match=r"of a run of SGD\(lr=0.01"):
        gd.resume(path, f, gd.SGD(0.02))


@pytest.mark.parametrize(
    "other, says",
    [
        (lambda: gd.LeastSquares(X, X @ np.arange(4.0), l2=0.02, fit_intercept=True), "l2"),
        (lambda: gd.LeastSquares(X + 1e-9, X @ np.arange(4.0), l2=0.01, fit_intercept=True), "X"),
        (lambda: gd.LeastSquares(X, X @ np.arange(4.0) + 1, l2=0.01, fit_intercept=True), "y"),
        (lambda: gd.LogisticRegression(X, Y == 0, l2=0.01, fit_intercept=True), "kind"),
        (lambda: gd.LeastSquares(X, X @ np.arange(4.0), l2=0.01), "5 parameters, not 4"),
        (lambda: gd.LeastSquares(X[:9], np.ones(9), l2=0.01, fit_intercept=True), ""),
    ],
)
def test_another_objective_is_refused(other, says, tmp_path):
    path = tmp_path / "run.npz"
    gd.Run(dense(), gd.SGD(0.01), steps=30).advance(11).save(path)
    with pytest.raises(ValueError, match=rf"'?.*run\.npz'? is of a.*{says}"):
        gd.resume(path, other())


def test_a_function_of_ones_own_is_known_by_its_loss(tmp_path):
    path = tmp_path / "run.npz"

    def function(c):
        return gd.Function(lambda u: c + float(u @ u), lambda u: 2 * u, 2)

    whole = gd.minimize(function(1.0), gd.Adam(0.1), [1.0, 2.0], steps=30)
    gd.Run(function(1.0), gd.Adam(0.1), [1.0, 2.0], steps=30).advance(7).save(path)
    same(gd.resume(path, function(1.0)), whole)
    with pytest.raises(ValueError, match="its value was 6.0, here it is 7.0"):
        gd.resume(path, function(2.0))


def test_a_file_of_another_format_is_refused_in_words(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "FORMAT", 99)
        gd.Run(dense(), gd.SGD(0.01), steps=30).save(path)
    with pytest.raises(ValueError, match="is of format 99, and this fastgd reads 1"):
        gd.resume(path, dense())


def test_what_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        gd.resume(path, dense())
    for text in (b"", b"hello", b"PK\x03\x04", np.arange(9.0).tobytes()):
        path.write_bytes(text)
        with pytest.raises(ValueError, match="damaged, or not a checkpoint"):
            gd.resume(path, dense())
    np.savez(path, theta=np.zeros(3))
    with pytest.raises(ValueError, match="damaged, or not a checkpoint"):
        gd.resume(path, dense())
    with pytest.raises(TypeError, match="objective"):
        gd.resume(path)


def test_a_damaged_checkpoint_never_crashes_nor_misleads(tmp_path):
    f, path = dense(), tmp_path / "run.npz"
    run = {"batch_size": 5, "steps": 30, "seed": 0, "sampling": "shuffle"}
    whole = gd.minimize(f, gd.Adam(0.01), **run)
    gd.Run(f, gd.Adam(0.01), **run).advance(11).save(path)
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        bad = bytearray(good)
        for place in rng.integers(0, len(good), rng.integers(1, 4)):
            bad[place] = rng.integers(256)
        if rng.random() < 0.3:
            bad = bad[: rng.integers(len(bad))]
        path.write_bytes(bad)
        try:
            r = gd.resume(path, f)
        except (ValueError, TypeError):
            continue
        same(r, whole)  # what changed was not read


def tampered(path, change):
    """The same file with its description changed."""
    import json

    with np.load(path) as file:
        arrays = dict(file)
    known = json.loads(arrays["fastgd_checkpoint"].tobytes())
    change(known, arrays)
    arrays["fastgd_checkpoint"] = np.frombuffer(json.dumps(known).encode(), np.uint8)
    np.savez(path, **arrays)


@pytest.mark.parametrize("array", range(12))
@pytest.mark.parametrize("wrong", [np.zeros(0), np.full(3, 99), np.full((2, 2), -1.0), "text"])
def test_a_file_whose_arrays_make_no_sense_is_refused(array, wrong, tmp_path):
    f, path = dense(), tmp_path / "run.npz"
    run = {"batch_size": 5, "steps": 30, "seed": 0, "sampling": "shuffle"}
    gd.Run(f, gd.Adam(0.01), **run).advance(11).save(path)

    def change(known, arrays):
        name = f"array_{array}"
        if name not in arrays:
            pytest.skip("there are fewer")
        arrays[name] = np.array(wrong)

    tampered(path, change)
    with pytest.raises((ValueError, TypeError)):
        gd.resume(path, f)


# --- minimize(..., checkpoint=) -------------------------------------------------------------------


def test_minimize_writes_its_checkpoint_and_resume_goes_on(tmp_path):
    f, path = dense(), tmp_path / "run.npz"
    run = {"batch_size": 5, "epochs": 20, "seed": 0, "sampling": "shuffle", "record_every": 3}
    whole = gd.minimize(f, gd.Adam(0.01), **run)

    def pause(progress):
        return "a pause" if progress.step == 48 else None

    part = gd.minimize(
        f, gd.Adam(0.01), checkpoint=path, checkpoint_every=0, callbacks=[pause], **run
    )
    assert part.message == "a pause" and path.exists() and checkpoint.before(path).exists()
    r = gd.resume(path, f)
    same(r, whole)
    again = gd.resume(path, f)  # it has ended: nothing is left to do
    same(again, whole)
    assert (again.message, again.steps) == (whole.message, whole.steps)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.npz", "run.npz.before"]


def test_the_result_of_a_run_goes_on_without_a_file():
    f = dense()
    whole = gd.minimize(f, gd.Adam(0.01), batch_size=5, steps=60, seed=0, record_every=6)
    part = gd.minimize(f, gd.Adam(0.01), batch_size=5, steps=60, seed=0, record_every=6,
                       callbacks=[lambda p: p.step == 18])  # fmt: skip
    for _ in range(2):  # its state is its own
        same(gd.resume(part), whole)
    assert part.steps == 18 and len(part.history["step"]) == 4


def test_a_checkpoint_is_not_written_over_by_a_new_run(tmp_path):
    f, path = dense(), tmp_path / "run.npz"
    gd.minimize(f, gd.SGD(0.01), steps=3, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="gd.resume"):
        gd.minimize(f, gd.SGD(0.01), steps=3, checkpoint=path)
    assert path.read_bytes() == before


def test_a_converged_or_diverged_run_stays_where_it_ended(tmp_path):
    f = dense()
    for name, rule_, callbacks in (
        ("a", gd.SGD("1/beta"), [gd.callbacks.TargetLoss(0.5)]),
        ("b", gd.SGD(1e5), []),
    ):
        path = tmp_path / name
        once = gd.minimize(f, rule_, steps=10**4, checkpoint=path, callbacks=callbacks)
        r = gd.resume(path, f, callbacks=callbacks)
        same(r, once)
        assert (r.message, r.converged, r.diverged) == (
            once.message, once.converged, once.diverged)  # fmt: skip
        assert r.steps < 10**4


def test_what_callbacks_remember_is_kept(tmp_path):
    class Counter:
        def __init__(self):
            self.calls = 0

        def __call__(self, progress):
            self.calls += 1
            return "a pause" if self.calls == 3 else None

        def save(self):
            return {"calls": self.calls}

        def load(self, saved):
            self.calls = saved["calls"]

    f, path = dense(), tmp_path / "run.npz"
    one, two = Counter(), Counter()
    gd.minimize(f, gd.SGD(0.01), steps=9, record_every=1, checkpoint=path, callbacks=[one])
    gd.resume(path, f, callbacks=[two])
    assert (one.calls, two.calls) == (3, 10)


def test_the_seconds_before_count(tmp_path):
    f, path = dense(), tmp_path / "run.npz"
    first = gd.minimize(f, gd.SGD(1e-6), steps=10**12, record_every=0, checkpoint=path,
                        callbacks=[gd.callbacks.WallTime(0.1)])  # fmt: skip
    times = []

    def look(progress):
        times.append(progress.time)
        return "enough"

    look.every_chunk = True
    r = gd.resume(path, f, callbacks=[look])
    assert times[0] > 0.1 and r.steps > first.steps


# --- Faults ---------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_said_before_any_step(tmp_path):
    calls = []
    f = gd.Function(lambda u: 0.0, lambda u: (calls.append(1), np.zeros(2))[1], 2)
    with pytest.raises(OSError, match=r"run.npz' cannot be written: No such file"):
        gd.minimize(f, gd.SGD(0.1), steps=5, checkpoint=tmp_path / "none" / "run.npz")
    assert not calls


@pytest.mark.parametrize("fault", ["write", "fsync", "replace"])
def test_a_full_disk_loses_nothing(fault, tmp_path, monkeypatch):
    f, path = dense(), tmp_path / "run.npz"
    whole = gd.minimize(f, gd.SGD(0.01), steps=50, record_every=10)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(progress):
        if progress.step == 20:

            def fail(*args, **keywords):
                raise full

            target = {"write": (np, "savez"), "fsync": (os, "fsync"), "replace": (os, "replace")}
            monkeypatch.setattr(*target[fault], fail)

    with pytest.warns(RuntimeWarning, match="No space left on device; the run goes on"):
        r = gd.minimize(f, gd.SGD(0.01), steps=50, record_every=10, checkpoint=path,
                        checkpoint_every=0, callbacks=[fill])  # fmt: skip
    same(r, whole)
    monkeypatch.undo()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.npz", "run.npz.before"]
    same(gd.resume(path, f), whole)


def test_between_the_two_renames_the_one_before_is_found(tmp_path):
    f, path = dense(), tmp_path / "run.npz"
    run = gd.Run(f, gd.Adam(0.01), steps=30)
    run.advance(5).save(path)
    run.advance(5).save(path)
    path.unlink()
    whole = gd.minimize(f, gd.Adam(0.01), steps=30)
    loaded = gd.Run.load(path, f)
    assert loaded.step == 5 and np.array_equal(loaded.advance().theta, whole.theta)
    run.save(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="the one before is .*run.npz.before"):
        gd.Run.load(path, f)


PROGRAM = """
import sys, pathlib, numpy as np, fastgd as gd
rng = np.random.default_rng(0)
X = rng.standard_normal((2000, 20))
f = gd.LogisticRegression(X, X[:, 0] > 0, l2=0.01)
path = pathlib.Path(sys.argv[1])
opt = gd.Adam(gd.schedules.cosine(0.01))
if path.exists() or path.with_name(path.name + ".before").exists():
    r = gd.resume(path, f, checkpoint_every=0.0)
else:
    options = {} if len(sys.argv) == 2 else {"checkpoint": path, "checkpoint_every": 0.0}
    r = gd.minimize(f, opt, batch_size=1, epochs=EPOCHS, seed=0, sampling="shuffle", **options)
print(r.steps, r.theta.tobytes().hex(), flush=True)
"""


@pytest.mark.parametrize(
    "kills, epochs", [(10, 1500), pytest.param(200, 6000, marks=pytest.mark.slow)]
)
def test_a_process_killed_at_any_instant_goes_on_to_the_same_bits(kills, epochs, tmp_path):
    program = PROGRAM.replace("EPOCHS", str(epochs))
    path = tmp_path / "run.npz"

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True
        )

    whole = start(str(tmp_path / "none.npz"))
    once, _ = whole.communicate()
    rng = np.random.default_rng(1)
    killed, rounds = 0, 0
    while killed < kills:
        rounds += 1
        process = start(str(path), "checkpointed")
        try:
            # Long enough for the start of an interpreter.
            out, _ = process.communicate(timeout=rng.uniform(0.3, 0.9))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            out, _ = process.communicate()
            killed += 1
            continue
        assert process.returncode == 0 and out == once
        for left in tmp_path.iterdir():
            left.unlink()
        assert rounds < 10 * kills
    process = start(str(path), "checkpointed")
    out, _ = process.communicate()
    assert out == once and process.returncode == 0
    assert not list(tmp_path.glob("*.new"))
