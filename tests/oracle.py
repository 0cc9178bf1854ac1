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


def _sign(y):
    return 2 * y - 1


# ℓ(z, y) and its derivative in z, with the parameters of the loss after y.
losses = {
    "squared": (lambda z, y: (y - z) ** 2, lambda z, y: -2 * (y - z)),
    "logistic": (
        lambda z, y: np.logaddexp(0, -_sign(y) * z),
        lambda z, y: -_sign(y) * np.exp(-np.logaddexp(0, _sign(y) * z)),
    ),
    "hinge": (
        lambda z, y: np.maximum(0, 1 - _sign(y) * z),
        lambda z, y: np.where(_sign(y) * z <= 1, -_sign(y), 0.0),
    ),
    "perceptron": (
        lambda z, y: np.maximum(0, -_sign(y) * z),
        lambda z, y: np.where(_sign(y) * z <= 0, -_sign(y), 0.0),
    ),
    "squared_hinge": (
        lambda z, y: np.maximum(0, 1 - _sign(y) * z) ** 2,
        lambda z, y: -2 * _sign(y) * np.maximum(0, 1 - _sign(y) * z),
    ),
    "modified_huber": (
        lambda z, y: np.where(
            _sign(y) * z >= -1, np.maximum(0, 1 - _sign(y) * z) ** 2, -4 * _sign(y) * z
        ),
        lambda z, y: np.where(
            _sign(y) * z >= -1, -2 * _sign(y) * np.maximum(0, 1 - _sign(y) * z), -4 * _sign(y)
        ),
    ),
    "huber": (
        lambda z, y, epsilon=1.35: np.where(
            np.abs(z - y) <= epsilon, (z - y) ** 2 / 2, epsilon * np.abs(z - y) - epsilon**2 / 2
        ),
        lambda z, y, epsilon=1.35: np.clip(z - y, -epsilon, epsilon),
    ),
    "pseudo_huber": (
        lambda z, y, epsilon=1.35: epsilon**2 * (np.sqrt(1 + ((z - y) / epsilon) ** 2) - 1),
        lambda z, y, epsilon=1.35: (z - y) / np.sqrt(1 + ((z - y) / epsilon) ** 2),
    ),
    "epsilon_insensitive": (
        lambda z, y, epsilon=0.1: np.maximum(0, np.abs(z - y) - epsilon),
        lambda z, y, epsilon=0.1: np.where(np.abs(z - y) > epsilon, np.sign(z - y), 0.0),
    ),
    "squared_epsilon_insensitive": (
        lambda z, y, epsilon=0.1: np.maximum(0, np.abs(z - y) - epsilon) ** 2,
        lambda z, y, epsilon=0.1: 2 * np.maximum(0, np.abs(z - y) - epsilon) * np.sign(z - y),
    ),
    "quantile": (
        lambda z, y, q=0.5: q * np.maximum(0, y - z) + (1 - q) * np.maximum(0, z - y),
        lambda z, y, q=0.5: np.where(z > y, 1 - q, np.where(z < y, -q, 0.0)),
    ),
    "poisson": (lambda z, y: np.exp(z) - y * z, lambda z, y: np.exp(z) - y),
    "gamma": (lambda z, y: z + y * np.exp(-z), lambda z, y: 1 - y * np.exp(-z)),
    "tweedie": (
        lambda z, y, p=1.5: np.exp((2 - p) * z) / (2 - p) - y * np.exp((1 - p) * z) / (1 - p),
        lambda z, y, p=1.5: np.exp((2 - p) * z) - y * np.exp((1 - p) * z),
    ),
    # Of all margins of a sample at once.
    "softmax": (
        lambda z, y: np.logaddexp.reduce(z, axis=1) - z[np.arange(len(y)), y.astype(int)],
        lambda z, y: SoftmaxRegression.slopes(type("K", (), {"n_outputs": z.shape[1]}), z,
                                              y.astype(int)),
    ),
}  # fmt: skip


# Ω(w), and the proximal step from u with the rate of each coordinate.
def _soft(u, cut):
    return np.sign(u) * np.maximum(0, np.abs(u) - cut)


penalties = {
    "l1": (lambda w, l1: l1 * np.sum(np.abs(w)), lambda u, rate, l1: _soft(u, rate * l1)),
    "elasticnet": (
        lambda w, strength, rho=0.5: (
            strength * (rho * np.sum(np.abs(w)) + (1 - rho) / 2 * np.sum(w**2))
        ),
        lambda u, rate, strength, rho=0.5: (
            _soft(u, rate * strength * rho) / (1 + rate * strength * (1 - rho))
        ),
    ),
    "box": (
        lambda w, low, high: 0.0 if np.all((low <= w) & (w <= high)) else math.inf,
        lambda u, rate, low, high: np.clip(u, low, high),
    ),
    "nonnegative": (
        lambda w: 0.0 if np.all(w >= 0) else math.inf,
        lambda u, rate: np.maximum(u, 0),
    ),
    "l2": (lambda w, l2: l2 / 2 * np.sum(w**2), None),  # by its gradient, not by a proximal step
}


