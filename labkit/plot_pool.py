"""Figures of pooling windows on grids of numbers: winners, means, padding, and where the gradient goes.

Each figure asks the student's function for its numbers; numbers that are not as expected are crossed out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import ascii_lowercase
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from labkit import pool
from labkit.plot import BLUE, GREEN, ORANGE, PURPLE, RED, Answer, ask, label
from labkit.plot_grids import Box, Grid, array, compare, grids, place, titled

Function = Callable[..., Any]
Pair = tuple[int, int]
Numbers = NDArray[np.float64]
_LOOKS = ((RED, "-"), (BLUE, "--"), (GREEN, ":"), (PURPLE, "-."), (ORANGE, "-"), (BLUE, ":"))


def _winner(x: Numbers, value: float, corner: Pair, size: Pair) -> Pair | None:
    """The first pixel of a window, in reading order, that has the student's number."""
    window = x[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]]
    hits = np.argwhere(np.isclose(window, value))
    return (corner[0] + int(hits[0, 0]), corner[1] + int(hits[0, 1])) if len(hits) else None


def filmstrip(
    max_pool: Function,
    x: Tensor,
    kernel_size: Pair,
    stride: Pair,
    *,
    at: Sequence[Pair] = ((0, 0), (0, 1), (2, 1)),
    whose: str = "your output",
) -> Figure:
    """Draw the window at some places of the output: the input above, the student's output so far below.

    Args:
        max_pool: the student's function; its values fill the output.
        x: input (H, W).
        kernel_size: rows and columns of the window.
        stride: steps (down, right).
        at: places (row, column) in the output.
        whose: what the output is called.
    """
    answer = ask("max_pool", max_pool, x, kernel_size, stride)
    expected = array(pool.largest(x, kernel_size, stride))
    wrong, xs = compare(answer, expected), array(x)
    above, below, said = [], [], []
    for row, col in at:
        corner = (row * stride[0], col * stride[1])
        boxes = [Box(*corner, *kernel_size)]
        value = expected[row, col]
        if answer.values is not None and answer.values.shape == expected.shape:
            value = float(answer.values[row, col])
        won = _winner(xs, value, corner, kernel_size)
        boxes += [Box(*won, 1, 1, BLUE, "--")] if won else []
        caption = f"the largest is {label(float(expected[row, col]))}"
        above.append(Grid(xs, f"window for row {row}, column {col}", caption=caption, boxes=tuple(boxes)))
        said.append(f"for row {row}, column {col} {caption}")
        if answer.values is not None:
            place = np.arange(answer.values.size).reshape(answer.values.shape)
            later = place > row * expected.shape[1] + col
            here = (Box(row, col, 1, 1, BLUE, "--"),)
            below.append(
                Grid(answer.values, titled(f"{whose} so far", wrong), blank=later, wrong=wrong, boxes=here)
            )
    if answer.values is None:
        below = [Grid(None, note=answer.note, size=(2, 12))]
    else:
        said.append(
            f"{whose} is {answer.values.tolist()}{'' if wrong is None else ', which is not as expected'}"
        )
    said += [answer.note] if answer.note else []
    size = (
        f"A window of {kernel_size[0]} by {kernel_size[1]} steps over a {xs.shape[0]} by {xs.shape[1]} input"
    )
    return grids(above, below, cell=0.36, alt=f"{size}: {'; '.join(said)}.")


def winners(max_pool: Function, maps: Tensor, kernel_size: Pair, stride: Pair) -> Figure:
    """Draw maps (K, H, W) and the student's pooled ones; winners are outlined like their numbers there."""
    rows, said = [], []
    for number, x in enumerate(maps, start=1):
        answer = ask("max_pool", max_pool, x, kernel_size, stride)
        expected = array(pool.largest(x, kernel_size, stride))
        wrong = compare(answer, expected)
        from_, to = _outlines(array(x), answer, expected.shape, kernel_size, stride)
        title = titled("your output" if number == 1 else "", wrong)
        rows.append(
            [
                Grid(array(x), f"map {number}", boxes=from_),
                Grid(answer.values, title, answer.note, sign="→", wrong=wrong, boxes=to),
            ]
        )
        got = answer.note if answer.values is None else f"your output is {answer.values.tolist()}"
        said.append(f"map {number} is {array(x).tolist()} and {got}")
    return grids(*rows, cell=0.36, alt=f"The largest number of each window is outlined. {'; '.join(said)}.")


