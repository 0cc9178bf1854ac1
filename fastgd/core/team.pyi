from collections.abc import Sequence

from fastgd.core.objective import Objective

class Team:
    leader: Objective
    helpers: list[Objective]
    def __init__(self, leader: Objective, helpers: Sequence[Objective] = ()) -> None: ...
    def help(self, i: int) -> None: ...
    def dismiss(self) -> None: ...
