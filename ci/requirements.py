"""What pyproject.toml requires, for pip, one a line.

    python ci/requirements.py GROUP ...             build, core, or the name of an extra
    python ci/requirements.py --lowest GROUP ...    each at the lowest version that is declared

For scripts of this folder, which install them one way or another.
"""

import re
import sys
import tomllib
from pathlib import Path

# The first versions with wheels for a Python that is newer than the lowest declared version.
FIRST_WITH_WHEELS = {
    "numpy": {(3, 13): "2.1.0", (3, 14): "2.3.2"},
    "scipy": {(3, 13): "1.14.1", (3, 14): "1.16.1"},
    "matplotlib": {(3, 13): "3.9.2", (3, 14): "3.10.6"},
}


def groups() -> dict[str, list[str]]:
    """The requirements of the build, of the package, and of each extra."""
    path = Path(__file__).resolve().parent.parent / "pyproject.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    own = {"build": table["build-system"]["requires"], "core": table["project"]["dependencies"]}
    return own | table["project"]["optional-dependencies"]


def lowest(requirement: str) -> str:
    """The requirement with its lower bound as the only version."""
    found = re.match(r"([\w.-]+)\s*>=\s*([\d.]+)", requirement)
    if found is None:
        return requirement
    name, version = found.groups()
    later = FIRST_WITH_WHEELS.get(name, {})
    return f"{name}=={later.get(sys.version_info[:2], version)}"


def main() -> None:
    words = sys.argv[1:]
    chosen = [line for name in words if name != "--lowest" for line in groups()[name]]
    for line in dict.fromkeys(chosen):
        print(lowest(line) if "--lowest" in words else line)


if __name__ == "__main__":
    main()
