"""Figures of feature maps: walls of maps, filters in colour, sizes and zeros by layer.

Each figure asks the student's functions for what it shows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from torch import Tensor

from labkit import looking
from labkit.plot import BLUE, GREY, ORANGE, RED, WIDTH, ask, blank, describe, note_figure
from labkit.pretrained import Pretrained

Function = Callable[..., Any]
COLOURS = colormaps["viridis"].with_extremes(over="white")
GAP = 2.0  # drawn white


def strongest(maps: Tensor, count: int) -> list[int]:
    """Return the channels of (C, H, W) with the largest mean of squares, the strongest first."""
    return maps.square().mean((1, 2)).topk(min(count, len(maps))).indices.tolist()


def wall(
    stretch: Function, montage: Function, maps: Mapping[str, Tensor], *, columns: int = 12, rows: int = 2
) -> Figure:
    """Draw the strongest maps of each layer, put together by the student's stretch and montage.

    Args:
        stretch, montage: the student's functions.
        maps: name of a layer -> its maps for one photo (1, C, H, W).
        columns, rows: how many maps are shown of each layer.
    """
    pictures, said = [], []
    for name, batch in maps.items():
        chosen = batch[0, strongest(batch[0], columns * rows)]
        scaled = ask("stretch", stretch, chosen, ndim=3)
        answer = scaled
        if scaled.values is not None:
            gap = 1 + chosen.shape[2] // 16
            answer = ask("montage", montage, torch.from_numpy(scaled.values), columns, gap, GAP)
        told = f"{name}: {batch.shape[1]} maps of {batch.shape[2]}×{batch.shape[3]}"
        said.append(f"{told}{'; ' + answer.note if answer.note else ''}")
        pictures.append((told, answer))
    inner = (WIDTH - 0.2) * rows / columns
    heights = [
        inner if a.values is None else (WIDTH - 0.2) * a.values.shape[0] / a.values.shape[1]
        for _, a in pictures
    ]
    heights = [min(max(h, 0.4), 4.0) for h in heights]
    fig = Figure(figsize=(WIDTH, sum(heights) + 0.3 * len(heights) + 0.05))
    total, top = float(fig.get_size_inches()[1]), float(fig.get_size_inches()[1])
    for (told, answer), height in zip(pictures, heights, strict=True):
        top -= height + 0.3
        ax = fig.add_axes((0.1 / WIDTH, top / total, 1 - 0.2 / WIDTH, height / total))
        ax.set_title(told, fontsize=9.5, loc="left", pad=3)
        if told == pictures[0][0]:
            ax.set_title("dark: lowest, bright: highest of each map", fontsize=8.5, loc="right", pad=3)
        if answer.values is None:
            blank(ax, answer.note)
            continue
        ax.imshow(answer.values, cmap=COLOURS, vmin=0, vmax=1, interpolation="nearest", aspect="auto")
        ax.axis("off")
    return describe(
        fig, f"The strongest {columns * rows} feature maps of each layer for one photo. {'. '.join(said)}."
    )


def responses(
    stretch: Function, image: Tensor, maps: Tensor, channels: Sequence[int], *, layer: str = ""
) -> Figure:
    """Draw an image (3, H, W) and single maps of (C, h, w), stretched by the student's function, over it."""
    fig = Figure(figsize=(WIDTH, WIDTH / (len(channels) + 1) + 0.35))
    axes = fig.subplots(1, len(channels) + 1)
    fig.subplots_adjust(left=0.04 if layer else 0.01, right=0.99, bottom=0.02, top=0.86, wspace=0.05)
    fig.text(0.018, 0.44, layer, fontsize=9.5, rotation=90, ha="center", va="center")
    axes[0].imshow(image.permute(1, 2, 0).numpy())
    axes[0].set_title("the input", fontsize=9.5)
    axes[0].axis("off")
    answer = ask("stretch", stretch, maps[list(channels)], ndim=3)
    grey = image.mean(0).numpy()
    for place, (ax, channel) in enumerate(zip(axes[1:], channels, strict=True)):
        if answer.values is None or len(answer.values) <= place:
            blank(ax, answer.note or "stretch returned too few maps")
            continue
        high, wide = grey.shape
        ax.imshow(grey, cmap="gray", vmin=0, vmax=1.6)
        shown = np.clip(answer.values[place], 0, 1)
        frame = (-0.5, wide - 0.5, high - 0.5, -0.5)
        ax.imshow(
            shown,
            cmap=COLOURS,
            vmin=0,
            vmax=1,
            alpha=0.15 + 0.7 * shown,
            extent=frame,
            interpolation="bilinear",
        )
        ax.set_title(f"channel {channel}", fontsize=9.5)
        ax.axis("off")
    told = ", ".join(map(str, channels))
    return describe(
        fig,
        f"Where channels {told} of {layer or 'a layer'} answer, laid over the photo. {answer.note}".strip(),
    )


