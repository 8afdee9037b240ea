"""Named wrong answers for similarities, neighbours and margins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_features as library
from labkit.check.case import Mutant
from labkit.check.mutants import changing, half, zeros

cosine = library.cosine_matrix


def _unit(x: Tensor) -> Tensor:
    return F.normalize(x, dim=1, eps=1e-300)


COSINE_MATRIX = (
    Mutant("cosines below 0 set to 0", lambda a, b: library.cosine_matrix(a, b).clamp(min=0)),
    Mutant("inner products, not divided by the lengths", lambda a, b: a @ b.T),
    Mutant("inner products divided by the lengths of a only", lambda a, b: _unit(a) @ b.T),
    Mutant("inner products divided by the lengths of b only", lambda a, b: a @ _unit(b).T),
    Mutant(
        "inner products divided by the squared lengths",
        lambda a, b: _unit(a)
        / a.norm(dim=1, keepdim=True).clamp(min=1e-12)
        @ (_unit(b) / b.norm(dim=1, keepdim=True)).T,
    ),
    Mutant(
        "not a number for a vector of zeros (0 / 0)",
        lambda a, b: (a / a.norm(dim=1, keepdim=True)) @ (b / b.norm(dim=1, keepdim=True)).T,
    ),
    Mutant("Euclidean distances", lambda a, b: torch.cdist(a, b)),
    Mutant("cosine distances: 1 minus the similarity", lambda a, b: 1 - cosine(a, b)),
    Mutant(
        "similarities of vectors whose mean was taken off (correlations)",
        lambda a, b: cosine(a - a.mean(1, True), b - b.mean(1, True)),
    ),
    Mutant("similarities without their sign (abs)", lambda a, b: cosine(a, b).abs()),
    Mutant("angles instead of their cosines", lambda a, b: cosine(a, b).clamp(-1, 1).arccos()),
    Mutant(
        "similarities with the columns scaled, not the rows",
        lambda a, b: F.normalize(a, dim=0) @ F.normalize(b, dim=0).T,
    ),
    Mutant("the similarities from b to a: rows and columns swapped", lambda a, b: cosine(a, b).T),
    Mutant(
        "similarities by the sum of absolute values in place of the length",
        lambda a, b: F.normalize(a, p=1, dim=1, eps=1e-300) @ F.normalize(b, p=1, dim=1).T,
    ),
    Mutant("the similarities of a with itself", lambda a, b: cosine(a, a)),
    Mutant(
        "a small number added to the product of the lengths: short vectors come out less similar",
        lambda a, b: (a @ b.T) / (torch.outer(a.norm(dim=1), b.norm(dim=1)) + 1e-8),
    ),
    half(cosine),
    zeros(cosine),
    changing(cosine),
)

near = library.neighbours


def _places(change: Callable[[Tensor, int], Tensor]) -> Callable[..., Any]:
    return lambda s, k: change(s, k).double()


def _away(s: Tensor) -> Tensor:
    return s.masked_fill(torch.eye(len(s), dtype=torch.bool), -torch.inf)


NEIGHBOURS = (
    Mutant("neighbours that include the image itself", _places(lambda s, k: s.topk(k).indices)),
    Mutant(
        "all but the best one, as if that were always the image itself",
        _places(lambda s, k: s.argsort(1, descending=True)[:, 1 : k + 1]),
    ),
    Mutant(
        "the least similar images",
        _places(
            lambda s, k: (-s).masked_fill(torch.eye(len(s), dtype=torch.bool), -torch.inf).topk(k).indices
        ),
    ),
    Mutant("the right neighbours, the least similar first", _places(lambda s, k: near(s, k).flip(1))),
    Mutant("neighbours by columns instead of rows", _places(lambda s, k: near(s.T, k))),
    Mutant("the similarities instead of the places", _places(lambda s, k: _away(s).topk(k).values)),
    Mutant("one neighbour, whatever k is", _places(lambda s, k: near(s, 1))),
    Mutant(
        "one neighbour too many",
        _places(
            lambda s, k: near(s, min(k + 1, len(s) - 1)) if k + 1 < len(s) else s.argsort(1, descending=True)
        ),
    ),
    Mutant("the nearest images without regard to sign (abs)", _places(lambda s, k: near(s.abs(), k))),
    Mutant("places counted from 1", _places(lambda s, k: near(s, k) + 1)),
    Mutant(
        "places in the row without the image itself: those behind it are off by one",
        _places(lambda s, k: near(s, k) - (near(s, k) > torch.arange(len(s))[:, None]).double()),
    ),
    Mutant(
        "-1 on the diagonal, which is not below all others: rounding may leave a cosine below -1",
        _places(lambda s, k: s.clone().fill_diagonal_(-1).topk(k).indices),
    ),
    Mutant(
        "-2 on the diagonal, which is below all cosines, but not below all similarities",
        _places(lambda s, k: s.clone().fill_diagonal_(-2).topk(k).indices),
    ),
    Mutant("the answer with rows and columns swapped", _places(lambda s, k: near(s, k).T)),
    Mutant("changes its input", lambda s, k: (near(s, k), s.fill_(0))[0]),
)


def _pairs(
    same: Callable[[Tensor], Any] | None = None,
    other: Callable[[Tensor], Any] | None = None,
    *,
    own: bool = False,
) -> Callable[..., Any]:
    """Bend the two numbers; each gets the similarities of its pairs."""

    def fn(s: Tensor, labels: Tensor) -> tuple[float, float]:
        alike = labels[:, None] == labels[None]
        pairs = alike if own else alike & ~torch.eye(len(s), dtype=torch.bool)
        take = same or (lambda v: v.mean())
        give = other or (lambda v: v.mean())
        return float(take(s[pairs])), float(give(s[~alike]))

    return fn


def _by_class(s: Tensor, labels: Tensor) -> tuple[float, float]:
    alike = (labels[:, None] == labels[None]) & ~torch.eye(len(s), dtype=torch.bool)
    means = [s[alike & (labels == c)[:, None]].mean() for c in sorted(set(labels.tolist()))]
    return float(torch.stack(means).mean()), library.margin(s, labels)[1]


margin = library.margin
MARGIN = (
    Mutant("pairs of an image with itself counted too", _pairs(own=True)),
    Mutant("the two numbers in the wrong order", lambda s, t: margin(s, t)[::-1]),
    Mutant("sums instead of means", _pairs(lambda v: v.sum(), lambda v: v.sum())),
    Mutant("medians instead of means", _pairs(lambda v: v.median(), lambda v: v.median())),
    Mutant("the largest similarity of two classes", _pairs(other=lambda v: v.max())),
    Mutant("the smallest similarity within a class", _pairs(lambda v: v.min())),
    Mutant(
        "the margin, and not the mean of other pairs, as the second number",
        lambda s, t: (margin(s, t)[0], margin(s, t)[0] - margin(s, t)[1]),
    ),
    Mutant(
        "the mean over all pairs as the second number",
        lambda s, t: (margin(s, t)[0], float(s[~torch.eye(len(s), dtype=torch.bool)].mean())),
    ),
    Mutant(
        "the mean over everything, the diagonal too, as the second number",
        lambda s, t: (margin(s, t)[0], float(s.mean())),
    ),
    Mutant(
        "pairs with similarity 1 left out, which need not be an image with itself",
        lambda s, t: (float(s[(t[:, None] == t[None]) & (s < 1)].mean()), margin(s, t)[1]),
    ),
    Mutant("the mean of the classes' means: small classes count as much as large ones", _by_class),
    Mutant(
        "the first image compared with the others only",
        lambda s, t: (float(s[0, 1:][t[1:] == t[0]].mean()), float(s[0, 1:][t[1:] != t[0]].mean())),
    ),
    Mutant(
        "means divided by the number of all pairs",
        lambda s, t: (
            float(s[(t[:, None] == t[None]) & ~torch.eye(len(s), dtype=torch.bool)].sum()) / len(s) ** 2,
            float(s[t[:, None] != t[None]].mean()),
        ),
    ),
    Mutant("changes its input", lambda s, t: (margin(s, t), s.fill_diagonal_(0))[0]),
)
