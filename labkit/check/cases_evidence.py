"""The cases of Lab 4 around what one number sees and what an answer rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_maps as library
from labkit.check.case import Case
from labkit.check.cases_convolution import FLOAT32, FLOAT64
from labkit.check.draw import Draw
from labkit.check.equivariance import Map, either, slope
from labkit.check.policy import is_a

WORDS = ("cat", "dog", "cup", "car", "ship", "bird", "frog", "tree", "lamp")
RESNET_START = [(7, 2), (3, 2), (3, 1), (3, 1), (3, 1)]


def receptive_field(draw: Draw) -> list[Case]:
    """Lists of (kernel size, stride): without and with strides, kernels of 1, windows smaller than steps."""
    a, b = draw.integer(0, 3), draw.integer(0, 3)
    k = (3 + a, 5 + b, 6 + a, 8 + b)
    sets: dict[str, list[list[tuple[int, int]]]] = {
        "stride 1": [[(k[0], 1), (k[1], 1)], [(k[2], 1), (k[1], 1), (k[3], 1)]],
        "strides": [[(k[0], 2), (k[1], 1)], [(k[0], 1), (k[1], 3), (k[2], 2), (k[3], 1)]],
        "a stride in the last layer": [[(k[2], 2), (k[0], 3)]],
        "kernels of 1": [[(k[0], 2), (1, 1), (k[1], 2), (1, 2), (k[2], 1)]],
        "one layer": [[(k[3], 2)]],
    }
    sets["strides"].insert(0, RESNET_START)
    return [Case(a, (s,), library.receptive_field(s)) for a, rows in sets.items() for s in rows]


def chain(draw: Draw, layers: Sequence[tuple[int, int, int]], channels: int) -> Callable[[Tensor], Tensor]:
    """A function of convolutions (kernel size, stride, padding) whose weights are all above 0."""
    kernels = []
    for number, (k, _, _) in enumerate(layers):
        kernels.append(draw.tensor(3, channels if number == 0 else 3, k, k).abs())

    def f(x: Tensor) -> Tensor:
        y = torch.as_tensor(x)
        for kernel, (_, s, p) in zip(kernels, layers, strict=True):
            y = F.conv2d(y, kernel.to(y.dtype), None, s, p)
        return y

    return f


def seeing(kernel: Tensor) -> Map:
    """One convolution, whose kernel says which pixels of which channels the places of which maps see."""
    return lambda x: F.conv2d(torch.as_tensor(x), kernel.to(torch.as_tensor(x).dtype))


def _against(kernel: Tensor) -> None:
    """Let the pixels at the rim of the box push the sum down."""
    kernel[:, :, 1:-1, 1:-1] *= -1
    kernel *= -1


def _apart(kernel: Tensor) -> None:
    """Let the first of an axis see all but the end of the box, and the last one all but its beginning."""
    kernel[0, ..., -1, :] = kernel[0, ..., -1] = kernel[1:, ..., 0, :] = kernel[1:, ..., 0] = 0


def _hole(kernel: Tensor) -> None:
    """Cut out the middle, and let the pixels at the rim of the box hardly count."""
    kernel[..., 2:4, :] = kernel[..., 2:4] = 0
    for line in (kernel[..., 0], kernel[..., -1], kernel[..., 0, :], kernel[..., -1, :]):
        line *= 1e-12


def _cancelling(kernel: Tensor) -> None:
    """Let the channels' gradients at the rim of the box cancel each other, added up."""
    kernel[:, 1, [0, -1]], kernel[:, 1, :, [0, -1]] = -kernel[:, 0, [0, -1]], -kernel[:, 0, :, [0, -1]]


def winners(draw: Draw) -> Case:
    """Max pooling: which pixels count depends on x, and here they are not those of equal numbers."""
    x = slope((12, 20), 1.0, 0.1) + draw.tensor(1, 2, 12, 20) / 999
    high, wide = (3, 7), (5, 9)  # of each channel: row and column of the winner
    x[0, [0, 1], high, wide] = 99
    answer = (high[0], wide[0], high[1] - high[0] + 1, wide[1] - wide[0] + 1)
    note = "where f is max pooling with windows of 6 x 6 and stride 2"
    pool = either(lambda x: F.max_pool2d(x, 6, 2))
    return Case("pixels that count for this x only", (pool, x, 1, 2), answer, note=note)


