"""What libraries say about feature maps: the answers that checks compare with; none is a model solution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = tuple[int, int]
Map = Callable[[Any], Any]


def stretch(maps: Tensor) -> Tensor:
    """A straight line through the two ends of each map, by `torch.aminmax`."""
    flat = maps.flatten(1)
    low, high = torch.aminmax(flat, dim=1)
    width = (high - low).where(high > low, torch.ones_like(low))
    shifted: Tensor = (flat - low[:, None]).div(width[:, None])
    return shifted.view(maps.shape)


def montage(maps: Tensor, columns: int, gap: int = 1, value: float = 1.0) -> Tensor:
    """`torchvision.utils.make_grid` without the border that it puts around."""
    from torchvision.utils import make_grid

    grid: Tensor = make_grid(maps[:, None], nrow=columns, padding=gap, pad_value=value)[0]
    return grid[gap : grid.shape[0] - gap, gap : grid.shape[1] - gap]


def filter_pictures(weights: Tensor) -> Tensor:
    """Each filter between -m and m put between 0 and 1, channels last."""
    most = torch.linalg.vector_norm(weights, float("inf"), dim=(1, 2, 3), keepdim=True)
    scaled = torch.where(most > 0, weights / most, torch.zeros_like(weights))
    return torch.lerp(torch.full_like(scaled, 0.5), torch.ones_like(scaled), scaled).permute(0, 2, 3, 1)


def map_shapes(image: Sequence[int], layers: Sequence[tuple[int | None, int, int, int]]) -> Tensor:
    """The shapes that `F.conv2d` and `F.max_pool2d` give on the meta device."""
    x = torch.empty(1, *image, device="meta")
    shapes = []
    for channels, k, s, p in layers:
        if channels is None:
            x = F.max_pool2d(x, k, s, p)
        else:
            x = F.conv2d(x, torch.empty(channels, x.shape[1], k, k, device="meta"), None, s, p)
        shapes.append(list(x.shape[1:]))
    return torch.tensor(shapes, dtype=torch.float64)


def sparsity(maps: Tensor) -> tuple[float, float]:
    """Shares of zeros and of channels that are zero in all images, by `torch.count_nonzero`."""
    alive = torch.count_nonzero(maps, (0, 2, 3))
    return 1 - float(alive.sum()) / maps.numel(), 1 - int(torch.count_nonzero(alive)) / len(alive)


def receptive_field(layers: Sequence[Pair]) -> tuple[int, int]:
    """How much of a line of pixels the gradient of one number reaches, and how far it moves for the next."""
    length = 2
    for k, s in reversed(layers):
        length = (length - 1) * s + k
    spans = []
    for place in (0, 1):
        x = torch.zeros(1, 1, length, dtype=torch.float64, requires_grad=True)
        y: Tensor = x
        for k, s in layers:
            y = F.conv1d(y, torch.ones(1, 1, k, dtype=torch.float64), stride=s)
        (gradient,) = torch.autograd.grad(y[0, 0, place], x)
        spans.append(gradient[0, 0].nonzero().flatten())
    return len(spans[0]), int(spans[1][0] - spans[0][0])


def reach(sizes: Sequence[int], layers: Sequence[tuple[int, int, int]], place: int) -> tuple[int, int]:
    """First and last pixel that one number of the last map sees along one axis, by arithmetic."""
    low = high = place
    for (k, s, p), size in zip(reversed(layers), reversed(sizes), strict=True):
        low, high = max(0, low * s - p), min(size - 1, high * s - p + k - 1)
    return low, high


def cam(maps: Tensor, weights: Tensor, label: int) -> Tensor:
    """A 1x1 convolution by the weights of one class."""
    return F.conv2d(maps[None], weights[label][None, :, None, None])[0, 0]
