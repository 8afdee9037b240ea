"""What the named wrong answers are made with: mistakes that any function of tensors can have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from labkit.check.case import Mutant


def whole(oracle: Callable[..., Any]) -> Mutant:
    """The right numbers in a buffer of whole numbers."""
    return Mutant("the right answer cut to whole numbers", lambda *a, **k: oracle(*a, **k).long())


def in_dtype(value: Any, dtype: torch.dtype) -> Any:
    """Give all floats of a result a dtype."""
    if isinstance(value, tuple):
        return tuple(in_dtype(v, dtype) for v in value)
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def half(oracle: Callable[..., Any]) -> Mutant:
    """The right numbers in a buffer of float32."""
    return Mutant("float32 for a float64 input", lambda *a, **k: in_dtype(oracle(*a, **k), torch.float32))


def double(oracle: Callable[..., Any]) -> Mutant:
    """The right numbers in float64, whatever came in."""
    return Mutant("float64 for a float32 input", lambda *a, **k: in_dtype(oracle(*a, **k), torch.float64))


def zeros(oracle: Callable[..., Any]) -> Mutant:
    """The buffer before it is filled."""
    return Mutant("zeros: the buffer is never filled", lambda *a, **k: oracle(*a, **k) * 0)


def changing(oracle: Callable[..., Any], which: int = 0) -> Mutant:
    """The right answer, but an argument is overwritten on the way."""

    def fn(*args: Any, **kwargs: Any) -> Any:
        answer = oracle(*args, **kwargs)
        args[which].mul_(2)
        return answer

    return Mutant("changes its input", fn)


def switching(oracle: Callable[..., Any]) -> Mutant:
    """The right answer, but gradients are off for all that follows."""

    def fn(*args: Any, **kwargs: Any) -> Any:
        answer = oracle(*args, **kwargs)
        torch.set_grad_enabled(False)
        return answer

    return Mutant("leaves gradients switched off", fn)


def usual(oracle: Callable[..., Any], which: int = 0) -> tuple[Mutant, ...]:
    """The mistakes that any function of tensors can have."""
    return whole(oracle), half(oracle), double(oracle), zeros(oracle), changing(oracle, which)


def blank(out: Tensor, *keep: slice) -> Tensor:
    """Zeros but for the kept part."""
    cut = torch.zeros_like(out)
    cut[keep] = out[keep]
    return cut
