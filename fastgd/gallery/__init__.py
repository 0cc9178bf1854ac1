"""The course in pictures: each is drawn from real runs, in English or in French.

To add one, write a function that draws it under the decorator `picture`, and the French of its
words in `french`.
"""

from html import escape
from pathlib import Path

from fastgd import report
from fastgd.files import replace_text
from fastgd.gallery import (  # noqa: F401  (methods and theorems enter their pictures)
    french,
    methods,
    theorems,
)
from fastgd.gallery.registry import GALLERY, TITLES
from fastgd.plots.style import SLIDE, pyplot, styled, translate, write

__all__ = ["GALLERY", "LANGUAGES", "gallery"]

LANGUAGES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "en": ({}, {}),
    "fr": (french.WORDS, french.CAPTIONS),
}
"""For each language its words for ours, and its captions by the names of the pictures."""


def gallery(out: str | Path, only: int | None = None, lang: str = "en") -> list[Path]:
    """Draws the pictures of the course, each from real runs, and a page that shows them.

    Parameters
    ----------
    out : str or Path
        A folder, made where it is missing. It gets a PNG and an SVG of each picture and, of all
        of them, ``index.html``, which needs no network.
    only : int, optional
        The number of the one picture to draw.
    lang : {"en", "fr"}, default "en"
        The language of labels, captions and page.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        There is no picture of that number, or none in that language.
    OSError
        A file cannot be written.

    Examples
    --------
    >>> [path.name for path in gd.figures.gallery("pictures", only=11)]
    ['11-triangular.png', '11-triangular.svg']
    """
    if only is not None and only not in GALLERY:
        raise ValueError(f"there is no picture {only}, but 1 to {max(GALLERY)}")
    if lang not in LANGUAGES:
        raise ValueError(f"lang is one of {', '.join(LANGUAGES)}, not {lang!r}")
    words, captions = LANGUAGES[lang]
    pyplot()
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for number in sorted(GALLERY) if only is None else [only]:
        name, caption, draw = GALLERY[number]
        title = TITLES[number]
        with styled(SLIDE):
            figure = draw()
            translate(figure, words)
            for suffix in ("png", "svg"):
                path = out / f"{number:02}-{name}.{suffix}"
                write(figure, path, words.get(title, title), captions.get(name, caption))
                files.append(path)
            pyplot().close(figure)
    if only is None:
        page = out / "index.html"
        replace_text(page, _page(lang))
        files.append(page)
    return files


def _page(lang: str) -> str:
    words, captions = LANGUAGES[lang]
    figures = []
    for number, (name, caption, _) in sorted(GALLERY.items()):
        title = escape(words.get(TITLES[number], TITLES[number]))
        text = escape(captions.get(name, caption))
        figures.append(
            f'<figure id="figure-{number}">\n<h2>{number}. {title}</h2>\n'
            f'<img src="{number:02}-{name}.svg" alt="{title}">\n'
            f"<figcaption>{text}</figcaption>\n</figure>"
        )
    heading, made = "Gradient descent in pictures", "Each picture is drawn from runs of fastgd:"
    command = "fastgd figures --out DIR" + (f" --lang {lang}" if lang != "en" else "")
    return report.fill(
        "pictures.html", lang=lang, title=escape(words.get(heading, heading)),
        made=escape(words.get(made, made)), command=command, figures="\n".join(figures),
    )  # fmt: skip
