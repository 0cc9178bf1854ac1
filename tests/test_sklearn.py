# The estimators of fastgd.sklearn beside scikit-learn's own: the same fits, its checks, and beyond.
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import fastgd as gd

sklearn = pytest.importorskip("sklearn", minversion="1.6")

from sklearn import linear_model, neural_network  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from fastgd import sklearn as ours  # noqa: E402
from fastgd.theory import duality  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 8))
SPARSE = sp.csr_array(X * (RNG.random(X.shape) < 0.5))
TWO = (X @ RNG.normal(size=8) + RNG.normal(size=200) > 0).astype(int)
THREE = RNG.integers(0, 3, 200)
NUMBER = X @ RNG.normal(size=8) + RNG.normal(size=200)
COUNT = RNG.poisson(np.exp(0.3 * X[:, 0])).astype(float)
WEIGHT = RNG.random(200)
NEW = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Rows drawn one by one do not count a weight as a repetition; scikit-learn excuses its own too.
DRAWN = {
    f"check_sample_weight_equivalence{end}": "rows are drawn: a weight of 2 is not a row twice"
    for end in ("", "_on_dense_data", "_on_sparse_data")
}


def excused(estimator):
    return DRAWN if type(estimator).__name__.startswith("SGD") else {}


@parametrize_with_checks(
    [
        ours.GDClassifier(), ours.GDRegressor(), ours.SGDClassifier(), ours.SGDRegressor(),
        ours.MLPClassifier(max_iter=100), ours.MLPRegressor(max_iter=100),
    ],
    expected_failed_checks=excused,
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def both(kind, parameters, data, y, weights=None):
    package = neural_network if kind.startswith("MLP") else linear_model
    theirs = getattr(package, kind)(**parameters)
    mine = getattr(ours, kind)(**parameters)
    more = {} if weights is None else {"sample_weight": weights}
    return theirs.fit(data, y, **more), mine.fit(data, y, **more)


@pytest.mark.skipif(not NEW, reason="the objective by which it stops is that of 1.8 and later")
@pytest.mark.parametrize("data", [X, SPARSE, X.astype(np.float32)], ids=["dense", "csr", "single"])
@pytest.mark.parametrize("rate", ["optimal", "constant", "invscaling", "adaptive"])
@pytest.mark.parametrize(
    "loss, penalty, more",
    [
        ("hinge", "l2", {}), ("log_loss", "l2", {"average": True}), ("hinge", "l1", {}),
        ("log_loss", "elasticnet", {"class_weight": "balanced"}), ("hinge", None, {"average": 40}),
        ("perceptron", "l2", {"shuffle": False}), ("hinge", "l1", {"early_stopping": True}),
    ],
    ids=str,
)  # fmt: skip
def test_sgd_fits_are_scikit_learns(data, rate, loss, penalty, more):
    parameters = dict(loss=loss, penalty=penalty, learning_rate=rate, alpha=1e-3, max_iter=20,
                      random_state=3, **more)  # fmt: skip
    # In float32 scikit-learn rounds each step, and soon goes another way.
    single = data.dtype == np.float32
    for y in (TWO, THREE):
        theirs, mine = both("SGDClassifier", parameters, data, y, WEIGHT)
        assert mine.coef_.dtype == theirs.coef_.dtype and mine.coef_.shape == theirs.coef_.shape
        if not single:
            assert mine.n_iter_ == theirs.n_iter_ and mine.t_ == theirs.t_
            np.testing.assert_allclose(mine.coef_, theirs.coef_, rtol=1e-7, atol=1e-9)
            np.testing.assert_allclose(mine.intercept_, theirs.intercept_, rtol=1e-7, atol=1e-9)


@pytest.mark.skipif(not NEW, reason="the objective by which it stops is that of 1.8 and later")
@pytest.mark.parametrize("loss", ["squared_error", "huber", "epsilon_insensitive"])
@pytest.mark.parametrize("penalty", ["l2", "l1", None])
@pytest.mark.parametrize("data", [X, SPARSE], ids=["dense", "csr"])
def test_sgd_regressions_are_scikit_learns(data, penalty, loss):
    parameters = {
        "loss": loss,
        "penalty": penalty,
        "alpha": 1e-3,
        "max_iter": 30,
        "random_state": 1,
    }
    theirs, mine = both("SGDRegressor", parameters, data, NUMBER)
    assert mine.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(mine.coef_, theirs.coef_, rtol=1e-7)


@pytest.mark.parametrize("rate", ["pa1", "pa2"])
@pytest.mark.skipif(not NEW, reason="pa1 and pa2 are rates from 1.8 on")
def test_passive_aggressive_is_scikit_learns(rate):
    parameters = {
        "learning_rate": rate,
        "eta0": 1.0,
        "penalty": None,
        "max_iter": 20,
        "random_state": 1,
    }
    for kind, loss, y in (("SGDClassifier", "hinge", TWO),
                          ("SGDRegressor", "epsilon_insensitive", NUMBER)):  # fmt: skip
        theirs, mine = both(kind, {**parameters, "loss": loss}, X, y)
        np.testing.assert_allclose(mine.coef_, theirs.coef_, rtol=1e-7)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_networks_are_scikit_learns(solver, activation):
    parameters = {"hidden_layer_sizes": (6, 4), "solver": solver, "activation": activation,
                      "batch_size": 32, "random_state": 1,
                      "max_iter": 3 if solver == "lbfgs" else 8,
                      "alpha": 0.1}  # fmt: skip
    near = 1e-6
    many = np.column_stack([TWO, THREE == 1, THREE == 2]).astype(int)
    for kind, y in (("MLPClassifier", TWO), ("MLPClassifier", THREE), ("MLPClassifier", many),
                    ("MLPRegressor", NUMBER)):  # fmt: skip
        weights = WEIGHT if sklearn.__version__ >= "1.7" else None
        theirs, mine = both(kind, parameters, X, y, weights)
        assert mine.n_iter_ == theirs.n_iter_
        np.testing.assert_allclose(mine.loss_, theirs.loss_, rtol=near)
        for a, b in zip(mine.coefs_ + mine.intercepts_, theirs.coefs_ + theirs.intercepts_,
                        strict=True):  # fmt: skip
            np.testing.assert_allclose(a, b, atol=near)


def fitted_attributes(model):
    return {name for name in vars(model) if name.endswith("_") and name[0] != "_"}


@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize("name", ["SGDClassifier", "SGDRegressor"])
def test_plain_arrays_come_to_what_scikit_learns_conversions_come_to(name, kind):
    # The former take a shorter way to the same; see fastgd.sklearn.arrays.
    data = SPARSE if kind == "csr" else X
    if name == "SGDRegressor":
        labels = [NUMBER, np.round(NUMBER).astype(int)]
    else:
        labels = [TWO, TWO.astype(bool), 2.0 * TWO - 5.0, THREE, THREE.astype(np.uint8)]
    for y in labels:
        for more in ({}, {"penalty": "l1"}, {"average": True}, {"max_iter": 2}):
            parameters = {"random_state": 0, "max_iter": 9, **more}
            short = getattr(ours, name)(**parameters).fit(data, y)
            long = getattr(ours, name)(**parameters).fit(data, y, sample_weight=np.ones(200))
            assert np.array_equal(short.coef_, long.coef_) and short.t_ == long.t_
            assert np.array_equal(short.intercept_, long.intercept_)
            assert fitted_attributes(short) == fitted_attributes(long)
            if name == "SGDClassifier":
                assert short.classes_.dtype == long.classes_.dtype == y.dtype
                assert np.array_equal(short.predict(data), long.predict(data))
    data = data.copy()
    (data if kind == "dense" else data.data)[(3, 2) if kind == "dense" else 40] = np.inf
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="Input X contains infinity"):
        getattr(ours, name)().fit(data, labels[0])


