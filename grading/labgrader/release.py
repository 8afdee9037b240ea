"""Make the students' notebooks from the masters, with nbgrader's own release step."""

from __future__ import annotations

import copy
import logging
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader import gradebook_guard as guard
from labgrader.course import Course, CourseError
from labgrader.differences import Difference, differences, parsed
from labgrader.leaks import CODE_STUB, TEXT_STUB, LeakError, folder_leaks, notebook_leaks
from labgrader.masters import Master, lab_names, read_masters
from labgrader.secret import course_secret
from labgrader.stamp import Stamp, StampError, apply, make_stamp, origin_repository
from labkit.plainfile import whole


class ReleaseError(CourseError):
    """A release that nbgrader could not make."""


@dataclass(frozen=True)
class Change:
    """What a release did, or what a check found, for one notebook.

    Args:
        lab: the lab's name.
        path: the student notebook.
        status: "new", "updated", "unchanged" or "superfluous" (no master); in a check "different", "missing".
        points: marks that the lab gives.
        cells: number of cells.
        repo: the repository it is stamped with, or "".
        differences: in a check, where the notebook and the master part.
        warnings: what the instructor should do next.
    """

    lab: str
    path: Path
    status: str
    points: float = 0
    cells: int = 0
    repo: str = ""
    differences: tuple[Difference, ...] = ()
    warnings: tuple[str, ...] = ()


def release_settings(c: Any) -> None:
    """Set what nbgrader's release step needs in a traitlets config: stubs, and mark schemes in questions.

    Example:
        >>> from traitlets.config import Config
        >>> c = Config()
        >>> release_settings(c)
        >>> c.ClearSolutions.text_stub
        'YOUR ANSWER HERE'
    """
    c.ClearSolutions.code_stub = {"python": CODE_STUB}
    c.ClearSolutions.text_stub = TEXT_STUB
    c.ClearMarkScheme.enforce_metadata = (
        False  # a question's locked text may hold its scheme, not only a task cell
    )


def release(
    course: Course,
    labs: tuple[str, ...] = (),
    *,
    check: bool = False,
    repo: str | None = None,
    ref: str | None = None,
    out: Path | None = None,
) -> list[Change]:
    """Write the students' notebooks of a course, or check that they are what the masters make.

    Args:
        course: the course folder; its gradebook gets the labs.
        labs: which; none means every lab that has a master.
        check: build aside, compare and write nothing.
        repo: the GitHub repository for Colab, OWNER/NAME, or "" for none. None means git's origin;
            in a check, what each notebook says.
        ref: its tag or branch; None means the version's tag; in a check, what each notebook says.
        out: the notebooks' folder; None means `notebooks` beside the course folder.

    Returns:
        one change a notebook, in the order of the labs.

    Raises:
        CourseError: a master with faults, a leak, cells changed under recorded grades, or nbgrader failed.
    """
    target = out if out is not None else course.root.parent / "notebooks"
    if check:
        masters = read_masters(course, labs)
        changes = [_check(course, master, target / f"{master.lab}.ipynb", repo, ref) for master in masters]
        return changes if labs else changes + _superfluous(course, target)
    stamp = make_stamp(origin_repository(course.root) if repo is None else repo, ref)
    masters = read_masters(course, labs)
    built = [_build_aside(course, master, stamp) for master in masters]
    warnings = [guard.warnings(course, master) for master in masters]
    course_secret(course)
    changes = [
        _release(course, master, stamp, data, target, said)
        for master, data, said in zip(masters, built, warnings, strict=True)
    ]
    return changes if labs else changes + _superfluous(course, target)


def canonical(notebook: Any) -> bytes:
    """Return a notebook's one byte form: sorted keys, one space of indent, UTF-8, one newline at the end."""
    import nbformat

    text: str = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    return (text.rstrip("\n") + "\n").encode("utf-8")


def source_notebook(master: Master, stamp: Stamp) -> Any:
    """Return the stamped instructor's notebook that nbgrader makes the students' one from."""
    notebook = copy.deepcopy(master.notebook)
    apply(notebook, stamp, master.lab)
    return notebook


