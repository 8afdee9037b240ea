"""The check of `build_net`: what a network is before it has learned anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labkit.check.case import Case, Mutant, Rule, Spec
from labkit.check.cases_results import near_ln10
from labkit.check.draw import Draw

BUDGET = 300_000
LEAST = 5_000


def _scores(net: Any, x: Tensor) -> Any:
    return net(x)


def _share(net: Any, x: Tensor) -> Tensor:
    """Whether rows add up to 1 and nothing is negative, as probabilities do: 1 or 0."""
    y = net(x).detach().double()
    return torch.tensor(float(bool((y >= 0).all()) and bool((y.sum(1) - 1).abs().max() < 1e-3)))


def _count(net: Any, x: Tensor) -> Tensor:
    return torch.tensor(float(sum(p.numel() for p in net.parameters())))


def _loss(net: Any, x: Tensor) -> Tensor:
    with torch.no_grad():
        return F.cross_entropy(net(x).double(), torch.arange(len(x)) % 10)


def _unused(net: Any, x: Tensor) -> Tensor:
    """How many weights (of more than one axis) get no gradient."""
    parts = list(net.parameters())
    with torch.enable_grad():
        loss = F.cross_entropy(net(x), torch.arange(len(x)) % 10)
        loss.backward()  # type: ignore[no-untyped-call]
    idle = [p for p in parts if p.ndim > 1 and (p.grad is None or not bool(p.grad.abs().max() > 0))]
    return torch.tensor(float(len(idle)))


def _corners(net: Any, x: Tensor) -> Tensor:
    """How many of the four corners change the scores when they are painted over."""
    net.eval()
    with torch.no_grad():
        before, seen = net(x).detach(), 0
        for top in (0, 24):
            for left in (0, 24):
                painted = x.clone()
                painted[:, :, top : top + 8, left : left + 8] *= -1
                seen += int(bool((net(painted).detach() - before).abs().max() > 1e-6))
    return torch.tensor(float(seen))


def _alone(net: Any, x: Tensor) -> Tensor:
    """How far the scores of one picture are from its scores among others, in evaluation mode."""
    net.eval()
    with torch.no_grad():
        gap: Tensor = (net(x)[:1].detach() - net(x[:1]).detach()).abs().max()
    return gap.double()


def _number(
    holds: Callable[[float], bool], got: str, wanted: str, hint: str | Callable[[Tensor], str]
) -> Rule:
    return Rule((), lambda v: holds(float(v)), wanted, hint, lambda v: got.format(float(v)))


QUESTIONS: dict[str, tuple[Callable[[Any, Tensor], Any], Rule]] = {
    "ten scores for each picture": (
        _scores,
        Rule((6, 10), lambda v: True, "a tensor of shape (6, 10)", "the last layer gives 10 numbers"),
    ),
    "scores, not probabilities": (
        _share,
        _number(
            lambda v: v == 0,
            "numbers that are probabilities",
            "scores of any size and sign",
            "leave the softmax out: F.cross_entropy contains it, and twice flattens the gradient",
        ),
    ),
    "the budget": (
        _count,
        _number(
            lambda v: LEAST <= v <= BUDGET,
            "a network of {:,.0f} parameters",
            f"{LEAST:,} to {BUDGET:,} parameters",
            lambda v: (
                "most parameters are often in the first linear layer: pool more before it, or use global "
                "average pooling"
                if float(v) > BUDGET
                else "give the convolutions more channels"
            ),
        ),
    ),
    "the first loss": (_loss, near_ln10(0.5)),
    "every weight takes part": (
        _unused,
        _number(
            lambda v: v == 0,
            "a network with {:.0f} weights that get no gradient",
            "a gradient for every weight",
            "maybe a layer is made, but never called",
        ),
    ),
    "the whole picture is seen": (
        _corners,
        _number(
            lambda v: v == 4,
            "a network that sees {:.0f} of the 4 corners of a picture",
            "all four corners to count",
            "a part of the picture is cut off: look at strides and slices",
        ),
    ),
    "one picture does not change another": (
        _alone,
        _number(
            lambda v: v < 1e-3,
            "scores that differ by {:.2g}",
            "the same scores alone as among others, in evaluation mode",
            "normalise with nn.BatchNorm2d, which remembers mean and deviation; flatten from axis 1 on",
        ),
    ),
}


def asked(build_net: Callable[..., Any]) -> Callable[..., Any]:
    """Turn `build_net` into a function that answers one question about a fresh network.

    Args:
        build_net: the student's function without arguments; it may live in another process.
    """

    def answer(question: str, x: Tensor) -> Any:
        measure, _ = QUESTIONS[question]
        with torch.random.fork_rng(devices=[]):
            result = measure(build_net(), x)
        return result.detach() if isinstance(result, Tensor) else result

    return answer


def cases(draw: Draw) -> list[Case]:
    """One case a question."""
    made = []
    for question, (_, rule) in QUESTIONS.items():
        n = {"ten scores for each picture": 6, "the first loss": 64}.get(question, 12)
        x = torch.randn(n, 3, 32, 32, generator=draw.generator)
        note = f"and the network gets pictures of shape {tuple(x.shape)}"
        made.append(Case(question, (question, x), rule, note=note))
    return made


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
SPEC = Spec("build_net", (), cases, MUTANTS, tensors=False, witness="what was asked", adapt=asked)
