"""Named wrong answers for preprocessing, features by stage and modes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labkit.check import library_features as library
from labkit.check.calling import HELD, JOINED, SWALLOWED
from labkit.check.case import Mutant
from labkit.check.kept import FROZEN
from labkit.check.mutants import switching, usual

Pair = tuple[int, int]
INSIDE = "a network whose parts inside a block do not get their modes back: net.modules() has them, too"


def _prepared(
    size: Callable[[int, int, int], Pair] | None = None,
    corner: Callable[[int, int, int], Pair] | None = None,
    finish: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
    **options: Any,
) -> Callable[..., Tensor]:
    """Build a preprocessing that goes wrong in its size, its crop, or its arithmetic."""

    def usual_size(h: int, w: int, r: int) -> Pair:
        return round(h * r / min(h, w)), round(w * r / min(h, w))

    def middle(h: int, w: int, c: int) -> Pair:
        return (h - c) // 2, (w - c) // 2

    def fn(photo: Tensor, resize: int, crop: int, mean: Any, std: Any) -> Tensor:
        m, s = (torch.tensor(v, dtype=photo.dtype)[:, None, None] for v in (mean, std))
        mode: dict[str, Any] = {"mode": "bilinear", "antialias": True} | options
        y = F.interpolate(
            photo[None], size=(size or usual_size)(photo.shape[1], photo.shape[2], resize), **mode
        )
        top, left = (corner or middle)(y.shape[2], y.shape[3], crop)
        y = y[:, :, top : top + crop, left : left + crop]
        return finish(y, m, s) if finish else (y - m) / s

    return fn


prepare = library.prepare
PREPARE = (
    Mutant(
        "the longer side resized, not the shorter one",
        _prepared(size=lambda h, w, r: (max(1, round(h * r / max(h, w))), max(1, round(w * r / max(h, w))))),
    ),
    Mutant("the photo squashed to a square", _prepared(size=lambda h, w, r: (r, r))),
    Mutant(
        "the photo squashed to the size of the crop",
        lambda x, r, c, m, s: _prepared(size=lambda *_: (c, c))(x, c, c, m, s),
    ),
    Mutant("the shorter side resized to the size of the crop", lambda x, r, c, m, s: prepare(x, c, c, m, s)),
    Mutant("the crop at the top left, not in the middle", _prepared(corner=lambda h, w, c: (0, 0))),
    Mutant(
        "the crop one pixel too far down and to the right where an odd number is left over: rounded up",
        _prepared(corner=lambda h, w, c: ((h - c + 1) // 2, (w - c + 1) // 2)),
    ),
    Mutant(
        "the crop at the bottom right, not in the middle", _prepared(corner=lambda h, w, c: (h - c, w - c))
    ),
    Mutant("the photo not normalised", _prepared(finish=lambda y, m, s: y)),
    Mutant(
        "the mean taken off, not divided by the standard deviation", _prepared(finish=lambda y, m, s: y - m)
    ),
    Mutant(
        "the photo divided by the standard deviation, the mean not taken off",
        _prepared(finish=lambda y, m, s: y / s),
    ),
    Mutant("the photo multiplied by the standard deviation", _prepared(finish=lambda y, m, s: (y - m) * s)),
    Mutant("the mean taken off after the division", _prepared(finish=lambda y, m, s: y / s - m)),
    Mutant(
        "the channels' means and deviations in the opposite order",
        _prepared(finish=lambda y, m, s: (y - m.flip(0)) / s.flip(0)),
    ),
    Mutant("red and blue of the photo swapped", _prepared(finish=lambda y, m, s: (y.flip(1) - m) / s)),
    Mutant("numbers from 0 to 255 instead of 0 to 1", _prepared(finish=lambda y, m, s: (255 * y - m) / s)),
    Mutant(
        "the photo's own mean and deviation",
        _prepared(finish=lambda y, m, s: (y - y.mean((2, 3), True)) / y.std((2, 3), keepdim=True)),
    ),
    Mutant("the photo without the axis of the batch", lambda *a: prepare(*a)[0]),
    Mutant("the photo resized without antialias=True", _prepared(antialias=False)),
    Mutant("the photo resized to the nearest pixels", _prepared(mode="nearest", antialias=False)),
    Mutant("the photo resized with mode='bicubic'", _prepared(mode="bicubic")),
    Mutant("the photo divided by the variance", _prepared(finish=lambda y, m, s: (y - m) / s**2)),
    Mutant(
        "the photo normalised with ImageNet's numbers, whatever is given",
        lambda x, r, c, m, s: prepare(x, r, c, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ),
    Mutant(
        "the rows beside the crop taken for the columns, and the other way round",
        _prepared(corner=lambda h, w, c: ((w - c) // 2, (h - c) // 2)),
    ),
    *usual(prepare),
)


def _embed(
    read: Callable[[Tensor], Tensor], *, chain: bool = True, keep: slice = slice(None)
) -> Callable[..., Any]:
    """Build features that go wrong: how maps are read, whether stages follow one another, which are kept.

    They come side by side, as one tensor.
    """

    def fn(stages: Sequence[Callable[[Any], Any]], x: Tensor) -> Tensor:
        found, y = [], x
        for stage in stages:
            try:
                y = stage(y if chain else x)
            except RuntimeError:
                break
            found.append(read(y))
        return torch.cat(found[keep], 1)

    return fn


def _listed(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Put features that are side by side into a list, as the check puts those of a list side by side."""
    return lambda *args: [fn(*args)]


