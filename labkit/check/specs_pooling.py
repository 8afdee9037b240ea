"""The functions of Lab 2: their parameters, cases and named wrong answers."""

from __future__ import annotations

from labkit.check import cases_pooling as cases
from labkit.check import cases_pooling_nets as nets
from labkit.check import (
    mutants_pooling,
    mutants_pooling2d,
    mutants_pooling_blur,
    mutants_pooling_gradient,
    mutants_pooling_layers,
    mutants_pooling_nets,
)
from labkit.check.case import Mutant, Spec

SPECS: dict[str, Spec] = {
    spec.name: spec
    for spec in (
        Spec("max_pool", ("x", "kernel_size", "stride"), cases.max_pool, mutants_pooling.MAX_POOL),
        Spec("avg_pool", ("x", "kernel_size", "stride"), cases.avg_pool, mutants_pooling.AVG_POOL),
        Spec(
            "pool_size",
            ("i", "k", "s", "p", "ceil_mode"),
            nets.pool_size,
            mutants_pooling_layers.POOL_SIZE,
            tensors=False,
        ),
        Spec(
            "max_pool2d",
            ("x", "kernel_size", "stride", "padding"),
            cases.max_pool2d,
            mutants_pooling2d.MAX_POOL2D,
        ),
        Spec(
            "avg_pool2d",
            ("x", "kernel_size", "stride", "padding", "count_include_pad"),
            cases.avg_pool2d,
            mutants_pooling2d.AVG_POOL2D,
        ),
        Spec(
            "max_pool2d_backward",
            ("x", "dy", "kernel_size", "stride"),
            cases.max_pool2d_backward,
            mutants_pooling_gradient.MAX_POOL2D_BACKWARD,
        ),
        Spec(
            "max_from_relu",
            ("a", "b", "relu"),
            cases.max_from_relu,
            mutants_pooling_layers.MAX_FROM_RELU,
        ),
        Spec(
            "mean_kernels",
            ("channels", "kernel_size"),
            nets.mean_kernels,
            mutants_pooling_layers.MEAN_KERNELS,
            tensors=False,
            witness="torch's average pooling",
        ),
        Spec("global_avg_pool", ("x",), nets.global_avg_pool, mutants_pooling_nets.GLOBAL_AVG_POOL),
        Spec(
            "head_params",
            ("channels", "height", "width", "classes"),
            nets.head_params,
            mutants_pooling_nets.HEAD_PARAMS,
            parts=("flattened", "pooled"),
            tensors=False,
        ),
        Spec(
            "shift_curve",
            ("f", "x", "most"),
            nets.shift_curve,
            mutants_pooling_nets.SHIFT_CURVE,
            witness="the known curve of f",
        ),
        Spec("blur_pool2d", ("x", "stride"), nets.blur_pool2d, mutants_pooling_blur.BLUR_POOL2D),
    )
}
"""Function -> what its check needs."""
EXERCISES: dict[str, tuple[str, ...]] = {name: (name,) for name in SPECS}
"""Exercise, which is the name of its check -> the functions a student writes, in the order it takes them."""
MUTANTS: dict[str, tuple[Mutant, ...]] = {name: spec.mutants for name, spec in SPECS.items()}
"""Function -> its named wrong answers; `fn` takes what the student's function takes."""
