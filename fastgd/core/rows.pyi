from typing import Any

class Rows:
    n_rows: int
    n_columns: int
    source: Any
    block_rows: int
    sparse: bool

def structure(
    columns: Any, starts: Any, n_rows: int, n_columns: int, n_values: int
) -> str | None: ...
def check_csr(X: Any) -> str | None: ...
def first_not_finite(X: Any) -> int | None: ...
