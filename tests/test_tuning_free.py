"""Rates that need no tuning: those by the loss against the oracle, all of them against peers."""

import numpy as np
import oracle
import pytest

import fastgd as gd
from fastgd import schedules


def problem(l2=0.0):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((50, 4))
    y = (X @ [1.0, -1.0, 0.5, 2.0] + rng.standard_normal(50) > 0).astype(int)
    return tuple(
        module.LogisticRegression(X, y, l2=l2, fit_intercept=True) for module in (gd, oracle)
    )


def agree(theta, expected):
    assert np.linalg.norm(theta - expected) <= 1e-12 * np.linalg.norm(expected)


# Few: where the rate is that of the steepest curve, rounding grows from step to step.
STEPS = 12
CASES = {
    "polyak": ("PolyakStep", None, {"optimum": 0.1, "c": 2.0}, [None, 1, 7]),
    "polyak, estimated": ("PolyakStep", None, {}, [None]),
    "sps_max": ("PolyakStep", 0.5, {"c": 0.5}, [1, 7]),
    "armijo": ("Armijo", 3.0, {}, [None, 1, 7]),
    "armijo, other shape": ("Armijo", 3.0, {"slope": 0.5, "shrink": 0.5, "grow": 1.5}, [None, 7]),
}


@pytest.mark.parametrize("case", CASES)
def test_runs_agree_with_the_oracle(case):
    rule, lr, options, sizes = CASES[case]
    for batch_size in sizes:
        for l2, weight_decay in ((0.0, 0.0), (0.1, 0.0), (0.0, 0.1)):
            fast, slow = problem(l2)
            theta0 = np.random.default_rng(2).standard_normal(fast.n_params)
            path, rates = oracle.replay_searching(
                slow, rule, theta0, STEPS, np.inf if lr is None else lr, batch_size, seed=3,
                weight_decay=weight_decay, **options,
            )  # fmt: skip
            optimizer = getattr(gd, rule)(lr, weight_decay=weight_decay, **options)
            for every in (0, 1, 4):
                r = gd.minimize(
                    fast, optimizer, theta0, batch_size, steps=STEPS, seed=3, record_every=every
                )
                agree(r.theta, path[-1])
                if every == 1:
                    np.testing.assert_allclose(r.history["lr"][1:], rates, rtol=1e-9, atol=1e-14)


def test_a_largest_rate_may_be_a_schedule():
    fast, slow = problem()
    lr = 0.2 / (1 + 0.5 * np.arange(40))
    for rule in ("PolyakStep", "Armijo"):
        path, _ = oracle.replay_searching(slow, rule, np.zeros(5), 40, lr, 5, seed=0)
        optimizer = getattr(gd, rule)(schedules.inverse_time(0.2, rate=0.5))
        agree(gd.minimize(fast, optimizer, np.zeros(5), 5, steps=40, seed=0).theta, path[-1])


@pytest.mark.parametrize("rule", [gd.PolyakStep(), gd.Armijo()])
def test_a_run_that_is_cut_or_shared_goes_to_the_same_bits(rule, tmp_path):
    X, y = gd.datasets.load("breast-cancer")
    f = gd.LogisticRegression(X, y, l2=0.01)
    for batch_size in (None, 32):
        run = {"batch_size": batch_size, "steps": 40, "seed": 0}
        whole = gd.minimize(f, rule, **run)
        cut = gd.Run(f, rule, **run).advance(17)
        cut.save(tmp_path / f"{batch_size}.npz")
        assert np.array_equal(gd.resume(tmp_path / f"{batch_size}.npz", f).theta, whole.theta)
        assert np.array_equal(gd.minimize(f, rule, n_threads=2, **run).theta, whole.theta)


def test_least_values_are_those_of_the_objective():
    X = np.random.default_rng(0).standard_normal((40, 2))
    y = np.random.default_rng(1).poisson(5.0, 40)
    f = gd.LinearModel(X, y, gd.losses.Poisson(), fit_intercept=True)
    made = gd.PolyakStep().prepared(f)
    assert made.least == f.loss.least(f.y).min() < 0
    r = gd.minimize(f, gd.PolyakStep(), steps=300)
    assert np.linalg.norm(f.gradient(r.theta)) < 1e-5
    with pytest.raises(ValueError, match="give optimum, or least"):
        gd.minimize(gd.Quadratic(np.eye(2)), gd.PolyakStep(), steps=1)


