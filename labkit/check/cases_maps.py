"""The cases of Lab 4 around maps: display, filters, sizes, zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from labkit.check import library_maps as library
from labkit.check.case import Case
from labkit.check.cases_convolution import FLOAT32, FLOAT64
from labkit.check.draw import Draw
from labkit.check.policy import plain

RESNET = [(64, 7, 2, 3), (None, 3, 2, 1), (256, 1, 1, 0), (512, 3, 2, 1), (1024, 3, 2, 1), (2048, 3, 2, 1)]


def as_table(fn: Any) -> Any:
    """Let rows of whole numbers come back as lists, tuples, sizes or arrays."""

    def read(*args: Any, **kwargs: Any) -> Any:
        value = fn(*args, **kwargs)
        try:
            rows = value if hasattr(value, "dtype") else [list(row) for row in value]
            return plain(rows).double()
        except Exception:
            return value

    return read


def _maps(draw: Draw, count: int = 5, dtype: torch.dtype = FLOAT64) -> Tensor:
    return draw.tensor(count, *_size(draw)).to(dtype)


def _size(draw: Draw) -> tuple[int, int]:
    more = draw.integer(0, 2)
    return 4 + more, 7 + more


def stretch(draw: Draw) -> list[Case]:
    """Maps with ranges of their own, one of them constant."""
    cases = []
    for aspect, dtype in (
        ("ranges of their own", FLOAT64),
        ("ranges of their own", FLOAT64),
        ("float32", FLOAT32),
    ):
        x = _maps(draw, dtype=dtype) * torch.tensor([1, 5, 0.2, 30, 2.0], dtype=dtype)[:, None, None]
        x = x + torch.tensor([0, -9, 4, 0, 50.0], dtype=dtype)[:, None, None]
        cases.append(Case(aspect, (x,), library.stretch(x)))
    x = _maps(draw)
    x[1], x[3] = 3.5, 0
    cases.insert(2, Case("a constant map", (x,), library.stretch(x), note="two of whose maps are constant"))
    tiny = _maps(draw) * 1e-30
    cases.insert(3, Case("maps of very small numbers", (tiny,), library.stretch(tiny)))
    return cases


def montage(draw: Draw) -> list[Case]:
    """Maps side by side: rows that are full, a last row that is not, gaps of their own."""
    sets: list[tuple[str, int, int, dict[str, Any], torch.dtype]] = [
        ("rows that are full", 6, 3, {}, FLOAT64),
        ("rows that are full", 6, 2, {}, FLOAT64),
        ("a last row that is not full", 7, 3, {}, FLOAT64),
        ("a gap of its own", 6, 3, {"gap": 2, "value": 0.25}, FLOAT64),
        ("no gap", 8, 4, {"gap": 0}, FLOAT64),
        ("a last row and a gap of its own", 5, 4, {"gap": 3, "value": -1.5}, FLOAT64),
        ("float32", 5, 2, {}, FLOAT32),
    ]
    cases = []
    for aspect, count, columns, kwargs, dtype in sets:
        x = _maps(draw, count, dtype)
        answer = library.montage(x, columns, **kwargs)
        cases.append(
            Case(aspect, (x, columns), answer, kwargs, "torchvision.utils.make_grid (without a border)")
        )
    return cases


def filter_pictures(draw: Draw) -> list[Case]:
    """Filters of the first layer, large and small ones, one of zeros."""
    cases = []
    for aspect, dtype in (("several filters", FLOAT64), ("several filters", FLOAT64), ("float32", FLOAT32)):
        w = draw.tensor(4, 3, *_size(draw)).to(dtype)
        w = w * torch.tensor([1, 0.05, 3, 0.4], dtype=dtype)[:, None, None, None]
        w[0, :, 0, 0], w[2, 1, -1, -1] = 0, -9  # grey stays grey; the largest may be a negative one
        cases.append(Case(aspect, (w,), library.filter_pictures(w)))
    w = draw.tensor(3, 3, *_size(draw))
    w[1] = 0
    cases.insert(
        2, Case("a filter of zeros", (w,), library.filter_pictures(w), note="one of which is all zeros")
    )
    return cases


def map_shapes(draw: Draw) -> list[Case]:
    """Shapes by layer: convolutions, pooling, padding, sizes that do not come out even."""
    a, b, c = (8 * n for n in draw.distinct(2, 9, 3))
    more = 16 * draw.integer(0, 3)
    high, wide = 64 + more, 96 + more
    sets: dict[str, list[Any]] = {
        "convolutions": [
            ((3, high, wide), [(a, 3, 1, 0), (b, 5, 1, 0)]),
            ((1, wide, high), [(b, 4, 2, 0), (c, 2, 2, 0)]),
        ],
        "padding": [((3, high, wide), [(a, 3, 1, 1), (b, 5, 1, 2), (c, 3, 1, 0)])],
        "pooling keeps the number of maps": [
            ((3, high, wide), [(a, 2, 2, 0), (None, 2, 2, 0), (b, 3, 1, 1), (None, 2, 2, 0)])
        ],
        "sizes that do not come out even": [
            ((3, high + 3, wide + 5), [(a, 7, 2, 3), (None, 3, 2, 1), (b, 3, 2, 1)])
        ],
    }
    sets["padding"].insert(0, ((3, 224, 288), RESNET))
    return [
        Case(aspect, (image, layers), library.map_shapes(image, layers), oracle="torch")
        for aspect, rows in sets.items()
        for image, layers in rows
    ]


def sparsity(draw: Draw) -> list[Case]:
    """Maps behind a ReLU: some channels are silent in all images, some in one image only."""
    cases = []
    sets: tuple[tuple[str, int, Callable[[Tensor], None]], ...] = (
        ("several images", 3, _silence),
        ("several images", 4, _silence),
        ("one image", 1, _silence),
        ("no channel is silent", 3, lambda x: None),
    )
    for aspect, images, change in sets:
        x = draw.tensor(images, 5, *_size(draw)).abs()
        x[draw.shuffled(torch.arange(x.numel())).view(x.shape) < 0.6 * x.numel()] = 0
        x[:, :, 0, 0], x[:, :, 0, 1], x[:, :, -1, -1] = 1e-30, 0, 2.5  # nearly 0 is not 0
        change(x)
        cases.append(Case(aspect, (x,), library.sparsity(x)))
    return cases


def _silence(x: Tensor) -> None:
    """Silence channel 1 in all images; where there are several, 3 in the first one and 4 in the last one."""
    x[:, 1] = 0
    if len(x) > 1:
        x[0, 3], x[-1, 4] = 0, 0
