"""The oracle: any run replayed in plain NumPy, as the textbook has it, without fastgd.

Each optimizer of fastgd has an entry in `rules` under the same name, and each is written again from
its formula. Slow and clear is right here: what is fast is judged by it.
"""

import math

import numpy as np

# --- Objectives: L(θ) = 1/n Σ ℓ_i(θ) + λ/2 ‖w‖², the intercepts not penalised ---------------------


class LinearObjective:
    """Base of the losses of x·w (+ b): θ is w, then b. A subclass has `losses` and `slopes`."""

    def __init__(self, X, y, l2=0.0, fit_intercept=False, n_outputs=1):
        X = np.asarray(X, dtype=float)
        self.X = np.column_stack([X, np.ones(len(X))]) if fit_intercept else X
        self.y = np.asarray(y)
        self.n, self.l2, self.n_outputs = len(X), l2, n_outputs
        self.fit_intercept = fit_intercept
        self.n_params = n_outputs * self.X.shape[1]
        # 1 for weights, 0 for intercepts: what l2 and weight decay apply to.
        self.weights = np.ones(self.n_params)
        if fit_intercept:
            self.weights[n_outputs * X.shape[1] :] = 0.0

    def columns(self, theta):
        """θ as a (d', K) matrix, the intercepts as its last row."""
        if not self.fit_intercept:
            return theta.reshape(self.n_outputs, -1).T
        W = theta[: -self.n_outputs].reshape(self.n_outputs, -1)
        return np.vstack([W.T, theta[-self.n_outputs :]])

    def flat(self, columns):
        """The inverse of `columns`."""
        if not self.fit_intercept:
            return columns.T.ravel()
        return np.concatenate([columns[:-1].T.ravel(), columns[-1]])

    def value(self, theta, indices=None):
        rows = slice(None) if indices is None else indices
        loss = np.mean(self.losses(self.X[rows] @ self.columns(theta), self.y[rows]))
        return loss + self.l2 / 2 * np.sum((self.weights * theta) ** 2)

    def gradient(self, theta, indices=None):
        rows = slice(None) if indices is None else indices
        X, y = self.X[rows], self.y[rows]
        mean = X.T @ self.slopes(X @ self.columns(theta), y) / len(X)
        return self.flat(mean) + self.l2 * self.weights * theta

    def sample_gradients(self, theta):
        """∇ℓ_i(θ) for each i, without the l2 term: (n, n_params)."""
        slopes = self.slopes(self.X @ self.columns(theta), self.y)
        return np.array([self.flat(np.outer(x, s)) for x, s in zip(self.X, slopes, strict=True)])


class LeastSquares(LinearObjective):
    def losses(self, margins, y):
        return (y - margins[:, 0]) ** 2

    def slopes(self, margins, y):
        return -2 * (y[:, None] - margins)


class LogisticRegression(LinearObjective):
    def losses(self, margins, y):
        # -ln sigmoid(z) = ln(1 + e^-z), and for y = 0 the same of -z.
        return np.logaddexp(0, np.where(y == 1, -margins[:, 0], margins[:, 0]))

    def slopes(self, margins, y):
        return np.exp(-np.logaddexp(0, -margins)) - y[:, None]


class SoftmaxRegression(LinearObjective):
    def __init__(self, X, y, l2=0.0, fit_intercept=False):
        super().__init__(X, y, l2, fit_intercept, n_outputs=int(np.max(y)) + 1)

    def losses(self, margins, y):
        return np.logaddexp.reduce(margins, axis=1) - margins[np.arange(len(y)), y]

    def slopes(self, margins, y):
        p = np.exp(margins - margins.max(axis=1, keepdims=True))
        p = p / p.sum(axis=1, keepdims=True)
        return p - np.eye(self.n_outputs)[y]


class Quadratic:
    n = None

    def __init__(self, A, b=None):
        self.A = np.asarray(A, dtype=float)
        self.n_params = len(self.A)
        self.b = np.zeros(self.n_params) if b is None else np.asarray(b, dtype=float)
        self.weights = np.ones(self.n_params)

    def value(self, theta, indices=None):
        return theta @ self.A @ theta / 2 - self.b @ theta

    def gradient(self, theta, indices=None):
        return self.A @ theta - self.b


class Function:
    n = None

    def __init__(self, value, gradient, n_params):
        self._value, self._gradient = value, gradient
        self.n_params, self.weights = n_params, np.ones(n_params)

    def value(self, theta, indices=None):
        return self._value(theta)

    def gradient(self, theta, indices=None):
        return self._gradient(theta)


# --- Update rules. `move` returns the next θ; t counts from 0; η is lr and γ is momentum at t -----


class SGD:
    default_momentum = None

    def __init__(self, theta):
        pass

    def point(self, theta, momentum):
        """Where the gradient is to be taken."""
        return theta

    def move(self, theta, g, t, lr, momentum):
        return theta - lr * g


class Momentum(SGD):
    default_momentum = 0.9

    def __init__(self, theta, dampening=None):
        self.v, self.dampening = np.zeros_like(theta), dampening

    def move(self, theta, g, t, lr, momentum):
        dampening = momentum if self.dampening is None else self.dampening
        self.v = momentum * self.v + (1 - dampening) * g
        return theta - lr * self.v


