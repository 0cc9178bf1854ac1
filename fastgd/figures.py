"""Every picture. matplotlib is imported here only, and only when something is drawn.

One style for all: the colours of Okabe and Ito (2008), told apart in every kind of colour
blindness, and a line style beside each, so that a picture in grey says the same.
"""

import itertools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd import datasets, theory
from fastgd.objectives import LeastSquares, LogisticRegression, NeuralNetwork, Quadratic
from fastgd.optimizers import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSProp
from fastgd.run import minimize
from fastgd.schedules import (
    cosine,
    inverse_time,
    linear,
    power,
    sgdr,
    triangular,
    warmup,
)

if TYPE_CHECKING:
    from fastgd.comparison import Comparison, RateRange
    from fastgd.history import Result
    from fastgd.objectives import Objective
    from fastgd.schedules import Schedule
    from fastgd.theory import Certificate

__all__ = [
    "contour", "gallery", "plot_certificate", "plot_comparison", "plot_gain", "plot_losses",
    "plot_network", "plot_ranks", "plot_rate_range", "plot_result", "plot_schedule",
    "plot_sensitivity", "save",
]  # fmt: skip

Vector = NDArray[np.float64]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D00")
DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 1.2)), (0, (6, 2, 1.5, 2)))
STYLE = {
    "figure.figsize": (8.0, 5.0),
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.0,
    "legend.frameon": False,
}

# Readable on a slide: 16:9, and letters that are large beside the picture.
SLIDE = {
    "figure.figsize": (10.0, 5.625),
    "font.size": 15,
    "axes.titlesize": 15,
    "svg.hashsalt": "fastgd",
}


def plot_losses(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]], title: str = "", ax: Any = None
) -> Any:
    """Losses against the step, one line a run, on a logarithmic axis.

    Parameters
    ----------
    curves : mapping of a label to (steps, losses)
    title : str, optional
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> curves = {"half": (np.arange(5), 0.5 ** np.arange(5))}
    >>> gd.figures.plot_losses(curves).get_xlabel()
    'step'
    """
    ax = _axes(ax)
    with _pyplot().rc_context(STYLE):
        for i, (label, (steps, losses)) in enumerate(curves.items()):
            ax.plot(steps, losses, label=textwrap.fill(label, 30), **_look(i))
        drawn = [np.asarray(one) for _, one in curves.values()]
        lowest = min((float(one.min(initial=np.inf)) for one in drawn), default=np.inf)
        highest = max((float(one.max(initial=-np.inf)) for one in drawn), default=-np.inf)
        if 0 < lowest < np.inf:
            _logarithmic(ax, lowest, highest)
        ax.set(xlabel="step", ylabel="loss", title=title)
        if curves:
            ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def plot_schedule(schedule: "Schedule", total: int, ax: Any = None) -> Any:
    """The values of a schedule over a run: see `Schedule.plot`.

    Parameters
    ----------
    schedule : Schedule
    total : int >= 1
        The run's number of steps. Of a long run, 10000 steps at equal distances are drawn.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> gd.figures.plot_schedule(gd.schedules.cosine(0.1), 100).get_ylabel()
    'value'
    """
    ax = _axes(ax)
    steps = np.arange(min(total, 10_000))
    if total > 10_000:
        steps = np.linspace(0, total - 1, 10_000).astype(np.int64)
    with _pyplot().rc_context(STYLE):
        look, label = _look(len(ax.lines)), textwrap.fill(str(schedule), 80)
        ax.plot(steps, schedule(steps, total), label=label, **look)
        ax.set(xlabel="step", ylabel="value")
        # Above the axes, where the longest composition leaves the curves their room.
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), fontsize="small")
    return ax


def plot_certificate(certificate: "Certificate", axes: Any = None) -> Any:
    """Observed against bound, on logarithmic axes, for each theorem that applies to a run.

    Parameters
    ----------
    certificate : theory.Certificate
    axes : sequence of matplotlib Axes, optional
        Where to draw, one for each theorem; a new figure by default.

    Returns
    -------
    array of matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        No theorem applies whose bound moves with the steps, or nothing was observed.

    Examples
    --------
    >>> f = gd.Quadratic(np.diag([1.0, 4.0]), [1.0, 4.0])
    >>> r = gd.minimize(f, gd.SGD(lr="1/beta"), steps=100)
    >>> [ax.get_xlabel() for ax in r.certificate().plot()]
    ['steps T', 'steps T']
    """
    rows = [row for row in certificate.rows if row.curve is not None]
    if not rows:
        raise ValueError("no theorem applies that has something to draw: print the certificate")
    if axes is None:
        pyplot = _pyplot()
        with pyplot.rc_context(STYLE):
            _, axes = pyplot.subplots(
                1, len(rows), figsize=(5.5 * len(rows), 4.5), layout="constrained", squeeze=False
            )
            axes = axes[0]
    for ax, row in zip(axes, rows, strict=True):
        _draw_bound(ax, row)
    return axes


# What a theorem bounds, as an axis says it.
LABELS = {
    "1": r"$L(\theta_T) - L^*$",
    "2": r"$\min_{t<T}\ \|\nabla L(\theta_t)\|^2$",
    "3": r"$\sum_{t<T} \|\nabla L(\theta_t)\|^2 / T$",
    "4": r"$\sum_{t<T} \|\nabla L(\theta_t)\|^2 / T$",
    "5": r"$L(\theta_T) - L^*$",
    "6": r"$\sum \eta_t \|\nabla L(\theta_t)\|^2 / \sum \eta_t$",
}


