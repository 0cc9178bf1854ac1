"""Every loss of the registry: values and slopes against the oracle, finite differences and peers;
runs on every storage; the facts that theory rests on; sample and class weights."""

import math
import pickle

import numpy as np
import oracle
import pytest
from scipy import sparse, special

import fastgd as gd

LOSSES = {
    "huber": [gd.losses.Huber(1.35), gd.losses.Huber(0.3)],
    "pseudo_huber": [gd.losses.PseudoHuber(1.35), gd.losses.PseudoHuber(0.3)],
    "epsilon_insensitive": [gd.losses.EpsilonInsensitive(0.1), gd.losses.EpsilonInsensitive(0.0)],
    "squared_epsilon_insensitive": [gd.losses.SquaredEpsilonInsensitive(0.2)],
    "quantile": [gd.losses.Quantile(0.5), gd.losses.Quantile(0.9)],
    "tweedie": [gd.losses.Tweedie(1.5), gd.losses.Tweedie(1.1)],
}
CASES = [loss for name, kind in gd.losses.registry.items() for loss in LOSSES.get(name) or [kind()]]
SMOOTH = [loss for loss in CASES if loss.curvature is not None or loss.self_concordance is not None]
each = pytest.mark.parametrize("loss", CASES, ids=repr)


def targets(loss, score, rng):
    """Targets that the loss takes, near what the scores say."""
    if loss.task == "binary":
        return (score + 0.3 * rng.standard_normal(len(score)) > 0) * 1.0
    if loss.task == "multiclass":
        return np.digitize(score, [-0.7, 0.7]) * 1.0
    if isinstance(loss, (gd.losses.Poisson, gd.losses.Tweedie)):
        return rng.poisson(np.exp(np.clip(score, -2, 2))) * 1.0
    if isinstance(loss, gd.losses.Gamma):
        return rng.gamma(2.0, np.exp(np.clip(score, -2, 2)) / 2)
    return score + 0.5 * rng.standard_normal(len(score))


def data(loss, n=61, d=5, seed=0):
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((n, d)) < 0.7, rng.standard_normal((n, d)), 0.0)
    return X, targets(loss, X @ np.linspace(-1, 1, d), rng)


def known(loss):
    """The oracle's name for it."""
    return (loss.name, *loss.parameters)


def pair(loss, fit_intercept=True, sample_weight=None, storage=np.asarray):
    X, y = data(loss)
    options = {"fit_intercept": fit_intercept, "sample_weight": sample_weight}
    fast = gd.LinearModel(storage(X), y, loss, gd.penalties.L2(0.05), **options)
    return fast, oracle.LinearModel(X, y, known(loss), ("l2", 0.05), **options)


def test_every_loss_has_an_oracle():
    assert set(gd.losses.registry) == set(oracle.losses)


@each
def test_values_and_slopes_agree_with_the_oracle(loss):
    rng = np.random.default_rng(1)
    K = 3 if loss.name == "softmax" else 1
    z = 2 * rng.standard_normal((500, K))
    y = targets(loss, z[:, 0], rng)
    if loss.name != "softmax":
        # On the kinks too, where they can be met exactly.
        s = 2 * y - 1 if loss.task == "binary" else np.ones(len(y))
        z[:40, 0] = (np.resize([1.0, -1.0, 0.0], 40) * s[:40]) if loss.task == "binary" else y[:40]
    value, slope = oracle.losses[loss.name]
    margins = z if K > 1 else z[:, 0]
    np.testing.assert_allclose(
        loss.values(z, y), value(margins, y, *loss.parameters), rtol=1e-13, atol=1e-15
    )
    expected = slope(margins, y, *loss.parameters).reshape(-1, K)
    np.testing.assert_allclose(loss.slopes(z, y), expected, rtol=1e-12, atol=1e-15)


@each
def test_the_slope_is_the_derivative_of_the_value(loss):
    rng = np.random.default_rng(2)
    K = 3 if loss.name == "softmax" else 1
    z = rng.standard_normal((400, K))
    y = targets(loss, z[:, 0], rng)
    h = 1e-6
    for k in range(K):
        step = h * np.eye(K)[k]
        difference = (loss.values(z + step, y) - loss.values(z - step, y)) / (2 * h)
        # A kink within h would show half a jump.
        smooth = np.abs(loss.slopes(z + step, y) - loss.slopes(z - step, y)).max(axis=1) < 1e-3
        assert smooth.mean() > 0.95
        np.testing.assert_allclose(loss.slopes(z, y)[smooth, k], difference[smooth], atol=1e-7)


