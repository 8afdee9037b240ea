"""What training refuses, each in one sentence: settings, pictures and labels that it cannot work with."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from labkit.datasets import Images

if TYPE_CHECKING:
    from labkit.training import Plan


def whole(name: str, value: Any, least: int) -> None:
    """Raise a ValueError for what is no whole number from `least` on."""
    if not isinstance(value, Integral) or int(value) < least:
        raise ValueError(f"{name} is {value!r}; expected a whole number from {least} on")


def kind(name: str, value: Any, wanted: type, expected: str) -> None:
    """Raise a ValueError for what is no `wanted`, with words that say how to come by one."""
    if not isinstance(value, wanted):
        raise ValueError(f"{name} is {what(value)}; expected {expected}")


def what(value: Any) -> str:
    """Return what a value is, for a sentence.

    >>> what(int), what([1])
    ('the class int', 'a list')
    """
    if value is None or isinstance(value, type):
        return "None" if value is None else f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def options(evaluate_every: Any, watch: Any) -> None:
    """Raise a ValueError for options of a training that would stop it after an epoch, or do nothing."""
    whole("evaluate_every", evaluate_every, 0)
    if watch is not None and (not callable(watch) or isinstance(watch, type)):
        raise ValueError(f"watch is {what(watch)}; expected a function of the run, to call after each epoch")


def plan(given: Plan) -> None:
    """Raise a ValueError for a setting out of range, with its name."""
    if given.schedule not in ("one-cycle", "constant"):
        raise ValueError(f"schedule is {given.schedule!r}; expected one-cycle or constant")
    for name, least in (("epochs", 1), ("batch", 1), ("shift", 0)):
        whole(name, getattr(given, name), least)
    seed: Any = given.seed
    if not isinstance(seed, Integral) or abs(int(seed)) >= 10**12:
        raise ValueError(f"seed is {seed!r}; expected a whole number of at most 12 digits")
    for name in ("nesterov", "flip", "bf16"):
        value = getattr(given, name)
        if not isinstance(value, bool) and not (name == "bf16" and value is None):
            others = "True, False or None" if name == "bf16" else "True or False"
            raise ValueError(f"{name} is {value!r}; expected {others}")
    for name in ("rate", "decay", "bias", "warm", "momentum", "smoothing"):
        value, below = getattr(given, name), 1 if name in ("warm", "momentum", "smoothing") else math.inf
        if not isinstance(value, Real) or not 0 <= float(value) < below or (name == "rate" and not value):
            wanted = "above 0" if name == "rate" else "from 0 to below 1" if below == 1 else "from 0 on"
            raise ValueError(f"{name} is {value!r}; expected a number {wanted}")


def data(given: Images, shift: int) -> None:
    """Raise a ValueError for pictures and labels that cannot be learnt from; warn when there is no test."""
    kind("data", given, Images, "Images, such as datasets.cifar10() gives")
    if not hasattr(given.classes, "__len__"):
        raise ValueError(f"classes is {what(given.classes)}; expected the names of the classes")
    for part in ("train", "test"):
        pictures(getattr(given, f"{part}_images"), f"{part}_images")
        labels(getattr(given, f"{part}_images"), getattr(given, f"{part}_labels"), part, len(given.classes))
    if not len(given.train_images):
        raise ValueError("there are no training pictures")
    if not len(given.test_images):
        warnings.warn("there are no test pictures: no accuracy is measured", stacklevel=3)
    if shift >= min(given.train_images.shape[2:]):
        side = min(given.train_images.shape[2:])
        raise ValueError(f"shift is {shift}; expected less than the {side} pixels of a picture")


def pictures(images: Any, name: str = "images") -> None:
    """Raise a ValueError for what is no tensor (N, 3, H, W) of bytes."""
    if not isinstance(images, Tensor):
        raise ValueError(f"{name} is a {type(images).__name__}; expected a tensor: torch.as_tensor(...)")
    if images.dtype != torch.uint8:
        kind = str(images.dtype).removeprefix("torch.")
        raise ValueError(f"{name} are {kind}; expected bytes from 0 to 255 (uint8), not yet normalised")
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"{name} have the shape {tuple(images.shape)}; expected (N, 3, H, W), channels first"
        )


def labels(images: Tensor, given: Any, part: str, classes: int) -> None:
    """Raise a ValueError for labels that are not one whole number, from 0 to below `classes`, a picture."""
    what = {"train": "training labels", "test": "test labels"}.get(part, "labels")
    if not isinstance(given, Tensor):
        raise ValueError(f"{what} are a {type(given).__name__}; expected a tensor: torch.as_tensor(...)")
    if given.ndim != 1 or given.dtype not in (torch.int64, torch.uint8):
        kind = f"{str(given.dtype).removeprefix('torch.')} of shape {tuple(given.shape)}"
        raise ValueError(f"{what} are {kind}; expected whole numbers (int64) of shape (N,)")
    if len(images) != len(given):
        kind = what.removesuffix("labels")
        raise ValueError(f"there are {len(images)} {kind}pictures, but {len(given)} labels")
    if len(given) and not 0 <= int(given.min()) <= int(given.max()) < classes:
        raise ValueError(
            f"{what} are from {int(given.min())} to {int(given.max())}; "
            f"expected 0 to {classes - 1}, a number for each of {classes} classes"
        )


def measured(images: Any, given: Any, batch: Any) -> None:
    """Raise a ValueError for pictures, labels and a size of batches with which nothing can be measured."""
    pictures(images)
    labels(images, given, "", 256)
    whole("batch", batch, 1)
    if not len(images):
        raise ValueError("there are no pictures to measure on")


def trainable(net: Any) -> None:
    """Raise a ValueError for what is no network, has nothing to train, or computes in other numbers."""
    if not isinstance(net, nn.Module):
        hint = f": write {net.__name__}()" if isinstance(net, type) else ""
        raise ValueError(f"the network is {what(net)}; expected a torch.nn.Module{hint}")
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise ValueError("the network has nothing to train: it has no parameters, or all are frozen")
    others = {p.dtype for p in net.parameters() if p.dtype.is_floating_point} - {torch.float32}
    if others:
        told = str(others.pop()).removeprefix("torch.")
        raise ValueError(f"the network has weights in {told}; expected float32: write net.float()")


@contextmanager
def explained() -> Iterator[None]:
    """Say of a network what to do where torch only says what it cannot."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        told = "batch norm cannot train on one picture: take a larger batch, or more pictures"
        raise ValueError(told) from None


def outputs(logits: Any, count: int, classes: int, *, learns: bool = False) -> None:
    """Raise a ValueError when a network's answers are not a number a class for each of `count` pictures.

    Args:
        learns: the answers must lead back to the weights.
    """
    expected = f"expected ({count}, {classes}), a number for each of {classes} classes"
    if not isinstance(logits, Tensor):
        raise ValueError(f"the network's answers are {what(logits)}; expected a tensor ({count}, {classes})")
    shape = tuple(logits.shape)
    if len(shape) != 2 or shape[0] != count or shape[1] < classes:
        raise ValueError(f"the network's answers to {count} pictures have the shape {shape}; {expected}")
    if learns and not logits.requires_grad:
        raise ValueError(
            "the network's answers have no gradient: leave detach(), no_grad(), argmax() and numpy out of it"
        )