def _draw_bound(ax: Any, row: Any) -> None:
    steps, observed, bound = row.curve
    with _pyplot().rc_context(STYLE):
        # Below the rounding of the losses there is nothing to see.
        seen = np.asarray(observed) > 1e-15 * bound[0]
        ax.plot(steps, bound, label="bound", **_look(1))
        label = "observed" if row.stderr is None else "mean over seeds"
        ax.plot(steps[seen], observed[seen], label=label, **_look(0))
        lowest = min(observed[seen].min(initial=np.inf), bound.min())
        _logarithmic(ax, lowest, max(observed.max(), bound.max()))
        ax.set(xscale="log", xlabel="steps T", title=f"theorem {row.theorem}")
        ax.set_ylabel(LABELS[row.theorem])
        ax.legend(loc="lower left")


def plot_result(result: "Result", ax: Any = None) -> Any:
    """The recorded losses of a run: see `Result.plot`.

    Parameters
    ----------
    result : Result
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> f = gd.Quadratic(np.eye(2), [1.0, 2.0])
    >>> gd.minimize(f, gd.SGD(lr=0.5), steps=20).plot().get_ylabel()
    'loss'
    """
    history = result.history
    curves = {str(result.optimizer): (history["step"], history["loss"])}
    return plot_losses(curves, ax=ax)


def plot_comparison(comparison: "Comparison", axes: Any = None) -> Any:
    """Test loss of each optimizer, median and quartiles over the seeds, tuned and by default.

    Parameters
    ----------
    comparison : Comparison
    axes : array of matplotlib Axes, one for each problem, optional
        Where to draw; a new figure by default. Medians that diverged, or are a thousand times the
        usual, are open marks on the right edge.

    Returns
    -------
    array of matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> c = gd.compare("quadratic-1e2", ["sgd", "adam"], budget=2, seeds=2)
    >>> len(gd.figures.plot_comparison(c))
    1
    """
    rows = comparison.summary()
    problems = list(dict.fromkeys(row["problem"] for row in rows))
    with _pyplot().rc_context(STYLE):
        own = axes is None
        if own:
            labels = {(row["optimizer"], row["schedule"]) for row in rows}
            size = (3.0 + 3.5 * len(problems), 1.5 + 0.25 * len(labels))
            axes = _panels(max(1, len(problems)), sharey=True, figsize=size)[1]
        for ax, problem in zip(axes, problems, strict=True):
            here = [row for row in rows if row["problem"] == problem]
            left, right, logarithmic = _window(
                [row[k] for row in here for k in ("default", "tuned")]
            )
            for i, (kind, mark) in enumerate((("default", "s"), ("tuned", "o"))):
                look = {"color": COLOURS[1 - i], "markersize": 5}
                points = [(*row[kind], at) for at, row in enumerate(here)]
                low, middle, high, place = np.array(points).T
                seen = middle <= right
                reach = np.where(np.isfinite(high), high, middle)  # a bar of what is finite
                spread = np.array([middle[seen] - low[seen], reach[seen] - middle[seen]])
                ax.errorbar(middle[seen], place[seen], xerr=spread, fmt=mark, label=kind,
                            linewidth=1.5, **look)  # fmt: skip
                outside = place[~seen]
                (edge,) = ax.plot(np.full(len(outside), right), outside, mark, fillstyle="none",
                                  clip_on=False, **look)  # fmt: skip
                edge.set_in_layout(False)
            names = [f"{row['optimizer']}, {row['schedule']}" for row in here]
            ax.set_yticks(range(len(here)), names, fontsize=9)
            ax.set(xlabel="test loss", title=problem, ylim=(len(here) - 0.5, -0.5))
            if logarithmic:
                _logarithmic(ax, left, right, "x")
            ax.set_xlim(left, right)
        if len(rows):
            _legend(axes[0], own)
    return axes


def plot_gain(comparison: "Comparison", problem: str, ax: Any = None) -> Any:
    r"""What is gained by going from any optimizer as it comes to any tuned one, in percent.

    .. math:: 100 \, (L_{default} - L_{tuned}) / |L_{default}|

    of the median test losses: figure 2 of Schmidt et al. 2021. On the diagonal is the gain from
    tuning alone, in a column that of one tuned optimizer.

    Parameters
    ----------
    comparison : Comparison
        The first of its schedules goes with the default settings, and the one of the least
        validation loss with the tuned.
    problem : str
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        The comparison has no such problem.
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> c = gd.compare("quadratic-1e2", ["sgd", "adam"], budget=2, seeds=2)
    >>> gd.figures.plot_gain(c, "quadratic-1e2").get_xlabel()
    'tuned'
    """
    names, gains = comparison.gains(problem)
    with _pyplot().rc_context(STYLE | {"axes.grid": False}):
        if ax is None:
            size = 2.5 + 0.5 * len(names)
            ax = _panels(1, figsize=(size + 0.5, size))[1][0]
        ax.imshow(np.clip(gains, -100, 100), cmap="RdBu", vmin=-120, vmax=120)
        for i, j in np.ndindex(gains.shape):
            gain = gains[i, j]
            text = "–" if np.isnan(gain) else str(int(np.rint(gain))) if gain > -999 else "< -999"
            colour = "white" if abs(gain) > 85 else "black"
            size = 9 if len(text) < 5 else 6
            ax.text(j, i, text, ha="center", va="center", color=colour, fontsize=size)
        ax.set_xticks(range(len(names)), names, rotation=90, fontsize=10)
        ax.set_yticks(range(len(names)), names, fontsize=10)
        ax.set(xlabel="tuned", ylabel="default", title=f"{problem}: gain in percent")
    return ax


