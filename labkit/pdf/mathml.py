"""MathML (as latex2mathml writes it) to Typst's math notation.

The result is made of single letters and digits, escapes, string literals and the functions named here, so no
text of a formula can be read as a Typst command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from xml.etree.ElementTree import Element

from labkit.pdf.mathleaf import FormulaError, identifier, number, operator, space, symbol, text_of_leaf, words
from labkit.pdf.mathtable import RULE, RULES, table, tag

_BIG = set("∑∏∐⋃⋂⨁⨂⋁⋀⨆")
_OVERLINES = set("―‾¯_")
_UNDERLINES = set("_―¯‾̲\u0332")
_ACCENTS = {
    "^": "hat", "ˆ": "hat", "~": "tilde", "˜": "tilde", "¯": "macron", "‾": "macron", "―": "macron",
    "˙": "dot", ".": "dot", "¨": "dot.double", "→": "arrow", "⃗": "arrow", "ˇ": "caron", "˘": "breve",
    "´": "acute", "`": "grave", "⋯": "dot.triple",
    "˚": "circle",
}  # fmt: skip
_COLOURS = {
    "red", "blue", "green", "black", "white", "gray", "yellow", "purple", "orange", "teal", "maroon",
    "navy", "olive", "aqua", "lime", "fuchsia", "silver",
}  # fmt: skip
_CLASSES = {
    "rel": "relation", "bin": "binary", "ord": "normal", "open": "opening", "close": "closing",
    "punct": "punctuation", "inner": "normal",
}  # fmt: skip
_ARROWS = set("←→↔⇐⇒⇔↦⟵⟶⟷↩↪⇀⇁↼↽⇌")
_PARTS = {"msub": 2, "msup": 2, "msubsup": 3}
_OPEN, _CLOSE = set("([{|‖∥⟨"), set(")]}|‖∥⟩")
_EMPTY = '""'


def to_typst(root: Element) -> str:
    """Return the Typst math source of a MathML tree.

    Raises:
        FormulaError: an unknown command or an element with no counterpart.
    """
    inner = root
    while tag(inner) in ("math", "mrow", "mstyle") and len(inner) == 1:
        inner = inner[0]
    if tag(inner) == "mtable" and inner.get("displaystyle") == "true":
        return _aligned(inner)
    return _sequence(root)


def _node(element: Element) -> str:
    surplus = len(element) - _PARTS.get(tag(element), len(element))
    if surplus > 0:  # latex2mathml hands over a matrix and its brackets one by one
        base, whole = Element("mrow"), Element(element.tag)
        base.extend(element[: surplus + 1])
        whole.extend([base, *element[surplus + 1 :]])
        element = whole
    return _NODES.get(tag(element), _sequence)(element)


def _group(element: Element) -> str:
    """Return an element as an argument: never empty."""
    return _node(element) or _EMPTY


def _is_fence(element: Element, chars: set[str]) -> bool:
    return tag(element) == "mo" and text_of_leaf(element) in chars


def _sequence(elements: Iterable[Element]) -> str:
    """Return elements side by side; brackets around a table grow with it."""
    items, out, at = list(elements), [], 0
    while at < len(items):
        if at + 1 < len(items) and tag(items[at + 1]) == "mtable" and _is_fence(items[at], _OPEN):
            closed = at + 2 < len(items) and _is_fence(items[at + 2], _CLOSE)
            close = symbol(text_of_leaf(items[at + 2])) if closed else ""
            out.append(f"lr({symbol(text_of_leaf(items[at]))} {_node(items[at + 1])} {close})")
            at += 3 if closed else 2
        elif tag(items[at]) == "mpadded" and items[at].get("width") == "0" and at + 1 < len(items):
            out.append(f"cancel({_group(items[at + 1])})")  # \not before a relation
            at += 2
        else:
            out.append(_node(items[at]))
            at += 1
    return _joined(part for part in out if part)


def _joined(parts: Iterable[str]) -> str:
    """Return parts side by side; next to words there are only the spaces that they hold themselves."""
    text = ""
    for part in parts:
        text += part if not text or text[-1] == '"' or part[0] == '"' else f" {part}"
    return text


def _aligned(table: Element) -> str:
    """Return a lone align or gather as Typst's own aligned lines."""
    lines = []
    for row in table:
        cells = [_sequence(cell) for cell in row if tag(cell) == "mtd"]
        spaced = [c if i % 2 == 0 or i == len(cells) - 1 else f"{c} #h(2em)" for i, c in enumerate(cells)]
        lines.append(" & ".join(spaced))
    return " \\ ".join(lines)


def _style(element: Element) -> str:
    if element.get("scriptlevel") == "1" and len(element) == 1 and tag(element[0]) == "mtable":
        return table(element[0], _sequence, small=True)
    body = _sequence(element)
    shown = element.get("displaystyle")
    level = element.get("scriptlevel", "")
    if level in ("1", "2"):
        body = f"{'script' if level == '1' else 'sscript'}({body or _EMPTY})"
    elif shown:
        body = f"display({body or _EMPTY})" if shown == "true" else f"inline({body or _EMPTY})"
    return _coloured(element.get("mathcolor"), body)


def _coloured(colour: str | None, body: str) -> str:
    """Return a body in a colour, or of a class that `mathtex.rewrite` wrote as a colour."""
    kind = (colour or "").removeprefix("labkit-")
    if kind == "scripts":
        return f"scripts({body or _EMPTY})"
    if kind.startswith("rule:"):
        width, height, up = map(float, kind.split(":")[1:])
        size = f"width: {max(0.0, width)}em, height: {max(0.0, height)}em"
        return f"#box({size}, baseline: {-up}em, fill: black)"
    if kind.startswith(RULES):
        raise FormulaError("a rule outside a table")
    if kind in _CLASSES:
        return f'class("{_CLASSES[kind]}", {body or _EMPTY})'
    if colour in _COLOURS:
        return f"#text(fill: {colour}, ${body}$)"
    if colour and re.fullmatch("#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", colour):
        return f'#text(fill: rgb("{colour}"), ${body}$)'
    return body


