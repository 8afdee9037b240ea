"""Markdown that a student wrote, made safe to show to somebody else."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import nh3

from labkit.pdf.lazily import without

with without("rfc3987_syntax"):  # jsonschema's check of web addresses, which takes a second to load
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

LONGEST = 20_000
MOST = 200_000  # characters of a notebook's Markdown that are rendered; a lab has 30,000
_SCHEMES = {"http", "https", "mailto"}
_TAGS = nh3.ALLOWED_TAGS - {"map", "area", "nav", "header", "footer", "article", "aside"}
_STYLES = {"text-align"}
_CLASSES = re.compile(
    r"anchor-link|highlight|hl-[a-z0-9]+|[a-z]{1,2}[0-9]?"
)  # what the renderer itself writes
_MACROS = re.compile(r"\\(?:href|style|class|cssId|require|html\w*|data|includegraphics|url)\b")
_STYLE = re.compile(r"<[^>]*\bstyle\s*=(?!\s*\"text-align:\s*(?:left|right|center);?\")", re.IGNORECASE)
_PRE = re.compile(r"<pre>[^<>]*</pre>")
_LINKS = re.compile(r"\b(?:href|src)\s*=", re.IGNORECASE)
# Each begins where a name can begin only: from the middle of a long one as well, it takes quadratic time.
_NAME = re.compile(r"(?<![^\s\"'<>/=])([^\s\"'<>/=]++)\s*+=")
_SCHEME = re.compile(r"(?<![a-zA-Z0-9+.-])([a-zA-Z][a-zA-Z0-9+.-]*+)\s*+:")
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
    """nbconvert's renderer, which fails on a picture that is not there; this one shows its text instead."""

    def __init__(self, maths: Maths | None = None) -> None:
        super().__init__(escape=False)
        self.maths = maths

    def _embed_image_or_attachment(self, src: str) -> str:
        return src

    def image(self, text: str, url: str, title: str | None = None) -> str:
        if self.maths:  # a page without scripts loads nothing either
            return f"<em>{text}</em>"
        return str(super().image(text, url, title))

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


def safe_markdown(source: str) -> str:
    r"""Return a cell's Markdown as it is if what it renders to is harmless, else as harmless HTML.

    Args:
        source: what a student wrote.

    Returns:
        Markdown whose rendering holds no script, no form, no style and no link but http, https and mailto.

    Example:
        >>> safe_markdown("a < b, [x](https://example.org) and $x_1$")
        'a < b, [x](https://example.org) and $x_1$'
        >>> safe_markdown("<b onclick='f()'>x</b>")
        '<p><b>x</b></p>'
    """
    source = _MACROS.sub(r"\\text", source)
    rendered = _render(source)
    if rendered is None:
        return verbatim(source)
    if _is_clean(source, rendered):
        return source
    result = re.sub(r"\n\s*\n", "\n", clean(rendered)).strip()  # a blank line would end a block of HTML
    again = _render(result)
    return result if again is not None and _is_clean(result, again) else verbatim(source)


def safe_html(source: str, maths: Maths | None = None) -> str:
    r"""Return Markdown as harmless HTML.

    Args:
        source: what a student, or the lab, wrote.
        maths: a function from LaTeX and whether it stands alone to trusted HTML, for a page that loads
            nothing: pictures are replaced by their text. Without it formulas stay LaTeX.

    Example:
        >>> safe_html("*x* <script>alert(1)</script>").strip()
        '<p><em>x</em> </p>'
    """
    formulas: list[str] = []

    def hold(body: str, alone: bool) -> str:
        formulas.append(maths(body, alone) if maths else "")
        return f"\ue000{len(formulas) - 1}\ue001"  # private-use characters, dropped from the source below

    source = _MACROS.sub(r"\\text", source.replace("\ue000", "").replace("\ue001", ""))
    rendered = _render(source, hold if maths else None)
    if rendered is None:
        return verbatim(source)
    return re.sub(
        "\ue000(\\d+)\ue001", lambda found: formulas[int(found[1])], clean(rendered, pictures=maths is None)
    )


def clean(rendered: str, *, pictures: bool = True) -> str:
    """Return HTML without anything that could run, post, overlay or load; pictures stay if they may."""
    return nh3.clean(
        rendered,
        tags=_TAGS if pictures else _TAGS - {"img"},
        attributes={
            **nh3.ALLOWED_ATTRIBUTES,
            "*": {"class", "title"},
            "th": {"style"},
            "td": {"style"},
            **_HEADINGS,
        },
        attribute_filter=_attribute,
        filter_style_properties=_STYLES,
        url_schemes=_SCHEMES,
        link_rel=None,
    )


_HEADINGS = {f"h{level}": {"id"} for level in range(1, 7)}


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Keep a class only if the renderer writes such a class itself."""
    if name == "class":
        return value if all(_CLASSES.fullmatch(each) for each in value.split()) else None
    return value


def _is_clean(source: str, rendered: str) -> bool:
    """Return whether cleaning a rendered text takes nothing away."""
    if "attachment:" in source or _STYLE.search(rendered):
        return False
    cleaned = clean(rendered)
    return cleaned == _as_is(rendered) and len(_LINKS.findall(cleaned)) == len(_LINKS.findall(rendered))


def _as_is(rendered: str) -> str:
    """Return HTML written by the same serialiser as `clean`, but with nothing taken away."""
    tags = {name.lower() for name in re.findall(r"<\s*/?\s*([a-zA-Z][^\s/>]*)", rendered)}
    names = {name.lower() for name in _NAME.findall(rendered)}
    options: dict[str, Any] = {
        "tags": tags | _TAGS,
        "clean_content_tags": set(),
        "attributes": {"*": names | {"class", "title", "id"}},
        "filter_style_properties": _STYLES,
        "url_schemes": {name.lower() for name in _SCHEME.findall(html.unescape(rendered))},
        "strip_comments": False,
        "link_rel": None,
    }
    return nh3.clean(rendered, **options)


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
    return source if _PRE.fullmatch(source) else f"<pre>{html.escape(source)}</pre>"
