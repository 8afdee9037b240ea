"""What the class table knows of one submission."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Graded:
    """One line of the class table.

    Args:
        student: the student's id.
        marks: points by cell, a person's if there are any, None where one has to give them; empty if grading
            failed.
        max: the most points that the lab can earn.
        flags: what was odd about the submission.
        reasons: the name of each cell that lost points, and why.
        seconds: how long grading took here; 0 for one that was on record already.
        state: "graded", "on record", "failed", or "ended" for a grading process ended from outside.
        error: why it failed.
    """

    student: str
    marks: dict[str, float | None]
    max: float
    flags: tuple[str, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    state: str = "graded"
    error: str = ""

    @property
    def points(self) -> float:
        """The points earned so far."""
        return sum(points or 0.0 for points in self.marks.values())

    @property
    def waiting(self) -> int:
        """How many cells a person still has to mark."""
        return sum(points is None for points in self.marks.values())
