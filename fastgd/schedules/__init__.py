"""How a learning rate or a momentum moves during a run: pure functions of the step.

A schedule is called with the steps t (int64, counted from 0) and the run's number of steps, and
returns float64. It keeps no state, so a run may be cut into chunks, resumed or plotted and sees
the same numbers. Needs NumPy only: neither the compiled core nor the optimizers are imported here.

To add a schedule, write one frozen dataclass that derives from `Schedule`.
"""

# In this order the registry, and every list made of it, names them.
# isort: off
from fastgd.schedules.base import (
    Schedule, as_schedule, constant, custom, registry, scaled,
)  # fmt: skip
from fastgd.schedules.decays import *
from fastgd.schedules.runs import *
from fastgd.schedules.parts import *
from fastgd.schedules.cycles import *
from fastgd.schedules.momentum import *
# isort: on

__all__ = [
    "Schedule", "as_schedule", "bottou", "bounded", "constant", "cosine", "custom", "exponential",
    "held", "interpolate", "inverse_time", "invscaling", "join", "linear", "nesterov", "one_cycle",
    "polynomial", "power", "registry", "scaled", "sgdr", "step", "triangular", "warmup", "wsd",
]  # fmt: skip
