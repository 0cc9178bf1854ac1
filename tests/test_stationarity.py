"""The fluctuation-dissipation ratio along a run: by its formula, and where it must tend to 1."""

import pickle

import numpy as np
import oracle
import pytest
from scipy import sparse

import fastgd as gd

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
y = (X @ [1.0, -1.0, 0.5, 0.0] + RNG.standard_normal(60) > 0).astype(int)
THETA0 = RNG.standard_normal(5)
RULES = {
    "sgd": (gd.SGD(0.1), "sgd", {}),
    "moving rate": (gd.SGD(gd.schedules.invscaling(0.3)), "sgd", {}),
    "average": (gd.Momentum(0.1, momentum=0.8), "momentum", {"momentum": 0.8}),
    "heavy ball": (
        gd.Momentum(0.05, momentum=0.5, dampening=0.0),
        "momentum",
        {"momentum": 0.5, "dampening": 0.0},
    ),
}


def objective(kind=gd.LogisticRegression, **more):
    return kind(X, y, l2=0.1, fit_intercept=True, **more)


@pytest.mark.parametrize(
    "batch_size, sampling", [(1, "replacement"), (7, "shuffle"), (None, "replacement")]
)
@pytest.mark.parametrize("name", RULES)
def test_the_ratio_is_that_of_the_oracle(name, batch_size, sampling):
    rule, known, options = RULES[name]
    slow = objective(oracle.LogisticRegression)
    lr, momentum = rule.rates(90).over(0, 90)
    dampening = momentum if name == "average" else np.zeros(90)
    path = oracle.replay(slow, known, THETA0, 90, lr, batch_size, sampling, 3, **options)
    drawn = oracle.batches(60, batch_size, 90, sampling, 3)
    gradients = [slow.gradient(theta, rows) for theta, rows in zip(path, drawn, strict=False)]
    expected = oracle.stationarity(path, gradients, lr, momentum, dampening, 10)
    r = gd.minimize(
        objective(), rule, THETA0, batch_size, steps=90, seed=3, sampling=sampling,
        record_every=10, stationarity=True,
    )  # fmt: skip
    assert r.history["step"].tolist() == list(range(0, 91, 10))
    np.testing.assert_allclose(r.stationarity, expected, rtol=1e-12)
    np.testing.assert_allclose(r.theta, path[-1], rtol=1e-12)


def test_both_sums_are_columns_and_the_last_column_is_made_of_them():
    r = gd.minimize(objective(), gd.SGD(0.1), batch_size=5, steps=40, seed=0, record_every=10,
                    stationarity=True)  # fmt: skip
    assert list(r.history)[-3:] == ["dissipation", "fluctuation", "stationarity"]
    one, other = r.history["dissipation"], r.history["fluctuation"]
    assert one[0] == other[0] == 0 and (np.diff(other) > 0).all()
    assert r.stationarity[4] == (one[4] - one[2]) / (other[4] - other[2])
    assert np.isnan(r.stationarity[0])
    assert len(r.history.to_frame()) == 5
    assert "stationarity" in r.history._repr_html_()


def test_a_watched_run_goes_where_the_same_run_goes_unwatched():
    run = {"batch_size": 5, "steps": 200, "seed": 0}
    watched = gd.minimize(objective(), gd.Momentum(0.1), stationarity=True, **run)
    plain = gd.minimize(objective(), gd.Momentum(0.1), **run)
    np.testing.assert_allclose(watched.theta, plain.theta, rtol=1e-13)
    assert "stationarity" not in plain.history
    with pytest.raises(AttributeError, match="stationarity=True"):
        plain.stationarity  # noqa: B018


def test_rows_of_any_kind_and_clipped_gradients_are_watched():
    wide = sparse.csr_array(np.where(abs(X) > 0.7, X, 0.0))
    run = {"batch_size": 1, "steps": 60, "seed": 1, "stationarity": True, "clip_norm": 0.5}
    one = gd.minimize(gd.LogisticRegression(wide, y, l2=0.1), gd.SGD(0.2), **run)
    other = gd.minimize(gd.LogisticRegression(wide.toarray(), y, l2=0.1), gd.SGD(0.2), **run)
    np.testing.assert_allclose(one.stationarity, other.stationarity, rtol=1e-11)


def test_the_ratio_does_not_depend_on_cuts(tmp_path):
    run = {"batch_size": 3, "steps": 300, "seed": 0, "record_every": 20, "stationarity": True}
    whole = gd.minimize(objective(), gd.Momentum(0.1), n_threads=2, **run)
    with gd.Run(objective(), gd.Momentum(0.1), **run) as part:
        part.advance(130).save(tmp_path / "run.npz")
    later = gd.Run.load(tmp_path / "run.npz", objective())
    cut = later.advance(7).advance().result()
    assert (cut.stationarity[1:] == whole.stationarity[1:]).all()
    assert (pickle.loads(pickle.dumps(cut)).stationarity[1:] == whole.stationarity[1:]).all()
    again = gd.minimize(cut.objective, cut.optimizer, record_every=20, **cut.setting.arguments())
    assert (again.stationarity[1:] == whole.stationarity[1:]).all()


@pytest.mark.parametrize("rule", [gd.SGD(0.2), gd.Momentum(0.2, momentum=0.9)])
@pytest.mark.parametrize("batch_size", [1, 16])
def test_at_a_constant_rate_the_ratio_tends_to_1_on_real_data(rule, batch_size):
    # Yaida's (FDR1): exact for the stationary distribution, whatever the loss.
    data = gd.datasets.load("breast-cancer")
    f = gd.LogisticRegression(*data, l2=0.1)
    r = gd.minimize(f, rule, np.full(30, 3.0), batch_size, steps=100_000, seed=0,
                    record_every=10, stationarity=True)  # fmt: skip
    assert abs(r.stationarity[1] - 1) > 0.5
    assert abs(r.stationarity[-1] - 1) < 0.01


def test_a_lower_rate_is_stationary_at_a_smaller_fluctuation():
    data = gd.datasets.load("breast-cancer")
    f = gd.LogisticRegression(*data, l2=0.1)
    mean = []
    for lr in (0.4, 0.04):
        r = gd.minimize(f, gd.SGD(lr), batch_size=1, steps=100_000, seed=0, record_every=10_000,
                        stationarity=True)  # fmt: skip
        mean.append(np.diff(r.history["fluctuation"])[-1])
        assert abs(r.stationarity[-1] - 1) < 0.03
    assert mean[1] < mean[0] / 2


@pytest.mark.parametrize(
    "rule, penalty, message",
    [
        (gd.Adam(), None, "SGD and Momentum, not of Adam"),
        (gd.Nesterov(0.1), None, "not of Nesterov"),
        (gd.SGD(0.1, weight_decay=0.1), None, "give the objective an l2"),
        (gd.SGD(0.1), gd.penalties.L1(0.1), "not known under L1"),
    ],
)
def test_what_has_no_relation_is_refused(rule, penalty, message):
    f = gd.LogisticRegression(X, y, penalty=penalty)
    with pytest.raises(ValueError, match=message):
        gd.minimize(f, rule, batch_size=1, steps=1, stationarity=True)


def test_auto_is_not_watched():
    with pytest.raises(ValueError, match="it chooses the rest"):
        gd.minimize(objective(), "auto", stationarity=True)
