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


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    torch.set_default_dtype(torch.float64)  # of NAdam's running product too
    yield torch
    torch.set_default_dtype(torch.float32)


def torchs(torch, problem, batches, make, rates=None):
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
    "amsgrad": (gd.AMSGrad(LR), lambda o, p: o.Adam(p, lr=LR, eps=1e-8, amsgrad=True)),
    # Its β1 moves by the paper's schedule, and stands still where that has long ended.
    "nadam": (gd.NAdam(LR), lambda o, p: o.NAdam(p, lr=LR, eps=1e-8, momentum_decay=1e9)),
    # It adds ε to the root before the correction, so ε is 0 here.
    "radam": (gd.RAdam(LR, eps=0.0), lambda o, p: o.RAdam(p, lr=LR, eps=0.0)),
    "radam with decay": (
        gd.RAdam(LR, eps=0.0, weight_decay=0.1),
        lambda o, p: o.RAdam(p, lr=LR, eps=0.0, weight_decay=0.1, decoupled_weight_decay=True),
    ),
    "adamax": (gd.Adamax(LR), lambda o, p: o.Adamax(p, lr=LR, eps=1e-8)),
    "adadelta": (gd.Adadelta(0.5), lambda o, p: o.Adadelta(p, lr=0.5, rho=0.9, eps=1e-6)),
    # optax's takes each step one gradient later (0.2.8), and is no peer.
    "rprop": (gd.Rprop(LR), lambda o, p: o.Rprop(p, lr=LR)),
}


@pytest.mark.parametrize("name", TORCH)
def test_torch(torch, problem, batches, name):
    optimizer, make = TORCH[name]
    agree(ours(problem, batches, optimizer), torchs(torch, problem, batches, make)[0])


def test_torch_with_a_schedule(torch, problem, batches):
    schedule = gd.schedules.inverse_time(0.1, rate=0.05)
    rates = schedule(np.arange(STEPS), STEPS)
    theta, _ = torchs(
        torch, problem, batches, lambda o, p: o.SGD(p, lr=1.0, momentum=0.9), 0.1 * rates
    )
    agree(ours(problem, batches, gd.Momentum(schedule, momentum=0.9)), theta)


def test_torchs_one_cycle_ends_one_step_earlier(torch):
    # Its peak is at step 0.3 N - 1 and its end at N - 1.
    N = 100
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.5, total_steps=N, cycle_momentum=False
    )
    rates = []
    for _ in range(N):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < N:
            theirs.step()
    ours = gd.schedules.one_cycle(0.5, rise=(0.3 * N - 1) / (N - 1))
    np.testing.assert_allclose(ours(np.arange(N), N - 1), rates, rtol=1e-12)


def test_torch_holds_the_look_ahead_point_of_nesterov(torch, problem, batches):
    # Its parameter p is y; θ = p + γ η buf, at constant η and γ.
    p, state = torchs(
        torch, problem, batches, lambda o, p: o.SGD(p, lr=LR, momentum=0.9, nesterov=True)
    )
    theta = p + 0.9 * LR * state["momentum_buffer"].numpy()
    agree(ours(problem, batches, gd.Nesterov(LR, momentum=0.9)), theta)


def test_torchs_dampening_is_another_rule(torch, problem, batches):
    # Its first step is undamped, so dampening = γ is not Momentum.
    theta, _ = torchs(
        torch, problem, batches, lambda o, p: o.SGD(p, lr=LR, momentum=0.9, dampening=0.9)
    )
    difference = np.linalg.norm(ours(problem, batches, gd.Momentum(LR, momentum=0.9)) - theta)
    assert difference > 1e-4


