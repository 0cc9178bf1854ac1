"""Which test files are nearest to a source file; for ci/quick and ci/mutate.

    python ci/nearest.py FILE ...       prints them, one a line

A test file is itself; fastgd/x.py has tests/test_x.py, or those of its folder. Only where the name
does not say it is the answer written down here.
"""

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

# The golden runs come first: they take two seconds, and notice most.
RULES = ["golden", "updates", "solvers"]
LINEAR = ["golden", "core_edges", "objectives", "losses", "loss_registry", "sparse", "rows"]
NEAREST = {
    "core/adam": RULES,
    "core/around": RULES,
    "core/build": ["config"],
    "core/claim": ["threads", "interrupts"],
    "core/descent": ["golden", "core_edges", "sparse", "rows", "penalties", "checkpoint"],
    "core/exponential": ["losses", "loss_registry"],
    "core/flush": ["updates", "run"],
    "core/foreign": ["golden", "objectives", "run"],
    "core/linear": LINEAR,
    "core/losses": ["golden", "core_edges", "losses", "loss_registry", "objectives"],
    "core/network": ["golden", "network", "loss_registry"],
    "core/objective": [*LINEAR, "run"],
    "core/penalties": ["penalties", "objectives"],
    "core/reading": ["out_of_core"],
    "core/rows": ["golden", "core_edges", "rows", "sparse"],
    "core/dense": ["golden", "core_edges", "rows", "sparse"],
    "core/classes": ["golden", "core_edges", "rows", "sparse"],
    "core/sparse": ["golden", "core_edges", "rows", "sparse"],
    "core/storage": ["golden", "core_edges", "rows", "sparse"],
    "core/rules": RULES,
    "core/sampling": ["golden", "core_edges", "run", "checkpoint"],
    "core/search": ["tuning_free"],
    "core/solver": ["golden", "core_edges", "updates", "run", "checkpoint", "penalties"],
    "core/team": ["golden", "core_edges", "threads"],
    "core/tuning": [*RULES, "tuning_free"],
    "core/update": [*RULES, "core_edges", "checkpoint"],
    "core/online": ["core_online", "sklearn_home", "sklearn"],
    "core/reduced": ["golden", "reduced"],
    "core/spread": ["distributed"],
    "core/epochs": ["golden", "sklearn", "network"],
    "core/singles": ["golden", "sparse", "rows"],
    "core/vector": ["golden", "rows", "objectives"],
    "core/dispatch": ["dispatch"],
    "objectives": ["objectives", "sparse", "rows", "network", "properties"],
    "optimizers": ["updates", "schedules"],
    "losses": ["loss_registry", "losses", "objectives"],
    "run": ["run", "golden", "checkpoint"],
    "checks": ["objectives", "updates", "run"],
    "callbacks": ["run"],
    "__init__": ["house", "types"],
    "__main__": ["cli"],
    "console": ["cli"],
    "files": ["datasets", "checkpoint", "model"],
    "arguments": ["cli"],
    "commands": ["cli", "cli_faults"],
    "gallery": ["figures"],
    "plots": ["figures"],
    "views": ["history", "notebook"],
    "stretch": ["run", "golden"],
    "sweeps": ["run"],
    "problems": ["comparison", "run"],
}


def nearest(path: str) -> list[str]:
    """Test files for a file of the checkout, the nearest first; none for what no test reads."""
    parts = Path(path).parts
    stem = Path(path).stem
    if parts[0] == "tests":
        if stem.startswith("test_"):
            return [path]
        return ["tests/test_golden.py"] if stem == "golden" else []
    if parts[0] != "fastgd":
        names = [stem]
    elif parts[1] == "core":
        names = NEAREST.get(f"core/{stem}", ["golden", "run"])
    else:
        room = Path(parts[1]).stem
        names = [stem, *NEAREST.get(room, [room])]
    found = [f"test_{name}.py" for name in dict.fromkeys(names)]
    places = [place for name in found for place in sorted((CHECKOUT / "tests").rglob(name))]
    return [place.relative_to(CHECKOUT).as_posix() for place in places]


def main() -> None:
    paths = []
    for given in sys.argv[1:]:
        paths.append(Path(given).resolve().relative_to(CHECKOUT).as_posix())
    for name in dict.fromkeys(name for path in paths for name in nearest(path)):
        print(name)


if __name__ == "__main__":
    main()
