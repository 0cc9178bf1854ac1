from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.core.objective import Objective

class Activation: ...
class Identity(Activation): ...
class Relu(Activation): ...
class Tanh(Activation): ...
class Sigmoid(Activation): ...

ACTIVATIONS: dict[str, type[Activation]]

class NetworkObjective(Objective):
    def __init__(
        self,
        X: Any,
        y: NDArray[np.float64],
        sizes: Sequence[int],
        activation: str,
        loss: str,
        scale: float,
        l2: float,
    ) -> None: ...
    def margins(self, theta: NDArray[np.float64], X: Any) -> NDArray[np.float64]: ...
