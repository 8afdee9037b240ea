"""What a student should know about a notebook before handing it in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.pdf.notebook import Notebook

_HANDIN = re.compile(r"\bhandin\(")  # the cell that hands in is not finished while it runs
_STUB = re.compile(r"^\s*raise NotImplementedError\b", re.MULTILINE)


def look_over(notebook: Notebook) -> list[str]:
    """Return what a student should know before handing in: one sentence each."""
    code = [
        (number, cell)
        for number, cell in enumerate(notebook.cells, 1)
        if cell.kind == "code" and cell.source.strip() and not _HANDIN.search(cell.source)
    ]
    never = [number for number, cell in code if cell.count is None]
    failed = [n for n, cell in code if any(output.get("output_type") == "error" for output in cell.outputs)]
    counts = [cell.count for _, cell in code if cell.count is not None]
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
    said = []
    if never and len(never) == len(code):
        said.append("no code cell has been run: run all cells and save the notebook.")
    elif never:
        said.append(f"{_cells(never)} not run: the PDF has no output there.")
    if failed:
        said.append(f"{_cells(failed, ended=True)} with an error.")
    if counts != sorted(counts):
        said.append(
            "the cells were not run from top to bottom: choose Kernel > Restart and run all, then save."
        )
    if stubs:
        said.append(f"still to be written: {_named(stubs)}.")
    if questions:
        said.append(f"still to be answered: {_named(questions)}.")
    return said


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


def _cells(numbers: list[int], *, ended: bool = False) -> str:
    shown = ", ".join(map(str, numbers[:8])) + (f" and {len(numbers) - 8} more" if len(numbers) > 8 else "")
    verb = ("ended" if ended else "was") if len(numbers) == 1 else ("ended" if ended else "were")
    return f"cell {shown} {verb}" if len(numbers) == 1 else f"cells {shown} {verb}"


def _named(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
