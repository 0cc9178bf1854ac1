# The command line as a user meets it: what it prints, what it writes, and how it refuses.
import csv
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastgd as gd
from fastgd import cli
from fastgd.commands import choices, pictures

OPTIMIZERS = sorted(gd.optimizers.registry)
OBJECTIVES = {"least-squares": "body_mass_g", "logistic": "sex", "softmax": "species"}


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Runs a command line in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(line):
        code = cli.main(line.split() if isinstance(line, str) else line)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def fitted(run, line):
    code, out, err = run(f"fit {line}")
    assert (code, err) == (0, "")
    return out


def printed(out, label):
    return float(re.search(rf"^{label}\s+([-\d.e]+)$", out, re.MULTILINE)[1])


def refused(run, line, message):
    code, out, err = run(line)
    assert code == 2
    assert out == ""
    assert re.fullmatch(rf"fastgd: .*{message}.*\n", err), err


# fit


@pytest.mark.parametrize(("objective", "target"), OBJECTIVES.items())
def test_fit_agrees_with_minimize(run, objective, target):
    out = fitted(
        run,
        f"penguins --target {target} --objective {objective} --optimizer adam --lr 0.01"
        " --schedule cosine --batch-size 16 --epochs 10 --seed 3 --l2 0.01 --weight-decay 0.001"
        " --test-fraction 0.2 --out model.npz",
    )
    train, test = gd.datasets.load("penguins", target).split(0.2, seed=3)
    y, y_test = train.y, test.y
    if objective == "least-squares":
        y, y_test = (y - y.mean()) / y.std(), (y_test - y.mean()) / y.std()
    kind = {
        "least-squares": gd.LeastSquares,
        "logistic": gd.LogisticRegression,
        "softmax": gd.SoftmaxRegression,
    }[objective]
    f = kind(train.X, y, l2=0.01, fit_intercept=True)
    optimizer = gd.Adam(lr=gd.schedules.cosine(0.01), weight_decay=0.001)
    result = gd.minimize(f, optimizer, batch_size=16, epochs=10, seed=3)

    with np.load("model.npz", allow_pickle=False) as model:
        np.testing.assert_array_equal(model["theta"], result.theta)
        np.testing.assert_array_equal(model["mean"], train.mean)
        np.testing.assert_array_equal(model["scale"], train.scale)
        assert model["feature_names"].tolist() == list(train.feature_names)
        assert model["classes"].tolist() == list(train.classes or ())
        assert str(model["objective"]) == objective
        parameters = json.loads(str(model["parameters"]))
    assert parameters["options"] == {"l2": 0.01, "fit_intercept": True}
    assert parameters["seed"] == 3
    assert parameters["steps"] == result.steps

    assert printed(out, "train loss") == pytest.approx(result.loss, rel=1e-5)
    held_out = kind(test.X, y_test, fit_intercept=True).value(result.theta)
    assert printed(out, "held-out loss") == pytest.approx(held_out, rel=1e-5)
    predicted = f.predict(result.theta, test.X)
    if objective == "least-squares":
        spread = np.sum((y_test - y_test.mean()) ** 2)
        score = 1 - np.sum((y_test - predicted) ** 2) / spread
        assert printed(out, "R²") == pytest.approx(score, abs=1e-4)
    else:
        assert printed(out, "accuracy") == pytest.approx(np.mean(predicted == test.y), abs=1e-4)


def test_every_objective_on_data_is_offered():
    offered = choices.of_objectives()
    assert set(OBJECTIVES) <= set(offered)
    for kind in (gd.Quadratic, gd.Function, gd.objectives.LinearModel):  # these have no data
        assert kind not in offered.values()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_fit_by_each_optimizer(run, optimizer):
    others = {"adadelta": 1.0, "schedulefreesgd": 0.5, "lookahead": 0.1, "polyakaverage": 0.1,
              "exponentialaverage": 0.1, "dog": 1.0, "dowg": 1.0, "qhm": 0.1}  # fmt: skip
    rate = (pictures.DEMO_RATES | others).get(optimizer, 0.01)
    out = fitted(run, f"breast-cancer --optimizer {optimizer} --lr {rate} --epochs 30")
    assert printed(out, "accuracy") >= 0.95
    assert f"{gd.optimizers.registry[optimizer].__name__}(" in out and f"(lr={rate}" in out


