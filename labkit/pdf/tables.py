"""HTML tables (pandas, Markdown) to Typst tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bs4.element import Tag

from labkit.pdf import css
from labkit.pdf.typ import block, call, note

if TYPE_CHECKING:
    from labkit.pdf.html import Html

MAX_COLUMNS = 60
MAX_ROWS = 500


def table(html: Html, element: Tag, depth: int) -> str:
    """Return the Typst expression of an HTML table; rows and columns past the limits are only counted."""
    rows = [row for row in element.find_all("tr") if row.find_parent("table") is element]
    if not rows:
        return html.flow([c for c in element.children if getattr(c, "name", None) != "caption"], depth)
    shown = rows[:MAX_ROWS]
    taken: set[tuple[int, int]] = set()
    head: list[str] = []
    body: list[str] = []
    header_rows = _header_rows(shown)
    width = left_out = 0
    for y, row in enumerate(shown):
        x = 0
        for cell in row.find_all(["td", "th"], recursive=False):
            while (x, y) in taken:
                x += 1
            across, down = _span(cell, "colspan", 200), _span(cell, "rowspan", len(shown) - y)
            if y < header_rows:
                down = min(down, header_rows - y)
            if x >= MAX_COLUMNS:
                left_out = max(left_out, x + across - MAX_COLUMNS)
                x += across
                continue
            across = min(across, MAX_COLUMNS - x)
            taken.update((x + i, y + j) for i in range(across) for j in range(down))
            (head if y < header_rows else body).append(_cell(html, cell, (x, y, across, down), depth))
            x += across
            width = max(width, x)
    if not width:
        return ""
    frame = "dataframe" in element.get_attribute_list("class") or str(element.get("id", "")).startswith("T_")
    parts = [call("table.header", *head)] if head else []
    result = [call("data-table", str(width), "true" if frame else "false", *parts, *body)]
    caption = element.find("caption")
    if isinstance(caption, Tag):
        result.insert(0, call("caption", html.line(caption, depth)))
    if len(rows) > MAX_ROWS:
        result.append(note(f"[{len(rows) - MAX_ROWS} more rows not shown]"))
    if left_out:
        result.append(note(f"[{left_out} more columns not shown]"))
    return block(result)


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


def _cell(html: Html, cell: Tag, place: tuple[int, int, int, int], depth: int) -> str:
    style = html.style(cell)
    named = {
        key: str(value)
        for key, value in zip(("x", "y", "colspan", "rowspan"), place, strict=True)
        if key in "xy" or value > 1
    }
    paper = css.colour(style.get("background-color") or style.get("background", ""))
    side = style.get("text-align", "") or str(cell.get("align", ""))
    if paper:
        named["fill"] = paper
    if side in ("left", "right", "center"):
        named["align"] = side
    body = html.line(cell, depth + 1)
    if cell.name == "th" or "bold" in style.get("font-weight", ""):
        body = block([call("strong", body)])
    ink = css.colour(style.get("color", ""))
    if ink:
        body = block([call("ink-text", ink, body)])
    return call("table.cell", body, **named)