def _outlines(
    x: Numbers, answer: Answer, shape: tuple[int, ...], kernel_size: Pair, stride: Pair
) -> tuple[tuple[Box, ...], tuple[Box, ...]]:
    """Outlines of the winners in the input, and of their numbers in the output."""
    if answer.values is None or answer.values.shape != shape:
        return (), ()
    seen, got = [], []
    for at, ((row, col), value) in enumerate(np.ndenumerate(answer.values)):
        look = _LOOKS[at % len(_LOOKS)]
        won = _winner(x, float(value), (row * stride[0], col * stride[1]), kernel_size)
        if won is not None:
            seen.append(Box(*won, 1, 1, *look))
            got.append(Box(row, col, 1, 1, *look))
    return tuple(seen), tuple(got)


def averages(avg_pool: Function, x: Tensor, kernel_size: Pair, stride: Pair) -> Figure:
    """Draw an input (H, W), torch's max pooling of it, and the student's average pooling."""
    answer = ask("avg_pool", avg_pool, x[None, None], kernel_size, stride, ndim=4)
    answer = answer if answer.values is None else Answer(answer.values[0, 0])
    wrong = compare(answer, pool.means(x, kernel_size, stride))
    most = array(pool.largest(x, kernel_size, stride))
    size = f"{kernel_size[0]}×{kernel_size[1]}"
    row = [
        Grid(array(x), "input", boxes=(Box(0, 0, *kernel_size),)),
        Grid(most, f"largest of {size}", sign="→"),
        Grid(answer.values, titled(f"your mean of {size}", wrong), answer.note, sign="", wrong=wrong),
    ]
    got = answer.note if answer.values is None else f"your means are {np.round(answer.values, 2).tolist()}"
    alt = f"An input {array(x).tolist()}; the largest numbers are {most.tolist()}; {got} (two places)."
    return grids(row, cell=0.4, alt=alt)


def padded(max_pool2d: Function, x: Tensor, kernel_size: Pair, padding: Pair) -> Figure:
    """Draw a map (H, W) in its border of minus infinity, the student's result, and what zeros give."""
    answer = ask("max_pool2d", max_pool2d, x[None, None], kernel_size, (1, 1), padding, ndim=4)
    answer = answer if answer.values is None else Answer(answer.values[0, 0])
    sides = (padding[1], padding[1], padding[0], padding[0])
    bordered = array(F.pad(x, sides, value=-torch.inf))
    zeros = array(pool.largest(F.pad(x, sides), kernel_size, (1, 1)))
    wrong = compare(answer, pool.largest(x, kernel_size, (1, 1), padding=padding))
    row = [
        Grid(bordered, "map and its border", hatch=~np.isfinite(bordered)),
        Grid(answer.values, titled("your output", wrong), answer.note, sign="→", wrong=wrong),
        Grid(zeros, "with zeros in the border\n(not max pooling)", hatch=zeros == 0),
    ]
    got = answer.note if answer.values is None else f"your output is {answer.values.tolist()}"
    alt = f"A map {array(x).tolist()} with a border of minus infinity: {got}. With zeros: {zeros.tolist()}."
    return grids(row, cell=0.36, alt=alt)


