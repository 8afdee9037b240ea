"""The process in which `verify` reads a PDF: limits on itself, then one line of JSON as its answer."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.pdf.child import limit_self
from labkit.pdf.notebook import as_dict, read, text_of
from labkit.pdf.options import parse
from labkit.pdf.otherfile import other_notebook
from labkit.pdf.pages import drawings, first_difference, share, texts, two_faced
from labkit.pdf.pair import Stamp, engine, parse_keywords
from labkit.pdf.unseen import unseen

MAX_ATTACHMENTS = 200
MAX_ATTACHED = 120_000_000
_NOTHING_INSIDE = "Cannot prove: the PDF has no notebook inside, as when a viewer prints it to a file"
# Programs that write every page anew, in another way; letters may come out changed though they look the same.
_REWRITERS = re.compile(r"Ghostscript|cairo|Quartz|Skia|Print To PDF|Distiller|GNU|CUPS", re.IGNORECASE)
Answer = tuple[bool, str] | tuple[bool, str, str]


@dataclass(frozen=True)
class Contents:
    """What a PDF holds: attachments by name, what it says of its notebook, pages, what program wrote it."""

    attachments: dict[str, bytes]
    stamp: Stamp | None
    pages: int
    producer: str = ""


class ProtectedError(Exception):
    """A PDF that is encrypted."""


def contents(pdf: bytes) -> Contents:
    """Read a PDF's attachments and stamp.

    Raises:
        Exception: of any kind, for a damaged PDF.
    """
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(pdf))
    if reader.is_encrypted:
        raise ProtectedError
    attachments: dict[str, bytes] = {}
    total = 0
    for number, embedded in enumerate(reader.attachment_list):
        data = embedded.content
        total += len(data)
        if number >= MAX_ATTACHMENTS or total > MAX_ATTACHED:
            raise ValueError("too many or too big attachments")
        name = str(embedded.alternative_name or embedded.name)
        attachments[name if name not in attachments else f"{number} {name}"] = data
    facts: Any = reader.metadata or {}
    keywords, producer = str(facts.get("/Keywords") or ""), str(facts.get("/Producer") or "")
    return Contents(attachments, parse_keywords(keywords), len(reader.pages), producer[:80])


def compare(pdf: bytes, notebook: bytes, *, rerender: bool) -> Answer:
    """Return whether the PDF is proven to belong to the notebook, and why."""
    try:
        found = contents(pdf)
    except ProtectedError:
        return False, (
            "Not proven: the PDF is protected by a password (encrypted), which labkit never does; name the "
            "one that labkit wrote, or make it again: labkit pdf NOTEBOOK"
        )
    except Exception as error:
        return False, f"Not proven: the PDF could not be read ({type(error).__name__}); it is damaged."
    inside = {name: data for name, data in found.attachments.items() if name.endswith(".ipynb")}
    if not inside:
        return _without_attachment(pdf, notebook)
    digest = hashlib.sha256(notebook).hexdigest()
    name = next((name for name, data in inside.items() if data == notebook), "")
    if not name or len(inside) > 1:
        return False, other_notebook(inside, notebook, digest)
    if found.stamp is None or found.stamp.file_hash != digest:
        said = "none" if found.stamp is None else found.stamp.file_hash[:12]
        return False, f"Refuted: the PDF carries this notebook but is stamped with another hash ({said})."
    same = f"The PDF carries this notebook, byte for byte (SHA-256 {digest[:12]})"
    if not rerender:
        return True, f"{same}; its pages were not compared."
    return _compare_pages(pdf, notebook, found, name, same)


def _compare_pages(pdf: bytes, notebook: bytes, found: Contents, name: str, same: str) -> Answer:
    """Draw the notebook again and compare: bytes, else the commands of each page, else the text."""
    if found.stamp is not None and found.stamp.engine in ("webpdf", "latex"):
        by = found.stamp.engine
        return (
            False,
            f"{same}, but its pages were made by {by} and cannot be drawn again here to compare them.",
        )
    pictures = {path: data for path, data in found.attachments.items() if path != name}
    try:
        again = _drawn(notebook, name, pictures, found.stamp.options if found.stamp else "")
    except Exception as error:
        return (
            False,
            f"{same}, but it could not be drawn again to compare the pages ({type(error).__name__}).",
        )
    if again == pdf:
        extra = f" (with the {len(pictures)} picture files attached to it)" if pictures else ""
        return True, f"{same}, and drawing it again{extra} gives the same PDF, byte for byte.", "same"
    begin = f"{same[0].lower()}{same[1:]}"
    foreign = sorted(found.attachments.keys() - contents(again).attachments.keys())
    if foreign:
        return (
            False,
            f"Not proven: {begin}, but also files that are none of its pictures: {foreign[0][:60]!r}.",
        )
    same_engine = found.stamp is not None and found.stamp.engine == engine()
    try:
        faces = two_faced(pdf)
    except Exception as error:
        faces = f"a strict reader refuses it ({type(error).__name__})"
    if faces:
        return False, f"Not proven: {begin}, but programs may show this PDF in different ways: {faces}."
    try:
        if same_engine and (theirs := drawings(pdf)) == drawings(again):
            return _beside(
                pdf, again, same, "its 1 page" if len(theirs) == 1 else f"each of its {len(theirs)} pages"
            )
        difference = first_difference(texts(pdf), texts(again))
    except Exception:
        difference = "its text could not be read"
    rewriter = _REWRITERS.search(found.producer)
    if same_engine and rewriter:
        said = difference or "the text is the same"
        return False, f"Cannot prove: {begin}, but {rewriter[0]} has rewritten its pages ({said})."
    other = _other_python(notebook) if difference else ""
    if same_engine and other:
        return False, (
            f"Not proven: {begin}, but the pages show other text: {difference}. It was made with Python "
            f"{other}, which may read odd HTML in another way than the one here."
        )
    if same_engine and difference:
        return False, f"Refuted: {begin}, but drawing it again gives another PDF: {difference}."
    if same_engine:
        return False, (
            f"Not proven: {begin}, and the text is the same, but pages are drawn in another way: pictures, "
            "layout or notes were changed, or another program has rewritten them."
        )
    if difference:
        return False, f"Not proven: {begin}, but the pages show other text: {difference}."
    return (
        True,
        f"{same}; it was made by other versions, so the pages were compared by their text alone: the same. "
        "Pictures and what does not show (outline, tags, alternative texts) were not compared.",
        "text",
    )


def _beside(pdf: bytes, again: bytes, same: str, pages: str) -> Answer:
    """Compare what is said beside pages that are drawn alike."""
    try:
        theirs, ours = unseen(pdf), unseen(again)
        changed = sorted(part for part in theirs.keys() | ours.keys() if theirs.get(part) != ours.get(part))
    except Exception as error:
        changed = [f"what could not be read ({type(error).__name__})"]
    if changed:
        return False, (
            f"Not proven: {same[0].lower()}{same[1:]}, and {pages} is drawn by the same commands as when the "
            f"notebook is drawn again, but something beside them was changed: {', '.join(changed)[:200]}."
        )
    return (
        True,
        f"{same}; another program has saved the PDF again, but {pages} is drawn by the same commands as when "
        "the notebook is drawn again, and outline, titles, tags and alternative texts are the same.",
        "same",
    )


def _other_python(notebook: bytes) -> str:
    """Return the version of Python that a notebook's record names, "" when it is the one here, or none."""
    record = as_dict(as_dict(read(notebook).metadata.get("labkit")).get("record"))
    told = re.match(r"\d+\.\d+", text_of(record.get("python")))
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return told[0] if told and told[0] != here else ""


