"""Controls for the feature-map lab; below them the same picture is always printed as a static strip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from labkit import looking, plot, plot_evidence, plot_maps
from labkit.explore import _sliders
from labkit.pretrained import Pretrained

Function = Callable[..., Any]


def channels(stretch: Function, found: Pretrained, photo: Tensor) -> None:
    """Choose a stage and how far down the list of its strongest channels; the strip shows four of each."""
    maps = looking.maps_of(found.net, looking.STAGES, found.preprocess(photo))
    image = looking.image_of(found, photo)

    def draw(stage: str, strongest: int) -> Figure:
        order = plot_maps.strongest(maps[stage][0], 4 * strongest)
        return plot_maps.responses(stretch, image, maps[stage][0], order[-4:], layer=stage)

    _sliders(draw, stage=looking.STAGES[::-1], strongest=(1, 4, 1))
    for stage in ("layer1", "layer2", "layer4"):
        order = plot_maps.strongest(maps[stage][0], 4)
        plot.show(plot_maps.responses(stretch, image, maps[stage][0], order, layer=stage), dpi=110)


def photos(top_k: Function, found: Pretrained, choices: Mapping[str, Tensor]) -> None:
    """Choose a photo and see its classes; the strip shows all photos."""

    def draw(photo: str) -> Figure:
        return plot_evidence.probabilities(top_k, found, {photo: choices[photo]}, k=8, columns=1)

    _sliders(draw, photo=tuple(choices))
    plot.show(plot_evidence.probabilities(top_k, found, choices), dpi=110)
