"""Figures of Lab 6 about training: 64 pictures by heart, the rate, and when to stop."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from labkit.plot import BLUE, GREEN, GREY, ORANGE, RED, WIDTH, ask, blank, describe, label, note_figure
from labkit.training import Run

Function = Callable[..., Any]
LN10 = math.log(10)


def by_heart(
    sgd_step: Function, fit: Function, net: nn.Module, images: Tensor, labels: Tensor, *, epochs: int = 30
) -> Figure:
    """Train a copy of a network on a few pictures with the student's step and loop; draw its loss."""
    net = copy.deepcopy(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    orders = torch.stack(
        [torch.randperm(len(labels), generator=torch.Generator().manual_seed(e)) for e in range(epochs)]
    )
    net.train()
    with torch.no_grad():
        start = float(nn.functional.cross_entropy(net(images), labels))

    def step(x: Tensor, y: Tensor) -> Any:
        return sgd_step(net, optimizer, x, y)

    answer = ask("fit", fit, step, images, labels, orders, 16, ndim=1)
    if answer.values is None:
        note = answer.note
        if note == "fit is not written yet":  # which of the two stubs was it?
            note = "fit and sgd_step are not both written yet"
        return note_figure(note)
    fig = Figure(figsize=(WIDTH, 2.4), layout="constrained")
    ax = fig.subplots()
    losses = answer.values
    ax.plot(np.arange(len(losses) + 1), [start, *losses], color=BLUE, marker="o", markersize=3, lw=1.4)
    ax.axhline(LN10, color=GREY, ls=":", lw=1)
    ax.text(len(losses), LN10, "ln 10: ten equal probabilities", ha="right", va="bottom", fontsize=8.5)
    _tidy(ax, "epoch", "loss on the same pictures")
    ax.set_xlim(-len(losses) / 20, len(losses) * 1.05)
    ax.set_ylim(0, min(_highest([start, *losses]) * 1.1 + 0.1, 6))
    return describe(
        fig,
        f"The loss on {len(labels)} pictures begins at {start:.2f} (ln 10 is {LN10:.2f}) and is "
        f"{losses[-1]:.2f} after {len(losses)} epochs of your fit and sgd_step.",
    )


def schedule(one_cycle: Function, *, steps: int = 200, peak: float = 0.1) -> Figure:
    """Draw the student's schedule for two lengths of the way up, and a constant rate."""
    fig = Figure(figsize=(WIDTH, 2.2), layout="constrained")
    ax = fig.subplots()
    said = []
    for warm, colour, style in ((0.25, BLUE, "-"), (0.05, ORANGE, "--")):
        rates = []
        for step in range(0, steps + 1, 5):
            answer = ask("one_cycle", one_cycle, step, steps, peak, warm, ndim=0)
            if answer.values is None:
                blank(ax, answer.note)
                return describe(fig, f"No curve: {answer.note}.")
            rates.append(float(answer.values))
        ax.plot(
            range(0, steps + 1, 5),
            rates,
            color=colour,
            ls=style,
            lw=1.8,
            label=f"warm = {warm}",
        )
        top = 5 * int(np.argmax(rates))
        said.append(f"warm {warm}: {label(max(rates))} at step {top}, {label(rates[-1])} at the end")
    ax.axhline(peak, color=GREY, ls=":", lw=1.2, label="constant")
    _tidy(ax, "step", "learning rate")
    ax.set_xlim(-steps / 20, steps * 1.05)
    ax.legend(fontsize=8.5, frameon=False)
    return describe(fig, f"Learning rate by step, of {steps} steps with peak {peak}. {'; '.join(said)}.")


def stopping(early_stop: Function, runs: Mapping[str, Run], *, patience: int = 3) -> Figure:
    """Draw the loss on training and on other pictures of each run, with where the student's rule stops."""
    if not runs:
        return note_figure("nothing is trained yet: run the cell again")
    fig = Figure(figsize=(WIDTH, 4.4), layout="constrained")
    axes = fig.subplots(min(2, len(runs)), -(-len(runs) // 2), sharex=True, sharey=True, squeeze=False)
    said = []
    top = _highest(row[part] for run in runs.values() for row in run.epochs for part in ("loss", "test_loss"))
    for ax in axes.flat[len(runs) :]:  # of a comparison that was stopped
        ax.set_axis_off()
    for ax, (name, run) in zip(axes.flat, runs.items(), strict=False):
        train = [row["loss"] for row in run.epochs]
        other = [row["test_loss"] for row in run.epochs]
        epochs = range(1, len(train) + 1)
        ax.plot(epochs, train, color=GREY, ls="--", lw=1.4, label="training pictures")
        ax.plot(epochs, other, color=BLUE, lw=1.6, label="pictures put aside")
        answer = ask("early_stop", early_stop, torch.tensor(other, dtype=torch.float64), patience, ndim=1)
        told = answer.note
        if answer.values is not None and answer.values.shape == (2,):
            best, last = (int(v) for v in answer.values)
            if 0 <= best <= last < len(other):
                ax.plot(best + 1, other[best], "*", color=GREEN, markersize=13, label="best")
                ax.axvline(last + 1, color=RED, ls=":", lw=1.5, label="stop")
                told = f"best in epoch {best + 1}, stop after epoch {last + 1}"
        accuracy = 100 * run.epochs[-1]["accuracy"]
        ax.set_title(f"{name}: {accuracy:.0f} % at the end", fontsize=10)
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
        ax.text(0.03, 0.05, told, transform=ax.transAxes, fontsize=8, bbox=behind)
        ax.set_ylim(0, min(top * 1.05, 3.5))
        _tidy(ax, "", "")
        said.append(f"{name}: training {train[-1]:.2f}, put aside {other[-1]:.2f} at the end, {told}")
    handles, names = axes.flat[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside upper center", ncols=4, fontsize=8.5, frameon=False)
    for ax in axes.flat[max(0, len(runs) - axes.shape[1]) : len(runs)]:  # the lowest of each column
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("epoch", fontsize=9)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    for ax in axes[:, 0]:
        ax.set_ylabel("loss", fontsize=9)
    ways = "one way" if len(runs) == 1 else f"{len(runs)} ways"
    return describe(fig, f"Loss by epoch in {ways}, with a patience of {patience}. {'; '.join(said)}.")


def _highest(values: Iterable[float]) -> float:
    """Return the highest of the numbers, without those that are none."""
    return max((float(v) for v in values if math.isfinite(v)), default=1.0)


def _tidy(ax: Any, x: str, y: str) -> None:
    ax.set(xlabel=x, ylabel=y)
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
