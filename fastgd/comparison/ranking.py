"""What the losses of a comparison say: medians, gains, ranks, and whether chance explains them.

A problem's losses are {optimizer: losses}, one for each block: a draw of the tuning, or a run where
there was one draw. Block number b saw the same split and the same batches for every optimizer. The
loss of a run that diverged is inf.
"""

import math
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Losses = NDArray[np.float64]
Found = Mapping[str, Mapping[str, Losses]]
LEVEL = 0.05


def quartiles(values: Losses) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    # As numpy.quantile, which makes nan of a median beside an inf.
    ordered = [float(value) for value in np.sort(values)]
    found = []
    for part in (0.25, 0.5, 0.75):
        place = part * (len(ordered) - 1)
        low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
        between = math.isfinite(high) and high > low
        found.append(low + (high - low) * (place - math.floor(place)) if between else high)
    return found[0], found[1], found[2]


def gain(before: float, after: float) -> float:
    """Percent of the loss `before` that `after` saves: 100 (before - after)/|before|.

    100 where only `before` diverged, -inf where only `after` did, nan where there is no such part.
    """
    if math.isfinite(before) and math.isfinite(after) and before != 0:
        return 100.0 * (before - after) / abs(before)
    if math.isfinite(before) == math.isfinite(after):
        return 0.0 if before == after == 0 else math.nan
    return 100.0 if math.isfinite(after) else -math.inf


def gains_of(before: Losses, after: Losses) -> Losses:
    """`gain` of each pair."""
    before, after = np.broadcast_arrays(before, after)
    with np.errstate(all="ignore"):
        found = 100.0 * (before - after) / np.abs(before)
    found = np.where(np.isinf(before), np.where(np.isinf(after), np.nan, 100.0), found)
    return np.where(np.isfinite(found) | np.isinf(before) | np.isinf(after), found, np.nan)


def ranks(found: Found) -> dict[str, dict[str, float]]:
    """The rank of each optimizer's median on each problem; 1 is best, and ties share their mean."""
    from scipy.stats import rankdata

    ranked = {}
    for problem, losses in found.items():
        places = rankdata([quartiles(values)[1] for values in losses.values()])
        ranked[problem] = dict(zip(losses, map(float, places), strict=True))
    return ranked


class Test(NamedTuple):
    """Mean ranks over blocks, best first; Friedman's p-value; how far apart two must lie at 5 %."""

    means: dict[str, float]
    p_value: float
    difference: float

    @property
    def ahead_of(self) -> list[str]:
        """Those that the best is ahead of by more than chance, if anything is."""
        if not self.p_value < LEVEL:
            return []
        best, *_ = self.means.values()
        return [name for name, mean in self.means.items() if mean - best > self.difference]


@cache
def critical_range(k: int, freedom: float) -> float:
    """How far apart the means of k alike lie at most, in 95 % of cases, in their own deviation."""
    from scipy.stats import studentized_range  # each takes SciPy a tenth of a second

    return float(studentized_range.ppf(1.0 - LEVEL, k, freedom))


def friedman(ranked: NDArray[np.float64]) -> float:
    """The p-value of Friedman's test of ranks (blocks x treatments); nan where it has no say."""
    from scipy.stats import binomtest, friedmanchisquare

    blocks, k = ranked.shape
    if blocks < 2 or k < 2:
        return math.nan
    if np.all(ranked == ranked[:, :1]):
        return 1.0
    if k == 2:  # Friedman's test of two is that of signs, which need not be approximated
        wins = int((ranked[:, 0] < ranked[:, 1]).sum())
        return float(binomtest(wins, int((ranked[:, 0] != ranked[:, 1]).sum())).pvalue)
    return float(friedmanchisquare(*ranked.T).pvalue)


def over_problems(found: Found) -> Test:
    """Friedman's test with the problems as blocks, and after it Nemenyi's: do ranks carry over?

    The critical difference is q sqrt(k (k + 1)/(6 N)) for k optimizers on N problems.
    """
    ranked = list(ranks(found).values())
    shared = [name for name in (ranked[0] if ranked else {}) if all(name in r for r in ranked)]
    if not shared:
        return Test({}, math.nan, math.nan)
    table = np.array([[r[name] for name in shared] for r in ranked])
    k, n = len(shared), len(ranked)
    difference, p_value = math.nan, math.nan
    if k > 1:
        difference = critical_range(k, math.inf) * math.sqrt(k * (k + 1) / (12.0 * n))
        p_value = friedman(table)
    means = dict(zip(shared, map(float, table.mean(axis=0)), strict=True))
    return Test(dict(sorted(means.items(), key=lambda pair: pair[1])), p_value, difference)


def over_blocks(losses: Mapping[str, Losses]) -> Test:
    """Friedman's test with the draws as blocks, and after it Tukey's on the same ranks.

    Nemenyi's difference holds for ranks of pure chance, and finds next to nothing in few blocks.
    Here the variance of a rank within the optimizers is estimated, as in an analysis of variance of
    blocks and treatments; the studentized range corrects for all pairs, and so for the best having
    been picked by the same ranks.
    """
    from scipy.stats import rankdata

    count = min(len(values) for values in losses.values())
    ranked = rankdata(np.array([values[:count] for values in losses.values()]).T, axis=1)
    blocks, k = ranked.shape
    means = dict(zip(losses, map(float, ranked.mean(axis=0)), strict=True))
    p_value, difference = friedman(ranked), math.nan
    freedom = (blocks - 1) * (k - 1)
    if blocks > 1 and k > 1:
        # Every block has the same mean rank, so that blocks take no freedom of their own; it is
        # taken off all the same, to be on the safe side.
        variance = float(((ranked - ranked.mean(axis=0)) ** 2).sum()) / freedom
        difference = critical_range(k, freedom) * math.sqrt(variance / blocks)
    return Test(dict(sorted(means.items(), key=lambda pair: pair[1])), p_value, difference)


def too_few(losses: Mapping[str, Losses]) -> bool:
    """Whether so few blocks could not tell any two apart, or there is nobody to tell from."""
    count = min(len(values) for values in losses.values())
    return len(losses) < 2 or count < 5


def on_one(losses: Mapping[str, Losses]) -> str:
    """A problem in a sentence.

    It names nobody but a winner: who is behind the best is for tables, since that changes with
    every draw.
    """
    if too_few(losses):
        return "too few runs to tell"
    test = over_blocks(losses)
    if len(test.ahead_of) == len(test.means) - 1:
        return f"{next(iter(test.means))} is better than all others by more than the noise"
    return "no difference between the best exceeds the noise"


def over_all(test: Test, count: int) -> str:
    """All problems in a sentence."""
    if len(test.ahead_of) == len(test.means) - 1:
        best = next(iter(test.means))
        return f"Over all {count} problems: {best} is ahead of all others by more than chance"
    return f"Over all {count} problems: no optimizer is ahead of all others by more than chance"
