"""The cases of Lab 3 for functions of each number: activations and their slopes."""

from __future__ import annotations

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


def spread(draw: Draw, *shape: int, scale: float = 1.0) -> Tensor:
    """Numbers of both signs and one 0, in no order."""
    x = draw.tensor(*shape) * scale
    x.view(-1)[draw.integer(0, x.numel() - 1)] = 0
    return x


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

        made.append(case("a matrix", spread(draw, *draw.pair(3, 6), scale=1.5)))
        made.append(case("a batch of images", spread(draw, 2, 3, *draw.pair(2, 4))))
        for option in options:
            for value in (0.125, 0.5) if exact else (0.1, 0.3) if option == "slope" else (0.5, 2.5):
                given: dict[str, Any] = {option: value}
                y = spread(draw, *draw.pair(3, 6))
                made.append(Case(f"another {option}", (y,), oracle(y, **given), given, name))
        if zero:
            around = torch.tensor([1.5, 0.0, -1.5, 0.0, 1e-3, -1e-3], dtype=torch.float64) * draw.integer(
                1, 3
            )
            made.append(case(zero, around))
        far = torch.cat([spread(draw, 5, scale=30.0), torch.tensor([1000.0, -1000.0], dtype=torch.float64)])
        made.append(case(LARGE, far))
        made.append(case("float32", spread(draw, *draw.pair(3, 6)).to(FLOAT32)))
        return made

    return build


def maxout(draw: Draw) -> list[Case]:
    """The largest of several linear layers."""
    made = []
    sizes = [("two pieces", 2, torch.float64), ("more pieces", draw.integer(3, 5), torch.float64)]
    sizes += [("one piece", 1, torch.float64), ("float32", 3, FLOAT32)]
    for aspect, pieces, dtype in sizes:
        (n, d), h = draw.pair(4, 7), draw.integer(2, 3)
        args = draw.tensor(n, d, dtype=dtype), draw.tensor(pieces, d, h, dtype=dtype)
        b = draw.tensor(pieces, h, dtype=dtype)
        made.append(Case(aspect, (*args, b), library.maxout(*args, b), oracle="the largest of the layers"))
    return made


def own_backward(forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor, Tensor], Tensor]) -> Build:
    """Make the cases of a function with a backward of its own: (x, dy) to (y, dx)."""

    def build(draw: Draw) -> list[Case]:
        made = []
        sets = [("a row of numbers", (8,), torch.float64), ("a matrix", draw.pair(3, 6), torch.float64)]
        sets += [("a batch of images", (2, 3, 2, 4), torch.float64), ("float32", draw.pair(3, 6), FLOAT32)]
        for aspect, shape, dtype in sets:
            x, dy = spread(draw, *shape).to(dtype), draw.tensor(*shape, dtype=dtype)
            note = "and then backward with a random dy"
            made.append(Case(aspect, (x, dy), (forward(x), backward(x, dy)), note=note))
        return made

    return build


def relu_backward(x: Tensor, dy: Tensor) -> Tensor:
    """The gradient of `torch.relu`, by autograd."""
    return library.slope_of(lambda v: torch.relu(v) * dy)(x)


def hardtanh_backward(x: Tensor, dy: Tensor) -> Tensor:
    """The gradient of `F.hardtanh`, which the straight-through step borrows."""
    return library.slope_of(lambda v: torch.nn.functional.hardtanh(v) * dy)(x)
