"""Pages: what a comparison has found, as one HTML file that needs no network.

What a page looks like stands in the templates beside this file; here they are filled.
"""

import base64
import math
import string
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastgd.notebook import Markup, Words, number, table
from fastgd.report.pictures import comparison_pictures

if TYPE_CHECKING:
    from fastgd.comparison import Comparison

__all__ = ["comparison_page", "comparison_pictures", "fill"]


def fill(template: str, **parts: str) -> str:
    """A template of this folder with each ``$name`` in it replaced; `style` is given.

    Parameters
    ----------
    template : str
        Its file's name.
    **parts : str
        HTML for each name.

    Raises
    ------
    KeyError
        A name has no part.
    """
    here = files("fastgd.report")
    text = here.joinpath(template).read_text(encoding="utf-8")
    style = here.joinpath("page.css").read_text(encoding="utf-8").strip()
    return string.Template(text).substitute(parts, style=style)


def comparison_page(
    found: "Comparison",
    pictures: Mapping[str, Path],
    spaces: Mapping[str, Mapping[str, str]],
    made: str,
) -> str:
    """The page of a comparison.

    Parameters
    ----------
    found : Comparison
    pictures : mapping of a name to an SVG file
        As `comparison_pictures` returns them; they become part of the page.
    spaces : mapping of an optimizer to {hyperparameter: how it was drawn}
    made : str
        By what the page was made, as HTML.

    Returns
    -------
    str
    """
    means, difference = found.critical_difference()
    rows, ranks = found.overview(), found.ranks()
    return fill(
        "comparison.html",
        protocol=_protocol(found),
        verdict="\n".join(f"<li>{escape(one)}</li>" for one in found.verdict().splitlines()),
        findings=_findings(found),
        difference=_difference(found.friedman(), difference, len(ranks)) if len(means) > 1 else "",
        ranks=_standings(found),
        ranks_picture=_figures(pictures, "ranks"),
        losses="\n".join(_losses(rows, problem) for problem in ranks),
        losses_picture=_figures(pictures, "losses"),
        behind=_behind(rows),
        budgets=_budgets(found),
        gains=_figures(pictures, "gain", "wide"),
        rates=_figures(pictures, "rates"),
        spaces=table(
            ["optimizer", "parameter", "drawn"],
            [(name, key, drawn) for name, of in spaces.items() for key, drawn in of.items()],
        ),
        made=made,
    )


def _protocol(found: "Comparison") -> str:
    draws = {row.get("draw", 0) for row in found.rows}
    schedules = list(dict.fromkeys(row["schedule"] for row in found.rows))
    budget = _most(found.losses("trial")) // max(1, len(draws))
    tuned = _most(found.losses("tuned"))
    anew = f"{len(draws)} draws of the tuning" if len(draws) > 1 else "one draw of the tuning"
    return (
        f"{anew}, each on another split of the data where there is one; in each, "
        f"{budget} trials for each optimizer under each schedule ({escape(', '.join(schedules))}), "
        f"the best chosen by validation loss; test loss over {tuned} seeds: median (quartiles)."
    )


def _difference(p_value: float, difference: float, count: int) -> str:
    said = "" if p_value < 0.05 else ", not below 0.05, so that no difference is to be read from it"
    problems = f"{count} problem{'s' * (count != 1)}"
    return (
        f"Do these ranks carry over to other problems? Friedman's test over the {problems}: "
        f"p = {p_value:.2g}{said}. By Nemenyi's, mean ranks would have to differ by "
        f"{difference:.3g} to differ at 5 %."
    )


def _findings(found: "Comparison") -> str:
    lines = []
    for one in found.findings():
        numbers = "".join(f"<li>{escape(n)}: {e}</li>" for n, e in one.numbers.items())
        lines.append(f"<li>{escape(one.sentence)}.<ul>{numbers}</ul></li>")
    if not lines:
        return "<p>They need five draws of the tuning.</p>"
    return f"<ul>{''.join(lines)}</ul>"


