"""Every picture by one public name, ``gd.figures``: those of results, and the course's gallery."""

from fastgd.gallery import GALLERY, gallery
from fastgd.plots import (
    contour,
    plot_certificate,
    plot_comparison,
    plot_gain,
    plot_losses,
    plot_network,
    plot_ranks,
    plot_rate_range,
    plot_result,
    plot_schedule,
    plot_sensitivity,
    save,
)

__all__ = [
    "GALLERY", "contour", "gallery", "plot_certificate", "plot_comparison", "plot_gain",
    "plot_losses", "plot_network", "plot_ranks", "plot_rate_range", "plot_result", "plot_schedule",
    "plot_sensitivity", "save",
]  # fmt: skip
