"""The rows of docs/coming-from.md, run; rules of torch and optax are in test_crosscheck.py.

Each test is a row: their call, ours, and what the table says of the difference.
"""

import re
from pathlib import Path

import numpy as np
import oracle
import pytest

import fastgd as gd

STEPS = 100
LR = 0.01


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((60, 4))
    return X, (X @ [1.0, -1.0, 0.5, 2.0] + rng.standard_normal(60) > 0).astype(int)


def agree(a, b, tolerance=1e-10):
    assert np.linalg.norm(np.ravel(a) - np.ravel(b)) <= tolerance * np.linalg.norm(b)


# keras; what its backends are warned of is not ours

THEIRS = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def gradients(data):
    """The same gradients for both: they follow θ, which each side gives."""
    f = oracle.LogisticRegression(*data, l2=0.01)
    batches = oracle.batches(60, 7, STEPS, "replacement", seed=2)
    return f, batches, np.array([0.5, -1.0, 2.0, 0.1])


def ours(gradients, optimizer):
    f, batches, theta0 = gradients
    theta = theta0.copy()
    state = optimizer.init(theta, STEPS)
    for batch in batches:
        optimizer.step(theta, f.gradient(optimizer.point(theta, state), batch), state)
    return theta


def kerass(keras, gradients, optimizer):
    f, batches, theta0 = gradients
    one = keras.Variable(theta0.copy(), dtype="float64")
    for batch in batches:
        g = f.gradient(keras.ops.convert_to_numpy(one.value), batch)
        optimizer.apply([keras.ops.convert_to_tensor(g)], [one])
    return keras.ops.convert_to_numpy(one.value)


KERAS = {
    "SGD": (gd.SGD(LR), lambda o: o.SGD(LR)),
    "SGD, momentum": (
        gd.Momentum(LR, momentum=0.9, dampening=0.0),
        lambda o: o.SGD(LR, momentum=0.9),
    ),
    "Adagrad from 0": (
        gd.AdaGrad(LR, eps=0.0, eps_root=1e-7),
        lambda o: o.Adagrad(LR, initial_accumulator_value=0.0, epsilon=1e-7),
    ),
    "RMSprop": (gd.RMSProp(LR, eps_root=1e-7), lambda o: o.RMSprop(LR)),
    "Adadelta": (
        gd.Adadelta(0.5, decay=0.95, eps_root=1e-7),
        lambda o: o.Adadelta(0.5),
    ),
    "Lion": (gd.Lion(LR), lambda o: o.Lion(LR)),
    "weight_decay": (
        gd.Lion(LR, weight_decay=0.1),
        lambda o: o.Lion(LR, weight_decay=0.1),
    ),
    "Adam": (gd.Adam(LR, eps_root=0.0, eps_hat=1e-7), lambda o: o.Adam(LR)),
    "AdamW": (
        gd.AdamW(LR, eps_root=0.0, eps_hat=1e-7, weight_decay=0.004),
        lambda o: o.AdamW(LR),
    ),
}


@THEIRS
@pytest.mark.parametrize("name", KERAS)
def test_keras(keras, gradients, name):
    optimizer, make = KERAS[name]
    agree(kerass(keras, gradients, make(keras.optimizers)), ours(gradients, optimizer))


@THEIRS
def test_adagrad_of_keras_starts_at_a_tenth(keras, gradients):
    f, batches, theta = gradients
    theta, G = theta.copy(), 0.1
    for batch in batches:
        g = f.gradient(theta, batch)
        G = G + g**2
        theta = theta - LR * g / np.sqrt(G + 1e-7)
    agree(kerass(keras, gradients, keras.optimizers.Adagrad(LR)), theta)


@THEIRS
def test_epsilon_of_keras_moves_with_the_step(keras, gradients):
    epsilon = 1e-3
    f, batches, theta = gradients
    theta, m, v = theta.copy(), 0.0, 0.0
    for t, batch in enumerate(batches, start=1):
        g = f.gradient(theta, batch)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        root = np.sqrt(v / (1 - 0.999**t)) + epsilon / np.sqrt(1 - 0.999**t)
        theta = theta - LR * m / (1 - 0.9**t) / root
    found = kerass(keras, gradients, keras.optimizers.Adam(LR, epsilon=epsilon))
    agree(found, theta)
    agree(ours(gradients, gd.Adam(LR, eps_root=0.0, eps_hat=epsilon)), theta)
    for eps, eps_root in ((epsilon, 0.0), (0.0, epsilon), (0.0, epsilon**2)):
        other = ours(gradients, gd.Adam(LR, eps=eps, eps_root=eps_root))
        assert np.linalg.norm(found - other) > 1e-4


