"""Record results as they come: in the gradebook, then beside it; only the coordinating process does."""

from __future__ import annotations

from collections.abc import Sequence

from nbgrader.api import Gradebook
from traitlets.config import Config

from labgrader.course import Course
from labgrader.grade import Result
from labgrader.graded import Graded
from labgrader.lab import Lab
from labgrader.late import late_plugin, put_penalty
from labgrader.marker import write_notebook
from labgrader.policy import Policy
from labgrader.pool import Finished
from labgrader.record import handed_in, put_marks, transaction


class Recorder:
    """Records the results of one lab.

    Args:
        course: the course.
        lab: the lab.
        policy: what the results were graded with.
        gradebook: nbgrader's gradebook, open.
        config: the course's settings, for what nbgrader's plugins have to say.
    """

    def __init__(
        self, course: Course, lab: Lab, policy: Policy, gradebook: Gradebook, config: Config
    ) -> None:
        self.course, self.lab, self.policy, self.gradebook = course, lab, policy, gradebook
        self.late = late_plugin(config)

    def __call__(self, results: Sequence[tuple[str, Finished]]) -> list[Graded]:
        """Record some results in one transaction; if that fails, each in its own, to find the culprit."""
        try:
            with transaction(self.gradebook):
                for student, finished in results:
                    self._put(student, finished.result)
            return [self._write(student, finished) for student, finished in results]
        except Exception as problem:
            if len(results) == 1:
                return [self.failed(results[0][0], f"{type(problem).__name__}: {problem}")]
        return [entry for each in results for entry in self([each])]

    def failed(self, student: str, error: str, *, state: str = "failed") -> Graded:
        """Return the entry of a submission that could not be graded."""
        return Graded(student, {}, self.lab.max_points, state=state, error=error)

    def _put(self, student: str, result: Result) -> None:
        """Put one result into the gradebook's open transaction."""
        lab = self.lab.name
        time = handed_in(self.course.folder("submitted", student, lab))
        notebook = put_marks(self.gradebook, student, lab, result, timestamp=time)
        put_penalty(self.gradebook, student, notebook, self.late)

    def _write(self, student: str, finished: Finished) -> Graded:
        """Write the notebook of a result that is in the gradebook: now it is done."""
        result, lab = finished.result, self.lab.name
        write_notebook(self.course, student, lab, lab, result.notebook)
        return Graded(
            student=student,
            marks={mark.name: mark.points for mark in result.marks},
            max=self.lab.max_points,
            flags=result.flags,
            reasons=tuple((mark.name, mark.reason) for mark in result.marks if mark.reason),
            seconds=finished.seconds,
        )
