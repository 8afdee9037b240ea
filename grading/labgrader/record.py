"""Write results into nbgrader's gradebook and folders: the one place that does."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import nbformat
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

from labgrader.course import Course
from labgrader.grade import Result
from labgrader.lab import Lab
from labgrader.policy import Policy

ENGINE = 1  # raised when the same submission would get other marks
TIMESTAMP = "timestamp.txt"
Marks = dict[str, float | None]


def stamp(result: Result, lab: Lab, policy: Policy) -> str:
    """Return the result's notebook with a note of what it was graded from, for a later run to know it by."""
    node: Any = nbformat.reads(result.notebook, as_version=4)
    node.metadata["labgrader"] = {
        "engine": ENGINE,
        "source": result.source,
        "lab": lab.digest(),
        "policy": policy.digest(),
        "marks": {mark.name: mark.points for mark in result.marks},
        "flags": list(result.flags),
        "reasons": [[mark.name, mark.reason] for mark in result.marks if mark.reason],
    }
    return str(nbformat.writes(node)) + "\n"


def read_stamp(notebook: Path) -> dict[str, Any]:
    """Return the note that `stamp` left in an autograded notebook, {} if there is none."""
    try:
        node = json.loads(notebook.read_bytes())
        found = node["metadata"]["labgrader"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def is_recorded(found: dict[str, Any], marks: Marks | None, *, source: str, lab: Lab, policy: Policy) -> bool:
    """Return whether a submission has been graded already: same file, lab, policy, and its marks on record.

    Args:
        found: the autograded notebook's stamp.
        marks: the automatic marks in the gradebook, None if it knows no such submission.
        source: SHA-256 of the submitted file.
        lab: the lab.
        policy: the policy.
    """
    wanted = {"engine": ENGINE, "source": source, "lab": lab.digest(), "policy": policy.digest()}
    return (
        marks is not None
        and found.get("marks") == marks
        and all(found.get(k) == v for k, v in wanted.items())
    )


def auto_marks(gradebook: Gradebook, assignment: str) -> dict[str, Marks]:
    """Return every student's automatic marks for a lab, by the name of the cell."""
    rows = (
        gradebook.db.query(SubmittedAssignment.student_id, BaseCell.name, Grade.auto_score)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, BaseCell.id == Grade.cell_id)
        .filter(Assignment.name == assignment)
    )
    found: dict[str, Marks] = {}
    for student, cell, points in rows:
        found.setdefault(student, {})[cell] = points
    return found


def save_marks(
    gradebook: Gradebook,
    student: str,
    assignment: str,
    result: Result,
    *,
    timestamp: datetime.datetime | None = None,
) -> None:
    """Write one result into the gradebook, in one transaction.

    Manual marks, extra credit and manual comments stay. As in nbgrader, a cell needs a person's eye when it
    has no automatic mark, or has a manual one from before; so does an answer whose cell was missing.

    Args:
        gradebook: nbgrader's gradebook, open.
        student: the student's id; the student and the submission are made if need be.
        assignment: nbgrader's assignment.
        result: the result.
        timestamp: when it was handed in, UTC; None leaves what is there.
    """
    db = gradebook.db
    try:
        submission = _submission(gradebook, student, assignment)
        if timestamp is not None:
            submission.timestamp = timestamp
        notebook = next(each for each in submission.notebooks if each.notebook.name == result.lab)
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
        db.commit()
    except BaseException:
        db.rollback()
        raise


def write_notebook(course: Course, student: str, assignment: str, name: str, text: str) -> None:
    """Write an autograded notebook, and the time of the hand-in beside it, each in one step."""
    folder = course.folder("autograded", student, assignment)
    folder.mkdir(parents=True, exist_ok=True)
    time = course.folder("submitted", student, assignment) / TIMESTAMP
    if time.is_file():
        _replace(folder / TIMESTAMP, time.read_bytes())
    _replace(folder / f"{name}.ipynb", text.encode())


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


def _replace(path: Path, content: bytes) -> None:
    """Write a read-only file so that it is there whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".labgrader-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o444)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
