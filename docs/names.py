"""Every public name of fastgd by the page that it stands on; for docs/conf.py and the tests.

Names are taken from the modules' own lists, so that a new one has its page by itself. Nothing here
needs Sphinx.
"""

from __future__ import annotations

import importlib
import pkgutil
import types
from dataclasses import dataclass

import fastgd


@dataclass(frozen=True)
class Page:
    """One page of the reference: what it is about, and whose names it lists."""

    name: str
    title: str
    about: str
    modules: tuple[str, ...]  # whose __all__ is listed
    access: str  # as users write it: fastgd or fastgd.losses


PAGES = (
    Page("run", "Runs and results", "One run from θ_0 to θ_T, what it recorded, and the model "
         "that is left.", ("run", "descent", "sweeps", "history", "model", "config"), "fastgd"),
    Page("objectives", "Objectives", "What is minimised.", ("objectives",), "fastgd"),
    Page("losses", "Losses", "What a prediction costs: of linear models and of networks.",
         ("losses",), "fastgd.losses"),
    Page("penalties", "Penalties", "What a parameter costs.", ("penalties",), "fastgd.penalties"),
    Page("optimizers", "Optimizers", "How a step is taken.", ("optimizers",), "fastgd"),
    Page("schedules", "Schedules", "How a learning rate or a momentum moves.", ("schedules",),
         "fastgd.schedules"),
    Page("callbacks", "Callbacks", "What may look at a run while it goes on, and end it.",
         ("callbacks",), "fastgd.callbacks"),
    Page("theory", "Theory", "What is promised of a run, beside what happened.",
         ("theory.constants", "theory.minimum", "theory.bounds", "theory.rates",
           "theory.local_sgd", "theory.planning", "theory.duality", "theory.examine",
           "theory.certificates", "theory.replay"),
         "fastgd.theory"),
    Page("comparison", "Comparison", "Which optimizer, and which rate.", ("comparison",),
         "fastgd"),
    Page("problems", "Problems", "The suite on which optimizers are compared.", ("problems",),
         "fastgd.problems"),
    Page("datasets", "Data sets", "Data that is shipped, and files of your own.", ("datasets",),
         "fastgd.datasets"),
    Page("sklearn", "Estimators", "At home in scikit-learn.", ("sklearn",), "fastgd.sklearn"),
    Page("distributed", "Many machines", "One run whose data no machine holds alone.",
         ("distributed.rows", "distributed.whole", "distributed.ranks"), "fastgd.distributed"),
    Page("torch", "The dialect of torch", "Its optimizers and schedulers, by their names, with its "
         "numbers.", ("dialects.torch",), "fastgd.dialects.torch"),
    Page("optax", "The dialect of optax", "Its optimizers and schedules, by their names, with its "
         "numbers.", ("dialects.optax",), "fastgd.dialects.optax"),
    Page("keras", "The dialect of keras", "Its optimizers and schedules, by their names, with its "
         "numbers.", ("dialects.keras",), "fastgd.dialects.keras"),
    Page("scikit_learn", "The dialect of scikit-learn", "Its optimizers, by their names, with its "
         "numbers.", ("dialects.sklearn",), "fastgd.dialects.sklearn"),
    Page("scipy", "SciPy", "Every optimizer as a method of scipy.optimize.minimize.", ("scipy",),
         "fastgd.scipy"),
    Page("explorer", "Explorer", "A page on which rules, rates and starts are chosen and compared: "
         "one file without network, as `fastgd explore` writes it. Needs "
         "``pip install \"fastgd[explore]\"``.", ("explorer",), "fastgd.explorer"),
    Page("figures", "Figures", "Every picture by one public name.", ("figures",),
         "fastgd.figures"),
)  # fmt: skip

# Beside what modules list: functions of the package itself.
LOOSE = {"run": ("get_include",)}


def listed(page: Page) -> list[str]:
    """The names of a page, in the order of the modules' own lists."""
    names: list[str] = []
    for module in page.modules:
        names += importlib.import_module(f"fastgd.{module}").__all__
    return [*names, *LOOSE.get(page.name, ())]


def pages() -> dict[str, str]:
    """Every public name, as users write it, and the page that it stands on."""
    return {f"{page.access}.{name}": page.name for page in PAGES for name in listed(page)}


def resolve(name: str) -> object:
    """What a name stands for: also those that fastgd imports when first asked for."""
    found: object = fastgd
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found


# Rooms of the house that users have no business in: their names may change without notice.
WITHIN = {
    "arguments", "checkpoint", "checks", "cli", "commands", "console", "core", "early", "exchange",
    "files", "gallery", "jobs", "notebook", "optimagic", "plots", "pointers", "report", "stretch",
    "threads", "views",
}  # fmt: skip


def public() -> dict[str, object]:
    """Every name that fastgd offers, found by looking and not by a list of ours."""
    found = {
        f"fastgd.{name}": getattr(fastgd, name)
        for name in dir(fastgd)
        if not name.startswith("_") and name not in ("TYPE_CHECKING", "Any")
    }
    found = {name: one for name, one in found.items() if not isinstance(one, types.ModuleType)}
    for info in pkgutil.iter_modules(fastgd.__path__):
        if info.name in WITHIN or info.name.startswith("_"):
            continue
        try:
            module = importlib.import_module(f"fastgd.{info.name}")
        except ImportError:  # an extra that is not installed here
            continue
        names = getattr(module, "__all__", None)
        if names is None:
            names = [n for n, one in vars(module).items() if _own(n, one, module)]
        found |= {f"fastgd.{info.name}.{name}": getattr(module, name) for name in names}
    return found


def _own(name: str, one: object, module: types.ModuleType) -> bool:
    home = getattr(one, "__module__", None) or ""
    # How the command line asks for a room.
    inner = name.startswith("_") or name in ("add_parser", "run")
    return not inner and home.startswith(module.__name__)
