"""The cases of Lab 3 for softmax, entropy and losses; the same wrong function always fails the same ones.

A single number in float32 can be right by chance, so there are two such cases where that is the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from labkit.check import library_activations as library
from labkit.check.case import Case
from labkit.check.draw import Draw

FLOAT32 = torch.float32
FAR = [1000.0, 999, -1000]
NN1 = [[0.9, 0.1], [0.1, 0.9], [0.4, 0.6]]
NN2 = [[0.6, 0.4], [0.3, 0.7], [0.1, 0.9]]
TRUTH = [[1.0, 0], [0, 1], [1, 0]]


def _shape(draw: Draw) -> tuple[int, int]:
    """Fewer rows than classes."""
    return draw.integer(3, 4), draw.integer(5, 6)


def softmax(draw: Draw) -> list[Case]:
    """Softmax along the rows, hot and cold."""
    made = []
    hot, cold = draw.choice([2.0, 3.0, 5.0]), draw.choice([0.25, 0.5])
    sets: list[tuple[str, float, dict[str, float], torch.dtype]] = [
        ("temperature 1", 1, {}, torch.float64),
        ("a high temperature", 1, {"temperature": hot}, torch.float64),
        ("a low temperature", 1, {"temperature": cold}, torch.float64),
        ("scores as large as 1000", 400, {}, torch.float64),
        ("float32", 1, {}, FLOAT32),
    ]
    for aspect, scale, given, dtype in sets:
        z = draw.tensor(*_shape(draw), dtype=dtype) * scale
        if scale > 1:
            z[0, :3] = torch.tensor(FAR)
            z[1] = -1000 + z[1] / scale
        made.append(Case(aspect, (z,), library.softmax(z, **given), given, "torch.softmax"))
    return made


def log_softmax(draw: Draw) -> list[Case]:
    """The logarithm of softmax."""
    made = []
    for aspect, dtype in (("scores of about 1", torch.float64), ("scores as large as 1000", torch.float64),
                          ("float32", FLOAT32)):  # fmt: skip
        z = draw.tensor(*_shape(draw), dtype=dtype)
        if "1000" in aspect:
            z[0] *= 400
            z[0, :3] = torch.tensor(FAR)
            z[1] -= 1000
        made.append(Case(aspect, (z,), library.log_softmax(z), oracle="torch.log_softmax"))
    return made


def entropy(draw: Draw) -> list[Case]:
    """The entropy of distributions, with and without zeros."""
    made = []
    for aspect, dtype in (
        ("no zeros", torch.float64),
        ("zeros among the p", torch.float64),
        ("float32", FLOAT32),
    ):
        p = torch.softmax(draw.tensor(*_shape(draw), dtype=dtype), -1)
        if "zeros among" in aspect:
            p[:, draw.integer(0, p.shape[1] - 1)] = 0
            p = p / p.sum(-1, keepdim=True)
            p[-1] = 0
            p[-1, 1] = 1
        made.append(Case(aspect, (p,), library.entropy(p), oracle="torch.special.entr"))
    return made


def scores(draw: Draw) -> list[Case]:
    """Error rate, cross-entropy and squared error of probabilities; in large cases two rows are wrong."""
    made = []
    for aspect, rows in (("network 1", NN1), ("network 2", NN2)):
        p, t = torch.tensor(rows, dtype=torch.float64), torch.tensor(TRUTH, dtype=torch.float64)
        if not draw.published:
            change = draw.tensor(len(p), 1) / 100
            order = list(draw.distinct(0, 1))
            p, t = (p + torch.cat([change, -change], 1))[:, order], t[:, order]
        note = f"the table of {aspect}" if draw.published else f"numbers close to those of {aspect}"
        made.append(Case(aspect, (p, t), library.scores(p, t), note=note, small=draw.published))
    sets = [("more rows and classes", 7, 5, torch.float64), ("two classes", 9, 2, torch.float64)]
    for aspect, n, c, dtype in (*sets, *[("float32", 5, 8, FLOAT32)] * 2):
        while True:
            p = torch.softmax(2 * draw.tensor(n, c, dtype=dtype), -1)
            labels = p.argmax(1)
            labels[1:3] = (labels[1:3] + 1) % c
            if dtype != FLOAT32:  # a true class that nearly cannot be: what is added to its p shows
                p[1, p[1].argmax()] += p[1, labels[1]] - 1e-9
                p[1, labels[1]] = 1e-9
            t = torch.zeros_like(p)
            t[torch.arange(n), labels] = 1
            if int((p.round() != t).sum()) != 2 and bool((p.argmax(0) != t.argmax(0)).any()):
                break
        made.append(Case(aspect, (p, t), library.scores(p, t)))
    return made


def cross_entropy(draw: Draw) -> list[Case]:
    """The mean cross-entropy of scores."""
    return _losses(draw, library.cross_entropy, "torch.nn.functional.cross_entropy")


def cross_entropy_grad(draw: Draw) -> list[Case]:
    """The gradient of the mean cross-entropy."""
    return _losses(draw, library.cross_entropy_grad, "torch's autograd")


def _losses(draw: Draw, oracle: Callable[..., Tensor], name: str) -> list[Case]:
    made: list[Case] = []
    sets = [("scores of about 1", torch.float64), ("two classes", torch.float64)]
    sets += [("scores as large as 1000", torch.float64), ("float32", FLOAT32), ("float32", FLOAT32)]
    for aspect, dtype in sets:
        n, c = draw.integer(6, 7), 2 if aspect == "two classes" else draw.integer(4, 5)
        z: Any = draw.tensor(n, c, dtype=dtype)
        if "1000" in aspect:
            z[0] *= 400
            z[0, :3] = torch.tensor(FAR)
            z[1] -= 1000
        labels = torch.tensor([draw.integer(0, c - 1) for _ in range(n)])
        labels[0], labels[1] = z[0].argmin(), z[1].argmax()
        made.append(Case(aspect, (z, labels), oracle(z, labels), oracle=name))
    return made
