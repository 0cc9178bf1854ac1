"""Pictures of optimizers and schedules for their pages, from real runs, drawn at each build."""

from __future__ import annotations

import inspect
import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import fastgd as gd

FOLDER = pathlib.Path(__file__).resolve().parent / "_static" / "drawn"
# x² + 3y² from (-2, 1), as in the course; the rates are what makes a path worth looking at.
BOWL = gd.Quadratic([[2.0, 0.0], [0.0, 6.0]])
RATES = {"SGD": 0.1, "Momentum": 0.2, "Nesterov": 0.02, "ScheduleFreeSGD": 0.2, "Adadelta": 20.0,
         "Lion": 0.1, "LAMB": 0.1, "Lookahead": 0.3, "PolyakAverage": 0.1,
         "ExponentialAverage": 0.1, "Adan": 0.2, "Signum": 0.1, "Cautious": 0.2}  # fmt: skip


def optimizer_picture(kind: type) -> pathlib.Path:
    """Forty steps of a rule, beside plain descent."""
    name = kind.__name__
    if kind.__module__.endswith(".reduced"):
        return reduced_picture(kind)
    parameters = inspect.signature(kind).parameters
    default = getattr(parameters.get("lr"), "default", None)
    # A rule that finds its own rate has the factor 1 as its default.
    rate = RATES.get(name, default if default == 1.0 else 0.3)
    if "optimizer" in parameters:
        # So short a run wants a shorter memory than 100 steps.
        options = {"decay": 0.9} if kind is gd.ExponentialAverage else {}
        rule = kind(gd.Momentum(lr=rate), **options)
    elif "optimum" in parameters:
        rule = kind(optimum=0.0)
    elif "distance" in parameters:
        rule = kind(distance=0.2)  # so short a run cannot wait until it has grown
    else:
        rule = kind(lr=rate) if default is not None else kind()
    told = f"{name}, lr {rate:g}" if default is not None and rate != 1.0 else name
    if "optimizer" in parameters:
        told = f"{name}(Momentum), lr {rate:g}"
    beside = rate if name == "Nesterov" else 0.1
    runs = {f"SGD, lr {beside:g}": gd.SGD(lr=beside)} | {told: rule}
    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    x, y = np.meshgrid(np.linspace(-2.4, 1.6, 120), np.linspace(-1.3, 1.3, 80))
    axes.contour(x, y, x**2 + 3 * y**2, levels=[0.1, 0.5, 1, 2, 4, 7], colors="0.8", linewidths=0.8)
    for label, one in runs.items():
        run = gd.Run(BOWL, one, theta0=[-2.0, 1.0], steps=40, record_every=0)
        path = [run.theta]
        while run.step < 40:
            path.append(run.advance(1).theta)
        path = np.array(path)
        axes.plot(path[:, 0], path[:, 1], ".-", linewidth=1, markersize=4, label=label)
    axes.set(xlim=(-2.4, 1.6), ylim=(-1.3, 1.3), title="40 steps on x² + 3y²")
    axes.legend(fontsize=8)
    return _save(figure, name)


def reduced_picture(kind: type) -> pathlib.Path:
    """A rule that needs rows, beside SGD at a constant rate, which has a floor."""
    X, y = gd.datasets.load("breast-cancer")
    f = gd.LogisticRegression(X, y, l2=0.1)
    best = gd.theory.optimum(f).loss
    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    for label, one in {"SGD, lr 0.01": gd.SGD(lr=0.01), kind.__name__: kind()}.items():
        r = gd.minimize(f, one, batch_size=1, epochs=40, seed=0)
        epochs = r.history["step"] / len(y)
        excess = np.maximum(r.history["loss"] - best, 1e-15)  # what float64 can tell from F*
        axes.semilogy(epochs, excess, label=label)
    axes.set(xlabel="epoch", ylabel="F(θ) - F*", title="Logistic regression, one row a step")
    axes.legend(fontsize=8)
    return _save(figure, kind.__name__)