@each
def test_the_facts_are_true(loss):
    rng = np.random.default_rng(3)
    K = 3 if loss.name == "softmax" else 1
    z = rng.uniform(-4, 4, (4000, K))
    y = targets(loss, rng.uniform(-2, 2, 4000), rng)
    values, slopes = loss.values(z, y), loss.slopes(z, y)
    least = loss.least(y)
    assert (values >= least - 1e-12).all()
    if loss.task == "regression":  # and it is attained
        with np.errstate(divide="ignore"):
            at = (
                np.log(y)
                if isinstance(loss, (gd.losses.Poisson, gd.losses.Gamma, gd.losses.Tweedie))
                else y
            )
        reached = np.isfinite(at)
        np.testing.assert_allclose(
            loss.values(np.where(reached, at, 0.0), y)[reached], least[reached], atol=1e-9
        )
    assert np.linalg.norm(slopes, axis=1).max() <= loss.steepest * (1 + 1e-12)
    if math.isfinite(loss.steepest) and loss.name != "softmax":
        far = loss.slopes(np.resize([-1e3, 1e3], (4000, 1)), y)
        assert np.abs(far).max() == pytest.approx(loss.steepest)
    other = rng.uniform(-4, 4, (4000, K))
    change = np.linalg.norm(loss.slopes(other, y) - slopes, axis=1)
    if loss.curvature is not None:
        assert (change <= loss.curvature * np.linalg.norm(other - z, axis=1) + 1e-12).all()
    # Convex: the slope never falls along a line.
    assert loss.convex
    assert (np.sum((loss.slopes(other, y) - slopes) * (other - z), axis=1) >= -1e-12).all()


@pytest.mark.parametrize("loss", SMOOTH, ids=repr)
def test_self_concordance(loss):
    if loss.self_concordance is None:
        pytest.skip("none is claimed")
    rng = np.random.default_rng(4)
    K = 3 if loss.name == "softmax" else 1
    z, v = rng.uniform(-3, 3, (300, K)), rng.standard_normal((300, K))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    y, h = targets(loss, rng.uniform(-2, 2, 300), rng), 1e-3

    def along(t):
        return np.sum(loss.slopes(z + t * v, y) * v, axis=1)

    second = (along(h) - along(-h)) / (2 * h)
    third = (along(h) - 2 * along(0.0) + along(-h)) / h**2
    assert (np.abs(third) <= loss.self_concordance * second + 1e-5).all()


@each
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("batch_size, sampling", [(1, "replacement"), (7, "shuffle"), (None, "")])
@pytest.mark.parametrize("weighted", [False, True])
def test_runs_agree_with_the_oracle(loss, storage, batch_size, sampling, weighted):
    weights = np.random.default_rng(5).integers(0, 4, 61) if weighted else None
    for fit_intercept in (False, True):
        fast, slow = pair(loss, fit_intercept, weights, storage)
        theta0 = 0.1 * np.random.default_rng(6).standard_normal(fast.n_params)
        for rule in ("sgd", "momentum", "adagrad"):
            opt = gd.optimizers.registry[rule](lr=0.003)
            run = {"batch_size": batch_size, "seed": 1, "sampling": sampling or "replacement"}
            r = gd.minimize(fast, opt, theta0, steps=60, record_every=30, **run)
            path = oracle.replay(slow, rule, theta0, 60, 0.003, **run)
            assert np.linalg.norm(r.theta - path[-1]) <= 1e-12 * np.linalg.norm(path[-1])
            np.testing.assert_allclose(
                r.history["loss"], [slow.value(theta) for theta in path[::30]], rtol=1e-12
            )