@THEIRS
def test_keras_keeps_the_rate_in_the_velocity(keras, gradients):
    # v = γ v - η_t g: with a rate that moves it is no rule of ours.
    f, batches, theta = gradients
    theta, v = theta.copy(), 0.0
    for t, batch in enumerate(batches):
        v = 0.9 * v - LR * 0.9**t * f.gradient(theta, batch)
        theta = theta + v
    rates = keras.optimizers.schedules.ExponentialDecay(LR, 1, 0.9)
    found = kerass(keras, gradients, keras.optimizers.SGD(rates, momentum=0.9))
    agree(found, theta, 1e-6)  # its schedule is computed in float32
    falling = gd.schedules.exponential(LR, 0.9)
    other = ours(gradients, gd.Momentum(falling, momentum=0.9, dampening=0.0))
    assert np.linalg.norm(found - other) > 1e-3


@THEIRS
def test_keras_cosine_has_the_precision_of_its_backend(keras):
    theirs = keras.optimizers.schedules.CosineDecay(np.float64(LR), 80)
    ours = gd.dialects.keras.CosineDecay(LR, 80)(np.arange(80), 80)
    apart = max(abs(float(theirs(t)) / ours[t] - 1) for t in (5, 20, 33, 60))
    if keras.backend.backend() == "torch":
        assert apart < 1e-12
    else:  # jax: in float32, whatever it is given
        assert 1e-12 < apart < 1e-6


# scikit-learn: no shuffling on either side, so that the rows come in the same order


@pytest.fixture(scope="module")
def linear_model():
    return pytest.importorskip("sklearn.linear_model")


def in_order(f, optimizer, epochs=3, batch_size=1, theta0=None):
    setting = {"batch_size": batch_size, "epochs": epochs, "sampling": "sequential"}
    return gd.minimize(f, optimizer, theta0, **setting, record_every=0).theta


SAME = {"max_iter": 3, "tol": None, "shuffle": False, "learning_rate": "constant"}


def both(model):
    return np.append(model.coef_, model.intercept_)


def test_sgd_classifier(linear_model, data):
    X, y = data
    model = linear_model.SGDClassifier(loss="log_loss", alpha=0.01, eta0=0.1, **SAME).fit(X, y)
    f = gd.LogisticRegression(X, y, l2=0.01, fit_intercept=True)
    agree(in_order(f, gd.SGD(0.1)), both(model))


def test_sgd_regressor(linear_model, data):
    X, _ = data
    y = X @ [1.0, 2.0, 0.0, -1.0] + 0.5
    model = linear_model.SGDRegressor(alpha=0.01, eta0=0.02, **SAME).fit(X, y)
    f = gd.LeastSquares(X, y, l2=0.02, fit_intercept=True)
    agree(in_order(f, gd.SGD(0.02 / 2)), both(model))


def test_average(linear_model, data):
    X, y = data
    model = linear_model.SGDClassifier(loss="log_loss", alpha=0.01, eta0=0.1, average=True, **SAME)
    f = gd.LogisticRegression(X, y, l2=0.01, fit_intercept=True)
    agree(in_order(f, gd.PolyakAverage(gd.SGD(0.1))), both(model.fit(X, y)))


@pytest.mark.parametrize("ratio", [1.0, 0.3])
def test_l1_has_the_same_minimum(linear_model, data, ratio):
    X, y = data
    alpha = 0.02
    penalty = gd.penalties.L1(alpha) if ratio == 1 else gd.penalties.ElasticNet(alpha, ratio)
    f = gd.LogisticRegression(X, y, penalty=penalty, fit_intercept=True)
    setting = {"penalty": "elasticnet", "alpha": alpha, "l1_ratio": ratio, "random_state": 0}
    model = linear_model.SGDClassifier(
        loss="log_loss", learning_rate="optimal", max_iter=3000, tol=None, **setting
    ).fit(X, y)
    best = gd.theory.optimum(f).loss
    assert 0 <= f.value(both(model)) - best < 1e-3 * f.value(np.zeros(5))


def test_huber_regressor_estimates_a_scale_too(linear_model, data):
    X, _ = data
    y = X @ [1.0, 2.0, 0.0, -1.0] + np.random.default_rng(0).standard_t(2, len(X))
    model = linear_model.HuberRegressor(epsilon=1.35, alpha=0.0, tol=1e-10, max_iter=1000).fit(X, y)
    loss = gd.losses.Huber(1.35 * model.scale_)
    f = gd.LinearModel(X, y, loss=loss, fit_intercept=True)
    agree(gd.theory.optimum(f).theta, both(model), 1e-5)


