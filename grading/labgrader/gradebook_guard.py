"""What a new release of a lab would do to grades that are already in the gradebook.

nbgrader keeps recorded grades when a lab is released again, as long as the same cells are there; with other
cells it stops half way, having removed the release folder. So this is asked before anything is touched.
"""

from __future__ import annotations

from typing import Any

from labgrader.course import Course, CourseError
from labgrader.masters import Master


class CellsChangedError(CourseError):
    """A release that would add or remove cells of a lab that has grades."""


def warnings(course: Course, master: Master) -> tuple[str, ...]:
    """Return what the instructor should do after this release, one sentence each.

    Args:
        course: the course; without a gradebook there is nothing to lose.
        master: the lab as it is now.

    Returns:
        nothing, or that recorded marks are from other points or other tests.

    Raises:
        CellsChangedError: cells were added or removed and the lab has grades in the gradebook.
    """
    from nbgrader.api import Gradebook, MissingEntry

    if not course.gradebook.is_file():
        return ()
    with Gradebook(course.db_url) as gradebook:
        try:
            notebook = gradebook.find_notebook(master.lab, master.lab)
        except MissingEntry:
            return ()
        count = len(notebook.submissions)
        if not count:
            return ()
        _same_cells(notebook, master, count)
        return tuple(_stale(notebook, master, count))


def _same_cells(notebook: Any, master: Master, count: int) -> None:
    """Refuse a lab whose cells are not those that its grades belong to."""
    from nbgrader import utils

    old: set[tuple[str, str]] = set()
    new: set[tuple[str, str]] = set()
    for role, cells in (
        ("grade", notebook.grade_cells),
        ("solution", notebook.solution_cells),
        ("task", notebook.task_cells),
        ("locked", notebook.source_cells),
    ):
        old |= {(role, cell.name) for cell in cells}
    for cell in master.notebook.cells:
        roles = {
            "grade": utils.is_grade(cell),
            "solution": utils.is_solution(cell),
            "task": utils.is_task(cell),
        }
        roles["locked"] = any(roles.values()) or utils.is_locked(cell)
        new |= {(role, cell.metadata.nbgrader.grade_id) for role, has in roles.items() if has}
    if old == new:
        return
    gone = sorted({name for _, name in old - new})
    more = sorted({name for _, name in new - old})
    what = "; ".join(
        f"{verb} {', '.join(names)}" for verb, names in (("add", more), ("remove", gone)) if names
    )
    raise CellsChangedError(
        f"{master.lab}: {_submissions(count)}, and this release would {what}, "
        "which nbgrader cannot do while there are grades; nothing was changed. "
        "Either undo that in the master, or keep a copy of gradebook.db, "
        f"run `nbgrader db assignment remove {master.lab} --force` (it deletes the grades), "
        "then release and grade again."
    )


def _stale(notebook: Any, master: Master, count: int) -> list[str]:
    """Return sentences about recorded marks that the new release would not give."""
    cells = {cell.id: cell for cell in master.notebook.cells}
    points = [
        cell.name
        for cell in (*notebook.grade_cells, *notebook.task_cells)
        if float(cells[cell.name].metadata.nbgrader["points"]) != cell.max_score
    ]
    tests = {cell.name for cell in notebook.grade_cells} - {cell.name for cell in notebook.solution_cells}
    sources = [
        cell.name
        for cell in notebook.source_cells
        if cell.name in tests and cells[cell.name].source != cell.source
    ]
    said = []
    if points:
        said.append(f"other points for {', '.join(sorted(points))}")
    if changed := sorted(set(sources) - set(points)):
        said.append(f"other tests in {', '.join(changed)}")
    if not said:
        return []
    return [
        f"{master.lab}: {_submissions(count)}, whose marks stay as they were; this release has "
        f"{' and '.join(said)}, so run `labgrade grade {master.lab} --regrade`."
    ]


def _submissions(count: int) -> str:
    return f"the gradebook has {count} graded submission{'' if count == 1 else 's'}"
