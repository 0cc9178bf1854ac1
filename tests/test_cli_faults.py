# The command line where things go wrong: streams that are closed or full, damaged files, Ctrl-C.
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import signals

import fastgd as gd
from fastgd import checkpoint, cli, theory
from fastgd.datasets import tables
from fastgd.theory import examine

POSIX = pytest.mark.skipif(os.name != "posix", reason="streams and signals as POSIX has them")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Runs a command line in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(line):
        code = cli.main(line.split() if isinstance(line, str) else line)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def refused(run, line, message):
    code, out, err = run(line)
    assert code == 2
    assert err.startswith("fastgd: ") and err.count("\n") == 1
    assert message in err
    return out


def shell(line, folder):
    """A line for a shell, where fastgd is this one."""
    command = f'fastgd() {{ "{sys.executable}" -m fastgd "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60
    )


# What the target is taken for.


def test_letters_in_bytes_are_classes_and_the_first_line_says_so(run):
    generator = np.random.default_rng(0)
    X = generator.integers(0, 16, (2000, 16), dtype=np.uint8)
    np.savez("letter.npz", X=X, y=generator.integers(0, 26, 2000, dtype=np.uint8))
    code, out, _ = run("fit letter.npz --steps 3")
    assert code == 0
    first = "task           classification: 'y' has 26 classes; --task regression for numbers\n"
    assert out.startswith(first)
    assert "objective      softmax" in out
    code, out, _ = run("fit letter.npz --steps 3 --task regression")
    assert out.startswith("task           regression: 'y' is a number\n")
    assert "objective      least-squares" in out
    refused(run, "fit letter.npz --task regression --objective softmax", "is for classification")


@pytest.mark.parametrize(("y", "classes"), [
    (np.arange(600) % 26 + 1, 26),  # labels from 1
    (np.arange(600) % 26 + 2, None),  # no labels: from 2
    (np.where(np.arange(600) % 26 == 5, 40, np.arange(600) % 26), None),  # with a gap
    (np.arange(600) % 61, None),  # fewer than ten of each
    (np.arange(2000) % 101, None),
])  # fmt: skip
def test_many_whole_numbers_are_classes_if_they_are_labels(tmp_path, y, classes):
    np.savez(tmp_path / "x.npz", X=np.ones((len(y), 1)) * y[:, None], y=y)
    data = gd.datasets.load(tmp_path / "x.npz")
    assert (None if data.classes is None else len(data.classes)) == classes


def test_the_guess_is_told_of_numbers_only(run):
    assert "--task" not in run("fit penguins --steps 2")[1]
    assert (
        "'body_mass_g' is a number; --task classification for classes\n"
        in (run("fit penguins --steps 2 --target body_mass_g")[1])
    )


# Losses and penalties.


@pytest.mark.parametrize("loss", ["huber:epsilon=1.0", "quantile:quantile=0.3", "poisson", "gamma"])
def test_fit_with_a_loss(run, loss):
    line = f"fit penguins --target body_mass_g --drop year --loss {loss} --lr 0.05 --out m.npz"
    code, out, err = run(line)
    assert (code, err) == (0, "")
    model = gd.load_model("m.npz")
    assert model.loss.name == loss.split(":")[0]
    X = gd.datasets.load_features("penguins", model.feature_names)
    predicted = model.predict(X)
    y = gd.datasets.load("penguins", "body_mass_g").y
    assert np.corrcoef(predicted, y)[0, 1] > 0.8
    code, out, _ = run("predict m.npz penguins")
    np.testing.assert_array_equal([float(line) for line in out.split()[1:]], predicted)


def test_fit_with_a_penalty_makes_zeros(run):
    line = "fit breast-cancer --penalty l1:l1=0.1 --optimizer sgd --lr 0.1 --out m.npz"
    code, out, _ = run(line)
    assert code == 0 and "penalty = L1(l1=0.1)" in out
    assert 0 < np.count_nonzero(gd.load_model("m.npz").coef_) < 25
    code, out, _ = run("predict m.npz breast-cancer")
    assert "M," in out or "malignant" in out


