"""Grade a class: `grade` mapped over its submissions, results recorded by this process alone."""

from __future__ import annotations

import concurrent.futures as cf
import hashlib
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from nbgrader.api import Gradebook
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from labgrader import config as settings
from labgrader.course import Course, CourseError
from labgrader.execute import sweep
from labgrader.grade import Result
from labgrader.lab import Lab
from labgrader.policy import Policy
from labgrader.pool import processes, timed_grade
from labgrader.record import auto_marks, handed_in, is_recorded, read_stamp, save_marks, stamp, write_notebook


@dataclass(frozen=True)
class Graded:
    """One line of the class table.

    Args:
        student: the student's id.
        marks: points by cell, None where a person gives them; empty if grading failed.
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


def grade_class(
    course: Course,
    lab_name: str,
    *,
    policy: Policy | None = None,
    student: str | None = None,
    regrade: bool = False,
    jobs: int | None = None,
    executor: cf.Executor | None = None,
    console: Console | None = None,
) -> tuple[Graded, ...]:
    """Grade every submission of a lab and record the marks; what is on record already is left alone.

    Each submission is recorded as soon as it is graded, in one transaction, so a run that was stopped goes on
    where it was. Ctrl-C lets the submissions in hand finish; a second one stops at once.

    Args:
        course: the course.
        lab_name: the lab.
        policy: limits and key, default: the course's.
        student: only this student's.
        regrade: grade again what is on record; manual marks and comments stay.
        jobs: how many processes, default: one for each processor.
        executor: runs the calls of `grade`, `jobs` of them at a time, in place of own processes.
        console: where the progress bar goes, default: standard error.

    Returns:
        one entry for each submission, by student.

    Raises:
        CourseError: the lab is not in the gradebook, or there is no submission.
    """
    settings.prepare()
    sweep()
    config = settings.load(course)
    policy = policy or settings.policy(course, config)
    lab = Lab.from_gradebook(course, lab_name)
    students = _students(course, lab_name, student)
    with Gradebook(course.db_url) as gradebook:
        known = auto_marks(gradebook, lab_name)
        done: dict[str, Graded] = {}
        for name in students:
            found = read_stamp(course.notebook("autograded", name, lab_name))
            source = hashlib.sha256(_content(course, name, lab_name)).hexdigest()
            if not regrade and is_recorded(found, known.get(name), source=source, lab=lab, policy=policy):
                done[name] = _on_record(name, found, lab)
        todo = deque(name for name in students if name not in done)
        recorder = _Recorder(course, lab, policy, gradebook, config)
        jobs = min(jobs or os.cpu_count() or 1, max(len(todo), 1))
        with _progress(console or Console(stderr=True), len(todo)) as progress:
            while todo:
                left = len(todo)
                with nullcontext(executor) if executor else processes(jobs) as pool:
                    for entry in _run(pool, todo, recorder, progress, jobs):
                        done[entry.student] = entry
                if len(todo) == left or (todo and executor):
                    error = "the executor is broken"
                    done |= {
                        name: Graded(name, {}, lab.max_points, state="failed", error=error) for name in todo
                    }
                    todo.clear()
            for name in [name for name, entry in done.items() if entry.state == "ended" and not executor]:
                with processes(1) as pool:  # alone, so that whatever ends its process ends no other's
                    for entry in _run(pool, deque([name]), recorder, progress, 1):
                        done[name] = entry
    return tuple(done[name] for name in students if name in done)


def _students(course: Course, lab: str, only: str | None) -> list[str]:
    """Return the students who handed in a lab."""
    found = sorted(
        folder.parent.name for folder in (course.root / "submitted").glob(f"*/{lab}") if folder.is_dir()
    )
    if only is not None:
        found = [name for name in found if name == only]
    if not found:
        who = f" of student {only}" if only else ""
        raise CourseError(
            f"No submission{who} in {course.folder('submitted', only or '*', lab)}; collect hand-ins first."
        )
    return found


def _content(course: Course, student: str, lab: str) -> bytes:
    """Return the submitted file's bytes, none if it is missing."""
    try:
        return course.notebook("submitted", student, lab).read_bytes()
    except OSError:
        return b""