@pytest.mark.parametrize(("data", "objective"), [
    ("breast-cancer", "logistic"), ("digits", "softmax"), ("penguins", "softmax"),
    ("penguins --target body_mass_g", "least-squares"), ("penguins --target sex", "logistic"),
])  # fmt: skip
def test_the_objective_follows_from_the_target(run, data, objective):
    assert f"objective      {objective}," in fitted(run, f"{data} --steps 3")


SCHEDULES = {
    "constant": "",
    "inverse_time": ":rate=0.01",
    "power": ":exponent=0.5",
    "step": ":factor=0.5,every=10",
    "exponential": ":ratio=0.99",
    "linear": ":end=0",
    "cosine": ":floor=0",
    "triangular": ":low=0.001,half_cycle=10",
    "sgdr": ":low=0.001,period=10,period_multiplier=2",
    "invscaling": ":exponent=0.5",
}


def test_every_schedule_of_a_rate_is_offered():
    offered = set(choices.of_schedules())
    assert set(SCHEDULES) <= offered <= set(gd.schedules.registry)
    assert offered.isdisjoint({"warmup", "scaled", "custom", "nesterov"})


@pytest.mark.parametrize(("name", "parameters"), SCHEDULES.items())
def test_fit_with_each_schedule(run, name, parameters):
    out = fitted(run, f"breast-cancer --lr 0.02 --schedule {name}{parameters} --warmup 0.1")
    kind = gd.schedules.registry[name]
    given = {kind.top: 0.02}
    for pair in filter(None, parameters[1:].split(",")):
        key, value = pair.split("=")
        given[key] = float(value) if "." in value or key in ("end", "floor") else int(value)
    assert str(gd.schedules.warmup(0.1, then=kind(**given))) in out
    assert printed(out, "accuracy") >= 0.95


def test_hyperparameters_reach_the_optimizer(run):
    out = fitted(run, "penguins --set beta1=0.5 --set eps=1e-8 --set eps_root=0 --steps 3")
    assert "Adam(lr=0.001, beta1=0.5, beta2=0.999, eps=1e-08, eps_root=0.0," in out
    out = fitted(run, "penguins --optimizer momentum --set momentum=nesterov --steps 3")
    assert "momentum=nesterov(), dampening=None" in out
    line = "penguins --optimizer momentum --set momentum=linear:start=0.5,end=0.9 --steps 3"
    assert "momentum=linear(start=0.5, end=0.9)" in fitted(run, line)
    line = "penguins --optimizer momentum --set dampening=0 --set dampening=none"
    refused(run, f"fit {line}", "--set: dampening is given twice")


def test_the_rate_may_be_one_over_beta(run):
    line = "breast-cancer --optimizer nesterov --lr 1/beta --batch-size all --steps 200 --l2 0.1"
    out = fitted(run, line)
    train, _ = gd.datasets.load("breast-cancer").split(0.25, seed=0)
    f = gd.LogisticRegression(train.X, train.y, l2=0.1, fit_intercept=True)
    assert f"Nesterov(lr={1 / f.smoothness()!r}" in out
    assert "200 steps of 427 rows" in out
    assert f"cosine(peak={1 / f.smoothness()!r}" in fitted(run, f"{line} --schedule cosine")


def test_nothing_may_be_held_out(run):
    out = fitted(run, "penguins --test-fraction 0 --steps 3")
    assert "333 rows to train on, 10 features" in out
    assert "held" not in out
    assert "accuracy" not in out


def test_the_same_seed_gives_the_same_model(run):
    models = []
    for seed in (0, 0, 1):
        fitted(run, f"penguins --seed {seed} --steps 50 --out m.npz")
        models.append(Path("m.npz").read_bytes())
    assert models[0] == models[1] != models[2]


def test_a_class_that_the_held_out_part_lacks(run, tmp_path):
    rows = [f"{i % 3},{'ab'[i % 2] if i else 'z'}\n" for i in range(60)]
    (tmp_path / "rare.csv").write_text("x,y\n" + "".join(rows))
    results = [run(f"fit rare.csv --target y --steps 5 --seed {seed}") for seed in range(8)]
    assert {code for code, _, _ in results} == {0, 2}
    for code, out, err in results:
        if code == 0:
            assert np.isfinite(printed(out, "held-out loss"))
        else:
            assert "no row of class 'z' is left to train on; take another --seed" in err