@each
def test_networks_take_every_loss(loss):
    X, y = data(loss)
    f = gd.NeuralNetwork(X, y, hidden=(4,), activation="tanh", loss=loss, l2=0.01)
    theta = f.initial_point(1) + 0.05
    gradient = f.gradient(theta)
    h = 1e-6
    rough = 0
    for j in range(f.n_params):
        step = h * np.eye(f.n_params)[j]
        difference = (f.value(theta + step) - f.value(theta - step)) / (2 * h)
        rough += abs(difference - gradient[j]) > 1e-6 * max(1, abs(gradient[j]))
    assert rough <= (0 if loss.curvature is not None or loss.self_concordance is not None else 3)
    # Without a hidden layer it is the linear model.
    flat = gd.NeuralNetwork(X, y, hidden=(), loss=loss)
    linear = gd.LinearModel(X, y, loss, fit_intercept=True)
    theta = 0.1 * np.random.default_rng(0).standard_normal(linear.n_params)
    if loss.name == "softmax":
        return  # its parameters stand in another order
    assert flat.value(theta) == pytest.approx(linear.value(theta), rel=1e-13)
    np.testing.assert_allclose(flat.gradient(theta), linear.gradient(theta), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("network", [False, True])
@pytest.mark.parametrize("loss", ["squared", "logistic", "huber", "poisson"])
def test_several_targets_are_several_models(loss, network):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 4))
    y = (rng.standard_normal((150, 3)) > 0) * 1.0
    both = gd.LinearModel(X, y, loss, fit_intercept=True)
    assert both.n_outputs == 3 and both.n_params == 15
    theta = rng.standard_normal(15)
    W, b = theta[:12].reshape(3, 4), theta[12:]
    apart = [gd.LinearModel(X, y[:, k], loss, fit_intercept=True) for k in range(3)]
    thetas = [np.append(W[k], b[k]) for k in range(3)]
    total = sum(f.value(u) for f, u in zip(apart, thetas, strict=True))
    if network:
        net = gd.NeuralNetwork(X, y, hidden=(), loss=loss)
        assert net.value(theta) == pytest.approx(total, rel=1e-12)
        assert net.predict(theta, X).shape == (150, 3)
        return
    assert both.value(theta) == pytest.approx(total, rel=1e-12)
    gradients = [f.gradient(u) for f, u in zip(apart, thetas, strict=True)]
    expected = np.concatenate([*(g[:4] for g in gradients), [g[4] for g in gradients]])
    np.testing.assert_allclose(both.gradient(theta), expected, rtol=1e-12, atol=1e-15)
    slow = oracle.LinearModel(X, y, (loss,), fit_intercept=True)
    for batch_size in (1, 7):
        r = gd.minimize(both, gd.SGD(0.01), 0.1 * theta, batch_size, steps=50, seed=0)
        path = oracle.replay(slow, "sgd", 0.1 * theta, 50, 0.01, batch_size, seed=0)
        assert np.linalg.norm(r.theta - path[-1]) <= 1e-12 * np.linalg.norm(path[-1])


# Weights.


@each
def test_a_weight_of_two_is_a_row_given_twice(loss):
    X, y = data(loss)
    weights = np.random.default_rng(5).integers(0, 4, len(y))
    weights[[0, 1, 2]] = 1
    if loss.name == "softmax":
        weights[np.argmax(y)] = 1  # so that the largest class stays
    heavy = gd.LinearModel(X, y, loss, sample_weight=weights, fit_intercept=True)
    again = np.repeat(np.arange(len(y)), weights)
    repeated = gd.LinearModel(X[again], y[again], loss, fit_intercept=True)
    theta = 0.1 * np.random.default_rng(0).standard_normal(heavy.n_params)
    assert heavy.value(theta) == pytest.approx(repeated.value(theta), rel=1e-13)
    a, b = (gd.minimize(f, gd.Nesterov(0.01), theta, steps=50).theta for f in (heavy, repeated))
    assert np.linalg.norm(a - b) <= 1e-12 * np.linalg.norm(b)
    if loss.curvature is not None:
        assert heavy.smoothness() == pytest.approx(repeated.smoothness(), rel=1e-11)