class LinearModel(LinearObjective):
    """Any loss and penalty, each a name and its parameters, and sample weights w_i.

    F(θ) = Σ w_i ℓ_i/Σ w_i + Ω(w); a step on a batch uses the mean of n w_i/Σw ∇ℓ_i over it.
    """

    def __init__(
        self, X, y, loss, penalty=None, sample_weight=None, fit_intercept=False, n_outputs=None
    ):
        y = np.asarray(y, dtype=float)
        if n_outputs is None:
            n_outputs = (
                int(np.max(y)) + 1 if loss[0] == "softmax" else 1 if y.ndim == 1 else len(y[0])
            )
        super().__init__(X, y, 0.0, fit_intercept, n_outputs)
        self.loss, self.penalty = loss, penalty
        w = np.ones(self.n) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        self.w = self.n * w / w.sum()
        if penalty is not None and penalty[0] == "l2":
            self.l2 = penalty[1]

    def losses(self, margins, y):
        values, _ = losses[self.loss[0]]
        if self.loss[0] == "softmax":
            return values(margins, y)
        return np.sum(values(margins, y.reshape(len(y), -1), *self.loss[1:]), axis=1)

    def slopes(self, margins, y):
        _, slopes = losses[self.loss[0]]
        if self.loss[0] == "softmax":
            return slopes(margins, y)
        return slopes(margins, y.reshape(len(y), -1), *self.loss[1:])

    def value(self, theta, indices=None):
        rows = slice(None) if indices is None else indices
        found = self.losses(self.X[rows] @ self.columns(theta), self.y[rows])
        cost = 0.0
        if self.penalty is not None:
            cost = penalties[self.penalty[0]][0](theta[self.weights == 1], *self.penalty[1:])
        return np.mean(self.w[rows] * found) + cost

    def gradient(self, theta, indices=None):
        """Of the smooth part."""
        rows = slice(None) if indices is None else indices
        X, y = self.X[rows], self.y[rows]
        slopes = self.w[rows][:, None] * self.slopes(X @ self.columns(theta), y)
        return self.flat(X.T @ slopes / len(X)) + self.l2 * self.weights * theta

    def prox(self, theta, rate):
        """The proximal step of the weights, at one rate or at one for each coordinate."""
        if self.penalty is None or self.penalty[0] == "l2":
            return theta
        moved = penalties[self.penalty[0]][1](theta, rate, *self.penalty[1:])
        return np.where(self.weights == 1, moved, theta)


class NeuralNetwork:
    """A multilayer perceptron. θ is, layer by layer, W (out x in, row-major), then b."""

    # a(z) and a'(z)
    activations = {
        "relu": (lambda z: np.where(z > 0, z, 0.0), lambda z: np.where(z > 0, 1.0, 0.0)),
        "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
        "sigmoid": (
            lambda z: np.exp(-np.logaddexp(0, -z)),
            lambda z: np.exp(-np.logaddexp(0, -z) - np.logaddexp(0, z)),
        ),
        "identity": (lambda z: z, np.ones_like),
    }
    ends = {"squared": LeastSquares, "logistic": LogisticRegression, "softmax": SoftmaxRegression}

    def __init__(self, X, y, hidden=(16, 16), activation="relu", loss="logistic", l2=0.0):
        self.X, self.y = np.asarray(X, dtype=float), np.asarray(y)
        self.n, self.l2 = len(self.X), l2
        self.n_outputs = self.outputs(loss)
        self.sizes = [self.X.shape[1], *hidden, self.n_outputs]
        self.a, self.slope = self.activations[activation]
        self.end = self.ends.get(loss)
        ones = [
            [np.ones((rows, columns)), np.zeros(rows)]
            for columns, rows in zip(self.sizes[:-1], self.sizes[1:], strict=True)
        ]
        self.weights = self.flat(ones)
        self.n_params = len(self.weights)
        # Of each W and each b: what some rules measure as a whole.
        shapes = [np.size(part) for layer in ones for part in layer]
        self.masks = [
            np.repeat(np.arange(len(shapes)), shapes) == part for part in range(len(shapes))
        ]

    def outputs(self, loss):
        return int(np.max(self.y)) + 1 if loss == "softmax" else 1

    def flat(self, layers):
        return np.concatenate([np.ravel(part) for layer in layers for part in layer])

    def layers(self, theta):
        found = []
        for columns, rows in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            W, theta = theta[: rows * columns].reshape(rows, columns), theta[rows * columns :]
            b, theta = theta[:rows], theta[rows:]
            found.append((W, b))
        return found

    def forward(self, theta, X):
        """The sums z of each layer, and its inputs h."""
        sums, inputs = [], [X]
        for W, b in self.layers(theta):
            sums.append(inputs[-1] @ W.T + b)
            inputs.append(self.a(sums[-1]))
        return sums, inputs[:-1]

    def value(self, theta, indices=None):
        rows = slice(None) if indices is None else indices
        sums, _ = self.forward(theta, self.X[rows])
        loss = np.mean(self.end.losses(self, sums[-1], self.y[rows]))
        return loss + self.l2 / 2 * np.sum((self.weights * theta) ** 2)

    def end_slopes(self, sums, rows):
        return self.end.slopes(self, sums, self.y[rows])

    def gradient(self, theta, indices=None):
        rows = slice(None) if indices is None else indices
        X = self.X[rows]
        sums, inputs = self.forward(theta, X)
        delta = self.end_slopes(sums[-1], rows) / len(X)
        layers = self.layers(theta)
        found = []
        for k in range(len(layers) - 1, -1, -1):
            found.insert(0, (delta.T @ inputs[k], delta.sum(axis=0)))
            if k:
                delta = (delta @ layers[k][0]) * self.slope(sums[k - 1])
        return self.flat(found) + self.l2 * self.weights * theta


