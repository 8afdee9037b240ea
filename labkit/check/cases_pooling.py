"""The cases of Lab 2 for windows: the inputs of each call, and what must come back.

As in Lab 1, windows, steps, paddings, what is left over and which side is longer are fixed for each case, and
so is where numbers below 0 lie among others: a wrong function fails the same cases under every seed.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from labkit.check import library_pooling as library
from labkit.check.case import Case
from labkit.check.cases_convolution import FLOAT32, FLOAT64, IMAGE, Pair, as_float, grown
from labkit.check.draw import Draw

FAR = 1e10  # below what is often taken for minus infinity, such as -1e9
TALL: Pair = (2, 1)
WIDE: Pair = (1, 2)


def dotted(x: Tensor, kernel: Pair) -> Tensor:
    """Make numbers positive so that every window of `kernel` holds one, wherever it starts."""
    x = x.clone()
    x[..., :: kernel[0], :: kernel[1]] = x[..., :: kernel[0], :: kernel[1]].abs()
    return x


def lowered(x: Tensor, kernel: Pair) -> Tensor:
    """Make numbers smaller than -1 in two corners as large as a window: wrong padding wins there."""
    x = x.clone()
    for corner in (x[..., : kernel[0], : kernel[1]], x[..., -kernel[0] :, -kernel[1] :]):
        corner.copy_(-1 - corner.abs())
    return x


def maps(
    draw: Draw, counts: Pair = (2, 3), size: Pair = (7, 9), stride: Pair = (1, 1),
    dtype: torch.dtype = FLOAT64,
) -> Tensor:  # fmt: skip
    """Several images with several channels, never square; as much is left over as by `size`."""
    return draw.tensor(*counts, *grown(draw, size, stride), dtype=dtype)


def max_pool(draw: Draw) -> list[Case]:
    """The largest number of each window of one map."""
    sets: list[tuple[str, Pair, Pair, Pair, torch.dtype]] = [
        ("overlapping windows", (7, 9), (3, 2), TALL, FLOAT64),
        ("overlapping windows", (8, 7), (2, 3), WIDE, FLOAT64),
        ("windows side by side", (10, 15), (2, 3), (2, 3), FLOAT64),
        ("steps larger than the window", (14, 18), (2, 2), (3, 4), FLOAT64),
        ("rows and columns left over", (11, 13), (3, 2), (3, 3), FLOAT64),
        ("float32", (9, 7), (3, 3), TALL, FLOAT32),
    ]
    cases = []
    for aspect, size, kernel, stride, dtype in sets:
        x = dotted(draw.tensor(*grown(draw, size, stride), dtype=dtype), kernel)
        if kernel[1] < stride[1]:
            x[0, kernel[1]] = 9  # between two windows, where only a wider one sees it
        cases.append(_max_case(aspect, x, kernel, stride))
    below = lowered(-draw.tensor(*grown(draw, (6, 9), WIDE)).abs(), (2, 3))
    cases.append(_max_case("all numbers below 0", FAR * below, (2, 3), WIDE))
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


def avg_pool(draw: Draw) -> list[Case]:
    """The mean of each window, for all images and channels."""
    sets: list[tuple[str, Pair, dict[str, Any], Pair, Pair, torch.dtype]] = [
        ("overlapping windows", (3, 2), {"stride": TALL}, (2, 3), (7, 9), FLOAT64),
        ("overlapping windows", (2, 3), {"stride": WIDE}, (3, 2), (8, 7), FLOAT64),
        ("no stride given", (2, 3), {}, (2, 4), (7, 10), FLOAT64),
        ("steps larger than the window", (2, 1), {"stride": (3, 2)}, (3, 2), (9, 8), FLOAT64),
        ("float32", (3, 2), {"stride": WIDE}, (2, 3), (8, 9), FLOAT32),
    ]
    cases = []
    for aspect, kernel, kwargs, counts, size, dtype in sets:
        x = maps(draw, counts, size, kwargs.get("stride", kernel), dtype)
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


def max_pool2d(draw: Draw) -> list[Case]:
    """Max pooling as a layer: padding that never wins."""
    below = "padding around numbers below 0"
    sets: list[tuple[str, Pair, dict[str, Any], Pair, Pair, torch.dtype]] = [
        ("no padding", (3, 2), {"stride": TALL}, (2, 3), (8, 7), FLOAT64),
        ("no stride given", (2, 3), {}, (3, 2), (7, 10), FLOAT64),
        ("padding", (3, 2), {"stride": WIDE, "padding": (1, 0)}, (2, 3), (7, 8), FLOAT64),
        ("padding", (4, 3), {"stride": TALL, "padding": (2, 1)}, (3, 2), (9, 7), FLOAT64),
        (below, (2, 4), {"stride": TALL, "padding": (1, 2)}, (2, 3), (7, 10), FLOAT64),
        (below, (3, 2), {"padding": (1, 0)}, (3, 2), (9, 7), FLOAT64),
        ("float32", (2, 3), {"stride": TALL, "padding": (0, 1)}, (2, 4), (8, 9), FLOAT32),
    ]
    cases = []
    for aspect, kernel, kwargs, counts, size, dtype in sets:
        x = maps(draw, counts, size, kwargs.get("stride", kernel), dtype)
        x = -x.abs() if aspect == below else dotted(x, kernel)
        x = lowered(x, kernel) if "padding" in kwargs else x
        x = FAR * x if aspect == below and "stride" not in kwargs else x
        answer = library.max_pool2d(x, kernel, **kwargs)
        cases.append(Case(aspect, (x, kernel), answer, kwargs, "torch.nn.functional.max_pool2d"))
    return cases


def avg_pool2d(draw: Draw) -> list[Case]:
    """Average pooling as a layer: padding that counts, or does not."""
    without = {"count_include_pad": False}
    only = "count_include_pad=False"
    sets: list[tuple[str, Pair, dict[str, Any], Pair, Pair, torch.dtype]] = [
        ("no padding", (3, 2), {"stride": TALL}, (2, 3), (8, 7), FLOAT64),
        ("no stride given", (2, 3), {}, (3, 2), (7, 10), FLOAT64),
        ("padding that counts", (3, 2), {"stride": WIDE, "padding": (1, 0)}, (2, 3), (7, 9), FLOAT64),
        ("padding that counts", (4, 3), {"stride": TALL, "padding": (2, 1)}, (3, 2), (9, 7), FLOAT64),
        (only, (2, 4), {"stride": TALL, "padding": (1, 2), **without}, (2, 3), (7, 10), FLOAT64),
        (only, (4, 3), {"padding": (2, 1), **without}, (3, 2), (10, 8), FLOAT64),
        (f"{only} without padding", (3, 2), {"stride": TALL, **without}, (2, 3), (8, 9), FLOAT64),
        ("float32", (2, 3), {"stride": TALL, "padding": (0, 1), **without}, (2, 4), (7, 8), FLOAT32),
    ]
    cases = []
    for aspect, kernel, kwargs, counts, size, dtype in sets:
        x = maps(draw, counts, size, kwargs.get("stride", kernel), dtype)
        if aspect == only:  # as behind a ReLU: a pixel of the map that is 0 counts all the same
            x[..., ::3, 1::2] = 0
        answer = library.avg_pool2d(x, kernel, **kwargs)
        cases.append(Case(aspect, (x, kernel), answer, kwargs, "torch.nn.functional.avg_pool2d"))
    return cases


def max_pool2d_backward(draw: Draw) -> list[Case]:
    """Where the gradient goes: windows side by side, overlapping, and with equal largest pixels."""
    ties = "equal largest pixels"
    sets: list[tuple[str, Pair, Pair, Pair, Pair, torch.dtype]] = [
        ("windows side by side", (2, 3), (2, 3), (2, 3), (6, 9), FLOAT64),
        ("windows side by side", (3, 2), (3, 2), (3, 2), (9, 6), FLOAT64),
        ("overlapping windows", (3, 2), TALL, (2, 3), (7, 8), FLOAT64),
        ("overlapping windows", (3, 4), (2, 3), (3, 2), (10, 7), FLOAT64),
        ("rows and columns left over", (2, 2), (3, 4), (2, 3), (9, 8), FLOAT64),
        (ties, (2, 3), (2, 3), (3, 2), (8, 9), FLOAT64),
        (ties, (3, 3), TALL, (2, 3), (7, 9), FLOAT64),
        ("float32", (3, 2), WIDE, (3, 2), (8, 8), FLOAT32),
    ]
    cases = []
    for aspect, kernel, stride, counts, size, dtype in sets:
        x = maps(draw, counts, size, stride, dtype)
        x = _tied((x / 1.2).round(), kernel) if aspect == ties else lowered(x, kernel)
        x[..., 0, 0] -= 0 if aspect == ties else 9
        dy = draw.tensor(*library.max_pool2d(x, kernel, stride).shape, dtype=dtype)
        answer = library.max_pool2d_backward(x, dy, kernel, stride)
        cases.append(Case(aspect, (x, dy, kernel, stride), answer, oracle="torch's autograd"))
    return cases


def _tied(x: Tensor, kernel: Pair) -> Tensor:
    """Put two equal largest pixels in the first window of each map, and only numbers below 0 in the last."""
    last = x[..., -kernel[0] :, -kernel[1] :]
    last.copy_(-1 - last.abs())
    last[..., 0, 0] -= 9
    x[..., 0, 0] = x[..., 1, 1] = 3
    return x


ORDERS = [[2, 1], [1, 2], [-1, -2], [-2, -1], [1, -1], [-1, 1]]
EQUALS = [[1, 1], [-1, -1]]
"""Pairs (a, b): either is larger, both above 0, both below 0 or one of each; and equal ones."""


def pairs(draw: Draw, shape: tuple[int, ...], table: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Draw a and b of a shape so that all rows of a table of signs and orders occur, in any order."""
    factor = 0.7 + draw.tensor(math.prod(shape)).abs() / 4
    kind = draw.shuffled(torch.arange(len(factor)) % len(table))
    a, b = (torch.tensor(table, dtype=FLOAT64)[kind] * factor[:, None]).unbind(1)
    return a.reshape(shape), b.reshape(shape)


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
        table = EQUALS + ORDERS if aspect == "equal numbers" else ORDERS
        a, b = (v.to(dtype) for v in pairs(draw, shape, table))
        soft = relu is library.SOFT
        note = "where relu is softplus, log(1 + exp(t))" if soft else "where relu is torch.relu"
        oracle = "torch.logaddexp" if soft else "torch.maximum"
        answer = library.max_from_relu(a, b, relu)
        cases.append(Case(aspect, (a, b, relu), answer, oracle=oracle, note=note))
    return cases
