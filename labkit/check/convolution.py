"""The checks of Lab 1: one function an exercise, each returning the share of points earned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.check import message
from labkit.check.draw import Seed
from labkit.check.earned import Earned
from labkit.check.run import examine
from labkit.check.specs_convolution import EXERCISES, MUTANTS, SPECS

Fn = Callable[..., Any] | None  # None: a student may hand over nothing
__all__ = [
    "EXERCISES",
    "MUTANTS",
    "conv2d",
    "conv2d_backward",
    "conv_cost",
    "convolve2d",
    "corr1d",
    "corr2d",
    "design",
    "im2col",
    "merge_kernels",
    "out_size",
    "pad2d",
    "shift_error",
    "transposed_size",
]


def _check(exercise: str, *fns: Fn, seed: Seed) -> Earned:
    """Examine the functions of one exercise, print the message and add up what was earned."""
    names = EXERCISES[exercise]
    reports = [examine(SPECS[name], fn, seed) for name, fn in zip(names, fns, strict=True)]
    message.show(message.write(exercise, reports))
    total = sum(len(r.aspects) for r in reports)
    missing = sum(len(r.failed) for r in reports)
    reasons = [text for r in reports for text in message.reasons(r)]
    return Earned(total - missing, total, reasons, [c.name for r in reports for c in r.causes])


def out_size(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `out_size(i, k, s=1, p=0, d=1) -> int` on about 200 sizes, exactly.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> earned = out_size(lambda i, k, s=1, p=0, d=1: (i + 2 * p - d * (k - 1) - 1) // s + 1)
        ✓ out_size: all 7 cases agree with torch.
        >>> 3 * earned
        3.0
    """
    return _check("out_size", fn, seed=seed)


def corr2d(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `corr2d(x, k)`: (H, W) and (kh, kw) to (H-kh+1, W-kw+1), the kernel not flipped.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> import torch
        >>> earned = corr2d(lambda x, k: torch.nn.functional.conv2d(x[None, None], k[None, None])[0, 0])
        ✓ corr2d: all 8 cases agree with torch.
    """
    return _check("corr2d", fn, seed=seed)


def convolve2d(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `convolve2d(x, k)`: true convolution, the kernel flipped on both axes, without padding.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> earned = convolve2d(None)
        ✗ convolve2d: None was given where the function convolve2d was expected. Define it with def.
    """
    return _check("convolve2d", fn, seed=seed)


def pad2d(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `pad2d(x, top, bottom, left, right, value=0.0)`: (H, W) to (top+H+bottom, left+W+right).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> earned = pad2d(None)
        ✗ pad2d: None was given where the function pad2d was expected. Define it with def.
    """
    return _check("pad2d", fn, seed=seed)


def design(blur_kernel: Fn, edge_kernel: Fn, *, seed: Seed = None) -> Earned:
    """Check `blur_kernel(n)` and `edge_kernel()` by their properties; each is worth half.

    The blur has shape (n, n) for odd and even n, no negative weight, weights that sum to 1 (so a flat image
    stays as it is), and no weight above 0.99; it need not be symmetric. The edge kernel has shape
    (3, 3), sums to 0, answers a vertical edge with at least a tenth of the edge's height times the sum of the
    absolute weights, and does not answer a horizontal edge at all. The dtype of both is free.

    Args:
        blur_kernel: The student's first function.
        edge_kernel: The student's second function.
        seed: None for the published inputs; an int, str or bytes draws other sizes and edges.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> earned = design(lambda n: [[1 / n**2] * n] * n, lambda: [[-1, 0, 1]] * 3)
        ✓ design: all 4 cases pass.
    """
    return _check("design", blur_kernel, edge_kernel, seed=seed)


def merge_kernels(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `merge_kernels(k1, k2)`: one kernel that does to any image what k1 and then k2 do.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> earned = merge_kernels(None)
        ✗ merge_kernels: None was given where the function merge_kernels was expected. Define it with def.
    """
    return _check("merge_kernels", fn, seed=seed)


def conv2d(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `conv2d(x, w, b=None, stride=(1, 1), padding=(0, 0))`: (N, C, H, W) to (N, K, OH, OW).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> import torch
        >>> earned = conv2d(torch.nn.functional.conv2d)
        ✓ conv2d: all 10 cases agree with torch.
    """
    return _check("conv2d", fn, seed=seed)


def im2col(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `im2col(x, kernel_size, stride=(1, 1))`: (N, C, H, W) to (N, C*kh*kw, L), ordered as F.unfold.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> earned = im2col(None)
        ✗ im2col: None was given where the function im2col was expected. Define it with def.
    """
    return _check("im2col", fn, seed=seed)


def corr1d(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `corr1d(x, k, stride=1)`: (L,) and (n,) to ((L-n)//stride + 1,).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> earned = corr1d(None)
        ✗ corr1d: None was given where the function corr1d was expected. Define it with def.
    """
    return _check("corr1d", fn, seed=seed)


def conv_cost(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `conv_cost(c_in, c_out, kernel_size, out_size, groups=1, bias=True) -> (params, multiply_adds)`.

    Both are ints; the bias adds c_out parameters and no multiply-adds.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass, parameters and multiply-adds apart; the message is printed.

    Example:
        >>> earned = conv_cost(None)
        ✗ conv_cost: None was given where the function conv_cost was expected. Define it with def.
    """
    return _check("conv_cost", fn, seed=seed)


def shift_error(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `shift_error(f, x, dy, dx)`: how far f is from commuting with a shift, as one number.

    Let y be x moved down by dy >= 0 and right by dx >= 0, with zeros coming in, of the same shape as x, and
    let f(x) have shape (OH, OW). The answer is the largest absolute difference between f(y)[dy:, dx:] and
    f(x)[:OH-dy, :OW-dx]. The functions f used here pad nothing, so no pixel that came in takes part, and
    rolling x instead gives the same number. Their true error is known by construction.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> earned = shift_error(None)
        ✗ shift_error: None was given where the function shift_error was expected. Define it with def.
    """
    return _check("shift_error", fn, seed=seed)


def conv2d_backward(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `conv2d_backward(x, w, dy, stride=(1, 1)) -> (dx, dw, db)`, the gradients without padding.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass, dx, dw and db apart; the message is printed.

    Example:
        >>> earned = conv2d_backward(None)
        ✗ conv2d_backward: None was given where the function conv2d_backward was expected. Define it with def.
    """
    return _check("conv2d_backward", fn, seed=seed)


def transposed_size(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `transposed_size(i, k, s=1, p=0, output_padding=0, d=1) -> int`, exactly.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> earned = transposed_size(None)
        ✗ transposed_size: None was given where the function transposed_size was expected. Define it with def.
    """
    return _check("transposed_size", fn, seed=seed)
