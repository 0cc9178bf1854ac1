"""Pictures of a page, as SVG: sharp at any size, small, and drawn in milliseconds.

A sheet is 360 units wide, what a phone shows without scaling. Colours and windows are those of
every other picture.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from fastgd.files import replace_text

__all__ = ["Scale", "Sheet"]

GREY = "#666666"


class Scale:
    """Where a value stands on a sheet, linear or logarithmic."""

    def __init__(
        self, low: float, high: float, start: float, end: float, logarithmic: bool = False
    ) -> None:
        self.low, self.high, self.logarithmic = low, high, logarithmic
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        low, high = self._axis(self.low), self._axis(self.high)
        part = (self._axis(value) - low) / ((high - low) or 1.0)
        return self._start + (self._end - self._start) * min(max(part, 0.0), 1.0)

    def _axis(self, value: float) -> float:
        return math.log(value) if self.logarithmic else value

    def ticks(self, most: int = 5) -> list[float]:
        """Round values, at most so many where that is possible."""
        if self.logarithmic:
            return self._powers(most)
        span = (self.high - self.low) or 1.0
        unit = 10.0 ** math.floor(math.log10(span / most))
        step = next(f * unit for f in (1, 2, 5, 10, 20) if span / (f * unit) <= most)
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first
        return [(first + i) * step for i in range(count + 1)]

    def _powers(self, most: int) -> list[float]:
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        stride = max(1, -(-(last - first + 1) // most))
        found = [10.0**i for i in range(first, last + 1, stride)]
        if len(found) > 1:
            return found
        nearby = range(first - 1, last + 2)
        parts = [f * 10.0**i for i in nearby for f in (1, 2, 5)]
        return [one for one in parts if self.low <= one <= self.high]


def label(value: float) -> str:
    """A tick's: 0.01, 1e-4."""
    if value and not 1e-3 <= abs(value) < 1e4:
        exponent = math.floor(math.log10(abs(value)) + 1e-9)
        return f"{value / 10.0**exponent:.3g}e{exponent}"
    return f"{value:.6g}"


class Sheet:
    """Shapes and words, and the file that they become."""

    def __init__(self, width: float = 360.0) -> None:
        self.width = width
        self.height = 0.0
        self._parts: list[str] = []

    def _reach(self, y: float) -> None:
        self.height = max(self.height, y)

    def text(
        self, x: float, y: float, words: str, anchor: str = "start", size: float = 10.5,
        colour: str = "#222222", bold: bool = False,
    ) -> None:  # fmt: skip
        """Words whose line stands on y."""
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" '
            f'fill="{colour}"{weight}>{escape(words)}</text>'
        )
        self._reach(y + 0.3 * size)

    def slanted(self, x: float, y: float, words: str) -> None:
        """Words that rise to the right from a point."""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" fill="#222222" '
            f'transform="rotate(-60 {x:.1f} {y:.1f})">{escape(words)}</text>'
        )

    def line(
        self, x: float, y: float, x2: float, y2: float, colour: str = "#DDDDDD", width: float = 1.0
    ) -> None:
        self._parts.append(
            f'<path d="M{x:.1f} {y:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width:g}"/>'
        )
        self._reach(max(y, y2))

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{colour}"/>'
        )
        self._reach(y + height)

    def mark(
        self, x: float, y: float, colour: str, square: bool = False, full: bool = True
    ) -> None:
        """A dot or a square; hollow where the value lies beyond the edge."""
        paint = f'fill="{colour}"' if full else f'fill="#ffffff" stroke="{colour}"'
        if square:
            shape = f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" {paint}/>'
        else:
            shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" {paint}/>'
        self._parts.append(shape)

    def dots(self, places: Iterable[tuple[float, float]], colour: str) -> None:
        """Many small dots, in one shape."""
        path = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)
        if path:
            self._parts.append(
                f'<path d="{path}" stroke="{colour}" stroke-width="3" stroke-linecap="round" '
                'stroke-opacity=".7"/>'
            )

    def across(
        self, scale: Scale, top: float, bottom: float, name: str = "", most: int = 5
    ) -> None:
        """A horizontal axis: lines from top to bottom, numbers and a name below."""
        first, last = scale(scale.low), scale(scale.high)
        for value in scale.ticks(most):
            x, words = scale(value), label(value)
            # A number at an end stays within: another axis may begin there.
            half = 3.0 * len(words)
            anchor = "start" if x - half < first else "end" if x + half > last else "middle"
            self.line(x, top, x, bottom)
            self.text(x, bottom + 12, words, anchor, 10, GREY)
        if name:
            middle = (scale(scale.low) + scale(scale.high)) / 2
            self.text(middle, bottom + 25, name, "middle", 11, GREY)

    def key(self, y: float, entries: Sequence[tuple[str, str]], x: float = 0.0) -> None:
        """A line of a legend: (colour, word) pairs."""
        for colour, word in entries:
            self.mark(x + 4, y - 4, colour)
            self.text(x + 11, y, word)
            x += 22 + 6.1 * len(word)

    def save(self, path: Path, title: str) -> None:
        height = self.height + 4
        replace_text(
            path,
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {height:.1f}" '
            f'width="{self.width:g}" height="{height:.1f}" '
            'font-family="system-ui, sans-serif" fill="none">\n'
            f"<title>{escape(title)}</title>\n" + "\n".join(self._parts) + "\n</svg>\n",
        )
