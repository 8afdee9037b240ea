"""Where two notebooks part, in words: cell, line, what is released and what the master makes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

LONGEST = 200  # characters of a text that is shown


@dataclass(frozen=True)
class Difference:
    """One difference.

    Args:
        cell: the cell's id, or "" for the notebook itself.
        place: "line 3", "metadata", …
        released: what the notebook has there.
        built: what the master makes there.
    """

    cell: str
    place: str
    released: str
    built: str

    def __str__(self) -> str:
        where = f"cell {self.cell}, {self.place}" if self.cell else self.place
        return f"{where}\n  released: {self.released}\n  built:    {self.built}"


def parsed(data: bytes) -> dict[str, Any] | None:
    """Return a notebook's JSON, or None where the bytes are not one."""
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError):
        return None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return None
    return notebook if isinstance(notebook.get("metadata", {}), dict) else None


def differences(released: bytes, built: bytes) -> tuple[Difference, ...]:
    """Return where a released notebook differs from the one that its master makes; empty for equal bytes.

    Example:
        >>> differences(b"{}", b"{}")
        ()
    """
    if released == built:
        return ()
    old, new = parsed(released), parsed(built)
    if old is None or new is None:
        return (Difference("", "the file", "not a notebook", "a notebook"),)
    found = [*_notebook(old, new), *_cells(old["cells"], new["cells"])]
    if not found:
        return (
            Difference(
                "", "the file's layout", "saved by another program", "as `labgrade release` writes it"
            ),
        )
    return tuple(found)


def _notebook(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    for key in sorted((set(old) | set(new)) - {"cells", "metadata"}):
        yield from _value("", key, old.get(key), new.get(key))
    for key in sorted(set(old.get("metadata", {})) | set(new.get("metadata", {}))):
        yield from _value(
            "", f"metadata {key}", old.get("metadata", {}).get(key), new.get("metadata", {}).get(key)
        )


def _cells(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[Difference]:
    old_ids, new_ids = ([str(cell.get("id", "")) for cell in cells] for cells in (old, new))
    old_by, new_by = dict(zip(old_ids, old, strict=True)), dict(zip(new_ids, new, strict=True))
    for name in old_ids:
        if name not in new_by:
            yield Difference(name, "the cell", _short(_source(old_by[name])), "(no such cell)")
    for name in new_ids:
        if name not in old_by:
            yield Difference(name, "the cell", "(no such cell)", _short(_source(new_by[name])))
    if old_ids != new_ids and sorted(old_ids) == sorted(new_ids):
        at = next(i for i, (a, b) in enumerate(zip(old_ids, new_ids, strict=True)) if a != b)
        yield Difference("", f"order, cell {at + 1}", old_ids[at], new_ids[at])
    if len(old_ids) != len(old_by):
        yield Difference("", "cell ids", "one id twice", "each once")
    for name in new_ids:
        if name in old_by:
            yield from _cell(name, old_by[name], new_by[name])


def _cell(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    for key in sorted((set(old) | set(new)) - {"source", "id"}):
        yield from _value(name, key, old.get(key), new.get(key))
    if _source(old) == _source(new):
        return
    lines = zip_longest(_source(old).split("\n"), _source(new).split("\n"), fillvalue="(no such line)")
    number, (a, b) = next((i, pair) for i, pair in enumerate(lines, start=1) if pair[0] != pair[1])
    yield Difference(name, f"line {number}", *_around(a, b))


def _value(cell: str, place: str, old: Any, new: Any) -> Iterator[Difference]:
    if old != new:
        a, b = (json.dumps(x, sort_keys=True, ensure_ascii=False) for x in (old, new))
        yield Difference(cell, place, *_around(a, b))


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _around(old: str, new: str) -> tuple[str, str]:
    """Cut two texts to where they first differ."""
    same = len(os.path.commonprefix([old, new]))
    start = max(0, same - 60) if max(len(old), len(new)) > LONGEST else 0
    mark = "…" if start else ""
    return mark + _short(old[start:]), mark + _short(new[start:])


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
