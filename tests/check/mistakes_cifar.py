"""Wrong answers to Lab 6 as students write them, most with two slips at once or right in some cases only.

Data for tests: MISTAKES[function][what is wrong]. Read it with runpy.run_path(path)["MISTAKES"].
"""

import itertools

import torch
import torch.nn.functional as F
from torch import nn


def stats(x, dims=(0, 2, 3), correction=0):
    return x.mean(dims), x.std(dims, correction=correction)


CHANNEL_STATS = {
    "not divided, and of one picture": lambda x: stats(x[0].double(), (1, 2)),
    "mean of the rows' deviations": lambda x: (
        (x / 255).mean((0, 2, 3)),
        (x / 255).std(3, correction=0).mean((0, 2)),
    ),
    "over pictures only": lambda x: stats(x / 255, (0,)),
    "divided by the largest": lambda x: stats(x[:, :, :1] / x.max()),
    "variance over 256": lambda x: (stats(x / 256)[0], stats(x / 256)[1] ** 2),
}


def over(x, m, s, offset=0.0):
    return (x / 255 - m[:, None, None] + offset) / s[:, None, None]


NORMALISE = {
    "bytes, and the mean not taken off": lambda x, m, s: x / s[:, None, None],
    "plus a half": lambda x, m, s: over(x, m, s, 0.5),
    "root of the deviation": lambda x, m, s: over(x, m, s.sqrt()),
    "first channel only": lambda x, m, s: torch.cat([over(x, m, s)[:, :1], (x / 255)[:, 1:]], 1),
    "clamped to 0 and 1": lambda x, m, s: over(x, m, s).clamp(0, 1),
}


def split_by_rank(labels, order, per_class, start=0):
    val = [order[labels[order] == c][start : start + per_class] for c in range(int(labels.max()) + 1)]
    val = torch.cat(val)
    return order[~torch.isin(order, val)], val


STRATIFIED_SPLIT = {
    "one too late": lambda y, o, k: split_by_rank(y, o, k, 1),
    "labels not taken in the order": lambda y, o, k: (
        o[k * 3 :],
        torch.cat([o[y == c][:k] for c in range(int(y.max()) + 1)]),
    ),
    "the parts without the last picture": lambda y, o, k: tuple(p[:-1] for p in split_by_rank(y, o, k)),
    "the same pictures twice": lambda y, o, k: (split_by_rank(y, o, k)[1],) * 2,
    "masks": lambda y, o, k: (
        torch.isin(torch.arange(len(o)), split_by_rank(y, o, k)[0]),
        torch.isin(torch.arange(len(o)), split_by_rank(y, o, k)[1]),
    ),
}


def cut(big, dy, dx, size):
    h, w = size
    return torch.stack(
        [b[:, y : y + h, x : x + w] for b, y, x in zip(big, dy.tolist(), dx.tolist(), strict=True)]
    )


def augment_half(images, dy, dx, flip, pad):
    out = cut(F.pad(images, (pad,) * 4), dy, dx, images.shape[2:])
    return out.flip(3) if flip.any() else out


def augment_one_axis(images, dy, dx, flip, pad):
    out = cut(F.pad(images, (pad,) * 4), dy, dx * 0 + pad, images.shape[2:])
    return torch.where(flip[:, None, None, None], out.flip(2, 3), out)


def augment_no_pad(images, dy, dx, flip, pad):
    big = F.pad(images, (0, 2 * pad, 0, 2 * pad))
    out = cut(big, dy, dx, images.shape[2:])
    return torch.where(flip[:, None, None, None], out.flip(3), out)


def augment_white(images, dy, dx, flip, pad):
    out = cut(F.pad(images, (pad,) * 4, value=255), dy, dx, images.shape[2:])
    return torch.where(flip[:, None, None, None], out.flip(3), out)


AUGMENT = {
    "one flip for all, if any": augment_half,
    "rows only, and turned by half a turn": augment_one_axis,
    "padded on one side": augment_no_pad,
    "padded with white": augment_white,
}


def net(*last, width=16):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), *last
    )


class TwoSlips(nn.Module):
    def __init__(self):
        super().__init__()
        self.inside, self.other = net(nn.Linear(256, 10)), nn.Linear(100, 100)

    def forward(self, x):
        return self.inside(x[:, :, 8:, 8:]).softmax(1)


