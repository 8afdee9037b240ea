"""What a student should know about a notebook before handing it in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.pdf.notebook import Cell, Notebook

_HANDIN = re.compile(r"\bhandin\(")  # the cell that hands in is not finished while it runs
_AGAIN = "choose Kernel > Restart Kernel and Run All Cells, then save"
_STUB = re.compile(r"^\s*raise NotImplementedError\b", re.MULTILINE)


def look_over(notebook: Notebook) -> list[str]:
    """Return what a student should know before handing in: one sentence each."""
    code = [
        cell
        for cell in notebook.cells
        if cell.kind == "code" and cell.source.strip() and not _HANDIN.search(cell.source)
    ]
    never = [cell for cell in code if cell.count is None]
    failed = [cell for cell in code if any(output.get("output_type") == "error" for output in cell.outputs)]
    counts = [cell.count for cell in code if cell.count is not None]
    solutions = [
        (cell.grading.get("grade_id"), cell) for cell in notebook.cells if cell.grading.get("solution")
    ]
    stubs = [str(name) for name, cell in solutions if cell.kind == "code" and _STUB.search(cell.source)]
    questions = [
        str(cell.grading.get("grade_id"))
        for cell in notebook.cells
        if cell.kind == "markdown" and (cell.grading.get("solution") or cell.grading.get("task"))
        if unanswered(cell.source)
    ]
    said = [gone] if (gone := deleted(notebook)) else []
    if never and len(never) == len(code):
        said.append("no code cell has been run: run all cells and save the notebook.")
    elif never:
        was = "was" if len(never) == 1 else "were"
        said.append(f"{marked(never, code)} {was} not run, so the PDF has no output there: {_AGAIN}.")
    if failed:
        it = "it" if len(failed) == 1 else "them"
        said.append(f"{marked(failed, code)} ended with an error: mend {it}, {_AGAIN}.")
    if counts != sorted(counts):
        said.append(f"the cells were not run from top to bottom: {_AGAIN}.")
    if stubs:
        said.append(f"still to be written: {_named(stubs)}.")
    if questions:
        said.append(f"still to be answered: {_named(questions)}.")
    return said


def deleted(notebook: Notebook) -> str:
    """Return the sentence that names the answer cells which a lab has lost, "" when it has all."""
    lab = notebook.metadata.get("labkit")
    told = lab.get("answers") if isinstance(lab, dict) else None
    here = {str(cell.grading.get("grade_id")) for cell in notebook.cells if cell.grading}
    mend = "open the lab as it was released once more, put your answers into its cells and hand that in."
    if isinstance(told, list):
        gone = [str(name) for name in told if str(name) not in here]
        return f"answer cells of this lab are missing: {_named(gone)}; {mend}" if gone else ""
    if not notebook.cells:
        return f"the notebook has no cells; {mend}"
    return (
        ""
        if here or not isinstance(lab, dict) or "version" not in lab
        else f"all answer cells of this lab are missing; {mend}"
    )


def marked(cells: Sequence[Cell], among: Sequence[Cell]) -> str:
    """Return how a student finds cells: by the number that Jupyter shows, else by how they begin."""
    counts = [cell.count for cell in among]
    found = [
        f"[{cell.count}]"
        if cell.count is not None and counts.count(cell.count) == 1
        else first_line(cell.source)
        for cell in cells
    ]
    return f"the cell {found[0]}" if len(found) == 1 else f"the cells {_named(found, 8)}"


def first_line(source: str) -> str:
    """Return the beginning of a cell, in quotes.

    Example:
        >>> first_line("\\nx = 1\\ny = 2")
        "'x = 1'"
    """
    return repr(source.strip().split("\n")[0][:50])


def unanswered(source: str) -> bool:
    """Say whether a written answer is still empty or the text that stood there at release.

    Example:
        >>> unanswered("YOUR ANSWER HERE"), unanswered("Because the window slides.")
        (True, False)
    """
    text = re.sub(r"<!--.*?-->", "", source, flags=re.DOTALL)
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    left = re.sub(r"[*_`>\s.…:]+", " ", " ".join(lines)).strip().lower()
    return left in ("", "your answer here", "write your answer here", "double-click to answer")


def _named(names: list[str], most: int = 20) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
