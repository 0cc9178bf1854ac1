"""The explorer's runs: every rule at every rate, all starts at once, packed for a page.

All rules here work on each coordinate by itself, so one run on a vector that holds many points
takes the same steps, bit by bit, as a run from each of them.
"""

import base64
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import schedules, theory
from fastgd.explorer.landscapes import Landscape, Text, Vector
from fastgd.objectives import Function
from fastgd.optimizers import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Lion,
    Momentum,
    Nesterov,
    Optimizer,
    RMSProp,
)
from fastgd.run import Run

__all__ = ["RULES", "Grid", "Rule", "descend", "grid", "pack", "rates"]

STEPS = 60
SEED = 0
# Positions in units of half the window's width over 400: less than a pixel.
PLACES = 400
# Losses and squared norms: 64 to a decade, 2 % or less, from 1e-12 to 1e12.
DECADE, FLOOR, CEILING = 64, -12, 12
# The variance of gradients is looked at in so many points of the paths from each start.
LOOKS = 100
# A path ends where it is so many half widths from the middle of the window.
FAR = 3.0

# Rates of rules that are measured by 1/β, in half octaves; and of those that move by about η.
OCTAVES = range(-10, 4)
LATE_OCTAVES = range(-6, 8)
LENGTHS = (0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)


@dataclass(frozen=True)
class Rule:
    """A rule as the page offers it: its values of γ (or β1) and of β2, and how it is made."""

    name: str
    title: Text
    formula: str
    kind: type[Optimizer]
    gamma: str = ""  # the name of the hyperparameter that the slider γ stands for
    gammas: tuple[float | str, ...] = ()
    beta2: str = ""
    beta2s: tuple[float, ...] = ()
    scale: str = "beta"
    options: tuple[tuple[str, float], ...] = ()
    decreasing: bool = False

    def make(self, lr: float, gamma: float | str | None, beta2: float | None) -> Optimizer:
        options: dict[str, Any] = dict(self.options)
        if self.gamma:
            options[self.gamma] = schedules.nesterov() if gamma == "nesterov" else gamma
        if self.beta2:
            options[self.beta2] = beta2
        rate: Any = schedules.inverse_time(lr, 0.1) if self.decreasing else lr
        return self.kind(lr=rate, **options)

    def settings(self) -> Iterator[tuple[float | str | None, float | None]]:
        for gamma in self.gammas or (None,):
            for beta2 in self.beta2s or (None,):
                yield gamma, beta2


GAMMAS = (0.0, 0.5, 0.9, 0.99)
FIRST = (0.0, 0.5, 0.9)
BETAS = (0.9, 0.99, 0.999)


def _same(title: str) -> Text:
    return {"en": title, "fr": title}


RULES = (
    Rule("gd", {"en": "Gradient descent", "fr": "Descente de gradient"}, "θ ← θ − η ∇L(θ)", SGD),
    Rule("decreasing", {"en": "Descent, η shrinking", "fr": "Descente, η décroissant"},
         "θ ← θ − ηₜ ∇L(θ),  ηₜ = η/(1 + t/10)", SGD, decreasing=True),
    Rule("momentum", _same("Momentum"), "v ← γ v + (1−γ) ∇L(θ),  θ ← θ − η v", Momentum,
         "momentum", GAMMAS, scale="late"),
    Rule("nesterov", _same("Nesterov"), "y = θ + γ (θ − θ₋₁),  θ ← y − η ∇L(y)", Nesterov,
         "momentum", (*GAMMAS[1:], "nesterov")),
    Rule("adagrad", _same("AdaGrad"), "G ← G + ∇L²,  θ ← θ − η ∇L/√G", AdaGrad, scale="length"),
    Rule("rmsprop", _same("RMSProp"), "G ← β₂ G + (1−β₂) ∇L²,  θ ← θ − η ∇L/√G", RMSProp,
         beta2="decay", beta2s=BETAS, scale="length"),
    Rule("adam", _same("Adam"), "m ← β₁ m + (1−β₁) ∇L,  v ← β₂ v + (1−β₂) ∇L²,  θ ← θ − η m̂/√v̂",
         Adam, "beta1", FIRST, "beta2", BETAS, scale="length"),
    Rule("adamw", _same("AdamW"), "θ ← θ − η (m̂/√v̂ + λ θ),  β₁ = 0.9, λ = 0.1", AdamW,
         beta2="beta2", beta2s=BETAS, scale="length", options=(("weight_decay", 0.1),)),
    Rule("lion", _same("Lion"),
         "θ ← θ − η sign(β₁ m + (1−β₁) ∇L),  m ← 0.99 m + 0.01 ∇L", Lion, "beta1", FIRST,
         scale="length"),
)  # fmt: skip


