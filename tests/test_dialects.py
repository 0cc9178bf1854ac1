"""The dialects against the libraries themselves: the same numbers to 1e-12 over 200 steps.

Rates move throughout, since several differences show only then. The gradients of both sides come
from the oracle, at whatever the library takes for its parameters. Each library's part is skipped
where it is not installed.
"""

import numpy as np
import oracle
import pytest

import fastgd as gd
from fastgd import dialects

STEPS = 200
RATES = gd.schedules.cosine(0.02, 0.1)
VALUES = RATES(np.arange(STEPS), STEPS)


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((50, 4))
    y = (X @ [1.0, -1.0, 0.5, 2.0] + rng.standard_normal(50) > 0).astype(int)
    f, theta0 = oracle.LogisticRegression(X, y, l2=0.01), rng.standard_normal(4)
    batches = oracle.batches(50, 7, STEPS, "replacement", seed=2)
    return lambda theta, t: f.gradient(np.asarray(theta), batches[t]), theta0


def ours(problem, optimizer, look_ahead=False):
    gradient, theta0 = problem
    theta, state = theta0.copy(), optimizer.init(theta0, STEPS)
    for t in range(STEPS):
        optimizer.step(theta, gradient(optimizer.point(theta, state), t), state)
    return optimizer.point(theta, state) if look_ahead else theta


def agree(a, b):
    assert np.isfinite(b).all()
    assert np.linalg.norm(a - b) <= 1e-12 * np.linalg.norm(b)


# --- torch ----------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    torch.set_default_dtype(torch.float64)  # of NAdam's running product too
    yield torch
    torch.set_default_dtype(torch.float32)