@pytest.mark.parametrize(("line", "message"), [
    ("fit penguins --loss cubic", "there is no loss 'cubic'; there are"),
    ("fit penguins --target sex --loss huber", "is text, which cannot be regressed"),
    ("fit penguins --loss hinge", "has 3 classes, and hinge takes two"),
    ("fit penguins --target body_mass_g --loss huber:epsilon=0", "epsilon must be above 0"),
    ("fit penguins --target body_mass_g --loss huber:delta=1", "loss huber has no 'delta', but"),
    ("fit penguins --objective softmax --loss huber", "the loss of softmax is in its name"),
    ("fit penguins --penalty l3:l1=1", "there is no penalty 'l3'"),
    ("fit penguins --penalty l1", "penalty l1 needs l1: l1:l1=..."),
    ("fit penguins --penalty l1:l1=1 --l2 1", "take one of the two"),
])  # fmt: skip
def test_refusals(run, line, message):
    assert refused(run, line, message) == ""


def test_a_target_that_the_loss_does_not_take_is_named(run):
    Path("t.csv").write_text("a,debt\n" + "".join(f"{i},{i - 7.5}\n" for i in range(40)))
    refused(run, "fit t.csv --target debt --loss poisson", "t.csv: target 'debt': y must be at")


# What is printed.


def test_quiet_and_json(run):
    assert run("fit penguins --steps 3 --quiet --out m.npz") == (0, "", "")
    code, out, _ = run("fit penguins --steps 3 --json")
    facts = json.loads(out)
    assert code == 0 and facts["task"] == "classification" and facts["objective"] == "softmax"
    assert facts["steps"] == 3 and facts["classes"] == ["Adelie", "Chinstrap", "Gentoo"]
    text = run("fit penguins --steps 3")[1]
    assert f"held-out loss  {facts['held_out_loss']:.6g}\n" in text
    assert f"accuracy       {facts['accuracy']:.4f}\n" in text


def test_show(run):
    run("fit breast-cancer --steps 50 --out m.npz --quiet")
    model = gd.load_model("m.npz")
    code, out, err = run("show m.npz --most 5")
    assert (code, err) == (0, "")
    largest = np.argsort(-np.abs(model.coef_))[:5]
    for j in largest:
        assert f"{model.feature_names[j]}" in out and f"{model.coef_[j]:.5g}" in out
    assert "The 5 largest of 30; --most 0 shows all." in out
    assert len(run("show m.npz --most 0")[1].splitlines()) > 35
    contents = json.loads(run("show m.npz --json")[1])
    np.testing.assert_array_equal(contents["coefficients"], model.coef_)
    run("fit penguins --objective network --steps 3 --out n.npz --quiet")
    assert "layer 2: 16 inputs, 16 outputs, 272 parameters" in run("show n.npz")[1]
    refused(run, "show none.npz", "there is no file 'none.npz'")


# Files.


def test_users_that_there_are_not(run):
    refused(run, "fit ~nouser/x.csv --target y", "'~nouser/x.csv': there is no such user")
    refused(run, "fit penguins --out ~nouser/m.npz", "'~nouser/m.npz': there is no such user")
    refused(run, "predict ~nouser/m.npz penguins", "there is no such user")


