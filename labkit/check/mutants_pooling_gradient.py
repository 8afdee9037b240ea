"""Named wrong answers for the gradient of max pooling."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_pooling as library
from labkit.check.case import Mutant
from labkit.check.mutants import changing, usual
from labkit.check.mutants_pooling import windows

Pair = tuple[int, int]
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


def _by_columns(w: Tensor, k: Pair) -> Tensor:
    """The place of the largest pixel, where windows are read column by column."""
    return _transposed(w.reshape(*w.shape[:-1], *k).transpose(-1, -2).flatten(-2).argmax(-1), k)


def _placed(
    x: Tensor,
    dy: Tensor,
    k: Pair,
    s: Pair,
    where: Callable[[Tensor], tuple[Tensor, Tensor]],
    step: Pair | None = None,
) -> Tensor:
    """Find the winner's row and column in its window from its number, or the window, in another way."""
    row, column = where(windows(x, k, s).argmax(-1))
    n, c, i, j = torch.meshgrid(*map(torch.arange, dy.shape), indexing="ij")
    at = (n, c, i * (step or s)[0] + row, j * (step or s)[1] + column)
    return torch.zeros_like(x).index_put_(at, dy, accumulate=True)


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
        "the first of equal largest pixels column by column, instead of row by row",
        lambda x, dy, k, s: spread(x, lambda w: _one_hot(_by_columns(w, k), w), dy, k, s),
    ),
    Mutant(
        "a search that starts at 0: where all are below 0 the top left pixel wins",
        _routed(lambda w: _one_hot(w.clamp_min(0).argmax(-1), w)),
    ),
    Mutant(
        "the winner's number divided by the window's height instead of its width",
        lambda x, dy, k, s: _placed(x, dy, k, s, lambda n: (n // k[0], n % k[0])),
    ),
    Mutant(
        "the winner's row and column exchanged",
        lambda x, dy, k, s: _placed(x, dy, k, s, lambda n: (n % k[1], n // k[1])),
    ),
    Mutant(
        "the winner's row and column in the window taken for those in the image",
        lambda x, dy, k, s: _placed(x, dy, k, s, lambda n: (n // k[1], n % k[1]), (0, 0)),
    ),
    Mutant(
        "windows that begin at (i, j): the stride is missing where dy is added",
        lambda x, dy, k, s: _placed(x, dy, k, s, lambda n: (n // k[1], n % k[1]), (1, 1)),
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