def counted(avg_pool2d: Function, *, size: Pair = (3, 5), kernel_size: Pair = (3, 3)) -> Figure:
    """Draw the student's averages of an image of ones: padding counts, and padding does not count."""
    ones, pad = torch.ones(1, 1, *size, dtype=torch.float64), (kernel_size[0] // 2, kernel_size[1] // 2)
    edge = array(F.pad(ones[0, 0], (pad[1], pad[1], pad[0], pad[0])))
    row, said = [Grid(edge, "ones, with a border of zeros", hatch=edge == 0)], []
    for count in (True, False):
        answer = ask("avg_pool2d", avg_pool2d, ones, kernel_size, (1, 1), pad, count, ndim=4)
        answer = answer if answer.values is None else Answer(answer.values[0, 0])
        wrong = compare(answer, pool.means(ones[0, 0], kernel_size, (1, 1), padding=pad, counted=count))
        title = titled(f"count_include_pad\n={count}", wrong)
        row.append(Grid(answer.values, title, answer.note, sign="" if row[1:] else "→", wrong=wrong))
        got = answer.note if answer.values is None else str(np.round(answer.values, 2).tolist())
        said.append(f"count_include_pad={count}: {got}")
    return grids(row, cell=0.38, alt=f"Your average pooling of an image of ones. {'; '.join(said)}.")


def routing(backward: Function, x: Tensor, dy: Tensor, kernel_size: Pair, stride: Pair) -> Figure:
    """Draw a map, dy, and the student's dx; each number of dy has a letter, which stands again where it goes.

    Where there are few numbers, each has an outline as well: at the largest pixel, in dy and in dx.

    Args:
        backward: the student's max_pool2d_backward.
        x: map (H, W).
        dy: gradient of the output (OH, OW).
        kernel_size: rows and columns of the window.
        stride: steps (down, right).
    """
    answer = ask("max_pool2d_backward", backward, x[None, None], dy[None, None], kernel_size, stride,
                 ndim=4)  # fmt: skip
    answer = answer if answer.values is None else Answer(answer.values[0, 0])
    shape = (x[None, None], dy[None, None], kernel_size, stride)
    wrong = compare(answer, pool.routed(*shape)[0, 0])
    spread = array(pool.routed(*shape, mean=True)[0, 0])
    most = Answer(array(pool.largest(x, kernel_size, stride)))
    from_, to = _outlines(array(x), most, tuple(dy.shape), kernel_size, stride)
    hatch = None if answer.values is None else answer.values == 0
    many, fits = len(to) > 6, answer.values is not None and answer.values.shape == tuple(x.shape)
    row = [
        Grid(
            array(x),
            "x",
            boxes=tuple(dict.fromkeys(Box(b.row, b.col, 1, 1) for b in from_)) if many else from_,
        ),
        Grid(array(dy), "dy", boxes=() if many else to),
        Grid(
            answer.values,
            titled("your dx", wrong),
            answer.note,
            hatch=hatch,
            wrong=wrong,
            boxes=from_ if fits and not many else (),
        ),
        Grid(spread, "dx of average pooling"),
    ]
    got = answer.note if answer.values is None else f"your dx is {answer.values.tolist()}"
    alt = f"x is {array(x).tolist()}, dy is {array(dy).tolist()}: {got}. Average pooling spreads dy evenly."
    fig = grids(row, cell=0.36, alt=alt)
    if fits:
        _letters(fig, from_, to)
    return fig


def _letters(fig: Figure, from_: Sequence[Box], to: Sequence[Box]) -> None:
    """Write a letter at each cell of dy, and at each pixel of dx the letters of what it gets."""
    gives: dict[Pair, str] = {}
    gets: dict[Pair, str] = {}
    for letter, spot, seen in zip(ascii_lowercase, to, from_, strict=False):
        gives[spot.row, spot.col] = letter
        gets[seen.row, seen.col] = gets.get((seen.row, seen.col), "") + letter
    for number, cells in ((1, gives), (2, gets)):
        for (row, col), text in cells.items():
            look: dict[str, Any] = {"transform": place(fig, number), "ha": "right", "va": "bottom"}
            fig.text(col + 0.45, row + 0.5, text, fontsize=6.5, zorder=9, **look)
