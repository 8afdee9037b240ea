"""A small playground: points in the plane, and a small network that learns to tell two classes apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

DATA = ("circle", "xor", "gauss", "spiral")
FEATURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "x1": lambda a, b: a,
    "x2": lambda a, b: b,
    "x1^2": lambda a, b: a * a,
    "x2^2": lambda a, b: b * b,
    "x1*x2": lambda a, b: a * b,
    "sin x1": lambda a, b: torch.sin(math.pi * a),
    "sin x2": lambda a, b: torch.sin(math.pi * b),
}
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda u: u,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": lambda u: F.leaky_relu(u, 0.1),
    "elu": F.elu,
    "gelu": F.gelu,
}
MAX_LAYERS, MAX_UNITS, MAX_RATE = 3, 16, 10.0
BATCH = 32


class SettingError(ValueError):
    """A setting that the playground cannot use; the sentence says which entry, and what it may be."""


@dataclass(frozen=True)
class Setting:
    """What is learned, from what, and how.

    Attributes:
        data: "circle", "xor", "gauss" or "spiral".
        features: what the network sees of a point: some of the keys of `FEATURES`.
        hidden: units of each hidden layer; () for none.
        activation: of the hidden layers.
        rate: the learning rate.
        l2: weight decay, 0 for none.
    """

    data: str = "circle"
    features: tuple[str, ...] = ("x1", "x2")
    hidden: tuple[int, ...] = (4,)
    activation: str = "tanh"
    rate: float = 0.3
    l2: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        _one_of("data", self.data, DATA)
        _one_of("activation", self.activation, tuple(ACTIVATIONS))
        if not self.features:
            raise SettingError(f"features: got none, expected at least one of {', '.join(FEATURES)}.")
        for name in self.features:
            _one_of("features", name, tuple(FEATURES))
        sizes = [*self.hidden]
        if len(sizes) > MAX_LAYERS or not all(type(n) is int and 1 <= n <= MAX_UNITS for n in sizes):
            raise SettingError(
                f"hidden: got {sizes}, expected at most {MAX_LAYERS} whole numbers from 1 to {MAX_UNITS}."
            )
        _between("rate", self.rate, 0, MAX_RATE)
        _between("l2", self.l2, 0, 1)


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingError(f"{name}: got {value!r}, expected {', '.join(allowed)}.")


def _between(name: str, value: Any, low: float, high: float) -> None:
    if type(value) not in (int, float) or not low <= value <= high:
        raise SettingError(f"{name}: got {value!r}, expected a number from {low} to {high:g}.")


def setting_of(chosen: Any, *, data: str) -> Setting:
    """Make a setting of a dictionary such as a student writes.

    Args:
        chosen: any of features, hidden, activation, rate and l2; what is left out has its default.
        data: the data set.

    Raises:
        SettingError: an entry is unknown, or not of the right kind.

    Example:
        >>> setting_of({"hidden": [4, 2], "activation": "relu"}, data="xor").hidden
        (4, 2)
    """
    known = ("features", "hidden", "activation", "rate", "l2")
    if not isinstance(chosen, Mapping):
        kind = type(chosen).__name__
        raise SettingError(f"the setting: got {kind}, expected a dictionary with {', '.join(known)}.")
    given: dict[str, Any] = dict(chosen)
    for name in given:
        _one_of("the setting", name, known)
    for name in ("features", "hidden"):
        if name in given:
            if not isinstance(given[name], list | tuple):
                raise SettingError(f"{name}: got {given[name]!r}, expected a list.")
            given[name] = tuple(given[name])
    return Setting(data=data, **given)


def points(data: str, count: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Draw points of a data set.

    Args:
        data: "circle", "xor", "gauss" or "spiral".
        count: how many, half of each class.
        seed: the same seed gives the same points.

    Returns:
        points (count, 2) between -1 and 1, and classes (count,) of 0 and 1, both float32.
    """
    g = torch.Generator().manual_seed(seed)
    label = (torch.arange(count) % 2).float()
    first, second = torch.rand(2, count, generator=g)
    if data == "xor":
        x = (0.06 + 0.94 * torch.stack([first, second], 1)) * (
            torch.randint(0, 2, (count, 1), generator=g) * 2 - 1
        )
        x[:, 1] *= 2 * label - 1  # the signs agree in class 1
        return x, label
    if data == "gauss":
        centre = (label * 2 - 1)[:, None] * torch.tensor([0.45, 0.45])
        return (centre + 0.18 * torch.randn(count, 2, generator=g)).clamp(-1, 1), label
    if data == "spiral":
        turn = 1.6 * math.pi * first.sqrt() + 0.4
        radius = 0.95 * (turn - 0.2) / (1.6 * math.pi + 0.2)
        angle = turn + math.pi * label
        x = radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
        return x + 0.02 * torch.randn(count, 2, generator=g), label
    radius = torch.where(label > 0, 0.45 * first.sqrt(), 0.65 + 0.3 * first)
    angle = 2 * math.pi * second
    return radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1), label


