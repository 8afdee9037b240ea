"""Named wrong answers for poolings of windows: library calls with one thing bent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_pooling as library
from labkit.check.case import Mutant
from labkit.check.mutants import blank, usual

Pair = tuple[int, int]
Pool = Callable[..., Tensor]


def windows(x: Tensor, kernel: Pair, stride: Pair) -> Tensor:
    """All windows of the last two axes: (..., OH, OW, kh * kw)."""
    return x.unfold(-2, kernel[0], stride[0]).unfold(-2, kernel[1], stride[1]).flatten(-2)


def _settings(pool: Pool) -> tuple[tuple[str, Pool], ...]:
    """Mistakes in the window and its steps; a stride that is not given is the window's size."""
    return (
        ("the stride forgotten: steps of 1", lambda x, k, s: pool(x, k, (1, 1))),
        ("steps as large as the window, whatever the stride is", lambda x, k, s: pool(x, k, k)),
        ("the stride on rows only", lambda x, k, s: pool(x, k, (s[0], 1))),
        ("the stride on columns only", lambda x, k, s: pool(x, k, (1, s[1]))),
        ("the stride's rows and columns swapped", lambda x, k, s: pool(x, k, s[::-1])),
        ("the first stride used for both axes", lambda x, k, s: pool(x, k, (s[0], s[0]))),
        ("the second stride used for both axes", lambda x, k, s: pool(x, k, (s[1], s[1]))),
        ("the window's rows and columns swapped", lambda x, k, s: pool(x, k[::-1], s)),
        ("the window's height used for both axes", lambda x, k, s: pool(x, (k[0], k[0]), s)),
        ("the window's width used for both axes", lambda x, k, s: pool(x, (k[1], k[1]), s)),
        ("windows of one row", lambda x, k, s: pool(x, (1, k[1]), s)),
        ("windows of one column", lambda x, k, s: pool(x, (k[0], 1), s)),
        ("windows one row and column too large", lambda x, k, s: pool(x, (k[0] + 1, k[1] + 1), s)),
        ("windows that start one row and column too late", lambda x, k, s: pool(x[..., 1:, 1:], k, s)),
        ("the last row and column missing", lambda x, k, s: pool(x, k, s)[..., :-1, :-1]),
        (
            "the last row and column left at 0",
            lambda x, k, s: F.pad(pool(x, k, s)[..., :-1, :-1], (0, 1, 0, 1)),
        ),
        ("rows and columns of the answer swapped", lambda x, k, s: pool(x, k, s).transpose(-1, -2)),
        (
            "the answer filled in column by column",
            lambda x, k, s: pool(x, k, s).transpose(-1, -2).reshape(pool(x, k, s).shape),
        ),
    )


def _batches(pool: Pool) -> tuple[tuple[str, Pool], ...]:
    """Mistakes with images and channels."""
    return (
        ("the first image used for all images", lambda x, k, s: pool(x[:1].expand_as(x), k, s)),
        ("the first channel used for all channels", lambda x, k, s: pool(x[:, :1].expand_as(x), k, s)),
        ("the first image only, the others left at 0", lambda x, k, s: blank(pool(x, k, s), slice(0, 1))),
        ("images and channels swapped", lambda x, k, s: pool(x, k, s).transpose(0, 1)),
        ("the mean over the channels", lambda x, k, s: pool(x.mean(1, keepdim=True).expand_as(x), k, s)),
        ("the mean over the images", lambda x, k, s: pool(x.mean(0, keepdim=True).expand_as(x), k, s)),
    )


