"""How a case is timed: every contender in turn, again and again, in one process.

Neighbours of a shared machine slow all contenders alike when they take turns, so the ratio of
medians is steadier than any time in it. Nothing here asserts a time.
"""

from __future__ import annotations

import gc
import importlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

OURS = "fastgd"
FASTEST = "the fastest peer"
SHORTEST = 0.005  # seconds: a shorter run is repeated within one timing
MOST_REPEATS = 15
FEWEST_REPEATS = 3
SLOW = 2.0  # seconds: what takes longer is run once before it is timed, and timed twice


class Missing(Exception):
    """A contender or its data is not here; the message says what is missing."""


def peer(name: str) -> ModuleType:
    """The module of bench.peers; Missing when its library is not installed."""
    try:
        return importlib.import_module(f"bench.peers.{name}")
    except ImportError as error:
        raise Missing(f"not installed ({error.name})") from error


@dataclass(frozen=True)
class Contender:
    """One way to do a case's work.

    `build(units)` prepares everything that is not timed and returns the function that is: it
    does `units` units of work (steps, samples, calls) and may return what it computed.
    """

    build: Callable[[int], Callable[[], Any]]
    units: int = 1
    same: bool = True  # takes part in the check that all computed the same


@dataclass(frozen=True)
class Case:
    """The same work for each contender, what fastgd should reach, and what limits it."""

    row: str
    name: str
    contenders: Mapping[str, Contender]
    unit: str = "call"
    targets: Mapping[str, float] = field(default_factory=dict)  # peer: smallest ratio
    at_most: float | None = None  # seconds a unit
    minus: str | None = None  # a contender whose time is subtracted before `at_most` is judged
    bytes: float | None = None  # that one unit must move between memory and core
    flops: float | None = None  # that one unit must spend in matrix products
    share: float | None = None  # of the limit set by bytes or flops: the smallest wanted
    writes: bool = False  # some bytes are written: update bandwidth, the higher, is the limit
    check_units: int | None = None  # run each for so many units first and compare the results
    tolerance: float = 1e-8
    ours: str = OURS


@dataclass
class Measured:
    """What a case came to. Times are seconds a unit."""

    case: Case
    times: dict[str, list[float]]
    cpu: dict[str, float]  # CPU seconds per second: above 1 for more than one thread
    missing: dict[str, str]
    differs: dict[str, float]  # relative distance from the first result, where too large

    def median(self, name: str) -> float | None:
        return statistics.median(self.times[name]) if self.times.get(name) else None

    def peers(self) -> list[str]:
        return [name for name in self.times if name != self.case.ours]


def _check(case: Case, missing: dict[str, str]) -> dict[str, float]:
    reference, differs = None, {}
    for name, contender in case.contenders.items():
        if name in missing or not contender.same:
            continue
        try:
            result = np.asarray(contender.build(case.check_units)(), dtype=np.float64)
        except Missing as reason:
            missing[name] = str(reason)
            continue
        if reference is None:
            reference = result
        distance = np.linalg.norm(result - reference) / np.linalg.norm(reference)
        if not distance <= case.tolerance:
            differs[name] = float(distance)
    return differs


def _build(
    case: Case, missing: dict[str, str]
) -> tuple[dict[str, Callable[[], Any]], dict[str, float]]:
    """What is timed, and the seconds that the first run of each took."""
    runs, first = {}, {}
    for name, contender in case.contenders.items():
        if name in missing:
            continue
        try:
            run = contender.build(contender.units)
            first[name], _ = _time(run, 1)  # compiles, fills caches
            runs[name] = run
        except Missing as reason:
            missing[name] = str(reason)
    return runs, first


def _time(run: Callable[[], Any], calls: int) -> tuple[float, float]:
    cpu, start = time.process_time(), time.perf_counter()
    for _ in range(calls):
        run()
    return time.perf_counter() - start, time.process_time() - cpu


