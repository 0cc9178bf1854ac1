"""What a run recorded, and how it is shown: History and Result."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd.objectives import Objective
from fastgd.optimizers import Optimizer

if TYPE_CHECKING:
    from fastgd.theory import Certificate

__all__ = ["History", "Result"]


class History(Mapping[str, NDArray[Any]]):
    """The records of a run, column by column: ``history["loss"]`` is an array, one entry a record.

    Columns: step (the number of steps taken, int64), loss, grad_norm, lr (of the step taken last)
    and time (seconds since the start).

    Examples
    --------
    >>> f = gd.Quadratic(np.eye(1))
    >>> gd.minimize(f, gd.SGD(lr=0.5), theta0=[1.0], steps=2, record_every=1).history["loss"]
    array([0.5    , 0.125  , 0.03125])
    """

    columns = ("step", "loss", "grad_norm", "lr", "time")

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []

    def append(self, *row: float) -> None:
        """Add one record: a value for each column."""
        self._rows.append(row)

    def __getitem__(self, column: str) -> NDArray[Any]:
        if column not in self.columns:
            raise KeyError(f"{column!r}: the columns are {', '.join(self.columns)}")
        place = self.columns.index(column)
        dtype = np.int64 if column == "step" else np.float64
        return np.array([row[place] for row in self._rows], dtype=dtype)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __repr__(self) -> str:
        return f"<History of {len(self._rows)} records: {', '.join(self.columns)}>"


@dataclass(frozen=True)
class Setting:
    """What a run was asked to do."""

    batch_size: int | None
    sampling: str
    steps: int
    seed: Any
    theta0: NDArray[np.float64]


@dataclass
class Result:
    """What `minimize` returns.

    Attributes
    ----------
    theta : (n_params,) float64
        The parameters after `steps` steps; always finite.
    loss : float
        L(θ) over the whole data, computed when first asked for if the run did not record it.
    steps : int
        Steps taken.
    converged : bool
        Whether a stop rule found what it was waiting for.
    diverged : bool
        Whether θ or the loss left the finite numbers; `theta` is the last finite one.
    message : str
        Why the run ended.
    history : History
    objective, optimizer, setting
        What was run.
    """

    theta: NDArray[np.float64]
    steps: int
    converged: bool
    diverged: bool
    message: str
    history: History
    objective: Objective = field(repr=False)
    optimizer: Optimizer
    setting: Setting = field(repr=False)
    _loss: float | None = field(default=None, repr=False)

    @property
    def loss(self) -> float:
        if self._loss is None:
            self._loss = self.objective.value(self.theta)
            if not math.isfinite(self._loss) and not self.diverged:
                self.converged, self.diverged = False, True
                self.message = f"diverged by step {self.steps}: the loss is {self._loss}"
        return self._loss

    def certificate(self, optimum: Any = None, replay: bool | None = None) -> "Certificate":
        """Every theorem beside this run: see `theory.certificate`."""
        from fastgd import theory

        return theory.certificate(self, optimum, replay)

    def plot(self, ax: Any = None) -> Any:
        """Draws the recorded losses; needs ``pip install "fastgd[plot]"``.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default. Several runs may share one.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            matplotlib is missing.
        """
        from fastgd import figures

        return figures.plot_result(self, ax)

    def _repr_html_(self) -> str:
        """The table that a notebook shows, with the recorded losses as a small curve."""
        from html import escape

        rows = {
            "optimizer": repr(self.optimizer),
            "objective": repr(self.objective),
            "loss": "not asked for" if self._loss is None else f"{self._loss:.6g}",
            "steps": str(self.steps),
            "converged": "yes" if self.converged else "no",
            "message": self.message,
        }
        cells = [f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in rows.items()]
        line = _sparkline(self.history["loss"])
        if line:
            cells.insert(3, f"<tr><th>recorded losses</th><td>{line}</td></tr>")
        return f"<table>{''.join(cells)}</table>"

    def __repr__(self) -> str:
        loss = "not asked for" if self._loss is None else f"{self._loss:.6g}"
        lines = [
            f"{type(self.optimizer).__name__} on {self.objective!r}",
            f"  loss       {loss}",
            f"  steps      {self.steps}",
            f"  converged  {'yes' if self.converged else 'no'}",
            f"  message    {self.message}",
        ]
        return "\n".join(lines)


def _sparkline(values: NDArray[np.float64], width: int = 180, height: int = 32) -> str:
    """A curve as inline SVG, logarithmic where it can be; empty for fewer than two points."""
    places = np.flatnonzero(np.isfinite(values))
    if len(places) < 2:
        return ""
    if len(places) > width:
        places = places[np.linspace(0, len(places) - 1, width).astype(np.int64)]
    values = values[places]
    if values.min() > 0:
        values = np.log(values)
    span = float(values.max() - values.min()) or 1.0
    x = 2 + (width - 4) * (places - places[0]) / (places[-1] - places[0])
    y = 2 + (height - 4) * (values.max() - values) / span
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="recorded losses">'
        f'<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="1.5"/></svg>'
    )
