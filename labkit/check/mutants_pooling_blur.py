"""Named wrong answers for blur-pool: the library's blur with one thing bent."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_pooling as library
from labkit.check.case import Mutant
from labkit.check.mutants import usual

Pair = tuple[int, int]
blur = library.blur_pool2d


def _blur(change: Callable[[Tensor, Pair], Tensor]) -> Callable[..., Tensor]:
    def fn(x: Tensor, stride: Pair = (2, 2)) -> Tensor:
        return change(x, stride)

    return fn


def _with(x: Tensor, s: Pair, weights: list[float], mode: str = "reflect") -> Tensor:
    k = torch.tensor(weights, dtype=x.dtype)
    low, high = (len(weights) - 1) // 2, len(weights) // 2
    padded = F.pad(x, (low, high, low, high), mode=mode)
    kernel = torch.outer(k, k).expand(x.shape[1], 1, -1, -1)
    return F.conv2d(padded, kernel, stride=s, groups=x.shape[1])


_THREE = [0.25, 0.5, 0.25]
BLUR_POOL2D = (
    Mutant("the input with a stride, not blurred", _blur(lambda x, s: x[:, :, :: s[0], :: s[1]])),
    Mutant("the blur with the stride forgotten", _blur(lambda x, s: blur(x, (1, 1)))),
    Mutant("the blur with a stride of 2 always", _blur(lambda x, s: blur(x, (2, 2)))),
    Mutant("the blur with the stride's rows and columns swapped", _blur(lambda x, s: blur(x, s[::-1]))),
    Mutant("the blur with the first stride used for both axes", _blur(lambda x, s: blur(x, (s[0], s[0])))),
    Mutant("the blur with the second stride used for both axes", _blur(lambda x, s: blur(x, (s[1], s[1])))),
    Mutant(
        "the blur of what the stride leaves: first the stride, then the blur",
        _blur(lambda x, s: blur(x[:, :, :: s[0], :: s[1]], (1, 1))),
    ),
    Mutant(
        "the blur with zeros as padding instead of reflected pixels",
        _blur(lambda x, s: _with(x, s, _THREE, "constant")),
    ),
    Mutant(
        "the blur with the edge repeated instead of reflected pixels",
        _blur(lambda x, s: _with(x, s, _THREE, "replicate")),
    ),
    Mutant(
        "the blur with the edge repeated in maps of two rows or columns",
        _blur(lambda x, s: _with(x, s, _THREE, "replicate" if min(x.shape[2:]) == 2 else "reflect")),
    ),
    Mutant(
        "the blur with pixels from the other side as padding",
        _blur(lambda x, s: _with(x, s, _THREE, "circular")),
    ),
    Mutant(
        "the blur without padding",
        _blur(lambda x, s: blur(x, (1, 1))[:, :, 1:-1, 1:-1][:, :, :: s[0], :: s[1]]),
    ),
    Mutant("a box blur: the mean of the 3 x 3 window", _blur(lambda x, s: _with(x, s, [1 / 3] * 3))),
    Mutant("the blur with weights that are not divided by 16", _blur(lambda x, s: 16 * blur(x, s))),
    Mutant("the blur with weights divided by 4 instead of 16", _blur(lambda x, s: 4 * blur(x, s))),
    Mutant("the blur rounded down, by // instead of /", _blur(lambda x, s: blur(x, s).floor())),
    Mutant(
        "zeros: the buffer is never filled, or the weights are divided by // instead of /",
        _blur(lambda x, s: 0 * blur(x, s)),
    ),
    Mutant("the blur with weights divided by 9", _blur(lambda x, s: 16 / 9 * blur(x, s))),
    Mutant("the blur along the rows only", _blur(lambda x, s: _line(x, (1, 3))[:, :, :: s[0], :: s[1]])),
    Mutant("the blur along the columns only", _blur(lambda x, s: _line(x, (3, 1))[:, :, :: s[0], :: s[1]])),
    Mutant(
        "the blur that mixes the channels",
        _blur(lambda x, s: blur(x, s).mean(1, keepdim=True).expand_as(blur(x, s))),
    ),
    Mutant(
        "the blur with the channels added up into one map",
        _blur(lambda x, s: blur(x, s).sum(1, keepdim=True)),
    ),
    Mutant("max pooling of 3 x 3 windows", _blur(lambda x, s: F.max_pool2d(x, 3, s, 1))),
    Mutant(
        "the blur that starts at row and column 1",
        _blur(lambda x, s: blur(x, (1, 1))[:, :, 1 :: s[0], 1 :: s[1]]),
    ),
    *(m for m in usual(blur) if "zeros" not in m.name),
)


def _line(x: Tensor, k: Pair) -> Tensor:
    """The blur along one axis: the weights of `k`'s longer side."""
    weights = torch.tensor(_THREE, dtype=x.dtype).view(1, 1, *k).expand(x.shape[1], -1, -1, -1)
    padded = F.pad(x, (k[1] // 2, k[1] // 2, k[0] // 2, k[0] // 2), mode="reflect")
    return F.conv2d(padded, weights, groups=x.shape[1])
