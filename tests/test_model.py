# What is left of a run without its data: the same predictions, names, files that are checked whole.
import os
import pickle

import numpy as np
import pytest
import scipy.sparse as sp

import fastgd as gd

N, D, K = 60, 5, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, D))
NEW = RNG.normal(size=(9, D))


def targets(loss):
    if loss.task == "multiclass":
        return np.arange(N) % K
    if loss.task == "binary":
        return np.arange(N) % 2
    return np.abs(RNG.normal(size=N)) + 0.1


LOSSES = [kind() for kind in gd.losses.registry.values()]


def same(model, f, theta, X):
    np.testing.assert_allclose(model.margins(X), f.margins(theta, X), rtol=1e-12, atol=1e-13)
    predicted, expected = model.predict(X), f.predict(theta, X)
    assert predicted.dtype == expected.dtype and predicted.shape == expected.shape
    np.testing.assert_allclose(predicted, expected, rtol=1e-12, atol=1e-13)
    try:
        expected = f.predict_proba(theta, X)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error)):
            model.predict_proba(X)
    else:
        np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "origin"])
def test_a_linear_model_predicts_what_its_objective_predicts(loss, fit_intercept, tmp_path):
    f = gd.LinearModel(X, targets(loss), loss, fit_intercept=fit_intercept)
    theta = RNG.normal(size=f.n_params)
    model = gd.Model.of(f, theta)
    for given in (NEW, NEW.astype(np.float32), sp.csr_matrix(NEW), NEW.tolist(), NEW[:1]):
        same(model, f, theta, given)
    model.save(tmp_path / "m.npz")
    same(gd.load_model(tmp_path / "m.npz"), f, theta, NEW)
    coef, intercept = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    np.testing.assert_allclose(NEW @ coef.T + intercept, model.margins(NEW), rtol=1e-12, atol=1e-13)
    assert model.coef_.shape == ((D,) if f.n_outputs == 1 else (f.n_outputs, D))


@pytest.mark.parametrize("loss", [gd.losses.Squared(), gd.losses.Logistic(), gd.losses.Softmax(),
                                  gd.losses.Huber(0.5)], ids=lambda loss: loss.name)  # fmt: skip
@pytest.mark.parametrize("activation", gd.objectives.ACTIVATIONS)
@pytest.mark.parametrize("scale", [1.0, 1 / 255])
def test_a_network_predicts_what_its_objective_predicts(loss, activation, scale, tmp_path):
    f = gd.NeuralNetwork(X / scale, targets(loss), (7, 4), activation, loss, scale=scale)
    theta = f.initial_point(1)
    model = gd.Model.of(f, theta)
    model.save(tmp_path / "m.npz")
    for one in (model, gd.load_model(tmp_path / "m.npz")):
        same(one, f, theta, NEW / scale)
    with pytest.raises(TypeError, match="X is sparse, and a network takes dense data"):
        model.predict(sp.csr_matrix(NEW))
    with pytest.raises(AttributeError, match="a network has no coefficients"):
        _ = model.coef_


def test_many_outputs_of_one_linear_model(tmp_path):
    f = gd.LinearModel(X, X[:, :2], fit_intercept=True)
    theta = RNG.normal(size=f.n_params)
    gd.Model.of(f, theta).save(tmp_path / "m.npz")
    same(gd.load_model(tmp_path / "m.npz"), f, theta, NEW)


def test_more_rows_than_are_computed_at_once():
    f = gd.LogisticRegression(X, targets(gd.losses.Logistic()), fit_intercept=True)
    theta = RNG.normal(size=f.n_params)
    same(gd.Model.of(f, theta), f, theta, np.tile(NEW, (2000, 1)))


def test_the_model_of_a_run_holds_no_data_and_stays_as_it_is():
    f = gd.LogisticRegression(X, targets(gd.losses.Logistic()))
    result = gd.minimize(f, gd.SGD(lr=0.1), steps=20)
    model = result.model
    before = model.predict_proba(NEW)
    packed = pickle.dumps(model)
    assert len(packed) < 2000 < X.nbytes
    result.theta[:] = 0.0
    np.testing.assert_array_equal(model.predict_proba(NEW), before)
    np.testing.assert_array_equal(pickle.loads(packed).predict_proba(NEW), before)
    with pytest.raises(ValueError, match="read-only"):
        model.theta[0] = 1.0


@pytest.mark.parametrize("f", [gd.Quadratic(np.eye(2)), gd.problems.get("rosenbrock").train],
                         ids=["quadratic", "function"])  # fmt: skip
def test_what_predicts_nothing_leaves_no_model(f):
    result = gd.minimize(f, gd.SGD(lr=1e-4), theta0=np.ones(f.n_params), steps=1)
    with pytest.raises(AttributeError, match="predicts nothing, so it leaves no model"):
        _ = result.model


