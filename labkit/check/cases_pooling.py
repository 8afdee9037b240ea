"""The cases of Lab 2: which inputs each function is called with, and what must come back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labkit.check import library_pooling as library
from labkit.check.case import Case
from labkit.check.cases_convolution import FLOAT32, IMAGE, as_float
from labkit.check.draw import Draw
from labkit.check.equivariance import Map, either

FLOAT64 = torch.float64
Pair = tuple[int, int]
SIZES_PER_ASPECT = 24


def max_pool(draw: Draw) -> list[Case]:
    """The largest number of each window of one map."""
    tall = draw.choice([(2, 1), (1, 2)])
    sets: list[tuple[str, Pair, Pair, Pair, torch.dtype]] = [
        ("overlapping windows", draw.pair(7, 9), (3, 2), tall, FLOAT64),
        ("overlapping windows", draw.pair(7, 9), (2, 3), tall[::-1], FLOAT64),
        ("windows side by side", (6, 9), (2, 3), (2, 3), FLOAT64),
        ("steps larger than the window", draw.pair(9, 12), (2, 2), draw.choice([(3, 4), (4, 3)]), FLOAT64),
        ("rows and columns left over", (11, 13), (3, 2), (3, 3), FLOAT64),
        ("float32", draw.pair(7, 9), (3, 3), (2, 1), FLOAT32),
    ]
    cases = []
    for aspect, size, kernel, stride, dtype in sets:
        x = draw.tensor(*size, dtype=dtype)
        cases.append(_max_case(aspect, x, kernel, stride))
    below = -draw.tensor(*draw.pair(6, 8)).abs()
    cases.append(_max_case("all numbers below 0", below, (2, 3), (1, 2)))
    if draw.published:
        worked = _max_case("overlapping windows", as_float(IMAGE), (3, 3), (1, 1))
        note = "the 5 x 5 example of the lab"
        cases.insert(0, Case(worked.aspect, worked.args, worked.expected, {}, worked.oracle, note, True))
    return cases


def _max_case(aspect: str, x: Tensor, kernel: Pair, stride: Pair) -> Case:
    return Case(
        aspect,
        (x, kernel, stride),
        library.max_pool(x, kernel, stride),
        oracle="torch.nn.functional.max_pool2d",
    )


def _maps(draw: Draw, dtype: torch.dtype = FLOAT64) -> Tensor:
    """Several images with several channels, never square."""
    n, c = draw.pair(2, 4)
    return draw.tensor(n, c, *draw.pair(7, 10), dtype=dtype)


def avg_pool(draw: Draw) -> list[Case]:
    """The mean of each window, for all images and channels."""
    tall = draw.choice([(2, 1), (1, 2)])
    sets: list[tuple[str, Pair, dict[str, Any], torch.dtype]] = [
        ("overlapping windows", (3, 2), {"stride": tall}, FLOAT64),
        ("overlapping windows", (2, 3), {"stride": tall[::-1]}, FLOAT64),
        ("no stride given", draw.choice([(2, 3), (3, 2)]), {}, FLOAT64),
        ("steps larger than the window", (2, 1), {"stride": (3, 2)}, FLOAT64),
        ("float32", (3, 2), {"stride": (1, 2)}, FLOAT32),
    ]
    cases = []
    for aspect, kernel, kwargs, dtype in sets:
        x = _maps(draw, dtype)
        answer = library.avg_pool(x, kernel, **kwargs)
        cases.append(Case(aspect, (x, kernel), answer, kwargs, "torch.nn.functional.avg_pool2d"))
    if draw.published:
        x = as_float(IMAGE)[None, None]
        answer = library.avg_pool(x, (3, 3), (1, 1))
        note = "the 5 x 5 example of the lab"
        worked = Case(
            "overlapping windows", (x, (3, 3)), answer, {"stride": (1, 1)}, cases[0].oracle, note, True
        )
        cases.insert(0, worked)
    return cases


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


def max_pool2d(draw: Draw) -> list[Case]:
    """Max pooling as a layer: padding that never wins."""
    tall = draw.choice([(2, 1), (1, 2)])
    sets: list[tuple[str, Pair, dict[str, Any], int, torch.dtype]] = [
        ("no padding", (3, 2), {"stride": tall}, 1, FLOAT64),
        ("no stride given", draw.choice([(2, 3), (3, 2)]), {}, 1, FLOAT64),
        ("padding", (3, 2), {"stride": tall[::-1], "padding": (1, 0)}, 1, FLOAT64),
        ("padding", (4, 3), {"stride": tall, "padding": (2, 1)}, 1, FLOAT64),
        ("padding around numbers below 0", (2, 4), {"stride": tall, "padding": (1, 2)}, -1, FLOAT64),
        ("padding around numbers below 0", (3, 2), {"padding": (1, 0)}, -1, FLOAT64),
        ("float32", (2, 3), {"stride": (2, 1), "padding": (0, 1)}, 1, FLOAT32),
    ]
    cases = []
    for aspect, kernel, kwargs, sign, dtype in sets:
        x = _maps(draw, dtype)
        x = -x.abs() if sign < 0 else x
        answer = library.max_pool2d(x, kernel, **kwargs)
        cases.append(Case(aspect, (x, kernel), answer, kwargs, "torch.nn.functional.max_pool2d"))
    return cases


def avg_pool2d(draw: Draw) -> list[Case]:
    """Average pooling as a layer: padding that counts, or does not."""
    tall = draw.choice([(2, 1), (1, 2)])
    without = {"count_include_pad": False}
    sets: list[tuple[str, Pair, dict[str, Any], torch.dtype]] = [
        ("no padding", (3, 2), {"stride": tall}, FLOAT64),
        ("no stride given", draw.choice([(2, 3), (3, 2)]), {}, FLOAT64),
        ("padding that counts", (3, 2), {"stride": tall[::-1], "padding": (1, 0)}, FLOAT64),
        ("padding that counts", (4, 3), {"stride": tall, "padding": (2, 1)}, FLOAT64),
        ("count_include_pad=False", (2, 4), {"stride": tall, "padding": (1, 2), **without}, FLOAT64),
        ("count_include_pad=False", (4, 3), {"padding": (2, 1), **without}, FLOAT64),
        ("count_include_pad=False without padding", (3, 2), {"stride": (2, 1), **without}, FLOAT64),
        ("float32", (2, 3), {"stride": (2, 1), "padding": (0, 1), **without}, FLOAT32),
    ]
    cases = []
    for aspect, kernel, kwargs, dtype in sets:
        x = _maps(draw, dtype)
        answer = library.avg_pool2d(x, kernel, **kwargs)
        cases.append(Case(aspect, (x, kernel), answer, kwargs, "torch.nn.functional.avg_pool2d"))
    return cases


def max_pool2d_backward(draw: Draw) -> list[Case]:
    """Where the gradient goes: windows side by side, overlapping, and with equal largest pixels."""
    tall = draw.choice([(2, 1), (1, 2)])
    sets: list[tuple[str, Pair, Pair, bool, torch.dtype]] = [
        ("windows side by side", (2, 3), (2, 3), False, FLOAT64),
        ("windows side by side", (3, 2), (3, 2), False, FLOAT64),
        ("overlapping windows", (3, 2), tall, False, FLOAT64),
        ("overlapping windows", (3, 4), (2, 3), False, FLOAT64),
        ("rows and columns left over", (2, 2), draw.choice([(3, 4), (4, 3)]), False, FLOAT64),
        ("equal largest pixels", (2, 3), (2, 3), True, FLOAT64),
        ("equal largest pixels", (3, 3), tall, True, FLOAT64),
        ("float32", (3, 2), tall[::-1], False, FLOAT32),
    ]
    cases = []
    for aspect, kernel, stride, ties, dtype in sets:
        n, c = draw.pair(2, 3)
        size = (6, 9) if aspect.startswith("windows side") else draw.pair(7, 9)
        x = draw.tensor(n, c, *size, dtype=dtype)
        x = (x / 1.2).round() if ties else x
        dy = draw.tensor(*library.max_pool2d(x, kernel, stride).shape, dtype=dtype)
        answer = library.max_pool2d_backward(x, dy, kernel, stride)
        cases.append(Case(aspect, (x, dy, kernel, stride), answer, oracle="torch's autograd"))
    return cases


def max_from_relu(draw: Draw) -> list[Case]:
    """The larger of two numbers, with a relu that is handed in."""
    sets = [
        ("two tensors", (3, 4), FLOAT64, library.HARD),
        ("two tensors", (2, 3, 2, 3), FLOAT64, library.HARD),
        ("equal numbers", (4, 3), FLOAT64, library.HARD),
        ("a soft relu", (3, 4), FLOAT64, library.SOFT),
        ("float32", (2, 5), FLOAT32, library.HARD),
    ]
    cases = []
    for aspect, shape, dtype, relu in sets:
        a, b = draw.tensor(*shape, dtype=dtype), draw.tensor(*shape, dtype=dtype)
        if aspect == "equal numbers":
            b[::2] = a[::2]
        soft = relu is library.SOFT
        note = "where relu is softplus, log(1 + exp(t))" if soft else "where relu is torch.relu"
        oracle = "torch.logaddexp" if soft else "torch.maximum"
        answer = library.max_from_relu(a, b, relu)
        cases.append(Case(aspect, (a, b, relu), answer, oracle=oracle, note=note))
    return cases


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
        x = _maps(draw, dtype)
        cases.append(_global_case(aspect, x))
    cases.insert(2, _global_case("one image", _maps(draw)[:1]))
    cases.insert(3, _global_case("maps of one row", _maps(draw)[:, :, :1]))
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
        x = _maps(draw, dtype)
        answer = library.blur_pool2d(x, **kwargs)
        cases.append(Case(aspect, (x,), answer, kwargs, "the blur [1, 2, 1] / 4 along both axes"))
    return cases