def small_input():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 28 * 28, 10))


BUILD_NET = {
    "half the picture, probabilities, a layer unused": TwoSlips,
    "for pictures of 28x28": small_input,
    "too small": lambda: net(nn.Linear(256, 10), width=16)[:1],
    "the class, not a network": lambda: nn.Linear,
    "far too wide": lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 200), nn.Linear(200, 10)),
}


def step_adds_and_sums(net, optimizer, x, labels):
    net.train()
    loss = F.cross_entropy(net(x), labels, reduction="sum")
    loss.backward()
    optimizer.step()
    return loss.item() / len(labels)


def step_late_loss(net, optimizer, x, labels):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), labels)
    loss.backward()
    optimizer.step()
    return F.cross_entropy(net(x), labels)


def step_without_grad(net, optimizer, x, labels):
    net.train()
    with torch.no_grad():
        loss = F.cross_entropy(net(x), labels)
    optimizer.step()
    return 2 * loss


def step_first_picture(net, optimizer, x, labels):
    net.eval()
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x[:1]), labels[:1])
    loss.backward()
    optimizer.step()
    return loss


SGD_STEP = {
    "no zero_grad, and the sum": step_adds_and_sums,
    "no train, and the loss behind the step": step_late_loss,
    "nothing learned, and twice the loss": step_without_grad,
    "the first picture only, in evaluation mode": step_first_picture,
}


def walked(step, images, labels, order, size, weigh=True):
    parts = order.split(size)
    return [(step(images[p], labels[p]), len(p) if weigh else 1) for p in parts]


FIT = {
    "sum over the batches, short one weighed": lambda s, x, y, o, b: [
        sum(v * n for v, n in walked(s, x, y, order, b)) / b for order in o
    ],
    "last epoch first": lambda s, x, y, o, b: [
        sum(v * n for v, n in walked(s, x, y, order, b)) / len(order) for order in o.flip(0)
    ],
    "orders read backwards": lambda s, x, y, o, b: [
        sum(v * n for v, n in walked(s, x, y, order.flip(0), b)) / len(order) for order in o
    ],
    "the largest loss": lambda s, x, y, o, b: [
        max(v for v, _ in walked(s, x, y, order, b)) * 2 for order in o
    ],
    "one picture at a time": lambda s, x, y, o, b: [
        sum(v for v, _ in walked(s, x, y, order, 1)) / len(order) for order in o
    ],
}


def gathered(net, images, size):
    return torch.cat([torch.as_tensor(net(x)) for x in images.split(size)])


EVALUATE = {
    "sum of losses, percent": lambda f, x, y, n: (
        F.cross_entropy(gathered(f, x, n), y, reduction="sum"),
        100.0 * (gathered(f, x, n).argmax(1) == y).double().mean(),
    ),
    "first batch, and its error": lambda f, x, y, n: (
        2 * F.cross_entropy(f(x[:n]), y[:n]),
        (f(x[:n]).argmax(1) != y[:n]).double().mean(),
    ),
    "labels turned": lambda f, x, y, n: (
        F.cross_entropy(gathered(f, x, n), y.flip(0)),
        (gathered(f, x, n).argmax(1) == (y + 1) % 4).double().mean(),
    ),
    "probabilities in place of a loss": lambda f, x, y, n: (
        gathered(f, x, n).softmax(1).max(1)[0].mean(),
        2.0,
    ),
}
ONE_CYCLE = {
    "down from twice the peak": lambda t, n, p, w: 2 * p * (n - t + 1) / n,
    "up to half the peak": lambda t, n, p, w: p / 2 * min(t / (w * n), (n - t) / (n - w * n)) + 0.001,
    "squares": lambda t, n, p, w: 0.9 * p * min(t / (w * n), (n - t) / (n - w * n)) ** 2 + 1e-4,
    "from 1 to the number of steps": lambda t, n, p, w: p
    * min((t + 1) / (w * n + 1), (n - t + 1) / (n - w * n + 2)),
}


def stop_since_start(losses, patience):
    best = int(losses.argmin())
    return best + 1, min(best + patience + 1, len(losses))


def stop_by_rise(losses, patience):
    rises = [i for i, (a, b) in enumerate(itertools.pairwise(losses.tolist()), 1) if b >= a]
    last = rises[patience - 1] if len(rises) >= patience else len(losses)
    return last, last + 1


