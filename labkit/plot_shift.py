"""Figures of what pooling does to photos and to shifts: shrinking, heads, sensitivity, blur-pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from labkit import pool
from labkit.plot import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    WIDTH,
    Answer,
    ask,
    describe,
    differs,
    label,
    note_figure,
)
from labkit.plot_filters import picture
from labkit.plot_grids import Grid, array, grids

Function = Callable[..., Any]
_LOOKS = ((GREY, "o-"), (RED, "s--"), (ORANGE, "^-."), (BLUE, "D-"), (PURPLE, "v--"), (GREEN, "x:"))


def shrinking(
    max_pool: Function, avg_pool: Function, photo: Tensor, *, factors: Sequence[int] = (4, 8)
) -> Figure:
    """Draw a grey photo (H, W) shrunk in three ways: every n-th pixel, the student's mean, and their max."""
    tall = WIDTH / 4 * photo.shape[0] / photo.shape[1] + 0.25
    fig = Figure(figsize=(WIDTH, len(factors) * tall))
    axes = fig.subplots(len(factors), 4, squeeze=False)
    said = []
    for line, n in zip(axes, factors, strict=True):
        most = ask("max_pool", max_pool, photo, (n, n), (n, n))
        mean = ask("avg_pool", avg_pool, photo[None, None], (n, n), (n, n), ndim=4)
        mean = mean if mean.values is None else Answer(mean.values[0, 0])
        picture(line[1], photo[::n, ::n], f"every {_nth(n)} pixel")
        picture(line[2], mean.values, f"your mean of {n}×{n}", note=mean.note)
        picture(line[3], most.values, f"your largest of {n}×{n}", note=most.note)
        said += [f"{n} by {n}"] + [a.note for a in (mean, most) if a.note]
    picture(axes[0][0], photo, f"photo, {photo.shape[0]}×{photo.shape[1]}")
    for ax in axes[1:, 0]:
        ax.axis("off")
        ax.text(0.5, 0.5, "mean: smooth\nlargest: bright spots\nspread, dark lines\nvanish",
                transform=ax.transAxes, ha="center", va="center", fontsize=9.5)  # fmt: skip
    fig.subplots_adjust(
        left=0.01, right=0.99, top=1 - 0.22 / fig.get_figheight(), bottom=0.01, wspace=0.05, hspace=0.16
    )
    return describe(fig, f"A photo shrunk by leaving out pixels, by means and by maxima: {', '.join(said)}.")


def _nth(n: int) -> str:
    return f"{n}{ {2: 'nd', 3: 'rd'}.get(n, 'th') }"


def heads(head_params: Function, networks: Sequence[pool.Head]) -> Figure:
    """Draw the student's parameters of each network's last layer: after flattening, and after pooling."""
    fig = Figure(figsize=(WIDTH, 0.55 * len(networks) + 1.15))
    ax = fig.add_axes((0.16, 0.24, 0.78, 0.53))
    said, keys = [], ("after global average pooling", "after flattening")
    for row, net in enumerate(networks):
        answer = ask("head_params", lambda *a: [float(v) for v in head_params(*a)], net.channels, net.height,
                     net.width, net.classes, ndim=1)  # fmt: skip
        if answer.values is None or answer.values.shape != (2,):
            return note_figure(answer.note or "head_params did not return two numbers")
        values = np.maximum(answer.values[::-1], 1)  # a logarithm knows no 0
        ax.plot(values, (row, row), "-", color=GREY, lw=1.5, zorder=1)
        for value, true, color, marker, key in zip(
            values, answer.values[::-1], (BLUE, ORANGE), "os", keys, strict=True
        ):
            ax.plot(value, row, marker, color=color, markersize=9, label=key if row == 0 else None)
            ax.text(value, row - 0.2, f"{true:,.0f}", ha="center", va="bottom", fontsize=8.5)
        said.append(f"{net.name}: {answer.values[0]:,.0f} and {answer.values[1]:,.0f}")
    ax.set_xscale("log")
    ax.margins(x=0.12)
    ax.set_ylim(len(networks) - 0.6, -0.7)
    ax.set_yticks(
        range(len(networks)), [f"{net.name}\n{net.channels}×{net.height}×{net.width}" for net in networks]
    )
    ax.xaxis.set_major_formatter(lambda v, at: f"{v:,.0f}")
    ax.tick_params(labelsize=8.5)
    ax.tick_params(axis="x", which="minor", labelbottom=False)
    ax.set_xlabel("parameters; each step of the scale is ten times more", fontsize=8.5)
    ax.spines[["top", "right"]].set_visible(False)
    fig.suptitle("a layer to 1000 classes, by your head_params", x=0.02, y=0.99, ha="left", fontsize=9.5)
    fig.legend(loc="upper left", bbox_to_anchor=(0.01, 0.93), ncols=2, fontsize=9, frameon=False)
    return describe(fig, f"Parameters after flattening and after global average pooling. {'; '.join(said)}.")