@pytest.mark.parametrize("jobs", [None, 3])
def test_one_against_the_rest_in_threads_has_the_same_bits(jobs):
    model = ours.SGDClassifier(random_state=0, max_iter=10, n_jobs=jobs).fit(X, THREE)
    alone = ours.SGDClassifier(random_state=0, max_iter=10).fit(X, THREE)
    assert np.array_equal(model.coef_, alone.coef_)


def test_partial_fit_goes_on_where_it_was():
    options = {"shuffle": False, "learning_rate": "invscaling", "tol": None, "random_state": 0}
    parts = ours.SGDRegressor(**options)
    for _ in range(3):
        parts.partial_fit(X, NUMBER)
    whole = ours.SGDRegressor(**options, max_iter=3).fit(X, NUMBER)
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-12)
    options |= {"optimizer": gd.Adam(0.01), "batch_size": 20}
    parts = ours.SGDClassifier(loss="log_loss", **options)
    for _ in range(3):
        parts.partial_fit(X, TWO, classes=[0, 1])
    whole = ours.SGDClassifier(loss="log_loss", **options, max_iter=3).fit(X, TWO)
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-12)


def test_any_optimizer_reaches_the_minimum_of_the_same_objective():
    least = ours.GDClassifier(alpha=0.01, tol=1e-9).fit(X, TWO)
    model = ours.SGDClassifier(
        loss="log_loss", alpha=0.01, optimizer=gd.Adam(0.05), batch_size=200, max_iter=2000,
        tol=None, random_state=0,
    ).fit(X, TWO)  # fmt: skip
    proof = model.certificate(X, TWO)
    assert proof.objective - least.objective_ < 1e-4 and proof.suboptimality < 1e-3
    assert proof.least == pytest.approx(least.objective_, rel=1e-6)


