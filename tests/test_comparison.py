# Comparisons: equal budgets, held-out data, the same numbers however they are computed.
import dataclasses
import importlib
import itertools
import json
import math
import pickle

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, rankdata

import fastgd as gd
from fastgd import comparison, console, optimizers
from fastgd.comparison import Comparison, claims, ranking, study, trials

driver = importlib.import_module("fastgd.sweeps")
SMALL = {"optimizers": ["sgd", "adam", "lookahead-radam"], "budget": 3, "seeds": 2}


def quick(name="noisy-quadratic", steps=50):
    return dataclasses.replace(gd.problems.get(name), steps=steps)


@pytest.fixture(scope="module")
def small():
    return gd.compare(quick(), **SMALL, n_jobs=1)


@pytest.mark.parametrize("name", optimizers.registry)
def test_every_rule_has_a_search_space_whose_draws_it_takes(name):
    opt, generator = optimizers.registry[name](), np.random.default_rng(0)
    assert any(key.endswith("lr") for key in opt.search_space())
    drawn = [opt.drawn(generator) for _ in range(50)]
    assert len({one.lr for one in drawn}) == 50
    assert all(type(one) is type(opt) for one in drawn)
    again = np.random.default_rng(0)
    assert drawn == [opt.drawn(again) for _ in range(50)]


def test_a_space_is_uniform_in_the_logarithm():
    generator = np.random.default_rng(1)
    low = np.log10([optimizers.RATES.draw(generator) for _ in range(4000)])
    counts, _ = np.histogram(low, bins=4, range=(-4, 0))
    assert np.all(np.abs(counts - 1000) < 150)
    memory = np.array([optimizers.PERSISTENCE.draw(generator) for _ in range(4000)])
    counts, _ = np.histogram(np.log10(1 - memory), bins=4, range=(-4, 0))
    assert np.all(np.abs(counts - 1000) < 150)
    integers = [optimizers.LogUniform(1, 20, integer=True).draw(generator) for _ in range(2000)]
    assert set(integers) == set(range(1, 21))


def test_as_many_runs_for_each(small):
    counts = {}
    for row in small.rows:
        key = row["optimizer"], row["schedule"], row["kind"]
        counts[key] = counts.get(key, 0) + 1
    assert set(counts) == {
        (o, s, k)
        for o in SMALL["optimizers"]
        for s in ("constant", "cosine")
        for k in ("trial", "tuned", "default")
    }
    assert all(n == (3 if kind == "trial" else 2) for (_, _, kind), n in counts.items())


def test_the_choice_is_the_least_validation_loss(small):
    for group, values in small.losses("trial", "validation").items():
        mine = [r for r in small.rows if (r["problem"], r["optimizer"], r["schedule"]) == group]
        trials = [r for r in mine if r["kind"] == "trial"]
        best = trials[int(np.argmin(values))]["setting"]
        assert {r["setting"] for r in mine if r["kind"] == "tuned"} == {best}


def test_the_test_loss_has_no_say(small):
    problem = quick()
    other = gd.Quadratic(np.diag(np.linspace(5.0, 1.0, 20)), np.ones(20))
    changed = gd.compare(dataclasses.replace(problem, test=other), **SMALL, n_jobs=1)
    assert [r["setting"] for r in changed.rows] == [r["setting"] for r in small.rows]
    assert [r["test"] for r in changed.rows] != [r["test"] for r in small.rows]


def test_a_shared_pass_changes_nothing(small, monkeypatch):
    monkeypatch.setattr(driver, "CACHED_BYTES", 0)
    monkeypatch.setattr(driver, "SHARED_BYTES", 20000)  # the rows of 15 steps
    assert driver.shared_steps(quick().train, 8) == 15
    packs = []
    run = trials.run_pack
    monkeypatch.setattr(
        trials, "run_pack", lambda pack, *more: packs.append(len(pack.trials)) or run(pack, *more)
    )
    assert gd.compare(quick(), **SMALL, n_jobs=2).rows == small.rows
    assert max(packs) == study.PACK