def plot_ranks(comparison: "Comparison", ax: Any = None) -> Any:
    """Mean rank of each optimizer, in a bar as long as the critical difference.

    Two optimizers whose bars do not overlap differ at 5 %: Nemenyi's test, as in Demšar 2006.

    Parameters
    ----------
    comparison : Comparison
        Of two optimizers at least.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> c = gd.compare("quadratic-1e2", ["sgd", "adam"], budget=2, seeds=2)
    >>> gd.figures.plot_ranks(c).get_xlabel()
    'mean rank over 1 problem'
    """
    means, difference = comparison.critical_difference()
    count = len(comparison.ranks())
    with _pyplot().rc_context(STYLE):
        if ax is None:
            ax = _panels(1, figsize=(8.0, 1.5 + 0.3 * len(means)))[1][0]
        places = range(len(means))
        half = 0.0 if np.isnan(difference) else difference / 2
        ax.errorbar(list(means.values()), places, xerr=half, fmt="o", color=COLOURS[0],
                    linewidth=1.5)  # fmt: skip
        ax.set_yticks(places, list(means), fontsize=10)
        ax.set(xlabel=f"mean rank over {count} problem{'s' * (count != 1)}",
               ylim=(len(means) - 0.5, -0.5))  # fmt: skip
    return ax


def plot_sensitivity(comparison: "Comparison", problem: str, axes: Any = None) -> Any:
    """Validation loss of each trial against its rate, a panel for each optimizer.

    Parameters
    ----------
    comparison : Comparison
    problem : str
    axes : array of matplotlib Axes, one for each optimizer, optional
        Where to draw; a new figure by default. Trials that diverged, or came to a thousand times
        the usual loss, are open marks on the upper edge.

    Returns
    -------
    array of matplotlib Axes

    Raises
    ------
    ValueError
        The comparison has no such problem.
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> c = gd.compare("quadratic-1e2", ["sgd", "adam"], budget=2, seeds=2)
    >>> [ax.get_title("left") for ax in gd.figures.plot_sensitivity(c, "quadratic-1e2")]
    ['sgd', 'adam']
    """
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in comparison.rows:
        if row["problem"] == problem and row["kind"] == "trial":
            schedules = found.setdefault(row["optimizer"], {})
            schedules.setdefault(row["schedule"], []).append((row["lr"], row["validation"]))
    if not found:
        raise ValueError(f"there is no trial on a problem {problem!r}")
    every = [loss for one in found.values() for pairs in one.values() for _, loss in pairs]
    low, high, logarithmic = _window(every)
    columns = min(5, len(found))
    lines = -(-len(found) // columns)
    with _pyplot().rc_context(STYLE):
        own = axes is None
        if own:
            size = (max(5.0, 2.6 * columns + 1.0), 2.1 * lines + 1.2)
            figure, axes = _panels(columns, lines, sharex=True, sharey=True, figsize=size)
            figure.supxlabel("learning rate", fontsize=12)
            figure.supylabel("validation loss", fontsize=12)
            figure.suptitle(problem, fontsize=13)
            for ax in axes[len(found) :]:
                ax.set_visible(False)
            # The lowest panel of a column has the labels, and that need not be in the last row.
            for ax in axes[len(found) - columns : len(found)]:
                ax.tick_params(labelbottom=True)
            axes = axes[: len(found)]
        for ax, (name, schedules) in zip(axes, found.items(), strict=True):
            for i, (schedule, pairs) in enumerate(schedules.items()):
                look = {"color": COLOURS[i % len(COLOURS)], "markersize": 4, "linestyle": "none",
                        "marker": "os^D"[i % 4]}  # fmt: skip
                rate, loss = np.array(pairs).T
                seen = loss <= high
                ax.plot(rate[seen], loss[seen], label=schedule, **look)
                (edge,) = ax.plot(rate[~seen], np.full((~seen).sum(), high), fillstyle="none",
                                  clip_on=False, **look)  # fmt: skip
                edge.set_in_layout(False)
            ax.set_title(name, fontsize=11)
            ax.set_xscale("log")
            if logarithmic:
                _logarithmic(ax, low, high)
            ax.set_ylim(low, high)
            ax.tick_params(labelsize=9)
        _legend(axes[0], own)
    return axes


def plot_rate_range(found: "RateRange", ax: Any = None) -> Any:
    """Loss against the growing rate of a range test, and the rate that it suggests.

    Parameters
    ----------
    found : RateRange
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> f = gd.Quadratic(np.diag([1.0, 10.0]), [1.0, 1.0])
    >>> gd.lr_range_test(f, gd.SGD()).plot().get_xscale()
    'log'
    """
    ax = _axes(ax)
    with _pyplot().rc_context(STYLE):
        finite = np.isfinite(found.loss)
        loss = found.loss[finite]
        ax.plot(found.lr[finite], loss, **_look(0))
        if np.isfinite(found.suggestion):
            # The explosion at the end would hide the fall before it.
            fall = loss[0] - loss.min()
            if loss.max() > loss[0] + 0.25 * fall:
                ax.set_ylim(loss.min() - 0.05 * fall, loss[0] + 0.25 * fall)
            label = f"suggested: {found.suggestion:.2g}"
            ax.axvline(found.suggestion, label=label, **_look(1))
            ax.legend()
        ax.set(xlabel="learning rate", ylabel="loss", xscale="log")
    return ax


def contour(
    objective: "Objective",
    results: "Result | Mapping[str, Result] | Sequence[Result]",
    ax: Any = None,
    minimum: bool = True,
) -> Any:
    """Paths of runs over the level lines of an objective of two parameters.

    Parameters
    ----------
    objective : Objective with two parameters
    results : Result, sequence of Result or mapping of a label to Result
        Runs on that objective. Each is taken again, to see where it was at every step.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    minimum : bool, default True
        Whether to mark the minimum, where there is one.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        Not two parameters; a run whose seed is not an int, so that it cannot be taken again.

    Examples
    --------
    >>> f = gd.Quadratic(np.diag([1.0, 9.0]))
    >>> runs = [gd.minimize(f, opt, [4.0, 1.0], steps=30)
    ...         for opt in (gd.SGD(lr=0.2), gd.Nesterov(lr=0.1))]
    >>> len(gd.figures.contour(f, runs).lines)
    3
    """
    from fastgd.history import Result

    if objective.n_params != 2:
        raise ValueError(f"level lines need two parameters, {objective!r} has {objective.n_params}")
    if isinstance(results, Result):
        results = [results]
    if not isinstance(results, Mapping):
        results = {f"{i}: {one.optimizer}": one for i, one in enumerate(results, 1)}
    paths = {label: theory.path(one) for label, one in results.items()}
    best = theory.optimum(objective) if minimum else None
    marks = np.vstack([*paths.values()])
    if best is not None and np.isfinite(best.loss):
        marks = np.vstack([marks, best.theta])
    ax = _axes(ax)
    with _pyplot().rc_context(STYLE):
        _levels(ax, objective, marks.min(axis=0), marks.max(axis=0))
        for i, (label, points) in enumerate(paths.items()):
            _draw_path(ax, points, i, label)
        if best is not None and np.isfinite(best.loss):
            ax.plot(*best.theta, "*", color="black", markersize=13, zorder=3)
        ax.set(xlabel="$θ_1$", ylabel="$θ_2$")
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), fontsize="small")
    return ax


