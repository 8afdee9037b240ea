"""Named wrong answers for neurons, perceptrons and gradients in layers: library calls with one thing bent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_activations as library
from labkit.check.case import Mutant
from labkit.check.mutants import changing, double, half
from labkit.check.mutants_activations import Bend, table

Map = Callable[[Any], Any]
one = library.neuron
NEURON = table(
    one,
    ("u + b without phi", lambda x, w, b, phi: x @ w + b),
    ("phi(u) + b: the bias outside phi", lambda x, w, b, phi: torch.as_tensor(phi(x @ w)) + b),
    ("phi(u), without the bias", lambda x, w, b, phi: phi(x @ w)),
    ("phi(u - b): the bias subtracted", lambda x, w, b, phi: one(x, w, -b, phi)),
    ("phi of the mean of the products instead of the sum", lambda x, w, b, phi: one(x, w / len(w), b, phi)),
    ("phi of each product before the sum", lambda x, w, b, phi: torch.as_tensor(phi(x * w)).sum(1) + b),
    ("phi of the sum of the inputs, without the weights", lambda x, w, b, phi: phi(x.sum(1) + b)),
    ("the bias added once for each input", lambda x, w, b, phi: one(x, w, b * len(w), phi)),
    ("the sum over the rows instead of over the inputs", lambda x, w, b, phi: phi((x * w).sum(0) + b)),
    ("one number for all rows together", lambda x, w, b, phi: phi((x * w).sum() + b)),
    ("phi applied twice", lambda x, w, b, phi: phi(one(x, w, b, phi))),
)


rule = library.hinge_descent
right = library.perceptron
PERCEPTRON = (
    Mutant(
        "weights that move away: the sign of t - y is wrong", lambda x, t, n: rule(x, t, n, maximize=True)
    ),
    Mutant("a bias that is never moved", lambda x, t, n: rule(x, t, n, rates=(1, 0))),
    Mutant("a bias that moves twice as far", lambda x, t, n: rule(x, t, n, rates=(1, 2))),
    Mutant("a neuron that does not fire at u = 0", lambda x, t, n: rule(x, t, n, tie=1)),
    Mutant(
        "weights that move after every row, right or wrong",
        lambda x, t, n: rule(x, t, n, loss=lambda off: off),
    ),
    Mutant(
        "weights moved once an epoch instead of after each row", lambda x, t, n: rule(x, t, n, batch=True)
    ),
    Mutant("a neuron that answers -1 instead of 0 below the threshold", lambda x, t, n: _signed(x, t, n)),
    Mutant("weights that start at 1", lambda x, t, n: rule(x, t, n, start=1)),
    Mutant("steps of one half", lambda x, t, n: rule(x, t, n, rates=(0.5, 0.5))),
    Mutant("steps twice as large", lambda x, t, n: rule(x, t, n, rates=(2, 2))),
    Mutant("one epoch only", lambda x, t, n: right(x, t, 1)),
    Mutant("one epoch too few", lambda x, t, n: right(x, t, n - 1)),
    Mutant("one epoch too many", lambda x, t, n: right(x, t, n + 1)),
    Mutant("an early end once an epoch has no mistake", lambda x, t, n: rule(x, t, n, early=True)),
    Mutant("the rows from last to first", lambda x, t, n: right(x.flip(0), t.flip(0), n)),
    Mutant(
        "mistakes summed over the epochs", lambda x, t, n: _counted(x, t, n, lambda m: torch.cumsum(m, 0))
    ),
    Mutant(
        "the share of mistakes instead of their number",
        lambda x, t, n: _counted(x, t, n, lambda m: m / len(x)),
    ),
    Mutant(
        "the rows that were right instead of wrong", lambda x, t, n: _counted(x, t, n, lambda m: len(x) - m)
    ),
    half(right),
    changing(right),
)


def _signed(x: Tensor, t: Tensor, epochs: int) -> Any:
    w, b, counts = torch.zeros_like(x[0]), torch.zeros_like(t[0]), [0] * epochs
    for epoch in range(epochs):
        for row, target in zip(x, t, strict=True):
            off = target - (1 if row @ w + b >= 0 else -1)
            w, b, counts[epoch] = w + off * row, b + off, counts[epoch] + int(off != 0)
    return w, b, counts


def _counted(x: Tensor, t: Tensor, epochs: int, change: Callable[[Tensor], Tensor]) -> Any:
    w, b, mistakes = right(x, t, epochs)
    return w, b, change(torch.tensor(mistakes)).tolist()


def _layers(change: Bend) -> Bend:
    def fn(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, w3: Tensor, b3: Tensor) -> Any:
        return change(*library.collapse(w1, b1, w2, b2, w3, b3), w1, b1, w2, b2, w3, b3)

    return fn


COLLAPSE = (
    Mutant(
        "b that is b1 + b2 + b3 without the weights, where the sizes allow it, else b3 only",
        _layers(lambda w, b, *a: (w, a[5])),
    ),
    Mutant("b without b1", _layers(lambda w, b, *a: (w, b - a[4] @ (a[2] @ a[1])))),
    Mutant("b without b2", _layers(lambda w, b, *a: (w, b - a[4] @ a[3]))),
    Mutant("b without b3", _layers(lambda w, b, *a: (w, b - a[5]))),
    Mutant("b with b3 twice", _layers(lambda w, b, *a: (w, b + a[5]))),
    Mutant("no bias at all: zeros for b", _layers(lambda w, b, *a: (w, b * 0))),
    Mutant("the transposed weights", _layers(lambda w, b, *a: (w.T, b))),
    Mutant("weights and bias in the wrong order", _layers(lambda w, b, *a: (b, w))),
    Mutant("the last two layers only", _layers(lambda w, b, *a: (a[4] @ a[2], a[4] @ a[3] + a[5]))),
    Mutant("the first two layers only", _layers(lambda w, b, *a: (a[2] @ a[0], a[2] @ a[1] + a[3]))),
    Mutant(
        "weights with a ReLU between the layers", _layers(lambda w, b, *a: (a[4] @ (a[2] @ a[0]).relu(), b))
    ),
    Mutant("weights of the opposite sign", _layers(lambda w, b, *a: (-w, b))),
    half(library.collapse),
    double(library.collapse),
    changing(library.collapse),
)


def _steps(change: Callable[..., Any]) -> Bend:
    """Bend the step; `change` gets the four gradients, the four values, the rate, and (x, t)."""

    def fn(x: Tensor, t: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, rate: float) -> Any:
        old = (w1, b1, w2, b2)
        new = library.train_step(x, t, *old, 1.0)
        grads = [a - b for a, b in zip(old, new, strict=True)]
        return tuple(v - rate * g for v, g in zip(old, change(grads, old, rate, x, t), strict=True))

    return fn


def _bent(
    x: Tensor, t: Tensor, old: tuple[Tensor, ...], *, gate: Bend | None = None, back: Tensor | None = None
) -> list[Tensor]:
    """The four gradients by autograd, with another factor as ReLU's slope, or another w2 on the way back."""
    leaves = [v.detach().clone().requires_grad_() for v in old]
    with torch.enable_grad():
        u = F.linear(x, leaves[0], leaves[1])
        h = u.relu()
        if gate is not None:
            h = h.detach() + gate(u.detach()) * (u - u.detach())
        y = F.linear(h, leaves[2], leaves[3])
        if back is not None:
            other = F.linear(h, back, leaves[3])
            y = y.detach() + other - other.detach()
        loss = F.mse_loss(y, t) * t.shape[1] / 2
        return [
            g if g is not None else v * 0
            for g, v in zip(torch.autograd.grad(loss, leaves, allow_unused=True), leaves, strict=True)
        ]


