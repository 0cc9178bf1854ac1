# The course's index: what it names is there, its views open as they say, and its exercises run.
import json
import re
from pathlib import Path

import pytest

from fastgd import figures
from fastgd.explorer import landscapes, runs

DOCS = Path(__file__).parent.parent / "docs"
# The tests also run on an installed wheel, beside which there are no docs.
pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the docs are not beside the tests")
INDEX = (DOCS / "course.md").read_text("utf-8") if DOCS.exists() else ""
NOTEBOOKS = sorted((DOCS / "course").glob("*.ipynb"))


def test_the_index_names_each_notebook_and_no_other():
    named = set(re.findall(r"\(course/([^)]+\.ipynb)\)", INDEX))
    assert named == {path.name for path in NOTEBOOKS}


def test_both_tables_have_the_same_rows():
    rows = [line.split("|")[2:] for line in INDEX.splitlines() if line.startswith("| ")]
    half = len(rows) // 2
    assert half > 10
    assert [row[:-2] for row in rows[1:half]] == [row[:-2] for row in rows[half + 1 :]]


def test_every_picture_is_in_the_index():
    drawn = {int(number) for number in re.findall(r"--only (\d+)", INDEX)}
    assert drawn == set(figures.GALLERY)


def test_every_view_is_one_that_the_explorer_has():
    lands = landscapes.classics()
    views = set(re.findall(r"`#([^`]+)`", INDEX))
    assert views
    for view in views:
        parts = dict(part.split("=") for part in view.split("&"))
        land = lands[int(parts.pop("land"))]
        assert int(parts.pop("batch", 0)) < len(land.batches)
        assert int(parts.pop("sigma", 0)) < len(land.sigmas)
        for text in parts.values():
            rule, lr, gamma, beta2 = map(int, text.split("."))
            chosen = runs.RULES[rule]
            assert lr < len(runs.rates(chosen, land))
            assert gamma < max(1, len(chosen.gammas)) and beta2 < max(1, len(chosen.beta2s))
        assert set(parts) <= {"a", "b"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_an_exercise_is_asked_and_answered_in_both_languages(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    text = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert "**Exercise.**" in text[0] and "**Exercice.**" in text[0]
    assert "**Answer.**" in text[-1] and "**Réponse.**" in text[-1]
    # What ran when it was written is not what runs now.
    assert all(not cell.get("outputs") for cell in cells)


@pytest.mark.slow
def test_every_solution_runs():
    nbformat = pytest.importorskip("nbformat", reason="notebooks need nbclient")
    nbclient = pytest.importorskip("nbclient", reason="notebooks need nbclient")
    pytest.importorskip("ipykernel", reason="notebooks need ipykernel")
    # In one kernel, emptied between them: to start ten takes longer than all the solutions.
    whole = nbformat.v4.new_notebook()
    for path in NOTEBOOKS:
        cells = [c for c in nbformat.read(path, as_version=4)["cells"] if c["cell_type"] == "code"]
        assert len(cells) >= 2, path
        named = nbformat.v4.new_code_cell(f"%reset -f\n# {path.name}")
        whole["cells"] += [named, *cells]
    done = nbclient.NotebookClient(whole, timeout=120, kernel_name="python3").execute()
    assert all(cell["execution_count"] for cell in done["cells"])