def rates(rule: Rule, land: Landscape) -> list[float]:
    """The values of η that a rule runs at on a landscape."""
    if rule.scale == "length":
        # Two digits, so that the page shows what was run.
        return [float(f"{land.unit * one:.2g}") for one in LENGTHS]
    octaves = OCTAVES if rule.scale == "beta" else LATE_OCTAVES
    return [1 / land.beta * 2.0 ** (k / 2) for k in octaves]


def descend(land: Landscape, optimizer: Optimizer, steps: int = STEPS, seed: int = SEED) -> Vector:
    """The paths of one rule from every start, with every kind of gradient.

    Returns
    -------
    (levels, starts, steps + 1, d) float64
        Far outside the window (ten times as far as a path is shown) the gradient is put to 0, so
        that no other path of the same run is lost by an overflow.
    """
    levels, (k, d) = land.levels(), land.starts.shape
    draws = _draws(land, levels, steps, seed)
    centre, half = _frame(land)
    now = 0

    def gradient(theta: Vector) -> Vector:
        points = theta.reshape(len(levels), k, d)
        slopes = np.empty_like(points)
        if land.rows is None:
            slopes[:] = land.gradient(points.reshape(-1, d)).reshape(points.shape)
            slopes += draws[now]
        else:
            for level, (_, batch) in enumerate(levels):
                rows = None if batch is None else draws[level][now]
                slopes[level] = land.gradient(points[level], rows)
        near = (np.abs(points - centre) <= 10 * FAR * half).all(axis=2, keepdims=True)
        return np.where(near, slopes, 0.0).ravel()

    # Its value is asked for by records only, which the run is told to leave out.
    stacked = Function(lambda theta: 0.0, gradient, n_params=len(levels) * k * d)
    theta0 = np.tile(land.starts.ravel(), len(levels))
    paths = np.empty((steps + 1, len(theta0)))
    paths[0] = theta0
    with Run(
        stacked, optimizer, theta0=theta0, steps=steps, record_every=steps, on_interrupt="raise"
    ) as run:
        for now in range(steps):
            paths[now + 1] = run.advance(1).theta
    return paths.reshape(steps + 1, len(levels), k, d).transpose(1, 2, 0, 3)


def _draws(land: Landscape, levels: Any, steps: int, seed: int) -> Any:
    """The same luck for all rules, so that two side by side differ by their rule alone."""
    if land.rows is not None:
        return [
            None if batch is None
            else np.random.default_rng(seed).integers(land.rows, size=(steps, batch))
            for _, batch in levels
        ]  # fmt: skip
    noise = np.random.default_rng(seed).standard_normal((steps, land.dimension))
    # σ² is the variance of the whole gradient, of which each coordinate has its part.
    sigma = np.array([one for one, _ in levels]) / np.sqrt(land.dimension)
    return sigma[None, :, None, None] * noise[:, None, None, :]


def _frame(land: Landscape) -> tuple[Vector, Vector]:
    """The middle of the window and half its width, in each parameter."""
    edges = np.array(land.window[: land.dimension])
    return edges.mean(axis=1), np.ptp(edges, axis=1) / 2


