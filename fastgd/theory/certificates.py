"""What a certificate is made of, and how it is shown: Assumption, Row, Certificate."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from fastgd.theory.minimum import Optimum
from fastgd.views import view

__all__ = ["Assumption", "Certificate", "Row"]


@dataclass(frozen=True)
class Assumption:
    """One assumption of a theorem: its `state` is "checked", "assumed" or "violated"."""

    name: str
    state: str
    why: str


@dataclass(frozen=True)
class Row:
    """One theorem beside what happened.

    Attributes
    ----------
    theorem, statement : str
    assumptions : tuple of Assumption
    verdict : str
        "holds"; "exceeded" (then an assumption that was only assumed is wrong); "undecided" (a mean
        over seeds is above the bound by one to three of its standard errors, or L*, and so the
        bound, is not known well enough); "not applicable" (an assumption is violated); "one run"
        (the theorem bounds an expectation, of which one run is a single draw: see `expectation`);
        or "not observed".
    bound, observed : float or None
        bound is None where the theorem does not apply.
    stderr : float or None
        The standard error of `observed`, where it is a mean over seeds.
    note : str
        Where `observed` comes from, where that is not every step.
    curve : (steps, observed, bound) or None
        The same for the runs that are made of the first t steps.
    """

    theorem: str
    statement: str
    assumptions: tuple[Assumption, ...]
    verdict: str
    bound: float | None = None
    observed: float | None = None
    stderr: float | None = None
    note: str = ""
    curve: tuple[Any, Any, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def slack(self) -> float | None:
        """bound - observed."""
        if self.bound is None or self.observed is None:
            return None
        return self.bound - self.observed

    @property
    def observation(self) -> str:
        """`observed`, with its standard error, as text."""
        return _show(self.observed) + ("" if self.stderr is None else f" ± {self.stderr:.2g}")

    @property
    def why(self) -> str:
        """The reasons for which the theorem does not apply; empty where it does."""
        return "; ".join(one.why for one in self.assumptions if one.state == "violated")


@dataclass(frozen=True)
class Certificate:
    """Every theorem beside a run (or many): printed, a table; see also `to_dict` and `plot`.

    Attributes
    ----------
    rows : tuple of Row
        ``certificate["4"]`` is the row of theorem 4.
    beta, strong_convexity, sigma2, gap, distance : float or None
        β, μ, the largest σ² seen, Δ_0 and R.
    optimum : Optimum
    seeds : int
        The number of runs.
    """

    rows: tuple[Row, ...]
    beta: float | None
    strong_convexity: float | None
    sigma2: float | None
    gap: float
    distance: float
    optimum: Optimum
    steps: int
    seeds: int
    run: str

    def __getitem__(self, theorem: str) -> Row:
        for row in self.rows:
            if row.theorem == str(theorem):
                return row
        raise KeyError(f"{theorem!r}: the theorems are {', '.join(r.theorem for r in self.rows)}")

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for json."""
        rows = {}
        for row in self.rows:
            made = dataclasses.asdict(dataclasses.replace(row, curve=None))
            del made["curve"]
            rows[row.theorem] = {**made, "slack": row.slack, "why": row.why}
        return {
            "run": self.run,
            "steps": self.steps,
            "seeds": self.seeds,
            "beta": self.beta,
            "strong_convexity": self.strong_convexity,
            "sigma2": self.sigma2,
            "gap": self.gap,
            "distance": self.distance,
            "optimum": self.optimum.loss,
            "theorems": rows,
        }

    def plot(self) -> Any:
        """Observed against bound over the steps, on logarithmic axes; needs matplotlib.

        Returns
        -------
        array of matplotlib Axes, one for each theorem that applies

        Raises
        ------
        ImportError
            matplotlib is missing.
        ValueError
            No theorem applies, or nothing was observed.
        """
        return view("plot_certificate")(self)

    def __repr__(self) -> str:
        runs = "one run" if self.seeds == 1 else f"{self.seeds} runs"
        lines = [
            f"Certificate of {runs}: {self.run}",
            f"β = {_show(self.beta)}, μ = {_show(self.strong_convexity)}, "
            f"σ² = {_show(self.sigma2)}, Δ_0 = {_show(self.gap)}, R = {_show(self.distance)}, "
            f"L* = {_show(self.optimum.loss)}",
            "",
            f"{'theorem':<9}{'verdict':<16}{'observed':>24}{'bound':>12}{'slack':>12}",
        ]
        for row in self.rows:
            lines.append(
                f"{row.theorem:<9}{row.verdict:<16}{row.observation:>24}{_show(row.bound):>12}"
                f"{_show(row.slack):>12}"
            )
        lines.append("")
        for row in self.rows:
            lines.append(f"{row.theorem}: {row.statement}")
            if row.verdict == "not applicable":
                lines.append(f"    not applicable: {row.why}")
                continue
            lines += [f"    {one.state}: {one.name} ({one.why})" for one in row.assumptions]
            if row.note:
                lines.append(f"    {row.note}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        cells = [
            "".join(
                f"<td>{escape(text)}</td>"
                for text in (
                    row.theorem,
                    row.statement,
                    row.verdict,
                    row.observation,
                    _show(row.bound),
                    row.why or "; ".join(f"{one.state}: {one.name}" for one in row.assumptions),
                )
            )
            for row in self.rows
        ]
        head = "".join(
            f"<th>{name}</th>"
            for name in ("theorem", "statement", "verdict", "observed", "bound", "assumptions")
        )
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<table><caption>{escape(self.run)}</caption><tr>{head}</tr>{body}</table>"


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
