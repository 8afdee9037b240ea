"""What the libraries say about pictures, training and results: the answers of Lab 6's checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Map = Callable[..., Any]


def channel_stats(images: Tensor) -> tuple[Tensor, Tensor]:
    """`torch.std_mean` over pictures, rows and columns, on a scale from 0 to 1."""
    std, mean = torch.std_mean(images.double() / 255, (0, 2, 3), correction=0)
    return mean, std


def normalise(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """`F.batch_norm` with the given mean and variance, without its eps."""
    return F.batch_norm(images.to(mean.dtype) / 255, mean, std**2, training=False, eps=0.0)


def stratified_split(labels: Tensor, order: Tensor, per_class: int) -> tuple[Tensor, Tensor]:
    """Group the order by class with a stable sort, and cut each group."""
    by_class = order[torch.argsort(labels[order], stable=True)]
    groups = torch.split(by_class, torch.bincount(labels).tolist())
    kept = torch.cat([group[:per_class] for group in groups])
    inside = torch.isin(order, kept)
    return order[~inside], order[inside]


def augment(images: Tensor, dy: Tensor, dx: Tensor, flip: Tensor, pad: int) -> Tensor:
    """`F.pad`, a view of every place by `unfold`, one place a picture, and `torch.flip`."""
    height, width = images.shape[2:]
    views = F.pad(images, (pad,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    cut = views[torch.arange(len(images)), :, dy, dx]
    return torch.where(flip[:, None, None, None], torch.flip(cut, (3,)), cut)


def fit(step: Map, images: Tensor, labels: Tensor, orders: Tensor, size: int) -> Tensor:
    """Batches by `torch.split`; the losses weighted by `np.average`."""
    rows = []
    for order in orders:
        batches = torch.split(order, size)
        losses = [float(step(images[batch], labels[batch])) for batch in batches]
        rows.append(float(np.average(losses, weights=[len(batch) for batch in batches])))
    return torch.tensor(rows, dtype=torch.float64)


def evaluate(net: Map, images: Tensor, labels: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """`F.cross_entropy` of all scores, gathered batch by batch."""
    scores = torch.cat([torch.as_tensor(net(some)) for some in torch.split(images, size)])
    return F.cross_entropy(scores, labels), (scores.argmax(1) == labels).to(scores.dtype).mean()


def one_cycle(step: int, steps: int, peak: float, warm: float) -> float:
    """`np.interp` between three points."""
    return float(np.interp(step, [0, warm * steps, steps], [0, peak, 0]))


def early_stop(losses: Tensor, patience: int) -> tuple[int, int]:
    """The first epoch that lies `patience` epochs behind the lowest loss so far, by `torch.cummin`."""
    lowest = _first_lowest(losses)
    waited = torch.arange(len(losses)) - lowest
    last = int(torch.cat([torch.nonzero(waited >= patience)[:, 0], torch.tensor([len(losses) - 1])])[0])
    return int(lowest[last]), last


def _first_lowest(losses: Tensor) -> Tensor:
    """For each epoch, the first one at which the lowest loss so far was seen."""
    return torch.stack([torch.argmin(losses[: i + 1]) for i in range(len(losses))])


def confusion(truth: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """`torch.bincount` of both labels as one number."""
    return torch.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)


def worst_pairs(matrix: Tensor, k: int) -> Tensor:
    """`torch.topk` of everything off the diagonal."""
    off = matrix.clone().fill_diagonal_(0)
    counts, places = off.flatten().topk(k)
    return torch.stack([places // len(matrix), places % len(matrix), counts], 1)


def recall(matrix: Tensor) -> Tensor:
    """The diagonal over the sums of rows; 0 where there is nothing to find (`torch.nan_to_num`)."""
    return torch.nan_to_num(matrix.double().diagonal() / matrix.double().sum(1))


def balanced_error(matrix: Tensor) -> float:
    """1 minus the mean (`torch.nanmean`) of the recalls of classes that occur."""
    return 1 - float(torch.nanmean(matrix.double().diagonal() / matrix.double().sum(1)))


def calibration(p: Tensor, labels: Tensor, bins: int) -> tuple[Tensor, ...]:
    """`np.histogram` of the confidence, of the hits among them, and the weighted gap."""
    confidence, answer = p.max(1)
    edges = torch.linspace(0, 1, bins + 1, dtype=p.dtype)
    at = torch.bucketize(confidence, edges[1:-1], right=True)
    hits = (answer == labels).to(p.dtype)
    count = torch.bincount(at, minlength=bins).to(p.dtype)
    conf, acc = (
        torch.bincount(at, weights=v, minlength=bins).to(p.dtype) / count.clamp(min=1)
        for v in (confidence, hits)
    )
    return conf, acc, count, (count / count.sum() * (acc - conf).abs()).sum()