class LossNetwork(NeuralNetwork):
    """The same with any loss and penalty, each a name and its parameters, and sample weights."""

    def __init__(self, X, y, loss, penalty=None, sample_weight=None, **settings):
        self.model = LinearModel(X, y, loss, penalty, sample_weight)
        super().__init__(X, self.model.y, loss=None, **settings)
        self.penalty, self.l2 = penalty, self.model.l2
        self.w = self.model.w

    def value(self, theta, indices=None):
        rows = slice(None) if indices is None else indices
        sums, _ = self.forward(theta, self.X[rows])
        cost = 0.0
        if self.penalty is not None:
            cost = penalties[self.penalty[0]][0](theta[self.weights == 1], *self.penalty[1:])
        return np.mean(self.w[rows] * self.model.losses(sums[-1], self.y[rows])) + cost

    def outputs(self, loss):
        return self.model.n_outputs

    def end_slopes(self, sums, rows):
        return self.w[rows][:, None] * self.model.slopes(sums, self.y[rows])

    prox = LinearModel.prox


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
    decays_itself = False  # where not, the decay is the same for all rules: see `replay`

    # The rate of each coordinate in the last step, where it is not lr: a proximal step's metric.
    rate = None

    def __init__(self, theta):
        pass

    def prox(self, theta, rate):
        """The proximal step of the objective's penalty; `replay` sets it."""
        return theta

    def proximal(self, theta, lr):
        return self.prox(theta, lr if self.rate is None else self.rate)

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


class QHM(SGD):
    default_momentum = 0.999

    def __init__(self, theta, nu=0.7, inside=0.0):
        self.v, self.nu, self.inside = np.zeros_like(theta), nu, inside

    def move(self, theta, g, t, lr, momentum):
        self.v = momentum * self.v + (1 - momentum) * lr**self.inside * g
        return theta - lr * (1 - self.nu) * g - lr ** (1 - self.inside) * self.nu * self.v


class Nesterov(SGD):
    default_momentum = "nesterov"

    def __init__(self, theta, restart=None):
        self.previous, self.restart, self.since = theta, restart, 0

    def momentum_now(self, momentum):
        # The schedule begins anew after a restart; a constant stays.
        return nesterov_momentum(self.since + 1)[-1] if self.restart else momentum

    def point(self, theta, momentum):
        return theta + self.momentum_now(momentum) * (theta - self.previous)

    def move(self, theta, g, t, lr, momentum):
        self.ahead = self.point(theta, momentum)
        self.previous = theta
        return self.ahead - lr * g

    def proximal(self, theta, lr):
        theta = super().proximal(theta, lr)
        self.since += 1
        if self.restart and np.dot(self.ahead - theta, theta - self.previous) > 0:
            self.previous, self.since = theta, 0
        return theta


class AdaGrad(SGD):
    def __init__(self, theta, eps=1e-10, eps_root=0.0, initial_accumulator=0.0):
        self.G, self.eps, self.eps_root = np.zeros_like(theta), eps, eps_root
        self.G += initial_accumulator

    def move(self, theta, g, t, lr, momentum):
        self.G = self.G + g**2
        self.rate = lr / (np.sqrt(self.G + self.eps_root) + self.eps)
        return theta - lr * g / (np.sqrt(self.G + self.eps_root) + self.eps)


class RMSProp(SGD):
    default_momentum = 0.0

    def __init__(self, theta, decay=0.9, eps=0.0, eps_root=1e-16, centered=0.0, inside=0.0):
        self.G, self.m, self.v, self.decay = *np.zeros((3, len(theta))), decay
        self.eps, self.eps_root, self.centered, self.inside = eps, eps_root, centered, inside

    def move(self, theta, g, t, lr, momentum):
        self.G = self.decay * self.G + (1 - self.decay) * g**2
        self.m = self.decay * self.m + (1 - self.decay) * g
        root = np.sqrt(self.G - self.centered * self.m**2 + self.eps_root)
        self.rate = lr / (root + self.eps)
        self.v = momentum * self.v + lr**self.inside * g / (root + self.eps)
        return theta - lr ** (1 - self.inside) * self.v


