"""Named wrong answers for softmax, entropy and losses: library calls with one thing bent."""

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

soft, log_soft, entr = library.softmax, library.log_softmax, library.entropy
SOFTMAX = table(
    soft,
    ("softmax down the columns", lambda z, temperature=1.0: torch.softmax(z / temperature, 0)),
    (
        "softmax of all numbers together",
        lambda z, temperature=1.0: torch.softmax(z.flatten() / temperature, 0).view_as(z),
    ),
    ("the temperature multiplied instead of divided", lambda z, temperature=1.0: soft(z, 1 / temperature)),
    ("the temperature forgotten", lambda z, temperature=1.0: soft(z)),
    ("softmax divided by the temperature afterwards", lambda z, temperature=1.0: soft(z) / temperature),
    ("softmax of -z: a sign is wrong", lambda z, temperature=1.0: soft(-z, temperature)),
    ("the logarithm of softmax", lambda z, temperature=1.0: log_soft(z / temperature)),
    ("exp without the division", lambda z, temperature=1.0: torch.exp(z / temperature)),
    (
        "exp as it stands, without the maximum taken off: it overflows",
        lambda z, temperature=1.0: (e := torch.exp(z / temperature)) / e.sum(-1, keepdim=True),
    ),
    ("z divided by its sum, without exp", lambda z, temperature=1.0: z / z.sum(-1, keepdim=True)),
    (
        "exp minus the maximum: taken off after exp",
        lambda z, temperature=1.0: (e := z.exp() - z.amax(-1, keepdim=True)) / e.sum(-1, keepdim=True),
    ),
    (
        "one maximum for all rows, so that far rows vanish",
        lambda z, temperature=1.0: (e := ((z - z.max()) / temperature).exp()) / e.sum(-1, keepdim=True),
    ),
    (
        "a one for the largest and zeros",
        lambda z, temperature=1.0: F.one_hot(z.argmax(-1), z.shape[-1]).to(z.dtype),
    ),
    ("the sigmoid of each number", lambda z, temperature=1.0: torch.sigmoid(z / temperature)),
    (
        "powers of 2 instead of e",
        lambda z, temperature=1.0: torch.softmax(z / temperature * 0.6931471805599453, -1),
    ),
)
LOG_SOFTMAX = table(
    log_soft,
    ("softmax, without the logarithm", lambda z: soft(z)),
    ("the log of softmax, which is minus infinity for small p", lambda z: torch.log(soft(z))),
    ("z minus log of the sum of exp, which overflows", lambda z: z - z.exp().sum(-1, keepdim=True).log()),
    ("log softmax down the columns", lambda z: torch.log_softmax(z, 0)),
    ("log softmax of all numbers together", lambda z: torch.log_softmax(z.flatten(), 0).view_as(z)),
    ("minus log softmax", lambda z: -log_soft(z)),
    ("z minus its maximum, without the sum", lambda z: z - z.amax(-1, keepdim=True)),
    (
        "z minus the sum of exp, without its logarithm",
        lambda z: z - z.amax(-1, keepdim=True) - (z - z.amax(-1, keepdim=True)).exp().sum(-1, keepdim=True),
    ),
    (
        "z minus the logarithm, the maximum taken off the sum only",
        lambda z: z - (z - z.amax(-1, keepdim=True)).exp().sum(-1, keepdim=True).log(),
    ),
    ("the log-sum itself, without z", lambda z: torch.logsumexp(z, -1, keepdim=True).expand_as(z)),
    ("a logarithm with base 2", lambda z: log_soft(z) / 0.6931471805599453),
    (
        "one maximum for all rows, so that far rows overflow",
        lambda z: z - z.max() - (z - z.max()).exp().sum(-1, keepdim=True).log(),
    ),
    (
        "the mean of exp instead of the sum",
        lambda z: log_soft(z) + torch.log(torch.tensor(float(z.shape[-1]), dtype=z.dtype)),
    ),
    ("the log of softmax plus a small number", lambda z: torch.log(soft(z) + 1e-12)),
    ("the log of softmax plus 0.00000001", lambda z: torch.log(soft(z) + 1e-8)),
)
ENTROPY = table(
    entr,
    ("not-a-number where p is 0: 0 log 0", lambda p: -(p * p.log()).sum(-1)),
    ("the sum of p log p: the minus is missing", lambda p: -entr(p)),
    ("minus the sum of log p, without p", lambda p: -p.clamp_min(1e-12).log().sum(-1)),
    ("the mean instead of the sum", lambda p: torch.special.entr(p).mean(-1)),
    ("the sum down the columns", lambda p: torch.special.entr(p).sum(0)),
    ("one number for all rows", lambda p: torch.special.entr(p).sum()),
    ("the sum kept as a column: keepdim was not meant here", lambda p: entr(p)[:, None]),
    ("the terms without their sum", torch.special.entr),
    ("bits: a logarithm with base 2", lambda p: entr(p) / 0.6931471805599453),
    ("a logarithm with base 10", lambda p: entr(p) / 2.302585092994046),
    ("1 minus the sum of squares (Gini)", lambda p: 1 - p.square().sum(-1)),
    (
        "p and 1 - p for each number (binary entropy)",
        lambda p: (torch.special.entr(p) + torch.special.entr(1 - p)).sum(-1),
    ),
    ("the entropy of the softmax of p: p is a distribution already", lambda p: entr(torch.softmax(p, -1))),
    ("the mean of all rows' entropies: one number", lambda p: entr(p).mean()),
    ("the mean down the columns", lambda p: torch.special.entr(p).mean(0)),
    ("log of p + 0.001, which shifts the answer", lambda p: -(p * (p + 1e-3).log()).sum(-1)),
    ("log of p + 0.000001, which shifts the answer a little", lambda p: -(p * (p + 1e-6).log()).sum(-1)),
    ("log of p + 0.00000001, which shifts the answer a little", lambda p: -(p * (p + 1e-8).log()).sum(-1)),
)

