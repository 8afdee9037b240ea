"""Wrong answers to Lab 3 as students write them, most with two slips at once or right in some cases only.

Data for tests: MISTAKES[function][what is wrong]. Read it with runpy.run_path(path)["MISTAKES"].
"""

import math

import torch
import torch.nn.functional as F


def rule(x, t, epochs, *, fire, step, stop=False):
    """The perceptron rule with its parts handed in: when it fires, and how far w and b move."""
    w, b, mistakes = torch.zeros(x.shape[1], dtype=x.dtype), torch.zeros((), dtype=x.dtype), []
    for _ in range(epochs):
        wrong = 0
        for row, target in zip(x, t, strict=True):
            error = target - float(fire(row @ w + b))
            move, shift = step(row, error)
            w, b, wrong = w + move, b + shift, wrong + int(error != 0)
        mistakes.append(wrong)
        if stop and not wrong:
            break
    return w, b, mistakes


def step_by(x, t, w1, b1, w2, b2, rate, *, slope=None, share=None, bias=None, late=False, sign=1):
    """A gradient step with one or two things bent."""
    u = x @ w1.T + b1
    h = u.relu()
    dy = (h @ w2.T + b2 - t) / (len(x) if share is None else share(x, t))
    new = w2 - rate * dy.T @ h
    dh = dy @ (new if late else w2) * ((u > 0) if slope is None else slope(u))
    total = bias or (lambda d: d.sum(0))
    return w1 - sign * rate * dh.T @ x, b1 - sign * rate * total(dh), new, b2 - rate * total(dy)


def grads(x, weights, phi, measure):
    leaf = weights.detach().clone().requires_grad_()
    with torch.enable_grad():
        for w in leaf:
            x = phi(F.linear(x, w))
        x.sum().backward()
    return torch.stack([measure(g) for g in leaf.grad])


def census(x, w, b, dead, share):
    u = F.linear(x, w, b)
    return int(dead(u)), share(u).to(x.dtype)


def function(forward, backward):
    """A function with a backward of its own."""

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx, dy):
            return backward(ctx.saved_tensors[0], dy)

    return lambda x: Own.apply(x)


def normed(x, axis, correction, eps, inside=True):
    var, mu = torch.var_mean(x, axis, correction=correction, keepdim=True)
    return (
        mu.squeeze(axis),
        var.squeeze(axis),
        (x - mu) / ((var + eps).sqrt() if inside else var.sqrt() + eps),
    )


def batch(axis, correction, inside=True, swap=False, fixed=None):
    def fn(x, gamma, beta, eps=1e-5):
        mu, var, x_hat = normed(x, axis, correction, fixed or eps, inside)
        return mu, var, x_hat, x_hat * beta + gamma if swap else x_hat * gamma + beta

    return fn


def row_norm(axis, correction, inside=True, plus=0.0, scale=True):
    def fn(x, gamma, beta, eps=1e-5):
        return normed(x, axis, correction, eps, inside)[2] * (gamma if scale else 1) + beta + plus

    return fn


def kept(drop, scale, evaluation=lambda x, p: x.clone()):
    def fn(x, p, u, training=True):
        return torch.where(drop(u, p), torch.zeros_like(x), x) * scale(p) if training else evaluation(x, p)

    return fn


def cross(p, t):
    return -(t * p.log()).sum(1)


