"""SVG pictures, which are programs of a kind: what they would grow into is counted before they are drawn."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from labkit.pdf.errors import PictureError

MAX_BYTES = 4_000_000
MAX_DRAWN = 300_000  # elements, when every reference is written out
MAX_DEPTH = 100
MAX_EMBEDDED = 16_000_000  # pixels of the pictures inside
_REFERENCE = re.compile(r"url\(\s*['\"]?#([^'\")\s]+)")
# A reference to a file or an address, which would be looked for. It becomes a picture of one clear pixel: a
# picture without one makes the compiler refuse the whole drawing.
_OUTSIDE = re.compile(rb"""(href\s*=\s*)(?:"(?!#|data:)[^"]*"|'(?!#|data:)[^']*')""")
_CLEAR = (
    b"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAA"
    b"SUVORK5CYII="
)


def checked(data: bytes) -> bytes:
    """Return an SVG that refers to nothing outside itself and does not grow without measure.

    Raises:
        PictureError: it is too big, damaged, or would take too long to draw.
    """
    if len(data) > MAX_BYTES:
        raise PictureError("the SVG is too big")
    if re.search(rb"<!ENTITY", data, re.IGNORECASE):
        raise PictureError("the SVG declares entities")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, RecursionError, LookupError):
        raise PictureError("the SVG is damaged") from None
    if _depth(root) > MAX_DEPTH:
        raise PictureError("the SVG is nested too deeply")
    try:
        _count(root)
    except RecursionError:
        raise PictureError("the SVG is nested too deeply") from None
    return _OUTSIDE.sub(rb'\1"' + _CLEAR + b'"', data)


def lacking(data: bytes) -> list[str]:
    """Return the placeholders for what is in an SVG, as `checked` returns it, and is not drawn."""
    said = []
    if b"foreignObject" in data:
        said.append("[text inside this SVG (foreignObject) not shown]")
    if re.search(rb"<(?:\w+:)?(?:image|use)\b[^<]*" + re.escape(_CLEAR[-60:]), data):
        said.append("[parts of this SVG not shown: they are in files or on the web, and nothing is fetched]")
    return said


def _depth(root: Element) -> int:
    deepest, waiting = 0, [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in element]
    return deepest


def _count(root: Element) -> None:
    """Add up what is drawn when each reference stands for the whole of what it refers to.

    Raises:
        PictureError: more than `MAX_DRAWN`, a reference to itself, or filters, which draw pixel by pixel.
    """
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    known: dict[int, int] = {}
    pixels = [0]

    def size(element: Element, above: frozenset[int]) -> int:
        if id(element) in above:
            raise PictureError("the SVG refers to itself")
        if id(element) in known:
            return known[id(element)]
        if str(element.tag).endswith("}filter") or element.tag == "filter":
            raise PictureError("the SVG uses filters")
        pixels[0] += _embedded(element)
        above = above | {id(element)}
        total = 1 + sum(size(child, above) for child in element)
        for name, times in _references(element):
            target = by_id.get(name)
            if target is not None:
                total += times * size(target, above)
        if total > MAX_DRAWN:
            raise PictureError("the SVG would draw too many shapes")
        known[id(element)] = total
        return total

    size(root, frozenset())
    if pixels[0] > MAX_EMBEDDED:
        raise PictureError("the pictures in the SVG are too big")


def _references(element: Element) -> Iterator[tuple[str, int]]:
    """Give the ids that an element refers to, and how often each would be drawn."""
    for key, value in element.attrib.items():
        if key.endswith("href") and value.startswith("#"):
            yield value[1:], 1
        elif "url(" in value:
            points = len(element.get("d") or element.get("points") or "") // 4
            for name in _REFERENCE.findall(value):
                yield name, max(1, points) if "marker" in key + value else 1


def _embedded(element: Element) -> int:
    """Return how many pixels the picture in an element has."""
    for key, value in element.attrib.items():
        if key.endswith("href") and value.lower().startswith("data:"):
            head, _, body = value.partition(",")
            if "svg" in head.lower():
                raise PictureError("the SVG holds another SVG")
            try:
                raw = base64.b64decode(body) if "base64" in head.lower() else body.encode()
            except (binascii.Error, ValueError):
                raise PictureError("the SVG holds a damaged picture") from None
            return _pixels(raw)
    return 0


def _pixels(data: bytes) -> int:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            return int(image.width) * int(image.height)
    except Exception:  # Pillow's plugins raise many kinds of errors on damaged files
        raise PictureError("the SVG holds a damaged picture") from None
