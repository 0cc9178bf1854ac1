r"""What theory guarantees of a run: β, μ, σ², the bounds of the theorems, and certificates.

Every bound is a function of plain numbers. `certificate` puts them beside what a run did, and
`expectation` beside what many runs did. Where something is unknown, the side is taken on which a
wrong answer would be against the user: a bound may come out too small here, never too large.
"""

from fastgd.theory.bounds import *
from fastgd.theory.certificates import *
from fastgd.theory.constants import *
from fastgd.theory.duality import *
from fastgd.theory.examine import *
from fastgd.theory.local_sgd import *
from fastgd.theory.minimum import *
from fastgd.theory.planning import *
from fastgd.theory.rates import *
from fastgd.theory.replay import *
