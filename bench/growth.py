"""The second table and its picture: how fastgd's cost grows with n, d, the batch, non-zeros,
outputs, layers, the length of a run and threads."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench import data
from bench.chart import COLOURS
from bench.harness import OURS, Case, Contender, Missing, measure, show

SECONDS = 0.25  # a case
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "growth.svg"


def _case(grows: str, value: str, build: Callable, units: int, unit: str, **more) -> Case:
    return Case(grows, value, {OURS: Contender(build, units)}, unit=unit, **more)


def _sgd(f, steps):
    import fastgd as gd

    return lambda units: (
        lambda: gd.minimize(f, gd.SGD(lr=0.01), batch_size=1, steps=steps, seed=0, record_every=0)
    )


def _samples(quick: bool) -> Iterator[Case]:
    import fastgd as gd

    for n in (10**3, 10**4, 10**5, 10**6, 10**7)[: 4 if quick else 5]:
        X, y = data.synthetic(n, 10)
        f, steps = gd.LogisticRegression(X, y), min(n, 200_000)
        yield _case("n (d = 10)", f"{n:.0e}", _sgd(f, steps), steps, "sample, SGD")
        theta = np.zeros(10)
        yield _case(
            "n (d = 10)",
            f"{n:.0e}",
            lambda units, f=f, theta=theta: lambda: f.gradient(theta),
            n,
            "sample, full gradient",
            bytes=80.0,
        )
        data.forget()


def _features(quick: bool) -> Iterator[Case]:
    import fastgd as gd

    for d in (4, 32, 256, 2048, 16384, 100_000)[: 5 if quick else 6]:
        n = max(100, min(100_000, 2 * 10**7 // d))
        X, y = data.synthetic(n, d)
        f = gd.LogisticRegression(X, y)
        steps = max(200, min(50_000, 5 * 10**7 // d))
        name = f"{d} (n = {n})"
        yield _case("d", name, _sgd(f, steps), steps, "sample, SGD")
        theta = np.zeros(d)
        yield _case(
            "d",
            name,
            lambda units, f=f, theta=theta: lambda: f.gradient(theta),
            n,
            "sample, full gradient",
            bytes=8.0 * d,
        )
        data.forget()


def _outputs(quick: bool) -> Iterator[Case]:
    import fastgd as gd

    X, _ = data.synthetic(20_000, 64)
    for count in (2, 8, 32, 128):
        f = gd.SoftmaxRegression(X, np.arange(20_000) % count)
        steps = max(50, 8000 // count)
        yield _case(
            "outputs (softmax, d = 64, batch 32)",
            str(count),
            _steps(f, gd.SGD(lr=0.01), steps),
            steps,
            "step, SGD",
        )


def _layers(quick: bool) -> Iterator[Case]:
    import fastgd as gd

    X, y = data.synthetic(10_000, 16)
    for count in (1, 2, 4, 8, 16):
        f = gd.NeuralNetwork(X, y, hidden=(16,) * count)
        steps = max(50, 2000 // count)
        yield _case(
            "hidden layers (16 wide, batch 32)",
            str(count),
            _steps(f, gd.Adam(), steps),
            steps,
            "step, Adam",
        )


def _lengths(quick: bool) -> Iterator[Case]:
    """Whole runs, with what a call costs: rows of which nine in ten columns hold nothing."""
    import fastgd as gd

    X, y = data.synthetic(10_000, 50)
    X = X.copy()
    X[:, 5:] = 0.0
    f = gd.LogisticRegression(X, y)
    for steps in (10**3, 10**4, 10**5, 10**6)[: 3 if quick else 4]:
        for name in ("SGD", "Momentum", "Adam"):
            rule = getattr(gd, name)(lr=0.01)
            yield _case(
                "steps of a run (batch 1, d = 50)",
                f"{steps:.0e}",
                _steps(f, rule, steps, batch_size=1),
                steps,
                f"step, {name}",
            )


def _steps(f, rule, steps, batch_size=32):
    import fastgd as gd

    return lambda units: (
        lambda: gd.minimize(f, rule, batch_size=batch_size, steps=steps, seed=0, record_every=0)
    )


def _batch(quick: bool) -> Iterator[Case]:
    import fastgd as gd

    n = 100_000
    X, y = data.synthetic(n, 54)
    f = gd.LogisticRegression(X, y)
    for batch_size in (1, 4, 16, 64, 256, 1024, 8192, n):
        steps = max(3, 200_000 // batch_size)
        yield _case(
            "batch (100000×54, Adam)",
            str(batch_size),
            lambda units, size=batch_size, steps=steps: (
                lambda: gd.minimize(
                    f, gd.Adam(), batch_size=size, steps=steps, seed=0, record_every=0
                )
            ),
            steps * batch_size,
            "sample",
        )


def _nonzeros(quick: bool) -> Iterator[Case]:
    import scipy.sparse as sp

    import fastgd as gd

    n, d = 20_000, 47_000
    rng = np.random.default_rng(0)
    for count in (5, 20, 75, 300):
        columns = np.sort(rng.integers(d, size=(n, count)), axis=1).astype(np.int32)
        values = rng.standard_normal(n * count)
        X = sp.csr_array((values, columns.ravel(), np.arange(n + 1) * count), shape=(n, d))
        X.sum_duplicates()
        y = rng.integers(2, size=n).astype(np.float64)
        try:
            f = gd.LogisticRegression(X, y, l2=1e-5)
        except (TypeError, ValueError) as error:
            raise Missing("it takes no CSR data yet") from error
        yield _case("non-zeros a row (20000×47000 CSR)", str(count), _sgd(f, n), n, "sample, SGD")


def _age(quick: bool) -> Iterator[Case]:
    """Nine tenths of the coordinates have no gradient any more: their moments fall for ever."""
    import fastgd as gd

    theta, gradient = np.ones(1000), np.random.default_rng(0).standard_normal(1000)
    for optimizer in (gd.Momentum(1e-3), gd.Adam(1e-3)):
        for age in (1000, 60_000):

            def late(units, optimizer=optimizer, age=age):
                now, g = theta.copy(), gradient.copy()
                state = optimizer.init(now)
                optimizer.step(now, g, state)
                g[100:] = 0.0
                for _ in range(age - 1):
                    optimizer.step(now, g, state)

                def run():
                    for _ in range(units):
                        optimizer.step(now, g, state)

                return run

            name = type(optimizer).__name__
            yield _case("steps taken before (d = 1000)", f"{age}, {name}", late, 1000, "step")


def _threads(quick: bool) -> Iterator[Case]:
    import fastgd as gd

    n = 400_000
    X, y = data.synthetic(n, 54)
    f = gd.LogisticRegression(X, y)
    theta = np.zeros(54)
    for threads in (1, 2):

        def runs(units, threads=threads):
            def one(seed):
                gd.minimize(f, gd.SGD(), batch_size=1, steps=100_000, seed=seed, record_every=0)

            def run():
                with ThreadPoolExecutor(threads) as pool:
                    list(pool.map(one, range(4)))

            return run

        yield _case("threads, four runs at once", str(threads), runs, 400_000, "sample, SGD")
    if "n_threads" not in inspect.signature(gd.minimize).parameters:
        raise Missing("minimize has no n_threads yet")
    for threads in (1, 2):
        yield _case(
            "threads, one full-batch run",
            str(threads),
            lambda units, threads=threads: (
                lambda: gd.minimize(f, gd.SGD(), theta, steps=5, n_threads=threads, record_every=0)
            ),
            5 * n,
            "sample",
            bytes=8.0 * 54,
        )


PARTS = (_samples, _features, _batch, _nonzeros, _outputs, _layers, _lengths, _age, _threads)


def table(quick: bool, picture: Path | None = None) -> str:
    """The growth table in Markdown, and its picture."""
    text = [
        "## How the cost grows",
        "",
        "Logistic regression, one thread unless said. `bytes/s` is what a unit must read of X.",
        "",
        "| grows | to | cost | of one | bytes/s |",
        "| --- | ---: | ---: | --- | ---: |",
    ]
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for part in PARTS:
        try:
            for case in part(quick):
                measured = measure(case, SECONDS)
                cost = measured.median(OURS)
                if cost is None:
                    raise Missing(measured.missing[OURS])
                rate = f"{case.bytes / cost / 1e9:.1f} GB" if case.bytes else ""
                cells = (case.row, case.name, show(cost), case.unit, rate)
                text.append("| " + " | ".join(cells) + " |")
                label = case.unit.rpartition(", ")[2]
                if part is _age:
                    label = case.name.rpartition(", ")[2]
                point = (float(re.split("[ ,]", case.name)[0]), cost)
                found.setdefault(case.row, {}).setdefault(label, []).append(point)
        except Missing as reason:
            text.append(f"| {part.__name__[1:]} | | skipped: {reason} | | |")
        data.forget()
    if picture is not None:
        _draw(found, picture)
    return "\n".join(text)


# What a unit of work costs when that which grows is in it once, twice, ...: in proportion at most.
# The rest is told per sample or step, and should not grow at all.
PROPORTIONAL = ("d", "non-zeros", "outputs", "hidden")


def _draw(found: dict[str, dict[str, list[tuple[float, float]]]], path: Path) -> None:
    """A panel for each table's part, the cost of a unit over what grows; dotted: in proportion."""
    try:
        import matplotlib
    except ImportError:
        print("no picture: matplotlib is not installed")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "fastgd"
    plt.rcParams["svg.fonttype"] = "none"
    rows = -(-len(found) // 3)
    figure, panels = plt.subplots(
        rows, 3, figsize=(9, 2.5 * rows), layout="constrained", squeeze=False
    )
    for axes in panels.flat[len(found) :]:
        axes.set_axis_off()
    for axes, (grows, curves) in zip(panels.flat, found.items(), strict=False):
        for (label, points), colour in zip(curves.items(), COLOURS, strict=False):
            x, cost = np.array(points).T
            axes.plot(x, 1e6 * cost, "o-", color=colour, markersize=4, label=label)
            if grows.split(" ")[0] in PROPORTIONAL:
                axes.plot(x, 1e6 * cost[-1] * x / x[-1], ":", color=colour, linewidth=1)
        axes.set_xscale("log")
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        axes.set_ylim(low / 2, high * 2)
        axes.set_title(grows, fontsize=8)
        axes.tick_params(which="both", labelsize=7)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, frameon=False)
    figure.supylabel("µs of a sample or step", fontsize=9)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