@pytest.mark.parametrize("n_jobs", [2, 5])
def test_threads_change_nothing(small, n_jobs):
    assert gd.compare(quick(), **SMALL, n_jobs=n_jobs).rows == small.rows


def test_what_stands_beside_a_run_changes_nothing(small):
    alone = gd.compare(quick(), "adam", budget=3, seeds=2)
    assert alone.rows == [row for row in small.rows if row["optimizer"] == "adam"]


def test_a_trial_is_a_run_of_minimize(small):
    problem = quick()
    row = next(r for r in small.rows if r["optimizer"] == "adam" and r["kind"] == "default")
    finals = [
        gd.minimize(
            problem.train, gd.Adam(), problem.theta0, batch_size=8, steps=50, seed=seed
        ).theta
        for seed in range(20)
    ]
    losses = [problem.test.value(theta) for theta in finals]
    assert min(losses) - 0.05 < row["test"] < max(losses) + 0.05


def test_it_goes_on_from_its_file(small, tmp_path, monkeypatch):
    path = tmp_path / "trials.jsonl"
    assert gd.compare(quick(), **SMALL, path=path).rows == small.rows
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:10]) + lines[10][:20])  # killed in the middle of a line
    assert gd.compare(quick(), **SMALL, path=path).rows == small.rows
    monkeypatch.setattr(trials, "run_pack", None)  # nothing is left to run
    assert gd.compare(quick(), **SMALL, path=path).rows == small.rows


def test_the_file_of_another_comparison_is_refused(tmp_path):
    path = tmp_path / "trials.jsonl"
    gd.compare(quick(), "sgd", budget=1, seeds=1, path=path)
    with pytest.raises(ValueError, match="with seed 0, not 1"):
        gd.compare(quick(), "sgd", budget=1, seeds=1, path=path, seed=1)
    with pytest.raises(ValueError, match="was another"):
        gd.compare(quick(steps=51), "sgd", budget=1, seeds=1, path=path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="not the file of a comparison"):
        gd.compare(quick(), "sgd", budget=1, seeds=1, path=path)


def test_an_interrupt_keeps_what_is_done(small, tmp_path, monkeypatch):
    path, keep, kept = tmp_path / "trials.jsonl", study._Study._keep, []

    def interrupted(study, record):
        keep(study, record)
        kept.append(record)
        if len(kept) == 7:  # and not again, for what had ended besides is kept too
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(study._Study, "_keep", interrupted)
        part = gd.compare(quick(), **SMALL, path=path)
    assert not part.complete and 7 <= len(part.rows) < len(small.rows)
    assert all(row in small.rows for row in part.rows)
    assert len(path.read_text().splitlines()) == 1 + len(part.rows)
    assert "interrupted" in part.verdict()
    assert gd.compare(quick(), **SMALL, path=path).rows == small.rows


def test_an_interrupt_ends_runs_that_have_long_to_go(monkeypatch):
    short, endless = quick(), dataclasses.replace(quick(), name="endless", steps=10**12)
    kept = []

    def interrupted(study, record):
        kept.append(record)
        if len(kept) == 1:  # what else has ended is kept after that
            raise KeyboardInterrupt

    monkeypatch.setattr(study._Study, "_keep", interrupted)
    part = gd.compare([short, endless], "sgd", budget=2, seeds=1, n_jobs=3)
    assert not part.complete
    assert {row["problem"] for row in part.rows} == {short.name}


def test_a_file_takes_another_problem_in(tmp_path):
    path = tmp_path / "trials.jsonl"
    few = {"optimizers": "sgd", "budget": 1, "seeds": 1, "path": path}
    other = dataclasses.replace(gd.problems.get("quadratic-1e2"), steps=20)
    gd.compare(quick(), **few)
    both = gd.compare([quick(), other], **few)
    assert {row["problem"] for row in both.rows} == {"noisy-quadratic", "quadratic-1e2"}
    with pytest.raises(ValueError, match="'quadratic-1e2' was another"):
        gd.compare(dataclasses.replace(other, steps=21), **few)


