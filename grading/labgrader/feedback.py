"""The page that a student gets back: marks, reasons, comments and the executed notebook, without a script."""

from __future__ import annotations

import base64
import hashlib
import re
from contextlib import chdir
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbconvert.filters import Highlight2HTML
from traitlets import Bool, default

from labgrader import config as settings
from labgrader.course import Course, CourseError
from labgrader.feedback_pdf import beside_the_score, feedback_pdf
from labgrader.formulas import maths
from labgrader.markdown import MOST, Room, safe_html, verbatim
from labgrader.masters import expect_lab
from labgrader.pictures import attached
from labgrader.results import plain
from labgrader.students_view import for_students
from labkit.pdf.errors import PdfError

LONGEST_CODE, MOST_CODE = 8_000, 80_000  # characters coloured in one cell, and in all: it can be slow
_BLANK = re.compile(r"^[^\S\n]+$", re.MULTILINE)  # Pygments takes quadratic time over many such lines


class FeedbackExporter(Exporter):
    """What `nbgrader generate_feedback` and `labgrade feedback` write a page with."""

    pdf = Bool(False, help="Also write the feedback as a PDF.").tag(config=True)

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(self, nb: Any, resources: Any = None, **options: Any) -> Any:
        """Return the page of an autograded notebook; nbgrader's GetGrades has put the marks into it."""
        nb, resources = super().from_notebook_node(nb, resources, **options)
        facts = resources["nbgrader"]
        if self.pdf:
            try:
                made = feedback_pdf(for_students(nb), facts, _rows(nb, _cells(nb)))
                name = f"{facts['notebook']}.pdf"
                resources["outputs"] = {**(resources.get("outputs") or {}), name: made}
            except PdfError as error:  # what a student handed in must not cost them the page too
                self.log.error("No PDF for %s: %s", facts["student"], error)
        return page(nb, facts), resources


def write_feedback(course: Course, lab: str, *, student: str | None = None, pdf: bool = False) -> list[Path]:
    """Write the feedback pages of a lab, by nbgrader's own GenerateFeedback; those there are renewed.

    Args:
        course: the course.
        lab: the lab.
        student: only this student's.
        pdf: also write each page as a PDF, beside it.

    Returns:
        the pages.

    Raises:
        CourseError: nothing has been graded, or a page could not be written.
    """
    from nbgrader.converters import GenerateFeedback, NbGraderException
    from nbgrader.coursedir import CourseDirectory

    graded = sorted((course.root / "autograded").glob(f"{student or '*'}/{lab}/{lab}.ipynb"))
    if not graded:
        expect_lab(course, lab)
        who = f" of student {student}" if student else ""
        raise CourseError(
            f"Nothing graded{who} in {course.root / 'autograded'}: run `labgrade grade {lab}` first."
        )
    config = settings.load(course)
    _expect_marks(course, lab, [path.parts[-3] for path in graded])
    config.CourseDirectory.assignment_id = lab
    config.CourseDirectory.student_id = student or "*"
    config.GenerateFeedback.force = True
    config.FeedbackExporter.pdf = pdf
    try:
        with chdir(course.root):
            folder = CourseDirectory(config=config)
            converter = GenerateFeedback(coursedir=folder, config=config)
            converter.log.setLevel("ERROR")
            converter.start()
    except NbGraderException as error:
        pages = [course.folder("feedback", path.parts[-3], lab) / f"{lab}.html" for path in graded]
        students = [page.parts[-3] for page in pages if not page.is_file()]
        raise CourseError(
            f"No feedback could be written for {', '.join(students[:20])}: "
            f"run `labgrade grade {lab} --student {students[0]} --regrade`, then this again."
            if students
            else f"Some feedback could not be written: {error}"
        ) from error
    return [course.folder("feedback", path.parts[-3], lab) / f"{lab}.html" for path in graded]


def _expect_marks(course: Course, lab: str, students: list[str]) -> None:
    """Raise CourseError where the gradebook has no marks of these students."""
    from nbgrader.api import Gradebook, MissingEntry

    advice = f"put a copy of it back, or run `labgrade release {lab}` and `labgrade grade {lab} --regrade`"
    lost = "marks given by hand are only in the gradebook"
    if not course.gradebook.is_file():
        raise CourseError(f"There is no {course.gradebook}, which has the marks: {advice} ({lost}).")
    with Gradebook(course.db_url) as gradebook:
        for student in students:
            try:
                gradebook.find_submission_notebook(lab, lab, student)
            except MissingEntry:
                raise CourseError(
                    f"The gradebook.db has no marks of student {student} for {lab}: {advice} ({lost})."
                ) from None


