"""The little of CSS that tables and coloured text in notebooks use."""

from __future__ import annotations

import re

import bs4
import tinycss2
from tinycss2.color3 import parse_color

Declarations = dict[str, str]


def colour(value: str) -> str:
    """Return a CSS colour as a Typst expression, "" when it is none or cannot be seen.

    Example:
        >>> colour("red"), colour("rgb(1, 2, 300)"), colour("url(x)")
        ('rgb("#ff0000")', 'rgb("#0102ff")', '')
    """
    parsed = parse_color(value.replace("!important", "").strip())
    if parsed is None or isinstance(parsed, str) or parsed.alpha == 0:
        return ""
    alpha = min(1.0, parsed.alpha)
    parts = (1 - alpha + alpha * min(1.0, max(0.0, part)) for part in parsed[:3])  # over white paper
    return 'rgb("#' + "".join(f"{round(255 * part):02x}" for part in parts) + '")'


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