def test_names_of_a_table_are_kept_and_asked_for(tmp_path):
    pandas = pytest.importorskip("pandas")
    names = [f"size {j}" for j in range(D)]
    table = pandas.DataFrame(X, columns=names)
    f = gd.LeastSquares(table, X[:, 0])
    gd.Model.of(f, np.arange(5.0)).save(tmp_path / "m.npz")
    model = gd.load_model(tmp_path / "m.npz")
    assert model.feature_names == tuple(names)
    np.testing.assert_array_equal(model.predict(table), model.predict(X))
    with pytest.raises(ValueError, match="column 0 of X is 'size 4', and the model has 'size 0' "
                       "there; the order is another one"):  # fmt: skip
        model.predict(table[names[::-1]])
    with pytest.raises(ValueError, match="column 1 of X is 'other', and the model has 'size 1'"):
        model.predict(table.rename(columns={"size 1": "other"}))
    table.loc[3, "size 2"] = np.nan
    with pytest.raises(ValueError, match="column 'size 2', row 3, is nan"):
        model.predict(table)


def test_classes_and_standardised_data(tmp_path):
    mean, scale = np.arange(D) * 10.0, np.arange(1.0, D + 1)
    f = gd.SoftmaxRegression(X, np.arange(N) % K, fit_intercept=True)
    theta = RNG.normal(size=f.n_params)
    classes = ("fox", "hen", "owl")
    gd.Model.of(f, theta, classes=classes, mean=mean, scale=scale).save(tmp_path / "m.npz")
    model = gd.load_model(tmp_path / "m.npz")
    raw = NEW * scale + mean
    assert model.predict(raw).tolist() == [classes[c] for c in f.predict(theta, NEW)]
    for given in (raw, sp.csr_matrix(raw)):
        np.testing.assert_allclose(model.predict_proba(given), f.predict_proba(theta, NEW),
                                   rtol=1e-9)  # fmt: skip
    np.testing.assert_allclose(raw @ model.coef_.T + model.intercept_, model.margins(raw))


def test_a_standardised_target():
    f = gd.LeastSquares(X, X[:, 0], fit_intercept=True)
    theta = RNG.normal(size=f.n_params)
    model = gd.Model.of(f, theta, target_mean=100.0, target_scale=5.0)
    np.testing.assert_allclose(model.predict(NEW), f.predict(theta, NEW) * 5 + 100, rtol=1e-12)
    np.testing.assert_allclose(NEW @ model.coef_ + model.intercept_, model.predict(NEW))
    g = gd.LinearModel(X, np.ones(N), gd.losses.Poisson())
    with pytest.raises(ValueError, match="the target of the poisson loss cannot be standardised"):
        gd.Model.of(g, theta[:-1], target_scale=2.0)


@pytest.mark.parametrize(("given", "error", "message"), [
    (NEW[:, :4], ValueError, "X has 4 columns, the model has 5"),
    (NEW[0], ValueError, "X must have two dimensions"),
    (np.full((2, D), np.nan), ValueError, r"X\[0, 0\] is nan"),
    (sp.csr_matrix(np.full((2, D), np.inf)), ValueError, r"X\[0, 0\] is inf"),
    (np.full((2, D), "a"), TypeError, "X must hold real numbers"),
    (np.full((2, D), 1j), TypeError, "X must hold real numbers"),
    (np.ma.masked_all((2, D)), TypeError, "X is a masked array"),
    (np.full((2, D), 1e308), ValueError, "row 0 of X .* column 0 is 1e.308"),
    (sp.csr_matrix(np.full((2, D), 1e308)), ValueError, "row 0 of X .* column 0 is 1e.308"),
])  # fmt: skip
def test_what_cannot_be_predicted_is_refused(given, error, message):
    f = gd.LeastSquares(X, X[:, 0])
    with pytest.raises(error, match=message):
        gd.Model.of(f, np.array([9.0, -9, 9, -9, 9])).predict(given)


def test_predictions_under_errors_that_are_raised():
    extreme = np.array([[1e3], [-1e3], [1e-200], [0.0]])
    with np.errstate(all="raise"):
        for loss, y in (("logistic", [0, 1, 1, 0]), ("softmax", [0, 1, 2, 0]),
                        ("poisson", [0, 1, 1, 0]), ("modified_huber", [0, 1, 1, 0])):  # fmt: skip
            f = gd.LinearModel(extreme, y, loss, fit_intercept=True)
            model = gd.Model.of(f, np.full(f.n_params, 0.7))
            if loss != "poisson":
                assert np.isfinite(model.predict_proba(extreme)).all()
                assert np.isfinite(f.predict_proba(model.theta, extreme)).all()
            model.predict(extreme)
        tiny = gd.Model.of(gd.LeastSquares(extreme, [0, 1, 1, 0]), [1e-200], scale=[1e200])
        assert tiny.coef_ == [0.0]


# Files.


@pytest.fixture
def saved(tmp_path):
    f = gd.SoftmaxRegression(X, np.arange(N) % K, fit_intercept=True)
    names = [f"x{j}" for j in range(D)]
    path = tmp_path / "m.npz"
    gd.Model.of(f, RNG.normal(size=f.n_params), feature_names=names, details={"a": [1]}).save(path)
    return path


