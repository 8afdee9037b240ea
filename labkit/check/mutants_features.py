"""Named wrong answers for linear probes, principal components and CKA."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_features as library
from labkit.check.case import Mutant
from labkit.check.mutants import changing, zeros

probe = library.probe


def _ridge(
    x: Tensor, targets: Tensor, l2: float, *, bias: bool = True, free: bool = True, scale: float = 1.0
) -> Tensor:
    """Ridge regression with the choices that a mistake makes otherwise."""
    rows = torch.cat([x, x.new_ones(len(x), 1)], 1) if bias else x
    pull = torch.eye(rows.shape[1], dtype=x.dtype) * l2 * scale
    if bias and free:
        pull[-1, -1] = 0
    solved: Tensor = torch.linalg.pinv(rows.T @ rows + pull) @ rows.T @ targets
    return solved


def _hot(labels: Tensor, classes: int, x: Tensor) -> Tensor:
    return F.one_hot(labels, classes).to(x.dtype)


def _with(change: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Hand a mistake (features, targets, l2, number of images)."""
    return lambda x, t, classes, l2: change(x, _hot(t, classes, x), l2, len(x))


def _centred(x: Tensor, y: Tensor, l2: float, n: int) -> Tensor:
    weights = _ridge(x - x.mean(0), y - y.mean(0), l2, bias=False)
    return torch.cat([weights, y.mean(0, keepdim=True)])


PROBE = (
    Mutant("the bias pulled to 0 as well", _with(lambda x, y, l2, n: _ridge(x, y, l2, free=False))),
    Mutant("weights without biases", _with(lambda x, y, l2, n: _ridge(x, y, l2, bias=False))),
    Mutant(
        "a bias of 0 below the weights",
        _with(lambda x, y, l2, n: torch.cat([_ridge(x, y, l2, bias=False), 0 * y[:1]])),
    ),
    Mutant("l2 forgotten", _with(lambda x, y, l2, n: _ridge(x, y, 0.0))),
    Mutant("l2 squared", _with(lambda x, y, l2, n: _ridge(x, y, l2 * l2))),
    Mutant("l2 times the number of images", _with(lambda x, y, l2, n: _ridge(x, y, l2, scale=n))),
    Mutant("l2 divided by the number of images", _with(lambda x, y, l2, n: _ridge(x, y, l2, scale=1 / n))),
    Mutant("targets of -1 and 1", _with(lambda x, y, l2, n: _ridge(x, 2 * y - 1, l2))),
    Mutant(
        "the class's number as the target",
        lambda x, t, c, l2: _ridge(x, t[:, None].to(x.dtype).expand(-1, c), l2),
    ),
    Mutant(
        "weights for those classes only that have images: `classes` says how many there are",
        lambda x, t, c, l2: probe(x, t, int(t.max()) + 1, l2),
    ),
    Mutant("the bias in the first row", _with(lambda x, y, l2, n: _ridge(x, y, l2).roll(1, 0))),
    Mutant("the answer with rows and columns swapped", lambda *a: probe(*a).T),
    Mutant("the bias of features whose mean was taken off", _with(_centred)),
    Mutant(
        "the means of the classes",
        _with(lambda x, y, l2, n: torch.cat([x.T @ y / y.sum(0), y.mean(0, keepdim=True)])),
    ),
    zeros(probe),
    changing(probe),
)

pca = library.pca
SIGNS = "scores with other signs: of each component the number farthest from 0 has to be positive"


def _signed(scores: Tensor) -> Tensor:
    return scores * scores.gather(0, scores.abs().argmax(0, keepdim=True)).sign()


