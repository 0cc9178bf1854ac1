"""Signals at random instants over every command: each must end soon, in one line, with whole files.

    python tests/signals.py                     1000 signals, each heard within a second
    python tests/signals.py --count 50 --seed 7 --limit 5 --only fit,resume

A signal is SIGINT or SIGTERM, at an instant drawn between the start of the process and its end, so
that it also comes while Python starts, while fastgd is imported, and when all is over. What Python
itself shows of a signal before it has got to fastgd, or once fastgd has ended, is counted, and is
no fault.

The second is the process's own: what its main thread waits for a processor that others use is taken
off (Linux says how long that is), since on a busy machine it would be most of it.
"""

import argparse
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import fastgd as gd
from fastgd import checkpoint

FASTGD = [sys.executable, "-m", "fastgd"]
SELDOM = 10.0  # seconds: what lasts longer is sent a fifth of the signals of the others
KEPT = "kept.npz"  # a checkpoint of a run that was interrupted
COMMANDS = {
    "help": "--help",
    "fit": "fit breast-cancer --epochs 300 --out model.npz",
    "fit in place": "fit breast-cancer --epochs 300 --quiet --out old.npz",
    "fit network": "fit digits --objective network --epochs 10 --json --out model.npz "
    "--checkpoint run.npz --checkpoint-every 0",
    "resume": f"resume {KEPT} --out model.npz",
    "predict": "predict old.npz breast-cancer --out predicted.csv",
    "show": "show old.npz",
    "certify": "certify breast-cancer --steps 2000 --out certificate.json",
    "certify seeds": "certify breast-cancer --l2 0.1 --steps 300 --seeds 4",
    "compare": "compare --problems digits-softmax --optimizers sgd,adam --budget 2 --seeds 2 "
    "--out study",
    "figures": "figures --only 1 --out pictures",
    "demo": "demo --out pictures",
    "explore": "explore --out page.html",
}
NUMBERS = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Stage:
    """A folder with all that the commands start from, and what they come to without a signal."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.start = folder, folder / "start"
        self.start.mkdir()
        self._make(["fit", "breast-cancer", "--epochs", "30", "--quiet", "--out", "old.npz"])
        long = "fit breast-cancer --epochs 300 --quiet --checkpoint-every 0 --checkpoint"
        self._make([*long.split(), "whole.npz"])
        run = self._make([*long.split(), KEPT], wait=False)
        while not (self.start / f"{KEPT}.before").exists():
            time.sleep(0.001)
        run.send_signal(signal.SIGINT)
        run.communicate()
        for name in ("whole.npz", "whole.npz.before"):
            (self.start / name).unlink()

    def _make(self, arguments: list[str], wait: bool = True) -> subprocess.Popen:
        process = subprocess.Popen([*FASTGD, *arguments], cwd=self.start)
        if wait:
            assert process.wait() == 0
        return process

    def send(self, name: str, number: int | None, after: float, limit: float) -> dict:
        """One process, one signal: what became of it."""
        place = self.folder / "place"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.start, place)
        with open(self.folder / "out", "w+") as out, open(self.folder / "err", "w+") as err:
            process = subprocess.Popen(
                [*FASTGD, *COMMANDS[name].split()], cwd=place, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err,
            )  # fmt: skip
            if number is not None and not ended(process, after):
                process.send_signal(number)
            began = own_time(process)
            heard = ended(process, 30.0 if number is not None else 600.0)
            seconds = own_time(process) - began
            if not heard:
                process.kill()
            code = process.wait()
            texts = [Path(file.name).read_text() for file in (out, err)]
        found = {"seconds": seconds, "code": code, "err": texts[1]}
        if not heard or seconds > limit and number is not None:
            return found | {"fault": f"did not end within {limit} s, but {seconds:.2f}"}
        return found | {"fault": fault(name, number, code, *texts, place)}


def ended(process: subprocess.Popen, seconds: float) -> bool:
    """Whether it ends by then. It is not waited for, and what it has used can still be read."""
    until = own_time(process) + seconds
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if own_time(process) >= until:
            return False
        time.sleep(0.002)
    return True


def own_time(process: subprocess.Popen) -> float:
    """A clock that stands while the main thread has no processor (where the system says so)."""
    try:
        queued = int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[1])
    except (OSError, IndexError):
        queued = 0
    return time.perf_counter() - queued / 1e9


def early(code: int, err: str) -> bool:
    """Whether the signal came before Python had got to fastgd, or when all was over."""
    return code in (-signal.SIGTERM, -signal.SIGINT, 1) and "fastgd/" not in err


def fault(name: str, number: int | None, code: int, out: str, err: str, place: Path) -> str | None:
    """What is wrong with how a process ended, if anything."""
    lines = err.splitlines()
    if number is None or code == 0:
        if code != 0:
            return f"exit code {code}"
    elif not early(code, err):
        if code != NUMBERS[number]:
            return f"exit code {code}"
        lines = [line for line in lines if not line.startswith("fastgd: classification")]
        if len(lines) > 1 or any("Traceback" in line for line in lines):
            return f"{len(lines)} lines on stderr"
    left = [path.name for path in place.rglob(".*.new")]
    if left:
        return f"left {left}"
    try:
        check_files(place)
    except Exception as error:
        return f"a file is not whole: {error!r}"
    return None


def check_files(place: Path) -> None:
    """Raise where a file that there is cannot be read."""
    for path in place.rglob("*"):
        if path.name in (KEPT, "run.npz") or path.name.endswith(".before"):
            checkpoint.read(path)
        elif path.suffix == ".npz":
            model = gd.load_model(path)
            assert np.isfinite(model.theta).all()
        elif path.suffix == ".json":
            json.loads(path.read_text("utf-8"))
        elif path.suffix == ".csv" and path.name == "predicted.csv":
            assert len(path.read_text("utf-8").splitlines()) == 570
        elif path.suffix in (".html", ".png"):
            end = path.read_bytes().rstrip()[-12:]
            assert b"</html>" in end or b"IEND" in end, path.name


def say(text: str) -> None:
    print(text, flush=True)


def turns(lasts: dict[str, float], count: int) -> list[str]:
    """The commands that are sent a signal, one after the other."""
    found: list[str] = []
    while len(found) < count:
        for name, seconds in lasts.items():
            if seconds < SELDOM or len(found) // len(lasts) % 5 == 0:
                found.append(name)
    return found[:count]


def try_all(count: int, seed: int, limit: float, only: list[str], report=say) -> list[str]:
    """So many signals; a line for each that was not heard as it should be."""
    faults, codes = [], collections.Counter()
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A shell's background job does not hear Ctrl-C, and would pass that on.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        lasts, slowest = {}, 0.0
        for name in only:
            found = stage.send(name, None, 600.0, 600.0)
            if found["fault"]:
                faults.append(f"{name}, no signal: {found['fault']}: {found['err']}")
            lasts[name] = found["seconds"]
        report(f"without a signal: { ({name: round(t, 1) for name, t in lasts.items()}) }")
        for i, name in enumerate(turns(lasts, count)):
            number, after = draw.choice(list(NUMBERS)), draw.uniform(0.0, 1.05 * lasts[name])
            found = stage.send(name, number, after, limit)
            if found["fault"]:
                where = f"{name}, {signal.Signals(number).name} after {after:.3f} s"
                faults.append(f"{where}: {found['fault']}\n{found['err']}")
                report(faults[-1])
            else:
                slowest = max(slowest, found["seconds"] if found["code"] else 0.0)
                kind = "Python alone" if early(found["code"], found["err"]) else found["code"]
                codes[kind] += 1
            if (i + 1) % 50 == 0:
                report(f"{i + 1}: {len(faults)} faults, slowest {slowest:.2f} s, {dict(codes)}")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=1.0, help="seconds in which all must end")
    parser.add_argument("--only", default=",".join(COMMANDS))
    options = parser.parse_args()
    faults = try_all(options.count, options.seed, options.limit, options.only.split(","))
    print(f"{len(faults)} faults in {options.count} signals")
    return bool(faults)


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")
    sys.exit(main())
