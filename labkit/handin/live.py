"""The kernel's memory against the file: what was run and is not in the file was not saved."""

from __future__ import annotations

import difflib
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.pdf.notebook import Notebook

_HANDIN = re.compile(r"\bhandin\(")
_SAVE = "Save (Ctrl+S, on a Mac Cmd+S), then run this cell again."


@dataclass(frozen=True)
class Run:
    """One execution in this kernel: its number and the code as it was sent."""

    number: int
    source: str


def shell() -> Any:
    """Return IPython's shell when this runs in a notebook's kernel, else None."""
    ipython = sys.modules.get("IPython")
    found = ipython.get_ipython() if ipython is not None else None
    return found if getattr(found, "kernel", None) is not None else None


def runs(found: Any) -> list[Run]:
    """Return what this kernel has run before the cell that is running, without hand-ins and empty cells."""
    raw = list(getattr(found.history_manager, "input_hist_raw", []))
    last = int(getattr(found, "execution_count", len(raw)))
    return [
        Run(number, source)
        for number, source in enumerate(raw)
        if 0 < number < last and source.strip() and not _HANDIN.search(source)
    ]


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().split("\n"))


def shared(notebook: Notebook, history: list[Run]) -> int:
    """Return how many runs of this kernel a notebook holds under their own numbers."""
    saved = {cell.count: _plain(cell.source) for cell in notebook.cells if cell.kind == "code"}
    return sum(saved.get(run.number) == _plain(run.source) for run in history)


def unsaved(notebook: Notebook, history: list[Run]) -> str:
    """Return the sentence that says since when the file was not saved, "" when nothing speaks for it.

    Args:
        notebook: as it is on disk.
        history: what the kernel has run.
    """
    code = [(place, cell) for place, cell in enumerate(notebook.cells, 1) if cell.kind == "code"]
    saved = {cell.count: _plain(cell.source) for _, cell in code if cell.count is not None}
    last = max((run.number for run in history if saved.get(run.number) == _plain(run.source)), default=0)
    later = [run for run in history if run.number > last]
    if not later:
        return ""
    first = later[0]
    after = f" and {len(later) - 1} after it" if len(later) > 1 else ""
    verb = "are" if after else "is"
    missing = f"run [{first.number}]{after} {verb} not in the file that is handed in. {_SAVE}"
    if not last and len(later) > 2:
        return f"NOT SAVED since the kernel was started: {missing}"
    place, same = _place(code, _plain(first.source))
    if place:
        return f"NOT SAVED since cell {place} {'ran' if same else 'changed'}: {missing}"
    line = first.source.strip().split("\n")[0][:50]
    return (
        f"NOT SAVED since a cell with {line!r} ran: {missing} (If you deleted that cell, nothing is missing.)"
    )


def _place(code: list[tuple[int, Any]], source: str) -> tuple[int, bool]:
    """Return which cell of the file ran with this code, or with nearly this code; 0: none."""
    for place, cell in code:
        if _plain(cell.source) == source:
            return place, True
    best, at = 0.6, 0
    for place, cell in code:
        matcher = difflib.SequenceMatcher(None, _plain(cell.source)[:3000], source[:3000], autojunk=False)
        if matcher.quick_ratio() > best and matcher.ratio() > best:
            best, at = matcher.ratio(), place
    return at, False


def changed_after_run(notebook: Notebook, history: list[Run]) -> str:
    """Return the sentence that names cells whose saved code is not what ran under their number, else ""."""
    ran = {run.number: _plain(run.source) for run in history}
    odd = [
        place
        for place, cell in enumerate(notebook.cells, 1)
        if cell.kind == "code" and cell.count in ran and ran[cell.count] != _plain(cell.source)
    ]
    if not odd or shared(notebook, history) < len(odd):  # the numbers are those of an earlier kernel
        return ""
    names = ", ".join(map(str, odd[:8])) + (f" and {len(odd) - 8} more" if len(odd) > 8 else "")
    if len(odd) == 1:
        return f"cell {names} was changed after it ran: its output is that of the old code; run it again."
    return f"cells {names} were changed after they ran: their output is that of the old code; run them again."