def test_numbers_of_thirty_digits(run):
    huge = "9" * 30
    refused(run, f"fit penguins --steps {huge}", f"--steps: {huge} is beyond 2^53")
    refused(run, f"fit penguins --epochs {huge}", "--epochs")
    refused(run, f"fit penguins --batch-size {huge}", "--batch-size")
    refused(run, f"fit penguins --hidden {huge}", "--hidden")
    refused(run, f"certify penguins --seeds {huge}", "--seeds")
    assert run(f"fit penguins --steps 2 --seed {huge}")[0] == 0
    refused(run, f"fit penguins --set beta1={huge}", "beta1 must be in [0, 1)")
    rows = "".join(f"{huge},{i},{i % 3}\n" for i in range(40))
    Path("id.csv").write_text("id,a,y\n" + rows)
    refused(run, "fit id.csv --target y", f"column 'id' has {huge} in line 2, a whole number that "
            "float64 cannot hold")  # fmt: skip
    assert run("fit id.csv --target y --drop id --steps 2")[0] == 0
    Path("far.csv").write_text("a,y\n" + "".join(f"{i},{10.0**29}\n{i},1\n" for i in range(20)))
    assert run("fit far.csv --target y --steps 2 --task classification --out m.npz")[0] == 0
    assert gd.load_model("m.npz").classes == (1.0, 1e29)


def test_nul_characters(run):
    Path("nul.csv").write_text("a,b,y\n1,x,1\n2,z\0,3\n")
    refused(run, "fit nul.csv --target y", "nul.csv: line 3 has a NUL character")
    Path("nul.csv").write_text("a,b\0,y\n1,x,1\n")
    refused(run, "fit nul.csv --target y", "nul.csv: line 1 has a NUL character")
    Path("wide.csv").write_bytes("a,y\n1,2\n".encode("utf-16-le"))
    refused(run, "fit wide.csv --target y", "wide.csv: line 1 has a NUL character")
    refused(run, ["fit", "a\0.csv", "--target", "y"], "has a NUL character, which no path may")


def test_damage_anywhere_in_data_is_one_line(run):
    generator = np.random.default_rng(0)
    np.savez_compressed("d.npz", X=generator.normal(size=(30, 3)), y=np.arange(30) % 2)
    good = Path("d.npz").read_bytes()
    for place in range(0, len(good), 23):
        bad = bytearray(good)
        bad[place] ^= 1 << int(generator.integers(8))
        Path("d.npz").write_bytes(bad)
        code, _, err = run("fit d.npz --steps 2 --quiet")
        assert code in (0, 2) and err.count("\n") == (code != 0)


def test_a_header_of_many_columns(tmp_path):
    # Longer than the csv module's longest cell, which it is by every delimiter but one.
    names = [f"column {j}" for j in range(20_000)]
    path = tmp_path / "wide.csv"
    path.write_text(",".join(names) + "\n" + (",".join("1" * len(names)) + "\n") * 2)
    data = gd.datasets.load(path, names[0], task="regression", standardize=False)
    assert data.feature_names == tuple(names[1:])
    assert gd.datasets.load_features(path, data.feature_names).shape == (2, len(names) - 1)


def test_no_name_of_a_header_is_looked_for_among_all():
    class Names(list):
        def index(self, *_):
            raise AssertionError("one search for each column")

        __contains__ = index

    tables._check_header("wide", Names(f"c{j}" for j in range(9)))
    assert tables._without("wide", Names("abc"), ("b",)) == ["a", "c"]
    with pytest.raises(ValueError, match="two columns are named 'a'"):
        tables._check_header("wide", Names("aba"))


@pytest.mark.parametrize("line", [
    "[1]", "3", '"x"', "null", '{"fastgd": 1, "seed": 0, "problems": 3}',
    '{"fastgd": 1, "seed": 0, "problems": {"quadratic-1e2": 3}}',
    '{"problem": ["a"], "optimizer": {}}', "NOT JSON", "\ud800",
    '{"problem": "quadratic-1e2", "optimizer": "sgd", "schedule": "constant", "kind": "trial", '
    '"seed": "a", "lr": "b", "validation": "c", "test": [], "setting": 1, "message": 2}',
])  # fmt: skip
def test_trials_of_wrong_types(run, line):
    Path("r").mkdir()
    command = "compare --problems quadratic-1e2 --optimizers sgd --budget 1 --seeds 1 --out r"
    content = line.encode("utf-8", "surrogatepass") + b"\n"
    Path("r/trials.jsonl").write_bytes(content)
    refused(run, command, "trials.jsonl")
    assert Path("r/trials.jsonl").read_bytes() == content


