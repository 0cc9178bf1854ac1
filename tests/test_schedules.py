"""Schedules against their formulas, written again here step by step from the specification."""

import dataclasses
import math
import pickle
import re
import sys
import threading
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgd import schedules

T = 97


def at_each_step(formula, total=T, extra=40):
    return np.array([formula(t) for t in range(total + extra)])


def cosine_formula(t, total, peak, floor):
    t = min(t, total)
    return peak * (floor + (1 - floor) * (1 + math.cos(math.pi * t / total)) / 2)


def smith_formula(t, low, high, half_cycle, multiplier):
    cycle = math.floor(1 + t / (2 * half_cycle))
    x = abs(t / half_cycle - 2 * cycle + 1)
    return low + (high - low) * max(0.0, 1 - x) * multiplier(cycle - 1, t)


def sgdr_formula(t, low, high, period, m, r):
    height = high - low
    while t >= period:
        t, period, height = t - period, period * m, height * r
    return low + height * (1 + math.cos(math.pi * t / period)) / 2


def one_cycle_formula(t, total, peak, rise, start, end):
    turn = rise * total
    if t < turn:
        return peak * (start + (1 - start) * (1 - math.cos(math.pi * t / turn)) / 2)
    part = min((t - turn) / (total - turn), 1) if turn < total else 0 if t == turn else 1
    return peak * (end + (1 - end) * (1 + math.cos(math.pi * part)) / 2)


SHAPES = {
    "linear": lambda x: 1 - x,
    "cosine": lambda x: (1 + math.cos(math.pi * x)) / 2,
    "1-sqrt": lambda x: 1 - math.sqrt(x),
}


def wsd_formula(t, total, peak, rise, fall, shape, floor):
    if t < rise:
        return peak * (t + 1) / rise
    if t < total - fall or fall == 0:
        return peak
    return peak * (floor + (1 - floor) * SHAPES[shape](min((t - total + fall) / fall, 1)))


def nesterov_formula(t):
    y = 0.0
    for _ in range(t):
        y = (1 + math.sqrt(1 + 4 * y * y)) / 2
    return (y - 1) / ((1 + math.sqrt(1 + 4 * y * y)) / 2)


def warmup_fraction_formula(t):
    width = round(0.25 * T)
    if t < width:
        return 1e-7 + (0.3 - 1e-7) * t / width
    return cosine_formula(t - width, T - width, 0.3, 0.1)