class Adam(SGD):
    def __init__(self, theta, beta1=0.9, beta2=0.999, eps=0.0, eps_root=1e-16, eps_hat=0.0):
        self.m, self.v = np.zeros_like(theta), np.zeros_like(theta)
        self.beta1, self.beta2, self.eps, self.eps_root = beta1, beta2, eps, eps_root
        self.eps_hat = eps_hat

    def root(self, v_hat, t):
        """What the step divides by."""
        eps = self.eps + self.eps_hat / np.sqrt(1 - self.beta2 ** (t + 1))
        return np.sqrt(v_hat + self.eps_root) + eps

    def move(self, theta, g, t, lr, momentum):
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        m_hat = self.m / (1 - self.beta1 ** (t + 1))
        v_hat = self.v / (1 - self.beta2 ** (t + 1))
        self.rate = lr / self.root(v_hat, t)
        return theta - lr * m_hat / self.root(v_hat, t)


class AdamW(Adam):
    default_weight_decay = 0.01


class Lion(SGD):
    def __init__(self, theta, beta1=0.9, beta2=0.99):
        self.m, self.beta1, self.beta2 = np.zeros_like(theta), beta1, beta2

    def move(self, theta, g, t, lr, momentum):
        c = self.beta1 * self.m + (1 - self.beta1) * g
        self.m = self.beta2 * self.m + (1 - self.beta2) * g
        return theta - lr * np.sign(c)


# --- Beyond the course ---------------------------------------------------------------------------


class AMSGrad(Adam):
    def __init__(
        self, theta, beta1=0.9, beta2=0.999, eps=1e-8, eps_root=0.0, eps_hat=0.0, corrected=0.0
    ):
        super().__init__(theta, beta1, beta2, eps, eps_root, eps_hat)
        self.V, self.corrected = np.zeros_like(theta), corrected

    def moments(self, g, t):
        """m̂ and the v̂ that the step divides by."""
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        c = 1 - self.beta2 ** (t + 1)
        self.V = np.maximum(self.V, self.v / c**self.corrected)
        return self.m / (1 - self.beta1 ** (t + 1)), self.V / c ** (1 - self.corrected)

    def move(self, theta, g, t, lr, momentum):
        m_hat, v_hat = self.moments(g, t)
        self.rate = lr / self.root(v_hat, t)
        return theta - lr * m_hat / self.root(v_hat, t)


class AMSBound(AMSGrad):
    def __init__(self, theta, final_ratio=100.0, gamma=1e-3, **options):
        super().__init__(theta, **options)
        self.final_ratio, self.gamma = final_ratio, gamma

    def move(self, theta, g, t, lr, momentum):
        _, v_hat = self.moments(g, t)
        rate = lr / (1 - self.beta1 ** (t + 1)) / (np.sqrt(v_hat + self.eps_root) + self.eps)
        final, age = self.final_ratio * lr, self.gamma * (t + 1)
        self.rate = np.clip(rate, final * (1 - 1 / (age + 1)), final * (1 + 1 / age))
        return theta - self.rate * self.m


class AdaBound(AMSBound):
    def moments(self, g, t):
        self.V = np.zeros_like(g)  # the maximum with it is v itself
        return super().moments(g, t)


class AdaBelief(SGD):
    def __init__(self, theta, beta1=0.9, beta2=0.999, eps=1e-16, eps_root=1e-16):
        self.m, self.s = np.zeros_like(theta), np.zeros_like(theta)
        self.beta1, self.beta2, self.eps, self.eps_root = beta1, beta2, eps, eps_root

    def move(self, theta, g, t, lr, momentum):
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.s = self.beta2 * self.s + (1 - self.beta2) * (g - self.m) ** 2 + self.eps_root
        m_hat = self.m / (1 - self.beta1 ** (t + 1))
        s_hat = self.s / (1 - self.beta2 ** (t + 1))
        self.rate = lr / (np.sqrt(s_hat) + self.eps)
        return theta - lr * m_hat / (np.sqrt(s_hat) + self.eps)


class Adadelta(SGD):
    def __init__(self, theta, decay=0.9, eps_root=1e-6):
        self.G, self.D = np.zeros_like(theta), np.zeros_like(theta)
        self.decay, self.eps_root = decay, eps_root

    def move(self, theta, g, t, lr, momentum):
        self.G = self.decay * self.G + (1 - self.decay) * g**2
        ratio = np.sqrt(self.D + self.eps_root) / np.sqrt(self.G + self.eps_root)
        self.rate, step = lr * ratio, ratio * g
        self.D = self.decay * self.D + (1 - self.decay) * step**2
        return theta - lr * step


class NAdam(Adam):
    def __init__(self, theta, beta1=0.9, beta2=0.999, eps=1e-8, eps_root=0.0, momentum_decay=None):
        super().__init__(theta, beta1, beta2, eps, eps_root)
        self.momentum_decay, self.product = momentum_decay, 1.0

    def mu(self, t):
        """The momentum of step t, counted from 1."""
        if self.momentum_decay is None:
            return self.beta1
        return self.beta1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))

    def move(self, theta, g, t, lr, momentum):
        b1, b2 = self.beta1, self.beta2
        self.m = b1 * self.m + (1 - b1) * g
        self.v = b2 * self.v + (1 - b2) * g**2
        now, later = self.mu(t + 1), self.mu(t + 2)
        self.product *= now
        m_hat = later * self.m / (1 - self.product * later) + (1 - now) * g / (1 - self.product)
        v_hat = self.v / (1 - b2 ** (t + 1))
        self.rate = lr / (np.sqrt(v_hat + self.eps_root) + self.eps)
        return theta - lr * m_hat / (np.sqrt(v_hat + self.eps_root) + self.eps)


