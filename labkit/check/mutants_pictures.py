"""Named wrong answers of Lab 6 for pictures: library calls with one thing bent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_cifar as library
from labkit.check.case import Mutant

Bend = Callable[..., Any]


def named(*bends: tuple[str, Bend]) -> tuple[Mutant, ...]:
    """Make mutants of (name, function) pairs."""
    return tuple(Mutant(name, bend) for name, bend in bends)


def _stats(scale: float = 255, dims: tuple[int, ...] = (0, 2, 3), correction: int = 0) -> Bend:
    def fn(images: Tensor) -> tuple[Tensor, Tensor]:
        std, mean = torch.std_mean(images.double() / scale, dims, correction=correction)
        return mean, std

    return fn


def _per_picture(images: Tensor) -> tuple[Tensor, Tensor]:
    std, mean = torch.std_mean(images.double() / 255, (2, 3), correction=0)
    return mean.mean(0), std.mean(0)


def _overwriting(images: Tensor) -> Any:
    answer = library.channel_stats(images)
    images.zero_()
    return answer


stats = library.channel_stats
CHANNEL_STATS = named(
    ("numbers from 0 to 255, not divided by 255", _stats(scale=1)),
    ("numbers divided by 256", _stats(scale=256)),
    ("one mean for all channels together",
     lambda x: tuple(v.expand(3) for v in _stats(dims=(0, 1, 2, 3))(x))),
    ("the first picture only", lambda x: stats(x[:1])),
    ("the deviation of each picture, averaged over the pictures", _per_picture),
    ("the variance in place of the deviation", lambda x: (stats(x)[0], stats(x)[1] ** 2)),
    ("a deviation with one less than the count below (correction=1)", _stats(correction=1)),
    ("deviation and mean in the wrong order", lambda x: stats(x)[::-1]),
    ("the channels from last to first", lambda x: tuple(v.flip(0) for v in stats(x))),
    ("a mean for each row, not for each channel", lambda x: _stats(dims=(0, 1, 3))(x)),
    ("the mean of squares, from which the square of the mean was not taken",
     lambda x: (stats(x)[0], (x.double() / 255).square().mean((0, 2, 3)).sqrt())),
    ("whole numbers: the fractions were cut off", lambda x: tuple((v * 255).long() / 255 for v in stats(x))),
    ("the published numbers of CIFAR-10, whatever the pictures",
     lambda x: (torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2470, 0.2435, 0.2616]))),
    ("changes its input", _overwriting),
)  # fmt: skip


def _normal(bend: Callable[[Tensor, Tensor, Tensor], Any]) -> Bend:
    return lambda x, m, s: bend(x.to(m.dtype) / 255, m[:, None, None], s[:, None, None])


norm = library.normalise
NORMALISE = named(
    ("pixels from 0 to 255, not divided by 255",
     lambda x, m, s: (x.to(m.dtype) - m[:, None, None]) / s[:, None, None]),
    ("the mean taken off, but nothing divided", _normal(lambda x, m, s: x - m)),
    ("divided by the deviation, but no mean taken off", _normal(lambda x, m, s: x / s)),
    ("multiplied by the deviation instead of divided", _normal(lambda x, m, s: (x - m) * s)),
    ("divided by the variance", _normal(lambda x, m, s: (x - m) / s**2)),
    ("x / std - mean: divided first, then the mean taken off", _normal(lambda x, m, s: x / s - m)),
    ("the mean added instead of taken off", _normal(lambda x, m, s: (x + m) / s)),
    ("mean and deviation swapped", _normal(lambda x, m, s: (x - s) / m)),
    ("the channels' numbers from last to first", _normal(lambda x, m, s: (x - m.flip(0)) / s.flip(0))),
    ("the first channel's numbers for all channels", _normal(lambda x, m, s: (x - m[:1]) / s[:1])),
    ("one mean and deviation for all channels", _normal(lambda x, m, s: (x - m.mean()) / s.mean())),
    ("each picture's own mean and deviation", lambda x, m, s: F.instance_norm(x.to(m.dtype), eps=0.0)),
    ("just the pixels between 0 and 1", _normal(lambda x, m, s: x)),
    ("the right numbers times 255", lambda x, m, s: norm(x, m, s) * 255),
    ("the mean and deviation of these pictures, not those that are given",
     lambda x, m, s: norm(x, *(v.to(m.dtype) for v in stats(x)))),
    ("whole numbers: divided by // instead of /",
     lambda x, m, s: (x // 255 - m[:, None, None]) / s[:, None, None]),
)  # fmt: skip


def _first(of: Callable[[Tensor, Tensor], Tensor]) -> Bend:
    """Take the first pictures of a sequence, as many as there should be."""

    def fn(labels: Tensor, order: Tensor, per_class: int) -> tuple[Tensor, Tensor]:
        sequence, count = of(labels, order), per_class * int(labels.max() + 1)
        return sequence[count:], sequence[:count]

    return fn


def _as_places(labels: Tensor, order: Tensor, per_class: int) -> tuple[Tensor, Tensor]:
    _, val = split(labels, order, per_class)
    inside = torch.isin(order, val)
    return torch.nonzero(~inside)[:, 0], torch.nonzero(inside)[:, 0]


split = library.stratified_split
STRATIFIED_SPLIT = named(
    ("the first pictures of the order, whatever their class", _first(lambda labels, order: order)),
    ("the last ones of each class instead of the first", lambda y, o, k: split(y, o.flip(0), k)),
    ("the first ones of each class in the file: the order was not used",
     lambda y, o, k: split(y, torch.arange(len(y)), k)),
    ("places in the order instead of numbers of pictures", _as_places),
    ("the two parts swapped: (val, train)", lambda y, o, k: split(y, o, k)[::-1]),
    ("a training part that still holds the pictures of the other one",
     lambda y, o, k: (o, split(y, o, k)[1])),
    ("one too many of each class", lambda y, o, k: split(y, o, k + 1)),
    ("one too few of each class", lambda y, o, k: split(y, o, k - 1)),
    ("labels in place of the numbers of pictures", lambda y, o, k: tuple(y[part] for part in split(y, o, k))),
    ("the first class left out", lambda y, o, k: _without(y, o, k)),
    ("as many in total as there should be of each class", lambda y, o, k: (o[k:], o[:k])),
    ("the last class left out", lambda y, o, k: _but_last(y, o, k)),
    ("the first ones of each class, but labels not taken in the order: order[labels == c]",
     lambda y, o, k: _unread(y, o, k)),
    ("ten classes, also where the labels have more", lambda y, o, k: _ten(y, o, k)),
)  # fmt: skip


def _without(labels: Tensor, order: Tensor, per_class: int) -> tuple[Tensor, Tensor]:
    train, val = split(labels, order, per_class)
    first = labels[val] == 0
    return torch.cat([train, val[first]]), val[~first]


def _but_last(labels: Tensor, order: Tensor, per_class: int) -> tuple[Tensor, ...]:
    return tuple(part[labels[part] != labels.max()] for part in split(labels, order, per_class))


def _ten(labels: Tensor, order: Tensor, per_class: int) -> tuple[Tensor, ...]:
    return tuple(part[labels[part] < 10] for part in split(labels, order, per_class))


def _unread(labels: Tensor, order: Tensor, per_class: int) -> tuple[Tensor, ...]:
    rows = [order[labels == c] for c in range(int(labels.max()) + 1)]
    return torch.cat([row[per_class:] for row in rows]), torch.cat([row[:per_class] for row in rows])


def _padded(mode: str) -> Bend:
    def fn(images: Tensor, dy: Tensor, dx: Tensor, flip: Tensor, pad: int) -> Tensor:
        big = F.pad(images.double(), (pad,) * 4, mode=mode).to(images.dtype)
        return torch.stack(
            [_cut(one, a, b, f, images.shape[2:]) for one, a, b, f in zip(big, dy, dx, flip, strict=True)]
        )

    return fn


def _cut(big: Tensor, top: Tensor, left: Tensor, flip: Tensor, size: Any) -> Tensor:
    piece = big[:, int(top) : int(top) + size[0], int(left) : int(left) + size[1]]
    return piece.flip(2) if bool(flip) else piece


def _upside_down(images: Tensor, dy: Tensor, dx: Tensor, flip: Tensor, pad: int) -> Tensor:
    cut = move(images, dy, dx, flip & False, pad)
    return torch.where(flip[:, None, None, None], cut.flip(2), cut)


def _rolled(images: Tensor, dy: Tensor, dx: Tensor, flip: Tensor, pad: int) -> Tensor:
    cut = torch.stack(
        [one.roll((pad - int(a), pad - int(b)), (1, 2)) for one, a, b in zip(images, dy, dx, strict=True)]
    )
    return torch.where(flip[:, None, None, None], cut.flip(3), cut)


def _flip_first(images: Tensor, dy: Tensor, dx: Tensor, flip: Tensor, pad: int) -> Tensor:
    return move(torch.where(flip[:, None, None, None], images.flip(3), images), dy, dx, flip & False, pad)


move = library.augment
AUGMENT = named(
    ("one place for all pictures: the first one's",
     lambda x, a, b, f, p: move(x, a[:1].expand(len(x)), b[:1].expand(len(x)), f, p)),
    ("one coin for all pictures: the first one's",
     lambda x, a, b, f, p: move(x, a, b, f[:1].expand(len(x)), p)),
    ("dy and dx swapped", lambda x, a, b, f, p: move(x, b, a, f, p)),
    ("pictures moved the other way", lambda x, a, b, f, p: move(x, 2 * p - a, 2 * p - b, f, p)),
    ("pictures mirrored upside down", _upside_down),
    ("pictures mirrored before they are cut out", _flip_first),
    ("pictures mirrored where flip is False", lambda x, a, b, f, p: move(x, a, b, ~f, p)),
    ("no picture mirrored", lambda x, a, b, f, p: move(x, a, b, f & False, p)),
    ("all pictures mirrored", lambda x, a, b, f, p: move(x, a, b, f | True, p)),
    ("no picture moved", lambda x, a, b, f, p: move(x, a * 0 + p, b * 0 + p, f, p)),
    ("an edge that is mirrored instead of 0", _padded("reflect")),
    ("an edge that repeats the last pixel instead of 0", _padded("replicate")),
    ("pixels that come in again on the other side", _rolled),
    ("the pictures as they were", lambda x, a, b, f, p: x.clone()),
    ("the channels mirrored, not the columns",
     lambda x, a, b, f, p: torch.where(f[:, None, None, None], move(x, a, b, f & False, p).flip(1),
                                       move(x, a, b, f & False, p))),
)  # fmt: skip
