"""Figures of one axis: strides, output sizes with dropped pixels, stamps of a transposed convolution."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from labkit import conv
from labkit.plot import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, WIDTH, ask, describe, label
from labkit.plot import count as plural

Function = Callable[..., Any]
_MOST = 8  # windows drawn
_PLAIN = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}


def strides_1d(corr1d: Function, x: Tensor, k: Tensor, *, strides: Sequence[int] = (1, 2)) -> Figure:
    """Draw a row of numbers, the window's positions for each stride, and the student's outputs."""
    fig = Figure(figsize=(WIDTH, 1.75))
    said = []
    for number, stride in enumerate(strides):
        ax = fig.add_subplot(1, len(strides), number + 1)
        answer = ask("corr1d", corr1d, x, k, stride, ndim=1)
        expected = F.conv1d(x[None, None], k[None, None], stride=stride)[0, 0]
        for place, value in enumerate(x.tolist()):
            _cell(ax, place + 0.05, -0.45, label(value), face="#EEF6FC", width=0.9)
        values = [] if answer.values is None else answer.values.tolist()
        for place, value in enumerate(values[:12]):
            middle = place * stride + len(k) / 2
            fits = place < len(expected) and bool(np.isclose(value, float(expected[place])))
            color = BLUE if fits else RED
            for tap in range(len(k)):
                ax.plot([place * stride + tap + 0.5, middle], [0.5, 1.55], color=color, linewidth=1.2)
            _cell(ax, middle - 0.45, 1.55, label(value), edge=color, hatch="" if fits else "xxxx", width=0.9)
        if answer.values is None:
            ax.text(len(x) / 2, 2, answer.note, ha="center", va="center", fontsize=9, style="italic")
        ax.set_title(f"stride {stride}: {len(values)} outputs" if values else f"stride {stride}", fontsize=10)
        ax.set(xlim=(-0.3, len(x) + 0.3), ylim=(-0.6, 2.6), aspect="equal")
        ax.axis("off")
        said.append(f"stride {stride} gives {values if values else answer.note}")
    fig.subplots_adjust(left=0.01, right=0.99, top=0.88, bottom=0.01, wspace=0.06)
    alt = f"A kernel {k.tolist()} slides along {x.tolist()}: {'; '.join(said)}."
    return describe(fig, alt)


def _cell(
    ax: Axes,
    left: float,
    low: float,
    text: str,
    *,
    face: str = "white",
    edge: str = GREY,
    hatch: str = "",
    width: float = 1.0,
) -> None:
    look: dict[str, Any] = {"facecolor": face, "edgecolor": edge, "hatch": hatch, "linewidth": 1.2}
    ax.add_patch(Rectangle((left, low), width, 0.9, **look))
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6} if hatch else None
    ax.text(left + width / 2, low + 0.44, text, ha="center", va="center", fontsize=9.5, bbox=box)


def size_table(out_size: Function, *settings: tuple[int, ...]) -> None:
    """Print the student's out_size for settings (i, k, s, p) or (i, k, s, p, d), next to torch's."""
    print(f"{'i':>5}{'k':>4}{'s':>4}{'p':>4}{'d':>4}   your out_size   torch")
    for setting in settings:
        i, k, s, p, d = (*setting, 1)[:5]
        answer = ask("out_size", out_size, i, k, s, p, d, ndim=0)
        fits = conv.windows_that_fit(i, k, s=s, p=p, d=d)
        got = "-" if answer.values is None else label(float(answer.values))
        mark = "" if got == str(fits) or got == "-" else "   not the same"
        print(f"{i:>5}{k:>4}{s:>4}{p:>4}{d:>4}{got:>16}{fits:>8}{mark}")
        if answer.values is None:
            print(f"(no numbers: {answer.note})")
            return


def sizes(out_size: Function, *settings: tuple[int, int, int, int, int]) -> Figure:
    """Draw a row of pixels and its windows for each (i, k, s, p, d), with padding and dropped pixels."""
    across = 1 if len(settings) == 1 or max(i + 2 * p for i, _, _, p, _ in settings) > 9 else 2
    rows = [_row(out_size, *setting) for setting in settings]
    lines = [rows[n : n + across] for n in range(0, len(rows), across)]
    heights = [3.0 + 0.62 * max(row.drawn for row in line) for line in lines]
    whole = max(9.5, max(row.whole for row in rows) + 0.5)
    unit = min(0.36, WIDTH / across / whole)  # inches: side of a pixel
    fig = Figure(figsize=(WIDTH, unit * sum(heights)))
    top = sum(heights)
    for line, height in zip(lines, heights, strict=True):
        top -= height
        for place, row in enumerate(line):
            corner = (0.01 + place / across, top / sum(heights))
            ax = fig.add_axes((*corner, 0.98 / across, height / sum(heights)))
            _draw_row(ax, row)
            ax.set(xlim=(0, 0.98 * WIDTH / across / unit), ylim=(2.2 - height, 2.2))
    return describe(fig, " ".join(row.alt for row in rows))


@dataclass(frozen=True)
class _Row:
    """One row of pixels: its setting, and the student's number of windows or a note why there is none."""

    i: int
    k: int
    s: int
    p: int
    d: int
    count: int | None
    note: str

    @property
    def whole(self) -> int:
        """Pixels with padding."""
        return self.i + 2 * self.p

    @property
    def drawn(self) -> int:
        """How many of the student's windows are drawn."""
        return min(max(self.count or 0, 0), _MOST)

    @property
    def fits(self) -> int:
        """How many windows fit."""
        return conv.windows_that_fit(self.i, self.k, s=self.s, p=self.p, d=self.d)

    @property
    def unseen(self) -> list[int]:
        """Places that no window looks at, padding among them."""
        seen = {n * self.s + tap * self.d for n in range(self.fits) for tap in range(self.k)}
        return [place for place in range(self.whole) if place not in seen]

    @property
    def lost(self) -> int:
        """How many pixels of the image no window looks at."""
        return sum(self.p <= place < self.p + self.i for place in self.unseen)

    @property
    def setting(self) -> str:
        """The setting in words."""
        dilated = f", d = {self.d}" if self.d > 1 else ""
        return f"i = {self.i}, k = {self.k}, s = {self.s}, p = {self.p}{dilated}"

    @property
    def said(self) -> str:
        """What the student's function says."""
        if self.count is None:
            return self.note
        more = "" if self.count == self.fits else ", which is not what fits"
        return f"your out_size gives {label(self.count)}{more}"

    @property
    def alt(self) -> str:
        """The row in words."""
        lost = plural(self.lost, "pixel")
        return f"{self.setting}: {self.said}; {plural(self.fits, 'window')} fit, {lost} never seen."


