"""A page on which gradient descent is explored: one HTML file, no server, no network.

Every path on it was run by fastgd. `explore` makes it of a result, for a notebook, and the command
``fastgd explore`` of the course's functions or of data from a file.
"""

from fastgd.explorer.command import add_parser as add_parser
from fastgd.explorer.command import run as run
from fastgd.explorer.views import Explorer, course, explore, of_data

__all__ = ["Explorer", "course", "explore", "of_data"]