LOOKS: tuple[tuple[str, str, Callable[[Tensor], None]], ...] = (
    ("pixels that lower the sum", "where f is a convolution with weights above and below 0", _against),
    ("channels that see different pixels", "where f is a convolution", lambda k: _apart(k.transpose(0, 1))),
    ("maps that see different pixels", "where f is a convolution", _apart),
    ("a box with a hole", "where f is a convolution, 0 in the middle and small at the rim", _hole),
    ("channels that push against each other", "where f is a convolution", _cancelling),
)


def field_of(draw: Draw) -> list[Case]:
    """Boxes of pixels that one place of the last map sees; some are cut by the edge of the image."""
    sets = [
        ("a place in the middle", [(3, 1, 0), (3, 1, 0)], (3, 5)),
        ("a place in the middle", [(3, 2, 0), (5, 1, 0)], (1, 3)),
        ("padding, away from the edge", [(3, 2, 1), (3, 1, 1)], (3, 5)),
        ("a place at the edge", [(3, 2, 1), (3, 1, 1)], (0, 7)),
        ("a place at the edge", [(5, 1, 2), (3, 1, 1)], (1, 0)),
        ("one layer", [(3, 1, 0)], (2, 6)),
    ]
    cases = []
    for aspect, layers, (row, col) in sets:
        high, wide, answer = 14, 18, []
        for place, size in ((row, high), (col, wide)):
            sizes = [size]
            for k, s, p in layers[:-1]:
                sizes.append((sizes[-1] + 2 * p - k) // s + 1)
            low, last = library.reach(sizes, layers, place)
            answer.append((low, last - low + 1))
        (top, height), (left, width) = answer
        x = draw.tensor(1, 2, high, wide)
        note = "where f is a chain of convolutions"
        args = (chain(draw, layers, 2), x, row, col)
        cases.append(Case(aspect, args, (top, left, height, width), note=note))
    for (aspect, note, look), (row, col) in zip(LOOKS, ((2, 4), (3, 5), (4, 2), (5, 3), (3, 2)), strict=True):
        kernel = draw.tensor(3, 2, 6, 7).abs() + 0.1
        look(kernel)
        cases.append(
            Case(aspect, (seeing(kernel), draw.tensor(1, 2, 14, 18), row, col), (row, col, 6, 7), note=note)
        )
    return [*cases, winners(draw)]


def named(fn: Any) -> Any:
    """Turn a student's top_k into one that gives (places of the names, probabilities)."""

    def read(logits: Tensor, names: Sequence[str], **k: int) -> Any:
        rows = fn(logits, tuple(names), *k.values())
        if not is_a(rows, list, tuple) or not all(is_a(row, list, tuple) and len(row) == 2 for row in rows):
            return rows
        if not all(is_a(name, str, np.str_) and str(name) in names for name, _ in rows):
            raise LookupError("each row should begin with one of the names")
        places = torch.tensor([float(names.index(str(name))) for name, _ in rows], dtype=FLOAT64)
        return places, [value for _, value in rows]

    return read


def top_k(draw: Draw) -> list[Case]:
    """Logits of several classes: the best names and their probabilities."""
    cases = []
    sets = [
        ("k = 3", 6, {"k": 3}),
        ("k = 3", 9, {"k": 3}),
        ("k = 1", 7, {"k": 1}),
        ("k is 5 if not given", 8, {}),
        ("large logits", 6, {"k": 2}),
    ]
    for aspect, classes, kwargs in sets:
        steps = torch.linspace(-2, 3, classes, dtype=FLOAT64) ** 3 / 6
        order = draw.shuffled(torch.arange(classes))
        while order[0] == classes - 1:  # the best one is never the first
            order = draw.shuffled(order)
        logits = (steps + 0.05 * torch.rand(classes, generator=draw.generator, dtype=FLOAT64))[order]
        logits = logits + 800 if aspect == "large logits" else logits
        best = logits.softmax(0).topk(kwargs.get("k", 5))
        answer = (best.indices.double(), best.values)
        cases.append(Case(aspect, (logits, WORDS[:classes]), answer, kwargs, "torch.topk of the softmax"))
    return cases


def answering(table: Tensor, power: int = 1) -> Map:
    """A function of an image that gives one number: the sum of image times table, to a power."""
    return either(lambda x: (table * x.to(table.dtype)).sum() ** power)


def occlusion_map(draw: Draw) -> list[Case]:
    """How much one number falls when a box of the image is covered; known from sums over boxes."""
    sets: list[tuple[str, tuple[int, int], tuple[int, int], dict[str, float], int]] = [
        ("boxes side by side", (2, 3), (2, 3), {}, 1),
        ("boxes that overlap", (3, 4), (1, 2), {}, 1),
        ("a colour to cover with", (2, 3), (2, 2), {"fill": 0.75}, 1),
        ("steps that leave places over", (3, 2), (2, 3), {"fill": -0.5}, 1),
        ("an f that is not linear", (2, 3), (2, 2), {}, 2),
    ]
    cases = []
    for aspect, size, stride, kwargs, power in sets:
        x = draw.tensor(3, 8, 12)
        table = draw.tensor(3, 8, 12)
        weighted = (table * (x - kwargs.get("fill", 0.0))).sum(0)
        lost = F.avg_pool2d(weighted[None], size, stride)[0] * size[0] * size[1]
        whole = (table * x).sum()
        answer = lost if power == 1 else whole**2 - (whole - lost) ** 2
        args = (answering(table, power), x, size, stride)
        cases.append(Case(aspect, args, answer, kwargs, note="where f gives one number"))
    return cases


def cam(draw: Draw) -> list[Case]:
    """Maps added up with the weights of one class."""
    cases = []
    for aspect, dtype in (("several classes", FLOAT64), ("several classes", FLOAT64), ("float32", FLOAT32)):
        maps, weights = draw.tensor(5, 3, 6).to(dtype), _signed(draw.tensor(4, 5)).to(dtype)
        cases.append(Case(aspect, (maps, weights, 2), library.cam(maps, weights, 2), oracle="F.conv2d"))
    maps, weights = draw.tensor(6, 4, 3), _signed(draw.tensor(6, 6))
    answer = library.cam(maps, weights, 4)
    cases.insert(2, Case("as many classes as maps", (maps, weights, 4), answer, oracle="F.conv2d"))
    return cases


def _signed(weights: Tensor) -> Tensor:
    """Give every class a weight of either sign."""
    weights[:, 0], weights[:, 1] = weights[:, 0].abs(), -weights[:, 1].abs()
    return weights


def grad_cam(draw: Draw) -> list[Case]:
    """Heads whose gradient is known: mean and linear layer, a table for each place, the square of that."""
    cases = []
    for aspect in ("a linear head on the means", "a head that looks at places", "a head that is not linear"):
        for label in (1, 3):
            kernel, table, x, power, answer = _explained(draw, aspect, label)
            args = (_features(kernel), _head(table, power), x, label)
            cases.append(Case(aspect, args, answer, note="where features and head are functions"))
    return cases


def _explained(draw: Draw, aspect: str, label: int) -> tuple[Tensor, Tensor, Tensor, int, Tensor]:
    """Draw until some places speak for the class, some against it, and another has the largest logit."""
    power = 2 if aspect.endswith("not linear") else 1
    while True:
        kernel, x = draw.tensor(4, 3, 2, 3), draw.tensor(1, 3, 6, 9)
        maps = F.conv2d(x, kernel).relu()
        table = draw.tensor(5, 4, 5, 7) / 70
        if aspect.startswith("a linear"):
            table = table[:, :, :1, :1].expand(-1, -1, 5, 7)
        total = (table[label] * maps[0]).sum()
        slope = table[label] * (power * total ** (power - 1))
        answer = (slope.mean((1, 2))[:, None, None] * maps[0]).sum(0)
        logits = (table * maps).sum((1, 2, 3)) ** power
        if logits.argmax() != label and min(int((answer > 0.01).sum()), int((answer < -0.01).sum())) >= 5:
            return kernel, table, x, power, answer.relu()


def _features(kernel: Tensor) -> Map:
    return lambda x: F.conv2d(torch.as_tensor(x).to(kernel.dtype), kernel).relu()


def _head(table: Tensor, power: int) -> Map:
    return lambda maps: torch.einsum("kchw,nchw->nk", table, torch.as_tensor(maps).to(table.dtype)) ** power
