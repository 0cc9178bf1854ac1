"""Local SGD: each rank takes steps of its own on its own rows, and now and then θ is averaged.

It sends one vector every H steps instead of one a step. What a rule remembers, such as a momentum,
stays with its rank. So do the tables of SAGA and SVRG, whose mean gradient alone is that of all
rows, found anew at every meeting.
"""

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.arguments import sampler_of
from fastgd.core import objective as compiled
from fastgd.distributed.ranks import Ranks
from fastgd.optimizers.reduced import Reduced

__all__: list[str] = []

Vector = NDArray[np.float64]


class LocalSteps:
    """A run's way of stepping, as a `core.solver.Solver`, with `every` steps between two averages.

    Parameters
    ----------
    objective : Objective over this rank's rows
    core : core.spread.SpreadObjective over all rows
    update : the state of the optimizer on this rank
    theta : (n_params,) float64
    ranks : Ranks
    every, total : int
        H, and the steps of the run, after the last of which the ranks meet too.
    batch_size, sampling, seed
        Of each rank; its draws are those of ``default_rng([seed, rank])``.
    """

    def __init__(
        self,
        objective: Any,
        core: Any,
        update: Any,
        theta: Vector,
        ranks: Ranks,
        every: int,
        total: int,
        batch_size: int | None,
        sampling: str,
        seed: int,
    ) -> None:
        draws = np.random.default_rng([seed, ranks.rank])
        n = objective.n_samples
        self.sampler, _ = sampler_of(batch_size, sampling, n, draws)
        self.inner = objective.solver(core.inner, update, self.sampler, theta)
        self.objective = objective
        self.core, self.ranks, self.every, self.total = core, ranks, every, total
        self.share = n / core.n_samples
        self.n_params = len(theta)
        self.update, self.team = update, None
        self.last_lr = math.nan
        self.records: list[Vector] = []
        self._met = True  # whether theta is the average
        if isinstance(update.optimizer, Reduced):
            self.inner.still = True  # the anchor of SVRG moves where the ranks meet
            self._put(theta)

    @property
    def step(self) -> int:
        return int(self.inner.step)

    @property
    def marked_step(self) -> int:
        return int(self.inner.marked_step)

    def take(
        self, lr: Vector, momentum: Vector, record_every: int = 0, total: int = -1,
        recorded: int = -1, alone: bool = False,
    ) -> bool:  # fmt: skip
        """Take ``len(lr)`` steps, average θ where that is due, and record as a Solver does."""
        done, looked = 0, False
        while True:
            step = self.step
            due = step % record_every == 0 or step == total if record_every else False
            if due and step > recorded:
                looked = True
                if not self._record(step):
                    break
            if done == len(lr):
                break
            count = min(len(lr) - done, self.every - step % self.every, self.total - step)
            self._take(lr[done : done + count], momentum[done : done + count])
            done += count
        return looked

    def _record(self, step: int) -> bool:
        """Whether the run may go on from here."""
        if not self.finite:
            return False
        loss, norm = self.evaluate()
        row = [step, loss, norm, self.last_lr, time.perf_counter()]
        self.records.append(np.array(row).reshape(5, 1))
        return step == 0 or math.isfinite(loss)

    def _take(self, lr: Vector, momentum: Vector) -> None:
        error: BaseException | None = None
        # What one rank raises, it keeps until all meet.
        end = self.step + len(lr)
        self._met = False
        try:
            self.inner.take(lr, momentum)
        except BaseException as raised:
            error = raised
        if end % self.every == 0 or end == self.total:
            self._put(self._average(error))
            self._met = True
        else:
            self._raise(error)
        self.last_lr = float(lr[-1])

    def _raise(self, error: BaseException | None) -> None:
        failed = self.ranks.blame(error) if self.ranks.gather(error is not None).any() else None
        if failed is not None:
            raise failed

    def _average(self, error: BaseException | None = None) -> Vector:
        numbers = np.append(self.share * self.inner.settled, error is not None)
        self.ranks.carrier.allreduce(numbers)
        if numbers[-1] != 0.0:
            raise self.ranks.blame(error)
        return numbers[:-1]

    def _put(self, theta: Vector) -> None:
        saved = self.inner.save()
        saved["theta"] = theta
        if "reduced" in saved:
            self._anchor(saved["reduced"], theta)
        if "late" in saved:  # θ is as it is: nothing of it is put off
            seen = saved["late"]["seen"]
            saved["late"] = {
                "factor": 1.0, "amount": 0.0, "row": -1, "threshold": 0.0,
                "seen": None if seen is None else np.zeros_like(seen),
            }  # fmt: skip
        self.inner.load(saved)

    def _anchor(self, state: dict[str, Any], theta: Vector) -> None:
        """The table of SAGA or SVRG at θ, for the rank's own rows, and the mean of all rows.

        A step then goes along ∇ℓ_i(θ) - ∇ℓ_i(θ̄) + ∇L(θ̄): it knows where all ranks want to go, so
        that steps of one's own do not lead to a minimum of one's own.
        """
        own = self.objective
        weights, K = own._row_weights, own.n_outputs
        slopes = own.loss.slopes(own.margins(theta, own.X), own.y).reshape(own.n_samples, K)
        if weights is not None:
            slopes = weights[:, None] * slopes
        state["table"] = slopes.reshape(state["table"].shape)
        means = own.gradient(theta)
        if own.l2:  # a step adds that by itself
            n_weights = K * own.n_features
            means[:n_weights] -= own.l2 * theta[:n_weights]
        means *= self.share
        self.ranks.carrier.allreduce(means)
        state["means"], state["filled"], state["factor"] = means, True, 1.0
        if "coordinates" in state:  # column by column: the weight, its mean, and no steps since
            d = own.n_features
            # Two numbers a weight, or with an l1 penalty four, of which the first two are these.
            table = np.zeros((d, K, state["coordinates"].size // (d * K)))
            table[:, :, 0] = theta[: K * d].reshape(K, d).T
            table[:, :, 1] = means[: K * d].reshape(K, d).T
            state["coordinates"], state["n_sums"] = table.reshape(-1), 0
            state["sums"] = np.zeros_like(state["sums"])

    def evaluate(self) -> tuple[float, float]:
        """Loss and norm of the gradient over all rows, at the average θ."""
        loss, gradient = self.core.evaluate(self.settled)
        return loss, compiled.norm(gradient)

    @property
    def settled(self) -> Vector:
        """The average θ: a new vector. Between two meetings all ranks must ask."""
        found: Vector = self.inner.settled if self._met else self._average()
        return found

    @property
    def finite(self) -> bool:
        """Whether no rank has a θ with an entry that is NaN or infinite; all ranks must ask."""
        return not self.ranks.gather(not self.inner.finite).any()

    def save(self) -> dict[str, Any]:
        saved: dict[str, Any] = self.inner.save()
        return saved

    def mark(self) -> None:
        self.inner.mark()
        self._met_at_mark = self._met

    def rewind(self) -> None:
        self.records.clear()
        self.inner.rewind()
        self._met = self._met_at_mark
