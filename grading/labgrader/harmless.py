"""HTML that can do nothing: without script, form, overlay, or anything that is loaded."""

from __future__ import annotations

import html
import re
from typing import Any

import nh3

from labgrader.pictures import Find, is_elsewhere

_SCHEMES = {"http", "https", "mailto"}
_ADDRESSES = _SCHEMES | {"attachment", "data"}  # of pictures, which are then shown or replaced by words
_TAGS = nh3.ALLOWED_TAGS - {"map", "area", "nav", "header", "footer", "article", "aside"}
_STYLES = {"text-align"}
_CLASSES = re.compile(r"anchor-link|highlight|hl-[a-z0-9]+|[a-z]{1,2}[0-9]?")  # as the renderer writes them
_STYLE = re.compile(r"<[^>]*\bstyle\s*=(?!\s*\"text-align:\s*(?:left|right|center);?\")", re.IGNORECASE)
_IMAGE = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')  # as the serialiser writes it
_FACT = re.compile(r' ([a-z]+)="([^"]*)"')
_END = "<b>\ue004</b>"  # what a page goes on with
_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"  # the labs' own
_HELD = re.compile("\ue002(\\d+)\ue003")  # private-use characters, dropped from the source
_LINKS = re.compile(  # also in tags that parsers drop where they stand, such as <td>
    r"\b(?:href|src|srcset|imagesrcset|background|poster|lowsrc|dynsrc|data|ping|action|cite)\s*=",
    re.IGNORECASE,
)
# Each begins where a name can begin only: from the middle of a long one as well, it takes quadratic time.
_NAME = re.compile(r"(?<![^\s\"'<>/=])([^\s\"'<>/=]++)\s*+=")
_SCHEME = re.compile(r"(?<![a-zA-Z0-9+.-])([a-zA-Z][a-zA-Z0-9+.-]*+)\s*+:")
_HEADINGS = {f"h{level}": {"id"} for level in range(1, 7)}


def clean(rendered: str, find: Find) -> tuple[str, bool]:
    """Return HTML without anything that could run, post, overlay or load, and whether it was so already.

    Args:
        rendered: the HTML.
        find: says of each picture's address from which one it is shown, or why it is not.

    Example:
        >>> clean("<b onclick='f()'>x</b>", lambda address: ("", "no pictures"))
        ('<b>x</b>', False)
    """
    held: list[str] = []
    kept = not _STYLE.search(rendered)

    def hold(image: re.Match[str]) -> str:
        nonlocal kept
        facts = {name: html.unescape(value) for name, value in _FACT.findall(image[1])}
        address, why = find(facts.get("src", ""))
        kept = kept and not why and address == facts["src"]
        words = html.escape(in_words(facts.get("alt", ""), facts.get("src", ""), why))
        held.append(words if why else _shown(address, facts))
        return f"\ue002{len(held) - 1}\ue003"

    first = _nh3(rendered, _TAGS, _ADDRESSES)
    links = [sorted(map(str.lower, _LINKS.findall(text))) for text in (first, rendered)]
    kept = kept and first == _as_is(rendered) and links[0] == links[1]
    kept = kept and _END in _nh3(rendered + _END, _TAGS, _ADDRESSES)  # not so after half a tag
    without = _IMAGE.sub(hold, first)
    result = _nh3(without, _TAGS - {"img"}, _SCHEMES)
    return _HELD.sub(lambda found: held[int(found[1])], result), kept and result == without


def _shown(address: str, facts: dict[str, str]) -> str:
    sizes = {
        name: facts[name] for name in ("width", "height") if re.fullmatch(r"\d{1,4}%?", facts.get(name, ""))
    }
    named = {"src": address, "alt": facts.get("alt", ""), **sizes}
    return "<img " + " ".join(f'{name}="{html.escape(value)}"' for name, value in named.items()) + ">"


def in_words(alt: str, address: str, why: str = "") -> str:
    """Return what stands in the place of a picture that is not shown.

    Example:
        >>> in_words("a dog", "//example.org/dog.png"), in_words("", "dog.png", "it is not in the cell")
        ('a dog [picture not loaded: //example.org/dog.png]', '[picture not shown: it is not in the cell]')
    """
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
