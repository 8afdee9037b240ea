"""HTML tables (pandas, Markdown) to Typst tables; one that is too wide for the page is split by columns."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bs4.element import PageElement, Tag

from labkit.pdf import css
from labkit.pdf.elements import seen
from labkit.pdf.typ import block, call, lit, note

if TYPE_CHECKING:
    from labkit.pdf.html import Html

MAX_COLUMNS = 120
MAX_ROWS = 500
MAX_CELLS = 6_000
LETTERS = 70  # that share the width of the page among the columns, at the least
ROOM = 125  # letters that fit side by side when a table is made a little smaller
WIDEST = 60  # letters of a column; longer text wraps
GAP = 3  # what the space around a cell takes, in letters


@dataclass(frozen=True)
class Place:
    """A cell: where it stands, how far it reaches, how many letters wide it is, its Typst expression."""

    x: int
    y: int
    across: int
    down: int
    letters: int
    body: str
    named: tuple[tuple[str, str], ...]
    head: bool
    label: bool  # a heading at the start of a row

    def typst(self, first: int = 0) -> str:
        """Return the cell's expression, columns counted from `first`."""
        named = {"x": str(self.x - first), "y": str(self.y)}
        if self.across > 1:
            named["colspan"] = str(self.across)
        if self.down > 1:
            named["rowspan"] = str(self.down)
        return call("table.cell", self.body, **named, **dict(self.named))


