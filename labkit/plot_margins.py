"""Figures of margins between classes: by stage, by preprocessing, under occlusion; batch norms' mode."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from labkit import comparing, looking
from labkit.comparing import Gallery
from labkit.plot import BLUE, GREY, ORANGE, RED, WIDTH, ask, describe, note_figure
from labkit.pretrained import Pretrained

Function = Callable[..., Any]


def bars(margin: Function, found: Gallery, features: Mapping[str, Tensor], *, what: str) -> Figure:
    """Draw the student's mean similarities within and across classes, for each set of features."""
    fig = Figure(figsize=(WIDTH, 0.5 * len(features) + 0.75))
    widest = max(len(name) for name in features)
    left = 0.08 + 0.0105 * widest
    ax = fig.add_axes((left, 0.03, 0.8 - left, 1 - 0.62 / (0.5 * len(features) + 0.75)))
    said = []
    for row, (name, x) in enumerate(features.items()):
        similarity = comparing.cosines(x.double(), x.double())
        answer = ask("margin", lambda *a: [float(v) for v in margin(*a)], similarity, found.labels, ndim=1)
        if answer.values is None or answer.values.shape != (2,):
            return note_figure(answer.note or "margin did not return two numbers")
        same, other = np.nan_to_num(answer.values)
        ax.barh(row - 0.19, same, height=0.34, color=BLUE, edgecolor="white")
        ax.barh(row + 0.19, other, height=0.34, color=ORANGE, hatch="///", edgecolor="white")
        ax.text(max(same, 0), row - 0.19, f" {same:.2f}", va="center", fontsize=8.5)
        ax.text(max(other, 0), row + 0.19, f" {other:.2f}", va="center", fontsize=8.5)
        ax.text(1.16, row, f"margin {same - other:+.2f}".replace("-", "−"), va="center", fontsize=9)
        said.append(f"{name}: {same:.2f} within, {other:.2f} across")
    ax.set(yticks=range(len(features)), xlim=(min(0.0, ax.get_xlim()[0]), 1.12), xticks=[])
    ax.set_yticklabels(list(features), fontsize=9)
    ax.invert_yaxis()
    ax.spines[["top", "right", "bottom"]].set_visible(False)
    fig.text(
        left,
        0.99,
        f"mean cosine {what}, by your margin\nplain: within a class   hatched: across classes",
        fontsize=9.5,
        va="top",
    )
    return describe(fig, f"Mean cosine similarities {what}. {'; '.join(said)}.")


def ablation(found: Pretrained, photos: Gallery, kept: Tensor) -> tuple[Gallery, dict[str, Tensor]]:
    """Return a part of a gallery, and its last features under each way to prepare the photos."""
    part = Gallery(
        tuple(photos.photos[i] for i in kept.tolist()),
        photos.labels[kept],
        tuple(photos.changes[i] for i in kept.tolist()),
        photos.classes,
    )
    ways = {}
    for name, prepare in comparing.miscared(found).items():
        batch = torch.cat([prepare(photo) for photo in part.photos])
        ways[name] = comparing.features(None, found.net, batch)[looking.STAGES[-1]]
    return part, ways


def occlusion(
    cosine_matrix: Function, found: Pretrained, photos: Mapping[str, Tensor], *, steps: int = 6
) -> Figure:
    """Draw how similar covered photos stay to themselves, by the student's function, and to each other."""
    shares = [round(0.9 * step / (steps - 1), 2) for step in range(steps)]
    whole = _last(found, list(photos.values()))
    fig = Figure(figsize=(WIDTH, 2.7))
    ax = fig.add_axes((0.09, 0.18, 0.6, 0.78))
    said = []
    for place, (name, photo) in enumerate(photos.items()):
        covered = _last(found, [comparing.covered(photo, share) for share in shares])
        answer = ask("cosine_matrix", cosine_matrix, covered, whole)
        if answer.values is None or answer.values.shape != (steps, len(photos)):
            return note_figure(answer.note or f"cosine_matrix returned shape {answer.values.shape}")  # type: ignore[union-attr]
        own = answer.values[:, place]
        others = np.delete(answer.values, place, 1).max(1)
        color, mark = ((BLUE, "o"), (ORANGE, "s"), (RED, "^"), (GREY, "D"))[place % 4]
        ax.plot(shares, own, color=color, marker=mark, markersize=5, label=f"{name}, to itself")
        ax.plot(
            shares, others, color=color, marker=mark, markersize=4, linestyle=":", label=f"{name}, to another"
        )
        said.append(f"{name} falls from {own[0]:.2f} to {own[-1]:.2f}; then others are at {others[-1]:.2f}")
    ax.set_xlabel("share of the photo that is covered", fontsize=9)
    ax.set_ylabel("cosine similarity", fontsize=9)
    ax.tick_params(labelsize=8.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return describe(fig, f"Similarity under growing occlusion. {'. '.join(said)}.")


def _last(found: Pretrained, photos: Sequence[Tensor]) -> Tensor:
    batch = torch.cat([found.preprocess(photo) for photo in photos])
    return comparing.features(None, found.net, batch)[looking.STAGES[-1]]


class Body(nn.Module):
    """A network without its last layer: from a batch to the features of the last stage."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.parts = nn.Sequential(
            *(part for name, part in net.named_children() if name not in ("flatten", "fc"))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the features (N, C)."""
        y: Tensor = self.parts(x)
        return y.flatten(1)


def company(features_of: Function, found: Pretrained, photo: Tensor, others: Mapping[str, Tensor]) -> None:
    """Print how similar a photo's features stay when other photos share its batch, in two modes."""
    body = Body(found.net)
    x = found.preprocess(photo)
    with torch.inference_mode():
        alone = body.eval()(x)
    wild, tame = (copy.deepcopy(body).train() for _ in range(2))
    print(f"{'the photo in a batch with':<28}{'in training mode':>18}{'by your features_of':>22}")
    for name, other in others.items():
        batch = torch.cat([x, *([found.preprocess(other)] * 2)])
        with torch.inference_mode():
            trained = float(comparing.cosines(wild(batch)[:1], alone))
        answer = ask("features_of", features_of, tame, batch)
        mine = "-"
        if answer.values is not None and answer.values.shape == (len(batch), alone.shape[1]):
            mine = f"{float(comparing.cosines(torch.from_numpy(answer.values[:1]).float(), alone)):.4f}"
        print(f"{name:<28}{trained:>18.4f}{mine:>22}")
        if answer.note:
            print(f"(no numbers: {answer.note})")
            return
