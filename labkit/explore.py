"""Sliders for the figures; below them the same picture is always printed as a static strip with alt text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from labkit import plot, plot_conv, plot_filters, plot_sizes

Function = Callable[..., Any]
_VIEW = "application/vnd.jupyter.widget-view+json"


def window(corr2d: Function, x: Tensor, k: Tensor) -> None:
    """Move a kernel (kh, kw) over an input (H, W); the static strip shows three positions."""
    last = (max(0, x.shape[0] - k.shape[0]), max(0, x.shape[1] - k.shape[1]))

    def draw(row: int, column: int) -> Figure:
        return plot_conv.filmstrip(corr2d, x, k, at=((row, column),))

    _sliders(draw, row=(0, last[0], last[0] // 2), column=(0, last[1], last[1] // 2))
    plot.show(plot_conv.filmstrip(corr2d, x, k, at=((0, 0), (0, min(1, last[1])), last)))


def sizes(out_size: Function) -> None:
    """Change the setting of one row of pixels; the static strip shows four settings."""

    def draw(i: int, k: int, s: int, p: int, d: int) -> Figure:
        return plot_sizes.sizes(out_size, (i, k, s, p, d))

    _sliders(draw, i=(3, 14, 8), k=(1, 7, 3), s=(1, 4, 2), p=(0, 3, 1), d=(1, 3, 1))
    plot.show(plot_sizes.sizes(out_size, (7, 3, 1, 0, 1), (7, 3, 2, 0, 1), (7, 3, 3, 0, 1), (7, 3, 1, 0, 2)))


def kernels(corr2d: Function, photo: Tensor, choices: Mapping[str, Tensor]) -> None:
    """Choose a filter for a grey photo (H, W) from a list; the static strip shows them all."""

    def draw(kernel: str) -> Figure:
        return plot_filters.strip("corr2d", corr2d, photo, {kernel: choices[kernel]}, columns=3)

    _sliders(draw, kernel=tuple(choices)[::-1])
    plot.show(plot_filters.strip("corr2d", corr2d, photo, choices))


def _sliders(draw: Callable[..., Figure], **controls: Any) -> None:
    """Display controls, if there is a kernel: (low, high, start) makes a slider, names make a list."""
    from IPython import get_ipython
    from IPython.display import publish_display_data

    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return
    import ipywidgets as widgets

    made = {}
    for name, spec in controls.items():
        if isinstance(spec[0], str):
            made[name] = widgets.Dropdown(options=list(spec), description=name)
        else:
            low, high, start = spec
            made[name] = widgets.IntSlider(start, low, high, description=name, continuous_update=False)
    output = widgets.interactive_output(lambda **chosen: plot.show(draw(**chosen)), made)
    box = widgets.VBox([*made.values(), output])
    # A front-end without widgets shows the text; the static strip below has the picture.
    view = {"model_id": box.model_id, "version_major": 2, "version_minor": 0}
    text = (
        f"Controls for {', '.join(made)}: they work in a running notebook. The picture below shows the same."
    )
    publish_display_data({_VIEW: view, "text/plain": text})  # type: ignore[no-untyped-call]
