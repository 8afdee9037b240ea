"""Named wrong answers for the bottleneck block and its costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labkit.check import library_features as library
from labkit.check.blocks import standard
from labkit.check.calling import CUT
from labkit.check.case import Mutant

Pair = tuple[int, int]


def _block(forward: Callable[[Any, Tensor], Tensor]) -> Callable[..., Any]:
    """Build torchvision's block with another forward."""

    def build(c_in: int, width: int, stride: int = 1) -> nn.Module:
        block = standard(c_in, width, stride)
        block.forward = lambda x: forward(block, x)
        return block

    return build


def _branch(b: Any, x: Tensor) -> Tensor:
    out = b.relu(b.bn2(b.conv2(b.relu(b.bn1(b.conv1(x))))))
    return b.bn3(b.conv3(out))  # type: ignore[no-any-return]


def _before(b: Any, x: Tensor) -> Tensor:
    out = b.bn3(b.conv3(b.bn2(b.relu(b.conv2(b.bn1(b.relu(b.conv1(x))))))))
    return torch.relu(out + _short(b, x))


def _short(b: Any, x: Tensor) -> Tensor:
    return x if b.downsample is None else b.downsample(x)


def _early(b: Any, x: Tensor) -> Tensor:
    """Put the stride into the first 1x1 convolution."""
    stride = b.conv2.stride
    y = F.conv2d(x, b.conv1.weight, None, stride)
    y = F.conv2d(b.relu(b.bn1(y)), b.conv2.weight, None, 1, 1)
    return torch.relu(b.bn3(b.conv3(b.relu(b.bn2(y)))) + _short(b, x))


def _late(b: Any, x: Tensor) -> Tensor:
    """Put the stride into the last 1x1 convolution."""
    y = F.conv2d(b.relu(b.bn1(b.conv1(x))), b.conv2.weight, None, 1, 1)
    y = F.conv2d(b.relu(b.bn2(y)), b.conv3.weight, None, b.conv2.stride)
    return torch.relu(b.bn3(y) + _short(b, x))


def _only(b: Any, x: Tensor) -> Tensor:
    return b.downsample[0](x) if b.downsample is not None else x


def _changed(b: Any, x: Tensor) -> Tensor:
    y = (_branch(b, x) + _short(b, x)).relu()
    x.data.mul_(2)
    return y


BOTTLENECK = (
    Mutant("the block without its shortcut", _block(lambda b, x: _branch(b, x).relu())),
    Mutant("the block without the ReLU at the end", _block(lambda b, x: _branch(b, x) + _short(b, x))),
    Mutant(
        "the ReLU before the shortcut is added, not after",
        _block(lambda b, x: _branch(b, x).relu() + _short(b, x)),
    ),
    Mutant(
        "the shortcut behind a ReLU of its own",
        _block(lambda b, x: (_branch(b, x) + _short(b, x).relu()).relu()),
    ),
    Mutant(
        "the shortcut taken away instead of added", _block(lambda b, x: (_branch(b, x) - _short(b, x)).relu())
    ),
    Mutant("the shortcut alone", _block(lambda b, x: _short(b, x).relu())),
    Mutant(
        "the shortcut's convolution without its batch norm",
        _block(lambda b, x: (_branch(b, x) + _only(b, x)).relu()),
    ),
    Mutant(
        "the block without its last batch norm",
        _block(
            lambda b, x: (b.conv3(b.relu(b.bn2(b.conv2(b.relu(b.bn1(b.conv1(x))))))) + _short(b, x)).relu()
        ),
    ),
    Mutant(
        "the block without the ReLUs inside",
        _block(lambda b, x: (b.bn3(b.conv3(b.bn2(b.conv2(b.bn1(b.conv1(x)))))) + _short(b, x)).relu()),
    ),
    Mutant(
        "the block without the second ReLU",
        _block(
            lambda b, x: (b.bn3(b.conv3(b.bn2(b.conv2(b.relu(b.bn1(b.conv1(x))))))) + _short(b, x)).relu()
        ),
    ),
    Mutant("the stride in the first 1x1 convolution instead of the 3x3", _block(_early)),
    Mutant("the stride in the last 1x1 convolution instead of the 3x3", _block(_late)),
    Mutant(
        "one more ReLU in front of the addition",
        _block(lambda b, x: (_branch(b, x).relu() + _short(b, x)).relu()),
    ),
    Mutant("float32 for a float64 input", _block(lambda b, x: (_branch(b, x) + _short(b, x)).relu().float())),
    Mutant("changes its input", _block(_changed)),
    Mutant(CUT, _block(lambda b, x: (_branch(b, x) + _short(b, x)).relu().detach())),
    Mutant(
        "the shortcut cut off from the gradient",
        _block(lambda b, x: (_branch(b, x) + _short(b, x.detach())).relu()),
    ),
    Mutant("the ReLUs before the batch norms instead of behind them", _block(_before)),
)


