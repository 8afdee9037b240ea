"""The cases of Lab 2 for windows: the inputs of each call, and what must come back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labkit.check import library_pooling as library
from labkit.check.case import Case
from labkit.check.cases_convolution import FLOAT32, IMAGE, as_float
from labkit.check.draw import Draw

FLOAT64 = torch.float64
Pair = tuple[int, int]


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


def maps(draw: Draw, dtype: torch.dtype = FLOAT64) -> Tensor:
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
        x = maps(draw, dtype)
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
        x = maps(draw, dtype)
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
        x = maps(draw, dtype)
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