_MAX_WINDOWS: tuple[tuple[str, Pool], ...] = (
    ("the smallest number of each window", lambda x, k, s: windows(x, k, s).amin(-1)),
    ("the mean of each window: average pooling", lambda x, k, s: windows(x, k, s).mean(-1)),
    ("the sum of each window", lambda x, k, s: windows(x, k, s).sum(-1)),
    ("the largest number without its sign", lambda x, k, s: windows(x.abs(), k, s).amax(-1)),
    (
        "the largest number or 0: a start at 0 instead of minus infinity",
        lambda x, k, s: windows(x, k, s).amax(-1).relu(),
    ),
    ("the top left number of each window", lambda x, k, s: windows(x, k, s)[..., 0]),
    ("the bottom right number of each window", lambda x, k, s: windows(x, k, s)[..., -1]),
    (
        "the place of the largest number in the window instead of the number",
        lambda x, k, s: windows(x, k, s).argmax(-1),
    ),
    (
        "the largest number of the whole map everywhere",
        lambda x, k, s: x.amax().expand_as(windows(x, k, s)[..., 0]),
    ),
    ("the median of each window", lambda x, k, s: windows(x, k, s).median(-1).values),
    (
        "windows that hang over the edge too (ceil_mode)",
        lambda x, k, s: F.max_pool2d(x[None], k, s, ceil_mode=True)[0],
    ),
)
_AVG_WINDOWS: tuple[tuple[str, Pool], ...] = (
    ("the sum of each window, not divided", lambda x, k, s: windows(x, k, s).sum(-1)),
    ("the largest number of each window: max pooling", lambda x, k, s: windows(x, k, s).amax(-1)),
    ("the median of each window", lambda x, k, s: windows(x, k, s).median(-1).values),
    ("the sum divided by the window's height only", lambda x, k, s: windows(x, k, s).sum(-1) / k[0]),
    ("the sum divided by the window's width only", lambda x, k, s: windows(x, k, s).sum(-1) / k[1]),
    ("the sum divided by the height squared", lambda x, k, s: windows(x, k, s).sum(-1) / k[0] ** 2),
    ("the sum divided by the width squared", lambda x, k, s: windows(x, k, s).sum(-1) / k[1] ** 2),
    ("the mean rounded down, by // instead of /", lambda x, k, s: windows(x, k, s).mean(-1).floor()),
    ("the mean rounded to one place", lambda x, k, s: windows(x, k, s).mean(-1).mul(10).round() / 10),
    (
        "the mean of the window's largest and smallest",
        lambda x, k, s: (windows(x, k, s).amax(-1) + windows(x, k, s).amin(-1)) / 2,
    ),
)


def _named(what: str, table: tuple[tuple[str, Pool], ...], bend: Callable[[Pool], Pool]) -> list[Mutant]:
    return [Mutant(f"{what} {name}" if what else name, bend(change)) for name, change in table]


def _plain(change: Pool) -> Pool:
    """Give a bent pooling the parameters of max_pool and avg_pool."""

    def fn(x: Tensor, kernel_size: Pair, stride: Pair | None = None) -> Tensor:
        return change(x, kernel_size, stride or kernel_size)

    return fn


def _default_one(pool: Pool) -> Mutant:
    """A stride that is 1 where none is given."""

    def fn(x: Tensor, kernel_size: Pair, stride: Pair | None = None, *rest: Any, **more: Any) -> Tensor:
        return pool(x, kernel_size, stride or (1, 1), *rest, **more)

    return Mutant("steps of 1 where no stride is given", fn)


MAX_POOL = (
    *_named("max pooling with", _settings(library.max_pool), _plain),
    *_named("", _MAX_WINDOWS, _plain),
    *usual(library.max_pool),
)
AVG_POOL = (
    *_named("average pooling with", _settings(library.avg_pool), _plain),
    *_named("average pooling with", _batches(library.avg_pool), _plain),
    *_named("", _AVG_WINDOWS, _plain),
    _default_one(library.avg_pool),
    *usual(library.avg_pool),
)


def edges(x: Tensor, p: Pair, value: float = 0.0, **how: Any) -> Tensor:
    """The same padding above and below, and the same left and right."""
    return F.pad(x, (p[1], p[1], p[0], p[0]), **(how or {"value": value}))


def _layer(change: Callable[..., Tensor]) -> Pool:
    """Give a bent layer the parameters of max_pool2d and avg_pool2d."""

    def fn(
        x: Tensor,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = (0, 0),
        count_include_pad: bool = True,
    ) -> Tensor:
        return change(x, kernel_size, stride or kernel_size, padding, count_include_pad)

    return fn


def _padded(fill: float) -> Callable[[Pool], Pool]:
    """Let a pooling without padding work on a padded input, for mistakes in windows and batches."""

    def bend(change: Pool) -> Pool:
        return _layer(lambda x, k, s, p, c: change(edges(x, p, fill), k, s))

    return bend


def _max(x: Tensor, k: Pair, s: Pair) -> Tensor:
    return F.max_pool2d(x, k, s)


def _avg(x: Tensor, k: Pair, s: Pair) -> Tensor:
    return F.avg_pool2d(x, k, s)


