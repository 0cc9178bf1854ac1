"""Many optimizers, one tuning budget, many draws of it; and the learning-rate range test."""

from fastgd.comparison.entrants import FIFTEEN, FOUR, NEWER, SCHEDULES, as_optimizer
from fastgd.comparison.rates import *
from fastgd.comparison.results import *
from fastgd.comparison.study import *
from fastgd.comparison.trials import COLUMNS

__all__ = ["Comparison", "RateRange", "compare", "lr_range_test"]
