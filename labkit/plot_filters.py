"""Figures of kernels on photos: classic filters, designed and merged kernels, shifts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from labkit import conv
from labkit.plot import BLUE, RED, WIDTH, ask, blank, describe, label, note_figure
from labkit.plot_grids import Grid, grids

Function = Callable[..., Any]


def picture(ax: Axes, pixels: Any, title: str = "", *, note: str = "", signed: bool = False) -> None:
    """Draw an image (H, W) or (3, H, W) into an axes, or a note; `signed` puts 0 at mid grey."""
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=9.5, pad=4)
    if pixels is None:
        blank(ax, note)
        return
    values = np.asarray(pixels, dtype=np.float64)
    values = np.where(np.isfinite(values), values, 0.0).clip(-1e6, 1e6)
    if values.ndim == 3:
        ax.imshow(np.clip(values.transpose(1, 2, 0), 0, 1))
        return
    reach = float(np.quantile(np.abs(values), 0.995)) or 1.0
    ax.imshow(
        values,
        cmap="gray",
        vmin=-reach if signed else 0,
        vmax=reach if signed else 1,
        interpolation="antialiased",
    )


def strip(
    name: str, f: Function, photo: Tensor, kernels: Mapping[str, Tensor], *, columns: int = 4
) -> Figure:
    """Draw a grey photo (H, W) and the student's result for each kernel; edge filters have 0 at mid grey."""
    rows = math.ceil((len(kernels) + 1) / columns)
    side = WIDTH / columns
    fig = Figure(figsize=(WIDTH, rows * (side * photo.shape[0] / photo.shape[1] + 0.25)))
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    picture(axes[0], photo, "photo")
    said = []
    for ax, (title, kernel) in zip(axes[1:], kernels.items(), strict=False):
        answer = ask(name, f, photo, kernel)
        signed = abs(float(kernel.sum())) < 0.5
        picture(ax, answer.values, title, note=answer.note, signed=signed)
        said.append(title if answer.values is not None else f"{title}: {answer.note}")
    for ax in axes[len(kernels) + 1 :]:
        ax.axis("off")
        ax.text(
            0.5,
            0.5,
            "edge filters:\nmid grey is 0",
            transform=ax.transAxes,
            ha="center",
            va="center",
            fontsize=9.5,
        )
    fig.subplots_adjust(
        left=0.01, right=0.99, top=1 - 0.25 / fig.get_figheight(), bottom=0.01, wspace=0.05, hspace=0.18
    )
    return describe(
        fig,
        f"A grey photo and filters on it: {', '.join(said)}. In the results of edge filters mid grey is 0.",
    )


def designed(blur_kernel: Function, edge_kernel: Function, photo: Tensor, *, n: int = 7) -> Figure:
    """Draw a photo next to what the student's own blur and edge kernels make of it."""
    fig = Figure(figsize=(WIDTH, 2.35))
    axes = fig.subplots(1, 3)
    picture(axes[0], photo, "photo")
    said = []
    asked = (
        ("blur_kernel", blur_kernel, (n,), f"your blur, n = {n}"),
        ("edge_kernel", edge_kernel, (), "your edge kernel"),
    )
    for ax, (name, f, args, title) in zip(axes[1:], asked, strict=True):
        answer = ask(name, f, *args)
        values = answer.values
        if values is not None and min(values.shape) <= min(photo.shape) and max(values.shape) < 64:
            done = conv.correlate(photo.double(), torch.from_numpy(np.nan_to_num(values)))
            picture(ax, done, f"{title} (sum {label(float(values.sum()))})", signed=name == "edge_kernel")
            said.append(f"{title}: the weights add up to {label(float(values.sum()))}")
        else:
            picture(ax, None, title, note=answer.note or "the kernel is too large to draw")
            said.append(f"{title}: {answer.note or 'too large'}")
    fig.subplots_adjust(left=0.01, right=0.99, top=0.9, bottom=0.01, wspace=0.05)
    return describe(fig, f"A photo and two filters of your own. {'; '.join(said)}.")


def merged(merge_kernels: Function, k1: Tensor, k2: Tensor) -> Figure:
    """Draw two kernels and the student's one kernel that does the work of both."""
    answer = ask("merge_kernels", merge_kernels, k1, k2)
    row = [Grid(k1.double().numpy(), "first kernel"), Grid(k2.double().numpy(), "second kernel", sign="→")]
    if answer.values is None:
        return grids(
            [*row, Grid(None, "your kernel", answer.note, sign="=", size=(5, 5))],
            alt=f"Two kernels; {answer.note}.",
        )
    x = torch.linspace(-1, 1, 90, dtype=torch.float64).sin().view(9, 10) + torch.eye(
        9, 10, dtype=torch.float64
    )
    twice = conv.correlate(conv.correlate(x, k1), k2)
    kernel = torch.from_numpy(answer.values)
    fits = kernel.shape == (k1.shape[0] + k2.shape[0] - 1, k1.shape[1] + k2.shape[1] - 1)
    gap = float((conv.correlate(x, kernel) - twice).abs().max()) if fits else math.inf
    told = "largest difference on a test image: " + (
        f"{gap:.1e}" if math.isfinite(gap) else "the sizes differ"
    )
    wrong = None if gap < 1e-4 else np.ones(answer.values.shape, dtype=bool)
    row.append(Grid(answer.values, "your one kernel", sign="=", caption=told, wrong=wrong))
    shapes = f"{tuple(k1.shape)} and {tuple(k2.shape)}"
    return grids(row, alt=f"Two kernels of {shapes} and your kernel of {answer.values.shape}; {told}.")


def shifts(shift_error: Function, photo: Tensor, k: Tensor, *, furthest: int = 8) -> Figure:
    """Draw the student's shift error of a convolution with stride 1 and 2, for shifts of 0 to 8 pixels."""
    fig = Figure(figsize=(WIDTH, 2.5))
    ax = fig.add_axes((0.12, 0.2, 0.84, 0.68))
    said = []
    for stride, color, style in ((1, BLUE, "o-"), (2, RED, "s--")):
        f = _undo(k, stride)
        answers = [ask("shift_error", shift_error, f, photo, d, d, ndim=0) for d in range(furthest + 1)]
        values = [math.nan if a.values is None else float(a.values) for a in answers]
        if answers[0].values is None:
            return note_figure(answers[0].note)
        ax.plot(range(furthest + 1), values, style, color=color, label=f"stride {stride}", markersize=6)
        said.append(f"stride {stride}: {', '.join(f'{v:.2f}' for v in values)}")
    ax.legend(fontsize=9, frameon=False, ncol=2, loc="lower right", bbox_to_anchor=(1.01, 0.98))
    ax.set_title("change of the map, photo shifted first", fontsize=10, loc="left")
    ax.set_xlabel("shift, down and right, in pixels", fontsize=9)
    ax.set_ylabel("your shift_error", fontsize=9)
    ax.tick_params(labelsize=8.5)
    ax.spines[["top", "right"]].set_visible(False)
    return describe(fig, f"Shift error against the shift in pixels. {'; '.join(said)}.")


def _undo(k: Tensor, stride: int) -> Function:
    """A convolution with a stride whose map is brought back to the photo's scale by repeating its values."""

    def f(x: Tensor) -> Tensor:
        large = conv.correlate(x, k, stride=stride).repeat_interleave(stride, 0).repeat_interleave(stride, 1)
        return large[stride - 1 :, stride - 1 :]  # so that no window of the moved part meets the zeros

    return f
