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
        loss: Any,
        scale: float,
        penalty: Any = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> None: ...
    def margins(self, theta: NDArray[np.float64], X: Any) -> NDArray[np.float64]: ...
