"""Read a lab's master, a py:percent file, and turn it into notebooks with stable cell ids."""

from __future__ import annotations

import copy
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader.course import Course, CourseError, WrongUseError
from labgrader.regions import HIDDEN, MARKS, SOLUTION, drop, regions

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
BADGE_LINE = "<!-- labkit:badge -->"
SETUP_LINE = "# labkit:setup"
CELL_METADATA = frozenset({"nbgrader", "tags", "jupyter"})
"""What a master's cell header may carry."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LAB = re.compile(r"[0-9]{2}_[a-z0-9_]+")
_FRONT: dict[str, tuple[type, ...]] = {
    "lab": (str,),
    "title": (str,),
    "minutes": (int,),
    "run_seconds": (int, float),
}


class MasterError(CourseError):
    """A master that cannot be released; `problems` has one sentence for each fault."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UnknownLabError(WrongUseError):
    """A lab that the course has no master for."""


@dataclass(frozen=True)
class Master:
    """A lab as its author wrote it.

    Args:
        path: the py:percent file.
        lab: its name, which is also the assignment's and the notebook's, for example "01_convolution".
        title: what the header says.
        minutes: how long a student needs.
        run_seconds: how long the solution runs on two cores.
        notebook: every cell, with solutions, hidden tests and mark schemes; take a copy before changing it.
    """

    path: Path
    lab: str
    title: str
    minutes: int
    run_seconds: float
    notebook: Any


def lab_names(course: Course) -> tuple[str, ...]:
    """Return the course's labs in order: the names of the files in its masters folder."""
    return tuple(sorted(p.stem for p in course.masters.glob("*.py") if _LAB.fullmatch(p.stem)))


def expect_lab(course: Course, lab: str) -> None:
    """Raise UnknownLabError for a lab that has no master, where there are masters."""
    known = lab_names(course)
    if known and lab not in known:
        raise UnknownLabError(f"There is no lab {lab!r}: expected one of {', '.join(known)}.")


def read_masters(course: Course, labs: tuple[str, ...] = ()) -> list[Master]:
    """Return the masters of `labs`, or of every lab of the course.

    Raises:
        UnknownLabError: a lab without a master, or a course without any.
        MasterError: a master with faults.
    """
    known = lab_names(course)
    if not known:
        raise UnknownLabError(
            f"No masters in {course.masters}: expected files such as 01_convolution.py there."
        )
    for lab in labs:
        expect_lab(course, lab)
    return [read_master(course.masters / f"{lab}.py") for lab in known if not labs or lab in labs]


def read_master(path: Path) -> Master:
    """Read and check one master.

    Raises:
        MasterError: every fault found, one sentence each, with file and cell.

    Example:
        >>> read_master(Path("grading/masters/01_convolution.py")).lab  # doctest: +SKIP
        '01_convolution'
    """
    import jupytext

    from labgrader.rules import faults

    try:
        parsed = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    except Exception as error:  # jupytext raises whatever its YAML and JSON readers raise
        raise MasterError((f"{path.name}: cannot be read as a py:percent file ({error}).",)) from error
    front = parsed.metadata.get("labkit")
    problems = _front_faults(path, front)
    notebook = _plain(parsed)
    problems += faults(path.name, notebook)
    if problems:
        raise MasterError(tuple(problems))
    return Master(path=path, notebook=notebook, **{key: front[key] for key in _FRONT})


def solution_notebook(master: Master, *, hidden: bool = False) -> Any:
    """Return the instructor's notebook: solutions and mark schemes, with or without the hidden tests.

    Args:
        master: the lab.
        hidden: keep the hidden tests (they call `secret`, which only the grader provides).

    Returns:
        an nbformat 4.5 notebook without outputs.
    """
    notebook = copy.deepcopy(master.notebook)
    if not hidden:
        for cell in notebook.cells:
            cell.source = drop(cell.source, HIDDEN)
    return notebook


def student_notebook(master: Master) -> Any:
    """Return the notebook that students get, made by nbgrader's own steps but without a gradebook or a stamp.

    Args:
        master: the lab.

    Returns:
        an nbformat 4.5 notebook; its cells carry nbgrader's checksums.
    """
    from nbgrader import preprocessors as steps
    from traitlets.config import Config

    from labgrader.release import release_settings

    config = Config()
    release_settings(config)
    notebook = copy.deepcopy(master.notebook)
    for step in (
        steps.LockCells,
        steps.ClearSolutions,
        steps.ComputeChecksums,
        steps.ClearHiddenTests,
        steps.ClearMarkScheme,
        steps.ComputeChecksums,
        steps.CheckCellMetadata,
    ):
        notebook, _ = step(config=config).preprocess(notebook, {})
    return notebook


def visible_text(master: Master) -> str:
    """Return all text of a master that students may see."""
    return "\n".join(drop(cell.source, SOLUTION, HIDDEN, MARKS) for cell in master.notebook.cells)


def hidden_text(master: Master) -> dict[str, str]:
    """Return the text that students must not see, by kind: solution, hidden test, mark scheme."""
    kinds = {"solution": SOLUTION, "hidden test": HIDDEN, "mark scheme": MARKS}
    return {
        name: "\n".join(text for cell in master.notebook.cells for text in regions(cell.source, kind))
        for name, kind in kinds.items()
    }


def _plain(parsed: Any) -> Any:
    """Return a fresh notebook with only what the master says: sources, allowed metadata, stable ids."""
    from nbformat import v4

    seen: Counter[str] = Counter()
    cells = []
    for cell in parsed.cells:
        metadata = {key: value for key, value in cell.metadata.items() if key != "lines_to_next_cell"}
        make: Any = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell, "raw": v4.new_raw_cell}[
            cell.cell_type
        ]
        name = _cell_id(cell.cell_type, cell.source, metadata, seen)
        cells.append(make(source=cell.source, metadata=metadata, id=name))
    metadata = {"kernelspec": dict(KERNELSPEC), "labkit": dict(parsed.metadata.get("labkit") or {})}
    notebook = v4.new_notebook(cells=cells, metadata=metadata)
    notebook.nbformat_minor = 5
    return notebook


def _cell_id(kind: str, source: str, metadata: dict[str, Any], seen: Counter[str]) -> str:
    """Return the grade_id, else a name made from the text and how often that text came before."""
    nbgrader = metadata.get("nbgrader")
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    if isinstance(grade_id, str) and _ID.fullmatch(grade_id):
        name = grade_id
    else:
        name = f"{kind}-{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    seen[name] += 1
    return name if seen[name] == 1 else f"{name[:58]}-{seen[name]}"


def _front_faults(path: Path, front: Any) -> list[str]:
    """Return the faults of the master's front matter."""
    if not isinstance(front, dict):
        return [
            f"{path.name}: the front matter has no `labkit:` entry under `jupyter:`; "
            f"add one with {', '.join(_FRONT)}."
        ]
    problems = []
    for key, types in _FRONT.items():
        value = front.get(key)
        if not isinstance(value, types) or isinstance(value, bool):
            names = " or ".join(t.__name__ for t in types)
            problems.append(f"{path.name}: the front matter's labkit.{key} is {value!r}; expected {names}.")
    if extra := sorted(set(front) - set(_FRONT)):
        problems.append(
            f"{path.name}: the front matter's labkit has {', '.join(extra)}; "
            f"expected only {', '.join(_FRONT)}."
        )
    if isinstance(front.get("lab"), str) and front["lab"] != path.stem:
        problems.append(
            f"{path.name}: the front matter's labkit.lab is {front['lab']!r}; "
            f"expected the file's name, {path.stem!r}."
        )
    return problems
