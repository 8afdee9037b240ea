"""Checks: does the student's function do what the exercise asks? One function an exercise."""

from labkit.check.convolution import (
    conv2d,
    conv2d_backward,
    conv_cost,
    convolve2d,
    corr1d,
    corr2d,
    design,
    im2col,
    merge_kernels,
    out_size,
    pad2d,
    shift_error,
    transposed_size,
)
from labkit.check.earned import Earned

__all__ = [
    "Earned",
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