def _levels(ax: Any, objective: "Objective", low: Vector, high: Vector, count: int = 14) -> None:
    margin = 0.12 * (high - low) + 0.05 * float((high - low).max() or 1.0)
    low, high = low - margin, high + margin
    across, up = np.linspace(low[0], high[0], 90), np.linspace(low[1], high[1], 90)
    losses = np.array([[objective.value(np.array([x, y])) for x in across] for y in up])
    # At equal distances in the root of the height, so that the bottom of a bowl has lines too.
    least = float(losses.min())
    heights = least + (float(losses.max()) - least) * np.linspace(0.03, 1.0, count) ** 2
    ax.contour(across, up, losses, levels=heights, colors="#B0B0B0", linewidths=0.9, zorder=1)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.grid(False)


def _draw_path(ax: Any, points: Vector, i: int, label: str) -> None:
    few = len(points) <= 60
    ax.plot(
        points[:, 0], points[:, 1], label=textwrap.fill(label, 60), zorder=2, **_look(i),
        marker="os^D"[i % 4] if few else None, markersize=5,
    )  # fmt: skip


def save(ax: Any, path: str | Path) -> None:
    """Writes the figure of `ax` to a file and closes it, so that many pictures hold no memory.

    Parameters
    ----------
    ax : matplotlib Axes
    path : str or Path
        Its suffix says the format: .png, .svg, .pdf.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with _pyplot().rc_context(STYLE):
        ax.figure.savefig(path, bbox_inches="tight")
    _pyplot().close(ax.figure)


# The gallery: the pictures of the course, from runs of this library.

GALLERY: dict[int, tuple[str, str, Callable[[], Any]]] = {}


def _picture(
    number: int, name: str, caption: str
) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def register(draw: Callable[[], Any]) -> Callable[[], Any]:
        GALLERY[number] = name, caption, draw
        return draw

    return register


def gallery(out: str | Path, only: int | None = None) -> list[Path]:
    """Draws the pictures of the course, each from real runs, and a page that shows them.

    Parameters
    ----------
    out : str or Path
        A folder, made where it is missing. It gets a PNG and an SVG of each picture and, of all
        of them, ``index.html``, which needs no network.
    only : int, optional
        The number of the one picture to draw.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        There is no picture of that number.
    OSError
        A file cannot be written.

    Examples
    --------
    >>> [path.name for path in gd.figures.gallery("pictures", only=11)]
    ['11-triangular.png', '11-triangular.svg']
    """
    if only is not None and only not in GALLERY:
        raise ValueError(f"there is no picture {only}, but 1 to {max(GALLERY)}")
    pyplot = _pyplot()
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for number in sorted(GALLERY) if only is None else [only]:
        name, _, draw = GALLERY[number]
        with pyplot.rc_context({**STYLE, **SLIDE}):
            figure = draw()
            for suffix in ("png", "svg"):
                path = out / f"{number:02}-{name}.{suffix}"
                # Without the date, the same picture is the same file.
                metadata = {"Date": None} if suffix == "svg" else None
                figure.savefig(path, metadata=metadata)
                files.append(path)
            pyplot.close(figure)
    if only is None:
        page = out / "index.html"
        page.write_text(_page(), encoding="utf-8")
        files.append(page)
    return files


def _page() -> str:
    figures = "\n".join(
        f'<figure id="figure-{number}">\n'
        f'<img src="{number:02}-{name}.svg" alt="{escape(caption)}">\n'
        f"<figcaption><b>{number}.</b> {escape(caption)}</figcaption>\n</figure>"
        for number, (name, caption, _) in sorted(GALLERY.items())
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gradient descent in pictures</title>
<style>
body {{ margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
       font: 1.1rem/1.5 system-ui, sans-serif; color: #222; background: #fff; }}
figure {{ margin: 3rem 0; }}
img {{ width: 100%; height: auto; }}
figcaption {{ border-top: 1px solid #ddd; padding-top: .5rem; }}
</style>
</head>
<body>
<h1>Gradient descent in pictures</h1>
<p>Each picture is drawn from runs of fastgd: <code>fastgd figures --out DIR</code>.</p>
{figures}
</body>
</html>
"""


def _panels(columns: int, rows: int = 1, **options: Any) -> tuple[Any, Any]:
    figure, axes = _pyplot().subplots(rows, columns, layout="constrained", **options)
    return figure, np.atleast_1d(axes).ravel()