def _drawn(notebook: bytes, name: str, pictures: dict[str, bytes], options: str) -> bytes:
    from labkit.pdf.compiler import make_pdf

    made, _ = make_pdf(read(notebook), notebook, name=name, root=None, extra=pictures, options=parse(options))
    return made


def _without_attachment(pdf: bytes, notebook: bytes) -> Answer:
    """Say what the pages alone can tell, as after printing to a file, when what was attached is lost."""
    try:
        theirs = texts(pdf)
        whole = " ".join(theirs)
        if not whole.strip():
            return False, f"{_NOTHING_INSIDE}, and its pages hold no text to compare."
        told = re.search(r"SHA-256\s+([0-9a-f][0-9a-f\s]{62,80}[0-9a-f])", whole)
        said = re.sub(r"\s", "", told[1])[:64] if told else ""
        digest = hashlib.sha256(notebook).hexdigest()
        if said and said != digest:
            return False, (
                "Refuted: the PDF has no notebook inside, and its first page says that it was made from "
                f"another file (SHA-256 {said[:12]}, not {digest[:12]})."
            )
        name = re.search(r"Made from (.{1,200}?), which is attached", whole)
        ours = texts(_drawn(notebook, name[1] if name else "notebook.ipynb", {}, ""))
        alike = share(theirs, ours)
    except Exception:
        return False, f"{_NOTHING_INSIDE}, and its text could not be compared."
    hash_said = "; its first page bears this notebook's hash" if said else ""
    if alike > 0.999:
        return False, (
            f"{_NOTHING_INSIDE}. The text of its pages is that of the notebook{hash_said}; "
            "pictures could not be compared."
        )
    return False, (
        f"{_NOTHING_INSIDE}. {alike:.0%} of the words on its pages are those of the notebook{hash_said}."
    )


def main(arguments: list[str]) -> None:
    """Compare the files `pdf` and `ipynb` of the working folder and print the answer."""
    rerender, cpu = arguments
    limit_self(cpu=int(cpu))
    logging.disable(logging.CRITICAL)
    answer: dict[str, Any]
    try:
        proven, reason, *pages = compare(
            Path("pdf").read_bytes(), Path("ipynb").read_bytes(), rerender=rerender == "1"
        )
        answer = {"proven": proven, "reason": reason, "pages": "".join(pages)}
    except (MemoryError, RecursionError) as error:
        answer = {
            "proven": False,
            "reason": f"Not proven: the PDF asks for too much ({type(error).__name__}).",
            "pages": "",
        }
    print("\n" + json.dumps(answer), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
