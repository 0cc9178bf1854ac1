"""What a run recorded, and how it is shown: History and Result."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd import notebook
from fastgd.objectives import Objective
from fastgd.optimizers import Optimizer
from fastgd.views import view

if TYPE_CHECKING:
    from fastgd.model import Model
    from fastgd.theory import Certificate

__all__ = ["History", "Result"]


NO_RECORDS: dict[str, NDArray[Any]] = {"step": np.empty(0, dtype=np.int64)} | {
    column: np.empty(0) for column in ("loss", "grad_norm", "lr", "time")
}

# The two sides of the fluctuation-dissipation relation, where a run was asked to sum them.
SUMS = ("dissipation", "fluctuation")


class History(Mapping[str, NDArray[Any]]):
    """The records of a run, column by column: ``history["loss"]`` is an array, one entry a record.

    Columns: step (the number of steps taken, int64), loss, grad_norm, lr (of the step taken last)
    and time (seconds since the start). Of a run with ``stationarity=True`` also dissipation and
    fluctuation, the sums of both sides over all steps so far, and stationarity, what they come to
    over the later half of these steps: see `Result.stationarity`.

    Examples
    --------
    >>> f = gd.Quadratic(np.eye(1))
    >>> gd.minimize(f, gd.SGD(lr=0.5), theta0=[1.0], steps=2, record_every=1).history["loss"]
    array([0.5    , 0.125  , 0.03125])
    """

    columns: tuple[str, ...] = tuple(NO_RECORDS)

    def __init__(self, watched: bool = False) -> None:
        self._filled = 0
        self._arrays = dict(NO_RECORDS)
        if watched:
            self._arrays |= {column: np.empty(0) for column in SUMS}
            self.columns = (*NO_RECORDS, *SUMS, "stationarity")

    def append(self, *row: float) -> None:
        """Add one record: a value for each column."""
        self.extend(np.array(row, dtype=np.float64)[:, None])

    def extend(self, table: NDArray[np.float64]) -> None:
        """Add records: a row of the table for each column."""
        filled = self._filled + table.shape[1]
        if filled > len(self._arrays["step"]):
            for column, array in self._arrays.items():
                # A view that somebody holds keeps the old array.
                room = np.empty(max(filled, 2 * len(array), 8), array.dtype)
                room[: self._filled] = array[: self._filled]
                self._arrays[column] = room
        for array, values in zip(self._arrays.values(), table, strict=True):
            array[self._filled : filled] = values
        self._filled = filled

    def __getitem__(self, column: str) -> NDArray[Any]:
        if column not in self.columns:
            raise KeyError(f"{column!r}: the columns are {', '.join(self.columns)}")
        if column == "stationarity":
            return self._stationarity()
        # A view, and read-only: a callback that looks at it at each record costs nothing.
        view = self._arrays[column][: self._filled]
        view.flags.writeable = False
        return view

    def _stationarity(self) -> NDArray[np.float64]:
        # From the last record before the later half on.
        steps = self["step"]
        first = np.searchsorted(steps, steps / 2, "right") - 1
        above, below = (self[column] - self[column][first] for column in SUMS)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(above / below)

    def to_frame(self, library: str = "pandas") -> Any:
        """The records as a table; needs ``pip install "fastgd[data]"`` and the library.

        Parameters
        ----------
        library : "pandas", "polars" or "pyarrow", default "pandas"

        Returns
        -------
        DataFrame or Table

        Raises
        ------
        ImportError
            narwhals, or the library, is missing.
        """
        from fastgd.datasets import frames

        return frames.as_frame({column: self[column].copy() for column in self}, library)

    def snapshot(self) -> "History":
        """The records so far, which stay what they are when this one grows."""
        taken = object.__new__(History)
        # No entry that is filled is written again.
        taken._filled, taken._arrays = self._filled, dict(self._arrays)
        taken.columns = self.columns
        return taken

    def save(self) -> dict[str, NDArray[Any]]:
        """A copy of the columns, for `load`."""
        return {column: self[column].copy() for column in self._arrays}

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Go back to the records that `save` returned."""
        taken = {column: np.array(saved[column]) for column in self._arrays}
        filled = len(taken["step"])
        for column, array in taken.items():
            if array.shape != (filled,) or array.dtype != self._arrays[column].dtype:
                raise ValueError(f"the saved column {column!r} is none of {filled} records")
        # Never without room, which `append` doubles.
        self._arrays = {
            column: np.concatenate([array, np.empty(8, array.dtype)])
            for column, array in taken.items()
        }
        self._filled = filled

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def _repr_html_(self) -> str:
        """A few records out of all, evenly spaced, as a notebook shows them, and their curve."""
        shown = np.unique(np.linspace(0, max(self._filled - 1, 0), 10).astype(np.int64))
        places = shown[: self._filled]
        rows = [[self[column][i] for column in self.columns] for i in places]
        line = notebook.curve(self["loss"], "recorded losses")
        count = f"{len(places)} of {self._filled} records"
        return f"{notebook.table(self.columns, rows)}<p>{count} {line}</p>"

    def __repr__(self) -> str:
        return f"<History of {self._filled} records: {', '.join(self.columns)}>"


# A loss above so many times that at the start is no result, whatever the numbers are.
GROWTH = 1e15


