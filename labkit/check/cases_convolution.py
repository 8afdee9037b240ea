"""The cases of Lab 1 for functions of tensors: which inputs they get, and what must come back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labkit.check import library
from labkit.check.case import Case
from labkit.check.draw import Draw

FLOAT32 = torch.float32
IMAGE = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
KERNEL = [[0, 1, 2], [2, 2, 0], [0, 1, 2]]


def as_float(rows: Any) -> Tensor:
    """Make a float64 tensor of nested lists."""
    return torch.tensor(rows, dtype=torch.float64)


def worked(name: str, oracle: str) -> Case:
    """Give the 5 x 5 example with the 3 x 3 kernel that can be worked by hand."""
    x, k = as_float(IMAGE), as_float(KERNEL)
    answer = getattr(library, name)(x, k)
    return Case(
        "worked 5 x 5 example", (x, k), answer, oracle=oracle, note="the 5 x 5 example of the lab", small=True
    )


def _images(draw: Draw, name: str, oracle: str) -> list[Case]:
    answer = getattr(library, name)
    h, w = draw.pair(6, 9)
    kh, kw = draw.pair(2, 4)
    sets = [(f"{kh} x {kw} kernel", (h, w), (kh, kw), torch.float64)]
    sets += [(f"{kw} x {kh} kernel", (h, w), (kw, kh), torch.float64)]
    sets += [("square kernel", draw.pair(6, 9), (3, 3), torch.float64)]
    sets += [("one row as kernel", (h, w), (1, draw.integer(2, 4)), torch.float64)]
    sets += [("kernel as large as the image", (kw + 1, kh + 2), (kw + 1, kh + 2), torch.float64)]
    sets += [("float32", (w, h), (kh, kw), FLOAT32)]
    cases = []
    for aspect, size, kernel, dtype in sets:
        x, k = draw.tensor(*size, dtype=dtype), draw.tensor(*kernel, dtype=dtype)
        cases.append(Case(aspect, (x, k), answer(x, k), oracle=oracle))
    if draw.published:
        cases.insert(1, worked(name, oracle))
    return cases


def corr2d(draw: Draw) -> list[Case]:
    """Cross-correlation of one image with one kernel."""
    return _images(draw, "corr2d", "torch.nn.functional.conv2d")


def convolve2d(draw: Draw) -> list[Case]:
    """True convolution of one image with one kernel."""
    return _images(draw, "convolve2d", "true convolution, with no padding,")


def pad2d(draw: Draw) -> list[Case]:
    """Padding by a different width on each side."""
    cases = []
    for aspect, value in (
        ("four different widths", None),
        ("a fill value", round(0.5 + draw.integer(1, 9), 1)),
    ):
        top, bottom, left, right = draw.distinct(1, 5, 4)
        x = draw.tensor(*draw.pair(3, 6))
        extra = {} if value is None else {"value": value}
        cases.append(_pad_case(aspect, x, (top, bottom, left, right), extra))
    a, b = draw.pair(1, 4)
    cases.append(_pad_case("only rows", draw.tensor(*draw.pair(3, 6)), (a, b, 0, 0), {}))
    cases.append(_pad_case("only columns", draw.tensor(*draw.pair(3, 6)), (0, 0, a, b), {}))
    cases.append(_pad_case("one side only", draw.tensor(*draw.pair(3, 6)), (0, 0, 0, b), {"value": -1.5}))
    cases.append(_pad_case("float32", draw.tensor(*draw.pair(3, 6), dtype=FLOAT32), (a, b, b + 1, a), {}))
    return cases


def _pad_case(aspect: str, x: Tensor, sides: tuple[int, ...], extra: dict[str, Any]) -> Case:
    return Case(aspect, (x, *sides), library.pad2d(x, *sides, **extra), extra, "torch.nn.functional.pad")


def merge_kernels(draw: Draw) -> list[Case]:
    """One kernel that does the work of two."""
    a, b = draw.pair(2, 4)
    sets = [
        ("two 3 x 3 kernels", (3, 3), (3, 3), torch.float64),
        ("two 3 x 3 kernels", (3, 3), (3, 3), torch.float64),
    ]
    sets += [("kernels of different sizes", (a, b), (b, draw.integer(2, 3)), torch.float64)]
    sets += [
        ("the first one larger", (5, 4), (2, 3), torch.float64),
        ("a row and a column", (1, a), (b, 1), torch.float64),
    ]
    sets += [("float32", (3, 3), (3, 3), FLOAT32)]
    cases = []
    for aspect, one, two, dtype in sets:
        k1, k2 = draw.tensor(*one, dtype=dtype), draw.tensor(*two, dtype=dtype)
        oracle = "a kernel with corr2d(x, merged) = corr2d(corr2d(x, k1), k2) for every image x"
        cases.append(Case(aspect, (k1, k2), library.merge_kernels(k1, k2), oracle=oracle))
    return cases


def conv2d(draw: Draw) -> list[Case]:
    """A convolution layer: several images, channels and filters, with bias, stride and padding."""
    stride, padding = draw.choice([(2, 1), (1, 2)]), draw.choice([(2, 1), (1, 2)])
    both = draw.choice([(2, 3), (3, 2)]), draw.choice([(0, 2), (2, 0)])
    sets: list[tuple[str, bool, dict[str, Any], torch.dtype]] = [
        ("no padding, stride 1", False, {}, torch.float64),
        ("bias", True, {}, torch.float64),
        (f"stride {stride}", False, {"stride": stride}, torch.float64),
        (f"stride {stride[::-1]}", False, {"stride": stride[::-1]}, torch.float64),
        (f"padding {padding}", False, {"padding": padding}, torch.float64),
        (f"padding {padding[::-1]}", True, {"padding": padding[::-1]}, torch.float64),
        ("bias, stride and padding together", True, {"stride": both[0], "padding": both[1]}, torch.float64),
        ("float32", True, {"stride": stride, "padding": padding}, FLOAT32),
    ]
    cases = []
    for aspect, bias, kwargs, dtype in sets:
        x, w, b = layer(draw, dtype)
        args = (x, w, b) if bias else (x, w)
        cases.append(
            Case(aspect, args, library.conv2d(*args, **kwargs), kwargs, "torch.nn.functional.conv2d")
        )
    return cases


def layer(draw: Draw, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Draw images (N, C, H, W), filters (K, C, kh, kw) and biases (K,), with H != W, kh != kw, C != K."""
    n, c, k = draw.choice([(2, 3, 2), (2, 2, 3), (3, 3, 2)])
    (h, w), (kh, kw) = draw.pair(4, 6), draw.choice([(2, 3), (3, 2)])
    return (
        draw.tensor(n, c, h, w, dtype=dtype),
        draw.tensor(k, c, kh, kw, dtype=dtype),
        draw.tensor(k, dtype=dtype),
    )


