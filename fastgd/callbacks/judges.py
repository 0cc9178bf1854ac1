"""Callbacks that judge a run: how near it is for certain, whether it still learns, and the rate."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.callbacks.base import Progress, Rescale, Stop
from fastgd.checks import as_count, as_penalty
from fastgd.views import view

__all__ = ["EarlyStopping", "ReduceOnPlateau", "Suboptimality"]


class Suboptimality:
    """Stops, converged, at the first record where F(θ) - F* <= tol is proven.

    Parameters
    ----------
    tol : float, above 0

    Attributes
    ----------
    gap : float
        The bound at the last record: see `theory.gap_bound`.

    Raises
    ------
    TypeError, ValueError
        A tolerance that is not a finite number above 0; in a run, before its first step, an
        objective of which nothing is known that would bound F*.

    Notes
    -----
    A record costs about two more passes over the data. What proves it: strong convexity, by the
    gradient; else the duality gap of a linear model.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01)
    >>> r = gd.minimize(f, gd.SAGA(), batch_size=1, epochs=1000, seed=0,
    ...                 callbacks=[gd.callbacks.Suboptimality(1e-6)])
    >>> r.converged, r.loss - gd.theory.optimum(f).loss <= 1e-6
    (True, True)
    """

    def __init__(self, tol: float) -> None:
        if not as_penalty("Suboptimality: tol", tol):
            raise ValueError(f"Suboptimality: tol must be above 0, not {tol}")
        self.tol = float(tol)
        self.gap = math.inf

    def __call__(self, progress: Progress) -> Stop | None:
        bound = view("gap_bound")
        objective = progress.objective
        if not progress.step and not view("has_gap_bound")(objective):
            raise ValueError(
                f"Suboptimality: nothing is known of {objective!r} that would bound its least value"
            )
        self.gap = bound(objective, progress.theta)
        if self.gap <= self.tol:
            why = f"F(θ) - F* is at most {self.gap:.3g} <= {self.tol:g}, proven"
            return Stop(why, converged=True)
        return None

    def __repr__(self) -> str:
        return f"Suboptimality({self.tol:g})"


class EarlyStopping:
    """Stops where the loss on other data gets no better, and gives back the best θ.

    Parameters
    ----------
    X, y : array, as for the objective
        Data held out: its mean loss, without the penalty, is taken at each record.
    patience : int, at least 1, default 5
        Records without a better loss, after which the run ends.
    tol : float, at least 0, default 0
        A loss is better where it is below the best by more than this.

    Attributes
    ----------
    losses : list of float
        That on the data held out, at each record.

    Raises
    ------
    TypeError, ValueError
        Numbers outside their range; in a run, data that are not made like those of the objective,
        or an objective that predicts nothing.

    Notes
    -----
    The result's `theta`, `loss` and `steps` are those of the best record, also where the run took
    all its steps; `resume` goes on from the last. Each run begins anew.

    Examples
    --------
    >>> data = gd.datasets.load("breast-cancer")
    >>> train, test = data.split(0.3, seed=0)
    >>> net = gd.NeuralNetwork(train.X, train.y, hidden=(16,))
    >>> look = gd.callbacks.EarlyStopping(test.X, test.y, patience=3)
    >>> r = gd.minimize(net, gd.Adam(0.01), batch_size=8, epochs=200, seed=0, callbacks=[look])
    >>> r.steps < 200 * 50, min(look.losses) == look.losses[len(look.losses) - 4]
    (True, True)
    """

    def __init__(self, X: Any, y: Any, patience: int = 5, tol: float = 0.0) -> None:
        self.X, self.y = X, np.asarray(y)
        self.patience = as_count("EarlyStopping: patience", patience)
        self.tol = as_penalty("EarlyStopping: tol", tol)
        self._begin()

    def _begin(self) -> None:
        self.losses: list[float] = []
        self._best: tuple[int, float, NDArray[np.float64]] | None = None
        self._least, self._since = math.inf, 0

    def __call__(self, progress: Progress) -> Stop | None:
        if not progress.step:
            self._begin()
        objective, theta = progress.objective, progress.theta
        if not hasattr(objective, "margins"):
            raise ValueError(f"EarlyStopping: {objective!r} predicts nothing of other data")
        loss = float(np.mean(objective.loss.values(objective.margins(theta, self.X), self.y)))
        self.losses.append(loss)
        self._since += 1
        if loss < self._least - self.tol or self._best is None:
            self._least, self._since = loss, 0
            self._best = progress.step, progress.loss, theta
        if self._since < self.patience:
            return None
        return Stop(
            f"no better on other data for {self.patience} records: the best, {self._least:.6g}, "
            f"was at step {self._best[0]}"
        )

    def best(self) -> tuple[int, float, NDArray[np.float64]] | None:
        """(step, loss, θ) of the record that was best on the data held out; None before any."""
        return self._best

    def save(self) -> dict[str, Any]:
        """What it remembers, for a checkpoint."""
        step, loss, theta = self._best or (-1, math.nan, np.empty(0))
        return {
            "losses": np.array(self.losses), "step": step, "loss": loss, "theta": theta,
            "least": self._least, "since": self._since,
        }  # fmt: skip

    def load(self, saved: dict[str, Any]) -> None:
        """Take back what `save` returned."""
        self.losses = [float(loss) for loss in saved["losses"]]
        self._least, self._since = float(saved["least"]), int(saved["since"])
        best = int(saved["step"]), float(saved["loss"]), np.array(saved["theta"])
        self._best = best if best[0] >= 0 else None

    def __repr__(self) -> str:
        return f"EarlyStopping({len(self.y)} observations, patience={self.patience})"


class ReduceOnPlateau:
    """Multiplies the rate by a factor where the recorded loss has stopped falling.

    Parameters
    ----------
    factor : float in ]0, 1[, default 0.5
    patience : int, at least 1, default 5
        Records without a better loss, after which the rate is reduced.
    tol : float, at least 0, default 1e-4
        A loss is better where it is below the best by more than this part of it.
    smallest : float, at least 0, default 0
        The product of all factors is not made less than this.

    Attributes
    ----------
    scale : float
        The product of the factors so far.

    Raises
    ------
    TypeError, ValueError
        Numbers outside their range.

    Notes
    -----
    The rate that it multiplies is that of the optimizer, a schedule's too; what was taken stands in
    the history's column lr. It looks at the loss over all the data, so at each record. Each run
    begins anew. With `factor` and `patience` of torch's ReduceLROnPlateau the reductions come one
    record earlier: there `patience` counts those that are forgiven.

    Examples
    --------
    >>> X, y = gd.datasets.load("breast-cancer")
    >>> f = gd.LogisticRegression(X, y, l2=0.01)
    >>> run = {"batch_size": 1, "epochs": 60, "seed": 0}
    >>> plain = gd.minimize(f, gd.SGD(0.3), **run)
    >>> r = gd.minimize(f, gd.SGD(0.3), callbacks=[gd.callbacks.ReduceOnPlateau()], **run)
    >>> bool(r.loss < plain.loss), bool(r.history["lr"][-1] < 0.3)
    (True, True)
    """

    def __init__(
        self, factor: float = 0.5, patience: int = 5, tol: float = 1e-4, smallest: float = 0.0
    ) -> None:
        if not (isinstance(factor, (int, float)) and 0 < factor < 1):
            raise ValueError(f"ReduceOnPlateau: factor must be in ]0, 1[, not {factor!r}")
        self.factor = float(factor)
        self.patience = as_count("ReduceOnPlateau: patience", patience)
        self.tol = as_penalty("ReduceOnPlateau: tol", tol)
        self.smallest = as_penalty("ReduceOnPlateau: smallest", smallest)
        self._begin()

    def _begin(self) -> None:
        self.scale, self._least, self._since = 1.0, math.inf, 0

    def __call__(self, progress: Progress) -> Rescale | None:
        if not progress.step:
            self._begin()
        self._since += 1
        if progress.loss < self._least - self.tol * abs(self._least) or self._least == math.inf:
            self._least, self._since = progress.loss, 0
        if self._since < self.patience or self.scale <= self.smallest:
            return None
        self._since = 0
        before, self.scale = self.scale, max(self.scale * self.factor, self.smallest)
        return Rescale(self.scale / before)

    def save(self) -> dict[str, Any]:
        """What it remembers, for a checkpoint."""
        return {"scale": self.scale, "least": self._least, "since": self._since}

    def load(self, saved: dict[str, Any]) -> None:
        """Take back what `save` returned."""
        self.scale, self._least = float(saved["scale"]), float(saved["least"])
        self._since = int(saved["since"])

    def __repr__(self) -> str:
        return f"ReduceOnPlateau({self.factor:g}, patience={self.patience})"
