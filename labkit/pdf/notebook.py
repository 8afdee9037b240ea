"""Reading a notebook whatever its state: every field of the right type, nothing trusted."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.pdf.nonotebook import what_it_is

Json = dict[str, Any]
_HALVES = re.compile("[\ud800-\udfff]")  # halves of characters, which JSON can hold and files cannot


class NotebookError(Exception):
    """A file that is not a notebook, or that cannot be read as one."""


@dataclass(frozen=True)
class Cell:
    """One cell: kind "markdown", "code" or "raw"; `count` is None for a code cell that was not run."""

    kind: str
    source: str
    count: int | None
    outputs: tuple[Json, ...]
    attachments: Json
    metadata: Json

    @property
    def tags(self) -> list[str]:
        """The cell's tags."""
        tags = self.metadata.get("tags")
        return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []

    @property
    def grading(self) -> Json:
        """The cell's nbgrader metadata, empty when it has none."""
        return as_dict(self.metadata.get("nbgrader"))


@dataclass(frozen=True)
class Notebook:
    """A notebook's cells and metadata."""

    cells: tuple[Cell, ...]
    metadata: Json

    @property
    def language(self) -> str:
        """The programming language of the code cells, in lower case."""
        info, spec = as_dict(self.metadata.get("language_info")), as_dict(self.metadata.get("kernelspec"))
        return (text_of(info.get("name")) or text_of(spec.get("language")) or "python").lower()


def as_dict(value: object) -> Json:
    """Return the value when it is a mapping, else an empty one."""
    return dict(value) if isinstance(value, Mapping) else {}


def text_of(value: object) -> str:
    """Return a string as it is, and the notebook format's list of lines joined.

    Example:
        >>> text_of(["a\\n", "b"]), text_of(None)
        ('a\\nb', '')
    """
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return text if text.isascii() else _HALVES.sub("\ufffd", text)


def read(data: bytes) -> Notebook:
    """Read the bytes of an .ipynb file, of any version of the format.

    Raises:
        NotebookError: the bytes are not JSON, or not a notebook.
    """
    try:
        node = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise NotebookError(what_it_is(data)) from None
    if not isinstance(node, dict) or not isinstance(
        node.get("nbformat", 4 if "cells" in node else None), int
    ):
        raise NotebookError(
            "The file is not a notebook: it is JSON, but has no cells; expected an .ipynb file."
        )
    return from_node(node)


def from_node(node: Mapping[str, Any]) -> Notebook:
    """Return the notebook held in parsed JSON or in nbformat's NotebookNode.

    Raises:
        NotebookError: it has no list of cells, or an old format that nbformat cannot convert.
    """
    if isinstance(node.get("nbformat"), int) and node["nbformat"] < 4:
        node = _upgrade(dict(node))
    cells = node.get("cells")
    if not isinstance(cells, list):
        raise NotebookError("The file is not a notebook: it has no list of cells; expected an .ipynb file.")
    return Notebook(tuple(_cell(as_dict(cell)) for cell in cells), as_dict(node.get("metadata")))


def _upgrade(node: Json) -> Mapping[str, Any]:
    from labkit.pdf.lazily import without

    with without("rfc3987_syntax"):  # jsonschema's check of web addresses, which takes a second to load
        import nbformat
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converted: Mapping[str, Any] = nbformat.reads(json.dumps(node), as_version=4)
    except Exception as error:
        raise NotebookError(
            f"The notebook is in the old format {node['nbformat']} and could not be converted "
            f"({type(error).__name__}); take a copy in a newer format, or the lab as it was released."
        ) from None
    return converted


def _cell(cell: Json) -> Cell:
    kind = cell.get("cell_type")
    outputs = cell.get("outputs")
    count = cell.get("execution_count")
    return Cell(
        kind=kind if kind in ("markdown", "code", "raw") else "raw",
        source=text_of(cell.get("source")),
        count=count if isinstance(count, int) and not isinstance(count, bool) else None,
        outputs=tuple(as_dict(output) for output in outputs) if isinstance(outputs, list) else (),
        attachments=as_dict(cell.get("attachments")),
        metadata=as_dict(cell.get("metadata")),
    )


def content_hash(notebook: Notebook) -> str:
    """Return the SHA-256 of sources and outputs alone: the same after a save by another program.

    Example:
        >>> content_hash(Notebook((), {}))[:8]
        '4f53cda1'
    """
    cells = [
        [cell.kind, cell.source, [_content(output) for output in cell.outputs]] for cell in notebook.cells
    ]
    text = json.dumps(cells, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _content(output: Json) -> Json:
    kept: Json = {key: output[key] for key in ("output_type", "name", "ename", "evalue") if key in output}
    if "text" in output:
        kept["text"] = text_of(output["text"])
    if "traceback" in output:
        kept["traceback"] = output["traceback"]
    data = as_dict(output.get("data"))
    if data:
        kept["data"] = {
            mime: value if "json" in mime or isinstance(value, Mapping) else text_of(value)
            for mime, value in data.items()
        }
    return kept
