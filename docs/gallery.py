"""The gallery: each file of docs/examples is run, and shown with what it printed and drew."""

from __future__ import annotations

import contextlib
import io
import pathlib
import runpy
import shutil
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = pathlib.Path(__file__).resolve().parent
MOST_SECONDS = 20


def write() -> None:
    """Run all examples, and write a page for each beside the pictures of others."""
    folder = HERE / "gallery"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    cards, names = [], []
    for script in sorted((HERE / "examples").glob("*.py")):
        title, rest = run(script, folder)
        names.append(script.stem)
        cards.append(f".. grid-item-card:: {title}\n   :link: {script.stem}\n   :link-type: doc\n"
                     f"   :img-top: {script.stem}.png\n\n   {rest}\n")  # fmt: skip
    toctree = "\n.. toctree::\n   :hidden:\n\n" + "".join(f"   {name}\n" for name in names)
    grid = ".. grid:: 1 2 2 2\n   :gutter: 3\n\n"
    body = grid + "\n".join("   " + c.replace("\n", "\n   ") for c in cards)
    text = (
        "Examples\n========\n\nEach is run when these pages are built, on data that is shipped.\n\n"
    )
    (folder / "index.rst").write_text(text + body + toctree, encoding="utf-8")


def run(script: pathlib.Path, folder: pathlib.Path) -> tuple[str, str]:
    """Title and subject of one example, its page written."""
    printed = io.StringIO()
    started = time.perf_counter()
    with contextlib.redirect_stdout(printed):
        about = runpy.run_path(str(script))["__doc__"]
    seconds = time.perf_counter() - started
    if seconds > MOST_SECONDS:
        raise RuntimeError(f"{script.name} took {seconds:.0f} s, more than {MOST_SECONDS}")
    plt.gcf().savefig(folder / f"{script.stem}.png", dpi=110)
    plt.close("all")
    title, _, rest = about.strip().rstrip(".").partition(": ")
    rest = f"{rest[0].upper()}{rest[1:]}."
    code = script.read_text(encoding="utf-8").partition('"""\n\n')[2]
    lines = [title, "=" * len(title), "", rest, "", f".. image:: {script.stem}.png",
             f"   :alt: {title}", "", ".. code-block:: python", "", _indented(code)]  # fmt: skip
    if printed.getvalue():
        lines += ["It prints:", "", ".. code-block:: text", "", _indented(printed.getvalue())]
    (folder / f"{script.stem}.rst").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return title, rest


def _indented(text: str) -> str:
    return "".join(f"   {line}\n" if line else "\n" for line in text.splitlines())
