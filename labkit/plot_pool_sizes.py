"""Figures and tables of pooling along one axis: where the windows stand, rounded down and rounded up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from labkit import pool
from labkit.plot import BLUE, GREEN, GREY, PURPLE, RED, WIDTH, ask, count, describe, label

Function = Callable[..., Any]
Setting = tuple[int, int, int, int, bool]
_MOST = 7  # windows drawn


def size_table(pool_size: Function, *settings: tuple[int, int, int, int]) -> None:
    """Print the student's pool_size for settings (i, k, s, p), rounded down and up, next to torch's."""
    print(f"{'i':>5}{'k':>4}{'s':>4}{'p':>4}   {'yours':>7}{'torch':>7}   {'ceil: yours':>12}{'torch':>7}")
    for i, k, s, p in settings:
        line, note = f"{i:>5}{k:>4}{s:>4}{p:>4}", ""
        for ceil_mode, wide in ((False, 7), (True, 12)):
            answer = ask("pool_size", pool_size, i, k, s, p, ceil_mode, ndim=0)
            fits = pool.windows_placed(i, k, s, p, ceil_mode=ceil_mode)
            got = "-" if answer.values is None else label(float(answer.values))
            line += f"   {got:>{wide}}{fits:>7}"
            note = answer.note or note
            line += "" if got in (str(fits), "-") else " (!)"
        print(line)
        if note:
            print(f"(no numbers: {note})")
            return


def sizes(pool_size: Function, *settings: Setting) -> Figure:
    """Draw a row of pixels and the student's windows for each (i, k, s, p, ceil_mode)."""
    across = 1 if len(settings) == 1 else 2
    lines = [settings[n : n + across] for n in range(0, len(settings), across)]
    whole = max(i + 2 * p + k for i, k, _, p, _ in settings) + 0.5
    unit = min(0.36, WIDTH / across / max(whole, 10))
    heights = [max(2.9 + 0.62 * min(_MOST, _most(setting)) for setting in line) for line in lines]
    fig = Figure(figsize=(WIDTH, unit * sum(heights)))
    said, top = [], sum(heights)
    for line, height in zip(lines, heights, strict=True):
        top -= height
        for place, setting in enumerate(line):
            corner = (0.01 + place / across, top / sum(heights))
            ax = fig.add_axes((*corner, 0.98 / across, height / sum(heights)))
            said.append(_row(ax, pool_size, *setting))
            ax.set(xlim=(0, 0.98 * WIDTH / across / unit), ylim=(2.2 - height, 2.2))
            ax.axis("off")
    return describe(fig, " ".join(said))


def _most(setting: Setting) -> int:
    i, k, s, p, ceil_mode = setting
    return max(1, pool.windows_placed(i, k, s, p, ceil_mode=ceil_mode)) + int(ceil_mode)


def _row(ax: Axes, pool_size: Function, i: int, k: int, s: int, p: int, ceil_mode: bool) -> str:
    """Draw one row of pixels, and as many windows as the student's pool_size says; return the alt text."""
    answer = ask("pool_size", pool_size, i, k, s, p, ceil_mode, ndim=0)
    fits = pool.windows_placed(i, k, s, p, ceil_mode=ceil_mode)
    known = answer.values is not None and bool(np.isfinite(answer.values))
    yours = int(answer.values) if known and answer.values is not None else fits
    seen = {place for n in range(max(0, min(yours, 99))) for place in range(n * s, n * s + k)}
    for place in range(i + 2 * p):
        inside = p <= place < p + i
        dropped = place not in seen
        face, hatch = ("#EEF6FC", "") if inside else ("#E4E4E4", "////")
        ax.add_patch(Rectangle((place + 0.05, 0), 0.9, 0.9, facecolor=face, edgecolor=GREY, hatch=hatch))
        text = "×" if dropped else str(place - p) if inside else ""
        color = "#A83C00" if dropped else "black"
        ax.text(
            place + 0.5, 0.44, text, ha="center", va="center", fontsize=10 if dropped else 8.5, color=color
        )
    for number in range(max(0, min(yours, _MOST))):
        _window(ax, number, k=k, s=s, end=i + 2 * p, starts=number * s < i + p)
    if ceil_mode and yours == fits < _MOST and fits * s >= i + p and (fits - 1) * s + k < i + 2 * p:
        _window(ax, fits, k=k, s=s, end=i + 2 * p, starts=False)
    told = f"i = {i}, k = {k}, s = {s}, p = {p}, ceil_mode={ceil_mode}"
    got = f"your pool_size: {yours}" if known else answer.note or "your pool_size is not a number"
    got += f", torch: {fits}" if known and yours != fits else ""
    ax.text(0.05, 1.1, f"{told}\n{got}", fontsize=9, va="bottom", linespacing=1.15)
    lost = len([place for place in range(p, p + i) if place not in seen])
    return f"{told}: {got}; {count(lost, 'pixel')} never seen."


def _window(ax: Axes, number: int, *, k: int, s: int, end: int, starts: bool) -> None:
    """Draw one window; what hangs over the edge is dashed, and a window that must not start is dotted."""
    low, start = -0.62 * (number + 1), number * s
    color = (BLUE, GREEN, PURPLE)[number % 3] if starts else RED
    for place in range(start, start + k):
        over = place >= end
        face = "white" if over or not starts else color
        line = ":" if not starts else "--" if over else "-"
        box = Rectangle((place + 0.12, low), 0.76, 0.44, facecolor=face, edgecolor=color, linestyle=line)
        ax.add_patch(box)
    if starts:
        ax.text(start + k + 0.1, low + 0.2, f"{number}", fontsize=8, va="center", clip_on=True)
    else:
        ax.text(start - 0.1, low + 0.2, "starts outside, left out", fontsize=8, va="center", ha="right")
