"""Which reader reads a file, by the end of its name."""

from pathlib import Path

from fastgd.datasets import arrays, frames, large, tables
from fastgd.datasets.tables import Table, Wanted

TEXT = (".csv", ".tsv", ".jsonl", ".ndjson")
LIBSVM = (".libsvm", ".svmlight", ".svm")
PACKED = (".gz", ".bz2", ".xz")
READABLE = (
    "a .csv, .csv.gz or .npz file (or .tsv, .jsonl, .libsvm, .npy, .parquet, .feather; text also "
    "as .bz2 or .xz; - is standard input)"
)


def read(path: Path, name: str, wanted: Wanted) -> Table:
    """The table in a file, as `wanted`. Messages call the file by `name`."""
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder, not {READABLE}")
    ending = path.suffix.lower()
    if ending == ".npz":
        return arrays.read_npz(path, name, wanted)
    if ending == ".npy":
        return arrays.read_npy(path, name, wanted)
    if ending in (".parquet", ".feather", ".arrow"):
        return frames.read_file(path, name, wanted)
    if ending in PACKED:
        ending = Path(path.stem).suffix.lower()
    if ending in (".csv", ".tsv"):
        found = large.read(path, name, wanted)
        if found is not None:
            return found
    if ending in TEXT:
        return tables.read_text(path, name, wanted)
    if ending in LIBSVM:
        return arrays.read_libsvm(path, name, wanted)
    raise ValueError(
        f"{name}: only .csv, .csv.gz and .npz files, or .tsv, .jsonl, .libsvm, .npy, .parquet and "
        ".feather files, can be read"
    )
