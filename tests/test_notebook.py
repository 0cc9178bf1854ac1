"""What a notebook shows: pictures, in a real kernel, and tables for what has no picture."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import fastgd as gd


def test_a_picture_leaves_the_display_on(tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    for package in ("ipykernel", "matplotlib", "matplotlib_inline"):
        pytest.importorskip(package)
    # The kernel's own backend, which is the one under test.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.chdir(tmp_path)
    cells = [
        "import matplotlib.pyplot as plt, fastgd as gd",
        "axes = gd.schedules.cosine(0.1).plot(100)",  # the first figure of the kernel
        "plt.plot([1, 2, 3]);",
        "figure, ax = plt.subplots(); ax.plot([3, 2, 1]);",
        "import matplotlib; print(matplotlib.is_interactive(), matplotlib.rcParams['axes.grid'])",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    shown = [
        [output for output in cell.outputs if "image/png" in output.get("data", {})]
        for cell in book.cells
    ]
    assert [len(images) for images in shown] == [0, 1, 1, 1, 0]
    assert book.cells[-1].outputs[0].text == "True False\n"


class Tables(HTMLParser):
    """The rows of the tables of a fragment, and that its tags are closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag not in ("br", "polyline"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if tag not in ("br", "polyline"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("th", "td"):
            self.rows[-1][-1] += data


def rows(thing):
    return Tables(thing._repr_html_()).rows


def test_a_history_shows_some_of_its_records_and_all_of_its_curve():
    f = gd.Quadratic(np.diag([1.0, 4.0]), [1.0, 4.0])
    history = gd.minimize(f, gd.SGD(lr=0.1), [5.0, 5.0], steps=1000, record_every=1).history
    head, *records = rows(history)
    assert tuple(head) == history.columns
    steps = [int(record[0]) for record in records]
    assert steps[0] == 0 and steps[-1] == 1000 and len(steps) == 10
    assert float(records[0][1]) == pytest.approx(history["loss"][0], rel=1e-3)
    assert "10 of 1001 records <svg" in history._repr_html_()
    assert rows(type(history)()) == [list(history.columns)]
    short = gd.minimize(f, gd.SGD(lr=0.1), steps=2, record_every=1).history
    assert [int(record[0]) for record in rows(short)[1:]] == [0, 1, 2]


def test_data_shows_its_first_rows_as_they_were_read():
    data = gd.datasets.load("penguins")
    table = rows(data)
    facts = {row[0]: row[1] for row in table if len(row) == 2}
    assert facts["rows"] == "333" and facts["data"] == "penguins"
    assert facts["target"] == "species: Adelie (146), Chinstrap (68), Gentoo (119)"
    head, first = table[5], table[6]
    assert head[3] == "bill_length_mm" and head[-1] == "species"
    assert float(first[3]) == pytest.approx(data.X[0, 3] * data.scale[3] + data.mean[3], rel=1e-3)
    assert first[-1] == data.classes[data.y[0]]
    regression = rows(gd.datasets.load("penguins", "body_mass_g"))
    assert float(regression[6][-1]) == 3750.0
    assert len(rows(gd.datasets.load("digits"))[5]) == 9  # eight of 64, and the target


@pytest.mark.parametrize(
    "schedule",
    [
        gd.schedules.constant(0.1),
        gd.schedules.warmup(10, then=gd.schedules.cosine(0.05, floor=0.1)),
        2.0 * gd.schedules.sgdr(0.0, 0.1, 100, 2, 0.8),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_schedules_show_their_curve(schedule):
    shown = {row[0]: row[1] for row in rows(schedule)}
    assert shown["schedule"] == str(schedule)
    values = schedule(np.arange(1000), 1000)
    ends = [float(x) for x in re.findall(r"[-+0-9.e]+", shown["values"].replace(",", ""))]
    np.testing.assert_allclose(ends, [values[0], values[-1], values.max()], rtol=1e-3)
    assert "<svg" in schedule._repr_html_()


def test_a_comparison_shows_the_best_first():
    found = gd.compare("quadratic-1e2", ["sgd", "adam"], budget=2, seeds=2)
    head, *records = rows(found)
    assert head == ["problem", "optimizer", "schedule", "tuned", "default", "gain, %"]
    tuned = [float(record[3]) for record in records]
    assert len(tuned) == 4 and tuned == sorted(tuned)
    for *_, after, before, gain in records:
        after, before = float(after), float(before)
        assert float(gain) == pytest.approx(100 * (before - after) / before, rel=1e-2)


def test_names_of_the_user_s_are_text():
    f = gd.Quadratic(np.eye(2))
    problem = gd.problems.Problem("<b>&", f, steps=5, theta0=np.ones(2))
    found = gd.compare(problem, "sgd", budget=1, seeds=1, schedules="constant")
    assert rows(found)[1][0] == "<b>&"


def test_a_rate_range_prints_in_a_few_lines():
    f = gd.Quadratic(np.diag([1.0, 10.0]), [1.0, 1.0])
    found = gd.lr_range_test(f, gd.SGD())
    lines = repr(found).splitlines()
    assert len(lines) == 4 and max(map(len, lines)) < 80
    assert lines[0] == f"RateRange of {len(found.lr)} rates from 1e-06 to {found.lr[-1]:.3g}"
    assert lines[-1].split() == ["suggestion", f"{found.suggestion:.3g}"]
    never = type(found)(found.lr, found.lr, float("nan"))
    assert repr(never).endswith("none: it never fell")
