"""Parameters of the student's process and their twins in the trusted one, kept equal by messages."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import torch

from .errors import WireError

SAME = "same"
_COMPARED = 4 << 20
_ALONE = 2


def plain_copy(x: torch.Tensor) -> torch.Tensor:
    """Return a detached copy of exactly the base class."""
    return x.detach().as_subclass(torch.Tensor).clone()


@dataclass
class _Twin:
    tensor: torch.Tensor
    data: torch.Tensor
    version: int
    grad: torch.Tensor | None


class Twins:
    """Tensors that exist on both sides under one number, kept equal by messages."""

    def __init__(self) -> None:
        self.by_number: dict[int, _Twin] = {}
        self.numbers: dict[int, int] = {}

    def add(self, number: int, x: torch.Tensor) -> None:
        """Start to watch a tensor; its present state is known to both sides."""
        grad = None if x.grad is None else plain_copy(x.grad)
        self.by_number[number] = _Twin(x, plain_copy(x), x._version, grad)
        self.numbers[id(x)] = number

    def drop(self, number: int) -> None:
        """Stop watching a tensor."""
        twin = self.by_number.pop(number, None)
        if twin is not None:
            self.numbers.pop(id(twin.tensor), None)

    def sweep(self) -> list[int]:
        """Drop the tensors that only this table holds and return their numbers."""
        alone = [n for n, t in self.by_number.items() if sys.getrefcount(t.tensor) <= _ALONE]
        for number in alone:
            self.drop(number)
        return alone

    def number(self, x: torch.Tensor) -> int | None:
        """Return the number of a watched tensor, or None."""
        return self.numbers.get(id(x))

    def tensors(self) -> list[torch.Tensor]:
        """Return the watched tensors in the order they were met."""
        return [t.tensor for t in self.by_number.values()]

    def changes(self) -> list[tuple[int, Any, Any]]:
        """Return what changed since the last exchange: (number, values or None, gradient, None or "same")."""
        if not self.by_number:
            return []
        size = sum(t.tensor.numel() for t in self.by_number.values())
        out = []
        with torch.no_grad():
            for number, t in self.by_number.items():
                x, grad = t.tensor, t.tensor.grad
                moved = x._version != t.version or x.shape != t.data.shape
                if not moved and size <= _COMPARED:
                    moved = not torch.equal(x, t.data)
                if grad is None or t.grad is None:
                    turned = grad is not t.grad
                else:
                    turned = not torch.equal(grad, t.grad)
                if moved:
                    t.data, t.version = plain_copy(x), x._version
                if turned:
                    t.grad = None if grad is None else plain_copy(grad)
                if moved or turned:
                    out.append((number, t.data if moved else None, t.grad if turned else SAME))
        return out

    def apply(self, changes: object) -> None:
        """Take over the changes that the other side reported.

        Raises:
            WireError: they are not of the form that `changes` writes, or do not fit the tensors.
        """
        if type(changes) is not list:
            raise WireError("A list of changed parameters was expected.")
        for change in changes:
            if type(change) is not tuple or len(change) != 3 or type(change[0]) is not int:
                raise WireError("A changed parameter has the wrong form.")
            t = self.by_number.get(change[0])
            if t is None:
                continue
            _, data, grad = change
            if data is not None:
                if type(data) is not torch.Tensor or data.dtype != t.tensor.dtype or data.requires_grad:
                    raise WireError("A changed parameter has the wrong type.")
                if data.shape == t.tensor.shape:
                    t.tensor.data.copy_(data)
                else:
                    t.tensor.data = data.clone()
                t.data, t.version = data, t.tensor._version
            if grad is None:
                t.tensor.grad = t.grad = None
            elif type(grad) is torch.Tensor and grad.dtype == t.tensor.dtype and grad.shape == t.tensor.shape:
                t.tensor.grad, t.grad = grad.clone(), grad
            elif type(grad) is not str or grad != SAME:
                raise WireError("A changed gradient has the wrong type.")
