"""Figures a little smaller where they then stand on the page before, which would stay half empty."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import typst

from labkit.pdf.errors import PanicError
from labkit.pdf.fonts import FontSet
from labkit.pdf.guard import guarded

SMALLEST = 0.72  # of its size: letters of 8.5 pt are then 5.7 pt on the page
HIGH = 90.0  # points: a lower figure leaves no big gap
HEAD = 160.0  # points: a figure that was pushed on stands at the top of its page, below a few lines of code
TOP = 60.0  # points: where a page's text begins
TRIALS = 16  # layouts; each is about a quarter of making the PDF


@dataclass(frozen=True)
class Place:
    """Where a figure stands: page, then points from its top; `room` down to the bottom margin."""

    path: str
    page: int
    y: float
    high: float
    room: float


@dataclass(frozen=True)
class Layout:
    """Where the figures stand, in order, and how far down each page something surely stands."""

    figures: list[Place]
    filled: dict[int, float]

    def may_move(self, at: int) -> bool:
        """Say whether a figure may fit on the page before its own when it is at its smallest."""
        it = self.figures[at]
        gap = it.y + it.room - self.filled.get(it.page - 1, TOP)
        return it.high >= HIGH and it.y <= HEAD and it.page > 1 and SMALLEST * it.high + it.y - TOP <= gap


def fit(source: str, store: Path, fonts: FontSet) -> None:
    """Make those figures smaller that then fit on the page before theirs.

    The figures are gone through from the first to the last: each is tried at its smallest, and gets the room
    that is there. The same source always gives the same.
    """
    scales: dict[str, float] = {}
    if "figure-picture(" not in source:
        return write_sizes(store, scales)
    try:
        now, left = _lay_out(source, scales, store, fonts), TRIALS
        times = Counter(figure.path for figure in now.figures)
        for at in range(len(now.figures)):
            was = now.figures[at]
            if left <= 0 or times[was.path] > 1 or not now.may_move(at):
                continue
            tried = _lay_out(source, {**scales, was.path: SMALLEST}, store, fonts)
            left -= 1
            there = tried.figures[at]
            if there.page == was.page:
                continue
            by = round(min(1.0, there.room / was.high) - 0.005, 4)
            now = _lay_out(source, {**scales, was.path: by}, store, fonts)
            left -= 1
            if now.figures[at].page != there.page:
                by, now = SMALLEST, tried
            scales[was.path] = by
    except (RuntimeError, PanicError, IndexError):
        pass  # what is wrong with the source is found out when it is compiled
    write_sizes(store, scales)


def _lay_out(source: str, scales: dict[str, float], store: Path, fonts: FontSet) -> Layout:
    write_sizes(store, scales, telling=True)
    (store / "main.typ").write_text(source, encoding="utf-8")
    with guarded():
        told = typst.Compiler(str(store / "main.typ"), root=str(store), font_paths=fonts.handle).query(
            "selector.or(<figure-place>, <text-place>)", field="value"
        )
    *figures, texts = json.loads(told)
    places = [Place(**figure) for figure in figures]
    filled: dict[int, float] = {}
    ends = ((it.page, it.y + it.high * scales.get(it.path, 1.0)) for it in places)
    for page, y in [*texts, *ends]:
        filled[page] = max(y, filled.get(page, TOP))
    return Layout(places, filled)


def write_sizes(store: Path, scales: dict[str, float], *, telling: bool = False) -> None:
    """Write the file by which the template makes figures smaller."""
    (store / "sizes.json").write_text(json.dumps({"telling": telling, "smaller": scales}), encoding="utf-8")
