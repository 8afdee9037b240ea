"""Markdown that a student wrote, made safe to show to somebody else."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import nh3
from jinja2 import pass_context

from labgrader.pictures import Find, attached, is_elsewhere
from labkit.pdf.lazily import without

with without("rfc3987_syntax"):  # jsonschema's check of web addresses, which takes a second to load
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

LONGEST = 20_000
MOST = 200_000  # characters of a notebook's Markdown that are rendered; a lab has 30,000
_SCHEMES = {"http", "https", "mailto"}
_ADDRESSES = _SCHEMES | {"attachment", "data"}  # of pictures, which are then shown or replaced by words
_TAGS = nh3.ALLOWED_TAGS - {"map", "area", "nav", "header", "footer", "article", "aside"}
_STYLES = {"text-align"}
_CLASSES = re.compile(
    r"anchor-link|highlight|hl-[a-z0-9]+|[a-z]{1,2}[0-9]?"
)  # what the renderer itself writes
_MACROS = re.compile(r"\\(?:href|style|class|cssId|require|html\w*|data|includegraphics|url|mmlToken|bbox)\b")
_STYLE = re.compile(r"<[^>]*\bstyle\s*=(?!\s*\"text-align:\s*(?:left|right|center);?\")", re.IGNORECASE)
_IMAGE = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')  # as the serialiser writes it
_FACT = re.compile(r' ([a-z]+)="([^"]*)"')
_ON_THE_WEB = re.compile(r"!\[([^\[\]\\<>`]*)\]\(((?:https?:)?//[\w./:?=%+-]+)\)")
_END = "<b>\ue004</b>"  # what a page goes on with
_CODE = re.compile(r"`|~~~|^(?: {4}|\t)", re.MULTILINE)
_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"  # the labs' own
_HELD = re.compile("\ue002(\\d+)\ue003")  # private-use characters, dropped from the source
_OWN = str.maketrans("", "", "\ue000\ue001\ue002\ue003\ue004")
_PRE = re.compile(r"<pre>[^<>]*</pre>")
_LINKS = re.compile(  # also in tags that parsers drop where they stand, such as <td>
    r"\b(?:href|src|srcset|imagesrcset|background|poster|lowsrc|dynsrc|data|ping|action|cite)\s*=",
    re.IGNORECASE,
)
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
        source = _ON_THE_WEB.sub(lambda found: _in_words(found[1], found[2].replace("_", r"\_")), source)
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


def clean(rendered: str, find: Find = _not_here) -> tuple[str, bool]:
    """Return HTML without anything that could run, post, overlay or load, and whether it was so already.

    Args:
        rendered: the HTML.
        find: says of each picture's address from which one it is shown, or why it is not.
    """
    held: list[str] = []
    kept = not _STYLE.search(rendered)

    def hold(image: re.Match[str]) -> str:
        nonlocal kept
        facts = {name: html.unescape(value) for name, value in _FACT.findall(image[1])}
        address, why = find(facts.get("src", ""))
        kept = kept and not why and address == facts["src"]
        words = html.escape(_in_words(facts.get("alt", ""), facts.get("src", ""), why))
        held.append(words if why else _shown(address, facts))
        return f"\ue002{len(held) - 1}\ue003"

    first = _nh3(rendered, _TAGS, _ADDRESSES)
    links = [sorted(map(str.lower, _LINKS.findall(text))) for text in (first, rendered)]
    kept = kept and first == _as_is(rendered) and links[0] == links[1]
    kept = kept and _END in _nh3(rendered + _END, _TAGS, _ADDRESSES)  # not so after half a tag
    without = _IMAGE.sub(hold, first)
    result = _nh3(without, _TAGS - {"img"}, _SCHEMES)
    return _HELD.sub(lambda found: held[int(found[1])], result), kept and result == without


def _as_found(address: str) -> tuple[str, str]:
    """Take an attachment as it stands, in a text that has been made safe."""
    return (address, "") if address.startswith("attachment:") else ("", "it is not in the cell")


def _shown(address: str, facts: dict[str, str]) -> str:
    sizes = {
        name: facts[name] for name in ("width", "height") if re.fullmatch(r"\d{1,4}%?", facts.get(name, ""))
    }
    named = {"src": address, "alt": facts.get("alt", ""), **sizes}
    return "<img " + " ".join(f'{name}="{html.escape(value)}"' for name, value in named.items()) + ">"


def _in_words(alt: str, address: str, why: str = "") -> str:
    """Return what stands in the place of a picture that is not shown."""
    if address == _BADGE:
        return alt
    said = f"not loaded: {address}" if is_elsewhere(address) else f"not shown: {why}"
    return f"{alt} [picture {said}]".strip()


def _nh3(text: str, tags: set[str], schemes: set[str]) -> str:
    return nh3.clean(
        text,
        tags=tags,
        attributes={
            **nh3.ALLOWED_ATTRIBUTES,
            "*": {"class", "title"},
            "th": {"style"},
            "td": {"style"},
            **_HEADINGS,
        },
        attribute_filter=_attribute,
        filter_style_properties=_STYLES,
        url_schemes=schemes,
        link_rel=None,
    )


_HEADINGS = {f"h{level}": {"id"} for level in range(1, 7)}


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Keep a class only if the renderer writes such a class itself."""
    if name == "class":
        return value if all(_CLASSES.fullmatch(each) for each in value.split()) else None
    return value


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
    return source if is_verbatim(source) else f"<pre>{html.escape(source)}</pre>"


def is_verbatim(source: str) -> bool:
    """Return whether a text is a block that `verbatim` made."""
    return _PRE.fullmatch(source) is not None
