"""The learning-rate range test."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import plots
from fastgd import schedules as moves
from fastgd.callbacks import Progress
from fastgd.checks import as_count
from fastgd.descent import minimize
from fastgd.objectives import Objective
from fastgd.optimizers import Optimizer

__all__ = ["RateRange", "lr_range_test"]


@dataclass(repr=False)
class RateRange:
    """What `lr_range_test` returns.

    Attributes
    ----------
    lr, loss : (k,) float64
        The rate of a step, and the loss over the whole data after it.
    suggestion : float
        A tenth of the rate at which the loss was least; nan if it never fell.
    """

    lr: NDArray[np.float64]
    loss: NDArray[np.float64]
    suggestion: float

    def plot(self, ax: Any = None) -> Any:
        """Loss against rate: see `figures.plot_rate_range`."""
        return plots.plot_rate_range(self, ax)

    def __repr__(self) -> str:
        lines = [f"RateRange of {len(self.lr)} rates from {self.lr[0]:.3g} to {self.lr[-1]:.3g}"]
        if np.isfinite(self.loss).any():
            least = int(np.nanargmin(self.loss))
            lines.append(f"  loss        {self.loss[0]:.6g} after the first step")
            lines.append(f"  least       {self.loss[least]:.6g}, at the rate {self.lr[least]:.3g}")
        fell = math.isfinite(self.suggestion)
        lines.append(f"  suggestion  {f'{self.suggestion:.3g}' if fell else 'none: it never fell'}")
        return "\n".join(lines)


def lr_range_test(
    objective: Objective,
    optimizer: Optimizer,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 300,
    batch_size: int | None = None,
    seed: Any = 0,
    theta0: Any = None,
) -> RateRange:
    r"""One run in which the rate grows from far too small to far too large.

    .. math:: η_t = η_{low} (η_{high}/η_{low})^{t/(T-1)}

    It ends early once the loss is four times as large as at the start or at its least.

    Parameters
    ----------
    objective : Objective
    optimizer : Optimizer
        Its own rate plays no part.
    low, high : float, above 0, default 1e-6 and 10
    steps : int, at least 2, default 300
    batch_size, seed, theta0
        As for `minimize`.

    Returns
    -------
    RateRange

    Raises
    ------
    TypeError, ValueError
        Rates that are not 0 < low < high, fewer than two steps; what `minimize` refuses.

    References
    ----------
    Smith 2017, Cyclical Learning Rates for Training Neural Networks, whose rates grow linearly.

    Examples
    --------
    >>> f = gd.Quadratic(np.diag([1.0, 10.0]), [1.0, 1.0])
    >>> bool(0.005 < gd.lr_range_test(f, gd.SGD()).suggestion < 0.2)  # 2/β = 0.2 diverges
    True
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer, not {optimizer!r}")
    if not 0.0 < low < high < math.inf:
        raise ValueError(f"low and high must be rates with 0 < low < high, not {low} and {high}")
    if as_count("steps", steps) < 2:
        raise ValueError("steps must be at least 2")

    def exploded(progress: Progress) -> str:
        known = progress.history["loss"]
        usual = max(abs(known[0]), abs(known.min()))
        return "the loss exploded" if progress.loss > 4.0 * usual else ""

    growing = moves.exponential(low, (high / low) ** (1.0 / (steps - 1)))
    result = minimize(
        objective, optimizer.with_lr(growing), theta0, batch_size=batch_size, steps=steps,
        seed=seed, record_every=max(1, steps // 300), callbacks=[exploded], on_interrupt="raise",
    )  # fmt: skip
    loss, lr = result.history["loss"], result.history["lr"]
    place = int(np.nanargmin(loss))
    return RateRange(lr[1:], loss[1:], float(lr[place]) / 10.0 if place else math.nan)
