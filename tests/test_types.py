"""What editors and type checkers see of the compiled modules, and a program that is checked so."""

import ast
import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
import sample_program

import fastgd as gd
import fastgd.core

CORE = Path(fastgd.core.__file__).parent
STUBS = sorted(CORE.glob("*.pyi"))
MODULES = [importlib.import_module(f"fastgd.core.{path.stem}") for path in STUBS]
CLASSES = [
    thing
    for module in MODULES
    for thing in vars(module).values()
    if inspect.isclass(thing) and thing.__module__ == module.__name__
]


def declared(path):
    """For each class and function of a stub its parameters, without self."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node.args
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not method.decorator_list:
                    name = node.name + f".{method.name}" * (method.name != "__init__")
                    found[name] = method.args
    return found


def as_text(args):
    names = [arg.arg for arg in args.args if arg.arg != "self"]
    first = len(names) - len(args.defaults)
    shown = [
        name if i < first else f"{name}={ast.unparse(args.defaults[i - first])}"
        for i, name in enumerate(names)
    ]
    shown += [f"*{args.vararg.arg}"] if args.vararg else ["*"] * bool(args.kwonlyargs)
    shown += [
        f"{arg.arg}={ast.unparse(default)}"
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    shown += [f"**{args.kwarg.arg}"] if args.kwarg else []
    return f"({', '.join(shown)})"


def test_each_module_has_a_stub():
    sources = {path.name.split(".")[0] for path in CORE.iterdir() if path.suffix in (".so", ".pyd")}
    # A build in place keeps its modules elsewhere only where there are none beside the stubs.
    assert not sources or sources == {path.stem for path in STUBS}
    assert (CORE.parent / "py.typed").exists()


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_compiled_class_shows_its_signature_and_says_what_it_is(kind):
    assert str(inspect.signature(kind)).startswith("(")
    about = inspect.getdoc(kind)
    assert about and "--" not in about.splitlines()[:2]


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.stem)
def test_stubs_and_signatures_say_the_same(path):
    module = importlib.import_module(f"fastgd.core.{path.stem}")
    for name, args in declared(path).items():
        owner, _, method = name.partition(".")
        thing = getattr(module, owner)
        if method:
            thing = getattr(thing, method)
        if name == "check_sparse":
            continue  # in two versions, one for each type of index
        shown = inspect.signature(thing)
        plain = [p for p in shown.parameters.values() if p.name != "self"]
        assert str(shown.replace(parameters=plain)).replace("'", '"') == as_text(args).replace(
            "'", '"'
        ), name


def test_help_shows_signature_and_text(capsys):
    help(gd.Adam.step)
    shown = capsys.readouterr().out
    assert "step(self, theta, gradient, state)" in shown
    assert "Take one step in place" in shown
    help(fastgd.core.objective.Objective)
    shown = capsys.readouterr().out
    assert (
        "Objective(n_samples, n_params, l2=0.0, spans=None, penalty=None, *arguments, **keywords)"
        in shown
    )
    assert "A loss over data" in shown


def test_the_sample_program_runs(tmp_path, capsys):
    sample_program.main(tmp_path)
    assert (tmp_path / "found.csv").exists()
    assert "breast-cancer-logistic" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["Fortran order", "uint8"])
def test_a_large_copy_is_said(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(fastgd.checks, "LARGE_COPY", 10_000)
    order, dtype = ("F", np.float64) if kind == "Fortran order" else ("C", np.uint8)
    X = np.memmap(tmp_path / "x", dtype=dtype, mode="w+", shape=(500, 4), order=order)
    X[:] = np.arange(2000).reshape(500, 4) % 200
    with pytest.warns(
        UserWarning, match=r"X is .* so 0 MB of it are copied into memory as float64"
    ):
        f = fastgd.LeastSquares(X, X[:, 0])
    np.testing.assert_array_equal(f.X, X)
    in_place = np.memmap(tmp_path / "y", dtype=np.float64, mode="w+", shape=(500, 4))
    assert np.shares_memory(fastgd.LeastSquares(in_place, X[:, 0]).X, in_place)
