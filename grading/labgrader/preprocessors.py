"""What stands in nbgrader's pipeline, so that `nbgrader autograde` gives the marks of `labgrade grade`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor
from traitlets import Float, Integer, List, Unicode

from labgrader.course import Course
from labgrader.grade import grade
from labgrader.isolation import resolved, sentence
from labgrader.lab import Lab
from labgrader.late import settle
from labgrader.policy import Policy
from labgrader.record import save_marks, stamp
from labgrader.secret import course_secret

_PLAIN = Policy()


class Grades(GetGrades):  # type: ignore[misc,unused-ignore]
    """nbgrader's GetGrades, which also says which marks a person gave or still has to give.

    What lateness costs is asked anew before.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Put the marks on record into the notebook."""
        facts = resources["nbgrader"]
        with Gradebook(facts["db_url"]) as gradebook:
            settle(gradebook, facts["assignment"], self.config, student=facts["student"])
        found: tuple[Any, Any] = super().preprocess(nb, resources)
        return found

    def _get_score(self, cell: Any, resources: Any) -> None:
        super()._get_score(cell, resources)
        role = cell.metadata.nbgrader
        grade = self.gradebook.find_grade(
            role.grade_id, self.notebook_id, self.assignment_id, self.student_id
        )
        role["by_hand"] = grade.manual_score is not None
        role["waiting"] = grade.manual_score is None and grade.auto_score is None


class SubmissionExporter(NotebookExporter):
    """nbconvert's notebook exporter, but a submission is not parsed on its way in: `grade` does that.

    So a file that is no notebook is graded 0 like any other, where nbgrader would leave it ungraded.
    """

    def from_file(self, file_stream: Any, resources: Any = None, **options: Any) -> Any:
        """Start from an empty notebook in nbgrader's first pass, from our own graded one in its second."""
        if getattr(self.parent, "_sanitizing", False):
            empty: Any = nbformat.v4.new_notebook()
            export: Any = self.from_notebook_node
            return export(empty, resources=resources, **options)
        return super().from_file(file_stream, resources=resources, **options)


class GradeSubmission(NbGraderPreprocessor):  # type: ignore[misc]
    """Grade the submitted file and record its marks; the notebook that goes on is the executed one.

    `--no-execute` has no meaning here: marks come from a run, never from outputs that a file claims to have.
    """

    isolation = Unicode(
        _PLAIN.isolation, help="how student code is kept apart: auto, bwrap, landlock, rlimits or none"
    ).tag(config=True)
    readable = List(Unicode(), help="more files and folders that student code may read").tag(config=True)
    cell_seconds = Float(_PLAIN.cell_seconds, help="longest time for one cell").tag(config=True)
    question_seconds = Float(_PLAIN.question_seconds, help="longest time for one question").tag(config=True)
    submission_seconds = Float(_PLAIN.submission_seconds, help="longest time for one submission").tag(
        config=True
    )
    restarts = Integer(_PLAIN.restarts, help="how often a process that died is replaced").tag(config=True)
    memory = Integer(_PLAIN.memory, help="bytes of memory for a student's processes").tag(config=True)
    processes = Integer(_PLAIN.processes, help="processes and threads at one time").tag(config=True)
    disk = Integer(_PLAIN.disk, help="bytes that a student's code may write").tag(config=True)

    def policy(self, course: Course) -> Policy:
        """Return the limits that the course's settings ask for, its key, and its folder as hidden.

        Args:
            course: the course.
        """
        set_here = {
            entry.name: getattr(self, entry.name) for entry in fields(Policy) if self.has_trait(entry.name)
        }
        set_here["readable"] = tuple(str((course.root / path).absolute()) for path in self.readable)
        return Policy(key=course_secret(course), hidden=(str(course.root.absolute()),), **set_here)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Replace the notebook by the graded one."""
        names = resources["nbgrader"]
        path = Path(resources["metadata"]["path"], f"{resources['metadata']['name']}.ipynb")
        policy = resolved(self.policy(Course(Path(self.parent.parent.coursedir.root))))
        self.log.info(sentence(policy))
        with Gradebook(names["db_url"]) as gradebook:
            lab = Lab.from_open_gradebook(gradebook, names["notebook"], names["assignment"])
        result = grade(path.read_bytes(), lab, policy)
        for flag in result.flags:
            self.log.info("%s: %s", names["student"], flag)
        with Gradebook(names["db_url"]) as gradebook:
            save_marks(gradebook, names["student"], names["assignment"], result)
        return nbformat.reads(stamp(result, lab, policy), as_version=4), resources
