"""The checks of Lab 5: one function an exercise, each returning the share of points earned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.check.blocks import moody_net
from labkit.check.draw import Seed
from labkit.check.earned import Earned
from labkit.check.marks import earn
from labkit.check.specs_features import EXERCISES, MUTANTS, SPECS

Fn = Callable[..., Any] | None  # None: a student may hand over nothing
__all__ = [
    "EXERCISES",
    "MUTANTS",
    "block_cost",
    "bottleneck",
    "cosine_matrix",
    "embed",
    "features_of",
    "linear_cka",
    "margin",
    "neighbours",
    "pca",
    "prepare",
    "probe",
]


def bottleneck(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check the class `Bottleneck(c_in, width, stride=1)`: strict weights in, torchvision's numbers out.

    Args:
        fn: The student's class.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("bottleneck", [(SPECS["bottleneck"], fn)], seed)


def block_cost(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `block_cost(c_in, width, stride, size) -> (params, multiply_adds)`, exactly.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("block_cost", [(SPECS["block_cost"], fn)], seed)


def prepare(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `prepare(photo, resize, crop, mean, std)`: (3, H, W) in [0, 1] to (1, 3, crop, crop).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("prepare", [(SPECS["prepare"], fn)], seed)


def embed(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `embed(stages, x)`: the means of what each stage gives, a list of (N, C).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("embed", [(SPECS["embed"], fn)], seed)


def features_of(fn: Fn, build: Fn = moody_net, *, seed: Seed = None) -> Earned:
    """Check `features_of(net, x)`: what the network gives in eval mode, and every part's mode as it was.

    Args:
        fn: The student's function.
        build: Builds the network that the exercise gives; weights are loaded into it.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("features_of", [(SPECS["features_of"], fn)], seed, moody_net if build is None else build)


def cosine_matrix(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `cosine_matrix(a, b)`: (N, D) and (M, D) to (N, M); a vector of zeros is similar to none.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("cosine_matrix", [(SPECS["cosine_matrix"], fn)], seed)


def neighbours(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `neighbours(similarity, k)`: places of the k most similar others, (N, N) to (N, k).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("neighbours", [(SPECS["neighbours"], fn)], seed)


def margin(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `margin(similarity, labels) -> (same, other)`: mean similarity within and across classes.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("margin", [(SPECS["margin"], fn)], seed)


def probe(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `probe(features, labels, classes, l2)`: ridge regression with free biases, (D + 1, K).

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("probe", [(SPECS["probe"], fn)], seed)


def pca(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `pca(x, k) -> (scores, shares)`; the score of largest size in each component is positive.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("pca", [(SPECS["pca"], fn)], seed)


def linear_cka(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `linear_cka(x, y)`: one number from 0 to 1 for two sets of features.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("linear_cka", [(SPECS["linear_cka"], fn)], seed)
