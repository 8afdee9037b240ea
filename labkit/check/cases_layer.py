"""The cases of Lab 1 for a layer, its columns and its gradients; fixed and drawn as in cases_convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labkit.check import library
from labkit.check.case import Case
from labkit.check.cases_convolution import FLOAT32, FLOAT64, Pair, grown, spread
from labkit.check.draw import Draw

Counts = tuple[int, int, int]
"""Images, channels and filters: N, C, K."""


def layer(
    draw: Draw, counts: Counts, size: Pair, kernel: Pair, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw images (N, C, H, W), filters (K, C, kh, kw) and biases (K,)."""
    n, c, k = counts
    return (
        draw.tensor(n, c, *size, dtype=dtype),
        draw.tensor(k, c, *kernel, dtype=dtype),
        draw.tensor(k, dtype=dtype),
    )


def conv2d(draw: Draw) -> list[Case]:
    """A convolution layer: several images, channels and filters, with bias, stride and padding.

    The rows of stride (2, 1) come out even; every other stride leaves something over.
    """
    down: dict[str, Any] = {"stride": (2, 1)}
    right: dict[str, Any] = {"stride": (1, 2)}
    sets: list[tuple[str, bool, dict[str, Any], Counts, Pair, Pair, torch.dtype]] = [
        ("no padding, stride 1", False, {}, (2, 3, 2), (4, 6), (2, 3), FLOAT64),
        ("bias", True, {}, (2, 2, 3), (6, 4), (3, 2), FLOAT64),
        ("stride (2, 1)", False, down, (3, 3, 2), (4, 7), (2, 3), FLOAT64),
        ("stride (1, 2)", False, right, (2, 3, 2), (7, 5), (3, 2), FLOAT64),
        ("padding (2, 1)", False, {"padding": (2, 1)}, (2, 2, 3), (4, 8), (3, 2), FLOAT64),
        ("padding (1, 2)", True, {"padding": (1, 2)}, (2, 3, 2), (7, 4), (2, 3), FLOAT64),
        (
            "bias, stride and padding together",
            True,
            {"stride": (3, 2), "padding": (0, 2)},
            (3, 3, 2),
            (10, 6),
            (2, 3),
            FLOAT64,
        ),
        ("float32", True, {**right, "padding": (2, 1)}, (2, 2, 3), (4, 8), (2, 3), FLOAT32),
    ]
    cases = []
    for aspect, bias, kwargs, counts, size, kernel, dtype in sets:
        x, w, b = layer(draw, counts, grown(draw, size, kwargs.get("stride", (1, 1))), kernel, dtype)
        args = (x, w, b) if bias else (x, w)
        answer = library.conv2d(*args, **kwargs)
        cases.append(Case(aspect, args, answer, kwargs, "torch.nn.functional.conv2d"))
    return cases


def im2col(draw: Draw) -> list[Case]:
    """Windows laid out as columns."""
    sets: list[tuple[str, Pair, dict[str, Any], Pair, Pair, torch.dtype]] = [
        ("stride 1", (2, 3), {}, (2, 3), (5, 7), FLOAT64),
        ("kernel turned the other way", (3, 2), {}, (3, 2), (7, 5), FLOAT64),
        ("stride (2, 1)", (2, 3), {"stride": (2, 1)}, (2, 4), (6, 7), FLOAT64),
        ("stride (1, 2)", (2, 3), {"stride": (1, 2)}, (3, 2), (5, 8), FLOAT64),
        ("stride larger than the kernel", (2, 3), {"stride": (3, 5)}, (2, 3), (9, 10), FLOAT64),
        ("float32", (2, 3), {"stride": (2, 2)}, (3, 2), (7, 10), FLOAT32),
    ]
    cases = []
    for aspect, kernel, kwargs, counts, size, dtype in sets:
        x = draw.tensor(*counts, *grown(draw, size, kwargs.get("stride", (1, 1))), dtype=dtype)
        answer = library.im2col(x, kernel, **kwargs)
        cases.append(Case(aspect, (x, kernel), answer, kwargs, "torch.nn.functional.unfold"))
    return cases


def conv2d_backward(draw: Draw) -> list[Case]:
    """Gradients of a layer for its input, filters and bias."""
    sets: list[tuple[str, dict[str, Any], Counts, Pair, Pair, torch.dtype]] = [
        ("stride 1", {}, (2, 3, 2), (4, 6), (2, 3), FLOAT64),
        ("stride (2, 1)", {"stride": (2, 1)}, (2, 2, 3), (6, 8), (2, 3), FLOAT64),
        ("stride (2, 3) with pixels left over", {"stride": (2, 3)}, (3, 3, 2), (8, 7), (3, 2), FLOAT64),
        ("float32", {"stride": (1, 2)}, (2, 3, 2), (5, 8), (2, 3), FLOAT32),
    ]
    cases = []
    for aspect, kwargs, counts, size, kernel, dtype in sets:
        x, w, _ = layer(draw, counts, grown(draw, size, kwargs.get("stride", (1, 1))), kernel, dtype)
        while True:
            dy = draw.tensor(*library.conv2d(x, w, **kwargs).shape, dtype=dtype)
            answer = library.conv2d_backward(x, w, dy, **kwargs)
            if spread(*answer):
                break
        cases.append(Case(aspect, (x, w, dy), answer, kwargs, "torch's autograd"))
    return cases