def _release(
    course: Course, master: Master, stamp: Stamp, expected: bytes, target: Path, warnings: tuple[str, ...]
) -> Change:
    """Write one lab's source, let nbgrader release it, and copy the result to the notebooks' folder."""
    data = _generate(course, master, stamp, gradebook=True)
    if data != expected:
        raise ReleaseError(
            f"{master.lab}: two builds of the same master differ; please report this with the master."
        )
    path = target / f"{master.lab}.ipynb"
    old = path.read_bytes() if path.is_file() else None
    if data != old:
        write_file(path, data)
    status = "new" if old is None else "unchanged" if old == data else "updated"
    return Change(path=path, status=status, warnings=warnings, **_facts(master, stamp))


def _check(course: Course, master: Master, path: Path, repo: str | None, ref: str | None) -> Change:
    """Compare one notebook with what its master makes."""
    old = path.read_bytes() if path.is_file() else None
    stamp = _stamp_of(old, repo, ref)
    built = _build_aside(course, master, stamp)
    found = () if old is None else differences(old, built)
    status = "missing" if old is None else "different" if old != built else "unchanged"
    return Change(path=path, status=status, differences=found, **_facts(master, stamp))


def _superfluous(course: Course, target: Path) -> list[Change]:
    """Return the notebooks that have no master."""
    labs = lab_names(course)
    return [Change(p.stem, p, "superfluous") for p in sorted(target.glob("*.ipynb")) if p.stem not in labs]


def _facts(master: Master, stamp: Stamp) -> dict[str, Any]:
    cells = master.notebook.cells
    points = sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in cells)
    return {"lab": master.lab, "points": points, "cells": len(cells), "repo": stamp.repo}


def _stamp_of(old: bytes | None, repo: str | None, ref: str | None) -> Stamp:
    """Return the stamp to check against: what is given, else what the notebook says."""
    notebook = parsed(old) if old is not None else None
    said = notebook.get("metadata", {}).get("labkit", {}) if notebook else {}
    was_repo, was_ref = (str(said.get(key, "")) if isinstance(said, dict) else "" for key in ("repo", "ref"))
    if repo is not None:
        return make_stamp(repo, ref if ref is not None else (was_ref or None) if repo else None)
    try:
        known = make_stamp(was_repo, was_ref)
    except StampError:  # the notebook's own entry is damaged, which the comparison then shows
        known = make_stamp("", None)
    return make_stamp(known.repo, ref) if ref is not None else known


def _build_aside(course: Course, master: Master, stamp: Stamp) -> bytes:
    """Build one student notebook in a folder of its own, without any gradebook."""
    with tempfile.TemporaryDirectory(prefix="labgrader-release-") as folder:
        aside = Course(Path(folder).resolve())
        return _generate(aside, master, stamp, gradebook=False, settings=course)


def _generate(
    course: Course, master: Master, stamp: Stamp, *, gradebook: bool, settings: Course | None = None
) -> bytes:
    """Run nbgrader's generate_assignment for one lab and return the student notebook's bytes."""
    import nbformat
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.preprocessors import SaveCells
    from nbgrader.utils import capture_log

    from labgrader.config import load

    config = load(settings or course)
    release_settings(config)
    config.CourseDirectory.root = str(course.root)
    config.CourseDirectory.db_url = course.db_url
    config.CourseDirectory.assignment_id = master.lab
    log = logging.Logger("labgrader.release")  # its own, so that nothing is printed
    coursedir = CourseDirectory(config=config, log=log)
    write_file(course.notebook("source", ".", master.lab), canonical(source_notebook(master, stamp)))
    if leaks := folder_leaks(course.folder("source", ".", master.lab), master.lab, ignore=coursedir.ignore):
        raise LeakError(leaks)
    step = GenerateAssignment(coursedir=coursedir, config=config, log=log)
    step.force = True
    if not gradebook:
        step.no_database = True
        step.preprocessors = [p for p in step.preprocessors if p is not SaveCells]
    done = capture_log(step)
    if not done["success"]:
        raise ReleaseError(f"{master.lab}: nbgrader could not release it:\n{done.get('log', '')}".rstrip())
    path = course.notebook("release", ".", master.lab)
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    if leaks := notebook_leaks(notebook, master, stamp) + folder_leaks(path.parent, master.lab):
        shutil.rmtree(path.parent)
        raise LeakError(leaks)
    data = canonical(notebook)
    write_file(path, data)
    return data


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as file:
        file.write(data)
