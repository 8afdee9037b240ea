"""Named wrong answers for the gradients of a layer: library calls with one thing bent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library
from labkit.check.case import Mutant
from labkit.check.mutants import changing, double, half

Pair = tuple[int, int]
back = library.conv2d_backward
Grads = tuple[Tensor, Tensor, Tensor]


def _grads(change: Callable[..., Any]) -> Callable[..., Any]:
    """Bend the gradients; `change` gets the three right ones and (x, w, dy, stride)."""

    def fn(x: Tensor, w: Tensor, dy: Tensor, stride: Pair = (1, 1)) -> Any:
        return change(*back(x, w, dy, stride), x, w, dy, stride)

    return fn


def _dx_of(w: Tensor, x: Tensor, dy: Tensor, stride: Pair) -> Tensor:
    return back(x, w, dy, stride)[0]


def _written(x: Tensor, w: Tensor, dy: Tensor, s: Pair) -> Tensor:
    (h, v), gx = w.shape[2:], torch.zeros_like(x)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            share = torch.einsum("nk,kchw->nchw", dy[:, :, i, j], w)
            gx[:, :, i * s[0] : i * s[0] + h, j * s[1] : j * s[1] + v] = share
    return gx


def _dw_of_last(x: Tensor, w: Tensor, dy: Tensor, s: Pair) -> Tensor:
    last = torch.zeros_like(dy)
    last[:, :, -1, -1] = dy[:, :, -1, -1]
    return back(x, w, last, s)[1]


CONV2D_BACKWARD = (
    Mutant(
        "dx with the kernel turned by 180 degrees: each share of dx is dy times w as it stands",
        _grads(lambda gx, gw, gb, x, w, dy, s: (_dx_of(w.flip((2, 3)), x, dy, s), gw, gb)),
    ),
    Mutant(
        "dx of the first filter only: the sum over filters is missing",
        _grads(lambda gx, gw, gb, x, w, dy, s: (_dx_of(w[:1], x, dy[:, :1], s), gw, gb)),
    ),
    Mutant(
        "dx cut to the rows and columns that dy has",
        _grads(lambda gx, gw, gb, x, w, dy, s: (gx[:, :, : dy.shape[2], : dy.shape[3]], gw, gb)),
    ),
    Mutant(
        "dx without the rows and columns that no window covers",
        _grads(lambda gx, gw, gb, x, w, dy, s: (F.conv_transpose2d(dy, w, stride=s), gw, gb)),
    ),
    Mutant(
        "dx in which each window is written over the ones before: = instead of +=",
        _grads(lambda gx, gw, gb, x, w, dy, s: (_written(x, w, dy, s), gw, gb)),
    ),
    Mutant(
        "dw of the last place only: = instead of +=",
        _grads(lambda gx, gw, gb, x, w, dy, s: (gx, _dw_of_last(x, w, dy, s), gb)),
    ),
    Mutant("dx averaged over the images", _grads(lambda gx, gw, gb, x, w, dy, s: (gx / len(x), gw, gb))),
    Mutant("dw turned by 180 degrees", _grads(lambda gx, gw, gb, *_: (gx, gw.flip((2, 3)), gb))),
    Mutant("dw averaged over the images", _grads(lambda gx, gw, gb, x, *_: (gx, gw / len(x), gb))),
    Mutant(
        "dw of the first image only",
        _grads(lambda gx, gw, gb, x, w, dy, s: (gx, back(x[:1], w, dy[:1], s)[1], gb)),
    ),
    Mutant(
        "dw of the last image only",
        _grads(lambda gx, gw, gb, x, w, dy, s: (gx, back(x[-1:], w, dy[-1:], s)[1], gb)),
    ),
    Mutant(
        "dw with filters and channels swapped", _grads(lambda gx, gw, gb, *_: (gx, gw.transpose(0, 1), gb))
    ),
    Mutant("dw with rows and columns swapped", _grads(lambda gx, gw, gb, *_: (gx, gw.transpose(2, 3), gb))),
    Mutant(
        "dw averaged over the places", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw / dy[0, 0].numel(), gb))
    ),
    Mutant(
        "db as a mean instead of a sum", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw, dy.mean((0, 2, 3))))
    ),
    Mutant("db summed over the images only", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw, dy.sum(0)))),
    Mutant(
        "db summed over the places only", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw, dy.sum((2, 3))))
    ),
    Mutant("db summed over the filters too", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw, dy.sum()))),
    Mutant("db averaged over the images", _grads(lambda gx, gw, gb, x, *_: (gx, gw, gb / len(x)))),
    Mutant("db of the first image only", _grads(lambda gx, gw, gb, x, w, dy, s: (gx, gw, dy[0].sum((1, 2))))),
    Mutant(
        "gradients with the stride's rows and columns swapped",
        _grads(lambda gx, gw, gb, x, w, dy, s: _swapped(gb, x, w, dy, s)),
    ),
    Mutant(
        "gradients with the stride forgotten",
        _grads(lambda gx, gw, gb, x, w, dy, s: _unstrided(gb, x, w, dy)),
    ),
    Mutant("gradients in the order (dw, dx, db)", _grads(lambda gx, gw, gb, *_: (gw, gx, gb))),
    Mutant("gradients of the opposite sign", _grads(lambda gx, gw, gb, *_: (-gx, -gw, -gb))),
    Mutant(
        "the right answer cut to whole numbers",
        _grads(lambda gx, gw, gb, *_: (gx.long(), gw.long(), gb.long())),
    ),
    half(back),
    double(back),
    changing(back),
    changing(back, 2),
)


def _unstrided(gb: Tensor, x: Tensor, w: Tensor, dy: Tensor) -> Grads:
    h, v = dy.shape[2] + w.shape[2] - 1, dy.shape[3] + w.shape[3] - 1
    gx, gw, _ = back(x[:, :, :h, :v].contiguous(), w, dy)
    return F.pad(gx, (0, x.shape[3] - v, 0, x.shape[2] - h)), gw, gb


def _swapped(gb: Tensor, x: Tensor, w: Tensor, dy: Tensor, s: Pair) -> Grads:
    rows, columns = (
        library.out_size(x.shape[2], w.shape[2], s[1]),
        library.out_size(x.shape[3], w.shape[3], s[0]),
    )
    fitted = F.pad(dy, (0, columns - dy.shape[3], 0, rows - dy.shape[2]))
    gx, gw, _ = back(x, w, fitted, s[::-1])
    return gx, gw, gb