@_picture(1, "network", "A trained network with two hidden layers (body mass of penguins by three "
          "lengths), and one of its neurons: it weighs what comes in, adds b and applies tanh.",
)  # fmt: skip
def _network_picture() -> Any:
    names = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm")
    f = _penguins(names)
    f = NeuralNetwork(f.X, f.y, hidden=(4, 4), activation="tanh", loss="squared", l2=1e-3)
    theta = minimize(f, Adam(lr=0.02), batch_size=32, epochs=100, seed=0).theta
    figure, (left, right) = _panels(2, width_ratios=(1.4, 1.0))
    plot_network(f, left, theta)
    left.set_title("thick: large weight, dashed: negative", loc="center")
    # The first neuron of the first layer: its row of W, and its entry of b.
    weights, bias = theta[:3], theta[12]
    _bare(right, (-1.2, 3.4), (-1.8, 1.9))
    right.set_title("the first hidden neuron", loc="center")
    for y, name, weight in zip((1.2, 0.0, -1.2), names, weights, strict=True):
        right.annotate("", (1.45, y * 0.14), (0.3, y), arrowprops={"arrowstyle": "-|>", "lw": 1.6})
        right.add_patch(_circle((0.0, y), 0.28, COLOURS[5]))
        right.text(-0.4, y, "\n".join(name.split("_")[:2]), ha="right", va="center",
                   fontsize="small")  # fmt: skip
        right.text(0.8, y * 0.62, f"{weight:.2f}", ha="center", va="center", color=COLOURS[1],
                   bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})  # fmt: skip
    right.add_patch(_circle((1.85, 0.0), 0.4, COLOURS[4]))
    right.text(1.85, 0.0, "Σ, a", ha="center", va="center", fontsize="small")
    right.annotate("", (1.85, 0.41), (1.85, 1.1), arrowprops={"arrowstyle": "-|>", "lw": 1.6})
    right.text(1.85, 1.2, f"b = {bias:.2f}", ha="center", color=COLOURS[1])
    right.annotate("", (2.9, 0.0), (2.27, 0.0), arrowprops={"arrowstyle": "-|>", "lw": 1.6})
    right.text(2.5, -0.75, "$a(w^T x + b)$", ha="center")
    return figure


def plot_network(network: Any, ax: Any = None, theta: Any = None) -> Any:
    """A multilayer perceptron as neurons and connections.

    Parameters
    ----------
    network : NeuralNetwork or sequence of int
        Or the neurons layer by layer, from the inputs to the outputs. Of a layer of more than
        eight, seven are drawn.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    theta : (n_params,) array, optional
        Parameters of the network: the larger a weight, the thicker its connection; negative ones
        are dashed.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        A θ of another length.

    Examples
    --------
    >>> len(gd.figures.plot_network((2, 3, 1)).patches)
    6
    """
    sizes = tuple(getattr(network, "sizes", network))
    weights = None if theta is None else _weights(np.asarray(theta), sizes)
    ax = _axes(ax)
    tallest = max(min(size, 8) for size in sizes)
    _bare(ax, (-0.6, len(sizes) - 0.4), (-0.5 - tallest / 2, tallest / 2 + 0.2))
    places = [_neurons(ax, layer, size, tallest, len(sizes)) for layer, size in enumerate(sizes)]
    for layer, (before, after) in enumerate(itertools.pairwise(places)):
        for (i, start), (j, end) in itertools.product(before.items(), after.items()):
            look: dict[str, Any] = {"color": "#999999", "lw": 0.9}
            if weights is not None:
                share = weights[layer][j, i] / np.abs(weights[layer]).max()
                look = {"color": COLOURS[0 if share > 0 else 1], "lw": 0.3 + 3.5 * abs(share),
                        "ls": "-" if share > 0 else DASHES[1]}  # fmt: skip
            ax.plot(*zip(start, end, strict=True), zorder=1, **look)
    return ax


def _neurons(
    ax: Any, layer: int, size: int, tallest: int, layers: int
) -> dict[int, tuple[float, float]]:
    """Draws the neurons of one layer; where each of those shown stands."""
    outer = layer in (0, layers - 1)
    text = f"hidden {layer}" if not outer else "input" if layer == 0 else "output"
    text += "s" if outer and size > 1 else ""
    ax.text(layer, -0.4 - tallest / 2, f"{text}\n({size})", ha="center", va="center",
            fontsize="small")  # fmt: skip
    drawn = min(size, 8)
    heights = (drawn - 1) / 2 - np.arange(drawn)
    if size > 8:
        ax.text(layer, heights[6], "⋮", ha="center", va="center", fontsize=18)
    # The last place below the dots is that of the last neuron.
    places = {
        size - 1 if k == 7 else k: (float(layer), float(y))
        for k, y in enumerate(heights)
        if size <= 8 or k != 6
    }
    for point in places.values():
        ax.add_patch(_circle(point, 0.2, COLOURS[5 if outer else 4]))
    return places


def _weights(theta: Vector, sizes: tuple[int, ...]) -> list[Vector]:
    """The W of each layer, outputs x inputs, out of θ: layer by layer W, then b."""
    ends = np.cumsum([(inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes)])
    if theta.shape != (ends[-1],):
        raise ValueError(f"theta has shape {theta.shape}, the network has {ends[-1]} parameters")
    return [
        layer[: inputs * outputs].reshape(outputs, inputs)
        for layer, (inputs, outputs) in zip(
            np.split(theta, ends[:-1]), itertools.pairwise(sizes), strict=True
        )
    ]


def _circle(centre: tuple[float, float], radius: float, colour: str) -> Any:
    from matplotlib.patches import Circle

    return Circle(centre, radius, facecolor=colour, edgecolor="black", linewidth=1.2, zorder=2)


def _bare(ax: Any, across: tuple[float, float], up: tuple[float, float]) -> None:
    ax.set(xlim=across, ylim=up, aspect="equal")
    ax.axis("off")


@_picture(2, "descent", "Gradient descent on x² from x = -2: a small rate creeps, a larger one "
          "arrives, one near 2/β = 1 swings across the valley.")  # fmt: skip