class RAdam(Adam):
    def __init__(
        self, theta, beta1=0.9, beta2=0.999, threshold=5.0, eps=1e-8, eps_root=0.0, eps_hat=0.0
    ):
        super().__init__(theta, beta1, beta2, eps, eps_root, eps_hat)
        self.threshold = threshold

    def move(self, theta, g, t, lr, momentum):
        b1, b2 = self.beta1, self.beta2
        self.m = b1 * self.m + (1 - b1) * g
        self.v = b2 * self.v + (1 - b2) * g**2
        m_hat, v_hat = self.m / (1 - b1 ** (t + 1)), self.v / (1 - b2 ** (t + 1))
        limit = 2 / (1 - b2) - 1
        rho = limit - 2 * (t + 1) * b2 ** (t + 1) / (1 - b2 ** (t + 1))
        if rho <= self.threshold:
            self.rate = None
            return theta - lr * m_hat
        r = math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
        self.rate = lr * r / self.root(v_hat, t)
        return theta - lr * r * m_hat / self.root(v_hat, t)


class Adamax(SGD):
    def __init__(self, theta, beta1=0.9, beta2=0.999, eps=1e-8, eps_outside=0.0):
        self.m, self.u = np.zeros_like(theta), np.zeros_like(theta)
        self.beta1, self.beta2, self.eps, self.eps_outside = beta1, beta2, eps, eps_outside

    def move(self, theta, g, t, lr, momentum):
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.u = np.maximum(self.beta2 * self.u, np.abs(g) + self.eps)
        self.rate = lr / (self.u + self.eps_outside)
        return theta - self.rate * self.m / (1 - self.beta1 ** (t + 1))


class Yogi(Adam):
    def __init__(
        self, theta, beta1=0.9, beta2=0.999, eps=1e-3, eps_root=0.0, initial_accumulator=0.0
    ):
        super().__init__(theta, beta1, beta2, eps, eps_root)
        self.m, self.v = self.m + initial_accumulator, self.v + initial_accumulator

    def move(self, theta, g, t, lr, momentum):
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.v - (1 - self.beta2) * np.sign(self.v - g**2) * g**2
        m_hat = self.m / (1 - self.beta1 ** (t + 1))
        v_hat = self.v / (1 - self.beta2 ** (t + 1))
        self.rate = lr / (np.sqrt(v_hat + self.eps_root) + self.eps)
        return theta - lr * m_hat / (np.sqrt(v_hat + self.eps_root) + self.eps)


class Adan(SGD):
    def __init__(self, theta, beta1=0.98, beta2=0.92, beta3=0.99, eps=1e-8, eps_root=0.0):
        self.m, self.d, self.n = (np.zeros_like(theta) for _ in range(3))
        self.betas, self.eps, self.eps_root = (beta1, beta2, beta3), eps, eps_root

    def move(self, theta, g, t, lr, momentum):
        b1, b2, b3 = self.betas
        change = g - self.previous if t > 0 else np.zeros_like(g)
        self.previous = g
        self.m = b1 * self.m + (1 - b1) * g
        self.d = b2 * self.d + (1 - b2) * change
        self.n = b3 * self.n + (1 - b3) * (g + b2 * change) ** 2
        m_hat, d_hat = self.m / (1 - b1 ** (t + 1)), self.d / (1 - b2 ** (t + 1))
        n_hat = self.n / (1 - b3 ** (t + 1))
        self.rate = lr / (np.sqrt(n_hat + self.eps_root) + self.eps)
        return theta - lr * (m_hat + b2 * d_hat) / (np.sqrt(n_hat + self.eps_root) + self.eps)


class LAMB(Adam):
    decays_itself = True

    def __init__(self, theta, beta1=0.9, beta2=0.999, eps=1e-6, eps_root=0.0):
        super().__init__(theta, beta1, beta2, eps, eps_root)

    def move(self, theta, g, t, lr, momentum):
        r = theta - super().move(theta, g, t, 1.0, momentum)
        r = r + self.weight_decay * self.weights * theta
        theta = theta.copy()
        for layer in self.layers:
            size, length = np.linalg.norm(theta[layer]), np.linalg.norm(r[layer])
            trust = size / length if size > 0 and length > 0 else 1.0
            theta[layer] -= lr * trust * r[layer]
            self.rate[layer] *= lr * trust  # what Adam's own move left: 1/(sqrt(v̂) + ε)
        return theta


class Rprop(SGD):
    def __init__(self, theta, shrink=0.5, grow=1.2, smallest=1e-6, largest=50.0):
        self.previous, self.size = np.zeros_like(theta), None
        self.shrink, self.grow, self.bounds = shrink, grow, (smallest, largest)

    def move(self, theta, g, t, lr, momentum):
        if self.size is None:
            self.size = np.full_like(theta, lr)
        turn = np.sign(g * self.previous)
        factor = np.where(turn > 0, self.grow, np.where(turn < 0, self.shrink, 1.0))
        self.size = np.clip(self.size * factor, *self.bounds)
        self.previous = np.where(turn < 0, 0.0, g)
        self.rate = self.size
        return theta - np.sign(self.previous) * self.size


