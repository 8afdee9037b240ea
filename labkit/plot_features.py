"""Figures of similarities: the matrix with thumbnails, nearest neighbours, principal components, CKA."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Rectangle
from torch import Tensor

from labkit import comparing, scenes
from labkit.comparing import Gallery
from labkit.plot import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, WIDTH, Answer, ask, describe, note_figure

Function = Callable[..., Any]
_MARKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (RED, "D"), (PURPLE, "v"), (GREY, "P"))


def _thumb(ax: Axes, photo: Tensor, side: int = 48) -> None:
    ax.imshow(scenes.resized(photo, side, side).permute(1, 2, 0).numpy())
    ax.set(xticks=[], yticks=[])


def _strip(photos: Sequence[Tensor], cell: int = 40, side: int = 56) -> np.ndarray[Any, Any]:
    """Put thumbnails above the columns of a matrix, in two rows so that each can be larger than a cell."""
    canvas = np.ones((2 * side + 6, cell * len(photos), 3))
    for place, photo in enumerate(photos):
        low = side + 4 if place % 2 == 0 else 0
        left = min(max(0, place * cell + (cell - side) // 2), canvas.shape[1] - side)
        small = scenes.resized(photo, side, side).permute(1, 2, 0).numpy()
        canvas[low : low + side, left : left + side] = small
    return canvas


def matrix(cosine_matrix: Function, found: Gallery, features: Tensor, *, title: str = "") -> Figure:
    """Draw the student's similarities of all photos of a gallery, with thumbnails along two sides."""
    count = len(found.photos)
    answer = ask("cosine_matrix", cosine_matrix, features, features)
    if answer.values is None or answer.values.shape != (count, count):
        return note_figure(answer.note or f"cosine_matrix returned shape {answer.values.shape}")  # type: ignore[union-attr]
    side = 6.2
    edge = 0.62
    fig = Figure(figsize=(WIDTH, side + 0.35))
    total = side + 0.35
    box = ((edge + 0.04) / WIDTH, 0.02, (side - edge) / WIDTH, (side - edge) / total)
    ax = fig.add_axes(box)
    shown = ax.imshow(answer.values, cmap="viridis", vmin=min(0.0, float(np.nanmin(answer.values))), vmax=1)
    ax.set(xticks=[], yticks=[])
    starts = [0, *np.flatnonzero(np.diff(found.labels.numpy())) + 1, count]
    for low, high in pairwise(starts):
        ax.add_patch(
            Rectangle((low - 0.5, low - 0.5), high - low, high - low, fill=False, edgecolor="white", lw=2)
        )
        ax.add_patch(
            Rectangle(
                (low - 0.5, low - 0.5), high - low, high - low, fill=False, edgecolor=RED, lw=1.6, ls="--"
            )
        )
    strip = _strip(found.photos)
    top = fig.add_axes((box[0], (side - edge + 0.18) / total, box[2], edge / total))
    rows = fig.add_axes((0, 0.02, edge / WIDTH, box[3]))
    for axes, picture in ((top, strip), (rows, strip.transpose(1, 0, 2))):
        axes.imshow(picture, aspect="auto")
        axes.axis("off")
    bar = fig.add_axes(((side + 0.15) / WIDTH, 0.2, 0.16 / WIDTH, 0.5))
    fig.colorbar(shown, cax=bar).ax.tick_params(labelsize=8)
    told = "cosine\nsimilarity" + (f",\n{title}" if title else "")
    fig.text((side + 0.08) / WIDTH, 0.72, told, va="bottom", fontsize=8.5)
    same, other = _means(answer.values, found.labels)
    alt = f"Cosine similarities of {count} photos. Within a class (dashed squares) "
    return describe(fig, f"{alt}the mean is {same:.2f}, across classes {other:.2f}.")


