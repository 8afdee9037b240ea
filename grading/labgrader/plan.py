"""Who is to be graded, and why: what `labgrade grade` would do, asked of the files and the gradebook."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from nbgrader.api import Gradebook

from labgrader.course import Course, CourseError
from labgrader.graded import Graded
from labgrader.lab import Lab
from labgrader.marker import read_stamp, same_time, why_stale
from labgrader.policy import Policy
from labgrader.record import on_record


@dataclass(frozen=True)
class Planned:
    """One submission before the run.

    Args:
        student: the student's id.
        why: why it is to be graded, "" if its marks are on record and stay.
        by_hand: how many of its marks a person gave; they stay in any case.
        found: what is on record, None if there is something to do.
    """

    student: str
    why: str = ""
    by_hand: int = 0
    found: Graded | None = None


def plan(
    course: Course,
    lab: Lab,
    policy: Policy,
    gradebook: Gradebook,
    *,
    student: str | None = None,
    regrade: bool = False,
) -> tuple[Planned, ...]:
    """Return every submission of a lab, and whether it has to be graded; nothing is written.

    Args:
        course: the course.
        lab: the lab.
        policy: limits and key that it would be graded with.
        gradebook: nbgrader's gradebook, open.
        student: only this student's.
        regrade: what is on record is to be graded again.

    Returns:
        one entry for each submission, by student.

    Raises:
        CourseError: there is no submission.
    """
    known = on_record(gradebook, lab.name)
    planned = []
    for name in _students(course, lab.name, student):
        entry = known.get(name)
        stamp = read_stamp(course.notebook("autograded", name, lab.name))
        source = hashlib.sha256(content(course, name, lab.name)).hexdigest()
        why = why_stale(stamp, entry.marks if entry else None, source=source, lab=lab, policy=policy)
        if not why and not same_time(course, name, lab.name):
            why = "handed in at another time"
        if regrade and not why:
            why = "asked for"
        by_hand = entry.by_hand if entry else 0
        planned.append(Planned(name, why, by_hand, None if why else _found(name, stamp, lab)))
    return tuple(planned)


def content(course: Course, student: str, lab: str) -> bytes:
    """Return the submitted file's bytes, none if it is missing."""
    try:
        return course.notebook("submitted", student, lab).read_bytes()
    except OSError:
        return b""


def superseded(course: Course, student: str, lab: str, *, digest: str = "") -> str:
    """Return what is newer than what was graded: "hand-in", "lab", or "" if no stamp says so.

    Args:
        course: the course.
        student: the student's id.
        lab: the lab.
        digest: of the lab as it is released, "" if that does not matter.
    """
    stamp = read_stamp(course.notebook("autograded", student, lab))
    if "source" not in stamp:
        return ""
    same = stamp["source"] == hashlib.sha256(content(course, student, lab)).hexdigest()
    if not (same and same_time(course, student, lab)):
        return "hand-in"
    return "lab" if digest and stamp.get("lab") != digest else ""


def _students(course: Course, lab: str, only: str | None) -> list[str]:
    """Return the students who handed in a lab."""
    found = course.handed_in(lab)
    if only is not None:
        found = [name for name in found if name == only]
    if not found:
        who = f" of student {only}" if only else ""
        raise CourseError(
            f"No submission{who} in {course.folder('submitted', only or '*', lab)}; collect hand-ins first."
        )
    return found


def _found(student: str, stamp: dict[str, Any], lab: Lab) -> Graded:
    return Graded(
        student=student,
        marks={cell.name: stamp["marks"][cell.name] for cell in lab.graded},
        max=lab.max_points,
        flags=tuple(stamp.get("flags", ())),
        reasons=tuple((name, reason) for name, reason in stamp.get("reasons", ())),
        state="on record",
    )