def test_class_weights_multiply_those_of_samples():
    X, y = data(gd.losses.Logistic())
    counts = np.bincount(y.astype(int))
    balanced = len(y) / (2 * counts)
    w = np.random.default_rng(0).random(len(y))
    given = gd.LogisticRegression(X, y, class_weight="balanced", sample_weight=w)
    np.testing.assert_allclose(given.sample_weight, w * balanced[y.astype(int)], rtol=1e-15)
    some = gd.LogisticRegression(X, y, class_weight={1: 3.0})
    assert some.sample_weight.tolist() == np.where(y == 1, 3.0, 1.0).tolist()
    K = gd.SoftmaxRegression(*data(gd.losses.Softmax()), class_weight={0: 0.0, 2: 2.0})
    assert set(K.sample_weight) == {0.0, 1.0, 2.0}


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_only_the_proportions_of_weights_count(scale):
    X, y = data(gd.losses.Squared())
    w = np.random.default_rng(0).random(len(y)) + 0.1
    a = gd.LeastSquares(X, y, sample_weight=w)
    b = gd.LeastSquares(X, y, sample_weight=scale * w)
    assert a.value(np.ones(5)) == pytest.approx(b.value(np.ones(5)), rel=1e-12)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"sample_weight": [1.0]}, ValueError, "sample_weight must have one entry"),
        ({"sample_weight": -np.ones(61)}, ValueError, r"sample_weight\[0\] is -1"),
        ({"sample_weight": np.zeros(61)}, ValueError, "add up to 0"),
        ({"sample_weight": np.full(61, np.nan)}, ValueError, "NaN"),
        ({"sample_weight": ["a"] * 61}, TypeError, "real numbers"),
        ({"class_weight": "even"}, ValueError, "balanced"),
        ({"class_weight": {7: 1.0}}, ValueError, "does not have"),
        ({"loss": "nonsense"}, ValueError, "loss must be one of squared"),
        ({"loss": gd.losses.Huber}, TypeError, "parentheses"),
        ({"loss": 3}, TypeError, "fastgd.losses"),
    ],
)
def test_bad_weights_and_losses_are_refused(arguments, error, message):
    X, y = data(gd.losses.Logistic())
    with pytest.raises(error, match=message):
        gd.LinearModel(X, y, **{"loss": "logistic", **arguments})
    with pytest.raises(ValueError, match="needs classes"):
        gd.LeastSquares(X, y, class_weight="balanced")


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: gd.losses.Huber(0.0), ValueError, "above 0"),
        (lambda: gd.losses.Huber("1"), TypeError, "number"),
        (lambda: gd.losses.EpsilonInsensitive(-1.0), ValueError, "at least 0"),
        (lambda: gd.losses.Quantile(1.0), ValueError, "below 1"),
        (lambda: gd.losses.Tweedie(2.0), ValueError, "between 1 and 2"),
        (lambda: gd.losses.Hinge().probabilities(np.ones((1, 1))), ValueError, "probabilities"),
    ],
)
def test_bad_parameters_of_losses_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    "loss, y, message",
    [
        ("hinge", [0.0, 2.0], "0 and 1 only"),
        ("poisson", [0.0, -1.0], r"at least 0 for the poisson loss, but y\[1\] is -1"),
        ("gamma", [1.0, 0.0], r"above 0 for the gamma loss"),
        ("softmax", [0.5, 1.0], "classes"),
    ],
)
def test_targets_that_a_loss_does_not_take_are_refused(loss, y, message):
    with pytest.raises(ValueError, match=message):
        gd.LinearModel(np.eye(2), y, loss)


@each
def test_losses_are_values(loss):
    again = pickle.loads(pickle.dumps(loss))
    assert again == loss and hash(again) == hash(loss)
    assert (loss == loss.name) == (not loss.parameters)
    assert loss != "nonsense" and loss != gd.losses.Huber(77.0)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "modified_huber", "huber",
                                  "epsilon_insensitive", "squared_epsilon_insensitive",
                                  "perceptron"])  # fmt: skip
