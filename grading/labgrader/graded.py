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
        waiting: how many cells wait for a person, also to look once more at a mark given by hand.
        late: how late it is, "" if it is in time.
        penalty: how many points that costs.
    """

    student: str
    marks: dict[str, float | None]
    max: float
    flags: tuple[str, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    state: str = "graded"
    error: str = ""
    waiting: int = 0
    late: str = ""
    penalty: float = 0.0

    @property
    def points(self) -> float:
        """The points earned so far, less what lateness costs."""
        return max(0.0, sum(points or 0.0 for points in self.marks.values()) - self.penalty)
