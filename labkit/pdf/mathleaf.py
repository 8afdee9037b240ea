"""The leaves of a formula, as Typst writes them: letters, numbers, words, operators and spaces."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from labkit.pdf.typ import lit

_STYLES = {
    "bold": "bold(upright({}))",
    "bold-italic": "bold({})",
    "double-struck": "bb({})",
    "script": "cal({})",
    "fraktur": "frak({})",
    "monospace": "mono({})",
    "sans-serif": "upright(sans({}))",
    "normal": "upright({})",
    "italic": "italic({})",
    "bold-script": "bold(cal({}))",
    "bold-fraktur": "bold(frak({}))",
    "bold-sans-serif": "bold(upright(sans({})))",
}
_PER_LETTER = {"double-struck", "script", "fraktur", "bold-script", "bold-fraktur"}
_LIMIT_WORDS = {
    "lim", "max", "min", "sup", "inf", "argmax", "argmin", "arg max", "arg min",
    "limsup", "liminf", "lim sup", "lim inf", "det", "gcd", "Pr",
}  # fmt: skip
_EM = {
    "em": 1.0,
    "ex": 0.45,
    "mu": 1 / 18,
    "cm": 2.7,
    "mm": 0.27,
    "pt": 0.095,
    "in": 6.9,
    "bp": 0.095,
    "pc": 1.14,
    "sp": 0.0,
}
_INVISIBLE = set("\u2061\u2062\u2063\u2064\u200b")


class FormulaError(Exception):
    """A formula with something that cannot be set; it is then shown as its source."""


def length(text: str) -> float:
    """Return a length of LaTeX in em.

    Example:
        >>> length("18mu")
        1.0
    """
    found = re.fullmatch(r"\s*(-?\s*(?:\d+\.?\d*|\.\d+))\s*([a-z]{2})\s*", text)
    if not found or found[2] not in _EM:
        raise FormulaError(f"{text} is no length")
    return float(found[1].replace(" ", "")) * _EM[found[2]]


def symbol(char: str) -> str:
    """Return one character as Typst math reads it: itself, or an escape.

    Example:
        >>> symbol("x"), symbol("#"), symbol("∑")
        ('x', '\\\\#', '\\\\u{2211}')
    """
    if char.isascii():
        return char if char.isalnum() else "\\" + char
    return f"\\u{{{ord(char):x}}}"


def text_of_leaf(element: Element) -> str:
    """Return the text of a leaf without the space around it."""
    return (element.text or "").strip()


def identifier(element: Element) -> str:
    """Return a variable or a name."""
    text, style = text_of_leaf(element), element.get("mathvariant", "")
    if not text:
        return ""
    if text.startswith("\\") and len(text) > 1:
        raise FormulaError(f"unknown command {text}")
    if len(text) == 1:
        return _STYLES[style].format(symbol(text)) if style in _STYLES and style != "italic" else symbol(text)
    if style in _PER_LETTER:
        return _STYLES[style].format(" ".join(map(symbol, text)))
    if style in _STYLES and style != "normal":
        return _STYLES[style].format(lit(text))
    return _operator_name(text)


def _operator_name(text: str) -> str:
    limits = "true" if text in _LIMIT_WORDS else "false"
    shown = re.sub("^arg ?(?=m)", "arg\N{THIN SPACE}", text)
    return f"op({lit(shown)}, limits: #{limits})"


def number(element: Element) -> str:
    """Return a number."""
    text, style = text_of_leaf(element), element.get("mathvariant", "")
    if style in _STYLES:
        return _STYLES[style].format(lit(text))
    return text if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) else lit(text) if text else ""


def words(element: Element) -> str:
    """Return words in a formula."""
    text, style = (element.text or "").replace("\u00a0", " "), element.get("mathvariant", "")
    text = re.sub(r"\\([_%#&${} ])", r"\1", text)
    if not text:
        return ""
    if "\\textcolor{labkit-" in text:
        raise FormulaError("a command that stands for no word")
    if len(text) == 1 and text.isalpha() and text.isascii() and style in ("", "normal"):
        return f"upright({symbol(text)})"
    return _STYLES[style].format(lit(text)) if style in _STYLES and style != "normal" else lit(text)


def operator(element: Element) -> str:
    """Return an operator, a bracket or the name of one."""
    text = text_of_leaf(element).replace("\N{SIX-PER-EM SPACE}", " ")
    if text.startswith("\\") and len(text) > 1:
        raise FormulaError(f"unknown command {text}")
    if text == "mod":
        return 'class("binary", op("mod"))'
    if not text or set(text) <= _INVISIBLE:
        return ""
    if len(text) > 1 and text.replace(" ", "").isalpha():
        return _operator_name(text)
    if text in ("‖", "∥"):
        return 'class("normal", \\u{2016})'
    shown = "".join(map(symbol, text))
    size = re.match(r"([0-9.]+)em", element.get("minsize", ""))
    if size and element.get("minsize") == element.get("maxsize"):
        return f"lr(size: #{min(float(size[1]), 6):.2f}em, {shown})"
    return shown


def space(element: Element) -> str:
    """Return a space of a width given in em."""
    if element.get("linebreak") == "newline":
        return "\\ "
    width = element.get("width", "").replace("negativethinmathspace", "-3mu")
    return f"#h({max(-4.0, min(20.0, length(width))):.3g}em)" if width else ""
