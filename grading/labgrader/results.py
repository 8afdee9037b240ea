"""The executed notebook, with nothing in it that could harm its reader."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from labgrader.execute import Outcome, Output
from labgrader.lab import Lab
from labgrader.markdown import LONGEST, MOST, Room, is_verbatim, safe_markdown, verbatim
from labgrader.pictures import Album, Sheet, checked
from labgrader.policy import Policy
from labgrader.sanitise import Cell
from labgrader.scoring import ANSI, Mark

_IMAGE = re.compile(r"!\[|<ima?ge?|attachment:", re.IGNORECASE)
_OVERTYPED = re.compile(r"^[^\n]*\r(?!\n)", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def executed_notebook(
    cells: Iterable[Cell], outcomes: Mapping[int, Outcome], marks: Iterable[Mark], lab: Lab, policy: Policy
) -> tuple[str, tuple[str, ...]]:
    """Return the executed notebook as the text of an .ipynb file of format 4.5, and what it does not show.

    Args:
        cells: the rebuilt cells.
        outcomes: what came of each executed cell, by its place.
        marks: the marks; each lost point's reason is shown among its cell's outputs, on stdout.
        lab: the lab, for the cells' roles and the kernelspec.
        policy: the limits on pictures.
    """
    lines = {mark.name: mark.line() for mark in marks}
    entries = []
    number = 0
    room, album = Room(MOST), Album(policy)
    for index, cell in enumerate(cells):
        role = lab.find(cell.name) if cell.name else None
        metadata: dict[str, Any] = {} if role is None else {"nbgrader": role.metadata}
        if role is not None and role.locked:
            metadata.update(deletable=False, editable=False)
        entry: dict[str, Any] = {"cell_type": cell.kind, "id": cell.id, "metadata": metadata}
        if cell.kind == "code":
            outcome = outcomes.get(index)
            count = None
            if outcome is not None and outcome.ending != "skipped":
                number += 1
                count = number
            outputs = safe_outputs(outcome.outputs if outcome else (), policy, count)
            if lines.get(cell.name):
                outputs.append({"output_type": "stream", "name": "stdout", "text": lines[cell.name] + "\n"})
            entry.update(execution_count=count, outputs=outputs, source=cell.source)
        else:
            trusted = role is not None and role.locked
            sheet = Sheet(album, cell.name or f"cell {index + 1}", cell.pictures)
            if trusted:
                entry["source"] = cell.source
            elif room.has(cell.source):
                entry["source"] = _markdown(cell.source, sheet)
            else:
                entry["source"] = verbatim(cell.source)
            if cell.pictures and not trusted and is_verbatim(entry["source"]):
                sheet.misses("its text is too long or too odd")
            elif sheet.shown:
                entry["attachments"] = sheet.shown
        entries.append(entry)
    metadata = {"kernelspec": dict(lab.kernelspec), "language_info": {"name": "python"}}
    import nbformat

    node = {"cells": entries, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return str(nbformat.writes(nbformat.from_dict(node))), album.flags()


def _markdown(text: str, sheet: Sheet) -> str:
    """Return a text made safe; of the lab's own text, which is the same in every hand-in, only once."""
    if len(text) > LONGEST or _IMAGE.search(text):
        return safe_markdown(text, sheet)
    return _known_markdown(text)


_known_markdown = functools.lru_cache(maxsize=200)(safe_markdown)


def safe_outputs(outputs: Iterable[Output], policy: Policy, count: int | None = None) -> list[Output]:
    """Return outputs with plain text and sound pictures only.

    HTML, JavaScript, LaTeX, SVG and widgets are dropped in favour of the plain text beside them.

    Args:
        outputs: as nbformat has them.
        policy: the limits on pictures.
        count: the cell's execution count.
    """
    safe: list[Output] = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            text = _OVERTYPED.sub("", output["text"].replace("\r\n", "\n"))  # a progress bar's last state
            safe.append({"output_type": kind, "name": output["name"], "text": plain(text)})
        elif kind == "error":
            lines = [plain(line) for line in output["traceback"]]
            texts = {"ename": plain(output["ename"]), "evalue": plain(output["evalue"]), "traceback": lines}
            safe.append({"output_type": kind, **texts})
        else:
            entry = _display(output, policy)
            if entry is not None:
                safe.append({**entry, "execution_count": count} if kind == "execute_result" else entry)
    return safe


def plain(text: str) -> str:
    r"""Return a text without control characters and colours (ANSI sequences).

    Example:
        >>> plain("a\x00b\x07\x1b[31mc")
        'abc'
    """
    return _CONTROL.sub("", ANSI.sub("", text.encode("utf-8", "replace").decode()))


def _display(output: Output, policy: Policy) -> Output | None:
    """Return one display or result with what is harmless in it, None if nothing is."""
    data: dict[str, str] = {}
    metadata: dict[str, Any] = {}
    for mime in ("image/png", "image/jpeg"):
        text = output["data"].get(mime)
        text = "".join(text.split()) if text and len(text) <= policy.image_bytes * 1.4 else ""
        if text and checked(text, policy.image_bytes, policy.image_pixels)[0] == mime:
            data[mime] = text
            metadata[mime] = _picture_metadata(output["metadata"].get(mime))
    if "text/plain" in output["data"]:
        data["text/plain"] = plain(output["data"]["text/plain"])
    elif not data:
        return None
    return {
        "output_type": output["output_type"],
        "data": data,
        "metadata": {k: v for k, v in metadata.items() if v},
    }


def _picture_metadata(entry: Any) -> dict[str, Any]:
    """Return the size and the alt text that a display gives its picture."""
    if not isinstance(entry, Mapping):
        return {}
    sizes = {key: entry[key] for key in ("width", "height") if isinstance(entry.get(key), int | float)}
    sizes = {key: int(value) for key, value in sizes.items() if 0 < value < 20_000}
    alt = entry.get("alt")
    return {**sizes, **({"alt": plain(alt)[:2000]} if isinstance(alt, str) and alt else {})}
