"""Answers that a student may have written beside the cell that they belong in: for a person to look at."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

from labgrader.bridge.names import used_and_bound
from labgrader.lab import Lab, LabCell
from labgrader.sanitise import Cell


def is_blank(cell: Cell | None, role: LabCell) -> bool:
    """Return whether nothing was written in an answer's cell; white space is nothing."""
    return cell is None or cell.restored or cell.source.split() in ([], role.source.split())


def beside(cells: Sequence[Cell], lab: Lab) -> dict[str, int]:
    """Count the student's own cells that stand next to each answer which was left empty.

    Next to it means with no text of the lab in between. Of code, only cells count that define a name of the
    answer's where its test does not see it: above the answer, or below the test. The lab's text is known by
    its cells' ids, which `labgrade release` makes of it; in a notebook that has lost them nothing is counted.

    Args:
        cells: the rebuilt cells.
        lab: the lab.

    Returns:
        the names of these answers, and how many cells there are.
    """
    given = {index for index, cell in enumerate(cells) if not cell.name and cell.id.startswith(text_id(cell))}
    roles = {role.name: role for role in lab.cells}
    found = {}
    for index, cell in enumerate(cells if given else ()):
        role = roles.get(cell.name)
        if role is None or not role.solution or not is_blank(cell, role):
            continue
        above = _own(cells, range(index - 1, -1, -1), given, roles)
        below = _own(cells, range(index + 1, len(cells)), given, roles)
        if role.is_manual:
            near = [*above, *below]
        else:
            defines = _defines(role)
            test = next((n for n in range(index, len(cells)) if _is_test(cells[n], roles)), len(cells))
            near = [n for n in [*above, *below] if not index < n < test and defines.search(cells[n].source)]
        if near:
            found[role.name] = len(near)
    return found


def text_id(cell: Cell) -> str:
    """Return the beginning of the id that a cell without a role has as released.

    Example:
        >>> text_id(Cell("markdown", "# Lab"))
        'markdown-e273566b46fa'
    """
    return f"{cell.kind}-{hashlib.sha256(cell.source.encode()).hexdigest()[:12]}"


def told(found: Mapping[str, int]) -> tuple[str, ...]:
    """Return what `beside` found in words.

    Example:
        >>> told({"q-why": 1})
        ("1 cell of the student's own stands next to q-why, which has no answer",)
    """
    return tuple(
        f"{count} cell{'s' * (count > 1)} of the student's own stand{'s' * (count == 1)} next to {name}, "
        "which has no answer"
        for name, count in found.items()
    )


def _own(
    cells: Sequence[Cell], places: range, given: set[int], roles: Mapping[str, LabCell]
) -> Iterator[int]:
    """Yield the places of the student's own cells up to the lab's next cell; a test does not end them."""
    for place in places:
        cell = cells[place]
        if place in given or (cell.name and not _is_test(cell, roles)):
            return
        if not cell.name and cell.source.strip():
            yield place


def _defines(role: LabCell) -> re.Pattern[str]:
    """Return what finds a definition of one of the names that an answer's stub defines."""
    try:
        names = "|".join(map(re.escape, sorted(used_and_bound(role.source)[1])))
    except SyntaxError:
        names = ""
    return re.compile(rf"^(?:def|class)\s+(?:{names or '(?!)'})\b", re.MULTILINE)


def _is_test(cell: Cell, roles: Mapping[str, LabCell]) -> bool:
    return cell.name in roles and roles[cell.name].is_test
