"""Right answers to Lab 3, each function in several honest styles: loops, torch, numpy, einsum, lists.

Data for tests: HONEST[function][style]. Read it with runpy.run_path(path)["HONEST"].
"""

import math

import numpy as np
import torch
import torch.nn.functional as F


def loop(f):
    """Apply a function of one number to each number, in plain Python."""

    def fn(x, *args, **kwargs):
        rows = [f(v, *args, **kwargs) for v in x.flatten().tolist()]
        return torch.tensor(rows, dtype=x.dtype).reshape(x.shape)

    return fn


def array(f):
    """Apply a function of numpy arrays."""

    def fn(x, *args, **kwargs):
        with np.errstate(all="ignore"):
            return f(np.asarray(x), *args, **kwargs).astype(np.asarray(x).dtype)

    return fn


def slope(f):
    """Differentiate by autograd."""

    def fn(x, *args, **kwargs):
        x = x.clone().requires_grad_()
        f(x, *args, **kwargs).sum().backward()
        return x.grad

    return fn


def graph(f):
    """Return the result with its graph, and from a strided copy of the input."""

    def fn(x, *args, **kwargs):
        wide = torch.stack([x, x], -1).requires_grad_()
        return f(wide[..., 0], *args, **kwargs)

    return fn


def erf(v):
    return math.erf(v / math.sqrt(2))


def erf_array(x):
    return np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2))


def bell(x):
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def small_exp(v):
    return math.exp(v) if v > -700 else 0.0


# one neuron and the perceptron


def neuron_loops(x, w, b, phi):
    rows = []
    for row in x:
        u = 0
        for a, c in zip(row, w, strict=True):
            u = u + a * c
        rows.append(phi(u + b))
    return torch.stack(rows)


def neuron_numpy(x, w, b, phi):
    return phi(np.asarray(x) @ np.asarray(w) + np.asarray(b))


def perceptron_torch(x, t, epochs):
    w, b, mistakes = torch.zeros(x.shape[1], dtype=x.dtype), torch.zeros((), dtype=x.dtype), []
    for _ in range(epochs):
        wrong = 0
        for row, target in zip(x, t, strict=True):
            error = target - (1.0 if row @ w + b >= 0 else 0.0)
            w, b, wrong = w + error * row, b + error, wrong + int(error != 0)
        mistakes.append(wrong)
    return w, b, mistakes


def perceptron_lists(x, t, epochs):
    x, t = x.tolist(), t.tolist()
    w, b, mistakes = [0.0] * len(x[0]), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for row, target in zip(x, t, strict=True):
            fires = sum(a * c for a, c in zip(row, w, strict=True)) + b >= 0
            if fires and target == 0:
                w, b = [c - a for a, c in zip(row, w, strict=True)], b - 1
                mistakes[-1] += 1
            elif not fires and target == 1:
                w, b = [c + a for a, c in zip(row, w, strict=True)], b + 1
                mistakes[-1] += 1
    return w, b, mistakes


def perceptron_numpy(x, t, epochs):
    x, t = np.asarray(x), np.asarray(t)
    v, wide, mistakes = np.zeros(x.shape[1] + 1), np.c_[x, np.ones(len(x))], np.zeros(epochs)
    for e in range(epochs):
        for row, target in zip(wide, t, strict=True):
            error = target - np.heaviside(row @ v, 1)
            v += error * row
            mistakes[e] += abs(error)
    return v[:-1], v[-1], mistakes


def perceptron_in_place(x, t, epochs):
    w, b, mistakes = x.new_zeros(x.shape[1]), x.new_zeros(()), x.new_zeros(epochs)
    for e in range(epochs):
        for i in range(len(x)):
            y = ((x[i] * w).sum() + b >= 0).to(x.dtype)
            w += (t[i] - y) * x[i]
            b += t[i] - y
            mistakes[e] += (t[i] - y).abs()
    return w, b, mistakes


def collapse_product(w1, b1, w2, b2, w3, b3):
    return w3 @ w2 @ w1, w3 @ (w2 @ b1 + b2) + b3


