"""How the site is built: `ci/docs`. Needs no network, neither to build nor to be read."""

import inspect
import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import gallery  # noqa: E402
import names  # noqa: E402

import fastgd  # noqa: E402

project = "fastgd"
author = "The fastgd developers"
version = release = fastgd.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_design",
    "sphinx_copybutton",
    "formulas",
    "pictures",
]
exclude_patterns = ["_build", "_templates", "examples"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]
default_role = "autolink"

autosummary_generate = True
autodoc_typehints = "none"  # signatures stay short; numpydoc's sections say the types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True

html_theme = "pydata_sphinx_theme"
html_title = "fastgd"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/logo.svg"
html_logo = "_static/logo.svg"
html_theme_options = {
    "logo": {"text": "fastgd"},
    "show_prev_next": False,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_show_sourcelink = False
html_copy_source = False
copyright = "The fastgd developers, BSD-3-Clause"


def write_reference() -> None:
    """A page for each group of names, with a table of them; autosummary writes theirs."""
    folder = HERE / "reference"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    titles = []
    for page in names.PAGES:
        titles.append(f"   {page.name}")
        lines = [page.title, "=" * len(page.title), "", page.about, "",
                 f".. currentmodule:: {page.access}", "", ".. autosummary::", "   :nosignatures:",
                 "   :toctree: names", ""]  # fmt: skip
        lines += [f"   {name}" for name in names.listed(page)]
        (folder / f"{page.name}.rst").write_text("\n".join(lines) + "\n", encoding="utf-8")
    head = (
        "Reference\n=========\n\nEvery public name, with its formula, units, defaults and source.\n"
    )
    table = "\n.. toctree::\n   :maxdepth: 1\n\n" + "\n".join(titles) + "\n"
    (folder / "index.rst").write_text(head + table, encoding="utf-8")


def adapt(app, docname, source):
    """Pages are read in the repository too, and doctests want a blank line after their output."""
    source[0] = source[0].replace("\n\n```\n", "\n```\n")
    if docname == "course":  # notebooks are files, to be opened as such
        source[0] = re.sub(r"\]\((course/[^)]*ipynb)\)", r"](path:\1)", source[0])
    if docname == "speed":
        source[0] = source[0].replace("../bench/RESULTS.md", "results.md")


def signature(app, what, name, one, options, arguments, returned):
    """A class as it is called: Sphinx looks at __new__ first, which here only counts arguments."""
    if what != "class":
        return None
    try:
        found = inspect.signature(one)
    except (TypeError, ValueError):
        return None
    bare = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    return str(found.replace(parameters=bare, return_annotation=found.empty)), None


write_reference()
gallery.write()


def setup(app):
    app.connect("source-read", adapt)
    app.connect("autodoc-process-signature", signature)
