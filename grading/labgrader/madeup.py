"""The made-up class of the demo: students kept as data, and the notebook that each hands in."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader.course import CourseError

_FUNCTION = re.compile(r"^(?:def|class)\s+(\w+)", re.MULTILINE)
_KEYS = {"name", "story", "edit", "sources", "untouched", "deleted", "damage", "expect"}
_EXPECT = {"points", "lost", "pair"}


class MadeUpError(CourseError):
    """A made-up student's file that does not fit the lab."""


@dataclass(frozen=True)
class Edit:
    """In one cell, one piece of text becomes another."""

    cell: str
    old: str
    new: str


@dataclass(frozen=True)
class Student:
    """A made-up student: what they changed in the model solution, and what should come of it.

    Args:
        id: the student's id, the name of the file.
        name: for the PDF, in any script.
        story: what happened, in a few words.
        edits: small changes of the solution.
        sources: cells written anew, by grade_id.
        untouched: grade_ids left as handed out, or None for every one.
        deleted: grade_ids of cells thrown away.
        damage: "" or "truncated": the notebook's file is cut off.
        points: the automatic points that grading must give.
        lost: exercises that must lose points, or None for every one.
        pair: whether the pair must be proven.
    """

    id: str
    name: str
    story: str
    edits: tuple[Edit, ...] = ()
    sources: Mapping[str, str] | None = None
    untouched: frozenset[str] | None = frozenset()
    deleted: frozenset[str] = frozenset()
    damage: str = ""
    points: float = 0.0
    lost: frozenset[str] | None = frozenset()
    pair: bool = True


def read_class(folder: Path) -> list[Student]:
    """Read every student's file in a folder, in order of their ids.

    Raises:
        MadeUpError: a file that is not TOML, or has something in it that is not known.
    """
    students = [read_student(path) for path in sorted(folder.glob("*.toml"))]
    if not students:
        raise MadeUpError(f"{folder} holds no made-up class; expected one .toml file a student.")
    return students


def read_student(path: Path) -> Student:
    """Read one student's file.

    Raises:
        MadeUpError: it is not TOML, or has something in it that is not known.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        expect = data["expect"]
        unknown = sorted((set(data) - _KEYS) | (set(expect) - _EXPECT))
        if unknown:
            raise MadeUpError(f"{path.name} has {', '.join(unknown)}; expected only what README.md lists.")
        return Student(
            id=path.stem,
            name=data["name"],
            story=data["story"],
            edits=tuple(Edit(**edit) for edit in data.get("edit", ())),
            sources=data.get("sources", {}),
            untouched=_names(data.get("untouched", ())),
            deleted=frozenset(data.get("deleted", ())),
            damage=data.get("damage", ""),
            points=float(expect["points"]),
            lost=_names(expect["lost"]),
            pair=expect.get("pair", True),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise MadeUpError(f"{path.name} cannot be used: {error!r}; see README.md beside it.") from None


def _names(value: Any) -> frozenset[str] | None:
    return None if value == "all" else frozenset(value)


def solve(released: Mapping[str, Any], solution: Mapping[str, Any]) -> dict[str, Any]:
    """Return the students' notebook with the model solution written into its cells.

    Args:
        released: the notebook that students get, as JSON.
        solution: the instructor's notebook, whose solution cells have the same grade_ids.
    """
    answers = {name: cell["source"] for cell in solution["cells"] if (name := grade_id(cell))}
    solved: dict[str, Any] = copy.deepcopy(dict(released))
    for cell in solved["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            lines = text(answers[grade_id(cell)]).split("\n")
            kept = (
                line for line in lines if "### BEGIN SOLUTION" not in line and "### END SOLUTION" not in line
            )
            cell["source"] = "\n".join(kept)
    return solved


def hand_in(student: Student, *, solved: Mapping[str, Any], released: Mapping[str, Any]) -> dict[str, Any]:
    """Return a student's notebook: the solved one, changed as the student's file says.

    Outputs stay where they would be the same; a cell that was changed, or uses something from one, has none.

    Args:
        student: whose.
        solved: the executed model solution.
        released: the notebook that students get.

    Raises:
        MadeUpError: the file names a cell or a text that the lab does not have.
    """
    notebook: dict[str, Any] = copy.deepcopy(dict(solved))
    cells = {name: cell for cell in notebook["cells"] if (name := grade_id(cell))}
    blank = {name: text(cell["source"]) for cell in released["cells"] if (name := grade_id(cell))}
    writable = {name for name, cell in cells.items() if cell["metadata"]["nbgrader"].get("solution")}
    untouched = writable if student.untouched is None else student.untouched
    sources = {**(student.sources or {}), **{name: blank.get(name, "") for name in untouched}}
    for name in {*sources, *student.deleted, *(edit.cell for edit in student.edits)} - set(cells):
        raise MadeUpError(f"{student.id}: the lab has no cell {name!r}.")
    for name, source in sources.items():
        cells[name]["source"] = source.strip("\n")
    for edit in student.edits:
        source = text(cells[edit.cell]["source"])
        if source.count(edit.old) != 1:
            raise MadeUpError(
                f"{student.id}: {edit.old!r} is {source.count(edit.old)} times in cell {edit.cell}."
            )
        cells[edit.cell]["source"] = source.replace(edit.old, edit.new)
    _forget(notebook, {*sources, *(edit.cell for edit in student.edits)})
    notebook["cells"] = [cell for cell in notebook["cells"] if grade_id(cell) not in student.deleted]
    return notebook


def _forget(notebook: dict[str, Any], changed: set[str]) -> None:
    """Remove the outputs of the changed cells and of what uses the functions that they define."""
    names: set[str] = set()
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = text(cell["source"])
        if grade_id(cell) in changed or names & set(re.findall(r"\w+", source)):
            cell["outputs"], cell["execution_count"] = [], None
            names |= set(_FUNCTION.findall(source))


def grade_id(cell: Mapping[str, Any]) -> str:
    """Return nbgrader's name of a cell, "" if it has none."""
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def text(source: str | list[str]) -> str:
    """Return a cell's source, which a file may hold as a list of lines."""
    return source if isinstance(source, str) else "".join(source)


def surprises(
    student: Student, marks: Mapping[str, float | None], most: Mapping[str, float], *, pair: bool
) -> list[str]:
    """Return what came out otherwise than the student's file says, one sentence each.

    Args:
        student: with the expectations.
        marks: automatic points by exercise; empty if it could not be graded.
        most: the most points of each exercise.
        pair: whether the pair was proven.

    Example:
        >>> ada = Student("ada", "Ada", "", points=4.0)
        >>> surprises(ada, {"corr2d": 3.0}, {"corr2d": 4.0}, pair=True)
        ['ada: 3 points, expected 4', 'ada: lost points in corr2d, expected none']
    """
    if not marks:
        return [f"{student.id}: not graded"]
    found = []
    points = round(sum(value or 0.0 for value in marks.values()), 2)
    lost = {name for name, value in marks.items() if (value or 0.0) < most[name]}
    expected = set(most) if student.lost is None else set(student.lost)
    if points != round(student.points, 2):
        found.append(f"{student.id}: {points:g} points, expected {student.points:g}")
    if lost != expected:
        found.append(f"{student.id}: lost points in {_list(lost)}, expected {_list(expected)}")
    if pair != student.pair:
        found.append(f"{student.id}: pair {'proven' if pair else 'not proven'}, expected otherwise")
    return found


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
