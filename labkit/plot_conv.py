"""Figures of a window on a grid of numbers: sliding, flipping, padding, stacking.

Each figure asks the student's function for its numbers; numbers that are not as expected are crossed out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from labkit import conv
from labkit.plot import BLUE, GREEN, RED, WIDTH, Answer, ask, count, describe, label, note_figure
from labkit.plot_grids import Box, Grid, array, compare, grids, titled

Function = Callable[..., Any]


def filmstrip(
    corr2d: Function,
    x: Tensor,
    k: Tensor,
    *,
    at: Sequence[tuple[int, int]] = ((0, 0), (0, 1), (2, 2)),
    whose: str = "your output",
) -> Figure:
    """Draw the window at some positions: the input above with the products, the output so far below.

    Args:
        corr2d: the student's function; its values fill the output.
        x: input (H, W).
        k: kernel (kh, kw).
        at: positions (row, column) of the window.
        whose: what the output is called.
    """
    answer, expected = ask("corr2d", corr2d, x, k), array(conv.correlate(x, k))
    wrong = compare(answer, expected)
    xs, ks = array(x), array(k)
    above, below, said = [], [], []
    for row, col in at:
        patch = xs[row : row + ks.shape[0], col : col + ks.shape[1]]
        pairs = [zip(some, weights, strict=True) for some, weights in zip(patch, ks, strict=True)]
        lines = [" + ".join(f"{label(a)}·{label(b)}" for a, b in line) for line in pairs]
        total = label(float((patch * ks).sum()))
        above.append(
            Grid(
                xs,
                f"window at row {row}, column {col}",
                caption=" +\n".join(lines) + f" = {total}",
                boxes=(Box(row, col, *ks.shape),),
                weights=ks,
                weights_at=(row, col),
            )
        )
        said.append(f"at row {row}, column {col} the products add up to {total}")
        if answer.values is not None:
            place = np.arange(answer.values.size).reshape(answer.values.shape)
            later = place > row * expected.shape[1] + col
            here = (Box(row, col, 1, 1),)
            below.append(
                Grid(answer.values, titled(f"{whose} so far", wrong), blank=later, wrong=wrong, boxes=here)
            )
    if answer.values is None:
        below = [Grid(None, note=answer.note, size=(2, 12))]
    elif wrong is not None:
        said.append(f"{whose} is {answer.values.tolist()}, which is not as expected")
    size = f"A {ks.shape[0]} by {ks.shape[1]} window steps over a {xs.shape[0]} by {xs.shape[1]} input"
    said += [answer.note] if answer.note else []
    return grids(above, below, cell=0.38, alt=f"{size}: {'; '.join(said)}.")


def flipped(convolve2d: Function, x: Tensor, k: Tensor) -> Figure:
    """Draw the kernel, the kernel flipped, and what cross-correlation and the student's convolution give."""
    turned, plain = k.flip(0, 1), array(conv.correlate(x, k))
    answer = ask("convolve2d", convolve2d, x, k)
    wrong = compare(answer, array(conv.correlate(x, turned)))
    first, last = k.shape[0] - 1, k.shape[1] - 1
    marks = (Box(0, last, 1, 1, BLUE, "--"), Box(first, 0, 1, 1, GREEN, ":"))
    moved = (Box(first, 0, 1, 1, BLUE, "--"), Box(0, last, 1, 1, GREEN, ":"))
    row = [
        Grid(array(k), "kernel", boxes=marks),
        Grid(array(turned), "kernel flipped", sign="→", boxes=moved),
        Grid(plain, "cross-correlation"),
        Grid(answer.values, titled("your convolution", wrong), answer.note, wrong=wrong),
    ]
    got = answer.note if answer.values is None else f"your convolution is {answer.values.tolist()}"
    alt = (
        "A kernel, and the same kernel after half a turn: its dashed corner moves from top right to bottom "
        f"left. Cross-correlation gives {plain.tolist()}; {got}."
    )
    return grids(row, cell=0.42, alt=alt)


