"""`python -m bench.builds FOLDER FOLDER ...`: fastgd's own times on several builds, in turn.

A folder is what `python setup.py build --build-lib FOLDER` wrote. Each build runs in a process of
its own, and one after another they do the same short work, again and again, so that a neighbour of
a shared machine slows them alike. The figures are processor time, the lower quartile of all turns
(others only ever add to it), and its ratio to that of the first folder. Give one folder twice to
see how far to trust them.

    python -m bench.builds build/a build/b --only S1,S2,S5 --seconds 4
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROWS = "S1,S2,S3,S4,S5,S6"
SHORTEST = 0.01  # seconds of one turn


class Build:
    """A process that times what it is told to."""

    def __init__(self, folder: Path, only: str) -> None:
        # The checkout comes last: its bench is used, its fastgd is not.
        path = os.pathsep.join([str(folder.resolve()), str(Path(__file__).resolve().parents[1])])
        command = [sys.executable, "-P", "-m", "bench.builds", "--work", "--only", only]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": path},
        )  # fmt: skip
        if not (said := self.ask("")).startswith(str(folder.resolve())):
            raise SystemExit(f"{folder}: its process has {said}")

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


def work(only: str) -> None:
    """Answer on standard output: the package, then each case's name, then times as asked for."""
    import fastgd
    from bench.__main__ import cases
    from bench.harness import _time

    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what cases print is no answer

    def say(text: str) -> None:
        input()
        print(text, file=out, flush=True)

    say(fastgd.__file__)
    for case in cases(set(only.split(",")), quick=True):
        contender = case.contenders[case.ours]
        run = contender.build(contender.units)
        run()
        once, _ = _time(run, 1)
        calls = max(1, int(np.ceil(SHORTEST / max(once, 1e-9))))
        say(json.dumps([case.row, case.name, case.unit, once * calls]))
        while input() == "go":
            seconds = _time(run, calls)[1] / (calls * contender.units)
            print(seconds, file=out, flush=True)
        print("", file=out, flush=True)
    out.close()  # is read as an empty answer


def compare(builds: list[Build], seconds: float) -> Iterator[tuple[str, list[float], list[float]]]:
    """Each case: its name, the times, their ratios to those of the first build."""
    while first := builds[0].ask("next"):
        for build in builds[1:]:
            build.ask("next")
        row, name, unit, once = json.loads(first)
        turns = int(np.clip(seconds / (once * len(builds)), 7, 201))
        times: list[list[float]] = [[] for _ in builds]
        for turn in range(turns):
            # Whoever comes first after a pause has cold caches: each does in its turn.
            for i in range(len(builds)):
                k = (i + turn) % len(builds)
                times[k].append(float(builds[k].ask("go")))
        for build in builds:
            build.ask("enough")
        lower = [statistics.quantiles(one, n=4)[0] for one in times]
        yield f"{row} {name}, per {unit}", lower, [one / lower[0] for one in lower]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.builds", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--only", default=ROWS)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each case")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.only)
        return
    from bench.harness import show

    builds = [Build(folder, options.only) for folder in options.folders]
    for name, times, ratios in compare(builds, options.seconds):
        cells = "  ".join(f"{show(t):>8} {r:5.3f}" for t, r in zip(times, ratios, strict=True))
        print(f"{name:<50} {cells}", flush=True)


if __name__ == "__main__":
    main()
