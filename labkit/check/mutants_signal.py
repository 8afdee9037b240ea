"""Named wrong answers for signals in deep networks, normalisation and dropout: library calls with one thing bent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_activations as library
from labkit.check.case import Mutant
from labkit.check.mutants import changing
from labkit.check.mutants_activations import table

Map = Callable[[Any], Any]
norms = library.gradient_norms


def _grads(x: Tensor, weights: Tensor, phi: Map, *, turned: bool = False) -> Tensor:
    leaf = weights.detach().clone().requires_grad_()
    with torch.enable_grad():
        for w in leaf:
            x = phi(x @ w) if turned else phi(F.linear(x, w))
        (grad,) = torch.autograd.grad(x.sum(), leaf)
    return grad


def _answers(x: Tensor, weights: Tensor, phi: Map) -> list[Tensor]:
    found = []
    for w in weights:
        x = phi(F.linear(x, w))
        found.append(x)
    return found


def _of_answers(x: Tensor, weights: Tensor, phi: Map) -> Tensor:
    with torch.enable_grad():
        found = _answers(x.detach().clone().requires_grad_(), weights, phi)
        return torch.stack([g.norm() for g in torch.autograd.grad(found[-1].sum(), found)])


GRADIENT_NORMS = table(
    norms,
    ("the squared norms", lambda x, w, phi: norms(x, w, phi) ** 2),
    ("the largest number of each gradient", lambda x, w, phi: _grads(x, w, phi).abs().amax((1, 2))),
    ("the sum of the absolute numbers", lambda x, w, phi: _grads(x, w, phi).abs().sum((1, 2))),
    ("the mean of the absolute numbers", lambda x, w, phi: _grads(x, w, phi).abs().mean((1, 2))),
    ("the largest singular value (matrix norm 2)",
     lambda x, w, phi: torch.linalg.matrix_norm(_grads(x, w, phi), 2)),
    ("the norms from the last layer to the first", lambda x, w, phi: norms(x, w, phi).flip(0)),
    ("one norm of all layers together", lambda x, w, phi: norms(x, w, phi).norm().expand(len(w))),
    ("the norms of the weights", lambda x, w, phi: torch.linalg.matrix_norm(w)),
    ("the norms of the gradients of the answers", _of_answers),
    ("the norms of the answers", lambda x, w, phi: torch.stack([h.norm() for h in _answers(x, w, phi)])),
    ("the gradients without phi", lambda x, w, phi: norms(x, w, lambda u: u)),
    ("x @ w without the transpose", lambda x, w, phi: torch.linalg.matrix_norm(_grads(x, w, phi, turned=True))),
    ("a mean as loss instead of the sum",
     lambda x, w, phi: norms(x, w, phi) / x.numel()),
    ("the gradients added up over two backward passes", lambda x, w, phi: 2 * norms(x, w, phi)),
    ("the layers taken in the opposite order", lambda x, w, phi: norms(x, w.flip(0), phi)),
)  # fmt: skip

census = library.dead_units


def _census(change: Callable[..., Any]) -> Callable[..., Any]:
    def fn(x: Tensor, w: Tensor, b: Tensor) -> Any:
        return change(*census(x, w, b), F.linear(x, w, b))

    return fn


DEAD_UNITS = (
    Mutant("the number of living units", _census(lambda dead, share, u: (u.shape[1] - dead, share))),
    Mutant("units that are 0 for some row", _census(lambda dead, share, u: (int((share < 1).sum()), share))),
    Mutant("the units counted over the rows: rows without an active unit",
           _census(lambda dead, share, u: (int((u <= 0).all(1).sum()), share))),
    Mutant("the zeros counted instead of the units", _census(lambda dead, share, u: (int((u <= 0).sum()), share))),
    Mutant("the share of dead units instead of their number",
           _census(lambda dead, share, u: (dead / u.shape[1], share))),
    Mutant("the share of rows for which a unit is 0", _census(lambda dead, share, u: (dead, 1 - share))),
    Mutant("the number of rows instead of their share", _census(lambda dead, share, u: (dead, share * len(u)))),
    Mutant("the share of units for each row", _census(lambda dead, share, u: (dead, (u > 0).to(u.dtype).mean(1)))),
    Mutant("the mean answer instead of the share", _census(lambda dead, share, u: (dead, u.relu().mean(0)))),
    Mutant("one share for the whole layer", _census(lambda dead, share, u: (dead, share.mean()))),
    Mutant("units that are always active counted as dead", _census(lambda dead, share, u: (int((share == 1).sum()), share))),
    Mutant("the census without the bias", lambda x, w, b: census(x, w, 0 * b)),
    Mutant("the census of the inputs below 0: a sign is wrong", lambda x, w, b: census(x, -w, -b)),
    Mutant("the first row only", lambda x, w, b: census(x[:1], w, b)),
    Mutant("the two results in the wrong order", _census(lambda dead, share, u: (share, dead))),
    Mutant("float32 for a float64 input", _census(lambda dead, share, u: (dead, share.float()))),
    changing(census),
)  # fmt: skip

std = library.init_std
INIT_STD = (
    Mutant("1 / root of fan-in for every activation", lambda n, a, slope=0.01: n**-0.5),
    Mutant("root of 2 / fan-in for every activation", lambda n, a, slope=0.01: (2 / n) ** 0.5),
    Mutant("2 / root of fan-in for ReLU: the root of 2 is missing",
           lambda n, a, slope=0.01: 2 / n**0.5 if a == "relu" else std(n, a, slope)),
    Mutant("the variance instead of its root", lambda n, a, slope=0.01: std(n, a, slope) ** 2),
    Mutant("the gain, not divided by the root of fan-in", lambda n, a, slope=0.01: std(1, a, slope)),
    Mutant("the gain divided by fan-in, without the root", lambda n, a, slope=0.01: std(1, a, slope) / n),
    Mutant("the gain times the root of fan-in", lambda n, a, slope=0.01: std(1, a, slope) * n**0.5),
    Mutant("0.01 for every layer", lambda n, a, slope=0.01: 0.01),
    Mutant("1 for every layer", lambda n, a, slope=0.01: 1.0),
    Mutant("weights of zero", lambda n, a, slope=0.01: 0.0),
    Mutant("root of 1 / (2 fan-in): the 2 is on the wrong side for ReLU",
           lambda n, a, slope=0.01: (1 / (2 * n)) ** 0.5 if a == "relu" else std(n, a, slope)),
    Mutant("a leaky ReLU with slope 0.01 whatever the argument says", lambda n, a, slope=0.01: std(n, a)),
    Mutant("1 + slope in the place of 1 + slope squared",
           lambda n, a, slope=0.01: (2 / (1 + slope) / n) ** 0.5 if a == "leaky_relu" else std(n, a, slope)),
    Mutant("half the spread", lambda n, a, slope=0.01: std(n, a, slope) / 2),
    Mutant("twice the spread", lambda n, a, slope=0.01: std(n, a, slope) * 2),
)  # fmt: skip

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
    Mutant("a standard deviation in the place of the variance",
           _batch(lambda x, g, b, eps: tuple(v.sqrt() if n == 1 else v for n, v in enumerate(bn(x, g, b, eps))))),
    Mutant("x divided by the root without the mean taken off",
           _batch(lambda x, g, b, eps: (
               *_moments(x), *_from(x, g, b, 0 * g, g, (_moments(x)[1] + eps).sqrt())[2:]))),
    Mutant("an eps of 1e-5 whatever the argument says", _batch(lambda x, g, b, eps: bn(x, g, b))),
    Mutant("y without gamma", _batch(_last(lambda p, g, b: p + b))),
    Mutant("y without beta", _batch(_last(lambda p, g, b: p * g))),
    Mutant("y with gamma and beta swapped", _batch(_last(lambda p, g, b: p * b + g))),
    Mutant("y as gamma (x-hat + beta)", _batch(_last(lambda p, g, b: g * (p + b)))),
    Mutant("y with the mean and the variance learned over the rows",
           _batch(lambda x, g, b, eps: (*bn(x, g, b, eps)[:3], ln(x, g, b, eps)))),
    Mutant("float32 for a float64 input", _batch(lambda x, g, b, eps: tuple(v.float() for v in bn(x, g, b, eps)))),
    changing(bn),
)  # fmt: skip


def _normed(x: Tensor, mu: Tensor, scale: Tensor, g: Tensor, b: Tensor) -> Tensor:
    mu, scale = mu.expand(len(x), 1)[:, 0], scale.expand(len(x), 1)[:, 0]
    return torch.addcmul(b, F.batch_norm(x.T, mu, scale.square(), eps=0.0).T, g)


def _row(x: Tensor, correction: int = 0) -> tuple[Tensor, Tensor]:
    var, mu = torch.var_mean(x, 1, correction=correction, keepdim=True)
    return mu, var


LAYER_NORM = table(
    ln,
    ("mean and variance of each column: that is batch norm", lambda x, g, b, eps=1e-5: bn(x, g, b, eps)[3]),
    ("one mean and variance for all numbers",
     lambda x, g, b, eps=1e-5: _normed(x, x.mean(), (x.var(correction=0) + eps).sqrt(), g, b)),
    ("the unbiased variance, divided by H - 1",
     lambda x, g, b, eps=1e-5: _normed(x, _row(x)[0], (_row(x, 1)[1] + eps).sqrt(), g, b)),
    ("eps outside the root",
     lambda x, g, b, eps=1e-5: _normed(x, _row(x)[0], _row(x)[1].sqrt() + eps, g, b)),
    ("eps forgotten", lambda x, g, b, eps=1e-5: _normed(x, _row(x)[0], _row(x)[1].sqrt(), g, b)),
    ("a division by the variance instead of its root",
     lambda x, g, b, eps=1e-5: _normed(x, _row(x)[0], _row(x)[1] + eps, g, b)),
    ("x divided by the root without the mean taken off",
     lambda x, g, b, eps=1e-5: _normed(x, 0 * _row(x)[0], (_row(x)[1] + eps).sqrt(), g, b)),
    ("the mean taken off, without a division", lambda x, g, b, eps=1e-5: (x - _row(x)[0]) * g + b),
    ("an eps of 1e-5 whatever the argument says", lambda x, g, b, eps=1e-5: ln(x, g, b)),
    ("y without gamma", lambda x, g, b, eps=1e-5: ln(x, torch.ones_like(g), b, eps)),
    ("y without beta", lambda x, g, b, eps=1e-5: ln(x, g, 0 * b, eps)),
    ("y with gamma and beta swapped", lambda x, g, b, eps=1e-5: ln(x, b, g, eps)),
    ("RMS norm: the mean of the squares, and no mean taken off",
     lambda x, g, b, eps=1e-5: F.rms_norm(x, x.shape[1:], g, eps) + b),
)  # fmt: skip

drop = library.dropout


def _keep(x: Tensor, p: float, u: Tensor) -> Tensor:
    return x.masked_fill(u.lt(p), 0)


DROPOUT = table(
    drop,
    ("dropout that is not rescaled", lambda x, p, u, training=True: _keep(x, p, u) if training else x.clone()),
    ("dropout at evaluation too", lambda x, p, u, training=True: drop(x, p, u)),
    ("no dropout in training, dropout at evaluation", lambda x, p, u, training=True: drop(x, p, u, not training)),
    ("no dropout at all", lambda x, p, u, training=True: x.clone()),
    ("numbers kept where u < p instead of dropped",
     lambda x, p, u, training=True: x.masked_fill(u.ge(p), 0) / (1 - p) if training else x.clone()),
    ("p as the chance to keep: scaled by 1 / p",
     lambda x, p, u, training=True: (x.masked_fill(u.ge(p), 0) / max(p, 1e-9)) if training else x.clone()),
    ("a rescaling by 1 - p instead of 1 / (1 - p)",
     lambda x, p, u, training=True: _keep(x, p, u) * (1 - p) if training else x.clone()),
    ("a rescaling by 1 / p", lambda x, p, u, training=True: _keep(x, p, u) / max(p, 1e-9) if training else x.clone()),
    ("the older way: scaled by 1 - p at evaluation",
     lambda x, p, u, training=True: _keep(x, p, u) if training else x * (1 - p)),
    ("an evaluation scaled by 1 / (1 - p)", lambda x, p, u, training=True: drop(x, p, u) if training else x / (1 - p)),
    ("whole rows dropped, by their first number",
     lambda x, p, u, training=True: drop(x, p, u[:, :1].expand_as(u), training)),
    ("whole columns dropped, by the first row",
     lambda x, p, u, training=True: drop(x, p, u[:1].expand_as(u), training)),
    ("a number dropped where u equals p, too",
     lambda x, p, u, training=True: x.masked_fill(u.le(p), 0) / (1 - p) if training else x.clone()),
    ("a threshold of one half whatever p is",
     lambda x, p, u, training=True: x.masked_fill(u.lt(0.5), 0) / (1 - p) if training else x.clone()),
)  # fmt: skip