def test_the_time_left_counts_what_was_done_now(capsys, monkeypatch):
    bar = console.Bar(100)
    bar.skipped, bar.began, bar.shown = 50, 0.0, 0.0
    monkeypatch.setattr(console.time, "perf_counter", lambda: 10.0)
    bar.show(75, None)  # 25 in ten seconds
    assert "75/100, 10 s left" in capsys.readouterr().err


def test_two_of_one_class_have_names_of_their_own():
    few = {"budget": 1, "seeds": 1, "schedules": "constant"}
    with pytest.raises(ValueError, match=r"'adam' is given twice; \{name: Optimizer\}"):
        gd.compare(quick(), [gd.Adam(), gd.Adam(eps=1.0)], **few)
    c = gd.compare(quick(), {"adam": gd.Adam(), "blunt": gd.Adam(eps=1.0)}, **few)
    assert list(dict.fromkeys(row["optimizer"] for row in c.rows)) == ["adam", "blunt"]


def test_a_function_of_python_floats_may_overflow():
    def value(theta):
        return float(theta[0]) ** 4

    f = gd.Function(value, lambda theta: np.array([4 * float(theta[0]) ** 3]), 1)
    problem = gd.problems.Problem("quartic", f, steps=50, theta0=np.array([2.0]))
    c = gd.compare(problem, gd.SGD(lr=10.0), budget=1, seeds=1, schedules="constant")
    (row,) = [row for row in c.rows if row["kind"] == "default"]
    assert row["test"] == math.inf and row["message"].startswith("diverged: OverflowError")


def test_errors_of_a_function_come_out():
    def value(theta):
        raise RuntimeError("mine")

    f = gd.Function(value, lambda theta: theta, 1)
    problem = gd.problems.Problem("broken", f, steps=5, theta0=np.ones(1))
    with pytest.raises(RuntimeError, match="mine"):
        gd.compare(problem, "sgd", budget=1, seeds=1)


def test_divergence_is_a_result():
    c = gd.compare("quadratic-1e2", gd.SGD(lr=1e3), budget=2, seeds=2, schedules="constant")
    defaults = [row for row in c.rows if row["kind"] == "default"]
    assert [row["test"] for row in defaults] == [math.inf, math.inf]
    assert all("diverged" in row["message"] for row in defaults)
    (row,) = c.summary()
    assert row["default"] == (math.inf,) * 3 and math.isfinite(row["tuned"][1])
    assert row["gain"] == 100.0
    json.dumps(c.to_dict(), allow_nan=False)


def made(losses):
    """A comparison with these tuned test losses: {problem: {optimizer: losses}}."""
    rows = []
    for problem, of in losses.items():
        for optimizer, values in of.items():
            for kind, numbers in (("trial", [1.0]), ("tuned", values), ("default", values)):
                rows += [
                    {
                        "problem": problem, "optimizer": optimizer, "schedule": "constant",
                        "kind": kind, "number": i, "lr": 0.1, "validation": v, "test": v,
                        "setting": "", "message": "",
                    }
                    for i, v in enumerate(numbers)
                ]  # fmt: skip
    return Comparison(rows)


def test_ranks_are_those_of_scipy():
    values = {"a": [3.0], "b": [1.0], "c": [3.0], "d": [math.inf]}
    assert made({"p": values}).ranks()["p"] == dict(
        zip("abcd", rankdata([3.0, 1.0, 3.0, math.inf]), strict=True)
    )


