"""The pictures on the page of a comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastgd.plots.style import COLOURS, window
from fastgd.report.drawing import GREY, Scale, Sheet, label

if TYPE_CHECKING:
    from fastgd.comparison import Comparison

LEFT, RIGHT = 128.0, 352.0
ROW = 16.0
TUNED, DEFAULT = COLOURS[0], COLOURS[1]


def comparison_pictures(found: "Comparison", folder: Path) -> dict[str, Path]:
    """Draws what the page shows; the file of each picture by its name.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    rows = found.overview()
    drawn = [("losses", losses(rows), "test loss of each optimizer, tuned and as it comes")]
    if len(found.critical_difference()[0]) > 1:
        drawn += [("ranks", ranks(found), "mean rank of each optimizer")]
    for i, name in enumerate(dict.fromkeys(row["problem"] for row in rows), 1):
        # A problem of the user's own may have any name, and a file may not.
        drawn += [(f"gain-{i}", gains(found, name), f"{name}: gain from tuning, in percent")]
        drawn += [(f"rates-{i}", rates(found, name), f"{name}: validation loss against the rate")]
    made = {}
    for name, sheet, title in drawn:
        made[name] = folder / f"{name}.svg"
        sheet.save(made[name], title)
    return made


def losses(rows: Sequence[Mapping[str, Any]]) -> Sheet:
    """Median and quartiles of the test loss, a panel for each problem, the best first."""
    sheet = Sheet()
    y = 14.0
    sheet.key(y, [(TUNED, "tuned"), (DEFAULT, "as it comes")], LEFT)
    for problem in dict.fromkeys(row["problem"] for row in rows):
        here = sorted((r for r in rows if r["problem"] == problem), key=lambda r: r["tuned"][1])
        low, high, logarithmic = window(
            [row[kind] for row in here for kind in ("default", "tuned")]
        )
        scale = Scale(low, high, LEFT, RIGHT, logarithmic)
        y += 28
        sheet.text(0, y, problem, size=12, bold=True)
        top, y = y + 8, y + 8
        sheet.across(scale, top, top + ROW * len(here), "test loss")
        for row in here:
            y += ROW
            middle = y - ROW / 2
            sheet.text(LEFT - 8, middle + 4, row["optimizer"], "end")
            for kind, colour, shift in (("default", DEFAULT, 3.0), ("tuned", TUNED, -3.0)):
                _spread(sheet, scale, row[kind], middle + shift, colour, kind == "default")
        y += 28
    return sheet


def _spread(
    sheet: Sheet, scale: Scale, three: Sequence[float], y: float, colour: str, square: bool
) -> None:
    low, middle, high = three
    seen = middle <= scale.high
    if seen:
        end = high if np.isfinite(high) else middle  # a bar of what is finite
        sheet.line(scale(low), y, scale(end), y, colour, 1.5)
    sheet.mark(scale(middle) if seen else scale(scale.high), y, colour, square, seen)


def ranks(found: "Comparison") -> Sheet:
    """Mean ranks as bars from 0, with their intervals, and the critical difference."""
    standings = found.standings()
    means, difference = found.critical_difference()
    if standings:
        means = {name: of["mean rank"].value for name, of in standings.items()}
    sheet = Sheet()
    scale = Scale(0.0, float(len(means)), LEFT, RIGHT)
    bottom = 6 + ROW * len(means)
    sheet.across(scale, 6, bottom, "mean rank (1 is best)")
    for i, (name, mean) in enumerate(means.items()):
        y = 6 + ROW * (i + 0.5)
        sheet.text(LEFT - 8, y + 4, name, "end")
        sheet.box(LEFT, y - 5, scale(mean) - LEFT, 10, COLOURS[5])
        if name in standings:
            span = standings[name]["mean rank"]
            sheet.line(scale(span.low), y, scale(span.high), y, COLOURS[0], 2)
    if np.isfinite(difference):
        y = bottom + 44
        reach = scale(min(difference, scale.high))
        sheet.line(LEFT, y, reach, y, "#222222", 2)
        sheet.text(LEFT, y + 14, f"critical difference (Nemenyi): {difference:.1f}", colour=GREY)
    return sheet