@pytest.mark.parametrize("rule", [gd.PolyakStep(), gd.Armijo()])
def test_what_makes_no_sense_is_refused(rule):
    f = gd.LogisticRegression([[1.0], [2.0]], [0, 1], penalty=gd.penalties.L1(0.1))
    with pytest.raises(ValueError, match="measures steps along the gradient"):
        gd.minimize(f, rule, steps=1)
    with pytest.raises(TypeError, match="use minimize"):
        rule.init(np.ones(2))
    with pytest.raises(TypeError, match="nothing can be put around it"):
        gd.Lookahead(rule)
    for wrong in ({"slope": 1.0}, {"shrink": 0.0}, {"grow": 0.5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            gd.Armijo(**wrong)
    with pytest.raises(ValueError, match="restart is for"):
        gd.Nesterov(momentum=schedules.inverse_time(0.9, rate=0.1), restart="gradient")


# --- Peers, on gradients and losses of the oracle -------------------------------------------------


@pytest.fixture(scope="module")
def optax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    yield pytest.importorskip("optax")
    jax.config.update("jax_enable_x64", False)


def theirs(optax, transform, slow, theta, draws, lazy=False):
    import jax.numpy as jnp

    theta = jnp.asarray(theta)
    state = transform.init(theta)
    for batch in draws:
        extra = {}
        if lazy:
            X, y = slow.X[slice(None) if batch is None else batch], slow.y

            def value(theta, X=X, y=y[slice(None) if batch is None else batch]):
                margins = X @ theta
                return jnp.mean(jnp.logaddexp(0.0, jnp.where(y == 1, -margins, margins)))

            g = jnp.asarray(slow.gradient(np.asarray(theta), batch))
            extra = {"value": value(theta), "grad": g, "value_fn": value}
        g = jnp.asarray(slow.gradient(np.asarray(theta), batch))
        updates, state = transform.update(g, state, theta, **extra)
        theta = optax.apply_updates(theta, updates)
    return np.asarray(theta)


def uncorrected(optax):
    import jax.numpy as jnp

    # optax corrects the moments for their start: a rate that takes it back.
    rate = lambda t: (1 - 0.9 ** (t + 1)) / jnp.sqrt(1 - 0.999 ** (t + 1))  # noqa: E731
    return optax.contrib.prodigy(rate, estim_lr0=0.01)


OPTAX = {
    "dog": (gd.DoG(), lambda o: o.contrib.dog()),
    "dog, distance": (
        gd.DoG(0.5, distance=0.1, eps_root=0.1),
        lambda o: o.contrib.dog(0.5, init_step=("distance", 0.1), eps=0.1),
    ),
    "dowg": (
        gd.DoWG(distance=0.1, eps=1e-4),
        lambda o: o.contrib.dowg(init_estim_sq_dist=0.01, eps=1e-4),
    ),
    "prodigy": (gd.Prodigy(d0=0.01), uncorrected),
}


@pytest.mark.parametrize("name", OPTAX)
def test_optax(optax, name):
    rule, make = OPTAX[name]
    _, slow = problem()
    draws = oracle.batches(50, 7, 40, "replacement", 4)
    theta = np.full(5, 0.1)
    expected = theirs(optax, make(optax), slow, theta, draws)
    state = rule.init(theta)
    for batch in draws:
        rule.step(theta, slow.gradient(theta, batch), state)
    assert np.linalg.norm(theta - expected) <= 1e-9 * np.linalg.norm(expected)


@pytest.mark.parametrize("batch_size", [None, 7])
def test_optax_by_the_loss(optax, batch_size):
    fast, slow = problem()
    theta0, steps = np.full(5, 0.1), 12
    draws = oracle.batches(50, batch_size, steps, "replacement", 4)
    expected = theirs(
        optax, optax.polyak_sgd(max_learning_rate=2.0, f_min=0.1, variant="sps+"), slow, theta0,
        draws, lazy=True,
    )  # fmt: skip
    r = gd.minimize(fast, gd.PolyakStep(2.0, optimum=0.1), theta0, batch_size, steps=steps, seed=4)
    assert np.linalg.norm(r.theta - expected) <= 1e-10 * np.linalg.norm(expected)
    if batch_size is None:
        search = optax.scale_by_backtracking_linesearch(
            100, slope_rtol=0.1, decrease_factor=0.8, increase_factor=2.0, max_learning_rate=3.0
        )
        expected = theirs(
            optax, optax.chain(optax.sgd(1.0), search), slow, theta0, draws, lazy=True
        )
        # Its first trial is twice 1, where ours is the largest: a schedule that says so.
        lr = gd.schedules.custom(lambda t, total: np.where(t == 0, 2.0, 3.0))
        r = gd.minimize(fast, gd.Armijo(lr), theta0, steps=steps)
        assert np.linalg.norm(r.theta - expected) <= 1e-10 * np.linalg.norm(expected)


def test_the_authors_own_prodigy_and_dog():
    torch = pytest.importorskip("torch")
    prodigyopt, dog = pytest.importorskip("prodigyopt"), pytest.importorskip("dog")
    _, slow = problem()
    draws = oracle.batches(50, 7, 200, "replacement", 4)
    for rule, make in (
        (gd.Prodigy(d0=0.01), lambda p: prodigyopt.Prodigy([p], lr=1.0, d0=0.01)),
        (gd.DoG(distance=0.1), lambda p: dog.DoG([p], lr=1.0, init_eta=None, eps=1e-8,
                                                 reps_rel=0.1 / (1 + np.linalg.norm(START)))),
    ):  # fmt: skip
        p = torch.nn.Parameter(torch.tensor(START, dtype=torch.float64))
        peer, theta = make(p), START.copy()
        state = rule.init(theta)
        for batch in draws:
            rule.step(theta, slow.gradient(theta, batch), state)
            p.grad = torch.tensor(slow.gradient(p.detach().numpy(), batch))
            peer.step()
        assert np.linalg.norm(theta - p.detach().numpy()) <= 1e-6 * np.linalg.norm(theta)


START = np.full(5, 0.1)


# --- No tuning: within twice the steps of the best constant rate ----------------------------------


def test_restarts_keep_the_rate_of_the_best_momentum():
    rng = np.random.default_rng(0)
    A = np.diag(np.geomspace(1e-3, 1.0, 50))
    f, theta0 = gd.Quadratic(A, np.zeros(50)), rng.standard_normal(50)
    kappa = 1e3
    best = (np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)
    losses = {
        name: gd.minimize(f, gd.Nesterov(1.0, **options), theta0, steps=600).loss
        for name, options in {
            "restarted": {"restart": "gradient"},
            "plain": {},
            "best": {"momentum": best},
        }.items()
    }
    assert losses["restarted"] < 1e-3 * losses["plain"]
    assert losses["restarted"] < 1e-8
