"""When two tensors are the same, and in which way they differ where they are not."""

from __future__ import annotations

import torch
from torch import Tensor

RTOL, ATOL = 1e-9, 1e-10  # float64
RTOL32 = ATOL32 = 1e-4  # float32


def close(a: Tensor, b: Tensor, *, equal_nan: bool = False) -> bool:
    """Compare two plain tensors of one shape with the tolerance of the less precise one."""
    loose = torch.float32 in (a.dtype, b.dtype)
    rtol, atol = (RTOL32, ATOL32) if loose else (RTOL, ATOL)
    return torch.allclose(a.double(), b.double(), rtol=rtol, atol=atol, equal_nan=equal_nan)


def pattern(got: Tensor, want: Tensor) -> str:
    """Describe where or how two tensors of one shape differ, without showing their numbers."""
    got, want = got.double(), want.double()
    off = (got - want).abs() > ATOL32 * (1 + want.abs())
    if off.ndim == 0 or not bool(off.any()):
        return ""
    if bool((got == 0).all()):
        return "every number is 0, as if the buffer was returned before it was filled"
    if bool(off.all()) and off.numel() > 2:
        if close((got / want).float(), (got / want).flatten()[0].float().expand_as(got)):
            return f"every number is the right one times {float((got / want).flatten()[0]):.4g}"
        if close((got - want).float(), (got - want).flatten()[0].float().expand_as(got)):
            return "every number is off by the same amount"
    zeros = want == 0
    if bool(zeros.any()) and not torch.equal(got == 0, zeros):
        if bool((got == 0).any()):
            return "the zeros stand in other places than they should"
    elif torch.equal(off, ~zeros) and int(off.sum()) > 2:
        ratio = (got / want)[off]
        if close(ratio.float(), ratio[0].float().expand_as(ratio)):
            return f"every number that is not 0 is the right one times {float(ratio[0]):.4g}"
    for axis, word in ((off.ndim - 1, "column"), (off.ndim - 2, "row")):
        if axis >= 0 and off.shape[axis] > 1:
            for index, place in ((0, "first"), (-1, "last")):
                rest = off.movedim(axis, 0)[1:] if index == 0 else off.movedim(axis, 0)[:-1]
                if not bool(rest.any()):
                    return (
                        f"only the {place} {word} is wrong"
                        if off.ndim > 1
                        else f"only the {place} number is wrong"
                    )
    return ""
