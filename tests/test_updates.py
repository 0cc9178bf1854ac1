"""Every rule against the oracle, and what all rules have in common.

Agreement is ‖θ - θ_oracle‖ <= 1e-12 ‖θ_oracle‖ (Euclidean norm of the whole of θ) after 200 steps.
Rounding is about 1e-16 a step, so this holds where a run does not amplify it. AdaGrad, RMSProp,
Adam and Lion divide by, or take the sign of, what may be near zero: the data is Gaussian and the
steps are small enough that no coordinate comes to rest, where a gradient would be rounding noise
alone. (RMSProp at lr 0.002 does, with the full gradient of least squares: noise of 2e-16 in the
oracle's own gradient is 1.5e-5 in its θ by step 120, and 1e-16 at lr 0.0004, which is taken here.)
"""

import dataclasses
import inspect
import pickle
import tracemalloc

import numpy as np
import oracle
import pytest
from makers import optimizer

import fastgd as gd
from fastgd.core import update

STEPS = 200
SEED = 3

# For each entry: the rule, its rate, the hyperparameters given to both sides. A rule that is not
# here, such as a new one, is tried at RATE with its defaults.
RATE = 0.004
RULES = {
    "sgd": ("sgd", 0.05, {}),
    "momentum": ("momentum", 0.05, {}),
    "momentum-heavy-ball": ("momentum", 0.005, {"momentum": 0.8, "dampening": 0.0}),
    "momentum-dampened": ("momentum", 0.01, {"momentum": 0.7, "dampening": 0.3}),
    "nesterov": ("nesterov", 0.002, {}),
    "nesterov-constant": ("nesterov", 0.005, {"momentum": 0.8}),
    "nesterov-restart": ("nesterov", 0.02, {"restart": "gradient"}),
    "adagrad": ("adagrad", 0.05, {}),
    "rmsprop": ("rmsprop", 0.0004, {}),
    "adam-eps": ("adam", 0.004, {"eps": 1e-8, "eps_root": 0.0, "beta1": 0.8, "beta2": 0.99}),
    "lion": ("lion", 0.002, {}),
    "amsbound": ("amsbound", 0.001, {"final_ratio": 5.0, "gamma": 0.05}),
    "adabound": ("adabound", 0.001, {}),
    "adabelief": ("adabelief", 0.002, {"eps_root": 1e-8}),
    "adadelta": ("adadelta", 1.0, {}),
    "adan": ("adan", 0.002, {}),
    "rprop": ("rprop", 1e-4, {"grow": 1.01}),
    "schedulefreesgd": ("schedulefreesgd", 0.05, {}),
    "signum": ("signum", 0.002, {}),
    "ademamix": ("ademamix", 0.001, {"beta3": 0.99}),
    "ademamix-warmup": ("ademamix", 0.001, {"beta3": 0.999, "warmup": 150}),
    "adopt-unclipped": ("adopt", 0.002, {"clip": None, "beta2": 0.99}),
    "qhm": ("qhm", 0.05, {"momentum": 0.9}),
    "qhm-nesterov-inside": ("qhm", 0.05, {"momentum": 0.8, "nu": 0.8, "inside": 1.0}),
    "qhm-between": ("qhm", 0.05, {"momentum": 0.9, "inside": 0.4}),
    "adagrad-started": ("adagrad", 0.05, {"initial_accumulator": 0.1}),
    "rmsprop-centered": ("rmsprop", 0.0004, {"decay": 0.95, "centered": 1.0, "eps": 1e-3}),
    "rmsprop-momentum": ("rmsprop", 1e-4, {"momentum": 0.8, "inside": 1.0, "eps": 1e-3}),
    "adam-eps-hat": ("adam", 0.004, {"eps_hat": 1e-3}),
    "amsgrad-corrected": ("amsgrad", 0.004, {"corrected": 1.0, "eps_hat": 1e-3}),
    "amsgrad-between": ("amsgrad", 0.004, {"corrected": 0.5}),
    "nadam-decay": ("nadam", 0.004, {"momentum_decay": 0.1}),
    "radam-eps-hat": ("radam", 0.004, {"eps_hat": 1e-3}),
    "adamax-outside": ("adamax", 0.004, {"eps": 0.0, "eps_outside": 1e-3}),
    "yogi-started": ("yogi", 0.004, {"initial_accumulator": 1e-3}),
    "schedulefreesgd-alike": ("schedulefreesgd", 0.05, {"weight_power": 0.0}),
    "schedulefreeadamw-power": ("schedulefreeadamw", 0.004, {"weight_power": 1.5}),
    "coupleddecay": ("coupleddecay", 0.05, {"l2": 0.1}),
    # From a small first distance the difference to θ_0 has few digits.
    "dog": ("dog", 0.3, {"distance": 0.1}),
    "dowg": ("dowg", 0.1, {"distance": 0.1, "eps": 1e-4}),
    "prodigy": ("prodigy", 0.02, {"d0": 0.1}),
    "lookahead": ("lookahead", 0.05, {}),
    "polyakaverage": ("polyakaverage", 0.05, {"start": 20}),
    "exponentialaverage": ("exponentialaverage", 0.05, {"decay": 0.9}),
}
# What amplifies rounding from step to step, whatever its rate, has tests of fewer steps.
CHAOTIC = ("barzilaiborwein",)
RULES |= {
    rule: (rule, RATE, {}) for rule in oracle.rules if rule not in RULES and rule not in CHAOTIC
}
SCHEDULES = {
    "constant": lambda lr: (lr, {"lr": lr}),
    "inverse_time": lambda lr: (
        gd.schedules.inverse_time(lr, rate=0.01),
        {"lr": lr, "rate": 0.01},
    ),
    "cosine": lambda lr: (gd.schedules.cosine(lr), {"peak": lr}),
}
DRAWS = [
    *((size, sampling) for size in (1, 7, 32) for sampling in
      ("replacement", "shuffle", "sequential")),
    (None, "replacement"),
]  # fmt: skip
PENALTIES = [(0.0, 0.0), (0.1, 0.0), (0.0, 0.1)]