def _row(out_size: Function, i: int, k: int, s: int, p: int, d: int) -> _Row:
    answer = ask("out_size", out_size, i, k, s, p, d, ndim=0)
    if answer.values is None or not np.isfinite(answer.values):
        return _Row(i, k, s, p, d, None, answer.note or "your out_size is not a number")
    return _Row(i, k, s, p, d, int(answer.values), "")


def _draw_row(ax: Axes, row: _Row) -> None:
    for place in range(row.whole):
        padding = not row.p <= place < row.p + row.i
        dropped = row.count is not None and place in row.unseen
        text, face = ("0", "#E4E4E4") if padding else (str(place - row.p), "#EEF6FC")
        hatch = ("xxxx" if dropped else "") + ("////" if padding else "")
        _cell(ax, place + 0.04, 0, text, face=face, edge=RED if dropped else GREY, hatch=hatch, width=0.92)
    for number in range(row.drawn):
        _window(ax, number, s=row.s, k=row.k, d=row.d, whole=row.whole)
    heading = row.said + (f" (the first {_MOST} are drawn)" if (row.count or 0) > _MOST else "")
    ax.text(0.05, 1.1, f"{row.setting}\n{heading}", fontsize=9.5, va="bottom", linespacing=1.15)
    if row.unseen and row.count is not None:
        border = len(row.unseen) - row.lost
        text = f"× never seen: {plural(row.lost, 'pixel')}" + (f" and {border} of padding" if border else "")
        look: dict[str, Any] = {"ha": "right", "va": "top", "color": "#A83C00", "bbox": _PLAIN, "zorder": 6}
        ax.text(row.whole, -0.62 * row.drawn - 0.1, text, fontsize=8.5, **look)
    ax.axis("off")


