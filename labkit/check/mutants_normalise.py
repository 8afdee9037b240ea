"""Named wrong answers for batch norm, layer norm and dropout: library calls with one thing bent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_activations as library
from labkit.check.case import Mutant
from labkit.check.mutants import changing, double, half
from labkit.check.mutants_activations import table

bn, ln = library.batch_norm, library.layer_norm
Bent = Callable[[Tensor, Tensor, Tensor, float], Any]


def _batch(change: Bent) -> Callable[..., Any]:
    return lambda x, gamma, beta, eps=1e-5: change(x, gamma, beta, eps)


def _from(
    x: Tensor, gamma: Tensor, beta: Tensor, mu: Tensor, var: Tensor, scale: Tensor
) -> tuple[Tensor, ...]:
    plain = F.batch_norm(x, mu, scale.square(), eps=0.0)
    return mu, var, plain, F.batch_norm(x, mu, scale.square(), gamma, beta, eps=0.0)


def _moments(x: Tensor, correction: int = 0, axis: int = 0) -> tuple[Tensor, Tensor]:
    var, mu = torch.var_mean(x, axis, correction=correction)
    return mu, var


def _unbiased(x: Tensor, g: Tensor, b: Tensor, eps: float) -> tuple[Tensor, ...]:
    mu, var = _moments(x, 1)
    return _from(x, g, b, mu, var, (var + eps).sqrt())


def _eps(where: str) -> Bent:
    def fn(x: Tensor, g: Tensor, b: Tensor, eps: float) -> tuple[Tensor, ...]:
        mu, var = _moments(x)
        scale = {
            "out": var.sqrt() + eps,
            "none": var.sqrt(),
            "squared": (var + eps**2).sqrt(),
            "no root": var + eps,
        }
        return _from(x, g, b, mu, var, scale[where])

    return fn


def _one(x: Tensor, g: Tensor, b: Tensor, eps: float) -> tuple[Tensor, ...]:
    mu, var = x.mean(), x.var(correction=0)
    mu, var = mu.repeat(len(g)), var.repeat(len(g))
    return _from(x, g, b, mu, var, (var + eps).sqrt())


def _last(change: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Bent:
    return lambda x, g, b, eps: (*bn(x, g, b, eps)[:3], change(bn(x, g, b, eps)[2], g, b))


def _rows(x: Tensor, g: Tensor, b: Tensor, eps: float) -> tuple[Tensor, ...]:
    mu, var = _moments(x, axis=1)
    return mu, var, ln(x, torch.ones_like(g), torch.zeros_like(b), eps), ln(x, g, b, eps)


BATCH_NORM = (
    Mutant("the unbiased variance, divided by N - 1", _batch(_unbiased)),
    Mutant("eps outside the root", _batch(_eps("out"))),
    Mutant("eps forgotten", _batch(_eps("none"))),
    Mutant("eps squared under the root", _batch(_eps("squared"))),
    Mutant("a division by the variance instead of its root", _batch(_eps("no root"))),
    Mutant("mean and variance of each row: that is layer norm", _batch(_rows)),
    Mutant("one mean and variance for all numbers", _batch(_one)),
    Mutant(
        "a standard deviation in the place of the variance",
        _batch(lambda x, g, b, eps: tuple(v.sqrt() if n == 1 else v for n, v in enumerate(bn(x, g, b, eps)))),
    ),
    Mutant(
        "x divided by the root without the mean taken off",
        _batch(
            lambda x, g, b, eps: (*_moments(x), *_from(x, g, b, 0 * g, g, (_moments(x)[1] + eps).sqrt())[2:])
        ),
    ),
    Mutant("an eps of 1e-5 whatever the argument says", _batch(lambda x, g, b, eps: bn(x, g, b))),
    Mutant("y without gamma", _batch(_last(lambda p, g, b: p + b))),
    Mutant("y without beta", _batch(_last(lambda p, g, b: p * g))),
    Mutant("y with gamma and beta swapped", _batch(_last(lambda p, g, b: p * b + g))),
    Mutant("y as gamma (x-hat + beta)", _batch(_last(lambda p, g, b: g * (p + b)))),
    Mutant(
        "y with the mean and the variance learned over the rows",
        _batch(lambda x, g, b, eps: (*bn(x, g, b, eps)[:3], ln(x, g, b, eps))),
    ),
    half(bn),
    double(bn),
    changing(bn),
)


def _normed(x: Tensor, mu: Tensor, scale: Tensor, g: Tensor, b: Tensor) -> Tensor:
    mu, scale = mu.expand(len(x), 1)[:, 0], scale.expand(len(x), 1)[:, 0]
    return torch.addcmul(b, F.batch_norm(x.T, mu, scale.square(), eps=0.0).T, g)


def _row(x: Tensor, correction: int = 0) -> tuple[Tensor, Tensor]:
    var, mu = torch.var_mean(x, 1, correction=correction, keepdim=True)
    return mu, var


LAYER_NORM = table(
    ln,
    ("mean and variance of each column: that is batch norm", lambda x, g, b, eps=1e-5: bn(x, g, b, eps)[3]),
    (
        "one mean and variance for all numbers",
        lambda x, g, b, eps=1e-5: _normed(x, x.mean(), (x.var(correction=0) + eps).sqrt(), g, b),
    ),
    (
        "the unbiased variance, divided by H - 1",
        lambda x, g, b, eps=1e-5: _normed(x, _row(x)[0], (_row(x, 1)[1] + eps).sqrt(), g, b),
    ),
    ("eps outside the root", lambda x, g, b, eps=1e-5: _normed(x, _row(x)[0], _row(x)[1].sqrt() + eps, g, b)),
    ("eps forgotten", lambda x, g, b, eps=1e-5: _normed(x, _row(x)[0], _row(x)[1].sqrt(), g, b)),
    (
        "a division by the variance instead of its root",
        lambda x, g, b, eps=1e-5: _normed(x, _row(x)[0], _row(x)[1] + eps, g, b),
    ),
    (
        "x divided by the root without the mean taken off",
        lambda x, g, b, eps=1e-5: _normed(x, 0 * _row(x)[0], (_row(x)[1] + eps).sqrt(), g, b),
    ),
    ("the mean taken off, without a division", lambda x, g, b, eps=1e-5: (x - _row(x)[0]) * g + b),
    ("an eps of 1e-5 whatever the argument says", lambda x, g, b, eps=1e-5: ln(x, g, b)),
    ("y without gamma", lambda x, g, b, eps=1e-5: ln(x, torch.ones_like(g), b, eps)),
    ("y without beta", lambda x, g, b, eps=1e-5: ln(x, g, 0 * b, eps)),
    ("y without gamma and beta", lambda x, g, b, eps=1e-5: ln(x, torch.ones_like(g), 0 * b, eps)),
    ("y with gamma and beta swapped", lambda x, g, b, eps=1e-5: ln(x, b, g, eps)),
    (
        "RMS norm: the mean of the squares, and no mean taken off",
        lambda x, g, b, eps=1e-5: F.rms_norm(x, x.shape[1:], g, eps) + b,
    ),
)

drop = library.dropout


def _keep(x: Tensor, p: float, u: Tensor) -> Tensor:
    return x.masked_fill(u.lt(p), 0)


DROPOUT = table(
    drop,
    (
        "dropout that is not rescaled",
        lambda x, p, u, training=True: _keep(x, p, u) if training else x.clone(),
    ),
    ("dropout at evaluation too", lambda x, p, u, training=True: drop(x, p, u)),
    (
        "no dropout in training, dropout at evaluation",
        lambda x, p, u, training=True: drop(x, p, u, not training),
    ),
    ("no dropout at all", lambda x, p, u, training=True: x.clone()),
    (
        "numbers kept where u < p instead of dropped",
        lambda x, p, u, training=True: x.masked_fill(u.ge(p), 0) / (1 - p) if training else x.clone(),
    ),
    (
        "p as the chance to keep: scaled by 1 / p",
        lambda x, p, u, training=True: (x.masked_fill(u.ge(p), 0) / max(p, 1e-9)) if training else x.clone(),
    ),
    (
        "a rescaling by 1 - p instead of 1 / (1 - p)",
        lambda x, p, u, training=True: _keep(x, p, u) * (1 - p) if training else x.clone(),
    ),
    (
        "a rescaling by 1 / p",
        lambda x, p, u, training=True: _keep(x, p, u) / max(p, 1e-9) if training else x.clone(),
    ),
    (
        "the older way: scaled by 1 - p at evaluation",
        lambda x, p, u, training=True: _keep(x, p, u) if training else x * (1 - p),
    ),
    (
        "an evaluation scaled by 1 / (1 - p)",
        lambda x, p, u, training=True: drop(x, p, u) if training else x / (1 - p),
    ),
    (
        "the dropped numbers left out instead of set to 0",
        lambda x, p, u, training=True: x[u.ge(p)] / (1 - p) if training else x.clone(),
    ),
    (
        "the mask divided by 1 - p, without x",
        lambda x, p, u, training=True: u.ge(p).to(x.dtype) / (1 - p) if training else x.clone(),
    ),
    (
        "x / 1 - p: brackets are missing around 1 - p",
        lambda x, p, u, training=True: _keep(x, p, u) / 1 - p if training else x.clone(),
    ),
    (
        "a division by the share that was really kept instead of 1 - p",
        lambda x, p, u, training=True: _keep(x, p, u) / u.ge(p).to(x.dtype).mean() if training else x.clone(),
    ),
    (
        "a p of one half whatever p is",
        lambda x, p, u, training=True: drop(x, 0.5, u, training),
    ),
    (
        "whole rows dropped, by their first number",
        lambda x, p, u, training=True: drop(x, p, u[:, :1].expand_as(u), training),
    ),
    (
        "whole columns dropped, by the first row",
        lambda x, p, u, training=True: drop(x, p, u[:1].expand_as(u), training),
    ),
    (
        "a number dropped where u equals p, too",
        lambda x, p, u, training=True: x.masked_fill(u.le(p), 0) / (1 - p) if training else x.clone(),
    ),
    (
        "a threshold of one half whatever p is",
        lambda x, p, u, training=True: x.masked_fill(u.lt(0.5), 0) / (1 - p) if training else x.clone(),
    ),
    (
        "numbers dropped where u > 1 - p: as many, but others",
        lambda x, p, u, training=True: x.masked_fill(u.gt(1 - p), 0) / (1 - p) if training else x.clone(),
    ),
)
