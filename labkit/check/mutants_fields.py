"""Named wrong answers for receptive fields and probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from labkit.check import library_maps as library
from labkit.check.case import Mutant
from labkit.check.equivariance import Map
from labkit.check.mutants import changing

Pair = tuple[int, int]


def _grow(
    step: Callable[[int, int, int, int], Pair], start: Pair = (1, 1)
) -> Callable[[Sequence[Pair]], Pair]:
    """Build a receptive field that goes wrong: `step` gets field, jump, k, s."""

    def fn(layers: Sequence[Pair]) -> Pair:
        field, jump = start
        for k, s in layers:
            field, jump = step(field, jump, k, s)
        return field, jump

    return fn


RECEPTIVE_FIELD = (
    Mutant(
        "fields that grow by k - 1, whatever the strides before", _grow(lambda f, j, k, s: (f + k - 1, j * s))
    ),
    Mutant("fields that grow by k instead of k - 1", _grow(lambda f, j, k, s: (f + k * j, j * s))),
    Mutant(
        "the stride of a layer counted before its own kernel",
        _grow(lambda f, j, k, s: (f + (k - 1) * j * s, j * s)),
    ),
    Mutant(
        "the stride of the layer itself in place of those before",
        _grow(lambda f, j, k, s: (f + (k - 1) * s, j * s)),
    ),
    Mutant("strides added up instead of multiplied", _grow(lambda f, j, k, s: (f + (k - 1) * j, j + s - 1))),
    Mutant("fields multiplied by the kernel sizes", _grow(lambda f, j, k, s: (f * k, j * s))),
    Mutant(
        "a field that starts at 0 instead of 1", _grow(lambda f, j, k, s: (f + (k - 1) * j, j * s), (0, 1))
    ),
    Mutant(
        "the layers taken from the last one to the first", lambda rows: library.receptive_field(rows[::-1])
    ),
    Mutant(
        "the last stride left out of the jump",
        lambda rows: (
            library.receptive_field(rows)[0],
            library.receptive_field([*rows[:-1], (rows[-1][0], 1)])[1],
        ),
    ),
    Mutant("field and jump in the wrong order", lambda rows: library.receptive_field(rows)[::-1]),
    Mutant("the last layer alone", lambda rows: rows[-1]),
    Mutant(
        "the last layer left out", lambda rows: library.receptive_field(rows[:-1]) if rows[1:] else (1, 1)
    ),
    Mutant(
        "fields rounded down to the half: (k - 1) // 2 on one side",
        _grow(lambda f, j, k, s: (f + (k - 1) // 2 * j, j * s)),
    ),
)


def _seen(f: Map, x: Tensor, pick: Callable[[Tensor], Tensor]) -> Tensor:
    leaf = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(pick(f(leaf)), leaf)
    return gradient[0]


def _box(mask: Tensor) -> tuple[int, int, int, int]:
    rows, cols = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
    if not len(rows):
        return 0, 0, 0, 0
    return int(rows[0]), int(cols[0]), int(rows[-1] - rows[0]) + 1, int(cols[-1] - cols[0]) + 1


def _counted(mask: Tensor) -> tuple[int, int, int, int]:
    top, left, _, _ = _box(mask)
    return top, left, int(mask.any(1).sum()), int(mask.any(0).sum())


def _field(pick: Any = None, see: Any = None, turn: Any = lambda box: box, box: Any = _box) -> Any:
    """Build a box that goes wrong: what is differentiated, which pixels count, what is done with the box."""
    pick = pick or (lambda y, r, c: y[0, :, r, c].sum())
    see = see or (lambda g: (g != 0).any(0))

    def fn(f: Map, x: Tensor, row: int, col: int) -> Any:
        return turn(box(see(_seen(f, x, lambda y: pick(y, row, col)))))

    return fn


def _followed(f: Map, x: Tensor, row: int, col: int) -> Any:
    return _field()(f, x.requires_grad_(), row, col)


FIELD_OF = (
    changing(_field(), which=1),
    Mutant("changes its input x.requires_grad", _followed),
    Mutant("the box of the pixels with a gradient above 0 only", _field(see=lambda g: (g > 0).any(0))),
    Mutant(
        "only the pixels that count much: a small gradient is not 0",
        _field(see=lambda g: (g.abs() > 1e-6).any(0)),
    ),
    Mutant("the pixels that count in the first channel of x only", _field(see=lambda g: g[0] != 0)),
    Mutant("the pixels that count in the last channel of x only", _field(see=lambda g: g[-1] != 0)),
    Mutant("the pixels that count in all channels of x", _field(see=lambda g: (g != 0).all(0))),
    Mutant("the gradient added up over the channels of x", _field(see=lambda g: g.sum(0) != 0)),
    Mutant(
        "the gradient for zeros or ones, not for the numbers of x",
        lambda f, x, row, col: _field()(f, torch.zeros_like(x), row, col),
    ),
    Mutant(
        "the pixels that the first map sees, not the sum of all maps",
        _field(pick=lambda y, r, c: y[0, 0, r, c]),
    ),
    Mutant(
        "the pixels that the last map sees, not the sum of all maps",
        _field(pick=lambda y, r, c: y[0, -1, r, c]),
    ),
    Mutant(
        "height and width as the number of rows and columns that count, not last - first + 1",
        _field(box=_counted),
    ),
    Mutant("the pixels that the whole map sees", _field(pick=lambda y, r, c: y.sum())),
    Mutant("the pixels that the whole row sees", _field(pick=lambda y, r, c: y[0, :, r].sum())),
    Mutant("the pixels that the whole column sees", _field(pick=lambda y, r, c: y[0, :, :, c].sum())),
    Mutant(
        "top, left, bottom, right instead of top, left, height, width",
        _field(turn=lambda b: (b[0], b[1], b[0] + b[2] - 1, b[1] + b[3] - 1)),
    ),
    Mutant(
        "top, left and the ends behind the last pixel",
        _field(turn=lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])),
    ),
    Mutant("height and width too small by 1", _field(turn=lambda b: (b[0], b[1], b[2] - 1, b[3] - 1))),
    Mutant(
        "left and top, width and height: rows and columns swapped",
        _field(turn=lambda b: (b[1], b[0], b[3], b[2])),
    ),
    Mutant(
        "top, height, left, width: the order of the four changed",
        _field(turn=lambda b: (b[0], b[2], b[1], b[3])),
    ),
    Mutant(
        "height, width, top, left: the order of the four changed",
        _field(turn=lambda b: (b[2], b[3], b[0], b[1])),
    ),
    Mutant(
        "the box of the middle of the map",
        _field(pick=lambda y, r, c: y[0, :, y.shape[2] // 2, y.shape[3] // 2].sum()),
    ),
    Mutant("the box of the first place", _field(pick=lambda y, r, c: y[0, :, 0, 0].sum())),
    Mutant("the box of the last place", _field(pick=lambda y, r, c: y[0, :, -1, -1].sum())),
    Mutant(
        "the box of the place mirrored at the middle",
        _field(pick=lambda y, r, c: y[0, :, -1 - r, -1 - c].sum()),
    ),
)


def _best(logits: Tensor, k: int, values: Tensor, *, largest: bool = True) -> tuple[Tensor, Tensor]:
    places = logits.topk(k, largest=largest).indices
    return places.double(), values[places]


def _top(change: Callable[[Tensor, int], Any]) -> Callable[..., Any]:
    return lambda logits, names, k=5: change(logits, k)


TOP_K = (
    Mutant("the logits instead of probabilities", _top(lambda z, k: _best(z, k, z))),
    Mutant("the least probable classes", _top(lambda z, k: _best(z, k, z.softmax(0), largest=False))),
    Mutant(
        "the right classes, the least probable first",
        _top(lambda z, k: tuple(v.flip(0) for v in _best(z, k, z.softmax(0)))),
    ),
    Mutant(
        "the softmax of the best k only",
        _top(lambda z, k: (z.topk(k).indices.double(), z.topk(k).values.softmax(0))),
    ),
    Mutant("the sigmoid of each logit", _top(lambda z, k: _best(z, k, z.sigmoid()))),
    Mutant("the logarithms of the probabilities", _top(lambda z, k: _best(z, k, z.log_softmax(0)))),
    Mutant("percent instead of probabilities", _top(lambda z, k: _best(z, k, 100 * z.softmax(0)))),
    Mutant("the logits divided by their sum", _top(lambda z, k: _best(z, k, z / z.sum()))),
    Mutant("the softmax taken twice", _top(lambda z, k: _best(z, k, z.softmax(0).softmax(0)))),
    Mutant(
        "the first k classes, not sorted",
        _top(lambda z, k: (torch.arange(float(k)).double(), z.softmax(0)[:k])),
    ),
    Mutant(
        "names that do not belong to the probabilities: they were not sorted along",
        _top(lambda z, k: (torch.arange(float(k)).double(), z.softmax(0).topk(k).values)),
    ),
    Mutant("one class too many", _top(lambda z, k: _best(z, min(k + 1, len(z)), z.softmax(0)))),
    Mutant("one class only", _top(lambda z, k: _best(z, 1, z.softmax(0)))),
    Mutant("five classes, whatever k is", _top(lambda z, k: _best(z, 5, z.softmax(0)))),
    Mutant(
        "not a number: exp of large logits is infinite",
        _top(lambda z, k: _best(z, k, z.exp() / z.exp().sum())),
    ),
)
