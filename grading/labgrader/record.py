"""Write results into nbgrader's gradebook: the one place that does."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.utils import parse_utc

from labgrader.grade import Result
from labgrader.marker import TIMESTAMP, Marks, stamp

__all__ = [
    "Recorded",
    "handed_in",
    "on_record",
    "put_marks",
    "save_marks",
    "stamp",
    "transaction",
]


@dataclass(frozen=True)
class Recorded:
    """What the gradebook has of one submission: its automatic marks, those that a person gave, and how many
    cells wait for a person.
    """

    marks: Marks
    given: Marks
    waiting: int = 0

    @property
    def by_hand(self) -> int:
        """How many marks a person gave."""
        return len(self.given)


def on_record(gradebook: Gradebook, assignment: str) -> dict[str, Recorded]:
    """Return what the gradebook has of every student's submission of a lab."""
    rows = (
        gradebook.db.query(
            SubmittedAssignment.student_id,
            BaseCell.name,
            Grade.auto_score,
            Grade.manual_score,
            Grade.extra_credit,
            Grade.needs_manual_grade,
        )
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, BaseCell.id == Grade.cell_id)
        .filter(Assignment.name == assignment)
    )
    marks: dict[str, Marks] = {}
    given: dict[str, Marks] = {}
    waiting: Counter[str] = Counter()
    for student, cell, points, manual, extra, waits in rows:
        waiting[student] += bool(waits)
        marks.setdefault(student, {})[cell] = points
        if manual is not None:
            given.setdefault(student, {})[cell] = manual + (extra or 0.0)
    return {who: Recorded(found, given.get(who, {}), waiting[who]) for who, found in marks.items()}


def save_marks(
    gradebook: Gradebook,
    student: str,
    assignment: str,
    result: Result,
    *,
    timestamp: datetime.datetime | None = None,
) -> None:
    """Write one result into the gradebook, in one transaction; see `put_marks`."""
    with transaction(gradebook):
        put_marks(gradebook, student, assignment, result, timestamp=timestamp)


@contextmanager
def transaction(gradebook: Gradebook) -> Iterator[None]:
    """Commit what the block does to a gradebook, all or nothing, and forget its objects."""
    try:
        yield
        gradebook.db.commit()
    except BaseException:
        gradebook.db.rollback()
        raise
    finally:
        gradebook.db.expunge_all()


def put_marks(
    gradebook: Gradebook,
    student: str,
    assignment: str,
    result: Result,
    *,
    timestamp: datetime.datetime | None = None,
) -> SubmittedNotebook:
    """Put one result into the gradebook's open transaction.

    Manual marks, extra credit and manual comments stay. As in nbgrader, a cell needs a person's eye when it
    has no automatic mark, or has a manual one from before; so does an answer whose cell was missing.

    Args:
        gradebook: nbgrader's gradebook, open.
        student: the student's id; the student and the submission are made if need be.
        assignment: nbgrader's assignment.
        result: the result.
        timestamp: when it was handed in, UTC; None leaves what is there.

    Returns:
        nbgrader's entry of the submitted notebook.
    """
    submission = _submission(gradebook, student, assignment)
    if timestamp is not None:
        submission.timestamp = timestamp
    notebook: SubmittedNotebook = next(
        each for each in submission.notebooks if each.notebook.name == result.lab
    )
    entry = notebook.notebook
    graded = {cell.name: cell.id for cell in [*entry.grade_cells, *entry.task_cells]}
    written = {cell.name: cell.id for cell in [*entry.solution_cells, *entry.task_cells]}
    grades = {grade.cell_id: grade for grade in notebook.grades}
    comments = {comment.cell_id: comment for comment in notebook.comments}
    for mark in result.marks:
        id = graded[mark.name]
        grade = grades.get(id) or Grade(cell_id=id, notebook=notebook)
        grade.auto_score = mark.points
        grade.needs_manual_grade = mark.points is None or mark.look or grade.manual_score is not None
    for name, text in result.comments:
        id = written[name]
        comment = comments.get(id) or Comment(cell_id=id, notebook=notebook)
        comment.auto_comment = text
    return notebook


def handed_in(folder: Path) -> datetime.datetime | None:
    """Return the time in a submission's `timestamp.txt`, in UTC without a zone; None if there is none."""
    try:
        return parse_utc((folder / TIMESTAMP).read_text().strip()) or None
    except (OSError, ValueError, OverflowError):
        return None


def _submission(gradebook: Gradebook, student: str, assignment: str) -> SubmittedAssignment:
    """Return a student's submission, made with empty grades and comments if it is new; commit nothing."""
    try:
        return gradebook.find_submission(assignment, student)
    except MissingEntry:
        pass
    db = gradebook.db
    person = db.get(Student, student)
    if person is None:
        person = Student(id=student)
        db.add(person)
    entry = gradebook.find_assignment(assignment)
    with db.no_autoflush:
        submission = SubmittedAssignment(assignment=entry, student=person)
        for notebook in entry.notebooks:
            submitted = SubmittedNotebook(notebook=notebook, assignment=submission)
            for cell in [*notebook.grade_cells, *notebook.task_cells]:
                Grade(cell_id=cell.id, notebook=submitted)
            for cell in [*notebook.solution_cells, *notebook.task_cells]:
                Comment(cell_id=cell.id, notebook=submitted)
        db.add(submission)
    return submission
