# Results for others: ONNX graphs, estimators of scikit-learn, tables, trackers, optimagic.
import numpy as np
import pytest

import fastgd as gd

LOSSES = {
    "squared": gd.losses.Squared(), "huber": gd.losses.Huber(1.0), "poisson": gd.losses.Poisson(),
    "gamma": gd.losses.Gamma(), "tweedie": gd.losses.Tweedie(1.5), "logistic": gd.losses.Logistic(),
    "hinge": gd.losses.Hinge(), "squared_hinge": gd.losses.SquaredHinge(),
    "modified_huber": gd.losses.ModifiedHuber(), "perceptron": gd.losses.Perceptron(),
    "softmax": gd.losses.Softmax(),
}  # fmt: skip
NETWORKS = [("squared", "relu"), ("logistic", "tanh"), ("softmax", "sigmoid"), ("squared", "tanh"),
            ("softmax", "identity")]  # fmt: skip
LABELS = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c")}


def data():
    rng = np.random.default_rng(0)
    return 3.0 + 2.0 * rng.standard_normal((60, 4))


def model(loss, activation=None, classes=None):
    task = LOSSES[loss].task
    outputs = 3 if task == "multiclass" else 1
    sizes = (4, outputs) if activation is None else (4, 5, 6, outputs)
    n = sum(rows * (columns + 1) for rows, columns in zip(sizes[1:], sizes[:-1], strict=True))
    moved = {"target_mean": 2.0, "target_scale": 3.0} if loss in ("squared", "huber") else {}
    return gd.Model(
        0.3 * np.random.default_rng(1).standard_normal(n), LOSSES[loss], sizes,
        activation=activation, mean=np.full(4, 3.0), scale=np.full(4, 2.0), classes=classes,
        **moved,
    )  # fmt: skip


MODELS = [(loss, None) for loss in LOSSES] + NETWORKS


@pytest.mark.parametrize("loss, activation", MODELS)
@pytest.mark.parametrize("kind", [None, "text", "numbers"])
def test_onnx_predicts_the_same(loss, activation, kind):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    classes = None
    if kind is not None:
        if LOSSES[loss].task == "regression":
            pytest.skip("numbers have no classes")
        classes = LABELS[LOSSES[loss].task]
        classes = classes if kind == "text" else tuple(range(7, 7 + len(classes)))
    made, X = model(loss, activation, classes), data()
    session = runtime.InferenceSession(made.to_onnx().SerializeToString())
    names = [one.name for one in session.get_outputs()]
    found = dict(zip(names, session.run(None, {"X": X}), strict=True))
    np.testing.assert_allclose(found["margins"], made.margins(X), rtol=1e-12, atol=1e-12)
    predicted = made.predict(X)
    if predicted.dtype.kind == "f":
        np.testing.assert_allclose(found["prediction"], predicted, rtol=1e-12)
    else:
        np.testing.assert_array_equal(found["prediction"], predicted)
    if "probabilities" in names:
        expected = made.predict_proba(X)
        np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-12, atol=1e-15)
    else:
        with pytest.raises(ValueError, match="probabilities"):
            made.predict_proba(X)


def test_onnx_is_written_to_a_file(tmp_path):
    onnx = pytest.importorskip("onnx")
    made = model("squared").to_onnx(tmp_path / "model.onnx")
    assert onnx.load(tmp_path / "model.onnx") == made


@pytest.mark.parametrize("loss, activation", MODELS)
def test_scikit_learn_predicts_the_same(loss, activation):
    pytest.importorskip("sklearn")
    classes = LABELS.get(LOSSES[loss].task)
    made, X = model(loss, activation, classes), data()
    estimator = made.to_sklearn()
    predicted = made.predict(X)
    if predicted.dtype.kind == "f":
        np.testing.assert_allclose(estimator.predict(X), predicted, rtol=1e-12)
    else:
        np.testing.assert_array_equal(estimator.predict(X), predicted)
    if loss in ("logistic", "softmax"):
        expected = made.predict_proba(X)
        expected = np.column_stack([1 - expected, expected]) if expected.ndim == 1 else expected
        np.testing.assert_allclose(estimator.predict_proba(X), expected, rtol=1e-12, atol=1e-14)


def test_what_scikit_learn_has_no_estimator_for():
    pytest.importorskip("sklearn")
    with pytest.raises(ValueError, match="no network with the hinge loss"):
        gd.Model(np.zeros(13), gd.losses.Hinge(), (2, 3, 1), activation="relu").to_sklearn()
    with pytest.raises(ValueError, match="no network with the poisson loss"):
        gd.Model(np.zeros(13), gd.losses.Poisson(), (2, 3, 1), activation="relu").to_sklearn()


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_history_is_a_table(library):
    pytest.importorskip("narwhals")
    pytest.importorskip(library)
    r = gd.minimize(gd.Quadratic(np.eye(2), [1.0, 2.0]), gd.SGD(0.1), steps=5, record_every=1)
    table = r.history.to_frame(library)
    assert len(table) == 6
    np.testing.assert_array_equal(np.asarray(table["loss"]), r.history["loss"])
    with pytest.raises(ValueError, match="pandas, polars or pyarrow"):
        r.history.to_frame("dask")