def _late(g: list[Tensor], old: tuple[Tensor, ...], rate: float, x: Tensor, t: Tensor) -> list[Tensor]:
    return [*_bent(x, t, old, back=old[2] - rate * g[2])[:2], g[2], g[3]]


def _guided(g: list[Tensor], old: tuple[Tensor, ...], rate: float, x: Tensor, t: Tensor) -> list[Tensor]:
    h = F.linear(x, old[0], old[1]).relu()
    du = ((F.linear(h, old[2], old[3]) - t) @ old[2] / len(x)).relu()
    return [du.T @ x, du.sum(0), g[2], g[3]]


def _from_u(g: list[Tensor], old: tuple[Tensor, ...], rate: float, x: Tensor, t: Tensor) -> list[Tensor]:
    u = F.linear(x, old[0], old[1])
    dy = (F.linear(u.relu(), old[2], old[3]) - t) / len(x)
    return [g[0], g[1], dy.T @ u, g[3]]


TRAIN_STEP = (
    Mutant("a second layer that learns from u instead of h", _steps(_from_u)),
    Mutant("a step uphill: + instead of -", _steps(lambda g, old, rate, x, t: [-v for v in g])),
    Mutant("a step that ignores the rate", _steps(lambda g, old, rate, x, t: [v / rate for v in g])),
    Mutant(
        "a gradient that is not divided by the number of rows",
        _steps(lambda g, old, rate, x, t: [v * len(x) for v in g]),
    ),
    Mutant(
        "a gradient divided by rows and outputs (the mean of all numbers)",
        _steps(lambda g, old, rate, x, t: [v / t.shape[1] for v in g]),
    ),
    Mutant(
        "a squared error without the one half: gradients twice as large",
        _steps(lambda g, old, rate, x, t: [2 * v for v in g]),
    ),
    Mutant(
        "a first layer without ReLU's slope",
        _steps(lambda g, old, rate, x, t: _bent(x, t, old, gate=torch.ones_like)),
    ),
    Mutant(
        "ReLU's slope taken the wrong way round",
        _steps(lambda g, old, rate, x, t: _bent(x, t, old, gate=lambda u: (u <= 0).to(u.dtype))),
    ),
    Mutant(
        "ReLU's slope taken as 1 at u = 0: >= instead of >",
        _steps(lambda g, old, rate, x, t: _bent(x, t, old, gate=lambda u: (u >= 0).to(u.dtype))),
    ),
    Mutant("ReLU's slope taken from the sign of the gradient instead of u", _steps(_guided)),
    Mutant(
        "a factor h in the place of ReLU's slope",
        _steps(lambda g, old, rate, x, t: _bent(x, t, old, gate=torch.relu)),
    ),
    Mutant("a first layer that uses the new w2", _steps(_late)),
    Mutant(
        "biases that are never moved", _steps(lambda g, old, rate, x, t: [g[0], 0 * g[1], g[2], 0 * g[3]])
    ),
    Mutant(
        "biases averaged over the rows twice",
        _steps(lambda g, old, rate, x, t: [g[0], g[1] / len(x), g[2], g[3] / len(x)]),
    ),
    Mutant(
        "only the second layer moved", _steps(lambda g, old, rate, x, t: [0 * g[0], 0 * g[1], g[2], g[3]])
    ),
    Mutant("only the first layer moved", _steps(lambda g, old, rate, x, t: [g[0], g[1], 0 * g[2], 0 * g[3]])),
    Mutant(
        "t - y in the place of y - t in the second layer only",
        _steps(lambda g, old, rate, x, t: [g[0], g[1], -g[2], -g[3]]),
    ),
    Mutant(
        "the gradients instead of the new values",
        lambda x, t, w1, b1, w2, b2, rate: tuple(
            a - b
            for a, b in zip((w1, b1, w2, b2), library.train_step(x, t, w1, b1, w2, b2, 1.0), strict=True)
        ),
    ),
    Mutant("the old values: nothing has moved", lambda x, t, w1, b1, w2, b2, rate: (w1, b1, w2, b2)),
    half(library.train_step),
    double(library.train_step),
    *(changing(library.train_step, which) for which in (2, 4)),
)
