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
