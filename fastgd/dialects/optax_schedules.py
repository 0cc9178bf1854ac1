"""The schedules of optax, as schedules of fastgd."""

from collections.abc import Sequence
from typing import Any

from fastgd import schedules
from fastgd.dialects.terms import Dialect

__all__ = [
    "constant_schedule", "cosine_decay_schedule", "cosine_onecycle_schedule", "exponential_decay",
    "join_schedules", "linear_onecycle_schedule", "linear_schedule", "piecewise_constant_schedule",
    "piecewise_interpolate_schedule", "polynomial_schedule", "sgdr_schedule",
    "warmup_constant_schedule", "warmup_cosine_decay_schedule", "warmup_exponential_decay_schedule",
]  # fmt: skip

row = Dialect("optax", {}, {})


@row
def constant_schedule(value: float) -> schedules.Schedule:
    """``optax.constant_schedule`` in fastgd's words.

    >>> gd.dialects.optax.constant_schedule(0.1)
    constant(lr=0.1)
    """
    return schedules.constant(value)


@row
def polynomial_schedule(
    init_value: float, end_value: float, power: float, transition_steps: int,
    transition_begin: int = 0,
) -> schedules.Schedule:  # fmt: skip
    """``optax.polynomial_schedule`` in fastgd's words.

    >>> gd.dialects.optax.polynomial_schedule(1.0, 0.0, 2.0, 4)(np.arange(5))
    array([1.    , 0.5625, 0.25  , 0.0625, 0.    ])
    """
    if transition_steps <= 0:
        return schedules.constant(init_value)
    made = schedules.polynomial(init_value, end_value, exponent=power, steps=transition_steps)
    return _begun(made, init_value, transition_begin)


@row
def linear_schedule(
    init_value: float, end_value: float, transition_steps: int, transition_begin: int = 0,
) -> schedules.Schedule:  # fmt: skip
    """``optax.linear_schedule`` in fastgd's words.

    >>> gd.dialects.optax.linear_schedule(1.0, 0.0, 2, transition_begin=1)(np.arange(5))
    array([1. , 1. , 0.5, 0. , 0. ])
    """
    return polynomial_schedule(init_value, end_value, 1.0, transition_steps, transition_begin)


