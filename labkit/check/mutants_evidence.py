"""Named wrong answers for occlusion and class activation maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_maps as library
from labkit.check.case import Mutant
from labkit.check.equivariance import Map
from labkit.check.mutants import changing, half, usual, zeros

Pair = tuple[int, int]


def _cover(
    change: Callable[[float, float], float] = lambda whole, covered: whole - covered,
    *,
    paint: Callable[[Tensor, slice, slice, float], Any] | None = None,
    more: int = 0,
    step: Callable[[Pair, Pair], Pair] = lambda size, stride: stride,
    turn: bool = False,
    stay: bool = False,
    still: bool = False,
) -> Callable[..., Tensor]:
    """Build an occlusion map that goes wrong."""

    def fill_in(x: Tensor, rows: slice, cols: slice, fill: float) -> None:
        x[:, rows, cols] = fill

    paint = paint or fill_in

    def fn(f: Map, x: Tensor, size: Pair, stride: Pair, fill: float = 0.0) -> Tensor:
        (kh, kw), (sh, sw) = size, step(size, stride)
        if turn:
            (kh, kw), (sh, sw) = (kw, kh), (sw, sh)
        whole, kept = float(f(x)), x.clone()
        rows: list[list[float]] = []
        for i in range((x.shape[1] - kh) // sh + 1):
            rows.append([])
            for j in range((x.shape[2] - kw) // sw + 1):
                y = kept if stay else x.clone()
                top, left = (i, j) if still else (i * sh, j * sw)
                paint(y, slice(top, top + kh + more), slice(left, left + kw + more), fill)
                rows[-1].append(change(whole, float(f(y))))
        return torch.tensor(rows, dtype=x.dtype)

    return fn


def _first_channel(x: Tensor, rows: slice, cols: slice, fill: float) -> None:
    x[0, rows, cols] = fill


def _shade(x: Tensor, rows: slice, cols: slice, fill: float) -> None:
    x[:, rows, cols] *= 0.5


def _zero(x: Tensor, rows: slice, cols: slice, fill: float) -> None:
    x[:, rows, cols] = 0


def _mean(x: Tensor, rows: slice, cols: slice, fill: float) -> None:
    x[:, rows, cols] = x.mean()


def _rest(x: Tensor, rows: slice, cols: slice, fill: float) -> None:
    box = x[:, rows, cols].clone()
    x[:] = fill
    x[:, rows, cols] = box


_covered = _cover()
OCCLUSION_MAP = (
    Mutant(
        "the change with the wrong sign: f of the covered image minus f of the image",
        _cover(lambda a, b: b - a),
    ),
    Mutant("f of the covered image, not the fall", _cover(lambda a, b: b)),
    Mutant("the fall without its sign (abs)", _cover(lambda a, b: abs(a - b))),
    Mutant("the fall cut off at 0", _cover(lambda a, b: max(a - b, 0.0))),
    Mutant("the fall as a share of f of the image", _cover(lambda a, b: (a - b) / a)),
    Mutant("boxes that stay covered: the image is not restored", _cover(stay=True)),
    Mutant("the first channel covered only", _cover(paint=_first_channel)),
    Mutant("boxes covered with 0, whatever the fill", _cover(paint=_zero)),
    Mutant("boxes made half as bright, not covered", _cover(paint=_shade)),
    Mutant("everything but the box covered", _cover(paint=_rest)),
    Mutant("boxes one pixel too large", _cover(more=1)),
    Mutant("boxes one pixel too small", _cover(more=-1)),
    Mutant("steps of 1, whatever the stride", _cover(step=lambda size, stride: (1, 1))),
    Mutant("as many boxes as the stride gives, but each one pixel further only", _cover(still=True)),
    Mutant("steps as large as the box, whatever the stride", _cover(step=lambda size, stride: size)),
    Mutant("rows and columns of size and stride swapped", _cover(turn=True)),
    Mutant("the answer with rows and columns swapped", lambda *a, **k: _covered(*a, **k).T),
    Mutant("boxes covered with the mean of the image, whatever the fill", _cover(paint=_mean)),
    *(m for m in usual(_covered, which=1) if "float64 for" not in m.name),
)

cam = library.cam
CAM = (
    Mutant("the maps weighted by all classes together", lambda m, w, k: torch.einsum("kc,chw->hw", w, m)),
    Mutant("the mean over the maps, without weights", lambda m, w, k: m.mean(0)),
    Mutant("the sum over the maps, without weights", lambda m, w, k: m.sum(0)),
    Mutant("the mean instead of the sum", lambda m, w, k: cam(m, w, k) / len(m)),
    Mutant("the weights of the first class", lambda m, w, k: cam(m, w, 0)),
    Mutant("the weights of the class before", lambda m, w, k: cam(m, w, k - 1)),
    Mutant(
        "a column of the weights instead of a row",
        lambda m, w, k: torch.einsum("c,chw->hw", w[:, k], m[: len(w)]) if len(w) <= len(m) else m[0],
    ),
    Mutant("the map cut off at 0 (ReLU)", lambda m, w, k: cam(m, w, k).relu()),
    Mutant("the map of the weights without their signs", lambda m, w, k: cam(m, w.abs(), k)),
    Mutant("the weighted maps, not added up", lambda m, w, k: w[k][:, None, None] * m),
    Mutant("one number: the places were added up too", lambda m, w, k: cam(m, w, k).sum()),
    Mutant("the map stretched to 0..1", lambda m, w, k: library.stretch(cam(m, w, k)[None])[0]),
    Mutant("the softmax over the classes", lambda m, w, k: torch.einsum("kc,chw->khw", w, m).softmax(0)[k]),
    Mutant("the map turned (rows and columns swapped)", lambda m, w, k: cam(m, w, k).T),
    *usual(cam),
)


def _explain(
    weigh: Callable[[Tensor, Tensor], Tensor],
    score: Callable[[Tensor, int], Tensor] = lambda z, label: z[0, label],
) -> Callable[..., Tensor]:
    """Build a Grad-CAM that goes wrong: `weigh` gets maps and gradients (C, h, w)."""

    def fn(features: Map, head: Map, x: Tensor, label: int) -> Tensor:
        maps = features(x).detach().requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(score(head(maps), label), maps)
        return weigh(maps.detach()[0], gradient[0])

    return fn


def _grad_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    return F.conv2d(maps[None], gradient.mean((1, 2))[None, :, None, None])[0, 0].relu()


_explained = _explain(_grad_cam)
GRAD_CAM = (
    Mutant(
        "Grad-CAM without the ReLU at the end",
        _explain(lambda a, g: F.conv2d(a[None], g.mean((1, 2))[None, :, None, None])[0, 0]),
    ),
    Mutant(
        "the gradient added up over the places instead of its mean",
        _explain(lambda a, g: _grad_cam(a, g) * g[0].numel()),
    ),
    Mutant("gradient times map at each place, no mean taken", _explain(lambda a, g: (a * g).sum(0).relu())),
    Mutant("the maps averaged instead of added up", _explain(lambda a, g: _grad_cam(a, g) / len(a))),
    Mutant("the gradient without the maps", _explain(lambda a, g: g.sum(0).relu())),
    Mutant("the maps without weights", _explain(lambda a, g: a.sum(0).relu())),
    Mutant(
        "only the channels with a gradient above 0",
        _explain(lambda a, g: _grad_cam(a, g.mean((1, 2), True).relu().expand_as(g))),
    ),
    Mutant(
        "weights without their signs",
        _explain(lambda a, g: _grad_cam(a, g.mean((1, 2), True).abs().expand_as(g))),
    ),
    Mutant("the gradient of all classes together", _explain(_grad_cam, lambda z, label: z.sum())),
    Mutant(
        "the gradient of the class with the largest logit, whichever is asked for",
        _explain(_grad_cam, lambda z, label: z[0].max()),
    ),
    Mutant("the gradient of the first class", _explain(_grad_cam, lambda z, label: z[0, 0])),
    Mutant(
        "the gradient of the probability instead of the logit",
        _explain(_grad_cam, lambda z, label: z.softmax(1)[0, label]),
    ),
    Mutant(
        "the gradient of the logarithm of the probability",
        _explain(_grad_cam, lambda z, label: z.log_softmax(1)[0, label]),
    ),
    Mutant(
        "the map without the ReLU, but its absolute value",
        _explain(lambda a, g: F.conv2d(a[None], g.mean((1, 2))[None, :, None, None])[0, 0].abs()),
    ),
    Mutant("the map stretched to 0..1", _explain(lambda a, g: library.stretch(_grad_cam(a, g)[None])[0])),
    Mutant("the map turned (rows and columns swapped)", _explain(lambda a, g: _grad_cam(a, g).T)),
    half(_explained),
    zeros(_explained),
    Mutant("only the gradients above 0, place by place", _explain(lambda a, g: _grad_cam(a, g.relu()))),
    changing(_explained, which=2),
)
