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

from fastgd import plots
from fastgd.notebook import Markup, number, table

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


def comparison_pictures(found: "Comparison", folder: Path) -> dict[str, Path]:
    """Draws what the page shows; the file of each picture by its name.

    Raises
    ------
    ImportError
        matplotlib is missing.
    OSError
        A file cannot be written.
    """
    # In one column or two: a phone's screen shows no more.
    losses = plots.plot_comparison(found, columns=1)[0]
    drawn = [("losses", losses, "test loss of each optimizer, tuned and by default")]
    if len(found.critical_difference()[0]) > 1:
        drawn += [("ranks", found.plot_ranks(), "mean rank of each optimizer")]
    for i, name in enumerate(found.ranks(), 1):
        # A problem of the user's own may have any name, and a file may not.
        rates = plots.plot_sensitivity(found, name, columns=3)[0]
        drawn += [(f"gain-{i}", found.plot_gain(name), f"{name}: gain from tuning, in percent")]
        drawn += [(f"rates-{i}", rates, f"{name}: validation loss against the learning rate")]
    made = {}
    for name, ax, title in drawn:
        made[name] = folder / f"{name}.png"
        plots.save(ax, made[name], title)
    return made


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
    pictures : mapping of a name to a PNG file
        As `comparison_pictures` returns them; they become part of the page.
    spaces : mapping of an optimizer to {hyperparameter: how it was drawn}
    made : str
        By what the page was made, as HTML.

    Returns
    -------
    str
    """
    means, difference = found.critical_difference()
    ranks = found.ranks()
    text = (
        f"Mean ranks that differ by less than {difference:.3g} do not differ at 5 % (Nemenyi)."
        if len(means) > 1
        else ""
    )
    return fill(
        "comparison.html",
        budget=str(_most(found.losses("trial"))),
        seeds=str(_most(found.losses("tuned"))),
        verdict="\n".join(f"<li>{escape(one)}</li>" for one in found.verdict().splitlines()),
        difference=text,
        ranks=table(
            ["optimizer", "mean rank", *ranks],
            [(name, mean, *(ranks[p][name] for p in ranks)) for name, mean in means.items()],
        ),
        ranks_picture=_figures(pictures, "ranks"),
        losses="\n".join(_losses(found, problem) for problem in ranks),
        losses_picture=_figures(pictures, "losses"),
        gains=_figures(pictures, "gain", "wide"),
        rates=_figures(pictures, "rates", "wide"),
        spaces=table(
            ["optimizer", "parameter", "drawn"],
            [(name, key, drawn) for name, of in spaces.items() for key, drawn in of.items()],
        ),
        made=made,
    )


def _losses(found: "Comparison", problem: str) -> str:
    rows: list[Sequence[Any]] = [
        (row["optimizer"], row["schedule"], _spread(row["tuned"]), _spread(row["default"]),
         _percent(row["percent"]), _percent(100 * row["diverged"]))
        for row in found.ordered()
        if row["problem"] == problem
    ]  # fmt: skip
    header = ["optimizer", "schedule", "tuned", "default", "gain", "diverged"]
    return f'<h3>{escape(problem)}</h3>\n<div class="scroll">{table(header, rows)}</div>'


def _spread(three: Sequence[float]) -> Markup:
    low, middle, high = map(number, three)
    return Markup(f"{middle} <small>({low} – {high})</small>")


def _percent(value: float) -> Markup:
    return Markup(f"{value:.0f} %" if math.isfinite(value) else "–")


def _most(losses: Mapping[Any, Sequence[float]]) -> int:
    return max((len(values) for values in losses.values()), default=0)


def _figures(pictures: Mapping[str, Path], start: str, kind: str = "") -> str:
    found = []
    for name, path in pictures.items():
        if name.startswith(start):
            data = base64.b64encode(path.read_bytes()).decode()
            image = f'<img alt="{escape(name)}" src="data:image/png;base64,{data}">'
            found.append(f'<figure class="{kind}">{image}</figure>' if kind
                         else f"<figure>{image}</figure>")  # fmt: skip
    return "\n".join(found)
