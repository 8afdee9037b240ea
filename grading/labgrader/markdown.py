"""Markdown that a student wrote, made safe to show to somebody else."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from jinja2 import pass_context

from labgrader.harmless import clean, in_words
from labgrader.pictures import Find, attached
from labkit.pdf.lazily import without

with without("rfc3987_syntax"):  # jsonschema's check of web addresses, which takes a second to load
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

LONGEST = 20_000
MOST = 200_000  # characters of a notebook's Markdown that are rendered; a lab has 30,000
_MACROS = re.compile(r"\\(?:href|style|class|cssId|require|html\w*|data|includegraphics|url|mmlToken|bbox)\b")
_ON_THE_WEB = re.compile(r"!\[([^\[\]\\<>`]*)\]\(((?:https?:)?//[\w./:?=%+-]+)\)")
_CODE = re.compile(r"`|~~~|^(?: {4}|\t)", re.MULTILINE)
_OWN = str.maketrans("", "", "\ue000\ue001\ue002\ue003\ue004")
_PRE = re.compile(r"<pre>[^<>]*</pre>")
_SPECIAL = 400  # more of the characters that parsers take quadratic time over: the text is shown as it is
Maths = Callable[[str, bool], str]


class Room:
    """How many characters of a notebook may still be worked on; what comes after them is shown as it is.

    Example:
        >>> room = Room(10)
        >>> room.has("12345678"), room.has("123"), room.has("12")
        (True, False, True)
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def has(self, text: str) -> bool:
        """Take a text's room, if it is there."""
        if len(text) > self.left:
            return False
        self.left -= len(text)
        return True


class _Renderer(IPythonRenderer):
    """nbconvert's renderer, but pictures keep their addresses, and formulas may be put in."""

    def __init__(self, maths: Maths | None = None) -> None:
        super().__init__(escape=False)
        self.maths = maths

    def _embed_image_or_attachment(self, src: str) -> str:
        return src

    def inline_math(self, body: str) -> str:
        return self.maths(body, False) if self.maths else str(super().inline_math(body))

    def block_math(self, body: str) -> str:
        return self.maths(body, True) if self.maths else str(super().block_math(body))

    def multiline_math(self, text: str) -> str:
        return self.block_math(text)

    def latex_environment(self, name: str, body: str) -> str:
        return (
            self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")
            if self.maths
            else str(super().latex_environment(name, body))
        )


def _not_here(address: str) -> tuple[str, str]:
    return attached(None)(address)


def _as_found(address: str) -> tuple[str, str]:
    """Take an attachment as it stands, in a text that has been made safe."""
    return (address, "") if address.startswith("attachment:") else ("", "it is not in the cell")


def safe_markdown(source: str, find: Find = _not_here) -> str:
    r"""Return a cell's Markdown as it is if what it renders to is harmless, else as harmless HTML.

    Args:
        source: what a student wrote.
        find: says of each picture's address from which attachment it is shown, or why it is not.

    Returns:
        Markdown whose rendering holds no script, no form, no style, no link but http, https and mailto, and
        no picture but attachments: of others it holds the alt text, and the address or why it is not shown.

    Example:
        >>> safe_markdown("a < b, [x](https://example.org) and $x_1$")
        'a < b, [x](https://example.org) and $x_1$'
        >>> safe_markdown("<b onclick='f()'>x</b>")
        '<p><b>x</b></p>'
        >>> safe_markdown("![a dog](//example.org/dog.png)")
        'a dog [picture not loaded: //example.org/dog.png]'
    """
    source = _MACROS.sub(r"\\text", source.translate(_OWN))
    if not _CODE.search(source):  # so that a text whose only fault is such a picture stays Markdown
        source = _ON_THE_WEB.sub(lambda found: in_words(found[1], found[2].replace("_", r"\_")), source)
    rendered = _render(source)
    if rendered is None:
        return verbatim(source)
    cleaned, whole = clean(rendered, find)
    if whole:
        return source
    result = re.sub(r"\n\s*\n", "\n", cleaned).strip()  # a blank line would end a block of HTML
    again = _render(result)
    return result if again is not None and clean(again, _as_found)[1] else verbatim(source)


def safe_html(source: str, maths: Maths | None = None, find: Find = _not_here) -> str:
    r"""Return Markdown as harmless HTML, which loads nothing.

    Args:
        source: what a student, or the lab, wrote.
        maths: a function from LaTeX and whether it stands alone to trusted HTML, for a page without scripts.
            Without it formulas stay LaTeX.
        find: says of each picture's address from which one it is shown, or why it is not.

    Example:
        >>> safe_html("*x* <script>alert(1)</script>").strip()
        '<p><em>x</em> </p>'
    """
    formulas: list[str] = []

    def hold(body: str, alone: bool) -> str:
        formulas.append(maths(body, alone) if maths else "")
        return f"\ue000{len(formulas) - 1}\ue001"  # private-use characters, dropped from the source below

    source = _MACROS.sub(r"\\text", source.translate(_OWN))
    rendered = _render(source, hold if maths else None)
    if rendered is None:
        return verbatim(source)
    cleaned, _ = clean(rendered, find)
    return re.sub("\ue000(\\d+)\ue001", lambda found: formulas[int(found[1])], cleaned)


@pass_context
def page_html(context: Any, source: str) -> str:
    """Return a cell's Markdown for formgrader's page: nbconvert's filter, which knows the cell.

    Args:
        context: the template's.
        source: the Markdown.
    """
    cell = context.get("cell") or {}
    return safe_html(source, find=attached(cell.get("attachments")))


def _render(source: str, maths: Maths | None = None) -> str | None:
    """Return rendered Markdown, None for what is too long or too deep to render."""
    if len(source) > LONGEST or sum(map(source.count, "<>&[")) > _SPECIAL:
        return None
    try:
        return str(MarkdownWithMath(renderer=_Renderer(maths)).render(source))
    except Exception:  # a parser's trouble with a hostile text, such as RecursionError, is no reason to stop
        return None


def verbatim(source: str) -> str:
    """Return a text as a block of preformatted HTML, unless it is one already."""
    return source if is_verbatim(source) else f"<pre>{html.escape(source)}</pre>"


def is_verbatim(source: str) -> bool:
    """Return whether a text is a block that `verbatim` made."""
    return _PRE.fullmatch(source) is not None
