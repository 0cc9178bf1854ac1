"""Runs over 1 and 2 ranks on this machine: time and bytes a step, and a model that is held to them.

    python -m bench.ranks            measures, and writes bench/RANKS.md

Needs mpi4py and an mpiexec (the wheel "mpich" brings one). The model: a step of n_B rows costs each
of R ranks what a step costs at all, n_B/R times what a row costs on one, and what its messages
cost; a message of m bytes costs log2(R) latencies and 2 (R - 1)/R m bytes of bandwidth where all
add up, log2(R) latencies and m bytes where one tells all. Latency and bandwidth are measured
between two ranks, the cost of a step and of a row on one; what two ranks then take is compared with
what the model says.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fastgd as gd
from fastgd.core.spread import Alone
from fastgd.distributed.ranks import Ranks

HERE = Path(__file__).resolve().parent
# Short and many: on a shared machine the best of them had both cores to itself.
REPEATS, SECONDS, MOST = 100, 0.003, 3.0


@dataclass(frozen=True)
class Case:
    """One way to run; `every`: local SGD."""

    name: str
    rows: int
    width: int
    batch: int | None
    reproducible: bool = True
    every: int | None = None
    network: bool = False

    @property
    def n_params(self) -> int:
        return 101_770 if self.network else self.width

    @property
    def rows_a_step(self) -> int:
        return self.batch or self.rows


CASES = (
    Case("logistic, full gradient, 200000 x 54", 200_000, 54, None),
    Case("the same, in any order", 200_000, 54, None, reproducible=False),
    Case("logistic, 4096 rows a step, d = 54", 200_000, 54, 4096),
    Case("the same, in any order", 200_000, 54, 4096, reproducible=False),
    Case("logistic, 64 rows a step, d = 54", 200_000, 54, 64),
    Case("the same, in any order", 200_000, 54, 64, reproducible=False),
    Case("local SGD, 32 rows a rank and step, H = 10", 200_000, 54, 32, every=10),
    Case("local SGD, H = 100", 200_000, 54, 32, every=100),
    Case("local SGD, H = 1000", 200_000, 54, 32, every=1000),
    Case("network 784-128-10, 1024 rows a step", 8192, 784, 1024, network=True),
    Case("the same, in any order", 8192, 784, 1024, reproducible=False, network=True),
)
SIZES = (8, 512, 4096, 65_536, 814_168)  # bytes


class Counting:
    """A carrier that counts what it is given."""

    def __init__(self, carrier: Any) -> None:
        self.carrier, self.rank, self.size = carrier, carrier.rank, carrier.size
        self.messages = self.bytes = 0

    def allreduce(self, numbers: Any) -> None:
        self.messages += 1
        self.bytes += numbers.nbytes
        self.carrier.allreduce(numbers)

    def broadcast(self, numbers: Any, root: int = 0) -> None:
        self.messages += 1
        self.bytes += numbers.nbytes
        self.carrier.broadcast(numbers, root)


def objective(case: Case, begin: int, end: int) -> Any:
    # Each rank makes its own rows of one table, which none has whole.
    blocks = range(begin // 1000, -(-end // 1000))
    X = np.concatenate(
        [np.random.default_rng(b).standard_normal((1000, case.width)) for b in blocks]
    )
    X = X[begin - blocks[0] * 1000 :][: end - begin]
    if case.network:
        return gd.NeuralNetwork(X, np.arange(begin, end) % 10, hidden=(128,), loss="softmax")
    return gd.LogisticRegression(X, X[:, 0] > 0, l2=1e-3)


def timed(
    f: Any, case: Case, comm: Counting, batch: int | None, step: float | None = None
) -> tuple[float, float, float]:
    """Seconds, messages and bytes of a step, which takes about `step` seconds."""
    run = gd.Run(
        f, gd.SGD(0.01), batch_size=batch, steps=10**7, seed=0, record_every=0, comm=comm,
        reproducible=case.reproducible, sync_every=case.every,
    )  # fmt: skip
    unit = case.every or 1
    ranks, began = Ranks(comm), time.perf_counter()
    run.advance(unit)
    if step is None:
        step = (time.perf_counter() - began) / unit
    count = unit * max(1, int(ranks.same(SECONDS / step) / unit))
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < REPEATS and ranks.same(time.perf_counter() - began) < MOST:
        comm.messages = comm.bytes = 0
        start = time.perf_counter()
        run.advance(count)
        times.append((time.perf_counter() - start) / count)
    return min(times), comm.messages / count, comm.bytes / count


def measure() -> None:
    """On every rank: each case, and the messages alone."""
    from mpi4py import MPI

    plain = Ranks(MPI.COMM_WORLD).carrier
    found: dict[str, Any] = {"messages": [], "cases": []}
    for kind in ("allreduce", "broadcast"):
        for size in SIZES:
            vector, times = np.zeros(size // 8), []
            for _ in range(REPEATS):
                count = 2 if size > 100_000 else 100
                began = time.perf_counter()
                for _ in range(count):
                    getattr(plain, kind)(vector)
                times.append((time.perf_counter() - began) / count)
            found["messages"].append((kind, size, min(times)))
    for case in CASES:
        comm = Counting(plain)
        own = gd.distributed.rows(case.rows, comm)
        f = objective(case, own.start, own.stop)
        fixed = 0.0
        if comm.size == 1 and case.batch is not None and case.every is None:
            fixed, _, _ = timed(f, case, comm, 1)
        # All ranks at once, each for itself: what they take without a message.
        share = case.batch if case.batch is None or case.every else case.batch // comm.size
        apart, _, _ = timed(f, case, Counting(Alone()), share)
        found["cases"].append((*timed(f, case, comm, case.batch, apart), fixed, apart))
    if plain.rank == 0:
        print("found", json.dumps(found), flush=True)


def of(size: int) -> dict[str, Any]:
    """What `measure` finds on so many ranks."""
    mpiexec = shutil.which("mpiexec", path=sysconfig.get_path("scripts")) or "mpiexec"
    command = [mpiexec, "-n", str(size), sys.executable, "-m", "bench.ranks", "--measure"]
    done = subprocess.run(
        command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("found ")]
    result: dict[str, Any] = json.loads(line.removeprefix("found "))
    return result


@dataclass(frozen=True)
class Network:
    """What messages cost."""

    latency: float  # seconds
    bandwidth: float  # bytes a second

    def allreduce(self, ranks: int, size: float) -> float:
        if ranks == 1:
            return 0.0
        return math.log2(ranks) * self.latency + 2 * (ranks - 1) / ranks * size / self.bandwidth

    def broadcast(self, ranks: int, size: float) -> float:
        return 0.0 if ranks == 1 else math.log2(ranks) * self.latency + size / self.bandwidth


def fitted(messages: list[Any]) -> Network:
    """Latency from the smallest sums of two ranks, bandwidth from the largest."""
    times = {size: seconds for kind, size, seconds in messages if kind == "allreduce"}
    latency = min(times[SIZES[0]], times[SIZES[1]])
    return Network(latency, SIZES[-1] / max(times[SIZES[-1]] - latency, 1e-9))


@dataclass(frozen=True)
class Work:
    """What a step costs one rank on its own."""

    fixed: float  # seconds a step
    row: float  # seconds a row

    def of(self, case: Case, ranks: int) -> float:
        share = 1 if case.every is not None else ranks
        return self.fixed + case.rows_a_step / share * self.row


def messages(case: Case, ranks: int, network: Network) -> float:
    """Seconds that the messages of a step take by the model."""
    size = 8.0 * (case.n_params + 1)
    if case.every is not None:
        return network.allreduce(ranks, size) / case.every
    if not case.reproducible:
        return network.allreduce(ranks, size)
    if 12 * case.n_params <= 8192:
        return network.allreduce(ranks, 12 * size)
    return ranks * network.broadcast(ranks, size)


def step(case: Case, ranks: int, work: Work, network: Network) -> float:
    return work.of(case, ranks) + messages(case, ranks, network)


def takes_over(case: Case, work: Work, network: Network) -> int:
    """The fewest ranks, of powers of 2, on which a step waits for messages more than it works."""
    sizes = (2**power for power in range(1, 21))
    return next((R for R in sizes if messages(case, R, network) > work.of(case, R)), 0)


def shown(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def report(one: dict[str, Any], two: dict[str, Any]) -> str:
    here = fitted(two["messages"])
    there = Network(2e-6, 10e9)
    works = [
        Work(fixed, (seconds - fixed) / case.rows_a_step)
        for case, (seconds, _, _, fixed, _) in zip(CASES, one["cases"], strict=True)
    ]
    lines = [
        "# Runs over many ranks",
        "",
        "Made by `python -m bench.ranks`: two ranks on the two cores of one machine, the best of "
        f"many timings. A sum of 8 bytes over both takes {shown(here.latency)}, and large "
        f"ones move {here.bandwidth / 1e9:.2g} GB/s. Meanwhile {os.getloadavg()[0]:.0f} processes "
        "wanted to run: with more than two, a rank waits for the other to have a core, and the "
        "figures of two ranks say little.",
        "",
        "| a step of | 1 rank | two machines, by the model | 2 ranks without messages | and with "
        "them, by the model | 2 ranks | messages | bytes |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case, work, (alone, *_), (both, count, size, _, apart) in zip(
        CASES, works, one["cases"], two["cases"], strict=True
    ):
        cells = [case.name, shown(alone), shown(step(case, 2, work, here))]
        cells += [shown(apart), shown(apart + messages(case, 2, here)), shown(both)]
        lines.append(f"| {' | '.join(cells)} | {count:.3g} | {size:.3g} |")
    lines += [
        "",
        "In local SGD a step of two ranks takes twice the rows of a step of one. Two ranks on one "
        "machine share its memory and caches, and whatever else it does: the fourth column is "
        "what both take side by side, each for itself, and the fifth adds the messages to that.",
        "",
        "## What many nodes would give, on paper",
        "",
        "The same model with a latency of 2 µs and 10 GB/s, which are figures of the trade for a "
        "fast network and not measured here, one core a node. Given are rows a second, in units "
        "of those of one rank, and from how many nodes on a step waits for messages longer than "
        "it works.",
        "",
        "| a step of | 2 | 10 | 100 | 1000 | communication takes over at |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case, work in zip(CASES, works, strict=True):
        gains = []
        for ranks in (2, 10, 100, 1000):
            gain = step(case, 1, work, there) / step(case, ranks, work, there)
            gains.append(f"{gain * (1 if case.every is None else ranks):.3g}")
        where = takes_over(case, work, there)
        lines.append(f"| {case.name} | {' | '.join(gains)} | {where or 'never'} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    if "--measure" in sys.argv:
        measure()
        return
    text = report(of(1), of(2))
    (HERE / "RANKS.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
