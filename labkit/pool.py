"""Data behind the pooling lab: maps, signals, network heads, and what torch's own pooling says.

Arithmetic here is torch's own; the lab's exercises are not written out in this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit import conv

Pair = tuple[int, int]


def worked_example() -> Tensor:
    """Return the 5x5 input of lab 1, as float32.

    >>> largest(worked_example(), (3, 3), (1, 1)).int().tolist()
    [[3, 3, 3], [3, 3, 3], [3, 2, 3]]
    """
    return conv.worked_example()[0]


def two_maps() -> Tensor:
    """Return lab 1's two feature maps (2, 4, 4) of the 6x6 image of zeros and ones.

    >>> two_maps()[0].int().tolist()
    [[3, -1, -3, -1], [-3, 1, 0, -3], [-3, -3, 0, 1], [3, -2, -2, -1]]
    """
    image, filters = conv.binary_example()
    return torch.stack([conv.correlate(image, k) for k in filters])


def largest(x: Tensor, kernel_size: Pair, stride: Pair, *, padding: Pair = (0, 0)) -> Tensor:
    """Return torch's max pooling of one map (H, W)."""
    return F.max_pool2d(x[None], kernel_size, stride, padding)[0]


def means(
    x: Tensor, kernel_size: Pair, stride: Pair, *, padding: Pair = (0, 0), counted: bool = True
) -> Tensor:
    """Return torch's average pooling of one map (H, W); `counted`: padding counts as pixels."""
    return F.avg_pool2d(x[None], kernel_size, stride, padding, False, counted)[0]


def windows_placed(i: int, k: int, s: int, p: int = 0, *, ceil_mode: bool = False) -> int:
    """Return how many windows torch's pooling places along one axis; 0 where not one fits.

    >>> windows_placed(6, 3, 2), windows_placed(6, 3, 2, ceil_mode=True)
    (2, 3)
    """
    try:
        return F.max_pool1d(torch.zeros(1, 1, i), k, s, p, ceil_mode=ceil_mode).shape[-1]
    except RuntimeError:
        return 0


def routed(x: Tensor, dy: Tensor, kernel_size: Pair, stride: Pair, *, mean: bool = False) -> Tensor:
    """Return autograd's gradient of max (or average) pooling for images (N, C, H, W)."""
    leaf = x.detach().clone().requires_grad_()
    pool = F.avg_pool2d if mean else F.max_pool2d
    with torch.enable_grad():
        (dx,) = torch.autograd.grad(pool(leaf, kernel_size, stride), leaf, dy)
    return dx


@dataclass(frozen=True)
class Head:
    """The last feature maps of a network, and the number of its classes."""

    name: str
    channels: int
    height: int
    width: int
    classes: int = 1000


def heads() -> tuple[Head, ...]:
    """Return the last maps of three networks, for ImageNet's 1000 classes."""
    return Head("AlexNet", 256, 6, 6), Head("VGG16", 512, 7, 7), Head("ResNet-50", 2048, 7, 7)


def edges(photo: Tensor) -> Tensor:
    """Return a map (H, W) of a photo's vertical edges after ReLU; the border is taken from the other side."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=photo.dtype)
    around = F.pad(photo[None, None], (1, 1, 1, 1), mode="circular")
    return F.conv2d(around, kernel[None, None])[0, 0].relu()


def poolings() -> dict[str, Callable[[Tensor], Tensor]]:
    """Return what a shift is measured behind, by name: functions of a map (H, W)."""
    return {
        "no pooling": lambda y: y,
        "every 4th pixel": lambda y: y[::4, ::4],
        "mean of 4×4": lambda y: means(y, (4, 4), (4, 4)),
        "largest of 4×4": lambda y: largest(y, (4, 4), (4, 4)),
        "largest of 8×8": lambda y: largest(y, (8, 8), (8, 8)),
        "global average": lambda y: y.mean(),
    }


def dense(x: Tensor) -> Tensor:
    """Return max pooling of 2x2 windows with steps of 1 and the same size; it wraps around the border."""
    return F.max_pool2d(F.pad(x, (0, 1, 0, 1), mode="circular"), 2, 1)


def blocks(*, length: int = 16) -> Tensor:
    """Return rows (1, 1, 3, length) of 0 0 1 1 0 0 1 1 ...: the pattern on which max pooling flickers."""
    row = torch.tensor([0.0, 0, 1, 1], dtype=torch.float64).repeat(length // 4)
    return row.expand(1, 1, 3, -1).contiguous()


def softened(rows: Tensor) -> Tensor:
    """Return the largest of 2 in a pattern (1, 1, 3, W), stride 1, blurred by torch with stride (1, 2).

    A blur by 1 2 1 is two means of two neighbours, one after the other.
    """
    most = F.pad(torch.maximum(rows, rows.roll(-1, 3)), (1, 1, 1, 1), mode="reflect")
    return F.avg_pool2d(F.avg_pool2d(most, 2, 1), 2, 1)[0, 0, :, ::2]


def rings(*, size: int = 96) -> Tensor:
    """Return a picture (size, size) of rings that get finer towards the edge, in [0, 1], as float64."""
    line = torch.linspace(-1, 1, size, dtype=torch.float64)
    radius = line[:, None] ** 2 + line[None, :] ** 2
    return 0.5 + 0.5 * torch.cos(0.42 * torch.pi * size * radius)
