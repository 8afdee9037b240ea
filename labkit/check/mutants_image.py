"""Named wrong answers for one image or signal and one kernel: library calls with one thing bent."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library
from labkit.check.case import Mutant
from labkit.check.mutants import blank, changing, usual


def _padded(x: Tensor, k: Tensor, mode: str) -> Tensor:
    (a, b), image = k.shape, x
    wide = {"same": ((b - 1) // 2, b // 2, (a - 1) // 2, a // 2), "full": (b - 1, b - 1, a - 1, a - 1)}[mode]
    return library.corr2d(F.pad(image, wide), k)


def _one_image(right: Callable[[Tensor, Tensor], Tensor], flip: bool) -> tuple[Mutant, ...]:
    corr = library.corr2d
    other = "true convolution" if not flip else "cross-correlation"

    def turned(axes: tuple[int, ...]) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda x, k: right(x, k.flip(axes))

    return (
        Mutant(f"{other}, with the kernel {'not ' if flip else ''}flipped", turned((0, 1))),
        Mutant("the kernel flipped top to bottom only", turned((1,) if flip else (0,))),
        Mutant("the kernel flipped left to right only", turned((0,) if flip else (1,))),
        Mutant("the transposed kernel", lambda x, k: right(x, k.T)),
        Mutant("the kernel turned by 90 degrees", lambda x, k: corr(x, k.rot90())),
        Mutant(
            "the right answer turned upside down and left to right", lambda x, k: right(x, k).flip((0, 1))
        ),
        Mutant("the right answer with rows and columns swapped", lambda x, k: right(x, k).T),
        Mutant(
            "the right numbers filled in column by column",
            lambda x, k: right(x, k).T.reshape(right(x, k).shape),
        ),
        Mutant(
            "a 'same' result, padded to the size of the image",
            lambda x, k: _padded(x, k.flip((0, 1)) if flip else k, "same"),
        ),
        Mutant(
            "a 'full' result, padded on all sides",
            lambda x, k: _padded(x, k.flip((0, 1)) if flip else k, "full"),
        ),
        Mutant("the right answer without its last row and column", lambda x, k: right(x, k)[:-1, :-1]),
        Mutant(
            "the right answer with its last row and column left at 0",
            lambda x, k: blank(right(x, k), slice(0, -1), slice(0, -1)),
        ),
        Mutant(
            "the first row only, the others left at 0: a return inside the loop",
            lambda x, k: blank(right(x, k), slice(0, 1)),
        ),
        Mutant(
            "the last product of each window instead of the sum of all: = instead of +=",
            lambda x, k: x[k.shape[0] - 1 :, k.shape[1] - 1 :] * (k[0, 0] if flip else k[-1, -1]),
        ),
        Mutant("the mean over the window instead of the sum", lambda x, k: right(x, k) / k.numel()),
        Mutant("the sum of each window, without the kernel", lambda x, k: corr(x, torch.ones_like(k))),
        Mutant(
            "the sum of a matrix product of window and kernel: @ instead of *",
            lambda x, k: right(x, k.sum(1).expand_as(k)),
        ),
        Mutant(
            "windows that step by the kernel's size", lambda x, k: right(x, k)[:: k.shape[0], :: k.shape[1]]
        ),
        *usual(right),
        changing(right, 1),
    )


CORR2D = _one_image(library.corr2d, flip=False)
CONVOLVE2D = (
    *_one_image(library.convolve2d, flip=True),
    Mutant("the kernel transposed instead of flipped", lambda x, k: library.corr2d(x, k.T)),
)

pad = library.pad2d
PAD2D = (
    Mutant("padding with top and bottom swapped", lambda x, n, s, w, e, value=0.0: pad(x, s, n, w, e, value)),
    Mutant("padding with left and right swapped", lambda x, n, s, w, e, value=0.0: pad(x, n, s, e, w, value)),
    Mutant(
        "padding with rows and columns swapped", lambda x, n, s, w, e, value=0.0: pad(x, w, e, n, s, value)
    ),
    Mutant(
        "padding with all sides in reverse order", lambda x, n, s, w, e, value=0.0: pad(x, e, w, s, n, value)
    ),
    Mutant("padding with 0 instead of the value", lambda x, n, s, w, e, value=0.0: pad(x, n, s, w, e)),
    Mutant(
        "padding with top and left on both sides", lambda x, n, s, w, e, value=0.0: pad(x, n, n, w, w, value)
    ),
    Mutant("padding on top and left only", lambda x, n, s, w, e, value=0.0: pad(x, n, 0, w, 0, value)),
    Mutant(
        "padding on the bottom and right only", lambda x, n, s, w, e, value=0.0: pad(x, 0, s, 0, e, value)
    ),
    Mutant(
        "padding all on the top and left", lambda x, n, s, w, e, value=0.0: pad(x, n + s, 0, w + e, 0, value)
    ),
    Mutant(
        "padding all on the bottom and right",
        lambda x, n, s, w, e, value=0.0: pad(x, 0, n + s, 0, w + e, value),
    ),
    Mutant("padding of rows only", lambda x, n, s, w, e, value=0.0: pad(x, n, s, 0, 0, value)),
    Mutant("padding of columns only", lambda x, n, s, w, e, value=0.0: pad(x, 0, 0, w, e, value)),
    Mutant(
        "padding that repeats the edge instead of filling in the value",
        lambda x, n, s, w, e, value=0.0: F.pad(x[None], (w, e, n, s), mode="replicate")[0],
    ),
    Mutant(
        "the value added to the image as well",
        lambda x, n, s, w, e, value=0.0: pad(x + value, n, s, w, e, value),
    ),
    Mutant(
        "the value filled in wherever there is a 0, in the image as well",
        lambda x, n, s, w, e, value=0.0: (y := pad(x, n, s, w, e)).masked_fill(y == 0, value),
    ),
    Mutant("the image without padding", lambda x, *a, **k: x.clone()),
    Mutant("the right answer with rows and columns swapped", lambda *a, **k: pad(*a, **k).T),
    *usual(pad),
)

merge = library.merge_kernels


def _slid(k1: Tensor, k2: Tensor) -> Tensor:
    a, b = k2.shape
    return library.corr2d(F.pad(k1, (b - 1, b - 1, a - 1, a - 1)), k2)


def _written(k1: Tensor, k2: Tensor) -> Tensor:
    """Write a copy of the first kernel for each number of the second one, with = instead of +=."""
    (h, w), merged = k1.shape, torch.zeros_like(merge(k1, k2))
    for i, row in enumerate(k2):
        for j, number in enumerate(row):
            merged[i : i + h, j : j + w] = number * k1
    return merged


MERGE_KERNELS = (
    Mutant("copies of the first kernel written over each other: = instead of +=", _written),
    Mutant(
        "copies of the second kernel written over each other: = instead of +=",
        lambda k1, k2: _written(k2, k1),
    ),
    Mutant("the second kernel slid over the padded first one without a flip", _slid),
    Mutant("the first kernel slid over the padded second one without a flip", lambda k1, k2: _slid(k2, k1)),
    Mutant("the second kernel flipped top to bottom only", lambda k1, k2: merge(k1, k2.flip(1))),
    Mutant("the second kernel flipped left to right only", lambda k1, k2: merge(k1, k2.flip(0))),
    Mutant("the merged kernel turned by 180 degrees", lambda k1, k2: merge(k1, k2).flip((0, 1))),
    Mutant("the merged kernel with rows and columns swapped", lambda k1, k2: merge(k1, k2).T),
    Mutant("the merged kernel cut to the size of the first", lambda k1, k2: _middle(merge(k1, k2), k1)),
    Mutant("only the part where the kernels overlap fully", lambda k1, k2: library.corr2d(k1, k2)),
    Mutant("the part where the flipped kernels overlap fully", lambda k1, k2: library.convolve2d(k1, k2)),
    Mutant("the sum of the kernels", lambda k1, k2: k1 + k2),
    Mutant("the kernels multiplied number by number", lambda k1, k2: k1 * k2),
    Mutant("the matrix product of the kernels", lambda k1, k2: k1 @ k2),
    Mutant("the Kronecker product, whose blocks do not overlap", torch.kron),
    Mutant("the mean of the kernels", lambda k1, k2: (k1 + k2) / 2),
    *usual(merge),
)


def _middle(k: Tensor, like: Tensor) -> Tensor:
    top, left = (k.shape[0] - like.shape[0]) // 2, (k.shape[1] - like.shape[1]) // 2
    return k[top : top + like.shape[0], left : left + like.shape[1]]


line = library.corr1d
CORR1D = (
    Mutant("true convolution, with the kernel flipped", lambda x, k, stride=1: line(x, k.flip(0), stride)),
    Mutant("the result with stride 1", lambda x, k, stride=1: line(x, k)),
    Mutant(
        "the stride missing in the slice: each window one place after the last",
        lambda x, k, stride=1: line(x, k)[: len(line(x, k, stride))],
    ),
    Mutant("a stride one too large", lambda x, k, stride=1: line(x, k, stride + 1)),
    Mutant("windows that step by the kernel's size", lambda x, k, stride=1: line(x, k, len(k))),
    Mutant(
        "windows that hang over the end of the row",
        lambda x, k, stride=1: line(F.pad(x, (0, len(k) - 1)), k, stride),
    ),
    Mutant("the right answer without its last number", lambda x, k, stride=1: line(x, k, stride)[:-1]),
    Mutant(
        "the right answer with its last number left at 0",
        lambda x, k, stride=1: blank(line(x, k, stride), slice(0, -1)),
    ),
    Mutant(
        "a 'same' result, padded to the length of the signal",
        lambda x, k, stride=1: line(F.pad(x, ((len(k) - 1) // 2, len(k) // 2)), k, stride),
    ),
    Mutant(
        "a 'full' result, padded on both ends",
        lambda x, k, stride=1: line(F.pad(x, (len(k) - 1, len(k) - 1)), k, stride),
    ),
    Mutant("the mean over the window instead of the sum", lambda x, k, stride=1: line(x, k / len(k), stride)),
    Mutant(
        "the sum of each window, without the kernel",
        lambda x, k, stride=1: line(x, torch.ones_like(k), stride),
    ),
    Mutant("the right answer in reverse order", lambda x, k, stride=1: line(x, k, stride).flip(0)),
    Mutant(
        "windows that start one place too late", lambda x, k, stride=1: line(F.pad(x[1:], (0, 1)), k, stride)
    ),
    *usual(line),
    changing(line, 1),
)
