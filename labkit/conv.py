"""Data behind the convolution lab: worked examples, classic filters, and the layers of known networks.

Arithmetic here is torch's own; the lab's exercises are not written out in this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def worked_example() -> tuple[Tensor, Tensor]:
    """Return the 5x5 input and the 3x3 kernel that the lab works through by hand, as float32.

    >>> x, k = worked_example()
    >>> correlate(x, k).int().tolist()
    [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    """
    x = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
    return torch.tensor(x, dtype=torch.float32), torch.tensor([[0.0, 1, 2], [2, 2, 0], [0, 1, 2]])


def binary_example() -> tuple[Tensor, Tensor]:
    """Return the 6x6 image of zeros and ones, and two filters (2, 3, 3): diagonal and vertical."""
    rows = ["100001", "010010", "001100", "100010", "010010", "001010"]
    image = torch.tensor([[float(digit) for digit in row] for row in rows])
    diagonal = [[1.0, -1, -1], [-1, 1, -1], [-1, -1, 1]]
    return image, torch.tensor([diagonal, [[-1.0, 1, -1]] * 3])


def classic_kernels() -> dict[str, Tensor]:
    """Return the well-known 3x3 filters by name, as float32."""
    kernels = {
        "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
        "edges 1": [[1, 0, -1], [0, 0, 0], [-1, 0, 1]],
        "edges 2": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
        "edges 3": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
        "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    }
    tensors = {name: torch.tensor(rows, dtype=torch.float32) for name, rows in kernels.items()}
    return tensors | {"box blur": torch.full((3, 3), 1 / 9)}


def colour_filters() -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Return three filters (3, 3, 3, 3) for a colour photo, their biases (3,), and their names."""
    edges = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    even = torch.ones(3, 3)
    red = torch.stack([even, -even / 2, -even / 2]) / 9
    w = torch.stack([edges.expand(3, 3, 3) / 3, red, even.expand(3, 3, 3) / 27])
    return w, torch.zeros(3), ("vertical edges", "red", "mean")


def correlate(x: Tensor, k: Tensor, *, stride: int = 1) -> Tensor:
    """Return torch's cross-correlation of an image (H, W) with a kernel (kh, kw), without padding.

    >>> correlate(torch.eye(3), torch.ones(2, 2)).tolist()
    [[2.0, 1.0], [1.0, 2.0]]
    """
    return F.conv2d(x[None, None], k[None, None].to(x.dtype), stride=stride)[0, 0]


def windows_that_fit(i: int, k: int, *, s: int = 1, p: int = 0, d: int = 1) -> int:
    """Return how many windows torch places along one axis; 0 where not one fits."""
    try:
        row = F.conv1d(torch.zeros(1, 1, i), torch.zeros(1, 1, k), stride=s, padding=p, dilation=d)
    except RuntimeError:
        return 0
    return row.shape[-1]


@dataclass(frozen=True)
class Layer:
    """One layer with weights; sizes are (h, w), `extra` counts the parameters of its batch norm."""

    name: str
    c_in: int
    c_out: int
    kernel_size: tuple[int, int]
    out_size: tuple[int, int]
    groups: int = 1
    bias: bool = True
    extra: int = 0

    @property
    def dense(self) -> bool:
        """True for a fully connected layer: one output position."""
        return self.out_size == (1, 1)


def lenet5() -> tuple[Layer, ...]:
    """Return the five layers of LeNet-5 (every C3 map sees all six maps), for a 32x32 grey image."""
    return (
        Layer("C1", 1, 6, (5, 5), (28, 28)),
        Layer("C3", 6, 16, (5, 5), (10, 10)),
        Layer("C5", 16, 120, (5, 5), (1, 1)),
        Layer("F6", 120, 84, (1, 1), (1, 1)),
        Layer("output", 84, 10, (1, 1), (1, 1)),
    )


def alexnet() -> tuple[Layer, ...]:
    """Return AlexNet's eight layers in one tower, without groups, for a 227x227 colour image."""
    return (
        Layer("conv1", 3, 96, (11, 11), (55, 55)),
        Layer("conv2", 96, 256, (5, 5), (27, 27)),
        Layer("conv3", 256, 384, (3, 3), (13, 13)),
        Layer("conv4", 384, 384, (3, 3), (13, 13)),
        Layer("conv5", 384, 256, (3, 3), (13, 13)),
        Layer("fc6", 256, 4096, (6, 6), (1, 1)),
        Layer("fc7", 4096, 4096, (1, 1), (1, 1)),
        Layer("fc8", 4096, 1000, (1, 1), (1, 1)),
    )


def three_layers() -> tuple[Layer, ...]:
    """Return three layers for a 200x200 grey image, without biases: full, local, convolutional.

    The locally connected one has 40,000 units with a 10x10 field each: as many groups as units.
    """
    units = 40_000
    return (
        Layer("fully connected, 40,000 units", 1, units, (200, 200), (1, 1), bias=False),
        Layer("locally connected, 10x10", units, units, (10, 10), (1, 1), groups=units, bias=False),
        Layer("convolution, 100 of 10x10", 1, 100, (10, 10), (191, 191), bias=False),
    )


def without_extras(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return the layers as some tables count them: a bias everywhere, no batch norm, no shortcuts."""
    return tuple(replace(x, bias=True, extra=0) for x in layers if "downsample" not in x.name)


def network(name: str, *, image: int = 224) -> tuple[Layer, ...]:
    """Return the layers of a torchvision network, read from the network itself; nothing is downloaded.

    Args:
        name: a torchvision classification model, such as "vgg16".
        image: side of the square colour image.

    >>> len(network("alexnet")), network("resnet18")[0].extra
    (8, 128)
    """
    from torchvision import models

    with torch.device("meta"):  # shapes only: no memory, no arithmetic
        model = models.get_model(name, weights=None).eval()
        found: list[Layer] = []
        for path, module in model.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
                module.register_forward_hook(_recorder(path, found))
        model(torch.zeros(1, 3, image, image))
    return tuple(found)


def _recorder(path: str, found: list[Layer]) -> Callable[[nn.Module, Any, Tensor], None]:
    def record(module: nn.Module, _inputs: Any, out: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            size, kernel = (out.shape[2], out.shape[3]), (module.kernel_size[0], module.kernel_size[1])
            has_bias = module.bias is not None
            found.append(
                Layer(path, module.in_channels, module.out_channels, kernel, size, module.groups, has_bias)
            )
        elif isinstance(module, nn.Linear):
            has_bias = module.bias is not None
            found.append(Layer(path, module.in_features, module.out_features, (1, 1), (1, 1), 1, has_bias))
        else:  # a batch norm belongs to the convolution before it
            own = sum(p.numel() for p in module.parameters())
            found[-1] = replace(found[-1], extra=own)

    return record
