"""A network as neurons and connections."""

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.plots.style import COLOURS, DASHES, axes_or_new, bare, circle

__all__ = ["plot_network"]

Vector = NDArray[np.float64]


def plot_network(network: Any, ax: Any = None, theta: Any = None) -> Any:
    """A multilayer perceptron as neurons and connections.

    Parameters
    ----------
    network : NeuralNetwork or sequence of int
        Or the neurons layer by layer, from the inputs to the outputs. Of a layer of more than
        eight, seven are drawn.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    theta : (n_params,) array, optional
        Parameters of the network: the larger a weight, the thicker its connection; negative ones
        are dashed.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        A θ of another length.

    Examples
    --------
    >>> len(gd.figures.plot_network((2, 3, 1)).patches)
    6
    """
    sizes = tuple(getattr(network, "sizes", network))
    weights = None if theta is None else _weights(np.asarray(theta), sizes)
    ax = axes_or_new(ax)
    tallest = max(min(size, 8) for size in sizes)
    bare(ax, (-0.6, len(sizes) - 0.4), (-0.5 - tallest / 2, tallest / 2 + 0.2))
    places = [_neurons(ax, layer, size, tallest, len(sizes)) for layer, size in enumerate(sizes)]
    for layer, (before, after) in enumerate(itertools.pairwise(places)):
        for (i, start), (j, end) in itertools.product(before.items(), after.items()):
            look: dict[str, Any] = {"color": "#999999", "lw": 0.9}
            if weights is not None:
                share = weights[layer][j, i] / np.abs(weights[layer]).max()
                look = {"color": COLOURS[0 if share > 0 else 1], "lw": 0.3 + 3.5 * abs(share),
                        "ls": "-" if share > 0 else DASHES[1]}  # fmt: skip
            ax.plot(*zip(start, end, strict=True), zorder=1, **look)
    return ax


def _neurons(
    ax: Any, layer: int, size: int, tallest: int, layers: int
) -> dict[int, tuple[float, float]]:
    """Draws the neurons of one layer; where each of those shown stands."""
    outer = layer in (0, layers - 1)
    text = f"hidden {layer}" if not outer else "input" if layer == 0 else "output"
    text += "s" if outer and size > 1 else ""
    ax.text(layer, -0.4 - tallest / 2, f"{text}\n({size})", ha="center", va="center",
            fontsize="small")  # fmt: skip
    drawn = min(size, 8)
    heights = (drawn - 1) / 2 - np.arange(drawn)
    if size > 8:
        ax.text(layer, heights[6], "⋮", ha="center", va="center", fontsize=18)
    # The last place below the dots is that of the last neuron.
    places = {
        size - 1 if k == 7 else k: (float(layer), float(y))
        for k, y in enumerate(heights)
        if size <= 8 or k != 6
    }
    for point in places.values():
        ax.add_patch(circle(point, 0.2, COLOURS[5 if outer else 4]))
    return places


def _weights(theta: Vector, sizes: tuple[int, ...]) -> list[Vector]:
    """The W of each layer, outputs x inputs, out of θ: layer by layer W, then b."""
    ends = np.cumsum([(inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes)])
    if theta.shape != (ends[-1],):
        raise ValueError(f"theta has shape {theta.shape}, the network has {ends[-1]} parameters")
    return [
        layer[: inputs * outputs].reshape(outputs, inputs)
        for layer, (inputs, outputs) in zip(
            np.split(theta, ends[:-1]), itertools.pairwise(sizes), strict=True
        )
    ]
