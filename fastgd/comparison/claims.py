"""The two findings of Schmidt, Schneider and Hennig 2021, from a comparison's own numbers.

That Adam is among the best on most problems, without a clear winner; and that tuning one optimizer
helps about as much as trying several as they come. Each is estimated, with an interval of 95 % from
resampled draws, and said to hold, not to hold, or to be open.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd.comparison import ranking
from fastgd.comparison.entrants import NEWER

if TYPE_CHECKING:
    from fastgd.comparison.results import Comparison

RESAMPLES = 1000
LEVEL = 0.05
# "About as much": gains that differ by less than a fifth of the loss, in points of percent. Chosen
# after first results were seen: docs/comparison.md says what depends on it.
MARGIN = 20.0
SIZES = (1, 2, 5, 10, 25, 50, 100)
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number and its interval of 95 %."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


@dataclass(frozen=True)
class Finding:
    """A claim, whether it holds here, and by which numbers.

    Attributes
    ----------
    claim : str
    answer : "yes", "no" or "open"
    sentence : str
        Claim and answer in words, without a number.
    numbers : dict of str to Estimate
    """

    claim: str
    answer: str
    sentence: str
    numbers: dict[str, Estimate]

    def __str__(self) -> str:
        return self.sentence

    def details(self) -> str:
        """The numbers in a line."""
        return "; ".join(f"{name} {number}" for name, number in self.numbers.items())


def _finding(claim: str, answer: str, numbers: dict[str, Estimate], otherwise: str = "") -> Finding:
    sentences = {
        "yes": claim,
        "no": otherwise or f"It does not hold that {_lower(claim)}",
        "open": f"It is open whether {_lower(claim)}: the draws differ too much",
    }
    return Finding(claim, answer, sentences[answer], numbers)


def _lower(claim: str) -> str:
    return claim if claim.startswith("Adam") else claim[0].lower() + claim[1:]


class Blocks:
    """Test losses of a comparison as arrays (problems, draws, optimizers); `tuned` is one."""

    def __init__(self, found: "Comparison") -> None:
        tuned, self.pools = found.by_draw("tuned"), found.pools()
        self.problems = [
            name for name in tuned if name in self.pools and not ranking.too_few(tuned[name])
        ]
        names = list(tuned[self.problems[0]]) if self.problems else []
        self.optimizers = [
            name for name in names
            if all(name in tuned[p] and name in self.pools[p] for p in self.problems)
        ]  # fmt: skip
        groups = [(p, o) for p in self.problems for o in self.optimizers]
        self.count = min((len(tuned[p][o]) for p, o in groups), default=0)
        # In a comparison with one draw its runs are the blocks, and they share one pool of trials.
        self.drawn = all(len(self.pools[p][o]) == len(tuned[p][o]) for p, o in groups)
        self.most = min((len(pool[0]) for p, o in groups for pool in self.pools[p][o]), default=0)
        self.enough = bool(self.problems) and len(self.optimizers) > 1
        if self.enough:
            self.tuned = self._stack(lambda p, o, d: float(tuned[p][o][d]))

    def _stack(self, loss: Callable[[str, str, int], float]) -> Values:
        return np.array([
            [[loss(p, o, d) for o in self.optimizers] for d in range(self.count)]
            for p in self.problems
        ])  # fmt: skip

    def with_budget(self, size: int) -> Values:
        """The losses that a budget of so many trials comes to; of 1, an optimizer as it comes."""
        return self._stack(lambda p, o, d: _with_budget(*self.pools[p][o][d], size))

    def chosen(self) -> Values:
        """The loss of the optimizer whose validation loss is best as it comes: problems, draws."""
        judged = self._stack(lambda p, o, d: float(self.pools[p][o][d][0][0]))
        best = judged.argmin(axis=2)[:, :, None]
        return np.take_along_axis(self.with_budget(1), best, axis=2)[:, :, 0]

    def resampled(self) -> NDArray[np.int64]:
        """Draws, drawn again for each problem: (resamples, problems, draws). The first are all."""
        generator = np.random.default_rng(0)
        shape = RESAMPLES, len(self.problems), self.count
        again = generator.integers(self.count, size=shape)
        again[0] = np.arange(self.count)
        return again

    def mean_ranks(self, losses: Values | None = None) -> Values:
        """Mean ranks on each problem: (resamples, problems, optimizers)."""
        from scipy.stats import rankdata

        ranked = rankdata(self.tuned if losses is None else losses, axis=2)
        again = self.resampled()
        return np.stack([ranked[p][again[:, p]].mean(axis=1) for p in range(len(ranked))], axis=1)


def estimate(samples: Values) -> Estimate:
    """The first is the value itself, the others its resamples."""
    samples = samples[np.isfinite(samples)] if np.isfinite(samples[0]) else samples[:1]
    low, high = np.quantile(samples, (0.025, 0.975))
    return Estimate(float(samples[0]), float(low), float(high))


def standings(blocks: Blocks) -> dict[str, dict[str, Estimate]]:
    """For each optimizer, best first: its mean rank, and on how many problems it is in the best
    third."""
    from scipy.stats import rankdata

    means = blocks.mean_ranks()
    overall = means.mean(axis=1)
    third = max(1.0, round(len(blocks.optimizers) / 3))
    among = (rankdata(means, axis=2) <= third).sum(axis=1).astype(float)
    found = {
        name: {"mean rank": estimate(overall[:, i]), "among the best third": estimate(among[:, i])}
        for i, name in enumerate(blocks.optimizers)
    }
    return dict(sorted(found.items(), key=lambda pair: pair[1]["mean rank"].value))


def findings(found: "Comparison") -> list[Finding]:
    """What can be said of the claims, and of the newer rules; empty where too little was run."""
    blocks = Blocks(found)
    if not blocks.enough:
        return []
    made = []
    if "adam" in blocks.optimizers and len(blocks.problems) > 1 and len(blocks.optimizers) > 2:
        made.append(_adam(blocks))
    if len(blocks.optimizers) > 2:
        made.append(_no_winner(blocks))
    newer = [name for name in blocks.optimizers if name in NEWER]
    if newer and "adam" in blocks.optimizers:
        made.append(_newer(blocks, newer))
    if blocks.drawn:
        made.append(_tuning(blocks))
    return made


def _adam(blocks: Blocks) -> Finding:
    standing = standings(blocks)["adam"]
    half = len(blocks.problems) / 2
    often = standing["among the best third"]
    answer = "yes" if often.low > half else "no" if often.high < half else "open"
    numbers = {
        f"problems of {len(blocks.problems)} with adam in the best third": often,
        f"mean rank of {len(blocks.optimizers)}": standing["mean rank"],
    }
    return _finding("Adam is among the best on most problems", answer, numbers)


def _no_winner(blocks: Blocks) -> Finding:
    overall = blocks.mean_ranks().mean(axis=1)
    first, second = np.argsort(overall[0])[:2]
    winner, next_one = blocks.optimizers[first], blocks.optimizers[second]
    # All others at once: whoever is next in a resample counts.
    leads = np.delete(overall, first, axis=1).min(axis=1) - overall[:, first]
    answer = "no" if float(np.percentile(leads[1:], 100 * LEVEL)) > 0 else "yes"
    numbers = {
        f"lead of {winner} over {next_one} in mean rank": estimate(
            overall[:, second] - overall[:, first]
        )
    }
    otherwise = f"{winner} is ahead of all others on these problems"
    return _finding("There is no clear winner on these problems", answer, numbers, otherwise)


def _newer(blocks: Blocks, newer: Sequence[str]) -> Finding:
    overall = blocks.mean_ranks().mean(axis=1)
    adam = overall[:, blocks.optimizers.index("adam")]
    apart = {name: overall[:, blocks.optimizers.index(name)] - adam for name in newer}
    numbers = {f"mean rank of {name} less that of adam": estimate(of) for name, of in apart.items()}
    # As many rules, as many chances to be ahead by luck.
    level = 100 * (1 - LEVEL / 2 / len(newer))
    ahead = [name for name, of in apart.items() if float(np.percentile(of[1:], level)) < 0]
    return _finding(
        "No newer rule is ahead of Adam on these problems", "no" if ahead else "yes", numbers,
        f"Ahead of Adam on these problems by more than the noise: {', '.join(sorted(ahead))}",
    )  # fmt: skip


def _tuning(blocks: Blocks) -> Finding:
    """The gain from tuning one optimizer, against that of trying all of them as they come."""
    again, k = blocks.resampled(), len(blocks.optimizers)
    size = min(k, blocks.most)
    default, chosen = blocks.with_budget(1), blocks.chosen()[:, :, None]
    tuning = typical(ranking.gains_of(default, blocks.with_budget(size)), again)
    choosing = typical(ranking.gains_of(default, chosen), again)
    apart = estimate(tuning - choosing)
    answer = "yes" if -MARGIN < apart.low and apart.high < MARGIN else "open"
    if apart.low > MARGIN or apart.high < -MARGIN:
        answer = "no"
    numbers = {
        f"gain from tuning one optimizer in {size} runs, %": estimate(tuning),
        f"gain from choosing among {k} as they come, %": estimate(choosing),
        "tuning less choosing, points": apart,
    }
    more, less = ("tuning", "choosing") if apart.value > 0 else ("choosing", "tuning")
    return _finding(
        "Tuning one optimizer helps about as much as choosing among all as they come", answer,
        numbers, f"{more.capitalize()} helps more than {less}",
    )  # fmt: skip


def typical(gains: Values, again: NDArray[np.int64]) -> Values:
    """The mean over the problems of the median over optimizers and draws, for each resample."""
    # A loss that has doubled, and one that diverged, are as bad as each other.
    gains = np.maximum(np.nan_to_num(gains, nan=0.0, neginf=-100.0), -100.0)
    medians = [
        np.median(gains[p][again[:, p]].reshape(len(again), -1), axis=1) for p in range(len(gains))
    ]
    means: Values = np.mean(medians, axis=0)
    return means


def gain_interval(default: Values, tuned: Values) -> tuple[float, float]:
    """95 % of the gains between medians of resampled runs, which both have in common."""
    count = min(len(default), len(tuned))
    again = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
    # A median beside an inf is the larger of the two in the middle.
    before, after = (np.sort(one[again], axis=1) for one in (default[:count], tuned[:count]))
    middle = slice((count - 1) // 2, count // 2 + 1)
    with np.errstate(invalid="ignore"):
        medians = before[:, middle].mean(axis=1), after[:, middle].mean(axis=1)
    found = ranking.gains_of(*medians)
    found = found[~np.isnan(found)]
    if not len(found):
        return math.nan, math.nan
    low, high = np.quantile(found, (0.025, 0.975), method="nearest")
    return float(low), float(high)


def budgets(found: "Comparison") -> list[dict[str, Any]]:
    """What a smaller budget would have come to: see `Comparison.budgets`."""
    blocks = Blocks(found)
    if not blocks.enough or not blocks.drawn:
        return []
    rows = []
    again, first = blocks.resampled(), blocks.with_budget(1)
    for size in [*(one for one in SIZES if one < blocks.most), blocks.most]:
        losses = blocks.with_budget(size)
        ranked = blocks.mean_ranks(losses).mean(axis=1)
        rows.append({
            "budget": size,
            "gain": estimate(typical(ranking.gains_of(first, losses), again)),
            "ranks": {name: estimate(ranked[:, i]) for i, name in enumerate(blocks.optimizers)},
        })  # fmt: skip
    return rows


def _with_budget(validation: Values, test: Values, size: int) -> float:
    """The median test loss of the best of `size` trials: the first, and others at random.

    Exactly, not by drawing: the best of the drawn is number i of the others, from the best on, in
    C(n - 1 - i, drawn - 1) of C(n, drawn) cases.
    """
    others, drawn = len(validation) - 1, min(size, len(validation)) - 1
    if drawn == 0:
        return float(test[0])
    order = 1 + np.argsort(validation[1:], kind="stable")
    total = math.comb(others, drawn)
    parts = np.array([math.comb(others - 1 - i, drawn - 1) / total for i in range(others)])
    losses = np.where(validation[order] >= validation[0], test[0], test[order])
    by_loss = np.argsort(losses, kind="stable")
    middle = int(np.searchsorted(np.cumsum(parts[by_loss]), 0.5))
    return float(losses[by_loss][min(middle, others - 1)])
