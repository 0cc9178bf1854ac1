"""What the losses of a comparison say: medians, gains, ranks, and whether chance explains them.

All of it over {problem: {optimizer: test losses over the seeds}}, of which inf is one that
diverged.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Losses = NDArray[np.float64]
Found = Mapping[str, Mapping[str, Losses]]


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


def ranks(found: Found) -> dict[str, dict[str, float]]:
    """The rank of each optimizer's median on each problem; 1 is best, and ties share their mean."""
    ranked = {}
    for problem, losses in found.items():
        medians = np.array([quartiles(values)[1] for values in losses.values()])
        below = (medians[None, :] < medians[:, None]).sum(axis=1)
        ties = (medians[None, :] == medians[:, None]).sum(axis=1)
        places = below + (ties + 1) / 2
        ranked[problem] = dict(zip(losses, map(float, places), strict=True))
    return ranked


def critical_difference(found: Found) -> tuple[dict[str, float], float]:
    """Mean ranks, best first, and how far two must lie apart at 5 % (Nemenyi)."""
    from scipy.stats import studentized_range

    ranked = list(ranks(found).values())
    shared = [name for name in (ranked[0] if ranked else {}) if all(name in r for r in ranked)]
    means = {name: float(np.mean([r[name] for r in ranked])) for name in shared}
    k, n = len(means), len(ranked)
    difference = math.nan
    if k > 1:
        q = float(studentized_range.ppf(0.95, k, math.inf)) / math.sqrt(2.0)
        difference = q * math.sqrt(k * (k + 1) / (6.0 * n))
    return dict(sorted(means.items(), key=lambda pair: pair[1])), difference


def verdict(found: Found) -> list[str]:
    """A sentence for each problem, and one over all of them where there are several."""
    sentences = [f"{problem}: {_on_one(losses)}." for problem, losses in found.items()]
    means, difference = critical_difference(found)
    if len(found) > 1 and len(means) > 1:
        sentences.append(f"Over all {len(found)} problems: {_over_all(means, difference)}.")
    return sentences


def _on_one(losses: Mapping[str, Losses]) -> str:
    """The best median against each other by Mann and Whitney's test, after Holm's correction."""
    from scipy.stats import mannwhitneyu

    best = min(losses, key=lambda name: quartiles(losses[name])[1])
    others = [name for name in losses if name != best]
    runs = len(losses[best])
    # The least p-value that so many runs can have.
    if not others or 2.0 / math.comb(2 * runs, runs) * len(others) >= 0.05:
        return "too few runs to tell"
    tests = {name: mannwhitneyu(losses[best], losses[name]).pvalue for name in others}
    worse: list[str] = []
    for i, name in enumerate(sorted(others, key=lambda name: tests[name])):
        if not tests[name] * (len(others) - i) < 0.05:
            break
        worse.append(name)
    level = [name for name in others if name not in worse]
    if not worse:
        return "no difference exceeds the noise of the seeds"
    if not level:
        return f"{best} is better than all others by more than the noise of the seeds"
    return (
        f"{best} has the least median, but {', '.join(level)} "
        f"{'does' if len(level) == 1 else 'do'} not differ from it by more than the noise of the "
        f"seeds; the other {len(worse)} do"
    )


def _over_all(means: Mapping[str, float], difference: float) -> str:
    (first, best_mean), *rest = means.items()
    apart = [name for name, mean in rest if mean - best_mean > difference]
    if not apart:
        return (
            f"{first} has the best mean rank ({best_mean:.3g} of {len(means)}), but no other lies "
            "behind it by more than chance (5 %) explains"
        )
    if len(apart) == len(rest):
        return f"{first} has the best mean rank, ahead of all others by more than chance"
    return (
        f"{first} has the best mean rank, and {', '.join(apart)} "
        f"{'lies' if len(apart) == 1 else 'lie'} behind it by more than chance (5 %) explains; the "
        "others do not"
    )
