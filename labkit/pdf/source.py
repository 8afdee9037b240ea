"""The parts of a document to the Typst files that the compiler reads."""

from __future__ import annotations

from labkit.pdf.document import Document
from labkit.pdf.options import PAPERS
from labkit.pdf.pair import Stamp
from labkit.pdf.sequences import in_parts
from labkit.pdf.typ import array, call, lit, note


def source_of(document: Document, stamp: Stamp, *, name: str, definitions: str) -> str:
    """Return the main Typst file; fonts and templates are imported by it."""
    meta = {
        "title": lit(document.title),
        "heading": document.heading[0],
        "above": document.heading[1],
        "student-id": lit(document.student[0]),
        "student-name": lit(document.student[1]),
        "file": lit(name),
        "sha256": lit(stamp.file_hash),
        "keywords": array(map(lit, stamp.keywords())),
        "date": lit(document.date),
        "lang": lit(document.language),
        "country": lit(document.country),
        "paper": lit(PAPERS[document.options.paper]),
        "cover": "true" if document.options.cover else "false",
        "left-out": lit(_left_out(document)),
    }
    record = "(" + ", ".join(f"{key}: {value}" for key, value in meta.items()) + ")"
    lines = [
        definitions,
        f"#let anchors = {array(map(lit, document.anchors))}",
        "#let formula = formula.with(formulas)",
        "#let section = section.with(anchors)",
        "#let goto = goto.with(anchors)",
        "#let inline-picture = inline-picture.with(broken)",
        "#let figure-picture = figure-picture.with(broken)",
        f"#let meta = {record}",
        "#show: page-setup.with(meta, fonts)",
        '#include "/files.typ"',
        "#title-block(meta)",
        document.body,
        "#emoji-in-parts",
        document.record and f"#{document.record}",
        "",
    ]
    source, said = in_parts("\n".join(lines))
    document.warnings.extend([said] if said else [])
    about = note(f"[{said}]") if said else "none"
    return f'#import "/template.typ": *\n#let emoji-in-parts = {about}\n{source}'


def files_of(document: Document, *, name: str) -> str:
    """Return the Typst file that attaches the notebook and its pictures; their names are not drawn."""
    attachments = [_attach("/notebook.ipynb", name, "source", "The notebook that this document shows")]
    attachments += [
        _attach(f"/asset{i}", path, "supplement", "A picture that the notebook shows")
        for i, path in enumerate(document.pictures.used)
    ]
    return "\n".join(attachments)


def _left_out(document: Document) -> str:
    if not document.left_out:
        return ""
    tags = ", ".join(document.options.leave_out)
    cells = "1 cell" if document.left_out == 1 else f"{document.left_out} cells"
    return f"{cells} tagged {tags} left out here; the attached notebook has everything."


def _attach(path: str, name: str, relation: str, about: str) -> str:
    mime = "application/x-ipynb+json" if relation == "source" else "application/octet-stream"
    data = f"read({lit(path)}, encoding: none)"
    return "#" + call(
        "pdf.attach", lit(name), data, relationship=lit(relation), mime_type=lit(mime), description=lit(about)
    )
