"""Read a submitted notebook within limits, and give it back the structure that the lab says it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from labgrader.intake import CROWDED, as_version_4, crowded
from labgrader.lab import Kind, Lab, LabCell
from labgrader.pictures import taken_out
from labgrader.policy import Policy

_DEPTH = 40
_FLAGS = 20
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class UnreadableError(Exception):
    """A submitted file that is no notebook; the message is the reason that the student reads."""


@dataclass(frozen=True)
class Cell:
    """One cell of a submission.

    Args:
        kind: "code" or "markdown".
        source: its text.
        name: the lab cell that it is; "" for a cell of the student's own.
        id: nbformat's cell id, unique in the notebook once rebuilt; "" before.
        restored: it was missing from the submission and was put back.
        pictures: those in its text, by name, in base64, unchecked.
    """

    kind: Kind
    source: str
    name: str = ""
    id: str = ""
    restored: bool = False
    pictures: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)


def read(notebook: bytes, policy: Policy) -> tuple[Cell, ...]:
    """Read a submitted notebook's cells: kind, text and the lab cell that each claims to be, nothing else.

    Args:
        notebook: the file's bytes, nbformat 4 or older.
        policy: the limits.

    Raises:
        UnreadableError: the file is too big, too deep, not JSON, or not a notebook.

    Example:
        >>> read(b'{"nbformat": 4, "cells": [{"cell_type": "raw", "source": ["a", "b"]}]}', Policy())
        (Cell(kind='markdown', source='ab', name='', id='', restored=False),)
    """
    node = _load(notebook, policy)
    try:
        entries = as_version_4(node).get("cells")
    except ValueError as error:
        raise UnreadableError(str(error)) from None
    if not isinstance(entries, list):
        raise UnreadableError("the file is not a notebook: it has no list of cells")
    if len(entries) > policy.notebook_cells:
        raise UnreadableError(
            f"the notebook has {len(entries)} cells; at most {policy.notebook_cells} are read"
        )
    cells = tuple(_cell(number, entry, policy) for number, entry in enumerate(entries, 1))
    if (size := sum(len(cell.source) for cell in cells)) > policy.notebook_source:
        raise UnreadableError(
            f"the cells have {size} characters together; at most {policy.notebook_source} are read"
        )
    return cells


def rebuild(cells: tuple[Cell, ...], lab: Lab) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
    """Give a submission the lab's structure back.

    Roles come from the lab: a locked cell gets the lab's source, a cell's kind is the lab's, of two cells
    with one name the last counts (of answers, the last that is written), a name that the lab does not know is
    dropped, and what is missing is put back in its place. The student's own cells and answers stay as is.

    Args:
        cells: the submission's cells.
        lab: the lab.

    Returns:
        the cells, and one short sentence for each thing that had to be mended.
    """
    flags: list[str] = []
    last = {cell.name: index for index, cell in enumerate(cells) if cell.name}
    last |= {  # an empty copy below a written answer takes nothing from it
        cell.name: index
        for index, cell in enumerate(cells)
        if (role := lab.find(cell.name)) is not None and role.is_manual and not role.locked
        if cell.source.split() and cell.source.split() != role.source.split()
    }
    kept: list[Cell] = []
    for index, cell in enumerate(cells):
        role = lab.find(cell.name) if cell.name else None
        if role is None:
            if cell.name:
                flags.append(f"{cell.name[:60]!r} is not a cell of this lab")
            kept.append(replace(cell, name=""))
        elif last[cell.name] != index:
            flags.append(f"{cell.name} is there more than once: the last counts")
            kept.append(replace(cell, name=""))
        else:
            flags.extend(_changes(cell, role))
            kept.append(replace(cell, kind=role.kind, source=role.source if role.locked else cell.source))
    for position, role in enumerate(lab.cells):
        if role.name in last:
            continue
        flags.append(f"{role.name} is missing")
        if role.locked or role.grade or role.task:
            at = _place(kept, [each.name for each in lab.cells[:position]], late=role.is_test)
            source = role.source if role.locked or role.task else "*This cell was not in the hand-in.*"
            if role.kind == "code" and not role.locked:
                source = "# This cell was not in the hand-in."
            kept.insert(at, Cell(kind=role.kind, source=source, name=role.name, restored=True))
    said = tuple(dict.fromkeys(flags))
    more = (f"{len(said) - _FLAGS} more things like that",) if len(said) > _FLAGS else ()
    return _with_ids(kept), said[:_FLAGS] + more


def _load(notebook: bytes, policy: Policy) -> dict[str, Any]:
    """Return the file's JSON object, which is not nested too deeply."""
    if not notebook.strip():
        raise UnreadableError("there is no notebook in the hand-in, or its file is empty")
    if len(notebook) > policy.notebook_bytes:
        size, most = (f"{count / (1 << 20):.1f} MB" for count in (len(notebook), policy.notebook_bytes))
        raise UnreadableError(f"the file is too big ({size}; at most {most} are read)")
    if crowded(notebook):
        raise UnreadableError(CROWDED)
    try:
        node = json.loads(notebook.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UnreadableError("the file is not a notebook: it is not UTF-8 text") from None
    except RecursionError:
        raise UnreadableError("the file is nested too deeply") from None
    except ValueError as error:  # JSONDecodeError, and numbers of too many digits
        raise UnreadableError(f"the file is not a notebook: not valid JSON ({str(error)[:100]})") from None
    if not isinstance(node, dict):
        raise UnreadableError("the file is not a notebook: its JSON is not an object")
    level: list[Any] = [node]
    for _ in range(_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return node
    raise UnreadableError("the file is nested too deeply")


def _children(item: Any) -> Iterator[Any]:
    """Yield the containers directly inside a container."""
    inside = item.values() if isinstance(item, dict) else item
    return (child for child in inside if isinstance(child, dict | list))


def _cell(number: int, entry: Any, policy: Policy) -> Cell:
    """Return one entry of the notebook's list of cells."""
    entry = entry if isinstance(entry, dict) else {}
    source = entry.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        source = ""
    code = entry.get("cell_type") == "code"
    pictures: dict[str, str] = {}
    if not code:
        source, pictures = taken_out(source, entry.get("attachments"))
        cut = len(source) > policy.cell_source
        source = source[: policy.cell_source] + " … (cut: too long)" * cut
    elif len(source) > policy.cell_source:
        raise UnreadableError(
            f"cell {number} has {len(source)} characters; at most {policy.cell_source} are read in one cell"
        )
    metadata = entry.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    role = metadata.get("nbgrader")
    name = role.get("grade_id") if isinstance(role, dict) else None
    id = entry.get("id", metadata.get("id"))  # in the metadata before format 4.5, as Colab's files are
    return Cell(
        kind="code" if code else "markdown",
        source=source.encode("utf-8", "replace").decode(),  # a lone surrogate could not be written again
        name=name if isinstance(name, str) else "",
        id=id if isinstance(id, str) and _ID.fullmatch(id) else "",
        pictures=pictures,
    )


def _changes(cell: Cell, role: LabCell) -> Iterator[str]:
    """Say what a student changed that was not theirs to change."""
    if cell.kind != role.kind:
        yield f"{role.name} had become a {cell.kind} cell"


def _place(cells: list[Cell], before: list[str], *, late: bool) -> int:
    """Return where a missing cell goes back: into the gap after the nearest cell of the lab before it.

    A test goes as late in the gap as prose allows, so that it sees code that the student wrote there in a
    cell of their own; anything else goes first, since what follows may need it.
    """
    position = {cell.name: index for index, cell in enumerate(cells) if cell.name}
    start = next((position[name] + 1 for name in reversed(before) if name in position), 0)
    if not late:
        return start
    end = next((index for index in range(start, len(cells)) if cells[index].name), len(cells))
    while end > start and cells[end - 1].kind == "markdown":
        end -= 1
    return end


def _with_ids(cells: list[Cell]) -> tuple[Cell, ...]:
    """Give every cell an id of its own, keeping those that are."""
    taken: set[str] = set()
    result = []
    for index, cell in enumerate(cells):
        id = cell.id
        tries = 0
        while not id or id in taken:
            id = f"cell-{index}" if not tries else f"cell-{index}-{tries}"
            tries += 1
        taken.add(id)
        result.append(replace(cell, id=id))
    return tuple(result)
