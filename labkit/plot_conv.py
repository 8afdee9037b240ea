"""Figures of a window on a grid of numbers: sliding, flipping, padding, channels, columns.

Each figure asks the student's function for its numbers; numbers that are not as expected are crossed out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from labkit import conv
from labkit.plot import BLUE, GREEN, RED, WIDTH, Answer, Box, Grid, ask, describe, differs, grids, label
from labkit.plot import note_figure

Function = Callable[..., Any]


def _array(x: Tensor) -> NDArray[np.float64]:
    values: NDArray[np.float64] = x.detach().to(torch.float64).numpy()
    return values


def _title(text: str, wrong: NDArray[np.bool_] | None) -> str:
    return text if wrong is None else f"{text}\n(×: not as expected)"


def _compare(answer: Answer, expected: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    return None if answer.values is None else differs(answer.values, expected)


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
    answer, expected = ask("corr2d", corr2d, x, k), _array(conv.correlate(x, k))
    wrong = _compare(answer, expected)
    xs, ks = _array(x), _array(k)
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
                Grid(answer.values, _title(f"{whose} so far", wrong), blank=later, wrong=wrong, boxes=here)
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
    turned, plain = k.flip(0, 1), _array(conv.correlate(x, k))
    answer = ask("convolve2d", convolve2d, x, k)
    wrong = _compare(answer, _array(conv.correlate(x, turned)))
    first, last = k.shape[0] - 1, k.shape[1] - 1
    marks = (Box(0, last, 1, 1, BLUE, "--"), Box(first, 0, 1, 1, GREEN, ":"))
    moved = (Box(first, 0, 1, 1, BLUE, "--"), Box(0, last, 1, 1, GREEN, ":"))
    row = [
        Grid(_array(k), "kernel", boxes=marks),
        Grid(_array(turned), "kernel flipped", sign="→", boxes=moved),
        Grid(plain, "cross-correlation"),
        Grid(answer.values, _title("your convolution", wrong), answer.note, wrong=wrong),
    ]
    got = answer.note if answer.values is None else f"your convolution is {answer.values.tolist()}"
    alt = (
        "A kernel, and the same kernel turned by half a turn: its dashed corner moves from top right to bottom "
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
        wrong = _compare(answer, _array(conv.correlate(image, k, stride=stride)))
        boxes: tuple[Box, ...] = ()
        if answer.values is not None and np.isfinite(answer.values).any():
            most = np.nanmax(answer.values)
            boxes = tuple(Box(int(r), int(c), 1, 1, BLUE) for r, c in np.argwhere(answer.values == most))
            said.append(f"map {number} is {answer.values.tolist()}, most at {len(boxes)} place(s)")
        title = f"your map {number}" + (f", stride {stride}" if stride > 1 else "")
        rows.append(
            [
                Grid(_array(image), "image" if number == 1 else ""),
                Grid(_array(k), f"filter {number}", sign="∗"),
                Grid(answer.values, _title(title, wrong), answer.note, sign="=", wrong=wrong, boxes=boxes),
            ]
        )
    alt = f"A {image.shape[0]} by {image.shape[1]} image and {len(rows)} filters. {'; '.join(said) or 'No maps yet'}."
    return grids(*rows, cell=0.3, alt=alt)


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
                ax.text(left + c + 0.5, top + r + 0.5, label(float(value)), ha="center", va="center", fontsize=10)
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
    row, said = [Grid(_array(x), "input")], []
    for top, bottom, left, right, value in settings:
        answer = ask("pad2d", pad2d, x, top, bottom, left, right, value)
        title = f"top {top}, bottom {bottom}\nleft {left}, right {right}\nvalue {label(value)}"
        if answer.values is None:
            row.append(Grid(None, title, answer.note))
            said.append(answer.note)
            continue
        wrong = _compare(answer, _array(F.pad(x, (left, right, top, bottom), value=value)))
        hatch = np.ones(answer.values.shape, dtype=bool)
        hatch[top : top + x.shape[0], left : left + x.shape[1]] = False
        below = "" if wrong is None else "×: not as expected"
        row.append(Grid(answer.values, title, hatch=hatch, wrong=wrong, caption=below))
        said.append(f"{title.replace(chr(10), ', ')} gives shape {answer.values.shape} {below}".strip())
    shape = tuple(x.shape)
    return grids(row, cell=0.34, alt=f"A border hatched in grey around an input {shape}: {'; '.join(said)}.")


def channel_sum() -> Figure:
    """Draw one window of an image with three channels: three sums of products and a bias make one number."""
    window = torch.tensor([[[1.0, 0], [2, 1]], [[0.0, 3], [1, 1]], [[2.0, 2], [0, 1]]])
    kernel = torch.tensor([[[1.0, 2], [0, -1]], [[1.0, 1], [1, 0]], [[-1.0, 0], [2, 2]]])
    sums = [float(s) for s in (window * kernel).sum((1, 2))]
    bias = torch.tensor(0.5)
    total = sum(sums) + float(bias)
    above, below = [], []
    for place, name in enumerate(("red", "green", "blue")):
        style = ("-", "--", ":")[place]
        box = (Box(0, 0, 2, 2, (RED, GREEN, BLUE)[place], style),)
        plus = "+" if place else ""
        above.append(Grid(_array(window[place]), f"window, {name}", sign="", boxes=box))
        above.append(Grid(_array(kernel[place]), "its slice of\nthe kernel", sign="·"))
        below.append(Grid(np.array([[sums[place]]]), sign=plus, caption=f"sum of the\n{name} products"))
    below.append(Grid(_array(bias.view(1, 1)), sign="+", caption="bias"))
    below.append(Grid(np.array([[total]]), sign="=", caption="one number\nof the map", boxes=(Box(0, 0, 1, 1),)))
    alt = f"Three channels, each with its slice of the kernel: the sums {sums} and the bias {float(bias)} make {total}."
    return grids(above, below, cell=0.42, alt=alt)


def columns(im2col: Function, x: Tensor, kernel_size: tuple[int, int]) -> Figure:
    """Draw an image (H, W) and the student's columns; the first and last window are outlined in both."""
    answer = ask("im2col", im2col, x[None, None], kernel_size, ndim=3)
    high, wide = kernel_size
    end = (x.shape[0] - high, x.shape[1] - wide)
    image = Grid(_array(x), "image", boxes=(Box(0, 0, high, wide), Box(*end, high, wide, BLUE, "--")))
    if answer.values is None:
        return grids([image, Grid(None, "your columns", answer.note, sign="→")], alt=f"An image; {answer.note}.")
    got = answer.values[0]
    wrong = differs(got, F.unfold(x[None, None], kernel_size)[0])
    boxes = (Box(0, 0, got.shape[0], 1), Box(0, got.shape[1] - 1, got.shape[0], 1, BLUE, "--"))
    matrix = Grid(got, _title("your columns, one a window", wrong), sign="→", wrong=wrong, boxes=boxes)
    alt = (
        f"An image {tuple(x.shape)} becomes a matrix {got.shape}: its first column is {got[:, 0].tolist()}, "
        f"its last {got[:, -1].tolist()}."
    )
    return grids([image, matrix], cell=0.34, alt=alt)


def matrix_product(im2col: Function) -> None:
    """Print a whole layer done as one matrix product of the student's columns, next to torch's conv2d."""
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(2, 3, 8, 9, generator=rng, dtype=torch.float64)
    w = torch.randn(4, 3, 3, 2, generator=rng, dtype=torch.float64)
    answer = ask("im2col", im2col, x, (3, 2), ndim=3)
    if answer.values is None:
        print(f"No product: {answer.note}.")
        return
    expected = F.conv2d(x, w)
    flat, cols = w.reshape(4, -1), torch.from_numpy(answer.values)
    if cols.shape[1] != flat.shape[1]:
        print(f"No product: the columns have {cols.shape[1]} numbers, and a filter has {flat.shape[1]}.")
        return
    product = flat @ cols
    print(f"w_flat {tuple(flat.shape)}  @  columns {tuple(cols.shape)}  =  {tuple(product.shape)}")
    if product.numel() != expected.numel():
        print(f"The layer has {expected.numel()} outputs, not {product.numel()}.")
        return
    gap = float((product.view_as(expected) - expected).abs().max())
    print(f"reshaped to {tuple(expected.shape)}; largest difference from torch's conv2d: {gap:.1e}")