def im2col(draw: Draw) -> list[Case]:
    """Windows laid out as columns."""
    size, stride = draw.choice([(2, 3), (3, 2)]), draw.choice([(1, 2), (2, 1)])
    sets: list[tuple[str, tuple[int, int], dict[str, Any], torch.dtype]] = [
        ("stride 1", size, {}, torch.float64),
        ("kernel turned the other way", size[::-1], {}, torch.float64),
        (f"stride {stride}", size, {"stride": stride}, torch.float64),
        (f"stride {stride[::-1]}", size, {"stride": stride[::-1]}, torch.float64),
        ("stride larger than the kernel", size, {"stride": (size[0] + 1, size[1] + 2)}, torch.float64),
        ("float32", size, {"stride": (2, 2)}, FLOAT32),
    ]
    cases = []
    for aspect, kernel, kwargs, dtype in sets:
        n, c = draw.pair(2, 4)
        x = draw.tensor(n, c, *(draw.pair(8, 11) if "larger" in aspect else draw.pair(6, 9)), dtype=dtype)
        answer = library.im2col(x, kernel, **kwargs)
        cases.append(Case(aspect, (x, kernel), answer, kwargs, "torch.nn.functional.unfold"))
    return cases


def corr1d(draw: Draw) -> list[Case]:
    """Cross-correlation of a signal with a kernel."""
    sets: list[tuple[str, int, int, dict[str, Any], torch.dtype]] = [
        ("stride 1", draw.integer(7, 11), 3, {}, torch.float64),
        ("kernel of 2, stride 2", 2 * draw.integer(4, 6), 2, {"stride": 2}, torch.float64),
        ("stride that leaves a number over", 4 + 3 * draw.integer(2, 4) + 1, 4, {"stride": 3}, torch.float64),
        ("even kernel, stride 1", draw.integer(7, 11), 4, {}, torch.float64),
        ("float32", draw.integer(8, 11), 3, {"stride": 2}, FLOAT32),
    ]
    cases = []
    for aspect, length, n, kwargs, dtype in sets:
        x, k = draw.tensor(length, dtype=dtype), draw.tensor(n, dtype=dtype)
        cases.append(
            Case(aspect, (x, k), library.corr1d(x, k, **kwargs), kwargs, "torch.nn.functional.conv1d")
        )
    return cases


def conv2d_backward(draw: Draw) -> list[Case]:
    """Gradients of a layer for its input, filters and bias."""
    tall = draw.choice([(2, 1), (1, 2)])
    sets: list[tuple[str, dict[str, Any], torch.dtype]] = [
        ("stride 1", {}, torch.float64),
        (f"stride {tall}", {"stride": tall}, torch.float64),
        (f"stride {(2, 3)} with pixels left over", {"stride": (2, 3)}, torch.float64),
        ("float32", {"stride": tall[::-1]}, FLOAT32),
    ]
    cases = []
    for aspect, kwargs, dtype in sets:
        x, w, _ = layer(draw, dtype)
        if "left over" in aspect:
            x = draw.tensor(x.shape[0], x.shape[1], w.shape[2] + 3, w.shape[3] + 5, dtype=dtype)
        dy = draw.tensor(*library.conv2d(x, w, **kwargs).shape, dtype=dtype)
        answer = library.conv2d_backward(x, w, dy, **kwargs)
        cases.append(Case(aspect, (x, w, dy), answer, kwargs, "torch's autograd"))
    return cases
