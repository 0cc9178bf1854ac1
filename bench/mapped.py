"""What asking for rows ahead is worth: steps on rows drawn at random from a file on the disk.

    python -m bench.mapped [GIGABYTES] [FOLDER]

Each way begins with a file of which nothing is in memory, and they take turns.
"""

import mmap
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import fastgd as gd

COLUMNS = 250
STEPS, BATCH = 40, 64


def written(path: Path, gigabytes: float) -> int:
    """Rows of a file full of numbers; that they repeat is nothing to a disk."""
    block = np.random.default_rng(0).standard_normal((10_000, COLUMNS))
    times = max(1, int(gigabytes * 1e9 / block.nbytes))
    with open(path, "wb") as file:
        for _ in range(times):
            block.tofile(file)
        os.fsync(file.fileno())
    return times * len(block)


def forget(path: Path, X: np.memmap) -> None:
    """Let nothing of a file be in memory: first out of the map, since what is mapped stays."""
    X._mmap.madvise(mmap.MADV_DONTNEED)
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def seconds(path: Path, rows: int, ahead: bool, seed: int, batch: int = BATCH) -> float:
    """Of a row, of plain steps that draw their rows with replacement."""
    X = np.memmap(path, dtype=np.float64, mode="r", shape=(rows, COLUMNS))
    f = gd.LogisticRegression(X, (np.arange(rows) % 2).astype(np.float64))
    steps = STEPS * BATCH // batch
    run = gd.Run(f, gd.SGD(1e-3), batch_size=batch, steps=steps, seed=seed, record_every=0)
    if not ahead:
        run._stretch.solver.sampler.reading = None
    forget(path, X)
    began = time.perf_counter()
    run.advance()
    return (time.perf_counter() - began) / (steps * batch)


def main(gigabytes: float = 4.0, place: str | None = None) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        path = Path(folder) / "X"
        rows = written(path, gigabytes)
        for batch in (1, BATCH):
            times = {
                ahead: [seconds(path, rows, ahead, seed, batch) for seed in range(3)]
                for ahead in (False, True)
            }
            plain, asked = (1e6 * float(np.median(times[ahead])) for ahead in (False, True))
            print(f"batch {batch}: {plain:.0f} µs a row as they come, {asked:.0f} asked for ahead: "
                  f"{plain / asked:.1f} times")  # fmt: skip


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 4.0, *sys.argv[2:3])
