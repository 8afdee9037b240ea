"""The made-up class of the demo: students kept as data, and the notebook that each hands in."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader.course import CourseError

_FUNCTION = re.compile(r"^(?:def|class)\s+(\w+)", re.MULTILINE)
_LAB = re.compile(r"[0-9]{2}_\w+")
_KEYS = {"story", "edit", "sources", "untouched", "deleted", "damage", "expect"}
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
class Work:
    """What a made-up student did with a lab: the model solution with changes, and what should come of it.

    Args:
        story: what happened, in a few words.
        edits: small changes of the solution.
        sources: cells written anew, by grade_id.
        untouched: grade_ids left as handed out, or None for every one.
        deleted: grade_ids of cells thrown away.
        damage: "" or "truncated": the notebook's file is cut off.
        points: the automatic points that grading must give; None: all, or none where every exercise is lost.
        lost: exercises that must lose points, or None for every one.
        pair: whether the pair must be proven.
    """

    story: str
    edits: tuple[Edit, ...] = ()
    sources: Mapping[str, str] | None = None
    untouched: frozenset[str] | None = frozenset()
    deleted: frozenset[str] = frozenset()
    damage: str = ""
    points: float | None = None
    lost: frozenset[str] | None = frozenset()
    pair: bool = True

    def expected(self, most: Mapping[str, float]) -> float:
        """Return the points that grading must give, of the most that each exercise can."""
        if self.points is not None:
            return self.points
        return 0.0 if self.lost is None else sum(most.values())


@dataclass(frozen=True)
class Student:
    """A made-up student.

    Args:
        id: the student's id, the name of the file.
        name: for the PDF, in any script.
        usual: what they do with a lab.
        special: what they do otherwise, by lab.
        long: whether they hand in the labs that run long, too.
    """

    id: str
    name: str
    usual: Work
    special: Mapping[str, Work]
    long: bool = False

    def work(self, lab: str) -> Work:
        """Return what the student does with a lab."""
        return self.special.get(lab, self.usual)


def read_class(folder: Path, *, labs: Collection[str] | None) -> list[Student]:
    """Read every student's file in a folder, in order of their ids.

    Args:
        folder: where the files are.
        labs: the labs of the course, None if the class is another course's.

    Raises:
        MadeUpError: a file that is not TOML, or has something in it that is not known.
    """
    students = [read_student(path) for path in sorted(folder.glob("*.toml"))]
    if not students:
        raise MadeUpError(f"{folder} holds no made-up class; expected one .toml file a student.")
    for student in students:
        for lab in sorted(set(student.special) - set(labs or student.special)):
            raise MadeUpError(f"{student.id}.toml has {lab}, but the labs are {', '.join(labs or ())}.")
    return students


def read_student(path: Path) -> Student:
    """Read one student's file.

    Raises:
        MadeUpError: it is not TOML, or has something in it that is not known.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        labs = {key: data.pop(key) for key in list(data) if _LAB.fullmatch(key)}
        name, long = data.pop("name"), data.pop("long", False)
        special = {lab: _work(path, part) for lab, part in labs.items()}
        return Student(path.stem, name, _work(path, data), special, long)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise MadeUpError(f"{path.name} cannot be used: {error!r}; see README.md beside it.") from None


def _work(path: Path, data: Mapping[str, Any]) -> Work:
    expect = data.get("expect", {})
    if unknown := sorted((set(data) - _KEYS) | (set(expect) - _EXPECT)):
        raise MadeUpError(f"{path.name} has {', '.join(unknown)}; expected only what README.md lists.")
    lost = _names(expect.get("lost", ()))
    if lost and "points" not in expect:
        raise MadeUpError(f"{path.name} expects lost points; say how many points are left.")
    return Work(
        story=data["story"],
        edits=tuple(Edit(**edit) for edit in data.get("edit", ())),
        sources=data.get("sources", {}),
        untouched=_names(data.get("untouched", ())),
        deleted=frozenset(data.get("deleted", ())),
        damage=data.get("damage", ""),
        points=float(expect["points"]) if "points" in expect else None,
        lost=lost,
        pair=expect.get("pair", True),
    )


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


def hand_in(
    student: Student, lab: str, *, solved: Mapping[str, Any], released: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a student's notebook: the solved one, changed as the student's file says.

    Outputs stay where they would be the same; a cell that was changed, or uses something from one, has none.

    Args:
        student: whose.
        lab: of which lab.
        solved: the executed model solution.
        released: the notebook that students get.

    Raises:
        MadeUpError: the file names a cell or a text that the lab does not have.
    """
    work, who = student.work(lab), f"{student.id}, {lab}"
    notebook: dict[str, Any] = copy.deepcopy(dict(solved))
    cells = {name: cell for cell in notebook["cells"] if (name := grade_id(cell))}
    blank = {name: text(cell["source"]) for cell in released["cells"] if (name := grade_id(cell))}
    writable = {name for name, cell in cells.items() if cell["metadata"]["nbgrader"].get("solution")}
    untouched = writable if work.untouched is None else work.untouched
    sources = {**(work.sources or {}), **{name: blank.get(name, "") for name in untouched}}
    for name in {*sources, *work.deleted, *(edit.cell for edit in work.edits)} - set(cells):
        raise MadeUpError(f"{who}: there is no cell {name!r}.")
    for name, source in sources.items():
        cells[name]["source"] = source.strip("\n")
    for edit in work.edits:
        source = text(cells[edit.cell]["source"])
        if source.count(edit.old) != 1:
            times = source.count(edit.old)
            raise MadeUpError(f"{who}: {edit.old!r} is {times} times in cell {edit.cell}.")
        cells[edit.cell]["source"] = source.replace(edit.old, edit.new)
    _forget(notebook, {*sources, *(edit.cell for edit in work.edits)})
    notebook["cells"] = [cell for cell in notebook["cells"] if grade_id(cell) not in work.deleted]
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
    who: str, work: Work, marks: Mapping[str, float | None], most: Mapping[str, float], *, pair: bool
) -> list[str]:
    """Return what came out otherwise than the student's file says, one sentence each.

    Args:
        who: the student and the lab, for the sentences.
        work: with the expectations.
        marks: automatic points by exercise; empty if it could not be graded.
        most: the most points of each exercise.
        pair: whether the pair was proven.

    Example:
        >>> surprises("ada", Work("all right"), {"corr2d": 3.0}, {"corr2d": 4.0}, pair=True)
        ['ada: 3 points, expected 4', 'ada: lost points in corr2d, expected none']
    """
    if not marks:
        return [f"{who}: not graded"]
    found = []
    points, right = round(sum(value or 0.0 for value in marks.values()), 2), round(work.expected(most), 2)
    lost = {name for name, value in marks.items() if (value or 0.0) < most[name]}
    expected = set(most) if work.lost is None else set(work.lost)
    if points != right:
        found.append(f"{who}: {points:g} points, expected {right:g}")
    if lost != expected:
        found.append(f"{who}: lost points in {_list(lost)}, expected {_list(expected)}")
    if pair != work.pair:
        found.append(f"{who}: pair {'proven' if pair else 'not proven'}, expected otherwise")
    return found


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
