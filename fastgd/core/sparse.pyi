from typing import Any

from .rows import Rows

class SparseRows(Rows):
    def __init__(self, X: Any) -> None: ...
