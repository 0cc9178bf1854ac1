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

def structure(
    columns: Any, starts: Any, n_rows: int, n_columns: int, n_values: int
) -> str | None: ...
def check_csr(X: Any) -> str | None: ...
def first_not_finite(X: Any) -> int | None: ...
