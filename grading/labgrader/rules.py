"""What a master's cells must look like, and one sentence for each that does not."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from typing import Any

from labgrader.bridge.names import NEVER, TRUSTED, used_and_bound
from labgrader.bridge.scope import without_magics
from labgrader.masters import BADGE_LINE, CELL_METADATA, SETUP_LINE
from labgrader.regions import HIDDEN, KINDS, MARKS, SOLUTION, RegionError, drop, regions

_GRADE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEYS = {"schema_version", "grade", "grade_id", "locked", "points", "solution", "task"}
_TAGS = {"hide-input", "hide-output", "hide-cell"}


def faults(file: str, notebook: Any) -> list[str]:
    """Return every fault of a master's cells.

    Args:
        file: the master's name, for the sentences.
        notebook: its nbformat 4.5 notebook.

    Returns:
        one sentence a fault, in the order of the cells; empty for a good master.
    """
    found: list[str] = []
    where: dict[str, int] = {}
    for number, cell in enumerate(notebook.cells, start=1):
        meta = cell.metadata.get("nbgrader")
        name = f"{file}, cell {number}" + (f" ({meta['grade_id']})" if _grade_id(meta) else "")
        sentences = list(_header(cell)) or list(_regions(cell, meta)) or list(_cell(cell, meta))
        found += [f"{name}: {sentence}" for sentence in sentences]
        if grade_id := _grade_id(meta):
            if grade_id in where:
                found.append(
                    f"{name}: the grade_id is already that of cell {where[grade_id]}; give it another."
                )
            else:
                where[grade_id] = number
    found += [f"{file}: {sentence}" for sentence in _whole(notebook, where)]
    return found or [f"{file}, {sentence}" for sentence in _names(notebook)]


def _grade_id(meta: Any) -> str:
    value = meta.get("grade_id") if isinstance(meta, dict) else None
    return value if isinstance(value, str) else ""


def _header(cell: Any) -> Iterator[str]:
    """Yield that the cell's header is no JSON; jupytext keeps such a one under a name of its own."""
    if said := cell.metadata.get("incorrectly_encoded_metadata"):
        yield f"the header cannot be read: {said:.80}; write JSON, with true, false and double quotes."


def _regions(cell: Any, meta: Any) -> Iterator[str]:
    """Yield what is wrong with the cell's markers."""
    nbgrader = meta if isinstance(meta, dict) else {}
    places = {
        SOLUTION: (nbgrader.get("solution"), "a solution cell"),
        HIDDEN: (nbgrader.get("grade") and not nbgrader.get("solution"), "a test cell"),
        MARKS: (_grade_id(meta), "a cell with a grade_id"),
    }
    for kind in KINDS:
        try:
            texts = regions(cell.source, kind)
        except RegionError as error:
            yield f"{error}."
            continue
        allowed, place = places[kind]
        if texts and not allowed:
            yield f"there is a {kind.begin!r} region; expected it only in {place}."
        if any(other.begin in text or other.end in text for text in texts for other in KINDS):
            yield f"a {kind.begin!r} region holds another region's marker; put one after the other."


def _cell(cell: Any, meta: Any) -> Iterator[str]:
    """Yield what is wrong with one cell whose markers pair up."""
    if extra := sorted(set(cell.metadata) - CELL_METADATA):
        yield f"the header has {', '.join(extra)}; expected only {', '.join(sorted(CELL_METADATA))}."
    tags = cell.metadata.get("tags", [])
    if not isinstance(tags, list) or not set(map(str, tags)) <= _TAGS:
        yield f"the tags are {tags!r}; expected a list of {', '.join(sorted(_TAGS))}."
    if cell.metadata.get("jupyter", {}) not in ({}, {"source_hidden": True}):
        yield 'the header\'s jupyter entry may only be {"source_hidden": true}.'
    if "secret(" in drop(cell.source, HIDDEN):
        yield "`secret(` stands outside a hidden test; students would read it."
    if meta is None:
        return
    if not isinstance(meta, dict):
        yield f"the nbgrader entry is {meta!r}; expected an object."
        return
    problem = _shape(meta)
    if problem:
        yield problem
        return
    grade, solution, task = meta["grade"], meta["solution"], meta.get("task", False)
    if task:
        yield from _task(cell, meta)
    elif grade and not solution:
        yield from _test(cell, meta)
    elif solution:
        yield from _solution(cell, meta)
    elif not meta["locked"]:
        yield "the nbgrader entry says neither grade, solution, task nor locked; remove it or set one."


def _shape(meta: dict[str, Any]) -> str:
    """Return what is wrong with the keys and types of nbgrader's entry, or nothing."""
    if not _GRADE_ID.fullmatch(_grade_id(meta)):
        return f"the grade_id is {meta.get('grade_id')!r}; expected 1 to 64 letters, digits, - or _."
    if extra := sorted(set(meta) - _KEYS):
        return f"the nbgrader entry has {', '.join(extra)}; expected only {', '.join(sorted(_KEYS))}."
    if meta.get("schema_version") != 3:
        return f"the schema_version is {meta.get('schema_version')!r}; expected 3."
    for key in ("grade", "solution", "locked"):
        if not isinstance(meta.get(key), bool):
            return f"{key} is {meta.get(key)!r}; expected true or false."
    if meta["grade"] or meta.get("task"):
        points = meta.get("points")
        if isinstance(points, bool) or not isinstance(points, int | float):
            return f"the points are {points!r}; expected a number."
        if not points > 0:
            return f"the points are {points}; expected more than 0."
    elif "points" in meta:
        return "there are points on a cell that is not graded; remove them or set grade."
    return ""


