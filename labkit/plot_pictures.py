"""Figures of Lab 6 about pictures: classes, channels before and after, the split, moved copies, filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from labkit.datasets import Images
from labkit.plot import BLUE, GREEN, ORANGE, RED, SKY, WIDTH, ask, blank, describe, label, note_figure

Function = Callable[..., Any]
_CHANNELS = (("red", RED, "-"), ("green", GREEN, "--"), ("blue", BLUE, ":"))


def _show(ax: Axes, picture: Any) -> None:
    """Draw one picture (3, H, W) of bytes, without axes."""
    ax.imshow(
        np.clip(np.moveaxis(np.asarray(picture), 0, -1), 0, 255).astype(np.uint8), interpolation="nearest"
    )
    ax.set(xticks=[], yticks=[])


def _tiled(rows: list[Any], gap: int = 4) -> Any:
    """Put rows of pictures (3, H, W) of one size into one white picture, which is quicker than many axes."""
    height, width = rows[0][0].shape[1:]
    many = max(map(len, rows))
    sheet = np.full((3, len(rows) * (height + gap) - gap, many * (width + gap) - gap), 255.0)
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            top, left = r * (height + gap), c * (width + gap)
            sheet[:, top : top + height, left : left + width] = np.asarray(picture)
    return sheet


def _sheet(rows: list[Any], names: list[str], height: float, alt: str) -> Figure:
    """Draw rows of pictures with a name at the left of each."""
    fig = Figure(figsize=(WIDTH, height))
    ax = fig.add_axes((0.14, 0.0, 0.86, 1.0))
    _show(ax, _tiled(rows))
    side = rows[0][0].shape[1]
    ax.set_yticks([side / 2 + r * (side + 4) for r in range(len(rows))], names, fontsize=9)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return describe(fig, alt)


def gallery(data: Images, *, columns: int = 12) -> Figure:
    """Draw some training pictures of each class, a row a class."""
    rows = [data.train_images[data.train_labels == c][:columns] for c in range(len(data.classes))]
    names = [f"{c}  {name}" for c, name in enumerate(data.classes)]
    alt = (
        f"{columns} pictures of 32x32 pixels for each of the classes {', '.join(data.classes)} ({data.name})."
    )
    return _sheet(rows, names, 5.2, alt)


def channels(channel_stats: Function, normalise: Function, images: Tensor) -> Figure:
    """Draw the three channels' values, as they are and normalised by the student's functions."""
    some = images[:500]
    stats = ask("channel_stats", channel_stats, some)
    if stats.values is None or stats.values.shape != (2, 3):
        return note_figure(stats.note or "channel_stats should return (mean, std), three numbers each")
    mean, std = (torch.from_numpy(v).float() for v in stats.values)
    after = ask("normalise", normalise, some, mean, std, ndim=4)
    fig = Figure(figsize=(WIDTH, 2.4), layout="constrained")
    left, right = fig.subplots(1, 2)
    left.set_ylabel("how often")
    said = []
    for ax, values, title in (
        (left, some.numpy() / 255, "as in the file, divided by 255"), (right, after.values, "normalised"),
    ):  # fmt: skip
        if values is None or values.shape != tuple(some.shape):
            blank(ax, after.note or "normalise returned another shape")
            said.append(after.note)
            continue
        for (name, colour, style), channel in zip(_CHANNELS, np.moveaxis(values, 1, 0), strict=True):
            channel = np.nan_to_num(channel)
            half = float(np.ptp(channel)) / 510  # of the distance of two bytes: four bytes in each of 64 bins
            ends = (channel.min() - half, channel.max() + half)
            counts, edges = np.histogram(channel, bins=64, range=ends, density=True)
            told = f"{name}: mean {label(float(channel.mean()))}, std {label(float(channel.std()))}"
            ax.plot((edges[1:] + edges[:-1]) / 2, counts, color=colour, linestyle=style, lw=1.4, label=told)
            said.append(f"{title}, {told}")
        ax.set_title(title, fontsize=10)
        ax.set(yticks=[], xlabel="value")
        ax.set_ylim(0, ax.get_ylim()[1] * 1.45)
        ax.legend(fontsize=7.5, frameon=False, loc="upper left")
        ax.spines[["top", "right", "left"]].set_visible(False)
    return describe(fig, f"How often each value occurs in 500 pictures. {'; '.join(said)}.")


def split(stratified_split: Function, data: Images, *, per_class: int = 20) -> Figure:
    """Draw how many pictures of each class are put aside: the first ones of an order, and the split's."""
    labels = data.train_labels
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(3))
    answer = ask("stratified_split", lambda *a: stratified_split(*a)[1], labels, order, per_class, ndim=1)
    plain = torch.bincount(labels[order[: 10 * per_class]], minlength=10).tolist()
    fig = Figure(figsize=(WIDTH, 2.4), layout="constrained")
    left, right = fig.subplots(1, 2, sharey=True)
    said = [f"first {10 * per_class} of a random order: {', '.join(map(str, plain))}"]
    left.bar(range(10), plain, color=SKY, edgecolor="black", linewidth=0.6)
    left.set_title(f"first {10 * per_class} of a random order", fontsize=10)
    values = answer.values
    if values is None or not np.isin(values, np.arange(len(labels))).all():
        note = answer.note or "stratified_split returned numbers that are no pictures"
        blank(right, note)
        said.append(note)
    else:
        counts = torch.bincount(labels[torch.from_numpy(values).long()], minlength=10).tolist()
        right.bar(range(10), counts, color=ORANGE, edgecolor="black", linewidth=0.6, hatch="//")
        right.set_title("your stratified split", fontsize=10)
        said.append(f"your split: {', '.join(map(str, counts))}")
    for ax in (left, right):
        ax.axhline(per_class, color="black", lw=0.8, ls=":")
        ax.spines[["top", "right"]].set_visible(False)
        ax.set(xlabel="class", xticks=range(10))
    left.set(ylabel="pictures put aside")
    return describe(fig, f"Pictures of classes 0 to 9 put aside. {'; '.join(said)}.")


