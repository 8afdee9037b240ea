"""Figures of deep networks: signals and gradients by layer, dead units, normalised layers, dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from labkit import activations
from labkit.plot import BLUE, GREEN, GREY, ORANGE, RED, WIDTH, ask, blank, describe, label

Function = Callable[..., Any]
_SHARE = LinearSegmentedColormap.from_list("labkit-share", ["#F3F3F3", "#9ECAE1", "#08519C"])
_SIGNED = LinearSegmentedColormap.from_list("labkit-signed", ["#E69F00", "#FFFFFF", "#0072B2"])
_LOOKS = ((RED, "s--"), (ORANGE, "^-."), (BLUE, "o-"), (GREEN, "D:"))


def lines(ax: Axes, title: str, x_label: str) -> None:
    """Give an axes a title on the left, a label below, and no box."""
    ax.set_title(title, fontsize=10, loc="left")
    ax.set_xlabel(x_label, fontsize=9)
    ax.tick_params(labelsize=8.5)
    ax.spines[["top", "right"]].set_visible(False)


def _power(value: float) -> str:
    return label(value) if 0.01 <= abs(value) < 1000 or value == 0 else f"{value:.0e}".replace("-", "−")


def gradients(gradient_norms: Function, *, layers: int = 20) -> Figure:
    """Draw the student's gradient norm of each layer of a deep network, for three activations."""
    fig = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    ax = fig.subplots()
    said = []
    runs = (("sigmoid", "sigmoid", 1.0), ("tanh", "tanh", 1.0), ("ReLU, gain √2", "ReLU", 2**0.5),
            ("ReLU, gain 2", "ReLU", 2.0))  # fmt: skip
    for (name, phi, gain), (color, style) in zip(runs, _LOOKS, strict=True):
        x, weights = activations.deep(layers, gain=gain)
        answer = ask("gradient_norms", gradient_norms, x, weights, activations.PHIS[phi], ndim=1)
        values = answer.values
        if values is None or len(values) != layers:
            note = answer.note or f"gradient_norms returned {0 if values is None else len(values)} numbers"
            blank(ax, note)
            return describe(fig, f"No gradients: {note}.")
        norms = np.clip(np.nan_to_num(values), 1e-30, 1e30)
        ax.semilogy(range(1, layers + 1), norms, style, color=color, ms=4, lw=1.5, label=name)
        said.append(
            f"{name}: {_power(float(norms[0]))} in layer 1, {_power(float(norms[-1]))} in layer {layers}"
        )
    lines(ax, "norm of each layer's gradient (your gradient_norms)", "layer (1 is next to the input)")
    ax.set_xticks([1, 5, 10, 15, 20] if layers == 20 else [1, layers])
    ax.legend(fontsize=8.5, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return describe(fig, f"Gradient norms by layer on a logarithmic scale. {'; '.join(said)}.")


def signals(init_std: Function, *, layers: int = 20, width: int = 100) -> Figure:
    """Draw the spread of each layer's answers for the student's init_std, and for half and twice of it."""
    fig = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    axes = fig.subplots(1, 2, sharey=True)
    said = []
    for ax, (name, phi) in zip(axes, (("relu", torch.relu), ("tanh", torch.tanh)), strict=True):
        answer = ask("init_std", init_std, width, name, ndim=0)
        if answer.values is None:
            blank(ax, answer.note)
            said.append(answer.note)
            continue
        std = float(answer.values)
        for factor, (color, style) in zip((2.0, 1.0, 0.5), (_LOOKS[0], _LOOKS[2], _LOOKS[1]), strict=True):
            found = _spreads(std * factor, phi, layers, width)
            text = "yours" if factor == 1 else f"{factor:g} × yours"
            ax.semilogy(range(1, layers + 1), found, style, color=color, ms=3.5, lw=1.5, label=text)
            if factor == 1:
                ends = f"{_power(found[0])} in layer 1, {_power(found[-1])} in layer {layers}"
                said.append(f"{name}, your {std:.3g}: {ends}")
        lines(ax, f"{name}, your std = {std:.3g}", "layer")
    axes[0].set_ylabel("spread of the answers", fontsize=9)
    if axes[0].get_legend_handles_labels()[0]:
        axes[0].legend(fontsize=8.5, frameon=False)
    return describe(fig, f"Root mean square of each layer's answers, logarithmic. {'; '.join(said)}.")


def _spreads(std: float, phi: Callable[[torch.Tensor], torch.Tensor], layers: int, width: int) -> list[float]:
    h, weights = activations.deep(layers, width)
    found = []
    for w in weights:
        h = phi(h @ w.T * (std * width**0.5))
        found.append(min(max(float(h.square().mean().sqrt()), 1e-30), 1e30))
    return found


def dead_map(dead_units: Function, *, rates: tuple[float, float] = (0.1, 8.0)) -> Figure:
    """Draw how often each hidden unit is active while a network learns, with a small and a large rate.

    Args:
        dead_units: the student's census, called with the points, weights and biases at some steps.
        rates: the two learning rates.
    """
    fig = Figure(figsize=(WIDTH, 4.3), layout="constrained")
    said, image = [], None
    axes = fig.subplots(len(rates), 1)
    for ax, rate in zip(axes, rates, strict=True):
        x, seen = activations.dying(rate)
        rows, note = _census(dead_units, x, seen)
        if note:
            blank(ax, note)
            said.append(note)
            continue
        image = ax.imshow(rows, cmap=_SHARE, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        for i, j in zip(*np.nonzero(rows == 0), strict=True):
            ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, hatch="xxxx", edgecolor=RED, lw=0))
        dead = int((rows[-1] == 0).sum())
        ax.set_yticks(range(len(seen)), [str(s.step) for s in seen], fontsize=8)
        ax.set_xticks([])
        ax.set_ylabel("step", fontsize=9)
        ax.set_title(
            f"learning rate {rate:g}: {dead} of {rows.shape[1]} units dead at the end",
            fontsize=10,
            loc="left",
        )
        said.append(f"rate {rate:g}: {dead} of {rows.shape[1]} units dead after {seen[-1].step} steps")
    if image is not None:
        axes[-1].set_xlabel("hidden units; crosses: dead", fontsize=9)
        bar = fig.colorbar(image, ax=axes, shrink=0.7, pad=0.02)
        bar.set_label("share of points for which a unit is active", fontsize=8.5)
        bar.ax.tick_params(labelsize=8)
    return describe(fig, f"Heat map of how often each unit is active while training. {'; '.join(said)}.")


