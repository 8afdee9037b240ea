"""The cases of Lab 3 for neurons, layers, one step of learning, normalisation and dropout.

Sizes are fixed, or drawn so that their order is; what tells right from wrong (a unit that is off, a number
of mistakes, a u between p and one half) is there under every seed: a wrong function fails the same cases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_activations as library
from labkit.check.case import Case, Rule
from labkit.check.draw import Draw

FLOAT32 = torch.float32
EPOCHS = 6
POINTS = [
    [1.2, -0.9, -0.9], [0.6, -1.5, -1.7], [-0.5, -1.6, 1.2], [1.2, 1.1, 1.7],
    [1.6, 1.6, -0.7], [-0.9, -0.5, -0.5], [-0.7, -1.5, 2.0], [1.4, -0.6, 1.3],
]  # fmt: skip
TARGETS = [0, 0, 0, 1, 1, 0, 1, 0]


def either(f: Callable[[Tensor], Tensor]) -> Callable[[Any], Any]:
    """Let a function of tensors take numpy arrays and numbers too; an array gives an array."""

    def g(x: Any) -> Any:
        return (
            f(torch.from_numpy(np.array(x))).numpy() if isinstance(x, np.ndarray) else f(torch.as_tensor(x))
        )

    return g


def neuron(draw: Draw) -> list[Case]:
    """One neuron for several rows."""
    made = []
    sets: list[tuple[str, Callable[[Tensor], Tensor], torch.dtype]] = [
        ("phi gives back its input", lambda u: u.clone(), torch.float64),
        ("phi is the sigmoid", torch.sigmoid, torch.float64),
        ("phi is u squared plus 1", lambda u: u.square() + 1, torch.float64),
        ("float32", torch.tanh, FLOAT32),
    ]
    for aspect, f, dtype in sets:
        n, d = draw.integer(5, 6), draw.integer(3, 4)
        while True:  # until u has both signs; no phi is flat there
            x, w, b = draw.tensor(n, d), draw.tensor(d) / (2 * d), draw.tensor(1)[0] / 4
            u = F.linear(x, w[None], b[None])
            if float(u.min()) < -0.2 and float(u.max()) > 0.2:
                break
        args = x.to(dtype), w.to(dtype), b.to(dtype)
        made.append(Case(aspect, (*args, either(f)), library.neuron(*args, f)))
    return made


def perceptron(draw: Draw) -> list[Case]:
    """The perceptron rule on data with and without a separating line.

    Its course hangs on the smallest things, so the rows have one order, and a number a little above 1, which
    is drawn, stands for 1: then each step is the same under every seed, but the weights are not. The other
    data are one table with its columns swapped and each number changed a little.
    """
    made = []
    tables = {"AND": ("00 01 10 11", "0001"), "OR": ("00 01 10 11", "0111"), "XOR": ("10 00 11 01", "1001")}
    for aspect, (rows, targets) in tables.items():
        one = draw.integer(1127, 1141) / 1024  # a square between 6/5 and 5/4, and sums without rounding
        x = torch.tensor([[int(c) * one for c in row] for row in rows.split()], dtype=torch.float64)
        x = x[:, list(draw.distinct(0, 1, 2))]
        t = torch.tensor([float(c) for c in targets], dtype=torch.float64)
        note = f"the rows of {aspect}, with {one:.4g} for 1"
        made.append(Case(aspect, (x, t, EPOCHS), _learned(x, t, EPOCHS), note=note))
    x = torch.tensor(POINTS, dtype=torch.float64)
    t = torch.tensor(TARGETS, dtype=torch.float64)
    x = x[:, list(draw.distinct(0, 2, 3))] * (1 + draw.tensor(*x.shape) / 200)
    made.append(Case("more inputs", (x, t, 2), _learned(x, t, 2)))
    return made


def _learned(x: Tensor, t: Tensor, epochs: int) -> tuple[Tensor, Tensor, Rule]:
    """The answer; the numbers of mistakes may be whole numbers of any kind."""
    w, b, mistakes = library.perceptron(x, t, epochs)
    wanted = f"{epochs} numbers of mistakes, one an epoch"
    right = torch.tensor(mistakes, dtype=torch.float64)
    hint = "count a row when t is not y at that moment, before the weights move"
    return w, b, Rule((epochs,), lambda m: bool((m - right).abs().max() < 1e-6), wanted, hint)


def collapse(draw: Draw) -> list[Case]:
    """Three linear layers as one."""
    made = []
    for aspect, dtype in (("four sizes", torch.float64), ("four sizes", torch.float64), ("float32", FLOAT32)):
        d, a, b, k = sorted(draw.distinct(2, 6, 4))
        shapes = [(a, d), (a,), (b, a), (b,), (k, b), (k,)]
        while True:  # until a ReLU between the layers would matter
            args = tuple(draw.tensor(*shape, dtype=dtype) for shape in shapes)
            hidden = (args[2] @ args[0], args[2] @ args[1], args[2] @ args[1] + args[3])
            if max(float(v.min()) for v in hidden) < -0.5:
                break
        made.append(Case(aspect, args, library.collapse(*args), oracle="one nn.Linear that does the same"))
    return made


def train_step(draw: Draw) -> list[Case]:
    """One gradient step of a perceptron with a hidden layer."""
    made = []
    for aspect, outputs, dtype in (("several outputs", 3, torch.float64), ("one output", 1, torch.float64),
                                   ("one row", 2, torch.float64), ("a unit with u = 0", 2, torch.float64),
                                   ("float32", 2, FLOAT32)):  # fmt: skip
        d, n, h = sorted(draw.distinct(4, 7, 3))
        n = 1 if aspect == "one row" else n
        shapes = [(n, d), (n, outputs), (h, d), (h,), (outputs, h), (outputs,)]
        rate = draw.choice([0.05, 0.15, 0.3])
        while True:  # until some units are off, and some are on
            args: tuple[Any, ...] = (*(draw.tensor(*shape, dtype=dtype) for shape in shapes), rate)
            if aspect == "a unit with u = 0":
                args[2][0], args[3][0] = 0, 0
            on = F.linear(args[0], args[2], args[3]) > 0
            if bool(on.any(1).all()) and not bool(on.all(1).any()):
                break
        made.append(Case(aspect, args, library.train_step(*args), oracle="torch's autograd and SGD"))
    return made


def batch_norm(draw: Draw) -> list[Case]:
    """Normalisation of each unit over the batch."""
    return _norms(draw, library.batch_norm, "torch.nn.functional.batch_norm")


def layer_norm(draw: Draw) -> list[Case]:
    """Normalisation of each row over its units."""
    return _norms(draw, library.layer_norm, "torch.nn.functional.layer_norm")


def _norms(draw: Draw, oracle: Callable[..., Any], name: str) -> list[Case]:
    made = []
    sets: list[tuple[str, float, dict[str, float], torch.dtype]] = [
        ("spread of about 1", 1, {}, torch.float64),
        ("large numbers", 50, {}, torch.float64),
        ("hardly any spread, so that eps counts", 0.003, {}, torch.float64),
        ("another eps", 1, {"eps": 0.25}, torch.float64),
        ("float32", 1, {}, FLOAT32),
    ]
    for at, (aspect, scale, given, dtype) in enumerate(sets):
        n, h = sorted(draw.pair(4, 8), reverse=at % 2 == 0)
        while True:  # until no row and no column is nearly flat
            x = draw.tensor(n, h)
            if min(float(x.std(axis).min()) for axis in (0, 1)) > 0.5:
                break
        x = ((x + draw.integer(2, 5)) * scale).to(dtype)
        gamma, beta = draw.tensor(h, dtype=dtype), draw.tensor(h, dtype=dtype)
        made.append(Case(aspect, (x, gamma, beta), oracle(x, gamma, beta, **given), given, name))
    return made


def dropout(draw: Draw) -> list[Case]:
    """Inverted dropout with the random numbers given."""
    made = []
    sets: list[tuple[str, float, dict[str, bool], torch.dtype]] = [
        ("training", draw.choice([0.3, 0.4]), {}, torch.float64),
        ("another p", draw.choice([0.6, 0.75]), {}, torch.float64),
        ("evaluation", 0.4, {"training": False}, torch.float64),
        ("p = 0", 0.0, {}, torch.float64),
        ("float32", 0.5, {}, FLOAT32),
    ]
    for aspect, p, given, dtype in sets:
        shape = draw.integer(4, 5), draw.integer(6, 8)
        x = draw.tensor(*shape, dtype=dtype)
        while True:  # until the share that stays is not 1 - p by chance
            u = torch.rand(shape, generator=draw.generator, dtype=torch.float64)
            for row, two in enumerate(((0.02, 0.97), (p, 0.9), (0.45, 0.55))):
                u[row, :2] = torch.tensor(two, dtype=torch.float64)
            if p == 0 or abs(float((u >= p).double().mean()) - (1 - p)) > 1e-6:
                break
        made.append(Case(aspect, (x, p, u.to(dtype)), library.dropout(x, p, u.to(dtype), **given), given))
    return made