def test_gains_are_percent_of_the_default():
    c = made({"p": {"a": [2.0], "b": [1.0], "c": [math.inf]}})
    names, gains = c.gains("p")
    assert names == ["a", "b", "c"]
    inf = math.inf
    np.testing.assert_array_equal(gains, [[0, 50, -inf], [-100, 0, -inf], [100, 100, math.nan]])
    with pytest.raises(ValueError, match="no tuned run on a problem 'q'"):
        c.gains("q")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_pictures_of_losses_of_all_kinds():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    losses = {"a": [2.0, 3.0], "b": [1.0, 1.5], "c": [math.inf, 1.0], "d": [1e90, 1e90]}
    negative = {"a": [-2.0, 3.0], "b": [0.0, 1.5], "c": [math.inf] * 2, "d": [-5.0, 1.0]}
    c = made({"p": losses, "<q>": negative, "r": {"a": [math.inf], "b": [math.inf]}})
    axes = c.plot()
    assert [ax.get_title("left") for ax in axes] == ["p", "<q>", "r"]
    assert [ax.get_xscale() for ax in axes] == ["log", "linear", "linear"]
    assert axes[0].get_xlim()[1] < 1e6  # 1e90 stands on the edge
    for problem in ("p", "<q>", "r"):
        c.plot_sensitivity(problem)[0].figure.canvas.draw()
        c.plot_gain(problem).figure.canvas.draw()
    # c: one of two runs diverged, and its median is inf.
    assert texts(c.plot_gain("p"))[:4] == ["0", "50", "< -999", "< -999"]
    assert [text.get_text() for text in c.plot_ranks().get_yticklabels()] == list(
        c.critical_difference()[0]
    )
    axes[0].figure.canvas.draw()
    pyplot.close("all")


def test_pictures_on_given_axes(small):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    axes = pyplot.subplots(2, 3)[1].ravel()
    assert small.plot_sensitivity("noisy-quadratic", axes[:3])[2] is axes[2]
    assert small.plot(axes[3:4])[0] is axes[3] and axes[3].get_legend() is not None
    assert small.plot_gain("noisy-quadratic", axes[4]) is axes[4]
    assert small.plot_ranks(axes[5]) is axes[5]
    pyplot.close("all")


def test_the_critical_difference_is_that_of_the_table():
    # Demšar 2006, table 5: q of 5 classifiers at 0.05 is 2.728; his example has 14 data sets.
    problems = {f"p{i}": {name: [float(i)] for name in "abcde"} for i in range(14)}
    means, difference = made(problems).critical_difference()
    assert difference == pytest.approx(2.728 * math.sqrt(5 * 6 / (6 * 14)), rel=1e-3)
    assert set(means.values()) == {3.0}


def test_the_verdict_tells_noise_from_difference():
    noise = np.random.default_rng(0).normal(size=(3, 10))
    losses = {"a": noise[0], "b": noise[1], "c": 10 + noise[2]}
    found = made({"p": losses})
    assert "p: no difference between the best exceeds the noise." in found.verdict()
    assert [row["behind"] for row in found.overview()] == [False, False, True]
    assert "no difference" in made({"p": {"a": noise[0], "b": noise[1]}}).verdict()
    two = made({"p": {"a": noise[0], "c": losses["c"]}})
    assert "a is better than all others by more than the noise" in two.verdict()
    assert "too few" in made({"p": {"a": noise[0][:2], "c": losses["c"][:2]}}).verdict()
    alike = made({"p": {name: [math.inf] * 10 for name in "ab"}})
    assert "no difference" in alike.verdict()
    assert "one draw of the tuning" in alike.verdict()


def test_a_verdict_has_no_numbers_and_names_only_winners():
    noise = np.random.default_rng(1).normal(size=(6, 4, 8))
    found = of_draws(
        {f"p{'abcdef'[i]}": dict(zip("wxyz", noise[i], strict=True)) for i in range(6)}
    )
    sentences = found.verdict().splitlines()
    assert len(sentences) == 7
    assert all(one.endswith("no difference between the best exceeds the noise.")
               for one in sentences[:6])  # fmt: skip
    assert sentences[6] == (
        "Over all 6 problems: no optimizer is ahead of all others by more than chance."
    )


def test_the_verdict_over_all_problems():
    order = {name: [float(i)] for i, name in enumerate("abcdef")}
    assert "Over all" not in made({"p": order}).verdict()
    few = made({f"p{i}": order for i in range(2)})
    assert "Over all 2 problems: no optimizer is ahead of all others" in few.verdict()
    assert few.friedman() == pytest.approx(friedmanchisquare(*[[i, i] for i in range(6)]).pvalue)
    two = made({f"p{i}": {name: order[name] for name in "ab"} for i in range(20)}).verdict()
    assert "Over all 20 problems: a is ahead of all others by more than chance." in two