def feature_maps(corr2d: Function, image: Tensor, filters: Tensor, *, stride: int = 1) -> Figure:
    """Draw a small image, its filters (K, kh, kw) and the student's map for each; best matches outlined.

    With a stride, every stride-th row and column of the student's maps is shown.
    """
    rows, said = [], []
    for number, k in enumerate(filters, start=1):
        answer = ask("corr2d", corr2d, image, k)
        if answer.values is not None:
            answer = Answer(answer.values[::stride, ::stride])
        wrong = compare(answer, array(conv.correlate(image, k, stride=stride)))
        best = np.empty((0, 2), dtype=int)
        if answer.values is not None:
            most = np.nanmax(np.where(np.isfinite(answer.values), answer.values, -np.inf))
            best = np.argwhere(answer.values == most) if most > 0 else best
            places = f", its strongest answer at {count(len(best), 'place')}" if len(best) else ""
            said.append(f"map {number} is {answer.values.tolist()}{places}")
        boxes = tuple(Box(int(r), int(c), 1, 1) for r, c in best)
        seen = tuple(Box(int(r) * stride, int(c) * stride, *k.shape) for r, c in best)
        title = f"your map {number}" + (f",\nstride {stride}" if stride > 1 else "")
        rows.append(
            [
                Grid(array(image), "image" if number == 1 else "", boxes=seen),
                Grid(array(k), f"filter {number}", sign="∗"),
                Grid(answer.values, titled(title, wrong), answer.note, sign="=", wrong=wrong, boxes=boxes),
            ]
        )
    size = f"A {image.shape[0]} by {image.shape[1]} image and {count(len(rows), 'filter')}"
    return grids(*rows, cell=0.3, alt=f"{size}. {'; '.join(said) or 'No maps yet'}.")


def volume(corr2d: Function, image: Tensor, filters: Tensor) -> Figure:
    """Draw the student's maps one behind the other: the volume (K, H, W) that the next layer gets."""
    answers = [ask("corr2d", corr2d, image, k) for k in filters]
    maps = [answer.values for answer in answers if answer.values is not None]
    if len(maps) < len(answers) or len({m.shape for m in maps}) != 1 or max(maps[0].shape) > 12:
        return note_figure(answers[0].note or "the maps of corr2d cannot be stacked")
    high, wide = maps[0].shape
    fig = Figure(figsize=(WIDTH, 2.5))
    ax = fig.add_axes((0.02, 0.02, 0.96, 0.96))
    across, up = wide + 0.4, 1.2
    for depth in reversed(range(len(maps))):
        left, top = depth * across * 0.72, -depth * up
        color, style = ((BLUE, "-"), (RED, "--"), (GREEN, ":"))[depth % 3]
        ax.add_patch(Rectangle((left, top), wide, high, facecolor="white"))
        for (r, c), value in np.ndenumerate(maps[depth]):
            ax.add_patch(Rectangle((left + c, top + r), 1, 1, fill=False, edgecolor="#BBBBBB", linewidth=0.6))
            behind = depth > 0 and left + c + 0.7 < (depth - 1) * across * 0.72 + wide and r + 0.7 > up
            if not behind:
                ax.text(
                    left + c + 0.5, top + r + 0.5, label(float(value)), ha="center", va="center", fontsize=10
                )
        ax.add_patch(
            Rectangle((left, top), wide, high, fill=False, edgecolor=color, linewidth=2.4, linestyle=style)
        )
        ax.text(left + wide / 2, top - 0.15, f"map {depth + 1}", ha="center", va="bottom", fontsize=10)
    edge = (len(maps) - 1) * across * 0.72 + wide
    ax.text(-0.4, high / 2, f"shape {(len(maps), high, wide)}", ha="right", va="center", fontsize=11)
    ax.set(xlim=(-4.5, edge + 2), ylim=(high + 0.2, -up * (len(maps) - 1) - 1), aspect="equal")
    ax.axis("off")
    shape = (len(maps), high, wide)
    return describe(fig, f"{len(maps)} maps of {high} by {wide}, one behind the other: shape {shape}.")


def padded(pad2d: Function, x: Tensor, *settings: tuple[int, int, int, int, float]) -> Figure:
    """Draw the input and the student's padded results; the cells that should be padding are hatched.

    Args:
        pad2d: the student's function.
        x: input (H, W).
        settings: (top, bottom, left, right, value) of each result.
    """
    row, said = [Grid(array(x), "input")], []
    for top, bottom, left, right, value in settings:
        answer = ask("pad2d", pad2d, x, top, bottom, left, right, value)
        title = f"top {top}, bottom {bottom}\nleft {left}, right {right}\nvalue {label(value)}"
        if answer.values is None:
            row.append(Grid(None, title, answer.note))
            said.append(answer.note)
            continue
        wrong = compare(answer, array(F.pad(x, (left, right, top, bottom), value=value)))
        hatch = np.ones(answer.values.shape, dtype=bool)
        hatch[top : top + x.shape[0], left : left + x.shape[1]] = False
        below = "" if wrong is None else "×: not as expected"
        row.append(Grid(answer.values, title, hatch=hatch, wrong=wrong, caption=below))
        said.append(f"{title.replace(chr(10), ', ')} gives shape {answer.values.shape} {below}".strip())
    shape = tuple(x.shape)
    return grids(row, cell=0.34, alt=f"A border hatched in grey around an input {shape}: {'; '.join(said)}.")
