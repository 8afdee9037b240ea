"""What lateness costs: nbgrader's plugin asked again whenever the due date or the marks may have changed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbgrader.api import Gradebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from traitlets import TraitError
from traitlets.config import Config

from labgrader.course import CourseError
from labgrader.record import transaction


@dataclass(frozen=True)
class Late:
    """How late a submission is, in seconds, and how many points that costs."""

    seconds: float
    points: float

    def __str__(self) -> str:
        hours = self.seconds / 3600
        short = f"{hours:.2g} h" if hours >= 1 else "under an hour"
        return (f"{hours / 24:.3g} days late" if hours >= 48 else f"{short} late") + (
            f", {self.points:g} point{'s' * (self.points != 1)} less" if self.points else ""
        )


def late_plugin(config: Config) -> AssignLatePenalties:
    """Return nbgrader's step that knows the course's late-submission plugin.

    Raises:
        CourseError: the course's settings name a plugin or a method that there is not.
    """
    try:
        step = AssignLatePenalties(config=config)
        step.init_plugin()
    except (TraitError, ImportError) as error:
        said = re.sub(r"<(\S+) object at 0x\w+>", r"\1", str(error)).rstrip(".")
        raise CourseError(f"The nbgrader_config.py cannot be used: {said}.") from None
    return step


def put_penalty(
    gradebook: Gradebook, student: str, notebook: SubmittedNotebook, step: AssignLatePenalties
) -> float:
    """Put what a submission's lateness costs into the open transaction, and return it.

    Args:
        gradebook: nbgrader's gradebook, open.
        student: the student's id.
        notebook: nbgrader's entry of the submitted notebook, with its marks.
        step: what `late_plugin` returns.
    """
    late = notebook.assignment.total_seconds_late
    penalty: float | None = None
    if late > 0:
        gradebook.db.flush()
        gradebook.db.refresh(notebook, ["score"])
        penalty = step.plugin_inst.late_submission_penalty(student, notebook.score, late)
        if penalty is not None:
            penalty = step._check_late_penalty(notebook, penalty)
    if notebook.late_submission_penalty != penalty:
        notebook.late_submission_penalty = penalty
    return penalty or 0.0


def settle(gradebook: Gradebook, lab: str, config: Config, *, student: str | None = None) -> dict[str, Late]:
    """Bring the penalties on record up to date, and return those who are late.

    nbgrader asks its plugin when a submission is graded, and never again; but since then the due date may
    have been moved, and a person may have given marks.

    Args:
        gradebook: nbgrader's gradebook, open.
        lab: the lab.
        config: the course's settings, which name the plugin.
        student: only this student's.

    Raises:
        CourseError: the settings' plugin cannot be used.
    """
    step = late_plugin(config)
    assignment = gradebook.find_assignment(lab)
    found: dict[str, Late] = {}
    with transaction(gradebook):
        of_lab = SubmittedAssignment.assignment_id == assignment.id
        query = gradebook.db.query(SubmittedNotebook).join(SubmittedAssignment).filter(of_lab)
        if assignment.duedate is None:  # nobody is late
            query = query.filter(SubmittedNotebook.late_submission_penalty.isnot(None))
        if student is not None:
            query = query.filter(SubmittedAssignment.student_id == student)
        for notebook in query.all():
            who, seconds = notebook.assignment.student_id, notebook.assignment.total_seconds_late
            points = put_penalty(gradebook, who, notebook, step)
            if seconds > 0:
                found[who] = Late(seconds, points)
    return found
