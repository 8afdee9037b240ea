"""Functions with a backward of their own, judged by what they give and by the gradient through them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from labkit.check.calling import UnusableError


def through(fn: Callable[..., Any], *, smooth: bool) -> Callable[..., Any]:
    """Turn a function of x into one of (x, dy) that gives (y, dx); nothing but calls of fn is needed.

    Args:
        fn: the student's function; it may live in another process.
        smooth: its backward is the slope of its forward, so `torch.autograd.gradcheck` has to agree.

    Returns:
        The function.
    """

    def both(x: Tensor, dy: Tensor) -> Any:
        leaf = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            y = fn(leaf)
            if not isinstance(y, Tensor) or y.shape != x.shape:
                return y, None
            if not y.requires_grad:
                raise UnusableError(
                    "a tensor, but the result has no gradient: call the apply of your Function"
                )
            try:
                (dx,) = torch.autograd.grad(y, leaf, dy.to(y.dtype), allow_unused=True)
            except NotImplementedError:
                return y, None
            if smooth and x.ndim == 1 and x.dtype == torch.float64:
                _agrees(fn, x, y, dx, dy)
        return y, dx

    return both


def _agrees(fn: Any, x: Tensor, y: Tensor, dx: Tensor | None, dy: Tensor) -> None:
    """Let finite differences have their say, away from 0, where the value and the gradient are right once."""
    away = torch.where(x == 0, torch.ones_like(x), x).requires_grad_()
    want = torch.where(x > 0, dy, torch.zeros_like(dy))
    if dx is None or not torch.equal(y, x.relu()) or not torch.equal(dx, want):
        return  # wrong already, which is judged by the numbers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.autograd.gradcheck(fn, (away,))
