"""The networks of Lab 6: the introductory one, a small residual one, and two that learn fast."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn


def introductory() -> nn.Sequential:
    """Return the introductory CIFAR-10 network: two 5x5 convolutions, three linear layers, 62,006 parameters.

    ReLU comes behind the pooling: the largest of four rectified numbers is the largest, rectified, with a
    quarter of the work.

    >>> sum(p.numel() for p in introductory().parameters())
    62006
    """
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 6, 5), pool1=nn.MaxPool2d(2), relu1=nn.ReLU(),
            conv2=nn.Conv2d(6, 16, 5), pool2=nn.MaxPool2d(2), relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            fc1=nn.Linear(400, 120), relu3=nn.ReLU(),
            fc2=nn.Linear(120, 84), relu4=nn.ReLU(),
            fc3=nn.Linear(84, 10),
        )
    )  # fmt: skip


def small_resnet(widths: tuple[int, int, int, int] = (16, 32, 48, 64), classes: int = 10) -> nn.Sequential:
    """Return a residual network for 32x32 pictures whose layers have the names of torchvision's ResNets.

    Source: K. He et al., Deep Residual Learning for Image Recognition, 2015, section 4.2.

    >>> [name for name, _ in small_resnet().named_children()][:4]
    ['conv1', 'bn1', 'relu', 'layer1']
    """
    from torchvision.models.resnet import BasicBlock

    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(3, widths[0], 5, padding=2, bias=False),
        bn1=nn.BatchNorm2d(widths[0]),
        relu=nn.ReLU(),
    )
    before = widths[0]
    for stage, width in enumerate(widths, 1):
        stride = 1 if stage == 1 else 2
        shortcut = None
        if stride != 1 or width != before:
            shortcut = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        layers[f"layer{stage}"] = nn.Sequential(BasicBlock(before, width, stride, shortcut))
        before = width
    layers |= OrderedDict(
        avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(before, classes)
    )
    return nn.Sequential(layers)


class Scale(nn.Module):
    """Multiply by a constant: keeps the first logits small."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Return factor times x."""
        return self.factor * x


def fast(
    widths: tuple[int, int, int] = (64, 256, 256), *, images: Tensor | None = None, classes: int = 10
) -> nn.Sequential:
    """Return a network made to learn in few epochs: whitened 2x2 patches, three stages of two convolutions.

    Args:
        widths: channels of the three stages.
        images: some normalised training pictures (n, 3, 32, 32) to whiten the first layer with.

    Source: K. Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single A100, 2024, section 3.
    """
    first = nn.Conv2d(3, 24, 2)
    if images is not None:
        whiten(first, images)
    layers: list[nn.Module] = [first, nn.GELU()]
    before = 24
    for width in widths:
        for part in (0, 1):
            layers.append(nn.Conv2d(before if part == 0 else width, width, 3, padding=1, bias=False))
            _identity(layers[-1])
            if part == 0:
                layers.append(nn.MaxPool2d(2))
            layers += [_norm(width), nn.GELU()]
        before = width
    layers += [nn.MaxPool2d(3), nn.Flatten(), nn.Linear(before, classes, bias=False), Scale(1 / 9)]
    return nn.Sequential(*layers)


def patchwise(widths: tuple[int, int, int] = (32, 32, 48), *, classes: int = 10) -> nn.Sequential:
    """Return a network of 26,698 parameters that learns much in one epoch: it looks at patches of 4x4 pixels.

    Few large steps over the picture, and behind them convolutions whose numbers of channels suit a processor.

    >>> sum(p.numel() for p in patchwise().parameters())
    26698
    """
    first = nn.Conv2d(3, widths[0], 4, stride=4)
    layers: list[nn.Module] = [first, nn.ReLU()]
    for before, width in pairwise(widths):
        conv = nn.Conv2d(before, width, 3, padding=1, bias=False)
        layers += [conv, nn.MaxPool2d(2), nn.BatchNorm2d(width, momentum=0.3), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * widths[-1], classes))


def whiten(layer: nn.Conv2d, images: Tensor, eps: float = 5e-4) -> None:
    """Set a first layer so that its outputs are uncorrelated on pictures (n, 3, H, W); freeze its weights.

    The filters are the eigenvectors of the patches' covariance, each divided by the root of its eigenvalue,
    and the same with the sign turned; those of the largest eigenvalues where there is no room for all. The
    bias stays free.
    """
    patches = nn.functional.unfold(images.float(), layer.kernel_size).transpose(1, 2).flatten(0, 1)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / (values + eps).sqrt()).T.reshape(-1, *layer.weight.shape[1:])
    filters = filters[-(layer.out_channels // 2) :]
    with torch.no_grad():
        layer.weight.copy_(torch.cat([filters, -filters]))
    layer.weight.requires_grad_(False)


def _identity(layer: nn.Module) -> None:
    """Let the first filters of a convolution pass their channel on as it is."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    torch.nn.init.dirac_(weight[: weight.shape[1]])


def _norm(width: int) -> nn.BatchNorm2d:
    """Return a batch norm with a quick running mean and a free bias, but no free weight."""
    norm = nn.BatchNorm2d(width, eps=1e-12, momentum=0.4)
    norm.weight.requires_grad_(False)
    return norm
