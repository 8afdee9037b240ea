"""Rows of number grids: cells of one size, outlines, hatching, kernel weights in the corners of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from labkit.plot import GREY, RED, WIDTH, Answer, blank, describe, differs, label

_SIGNED = LinearSegmentedColormap.from_list("labkit-signed", ["#F0B95A", "#FFFFFF", "#7DBCE8"])
_GAP = 0.42  # inches between grids
_MAX_SIDE = 16  # a larger grid is drawn without numbers


@dataclass(frozen=True)
class Box:
    """An outline around cells of a grid: top left cell, height and width in cells."""

    row: int
    col: int
    height: int
    width: int
    color: str = RED
    style: str = "-"


@dataclass(frozen=True)
class Grid:
    """One grid of numbers in a figure; a NaN where `blank` is True is an empty cell."""

    values: NDArray[np.float64] | None
    title: str = ""
    note: str = ""
    caption: str = ""
    sign: str = ""
    boxes: tuple[Box, ...] = ()
    weights: NDArray[np.float64] | None = None
    weights_at: tuple[int, int] = (0, 0)
    blank: NDArray[np.bool_] | None = None
    hatch: NDArray[np.bool_] | None = None
    wrong: NDArray[np.bool_] | None = None
    size: tuple[int, int] = (3, 5)  # rows and columns kept free for a note

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns the grid takes."""
        if self.values is None:
            return self.size
        rows, cols = self.values.shape
        return min(rows, _MAX_SIDE), min(cols, _MAX_SIDE)


def array(x: Any) -> NDArray[np.float64]:
    """Return a tensor's numbers as a float64 array."""
    values: NDArray[np.float64] = torch.as_tensor(x).detach().to(torch.float64).numpy()
    return values


def compare(answer: Answer, expected: Any) -> NDArray[np.bool_] | None:
    """Say which of the student's numbers are not as expected; None when all are, or when there are none."""
    return None if answer.values is None else differs(answer.values, expected)


def titled(text: str, wrong: NDArray[np.bool_] | None) -> str:
    """Return a grid's title, which says so when numbers are crossed out."""
    return text if wrong is None else f"{text}\n(×: not as expected)"


def grids(*rows: Sequence[Grid], cell: float = 0.36, alt: str = "") -> Figure:
    """Draw rows of number grids whose cells all have one size, with a sign such as "=" before a grid.

    Args:
        rows: each a list of grids, drawn left to right.
        cell: side of a cell in inches; smaller when the widest row would not fit.
        alt: what the figure shows, in words.

    Returns:
        The figure, `WIDTH` inches wide.
    """
    slots = _slots(rows)
    widest = max(sum(row) for row in slots)
    room = WIDTH - 0.2 - _GAP * (max(len(row) for row in rows) - 1)
    cell = min(cell, room / widest)
    inner = [cell * max(grid.shape[0] for grid in row) for row in rows]
    above, below = [], []
    for row, tall in zip(rows, inner, strict=True):  # a title may use the room above a low grid
        free = [(tall - grid.shape[0] * cell) / 2 for grid in row]
        titles = [0.2 * _lines(grid.title) - space for grid, space in zip(row, free, strict=True)]
        captions = [0.17 * _lines(grid.caption) - space for grid, space in zip(row, free, strict=True)]
        above.append(0.06 + max(0.0, *titles))
        below.append(0.12 + max(0.0, *captions))
    height = sum(above) + sum(below) + sum(inner)
    fig = Figure(figsize=(WIDTH, height))
    top = height
    for row, widths, up, down, tall in zip(rows, slots, above, below, inner, strict=True):
        left = (WIDTH - sum(widths) * cell - _GAP * (len(row) - 1)) / 2
        top -= up
        for grid, wide in zip(row, widths, strict=True):
            h, w = grid.shape[0] * cell, grid.shape[1] * cell
            corner = (left + (wide * cell - w) / 2, top - (tall + h) / 2)
            ax = fig.add_axes((corner[0] / WIDTH, corner[1] / height, w / WIDTH, h / height))
            draw_grid(ax, grid, points=cell * 26)
            if grid.sign:
                at = ((corner[0] - _GAP / 2) / WIDTH, (corner[1] + h / 2) / height)
                fig.text(*at, grid.sign, ha="center", va="center", fontsize=14)
            left += wide * cell + _GAP
        top -= tall + down
    return describe(fig, alt)


