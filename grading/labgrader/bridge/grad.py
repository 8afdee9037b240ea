"""Autograd across the bridge: a call is one differentiable function, and parameters have twins.

Tensors among a call's arguments that require a gradient become leaves on the answering side. A result that
has a graph there becomes, here, the output of a `torch.autograd.Function` whose backward asks the other
side. Parameters that live in the student's process have a twin in the trusted one; before each request and
with each reply the sides tell each other which twins changed, values and `.grad`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch

from .arrays import read_tensor, sendable, tensor_form, tensor_parts
from .errors import WireError
from .twins import Twins, plain_copy
from .unwire import Decoder, arity
from .wire import Encoder

Ask = Callable[[int, torch.Tensor, int, list[int]], Any]


class Link:
    """What a result's graph needs to ask the other side for gradients."""

    def __init__(self, owner: Gradients, number: int, value: torch.Tensor, live: list[torch.Tensor]) -> None:
        self.owner, self.number, self.value, self.live = owner, number, value, len(live)
        self.twins = list(owner.twins.by_number)
        self.wanted = [(x.shape, x.dtype) for x in [*live, *owner.twins.tensors()]]

    def backward(self, gradient: torch.Tensor) -> list[torch.Tensor | None]:
        """Return the gradients of the live arguments, then of the twins."""
        got = self.owner.ask(self.number, gradient.detach().contiguous(), self.live, self.twins)
        if type(got) is not list or len(got) != len(self.wanted):
            raise WireError("The gradients that came back have the wrong number.")
        for g, (shape, dtype) in zip(got, self.wanted, strict=True):
            if g is not None and (type(g) is not torch.Tensor or g.shape != shape or g.dtype != dtype):
                raise WireError("A gradient that came back has the wrong shape or type.")
        return got


class _Remote(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, link: Link, *inputs: torch.Tensor) -> torch.Tensor:
        ctx.link = link
        value = link.value
        del link.value
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        return (None, *ctx.link.backward(gradient), None)


class Gradients:
    """Tensors with a graph, written and read on one side.

    Args:
        ask: asks the other side for gradients (number, gradient, how many live arguments, twins' numbers).
        twins: the shared parameters.
        numbers: gives each exported result its number.
        freed: takes the numbers of the other side's results that this side holds no more.
    """

    def __init__(
        self, ask: Ask, twins: Twins, numbers: Iterator[int], freed: Callable[[int], None] | None = None
    ) -> None:
        self.ask, self.twins, self.numbers = ask, twins, numbers
        self.graphs: dict[int, tuple[torch.Tensor, list[torch.Tensor]]] = {}
        self.freed = freed or (lambda number: None)

    def free(self, numbers: list[int]) -> None:
        """Forget exported graphs."""
        for number in numbers:
            self.graphs.pop(number, None)

    def write(self, e: Encoder, x: torch.Tensor) -> Any:
        """Return the form of a tensor of exactly the base class (or a Parameter with a graph of its own)."""
        if not x.requires_grad or not sendable(x):
            return tensor_form(e, x)
        if e.live is not None:
            e.live.append(x)
            return ["x", *tensor_parts(e, x), x.is_leaf]
        if x.is_leaf and not any(x is leaf for leaf in e.leaves):
            return tensor_form(e, x)
        number = next(self.numbers)
        with torch.enable_grad():
            self.graphs[number] = (x.view_as(x) if x.is_leaf else x, list(e.leaves))
        return ["g", *tensor_parts(e, x), number]

    def read_argument(self, d: Decoder, j: list[Any], depth: int) -> torch.Tensor:
        """Return an argument that requires a gradient and note its leaf."""
        arity(j, 4)
        x = read_tensor(d, j[1], j[2])
        if type(j[3]) is not bool or not (x.is_floating_point() or x.is_complex()):
            raise WireError("A tensor of whole numbers cannot require a gradient.")
        leaf = x.requires_grad_()
        d.live.append(leaf)
        if j[3]:
            return leaf
        with torch.enable_grad():
            return leaf.clone()

    def read_result(self, d: Decoder, j: list[Any], depth: int) -> torch.Tensor:
        """Return a result whose backward asks the other side."""
        arity(j, 4)
        x = read_tensor(d, j[1], j[2])
        if type(j[3]) is not int or not (x.is_floating_point() or x.is_complex()):
            raise WireError("A result with a graph has the wrong form.")
        link = Link(self, j[3], x, d.live)
        weakref.finalize(link, self.freed, j[3]).atexit = False
        anchor = torch.zeros(0, requires_grad=True)
        return _Remote.apply(link, *d.live, *self.twins.tensors(), anchor)  # type: ignore[no-any-return]

    def backward(
        self, number: Any, gradient: Any, live: Any, twins: Any, *, fill: bool
    ) -> list[torch.Tensor | None]:
        """Answer the other side's question for gradients of an exported result.

        Args:
            number: the result.
            gradient: gradient of the final value with respect to it.
            live: how many arguments the call had that require a gradient.
            twins: numbers of the parameters that the other side also wants.
            fill: let all other parameters of the graph collect their gradient here.
        """
        kinds = type(number) is int and type(live) is int and type(twins) is list
        if not kinds or type(gradient) is not torch.Tensor or number not in self.graphs:
            raise WireError("Gradients of an unknown result were asked for.")
        result, leaves = self.graphs[number]
        shared = [self.by_twin(n) for n in twins]
        if live != len(leaves) or gradient.shape != result.shape or gradient.dtype != result.dtype:
            raise WireError("Gradients were asked for with the wrong shape or number of arguments.")
        wanted = [*leaves, *shared]
        with torch.enable_grad():
            if not fill:
                known = [x for x in wanted if x is not None]
                got = iter(
                    torch.autograd.grad(result, known, gradient, retain_graph=True, allow_unused=True)
                    if known
                    else ()
                )
                return [None if x is None else next(got) for x in wanted]
            return _collect(result, gradient, wanted)

    def by_twin(self, number: Any) -> torch.Tensor | None:
        """Return a shared parameter by its number, None when it is gone."""
        twin = self.twins.by_number.get(number) if type(number) is int else None
        return None if twin is None else twin.tensor


def _collect(
    result: torch.Tensor, gradient: torch.Tensor, wanted: list[torch.Tensor | None]
) -> list[torch.Tensor | None]:
    """Run backward through everything, but take the wanted gradients out instead of adding them."""
    known = [x for x in wanted if x is not None]
    before = [x.grad for x in known]
    try:
        for x in known:
            x.grad = None
        torch.autograd.backward(result, gradient, retain_graph=True)
        return [None if x is None or x.grad is None else plain_copy(x.grad) for x in wanted]
    finally:
        for x, grad in zip(known, before, strict=True):
            x.grad = grad
