# Pictures: that they hold the data, look alike, and leave nothing behind.
import sys

import numpy as np
import pytest

from fastgd import figures, schedules

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def no_figure_left_open():
    from matplotlib import pyplot

    before = dict(matplotlib.rcParams)
    yield
    pyplot.close("all")
    assert dict(matplotlib.rcParams) == before  # the style is ours, not the user's


STEPS = np.arange(5)


def test_losses_are_drawn_as_they_are():
    curves = {f"run {k}": (STEPS, 0.5 ** (k * STEPS)) for k in range(1, 9)}
    ax = figures.plot_losses(curves, "eight runs")
    assert [line.get_label() for line in ax.lines] == list(curves)
    for line, (steps, losses) in zip(ax.lines, curves.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), steps)
        np.testing.assert_array_equal(line.get_ydata(), losses)
    assert ax.get_yscale() == "log"
    assert ax.get_title(loc="left") == "eight runs"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(curves)
    # Neighbours differ in colour and in dashes; no two lines look the same.
    assert len({line.get_color() for line in ax.lines}) == 8
    dashes = [str(line._unscaled_dash_pattern) for line in ax.lines]
    assert all(one != other for one, other in zip(dashes, dashes[1:], strict=False))


@pytest.mark.parametrize("losses", [[1.0, 0.5, 0.0, 0.1, 0.1], [1.0, -1.0, -2.0, -3.0, -3.0]])
def test_losses_that_have_no_logarithm(losses):
    assert figures.plot_losses({"run": (STEPS, losses)}).get_yscale() == "linear"


@pytest.mark.parametrize("lowest", [0.9, 0.06, 1e-9])
def test_the_axis_has_readable_labels(lowest):
    ax = figures.plot_losses({"run": (STEPS, np.geomspace(1.0, lowest, 5))})
    ax.figure.canvas.draw()
    low, high = ax.get_ylim()
    labels = [
        text.get_text().replace("−", "-")
        for place, text in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
        if low <= place <= high
    ]
    assert 1 <= len(labels) <= 15
    assert all(float(label) > 0 for label in labels)


@pytest.mark.parametrize("curves", [{}, {"run": ([], [])}])
def test_nothing_to_draw(curves):
    assert figures.plot_losses(curves).get_xlabel() == "step"


def test_long_labels_leave_the_curves_their_room():
    long = schedules.warmup(0.1, start=0.0, then=schedules.sgdr(0.0, 0.1, 100, 2, 0.8))
    for ax in (
        figures.plot_schedule(2.0 * long, 1000, figures.plot_schedule(long, 1000)),
        figures.plot_losses({f"Adam(lr={long})": (STEPS, STEPS + 1.0)}),
    ):
        ax.figure.canvas.draw()
        box = ax.get_position()
        assert box.width > 0.5
        assert box.height > 0.5


def test_axes_of_the_user_s_are_used():
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    assert figures.plot_losses({"run": (STEPS, STEPS + 1.0)}, ax=ax) is ax
    assert len(pyplot.get_fignums()) == 1


def test_a_certificate_shows_what_it_observed():
    import fastgd as gd

    f = gd.Quadratic(np.diag([1.0, 4.0]), [1.0, 4.0])
    certificate = gd.minimize(f, gd.SGD(lr="1/beta"), steps=50).certificate()
    axes = certificate.plot()
    assert [ax.get_title(loc="left") for ax in axes] == ["theorem 1", "theorem 2"]
    for ax, theorem in zip(axes, "12", strict=True):
        steps, observed, bound = certificate[theorem].curve
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), bound)
        np.testing.assert_array_equal(ax.lines[1].get_ydata(), observed)
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    adam = gd.minimize(f, gd.Adam(), steps=5)
    with pytest.raises(ValueError, match="no theorem applies"):
        adam.certificate().plot()


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_saved_figure_is_closed(tmp_path, suffix):
    from matplotlib import pyplot

    path = tmp_path / f"losses.{suffix}"
    figures.save(figures.plot_losses({"run": (STEPS, STEPS + 1.0)}), path)
    assert path.stat().st_size > 1000
    assert pyplot.get_fignums() == []


def test_matplotlib_is_asked_for_by_name(monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'missing: pip install "fastgd\[plot\]"'):
        figures.plot_losses({"run": (STEPS, STEPS + 1.0)})
