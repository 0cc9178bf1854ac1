# The house rules that no linter knows: which module may import which, and what an import costs.
import ast
import importlib
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import fastgd
from fastgd import views

PACKAGE = Path(fastgd.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
CYTHON = sorted(path for path in (PACKAGE / "core").iterdir() if path.suffix in (".pyx", ".pxd"))

# From the street door down: a module imports only what stands after it. A floor may name rooms
# that are still to be built, and each room that there is stands on one.
FLOORS = [
    {"__init__", "__main__"},
    {"cli"},
    {"commands"},
    {"config", "explorer", "figures"},
    {"gallery", "exchange", "sklearn", "scipy", "optimagic", "dialects", "distributed"},
    {"report", "comparison"},
    {"plots", "auto"},
    {"theory"},
    {"sweeps", "problems"},
    {"descent"},
    {"run"},
    {"arguments", "checkpoint", "stretch", "threads"},
    {"callbacks", "variants"},
    {"history"},
    {"model"},
    {"objectives"},
    {"optimizers", "losses", "penalties", "datasets"},
    {"schedules"},
    {"checks", "console", "early", "files", "jobs", "notebook", "pointers", "views"},
    {"core"},
]

# The same of the compiled part: what a module cimports, and imports, stands after it.
CORE_FLOORS = [
    {"epochs", "online"},
    {"descent", "local", "reduced", "search"},
    {"singles"},
    {"solver", "spread"},
    {"team"},
    {"linear", "network", "foreign", "around"},
    {"rules", "adam", "tuning"},
    {"objective", "update"},
    {"storage"},
    {"dense", "sparse"},
    {"classes"},
    {"rows", "products"},
    {"losses", "penalties"},
    {"sampling", "exponential", "seeds"},
    {"vector", "claim", "flush", "build", "shared", "reading"},
    {"dispatch"},
]


class Running(ast.NodeTransformer):
    """A module without what only a type checker reads."""

    def visit_If(self, node):
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            return [self.visit(one) for one in node.orelse]
        return self.generic_visit(node)


def running(path: Path) -> ast.AST:
    return Running().visit(ast.parse((PACKAGE / path).read_text(encoding="utf-8")))


def imports(path: Path) -> set[str]:
    """Full names of the modules that a module imports, at its top or anywhere else."""
    package = ("fastgd", *path.parent.parts)
    found: set[str] = set()
    for node in ast.walk(running(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            # `from fastgd import run` asks for a room, and not for the whole house.
            found.update(names if base == "fastgd" else {base} | names)
    return found


def room(module: str) -> str:
    """Which of fastgd's own rooms a module is, or is in; empty for everybody else's.

    The whole package is the room `__init__`, and so is a name of its own, such as a version.
    """
    if module == "fastgd":
        return "__init__"
    if not module.startswith("fastgd."):
        return ""
    name = module.split(".")[1]
    return name if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists() else "__init__"


def home(path: Path) -> str:
    return path.with_suffix("").parts[0]


def floor(name: str, floors: list[set[str]]) -> int:
    """Counted downwards."""
    return next(i for i, names in enumerate(floors) if name in names)


@pytest.mark.parametrize("name", sorted({home(path) for path in MODULES}))
def test_every_room_stands_on_one_floor(name):
    assert sum(name in names for names in FLOORS) == 1, f"give {name} a floor in FLOORS"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_downwards(path):
    here = floor(home(path), FLOORS)
    rooms = {room(module) for module in imports(path)} - {"", home(path)}
    # `config` says what was installed, the command line which version it is.
    allowed = {"__init__"} if home(path) in ("__main__", "cli", "commands", "config") else set()
    assert {name for name in rooms if floor(name, FLOORS) < here} <= allowed


def test_no_room_imports_itself_by_a_detour():
    arrows: dict[str, set[str]] = {}
    for path in MODULES:
        if home(path) not in ("__init__", "__main__", "cli", "commands", "config"):
            mine = {room(module) for module in imports(path)} - {"", home(path)}
            arrows.setdefault(home(path), set()).update(mine)
    TopologicalSorter(arrows).prepare()  # raises CycleError


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_modules_are_imported_by_name(path):
    # What is imported by a text escapes these tests. Two may: `views` is told where a view is by
    # `__init__`, which imports what a name of the package needs when it is first asked for.
    texts = {
        ast.unparse(node)
        for node in ast.walk(running(path))
        if isinstance(node, ast.Name | ast.Attribute)
    }
    hatches = {
        text
        for text in texts
        if re.search(r"\b(__import__|import_module|sys\.modules|exec|eval)$", text)
    } | {module for module in imports(path) if re.match(r"(importlib|runpy|pkgutil)\b", module)}
    # Files beside the code are read by importlib too.
    hatches -= {"importlib.resources", "importlib.resources.files", "importlib.metadata"}
    assert not hatches or path.as_posix() in ("views.py", "__init__.py")


def test_every_view_that_is_asked_for_is_there():
    asked = {
        (path.as_posix(), node.args[0].value)
        for path in MODULES
        for node in ast.walk(running(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("view", "views.view")
    }
    assert asked
    for path, name in asked:
        place, _, function = views.registered()[name].partition(":")
        assert floor(room(place), FLOORS) < floor(home(Path(path)), FLOORS)
        assert callable(getattr(importlib.import_module(place), function))
    assert {name for _, name in asked} == set(views.registered())


def test_a_view_is_named_as_it_can_be_found():
    with pytest.raises(ValueError, match="a view is made by 'module:function', not by 'nowhere'"):
        views.register("plot_nothing", "nowhere")
    with pytest.raises(LookupError, match="there is no view 'plot_nothing', but .*certificate, "):
        views.view("plot_nothing")


@pytest.mark.parametrize(
    "package, home",
    [
        ("matplotlib", "plots/style.py"),
        ("bokeh", "explorer/page.py"),
        ("sklearn", "sklearn/"),
        ("narwhals", "datasets/frames.py"),
        ("onnx", "exchange.py"),
        ("optimagic", "optimagic.py"),
        ("mpi4py", "distributed/ranks.py"),
        ("joblib", "jobs.py"),
    ],
)
def test_a_package_is_imported_in_one_place_only(package, home):
    users = {
        path.as_posix()
        for path in MODULES
        if any(module.split(".")[0] == package for module in imports(path))
    }
    # A folder's name ends in a slash: all of it may.
    assert {user for user in users if not (user + "/").startswith(home)} <= {home}


IMPORT = re.compile(
    r"^\s*(?:from\s+(\.\w*|fastgd\.core\S*)\s+c?import|c?import\s+(fastgd\.core\S*)"
    r'|cdef\s+extern\s+from\s+"(\w+)\.h")',
    re.MULTILINE,
)


def cimports(path: Path) -> set[str]:
    """The modules of the core that one of them cimports or imports, and the header."""
    found = IMPORT.findall(path.read_text(encoding="utf-8"))
    names = {name.split(".")[-1] for three in found for name in three if name}
    return names & {one.stem for one in [*CYTHON, PACKAGE / "core" / "dispatch.h"]}


def test_what_the_core_cimports_is_seen():
    assert cimports(PACKAGE / "core" / "exponential.pxd") == {"vector"}
    assert "dispatch" in cimports(PACKAGE / "core" / "vector.pxd")
    source = PACKAGE / "core" / "descent.pyx"  # a wheel holds the .pxd files only
    if source.exists():
        assert {"objective", "rows", "solver", "update"} <= cimports(source)


@pytest.mark.parametrize("path", CYTHON, ids=lambda path: path.name)
def test_cimports_point_downwards(path):
    assert sum(path.stem in names for names in CORE_FLOORS) == 1, "give it a floor in CORE_FLOORS"
    here = floor(path.stem, CORE_FLOORS)
    others = cimports(path) - {path.stem}
    assert {name for name in others if floor(name, CORE_FLOORS) <= here} == set()


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
