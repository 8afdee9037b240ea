"""Named wrong answers for maps and filters as pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from labkit.check import library_maps as library
from labkit.check.case import Mutant
from labkit.check.mutants import usual


def _between(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return (x - low) / (high - low)


stretch = library.stretch
STRETCH = (
    Mutant(
        "each map from -1 to 1",
        lambda x: 2 * library.stretch(x) - (library.stretch(x).amax((1, 2), True) > 0).to(x.dtype),
    ),
    Mutant("each map from -1 to 1, a constant one at -1", lambda x: 2 * library.stretch(x) - 1),
    Mutant("one range for all maps", lambda x: _between(x, x.min(), x.max())),
    Mutant(
        "not a number where a map is constant (0 / 0)",
        lambda x: _between(x, x.amin((1, 2), keepdim=True), x.amax((1, 2), keepdim=True)),
    ),
    Mutant("each map divided by its largest number only", lambda x: x / x.amax((1, 2), keepdim=True)),
    Mutant("each map minus its smallest number, not divided", lambda x: x - x.amin((1, 2), keepdim=True)),
    Mutant("ranges of rows instead of maps", lambda x: _between(x, x.amin(2, True), x.amax(2, True))),
    Mutant("ranges of columns instead of maps", lambda x: _between(x, x.amin(1, True), x.amax(1, True))),
    Mutant("ranges over the channels at each place", lambda x: _between(x, x.amin(0, True), x.amax(0, True))),
    Mutant("the numbers cut off at 0 and 1", lambda x: x.clamp(0, 1)),
    Mutant("the sigmoid of each number", lambda x: x.sigmoid()),
    Mutant(
        "mean 0 and standard deviation 1 (standardised)",
        lambda x: (x - x.mean((1, 2), True)) / x.std((1, 2), keepdim=True),
    ),
    Mutant("dark and bright swapped", lambda x: 1 - stretch(x)),
    Mutant("0.5 where a map is constant", lambda x: _flat(x, 0.5)),
    Mutant("1 where a map is constant", lambda x: _flat(x, 1.0)),
    Mutant("a small number added to each range: the largest is not quite 1", lambda x: _small(x, 1e-8)),
    Mutant("a small number added to each range: the largest is not 1", lambda x: _small(x, 1e-5)),
    Mutant(
        "a map of very small numbers taken for a constant one",
        lambda x: torch.where(x.amax((1, 2), True) - x.amin((1, 2), True) > 1e-12, stretch(x), x * 0),
    ),
    *usual(stretch),
)


def _flat(x: Tensor, value: float) -> Tensor:
    same = x.amin((1, 2), True) == x.amax((1, 2), True)
    return torch.where(same, torch.full_like(x, value), stretch(x))


def _small(x: Tensor, eps: float) -> Tensor:
    low, high = x.amin((1, 2), True), x.amax((1, 2), True)
    return (x - low) / (high - low + eps)


montage = library.montage


def _montage(change: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, columns, gap=1, value=1.0: change(x, columns, gap, value)


def _around(x: Tensor, columns: int, gap: int, value: float) -> Tensor:
    return nn.functional.pad(montage(x, columns, gap, value), (gap, gap, gap, gap), value=value)


def _by_columns(x: Tensor, columns: int, gap: int, value: float) -> Tensor:
    rows = -(-len(x) // columns)
    places = torch.tensor([c * rows + r for r in range(rows) for c in range(columns)])
    empty = torch.cat([x, torch.full_like(x[:1], value).expand(rows * columns, -1, -1)])
    return montage(empty[places], columns, gap, value)


def _zero_last(x: Tensor, columns: int, gap: int, value: float) -> Tensor:
    missing = -len(x) % columns
    return montage(torch.cat([x, torch.zeros_like(x[:1]).expand(missing, -1, -1)]), columns, gap, value)


MONTAGE = (
    Mutant("the maps placed column by column", _montage(_by_columns)),
    Mutant("a gap around the outside too", _montage(_around)),
    Mutant(
        "the montage without its last row that is not full",
        _montage(lambda x, n, g, v: montage(x[: len(x) // n * n], n, g, v)),
    ),
    Mutant("zeros where the last row has no map", _montage(_zero_last)),
    Mutant("a gap of zeros", _montage(lambda x, n, g, v: montage(x, n, g, 0.0))),
    Mutant("a gap of ones, whatever the value", _montage(lambda x, n, g, v: montage(x, n, g, 1.0))),
    Mutant("no gap at all", _montage(lambda x, n, g, v: montage(x, n, 0, v))),
    Mutant("a gap of 1, whatever is asked for", _montage(lambda x, n, g, v: montage(x, n, 1, v))),
    Mutant("each map turned (rows and columns swapped)", _montage(lambda x, n, g, v: montage(x.mT, n, g, v))),
    Mutant(
        "the whole montage turned (rows and columns swapped)",
        _montage(lambda x, n, g, v: montage(x, n, g, v).T),
    ),
    Mutant(
        "the number of columns taken for the number of rows",
        _montage(lambda x, n, g, v: montage(x, -(-len(x) // n), g, v)),
    ),
    Mutant("the maps in the opposite order", _montage(lambda x, n, g, v: montage(x.flip(0), n, g, v))),
    Mutant(
        "a gap to the right of each map and below it, at the end too",
        _montage(lambda x, n, g, v: _around(x, n, g, v)[g:, g:]),
    ),
    *usual(montage),
)


pictures = library.filter_pictures


def _scaled(w: Tensor, most: Tensor) -> Tensor:
    return (0.5 + w / (2 * most)).permute(0, 2, 3, 1)


FILTER_PICTURES = (
    Mutant("the colours before rows and columns: (K, 3, kh, kw)", lambda w: pictures(w).permute(0, 3, 1, 2)),
    Mutant("rows and columns swapped", lambda w: pictures(w).transpose(1, 2)),
    Mutant("one scale for all filters", lambda w: _scaled(w, w.abs().max())),
    Mutant("a scale for each colour of a filter", lambda w: _scaled(w, w.abs().amax((2, 3), True))),
    Mutant(
        "each filter from its smallest to its largest weight: zero is not grey",
        lambda w: _between(w, w.amin((1, 2, 3), True), w.amax((1, 2, 3), True)).permute(0, 2, 3, 1),
    ),
    Mutant("the largest weight without abs", lambda w: _scaled(w, w.amax((1, 2, 3), True))),
    Mutant("red and blue swapped", lambda w: pictures(w).flip(3)),
    Mutant("the weights between -1 and 1, grey not added", lambda w: 2 * pictures(w) - 1),
    Mutant("the weights plus 0.5, not divided", lambda w: (w + 0.5).permute(0, 2, 3, 1)),
    Mutant("zero shown as black: abs of the weights", lambda w: (2 * pictures(w) - 1).abs()),
    Mutant("dark and bright swapped", lambda w: 1 - pictures(w)),
    Mutant(
        "not a number where a filter is all zeros (0 / 0)",
        lambda w: _scaled(w, w.abs().amax((1, 2, 3), True)),
    ),
    Mutant(
        "0 where a filter is all zeros",
        lambda w: pictures(w) * (w.abs().amax((1, 2, 3)) > 0)[:, None, None, None],
    ),
    *usual(pictures),
)
