# Pictures: that they hold the data, look alike, and leave nothing behind.
import html
import re
import sys

import numpy as np
import pytest

from fastgd import figures, gallery, plots, schedules, views

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


def bowl():
    import fastgd as gd

    return gd.Quadratic(np.diag([1.0, 9.0]), [1.0, 9.0])


def test_contour_draws_the_path_of_each_run():
    import fastgd as gd

    f = bowl()
    runs = {
        "plain": gd.minimize(f, gd.SGD(lr=0.1), [3.0, 2.0], steps=7, record_every=0),
        "accelerated": gd.minimize(f, gd.Nesterov(lr=0.1), [3.0, 2.0], steps=5),
    }
    ax = figures.contour(f, runs)
    plain, accelerated, best = ax.lines
    points = np.column_stack([plain.get_xdata(), plain.get_ydata()])
    assert points.shape == (8, 2)
    np.testing.assert_array_equal(points[0], [3.0, 2.0])
    np.testing.assert_array_equal(points[-1], runs["plain"].theta)
    assert len(accelerated.get_xdata()) == 6
    np.testing.assert_allclose([*best.get_xdata(), *best.get_ydata()], [1.0, 1.0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(runs)
    assert len(figures.contour(f, runs["plain"], minimum=False).lines) == 1
    # Level lines run through loss values that the picture holds.
    assert len(ax.collections[0].levels) >= 5


def test_contour_of_what_it_cannot_draw():
    import fastgd as gd

    f = gd.Quadratic(np.eye(3))
    with pytest.raises(ValueError, match="need two parameters"):
        figures.contour(f, gd.minimize(f, gd.SGD(), steps=2))
    g = gd.LeastSquares(np.eye(2), [1.0, 2.0])
    run = gd.minimize(g, gd.SGD(), batch_size=1, steps=2, seed=np.random.default_rng(0))
    with pytest.raises(ValueError, match="seed is not an int"):
        figures.contour(g, run)


def test_a_result_draws_itself():
    import fastgd as gd

    run = gd.minimize(bowl(), gd.SGD(lr=0.1), [3.0, 2.0], steps=20, record_every=2)
    (line,) = run.plot().lines
    np.testing.assert_array_equal(line.get_xdata(), run.history["step"])
    np.testing.assert_array_equal(line.get_ydata(), run.history["loss"])


def test_a_network_is_drawn_neuron_by_neuron():
    ax = figures.plot_network((2, 3, 20, 1))
    assert len(ax.patches) == 2 + 3 + 7 + 1
    assert len(ax.lines) == 2 * 3 + 3 * 7 + 7 * 1
    labels = [text.get_text() for text in ax.texts]
    assert labels == ["inputs\n(2)", "hidden 1\n(3)", "hidden 2\n(20)", "⋮", "output\n(1)"]


def test_weights_are_drawn_by_their_size():
    # W (2 x 2, row-major) and b, then W (1 x 2) and b.
    theta = [1.0, -2.0, 4.0, 0.0, 9.0, 9.0, -3.0, 3.0, 9.0]
    ax = figures.plot_network((2, 2, 1), theta=theta)
    widths = [line.get_linewidth() for line in ax.lines]
    # From input 0 to neurons 0 and 1, from input 1 to both, then from each neuron to the output.
    np.testing.assert_allclose(widths, 0.3 + 3.5 * np.array([1 / 4, 1, 2 / 4, 0, 1, 1]))
    assert ax.lines[2].get_color() == ax.lines[4].get_color() != ax.lines[0].get_color()
    # As the library lays θ out.
    import fastgd as gd

    f = gd.NeuralNetwork([[1.0, 2.0]], [1.0], hidden=(2,), activation="identity", loss="squared")
    again = figures.plot_network(f, theta=theta)
    assert [line.get_linewidth() for line in again.lines] == widths
    inner = np.array([[1.0, -2.0], [4.0, 0.0]]) @ [1.0, 2.0] + 9.0
    assert f.predict(theta, [[1.0, 2.0]]) == pytest.approx(np.array([-3.0, 3.0]) @ inner + 9.0)
    with pytest.raises(ValueError, match="the network has 9 parameters"):
        figures.plot_network((2, 2, 1), theta=theta[1:])


SLOW = {13, 14}


@pytest.mark.parametrize(
    "number",
    [pytest.param(k, marks=[pytest.mark.slow] * (k in SLOW)) for k in sorted(figures.GALLERY)],
)
def test_each_picture_of_the_gallery(tmp_path, number):
    png, svg = figures.gallery(tmp_path / "new", only=number)
    assert png.read_bytes().startswith(b"\x89PNG")
    width, height = (int.from_bytes(png.read_bytes()[k : k + 4], "big") for k in (16, 20))
    assert width >= 1500
    assert width / height == pytest.approx(16 / 9, rel=0.01)
    assert svg.read_text(encoding="utf-8").startswith("<?xml")
    assert sorted(path.name for path in png.parent.iterdir()) == [png.name, svg.name]
    name, caption, _ = figures.GALLERY[number]
    assert png.name == f"{number:02}-{name}.png"
    assert caption.endswith(".")
    assert "\n" not in caption


def test_the_page_shows_every_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "GALLERY", {k: figures.GALLERY[k] for k in (10, 12)})
    files = figures.gallery(tmp_path)
    assert sorted(files) == sorted(tmp_path.iterdir())
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for _, caption, _ in gallery.GALLERY.values():
        assert html.escape(caption) in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 2
    assert all((tmp_path / source).exists() for source in sources)
    # The same pictures again are the same files.
    before = [path.read_bytes() for path in files]
    assert [path.read_bytes() for path in figures.gallery(tmp_path)] == before


def test_a_picture_that_does_not_exist(tmp_path):
    with pytest.raises(ValueError, match="there is no picture 99"):
        figures.gallery(tmp_path, only=99)


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
