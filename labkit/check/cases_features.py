"""The cases of Lab 5: costs, preprocessing, features, similarities, probes, PCA and CKA."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.check import library_features as library
from labkit.check.calling import JOINED, UnusableError
from labkit.check.case import Case
from labkit.check.cases_convolution import FLOAT32, FLOAT64
from labkit.check.draw import Draw
from labkit.check.equivariance import Map, either
from labkit.check.policy import is_a, plain

NONE_OF_THE_LAST = "a last class without images"


def block_cost(draw: Draw) -> list[Case]:
    """Parameters and multiply-adds of blocks with and without stride and shortcut convolution."""
    w = [4 * n for n in draw.distinct(2, 20, 4)]
    high, wide = 2 * draw.integer(5, 12), 2 * draw.integer(13, 20)
    sets = [
        ("the identity as shortcut", 4 * w[0], w[0], 1),
        ("the identity as shortcut", 4 * w[1], w[1], 1),
        ("a convolution as shortcut", w[2], w[2], 1),
        ("a stride", 2 * w[3], w[3], 2),
        ("a stride with as many channels", 4 * w[0], w[0], 2),
    ]
    cases = []
    for aspect, c_in, width, stride in sets:
        args = (c_in, width, stride, (high, wide))
        cases.append(Case(aspect, args, library.block_cost(*args), oracle="torchvision's block"))
    args = (256, 128, 2, (56, 56))
    note = "the first block of ResNet-50's second stage"
    cases.append(Case("a stride", args, library.block_cost(*args), note=note))
    return cases


def prepare(draw: Draw) -> list[Case]:
    """Photos that are wide, high or square, made smaller or larger; all sizes come out whole."""
    cases = []
    sets: list[tuple[str, tuple[int, int], int, int, torch.dtype]] = [
        ("a wide photo", (20, 32), 10, 8, FLOAT64),
        ("a wide photo", (24, 40), 12, 10, FLOAT64),
        ("a high photo", (36, 20), 10, 8, FLOAT64),
        ("a square photo", (24, 24), 16, 12, FLOAT64),
        ("a small photo", (8, 12), 16, 10, FLOAT64),
        # 1 and 5 pixels, of which torchvision, too, has 0 and 2 in front
        ("an odd number of pixels beside the crop", (22, 30), 11, 10, FLOAT64),
        ("float32", (40, 24), 12, 8, FLOAT32),
    ]
    for aspect, size, resize, crop, dtype in sets:
        photo = (draw.tensor(3, *size).abs() / 2.5).clamp(0, 1).to(dtype)
        mean = tuple(round(0.3 + 0.05 * n + 0.01 * draw.integer(0, 4), 2) for n in (3, 0, 1))
        std = tuple(round(0.2 + 0.05 * n + 0.01 * draw.integer(0, 4), 2) for n in (0, 2, 1))
        args = (photo, resize, crop, mean, std)
        cases.append(Case(aspect, args, library.prepare(*args), oracle="the network's own preprocessing"))
    return cases


def stage(draw: Draw, before: int, after: int) -> Map:
    """A stage: a convolution with stride 2 and a ReLU."""
    kernel = draw.tensor(after, before, 2, 2) / 2
    return either(lambda x: torch.nn.functional.conv2d(x.to(kernel.dtype), kernel, stride=2).relu() + 0.01)


def side_by_side(fn: Any) -> Any:
    """Turn a function that gives a list of features into one that gives them side by side."""

    def run(stages: Any, x: Tensor) -> Any:
        rows = fn(stages, x)
        if is_a(rows, Tensor, np.ndarray) and rows.ndim < 3:
            raise UnusableError(JOINED, "a list with a tensor of shape (N, C) for each stage")
        try:
            parts = list(rows) if is_a(rows, list, tuple) else rows
            return torch.cat([plain(part) for part in parts], 1) if is_a(parts, list) else rows
        except Exception:
            return rows

    return run


def embed(draw: Draw) -> list[Case]:
    """Chains of stages: the means of what each stage gives, side by side."""
    cases = []
    for aspect, widths in (
        ("three stages", (3, 4, 5, 6)),
        ("three stages", (2, 6, 3, 4)),
        ("one stage", (3, 5)),
        ("two stages", (4, 2, 7)),
    ):
        stages = [stage(draw, a, b) for a, b in pairwise(widths)]
        x = draw.tensor(3, widths[0], 16, 24)
        answer = torch.cat(library.embed(stages, x), 1)
        note = "whose results are put side by side"
        cases.append(Case(aspect, (stages, x), answer, note=note))
    return cases


def cosine_matrix(draw: Draw) -> list[Case]:
    """Similarities of two sets of vectors, of all sizes; one vector of zeros."""
    cases = []
    for aspect, n, m, dtype in (
        ("two sets", 4, 5, FLOAT64),
        ("two sets", 6, 3, FLOAT64),
        ("float32", 3, 4, FLOAT32),
    ):
        a = draw.tensor(n, 7) * torch.linspace(0.01, 50, n, dtype=FLOAT64)[:, None]
        b = draw.tensor(m, 7) * torch.linspace(9, 0.2, m, dtype=FLOAT64)[:, None]
        a[0], b[-1] = a[0] / 100, b[-1] / 1000  # both short: what is added to their lengths shows
        a, b = a.to(dtype), b.to(dtype)
        cases.append(Case(aspect, (a, b), library.cosine_matrix(a, b), oracle="F.cosine_similarity"))
    a, b = draw.tensor(4, 6) / 1000, draw.tensor(3, 6) / 1000
    a[1] = 0
    cases.insert(2, Case("a vector of zeros", (a, b), library.cosine_matrix(a, b), note="one row of a is 0"))
    return cases


def as_places(fn: Any) -> Any:
    """Let whole numbers come back as a tensor of any dtype, an array or lists."""

    def read(*args: Any) -> Any:
        value = fn(*args)
        try:
            return plain(value).double()
        except Exception:
            return value

    return read


def neighbours(draw: Draw) -> list[Case]:
    """Matrices whose diagonal is the largest, and others; they are not symmetric."""
    cases = []
    for aspect, n, k, diagonal in (
        ("k = 2", 6, 2, 9.0),
        ("k = 2", 7, 2, 9.0),
        ("k = 1", 5, 1, 9.0),
        ("an image that is not the nearest to itself", 6, 3, 0.4),
        ("all others", 5, 4, 9.0),
    ):
        similarity = _apart(draw, n) * (3 if aspect == "all others" else 1)
        similarity[range(n), range(n)] = diagonal
        note = "which need not be cosines: there are numbers below -2"
        if aspect != "all others":
            similarity.view(-1)[similarity.argmin()] = -1 - 2**-52
            note = "the lowest of them just below -1, as rounding may leave a cosine"
        args = similarity, k
        cases.append(Case(aspect, args, library.neighbours(*args), oracle="topk", note=note))
    return cases


def _apart(draw: Draw, n: int) -> Tensor:
    """A matrix of numbers from -1 to 1 that are well apart, whose rows and columns have other orders."""
    while True:
        found = draw.shuffled(torch.linspace(-1, 1, n * n, dtype=FLOAT64)).view(n, n)
        rows, columns = library.neighbours(found, n - 1), library.neighbours(found.T, n - 1)
        lowest = library.neighbours(-found, n - 1)
        if all(bool((rows[:, 0] != other[:, 0]).any()) for other in (columns, lowest)):
            return found


def margin(draw: Draw) -> list[Case]:
    """Classes of several sizes; what is on the diagonal must not count."""
    cases = []
    for aspect, sizes, diagonal in (
        ("two classes", (3, 5), 1.0),
        ("two classes", (4, 2), 1.0),
        ("three classes", (2, 3, 4), 1.0),
        ("a diagonal that is not 1", (3, 2, 2), 7.0),
        ("different images with similarity 1", (3, 4), 1.0),
    ):
        labels = draw.shuffled(torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes)))
        n = len(labels)
        same = labels[:, None] == labels[None]
        upper = torch.triu(draw.tensor(n, n) / 9, 1)
        similarity = upper + upper.T + torch.where(same, 0.5, 0.1).double()
        similarity = similarity + 0.06 * torch.outer(labels.double(), labels.double())  # classes differ
        similarity[range(n), range(n)] = diagonal
        if aspect.endswith("similarity 1"):
            first, second = (labels == 0).nonzero().flatten().tolist()[:2]
            similarity[first, second] = similarity[second, first] = 1.0
        cases.append(Case(aspect, (similarity, labels), library.margin(similarity, labels)))
    return cases


def probe(draw: Draw) -> list[Case]:
    """Ridge regression onto classes, few and many images, weak and strong l2."""
    cases = []
    for aspect, n, d, classes, l2, dtype in (
        ("more images than features", 14, 4, 3, 0.5, FLOAT64),
        ("more images than features", 12, 5, 4, 2.0, FLOAT64),
        ("more features than images", 6, 9, 2, 0.25, FLOAT64),
        ("a strong l2", 10, 4, 3, 40.0, FLOAT64),
        (NONE_OF_THE_LAST, 12, 4, 4, 1.5, FLOAT64),
        ("float32", 12, 3, 3, 1.0, FLOAT32),
    ):
        features = (draw.tensor(n, d) + torch.linspace(1, 3, d, dtype=FLOAT64)).to(dtype)
        labels = draw.shuffled(torch.arange(n) % (classes - (aspect == NONE_OF_THE_LAST)))
        args = (features, labels, classes, l2)
        cases.append(Case(aspect, args, library.probe(*args), oracle="torch.linalg.lstsq"))
    return cases


def pca(draw: Draw) -> list[Case]:
    """Clouds of points with directions of clearly different width."""
    cases = []
    for aspect, n, d, k in (
        ("two components", 9, 4, 2),
        ("two components", 12, 5, 2),
        ("more features than images", 6, 10, 3),
        ("all components", 11, 3, 3),
    ):
        x = _cloud(draw, n, d)
        cases.append(Case(aspect, (x, k), library.pca(x, k), oracle="eigenvectors of torch.cov"))
    return cases


def _cloud(draw: Draw, n: int, d: int) -> Tensor:
    """Points with singular values 9, 6.3, 4.4, ... around a centre; no largest score is in doubt."""
    while True:
        centred = draw.tensor(n, d)
        u, _, v = torch.linalg.svd(centred - centred.mean(0), full_matrices=False)
        u = u[:, : min(n - 1, d)]
        scores = u.abs().sort(0).values
        signs = u.gather(0, u.abs().argmax(0, keepdim=True)).sign()[0]
        clear = bool((scores[-1] > 1.05 * scores[-2]).all())
        if clear and bool((signs[:2] < 0).any()) and bool((signs[:2] > 0).any()):
            values = 9 * 0.7 ** torch.arange(u.shape[1], dtype=FLOAT64)
            cloud: Tensor = (u * values) @ v[: u.shape[1]] + torch.linspace(2, 5, d, dtype=FLOAT64)
            return cloud


def linear_cka(draw: Draw) -> list[Case]:
    """Features of two layers: unrelated, partly related, turned and scaled."""
    cases = []
    for aspect, n, d, e in (("two layers", 7, 4, 6), ("two layers", 9, 5, 3)):
        x = draw.tensor(n, d) + 1.5
        y = draw.tensor(n, e) + x[:, :1] * 0.8 - 2
        cases.append(Case(aspect, (x, y), library.linear_cka(x, y)))
    x = draw.tensor(8, 4) + 2
    turn = torch.linalg.qr(draw.tensor(4, 4)).Q
    cases.append(
        Case("turned and scaled", (x, 3 * x @ turn + 1), 1.0, note="where y is x, turned and scaled")
    )
    x = draw.tensor(5, 12) - 1
    y = draw.tensor(5, 9) + x[:, :9] + 3
    cases.append(Case("more features than images", (x, y), library.linear_cka(x, y)))
    return cases