def gains(found: "Comparison", problem: str) -> Sheet:
    """The gain from each optimizer as it comes (rows) to each tuned one (columns), in percent."""
    names, table = found.gains(problem)
    cell, left, top = 25.0, LEFT, 112.0
    sheet = Sheet(max(360.0, left + cell * len(names) + 4))
    sheet.text(0, 14, problem, size=12, bold=True)
    sheet.text(left, 30, "tuned", size=10, colour=GREY)
    sheet.text(left - 8, top - 4, "as it comes", "end", 10, GREY)
    for j, name in enumerate(names):
        sheet.slanted(left + cell * (j + 0.5), top - 6, name)
        y = top + 18.0 * j
        sheet.text(left - 8, y + 13, name, "end")
        for i, value in enumerate(table[j]):
            x = left + cell * i
            sheet.box(x, y, cell - 1, 17, _tint(value))
            dark = abs(value) > 60
            sheet.text(x + cell / 2, y + 12.5, _percent(value), "middle", 9,
                       "#ffffff" if dark else "#222222", bold=i == j)  # fmt: skip
    return sheet


def _percent(value: float) -> str:
    if np.isnan(value):
        return "–"
    return str(round(value)) if value > -999 else "−∞" if np.isinf(value) else "≪0"


def _tint(gain: float) -> str:
    """White at 0, blue at 100, red at -100 and below."""
    if np.isnan(gain):
        return "#eeeeee"
    part = min(abs(gain) / 100.0, 1.0)
    full = (0x1F, 0x5F, 0xA8) if gain > 0 else (0xB5, 0x3A, 0x1E)
    return "#" + "".join(f"{round(255 + (one - 255) * part):02x}" for one in full)


def rates(found: "Comparison", problem: str, columns: int = 3) -> Sheet:
    """Validation loss of each trial against its rate, a small panel for each optimizer."""
    of: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in found.rows:
        if row["problem"] == problem and row["kind"] == "trial":
            schedules = of.setdefault(row["optimizer"], {})
            schedules.setdefault(row["schedule"], []).append((row["lr"], row["validation"]))
    every = [pair for one in of.values() for pairs in one.values() for pair in pairs]
    low, high, logarithmic = window([loss for _, loss in every])
    known = [lr for lr, _ in every if np.isfinite(lr) and lr > 0]
    least, most = (min(known), max(known)) if known else (0.1, 1.0)
    sheet = Sheet()
    sheet.text(0, 14, problem, size=12, bold=True)
    names = list(dict.fromkeys(name for one in of.values() for name in one))
    sheet.key(30, [(COLOURS[i % len(COLOURS)], name) for i, name in enumerate(names)])
    left, gap, height = 34.0, 8.0, 74.0
    width = (sheet.width - left - gap * columns) / columns
    for i, (optimizer, schedules) in enumerate(of.items()):
        x = left + (width + gap) * (i % columns)
        y = 42.0 + (height + 34) * (i // columns)
        across = Scale(least / 1.3, most * 1.3, x, x + width, True)
        up = Scale(low, high, y + 14 + height, y + 14, logarithmic)
        # As large as its panel is wide.
        sheet.text(x, y + 9, optimizer, size=min(10.5, 1.7 * width / len(optimizer)))
        sheet.across(across, y + 14, y + 14 + height, most=3)
        for tick in up.ticks(4):
            sheet.line(x, up(tick), x + width, up(tick))
            if i % columns == 0:
                sheet.text(left - 4, up(tick) + 3.5, label(tick), "end", 9, GREY)
        for schedule, pairs in schedules.items():
            dots = [(across(lr), up(min(loss, high))) for lr, loss in pairs if np.isfinite(lr)]
            sheet.dots(dots, COLOURS[names.index(schedule) % len(COLOURS)])
    return sheet
