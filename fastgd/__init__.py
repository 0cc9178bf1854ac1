"""fastgd: gradient descent and all its variants, with a compiled core."""

from fastgd import callbacks, datasets, figures, objectives, optimizers, schedules
from fastgd.history import *
from fastgd.minimize import *
from fastgd.objectives import *
from fastgd.optimizers import *

__version__ = "0.1.0"
