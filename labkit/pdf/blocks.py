"""HTML blocks with a look of their own: lists, terms, quotations, alerts, boxes, `<details>`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bs4.element import NavigableString, Tag

from labkit.pdf import css
from labkit.pdf.elements import INLINE, directed, seen
from labkit.pdf.typ import block, call, lit

if TYPE_CHECKING:
    from labkit.pdf.html import Html

# GitHub's alerts by the look of Jupyter's: > [!NOTE]
_ALERTS = {"note": "info", "tip": "success", "important": "info", "warning": "warning", "caution": "danger"}
_ALERT = re.compile(rf"\s*\[!({'|'.join(_ALERTS)})\][ \t]*(?:\n|$)", re.IGNORECASE)


def items(html: Html, element: Tag, depth: int) -> str:
    """Return a list; what stands in it outside its items becomes an item."""
    found = [child for child in element.children if seen(child)]
    if not found:
        return ""
    named = {}
    start = str(element.get("start", ""))
    if element.name == "ol" and re.fullmatch(r"\d{1,6}", start):
        named["start"] = start
    tags = [item for item in found if isinstance(item, Tag)]
    if all("task-list-item" in item.get_attribute_list("class") for item in tags):
        named["marker"] = "[]"
    if any(child.name == "p" for item in tags for child in item.find_all(recursive=False)):
        named["tight"] = "false"
    bodies = [directed(html.line(item, depth + 1), item.get_text()) for item in found]
    return call("enum" if element.name == "ol" else "list", *bodies, **named)


def terms(html: Html, element: Tag, depth: int) -> str:
    """Return terms and what they mean."""
    parts = []
    for child in filter(seen, element.children):
        body, name = html.line(child, depth + 1), child.name if isinstance(child, Tag) else ""
        if name == "dt":
            body = call("paragraph", call("strong", body))
        parts.append(call("pad", body, left="1.2em") if name == "dd" else body)
    return block(parts)


def quotation(html: Html, element: Tag, depth: int) -> str:
    """Return a quotation, or the alert that GitHub makes of one whose first line is `[!NOTE]`."""
    first = element.find(recursive=False)
    words = next(first.children, None) if isinstance(first, Tag) and first.name == "p" else None
    found = _ALERT.match(words) if isinstance(words, NavigableString) else None
    if not found or not isinstance(words, NavigableString):
        return call("quotation", html.flow(element.children, depth))
    words.replace_with(words[found.end() :])
    kind = found[1].lower()
    title = call("paragraph", call("strong", block([lit(kind.capitalize())])))
    return call("alert", lit(_ALERTS[kind]), block([title, html.flow(element.children, depth)]))


def details(html: Html, element: Tag, depth: int) -> str:
    """Return a `<details>` element, opened."""
    summary = element.find("summary", recursive=False)
    if isinstance(summary, Tag) and not html.short(summary):
        return call("details", block([lit("Details")]), html.flow(element.children, depth))
    title = html.line(summary, depth) if isinstance(summary, Tag) else block([lit("Details")])
    rest = [child for child in element.children if child is not summary]
    return call("details", title, html.flow(rest, depth))


def boxed(html: Html, element: Tag, body: str) -> str:
    """Return a block's content with the element's alert box, colours and alignment."""
    kind = re.search(r"alert-(warning|danger|info|success)", " ".join(element.get_attribute_list("class")))
    if kind:
        return call("alert", lit(kind[1]), block([body]))
    style = html.style(element)
    ink = css.colour(style.get("color", ""))
    paper = css.colour(style.get("background-color") or style.get("background", ""))
    side = style.get("text-align", "") or str(element.get("align", "")) or element.name
    if element.name in INLINE:
        body = call(INLINE[element.name], block([body]))
    if ink:
        body = call("ink-text", ink, block([body]))
    if paper:
        body = call("panel", paper, block([body]))
    return call("align", side, block([body])) if side in ("center", "right") else body
