"""Callbacks that judge a run: a proof at its end, early stopping, the rate on a plateau."""

import numpy as np
import pytest
from scipy import sparse

import fastgd as gd
from fastgd.callbacks import EarlyStopping, ReduceOnPlateau, Rescale, Suboptimality

X, Y = gd.datasets.load("breast-cancer")
RUN = {"batch_size": 32, "epochs": 30, "seed": 0}


def logistic(**options):
    return gd.LogisticRegression(X, Y, **options)


PROVEN = {
    "strongly convex": lambda: logistic(l2=0.01),
    "with an intercept": lambda: logistic(l2=0.01, fit_intercept=True),
    "l1": lambda: logistic(penalty=gd.penalties.L1(0.01)),
    "elastic net": lambda: logistic(penalty=gd.penalties.ElasticNet(0.01, 0.5)),
    "weighted": lambda: logistic(l2=0.05, sample_weight=np.linspace(0.1, 2.0, len(Y))),
    "sparse": lambda: gd.LogisticRegression(sparse.csr_array(X), Y, l2=0.01),
    "least squares": lambda: gd.LeastSquares(X, Y, fit_intercept=True),
    "box": lambda: gd.LeastSquares(X[:, :5], Y, penalty=gd.penalties.Box(-0.1, 0.1)),
    "quadratic": lambda: gd.Quadratic(np.diag([1.0, 4.0]), [1.0, 4.0]),
}


@pytest.mark.parametrize("kind", PROVEN)
def test_a_proof_is_never_smaller_than_the_truth(kind):
    f = PROVEN[kind]()
    best = gd.theory.optimum(f)
    rng = np.random.default_rng(0)
    for scale in (0.0, 1e-6, 1e-3, 1.0):
        theta = best.theta + scale * rng.standard_normal(f.n_params)
        if f.penalty is not None:
            theta = np.clip(theta, -0.1, 0.1) if kind == "box" else theta
        apart = f.value(theta) - best.loss
        assert apart <= gd.theory.gap_bound(f, theta) * (1 + 1e-9) + best.error
    assert gd.theory.gap_bound(f, best.theta) < 1e-6


@pytest.mark.parametrize("kind", ["strongly convex", "l1", "elastic net", "weighted", "sparse"])
def test_a_run_ends_with_a_proof(kind):
    f = PROVEN[kind]()
    stop = Suboptimality(1e-4)
    if kind == "l1":  # SAGA takes thousands of epochs
        r = gd.minimize(f, gd.Nesterov("1/beta", restart="gradient"), steps=2000, callbacks=[stop])
    else:
        r = gd.minimize(f, gd.SAGA(), batch_size=1, epochs=2000, seed=0, callbacks=[stop])
    assert r.converged and "proven" in r.message and stop.gap <= 1e-4
    assert r.loss - gd.theory.optimum(f).loss <= 1e-4


def test_without_a_bound_a_run_does_not_begin():
    for f in (logistic(), gd.NeuralNetwork(X, Y, hidden=(2,)), gd.LinearModel(X, Y, "hinge")):
        assert gd.theory.gap_bound(f, f.initial_point()) == np.inf
        with pytest.raises(ValueError, match="nothing is known"):
            gd.minimize(f, gd.SGD(0.1), steps=5, callbacks=[Suboptimality(1e-3)])
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="tol"):
            Suboptimality(wrong)


def held_out():
    train, test = gd.datasets.load("breast-cancer").split(0.3, seed=0)
    return gd.NeuralNetwork(train.X, train.y, hidden=(16,)), test


def test_early_stopping_gives_back_the_best():
    net, test = held_out()
    look = EarlyStopping(test.X, test.y, patience=4)
    r = gd.minimize(net, gd.Adam(0.01), batch_size=8, epochs=200, seed=0, callbacks=[look])
    judge = gd.NeuralNetwork(test.X, test.y, hidden=(16,))
    best = int(np.argmin(look.losses))
    assert len(look.losses) == best + 5 and not r.converged
    assert judge.value(r.theta) == pytest.approx(look.losses[best], rel=1e-12)
    assert r.steps == r.history["step"][best] and r.loss == r.history["loss"][best]
    assert "no better on other data for 4 records" in r.message
    assert f"the result is that of step {r.steps}" in r.message
    # The same run to that step.
    same = gd.minimize(net, gd.Adam(0.01), batch_size=8, steps=r.steps, seed=0)
    assert np.array_equal(same.theta, r.theta)


