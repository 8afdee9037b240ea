"""The functions of Lab 1: their parameters, cases and named wrong answers."""

from __future__ import annotations

from labkit.check import (
    cases_convolution,
    cases_layer,
    cases_size,
    equivariance,
    kernels,
    mutants_gradient,
    mutants_image,
    mutants_layer,
    mutants_size,
)
from labkit.check.case import Mutant, Spec

_ALL = (
    Spec("out_size", ("i", "k", "s", "p", "d"), cases_size.out_size, mutants_size.OUT_SIZE, tensors=False),
    Spec("corr2d", ("x", "k"), cases_convolution.corr2d, mutants_image.CORR2D),
    Spec("convolve2d", ("x", "k"), cases_convolution.convolve2d, mutants_image.CONVOLVE2D),
    Spec(
        "pad2d",
        ("x", "top", "bottom", "left", "right", "value"),
        cases_convolution.pad2d,
        mutants_image.PAD2D,
    ),
    kernels.BLUR,
    kernels.EDGE,
    Spec("merge_kernels", ("k1", "k2"), cases_convolution.merge_kernels, mutants_image.MERGE_KERNELS),
    Spec("conv2d", ("x", "w", "b", "stride", "padding"), cases_layer.conv2d, mutants_layer.CONV2D),
    Spec("im2col", ("x", "kernel_size", "stride"), cases_layer.im2col, mutants_layer.IM2COL),
    Spec("corr1d", ("x", "k", "stride"), cases_convolution.corr1d, mutants_image.CORR1D),
    Spec(
        "conv_cost",
        ("c_in", "c_out", "kernel_size", "out_size", "groups", "bias"),
        cases_size.conv_cost,
        mutants_size.CONV_COST,
        parts=("params", "multiply_adds"),
        tensors=False,
    ),
    Spec(
        "shift_error",
        ("f", "x", "dy", "dx"),
        equivariance.shift_error,
        equivariance.SHIFT_ERROR,
        keeps=False,
        witness="the known error of f",
    ),
    Spec(
        "conv2d_backward",
        ("x", "w", "dy", "stride"),
        cases_layer.conv2d_backward,
        mutants_gradient.CONV2D_BACKWARD,
        parts=("dx", "dw", "db"),
    ),
    Spec(
        "transposed_size",
        ("i", "k", "s", "p", "output_padding", "d"),
        cases_size.transposed_size,
        mutants_size.TRANSPOSED_SIZE,
        tensors=False,
    ),
)
SPECS: dict[str, Spec] = {spec.name: spec for spec in _ALL}
"""Function that a student writes -> what its check needs."""

MUTANTS: dict[str, tuple[Mutant, ...]] = {spec.name: spec.mutants for spec in _ALL}
"""Function -> its named wrong answers; `fn` takes what the student's function takes."""

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
