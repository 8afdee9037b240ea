"""Figures of Lab 6 about results: who is taken for whom, the worst mistakes, how true probabilities are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from labkit.datasets import Images
from labkit.plot import BLUE, GREY, ORANGE, WIDTH, ask, describe, note_figure

Function = Callable[..., Any]


def confusion_matrix(
    confusion: Function, worst_pairs: Function, truth: Tensor, predicted: Tensor, classes: tuple[str, ...]
) -> Figure:
    """Draw the student's confusion matrix as shares of each row, and outline the worst pairs."""
    count = len(classes)
    answer = ask("confusion", confusion, truth, predicted, count)
    matrix = answer.values
    if matrix is None or matrix.shape != (count, count):
        return note_figure(answer.note or f"confusion should return {count} rows and columns")
    matrix = np.nan_to_num(matrix)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    pairs = ask("worst_pairs", worst_pairs, torch.from_numpy(matrix).long(), 5)
    fig = Figure(figsize=(WIDTH, 5.2), layout="constrained")
    ax = fig.subplots()
    off = shares * (1 - np.eye(count))
    ax.imshow(off, cmap="Blues", vmin=0, vmax=max(0.05, float(off.max()) * 1.15))
    for row in range(count):
        for column in range(count):
            strong = "bold" if row == column else "normal"
            dark = off[row, column] > 0.7 * max(0.05, float(off.max()))
            ax.text(column, row, f"{matrix[row, column]:.0f}", ha="center", va="center", fontsize=8.5,
                    fontweight=strong, color="white" if dark else "black")  # fmt: skip
    said = [pairs.note] if pairs.note else []
    rows = pairs.values if pairs.values is not None and pairs.values.shape[1] == 3 else np.zeros((0, 3))
    for rank, (t, p, n) in enumerate(rows.astype(int).tolist(), start=1):
        if not (0 <= t < count and 0 <= p < count):
            continue
        ax.add_patch(_frame(p, t))
        dark = off[t, p] > 0.7 * max(0.05, float(off.max()))
        ax.text(p - 0.37, t - 0.19, f"{rank}.", fontsize=7, color="white" if dark else "black")
        said.append(f"{rank}. {n} times {classes[t]} taken for {classes[p]}")
    ax.set_xticks(range(count), list(classes), rotation=40, ha="right", fontsize=8.5)
    ax.set_yticks(range(count), list(classes), fontsize=8.5)
    ax.set(xlabel="predicted", ylabel="truth")
    right = 100 * np.trace(matrix) / max(1, matrix.sum())
    return describe(fig, f"Confusion matrix, {right:.1f} % right. Worst pairs: {'; '.join(said)}.")


def _frame(column: int, row: int) -> Any:
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    frame = Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, fill=False, edgecolor=ORANGE, linewidth=2)
    frame.set_path_effects([Stroke(linewidth=3.6, foreground="black"), Normal()])  # seen in grey print, too
    return frame


def worst(data: Images, p: Tensor, *, columns: int = 6, rows: int = 2) -> Figure:
    """Draw the test pictures that the network was most sure of, and wrong."""
    sure, answer = p.max(1)
    wrong = torch.nonzero(answer != data.test_labels)[:, 0]
    order = wrong[sure[wrong].argsort(descending=True)][: columns * rows]
    fig = Figure(figsize=(WIDTH, 1.55 * rows), layout="constrained")
    axes = fig.subplots(rows, columns)
    said = []
    for ax in axes.flat:
        ax.axis("off")
    for ax, at in zip(axes.flat, order.tolist(), strict=False):
        ax.imshow(data.test_images[at].permute(1, 2, 0).numpy(), interpolation="nearest")
        truth, told = data.classes[int(data.test_labels[at])], data.classes[int(answer[at])]
        ax.set_title(f"{told} {100 * float(sure[at]):.0f} %\n(is: {truth})", fontsize=8)
        said.append(f"a picture of {truth} taken for {told}")
    return describe(fig, f"The {len(said)} mistakes that the network was most sure of: {'; '.join(said)}.")


def reliability(calibration: Function, p: Tensor, labels: Tensor, *, bins: int = 10) -> Figure:
    """Draw the student's accuracy against confidence, bin by bin, and how many pictures each bin has."""
    p = p.double()
    parts = [
        ask("calibration", lambda *a, k=k: calibration(*a)[k], p, labels, bins, ndim=1 if k < 3 else 0)
        for k in range(4)
    ]
    note = next((part.note for part in parts if part.note), "")
    if note:
        return note_figure(note)
    confidence, accuracy, count, gap = (
        np.nan_to_num(part.values) for part in parts if part.values is not None
    )
    if not len(confidence) == len(accuracy) == len(count) == bins:
        return note_figure(f"calibration should return {bins} numbers in each of its first three parts")
    fig = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    left, right = fig.subplots(1, 2, width_ratios=(1.2, 1))
    edges = np.arange(bins) / bins
    full = count > 0
    left.bar(
        edges[full],
        accuracy[full],
        width=1 / bins,
        align="edge",
        color=BLUE,
        edgecolor="white",
        label="accuracy",
    )
    left.plot(confidence[full], confidence[full], "o", color=ORANGE, markersize=5, label="confidence")
    left.plot([0, 1], [0, 1], ls=":", color=GREY, lw=1.2)
    left.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="share of right answers")
    left.legend(fontsize=8.5, frameon=False, loc="upper left")
    right.bar(edges, count, width=1 / bins, align="edge", color=GREY, edgecolor="white")
    right.set(xlim=(0, 1), xlabel="confidence", ylabel="pictures")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    left.set_title(f"gap {100 * float(gap):.1f} points", fontsize=10)
    rows = [
        f"{100 * c:.0f} % sure, {100 * a:.0f} % right"
        for c, a, n in zip(confidence, accuracy, count, strict=True)
        if n
    ]
    return describe(fig, f"Calibration in {bins} bins, gap {100 * float(gap):.1f} points: {'; '.join(rows)}.")