LOW = -torch.inf
MAX_POOL2D = (
    Mutant("max pooling with zeros as padding", _layer(lambda x, k, s, p, c: _max(edges(x, p), k, s))),
    Mutant("max pooling with the padding forgotten", _layer(lambda x, k, s, p, c: _max(x, k, s))),
    Mutant(
        "max pooling with the padding's rows and columns swapped",
        _layer(lambda x, k, s, p, c: _max(edges(x, p[::-1], LOW), k, s)),
    ),
    Mutant(
        "max pooling with padding on the top and left only",
        _layer(lambda x, k, s, p, c: _max(F.pad(x, (p[1], 0, p[0], 0), value=LOW), k, s)),
    ),
    Mutant(
        "max pooling with padding on the bottom and right only",
        _layer(lambda x, k, s, p, c: _max(F.pad(x, (0, p[1], 0, p[0]), value=LOW), k, s)),
    ),
    Mutant("max pooling with -1 as padding", _layer(lambda x, k, s, p, c: _max(edges(x, p, -1.0), k, s))),
    Mutant(
        "max pooling with the first padding used for both axes",
        _layer(lambda x, k, s, p, c: _max(edges(x, (p[0], p[0]), LOW), k, s)),
    ),
    Mutant(
        "max pooling with the second padding used for both axes",
        _layer(lambda x, k, s, p, c: _max(edges(x, (p[1], p[1]), LOW), k, s)),
    ),
    Mutant(
        "max pooling with plus infinity as padding",
        _layer(lambda x, k, s, p, c: _max(edges(x, p, torch.inf), k, s)),
    ),
    Mutant(
        "the largest number or 0: a start at 0 instead of minus infinity",
        _layer(lambda x, k, s, p, c: _max(edges(x, p, LOW), k, s).relu()),
    ),
    Mutant(
        "the smallest number of each window",
        _layer(lambda x, k, s, p, c: -_max(edges(-x, p, LOW), k, s)),
    ),
    Mutant("average pooling", _layer(lambda x, k, s, p, c: library.avg_pool2d(x, k, s, p))),
    _default_one(library.max_pool2d),
    *_named("max pooling with", _settings(_max), _padded(LOW)),
    *_named("max pooling with", _batches(_max)[:4], _padded(LOW)),
    *usual(library.max_pool2d),
)


def _inside(x: Tensor, k: Pair, s: Pair, p: Pair) -> Tensor:
    """How many pixels of the image each window holds."""
    return windows(edges(torch.ones_like(x), p), k, s).sum(-1)


AVG_POOL2D = (
    Mutant(
        "average pooling that always counts the padding",
        _layer(lambda x, k, s, p, c: library.avg_pool2d(x, k, s, p, True)),
    ),
    Mutant(
        "average pooling that never counts the padding",
        _layer(lambda x, k, s, p, c: library.avg_pool2d(x, k, s, p, False)),
    ),
    Mutant(
        "average pooling with count_include_pad the other way round",
        _layer(lambda x, k, s, p, c: library.avg_pool2d(x, k, s, p, not c)),
    ),
    Mutant("average pooling with the padding forgotten", _layer(lambda x, k, s, p, c: _avg(x, k, s))),
    Mutant(
        "average pooling with the padding's rows and columns swapped",
        _layer(
            lambda x, k, s, p, c: windows(edges(x, p[::-1]), k, s).sum(-1)
            / (k[0] * k[1] if c else _inside(x, k, s, p[::-1]))
        ),
    ),
    Mutant(
        "average pooling with padding on the top and left only",
        _layer(lambda x, k, s, p, c: _one_side(x, k, s, (p[1], 0, p[0], 0), c)),
    ),
    Mutant(
        "average pooling with padding on the bottom and right only",
        _layer(lambda x, k, s, p, c: _one_side(x, k, s, (0, p[1], 0, p[0]), c)),
    ),
    Mutant(
        "average pooling with edges repeated as padding instead of zeros",
        _layer(lambda x, k, s, p, c: _avg(edges(x, p, mode="replicate"), k, s)),
    ),
    Mutant(
        "the sum of each window, not divided",
        _layer(lambda x, k, s, p, c: windows(edges(x, p), k, s).sum(-1)),
    ),
    Mutant(
        "the sum divided by the window's height only",
        _layer(lambda x, k, s, p, c: windows(edges(x, p), k, s).sum(-1) / k[0]),
    ),
    Mutant(
        "the sum divided by the window's width only",
        _layer(lambda x, k, s, p, c: windows(edges(x, p), k, s).sum(-1) / k[1]),
    ),
    Mutant("max pooling", _layer(lambda x, k, s, p, c: library.max_pool2d(x, k, s, p))),
    _default_one(library.avg_pool2d),
    *_named("average pooling with", _settings(_avg), _padded(0.0)),
    *_named("average pooling with", _batches(_avg)[:4], _padded(0.0)),
    *usual(library.avg_pool2d),
)


def _one_side(x: Tensor, k: Pair, s: Pair, sides: tuple[int, ...], counted: bool) -> Tensor:
    total = windows(F.pad(x, sides), k, s).sum(-1)
    return total / (k[0] * k[1] if counted else windows(F.pad(torch.ones_like(x), sides), k, s).sum(-1))