class Signum(SGD):
    default_momentum = 0.9

    def __init__(self, theta):
        self.m = np.zeros_like(theta)

    def move(self, theta, g, t, lr, momentum):
        self.m = momentum * self.m + (1 - momentum) * g
        return theta - lr * np.sign(self.m)


class NadamW(NAdam):
    default_weight_decay = 0.01


class AdEMAMix(Adam):
    def __init__(
        self, theta, beta1=0.9, beta2=0.999, beta3=0.9999, alpha=5.0, warmup=0, eps=1e-8,
        eps_root=0.0,
    ):  # fmt: skip
        super().__init__(theta, beta1, beta2, eps, eps_root)
        self.slow = np.zeros_like(theta)
        self.beta3, self.alpha, self.warmup = beta3, alpha, warmup

    def move(self, theta, g, t, lr, momentum):
        alpha, b3 = self.alpha, self.beta3
        if self.warmup:  # the paper's schedulers, its t counted from 1
            f, start, end = (t + 1) / self.warmup, math.log(self.beta1), math.log(self.beta3)
            alpha = min(f * self.alpha, self.alpha)
            if f < 1:
                b3 = min(math.exp(start * end / ((1 - f) * end + f * start)), self.beta3)
        plain = super().move(theta, g, t, lr, momentum)
        self.slow = b3 * self.slow + (1 - b3) * g
        return plain - self.rate * alpha * self.slow


class ADOPT(SGD):
    def __init__(self, theta, beta1=0.9, beta2=0.9999, eps=1e-6, clip=0.25):
        self.m, self.beta1, self.beta2, self.eps, self.clip = 0.0, beta1, beta2, eps, clip

    def move(self, theta, g, t, lr, momentum):
        if t == 0:
            self.v, self.rate = g**2, np.zeros_like(theta)
            return theta
        size = np.maximum(np.sqrt(self.v), self.eps)
        scaled = g / size if self.clip is None else np.clip(g / size, -(t**self.clip), t**self.clip)
        self.m = self.beta1 * self.m + (1 - self.beta1) * scaled
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.rate = lr / size
        return theta - lr * self.m


class Found(SGD):
    """A plain step at a rate of the rule's own, decay and proximal step included."""

    decays_itself = True

    def move(self, theta, g, t, lr, momentum):
        self.rate = self.find(theta, g, t, lr)
        return theta - self.rate * (g + self.weight_decay * self.weights * theta)


class DoG(Found):
    def __init__(self, theta, distance=None, eps_root=1e-8):
        self.start, self.squares, self.eps_root = theta, [], eps_root
        self.r = 1e-6 * (1 + np.linalg.norm(theta)) if distance is None else distance

    def find(self, theta, g, t, lr):
        self.r = max(self.r, np.linalg.norm(theta - self.start))
        self.squares.append(np.sum(g**2))
        return lr * self.r / math.sqrt(sum(self.squares) + self.eps_root)


class DoWG(DoG):
    def __init__(self, theta, distance=None, eps=0.0):
        super().__init__(theta, distance)
        self.eps = eps

    def find(self, theta, g, t, lr):
        self.r = max(self.r, np.linalg.norm(theta - self.start))
        self.squares.append(self.r**2 * np.sum(g**2))
        return lr * self.r**2 / (math.sqrt(sum(self.squares)) + self.eps)


class BarzilaiBorwein(Found):
    def __init__(self, theta, steps="long"):
        self.steps, self.known = steps, None

    def find(self, theta, g, t, lr):
        rate = lr if t == 0 else self.rate
        if t > 0:
            s, y = theta - self.known[0], g - self.known[1]
            if s @ y > 0:
                rate = (s @ s) / (s @ y) if self.steps == "long" else (s @ y) / (y @ y)
        self.known = theta, g
        return rate


class Prodigy(SGD):
    decays_itself = True

    def __init__(self, theta, beta1=0.9, beta2=0.999, beta3=None, d0=1e-6, eps=1e-8):
        self.start, self.betas = theta, (beta1, beta2, math.sqrt(beta2) if beta3 is None else beta3)
        self.d, self.eps, self.a = d0, eps, 0.0
        self.m, self.v, self.s = (np.zeros_like(theta) for _ in range(3))

    def move(self, theta, g, t, lr, momentum):
        (b1, b2, b3), d = self.betas, self.d
        self.m = b1 * self.m + (1 - b1) * d * g
        self.v = b2 * self.v + (1 - b2) * d**2 * g**2
        self.a = b3 * self.a + lr * d**2 * g @ (self.start - theta)
        self.s = b3 * self.s + lr * d**2 * g
        if np.any(self.s):
            self.d = max(d, self.a / np.sum(np.abs(self.s)))
        scales = 1 / (np.sqrt(self.v) + self.d * self.eps)
        self.rate = lr * d * scales
        return theta - lr * d * (self.m * scales + self.weight_decay * self.weights * theta)