def curves(shift_curve: Function, photo: Tensor, *, most: int = 8) -> Figure:
    """Draw the student's shift curves of a photo's edges behind several poolings, for 0 to `most` pixels."""
    fig = Figure(figsize=(WIDTH, 3.0))
    ax = fig.add_axes((0.1, 0.16, 0.56, 0.8))
    lines = {name: (lambda x, g=g: g(pool.edges(x))) for name, g in pool.poolings().items()}
    return _draw_curves(fig, ax, shift_curve, photo.double(), lines, most=most, what="edges of a photo")


def _draw_curves(
    fig: Figure,
    ax: Axes,
    shift_curve: Function,
    photo: Tensor,
    lines: dict[str, Function],
    *,
    most: int,
    what: str,
) -> Figure:
    said = []
    for (name, f), (color, style) in zip(lines.items(), _LOOKS, strict=False):
        answer = ask("shift_curve", shift_curve, f, photo, most, ndim=1)
        if answer.values is None:
            return note_figure(answer.note)
        values = np.where(np.isfinite(answer.values), answer.values, np.nan)
        ax.plot(range(len(values)), values, style, color=color, label=name, markersize=6)
        said.append(f"{name.replace(chr(10), ' ')}: {', '.join(f'{v:.2f}' for v in values)}")
    ax.legend(fontsize=9, frameon=False, loc="center left", bbox_to_anchor=(1.02, 0.5))
    ax.set_xlabel("shift to the right, in pixels", fontsize=9)
    ax.set_ylabel("your shift_curve", fontsize=9)
    ax.tick_params(labelsize=8.5)
    ax.set_ylim(bottom=min(0.0, *ax.get_ylim()))
    ax.spines[["top", "right"]].set_visible(False)
    return describe(fig, f"Change of the {what} when it moves by 0 to {most} pixels. {'; '.join(said)}.")


def flicker(blur_pool2d: Function) -> Figure:
    """Draw a row of blocks, still and moved by one pixel, after max pooling and after the student's blur."""
    signal = pool.blocks()
    rows: list[list[Grid]] = []
    said = []
    for name, x in (("the pattern", signal), ("moved by 1", signal.roll(1, 3))):
        plain = pool.largest(x[0, 0], (1, 2), (1, 2))[1:2, 2:6].numpy()
        answer = ask("blur_pool2d", blur_pool2d, torch.maximum(x, x.roll(-1, 3)), (1, 2), ndim=4)
        got, note = None, answer.note
        if answer.values is not None:
            fits = answer.values.shape == (1, 1, 3, 8)
            got = answer.values[0, 0, 1:2, 2:6] if fits else None
            note = "" if fits else f"blur_pool2d returned shape {answer.values.shape}"
        titles = (
            ("", "")
            if rows
            else ("largest of 2,\nstride 2", "largest of 2, stride 1,\nthen your blur, stride 2")
        )
        row = [Grid(x[0, 0, 1:2, 4:12].numpy(), name), Grid(plain, titles[0], sign="→")]
        right = array(pool.softened(x))[1:2, 2:6]
        wrong = None if got is None else differs(got, right)
        row.append(Grid(got, titles[1], note, sign="or", size=(1, 4), wrong=wrong))
        rows.append(row)
        blurred = note if got is None else str(np.round(got[0], 2).tolist())
        said.append(f"{name}: {plain[0].tolist()}, blurred {blurred}")
    return grids(
        *rows, cell=0.38, alt=f"A pattern of blocks after max pooling with stride 2. {'; '.join(said)}."
    )


