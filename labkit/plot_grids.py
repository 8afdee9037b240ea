"""Rows of number grids: cells of one size, outlines, hatching, kernel weights in the corners of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D, Transform
from numpy.typing import NDArray

from labkit.plot import GREY, RED, WIDTH, Answer, blank, describe, differs, label
from labkit.plot_cells import Label, Labels

Numbers = NDArray[np.float64]

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
    top, number = height, 0
    for row, widths, up, down, tall in zip(rows, slots, above, below, inner, strict=True):
        left = (WIDTH - sum(widths) * cell - _GAP * (len(row) - 1)) / 2
        top -= up
        for grid, wide in zip(row, widths, strict=True):
            h, w = grid.shape[0] * cell, grid.shape[1] * cell
            corner = (left + (wide * cell - w) / 2, top - (tall - h) / 2)
            _draw(fig, grid, corner, cell, gid=f"grid {number}")
            if grid.sign:
                at = (corner[0] - _GAP / 2, corner[1] - h / 2)
                _write(fig, *at, grid.sign, va="center", fontsize=14)
            left += wide * cell + _GAP
            number += 1
        top -= tall + down
    return describe(fig, alt)


def place(fig: Figure, number: int) -> Transform:
    """Return the way from (column, row) of a figure's grid, 0 for the first, to pixels.

    Raises:
        StopIteration: there are no numbers in that grid.
    """
    return next(a for a in fig.artists if a.get_gid() == f"grid {number}").get_transform()


def _slots(rows: Sequence[Sequence[Grid]]) -> list[list[int]]:
    """Widths of the grids in cells; rows with the same number of grids are aligned in columns."""
    if len({len(row) for row in rows}) == 1:
        widths = [max(row[place].shape[1] for row in rows) for place in range(len(rows[0]))]
        return [widths for _ in rows]
    return [[grid.shape[1] for grid in row] for row in rows]


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def _inches(fig: Figure) -> Transform:
    """Return the way from inches to pixels; unlike `dpi_scale_trans` it holds for a cropped figure too."""
    wide, high = fig.get_size_inches()
    return Affine2D().scale(1 / wide, 1 / high) + fig.transFigure


def _write(fig: Figure, x: float, y: float, text: str, **look: Any) -> None:
    """Write a centred text at a place in inches."""
    fig.text(x, y, text, transform=_inches(fig), ha="center", **look)


def _draw(fig: Figure, grid: Grid, corner: tuple[float, float], cell: float, *, gid: str) -> None:
    """Draw one grid of numbers, or its note, from its top left corner on, in inches.

    It has no axes of its own: making and drawing those takes ten times as long as all the rest.
    """
    (left, top), (rows, cols) = corner, grid.shape
    w, h = cols * cell, rows * cell
    if grid.title:
        _write(fig, left + w / 2, top + 4 / 72, grid.title, va="baseline", fontsize=9.5)
    if grid.caption:
        _write(fig, left + w / 2, top - 1.04 * h, grid.caption, va="top", fontsize=8.5)
    values = grid.values
    if values is None or max(values.shape) > _MAX_SIDE:
        wide, high = fig.get_size_inches()
        ax = fig.add_axes((left / wide, (top - h) / high, w / wide, h / high), xticks=[], yticks=[])
        if values is None:
            blank(ax, grid.note)
        else:
            ax.imshow(_shades(values), aspect="auto", interpolation="nearest")
        return
    cells = Affine2D().translate(0.5, 0.5).scale(cell, -cell).translate(left, top) + _inches(fig)
    look: dict[str, Any] = {"transform": cells, "zorder": 1}
    shades = _shades(values)
    shades[_mask(grid.blank, values)] = 1.0
    squares: Any = _squares(*values.shape)
    edges: dict[str, Any] = {"edgecolors": "#8A8A8A", "linewidths": 0.7}
    fig.add_artist(PolyCollection(squares, facecolors=shades.reshape(-1, 4), **edges, **look, gid=gid))
    bad = _mask(grid.wrong, values)
    marked = _mask(grid.hatch, values) & ~bad
    for mask, (face, edge, hatch) in ((bad, ("#FBE3D6", RED, "xxx")), (marked, ("#E4E4E4", GREY, "////"))):
        if mask.any():
            colors: dict[str, Any] = {"facecolors": face, "edgecolors": edge, "hatch": hatch}
            fig.add_artist(PolyCollection(squares[mask.ravel()], linewidths=0.4, **colors, **look))
    outline: dict[str, Any] = {"fill": False, "transform": cells}
    fig.add_artist(Rectangle((-0.5, -0.5), cols, rows, linewidth=0.8, zorder=2.5, **outline))
    fig.add_artist(Labels(_labels(grid, values, bad | marked, cell * 26), transform=cells))
    for box in grid.boxes:
        at = (box.col - 0.5, box.row - 0.5)
        line: dict[str, Any] = {"edgecolor": box.color, "linestyle": box.style, "linewidth": 2.4}
        fig.add_artist(Rectangle(at, box.width, box.height, zorder=5, **line, **outline))


def _shades(values: Numbers) -> Numbers:
    """Return a colour (R, G, B, A) for each number: white is 0."""
    shown = np.where(np.isfinite(values), values, 0.0)
    reach = float(np.abs(shown).max()) or 1.0
    shades: Numbers = _SIGNED(0.5 + shown / (3.2 * reach))
    return shades


def _squares(rows: int, cols: int) -> Numbers:
    """Return the corners of cells, row by row: (rows * cols, 4, 2), each (column, row)."""
    row, col = np.mgrid[:rows, :cols].reshape(2, -1, 1, 1) - 0.5
    corners: Numbers = np.concatenate([col, row], -1) + np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    return corners


def _mask(mask: NDArray[np.bool_] | None, values: Numbers) -> NDArray[np.bool_]:
    return np.zeros(values.shape, dtype=bool) if mask is None else mask


def _labels(grid: Grid, values: Numbers, backed: NDArray[np.bool_], points: float) -> list[Label]:
    """Return the numbers of a grid's cells, and the weights in their corners."""
    found, empty = [], _mask(grid.blank, values)
    first_row, first_col = grid.weights_at
    weights = np.empty((0, 0)) if grid.weights is None else grid.weights
    for (r, c), value in np.ndenumerate(values):
        row, col = r - first_row, c - first_col
        if empty[r, c]:
            continue
        weighed = 0 <= row < weights.shape[0] and 0 <= col < weights.shape[1]
        shift, size = (0.13, 0.92 * points) if weighed else (0.0, points)
        found.append(Label(c - shift, r - shift, label(float(value)), size, backed=bool(backed[r, c])))
        if weighed:
            text = "×" + label(float(weights[row, col]))
            found.append(Label(c + 0.46, r + 0.47, text, 0.62 * points, "#8A2F00", corner=True))
    return found
