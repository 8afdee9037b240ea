"""Named wrong answers for `build_net`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labkit import nets
from labkit.check.calling import CUT
from labkit.check.case import Mutant
from labkit.check.network_measures import ASLEEP, CHANGING, HIDDEN, PARTLY_CUT


def _body() -> list[nn.Module]:
    """Make the layers that the wrong networks begin with; what is behind or around them is wrong."""
    return [
        nn.Conv2d(3, 16, 3, padding=1, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
    ]  # fmt: skip


class _Around(nn.Module):
    """The layers, with something wrong in front of or beside them."""

    def __init__(self, before: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.body, self.fc, self.before = nn.Sequential(*_body()), nn.Linear(128, 10), before
        self.forgotten = None if before else nn.Linear(128, 64)

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.body(self.before(x) if self.before else x))


def _behind(last: nn.Module) -> nn.Module:
    return nn.Sequential(*_body(), nn.Linear(128, 10), last)


class _Cut(nn.Module):
    """Give back what came in, but not where it came from."""

    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


class _Listed(nn.Module):
    """Keep the first layers in a Python list."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.layers, self.fc = _body(), nn.Linear(128, width)
        self.last = nn.Sequential(nn.ReLU(), nn.Linear(width, 10))

    def forward(self, x: Tensor) -> Any:
        for layer in self.layers:
            x = layer.train(self.training)(x)
        return self.last(self.fc(x))


class _Anew(nn.Module):
    """Make a layer in each call."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.fc = nn.Conv2d(3, 64, 3, stride=2), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Any:
        x = nn.Conv2d(64, 64, 3)(self.first(x).relu()).relu()
        return self.fc(x.mean((2, 3)))


class _Lines(nn.Module):
    """Layers in a row, with no activation between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 24, 3, padding=1, stride=2), nn.Conv2d(24, 48, 3)
        self.norm, self.fc = nn.BatchNorm2d(48), nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.norm(self.second(self.first(x))).mean((2, 3)))


def _asleep() -> nn.Module:
    net = nn.Sequential(*_body(), nn.Linear(128, 10))
    for p in net.parameters():
        nn.init.zeros_(p)
    return net


def _own_mean(x: Tensor) -> Tensor:
    return (x - x.mean(0)) / (x.std(0) + 1e-5) if len(x) > 1 else x


def _wide() -> nn.Module:
    return nn.Sequential(*_body()[:2], nn.Flatten(), nn.Linear(4096, 100), nn.ReLU(), nn.Linear(100, 10))


def _bold() -> nn.Module:
    net = nn.Sequential(*_body(), nn.Linear(128, 10))
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(8)
    return net


def _frozen() -> nn.Module:
    net = nn.Sequential(*_body(), nn.Linear(128, 10))
    net[0].requires_grad_(False)
    return net


_ONCE: list[nn.Module] = []


def _kept() -> nn.Module:
    """Build one network, once."""
    _ONCE[:] = _ONCE or [nn.Sequential(*_body(), nn.Linear(128, 10))]
    return _ONCE[0]


def _wrong(name: str, build: Callable[[], nn.Module]) -> Mutant:
    """Make a mutant that builds the same network each time."""

    def seeded() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return build()

    return Mutant(name, seeded)


MUTANTS = (
    _wrong("a network that labkit brings ready-made", nets.small_resnet),
    _wrong("a network with softmax at its end, which cross_entropy contains",
           lambda: _behind(nn.Softmax(1))),
    _wrong("a network with a sigmoid, or what else gives only numbers above 0, at its end",
           lambda: _behind(nn.Sigmoid())),
    _wrong("a network with a ReLU at its end", lambda: _behind(nn.ReLU())),
    _wrong("a network with log_softmax at its end, which cross_entropy contains",
           lambda: _behind(nn.LogSoftmax(1))),
    _wrong("a network with a tanh at its end", lambda: _behind(nn.Tanh())),
    _wrong("a network with a dropout at its end", lambda: _behind(nn.Dropout(0.1))),
    _wrong("a network of linear layers alone", _Lines),
    _wrong("a network of linear layers alone", lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))),
    Mutant(HIDDEN, _Listed),
    Mutant(HIDDEN, lambda: _Listed(10)),
    Mutant(CHANGING, lambda: _Around(lambda x: F.dropout(x, 0.3))),
    Mutant(CHANGING, _Anew),
    _wrong(ASLEEP, _asleep),
    _wrong(PARTLY_CUT,
           lambda: nn.Sequential(*_body(), _Cut(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))),
    Mutant("the class _Around, not a network: return _Around()", lambda: _Around),
    Mutant("one network, made once and given out again", _kept),
    _wrong("a network with a linear layer behind a large map", _wide),
    _wrong("a network that starts with weights eight times too large", _bold),
    _wrong("a network with a layer that is never called", _Around),
    _wrong("a network with frozen parameters (requires_grad is False)",
           _frozen),
    _wrong(CUT, lambda: _behind(_Cut())),
    _wrong("a network that sees the top left of the picture only",
           lambda: _Around(lambda x: x[:, :, :16, :16])),
    _wrong("a network that takes the batch's own mean, also when it is measured",
           lambda: _Around(_own_mean)),
    _wrong("a network with 100 scores", lambda: nn.Sequential(*_body(), nn.Linear(128, 100))),
    _wrong("a network without a linear layer at its end", lambda: nn.Sequential(*_body()[:-1])),
    _wrong("a network with one score", lambda: _behind(nn.Linear(10, 1))),
    _wrong("a network of 3,126 parameters",
           lambda: nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(768, 4), nn.Linear(4, 10))),
)  # fmt: skip
