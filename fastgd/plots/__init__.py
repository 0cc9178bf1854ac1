"""Pictures of results: of runs, of paths, of networks, of comparisons.

All take the axes to draw on, or make a figure of their own, and return the axes. matplotlib is
asked for when something is drawn, in `style` alone.
"""

from fastgd.plots.landscape import *
from fastgd.plots.networks import *
from fastgd.plots.runs import *
from fastgd.plots.studies import *
from fastgd.plots.style import save