def test_mlp_classifier(data):
    neural_network = pytest.importorskip("sklearn.neural_network")
    X, y = data
    alpha, batch = 0.5, 20
    model = neural_network.MLPClassifier(
        (3,), solver="sgd", momentum=0.0, learning_rate_init=0.1, alpha=alpha, batch_size=batch,
        shuffle=False, random_state=0,
    )  # fmt: skip
    model.partial_fit(X, y, classes=[0, 1])

    def flat():
        layers = zip(model.coefs_, model.intercepts_, strict=True)
        return np.concatenate([part.ravel() for W, b in layers for part in (W.T, b)])

    f = gd.NeuralNetwork(X, y, hidden=(3,), l2=alpha / batch)
    theta0 = flat()
    found = in_order(f, gd.SGD(0.1), epochs=4, batch_size=batch, theta0=theta0)
    for _ in range(4):
        model.partial_fit(X, y)
    agree(found, flat())


# torch and optax: what is no rule


def test_cosine_of_torch_rises_again():
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20, eta_min=0.01)
    rates = []
    for _ in range(30):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    ours = gd.schedules.cosine(0.1, floor=0.01 / 0.1)
    np.testing.assert_allclose(ours(np.arange(20), 20), rates[:20], rtol=1e-12)
    assert rates[29] > rates[20] + 0.01


def test_clipping_of_torch_divides_by_a_little_more(data):
    torch = pytest.importorskip("torch")
    X, y = data
    f = gd.LogisticRegression(X, y)
    theta = np.full(4, 2.0)
    g = f.gradient(theta)
    held = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    held.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_norm_([held], 0.1)
    agree(held.grad.numpy(), g * 0.1 / (np.linalg.norm(g) + 1e-6), 1e-12)
    r = gd.minimize(f, gd.SGD(1.0), theta, steps=1, clip_norm=0.1)
    agree(theta - r.theta, g * 0.1 / np.linalg.norm(g), 1e-12)


def test_l2_of_torchs_adam_is_that_of_the_objective(data):
    torch = pytest.importorskip("torch")
    X, y = data
    f = gd.LogisticRegression(X, y)
    theta = torch.ones(4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=LR, weight_decay=0.1)
    for _ in range(STEPS):
        theta.grad = torch.tensor(f.gradient(theta.detach().numpy()))
        optimizer.step()
    setting = {"eps": 1e-8, "eps_root": 0.0}
    penalised = gd.LogisticRegression(X, y, l2=0.1)
    found = gd.minimize(penalised, gd.Adam(LR, **setting), np.ones(4), steps=STEPS).theta
    agree(found, theta.detach().numpy(), 1e-9)


def test_amsgrad_of_optax_takes_another_maximum(gradients):
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    f, batches, theta0 = gradients
    with jax.enable_x64():
        theta, transform = jax.numpy.asarray(theta0), optax.amsgrad(LR)
        state = transform.init(theta)
        m, v, largest, expected = 0.0, 0.0, 0.0, theta0.copy()
        for t, batch in enumerate(batches, start=1):
            g = f.gradient(np.asarray(theta), batch)
            updates, state = transform.update(jax.numpy.asarray(g), state, theta)
            theta = optax.apply_updates(theta, updates)
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            largest = np.maximum(largest, v / (1 - 0.999**t))
            expected = expected - LR * m / (1 - 0.9**t) / (np.sqrt(largest) + 1e-8)
        agree(np.asarray(theta), expected)
    assert np.linalg.norm(ours(gradients, gd.AMSGrad(LR)) - expected) > 1e-4


# What the tables of torch, optax and keras say is what the dialects return


PAGE = Path(__file__).resolve().parent.parent / "docs" / "coming-from.md"


def rows():
    library = None
    # Beside an installed wheel there are no pages.
    for line in PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else ():
        if line.startswith("## "):
            library = line[3:].strip()
        elif line.startswith("| `") and library in ("torch", "optax", "keras"):
            theirs, here = (cell.strip() for cell in line.strip("|").split(" | ")[:2])
            name = re.match(r"`(\w+)\(", theirs)
            if name and name[1] in getattr(gd.dialects, library).__all__:
                yield pytest.param(library, theirs.strip("`"), here.strip("`"), id=theirs)
            elif here == "none" and name:
                yield pytest.param(library, theirs.strip("`"), here, id=theirs)


@pytest.mark.parametrize("library, theirs, here", list(rows()))
def test_a_row_is_what_the_dialect_returns(library, theirs, here):
    numbers = {"η": 0.125, "γ": 0.5, "λ": 0.25, "T": 10}
    dialect = getattr(gd.dialects, library)
    names = {name: getattr(dialect, name) for name in dialect.__all__}
    if here == "none":
        with pytest.raises((ValueError, NameError)):
            eval(theirs, names | numbers)
    else:
        # AdamW is Adam with another default.
        said, meant = eval(theirs, names | numbers), eval(here, {"gd": gd} | numbers)
        assert repr(said).replace("AdamW", "Adam") == repr(meant).replace("AdamW", "Adam")


@pytest.mark.skipif(not PAGE.exists(), reason="there are no pages here")
def test_every_row_is_read():
    assert len(list(rows())) >= 50
