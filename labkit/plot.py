"""How labkit draws: colours, rows of number grids, notes, and one way to show a figure with its alt text.

Nothing here uses pyplot, so no figure is left open and nothing is set globally.
"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

# Okabe and Ito's colours: told apart by the colour-blind, and in grey print by their lightness.
BLUE, SKY, GREEN, ORANGE, RED, PURPLE, GREY = (
    "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#6B6B6B",
)  # fmt: skip
SIGNED = LinearSegmentedColormap.from_list("labkit-signed", ["#F0B95A", "#FFFFFF", "#7DBCE8"])
WIDTH = 7.0  # inches: the text width of a notebook and of a page
_MAX_SIDE = 16  # a larger grid is drawn without numbers


@dataclass(frozen=True)
class Answer:
    """What a student's function gave: numbers, or a note that says in one line why there are none."""

    values: NDArray[np.float64] | None
    note: str = ""


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


def ask(name: str, f: Callable[..., Any], *args: Any, ndim: int | None = 2, **options: Any) -> Answer:
    """Call a student's function so that nothing it does can break a figure.

    Args:
        name: what to call the function in the note.
        f: the student's function; tensors among the arguments are copied before they are passed.
        ndim: how many dimensions the figure needs; None takes any.

    Returns:
        The numbers as float64, or a one-line note.

    >>> ask("half", lambda v: v / 2, 5, ndim=0).values
    array(2.5)
    """
    copies = [a.clone() if hasattr(a, "clone") else a for a in args]
    try:
        result = f(*copies, **options)
    except NotImplementedError:
        return Answer(None, f"{name} is not written yet")
    except Exception as error:
        text = " ".join(str(error).split())
        return Answer(None, textwrap.shorten(f"{name} stopped: {type(error).__name__}: {text}", 90))
    return numbers(name, result, ndim=ndim)


def numbers(name: str, result: Any, *, ndim: int | None = 2) -> Answer:
    """Turn what came back (tensor, array, list, number) into float64 numbers, or into a note."""
    if result is None:
        return Answer(None, f"{name} returned None: is the return line missing?")
    try:
        if hasattr(result, "detach"):
            result = result.detach().cpu().numpy()
        values = np.asarray(result, dtype=np.float64)
    except Exception:
        return Answer(None, f"{name} returned {type(result).__name__}, which is not an array of numbers")
    if (ndim is not None and values.ndim != ndim) or values.size == 0:
        return Answer(None, f"{name} returned shape {values.shape}, which cannot be drawn here")
    return Answer(values)


def differs(got: NDArray[np.float64], expected: Any) -> NDArray[np.bool_] | None:
    """Say which cells differ from the expected ones; all of them when the shape differs."""
    want = np.asarray(expected, dtype=np.float64)
    if got.shape != want.shape:
        return np.ones(got.shape, dtype=bool)
    wrong: NDArray[np.bool_] = ~np.isclose(got, want, rtol=1e-5, atol=1e-6)
    return wrong if wrong.any() else None


