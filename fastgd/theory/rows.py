"""The course's theorems as rows of a certificate: what each asks, promises, and what was observed.

Those beyond the course are in beyond.py.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.theory.beyond import Beyond
from fastgd.theory.bounds import theorem_1, theorem_2, theorem_4, theorem_5
from fastgd.theory.certificates import Assumption, Certificate, Row
from fastgd.theory.constants import smooth, strong_convexity
from fastgd.theory.judging import violated

__all__: list[str] = []

Vector = NDArray[np.float64]


class Case(Beyond):
    """All that is known of the runs to be certified, and the theorems beside it."""

    # Each of these is one theorem.

    def row_1(self) -> Row:
        wanted = (
            self.convex(), self.smooth(), self.gradient(), self.plain(), self.full(),
            self.inverse_rate(), self.minimum(), self.minimiser(),
        )  # fmt: skip
        return self._gap_row("1", wanted, theorem_1)

    def row_5(self) -> Row:
        wanted = (
            self.convex(), self.smooth(), self.gradient(), self.nesterov(), self.full(),
            self.inverse_rate(), self.minimum(), self.minimiser(),
        )  # fmt: skip
        return self._gap_row("5", wanted, theorem_5)

    def _gap_row(
        self, theorem: str, wanted: tuple[Assumption, ...], bound: Callable[..., Any]
    ) -> Row:
        if violated(wanted):
            return self._row(theorem, wanted)
        steps, losses, _ = self.seen
        later = steps > 0
        beta = self._effective_beta()
        # The proofs compare with any point, so R belongs to the θ* that was found, exact or not.
        error = self.best.error if self.known else 0.0
        curve = (
            steps[later],
            losses[later] - self.best.loss + error,
            bound(beta, self.distance, steps[later]),
        )
        observed = self.final_loss - self.best.loss + error
        return self._row(
            theorem, wanted, bound(beta, self.distance, self.steps), [observed], curve=curve,
            rounding=self.rounding,
        )  # fmt: skip

    def _effective_beta(self) -> float:
        assert self.beta is not None
        return max(self.beta, 1 / float(self.rates[0]))

    def row_2(self) -> Row:
        wanted = (
            self.smooth(), self.gradient(), self.plain(), self.full(), self.inverse_rate(),
            self.minimum(),
        )  # fmt: skip
        if violated(wanted):
            return self._row("2", wanted)
        steps, _, squares = self.seen
        before = steps < self.steps
        beta = self._effective_beta()
        if not self.traces and not smooth(self.objective):
            note = "not observed: a run records the gradient of L, not the gradient mapping"
            return self._row("2", wanted, theorem_2(beta, self.gap, self.steps), note=note)
        note = ""
        if before.sum() < self.steps:
            note = "the minimum is over the recorded steps, so at least that over all"
        curve = (
            steps[before] + 1,
            np.minimum.accumulate(squares[before]),
            theorem_2(beta, self.gap, steps[before] + 1),
        )
        return self._row(
            "2", wanted, theorem_2(beta, self.gap, self.steps),
            [float(squares[before].min())], note=note, curve=curve,
        )  # fmt: skip

    def row_3(self) -> Row:
        return self._mean_row("3", (self.single(),))

    def row_4(self) -> Row:
        return self._mean_row("4", (self.batches(),))

    def _mean_row(self, theorem: str, first: tuple[Assumption, ...]) -> Row:
        wanted = (
            self.smooth(), self.gradient(), self.plain(), self.no_prox(), *first,
            self.independent(), self.noise(), self.constant_rate(), self.length(), self.minimum(),
        )  # fmt: skip
        if violated(wanted):
            return self._row(theorem, wanted)
        assert self.beta is not None
        assert self.sigma2 is not None
        t = self._prefixes()
        size = self.batch_size or 1
        bounds = theorem_4(float(self.rates[0]), self.beta, self.sigma2, self.gap, t, size)
        means = [np.cumsum(trace.squares[: self.steps]) / t for trace in self.traces]
        return self._expected_row(theorem, wanted, t, means, bounds)

    def row_6(self) -> Row:
        wanted = (
            self.smooth(), self.gradient(), self.plain(), self.no_prox(), self.independent(),
            self.noise(), self.decreasing_rates(), self.robbins_monro(), self.length(),
            self.minimum(),
        )  # fmt: skip
        if violated(wanted):
            return self._row("6", wanted)
        assert self.beta is not None
        t = self._prefixes()
        rates, sums = self.rates, np.cumsum(self.rates)
        noise = self.beta * (self.sigma2 or 0.0) / (self.batch_size or 1)
        bounds = ((2 * self.gap + noise * np.cumsum(rates**2)) / sums)[t - 1]
        means = [np.cumsum(rates * trace.squares[: self.steps]) / sums for trace in self.traces]
        return self._expected_row("6", wanted, t, means, bounds)

    def _prefixes(self) -> Any:
        """The numbers of steps that the curves are made of: T alone where nothing was observed."""
        return np.arange(1 if self.traces else self.steps, self.steps + 1)

    def _expected_row(
        self, theorem: str, wanted: tuple[Assumption, ...], t: Any, means: list[Vector], bounds: Any
    ) -> Row:
        curve = (t, np.mean(means, axis=0), bounds) if means else None
        return self._row(
            theorem, wanted, float(bounds[-1]), [float(mean[-1]) for mean in means],
            note=self.no_trace, curve=curve, random=self.batch_size is not None,
        )  # fmt: skip

    def row_p1(self) -> Row:
        wanted: tuple[Assumption, ...]
        wanted = (
            self.plain(), self.no_prox(), self.batches(), self.independent(), self.exact_noise(),
        )  # fmt: skip
        if self.rates.min() <= 0:
            zero = Assumption("η > 0", "violated", "a step with η = 0 does not show its gradient")
            wanted = (*wanted, zero)
        if violated(wanted):
            return self._row("P1", wanted)
        # A run of plain steps shows the gradients it took: g_t = (θ_t - θ_{t+1})/η_t.
        apart, bounds = [], []
        for trace in self.traces:
            bound = np.array(trace.variances) / (self.batch_size or 1) + trace.squares[:-1]
            apart.append(float(np.mean(np.array(trace.moves) / self.rates**2 - bound)))
            bounds.append(float(np.mean(bound)))
        return self._difference_row("P1", wanted, apart, bounds)

    def row_descent(self) -> Row:
        wanted: tuple[Assumption, ...]
        wanted = (
            self.smooth(), self.gradient(), self.plain(), self.no_prox(), self.independent(),
            self.constant_rate(),
        )  # fmt: skip
        if self.batch_size is not None:
            wanted = (*wanted, self.exact_noise())
        if violated(wanted):
            return self._row("(1)", wanted)
        assert self.beta is not None
        rate = float(self.rates[0])
        apart, bounds = [], []
        for trace in self.traces:
            noise = np.array(trace.variances) if self.batch_size is not None else 0.0
            bound = -(rate - self.beta * rate**2 / 2) * np.array(trace.squares[:-1])
            bound = bound + self.beta * rate**2 * noise / (2 * (self.batch_size or 1))
            apart.append(float(np.mean(np.diff(trace.losses) - bound)))
            bounds.append(float(np.mean(bound)))
        return self._difference_row("(1)", wanted, apart, bounds)

    def _difference_row(
        self, theorem: str, wanted: tuple[Assumption, ...], apart: list[float], bounds: list[float]
    ) -> Row:
        # Each run has a bound of its own here; the differences vary less than the values.
        if not apart:
            return self._row(theorem, wanted, note=self.no_trace)
        bound = float(np.mean(bounds))
        return self._row(
            theorem, wanted, bound, [bound + one for one in apart],
            random=self.batch_size is not None, rounding=self.rounding + 1e-12 * abs(bound),
        )  # fmt: skip

    def certificate(self) -> Certificate:
        rows = (
            self.row_1(), self.row_2(), self.row_3(), self.row_p1(), self.row_4(),
            self.row_descent(), self.row_5(), self.row_6(), self.row_7(), self.row_8(),
            self.row_9(), self.row_10(), self.row_11(),
        )  # fmt: skip
        batch = "full gradient" if self.batch_size is None else f"batches of {self.batch_size}"
        if self.batch_size is not None:
            batch += f" ({self.sampling})"
        return Certificate(
            rows=rows,
            beta=self.beta,
            strong_convexity=strong_convexity(self.objective),
            sigma2=self.sigma2,
            gap=self.gap,
            distance=self.distance,
            optimum=self.best,
            steps=self.steps,
            seeds=max(1, len(self.traces)),
            run=f"{self.optimizer} on {self.objective!r}, {self.steps} steps, {batch}",
        )
