"""The check of `build_net`: what a network is before it has learned anything."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import count
from typing import Any

import torch
from torch import Tensor

from labkit import nets
from labkit.check import network_measures as measures
from labkit.check.calling import UnusableError
from labkit.check.case import Case, Rule, Spec
from labkit.check.draw import Draw
from labkit.check.mutants_build import MUTANTS

BUDGET = 300_000
LARGEST_LOSS = 10.0
READY = "a network that labkit brings ready-made: put one of your own together from the layers of torch.nn"
ENDS = {
    1: ("numbers of which none is below 0", "a sigmoid or a ReLU behind it leaves no scores below 0"),
    3: ("logarithms of probabilities", "F.cross_entropy contains log_softmax"),
    4: ("numbers that never leave -1 to 1", "a tanh behind it leaves no large scores"),
    5: ("scores of which training sets some to 0", "a dropout behind it takes away answers, not features"),
}


def _number(
    holds: Callable[[float], bool], got: str, wanted: str, hint: str | Callable[[Tensor], str]
) -> Rule:
    return Rule((), lambda v: holds(float(v)), wanted, hint, lambda v: got.format(float(v)))


def _last(code: Tensor) -> str:
    if float(code) == 2:
        return "leave the softmax out: F.cross_entropy contains it, and twice flattens the gradient"
    return f"end with the linear layer: {ENDS[int(code)][1]}"


def _size(v: Tensor) -> str:
    if float(v[0]) < measures.LEAST:
        return "give the convolutions more channels"
    if float(v[1]) > 0.5:
        return "most parameters are in one linear layer: pool more before it, or use global average pooling"
    return "use fewer channels, or fewer layers"


QUESTIONS: dict[str, tuple[Callable[[Any, Tensor, measures.Again], Any], Rule]] = {
    "ten scores for each picture": (
        measures.scores,
        Rule((6, 10), lambda v: True, "a tensor of shape (6, 10)", "the last layer gives 10 numbers"),
    ),
    "scores, not probabilities": (
        measures.end,
        Rule(
            (),
            lambda v: float(v) == 0,
            "scores of any size and sign",
            _last,
            lambda v: ENDS[1 if float(v) == 2 else int(v)][0],
        ),
    ),
    "the budget": (
        measures.count,
        Rule(
            (2,),
            lambda v: measures.LEAST <= float(v[0]) <= BUDGET,
            f"{measures.LEAST:,} to {BUDGET:,} parameters",
            _size,
            lambda v: f"a network of {float(v[0]):,.0f} parameters",
        ),
    ),
    "the first loss": (
        measures.loss,
        _number(
            lambda v: v <= LARGEST_LOSS,
            "a loss of {:.2f}",
            f"at most {LARGEST_LOSS:g}; ten equal probabilities give ln 10 = {math.log(10):.2f}",
            "its first scores are too large: use PyTorch's own start, and no factor behind the last layer",
        ),
    ),
    "a fresh network each time": (
        measures.shared,
        _number(
            lambda v: v == 0,
            "a network that is the one of the call before",
            "a new network from each call",
            "make the layers inside build_net",
        ),
    ),
    "every weight takes part": (
        measures.unused,
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
        measures.corners,
        _number(
            lambda v: v == 4,
            "a network that sees {:.0f} of the 4 corners of a picture",
            "all four corners to count",
            "a part of the picture is cut off: look at strides and slices",
        ),
    ),
    "more than a linear map": (
        measures.straight,
        _number(
            lambda v: v == 0,
            "a network that is one linear map, however many layers it has",
            "a network with a non-linearity",
            "put an activation such as nn.ReLU between layers: without it they are a single linear layer",
        ),
    ),
    "one picture does not change another": (
        measures.alone,
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


def _its_class(net: Any) -> str:
    """Name a class of networks that was returned in place of a network, or give an empty string."""
    name = getattr(net, "__name__", "")
    is_class = hasattr(net, "parameters") and not hasattr(net, "training")  # which __init__ sets
    return name if is_class and type(name) is str and name.isidentifier() else ""


def asked(build_net: Callable[..., Any]) -> Callable[..., Any]:
    """Turn `build_net` into a function that answers one question about a fresh network.

    Each network starts from weights that depend on the question only, so that a function always gets the same
    mark; torch's generator is as it was afterwards.

    Args:
        build_net: the student's function without arguments; it may live in another process.
    """

    def answer(question: str, x: Tensor) -> Any:
        measure, _ = QUESTIONS[question]
        seeds = count(1_000 * (1 + list(QUESTIONS).index(question)))

        def again() -> Any:
            torch.default_generator.manual_seed(next(seeds))
            net = build_net()
            if _its_class(net):
                raise UnusableError(f"the class {_its_class(net)}, not a network: return {_its_class(net)}()")
            torch.default_generator.manual_seed(next(seeds))
            with suppress(Exception), torch.no_grad():  # lazy layers have no weights before
                net(x)
            return net

        with torch.random.fork_rng(devices=[]):
            net, ready = again(), False
            if net is None:
                return None  # the return line is missing
            with suppress(Exception):
                ready = _plan(net) in _ready_made()
            if ready:
                raise UnusableError(READY)
            result = measure(net, x, again)
        return result.detach() if isinstance(result, Tensor) else result

    return answer


def cases(draw: Draw) -> list[Case]:
    """One case a question; pictures for the first loss, a matter of more or less, are not drawn."""
    made = []
    for question, (measure, rule) in QUESTIONS.items():
        n = 6 if measure is measures.scores else 64 if measure is measures.loss else 12
        generator = torch.Generator().manual_seed(0) if measure is measures.loss else draw.generator
        x = torch.randn(n, 3, 32, 32, generator=generator)
        note = f"and the network gets pictures of shape {tuple(x.shape)}"
        made.append(Case(question, (question, x), rule, note=note))
    return made


SPEC = Spec("build_net", (), cases, MUTANTS, tensors=False, witness="what was asked", adapt=asked)
