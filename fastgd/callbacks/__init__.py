"""What may look at a run while it goes on, and end it: callbacks and stop rules.

A callback is any callable that takes a `Progress`. It is called at every record (and, where it has
the attribute ``every_chunk = True``, between any two chunks, a few hundredths of a second apart).
What it returns decides: nothing or False goes on, True or a text stops the run with that message,
and a `Stop` says besides whether the run has converged. A `Rescale` multiplies all later rates.

A callback that remembers something between two calls has, for checkpoints, a method ``save`` that
returns it as a dict of numbers, texts and arrays, and ``load`` that takes it back. One that has
found a better θ than the last has a method ``best``, which returns (step, loss, θ) or None: that is
then the result's.
"""

from fastgd.callbacks.base import Callback as Callback
from fastgd.callbacks.base import Progress, Rescale, Stop
from fastgd.callbacks.judges import EarlyStopping, ReduceOnPlateau, Suboptimality
from fastgd.callbacks.stops import GradientNorm, Log, RelativeChange, TargetLoss, WallTime

__all__ = [
    "EarlyStopping", "GradientNorm", "Log", "Progress", "ReduceOnPlateau", "RelativeChange",
    "Rescale", "Stop", "Suboptimality", "TargetLoss", "WallTime",
]  # fmt: skip
