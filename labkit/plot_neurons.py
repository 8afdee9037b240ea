"""Figures of neurons that learn; what three layers are in one; a backward of one's own."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from labkit import activations
from labkit.plot import BLUE, GREY, ORANGE, WIDTH, ask, blank, describe, label

Function = Callable[..., Any]


def gates(perceptron: Function, *, epochs: int = 12) -> Figure:
    """Draw what the student's perceptron learns of AND, OR and XOR: its line, and its mistakes by epoch."""
    names = ("AND", "OR", "XOR")
    fig = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    axes = fig.subplots(2, 3, height_ratios=(1.7, 1))
    said = []
    for column, name in enumerate(names):
        x, t = activations.gate(name)
        answers = [
            ask("perceptron", lambda *a, k=k: perceptron(*a)[k], x, t, epochs, ndim=None) for k in range(3)
        ]
        top, below = axes[0, column], axes[1, column]
        _corners(top, name, x, t)
        w, b, mistakes = (a.values for a in answers)
        if w is None or b is None or mistakes is None or w.shape != (2,) or b.size != 1 or mistakes.ndim != 1:
            note = next(
                (a.note for a in answers if a.note),
                "perceptron returned other shapes than (2,), (), (epochs,)",
            )
            blank(below, note)
            said.append(f"{name}: {note}")
            continue
        right = _sides(top, w, float(b.reshape(-1)[0]), x, t)
        below.bar(range(1, len(mistakes) + 1), np.nan_to_num(mistakes), color=BLUE, width=0.7)
        below.set(ylim=(0, 4.3), xlabel="epoch", xticks=range(1, epochs + 1, max(1, epochs // 4)))
        below.set_title("mistakes", fontsize=9, pad=2)
        below.tick_params(labelsize=8)
        below.spines[["top", "right"]].set_visible(False)
        last = int(np.nan_to_num(mistakes[-1]))
        said.append(f"{name}: {right} of 4 corners right, {last} mistakes in the last epoch")
    _legend(fig, axes[0, 0])
    return describe(fig, f"A perceptron on three gates. {'; '.join(said)}.")


def _legend(fig: Figure, ax: Axes) -> None:
    """Put the two markers above the panels."""
    fig.legend(
        *ax.get_legend_handles_labels(), loc="outside upper center", ncol=2, fontsize=8.5, frameon=False
    )


def _corners(ax: Axes, name: str, x: Tensor, t: Tensor) -> None:
    ax.set_title(name, fontsize=10)
    ax.set(xlim=(-0.45, 1.45), ylim=(-0.45, 1.45), xticks=[0, 1], yticks=[0, 1], aspect="equal")
    ax.tick_params(labelsize=8)
    for value, marker, color in ((0, "o", ORANGE), (1, "^", BLUE)):
        here = x[t == value].numpy()
        ax.scatter(here[:, 0], here[:, 1], marker=marker, s=90, color=color, edgecolor="black", zorder=3,
                   label=f"target {value}")  # fmt: skip


def _sides(ax: Axes, w: NDArray[np.float64], b: float, x: Tensor, t: Tensor) -> int:
    """Shade and hatch the side where the neuron fires, and count the corners on the right side."""
    grid = np.linspace(-0.45, 1.45, 80)
    u = np.nan_to_num(w[0] * grid[None, :] + w[1] * grid[:, None] + b)
    if u.min() < 0 <= u.max():
        ax.contourf(grid, grid, u, levels=[0, u.max() + 1], colors=["#CFE5F5"], hatches=["///"], zorder=0)
        ax.contour(grid, grid, u, levels=[0], colors=["black"], linewidths=1.5)
    elif u.min() >= 0:
        ax.set_facecolor("#CFE5F5")
    fires = np.nan_to_num(x.numpy() @ w + b) >= 0
    ax.set_xlabel("hatched: fires", fontsize=8, color=GREY)
    return int((fires == (t.numpy() > 0.5)).sum())


def learned(train_step: Function, *, steps: int = 400, rate: float = 0.2) -> Figure:
    """Draw what a two-layer perceptron learns of XOR by the student's steps: its answers, and its loss."""
    x, t = activations.gate("XOR")
    g = torch.Generator().manual_seed(3)
    now = [torch.randn(8, 2, generator=g), torch.randn(8, generator=g) * 0.1]
    now += [torch.randn(1, 8, generator=g) * 0.5, torch.zeros(1)]
    fig = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    left, right = fig.subplots(1, 2, width_ratios=(1, 1.3))
    losses, note = [], ""
    for _ in range(steps):
        losses.append(float(F.mse_loss(_answers(x, now), t[:, None]) / 2))
        note, now = _stepped(train_step, x, t[:, None], now, rate)
        if note:
            break
    if note:
        for ax in (left, right):
            blank(ax, note)
        return describe(fig, f"No learning: {note}.")
    _corners(left, "XOR", x, t)
    grid = torch.linspace(-0.45, 1.45, 80)
    across, up = torch.meshgrid(grid, grid, indexing="xy")
    y = _answers(torch.stack([across.ravel(), up.ravel()], 1), now).nan_to_num(0).reshape(80, 80).numpy()
    if y.min() < 0.5 < y.max():
        left.contourf(grid, grid, y, levels=[0.5, y.max() + 1], colors=["#CFE5F5"], hatches=["///"], zorder=0)
        left.contour(grid, grid, y, levels=[0.5], colors=["black"], linewidths=1.5)
    left.set_xlabel("hatched: y above one half", fontsize=8, color=GREY)
    right.plot(np.clip(np.nan_to_num(losses, nan=9.0, posinf=9.0), 0, 9), "-", color=BLUE, lw=2)
    right.set_title("loss, by your train_step", fontsize=10, loc="left")
    right.set_xlabel("step", fontsize=9)
    right.tick_params(labelsize=8.5)
    right.spines[["top", "right"]].set_visible(False)
    _legend(fig, left)
    said = ", ".join(label(float(v)) for v in _answers(x, now)[:, 0].nan_to_num(0))
    return describe(
        fig,
        f"A two-layer perceptron after {steps} of your steps: for the corners of XOR it answers {said}; the "
        f"loss goes from {losses[0]:.2f} to {losses[-1]:.2g}.",
    )


def _answers(x: Tensor, now: list[Tensor]) -> Tensor:
    w1, b1, w2, b2 = now
    return F.linear(F.linear(x, w1, b1).relu(), w2, b2)


def _stepped(
    train_step: Function, x: Tensor, t: Tensor, now: list[Tensor], rate: float
) -> tuple[str, list[Tensor]]:
    """Take one of the student's steps; gives a note, or the new values."""
    try:
        found = train_step(x, t, *(v.clone() for v in now), rate)
        new = [torch.as_tensor(v).detach().float() for v in found]
        fits = [v.shape for v in new] == [v.shape for v in now]
    except NotImplementedError:
        return "train_step is not written yet", now
    except Exception as error:
        text = " ".join(str(error).split())
        return textwrap.shorten(f"train_step stopped: {type(error).__name__}: {text}", 90), now
    return ("" if fits else "train_step returned other shapes than w1, b1, w2, b2"), new


def collapsed(collapse: Function) -> None:
    """Print that three linear layers and the student's one give the same answers."""
    layers = activations.three_layers()
    w1, b1, w2, b2, w3, b3 = layers
    answers = [ask("collapse", lambda *a, k=k: collapse(*a)[k], *layers, ndim=None) for k in (0, 1)]
    w, b = (a.values for a in answers)
    if w is None or b is None or w.shape != (3, 4) or b.shape != (3,):
        print("No comparison:", next((a.note for a in answers if a.note), "w or b has another shape") + ".")
        return
    x = torch.randn(100, 4, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    three = F.linear(F.linear(F.linear(x, w1, b1), w2, b2), w3, b3)
    gap = float((F.linear(x, torch.from_numpy(w), torch.from_numpy(b)) - three).abs().max())
    count = sum(v.numel() for v in layers)
    print(f"three layers, 4 > 6 > 5 > 3: {count} numbers; your one layer, 4 > 3: {w.size + b.size} numbers")
    print(f"largest difference of their answers for 100 inputs: {gap:.1e}")


def check_backward(my_relu: Function, pass_through: Function) -> None:
    """Print what gradcheck, which knows only differences, says of the student's two functions."""
    x = torch.tensor([-2.5, -0.7, -0.2, 0.3, 0.9, 1.8], dtype=torch.float64)
    for name, f in (("my_relu", my_relu), ("pass_through", pass_through)):
        try:
            y = f(x.clone().requires_grad_())
            if not isinstance(y, Tensor) or y.shape != x.shape or not y.requires_grad:
                print(f"{name}: the result has no gradient")
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.autograd.gradcheck(f, (x.clone().requires_grad_(),))
            print(f"{name}: gradcheck agrees")
        except NotImplementedError:
            print(f"{name}: not written yet")
        except Exception as error:
            text = " ".join(str(error).split(",")[0].split())  # before its tables of numbers
            print(f"{name}: gradcheck does not agree ({textwrap.shorten(text, 70)})")