def _slots(rows: Sequence[Sequence[Grid]]) -> list[list[int]]:
    """Widths of the grids in cells; rows with the same number of grids are aligned in columns."""
    if len({len(row) for row in rows}) == 1:
        widths = [max(row[place].shape[1] for row in rows) for place in range(len(rows[0]))]
        return [widths for _ in rows]
    return [[grid.shape[1] for grid in row] for row in rows]


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def draw_grid(ax: Axes, grid: Grid, *, points: float = 10.0) -> None:
    """Draw one grid of numbers, or its note, into an axes."""
    if grid.title:
        ax.set_title(grid.title, fontsize=9.5, pad=4)
    if grid.caption:
        ax.text(0.5, -0.04, grid.caption, transform=ax.transAxes, ha="center", va="top", fontsize=8.5)
    if grid.values is None:
        blank(ax, grid.note)
        return
    values = grid.values
    rows, cols = values.shape
    shown = np.where(np.isfinite(values), values, 0.0)
    reach = float(np.abs(shown).max()) or 1.0
    ax.imshow(
        shown, cmap=_SIGNED, vmin=-1.6 * reach, vmax=1.6 * reach, aspect="auto", interpolation="nearest"
    )
    ax.set(xticks=[], yticks=[], xlim=(-0.5, cols - 0.5), ylim=(rows - 0.5, -0.5))
    if max(rows, cols) > _MAX_SIDE:
        return
    for (r, c), value in np.ndenumerate(values):
        _draw_cell(ax, grid, int(r), int(c), float(value), points)
    for box in grid.boxes:
        corner = (box.col - 0.5, box.row - 0.5)
        look: dict[str, Any] = {"edgecolor": box.color, "linestyle": box.style, "linewidth": 2.4}
        ax.add_patch(Rectangle(corner, box.width, box.height, fill=False, clip_on=False, zorder=5, **look))


def _draw_cell(ax: Axes, grid: Grid, r: int, c: int, value: float, points: float) -> None:
    def marked(mask: NDArray[np.bool_] | None) -> bool:
        return mask is not None and bool(mask[r, c])

    corner = (c - 0.5, r - 0.5)
    if marked(grid.blank):
        ax.add_patch(Rectangle(corner, 1, 1, facecolor="white", edgecolor="#8A8A8A", linewidth=0.7))
        return
    ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="#8A8A8A", linewidth=0.7))
    backing = None
    if marked(grid.hatch) or marked(grid.wrong):
        bad = marked(grid.wrong)
        face, edge, hatch = ("#FBE3D6", RED, "xxx") if bad else ("#E4E4E4", GREY, "////")
        ax.add_patch(Rectangle(corner, 1, 1, facecolor=face, edgecolor=edge, hatch=hatch, linewidth=0.4))
        backing = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    row, col = r - grid.weights_at[0], c - grid.weights_at[1]
    weight = None
    if grid.weights is not None and 0 <= row < grid.weights.shape[0] and 0 <= col < grid.weights.shape[1]:
        weight = float(grid.weights[row, col])
    shift = 0.0 if weight is None else 0.13
    size = points if weight is None else points * 0.92
    place = (c - shift, r - shift)
    ax.text(*place, label(value), ha="center", va="center", fontsize=size, bbox=backing)
    if weight is not None:
        look: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": points * 0.62, "color": "#8A2F00"}
        ax.text(c + 0.46, r + 0.47, "×" + label(weight), **look)
