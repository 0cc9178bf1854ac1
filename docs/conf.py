"""How the site is built: `ci/docs`. Needs no network, neither to build nor to be read.

With FASTGD_DOCS=short (`ci/docs --short`) nothing is run and nothing is drawn: every page is still
written, and a name, a link or a formula that is wrong is still a warning.
"""

import inspect
import os
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import names  # noqa: E402
import notebooks  # noqa: E402

import fastgd  # noqa: E402

SHORT = os.environ.get("FASTGD_DOCS") == "short"

project = "fastgd"
author = "The fastgd developers"
version = release = fastgd.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "formulas",
]
if not SHORT:
    extensions.append("pictures")
# sphinx-gallery's table of times asks for scripts from the network.
exclude_patterns = ["_build", "_templates", "examples", "gallery/*.py", "gallery/*.ipynb",
                    "**/sg_execution_times.rst", "sg_execution_times.rst"]  # fmt: skip
templates_path = ["_templates"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]
default_role = "autolink"
smartquotes = False  # what is in quotes is mostly a value, and two hyphens an option

# By name: what an earlier build knew of would lack a page that is new.
autosummary_generate = [f"reference/{page.name}.rst" for page in names.PAGES]
autodoc_typehints = "none"  # signatures stay short; numpydoc's sections say the types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True

# The course's notebooks are run at each build, and shown with what they printed and drew.
nb_execution_mode = "off" if SHORT else "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "plot_gallery": not SHORT,
    "abort_on_example_error": True,
    "capture_repr": (),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "junit": "gallery.xml",  # ci/docs looks at the times in it
    "backreferences_dir": "gallery/uses",
    "doc_module": ("fastgd",),
    "within_subsection_order": "FileNameSortKey",
}

html_theme = "pydata_sphinx_theme"
html_title = "fastgd"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/logo.svg"
html_logo = "_static/logo.svg"
# Light or dark as the reader's system has it; without it, the theme complains at the first visit.
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "fastgd"},
    "show_prev_next": False,
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "article_header_start": ["breadcrumbs"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"course": []}  # its table is as wide as a page
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
    if docname.startswith("course/"):
        source[0] = notebooks.with_download(docname, source[0])
    elif docname == "course" and not SHORT:
        source[0] = notebooks.linked(source[0])
    elif docname == "speed":
        source[0] = source[0].replace("../bench/RESULTS.md", "results.md")
    source[0] = source[0].replace("\n\n```\n", "\n```\n")


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


def skip(app, what, name, one, skipped, options):
    """What scikit-learn writes into every estimator: its text links to scikit-learn's own pages."""
    routing = name.startswith("set_") and name.endswith("_request")
    return True if routing or name == "get_metadata_routing" else None


write_reference()
if not SHORT:
    notebooks.draw()


def setup(app):
    app.connect("source-read", adapt)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-signature", signature)
