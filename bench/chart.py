"""The chart of README: how many times faster than each peer of the targets, on a log axis."""

from __future__ import annotations

from pathlib import Path

from bench.harness import Line

# Okabe and Ito's colours, told apart by colour-blind readers too.
MET, MISSED, INK = "#0072B2", "#D55E00", "#222222"


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
