"""What a comparison has found: its rows, and what they add up to."""

import csv
import io
import math
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import notebook, plots
from fastgd.comparison import ranking
from fastgd.comparison.ranking import gain, quartiles
from fastgd.files import as_path, replace_text

__all__ = ["Comparison"]

Record = dict[str, Any]
COLUMNS = (
    "problem", "optimizer", "schedule", "kind", "number", "lr", "validation", "test", "setting",
    "message",
)  # fmt: skip


@dataclass
class Comparison:
    """What `compare` returns.

    Attributes
    ----------
    rows : list of dict
        One for each run: problem, optimizer, schedule; kind ("trial", "tuned" or "default") and its
        number; lr (of step 0), validation and test loss (inf: diverged), setting, message.
    complete : bool
        Whether no trial is missing, after Ctrl-C.
    """

    rows: list[Record]
    complete: bool = True

    @property
    def table(self) -> dict[str, NDArray[Any]]:
        """The rows as a tidy table: one array for each column."""
        return {name: np.array([row[name] for row in self.rows]) for name in COLUMNS}

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame; pandas must be installed."""
        import pandas

        return pandas.DataFrame(self.table)

    def to_polars(self) -> Any:
        """The table as a polars DataFrame; polars must be installed."""
        import polars

        return polars.DataFrame(self.table)

    def to_csv(self, path: str | Path) -> None:
        """Writes the table; losses of runs that diverged are ``inf``."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        replace_text(as_path(path), text.getvalue())

    def losses(self, kind: str, column: str = "test") -> dict[tuple[str, str, str], Any]:
        """The losses of one kind of run, for each (problem, optimizer, schedule)."""
        found: dict[tuple[str, str, str], list[float]] = {}
        for row in self.rows:
            if row["kind"] == kind:
                group = row["problem"], row["optimizer"], row["schedule"]
                found.setdefault(group, []).append(row[column])
        return {group: np.array(values) for group, values in found.items()}

    def summary(self) -> list[Record]:
        """Median and quartiles of the test loss, tuned and by default, and the gain from tuning.

        Returns
        -------
        list of dict
            problem, optimizer, schedule; tuned and default, each (lower quartile, median, upper
            quartile); gain: default median minus tuned median, above 0 where tuning helped, nan
            where neither is finite; percent: the same in percent of the default median, as `gains`
            and every page and picture give it; diverged: the part of the trials that did.
        """
        tuned, default = self.losses("tuned"), self.losses("default")
        found = []
        for group, trials in self.losses("trial").items():
            if group not in tuned or group not in default:
                continue
            row: Record = dict(zip(COLUMNS, group, strict=False))
            row["tuned"], row["default"] = quartiles(tuned[group]), quartiles(default[group])
            ends = row["default"][1], row["tuned"][1]
            row["gain"] = ends[0] - ends[1] if any(map(math.isfinite, ends)) else math.nan
            row["percent"] = gain(*ends)
            row["diverged"] = float(np.mean(~np.isfinite(trials)))
            found.append(row)
        return found

    def chosen(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """For each problem and optimizer the tuned test losses, under the schedule of the least
        validation loss of any trial."""
        tuned = self.losses("tuned")
        best: dict[tuple[str, str], tuple[float, str]] = {}
        for (problem, optimizer, schedule), values in self.losses("trial", "validation").items():
            if (problem, optimizer, schedule) in tuned:
                offer = float(values.min()), schedule
                best[problem, optimizer] = min(best.get((problem, optimizer), offer), offer)
        found: dict[str, dict[str, NDArray[np.float64]]] = {}
        for (problem, optimizer), (_, schedule) in best.items():
            found.setdefault(problem, {})[optimizer] = tuned[problem, optimizer, schedule]
        return found

    def gains(self, problem: str) -> tuple[list[str], NDArray[np.float64]]:
        """Percent of the loss of each default setting (rows) that each tuned one (columns) saves.

        Of median test losses: by default under the first schedule, tuned under that of `chosen`.
        100 where only the default diverged, below -1000 where only the tuned one did, else nan.
        """
        tuned = self.chosen().get(problem, {})
        if not tuned:
            raise ValueError(f"there is no tuned run on a problem {problem!r}")
        default: dict[str, float] = {}
        for (name, optimizer, _), values in self.losses("default").items():
            if name == problem:
                default.setdefault(optimizer, quartiles(values)[1])
        names = [name for name in tuned if name in default]
        after = [quartiles(tuned[name])[1] for name in names]
        found = np.array([[gain(default[name], one) for one in after] for name in names])
        return names, found.reshape(len(names), len(names))

    def ranks(self) -> dict[str, dict[str, float]]:
        """The rank of each optimizer's median tuned test loss on each problem; 1 is best, and
        ties share their mean."""
        return ranking.ranks(self.chosen())

    def critical_difference(self) -> tuple[dict[str, float], float]:
        """Mean ranks over the problems, best first, and how far two must lie apart at 5 %.

        The difference is Nemenyi's, q sqrt(k (k + 1)/(6 N)) for k optimizers on N problems; nan for
        a single optimizer.

        References
        ----------
        Demšar 2006, Statistical Comparisons of Classifiers over Multiple Data Sets.
        """
        return ranking.critical_difference(self.chosen())

    def verdict(self) -> str:
        """In plain words, for each problem and for all: do differences exceed the seeds' noise?

        The best median is tested against each other optimizer by Mann and Whitney's test over the
        seeds, at 5 % after Holm's correction. That the best was picked by the same losses is not
        corrected for.
        """
        sentences = ranking.verdict(self.chosen())
        if not self.complete:
            sentences.append("The comparison was interrupted: trials are missing.")
        return "\n".join(sentences)

    def plot(self, axes: Any = None) -> Any:
        """Test loss with quartiles, tuned and by default: see `figures.plot_comparison`."""
        return plots.plot_comparison(self, axes)

    def plot_gain(self, problem: str, ax: Any = None) -> Any:
        """From any optimizer as it comes to any tuned one: see `figures.plot_gain`."""
        return plots.plot_gain(self, problem, ax)

    def plot_ranks(self, ax: Any = None) -> Any:
        """Mean ranks with the critical difference: see `figures.plot_ranks`."""
        return plots.plot_ranks(self, ax)

    def plot_sensitivity(self, problem: str, axes: Any = None) -> Any:
        """The trials' validation loss against lr: see `figures.plot_sensitivity`."""
        return plots.plot_sensitivity(self, problem, axes)

    def to_dict(self) -> dict[str, Any]:
        """All of it, in what JSON can hold; None for a loss that is not finite."""
        means, difference = self.critical_difference()
        found = {
            "complete": self.complete,
            "verdict": self.verdict(),
            "ranks": self.ranks(),
            "mean_ranks": means,
            "critical_difference": difference,
            "summary": self.summary(),
            "rows": self.rows,
        }
        plain: dict[str, Any] = _plain(found)
        return plain

    def _repr_html_(self) -> str:
        """The summary as a notebook shows it, the best of each problem first."""
        rows = [
            (row["problem"], row["optimizer"], row["schedule"], row["tuned"][1], row["default"][1],
             row["percent"])
            for row in self.ordered()
        ]  # fmt: skip
        header = ["problem", "optimizer", "schedule", "tuned", "default", "gain, %"]
        verdict = "<br>".join(escape(line) for line in self.verdict().splitlines())
        return f"{notebook.table(header, rows)}<p>{verdict}</p>"

    def ordered(self) -> list[Record]:
        """The summary, problem by problem, and in each by the tuned median, the best first."""
        problems = list(self.ranks())
        return sorted(
            self.summary(), key=lambda row: (problems.index(row["problem"]), row["tuned"][1])
        )

    def __repr__(self) -> str:
        lines = [f"{'problem':<24}{'optimizer':<22}{'schedule':<10}{'tuned':>11}{'default':>11}"]
        for row in self.summary():
            lines.append(
                f"{row['problem']:<24}{row['optimizer']:<22}{row['schedule']:<10}"
                f"{row['tuned'][1]:>11.4g}{row['default'][1]:>11.4g}"
            )
        return "\n".join(lines)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
