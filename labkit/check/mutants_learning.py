"""Named wrong answers of Lab 6 for learning: one step, one epoch, measuring, the rate, when to stop."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_cifar as library
from labkit.check.mutants import changing, switching
from labkit.check.mutants_pictures import named

Bend = Callable[..., Any]


def _step(
    *, clear: bool = True, train: bool = True, move: bool = True, flip: bool = False, twice: bool = False,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy, after: bool = False, scale: float = 1.0,
    clip: float = 0.0, rate: float = 0.0, peek: bool = False,
) -> Bend:  # fmt: skip
    """Make a step with one thing bent."""

    def fn(net: Any, optimizer: Any, x: Tensor, labels: Tensor) -> float:
        if train:
            net.train()
        if peek:
            with torch.no_grad():
                net(x)
        with torch.enable_grad():
            value = loss(net(x), labels)
            if clear:
                optimizer.zero_grad()
            for _ in range(2 if twice else 1):
                torch.autograd.backward(value * (-1 if flip else 1), retain_graph=True)
        if clip:
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
        for group in optimizer.param_groups:
            group["lr"] = rate or group["lr"]
        if move:
            optimizer.step()
        if after:
            with torch.no_grad():
                value = loss(net(x), labels)
        return float(value.detach()) * scale

    return fn


def _hits(net: Any, optimizer: Any, x: Tensor, labels: Tensor) -> float:
    hits: list[float] = []

    def loss(z: Tensor, y: Tensor) -> Tensor:
        hits.append(float((z.argmax(1) == y).double().mean()))
        return F.cross_entropy(z, y)

    _step(loss=loss)(net, optimizer, x, labels)
    return hits[0]


def _measured(net: Any, optimizer: Any, x: Tensor, labels: Tensor) -> float:
    net.eval()
    with torch.enable_grad():
        value = F.cross_entropy(net(x), labels)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(value.detach())


SGD_STEP = named(
    ("gradients that add up from step to step: zero_grad is missing", _step(clear=False)),
    ("softmax twice: once by hand, and once in cross_entropy",
     _step(loss=lambda z, y: F.cross_entropy(z.softmax(1), y))),
    ("no step: the optimizer was not asked to move, or the gradients were cleared before", _step(move=False)),
    ("a step uphill: the loss with the wrong sign", _step(flip=True)),
    ("backward twice: gradients twice as large", _step(twice=True)),
    ("a network that is not put back into training mode", _step(train=False)),
    ("a step in evaluation mode", _measured),
    ("the sum over the batch instead of the mean",
     _step(loss=lambda z, y: F.cross_entropy(z, y, reduction="sum"))),
    ("the squared error in place of the cross-entropy",
     _step(loss=lambda z, y: F.mse_loss(z, F.one_hot(y, z.shape[1]).to(z.dtype)))),
    ("labels smoothed by 0.1", _step(loss=lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1))),
    ("the loss after the step instead of before", _step(after=True)),
    ("nll_loss of scores without log_softmax", _step(loss=F.nll_loss)),
    ("running statistics that move twice: the network is called twice in training mode", _step(peek=True)),
    ("gradients clipped to a length of 1", _step(clip=1.0)),
    ("a rate of 0.1 written in, not that of the optimizer", _step(rate=0.1)),
    ("the loss in percent", _step(scale=100)),
    ("gradients clipped to a length of 5", _step(clip=5.0)),
    ("the accuracy in place of the loss", _hits),
)  # fmt: skip


def _epochs(
    weigh: Callable[[list[float], list[int]], float] = lambda v, n: float(np.average(v, weights=n)),
    *, labels_too: bool = True, shuffled: bool = True, short: bool = True,
    size: Callable[[int], int] = lambda s: s,
) -> Bend:  # fmt: skip
    def fn(step: Bend, images: Tensor, labels: Tensor, orders: Tensor, batch: int) -> Tensor:
        rows = []
        for order in orders:
            order = order if shuffled else torch.arange(len(order))
            parts = [p for p in torch.split(order, size(batch)) if short or len(p) == batch]
            plain = torch.split(torch.arange(len(order)), size(batch))
            losses = [
                float(step(images[p], labels[p if labels_too else q]))
                for p, q in zip(parts, plain, strict=False)
            ]
            rows.append(weigh(losses, [len(p) for p in parts]))
        return torch.tensor(rows, dtype=torch.float64)

    return fn


def _twice(keep: int) -> Bend:
    def fn(step: Bend, *rest: Any) -> Tensor:
        return library.fit(lambda x, y: (step(x, y), step(x, y))[keep], *rest)

    return fn


FIT = named(
    ("pictures in a new order, but labels in the old one", _epochs(labels_too=False)),
    ("the order never used: the pictures as they lie in the file", _epochs(shuffled=False)),
    ("the short last batch left out", _epochs(short=False)),
    ("the mean of the batches' losses: the short batch counts as much as a long one",
     _epochs(lambda v, n: float(np.mean(v)))),
    ("the sum of the batches' losses", _epochs(lambda v, n: float(np.sum(v)))),
    ("the loss of the last batch only", _epochs(lambda v, n: v[-1])),
    ("the loss of the first batch only", _epochs(lambda v, n: v[0])),
    ("losses summed over the pictures, not divided by their number",
     _epochs(lambda v, n: float(np.dot(v, n)))),
    ("losses divided by the size of a batch", _epochs(lambda v, n: float(np.dot(v, n)) / n[0] / len(n))),
    ("the first order used in every epoch",
     lambda s, x, y, o, b: library.fit(s, x, y, o[:1].expand(len(o), -1), b)),
    ("one epoch only", lambda s, x, y, o, b: library.fit(s, x, y, o[:1], b)),
    ("one loss over all epochs", lambda s, x, y, o, b: library.fit(s, x, y, o, b).mean()),
    ("batches that are one picture too small", _epochs(size=lambda s: s - 1)),
    ("losses that add up from epoch to epoch", lambda s, x, y, o, b: library.fit(s, x, y, o, b).cumsum(0)),
    ("a step taken twice for each batch, and the loss of the first one", _twice(0)),
    ("a step taken twice for each batch, and the loss of the second one", _twice(1)),
    ("all losses of all batches, epochs not told apart",
     lambda s, x, y, o, b: torch.tensor([float(s(x[p], y[p])) for each in o for p in torch.split(each, b)])),
)  # fmt: skip


def _measure(bend: Callable[[list[Tensor], list[Tensor]], Any], *, short: bool = True) -> Bend:
    def fn(net: Bend, images: Tensor, labels: Tensor, size: int) -> Any:
        parts = [p for p in torch.split(torch.arange(len(labels)), size) if short or len(p) == size]
        return bend([torch.as_tensor(net(images[p])) for p in parts], [labels[p] for p in parts])

    return fn


def _both(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return F.cross_entropy(z, y), (z.argmax(1) == y).to(z.dtype).mean()


def _all(bend: Bend) -> Bend:
    return _measure(lambda zs, ys: bend(torch.cat(zs), torch.cat(ys)))


def _mean_of_means(zs: list[Tensor], ys: list[Tensor]) -> Any:
    rows = [_both(z, y) for z, y in zip(zs, ys, strict=True)]
    return tuple(torch.stack(v).mean() for v in zip(*rows, strict=True))


EVALUATE = named(
    # the first: where others would do as well, in the one case in which it does not stop, it is likeliest
    ("argmax along the wrong axis: over the pictures, not over the scores of each picture",
     _measure(lambda zs, ys: (F.cross_entropy(torch.cat(zs), torch.cat(ys)),
                              (torch.cat([z.argmax(0) for z in zs]) == torch.cat(ys)).double().mean()))),
    ("the mean of the batches' results: the short batch counts as much as a long one",
     _measure(_mean_of_means)),
    ("the short last batch left out",
     _measure(lambda zs, ys: _both(torch.cat(zs), torch.cat(ys)), short=False)),
    ("the first batch only", _measure(lambda zs, ys: _both(zs[0], ys[0]))),
    ("the last batch only", _measure(lambda zs, ys: _both(zs[-1], ys[-1]))),
    ("results summed over the batches",
     _measure(lambda zs, ys: tuple(torch.stack(v).sum() for v in zip(*map(_both, zs, ys), strict=True)))),
    ("an accuracy in percent", _all(lambda z, y: (_both(z, y)[0], 100 * _both(z, y)[1]))),
    ("the error in place of the accuracy", _all(lambda z, y: (_both(z, y)[0], 1 - _both(z, y)[1]))),
    ("the smallest score taken for the answer",
     _all(lambda z, y: (_both(z, y)[0], (z.argmin(1) == y).to(z.dtype).mean()))),
    ("softmax twice: once by hand, and once in cross_entropy",
     _all(lambda z, y: (F.cross_entropy(z.softmax(1), y), _both(z, y)[1]))),
    ("a loss summed over the pictures", _all(lambda z, y: (_both(z, y)[0] * len(y), _both(z, y)[1]))),
    ("the number of hits instead of their share",
     _all(lambda z, y: (_both(z, y)[0], _both(z, y)[1] * len(y)))),
    ("accuracy and loss in the wrong order", _all(lambda z, y: _both(z, y)[::-1])),
    ("the sum of the batches' sums, divided by the size of a batch times their number",
     _measure(lambda zs, ys: tuple(v * len(torch.cat(ys)) / len(zs[0]) / len(zs)
                                   for v in _both(torch.cat(zs), torch.cat(ys))))),
    ("changes its input", changing(library.evaluate, 1).fn),
    ("leaves gradients switched off", switching(library.evaluate).fn),
)  # fmt: skip


def _rate(bend: Callable[[float, float, float], float]) -> Bend:
    """Bend (step, top, steps) of the peak's share."""
    return lambda step, steps, peak, warm: peak * bend(float(step), float(warm * steps), float(steps))


