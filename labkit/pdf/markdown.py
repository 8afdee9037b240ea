"""Markdown to HTML through nbconvert's own parser, with formulas kept apart."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape
from typing import TYPE_CHECKING, ClassVar

from labkit.pdf import mdtables
from labkit.pdf.lazily import alone, without

if TYPE_CHECKING:
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath, MathInlineParser
else:
    # All of nbconvert takes a third of a second to load, and jsonschema's check of web addresses a second.
    with without("rfc3987_syntax"):
        _mistune = alone(
            "nbconvert",
            "nbconvert.filters.markdown_mistune",
            unused="nbconvert.filters.strings",
            names=("add_anchor",),  # for headings, which are written below
        )
    IPythonRenderer = _mistune.IPythonRenderer
    MarkdownWithMath = _mistune.MarkdownWithMath
    MathInlineParser = _mistune.MathInlineParser

# A closing dollar is not followed by a digit, so that "$5 and $10" stays text.
# Words in a formula may hold formulas of their own: \text{if $x$}.
_WORDS = r"\\(?:text\w*|mbox|hbox)\s*\{[^{}$]*\$[^{}]*\}"
_INLINE = rf"(?<![$\\])\$(?P<math_inline_tex>(?s:{_WORDS}|[^$\\]|\\.)+?)\$(?![0-9$])"
_IN_HTML = re.compile(
    r"(?P<skip><(?P<tag>pre|code|script|style)\b.*?</(?P=tag)\s*>|<[^<>]*>)"
    rf"|\$\$(?P<display>(?:{_WORDS}|[^$])+)\$\$|(?<![\\$])\$(?P<inline>(?:{_WORDS}|[^$\n])+?)(?<![\\\s])\$(?![0-9$])",
    re.DOTALL | re.IGNORECASE,
)


class _Inline(MathInlineParser):
    """nbconvert's parser of lines, less eager to see formulas."""

    SPECIFICATION: ClassVar[dict[str, str]] = {**MathInlineParser.SPECIFICATION, "inline_math_tex": _INLINE}


class _Renderer(IPythonRenderer):
    """nbconvert's renderer, but formulas become <tex> elements and code is not yet coloured."""

    def block_html(self, html: str) -> str:
        """Return HTML written in Markdown; its formulas are set, as Jupyter does."""
        return _IN_HTML.sub(_tex_in_html, html)

    def inline_math(self, body: str) -> str:
        """Return an inline formula."""
        return _tex(body, display=False)

    def block_math(self, body: str) -> str:
        """Return a displayed formula."""
        return _tex(body, display=True)

    def latex_environment(self, name: str, body: str) -> str:
        """Return a LaTeX environment outside dollar signs."""
        return _tex(rf"\begin{{{name}}}{body}\end{{{name}}}", display=True)

    def block_code(self, code: str, info: str | None = None) -> str:
        """Return a code block with its language."""
        language = (info or "").split()[:1]
        return f'<pre data-language="{escape("".join(language))}">{escape(code)}</pre>'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Return an image with its address as written."""
        return f'<img src="{escape(url)}" alt="{escape(text)}">'

    def heading(self, text: str, level: int, **attrs: object) -> str:
        """Return a heading without anchor."""
        return f"<h{level}>{text}</h{level}>\n"


def _tex(body: str, *, display: bool) -> str:
    return f'<tex data-display="{int(display)}">{escape(body)}</tex>'


def _tex_in_html(match: re.Match[str]) -> str:
    body = match["display"] or match["inline"]
    return _tex(unescape(body), display=bool(match["display"])) if body else match[0]


@lru_cache(maxsize=128)  # of a notebook that is drawn again, few cells have changed
def to_html(source: str) -> str:
    """Return Markdown as HTML in which each formula is a <tex data-display="0|1"> element.

    Example:
        >>> to_html("*a* $x<y$")
        '<p><em>a</em> <tex data-display="0">x&lt;y</tex></p>\\n'
    """
    parser = MarkdownWithMath(renderer=_Renderer(escape=False, exclude_anchor_links=True), inline=_Inline())
    mdtables.register(parser.block)
    html: str = parser.render(source)
    return html
