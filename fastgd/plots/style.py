"""One style for every picture. matplotlib is imported here only, and only when something is drawn.

The colours are those of Okabe and Ito (2008), told apart in every kind of colour blindness, with a
line style beside each, so that a picture in grey says the same.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastgd.files import replace_file

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


def pyplot() -> Any:
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError(
            'pictures need matplotlib, which is missing: pip install "fastgd[plot]"'
        ) from error
    return matplotlib.pyplot


@contextmanager
def styled(more: Mapping[str, Any] | None = None) -> Iterator[None]:
    """matplotlib's settings are ours inside, and what they were before after it.

    Only those that we set are put back. `pyplot.rc_context` puts back all of them, among them
    `interactive`, which a notebook's backend turns on when the first figure is made: no figure
    would be shown from then on.
    """
    settings = pyplot().rcParams
    ours = STYLE | dict(more or {})
    before = {name: settings[name] for name in ours}
    settings.update(ours)
    try:
        yield
    finally:
        settings.update(before)


def axes_or_new(ax: Any) -> Any:
    if ax is not None:
        return ax
    with styled():
        return pyplot().subplots(layout="constrained")[1]


def panels(columns: int, rows: int = 1, **options: Any) -> tuple[Any, Any]:
    """A new figure and its axes, row by row."""
    figure, axes = pyplot().subplots(rows, columns, layout="constrained", **options)
    return figure, np.atleast_1d(axes).ravel()


def look(i: int) -> dict[str, Any]:
    """Colour and dashes of the line number i."""
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": DASHES[i % len(DASHES)]}


def logarithmic(
    ax: Any, lowest: float, highest: float, which: str = "y", powers: bool = False
) -> None:
    """A logarithmic axis, y or x, for values between the two, labelled in one style throughout.

    As powers of ten, or as numbers; these are all plain, or all with an exponent.
    """
    ax.set(**{f"{which}scale": "log"})
    axis = ax.yaxis if which == "y" else ax.xaxis
    # Powers of ten alone leave less than two decades without a label.
    few = highest < 300 * lowest
    ticker = _ticker()
    if few and powers:
        # Out to the next powers of ten, so that two of them are seen.
        low, high = math.floor(math.log10(lowest)), math.ceil(math.log10(highest))
        ax.set(**{f"{which}lim": (10.0**low, 10.0 ** max(high, low + 1))})
        few = False
    places = ticker.LogLocator(
        subs=(1, 2, 5) if few else (1,), numticks=5 if which == "x" and not few else None
    )
    if few and highest < 5 * lowest:
        # Of 1, 2 and 5 one alone may be in sight, and matplotlib then takes too many others.
        places = ticker.MaxNLocator(4)
    axis.set_major_locator(places)
    if powers:
        axis.set_major_formatter(ticker.LogFormatterMathtext())
    elif lowest >= 1e-3 and highest < 1e5:
        axis.set_major_formatter("{x:g}")
    else:
        axis.set_major_formatter(ticker.FuncFormatter(lambda x, _: _with_exponent(x)))
    axis.set_minor_formatter(ticker.NullFormatter())


def _with_exponent(value: float) -> str:
    """2e-5 for 0.00002: an axis that needs exponents anywhere has them everywhere."""
    exponent = math.floor(math.log10(value) + 1e-9)
    return f"{value / 10.0**exponent:.3g}e{exponent}"


def legend(ax: Any, above: bool) -> None:
    """The legend of all panels, above them or in this one."""
    if above:
        handles, labels = ax.get_legend_handles_labels()
        ax.figure.legend(handles, labels, loc="outside upper right", fontsize=10, ncols=4)
    else:
        ax.legend(fontsize=9)


def window(losses: ArrayLike) -> tuple[float, float, bool]:
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


def circle(centre: tuple[float, float], radius: float, colour: str) -> Any:
    from matplotlib.patches import Circle

    return Circle(centre, radius, facecolor=colour, edgecolor="black", linewidth=1.2, zorder=2)


def bare(ax: Any, across: tuple[float, float], up: tuple[float, float]) -> None:
    """Axes that are a sheet of paper: equal units, nothing around them."""
    ax.set(xlim=across, ylim=up, aspect="equal")
    ax.axis("off")


def texts(figure: Any) -> list[Any]:
    """Every piece of text of a figure that somebody wrote, tick labels aside."""
    from matplotlib.text import Text

    ticks = {
        label
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        if not isinstance(axis.get_major_formatter(), _ticker().FixedFormatter)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        for label in (tick.label1, tick.label2)
    }
    return [text for text in figure.findobj(Text) if text.get_text() and text not in ticks]


def translate(figure: Any, words: Mapping[str, str]) -> None:
    """Puts what `words` has for it in the place of each text of a figure; formulas stay."""
    for text in texts(figure):
        text.set_text(words.get(text.get_text(), text.get_text()))


def save(ax: Any, path: str | Path, title: str = "", description: str = "") -> None:
    """Writes the figure of `ax` to a file and closes it, so that many pictures hold no memory.

    Parameters
    ----------
    ax : matplotlib Axes
    path : str or Path
        Its suffix says the format: .png, .svg, .pdf.
    title, description : str, optional
        Written into the file, where its format has a place for them.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with styled():
        write(ax.figure, path, title, description, bbox_inches="tight")
    pyplot().close(ax.figure)


def write(figure: Any, path: str | Path, title: str, description: str, **options: Any) -> None:
    """The figure as a file, whole or not at all, that says what it shows: each time the same."""
    about = {"png": "Description", "svg": "Description", "pdf": "Subject"}
    kind = Path(path).suffix[1:].lower()
    metadata: dict[str, Any] = {}
    if kind in about:
        metadata = {"Title": title or None, about[kind]: description or None}
        metadata = {name: text for name, text in metadata.items() if text}
    if kind == "svg":
        metadata["Date"] = None
    options |= {"format": kind or None, "metadata": metadata or None}
    replace_file(Path(path), lambda file: figure.savefig(file, **options))


def _ticker() -> Any:
    import matplotlib.ticker

    return matplotlib.ticker