class ScheduleFreeSGD(SGD):
    """θ is the average x of the paper, z the point that moves."""

    decays_itself = True

    def __init__(self, theta, beta=0.9, weight_power=2.0):
        self.z, self.beta, self.weights_so_far, self.largest = theta, beta, [], 0.0
        self.weight_power = weight_power

    def point(self, theta, momentum):
        return (1 - self.beta) * self.z + self.beta * theta

    scales = None

    def proximal(self, theta, lr):
        return theta  # z has had it, before the average

    def direction(self, g, t):
        return g

    def move(self, theta, g, t, lr, momentum):
        y = self.point(theta, momentum)
        decay = self.weight_decay * self.weights * y
        self.z = self.z - lr * (self.direction(g, t) + decay)
        if self.scales is not None:
            self.rate = lr * self.scales
        self.z = self.prox(self.z, lr if self.rate is None else self.rate)
        self.largest = max(self.largest, lr)
        self.weights_so_far.append(self.largest**self.weight_power)
        c = self.weights_so_far[-1] / sum(self.weights_so_far)
        return (1 - c) * theta + c * self.z


class ScheduleFreeAdamW(ScheduleFreeSGD):
    def __init__(self, theta, beta1=0.9, beta2=0.999, eps=1e-8, eps_root=0.0, weight_power=2.0):
        super().__init__(theta, beta1, weight_power)
        self.v, self.beta2 = np.zeros_like(theta), beta2
        self.eps, self.eps_root = eps, eps_root

    def direction(self, g, t):
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        v_hat = self.v / (1 - self.beta2 ** (t + 1))
        self.scales = 1 / (np.sqrt(v_hat + self.eps_root) + self.eps)
        return g / (np.sqrt(v_hat + self.eps_root) + self.eps)


class Around(SGD):
    """A rule around another, `inner`, which decays its own iterate."""

    decays_itself = True
    inside = SGD

    def __init__(self, theta, inside=None, **options):
        self.inner, self.iterate = (inside or self.inside)(theta, **options), theta

    def point(self, theta, momentum):
        return self.inner.point(self.iterate, momentum)

    def step_inside(self, g, t, lr, momentum):
        decay = lr * self.weight_decay * self.weights * self.iterate
        self.iterate = self.inner.move(self.iterate, g, t, lr, momentum) - decay
        self.inner.prox = self.prox
        self.iterate = self.inner.proximal(self.iterate, lr)

    def proximal(self, theta, lr):
        return theta  # the inner rule has made it


class Lookahead(Around):
    inside = Momentum
    default_momentum = 0.9

    def __init__(self, theta, every=5, slow_step=0.5, **options):
        super().__init__(theta, **options)
        self.slow, self.every, self.slow_step = theta, every, slow_step

    def move(self, theta, g, t, lr, momentum):
        self.step_inside(g, t, lr, momentum)
        if (t + 1) % self.every == 0:
            self.slow = self.slow + self.slow_step * (self.iterate - self.slow)
            self.iterate = self.slow
        return self.iterate


class CoupledDecay(Around):
    inside = Momentum
    default_momentum = 0.9

    def __init__(self, theta, l2=0.01, **options):
        super().__init__(theta, **options)
        self.l2 = l2

    def move(self, theta, g, t, lr, momentum):
        point = self.inner.point(self.iterate, momentum)
        self.step_inside(g + self.l2 * self.weights * point, t, lr, momentum)
        return self.iterate


class Cautious(SGD):
    inside = Momentum
    default_momentum = 0.9

    def __init__(self, theta, inside=None, **options):
        self.inner = (inside or self.inside)(theta, **options)
        self.inner.weight_decay = 0.0

    def point(self, theta, momentum):
        return self.inner.point(theta, momentum)

    def move(self, theta, g, t, lr, momentum):
        self.inner.weights, self.inner.layers = self.weights, self.layers
        move = self.inner.move(theta, g, t, lr, momentum) - theta
        self.rate = self.inner.rate
        taken = np.zeros_like(theta)
        for layer in self.layers:
            along = move[layer] * g[layer] < 0
            taken[layer] = np.where(along, move[layer], 0.0) * len(along) / (np.sum(along) + 1)
        return theta + taken


class PolyakAverage(Around):
    def __init__(self, theta, start=0, **options):
        super().__init__(theta, **options)
        self.start, self.visited = start, []

    def move(self, theta, g, t, lr, momentum):
        self.step_inside(g, t, lr, momentum)
        self.visited.append(self.iterate)
        return np.mean(self.visited[self.start :] or self.visited[-1:], axis=0)


class ExponentialAverage(Around):
    def __init__(self, theta, decay=0.99, **options):
        super().__init__(theta, **options)
        self.decay = decay

    def move(self, theta, g, t, lr, momentum):
        self.step_inside(g, t, lr, momentum)
        return self.decay * theta + (1 - self.decay) * self.iterate