def _descent_picture() -> Any:
    f = Quadratic([[2.0]])
    figure, axes = _panels(3, sharey=True)
    x = np.linspace(-2.3, 2.3, 200)
    for i, (ax, lr) in enumerate(zip(axes, (0.05, 0.3, 0.93), strict=True)):
        points = theory.path(minimize(f, SGD(lr=lr), [-2.0], steps=10))[:, 0]
        ax.plot(x, x**2, color="#999999", lw=1.5)
        ax.plot(points, points**2, marker="o", markersize=6, **_look(i))
        ax.set(title=f"η = {lr:g}", xlabel="x")
    axes[0].set_ylabel("x²")
    return figure


@_picture(3, "relu-network", "Two ReLU neurons fit (-1, -1) and (1, 1) exactly with θ¹ and with θ² "
          "= -θ¹, but not in between: this loss is not convex.")  # fmt: skip
def _relu_picture() -> Any:
    # θ is w¹, b¹ (two each), then w² (two) and b².
    f = NeuralNetwork([[-1.0], [1.0]], [-1.0, 1.0], hidden=(2,), activation="relu", loss="squared")
    first = np.array([1.0, -1.0, 0.0, 0.0, 1.0, -1.0, 0.0])
    figure, (left, right) = _panels(2, width_ratios=(1.0, 1.4))
    plot_network(f, left, first)
    left.set_title("θ¹: weights 1, dashed: -1", loc="center")
    share = np.linspace(-0.15, 1.15, 201)
    losses = [f.value((1 - s) * first + s * -first) for s in share]
    right.plot(share, losses, **_look(0))
    marks = np.array([0.0, 0.5, 1.0])
    right.plot(marks, [f.value((1 - 2 * s) * first) for s in marks], "o", color=COLOURS[1], ms=9)
    for s, text in zip(marks, ("θ¹", "(θ¹ + θ²)/2", "θ²"), strict=True):
        right.annotate(text, (s, f.value((1 - 2 * s) * first)), (0, 10),
                       textcoords="offset points", ha="center")  # fmt: skip
    right.set(xlabel="s, along (1-s) θ¹ + s θ²", ylabel="loss", ylim=(-0.1, 1.25))
    return figure


@_picture(4, "batch", "Each observation of a batch pulls its own way, -∇ℓ_i; the step goes along "
          "the mean of the five (body mass of penguins by bill and flipper length).")  # fmt: skip
def _batch_picture() -> Any:
    f = _penguins()
    theta = np.array([-0.45, 0.2])
    batch = np.random.default_rng(4).integers(f.n_samples, size=5)
    pulls = -0.25 * f.sample_gradients(theta, batch)
    step = minimize(f, SGD(lr=0.25), theta, batch_size=5, steps=1, seed=4).theta - theta
    assert np.allclose(step, pulls.mean(axis=0))
    best = theory.optimum(f)
    figure, (ax,) = _panels(1)
    corners = np.vstack([theta, theta + pulls, best.theta])
    _levels(ax, f, corners.min(axis=0), corners.max(axis=0))
    for i, pull in enumerate(pulls):
        _arrow(ax, theta, pull, COLOURS[0], 2.0, "$-\\nabla \\ell_i$" if i == 0 else None)
    _arrow(ax, theta, step, COLOURS[1], 4.5, "their mean: the step")
    ax.plot(*theta, "o", color="black", ms=9)
    ax.plot(*best.theta, "*", color="black", ms=16)
    ax.annotate("$\\theta_t$", theta, (-16, -18), textcoords="offset points")
    ax.annotate("$\\theta^*$", best.theta, (10, 4), textcoords="offset points")
    ax.set(xlabel="weight of bill length", ylabel="weight of flipper length")
    ax.legend(loc="upper left", frameon=True)
    return figure


def _penguins(names: Sequence[str] = ("bill_length_mm", "flipper_length_mm")) -> Any:
    data = datasets.load("penguins", "body_mass_g")
    columns = [data.feature_names.index(name) for name in names]
    y = (data.y - data.y.mean()) / data.y.std()
    return LeastSquares(np.ascontiguousarray(data.X[:, columns]), y)


def _arrow(
    ax: Any, start: Vector, move: Vector, colour: str, width: float, label: str | None
) -> None:
    ax.annotate("", start + move, start, zorder=3, arrowprops={
        "arrowstyle": "-|>,head_length=0.8,head_width=0.4", "lw": width, "color": colour,
        "shrinkA": 0, "shrinkB": 0,
    })  # fmt: skip
    if label:
        ax.plot([], [], color=colour, lw=width, label=label)


@_picture(5, "momentum", "Single observations make plain descent stagger; momentum steps along an "
          "average of the gradients, so its path is smooth.")  # fmt: skip
def _momentum_picture() -> Any:
    f = _penguins()
    figure, axes = _panels(2, sharex=True, sharey=True)
    start = [-0.6, -0.5]
    for i, (ax, gamma) in enumerate(zip(axes, (0.0, 0.9), strict=True)):
        run = minimize(f, Momentum(lr=0.1, momentum=gamma), start, batch_size=1, steps=80, seed=1)
        best = theory.optimum(f).theta
        _levels(ax, f, np.array([-0.75, -0.65]), np.array([0.85, 1.35]))
        points = theory.path(run)
        ax.plot(points[:, 0], points[:, 1], marker=".", lw=1.6, ms=6, color=COLOURS[i])
        ax.plot(*best, "*", color="black", ms=15, zorder=3)
        ax.set(title=f"γ = {gamma:g}", xlabel="weight of bill length")
    axes[0].set_ylabel("weight of flipper length")
    return figure


@_picture(6, "nesterov", "Nesterov's method on x² + y²/2: from the look-ahead point (hollow) along "
          "the gradient there; plain descent with the same rate beside it.")  # fmt: skip
