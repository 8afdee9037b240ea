"""The checks of Lab 6: one function an exercise, each returning the share of points earned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.check import handed
from labkit.check.draw import Seed
from labkit.check.earned import Earned
from labkit.check.marks import earn
from labkit.check.specs_cifar import EXERCISES, MUTANTS, SPECS

Fn = Callable[..., Any]
__all__ = [
    "EXERCISES",
    "MUTANTS",
    "SPECS",
    "augment",
    "balance",
    "build_net",
    "calibration",
    "early_stop",
    "evaluate",
    "fit",
    "mistakes",
    "my_predictions",
    "one_cycle",
    "sgd_step",
    "standardise",
    "stratified_split",
]


def _check(exercise: str, *fns: Fn, seed: Seed) -> Earned:
    names = EXERCISES[exercise]
    return earn(exercise, [(SPECS[name], fn) for name, fn in zip(names, fns, strict=True)], seed)


def standardise(channel_stats: Fn, normalise: Fn, *, seed: Seed = None) -> Earned:
    """Check `channel_stats(images) -> (mean, std)` and `normalise(images, mean, std)`.

    Args:
        channel_stats: (N, 3, H, W) of bytes to (3,) and (3,), on a scale from 0 to 1.
        normalise: The same pictures and two (3,) to (N, 3, H, W).
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("standardise", channel_stats, normalise, seed=seed)


def stratified_split(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `stratified_split(labels, order, per_class) -> (train, val)`.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("stratified_split", fn, seed=seed)


def augment(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `augment(images, dy, dx, flip, pad)`: each picture moved and mirrored in its own way.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("augment", fn, seed=seed)


def build_net(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `build_net()`: a network for pictures (N, 3, 32, 32), before it has learned anything.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("build_net", fn, seed=seed)


def sgd_step(sgd_step: Fn, workbench: Fn, *, seed: Seed = None) -> Earned:
    """Check `sgd_step(net, optimizer, x, labels) -> loss`.

    Args:
        sgd_step: The student's function.
        workbench: The given function that builds a small network and its optimizer, where the step runs.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return earn("sgd_step", [(SPECS["sgd_step"], sgd_step)], seed, workbench)


def fit(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `fit(step, images, labels, orders, size)`: a mean loss for each epoch.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("fit", fn, seed=seed)


def evaluate(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `evaluate(net, images, labels, size) -> (loss, accuracy)`.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("evaluate", fn, seed=seed)


def one_cycle(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `one_cycle(step, steps, peak, warm)`: up in a straight line, then down.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("one_cycle", fn, seed=seed)


def early_stop(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `early_stop(losses, patience) -> (best, last)`.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("early_stop", fn, seed=seed)


def my_predictions(fn: Fn, *, seed: Seed = None) -> Earned:
    """Score the text that `my_predictions()` returns; nothing is trained.

    Args:
        fn: The student's function.
        seed: Taken like everywhere; there is nothing to draw.

    Returns:
        The share of tiers reached; the message is printed, with the data that the text is about.
    """
    return handed.earned(fn)


def mistakes(confusion: Fn, worst_pairs: Fn, *, seed: Seed = None) -> Earned:
    """Check `confusion(truth, predicted, classes)` and `worst_pairs(matrix, k)`.

    Args:
        confusion: Two (N,) to counts (C, C), true classes as rows.
        worst_pairs: (C, C) to k rows (truth, predicted, count).
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("mistakes", confusion, worst_pairs, seed=seed)


def balance(recall: Fn, balanced_error: Fn, *, seed: Seed = None) -> Earned:
    """Check `recall(matrix)` and `balanced_error(matrix)`.

    Args:
        recall: (C, C) to (C,).
        balanced_error: (C, C) to a number.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("balance", recall, balanced_error, seed=seed)


def calibration(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `calibration(p, labels, bins) -> (confidence, accuracy, count, gap)`.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("calibration", fn, seed=seed)
