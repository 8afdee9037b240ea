"""Named wrong answers for gradients, dead units and first weights: library calls with one thing bent."""

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


def _open(x: Tensor, weights: Tensor, phi: Map) -> Tensor:
    turns = iter([phi] * (len(weights) - 1))
    return norms(x, weights, lambda u: next(turns, _same)(u))


def _same(u: Tensor) -> Tensor:
    return u


_NORMS = table(
    norms,
    ("the squared norms", lambda x, w, phi: norms(x, w, phi) ** 2),
    ("the largest number of each gradient", lambda x, w, phi: _grads(x, w, phi).abs().amax((1, 2))),
    ("the sum of the absolute numbers", lambda x, w, phi: _grads(x, w, phi).abs().sum((1, 2))),
    ("the mean of the absolute numbers", lambda x, w, phi: _grads(x, w, phi).abs().mean((1, 2))),
    (
        "the largest singular value (matrix norm 2)",
        lambda x, w, phi: torch.linalg.matrix_norm(_grads(x, w, phi), 2),
    ),
    ("the norms from the last layer to the first", lambda x, w, phi: norms(x, w, phi).flip(0)),
    ("one norm of all layers together", lambda x, w, phi: norms(x, w, phi).norm().expand(len(w))),
    ("the norms of the weights", lambda x, w, phi: torch.linalg.matrix_norm(w)),
    ("the norms of the gradients of the answers", _of_answers),
    ("the norms of the answers", lambda x, w, phi: torch.stack([h.norm() for h in _answers(x, w, phi)])),
    ("the gradients without phi", lambda x, w, phi: norms(x, w, lambda u: u)),
    (
        "x @ w without the transpose",
        lambda x, w, phi: torch.linalg.matrix_norm(_grads(x, w, phi, turned=True)),
    ),
    ("a mean as loss instead of the sum", lambda x, w, phi: norms(x, w, phi) / x.numel()),
    ("the gradients added up over two backward passes", lambda x, w, phi: 2 * norms(x, w, phi)),
    ("the layers taken in the opposite order", lambda x, w, phi: norms(x, w.flip(0), phi)),
    ("the gradients without phi behind the last layer", _open),
)
GRADIENT_NORMS = tuple(m for m in _NORMS if "float" not in m.name)  # any float dtype is welcome

census = library.dead_units


def _census(change: Callable[..., Any]) -> Callable[..., Any]:
    def fn(x: Tensor, w: Tensor, b: Tensor) -> Any:
        return change(*census(x, w, b), F.linear(x, w, b))

    return fn


def _share(on: Tensor) -> tuple[int, Tensor]:
    return int((~on.any(0)).sum()), on.double().mean(0)


DEAD_UNITS = (
    Mutant("the number of living units", _census(lambda dead, share, u: (u.shape[1] - dead, share))),
    Mutant("units that are 0 for some row", _census(lambda dead, share, u: (int((share < 1).sum()), share))),
    Mutant(
        "the units counted over the rows: rows without an active unit",
        _census(lambda dead, share, u: (int((u <= 0).all(1).sum()), share)),
    ),
    Mutant(
        "the zeros counted instead of the units", _census(lambda dead, share, u: (int((u <= 0).sum()), share))
    ),
    Mutant(
        "the share of dead units instead of their number",
        _census(lambda dead, share, u: (dead / u.shape[1], share)),
    ),
    Mutant("the share of rows for which a unit is 0", _census(lambda dead, share, u: (dead, 1 - share))),
    Mutant(
        "the number of rows instead of their share", _census(lambda dead, share, u: (dead, share * len(u)))
    ),
    Mutant(
        "the share of units for each row", _census(lambda dead, share, u: (dead, (u > 0).to(u.dtype).mean(1)))
    ),
    Mutant("the mean answer instead of the share", _census(lambda dead, share, u: (dead, u.relu().mean(0)))),
    Mutant("one share for the whole layer", _census(lambda dead, share, u: (dead, share.mean()))),
    Mutant(
        "units that are always active counted as dead",
        _census(lambda dead, share, u: (int((share == 1).sum()), share)),
    ),
    Mutant(
        "u = 0 counted as active: >= instead of >",
        _census(lambda dead, share, u: _share(u >= 0)),
    ),
    Mutant(
        "an answer below 0.1 counted as 0",
        _census(lambda dead, share, u: _share(u > 0.1)),
    ),
    Mutant(
        "units that are active for less than a tenth of the rows counted as dead",
        _census(lambda dead, share, u: (int((share < 0.1).sum()), share)),
    ),
    Mutant(
        "units whose answers add up to 0 or less counted as dead",
        _census(lambda dead, share, u: (int((u.sum(0) <= 0).sum()), share)),
    ),
    Mutant(
        "a share rounded down, by // instead of /",
        _census(lambda dead, share, u: (int((share < 1).sum()), share.floor())),
    ),
    Mutant("the census without the bias", lambda x, w, b: census(x, w, 0 * b)),
    Mutant("the census of the inputs below 0: a sign is wrong", lambda x, w, b: census(x, -w, -b)),
    Mutant("the first row only", lambda x, w, b: census(x[:1], w, b)),
    Mutant("the two results in the wrong order", _census(lambda dead, share, u: (share, dead))),
    changing(census),
)