def filters(filter_pictures: Function, weights: Tensor, *, columns: int = 16) -> Figure:
    """Draw the filters of a first layer (K, 3, kh, kw) in colour, by the student's function."""
    answer = ask("filter_pictures", filter_pictures, weights, ndim=4)
    if answer.values is None or answer.values.shape[3] != 3:
        return note_figure(answer.note or f"filter_pictures returned shape {answer.values.shape}")  # type: ignore[union-attr]
    count = len(answer.values)
    rows = -(-count // columns)
    fig = Figure(figsize=(WIDTH, WIDTH / columns * rows))
    for number, picture in enumerate(np.clip(np.nan_to_num(answer.values), 0, 1)):
        ax = fig.add_axes(
            (
                (number % columns) / columns + 0.004,
                1 - (number // columns + 1) / rows + 0.004 * columns / rows,
                1 / columns - 0.008,
                1 / rows - 0.008 * columns / rows,
            )
        )
        ax.imshow(picture, interpolation="nearest", aspect="auto")
        ax.axis("off")
    size = f"{weights.shape[2]}×{weights.shape[3]}"
    kinds = "some find edges of one direction, some find colours" if count > 8 else "small patterns"
    return describe(fig, f"The {count} filters of {size} of the first layer in colour; grey is 0: {kinds}.")


def shapes_table(map_shapes: Function, record: Function, found: Pretrained) -> None:
    """Print what the student's map_shapes predicts for each layer, and what their record measures."""
    side = found.preprocess.crop
    names, layers = looking.layer_names(found.net), looking.stage_layers(found.net)
    answer = ask("map_shapes", lambda *a: [list(row) for row in map_shapes(*a)], (3, side, side), layers)
    net = copy.deepcopy(found.net)  # record may leave hooks on it, or another mode
    try:
        measured = dict(record(net, names, torch.zeros(1, 3, side, side)))
    except NotImplementedError:
        measured = looking.maps_of(found.net, names, torch.zeros(1, 3, side, side))
    except Exception as error:
        print(f"(record stopped: {type(error).__name__})")
        return
    print(f"{'layer':<10}{'k, s, p':>10}{'predicted':>18}{'measured':>18}{'numbers':>12}")
    for place, (name, layer) in enumerate(zip(names, layers, strict=True)):
        guess = "-"
        if answer.values is not None and answer.values.shape == (len(names), 3):
            guess = "×".join(f"{v:.0f}" for v in answer.values[place])
        got = tuple(getattr(measured.get(name), "shape", ()))[1:]
        real = "×".join(map(str, got)) or "-"
        numbers = int(np.prod(got)) if got else 0
        mark = "" if guess in (real, "-") else "  (!)"
        print(f"{name:<10}{', '.join(map(str, layer[1:])):>10}{guess:>18}{real:>18}{numbers:>12,}{mark}")
    if answer.values is None:
        print(f"(no prediction: {answer.note})")


def stairs(map_shapes: Function, found: Pretrained) -> Figure:
    """Draw the student's predicted shapes as blocks: as tall as a map, as deep as there are maps."""
    side = found.preprocess.crop
    names, layers = looking.layer_names(found.net), looking.stage_layers(found.net)
    answer = ask("map_shapes", lambda *a: [list(row) for row in map_shapes(*a)], (3, side, side), layers)
    if answer.values is None or answer.values.shape != (len(names), 3):
        return note_figure(answer.note or "map_shapes did not return three numbers for each layer")
    rows = np.vstack([[3, side, side], answer.values])
    fig = Figure(figsize=(WIDTH, 2.1))
    ax = fig.add_axes((0.02, 0.1, 0.96, 0.7))
    fig.text(0.02, 0.02, "as high as a map, as wide as the root of how many maps there are", fontsize=8)
    deepest, left, said = max(float(rows[:, 0].max()), 1.0), 0.0, []
    for name, (count, high, wide) in zip(["input", *names], rows, strict=True):
        depth, tall = 0.06 + 0.8 * np.sqrt(max(count, 0) / deepest), max(high, 0) / side
        ax.bar(
            left + depth / 2,
            tall,
            depth,
            bottom=(1 - tall) / 2,
            color=ORANGE if name == "input" else BLUE,
            edgecolor="white",
            alpha=0.85,
        )
        text = f"{name}\n{count:.0f}×{high:.0f}×{wide:.0f}"
        ax.text(left + depth / 2, 1.04, text, ha="center", va="bottom", fontsize=8)
        left += max(depth, 0.5) + 0.22
        said.append(f"{name} {count:.0f} maps of {high:.0f} by {wide:.0f}")
    ax.set(xlim=(-0.25, left), ylim=(0, 1.02))
    ax.axis("off")
    return describe(fig, f"The maps by layer as blocks: {'; '.join(said)}.")


def zeros(sparsity: Function, maps: Mapping[str, Tensor]) -> Figure:
    """Draw the student's shares of zeros and of silent channels, layer by layer; maps are (N, C, H, W)."""
    fig = Figure(figsize=(WIDTH, 0.5 * len(maps) + 0.75))
    ax = fig.add_axes((0.11, 0.04, 0.77, 0.74))
    said = []
    for row, (name, x) in enumerate(maps.items()):
        answer = ask("sparsity", lambda v: [float(s) for s in sparsity(v)], x, ndim=1)
        if answer.values is None or answer.values.shape != (2,):
            return note_figure(answer.note or "sparsity did not return two numbers")
        for at, (value, color, hatch) in enumerate(zip(answer.values, (BLUE, RED), ("", "///"), strict=True)):
            ax.barh(row + (at - 0.5) * 0.38, value, height=0.34, color=color, hatch=hatch, edgecolor="white")
            ax.text(value, row + (at - 0.5) * 0.38, f"  {100 * value:.0f} %", va="center", fontsize=8.5)
        said.append(f"{name}: {100 * answer.values[0]:.0f} % and {100 * answer.values[1]:.0f} %")
    ax.set(yticks=range(len(maps)), xticks=[], xlim=(0, 1))
    ax.set_yticklabels(list(maps), fontsize=9)
    ax.invert_yaxis()
    ax.spines[["top", "right", "bottom"]].set_visible(False)
    ax.spines["left"].set_color(GREY)
    told = f"{len(next(iter(maps.values())))} photos, by your sparsity\nplain: numbers that are 0   "
    told += "hatched: channels that are 0 for every photo"
    fig.text(0.11, 0.97, told, fontsize=9.5, va="top")
    return describe(fig, f"Shares of zeros and of silent channels for some photos. {'; '.join(said)}.")
