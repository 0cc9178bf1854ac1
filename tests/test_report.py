"""The page of a comparison: its tables are sorted, its numbers are the comparison's own."""

import math
import re

import pytest

import fastgd as gd
from fastgd import report


@pytest.fixture(scope="module")
def found():
    return gd.compare(
        ["quadratic-1e2", "noisy-quadratic"], ["sgd", "adam", "rmsprop"], budget=3, seeds=2
    )


def page(found, pictures=None):
    spaces = {"sgd": {"lr": "log-uniform from 0.0001 to 1"}}
    return report.comparison_page(found, pictures or {}, spaces, "<code>fastgd compare</code>")


def tables(text):
    """Each table as rows of cells, without the small print."""
    made = []
    for table in re.findall(r"<table>(.*?)</table>", text, re.DOTALL):
        lines = re.findall(r"<tr>(.*?)</tr>", re.sub(r" <small>.*?</small>", "", table))
        made.append([re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in lines])
    return made


def test_the_page_needs_nothing_but_itself(found):
    text = page(found)
    assert '<meta name="viewport" content="width=device-width' in text
    assert not re.search(r"<script|<link|http|\$\w", text)
    assert "3 trials for each" in text and "over 2 seeds" in text
    assert text.count("<div") == text.count("</div>") == 2 + 2 + 2


def test_tables_are_sorted_best_first(found):
    ranks, first, second, spaces = tables(page(found))
    means = [float(row[1]) for row in ranks[1:]]
    assert means == sorted(means) and len(means) == 3
    for table in (first, second):
        assert table[0] == ["optimizer", "schedule", "tuned", "default", "gain", "diverged"]
        tuned = [float(row[2]) for row in table[1:]]
        assert tuned == sorted(tuned) and len(tuned) == 6
    assert spaces[1] == ["sgd", "lr", "log-uniform from 0.0001 to 1"]


def test_a_gain_is_the_same_in_table_matrix_and_comparison(found):
    compared = 0
    for problem, table in zip(found.ranks(), tables(page(found))[1:3], strict=True):
        names, gains = found.gains(problem)
        for name, schedule, _, _, gain, _ in table[1:]:
            row = next(
                row for row in found.summary()
                if (row["problem"], row["optimizer"], row["schedule"]) == (problem, name, schedule)
            )  # fmt: skip
            before, after = row["default"][1], row["tuned"][1]
            assert row["percent"] == pytest.approx(100 * (before - after) / before)
            assert gain == f"{row['percent']:.0f} %"
            # Where the schedule that was chosen is the first, the diagonal says the same.
            tuned = found.losses("tuned")[problem, name, schedule]
            if schedule == "constant" and list(found.chosen()[problem][name]) == list(tuned):
                i = names.index(name)
                assert gains[i, i] == pytest.approx(row["percent"])
                compared += 1
    assert compared > 0


def test_a_gain_that_is_no_number_is_a_dash():
    c = gd.compare("quadratic-1e2", gd.SGD(lr=1e3), budget=2, seeds=2, schedules="constant")
    rows = [dict(row, test=math.inf) for row in c.rows]
    assert tables(page(gd.Comparison(rows)))[1][1][4] == "–"
    (row,) = c.summary()  # only the default diverged
    assert row["percent"] == 100.0


def test_names_of_the_user_s_are_text(found):
    rows = [dict(row, problem="<script>") for row in found.rows]
    text = page(gd.Comparison(rows))
    assert "<script>" not in text and "&lt;script&gt;" in text


def test_pictures_are_part_of_the_page(found, tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    pictures = report.comparison_pictures(found, tmp_path)
    assert list(pictures) == ["losses", "ranks", "gain-1", "rates-1", "gain-2", "rates-2"]
    text = page(found, pictures)
    assert text.count('src="data:image/png;base64,iVBOR') == 6
    assert text.count('<figure class="wide">') == 4
    assert pyplot.get_fignums() == []


def test_bars_of_ranks_begin_at_0(found):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    ax = found.plot_ranks()
    means, _ = found.critical_difference()
    assert [bar.get_x() for bar in ax.patches] == [0.0] * 3
    assert [bar.get_width() for bar in ax.patches] == list(means.values())
    assert ax.get_xlim()[0] == 0.0
    pyplot.close("all")


def test_a_template_says_what_it_lacks():
    with pytest.raises(KeyError, match="figures"):
        report.fill("pictures.html", lang="en", title="", made="", command="")
