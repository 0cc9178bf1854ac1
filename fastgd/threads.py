"""The threads that share each gradient of a run."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from fastgd.core import team as teams
from fastgd.objectives import Objective

__all__ = ["team_of"]


@contextlib.contextmanager
def team_of(objective: Objective, core: Any, count: int, weights: Any) -> Iterator[Any]:
    """So many helpers of a run, each a plain thread that waits for work without the GIL.

    Each has a compiled object of its own, with the weights of the rows that are drawn.
    """
    if count < 1:
        yield None
        return
    # Of rows that are spread over ranks, the threads share those of this one.
    leader, own = getattr(core, "inner", core), getattr(objective, "local", objective)
    cores: list[Any] = [own.compiled() for _ in range(count)]
    if weights is not None:
        for one in cores:
            one.draw_with(weights)
    team = teams.Team(leader, cores)
    threads = [threading.Thread(target=team.help, args=(i,)) for i in range(count)]
    started = []
    try:
        for thread in threads:
            thread.start()
            started.append(thread)
        yield team
    finally:
        team.dismiss()
        for thread in started:
            thread.join()
