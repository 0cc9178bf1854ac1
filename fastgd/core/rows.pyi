from typing import Any

class Rows:
    n_rows: int
    n_columns: int
    source: Any
    block_rows: int
    sparse: bool

class DenseRows(Rows):
    def __init__(self, X: Any) -> None: ...

class ByteRows(Rows):
    def __init__(self, X: Any) -> None: ...

class SparseRows(Rows):
    def __init__(self, X: Any) -> None: ...

def check_sparse(columns: Any, starts: Any, n_columns: int) -> str | None: ...
def first_not_finite(X: Any) -> int | None: ...
