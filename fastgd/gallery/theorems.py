"""The pictures of schedules and of the theorems: 10 to 16."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastgd import datasets, theory
from fastgd.gallery.methods import cancer
from fastgd.gallery.registry import minimize, picture
from fastgd.objectives import LeastSquares
from fastgd.optimizers import SAGA, SGD, Nesterov
from fastgd.plots.runs import LABELS, draw_bound
from fastgd.plots.style import COLOURS, look, panels
from fastgd.schedules import (
    Schedule,
    constant,
    cosine,
    inverse_time,
    linear,
    power,
    sgdr,
    triangular,
    warmup,
    wsd,
)


@picture(
    10, "warm-up", "Warm-up",
    "Schedules that begin with a warm-up of 50 steps.",
)  # fmt: skip
def _warmup_picture() -> Any:
    return _schedule_picture(
        500,
        {
            "then constant": warmup(50, then=0.1),
            "then inverse_time, k = 0.02": warmup(50, then=inverse_time(0.1, 0.02)),
            "then linear to 0": warmup(50, then=linear(0.1, 0.0)),
            "then cosine to a tenth": warmup(50, then=cosine(0.1)),
        },
    )


@picture(
    11, "triangular", "Triangular schedules",
    "Triangular schedules (Smith 2017): of equal height, halved every cycle, and shrinking by "
    "another factor.",
)  # fmt: skip
def _triangular_picture() -> Any:
    return _schedule_picture(
        600,
        {
            "shrink = 1": triangular(0.01, 0.1, 60),
            "shrink = 1/2 (triangular2)": triangular(0.01, 0.1, 60, shrink=0.5),
            "shrink = 0.8": triangular(0.01, 0.1, 60, shrink=0.8),
        },
    )


@picture(
    12, "restarts", "Warm restarts",
    "The cosine with warm restarts (Loshchilov and Hutter 2016): equal periods, and periods that "
    "double while the height falls.",
)  # fmt: skip
def _restarts_picture() -> Any:
    return _schedule_picture(
        700,
        {
            "period 100": sgdr(0.0, 0.1, 100),
            "period doubled, height times 0.8": sgdr(0.0, 0.1, 100, 2, 0.8),
        },
    )


def _schedule_picture(total: int, named: Mapping[str, Schedule]) -> Any:
    figure, (ax,) = panels(1)
    t = np.arange(total)
    for i, (label, schedule) in enumerate(named.items()):
        ax.plot(t, schedule(t, total), label=label, **look(i))
    ax.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return figure


@picture(
    13, "theorems", "The theorems beside runs",
    "What the theorems promise and what happens: 1, 2 and 5 on least squares (penguins), 3, 4 and "
    "6 as means over 10 seeds of logistic regression (breast cancer).",
)  # fmt: skip
def _theorems_picture() -> Any:
    data = datasets.load("penguins", "body_mass_g")
    f = LeastSquares(data.X, (data.y - data.y.mean()) / data.y.std(), fit_intercept=True)
    g = cancer(l2=0.1)
    beta = g.smoothness()
    plain = minimize(f, SGD(lr="1/beta"), steps=2000).certificate()
    fast = minimize(f, Nesterov(lr="1/beta"), steps=2000).certificate()
    single = theory.expectation(g, SGD(lr=0.1 / beta), batch_size=1, steps=300, seeds=10)
    batch = theory.expectation(g, SGD(lr=0.1 / beta), batch_size=16, steps=300, seeds=10)
    falling = theory.expectation(
        g, SGD(lr=power(1 / beta, 0.75)), batch_size=4, steps=300, seeds=10
    )
    rows = (plain["1"], plain["2"], single["3"], batch["4"], fast["5"], falling["6"])
    figure, axes = panels(3, 2, figsize=(12.0, 6.75))
    for ax, row in zip(axes, rows, strict=True):
        draw_bound(ax, row)
    return figure


@picture(
    14, "noise-floor", "The noise floor",
    "A constant rate stops at a noise that the batch size n divides: mean ‖∇L‖² over 10 seeds "
    "(lines) and ηβσ²/n, the part of theorem 4's bound that no number of steps removes (dotted). "
    "It is the floor of a bound, not of the runs, which may end below it: on this bowl, of the "
    "same curvature everywhere, the noise left is that floor divided by 2 - ηβ = 1.5.",
)  # fmt: skip
def _floor_picture() -> Any:
    # The estimate of a mean: the noise is the same everywhere, and the theorem nearly exact.
    y = datasets.load("penguins", "body_mass_g").y
    y = (y - y.mean()) / y.std()
    f = LeastSquares(np.ones((len(y), 1)), y)
    beta = float(f.smoothness() or math.nan)
    figure, (ax,) = panels(1)
    for i, size in enumerate((1, 4, 16, 64)):
        made = theory.expectation(
            f, SGD(lr=0.5 / beta), [1.0], batch_size=size, steps=1000, seeds=10
        )
        curve = made["4"].curve
        assert curve is not None
        steps, observed, _ = curve
        ax.plot(steps, observed, label=f"$n_B$ = {size}", **look(i))
        floor = theory.noise_floor(0.5 / beta, beta, made.sigma2 or 0.0, size)
        ax.axhline(floor, color=COLOURS[i], ls=":", lw=1.6)
    ax.plot([], [], ":", color="black", lw=1.6, label="floor of the bound")
    ax.set(xscale="log", yscale="log", xlabel="steps T", ylabel=LABELS["4"])
    ax.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=5, columnspacing=1.2, handlelength=1.6
    )
    return figure


@picture(
    15, "last-iterate", "The last iterate, and what a schedule does for it",
    "A constant rate, cosine and warmup-stable-decay (WSD) of one height: L(θ) - L* of the last θ, "
    "mean over 10 seeds of logistic regression (breast cancer), beside theorem 7's bound with "
    "E‖g‖² as observed. Both see the same: the loss falls where the rate does, in the last fifth "
    "of WSD at once, and a schedule that ends near 0 ends lower.",
)  # fmt: skip
def _last_iterate_picture() -> Any:
    f = cancer(l2=0.1)
    steps, height = 400, 0.1
    schedules: dict[str, Any] = {
        "constant": constant(height),
        "cosine": cosine(height, floor=0.001),
        "WSD": wsd(height, floor=0.001),
    }
    figure, (above, left, right) = panels(3, figsize=(12.0, 6.75))
    t = np.arange(steps)
    for i, (name, schedule) in enumerate(schedules.items()):
        above.plot(t, schedule(t, steps), label=name, **look(i))
        made = theory.expectation(f, SGD(schedule), batch_size=1, steps=steps, seeds=10)
        curve = made["7"].curve
        assert curve is not None
        shown, observed, bound = curve
        left.plot(shown, observed, label=name, **look(i))
        right.plot(shown, bound, label=name, **look(i))
    above.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
    left.set(xlabel="steps T", yscale="log", title="observed")
    left.set_ylabel(LABELS["7"])
    right.set(xlabel="steps T", yscale="log", title="theorem 7")
    above.legend()
    return figure


@picture(
    16, "linear-rates", "Strong convexity: rates that are linear",
    "Theorems 8 (gradient descent) and 9 (Nesterov's method with its best constant momentum), 10 "
    "(SGD, down to its neighbourhood) and 11 (SAGA, without one) on logistic regression with l2 = "
    "0.1 (breast cancer); 10 and 11 as means over 5 seeds.",
)  # fmt: skip
def _linear_rates_picture() -> Any:
    f = cancer(l2=0.1)
    best = theory.plan(f, target_gap=1e-6, theorem="9").optimizer
    plain = minimize(f, SGD(lr="1/beta"), steps=150).certificate()
    fast = minimize(f, best, steps=100).certificate()
    noisy = theory.expectation(f, SGD(lr=0.003), batch_size=1, steps=3000, seeds=5)
    saga = theory.expectation(f, SAGA(), batch_size=1, steps=8000, seeds=5)
    figure, axes = panels(2, 2, figsize=(12.0, 6.75))
    rows = (plain["8"], fast["9"], noisy["10"], saga["11"])
    for ax, row in zip(axes, rows, strict=True):
        draw_bound(ax, row)
    return figure
