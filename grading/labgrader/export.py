"""The marks as a CSV table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin
from traitlets.config import Config

from labgrader import config as settings
from labgrader.course import Course, CourseError, WrongUseError
from labgrader.lab import Lab
from labgrader.late import settle
from labgrader.plan import superseded
from labgrader.record import handed_in
from labkit.plainfile import whole

COLUMNS = (
    "student",
    "last_name",
    "first_name",
    "lab",
    "auto",
    "manual",
    "late_penalty",
    "total",
    "max",
    "needs_manual",
    "seconds_late",
    "handed_in",
    "status",
)
GRADED, NOT_GRADED, NOT_HANDED_IN = "graded", "not graded", "not handed in"
NEWER = {"hand-in": "graded; a newer hand-in is not", "lab": "graded; the lab was released anew since"}
WAITING = (NOT_GRADED, *NEWER.values())


class GradesPlugin(ExportPlugin):  # type: ignore[misc,unused-ignore]
    """What `nbgrader export` writes its table with."""

    def export(self, gradebook: Gradebook) -> None:
        """Write the table to the file that `--to` names, by default grades.csv."""
        labs, students = map(str, self.assignment), map(str, self.student)
        course = Course(Path(self.parent.coursedir.root))
        settle_all(gradebook, labs, self.config)
        lines = list(rows(gradebook, course, labs=labs, students=students))
        write_table(Path(self.to or "grades.csv"), lines)
        self.log.info("%d lines in %s", len(lines), self.to or "grades.csv")


def export_grades(course: Course, to: Path, *, lab: str | None = None) -> list[dict[str, Any]]:
    """Write the marks of a lab, or of all, into a CSV file.

    Args:
        course: the course.
        to: the file.
        lab: only this lab.

    Returns:
        its lines, without the header.

    Raises:
        WrongUseError: there is no such lab.
        OSError: the file cannot be written.
    """
    settings.prepare()
    if not course.gradebook.is_file():
        raise CourseError(f"No gradebook in {course.root}: release a lab first.")
    with Gradebook(course.db_url) as gradebook:
        names = [assignment.name for assignment in gradebook.assignments]
        if lab is not None and lab not in names:
            raise WrongUseError(f"No lab {lab} in the gradebook (it has: {', '.join(names) or 'none'}).")
        settle_all(gradebook, [lab] if lab else [], settings.load(course))
        lines = list(rows(gradebook, course, labs=[lab] if lab else []))
    write_table(to, lines)
    return lines


def settle_all(gradebook: Gradebook, labs: Iterable[str], config: Config) -> None:
    """Bring the penalties for lateness up to date, of all labs if none is named."""
    names = [assignment.name for assignment in gradebook.assignments]
    for lab in set(labs).intersection(names) if labs else names:
        settle(gradebook, lab, config)


def rows(
    gradebook: Gradebook, course: Course, *, labs: Iterable[str] = (), students: Iterable[str] = ()
) -> Iterator[dict[str, Any]]:
    """Yield a line for each student, in the gradebook or in submitted/, and each lab that anybody handed in.

    Who handed in nothing has 0 points and no time; who is not graded yet has no points, but a time; who was
    collected again since has the points and the time of the hand-in that was graded.

    A cell's points are a person's if there are any, else the grader's, as in nbgrader; `auto` counts the
    latter, `manual` the former and extra credit.

    Args:
        gradebook: nbgrader's gradebook, open.
        course: the course, for what was collected.
        labs: only these labs, even if nobody handed them in.
        students: only these students.
    """
    labs, students = set(labs), set(students)
    assignments = sorted(gradebook.assignments, key=lambda each: each.name)
    collected = {assignment.name: set(course.handed_in(assignment.name)) for assignment in assignments}
    known = {student.id: student for student in gradebook.students}
    everybody = sorted(known.keys() | set().union(*collected.values()))
    for assignment in assignments:
        name = assignment.name
        if name not in labs if labs else not (collected[name] or assignment.submissions):
            continue
        digest = _digest(gradebook, name)
        for id in everybody:
            if students and id not in students:
                continue
            line: dict[str, Any] = {
                "student": id,
                "last_name": getattr(known.get(id), "last_name", None) or "",
                "first_name": getattr(known.get(id), "first_name", None) or "",
                "lab": name,
                "max": _number(assignment.max_score),
            }
            try:
                submission = gradebook.find_submission(name, id)
            except MissingEntry:
                if id in collected[name]:
                    time = handed_in(course.folder("submitted", id, name))
                    yield {**line, "handed_in": _time(time), "status": NOT_GRADED}
                else:
                    none = dict.fromkeys(("auto", "manual", "late_penalty", "total"), "0")
                    yield {**line, **none, "needs_manual": "no", "status": NOT_HANDED_IN}
            else:
                newer = superseded(course, id, name, digest=digest) if id in collected[name] else ""
                yield {**line, **_marks(submission), "status": NEWER.get(newer, GRADED)}


def _digest(gradebook: Gradebook, lab: str) -> str:
    """Return the digest of a lab, "" for an assignment that is not one notebook of its name."""
    try:
        return Lab.from_open_gradebook(gradebook, lab).digest()
    except CourseError:
        return ""


def write_table(to: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Write a CSV file in one step; no text in it is a formula to a spreadsheet."""
    try:
        _write(to, lines)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(to)) from error  # not its folder, nor a temporary name


def _write(to: Path, lines: Iterable[dict[str, Any]]) -> None:
    with whole(to) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.DictWriter(text, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows({key: guarded(value) for key, value in line.items()} for line in lines)
        text.detach()  # written out; the file stays open


def guarded(value: Any) -> str:
    """Return a table's entry such that no spreadsheet takes it for a formula.

    Example:
        >>> guarded("=1+1"), guarded("-amy"), guarded("-1.5"), guarded(3)
        ("'=1+1", "'-amy", '-1.5', '3')
    """
    text = str(value)
    if text[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n", "|"):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def _marks(submission: Any) -> dict[str, str]:
    """Return what a submission's line says about its marks."""
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    by_hand = [grade for grade in grades if grade.manual_score is not None]
    auto = sum(grade.auto_score or 0.0 for grade in grades if grade.manual_score is None)
    manual = sum(grade.manual_score for grade in by_hand) + sum(grade.extra_credit or 0.0 for grade in grades)
    penalty = sum(notebook.late_submission_penalty or 0.0 for notebook in submission.notebooks)
    return {
        "auto": _number(auto),
        "manual": _number(manual),
        "late_penalty": _number(penalty),
        "total": _number(max(0.0, submission.score - penalty)),
        "needs_manual": "yes" if submission.needs_manual_grade else "no",
        "seconds_late": _number(submission.total_seconds_late),
        "handed_in": _time(submission.timestamp),
    }


def _time(time: datetime | None) -> str:
    return time.isoformat(sep=" ", timespec="seconds") if time else ""


def _number(value: float | None) -> str:
    return f"{round(value or 0.0, 2):g}"