def _on_record(student: str, found: dict[str, Any], lab: Lab) -> Graded:
    return Graded(
        student=student,
        marks={cell.name: found["marks"][cell.name] for cell in lab.graded},
        max=lab.max_points,
        flags=tuple(found.get("flags", ())),
        reasons=tuple((name, reason) for name, reason in found.get("reasons", ())),
        state="on record",
    )


class _Recorder:
    """Records results; only the coordinating process has one."""

    def __init__(self, course: Course, lab: Lab, policy: Policy, gradebook: Gradebook, config: Any) -> None:
        self.course, self.lab, self.policy, self.gradebook, self.config = (
            course,
            lab,
            policy,
            gradebook,
            config,
        )

    def __call__(self, student: str, result: Result, seconds: float) -> Graded:
        """Write one result into the gradebook, then its notebook, whose stamp says that both are done."""
        lab = self.lab.name
        time = handed_in(self.course.folder("submitted", student, lab))
        save_marks(self.gradebook, student, lab, result, timestamp=time)
        self._penalty(student)
        self.gradebook.db.expunge_all()
        write_notebook(self.course, student, lab, lab, stamp(result, self.lab, self.policy))
        return Graded(
            student=student,
            marks={mark.name: mark.points for mark in result.marks},
            max=self.lab.max_points,
            flags=result.flags,
            reasons=tuple((mark.name, mark.reason) for mark in result.marks if mark.reason),
            seconds=seconds,
        )

    def _penalty(self, student: str) -> None:
        """Let nbgrader's late-submission plugin have its say where the hand-in is late or was."""
        from nbgrader.preprocessors import AssignLatePenalties

        lab = self.lab.name
        submission = self.gradebook.find_submission(lab, student)
        if submission.total_seconds_late or any(nb.late_submission_penalty for nb in submission.notebooks):
            names = {"notebook": lab, "assignment": lab, "student": student, "db_url": self.course.db_url}
            import nbformat

            AssignLatePenalties(config=self.config).preprocess(
                nbformat.v4.new_notebook(), {"nbgrader": names}
            )


def _run(
    pool: cf.Executor, todo: deque[str], record: _Recorder, progress: Progress, window: int
) -> Iterator[Graded]:
    """Yield each submission once it is recorded, or has failed; stop early if the pool breaks.

    Args:
        pool: runs the calls of `grade`.
        todo: the students, taken from as work is handed out.
        record: records the results.
        progress: shows them.
        window: how many submissions are in hand at a time.
    """
    waiting: dict[cf.Future[tuple[Result, float]], str] = {}
    stopping = broken = False
    while waiting or (todo and not broken):
        try:
            while todo and len(waiting) < window and not broken:
                content = _content(record.course, todo[0], record.lab.name)
                future = pool.submit(timed_grade, content, record.lab, record.policy)
                waiting[future] = todo.popleft()
            for future in cf.wait(waiting, return_when=cf.FIRST_COMPLETED).done:
                entry = _recorded(future, waiting.pop(future), record)
                broken = broken or entry.state == "ended"
                progress.advance(progress.task_ids[0])
                yield entry
        except BrokenExecutor:
            broken = True
        except KeyboardInterrupt:
            if stopping:
                raise
            stopping = True
            todo.clear()
            progress.console.print(f"Finishing the {len(waiting)} in hand; Ctrl-C again stops at once.")
    if stopping:
        raise KeyboardInterrupt


def _recorded(future: cf.Future[tuple[Result, float]], student: str, record: _Recorder) -> Graded:
    """Record a finished submission; a fault of the machine leaves it ungraded, with the reason."""
    state, error = "failed", ""
    try:
        return record(student, *future.result())
    except BrokenExecutor:
        state, error = "ended", "its process was ended from outside (out of memory?)"
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    return Graded(student, {}, record.lab.max_points, state=state, error=error)


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Progress]:
    """Show a progress bar with the time left."""
    columns = (
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        progress.add_task("grading", total=total)
        yield progress
