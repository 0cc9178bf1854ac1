# The estimators of fastgd.sklearn among scikit-learn's own tools, and beside frames and processes.
import io
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

sklearn = pytest.importorskip("sklearn", minversion="1.6")

from joblib import Parallel, delayed  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.calibration import CalibratedClassifierCV  # noqa: E402
from sklearn.compose import make_column_transformer  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_validate  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: E402

from fastgd import sklearn as ours  # noqa: E402

RNG = np.random.default_rng(1)
X = RNG.normal(size=(120, 4))
TWO = (X @ [1.0, -2.0, 0.5, 0.0] + 0.3 * RNG.normal(size=120) > 0).astype(int)
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
NUMBER = X @ [1.0, -2.0, 0.5, 0.0] + 1.0
NEW = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
every = pytest.mark.parametrize("name", ours.__all__)
classifiers = pytest.mark.parametrize("name", [n for n in ours.__all__ if "Classifier" in n])


def model(name, **parameters):
    short = {} if name.startswith("GD") else {"random_state": 0, "max_iter": 5}
    return getattr(ours, name)(**{**short, **parameters})


def target(name):
    return TWO if "Classifier" in name else NUMBER


class Heard:
    """A callback that writes down what it hears, and stops at a part of that number."""

    def __init__(self, stop=None):
        self.log, self.scores, self.stop = [], [], stop

    def setup(self, estimator, context):
        self.log.append("setup")

    def teardown(self, estimator, context):
        self.log.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.log.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.log.append(("end", context.task_name, context.task_id))
        # Of an iteration that came to nothing there is none, as in scikit-learn's own searches.
        if fitted_estimator is not None:
            self.scores.append(fitted_estimator.score(X, y))
        assert metadata is None or set(metadata) == {"sample_weight"}
        return context.task_name in ("epoch", "iteration") and context.task_id == self.stop


CASES = [
    ("SGDClassifier", {}, TWO), ("SGDClassifier", {"average": True, "n_jobs": 2}, THREE),
    ("SGDClassifier", {"loss": "softmax", "early_stopping": True}, THREE),
    ("SGDRegressor", {}, NUMBER), ("SGDRegressor", {"optimizer": "adam"}, NUMBER),
    ("MLPClassifier", {"early_stopping": True}, THREE), ("MLPRegressor", {}, NUMBER),
    ("MLPRegressor", {"solver": "lbfgs"}, NUMBER), ("GDClassifier", {}, TWO),
    ("GDClassifier", {}, THREE), ("GDRegressor", {"penalty": "l1"}, NUMBER),
]  # fmt: skip


@pytest.mark.skipif(not NEW, reason="callbacks are of scikit-learn 1.9")
@pytest.mark.parametrize("name, parameters, y", CASES, ids=lambda a: str(a)[:40])
def test_callbacks_hear_of_every_part_and_may_stop_it(name, parameters, y):
    plain = model(name, tol=1e-9, **parameters).fit(X, y)
    heard = Heard()
    fitted = model(name, tol=1e-9, **parameters).set_callbacks(heard).fit(X, y)
    log = heard.log
    assert log[:2] == ["setup", ("begin", "fit", 0)]
    assert log[-2:] == [("end", "fit", 0), "teardown"]
    begun = sorted(entry[1:] for entry in log[1:-1] if entry[0] == "begin")
    assert begun == sorted(entry[1:] for entry in log[1:-1] if entry[0] == "end")
    parts = [part for part in begun if part[0] in ("epoch", "iteration")]
    assert len(parts) >= fitted.n_iter_ == plain.n_iter_
    # Who only listens changes nothing, and the last that is heard of is the fit as it is.
    assert np.array_equal(fitted.predict(X), plain.predict(X))
    assert heard.scores[-1] == plain.score(X, y)
    stopped = model(name, tol=1e-9, **parameters).set_callbacks(Heard(stop=1)).fit(X, y)
    assert stopped.n_iter_ == 2


@pytest.mark.skipif(not NEW, reason="callbacks are of scikit-learn 1.9")
@pytest.mark.parametrize("early", [False, True])
def test_callbacks_hear_of_networks_on_sparse_rows(early):
    data = sp.csr_array(X)
    heard = Heard()
    network = model("MLPClassifier", early_stopping=early).set_callbacks(heard).fit(data, TWO)
    assert heard.log.count(("end", "epoch", 4)) == 1
    assert heard.scores[-1] == network.score(data, TWO)
    network.set_callbacks(Heard(stop=1)).fit(data, TWO)
    assert network.n_iter_ == 2


@pytest.mark.skipif(not NEW, reason="callbacks are of scikit-learn 1.9")
def test_an_error_or_a_bad_parameter_ends_what_callbacks_began():
    heard = Heard()
    estimator = model("SGDRegressor").set_callbacks(heard)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="overflow"):
        estimator.fit(1e300 * X, NUMBER)
    assert heard.log[0] == "setup" and heard.log[-1] == "teardown"
    heard.log.clear()
    with pytest.raises(ValueError, match="max_iter"):
        estimator.set_params(max_iter=-1).fit(X, NUMBER)
    assert heard.log == []


@pytest.mark.skipif(not NEW, reason="callbacks are of scikit-learn 1.9")
@every
def test_the_progress_bar_shows_each_fit(name, monkeypatch):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    y = THREE if name == "SGDClassifier" else target(name)
    pipe = make_pipeline(StandardScaler(), model(name))
    pipe.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    assert f"{name} - fit #1" in out.getvalue() and "100%" in out.getvalue()


