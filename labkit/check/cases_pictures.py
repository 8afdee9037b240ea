"""The cases of Lab 6 for pictures: their statistics, a fair split, moved and mirrored copies."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from labkit.check import library_cifar as library
from labkit.check.case import Case, Rule
from labkit.check.draw import Draw
from labkit.check.policy import is_a, plain


def exactly(right: Tensor, wanted: str, hint: str) -> Rule:
    """Make the rule that whole numbers are these ones, of whatever dtype."""
    return Rule(tuple(right.shape), lambda v: bool((v - right.double()).abs().max() < 1e-6), wanted, hint)


def pixels(draw: Draw, *shape: int) -> Tensor:
    """Draw pictures of bytes (N, C, H, W); channels differ in brightness and in spread."""
    x = torch.randint(0, 256, shape, generator=draw.generator).double()
    spread = torch.tensor([1.0, 0.6, 0.35])[: shape[1], None, None]
    shift = torch.tensor([0.0, 20.0, 120.0])[: shape[1], None, None]
    return (x * spread + shift).clamp(0, 255).to(torch.uint8)


def channel_stats(draw: Draw) -> list[Case]:
    """Mean and standard deviation of each channel."""
    made = []
    for aspect, n in (("several pictures", 5), ("one picture", 1), ("many pictures", 40)):
        images = pixels(draw, n, 3, *draw.pair(4, 7))
        made.append(Case(aspect, (images,), library.channel_stats(images), oracle="torch.std_mean"))
    return made


def normalise(draw: Draw) -> list[Case]:
    """Pictures with mean 0 and deviation 1, by a given mean and deviation."""
    made = []
    for aspect, n in (("several pictures", 4), ("one picture", 1)):
        images = pixels(draw, n, 3, *draw.pair(4, 7))
        mean, std = (draw.tensor(3).abs().float() / 4 + low for low in (0.1, 0.2))
        answer = library.normalise(images, mean, std)
        made.append(Case(aspect, (images, mean, std), answer, oracle="F.batch_norm"))
    return made


def stratified_split(draw: Draw) -> list[Case]:
    """As many pictures of each class, the first ones of an order."""
    made = []
    for aspect, per_class, counts in (
        ("2 of each class", 2, (5, 7, 4)),
        ("1 of each class", 1, (3, 3, 6, 2)),
        ("3 of each of 2 classes", 3, (4, 9)),
        ("1 of each of 12 classes", 1, (2, 3, 2, 4, 2, 2, 3, 2, 2, 3, 2, 3)),
    ):
        labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
        # The pictures are sorted by class in a mixed way, and the order is none of the simple ones.
        labels = labels.flip(0) if draw.integer(0, 1) else labels
        order = _order(draw, labels, per_class)
        train, val = library.stratified_split(labels, order, per_class)
        made.append(Case(aspect, (labels, order, per_class), (_members(train), _members(val))))
    return made


def _order(draw: Draw, labels: Tensor, per_class: int) -> Tensor:
    """Draw an order in which no shortcut gives the right answer."""
    classes = int(labels.max()) + 1
    while True:
        order = torch.randperm(len(labels), generator=draw.generator)
        _, right = library.stratified_split(labels, order, per_class)
        _, plain = library.stratified_split(labels, torch.arange(len(labels)), per_class)
        _, back = library.stratified_split(labels, order.flip(0), per_class)
        short = order[: classes * per_class]
        unread = torch.cat([order[labels == c][:per_class] for c in range(classes)])
        others = [
            set(v.tolist())
            for v in (plain, back, short, unread, torch.nonzero(torch.isin(order, right))[:, 0])
        ]
        if set(right.tolist()) not in others and not _steady(labels, order):
            return order


def _steady(labels: Tensor, order: Tensor) -> bool:
    """Say whether reading labels in place of the order would not be noticed."""
    return torch.equal(labels[order], labels)


def _members(right: Tensor) -> Rule:
    """The same indices, in any order."""
    want = right.double().sort().values
    return Rule(
        tuple(right.shape),
        lambda v: bool((v.sort().values - want).abs().max() < 1e-6),
        "the right numbers of pictures, in any order",
        "go through `order` once, and count for each class how many you have",
    )


def in_order(fn: Any) -> Any:
    """Turn a split, whose parts may come in any order, into one that gives them sorted."""

    def read(labels: Tensor, *args: Any) -> Any:
        value = fn(labels, *args)
        with suppress(Exception):
            parts = [plain(part) for part in value] if is_a(value, tuple, list) and len(value) == 2 else []
            if parts and all(part.numel() <= len(labels) for part in parts):  # not a huge one, by mistake
                return tuple(part.sort().values for part in parts)
        return value

    return read


def augment(draw: Draw) -> list[Case]:
    """Each picture moved and mirrored in its own way."""
    made = []
    for aspect, pad, n in (("moved and mirrored", 2, 6), ("moved only", 1, 4), ("mirrored only", 1, 4)):
        height, width = draw.pair(5, 8)
        images = torch.randint(1, 256, (n, 3, height, width), generator=draw.generator).to(torch.uint8)
        dy, dx = torch.tensor([0, 2 * pad] * (n // 2)), torch.tensor([2 * pad, pad] * (n // 2))
        dy, dx = torch.cat([dy[1:], dy[:1]]).roll(draw.integer(0, 1)), dx.clone()
        flip = torch.tensor(([True, False, False] * n)[:n])
        if aspect == "moved only":
            flip = torch.zeros(n, dtype=torch.bool)
        if aspect == "mirrored only":
            dy = dx = torch.full((n,), pad)
        right = library.augment(images, dy, dx, flip, pad)
        rule = exactly(right, "each picture cut out at its own place", _first_wrong)
        made.append(Case(aspect, (images, dy, dx, flip, pad), rule))
    return made


_first_wrong = "pad first, cut the picture out at row dy and column dx, then mirror it where flip is True"