@row
def exponential_decay(
    init_value: float, transition_steps: int, decay_rate: float, transition_begin: int = 0,
    staircase: bool = False, end_value: float | None = None,
) -> schedules.Schedule:  # fmt: skip
    """``optax.exponential_decay`` in fastgd's words.

    >>> gd.dialects.optax.exponential_decay(1.0, 2, 0.25)(np.arange(4))
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    if transition_steps <= 0 or decay_rate == 0:
        return schedules.constant(init_value)
    made: schedules.Schedule
    if staircase:
        made = schedules.step(init_value, decay_rate, transition_steps)
    else:
        made = schedules.exponential(init_value, decay_rate ** (1.0 / transition_steps))
    made = _begun(made, init_value, transition_begin)
    if end_value is None:
        return made
    if decay_rate < 1:
        return schedules.bounded(made, low=end_value)
    return schedules.bounded(made, high=end_value)


@row
def cosine_decay_schedule(
    init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0,
) -> schedules.Schedule:  # fmt: skip
    """``optax.cosine_decay_schedule`` in fastgd's words.

    >>> gd.dialects.optax.cosine_decay_schedule(1.0, 2)(np.arange(4)).round(3)
    array([1. , 0.5, 0. , 0. ])
    """
    return schedules.cosine(init_value, alpha, steps=decay_steps, exponent=exponent)


@row
def piecewise_constant_schedule(
    init_value: float, boundaries_and_scales: dict[int, float] | None = None,
) -> schedules.Schedule:  # fmt: skip
    """``optax.piecewise_constant_schedule``: a factor at each boundary.

    >>> gd.dialects.optax.piecewise_constant_schedule(1.0, {2: 0.1})(np.arange(4))
    array([1. , 1. , 0.1, 0.1])
    """
    places, heights = _products(init_value, boundaries_and_scales)
    return schedules.join(places, heights) if places else schedules.constant(init_value)


@row
def piecewise_interpolate_schedule(
    interpolate_type: str, init_value: float, boundaries_and_scales: dict[int, float] | None = None,
) -> schedules.Schedule:  # fmt: skip
    """``optax.piecewise_interpolate_schedule``: lines or cosines between products of factors.

    >>> dialect = gd.dialects.optax
    >>> dialect.piecewise_interpolate_schedule("linear", 1.0, {2: 0.5})(np.arange(4))
    array([1.  , 0.75, 0.5 , 0.5 ])
    """
    places, heights = _products(init_value, boundaries_and_scales)
    return schedules.interpolate([0, *places], heights, interpolate_type)


@row
def linear_onecycle_schedule(
    transition_steps: int, peak_value: float, pct_start: float = 0.3, pct_final: float = 0.85,
    div_factor: float = 25.0, final_div_factor: float = 1e4,
) -> schedules.Schedule:  # fmt: skip
    """``optax.linear_onecycle_schedule`` in fastgd's words.

    >>> gd.dialects.optax.linear_onecycle_schedule(100, 1.0)(np.array([0, 30]))
    array([0.04, 1.  ])
    """
    factors = {
        int(pct_start * transition_steps): div_factor,
        int(pct_final * transition_steps): 1.0 / div_factor,
        transition_steps: 1.0 / final_div_factor,
    }
    return piecewise_interpolate_schedule("linear", peak_value / div_factor, factors)


@row
def cosine_onecycle_schedule(
    transition_steps: int, peak_value: float, pct_start: float = 0.3, div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> schedules.Schedule:  # fmt: skip
    """``optax.cosine_onecycle_schedule`` in fastgd's words.

    >>> gd.dialects.optax.cosine_onecycle_schedule(100, 1.0)(np.array([0, 30]))
    array([0.04, 1.  ])
    """
    factors = {
        int(pct_start * transition_steps): div_factor,
        int(transition_steps): 1.0 / (div_factor * final_div_factor),
    }
    return piecewise_interpolate_schedule("cosine", peak_value / div_factor, factors)


@row
def warmup_constant_schedule(
    init_value: float, peak_value: float, warmup_steps: int,
) -> schedules.Schedule:  # fmt: skip
    """``optax.warmup_constant_schedule``: step 0 is taken at init_value.

    >>> gd.dialects.optax.warmup_constant_schedule(0.0, 1.0, 2)(np.arange(4))
    array([0. , 0.5, 1. , 1. ])
    """
    return linear_schedule(init_value, peak_value, warmup_steps)


@row
def warmup_cosine_decay_schedule(
    init_value: float, peak_value: float, warmup_steps: int, decay_steps: int,
    end_value: float = 0.0, exponent: float = 1.0,
) -> schedules.Schedule:  # fmt: skip
    """``optax.warmup_cosine_decay_schedule``: decay_steps count from the start.

    >>> gd.dialects.optax.warmup_cosine_decay_schedule(0.0, 1.0, 2, 4)(np.arange(5)).round(3)
    array([0. , 0.5, 1. , 0.5, 0. ])
    """
    floor = end_value / peak_value if peak_value else 0.0
    after = cosine_decay_schedule(peak_value, decay_steps - warmup_steps, floor, exponent)
    return _warmed(init_value, peak_value, warmup_steps, after)


@row
def warmup_exponential_decay_schedule(
    init_value: float, peak_value: float, warmup_steps: int, transition_steps: int,
    decay_rate: float, transition_begin: int = 0, staircase: bool = False,
    end_value: float | None = None,
) -> schedules.Schedule:  # fmt: skip
    """``optax.warmup_exponential_decay_schedule`` in fastgd's words.

    >>> made = gd.dialects.optax.warmup_exponential_decay_schedule(0.0, 1.0, 2, 1, 0.5)
    >>> made(np.arange(5))
    array([0.  , 0.5 , 1.  , 0.5 , 0.25])
    """
    after = exponential_decay(
        peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value
    )
    return _warmed(init_value, peak_value, warmup_steps, after)


@row
def sgdr_schedule(cosine_kwargs: Sequence[dict[str, Any]]) -> schedules.Schedule:
    """``optax.sgdr_schedule``: one warm-up and cosine after the other.

    >>> part = {"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 1, "decay_steps": 3}
    >>> gd.dialects.optax.sgdr_schedule([part, part])(np.arange(7)).round(3)
    array([0. , 1. , 0.5, 0. , 1. , 0.5, 0. ])
    """
    given = list(cosine_kwargs)
    ends = [sum(one["decay_steps"] for one in given[: i + 1]) for i in range(len(given) - 1)]
    return join_schedules([warmup_cosine_decay_schedule(**one) for one in given], ends)


@row
def join_schedules(schedules: Sequence[Any], boundaries: Sequence[int]) -> Any:
    """``optax.join_schedules``: each counts from its own boundary.

    >>> gd.dialects.optax.join_schedules([1.0, 0.5], [2])(np.arange(4))
    array([1. , 1. , 0.5, 0.5])
    """
    return _join(list(boundaries), list(schedules))


_join = schedules.join


def _begun(made: schedules.Schedule, init_value: float, begin: int) -> schedules.Schedule:
    return schedules.join([begin], [init_value, made]) if begin > 0 else made


def _warmed(
    init_value: float, peak_value: float, steps: int, after: schedules.Schedule
) -> schedules.Schedule:
    if steps <= 0:
        return after
    return schedules.join([steps], [linear_schedule(init_value, peak_value, steps), after])


def _products(init_value: float, factors: dict[int, float] | None) -> tuple[list[int], list[float]]:
    places, heights = sorted(factors or {}), [float(init_value)]
    for place in places:
        heights.append(heights[-1] * (factors or {})[place])
    return places, heights