def table(html: Html, element: Tag, depth: int) -> str:
    """Return the Typst expression of an HTML table; rows and columns past the limits are only counted."""
    rows = own_rows(element)
    if not rows:
        return html.flow([c for c in element.children if getattr(c, "name", None) != "caption"], depth)
    widest = max(len(row.find_all(["td", "th"], recursive=False)) for row in rows[:MAX_ROWS])
    shown = rows[: min(MAX_ROWS, max(20, MAX_CELLS // max(1, min(widest, MAX_COLUMNS))))]
    usual, html.longest = html.longest, min(html.longest, max(12, LETTERS // max(1, widest)))
    try:
        places, left_out = _places(html, shown, depth)
    finally:
        html.longest = usual
    if not places:
        return ""
    frame = "dataframe" in element.get_attribute_list("class") or str(element.get("id", "")).startswith("T_")
    result = _split(places, frame)
    caption = element.find("caption")
    if isinstance(caption, Tag):
        said = " ".join(caption.get_text().split())
        if len(said) > 1000:
            said = f"{said[:1000]}… [{len(said) - 1000:,} more characters not shown]"
        result.insert(0, call("caption", block([lit(said)])))
    beside = [html.flow([node], depth) for node in outside_cells(element)]  # before it, as in browsers
    result = [*(body for body in beside if body != "[]"), *result]
    if len(rows) > len(shown):
        result.append(note(f"[{len(rows) - len(shown)} more rows not shown]"))
    if left_out:
        result.append(note(f"[{left_out} more columns not shown]"))
    return block(result)


def own_rows(table: Tag) -> list[Tag]:
    """Return the rows of a table; one inside a cell, as malformed HTML has, is shown there."""
    rows = [row for row in table.find_all("tr") if row.find_parent(["table", "td", "th"]) is table]
    order = {"thead": 0, "tfoot": 2}  # wherever they are written
    return sorted(rows, key=lambda row: order.get(row.parent.name if row.parent else "", 1))


def outside_cells(element: Tag) -> list[PageElement]:
    """Return what stands in a table or a part of it, but not in a cell or the caption."""
    found: list[PageElement] = []
    for child in filter(seen, element.children):
        name = child.name if isinstance(child, Tag) else ""
        if name in ("thead", "tbody", "tfoot", "tr"):
            found += outside_cells(child)  # type: ignore[arg-type]
        elif name not in ("caption", "colgroup") and not (name in ("td", "th") and element.name == "tr"):
            found.append(child)
    return found


def _places(html: Html, rows: list[Tag], depth: int) -> tuple[list[Place], int]:
    """Return the cells of rows with their places, and how many columns are left out."""
    taken: set[tuple[int, int]] = set()
    places: list[Place] = []
    left_out = 0
    heads = _header_rows(rows)
    for y, row in enumerate(rows):
        x = 0
        for cell in row.find_all(["td", "th"], recursive=False):
            while (x, y) in taken:
                x += 1
            across, down = _span(cell, "colspan", 200), _span(cell, "rowspan", len(rows) - y)
            if y < heads:
                down = min(down, heads - y)
            if x >= MAX_COLUMNS:
                left_out = max(left_out, x + across - MAX_COLUMNS)
                x += across
                continue
            across = min(across, MAX_COLUMNS - x)  # a cell that hangs down from above keeps its place
            across = next((i for i in range(1, across) if (x + i, y) in taken), across)
            taken.update((x + i, y + j) for i in range(across) for j in range(down))
            places.append(_cell(html, cell, (x, y, across, down), depth, head=y < heads))
            x += across
    return places, left_out


def _split(places: list[Place], frame: bool) -> list[str]:
    """Return one table, or several when the columns need more than the page is wide."""
    columns = max(place.x + place.across for place in places)
    widths = [1] * columns
    for place in places:
        if place.across == 1:
            widths[place.x] = max(widths[place.x], min(WIDEST if frame else 12, place.letters))
    labels = 0
    while labels < min(3, columns - 1) and all(p.label or p.head for p in places if p.x == labels):
        labels += 1
    if labels:  # they stand in each part, and wrap
        widths[:labels] = [min(width, ROOM // 2 // labels) for width in widths[:labels]]
    groups = _groups([width + GAP for width in widths], labels, ROOM)
    if len(groups) == 1:
        return [_one(places, columns, frame)]
    made = []
    for start, end in groups:
        repeated = [p for p in places if p.x < labels]
        body = [cut for p in places if (cut := _cut(p, max(start, labels), end))]
        shift = max(start, labels) - labels
        moved = [replace(p, x=p.x - shift) for p in body]
        said = f"[columns {start + 1 - labels} to {end - labels} of {columns - labels}]"
        made.append(call("lead-note", lit(said)))
        made.append(_one(repeated + moved, labels + end - max(start, labels), frame))
    return made


def _groups(widths: list[int], labels: int, room: int) -> list[tuple[int, int]]:
    """Return from which column to which each part goes; the parts are about equally wide.

    Example:
        >>> _groups([2, 5, 5, 5, 5], 1, 18)
        [(1, 3), (3, 5)]
    """
    if sum(widths) <= room:
        return [(labels, len(widths))]
    most = max(1, room - sum(widths[:labels]))
    parts = len(_filled(widths, labels, most))
    even = -(-sum(widths[labels:]) // parts)
    for width in range(min(even, most), most + 1):  # the narrowest that needs no more parts
        groups = _filled(widths, labels, width)
        if len(groups) <= parts:
            break
    return groups


def _filled(widths: list[int], labels: int, room: int) -> list[tuple[int, int]]:
    """Return groups of columns, each filled as far as there is room."""
    groups, start, used = [], labels, 0
    for x in range(labels, len(widths)):
        if used and used + widths[x] > room:
            groups.append((start, x))
            start, used = x, 0
        used += widths[x]
    return [*groups, (start, len(widths))]


def _cut(place: Place, start: int, end: int) -> Place | None:
    """Return the part of a cell that stands in columns `start` to `end`, None when none does."""
    left, right = max(place.x, start), min(place.x + place.across, end)
    return replace(place, x=left, across=right - left) if left < right else None


def _one(places: list[Place], columns: int, frame: bool) -> str:
    head = [place.typst() for place in places if place.head]
    body = [place.typst() for place in places if not place.head]
    if sum(map(len, head)) > 3000:  # a header stands on one page; what is taller would be cut off
        head, body = [], head + body
    parts = [call("table.header", *head)] if head else []
    return call("data-table", str(columns), "true" if frame else "false", *parts, *body)


def _header_rows(rows: list[Tag]) -> int:
    count = 0
    for row in rows:
        cells = row.find_all(["td", "th"], recursive=False)
        in_head = row.parent is not None and row.parent.name == "thead"
        if not (in_head or (cells and all(cell.name == "th" for cell in cells))):
            break
        count += 1
    return count if count < len(rows) else max(0, len(rows) - 1)


def _span(cell: Tag, name: str, limit: int) -> int:
    value = str(cell.get(name, "1"))
    return max(1, min(limit, int(value))) if re.fullmatch(r"[0-9]{1,4}", value) else 1


def _cell(html: Html, cell: Tag, place: tuple[int, int, int, int], depth: int, *, head: bool) -> Place:
    style = html.style(cell)
    named: dict[str, str] = {}
    paper = css.colour(style.get("background-color") or style.get("background", ""))
    side = style.get("text-align", "") or str(cell.get("align", ""))
    if paper:
        named["fill"] = paper
    if side in ("left", "right", "center"):
        named["align"] = f"{side} + horizon"
    letters = _letters(cell.get_text())
    if letters > WIDEST and "align" not in named:  # it wraps
        named["align"] = "left + horizon"
    body = html.line(cell, depth + 1)
    if cell.name == "th" or "bold" in style.get("font-weight", ""):
        body = block([call("strong", body)])
    ink = css.colour(style.get("color", ""))
    if ink:
        body = block([call("ink-text", ink, body)])
    return Place(*place, letters, body, tuple(named.items()), head, cell.name == "th")


def _letters(text: str) -> int:
    """Return how wide text is in letters; a Chinese one is as wide as two."""
    text = " ".join(text[:400].split())
    return len(text) + sum(unicodedata.east_asian_width(char) in "WF" for char in text)