SCHEDULES = {
    "constant": lambda s: s.constant(0.1),
    "inverse_time": lambda s: s.inverse_time(0.1, 0.01),
    "power": lambda s: s.power(0.3, 0.5),
    "step": lambda s: s.step(0.1, 0.5, 250),
    "exponential": lambda s: s.exponential(0.1, 0.995),
    "linear": lambda s: s.linear(0.1, 0.0),
    "cosine": lambda s: s.cosine(0.1),
    "warmup": lambda s: s.warmup(100, then=s.cosine(0.1)),
    "triangular": lambda s: s.triangular(0.01, 0.1, 125),
    "sgdr": lambda s: s.sgdr(0.0, 0.1, 150, 2),
    "nesterov": lambda s: s.nesterov(),
    "wsd": lambda s: s.wsd(0.1, warmup=50, cooldown=0.2),
    "one_cycle": lambda s: s.one_cycle(0.1),
    "bottou": lambda s: s.bottou(0.1, 100.0),
    "invscaling": lambda s: s.invscaling(0.3),
    "scaled": lambda s: 2.0 * s.sgdr(0.0, 0.1, 150, 2),
    "custom": lambda s: s.custom(lambda t, total: 0.1 * np.exp(-t / 200) * (1 + np.sin(t / 20))),
}


def schedule_picture(name: str) -> pathlib.Path:
    """A schedule as a run recorded it, and what it makes of the loss beside a constant rate."""
    X, y = gd.datasets.load("breast-cancer")
    f = gd.LogisticRegression(X, y, l2=0.1)
    best = gd.theory.optimum(f).loss
    schedule = SCHEDULES[name](gd.schedules)
    moves_momentum = name == "nesterov"
    rules = {"constant": gd.SGD(lr=0.1), name: gd.SGD(lr=schedule)}
    if moves_momentum:
        rules = {"without": gd.SGD(lr=0.01), name: gd.Nesterov(lr=0.01, momentum=schedule)}
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
    for label, rule in rules.items():
        batch = None if moves_momentum else 1
        r = gd.minimize(f, rule, batch_size=batch, steps=1000, seed=0, record_every=5)
        step = r.history["step"]
        if not moves_momentum and label == name:
            left.plot(step[:-1], r.history["lr"][:-1], color="C1")
        right.semilogy(step, r.history["loss"] - best, label=label)
    if moves_momentum:
        left.plot(np.arange(1, 1000), schedule.values(np.arange(1, 1000), 1000), color="C1")
    left.set(xlabel="step", ylabel="γ" if moves_momentum else "η", title=name, ylim=(0, None))
    right.set(xlabel="step", ylabel="F(θ) - F*", title="Logistic regression")
    right.legend(fontsize=8)
    return _save(figure, name)


def front() -> plt.Figure:
    """The picture of README and of the first page: losses, and a theorem beside a run."""
    X, y = gd.datasets.load("breast-cancer")
    f = gd.LogisticRegression(X, y, l2=0.01)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2), layout="constrained")
    rules = {"SGD": gd.SGD(lr=0.1), "Momentum": gd.Momentum(lr=0.1), "Adam": gd.Adam(lr=0.01)}
    best = gd.theory.optimum(f)
    for name, opt in rules.items():
        r = gd.minimize(f, opt, batch_size=32, steps=360, seed=0, record_every=5)
        left.semilogy(r.history["step"], r.history["loss"] - best.loss, label=name)
    left.set(xlabel="step", ylabel="F(θ) - F*", title="Losses of three optimizers")
    r = gd.minimize(f, gd.Nesterov(lr="1/beta"), steps=300, record_every=1)
    t = r.history["step"][1:]
    distance = float(np.linalg.norm(best.theta))  # R, since θ_0 = 0
    right.loglog(t, gd.theory.theorem_5(f.smoothness(), distance, t), "--", label="theorem 5")
    right.loglog(t, r.history["loss"][1:] - best.loss, label="Nesterov, η = 1/β")
    right.set(xlabel="step", ylabel="F(θ) - F*", title="What a theorem promises, and the run")
    for axes in (left, right):
        axes.legend(fontsize=8)
    return figure


def _save(figure, name: str) -> pathlib.Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.png"
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)
    return path


def add_picture(app, what, name, one, options, lines):
    """Put the picture under the first paragraph and the formula of a rule or a schedule."""
    short = name.rpartition(".")[2]
    if not inspect.isclass(one):
        return
    if issubclass(one, gd.Optimizer) and one is not gd.Optimizer:
        path = optimizer_picture(one)
    elif name.startswith("fastgd.schedules.") and short in SCHEDULES:
        path = schedule_picture(short)
    else:
        return
    sections = (".. rubric", ":Parameters")
    starts = (i for i, line in enumerate(lines) if line.startswith(sections))
    place = next(starts, len(lines))
    lines[place:place] = ["", f".. image:: /_static/drawn/{path.name}", f"   :alt: {short}", ""]


if __name__ == "__main__":  # README's copy
    front().savefig(pathlib.Path(__file__).resolve().parent / "front.png", dpi=90)


def setup(app):
    # After numpydoc, which has turned the docstring into reStructuredText by then.
    app.connect("autodoc-process-docstring", add_picture, priority=900)