class Nesterov(SGD):
    default_momentum = "nesterov"

    def __init__(self, theta):
        self.previous = theta

    def point(self, theta, momentum):
        return theta + momentum * (theta - self.previous)

    def move(self, theta, g, t, lr, momentum):
        ahead = self.point(theta, momentum)
        self.previous = theta
        return ahead - lr * g


class AdaGrad(SGD):
    def __init__(self, theta, eps=1e-10, eps_root=0.0):
        self.G, self.eps, self.eps_root = np.zeros_like(theta), eps, eps_root

    def move(self, theta, g, t, lr, momentum):
        self.G = self.G + g**2
        return theta - lr * g / (np.sqrt(self.G + self.eps_root) + self.eps)


class RMSProp(SGD):
    def __init__(self, theta, decay=0.9, eps=0.0, eps_root=1e-16):
        self.G, self.decay = np.zeros_like(theta), decay
        self.eps, self.eps_root = eps, eps_root

    def move(self, theta, g, t, lr, momentum):
        self.G = self.decay * self.G + (1 - self.decay) * g**2
        return theta - lr * g / (np.sqrt(self.G + self.eps_root) + self.eps)


class Adam(SGD):
    def __init__(self, theta, beta1=0.9, beta2=0.999, eps=0.0, eps_root=1e-16):
        self.m, self.v = np.zeros_like(theta), np.zeros_like(theta)
        self.beta1, self.beta2, self.eps, self.eps_root = beta1, beta2, eps, eps_root

    def move(self, theta, g, t, lr, momentum):
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        m_hat = self.m / (1 - self.beta1 ** (t + 1))
        v_hat = self.v / (1 - self.beta2 ** (t + 1))
        return theta - lr * m_hat / (np.sqrt(v_hat + self.eps_root) + self.eps)


class AdamW(Adam):
    default_weight_decay = 0.01


class Lion(SGD):
    def __init__(self, theta, beta1=0.9, beta2=0.99):
        self.m, self.beta1, self.beta2 = np.zeros_like(theta), beta1, beta2

    def move(self, theta, g, t, lr, momentum):
        c = self.beta1 * self.m + (1 - self.beta1) * g
        self.m = self.beta2 * self.m + (1 - self.beta2) * g
        return theta - lr * np.sign(c)


rules = {
    rule.__name__.lower(): rule
    for rule in (SGD, Momentum, Nesterov, AdaGrad, RMSProp, Adam, AdamW, Lion)
}

# --- Schedules, one value at a time ---------------------------------------------------------------

schedules = {
    "constant": lambda t, T, lr: lr,
    "inverse_time": lambda t, T, lr, rate: lr / (1 + rate * t),
    "power": lambda t, T, lr, exponent: lr * (1 + t) ** -exponent,
    "step": lambda t, T, lr, factor, every: lr * factor ** (t // every),
    "exponential": lambda t, T, lr, ratio: lr * ratio**t,
    "cosine": lambda t, T, peak, floor=0.1: (
        peak * (floor + (1 - floor) * (1 + math.cos(math.pi * min(t, T) / T)) / 2)
    ),
}


def nesterov_momentum(steps):
    """γ_0 .. γ_{T-1} of Nesterov's schedule, from y_0 = 0."""
    y, gammas = 0.0, []
    for _ in range(steps):
        following = (1 + math.sqrt(1 + 4 * y**2)) / 2
        gammas.append((y - 1) / following)
        y = following
    return np.array(gammas)


# --- Sampling ------------------------------------------------------------------------------------


def batches(n, batch_size, steps, sampling, seed):
    """The indices of each step; None stands for the whole data set."""
    if batch_size is None:
        return [None] * steps
    rng = np.random.default_rng(seed)
    if sampling == "replacement":
        return list(rng.integers(n, size=(steps, batch_size)))
    drawn = []
    while len(drawn) < steps:
        order = rng.permutation(n) if sampling == "shuffle" else np.arange(n)
        drawn += [order[first : first + batch_size] for first in range(0, n, batch_size)]
    return drawn[:steps]


# --- The run -------------------------------------------------------------------------------------


def replay(
    objective, rule, theta0, steps, lr, batch_size=None, sampling="replacement", seed=None,
    momentum=None, weight_decay=None, **hyperparameters,
):  # fmt: skip
    """θ_0, θ_1, ..., θ_T as rows. `lr` and `momentum` are numbers or arrays, one entry a step.

    Weight decay is decoupled: - η_t λ θ_t on the weights, whatever the rule, never through a moment
    and never at a look-ahead point.
    """
    if weight_decay is None:
        weight_decay = getattr(rules[rule], "default_weight_decay", 0.0)
    if momentum is None:
        momentum = rules[rule].default_momentum
    if isinstance(momentum, str):
        momentum = nesterov_momentum(steps)
    momentum = np.zeros(steps) if momentum is None else np.broadcast_to(momentum, steps)
    lr = np.broadcast_to(lr, steps)
    theta = np.array(theta0, dtype=float)
    update = rules[rule](theta, **hyperparameters)
    path = [theta]
    for t, batch in enumerate(batches(objective.n, batch_size, steps, sampling, seed)):
        g = objective.gradient(update.point(theta, momentum[t]), batch)
        decay = lr[t] * weight_decay * objective.weights * theta
        theta = update.move(theta, g, t, lr[t], momentum[t]) - decay
        path.append(theta)
    return np.array(path)
