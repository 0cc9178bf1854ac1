"""The explorer's page. bokeh is imported here only, and only when a page is made.

bokeh draws; what is drawn when a control moves is decided by explorer.js, from the packed runs.
"""

import html as markup
import json
import string
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from fastgd.explorer import runs
from fastgd.explorer.landscapes import Landscape

__all__ = ["page"]

# Okabe and Ito's blue and vermilion: told apart in every kind of colour blindness.
FIRST, SECOND = "#0072B2", "#D55E00"
INK, MUTED = "#222222", "#6B7280"
# From the floor of a valley up; pale, so that paths stand out on it.
GROUND = (
    "#FFFFFF", "#F7FAFC", "#EFF4F8", "#E7EEF4", "#DFE8F0", "#D7E2EC", "#CFDCE8", "#C7D6E4",
    "#BFD0E0", "#B7CADC", "#AFC4D8", "#A7BED4", "#9FB8D0",
)  # fmt: skip
CELLS = 161


def page(lands: Sequence[Landscape], language: str = "en") -> str:
    """One HTML file that holds everything it needs.

    Parameters
    ----------
    lands : sequence of Landscape, at least one
    language : "en" or "fr"
        Of the two between which the page switches, the one in which it opens.

    Returns
    -------
    str

    Raises
    ------
    ImportError
        bokeh is missing.
    """
    try:
        from bokeh.embed import components
        from bokeh.resources import Resources
    except ImportError:
        raise ImportError('the explorer needs bokeh: pip install "fastgd[explore]"') from None
    script, places = components({
        "map": _map(lands), "loss": _curves("loss"), "slope": _curves("slope"), "rates": _rates()
    })  # fmt: skip
    library = "\n".join(Resources(mode="inline", components=["bokeh"]).js_raw)
    text = string.Template(_read("explorer.html"))
    return text.substitute(
        language=language,
        style=_read("explorer.css"),
        # A text that ends a script would end the element that holds it.
        library=library.replace("</script", "<\\/script"),
        data=json.dumps(_data(lands), ensure_ascii=False).replace("<", "\\u003c"),
        script=_read("explorer.js"),
        figures=script,
        **places,
    )


def _read(name: str) -> str:
    return files("fastgd.explorer").joinpath(name).read_text(encoding="utf-8")


def _data(lands: Sequence[Landscape]) -> dict[str, Any]:
    return {
        "steps": runs.STEPS,
        "places": runs.PLACES,
        "decade": runs.DECADE,
        "words": json.loads(_read("words.json")),
        "rules": [
            {
                "name": rule.name,
                "title": rule.title,
                "formula": rule.formula,
                "gammas": list(rule.gammas),
                "gamma": "β₁" if rule.gamma == "beta1" else "γ",
                "beta2s": list(rule.beta2s),
                "scale": rule.scale,
                "robbins": _robbins(rule),
                "plain": rule.kind is runs.SGD,
            }
            for rule in runs.RULES
        ],
        "lands": [_land(one) for one in lands],
    }


def _robbins(rule: runs.Rule) -> bool | None:
    """Whether its rates meet Robbins and Monro's two conditions, as fastgd's schedules say."""
    gamma, beta2 = next(rule.settings())
    schedule = rule.make(0.1, gamma, beta2).lr
    return runs.schedules.as_schedule(schedule).robbins_monro


def _land(land: Landscape) -> dict[str, Any]:
    made = runs.grid(land)
    found = {
        name: getattr(land, name)
        for name in ("name", "title", "note", "dimension", "window", "mirrors", "least", "beta",
                     "smooth", "convex", "sigmas", "batches", "rows", "axes")
    }  # fmt: skip
    return found | {
        "starts": land.starts.tolist(),
        "minimum": land.minimum.tolist(),
        "minima": [list(one) for one in land.minima] or [land.minimum.tolist()],
        "values": land.value(land.starts).tolist(),
        "rates": [runs.rates(rule, land) for rule in runs.RULES],
        "levels": [sigma for sigma, _ in land.levels()],
        "sigma2": made.sigma2,
        "own": None if land.own is None else _own(land),
        **runs.pack(land, made),
    }


def _own(land: Landscape) -> dict[str, Any]:
    """At most 400 points of the user's own path, and their L - L*."""
    assert land.own is not None
    some = np.unique(np.linspace(0, len(land.own) - 1, 400).astype(np.int64))
    points = land.own[some]
    return {
        "steps": some.tolist(),
        "points": points.tolist(),
        "gaps": (land.value(points) - land.least).tolist(),
    }


def _figure(name: str, **options: Any) -> Any:
    from bokeh.plotting import figure

    made = figure(name=name, sizing_mode="stretch_both", toolbar_location=None, tools="",
                  min_border_right=12, **options)  # fmt: skip
    for axis in (*made.xaxis, *made.yaxis):
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "15px"
        axis.axis_label_text_color = axis.major_label_text_color = INK
        axis.minor_tick_line_color = None
    made.grid.grid_line_color = "#E5E7EB"
    made.outline_line_color = "#D1D5DB"
    made.background_fill_color = made.border_fill_color = "#FFFFFF"
    return made


def _path(figure: Any, name: str, colour: str, marker: str, dash: Any, **look: Any) -> None:
    """One of the two rules: a line with marks, told apart by colour, mark and dash alike."""
    from bokeh.models import ColumnDataSource

    source = ColumnDataSource({"x": [], "y": []}, name=f"{figure.name}-{name}")
    figure.line("x", "y", source=source, color=colour, line_dash=dash, line_width=2.5)
    figure.scatter("x", "y", source=source, marker=marker, fill_color=colour, line_color="white",
                   line_width=0.7, **look)  # fmt: skip