TORCH = [
    ("SGD", {}),
    ("SGD", {"weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    ("Adam", {}),
    ("Adam", {"weight_decay": 0.1, "betas": (0.8, 0.99), "eps": 1e-6}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
    ("Adam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {}),
    ("AdamW", {"amsgrad": True, "weight_decay": 0.1}),
    ("Adadelta", {"weight_decay": 0.1}),
    ("Adagrad", {}),
    ("Adagrad", {"initial_accumulator_value": 0.1, "weight_decay": 0.1}),
    ("Adamax", {"weight_decay": 0.1}),
    ("NAdam", {}),
    ("NAdam", {"weight_decay": 0.1, "momentum_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {}),
    ("RAdam", {"weight_decay": 0.1}),
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.8, "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.8, "centered": True, "eps": 1e-3}),
    ("Rprop", {"etas": (0.4, 1.1)}),
]


def torchs(torch, problem, make, rates=None):
    gradient, theta0 = problem
    theta = torch.tensor(theta0.copy(), requires_grad=True)
    optimizer = make([theta])
    for t in range(STEPS):
        if rates is not None:
            optimizer.param_groups[0]["lr"] = float(rates[t])
        theta.grad = torch.tensor(gradient(theta.detach().numpy(), t))
        optimizer.step()
    return theta.detach().numpy()


@pytest.mark.parametrize("name, options", TORCH, ids=str)
def test_torch_with_rates_that_move(torch, problem, name, options):
    theirs = torchs(torch, problem, lambda p: getattr(torch.optim, name)(p, **options), VALUES)
    agree(ours(problem, getattr(dialects.torch, name)(RATES, **options)), theirs)


@pytest.mark.parametrize("name", sorted({name for name, _ in TORCH}))
def test_torchs_defaults(torch, problem, name):
    theirs = torchs(torch, problem, getattr(torch.optim, name))
    agree(ours(problem, getattr(dialects.torch, name)()), theirs)


def test_torchs_decay_of_the_rate(torch, problem):
    theirs = torchs(torch, problem, lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.05))
    agree(ours(problem, dialects.torch.Adagrad(0.1, lr_decay=0.05)), theirs)


TORCH_SCHEDULERS = [
    ("StepLR", {"step_size": 30, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [20, 50, 50, 120]}),
    ("ConstantLR", {"factor": 0.3, "total_iters": 40}),
    ("LinearLR", {"start_factor": 0.2, "end_factor": 0.7, "total_iters": 60}),
    ("ExponentialLR", {"gamma": 0.98}),
    ("PolynomialLR", {"total_iters": 150, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 60, "eta_min": 0.001}),
    ("CosineAnnealingWarmRestarts", {"T_0": 20, "T_mult": 2, "eta_min": 0.001}),
    ("CyclicLR", {"base_lr": 0.001, "max_lr": 0.1, "step_size_up": 17, "cycle_momentum": False}),
    ("CyclicLR", {"base_lr": 0.001, "max_lr": 0.1, "step_size_up": 17, "cycle_momentum": False,
                  "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.001, "max_lr": 0.1, "step_size_up": 17, "cycle_momentum": False,
                  "mode": "exp_range", "gamma": 0.99}),
    ("OneCycleLR", {"max_lr": 0.1, "total_steps": 200, "cycle_momentum": False}),
    ("OneCycleLR", {"max_lr": 0.1, "epochs": 10, "steps_per_epoch": 20, "cycle_momentum": False,
                    "anneal_strategy": "linear", "three_phase": True}),
    ("LambdaLR", {"lr_lambda": lambda step: 1 / (1 + step)}),
]  # fmt: skip


def torch_rates(torch, make, lr=0.05):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler, rates = make(optimizer), []
    for t in range(STEPS):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if t < STEPS - 1:
            scheduler.step()
    return np.array(rates)


@pytest.mark.parametrize("name, options", TORCH_SCHEDULERS, ids=lambda value: str(value)[:40])
@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_torchs_schedulers(torch, problem, name, options):
    scheduler = getattr(torch.optim.lr_scheduler, name)
    theirs = torch_rates(torch, lambda o: scheduler(o, **options))
    schedule = getattr(dialects.torch, name)(0.05, **options)
    np.testing.assert_allclose(
        schedule(np.arange(STEPS), STEPS), theirs, rtol=1e-12, atol=1e-12 * theirs.max()
    )
    # Of an optimizer they move the rate that was said, where another stands in the rule.
    dialect = dialects.torch.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.1)
    moved = getattr(dialects.torch, name)(dialect, **options)
    made = {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}
    agree(ours(problem, moved),
          torchs(torch, problem, lambda p: torch.optim.SGD(p, **made), theirs))  # fmt: skip


@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_torchs_sequence(torch):
    library = torch.optim.lr_scheduler
    theirs = torch_rates(
        torch,
        lambda o: library.SequentialLR(
            o,
            [library.ConstantLR(o, 0.1, 10), library.ExponentialLR(o, 0.9),
             library.CosineAnnealingLR(o, 40)],
            [20, 90],
        ),
    )  # fmt: skip
    dialect, opt = dialects.torch, dialects.torch.SGD(0.05)
    parts = [dialect.ConstantLR(opt, 0.1, 10), dialect.ExponentialLR(opt, 0.9),
             dialect.CosineAnnealingLR(opt, 40)]  # fmt: skip
    schedule = dialect.SequentialLR(opt, parts, [20, 90]).lr
    np.testing.assert_allclose(schedule(np.arange(STEPS)), theirs, rtol=1e-12, atol=1e-13)


# --- optax ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def optax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    yield pytest.importorskip("optax")
    jax.config.update("jax_enable_x64", False)


OPTAX = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True}),
    ("adam", {}),
    ("adam", {"b1": 0.8, "eps_root": 1e-6, "nesterov": True}),
    ("adamw", {}),
    ("adamw", {"weight_decay": 0.1, "nesterov": True}),
    ("nadam", {}),
    ("nadamw", {}),
    ("amsgrad", {}),
    ("adagrad", {}),
    ("adagrad", {"initial_accumulator_value": 0.0, "eps": 1e-3}),
    ("rmsprop", {}),
    ("rmsprop", {"momentum": 0.8, "eps": 1e-4}),
    ("rmsprop", {"momentum": 0.8, "centered": True, "eps": 1e-4, "eps_in_sqrt": False}),
    ("adadelta", {}),
    ("adadelta", {"weight_decay": 0.1}),
    ("adamax", {}),
    ("adamaxw", {"weight_decay": 0.1}),
    ("adabelief", {}),
    ("radam", {}),
    ("yogi", {}),
    ("adan", {"b2": 0.5}),
    ("lamb", {"weight_decay": 0.1}),
    ("lion", {}),
    ("sign_sgd", {}),
    ("signum", {}),
    ("ademamix", {"b3": 0.99, "weight_decay": 0.1}),
    ("adopt", {}),
    ("adopt", {"use_clipping": False}),
]


def optaxs(optax, problem, transform):
    import jax.numpy as jnp

    gradient, theta0 = problem
    theta = jnp.asarray(theta0)
    state = transform.init(theta)
    for t in range(STEPS):
        updates, state = transform.update(jnp.asarray(gradient(theta, t)), state, theta)
        theta = optax.apply_updates(theta, updates)
    return theta, state


@pytest.mark.parametrize("name, options", OPTAX, ids=str)
def test_optax_with_rates_that_move(optax, problem, name, options):
    rates = optax.cosine_decay_schedule(0.02, STEPS, 0.1)
    make = getattr(optax, name, None) or getattr(optax.contrib, name)
    theirs, _ = optaxs(optax, problem, make(rates, **options))
    agree(ours(problem, getattr(dialects.optax, name)(RATES, **options)), np.asarray(theirs))


@pytest.mark.parametrize(
    "name, options",
    [
        ("schedule_free_sgd", {"learning_rate": 0.1, "weight_decay": 0.01}),
        ("schedule_free_adamw", {"weight_decay": 0.01}),
        ("schedule_free_sgd", {"learning_rate": 0.1, "warmup_steps": 50, "weight_lr_power": 0.0}),
        ("schedule_free_adamw", {"learning_rate": 0.1, "warmup_steps": 50, "weight_lr_power": 0.0}),
    ],
)
def test_optax_schedule_free(optax, problem, name, options):
    # Its parameters are y, where the gradient is taken; what it evaluates at is our θ.
    theirs = dict(options)
    if "warmup_steps" in theirs:  # its own, of a 32-bit count, has seven digits
        rise = optax.warmup_constant_schedule(0.0, 0.1, theirs.pop("warmup_steps"))
        theirs["learning_rate"] = lambda count: rise(np.float64(1.0) * count)
    y, state = optaxs(optax, problem, getattr(optax.contrib, name)(**theirs))
    made = getattr(dialects.optax, name)(**options)
    agree(ours(problem, made, look_ahead=True), np.asarray(y))
    x = optax.contrib.schedule_free_eval_params(state, y)
    agree(ours(problem, made), np.asarray(x))


def test_optax_lookahead(optax, problem):
    gradient, theta0 = problem
    transform = optax.lookahead(optax.sgd(0.1), sync_period=6, slow_step_size=0.3)
    both = optax.LookaheadParams.init_synced(theta0)
    state = transform.init(both)
    for t in range(STEPS):
        updates, state = transform.update(gradient(both.fast, t), state, both)
        both = optax.apply_updates(both, updates)
    made = dialects.optax.lookahead(dialects.optax.sgd(0.1), 6, 0.3)
    agree(ours(problem, made), np.asarray(both.fast))


OPTAX_SCHEDULES = [
    ("constant_schedule", (0.1,)),
    ("polynomial_schedule", (0.1, 0.01, 1.5, 80)),
    ("polynomial_schedule", (0.1, 0.01, 2.0, 80, 30)),
    ("linear_schedule", (0.0, 0.1, 80)),
    ("exponential_decay", (0.1, 20, 0.5)),
    ("exponential_decay", (0.1, 20, 0.5, 30, True)),
    ("exponential_decay", (0.1, 20, 0.5, 30, False, 0.02)),
    ("exponential_decay", (0.1, 20, 1.5, 0, False, 0.3)),
    ("cosine_decay_schedule", (0.1, 80)),
    ("cosine_decay_schedule", (0.1, 80, 0.1, 1.5)),
    ("piecewise_constant_schedule", (0.1, {20: 0.5, 90: 0.1})),
    ("piecewise_constant_schedule", (0.1,)),
    ("piecewise_interpolate_schedule", ("linear", 0.1, {20: 0.5, 90: 0.1})),
    ("piecewise_interpolate_schedule", ("cosine", 0.1, {20: 0.5, 90: 0.1})),
    ("linear_onecycle_schedule", (150, 0.1)),
    ("cosine_onecycle_schedule", (150, 0.1)),
    ("warmup_constant_schedule", (0.0, 0.1, 30)),
    ("warmup_cosine_decay_schedule", (0.0, 0.1, 30, 150, 0.01, 1.5)),
    ("warmup_exponential_decay_schedule", (0.0, 0.1, 30, 20, 0.5, 10, True, 0.01)),
    ("sgdr_schedule", ([{"init_value": 0.0, "peak_value": 0.1, "warmup_steps": 5,
                         "decay_steps": 40}] * 3,)),
]  # fmt: skip


@pytest.mark.parametrize("name, arguments", OPTAX_SCHEDULES, ids=lambda value: str(value)[:40])
def test_optax_schedules(optax, name, arguments):
    import jax

    library = getattr(optax, name)(*arguments)
    theirs = jax.vmap(lambda t: library(t) * jax.numpy.ones(()))(jax.numpy.arange(STEPS))
    made = getattr(dialects.optax, name)(*arguments)(np.arange(STEPS), STEPS)
    np.testing.assert_allclose(made, theirs, rtol=1e-12, atol=1e-14)


def test_optax_joins(optax):
    parts = [0.1, 0.05, 0.2]
    theirs = optax.join_schedules([optax.constant_schedule(one) for one in parts], [20, 90])
    made = dialects.optax.join_schedules(parts, [20, 90])
    assert [float(theirs(t)) for t in range(STEPS)] == made(np.arange(STEPS)).tolist()


# --- keras ----------------------------------------------------------------------------------------


KERAS = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.8, "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.8, "centered": True, "epsilon": 1e-3}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1, "epsilon": 1e-3}),
    ("AdamW", {}),
    ("Adadelta", {}),
    ("Adagrad", {}),
    ("Adamax", {"weight_decay": 0.1, "epsilon": 1e-3}),
    ("Nadam", {"weight_decay": 0.1}),
    ("Lion", {"weight_decay": 0.1}),
    ("Lamb", {}),
    ("ScheduleFreeAdamW", {}),
]