three = library.scores


def _three(change: Callable[..., Any]) -> Callable[..., Any]:
    def fn(p: Tensor, t: Tensor) -> Any:
        return change(*three(p, t), p, t)

    return fn


def _binary(p: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy(p, t) * p.shape[1]


SCORES = (
    Mutant("the share of right rows instead of wrong", _three(lambda e, c, s, p, t: (1 - e, c, s))),
    Mutant("the number of wrong rows", _three(lambda e, c, s, p, t: (e * len(p), c, s))),
    Mutant(
        "an error of numbers beyond one half instead of rows",
        _three(lambda e, c, s, p, t: ((p.round() != t).to(p.dtype).sum() / len(p), c, s)),
    ),
    Mutant(
        "an error down the columns",
        _three(lambda e, c, s, p, t: (p.argmax(0).ne(t.argmax(0)).to(p.dtype).mean(), c, s)),
    ),
    Mutant("a cross-entropy summed over the rows", _three(lambda e, c, s, p, t: (e, c * len(p), s))),
    Mutant(
        "a cross-entropy averaged over the outputs too", _three(lambda e, c, s, p, t: (e, c / p.shape[1], s))
    ),
    Mutant("a cross-entropy without the minus", _three(lambda e, c, s, p, t: (e, -c, s))),
    Mutant(
        "the cross-entropy with p and t swapped: p log t",
        _three(lambda e, c, s, p, t: (e, -(p * t.clamp_min(1e-12).log()).sum(1).mean(), s)),
    ),
    Mutant("the logs of all p, without t", _three(lambda e, c, s, p, t: (e, -p.log().sum(1).mean(), s))),
    Mutant(
        "the cross-entropy plus the binary term of the other outputs",
        _three(lambda e, c, s, p, t: (e, _binary(p, t), s)),
    ),
    Mutant(
        "the binary term with the wrong sign",
        _three(lambda e, c, s, p, t: (e, c + ((1 - t) * (1 - p).log()).sum(1).mean(), s)),
    ),
    Mutant(
        "a softmax of p, which is a distribution already",
        _three(lambda e, c, s, p, t: (e, F.cross_entropy(p, t), s)),
    ),
    Mutant("bits: a logarithm with base 2", _three(lambda e, c, s, p, t: (e, c / 0.6931471805599453, s))),
    Mutant(
        "1 - p of the truth instead of its logarithm",
        _three(lambda e, c, s, p, t: (e, (1 - (p * t).sum(1)).mean(), s)),
    ),
    Mutant(
        "a squared error averaged over the outputs instead of summed",
        _three(lambda e, c, s, p, t: (e, c, s / p.shape[1])),
    ),
    Mutant("a squared error summed over the rows", _three(lambda e, c, s, p, t: (e, c, s * len(p)))),
    Mutant("half the squared error", _three(lambda e, c, s, p, t: (e, c, s / 2))),
    Mutant(
        "the squared error of the true output only",
        _three(lambda e, c, s, p, t: (e, c, ((p - t) * t).square().sum(1).mean())),
    ),
    Mutant(
        "the absolute error instead of the squared one",
        _three(lambda e, c, s, p, t: (e, c, (p - t).abs().sum(1).mean())),
    ),
    Mutant("the root of the squared error", _three(lambda e, c, s, p, t: (e, c, s.sqrt()))),
    Mutant(
        "the scores in the order (error, squared error, cross-entropy)",
        _three(lambda e, c, s, p, t: (e, s, c)),
    ),
    Mutant(
        "the logs of p with 1e-12 added",
        _three(lambda e, c, s, p, t: (e, -(t * (p + 1e-12).log()).sum(1).mean(), s)),
    ),
    Mutant(
        "the logs of p with 1e-8 added",
        _three(lambda e, c, s, p, t: (e, -(t * (p + 1e-8).log()).sum(1).mean(), s)),
    ),
    changing(three),
)

loss, grad = library.cross_entropy, library.cross_entropy_grad


def _of(z: Tensor, labels: Tensor) -> Tensor:
    return log_soft(z).gather(1, labels[:, None])[:, 0]


CROSS_ENTROPY = (
    Mutant("the sum over the rows instead of the mean", lambda z, k: loss(z, k) * len(z)),
    Mutant("the mean over rows and classes", lambda z, k: loss(z, k) / z.shape[1]),
    Mutant("the loss of each row, without the mean", lambda z, k: -_of(z, k)),
    Mutant("log p, without the minus", lambda z, k: -loss(z, k)),
    Mutant("the columns of all labels: [:, labels]", lambda z, k: -F.log_softmax(z, 1)[:, k].mean()),
    Mutant("the score of the true class, without softmax", lambda z, k: -z.gather(1, k[:, None]).mean()),
    Mutant("p of the true class, without the logarithm", lambda z, k: -soft(z).gather(1, k[:, None]).mean()),
    Mutant("1 - p of the true class", lambda z, k: 1 - soft(z).gather(1, k[:, None]).mean()),
    Mutant(
        "softmax twice: the scores are softmaxed before the library's loss", lambda z, k: loss(soft(z), k)
    ),
    Mutant("softmax down the columns", lambda z, k: -torch.log_softmax(z, 0).gather(1, k[:, None]).mean()),
    Mutant(
        "the log of softmax, which is infinite for small p",
        lambda z, k: -soft(z).log().gather(1, k[:, None]).mean(),
    ),
    Mutant(
        "exp as it stands, which overflows",
        lambda z, k: -(z.exp() / z.exp().sum(1, keepdim=True)).log().gather(1, k[:, None]).mean(),
    ),
    Mutant("the largest p in the place of the true one", lambda z, k: -log_soft(z).amax(1).mean()),
    Mutant("the logs of all classes", lambda z, k: -log_soft(z).sum(1).mean()),
    Mutant("a label smoothed by 0.1", lambda z, k: F.cross_entropy(z, k, label_smoothing=0.1)),
    Mutant("the log of the mean p instead of the mean log p", lambda z, k: -_of(z, k).exp().mean().log()),
    Mutant("logs with 1e-6 added to p", lambda z, k: -(_of(z, k).exp() + 1e-6).log().mean()),
    Mutant("bits: a logarithm with base 2", lambda z, k: loss(z, k) / 0.6931471805599453),
    Mutant("logs with 1e-8 added to p", lambda z, k: -(_of(z, k).exp() + 1e-8).log().mean()),
    Mutant("logs with 1e-12 added to p", lambda z, k: -(_of(z, k).exp() + 1e-12).log().mean()),
    changing(loss),
)


def _hot(z: Tensor, labels: Tensor) -> Tensor:
    return F.one_hot(labels, z.shape[1]).to(z.dtype)


CROSS_ENTROPY_GRAD = (
    Mutant("y - p: the sign is wrong", lambda z, k: -grad(z, k)),
    Mutant("p - y, not divided by the number of rows", lambda z, k: grad(z, k) * len(z)),
    Mutant("p - y divided by rows and classes", lambda z, k: grad(z, k) / z.shape[1]),
    Mutant("p alone, without y", lambda z, k: soft(z) / len(z)),
    Mutant("z - y: softmax was not applied", lambda z, k: (z - _hot(z, k)) / len(z)),
    Mutant("- y / p, the gradient for p instead of z", lambda z, k: -_hot(z, k) / soft(z) / len(z)),
    Mutant("p (1 - p), the slope of the sigmoid", lambda z, k: soft(z) * (1 - soft(z)) / len(z)),
    Mutant("p - y for the true class only, zeros elsewhere", lambda z, k: grad(z, k) * _hot(z, k)),
    Mutant("log p - y", lambda z, k: (log_soft(z) - _hot(z, k)) / len(z)),
    Mutant(
        "exp as it stands, which overflows",
        lambda z, k: (z.exp() / z.exp().sum(1, keepdim=True) - _hot(z, k)) / len(z),
    ),
    Mutant("softmax down the columns", lambda z, k: (torch.softmax(z, 0) - _hot(z, k)) / len(z)),
    Mutant("the mean over the rows: one row left", lambda z, k: grad(z, k).sum(0)),
    Mutant(
        "p minus the label's number instead of a one in its place",
        lambda z, k: (soft(z) - k[:, None]) / len(z),
    ),
    Mutant("p - y squared", lambda z, k: (grad(z, k) * len(z)).square() / len(z)),
    Mutant(
        "a label smoothed by 0.1",
        lambda z, k: library.slope_of(lambda v: F.cross_entropy(v, k, label_smoothing=0.1))(z),
    ),
    Mutant(
        "the gradient of the squared error through softmax",
        lambda z, k: library.slope_of(lambda v: (soft(v) - _hot(z, k)).square().sum(1).mean() / 2)(z),
    ),
    half(grad),
    double(grad),
    Mutant(
        "p - y, divided by the number of classes, not of rows", lambda z, k: grad(z, k) * len(z) / z.shape[1]
    ),
    changing(grad),
)