@dataclass(frozen=True)
class Grid:
    """The runs of all rules on a landscape.

    Attributes
    ----------
    points : (runs, levels, starts, steps + 1, d) float64
        In the order of the rules, of their settings, of their rates.
    lengths : (runs, levels, starts) int
        The number of steps before the path left the picture for good; `steps` where it did not.
    gaps : (runs, levels, starts, steps + 1) float64
        L - L*.
    slopes : (runs, levels, starts, steps + 1) float64
        ‖∇L‖², of the runs of plain descent only: those with theorems about it.
    sigma2 : list of float, or None
        With data: for each start, the largest σ² on its paths of plain descent at rates up to 1/β.
    """

    points: Vector
    lengths: NDArray[np.int64]
    gaps: Vector
    slopes: Vector
    sigma2: list[float] | None


def grid(land: Landscape, steps: int = STEPS) -> Grid:
    """Every run that the page can show of a landscape."""
    made = [
        descend(land, rule.make(lr, gamma, beta2), steps)
        for rule in RULES
        for gamma, beta2 in rule.settings()
        for lr in rates(rule, land)
    ]
    points = np.array(made)
    centre, half = _frame(land)
    outside = (np.abs(points - centre) > FAR * half).any(axis=-1)
    lengths = np.where(outside.any(axis=-1), outside.argmax(axis=-1), steps)
    # What comes after the end of a path is never shown: it stays where it ended.
    last = np.minimum(np.arange(steps + 1), lengths[..., None])
    points = np.take_along_axis(points, last[..., None], axis=3)
    flat = points.reshape(-1, land.dimension)
    gaps = land.value(flat).reshape(points.shape[:-1]) - land.least
    first = points[: sum(len(rates(rule, land)) for rule in RULES if rule.kind is SGD)]
    slopes = (land.gradient(first.reshape(-1, land.dimension)) ** 2).sum(axis=1)
    slopes = slopes.reshape(first.shape[:-1])
    plain = [lr <= 1.0001 / land.beta for lr in rates(RULES[0], land)]
    seen = points[: len(plain)][plain]
    return Grid(points, lengths, gaps, slopes, _variances(land, seen))


def _variances(land: Landscape, paths: Vector) -> list[float] | None:
    if land.rows is None:
        return None
    found = []
    for start in range(paths.shape[2]):
        points = paths[:, :, start].reshape(-1, land.dimension)
        some = points[:: max(1, len(points) // LOOKS)]
        found.append(max(theory.variance(land.objective, one) for one in some))
    return found


def pack(land: Landscape, made: Grid) -> dict[str, Any]:
    """The numbers of a grid as text: base64 of deflated 16-bit differences along each path.

    What makes them small: bytes of equal weight lie side by side, and the sign is the last bit, so
    that of small differences every upper byte is 0.
    """
    centre, half = _frame(land)
    places = np.rint((made.points - centre) / half * PLACES)
    channels = [places[..., j] for j in range(land.dimension)]
    channels += [_logarithm(made.gaps)]
    parts = [_deflate(one) for one in (*channels, _logarithm(made.slopes))]
    lengths = zlib.compress(made.lengths.astype(np.uint8).tobytes(), 9)
    return {
        "channels": [base64.b64encode(one).decode("ascii") for one in parts],
        "lengths": base64.b64encode(lengths).decode("ascii"),
        "centre": centre.tolist(),
        "half": half.tolist(),
    }


def _logarithm(values: Vector) -> Vector:
    floored = np.clip(values, 10.0**FLOOR, 10.0**CEILING)
    return np.rint(np.log10(floored) * DECADE)


def _deflate(numbers: Vector) -> bytes:
    whole = np.clip(numbers, -32768, 32767).astype(np.int16)
    apart = np.diff(whole, axis=-1, prepend=np.int16(0))
    coded = ((apart << 1) ^ (apart >> 15)).view(np.uint16)
    low, high = coded & 0xFF, coded >> 8
    planes = np.concatenate([low.ravel(), high.ravel()]).astype(np.uint8)
    return zlib.compress(planes.tobytes(), 9)
