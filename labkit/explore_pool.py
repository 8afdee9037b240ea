"""Sliders for the pooling lab; below them the same picture is always printed as a static strip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from labkit import plot, plot_pool, plot_pool_sizes, plot_shift, pool
from labkit.explore import _sliders

Function = Callable[..., Any]
Pair = tuple[int, int]


def window(max_pool: Function, x: Tensor, kernel_size: Pair, stride: Pair) -> None:
    """Move the window over an input (H, W); the static strip shows three places."""
    rows, cols = pool.largest(x, kernel_size, stride).shape

    def draw(row: int, column: int) -> Figure:
        return plot_pool.filmstrip(max_pool, x, kernel_size, stride, at=((row, column),))

    _sliders(draw, row=(0, rows - 1, rows // 2), column=(0, cols - 1, cols // 2))
    places = ((0, 0), (0, min(1, cols - 1)), (rows - 1, cols // 2))
    plot.show(plot_pool.filmstrip(max_pool, x, kernel_size, stride, at=places))


def sizes(pool_size: Function) -> None:
    """Change the setting of one row of pixels, ceil_mode included; the static strip shows four settings."""

    def draw(i: int, k: int, s: int, p: int, rounding: str) -> Figure:
        return plot_pool_sizes.sizes(pool_size, (i, k, s, min(p, k // 2), rounding == "ceil_mode"))

    _sliders(draw, i=(4, 14, 7), k=(1, 5, 3), s=(1, 5, 3), p=(0, 2, 0), rounding=("ceil_mode", "floor"))
    settings = ((6, 3, 2, 0, False), (6, 3, 2, 0, True), (7, 2, 4, 0, True), (7, 2, 4, 1, True))
    plot.show(plot_pool_sizes.sizes(pool_size, *settings))


def shrinking(max_pool: Function, avg_pool: Function, photo: Tensor) -> None:
    """Change the size of the window on a grey photo (H, W); the static strip shows 4x4 and 8x8."""

    def draw(window: int) -> Figure:
        return plot_shift.shrinking(max_pool, avg_pool, photo, factors=(window,))

    _sliders(draw, window=(2, 16, 2))
    plot.show(plot_shift.shrinking(max_pool, avg_pool, photo))
