# The documentation names everything that is public, without building it (ci/docs does that).
import ast
import importlib.util
import inspect
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"

if not (DOCS / "names.py").exists():
    pytest.skip("the tests are here without the documentation", allow_module_level=True)


def names():
    spec = importlib.util.spec_from_file_location("fastgd_docs_names", DOCS / "names.py")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their own module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


NAMES = names()
PAGES = NAMES.pages()
# Pages whose names are formulas: each shows its own.
FORMULAS = ("losses", "penalties", "optimizers", "schedules")
BASES = ("Loss", "Penalty", "Optimizer", "Schedule", "as_schedule", "registry", "custom")


def test_every_public_name_has_a_page():
    shown = {id(NAMES.resolve(name)) for name in PAGES}
    missing = [name for name, one in NAMES.public().items() if id(one) not in shown]
    assert not missing, f"no page in docs/names.py has {missing}"


def test_no_name_is_shown_that_is_not_there():
    assert len(PAGES) > 100
    for name in PAGES:
        NAMES.resolve(name)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_name_says_what_it_is(name):
    one = NAMES.resolve(name)
    if not callable(one):
        return
    text = inspect.getdoc(one) or ""
    assert len(text.partition("\n")[0].split()) >= 2
    assert text != inspect.getdoc(type(one)), "this is the docstring of its type"
    kind, last = PAGES[name], name.rpartition(".")[2]
    if kind in FORMULAS and last not in BASES:
        assert ".. math::" in text or ":math:" in text, "no formula that a page can show"


@pytest.mark.parametrize("name", sorted(n for n in PAGES if inspect.isclass(NAMES.resolve(n))))
def test_every_public_method_says_what_it_does(name):
    one = NAMES.resolve(name)
    for attribute, member in vars(one).items():
        known = isinstance(member, (property, classmethod, staticmethod))
        if attribute.startswith("_") or not (known or inspect.isfunction(member)):
            continue
        text = inspect.getdoc(getattr(one, attribute)) or inspect.getdoc(member)
        assert text, f"{name}.{attribute} has no docstring"


def test_every_page_is_in_a_table_of_contents():
    listed = set()
    for page in DOCS.rglob("*.md"):
        for block in re.findall(r"```\{toctree\}(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for line in block.splitlines():
                entry = line.strip()
                if entry and not entry.startswith(":"):
                    entry = re.sub(r".*<(.*)>", r"\1", entry)
                    listed.add((page.parent / entry).resolve())
    for page in DOCS.rglob("*.md"):
        if page != DOCS / "index.md":
            assert page.with_suffix("").resolve() in listed, f"{page.name} is in no toctree"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_of_pages_beside_the_docs_lead_somewhere(page):
    text = (DOCS.parent / page).read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [link for link in links if not (DOCS.parent / link).exists()] == []


def test_every_example_has_a_title_and_a_text():
    scripts = sorted((DOCS / "examples").glob("*.py"))
    assert len(scripts) >= 15
    for script in scripts:
        title, line, text = ast.get_docstring(ast.parse(script.read_text("utf-8"))).split("\n", 2)
        assert len(line) == len(title) and set(line) == {"="} and len(text.split()) > 5, script
