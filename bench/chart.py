"""Two charts of how many times faster than its peers: every target, and README's five bars."""

from __future__ import annotations

from pathlib import Path

from bench.harness import Line

# Okabe and Ito's colours, told apart by colour-blind readers too.
MET, MISSED, INK = "#0072B2", "#D55E00", "#222222"
COLOURS = (MET, MISSED, "#009E73")


def draw(lines: list[Line], path: Path) -> None:
    """One bar for each target that is a ratio; a tick stands where the target is."""
    try:
        import matplotlib
    except ImportError:
        print("no chart: matplotlib is not installed")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = [line for line in lines if line.wanted and line.ratio][::-1]
    if not shown:
        return
    plt.rcParams["svg.hashsalt"] = "fastgd"  # the same file from the same figures
    plt.rcParams["svg.fonttype"] = "none"  # letters as text: a quarter of the size
    figure, axes = plt.subplots(figsize=(9, 0.3 * len(shown) + 1.2), layout="constrained")
    for place, line in enumerate(shown):
        colour = MET if line.ratio >= line.wanted else MISSED
        axes.barh(place, line.ratio - 1.0, left=1.0, color=colour, height=0.66)
        axes.plot([line.wanted] * 2, [place - 0.42, place + 0.42], color=INK, linewidth=1.6)
        axes.annotate(
            f"{line.ratio:.3g}×",
            (max(line.ratio, line.wanted), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    labels = [f"{line.row}  {line.case.rsplit(', per ', 1)[0]} · {line.peer}" for line in shown]
    axes.set_yticks(range(len(shown)), labels, fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(0.5, max(line.ratio for line in shown) * 3)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.axvline(1.0, color=INK, linewidth=0.8)
    axes.set_xlabel("peer's time / fastgd's time; black tick: target; blue: met, orange: missed")
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


# A peer of each kind that users come from, and the hand-written loop that wins: row, case, peer,
# and what it is to somebody who does not know the rows.
FIVE = (
    ("S3", "Adam, d = 1e1", "torch fused",
     "one step of Adam, 10 parameters\nagainst torch (fused)"),
    ("S1", "covtype 581012×54", "scikit-learn SGDClassifier",
     "SGD, an epoch of 581012 rows\nagainst scikit-learn"),
    ("S2", "batch 32", "optax in jit(scan)", "Adam, batches of 32\nagainst optax, compiled"),
    ("S5", "news20 15935×62061, 80 non-zeros a row", "scikit-learn SGDClassifier",
     "SGD, sparse rows\nagainst scikit-learn"),
    ("S1", "breast-cancer 569×30", "numba",
     "SGD, an epoch of 569 rows\nagainst a loop by hand in numba"),
)  # fmt: skip


def draw_five(ratios: dict[tuple[str, str, str], float], path: Path) -> None:
    """README's bars, from the ratio of each (row, case, peer); one that is missing is left out."""
    try:
        import matplotlib
    except ImportError:
        print("no chart: matplotlib is not installed")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = [(x[3], ratios[x[:3]]) for x in FIVE if x[:3] in ratios][::-1]
    if not shown:
        return
    plt.rcParams["svg.hashsalt"] = "fastgd"
    plt.rcParams["svg.fonttype"] = "none"
    figure, axes = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
    figure.patch.set_facecolor("white")  # pages may be dark
    for place, (_, ratio) in enumerate(shown):
        axes.barh(place, ratio - 1.0, left=1.0, color=MET if ratio >= 1 else MISSED, height=0.6)
        side = 4 if ratio >= 1 else -4
        axes.annotate(
            f"{ratio:.3g}×", (ratio, place), xytext=(side, 0), textcoords="offset points",
            va="center", ha="left" if ratio >= 1 else "right", fontsize=9,
        )  # fmt: skip
    axes.set_yticks(range(len(shown)), [title for title, _ in shown], fontsize=8)
    axes.set_xscale("log")
    ratios_shown = [ratio for _, ratio in shown]
    axes.set_xlim(min(0.5, min(ratios_shown) / 3), max(ratios_shown) * 3)
    axes.axvline(1.0, color=INK, linewidth=0.8)
    axes.set_xlabel("the other's time / fastgd's time")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
