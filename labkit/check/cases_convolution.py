"""The cases of Lab 1 for functions of tensors: which inputs they get, and what must come back.

Strides, paddings, kernels and which side is the longer one are fixed for each case, and so is what a stride
leaves over: a wrong function fails the same cases under every seed. Drawn are the numbers in the tensors, and
how much larger an image is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from labkit.check import library
from labkit.check.case import Case
from labkit.check.draw import Draw

Pair = tuple[int, int]
FLOAT32, FLOAT64 = torch.float32, torch.float64
IMAGE = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
KERNEL = [[0, 1, 2], [2, 2, 0], [0, 1, 2]]
LARGER = 4


def as_float(rows: Any) -> Tensor:
    """Make a float64 tensor of nested lists."""
    return torch.tensor(rows, dtype=FLOAT64)


def grown(draw: Draw, size: Pair, stride: Pair = (1, 1)) -> Pair:
    """Make an image larger on both sides, by an even number of steps of either stride.

    So as much is left over as before, and windows and rounding fall the same way.
    """
    step = 2 * math.lcm(*stride)
    more = step * draw.integer(0, LARGER // step)
    return size[0] + more, size[1] + more


def spread(*answers: Tensor) -> bool:
    """Say whether each answer goes below -1 and above 1, so that dropping signs or clipping is seen."""
    return all(bool(a.min() < -1 and a.max() > 1) for a in answers)


def drawn(make: Callable[[], tuple[tuple[Tensor, ...], Tensor]]) -> tuple[tuple[Tensor, ...], Tensor]:
    """Draw inputs with their answer until the answer is spread."""
    while True:
        inputs, answer = make()
        if spread(answer):
            return inputs, answer


def worked(name: str, oracle: str, draw: Draw) -> Case:
    """Give the 5 x 5 example with the 3 x 3 kernel, worked by hand in the lab; if hidden, mixed."""
    x, k = as_float(IMAGE), as_float(KERNEL)
    if not draw.published:
        x, k = draw.shuffled(x), draw.shuffled(k)
    note = "the 5 x 5 example of the lab" if draw.published else ""
    answer = getattr(library, name)(x, k)
    return Case("square kernel", (x, k), answer, oracle=oracle, note=note, small=draw.published)


def _images(draw: Draw, name: str, oracle: str) -> list[Case]:
    answer = getattr(library, name)
    sets: list[tuple[str, Pair, Pair, torch.dtype]] = [
        ("2 x 3 kernel", (5, 7), (2, 3), FLOAT64),
        ("3 x 2 kernel", (7, 5), (3, 2), FLOAT64),
        ("square kernel", (5, 8), (3, 3), FLOAT64),
        ("one row as kernel", (7, 5), (1, 3), FLOAT64),
        ("float32", (5, 8), (3, 2), FLOAT32),
    ]
    cases = []
    for aspect, size, kernel, dtype in sets:
        shape = grown(draw, size)

        def make(s: Pair = shape, k: Pair = kernel, d: torch.dtype = dtype) -> Any:
            x, w = draw.tensor(*s, dtype=d), draw.tensor(*k, dtype=d)
            return (x, w), answer(x, w)

        cases.append(Case(aspect, *drawn(make), oracle=oracle))
        if aspect == "square kernel":
            cases.append(worked(name, oracle, draw))
    for sign in (1, -1):
        x, k = draw.tensor(3, 4), draw.tensor(3, 4)
        while abs(float(answer(x, k))) < 1:
            x, k = draw.tensor(3, 4), draw.tensor(3, 4)
        k *= sign * answer(x, k).sign()
        cases.insert(-1, Case("kernel as large as the image", (x, k), answer(x, k), oracle=oracle))
    return cases


def corr2d(draw: Draw) -> list[Case]:
    """Cross-correlation of one image with one kernel."""
    return _images(draw, "corr2d", "torch.nn.functional.conv2d")


def convolve2d(draw: Draw) -> list[Case]:
    """True convolution of one image with one kernel."""
    return _images(draw, "convolve2d", "true convolution, with no padding,")


def pad2d(draw: Draw) -> list[Case]:
    """Padding by a different width on each side."""
    value = draw.integer(4, 9) + 0.5
    sets: list[tuple[str, Pair, tuple[int, ...], dict[str, Any], torch.dtype]] = [
        ("four different widths", (3, 5), (1, 3, 4, 2), {}, FLOAT64),
        ("a fill value", (5, 3), (5, 2, 1, 4), {"value": value}, FLOAT64),
        ("only rows", (3, 4), (1, 3, 0, 0), {}, FLOAT64),
        ("only columns", (4, 3), (0, 0, 3, 2), {}, FLOAT64),
        ("one side only", (3, 5), (0, 0, 0, 2), {"value": -1.5}, FLOAT64),
        ("float32", (5, 3), (2, 1, 3, 5), {}, FLOAT32),
    ]
    cases = []
    for aspect, size, sides, kwargs, dtype in sets:
        x = draw.tensor(*grown(draw, size), dtype=dtype)
        x[1, 1:3] = as_float([0, kwargs.get("value", 0)])  # the image may hold 0 and the value itself
        answer = library.pad2d(x, *sides, **kwargs)
        cases.append(Case(aspect, (x, *sides), answer, kwargs, "torch.nn.functional.pad"))
    return cases


def merge_kernels(draw: Draw) -> list[Case]:
    """One kernel that does the work of two."""
    oracle = "a kernel with corr2d(x, merged) = corr2d(corr2d(x, k1), k2) for every image x"
    sets: list[tuple[str, Pair, Pair, torch.dtype]] = [
        ("two 3 x 3 kernels", (3, 3), (3, 3), FLOAT64),
        ("two 3 x 3 kernels", (3, 3), (3, 3), FLOAT64),
        ("kernels of different sizes", (2, 4), (4, 3), FLOAT64),
        ("the first one larger", (5, 4), (2, 3), FLOAT64),
        ("a row and a column", (1, 3), (4, 1), FLOAT64),
        ("float32", (3, 3), (3, 3), FLOAT32),
    ]
    cases = []
    for aspect, one, two, dtype in sets:

        def make(one: Pair = one, two: Pair = two, d: torch.dtype = dtype) -> Any:
            k1, k2 = draw.tensor(*one, dtype=d), draw.tensor(*two, dtype=d)
            return (k1, k2), library.merge_kernels(k1, k2)

        cases.append(Case(aspect, *drawn(make), oracle=oracle))
    return cases


def corr1d(draw: Draw) -> list[Case]:
    """Cross-correlation of a signal with a kernel."""
    sets: list[tuple[str, int, int, int, torch.dtype]] = [
        ("stride 1", 7, 3, 1, FLOAT64),
        ("kernel of 2, stride 2", 8, 2, 2, FLOAT64),
        ("stride that leaves a number over", 17, 4, 3, FLOAT64),
        ("even kernel, stride 1", 8, 4, 1, FLOAT64),
        ("float32", 8, 3, 2, FLOAT32),
    ]
    cases = []
    for aspect, length, n, stride, dtype in sets:
        size = length + 2 * stride * draw.integer(0, 2)
        kwargs = {} if stride == 1 else {"stride": stride}

        def make(size: int = size, n: int = n, s: int = stride, d: torch.dtype = dtype) -> Any:
            x, k = draw.tensor(size, dtype=d), draw.tensor(n, dtype=d)
            return (x, k), library.corr1d(x, k, s)

        cases.append(Case(aspect, *drawn(make), kwargs, "torch.nn.functional.conv1d"))
    return cases
