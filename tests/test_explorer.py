# The explorer: its runs are fastgd's own, its page shows them, and every control moves something.
import base64
import dataclasses
import json
import re
import zlib
from importlib.resources import files

import browser
import numpy as np
import pytest

import fastgd as gd
from fastgd import theory
from fastgd.cli import main
from fastgd.explorer import landscapes, runs

STEPS = runs.STEPS
CLASSICS = {land.name: land for land in landscapes.classics()}
DATA = "breast-cancer"


def alone(land, optimizer, start, **options):
    """The path of one run from one start, on fastgd's own objective."""
    result = gd.minimize(land.objective, optimizer, theta0=start, steps=STEPS, **options)
    return theory.path(result)


def some_rate(rule, land):
    # A rate at which no rule here amplifies rounding.
    return runs.rates(rule, land)[4]


@pytest.mark.parametrize("name", CLASSICS)
def test_gradients_are_those_of_the_values_and_of_the_objective(name):
    land = CLASSICS[name]
    points = land.starts
    np.testing.assert_allclose(
        land.value(points), [land.objective.value(p) for p in points], rtol=1e-12
    )
    np.testing.assert_allclose(
        land.gradient(points), [land.objective.gradient(p) for p in points], rtol=1e-12, atol=1e-15
    )
    h = 1e-6
    for j in range(land.dimension):
        step = np.zeros(land.dimension)
        step[j] = h
        slope = (land.value(points + step) - land.value(points - step)) / (2 * h)
        np.testing.assert_allclose(slope, land.gradient(points)[:, j], rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("name", CLASSICS)
def test_the_minimum_is_one(name):
    land = CLASSICS[name]
    best = land.minimum[None]
    assert land.value(best)[0] == pytest.approx(land.least, abs=1e-14)
    assert np.abs(land.gradient(best)).max() < 1e-8
    if land.smooth:
        assert land.beta == pytest.approx(theory.smoothness(land.objective), rel=1e-6)


def test_the_plane_of_two_neurons_is_that_of_the_course():
    network, embed = landscapes.two_neuron_network()
    land = CLASSICS["two-neurons"]
    points = np.vstack([land.starts, -land.starts])
    np.testing.assert_allclose(
        land.value(points), [network.value(embed @ p) for p in points], rtol=1e-12
    )
    np.testing.assert_allclose(
        land.gradient(points), [embed.T @ network.gradient(embed @ p) for p in points], rtol=1e-12
    )
    one, two = embed @ [1.0, 1.0], embed @ [-1.0, -1.0]
    assert [network.value(p) for p in (one, two, (one + two) / 2)] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("rule", runs.RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("name", ["parabola", "valley", "two-neurons", DATA])
def test_many_points_in_one_run_take_the_steps_of_many_runs(name, rule):
    land = CLASSICS[name]
    gamma, beta2 = list(rule.settings())[-1]
    optimizer = rule.make(some_rate(rule, land), gamma, beta2)
    together = runs.descend(land, optimizer)
    for i, start in enumerate(land.starts[:2]):
        # Lion's step is a sign, which a gradient of rounding errors could turn.
        np.testing.assert_allclose(
            together[0, i], alone(land, optimizer, start), rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize("batch", [64, 8, 1])
def test_batches_are_those_that_minimize_draws(batch):
    land = CLASSICS[DATA]
    level = [size for _, size in land.levels()].index(batch)
    optimizer = gd.SGD(lr=0.5 / land.beta)
    expected = alone(land, optimizer, land.starts[1], batch_size=batch, seed=runs.SEED)
    np.testing.assert_allclose(runs.descend(land, optimizer)[level, 1], expected, rtol=1e-10)


def test_the_noise_has_the_variance_that_is_said():
    land = CLASSICS["valley"]
    draws = runs._draws(land, land.levels(), 20_000, 0)
    for level, (sigma, _) in enumerate(land.levels()):
        assert np.mean(np.sum(draws[:, level, 0] ** 2, axis=1)) == pytest.approx(sigma**2, rel=0.03)


@pytest.mark.parametrize("rule", runs.RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("name", [name for name, land in CLASSICS.items() if len(land.mirrors) > 1])
def test_a_mirrored_start_has_the_mirrored_path_to_the_bit(name, rule):
    land = CLASSICS[name]
    gamma, beta2 = list(rule.settings())[0]
    optimizer = rule.make(some_rate(rule, land), gamma, beta2)
    path = runs.descend(land, optimizer)[0]
    for signs in land.mirrors:
        signs = np.array(signs[: land.dimension], dtype=float)
        mirrored = dataclasses.replace(land, starts=land.starts * signs)
        np.testing.assert_array_equal(runs.descend(mirrored, optimizer)[0], path * signs)


def test_a_run_that_leaves_does_not_disturb_its_neighbours():
    land = CLASSICS["rosenbrock"]
    optimizer = gd.SGD(lr=1.5 / land.beta)
    made = runs.descend(land, optimizer)
    assert np.isfinite(made).all()
    far = dataclasses.replace(land, starts=np.vstack([land.starts[:1], [[5.0, -5.0]]]))
    beside = runs.descend(far, optimizer)
    assert np.isfinite(beside).all()
    np.testing.assert_array_equal(beside[0, 0], made[0, 0])


def unpack(text, long):
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8)
    low, high = planes.reshape(2, -1).astype(np.int64)
    coded = low | (high << 8)
    apart = (coded >> 1) ^ -(coded & 1)
    return np.cumsum(apart.reshape(-1, long), axis=1)


def test_what_is_packed_is_what_was_run():
    land = dataclasses.replace(CLASSICS["valley"], starts=np.array([[2.0, 2.0], [0.7, -2.0]]))
    made = runs.grid(land, steps=20)
    packed = runs.pack(land, made)
    for j in range(2):
        places = unpack(packed["channels"][j], 21).reshape(made.points.shape[:-1])
        at = packed["centre"][j] + places / runs.PLACES * packed["half"][j]
        within = np.abs(made.points[..., j]) < 50
        error = np.abs(at - made.points[..., j])[within].max()
        assert error <= packed["half"][j] / runs.PLACES * 0.5 + 1e-12
    gaps = 10 ** (unpack(packed["channels"][2], 21).ravel() / runs.DECADE)
    true = np.clip(made.gaps.ravel(), 1e-12, 1e12)
    assert np.abs(gaps / true - 1).max() < 0.02
    lengths = np.frombuffer(zlib.decompress(base64.b64decode(packed["lengths"])), dtype=np.uint8)
    np.testing.assert_array_equal(lengths, made.lengths.ravel())
    inside = np.abs(made.points) <= 3 * 2.4
    assert inside[made.lengths == 20].all()


def words():
    return json.loads(files("fastgd.explorer").joinpath("words.json").read_text("utf-8"))


def test_both_languages_say_the_same_things():
    english, french = words()["en"], words()["fr"]
    assert list(english) == list(french)
    for name, text in english.items():
        assert sorted(re.findall(r"\{\w\}", text)) == sorted(re.findall(r"\{\w\}", french[name]))
    for land in CLASSICS.values():
        assert set(land.title) == set(land.note) == {"en", "fr"}
    # Mathematics is Unicode here, never LaTeX.
    assert not set("\\$") & set("".join((*english.values(), *french.values())))


def test_columns_and_classes_of_data_are_chosen_or_refused():
    found = landscapes.of_data("penguins", columns=("bill_length_mm", "bill_depth_mm"),
                               positive="Adelie", target="species")  # fmt: skip
    assert found.axes == ("w: bill_length_mm", "w: bill_depth_mm")
    assert landscapes.of_data(DATA).axes == ("w: PC1", "w: PC2")
    weight = landscapes.of_data("penguins", target="body_mass_g")
    assert isinstance(weight.objective, gd.LeastSquares)
    with pytest.raises(ValueError, match="has 3 classes; say which .*; there are Adelie"):
        landscapes.of_data("penguins")
    with pytest.raises(ValueError, match="there is no class 'Emperor'; there are Adelie"):
        landscapes.of_data("penguins", positive="Emperor")
    with pytest.raises(ValueError, match="there is no column 'size'; there are mean_radius"):
        landscapes.of_data(DATA, columns=("size", "mean_radius"))
    with pytest.raises(ValueError, match="two different names, not mean_radius"):
        landscapes.of_data(DATA, columns=("mean_radius",))


def test_classes_that_two_columns_tell_apart_are_refused(tmp_path):
    x = np.linspace(-1, 1, 20)
    np.savez(tmp_path / "apart.npz", X=np.column_stack([x, x**2]), y=(x > 0).astype(int))
    with pytest.raises(ValueError, match="told apart without error by x0 and x1"):
        landscapes.of_data(tmp_path / "apart.npz")


def explore_by_command(*given):
    return main(["explore", *map(str, given)])


def test_the_command_refuses_before_any_work(tmp_path, capsys):
    for given, message in [
        (["--out", tmp_path / "page.png"], "must end in .html"),
        (["--out", tmp_path / "none" / "page.html"], "no such folder"),
        (["--out", tmp_path / "page.html", "--target", "y"], "--target is about DATA"),
    ]:
        assert explore_by_command(*given) == 2
        assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_page_of_data_is_written(tmp_path, capsys):
    pytest.importorskip("bokeh", reason="the explorer needs bokeh")
    x = np.random.default_rng(0).standard_normal((40, 3))
    np.savez(tmp_path / "mine.npz", X=x, y=x @ [1.0, -2.0, 0.5])
    out = tmp_path / "mine.html"
    given = (tmp_path / "mine.npz", "--columns", "x0,x2", "--lang", "fr", "--out", out)
    assert explore_by_command(*given) == 0
    text = out.read_text("utf-8")
    assert text.startswith('<!DOCTYPE html>\n<html lang="fr">')
    assert "mine.npz (moindres carrés)" in text
    assert str(out) in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_of_ones_own_is_explored():
    pytest.importorskip("bokeh", reason="the explorer needs bokeh")
    from fastgd.explorer import explore

    X, y = gd.datasets.load(DATA)
    f = gd.LogisticRegression(X, y, l2=0.1)
    r = gd.minimize(f, gd.Lion(lr=0.01), steps=50, batch_size=32, seed=0)
    land = landscapes.of_objective(f, theory.path(r))
    # In the plane, the run ends where it ended, at the loss that it had.
    assert land.value(land.own[-1:])[0] == pytest.approx(r.loss, rel=1e-12)
    shown = explore(gd.minimize(gd.Quadratic(np.diag([1.0, 4.0])), gd.Adam(lr=0.1),
                                theta0=[2.0, 1.0], steps=30))  # fmt: skip
    assert shown._repr_html_().startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    assert re.search(r'"own": \{"steps": \[0, 1, ', shown.html)
    with pytest.raises(TypeError, match="takes the Result of a run"):
        explore(f)
    still = gd.minimize(gd.Quadratic(np.eye(2)), gd.SGD(lr=0.1), theta0=[0.0, 0.0], steps=3)
    with pytest.raises(ValueError, match="no path to be drawn"):
        explore(still)


# In a browser.

LANDS = ("parabola", "valley", DATA)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    pytest.importorskip("bokeh", reason="the explorer needs bokeh")
    if browser.BINARY is None:
        pytest.skip("no Chromium on this machine to open the page in")
    from fastgd.explorer import page

    place = tmp_path_factory.mktemp("page") / "explorer.html"
    place.write_text(page.page([CLASSICS[name] for name in LANDS]), encoding="utf-8")
    opened = browser.Browser()
    opened.url = place.as_uri()
    yield opened
    opened.close()


@pytest.fixture
def open_page(chromium):
    def opened(address="", width=1600):
        chromium.open(chromium.url + address, width, 900)
        chromium.wait("Number(document.body?.dataset.drawn || 0) > 0")
        return chromium

    yield opened
    assert chromium.errors == []
    assert {url for url in chromium.requests if not url.startswith(("file:", "data:"))} == set()


SHOWN = """(() => {
  const all = {};
  for (const name of ["map-a", "map-b", "map-start", "loss-a", "loss-b", "loss-bound-a",
      "loss-bound-b", "slope-a", "slope-b", "slope-bound-a", "slope-bound-b", "slope-floor-a",
      "rates-a", "rates-b", "rates-now-a", "rates-now-b"]) {
    const { x, y } = Bokeh.documents[0].get_model_by_name(name).data;
    all[name] = [Array.from(x), Array.from(y)];
  }
  all.text = document.body.innerText;
  return JSON.stringify(all);
})()"""


def shown(page):
    return json.loads(page.evaluate(SHOWN))


def move(page, selector, value):
    """What a hand on a control does: a new value, and the event of it; then what has changed."""
    before, drawn = shown(page), int(page.evaluate("document.body.dataset.drawn"))
    kind = "change" if selector.endswith("select") else "input"
    page.evaluate(
        f"(() => {{ const c = document.querySelector({selector!r}); c.value = {value};"
        f"c.dispatchEvent(new Event({kind!r}, {{ bubbles: true }})); }})()"
    )
    page.wait(f"Number(document.body.dataset.drawn) > {drawn}")
    after = shown(page)
    return {name for name in before if before[name] != after[name]}


def press(page, selector):
    drawn = int(page.evaluate("document.body.dataset.drawn"))
    page.evaluate(f"document.querySelector({selector!r}).click()")
    page.wait(f"Number(document.body.dataset.drawn) > {drawn}")


@pytest.mark.slow
def test_every_control_moves_what_it_should(open_page):
    page = open_page("#land=1")
    mine, theirs = {"map-a", "loss-a", "slope-a", "rates-now-a"}, {"map-b", "loss-b"}
    changed = move(page, "#rule-a .lr input", 12)
    assert mine | {"loss-bound-a"} <= changed
    assert not (theirs | {"rates-a", "rates-b"}) & changed
    assert theirs <= move(page, "#rule-b select", 2)  # Momentum
    changed = move(page, "#rule-b .gamma input", 1)
    assert theirs | {"rates-b"} <= changed
    assert not mine & changed
    assert theirs <= move(page, "#rule-b select", 6)  # Adam
    assert theirs <= move(page, "#rule-b .beta2 input", 0)
    assert theirs <= move(page, "#rule-b .gamma input", 0)
    move(page, "#rule-a .lr input", 9)
    assert mine | theirs <= move(page, "#sigma", 1)
    assert len(shown(page)["slope-floor-a"][0]) == 2
    changed = move(page, "#batch", 2)
    assert mine | theirs | {"slope-floor-a", "slope-bound-a"} <= changed
    changed = move(page, "#step", 10)
    assert {"map-a", "map-b", "loss-a", "loss-b"} <= changed and not {"rates-a"} & changed
    assert len(shown(page)["map-a"][0]) == 11


@pytest.mark.slow
def test_the_path_is_played_and_put_back(open_page):
    page = open_page("#land=1&step=57")
    press(page, "#play")
    page.wait("window.explorer.state.step === 60 && document.getElementById('step').value === '60'")
    press(page, "#back")
    assert shown(page)["map-a"][0] == shown(page)["map-start"][0]


@pytest.mark.slow
def test_functions_and_languages_are_switched(open_page):
    page = open_page()
    press(page, "#lands button:nth-of-type(3)")
    seen = shown(page)["text"]
    assert "569 observations" in seen and "Noise σ" not in seen
    assert page.evaluate("document.getElementById('batch-text').textContent") == "all 569"
    changed = move(page, "#batch", 3)
    assert {"map-a", "map-b", "text"} <= changed
    press(page, "[data-language=fr]")
    seen = shown(page)["text"]
    assert "La descente de gradient, à explorer" in seen
    assert not {"Rate η", "Rule A", "Noise σ", "steps"} & set(seen.splitlines())
    assert page.evaluate("document.documentElement.lang") == "fr"
    assert page.evaluate("document.title") == "fastgd: La descente de gradient, à explorer"


@pytest.mark.slow
@pytest.mark.parametrize("land", ["parabola", "valley"])
def test_a_click_starts_from_the_nearest_cross(open_page, land):
    page = open_page(f"#land={LANDS.index(land)}")
    press_at = """(() => {
      const map = Bokeh.documents[0].get_model_by_name("map");
      const view = Bokeh.index.get_by_id(map.id);
      const box = view.canvas_view.el.getBoundingClientRect();
      const inside = view.frame.bbox;
      return [box.left + inside.left, box.top + inside.top, inside.width, inside.height];
    })()"""
    left, top, width, height = page.evaluate(press_at)
    drawn = int(page.evaluate("document.body.dataset.drawn"))
    (x0, x1), (y0, y1) = CLASSICS[land].window
    x, y = -1.9, (3.7 if land == "parabola" else -0.8)
    page.click(left + width * (x - x0) / (x1 - x0), top + height * (y1 - y) / (y1 - y0))
    page.wait(f"Number(document.body.dataset.drawn) > {drawn}")
    (at,), (up,) = shown(page)["map-start"]
    expected = (-2.0, 4.0) if land == "parabola" else (-2.0, -0.7)
    assert (at, up) == pytest.approx(expected, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", LANDS)
def test_the_paths_on_the_page_are_fastgds(open_page, name):
    page = open_page()
    press(page, f"#lands button:nth-of-type({LANDS.index(name) + 1})")
    land = CLASSICS[name]
    generator = np.random.default_rng(0)
    centre, half = runs._frame(land)
    for number, rule in enumerate(runs.RULES):
        settings = list(rule.settings())
        which = int(generator.integers(len(settings)))
        lr, start = int(generator.integers(14)), int(generator.integers(len(land.starts)))
        gamma, beta2 = divmod(which, max(1, len(rule.beta2s)))
        state = {"rule": number, "lr": lr, "gamma": gamma, "beta2": beta2}
        found = page.evaluate(
            f"(() => {{ Object.assign(explorer.state, {{ start: {start}, sign: 0 }});"
            f"Object.assign(explorer.state.a, {json.dumps(state)});"
            "return explorer.path('a'); })()"
        )
        optimizer = rule.make(runs.rates(rule, land)[lr], *settings[which])
        expected = runs.descend(land, optimizer)[0, start]
        end = found["end"]
        assert len(found["x"]) == end + 1
        outside = (np.abs(expected - centre) > runs.FAR * half).any(axis=1)
        assert end == (int(outside.argmax()) if outside.any() else STEPS)
        near = np.abs(expected[: end + 1, 0] - centre[0]) < 50 * half[0]
        error = np.abs(np.array(found["x"]) - expected[: end + 1, 0])[near]
        assert error.max() <= half[0] / runs.PLACES * 0.51
        gaps = np.clip(land.value(expected[: end + 1]) - land.least, 1e-12, 1e12)
        np.testing.assert_allclose(found["gap"], gaps, rtol=0.02)


@pytest.mark.slow
def test_the_bounds_on_the_page_are_those_of_the_theorems(open_page):
    T = 37

    def bounds(address, kind):
        page = open_page(address)
        return page.evaluate(
            f"(() => {{ const f = explorer.theorems('a').{kind}; "
            f"return [f.k, f.bound({T}), f.floor ?? 0, explorer.facts('a').eta]; }})()"
        )

    land = CLASSICS["valley"]
    distance = float(np.linalg.norm(land.starts[0]))
    gap = float(land.value(land.starts[:1])[0])
    k, bound, _, eta = bounds("#land=1&a=0.10.0.0", "loss")
    assert (k, eta) == (1, pytest.approx(1 / land.beta))
    assert bound == pytest.approx(theory.theorem_1(1 / eta, distance, T))
    k, bound, _, eta = bounds("#land=1&a=0.10.0.0", "slope")
    assert (k, bound) == (2, pytest.approx(theory.theorem_2(1 / eta, gap, T)))
    k, bound, _, eta = bounds("#land=1&a=3.10.3.0", "loss")
    assert (k, bound) == (5, pytest.approx(theory.theorem_5(1 / eta, distance, T)))
    k, bound, floor, eta = bounds("#land=1&a=0.8.0.0&sigma=2&batch=1", "slope")
    assert k == 4
    assert bound == pytest.approx(theory.theorem_4(eta, land.beta, 4.0, gap, T, 4))
    assert floor == pytest.approx(theory.noise_floor(eta, land.beta, 4.0, 4))
    k, bound, floor, eta = bounds("#land=1&a=1.8.0.0&sigma=1&batch=0", "slope")
    rates = gd.schedules.inverse_time(eta, 0.1)(np.arange(T), T)
    assert (k, bound) == (6, pytest.approx(theory.theorem_6(rates, land.beta, 1.0, gap, 1)))


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1600])
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("land", range(len(LANDS)))
def test_nothing_is_cut_off(open_page, width, language, land):
    page = open_page(f"#land={land}&language={language}&b=6.9.2.2&sigma=1&batch=1", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.evaluate(
        "[...document.querySelectorAll('p, h1, h2, legend, button, output, label, .ticks b')]"
        ".filter((e) => e.offsetParent && (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0"
        " || e.getBoundingClientRect().right > innerWidth + 1)).map((e) => e.outerHTML)"
    )
    assert wide == []
    # What a finger has to hit: 40 pixels at least.
    low = page.evaluate(
        "[...document.querySelectorAll('button, select, input')].filter((e) => e.offsetParent"
        " && e.getBoundingClientRect().height < 40).map((e) => e.outerHTML)"
    )
    assert low == []