def kerass(keras, problem, optimizer, rates=None):
    gradient, theta0 = problem
    theta = keras.Variable(theta0, dtype="float64")
    optimizer.build([theta])
    for t in range(STEPS):
        if rates is not None:
            optimizer.learning_rate = float(rates[t])
        optimizer.apply([keras.ops.convert_to_tensor(gradient(theta, t), dtype="float64")])
    return np.asarray(theta)


@pytest.mark.parametrize("name, options", KERAS, ids=str)
def test_keras_with_rates_that_move(keras, problem, name, options):
    theirs = kerass(keras, problem, getattr(keras.optimizers, name)(0.02, **options), VALUES)
    made = getattr(dialects.keras, name)(RATES, **options)
    # A schedule-free optimizer's variables are y.
    agree(ours(problem, made, look_ahead=name.startswith("ScheduleFree")), theirs)


def test_keras_schedule_free_with_its_warm_up(keras, problem):
    theirs = kerass(keras, problem, keras.optimizers.ScheduleFreeAdamW(warmup_steps=50))
    made = dialects.keras.ScheduleFreeAdamW(warmup_steps=50)
    agree(ours(problem, made, look_ahead=True), theirs)


@pytest.fixture
def double_cosine(keras, monkeypatch):
    # Its cosine has single precision, whatever it is given.
    import jax

    monkeypatch.setattr("keras.src.ops.cos", jax.numpy.cos)