def _means(values: np.ndarray[Any, Any], labels: Tensor) -> tuple[float, float]:
    kinds = labels.numpy()
    same = kinds[:, None] == kinds[None]
    return float(values[same & ~np.eye(len(kinds), dtype=bool)].mean()), float(values[~same].mean())


def retrieval(
    neighbours: Function, found: Gallery, features: Tensor, queries: Sequence[int], *, k: int = 6
) -> Figure:
    """Draw photos and their most similar ones by the student's neighbours; ✗ marks another class."""
    similarity = comparing.cosines(features, features)
    answer = ask("neighbours", neighbours, similarity, k)
    if answer.values is None or answer.values.shape != (len(found.photos), k):
        return note_figure(answer.note or f"neighbours returned shape {answer.values.shape}")  # type: ignore[union-attr]
    fig = Figure(figsize=(WIDTH, len(queries) * 1.12 + 0.3))
    axes = fig.subplots(len(queries), k + 1, squeeze=False)
    fig.subplots_adjust(left=0.005, right=0.995, bottom=0.01, top=1 - 0.42 / (len(queries) * 1.12 + 0.3),
                        wspace=0.06, hspace=0.36)  # fmt: skip
    names, said, hits, shown = found.names(), [], 0, 0
    for row, query in zip(axes, queries, strict=True):
        _thumb(row[0], found.photos[query], 96)
        row[0].set_title("this photo", fontsize=8)
        told = []
        for ax, place in zip(row[1:], answer.values[query], strict=True):
            inside = np.isfinite(place) and 0 <= place < len(found.photos)
            if not inside:
                ax.axis("off")
                continue
            other = int(place)
            right = bool(found.labels[other] == found.labels[query])
            hits, shown = hits + right, shown + 1
            _thumb(ax, found.photos[other], 96)
            ax.set_title(f"{'✓' if right else '✗'} {float(similarity[query, other]):.2f}", fontsize=8.5)
            for spine in ax.spines.values():
                spine.set(color=BLUE if right else RED, linewidth=2, linestyle="-" if right else "--")
            told.append(f"{names[other]}{'' if right else ' (another class)'}")
        said.append(f"{names[query]}: {'; '.join(told)}")
    told_above = f"most similar by your neighbours: {hits} of {shown} of the same class"
    fig.text(0.145, 1 - 0.03 / (len(queries) * 1.12 + 0.3), told_above,
             fontsize=9, va="top")  # fmt: skip
    return describe(fig, f"Photos and their {k} nearest neighbours. {'. '.join(said)}.")


def scatter(pca: Function, found: Gallery, features: Mapping[str, Tensor]) -> Figure:
    """Draw the student's first two components of the features of some stages, a mark for each class."""
    fig = Figure(figsize=(WIDTH, WIDTH / len(features) + 0.7))
    axes = fig.subplots(1, len(features), squeeze=False)[0]
    axes[0].set_ylabel("second component", fontsize=8, labelpad=2)
    said = []
    for ax, (name, x) in zip(axes, features.items(), strict=True):
        answer, shares = _components(pca, x)
        if answer.values is None or answer.values.shape != (len(x), 2):
            return note_figure(answer.note or f"pca returned scores of shape {answer.values.shape}")  # type: ignore[union-attr]
        for label, kind in enumerate(found.classes):
            color, mark = _MARKS[label % len(_MARKS)]
            rows = answer.values[(found.labels == label).numpy()]
            ax.scatter(rows[:, 0], rows[:, 1], c=color, marker=mark, s=34, label=kind, edgecolors="white")
        told = ", ".join(f"{100 * share:.0f} %" for share in shares)
        ax.set_title(f"{name}\nshares {told}", fontsize=9)
        ax.tick_params(labelsize=7.5)
        ax.locator_params(nbins=5)
        ax.set_xlabel("first component", fontsize=8)
        ax.spines[["top", "right"]].set_visible(False)
        said.append(f"{name}: two components hold {told}")
    high = float(fig.get_size_inches()[1])
    fig.subplots_adjust(left=0.095, right=0.99, bottom=0.62 / high, top=1 - 0.42 / high, wspace=0.25)
    legend = fig.legend(*axes[0].get_legend_handles_labels(), fontsize=8.5, frameon=False,
                        ncols=len(found.classes), loc="lower center", borderaxespad=0)  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)  # a class is named by a file
    return describe(
        fig, f"Photos of {', '.join(found.classes)} by two principal components. {'; '.join(said)}."
    )


