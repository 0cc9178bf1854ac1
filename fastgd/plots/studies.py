"""Pictures of a comparison: losses, gains, ranks, and how much the rate matters."""

from typing import TYPE_CHECKING, Any

import numpy as np

from fastgd.plots.style import COLOURS, legend, logarithmic, panels, styled, window

if TYPE_CHECKING:
    from fastgd.comparison import Comparison

__all__ = ["plot_comparison", "plot_gain", "plot_ranks", "plot_sensitivity"]


def plot_comparison(comparison: "Comparison", axes: Any = None, columns: int = 2) -> Any:
    """Test loss of each optimizer, median and quartiles over the seeds, tuned and by default.

    Parameters
    ----------
    comparison : Comparison
    axes : array of matplotlib Axes, one for each problem, optional
        Where to draw; a new figure by default. Medians that diverged, or are a thousand times the
        usual, are open marks on the right edge.
    columns : int, default 2
        Panels side by side, in a new figure.

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
    with styled():
        own = axes is None
        if own:
            most = max((sum(row["problem"] == one for row in rows) for one in problems), default=1)
            columns = max(1, min(columns, len(problems)))
            lines = max(1, -(-len(problems) // columns))
            size = (5.6 * columns, (1.4 + 0.22 * most) * lines + 0.3)
            axes = panels(columns, lines, figsize=size)[1]
            for ax in axes[len(problems) :]:
                ax.set_visible(False)
            axes = axes[: max(1, len(problems))]
        for ax, problem in zip(axes, problems, strict=True):
            # Best first, as in the table of a report.
            here = [row for row in rows if row["problem"] == problem]
            here.sort(key=lambda row: row["tuned"][1])
            left, right, logarithm = window([row[k] for row in here for k in ("default", "tuned")])
            for i, (kind, mark) in enumerate((("default", "s"), ("tuned", "o"))):
                dress = {"color": COLOURS[1 - i], "markersize": 5}
                points = [(*row[kind], at) for at, row in enumerate(here)]
                low, middle, high, place = np.array(points).T
                seen = middle <= right
                reach = np.where(np.isfinite(high), high, middle)  # a bar of what is finite
                spread = np.array([middle[seen] - low[seen], reach[seen] - middle[seen]])
                ax.errorbar(middle[seen], place[seen], xerr=spread, fmt=mark, label=kind,
                            linewidth=1.5, **dress)  # fmt: skip
                outside = place[~seen]
                (edge,) = ax.plot(np.full(len(outside), right), outside, mark, fillstyle="none",
                                  clip_on=False, **dress)  # fmt: skip
                edge.set_in_layout(False)
            names = [f"{row['optimizer']}, {row['schedule']}" for row in here]
            ax.set_yticks(range(len(here)), names, fontsize=10)
            ax.set(xlabel="test loss", title=problem, ylim=(len(here) - 0.5, -0.5))
            if logarithm:
                logarithmic(ax, left, right, "x")
            ax.set_xlim(left, right)
        if len(rows):
            legend(axes[0], own)
    return axes


def plot_gain(comparison: "Comparison", problem: str, ax: Any = None) -> Any:
    r"""What is gained by going from any optimizer as it comes to any tuned one, in percent.

    .. math:: 100 \, (L_{default} - L_{tuned}) / |L_{default}|

    of the median test losses: figure 2 of Schmidt et al. 2021. On the diagonal is the gain from
    tuning alone, in a column that of one tuned optimizer. Shown from -100 to 100 by colour.

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
    with styled({"axes.grid": False}):
        if ax is None:
            size = 2.5 + 0.5 * len(names)
            ax = panels(1, figsize=(size + 0.5, size))[1][0]
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
    """Mean rank of each optimizer: a bar from 0, and on its end a span of the critical difference.

    Two optimizers whose spans do not overlap differ at 5 %: Nemenyi's test, as in Demšar 2006.

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
    with styled():
        if ax is None:
            ax = panels(1, figsize=(5.6, 1.5 + 0.25 * len(means)))[1][0]
        places = range(len(means))
        half = 0.0 if np.isnan(difference) else difference / 2
        ax.barh(places, list(means.values()), height=0.6, color=COLOURS[5], zorder=2)
        ax.errorbar(list(means.values()), places, xerr=half, fmt="o", color=COLOURS[0],
                    linewidth=1.5, zorder=3)  # fmt: skip
        ax.set_yticks(places, list(means), fontsize=10)
        ax.set(xlabel=f"mean rank over {count} problem{'s' * (count != 1)}",
               ylim=(len(means) - 0.5, -0.5), xlim=(0, None))  # fmt: skip
    return ax


def plot_sensitivity(
    comparison: "Comparison", problem: str, axes: Any = None, columns: int = 5
) -> Any:
    """Validation loss of each trial against its rate, a panel for each optimizer.

    Parameters
    ----------
    comparison : Comparison
    problem : str
    axes : array of matplotlib Axes, one for each optimizer, optional
        Where to draw; a new figure by default. Trials that diverged, or came to a thousand times
        the usual loss, are open marks on the upper edge.
    columns : int, default 5
        Panels side by side, in a new figure.

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
    low, high, logarithm = window(every)
    columns = min(columns, len(found))
    lines = -(-len(found) // columns)
    with styled():
        own = axes is None
        if own:
            size = (max(5.0, 2.6 * columns + 1.0), 2.1 * lines + 1.2)
            figure, axes = panels(columns, lines, sharex=True, sharey=True, figsize=size)
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
                dress = {"color": COLOURS[i % len(COLOURS)], "markersize": 4, "linestyle": "none",
                         "marker": "os^D"[i % 4]}  # fmt: skip
                rate, loss = np.array(pairs).T
                seen = loss <= high
                ax.plot(rate[seen], loss[seen], label=schedule, **dress)
                (edge,) = ax.plot(rate[~seen], np.full((~seen).sum(), high), fillstyle="none",
                                  clip_on=False, **dress)  # fmt: skip
                edge.set_in_layout(False)
            ax.set_title(name, fontsize=11)
            ax.set_xscale("log")
            if logarithm:
                logarithmic(ax, low, high)
            ax.set_ylim(low, high)
            ax.tick_params(labelsize=9)
        legend(axes[0], own)
    return axes
