"""Data behind the activations lab: small tables, points, and networks whose layers are looked at.

Arithmetic here is torch's own; the lab's exercises are not written out in this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Phi = Callable[[Tensor], Tensor]
PHIS: dict[str, Phi] = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "ReLU": torch.relu}


def reference(name: str) -> Callable[..., Tensor]:
    """Return torch's own activation by the name that the lab gives it.

    >>> reference("leaky_relu")(torch.tensor([-1.0]), 0.1).tolist()
    [-0.10000000149011612]
    """
    known: dict[str, Callable[..., Tensor]] = {
        "step": lambda x: torch.heaviside(x, torch.ones_like(x)),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": lambda x, slope=0.01: F.leaky_relu(x, slope),
        "elu": lambda x, alpha=1.0: F.elu(x, alpha),
        "gelu": F.gelu,
        "softplus": F.softplus,
    }
    return known[name]


def gate(name: str) -> tuple[Tensor, Tensor]:
    """Return the four corners (4, 2) and the targets (4,) of AND, OR or XOR, as float32.

    >>> gate("XOR")[1].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    targets = {"AND": [0.0, 0, 0, 1], "OR": [0.0, 1, 1, 1], "XOR": [0.0, 1, 1, 0]}
    return torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), torch.tensor(targets[name])


@dataclass(frozen=True)
class Table:
    """What a classifier said of some rows: probabilities (N, C)."""

    name: str
    p: Tensor


def dogs_and_cats() -> tuple[Table, Table, Tensor]:
    """Return the answers of two networks for three photos (dog, cat), and the truth as 0 and 1, (3, 2)."""
    first = torch.tensor([[0.9, 0.1], [0.1, 0.9], [0.4, 0.6]], dtype=torch.float64)
    second = torch.tensor([[0.6, 0.4], [0.3, 0.7], [0.1, 0.9]], dtype=torch.float64)
    truth = torch.tensor([[1, 0], [0, 1], [1, 0]], dtype=torch.float64)
    return Table("network 1", first), Table("network 2", second), truth


def three_layers() -> tuple[Tensor, ...]:
    """Return weights and biases of three linear layers, 4 to 6 to 5 to 3, as float64: w1, b1, ..., b3."""
    g = torch.Generator().manual_seed(3)
    shapes = [(6, 4), (6,), (5, 6), (5,), (3, 5), (3,)]
    return tuple(torch.randn(shape, generator=g, dtype=torch.float64) for shape in shapes)


def deep(layers: int = 20, width: int = 64, *, gain: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return inputs (32, width) and the weights (layers, width, width) of a deep network, as float64.

    Args:
        layers: how many.
        width: units of each.
        gain: the weights have a standard deviation of gain over the root of the width.
    """
    g = torch.Generator().manual_seed(5)
    x = torch.randn(32, width, generator=g, dtype=torch.float64)
    return x, torch.randn(layers, width, width, generator=g, dtype=torch.float64) * gain / width**0.5


@dataclass(frozen=True)
class Snapshot:
    """The first layer of a network in training: its step, weights (H, 2) and biases (H,)."""

    step: int
    w: Tensor
    b: Tensor


def dying(
    rate: float, *, units: int = 24, steps: tuple[int, ...] = (0, 2, 5, 10, 20, 50, 100, 200)
) -> tuple[Tensor, list[Snapshot]]:
    """Train a ReLU network on the circle and return its points (N, 2) and its first layer on the way.

    Args:
        rate: learning rate; a large one throws units out of the data, and they die.
        units: hidden units.
        steps: when to look.
    """
    from labkit.playground import points

    x, t = points("circle", 128, seed=4)
    g = torch.Generator().manual_seed(8)
    w1 = torch.randn(units, 2, generator=g).requires_grad_()
    w2 = (torch.randn(1, units, generator=g) * (2 / units) ** 0.5).requires_grad_()
    b1, b2 = torch.zeros(units, requires_grad=True), torch.zeros(1, requires_grad=True)
    descent = torch.optim.SGD([w1, b1, w2, b2], lr=rate)
    seen = []
    for step in range(max(steps) + 1):
        if step in steps:
            seen.append(Snapshot(step, w1.detach().clone(), b1.detach().clone()))
        loss = F.binary_cross_entropy_with_logits(F.linear(F.linear(x, w1, b1).relu(), w2, b2)[:, 0], t)
        descent.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        descent.step()
    return x, seen
