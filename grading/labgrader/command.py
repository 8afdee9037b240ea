"""What `labgrade grade` does, from its options to its table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from labgrader import config as settings
from labgrader.cluster import cluster
from labgrader.course import WrongUseError, find_course
from labgrader.crew import Workers
from labgrader.isolation import resolved, sentence
from labgrader.policy import Policy
from labgrader.runner import grade_class, plan_class
from labgrader.table import alike, class_table, notes_table, plan_summary, plan_table, room, summary


def grade(
    folder: Path,
    lab: str,
    *,
    student: str | None = None,
    regrade: bool = False,
    jobs: int | None = None,
    address: str | None = None,
    isolation: str | None = None,
    dry_run: bool = False,
    cells: bool = False,
) -> bool:
    """Grade a class and print what came of it.

    Args:
        folder: the course's folder, or the one around it.
        lab: the lab.
        student: only this student's.
        regrade: grade again what is on record.
        jobs: how many processes.
        address: of a Dask scheduler, in place of processes.
        isolation: how student code is kept apart; default: the course's.
        dry_run: only say what would be done.
        cells: show each exercise's points.

    Returns:
        whether every submission has its marks.

    Raises:
        CourseError: there is nothing to grade, or no way to.
        WrongUseError: there is no such lab or isolation.
    """
    console = Console()
    start = time.monotonic()
    course = find_course(folder)
    policy = settings.policy(course)
    try:
        policy = replace(policy, isolation=isolation or policy.isolation)
    except ValueError as error:
        raise WrongUseError(str(error)) from None
    if dry_run:
        planned = plan_class(course, lab, policy=policy, student=student, regrade=regrade)
        console.print(plan_table(planned))
        console.print(plan_summary(planned), highlight=False, soft_wrap=True)
        return True
    with _crew(address, policy, jobs) as (workers, policy):
        console.print(sentence(policy), highlight=False, soft_wrap=True)
        entries = grade_class(
            course, lab, policy=policy, student=student, regrade=regrade, jobs=jobs, workers=workers
        )
    table = class_table(entries, cells=cells)
    if cells and (least := room(table)) > console.width:
        table.width = least
    console.print(table, crop=False)
    if cells and (said := notes_table(entries)).row_count:
        console.print()
        console.print(said)
    console.print(summary(entries, time.monotonic() - start), highlight=False, soft_wrap=True)
    if found := alike(entries):
        advice = f"Is it the test's own mistake? labgrade demo {lab} tries it with the solution."
        console.print(f"Note: {'. '.join(found)}. {advice}", highlight=False, soft_wrap=True)
    return all(entry.marks for entry in entries)


@contextmanager
def _crew(address: str | None, policy: Policy, jobs: int | None) -> Iterator[tuple[Workers | None, Policy]]:
    """Yield who grades, None for own processes, and the policy with the isolation that they have."""
    if address is None:
        yield None, resolved(policy)
        return
    with cluster(address, policy) as found:
        yield found
