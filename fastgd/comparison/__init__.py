"""Many optimizers, one tuning budget, many seeds; and the learning-rate range test."""

from fastgd.comparison.entrants import as_optimizer
from fastgd.comparison.rates import *
from fastgd.comparison.results import *
from fastgd.comparison.results import COLUMNS
from fastgd.comparison.study import *
from fastgd.comparison.study import FIFTEEN, FOUR

__all__ = ["Comparison", "RateRange", "compare", "lr_range_test"]
