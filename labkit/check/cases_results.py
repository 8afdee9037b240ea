"""The cases of Lab 6 for results: confusion, the rate of errors, and whether probabilities are true."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labkit.check import library_cifar as library
from labkit.check.case import Case
from labkit.check.cases_pictures import exactly
from labkit.check.draw import Draw
from labkit.check.policy import plain


def confusion(draw: Draw) -> list[Case]:
    """Counts of (truth, predicted)."""
    made = []
    for aspect, classes, last in (
        ("every class occurs", 4, True),
        ("the last class does not occur", 5, False),
        ("two classes", 2, True),
    ):
        top = classes if last else classes - 1
        truth = torch.tensor([*range(top), *(draw.integer(0, top - 1) for _ in range(16))])
        # 0 is taken for 1 more often than 1 for 0, so that the table is not symmetric; each cell repeats.
        predicted = truth.clone()
        predicted[truth == 0] = 1
        predicted[:2] = torch.tensor([0, 1])
        truth, predicted = (torch.cat([v, w]) for v, w in ((truth, torch.tensor([0, 0, 1])),
                                                           (predicted, torch.tensor([1, 1, 0]))))  # fmt: skip
        right = library.confusion(truth, predicted, classes)
        rule = exactly(
            right,
            "the counts, with the true classes as rows",
            "count one up at row truth[i], column predicted[i]",
        )
        made.append(Case(aspect, (truth, predicted, classes), rule))
    return made


def _table(draw: Draw, classes: int, empty: bool = False) -> Tensor:
    """Draw a confusion matrix whose counts all differ, with a strong diagonal but for one class."""
    cells = (
        torch.randperm(classes**2 * 2, generator=draw.generator)[: classes**2].reshape(classes, classes) + 1
    )
    rows = torch.arange(classes)
    cells[rows, rows] += 3 * classes**2 + 5 * rows
    cells[classes - 1, classes - 1] = 0
    if empty:
        cells[1] = 0
    return cells


WORST = ((0, 1), (0, 2), (2, 0), (3, 1), (1, 4))


def worst_pairs(draw: Draw) -> list[Case]:
    """The largest counts off the diagonal."""
    made = []
    for aspect, classes, k in (("three pairs", 4, 3), ("one pair", 3, 1), ("five pairs", 6, 5)):
        matrix = _table(draw, classes)
        step = draw.integer(3, 9)
        for rank, (row, column) in enumerate(WORST[: 3 if classes < 5 else 5]):
            matrix[row, column] = 2 * classes**2 + step * (6 - rank)
        matrix += torch.diag(torch.full((classes,), 60))
        right = library.worst_pairs(matrix, k)
        hint = "leave the diagonal out, and put the largest count first"
        rule = exactly(right, f"{k} rows (truth, predicted, count)", hint)
        made.append(Case(aspect, (matrix, k), rule))
    return made


def recall(draw: Draw) -> list[Case]:
    """The share of each class that was found."""
    made = []
    for aspect, classes, empty in (("four classes", 4, False), ("a class without pictures", 5, True)):
        matrix = _table(draw, classes, empty)
        made += [Case(aspect, (m,), library.recall(m)) for m in (matrix, matrix.double())]
    return made


def balanced_error(draw: Draw) -> list[Case]:
    """The mean of the errors of classes."""
    made = []
    for aspect, classes, empty in (("four classes", 4, False), ("a class without pictures", 5, True)):
        matrix = _table(draw, classes, empty)
        made += [Case(aspect, (m,), library.balanced_error(m)) for m in (matrix, matrix.double())]
    return made


def whole_counts(fn: Any) -> Any:
    """Let the third of several results, which counts, hold whole numbers of any kind."""

    def read(*args: Any) -> Any:
        value = fn(*args)
        try:
            confidence, accuracy, count, gap = value
            return confidence, accuracy, plain(count).double(), gap
        except Exception:
            return value

    return read


def _bold(draw: Draw, n: int, classes: int, spots: list[float]) -> Tensor:
    """Draw probabilities (n, classes) whose largest ones lie near the given spots, never on an edge."""
    p = torch.rand(n, classes, generator=draw.generator, dtype=torch.float64) + 0.5
    top = torch.tensor([spots[i % len(spots)] for i in range(n)], dtype=torch.float64)
    top += (torch.rand(n, generator=draw.generator, dtype=torch.float64) - 0.5) * 0.03
    at = torch.tensor([draw.integer(0, classes - 1) for _ in range(n)])
    rows = torch.arange(n)
    p[rows, at] = 0
    p = p / p.sum(1, keepdim=True) * (1 - top)[:, None]
    p[rows, at] = top
    return p


def calibration(draw: Draw) -> list[Case]:
    """Confidence against accuracy, bin by bin."""
    made = []
    for aspect, bins, spots in (
        ("all bins filled", 2, [0.44, 0.68, 0.93, 0.41, 0.75]),
        ("empty bins", 5, [0.45, 0.9, 0.52]),
        ("a confidence of exactly 1", 4, [0.45, 0.6, 0.92]),
        ("confidences where two bins meet", 4, [0.45, 0.6, 0.92]),
    ):
        n, classes = draw.integer(18, 22), 4
        p = _bold(draw, n, classes, spots)
        answer = p.argmax(1)
        labels = answer.clone()
        labels[::3] = (labels[::3] + 1) % classes  # a third is wrong, whatever the confidence
        labels[3] = answer[3]
        if "exactly 1" in aspect:
            p[1] = 0
            p[1, answer[1]] = 1
        if "meet" in aspect:
            for row, top in ((1, 0.5), (4, 0.75)):
                p[row] = (1 - top) / 4
                p[row, answer[row]], p[row, (answer[row] + 1) % classes] = top, (1 - top) / 2
        args = (p, labels, bins)
        made.append(Case(aspect, args, library.calibration(*args)))
    return made