def _nesterov_picture() -> Any:
    f = Quadratic(np.diag([2.0, 1.0]))
    optimizer, theta = Nesterov(lr=0.12), np.array([1.6, 2.4])
    state = optimizer.init(theta, 9)
    points, aheads = [theta.copy()], []
    for _ in range(9):
        aheads.append(np.array(optimizer.point(theta, state)))
        optimizer.step(theta, f.gradient(aheads[-1]), state)
        points.append(theta.copy())
    plain = theory.path(minimize(f, SGD(lr=0.12), points[0], steps=9))
    figure, (ax,) = _panels(1)
    shown = np.array([*points, *aheads, [0.0, 0.0]])
    _levels(ax, f, shown.min(axis=0), shown.max(axis=0))
    _draw_path(ax, plain, 1, "plain descent")
    _draw_path(ax, np.array(points), 0, "Nesterov's θ")
    for i, (before, ahead, after) in enumerate(zip(points, aheads, points[1:], strict=False)):
        label = None if i else "look-ahead point, and the gradient step from it"
        ax.plot(*ahead, "o", mfc="white", mec=COLOURS[2], ms=8, mew=2, zorder=4, label=label)
        ax.plot(*zip(before, ahead, strict=True), ":", color=COLOURS[2], lw=1.6)
        ax.plot(*zip(ahead, after, strict=True), color=COLOURS[2], lw=1.2)
    ax.plot(0, 0, "*", color="black", ms=16)
    ax.set(xlabel="x", ylabel="y")
    ax.legend(loc="upper left", frameon=True)
    return figure


def _bowl(steps: int, start: list[float]) -> dict[str, Any]:
    f = Quadratic(np.diag([2.0, 6.0]))
    return {
        "AdaGrad, η = 0.8": minimize(f, AdaGrad(lr=0.8), start, steps=steps),
        "plain descent, η = 0.1": minimize(f, SGD(lr=0.1), start, steps=steps),
    }


@_picture(7, "adagrad", "Ten steps of AdaGrad on x² + 3y² from two starting points: it sees no "
          "difference between steep and flat directions; plain descent does.")  # fmt: skip
def _adagrad_picture() -> Any:
    f = Quadratic(np.diag([2.0, 6.0]))
    figure, axes = _panels(2, sharey=True)
    for ax, start in zip(axes, ([2.0, 1.5], [-2.2, 0.5]), strict=True):
        _levels(ax, f, np.array([-2.3, -1.2]), np.array([2.1, 1.7]))
        ax.set_aspect("equal")
        for i, (label, run) in enumerate(_bowl(10, start).items()):
            _draw_path(ax, theory.path(run), i, label)
        ax.plot(0, 0, "*", color="black", ms=15, zorder=3)
        ax.set(xlabel="x", title=f"from ({start[0]:g}, {start[1]:g})")
    axes[0].set_ylabel("y")
    axes[0].legend(loc="lower left", frameon=True, fontsize="small")
    return figure


@_picture(8, "adagrad-steps", "AdaGrad divides by the root of the sum of all squared gradients, so "
          "its steps shrink; RMSProp's do not (logistic regression, breast cancer).")  # fmt: skip
def _adagrad_steps_picture() -> Any:
    f = _cancer()
    figure, (ax,) = _panels(1)
    for i, optimizer in enumerate((AdaGrad(lr=0.1), RMSProp(lr=0.1), SGD(lr=0.1))):
        run = minimize(f, optimizer, batch_size=16, steps=1000, seed=0)
        lengths = np.linalg.norm(np.diff(theory.path(run), axis=0), axis=1)
        label = f"{type(optimizer).__name__}, η = 0.1"
        ax.plot(np.arange(1, 1001), _smooth(lengths), label=label, **_look(i))
    t = np.arange(1, 1001)
    ax.plot(t, 0.6 / np.sqrt(t), color="black", lw=1, ls=":", label="proportional to 1/√t")
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel="length of the step (mean of ten)")
    ax.legend(loc="lower left")
    return figure


def _smooth(values: Vector, width: int = 10) -> Vector:
    sums = np.cumsum(np.insert(values, 0, 0.0))
    starts = np.maximum(np.arange(len(values)) - width + 1, 0)
    ends = np.arange(1, len(values) + 1)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _cancer(**options: Any) -> Any:
    X, y = datasets.load("breast-cancer")
    return LogisticRegression(X, y, **{"l2": 0.01, **options})


@_picture(9, "second-moments", "The norm of G_t: AdaGrad's grows without end, RMSProp's follows "
          "the latest gradients (logistic regression, breast cancer, batches of 16).")  # fmt: skip
def _moments_picture() -> Any:
    f = _cancer()
    figure, (ax,) = _panels(1)
    for i, optimizer in enumerate((AdaGrad(lr=0.1), RMSProp(lr=0.01))):
        theta, generator = np.zeros(f.n_params), np.random.default_rng(0)
        state, norms = optimizer.init(theta), []
        for _ in range(600):
            batch = generator.integers(f.n_samples, size=16)
            optimizer.step(theta, f.gradient(theta, batch), state)
            norms.append(float(np.linalg.norm(state.arrays["G"])))
        ax.plot(np.arange(1, 601), norms, label=type(optimizer).__name__, **_look(i))
    ax.set(yscale="log", xlabel="step", ylabel="‖$G_t$‖")
    ax.legend(loc="center right")
    return figure


@_picture(10, "warm-up", "Schedules that begin with a warm-up of 50 steps.")
def _warmup_picture() -> Any:
    return _schedule_picture(
        500,
        {
            "then constant": warmup(50, then=0.1),
            "then inverse_time, k = 0.02": warmup(50, then=inverse_time(0.1, 0.02)),
            "then linear to 0": warmup(50, then=linear(0.1, 0.0)),
            "then cosine to a tenth": warmup(50, then=cosine(0.1)),
        },
    )


