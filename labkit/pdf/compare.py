"""The process in which `verify` reads a PDF: limits on itself, then one line of JSON as its answer."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.pdf.notebook import NotebookError, content_hash, read
from labkit.pdf.pair import Stamp, engine, parse_keywords

MAX_ATTACHMENTS = 200
MAX_ATTACHED = 120_000_000
MAX_PAGES = 400
MAX_MEMORY = 4 << 30
MAX_CPU = 300
Answer = tuple[bool, str]


@dataclass(frozen=True)
class Contents:
    """What a PDF holds: attachments by name, what it says of its notebook, how many pages."""

    attachments: dict[str, bytes]
    stamp: Stamp | None
    pages: int


def contents(pdf: bytes) -> Contents:
    """Read a PDF's attachments and stamp.

    Raises:
        Exception: of any kind, for a damaged PDF.
    """
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(pdf))
    attachments: dict[str, bytes] = {}
    total = 0
    for number, embedded in enumerate(reader.attachment_list):
        data = embedded.content
        total += len(data)
        if number >= MAX_ATTACHMENTS or total > MAX_ATTACHED:
            raise ValueError("too many or too big attachments")
        attachments[str(embedded.alternative_name or embedded.name)] = data
    keywords = str(reader.metadata.get("/Keywords") or "") if reader.metadata else ""
    return Contents(attachments, parse_keywords(keywords), len(reader.pages))


def compare(pdf: bytes, notebook: bytes, *, rerender: bool) -> Answer:
    """Return whether the PDF is proven to belong to the notebook, and why."""
    try:
        found = contents(pdf)
    except Exception as error:
        return False, f"Not proven: the PDF could not be read ({type(error).__name__}); it is damaged."
    inside = {name: data for name, data in found.attachments.items() if name.endswith(".ipynb")}
    if not inside:
        return (
            False,
            "Not proven: the PDF has no notebook inside; make it with `labkit pdf` or `labkit handin`.",
        )
    digest = hashlib.sha256(notebook).hexdigest()
    name = next((name for name, data in inside.items() if data == notebook), "")
    if not name or len(inside) > 1:
        return False, _other_notebook(inside, notebook, digest)
    if found.stamp is None or found.stamp.file_hash != digest:
        said = "none" if found.stamp is None else found.stamp.file_hash[:12]
        return False, f"Refuted: the PDF carries this notebook but is stamped with another hash ({said})."
    same = f"The PDF carries this notebook, byte for byte (SHA-256 {digest[:12]})"
    if not rerender:
        return True, f"{same}; its pages were not compared."
    return _compare_pages(pdf, notebook, found, name, same)


def _other_notebook(inside: dict[str, bytes], notebook: bytes, digest: str) -> str:
    if len(inside) > 1:
        return f"Refuted: the PDF carries {len(inside)} notebooks; expected one."
    other = next(iter(inside.values()))
    told = hashlib.sha256(other).hexdigest()
    with contextlib.suppress(NotebookError):
        if content_hash(read(other)) == content_hash(read(notebook)):
            return (
                "Refuted: the PDF carries a notebook with the same cells and outputs, but it is another file "
                f"(SHA-256 {told[:12]}, not {digest[:12]}); it was saved again after the PDF was made."
            )
    return f"Refuted: the PDF carries another notebook (SHA-256 {told[:12]}, not {digest[:12]})."


def _compare_pages(pdf: bytes, notebook: bytes, found: Contents, name: str, same: str) -> Answer:
    """Draw the notebook again and compare, byte for byte where the program is the same, else by the text."""
    from labkit.pdf.compiler import make_pdf

    pictures = {path: data for path, data in found.attachments.items() if path != name}
    try:
        again, _ = make_pdf(read(notebook), notebook, name=name, root=None, extra=pictures)
    except Exception as error:
        return (
            False,
            f"{same}, but it could not be drawn again to compare the pages ({type(error).__name__}).",
        )
    if again == pdf:
        extra = f" (with the {len(pictures)} picture files attached to it)" if pictures else ""
        return True, f"{same}, and drawing it again{extra} gives the same PDF, byte for byte."
    same_engine = found.stamp is not None and found.stamp.engine == engine()
    try:
        difference = _text_difference(pdf, again)
    except Exception:
        difference = "its text could not be read"
    if same_engine:
        where = difference or "the text is the same, so pictures, layout, notes or file data were changed"
        return (
            False,
            f"Refuted: {same[0].lower()}{same[1:]}, but drawing it again gives another PDF: {where}.",
        )
    if difference:
        return False, f"Not proven: {same[0].lower()}{same[1:]}, but the pages show other text: {difference}."
    return (
        True,
        f"{same}; it was made by other versions, so the pages were compared by their text alone: the same.",
    )


def _text_difference(pdf: bytes, again: bytes) -> str:
    """Return where the text of two PDFs first differs, "" when it is the same."""
    ours, theirs = _pages(again), _pages(pdf)
    for number, (expected, got) in enumerate(zip(ours, theirs, strict=False), start=1):
        if expected != got:
            at = next(
                (i for i, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b),
                min(len(expected), len(got)),
            )
            shown, given = got[at : at + 30], expected[at : at + 30]
            return f"page {number} shows {shown!r} where the notebook gives {given!r}"
    return "" if len(ours) == len(theirs) else f"it has {len(theirs)} pages, the notebook gives {len(ours)}"


def _pages(pdf: bytes) -> list[str]:
    from pypdf import PdfReader

    pages = PdfReader(io.BytesIO(pdf)).pages
    if len(pages) > MAX_PAGES:
        raise ValueError("too many pages")
    return [re.sub(r"[\s\u200b]+", " ", page.extract_text()) for page in pages]


def _limit_self() -> None:
    """Limit this process's memory and time, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: the parent's time limit remains
        return
    for kind, value in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_CPU, MAX_CPU)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (value, value))


def main(arguments: list[str]) -> None:
    """Compare the files `pdf` and `ipynb` of the working folder and print the answer."""
    _limit_self()
    logging.disable(logging.CRITICAL)
    answer: dict[str, Any]
    try:
        proven, reason = compare(
            Path("pdf").read_bytes(), Path("ipynb").read_bytes(), rerender=arguments[:1] == ["1"]
        )
        answer = {"proven": proven, "reason": reason}
    except (MemoryError, RecursionError) as error:
        answer = {
            "proven": False,
            "reason": f"Not proven: the PDF asks for too much ({type(error).__name__}).",
        }
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
