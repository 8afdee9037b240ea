"""The little of CSS that tables and coloured text in notebooks use."""

from __future__ import annotations

import re

import bs4
import tinycss2

# The sixteen names of HTML 4; Typst has its own, softer shades of them, so the values are given.
_NAMED = {
    "aqua": "00ffff", "black": "000000", "blue": "0000ff", "fuchsia": "ff00ff", "gray": "808080", "grey": "808080",
    "green": "008000", "lime": "00ff00", "maroon": "800000", "navy": "000080", "olive": "808000", "purple": "800080",
    "red": "d00000", "silver": "c0c0c0", "teal": "008080", "white": "ffffff", "yellow": "ffff00", "orange": "ffa500",
    "lightgray": "d3d3d3", "lightgrey": "d3d3d3", "lightgreen": "90ee90", "lightblue": "add8e6", "pink": "ffc0cb",
    "darkred": "8b0000", "darkgreen": "006400", "darkblue": "00008b", "crimson": "dc143c", "tomato": "ff6347",
}  # fmt: skip
Declarations = dict[str, str]


def colour(value: str) -> str:
    """Return a CSS colour as a Typst expression, "" when it is none that we know.

    Example:
        >>> colour("red"), colour("rgb(1, 2, 300)"), colour("url(x)")
        ('rgb("#d00000")', 'rgb("#0102ff")', '')
    """
    value = value.replace("!important", "").strip().lower()
    if value in _NAMED:
        return f'rgb("#{_NAMED[value]}")'
    if re.fullmatch(r"#([0-9a-f]{3}|[0-9a-f]{6})", value):
        return f'rgb("{value}")'
    match = re.fullmatch(
        r"rgba?\(\s*(\d{1,4})[\s,]+(\d{1,4})[\s,]+(\d{1,4})(?:[\s,/]+([\d.]+%?))?\s*\)", value
    )
    if match and match[4] not in ("0", "0%", "0.0"):
        return 'rgb("#{:02x}{:02x}{:02x}")'.format(*(min(255, int(part)) for part in match.groups()[:3]))
    return ""


def declarations(text: str) -> Declarations:
    """Return the properties of a style attribute.

    Example:
        >>> declarations("color: red; text-align:right")
        {'color': 'red', 'text-align': 'right'}
    """
    parts = (piece.partition(":") for piece in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in parts if value.strip()}


def sheet(soup: bs4.BeautifulSoup) -> dict[str, Declarations]:
    """Return what the style elements say about single ids (as pandas' Styler writes)."""
    found: dict[str, Declarations] = {}
    for style in soup.find_all("style"):
        for rule in tinycss2.parse_stylesheet(style.string or "", skip_comments=True, skip_whitespace=True):
            if rule.type != "qualified-rule":
                continue
            for selector in tinycss2.serialize(rule.prelude).split(","):
                match = re.fullmatch(r"\s*#([\w-]+)\s*", selector)
                if match:
                    found.setdefault(match[1], {}).update(declarations(tinycss2.serialize(rule.content)))
    return found


def length(value: str) -> str:
    """Return a width as Typst writes it, "" when it is not one.

    Example:
        >>> length("400px"), length("50%"), length("auto")
        ('300.0pt', '50.0%', '')
    """
    match = re.fullmatch(r"\s*(\d{1,5}(?:\.\d{1,4})?)\s*(px|%|pt|em|)\s*", value)
    if not match or not float(match[1]):
        return ""
    number, unit = float(match[1]), match[2]
    if unit == "%":
        return f"{min(100.0, number)}%"
    return f"{number if unit == 'pt' else number * 10.5 if unit == 'em' else number * 0.75:.1f}pt"
