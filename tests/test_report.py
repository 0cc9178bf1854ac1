"""The page of a comparison: its tables are sorted, its numbers are the comparison's own."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import fastgd as gd
from fastgd import report
from fastgd.report import drawing

SVG = "{http://www.w3.org/2000/svg}"


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
    assert "one draw of the tuning" in text and "five draws" in text
    for tag in ("div", "section", "ul", "table", "p"):
        assert text.count(f"<{tag}>") + text.count(f"<{tag} ") == text.count(f"</{tag}>") > 0


def test_tables_are_sorted_best_first(found):
    ranks, first, second, spaces = tables(page(found))
    means = [float(row[1]) for row in ranks[1:]]
    assert means == sorted(means) and len(means) == 3
    for table in (first, second):
        assert table[0] == ["optimizer", "schedule", "tuned", "default", "gain", "diverged"]
        tuned = [float(row[2]) for row in table[1:]]
        assert tuned == sorted(tuned) and len(tuned) == 3
    assert spaces[1] == ["sgd", "lr", "log-uniform from 0.0001 to 1"]


def test_a_gain_is_the_same_in_table_matrix_and_comparison(found):
    for problem, table in zip(found.ranks(), tables(page(found))[1:3], strict=True):
        names, gains = found.gains(problem)
        rows = {r["optimizer"]: r for r in found.overview() if r["problem"] == problem}
        for name, schedule, tuned, default, gain, _ in table[1:]:
            row = rows[name]
            before, after = row["default"][1], row["tuned"][1]
            assert (tuned, default) == (f"{after:.4g}", f"{before:.4g}")
            assert row["gain"] == pytest.approx(100 * (before - after) / before)
            assert gain == f"{round(row['gain'])} %"
            i = names.index(name)
            assert gains[i, i] == pytest.approx(row["gain"])
            # So does the summary, in the line of that schedule: tuning starts from the same.
            (line,) = [r for r in found.summary() if (r["problem"], r["optimizer"], r["schedule"])
                       == (problem, name, schedule)]  # fmt: skip
            assert line["default"] == row["default"] and line["gain"] == row["gain"]


def test_a_gain_that_is_no_number_is_a_dash():
    c = gd.compare("quadratic-1e2", gd.SGD(lr=1e3), budget=2, seeds=2, schedules="constant")
    rows = [dict(row, test=math.inf) for row in c.rows]
    assert tables(page(gd.Comparison(rows)))[1][1][4] == "–"
    (row,) = c.summary()  # only the default diverged
    assert row["gain"] == 100.0


def test_names_of_the_user_s_are_text(found):
    rows = [dict(row, problem="<script>") for row in found.rows]
    text = page(gd.Comparison(rows))
    assert "<script>" not in text and "&lt;script&gt;" in text


def test_pictures_are_part_of_the_page(found, tmp_path):
    pictures = report.comparison_pictures(found, tmp_path)
    assert list(pictures) == ["losses", "ranks", "gain-1", "rates-1", "gain-2", "rates-2"]
    text = page(found, pictures)
    assert text.count('src="data:image/svg+xml;base64,') == 6
    assert text.count('<figure class="wide">') == 2


def test_the_page_s_pictures_show_the_comparison_s_numbers(found, tmp_path):
    pictures = report.comparison_pictures(found, tmp_path)
    drawn = {name: ElementTree.parse(path).getroot() for name, path in pictures.items()}
    for name, root in drawn.items():
        assert float(root.get("width")) == 360.0, name  # a phone's, whatever is in it
        assert root[0].text and root[0].tag.endswith("title")
    means, _ = found.critical_difference()
    words = {name: [one.text for one in root.iter(f"{SVG}text")] for name, root in drawn.items()}
    assert [one for one in words["ranks"] if one in means] == list(means)
    bars = list(drawn["ranks"].iter(f"{SVG}rect"))
    assert len({bar.get("x") for bar in bars}) == 1  # all begin at 0
    widths = [float(bar.get("width")) for bar in bars]
    np.testing.assert_allclose(widths, np.array(list(means.values())) * widths[0] /
                               next(iter(means.values())), atol=0.2)  # fmt: skip
    names, gains = found.gains("quadratic-1e2")
    shown = [one for one in words["gain-1"] if re.fullmatch(r"-?\d+", one)]
    assert shown == [str(round(one)) for one in gains.ravel()]
    assert words["rates-1"][0] == "quadratic-1e2" and "constant" in words["rates-1"]


def test_the_page_of_five_draws_has_the_findings_and_smaller_budgets():
    c = gd.compare("noisy-quadratic", ["sgd", "adam", "adopt"], budget=3, seeds=5)
    text = page(c)
    assert "5 draws of the tuning, each on another split" in text
    assert "No newer rule is ahead of Adam" in text or "Ahead of Adam" in text
    assert "gain from tuning one optimizer in 3 runs, %" in text
    ranks, losses, budgets, _ = tables(text)
    assert ranks[0][:3] == ["optimizer", "mean rank", "in the best third on"]
    assert [float(row[1]) for row in ranks[1:]] == sorted(float(row[1]) for row in ranks[1:])
    assert budgets[0] == ["trials", "1", "2", "5", "6"] and budgets[1][:2] == ["gain, %", "0"]
    worse = [row for row in c.overview() if row["gain"] < 0]
    assert ("no optimizer is worse" in text) == (not worse)
    assert len(losses) == 4


@pytest.mark.parametrize(
    "low, high, logarithmic, expected",
    [
        (0.0, 15.0, False, [0, 5, 10, 15]),
        (-3.0, 4.1, False, [-2, 0, 2, 4]),
        (1e-4, 1.0, True, [1e-4, 1e-3, 1e-2, 1e-1, 1.0]),
        (0.04, 0.3, True, [0.05, 0.1, 0.2]),
        (1e-20, 1.0, True, [1e-20, 1e-15, 1e-10, 1e-5, 1.0]),
    ],
)
def test_ticks_are_round(low, high, logarithmic, expected):
    scale = drawing.Scale(low, high, 0.0, 100.0, logarithmic)
    np.testing.assert_allclose(scale.ticks(), expected, rtol=1e-9, atol=1e-12)
    places = [scale(one) for one in scale.ticks()]
    assert places == sorted(places) and 0.0 <= places[0] and places[-1] <= 100.0


def test_losses_of_all_kinds_can_be_drawn(tmp_path):
    kinds = {"a": [2.0, 3.0], "b": [-1.0, 0.0], "c": [math.inf] * 2, "<d>": [1e90, 1e90]}
    rows = [
        {"problem": problem, "optimizer": name, "schedule": "constant", "draw": 0, "kind": kind,
         "number": i, "lr": lr, "validation": loss, "test": loss, "setting": "", "message": ""}
        for problem, shift in (("p", 5.0), ("q & r", 0.0))
        for name, losses in kinds.items()
        for kind in ("trial", "tuned", "default")
        for i, (loss, lr) in enumerate(zip([one + shift for one in losses], [0.1, math.nan],
                                           strict=True))
    ]  # fmt: skip
    found = gd.Comparison(rows)
    for path in report.comparison_pictures(found, tmp_path).values():
        text = path.read_text(encoding="utf-8")
        ElementTree.fromstring(text)
        assert "nan" not in text and "inf" not in text.replace("infinity", "")


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
