"""Named wrong answers for max_pool2d and avg_pool2d, the layers with padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_pooling as library
from labkit.check.case import Mutant
from labkit.check.mutants import usual
from labkit.check.mutants_pooling import Pool, batches, default_steps, farthest, named, settings, windows

Pair = tuple[int, int]


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
    Mutant(
        "max pooling with -1e9 as padding instead of minus infinity",
        _layer(lambda x, k, s, p, c: _max(edges(x, p, -1e9), k, s)),
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
    Mutant(
        "the number with the largest absolute value",
        _layer(lambda x, k, s, p, c: farthest(windows(edges(x, p), k, s))),
    ),
    Mutant("average pooling", _layer(lambda x, k, s, p, c: library.avg_pool2d(x, k, s, p))),
    *(default_steps(library.max_pool2d, step) for step in (1, 2)),
    *named("max pooling with", settings(_max), _padded(LOW)),
    *named("max pooling with", batches(_max)[:4], _padded(LOW)),
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
    *(default_steps(library.avg_pool2d, step) for step in (1, 2)),
    *named("average pooling with", settings(_avg), _padded(0.0)),
    *named("average pooling with", batches(_avg)[:4], _padded(0.0)),
    *usual(library.avg_pool2d),
)


def _one_side(x: Tensor, k: Pair, s: Pair, sides: tuple[int, ...], counted: bool) -> Tensor:
    total = windows(F.pad(x, sides), k, s).sum(-1)
    return total / (k[0] * k[1] if counted else windows(F.pad(torch.ones_like(x), sides), k, s).sum(-1))