def test_early_stopping_where_the_run_ends_first_and_where_it_is_cut(tmp_path):
    net, test = held_out()
    run = {"batch_size": 8, "epochs": 12, "seed": 0}
    look = EarlyStopping(test.X, test.y, patience=100)
    whole = gd.minimize(net, gd.Adam(0.05), callbacks=[look], **run)
    assert whole.steps == whole.history["step"][np.argmin(look.losses)]
    assert whole.message.startswith(f"reached {12 * 50} steps")
    losses = look.losses
    cut = gd.Run(net, gd.Adam(0.05), callbacks=[look], **run).advance(301)  # which begins anew
    cut.save(tmp_path / "run.npz")
    again = EarlyStopping(test.X, test.y, patience=100)
    r = gd.resume(tmp_path / "run.npz", net, callbacks=[again])
    assert np.array_equal(r.theta, whole.theta) and again.losses == losses
    # Each run of a sweep has its own.
    swept = gd.sweep(net, [gd.Adam(0.05), gd.Adam(0.001)], callbacks=[look],
                     record_every=50, **run)  # fmt: skip
    assert np.array_equal(swept[0].theta, whole.theta)


def test_early_stopping_refuses_what_it_cannot_judge():
    with pytest.raises(ValueError, match="patience"):
        EarlyStopping(X, Y, patience=0)
    with pytest.raises(ValueError, match="predicts nothing"):
        gd.minimize(gd.Quadratic(np.eye(2)), gd.SGD(0.1), steps=3,
                    callbacks=[EarlyStopping(X, Y)])  # fmt: skip
    with pytest.raises(ValueError, match="columns"):
        gd.minimize(logistic(), gd.SGD(0.1), steps=3, callbacks=[EarlyStopping(X[:, :3], Y)])


def test_on_a_plateau_the_rate_falls_as_in_torch():
    f = logistic(l2=0.01)
    look = ReduceOnPlateau(factor=0.3, patience=2)
    r = gd.minimize(f, gd.SGD(0.5), callbacks=[look], **RUN)
    # Replayed from its records.
    scale, best, since, expected = 1.0, np.inf, 0, []
    for t, loss in enumerate(r.history["loss"]):
        expected.append(0.5 * scale)
        since = 0 if t == 0 or loss < best - 1e-4 * abs(best) else since + 1
        best = loss if since == 0 else best
        if since == 2:
            scale, since = scale * 0.3, 0
    assert scale < 1.0
    np.testing.assert_allclose(r.history["lr"][1:], expected[1:], rtol=1e-14)
    assert look.scale == pytest.approx(scale)
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=1)
    rates = []
    for loss in r.history["loss"]:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step(loss)
    np.testing.assert_allclose(r.history["lr"][1:], rates[1:], rtol=1e-12)


@pytest.mark.parametrize("optimizer", [gd.SGD(0.5), gd.Adam(gd.schedules.inverse_time(0.1, 0.01))])
def test_a_rescaled_run_is_cut_taken_again_and_certified(optimizer, tmp_path):
    f = logistic(l2=0.05)
    whole = gd.minimize(f, optimizer, callbacks=[ReduceOnPlateau(patience=1)], **RUN)
    assert whole.rescalings and all(factor == 0.5 for _, factor in whole.rescalings)
    for step in (1, 18 * whole.rescalings[0][0] // 18, 401):
        cut = gd.Run(f, optimizer, callbacks=[ReduceOnPlateau(patience=1)], **RUN).advance(step)
        cut.save(tmp_path / f"{step}.npz")
        r = gd.resume(tmp_path / f"{step}.npz", f, callbacks=[ReduceOnPlateau(patience=1)])
        assert np.array_equal(r.theta, whole.theta)
        np.testing.assert_array_equal(r.history["lr"], whole.history["lr"])
    assert np.array_equal(gd.theory.path(whole)[-1], whole.theta)
    c = whole.certificate(replay=True)
    if isinstance(optimizer, gd.SGD):
        assert c["4"].verdict == "not applicable" and "η moves" in c["4"].why


def test_any_callback_may_rescale():
    f = gd.Quadratic(np.eye(1))
    halve = lambda progress: Rescale(0.5) if progress.step == 2 else None  # noqa: E731
    r = gd.minimize(f, gd.SGD(0.5), [1.0], steps=4, record_every=1, callbacks=[halve])
    assert r.theta[0] == 0.5**2 * 0.75**2 and r.rescalings == ((2, 0.5),)
    with pytest.raises(ValueError, match="factor"):
        Rescale(-1.0)
    for wrong in ({"factor": 1.0}, {"patience": 0}, {"tol": -1.0}, {"smallest": np.nan}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ReduceOnPlateau(**wrong)
    look = ReduceOnPlateau(factor=0.1, patience=1, smallest=0.05)
    r = gd.minimize(f, gd.SGD(1e-9), [1.0], steps=9, record_every=1, callbacks=[look])
    assert look.scale == 0.05 and r.history["lr"][-1] == pytest.approx(5e-11)
