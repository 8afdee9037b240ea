"""LaTeX formulas as MathML, which browsers show without a script."""

from __future__ import annotations

import html
from xml.etree import ElementTree as ET

LONGEST = 2000
_TAGS = frozenset(
    {
        *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup"),
        *(
            "msubsup",
            "munder",
            "mover",
            "munderover",
            "mtable",
            "mtr",
            "mtd",
            "mstyle",
            "mpadded",
            "mphantom",
        ),
        "menclose",
    }
)
_ATTRIBUTES = frozenset(
    {
        *("display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence", "form", "separator"),
        *("lspace", "rspace", "minsize", "maxsize", "width", "height", "depth", "linethickness", "accent"),
        *(
            "accentunder",
            "movablelimits",
            "largeop",
            "columnalign",
            "rowspacing",
            "columnspacing",
            "notation",
        ),
    }
)


def maths(body: str, alone: bool) -> str:
    """Return a LaTeX formula as MathML, or as code if it cannot be read.

    The converter copies a formula's text into its result as it is, so only known elements and attributes are
    taken from it, and every text is escaped.

    Args:
        body: the LaTeX.
        alone: it stands on a line of its own.

    Example:
        >>> maths("x<1", False)
        '<math display="inline"><mrow><mi>x</mi><mo>&lt;</mo><mn>1</mn></mrow></math>'
    """
    from latex2mathml.converter import convert_to_element

    from labkit.pdf.mathtex import rewrite

    if len(body) > LONGEST:
        return _code(body)
    try:
        tex, number = rewrite(body)
        tex += rf"\qquad\text{{{number}}}" if number else ""
        root = convert_to_element(tex, display="block" if alone else "inline")
        return ET.tostring(_safe(root), encoding="unicode")
    except Exception:  # the converter's many ways to refuse a formula
        return _code(body)


def _safe(element: ET.Element) -> ET.Element:
    """Return a copy of an element with known parts only.

    Raises:
        ValueError: an element that is no MathML.
    """
    name = element.tag.rpartition("}")[2]
    if name not in _TAGS:
        raise ValueError(f"{name} is no MathML element")
    copy = ET.Element(name, {key: value for key, value in element.attrib.items() if key in _ATTRIBUTES})
    copy.text = html.unescape(element.text or "") or None
    copy.extend(map(_safe, element))
    return copy


def _code(body: str) -> str:
    return f"<code>{html.escape(body)}</code>"