def test_a_tab_separated_file_without_standardising(run, tmp_path):
    rows = "".join(f"{i}\t{i % 7}\t{3 * i + i % 7 + 1}\n" for i in range(40))
    (tmp_path / "line.csv").write_text("a\tb\ty\n" + rows)
    out = fitted(
        run,
        "line.csv --target y --no-standardize --optimizer nesterov --lr 1/beta --batch-size all"
        " --steps 5000 --out m.npz",
    )
    assert printed(out, "R²") == 1.0
    with np.load("m.npz") as model:
        np.testing.assert_allclose(model["theta"], [3, 1, 1], rtol=1e-3)
        assert float(model["target_scale"]) == 1


def test_what_is_new_in_a_registry_is_offered(run):
    @dataclasses.dataclass(frozen=True)
    class halving(gd.schedules.Schedule):
        lr: float

        def values(self, t, total):
            return self.lr * 0.5 ** (4.0 * t / total)

    class Fast(gd.Adam):
        rule = "Adam"

    class SquaredErrors(gd.LeastSquares):
        pass

    try:
        line = "penguins --target body_mass_g --objective squared-errors --optimizer fast"
        out = fitted(run, f"{line} --schedule halving --lr 0.01")
        assert "objective      squared-errors," in out
        assert "lr=test_what_is_new_in_a_registry_is_offered.<locals>.halving(lr=0.01)" in out
        assert printed(out, "R²") > 0.8
    finally:
        del gd.schedules.registry["halving"]
        del gd.optimizers.registry["fast"]
        del gd.objectives.registry["SquaredErrors"]


# predict


@pytest.mark.parametrize("target", list(OBJECTIVES.values()))
def test_predictions_are_those_of_the_model(run, target):
    fitted(run, f"penguins --target {target} --epochs 50 --lr 0.01 --out model.npz")
    code, out, err = run("predict model.npz penguins")
    assert (code, err) == (0, "")
    header, *rows = csv.reader(out.splitlines())
    data = gd.datasets.load("penguins", target, standardize=False)
    assert len(rows) == 333
    assert header[0] == target
    if data.classes is None:
        predicted = np.array([float(row[0]) for row in rows])
        spread = np.sum((data.y - data.y.mean()) ** 2)
        assert 1 - np.sum((data.y - predicted) ** 2) / spread > 0.8
        with np.load("model.npz") as model:
            X = (data.X - model["mean"]) / model["scale"]
            margins = X @ model["theta"][:-1] + model["theta"][-1]
            expected = margins * model["target_scale"] + model["target_mean"]
        np.testing.assert_allclose(predicted, expected, rtol=1e-10)
    else:
        assert header == [target, "probability"]
        true = [data.classes[code] for code in data.y]
        assert np.mean([row[0] == label for row, label in zip(rows, true, strict=True)]) > 0.85
        chances = np.array([float(row[1]) for row in rows])
        assert ((1 / len(data.classes) - 1e-6 <= chances) & (chances <= 1)).all()


def test_predictions_of_a_file(run, tmp_path):
    fitted(run, "penguins --drop year,flipper_length_mm --out model.npz")
    # Other order, no target, a column that the model does not need, and that has a gap.
    (tmp_path / "new.csv").write_text(
        "extra;sex;island;body_mass_g;bill_depth_mm;bill_length_mm\n"
        ";male;Torgersen;3750;18.7;39.1\nx;female;Biscoe;5200;14;46\n"
    )
    code, out, _ = run("predict model.npz new.csv --out result.csv")
    assert code == 0
    assert out == "2 predictions of 'species' in result.csv\n"
    rows = list(csv.DictReader(Path("result.csv").read_text().splitlines()))
    assert [row["species"] for row in rows] == ["Adelie", "Gentoo"]


def test_predictions_of_a_single_row_by_a_model_of_many_classes(run, tmp_path):
    fitted(run, "digits --epochs 5 --lr 0.01 --out model.npz")
    data = gd.datasets.load("digits", standardize=False)
    cells = ",".join(f"{value:g}" for value in data.X[0])
    (tmp_path / "one.csv").write_text(f"{','.join(data.feature_names)}\n{cells}\n")
    _, out, _ = run("predict model.npz one.csv")
    assert out.splitlines()[1].startswith("0,")


# demo


