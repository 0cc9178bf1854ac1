"""One run on many machines: every rank holds rows of its own, and all take the same steps.

A batch is drawn from the seed on every rank alike; each sums its own rows of it, the sums meet, and
everyone goes on with the same θ.
"""

from fastgd.distributed.ranks import *
from fastgd.distributed.rows import *
from fastgd.distributed.whole import *