KERAS_SCHEDULES = [
    ("ExponentialDecay", (0.1, 20, 0.5)),
    ("ExponentialDecay", (0.1, 20, 0.5, True)),
    ("InverseTimeDecay", (0.1, 20, 0.5)),
    ("InverseTimeDecay", (0.1, 20, 0.5, True)),
    ("PiecewiseConstantDecay", ([20, 90], [0.1, 0.05, 0.01])),
    ("PolynomialDecay", (0.1, 80, 0.01, 1.5)),
    ("CosineDecay", (0.1, 80, 0.1)),
    ("CosineDecay", (0.01, 80, 0.1, "", 0.1, 30)),
    ("CosineDecayRestarts", (0.1, 20, 1.0, 0.7, 0.1)),
]


@pytest.mark.parametrize("name, arguments", KERAS_SCHEDULES, ids=lambda value: str(value)[:40])
def test_keras_schedules(double_cosine, keras, name, arguments):
    library = getattr(keras.optimizers.schedules, name)
    # In float64, which a number of Python's is not there.
    given = [one or name if isinstance(one, str) else _wide(one) for one in arguments]
    theirs = library(*given)
    # Few, since it compiles each of its branches anew.
    steps = [0, 1, 19, 20, 21, 30, 31, 60, 90, 91, 150, 199]
    made = getattr(dialects.keras, name)(*arguments)(np.array(steps), STEPS)
    expected = [float(theirs(t)) for t in steps]
    np.testing.assert_allclose(made, expected, rtol=1e-12, atol=1e-14)


