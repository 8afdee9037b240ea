"""Named wrong answers for a convolution layer and its columns: library calls with one thing bent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from labkit.check import library
from labkit.check.case import Mutant
from labkit.check.mutants import blank, changing, usual

Pair = tuple[int, int]
conv = library.conv2d
Layer = Callable[..., Tensor]


def _bent(change: Callable[..., Tensor]) -> Layer:
    """Give a bent layer the defaults of conv2d."""

    def fn(
        x: Tensor, w: Tensor, b: Tensor | None = None, stride: Pair = (1, 1), padding: Pair = (0, 0)
    ) -> Tensor:
        return change(x, w, b, stride, padding)

    return fn


def _with_bias(
    x: Tensor, w: Tensor, b: Tensor | None, s: Pair, p: Pair, spread: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    out = conv(x, w, None, s, p)
    return out if b is None else out + spread(b, out)


def _times(b: Tensor, out: Tensor) -> Tensor:
    return (b[:, None, None] - 1) * out


def _edges(x: Tensor, p: Pair, **how: Any) -> Tensor:
    return F.pad(x, (p[1], p[1], p[0], p[0]), **how)


def _cycle(b: Tensor, n: int) -> Tensor:
    return b.repeat(n // len(b) + 1)[:n]


def _unmoved(x: Tensor, w: Tensor, b: Tensor | None, s: Pair, p: Pair) -> Tensor:
    """As many windows as the stride asks for, each only one pixel after the last."""
    rows, columns = conv(x, w, b, s, p).shape[2:]
    return conv(x, w, b, (1, 1), p)[:, :, :rows, :columns]


_LAYERS: tuple[tuple[str, Callable[..., Tensor]], ...] = (
    ("the stride missing in the slice: each window one pixel after the last", _unmoved),
    ("the bias multiplied instead of added", lambda x, w, b, s, p: _with_bias(x, w, b, s, p, _times)),
    ("the padding forgotten", lambda x, w, b, s, p: conv(x, w, b, s)),
    (
        "the padding on the top and left only",
        lambda x, w, b, s, p: conv(F.pad(x, (p[1], 0, p[0], 0)), w, b, s),
    ),
    (
        "the padding on the bottom and right only",
        lambda x, w, b, s, p: conv(F.pad(x, (0, p[1], 0, p[0])), w, b, s),
    ),
    ("the padding's rows and columns swapped", lambda x, w, b, s, p: conv(x, w, b, s, p[::-1])),
    ("the first padding used for both axes", lambda x, w, b, s, p: conv(x, w, b, s, (p[0], p[0]))),
    ("the second padding used for both axes", lambda x, w, b, s, p: conv(x, w, b, s, (p[1], p[1]))),
    (
        "edges repeated as padding instead of zeros",
        lambda x, w, b, s, p: conv(_edges(x, p, mode="replicate"), w, b, s),
    ),
    ("the stride forgotten", lambda x, w, b, s, p: conv(x, w, b, (1, 1), p)),
    ("the stride on rows only", lambda x, w, b, s, p: conv(x, w, b, (s[0], 1), p)),
    ("the stride on columns only", lambda x, w, b, s, p: conv(x, w, b, (1, s[1]), p)),
    ("the stride's rows and columns swapped", lambda x, w, b, s, p: conv(x, w, b, s[::-1], p)),
    ("the first stride used for both axes", lambda x, w, b, s, p: conv(x, w, b, (s[0], s[0]), p)),
    ("the second stride used for both axes", lambda x, w, b, s, p: conv(x, w, b, (s[1], s[1]), p)),
    ("the bias forgotten", lambda x, w, b, s, p: conv(x, w, None, s, p)),
    (
        "the bias subtracted",
        lambda x, w, b, s, p: _with_bias(x, w, b, s, p, lambda b, o: -b[:, None, None]),
    ),
    (
        "the bias added once for each input channel",
        lambda x, w, b, s, p: conv(x, w, None if b is None else b * x.shape[1], s, p),
    ),
    (
        "the first bias used for all filters",
        lambda x, w, b, s, p: _with_bias(x, w, b, s, p, lambda b, o: b[0]),
    ),
    (
        "the bias added along the columns",
        lambda x, w, b, s, p: _with_bias(x, w, b, s, p, lambda b, o: _cycle(b, o.shape[3])),
    ),
    (
        "the bias added along the rows",
        lambda x, w, b, s, p: _with_bias(x, w, b, s, p, lambda b, o: _cycle(b, o.shape[2])[:, None]),
    ),
    (
        "the bias added along the batch",
        lambda x, w, b, s, p: _with_bias(
            x, w, b, s, p, lambda b, o: _cycle(b, o.shape[0])[:, None, None, None]
        ),
    ),
    (
        "the biases in reverse order",
        lambda x, w, b, s, p: conv(x, w, None if b is None else b.flip(0), s, p),
    ),
    (
        "the first channel only: the sum over channels is missing",
        lambda x, w, b, s, p: conv(x[:, :1], w[:, :1], b, s, p),
    ),
    (
        "the last channel only: the sum over channels is missing",
        lambda x, w, b, s, p: conv(x[:, -1:], w[:, -1:], b, s, p),
    ),
    ("the mean over channels instead of the sum", lambda x, w, b, s, p: conv(x / x.shape[1], w, b, s, p)),
    (
        "the first filter's channel used for all channels",
        lambda x, w, b, s, p: conv(x, w[:, :1].expand_as(w), b, s, p),
    ),
    ("the first filter used for all filters", lambda x, w, b, s, p: conv(x, w[:1].expand_as(w), b, s, p)),
    ("the kernels flipped (true convolution)", lambda x, w, b, s, p: conv(x, w.flip((2, 3)), b, s, p)),
    ("the kernels transposed", lambda x, w, b, s, p: conv(x, w.transpose(2, 3), b, s, p)),
    ("the first image used for all images", lambda x, w, b, s, p: conv(x[:1].expand_as(x), w, b, s, p)),
    (
        "the first image only, the others left at 0",
        lambda x, w, b, s, p: blank(conv(x, w, b, s, p), slice(0, 1)),
    ),
    (
        "the last row and column left at 0",
        lambda x, w, b, s, p: blank(
            conv(x, w, b, s, p), slice(None), slice(None), slice(0, -1), slice(0, -1)
        ),
    ),
    ("the last row and column missing", lambda x, w, b, s, p: conv(x, w, b, s, p)[:, :, :-1, :-1]),
    (
        "the right answer with rows and columns swapped",
        lambda x, w, b, s, p: conv(x, w, b, s, p).transpose(2, 3),
    ),
    (
        "the right answer with images and filters swapped",
        lambda x, w, b, s, p: conv(x, w, b, s, p).transpose(0, 1),
    ),
)
CONV2D = (
    *(
        Mutant(f"{'' if 'right answer' in name else 'conv2d with '}{name}", _bent(change))
        for name, change in _LAYERS
    ),
    *usual(conv),
    changing(conv, 1),
)

unfold = library.im2col


def _windows(x: Tensor, kernel_size: Pair, stride: Pair) -> Tensor:
    """The right columns with named axes (N, C, kh, kw, oh, ow)."""
    (kh, kw), rows = kernel_size, library.out_size(x.shape[2], kernel_size[0], stride[0])
    return unfold(x, kernel_size, stride).reshape(x.shape[0], x.shape[1], kh, kw, rows, -1)


def _order(*axes: int) -> Callable[..., Tensor]:
    def fn(x: Tensor, kernel_size: Pair, stride: Pair = (1, 1)) -> Tensor:
        right = unfold(x, kernel_size, stride)
        return _windows(x, kernel_size, stride).permute(*axes).reshape(right.shape)

    return fn


IM2COL = (
    Mutant(
        "the columns as rows: (N, L, C*kh*kw)",
        lambda x, k, stride=(1, 1): unfold(x, k, stride).transpose(1, 2),
    ),
    Mutant("columns in which the channels come last", _order(0, 2, 3, 1, 4, 5)),
    Mutant("columns in which each window is read column by column", _order(0, 1, 3, 2, 4, 5)),
    Mutant("the windows taken column by column", _order(0, 1, 2, 3, 5, 4)),
    Mutant("windows stored as rows and then only reshaped", _order(0, 4, 5, 1, 2, 3)),
    Mutant("windows from x.unfold, reshaped without a permute before", _order(0, 1, 4, 5, 2, 3)),
    Mutant(
        "the columns one behind the other in one row, by cat instead of stack",
        lambda x, k, stride=(1, 1): unfold(x, k, stride).transpose(1, 2).flatten(1),
    ),
    Mutant("im2col with the stride forgotten", lambda x, k, stride=(1, 1): unfold(x, k)),
    Mutant("im2col with the stride on rows only", lambda x, k, stride=(1, 1): unfold(x, k, (stride[0], 1))),
    Mutant(
        "im2col with the stride on columns only", lambda x, k, stride=(1, 1): unfold(x, k, (1, stride[1]))
    ),
    Mutant(
        "im2col with the stride's rows and columns swapped",
        lambda x, k, stride=(1, 1): unfold(x, k, stride[::-1]),
    ),
    Mutant(
        "im2col with the first stride used for both axes",
        lambda x, k, stride=(1, 1): unfold(x, k, (stride[0], stride[0])),
    ),
    Mutant(
        "im2col with the second stride used for both axes",
        lambda x, k, stride=(1, 1): unfold(x, k, (stride[1], stride[1])),
    ),
    Mutant("windows that step by the kernel's size", lambda x, k, stride=(1, 1): unfold(x, k, k)),
    Mutant(
        "im2col with the kernel's rows and columns swapped",
        lambda x, k, stride=(1, 1): unfold(x, k[::-1], stride),
    ),
    Mutant("the first channel only", lambda x, k, stride=(1, 1): unfold(x[:, :1], k, stride)),
    Mutant(
        "the sum over the channels", lambda x, k, stride=(1, 1): unfold(x.sum(1, keepdim=True), k, stride)
    ),
    Mutant(
        "the first image used for all images",
        lambda x, k, stride=(1, 1): unfold(x[:1].expand_as(x), k, stride),
    ),
    Mutant("im2col without the last window", lambda x, k, stride=(1, 1): unfold(x, k, stride)[:, :, :-1]),
    Mutant(
        "im2col without the last row and column of windows", lambda x, k, stride=(1, 1): _short(x, k, stride)
    ),
    Mutant(
        "windows with one pixel of padding",
        lambda x, k, stride=(1, 1): unfold(F.pad(x, (1, 1, 1, 1)), k, stride),
    ),
    Mutant(
        "windows turned by 180 degrees",
        lambda x, k, stride=(1, 1): _windows(x, k, stride).flip((2, 3)).reshape(unfold(x, k, stride).shape),
    ),
    *usual(unfold),
)


def _short(x: Tensor, k: Pair, stride: Pair) -> Tensor:
    return _windows(x, k, stride)[..., :-1, :-1].flatten(4).flatten(1, 3)