def test_a_file_holds_no_pickle_and_a_format_number(saved):
    with np.load(saved, allow_pickle=False) as arrays:
        assert int(arrays["format"]) == 1
        assert all(array.dtype.kind in "biufU" for array in arrays.values())
    assert gd.load_model(saved).details == {"a": [1]}


@pytest.mark.parametrize(("key", "value", "message"), [
    ("format", np.array(99), "is a model of format 99, and this fastgd reads 1"),
    ("objective", np.array("hinge"), "this version of fastgd has no objective 'hinge'"),
    ("loss", np.array('{"name": "cubic"}'), "this version of fastgd has no loss 'cubic'"),
    ("loss", np.array('{"name": "huber", "epsilon": -1}'), "is damaged"),
    ("loss", np.array('["huber"]'), "is not a model"),
    ("loss", np.array("{"), "is not a model"),
    ("theta", np.zeros(3), "is damaged.*theta must have one entry for each parameter"),
    ("theta", np.full(18, np.nan), r"is damaged.*theta\[0\] is nan"),
    ("theta", np.full(18, "a"), "is damaged.*theta must hold real numbers"),
    ("mean", np.full(D, np.nan), r"is damaged.*mean\[0\] is nan"),
    ("mean", np.zeros(2), "is damaged.*mean must have one entry for each feature"),
    ("scale", np.zeros(D), "is damaged.*scale finite and above 0"),
    ("sizes", np.array([5]), "is damaged.*sizes"),
    ("sizes", np.array([5, 0]), "is damaged.*sizes"),
    ("sizes", np.array([5, 10**9]), "is damaged"),
    ("feature_names", np.array(["a"]), "is damaged.*1 names for 5 features"),
    ("classes", np.array(["a", "b"]), "is damaged.*2 classes do not fit"),
    ("activation", np.array("cube"), "is damaged.*no activation 'cube'"),
    ("target_scale", np.array(np.nan), "is damaged.*finite and above 0"),
    ("target_scale", np.array(2.0), "is damaged.*cannot be standardised"),
    ("target_mean", np.zeros(2), "is damaged.*target_mean must be a single value"),
    ("parameters", np.array("[1]"), "is damaged.*no dict"),
    ("parameters", np.array("{"), "is damaged"),
])  # fmt: skip
def test_a_file_is_checked_whole(saved, key, value, message):
    with np.load(saved) as file:
        arrays = dict(file)
    assert key in arrays
    np.savez(saved, **{**arrays, key: value})
    with pytest.raises(ValueError, match=message) as caught:
        gd.load_model(saved)
    assert "\n" not in str(caught.value)


def test_a_file_that_lacks_a_part(saved):
    with np.load(saved) as file:
        arrays = dict(file)
    for key in set(arrays) - {"feature_names"}:
        np.savez(saved, **{name: array for name, array in arrays.items() if name != key})
        with pytest.raises(ValueError, match="is damaged|is not a model"):
            gd.load_model(saved)


def test_damage_anywhere_is_found_or_harmless(saved):
    good = saved.read_bytes()
    model = gd.load_model(saved)
    expected = model.predict_proba(NEW)
    generator = np.random.default_rng(1)
    for place in range(0, len(good), 37):
        bad = bytearray(good)
        bad[place] ^= 1 << int(generator.integers(8))
        saved.write_bytes(bad)
        try:
            found = gd.load_model(saved)
        except ValueError as error:
            assert "damaged" in str(error) or "not a model" in str(error)
        else:
            np.testing.assert_array_equal(found.predict_proba(NEW), expected)
    for length in range(0, len(good), 101):
        saved.write_bytes(good[:length])
        with pytest.raises(ValueError, match="is not a model"):
            gd.load_model(saved)


def test_objects_in_a_file_are_not_unpickled(saved):
    with np.load(saved) as file:
        arrays = dict(file)
    np.savez(saved, **{**arrays, "theta": np.array([print], dtype=object)})
    with pytest.raises(ValueError, match="is not a model"):
        gd.load_model(saved)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        gd.load_model(tmp_path / "m.npz")
    with pytest.raises(ValueError, match="there is no such user"):
        gd.load_model("~nouser/m.npz")
    with pytest.raises(ValueError, match="NUL"):
        gd.load_model("a\0b")
    with pytest.raises(TypeError, match="named by a string or a path"):
        gd.load_model(3)


def test_the_old_model_survives_a_write_that_fails(saved, monkeypatch):
    model, before = gd.load_model(saved), saved.read_bytes()
    os.chmod(saved, 0o600)

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match=r"m\.npz' cannot be written: No space left on device"):
            model.save(saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["m.npz"]
    model.save(saved)
    assert saved.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="links and devices as POSIX has them")
def test_links_and_devices_are_not_replaced(saved, tmp_path):
    model = gd.load_model(saved)
    link = tmp_path / "link.npz"
    link.symlink_to(saved.name)
    model.save(link)
    assert link.is_symlink()
    gd.load_model(link)
    if os.path.exists("/dev/full"):
        with pytest.raises(OSError, match="'/dev/full' cannot be written: No space left"):
            model.save("/dev/full")
        assert not os.path.isfile("/dev/full")