def _svd(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    u, s, v = torch.linalg.svd(x, full_matrices=False)
    return u, s, v


def _bend(
    scores: Callable[..., Tensor] | None = None, shares: Callable[..., Tensor] | None = None
) -> Callable[..., Any]:
    """Bend scores or shares; each gets (u, s, v, centred x, k)."""

    def fn(x: Tensor, k: int) -> Any:
        centred = x - x.mean(0)
        u, s, v = _svd(centred)
        right = pca(x, k)
        return (
            scores(u, s, v, centred, k) if scores else right[0],
            shares(u, s, v, centred, k) if shares else right[1],
        )

    return fn


def _raw(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    u, s, _ = _svd(x)
    return _signed(u[:, :k] * s[:k]), (s**2 / (s**2).sum())[:k]


def _scaled(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    return pca((x - x.mean(0)) / x.std(0), k)


def _rows(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    u, s, _ = _svd(x - x.mean(1, keepdim=True))
    return _signed(u[:, :k] * s[:k]), (s**2 / (s**2).sum())[:k]


def _turned(signs: tuple[float, ...]) -> Callable[..., Tensor]:
    return lambda u, s, v, c, k: _signed(u[:, :k] * s[:k]) * torch.tensor(signs[:k], dtype=c.dtype)


_OTHER_SIGNS = [_turned(signs) for signs in product((1.0, -1.0), repeat=3) if min(signs[:2]) < 0]
PCA = (
    Mutant("the features not centred", _raw),
    Mutant("the rows centred, not the columns", _rows),
    Mutant("the features divided by their standard deviation", _scaled),
    Mutant(
        "the features divided by their standard deviation over N",
        lambda x, k: pca((x - x.mean(0)) / x.std(0, correction=0), k),
    ),
    Mutant(
        "scores without the singular values (all directions equally wide)",
        _bend(lambda u, s, v, c, k: _signed(u[:, :k])),
    ),
    *(Mutant(SIGNS, _bend(scores)) for scores in _OTHER_SIGNS),
    Mutant("the directions instead of the scores", _bend(lambda u, s, v, c, k: v[:k].T)),
    Mutant(
        "the smallest components",
        _bend(lambda u, s, v, c, k: _signed((u * s)[:, : min(len(c) - 1, c.shape[1])].flip(1)[:, :k])),
    ),
    Mutant(
        "the scores with rows and columns swapped", _bend(lambda u, s, v, c, k: _signed(u[:, :k] * s[:k]).T)
    ),
    Mutant(
        "shares of the singular values, not of their squares",
        _bend(None, lambda u, s, v, c, k: (s / s.sum())[:k]),
    ),
    Mutant(
        "shares of the k components alone", _bend(None, lambda u, s, v, c, k: s[:k] ** 2 / (s[:k] ** 2).sum())
    ),
    Mutant("the singular values instead of shares", _bend(None, lambda u, s, v, c, k: s[:k])),
    Mutant("the variances instead of shares", _bend(None, lambda u, s, v, c, k: s[:k] ** 2 / (len(c) - 1))),
    Mutant(
        "shares added up from the first on",
        _bend(None, lambda u, s, v, c, k: (s**2 / (s**2).sum()).cumsum(0)[:k]),
    ),
    Mutant("shares in percent", _bend(None, lambda u, s, v, c, k: 100 * (s**2 / (s**2).sum())[:k])),
    Mutant("scores and shares in the wrong order", lambda x, k: pca(x, k)[::-1]),
    Mutant("changes its input", lambda x, k: (pca(x, k), x.sub_(1))[0]),
)

cka = library.linear_cka


def _cka(x: Tensor, y: Tensor, *, top: float = 2, bottom: float = 1) -> float:
    up = (x.T @ y).norm() ** top
    return float(up / ((x.T @ x).norm() * (y.T @ y).norm()) ** bottom)


def _off(x: Tensor) -> Tensor:
    return x - x.mean(0)


LINEAR_CKA = (
    Mutant("features with one mean over everything taken off", lambda x, y: _cka(x - x.mean(), y - y.mean())),
    Mutant("features that are not centred", _cka),
    Mutant("features centred by rows", lambda x, y: _cka(x - x.mean(1, True), y - y.mean(1, True))),
    Mutant(
        "only the first features centred",
        lambda x, y: float((_off(x).T @ y).norm() ** 2 / ((_off(x).T @ _off(x)).norm() * (y.T @ y).norm())),
    ),
    Mutant("the norm above not squared", lambda x, y: _cka(_off(x), _off(y), top=1)),
    Mutant("the norms below squared", lambda x, y: _cka(_off(x), _off(y), bottom=2)),
    Mutant("the root of the CKA", lambda x, y: cka(x, y) ** 0.5),
    Mutant("the square of the CKA", lambda x, y: cka(x, y) ** 2),
    Mutant("1 minus the CKA", lambda x, y: 1 - cka(x, y)),
    Mutant("the norm above, not divided", lambda x, y: float((_off(x).T @ _off(y)).norm() ** 2)),
    Mutant(
        "divided by the norms of the features themselves",
        lambda x, y: float((_off(x).T @ _off(y)).norm() ** 2 / (_off(x).norm() * _off(y).norm()) ** 2),
    ),
    Mutant("sums of squares divided by the number of images", lambda x, y: cka(x, y) / len(x)),
    Mutant(
        "divided by the first norm only",
        lambda x, y: float((_off(x).T @ _off(y)).norm() ** 2 / (_off(x).T @ _off(x)).norm() ** 2),
    ),
    Mutant(
        "the nuclear norms in place of the Frobenius norms",
        lambda x, y: float(
            torch.linalg.matrix_norm(_off(x).T @ _off(y), "nuc") ** 2
            / (
                torch.linalg.matrix_norm(_off(x).T @ _off(x), "nuc")
                * torch.linalg.matrix_norm(_off(y).T @ _off(y), "nuc")
            )
        ),
    ),
    Mutant("changes its input", lambda x, y: (cka(x, y), x.sub_(1))[0]),
)
