"""What libraries say about features: the answers that checks compare with; none is a model solution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check.blocks import standard
from labkit.pretrained import Preprocess

Pair = tuple[int, int]


@lru_cache(maxsize=256)
def block_cost(c_in: int, width: int, stride: int, size: Pair) -> tuple[int, int]:
    """Count what torchvision's block holds, and the weights times places of its convolutions."""
    block, work = standard(c_in, width, stride).to("meta"), []
    for layer in block.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(
                lambda layer, args, out: work.append(layer.weight.numel() * out[0, 0].numel())
            )
    block.eval()(torch.empty(1, c_in, *size, device="meta"))
    return sum(p.numel() for p in block.parameters()), sum(work)


def prepare(photo: Tensor, resize: int, crop: int, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """labkit's own preprocessing."""
    return Preprocess(resize, crop, tuple(mean), tuple(std))(photo)


def embed(stages: Sequence[Callable[[Any], Any]], x: Tensor) -> list[Tensor]:
    """Run stages one after another; `F.adaptive_avg_pool2d` of what each gives."""
    found = []
    for stage in stages:
        x = stage(x)
        found.append(F.adaptive_avg_pool2d(x, 1).flatten(1))
    return found


def cosine_matrix(a: Tensor, b: Tensor) -> Tensor:
    """`F.cosine_similarity` of all pairs."""
    return F.cosine_similarity(a[:, None], b[None], dim=2, eps=1e-300)


def neighbours(similarity: Tensor, k: int) -> Tensor:
    """`topk` of each row, its own place out of the way."""
    own = torch.eye(len(similarity), dtype=torch.bool)
    return similarity.masked_fill(own, -torch.inf).topk(k).indices.double()


def margin(similarity: Tensor, labels: Tensor) -> tuple[float, float]:
    """Means over pairs of one class, without an image and itself, and over pairs of two."""
    rows, cols = torch.triu_indices(len(labels), len(labels), 1)
    pairs = (similarity[rows, cols] + similarity[cols, rows]) / 2
    same = labels[rows] == labels[cols]
    return float(pairs[same].mean()), float(pairs[~same].mean())


def probe(features: Tensor, labels: Tensor, classes: int, l2: float) -> Tensor:
    """`torch.linalg.lstsq` with rows added that pull the weights, but not the biases, to 0."""
    n, d = features.shape
    rows = torch.cat([features, features.new_ones(n, 1)], 1)
    pull = torch.cat([torch.eye(d, dtype=features.dtype) * l2**0.5, features.new_zeros(d, 1)], 1)
    targets = torch.cat([F.one_hot(labels, classes).to(features.dtype), features.new_zeros(d, classes)])
    solved: Tensor = torch.linalg.lstsq(torch.cat([rows, pull]), targets).solution
    return solved


def pca(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Eigenvectors of the covariance (`torch.linalg.eigh`); each score of largest size is positive."""
    centred = x - x.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(x.T))
    scores = centred @ vectors.flip(1)[:, :k]
    largest = scores.gather(0, scores.abs().argmax(0, keepdim=True))
    return scores * largest.sign(), values.flip(0)[:k] / values.sum()


def linear_cka(x: Tensor, y: Tensor) -> float:
    """The cosine between two centred matrices of inner products."""
    n = len(x)
    centre = torch.eye(n, dtype=x.dtype) - 1 / n
    a, b = (centre @ (m @ m.T) @ centre for m in (x, y))
    return float(F.cosine_similarity(a.flatten(), b.flatten(), dim=0, eps=1e-300))
