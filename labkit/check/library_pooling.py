"""What the libraries say about pooling: the answers that checks compare with. None is a model solution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labkit.check.equivariance import either

Pair = tuple[int, int]


def max_pool(x: Tensor, kernel_size: Pair, stride: Pair) -> Tensor:
    """`F.max_pool2d` of one map."""
    return F.max_pool2d(x[None], kernel_size, stride)[0]


def avg_pool(x: Tensor, kernel_size: Pair, stride: Pair | None = None) -> Tensor:
    """`F.avg_pool2d` without padding."""
    return F.avg_pool2d(x, kernel_size, stride)


def pool_size(i: int, k: int, s: int, p: int = 0, ceil_mode: bool = False) -> int:
    """Size of what `F.max_pool1d` gives back."""
    return F.max_pool1d(torch.zeros(1, 1, i), k, s, p, ceil_mode=ceil_mode).shape[-1]


def max_pool2d(x: Tensor, kernel_size: Pair, stride: Pair | None = None, padding: Pair = (0, 0)) -> Tensor:
    """`F.max_pool2d`."""
    return F.max_pool2d(x, kernel_size, stride, padding)


def avg_pool2d(
    x: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = (0, 0),
    count_include_pad: bool = True,
) -> Tensor:
    """`F.avg_pool2d`."""
    return F.avg_pool2d(x, kernel_size, stride, padding, False, count_include_pad)


def gradient(pool: Callable[[Tensor], Tensor], x: Tensor, dy: Tensor) -> Tensor:
    """Gradient of a pooling for its input, by torch's autograd."""
    leaf = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        (dx,) = torch.autograd.grad(pool(leaf), leaf, dy)
    return dx


def max_pool2d_backward(x: Tensor, dy: Tensor, kernel_size: Pair, stride: Pair) -> Tensor:
    """Gradient of `F.max_pool2d`: of equal largest pixels the first one in reading order gets it all."""
    return gradient(lambda t: F.max_pool2d(t, kernel_size, stride), x, dy)


def max_from_relu(a: Tensor, b: Tensor, relu: Callable[[Any], Any]) -> Tensor:
    """`torch.maximum`; with softplus, which is not 0 at 0, in the place of relu `torch.logaddexp`."""
    soft = float(relu(torch.zeros(1))) > 0
    return torch.logaddexp(a, b) if soft else torch.maximum(a, b)


def mean_kernels(channels: int, kernel_size: Pair) -> Tensor:
    """The weights of `F.avg_pool2d`: how its result answers to each pixel of one window."""
    window = torch.zeros(channels, 1, *kernel_size, dtype=torch.float64)
    dy = torch.ones(channels, 1, 1, 1, dtype=torch.float64)
    return gradient(lambda t: F.avg_pool2d(t, kernel_size), window, dy)


def global_avg_pool(x: Tensor) -> Tensor:
    """`F.adaptive_avg_pool2d` to one place, without the two axes of size 1."""
    return F.adaptive_avg_pool2d(x, 1).flatten(1)


def head_params(channels: int, height: int, width: int, classes: int) -> tuple[int, int]:
    """Numbers held by `nn.Linear` after `nn.Flatten`, and after a pooling to one place."""
    counts = []
    for features in (channels * height * width, channels):
        layer = nn.Linear(features, classes, device="meta")
        counts.append(sum(p.numel() for p in layer.parameters()))
    return counts[0], counts[1]


def blur_pool2d(x: Tensor, stride: Pair = (2, 2)) -> Tensor:
    """Two poolings by the mean of 2 x 2, one after the other, are a blur by [1, 2, 1] / 4 on both axes."""
    twice = F.avg_pool2d(F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), 2, 1), 2, 1)
    return twice[:, :, :: stride[0], :: stride[1]]


HARD = either(torch.relu)
SOFT = either(F.softplus)