@dataclass(frozen=True)
class Setting:
    """What a run was asked to do."""

    batch_size: int | None
    sampling: str
    steps: int
    seed: Any
    theta0: NDArray[np.float64]
    clip_norm: float | None = None
    clip_value: float | None = None
    stationarity: bool = False

    def arguments(self) -> dict[str, Any]:
        """What `minimize` takes to take the same run again, beside objective and optimizer."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


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
        Whether θ or the loss left the finite numbers, `theta` being the last finite one; or whether
        the run ended at a loss above 1e15 max(1, abs(L(θ_0))).
    interrupted : bool
        Whether Ctrl-C was heard.
    message : str
        Why the run ended.
    history : History
    objective, optimizer, setting
        What was run.
    state : dict
        Everything that a run which goes on from here depends on: for `resume`.
    rescalings : tuple of (step, factor)
        Where a callback had all later rates multiplied.
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
    interrupted: bool = False
    _state: Any = field(default_factory=dict, repr=False)
    rescalings: tuple[tuple[int, float], ...] = field(default=(), repr=False)

    @property
    def state(self) -> dict[str, Any]:
        """All that the run depends on where it stands, for `resume`."""
        # Of a run that is over it is written down when it is asked for: nothing moves any more.
        if callable(self._state):
            self._state = self._state()
        return self._state

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_state": self.state}

    def __post_init__(self) -> None:
        if self._loss is not None:
            self._judge(self._loss)

    @property
    def loss(self) -> float:
        """F(θ) over the whole data, computed when first asked for where no record has it."""
        if self._loss is None:
            self._loss = self.objective.value(self.theta)
            self._judge(self._loss)
        return self._loss

    def _judge(self, loss: float) -> None:
        # At the end only: on its way a run may climb, and come down again.
        if self.diverged:
            return
        if not math.isfinite(loss):
            self.converged, self.diverged = False, True
            self.message = f"diverged by step {self.steps}: the loss is {loss}"
        elif loss > GROWTH and not self.converged:
            known = self.history["loss"][:1]
            first = abs(known[0] if len(known) else self.objective.value(self.setting.theta0))
            if loss > GROWTH * max(1.0, first):
                self.diverged = True
                self.message = (
                    f"diverged by step {self.steps}: the loss is {loss:.3g}, at the start it was "
                    f"{first:.3g}"
                )

    @property
    def stationarity(self) -> NDArray[np.float64]:
        r"""The fluctuation-dissipation ratio at each record, of a run with ``stationarity=True``.

        .. math:: \frac{\sum_k ⟨θ_k, g_k⟩}{\sum_k \frac{1+γ_k}{2 η_k (1-δ_k)} \|θ_{k+1} - θ_k\|^2}

        over the later half of the steps so far (from the last record before it on), where g_k is
        the gradient of step k, γ the momentum (0 for SGD) and δ its dampening (γ for an average of
        the gradients). Once θ has no memory of its start both sums have the same mean, so the ratio
        tends to 1: what remains is the noise of steps of this length, and a lower rate is due. Far
        from 1 the run is still on its way. NaN before the first step.

        Raises
        ------
        AttributeError
            The run was not asked for it.

        References
        ----------
        Yaida 2019, Fluctuation-dissipation relations for stochastic gradient descent: (FDR1).

        Examples
        --------
        >>> X, y = gd.datasets.load("breast-cancer")
        >>> f = gd.LogisticRegression(X, y, l2=0.1)
        >>> r = gd.minimize(f, gd.SGD(0.2), batch_size=1, epochs=200, seed=0, stationarity=True)
        >>> r.stationarity[[1, 10, 200]].round(2)
        array([0.94, 1.  , 1.  ])
        """
        if "stationarity" not in self.history:
            raise AttributeError("the run was not watched: give minimize stationarity=True")
        ratio: NDArray[np.float64] = self.history["stationarity"]
        return ratio

    @property
    def model(self) -> "Model":
        """What is left without the data: predicts, names its coefficients, saves. See `Model`.

        Raises
        ------
        AttributeError
            The objective predicts nothing.
        """
        from fastgd.model import Model

        try:
            return Model.of(self.objective, self.theta)
        except TypeError as error:
            raise AttributeError(str(error)) from None

    def certificate(self, optimum: Any = None, replay: bool | None = None) -> "Certificate":
        """Every theorem beside this run: see `theory.certificate`."""
        made: Certificate = view("certificate")(self, optimum, replay)
        return made

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
        return view("plot_result")(self, ax)

    def explore(self, language: str = "en") -> Any:
        """A page around this run, beside those of other rules: see `fastgd.explorer.explore`.

        Needs ``pip install "fastgd[explore]"``; a notebook shows it, and ``save(path)`` writes it.

        Parameters
        ----------
        language : "en" or "fr"

        Returns
        -------
        explorer.Explorer

        Raises
        ------
        ImportError
            bokeh is missing.
        ValueError
            The run has no path to be drawn.
        """
        return view("explore")(self, language)

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
        cells = {}
        for name, text in rows.items():
            cells[name] = escape(text)
            line = notebook.curve(self.history["loss"], "recorded losses")
            if name == "loss" and line:
                cells["recorded losses"] = line
        return notebook.facts(cells)

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