def grids(*rows: Sequence[Grid], cell: float = 0.36, alt: str = "") -> Figure:
    """Draw rows of number grids whose cells all have one size, with a sign such as "=" before a grid.

    Args:
        rows: each a list of grids, drawn left to right.
        cell: side of a cell in inches; smaller when the widest row would not fit.
        alt: what the figure shows, in words.

    Returns:
        The figure, `WIDTH` inches wide.
    """
    gap = 0.42
    widest = max(sum(g.shape[1] for g in row) for row in rows)
    room = WIDTH - 0.2 - gap * (max(len(row) for row in rows) - 1)
    cell = min(cell, room / widest)
    above = [0.22 * max((g.title.count("\n") + 1 if g.title else 0) for g in row) + 0.06 for row in rows]
    below = [0.19 * max((g.caption.count("\n") + 1 if g.caption else 0) for g in row) + 0.14 for row in rows]
    inner = [max(g.shape[0] for g in row) * cell for row in rows]
    height = sum(above) + sum(below) + sum(inner)
    fig = Figure(figsize=(WIDTH, height))
    top = height
    for row, up, down, tall in zip(rows, above, below, inner, strict=True):
        wide = sum(g.shape[1] for g in row) * cell + gap * (len(row) - 1)
        left = (WIDTH - wide) / 2
        top -= up
        for grid in row:
            h, w = grid.shape[0] * cell, grid.shape[1] * cell
            low = top - (tall + h) / 2
            ax = fig.add_axes((left / WIDTH, low / height, w / WIDTH, h / height))
            draw_grid(ax, grid, points=cell * 27)
            if grid.sign:
                fig.text((left - gap / 2) / WIDTH, (low + h / 2) / height, grid.sign, ha="center", va="center",
                         fontsize=14)  # fmt: skip
            left += w + gap
        top -= tall + down
    return describe(fig, alt)


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
    ax.imshow(shown, cmap=SIGNED, vmin=-1.6 * reach, vmax=1.6 * reach, aspect="auto", interpolation="nearest")
    ax.set(xticks=[], yticks=[], xlim=(-0.5, cols - 0.5), ylim=(rows - 0.5, -0.5))
    if max(rows, cols) > _MAX_SIDE:
        return
    empty = np.zeros(values.shape, dtype=bool) if grid.blank is None else grid.blank
    for (r, c), value in np.ndenumerate(values):
        mark = grid.hatch is not None and bool(grid.hatch[r, c])
        bad = grid.wrong is not None and bool(grid.wrong[r, c]) and not empty[r, c]
        ax.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor="white" if empty[r, c] else "none",
                               edgecolor="#8A8A8A", linewidth=0.7))  # fmt: skip
        if mark or bad:
            ax.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor="#E4E4E4" if mark else "#FBE3D6",
                                   edgecolor=RED if bad else GREY, hatch="xxx" if bad else "////",
                                   linewidth=0.4))  # fmt: skip
        if not empty[r, c]:
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8} if mark or bad else None
            ax.text(c, r, label(float(value)), ha="center", va="center", fontsize=points, bbox=box)
    if grid.weights is not None:
        for (r, c), value in np.ndenumerate(grid.weights):
            ax.text(c + grid.weights_at[1] + 0.45, r + grid.weights_at[0] + 0.46, "×" + label(float(value)),
                    ha="right", va="bottom", fontsize=points * 0.62, color="#8A2F00")  # fmt: skip
    for box_ in grid.boxes:
        ax.add_patch(Rectangle((box_.col - 0.5, box_.row - 0.5), box_.width, box_.height, fill=False,
                               edgecolor=box_.color, linewidth=2.4, linestyle=box_.style,
                               clip_on=False, zorder=5))  # fmt: skip


def blank(ax: Axes, note: str) -> None:
    """Draw a note in place of a picture."""
    ax.set(xticks=[], yticks=[])
    ax.set_facecolor("#F5F5F5")
    for spine in ax.spines.values():
        spine.set(linestyle=(0, (4, 3)), color=GREY)
    ax.text(0.5, 0.5, textwrap.fill(note, 26), transform=ax.transAxes, ha="center", va="center", fontsize=8.5,
            style="italic", wrap=True)  # fmt: skip


def note_figure(note: str) -> Figure:
    """Return a figure that holds only a one-line note."""
    fig = Figure(figsize=(WIDTH, 0.5))
    fig.text(0.02, 0.5, f"No picture: {note}.", ha="left", va="center", fontsize=10, style="italic")
    return describe(fig, f"No picture: {note}.")


def label(value: float) -> str:
    """Write a number the way a grid shows it: whole numbers plain, others with two places.

    >>> label(-3.0), label(0.125), label(float("nan"))
    ('−3', '0.12', 'nan')
    """
    if not np.isfinite(value):
        return str(value)
    text = f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e6 else f"{value:.3g}"
    if not float(value).is_integer() and abs(value) < 100:
        text = f"{value:.2f}"
    return text.replace("-", "−")


def describe(fig: Figure, alt: str) -> Figure:
    """Keep the alt text with the figure, where `show` finds it."""
    fig.set_label(alt)
    return fig


def show(fig: Figure, *, alt: str = "", dpi: int = 160) -> None:
    """Display a figure as a PNG that carries its alt text, for screen readers and for the PDF.

    Args:
        fig: the figure.
        alt: what it shows, in words; the figure functions of labkit bring their own.

    Raises:
        ValueError: when there is no alt text at all.
    """
    from IPython.display import display

    text = alt or str(fig.get_label())
    if not text:
        raise ValueError('the figure has no alt text: call plot.show(fig, alt="what the figure shows")')
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    width, height = (round(float(side) * 96) for side in fig.get_size_inches())
    data = {"image/png": base64.b64encode(buffer.getvalue()).decode("ascii"), "text/plain": text}
    display(data, raw=True, metadata={"image/png": {"alt": text, "width": width, "height": height}})