def test_demo(run):
    pytest.importorskip("matplotlib").use("Agg")
    code, out, err = run("demo --out pictures")
    assert (code, err) == (0, "")
    for setting in ("30 epochs", "batches of 32", "l2 = 0.001", "seed 0", "142 held out"):
        assert setting in out
    row = re.compile(r"^(\w+), lr [\d.]+ +([\d.]+) +([\d.]+) +([\d.]+) +[\d.]+ ms$", re.MULTILINE)
    rows = row.findall(out)
    eight = ["SGD", "Momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam", "AdamW", "Lion"]
    assert [name for name, *_ in rows] == eight
    for _, train_loss, held_out_loss, accuracy in rows:
        assert 0 < float(train_loss) < 0.2
        assert 0 < float(held_out_loss) < 0.2
        assert float(accuracy) >= 0.95
    picture = Path("pictures/fastgd-demo.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000


def test_demo_without_matplotlib_goes_on(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    code, out, err = run("demo")
    assert (code, err) == (0, "")
    assert (
        'No picture: pictures need matplotlib, which is missing: pip install "fastgd[plot]"' in out
    )
    assert not list(Path().iterdir())


# certify and figures


def test_certify_prints_the_certificate_of_the_run(run):
    line = "penguins --target sex --l2 0.1 --batch-size all --steps 60"
    code, out, err = run(f"certify {line}")
    assert (code, err) == (0, "")
    data, _ = gd.datasets.load("penguins", "sex").split(0.25, seed=0)
    f = gd.LogisticRegression(data.X, data.y, l2=0.1, fit_intercept=True)
    certificate = gd.minimize(f, gd.SGD(lr="1/beta"), steps=60).certificate()
    assert out == f"{certificate}\n"
    assert certificate["1"].verdict == "holds"
    code, out, _ = run(f"certify {line} --optimizer adam --lr 0.01")
    assert code == 0
    assert "not applicable: the optimizer is Adam" in out
    assert "holds" not in out


def test_certify_over_seeds_into_a_file(run):
    line = "certify breast-cancer --l2 0.1 --batch-size 8 --steps 20 --seeds 5 --out made.json"
    code, _, err = run(line)
    assert (code, err) == (0, "")
    made = json.loads(Path("made.json").read_text(encoding="utf-8"))
    assert made["seeds"] == 5
    assert made["theorems"]["4"]["verdict"] == "holds"
    assert made["theorems"]["4"]["stderr"] > 0


def test_certify_draws(run):
    pytest.importorskip("matplotlib").use("Agg")
    code, _, _ = run("certify penguins --l2 0.1 --batch-size all --steps 20 --out made.png")
    assert code == 0
    assert Path("made.png").read_bytes().startswith(b"\x89PNG")


def test_figures(run):
    pytest.importorskip("matplotlib").use("Agg")
    code, out, err = run("figures --out pictures --only 12")
    assert (code, err) == (0, "")
    assert out == "2 files in pictures: 12-restarts.svg\n"
    assert {path.suffix for path in Path("pictures").iterdir()} == {".png", ".svg"}
    code, _, err = run("figures --out images --only 12 --lang fr")
    assert (code, err) == (0, "")
    assert "Redémarrages à chaud" in Path("images/12-restarts.svg").read_text(encoding="utf-8")
    refused(run, "figures --out images --lang de", "invalid choice: 'de'")


# Refusals.


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "arguments are required: COMMAND"),
        ("train", "invalid choice: 'train'"),
        ("fit", "arguments are required: DATA"),
        ("fit iris", "there is no data set 'iris'"),
        ("fit none.csv", "there is no file 'none.csv'"),
        ("fit penguins --target nothing", "there is no column 'nothing'"),
        ("fit penguins --drop nothing", "penguins: no column 'nothing' to drop"),
        ("fit penguins --bogus", "unrecognized arguments: --bogus"),
        ("fit penguins --lr fast", "--lr: invalid rate value: 'fast'"),
        ("fit penguins --lr -1", "Adam: lr must be at least 0, not -1.0"),
        ("fit penguins --lr nan", "Adam: lr must be finite, not nan"),
        ("fit penguins --optimizer newton", "invalid choice: 'newton'"),
        ("fit penguins --objective hinge", "invalid choice: 'hinge'"),
        ("fit penguins --objective logistic", "has 3 classes, and logistic takes two"),
        ("fit penguins --objective least-squares", "is text, which cannot be regressed"),
        ("fit penguins --set beta1", "'beta1' is not of the form KEY=VALUE"),
        ("fit penguins --set beta1=", "'beta1=' is not of the form KEY=VALUE"),
        ("fit penguins --set beta3=0.5", "Adam has no 'beta3', but lr, beta1, beta2"),
        ("fit penguins --set beta1=1.5", r"Adam: beta1 must be in \[0, 1\), not 1.5"),
        ("fit penguins --set beta1=high", "beta1 must be a number, not 'high'"),
        ("fit penguins --set lr=1 --lr 1", "lr is given twice"),
        ("fit penguins --schedule zigzag", "there is no schedule 'zigzag'; there are constant"),
        ("fit penguins --schedule warmup", "there is no schedule 'warmup'"),
        ("fit penguins --schedule step", "step needs factor and every: step:factor=...,every=..."),
        ("fit penguins --schedule cosine:roof=1", "cosine has no 'roof', but peak, floor"),
        ("fit penguins --schedule cosine:floor=x", "cosine: floor must be a number, not 'x'"),
        ("fit penguins --schedule cosine:floor=2", "cosine: floor must be >= 0 and <= 1"),
        ("fit penguins --schedule cosine:floor", "'floor' is not of the form KEY=VALUE"),
        ("fit penguins --warmup 0", "warmup: steps must be an integer >= 1"),
        ("fit penguins --epochs 0", "epochs must be at least 1"),
        ("fit penguins --epochs 1.5", "--epochs: invalid int value"),
        ("fit penguins --steps 0", "steps must be at least 1"),
        ("fit penguins --steps 1 --epochs 1", "not allowed with argument"),
        ("fit penguins --batch-size 0", "batch_size must be at least 1"),
        ("fit penguins --batch-size 1000", "batch_size is 1000, but there are only 250"),
        ("fit penguins --batch-size some", "invalid batch size value: 'some'"),
        ("fit penguins --test-fraction 1", "test_fraction must lie between 0 and 1"),
        ("fit penguins --test-fraction nan", "test_fraction must lie between 0 and 1"),
        ("fit penguins --seed -1", "seed must be at least 0"),
        ("fit penguins --l2 -1", "l2 must be finite and at least 0"),
        ("fit penguins --weight-decay -1", "weight_decay must be at least 0"),
        ("fit penguins --sampling twice", "invalid choice: 'twice'"),
        ("fit penguins --out model.pkl", "'model.pkl' must end in .npz"),
        ("fit penguins --out no/model.npz", "no such folder"),
        ("predict none.npz penguins", "there is no file 'none.npz'"),
        ("predict text.npz penguins", "text.npz is not a model that fastgd fit has saved"),
        ("predict other.npz penguins", "other.npz is not a model that fastgd fit has saved"),
        ("predict text.npz penguins --out x.txt", "'x.txt' must end in .csv"),
        ("demo --out text.npz", "text.npz: File exists"),
        ("figures", "required: --out"),
        ("figures --out new --only 99", "there is no picture 99"),
        ("certify penguins --seeds 0", "--seeds must be at least 1"),
        ("certify penguins --seeds 2 --batch-size all", "nothing is random"),
        ("certify penguins --out made.txt", "must end in .json or .png or .svg"),
        ("certify penguins --optimizer adam --out made.svg --steps 3", "no theorem applies"),
    ],
)
def test_refusals_are_one_line(run, tmp_path, line, message):
    (tmp_path / "text.npz").write_text("no model")
    np.savez(tmp_path / "other.npz", X=np.ones(3))
    refused(run, line, message)