def collapse_einsum(w1, b1, w2, b2, w3, b3):
    w = torch.einsum("kb,ba,ad->kd", w3, w2, w1)
    return w, torch.einsum("kb,ba,a->k", w3, w2, b1) + torch.einsum("kb,b->k", w3, b2) + b3


def collapse_numpy(*layers):
    w1, b1, w2, b2, w3, b3 = (np.asarray(v) for v in layers)
    return [w3 @ w2 @ w1, w3 @ w2 @ b1 + w3 @ b2 + b3]


def collapse_probe(w1, b1, w2, b2, w3, b3):
    def f(x):
        return F.linear(F.linear(F.linear(x, w1, b1), w2, b2), w3, b3)

    b = f(torch.zeros(w1.shape[1], dtype=w1.dtype))
    return torch.stack([f(e) - b for e in torch.eye(w1.shape[1], dtype=w1.dtype)], 1), b


# maxout


def maxout_einsum(x, w, b):
    return (torch.einsum("nd,kdh->knh", x, w) + b[:, None]).amax(0)


def maxout_loop(x, w, b):
    best = x @ w[0] + b[0]
    for k in range(1, len(w)):
        best = torch.maximum(best, x @ w[k] + b[k])
    return best


def maxout_numpy(x, w, b):
    x, w, b = np.asarray(x), np.asarray(w), np.asarray(b)
    return np.max([x @ v + c for v, c in zip(w, b, strict=True)], axis=0)


def maxout_loops(x, w, b):
    (n, d), (pieces, _, units) = x.shape, w.shape
    x, w, b = x.tolist(), w.tolist(), b.tolist()
    return [
        [
            max(sum(x[i][j] * w[k][j][h] for j in range(d)) + b[k][h] for k in range(pieces))
            for h in range(units)
        ]
        for i in range(n)
    ]


# a backward of one's own


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * (x > 0)