def _standings(found: "Comparison") -> str:
    ranks, standings = found.ranks(), found.standings()
    means, _ = found.critical_difference()
    if not standings:
        return table(
            ["optimizer", "mean rank", *ranks],
            [(name, mean, *(ranks[p][name] for p in ranks)) for name, mean in means.items()],
        )
    rows: list[Sequence[Any]] = []
    for name, of in standings.items():
        rank, often = of["mean rank"], of["among the best third"]
        rows.append(
            (name, _interval(rank), f"{often.value:.0f} of {len(ranks)}",
             *(ranks[p].get(name, math.nan) for p in ranks))
        )  # fmt: skip
    return table(["optimizer", "mean rank", "in the best third on", *ranks], rows)


def _interval(one: Any) -> Markup:
    return Markup(f"{one.value:.3g} <small>[{one.low:.3g}, {one.high:.3g}]</small>")


def _losses(rows: Sequence[Mapping[str, Any]], problem: str) -> str:
    here = sorted((r for r in rows if r["problem"] == problem), key=lambda r: r["tuned"][1])
    lines: list[Sequence[Any]] = [
        (_named(row), row["schedule"], _spread(row["tuned"]), _spread(row["default"]),
         _percent(row["gain"]), _percent(100 * row["diverged"]))
        for row in here
    ]  # fmt: skip
    header = ["optimizer", "schedule", "tuned", "default", "gain", "diverged"]
    return (
        f'<section><h3>{escape(problem)}</h3>\n<div class="scroll">{table(header, lines)}</div>'
        "</section>"
    )


def _named(row: Mapping[str, Any]) -> Any:
    star = '<sup title="behind the best by more than the noise">*</sup>' if row["behind"] else ""
    return Words(escape(row["optimizer"]) + star)


def _behind(rows: Sequence[Mapping[str, Any]]) -> str:
    """What there is to say of those whom tuning did not help."""
    worse = [row for row in rows if row["gain"] < 0]
    if not worse:
        return "Tuned, no optimizer is worse than as it comes."
    beyond = [row for row in worse if row["gain_interval"][1] < 0]
    text = (
        f"Tuned, {len(worse)} of {len(rows)} have a larger median than as they come: among "
        "settings that are about as good as the default, the one of the least validation loss is "
        "chosen by chance. "
    )
    if not beyond:
        return text + "None of these differences exceeds the noise of the draws."
    names = ", ".join(f"{row['optimizer']} on {row['problem']}" for row in beyond)
    return text + f"Beyond the noise of the draws are: {escape(names)}."


def _budgets(found: "Comparison") -> str:
    rows = found.budgets()
    if not rows:
        return "<p>They need five draws of the tuning.</p>"
    best = dict(sorted(rows[-1]["ranks"].items(), key=lambda pair: pair[1].value))
    lines: list[Sequence[Any]] = [("gain, %", *(_interval(row["gain"]) for row in rows))]
    lines += [(name, *(row["ranks"][name].value for row in rows)) for name in best]
    header = ["trials", *(str(row["budget"]) for row in rows)]
    return f'<div class="scroll">{table(header, lines)}</div>'


def _spread(three: Sequence[float]) -> Markup:
    low, middle, high = map(number, three)
    return Markup(f"{middle} <small>({low} – {high})</small>")


def _percent(value: float) -> Markup:
    return Markup(f"{round(value)} %" if math.isfinite(value) else "–")  # and never -0


def _most(losses: Mapping[Any, Sequence[float]]) -> int:
    return max((len(values) for values in losses.values()), default=0)


def _figures(pictures: Mapping[str, Path], start: str, kind: str = "") -> str:
    found = []
    for name, path in pictures.items():
        if name.startswith(start):
            data = base64.b64encode(path.read_bytes()).decode()
            image = f'<img alt="{escape(name)}" src="data:image/svg+xml;base64,{data}">'
            found.append(f'<figure class="{kind}">{image}</figure>' if kind
                         else f"<figure>{image}</figure>")  # fmt: skip
    return "\n".join(found)