_right = _embed(lambda y: y.mean((2, 3)))
_EMBED = (
    Mutant("the largest number of each map", _embed(lambda y: y.amax((2, 3)))),
    Mutant("the sum of each map", _embed(lambda y: y.sum((2, 3)))),
    Mutant("the mean of each row only", _embed(lambda y: y.mean(3).flatten(1))),
    Mutant("the mean of each column only", _embed(lambda y: y.mean(2).flatten(1))),
    Mutant("the maps flattened", _embed(lambda y: y.flatten(1))),
    Mutant("the mean over the channels", _embed(lambda y: y.mean(1).flatten(1))),
    Mutant("the features of the last stage only", _embed(lambda y: y.mean((2, 3)), keep=slice(-1, None))),
    Mutant(
        "the features without those of the last stage", _embed(lambda y: y.mean((2, 3)), keep=slice(0, -1))
    ),
    Mutant("the stages in the opposite order", _embed(lambda y: y.mean((2, 3)), keep=slice(None, None, -1))),
    Mutant("the input's means in front", lambda st, x: torch.cat([x.mean((2, 3)), _right(st, x)], 1)),
    Mutant("features of length 1", _embed(lambda y: F.normalize(y.mean((2, 3)), dim=1))),
    Mutant("the middle of each map", _embed(lambda y: y[:, :, y.shape[2] // 2, y.shape[3] // 2])),
    Mutant(
        "the features of the first image, for all images", lambda st, x: _right(st, x)[:1].expand(len(x), -1)
    ),
    *(m for m in usual(_right, which=1) if "float64 for" not in m.name),
)
EMBED = (*(Mutant(m.name, _listed(m.fn)) for m in _EMBED), Mutant(JOINED, _right))


def _mood(
    *, switch: bool = True, grad: bool = False, back: str = "parts", steady: bool = True, finish: Any = None,
    swallow: bool = False, spoil: Callable[[nn.Module], Any] = lambda net: None,
) -> Callable[..., Any]:  # fmt: skip
    """Build a features_of that goes wrong: which modes it sets, and what it sets back."""

    def fn(net: nn.Module, x: Tensor) -> Tensor:
        before = [(part, part.training) for part in net.modules()]
        outer, whole = list(net.children()), net.training

        def set_back() -> None:
            if back == "parts":
                for part, mode in before:
                    part.training = mode
            elif back == "whole":
                net.train(whole)
            elif back == "train":
                net.train()
            elif back in ("children", "children, with all inside"):
                net.training = whole
                for part, mode in before:
                    if part in outer and back == "children":
                        part.training = mode
                    elif part in outer:
                        part.train(mode)

        if switch:
            net.eval()
        try:
            with torch.set_grad_enabled(grad):
                y: Tensor = net(x)
        except Exception:
            if steady:
                set_back()
            if swallow:
                return x.new_zeros(len(x), 5)
            raise
        set_back()
        spoil(net)
        return finish(y) if finish else y

    return fn


FEATURES_OF = (
    Mutant("what the network gives while it trains: eval() is missing", _mood(switch=False)),
    Mutant("a network left in eval mode", _mood(back="")),
    Mutant("a network put into training, whatever its mode was", _mood(back="train")),
    Mutant("a network whose parts all get the mode of the whole", _mood(back="whole")),
    Mutant(INSIDE, _mood(back="children")),
    Mutant(INSIDE, _mood(back="children, with all inside")),
    Mutant("the right features, but the modes stay changed when the network stops", _mood(steady=False)),
    Mutant(FROZEN, _mood(spoil=lambda net: net.get_submodule("block.conv").requires_grad_(False))),
    Mutant(HELD, _mood(grad=True)),
    Mutant(SWALLOWED, _mood(swallow=True)),
    switching(_mood()),
    Mutant("the features of the first image only", _mood(finish=lambda y: y[:1])),
    Mutant("the features as one long row", _mood(finish=lambda y: y.flatten())),
    Mutant("features of length 1", _mood(finish=lambda y: F.normalize(y, dim=1))),
    Mutant(
        "the features averaged over the images", _mood(finish=lambda y: y.mean(0, keepdim=True).expand_as(y))
    ),
    Mutant("the features without their mean over the images", _mood(finish=lambda y: y - y.mean(0))),
    Mutant("the softmax of the features", _mood(finish=lambda y: y.softmax(1))),
    *(m for m in usual(_mood(), which=1) if "zeros" not in m.name and "whole" not in m.name),
)
