"""The cases of shift_error, functions whose error is known without measuring it, and named wrong answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library
from labkit.check.case import Case, Mutant
from labkit.check.draw import Draw

Map = Callable[[Any], Any]


def either(f: Callable[[Tensor], Tensor]) -> Map:
    """Let a function of tensors take numpy arrays too, and give back what it was given."""

    def g(x: Any) -> Any:
        if type(x) is np.ndarray:
            return f(torch.from_numpy(x.copy())).numpy()
        return f(torch.as_tensor(x))

    return g


def slope(shape: Sequence[int], a: float, b: float) -> Tensor:
    """A plane that rises by `a` from row to row and by `b` from column to column."""
    rows, columns = (torch.arange(n, dtype=torch.float64) for n in shape)
    return a * rows[:, None] + b * columns[None, :]


def valid(k: Tensor) -> Map:
    """A cross-correlation without padding: exactly equivariant."""
    return either(lambda x: library.corr2d(x.to(k.dtype), k))


def tilted(k: Tensor, a: float, b: float) -> Map:
    """A cross-correlation plus a plane: off by `abs(a * dy + b * dx)` everywhere."""
    return either(lambda x: (y := library.corr2d(x.to(k.dtype), k)) + slope(y.shape, a, b))


def faded(a: float, b: float) -> Map:
    """The image times a plane: off by `abs(a * dy + b * dx)` times the pixel that moved."""
    return either(lambda x: x * slope(x.shape, a, b))


def thinned(step: int) -> Map:
    """Every `step`-th row and column."""
    return either(lambda x: x[::step, ::step])


def shift_error(draw: Draw) -> list[Case]:
    """Shifts of functions with a known error: a convolution, planes added or multiplied, subsampling.

    The planes are always inclined the same way and only drawn more or less steep, as one scale for all.
    """
    more, (dy, dx) = 2 * draw.integer(0, 2), (3, 1)
    h, w, scale = 8 + more, 11 + more, draw.integer(15_000, 45_000) / 20_000
    a, b, q, rows = 0.55 * scale, -0.7 * scale, 0.25 * scale, (h + 1) // 2
    k, x = draw.tensor(2, 3), draw.tensor(h, w)
    x[0, 0], x[-1, -1] = 2.75, -3.5  # the corners that only one of two ways of cropping sees

    def gap(dy: int, dx: int) -> float:
        return abs(a * dy + b * dx)

    def tilting(sign: int) -> Case:
        note = "where f is a cross-correlation plus a plane"
        return Case(core, (tilted(k, sign * a, sign * b), x, dy, dx), gap(dy, dx), note=note)

    def fading(aspect: str, dy: int, dx: int) -> Case:
        error = gap(dy, dx) * float(x[: h - dy, : w - dx].abs().max())
        return Case(aspect, (faded(a, b), x, dy, dx), error, note="where f multiplies pixels by a plane")

    def thinning(dy: int, dx: int) -> Case:
        bowl = slope((h, 1), 1, 0).square() * q + slope((h, w), 0, scale)
        error = q * (4 * (rows - dy - 1) * dy + dy * dy) + scale * dx
        return Case(thin, (thinned(2), bowl, dy, dx), error, note=f"where {thin}")

    core, still, thin = "two shifts", "a shift of 0 on one axis", "f keeps every second row and column"
    return [
        tilting(1),
        tilting(-1),
        fading(core, dy, dx),
        fading(core, dx, dy),
        Case(core, (valid(k), x, dy, dx), 0.0, note="where f is a cross-correlation without padding"),
        fading(still, dy, 0),
        fading(still, 0, dx),
        fading(still, 0, 0),
        thinning(1, 2),
        thinning(2, 1),
    ]


def moved(f: Map, x: Tensor, dy: int, dx: int) -> tuple[Tensor, Tensor]:
    """`f` of the rolled image, and the rolled `f` of the image."""
    return f(x.roll((dy, dx), (0, 1))), f(x).roll((dy, dx), (0, 1))


def _gap(measure: Callable[[Tensor], Tensor], crop: bool = True) -> Callable[..., float]:
    def fn(f: Map, x: Tensor, dy: int, dx: int) -> float:
        a, b = moved(f, x, dy, dx)
        return float(measure((a - b)[dy:, dx:] if crop else a - b))

    return fn


def _still(f: Map, x: Tensor, dy: int, dx: int) -> float:
    return float(torch.dist(f(x.roll((dy, dx), (0, 1))), f(x), p=float("inf")))


def _unshifted(f: Map, x: Tensor, dy: int, dx: int) -> float:
    y = f(x)
    return float(torch.dist(y[dy:, dx:], y[: len(y) - dy, : y.shape[1] - dx], p=float("inf")))


def _rolled(x: Tensor, sides: tuple[int, ...]) -> Tensor:
    return x.roll((sides[2], sides[0]), (0, 1))


def _opposite(shift: Callable[..., Tensor]) -> Callable[..., float]:
    def fn(f: Map, x: Tensor, dy: int, dx: int) -> float:
        y, moved = f(x), f(shift(x, (-dx, dx, -dy, dy)))
        return float(torch.dist(moved[dy:, dx:], y[: len(y) - dy, : y.shape[1] - dx], p=float("inf")))

    return fn


def _crops(f: Map, x: Tensor, dy: int, dx: int) -> float:
    a, b = f(x[dy:, dx:]), f(x)[dy:, dx:]
    return float(torch.dist(a[: len(b), : b.shape[1]], b[: len(a), : a.shape[1]], p=float("inf")))


def _zeros(f: Map, x: Tensor, dy: int, dx: int) -> float:
    def shift(t: Tensor) -> Tensor:
        return F.pad(t, (dx, -dx, dy, -dy))

    return float(torch.dist(f(shift(x)), shift(f(x)), p=float("inf")))


_LARGEST = _gap(lambda t: t.abs().max())
SHIFT_ERROR = (
    Mutant("the mean difference instead of the largest", _gap(lambda t: t.abs().mean())),
    Mutant("the sum of the differences instead of the largest", _gap(lambda t: t.abs().sum())),
    Mutant("the root of the mean square instead of the largest", _gap(lambda t: t.square().mean().sqrt())),
    Mutant("the largest squared difference", _gap(lambda t: t.square().max())),
    Mutant("the largest difference without abs: f(shift(x)) - shift(f(x))", _gap(torch.max)),
    Mutant("the largest difference without abs: shift(f(x)) - f(shift(x))", _gap(lambda t: (-t).max())),
    Mutant("the smallest difference", _gap(lambda t: t.abs().min())),
    Mutant("half the range of the differences", _gap(lambda t: (t.max() - t.min()) / 2)),
    Mutant(
        "the difference over the whole output, with wrapped pixels", _gap(lambda t: t.abs().max(), crop=False)
    ),
    Mutant("the difference over the whole output, with the zeros that came in", _zeros),
    Mutant("f(shift(x)) compared with f(x), which is not shifted", _still),
    Mutant("f(x) compared with itself: the image is never shifted", _unshifted),
    Mutant("an image moved up and to the left, with zeros coming in", _opposite(F.pad)),
    Mutant("an image moved up and to the left, with wrapped pixels", _opposite(_rolled)),
    Mutant("f of a cropped image compared with the cropped f(x)", _crops),
    Mutant("the answer with dy and dx swapped", lambda f, x, dy, dx: _LARGEST(f, x, dx, dy)),
    Mutant("the answer with a shift down only", lambda f, x, dy, dx: _LARGEST(f, x, dy, 0)),
    Mutant(
        "the answer with a shift to the right only",
        lambda f, x, dy, dx: _LARGEST(f, x, 0, dx),
    ),
    Mutant(
        "the answer with a shift by one pixel",
        lambda f, x, dy, dx: _LARGEST(f, x, min(dy, 1), min(dx, 1)),
    ),
    Mutant("0, as if every f were equivariant", lambda f, x, dy, dx: 0.0),
    Mutant("the root of the sum of squares instead of the largest", _gap(lambda t: t.norm())),
    Mutant("changes its input", lambda f, x, dy, dx: (_LARGEST(f, x, dy, dx), x.mul_(2))[0]),
)
