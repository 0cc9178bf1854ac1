"""Pictures of a run: its losses, its schedule, its rates, its certificate."""

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fastgd.plots.style import axes_or_new, logarithmic, look, panels, styled

if TYPE_CHECKING:
    from fastgd.comparison import RateRange
    from fastgd.history import Result
    from fastgd.schedules import Schedule
    from fastgd.theory import Certificate

__all__ = ["plot_certificate", "plot_losses", "plot_rate_range", "plot_result", "plot_schedule"]

# What a theorem bounds, as an axis says it.
LABELS = {
    "1": r"$L(\theta_T) - L^*$",
    "2": r"$\min_{t<T}\ \|\nabla L(\theta_t)\|^2$",
    "3": r"$\sum_{t<T} \|\nabla L(\theta_t)\|^2 / T$",
    "4": r"$\sum_{t<T} \|\nabla L(\theta_t)\|^2 / T$",
    "5": r"$L(\theta_T) - L^*$",
    "6": r"$\sum \eta_t \|\nabla L(\theta_t)\|^2 / \sum \eta_t$",
    "7": r"$L(\theta_T) - L^*$",
    "8": r"$L(\theta_T) - L^*$",
    "9": r"$L(\theta_T) - L^*$",
    "10": r"$\|\theta_T - \theta^*\|^2$",
    "11": r"$\|\theta_T - \theta^*\|^2$",
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
    ax = axes_or_new(ax)
    with styled():
        for i, (label, (steps, losses)) in enumerate(curves.items()):
            ax.plot(steps, losses, label=textwrap.fill(label, 30), **look(i))
        drawn = [np.asarray(one) for _, one in curves.values()]
        lowest = min((float(one.min(initial=np.inf)) for one in drawn), default=np.inf)
        highest = max((float(one.max(initial=-np.inf)) for one in drawn), default=-np.inf)
        if 0 < lowest < np.inf:
            logarithmic(ax, lowest, highest)
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
    ax = axes_or_new(ax)
    steps = np.arange(min(total, 10_000))
    if total > 10_000:
        steps = np.linspace(0, total - 1, 10_000).astype(np.int64)
    with styled():
        label = textwrap.fill(str(schedule), 80)
        ax.plot(steps, schedule(steps, total), label=label, **look(len(ax.lines)))
        ax.set(xlabel="step", ylabel="value")
        # Above the axes, where the longest composition leaves the curves their room.
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), fontsize="small")
    return ax


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
    ax = axes_or_new(ax)
    with styled():
        finite = np.isfinite(found.loss)
        loss = found.loss[finite]
        ax.plot(found.lr[finite], loss, **look(0))
        if np.isfinite(found.suggestion):
            # The explosion at the end would hide the fall before it.
            fall = loss[0] - loss.min()
            if loss.max() > loss[0] + 0.25 * fall:
                ax.set_ylim(loss.min() - 0.05 * fall, loss[0] + 0.25 * fall)
            label = f"suggested: {found.suggestion:.2g}"
            ax.axvline(found.suggestion, label=label, **look(1))
            ax.legend()
        ax.set(xlabel="learning rate", ylabel="loss", xscale="log")
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
    ['steps T', 'steps T', 'steps T', 'steps T']
    """
    rows = [row for row in certificate.rows if row.curve is not None]
    if not rows:
        raise ValueError("no theorem applies that has something to draw: print the certificate")
    if axes is None:
        with styled():
            columns = min(len(rows), 3)
            lines = -(-len(rows) // columns)
            axes = panels(columns, lines, figsize=(5.5 * columns, 4.5 * lines))[1]
            for ax in axes[len(rows) :]:
                ax.remove()
            axes = axes[: len(rows)]
    for ax, row in zip(axes, rows, strict=True):
        draw_bound(ax, row)
    return axes


def draw_bound(ax: Any, row: Any) -> None:
    """One theorem of a certificate."""
    steps, observed, bound = row.curve
    with styled():
        # Below the rounding of the losses there is nothing to see.
        seen = np.asarray(observed) > 1e-15 * bound[0]
        ax.plot(steps, bound, label="bound", **look(1))
        label = "observed" if row.stderr is None else "mean over seeds"
        ax.plot(steps[seen], observed[seen], label=label, **look(0))
        lowest = min(observed[seen].min(initial=np.inf), bound.min())
        logarithmic(ax, lowest, max(observed.max(), bound.max()), powers=True)
        logarithmic(ax, steps[0], steps[-1], "x", powers=True)
        ax.set(xlabel="steps T", title=f"theorem {row.theorem}")
        ax.set_ylabel(LABELS[row.theorem])
        ax.legend(loc="lower left")