class ReluOfResult(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.where(x > 0, x, torch.zeros_like(x))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        dx = dy.clone()
        dx[ctx.saved_tensors[0] == 0] = 0
        return dx


class ReluNumpy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mask = x.detach().numpy() > 0
        return torch.from_numpy(np.maximum(x.detach().numpy(), 0))

    @staticmethod
    def backward(ctx, dy):
        return torch.from_numpy(dy.numpy() * ctx.mask)


class ReluSetup(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x * (x > 0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, dy):
        return torch.where(ctx.saved_tensors[0] > 0, dy, 0.0)


class Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, dy):
        return dy * (ctx.saved_tensors[0].abs() <= 1)


class ThroughWhere(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.inside = (x <= 1) & (x >= -1)
        return torch.heaviside(x, torch.ones_like(x))

    @staticmethod
    def backward(ctx, dy):
        return torch.where(ctx.inside, dy, torch.zeros_like(dy))


class ThroughNumpy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.inside = np.abs(x.detach().numpy()) <= 1
        return torch.from_numpy(np.heaviside(x.detach().numpy(), 1))

    @staticmethod
    def backward(ctx, dy):
        return torch.from_numpy(np.where(ctx.inside, dy.numpy(), 0))


def through_detach(x):
    soft = torch.where(x.abs() <= 1, x, x.sign())  # x.clamp has no slope at exactly -1 and 1
    hard = (x >= 0).to(x.dtype)
    return hard.detach() + (soft - soft.detach())


# one step of learning


def train_step_hand(x, t, w1, b1, w2, b2, rate):
    h = (x @ w1.T + b1).relu()
    dy = (h @ w2.T + b2 - t) / len(x)
    du = dy @ w2 * (h > 0)
    return w1 - rate * du.T @ x, b1 - rate * du.sum(0), w2 - rate * dy.T @ h, b2 - rate * dy.sum(0)


def train_step_autograd(x, t, w1, b1, w2, b2, rate):
    old = [v.clone().requires_grad_() for v in (w1, b1, w2, b2)]
    y = (x @ old[0].T + old[1]).relu() @ old[2].T + old[3]
    ((y - t) ** 2).sum(1).div(2).mean().backward()
    return tuple(v.detach() - rate * v.grad for v in old)


def train_step_numpy(x, t, w1, b1, w2, b2, rate):
    x, t, w1, b1, w2, b2 = (np.asarray(v) for v in (x, t, w1, b1, w2, b2))
    u = x @ w1.T + b1
    h = np.maximum(u, 0)
    dy = (h @ w2.T + b2 - t) / x.shape[0]
    du = np.where(u > 0, dy @ w2, 0)
    return [w1 - rate * du.T @ x, b1 - rate * du.sum(0), w2 - rate * dy.T @ h, b2 - rate * dy.sum(0)]


def train_step_rows(x, t, w1, b1, w2, b2, rate):
    new, n = [w1.clone(), b1.clone(), w2.clone(), b2.clone()], len(x)
    for row, target in zip(x, t, strict=True):
        u = w1 @ row + b1
        h = u.clamp(min=0)
        dy = (w2 @ h + b2 - target) / n
        du = (w2.T @ dy) * (u > 0)
        for value, grad in zip(new, (torch.outer(du, row), du, torch.outer(dy, h), dy), strict=True):
            value -= rate * grad
    return tuple(new)


def train_step_einsum(x, t, w1, b1, w2, b2, rate):
    u = torch.einsum("nd,hd->nh", x, w1) + b1
    h = torch.relu(u)
    dy = (torch.einsum("nh,kh->nk", h, w2) + b2 - t) / t.shape[0]
    du = torch.einsum("nk,kh->nh", dy, w2) * torch.heaviside(u, u * 0)
    steps = torch.einsum("nh,nd->hd", du, x), du.sum(0), torch.einsum("nk,nh->kh", dy, h), dy.sum(0)
    return tuple(v - rate * g for v, g in zip((w1, b1, w2, b2), steps, strict=True))


# depth


def norms_backward(x, weights, phi):
    leaves = [w.clone().requires_grad_() for w in weights]
    for w in leaves:
        x = phi(x @ w.T)
    x.sum().backward()
    return torch.stack([w.grad.norm() for w in leaves])


def norms_one_leaf(x, weights, phi):
    weights = weights.detach().clone().requires_grad_()
    for w in weights:
        x = phi(F.linear(x, w))
    (g,) = torch.autograd.grad(x.sum(), weights)
    return g.square().sum((1, 2)).sqrt()


def norms_list(x, weights, phi):
    leaves = list(weights.clone().requires_grad_().unbind())
    for w in leaves:
        w.retain_grad()
        x = phi(torch.einsum("nd,hd->nh", x, w))
    x.backward(torch.ones_like(x))
    return (
        [float((w.grad**2).sum() ** 0.5) for w in leaves]
        if x.dtype == torch.float64
        else torch.stack([(w.grad**2).sum().sqrt() for w in leaves])
    )


def norms_numpy(x, weights, phi):
    leaves = [w.clone().requires_grad_() for w in weights]
    for w in leaves:
        x = phi(x @ w.mT)
    grads = torch.autograd.grad(x.sum(), leaves)
    return np.array([np.linalg.norm(g.numpy()) for g in grads], dtype=weights.numpy().dtype)


def dead_torch(x, w, b):
    active = (x @ w.T + b > 0).to(x.dtype).mean(0)
    return int((active == 0).sum()), active


def dead_numpy(x, w, b):
    h = np.maximum(np.asarray(x) @ np.asarray(w).T + np.asarray(b), 0)
    return int((h.max(0) == 0).sum()), (h > 0).mean(0).astype(h.dtype)


def dead_loops(x, w, b):
    dead, active = 0, []
    for unit in range(len(w)):
        fires = [float(row @ w[unit] + b[unit]) > 0 for row in x]
        dead += not any(fires)
        active.append(sum(fires) / len(fires))
    return int(dead), torch.tensor(active, dtype=x.dtype)


def dead_einsum(x, w, b):
    h = (torch.einsum("nd,hd->nh", x, w) + b).relu()
    count = (h > 0).sum(dim=0)
    return len(count) - int(count.count_nonzero()), count.to(x.dtype) / x.shape[0]


def init_formula(fan_in, activation, slope=0.01):
    gain = {"linear": 1.0, "relu": 2**0.5, "leaky_relu": (2 / (1 + slope**2)) ** 0.5, "tanh": 5 / 3}
    return gain[activation] / fan_in**0.5


def init_torch(fan_in, activation, slope=0.01):
    return torch.nn.init.calculate_gain(activation, slope) / math.sqrt(fan_in)


def init_numpy(fan_in, activation, slope=0.01):
    if activation == "relu":
        slope = 0.0
    if activation in ("linear", "tanh"):
        return np.sqrt(1.7 / fan_in) if activation == "tanh" else np.sqrt(1 / fan_in)
    return np.sqrt(2 / (1 + slope**2) / fan_in)


def init_tensor(fan_in, activation, slope=0.01):
    gain = torch.tensor({"linear": 1.0, "tanh": 1.5}.get(activation, 2**0.5), dtype=torch.float64)
    if activation == "leaky_relu":
        gain = gain / (1 + slope**2) ** 0.5
    return gain / fan_in**0.5


# normalisation and dropout


def bn_torch(x, gamma, beta, eps=1e-5):
    mu, var = x.mean(0), x.var(0, unbiased=False)
    x_hat = (x - mu) / torch.sqrt(var + eps)
    return mu, var, x_hat, gamma * x_hat + beta


def bn_numpy(x, gamma, beta, eps=1e-5):
    x, gamma, beta = (np.asarray(v) for v in (x, gamma, beta))
    mu, var = x.mean(axis=0), x.var(axis=0)
    x_hat = (x - mu) / np.sqrt(var + x.dtype.type(eps))
    return [mu, var, x_hat, gamma * x_hat + beta]


def bn_library(x, gamma, beta, eps=1e-5):
    mu = x.mean(0)
    var = ((x - mu) ** 2).mean(0)
    norm = torch.nn.BatchNorm1d(x.shape[1], eps=eps, affine=False, dtype=x.dtype)
    x_hat = norm(x)
    return mu, var, x_hat, torch.addcmul(beta, x_hat, gamma)


def bn_columns(x, gamma, beta, eps=1e-5):
    parts = []
    for j in range(x.shape[1]):
        column = x[:, j].tolist()
        mu = sum(column) / len(column)
        var = sum((v - mu) ** 2 for v in column) / len(column)
        hat = [(v - mu) / math.sqrt(var + eps) for v in column]
        parts.append((mu, var, hat, [float(gamma[j]) * v + float(beta[j]) for v in hat]))
    mu, var, hat, y = ([p[k] for p in parts] for k in range(4))
    made = [torch.tensor(v, dtype=x.dtype) for v in (mu, var, hat, y)]
    return made[0], made[1], made[2].T, made[3].T


def ln_torch(x, gamma, beta, eps=1e-5):
    mu, var = x.mean(1, keepdim=True), x.var(1, keepdim=True, unbiased=False)
    return gamma * (x - mu) / torch.sqrt(var + eps) + beta


def ln_numpy(x, gamma, beta, eps=1e-5):
    x, gamma, beta = (np.asarray(v) for v in (x, gamma, beta))
    mu, var = x.mean(1)[:, None], x.var(1)[:, None]
    return (x - mu) / np.sqrt(var + x.dtype.type(eps)) * gamma + beta


def ln_turned(x, gamma, beta, eps=1e-5):
    z = x.T - x.T.mean(0)
    return (z / (z.square().mean(0) + eps).sqrt()).T * gamma + beta


def ln_library(x, gamma, beta, eps=1e-5):
    return torch.nn.functional.layer_norm(x, (x.shape[1],), gamma, beta, eps)


def ln_rows(x, gamma, beta, eps=1e-5):
    return torch.stack([(r - r.mean()) / (r.var(correction=0) + eps) ** 0.5 * gamma + beta for r in x])


def dropout_where(x, p, u, training=True):
    return torch.where(u < p, torch.zeros_like(x), x / (1 - p)) if training else x


def dropout_mask(x, p, u, training=True):
    if not training:
        return x
    return x * (u >= p) / (1 - p)


def dropout_numpy(x, p, u, training=True):
    x, u = np.asarray(x), np.asarray(u)
    return np.where(u >= p, x / (1 - p), 0).astype(x.dtype) if training else x


def dropout_loops(x, p, u, training=True):
    out = x.clone()
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if training:
                out[i, j] = x[i, j] / (1 - p) if u[i, j] >= p else 0
    return out


# softmax and losses


def softmax_shift(z, temperature=1.0):
    e = torch.exp((z - z.max(-1, keepdim=True).values) / temperature)
    return e / e.sum(-1, keepdim=True)


def softmax_numpy(z, temperature=1.0):
    z = np.asarray(z) / np.asarray(z).dtype.type(temperature)
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_rows(z, temperature=1.0):
    rows = []
    for row in (z / temperature).tolist():
        e = [math.exp(v - max(row)) for v in row]
        rows.append([v / sum(e) for v in e])
    return torch.tensor(rows, dtype=z.dtype)


def softmax_log(z, temperature=1.0):
    z = z / temperature
    return torch.exp(z - torch.logsumexp(z, dim=-1, keepdim=True))


def log_softmax_shift(z):
    z = z - z.amax(-1, keepdim=True)
    return z - z.exp().sum(-1, keepdim=True).log()


def log_softmax_logsumexp(z):
    return z - torch.logsumexp(z, -1)[:, None]


def log_softmax_numpy(z):
    z = np.asarray(z)
    return z - np.logaddexp.reduce(z, axis=-1)[:, None]


def log_softmax_rows(z):
    rows = []
    for row in z.tolist():
        top = max(row)
        rows.append([v - top - math.log(sum(math.exp(w - top) for w in row)) for v in row])
    return torch.tensor(rows, dtype=z.dtype)


def entropy_where(p):
    return -torch.where(p > 0, p * p.log(), torch.zeros_like(p)).sum(-1)


def entropy_xlogy(p):
    return -torch.xlogy(p, p).sum(dim=1)


def entropy_clamp(p):
    return -(p * p.clamp_min(1e-30).log()).sum(-1)


def entropy_numpy(p):
    p = np.asarray(p)
    return -(p * np.log(np.where(p > 0, p, 1))).sum(1)


def entropy_loops(p):
    rows = [-sum(v * math.log(v) for v in row if v > 0) for row in p.tolist()]
    return torch.tensor(rows, dtype=p.dtype)


def scores_torch(p, t):
    error = (p.argmax(1) != t.argmax(1)).to(p.dtype).mean()
    return error, -(t * p.log()).sum(1).mean(), ((p - t) ** 2).sum(1).mean()


def scores_floats(p, t):
    p, t = p.double().numpy(), t.numpy()
    rows = np.arange(len(p))
    truth = t.argmax(1)
    parts = (p.argmax(1) != truth).mean(), -np.log(p[rows, truth]).mean(), np.square(p - t).sum() / len(p)
    return tuple(float(v) for v in parts)


def scores_numpy(p, t):
    p, t = np.asarray(p), np.asarray(t)
    wrong = np.mean(p.argmax(1) != t.argmax(1))
    return [wrong, -np.einsum("nc,nc->n", t, np.log(p)).mean(), np.sum((p - t) ** 2, axis=1).mean()]


def scores_loops(p, t):
    wrong = loss = square = 0.0
    for a, b in zip(p.double(), t.double(), strict=True):
        wrong += float(int(a.argmax()) != int(b.argmax()))
        loss -= float(torch.log(a[b.argmax()]))
        square += float(((a - b) ** 2).sum())
    return wrong / len(p), loss / len(p), square / len(p)


def ce_gather(z, labels):
    return -torch.log_softmax(z, 1).gather(1, labels[:, None]).mean()


def ce_shift(z, labels):
    z = z - z.amax(1, keepdim=True)
    return (z.exp().sum(1).log() - z[torch.arange(len(z)), labels]).mean()


def ce_numpy(z, labels):
    z, labels = np.asarray(z), np.asarray(labels)
    return (np.logaddexp.reduce(z, axis=1) - z[np.arange(len(z)), labels]).mean()


def ce_loop(z, labels):
    total = 0
    for row, k in zip(z, labels, strict=True):
        total = total + torch.logsumexp(row, 0) - row[k]
    return total / len(z)


def grad_softmax(z, labels):
    p = torch.softmax(z, 1)
    p[torch.arange(len(z)), labels] -= 1
    return p / len(z)


def grad_one_hot(z, labels):
    return (F.softmax(z, dim=1) - F.one_hot(labels, z.shape[1])) / z.shape[0]


def grad_numpy(z, labels):
    z, labels = np.asarray(z), np.asarray(labels)
    e = np.exp(z - z.max(1, keepdims=True))
    return (e / e.sum(1, keepdims=True) - np.eye(z.shape[1], dtype=z.dtype)[labels]) / len(z)


def grad_rows(z, labels):
    rows = []
    for row, k in zip(z, labels.tolist(), strict=True):
        y = torch.zeros_like(row)
        y[k] = 1
        rows.append((row - row.logsumexp(0)).exp() - y)
    return torch.stack(rows) / len(rows)


def choice(circle, xor):
    return lambda data: circle if data == "circle" else xor


HONEST = {
    "neuron": {
        "product": lambda x, w, b, phi: phi(x @ w + b),
        "sum": lambda x, w, b, phi: phi((x * w).sum(1) + b),
        "einsum": lambda x, w, b, phi: phi(torch.einsum("nd,d->n", x, w) + b),
        "loops": neuron_loops,
        "numpy": neuron_numpy,
    },
    "perceptron": {
        "torch": perceptron_torch,
        "lists": perceptron_lists,
        "numpy": perceptron_numpy,
        "in place": perceptron_in_place,
    },
    "collapse": {
        "product": collapse_product,
        "einsum": collapse_einsum,
        "numpy": collapse_numpy,
        "probe": collapse_probe,
    },
    "step": {
        "compare": lambda x: (x >= 0).to(x.dtype),
        "where": lambda x: torch.where(x < 0, torch.zeros_like(x), torch.ones_like(x)),
        "numpy": array(lambda x: np.heaviside(x, 1)),
        "loop": loop(lambda v: 1.0 if v >= 0 else 0.0),
    },
    "sigmoid": {
        "formula": lambda x: 1 / (1 + torch.exp(-x)),
        "graph": graph(torch.sigmoid),
        "tanh": lambda x: (1 + torch.tanh(x / 2)) / 2,
        "numpy": array(lambda x: 1 / (1 + np.exp(-x))),
        "loop": loop(lambda v: 1 / (1 + math.exp(-v)) if v > 0 else small_exp(v) / (1 + small_exp(v))),
    },
    "tanh": {
        "sigmoid": lambda x: 2 / (1 + torch.exp(-2 * x)) - 1,
        "graph": graph(torch.tanh),
        "numpy": array(np.tanh),
        "loop": loop(math.tanh),
        "signs": lambda x: torch.sign(x) * (1 - torch.exp(-2 * x.abs())) / (1 + torch.exp(-2 * x.abs())),
    },
    "relu": {
        "clamp": lambda x: x.clamp(min=0),
        "where": lambda x: torch.where(x > 0, x, 0.0),
        "mask": lambda x: x * (x > 0),
        "half": lambda x: (x + x.abs()) / 2,
        "numpy": array(lambda x: np.maximum(x, 0)),
        "loop": loop(lambda v: max(v, 0.0)),
        "graph": graph(torch.relu),
    },
    "leaky_relu": {
        "where": lambda x, slope=0.01: torch.where(x > 0, x, slope * x),
        "max": lambda x, slope=0.01: torch.maximum(x, slope * x),
        "parts": lambda x, slope=0.01: x.clamp(min=0) + slope * x.clamp(max=0),
        "numpy": array(lambda x, slope=0.01: np.where(x > 0, x, slope * x)),
        "loop": loop(lambda v, slope=0.01: v if v > 0 else slope * v),
    },
    "elu": {
        "where": lambda x, alpha=1.0: torch.where(x > 0, x, alpha * (torch.exp(x) - 1)),
        "parts": lambda x, alpha=1.0: x.clamp(min=0) + alpha * torch.expm1(x.clamp(max=0)),
        "numpy": array(lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))),
        "loop": loop(lambda v, alpha=1.0: v if v > 0 else alpha * (small_exp(v) - 1)),
        "graph": graph(lambda x, alpha=1.0: F.elu(x, alpha)),
    },
    "gelu": {
        "erf": lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2))),
        "ndtr": lambda x: x * torch.special.ndtr(x),
        "normal": lambda x: x * torch.distributions.Normal(0.0, 1.0).cdf(x),
        "numpy": array(lambda x: x * (1 + erf_array(x)) / 2),
        "loop": loop(lambda v: v * (1 + erf(v)) / 2),
    },
    "softplus": {
        "parts": lambda x: x.clamp(min=0) + torch.log1p(torch.exp(-x.abs())),
        "logaddexp": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
        "library": F.softplus,
        "numpy": array(lambda x: np.logaddexp(x, 0)),
        "loop": loop(lambda v: max(v, 0.0) + math.log1p(math.exp(-abs(v)))),
    },
    "maxout": {"einsum": maxout_einsum, "loop": maxout_loop, "numpy": maxout_numpy, "loops": maxout_loops},
    "sigmoid_slope": {
        "formula": lambda x: torch.sigmoid(x) * (1 - torch.sigmoid(x)),
        "both signs": lambda x: torch.sigmoid(x) * torch.sigmoid(-x),
        "autograd": slope(torch.sigmoid),
        "numpy": array(lambda x: np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))) ** 2),
        "loop": loop(lambda v: small_exp(-abs(v)) / (1 + small_exp(-abs(v))) ** 2),
    },
    "tanh_slope": {
        "formula": lambda x: 1 - torch.tanh(x) ** 2,
        "numpy": array(lambda x: 1 - np.tanh(x) ** 2),
        "autograd": slope(torch.tanh),
        "loop": loop(lambda v: 1 - math.tanh(v) ** 2),
    },
    "leaky_relu_slope": {
        "where": lambda x, slope=0.01: torch.where(x > 0, torch.ones_like(x), slope),
        "mask": lambda x, slope=0.01: (x > 0).to(x.dtype) * (1 - slope) + slope,
        "fill": lambda x, slope=0.01: torch.full_like(x, slope).masked_fill(x > 0, 1),
        "autograd": slope(lambda x, slope=0.01: F.leaky_relu(x, slope)),
        "numpy": array(lambda x, slope=0.01: np.where(x > 0, 1.0, slope)),
        "loop": loop(lambda v, slope=0.01: 1.0 if v > 0 else slope),
        "two numbers": lambda x, slope=0.01: torch.where(x > 0, 1.0, slope),  # float32
    },
    "elu_slope": {
        "where": lambda x, alpha=1.0: torch.where(x > 0, torch.ones_like(x), alpha * torch.exp(x)),
        "autograd": slope(lambda x, alpha=1.0: F.elu(x, alpha)),
        "elu": lambda x, alpha=1.0: torch.where(x > 0, 1.0, F.elu(x, alpha) + alpha).to(x.dtype),
        "numpy": array(lambda x, alpha=1.0: np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0)))),
        "loop": loop(lambda v, alpha=1.0: 1.0 if v > 0 else alpha * small_exp(v)),
    },
    "gelu_slope": {
        "formula": lambda x: torch.special.ndtr(x) + x * torch.exp(-x * x / 2) / math.sqrt(2 * math.pi),
        "autograd": slope(F.gelu),
        "numpy": array(lambda x: (1 + erf_array(x)) / 2 + x * bell(x)),
        "loop": loop(lambda v: (1 + erf(v)) / 2 + v * small_exp(-v * v / 2) / math.sqrt(2 * math.pi)),
    },
    "my_relu": {
        "mask": lambda x: Relu.apply(x),
        "of the result": lambda x: ReluOfResult.apply(x),
        "numpy": lambda x: ReluNumpy.apply(x),
        "setup": lambda x: ReluSetup.apply(x),
    },
    "pass_through": {
        "mask": lambda x: Through.apply(x),
        "where": lambda x: ThroughWhere.apply(x),
        "numpy": lambda x: ThroughNumpy.apply(x),
        "detach": through_detach,
    },
    "train_step": {
        "hand": train_step_hand,
        "autograd": train_step_autograd,
        "numpy": train_step_numpy,
        "rows": train_step_rows,
        "einsum": train_step_einsum,
    },
    "gradient_norms": {
        "backward": norms_backward,
        "one leaf": norms_one_leaf,
        "list": norms_list,
        "numpy": norms_numpy,
        "float32": lambda x, weights, phi: torch.tensor([float(v) for v in norms_list(x, weights, phi)]),
    },
    "dead_units": {
        "torch": dead_torch,
        "numpy": dead_numpy,
        "loops": dead_loops,
        "einsum": dead_einsum,
        "float32": lambda x, w, b: (dead_torch(x, w, b)[0], (x @ w.T + b > 0).float().mean(0)),
    },
    "init_std": {"formula": init_formula, "torch": init_torch, "numpy": init_numpy, "tensor": init_tensor},
    "batch_norm": {"torch": bn_torch, "numpy": bn_numpy, "library": bn_library, "columns": bn_columns},
    "layer_norm": {
        "torch": ln_torch,
        "numpy": ln_numpy,
        "turned": ln_turned,
        "library": ln_library,
        "rows": ln_rows,
    },
    "dropout": {
        "where": dropout_where,
        "mask": dropout_mask,
        "numpy": dropout_numpy,
        "loops": dropout_loops,
    },
    "softmax": {
        "shift": softmax_shift,
        "numpy": softmax_numpy,
        "rows": softmax_rows,
        "log": softmax_log,
        "library": lambda z, temperature=1.0: F.softmax(z / temperature, dim=1),
    },
    "log_softmax": {
        "shift": log_softmax_shift,
        "logsumexp": log_softmax_logsumexp,
        "numpy": log_softmax_numpy,
        "rows": log_softmax_rows,
    },
    "entropy": {
        "where": entropy_where,
        "xlogy": entropy_xlogy,
        "clamp": entropy_clamp,
        "numpy": entropy_numpy,
        "loops": entropy_loops,
    },
    "scores": {
        "torch": scores_torch,
        "floats": scores_floats,
        "numpy": scores_numpy,
        "loops": scores_loops,
        "float32": lambda p, t: tuple(torch.tensor(float(v)) for v in scores_torch(p, t)),
    },
    "cross_entropy": {
        "gather": ce_gather,
        "shift": ce_shift,
        "numpy": ce_numpy,
        "loop": ce_loop,
        "float32": lambda z, labels: torch.tensor(float(ce_gather(z, labels))),
    },
    "cross_entropy_grad": {
        "softmax": grad_softmax,
        "one hot": grad_one_hot,
        "numpy": grad_numpy,
        "rows": grad_rows,
    },
    "playground_setting": {
        "squares": choice(
            {"features": ["x1^2", "x2^2"], "hidden": [], "rate": 0.5},
            {"features": ["x1", "x2"], "hidden": [8], "activation": "relu", "rate": 0.4},
        ),
        "everything": choice(
            {"features": ("x1", "x2", "x1^2", "x2^2", "x1*x2"), "hidden": (), "rate": 1},
            {"hidden": (8,), "activation": "tanh", "rate": 1},
        ),
        "two layers": choice(
            {"features": ["x1^2", "x2^2", "x1"], "hidden": [], "rate": 1.0, "l2": 0.0001},
            {"hidden": [6, 4], "activation": "gelu", "rate": 0.5},
        ),
        "large": choice(
            {"features": ["x2^2", "x1^2"], "hidden": [], "activation": "relu", "rate": 2.0},
            {"features": ["x2", "x1"], "hidden": [16], "activation": "leaky_relu", "rate": 0.3},
        ),
    },
}
