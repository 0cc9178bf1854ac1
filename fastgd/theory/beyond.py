"""The theorems beyond the course, 7 to 11, as rows of a certificate."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.optimizers import SAGA, SVRG, Nesterov
from fastgd.schedules import Schedule
from fastgd.theory import rates
from fastgd.theory.bounds import RATE_SLACK
from fastgd.theory.certificates import Assumption, Row
from fastgd.theory.constants import row_norms, row_weights, strong_convexity, variance
from fastgd.theory.judging import Judge, violated

__all__: list[str] = []

Vector = NDArray[np.float64]


class Beyond(Judge):
    """Rows 7 to 11 of what is known."""

    def row_7(self) -> Row:
        wanted: tuple[Assumption, ...] = (
            self.convex(), self.gradient(), self.plain(), self.no_proximal_step(),
            self.independent(), self.positive_rates(), self.lengths(),
        )  # fmt: skip
        if violated(wanted):
            return self._row("7", wanted)
        if not self.traces:
            return self._row("7", wanted, note=self.no_trace)
        # The proof compares with any point, so L* is the loss at the one that R is measured to.
        least = self.objective.value(self.best.theta)
        size = self.batch_size or 1
        squares = [np.array(trace.squares) for trace in self.traces]
        if self.batch_size is not None:
            squares = [
                square + np.append(trace.variances, self._variance(trace.theta)) / size
                for square, trace in zip(squares, self.traces, strict=True)
            ]
        norms = np.sqrt(np.mean(squares, axis=0))
        # The step from θ_T is not taken, and its rate free.
        all_rates, shown = np.append(self.rates, self.rates[-1]), _few(self.steps)
        bounds = [rates.theorem_7(all_rates[: t + 1], self.distance, norms[: t + 1]) for t in shown]
        losses = np.array([trace.losses for trace in self.traces]) - least
        curve = shown, losses[:, shown].mean(axis=0), np.array(bounds)
        wanted = (*wanted, self.along("E‖g_t‖² known"))
        return self._row(
            "7", wanted, bounds[-1], [float(one) for one in losses[:, -1]], curve=curve,
            random=self.batch_size is not None, rounding=self.rounding,
        )  # fmt: skip

    def row_8(self) -> Row:
        wanted = (
            self.smooth(), self.gradient(), self.plain(), self.no_prox(), self.full(),
            self.inverse_rate(), self.strongly_convex(), self.minimum(),
        )  # fmt: skip
        if violated(wanted):
            return self._row("8", wanted)
        beta, mu = self._pair()
        return self._gap_to_least("8", wanted, lambda t: rates.theorem_8(beta, mu, self.gap, t))

    def row_9(self) -> Row:
        wanted = (
            self.smooth(), self.gradient(), self.constant_momentum(), self.no_prox(), self.full(),
            self.inverse_rate(), self.strongly_convex(), self.matching_momentum(), self.minimum(),
        )  # fmt: skip
        if violated(wanted):
            return self._row("9", wanted)
        beta, _ = self._pair()
        kappa = _kappa(float(self.optimizer.momentum))  # type: ignore[attr-defined]
        bound = rates.theorem_9
        # L is also (β/κ)-strongly convex for a κ that is larger than its own.
        return self._gap_to_least(
            "9", wanted, lambda t: bound(beta, beta / kappa, self.distance, t)
        )

    def row_10(self) -> Row:
        wanted = (
            self.smooth(), self.gradient(), self.plain(), self.no_prox(), self.batches(),
            self.independent(), self.lengths(), self.strongly_convex(), self.small_rate(),
            self.known_minimiser(),
        )  # fmt: skip
        if violated(wanted):
            return self._row("10", wanted)
        noise = self._variance(self.best.theta) / (self.batch_size or 1)
        rate, mu, smoothness = float(self.rates[0]), self._mu(), self._expected_smoothness()
        assert smoothness is not None
        return self._distances(
            "10", wanted,
            lambda t: rates.theorem_10(rate, min(mu, smoothness), smoothness, noise,
                                       self.distance, t),
        )  # fmt: skip

    def row_11(self) -> Row:
        # The theorems are on the mean of ℓ_i + λ/2 ‖w‖². A step takes the gradient of the penalty
        # as it is, and not from the table; that helps only, since what the proofs bound the table's
        # error by, the distance between ℓ_i and its tangent, is less than with the penalty in it.
        wanted = (
            self.reduced(), self.smooth(), self.gradient(), self.no_prox(), self.independent(),
            self.lengths(), self.strongly_convex(), self.certified_rate(), self.known_minimiser(),
        )  # fmt: skip
        if violated(wanted):
            return self._row("11", wanted)
        largest = self._largest()
        assert largest is not None
        mu, n = min(self._mu(), largest), self.objective.n_samples
        assert n is not None
        if isinstance(self.optimizer, SAGA):
            return self._distances(
                "11", wanted,
                lambda t: rates.theorem_11(largest, mu, n, self.distance, self.gap, t),
            )  # fmt: skip
        noise = self._apart()
        return self._distances(
            "11", wanted,
            lambda t: rates.theorem_11_loopless(float(self.rates[0]), largest, mu, 1 / n,
                                                self.distance, noise, t),
        )  # fmt: skip

    # What they share.

    def _gap_to_least(self, theorem: str, wanted: tuple[Assumption, ...], bound: Any) -> Row:
        steps, losses, _ = self.seen
        later = steps > 0
        slack = self.rounding + (self.best.error if self.known else 0.0)
        curve = steps[later], losses[later] - self.best.loss, bound(steps[later])
        return self._row(
            theorem, wanted, float(bound(self.steps)), [self.final_loss - self.best.loss],
            curve=curve, rounding=slack,
        )  # fmt: skip

    def _distances(self, theorem: str, wanted: tuple[Assumption, ...], bound: Any) -> Row:
        # θ* is where it was found, but for so much.
        doubt = math.sqrt(2 * self.best.error / self._mu())
        ends = [trace.theta for trace in self.traces if trace.theta is not None]
        ends = ends or [self.final_theta]
        apart = [float(np.linalg.norm(end - self.best.theta)) for end in ends]
        shown = sorted(self.traces[0].points) if self.traces else []
        curve = None
        if shown:
            seen = [
                np.mean([np.sum((trace.points[t] - self.best.theta) ** 2) for trace in self.traces])
                for t in shown
            ]
            curve = np.array(shown), np.array(seen), bound(np.array(shown))
        slack = 2 * doubt * (self.distance + max(apart) + doubt)
        return self._row(
            theorem, wanted, float(bound(self.steps)), [one**2 for one in apart], curve=curve,
            random=True, rounding=slack + 1e-30,
        )  # fmt: skip

    def _variance(self, theta: Any) -> float:
        return variance(self.objective, theta, self.draws)

    def _apart(self) -> float:
        """The mean of ‖∇ℓ_i(θ_0) - ∇ℓ_i(θ*)‖²."""
        objective, total = self.objective, 0.0
        n = objective.n_samples or 1
        size = max(1, (1 << 18) // objective.n_params)
        for first in range(0, n, size):
            rows = np.arange(first, min(n, first + size))
            block = objective.sample_gradients(self.theta0, rows)
            block = block - objective.sample_gradients(self.best.theta, rows)
            total += float(np.einsum("ij,ij->", block, block))
        return total / n

    def _mu(self) -> float:
        return strong_convexity(self.objective) or 0.0

    def _pair(self) -> tuple[float, float]:
        assert self.beta is not None
        beta = max(self.beta, 1 / float(self.rates[0]))
        return beta, min(self._mu(), beta)

    def _largest(self) -> float | None:
        """L_max; of rows drawn by importance, that of what they are weighted to."""
        found = getattr(self.objective, "sample_smoothness", lambda: None)()
        if found is None or self.draws != "importance":
            return None if found is None else float(found)
        objective: Any = self.objective
        sizes = objective.loss.curvature * row_weights(objective) * row_norms(objective) ** 2
        return float(np.max(sizes / (len(sizes) * objective.importance()))) + objective.l2

    def _expected_smoothness(self) -> float | None:
        largest = self._largest()
        if largest is None or self.beta is None:
            return None
        return rates.expected_smoothness(self.beta, max(largest, self.beta), self.batch_size or 1)

    # Each of these is one assumption.

    def no_proximal_step(self) -> Assumption:
        name, penalty = "a step along a (sub)gradient", self.objective.penalty
        if penalty is not None and not penalty.smooth:
            return Assumption(name, "violated", f"{penalty!r} is dealt with by a proximal step")
        return Assumption(name, "checked", "no proximal step")

    def positive_rates(self) -> Assumption:
        name, low = "η_t > 0", float(self.rates.min())
        if not low > 0:
            step = int(np.argmin(self.rates))
            return Assumption(name, "violated", f"η = {low:g} at step {step}")
        return Assumption(name, "checked", f"η_t >= {low:.6g}")

    def lengths(self) -> Assumption:
        # Without chance there is nothing to select.
        if self.batch_size is None:
            return Assumption("T fixed beforehand", "checked", "nothing is drawn")
        return self.length()

    def along(self, name: str) -> Assumption:
        if self.batch_size is None:
            return Assumption(name, "checked", "that of the full gradient, seen at every step")
        runs = "the run" if len(self.traces) == 1 else f"the {len(self.traces)} runs"
        return Assumption(name, "assumed", f"exact at each θ_t, the mean over {runs}")

    def strongly_convex(self) -> Assumption:
        name, mu = "μ-strongly convex", self._mu()
        if not mu > 0:
            return Assumption(name, "violated", "no μ above 0 is known")
        return Assumption(name, "checked", f"μ = {mu:.6g}")

    def constant_momentum(self) -> Assumption:
        name = "Nesterov's method with a constant momentum"
        optimizer = self.optimizer
        if type(optimizer) is not Nesterov:
            why = f"the optimizer is {type(optimizer).__name__}, the theorem is on Nesterov"
            return Assumption(name, "violated", why)
        if isinstance(optimizer.momentum, Schedule):
            return Assumption(name, "violated", f"momentum moves: {optimizer.momentum}")
        if optimizer.restart is not None:
            return Assumption(name, "violated", "restarts are not in the theorem")
        return self._no_decay(name)

    def matching_momentum(self) -> Assumption:
        name = "γ = (√κ-1)/(√κ+1)"
        momentum = getattr(self.optimizer, "momentum", None)
        if not isinstance(momentum, float) or not self.beta or not self.rates.min() > 0:
            return Assumption(name, "violated", "there is no constant γ, or no β")
        if momentum >= 1:
            return Assumption(name, "violated", f"γ = {momentum:g}")
        kappa = _kappa(momentum)
        beta, mu = self._pair()
        if kappa * mu * RATE_SLACK < beta * (1 - 1e-12):
            why = f"γ = {momentum:.6g} is that of κ = {kappa:.6g}, and κ is {beta / mu:.6g}"
            return Assumption(name, "violated", why if mu else "κ is unknown")
        return Assumption(name, "checked", f"κ = {kappa:.6g}, at least that of L")

    def small_rate(self) -> Assumption:
        name = "constant η in ]0, 1/(2𝓛)]"
        smoothness = self._expected_smoothness()
        if self.rates.min() != self.rates.max():
            return Assumption(name, "violated", f"η moves: lr = {self.optimizer.lr}")
        if not smoothness:
            return Assumption(name, "violated", "𝓛 is unknown")
        rate = float(self.rates[0])
        if not 0 < rate * 2 * smoothness <= RATE_SLACK:
            why = f"η = {rate:.6g}, 1/(2𝓛) = {0.5 / smoothness:.6g}"
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", f"η = {rate:.6g} <= {0.5 / smoothness:.6g}")

    def reduced(self) -> Assumption:
        name = "SAGA, or loopless SVRG"
        if type(self.optimizer) not in (SAGA, SVRG):
            kind = type(self.optimizer).__name__
            return Assumption(name, "violated", f"the optimizer is {kind}")
        return self._no_decay(name)

    def certified_rate(self) -> Assumption:
        saga = type(self.optimizer) is SAGA
        most = 3 if saga else 6
        name = "η = 1/(3 L_max)" if saga else "η <= 1/(6 L_max)"
        largest = self._largest()
        if self.rates.min() != self.rates.max() or not largest:
            why = "L_max is unknown" if not largest else f"η moves: lr = {self.optimizer.lr}"
            return Assumption(name, "violated", why)
        product = float(self.rates[0]) * most * largest
        low = 1 / RATE_SLACK if saga else 0.0
        if not low <= product <= RATE_SLACK or not product > 0:
            why = f"η = {self.rates[0]:.6g}, 1/({most} L_max) = {1 / (most * largest):.6g}"
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", f"L_max = {largest:.6g}")

    def known_minimiser(self) -> Assumption:
        name = "θ* known"
        if self.best.given or not self.known:
            return Assumption(name, "violated", "L* is not known well enough to say where θ* is")
        doubt = math.sqrt(2 * self.best.error / self._mu()) if self._mu() > 0 else math.inf
        return Assumption(name, "checked", f"at most {doubt:.1g} from where it was found")


def _kappa(momentum: float) -> float:
    return ((1 + momentum) / (1 - momentum)) ** 2


def _few(steps: int) -> NDArray[np.int64]:
    """Some hundred numbers of steps up to all of them, evenly spaced on a logarithmic axis."""
    return np.unique(np.geomspace(1, steps, 100).round().astype(np.int64))
