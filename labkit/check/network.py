"""The check of `build_net`: what a network is before it has learned anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit import nets
from labkit.check.calling import CUT, UnusableError
from labkit.check.case import Case, Rule, Spec
from labkit.check.cases_results import near_ln10
from labkit.check.draw import Draw
from labkit.check.mutants_build import MUTANTS

BUDGET = 300_000
LEAST = 5_000
READY = "a network that labkit brings ready-made: put one of your own together from the layers of torch.nn"


def _scores(net: Any, x: Tensor) -> Any:
    return net(x)


def _share(net: Any, x: Tensor) -> Tensor:
    """0 if there are scores below 0, or only zeros; 1 if some are 0; 1.5 if none is; 2 if rows add to 1."""
    y = net(x).detach().double()
    if bool((y < 0).any()) or not bool(y.any()):
        return torch.tensor(0.0)
    ones = bool((y.sum(1) - 1).abs().max() < 1e-3)
    return torch.tensor(2.0 if ones else 1.0 if bool((y == 0).any()) else 1.5)


def _count(net: Any, x: Tensor) -> Tensor:
    return torch.tensor(float(sum(p.numel() for p in net.parameters())))


def _loss(net: Any, x: Tensor) -> Tensor:
    with torch.no_grad():
        return F.cross_entropy(net(x).double(), torch.arange(len(x)) % 10)


@contextmanager
def _shaken(net: Any) -> Iterator[None]:
    """Move all weights a little for a while: what stands behind a layer that starts at 0 counts, too."""
    noise = torch.Generator().manual_seed(0)
    start = {name: value.detach().clone() for name, value in dict(net.state_dict()).items()}
    shaken = dict(start)
    for name, _ in net.named_parameters():
        shake = torch.randn(start[name].shape, generator=noise).to(start[name].dtype)
        shaken[name] = start[name] + shake / 100
    net.load_state_dict(shaken)
    yield
    net.load_state_dict(start)


def _unused(net: Any, x: Tensor) -> Tensor:
    """How many weights (of more than one axis) get no gradient, and how many are frozen."""
    parts = list(net.parameters())
    with _shaken(net), torch.enable_grad():
        scores = net(x)
        if not scores.requires_grad and any(p.requires_grad for p in parts):
            raise UnusableError(CUT)
        loss = F.cross_entropy(scores, torch.arange(len(x)) % 10)
        loss.backward()  # type: ignore[no-untyped-call]
    free = [p for p in parts if p.ndim > 1 and p.requires_grad]
    idle = [p for p in free if p.grad is None or not bool(p.grad.abs().max() > 0)]
    return torch.tensor([float(len(idle)), float(sum(not p.requires_grad for p in parts))])


def _corners(net: Any, x: Tensor) -> Tensor:
    """How many of the four corners change the scores when they are painted over."""
    net.eval()
    with _shaken(net), torch.no_grad():
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


def _shared(net: Any, other: Any) -> Tensor:
    """Whether a network that was switched and one that was built after it are in the same mode, 1 or 0."""
    return torch.tensor(float(bool(net.training) == bool(other.training)))


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
            "numbers of which none is below 0",
            "scores of any size and sign",
            lambda v: (
                "leave the softmax out: F.cross_entropy contains it, and twice flattens the gradient"
                if float(v) == 2
                else "end with the linear layer: a sigmoid or a ReLU behind it leaves no scores below 0"
            ),
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
    "a fresh network each time": (
        _shared,
        _number(
            lambda v: v == 0,
            "a network that is the one of the call before",
            "a new network from each call",
            "make the layers inside build_net",
        ),
    ),
    "every weight takes part": (
        _unused,
        Rule(
            (2,),
            lambda v: not bool(v.any()),
            "a gradient for every weight",
            lambda v: (
                "their requires_grad is False: leave it as it is"
                if v[1]
                else "maybe a layer is made, but never called, or what it gives does not reach the scores"
            ),
            lambda v: (
                f"a network with {v[1]:.0f} frozen parameters"
                if v[1]
                else f"a network with {v[0]:.0f} weights that get no gradient"
            ),
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


def _plan(net: Any) -> tuple[list[str], list[tuple[int, ...]]]:
    """Read the names of a network's parts and the shapes of its parameters."""
    return [str(name) for name, _ in net.named_modules()], [tuple(p.shape) for p in net.parameters()]


@cache
def _ready_made() -> list[tuple[list[str], list[tuple[int, ...]]]]:
    with torch.random.fork_rng(devices=[]):
        made = nets.introductory(), nets.small_resnet(), nets.small_resnet((8, 16, 32, 32)), nets.patchwise()
    return [_plan(net) for net in made]


def asked(build_net: Callable[..., Any]) -> Callable[..., Any]:
    """Turn `build_net` into a function that answers one question about a fresh network.

    Args:
        build_net: the student's function without arguments; it may live in another process.
    """

    def answer(question: str, x: Tensor) -> Any:
        measure, _ = QUESTIONS[question]
        with torch.random.fork_rng(devices=[]):
            net = build_net()
            if net is None:
                return None  # the return line is missing
            ready = False
            with suppress(Exception), torch.no_grad():  # lazy layers have no weights before
                net(x)
                ready = _plan(net) in _ready_made()
            if ready:
                raise UnusableError(READY)
            if measure is _shared:
                net.train(not net.training)  # a fresh one does not know
                return _shared(net, build_net())
            result = measure(net, x)
            for _ in range(3 if measure is _share and 1 <= float(result) < 2 else 0):
                result = min(
                    result, measure(build_net(), x)
                )  # by chance a network starts without any below 0
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


SPEC = Spec("build_net", (), cases, MUTANTS, tensors=False, witness="what was asked", adapt=asked)
