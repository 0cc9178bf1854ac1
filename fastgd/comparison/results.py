"""What a comparison has found: its rows, and what they add up to."""

import csv
import io
import math
from dataclasses import asdict, dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import notebook, plots
from fastgd.comparison import claims, ranking
from fastgd.comparison.ranking import gain, quartiles
from fastgd.comparison.trials import COLUMNS, Record
from fastgd.files import as_path, replace_text

__all__ = ["Comparison"]

Values = NDArray[np.float64]


@dataclass(repr=False)
class Comparison:
    r"""What `compare` returns.

    A gain is one thing everywhere: the percent of the median test loss of an optimizer as it comes,
    with its default settings under the first schedule, that something else saves,

    .. math:: 100 \, (L_{default} - L_{after}) / |L_{default}|.

    100 where only the default diverged, -inf where only the other did.

    Attributes
    ----------
    rows : list of dict
        One for each run: problem, optimizer, schedule; draw of the tuning; kind ("trial", "tuned"
        or "default") and its number; lr (the highest of its schedule), validation and test loss
        (inf: diverged), setting, message.
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
        """Median and quartiles of the test loss, tuned and as it comes, for each schedule.

        Returns
        -------
        list of dict
            problem, optimizer, schedule; tuned (under that schedule) and default (under the first),
            each (lower quartile, median, upper quartile); gain, in percent, nan where neither is
            finite; diverged: the part of the trials that did.
        """
        tuned, default = self.losses("tuned"), self._as_it_comes
        found = []
        for group, trials in self.losses("trial").items():
            if group in tuned and group[:2] in default:
                found.append(self._line(group, tuned[group], default[group[:2]], trials))
        return found

    def overview(self) -> list[Record]:
        """The same for each problem and optimizer, tuned under the schedule that each draw chose.

        Returns
        -------
        list of dict
            As of `summary`; the schedule is the one that most draws chose; gain_interval: 95 %, by
            resampling the runs; rank: the mean over the draws, by which they are ordered, problem
            by problem; behind: whether it is behind the best by more than the noise.
        """
        chosen, default, trials = self._chosen, self._as_it_comes, self.losses("trial")
        found = []
        for problem, of in self.chosen().items():
            test = ranking.over_blocks(self.by_draw("tuned")[problem])
            standing, behind = test.means, test.ahead_of
            for optimizer in standing:
                if (problem, optimizer) in default:
                    names = list(chosen[problem, optimizer].values())
                    schedule = max(dict.fromkeys(names), key=names.count)
                    tried = [v for g, v in trials.items() if g[:2] == (problem, optimizer)]
                    row = self._line(
                        (problem, optimizer, schedule), of[optimizer],
                        default[problem, optimizer], np.concatenate(tried),
                    )  # fmt: skip
                    low, high = claims.gain_interval(default[problem, optimizer], of[optimizer])
                    found.append({
                        **row, "gain_interval": (low, high), "rank": standing[optimizer],
                        "behind": optimizer in behind,
                    })  # fmt: skip
        return found

    def _line(
        self, group: tuple[str, ...], tuned: Values, default: Values, trials: Values
    ) -> Record:
        row: Record = dict(zip(COLUMNS, group, strict=False))
        row["tuned"], row["default"] = quartiles(tuned), quartiles(default)
        row["gain"] = gain(row["default"][1], row["tuned"][1])
        row["diverged"] = float(np.mean(~np.isfinite(trials)))
        return row

    @cached_property
    def _as_it_comes(self) -> dict[tuple[str, str], Values]:
        """Test losses of the default settings under the first schedule."""
        found: dict[tuple[str, str], Values] = {}
        for (problem, optimizer, _), values in self.losses("default").items():
            found.setdefault((problem, optimizer), values)
        return found

    @cached_property
    def _chosen(self) -> dict[tuple[str, str], dict[int, str]]:
        """For each problem and optimizer, and each draw: the schedule of the least validation loss
        of its trials."""
        best: dict[tuple[str, str], dict[int, tuple[float, int, str]]] = {}
        tuned = set(self.losses("tuned"))
        order = {name: i for i, name in enumerate(dict.fromkeys(r["schedule"] for r in self.rows))}
        for row in self.rows:
            name = row["schedule"]
            if row["kind"] == "trial" and (row["problem"], row["optimizer"], name) in tuned:
                offers = best.setdefault((row["problem"], row["optimizer"]), {})
                offer = row["validation"], order[name], name
                draw = row.get("draw", 0)
                offers[draw] = min(offers.get(draw, offer), offer)
        return {
            group: {draw: offer[-1] for draw, offer in sorted(offers.items())}
            for group, offers in best.items()
        }

    def _of_chosen(self, kind: str, column: str) -> dict[tuple[str, str], dict[int, list[float]]]:
        """Losses of one kind of run, draw by draw, under the schedule that the draw chose; of
        default settings under the first."""
        chosen = self._chosen
        found: dict[tuple[str, str], dict[int, list[float]]] = {}
        first = next((row["schedule"] for row in self.rows), "")
        for row in self.rows:
            group, draw = (row["problem"], row["optimizer"]), row.get("draw", 0)
            if row["kind"] == kind and draw in chosen.get(group, ()):
                if row["schedule"] == (chosen[group][draw] if kind == "tuned" else first):
                    draws = found.setdefault(group, {draw: [] for draw in chosen[group]})
                    draws[draw].append(row[column])
        return found

    def chosen(self) -> dict[str, dict[str, Values]]:
        """For each problem and optimizer the tuned test losses, each draw's under the schedule of
        its least validation loss of any trial."""
        found: dict[str, dict[str, Values]] = {}
        for (problem, optimizer), draws in self._of_chosen("tuned", "test").items():
            losses = [loss for of in draws.values() for loss in of]
            found.setdefault(problem, {})[optimizer] = np.array(losses)
        return found

    def by_draw(self, kind: str = "tuned", column: str = "test") -> dict[str, dict[str, Values]]:
        """For each problem and optimizer the median loss of each draw of the tuning, or every run
        where there was one draw.

        Of kind "tuned", under the schedule that the draw chose; of "default", under the first.
        """
        found: dict[str, dict[str, Values]] = {}
        for (problem, optimizer), draws in self._of_chosen(kind, column).items():
            runs = list(draws.values())
            losses = runs[0] if len(runs) == 1 else [quartiles(np.array(r))[1] for r in runs if r]
            found.setdefault(problem, {})[optimizer] = np.array(losses)
        return found

    def pools(self) -> dict[str, dict[str, list[tuple[Values, Values]]]]:
        """For each problem and optimizer, and each draw: validation and test losses of its trials
        under all schedules; the first are those of the default settings under the first."""
        found: dict[str, dict[str, dict[int, list[tuple[float, float]]]]] = {}
        for row in self.rows:
            if row["kind"] == "trial":
                draws = found.setdefault(row["problem"], {}).setdefault(row["optimizer"], {})
                draws.setdefault(row.get("draw", 0), []).append((row["validation"], row["test"]))
        return {
            problem: {
                optimizer: [tuple(np.array(pool).T) for pool in draws.values()]
                for optimizer, draws in of.items()
            }
            for problem, of in found.items()
        }

    def gains(self, problem: str) -> tuple[list[str], Values]:
        """The gain of going from each optimizer as it comes (rows) to each tuned one (columns)."""
        tuned = self.chosen().get(problem, {})
        if not tuned:
            raise ValueError(f"there is no tuned run on a problem {problem!r}")
        default = self._as_it_comes
        names = [name for name in tuned if (problem, name) in default]
        before = [quartiles(default[problem, name])[1] for name in names]
        after = [quartiles(tuned[name])[1] for name in names]
        found = np.array([[gain(one, other) for other in after] for one in before])
        return names, found.reshape(len(names), len(names))

    def ranks(self) -> dict[str, dict[str, float]]:
        """The rank of each optimizer's median tuned test loss on each problem; 1 is best, and
        ties share their mean."""
        return ranking.ranks(self.chosen())

    def critical_difference(self) -> tuple[dict[str, float], float]:
        """Mean ranks over the problems, best first, and how far two must lie apart at 5 %.

        The difference is Nemenyi's, q sqrt(k (k + 1)/(6 N)) for k optimizers on N problems; nan for
        a single optimizer. It counts where `friedman` is below 0.05.

        References
        ----------
        Demšar 2006, Statistical Comparisons of Classifiers over Multiple Data Sets.
        """
        test = ranking.over_problems(self.chosen())
        return test.means, test.difference

    def friedman(self) -> float:
        """The p-value of Friedman's test that all optimizers have the same rank on any problem."""
        return ranking.over_problems(self.chosen()).p_value

    def findings(self) -> list[claims.Finding]:
        """The findings of Schmidt, Schneider and Hennig 2021, as they are here.

        Whether Adam is among the best on most problems, whether there is a clear winner, whether a
        newer rule is ahead of Adam, and whether tuning helps about as much as choosing; each with
        the numbers that say so, and intervals of 95 % by resampling the draws of the tuning. They
        are of these problems. Empty where there are fewer than five draws.
        """
        return claims.findings(self)

    def standings(self) -> dict[str, dict[str, claims.Estimate]]:
        """Over all problems, for each optimizer, best first: its mean rank, and the number of
        problems on which it is in the best third; with intervals as in `findings`."""
        blocks = claims.Blocks(self)
        return claims.standings(blocks) if blocks.enough else {}

    def budgets(self) -> list[dict[str, Any]]:
        """What smaller budgets of tuning would have come to, out of the trials that were run.

        A budget of 1 is an optimizer as it comes; one of b tries b - 1 settings at random beside,
        under any of the schedules, and keeps the run of least validation loss.

        Returns
        -------
        list of dict
            budget; gain from tuning, in percent, the median over optimizers and draws and the mean
            over problems; ranks: the mean rank of each optimizer. With intervals, as in `findings`.
        """
        return claims.budgets(self)

    def verdict(self) -> str:
        """In plain words, for each problem and for all: does anything exceed the noise?

        On a problem: Friedman's test over the draws of the tuning, which are blocks of the same
        split and the same batches for all, and after it a test of all pairs of mean ranks (Tukey's)
        at 5 %. Over all problems: Friedman's and Nemenyi's. A sentence names nobody but a winner,
        so that another seed gives the same; who is behind, and by how much, is in `overview` and
        `standings`.
        """
        found = self.by_draw()
        sentences = [f"{name}: {ranking.on_one(losses)}." for name, losses in found.items()]
        test = ranking.over_problems(self.chosen())
        if len(found) > 1 and len(test.means) > 1:
            sentences.append(f"{ranking.over_all(test, len(found))}.")
        if any(len(draws) == 1 for draws in self._chosen.values()):
            sentences.append(
                "With one draw of the tuning, only the noise of the runs is seen, not that of "
                "tuning nor of the split."
            )
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
            "friedman": self.friedman(),
            "findings": [asdict(one) for one in self.findings()],
            "standings": {
                name: {what: asdict(one) for what, one in of.items()}
                for name, of in self.standings().items()
            },
            "budgets": [
                {
                    "budget": row["budget"],
                    "gain": asdict(row["gain"]),
                    "ranks": {name: asdict(one) for name, one in row["ranks"].items()},
                }
                for row in self.budgets()
            ],
            "overview": self.overview(),
            "summary": self.summary(),
            "rows": self.rows,
        }
        plain: dict[str, Any] = _plain(found)
        return plain

    def _repr_html_(self) -> str:
        """The summary as a notebook shows it, the best of each problem first."""
        problems = list(dict.fromkeys(row["problem"] for row in self.rows))
        rows = [
            (row["problem"], row["optimizer"], row["schedule"], row["tuned"][1], row["default"][1],
             row["gain"])
            for row in sorted(
                self.summary(), key=lambda row: (problems.index(row["problem"]), row["tuned"][1])
            )
        ]  # fmt: skip
        header = ["problem", "optimizer", "schedule", "tuned", "default", "gain, %"]
        verdict = "<br>".join(escape(line) for line in self.verdict().splitlines())
        return f"{notebook.table(header, rows)}<p>{verdict}</p>"

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
