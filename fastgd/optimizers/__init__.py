"""How a step is taken: the optimizers, each a frozen dataclass of its hyperparameters.

A definition says what a rule is called, what it takes and which values make sense; the kernel of
the same name in core (rules, adam, tuning or around) does the work. The state of a run
is made by `init` and belongs to that run alone, so one optimizer may serve any number at once.
"""

# In the order of the course, and of every list that the registry gives.
# isort: off
from fastgd.optimizers.base import (
    PERSISTENCE, RATES, LogUniform, Optimizer, PythonRule, Rates, by_name, registry,
)  # fmt: skip
from fastgd.optimizers.descent import *
from fastgd.optimizers.adaptive import *
from fastgd.optimizers.signs import *
from fastgd.optimizers.relatives import *
from fastgd.optimizers.memories import *
from fastgd.optimizers.tuning import *
from fastgd.optimizers.around import *
from fastgd.optimizers.reduced import *
from fastgd.optimizers.searching import *
# isort: on

__all__ = [
    "ADOPT", "AMSBound", "AMSGrad", "AdEMAMix", "AdaBelief", "AdaBound", "AdaGrad", "Adadelta",
    "Adam", "AdamW", "Adamax", "Adan", "Armijo", "BarzilaiBorwein", "Cautious", "CoupledDecay",
    "DoG", "DoWG", "ExponentialAverage", "LAMB", "Lion", "Lookahead", "Momentum", "NAdam", "NadamW",
    "Nesterov", "Optimizer", "PolyakAverage", "PolyakStep", "Prodigy", "QHM", "RAdam", "RMSProp",
    "Rprop", "SAGA", "SGD", "SVRG", "ScheduleFreeAdamW", "ScheduleFreeSGD", "Signum", "Yogi",
]  # fmt: skip