@pytest.mark.parametrize("rule", ["polyak", "exponential"])
def test_torch_averages(torch, problem, batches, rule):
    averages = torch.optim.swa_utils
    f, theta0 = problem
    theta = torch.nn.Parameter(torch.tensor(theta0.copy()))
    model = torch.nn.ParameterList([theta])
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, eps=1e-8)
    if rule == "polyak":
        mean = averages.AveragedModel(model)
        around = gd.PolyakAverage
    else:
        mean = averages.AveragedModel(model, multi_avg_fn=averages.get_ema_multi_avg_fn(0.95))
        mean.update_parameters(model)  # ours begins at θ_0, torch's at the first point it is shown
        around = gd.ExponentialAverage
    for batch in batches:
        theta.grad = torch.tensor(f.gradient(theta.detach().numpy(), batch))
        optimizer.step()
        mean.update_parameters(model)
    inside = gd.Adam(LR, eps=1e-8, eps_root=0.0)
    optimizer = around(inside) if rule == "polyak" else around(inside, decay=0.95)
    agree(ours(problem, batches, optimizer), next(iter(mean.parameters())).detach().numpy())


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
    "adabelief": (gd.AdaBelief(LR), lambda o: o.adabelief(LR)),
    "adadelta": (gd.Adadelta(0.5), lambda o: o.adadelta(0.5, rho=0.9, eps=1e-6)),
    "adamax": (gd.Adamax(LR), lambda o: o.adamax(LR)),
    # It averages with b2 and extrapolates by 1 - b2 (the paper and its authors' code by the same
    # number), so the two are one rule at 1/2 only.
    "adan": (
        gd.Adan(LR, beta2=0.5, weight_decay=0.1),
        lambda o: o.adan(LR, b2=0.5, eps=1e-8, eps_root=0.0, weight_decay=0.1),
    ),
    "lamb": (gd.LAMB(LR, weight_decay=0.1), lambda o: o.lamb(LR, eps=1e-6, weight_decay=0.1)),
    "nadam": (gd.NAdam(LR), lambda o: o.nadam(LR)),
    "radam": (gd.RAdam(LR), lambda o: o.radam(LR)),
    "nadamw": (
        gd.NadamW(LR, weight_decay=0.1),
        lambda o: o.nadamw(LR, weight_decay=0.1),
    ),
    "signum": (gd.Signum(0.002), lambda o: o.signum(0.002)),
    "ademamix": (
        gd.AdEMAMix(0.001, beta3=0.99, weight_decay=0.1),
        lambda o: o.contrib.ademamix(0.001, b3=0.99, weight_decay=0.1),
    ),
    "adopt": (gd.ADOPT(LR), lambda o: o.contrib.adopt(LR)),
    "adopt, unclipped": (
        gd.ADOPT(LR, clip=None),
        lambda o: o.contrib.adopt(LR, use_clipping=False),
    ),
    # Its moments start at 1e-6 unless told.
    "yogi": (
        gd.Yogi(LR),
        lambda o: o.chain(
            o.scale_by_yogi(eps=1e-3, eps_root=0.0, initial_accumulator_value=0.0), o.scale(-LR)
        ),
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


def test_optax_lookahead(optax, problem, batches):
    f, theta0 = problem
    transform = optax.lookahead(optax.sgd(0.1), sync_period=6, slow_step_size=0.3)
    both = optax.LookaheadParams.init_synced(theta0)
    state = transform.init(both)
    for batch in batches:
        updates, state = transform.update(f.gradient(np.asarray(both.fast), batch), state, both)
        both = optax.apply_updates(both, updates)
    optimizer = gd.Lookahead(gd.SGD(0.1), every=6, slow_step=0.3)
    agree(ours(problem, batches, optimizer), np.asarray(both.fast))


@pytest.mark.parametrize("rule", ["sgd", "adamw"])
def test_optax_schedule_free(optax, problem, batches, rule):
    # Its parameter is y, where the gradient is taken; our θ is the average x.
    f, theta0 = problem
    if rule == "sgd":
        optimizer = gd.ScheduleFreeSGD(0.1, weight_decay=0.01)
        transform = optax.contrib.schedule_free_sgd(0.1, b1=0.9, weight_decay=0.01)
    else:
        optimizer = gd.ScheduleFreeAdamW(LR, weight_decay=0.01)
        transform = optax.contrib.schedule_free_adamw(LR, b1=0.9, b2=0.999, weight_decay=0.01)
    y = theta0
    state = transform.init(y)
    for batch in batches:
        updates, state = transform.update(f.gradient(np.asarray(y), batch), state, y)
        y = optax.apply_updates(y, updates)
    x = np.asarray(optax.contrib.schedule_free_eval_params(state, y))
    agree(ours(problem, batches, optimizer), x)
