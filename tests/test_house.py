# The house rules that no linter knows: which module may import which, and what an import costs.
import ast
import math
import subprocess
import sys
from pathlib import Path

import pytest

import fastgd

PACKAGE = Path(fastgd.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

# From the street door down: a module imports only what stands after it.
FLOORS = [
    {"__main__"},
    {"cli", "config"},
    {"comparison", "estimators", "figures", "theory"},
    {"sweeps", "problems"},
    {"run"},
    {"arguments", "checkpoint", "stretch"},
    {"variants"},
    {"objectives", "optimizers", "schedules", "callbacks", "console", "history", "datasets"},
    {"losses", "penalties"},
    {"checks"},
    {"core"},
]


def imports(path: Path) -> set[str]:
    """Full names of the modules that a module imports, at its top or anywhere else."""
    package = ("fastgd", *path.parent.parts)
    found: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            found.update({base} | {f"{base}.{alias.name}" for alias in node.names})
    return found


def room(module: str) -> str:
    """Which of fastgd's own modules it is, or is in; empty for everybody else's."""
    return module.split(".")[1] if module.startswith("fastgd.") else ""


def floor(name: str) -> float:
    """Counted downwards; what stands on no floor (`__init__`, private modules) is below all."""
    return next((i for i, names in enumerate(FLOORS) if name in names), math.inf)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_downwards(path):
    here = floor(path.with_suffix("").parts[0])
    if path.stem == "__init__":
        return  # names everything
    above = {name for name in map(room, imports(path)) if floor(name) < here}
    # A method asks for its picture or its certificate when it is called: the one way up.
    assert above <= ({"figures", "theory"} if here < floor("core") else set())


@pytest.mark.parametrize("package, home", [("matplotlib", "figures"), ("sklearn", "estimators")])
def test_a_package_is_imported_in_one_place_only(package, home):
    users = {
        str(path)
        for path in MODULES
        if any(module.split(".")[0] == package for module in imports(path))
    }
    assert users <= {f"{home}.py"}


def test_core_imports_nothing_of_the_python_layer():
    code = (
        "import importlib, pkgutil, sys, types\n"
        # A stand-in for the package, so that fastgd/__init__.py does not run.
        "package = types.ModuleType('fastgd')\n"
        f"package.__path__ = [{str(PACKAGE)!r}]\n"
        "sys.modules['fastgd'] = package\n"
        "import fastgd.core\n"
        "for module in pkgutil.iter_modules(fastgd.core.__path__, 'fastgd.core.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(*(n for n in sys.modules if n.startswith('fastgd.')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(name.startswith("fastgd.core") for name in done.stdout.split())


@pytest.mark.parametrize(
    "package", ["scipy", "matplotlib", "sklearn", "pandas", "numpy.random", "fastgd.comparison"]
)
def test_import_leaves_a_large_package_alone(package):
    loaded = f"{package!r} in sys.modules"  # older releases of NumPy import all of themselves
    code = f"import sys, numpy; before = {loaded}; import fastgd; print({loaded} and not before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