@_picture(11, "triangular", "Triangular schedules (Smith 2017): of equal height, halved every "
          "cycle, and shrinking by another factor.")  # fmt: skip
def _triangular_picture() -> Any:
    return _schedule_picture(
        600,
        {
            "shrink = 1": triangular(0.01, 0.1, 60),
            "shrink = 1/2 (triangular2)": triangular(0.01, 0.1, 60, shrink=0.5),
            "shrink = 0.8": triangular(0.01, 0.1, 60, shrink=0.8),
        },
    )


@_picture(12, "restarts", "The cosine with warm restarts (Loshchilov and Hutter 2016): equal "
          "periods, and periods that double while the height falls.")  # fmt: skip
def _restarts_picture() -> Any:
    return _schedule_picture(
        700,
        {
            "period 100": sgdr(0.0, 0.1, 100),
            "period doubled, height times 0.8": sgdr(0.0, 0.1, 100, 2, 0.8),
        },
    )


def _schedule_picture(total: int, named: "Mapping[str, Schedule]") -> Any:
    figure, (ax,) = _panels(1)
    t = np.arange(total)
    for i, (label, schedule) in enumerate(named.items()):
        ax.plot(t, schedule(t, total), label=label, **_look(i))
    ax.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return figure


@_picture(13, "theorems", "What the theorems promise and what happens: 1, 2 and 5 on least squares "
          "(penguins), 3, 4 and 6 as means over 10 seeds of logistic regression (breast cancer).",
)  # fmt: skip
def _theorems_picture() -> Any:
    data = datasets.load("penguins", "body_mass_g")
    f = LeastSquares(data.X, (data.y - data.y.mean()) / data.y.std(), fit_intercept=True)
    g = _cancer(l2=0.1)
    beta = g.smoothness()
    plain = minimize(f, SGD(lr="1/beta"), steps=2000).certificate()
    fast = minimize(f, Nesterov(lr="1/beta"), steps=2000).certificate()
    single = theory.expectation(g, SGD(lr=0.1 / beta), batch_size=1, steps=300, seeds=10)
    batch = theory.expectation(g, SGD(lr=0.1 / beta), batch_size=16, steps=300, seeds=10)
    falling = theory.expectation(
        g, SGD(lr=power(1 / beta, 0.75)), batch_size=4, steps=300, seeds=10
    )
    rows = (plain["1"], plain["2"], single["3"], batch["4"], fast["5"], falling["6"])
    figure, axes = _panels(3, 2, figsize=(12.0, 6.75))
    for ax, row in zip(axes, rows, strict=True):
        _draw_bound(ax, row)
    return figure


@_picture(14, "noise-floor", "A constant rate stops at a noise that the batch size divides: mean "
          "‖∇L‖² over 10 seeds (lines) and the floor ηβσ²/n_B of theorem 4 (dotted).")  # fmt: skip
def _floor_picture() -> Any:
    # The estimate of a mean: the noise is the same everywhere, and the theorem nearly exact.
    y = datasets.load("penguins", "body_mass_g").y
    y = (y - y.mean()) / y.std()
    f = LeastSquares(np.ones((len(y), 1)), y)
    beta = f.smoothness()
    figure, (ax,) = _panels(1)
    for i, size in enumerate((1, 4, 16, 64)):
        made = theory.expectation(
            f, SGD(lr=0.5 / beta), [1.0], batch_size=size, steps=1000, seeds=10
        )
        curve = made["4"].curve
        assert curve is not None
        steps, observed, _ = curve
        ax.plot(steps, observed, label=f"$n_B$ = {size}", **_look(i))
        floor = theory.noise_floor(0.5 / beta, beta, made.sigma2 or 0.0, size)
        ax.axhline(floor, color=COLOURS[i], ls=":", lw=1.6)
    ax.set(xscale="log", yscale="log", xlabel="steps T", ylabel=LABELS["4"])
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4)
    return figure


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError(
            'pictures need matplotlib, which is missing: pip install "fastgd[plot]"'
        ) from error
    return matplotlib.pyplot


def _look(i: int) -> dict[str, Any]:
    """Colour and dashes of the line number i."""
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": DASHES[i % len(DASHES)]}


def _logarithmic(ax: Any, lowest: float, highest: float, which: str = "y") -> None:
    """A logarithmic axis, y or x, for values between the two."""
    ax.set(**{f"{which}scale": "log"})
    axis = ax.yaxis if which == "y" else ax.xaxis
    # Powers of ten alone leave less than two decades without a label.
    few = highest < 300 * lowest
    places = _ticker().LogLocator(
        subs=(1, 2, 5) if few else (1,), numticks=5 if which == "x" and not few else None
    )
    axis.set_major_locator(places)
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(_ticker().NullFormatter())


def _legend(ax: Any, beside: bool) -> None:
    """The legend of all panels, beside them or in this one."""
    if beside:
        handles, labels = ax.get_legend_handles_labels()
        ax.figure.legend(handles, labels, loc="outside right upper", fontsize=10)
    else:
        ax.legend(fontsize=9)


def _window(losses: ArrayLike) -> tuple[float, float, bool]:
    """Ends of an axis for losses of which some are huge or inf, and whether it is logarithmic."""
    values = np.asarray(losses, dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0, False
    low, middle = float(values.min()), float(np.median(values))
    if low <= 0:
        # A loss of either sign or 0 has no logarithm.
        reach = 20 * (middle - low) or 1.0
        return low - 0.05 * reach, min(float(values.max()), middle + reach) + 0.05 * reach, False
    high = min(float(values.max()), 1000 * middle)
    margin = max(1.1, (high / low) ** 0.04)
    return low / margin, high * margin, True


def _ticker() -> Any:
    import matplotlib.ticker

    return matplotlib.ticker


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    pyplot = _pyplot()
    with pyplot.rc_context(STYLE):
        return pyplot.subplots(layout="constrained")[1]
