"""The checks of Lab 2: one function an exercise, each returning the share of points earned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.check.draw import Seed
from labkit.check.earned import Earned
from labkit.check.marks import earn
from labkit.check.specs_pooling import EXERCISES, MUTANTS, SPECS

Fn = Callable[..., Any] | None  # None: a student may hand over nothing
__all__ = [
    "EXERCISES",
    "MUTANTS",
    "avg_pool",
    "avg_pool2d",
    "blur_pool2d",
    "global_avg_pool",
    "head_params",
    "max_from_relu",
    "max_pool",
    "max_pool2d",
    "max_pool2d_backward",
    "mean_kernels",
    "pool_size",
    "shift_curve",
]


def max_pool(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `max_pool(x, kernel_size, stride)`: (H, W) to (OH, OW), without padding.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> import torch
        >>> earned = max_pool(lambda x, k, s: torch.nn.functional.max_pool2d(x[None], k, s)[0])
        ✓ max_pool: all 8 cases agree with torch.
        >>> 3 * earned
        3.0
    """
    return earn("max_pool", [(SPECS["max_pool"], fn)], seed)


def avg_pool(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `avg_pool(x, kernel_size, stride=None)`: (N, C, H, W) to (N, C, OH, OW), without padding.

    Without a stride the windows lie side by side.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("avg_pool", [(SPECS["avg_pool"], fn)], seed)


def pool_size(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `pool_size(i, k, s, p=0, ceil_mode=False) -> int` on about 190 sizes, exactly.

    With ceil_mode the size is rounded up, but each window starts inside the input or the padding on the left.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("pool_size", [(SPECS["pool_size"], fn)], seed)


def max_pool2d(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `max_pool2d(x, kernel_size, stride=None, padding=(0, 0))`: padding never wins.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> import torch
        >>> earned = max_pool2d(torch.nn.functional.max_pool2d)
        ✓ max_pool2d: all 7 cases agree with torch.
    """
    return earn("max_pool2d", [(SPECS["max_pool2d"], fn)], seed)


def avg_pool2d(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `avg_pool2d(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True)`.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("avg_pool2d", [(SPECS["avg_pool2d"], fn)], seed)


def max_pool2d_backward(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `max_pool2d_backward(x, dy, kernel_size, stride) -> dx`, without padding.

    Of several equal largest pixels in a window the first one in reading order gets all of dy, as in torch.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("max_pool2d_backward", [(SPECS["max_pool2d_backward"], fn)], seed)


def max_from_relu(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `max_from_relu(a, b, relu)`: the larger number of each place, by the relu that is handed in.

    One case hands in softplus. Every right formula then gives log(exp(a) + exp(b)), because
    softplus(t) - softplus(-t) = t, as for relu.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> earned = max_from_relu(lambda a, b, relu: b + relu(a - b))
        ✓ max_from_relu: all 6 cases agree with torch.
    """
    return earn("max_from_relu", [(SPECS["max_from_relu"], fn)], seed)


def mean_kernels(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `mean_kernels(channels, kernel_size)`: weights (C, 1, kh, kw) of a convolution that takes means.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("mean_kernels", [(SPECS["mean_kernels"], fn)], seed)


def global_avg_pool(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `global_avg_pool(x)`: (N, C, H, W) to (N, C).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("global_avg_pool", [(SPECS["global_avg_pool"], fn)], seed)


def head_params(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `head_params(channels, height, width, classes) -> (flattened, pooled)`, exactly, with biases.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass, the two counts apart; the message is printed.
    """
    return earn("head_params", [(SPECS["head_params"], fn)], seed)


def shift_curve(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `shift_curve(f, x, most)`: how much f changes when the image moves by 0 to `most` pixels.

    Number d of the answer is the sum of abs(f(x_d) - f(x)) over the sum of abs(f(x)), where x_d is x moved to
    the right by d, the pixels that leave coming in at the left.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("shift_curve", [(SPECS["shift_curve"], fn)], seed)


def blur_pool2d(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `blur_pool2d(x, stride=(2, 2))`: a blur by [1, 2, 1] / 4 on both axes, then steps.

    The border is reflected, so that the size before the steps stays (H, W).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("blur_pool2d", [(SPECS["blur_pool2d"], fn)], seed)