def measure(case: Case, seconds: float, processor: bool = False) -> Measured:
    """Time the contenders of `case` interleaved, for about `seconds` in all.

    With `processor` their seconds are those that the process had of a processor, all its threads
    together: on a machine that others use, the wall clock measures them.
    """
    missing: dict[str, str] = {}
    differs = _check(case, missing) if case.check_units else {}
    runs, first = _build(case, missing)
    calls, rounds = {}, 0.0
    for name, run in runs.items():
        once = first[name] if first[name] > SLOW else _time(run, 1)[0]
        calls[name] = max(1, int(np.ceil(SHORTEST / max(once, 1e-9))))
        rounds += once * calls[name]
    fewest = FEWEST_REPEATS if rounds < SLOW else 2
    repeats = int(np.clip(seconds / max(rounds, 1e-9), fewest, MOST_REPEATS))
    times: dict[str, list[float]] = {name: [] for name in runs}
    used: dict[str, list[float]] = {name: [] for name in runs}
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeats):
            for name, run in runs.items():
                wall, cpu = _time(run, calls[name])
                spent = cpu if processor else wall
                times[name].append(spent / (calls[name] * case.contenders[name].units))
                used[name].append(cpu / wall)
    finally:
        gc.enable()
    cpu_share = {name: statistics.median(shares) for name, shares in used.items()}
    return Measured(case, times, cpu_share, missing, differs)


@dataclass(frozen=True)
class Line:
    """One line of the target table."""

    row: str
    case: str
    ours: float | None  # seconds a unit
    peer: str
    theirs: float | None
    figure: str
    target: str
    verdict: str  # met, missed, not measured, or empty where there is no target
    ratio: float | None = None
    wanted: float | None = None
    limit: str = ""  # the share of the machine's own limit that fastgd reaches


def _verdict(figure: float, target: float | None) -> str:
    if target is None:
        return ""
    return "met" if figure >= target else "**missed**"


def lines(measured: Measured, limits: Mapping[str, float]) -> Iterator[Line]:
    """The target table's lines for one case."""
    case, ours = measured.case, measured.median(measured.case.ours)
    name = f"{case.name}, per {case.unit}"
    if case.ours in measured.missing:
        yield Line(case.row, name, None, "", None, "", "", f"fastgd: {measured.missing[case.ours]}")
        return
    if ours is None:
        return
    shares = [
        (limit, need / limits[limit] / ours, target)
        for need, limit, target in (
            (case.bytes, "read bandwidth", None if case.writes else case.share),
            (case.bytes if case.writes else None, "update bandwidth", case.share),
            (case.flops, "dgemm rate", case.share),
        )
        if need
    ]
    beside = f"{shares[-1][1]:.2f} of the {shares[-1][0]}" if shares else ""
    times = {p: measured.median(p) for p in measured.peers()}
    if times and FASTEST in case.targets:
        best = min(times, key=lambda p: times[p])
        times = {f"{p} (the fastest)" if p == best else p: t for p, t in times.items()}
    for other, theirs in times.items():
        if other == case.minus:
            continue
        target = case.targets.get(other)
        if target is None and other.endswith("(the fastest)"):
            target = case.targets[FASTEST]
        ratio = theirs / ours
        wanted = f"≥ {target:g}×" if target else ""
        verdict = _verdict(ratio, target)
        if other in measured.differs:
            verdict = f"another result ({measured.differs[other]:.0e})"
        yield Line(
            case.row, name, ours, other, theirs, f"{ratio:.3g}×", wanted, verdict, ratio, target,
            beside,
        )  # fmt: skip
    for other, reason in measured.missing.items():
        target = case.targets.get(other)
        wanted = f"≥ {target:g}×" if target else ""
        yield Line(case.row, name, ours, other, None, "", wanted, f"skipped: {reason}")
    if case.at_most is not None:
        figure = ours - (times[case.minus] if case.minus else 0.0)
        label = f"beyond {case.minus}" if case.minus else "absolute"
        verdict = "met" if figure <= case.at_most else "**missed**"
        wanted = f"≤ {show(case.at_most)}"
        yield Line(case.row, name, figure, label, None, show(figure), wanted, verdict)
    for limit, share, target in shares:
        wanted = f"≥ {target:g}" if target else ""
        verdict = _verdict(share, target)
        yield Line(case.row, name, ours, limit, share * ours, f"{share:.2f} of it", wanted, verdict)


def show(seconds: float | None) -> str:
    """A time in a unit that fits."""
    if seconds is None:
        return ""
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(seconds) >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
