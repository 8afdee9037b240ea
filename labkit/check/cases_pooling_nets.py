"""The cases of Lab 2 around pooling: sizes, kernels, heads, shifts, blur."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labkit.check import library_pooling as library
from labkit.check.case import Case
from labkit.check.cases_convolution import FLOAT32, FLOAT64, Pair, grown
from labkit.check.cases_pooling import maps
from labkit.check.draw import Draw
from labkit.check.equivariance import Map, either

SIZES_PER_ASPECT = 24
WRAP = "shifts that wrap around"
TWO = "maps of two rows or columns"


def pool_size(draw: Draw) -> list[Case]:
    """Sizes: about 190, rounded down and up, with and without padding.

    Windows, strides, paddings and what is left over come from a fixed table; drawn is how many steps fit.
    """
    cases = []
    for n in range(SIZES_PER_ASPECT):
        k, s = 2 + n % 5, 2 + (n // 5) % 4
        p, steps = 1 + n % (k // 2), 2 * draw.integer(1, 4) + n % 2
        fit, odd = k + s * steps, k + s * steps + 1 + n % (s - 1)
        out, edge = _outside(n, steps), _near_the_end(n, steps)
        if n == 0 and draw.published:
            k, s, p, fit, odd, out = 3, 2, 1, 55, 6, (4, 1, 2)
        groups: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
            "steps that fit": ((fit, k, s), {}),
            "places left over": ((odd, k, s), {}),
            "padding": ((odd, k, s, p), {}),
            "ceil_mode": ((odd, k, s), {"ceil_mode": True}),
            "ceil_mode where the steps fit": ((fit, k, s), {"ceil_mode": True}),
            "ceil_mode and padding": ((odd, k, s, p), {"ceil_mode": True}),
            "ceil_mode, last window near the end": (edge, {"ceil_mode": True}),
            "ceil_mode, last window outside": (out, {"ceil_mode": True}),
        }
        cases += [Case(a, g, library.pool_size(*g, **kw), kw) for a, (g, kw) in groups.items()]
    return sorted(cases, key=lambda c: list(groups).index(c.aspect))


def _outside(n: int, steps: int) -> tuple[int, ...]:
    """An input (i, k, s, p) on which a window number `steps` would start beyond the last place."""
    k, p = 2 + (n // 2) % 2, n % 2
    s = k + 1 + n % 3
    first, last = steps * s - s + k - 2 * p + 1, steps * s - p
    return first + n % (last - first + 1), k, s, p


def _near_the_end(n: int, steps: int) -> tuple[int, ...]:
    """An input (i, k, s, p) whose last window starts within the last p places."""
    k = 4 + n % 4
    s, p = k - 1 + n % 3, 2 + n % (k // 2 - 1)
    return steps * s - n % p, k, s, p


def mean_kernels(draw: Draw) -> list[Case]:
    """The weights of a depthwise convolution that takes means; the lower window has more channels."""
    low, high = sorted(draw.pair(2, 5))
    sets = [
        ("several channels", draw.integer(2, 4), (low, high)),
        ("several channels", draw.choice((5, 7)), (high, low)),
        ("one channel", 1, (low, high + 1)),
        ("a square window", draw.integer(2, 4), (3, 3)),
    ]
    oracle = "the rule F.conv2d(x, w, groups=channels) = F.avg_pool2d(x, kernel_size, stride=1)"
    return [Case(name, (c, k), library.mean_kernels(c, k), oracle=oracle) for name, c, k in sets]


def global_avg_pool(draw: Draw) -> list[Case]:
    """One number for each channel of each image."""
    return [
        _global_case("several images", maps(draw)),
        _global_case("several images", maps(draw, (4, 2), (9, 7))),
        _global_case("one image", maps(draw, (3, 4), (8, 7))[:1]),
        _global_case("maps of one row", maps(draw, (4, 3))[:, :, :1]),
        _global_case("float32", maps(draw, (3, 2), (9, 8), dtype=FLOAT32)),
    ]


def _global_case(aspect: str, x: Tensor) -> Case:
    oracle = "torch.nn.functional.adaptive_avg_pool2d(x, 1)"
    n, c = x.shape[:2]
    turn = 1 - 2 * ((torch.arange(n)[:, None] + torch.arange(c)) % 2)
    x = x + 5 * turn[:, :, None, None].to(x.dtype)  # so that no mean is close to 0, and both signs occur
    return Case(aspect, (x,), library.global_avg_pool(x), oracle=oracle)


def head_params(draw: Draw) -> list[Case]:
    """Parameters of the last layer after flattening and after global average pooling."""
    cases = []
    for aspect, low, high in (("small maps", 3, 9), ("large maps", 10, 40)):
        for _ in range(4):
            channels, height, width, classes = draw.distinct(low, high, 4)
            args = (channels, height, width, classes)
            cases.append(Case(aspect, args, library.head_params(*args), oracle="torch.nn.Linear"))
    if draw.published:
        args = (512, 7, 7, 1000)
        note = "VGG16's last maps and 1000 classes"
        cases.insert(0, Case("small maps", args, library.head_params(*args), note=note))
    return cases


def looking(table: Tensor) -> Map:
    """A function whose answer tells where the bright pixel of an image is: (h, w, H, W) to (h, w)."""
    return either(lambda x: (table * x.to(table.dtype)).sum((-2, -1)))


def shift_curve(draw: Draw) -> list[Case]:
    """Images of one bright pixel: the right curve is read off the table that f looks it up in.

    In one case the pixel stays in the image, in another it comes in again on the left. Of the numbers looked
    up first, some are above 0 and some below.
    """
    cases = []
    sets = [("shifts", (7, 9), (2, 3), 4), ("shifts", (9, 7), (3, 2), 5), (WRAP, (6, 8), (2, 3), 2)]
    sets.append(("float32", (8, 9), (3, 2), 4))
    for aspect, (height, width), shape, back in sets:
        dtype = FLOAT32 if aspect == "float32" else FLOAT64
        row, most = draw.integer(1, height - 5), 3 + (aspect == WRAP)
        column = width - back - (draw.integer(0, 1) if aspect == WRAP else 1)
        while True:
            table = draw.tensor(*shape, height, width, dtype=dtype)
            if table[:, :, row, column].min() < 0 < table[:, :, row, column].max():
                break
        x = torch.zeros(height, width, dtype=dtype)
        x[row, column] = 1
        seen = [table[:, :, row, (column + d) % width] for d in range(most + 1)]
        gaps = torch.stack([torch.dist(after, seen[0], p=1) for after in seen])
        note = "where f gives back a map and x has one bright pixel"
        answer = gaps / torch.linalg.vector_norm(seen[0], 1)
        cases.append(Case(aspect, (looking(table), x, most), answer, note=note))
    x = draw.tensor(*grown(draw, (6, 9)))
    still = either(lambda t: t.sum(-1))
    cases.append(
        Case("f that does not change", (still, x, 5), torch.zeros(6, dtype=FLOAT64), note="where f sums rows")
    )
    one = torch.zeros(5, 8, dtype=FLOAT64)
    one[2, 6] = 1
    ramp = either(lambda t: (t.to(FLOAT64) * torch.arange(1.0, 9, dtype=FLOAT64)).sum())
    slope = torch.tensor([0.0, 1, 6, 5], dtype=FLOAT64) / 7  # f gives 7, 8, 1, 2
    note = "where f gives back one number"
    cases.append(Case("f that gives one number", (ramp, one, 3), slope, note=note))
    return cases


def blur_pool2d(draw: Draw) -> list[Case]:
    """A blur by [1, 2, 1] / 4 on both axes, then steps."""
    sets: list[tuple[str, dict[str, Any], Pair, Pair, torch.dtype]] = [
        ("stride (2, 2)", {}, (2, 3), (7, 10), FLOAT64),
        ("stride (2, 2)", {"stride": (2, 2)}, (3, 2), (8, 7), FLOAT64),
        ("stride (1, 1)", {"stride": (1, 1)}, (2, 4), (7, 9), FLOAT64),
        ("stride (2, 1)", {"stride": (2, 1)}, (3, 2), (9, 8), FLOAT64),
        ("stride (1, 3)", {"stride": (1, 3)}, (2, 3), (8, 9), FLOAT64),
        (TWO, {"stride": (1, 2)}, (3, 2), (2, 9), FLOAT64),
        (TWO, {"stride": (2, 1)}, (2, 3), (7, 2), FLOAT64),
        ("float32", {"stride": (2, 3)}, (3, 2), (10, 7), FLOAT32),
    ]
    cases = []
    for aspect, kwargs, counts, size, dtype in sets:
        x = maps(draw, counts, size, kwargs.get("stride", (2, 2)), dtype)
        if aspect == TWO:
            x = x[:, :, : size[0], : size[1]].clone()
        answer = library.blur_pool2d(x, **kwargs)
        cases.append(Case(aspect, (x,), answer, kwargs, "the blur [1, 2, 1] / 4 along both axes"))
    return cases