# Name -> pairs of a schedule and the formula of its value at step t of a run of T steps.
FORMULAS = {
    "constant": [(schedules.constant(0.3), lambda t: 0.3)],
    "inverse_time": [(schedules.inverse_time(0.3, 0.07), lambda t: 0.3 / (1 + 0.07 * t))],
    "power": [
        (schedules.power(0.3, 0.6), lambda t: 0.3 * (1 + t) ** -0.6),
        (schedules.power(0.3, 0), lambda t: 0.3),
    ],
    "step": [
        (schedules.step(0.3, 0.5, 7), lambda t: 0.3 * 0.5 ** (t // 7)),
        (schedules.step(0.3, 1.1, 7), lambda t: 0.3 * 1.1 ** (t // 7)),
    ],
    "exponential": [(schedules.exponential(0.3, 0.97), lambda t: 0.3 * 0.97**t)],
    "linear": [
        (schedules.linear(0.3, 0.1), lambda t: 0.3 + (0.1 - 0.3) * min(t / T, 1)),
        (schedules.linear(0.0, 0.3), lambda t: 0.3 * min(t / T, 1)),
    ],
    "cosine": [
        (schedules.cosine(0.3), lambda t: cosine_formula(t, T, 0.3, 0.1)),
        (schedules.cosine(0.3, floor=0.0), lambda t: cosine_formula(t, T, 0.3, 0.0)),
        (schedules.cosine(0.3, floor=1.0), lambda t: 0.3),
        (schedules.cosine(0.3, steps=20), lambda t: cosine_formula(t, 20, 0.3, 0.1)),
        (
            schedules.cosine(0.3, steps=20, after="rise"),
            lambda t: 0.3 * (0.1 + 0.9 * (1 + math.cos(math.pi * t / 20)) / 2),
        ),
        (
            schedules.cosine(0.3, exponent=1.5),
            lambda t: 0.3 * (0.1 + 0.9 * ((1 + math.cos(math.pi * min(t, T) / T)) / 2) ** 1.5),
        ),
    ],
    "polynomial": [
        (
            schedules.polynomial(0.3, 0.1, exponent=2.0),
            lambda t: 0.1 + 0.2 * (1 - min(t, T) / T) ** 2,
        ),
        (schedules.polynomial(0.0, 0.3, steps=9), lambda t: 0.3 - 0.3 * (1 - min(t, 9) / 9)),
    ],
    "join": [
        (
            schedules.join([5, 20], [0.3, schedules.cosine(0.3), schedules.linear(0.3, 0.0)]),
            lambda t: (
                0.3
                if t < 5
                else cosine_formula(t - 5, 15, 0.3, 0.1)
                if t < 20
                else 0.3 * (1 - min(t - 20, T - 20) / (T - 20))
            ),
        ),
        (schedules.join([500], [0.3, 0.1]), lambda t: 0.3),
    ],
    "interpolate": [
        (
            schedules.interpolate([0, 9.5, 40], [0.1, 0.3, 0.0]),
            lambda t: 0.1 + 0.2 * t / 9.5 if t < 9.5 else 0.3 * (1 - min((t - 9.5) / 30.5, 1)),
        ),
        (
            schedules.interpolate([3, 13], [0.3, 0.1], shape="cosine"),
            lambda t: 0.1 + 0.1 * (1 + math.cos(math.pi * min(max(t - 3, 0) / 10, 1))),
        ),
        (schedules.interpolate([7], [0.3]), lambda t: 0.3),
    ],
    "bounded": [
        (
            schedules.bounded(schedules.exponential(0.3, 0.9), 0.1, 0.2),
            lambda t: min(0.2, max(0.1, 0.3 * 0.9**t)),
        ),
        (schedules.bounded(schedules.linear(0.3, 0.0)), lambda t: 0.3 * (1 - min(t / T, 1))),
    ],
    "held": [
        (
            schedules.held(schedules.linear(0.3, 0.0), 7),
            lambda t: 0.3 * (1 - min(t // 7 * 7 / T, 1)),
        ),
    ],
    "warmup": [
        (schedules.warmup(10, then=0.3), lambda t: 0.3 * min((t + 1) / 10, 1)),
        (schedules.warmup(1, then=0.3), lambda t: 0.3),
        (schedules.warmup(200, then=0.3), lambda t: 0.3 * min((t + 1) / 200, 1)),
        (schedules.warmup(0.25, start=1e-7, then=schedules.cosine(0.3)), warmup_fraction_formula),
        (
            schedules.warmup(5, then=schedules.warmup(5, start=0.2, then=0.4)),
            lambda t: 0.2 * (t + 1) / 5 if t < 5 else min(0.2 + 0.2 * (t - 5) / 5, 0.4),
        ),
    ],
    "triangular": [
        (
            schedules.triangular(0.1, 0.5, 6),
            lambda t: smith_formula(t, 0.1, 0.5, 6, lambda cycle, t: 1),
        ),
        (
            schedules.triangular(0.1, 0.5, 6, shrink=0.5),
            lambda t: smith_formula(t, 0.1, 0.5, 6, lambda cycle, t: 0.5**cycle),
        ),
        (
            schedules.triangular(0.1, 0.5, 6, shrink=schedules.exponential(1.0, 0.99)),
            lambda t: smith_formula(t, 0.1, 0.5, 6, lambda cycle, t: 0.99**t),
        ),
    ],
    "sgdr": [
        (schedules.sgdr(0.1, 0.5, 9), lambda t: sgdr_formula(t, 0.1, 0.5, 9, 1, 1)),
        (schedules.sgdr(0.1, 0.5, 9, 2, 0.7), lambda t: sgdr_formula(t, 0.1, 0.5, 9, 2, 0.7)),
        (schedules.sgdr(0.1, 0.5, 1, 3), lambda t: sgdr_formula(t, 0.1, 0.5, 1, 3, 1)),
    ],
    "invscaling": [
        (schedules.invscaling(0.3), lambda t: 0.3 / (t + 1) ** 0.25),
        (schedules.invscaling(0.3, 0.5), lambda t: 0.3 / (t + 1) ** 0.5),
    ],
    "bottou": [(schedules.bottou(0.01, 50.0), lambda t: 1 / (0.01 * (50 + t)))],
    "one_cycle": [
        (schedules.one_cycle(0.3), lambda t: one_cycle_formula(t, T, 0.3, 0.3, 1 / 25, 4e-6)),
        (
            schedules.one_cycle(0.85, rise=0.5, start=0.95 / 0.85, end=0.9),
            lambda t: one_cycle_formula(t, T, 0.85, 0.5, 0.95 / 0.85, 0.9),
        ),
        (
            schedules.one_cycle(0.3, rise=0, end=0),
            lambda t: one_cycle_formula(t, T, 0.3, 0, 1, 0),
        ),
        (
            schedules.one_cycle(0.3, rise=1, start=0, end=0.5),
            lambda t: one_cycle_formula(t, T, 0.3, 1, 0, 0.5),
        ),
    ],
    "wsd": [
        (schedules.wsd(0.3), lambda t: wsd_formula(t, T, 0.3, 0, 19, "linear", 0)),
        (
            schedules.wsd(0.3, warmup=10, cooldown=30, shape="cosine", floor=0.1),
            lambda t: wsd_formula(t, T, 0.3, 10, 30, "cosine", 0.1),
        ),
        (
            schedules.wsd(0.3, warmup=0.1, cooldown=0.4, shape="1-sqrt"),
            lambda t: wsd_formula(t, T, 0.3, 10, 39, "1-sqrt", 0),
        ),
        (schedules.wsd(0.3, cooldown=0), lambda t: 0.3),
        (
            schedules.wsd(0.3, warmup=80, cooldown=90),
            lambda t: wsd_formula(t, T, 0.3, 80, T - 80, "linear", 0),
        ),
        (
            schedules.wsd(0.3, warmup=500, cooldown=90),
            lambda t: wsd_formula(t, T, 0.3, 500, 0, "linear", 0),
        ),
    ],
    "nesterov": [(schedules.nesterov(), nesterov_formula)],
    "scaled": [(0.5 * schedules.cosine(0.3), lambda t: 0.5 * cosine_formula(t, T, 0.3, 0.1))],
    "custom": [(schedules.custom(lambda t, total: t / total), lambda t: t / T)],
}
CASES = [case for cases in FORMULAS.values() for case in cases]


def label(schedule):
    """A name without addresses: the processes of pytest -n must agree on it."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(schedule))


EACH = pytest.mark.parametrize("schedule", [case[0] for case in CASES], ids=label)


def test_every_registered_schedule_has_a_formula_here():
    assert set(FORMULAS) == set(schedules.registry)
    for name, cases in FORMULAS.items():
        assert all(type(schedule) is schedules.registry[name] for schedule, _ in cases)


@pytest.mark.parametrize(("schedule", "formula"), CASES, ids=[label(case[0]) for case in CASES])
def test_values_follow_the_formula(schedule, formula):
    expected = at_each_step(formula)
    np.testing.assert_allclose(
        schedule(np.arange(len(expected)), T), expected, rtol=1e-13, atol=1e-15
    )


@EACH
def test_scalars_and_chunks_see_the_bits_of_the_whole(schedule):
    whole = schedule(np.arange(150), T)
    assert whole.dtype == np.float64
    assert [schedule(t, T) for t in range(150)] == whole.tolist()
    cut = np.concatenate([schedule(np.arange(a, b), T) for a, b in [(0, 1), (1, 64), (64, 150)]])
    assert cut.tobytes() == whole.tobytes()
    assert schedule(np.arange(150).reshape(2, 3, 25), T).tobytes() == whole.tobytes()
    assert schedule(np.arange(150, dtype=np.uint8), T).tobytes() == whole.tobytes()
    assert schedule(np.arange(0), T).shape == (0,)


@EACH
def test_schedules_are_values(schedule):
    assert schedule == dataclasses.replace(schedule)
    assert hash(schedule) == hash(dataclasses.replace(schedule))
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.anything = 1
    if not isinstance(schedule, schedules.custom):
        again = pickle.loads(pickle.dumps(schedule))
        assert again == schedule
        assert again(np.arange(T), T).tobytes() == schedule(np.arange(T), T).tobytes()


@EACH
def test_steps_are_left_alone(schedule):
    t = np.arange(T)
    schedule(t, T)
    assert np.array_equal(t, np.arange(T))


# Properties.

rates = st.floats(0, 1e6)
positive = st.floats(1e-6, 1.0)
counts = st.integers(1, 10**6)
totals = st.integers(1, 10**7)
steps = st.lists(st.integers(0, 10**7), min_size=1, max_size=20)
bounds = st.tuples(rates, rates).map(sorted)
simple = st.one_of(
    st.builds(schedules.constant, rates),
    st.builds(schedules.inverse_time, rates, rates),
    st.builds(schedules.power, rates, rates),
    st.builds(schedules.step, rates, positive, counts),
    st.builds(schedules.exponential, rates, positive),
    st.builds(schedules.linear, rates, rates),
    st.builds(schedules.cosine, rates, st.floats(0, 1)),
    st.builds(lambda b, c, s: schedules.triangular(*b, c, s), bounds, counts, positive),
    st.builds(
        lambda b, p, m, r: schedules.sgdr(*b, p, m, r), bounds, counts, st.integers(1, 5), positive
    ),
)
composed = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.builds(
            lambda w, s, then: schedules.warmup(w, s, then=then),
            st.one_of(counts, st.floats(0.001, 0.999)), st.none() | rates, inner,
        ),
        st.builds(lambda factor, s: factor * s, st.floats(0, 100), inner),
        st.builds(lambda b, c, s: schedules.triangular(*b, c, 1e-6 * s), bounds, counts, inner),
    ),
    max_leaves=4,
)  # fmt: skip


@given(composed, steps, totals)
def test_any_composition_is_finite_non_negative_and_elementwise(schedule, t, total):
    values = schedule(np.array(t), total)
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert values.tolist() == [schedule(step, total) for step in t]


@given(rates, st.floats(0, 1), totals, st.integers(0, 10**7))
def test_cosine_never_rises_and_stays_at_the_floor(peak, floor, total, beyond):
    schedule = schedules.cosine(peak, floor)
    values = schedule(np.linspace(0, 2 * total, 50).astype(np.int64), total)
    assert (np.diff(values) <= 1e-15 * peak).all()
    assert schedule(total + beyond, total) == pytest.approx(peak * floor, rel=1e-12)


@given(st.integers(1, 50), st.integers(1, 4), st.floats(0.1, 1.0))
def test_sgdr_restarts_where_it_should(period, multiplier, height):
    schedule = schedules.sgdr(0.25, 1.25, period, multiplier, height)
    start, length = 0, period
    for i in range(5):
        top = 0.25 + height**i
        assert schedule(start, T) == pytest.approx(top, rel=1e-14)
        if length > 1:
            assert schedule(start + 1, T) < top
        last = 0.25 + height**i * (1 + math.cos(math.pi * (length - 1) / length)) / 2
        assert schedule(start + length - 1, T) == pytest.approx(last, rel=1e-14)
        start, length = start + length, length * multiplier


def test_sgdr_finds_its_restarts_far_out_exactly():
    schedule = schedules.sgdr(0.0, 1.0, 3, 3, 0.5)
    starts = np.array([3 * (3**i - 1) // 2 for i in range(38)])
    assert schedule(starts, T).tolist() == [0.5**i for i in range(38)]
    assert (schedule(starts[1:] - 1, T) < 0.5 ** np.arange(37)).all()
    huge = schedules.sgdr(0.0, 1.0, 10**17, 1000)
    assert huge(2**62, T) > 0


def test_triangular2_halves_its_height_every_cycle():
    schedule = schedules.triangular(0.5, 4.5, 10, shrink=0.5)
    assert schedule(np.arange(10, 100, 20), T).tolist() == [4.5, 2.5, 1.5, 1.0, 0.75]
    assert schedule(np.arange(0, 100, 20), T).tolist() == [0.5] * 5


def test_nesterov_follows_its_recurrence():
    values = schedules.nesterov()(np.arange(200_000), None)
    assert values[0] == -1.0
    assert values[1] == 0.0
    y, worst = 0.0, 0.0
    for value in values:
        following = 0.5 + math.sqrt(0.25 + y * y)
        worst = max(worst, abs((y - 1) / following - value))
        y = following
    assert worst <= 1e-15
    assert (np.diff(values) > 0).all()


def test_nesterov_against_exact_arithmetic():
    y = Fraction(0)
    for t in range(2500):
        # sqrt(1 + 4y²) by integers, good to 60 decimals
        root = Fraction(math.isqrt(int((1 + 4 * y * y) * 10**120)), 10**60)
        following = (1 + root) / 2
        if t in (2, 3, 100, 1023, 1024, 1025, 1026, 2499):
            exact = (y - 1) / following
            assert abs(Fraction(float(schedules.nesterov()(t))) - exact) <= Fraction(1, 10**15)
        y = Fraction(int(following * 10**60), 10**60)


def test_nesterov_at_the_largest_steps():
    values = schedules.nesterov()(np.array([10**9, 10**15, 2**63 - 1]))
    assert ((0 < values) & (values <= 1)).all()
    assert values[0] == pytest.approx(1 - 3e-9, abs=1e-15)


def test_nesterov_in_many_threads():
    results = [None] * 8

    def work(i):
        results[i] = schedules.nesterov()(np.arange(5000), None).tobytes()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1


@given(st.integers(1, 1000), totals)
def test_a_warmup_hands_over_its_own_clock(width, total):
    seen = []

    def spy(t, total):
        seen.append((t.copy(), total))
        return np.ones(t.shape)

    schedules.warmup(width, then=spy)(np.array([0, width, width + 3]), total)
    assert all(length == max(total - width, 1) for _, length in seen)
    assert seen[-1][0].tolist() == [0, 0, 3]


def test_a_part_of_the_run_is_at_least_one_step():
    assert schedules.warmup(0.001, then=1.0)(0, 10) == 1.0
    assert schedules.warmup(0.5, then=1.0)(np.arange(4), 4).tolist() == [0.5, 1, 1, 1]


@EACH
def test_scaling_composes_with_everything(schedule):
    t = np.arange(150)
    expected = 0.5 * schedule(t, T)
    number = np.float64(0.5)
    for half in (0.5 * schedule, schedule * 0.5, number * schedule, schedule * number):
        assert isinstance(half, schedules.scaled)
        np.testing.assert_array_equal(half(t, T), expected)
    inside = schedules.warmup(3, then=schedule)
    np.testing.assert_array_equal(inside(t + 3, T + 3), schedule(t, T))


# Robbins and Monro.


@pytest.mark.parametrize(
    ("schedule", "answer"),
    [
        (schedules.constant(0.1), False),
        (schedules.constant(0), False),
        (schedules.invscaling(0.1), False),
        (schedules.invscaling(0.1, 0.75), True),
        (schedules.bottou(0.1, 1.0), True),
        (schedules.one_cycle(0.1), False),
        (schedules.wsd(0.1), False),
        (schedules.inverse_time(0.1, 0.01), True),
        (schedules.inverse_time(0.1, 0), False),
        (schedules.inverse_time(0, 0.1), False),
        (schedules.power(0.1, 0.5), False),
        (schedules.power(0.1, 0.51), True),
        (schedules.power(0.1, 1), True),
        (schedules.power(0.1, 1.01), False),
        (schedules.power(0, 1), False),
        (schedules.step(0.1, 0.5, 10), False),
        (schedules.exponential(0.1, 0.99), False),
        (schedules.linear(0.1, 0), False),
        (schedules.cosine(0.1), False),
        (schedules.warmup(10, then=0.1), False),
        (schedules.warmup(10, then=schedules.power(0.1, 1)), True),
        (schedules.warmup(10, then=lambda t, total: 1.0 / (1 + t)), None),
        (schedules.triangular(0.0, 0.1, 10), False),
        (schedules.triangular(0.0, 0.1, 10, 0.5), False),
        (schedules.triangular(0.0, 0.1, 10, schedules.power(1, 1)), None),
        (schedules.triangular(0.1, 0.2, 10, schedules.power(1, 1)), False),
        (schedules.sgdr(0.0, 0.1, 10), False),
        (schedules.sgdr(0.0, 0.1, 10, 2, 0.5), True),
        (schedules.sgdr(0.0, 0.1, 10, 2, 0.75), False),
        (schedules.sgdr(0.0, 0.1, 10, 2, 0.45), False),
        (schedules.sgdr(0.01, 0.1, 10, 2, 0.5), False),
        (schedules.nesterov(), False),
        (2.0 * schedules.power(0.1, 1), True),
        (0.0 * schedules.power(0.1, 1), False),
        (schedules.custom(lambda t, total: 1.0 / (1 + t)), None),
    ],
    ids=label,
)
def test_robbins_monro(schedule, answer):
    assert schedule.robbins_monro is answer


@EACH
def test_every_schedule_answers_for_robbins_and_monro(schedule):
    assert schedule.robbins_monro in (True, False, None)


# Numbers and functions as schedules.


def test_as_schedule():
    cosine = schedules.cosine(0.1)
    assert schedules.as_schedule(cosine) is cosine
    assert schedules.as_schedule(0.1) == schedules.constant(0.1)
    assert schedules.as_schedule(np.float64(0.1)) == schedules.constant(0.1)
    assert schedules.as_schedule(1) == schedules.constant(1.0)
    wrapped = schedules.as_schedule(lambda t, total: t + total)
    assert wrapped(np.arange(3), 10).tolist() == [10.0, 11.0, 12.0]


@pytest.mark.parametrize("value", ["0.1", None, True, [0.1], 1j, np.array([0.1])], ids=repr)
def test_as_schedule_refuses(value):
    with pytest.raises(TypeError, match="lr must be a number"):
        schedules.as_schedule(value)


def test_as_schedule_refuses_a_class():
    with pytest.raises(TypeError, match="cosine needs its parameters"):
        schedules.as_schedule(schedules.cosine)


def test_a_new_schedule_is_registered_by_being_defined():
    try:

        @dataclasses.dataclass(frozen=True)
        class alternating(schedules.Schedule):
            lr: float

            def values(self, t, total):
                return self.lr * (t % 2)

        assert schedules.registry["alternating"] is alternating
        assert (2.0 * alternating(0.5))(np.arange(4), 4).tolist() == [0, 1, 0, 1]
        assert alternating(0.5).robbins_monro is None
    finally:
        del schedules.registry["alternating"]


def test_the_base_is_no_schedule():
    with pytest.raises(NotImplementedError, match="does not define values"):
        schedules.Schedule()(0, 1)


# Bad input. For each class, a good value of each parameter; each is then spoilt in turn.

GOOD = {
    "constant": {"lr": 0.1},
    "inverse_time": {"lr": 0.1, "rate": 0.1},
    "power": {"lr": 0.1, "exponent": 0.5},
    "step": {"lr": 0.1, "factor": 0.5, "every": 10},
    "exponential": {"lr": 0.1, "ratio": 0.5},
    "linear": {"start": 0.1, "end": 0.0},
    "cosine": {"peak": 0.1, "floor": 0.1},
    "invscaling": {"lr": 0.1, "exponent": 0.5},
    "bottou": {"alpha": 0.1, "t0": 10.0},
    "one_cycle": {"peak": 0.1, "rise": 0.3, "start": 0.1, "end": 0.0},
    "wsd": {"peak": 0.1, "warmup": 10, "cooldown": 0.2, "shape": "linear", "floor": 0.0},
    "warmup": {"steps": 10, "start": 0.0, "then": 0.1},
    "triangular": {"low": 0.1, "high": 0.2, "half_cycle": 10, "shrink": 0.5},
    "sgdr": {
        "low": 0.1, "high": 0.2, "period": 10, "period_multiplier": 2, "height_multiplier": 0.5,
    },
    "nesterov": {},
    "polynomial": {"start": 0.1, "end": 0.0, "exponent": 2.0, "steps": 10},
    "join": {"boundaries": [10], "schedules": [0.1, 0.2]},
    "interpolate": {"places": [0, 10], "heights": [0.1, 0.2], "shape": "linear"},
    "bounded": {"schedule": 0.1, "low": 0.1, "high": 0.2},
    "held": {"schedule": 0.1, "every": 10},
    "scaled": {"factor": 0.5, "schedule": 0.1},
    "custom": {"function": lambda t, total: 0.1 * t},
}  # fmt: skip
PARAMETERS = [
    (name, field.name)
    for name, cls in schedules.registry.items()
    for field in dataclasses.fields(cls)
]
# Names and lists, each with tests of its own.
APART = {
    ("wsd", "shape"), ("cosine", "after"), ("join", "boundaries"), ("join", "schedules"),
    ("interpolate", "places"), ("interpolate", "heights"), ("interpolate", "shape"),
}  # fmt: skip
WRONG_TYPES = ["0.1", True, np.True_, 1j, [0.1], np.array([0.1, 0.2])]


def spoilt(name, parameter, value):
    return schedules.registry[name](**{**GOOD[name], parameter: value})


@pytest.mark.parametrize(("name", "parameter"), [p for p in PARAMETERS if p not in APART])
@pytest.mark.parametrize("value", WRONG_TYPES, ids=repr)
def test_wrong_types_are_refused(name, parameter, value):
    with pytest.raises(TypeError, match=r"must be (a number|an integer|callable)"):
        spoilt(name, parameter, value)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [p for p in PARAMETERS if p not in APART | {("custom", "function")}],
)
@pytest.mark.parametrize("value", [-1, -0.5, math.nan, math.inf, -math.inf, np.float64("nan")])
def test_numbers_out_of_range_are_refused(name, parameter, value):
    integers = ("every", "half_cycle", "period", "period_multiplier")
    whole = parameter in integers or (parameter == "steps" and name != "warmup")
    wrong_kind = whole and isinstance(value, float)
    with pytest.raises(TypeError if wrong_kind else ValueError, match=r"must (be|not exceed)"):
        spoilt(name, parameter, value)


@pytest.mark.parametrize(
    ("name", "parameter", "value", "message"),
    [
        ("wsd", "shape", "quadratic", r"wsd: shape must be one of linear, cosine, 1-sqrt; not 'qu"),
        ("wsd", "warmup", -1, r"wsd: warmup must be an integer >= 0, not -1"),
        ("wsd", "cooldown", 1.5, r"wsd: cooldown must be >= 0 and <= 1, not 1.5"),
        ("bottou", "t0", 0, r"bottou: t0 must be > 0, not 0.0"),
        ("one_cycle", "rise", 1.5, r"one_cycle: rise must be >= 0 and <= 1, not 1.5"),
        ("step", "every", 0, r"step: every must be an integer >= 1, not 0"),
        ("step", "every", 2.5, r"step: every must be an integer, not 2.5"),
        ("step", "factor", 0, r"step: factor must be > 0, not 0.0"),
        ("exponential", "ratio", 0, r"exponential: ratio must be > 0, not 0.0"),
        ("cosine", "floor", 1.1, r"cosine: floor must be >= 0 and <= 1, not 1.1"),
        ("constant", "lr", -0.1, r"constant: lr must be >= 0, not -0.1"),
        ("constant", "lr", math.nan, r"constant: lr must be finite, not nan"),
        ("warmup", "steps", 0, r"warmup: steps must be an integer >= 1, not 0"),
        ("warmup", "steps", 0.0, r"warmup: steps must be an integer >= 1, or a part of the run"),
        ("warmup", "steps", 1.0, r"warmup: steps must be an integer >= 1, or a part of the run"),
        ("triangular", "high", 0.05, r"triangular: low must not exceed high, but 0.1 > 0.05"),
        ("triangular", "shrink", 0, r"triangular: shrink must be > 0"),
        ("sgdr", "low", 0.3, r"sgdr: low must not exceed high, but 0.3 > 0.2"),
        ("sgdr", "period_multiplier", 0, r"sgdr: period_multiplier must be an integer >= 1"),
        ("sgdr", "height_multiplier", 0, r"sgdr: height_multiplier must be > 0"),
    ],
)
def test_messages_name_schedule_and_parameter(name, parameter, value, message):
    with pytest.raises(ValueError if "integer, not" not in message else TypeError, match=message):
        spoilt(name, parameter, value)


@pytest.mark.parametrize("shape", [None, 1, ("linear",), True])
def test_the_shape_of_a_cooldown_is_a_name(shape):
    with pytest.raises(TypeError, match="wsd: shape must be one of"):
        schedules.wsd(0.1, shape=shape)


@pytest.mark.parametrize(
    ("schedule", "parameters", "error", "message"),
    [
        ("cosine", {"peak": 0.1, "after": "fall"}, ValueError, "after must be 'stay' or 'rise'"),
        ("cosine", {"peak": 0.1, "after": None}, TypeError, "after must be 'stay' or 'rise'"),
        ("join", {"boundaries": "5", "schedules": [0.1]}, TypeError, "must be a list of steps"),
        ("join", {"boundaries": [5.0], "schedules": [0.1, 0.2]}, TypeError, "whole numbers"),
        ("join", {"boundaries": [0], "schedules": [0.1, 0.2]}, ValueError, "must rise from 1"),
        ("join", {"boundaries": [5, 5], "schedules": [0.1] * 3}, ValueError, "must rise from 1"),
        ("join", {"boundaries": [5], "schedules": [0.1]}, ValueError, "1 schedules have 0 bound"),
        ("join", {"boundaries": [], "schedules": 0.1}, TypeError, "must be a list of schedules"),
        ("join", {"boundaries": [], "schedules": []}, TypeError, "must be a list of schedules"),
        ("interpolate", {"places": 1, "heights": [0.1]}, TypeError, "must be a list of numbers"),
        ("interpolate", {"places": [1], "heights": ["a"]}, TypeError, "must be a number"),
        ("interpolate", {"places": [1], "heights": [-0.1]}, ValueError, "must be >= 0"),
        ("interpolate", {"places": [1, 1], "heights": [1, 1]}, ValueError, "places must rise"),
        ("interpolate", {"places": [1, 2], "heights": [1]}, ValueError, "as many as places, 2"),
        ("interpolate", {"places": [1], "heights": [1], "shape": "x"}, ValueError, "'linear' or"),
        ("interpolate", {"places": [1], "heights": [1], "shape": 1}, TypeError, "'linear' or"),
        ("bounded", {"schedule": 0.1, "low": 0.3, "high": 0.2}, ValueError, "must not exceed"),
    ],
)  # fmt: skip
def test_schedules_made_of_others_say_what_they_want(schedule, parameters, error, message):
    with pytest.raises(error, match=f"{schedule}: .*{message}"):
        schedules.registry[schedule](**parameters)


def test_a_run_can_be_made_longer_up_to_the_cooldown():
    short, long = (schedules.wsd(0.3, warmup=5, cooldown=20)(np.arange(n), n) for n in (60, 600))
    assert np.array_equal(short[:40], long[:40])
    assert short[41] < long[41] == 0.3


def test_bottou_is_inverse_time():
    t = np.arange(1000)
    np.testing.assert_allclose(
        schedules.bottou(0.02, 30.0)(t),
        schedules.inverse_time(1 / (0.02 * 30), 1 / 30)(t),
        rtol=1e-14,
    )


def test_a_warmup_needs_what_follows():
    with pytest.raises(TypeError, match="then= is missing"):
        schedules.warmup(10)


@EACH
@pytest.mark.parametrize("t", [0.0, [0.5], True, "0", None, np.array([1.0])], ids=repr)
def test_steps_must_be_integers(schedule, t):
    with pytest.raises(TypeError, match="steps t must be integers"):
        schedule(t, T)


@EACH
def test_steps_and_totals_out_of_range(schedule):
    with pytest.raises(ValueError, match="count from 0, but one is -1"):
        schedule(np.array([3, -1]), T)
    for total in (0, -5):
        with pytest.raises(ValueError, match="total must be an integer >= 1"):
            schedule(0, total)
    for total in (10.0, True, "10"):
        with pytest.raises(TypeError, match="total must be an integer"):
            schedule(0, total)


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.cosine(0.1),
        schedules.linear(0.1, 0.0),
        schedules.warmup(0.1, then=0.1),
        schedules.warmup(3, then=schedules.cosine(0.1)),
        0.5 * schedules.cosine(0.1),
        schedules.wsd(0.1),
        schedules.one_cycle(0.1),
    ],
    ids=label,
)
def test_a_missing_total_is_named(schedule):
    with pytest.raises(ValueError, match="depends on the run's length"):
        schedule(np.arange(3))


def test_growth_beyond_the_largest_float_is_named():
    message = r"exponential\(lr=1.0, ratio=2.0\) is not finite at step 1024"
    with pytest.raises(ValueError, match=message):
        schedules.exponential(1.0, 2.0)(np.arange(2000), 2000)


@pytest.mark.parametrize("value", ["a", True, None], ids=repr)
def test_schedules_scale_by_numbers_only(value):
    with pytest.raises(TypeError, match="unsupported operand|can't multiply"):
        value * schedules.constant(0.1)


def test_bad_functions_are_named():
    with pytest.raises(ValueError, match=r"returned shape \(2,\) for steps of shape \(3,\)"):
        schedules.custom(lambda t, total: t[:2])(np.arange(3), 3)
    with pytest.raises(TypeError, match="must return real numbers"):
        schedules.custom(lambda t, total: t > 1)(np.arange(3), 3)
    with pytest.raises(ValueError, match="is not finite at step 1"):
        schedules.custom(lambda t, total: np.where(t == 1, np.nan, 1.0))(np.arange(3), 3)


# Documentation and pictures.


def test_docstrings_hold_formula_source_and_example():
    for name, cls in schedules.registry.items():
        for part in ("References\n", "Examples\n", ">>> ", ".. math::"):
            assert part in cls.__doc__, f"{name} lacks {part!r}"


@EACH
def test_plot_draws_the_values(schedule):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    ax = schedule.plot(T)
    np.testing.assert_array_equal(ax.lines[0].get_xydata()[:, 1], schedule(np.arange(T), T))
    assert schedule.plot(T, ax) is ax
    assert len(ax.lines) == 2
    pyplot.close(ax.figure)


def test_plot_of_a_long_run_stays_small():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    ax = schedules.cosine(0.1).plot(10**9)
    x, y = ax.lines[0].get_data()
    assert len(x) == 10_000
    assert x[-1] == 10**9 - 1
    assert y[-1] == pytest.approx(0.01)
    pyplot.close(ax.figure)


def test_plot_without_matplotlib_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "fastgd\[plot\]"'):
        schedules.constant(0.1).plot(10)
    with pytest.raises(ValueError, match="total must be an integer >= 1"):
        schedules.constant(0.1).plot(0)


def test_what_underflows_is_zero_also_where_errors_are_raised():
    with np.errstate(all="raise"):
        values = schedules.exponential(0.1, 1e-3)(np.arange(1000))
        steps = schedules.step(0.1, 0.1, 1)(np.arange(1000))
    assert values[-1] == steps[-1] == 0.0
