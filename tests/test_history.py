# How a result is shown where only text and HTML can be.
import re

import numpy as np

import fastgd as gd


def run(steps=50, **options):
    f = gd.Quadratic(np.diag([1.0, 9.0]), [1.0, 9.0])
    return gd.minimize(f, gd.SGD(lr=0.1), [3.0, 2.0], steps=steps, **options)


def points(html):
    pairs = re.search(r'points="([^"]*)"', html)[1].split()
    return np.array([[float(number) for number in pair.split(",")] for pair in pairs])


def test_a_notebook_shows_a_table_with_a_sparkline():
    made = run(record_every=1)._repr_html_()
    for text in ("<table>", "SGD(lr=0.1", "Quadratic(2 x 2)", "reached 50 steps", "<svg"):
        assert text in made
    x, y = points(made).T
    assert len(x) == 51
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()  # downwards on a screen, as the loss falls
    assert 0 <= x.min() <= x.max() <= 180
    assert 0 <= y.min() <= y.max() <= 32


def test_a_sparkline_of_a_long_run_is_short_and_keeps_both_ends():
    x, _ = points(run(5000, record_every=1)._repr_html_()).T
    assert len(x) == 180
    assert (x[0], x[-1]) == (2.0, 178.0)


def test_no_sparkline_without_records():
    made = run(record_every=0)._repr_html_()
    assert "<svg" not in made
    assert "not asked for" in made


def test_a_column_is_not_made_anew_for_each_look():
    # Callbacks look at every record: the whole column each time would be quadratic in their number.
    seen = []

    def look(progress):
        seen.append(progress.history["loss"])

    r = run(1000, record_every=1, callbacks=[look])
    assert [len(column) for column in seen] == list(range(1, 1002))
    assert sum(np.shares_memory(a, b) for a, b in zip(seen, seen[1:], strict=False)) > 980
    for column in seen[::100]:
        np.testing.assert_array_equal(column, r.history["loss"][: len(column)])
    with np.testing.assert_raises(ValueError):
        seen[0][0] = 0.0  # the run's own


def test_a_result_keeps_its_records_when_the_run_goes_on():
    f = gd.Quadratic(np.eye(1))
    going = gd.Run(f, gd.SGD(lr=0.5), [1.0], steps=20, record_every=1)
    parts = [going.advance(5).result() for _ in range(4)]
    assert [len(part.history["step"]) for part in parts] == [6, 11, 16, 21]
    for part in parts:
        np.testing.assert_array_equal(part.history["step"], np.arange(part.steps + 1))