rules = {
    rule.__name__.lower(): rule
    for rule in (
        SGD, Momentum, Nesterov, AdaGrad, RMSProp, Adam, AdamW, Lion, AMSGrad, AMSBound, AdaBound,
        AdaBelief, Adadelta, NAdam, RAdam, Adamax, Yogi, Adan, LAMB, Rprop, ScheduleFreeSGD,
        ScheduleFreeAdamW, Lookahead, PolyakAverage, ExponentialAverage, Signum, NadamW, AdEMAMix,
        ADOPT, Cautious, DoG, DoWG, BarzilaiBorwein, Prodigy, QHM, CoupledDecay,
    )
}  # fmt: skip

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
    objective, rule, theta0, steps, /, lr, batch_size=None, sampling="replacement", seed=None,
    momentum=None, weight_decay=None, **hyperparameters,
):  # fmt: skip
    """θ_0, θ_1, ..., θ_T as rows. `lr` and `momentum` are numbers or arrays, one entry a step.

    Where the objective has a penalty with a proximal step, it follows the step of the rule.

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
    update.weight_decay, update.weights = weight_decay, objective.weights
    update.layers = getattr(objective, "masks", [objective.weights == 1, objective.weights == 0])
    if hasattr(objective, "prox"):
        update.prox = objective.prox
    path = [theta]
    for t, batch in enumerate(batches(objective.n, batch_size, steps, sampling, seed)):
        g = objective.gradient(update.point(theta, momentum[t]), batch)
        decay = 0.0 if update.decays_itself else lr[t] * weight_decay * objective.weights * theta
        theta = update.move(theta, g, t, lr[t], momentum[t]) - decay
        theta = update.proximal(theta, lr[t])
        path.append(theta)
    return np.array(path)


def stationarity(path, gradients, lr, momentum, dampening, record_every):
    """The fluctuation-dissipation ratio at each record of the run that took these steps.

    Both sides step by step: Σ θ·g over Σ (1+γ)/(2η(1-δ)) ‖θ' - θ‖², over the steps from the last
    record at or before the half.
    """
    ratios = []
    for end in range(0, len(path), record_every):
        first = end // 2 // record_every * record_every
        one = other = 0.0
        for k in range(first, end):
            one += path[k] @ gradients[k]
            moved = path[k + 1] - path[k]
            other += (1 + momentum[k]) / (2 * lr[k] * (1 - dampening[k])) * (moved @ moved)
        ratios.append(one / other if end > first else math.nan)
    return np.array(ratios)


# --- Reduced variance ----------------------------------------------------------------------------


def replay_reduced(
    objective, rule, theta0, steps, lr, sampling="replacement", seed=None, weight_decay=0.0
):
    """θ_0, ..., θ_T of "SAGA" or loopless "SVRG", whose anchor moves where row 0 is drawn.

    Whole gradients of each sample, none of them put off.
    """
    n, lr = objective.n, np.broadcast_to(lr, steps)

    def of_samples(theta):
        slopes = objective.slopes(objective.X @ objective.columns(theta), objective.y)
        weights = getattr(objective, "w", np.ones(n))
        return np.array(
            [w * objective.flat(np.outer(x, s)) for w, x, s in zip(weights, objective.X, slopes,
                                                                   strict=True)]
        )  # fmt: skip

    theta = np.array(theta0, dtype=float)
    known = of_samples(theta)
    path = [theta]
    drawn = np.ravel(batches(n, 1, steps, sampling, seed))
    for t, i in enumerate(drawn):
        now = of_samples(theta)
        g = now[i] - known[i] + known.mean(axis=0)
        if rule == "SAGA":
            known[i] = now[i]
        elif i == 0:
            known = now
        g = g + (objective.l2 + weight_decay) * objective.weights * theta
        theta = theta - lr[t] * g
        if hasattr(objective, "prox"):
            theta = objective.prox(theta, lr[t])
        path.append(theta)
    return np.array(path)


# --- Rates by the loss ---------------------------------------------------------------------------


def replay_searching(
    objective, rule, theta0, steps, lr, batch_size=None, sampling="replacement", seed=None,
    weight_decay=0.0, optimum=None, least=0.0, c=1.0, slope=0.1, shrink=0.8, grow=2.0,
):  # fmt: skip
    """θ_0, ..., θ_T of "PolyakStep" or "Armijo", and the rates a_t that they took."""
    lr, theta = np.broadcast_to(lr, steps), np.array(theta0, dtype=float)
    path, rates = [theta], []
    share = 1.0 if batch_size is None else batch_size / objective.n
    whole = batch_size is None or batch_size == objective.n
    for t, batch in enumerate(batches(objective.n, batch_size, steps, sampling, seed)):
        value, g = objective.value(theta, batch), objective.gradient(theta, batch)
        if rule == "Armijo":
            rate = lr[t] if t == 0 else min(lr[t], grow**share * rates[-1])
            for _ in range(100):
                if objective.value(theta - rate * g, batch) <= value - slope * rate * (g @ g):
                    break
                rate = rate * shrink
        else:
            goal = least if optimum is None else optimum
            if optimum is None and whole:
                if t == 0:
                    best, below = value, (value - least) / 2
                elif value > best - below:
                    below = 0.9 * below
                best = min(best, value)
                goal = max(least, best - below)
            rate = min(lr[t], max(value - goal, 0.0) / (c * (g @ g)))
        rates.append(rate)
        theta = theta - rate * (g + weight_decay * objective.weights * theta)
        path.append(theta)
    return np.array(path), np.array(rates)
