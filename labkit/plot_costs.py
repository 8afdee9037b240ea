"""Figures and tables of what a layer costs: wires, parameters, multiply-adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from labkit import conv
from labkit.plot import BLUE, GREEN, GREY, ORANGE, RED, WIDTH, ask, describe, note_figure

Function = Callable[..., Any]


def wiring(*, inputs: int = 7, k: int = 3) -> Figure:
    """Draw the wires of a full, a local and a convolutional layer; a shared weight has one line style."""
    fig = Figure(figsize=(WIDTH, 1.9))
    axes = fig.subplots(1, 3)
    outputs = inputs - k + 1
    looks = [(BLUE, "-"), (RED, "--"), (GREEN, ":")]
    full = [(out, place, -1) for out in range(outputs) for place in range(inputs)]
    local = [(out, out + tap, -1) for out in range(outputs) for tap in range(k)]
    shared = [(out, out + tap, tap) for out in range(outputs) for tap in range(k)]
    kinds = (
        ("fully connected", full, len(full)),
        ("locally connected", local, len(local)),
        ("convolution", shared, k),
    )
    for ax, (title, wires, weights) in zip(axes, kinds, strict=True):
        for out, place, tap in wires:
            color, style = (GREY, "-") if tap < 0 else looks[tap % 3]
            ax.plot(
                [place, out + (k - 1) / 2],
                [0, 1],
                color=color,
                linestyle=style,
                linewidth=1.0 if tap < 0 else 1.6,
            )
        ax.plot(range(inputs), [0] * inputs, "s", color="black", markersize=8)
        ax.plot(
            [o + (k - 1) / 2 for o in range(outputs)],
            [1] * outputs,
            "o",
            color="white",
            markeredgecolor="black",
            markersize=9,
        )
        ax.set_title(f"{title}\n{len(wires)} wires, {weights} weights", fontsize=9.5)
        ax.set(xlim=(-0.6, inputs - 0.4), ylim=(-0.2, 1.2))
        ax.axis("off")
    fig.subplots_adjust(left=0.01, right=0.99, top=0.8, bottom=0.01, wspace=0.08)
    alt = (
        f"Wires from {inputs} inputs to {outputs} outputs. Fully connected: {inputs * outputs} weights. "
        f"Locally connected: {outputs * k} weights. Convolution: the same {k} weights at every place."
    )
    return describe(fig, alt)


def parameters(conv_cost: Function, layers: Sequence[conv.Layer], *, title: str) -> Figure:
    """Draw the student's parameters and multiply-adds of each layer as two rows of bars, in millions."""
    costs = [_cost(conv_cost, layer) for layer in layers]
    notes = [cost for cost in costs if isinstance(cost, str)]
    if notes:
        return note_figure(notes[0])
    fig = Figure(figsize=(WIDTH, 0.24 * len(layers) + 0.9))
    axes = fig.subplots(1, 2, sharey=True)
    said, million = [], 1e6
    for side, (ax, what) in enumerate(zip(axes, ("parameters", "multiply-adds"), strict=True)):
        for row, (layer, cost) in enumerate(zip(layers, costs, strict=True)):
            value = max(float(cost[side]), 0.0)
            color, hatch = (ORANGE, "///") if layer.dense else (BLUE, "")
            ax.barh(row, value / million, height=0.72, color=color, hatch=hatch, edgecolor="white")
            ax.text(value / million, row, f" {value / million:.3g} M", va="center", fontsize=7.5)
        largest = max(1.0, *(float(cost[side]) for cost in costs)) / million
        ax.set(xlim=(0, 1.25 * largest), yticks=range(len(layers)))
        ax.set_yticklabels([layer.name for layer in layers], fontsize=8.5)
        ax.set_title(f"{title}: {what}, in millions", fontsize=9.5)
        ax.tick_params(axis="x", labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
        total = sum(float(cost[side]) for cost in costs)
        said.append(f"{total:,.0f} {what}")
    axes[0].invert_yaxis()
    key = "plain bars: convolutions   hatched bars: fully connected layers"
    fig.text(0.5, 0.01, key, ha="center", fontsize=8.5)
    fig.subplots_adjust(
        left=0.12,
        right=0.98,
        top=1 - 0.3 / fig.get_figheight(),
        bottom=0.5 / fig.get_figheight(),
        wspace=0.06,
    )
    return describe(fig, f"{title}, layer by layer: {' and '.join(said)} in all, by your conv_cost.")


def table(
    conv_cost: Function,
    layers: Sequence[conv.Layer],
    *,
    title: str,
    total: int | None = None,
    stages: bool = False,
) -> None:
    """Print the student's parameters and multiply-adds layer by layer, and compare the total.

    Args:
        conv_cost: the student's function.
        layers: the layers.
        title: first line.
        total: the known number of parameters; None prints no totals.
        stages: sum the rows whose names begin with the same word, such as "layer1".
    """
    costs = [_cost(conv_cost, layer) for layer in layers]
    notes = [cost for cost in costs if isinstance(cost, str)]
    if notes:
        print(f"{title}: no numbers, because {notes[0]}.")
        return
    rows: dict[str, tuple[float, float]] = {}
    for layer, cost in zip(layers, costs, strict=True):
        name = layer.name.split(".")[0] if stages else layer.name
        old = rows.get(name, (0.0, 0.0))
        rows[name] = (old[0] + float(cost[0]), old[1] + float(cost[1]))
    extra = sum(layer.extra for layer in layers)
    width = max(18, *(len(name) + 2 for name in rows))
    print(f"{title}\n{'layer':<{width}}{'parameters':>15}{'multiply-adds':>18}")
    for name, (parameters_, products) in rows.items():
        print(f"{name:<{width}}{parameters_:>15,.0f}{products:>18,.0f}")
    if total is None:
        return
    if extra:
        print(f"{'batch norm':<{width}}{extra:>15,}{'':>18}")
    found = sum(row[0] for row in rows.values()) + extra
    print(f"{'total':<{width}}{found:>15,.0f}{sum(row[1] for row in rows.values()):>18,.0f}")
    same = "yours is the same" if found == total else f"yours differs by {found - total:+,.0f}"
    print(f"the known total is {total:,}: {same}")


def _cost(conv_cost: Function, layer: conv.Layer) -> tuple[float, float] | str:
    args = (layer.c_in, layer.c_out, layer.kernel_size, layer.out_size)
    answer = ask(
        "conv_cost", lambda *a: _pair(conv_cost(*a, groups=layer.groups, bias=layer.bias)), *args, ndim=1
    )
    if answer.values is None:
        return answer.note
    if answer.values.shape != (2,) or not np.isfinite(answer.values).all():
        return "conv_cost did not return two numbers"
    return float(answer.values[0]), float(answer.values[1])


def _pair(result: Any) -> Any:
    return [float(value) for value in result]
