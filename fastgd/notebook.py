"""What a notebook shows of an object: small tables and curves in HTML, without any library."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Markup", "curve", "facts", "number", "table"]


def number(value: Any) -> str:
    """As a cell shows it: four digits of a float, everything else as it is."""
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


def escape(text: str) -> str:
    """Text as HTML shows it."""
    from html import escape as escaped  # its tables of entities are a twentieth of `import fastgd`

    return escaped(text)


def facts(rows: Mapping[str, str]) -> str:
    """A table of names and what there is to say of each; the values are HTML already."""
    cells = [f"<tr><th>{escape(name)}</th><td>{text}</td></tr>" for name, text in rows.items()]
    return f"<table>{''.join(cells)}</table>"


class Markup(str):
    """Text of a cell that is HTML already, of a number with what goes with it."""


class Words(str):
    """Text of a cell that is HTML already, of words."""


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table with a line of headings; numbers stand to the right, and so do their headings."""
    body = [list(row) for row in rows]
    first = body[0] if body else [""] * len(header)
    lines = [_line("th", [escape(one) for one in header], map(_to_the_right, first))]
    for row in body:
        texts = [one if isinstance(one, (Markup, Words)) else escape(number(one)) for one in row]
        lines.append(_line("td", texts, map(_to_the_right, row)))
    return "<table>" + "\n".join(lines) + "</table>"


def _to_the_right(value: Any) -> bool:
    return isinstance(value, (int, float, np.number, Markup))


def _line(tag: str, texts: Iterable[str], right: Iterable[bool]) -> str:
    cells = [
        f'<{tag} class="number">{text}</{tag}>' if side else f"<{tag}>{text}</{tag}>"
        for text, side in zip(texts, right, strict=True)
    ]
    return f"<tr>{''.join(cells)}</tr>"


def curve(
    values: NDArray[np.float64],
    what: str,
    width: int = 180,
    height: int = 32,
    logarithmic: bool = True,
) -> str:
    """A curve as inline SVG, logarithmic where it can be; empty for fewer than two points."""
    places = np.flatnonzero(np.isfinite(values))
    if len(places) < 2:
        return ""
    if len(places) > width:
        places = places[np.linspace(0, len(places) - 1, width).astype(np.int64)]
    values = values[places]
    if logarithmic and values.min() > 0:
        values = np.log(values)
    span = float(values.max() - values.min()) or 1.0
    x = 2 + (width - 4) * (places - places[0]) / (places[-1] - places[0])
    y = 2 + (height - 4) * (values.max() - values) / span
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="{escape(what)}">'
        f'<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="1.5"/></svg>'
    )