@pytest.mark.skipif(not NEW, reason="callbacks are of scikit-learn 1.9")
def test_a_score_is_monitored_through_a_search():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    inner = model("SGDClassifier", tol=None).set_callbacks(monitor)
    GridSearchCV(inner, {"alpha": [1e-4, 1e-2]}, cv=2).fit(X, TWO)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 5 * (2 * 2 + 1) and all(0 <= row["accuracy"] <= 1 for row in rows)


@every
def test_metadata_is_routed(name):
    weight = RNG.random(120) + 0.1
    y = target(name)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = model(name).set_fit_request(sample_weight=True)
        inner.set_score_request(sample_weight=True)
        found = GridSearchCV(inner, {}, cv=2).fit(X, y, sample_weight=weight).best_estimator_
    direct = model(name).fit(X, y, sample_weight=weight)
    assert np.array_equal(found.predict(X), direct.predict(X))


def test_rows_to_judge_by_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        inner = model("SGDClassifier").set_fit_request(X_val=True, y_val=True)
        pipe = make_pipeline(StandardScaler(), inner).fit(X, TWO, X_val=X[:9], y_val=TWO[:9])
    assert len(pipe[-1].validation_loss_curve_) == pipe[-1].n_iter_


@every
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames_bring_the_names_of_features(name, kind):
    frames = pytest.importorskip(kind)
    if kind == "polars" and not NEW:
        pytest.skip("scikit-learn's reading of polars is of another time")
    y = target(name)
    names = ["a", "b", "c", "d"]
    frame = frames.DataFrame({key: X[:, j] for j, key in enumerate(names)})
    column = frames.Series(y)
    fitted = model(name).fit(frame, column)
    assert fitted.feature_names_in_.tolist() == names
    plain = model(name).fit(X, y)
    np.testing.assert_allclose(fitted.predict(frame), plain.predict(X), rtol=1e-9)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(frame.rename({"a": "e"}) if kind == "polars" else frame.rename(
            columns={"a": "e"}
        ))  # fmt: skip
    with warnings.catch_warnings(), pytest.raises(UserWarning, match="valid feature names"):
        warnings.simplefilter("error")
        fitted.predict(X)
    pipe = make_pipeline(StandardScaler(), model(name)).set_output(transform=kind)
    assert pipe.fit(frame, column)[-1].feature_names_in_.tolist() == names


@every
def test_columns_are_transformed_before(name):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd")).assign(e=np.array(list("uvw"))[THREE])
    columns = make_column_transformer(
        (StandardScaler(), list("abcd")), (OneHotEncoder(), ["e"]), sparse_threshold=1.0
    )
    search = GridSearchCV(
        make_pipeline(columns, model(name)), {f"{name.lower()}__alpha": [1e-4, 1e-2]}, cv=2
    )
    search.fit(frame, target(name))
    assert search.best_estimator_[-1].n_features_in_ == 7 and search.predict(frame).shape == (120,)


@classifiers
def test_probabilities_are_calibrated(name):
    calibrated = CalibratedClassifierCV(model(name), cv=2).fit(X, THREE)
    p = calibrated.predict_proba(X)
    assert p.shape == (120, 3) and np.allclose(p.sum(axis=1), 1.0)


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_threads_and_processes_come_to_the_same(backend):
    # Inside the test, so that it is sent whole: a process that loky starts cannot import the tests.
    def fit_quietly(estimator, X, y):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return estimator.fit(X, y)

    every = [(model(name), target(name)) for name in ours.__all__]
    fitted = Parallel(n_jobs=2, backend=backend)(
        delayed(fit_quietly)(clone(estimator), X, y) for estimator, y in every
    )
    for (estimator, y), other in zip(every, fitted, strict=True):
        assert np.array_equal(fit_quietly(estimator, X, y).predict(X), other.predict(X))


@pytest.mark.parametrize(
    "name, more",
    [
        *((name, {}) for name in ours.__all__),
        ("SGDClassifier", {"loss": "log_loss", "optimizer": "adam"}),
        ("SGDRegressor", {"optimizer": "momentum", "batch_size": 8}),
        ("MLPClassifier", {"optimizer": "adam", "early_stopping": True}),
        ("MLPRegressor", {"solver": "lbfgs"}),
    ],
    ids=str,
)  # fmt: skip
def test_a_pickle_holds_no_data(name, more):
    # Whole numbers far from all that a fit could come to, and many of them.
    data = np.round(1e3 * RNG.random((3000, 4)) + 1e3)
    y = (data[:, 0] > 1500).astype(int) if "Classifier" in name else data[:, 0] / 1e3
    fitted = model(name, **more).fit(data / 1e3, y)
    kept = pickle.dumps(fitted)
    limit = 12_000 if not name.startswith("MLP") else 60_000
    assert len(kept) < limit < data.nbytes
    assert (data / 1e3)[7].tobytes() not in kept
    again = pickle.loads(kept)
    assert np.array_equal(again.predict(data / 1e3), fitted.predict(data / 1e3))


def test_cross_validation():
    scores = cross_validate(model("GDRegressor", tol=1e-10), X, NUMBER, cv=3)["test_score"]
    assert (scores > 0.999).all()
