"""The pictures of the course by their numbers, each drawn by a function of its own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastgd import descent

# A picture of a run that somebody has interrupted would be wrong.
minimize = partial(descent.minimize, on_interrupt="raise")

GALLERY: dict[int, tuple[str, str, Callable[[], Any]]] = {}
"""Of each number: the name of its files, its caption, and what draws it."""

TITLES: dict[int, str] = {}


def picture(
    number: int, name: str, title: str, caption: str
) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Enters the function below it, which draws a figure and returns it."""

    def register(draw: Callable[[], Any]) -> Callable[[], Any]:
        GALLERY[number] = name, caption, draw
        TITLES[number] = title
        return draw

    return register
