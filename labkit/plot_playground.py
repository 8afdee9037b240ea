"""Figures of the playground: points, decision boundary and loss; several moments side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from labkit.playground import Playground, Setting, SettingError, setting_of
from labkit.plot import BLUE, ORANGE, RED, WIDTH, describe, note_figure

_SIDES = LinearSegmentedColormap.from_list("labkit-sides", ["#FBE3B5", "#FFFFFF", "#BFDDF2"])


def told(setting: Setting) -> str:
    """Write a setting in one line.

    >>> told(Setting(data="xor", hidden=(4, 2), activation="relu"))
    'xor; x1, x2; hidden 4, 2 (relu); rate 0.3'
    """
    hidden = (
        f"hidden {', '.join(map(str, setting.hidden))} ({setting.activation})"
        if setting.hidden
        else "no hidden layer"
    )
    decay = f"; L2 {setting.l2:g}" if setting.l2 else ""
    return f"{setting.data}; {', '.join(setting.features)}; {hidden}; rate {setting.rate:g}{decay}"


def boundary(ax: Axes, game: Playground, *, title: str = "") -> None:
    """Draw the points, the network's answer everywhere, and the line where it is undecided."""
    grid = torch.linspace(-1.1, 1.1, 60)
    across, up = torch.meshgrid(grid, grid, indexing="xy")
    p = game.predict(torch.stack([across.ravel(), up.ravel()], 1)).nan_to_num(0.5).reshape(60, 60).numpy()
    ax.contourf(grid, grid, p, levels=np.linspace(0, 1, 11), cmap=_SIDES, vmin=0, vmax=1)
    if p.min() < 0.5 < p.max():
        ax.contour(grid, grid, p, levels=[0.5], colors=["black"], linewidths=1.6)
    for value, marker, color in ((0, "o", ORANGE), (1, "^", BLUE)):
        here = game.points[game.labels == value][:60].numpy()
        ax.scatter(
            here[:, 0],
            here[:, 1],
            marker=marker,
            s=14,
            color=color,
            edgecolor="black",
            linewidth=0.4,
            zorder=3,
        )
    ax.set(xticks=[], yticks=[], xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
    ax.set_title(title, fontsize=9, pad=3)


def losses(ax: Axes, game: Playground) -> None:
    """Draw the loss of training and test points by step."""
    steps, train, test = (
        np.nan_to_num(np.array(v, dtype=np.float64), nan=9, posinf=9) for v in zip(*game.history, strict=True)
    )
    ax.plot(steps, np.clip(train, 0, 9), "-", color=BLUE, lw=1.8, label="training")
    ax.plot(steps, np.clip(test, 0, 9), "--", color=RED, lw=1.8, label="test")
    ax.set_ylim(0, max(0.8, min(2.0, 1.1 * float(max(train.max(), test.max())))))
    ax.set_xlim(0, max(50, game.steps))
    ax.set_title("loss", fontsize=9, pad=3)
    ax.set_xlabel("step", fontsize=8.5)
    ax.tick_params(labelsize=8)
    ax.legend(fontsize=8, frameon=False)
    ax.spines[["top", "right"]].set_visible(False)


def moment(game: Playground) -> Figure:
    """Draw one moment of a playground: boundary on the left, loss so far on the right."""
    fig = Figure(figsize=(WIDTH, 3.1), layout="constrained")
    left, right = fig.subplots(1, 2)
    share = f"{game.accuracy():.0%} of test points right"
    boundary(left, game, title=f"step {game.steps}: {share}")
    losses(right, game)
    return describe(fig, f"{told(game.setting)}. After {game.steps} steps {share}, loss {game.loss():.2f}.")


def filmstrip(setting: Setting, *, at: Sequence[int] = (0, 50, 300), seed: int = 0) -> Figure:
    """Draw a playground at several steps, and its loss.

    Args:
        setting: what is learned, and how.
        at: the steps, rising.
        seed: of points and first weights.
    """
    game = Playground(setting, seed=seed)
    fig = Figure(figsize=(WIDTH, 2.15), layout="constrained")
    axes = fig.subplots(1, len(at) + 1)
    said = []
    for ax, step in zip(axes, at, strict=False):
        while game.steps < step:
            game.train(min(10, step - game.steps))
        boundary(ax, game, title=f"step {step}: {game.accuracy():.0%} right")
        said.append(f"step {step}: {game.accuracy():.0%} of test points right")
    losses(axes[-1], game)
    fig.suptitle(told(setting), fontsize=9)
    return describe(fig, f"{told(setting)}. {'; '.join(said)}.")


def chosen(playground_setting: Callable[[str], Any]) -> Sequence[Figure]:
    """Draw what the student's settings for the circle and for xor learn, or a note for each."""
    figures = []
    for data in ("circle", "xor"):
        try:
            setting = setting_of(playground_setting(data), data=data)
        except NotImplementedError:
            return [note_figure("playground_setting is not written yet")]
        except SettingError as error:
            figures.append(note_figure(str(error).rstrip(".")))
            continue
        except Exception as error:
            figures.append(note_figure(f"playground_setting stopped: {type(error).__name__}"))
            continue
        figures.append(filmstrip(setting))
    return figures
