"""The autograded notebook on disk: written last, it is the mark by which a later run knows that all is done.

A submission is recorded in this order: its marks in the gradebook (one transaction), the time of the
hand-in, the executed notebook with the stamp. Killed anywhere in between, the stamp is missing or does not
fit, and the submission is graded again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat

from labgrader.course import Course
from labgrader.grade import Result
from labgrader.lab import Lab
from labgrader.policy import Policy
from labkit.plainfile import UNFINISHED, whole

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


def why_stale(found: dict[str, Any], marks: Marks | None, *, source: str, lab: Lab, policy: Policy) -> str:
    """Return why a submission has to be graded, "" if what is on record is what grading it would give.

    Args:
        found: the autograded notebook's stamp; it is written last, so it says that all before it is done.
        marks: the automatic marks in the gradebook, None if it knows no such submission.
        source: SHA-256 of the submitted file.
        lab: the lab.
        policy: the policy.

    Example:
        >>> why_stale({}, None, source="", lab=Lab("00_toy", ()), policy=Policy())
        'new'
    """
    if marks is None or not found:
        return "new" if not found else "not in the gradebook"
    wanted = {
        "source": (source, "another file was handed in"),
        "lab": (lab.digest(), "the lab was released anew"),
        "policy": (policy.digest(), "limits, isolation or the course's key are others"),
        "engine": (ENGINE, "it was graded by another version"),
        "marks": (marks, "the gradebook has other marks"),
    }
    return next((why for name, (value, why) in wanted.items() if found.get(name) != value), "")


def same_time(course: Course, student: str, assignment: str) -> bool:
    """Return whether the time of the hand-in is the one on record; one without a time always is."""
    submitted, autograded = (
        course.folder(step, student, assignment) / TIMESTAMP for step in ("submitted", "autograded")
    )
    if not submitted.is_file():
        return True
    return autograded.is_file() and autograded.read_bytes() == submitted.read_bytes()


def write_notebook(course: Course, student: str, assignment: str, name: str, text: str) -> None:
    """Write the time of the hand-in and then the autograded notebook, each in one step.

    The notebook holds the stamp that says that all is done, so it comes last.
    """
    folder = course.folder("autograded", student, assignment)
    folder.mkdir(parents=True, exist_ok=True)
    time = course.folder("submitted", student, assignment) / TIMESTAMP
    if time.is_file():
        _replace(folder / TIMESTAMP, time.read_bytes())
    _replace(folder / f"{name}.ipynb", text.encode())


def sweep(course: Course, assignment: str) -> None:
    """Remove what a killed run left half written beside the autograded notebooks."""
    for left in (course.root / "autograded").glob(f"*/{assignment}/{UNFINISHED}*"):
        left.unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    """Write a read-only file so that it is there whole or not at all."""
    with whole(path, mode=0o444) as file:
        file.write(content)
