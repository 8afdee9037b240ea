"""Named wrong answers for Lab 1: what students get wrong, each a library call with one thing bent.

A check compares a wrong result with these on the same inputs, so that its message can name the mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import grad

from labkit.check import design, library
from labkit.check.case import Mutant

Map = Callable[[Tensor], Tensor]
Pair = tuple[int, int]


def whole(oracle: Callable[..., Any]) -> Mutant:
    """The right numbers in a buffer of whole numbers."""
    return Mutant("the right answer cut to whole numbers", lambda *a, **k: oracle(*a, **k).long())


def half(oracle: Callable[..., Any]) -> Mutant:
    """The right numbers in a buffer of float32."""
    return Mutant("float32 for a float64 input", lambda *a, **k: oracle(*a, **k).float())


def zeros(oracle: Callable[..., Any]) -> Mutant:
    """The buffer before it is filled."""
    return Mutant("zeros: the buffer is never filled", lambda *a, **k: oracle(*a, **k) * 0)


def changing(oracle: Callable[..., Any], which: int = 0) -> Mutant:
    """The right answer, but an argument is overwritten on the way."""

    def fn(*args: Any, **kwargs: Any) -> Any:
        answer = oracle(*args, **kwargs)
        args[which].mul_(2)
        return answer

    return Mutant("changes its input", fn)


def usual(oracle: Callable[..., Any], which: int = 0) -> tuple[Mutant, ...]:
    """The mistakes that any function of tensors can have."""
    return whole(oracle), half(oracle), zeros(oracle), changing(oracle, which)


def blank(out: Tensor, *keep: slice) -> Tensor:
    """Zeros but for the kept part."""
    cut = torch.zeros_like(out)
    cut[keep] = out[keep]
    return cut


# sizes -------------------------------------------------------------------------------------------------------

size = library.out_size
OUT_SIZE = (
    Mutant("the size with the padding counted once", lambda i, k, s=1, p=0, d=1: size(i + p, k, s, 0, d)),
    Mutant("the size without the padding", lambda i, k, s=1, p=0, d=1: size(i, k, s, 0, d)),
    Mutant("the size with stride 1", lambda i, k, s=1, p=0, d=1: size(i, k, 1, p, d)),
    Mutant("the size without the dilation", lambda i, k, s=1, p=0, d=1: size(i, k, s, p)),
    Mutant(
        "the size with a kernel of d * k instead of d * (k - 1) + 1",
        lambda i, k, s=1, p=0, d=1: size(i, d * k, s, p),
    ),
    Mutant("the right size minus 1: the + 1 is missing", lambda *a, **k: size(*a, **k) - 1),
    Mutant("the right size plus 1", lambda *a, **k: size(*a, **k) + 1),
    Mutant("the size rounded up instead of down", lambda i, k, s=1, p=0, d=1: size(i + s - 1, k, s, p, d)),
    Mutant(
        "the size rounded to the nearest",
        lambda i, k, s=1, p=0, d=1: round((size(i, k, 1, p, d) - 1) / s) + 1,
    ),
    Mutant(
        "the size without rounding, by / instead of //",
        lambda i, k, s=1, p=0, d=1: (size(i, k, 1, p, d) - 1) / s + 1,
    ),
    Mutant("the right size as a float", lambda *a, **k: float(size(*a, **k))),
    Mutant("the size with 1 added before the division", lambda i, k, s=1, p=0, d=1: size(i, k, 1, p, d) // s),
    Mutant(
        "the size of a transposed convolution",
        lambda i, k, s=1, p=0, d=1: library.transposed_size(i, k, s, p, 0, d),
    ),
)
tsize = library.transposed_size
TRANSPOSED_SIZE = (
    Mutant(
        "the size of an ordinary convolution",
        lambda i, k, s=1, p=0, output_padding=0, d=1: size(i, k, s, p, d),
    ),
    Mutant(
        "the size without the output padding",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, 0, d),
    ),
    Mutant(
        "the size with the padding counted once",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, output_padding, d) + p,
    ),
    Mutant(
        "the size with the padding added instead of taken off",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, output_padding, d) + 4 * p,
    ),
    Mutant(
        "the size without the padding",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, output_padding, d) + 2 * p,
    ),
    Mutant(
        "the size without the dilation",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, output_padding),
    ),
    Mutant(
        "the size with stride 1",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, 1, p, 0, d) + output_padding,
    ),
    Mutant(
        "the size with i * s instead of (i - 1) * s",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i + 1, k, s, p, output_padding, d),
    ),
    Mutant(
        "the size with the output padding counted twice",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, output_padding, d) + output_padding,
    ),
    Mutant("the right size minus 1: the + 1 is missing", lambda *a, **k: tsize(*a, **k) - 1),
    Mutant("the right size plus 1", lambda *a, **k: tsize(*a, **k) + 1),
    Mutant("the right size as a float", lambda *a, **k: float(tsize(*a, **k))),
)

# one image, one kernel ---------------------------------------------------------------------------------------


def _padded(x: Tensor, k: Tensor, mode: str) -> Tensor:
    (a, b), image = k.shape, x
    wide = {"same": ((b - 1) // 2, b // 2, (a - 1) // 2, a // 2), "full": (b - 1, b - 1, a - 1, a - 1)}[mode]
    return library.corr2d(F.pad(image, wide), k)


def _one_image(right: Callable[[Tensor, Tensor], Tensor], flip: bool) -> tuple[Mutant, ...]:
    corr = library.corr2d
    other = "true convolution" if not flip else "cross-correlation"
    turned = lambda axes: lambda x, k: right(x, k.flip(axes))
    return (
        Mutant(f"{other}, with the kernel {'not ' if flip else ''}flipped", turned((0, 1))),
        Mutant("the kernel flipped top to bottom only", turned((1,) if flip else (0,))),
        Mutant("the kernel flipped left to right only", turned((0,) if flip else (1,))),
        Mutant("the transposed kernel", lambda x, k: right(x, k.T)),
        Mutant("the kernel transposed instead of flipped", lambda x, k: corr(x, k.T)),
        Mutant("the kernel turned by 90 degrees", lambda x, k: corr(x, k.rot90())),
        Mutant(
            "the right answer turned upside down and left to right", lambda x, k: right(x, k).flip((0, 1))
        ),
        Mutant("the right answer with rows and columns swapped", lambda x, k: right(x, k).T),
        Mutant(
            "the right numbers filled in column by column",
            lambda x, k: right(x, k).T.reshape(right(x, k).shape),
        ),
        Mutant(
            "a 'same' result, padded to the size of the image",
            lambda x, k: _padded(x, k.flip((0, 1)) if flip else k, "same"),
        ),
        Mutant(
            "a 'full' result, padded on all sides",
            lambda x, k: _padded(x, k.flip((0, 1)) if flip else k, "full"),
        ),
        Mutant("the right answer without its last row and column", lambda x, k: right(x, k)[:-1, :-1]),
        Mutant(
            "the right answer with its last row and column left at 0",
            lambda x, k: blank(right(x, k), slice(0, -1), slice(0, -1)),
        ),
        Mutant("the mean over the window instead of the sum", lambda x, k: right(x, k) / k.numel()),
        Mutant("the sum of each window, without the kernel", lambda x, k: corr(x, torch.ones_like(k))),
        Mutant(
            "windows that step by the kernel's size", lambda x, k: right(x, k)[:: k.shape[0], :: k.shape[1]]
        ),
        *usual(right),
        changing(right, 1),
    )


CORR2D = _one_image(library.corr2d, flip=False)
CONVOLVE2D = _one_image(library.convolve2d, flip=True)

pad = library.pad2d
PAD2D = (
    Mutant("padding with top and bottom swapped", lambda x, t, b, l, r, value=0.0: pad(x, b, t, l, r, value)),
    Mutant("padding with left and right swapped", lambda x, t, b, l, r, value=0.0: pad(x, t, b, r, l, value)),
    Mutant(
        "padding with rows and columns swapped", lambda x, t, b, l, r, value=0.0: pad(x, l, r, t, b, value)
    ),
    Mutant(
        "padding with all sides in reverse order", lambda x, t, b, l, r, value=0.0: pad(x, r, l, b, t, value)
    ),
    Mutant("padding with 0 instead of the value", lambda x, t, b, l, r, value=0.0: pad(x, t, b, l, r)),
    Mutant(
        "padding with top and left on both sides", lambda x, t, b, l, r, value=0.0: pad(x, t, t, l, l, value)
    ),
    Mutant("padding on top and left only", lambda x, t, b, l, r, value=0.0: pad(x, t, 0, l, 0, value)),
    Mutant(
        "padding on the bottom and right only", lambda x, t, b, l, r, value=0.0: pad(x, 0, b, 0, r, value)
    ),
    Mutant(
        "padding all on the top and left", lambda x, t, b, l, r, value=0.0: pad(x, t + b, 0, l + r, 0, value)
    ),
    Mutant(
        "padding all on the bottom and right",
        lambda x, t, b, l, r, value=0.0: pad(x, 0, t + b, 0, l + r, value),
    ),
    Mutant("padding of rows only", lambda x, t, b, l, r, value=0.0: pad(x, t, b, 0, 0, value)),
    Mutant("padding of columns only", lambda x, t, b, l, r, value=0.0: pad(x, 0, 0, l, r, value)),
    Mutant(
        "padding that repeats the edge instead of filling in the value",
        lambda x, t, b, l, r, value=0.0: F.pad(x[None], (l, r, t, b), mode="replicate")[0],
    ),
    Mutant(
        "the value added to the image as well",
        lambda x, t, b, l, r, value=0.0: pad(x + value, t, b, l, r, value),
    ),
    Mutant("the image without padding", lambda x, *a, **k: x.clone()),
    Mutant("the right answer with rows and columns swapped", lambda *a, **k: pad(*a, **k).T),
    *usual(pad),
)

merge = library.merge_kernels


def _slid(k1: Tensor, k2: Tensor) -> Tensor:
    a, b = k2.shape
    return library.corr2d(F.pad(k1, (b - 1, b - 1, a - 1, a - 1)), k2)


MERGE_KERNELS = (
    Mutant("the second kernel slid over the padded first one without a flip", _slid),
    Mutant("the first kernel slid over the padded second one without a flip", lambda k1, k2: _slid(k2, k1)),
    Mutant("the second kernel flipped top to bottom only", lambda k1, k2: merge(k1, k2.flip(1))),
    Mutant("the second kernel flipped left to right only", lambda k1, k2: merge(k1, k2.flip(0))),
    Mutant("the merged kernel turned by 180 degrees", lambda k1, k2: merge(k1, k2).flip((0, 1))),
    Mutant("the merged kernel with rows and columns swapped", lambda k1, k2: merge(k1, k2).T),
    Mutant("the merged kernel cut to the size of the first", lambda k1, k2: _middle(merge(k1, k2), k1)),
    Mutant("only the part where the kernels overlap fully", lambda k1, k2: library.corr2d(k1, k2)),
    Mutant("the part where the flipped kernels overlap fully", lambda k1, k2: library.convolve2d(k1, k2)),
    Mutant("the sum of the kernels", lambda k1, k2: k1 + k2),
    Mutant("the kernels multiplied number by number", lambda k1, k2: k1 * k2),
    Mutant("the matrix product of the kernels", lambda k1, k2: k1 @ k2),
    Mutant("the Kronecker product, whose blocks do not overlap", torch.kron),
    Mutant("the mean of the kernels", lambda k1, k2: (k1 + k2) / 2),
    *usual(merge),
)


def _middle(k: Tensor, like: Tensor) -> Tensor:
    top, left = (k.shape[0] - like.shape[0]) // 2, (k.shape[1] - like.shape[1]) // 2
    return k[top : top + like.shape[0], left : left + like.shape[1]]


# layers ------------------------------------------------------------------------------------------------------

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


def _edges(x: Tensor, p: Pair, **how: Any) -> Tensor:
    return F.pad(x, (p[1], p[1], p[0], p[0]), **how)


def _cycle(b: Tensor, n: int) -> Tensor:
    return b.repeat(n // len(b) + 1)[:n]


CONV2D = tuple(
    Mutant(f"conv2d with {name}" if not name.startswith("=") else name[1:], _bent(change))
    for name, change in (
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
            "=the right answer with rows and columns swapped",
            lambda x, w, b, s, p: conv(x, w, b, s, p).transpose(2, 3),
        ),
        (
            "=the right answer with images and filters swapped",
            lambda x, w, b, s, p: conv(x, w, b, s, p).transpose(0, 1),
        ),
    )
) + (*usual(conv), changing(conv, 1))

unfold = library.im2col


def _windows(x: Tensor, kernel_size: Pair, stride: Pair) -> Tensor:
    """The right columns with named axes (N, C, kh, kw, oh, ow)."""
    (kh, kw), rows = kernel_size, size(x.shape[2], kernel_size[0], stride[0])
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


line = library.corr1d
CORR1D = (
    Mutant("true convolution, with the kernel flipped", lambda x, k, stride=1: line(x, k.flip(0), stride)),
    Mutant("the result with stride 1", lambda x, k, stride=1: line(x, k)),
    Mutant("a stride one too large", lambda x, k, stride=1: line(x, k, stride + 1)),
    Mutant("windows that step by the kernel's size", lambda x, k, stride=1: line(x, k, len(k))),
    Mutant("the right answer without its last number", lambda x, k, stride=1: line(x, k, stride)[:-1]),
    Mutant(
        "the right answer with its last number left at 0",
        lambda x, k, stride=1: blank(line(x, k, stride), slice(0, -1)),
    ),
    Mutant(
        "a 'same' result, padded to the length of the signal",
        lambda x, k, stride=1: line(F.pad(x, ((len(k) - 1) // 2, len(k) // 2)), k, stride),
    ),
    Mutant(
        "a 'full' result, padded on both ends",
        lambda x, k, stride=1: line(F.pad(x, (len(k) - 1, len(k) - 1)), k, stride),
    ),
    Mutant("the mean over the window instead of the sum", lambda x, k, stride=1: line(x, k / len(k), stride)),
    Mutant(
        "the sum of each window, without the kernel",
        lambda x, k, stride=1: line(x, torch.ones_like(k), stride),
    ),
    Mutant("the right answer in reverse order", lambda x, k, stride=1: line(x, k, stride).flip(0)),
    Mutant(
        "windows that start one place too late", lambda x, k, stride=1: line(F.pad(x[1:], (0, 1)), k, stride)
    ),
    *usual(line),
    changing(line, 1),
)

# costs, shifts, gradients ------------------------------------------------------------------------------------

cost = library.conv_cost


def _cost(params: Callable[..., float], adds: Callable[..., float]) -> Callable[..., tuple[float, float]]:
    """Bend the two counts; each gets (both right counts, biases, c_in, c_out, kernel_size, out_size, groups)."""

    def fn(
        c_in: int, c_out: int, kernel_size: Pair, out_size: Pair, groups: int = 1, bias: bool = True
    ) -> Any:
        n, m = cost(c_in, c_out, kernel_size, out_size, groups, bias)
        biases = n - cost(c_in, c_out, kernel_size, out_size, groups, False)[0]
        rest = (biases, c_in, c_out, kernel_size, out_size, groups)
        return params(n, *rest), adds(m, *rest)

    return fn


def _keep(n: int, *rest: Any) -> int:
    return n


CONV_COST = (
    Mutant(
        "the counts with groups forgotten", lambda i, o, k, s, groups=1, bias=True: cost(i, o, k, s, 1, bias)
    ),
    Mutant(
        "the counts without the bias", lambda i, o, k, s, groups=1, bias=True: cost(i, o, k, s, groups, False)
    ),
    Mutant(
        "the counts with a bias always",
        lambda i, o, k, s, groups=1, bias=True: cost(i, o, k, s, groups, True),
    ),
    Mutant(
        "the counts with the bias added at each place",
        _cost(_keep, lambda m, b, i, o, k, s, g: m + b * s[0] * s[1]),
    ),
    Mutant("the counts with the bias added once to the multiply-adds", _cost(_keep, lambda m, b, *_: m + b)),
    Mutant(
        "the counts with one bias per input channel", _cost(lambda n, b, i, o, *_: n - b + i * (b > 0), _keep)
    ),
    Mutant("the counts with one bias for the whole layer", _cost(lambda n, b, *_: n - b + (b > 0), _keep)),
    Mutant(
        "the counts with kernel height only",
        lambda i, o, k, s, groups=1, bias=True: cost(i, o, (k[0], 1), s, groups, bias),
    ),
    Mutant(
        "the counts with kernel height squared",
        lambda i, o, k, s, groups=1, bias=True: cost(i, o, (k[0], k[0]), s, groups, bias),
    ),
    Mutant(
        "the counts with kernel width squared",
        lambda i, o, k, s, groups=1, bias=True: cost(i, o, (k[1], k[1]), s, groups, bias),
    ),
    Mutant(
        "the counts with output height squared", _cost(_keep, lambda m, b, i, o, k, s, g: m // s[1] * s[0])
    ),
    Mutant(
        "the multiply-adds of one place only",
        lambda i, o, k, s, groups=1, bias=True: cost(i, o, k, (1, 1), groups, bias),
    ),
    Mutant("the multiply-adds counted as two operations", _cost(_keep, lambda m, *_: 2 * m)),
    Mutant(
        "the counts without the input channels",
        _cost(lambda n, b, i, o, k, s, g: (n - b) // (i // g) + b, lambda m, b, i, o, k, s, g: m // (i // g)),
    ),
    Mutant(
        "the counts without the output channels",
        _cost(lambda n, b, i, o, *_: (n - b) // o + b, lambda m, b, i, o, *_: m // o),
    ),
    Mutant(
        "the counts divided by groups twice",
        _cost(lambda n, b, i, o, k, s, g: (n - b) // g + b, lambda m, b, i, o, k, s, g: m // g),
    ),
    Mutant(
        "the counts multiplied by groups",
        _cost(lambda n, b, i, o, k, s, g: (n - b) * g + b, lambda m, b, i, o, k, s, g: m * g),
    ),
    Mutant("the bias divided by groups too", _cost(lambda n, b, i, o, k, s, g: n - b + b // g, _keep)),
    Mutant("the two counts in the wrong order", lambda *a, **k: cost(*a, **k)[::-1]),
    Mutant(
        "the right counts as floats: use // not /", lambda *a, **k: tuple(float(v) for v in cost(*a, **k))
    ),
)


def moved(f: Map, x: Tensor, dy: int, dx: int) -> tuple[Tensor, Tensor]:
    """`f` of the rolled image, and the rolled `f` of the image."""
    return f(x.roll((dy, dx), (0, 1))), f(x).roll((dy, dx), (0, 1))


def _gap(measure: Callable[[Tensor], Tensor], crop: bool = True) -> Callable[..., float]:
    def fn(f: Map, x: Tensor, dy: int, dx: int) -> float:
        a, b = moved(f, x, dy, dx)
        return float(measure((a - b)[dy:, dx:] if crop else a - b))

    return fn


def _still(f: Map, x: Tensor, dy: int, dx: int) -> float:
    return float(torch.dist(f(x.roll((dy, dx), (0, 1))), f(x), p=float("inf")))


def _crops(f: Map, x: Tensor, dy: int, dx: int) -> float:
    a, b = f(x[dy:, dx:]), f(x)[dy:, dx:]
    return float(torch.dist(a[: len(b), : b.shape[1]], b[: len(a), : a.shape[1]], p=float("inf")))


def _zeros(f: Map, x: Tensor, dy: int, dx: int) -> float:
    shift = lambda t: F.pad(t, (dx, -dx, dy, -dy))
    return float(torch.dist(f(shift(x)), shift(f(x)), p=float("inf")))


SHIFT_ERROR = (
    Mutant("the mean difference instead of the largest", _gap(lambda t: t.abs().mean())),
    Mutant("the sum of the differences instead of the largest", _gap(lambda t: t.abs().sum())),
    Mutant("the root of the mean square instead of the largest", _gap(lambda t: t.square().mean().sqrt())),
    Mutant("the largest squared difference", _gap(lambda t: t.square().max())),
    Mutant("the largest difference without abs: f(shift(x)) - shift(f(x))", _gap(torch.max)),
    Mutant("the largest difference without abs: shift(f(x)) - f(shift(x))", _gap(lambda t: (-t).max())),
    Mutant("the smallest difference", _gap(lambda t: t.abs().min())),
    Mutant("half the range of the differences", _gap(lambda t: (t.max() - t.min()) / 2)),
    Mutant(
        "the difference over the whole output, with wrapped pixels", _gap(lambda t: t.abs().max(), crop=False)
    ),
    Mutant("the difference over the whole output, with the zeros that came in", _zeros),
    Mutant("f(shift(x)) compared with f(x), which is not shifted", _still),
    Mutant("f of a cropped image compared with the cropped f(x)", _crops),
    Mutant(
        "the answer with dy and dx swapped", lambda f, x, dy, dx: _gap(lambda t: t.abs().max())(f, x, dx, dy)
    ),
    Mutant(
        "the answer with a shift down only", lambda f, x, dy, dx: _gap(lambda t: t.abs().max())(f, x, dy, 0)
    ),
    Mutant(
        "the answer with a shift to the right only",
        lambda f, x, dy, dx: _gap(lambda t: t.abs().max())(f, x, 0, dx),
    ),
    Mutant(
        "the answer with a shift by one pixel",
        lambda f, x, dy, dx: _gap(lambda t: t.abs().max())(f, x, min(dy, 1), min(dx, 1)),
    ),
    Mutant("0, as if every f were equivariant", lambda f, x, dy, dx: 0.0),
    Mutant("changes its input", lambda f, x, dy, dx: (_zeros(f, x, dy, dx), x.mul_(2))[0]),
)

back = library.conv2d_backward
Grads = tuple[Tensor, Tensor, Tensor]


def _grads(change: Callable[..., Any]) -> Callable[..., Any]:
    """Bend the gradients; `change` gets the three right ones and (x, w, dy, stride)."""

    def fn(x: Tensor, w: Tensor, dy: Tensor, stride: Pair = (1, 1)) -> Any:
        return change(*back(x, w, dy, stride), x, w, dy, stride)

    return fn


def _dx_of(w: Tensor, x: Tensor, dy: Tensor, stride: Pair) -> Tensor:
    return grad.conv2d_input(x.shape, w, dy, stride)


CONV2D_BACKWARD = (
    Mutant(
        "dx with the kernel not flipped",
        _grads(lambda gx, gw, gb, x, w, dy, s: (_dx_of(w.flip((2, 3)), x, dy, s), gw, gb)),
    ),
    Mutant(
        "dx of the first filter only: the sum over filters is missing",
        _grads(lambda gx, gw, gb, x, w, dy, s: (_dx_of(w[:1], x, dy[:, :1], s), gw, gb)),
    ),
    Mutant(
        "dx cut to the rows and columns that dy has",
        _grads(lambda gx, gw, gb, x, w, dy, s: (gx[:, :, : dy.shape[2], : dy.shape[3]], gw, gb)),
    ),
    Mutant(
        "dx without the rows and columns that no window covers",
        _grads(lambda gx, gw, gb, x, w, dy, s: (F.conv_transpose2d(dy, w, stride=s), gw, gb)),
    ),
    Mutant(
        "dx of the last window only: = instead of +=",
        _grads(
            lambda gx, gw, gb, x, w, dy, s: (
                _dx_of(blank(w, slice(None), slice(None), slice(0, 1), slice(0, 1)), x, dy, s),
                gw,
                gb,
            )
        ),
    ),
    Mutant("dx averaged over the images", _grads(lambda gx, gw, gb, x, w, dy, s: (gx / len(x), gw, gb))),
    Mutant("dw turned by 180 degrees", _grads(lambda gx, gw, gb, *_: (gx, gw.flip((2, 3)), gb))),
    Mutant("dw averaged over the images", _grads(lambda gx, gw, gb, x, *_: (gx, gw / len(x), gb))),
    Mutant(
        "dw of the first image only",
        _grads(lambda gx, gw, gb, x, w, dy, s: (gx, back(x[:1], w, dy[:1], s)[1], gb)),
    ),
    Mutant(
        "dw of the last image only: = instead of +=",
        _grads(lambda gx, gw, gb, x, w, dy, s: (gx, back(x[-1:], w, dy[-1:], s)[1], gb)),
    ),
    Mutant(
        "dw with filters and channels swapped", _grads(lambda gx, gw, gb, *_: (gx, gw.transpose(0, 1), gb))
    ),
    Mutant("dw with rows and columns swapped", _grads(lambda gx, gw, gb, *_: (gx, gw.transpose(2, 3), gb))),
    Mutant(
        "dw averaged over the places", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw / dy[0, 0].numel(), gb))
    ),
    Mutant(
        "db as a mean instead of a sum", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw, dy.mean((0, 2, 3))))
    ),
    Mutant("db summed over the images only", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw, dy.sum(0)))),
    Mutant(
        "db summed over the places only", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw, dy.sum((2, 3))))
    ),
    Mutant("db summed over the filters too", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw, dy.sum()))),
    Mutant("db averaged over the images", _grads(lambda gx, gw, gb, x, *_: (gx, gw, gb / len(x)))),
    Mutant("db of the first image only", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw, dy[0].sum((1, 2))))),
    Mutant(
        "gradients with the stride's rows and columns swapped",
        _grads(lambda gx, gw, gb, x, w, dy, s: _swapped(gb, x, w, dy, s)),
    ),
    Mutant(
        "gradients with the stride forgotten",
        _grads(lambda gx, gw, gb, x, w, dy, s: _unstrided(gb, x, w, dy)),
    ),
    Mutant("gradients in the order (dw, dx, db)", _grads(lambda gx, gw, gb, *_: (gw, gx, gb))),
    Mutant("gradients of the opposite sign", _grads(lambda gx, gw, gb, *_: (-gx, -gw, -gb))),
    Mutant(
        "the right answer cut to whole numbers",
        _grads(lambda gx, gw, gb, *_: (gx.long(), gw.long(), gb.long())),
    ),
    Mutant(
        "float32 for a float64 input", _grads(lambda gx, gw, gb, *_: (gx.float(), gw.float(), gb.float()))
    ),
    changing(back),
    changing(back, 2),
)


def _unstrided(gb: Tensor, x: Tensor, w: Tensor, dy: Tensor) -> Grads:
    h, v = dy.shape[2] + w.shape[2] - 1, dy.shape[3] + w.shape[3] - 1
    gx, gw, _ = back(x[:, :, :h, :v].contiguous(), w, dy)
    return F.pad(gx, (0, x.shape[3] - v, 0, x.shape[2] - h)), gw, gb


def _swapped(gb: Tensor, x: Tensor, w: Tensor, dy: Tensor, s: Pair) -> Grads:
    rows, columns = size(x.shape[2], w.shape[2], s[1]), size(x.shape[3], w.shape[3], s[0])
    fitted = F.pad(dy, (0, columns - dy.shape[3], 0, rows - dy.shape[2]))
    gx, gw, _ = back(x, w, fitted, s[::-1])
    return gx, gw, gb


MUTANTS: dict[str, tuple[Mutant, ...]] = {
    "out_size": OUT_SIZE,
    "corr2d": CORR2D,
    "convolve2d": CONVOLVE2D,
    "pad2d": PAD2D,
    "blur_kernel": design.BLUR_MUTANTS,
    "edge_kernel": design.EDGE_MUTANTS,
    "merge_kernels": MERGE_KERNELS,
    "conv2d": CONV2D,
    "im2col": IM2COL,
    "corr1d": CORR1D,
    "conv_cost": CONV_COST,
    "shift_error": SHIFT_ERROR,
    "conv2d_backward": CONV2D_BACKWARD,
    "transposed_size": TRANSPOSED_SIZE,
}
