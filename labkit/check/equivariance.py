"""The cases of shift_error: functions whose error is known without measuring it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.check import library
from labkit.check.case import Case
from labkit.check.draw import Draw

Map = Callable[[Any], Any]


def either(f: Callable[[Tensor], Tensor]) -> Map:
    """Let a function of tensors take numpy arrays too, and give back what it was given."""

    def g(x: Any) -> Any:
        if type(x) is np.ndarray:
            return f(torch.from_numpy(x.copy())).numpy()
        return f(torch.as_tensor(x))

    return g


def slope(h: int, w: int, a: float, b: float) -> Tensor:
    """A plane that rises by `a` from row to row and by `b` from column to column."""
    rows, columns = torch.arange(h, dtype=torch.float64), torch.arange(w, dtype=torch.float64)
    return a * rows[:, None] + b * columns[None, :]


def valid(k: Tensor) -> Map:
    """A cross-correlation without padding: exactly equivariant."""
    return either(lambda x: library.corr2d(x.to(k.dtype), k))


def tilted(k: Tensor, a: float, b: float) -> Map:
    """A cross-correlation plus a plane: off by `abs(a * dy + b * dx)` everywhere."""
    return either(lambda x: (y := library.corr2d(x.to(k.dtype), k)) + slope(*y.shape, a, b))


def faded(a: float, b: float) -> Map:
    """The image times a plane: off by `abs(a * dy + b * dx)` times the pixel that moved."""
    return either(lambda x: x * slope(*x.shape, a, b))


def thinned(step: int) -> Map:
    """Every `step`-th row and column."""
    return either(lambda x: x[::step, ::step])


def shift_error(draw: Draw) -> list[Case]:
    """Shifts of functions with a known error: a convolution, planes added or multiplied, subsampling."""
    (h, w), (dy, dx) = draw.distinct(8, 11), draw.distinct(1, 3)
    a, b = draw.choice([(0.55, -0.7), (-0.3, 0.85), (1.15, -0.4)])
    k, x = draw.tensor(2, 3), draw.tensor(h, w)
    gap = lambda dy, dx: abs(a * dy + b * dx)
    kept = lambda dy, dx: float(x[: h - dy, : w - dx].abs().max())
    fading = lambda aspect, dy, dx: Case(
        aspect, (faded(a, b), x, dy, dx), gap(dy, dx) * kept(dy, dx), note="f multiplies pixels by a plane"
    )
    both, mixed = "f is a cross-correlation, alone or plus a plane", "f multiplies pixels by a plane"
    still, thin = "a shift of 0 on one axis", "f keeps every second row and column"
    return [
        Case(both, (tilted(k, a, b), x, dy, dx), gap(dy, dx), note="f is a cross-correlation plus a plane"),
        Case(both, (tilted(k, a, b), x, dx, dy), gap(dx, dy), note="f is a cross-correlation plus a plane"),
        Case(both, (valid(k), x, dy, dx), 0.0, note="f is a cross-correlation without padding"),
        fading(mixed, dy, dx),
        fading(mixed, dx, dy),
        fading(still, dy, 0),
        fading(still, 0, dx),
        fading(still, 0, 0),
        Case(thin, (thinned(2), slope(h, w, a, b), 1, 2), gap(1, 2), note=f"{thin} of a plane"),
        Case(thin, (thinned(2), slope(h, w, a, b), 2, 1), gap(2, 1), note=f"{thin} of a plane"),
    ]
