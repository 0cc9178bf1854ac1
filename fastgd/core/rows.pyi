from typing import Any

class Rows:
    n_rows: int
    n_columns: int
    source: Any
    block_rows: int

class DenseRows(Rows):
    def __init__(self, X: Any) -> None: ...

def first_not_finite(X: Any) -> tuple[int, int] | None: ...
