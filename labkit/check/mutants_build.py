"""Named wrong answers for `build_net`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from labkit.check.case import Mutant


def _plain(*middle: nn.Module, first: int = 3, head: tuple[nn.Module, ...] = ()) -> nn.Module:
    return nn.Sequential(nn.Conv2d(first, 16, 3, padding=1, stride=2), nn.ReLU(), *middle, *head)


def good() -> nn.Module:
    """A small network with which nothing is wrong."""
    return _plain(
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip


def _layers(end: int) -> list[nn.Module]:
    return list(good().children())[:end]


class _Idle(nn.Module):
    """A network with a layer that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.forgotten = good(), nn.Linear(128, 64)

    def forward(self, x: Tensor) -> Any:
        return self.inside(x)


class _Cut(nn.Module):
    """A network that sees a part of the picture only."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = good()

    def forward(self, x: Tensor) -> Any:
        return self.inside(x[:, :, :16, :16])


class _Batch(nn.Module):
    """A network that normalises by the batch at hand, also when it is measured."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = good()

    def forward(self, x: Tensor) -> Any:
        return self.inside((x - x.mean(0)) / (x.std(0) + 1e-5)) if len(x) > 1 else self.inside(x)


def _wide() -> nn.Module:
    return _plain(nn.Flatten(), nn.Linear(16 * 256, 100), nn.ReLU(), nn.Linear(100, 10))


def _bold() -> nn.Module:
    net = good()
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(8)
    return net


_ONCE: list[nn.Module] = []


def _kept() -> nn.Module:
    """Build one network, once."""
    _ONCE[:] = _ONCE or [good()]
    return _ONCE[0]


def _wrong(name: str, build: Callable[[], nn.Module]) -> Mutant:
    """Make a mutant that builds the same network each time."""

    def seeded() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return build()

    return Mutant(name, seeded)


MUTANTS = (
    _wrong("a network with softmax at its end, which cross_entropy contains",
           lambda: nn.Sequential(good(), nn.Softmax(1))),
    _wrong("a network with a sigmoid at its end", lambda: nn.Sequential(good(), nn.Sigmoid())),
    _wrong("a network with a ReLU at its end", lambda: nn.Sequential(good(), nn.ReLU())),
    Mutant("one network, made once and given out again", _kept),
    _wrong("a network with a linear layer behind a large map", _wide),
    _wrong("a network that starts with weights eight times too large", _bold),
    _wrong("a network with a layer that is never called", _Idle),
    _wrong("a network that sees the top left of the picture only", _Cut),
    _wrong("a network that takes the batch's own mean, also when it is measured", _Batch),
    _wrong("a network with 100 scores", lambda: nn.Sequential(*_layers(-1), nn.Linear(128, 100))),
    _wrong("a network without a linear layer at its end", lambda: nn.Sequential(*_layers(-2))),
    _wrong("a network with one score", lambda: nn.Sequential(good(), nn.Linear(10, 1))),
    _wrong("a network of 3,126 parameters",
           lambda: nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(768, 4), nn.Linear(4, 10))),
)  # fmt: skip