EARLY_STOP = {
    "counted from 1, behind the lowest of all": stop_since_start,
    "as many rises as patience, and the last epoch twice": stop_by_rise,
    "the values": lambda v, k: (float(v.min()), float(v[-1])),
    "best and the number of epochs": lambda v, k: (len(v), int(v.argmax())),
}
CONFUSION = {
    "turned, and shares": lambda t, p, c: torch.bincount(p * c + t, minlength=c * c).reshape(c, c) / len(t),
    "counted twice": lambda t, p, c: 2 * torch.bincount(t * c + p, minlength=c * c).reshape(c, c),
    "flat": lambda t, p, c: torch.bincount(t * c + p, minlength=c * c),
    "the columns in reverse": lambda t, p, c: torch.bincount(t * c + p, minlength=c * c)
    .reshape(c, c)
    .flip(1),
}


def ranked(matrix, k, key):
    cells = [(t, p, int(matrix[t, p])) for t in range(len(matrix)) for p in range(len(matrix)) if t != p]
    return sorted(cells, key=key)[:k]


WORST_PAIRS = {
    "turned, smallest first": lambda m, k: ranked(m.T, k, lambda c: c[2]),
    "sorted by class": lambda m, k: [(t, p, n + 1) for t, p, n in ranked(m, k, lambda c: c)],
    "shares": lambda m, k: [(t, p, n / int(m.sum())) for t, p, n in ranked(m, k, lambda c: -c[2])],
    "pairs only": lambda m, k: [c[:2] for c in ranked(m, k, lambda c: -c[2])],
}
RECALL = {
    "columns, in percent": lambda m: 100 * m.diagonal() / m.sum(0).clamp(min=1),
    "with one more below": lambda m: m.diagonal() / (m.sum(1) + 1),
    "rounded": lambda m: (m.diagonal() / m.sum(1).clamp(min=1)).round(decimals=1),
    "one number": lambda m: (m.diagonal() / m.sum(1).clamp(min=1)).mean(),
}
BALANCED_ERROR = {
    "columns, not 1 minus": lambda m: (m.diagonal() / m.sum(0).clamp(min=1)).mean(),
    "twice": lambda m: 2 * (1 - (m.diagonal() / m.sum(1).clamp(min=1)).mean()),
    "errors over hits": lambda m: (m.sum() - m.trace()) / m.trace(),
    "for each class": lambda m: 1 - m.diagonal() / m.sum(1).clamp(min=1),
}


def sorted_in(p, labels, bins, shift=0.0):
    sure, right = p.amax(1), (p.argmax(1) == labels).to(p.dtype)
    at = ((sure + shift) * bins).long().clamp(max=bins - 1)
    count = torch.bincount(at, minlength=bins).to(p.dtype)
    conf, acc = (torch.bincount(at, weights=v, minlength=bins) / count.clamp(min=1) for v in (sure, right))
    return conf, acc, count, (count / len(p) * (acc - conf).abs()).sum()


CALIBRATION = {
    "the bins one further": lambda p, y, b: tuple(
        v.roll(1) if v.ndim else v + 0.5 for v in sorted_in(p, y, b)
    ),
    "accuracy minus confidence in place of both": lambda p, y, b: (
        sorted_in(p, y, b)[1] - sorted_in(p, y, b)[0],
        1 - sorted_in(p, y, b)[1],
        sorted_in(p, y, b)[2] + 1,
        2 * sorted_in(p, y, b)[3],
    ),
    "percent": lambda p, y, b: tuple(100 * v for v in sorted_in(p, y, b)),
    "one bin too many": lambda p, y, b: (*sorted_in(p, y, b + 1)[:3], 3.0),
}

MISTAKES = {
    "channel_stats": CHANNEL_STATS,
    "normalise": NORMALISE,
    "stratified_split": STRATIFIED_SPLIT,
    "augment": AUGMENT,
    "build_net": BUILD_NET,
    "sgd_step": SGD_STEP,
    "fit": FIT,
    "evaluate": EVALUATE,
    "one_cycle": ONE_CYCLE,
    "early_stop": EARLY_STOP,
    "confusion": CONFUSION,
    "worst_pairs": WORST_PAIRS,
    "recall": RECALL,
    "balanced_error": BALANCED_ERROR,
    "calibration": CALIBRATION,
}