def test_friedman_s_test_comes_before_nemenyi_s():
    # Ranks that differ by more than Nemenyi's distance, were there a difference to look for.
    test = ranking.Test({"a": 1.0, "b": 9.0}, p_value=0.2, difference=3.0)
    assert test.ahead_of == []
    assert test._replace(p_value=0.01).ahead_of == ["b"]


def of_draws(tuned, trials=None):
    """A comparison with these tuned losses, one for each draw, and trials of each draw:
    {problem: {optimizer: losses}}, {optimizer: [(validation, test), ...]}."""
    rows = []
    for problem, of in tuned.items():
        for optimizer, losses in of.items():
            tried = (trials or {}).get(optimizer, [(1.0, 1.0)])
            for draw, loss in enumerate(losses):
                kinds = [("trial", i, *pair) for i, pair in enumerate(tried)]
                kinds += [("tuned", draw, loss, loss), ("default", draw, *tried[0])]
                rows += [
                    {
                        "problem": problem, "optimizer": optimizer, "schedule": "constant",
                        "draw": draw, "kind": kind, "number": i, "lr": 0.1, "validation": v,
                        "test": t, "setting": "", "message": "",
                    }
                    for kind, i, v, t in kinds
                ]  # fmt: skip
    return Comparison(rows)


def by_name(found, start):
    (one,) = [one for one in found.findings() if one.claim.startswith(start)]
    return one


def test_adam_among_the_best_is_found_denied_or_left_open():
    names = ["adam", "b", "c"]
    first = {f"p{i}": {n: [j + 0.1 * d for d in range(6)] for j, n in enumerate(names)}
             for i in range(4)}  # fmt: skip
    finding = by_name(of_draws(first), "Adam")
    assert finding.answer == "yes"
    assert finding.numbers["problems of 4 with adam in the best third"].low == 4.0
    assert by_name(of_draws(first), "There is no clear winner").answer == "no"
    last = {
        p: dict(zip(names, reversed(list(of.values())), strict=True)) for p, of in first.items()
    }
    assert by_name(of_draws(last), "Adam").answer == "no"
    noise = np.random.default_rng(0).normal(size=(4, 3, 6))
    even = {f"p{i}": dict(zip(names, noise[i], strict=True)) for i in range(4)}
    assert by_name(of_draws(even), "Adam").answer == "open"
    assert by_name(of_draws(even), "There is no clear winner").answer == "yes"


def test_a_newer_rule_is_ahead_of_adam_beyond_the_noise_or_not():
    noise = np.random.default_rng(2).normal(size=(5, 2, 8))
    level = {f"p{i}": {"adam": a, "adopt": b} for i, (a, b) in enumerate(noise)}
    assert by_name(of_draws(level), "No newer rule").answer == "yes"
    ahead = {p: {"adam": of["adam"], "adopt": of["adam"] - 1} for p, of in level.items()}
    finding = by_name(of_draws(ahead), "No newer rule")
    assert finding.answer == "no" and str(finding).endswith("noise: adopt")
    assert str(finding.numbers["mean rank of adopt less that of adam"]) == "-1 [-1, -1]"


def test_tuning_against_choosing():
    # As they come 8, 4 and 2; tuned each comes to 2: choosing, and tuning, save what there is.
    trials = {
        n: [(v, v), (2.0, 2.0), (9.0, 9.0)] for n, v in zip("abc", (8.0, 4.0, 2.0), strict=True)
    }
    tuned = {f"p{i}": {n: [2.0] * 6 for n in "abc"} for i in range(3)}
    finding = by_name(of_draws(tuned, trials), "Tuning")
    numbers = list(finding.numbers.values())
    assert [one.value for one in numbers] == [50.0, 50.0, 0.0] and finding.answer == "yes"
    # Where tuning alone saves something, choosing does not help.
    trials = {n: [(8.0, 8.0), (1.0, 1.0), (9.0, 9.0)] for n in "abc"}
    finding = by_name(of_draws(tuned, trials), "Tuning")
    assert finding.answer == "no" and str(finding) == "Tuning helps more than choosing"
    assert [one.value for one in finding.numbers.values()] == [87.5, 0.0, 87.5]


