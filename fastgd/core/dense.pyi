from typing import Any

from .rows import Rows

class DenseRows(Rows):
    def __init__(self, X: Any) -> None: ...

class ByteRows(Rows):
    def __init__(self, X: Any) -> None: ...
