"""What is known of the runs that are certified, and each assumption of a theorem, as it stands."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import schedules
from fastgd.history import Setting
from fastgd.objectives import Objective
from fastgd.optimizers import SGD, Nesterov, Optimizer
from fastgd.theory.bounds import RATE_SLACK
from fastgd.theory.certificates import Assumption
from fastgd.theory.constants import EPSILON, changed, convex, kind_of, ours, smooth, variance
from fastgd.theory.minimum import KNOWN, Optimum
from fastgd.theory.replay import Trace, gradient_is_wrong

__all__: list[str] = []

Vector = NDArray[np.float64]


@dataclass
class Known:
    """All that is known of the runs to be certified."""

    objective: Objective
    optimizer: Optimizer
    setting: Setting
    steps: int
    rates: Vector
    traces: list[Trace]
    # Of the first run: (steps, losses, squared gradient norms) as recorded.
    seen: tuple[Any, Vector, Vector]
    final: tuple[Vector, float]
    best: Optimum
    no_trace: str = ""

    def __post_init__(self) -> None:
        self.batch_size, self.sampling = self.setting.batch_size, self.setting.sampling
        self.draws = "importance" if self.sampling == "importance" else "replacement"
        self.theta0 = self.setting.theta0
        self.final_theta, self.final_loss = self.final
        self.changed = changed(self.objective)
        self.wrong_gradient = self._wrong_gradient()
        self.beta = self.objective.smoothness()
        self.start_loss = self.objective.value(self.theta0)
        self.gap = max(self.start_loss - self.best.loss, 0.0)
        self.distance = float(np.linalg.norm(self.theta0 - self.best.theta))
        self.sigma2 = None if self.objective.n_samples is None else self._sigma2()
        self.known = self.best.error <= KNOWN * self.gap and not self.best.given
        # What rounding may have done to a difference of two losses.
        self.rounding = 64 * EPSILON * (abs(self.start_loss) + abs(self.best.loss))

    def _sigma2(self) -> float:
        if self.batch_size is None:
            return 0.0
        seen = [value for trace in self.traces for value in trace.variances]
        return max(seen) if seen else variance(self.objective, self.theta0, self.draws)

    def _wrong_gradient(self) -> str | None:
        for trace in self.traces:
            if trace.not_gradient is not None:
                return trace.not_gradient
        if self.traces or ours(self.objective):
            return None
        for place, theta in (("θ_0", self.theta0), (f"θ_{self.steps}", self.final_theta)):
            gradient = self.objective.gradient(theta)
            wrong = gradient_is_wrong(self.objective, theta, gradient, gradient)
            if wrong is not None:
                return f"{wrong} at {place}"
        return None

    # Each of these is one assumption.

    def smooth(self) -> Assumption:
        name, kind = "β-smooth", kind_of(self.objective).__name__
        if not self.beta:
            return Assumption(name, "violated", f"no finite β is known for {kind}")
        if self.changed is not None:
            return Assumption(name, "violated", f"{self.changed}; make the objective anew")
        step = next((t.not_smooth for t in self.traces if t.not_smooth is not None), None)
        if step is not None:
            why = f"β = {self.beta:g} as given is too small: the gradient turns faster in the step"
            return Assumption(name, "violated", f"{why} to θ_{step}")
        state = "checked" if ours(self.objective) else "assumed"
        origin = "from the data" if state == "checked" else "as given"
        return Assumption(name, state, f"β = {self.beta:.6g} {origin}")

    def convex(self) -> Assumption:
        name, kind = "convex", kind_of(self.objective).__name__
        if self.changed is not None:
            return Assumption(name, "violated", f"{self.changed}; make the objective anew")
        if convex(self.objective) is None:
            return Assumption(name, "violated", f"{kind} is not known to be convex")
        if not convex(self.objective):
            return Assumption(name, "violated", f"{kind} is not convex")
        step = next((t.not_convex for t in self.traces if t.not_convex is not None), None)
        if step is not None:
            why = f"L lies below its tangent in the step to θ_{step}, so it is not convex"
            return Assumption(name, "violated", why)
        if ours(self.objective):
            return Assumption(name, "checked", f"{kind} is convex")
        return Assumption(name, "assumed", "as given")

    def gradient(self) -> Assumption:
        name = "∇L is the gradient of L"
        if self.wrong_gradient is not None:
            return Assumption(name, "violated", self.wrong_gradient)
        if ours(self.objective):
            return Assumption(name, "checked", "both are of one kernel, tested by differences")
        where = "along the run" if self.traces else "at both ends of the run"
        return Assumption(name, "assumed", f"differences of L {where} do not contradict it")

    def no_prox(self) -> Assumption:
        name = "L is smooth with its penalty"
        if not smooth(self.objective):
            what = self.objective.penalty or getattr(self.objective, "loss", None)
            return Assumption(name, "violated", f"{what!r} is not, its step is another one")
        return Assumption(name, "checked", "every step is along a gradient")

    def plain(self) -> Assumption:
        name = "plain gradient descent"
        if type(self.optimizer) is not SGD:
            why = f"the optimizer is {type(self.optimizer).__name__}, the theorem is on SGD"
            return Assumption(name, "violated", why)
        return self._no_decay(name)

    def nesterov(self) -> Assumption:
        name = "Nesterov's method with its schedule"
        if type(self.optimizer) is not Nesterov:
            why = f"the optimizer is {type(self.optimizer).__name__}, the theorem is on Nesterov"
            return Assumption(name, "violated", why)
        if self.optimizer.momentum != schedules.nesterov():
            why = f"momentum is {self.optimizer.momentum}, not the theorem's schedule"
            return Assumption(name, "violated", why)
        if self.optimizer.restart is not None:
            return Assumption(name, "violated", "restarts are not in the theorem")
        return self._no_decay(name)

    def _no_decay(self, name: str) -> Assumption:
        for option in ("clip_norm", "clip_value"):
            bound = getattr(self.setting, option)
            if bound is not None:
                why = f"{option} = {bound:g} changes the steps"
                return Assumption(name, "violated", why)
        decay = self.optimizer.weight_decay
        if decay:
            why = f"weight_decay = {decay:g} moves θ and is no part of L (l2 would be)"
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", f"{type(self.optimizer).__name__}, no weight decay")

    def full(self) -> Assumption:
        name = "full gradient"
        if self.batch_size is not None:
            return Assumption(name, "violated", f"the run takes batches of {self.batch_size}")
        return Assumption(name, "checked", "every step sees all of L")

    def single(self) -> Assumption:
        name = "one observation a step"
        if self.batch_size != 1:
            shown = "all of L" if self.batch_size is None else f"{self.batch_size} observations"
            return Assumption(name, "violated", f"a step sees {shown}")
        return Assumption(name, "checked", "batch_size = 1")

    def batches(self) -> Assumption:
        name = "batches"
        if self.batch_size is None:
            why = "every step takes the full gradient, nothing is drawn (see theorem 2)"
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", f"batch_size = {self.batch_size}")

    def independent(self) -> Assumption:
        name = "A: indices independent, E ∇ℓ_i = ∇L"
        if self.batch_size is None:
            return Assumption(name, "checked", "the full gradient is its own mean, σ² = 0")
        if self.sampling == "importance":
            why = "drawn with replacement by p_i, and weighted by 1/(n p_i)"
            return Assumption(name, "checked", why)
        if self.sampling != "replacement":
            why = f'sampling="{self.sampling}" draws without replacement: indices depend on others'
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", "drawn with replacement")

    def noise(self) -> Assumption:
        name = "A: E‖∇ℓ_i‖² <= σ² + ‖∇L‖²"
        if self.batch_size is None:
            return Assumption(name, "checked", "σ² = 0")
        if not self.traces:
            return Assumption(name, "assumed", f"σ² = {self.sigma2:.6g} is that at θ_0 only")
        where = "the run" if len(self.traces) == 1 else f"the {len(self.traces)} runs"
        why = f"σ² = {self.sigma2:.6g}, exact, the largest along {where}; elsewhere assumed"
        return Assumption(name, "assumed", why)

    def exact_noise(self) -> Assumption:
        name = "A: E‖∇ℓ_i‖² <= σ² + ‖∇L‖²"
        return Assumption(name, "checked", "σ² is the exact variance at each θ_t")

    def inverse_rate(self) -> Assumption:
        """η = 1/β; a smaller η is 1/β' of a larger β', with which L is smooth as well."""
        found = self.constant_rate("η = 1/β")
        if found.state != "checked" or self.beta is None:
            return found
        rate = float(self.rates[0])
        why = f"η = {rate:.6g} = 1/β"
        if rate * self.beta < 1 / RATE_SLACK:
            why = f"η = {rate:.6g} = 1/β' with β' = {1 / rate:.6g} > β, and L is β'-smooth too"
        return Assumption(found.name, "checked", why)

    def constant_rate(self, name: str = "constant η in ]0, 1/β]") -> Assumption:
        if self.rates.min() != self.rates.max():
            return Assumption(name, "violated", f"η moves: lr = {self.optimizer.lr}")
        return self._bounded_rates(name)

    def _bounded_rates(self, name: str) -> Assumption:
        low, high = float(self.rates.min()), float(self.rates.max())
        if not low > 0:
            return Assumption(name, "violated", f"η = {low:g} is not above 0")
        if not self.beta:
            return Assumption(name, "violated", "1/β is unknown")
        if high * self.beta > RATE_SLACK:
            # All digits: 1/β is rounded down, and η may be above it by very little.
            why = f"η = {high!r} > 1/β = {1 / self.beta!r}"
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", f"η <= {high:.6g} <= 1/β = {1 / self.beta:.6g}")

    def decreasing_rates(self) -> Assumption:
        name = "η_t in ]0, 1/β], decreasing"
        if self.rates.min() != self.rates.max() and (np.diff(self.rates) > 0).any():
            step = int(np.argmax(np.diff(self.rates) > 0)) + 1
            return Assumption(name, "violated", f"η rises at step {step}")
        return self._bounded_rates(name)

    def robbins_monro(self) -> Assumption:
        name = "Σ η = ∞, Σ η² < ∞"
        known = schedules.as_schedule(self.optimizer.lr).robbins_monro
        if known:
            return Assumption(name, "checked", f"known of {self.optimizer.lr}")
        said = "not known" if known is None else "known not to hold"
        return Assumption(name, "violated", f"{said} of lr = {self.optimizer.lr}")

    def length(self) -> Assumption:
        name = "T fixed beforehand"
        if self.steps != self.setting.steps:
            why = f"the run ended after {self.steps} of {self.setting.steps} steps, so T is random"
            return Assumption(name, "violated", why)
        return Assumption(name, "checked", f"T = {self.steps}")

    def minimum(self) -> Assumption:
        name, best = "L* known", self.best
        if not math.isfinite(best.loss):
            return Assumption(name, "violated", "L has no lower bound")
        if not math.isfinite(self.start_loss):
            return Assumption(name, "violated", "L(θ_0) is not finite, and Δ_0 neither")
        if best.given:
            return Assumption(name, "assumed", f"L* = {best.loss:.6g} as given")
        if self.known:
            why = f"L* = {best.loss:.6g}, at most {best.error:.1g} too high"
            return Assumption(name, "checked", why)
        why = f"L* = {best.loss:.6g} is the least found, ‖∇L‖ = {best.grad_norm:.1g} there"
        return Assumption(name, "assumed", why)

    def minimiser(self) -> Assumption:
        name, best = "θ* exists", self.best
        if best.attained:
            return Assumption(name, "checked", "L is proven to have a minimiser")
        why = "not proven; R is that to the best point found, with which the proof compares as well"
        return Assumption(name, "assumed", why)
