"""Figures of receptive fields: by arithmetic as boxes on a photo, and by the gradient of one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from labkit import looking
from labkit.plot import BLUE, GREEN, ORANGE, PURPLE, RED, WIDTH, ask, blank, describe
from labkit.pretrained import Pretrained

Function = Callable[..., Any]
_LOOKS = ((ORANGE, "-"), (BLUE, "--"), (GREEN, "-."), (PURPLE, ":"), (RED, "-"))


def field_table(receptive_field: Function, found: Pretrained) -> None:
    """Print the student's receptive field and jump at the end of each stage."""
    side = found.preprocess.crop
    print(f"{'up to':<10}{'layers':>8}{'field':>10}{'jump':>8}   of {side}×{side} pixels")
    for stage in looking.STAGES:
        rows = looking.windows(found.net, stage)
        answer = ask("receptive_field", lambda r: [float(v) for v in receptive_field(r)], rows, ndim=1)
        if answer.values is None or answer.values.shape != (2,):
            print(f"(no numbers: {answer.note or 'receptive_field did not return two numbers'})")
            return
        field, jump = answer.values
        wide = "  larger than the input" if field > side else ""
        print(f"{stage:<10}{len(rows):>8}{f'{field:.0f}×{field:.0f}':>10}{jump:>8.0f}{wide}")


def boxes(receptive_field: Function, found: Pretrained, photo: Tensor) -> Figure:
    """Draw, around the middle of what the network sees of a photo, the student's field of each stage."""
    image = looking.image_of(found, photo)
    side = image.shape[1]
    fig = Figure(figsize=(WIDTH, 3.4))
    ax = fig.add_axes((0.0, 0.01, 0.49, 0.98))
    ax.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    said, lines = [], []
    for stage, (color, style) in zip(looking.STAGES, _LOOKS, strict=True):
        rows = looking.windows(found.net, stage)
        answer = ask("receptive_field", lambda r: [float(v) for v in receptive_field(r)], rows, ndim=1)
        if answer.values is None or answer.values.shape != (2,):
            ax.clear()
            blank(ax, answer.note or "receptive_field did not return two numbers")
            said = [answer.note]
            break
        field = float(answer.values[0])
        corner = (side - field) / 2 - 0.5
        ax.add_patch(Rectangle((corner, corner), field, field, fill=False, edgecolor="black", linewidth=3.6))
        ax.add_patch(Rectangle((corner, corner), field, field, fill=False, edgecolor=color, linestyle=style,
                               linewidth=2.2))  # fmt: skip
        text = f"{stage}: {field:.0f}×{field:.0f}" + ("\n(larger than the input)" if field > side else "")
        lines.append((text, color, style))
        said.append(text.replace("\n", " "))
    ax.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5), xticks=[], yticks=[])
    for place, (text, color, style) in enumerate(lines):
        y = 0.82 - 0.16 * place
        fig.add_artist(_line((0.53, 0.6), (y, y), color, style))
        fig.text(0.62, y, text, va="center", fontsize=10)
    if lines:
        fig.text(
            0.53,
            0.98,
            "what one number in the middle sees,\nby your receptive_field",
            fontsize=10,
            va="top",
        )
    return describe(
        fig, f"Boxes on a photo: what one number in the middle of each stage sees. {'; '.join(said)}."
    )


def _line(xs: tuple[float, float], ys: tuple[float, float], color: str, style: str) -> Any:
    from matplotlib.lines import Line2D

    looks: dict[str, Any] = {"color": color, "linestyle": style, "linewidth": 2.4}
    return Line2D(xs, ys, **looks)


def seen(
    field_of: Function, found: Pretrained, photo: Tensor, stages: tuple[str, ...] = looking.STAGES[1:]
) -> Figure:
    """Draw the size of the gradient of one place in the middle of each stage, and the student's box."""
    x = found.preprocess(photo)
    image = looking.image_of(found, photo)
    high = WIDTH / len(stages) + 0.5
    fig = Figure(figsize=(WIDTH, high))
    axes = fig.subplots(1, len(stages), squeeze=False)[0]
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=1 - 0.54 / high, wspace=0.05)
    said = []
    for ax, stage in zip(axes, stages, strict=True):
        f = looking.until(found.net, stage)
        leaf = x.clone().requires_grad_()
        y = f(leaf)
        row, col = y.shape[2] // 2, y.shape[3] // 2
        (gradient,) = torch.autograd.grad(y[0, :, row, col].sum(), leaf)
        answer = ask("field_of", lambda *a: [float(v) for v in field_of(*a)], f, x, row, col, ndim=1)
        ax.set(xticks=[], yticks=[])
        if answer.values is None or answer.values.shape != (4,):
            blank(ax, answer.note or "field_of did not return four numbers")
            said.append(f"{stage}: {answer.note}")
            continue
        size = gradient[0].abs().sum(0)
        glow = (size / size.max()).sqrt().numpy()
        ax.imshow(image.mean(0).numpy(), cmap="gray", vmin=0, vmax=1.4)
        ax.imshow(glow, cmap="inferno", alpha=0.25 + 0.75 * glow, interpolation="nearest")
        top, left, height, width = answer.values
        corner = (left - 0.5, top - 0.5)
        ax.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="white", linewidth=2.6))
        ax.add_patch(
            Rectangle(corner, width, height, fill=False, edgecolor=BLUE, linestyle="--", linewidth=1.8)
        )
        inside = share_inside(size, 0.5)
        ax.set_title(
            f"{stage}\nbox {height:.0f}×{width:.0f}\nhalf of it within {inside}×{inside}", fontsize=8.5
        )
        said.append(
            f"{stage}: box {height:.0f} by {width:.0f}, half of the gradient within {inside} by {inside}"
        )
    return describe(fig, f"Which pixels move one place in the middle, by the gradient. {'; '.join(said)}.")


def share_inside(size: Tensor, share: float) -> int:
    """Return the side of the smallest square around the centre of mass that holds a share of the numbers."""
    numbers = np.asarray(size, dtype=np.float64)
    rows, cols = np.indices(numbers.shape)
    total = numbers.sum()
    centre = (rows * numbers).sum() / total, (cols * numbers).sum() / total
    far = np.maximum(np.abs(rows - centre[0]), np.abs(cols - centre[1])).ravel()
    order = np.argsort(far)
    place = int(np.searchsorted(np.cumsum(numbers.ravel()[order]), share * total))
    return max(1, round(2 * float(far[order[min(place, len(order) - 1)]]) + 1))
