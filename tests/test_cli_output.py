# What the commands print for programs: --json, --quiet, a log of progress, completion.
import json
import subprocess

import pytest

from fastgd import cli, console


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.npz"
    assert cli.main(["fit", "penguins", "--epochs", "2", "--quiet", "--out", str(path)]) == 0
    return str(path)


def printed(capsys, *arguments):
    assert cli.main(list(arguments)) == 0
    return capsys.readouterr().out


def test_predictions_as_json(saved, capsys, tmp_path):
    found = json.loads(printed(capsys, "predict", saved, "penguins", "--json"))
    assert len(found) == 333
    assert set(found[0]) == {"species", "probability"}
    assert 0 <= found[0]["probability"] <= 1
    out = tmp_path / "p.csv"
    again = json.loads(printed(capsys, "predict", saved, "penguins", "--json", "--out", str(out)))
    assert again == found and out.exists()


def test_other_reports_as_json(saved, capsys, tmp_path):
    certificate = json.loads(
        printed(capsys, "certify", "breast-cancer", "--l2", "0.1", "--epochs", "1", "--json")
    )
    assert isinstance(certificate, dict)
    pytest.importorskip("matplotlib")
    found = json.loads(printed(capsys, "figures", "--only", "2", "--out", str(tmp_path), "--json"))
    assert found["files"]


def test_quiet_prints_nothing_and_does_its_work(saved, capsys, tmp_path):
    out = tmp_path / "p.csv"
    assert printed(capsys, "predict", saved, "penguins", "--quiet", "--out", str(out)) == ""
    assert out.exists()
    assert cli.main(["predict", saved, "penguins", "--quiet"]) == 2
    assert "--quiet prints nothing: say --out" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell, capsys):
    script = printed(capsys, "completion", shell)
    for word in ("fit", "predict", "certify", "batch-size", "classification", "amsgrad"):
        assert word in script
    if shell == "bash":
        asked = (
            'COMP_WORDS=(fastgd fit --optimizer ad); COMP_CWORD=3; _fastgd; echo "${COMPREPLY[@]}"'
        )
        done = subprocess.run(["bash", "-c", f"{script}\n{asked}"], capture_output=True, text=True)
        assert "adam" in done.stdout.split() and "sgd" not in done.stdout.split()


def test_progress_goes_to_a_log_in_lines(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "perf_counter", lambda: now[0])
    bar = console.Bar(100, log=True)
    for step in range(1, 101):
        now[0] = step * 0.25
        bar.show(step, 0.5)
    bar.close()
    assert capsys.readouterr().err.splitlines() == [
        "40/100, 15 s left, loss 0.5", "80/100, 5 s left, loss 0.5"
    ]  # fmt: skip
