"""A run taken again from its seed, with a look at every θ_t; and what is seen there."""

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.callbacks import Progress, Rescale, Stop
from fastgd.descent import minimize
from fastgd.history import Result, Setting
from fastgd.objectives import Objective
from fastgd.optimizers import Optimizer
from fastgd.theory.constants import EPSILON, ours, smooth, variance
from fastgd.theory.proximal import mapping_norm

__all__ = ["path"]

Vector = NDArray[np.float64]


# As many points of a run are kept.
POINTS = 40


class Trace:
    """A callback that keeps of every step what the theorems need."""

    def __init__(self, objective: Objective, steps: int, sampling: str | None) -> None:
        # `sampling` is None where every step takes all rows.
        self.objective, self.steps, self.sampling = objective, steps, sampling
        self.examine = not ours(objective)
        self.mapped = objective.penalty is not None and not objective.penalty.smooth
        self.losses: list[float] = []
        self.squares: list[float] = []
        self.variances: list[float] = []
        self.moves: list[float] = []
        # The first step at which the user's β, convexity or gradient turned out wrong.
        self.not_smooth: int | None = None
        self.not_convex: int | None = None
        self.not_gradient: str | None = None
        # θ at some steps, for pictures of distances.
        self.points: dict[int, Vector] = {}
        self._kept = set(np.unique(np.geomspace(1, max(steps, 1), POINTS).astype(int)).tolist())
        self.theta: Vector | None = None
        self.gradient: Vector | None = None
        self.generator = np.random.default_rng(0)

    def __call__(self, progress: Progress) -> Stop | None:
        with np.errstate(over="ignore", invalid="ignore"):  # a run that is about to diverge
            return self._look(progress)

    def _look(self, progress: Progress) -> Stop | None:
        theta = progress.theta
        norm = progress.grad_norm
        if self.mapped:
            norm = mapping_norm(self.objective, theta, self.objective.gradient(theta))
        self.losses.append(progress.loss)
        self.squares.append(norm * norm)
        if self.theta is not None:
            move = theta - self.theta
            self.moves.append(float(move @ move))
        if self.examine:
            self._examine(theta, progress.step)
        self.theta = theta
        if progress.step in self._kept:
            self.points[progress.step] = theta
        if progress.step >= self.steps:
            return Stop("replayed")
        if self.sampling is not None:
            draws = "importance" if self.sampling == "importance" else "replacement"
            self.variances.append(variance(self.objective, theta, draws))
        return None

    def _examine(self, theta: Vector, step: int) -> None:
        before, self.gradient = self.gradient, self.objective.gradient(theta)
        if self.not_gradient is None:
            direction = self.generator.standard_normal(len(theta))
            for one in (self.gradient, direction):
                wrong = gradient_is_wrong(self.objective, theta, self.gradient, one)
                if wrong is not None:
                    self.not_gradient = f"{wrong} at θ_{step}"
                    break
        if before is None or self.theta is None:
            return
        move = theta - self.theta
        length = float(np.linalg.norm(move))
        size = float(np.linalg.norm(before) + np.linalg.norm(self.gradient))
        turn = float(np.linalg.norm(self.gradient - before))
        beta = self.objective.smoothness()
        if beta is not None and turn > beta * length * (1 + 1e-9) + 1e-13 * size:
            self.not_smooth = step if self.not_smooth is None else self.not_smooth
        loss, last = self.losses[-1], self.losses[-2]
        rounding = 1e-12 * (abs(loss) + abs(last) + size * length)
        tangents = min(loss - last - before @ move, last - loss + self.gradient @ move)
        if tangents < -rounding:
            self.not_convex = step if self.not_convex is None else self.not_convex


