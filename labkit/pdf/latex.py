"""Outputs of kind text/latex: one formula, or words with formulas among them."""

from __future__ import annotations

import re
from html import escape

_FORMULA = re.compile(
    r"(?<!\\)\$\$(?P<block>.+?)(?<!\\)\$\$"
    r"|(?<!\\)\\\[(?P<bracket>.+?)(?<!\\)\\\]"
    r"|(?<!\\)\\\((?P<round>.+?)(?<!\\)\\\)"
    r"|(?<!\\)\$(?P<line>(?:[^$\\]|\\.)+)\$"
    r"|(?P<whole>\\begin\s*\{(?P<name>\w+\*?)\}.*?\\end\s*\{(?P=name)\})",
    re.DOTALL,
)
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
    found = list(_FORMULA.finditer(text))
    if len(found) == 1 and found[0][0] == text:
        return _tex(found[0], display=True)
    if all(match["whole"] for match in found):
        rest = re.sub(r"\\[A-Za-z]+\*?\s*\{[^{}]*\}", " ", _FORMULA.sub(" ", text))
        if not _PROSE.search(rest):
            return f'<tex data-display="1">{escape(text)}</tex>'
    parts, at = [], 0
    for match in found:
        parts.append(_words(text[at : match.start()]))
        parts.append(_tex(match, display=match["round"] is None and match["line"] is None))
        at = match.end()
    return f"<p>{''.join(parts)}{_words(text[at:])}</p>"


def _tex(match: re.Match[str], *, display: bool) -> str:
    body = next(match[name] for name in ("block", "bracket", "round", "line", "whole") if match[name])
    return f'<tex data-display="{int(display)}">{escape(body)}</tex>'


def _words(text: str) -> str:
    return re.sub(r"\n\s*\n", "</p><p>", escape(text.replace(r"\$", "$")))