def smoother(shift_curve: Function, blur_pool2d: Function, photo: Tensor, *, most: int = 8) -> Figure:
    """Draw shift curves of one number, the mean of a pooled edge map: max pooling, and max plus the blur."""
    blurred = ask("blur_pool2d", blur_pool2d, pool.edges(photo.double())[None, None], (2, 2), ndim=4)
    if blurred.values is None:
        return note_figure(blurred.note)
    fig = Figure(figsize=(WIDTH, 2.5))
    ax = fig.add_axes((0.1, 0.19, 0.56, 0.76))
    lines: dict[str, Function] = {
        "largest of 2×2, stride 2": lambda x: pool.largest(pool.edges(x), (2, 2), (2, 2)).mean(),
        "largest of 2×2, stride 1,\nthen your blur_pool2d": lambda x: _mean(blur_pool2d, pool.edges(x)),
    }
    return _draw_curves(
        fig, ax, shift_curve, photo.double(), lines, most=most, what="mean of a pooled edge map"
    )


def _mean(blur_pool2d: Function, y: Tensor) -> Tensor:
    return torch.as_tensor(blur_pool2d(pool.dense(y[None, None]), (2, 2))).double().mean()


def aliasing(blur_pool2d: Function, picture_: Tensor) -> Figure:
    """Draw a picture (H, W) at half the size: every second pixel, the largest of 2x2, the student's blur."""
    answer = ask("blur_pool2d", blur_pool2d, picture_[None, None], (2, 2), ndim=4)
    fig = Figure(figsize=(WIDTH, 1.95))
    axes = fig.subplots(1, 4)
    half = pool.largest(picture_, (2, 2), (2, 2))
    picture(axes[0], picture_, "rings")
    picture(axes[1], picture_[::2, ::2], "every 2nd pixel")
    picture(axes[2], half, "largest of 2×2")
    picture(
        axes[3], None if answer.values is None else answer.values[0, 0], "your blur_pool2d", note=answer.note
    )
    fig.subplots_adjust(left=0.01, right=0.99, top=0.88, bottom=0.01, wspace=0.05)
    got = answer.note or "with blur_pool2d the fine rings turn grey instead"
    return describe(fig, f"Rings at half the size. Every second pixel shows rings that are not there; {got}.")


def head_table(head_params: Function, networks: Sequence[pool.Head]) -> None:
    """Print the student's parameters of each network's last layer, and how many times fewer pooling needs."""
    print(f"{'network':<12}{'last maps':>14}{'flattened':>16}{'pooled':>12}{'ratio':>8}")
    for net in networks:
        answer = ask("head_params", lambda *a: [float(v) for v in head_params(*a)], net.channels, net.height,
                     net.width, net.classes, ndim=1)  # fmt: skip
        if answer.values is None or answer.values.shape != (2,):
            print(f"(no numbers: {answer.note or 'head_params did not return two numbers'})")
            return
        flat, pooled = answer.values
        ratio = label(float(flat / pooled)) if pooled else "-"
        print(
            f"{net.name:<12}{f'{net.channels}×{net.height}×{net.width}':>14}{flat:>16,.0f}{pooled:>12,.0f}{ratio:>8}"
        )