def _cost(
    params: Callable[..., int] = lambda p, *_: p, work: Callable[..., int] = lambda m, *_: m
) -> Callable[..., Pair]:
    """Bend the two counts; each gets (right count, channels in, width, stride, height, width of the map)."""

    def fn(c_in: int, width: int, stride: int, size: Pair) -> Pair:
        right = library.block_cost(c_in, width, stride, size)
        rest = (c_in, width, stride, *size)
        return params(right[0], *rest), work(right[1], *rest)

    return fn


def _norms(c: int, w: int, s: int) -> int:
    """Numbers in the batch norms, counted once."""
    return 2 * w + 4 * w + (4 * w if s != 1 or c != 4 * w else 0)


def _down(c: int, w: int, s: int) -> int:
    return c * 4 * w if s != 1 or c != 4 * w else 0


def _sooner(m: int, s: int, high: int, wide: int, weights: int) -> int:
    """Count weights that work behind the stride at the size of the input."""
    return m + weights * (high * wide - (high // s) * (wide // s))


BLOCK_COST = (
    Mutant(
        "conv2 counted before the stride", _cost(work=lambda m, c, w, s, i, j: _sooner(m, s, i, j, 9 * w * w))
    ),
    Mutant(
        "the shortcut counted before the stride",
        _cost(work=lambda m, c, w, s, i, j: _sooner(m, s, i, j, _down(c, w, s))),
    ),
    Mutant("the counts without the batch norms", _cost(lambda p, c, w, s, *_: p - 2 * _norms(c, w, s))),
    Mutant("one number a channel for each batch norm", _cost(lambda p, c, w, s, *_: p - _norms(c, w, s))),
    Mutant(
        "four numbers a channel for each batch norm, with the running statistics",
        _cost(lambda p, c, w, s, *_: p + 2 * _norms(c, w, s)),
    ),
    Mutant("the convolutions with biases", _cost(lambda p, c, w, s, *_: p + _norms(c, w, s))),
    Mutant(
        "the counts without the shortcut's convolution",
        _cost(
            lambda p, c, w, s, *_: p - _down(c, w, s) - (8 * w if _down(c, w, s) else 0),
            lambda m, c, w, s, h, v: m - _down(c, w, s) * (h // s) * (v // s),
        ),
    ),
    Mutant(
        "a convolution in every shortcut",
        _cost(
            lambda p, c, w, s, *_: p if _down(c, w, s) else p + 4 * w * c + 8 * w,
            lambda m, c, w, s, h, v: m if _down(c, w, s) else m + 4 * w * c * h * v,
        ),
    ),
    Mutant(
        "the multiply-adds of all layers at the size of the input",
        _cost(work=lambda m, c, w, s, h, v: (c * w + 9 * w * w + 4 * w * w + _down(c, w, s)) * h * v),
    ),
    Mutant(
        "the multiply-adds of all layers at the size of the output",
        _cost(work=lambda m, c, w, s, h, v: (c * w + 13 * w * w + _down(c, w, s)) * (h // s) * (v // s)),
    ),
    Mutant(
        "the 3x3 convolution counted as a 1x1",
        _cost(
            lambda p, c, w, s, *_: p - 8 * w * w, lambda m, c, w, s, h, v: m - 8 * w * w * (h // s) * (v // s)
        ),
    ),
    Mutant("the work counted twice: a multiplication and an addition each", _cost(work=lambda m, *_: 2 * m)),
    Mutant(
        "the work at one place, not multiplied by the places",
        _cost(work=lambda m, c, w, s, *_: c * w + 13 * w * w + _down(c, w, s)),
    ),
    Mutant("the two counts in the wrong order", lambda *a: library.block_cost(*a)[::-1]),
    Mutant(
        "the shortcut's convolution without its batch norm",
        _cost(lambda p, c, w, s, *_: p - (8 * w if _down(c, w, s) else 0)),
    ),
    Mutant(
        "places divided by the stride once, not along both axes",
        _cost(work=lambda m, c, w, s, h, v: c * w * h * v + (13 * w * w + _down(c, w, s)) * (h * v // s)),
    ),
)
