"""Named wrong answers of Lab 6 for results: confusion, errors by class, calibration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_cifar as library
from labkit.check.mutants_pictures import named

Bend = Callable[..., Any]
table = library.confusion


def _ones(truth: Tensor, predicted: Tensor, classes: int) -> Tensor:
    matrix = torch.zeros(classes, classes, dtype=torch.long)
    matrix[truth, predicted] = 1
    return matrix


def _seen_only(truth: Tensor, predicted: Tensor, classes: int) -> Tensor:
    return table(truth, predicted, int(max(truth.max(), predicted.max())) + 1)


CONFUSION = named(
    ("the table turned: the predicted classes as rows", lambda t, p, c: table(p, t, c)),
    ("ones where something occurs: a cell that is hit again does not count up", _ones),
    ("the errors only: nothing on the diagonal", lambda t, p, c: table(t, p, c).fill_diagonal_(0)),
    ("the hits only: nothing off the diagonal", lambda t, p, c: table(t, p, c).diagonal().diag()),
    ("shares of each row in place of counts",
     lambda t, p, c: table(t, p, c) / table(t, p, c).sum(1, keepdim=True)),
    ("shares of all pictures in place of counts", lambda t, p, c: table(t, p, c) / len(t)),
    ("a table that is as large as the classes that occur", _seen_only),
    ("both ways added: a symmetric table", lambda t, p, c: table(t, p, c) + table(t, p, c).T),
    ("the true classes counted on both axes", lambda t, p, c: table(t, t, c)),
    ("the last picture left out", lambda t, p, c: table(t[:-1], p[:-1], c)),
    ("classes counted from 1: everything moved down by one",
     lambda t, p, c: table((t + 1) % c, (p + 1) % c, c)),
    ("counts that start at 1", lambda t, p, c: table(t, p, c) + 1),
)  # fmt: skip


def _ranked(bend: Callable[[Tensor], Tensor], **how: Any) -> Bend:
    """Rank a bent matrix, and report its own numbers."""

    def fn(matrix: Tensor, k: int) -> Tensor:
        counts, places = bend(matrix.clone()).flatten().topk(k, **how)
        return torch.stack([places // len(matrix), places % len(matrix), counts], 1)

    return fn


def _off(matrix: Tensor) -> Tensor:
    return matrix.fill_diagonal_(0)


def _smallest(matrix: Tensor, k: int) -> Tensor:
    big = matrix.clone().fill_diagonal_(int(matrix.max()) + 1)
    counts, places = big.flatten().topk(k, largest=False)
    return torch.stack([places // len(matrix), places % len(matrix), counts], 1)


def _once(matrix: Tensor, k: int) -> Tensor:
    """The worst mistake of each row, the rows in order of these counts."""
    counts, columns = _off(matrix.clone()).max(1)
    order = counts.argsort(descending=True)
    rows = torch.stack([order, columns[order], counts[order]], 1)
    return rows[:k]


worst = library.worst_pairs
WORST_PAIRS = named(
    ("hits among the mistakes: the diagonal was not left out", _ranked(lambda m: m)),
    ("rows and columns swapped: (predicted, truth, count)", lambda m, k: worst(m, k)[:, [1, 0, 2]]),
    ("the smallest count first", lambda m, k: worst(m, k).flip(0)),
    ("the rarest mistakes in place of the most frequent", _smallest),
    ("both directions of a pair added up", _ranked(lambda m: _off(m + m.T).triu())),
    ("one pair too many", lambda m, k: worst(m, k + 1)),
    ("the count first: (count, truth, predicted)", lambda m, k: worst(m, k)[:, [2, 0, 1]]),
    ("classes counted from 1", lambda m, k: worst(m, k) + torch.tensor([1, 1, 0])),
    ("one mistake for each true class", _once),
    ("only pairs above the diagonal", _ranked(lambda m: _off(m).triu())),
    ("only pairs below the diagonal", _ranked(lambda m: _off(m).tril())),
    ("counts of 0", lambda m, k: worst(m, k) * torch.tensor([1, 1, 0])),
)  # fmt: skip


def _share(along: int) -> Bend:
    return lambda m: torch.nan_to_num(m.double().diagonal() / m.double().sum(along))


found = library.recall
RECALL = named(
    ("the precision: hits over how often a class was answered", _share(0)),
    ("the share of each class that was missed", lambda m: 1 - found(m)),
    ("hits over all pictures", lambda m: m.double().diagonal() / m.sum()),
    ("the number of hits, not their share", lambda m: m.double().diagonal()),
    ("hits over mistakes of the row",
     lambda m: torch.nan_to_num(m.double().diagonal() / (m.double().sum(1) - m.double().diagonal()))),
    ("a division by 0: not a number where a class has no pictures",
     lambda m: m.double().diagonal() / m.double().sum(1)),
    ("1 where a class has no pictures", lambda m: torch.where(m.sum(1) > 0, found(m), 1.0)),
    ("classes without pictures left out of the list", lambda m: found(m)[m.sum(1) > 0]),
    ("the accuracy over all classes, repeated",
     lambda m: (m.double().trace() / m.sum()).expand(len(m))),
    ("percent", lambda m: 100 * found(m)),
    ("fractions put into a tensor of whole numbers, as zeros_like(matrix[0]) is: they are cut off",
     lambda m: found(m).to(m.dtype)),
    ("the F1 of each class",
     lambda m: torch.nan_to_num(2 * m.double().diagonal() / (m.double().sum(0) + m.double().sum(1)))),
)  # fmt: skip
fair = library.balanced_error
BALANCED_ERROR = named(
    ("the error over all pictures: frequent classes count more",
     lambda m: 1 - float(m.double().trace() / m.sum())),
    ("the balanced accuracy: 1 minus is missing", lambda m: 1 - fair(m)),
    ("classes without pictures counted as errors", lambda m: 1 - float(found(m).mean())),
    ("errors summed over the classes, not averaged", lambda m: fair(m) * int((m.sum(1) > 0).sum())),
    ("columns in place of rows: precision", lambda m: 1 - float(_share(0)(m)[m.sum(0) > 0].mean())),
    ("percent", lambda m: 100 * fair(m)),
    ("the worst class's error", lambda m: 1 - float(found(m)[m.sum(1) > 0].min())),
    ("the best class's error", lambda m: 1 - float(found(m).max())),
    ("the median over the classes", lambda m: 1 - float(found(m)[m.sum(1) > 0].quantile(0.5))),
    ("the half of it, as if there were two classes", lambda m: fair(m) / 2),
    ("a mean over one class too few", lambda m: 1 - float(found(m)[m.sum(1) > 0][:-1].mean())),
    ("a mean over one class too many",
     lambda m: fair(m) * int((m.sum(1) > 0).sum()) / (int((m.sum(1) > 0).sum()) + 1)),
)  # fmt: skip


def _bins(
    *, bold: Bend = lambda p, y: p.max(1).values, hit: Bend = lambda p, y: p.argmax(1) == y,
    gap: Bend = lambda c, a, n: (n / n.sum() * (a - c).abs()).sum(), low: float = 0.0, empty: float = 0.0,
    centre: bool = False, below: bool = True,
) -> Bend:  # fmt: skip
    """Sort into bins, with one thing bent."""

    def fn(p: Tensor, labels: Tensor, bins: int) -> tuple[Tensor, ...]:
        value, right = bold(p, labels), hit(p, labels).to(p.dtype)
        edges = torch.linspace(low, 1, bins + 1, dtype=p.dtype)
        at = torch.bucketize(value, edges[1:-1], right=below)
        n = torch.bincount(at, minlength=bins).to(p.dtype)
        conf, acc = (
            torch.where(n > 0, torch.bincount(at, weights=v, minlength=bins) / n.clamp(min=1), empty)
            for v in (value, right)
        )
        conf = (edges[1:] + edges[:-1]) / 2 if centre else conf
        return conf, acc, n, gap(conf, acc, n)

    return fn


def _ends(p: Tensor, labels: Tensor, bins: int) -> tuple[Tensor, ...]:
    """Leave out a confidence of exactly 1."""
    inside = p.max(1).values < 1
    conf, acc, n, _ = library.calibration(p[inside], labels[inside], bins)
    return conf, acc, n, (n / len(p) * (acc - conf).abs()).sum()


def _true_class(p: Tensor, labels: Tensor) -> Tensor:
    return p.gather(1, labels[:, None])[:, 0]


def _nearest(p: Tensor, labels: Tensor, bins: int) -> tuple[Tensor, ...]:
    sure, answer = p.max(1)
    at = F.one_hot((sure * bins).round().long().clamp(max=bins - 1), bins).to(p.dtype)
    count = at.sum(0)
    conf, acc = ((at * v[:, None]).sum(0) / count.clamp(min=1) for v in (sure, answer.eq(labels)))
    return conf, acc, count, (count / len(p) * (acc - conf).abs()).sum()


right = library.calibration
CALIBRATION = named(
    ("gaps averaged over the bins, full or empty alike", _bins(gap=lambda c, a, n: (a - c).abs().mean())),
    ("gaps averaged over the filled bins, not weighted by their pictures",
     _bins(gap=lambda c, a, n: (a - c).abs().sum() / (n > 0).sum())),
    ("gaps that cancel out: the sign was kept", _bins(gap=lambda c, a, n: (n / n.sum() * (a - c)).sum())),
    ("the largest gap", _bins(gap=lambda c, a, n: (a - c).abs().max())),
    ("squared gaps", _bins(gap=lambda c, a, n: (n / n.sum() * (a - c) ** 2).sum())),
    ("gaps weighted by numbers, not by shares", _bins(gap=lambda c, a, n: (n * (a - c).abs()).sum())),
    ("the probability of the true class in place of the largest one", _bins(bold=_true_class)),
    ("the middle of each bin in place of the mean confidence", _bins(centre=True)),
    ("bins that include their upper end in place of their lower one", _bins(below=False)),
    ("bins from one quarter to 1", _bins(low=0.25)),
    ("errors in place of hits", _bins(hit=lambda p, y: p.argmax(1) != y)),
    ("shares of all pictures in place of numbers",
     lambda p, y, b: (*right(p, y, b)[:2], right(p, y, b)[2] / len(p), right(p, y, b)[3])),
    ("accuracy and confidence in the wrong order",
     lambda p, y, b: (right(p, y, b)[1], right(p, y, b)[0], *right(p, y, b)[2:])),
    ("a confidence of exactly 1 in no bin", _ends),
    ("a division by 0: empty bins are not a number", _bins(empty=float("nan"))),
    ("sums in place of means",
     lambda p, y, b: (right(p, y, b)[0] * right(p, y, b)[2], right(p, y, b)[1] * right(p, y, b)[2],
                      *right(p, y, b)[2:])),
    ("bins in the wrong direction",
     lambda p, y, b: (*(v.flip(0) for v in right(p, y, b)[:3]), right(p, y, b)[3])),
    ("bins rounded to the nearest one, not cut off", _nearest),
)  # fmt: skip