std = library.init_std


def _gain(activation: str, name: str, gain: Callable[[float], float]) -> Mutant:
    """Give one activation another gain."""
    return Mutant(
        name, lambda n, a, slope=0.01: gain(slope) / n**0.5 if a == activation else std(n, a, slope)
    )


INIT_STD = (
    Mutant("1 / root of fan-in for every activation", lambda n, a, slope=0.01: n**-0.5),
    Mutant("root of 2 / fan-in for every activation", lambda n, a, slope=0.01: (2 / n) ** 0.5),
    Mutant(
        "2 / root of fan-in for ReLU: the root of 2 is missing",
        lambda n, a, slope=0.01: 2 / n**0.5 if a == "relu" else std(n, a, slope),
    ),
    Mutant("the variance instead of its root", lambda n, a, slope=0.01: std(n, a, slope) ** 2),
    Mutant("the gain, not divided by the root of fan-in", lambda n, a, slope=0.01: std(1, a, slope)),
    Mutant("the gain divided by fan-in, without the root", lambda n, a, slope=0.01: std(1, a, slope) / n),
    Mutant("the gain times the root of fan-in", lambda n, a, slope=0.01: std(1, a, slope) * n**0.5),
    Mutant("0.01 for every layer", lambda n, a, slope=0.01: 0.01),
    Mutant("1 for every layer", lambda n, a, slope=0.01: 1.0),
    Mutant("weights of zero, as int() or // make them", lambda n, a, slope=0.01: 0.0),
    Mutant(
        "root of 3 / fan-in: the limit of a uniform distribution, not its spread",
        lambda n, a, slope=0.01: (3 / n) ** 0.5,
    ),
    Mutant(
        "the root of 3 times the spread: the limit of a uniform distribution",
        lambda n, a, slope=0.01: 3**0.5 * std(n, a, slope),
    ),
    _gain("linear", "the gain of ReLU for a linear layer", lambda slope: 2**0.5),
    _gain(
        "relu",
        "a gain of 1 for ReLU: it halves the mean square, and the gain makes up for it",
        lambda slope: 1,
    ),
    _gain("leaky_relu", "the gain of ReLU for leaky ReLU: the slope is left out", lambda slope: 2**0.5),
    _gain("leaky_relu", "a gain of 1 for leaky ReLU", lambda slope: 1),
    _gain(
        "leaky_relu",
        "1 - slope squared in the gain of leaky ReLU: a sign is wrong",
        lambda a: (2 / (1 - a * a)) ** 0.5,
    ),
    _gain("leaky_relu", "(1 + slope) squared in the gain of leaky ReLU", lambda a: 2**0.5 / (1 + a)),
    _gain("leaky_relu", "the gain of leaky ReLU turned over", lambda a: ((1 + a * a) / 2) ** 0.5),
    _gain("leaky_relu", "the gain of leaky ReLU without its root", lambda a: 2 / (1 + a * a)),
    _gain("tanh", "a gain of 3 for tanh, which saturates", lambda slope: 3),
    _gain("tanh", "the gain of tanh turned over: 3/5", lambda slope: 0.6),
    Mutant(
        "root of 1 / (2 fan-in): the 2 is on the wrong side for ReLU",
        lambda n, a, slope=0.01: (1 / (2 * n)) ** 0.5 if a == "relu" else std(n, a, slope),
    ),
    Mutant("a leaky ReLU with slope 0.01 whatever the argument says", lambda n, a, slope=0.01: std(n, a)),
    Mutant(
        "1 + slope in the place of 1 + slope squared",
        lambda n, a, slope=0.01: (2 / (1 + slope) / n) ** 0.5 if a == "leaky_relu" else std(n, a, slope),
    ),
    Mutant("half the spread", lambda n, a, slope=0.01: std(n, a, slope) / 2),
    Mutant("twice the spread", lambda n, a, slope=0.01: std(n, a, slope) * 2),
)
