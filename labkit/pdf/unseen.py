"""What a PDF says beside its pages: to a screen reader, a search, a viewer's window; whatever saved it."""

from __future__ import annotations

import hashlib
from typing import Any
from xml.etree import ElementTree

from labkit.pdf.pages import hash_of, numbered, open_pdf

MAX_ITEMS = 50_000
# Of the catalog: pages are compared by themselves, the rest is looked at below or the saving program's own.
_ELSEWHERE = {"/Type", "/Pages", "/Metadata", "/Outlines", "/Names", "/OpenAction", "/PageMode"}
_OWN = {"/Version", "/Extensions", "/PieceInfo", "/LastModified", "/AcroForm"}
_SAVED = {"/Producer", "/Creator", "/CreationDate", "/ModDate", "/Trapped"}
_NAMES = {
    "/StructTreeRoot": "tags and alternative texts",
    "/PageLabels": "page labels",
    "/Lang": "language",
    "/Dests": "targets of links",
    "/EmbeddedFiles": "list of attached files",
    "/AF": "attached files",
}
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
# What a program that saves a PDF writes about itself and the time.
_XMP_SAVED = (
    "{http://ns.adobe.com/xap/1.0/}", "{http://ns.adobe.com/xap/1.0/mm/}", "{http://ns.adobe.com/pdf/1.3/}Producer",
    "{http://ns.adobe.com/xap/1.0/sType/", "{http://ns.adobe.com/pdf/1.3/}PDFVersion",
    "{adobe:ns:meta/}", "{http://www.w3.org/XML/1998/namespace}",
)  # fmt: skip


def unseen(pdf: bytes) -> dict[str, str]:
    """Return hashes of what is said beside the pages, by what it is called; absent things have none.

    Raises:
        Exception: of any kind, for a damaged PDF.
    """
    reader = open_pdf(pdf)
    root, known = reader.root_object, numbered(reader)
    found = {
        _NAMES.get(key, f"{key[1:]!r}"): hash_of(root.raw_get(key), known)
        for key in root
        if key not in _ELSEWHERE | _OWN
    }
    form = _dict(root.get("/AcroForm"))
    if form.get("/Fields") or form.get("/XFA"):
        found["form"] = hash_of(form, known)
    names, opened = _dict(root.get("/Names")), _dict(root.get("/OpenAction"))
    for key in names:
        found[_NAMES.get(key, f"{key[1:]!r}")] = hash_of(names.raw_get(key), known)
    if opened:  # an action; a place to open at does nothing
        found["action when opened"] = hash_of(opened, known)
    outline = _outline(_dict(root.get("/Outlines")).get("/First"), known, [MAX_ITEMS])
    if outline:
        found["outline"] = outline
    facts = reader.metadata or {}
    told = sorted((key, str(facts[key])) for key in facts if key not in _SAVED)
    found["title, author and keywords"] = _digest(told)
    metadata = root.get("/Metadata")
    if metadata is not None:
        found["metadata (XMP)"] = _digest(_xmp(metadata.get_object().get_data()))
    return found


def _dict(thing: Any) -> Any:
    from pypdf.generic import DictionaryObject

    made = thing.get_object() if thing is not None else None
    return made if isinstance(made, DictionaryObject) else DictionaryObject()


def _digest(thing: object) -> str:
    return hashlib.sha256(repr(thing).encode("utf-8", "replace")).hexdigest()


def _outline(item: Any, known: dict[int, str], left: list[int]) -> str:
    """Return a hash of the items of an outline from one on, with those below them; "" for none."""
    parts = []
    while item is not None:
        left[0] -= 1
        if left[0] < 0:
            raise ValueError("too many items in the outline")
        one = _dict(item)
        said = [
            f"{key}={hash_of(one.raw_get(key), known)}"
            for key in ("/Title", "/Dest", "/A", "/SE")
            if key in one
        ]
        parts.append((said, _outline(one.get("/First"), known, left)))
        item = one.get("/Next")
    return _digest(parts) if parts else ""


def _xmp(data: bytes) -> list[tuple[str, str]]:
    """Return what XMP says, by property, in order of the alphabet: programs write it in several ways."""
    said: list[tuple[str, str]] = []

    def walk(element: ElementTree.Element, name: str) -> None:
        name = name if element.tag.startswith(_RDF) else element.tag
        for key, value in element.attrib.items():
            if not key.startswith(_RDF):
                said.append((key if element.tag == f"{_RDF}Description" else f"{name} {key}", value))
        if element.text and element.text.strip():
            said.append((name, element.text.strip()))
        for child in element:
            walk(child, name)

    walk(ElementTree.fromstring(data), "")
    return sorted(one for one in said if not one[0].startswith(_XMP_SAVED))