def _window(ax: Axes, number: int, *, s: int, k: int, d: int, whole: int) -> None:
    start, reach = number * s, d * (k - 1) + 1
    low, beyond = -0.62 * (number + 1), start + reach > whole
    color = RED if beyond else (BLUE, GREEN, PURPLE, ORANGE)[number % 4]
    line = ":" if beyond else "-"
    ends = [start + 0.12, start + reach - 0.12]
    ax.plot(ends, [low + 0.22] * 2, color=color, linewidth=1.4, linestyle=line)
    for tap in range(k):
        left = start + tap * d + 0.12
        face = "white" if beyond else color
        ax.add_patch(Rectangle((left, low), 0.76, 0.44, facecolor=face, edgecolor=color, linestyle=line))
    text = "does not fit" if beyond else f"{number}"
    color = "#A83C00" if beyond else "black"
    ax.text(start + reach, low + 0.2, text, fontsize=8, va="center", color=color, clip_on=True)


def stamps(transposed_size: Function, *settings: tuple[int, int, int, int]) -> Figure:
    """Draw a transposed convolution for each (i, k, s, p): inputs stamp k cells, padding cuts the ends."""
    widths = [(i - 1) * s + k for i, k, s, _ in settings]
    slots = [max(width, 6.6) for width in widths]
    room = sum(slots) + 1.2 * (len(widths) - 1) + 0.4
    unit = min(0.36, WIDTH / room)
    fig = Figure(figsize=(WIDTH, 6 * unit))
    said, left = [], (WIDTH / unit - room) / 2 + 0.2
    for setting, full, slot in zip(settings, widths, slots, strict=True):
        start = left + (slot - full) / 2
        ax = fig.add_axes((start * unit / WIDTH, 0, full * unit / WIDTH, 1))
        said.append(_stamp(transposed_size, *setting, ax=ax))
        ax.set(xlim=(0, full), ylim=(-0.7, 5.3))
        ax.axis("off")
        left += slot + 1.2
    note = "Each input stamps the kernel onto the output; the cells count how many stamps reach them"
    return describe(fig, f"{note}. {'; '.join(said)}.")


def _stamp(transposed_size: Function, i: int, k: int, s: int, p: int, *, ax: Axes) -> str:
    answer = ask("transposed_size", transposed_size, i, k, s, p, ndim=0)
    known = answer.values is not None and bool(np.isfinite(answer.values))
    count = int(answer.values) if known and answer.values is not None else None
    full = (i - 1) * s + k
    for place in range(i):
        color = (BLUE, GREEN, PURPLE, ORANGE)[place % 4]
        middle = place * s + k / 2
        _cell(ax, middle - 0.45, 2.3, f"{place}", edge=color, width=0.9)
        for tap in range(k):
            ends = [middle, place * s + tap + 0.5]
            ax.plot(
                ends, [2.28, 1.0], color=color, linewidth=1.3, linestyle=("-", "--", ":", "-.")[place % 4]
            )
    for place in range(full):
        cut = place < p or place >= full - p
        hatch, face = ("////", "#E4E4E4") if cut else ("", "white")
        times = sum(1 for start in range(0, i * s, s) if start <= place < start + k)
        _cell(ax, place + 0.04, 0.05, "cut" if cut else f"{times}×", face=face, hatch=hatch, width=0.92)
    if count is not None and 0 < count < 60:
        arrow = {"arrowstyle": "<->", "color": RED, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (p, -0.3), (p + count, -0.3), arrowprops=arrow, annotation_clip=False)
    told = f"i = {i}, k = {k}, s = {s}, p = {p}"
    got = f"your size: {count}" if count is not None else answer.note
    ax.text(full / 2, 3.5, f"{told}\n{textwrap.fill(got, 24)}", fontsize=9.5, ha="center", va="bottom")
    return f"{told}: {got}"
