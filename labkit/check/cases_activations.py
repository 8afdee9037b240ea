"""The cases of Lab 3 for functions of each number: activations and their slopes.

Every tensor holds numbers of all kinds that a mistake may tell apart: of both signs, within 1 and beyond, and
0. So a wrong function fails the same cases under every seed; the numbers and their places are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from labkit.check import library_activations as library
from labkit.check.case import Case
from labkit.check.draw import Draw

FLOAT32 = torch.float32
LARGE = "numbers as large as 1000"
Build = Callable[[Draw], list[Case]]


Range = tuple[float, float]
WITHIN, BEYOND, WIDE = (0.55, 0.9), (1.2, 2.0), (2.1, 3.2)
FAR: tuple[Range, ...] = ((7.5, 9), (30, 60))


def between(draw: Draw, ranges: Tensor) -> Tensor:
    """Draw one number in each range, (..., 2) to (...)."""
    part = torch.rand(ranges.shape[:-1], generator=draw.generator, dtype=torch.float64)
    return torch.lerp(ranges[..., 0], ranges[..., 1], part)


def kinds(*ranges: Range) -> Tensor:
    """All ranges with both signs, and 0: (K, 2)."""
    return torch.tensor([(0.0, 0.0), *ranges, *((-a, -b) for a, b in ranges)], dtype=torch.float64)


def spread(draw: Draw, *shape: int, beyond: Range = BEYOND) -> Tensor:
    """Numbers of both signs, within 1 and beyond, and 0, in no order; at least 5."""
    table = kinds(WITHIN, beyond)
    which = draw.shuffled(torch.arange(math.prod(shape)) % len(table))
    return between(draw, table[which]).reshape(shape)


def spread_pairs(draw: Draw, *shape: int, table: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers of all kinds in a table, each with gradients of both signs, within 1 and beyond."""
    which = draw.shuffled(torch.arange(math.prod(shape)) % (4 * len(table)))
    x, dy = between(draw, table[which // 4]), between(draw, kinds(WITHIN, BEYOND)[1 + which % 4])
    return x.reshape(shape), dy.reshape(shape)


def matrix(draw: Draw) -> tuple[int, int]:
    """A matrix that is wider than high."""
    return draw.integer(3, 4), draw.integer(5, 6)


def each_number(
    oracle: Callable[..., Tensor], name: str, *, zero: str = "", exact: bool = False, **options: float
) -> Build:
    """Make the cases of a function of each number.

    Args:
        oracle: the right answer.
        name: what gives it, for the message.
        zero: the aspect of a case around 0, where that matters.
        exact: give the option as a number that float32 holds exactly, but for one case.
        options: a parameter and its default; it is tried with other values too.
    """

    def build(draw: Draw) -> list[Case]:
        small = torch.tensor([-2, -1, -0.5, 0, 0.5, 1, 2], dtype=torch.float64)
        first = small if draw.published else spread(draw, 7)
        usual = dict.fromkeys(options, 0.25) if exact else {}
        made = [
            Case(
                "a row of numbers", (first,), oracle(first, **usual), dict(usual), name, small=draw.published
            )
        ]
        if exact:
            made.append(Case("no option given", (first,), oracle(first), oracle=name))

        def case(aspect: str, x: Tensor) -> Case:
            return Case(aspect, (x,), oracle(x, **usual), dict(usual), name)

        made.append(case("a matrix", spread(draw, *matrix(draw), beyond=WIDE)))
        made.append(case("a batch of images", spread(draw, 2, 3, 2, 4)))
        for option in options:
            for value in (0.125, 0.5) if exact else (0.1, 0.3) if option == "slope" else (0.5, 2.5):
                given: dict[str, Any] = {option: value}
                y = spread(draw, *matrix(draw))
                made.append(Case(f"another {option}", (y,), oracle(y, **given), given, name))
        if zero:
            around = torch.tensor([1.5, 0.0, -1.5, 0.0, 1e-3, -1e-3], dtype=torch.float64) * draw.integer(
                1, 3
            )
            made.append(case(zero, around))
        far = torch.cat([between(draw, kinds(*FAR)), torch.tensor([1000.0, -1000.0], dtype=torch.float64)])
        made.append(case(LARGE, far))
        made.append(case("float32", spread(draw, *matrix(draw), beyond=WIDE).to(FLOAT32)))
        return made

    return build


def maxout(draw: Draw) -> list[Case]:
    """The largest of several linear layers; the first unit is below 0 in all of them."""
    made = []
    sets = [("two pieces", 2, 3, torch.float64), ("more pieces", 5, 3, torch.float64)]
    sets += [("one piece", 1, 2, torch.float64), ("float32", 3, 4, FLOAT32)]
    for aspect, pieces, h, dtype in sets:
        n, d = draw.integer(6, 8), 4
        args = draw.tensor(n, d, dtype=dtype), draw.tensor(pieces, d, h, dtype=dtype)
        b = draw.tensor(pieces, h, dtype=dtype)
        b[:, 0] -= 30
        made.append(Case(aspect, (*args, b), library.maxout(*args, b), oracle="the largest of the layers"))
    return made


def own_backward(
    forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor, Tensor], Tensor], *, edges: bool = False
) -> Build:
    """Make the cases of a function with a backward of its own, (x, dy) to (y, dx); edges: -1 and 1 too."""

    aspects = ("a row of numbers", "a matrix", "a batch of images", "float32")

    def build(draw: Draw) -> list[Case]:
        made = []
        shapes = [(draw.integer(20, 24),), (4, draw.integer(5, 6)), (2, 3, 2, 4), (4, draw.integer(5, 6))]
        for aspect, shape in zip(aspects, shapes, strict=True):
            pairs = spread_pairs(draw, *shape, table=kinds(WITHIN, BEYOND))
            x, dy = (v.to(FLOAT32 if aspect == "float32" else v.dtype) for v in pairs)
            note = "and then backward with a random dy"
            made.append(Case(aspect, (x, dy), (forward(x), backward(x, dy)), note=note))
        if edges:
            x, dy = spread_pairs(draw, 8, table=torch.tensor([[-1.0, -1], [1, 1]], dtype=torch.float64))
            made.append(Case("x at -1 and 1", (x, dy), (forward(x), backward(x, dy)), note=note))
        return made

    return build


def relu_backward(x: Tensor, dy: Tensor) -> Tensor:
    """The gradient of `torch.relu`, by autograd."""
    return library.slope_of(lambda v: torch.relu(v) * dy)(x)


def pass_backward(x: Tensor, dy: Tensor) -> Tensor:
    """The gradient of `F.hardtanh`, which the straight-through step borrows; a bit wider, to hold 1."""
    return library.slope_of(lambda v: torch.nn.functional.hardtanh(v, -1.001, 1.001) * dy)(x)