def test_a_smaller_budget_is_that_of_all_subsets():
    generator = np.random.default_rng(0)
    validation, test = generator.normal(size=(2, 7))
    for size in range(1, 8):
        best = [
            test[min((0, *others), key=lambda i: validation[i])]
            for others in itertools.combinations(range(1, 7), size - 1)
        ]
        # The lower median: the first loss that half of the subsets stay below or reach.
        expected = sorted(best)[(len(best) - 1) // 2]
        assert claims._with_budget(validation, test, size) == expected
    rows = of_draws({"p": {n: [1.0] * 5 for n in "ab"}}, {"a": [(1.0, 1.0)] * 12}).budgets()
    assert [row["budget"] for row in rows] == [1]  # b has one trial: there is nothing larger


def test_budgets_end_at_what_was_run():
    trials = {n: [(8.0, 8.0), *((v, v) for v in np.arange(1.0, 12.0))] for n in "ab"}
    rows = of_draws({"p": {n: [1.0] * 5 for n in "ab"}}, trials).budgets()
    assert [row["budget"] for row in rows] == [1, 2, 5, 10, 12]
    assert rows[0]["gain"].value == 0.0 and rows[-1]["gain"].value == 87.5
    gains = [row["gain"].value for row in rows]
    assert gains == sorted(gains) and rows[0]["ranks"]["a"].value == 1.5


def test_fewer_than_five_draws_say_nothing(small):
    assert small.findings() == [] and small.standings() == {} and small.budgets() == []
    assert "one draw" in small.verdict()


@pytest.fixture(scope="module")
def drawn():
    return gd.compare(
        dataclasses.replace(gd.problems.get("penguins-least-squares"), steps=30),
        ["sgd", "adam"], budget=3, seeds=6, draws=3,
    )  # fmt: skip


def test_each_draw_tunes_anew_on_a_split_of_its_own(drawn):
    assert len(drawn.rows) == 2 * 2 * (3 * 3 + 2 * 6)
    for name in ("sgd", "adam"):
        settings = {
            draw: [r["setting"] for r in drawn.rows
                   if (r["optimizer"], r["schedule"], r["draw"], r["kind"])
                   == (name, "constant", draw, "trial")]
            for draw in range(3)
        }  # fmt: skip
        # The default settings are the first of each draw, and no other is tried twice.
        assert {of[0] for of in settings.values()} == {repr(optimizers.registry[name]())}
        assert len({one for of in settings.values() for one in of}) == 1 + 3 * 2
    tests = [r["test"] for r in drawn.rows if r["kind"] == "trial" and r["number"] == 0]
    assert len(set(tests)) == len(tests)  # other rows judge, and other rows are trained on


def test_the_tuned_runs_are_of_their_own_draw_s_choice(drawn):
    for row in drawn.rows:
        if row["kind"] == "tuned":
            mine = [r for r in drawn.rows if r["kind"] == "trial" and all(
                r[c] == row[c] for c in ("optimizer", "schedule", "draw"))]  # fmt: skip
            best = min(mine, key=lambda r: r["validation"])
            assert row["setting"] == best["setting"] and row["draw"] == row["number"] % 3
    chosen, by_draw = drawn.chosen(), drawn.by_draw()
    for name in ("sgd", "adam"):
        losses = chosen["penguins-least-squares"][name].reshape(3, 2)
        assert list(by_draw["penguins-least-squares"][name]) == [
            pytest.approx(pair.mean()) for pair in losses
        ]


def test_more_seeds_take_over_what_is_there(tmp_path, monkeypatch):
    path, runs = tmp_path / "trials.jsonl", []
    few = {"optimizers": "sgd", "budget": 2, "schedules": "constant", "path": path}
    first = gd.compare(quick(steps=10), seeds=5, **few)
    run = trials.run_pack
    monkeypatch.setattr(
        trials, "run_pack", lambda pack, *more: runs.append(pack) or run(pack, *more)
    )
    second = gd.compare(quick(steps=10), seeds=6, **few)
    assert all(row in second.rows for row in first.rows) and len(runs) == 2 + 2


def test_the_validation_loss_is_the_worst_of_the_last_tenth():
    problem = dataclasses.replace(quick(steps=40), batch_size=None)
    pack = trials.Pack(problem, 0, [trials.Trial(("", "", "", 0, "trial", 0), gd.SGD(lr=0.3))])
    (record,) = trials.run_pack(pack)
    losses = [
        problem.validation.value(gd.minimize(problem.train, gd.SGD(lr=0.3), problem.theta0,
                                             steps=steps, record_every=0).theta)
        for steps in (36, 37, 38, 39, 40)
    ]  # fmt: skip
    assert record["validation"] == max(losses) and record["test"] == losses[-1]


def test_the_four_schedules_of_the_paper():
    steps = 70
    kinds = {name: comparison.entrants.as_schedule_kind(name) for name in comparison.SCHEDULES}
    rates = {name: gd.schedules.as_schedule(kind(0.5, steps))(np.arange(steps), steps)
             for name, kind in kinds.items()}  # fmt: skip
    assert set(rates["constant"]) == {0.5}
    assert rates["cosine"][0] == 0.5 and rates["cosine"][-1] == pytest.approx(0.05, rel=0.01)
    assert list(np.flatnonzero(rates["restarts"] == 0.5)) == [0, 10, 30]
    assert np.all(rates["trapezoidal"][6:64] == 0.5) and rates["trapezoidal"][-1] < 0.1
    assert rates["trapezoidal"][0] == pytest.approx(0.5 / 7)
    c = gd.compare(quick(steps=20), "sgd", budget=1, seeds=1, schedules=comparison.SCHEDULES)
    assert {row["lr"] for row in c.rows} == {gd.SGD().lr}


def test_more_draws_than_runs_are_refused():
    with pytest.raises(ValueError, match="each of the 3 draws needs a run"):
        gd.compare("quadratic-1e2", "sgd", budget=1, seeds=2, draws=3)


def test_a_file_of_before_is_refused(tmp_path):
    path = tmp_path / "trials.jsonl"
    path.write_text('{"fastgd": 1, "seed": 0, "problems": {"p": "q"}}\n')
    with pytest.raises(ValueError, match="written by another version"):
        gd.compare(quick(), "sgd", budget=1, seeds=1, path=path)


def test_another_split_has_the_same_rows_in_other_parts():
    problem = gd.problems.get("digits-softmax")
    other = problem.drawn(7)
    assert (other.name, other.steps, other.batch_size) == ("digits-softmax", 1000, 32)
    for part in ("train", "validation", "test"):
        one, two = getattr(problem, part), getattr(other, part)
        assert one.X.shape == two.X.shape and not np.array_equal(one.y, two.y)
    again = problem.drawn(7)
    np.testing.assert_array_equal(again.test.X, other.test.X)
    fixed = gd.problems.get("quadratic-1e2")
    assert fixed.drawn(3) is fixed


def test_problems_can_be_sent_to_another_process():
    for name in gd.problems.names():
        problem = gd.problems.get(name)
        again = pickle.loads(pickle.dumps(problem))
        assert again.drawn(1).train.n_params == problem.train.n_params


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_quartiles_are_those_of_numpy(count):
    values = np.random.default_rng(count).normal(size=count)
    np.testing.assert_allclose(
        ranking.quartiles(values), np.quantile(values, (0.25, 0.5, 0.75)), rtol=1e-12
    )


def test_the_median_beside_inf():
    assert ranking.quartiles(np.array([2.0, math.inf, 1.0]))[1] == 2.0


@pytest.mark.parametrize(
    "options, error, text",
    [
        ({"problems": "nonesuch"}, ValueError, "no problem 'nonesuch'"),
        ({"problems": [3]}, TypeError, "a problem is a name"),
        ({"problems": []}, ValueError, "at least one problem"),
        ({"optimizers": "nonesuch"}, ValueError, "no optimizer 'nonesuch'"),
        ({"optimizers": "sgd-adam"}, ValueError, "goes around no other"),
        ({"optimizers": [gd.SGD]}, TypeError, "a name or an Optimizer"),
        ({"optimizers": ["sgd", "sgd"]}, ValueError, "'sgd' is given twice"),
        ({"schedules": ["nonesuch"]}, ValueError, "a schedule is a name"),
        ({"schedules": ["step"]}, ValueError, "needs"),
        ({"budget": 0}, ValueError, "budget"),
        ({"seeds": 1.5}, TypeError, "seeds"),
        ({"n_jobs": 0}, ValueError, "n_jobs"),
        ({"seed": -1}, ValueError, "seed"),
    ],
)
def test_nonsense_is_refused(options, error, text):
    with pytest.raises(error, match=text):
        gd.compare(**{"problems": "quadratic-1e2", "optimizers": "sgd", **options})


@pytest.mark.parametrize("name", gd.problems.names())
def test_every_problem_can_be_improved(name):
    problem = gd.problems.get(name)
    theta0 = problem.train.initial_point(0) if problem.theta0 is None else problem.theta0
    r = gd.minimize(
        problem.train, gd.Adam(lr=0.01), theta0, batch_size=problem.batch_size, steps=300, seed=0
    )
    for judge in (problem.validation, problem.test):
        assert judge.value(r.theta) < 0.9 * judge.value(theta0)


def test_the_parts_of_a_data_problem_are_disjoint_and_alike():
    problem = gd.problems.get("digits-softmax")
    parts = (problem.train, problem.validation, problem.test)
    assert sum(part.n_samples for part in parts) == 1797
    assert len({part.n_params for part in parts}) == 1


def test_parts_of_different_size_are_no_problem():
    f, g = gd.Quadratic(np.eye(2)), gd.Quadratic(np.eye(3))
    with pytest.raises(ValueError, match="same parameters"):
        gd.problems.Problem("p", f, f, g)


def test_a_problem_may_be_its_own_judge():
    f = gd.Quadratic(np.eye(2))
    problem = gd.problems.Problem("p", f)
    assert problem.validation is f and problem.test is f
    with pytest.raises(TypeError, match="train must be an Objective"):
        gd.problems.Problem("p", None)


def test_the_table_is_tidy(small, tmp_path):
    table = small.table
    assert {len(column) for column in table.values()} == {len(small.rows)}
    small.to_csv(tmp_path / "c.csv")
    pandas = pytest.importorskip("pandas")
    frame = small.to_pandas()
    again = pandas.read_csv(tmp_path / "c.csv")
    np.testing.assert_array_equal(frame["test"], again["test"])
    assert list(frame.columns) == list(comparison.COLUMNS)


def test_the_range_test_finds_the_edge_of_stability():
    f = gd.Quadratic([[3.0, 1.0], [1.0, 7.0]], [1.0, 2.0])
    found = gd.lr_range_test(f, gd.SGD(lr=123.0), seed=0)
    assert np.all(np.diff(np.log(found.lr)) > 0) and len(found.lr) == len(found.loss)
    assert found.lr[0] == pytest.approx(1e-6)
    assert 2 / f.smoothness() < found.lr[-1] < 5  # ends soon after 2/β
    assert found.suggestion == pytest.approx(found.lr[np.argmin(found.loss)] / 10)
    assert gd.minimize(f, gd.SGD(lr=found.suggestion), steps=100).loss < f.value(np.zeros(2))


def test_the_range_test_around_another_rule():
    f = gd.Quadratic(np.eye(2), [1.0, 1.0])
    assert gd.lr_range_test(f, gd.Lookahead(gd.Adam())).suggestion > 0


@pytest.mark.parametrize(
    "options", [{"low": 0.0}, {"low": 1.0, "high": 0.1}, {"high": math.inf}, {"steps": 1}]
)
def test_the_range_test_refuses_nonsense(options):
    with pytest.raises(ValueError):
        gd.lr_range_test(gd.Quadratic(np.eye(2)), gd.SGD(), **options)
