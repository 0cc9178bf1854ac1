"""Every picture. matplotlib is imported here only, and only when something is drawn.

One style for all: the colours of Okabe and Ito (2008), told apart in every kind of colour
blindness, and a line style beside each, so that a picture in grey says the same.
"""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from fastgd.schedules import Schedule
    from fastgd.theory import Certificate

__all__ = ["plot_certificate", "plot_losses", "plot_schedule", "save"]

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
            ax.set_yscale("log")
            # Powers of ten alone leave less than two decades without a label.
            few = highest < 300 * lowest
            ax.yaxis.set_major_locator(_ticker().LogLocator(subs=(1, 2, 5) if few else (1,)))
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter(_ticker().NullFormatter())
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
    ['steps', 'steps']
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


def _draw_bound(ax: Any, row: Any) -> None:
    steps, observed, bound = row.curve
    with _pyplot().rc_context(STYLE):
        ax.plot(steps, bound, label="bound", **_look(1))
        label = "observed" if row.stderr is None else "observed, mean over seeds"
        # Below the rounding of the losses there is nothing to see.
        shown = np.asarray(observed) > 1e-15 * bound[0]
        ax.plot(steps[shown], observed[shown], label=label, **_look(0))
        ax.set(xscale="log", yscale="log", xlabel="steps", title=f"theorem {row.theorem}")
        ax.set_ylabel(row.statement.split(" <= ")[0])
        ax.legend(loc="lower left")


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


def _ticker() -> Any:
    import matplotlib.ticker

    return matplotlib.ticker


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    pyplot = _pyplot()
    with pyplot.rc_context(STYLE):
        return pyplot.subplots(layout="constrained")[1]
