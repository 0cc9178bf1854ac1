"""The losses' own exp and log1p: their error in units in the last place, against long double.

The bounds are those of core/losses.pyx. What is measured is a loss or a slope, which is such a
function and at most one or two operations more.
"""

import numpy as np
import pytest

from fastgd.core.losses import LOSSES

WIDE = np.finfo(np.longdouble).nmant >= 63
needs_long_double = pytest.mark.skipif(not WIDE, reason="long double is no wider than double here")


def margins():
    rng = np.random.default_rng(0)
    return np.concatenate([
        rng.uniform(-1, 1, 300_000), rng.uniform(-40, 40, 300_000), rng.uniform(-700, 700, 300_000),
        np.nextafter(0.41421356237309503, [0, 1]), [0.0, -0.0, 1e-300, 5e-324],
    ])  # fmt: skip


def units(values, exact):
    """The largest error, in units in the last place of the exact value."""
    return float(np.max(np.abs(values - exact) / np.spacing(np.abs(exact).astype(np.float64))))


@needs_long_double
def test_the_logistic_loss_is_within_two_units():
    m = margins()
    values, slopes = LOSSES["logistic"](1).evaluate(m[:, None].copy(), np.ones(len(m)))
    wide = m.astype(np.longdouble)
    e = np.exp(-np.abs(wide))
    assert units(values, np.where(m > 0, 0, -wide) + np.log1p(e)) <= 2
    # exp, an addition and a division: at most one unit for each besides exp's.
    assert units(slopes[:, 0], -np.where(m > 0, e, 1) / (1 + e)) <= 3


@needs_long_double
def test_exp_is_within_one_unit():
    # Far below zero the loss is exp itself, but for log1p(e) = e - e²/2.
    m = np.random.default_rng(1).uniform(40, 707, 500_000)
    values, _ = LOSSES["logistic"](1).evaluate(m[:, None].copy(), np.ones(len(m)))
    assert units(values, np.log1p(np.exp(-m.astype(np.longdouble)))) <= 1


@needs_long_double
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_the_softmax_slopes_do_not_cancel(n_classes):
    rng = np.random.default_rng(2)
    m = rng.uniform(-30, 30, (50_000, n_classes))
    y = rng.integers(0, n_classes, len(m))
    _, slopes = LOSSES["softmax"](n_classes).evaluate(m, y.astype(np.float64))
    # m - max is rounded before exp sees it, here as there: that is not what is measured.
    e = np.exp((m - m.max(axis=1, keepdims=True)).astype(np.longdouble))
    e_others = e.copy()
    e_others[np.arange(len(m)), y] = 0
    exact = e / e.sum(axis=1, keepdims=True)
    exact[np.arange(len(m)), y] = -e_others.sum(axis=1) / e.sum(axis=1)
    assert units(slopes, exact) <= 4 + n_classes / 2


@pytest.mark.parametrize("size", [50.0, 700.0, 1e4, 1e100, 1e308])
def test_losses_are_finite_and_right_far_out(size):
    m = np.array([[size], [-size], [size], [-size]])
    values, slopes = LOSSES["logistic"](1).evaluate(m, np.array([1.0, 1.0, 0.0, 0.0]))
    np.testing.assert_allclose(values, [np.exp(-size), size, size, np.exp(-size)], rtol=1e-15)
    np.testing.assert_allclose(slopes[:, 0], [-np.exp(-size), -1, 1, np.exp(-size)], rtol=1e-15)
    values, slopes = LOSSES["softmax"](3).evaluate(
        np.array([[size, 0.0, 0.0], [-size, 0.0, 0.0]]), np.zeros(2)
    )
    np.testing.assert_allclose(values, [2 * np.exp(-size), size + np.log(2)], rtol=1e-15)
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("name, n_outputs", [("squared", 1), ("logistic", 1), ("softmax", 3)])
def test_nan_and_infinite_margins_are_not_hidden(name, n_outputs):
    loss = LOSSES[name](n_outputs)
    m = np.zeros((2, n_outputs))
    m[1, 0] = np.nan
    values, slopes = loss.evaluate(m, np.zeros(2))
    assert np.isfinite(values[0]) and np.isnan(values[1])
    assert np.isnan(slopes[1]).any()


@pytest.mark.parametrize("name, n_outputs", [("squared", 1), ("logistic", 1), ("softmax", 5)])
def test_a_batch_of_one_gives_the_bits_of_a_batch_of_many(name, n_outputs):
    rng = np.random.default_rng(3)
    m, y = rng.uniform(-9, 9, (37, n_outputs)), rng.integers(0, max(2, n_outputs), 37) * 1.0
    loss = LOSSES[name](n_outputs)
    values, slopes = loss.evaluate(m, y)
    for i in range(37):
        value, slope = loss.evaluate(m[i : i + 1], y[i : i + 1])
        assert value[0] == values[i] and np.array_equal(slope[0], slopes[i])
