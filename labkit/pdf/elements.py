"""The elements of HTML by what they are on paper, and small helpers for lines of text."""

from __future__ import annotations

import math
import unicodedata

from bs4.element import NavigableString, PageElement, PreformattedString, Tag

from labkit.pdf.typ import block, call

BLOCKS = {
    "p", "div", "ul", "ol", "li", "table", "pre", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
    "details", "summary", "center", "section", "article", "dl", "dt", "dd", "figure", "figcaption",
    "form", "header", "footer", "main", "tr", "td", "th", "thead", "tbody", "fieldset", "address",
    "aside", "nav",
}  # fmt: skip
UNSEEN = {"style", "head", "meta", "link", "template", "noscript", "title", "base"}
NOT_SHOWN = {  # and why
    "script": "", "iframe": "a page in the page, and nothing is fetched", "video": "paper cannot play it",
    "audio": "paper cannot play it", "object": "", "embed": "", "canvas": "a script draws it", "map": "",
}  # fmt: skip
INLINE = {
    "b": "strong", "strong": "strong", "i": "emph", "em": "emph", "cite": "emph", "var": "emph", "dfn":
    "emph", "sub": "sub", "sup": "super", "u": "underline", "ins": "underline", "s": "strike", "del":
    "strike", "strike": "strike", "mark": "highlight", "small": "smaller",
}  # fmt: skip
HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}


def directed(body: str, text: str) -> str:
    """Return content that runs from right to left when its first letter does."""
    first = next((way for way in map(unicodedata.bidirectional, text[:400]) if way in ("L", "R", "AL")), "L")
    return body if first == "L" else call("from-right", block([body]))


def seen(node: PageElement) -> bool:
    """Say whether a node may show something: an element of a visible kind, or text that is not only space."""
    if isinstance(node, Tag):
        return node.name not in UNSEEN
    return (
        isinstance(node, NavigableString) and not isinstance(node, PreformattedString) and bool(node.strip())
    )


def gauge(node: Tag) -> str:
    """Return what a `<progress>` or a `<meter>` shows, in words.

    Example:
        >>> from bs4 import BeautifulSoup
        >>> gauge(BeautifulSoup('<progress value="3" max="5">', "html.parser").progress)
        '60 %'
    """

    def number(name: str, usual: float) -> float:
        try:
            return float(str(node.get(name, "")))
        except ValueError:
            return usual

    low = number("min", 0.0) if node.name == "meter" else 0.0
    high, value = number("max", 1.0), number("value", math.nan)
    if not (low < high < math.inf and abs(value) < math.inf):
        return f"[{node.name} without a value]"
    return f"{min(1.0, max(0.0, (value - low) / (high - low))):.0%}".replace("%", " %")


def trimmed(parts: list[str]) -> list[str]:
    """Return the parts of a line without the spaces at its ends."""
    parts = [part for part in parts if part]
    while parts and parts[0] == '" "':
        parts = parts[1:]
    while parts and parts[-1] == '" "':
        parts = parts[:-1]
    if parts and parts[0].startswith('" '):
        parts[0] = '"' + parts[0][1:].lstrip()
    return parts
