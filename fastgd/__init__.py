"""fastgd: gradient descent and all its variants, with a compiled core."""

from fastgd import early

early.listen()  # before anything that takes time, `typing` too

from typing import TYPE_CHECKING, Any

from fastgd import callbacks, losses, objectives, optimizers, penalties, schedules, views
from fastgd.config import *
from fastgd.descent import *
from fastgd.history import *
from fastgd.objectives import *
from fastgd.optimizers import *
from fastgd.run import *
from fastgd.sweeps import *

if TYPE_CHECKING:
    from fastgd import datasets, dialects, distributed, explorer, figures, problems, theory
    from fastgd.comparison import *
    from fastgd.model import *

__version__ = "0.1.0"


# Imported when first asked for: a third of the time of `import fastgd` otherwise.
_MODULES = (
    "comparison", "datasets", "dialects", "distributed", "explorer", "figures", "problems",
    "theory",
)  # fmt: skip
_NAMES = {
    "comparison": ("Comparison", "RateRange", "compare", "lr_range_test"),
    "model": ("Model", "load_model"),
}

# What a result is asked for by name, since its room knows none of these above it.
views.register("auto", "fastgd.auto:minimize")
views.register("certificate", "fastgd.theory:certificate")
views.register("gap_bound", "fastgd.theory.duality:gap_bound")
views.register("has_gap_bound", "fastgd.theory.duality:has_gap_bound")
views.register("explore", "fastgd.explorer:explore")
views.register("ranks", "fastgd.distributed.whole:ranks_of_run")
views.register("read", "fastgd.distributed.whole:read_checkpoint")
views.register("plot_certificate", "fastgd.plots:plot_certificate")
views.register("plot_result", "fastgd.plots:plot_result")
views.register("plot_schedule", "fastgd.plots:plot_schedule")
views.register("scipy", "fastgd.scipy:minimize")
views.register("onnx", "fastgd.exchange:to_onnx")
views.register("sklearn", "fastgd.exchange:to_sklearn")


def _watch() -> None:
    # Started as one of several ranks, which would wait for one that an exception ends.
    import os

    if any(
        name in os.environ for name in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
    ):
        from fastgd.distributed import ranks

        if ranks.several():
            ranks.end_all_together()


_watch()


def __getattr__(name: str) -> Any:
    import importlib

    if name in _MODULES:
        return importlib.import_module(f"fastgd.{name}")
    for home, names in _NAMES.items():
        if name in names:
            return getattr(importlib.import_module(f"fastgd.{home}"), name)
    raise AttributeError(f"module 'fastgd' has no attribute {name!r}")


def get_include() -> str:
    """The folder of the C header that Cython code needs beside the .pxd files of fastgd.core.

    Examples
    --------
    >>> import os
    >>> os.path.exists(os.path.join(gd.get_include(), "dispatch.h"))
    True
    """
    import os

    return os.path.join(os.path.dirname(__file__), "core")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_NAMES["comparison"], *_NAMES["model"]})
