# Runs every example of the documentation: docstrings of the Python layer, of the compiled modules
# and the Markdown pages. The names gd and np are given, everything else an example imports itself.
import doctest
import importlib
import importlib.util
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import fastgd

NAMES = {"gd": fastgd, "np": np}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
CHECKOUT = Path(__file__).resolve().parent.parent
SKLEARN = importlib.util.find_spec("sklearn") is not None
PAGES = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")]
FENCE = re.compile(r"^```.*$", re.MULTILINE)


def docstring_examples():
    names = [info.name for info in pkgutil.walk_packages(fastgd.__path__, "fastgd.")]
    for name in ["fastgd", *names]:
        if name.endswith("__main__") or (name.startswith("fastgd.sklearn") and not SKLEARN):
            continue
        if name == "fastgd.optimagic" and importlib.util.find_spec("optimagic") is None:
            continue
        # Cython lists the examples of a compiled module in its __test__.
        for test in doctest.DocTestFinder().find(importlib.import_module(name), extraglobs=NAMES):
            if test.examples:
                yield pytest.param(test, id=test.name)


def page_examples():
    for page in PAGES:
        # The end of a code block would be read as output.
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        if "from fastgd.sklearn import" in text and not SKLEARN:
            continue
        name = page.relative_to(CHECKOUT).as_posix()
        test = doctest.DocTestParser().get_doctest(text, dict(NAMES), name, str(page), 0)
        if test.examples:
            yield pytest.param(test, id=name)


@pytest.mark.parametrize("test", [*docstring_examples(), *page_examples()])
def test_example(test, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    # A copy: doctest empties the globals, and a test may run more than once.
    test.globs = dict(test.globs)
    runner.run(test, out=report.append, clear_globs=False)
    assert runner.failures == 0, "".join(report)
