"""Terminal text (colours, carriage returns, backspaces) to Typst."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from labkit.pdf.typ import block, breakable, call, clean, lit

# Dark enough to be read on white paper and on the pale red of an error.
_NORMAL = ("3e424d", "b03a2e", "00712a", "86670a", "1763a6", "9a2f8f", "1a7478", "6d7178")
_BRIGHT = ("282c36", "b22b31", "007427", "8a6400", "0065ca", "a03196", "1f7f7f", "777777")
_LEVELS = (0, 95, 135, 175, 215, 255)
_ESCAPE = re.compile(
    r"\x1b\[([0-9;:]{0,64})[ -/]*([@-~])|\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|\x1b[@-_]?|\x9b[0-9;]*[@-~]"
)


@dataclass(frozen=True)
class Style:
    """How a stretch of terminal text looks; colours are six hex digits, "" for the usual one."""

    ink: str = ""
    paper: str = ""
    bold: bool = False
    italic: bool = False
    underline: bool = False


def _palette(index: int) -> str:
    """Return the colour of the 256-colour table."""
    if index < 8:
        return _NORMAL[index]
    if index < 16:
        return _BRIGHT[index - 8]
    if index < 232:
        index -= 16
        return "".join(f"{_LEVELS[v]:02x}" for v in (index // 36, index // 6 % 6, index % 6))
    return f"{8 + (index - 232) * 10:02x}" * 3


def _select(style: Style, numbers: list[int]) -> Style:
    """Return the style after one "select graphic rendition" sequence."""
    at = 0
    while at < len(numbers):
        n = numbers[at]
        if n == 0:
            style = Style()
        elif n in (1, 22):
            style = replace(style, bold=n == 1)
        elif n in (3, 23):
            style = replace(style, italic=n == 3)
        elif n in (4, 24):
            style = replace(style, underline=n == 4)
        elif 30 <= n <= 37 or 90 <= n <= 97:
            style = replace(style, ink=(_NORMAL if n < 40 else _BRIGHT)[n % 10])
        elif 40 <= n <= 47 or 100 <= n <= 107:
            style = replace(style, paper=(_NORMAL if n < 50 else _BRIGHT)[n % 10])
        elif n == 39:
            style = replace(style, ink="")
        elif n == 49:
            style = replace(style, paper="")
        elif n in (38, 48):
            colour, used = _extended(numbers[at + 1 :])
            style = replace(style, ink=colour) if n == 38 else replace(style, paper=colour)
            at += used
        at += 1
    return style


def _extended(numbers: list[int]) -> tuple[str, int]:
    """Return the colour of `5;N` or `2;R;G;B`, and how many numbers it took."""
    if numbers[:1] == [5] and len(numbers) > 1:
        return _palette(numbers[1] & 255), 2
    if numbers[:1] == [2] and len(numbers) > 3:
        return "".join(f"{v & 255:02x}" for v in numbers[1:4]), 4
    return "", len(numbers)


def runs(text: str) -> list[tuple[str, Style]]:
    """Split terminal text into stretches of one style; other escape sequences are left out.

    Example:
        >>> [(t, s.bold) for t, s in runs("a\\x1b[1mb\\x1b[0m")]
        [('a', False), ('b', True)]
    """
    found: list[tuple[str, Style]] = []
    style, at = Style(), 0
    for match in _ESCAPE.finditer(text):
        if match.start() > at:
            found.append((text[at : match.start()], style))
        at = match.end()
        if match[2] == "m":
            style = _select(style, [int(n[:4] or 0) for n in re.split("[;:]", match[1])])
    if at < len(text):
        found.append((text[at:], style))
    return found


def settle(text: str) -> str:
    """Return what a terminal would show: carriage returns overwrite, backspaces step back.

    Example:
        >>> settle("10%\\r20%\\rdone\\n")
        'done\\n'
    """
    return "\n".join(_settle_line(line.rstrip("\r")) for line in text.split("\n"))


def _settle_line(line: str) -> str:
    if "\r" in line:
        shown = ""
        for part in line.split("\r"):
            shown = part if "\x1b" in part + shown else part + shown[len(part) :]
        line = shown
    if "\b" in line:
        kept: list[str] = []
        for char in line:
            if char != "\b":
                kept.append(char)
            elif kept:
                kept.pop()
        line = "".join(kept)
    return line


def terminal(text: str) -> str:
    """Return the Typst expression of a block of terminal text."""
    pieces = runs(text)
    if all(style == Style() for _, style in pieces):
        return call("output-text", lit(breakable(clean("".join(piece for piece, _ in pieces)))))
    return call("output-runs", block(_run(piece, style) for piece, style in pieces))


def _run(text: str, style: Style) -> str:
    named: dict[str, str] = {}
    if style.ink:
        named["fill"] = f'rgb("#{style.ink}")'
    if style.bold:
        named["weight"] = '"bold"'
    if style.italic:
        named["style"] = '"italic"'
    body = call("raw", lit(breakable(clean(text))))
    if named:
        body = call("text", body, **named)
    if style.underline:
        body = call("underline", body)
    if style.paper:
        body = call("highlight", body, fill=f'rgb("#{style.paper}").lighten(82%)')
    return body
