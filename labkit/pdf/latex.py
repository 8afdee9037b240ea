"""Outputs of kind text/latex: one formula, or words with formulas among them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

MAX_LENGTH = 20_000  # as of a formula; what is longer is shown as its source
_MARK = re.compile(r"\\\\|\\\$|\$\$?|\\[\[\]()]|\\(?:begin|end)\s*\{\w+\*?\}")
_ENDS = {"$$": "$$", "$": "$", r"\[": r"\]", r"\(": r"\)"}
_IN_LINE = ("$", r"\(")
# Two words side by side, not of two letters each, as "dx dy" is.
_PROSE = re.compile(
    r"(?<![\\\w{^])(?:[^\W\d_]{3,}[,.;:]?\s+[^\W\d_]{2,}|[^\W\d_]{2,}[,.;:]?\s+[^\W\d_]{3,})(?![\w{(^])"
)


def latex_html(text: str) -> str:
    """Return LaTeX as HTML in which each formula is a <tex data-display="0|1"> element.

    Where nothing marks a formula, the whole is one, unless it holds words side by side.

    Example:
        >>> latex_html("slope $a$"), latex_html("$a$")
        ('<p>slope <tex data-display="0">a</tex></p>', '<tex data-display="1">a</tex>')
    """
    text = text.strip()
    if len(text) > MAX_LENGTH:
        return _tex(text, display=True)
    pieces = list(_pieces(text))
    if len(pieces) == 1 and pieces[0][0]:
        return _tex(pieces[0][1], display=True)
    if all(mark in ("", "begin") for mark, _ in pieces):
        words = " ".join(piece for mark, piece in pieces if not mark)
        if not _PROSE.search(re.sub(r"\\[A-Za-z]+\*?\s*\{[^{}]*\}", " ", words)):
            return _tex(text, display=True)
    shown = [_tex(piece, display=mark not in _IN_LINE) if mark else _words(piece) for mark, piece in pieces]
    return f"<p>{''.join(shown)}</p>"


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Give words, as ("", words), and formulas, as what opens them and their body, in order."""
    marks = list(_MARK.finditer(text))
    last = {mark[0]: number for number, mark in enumerate(marks)}  # of each kind of mark
    at, number = 0, 0
    while number < len(marks):
        mark = marks[number]
        name = mark[0].replace("begin", "end", 1) if mark[0].startswith(r"\begin") else ""
        end = name or _ENDS.get(mark[0], "")
        if not end or last.get(end, -1) <= number:
            number += 1
            continue
        depth, stop = 1, number
        while depth and stop < len(marks) - 1:
            stop += 1
            depth += (marks[stop][0] == mark[0] and bool(name)) - (marks[stop][0] == end)
        if at < mark.start():
            yield "", text[at : mark.start()]
        at = marks[stop].end()
        inside = text[mark.end() : marks[stop].start()]
        yield ("begin", text[mark.start() : at]) if name else (mark[0], inside)
        number = stop + 1
    if at < len(text):
        yield "", text[at:]


def _tex(body: str, *, display: bool) -> str:
    return f'<tex data-display="{int(display)}">{escape(body)}</tex>'


def _words(text: str) -> str:
    return re.sub(r"\n\s*\n", "</p><p>", escape(text.replace(r"\$", "$")))
