from typing import Any

from numpy.typing import NDArray

CPU: int

def as_numpy(given: Any, name: str) -> NDArray[Any]: ...
