"""Named wrong answers for sizes, max from relu, and means as convolution."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_pooling as library
from labkit.check.case import Mutant
from labkit.check.mutants import changing, usual, whole

Pair = tuple[int, int]
size = library.pool_size


def _bare(steps: float, ceil_mode: bool) -> int:
    """Round a number of steps, without a look at where the last window starts."""
    return (math.ceil(steps) if ceil_mode else math.floor(steps)) + 1


def _kept(o: int, s: int, end: int) -> int:
    """Drop the last window if it starts at `end` or later."""
    return o - 1 if (o - 1) * s >= end else o


POOL_SIZE = (
    Mutant(
        "the size always rounded down (behind // nothing is left for math.ceil to round up)",
        lambda i, k, s, p=0, ceil_mode=False: size(i, k, s, p),
    ),
    Mutant(
        "the size always rounded up",
        lambda i, k, s, p=0, ceil_mode=False: size(i, k, s, p, True),
    ),
    Mutant(
        "the size with a last window that starts outside the input",
        lambda i, k, s, p=0, ceil_mode=False: _bare((i + 2 * p - k) / s, ceil_mode),
    ),
    Mutant(
        "the size without a last window that starts in the padding, also on the left",
        lambda i, k, s, p=0, ceil_mode=False: _kept(_bare((i + 2 * p - k) / s, ceil_mode), s, i),
    ),
    Mutant(
        "the size with a last window that starts in the padding on the right",
        lambda i, k, s, p=0, ceil_mode=False: _kept(_bare((i + 2 * p - k) / s, ceil_mode), s, i + 2 * p),
    ),
    Mutant(
        "the size with a last window that starts exactly at the end: > instead of >=",
        lambda i, k, s, p=0, ceil_mode=False: _kept(_bare((i + 2 * p - k) / s, ceil_mode), s, i + p + 1),
    ),
    Mutant(
        "the size with the start of the last window taken as o * s instead of (o - 1) * s",
        lambda i, k, s, p=0, ceil_mode=False: (
            _kept(_bare((i + 2 * p - k) / s, True), s, i + p - s) if ceil_mode else size(i, k, s, p)
        ),
    ),
    Mutant(
        "the size with one window more for ceil_mode, whether places are left over or not",
        lambda i, k, s, p=0, ceil_mode=False: size(i, k, s, p) + ceil_mode,
    ),
    Mutant(
        "the size with one window more for ceil_mode, left over or not, unless that starts outside",
        lambda i, k, s, p=0, ceil_mode=False: _kept(size(i, k, s, p) + ceil_mode, s, i + p),
    ),
    Mutant(
        "the size with ceil_mode the wrong way round",
        lambda i, k, s, p=0, ceil_mode=False: size(i, k, s, p, not ceil_mode),
    ),
    Mutant(
        "the size rounded to the nearest",
        lambda i, k, s, p=0, ceil_mode=False: round((i + 2 * p - k) / s) + 1,
    ),
    Mutant(
        "the size with the padding forgotten",
        lambda i, k, s, p=0, ceil_mode=False: _of(i, k, s, 0, ceil_mode),
    ),
    Mutant(
        "the size with the padding counted once",
        lambda i, k, s, p=0, ceil_mode=False: _kept(_bare((i + p - k) / s, ceil_mode), s, i + p),
    ),
    Mutant("the size with stride 1", lambda i, k, s, p=0, ceil_mode=False: i + 2 * p - k + 1),
    Mutant(
        "the size with steps as large as the window",
        lambda i, k, s, p=0, ceil_mode=False: _of(i, k, k, p, ceil_mode),
    ),
    Mutant("the right size minus 1: the + 1 is missing", lambda *a, **k: size(*a, **k) - 1),
    Mutant("the right size plus 1", lambda *a, **k: size(*a, **k) + 1),
    Mutant(
        "the size i / s, rounded up",
        lambda i, k, s, p=0, ceil_mode=False: math.ceil(i / s),
    ),
    Mutant("the right size as a float: use // not /", lambda *a, **k: float(size(*a, **k))),
    Mutant(
        "the size without rounding, by / instead of //",
        lambda i, k, s, p=0, ceil_mode=False: (i + 2 * p - k) / s + 1,
    ),
)


def _of(i: int, k: int, s: int, p: int, ceil_mode: bool) -> int:
    return (
        _kept(_bare((i + 2 * p - k) / s, ceil_mode), s, i + p)
        if ceil_mode
        else _bare((i + 2 * p - k) / s, False)
    )


Relu = Callable[[Any], Any]
maximum = library.max_from_relu
MAX_FROM_RELU = (
    Mutant("torch.maximum(a, b), without the relu that is handed in", lambda a, b, relu: torch.maximum(a, b)),
    Mutant("a + relu(a - b): the difference the wrong way round", lambda a, b, relu: a + relu(a - b)),
    Mutant("b + relu(b - a): the wrong one of the two added", lambda a, b, relu: b + relu(b - a)),
    Mutant("the smaller of the two: a - relu(a - b)", lambda a, b, relu: a - relu(a - b)),
    Mutant("relu(b - a) alone, without a", lambda a, b, relu: relu(b - a)),
    Mutant("relu(a - b) alone", lambda a, b, relu: relu(a - b)),
    Mutant("relu(a) + relu(b)", lambda a, b, relu: relu(a) + relu(b)),
    Mutant("relu(a) + relu(b - a): a is cut off at 0", lambda a, b, relu: relu(a) + relu(b - a)),
    Mutant("the larger of a, b and 0", lambda a, b, relu: relu(torch.maximum(a, b))),
    Mutant("a + relu(b)", lambda a, b, relu: a + relu(b)),
    Mutant("a + relu(b) - relu(a)", lambda a, b, relu: a + relu(b) - relu(a)),
    Mutant("the sum of a and b", lambda a, b, relu: a + b),
    Mutant("the mean of a and b", lambda a, b, relu: (a + b) / 2),
    Mutant(
        "the difference of the two: relu(a - b) + relu(b - a)", lambda a, b, relu: relu(a - b) + relu(b - a)
    ),
    Mutant(
        "the largest number of a and b instead of one for each place",
        lambda a, b, relu: maximum(a.max(), b.max(), relu).expand_as(a),
    ),
    *usual(maximum),
    changing(maximum, 1),
)

mean = library.mean_kernels


def _equal_weights(shape: Callable[[int, int, int], tuple[int, ...]]) -> Callable[..., Tensor]:
    def fn(channels: int, kernel_size: Pair) -> Tensor:
        h, w = kernel_size
        return torch.full(shape(channels, h, w), 1 / (h * w), dtype=torch.float64)

    return fn


def _times(factor: Callable[[int, int, int], float]) -> Callable[..., Tensor]:
    return lambda channels, kernel_size: mean(channels, kernel_size) * factor(channels, *kernel_size)


MEAN_KERNELS = (
    Mutant("ones, which are not divided", _times(lambda c, h, w: h * w)),
    Mutant("weights divided by the height only", _times(lambda c, h, w: w)),
    Mutant("weights divided by the width only", _times(lambda c, h, w: h)),
    Mutant("weights divided by the height squared", _times(lambda c, h, w: w / h)),
    Mutant("weights divided by the width squared", _times(lambda c, h, w: h / w)),
    Mutant("weights divided by the channels too", _times(lambda c, h, w: 1 / c)),
    Mutant(
        "weights of shape (C, C, kh, kw), which mix the channels",
        _equal_weights(lambda c, h, w: (c, c, h, w)),
    ),
    Mutant(
        "weights of shape (1, C, kh, kw), which make one map", _equal_weights(lambda c, h, w: (1, c, h, w))
    ),
    Mutant(
        "weights of shape (C, kh, kw): the axis of size 1 is missing",
        _equal_weights(lambda c, h, w: (c, h, w)),
    ),
    Mutant(
        "one kernel for all channels, of shape (1, 1, kh, kw)", _equal_weights(lambda c, h, w: (1, 1, h, w))
    ),
    Mutant("weights of shape (kh, kw)", _equal_weights(lambda c, h, w: (h, w))),
    Mutant(
        "weights with the window's rows and columns swapped", _equal_weights(lambda c, h, w: (c, 1, w, h))
    ),
    Mutant("weights in TensorFlow's order (kh, kw, C, 1)", _equal_weights(lambda c, h, w: (h, w, c, 1))),
    Mutant(
        "weights that pick the top left pixel",
        lambda c, k: F.pad(torch.ones(c, 1, 1, 1, dtype=torch.float64), (0, k[1] - 1, 0, k[0] - 1)),
    ),
    Mutant(
        "weights with the full matrix of channels, but only the diagonal used",
        lambda c, k: torch.eye(c, dtype=torch.float64)[:, :, None, None] * mean(c, k),
    ),
    whole(mean),
)
