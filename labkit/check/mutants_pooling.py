"""Named wrong answers for max_pool and avg_pool, and what all poolings of windows share."""

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


def farthest(w: Tensor) -> Tensor:
    """Of each window the number that is farthest from 0."""
    return w.gather(-1, w.abs().argmax(-1, keepdim=True))[..., 0]


def sliced(pool: Pool, where: Callable[[int, int, int], slice]) -> Pool:
    """Pool window after window; `where` gives the rows or columns of window i from its size and step."""

    def fn(x: Tensor, k: Pair, s: Pair) -> Tensor:
        rows, columns = pool(x, k, s).shape[-2:]
        made = []
        for i in range(rows):
            row = [x[..., where(i, k[0], s[0]), where(j, k[1], s[1])] for j in range(columns)]
            made.append(torch.cat([pool(w, w.shape[-2:], w.shape[-2:]) for w in row], -1))
        return torch.cat(made, -2)

    return fn


def settings(pool: Pool) -> tuple[tuple[str, Pool], ...]:
    """Mistakes in the window and its steps; a stride that is not given is the window's size."""
    return (
        ("the stride forgotten: steps of 1", lambda x, k, s: pool(x, k, (1, 1))),
        (
            "the stride missing in the slice: each window one pixel after the last",
            sliced(pool, lambda i, k, s: slice(i, i + k)),
        ),
        (
            "windows that end where the next one begins, whatever the window's size is",
            sliced(pool, lambda i, k, s: slice(i * s, (i + 1) * s)),
        ),
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


def batches(pool: Pool) -> tuple[tuple[str, Pool], ...]:
    """Mistakes with images and channels."""
    return (
        ("the first image used for all images", lambda x, k, s: pool(x[:1].expand_as(x), k, s)),
        ("the first channel used for all channels", lambda x, k, s: pool(x[:, :1].expand_as(x), k, s)),
        ("the first image only, the others left at 0", lambda x, k, s: blank(pool(x, k, s), slice(0, 1))),
        ("images and channels swapped", lambda x, k, s: pool(x, k, s).transpose(0, 1)),
        ("the mean over the channels", lambda x, k, s: pool(x.mean(1, keepdim=True).expand_as(x), k, s)),
        (
            "the mean over all images and channels of a window: .mean() without axes",
            lambda x, k, s: pool(x.mean((0, 1), keepdim=True).expand_as(x), k, s),
        ),
        ("the mean over the images", lambda x, k, s: pool(x.mean(0, keepdim=True).expand_as(x), k, s)),
    )


_MAX_WINDOWS: tuple[tuple[str, Pool], ...] = (
    ("the smallest number of each window", lambda x, k, s: windows(x, k, s).amin(-1)),
    ("the mean of each window: average pooling", lambda x, k, s: windows(x, k, s).mean(-1)),
    ("the sum of each window", lambda x, k, s: windows(x, k, s).sum(-1)),
    ("the largest number without its sign", lambda x, k, s: windows(x.abs(), k, s).amax(-1)),
    *(
        (
            f"the largest number or {low}: a start at a large number instead of minus infinity",
            lambda x, k, s, low=float(low): windows(x, k, s).amax(-1).clamp_min(low),
        )
        for low in ("-1e9", "-1e6", "-1000", "-999", "-100")
    ),
    ("the number with the largest absolute value", lambda x, k, s: farthest(windows(x, k, s))),
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


def named(what: str, table: tuple[tuple[str, Pool], ...], bend: Callable[[Pool], Pool]) -> list[Mutant]:
    """Make mutants of a table of bent poolings."""
    return [Mutant(f"{what} {name}" if what else name, bend(change)) for name, change in table]


def _plain(change: Pool) -> Pool:
    """Give a bent pooling the parameters of max_pool and avg_pool."""

    def fn(x: Tensor, kernel_size: Pair, stride: Pair | None = None) -> Tensor:
        return change(x, kernel_size, stride or kernel_size)

    return fn


def default_steps(pool: Pool, step: int) -> Mutant:
    """A stride that is 1 or 2 where none is given, whatever the window is."""

    def fn(x: Tensor, kernel_size: Pair, stride: Pair | None = None, *rest: Any, **more: Any) -> Tensor:
        return pool(x, kernel_size, stride or (step, step), *rest, **more)

    return Mutant(f"steps of {step} where no stride is given", fn)


MAX_POOL = (
    *named("max pooling with", settings(library.max_pool), _plain),
    *named("", _MAX_WINDOWS, _plain),
    *usual(library.max_pool),
)
AVG_POOL = (
    *named("average pooling with", settings(library.avg_pool), _plain),
    *named("average pooling with", batches(library.avg_pool), _plain),
    *named("", _AVG_WINDOWS, _plain),
    *(default_steps(library.avg_pool, step) for step in (1, 2)),
    *usual(library.avg_pool),
)
