"""Named wrong answers for activations: library calls with one thing bent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_activations as library
from labkit.check.case import Mutant
from labkit.check.mutants import usual

Bend = Callable[..., Any]


def table(oracle: Callable[..., Any], *bends: tuple[str, Bend]) -> tuple[Mutant, ...]:
    """Make mutants of (name, function) pairs, and add the mistakes any function of tensors can have."""
    return (*(Mutant(name, bend) for name, bend in bends), *usual(oracle))


step, sigmoid, relu = library.step, torch.sigmoid, torch.relu
STEP = table(
    step,
    ("a step that is 0 at 0", lambda x: torch.heaviside(x, torch.zeros_like(x))),
    ("a step that is one half at 0", lambda x: torch.heaviside(x, torch.full_like(x, 0.5))),
    ("the sign: -1, 0 and 1", torch.sign),
    ("a step from -1 to 1", lambda x: 2 * step(x) - 1),
    ("the step turned round: 1 below 0", lambda x: 1 - step(x)),
    ("ReLU: x itself above 0", relu),
    ("a sigmoid", sigmoid),
    ("a step at 1 instead of 0", lambda x: step(x - 1)),
)
SIGMOID = table(
    sigmoid,
    ("the sigmoid of -x: a sign is wrong in the exponent", lambda x: sigmoid(-x)),
    ("tanh", torch.tanh),
    ("the sigmoid of 2x", lambda x: sigmoid(2 * x)),
    ("exp(-x) without 1 + and 1 /", lambda x: torch.exp(-x)),
    ("1 / exp(-x), without the 1 + below", torch.exp),
    ("1 + exp(-x), without 1 /", lambda x: 1 + torch.exp(-x)),
    ("1 / (1 - exp(-x)): minus instead of plus", lambda x: 1 / (1 - torch.exp(-x))),
    ("the slope of the sigmoid", library.sigmoid_slope),
    ("softplus, which the sigmoid is the slope of", library.softplus),
    ("exp(x) / (1 + exp(x)), which overflows for large x", lambda x: x.exp() / (1 + x.exp())),
    ("a straight line cut off at 0 and 1", F.hardsigmoid),
    ("softmax: numbers that add up to 1", lambda x: torch.softmax(x, -1)),
)
TANH = table(
    torch.tanh,
    ("the sigmoid", sigmoid),
    ("2 sigmoid(x) - 1, without the 2 inside", lambda x: 2 * sigmoid(x) - 1),
    ("sigmoid(2x), without 2 ... - 1", lambda x: sigmoid(2 * x)),
    ("2 sigmoid(2x), without - 1", lambda x: 2 * sigmoid(2 * x)),
    ("tanh of -x: a sign is wrong", lambda x: -torch.tanh(x)),
    ("1 / tanh: numerator and denominator swapped", lambda x: 1 / torch.tanh(x)),
    ("sinh, without the denominator", torch.sinh),
    ("cosh, without the numerator", torch.cosh),
    ("the fraction of exponentials, which overflows for large x", lambda x: torch.sinh(x) / torch.cosh(x)),
    ("the tangent", torch.tan),
    ("the slope of tanh", library.tanh_slope),
    ("x cut off at -1 and 1", F.hardtanh),
)
RELU = table(
    relu,
    ("the absolute value", torch.abs),
    ("min(x, 0) instead of max(x, 0)", lambda x: -relu(-x)),
    ("ReLU of -x", lambda x: relu(-x)),
    ("the step: 1 instead of x above 0", step),
    ("x itself, unchanged below 0", lambda x: x.clone()),
    ("leaky ReLU with slope 0.01", F.leaky_relu),
    ("max(x, 1)", lambda x: x.clamp_min(1)),
    ("ReLU cut off at 1", lambda x: x.clamp(0, 1)),
    ("ReLU6: cut off at 6", F.relu6),
    ("the largest of all numbers instead of one by one", lambda x: relu(x.max()).expand_as(x)),
)
lrelu, elu = library.leaky_relu, library.elu
LEAKY_RELU = table(
    lrelu,
    ("a slope of 0.01 whatever the argument says", lambda x, slope=0.01: lrelu(x)),
    ("a slope of 0.1 whatever the argument says", lambda x, slope=0.01: lrelu(x, 0.1)),
    ("ReLU, without the slope", lambda x, slope=0.01: relu(x)),
    ("the slope used above 0 instead of below: min instead of max", lambda x, slope=0.01: -lrelu(-x, slope)),
    ("the slope with the wrong sign", lambda x, slope=0.01: lrelu(x, -slope)),
    ("x divided by the slope below 0", lambda x, slope=0.01: lrelu(x, 1 / slope)),
    ("x plus slope below 0 instead of times", lambda x, slope=0.01: torch.where(x > 0, x, x + slope)),
    ("the slope itself below 0 instead of slope times x", lambda x, slope=0.01: F.threshold(x, 0, slope)),
    ("max(x, 0) + slope * x: the slope counts above 0 too", lambda x, slope=0.01: relu(x) + slope * x),
    ("ELU", lambda x, slope=0.01: elu(x)),
    ("a slope of 0.1 where none is given", lambda x, slope=0.1: lrelu(x, slope)),
)
ELU = table(
    elu,
    ("ELU with alpha = 1 whatever the argument says", lambda x, alpha=1.0: elu(x)),
    ("alpha * exp(x), without - 1", lambda x, alpha=1.0: torch.where(x > 0, x, alpha * x.clamp_max(0).exp())),
    (
        "alpha * exp(x) - 1: the brackets are missing",
        lambda x, alpha=1.0: torch.where(x > 0, x, alpha * x.clamp_max(0).exp() - 1),
    ),
    (
        "exp(x) - alpha: alpha is taken off instead of multiplied",
        lambda x, alpha=1.0: torch.where(x > 0, x, x.clamp_max(0).exp() - alpha),
    ),
    (
        "alpha * exp(x - 1): the - 1 is inside exp",
        lambda x, alpha=1.0: torch.where(x > 0, x, alpha * (x.clamp_max(0) - 1).exp()),
    ),
    ("the wrong sign below 0", lambda x, alpha=1.0: elu(x, -alpha)),
    (
        "alpha above 0 as well (SELU without its scale)",
        lambda x, alpha=1.0: torch.where(x > 0, alpha * x, elu(x, alpha)),
    ),
    ("exp(-x) instead of exp(x)", lambda x, alpha=1.0: torch.where(x > 0, x, alpha * torch.expm1(-x))),
    (
        "exp(alpha x) - 1: alpha in the exponent",
        lambda x, alpha=1.0: torch.where(x > 0, x, torch.expm1(alpha * x)),
    ),
    ("CELU: exp(x / alpha)", F.celu),
    ("leaky ReLU", lambda x, alpha=1.0: lrelu(x)),
    ("ReLU", lambda x, alpha=1.0: relu(x)),
    ("the exponential above 0 and x below", lambda x, alpha=1.0: torch.where(x > 0, alpha * x.expm1(), x)),
    (
        "a product of mask and exp, which overflows for large x",
        lambda x, alpha=1.0: (x > 0) * x + (x <= 0) * alpha * x.expm1(),
    ),
)
normal = torch.special.ndtr
GELU = table(
    F.gelu,
    ("the tanh approximation of GELU", lambda x: F.gelu(x, approximate="tanh")),
    ("the sigmoid approximation, x sigmoid(1.702 x)", lambda x: x * sigmoid(1.702 * x)),
    ("SiLU: x sigmoid(x)", F.silu),
    (
        "x times the bell curve instead of the area under it",
        lambda x: x * torch.exp(-x.square() / 2) / (2 * torch.pi) ** 0.5,
    ),
    ("the area under the bell curve, without x times", normal),
    ("x (1 + erf(x)), without one half and the root of 2", lambda x: x * (1 + torch.erf(x))),
    ("x (1 + erf(x)) / 2: the root of 2 is missing", lambda x: x * (1 + torch.erf(x)) / 2),
    ("x (1 + erf(x / 2)) / 2: the 2 is not under a root", lambda x: x * (1 + torch.erf(x / 2)) / 2),
    ("x (1 + erf(x / root 2)): the one half is missing", lambda x: 2 * F.gelu(x)),
    ("x erf(x / root 2) / 2: the 1 + is missing", lambda x: x * torch.erf(x / 2**0.5) / 2),
    ("x (1 - ...): a sign is wrong", lambda x: x * normal(-x)),
    ("ReLU", relu),
)
SOFTPLUS = table(
    library.softplus,
    ("log(1 + exp(x)) as it stands, which overflows", lambda x: torch.log(1 + torch.exp(x))),
    ("softplus of -x: a sign is wrong", lambda x: library.softplus(-x)),
    ("log1p(exp(-|x|)) without max(x, 0)", lambda x: torch.log1p(torch.exp(-x.abs()))),
    ("|x| + log1p(exp(-|x|)): max(x, 0) was meant", lambda x: x.abs() + torch.log1p(torch.exp(-x.abs()))),
    ("x + log1p(exp(-|x|)): max(x, 0) was meant", lambda x: x + torch.log1p(torch.exp(-x.abs()))),
    ("max(x, 0) + log1p(exp(-x)): |x| was meant", lambda x: relu(x) + torch.log1p(torch.exp(-x))),
    ("ReLU, without the smooth part", relu),
    ("the sigmoid, the slope of softplus", sigmoid),
    ("x for large x and log1p(exp(x)) cut off at 20 otherwise", lambda x: library.softplus(x.clamp(-20, 20))),
    ("1 + exp(x), without log", lambda x: 1 + torch.exp(x)),
    ("a logarithm with base 2", lambda x: library.softplus(x) / torch.log(torch.tensor(2.0, dtype=x.dtype))),
)
layers = library.maxout


def _pieces(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.baddbmm(b[:, None], x.expand(len(w), *x.shape), w)


MAXOUT = table(
    layers,
    ("the sum of the pieces", lambda x, w, b: _pieces(x, w, b).sum(0)),
    ("the mean of the pieces", lambda x, w, b: _pieces(x, w, b).mean(0)),
    ("the smallest piece", lambda x, w, b: _pieces(x, w, b).amin(0)),
    ("the first piece only", lambda x, w, b: _pieces(x, w, b)[0]),
    ("the last piece only", lambda x, w, b: _pieces(x, w, b)[-1]),
    ("the pieces without their bias", lambda x, w, b: layers(x, w, b * 0)),
    ("the bias of the first piece for all pieces", lambda x, w, b: layers(x, w, b[:1].expand_as(b))),
    ("the largest bias added to the largest product", lambda x, w, b: layers(x, w, 0 * b) + b.amax(0)),
    ("the largest of the weights before the product", lambda x, w, b: x @ w.amax(0) + b.amax(0)),
    ("the largest without its sign", lambda x, w, b: _pieces(x, w, b).abs().amax(0)),
    ("the largest piece or 0", lambda x, w, b: layers(x, w, b).relu()),
    ("the pieces themselves, without the maximum", _pieces),
    ("which piece is the largest instead of how large", lambda x, w, b: _pieces(x, w, b).argmax(0)),
    ("the largest over the units instead of over the pieces", lambda x, w, b: _pieces(x, w, b).amax(2).T),
    ("the largest over the rows", lambda x, w, b: _pieces(x, w, b).amax(1)),
)