MISTAKES = {
    "neuron": {
        "sigmoid always": lambda x, w, b, phi: torch.sigmoid(x @ w + b),
        "absolute u": lambda x, w, b, phi: phi((x @ w + b).abs()),
        "first row, bias outside": lambda x, w, b, phi: phi(x[:1] @ w).expand(len(x)) + b,
        "mean without bias": lambda x, w, b, phi: phi((x * w).mean(1)),
    },
    "perceptron": {
        "fires above 0 and bias twice": lambda x, t, n: rule(
            x, t, n, fire=lambda u: u > 0, step=lambda row, e: (e * row, 2 * e)
        ),
        "only for misses": lambda x, t, n: rule(
            x, t, n, fire=lambda u: u >= 0, step=lambda row, e: (max(e, 0) * row, max(e, 0))
        ),
        "small steps, stops early": lambda x, t, n: rule(
            x, t, n, fire=lambda u: u >= 0, step=lambda row, e: (0.1 * e * row, 0.1 * e), stop=True
        ),
        "threshold one half": lambda x, t, n: rule(
            x, t, n, fire=lambda u: u >= 0.5, step=lambda row, e: (e * row, e)
        ),
    },
    "collapse": {
        "biases added": lambda w1, b1, w2, b2, w3, b3: (w3 @ w2 @ w1, w3 @ w2 @ b1 + b3),
        "transposed order": lambda w1, b1, w2, b2, w3, b3: (w1.T @ w2.T @ w3.T, w3 @ (w2 @ b1 + b2) + b3),
        "relu inside": lambda w1, b1, w2, b2, w3, b3: (w3 @ w2 @ w1, w3 @ (w2 @ b1 + b2).relu() + b3),
        "middle bias at the end": lambda w1, b1, w2, b2, w3, b3: (
            w3 @ (w2 @ w1),
            w3 @ (w2 @ b1) + w3.sum(1) + b3,
        ),
    },
    "step": {
        "above 0 only": lambda x: (x > 0).to(x.dtype),
        "whole numbers": lambda x: (x >= 0).long(),
        "rounded": lambda x: x.clamp(0, 1).round(),
        "half the sign": lambda x: (torch.sign(x) + 1) / 2,
    },
    "sigmoid": {
        "minus and float32": lambda x: (1 / (1 + torch.exp(x))).float(),
        "of the absolute value": lambda x: torch.sigmoid(x.abs()),
        "tanh form without half": lambda x: (1 + torch.tanh(x)) / 2,
        "cut at 20": lambda x: x.clamp(-20, 20).exp() / (1 + x.clamp(-20, 20).exp()) + 1e-6,
    },
    "tanh": {
        "exp form overflows": lambda x: (torch.exp(2 * x) - 1) / (torch.exp(2 * x) + 1),
        "halved sign": lambda x: (torch.exp(-x) - torch.exp(x)) / (torch.exp(x) + torch.exp(-x)),
        "odd part of sigmoid": lambda x: torch.sigmoid(x) - torch.sigmoid(-x),
        "cut": lambda x: torch.tanh(x.clamp(-1, 1)),
    },
    "relu": {
        "beyond 1 only": lambda x: torch.where(x > 1, x, torch.zeros_like(x)),
        "absolute half": lambda x: (x + x.abs()) / 4,
        "minus below": lambda x: torch.where(x > 0, x, -0.1 * x),
        "cut to a few": lambda x: x.clamp(0, 100),
    },
    "leaky_relu": {
        "max and minus": lambda x, slope=0.01: torch.maximum(x, -slope * x),
        "fixed slope float32": lambda x, slope=0.01: torch.where(x > 0, x, 0.01 * x).float(),
        "minus slope": lambda x, slope=0.01: x.clamp(min=0) - slope * x.clamp(min=0),
        "clamped below": lambda x, slope=0.01: x.clamp(min=-slope),
    },
    "elu": {
        "alpha inside and outside": lambda x, alpha=1.0: torch.where(
            x > 0, x, alpha * torch.expm1(alpha * x)
        ),
        "slope below minus 1": lambda x, alpha=1.0: torch.where(x > -1, x, alpha * torch.expm1(x)),
        "minus alpha": lambda x, alpha=1.0: torch.where(x > 0, x, torch.exp(x) - alpha),
        "of absolute": lambda x, alpha=1.0: torch.where(x > 0, x, alpha * torch.expm1(-x.abs())) * alpha,
    },
    "gelu": {
        "sigmoid 1.7": lambda x: x * torch.sigmoid(1.7 * x),
        "erf without root, doubled": lambda x: x * (1 + torch.erf(x)),
        "of absolute": lambda x: F.gelu(x.abs()),
        "tanh form without cube": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * x)),
    },
    "softplus": {
        "log of exp": lambda x: torch.log(torch.exp(x)),
        "relu beyond 1": lambda x: torch.where(x > 1, x, torch.log1p(torch.exp(x.clamp(max=1)))),
        "base 10": lambda x: torch.log10(1 + torch.exp(x.clamp(max=300))),
        "minus inside": lambda x: x.clamp(min=0) - torch.log1p(torch.exp(-x.abs())),
    },
    "maxout": {
        "relu of the sum": lambda x, w, b: torch.stack([x @ p + q for p, q in zip(w, b, strict=True)])
        .sum(0)
        .relu(),
        "first two pieces": lambda x, w, b: torch.maximum(x @ w[0] + b[0], x @ w[-1] + b[-1]),
        "bias afterwards": lambda x, w, b: torch.stack([x @ p for p in w]).amax(0) + b.amax(0),
        "minus bias": lambda x, w, b: torch.stack([x @ p - q for p, q in zip(w, b, strict=True)]).amax(0),
    },
    "sigmoid_slope": {
        "overflows": lambda x: torch.exp(x) / (1 + torch.exp(x)) ** 2,
        "of tanh": lambda x: (1 - torch.tanh(x) ** 2) / 4,
        "s plus": lambda x: torch.sigmoid(x) - torch.sigmoid(x) ** 3,
        "positive only": lambda x: torch.sigmoid(x) * (1 - torch.sigmoid(x)) * (x > 0),
    },
    "tanh_slope": {
        "sech overflows": lambda x: 4 / (torch.exp(x) + torch.exp(-x)),
        "of sigmoid times 4": lambda x: 4 * torch.sigmoid(x) * (1 - torch.sigmoid(x)),
        "one minus x squared, cut": lambda x: (1 - x**2).clamp(min=0),
        "product": lambda x: (1 - torch.tanh(x)) * torch.tanh(x),
    },
    "leaky_relu_slope": {
        "from 0 on and fixed": lambda x, slope=0.01: torch.where(x >= 0, 1.0, 0.01).to(x.dtype),
        "one or minus slope": lambda x, slope=0.01: torch.where(x > 0, 1.0, -slope).to(x.dtype),
        "sign": lambda x, slope=0.01: torch.sign(x),
        "beyond slope": lambda x, slope=0.01: torch.where(x > slope, 1.0, slope).to(x.dtype),
    },
    "elu_slope": {
        "from 0 on without alpha": lambda x, alpha=1.0: torch.where(x >= 0, 1.0, x.clamp(max=0).exp()).to(
            x.dtype
        ),
        "alpha plus": lambda x, alpha=1.0: torch.where(x > 0, 1.0, alpha + x.clamp(max=0).exp()).to(x.dtype),
        "elu plus 1": lambda x, alpha=1.0: torch.where(
            x > 0, 1.0, alpha * torch.expm1(x.clamp(max=0)) + 1
        ).to(x.dtype),
        "exp everywhere": lambda x, alpha=1.0: alpha * torch.exp(x),
    },
    "gelu_slope": {
        "area twice": lambda x: torch.special.ndtr(x) * (1 + x),
        "of the sigmoid form": lambda x: torch.sigmoid(1.702 * x),
        "bell without root": lambda x: torch.special.ndtr(x) + x * torch.exp(-(x**2) / 2) / (2 * math.pi),
        "positive only": lambda x: torch.special.ndtr(x) * (x > 0),
    },
    "my_relu": {
        "from 0 on": function(lambda x: x.clamp(min=0), lambda x, dy: dy * (x >= 0)),
        "both clamped": function(lambda x: x.clamp(min=0), lambda x, dy: dy.clamp(min=0)),
        "beyond 1 dropped": function(lambda x: x.clamp(0, 1), lambda x, dy: dy * ((x > 0) & (x < 1))),
        "sign of dy": function(lambda x: x.clamp(min=0), lambda x, dy: torch.sign(dy) * (x > 0)),
    },
    "pass_through": {
        "within 0 and 1": function(lambda x: (x >= 0).to(x.dtype), lambda x, dy: dy * ((x >= 0) & (x <= 1))),
        "above minus 1": function(lambda x: (x >= 0).to(x.dtype), lambda x, dy: dy * (x >= -1)),
        "within 2": function(lambda x: (x > 0).to(x.dtype), lambda x, dy: dy * (x.abs() <= 2.5)),
        "scaled": function(lambda x: (x >= 0).to(x.dtype), lambda x, dy: dy * (1 - x.abs()).clamp(min=0)),
    },
    "playground_setting": {
        "the same for both": lambda data: {"features": ["x1^2", "x2^2"], "hidden": [], "rate": 0.5},
        "tiny rate": lambda data: {
            "features": ["x1", "x2"],
            "hidden": [8],
            "activation": "relu",
            "rate": 0.0001,
        },
        "sigmoid of lines": lambda data: {"features": ["x1", "x2"], "hidden": [], "rate": 1},
        "nothing": lambda data: {},
    },
    "train_step": {
        "slope of h and summed": lambda *a: step_by(*a, share=lambda x, t: 1, bias=lambda d: d.mean(0)),
        "mean of all, late": lambda *a: step_by(*a, share=lambda x, t: t.numel(), late=True),
        "no slope, uphill": lambda *a: step_by(*a, slope=torch.ones_like, sign=-1),
        "slope at minus": lambda *a: step_by(*a, slope=lambda u: torch.where(u > 0, 1.0, 0.01).to(u.dtype)),
    },
    "gradient_norms": {
        "largest": lambda x, w, phi: grads(x, w, phi, lambda g: g.abs().max()),
        "root of the mean": lambda x, w, phi: grads(x, w, phi, lambda g: g.square().mean().sqrt()),
        "sum with signs": lambda x, w, phi: grads(x, w, phi, lambda g: g.sum().abs()),
        "relu always": lambda x, w, phi: grads(x, w, torch.relu, lambda g: g.norm()),
    },
    "dead_units": {
        "always active too": lambda x, w, b: census(
            x, w, b, lambda u: ((u > 0).all(0) | (u <= 0).all(0)).sum(), lambda u: (u > 0).float().mean(0)
        ),
        "first row decides": lambda x, w, b: census(
            x, w, b, lambda u: (u[0] <= 0).sum(), lambda u: (u > 0).double().mean(0)
        ),
        "rows": lambda x, w, b: census(
            x, w, b, lambda u: (u <= 0).all(1).sum(), lambda u: (u > 0).double().mean(1)
        ),
        "no bias, share of zeros": lambda x, w, b: census(
            x, w, 0 * b, lambda u: (u <= 0).all(0).sum(), lambda u: (u <= 0).double().mean(0)
        ),
    },
    "init_std": {
        "Glorot for all": lambda n, a, slope=0.01: math.sqrt(2 / (2 * n)),
        "two over n": lambda n, a, slope=0.01: 2 / n,
        "leaky as relu": lambda n, a, slope=0.01: math.sqrt(1 / n)
        if a in ("linear", "tanh")
        else math.sqrt(2 / n),
        "a tenth": lambda n, a, slope=0.01: 0.1,
    },
    "batch_norm": {
        "unbiased, eps outside": batch(0, 1, inside=False),
        "rows": batch(1, 0),
        "swapped, unbiased": batch(0, 1, swap=True),
        "eps fixed at 1": batch(0, 0, fixed=1.0),
    },
    "layer_norm": {
        "columns, unbiased": row_norm(0, 1),
        "eps outside": row_norm(1, 0, inside=False),
        "unbiased without gamma": row_norm(1, 1, scale=False),
        "plus 1": row_norm(1, 0, plus=1.0),
    },
    "dropout": {
        "up to p, not scaled": kept(lambda u, p: u <= p, lambda p: 1),
        "one half": kept(lambda u, p: u < 0.5, lambda p: 2),
        "kept below p": kept(lambda u, p: u > p, lambda p: 1 / (1 - p)),
        "scaled at evaluation": kept(lambda u, p: u < p, lambda p: 1, lambda x, p: x * (1 - p)),
    },
    "softmax": {
        "columns, temperature times": lambda z, temperature=1.0: torch.softmax(z * temperature, 0),
        "maximum of all": lambda z, temperature=1.0: (z - z.max()).exp()
        / (z - z.max()).exp().sum(-1, keepdim=True),
        "plus a little": lambda z, temperature=1.0: torch.softmax(z / (temperature + 0.01), -1),
        "temperature after": lambda z, temperature=1.0: torch.softmax(z, -1) ** (1 / temperature),
    },
    "log_softmax": {
        "log with a little": lambda z: torch.log(torch.softmax(z, -1) + 1e-6),
        "maximum only subtracted once": lambda z: z
        - (z - z.amax(-1, keepdim=True)).exp().sum(-1, keepdim=True).log(),
        "base 2 columns": lambda z: torch.log_softmax(z, 0) / math.log(2),
        "overflows": lambda z: torch.log(z.exp() / z.exp().sum(-1, keepdim=True)),
    },
    "entropy": {
        "zeros dropped, base 2": lambda p: -(p * torch.log2(p.clamp(min=1e-12))).sum(-1),
        "mean over classes": lambda p: -(p * p.clamp(min=1e-12).log()).mean(-1),
        "of the largest": lambda p: -p.amax(-1).log(),
        "not a number": lambda p: (p * p.log()).sum(-1).abs(),
    },
    "scores": {
        "error of the largest p": lambda p, t: (
            1 - p.amax(1).mean(),
            cross(p, t).mean(),
            ((p - t) ** 2).sum(1).mean(),
        ),
        "sums": lambda p, t: ((p.argmax(1) != t.argmax(1)).sum(), cross(p, t).sum(), ((p - t) ** 2).sum()),
        "means": lambda p, t: (
            (p.round() != t).double().mean(),
            -(t * p.log()).mean(),
            ((p - t) ** 2).mean(),
        ),
        "half and minus": lambda p, t: (
            (p.argmax(1) != t.argmax(1)).to(p.dtype).mean(),
            (t * p.log()).sum(1).mean(),
            ((p - t) ** 2).sum(1).mean() / 2,
        ),
    },
    "cross_entropy": {
        "sum, overflows": lambda z, k: -(z.exp() / z.exp().sum(1, keepdim=True))
        .log()[range(len(z)), k]
        .sum(),
        "a little added": lambda z, k: -(torch.softmax(z, 1)[range(len(z)), k] + 1e-3).log().mean(),
        "columns": lambda z, k: -torch.log_softmax(z, 0)[range(len(z)), k].mean(),
        "largest": lambda z, k: -torch.log_softmax(z, 1).amax(1).sum() / len(z),
    },
    "cross_entropy_grad": {
        "not divided, minus": lambda z, k: F.one_hot(k, z.shape[1]) - torch.softmax(z, 1),
        "divided by classes": lambda z, k: (torch.softmax(z, 1) - F.one_hot(k, z.shape[1])) / z.shape[1],
        "overflows": lambda z, k: (z.exp() / z.exp().sum(1, keepdim=True) - F.one_hot(k, z.shape[1]))
        / len(z),
        "columns": lambda z, k: (torch.softmax(z, 0) - F.one_hot(k, z.shape[1])) / len(z),
    },
}
