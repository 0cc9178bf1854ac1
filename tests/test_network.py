"""Networks: gradients by difference, torch and the oracle; the course's example; MNIST; threads."""

import itertools
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import oracle
import pytest
from scipy.special import expit

import fastgd as gd
from fastgd.cli import main

ACTIVATIONS = ["relu", "tanh", "sigmoid", "identity"]
LOSSES = ["squared", "logistic", "softmax"]
RULES = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lion"]
DEPTHS = [(), (5,), (5, 4), (5, 4, 3)]

each = pytest.mark.parametrize(
    "activation, loss, hidden", list(itertools.product(ACTIVATIONS, LOSSES, DEPTHS)), ids=str
)


def targets(loss, n, rng):
    if loss == "squared":
        return rng.standard_normal(n)
    y = rng.integers(0, 2 if loss == "logistic" else 3, n)
    y[:3] = [0, 1, y.max()]
    return y


def pair(activation="relu", loss="logistic", hidden=(5, 4), n=37, d=3, l2=0.1):
    """The same network here and in the oracle, and a point with biases other than 0."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n, d)), targets(loss, n, rng)
    options = {"hidden": hidden, "activation": activation, "loss": loss, "l2": l2}
    fast = gd.NeuralNetwork(X, y, **options)
    return fast, oracle.NeuralNetwork(X, y, **options), rng.standard_normal(fast.n_params)


def mnist():
    folder = os.environ.get("FASTGD_DATA", Path(__file__).resolve().parents[2] / "shared/data")
    path = Path(folder) / "mnist.npz"
    if not path.exists():
        pytest.skip("mnist.npz is neither in FASTGD_DATA nor in ../shared/data")
    with np.load(path) as file:
        return {
            key: file[key].reshape(len(file[key]), -1) if key[0] == "x" else file[key]
            for key in file.files
        }


# --- Values and gradients ------------------------------------------------------------------------


@each
def test_gradients_agree_with_central_differences(activation, loss, hidden):
    f, _, theta = pair(activation, loss, hidden)
    h = 1e-6
    for indices in (None, [3], [0, 0, 5]):
        differences = [
            (f.value(theta + h * e, indices) - f.value(theta - h * e, indices)) / (2 * h)
            for e in np.eye(f.n_params)
        ]
        np.testing.assert_allclose(f.gradient(theta, indices), differences, rtol=1e-6, atol=1e-6)


@each
def test_values_and_gradients_are_the_formulas(activation, loss, hidden):
    fast, slow, theta = pair(activation, loss, hidden)
    for indices in (None, [3], [0, 0, 5], list(range(36, -1, -1)), [1, 2] * 200):
        assert fast.value(theta, indices) == pytest.approx(slow.value(theta, indices), rel=1e-13)
        expected = slow.gradient(theta, indices)
        error = np.linalg.norm(fast.gradient(theta, indices) - expected)
        assert error <= 1e-13 * np.linalg.norm(expected)


def torch_loss(torch, f, layers, X, y):
    h = torch.as_tensor(np.asarray(X, dtype=np.float64) * f.scale)
    act = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}.get(f.activation)
    for k, (W, b) in enumerate(layers):
        h = h @ W.T + b
        if act and k < len(layers) - 1:
            h = act(h)
    if f.loss == "squared":
        data = ((h[:, 0] - torch.as_tensor(y)) ** 2).mean()
    elif f.loss == "logistic":
        target = torch.as_tensor(y, dtype=torch.float64)
        data = torch.nn.functional.binary_cross_entropy_with_logits(h[:, 0], target)
    else:
        target = torch.as_tensor(y, dtype=torch.int64)
        data = torch.nn.functional.cross_entropy(h, target)
    return data + f.l2 / 2 * sum((W**2).sum() for W, _ in layers)


def parameters(torch, f, theta):
    return [
        [torch.tensor(W.copy(), requires_grad=True), torch.tensor(b.copy(), requires_grad=True)]
        for W, b in f.layers(theta)
    ]


def by_torch(torch, f, theta, rows=slice(None)):
    layers = parameters(torch, f, theta)
    loss = torch_loss(torch, f, layers, f.X[rows], f.y[rows])
    loss.backward()
    gradient = np.concatenate([part.grad.numpy().ravel() for pair in layers for part in pair])
    return loss.item(), gradient


@each
def test_gradients_agree_with_torch(activation, loss, hidden):
    torch = pytest.importorskip("torch")
    f, _, theta = pair(activation, loss, hidden)
    for rows in (slice(None), [3], [0, 0, 5]):
        indices = None if isinstance(rows, slice) else rows
        value, gradient = by_torch(torch, f, theta, rows)
        assert f.value(theta, indices) == pytest.approx(value, rel=1e-12)
        error = np.linalg.norm(f.gradient(theta, indices) - gradient)
        assert error <= 1e-10 * np.linalg.norm(gradient)


def test_the_derivative_of_relu_at_its_kink_is_0():
    # With all weights of the first layer 0, each neuron stands at its kink for every sample.
    f, _, theta = pair("relu", "squared", (4,), l2=0.0)
    theta[: 3 * 4 + 4] = 0.0
    gradient = f.gradient(theta)
    assert (gradient[: 3 * 4 + 4 + 4] == 0).all() and gradient[-1] != 0
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(gradient, by_torch(torch, f, theta)[1], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_is_exact_from_0_to_infinity_and_keeps_nan(activation):
    # One neuron with weight 1 and output weight 1: what it predicts is its activation.
    z = np.concatenate([np.geomspace(1e-300, 1e300, 4001), [0.0, 0.1, 0.7, 19.0, 37.0]])
    X = np.concatenate([z, -z])[:, None]
    f = gd.NeuralNetwork(X, np.zeros(len(X)), (1,), activation, "squared")
    theta = np.array([1.0, 0.0, 1.0, 0.0])
    exact = {"relu": lambda z: np.maximum(z, 0.0), "tanh": np.tanh, "sigmoid": expit}
    expected = exact.get(activation, np.copy)(X[:, 0])
    found = f.predict(theta, X)
    # Below 1e-300 sigmoid is 0.
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=1e-300)
    with f.borrow() as core:
        assert np.isnan(core.margins(np.array([np.nan, 0.0, 1.0, 0.0]), X)).all()


def test_gradients_of_samples_average_to_the_gradient():
    f, _, theta = pair(l2=0.0)
    rows = f.sample_gradients(theta)
    assert rows.shape == (37, f.n_params)
    np.testing.assert_allclose(rows.mean(axis=0), f.gradient(theta), rtol=1e-11, atol=1e-15)
    for i in (0, 36):
        np.testing.assert_allclose(rows[i], f.gradient(theta, [i]), rtol=1e-12, atol=1e-15)
    assert np.array_equal(f.sample_gradients(theta, [4, 4]), rows[[4, 4]])


@pytest.mark.parametrize("hidden", [(), (64,), (300, 200)], ids=str)
def test_large_products_in_slices_are_the_formulas(hidden):
    # More rows than a block, and products above what goes to BLAS in one piece.
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((301, 500)) / 20, rng.integers(0, 7, 301)
    options = {"hidden": hidden, "activation": "tanh", "loss": "softmax"}
    fast, slow = gd.NeuralNetwork(X, y, **options), oracle.NeuralNetwork(X, y, **options)
    theta = fast.initial_point(1)
    assert fast.value(theta) == pytest.approx(slow.value(theta), rel=1e-13)
    expected = slow.gradient(theta)
    assert np.linalg.norm(fast.gradient(theta) - expected) <= 1e-13 * np.linalg.norm(expected)
    margins = slow.forward(theta, X)[0][-1]
    np.testing.assert_allclose(fast.margins(theta, X), margins, rtol=1e-11, atol=1e-13)


def test_many_rows_are_summed_in_blocks():
    fast, slow, theta = pair("sigmoid", "softmax", n=9001)
    expected = slow.gradient(theta)
    assert np.linalg.norm(fast.gradient(theta) - expected) <= 1e-12 * np.linalg.norm(expected)
    assert fast.value(theta) == pytest.approx(slow.value(theta), rel=1e-13)


def test_without_a_hidden_layer_it_is_the_linear_model():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 3)), rng.integers(0, 3, 40)
    network = gd.NeuralNetwork(X, y, hidden=(), loss="softmax", l2=0.1)
    linear = gd.SoftmaxRegression(X, y, l2=0.1, fit_intercept=True)
    theta = rng.standard_normal(linear.n_params)
    assert network.value(theta) == pytest.approx(linear.value(theta), rel=1e-14)
    np.testing.assert_allclose(network.gradient(theta), linear.gradient(theta), rtol=1e-12)
    assert np.array_equal(network.predict(theta, X), linear.predict(theta, X))
    np.testing.assert_allclose(
        network.predict_proba(theta, X), linear.predict_proba(theta, X), rtol=1e-13
    )
    assert network.convex and not gd.NeuralNetwork(X, y, loss="softmax").convex
    assert network.smoothness() is None


# --- Runs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size, sampling", [(1, "shuffle"), (8, "replacement"), (None, None)])
@pytest.mark.parametrize("rule", RULES)
def test_runs_are_those_of_the_oracle(rule, batch_size, sampling):
    fast, slow, _ = pair("tanh", "softmax", l2=0.01)
    theta0 = fast.initial_point(3)
    run = {"batch_size": batch_size, "sampling": sampling or "replacement", "seed": 5}
    # RMSProp's steps do not shrink towards a minimum: around one, roundings would grow.
    lr = 0.001 if rule == "rmsprop" else 0.01
    path = oracle.replay(slow, rule, theta0, 100, lr, weight_decay=0.1, **run)
    optimizer = gd.optimizers.registry[rule](lr=lr, weight_decay=0.1)
    result = gd.minimize(fast, optimizer, theta0, steps=100, **run)
    error = np.linalg.norm(result.theta - path[-1])
    assert error <= 1e-12 * np.linalg.norm(path[-1])


def test_the_two_neurons_of_the_course():
    # Two ReLU neurons on {(-1, -1), (1, 1)}: L(θ1) = L(θ2) = 0, but not halfway. The course's L is
    # 1/2 of the sum, and that of two samples is half of our mean of squares times two.
    X, y = np.array([[-1.0], [1.0]]), np.array([-1.0, 1.0])
    f = gd.NeuralNetwork(X, y, hidden=(2,), activation="relu", loss="squared")
    one = np.array([1.0, -1.0, 0.0, 0.0, 1.0, -1.0, 0.0])
    other = np.array([-1.0, 1.0, 0.0, 0.0, -1.0, 1.0, 0.0])
    assert f.value(one) == f.value(other) == 0.0
    assert f.value((one + other) / 2) == 1.0
    starts = [f.initial_point(seed) for seed in range(20)]
    ends = [gd.minimize(f, gd.SGD(0.1), theta0, steps=5000) for theta0 in starts]
    # From some starts a neuron is dead or both share a side; from others descent reaches 0.
    assert min(end.loss for end in ends) < 1e-20
    assert sum(end.loss < 1e-20 for end in ends) >= 5


def test_the_initial_point_has_the_variance_of_he_or_glorot():
    X, y = np.zeros((4, 200)), [0, 1, 0, 1]
    for activation, variance in (("relu", 2 / 200), ("tanh", 2 / 600), ("sigmoid", 2 / 600)):
        f = gd.NeuralNetwork(X, y, hidden=(400,), activation=activation)
        theta = f.initial_point(1)
        (W, b), (_, last) = f.layers(theta)
        assert np.var(W) == pytest.approx(variance, rel=0.02)
        assert not b.any() and not last.any()
        assert np.array_equal(theta, f.initial_point(1))
        assert not np.array_equal(theta, f.initial_point(2))
    r = gd.minimize(f, gd.SGD(0.1), steps=1, seed=2)
    assert np.array_equal(r.theta, gd.minimize(f, gd.SGD(0.1), f.initial_point(2), steps=1).theta)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_narrow_data_is_kept_and_scaled(dtype):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (60, 9)).astype(dtype), rng.integers(0, 3, 60)
    options = {"hidden": (5,), "loss": "softmax"}
    f = gd.NeuralNetwork(X, y, scale=1 / 255, **options)
    wide = gd.NeuralNetwork(X.astype(np.float64) * (1 / 255), y, **options)
    assert np.shares_memory(f.X, X)
    theta = f.initial_point(0)
    assert f.value(theta) == wide.value(theta)
    run = {"batch_size": 7, "epochs": 3, "seed": 0}
    a, b = (gd.minimize(one, gd.Adam(0.01), **run) for one in (f, wide))
    assert np.array_equal(a.theta, b.theta)
    assert np.array_equal(f.predict(theta, X), wide.predict(theta, wide.X))


def test_many_networks_train_at_once_with_the_bits_of_one_alone():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((500, 90)), rng.integers(0, 10, 500)
    f = gd.NeuralNetwork(X, y, hidden=(100,), loss="softmax")
    g = gd.NeuralNetwork(X[:, :5].copy(), y, hidden=(7, 6), activation="tanh", loss="softmax")

    def run(seed):
        one = f if seed % 2 else g
        return gd.minimize(one, gd.Adam(0.01), batch_size=64, epochs=5, seed=seed).theta

    alone = [run(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(run, range(8)))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
    shared = gd.minimize(f, gd.Adam(0.01), steps=10, seed=0, n_threads=3)
    assert np.array_equal(shared.theta, gd.minimize(f, gd.Adam(0.01), steps=10, seed=0).theta)


def test_threads_of_blas_change_no_bit():
    limits = pytest.importorskip("threadpoolctl").threadpool_limits
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 784)), rng.integers(0, 10, 200)
    f = gd.NeuralNetwork(X, y, hidden=(128,), loss="softmax")
    found = []
    for count in (1, 2):
        with limits(count):
            found.append(gd.minimize(f, gd.Adam(), batch_size=64, steps=10, seed=0).theta)
    assert np.array_equal(*found)


def test_a_network_survives_pickling_and_divergence():
    f, _, theta = pair()
    copy = pickle.loads(pickle.dumps(f))
    assert copy.value(theta) == f.value(theta)
    f, _, theta = pair(loss="squared")
    r = gd.minimize(f, gd.SGD(1e6), theta, batch_size=4, steps=500, seed=0)
    assert r.diverged and np.isfinite(r.theta).all()


def test_scipy_comes_with_the_first_network_only():
    code = (
        "import sys, numpy as np, fastgd as gd\n"
        "f = gd.NeuralNetwork(np.eye(2), [0, 1])\n"
        "before = 'scipy' in sys.modules\n"
        "f.value(f.initial_point())\n"
        "print(before, 'scipy.linalg' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


# --- What a user sees ----------------------------------------------------------------------------


def test_predictions_by_loss():
    for loss in LOSSES:
        f, slow, theta = pair(loss=loss)
        margins = slow.forward(theta, f.X)[0][-1]
        if loss == "squared":
            np.testing.assert_allclose(f.predict(theta, f.X), margins[:, 0], rtol=1e-12)
            with pytest.raises(ValueError, match="probabilities"):
                f.predict_proba(theta, f.X)
            continue
        p = f.predict_proba(theta, f.X)
        labels = f.predict(theta, f.X)
        assert labels.dtype == np.int64
        if loss == "logistic":
            assert np.array_equal(labels, margins[:, 0] > 0)
            np.testing.assert_allclose(p, 1 / (1 + np.exp(-margins[:, 0])), rtol=1e-12)
        else:
            assert np.array_equal(labels, margins.argmax(axis=1))
            np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-14)


def test_the_summary_names_layers_shapes_and_parameters():
    f, _, theta = pair(hidden=(5, 4))
    lines = f.summary().splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["1", "3", "5", "relu", "20"],
        ["2", "5", "4", "relu", "24"],
        ["3", "4", "1", "sigmoid", "5"],
        ["total", "49"],
    ]
    assert repr(f) == "NeuralNetwork(37 x 3, 3-5-4-1, relu, logistic, l2=0.1)"
    W, b = f.layers(theta)[1]
    assert W.shape == (4, 5) and b.shape == (4,) and W[1, 2] == theta[20 + 7]


X, Y = np.eye(3), [0, 1, 0]


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"activation": "swish"}, ValueError, "activation must be one of relu, tanh"),
        ({"activation": None}, ValueError, "activation"),
        ({"loss": "cubed"}, ValueError, "loss must be one of squared"),
        ({"hidden": 16}, TypeError, "hidden must be a sequence"),
        ({"hidden": "16"}, TypeError, "hidden must be a sequence"),
        ({"hidden": (16, 0)}, ValueError, "at least 1"),
        ({"hidden": (16.0,)}, TypeError, "integer"),
        ({"l2": -1.0}, ValueError, "l2"),
        ({"scale": 0.0}, ValueError, "scale"),
        ({"scale": float("nan")}, ValueError, "scale"),
        ({"scale": "1/255"}, TypeError, "scale"),
        ({"y": [0, 1, 2]}, ValueError, "0 and 1 only"),
        ({"y": [0, 1, 0.5], "loss": "softmax"}, ValueError, "classes"),
        ({"y": [0, 0, 0], "loss": "softmax"}, ValueError, "two classes"),
        ({"y": [0, 1]}, ValueError, "one entry for each observation"),
        ({"y": [0, 1, np.nan], "loss": "squared"}, ValueError, "NaN"),
        ({"X": np.array([[1.0, np.inf]] * 3)}, ValueError, "NaN and infinite"),
        ({"X": np.array([[1.0, np.nan]] * 3, dtype=np.float32)}, ValueError, "NaN and infinite"),
        ({"X": np.ones(3)}, ValueError, "two dimensions"),
        ({"X": np.ones((3, 0))}, ValueError, "empty"),
        ({"X": [["a"], ["b"], ["c"]]}, TypeError, "real numbers"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, message):
    given = {"X": X, "y": Y, **arguments}
    with pytest.raises(error, match=message):
        gd.NeuralNetwork(**given)


def test_sparse_data_is_refused():
    import scipy.sparse as sp

    with pytest.raises(TypeError, match="sparse.*toarray"):
        gd.NeuralNetwork(sp.csr_array(X), Y)


def test_data_of_another_width_and_points_of_another_length_are_refused():
    f = gd.NeuralNetwork(X, Y)
    theta = f.initial_point()
    with pytest.raises(ValueError, match="4 columns"):
        f.predict(theta, np.ones((2, 4)))
    with pytest.raises(ValueError, match="theta"):
        f.value(theta[:-1])
    with pytest.raises(IndexError):
        f.value(theta, [3])
    with pytest.raises(ValueError, match="1/beta"):
        gd.minimize(f, gd.SGD("1/beta"), steps=1)


def test_the_activations_of_both_layers_are_the_same():
    from fastgd.core.network import ACTIVATIONS as compiled

    assert tuple(compiled) == gd.objectives.ACTIVATIONS


@pytest.mark.parametrize(
    "data, activation, loss",
    [("breast-cancer", "relu", "logistic"), ("digits", "tanh", "softmax")],
)
def test_fit_and_predict_on_the_command_line(data, activation, loss, tmp_path, capsys):
    model, out = tmp_path / "model.npz", tmp_path / "predicted.csv"
    options = ["--hidden", "24,12", "--activation", activation, "--lr", "0.01", "--epochs", "15"]
    fit = ["fit", data, "--objective", "network", *options, "--out", str(model)]
    assert main(fit) == 0
    printed = capsys.readouterr().out
    accuracy = float(next(line for line in printed.splitlines() if "accuracy" in line).split()[-1])
    assert accuracy >= 0.93 and f"loss = {loss}" in printed and "parameters" in printed
    with np.load(model, allow_pickle=False) as file:
        assert str(file["objective"]) == "network"
    assert main(["predict", str(model), data, "--out", str(out)]) == 0
    X, y = gd.datasets.load(data)
    found = [line.split(",")[0] for line in out.read_text(encoding="utf-8").splitlines()[1:]]
    classes = gd.datasets.load(data).classes
    assert np.mean(np.array(found) == np.array([str(classes[label]) for label in y])) >= 0.93


def test_a_network_of_numbers_on_the_command_line(tmp_path, capsys):
    model = tmp_path / "model.npz"
    fit = ["fit", "penguins", "--target", "body_mass_g", "--objective", "network", "--hidden", "8"]
    assert main([*fit, "--epochs", "50", "--lr", "0.01", "--out", str(model)]) == 0
    assert "loss = squared" in capsys.readouterr().out
    assert main(["predict", str(model), "penguins"]) == 0
    masses = np.array(capsys.readouterr().out.split()[1:], dtype=float)
    y = gd.datasets.load("penguins", target="body_mass_g").y
    assert np.corrcoef(masses, y)[0, 1] > 0.85


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--objective", "logistic", "--hidden", "8"], "--hidden is for networks"),
        (["--activation", "tanh"], "--activation is for networks"),
        (["--objective", "network", "--hidden", "8,x"], "invalid list of sizes value: '8,x'"),
        (["--objective", "network", "--hidden", "0"], "at least 1"),
        (["--objective", "network", "--activation", "swish"], "invalid choice"),
        (["--objective", "network", "--lr", "1/beta"], "1/beta"),
    ],
)
def test_bad_options_of_networks_end_in_one_line(arguments, message, capsys):
    assert main(["fit", "breast-cancer", "--epochs", "1", *arguments]) == 2
    errors = capsys.readouterr().err
    assert message in errors and errors.count("\n") == 1


# --- MNIST ---------------------------------------------------------------------------------------


def test_two_hundred_steps_on_mnist_are_those_of_torch():
    torch = pytest.importorskip("torch")
    z = mnist()
    f = gd.NeuralNetwork(z["x_train"], z["y_train"], (128,), loss="softmax", scale=1 / 255)
    theta0 = f.initial_point(0)
    layers = parameters(torch, f, theta0)
    theirs = torch.optim.Adam([part for pair in layers for part in pair], lr=1e-3)
    ours = gd.Adam(1e-3, eps=1e-8, eps_root=0.0)
    theta, state = theta0.copy(), ours.init(theta0)
    losses = []
    for batch in np.random.default_rng(7).integers(60000, size=(200, 64)):
        theirs.zero_grad()
        loss = torch_loss(torch, f, layers, f.X[batch], f.y[batch])
        loss.backward()
        theirs.step()
        losses.append((f.value(theta, batch), loss.item()))
        ours.step(theta, f.gradient(theta, batch), state)
    found, expected = np.transpose(losses)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    r = gd.minimize(f, ours, theta0, batch_size=64, steps=200, seed=7, record_every=0)
    assert np.array_equal(r.theta, theta)


@pytest.mark.slow
def test_a_small_network_reads_mnist():
    z = mnist()
    f = gd.NeuralNetwork(z["x_train"], z["y_train"], (128,), loss="softmax", scale=1 / 255)
    assert f.X.dtype == np.uint8 and np.shares_memory(f.X, z["x_train"])
    r = gd.minimize(f, gd.Adam(1e-3), batch_size=64, epochs=15, sampling="shuffle", seed=0)
    assert np.mean(f.predict(r.theta, z["x_test"]) == z["y_test"]) >= 0.975


@pytest.mark.parametrize("width", range(1, 28))
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 11])
def test_products_of_every_shape(width, count):
    rng = np.random.default_rng(width)
    X, y, hidden = rng.standard_normal((count, width)), rng.standard_normal(count), 28 - width
    f = gd.NeuralNetwork(X, y, hidden=(hidden,), activation="tanh", loss="squared")
    theta = rng.standard_normal(f.n_params)
    (W, b), (V, c) = f.layers(theta)
    h = np.tanh(X @ W.T + b)
    delta = 2 * (h @ V.T + c - y[:, None]) / count
    below = (delta @ V) * (1 - h * h)
    parts = (below.T @ X, below.sum(axis=0), delta.T @ h, delta.sum(axis=0))
    expected = np.concatenate([part.ravel() for part in parts])
    found = f.gradient(theta)
    assert np.linalg.norm(found - expected) <= 1e-12 * np.linalg.norm(expected)
