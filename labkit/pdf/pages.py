"""The pages of a PDF: what they say, and by which commands they are drawn, whatever program saved it."""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
from collections import Counter
from typing import Any

MAX_PAGES = 600
_SKIPPED = {
    "/Parent", "/P", "/Metadata", "/Length", "/Filter", "/DecodeParms",
    "/Tabs", "/PieceInfo", "/LastModified", "/Type", "/Thumb", "/M", "/NM",
}  # fmt: skip
_SPACE = rb"(?:[\x00\s]|%[^\r\n]*[\r\n])"
_OBJECT = re.compile(rb"(?<![0-9])([0-9]{1,10})" + _SPACE + rb"{1,50}+[0-9]{1,5}" + _SPACE + rb"{1,50}+obj\b")
_END = re.compile(rb"startxref\s+[0-9]+\s+%%EOF\s*\Z")
_ROOT = re.compile(rb"/(?:R|#52)(?:[o]|#6[fF])(?:[o]|#6[fF])(?:t|#74)(?![\w#])\s*+([0-9]*)")
# What pypdf leaves packed: there the packing is a part of the picture.
_PICTURES = ("/DCT", "/JPX", "/JBIG2", "/CCF", "/CCITT")


def texts(pdf: bytes) -> list[str]:
    """Return the text of each page, with single spaces.

    Raises:
        Exception: of any kind, for a damaged PDF.
    """
    return [re.sub(r"[\s\u200b]+", " ", page.extract_text()) for page in open_pdf(pdf).pages]


def drawings(pdf: bytes) -> list[str]:
    """Return a hash of each page: size, commands, fonts, pictures, links, notes.

    Two PDFs with the same hashes show the same pages, though one was written anew by another program.

    Raises:
        Exception: of any kind, for a damaged PDF.
    """
    reader = open_pdf(pdf)
    known = numbered(reader)
    hashes = []
    for page in reader.pages:
        contents = page.get_contents()
        data = contents.get_data() if contents is not None else b""
        parts = [
            hashlib.sha256(data.strip()).hexdigest(),
            *(hash_of(page.get(key), known) for key in ("/Resources", "/Annots", "/AA", "/StructParents")),
            *(str([round(float(side), 2) for side in box]) for box in (page.mediabox, page.cropbox)),
            str(page.rotation),
            str(page.get("/UserUnit", 1)),
        ]
        hashes.append(hashlib.sha256("|".join(parts).encode()).hexdigest())
    return hashes


def two_faced(pdf: bytes) -> str:
    """Say why another program might find other things in a PDF than we do, "" if none should.

    A PDF may hold several versions of an object, and programs differ in which of them they show. Those that a
    program writes in one go hold one of each.

    Raises:
        Exception: of any kind, for a damaged PDF.
    """
    from pypdf.generic import NullObject, StreamObject

    if not pdf.startswith(b"%PDF-") or not _END.search(pdf[-200:]):
        return "it does not begin and end as a PDF does"
    numbers = [int(number) for number in _OBJECT.findall(pdf)]
    reader = open_pdf(pdf, strict=True)
    for number in sorted(set(numbers)):
        thing: Any = reader.get_object(number)
        if thing is None or isinstance(thing, NullObject):
            return f"object {number} is left out"
        if isinstance(thing, StreamObject) and thing.get("/Type") == "/ObjStm":
            first: Any = thing["/First"]
            head = thing.get_data()[:first].split()
            numbers += map(int, head[::2])
    if len(set(numbers)) < len(numbers):
        return "it holds two versions of an object"
    if len(set(_ROOT.findall(pdf))) != 1 or b"/XRefStm" in pdf or b"/Encrypt" in pdf:
        return "it holds two tables of contents"
    return ""


def numbered(reader: Any) -> dict[int, str]:
    """Return the pages by the numbers of their objects, as what refers to a page is compared."""
    return {page.indirect_reference.idnum: f"page {at}" for at, page in enumerate(reader.pages)}


def open_pdf(pdf: bytes, *, strict: bool = False) -> Any:
    """Return pypdf's reader of a PDF of at most `MAX_PAGES` pages."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(pdf), strict=strict)
    if len(reader.pages) > MAX_PAGES:
        raise ValueError("too many pages")
    return reader


def hash_of(thing: Any, known: dict[int, str], above: tuple[int, ...] = ()) -> str:
    """Return a hash of an object and all it refers to; the numbers of objects do not count.

    Args:
        thing: any object of a PDF, or None.
        known: hashes by object number; those that are found are added.
        above: numbers of the objects that this one stands in.
    """
    from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

    number = 0
    if isinstance(thing, IndirectObject):
        number = thing.idnum
        if number in known:
            return known[number]
        if number in above:
            return "above"
        thing = thing.get_object()
    inside = (*above, number) if number else above
    if isinstance(thing, DictionaryObject):
        keys = sorted(key for key in thing if key not in _SKIPPED)
        text = ",".join(f"{key}={hash_of(thing.raw_get(key), known, inside)}" for key in keys)
        if isinstance(thing, StreamObject):
            packed = str(thing.get("/Filter", ""))
            text += packed if any(name in packed for name in _PICTURES) else ""
            text += hashlib.sha256(thing.get_data()).hexdigest()
    elif isinstance(thing, ArrayObject):
        text = "[" + ",".join(hash_of(item, known, inside) for item in thing) + "]"
    elif isinstance(thing, int | float) and not isinstance(thing, bool):
        text = f"{float(thing):.3f}"
    else:
        text = repr(thing if thing is None else str(thing))
    made = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
    if number:
        known[number] = made
    return made


def first_difference(theirs: list[str], ours: list[str]) -> str:
    """Return where the text of pages first differs, "" when it is the same."""
    for number, (got, expected) in enumerate(zip(theirs, ours, strict=False), start=1):
        if expected != got:
            pairs = enumerate(zip(expected, got, strict=False))
            at = next((i for i, (a, b) in pairs if a != b), min(len(expected), len(got)))
            shown, given = got[at : at + 30], expected[at : at + 30]
            return f"page {number} shows {shown!r} where the notebook gives {given!r}"
    count = f"{len(theirs)} page{'s' * (len(theirs) != 1)}"
    return "" if len(ours) == len(theirs) else f"it has {count}, the notebook gives {len(ours)}"


def share(theirs: list[str], ours: list[str]) -> float:
    """Return which share of the words of the longer text both have, 0 to 1.

    Example:
        >>> share(["a b c d"], ["a b", "c e"])
        0.75
    """
    a, b = (Counter(_words(pages)) for pages in (theirs, ours))
    return (a & b).total() / max(1, a.total(), b.total())


def _words(pages: list[str]) -> list[str]:
    return unicodedata.normalize("NFKC", " ".join(pages)).split()
