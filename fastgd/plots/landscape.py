"""Paths of runs over the level lines of an objective of two parameters."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd import theory
from fastgd.history import Result
from fastgd.plots.style import axes_or_new, look, styled

if TYPE_CHECKING:
    from fastgd.objectives import Objective

__all__ = ["contour"]

Vector = NDArray[np.float64]


def contour(
    objective: "Objective",
    results: Result | Mapping[str, Result] | Sequence[Result],
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
    ax = axes_or_new(ax)
    with styled():
        draw_levels(ax, objective, marks.min(axis=0), marks.max(axis=0))
        for i, (label, points) in enumerate(paths.items()):
            draw_path(ax, points, i, label)
        if best is not None and np.isfinite(best.loss):
            draw_minimum(ax, best.theta, label="")
        ax.set(xlabel="$θ_1$", ylabel="$θ_2$")
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), fontsize="small")
    return ax


def draw_minimum(ax: Any, place: Sequence[float] | Vector, label: str = "minimum") -> None:
    ax.plot(*place, "*", color="black", markersize=14, zorder=3, label=label or None)


def draw_levels(
    ax: Any, objective: "Objective", low: Vector, high: Vector, count: int = 14
) -> None:
    """Level lines over the rectangle from `low` to `high` and a margin around it."""
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


def draw_path(ax: Any, points: Vector, i: int, label: str) -> None:
    few = len(points) <= 60
    ax.plot(
        points[:, 0], points[:, 1], label=textwrap.fill(label, 60), zorder=2, **look(i),
        marker="os^D"[i % 4] if few else None, markersize=5,
    )  # fmt: skip


def draw_arrow(
    ax: Any, start: Vector, move: Vector, colour: str, width: float, label: str | None
) -> None:
    ax.annotate("", start + move, start, zorder=3, arrowprops={
        "arrowstyle": "-|>,head_length=0.8,head_width=0.4", "lw": width, "color": colour,
        "shrinkA": 0, "shrinkB": 0,
    })  # fmt: skip
    if label:
        ax.plot([], [], color=colour, lw=width, label=label)
