"""The checks of Lab 1: one function an exercise, each returning the share of points earned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.check import cases_convolution as cases
from labkit.check import (
    equivariance,
    kernels,
    mutants_gradient,
    mutants_image,
    mutants_layer,
    mutants_size,
)
from labkit.check.case import Mutant, Spec
from labkit.check.draw import Seed
from labkit.check.earned import Earned
from labkit.check.marks import earn as _check

Fn = Callable[..., Any]
__all__ = [
    "EXERCISES",
    "MUTANTS",
    "Mutant",
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

EXERCISES: dict[str, tuple[str, ...]] = {
    "out_size": ("out_size",),
    "corr2d": ("corr2d",),
    "convolve2d": ("convolve2d",),
    "pad2d": ("pad2d",),
    "design": ("blur_kernel", "edge_kernel"),
    "merge_kernels": ("merge_kernels",),
    "conv2d": ("conv2d",),
    "im2col": ("im2col",),
    "corr1d": ("corr1d",),
    "conv_cost": ("conv_cost",),
    "shift_error": ("shift_error",),
    "conv2d_backward": ("conv2d_backward",),
    "transposed_size": ("transposed_size",),
}
"""Exercise, which is the name of its check -> the functions a student writes, in the order it takes them."""
MUTANTS: dict[str, tuple[Mutant, ...]] = {
    "out_size": mutants_size.OUT_SIZE,
    "corr2d": mutants_image.CORR2D,
    "convolve2d": mutants_image.CONVOLVE2D,
    "pad2d": mutants_image.PAD2D,
    "blur_kernel": kernels.BLUR_MUTANTS,
    "edge_kernel": kernels.EDGE_MUTANTS,
    "merge_kernels": mutants_image.MERGE_KERNELS,
    "conv2d": mutants_layer.CONV2D,
    "im2col": mutants_layer.IM2COL,
    "corr1d": mutants_image.CORR1D,
    "conv_cost": mutants_size.CONV_COST,
    "shift_error": equivariance.SHIFT_ERROR,
    "conv2d_backward": mutants_gradient.CONV2D_BACKWARD,
    "transposed_size": mutants_size.TRANSPOSED_SIZE,
}
"""Function -> its named wrong answers; `fn` takes what the student's function takes."""


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
    spec = Spec("out_size", ("i", "k", "s", "p", "d"), cases.out_size, MUTANTS["out_size"], tensors=False)
    return _check("out_size", [(spec, fn)], seed)


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
        ✓ corr2d: all 9 cases agree with torch.
    """
    return _check("corr2d", [(Spec("corr2d", ("x", "k"), cases.corr2d, MUTANTS["corr2d"]), fn)], seed)


def convolve2d(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `convolve2d(x, k)`: true convolution, the kernel flipped on both axes, without padding.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    spec = Spec("convolve2d", ("x", "k"), cases.convolve2d, MUTANTS["convolve2d"])
    return _check("convolve2d", [(spec, fn)], seed)


def pad2d(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `pad2d(x, top, bottom, left, right, value=0.0)`: (H, W) to (top+H+bottom, left+W+right).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    spec = Spec("pad2d", ("x", "top", "bottom", "left", "right", "value"), cases.pad2d, MUTANTS["pad2d"])
    return _check("pad2d", [(spec, fn)], seed)


def design(blur_kernel: Fn, edge_kernel: Fn, *, seed: Seed = None) -> Earned:
    """Check `blur_kernel(n)` and `edge_kernel()` by their properties; each is worth half.

    The blur has shape (n, n) for odd and even n, no negative weight, weights that sum to 1 (so a flat image
    stays as it is), and more than one weight above 0; it need not be symmetric. The edge kernel has shape
    (3, 3), sums to 0, answers a vertical edge with at least a tenth of the edge's height times the sum of the
    absolute weights, and does not answer a horizontal edge at all. The dtype of both is free.

    Args:
        blur_kernel: The student's first function.
        edge_kernel: The student's second function.
        seed: None for the published inputs; an int, str or bytes draws other sizes and edges.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("design", [(kernels.BLUR, blur_kernel), (kernels.EDGE, edge_kernel)], seed)


def merge_kernels(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `merge_kernels(k1, k2)`: one kernel that does to any image what k1 and then k2 do.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    spec = Spec("merge_kernels", ("k1", "k2"), cases.merge_kernels, MUTANTS["merge_kernels"])
    return _check("merge_kernels", [(spec, fn)], seed)


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
    spec = Spec("conv2d", ("x", "w", "b", "stride", "padding"), cases.conv2d, MUTANTS["conv2d"])
    return _check("conv2d", [(spec, fn)], seed)


def im2col(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `im2col(x, kernel_size, stride=(1, 1))`: (N, C, H, W) to (N, C*kh*kw, L), ordered as F.unfold.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    spec = Spec("im2col", ("x", "kernel_size", "stride"), cases.im2col, MUTANTS["im2col"])
    return _check("im2col", [(spec, fn)], seed)


def corr1d(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `corr1d(x, k, stride=1)`: (L,) and (n,) to ((L-n)//stride + 1,).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check(
        "corr1d", [(Spec("corr1d", ("x", "k", "stride"), cases.corr1d, MUTANTS["corr1d"]), fn)], seed
    )


def conv_cost(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `conv_cost(c_in, c_out, kernel_size, out_size, groups=1, bias=True) -> (params, multiply_adds)`.

    Both are ints; the bias adds c_out parameters and no multiply-adds.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass, parameters and multiply-adds apart; the message is printed.
    """
    params = ("c_in", "c_out", "kernel_size", "out_size", "groups", "bias")
    parts = ("params", "multiply_adds")
    spec = Spec("conv_cost", params, cases.conv_cost, MUTANTS["conv_cost"], parts, tensors=False)
    return _check("conv_cost", [(spec, fn)], seed)


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
    """
    params = ("f", "x", "dy", "dx")
    spec = Spec(
        "shift_error",
        params,
        equivariance.shift_error,
        MUTANTS["shift_error"],
        witness="the known error of f",
    )
    return _check("shift_error", [(spec, fn)], seed)


def conv2d_backward(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `conv2d_backward(x, w, dy, stride=(1, 1)) -> (dx, dw, db)`, the gradients without padding.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass, dx, dw and db apart; the message is printed.
    """
    params, parts = ("x", "w", "dy", "stride"), ("dx", "dw", "db")
    spec = Spec("conv2d_backward", params, cases.conv2d_backward, MUTANTS["conv2d_backward"], parts)
    return _check("conv2d_backward", [(spec, fn)], seed)


def transposed_size(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `transposed_size(i, k, s=1, p=0, output_padding=0, d=1) -> int`, exactly.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    params = ("i", "k", "s", "p", "output_padding", "d")
    mutants = MUTANTS["transposed_size"]
    spec = Spec("transposed_size", params, cases.transposed_size, mutants, tensors=False)
    return _check("transposed_size", [(spec, fn)], seed)
