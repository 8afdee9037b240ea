"""What torch says about activations and what feeds them: the answers that Lab 3's checks compare with."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Map = Callable[[Any], Any]


def step(x: Tensor) -> Tensor:
    """`torch.heaviside`, with 1 at 0."""
    return torch.heaviside(x, torch.ones_like(x))


def softplus(x: Tensor) -> Tensor:
    """`torch.logaddexp` of 0 and x."""
    return torch.logaddexp(x, torch.zeros_like(x))


def maxout(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The largest of K linear layers, by `torch.baddbmm`: (N, D), (K, D, H), (K, H) to (N, H)."""
    return torch.baddbmm(b[:, None], x.expand(len(w), *x.shape), w).amax(0)


def slope_of(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Make the derivative of a function of each number, by torch's autograd."""

    def fn(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        leaf = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            (dx,) = torch.autograd.grad(f(leaf, *args, **kwargs).sum(), leaf)
        return dx

    return fn


def leaky_relu(x: Tensor, slope: float = 0.01) -> Tensor:
    """`F.leaky_relu`."""
    return F.leaky_relu(x, slope)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """`F.elu`."""
    return F.elu(x, alpha)


sigmoid_slope = slope_of(torch.sigmoid)
tanh_slope = slope_of(torch.tanh)
leaky_relu_slope = slope_of(leaky_relu)
elu_slope = slope_of(elu)
gelu_slope = slope_of(F.gelu)


def neuron(x: Tensor, w: Tensor, b: Tensor, phi: Map) -> Tensor:
    """`F.linear` with one output, then phi."""
    return torch.as_tensor(phi(F.linear(x, w[None], b.reshape(1))[:, 0]))


def perceptron(x: Tensor, t: Tensor, epochs: int) -> tuple[Tensor, Tensor, list[int]]:
    """The perceptron rule: descent of the loss relu(-u) or relu(u), row by row, by `torch.optim.SGD`."""
    return hinge_descent(x, t, epochs)


def hinge_descent(x: Tensor, t: Tensor, epochs: int, **options: Any) -> tuple[Tensor, Tensor, list[int]]:
    """Descend the hinge with torch; each option of `_descend` bends one thing, for wrong answers."""
    rows = tuple(map(tuple, x.tolist()))
    w, b, mistakes = _descend(rows, tuple(t.tolist()), x.dtype, epochs, **options)
    return w.clone(), b.clone(), list(mistakes)


@lru_cache(maxsize=512)
def _descend(
    rows: tuple[tuple[float, ...], ...], targets: tuple[float, ...], dtype: torch.dtype, epochs: int, *,
    rates: tuple[float, float] = (1.0, 1.0), maximize: bool = False,
    loss: Callable[[Tensor], Tensor] = F.relu, tie: float = 0.0, start: float = 0.0, batch: bool = False,
    early: bool = False,
) -> tuple[Tensor, Tensor, list[int]]:  # fmt: skip
    x, t = torch.tensor(rows, dtype=dtype), torch.tensor(targets, dtype=dtype)
    w, b = (torch.full((n,), start, dtype=x.dtype, requires_grad=True) for n in (x.shape[1], 1))
    groups: list[dict[str, Any]] = [{"params": [w], "lr": rates[0]}, {"params": [b], "lr": rates[1]}]
    descent, mistakes = torch.optim.SGD(groups, maximize=maximize), []
    with torch.enable_grad():
        for _ in range(epochs):
            wrong = 0.0
            descent.zero_grad()
            for row, target in zip(x, t, strict=True):
                u = F.linear(row, w[None], b)[0]
                off = u * (1 - 2 * target) + abs(1 - tie - target) * 1e-9  # at u = 0 the answer is 1 - tie
                torch.autograd.backward(loss(off))
                wrong += float(off.detach() > 0)
                if not batch:
                    descent.step()
                    descent.zero_grad()
            if batch:
                descent.step()
            mistakes.append(round(wrong))
            if early and wrong == 0:
                break
    return w.detach(), b.detach()[0], mistakes


def collapse(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, w3: Tensor, b3: Tensor) -> tuple[Tensor, Tensor]:
    """What three `F.linear` make of 0 and of the unit vectors."""

    def three(x: Tensor) -> Tensor:
        return F.linear(F.linear(F.linear(x, w1, b1), w2, b2), w3, b3)

    b = three(torch.zeros_like(w1[0]))
    return (three(torch.eye(w1.shape[1], dtype=w1.dtype)) - b).T, b


def train_step(
    x: Tensor, t: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, rate: float
) -> tuple[Tensor, ...]:
    """One step of `torch.optim.SGD`; loss: half the squared error, summed over outputs, mean over rows."""
    leaves = [v.detach().clone().requires_grad_() for v in (w1, b1, w2, b2)]
    with torch.enable_grad():
        y = F.linear(F.linear(x, leaves[0], leaves[1]).relu(), leaves[2], leaves[3])
        torch.autograd.backward(F.mse_loss(y, t) * t.shape[1] / 2)
    torch.optim.SGD(leaves, lr=rate).step()
    return tuple(v.detach() for v in leaves)


def gradients(x: Tensor, weights: Tensor, phi: Map) -> Tensor:
    """The gradients of the weights of each layer that autograd finds, (L, H, H)."""
    leaf = weights.detach().clone().requires_grad_()
    with torch.enable_grad():
        for w in leaf:
            x = phi(F.linear(x, w))
        return torch.autograd.grad(x.sum(), leaf)[0]


def gradient_norms(x: Tensor, weights: Tensor, phi: Map) -> Tensor:
    """`torch.linalg.matrix_norm` of the gradients."""
    return torch.as_tensor(torch.linalg.matrix_norm(gradients(x, weights, phi)))


def dead_units(x: Tensor, w: Tensor, b: Tensor) -> tuple[int, Tensor]:
    """Units for which `torch.count_nonzero` is 0, and the share of rows for which each is not 0."""
    counts = torch.count_nonzero(F.linear(x, w, b).relu(), dim=0)
    return len(counts) - int(torch.count_nonzero(counts)), counts.to(x.dtype) / len(x)


def init_std(fan_in: int, activation: str, slope: float = 0.01) -> float:
    """`torch.nn.init.calculate_gain` over the root of the fan-in."""
    gain: float = torch.nn.init.calculate_gain(activation, slope)  # type: ignore[arg-type]
    return gain / float(fan_in**0.5)


def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> tuple[Tensor, ...]:
    """`torch.var_mean` over the batch, and `F.batch_norm` without and with gamma and beta."""
    var, mu = torch.var_mean(x, 0, correction=0)
    plain = F.batch_norm(x, None, None, training=True, eps=eps)
    return mu, var, plain, F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """`F.layer_norm` over the last axis."""
    return F.layer_norm(x, x.shape[-1:], gamma, beta, eps)


def dropout(x: Tensor, p: float, u: Tensor, training: bool = True) -> Tensor:
    """`masked_fill` where u < p, and the rest divided by 1 - p."""
    return x.div(1 - p).masked_fill(u.lt(p), 0) if training else x.clone()


def softmax(z: Tensor, temperature: float = 1.0) -> Tensor:
    """`torch.softmax` of z / temperature along the last axis."""
    return torch.softmax(z / temperature, -1)


def log_softmax(z: Tensor) -> Tensor:
    """`torch.log_softmax` along the last axis."""
    return torch.log_softmax(z, -1)


def entropy(p: Tensor) -> Tensor:
    """`torch.special.entr`, summed along the last axis."""
    return torch.as_tensor(torch.special.entr(p).sum(-1))


def scores(p: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Share of wrong rows, `F.nll_loss` of the logs, and `F.mse_loss` times the number of outputs."""
    wrong = p.argmax(1).ne(t.argmax(1)).to(p.dtype).mean()
    return wrong, F.nll_loss(p.log(), t.argmax(1)), F.mse_loss(p, t) * p.shape[1]


def cross_entropy(z: Tensor, labels: Tensor) -> Tensor:
    """`F.cross_entropy`."""
    return F.cross_entropy(z, labels)


def cross_entropy_grad(z: Tensor, labels: Tensor) -> Tensor:
    """The gradient of `F.cross_entropy`, by torch's autograd."""
    return slope_of(F.cross_entropy)(z, labels)
