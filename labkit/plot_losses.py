"""Figures and tables of the last layer: softmax with temperature, losses, the gradient p - y."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from labkit import activations
from labkit.plot import BLUE, GREEN, GREY, ORANGE, RED, WIDTH, ask, blank, describe, label
from labkit.plot_depth import lines

Function = Callable[..., Any]


def temperatures(softmax: Function, entropy: Function, z: Tensor, names: tuple[str, ...]) -> Figure:
    """Draw the student's softmax of one row of scores (C,) at three temperatures, with its entropy."""
    fig = Figure(figsize=(WIDTH, 2.1), layout="constrained")
    axes = fig.subplots(1, 3, sharey=True)
    said = []
    for ax, t in zip(axes, (0.3, 1.0, 4.0), strict=True):
        answer = ask("softmax", softmax, z[None], t)
        values = answer.values
        if values is None or values.shape != (1, len(z)):
            note = answer.note or "softmax returned another shape than z"
            blank(ax, note)
            said.append(note)
            continue
        h = ask("entropy", entropy, torch.from_numpy(values), ndim=1)
        told = f"entropy {label(float(h.values[0]))}" if h.values is not None else h.note
        bars = ax.bar(names, np.nan_to_num(values[0]), color=BLUE, width=0.65)
        ax.bar_label(bars, [label(float(v)) for v in values[0]], fontsize=8, padding=1)
        lines(ax, f"T = {t:g}", "")
        ax.set(ylim=(0, 1.18))
        ax.set_xlabel(told, fontsize=8.5, wrap=True)
        said.append(f"T = {t:g}: {', '.join(label(float(v)) for v in values[0])}, {told}")
    return describe(fig, f"Probabilities of {', '.join(names)}. {'; '.join(said)}.")


def punished(scores: Function) -> Figure:
    """Draw the student's cross-entropy and squared error of one photo by the p of its true class."""
    fig = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    ax = fig.subplots()
    grid = np.concatenate([np.geomspace(0.001, 0.1, 20), np.linspace(0.12, 0.999, 45)])
    truth = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    found: list[list[float]] = []
    for p in grid:
        row = torch.tensor([[p, 1 - p]], dtype=torch.float64)
        parts = [ask("scores", lambda *a, k=k: scores(*a)[k], row, truth, ndim=0) for k in (1, 2)]
        if any(a.values is None for a in parts):
            note = next(a.note for a in parts if a.note)
            blank(ax, note)
            return describe(fig, f"No curves: {note}.")
        found.append([float(a.values) for a in parts if a.values is not None])
    values = np.nan_to_num(np.array(found))
    ax.plot(grid, values[:, 0], "-", color=RED, lw=2, label="cross-entropy")
    ax.plot(grid, values[:, 1], "--", color=BLUE, lw=2, label="squared error, both outputs")
    lines(ax, "loss of one photo (your scores)", "probability that the network gives to the true class")
    ax.legend(fontsize=9, frameon=False)
    near = ", ".join(
        f"{name} {label(float(v))}"
        for name, v in zip(("cross-entropy", "squared error"), values[0], strict=True)
    )
    return describe(
        fig, f"Loss against the probability of the true class. At 0.001: {near}; both fall to 0 at 1."
    )


def table(scores: Function) -> None:
    """Print the two networks' answers for three photos and the student's three scores of each."""
    first, second, truth = activations.dogs_and_cats()
    kinds = ("dog", "cat")
    print("photo      network 1          network 2")
    for row, target in enumerate(truth.argmax(1).tolist()):
        said = [f"dog {t.p[row, 0]:.1f}  cat {t.p[row, 1]:.1f}" for t in (first, second)]
        marks = ["right" if int(t.p[row].argmax()) == target else "wrong" for t in (first, second)]
        print(f"{row + 1}: {kinds[target]}     {said[0]} {marks[0]}   {said[1]} {marks[1]}")
    names = ("error", "cross-entropy", "squared error")
    print()
    for k, name in enumerate(names):
        answers = [ask("scores", lambda *a, k=k: scores(*a)[k], t.p, truth, ndim=0) for t in (first, second)]
        note = next((a.note for a in answers if a.note), "")
        if note:
            print(f"(no scores: {note})")
            return
        values = [float(a.values) for a in answers if a.values is not None]
        print(f"{name:<15}" + "".join(f"{v:>10.3f}{'':9}" for v in values).rstrip())


def pull(cross_entropy_grad: Function) -> Figure:
    """Draw how the student's gradient pulls at the scores of three photos, and what softmax says of them."""
    z = torch.tensor([[2.0, 0.5, -1.0], [2.0, 0.5, -1.0], [0.2, 0.1, 0.0]], dtype=torch.float64)
    labels = torch.tensor([0, 2, 1])
    answer = ask("cross_entropy_grad", cross_entropy_grad, z, labels)
    fig = Figure(figsize=(WIDTH, 2.2), layout="constrained")
    axes = fig.subplots(1, 3, sharey=True)
    values = answer.values
    if values is None or values.shape != (3, 3):
        note = answer.note or "cross_entropy_grad returned another shape than z"
        for ax in axes:
            blank(ax, note)
        return describe(fig, f"No gradients: {note}.")
    said = []
    p = torch.softmax(z, 1)
    for row, ax in enumerate(axes):
        moved = -np.nan_to_num(values[row]) * len(z)
        where = np.arange(3)
        ax.bar(where - 0.2, p[row].numpy(), 0.36, color=GREY, label="p")
        colors = [GREEN if v > 0 else ORANGE for v in moved]
        bars = ax.bar(
            where + 0.2,
            moved,
            0.36,
            color=colors,
            hatch="//",
            edgecolor="black",
            lw=0.6,
            label="−N · gradient",
        )
        ax.bar_label(bars, [label(float(v)) for v in moved], fontsize=8, padding=1)
        ax.axhline(0, color="black", lw=0.8)
        names = [f"{k}\n(true)" if k == int(labels[row]) else str(k) for k in range(3)]
        ax.set_xticks(where, names, fontsize=8.5)
        lines(ax, f"photo {row + 1}", "class")
        ax.set(ylim=(-1.15, 1.3))
        said.append(f"photo {row + 1}: {', '.join(label(float(v)) for v in moved)}")
    axes[0].legend(fontsize=8, frameon=False, loc="lower left")
    return describe(fig, f"How far each score is pushed (minus N times the gradient). {'; '.join(said)}.")
