"""How a momentum moves."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from fastgd.schedules.base import Schedule, Steps, Values

__all__ = ["nesterov"]


@dataclass(frozen=True)
class nesterov(Schedule):
    r"""The momentum of Nesterov's accelerated gradient; not a learning rate.

    .. math:: y_0 = 0, \quad y_{t+1} = \frac{1 + \sqrt{1 + 4 y_t^2}}{2}, \quad
              γ_t = \frac{y_t - 1}{y_{t+1}}

    So :math:`γ_0 = -1`, which is harmless since :math:`θ_{-1} = θ_0`; then 0, and up towards 1
    about as :math:`1 - 3/t`.

    Notes
    -----
    Any step costs O(1) time and memory. Up to step 1024 the recurrence itself is tabulated. Beyond,
    :math:`A(y) = 2y - \tfrac12 \ln y - 1/(192 y^2)`, which the recurrence raises by 1 up to
    :math:`O(y^{-4})`, is solved for y. The error of γ stays below 1e-15.

    References
    ----------
    Nesterov 1983, A method of solving a convex programming problem with convergence rate O(1/k²);
    Bubeck 2015, Convex optimization: algorithms and complexity, section 3.7.2.

    Examples
    --------
    >>> gd.schedules.nesterov()(np.arange(4), 4).round(3)
    array([-1.   ,  0.   ,  0.282,  0.434])
    """

    robbins_monro = False  # γ rises to 1

    def values(self, t: Steps, total: int | None) -> Values:
        table = _nesterov_table()
        last = len(table) - 1
        y = table[np.minimum(t, last)]
        beyond = t > last
        if beyond.any():
            y[beyond] = _nesterov_beyond(table[last], (t[beyond] - last).astype(np.float64))
        values: Values = (y - 1.0) / _nesterov_next(y)
        return values


def _nesterov_next(y: Any) -> Any:
    return 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * y * y))


@cache
def _nesterov_table() -> Values:
    table = np.zeros(1025)
    for t in range(1024):
        table[t + 1] = _nesterov_next(table[t])
    return table


def _nesterov_beyond(y: float, ahead: Values) -> Values:
    """y_{t+ahead} from y_t. An error e of y moves γ by 1.5 e/y² only, so few terms are enough."""
    target = 2.0 * y - 0.5 * np.log(y) - 1.0 / (192.0 * y * y) + ahead
    later: Values = 0.5 * target
    for _ in range(5):  # each round shrinks the error by 4y > 2000
        later = 0.5 * (target + 0.5 * np.log(later) + 1.0 / (192.0 * later * later))
    return later
