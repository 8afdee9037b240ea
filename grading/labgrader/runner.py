"""Grade a class: `grade` mapped over its submissions, results recorded by this process alone."""

from __future__ import annotations

import concurrent.futures as cf
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

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
from labgrader import marker
from labgrader.course import Course
from labgrader.crew import Workers, graded
from labgrader.graded import Graded
from labgrader.interrupt import interruptible
from labgrader.isolation import resolved
from labgrader.lab import Lab
from labgrader.late import Late, settle
from labgrader.lock import only_writer
from labgrader.plan import Planned, plan
from labgrader.policy import Policy
from labgrader.record import Recorded, on_record
from labgrader.recorder import Recorder

__all__ = ["Graded", "grade_class", "plan_class"]


def plan_class(
    course: Course,
    lab_name: str,
    *,
    policy: Policy | None = None,
    student: str | None = None,
    regrade: bool = False,
) -> tuple[Planned, ...]:
    """Return what `grade_class` would do, and why; nothing is graded or written.

    Args:
        course: the course.
        lab_name: the lab.
        policy: limits and key, default: the course's.
        student: only this student's.
        regrade: as if what is on record were to be graded again.

    Raises:
        CourseError: the lab is not in the gradebook, or there is no submission.
    """
    settings.prepare()
    policy = policy or settings.policy(course)
    lab = Lab.from_gradebook(course, lab_name)
    with Gradebook(course.db_url) as gradebook:
        return plan(course, lab, policy, gradebook, student=student, regrade=regrade)


def grade_class(
    course: Course,
    lab_name: str,
    *,
    policy: Policy | None = None,
    student: str | None = None,
    regrade: bool = False,
    jobs: int | None = None,
    executor: cf.Executor | None = None,
    workers: Workers | None = None,
    console: Console | None = None,
) -> tuple[Graded, ...]:
    """Grade every submission of a lab and record the marks; what is on record already is left alone.

    Submissions are recorded as they are graded, all that are ready in one transaction, so a run that was
    stopped goes on where it was. A submission whose grading process is lost is graded again. Ctrl-C lets the
    submissions in hand finish; a second one stops at once.

    Args:
        course: the course.
        lab_name: the lab.
        policy: limits and key, default: the course's.
        student: only this student's.
        regrade: grade again what is on record; manual marks and comments stay.
        jobs: how many processes, default: one for each processor.
        executor: runs the calls of `grade`, `jobs` of them at a time, in place of own processes.
        workers: who grades, for instance a cluster; in place of `jobs` and `executor`.
        console: where the progress bar goes, default: standard error.

    Returns:
        one entry for each submission, by student.

    Raises:
        CourseError: the lab is not in the gradebook, there is no submission, or another run is at work.
        KeyboardInterrupt: Ctrl-C stopped the run.
    """
    settings.prepare()
    config = settings.load(course)
    policy = resolved(policy or settings.policy(course, config))
    lab = Lab.from_gradebook(course, lab_name)
    workers = workers or Workers(jobs or os.cpu_count() or 1, executor)
    with only_writer(course), Gradebook(course.db_url) as gradebook:
        marker.sweep(course, lab_name)
        planned = plan(course, lab, policy, gradebook, student=student, regrade=regrade)
        done = {entry.student: entry.found for entry in planned if entry.found}
        todo = deque(entry.student for entry in planned if entry.why)
        record = Recorder(course, lab, policy, gradebook, config)
        bar = _progress(console or Console(stderr=True), len(todo))
        with bar as progress, interruptible(progress.console) as interrupt:
            for entry in graded(todo, record, workers, interrupt):
                done[entry.student] = entry
                progress.advance(progress.task_ids[0])
            if interrupt:
                raise KeyboardInterrupt
        late = settle(gradebook, lab_name, config)
        known = on_record(gradebook, lab_name)
    entries = (done[each.student] for each in planned if each.student in done)
    return tuple(
        _complete(entry, known[entry.student], late.get(entry.student)) if entry.marks else entry
        for entry in entries
    )


def _complete(entry: Graded, known: Recorded, late: Late | None) -> Graded:
    """Return a line of the class table with what only the gradebook knows."""
    said, penalty = (str(late), late.points) if late else ("", 0.0)
    marks = entry.marks | known.given
    return replace(entry, marks=marks, waiting=known.waiting, late=said, penalty=penalty)


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
