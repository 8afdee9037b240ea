"""Figures of pooling beside other layers: over a whole map, as a convolution, from relu.

Each figure asks the student's function for its numbers; numbers that are not as expected are crossed out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from labkit.plot import BLUE, RED, WIDTH, ask, describe, label, note_figure
from labkit.plot_grids import Grid, array, compare, grids, titled

Function = Callable[..., Any]
Pair = tuple[int, int]


def global_means(global_avg_pool: Function, maps: Tensor) -> Figure:
    """Draw maps (C, H, W) and the one number that the student's function makes of each."""
    answer = ask("global_avg_pool", global_avg_pool, maps[None].double())
    wrong = compare(answer, maps[None].double().mean((2, 3)))
    row = [Grid(array(x), f"map {n}") for n, x in enumerate(maps, start=1)]
    row.append(Grid(answer.values, titled("your numbers", wrong), answer.note, sign="→", wrong=wrong))
    got = answer.note if answer.values is None else f"your numbers are {np.round(answer.values, 2).tolist()}"
    return grids(row, cell=0.4, alt=f"{len(maps)} maps of {tuple(maps.shape[1:])}; {got}.")


def mean_filters(mean_kernels: Function, *, channels: int = 3, kernel_size: Pair = (2, 3)) -> Figure:
    """Draw the student's kernels, one a channel, and how far the convolution is from average pooling."""
    answer = ask("mean_kernels", mean_kernels, channels, kernel_size, ndim=4)
    shape = (channels, 1, *kernel_size)
    if answer.values is None or answer.values.shape[:2] != shape[:2]:
        note = answer.note or f"mean_kernels has to return shape {shape}"
        return grids([Grid(None, "your kernels", note, size=(3, 9))], alt=f"No kernels: {note}.")
    x = torch.linspace(-3, 3, channels * 63, dtype=torch.float64).sin().view(1, channels, 7, 9)
    expected = F.avg_pool2d(x, kernel_size, 1)
    told = "the shapes do not fit"
    if answer.values.shape[2:] == kernel_size:
        gap = F.conv2d(x, torch.from_numpy(answer.values), groups=channels) - expected
        told = f"largest difference from average pooling: {float(gap.abs().max()):.1e}"
    row = [Grid(k[0], f"channel {n}") for n, k in enumerate(answer.values, start=1)]
    middle = Grid(row[1].values, row[1].title, caption=told)
    return grids(
        [row[0], middle, *row[2:]], cell=0.44, alt=f"Your {channels} kernels of {kernel_size}; {told}."
    )


def hinge(max_from_relu: Function, *, a: float = 1.0) -> Figure:
    """Draw the student's larger of a and b, for one a and many b, with relu and with softplus."""
    fig = Figure(figsize=(WIDTH, 2.3))
    ax = fig.add_axes((0.09, 0.2, 0.88, 0.74))
    b = torch.linspace(-4, 4, 81, dtype=torch.float64)
    said = []
    for name, relu, color, style in (("relu", torch.relu, BLUE, "-"), ("softplus", F.softplus, RED, "--")):
        answer = ask("max_from_relu", max_from_relu, torch.full_like(b, a), b, relu, ndim=1)
        if answer.values is None or answer.values.shape != tuple(b.shape):
            said.append(answer.note or "max_from_relu returned another shape")
            continue
        ax.plot(b.tolist(), answer.values, style, color=color, linewidth=2, label=f"yours, with {name}")
        said.append(f"with {name} from {label(float(answer.values[0]))} to {label(float(answer.values[-1]))}")
    if not ax.lines:
        return note_figure(said[0])
    ax.legend(fontsize=9, frameon=False)
    ax.axvline(a, color="#8A8A8A", linewidth=0.8, linestyle=":")
    ax.text(a - 0.08, ax.get_ylim()[1], "b = a", fontsize=8.5, ha="right", va="top")
    ax.set_xlabel(f"b (a is {label(a)})", fontsize=9)
    ax.set_ylabel("max of a and b", fontsize=9)
    ax.tick_params(labelsize=8.5)
    ax.spines[["top", "right"]].set_visible(False)
    return describe(fig, f"The larger of a = {label(a)} and b, for b from -4 to 4. {'; '.join(said)}.")