def _wide(one):
    return np.float64(one) if isinstance(one, float) else one


def test_keras_restarts_of_growing_periods(double_cosine, keras):
    # Its logarithm misses a restart by a step now and then; between them the numbers agree.
    theirs = keras.optimizers.schedules.CosineDecayRestarts(np.float64(0.1), 20)
    made = dialects.keras.CosineDecayRestarts(0.1, 20)
    steps = [0, 5, 19, 21, 40, 59, 61, 139, 141, 199]
    expected = [float(theirs(t)) for t in steps]
    np.testing.assert_allclose(made(np.array(steps)), expected, rtol=1e-11, atol=1e-14)


# --- scikit-learn ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stochastic():
    pytest.importorskip("sklearn")
    from sklearn.neural_network import _stochastic_optimizers

    return _stochastic_optimizers


@pytest.mark.parametrize(
    "name, options",
    [
        ("SGDOptimizer", {}),
        ("SGDOptimizer", {"nesterov": False}),
        ("SGDOptimizer", {"momentum": 0.0}),
        ("SGDOptimizer", {"lr_schedule": "invscaling", "power_t": 0.4}),
        ("SGDOptimizer", {"lr_schedule": "invscaling", "nesterov": False}),
        ("AdamOptimizer", {}),
        ("AdamOptimizer", {"beta_1": 0.8, "epsilon": 1e-3}),
    ],
)
def test_scikit_learns_optimizers(stochastic, problem, name, options):
    gradient, theta0 = problem
    theta = theta0.copy()
    optimizer = getattr(stochastic, name)([theta], **options)
    for t in range(STEPS):
        optimizer.update_params([theta], [gradient(theta, t)])
        optimizer.iteration_ends(t + 1)
    agree(ours(problem, getattr(dialects.sklearn, name)(**options)), theta)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"learning_rate": "constant", "eta0": 0.02},
        {"learning_rate": "invscaling", "power_t": 0.5, "average": True},
        {"learning_rate": "optimal", "alpha": 3.0},
        {"learning_rate": "optimal", "alpha": 0.1, "loss": "huber"},
        {"learning_rate": "constant", "average": 50},
    ],
    ids=str,
)
def test_scikit_learns_linear_models(options):
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(3)
    X = rng.standard_normal((STEPS, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.standard_normal(STEPS)
    model = linear_model.SGDRegressor(max_iter=1, tol=None, shuffle=False, **options).fit(X, y)
    alpha, huber = options.get("alpha", 1e-4), options.get("loss") == "huber"

    def gradient(theta, t):
        slope = X[t] @ theta[:3] + theta[3] - y[t]
        slope = np.clip(slope, -0.1, 0.1) if huber else slope
        return slope * np.append(X[t], 1.0) + alpha * np.append(theta[:3], 0.0)

    said = {name: value for name, value in options.items() if name != "loss"}
    theta = ours((gradient, np.zeros(4)), dialects.sklearn.SGD(**said))
    agree(theta, np.append(model.coef_, model.intercept_))


# --- What cannot be said --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, reason",
    [
        (lambda: dialects.torch.SGD(momentum=0.9, dampening=0.5), "first step is not dampened"),
        (lambda: dialects.torch.SGD(nesterov=True), "requires a momentum and zero dampening"),
        (lambda: dialects.torch.SGD(momentum=1.0), "at least 0 and below 1"),
        (lambda: dialects.torch.Adam(maximize=True), "minimise minus the function"),
        (lambda: dialects.torch.Adam(foreach=True), "changes how torch computes"),
        (lambda: dialects.torch.Adagrad(RATES, lr_decay=0.1), "multiply each other"),
        (lambda: dialects.torch.StepLR(dialects.torch.SGD(RATES), 3), "no number that could move"),
        (lambda: dialects.torch.StepLR(0.1, 3, last_epoch=5), "knows where it stands"),
        (lambda: dialects.torch.OneCycleLR(0.1, 1.0, total_steps=9), "momentum would move"),
        (lambda: dialects.torch.OneCycleLR(0.1, 1.0, cycle_momentum=False), "give total_steps"),
        (lambda: dialects.torch.CyclicLR(0.1, 0.0, 1.0, 5, 6, cycle_momentum=False), "as long"),
        (lambda: dialects.torch.CosineAnnealingLR(0.1, 5, eta_min=1.0), "above its top"),
        (lambda: dialects.optax.adam(0.1, mu_dtype="float32"), "float64 here"),
        (lambda: dialects.optax.adamw(0.1, mask=True), "all but intercepts"),
        (lambda: dialects.optax.amsgrad(0.1, bias_correction_nu=False), "both moments are"),
        (lambda: dialects.optax.adan(0.1), "they meet at 0.5"),
        (lambda: dialects.optax.adadelta(), "without a rate optax climbs"),
        (lambda: dialects.optax.rmsprop(0.1, initial_scale=1.0), "starts at 0"),
        (lambda: dialects.optax.schedule_free_sgd(RATES), "by the rate of the next one"),
        (lambda: dialects.keras.Adam(clipnorm=1.0), "clip_norm= of minimize"),
        (lambda: dialects.keras.SGD(use_ema=True), "gd.ExponentialAverage"),
        (lambda: dialects.keras.Lamb(weight_decay=0.1), "before the norm is taken"),
        (lambda: dialects.keras.ScheduleFreeAdamW(weight_decay=0.1), "decays y and not z"),
        (lambda: dialects.keras.PolynomialDecay(0.1, 5, cycle=True), "each period"),
        (lambda: dialects.keras.CosineDecayRestarts(0.1, 5, t_mul=1.5), "whole number"),
        (lambda: dialects.sklearn.SGD("adaptive"), "depends on the losses"),
        (lambda: dialects.sklearn.SGDOptimizer(lr_schedule="adaptive"), "depends on the losses"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(call, reason):
    with pytest.raises(ValueError, match=reason):
        call()


@pytest.mark.parametrize("library", ["keras", "optax", "sklearn", "torch"])
def test_names_that_are_not_there_say_why(library):
    dialect = getattr(dialects, library)
    for name, reason in dialect.REASONS.items():
        with pytest.raises(AttributeError) as caught:
            getattr(dialect, name)
        assert reason in str(caught.value)
    with pytest.raises(AttributeError, match="has no 'nonsense'"):
        _ = dialect.nonsense
    with pytest.raises(TypeError, match="no argument 'nonsense'"):
        dialects.keras.SGD(nonsense=1)


def test_what_is_not_shared_is_known(torch):
    # Whatever torch offers has a name here, or a reason.
    theirs = {name for name in dir(torch.optim) if isinstance(getattr(torch.optim, name), type)}
    library = torch.optim.lr_scheduler
    theirs |= {name for name in vars(library) if name.endswith(("LR", "Restarts", "Plateau"))}
    known = {*dialects.torch.__all__, *dialects.torch.REASONS}
    assert {name for name in theirs if not name.startswith("_")} - known == {"Optimizer"}


def test_a_repr_is_the_call_that_it_stands_for():
    made = dialects.torch.Adam(weight_decay=0.1, betas=(0.8, 0.99))
    assert repr(made) == (
        "CoupledDecay(optimizer=Adam(lr=0.001, beta1=0.8, beta2=0.99, eps=1e-08, eps_root=0.0, "
        "eps_hat=0.0, weight_decay=0.0), l2=0.1)"
    )
    for optimizer in (made, dialects.keras.SGD(0.1, momentum=0.5), dialects.optax.yogi(0.1)):
        assert eval(repr(optimizer), vars(gd)) == optimizer
    schedule = dialects.optax.warmup_cosine_decay_schedule(0.0, 0.1, 30, 150)
    assert eval(repr(schedule), vars(gd.schedules)) == schedule


def test_they_train_like_every_other():
    X, y = gd.datasets.load("breast-cancer")
    f = gd.LogisticRegression(X, y, l2=0.01, fit_intercept=True)
    dialect = dialects.torch
    opt = dialect.CosineAnnealingLR(dialect.Adam(0.01, weight_decay=1e-3), T_max=360)
    r = gd.minimize(f, opt, batch_size=32, epochs=20, seed=0)
    assert r.loss < 0.15
