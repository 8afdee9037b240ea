"""A notebook to the parts of its document, each in Typst."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from labkit.pdf.assets import Pictures
from labkit.pdf.fold import folded
from labkit.pdf.fonts import language
from labkit.pdf.html import MAX_DEPTH, Html
from labkit.pdf.markdown import to_html
from labkit.pdf.maths import Formulas
from labkit.pdf.notebook import Cell, Notebook, text_of
from labkit.pdf.options import Options
from labkit.pdf.outline import Outline
from labkit.pdf.outputs import MAX_MARKDOWN, Outputs, too_long
from labkit.pdf.record import date_of, record_page
from labkit.pdf.titles import Title, student_of, title_of
from labkit.pdf.typ import breakable, call, clean, code, cost, lit, note
from labkit.pdf.widgets import Widgets

MAX_CELLS = 2_000
MAX_WRITTEN = 1_500_000  # as `cost` counts: some 300 pages
MAX_SOURCE = 1_500  # lines of one cell's source
_ATTACHED = "the attached notebook has them"
# What the head of a page may not hold.
_NOT_ABOVE = re.compile(r"\b(?:link|goto|missing-picture|inline-picture)\(")
_MAGICS = {
    "sh": "bash",
    "js": "javascript",
    "r": "r",
    "bash": "bash",
    "html": "html",
    "latex": "latex",
    "javascript": "javascript",
}


@dataclass
class Document:
    """The parts of one document, before they are compiled."""

    body: str
    title: str
    heading: tuple[str, str]  # the title as it stands on the first page, and above the others
    language: str
    country: str
    region: str
    student: tuple[str, str]
    date: str
    formulas: Formulas
    pictures: Pictures
    anchors: list[str]
    options: Options
    record: str
    left_out: int = 0
    warnings: list[str] = field(default_factory=list)


def build(
    notebook: Notebook,
    *,
    name: str,
    store: Path,
    root: Path | None,
    extra: dict[str, bytes],
    options: Options,
    depth: int = MAX_DEPTH,
) -> Document:
    """Return the document of a notebook.

    Args:
        notebook: the notebook.
        name: its file name.
        store: temporary folder for the pictures.
        root: the notebook's folder, from which pictures may be read; None: none.
        extra: pictures that stand in for files of the folder, by relative path.
        options: how the pages look.
        depth: how many elements may stand inside one another.
    """
    warnings: list[str] = []
    pictures, formulas, outline = Pictures(store, root, extra), Formulas(), Outline()
    html = Html(pictures, formulas, outline, warnings.append, depth=depth)
    outputs = Outputs(html, Widgets.of(notebook), options.fold)
    title = title_of(notebook, Path(name).stem)
    heading = _title(title, html)
    cells = [cell for cell in notebook.cells if not set(options.leave_out) & set(cell.tags)]
    parts: list[str] = []
    written = 0
    for number, cell in enumerate(cells):
        if number >= MAX_CELLS or written > MAX_WRITTEN:
            rest = len(cells) - number
            parts.append(note(f"[{rest:,} more cells not shown: there are too many pages; {_ATTACHED}]"))
            warnings.append(f"{rest:,} cells are not shown, as there would be too many pages")
            break
        start = len(parts)
        if cell.kind == "markdown":
            html.titled = cell is title.cell and title.whole and cell is notebook.cells[0]
            if number and cells[number - 1].outputs:
                parts.append("apart()")
            parts.append(_markdown(cell.source, cell, html))
            html.titled = False
        elif cell.kind == "raw":
            parts.append(
                call("source-text", code(folded(cell.source, MAX_SOURCE))) if cell.source.strip() else ""
            )
        else:
            parts += _code(cell, notebook.language, outputs)
        written += sum(map(cost, parts[start:]))
    body = "\n".join(f"#{part}" for part in parts if part) or f"#{note('[the notebook is empty]')}"
    lang, region = language("".join(cell.source[:MAX_MARKDOWN] for cell in notebook.cells[:MAX_CELLS]))
    asked, country, shapes = options.tongue()
    student = student_of(notebook)
    return Document(
        body=body,
        title=title.text,
        heading=heading,
        language=asked or lang,
        country=country,
        region=shapes or region,
        student=student,
        date=date_of(notebook),
        formulas=formulas,
        pictures=pictures,
        anchors=outline.anchors,
        options=options,
        record=record_page(notebook),
        left_out=len(notebook.cells) - len(cells),
        warnings=warnings,
    )


def _title(title: Title, html: Html) -> tuple[str, str]:
    """Return the title as it stands on the first page, and above the others."""
    plain = lit(breakable(clean(title.text), 40))
    if not title.heading or not title.whole or title.cell is None:
        return plain, plain
    html.attachments, html.math = title.cell.attachments, True
    body = html.inside(title.heading)
    return (plain, plain) if body == "[]" else (body, plain if _NOT_ABOVE.search(body) else body)


def _markdown(source: str, cell: Cell, html: Html) -> str:
    if not source.strip():
        return ""
    html.attachments, html.math = cell.attachments, True
    if too_long(source):
        html.warn(f"a Markdown cell of {len(source):,} characters is shown as source")
        return call("source-text", code(folded(source, MAX_SOURCE)))
    try:
        text = to_html(source)
    except Exception:  # the Markdown parser's own failures on odd input
        html.warn("a Markdown cell could not be read and is shown as source")
        return call("source-text", code(source))
    body = html.convert(text)
    grade = _grade_tag(cell)
    if grade and body:
        return call("answer", grade, body)
    return call("prose", body) if body else ""


def _code(cell: Cell, lang: str, outputs: Outputs) -> list[str]:
    """Return the expressions of a code cell and its outputs."""
    source = cell.source.strip("\n")
    magic = re.match(r"%%(\w+)", source)
    lang = _MAGICS.get(magic[1].lower(), lang) if magic else lang
    lang = re.sub(r"[^\w+#-]", "", lang.replace("ipython", "python"))
    count = str(cell.count) if cell.count is not None else "none"
    parts = []
    results = outputs.of(cell)
    if source.strip():
        shown = folded(source, MAX_SOURCE)
        text = "\n".join(breakable(line) for line in clean(shown).split("\n"))
        grade = _grade_tag(cell) or "none"
        follows = "true" if results else "false"
        parts.append(call("cell", count, lit(text), lit(lang), grade, follows))
    return parts + results


def _grade_tag(cell: Cell) -> str:
    """Return the small label of a graded cell: its name and points; "" for others."""
    grading = cell.grading
    name = text_of(grading.get("grade_id"))[:60]
    points = grading.get("points")
    if not name or not (grading.get("grade") or grading.get("solution") or grading.get("task")):
        return ""
    if isinstance(points, int | float) and not isinstance(points, bool) and points:
        return lit(f"{name} · {points:g} {'point' if points == 1 else 'points'}")
    return lit(name)
