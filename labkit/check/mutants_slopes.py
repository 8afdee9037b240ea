"""Named wrong answers for slopes and for a backward of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_activations as library
from labkit.check.case import Mutant
from labkit.check.mutants_activations import Bend, table

sigmoid, relu, step = torch.sigmoid, torch.relu, library.step
ds, dt = library.sigmoid_slope, library.tanh_slope
_SIGMOID = table(
    ds,
    ("x (1 - x): the sigmoid was not applied", lambda x: x * (1 - x)),
    ("the sigmoid itself", sigmoid),
    ("s (1 + s): a sign is wrong", lambda x: sigmoid(x) * (1 + sigmoid(x))),
    ("1 - s squared, the slope of tanh's formula", lambda x: 1 - sigmoid(x) ** 2),
    ("1 - s, which is exp(-x) / (1 + exp(-x)) without the square", lambda x: 1 - sigmoid(x)),
    ("s squared", lambda x: sigmoid(x) ** 2),
    ("s (s - 1): the wrong sign", lambda x: -ds(x)),
    ("the slope at s instead of at x: the sigmoid is applied twice", lambda x: ds(sigmoid(x))),
    ("exp(-x) / (1 + exp(-x))**2, which overflows", lambda x: torch.exp(-x) / (1 + torch.exp(-x)) ** 2),
    ("a quarter everywhere, the slope at 0", lambda x: torch.full_like(x, 0.25)),
)
SIGMOID_SLOPE = tuple(m for m in _SIGMOID if "whole" not in m.name)  # the slope cut to 0: zeros
TANH_SLOPE = table(
    dt,
    ("1 - x squared: tanh was not applied", lambda x: 1 - x * x),
    ("tanh itself", torch.tanh),
    ("1 + tanh squared: a sign is wrong", lambda x: 1 + torch.tanh(x) ** 2),
    ("1 - tanh, without the square", lambda x: 1 - torch.tanh(x)),
    ("t (1 - t), the sigmoid's formula", lambda x: torch.tanh(x) * (1 - torch.tanh(x))),
    ("tanh squared - 1: the wrong sign", lambda x: -dt(x)),
    ("tanh squared", lambda x: torch.tanh(x) ** 2),
    ("the slope of the sigmoid", ds),
    ("1 / cosh, without the square", lambda x: 1 / torch.cosh(x)),
    ("1 everywhere, the slope at 0", torch.ones_like),
    ("the slope at tanh(x): tanh is applied twice", lambda x: dt(torch.tanh(x))),
)
dl = library.leaky_relu_slope
_LEAKY = table(
    dl,
    (
        "a slope of 1 at 0: the wrong branch",
        lambda x, slope=0.01: torch.where(x >= 0, 1.0, slope).to(x.dtype),
    ),
    (
        "one half at 0, between the two branches",
        lambda x, slope=0.01: dl(x, slope) + (x == 0) * (0.5 - slope),
    ),
    ("0 at 0 whatever the slope is", lambda x, slope=0.01: dl(x, slope) * x.ne(0)),
    ("a slope of 0.01 whatever the argument says", lambda x, slope=0.01: dl(x)),
    ("a slope of 0.1 whatever the argument says", lambda x, slope=0.01: dl(x, 0.1)),
    ("0 below 0, as for ReLU", lambda x, slope=0.01: dl(x, 0.0)),
    ("the two branches swapped", lambda x, slope=0.01: 1 + slope - dl(x, slope)),
    ("slope with the wrong sign", lambda x, slope=0.01: dl(x, -slope)),
    ("leaky ReLU itself", library.leaky_relu),
    (
        "slope times x below 0: not differentiated",
        lambda x, slope=0.01: torch.where(x > 0, 1.0, slope * x).to(x.dtype),
    ),
    ("x above 0: not differentiated", lambda x, slope=0.01: torch.where(x > 0, x, slope).to(x.dtype)),
)
# the slope cut to 0 is ReLU's; any float dtype is welcome
LEAKY_RELU_SLOPE = tuple(m for m in _LEAKY if "whole" not in m.name and "float" not in m.name)
de = library.elu_slope
ELU_SLOPE = table(
    de,
    (
        "a slope of 1 at 0: the wrong branch",
        lambda x, alpha=1.0: torch.where(x == 0, 1.0, de(x, alpha)).to(x.dtype),
    ),
    ("the slope for alpha = 1 whatever the argument says", lambda x, alpha=1.0: de(x)),
    (
        "alpha (exp(x) - 1) below 0: not differentiated",
        lambda x, alpha=1.0: torch.where(x > 0, 1.0, alpha * x.expm1()).to(x.dtype),
    ),
    ("ELU itself", library.elu),
    ("0 below 0, as for ReLU", lambda x, alpha=1.0: step(x)),
    (
        "alpha everywhere below 0, without exp",
        lambda x, alpha=1.0: torch.where(x > 0, 1.0, alpha).to(x.dtype),
    ),
    ("the wrong sign below 0", lambda x, alpha=1.0: de(x, -alpha)),
    (
        "ELU(x) + 1, which forgets alpha",
        lambda x, alpha=1.0: torch.where(x > 0, 1, library.elu(x, alpha) + 1),
    ),
    ("alpha above 0 as well", lambda x, alpha=1.0: torch.where(x > 0, alpha, de(x, alpha)).to(x.dtype)),
    ("alpha x exp(x) below 0", lambda x, alpha=1.0: torch.where(x > 0, 1, alpha * x * x.clamp_max(0).exp())),
    (
        "a product of mask and exp, which overflows for large x",
        lambda x, alpha=1.0: (x > 0) + (x <= 0) * alpha * x.exp(),
    ),
)
dg, area = library.gelu_slope, torch.special.ndtr


def _bell(x: Tensor) -> Tensor:
    return torch.exp(-x.square() / 2).div((2 * torch.pi) ** 0.5)


GELU_SLOPE = table(
    dg,
    ("the area only: the second part of the product rule is missing", area),
    ("x times the bell only: the first part of the product rule is missing", lambda x: x * _bell(x)),
    ("area plus bell, without the factor x", lambda x: area(x) + _bell(x)),
    ("area minus x times bell: a sign is wrong", lambda x: area(x) - x * _bell(x)),
    ("a bell without 1 / root of 2 pi", lambda x: area(x) + x * torch.exp(-x.square() / 2)),
    (
        "a bell of exp(-x**2), without one half",
        lambda x: area(x) + x * torch.exp(-x.square()) / (2 * torch.pi) ** 0.5,
    ),
    (
        "a bell of exp(x**2 / 2): a sign is wrong",
        lambda x: area(x) + x * torch.exp(x.square().clamp_max(90) / 2),
    ),
    ("GELU itself", F.gelu),
    ("the slope of SiLU", library.slope_of(F.silu)),
    ("the slope of the tanh approximation", library.slope_of(lambda x: F.gelu(x, approximate="tanh"))),
    ("the step, the slope of ReLU", step),
    ("x times area plus bell", lambda x: x * area(x) + _bell(x)),
)


def bent(forward: Bend, backward: Callable[[Tensor, Tensor], Any]) -> Callable[..., Any]:
    """Make a function with a backward of its own."""

    class Bent(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, dy: Tensor) -> Any:
            (x,) = ctx.saved_tensors
            return backward(x, dy)

    return lambda x: Bent.apply(x)


def _through(*pairs: tuple[str, Bend, Callable[[Tensor, Tensor], Any]]) -> tuple[Mutant, ...]:
    return tuple(Mutant(name, bent(forward, backward)) for name, forward, backward in pairs)


def _late(x: Tensor, dy: Tensor) -> Tensor:
    return dy * (x >= 0)


MY_RELU = _through(
    ("a gradient of dy at 0: the wrong branch", relu, _late),
    ("a backward that leaves out dy: 1 above 0", relu, lambda x, dy: step(x) * x.ne(0)),
    ("a backward that hands dy on everywhere", relu, lambda x, dy: dy.clone()),
    ("a backward that gives dy below 0", relu, lambda x, dy: dy * (x < 0)),
    ("a backward that looks at the sign of dy instead of x", relu, lambda x, dy: dy.relu()),
    ("a backward that looks at the signs of both (guided)", relu, lambda x, dy: dy.relu() * (x > 0)),
    ("a backward of the wrong sign", relu, lambda x, dy: -dy * (x > 0)),
    ("x times dy in the backward", relu, lambda x, dy: relu(x) * dy),
    ("a backward of zeros", relu, lambda x, dy: torch.zeros_like(x)),
    ("a forward that is the step", step, lambda x, dy: dy * (x > 0)),
    ("a forward that is the absolute value", torch.abs, lambda x, dy: dy * (x > 0)),
    ("a forward that leaves x as it is", lambda x: x.clone(), lambda x, dy: dy * (x > 0)),
    ("leaky ReLU", lambda x: F.leaky_relu(x), lambda x, dy: dy * dl(x)),
)
PASS_THROUGH = _through(
    ("a gradient of 0 everywhere, as the step has", step, lambda x, dy: torch.zeros_like(x)),
    ("dy passed everywhere, also where |x| > 1", step, lambda x, dy: dy.clone()),
    ("dy passed where |x| > 1 instead of within", step, lambda x, dy: dy * (x.abs() > 1)),
    ("dy passed where |x| < 1: 0 at exactly -1 and 1", step, lambda x, dy: dy * (x.abs() < 1)),
    ("dy passed for -1 <= x < 1, but not at 1", step, lambda x, dy: dy * (x >= -1) * (x < 1)),
    ("dy passed for -1 < x <= 1, but not at -1", step, lambda x, dy: dy * (x > -1) * (x <= 1)),
    ("dy passed above 0 only", step, _late),
    ("dy passed for every x up to 1, also below -1", step, lambda x, dy: dy * (x <= 1)),
    ("a backward that leaves out dy", step, lambda x, dy: (x.abs() <= 1).to(x.dtype)),
    ("a backward that looks at dy instead of x", step, lambda x, dy: dy * (dy.abs() <= 1)),
    ("dy cut off at -1 and 1", step, lambda x, dy: dy.clamp(-1, 1)),
    ("the slope of the sigmoid times dy", step, lambda x, dy: dy * ds(x)),
    ("a backward of the wrong sign", step, lambda x, dy: -dy * (x.abs() <= 1)),
    ("a forward that is the sign", torch.sign, lambda x, dy: dy * (x.abs() <= 1)),
    (
        "a forward that is 0 at 0",
        lambda x: torch.heaviside(x, torch.zeros_like(x)),
        lambda x, dy: dy * (x.abs() <= 1),
    ),
    ("a forward that cuts off at -1 and 1", F.hardtanh, lambda x, dy: dy * (x.abs() <= 1)),
)
