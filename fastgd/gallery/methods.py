"""The pictures of networks, of descent and of its variants: 1 to 9."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import datasets, theory
from fastgd.gallery.registry import minimize, picture
from fastgd.objectives import LeastSquares, LogisticRegression, NeuralNetwork, Quadratic
from fastgd.optimizers import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSProp
from fastgd.plots import plot_network
from fastgd.plots.landscape import draw_arrow, draw_levels, draw_minimum, draw_path
from fastgd.plots.style import COLOURS, bare, circle, look, panels

Vector = NDArray[np.float64]

LENGTHS = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm")


@picture(
    1, "network", "A network and one neuron",
    "A trained network with two hidden layers (body mass of penguins by three lengths), and one of "
    "its neurons: it weighs what comes in, adds b and applies tanh.",
)  # fmt: skip
def _network_picture() -> Any:
    f = penguins(LENGTHS)
    f = NeuralNetwork(f.X, f.y, hidden=(4, 4), activation="tanh", loss="squared", l2=1e-3)
    theta = minimize(f, Adam(lr=0.02), batch_size=32, epochs=100, seed=0).theta
    figure, (left, right) = panels(2, width_ratios=(1.4, 1.0))
    plot_network(f, left, theta)
    left.set_title("thick: large weight, dashed: negative", loc="center")
    # The first neuron of the first layer: its row of W, and its entry of b.
    weights, bias = theta[:3], theta[12]
    bare(right, (-1.2, 3.4), (-1.8, 1.9))
    right.set_title("the first hidden neuron", loc="center")
    for y, name, weight in zip((1.2, 0.0, -1.2), LENGTHS, weights, strict=True):
        right.annotate("", (1.45, y * 0.14), (0.3, y), arrowprops={"arrowstyle": "-|>", "lw": 1.6})
        right.add_patch(circle((0.0, y), 0.28, COLOURS[5]))
        right.text(-0.4, y, "\n".join(name.split("_")[:2]), ha="right", va="center",
                   fontsize="small")  # fmt: skip
        right.text(0.8, y * 0.62, f"{weight:.2f}", ha="center", va="center", color=COLOURS[1],
                   bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})  # fmt: skip
    right.add_patch(circle((1.85, 0.0), 0.4, COLOURS[4]))
    right.text(1.85, 0.0, "Σ, a", ha="center", va="center", fontsize="small")
    right.annotate("", (1.85, 0.41), (1.85, 1.1), arrowprops={"arrowstyle": "-|>", "lw": 1.6})
    right.text(1.85, 1.2, f"b = {bias:.2f}", ha="center", color=COLOURS[1])
    right.annotate("", (2.9, 0.0), (2.27, 0.0), arrowprops={"arrowstyle": "-|>", "lw": 1.6})
    right.text(2.5, -0.75, "$a(w^T x + b)$", ha="center")
    return figure


@picture(
    2, "descent", "Descent at three rates",
    "Gradient descent on x² from x = -2: a small rate creeps, a larger one arrives, one near "
    "2/β = 1 swings across the valley.",
)  # fmt: skip
def _descent_picture() -> Any:
    f = Quadratic([[2.0]])
    figure, axes = panels(3, sharey=True)
    x = np.linspace(-2.3, 2.3, 200)
    for i, (ax, lr) in enumerate(zip(axes, (0.05, 0.3, 0.93), strict=True)):
        points = theory.path(minimize(f, SGD(lr=lr), [-2.0], steps=10))[:, 0]
        ax.plot(x, x**2, color="#999999", lw=1.5)
        ax.plot(points, points**2, marker="o", markersize=6, **look(i))
        ax.set(title=f"η = {lr:g}", xlabel="x")
    axes[0].set_ylabel("x²")
    return figure


@picture(
    3, "relu-network", "A loss that is not convex",
    "Two ReLU neurons fit (-1, -1) and (1, 1) exactly with θ¹ and with θ² = -θ¹, but not in "
    "between: this loss is not convex.",
)  # fmt: skip
def _relu_picture() -> Any:
    # θ is w¹, b¹ (two each), then w² (two) and b².
    f = NeuralNetwork([[-1.0], [1.0]], [-1.0, 1.0], hidden=(2,), activation="relu", loss="squared")
    first = np.array([1.0, -1.0, 0.0, 0.0, 1.0, -1.0, 0.0])
    figure, (left, right) = panels(2, width_ratios=(1.0, 1.4))
    plot_network(f, left, first)
    left.set_title("θ¹: weights 1, dashed: -1", loc="center")
    share = np.linspace(-0.15, 1.15, 201)
    losses = [f.value((1 - s) * first + s * -first) for s in share]
    right.plot(share, losses, **look(0))
    marks = np.array([0.0, 0.5, 1.0])
    right.plot(marks, [f.value((1 - 2 * s) * first) for s in marks], "o", color=COLOURS[1], ms=9)
    for s, text in zip(marks, ("θ¹", "(θ¹ + θ²)/2", "θ²"), strict=True):
        right.annotate(text, (s, f.value((1 - 2 * s) * first)), (0, 10),
                       textcoords="offset points", ha="center")  # fmt: skip
    right.set(xlabel="s, along (1-s) θ¹ + s θ²", ylabel="loss", ylim=(-0.1, 1.25))
    return figure


@picture(
    4, "batch", "The step of a batch",
    "Each observation of a batch pulls its own way, against the gradient of its own loss; the step "
    "goes along the mean of the five (body mass of penguins by bill and flipper length).",
)  # fmt: skip
def _batch_picture() -> Any:
    f = penguins()
    theta = np.array([-0.45, 0.2])
    batch = np.random.default_rng(4).integers(f.n_samples, size=5)
    pulls = -0.25 * f.sample_gradients(theta, batch)
    step = minimize(f, SGD(lr=0.25), theta, batch_size=5, steps=1, seed=4).theta - theta
    assert np.allclose(step, pulls.mean(axis=0))
    best = theory.optimum(f)
    figure, (ax,) = panels(1)
    corners = np.vstack([theta, theta + pulls, best.theta])
    draw_levels(ax, f, corners.min(axis=0), corners.max(axis=0))
    for i, pull in enumerate(pulls):
        draw_arrow(ax, theta, pull, COLOURS[0], 2.0, "$-\\nabla \\ell_i$" if i == 0 else None)
    draw_arrow(ax, theta, step, COLOURS[1], 4.5, "their mean: the step")
    ax.plot(*theta, "o", color="black", ms=9)
    draw_minimum(ax, best.theta)
    ax.annotate("$\\theta_t$", theta, (-16, -18), textcoords="offset points")
    ax.annotate("$\\theta^*$", best.theta, (10, 4), textcoords="offset points")
    ax.set(xlabel="weight of bill length", ylabel="weight of flipper length")
    ax.legend(loc="upper left", frameon=True)
    return figure


@picture(
    5, "momentum", "What momentum does to a path",
    "Single observations make plain descent stagger; momentum steps along an average of the "
    "gradients, so its path is smooth. The star is the minimum.",
)  # fmt: skip
def _momentum_picture() -> Any:
    f = penguins()
    figure, axes = panels(2, sharex=True, sharey=True)
    start = [-0.6, -0.5]
    for i, (ax, gamma) in enumerate(zip(axes, (0.0, 0.9), strict=True)):
        run = minimize(f, Momentum(lr=0.1, momentum=gamma), start, batch_size=1, steps=80, seed=1)
        best = theory.optimum(f).theta
        draw_levels(ax, f, np.array([-0.75, -0.65]), np.array([0.85, 1.35]))
        points = theory.path(run)
        ax.plot(points[:, 0], points[:, 1], marker=".", lw=1.6, ms=6, color=COLOURS[i])
        draw_minimum(ax, best)
        ax.set(title=f"γ = {gamma:g}", xlabel="weight of bill length")
    axes[0].set_ylabel("weight of flipper length")
    axes[0].legend(loc="lower right", frameon=True)
    return figure


@picture(
    6, "nesterov", "Nesterov's look-ahead, and what it gains",
    "Nesterov's method on x² + y²/2: it goes on to the look-ahead point (hollow) and from there "
    "along the gradient (left). With the same rate it is below plain descent from the third step "
    "on; it overshoots, so its loss does not fall at every step (right).",
)  # fmt: skip
def _nesterov_picture() -> Any:
    f = Quadratic(np.diag([2.0, 1.0]))
    optimizer, start = Nesterov(lr=0.12), np.array([1.6, 2.4])
    theta = start.copy()
    state = optimizer.init(theta, 8)
    points, aheads = [theta.copy()], []
    for _ in range(8):
        aheads.append(np.array(optimizer.point(theta, state)))
        optimizer.step(theta, f.gradient(aheads[-1]), state)
        points.append(theta.copy())
    figure, (ax, right) = panels(2)
    draw_levels(ax, f, np.array([-0.6, -0.3]), np.array([1.8, 2.5]))
    draw_path(ax, np.array(points), 0, "θ")
    for i, (before, ahead, after) in enumerate(zip(points, aheads, points[1:], strict=False)):
        label = None if i else "look-ahead point"
        ax.plot(*ahead, "o", mfc="white", mec=COLOURS[2], ms=8, mew=2, zorder=4, label=label)
        ax.plot(*zip(before, ahead, strict=True), ":", color=COLOURS[2], lw=1.6)
        ax.plot(*zip(ahead, after, strict=True), color=COLOURS[2], lw=1.2)
    draw_minimum(ax, [0.0, 0.0])
    ax.set(xlabel="x", ylabel="y", title="eight steps")
    ax.legend(loc="upper left", frameon=True, fontsize="small")
    for i, (label, rule) in enumerate(
        (("Nesterov, η = 0.12", optimizer), ("plain descent, η = 0.12", SGD(lr=0.12)))
    ):
        history = minimize(f, rule, start, steps=30, record_every=1).history
        right.plot(history["step"], history["loss"], label=label, **look(i))
    right.set(xlabel="step", ylabel="loss", yscale="log", title="thirty steps")
    right.legend(loc="upper right", fontsize="small")
    return figure


def _bowl(steps: int, start: list[float]) -> dict[str, Any]:
    f = Quadratic(np.diag([2.0, 6.0]))
    return {
        "AdaGrad, η = 0.8": minimize(f, AdaGrad(lr=0.8), start, steps=steps),
        "plain descent, η = 0.1": minimize(f, SGD(lr=0.1), start, steps=steps),
    }


@picture(
    7, "adagrad", "AdaGrad scales each coordinate",
    "Ten steps of AdaGrad on x² + 3y² from two starting points: it sees no difference between "
    "steep and flat directions; plain descent does. The star is the minimum.",
)  # fmt: skip
def _adagrad_picture() -> Any:
    f = Quadratic(np.diag([2.0, 6.0]))
    figure, axes = panels(2, sharey=True)
    for ax, start in zip(axes, ([2.0, 1.5], [-2.2, 0.5]), strict=True):
        # A square of the plane for a panel that is nearly square: no blank band.
        draw_levels(ax, f, np.array([-2.2, -2.2]), np.array([2.2, 2.2]))
        ax.set_aspect("equal")
        for i, (label, run) in enumerate(_bowl(10, start).items()):
            draw_path(ax, theory.path(run), i, label)
        draw_minimum(ax, [0.0, 0.0])
        ax.set(xlabel="x", title=f"$\\theta_0$ = ({start[0]:g}, {start[1]:g})")
    axes[0].set_ylabel("y")
    axes[0].legend(loc="lower left", frameon=True, fontsize="small")
    return figure


@picture(
    8, "adagrad-steps", "AdaGrad's rates shrink",
    "AdaGrad divides the rate by the root of the sum of all squared gradients: where these keep "
    "their size, what is left of the rate falls as 1/√t. RMSProp divides by the root of a mean of "
    "the latest ones, and its rate keeps its size too. Lines: the middle one of three weights "
    "(body mass of penguins by three lengths, single observations).",
)  # fmt: skip
def _adagrad_steps_picture() -> Any:
    f = penguins(LENGTHS)
    figure, (ax,) = panels(1)
    steps = np.arange(1, 2001)
    for i, optimizer in enumerate((AdaGrad(lr=0.1), RMSProp(lr=0.01))):
        moments = _second_moments(f, optimizer, len(steps), batch_size=1)
        rate = np.median(optimizer.lr / np.sqrt(moments), axis=1)
        label = f"{type(optimizer).__name__}, η = {optimizer.lr:g}"
        ax.plot(steps, rate, label=label, **look(i))
        if i == 0:
            guide = rate[-1] * np.sqrt(steps[-1] / steps)
    ax.plot(steps, guide, color="black", lw=1.2, ls=":", label="proportional to 1/√t")
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel=r"$\eta / \sqrt{G_t}$")
    ax.legend(loc="upper right")
    return figure


def _second_moments(f: Any, optimizer: Any, steps: int, batch_size: int) -> Vector:
    """G after each step of a run, a row a step."""
    theta, generator = np.zeros(f.n_params), np.random.default_rng(0)
    state, found = optimizer.init(theta), np.empty((steps, f.n_params))
    for t in range(steps):
        batch = generator.integers(f.n_samples, size=batch_size)
        optimizer.step(theta, f.gradient(theta, batch), state)
        found[t] = state.arrays["G"]
    return found


@picture(
    9, "second-moments", "What AdaGrad and RMSProp remember",
    "The norm of the accumulated squared gradients: AdaGrad's grows without end, RMSProp's follows "
    "the latest gradients (logistic regression, breast cancer, batches of 16).",
)  # fmt: skip
def _moments_picture() -> Any:
    f = cancer()
    figure, (ax,) = panels(1)
    for i, optimizer in enumerate((AdaGrad(lr=0.1), RMSProp(lr=0.01))):
        norms = np.linalg.norm(_second_moments(f, optimizer, 600, batch_size=16), axis=1)
        ax.plot(np.arange(1, 601), norms, label=type(optimizer).__name__, **look(i))
    ax.set(yscale="log", xlabel="step", ylabel="‖$G_t$‖")
    ax.legend(loc="center right")
    return figure


def penguins(names: Sequence[str] = ("bill_length_mm", "flipper_length_mm")) -> Any:
    data = datasets.load("penguins", "body_mass_g")
    columns = [data.feature_names.index(name) for name in names]
    y = (data.y - data.y.mean()) / data.y.std()
    return LeastSquares(np.ascontiguousarray(data.X[:, columns]), y)


def cancer(**options: Any) -> Any:
    X, y = datasets.load("breast-cancer")
    return LogisticRegression(X, y, **{"l2": 0.01, **options})