def page(nb: Any, facts: Any) -> str:
    """Return the feedback page of one autograded notebook.

    Args:
        nb: the notebook, with scores and comments in its nbgrader metadata.
        facts: nbgrader's `resources["nbgrader"]`: student, notebook, score, max_score, late_penalty.
    """
    folder = files("labgrader") / "templates"
    style = (folder / "feedback.css").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        (folder / "feedback.html.j2").read_text(encoding="utf-8")
    )
    nb = for_students(nb)
    note = nb.metadata.get("labgrader", {})
    cells = _cells(nb)
    rows = _rows(nb, cells)
    return template.render(
        title=facts["notebook"],
        student=facts["student"],
        score=_number(facts["score"]),
        max_score=_number(facts["max_score"]),
        beside=beside_the_score(facts, rows),
        flags=note.get("flags", []),
        rows=rows,
        cells=cells,
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def _rows(nb: Any, cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the table of marks."""
    reasons = dict(nb.metadata.get("labgrader", {}).get("reasons", []))
    return [
        {**cell, "name": cell["title"], "why": _why(cell, reasons)}
        for cell in cells
        if cell["points"] is not None
    ]


def _cells(nb: Any) -> list[dict[str, Any]]:
    """Return what the template shows of each cell; of text without end, only the first is worked on."""
    rendered, coloured = Room(MOST), Room(MOST_CODE)
    return [_cell(cell, rendered, coloured) for cell in nb.cells]


def _cell(cell: Any, rendered: Room, coloured: Room) -> dict[str, Any]:
    """Return what the template shows of one cell."""
    role = cell.metadata.get("nbgrader", {})
    name = role.get("grade_id", "")
    graded = bool(role.get("grade") or role.get("task"))
    title = name.removeprefix("test-")
    heading = ("Test: " if graded and not role.get("solution") else "Your answer: ") + title
    comment = role.get("comment")
    source = cell.source
    code = cell.cell_type == "code"
    return {
        "kind": cell.cell_type,
        "title": title,
        "heading": heading if graded or role.get("solution") else "",
        "anchor": f"cell-{name}" if name else "",
        "points": ("?" if role.get("waiting") else _number(role["score"]))
        if graded and "score" in role
        else None,
        "max": _number(role.get("points", 0)),
        "waiting": bool(role.get("waiting")),
        "by_hand": bool(role.get("by_hand")),
        "html": None
        if code
        else Markup(
            safe_html(source, maths, attached(cell.get("attachments")))
            if rendered.has(source)
            else verbatim(source)
        ),
        "code": Markup(_highlighted(source, coloured)) if code and source.strip() else None,
        "outputs": list(map(_output, cell.outputs)) if code else [],
        "comment": Markup(safe_html(comment, maths)) if comment else None,
    }


def _why(row: dict[str, Any], reasons: dict[str, str]) -> str:
    """Return what the table says about one exercise."""
    if row["waiting"] or row["by_hand"]:
        return "still to be marked" if row["waiting"] else "marked by a person"
    return next((reasons[name] for name in (f"test-{row['title']}", row["title"]) if name in reasons), "")


def _highlighted(source: str, room: Room) -> str:
    """Return code as HTML with Pygments' classes, of so much only that it takes seconds."""
    return highlighted(source, "python3" if room.has(source) else "text")


def highlighted(source: str, language: str | None = None, metadata: Any = None) -> str:
    """Return code as HTML with Pygments' classes; without, where it might take hours: nbconvert's filter.

    Args:
        source: the code.
        language: the lexer.
        metadata: the cell's, which may not choose another.
    """
    highlight: Any = Highlight2HTML
    lexer = (language or "python3") if len(source) <= LONGEST_CODE else "text"
    return str(highlight(pygments_lexer=lexer)(_BLANK.sub("", source)))


def _output(output: Any) -> dict[str, Any]:
    """Return what the template shows of one output: a picture or a text."""
    shown: dict[str, Any] = {"image": "", "text": "", "error": False, "alt": "", "width": 0}
    if output.output_type == "stream":
        return {**shown, "text": plain(output.text)}
    if output.output_type == "error":
        return {**shown, "text": plain("\n".join(output.traceback)), "error": True}
    for mime in ("image/png", "image/jpeg"):
        if mime in output.data:
            facts = output.metadata.get(mime, {})
            picture = f"data:{mime};base64,{''.join(output.data[mime].split())}"
            return {
                **shown,
                "image": picture,
                "alt": facts.get("alt", "figure"),
                "width": facts.get("width", 0),
            }
    return {**shown, "text": plain(output.data.get("text/plain", ""))}


def _number(value: float) -> str:
    return f"{round(value, 2):g}"