def test_a_model_meets_other_data(run, tmp_path):
    fitted(run, "penguins --steps 3 --out model.npz")
    refused(run, "predict model.npz digits", "digits: the model needs a column 'island'")
    (tmp_path / "new.csv").write_text(
        "sex,island,body_mass_g,bill_depth_mm,bill_length_mm,flipper_length_mm,year\n"
        "male,Ross,3750,18.7,39.1,181,2007\n"
    )
    refused(run, "predict model.npz new.csv", "'island' has 'Ross' in line 2, which the model has")


def test_a_model_of_another_version(run):
    fitted(run, "penguins --steps 3 --out model.npz")
    with np.load("model.npz") as file:
        arrays = dict(file)
    np.savez("later.npz", **{**arrays, "objective": np.array("hinge")})
    refused(run, "predict later.npz penguins", "this version of fastgd has no objective 'hinge'")


def test_divergence_is_an_error(run, tmp_path):
    rows = "".join(f"{i},{i % 7},{i % 5}.5\n" for i in range(40))
    (tmp_path / "steep.csv").write_text("a,b,y\n" + rows)
    line = "fit steep.csv --target y --no-standardize --optimizer sgd --lr 10 --out m.npz"
    refused(run, line, "diverged at step .* try a smaller --lr")
    assert not Path("m.npz").exists()


