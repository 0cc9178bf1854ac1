"""The same formula in torch and optax, to 1e-10 over 200 steps, where they are installed.

The same name often stands for another formula there: each test says which setting of theirs is the
rule of ours. Both sides get their gradients from the oracle, so that the rules alone are compared.
"""

import numpy as np
import oracle
import pytest

import fastgd as gd

STEPS = 200
LR = 0.01


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((50, 4))
    y = (X @ [1.0, -1.0, 0.5, 2.0] + rng.standard_normal(50) > 0).astype(int)
    return oracle.LogisticRegression(X, y, l2=0.01), rng.standard_normal(4)


@pytest.fixture(scope="module")
def batches():
    return oracle.batches(50, 7, STEPS, "replacement", seed=2)


def ours(problem, batches, optimizer):
    f, theta0 = problem
    theta = theta0.copy()
    state = optimizer.init(theta, STEPS)
    for batch in batches:
        optimizer.step(theta, f.gradient(optimizer.point(theta, state), batch), state)
    return theta


def agree(a, b):
    assert np.linalg.norm(a - b) <= 1e-10 * np.linalg.norm(b)


def torchs(problem, batches, make, rates=None):
    torch = pytest.importorskip("torch")
    f, theta0 = problem
    theta = torch.tensor(theta0.copy(), requires_grad=True)
    optimizer = make(torch.optim, [theta])
    for t, batch in enumerate(batches):
        if rates is not None:
            optimizer.param_groups[0]["lr"] = float(rates[t])
        theta.grad = torch.tensor(f.gradient(theta.detach().numpy(), batch))
        optimizer.step()
    return theta.detach().numpy(), optimizer.state[theta]


TORCH = {
    "sgd": (gd.SGD(LR), lambda o, p: o.SGD(p, lr=LR)),
    # torch's weight_decay enters the gradient, which is decoupled decay for plain SGD only.
    "sgd with decay": (
        gd.SGD(LR, weight_decay=0.1),
        lambda o, p: o.SGD(p, lr=LR, weight_decay=0.1),
    ),
    # (1 - γ) g in the velocity is the same as η (1 - γ) outside.
    "momentum": (
        gd.Momentum(LR, momentum=0.9),
        lambda o, p: o.SGD(p, lr=LR * (1 - 0.9), momentum=0.9),
    ),
    "heavy ball": (
        gd.Momentum(LR, momentum=0.9, dampening=0.0),
        lambda o, p: o.SGD(p, lr=LR, momentum=0.9),
    ),
    "adagrad": (gd.AdaGrad(LR, eps=1e-10), lambda o, p: o.Adagrad(p, lr=LR, eps=1e-10)),
    # ε outside the root.
    "rmsprop": (
        gd.RMSProp(LR, decay=0.99, eps=1e-8, eps_root=0.0),
        lambda o, p: o.RMSprop(p, lr=LR, alpha=0.99, eps=1e-8),
    ),
    "adam": (
        gd.Adam(LR, eps=1e-8, eps_root=0.0),
        lambda o, p: o.Adam(p, lr=LR, eps=1e-8),
    ),
    "adamw": (
        gd.AdamW(LR, eps=1e-8, eps_root=0.0, weight_decay=0.1),
        lambda o, p: o.AdamW(p, lr=LR, eps=1e-8, weight_decay=0.1),
    ),
}


@pytest.mark.parametrize("name", TORCH)
def test_torch(problem, batches, name):
    optimizer, make = TORCH[name]
    agree(ours(problem, batches, optimizer), torchs(problem, batches, make)[0])


def test_torch_with_a_schedule(problem, batches):
    schedule = gd.schedules.inverse_time(0.1, rate=0.05)
    rates = schedule(np.arange(STEPS), STEPS)
    theta, _ = torchs(problem, batches, lambda o, p: o.SGD(p, lr=1.0, momentum=0.9), 0.1 * rates)
    agree(ours(problem, batches, gd.Momentum(schedule, momentum=0.9)), theta)


def test_torch_holds_the_look_ahead_point_of_nesterov(problem, batches):
    # Its parameter p is y; θ = p + γ η buf, at constant η and γ.
    p, state = torchs(problem, batches, lambda o, p: o.SGD(p, lr=LR, momentum=0.9, nesterov=True))
    theta = p + 0.9 * LR * state["momentum_buffer"].numpy()
    agree(ours(problem, batches, gd.Nesterov(LR, momentum=0.9)), theta)


def test_torchs_dampening_is_another_rule(problem, batches):
    # Its first step is undamped, so dampening = γ is not Momentum.
    theta, _ = torchs(problem, batches, lambda o, p: o.SGD(p, lr=LR, momentum=0.9, dampening=0.9))
    difference = np.linalg.norm(ours(problem, batches, gd.Momentum(LR, momentum=0.9)) - theta)
    assert difference > 1e-4


@pytest.fixture(scope="module")
def optax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    yield pytest.importorskip("optax")
    jax.config.update("jax_enable_x64", False)


OPTAX = {
    "sgd": (gd.SGD(LR), lambda o: o.sgd(LR)),
    "momentum": (
        gd.Momentum(LR, momentum=0.9),
        lambda o: o.chain(o.ema(0.9, debias=False), o.scale(-LR)),
    ),
    "heavy ball": (
        gd.Momentum(LR, momentum=0.9, dampening=0.0),
        lambda o: o.sgd(LR, momentum=0.9),
    ),
    # Its G starts at 0.1 unless told; eps is inside the root.
    "adagrad": (
        gd.AdaGrad(LR, eps=0.0, eps_root=1e-12),
        lambda o: o.adagrad(LR, initial_accumulator_value=0.0, eps=1e-12),
    ),
    "rmsprop": (
        gd.RMSProp(LR, decay=0.9, eps=0.0, eps_root=1e-8),
        lambda o: o.rmsprop(LR, decay=0.9, eps=1e-8),
    ),
    "adam": (
        gd.Adam(LR, eps=0.0, eps_root=1e-16),
        lambda o: o.adam(LR, eps=0.0, eps_root=1e-16),
    ),
    "adamw": (
        gd.AdamW(LR, eps=0.0, eps_root=1e-16, weight_decay=0.1),
        lambda o: o.adamw(LR, eps=0.0, eps_root=1e-16, weight_decay=0.1),
    ),
    "lion": (
        gd.Lion(LR, weight_decay=0.1),
        lambda o: o.lion(LR, b1=0.9, b2=0.99, weight_decay=0.1),
    ),
}


@pytest.mark.parametrize("name", OPTAX)
def test_optax(optax, problem, batches, name):
    import jax.numpy as jnp

    optimizer, make = OPTAX[name]
    f, theta0 = problem
    theta = jnp.asarray(theta0)
    assert theta.dtype == np.float64
    transform = make(optax)
    state = transform.init(theta)
    for batch in batches:
        g = jnp.asarray(f.gradient(np.asarray(theta), batch))
        updates, state = transform.update(g, state, theta)
        theta = optax.apply_updates(theta, updates)
    agree(ours(problem, batches, optimizer), np.asarray(theta))
