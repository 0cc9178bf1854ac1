# Pictures: that they hold the data, look alike, and leave nothing behind.
import html
import re
import sys

import numpy as np
import pytest

from fastgd import figures, gallery, schedules
from fastgd.gallery import french
from fastgd.gallery.registry import TITLES
from fastgd.plots import style

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


@pytest.mark.parametrize(
    "low, high, labels",
    [
        (0.02, 3.0, ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]),
        (1e-3, 2e4, ["0.001", "0.01", "0.1", "1", "10", "100", "1000", "10000"]),
        (2e-5, 3e-3, ["2e-5", "5e-5", "1e-4", "2e-4", "5e-4", "1e-3", "2e-3"]),
        (1e-6, 3.0, ["1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1", "1e0"]),
    ],
)
def test_an_axis_has_labels_of_one_style(low, high, labels):
    from matplotlib import pyplot

    _, ax = pyplot.subplots(figsize=(4, 8))
    ax.plot([1, 2], [low, high])
    style.logarithmic(ax, low, high)
    ax.set_ylim(low, high)
    shown = [ax.yaxis.get_major_formatter()(place) for place in ax.get_yticks()]
    assert [label for label in shown if low <= float(label) <= high] == labels


def drawn(number):
    with style.styled(style.SLIDE):
        figure = figures.GALLERY[number][2]()
        figure.canvas.draw()
    return figure


def labels(figure):
    return [text.get_text() for text in style.texts(figure)]


@pytest.mark.parametrize("number", [4, 5, 6, 7])
def test_the_star_is_named(number):
    assert "minimum" in labels(drawn(number))


def test_the_level_lines_fill_the_picture():
    # Axes of equal units lose a band where their box is not of the panel's shape.
    figure = drawn(7)
    width = sum(ax.get_position().width for ax in figure.axes)
    assert width > 0.85 and all(ax.get_position().height > 0.75 for ax in figure.axes)


def test_adagrad_s_rate_falls_as_the_root_of_the_steps():
    rate, other = drawn(8).axes[0].lines[:2]
    early, late = rate.get_ydata()[[199, 1999]]
    assert late / early == pytest.approx(0.1**0.5, rel=0.15)
    early, late = other.get_ydata()[150:250].mean(), other.get_ydata()[-100:].mean()
    assert late / early == pytest.approx(1.0, rel=0.3)


def test_nesterov_is_ahead_of_plain_descent():
    right = drawn(6).axes[1]
    fast, plain = (line.get_ydata() for line in right.lines)
    assert (fast[3:] < plain[3:]).all() and (fast[:3] == plain[:3]).all()
    assert (fast[1:] > fast[:-1]).any()


@pytest.mark.slow
def test_the_noise_is_the_floor_of_the_bound_over_one_and_a_half():
    ax = drawn(14).axes[0]
    assert "floor of the bound" in labels(ax.figure)
    curves, floors = ax.lines[0:8:2], ax.lines[1:8:2]
    for curve, floor in zip(curves[:2], floors[:2], strict=True):  # the others still fall
        assert curve.get_ydata()[-1] == pytest.approx(floor.get_ydata()[0] / 1.5, rel=0.1)


@pytest.mark.slow
def test_the_theorems_have_ticks_of_one_style():
    for ax in drawn(13).axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
            shown = [text.get_text() for place, text in ticks if low <= place <= high]
            assert len([text for text in shown if text]) >= 2
            assert all(
                re.fullmatch(r"\$\\mathdefault\{10\^\{.*\}\}\$", text) for text in shown if text
            )


SLOW = {13, 14, 15, 16}
NUMBERS = [pytest.param(k, marks=[pytest.mark.slow] * (k in SLOW)) for k in sorted(figures.GALLERY)]
# What is the same in both languages: names.
NAMES = {"AdaGrad", "RMSProp", "Nesterov", "shrink", "triangular2"}


@pytest.mark.parametrize("number", NUMBERS)
def test_each_picture_speaks_french(number):
    figure = drawn(number)
    for text in labels(figure):
        words = set(re.findall(r"[A-Za-z]{2,}[0-9]?", re.sub(r"\$[^$]*\$", "", text)))
        assert text in french.WORDS or words <= NAMES, text
    style.translate(figure, french.WORDS)
    before = {text for text, other in french.WORDS.items() if text != other}
    assert not before & set(labels(figure))


def test_titles_captions_and_the_page_speak_french(tmp_path, monkeypatch):
    assert set(TITLES.values()) <= set(french.WORDS)
    assert set(french.CAPTIONS) == {name for name, _, _ in figures.GALLERY.values()}
    monkeypatch.setattr(gallery, "GALLERY", {12: figures.GALLERY[12]})
    figures.gallery(tmp_path, lang="fr")
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert '<html lang="fr">' in page and "figures --out DIR --lang fr" in page
    assert html.escape(french.CAPTIONS["restarts"]) in page
    assert "Gradient descent" not in page and "Warm" not in page
    with pytest.raises(ValueError, match="lang is one of en, fr, not 'de'"):
        figures.gallery(tmp_path, lang="de")


@pytest.mark.parametrize("caption", [caption for _, caption, _ in figures.GALLERY.values()])
def test_captions_are_no_formulas_in_latex(caption):
    assert not re.search(r"[\\${}_^]", caption)


def test_files_say_what_they_show(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    png, svg = figures.gallery(tmp_path, only=11)
    _, caption, _ = figures.GALLERY[11]
    with pillow.open(png) as image:
        assert image.info["Title"] == "Triangular schedules"
        assert image.info["Description"] == caption
    assert "<dc:title>Triangular schedules</dc:title>" in svg.read_text(encoding="utf-8")


@pytest.mark.parametrize("number", NUMBERS)
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
    titles = [f"theorem {theorem}" for theorem in "1278"]
    assert [ax.get_title(loc="left") for ax in axes] == titles
    for ax, theorem in zip(axes, "1278", strict=True):
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
