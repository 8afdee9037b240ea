"""Search by photo in Lab 5; below the list the same picture is always printed as a static strip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from labkit import plot, plot_features
from labkit.comparing import Gallery
from labkit.explore import _sliders


def search(neighbours: Callable[..., Any], found: Gallery, features: Tensor, queries: Sequence[int]) -> None:
    """Choose a photo of a gallery and see its nearest neighbours; the strip shows some photos."""
    names = found.names()

    def draw(photo: str) -> Figure:
        return plot_features.retrieval(neighbours, found, features, [names.index(photo)])

    _sliders(draw, photo=tuple(names))
    plot.show(plot_features.retrieval(neighbours, found, features, queries), dpi=110)