@pytest.mark.parametrize("wrong", [None, [], {}, "x", 3, True])
@pytest.mark.parametrize(
    "column", ["problem", "draw", "number", "lr", "validation", "setting", "message"]
)
def test_a_trial_of_which_one_value_is_of_another_type(run, column, wrong):
    command = "compare --problems quadratic-1e2 --optimizers sgd --budget 1 --seeds 1 --out r"
    known = {"quadratic-1e2": "Quadratic(50 x 50), losses 5.5232826, 5.5232826, 5.5232826 at the "
             "start, batch_size None, 1000 steps"}  # fmt: skip
    record = {"problem": "quadratic-1e2", "optimizer": "sgd", "schedule": "constant",
              "draw": 0, "kind": "trial", "number": 0, "lr": 0.1, "validation": 2.5, "test": 2.5,
              "setting": "SGD()", "message": "reached 1000 steps"}  # fmt: skip
    taken = {"problem": str, "setting": str, "message": str, "number": int, "draw": int}.get(
        column, (int, float)
    )
    if isinstance(wrong, taken) and wrong is not True or (wrong is None and taken == (int, float)):
        pytest.skip("that is of the right type")
    Path("r").mkdir()
    lines = [{"fastgd": 2, "seed": 0, "problems": known}, {**record, column: wrong}]
    Path("r/trials.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    refused(run, command, "r/trials.jsonl is not the file of a comparison")


def test_the_old_model_survives_a_full_disk(run, monkeypatch):
    run("fit penguins --steps 3 --out m.npz --quiet")
    before = Path("m.npz").read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        refused(run, "fit penguins --steps 3 --seed 1 --out m.npz", "'m.npz' cannot be written: No "
                "space left on device")  # fmt: skip
    assert Path("m.npz").read_bytes() == before
    assert os.listdir() == ["m.npz"]


# Streams.


@POSIX
@pytest.mark.parametrize(("line", "code", "err"), [
    ("fastgd fit penguins --steps 3 --out m.npz >&-", 0, ""),
    ("fastgd predict m.npz penguins >&-", 2, "fastgd: standard output is closed: say --out"),
    ("fastgd fit nope 2>&-", 2, ""),
    ("fastgd fit nope >&- 2>&-", 2, ""),
    ("fastgd fit penguins --steps 3 >&- 2>&- <&-", 0, ""),
    ("fastgd --version >&-", 0, ""),
])  # fmt: skip
def test_closed_streams(tmp_path, line, code, err):
    shell("fastgd fit penguins --steps 3 --out m.npz", tmp_path)
    done = shell(line, tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith(err) and done.stderr.count("\n") == bool(err)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize(("line", "err"), [
    ("fastgd fit penguins --steps 3 >/dev/full", "standard output: No space left on device"),
    ("fastgd predict m.npz penguins >/dev/full", "standard output: No space left on device"),
    ("fastgd show m.npz >/dev/full", "standard output: No space left on device"),
    ("fastgd fit penguins --steps 3 --out /dev/full", "'/dev/full' cannot be written: No space"),
    ("fastgd predict m.npz penguins --out /dev/full", "'/dev/full' cannot be written: No space"),
    ("fastgd fit nope 2>/dev/full", ""),
])  # fmt: skip
def test_full_streams(tmp_path, line, err):
    shell("fastgd fit penguins --steps 3 --out m.npz", tmp_path)
    done = shell(line, tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == bool(err) and err in done.stderr
    assert not os.path.isfile("/dev/full")


# Ctrl-C.


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("line", [
    "fit digits --steps 100000000", "certify breast-cancer --l2 0.1 --batch-size 8 --steps 300000",
    "certify breast-cancer --l2 0.1 --batch-size 8 --steps 20000 --seeds 400",
    "compare --out r --jobs 2", "figures --out p",
])  # fmt: skip
def test_ctrl_c_ends_every_command(tmp_path, line):
    if line.startswith(("compare", "figures")):
        pytest.importorskip("matplotlib")
    running = subprocess.Popen(
        [sys.executable, "-m", "fastgd", *line.split()], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert "interrupted" in out + err


def test_ctrl_c_ends_an_expectation_over_seeds(monkeypatch):
    X, y = gd.datasets.load("breast-cancer")
    f = gd.LogisticRegression(X, y, l2=0.1)
    taken, run = [], examine.traced

    def counted(*arguments):
        taken.append(arguments)
        return run(*arguments)

    monkeypatch.setattr(examine, "traced", counted)
    # Heard by another thread than the one that waits.
    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        theory.expectation(f, gd.SGD(lr=0.1), batch_size=8, steps=20_000, seeds=1000)
    timer.join()
    assert len(taken) < 1000


# A run that is kept.


def arrays_of(path):
    with np.load(path, allow_pickle=False) as entries:
        return {name: entries[name].tobytes() for name in entries.files if "model" not in name}


FIT = "fit breast-cancer --epochs 40 --lr 0.01 --quiet"


def test_resume_goes_on_to_the_same_model(run, monkeypatch, tmp_path):
    assert run(f"{FIT} --out whole.npz")[0] == 0
    hear = []

    def interrupt(self):  # as a signal that comes a little later, each time earlier than the end
        hear.append(1)
        if len(hear) == 6:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("fastgd.stretch.LONGEST_CHUNK", 50)
        patched.setattr("fastgd.console.Interrupts.listen", interrupt)
        code, out, err = run(f"{FIT} --out part.npz --checkpoint run.npz --checkpoint-every 0")
    assert (code, out, err) == (130, "", "")
    assert gd.load_model("part.npz").details["steps"] < 560
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, out, _ = run("resume ../run.npz")
    assert code == 0 and "checkpoint     ../run.npz\n" in out
    monkeypatch.chdir(tmp_path)  # the model is where fit was told to put it
    assert arrays_of("part.npz") == arrays_of("whole.npz")
    # What is over is not taken further, and says the same again.
    assert run("resume run.npz --quiet --out again.npz") == (0, "", "")
    assert arrays_of("again.npz") == arrays_of("whole.npz")


@pytest.mark.parametrize("option", ["", " --json", " --quiet"])
def test_an_interrupt_before_the_first_step_leaves_no_model(run, monkeypatch, option):
    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastgd.console.Interrupts.listen", interrupt)
    line = "fit breast-cancer --epochs 40 --out m.npz --checkpoint run.npz"
    assert run(line + option) == (130, "", "fastgd: interrupted\n")
    assert not Path("m.npz").exists()
    monkeypatch.undo()
    if os.path.exists("run.npz"):
        assert run(f"resume {os.path.abspath('run.npz')} --quiet")[0] == 0


def test_what_cannot_be_kept_or_resumed_is_one_line(run, tmp_path):
    refused(run, f"{FIT} --checkpoint no/run.npz", "'no/run.npz' cannot be written: No such file")
    refused(run, "fit - --checkpoint run.npz", "standard input cannot be read a second time")
    refused(run, "resume run.npz", "there is no checkpoint 'run.npz'")
    assert run(f"{FIT} --checkpoint run.npz --out m.npz")[0] == 0
    refused(run, f"{FIT} --checkpoint run.npz", "go on with it by fastgd resume run.npz")
    refused(run, "resume m.npz", "damaged, or not a checkpoint")
    refused(run, "resume run.npz --data penguins", "run")
    with gd.Run(gd.Quadratic(np.eye(2)), gd.SGD(0.1), steps=3) as other:
        other.save("other.npz")
    refused(run, "resume other.npz", "was not kept by fastgd fit: go on with gd.resume")


def test_data_that_has_moved_or_changed(run, tmp_path):
    rows = [f"{i % 7},{(i * i) % 5},{i % 2}" for i in range(60)]
    text = "a,b,y\n" + "\n".join(rows) + "\n"
    Path("data.csv").write_text(text)
    assert run("fit data.csv --target y --epochs 2 --quiet --checkpoint run.npz")[0] == 0
    Path("data.csv").rename("moved.csv")
    refused(run, "resume run.npz", "data.csv")
    assert run("resume run.npz --quiet --data moved.csv") == (0, "", "")
    Path("moved.csv").write_text(text.replace("3,", "4,"))
    refused(run, "resume run.npz --data moved.csv", "is of a run on other data: X differs")


@pytest.mark.parametrize("reason", ["full", "gone"])
def test_a_run_outlives_its_checkpoint(run, monkeypatch, reason):
    Path("folder").mkdir()
    written, real = [], os.replace

    def replace(source, target):
        if str(target).startswith("folder"):
            written.append(target)
            if len(written) > 3 and reason == "full":
                raise OSError(28, "No space left on device")
            if len(written) == 4:
                for path in Path("folder").iterdir():
                    path.unlink()
                Path("folder").rmdir()
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    code, out, err = run(f"{FIT} --out m.npz --checkpoint folder/run.npz --checkpoint-every 0")
    assert code == 0 and gd.load_model("m.npz").details["steps"] == 560
    assert err.count("\n") == 1 and "'folder/run.npz' cannot be written: No s" in err
    if reason == "full":
        assert checkpoint.read(Path("folder/run.npz"))[0]["n_params"] == 31


@POSIX
def test_help_that_cannot_be_written_is_an_error(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    done = shell("fastgd --help >/dev/full; echo $?; fastgd fit --help >/dev/full", tmp_path)
    assert done.stdout == "2\n" and done.returncode == 2
    assert done.stderr == "fastgd: standard output: No space left on device\n" * 2


# Signals before there is a command to hear them, and after.


@POSIX
@pytest.mark.parametrize("name, code", [("INT", 130), ("TERM", 143)])
@pytest.mark.parametrize("when", ["import", "run", "class"])
def test_a_signal_at_any_time_is_one_line(tmp_path, name, code, when):
    # While numpy is imported, from a callback's place inside of the command, or where a class
    # is made, whose errors Python may wrap.
    where = "import fastgd.core.update" if when == "import" else "fastgd.commands"
    send = f"os.kill(os.getpid(), signal.SIG{name})"
    if when == "class":
        send = "type('Made', (), {'field': Field()})"
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Sender:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {where.split()[-1]!r}:\n"
        f"            {send}\n"
        "class Field:\n"
        "    def __set_name__(self, owner, name):\n"
        f"        os.kill(os.getpid(), signal.SIG{name})\n"
        "sys.meta_path.insert(0, Sender())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "fastgd", "show", "m.npz"], cwd=tmp_path, capture_output=True,
        text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(
            [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])},
    )  # fmt: skip
    word = "interrupted" if name == "INT" else "terminated"
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"fastgd: {word}\n")


@POSIX
@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_a_signal_when_all_is_over_ends_the_process_without_a_word(tmp_path, name):
    # Where Python ends, its own handlers may find no thread to run in.
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os, signal\n"
        f"atexit.register(lambda: os.kill(os.getpid(), signal.SIG{name}))\n"
    )
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "fastgd", "--version"], cwd=tmp_path, capture_output=True,
        text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip
    assert done.returncode == -getattr(signal, f"SIG{name}")
    assert (done.stdout, done.stderr) == (f"fastgd {gd.__version__}\n", "")


@POSIX
@pytest.mark.slow
def test_random_signals_over_the_commands():
    faults = signals.try_all(8, 1, 60.0, ["fit", "resume", "show", "certify"], lambda text: None)
    assert not faults, "\n".join(faults)
