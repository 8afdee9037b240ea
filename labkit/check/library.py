"""What the libraries say: the answers that checks compare with. None of these is a model solution."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = tuple[int, int]


def out_size(i: int, k: int, s: int = 1, p: int = 0, d: int = 1) -> int:
    """Size of what `F.conv1d` gives back."""
    return F.conv1d(torch.empty(1, 1, i), torch.empty(1, 1, k), stride=s, padding=p, dilation=d).shape[-1]


def transposed_size(i: int, k: int, s: int = 1, p: int = 0, output_padding: int = 0, d: int = 1) -> int:
    """Size of what `F.conv_transpose1d` gives back."""
    x, w = torch.empty(1, 1, i), torch.empty(1, 1, k)
    return F.conv_transpose1d(x, w, stride=s, padding=p, output_padding=output_padding, dilation=d).shape[-1]


def corr2d(x: Tensor, k: Tensor) -> Tensor:
    """`F.conv2d` of one image with one kernel."""
    return F.conv2d(x[None, None], k[None, None])[0, 0]


def convolve2d(x: Tensor, k: Tensor) -> Tensor:
    """`F.conv_transpose2d`, which is the full true convolution, cropped to the valid part."""
    edge = (k.shape[0] - 1, k.shape[1] - 1)
    return F.conv_transpose2d(x[None, None], k[None, None], padding=edge)[0, 0]


def pad2d(x: Tensor, top: int, bottom: int, left: int, right: int, value: float = 0.0) -> Tensor:
    """`F.pad`, which counts the axes from the last one."""
    return F.pad(x, (left, right, top, bottom), value=value)


def merge_kernels(k1: Tensor, k2: Tensor) -> Tensor:
    """The full true convolution of two kernels, by `F.conv_transpose2d`."""
    return F.conv_transpose2d(k1[None, None], k2[None, None])[0, 0]


def conv2d(
    x: Tensor, w: Tensor, b: Tensor | None = None, stride: Pair = (1, 1), padding: Pair = (0, 0)
) -> Tensor:
    """`F.conv2d`."""
    return F.conv2d(x, w, b, stride, padding)


def im2col(x: Tensor, kernel_size: Pair, stride: Pair = (1, 1)) -> Tensor:
    """`F.unfold`."""
    return F.unfold(x, kernel_size, stride=stride)


def corr1d(x: Tensor, k: Tensor, stride: int = 1) -> Tensor:
    """`F.conv1d` of one signal with one kernel."""
    return F.conv1d(x[None, None], k[None, None], stride=stride)[0, 0]


def conv_cost(
    c_in: int, c_out: int, kernel_size: Pair, out_size: Pair, groups: int = 1, bias: bool = True
) -> tuple[int, int]:
    """Numbers held by `nn.Conv2d`, and the multiplications counted by convolving ones with ones."""
    with torch.random.fork_rng(devices=[]):
        layer = torch.nn.Conv2d(c_in, c_out, kernel_size, groups=groups, bias=bias)
    size = (out_size[0] + kernel_size[0] - 1, out_size[1] + kernel_size[1] - 1)
    x = torch.ones(1, c_in, *size, dtype=torch.float64)
    count = F.conv2d(x, torch.ones_like(layer.weight, dtype=torch.float64), groups=groups).sum()
    return sum(p.numel() for p in layer.parameters()), round(float(count))


def conv2d_backward(x: Tensor, w: Tensor, dy: Tensor, stride: Pair = (1, 1)) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `F.conv2d` with bias, by the function that torch's autograd calls for them."""
    none, ones, bias = [0, 0], [1, 1], [w.shape[0]]
    dx, dw, db = torch.ops.aten.convolution_backward(
        dy, x, w, bias, list(stride), none, ones, False, none, 1, [True, True, True]
    )
    return dx, dw, db