def _phantom(element: Element) -> str:
    return f"#hide[${_sequence(element)}$]"


def _enclosed(element: Element) -> str:
    body, notation = _sequence(element) or _EMPTY, element.get("notation", "")
    if "box" in notation:
        return f"#box({RULE}, inset: 3pt, baseline: 3pt, {{ set par(leading: 0pt); $display({body})$ }})"
    return f"cancel({body})" if "strike" in notation else body


def _error(element: Element) -> str:
    raise FormulaError("the formula has an error")


def _fraction(element: Element) -> str:
    above, below = (_group(part) for part in element)
    if element.get("linethickness", "").startswith("0"):
        return f"mat(delim: #none, {above}; {below})"
    return f"frac({above}, {below})"


def _root(element: Element) -> str:
    if tag(element) == "msqrt":
        return f"sqrt({_sequence(element) or _EMPTY})"
    return f"root({_group(element[1])}, {_group(element[0])})"


def _attached(base: Element, *, below: str = "", above: str = "", limits: bool = False) -> str:
    shown, text = _group(base), text_of_leaf(base) if tag(base) in ("mo", "mi") else ""
    if limits and tag(base) == "mstyle" and len(base) == 1 and text_of_leaf(base[0]) in _ARROWS:
        shown = f"stretch({shown}, size: #(100% + 1em))"
    takes_limits = text in _BIG or (shown.startswith("op(") and shown.endswith("limits: #true)"))
    if limits and not takes_limits:
        shown = f"limits({shown})"
    elif not limits and text and text in "‖∥|)]}=→":
        shown = f"scripts({shown})"
    parts = [shown, f"t: {above}" if above else "", f"b: {below}" if below else ""]
    return f"attach({', '.join(part for part in parts if part)})"


def _superscript(element: Element) -> str:
    mark = text_of_leaf(element[1])
    if mark and set(mark) <= set("′'″‴"):
        return _attached(element[0], above=" ".join(symbol("′" if m == "'" else m) for m in mark))
    return _attached(element[0], above=_group(element[1]))


def _subscript(element: Element) -> str:
    return _attached(element[0], below=_group(element[1]))


def _both_scripts(element: Element) -> str:
    return _attached(element[0], below=_group(element[1]), above=_group(element[2]))


def _under(element: Element) -> str:
    mark = text_of_leaf(element[1]) if tag(element[1]) == "mo" else ""
    if mark in ("⏟", "︸"):
        return f"underbrace({_group(element[0])})"
    if mark and mark in _UNDERLINES:
        return f"underline({_group(element[0])})"
    return _attached(element[0], below=_group(element[1]), limits=True)


def _over(element: Element) -> str:
    mark = text_of_leaf(element[1]) if tag(element[1]) == "mo" else ""
    base = _group(element[0])
    several = sum(1 for part in element[0].iter() if text_of_leaf(part)) > 1
    if mark in ("⏞", "︷"):
        return f"overbrace({base})"
    if mark in _OVERLINES and several:
        return f"overline({base})"
    if mark in _ACCENTS:
        return f"accent({base}, {_ACCENTS[mark]})"
    return _attached(element[0], above=_group(element[1]), limits=True)


def _under_over(element: Element) -> str:
    return _attached(element[0], below=_group(element[1]), above=_group(element[2]), limits=True)


def _row(element: Element) -> str:
    """Return a row; one between \\left and \\right becomes a pair of growing brackets."""
    items = list(element)
    ends = [item for item in (items[:1] + items[-1:]) if tag(item) == "mo"]
    forms = [end.get("form") for end in ends]
    if len(items) >= 2 and forms == ["prefix", "postfix"]:
        first, last = (symbol(text_of_leaf(end)) if text_of_leaf(end) else "" for end in ends)
        return f"lr({first} {_fenced(items[1:-1])} {last})"
    if len(items) >= 2 and forms[:1] == ["prefix"] and tag(items[0]) == "mo" and text_of_leaf(items[0]):
        return f"lr({symbol(text_of_leaf(items[0]))} {_sequence(items[1:])})"  # cases: no closing bracket
    return _sequence(items)


def _fenced(items: list[Element]) -> str:
    middle = []
    for item in items:
        inner_fence = (
            tag(item) == "mo"
            and item.get("fence") == "true"
            and text_of_leaf(item) in ("|", "∣", "‖", "∥", "/")
        )
        middle.append(f"mid({symbol(text_of_leaf(item))})" if inner_fence else "")
    if not any(middle):
        return _sequence(items)
    return " ".join(mid or _node(item) for mid, item in zip(middle, items, strict=True))


def _operator(element: Element) -> str:
    return f"op({_sequence(element) or _EMPTY}, limits: #true)" if len(element) else operator(element)


def _table(element: Element) -> str:
    return table(element, _sequence)


_NODES: dict[str, Callable[[Element], str]] = {
    "mstyle": _style,
    "mi": identifier,
    "mn": number,
    "mtext": words,
    "ms": words,
    "mo": _operator,
    "mspace": space,
    "mphantom": _phantom,
    "menclose": _enclosed,
    "merror": _error,
    "mfrac": _fraction,
    "msqrt": _root,
    "mroot": _root,
    "msup": _superscript,
    "msub": _subscript,
    "msubsup": _both_scripts,
    "munder": _under,
    "mover": _over,
    "munderover": _under_over,
    "mrow": _row,
    "mtable": _table,
}