def test_what_is_learnt_is_what_scikit_learn_learns(loss):
    linear = pytest.importorskip("sklearn.linear_model")
    kind = gd.losses.registry[loss]()
    X, y = data(kind, n=200)
    names = {"squared_hinge": "squared_hinge", "epsilon_insensitive": "epsilon_insensitive",
             "squared_epsilon_insensitive": "squared_epsilon_insensitive"}  # fmt: skip
    judge = linear.SGDClassifier if kind.task == "binary" else linear.SGDRegressor
    options = {"epsilon": kind.epsilon} if hasattr(kind, "epsilon") else {}
    fitted = judge(loss=names.get(loss, loss), penalty=None, alpha=1e-9, learning_rate="constant",
                   eta0=1e-3, max_iter=2, tol=None, shuffle=False, **options).fit(X, y)  # fmt: skip
    f = gd.LinearModel(X, y, kind, fit_intercept=True)
    theta = gd.minimize(f, gd.SGD(1e-3), batch_size=1, epochs=2, sampling="sequential").theta
    np.testing.assert_allclose(theta[:-1], fitted.coef_.ravel(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(theta[-1], fitted.intercept_[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_the_optimum_is_that_of_a_generalised_linear_model(loss):
    linear = pytest.importorskip("sklearn.linear_model")
    kind = gd.losses.registry[loss]()
    X, y = data(kind, n=400)
    w = np.random.default_rng(0).integers(1, 4, 400)
    judge = {"poisson": linear.PoissonRegressor, "gamma": linear.GammaRegressor}[loss]
    fitted = judge(alpha=0.1, tol=1e-12, max_iter=10_000).fit(X, y, sample_weight=w)
    f = gd.LinearModel(X, y, kind, l2=0.1, sample_weight=w, fit_intercept=True)
    theta = gd.minimize(f, gd.Nesterov(0.05, momentum=0.9), steps=4000).theta
    np.testing.assert_allclose(theta[:-1], fitted.coef_, atol=1e-6)
    np.testing.assert_allclose(f.predict(theta, X), fitted.predict(X), rtol=1e-6)


def test_the_quantile_that_is_found_is_the_quantile():
    y = np.random.default_rng(0).standard_normal(1001)
    f = gd.LinearModel(np.ones((1001, 1)), y, gd.losses.Quantile(0.9))
    theta = gd.minimize(f, gd.SGD(gd.schedules.power(1.0, 0.7)), steps=5000).theta
    assert theta[0] == pytest.approx(np.quantile(y, 0.9), abs=0.01)


def log_likelihood(loss, X, y, theta):
    """The loss as statsmodels has it: from its likelihoods, deviances and robust norms."""
    api = pytest.importorskip("statsmodels.api")
    families, n, z = api.families, len(y), X @ theta
    if loss.name == "squared":
        return np.sum((y - api.OLS(y, X).predict(theta)) ** 2) / (2 * n)
    if loss.name == "logistic":
        return -api.Logit(y, X).loglike(theta) / n
    if loss.name == "softmax":
        # Its first class has no weights: the difference to those of the first.
        W = theta.reshape(3, -1)
        return -api.MNLogit(y, X).loglike((W[1:] - W[0]).T.ravel(order="F")) / n
    if loss.name == "huber":
        return api.robust.norms.HuberT(loss.epsilon).rho(z - y).mean()
    if loss.name == "poisson":
        return -api.Poisson(y, X).loglike(theta) / n - special.gammaln(y + 1).mean()
    if loss.name == "gamma":
        deviance = families.Gamma(families.links.Log()).deviance(y, np.exp(z))
        return deviance / (2 * n) + np.log(y).mean() + 1
    p = loss.power
    deviance = families.Tweedie(families.links.Log(), p).deviance(y, np.exp(z))
    return deviance / (2 * n) - (y ** (2 - p)).mean() / ((1 - p) * (2 - p))


@pytest.mark.parametrize(
    "loss",
    [loss for loss in CASES if loss.name in (
        "squared", "logistic", "softmax", "huber", "poisson", "gamma", "tweedie")],
    ids=repr,
)  # fmt: skip
def test_the_loss_is_that_of_statsmodels(loss):
    X, y = data(loss)
    f = gd.LinearModel(X, y, loss, fit_intercept=False)
    for seed in range(3):
        theta = np.random.default_rng(seed).standard_normal(f.n_params) / 3
        expected = log_likelihood(loss, X, y, theta)
        np.testing.assert_allclose(f.value(theta), expected, rtol=1e-12)


@pytest.mark.parametrize("quantile", [0.25, 0.5, 0.9])
def test_quantiles_are_those_of_statsmodels(quantile):
    api = pytest.importorskip("statsmodels.api")
    loss = gd.losses.Quantile(quantile)
    X, y = data(loss)
    X = np.column_stack([X, np.ones(len(X))])
    fitted = api.QuantReg(y, X).fit(q=quantile, p_tol=1e-10, max_iter=10_000)
    f = gd.LinearModel(X, y, loss, fit_intercept=False)
    # Where its iterations have ended, no other θ is better by more than they say.
    least = f.value(np.asarray(fitted.params))
    r = gd.minimize(
        f, gd.SGD(gd.schedules.inverse_time(0.5, 0.01)), np.asarray(fitted.params), steps=20_000,
        record_every=100,
    )  # fmt: skip
    assert r.history["loss"].min() > least - 1e-6