def _components(pca: Function, x: Tensor) -> tuple[Answer, list[float]]:
    shares: list[float] = []

    def scores(rows: Tensor) -> Any:
        first, second = pca(rows, 2)
        shares.extend(float(share) for share in second)
        return first

    return ask("pca", scores, x), shares


def faces(pca: Function, found: Gallery, features: Tensor) -> Figure:
    """Draw the photos themselves at the student's first two components."""
    answer, shares = _components(pca, features)
    if answer.values is None or answer.values.shape != (len(features), 2):
        return note_figure(answer.note or f"pca returned scores of shape {answer.values.shape}")  # type: ignore[union-attr]
    fig = Figure(figsize=(WIDTH, 4.2))
    ax = fig.add_axes((0.085, 0.1, 0.905, 0.88))
    ax.scatter(answer.values[:, 0], answer.values[:, 1], s=1)
    for (x, y), photo, label in zip(answer.values, found.photos, found.labels.tolist(), strict=True):
        small = scenes.resized(photo, 40, 40).permute(1, 2, 0).numpy()
        color = _MARKS[label % len(_MARKS)][0]
        look = {"edgecolor": color, "linewidth": 1.6, "boxstyle": "square,pad=0.08"}
        ax.add_artist(AnnotationBbox(OffsetImage(small, zoom=0.62), (x, y), pad=0.1, bboxprops=look))
    ax.margins(0.08)
    ax.tick_params(labelsize=8)
    told = " and ".join(f"{100 * share:.0f} %" for share in shares)
    first, second = (*shares, 0.0, 0.0)[:2]
    ax.set_xlabel(f"first component by your pca: {100 * first:.0f} % of the spread", fontsize=9)
    ax.set_ylabel(f"second component: {100 * second:.0f} %", fontsize=9)
    return describe(
        fig, f"{len(found.photos)} photos at their first two principal components, which hold {told}."
    )


def agreement(linear_cka: Function, features: Mapping[str, Tensor]) -> Figure:
    """Draw the student's CKA between all stages, as a grid with numbers."""
    names = list(features)
    values = np.zeros((len(names), len(names)))
    for (row, a), (col, b) in (
        (p, q) for p in enumerate(features.values()) for q in enumerate(features.values())
    ):
        answer = ask("linear_cka", linear_cka, a.double(), b.double(), ndim=0)
        if answer.values is None:
            return note_figure(answer.note)
        values[row, col] = float(answer.values)
    fig = Figure(figsize=(WIDTH * 0.62, WIDTH * 0.52))
    ax = fig.add_axes((0.16, 0.09, 0.72, 0.82))
    ax.set_title("similarity of stages, by your linear_cka", fontsize=9.5)
    ax.imshow(np.nan_to_num(values), cmap="cividis", vmin=0, vmax=1)
    for (row, col), value in np.ndenumerate(values):
        ax.text(col, row, f"{value:.2f}", ha="center", va="center", fontsize=9.5,
                color="black" if value > 0.47 else "white")  # fmt: skip
    ax.set(xticks=range(len(names)), yticks=range(len(names)))
    ax.set_xticklabels(names, fontsize=9)
    ax.set_yticklabels(names, fontsize=9)
    said = "; ".join(f"{a} and {b} {values[i, i + 1]:.2f}" for i, (a, b) in enumerate(pairwise(names)))
    return describe(
        fig,
        f"CKA between all stages. Neighbours: {said}; first and last {values[0, -1]:.2f}.",
    )
