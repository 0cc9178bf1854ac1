"""How a result is asked for what the rooms above it make of it: its picture, its certificate.

Imports point downwards only, and yet ``result.plot()`` ends in a room that imports this one. So a
method names what it wants, and `fastgd/__init__.py`, which knows every room, says where that is.
Nothing is imported before it is asked for.
"""

import importlib
from collections.abc import Callable
from typing import Any

__all__ = ["register", "registered", "view"]

_places: dict[str, str] = {}


def register(name: str, place: str) -> None:
    """Say where a view is made; one of the same name is replaced.

    Parameters
    ----------
    name : str
        What methods ask for, such as ``"plot_result"``.
    place : str
        ``"module:function"``. The function takes the object itself first.

    Raises
    ------
    ValueError
        The place is not of that form.
    """
    module, colon, function = place.partition(":")
    if not (module and colon and function):
        raise ValueError(f"a view is made by 'module:function', not by {place!r}")
    _places[name] = place


def registered() -> dict[str, str]:
    """Every view by name, and where it is made."""
    return dict(_places)


def view(name: str) -> Callable[..., Any]:
    """The function that makes a view.

    Parameters
    ----------
    name : str
        As it was registered.

    Returns
    -------
    callable

    Raises
    ------
    LookupError
        Nothing was registered under that name.

    Examples
    --------
    >>> from fastgd import views
    >>> views.view("plot_result").__name__
    'plot_result'
    """
    if name not in _places:
        raise LookupError(f"there is no view {name!r}, but {', '.join(sorted(_places))}")
    module, _, function = _places[name].partition(":")
    made: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return made
