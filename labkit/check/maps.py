"""The checks of Lab 4: one function an exercise, each returning the share of points earned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.check.draw import Seed
from labkit.check.earned import Earned
from labkit.check.hooks import tiny_net
from labkit.check.marks import earn
from labkit.check.specs_maps import EXERCISES, MUTANTS, SPECS

Fn = Callable[..., Any] | None  # None: a student may hand over nothing
__all__ = [
    "EXERCISES",
    "MUTANTS",
    "cam",
    "field_of",
    "filter_pictures",
    "grad_cam",
    "map_shapes",
    "montage",
    "occlusion_map",
    "receptive_field",
    "record",
    "sparsity",
    "stretch",
    "top_k",
]


def record(fn: Fn, build: Fn = tiny_net, *, seed: Seed = None) -> Earned:
    """Check `record(net, names, x)`: what the named layers put out, and a network left as it was.

    Args:
        fn: The student's function.
        build: Builds the network that the exercise gives; weights are loaded into it.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("record", [(SPECS["record"], fn)], seed, tiny_net if build is None else build)


def stretch(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `stretch(maps)`: each map of (C, H, W) from 0 to 1, a constant one to 0.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("stretch", [(SPECS["stretch"], fn)], seed)


def montage(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `montage(maps, columns, gap=1, value=1.0)`: (C, H, W) to one picture, row by row.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("montage", [(SPECS["montage"], fn)], seed)


def filter_pictures(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `filter_pictures(weights)`: (K, 3, kh, kw) to (K, kh, kw, 3), weight 0 to 0.5.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("filter_pictures", [(SPECS["filter_pictures"], fn)], seed)


def map_shapes(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `map_shapes(image, layers)`: the shape (C, H, W) behind each layer, exactly.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("map_shapes", [(SPECS["map_shapes"], fn)], seed)


def sparsity(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `sparsity(maps) -> (zeros, silent)`: shares of zeros, and of channels 0 in all images.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("sparsity", [(SPECS["sparsity"], fn)], seed)


def receptive_field(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `receptive_field(layers) -> (field, jump)` for lists of (kernel size, stride), exactly.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass, field and jump apart; the message is printed.
    """
    return earn("receptive_field", [(SPECS["receptive_field"], fn)], seed)


def field_of(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `field_of(f, x, row, col) -> (top, left, height, width)`: pixels with a gradient, exactly.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("field_of", [(SPECS["field_of"], fn)], seed)


def top_k(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `top_k(logits, names, k=5)`: a list of (name, probability), the most probable first.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass, names and probabilities apart; the message is printed.
    """
    return earn("top_k", [(SPECS["top_k"], fn)], seed)


def occlusion_map(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `occlusion_map(f, x, size, stride, fill=0.0)`: how much f falls for each covered box.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("occlusion_map", [(SPECS["occlusion_map"], fn)], seed)


def cam(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `cam(maps, weights, label)`: (C, H, W) and (K, C) to (H, W).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("cam", [(SPECS["cam"], fn)], seed)


def grad_cam(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `grad_cam(features, head, x, label)`: an image (1, 3, H, W) to a map (h, w), not below 0.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("grad_cam", [(SPECS["grad_cam"], fn)], seed)