def agree(theta, expected):
    assert np.isfinite(expected).all()
    assert np.linalg.norm(theta - expected) <= 1e-12 * np.linalg.norm(expected)


def problem(name, l2=0.0, fit_intercept=False):
    """The same objective twice: fastgd's and the oracle's. 50 rows: no batch size divides it."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((50, 4))
    if name == "Quadratic":
        A = X.T @ X / 50
        return gd.Quadratic(A, X[0]), oracle.Quadratic(A, X[0])
    if name == "Function":
        functions = (lambda u: float(np.sum(np.cosh(u - 1))), lambda u: np.sinh(u - 1), 4)
        return gd.Function(*functions), oracle.Function(*functions)
    score = X @ [1.0, -1.0, 0.5, 2.0] + rng.standard_normal(50)
    y = {
        "LeastSquares": score,
        "LogisticRegression": (score > 0).astype(int),
        "SoftmaxRegression": np.digitize(score, [-1, 1]),
    }[name]
    return tuple(
        getattr(module, name)(X, y, l2=l2, fit_intercept=fit_intercept) for module in (gd, oracle)
    )


def start(objective):
    return np.random.default_rng(2).standard_normal(objective.n_params)


def test_every_optimizer_has_an_oracle():
    assert set(gd.optimizers.registry) == set(oracle.rules)


@pytest.mark.parametrize("rule", [rule for rule in oracle.rules if rule not in CHAOTIC])
def test_the_defaults_are_those_of_the_oracle(rule):
    fast, slow = problem("LogisticRegression", fit_intercept=True)
    theta0 = start(fast)
    opt = optimizer(rule)
    path = oracle.replay(slow, rule, theta0, STEPS, opt.lr, 7, seed=SEED)
    agree(gd.minimize(fast, opt, theta0, 7, steps=STEPS, seed=SEED).theta, path[-1])


# The course's rules on every draw; the others, whose kernels see the same gradients, on three.
COURSE = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lion")
RULES_AND_DRAWS = [
    (entry, *draw)
    for entry, (rule, _, _) in RULES.items()
    for draw in DRAWS
    if rule in COURSE or draw in [(1, "replacement"), (7, "shuffle"), (None, "replacement")]
]


@pytest.mark.parametrize("entry, batch_size, sampling", RULES_AND_DRAWS)
@pytest.mark.parametrize("name", ["LeastSquares", "LogisticRegression", "SoftmaxRegression"])
def test_runs_agree_with_the_oracle(entry, name, batch_size, sampling):
    rule, rate, hyperparameters = RULES[entry]
    for fit_intercept in (False, True):
        for l2, weight_decay in PENALTIES:
            fast, slow = problem(name, l2, fit_intercept)
            theta0 = start(fast)
            for schedule, make in SCHEDULES.items():
                lr, parameters = make(rate)
                opt = optimizer(rule, lr=lr, weight_decay=weight_decay, **hyperparameters)
                r = gd.minimize(fast, opt, theta0, batch_size, steps=STEPS, seed=SEED,
                                sampling=sampling, record_every=0)  # fmt: skip
                formula = oracle.schedules[schedule]
                rates = [formula(t, STEPS, **parameters) for t in range(STEPS)]
                path = oracle.replay(slow, rule, theta0, STEPS, rates, batch_size, sampling, SEED,
                                     weight_decay=weight_decay, **hyperparameters)  # fmt: skip
                agree(r.theta, path[-1])


@pytest.mark.parametrize("name", ["LeastSquares", "SoftmaxRegression", "Quadratic"])
@pytest.mark.parametrize("steps", ["long", "short"])
def test_barzilai_and_borwein_agree_with_the_oracle(name, steps):
    fast, slow = problem(name)
    theta0 = start(fast)
    # On a loss that is flat far away its long steps soon leave all numbers that mean anything.
    taken = 5 if name == "SoftmaxRegression" else 12
    for weight_decay in (0.0, 0.1):
        opt = gd.BarzilaiBorwein(0.01, steps=steps, weight_decay=weight_decay)
        path = oracle.replay(
            slow, "barzilaiborwein", theta0, taken, 0.01, steps=steps, weight_decay=weight_decay
        )
        agree(gd.minimize(fast, opt, theta0, steps=taken).theta, path[-1])
        theta = theta0.copy()
        state = opt.init(theta)
        for _ in range(taken):
            opt.step(theta, slow.gradient(theta), state)
        agree(theta, path[-1])


def test_without_a_secant_the_rate_stays():
    opt, theta = gd.BarzilaiBorwein(0.5), np.array([1.0])
    state = opt.init(theta)
    opt.step(theta, np.array([1.0]), state)
    opt.step(theta, np.array([2.0]), state)  # the gradient has grown against the step
    assert theta[0] == -0.5 and state.rate == 0.5


@pytest.mark.parametrize("name", ["Quadratic", "Function"])
@pytest.mark.parametrize("entry", RULES)
def test_runs_without_observations_agree_with_the_oracle(entry, name):
    rule, lr, hyperparameters = RULES[entry]
    fast, slow = problem(name)
    theta0 = start(fast)
    for weight_decay in (0.0, 0.1):
        opt = optimizer(rule, lr=lr, weight_decay=weight_decay, **hyperparameters)
        r = gd.minimize(fast, opt, theta0, steps=STEPS)
        path = oracle.replay(
            slow, rule, theta0, STEPS, lr, weight_decay=weight_decay, **hyperparameters
        )
        agree(r.theta, path[-1])


@pytest.mark.parametrize("rule", ["momentum", "nesterov"])
def test_momentum_may_be_a_schedule(rule):
    fast, slow = problem("LeastSquares")
    theta0, t = start(fast), np.arange(STEPS)
    opt = optimizer(rule, lr=0.005, momentum=gd.schedules.inverse_time(0.9, rate=0.01))
    path = oracle.replay(slow, rule, theta0, STEPS, 0.005, 7, seed=0, momentum=0.9 / (1 + 0.01 * t))
    agree(gd.minimize(fast, opt, theta0, 7, steps=STEPS, seed=0).theta, path[-1])


@pytest.mark.parametrize("entry", RULES)
def test_outside_gradients_take_the_same_steps(entry):
    rule, lr, hyperparameters = RULES[entry]
    fast, slow = problem("LogisticRegression")
    theta0 = start(fast)
    opt = optimizer(rule, lr=lr, weight_decay=0.1, **hyperparameters)
    theta = theta0.copy()
    state = opt.init(theta)
    for _ in range(STEPS):
        assert opt.step(theta, slow.gradient(opt.point(theta, state)), state) is None
    path = oracle.replay(slow, rule, theta0, STEPS, lr, weight_decay=0.1, **hyperparameters)
    agree(theta, path[-1])
    agree(gd.minimize(fast, opt, theta0, steps=STEPS).theta, theta)


@pytest.mark.parametrize("sampling", ["replacement", "shuffle", "sequential"])
@pytest.mark.parametrize("entry", RULES)
def test_the_same_seed_gives_the_same_bits_however_the_run_is_cut(entry, sampling):
    rule, lr, hyperparameters = RULES[entry]
    fast, _ = problem("SoftmaxRegression", l2=0.01, fit_intercept=True)
    opt = optimizer(rule, lr=gd.schedules.cosine(lr), **hyperparameters)
    thetas = [
        gd.minimize(fast, opt, batch_size=7, steps=STEPS, seed=5, sampling=sampling,
                    record_every=every).theta
        for every in (0, 0, 1, 3, 64, STEPS, None)
    ]  # fmt: skip
    for theta in thetas[1:]:
        assert np.array_equal(theta, thetas[0])


@pytest.mark.parametrize("rule", oracle.rules)
def test_an_optimizer_and_its_state_can_be_pickled(rule):
    opt = optimizer(rule, lr=0.01)
    again = pickle.loads(pickle.dumps(opt))
    assert again == opt and hash(again) == hash(opt)
    theta, g = np.array([1.0, -2.0, 3.0]), np.array([0.3, 0.1, -0.2])
    state = opt.init(theta)
    for _ in range(3):
        opt.step(theta, g, state)
    other, other_state = theta.copy(), pickle.loads(pickle.dumps(state))
    assert other_state.t == 3
    for _ in range(3):
        opt.step(theta, g, state)
        opt.step(other, g, other_state)
    assert np.array_equal(theta, other)


@pytest.mark.parametrize("rule", oracle.rules)
def test_a_docstring_has_formula_parameters_source_and_example(rule):
    text = gd.optimizers.registry[rule].__doc__
    for part in (".. math::", "Parameters\n", "Raises\n", "References\n", ">>> "):
        assert part in text
    for item in dataclasses.fields(gd.optimizers.registry[rule]):
        assert item.name in text


HYPERPARAMETERS = [
    (rule, item.name)
    for rule, made in gd.optimizers.registry.items()
    for item in dataclasses.fields(made)
    if item.name != "optimizer"
]


@pytest.mark.parametrize("rule, name", HYPERPARAMETERS)
@pytest.mark.parametrize(
    "value, error",
    [(-0.1, ValueError), (np.nan, ValueError), (np.inf, ValueError), (-np.inf, ValueError),
     ("fast", (TypeError, ValueError)), (True, TypeError), (1j, TypeError), ([0.1], TypeError)],
)  # fmt: skip
def test_a_bad_hyperparameter_is_refused_by_name(rule, name, value, error):
    if name in ("every", "start", "warmup"):  # whole numbers: a float is of the wrong type already
        error = (TypeError, ValueError)
    with pytest.raises(error, match=name):
        optimizer(rule, **{name: value})


@pytest.mark.parametrize("rule", ["lookahead", "polyakaverage", "exponentialaverage", "cautious"])
def test_a_rule_around_another_wants_an_optimizer(rule):
    for wrong in (0.1, "adam", gd.Adam, None):
        with pytest.raises(TypeError, match="optimizer"):
            gd.optimizers.registry[rule](wrong)


@pytest.mark.parametrize("inside, lr", [("nesterov", 0.002), ("adamw", 0.004), ("lamb", 0.002),
                                        ("adabound", 0.001), ("rprop", 1e-4)])  # fmt: skip
@pytest.mark.parametrize("penalty", [None, ("l1", 0.05)])
def test_caution_around_other_rules(inside, lr, penalty):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((50, 4))
    y = X @ [1.0, -1.0, 0.5, 2.0] + rng.standard_normal(50)
    fast = gd.LinearModel(X, y, penalty=penalty and gd.penalties.L1(0.05), fit_intercept=True)
    slow = oracle.LinearModel(X, y, ("squared",), penalty, fit_intercept=True)
    theta0 = start(fast)
    opt = gd.Cautious(optimizer(inside, lr=lr, weight_decay=0.1))
    kind = oracle.rules[inside]
    momentum = kind.default_momentum
    path = oracle.replay(slow, "cautious", theta0, STEPS, lr, 7, seed=SEED, inside=kind,
                         momentum=0.0 if momentum is None else momentum,
                         weight_decay=0.1)  # fmt: skip
    agree(gd.minimize(fast, opt, theta0, 7, steps=STEPS, seed=SEED).theta, path[-1])


def test_caution_wants_a_rule_that_goes_where_its_steps_lead():
    for wrong in (gd.Lookahead(), gd.Cautious(), gd.PolyakAverage(), gd.ScheduleFreeSGD(),
                  gd.ScheduleFreeAdamW()):  # fmt: skip
        with pytest.raises(TypeError, match="where its steps lead"):
            gd.Cautious(wrong)


def test_caution_hides_no_gradient_that_is_no_number():
    opt, theta = gd.Cautious(), np.ones(3)
    opt.step(theta, np.array([1.0, np.nan, -1.0]), opt.init(theta))
    assert np.isnan(theta[1])


def test_what_a_rule_in_python_raises_comes_out_of_rules_around_it():
    @dataclasses.dataclass(frozen=True)
    class Refuses(gd.optimizers.PythonRule):
        lr: float = 0.1
        weight_decay: float = 0.0

        def move(self, theta, gradient, state, t, lr, momentum):
            if t == 3:
                raise ArithmeticError("no fourth step")
            return theta - lr * gradient

    del gd.optimizers.registry["refuses"]
    for around in (gd.Lookahead, gd.PolyakAverage, gd.ExponentialAverage, gd.Cautious):
        opt, theta = around(Refuses()), np.ones(2)
        state = opt.init(theta)
        for _ in range(3):
            opt.step(theta, np.ones(2), state)
        before = theta.copy()
        with pytest.raises(ArithmeticError, match="no fourth step"):
            opt.step(theta, np.ones(2), state)
        assert state.t == 3 and np.array_equal(theta, before)
        with pytest.raises(ArithmeticError, match="no fourth step"):
            gd.minimize(gd.Quadratic(np.eye(2), [1.0, 2.0]), opt, steps=10)


def test_rules_around_rules():
    # The mean of the points of Lookahead around Adam, with its gradients where Adam wants them.
    fast, slow = problem("LogisticRegression", l2=0.1)
    theta0 = start(fast)
    opt = gd.PolyakAverage(gd.Lookahead(gd.Nesterov("1/beta"), every=3), start=5)
    r = gd.minimize(fast, opt, theta0, steps=50)
    rate = 1 / fast.smoothness()
    inner = oracle.rules["lookahead"](theta0, every=3, inside=oracle.rules["nesterov"])
    inner.weight_decay = 0.0
    inner.weights = slow.weights
    visited = [theta0]
    for t, gamma in enumerate(oracle.nesterov_momentum(50)):
        g = slow.gradient(inner.point(visited[-1], gamma))
        visited.append(inner.move(visited[-1], g, t, rate, gamma))
    agree(r.theta, np.mean(visited[6:], axis=0))


@pytest.mark.parametrize("rule, name", [p for p in HYPERPARAMETERS if p[1] in ("beta1", "beta2")])
def test_a_beta_of_one_is_refused(rule, name):
    with pytest.raises(ValueError, match=name):
        optimizer(rule, **{name: 1.0})


def test_momentum_is_at_most_one():
    with pytest.raises(ValueError, match="momentum"):
        gd.Momentum(momentum=1.01)
    fast, _ = problem("LeastSquares")
    with pytest.raises(ValueError, match="momentum"):
        gd.minimize(fast, gd.Momentum(momentum=gd.schedules.linear(0.5, 1.5)), steps=10)


@pytest.mark.parametrize(
    "theta, gradient, error",
    [
        ([1.0, 2.0], np.ones(2), TypeError),
        (np.ones(2, np.float32), np.ones(2), TypeError),
        (np.ones(2), np.ones(2, np.float32), TypeError),
        (np.ones(2), np.ones(3), ValueError),
        (np.ones(4)[::2], np.ones(2), ValueError),
        (np.ones((1, 2)), np.ones(2), TypeError),
    ],
)
def test_a_step_refuses_what_it_cannot_update_in_place(theta, gradient, error):
    opt = gd.Adam()
    with pytest.raises(error):
        opt.step(theta, gradient, opt.init(np.ones(2)))


def test_a_step_refuses_read_only_parameters_and_the_state_of_another():
    opt, theta = gd.Adam(), np.ones(2)
    theta.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        opt.step(theta, np.ones(2), opt.init(theta))
    with pytest.raises(ValueError, match="another optimizer"):
        opt.step(np.ones(2), np.ones(2), gd.Lion().init(np.ones(2)))


def test_adam_moves_by_lr_on_a_constant_gradient():
    opt, theta = gd.Adam(lr=0.01, eps_root=0.0), np.array([5.0, -5.0, 1.0])
    state, g = opt.init(theta), np.array([1e-3, -1.0, 1e3])
    for _ in range(300):
        before = theta.copy()
        opt.step(theta, g, state)
        np.testing.assert_allclose(before - theta, 0.01 * np.sign(g), rtol=1e-11)


def test_a_coordinate_without_a_gradient_does_not_move():
    # sign(0) = 0 for Lion; 0/0 in none of the others, thanks to eps or eps_root.
    for rule in oracle.rules:
        if rule == "coupleddecay":  # whose penalty is a gradient of its own
            continue
        opt, theta = optimizer(rule, weight_decay=0.0), np.array([2.0, -3.0])
        state = opt.init(theta)
        for _ in range(5):
            opt.step(theta, np.array([0.0, 1.0]), state)
        assert theta[0] == 2.0 and theta[1] < -3.0


def two_steps(make, l2, weight_decay):
    # ½ (θ - 1)² from θ = 2 as 1 observation of least squares x² (y/x - θ)² with x² = ½.
    x = np.sqrt(0.5)
    f = gd.LeastSquares([[x]], [x], l2=l2)
    return gd.minimize(f, make(weight_decay), [2.0], steps=2).theta[0]


def test_l2_and_weight_decay_agree_for_sgd_only():
    # η = 0.1, λ = 0.5, gradient g = θ - 1, worked by hand.
    #   SGD: 2 - 0.1 (1 + 1) = 1.8; 1.8 - 0.1 (0.8 + 0.9) = 1.63, either way.
    def sgd(weight_decay):
        return gd.SGD(0.1, weight_decay=weight_decay)

    assert two_steps(sgd, 0.5, 0.0) == pytest.approx(1.63, rel=1e-14)
    assert two_steps(sgd, 0.0, 0.5) == pytest.approx(1.63, rel=1e-14)

    # Momentum ½, l2: v = 1, θ = 1.9; v = ½ + ½ (0.9 + 0.95) = 1.425, θ = 1.7575.
    # Decay: v = ½, θ = 2 - 0.1 (½ + 1) = 1.85; v = ¼ + ½ 0.85 = 0.675,
    #   θ = 1.85 - 0.1 (0.675 + 0.925) = 1.69.
    def momentum(weight_decay):
        return gd.Momentum(0.1, momentum=0.5, weight_decay=weight_decay)

    assert two_steps(momentum, 0.5, 0.0) == pytest.approx(1.7575, rel=1e-14)
    assert two_steps(momentum, 0.0, 0.5) == pytest.approx(1.69, rel=1e-14)

    # Adam with β1 = 0, β2 = ½, ε = 0; l2: g = 2, θ = 1.9; g = 0.9 + 0.95 = 1.85,
    #   v̂ = (½ ½ 4 + ½ 1.85²)/(1 - ¼), θ = 1.9 - 0.1 · 1.85/√v̂.
    # Decay: g = 1, θ = 2 - 0.1 (1 + 1) = 1.8; g = 0.8, v̂ = (¼ + ½ 0.64)/(1 - ¼) = 0.76,
    #   θ = 1.8 - 0.1 (0.8/√0.76 + 0.9).
    def adam(weight_decay):
        return gd.Adam(0.1, beta1=0.0, beta2=0.5, eps_root=0.0, weight_decay=weight_decay)

    through = 1.9 - 0.1 * 1.85 / np.sqrt((1 + 1.85**2 / 2) / 0.75)
    decoupled = 1.8 - 0.1 * (0.8 / np.sqrt(0.76) + 0.9)
    assert two_steps(adam, 0.5, 0.0) == pytest.approx(through, rel=1e-14)
    assert two_steps(adam, 0.0, 0.5) == pytest.approx(decoupled, rel=1e-14)
    assert abs(through - decoupled) > 0.18


def test_the_intercept_is_not_decayed():
    # All targets are 0 and θ is 0 but for the intercept; its gradient is 0 where X is balanced.
    f = gd.LeastSquares([[1.0], [-1.0]], [3.0, 3.0], fit_intercept=True)
    r = gd.minimize(f, gd.SGD(0.1, weight_decay=0.5), [1.0, 3.0], steps=1)
    assert r.theta[1] == 3.0 and r.theta[0] == pytest.approx(1.0 - 0.1 * (2.0 + 0.5))


# --- What optimizers and the compiled states refuse ----------------------------------------------


@pytest.mark.parametrize("rule", oracle.rules)
def test_all_but_the_rate_goes_by_name(rule):
    made = gd.optimizers.registry[rule]
    first = "optimizer" if hasattr(made, "optimizer") else "lr"
    value = gd.SGD(0.1) if first == "optimizer" else 0.1
    assert made(value) == made(**{first: value})
    names = [item.name for item in dataclasses.fields(made) if item.name != first]
    rest = f"all else by name: {', '.join(names)}" if names else "nothing else"
    with pytest.raises(TypeError, match=f"takes {first} by position and {rest}"):
        made(value, 0.9)
    assert next(iter(inspect.signature(made).parameters)) == first


def swapped(theta):
    return theta.astype(theta.dtype.newbyteorder())


def shifted(theta):
    room = np.zeros(8 * len(theta) + 1, np.uint8)[1:].view(np.float64)
    room[:] = theta
    return room


@pytest.mark.parametrize(
    "spoil, error, message",
    [
        (swapped, TypeError, "byte order"),
        (np.ma.masked_equal, TypeError, "masked"),
        (shifted, ValueError, "contiguous|aligned"),
    ],
)
def test_what_a_step_would_misread_is_refused(spoil, error, message):
    opt, sound = gd.Nesterov(0.1), np.array([1.0, 2.0, 3.0])
    bad = spoil(sound, 2.0) if spoil is np.ma.masked_equal else spoil(sound)
    state = opt.init(sound)
    for call in (
        lambda: opt.step(bad, sound.copy(), state),
        lambda: opt.step(sound, bad, state),
        lambda: opt.point(bad, state),
    ):
        with pytest.raises(error, match=message):
            call()
    assert state.t == 0 and sound.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("apart", [-2, -1, 0, 1, 2, 3, -3])
def test_a_gradient_that_shares_memory_with_theta_is_refused(apart):
    room = np.arange(12.0)
    theta, g = room[4:7], room[4 + apart : 7 + apart]
    opt = gd.SGD(0.1)
    if abs(apart) < 3:
        with pytest.raises(ValueError, match="overlap"):
            opt.step(theta, g, opt.init(theta))
        assert np.array_equal(room, np.arange(12.0))
    else:
        expected = theta - 0.1 * g
        opt.step(theta, g, opt.init(theta))
        np.testing.assert_allclose(theta, expected, rtol=1e-15)


def test_a_state_refuses_what_it_cannot_work_with():
    opt = gd.Adam()
    kind = type(opt.init(np.ones(3)))
    for spans in ([(0, 100, True)], [(0, 2, True)], [(1, 3, True)], [(0, 2, True), (1, 3, False)],
                  [(0, 3, True), (3, 3, False)], [(-3, 3, True)], []):  # fmt: skip
        with pytest.raises(ValueError, match="without a gap"):
            kind(3, opt, spans)
    for wrong in (None, 0.1, gd.Adam, "adam"):
        with pytest.raises(TypeError, match="must be an Optimizer"):
            kind(3, wrong)
        with pytest.raises(TypeError, match="must be an Optimizer"):
            update.make(wrong, 3)
    with pytest.raises(ValueError, match="no parameters"):
        kind(0, opt)
    with pytest.raises(TypeError, match="initialised once"):
        kind(3, opt).__init__(3, opt)
    for steps, error in ((0, ValueError), (-5, ValueError), (2.0, TypeError), (True, TypeError)):
        with pytest.raises(error, match="steps"):
            opt.init(np.ones(3), steps)


@pytest.mark.parametrize("rule", ["adam", "lookahead"])
def test_a_state_that_is_refused_has_changed_nothing(rule):
    opt, theta = optimizer(rule), np.array([1.0, -2.0, 3.0])
    state = opt.init(theta)
    opt.step(theta, np.ones(3), state)
    saved = state.save()
    inside = saved["inner"] or saved
    spoilt = [
        None, {}, 3, saved | {"t": -1}, saved | {"t": 1.5}, saved | {"t": 1 << 63},
        saved | {"slots": saved["slots"][:, :2]}, saved | {"slots": saved["slots"] + 1j},
        saved | {"numbers": np.ones(9)}, saved | {"numbers": 5.0}, saved | {"slots": "many"},
        saved | {"inner": None if saved["inner"] else saved},
        *([saved | {"inner": inside | {"slots": np.ones((9, 3))}}] if saved["inner"] else []),
    ]  # fmt: skip
    for bad in spoilt:
        with pytest.raises(ValueError, match="saved state"):
            state.load(bad)
    again = state.save()
    assert again["t"] == 1 and np.array_equal(again["slots"], saved["slots"])
    state.load(saved)


# --- Schedules in steps of one's own -------------------------------------------------------------


@pytest.mark.parametrize("total", [None, 5000])
def test_own_steps_ask_a_schedule_for_many_at_once(total):
    asked = []

    def falling(t, total):
        asked.append((int(t[0]), int(t[-1]) + 1))
        return 0.1 / (1.0 + t)

    opt, theta = gd.SGD(falling), np.array([0.0])
    state, expected = opt.init(theta, total), 0.0
    for t in range(5000):
        opt.step(theta, np.array([-1.0]), state)
        expected += 0.1 / (1.0 + t)
    assert theta[0] == pytest.approx(expected, rel=1e-14)
    assert len(asked) < 12  # of them one by init
    assert total is None or asked[-1][1] == total


def test_own_steps_see_each_value_of_a_schedule_whatever_they_do():
    opt = gd.Momentum(gd.schedules.exponential(0.1, 0.99), momentum=gd.schedules.power(0.9, 0.1))
    rng = np.random.default_rng(0)
    theta, state = np.ones(3), opt.init(np.ones(3))
    path, states = [theta.copy()], [state.save()]
    gradients = rng.standard_normal((300, 3))
    for g in gradients:
        opt.step(theta, g, state)
        path.append(theta.copy())
        states.append(state.save())
    for t in (0, 63, 64, 65, 250, 3):  # back and forth
        state.load(states[t])
        again = path[t].copy()
        for i in range(t, min(t + 70, 300)):
            opt.step(again, gradients[i], state)
        assert np.array_equal(again, path[min(t + 70, 300)])


def test_own_steps_stop_where_a_schedule_makes_no_sense():
    opt, theta = gd.SGD(lambda t, total: np.where(t < 100, 0.1, -1.0)), np.zeros(1)
    state = opt.init(theta)
    for _ in range(100):
        opt.step(theta, np.array([-1.0]), state)
    for _ in range(2):  # and the state is free again
        with pytest.raises(ValueError, match="at least 0, but is -1.0 at step 100"):
            opt.step(theta, np.array([-1.0]), state)
    assert theta[0] == pytest.approx(10.0) and state.t == 100


def test_rates_of_different_lengths_are_refused():
    class Rates:
        def until(self, start, most):
            return start + most

        def over(self, start, stop):
            return np.ones(5), np.ones(3)

    opt, theta = gd.SGD(0.1), np.zeros(1)
    state = opt.init(theta)
    state.set_rates(0.1, 0.0, Rates())
    with pytest.raises(ValueError, match="5 rates and 3"):
        opt.step(theta, np.ones(1), state)


# --- Memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["sgd", "nesterov", "adam", "adan", "lookahead"])
def test_a_run_takes_the_memory_that_minimize_states(rule):
    d, opt = 200_000, optimizer(rule)
    f = gd.LeastSquares(np.zeros((3, d)), np.ones(3))
    state, vectors = opt.init(np.zeros(d)), 0
    while state is not None:
        vectors, state = vectors + len(state.arrays), state.inner
    gd.minimize(f, opt, batch_size=2, steps=1, seed=0)  # whatever is imported at a first run
    tracemalloc.start()
    try:
        gd.minimize(f, opt, batch_size=2, steps=20, seed=0, record_every=5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 6 + 2 * vectors < peak / (8 * d) < 8.2 + 3 * vectors


# --- Numbers that fall for ever ------------------------------------------------------------------


@pytest.mark.parametrize("rule", oracle.rules)
def test_no_state_holds_a_number_too_small_to_be_normal(rule):
    # The second coordinate has had a gradient, and has none for 9,000 steps.
    opt, theta = optimizer(rule), np.array([1.0, 1.0])
    state = opt.init(theta)
    g = np.array([1.0, 1.0])
    for t in range(9000):
        opt.step(theta, g, state)
        if t == 3:
            g[1] = 0.0
    least = np.finfo(float).tiny
    while state is not None:
        saved = state.save()
        for held in (saved["slots"], saved["numbers"]):
            assert not ((held != 0) & (np.abs(held) < least)).any()
        state = state.inner


# The oracle's mean of all points would cost steps² here; a sign can be felt however small the mean.
@pytest.mark.parametrize(
    "rule", [rule for rule in oracle.rules if rule not in ("polyakaverage", "signum")]
)
def test_a_coordinate_that_comes_back_after_long_agrees_with_the_oracle(rule):
    class Pulses:
        n, n_params, weights = None, 3, np.ones(3)

        def gradient(self, theta, batch=None):
            # The first without a pause; the others for a while at the start and at the end.
            self.t += 1
            on = np.array([1.0, self.t < 5 or self.t > 8900, self.t > 8950])
            return on * (np.sin(theta) + 0.3 * np.cos(np.arange(3) + self.t))

    f, start, rate = Pulses(), np.array([1.0, 0.5, -0.5]), 0.001
    f.t = -1
    path = oracle.replay(f, rule, start, 9000, rate)
    f.t, opt, theta = -1, optimizer(rule, lr=rate), start.copy()
    state = opt.init(theta)
    for _ in range(9000):
        opt.step(theta, f.gradient(opt.point(theta, state)), state)
    agree(theta, path[-1])


def test_a_sign_is_that_of_a_normal_number():
    # After one gradient of 1 the mean is 0.1 · 0.9ᵗ, and normal up to t = 6700.
    opt, theta = gd.Signum(1.0), np.zeros(1)
    state = opt.init(theta)
    for t in range(8000):
        opt.step(theta, np.array([1.0 if t == 0 else 0.0]), state)
    steps = int(np.log(np.finfo(float).tiny / 0.1) / np.log(0.9)) + 1
    assert theta[0] == -steps


def test_the_arithmetic_of_the_caller_is_left_as_it_was():
    least = np.finfo(float).tiny
    opt, theta = gd.Adam(), np.ones(2)
    opt.step(theta, np.ones(2), opt.init(theta))
    assert least / 4 * 2 == least / 2 > 0
    f = gd.Function(lambda u: float(u @ u), lambda u: 2 * u * (least / 4 * 4 / least), 2)
    theta = gd.minimize(f, gd.SGD(0.1), [1.0, 1.0], steps=3).theta
    np.testing.assert_allclose(theta, 0.8**3, rtol=1e-15)
    assert least / 4 * 2 == least / 2 > 0
