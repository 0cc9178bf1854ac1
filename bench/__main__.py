"""`python -m bench`: measure every row, print the target table, write RESULTS.md and a chart, and
append a line for each case to history.csv."""

from __future__ import annotations

import argparse
import csv
import importlib
import os
import pkgutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bench
from bench import chart, data, growth, machine
from bench.harness import Case, Line, Measured, Missing, lines, measure, show

HERE = Path(__file__).resolve().parent


def rows() -> dict[str, str]:
    """Row ("S1") to module ("bench.bench_s1_sgd"), in order."""
    names = sorted(m.name for m in pkgutil.iter_modules(bench.__path__))
    return {n.split("_")[1].upper(): f"bench.{n}" for n in names if n.startswith("bench_s")}


def cases(only: set[str] | None = None, quick: bool = False) -> Iterator[Case]:
    """The cases of the rows asked for; a row whose data is missing is named and left out."""
    for row, module in rows().items():
        if only and row not in only:
            continue
        try:
            yield from importlib.import_module(module).cases(quick)
        except Missing as reason:
            print(f"{row}: skipped, {reason}", file=sys.stderr)
        data.forget()


def table(found: list[Line]) -> str:
    """The target table in Markdown."""
    text = [
        "| row | the same work | fastgd | against | its time | figure | limit | target | |",
        "| --- | --- | ---: | --- | ---: | ---: | --- | ---: | --- |",
    ]
    for x in found:
        cells = (
            x.row, x.case, show(x.ours), x.peer, show(x.theirs), x.figure, x.limit, x.target,
            x.verdict,
        )  # fmt: skip
        text.append("| " + " | ".join(cells) + " |")
    return "\n".join(text)


def summary(found: list[Line]) -> str:
    """The table of docs/speed.md: a line for each row and peer that a target is about."""
    text = ["| the same work | against | figures, and the targets missed |", "| --- | --- | --- |"]
    for row, module in rows().items():
        title = (importlib.import_module(module).__doc__ or "").partition("\n")[0]
        title = title.partition(". ")[0].rstrip(".")
        figures: dict[str, list[str]] = {}
        for x in found:
            if x.row == row and x.target:
                missed = f" ({x.target})" if "missed" in x.verdict else ""
                case = x.case.rsplit(", per ", 1)[0]
                figures.setdefault(x.peer, []).append(f"{case}: {x.figure}{missed}")
        for peer, cells in figures.items():
            text.append(f"| {title} | {peer} | {'; '.join(cells)} |")
            title = ""
    return "\n".join(text)


def tell_docs(found: list[Line]) -> None:
    """Put the summary where docs/speed.md has its marks, and draw README's bars."""
    chart.draw_five(ratios_of(found), HERE.parent / "docs" / "bars.svg")
    path = HERE.parent / "docs" / "speed.md"
    before, mark, rest = path.read_text(encoding="utf-8").partition(
        "<!-- written by ci/bench -->\n"
    )
    _, end, after = rest.partition("<!-- end -->\n")
    if mark and end:
        path.write_text(f"{before}{mark}\n{summary(found)}\n\n{end}{after}", encoding="utf-8")


def ratios_of(found: list[Line]) -> dict[tuple[str, str, str], float]:
    """The ratio of each row, case and peer."""
    return {
        (x.row, x.case.rsplit(", per ", 1)[0], x.peer): x.ratio
        for x in found
        if x.ratio is not None
    }


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def facts(limits: dict[str, float]) -> str:
    measured = {
        "read bandwidth of one core": f"{limits['read bandwidth'] / 1e9:.1f} GB/s",
        "update bandwidth (y += a x)": f"{limits['update bandwidth'] / 1e9:.1f} GB/s",
        "dgemm rate of one core": f"{limits['dgemm rate'] / 1e9:.1f} Gflop/s",
    }
    described = {**machine.description(), **measured}
    return "\n".join(f"- {name}: {value}" for name, value in described.items())


def remember(measured: list[Measured], path: Path) -> None:
    """Append a line for each case: when, on what, fastgd's time and those of the others."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    processor = machine.description()["processor"]
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(["date", "processor", "row", "case", "unit", "seconds", "others"])
        for one in measured:
            ours = one.median(one.case.ours)
            if ours is not None:
                others = [f"{name} {one.median(name):.3g}" for name in one.peers()]
                writer.writerow(
                    [today, processor, one.case.row, one.case.name, one.case.unit, f"{ours:.3g}",
                     "; ".join(others)]
                )  # fmt: skip


PREAMBLE = """\
# How fast, against whom

Written by `{command}`. Every contender of a line ran in one process, in turn, and a figure is
their ratio of medians: peer's time / fastgd's time. float64, the same work, one thread each unless
said. Where a result can be the same it was compared first (a line says if it was not). `against`
without a target is there for comparison. Shares are of this machine's limits, taken in the same
run. Times on a shared machine move; ratios hold. docs/speed.md says what limits the figures.

"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--long",
        action="store_true",
        help="more repeats, and the large sets of S8 and S10 to S12 too: half an hour",
    )
    parser.add_argument("--only", help="rows, such as S1,S3; growth is the second table")
    parser.add_argument("--out", type=Path, help="folder for the results, default bench/")
    parser.add_argument(
        "--processor",
        action="store_true",
        help="seconds of a processor and not of the clock, on a machine that others use too",
    )
    options = parser.parse_args(arguments)
    only = set(options.only.upper().split(",")) if options.only else None
    started, load = time.perf_counter(), _load()
    quick, seconds = not options.long, 1.6 if options.long else 0.5

    limits = machine.limits(0.4 if quick else 1.0)
    print(facts(limits), flush=True)
    found: list[Line] = []
    raw: list[Measured] = []
    for case in cases(only, quick):
        # What starts processes or shares work is a matter of the clock.
        by_clock = case.row == "S7" or case.minus is not None
        measured = measure(case, seconds, options.processor and not by_clock)
        raw.append(measured)
        for line in lines(measured, limits):
            found.append(line)
            print(table([line]).splitlines()[-1], flush=True)
        data_used = {name: f"{share:.2f}" for name, share in measured.cpu.items() if share > 1.2}
        if data_used and len(measured.case.contenders) > 1 and case.row != "S7":
            print(f"  more than one thread: {data_used}", flush=True)
    loads = f"- load average: {load} at the start, {_load()} after the table\n"
    sections = [facts(limits) + "\n" + loads, table(found)]
    if only is None or "GROWTH" in only:
        sections.append(growth.table(quick, growth.PICTURE if only is None else None))
        print(sections[-1])

    out = options.out or (HERE if only is None else None)
    if out is not None:
        command = " ".join(["python -m bench", *(arguments or sys.argv[1:])])
        text = PREAMBLE.format(command=command) + "\n\n".join(sections) + "\n"
        out.mkdir(parents=True, exist_ok=True)
        (out / "RESULTS.md").write_text(text)
        remember(raw, out / "history.csv")
        chart.draw(found, HERE.parent / "docs" / "speed.svg" if out == HERE else out / "speed.svg")
        if out == HERE and only is None:
            tell_docs(found)
    met = sum(line.verdict == "met" for line in found)
    missed = [line for line in found if "missed" in line.verdict]
    print(
        f"\n{met} targets met, {len(missed)} missed; {time.perf_counter() - started:.0f} s in all, "
        f"{time.process_time():.0f} s of a processor"
    )
    for line in missed:
        print(f"  missed: {line.row} {line.case}, {line.peer}: {line.figure}, target {line.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