def _points(figure: Any, name: str, **look: Any) -> Any:
    from bokeh.models import ColumnDataSource

    source = ColumnDataSource({"x": [], "y": []}, name=f"{figure.name}-{name}")
    return figure.scatter("x", "y", source=source, **look)


def _line(figure: Any, name: str, **look: Any) -> None:
    from bokeh.models import ColumnDataSource

    source = ColumnDataSource({"x": [], "y": []}, name=f"{figure.name}-{name}")
    figure.line("x", "y", source=source, **look)


def _map(lands: Sequence[Landscape]) -> Any:
    from bokeh.events import Tap
    from bokeh.models import CustomJS, Range1d

    # Room for the widest labels, so that the frame stays in place from one function to another.
    made = _figure("map", x_range=Range1d(start=-1, end=1), y_range=Range1d(start=-1, end=1),
                   min_border_left=72, min_border_top=12)  # fmt: skip
    made.grid.grid_line_color = None
    for i, land in enumerate(lands):
        if land.dimension == 1:
            x = np.linspace(*land.window[0], 201)
            drawn = made.line(x, land.value(x[:, None]), color=MUTED, line_width=2.5)
        else:
            drawn = _level_lines(made, land)
        drawn.name, drawn.visible = f"ground-{i}", i == 0
    _points(made, "starts", marker="cross", size=9, color=MUTED, line_width=1.5)
    _points(made, "minima", marker="star", size=20, fill_color="#F0E442", line_color=INK)
    _line(made, "own", color=INK, line_dash="dotted", line_width=2.5)
    _path(made, "b", SECOND, "square", [9, 4], size=7)
    _path(made, "a", FIRST, "circle", "solid", size=8)
    _points(made, "start", marker="circle", size=20, fill_color=None, line_color=INK, line_width=2)
    _points(made, "head-b", marker="square", size=15, fill_color=SECOND, line_color=INK,
            line_width=1.5)  # fmt: skip
    _points(made, "head-a", marker="circle", size=15, fill_color=FIRST, line_color=INK,
            line_width=1.5)  # fmt: skip
    made.js_on_event(Tap, CustomJS(code="window.explorer.tap(cb_obj.x, cb_obj.y)"))
    return made


def _level_lines(figure: Any, land: Landscape) -> Any:
    (left, right), (bottom, top) = land.window
    x, y = np.linspace(left, right, CELLS), np.linspace(bottom, top, CELLS)
    X, Y = np.meshgrid(x, y)
    gaps = land.value(np.column_stack([X.ravel(), Y.ravel()])).reshape(X.shape) - land.least
    # Of a bowl these are at equal distances; of anything else, every band has its share.
    parts = np.linspace(0, 1, len(GROUND) + 2)[2:] ** 2
    # The lowest is below all there is, so that no line is drawn of it.
    levels = np.array([gaps.min() - 1.0, *np.unique(np.quantile(gaps, parts))])
    levels[-1] += abs(levels[-1])
    colours = [GROUND[k] for k in np.linspace(0, len(GROUND) - 1, len(levels) - 1).astype(int)]
    return figure.contour(x, y, gaps, levels, fill_color=colours, line_color="#7F97B2",
                          line_width=1)  # fmt: skip


def _curves(name: str) -> Any:
    from bokeh.models import Range1d

    made = _figure(name, y_axis_type="log", x_range=Range1d(start=0, end=runs.STEPS),
                   y_range=Range1d(start=1e-3, end=1e1))  # fmt: skip
    for rule, colour in (("a", FIRST), ("b", SECOND)):
        _line(made, f"floor-{rule}", color=colour, line_dash=[1, 4], line_width=2)
        _line(made, f"bound-{rule}", color=colour, line_dash=[4, 4], line_width=2)
        _line(made, f"whole-{rule}", color=colour, alpha=0.35, line_width=2)
    _line(made, "own", color=INK, line_dash="dotted", line_width=2.5)
    _path(made, "b", SECOND, "square", [9, 4], size=5)
    _path(made, "a", FIRST, "circle", "solid", size=6)
    return made


def _rates() -> Any:
    from bokeh.models import Range1d
    from bokeh.models.annotations import Label, Span

    made = _figure("rates", x_axis_type="log", y_axis_type="log",
                   x_range=Range1d(start=1e-3, end=1e1),
                   y_range=Range1d(start=1e-3, end=1e1))  # fmt: skip
    for name, text, dash in (("one", "1/β", "solid"), ("two", "2/β", "dashed")):
        made.add_layout(Span(location=1.0, dimension="height", line_color=MUTED, line_dash=dash,
                             line_width=1.5, name=f"rates-{name}"))  # fmt: skip
        mark = Label(x=1.0, y=10.0, y_offset=-4, text=text, text_baseline="top",
                     text_font_size="15px", text_color=INK, name=f"rates-{name}-text")  # fmt: skip
        # One on each side, since the two lines are near each other.
        mark.x_offset = -4 if name == "one" else 4
        mark.text_align = "right" if name == "one" else "left"
        made.add_layout(mark)
    _path(made, "b", SECOND, "square", [9, 4], size=6)
    _path(made, "a", FIRST, "circle", "solid", size=7)
    for rule, colour, marker in (("b", SECOND, "square"), ("a", FIRST, "circle")):
        _points(made, f"now-{rule}", marker=marker, size=16, fill_color=colour, line_color=INK,
                line_width=2)  # fmt: skip
    return made


def frame(html: str, height: int = 900) -> str:
    """A page inside another, such as a notebook."""
    # A page at a data: address could neither be as large as this nor keep its state.
    return (
        f'<iframe srcdoc="{markup.escape(html)}" width="100%" height="{height}" '
        'style="border:0" title="fastgd explorer"></iframe>'
    )