def gradient_is_wrong(
    objective: Objective, theta: Vector, gradient: Vector, direction: Vector
) -> str | None:
    """What is wrong with ∇L along a direction, by a central difference of L; None where nothing is.

    A convex L lies between its tangents, and any L whose gradient turns by β at most within βh² of
    them, so no honest gradient is accused. Where the slope is lost in the rounding of L, nothing is
    said.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # of a run that diverges
        return _contradiction(objective, theta, gradient, direction)


def _contradiction(
    objective: Objective, theta: Vector, gradient: Vector, direction: Vector
) -> str | None:
    length = float(np.linalg.norm(direction))
    if not (0 < length < math.inf and np.isfinite(gradient).all()) or not smooth(objective):
        return None
    direction = direction / length
    # Near the cube root of ε, in units of θ.
    h = 6e-6 * max(1.0, float(np.abs(theta).max()))
    ahead, behind = theta + h * direction, theta - h * direction
    apart = ahead - behind
    here, above, below = (float(objective.value(one)) for one in (theta, ahead, behind))
    found, claimed = above - below, float(gradient @ apart)
    bend = abs((above - here) - (here - below))
    beta = objective.smoothness() or 0.0
    rounding = 16 * EPSILON * (abs(above) + abs(below) + abs(here)) + 4 * EPSILON * abs(claimed)
    # Of values of the user's own it is not known how they round: a part in 10^4 is let pass.
    doubt = 2 * (bend + beta * h * h) + 16 * rounding + 1e-4 * max(abs(found), abs(claimed))
    if not math.isfinite(found) or abs(found - claimed) <= doubt:
        return None
    return (
        f"L changes by {found / (2 * h):.6g} a unit of length where ∇L says {claimed / (2 * h):.6g}"
    )


def path(result: Result) -> Vector:
    """θ_0, ..., θ_T of a run, which is taken again for it: (steps + 1, n_params).

    Raises
    ------
    ValueError
        The run drew its batches by a seed that is not an int, so it cannot be taken again.

    Examples
    --------
    >>> r = gd.minimize(gd.Quadratic(np.eye(1)), gd.SGD(lr=0.5), [1.0], steps=2)
    >>> gd.theory.path(r)
    array([[1.  ],
           [0.5 ],
           [0.25]])
    """
    if not repeatable(result.setting):
        raise ValueError("the run cannot be taken again: its seed is not an int")
    points: list[Vector] = []

    def keep(progress: Progress) -> bool:
        points.append(progress.theta)
        return progress.step >= result.steps

    keep.everywhere = True  # type: ignore[attr-defined]
    _again(result.objective, result.optimizer, result.setting, keep, result.rescalings)
    return np.array(points)


def repeatable(setting: Setting) -> bool:
    """Whether the same call would draw the same batches."""
    drawn = setting.batch_size is not None and setting.sampling != "sequential"
    return not drawn or isinstance(setting.seed, (int, np.integer))


def traced(
    objective: Objective,
    optimizer: Optimizer,
    setting: Setting,
    stop: int,
    halt: threading.Event | None = None,
    rescalings: tuple[tuple[int, float], ...] = (),
) -> tuple[Trace, Result]:
    """The run, taken again up to step `stop` or until `halt`, and what was seen at every step."""
    trace = Trace(objective, stop, None if setting.batch_size is None else setting.sampling)

    def look(progress: Progress) -> Any:
        if halt is not None and halt.is_set():
            return Stop("interrupted", kind="interrupted")
        return trace(progress)

    look.everywhere = True  # type: ignore[attr-defined]  # it asks for the loss over all ranks
    return trace, _again(objective, optimizer, setting, look, rescalings)


def _again(
    objective: Objective,
    optimizer: Optimizer,
    setting: Setting,
    callback: Callable[..., Any],
    rescalings: tuple[tuple[int, float], ...] = (),
) -> Result:
    factors = dict(rescalings)

    def rescale(progress: Progress) -> Any:
        factor = factors.get(progress.step)
        return None if factor is None else Rescale(factor)

    # A generator would be moved on, and where it is one nothing is drawn.
    seed = setting.seed if isinstance(setting.seed, (int, np.integer)) else 0
    arguments = setting.arguments() | {"seed": seed}
    return minimize(
        objective, optimizer, record_every=1, callbacks=(callback, rescale), on_interrupt="raise",
        **arguments,
    )  # fmt: skip