def test_a_file_that_may_not_be_read(run, tmp_path, monkeypatch):
    (tmp_path / "secret.csv").write_text("a,y\n1,2\n")

    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied", "secret.csv")

    monkeypatch.setattr("fastgd.datasets.tables.open", denied, raising=False)
    refused(run, "fit secret.csv --target y", "secret.csv: Permission denied")


# As a process.


def process(*arguments, **options):
    command = [sys.executable, "-m", "fastgd", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def test_help_and_version():
    for arguments in (["--help"], ["fit", "--help"], ["predict", "--help"], ["demo", "--help"]):
        out, err = process(*arguments).communicate(timeout=60)
        assert out.startswith(b"usage: fastgd")
        assert err == b""
    out, _ = process("--version").communicate(timeout=60)
    assert out.decode().strip() == f"fastgd {gd.__version__}"


def test_no_traceback_on_a_screen_that_knows_ascii_only(tmp_path):
    (tmp_path / "t.csv").write_text(
        "größe,y\n" + "".join(f"{i},{i * i}\n" for i in range(40)), encoding="utf-8"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = process("fit", "t.csv", "--target", "y", cwd=tmp_path, env=environment)
    out, err = done.communicate(timeout=60)
    assert (done.returncode, err) == (0, b"")
    assert b"R?" in out
    done = process("fit", "t.csv", "--target", "z", cwd=tmp_path, env=environment)
    _, err = done.communicate(timeout=60)
    assert done.returncode == 2
    assert b"'gr??e'" in err or b"gr\\xf6" in err


@pytest.mark.skipif(os.name != "posix", reason="signals and terminals as POSIX has them")
def test_ctrl_c_keeps_what_there_is(tmp_path):
    ours, theirs = pytest.importorskip("pty").openpty()
    command = [sys.executable, "-m", "fastgd", "fit", "digits", "--steps", str(10**12)]
    running = subprocess.Popen(
        [*command, "--out", "m.npz"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    assert b"[" in os.read(ours, 1024)  # the progress bar: training goes on
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=30)
    os.close(ours)
    assert running.returncode == 130
    assert b": interrupted" in out
    with np.load(tmp_path / "m.npz") as model:
        assert np.isfinite(model["theta"]).all()


@pytest.mark.skipif(os.name != "posix", reason="signals and pipes as POSIX has them")
def test_a_reader_that_leaves(tmp_path):
    process("fit", "digits", "--steps", "5", "--out", "m.npz", cwd=tmp_path).communicate(timeout=60)
    running = process("predict", "m.npz", "digits", cwd=tmp_path)
    running.stdout.close()
    err = running.stderr.read()
    running.stderr.close()
    assert running.wait(60) == 0
    assert err == b""


@pytest.mark.skipif(os.name != "posix", reason="terminals as POSIX has them")
def test_progress_shows_on_a_terminal():
    ours, theirs = pytest.importorskip("pty").openpty()
    command = [sys.executable, "-m", "fastgd", "fit", "digits", "--epochs", "300"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "[####" in shown
    assert "loss" in shown
    assert b"#" not in done.stdout


def test_compare_writes_a_report_and_goes_on_from_its_trials(run):
    pytest.importorskip("matplotlib").use("Agg")
    line = (
        "compare --problems quadratic-1e2,noisy-quadratic --optimizers sgd,lookahead-radam "
        "--budget 2 --seeds 2 --schedules cosine --out report"
    )
    code, out, err = run(line)
    assert (code, err) == (0, "")
    assert "report/comparison.html" in out
    report = json.loads(Path("report/comparison.json").read_text(encoding="utf-8"))
    assert len(report["rows"]) == 24 and report["complete"]
    page = Path("report/comparison.html").read_text(encoding="utf-8")
    assert page.count("<img") == 6 and "lookahead-radam" in page
    assert "optimizer.lr" in page and "log-uniform from 0.0001 to 1" in page
    assert "http" not in page and "<script" not in page and "<link" not in page
    with Path("report/comparison.csv").open(encoding="utf-8") as file:
        assert len(file.readlines()) == 25
    trials = Path("report/trials.jsonl").read_bytes()
    assert run(line)[1] == out
    assert Path("report/trials.jsonl").read_bytes() == trials


def test_compare_refuses_unknown_names(run):
    refused(run, "compare --problems x --out report", "no problem 'x'")
    refused(run, "compare --optimizers x --out report", "no optimizer 'x'")