def augmented(augment: Function, images: Tensor, *, pad: int = 4, draws: int = 4) -> Figure:
    """Draw eight pictures, and what the student's function makes of them, `draws` times."""
    some = images[:8]
    g = torch.Generator().manual_seed(1)
    rows: list[Any] = [some.numpy()]
    note = ""
    for _ in range(draws):
        dy, dx = torch.randint(2 * pad + 1, (2, len(some)), generator=g)
        flip = torch.rand(len(some), generator=g) < 0.5
        answer = ask("augment", augment, some, dy, dx, flip, pad, ndim=4)
        if answer.values is None or answer.values.shape != tuple(some.shape):
            note = answer.note or "augment returned another shape"
            break
        rows.append(answer.values)
    if note:
        return note_figure(note)
    alt = f"Eight pictures, and below each one {draws} copies of it, moved and mirrored by augment."
    return _sheet(rows, ["as it is", *(f"draw {i + 1}" for i in range(draws))], 3.7, alt)


def moved(
    augment: Function, picture: Tensor, settings: list[tuple[int, int, bool]], *, pad: int = 4
) -> Figure:
    """Draw one picture (3, H, W) cut out at given places (dy, dx, mirrored)."""
    made, titles = [], []
    for dy, dx, flip in settings:
        args = torch.tensor([dy]), torch.tensor([dx]), torch.tensor([flip])
        answer = ask("augment", augment, picture[None], *args, pad, ndim=4)
        if answer.values is None:
            return note_figure(answer.note)
        made.append(answer.values[0])
        titles.append(f"dy={dy}, dx={dx}{', mirrored' if flip else ''}")
    fig = Figure(figsize=(WIDTH, 1.75), layout="constrained")
    axes = np.atleast_1d(fig.subplots(1, max(4, len(made))))
    for ax in axes:
        ax.axis("off")
    for ax, one, title in zip(axes, made, titles, strict=False):
        _show(ax, one)
        ax.set_title(title, fontsize=8.5)
    return describe(fig, f"One picture, padded by {pad}, cut out at: {'; '.join(titles)}.")


def first_filters(before: nn.Module, after: nn.Module) -> Figure:
    """Draw the filters of the first convolution of a network, before and after training."""
    found = []
    for net in (before, after):
        layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d) and layer.in_channels == 3]
        if not layers:
            return note_figure("the network has no convolution that takes the picture")
        found.append(layers[0].weight.detach().cpu()[:24])
    count = len(found[0])
    columns = min(12, count)
    lines = -(-count // columns)
    fig = Figure(figsize=(WIDTH, 0.62 * lines * 2 + 0.5), layout="constrained")
    parts: Any = fig.subfigures(2, 1)
    for part, weights, name in zip(parts, found, ("before training", "after training"), strict=True):
        part.suptitle(name, fontsize=9.5)
        axes = part.subplots(lines, columns, squeeze=False).flat
        for ax in axes[count:]:
            ax.axis("off")
        for ax, w in zip(axes, weights, strict=False):
            spread = w.abs().max().clamp(min=1e-6)
            _show(ax, ((w / spread + 1) * 127.5).numpy())
    size = "x".join(map(str, found[0].shape[2:]))
    return describe(
        fig, f"{count} filters of {size} pixels of the first layer, as colours, before and after training."
    )
