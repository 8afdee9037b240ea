"""Named wrong answers for global pooling, heads and shift curves."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_pooling as library
from labkit.check.case import Mutant
from labkit.check.equivariance import Map
from labkit.check.mutants import double, half, usual

Pair = tuple[int, int]
every = library.global_avg_pool
GLOBAL_AVG_POOL = (
    Mutant("the largest number of each map: global max pooling", lambda x: x.amax((2, 3))),
    Mutant("the sum of each map", lambda x: x.sum((2, 3))),
    Mutant(
        "the answer of shape (N, C, 1, 1): the axes of size 1 are kept",
        lambda x: x.mean((2, 3), keepdim=True),
    ),
    Mutant(
        "all axes of size 1 squeezed away, also that of a single image",
        lambda x: x.mean((2, 3), keepdim=True).squeeze(),
    ),
    Mutant("the mean over the channels: one number for each place", lambda x: x.mean(1)),
    Mutant("the mean over the images", lambda x: x.mean(0)),
    Mutant("the mean over the rows only", lambda x: x.mean(2)),
    Mutant("the mean over the columns only", lambda x: x.mean(3)),
    Mutant("the mean over channels and places: one number for each image", lambda x: x.mean((1, 2, 3))),
    Mutant("the mean over images and places: one number for each channel", lambda x: x.mean((0, 2, 3))),
    Mutant("the mean of everything", lambda x: x.mean()),
    Mutant("the answer with images and channels swapped", lambda x: every(x).T),
    Mutant("the maps flattened to (N, C*H*W)", lambda x: x.flatten(1)),
    Mutant("the sum divided by the height only", lambda x: x.sum((2, 3)) / x.shape[2]),
    Mutant("the sum divided by the width only", lambda x: x.sum((2, 3)) / x.shape[3]),
    Mutant("the sum divided by the height squared", lambda x: x.sum((2, 3)) / x.shape[2] ** 2),
    Mutant("the median of each map", lambda x: x.flatten(2).median(2).values),
    Mutant("the mean over channels and rows: one number for each column", lambda x: x.mean((1, 2))),
    *usual(every),
)

head = library.head_params


def _heads(flat: Callable[..., float], pooled: Callable[..., float]) -> Callable[..., tuple[float, float]]:
    """Bend the two counts; each gets (right count, channels, height, width, classes)."""

    def fn(channels: int, height: int, width: int, classes: int) -> tuple[float, float]:
        rest = (channels, height, width, classes)
        return flat(head(*rest)[0], *rest), pooled(head(*rest)[1], *rest)

    return fn


HEAD_PARAMS = (
    Mutant("the counts without the biases", _heads(lambda n, c, h, w, k: n - k, lambda n, c, h, w, k: n - k)),
    Mutant(
        "the counts with one bias in all",
        _heads(lambda n, c, h, w, k: n - k + 1, lambda n, c, h, w, k: n - k + 1),
    ),
    Mutant(
        "the counts with a bias for each input",
        _heads(lambda n, c, h, w, k: n - k + c * h * w, lambda n, c, h, w, k: n - k + c),
    ),
    Mutant("the two counts in the wrong order", lambda *a: head(*a)[::-1]),
    Mutant(
        "the counts with the height squared", _heads(lambda n, c, h, w, k: c * h * h * k + k, lambda n, *_: n)
    ),
    Mutant(
        "the counts with the width squared", _heads(lambda n, c, h, w, k: c * w * w * k + k, lambda n, *_: n)
    ),
    Mutant(
        "the counts with height and width forgotten", _heads(lambda n, c, h, w, k: c * k + k, lambda n, *_: n)
    ),
    Mutant(
        "the counts with height and width added",
        _heads(lambda n, c, h, w, k: c * (h + w) * k + k, lambda n, *_: n),
    ),
    Mutant(
        "the counts with the channels forgotten",
        _heads(lambda n, c, h, w, k: h * w * k + k, lambda n, c, h, w, k: k + k),
    ),
    Mutant(
        "the counts with the pooled head on h * w places instead of channels",
        _heads(lambda n, *_: n, lambda n, c, h, w, k: h * w * k + k),
    ),
    Mutant(
        "the counts with the same head twice: pooling changes nothing",
        _heads(lambda n, *_: n, lambda n, c, h, w, k: c * h * w * k + k),
    ),
    Mutant("the counts with a pooled head without parameters", _heads(lambda n, *_: n, lambda n, *_: 0)),
    Mutant(
        "the counts with parameters for the pooling itself",
        _heads(lambda n, *_: n, lambda n, c, h, w, k: n + h * w),
    ),
    Mutant(
        "the counts with the biases times the places",
        _heads(lambda n, c, h, w, k: n - k + k * h * w, lambda n, *_: n),
    ),
    Mutant("the right counts as floats: use // not /", lambda *a: tuple(float(v) for v in head(*a))),
)

Measure = Callable[[Tensor, Tensor], Tensor]


def _curve(measure: Measure, move: Callable[[Tensor, int], Tensor] | None = None) -> Callable[..., Tensor]:
    """Measure f of the moved image against f of the image, for shifts from 0 to `most`."""
    shift = move or (lambda x, d: x.roll(d, 1))

    def fn(f: Map, x: Tensor, most: int) -> Tensor:
        return torch.stack([measure(f(shift(x, d)), f(x)) for d in range(most + 1)])

    return fn


def _ratio(after: Tensor, before: Tensor) -> Tensor:
    ratio: Tensor = torch.dist(after, before, p=1) / torch.linalg.vector_norm(before, 1)
    return ratio


right = _curve(_ratio)
SHIFT_CURVE = (
    Mutant("the curve not divided by the size of f(x)", _curve(lambda a, b: torch.dist(a, b, p=1))),
    Mutant("the curve as a mean difference, not divided", _curve(lambda a, b: (a - b).abs().mean())),
    Mutant(
        "the curve with squares instead of absolute values",
        _curve(lambda a, b: (a - b).square().sum() / b.square().sum()),
    ),
    Mutant(
        "the curve with Euclidean lengths",
        _curve(lambda a, b: torch.dist(a, b) / torch.linalg.vector_norm(b)),
    ),
    Mutant("the curve with the largest difference", _curve(lambda a, b: (a - b).abs().max() / b.abs().max())),
    Mutant("the curve without absolute values: changes cancel", _curve(lambda a, b: (a - b).sum() / b.sum())),
    Mutant(
        "the curve with abs after the sum: changes cancel",
        _curve(lambda a, b: (a - b).sum().abs() / b.abs().sum()),
    ),
    Mutant(
        "the curve with abs after both sums: changes cancel",
        _curve(lambda a, b: (a - b).sum().abs() / b.sum().abs()),
    ),
    Mutant(
        "the curve divided by the sum of f(x) without absolute values",
        _curve(lambda a, b: torch.dist(a, b, p=1) / b.sum()),
    ),
    Mutant(
        "the curve divided by the shifted map",
        _curve(lambda a, b: torch.dist(a, b, p=1) / torch.linalg.vector_norm(a, 1)),
    ),
    Mutant("the curve for shifts down instead of to the right", _curve(_ratio, lambda x, d: x.roll(d, 0))),
    Mutant("the curve for shifts to the left", _curve(_ratio, lambda x, d: x.roll(-d, 1))),
    Mutant("the curve for shifts down and to the right", _curve(_ratio, lambda x, d: x.roll((d, d), (0, 1)))),
    Mutant("the curve for shifts with zeros coming in", _curve(_ratio, lambda x, d: F.pad(x, (d, -d)))),
    Mutant("the curve for shifts of the flattened image", _curve(_ratio, lambda x, d: x.roll(d))),
    Mutant("the curve without the last shift", lambda f, x, most: right(f, x, most)[:-1]),
    Mutant("the curve that begins with a shift of 1", lambda f, x, most: right(f, x, most)[1:]),
    Mutant(
        "the curve shifted by one place: shifts 1 to most + 1", lambda f, x, most: right(f, x, most + 1)[1:]
    ),
    Mutant("the curve with the changes from one shift to the next", lambda f, x, most: _steps(f, x, most)),
    Mutant(
        "shifts that pile up: the image that was moved is moved again by d",
        lambda f, x, most: _piled(f, x, most),
    ),
    Mutant("the changes added up from shift to shift", lambda f, x, most: right(f, x, most).cumsum(0)),
    Mutant("the curve of x instead of f(x)", lambda f, x, most: right(lambda t: t, x, most)),
    Mutant(
        "the curve of a shift of the map: f(x) moved instead of x", lambda f, x, most: _of_map(f, x, most)
    ),
    Mutant(
        "zeros: the buffer is never filled", lambda f, x, most: torch.zeros(most + 1, dtype=torch.float64)
    ),
    half(right),
    double(right),
    Mutant("the curve as a mean of ratios, place by place", _curve(lambda a, b: ((a - b) / b).abs().mean())),
    Mutant("changes its input", lambda f, x, most: (right(f, x, most), x.mul_(2))[0]),
)


def _steps(f: Map, x: Tensor, most: int) -> Tensor:
    gaps = [torch.zeros((), dtype=x.dtype)]
    gaps += [_ratio(f(x.roll(d, 1)), f(x.roll(d - 1, 1))) for d in range(1, most + 1)]
    return torch.stack(gaps)


def _piled(f: Map, x: Tensor, most: int) -> Tensor:
    return torch.stack([_ratio(f(x.roll(d * (d + 1) // 2, 1)), f(x)) for d in range(most + 1)])


def _of_map(f: Map, x: Tensor, most: int) -> Tensor:
    y = f(x)
    return torch.stack([_ratio(y.roll(d, -1) if y.ndim else y, y) for d in range(most + 1)])