@pytest.mark.parametrize("loss", ["quantile", "poisson", "gamma", "tweedie"])
def test_losses_beyond_scikit_learns(loss):
    y = COUNT + (loss == "gamma")
    model = ours.SGDRegressor(loss=loss, optimizer=gd.Adam(0.02), max_iter=60, random_state=0)
    assert model.fit(X, y).predict(X).shape == (200,)
    if loss != "quantile":
        least = ours.GDRegressor(loss=loss).fit(X, y)
        np.testing.assert_allclose(model.predict(X), least.predict(X), rtol=0.3)


def test_softmax_learns_all_classes_together():
    model = ours.SGDClassifier(loss="softmax", learning_rate="constant", eta0=0.01, random_state=0)
    p = model.fit(X, THREE).predict_proba(X)
    assert p.shape == (200, 3) and np.allclose(p.sum(axis=1), 1.0)
    model.partial_fit(X[:5], THREE[:5])
    assert model.coef_.shape == (3, 8)
    assert ours.SGDClassifier(loss="softmax").fit(X, TWO).predict_proba(X).shape == (200, 2)


@pytest.mark.parametrize("kind", ["SGDClassifier", "MLPClassifier"])
def test_callbacks_and_rows_to_judge_by(kind):
    steps = []
    more = {"loss": "log_loss", "optimizer": "sgd"} if kind[0] == "S" else {}
    model = getattr(ours, kind)(max_iter=5, tol=0.0, random_state=0,
                                callbacks=[lambda p: steps.append(p.step)], **more)  # fmt: skip
    model.fit(X[:150], TWO[:150], X_val=X[150:], y_val=TWO[150:])
    assert len(model.validation_loss_curve_) == model.n_iter_ and len(steps) >= model.n_iter_
    assert len(model.history_["loss"]) >= model.n_iter_
    with pytest.raises(ValueError, match="y_val"):
        model.fit(X, TWO, X_val=X)


def test_early_stopping_judges_by_the_rows_that_are_given():
    for kind in (ours.SGDClassifier, ours.MLPClassifier):
        model = kind(early_stopping=True, max_iter=50, random_state=0)
        model.fit(X[:150], TWO[:150], X_val=X[150:], y_val=TWO[150:])
        assert model.score(X[150:], TWO[150:]) > 0.6
    model = ours.SGDRegressor(early_stopping=True, random_state=0)
    model.fit(X[:150], NUMBER[:150], X_val=X[150:], y_val=NUMBER[150:])
    assert len(model.validation_loss_curve_) == model.n_iter_


@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("data", [X, SPARSE], ids=["dense", "csr"])
def test_the_minimum_is_proven(penalty, intercept, data):
    options = {"penalty": penalty, "alpha": 0.01, "fit_intercept": intercept, "tol": 1e-7}
    models = [
        ours.GDClassifier(loss=loss, **options).fit(data, y, sample_weight=WEIGHT)
        for loss in ("log_loss", "squared_hinge", "modified_huber")
        for y in (TWO, THREE)
    ] + [
        ours.GDRegressor(loss=loss, **options).fit(data, y, sample_weight=WEIGHT)
        for loss, y in (("squared_error", NUMBER), ("huber", NUMBER), ("poisson", COUNT))
    ]
    for model in models:
        assert model.certificate_ < 1e-5, model


@pytest.mark.parametrize("penalty", ["l2", "elasticnet", "l1"])
@pytest.mark.parametrize("loss", ["log_loss", "squared_hinge"])
def test_many_sparse_rows_are_for_saga(penalty, loss):
    rng = np.random.default_rng(3)
    data = sp.random_array((5000, 12), density=0.3, rng=rng, format="csr")
    y = (data @ rng.normal(size=12) + 0.2 * rng.normal(size=5000) > 0).astype(int)
    options = {"penalty": penalty, "loss": loss, "alpha": 1e-2, "tol": 1e-8}
    found = ours.GDClassifier(**options).fit(data, y)
    assert found.solver_.startswith("saga") and found.certificate_ <= 1e-8
    other = "lbfgs" if penalty == "l2" else "fista"
    again = ours.GDClassifier(solver=other, **options).fit(data, y)
    assert again.solver_ == other
    assert abs(found.objective_ - again.objective_) <= 2e-8
    np.testing.assert_allclose(found.coef_, again.coef_, atol=2e-3)
    # All rows at once, where a pass over single ones promises little.
    slow = ours.GDClassifier(**{**options, "alpha": 1e-6, "solver": "saga"}).fit(data, y)
    assert slow.certificate_ <= 1e-8
    chosen = ours.GDClassifier(**{**options, "alpha": 1e-6}).fit(data, y)
    assert chosen.solver_ == "newton" or penalty != "l2"