def run(*to):
    f = gd.Quadratic(np.eye(1))
    callbacks = [gd.callbacks.Log(one) for one in to]
    return gd.minimize(f, gd.SGD(0.5), [1.0], steps=2, record_every=1, callbacks=callbacks)


def test_trackers_are_told_each_record():
    class Writer:
        def add_scalar(self, tag, value, step):
            scalars.append((tag, value, step))

    class Run:
        def log(self, data, step=None, commit=None):
            wandb.append((data, step))

    def plain(row):
        rows.append(row)

    scalars, wandb, rows = [], [], []
    r = run(Writer().add_scalar, Run().log, plain)
    losses = r.history["loss"].tolist()
    assert [value for tag, value, _ in scalars if tag == "loss"] == losses
    assert [step for _, step in wandb] == [0, 1, 2]
    assert [row["loss"] for row, _ in wandb] == [row["loss"] for row in rows] == losses
    assert "lr" not in wandb[0][0] and wandb[1][0]["lr"] == 0.5  # no NaN
    assert [row["step"] for row in rows] == [0, 1, 2]


def test_a_tracker_that_fails_later_does_not_end_the_run():
    calls = []

    def flaky(row):
        calls.append(row)
        if len(calls) > 1:
            raise ConnectionError("the network is gone")

    with pytest.warns(RuntimeWarning, match="the network is gone"):
        assert run(flaky).steps == 2

    def broken(row):
        raise ConnectionError("no such project")

    with pytest.raises(ConnectionError, match="no such project"):
        run(broken)


def test_tensorboard(tmp_path):
    boards = pytest.importorskip("tensorboardX")
    with boards.SummaryWriter(str(tmp_path)) as writer:
        run(writer.add_scalar)
    assert any(one.stat().st_size > 100 for one in tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")
def test_a_local_mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    with mlflow.start_run() as started:
        r = run(mlflow.log_metrics)
    kept = mlflow.MlflowClient().get_metric_history(started.info.run_id, "loss")
    assert [one.value for one in kept] == r.history["loss"].tolist()
    assert [one.step for one in kept] == [0, 1, 2]


@pytest.mark.filterwarnings("ignore")
def test_a_wandb_without_network(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_DIR", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    tracked = wandb.init(mode="offline", project="fastgd", dir=str(tmp_path))
    r = run(tracked.log)
    # The last record is kept when the run is finished, and then only in its file.
    assert tracked.summary["loss"] == r.history["loss"][1]
    tracked.finish()
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))


@pytest.mark.filterwarnings("ignore")
def test_a_local_trackio(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    trackio = pytest.importorskip("trackio")
    tracked = trackio.init(project="fastgd", name="descent", embed=False)
    r = run(tracked.log)
    trackio.finish()
    from trackio.sqlite_storage import SQLiteStorage

    kept = SQLiteStorage.get_logs("fastgd", "descent")
    assert [row["loss"] for row in kept] == r.history["loss"].tolist()
    assert [row["step"] for row in kept] == [0, 1, 2]


@pytest.fixture(scope="module")
def om():
    om = pytest.importorskip("optimagic")
    pytest.importorskip("fastgd.optimagic")
    return om


RULES = ["SGD", "Momentum", "Adam", "RMSProp", "Nesterov", "AMSGrad", "RAdam", "Lookahead"]


@pytest.mark.parametrize("rule", RULES)
def test_algorithms_of_optimagic(om, rule):
    from fastgd import optimagic

    algorithm = getattr(optimagic, rule)(lr=0.05, stopping_maxiter=3000)
    r = om.minimize(lambda x: x @ x, np.array([1.0, -2.0, 3.0]), algorithm, jac=lambda x: 2 * x)
    np.testing.assert_allclose(r.params, 0.0, atol=0.05)
    assert r.n_iterations <= 3000
    bounded = om.minimize(lambda x: x @ x, np.array([1.5, 2.0, 3.0]), algorithm,
                          jac=lambda x: 2 * x,
                          bounds=om.Bounds(lower=np.ones(3)))  # fmt: skip
    np.testing.assert_allclose(bounded.params, 1.0, atol=1e-3)


def test_every_optimizer_is_an_algorithm(om):
    from fastgd import optimagic

    assert set(optimagic.__all__) >= {kind.__name__ for kind in gd.optimizers.registry.values()
                                      if kind.__module__.startswith("fastgd.")}  # fmt: skip
    assert optimagic.Adam(lr=0.1).algo_info.name == "fastgd_adam"
    assert optimagic.Adam().with_option(stopping_maxiter=7).stopping_maxiter == 7
