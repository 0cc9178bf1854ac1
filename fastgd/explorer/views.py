"""What the explorer is asked for: the page of the course, of data, of a run of one's own."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastgd import theory
from fastgd.explorer import landscapes, page
from fastgd.history import Result

__all__ = ["Explorer", "course", "explore", "of_data"]

LANGUAGES = ("en", "fr")


class Explorer:
    """A page: shown in a notebook as it is, written to a file by `save`.

    Attributes
    ----------
    html : str
        All of it; it opens from disk and asks for nothing from any network.
    """

    def __init__(self, html: str) -> None:
        self.html = html

    def save(self, path: Any) -> Path:
        """Write the page to a file.

        Parameters
        ----------
        path : path

        Returns
        -------
        Path

        Raises
        ------
        OSError
            The file cannot be written.
        """
        place = Path(os.fspath(path))
        place.write_text(self.html, encoding="utf-8")
        return place

    def _repr_html_(self) -> str:
        return page.frame(self.html)

    def __repr__(self) -> str:
        return f"<Explorer: a page of {len(self.html) / 1e6:.1f} MB; save(path) writes it>"


def _page(lands: Sequence[landscapes.Landscape], language: str) -> Explorer:
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, not {language!r}")
    return Explorer(page.page(lands, language))


def course(language: str = "en") -> Explorer:
    """The functions of the course, each with every rule at every rate.

    Parameters
    ----------
    language : "en" or "fr"
        The one in which the page opens; it has a switch.

    Returns
    -------
    Explorer

    Raises
    ------
    ImportError
        bokeh is missing.
    """
    return _page(landscapes.classics(), language)


def of_data(
    data: Any,
    target: str | None = None,
    columns: Sequence[str] | None = None,
    positive: str | None = None,
    language: str = "en",
) -> Explorer:
    """The loss of a linear model with two weights on data of one's own.

    Parameters
    ----------
    data : str, path or Dataset
        As for `datasets.load`.
    target : str, optional
        What is to be predicted: of classes the page shows a logistic loss, of numbers least squares
        (with the mean 0 and the variance 1).
    columns : two names, optional
        By default the first two principal components of all columns.
    positive : str, optional
        Of more than two classes, the one that is told apart from all others.
    language : "en" or "fr"
        The one in which the page opens; it has a switch.

    Returns
    -------
    Explorer

    Raises
    ------
    ImportError
        bokeh is missing.
    ValueError
        Columns that are not there, or not two; more than two classes and no `positive`.
    """
    return _page([landscapes.of_data(data, target, columns, positive)], language)


def explore(result: Result, language: str = "en") -> Explorer:
    """A page around a run: its path, and those of other rules on the same function.

    Parameters
    ----------
    result : Result
        Of a run with a seed, or with full gradients. With more than two parameters the page shows
        the plane in which the run moved most.
    language : "en" or "fr"

    Returns
    -------
    Explorer
        Shown in a notebook as it is.

    Raises
    ------
    ImportError
        bokeh is missing.
    ValueError
        The run did not move, left the finite numbers, or cannot be taken again.

    Examples
    --------
    >>> from fastgd.explorer import explore
    >>> f = gd.Quadratic(np.diag([1.0, 4.0]))
    >>> r = gd.minimize(f, gd.Momentum(lr=0.2), theta0=[2.0, 1.0], steps=40)
    >>> explore(r).save("run.html").name
    'run.html'
    """
    if not isinstance(result, Result):
        raise TypeError(f"explore takes the Result of a run, not {result!r}")
    path = theory.path(result)
    spread = float(np.ptp(path, axis=0).max()) if np.isfinite(path).all() else math.inf
    if result.diverged or not 0 < spread < math.inf:
        raise ValueError(f"this run has no path to be drawn: {result.message}")
    return _page([landscapes.of_objective(result.objective, path)], language)
