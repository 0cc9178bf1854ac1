"""The pages of the course: pictures and explorer beside the site, links to them, downloads."""

from __future__ import annotations

import json
import pathlib
import re
import shutil

import fastgd as gd

PLACE = "_static/drawn/course"
HERE = pathlib.Path(__file__).resolve().parent
FRENCH = "## En français"


def draw() -> None:
    """Every picture in both languages, and the explorer: from real runs, as the commands do."""
    folder = HERE / PLACE
    shutil.rmtree(folder, ignore_errors=True)
    for lang in ("en", "fr"):
        gd.figures.gallery(folder / lang, lang=lang)
        gd.explorer.course(lang).save(folder / f"explorer-{lang}.html")


def linked(text: str) -> str:
    """The index, with its pictures and views of the explorer as links to what `draw` made."""
    english, french = text.split(FRENCH)
    return f"{_linked(english, 'en')}{FRENCH}{_linked(french, 'fr')}"


def _linked(text: str, lang: str) -> str:
    pictures = {int(path.name[:2]): path.name for path in (HERE / PLACE / lang).glob("*.png")}

    def picture(found: re.Match[str]) -> str:
        name = pictures[int(found[2])]
        return f'<a href="{PLACE}/{lang}/{name}"><code>{found[1]}</code></a>'

    text = re.sub(r"`(fastgd figures --only (\d+) --out pictures)`", picture, text)
    page = f"{PLACE}/explorer-{lang}.html"
    return re.sub(r"`(#land=[^`]+)`", rf'<a href="{page}\1"><code>\1</code></a>', text)


def with_download(docname: str, text: str) -> str:
    """A notebook that says where it is to be had."""
    notebook = json.loads(text)
    name = docname.rpartition("/")[2] + ".ipynb"
    said = f"This page is a notebook · Cette page est un notebook : {{download}}`{name}`"
    cell = {"cell_type": "markdown", "id": "download", "metadata": {}, "source": said}
    notebook["cells"].insert(1, cell)
    return json.dumps(notebook)
