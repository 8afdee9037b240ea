"""Figures of activations: curves with their slopes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from labkit import activations
from labkit.plot import BLUE, ORANGE, RED, WIDTH, Answer, ask, blank, describe, label

Function = Callable[..., Any]
_X = torch.linspace(-4, 4, 161, dtype=torch.float64)


def frame(ax: Axes, title: str) -> None:
    """Give a small panel its title and two light axes through 0."""
    ax.set_title(title, fontsize=9.5, pad=4)
    ax.axhline(0, color="#BBBBBB", lw=0.8, zorder=0)
    ax.axvline(0, color="#BBBBBB", lw=0.8, zorder=0)
    ax.set_xticks([-4, 0, 4])
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)


def panels(count: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """Make a figure with small axes in rows; spare ones are switched off."""
    rows = math.ceil(count / columns)
    fig = Figure(figsize=(WIDTH, rows * height), layout="constrained")
    axes = list(fig.subplots(rows, columns, squeeze=False).ravel())
    for ax in axes[count:]:
        ax.axis("off")
    return fig, axes[:count]


def fits(answer: Answer, x: Tensor) -> NDArray[np.float64] | None:
    """Return an answer's numbers when there is one for each x."""
    return answer.values if answer.values is not None and answer.values.shape == tuple(x.shape) else None


def _draw(ax: Axes, values: NDArray[np.float64], color: str, style: str, name: str) -> None:
    ax.plot(_X.numpy(), np.clip(np.nan_to_num(values), -50, 50), style, color=color, lw=2, label=name)


def _off(values: NDArray[np.float64], expected: Tensor) -> bool:
    return not np.allclose(values, expected.numpy(), rtol=1e-4, atol=1e-5)


def curves(functions: Mapping[str, Function], *, columns: int = 4) -> Figure:
    """Draw the student's activations, one panel each; torch's own curve is dotted where they differ.

    Args:
        functions: name, as `activations.reference` knows it, and the student's function.
        columns: panels in a row.
    """
    fig, axes = panels(len(functions), columns, 1.75)
    said = []
    for ax, (name, f) in zip(axes, functions.items(), strict=True):
        answer = ask(name, f, _X, ndim=1)
        values = fits(answer, _X)
        if values is None:
            frame(ax, name)
            blank(ax, answer.note or f"{name} returned another shape than x")
            said.append(answer.note or f"{name}: another shape")
            continue
        wanted = activations.reference(name)(_X)
        frame(ax, name)
        _draw(ax, values, BLUE, "-", "yours")
        if _off(values, wanted):
            _draw(ax, wanted.numpy(), RED, ":", "torch's")
            ax.set_title(f"{name}\n(dotted: expected)", fontsize=9.5, pad=4)
        ax.set_ylim(-1.6, 3.4 if name in ("relu", "leaky_relu", "elu", "gelu", "softplus") else 1.6)
        ends = f"{label(float(values[0]))} at −4, {label(float(values[-1]))} at 4"
        said.append(f"{name}: {ends}" + (", not as expected" if _off(values, wanted) else ""))
    return describe(fig, f"Curves from −4 to 4. {'; '.join(said)}.")


def slopes(pairs: Mapping[str, tuple[Function, Function]], *, columns: int = 3) -> Figure:
    """Draw each of the student's activations (solid) with its slope (dashed).

    Args:
        pairs: name, as `activations.reference` knows it: the activation and its derivative.
        columns: panels in a row.
    """
    fig, axes = panels(len(pairs), columns, 1.9)
    said = []
    for place, (ax, (name, (f, df))) in enumerate(zip(axes, pairs.items(), strict=True)):
        frame(ax, name)
        ax.set_ylim(-1.3, 2.2)
        for who, fn, color, style in ((name, f, BLUE, "-"), (f"{name}_slope", df, ORANGE, "--")):
            answer = ask(who, fn, _X, ndim=1)
            values = fits(answer, _X)
            if values is None:
                note = answer.note or f"{who} returned another shape than x"
                at = (0.03, 0.9 if fn is f else 0.04)
                ax.text(*at, note, transform=ax.transAxes, fontsize=7.5, style="italic", wrap=True)
                said.append(note)
                continue
            _draw(ax, values, color, style, "curve" if fn is f else "slope")
            if fn is df:
                said.append(_steepest(name, values))
                if _off(values, _true_slope(name)):
                    ax.set_title(f"{name}\n(slope not as expected)", fontsize=9.5, pad=4)
                    said[-1] += ", not as expected"
        if place == 0 and ax.get_legend_handles_labels()[0]:
            ax.legend(fontsize=8, frameon=False, loc="upper left", handlelength=1.8)
    return describe(fig, f"Activations and their slopes from −4 to 4. {'; '.join(said)}.")


def _steepest(name: str, values: NDArray[np.float64]) -> str:
    at = int(np.argmax(np.nan_to_num(values, nan=-1e9)))
    return f"{name}: the slope is {label(float(values[0]))} at −4 and at most {label(float(values[at]))}"


def _true_slope(name: str) -> Tensor:
    x = _X.clone().requires_grad_()
    (dx,) = torch.autograd.grad(activations.reference(name)(x).sum(), x)
    return dx
