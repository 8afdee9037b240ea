"""Named wrong answers for sizes, the gradient, max from relu, and means as convolution."""

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
from labkit.check.mutants_pooling import windows

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
        "the size with ceil_mode ignored: always rounded down",
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


back = library.max_pool2d_backward


def spread(x: Tensor, shares: Callable[[Tensor], Tensor], dy: Tensor, kernel: Pair, stride: Pair) -> Tensor:
    """Give every pixel its share of each window's dy: (..., OH, OW, kh * kw) says how much."""
    places = torch.arange(x[0, 0].numel()).view(1, 1, *x.shape[2:]).expand_as(x)
    where = windows(places, kernel, stride)
    parts = shares(windows(x, kernel, stride)) * dy[..., None]
    n, c = x.shape[:2]
    dx = torch.zeros(n, c, x[0, 0].numel(), dtype=x.dtype)
    return dx.scatter_add(2, where.reshape(n, c, -1), parts.to(x.dtype).reshape(n, c, -1)).view_as(x)


def _one_hot(index: Tensor, w: Tensor) -> Tensor:
    return F.one_hot(index, w.shape[-1]).to(w.dtype)


def _routed(shares: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda x, dy, k, s: spread(x, shares, dy, k, s)


def _last(w: Tensor) -> Tensor:
    return _one_hot(w.shape[-1] - 1 - w.flip(-1).argmax(-1), w)


def _equal(w: Tensor) -> Tensor:
    return (w == w.amax(-1, keepdim=True)).to(w.dtype)


def _overwriting(x: Tensor, dy: Tensor, k: Pair, s: Pair) -> Tensor:
    """Write = instead of += into the pixels that win, window after window."""
    dx = torch.zeros_like(x)
    first = windows(x, k, s).argmax(-1)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            place = (i * s[0] + first[:, :, i, j] // k[1]) * x.shape[3] + j * s[1] + first[:, :, i, j] % k[1]
            dx.view(*x.shape[:2], -1).scatter_(2, place[..., None], dy[:, :, i, j, None])
    return dx


def _once(x: Tensor, dy: Tensor, k: Pair, s: Pair) -> Tensor:
    """Clear the whole window before the winner gets its dy."""
    dx = torch.zeros_like(x)
    first = windows(x, k, s).argmax(-1)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            share = _one_hot(first[:, :, i, j], windows(x, k, s)) * dy[:, :, i, j, None]
            share = share.view(*x.shape[:2], *k)
            dx[:, :, i * s[0] : i * s[0] + k[0], j * s[1] : j * s[1] + k[1]] = share
    return dx


def _turned(x: Tensor, dy: Tensor, k: Pair, s: Pair) -> Tensor:
    """Read the winner's number in the window as if windows were numbered column by column."""
    return spread(x, lambda w: _one_hot(_transposed(w.argmax(-1), k), w), dy, k, s)


def _transposed(index: Tensor, k: Pair) -> Tensor:
    return index % k[0] * k[1] + index // k[0]


def _as_avg(x: Tensor, dy: Tensor, k: Pair, s: Pair) -> Tensor:
    return library.gradient(lambda t: F.avg_pool2d(t, k, s), x, dy)


MAX_POOL2D_BACKWARD = (
    Mutant("the gradient of average pooling", _as_avg),
    Mutant("the full dy for every pixel of the window", _routed(torch.ones_like)),
    Mutant("the full dy for all of several equal largest pixels", _routed(_equal)),
    Mutant(
        "dy shared between equal largest pixels",
        _routed(lambda w: _equal(w) / _equal(w).sum(-1, keepdim=True)),
    ),
    Mutant("the last of equal largest pixels instead of the first", _routed(_last)),
    Mutant("= instead of +=: only the last window of a pixel counts", _overwriting),
    Mutant("each window written over the ones before it", _once),
    Mutant("dy given to the smallest pixel", _routed(lambda w: _one_hot(w.argmin(-1), w))),
    Mutant(
        "dy given to the pixel with the largest absolute value",
        _routed(lambda w: _one_hot(w.abs().argmax(-1), w)),
    ),
    Mutant(
        "dy given to the top left pixel of the window",
        _routed(lambda w: _one_hot(torch.zeros_like(w[..., 0]).long(), w)),
    ),
    Mutant("dy times the largest pixel", lambda x, dy, k, s: back(x, dy * F.max_pool2d(x, k, s), k, s)),
    Mutant(
        "1 for each window that a pixel wins, without dy",
        lambda x, dy, k, s: back(x, torch.ones_like(dy), k, s),
    ),
    Mutant("dy divided by the size of the window", lambda x, dy, k, s: back(x, dy, k, s) / (k[0] * k[1])),
    Mutant(
        "dx for windows whose rows and columns are swapped in the lookup",
        lambda x, dy, k, s: _turned(x, dy, k, s),
    ),
    Mutant("dx of the opposite sign", lambda x, dy, k, s: -back(x, dy, k, s)),
    Mutant("dx averaged over the images", lambda x, dy, k, s: back(x, dy, k, s) / len(x)),
    Mutant(
        "dx of the first image only",
        lambda x, dy, k, s: F.pad(back(x, dy, k, s)[:1], (0, 0, 0, 0, 0, 0, 0, len(x) - 1)),
    ),
    Mutant(
        "the first image's winners used for all images",
        lambda x, dy, k, s: back(x[:1].expand_as(x), dy, k, s),
    ),
    Mutant(
        "the first channel's winners used for all channels",
        lambda x, dy, k, s: back(x[:, :1].expand_as(x), dy, k, s),
    ),
    Mutant(
        "dx cut to the part that the windows cover",
        lambda x, dy, k, s: back(x, dy, k, s)[
            :, :, : (dy.shape[2] - 1) * s[0] + k[0], : (dy.shape[3] - 1) * s[1] + k[1]
        ],
    ),
    *usual(back),
    changing(back, 1),
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