def _up(s: float, top: float, _: float) -> float:
    return min(1.0, s / top)


def _down(s: float, top: float, n: float) -> float:
    return min(1.0, (n - s) / (n - top))


cycle = library.one_cycle
ONE_CYCLE = named(
    ("the peak at every step", _rate(lambda s, top, n: 1.0)),
    ("a rate that goes up and stays there", _rate(_up)),
    ("a rate that only goes down", _rate(_down)),
    ("a rate that falls from the first step on", _rate(lambda s, top, n: (n - s) / n)),
    ("a rate that rises to the last step", _rate(lambda s, top, n: s / n)),
    ("the top at 1 - warm of all steps", lambda s, n, p, w: cycle(s, n, p, 1 - w)),
    ("the fall measured from 0: (steps - step) / steps",
     _rate(lambda s, top, n: s / top if s <= top else (n - s) / n)),
    ("a top rounded down to a whole step",
     lambda s, n, p, w: float(np.interp(s, [0, int(w * n + 1e-9), n], [0, p, 0]))),
    ("warm not used: the top after half of all steps", lambda s, n, p, w: cycle(s, n, p, 0.5)),
    ("warm not used: the top after a tenth of all steps", lambda s, n, p, w: cycle(s, n, p, 0.1)),
    ("the product of both ramps", _rate(lambda s, top, n: _up(s, top, n) * _down(s, top, n) ** 2)),
    ("a share of the peak, not multiplied by it", lambda s, n, p, w: cycle(s, n, 1.0, w)),
    ("ramps in the shape of a cosine",
     _rate(lambda s, top, n: (1 - math.cos(math.pi * min(_up(s, top, n), _down(s, top, n)))) / 2)),
    ("a step too late", lambda s, n, p, w: cycle(s + 1, n, p, w)),
    ("the end one step early", lambda s, n, p, w: float(np.interp(s, [0, w * n, n - 1], [0, p, 0]))),
    ("whole numbers: // in place of /",
     lambda s, n, p, w: p * (s // (w * n) if s < w * n else (n - s) // (n - w * n))),
    ("a jump: 0 on the way up", _rate(lambda s, top, n: 0.0 if s < top else _down(s, top, n))),
    ("warm taken for a number of steps", lambda s, n, p, w: p * s / w if s <= w else p * (n - s) / (n - w)),
)  # fmt: skip


def _stop(
    better: Callable[[float, float], bool] = lambda v, best: v < best, *, extra: int = 0, reset: bool = True,
    before: bool = False,
) -> Bend:  # fmt: skip
    """Walk over the epochs, with one thing bent."""

    def fn(losses: Tensor, patience: int) -> tuple[int, int]:
        best, at, waited = float(losses[0]), 0, 0
        for epoch, (last, value) in enumerate(itertools.pairwise(losses.tolist()), start=1):
            if better(value, last if before else best):
                best, at, waited = value, epoch, 0 if reset else waited
            else:
                waited += 1
            if waited >= patience + extra:
                return at, epoch
        return at, len(losses) - 1

    return fn


stop = library.early_stop
EARLY_STOP = named(
    ("the lowest of all epochs: it never stops", lambda v, k: (int(v.argmin()), len(v) - 1)),
    ("the lowest of all epochs, also those after the stop", lambda v, k: (int(v.argmin()), stop(v, k)[1])),
    ("a patience that is one epoch too long", _stop(extra=1)),
    ("a patience that is one epoch too short", _stop(extra=-1)),
    ("a wait that does not begin anew after a better epoch", _stop(reset=False)),
    ("a loss compared with the epoch before, not with the best one", _stop(before=True)),
    ("an equally low loss taken for a better one", _stop(lambda v, best: v <= best)),
    ("the highest loss in place of the lowest", _stop(lambda v, best: v > best)),
    ("the last epoch in place of the best", lambda v, k: (stop(v, k)[1],) * 2),
    ("the best epoch in place of the last", lambda v, k: (stop(v, k)[0],) * 2),
    ("epochs counted from 1", lambda v, k: tuple(i + 1 for i in stop(v, k))),
    ("a last epoch that was not trained any more", lambda v, k: (stop(v, k)[0], stop(v, k)[1] + 1)),
    ("last and best in the wrong order", lambda v, k: stop(v, k)[::-1]),
)  # fmt: skip
