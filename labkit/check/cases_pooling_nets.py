"""The cases of Lab 2 around pooling: sizes, kernels, heads, shifts, blur."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labkit.check import library_pooling as library
from labkit.check.case import Case
from labkit.check.cases_convolution import FLOAT32
from labkit.check.cases_pooling import FLOAT64, maps
from labkit.check.draw import Draw
from labkit.check.equivariance import Map, either

SIZES_PER_ASPECT = 24


def pool_size(draw: Draw) -> list[Case]:
    """Sizes: about 190, rounded down and up, with and without padding."""
    cases = []
    for n in range(SIZES_PER_ASPECT):
        k, s = draw.integer(2, 6), draw.integer(2, 5)
        p, steps = draw.integer(1, k // 2), draw.integer(2, 8)
        over = draw.integer(1, s - 1)
        fit, odd = k + s * steps, k + s * steps + over
        out, edge = _outside(draw, steps, padded=n % 2 == 1), _near_the_end(draw, steps)
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


def _outside(draw: Draw, steps: int, *, padded: bool) -> tuple[int, ...]:
    """An input (i, k, s, p) on which a window number `steps` would start beyond the last place."""
    k = draw.integer(2, 3)
    s, p = k + draw.integer(1, 3), 1 if padded else 0
    last = steps * s
    return draw.integer(last - s + k - 2 * p + 1, last - p), k, s, p


def _near_the_end(draw: Draw, steps: int) -> tuple[int, ...]:
    """An input (i, k, s, p) whose last window starts within the last p places."""
    k = draw.integer(4, 7)
    s, p = draw.integer(k - 1, k + 1), draw.integer(2, k // 2)
    return draw.integer(steps * s - p + 1, steps * s), k, s, p


def mean_kernels(draw: Draw) -> list[Case]:
    """The weights of a depthwise convolution that takes means."""
    a, b = draw.pair(2, 5)
    sets = [
        ("several channels", draw.integer(2, 4), (a, b)),
        ("several channels", draw.integer(5, 7), (b, a)),
        ("one channel", 1, (a, b + 1)),
        ("a square window", draw.integer(2, 4), (3, 3)),
    ]
    oracle = "the rule F.conv2d(x, w, groups=channels) = F.avg_pool2d(x, kernel_size, stride=1)"
    return [Case(name, (c, k), library.mean_kernels(c, k), oracle=oracle) for name, c, k in sets]


def global_avg_pool(draw: Draw) -> list[Case]:
    """One number for each channel of each image."""
    cases = []
    for aspect, dtype in (("several images", FLOAT64), ("several images", FLOAT64), ("float32", FLOAT32)):
        x = maps(draw, dtype)
        cases.append(_global_case(aspect, x))
    cases.insert(2, _global_case("one image", maps(draw)[:1]))
    cases.insert(3, _global_case("maps of one row", maps(draw)[:, :, :1]))
    return cases


def _global_case(aspect: str, x: Tensor) -> Case:
    oracle = "torch.nn.functional.adaptive_avg_pool2d(x, 1)"
    x = x + 5 * x[:, :, :1, :1].sign()  # so that no mean is close to 0
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
    """Images of one bright pixel: the right curve is read off the table that f looks it up in."""
    cases = []
    for aspect, near in (("shifts", True), ("shifts", True), ("shifts that wrap around", False)):
        height, width = draw.pair(6, 9)
        row = draw.integer(0, height - 1)
        most = draw.integer(3, 4)
        column = draw.integer(0, width - most - 1) if near else width - draw.integer(1, 2)
        table = draw.tensor(*draw.pair(2, 3), height, width)
        x = torch.zeros(height, width, dtype=FLOAT64)
        x[row, column] = 1
        seen = [table[:, :, row, (column + d) % width] for d in range(most + 1)]
        gaps = torch.stack([torch.dist(after, seen[0], p=1) for after in seen])
        note = "where f gives back a map and x has one bright pixel"
        answer = gaps / torch.linalg.vector_norm(seen[0], 1)
        cases.append(Case(aspect, (looking(table), x, most), answer, note=note))
    x = draw.tensor(*draw.pair(6, 9))
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
    sets: list[tuple[str, dict[str, Any], torch.dtype]] = [
        ("stride (2, 2)", {}, FLOAT64),
        ("stride (2, 2)", {"stride": (2, 2)}, FLOAT64),
        ("stride (1, 1)", {"stride": (1, 1)}, FLOAT64),
        ("stride (2, 1)", {"stride": (2, 1)}, FLOAT64),
        ("stride (1, 3)", {"stride": (1, 3)}, FLOAT64),
        ("float32", {"stride": (2, 3)}, FLOAT32),
    ]
    cases = []
    for aspect, kwargs, dtype in sets:
        x = maps(draw, dtype)
        answer = library.blur_pool2d(x, **kwargs)
        cases.append(Case(aspect, (x,), answer, kwargs, "the blur [1, 2, 1] / 4 along both axes"))
    return cases