def _census(
    dead_units: Function, x: torch.Tensor, seen: list[activations.Snapshot]
) -> tuple[NDArray[np.float64], str]:
    rows = []
    for shot in seen:
        answer = ask("dead_units", lambda *a: dead_units(*a)[1], x, shot.w, shot.b, ndim=1)
        if answer.values is None or answer.values.shape != (len(shot.b),):
            return np.zeros((0, 0)), answer.note or "dead_units returned another shape than one number a unit"
        rows.append(answer.values)
    return np.stack(rows), ""


def normalised(batch_norm: Function, layer_norm: Function) -> Figure:
    """Draw a layer's numbers (rows: examples) before and after the student's two normalisations."""
    g = torch.Generator().manual_seed(6)
    x = torch.randn(12, 8, generator=g, dtype=torch.float64)
    x = x * torch.linspace(0.3, 2.5, 8, dtype=torch.float64) + torch.linspace(-3, 4, 8, dtype=torch.float64)
    x[3] *= 2.2
    one, zero = torch.ones(8, dtype=torch.float64), torch.zeros(8, dtype=torch.float64)
    answers = (
        ("before", ask("x", lambda v: v, x)),
        ("batch norm", ask("batch_norm", lambda *a: batch_norm(*a)[3], x, one, zero)),
        ("layer norm", ask("layer_norm", layer_norm, x, one, zero)),
    )
    fig = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    said, image = [], None
    axes = fig.subplots(1, 3)
    for ax, (title, answer) in zip(axes, answers, strict=True):
        ax.set_title(title, fontsize=10)
        values = answer.values
        if values is None or values.shape != (12, 8):
            note = answer.note or f"{title} returned another shape than x"
            blank(ax, note)
            said.append(f"{title}: {note}")
            continue
        image = ax.imshow(
            np.clip(np.nan_to_num(values), -99, 99), cmap=_SIGNED, vmin=-6, vmax=6, aspect="auto"
        )
        columns, rows = (float(np.abs(values.mean(axis)).max()) for axis in (0, 1))
        ax.set(xticks=[], yticks=[])
        text = f"largest mean of a column {label(columns)}\nlargest mean of a row {label(rows)}"
        ax.set_xlabel(text, fontsize=8.5)
        said.append(f"{title}: {text.replace(chr(10), ', ')}")
    axes[0].set_ylabel("12 examples", fontsize=9)
    if image is not None:
        fig.colorbar(image, ax=axes, shrink=0.75, pad=0.02).ax.tick_params(labelsize=8)
    return describe(fig, f"A layer with 8 units for 12 examples. {'; '.join(said)}.")


def dropped(dropout: Function, *, p: float = 0.4) -> Figure:
    """Draw three passes of the student's dropout over a layer of ones, and the mean of 400 passes."""
    g = torch.Generator().manual_seed(2)
    x = torch.ones(6, 10, dtype=torch.float64)
    u = torch.rand(400, 6, 10, generator=g, dtype=torch.float64)
    answers = [ask("dropout", dropout, x, p, layer) for layer in u]
    fig = Figure(figsize=(WIDTH, 1.75), layout="constrained")
    axes = fig.subplots(1, 4)
    if any(a.values is None or a.values.shape != (6, 10) for a in answers):
        note = next((a.note for a in answers if a.note), "dropout returned another shape than x")
        for ax in axes:
            blank(ax, note)
        return describe(fig, f"No dropout: {note}.")
    found = np.stack([a.values for a in answers if a.values is not None])
    mean = found.mean(0)
    for place, ax in enumerate(axes):
        values = found[place] if place < 3 else mean
        ax.imshow(np.nan_to_num(values), cmap=_SHARE, vmin=0, vmax=2)
        for i, j in zip(*np.nonzero(values == 0), strict=True):
            ax.text(j, i, "×", ha="center", va="center", fontsize=8, color=GREY)
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"pass {place + 1}" if place < 3 else "mean of 400", fontsize=9.5, pad=3)
        ax.set_xlabel(f"mean {label(float(np.nan_to_num(values).mean()))}", fontsize=8.5)
    told = f"the mean of 400 passes is {label(float(mean.mean()))}"
    return describe(fig, f"A layer of ones, p = {p:g}: in each pass other numbers are dropped; {told}.")