def test_callbacks_of_saga_hear_of_each_pass():
    heard = []

    class Heard:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            heard.append((context.task_name, fitted_estimator.coef_.copy()))
            return len(heard) == 3

    data, y = np.tile(X, (20, 1)), np.tile(TWO, 20)
    model = ours.GDClassifier(solver="saga", tol=1e-12)
    if not NEW:
        pytest.skip("callbacks are of scikit-learn 1.9")
    model.set_callbacks(Heard()).fit(data, y)
    assert [name for name, _ in heard] == ["iteration"] * 3 + ["fit"] and model.n_iter_ == 3
    assert np.array_equal(heard[2][1], model.coef_) and not np.array_equal(heard[1][1], model.coef_)


def test_the_gap_is_never_below_the_truth():
    for loss, y in ((gd.losses.Logistic(), TWO), (gd.losses.Squared(), NUMBER),
                    (gd.losses.Softmax(), THREE), (gd.losses.SquaredHinge(), TWO),
                    (gd.losses.Huber(0.5), NUMBER), (gd.losses.Poisson(), COUNT)):  # fmt: skip
        f = gd.LinearModel(X, y, loss, l2=0.1, fit_intercept=True, sample_weight=WEIGHT)
        best = gd.theory.optimum(f)
        for size in (1.0, 1e-2, 1e-4):
            theta = best.theta + size * RNG.normal(size=f.n_params)
            true = f.value(theta) - best.loss
            assert duality.gap(f, theta) >= true * (1 - 1e-9) - 1e-12


def test_the_minimum_is_that_of_scikit_learns_solvers():
    mine = ours.GDClassifier(alpha=1 / 200, tol=1e-10).fit(X, TWO)
    theirs = linear_model.LogisticRegression(C=1.0, tol=1e-10, max_iter=10000).fit(X, TWO)
    np.testing.assert_allclose(mine.coef_, theirs.coef_, rtol=1e-4)
    mine = ours.GDRegressor(alpha=0.1, tol=1e-12).fit(X, NUMBER)
    theirs = linear_model.Ridge(alpha=20.0).fit(X, NUMBER)
    np.testing.assert_allclose(mine.coef_, theirs.coef_, rtol=1e-6)
    mine = ours.GDRegressor(alpha=0.1, penalty="l1", tol=1e-9).fit(X, NUMBER)
    theirs = linear_model.Lasso(alpha=0.1, tol=1e-10).fit(X, NUMBER)
    np.testing.assert_allclose(mine.coef_, theirs.coef_, rtol=1e-3, atol=1e-5)


def test_too_few_iterations_are_told():
    with pytest.warns(ConvergenceWarning, match="is proven to be within"):
        ours.GDClassifier(max_iter=1, tol=1e-12).fit(X, TWO)
    with pytest.raises(ValueError, match="does not serve"):
        ours.GDClassifier(solver="newton").fit(SPARSE, THREE)


@pytest.mark.parametrize("name", ours.__all__)
def test_pickles_are_small_and_pipelines_work(name):
    y = TWO if "Classifier" in name else NUMBER
    big, targets = np.tile(X, (50, 1)), np.tile(y, 50)
    model = getattr(ours, name)(**({"max_iter": 3} if name[0] != "G" else {}))
    model.fit(big, targets)
    kept = pickle.dumps(model)
    assert len(kept) < big.nbytes / 5
    assert np.array_equal(pickle.loads(kept).predict(X), model.predict(X))
    assert clone(model).get_params().keys() == model.get_params().keys()
    pipe = make_pipeline(StandardScaler(), clone(model))
    grid = {f"{name.lower()}__alpha": [1e-4, 1e-2]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert GridSearchCV(pipe, grid, cv=2).fit(X, y).best_params_


@pytest.mark.slow
@pytest.mark.skipif(not NEW, reason="the differences that are named are those to 1.9")
def test_scikit_learns_own_tests_pass():
    script = Path(__file__).with_name("scikit_learn_suite.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("data", [X, SPARSE, X.astype(np.float32)], ids=["dense", "csr", "single"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("kind", ["SGDClassifier", "SGDRegressor", "GDClassifier", "GDRegressor"])
def test_what_is_not_finite_is_refused_before_any_pass(kind, data, bad, monkeypatch):
    def learn(*arguments, **named):
        raise AssertionError("it has begun to learn")

    for name in ("classifier.learn", "regressor.learn", "gd.solve"):
        monkeypatch.setattr(f"fastgd.sklearn.{name}", learn)
    data = data.copy()
    (data.data if sp.issparse(data) else data.ravel())[3] = bad
    with pytest.raises(ValueError, match="contains (NaN|infinity)"):
        getattr(ours, kind)().fit(data, TWO)