class Playground:
    """A small network in training.

    Args:
        setting: what and how.
        seed: of the first weights and the batches; the points are drawn from it, too.

    Example:
        >>> game = Playground(Setting(data="gauss", hidden=()))
        >>> game.train(100)
        >>> game.accuracy() > 0.95
        True
    """

    def __init__(self, setting: Setting, *, seed: int = 0) -> None:
        self.setting = setting
        self.points, self.labels = points(setting.data, 200, seed=seed)
        self.test_points, self.test_labels = points(setting.data, 200, seed=seed + 1_000_003)
        self._generator = torch.Generator().manual_seed(seed + 7)
        sizes = [len(setting.features), *setting.hidden, 1]
        self.weights = [self._start(m, n) for n, m in pairwise(sizes)]
        self.biases = [torch.zeros(m, requires_grad=True) for m in sizes[1:]]
        decayed = {"params": self.weights, "weight_decay": setting.l2}
        groups: list[dict[str, Any]] = [decayed, {"params": self.biases}]
        self._descent = torch.optim.SGD(groups, lr=setting.rate, momentum=0.5)
        self._seen = self._see(self.points)
        self.steps = 0
        self.history = [(0, self.loss(), self.test_loss())]

    def _start(self, rows: int, columns: int) -> Tensor:
        w = torch.randn(rows, columns, generator=self._generator) / math.sqrt(columns)
        return w.requires_grad_()

    def _see(self, x: Tensor) -> Tensor:
        """Compute the chosen features of points (N, 2)."""
        return torch.stack([FEATURES[name](x[:, 0], x[:, 1]) for name in self.setting.features], 1)

    def _score(self, seen: Tensor) -> Tensor:
        phi = ACTIVATIONS[self.setting.activation]
        for w, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            seen = phi(F.linear(seen, w, b))
        return F.linear(seen, self.weights[-1], self.biases[-1])[:, 0]

    def train(self, steps: int) -> None:
        """Take some steps of stochastic gradient descent, with 32 points each."""
        with torch.enable_grad():
            for _ in range(steps):
                rows = torch.randint(0, len(self.points), (BATCH,), generator=self._generator)
                loss = F.binary_cross_entropy_with_logits(self._score(self._seen[rows]), self.labels[rows])
                self._descent.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self._descent.step()
        self.steps += steps
        self.history.append((self.steps, self.loss(), self.test_loss()))

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """Return the probability of class 1 for points (N, 2)."""
        return torch.sigmoid(self._score(self._see(x)))

    @torch.no_grad()
    def loss(self) -> float:
        """Return the mean cross-entropy of the training points."""
        return float(F.binary_cross_entropy_with_logits(self._score(self._seen), self.labels))

    @torch.no_grad()
    def test_loss(self) -> float:
        """Return the mean cross-entropy of points that are never trained on."""
        scores = self._score(self._see(self.test_points))
        return float(F.binary_cross_entropy_with_logits(scores, self.test_labels))

    def accuracy(self) -> float:
        """Return the share of test points that are told apart rightly."""
        said = self.predict(self.test_points) > 0.5
        return float((said == (self.test_labels > 0.5)).float().mean())