def _task(cell: Any, meta: dict[str, Any]) -> Iterator[str]:
    if cell.cell_type != "markdown" or meta["grade"] or meta["solution"] or not meta["locked"]:
        yield "a task cell must be Markdown, locked, with grade and solution false."


def _solution(cell: Any, meta: dict[str, Any]) -> Iterator[str]:
    if meta["locked"]:
        yield "a solution cell is locked, so students could not write in it; set locked to false."
    if cell.cell_type == "markdown" and not meta["grade"]:
        yield "a Markdown solution cell has no marks; set grade to true and give points."
    if not regions(cell.source, SOLUTION):
        yield f"a solution cell has no {SOLUTION.begin!r} … {SOLUTION.end!r}."


def _test(cell: Any, meta: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with an autograded cell; its form is fixed, so every road gives the same marks."""
    if cell.cell_type != "code":
        yield "a test cell must be a code cell; a written answer needs solution and grade both true."
        return
    if not meta["locked"]:
        yield "a test cell is not locked, so students could change it; set locked to true."
    if not meta["grade_id"].startswith("test-"):
        yield f"a test cell's grade_id must be test- and its exercise's name; got {meta['grade_id']!r}."
    hidden = regions(cell.source, HIDDEN)
    if not hidden:
        yield f"a test cell has no {HIDDEN.begin!r} … {HIDDEN.end!r}."
    exercise = meta["grade_id"].removeprefix("test-")
    if hidden and not any(f'secret("{exercise}")' in text for text in hidden):
        yield f'the hidden test does not draw its inputs from secret("{exercise}").'
    last = cell.source.rstrip().split("\n")[-1].strip()
    if (points := _points(last)) is None:
        yield f"the last line is {last!r}; expected `{_number(meta['points'])} * earned`."
    elif points != meta["points"]:
        given, said = _number(points), _number(meta["points"])
        yield f"the last line gives {given} points and the header {said}; make them equal."
    if "earned =" not in drop(cell.source, HIDDEN):
        yield "the visible part sets no `earned`; expected `earned = check.<exercise>(<function>)`."


def _points(line: str) -> int | float | None:
    """Return n of a line `n * earned`, or None for any other line."""
    try:
        tree = ast.parse(line, mode="eval").body
    except SyntaxError:
        return None
    match tree:
        case ast.BinOp(
            left=ast.Constant(value=int() | float() as n), op=ast.Mult(), right=ast.Name(id="earned")
        ):
            return n
    return None


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _whole(notebook: Any, where: dict[str, int]) -> Iterator[str]:
    """Yield what is wrong with the notebook as a whole."""
    first = notebook.cells[0] if notebook.cells else None
    badges = [c for c in notebook.cells if BADGE_LINE in c.source.split("\n")]
    if first is None or first.cell_type != "markdown" or badges != [first]:
        yield f"the first cell must be Markdown, and it alone must have the line `{BADGE_LINE}`."
    setups = [c for c in notebook.cells if SETUP_LINE in c.source.split("\n")]
    good = (
        len(setups) == 1 and setups[0].cell_type == "code" and _is_setup(setups[0].metadata.get("nbgrader"))
    )
    if not good:
        yield f"exactly one locked code cell with the grade_id setup must have the line `{SETUP_LINE}`."
    for name, number in where.items():
        if name.startswith("test-") and where.get(name.removeprefix("test-"), number) >= number:
            yield f"cell {number} ({name}) has no solution cell {name.removeprefix('test-')!r} before it."


def _names(notebook: Any) -> Iterator[str]:
    """Yield the names that a test uses and the grader would not find.

    Tests run apart from the student's code: they get what solution cells define, and what locked cells and
    tests before them make. Of a solution cell the part that students get counts, where it defines anything.
    """
    known = {*dir(builtins), *TRUSTED, *NEVER}
    for number, cell in enumerate(notebook.cells, start=1):
        meta = cell.metadata.get("nbgrader")
        if meta is None or cell.cell_type != "code":
            continue
        texts = [drop(cell.source, SOLUTION), cell.source] if meta["solution"] else [cell.source]
        for text in texts:
            try:
                used, bound, _ = used_and_bound(without_magics(text))
            except SyntaxError as error:
                if text is cell.source:
                    yield f"cell {number} ({meta['grade_id']}): it is not Python ({error.msg})."
                continue
            if bound:
                break
        if meta["grade"] and not meta["solution"] and (missing := sorted(used - bound - known)):
            yield (
                f"cell {number} ({meta['grade_id']}): the test uses {', '.join(missing)}, which neither a "
                "solution cell's visible part nor a locked cell before it defines; define it in one of them."
            )
        known |= bound


def _is_setup(meta: Any) -> bool:
    return (
        isinstance(meta, dict)
        and meta.get("grade_id") == "setup"
        and meta.get("locked") is True
        and not (meta.get("grade") or meta.get("solution") or meta.get("task"))
    )
