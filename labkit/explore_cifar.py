"""Sliders for the lab on CIFAR-10; below them the same picture is always printed as a static strip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from labkit import plot, plot_pictures
from labkit.explore import _sliders

Function = Callable[..., Any]


def moved(augment: Function, picture: Tensor, *, pad: int = 4) -> None:
    """Move and mirror one picture (3, H, W); the static strip shows five settings."""

    def draw(dy: int, dx: int, mirrored: str) -> Figure:
        return plot_pictures.moved(augment, picture, [(dy, dx, mirrored == "yes")], pad=pad)

    _sliders(draw, dy=(0, 2 * pad, pad), dx=(0, 2 * pad, pad), mirrored=("no", "yes"))
    settings = [
        (pad, pad, False),
        (pad, pad, True),
        (0, pad, False),
        (pad, 2 * pad, False),
        (2 * pad, 0, True),
    ]
    plot.show(plot_pictures.moved(augment, picture, settings, pad=pad))
