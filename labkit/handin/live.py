"""The kernel's memory against the file: what was run and is not in the file was not saved."""

from __future__ import annotations

import difflib
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.lookover import first_line, marked

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
    code = [cell for cell in notebook.cells if cell.kind == "code"]
    saved = {cell.count: _plain(cell.source) for cell in code if cell.count is not None}
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
    line = first_line(first.source)
    found = _in_file([_plain(cell.source) for cell in code], _plain(first.source))
    if found:
        return f"NOT SAVED since the cell {line} {found}: {missing}"
    return f"NOT SAVED since a cell {line} ran: {missing} (If you deleted that cell, nothing is missing.)"


def _in_file(sources: list[str], source: str) -> str:
    """Return "ran" when a cell of the file holds this code, "changed" when nearly this code, else ""."""
    if source in sources:
        return "ran"
    for other in sources:
        matcher = difflib.SequenceMatcher(None, other[:3000], source[:3000], autojunk=False)
        if matcher.quick_ratio() > 0.6 and matcher.ratio() > 0.6:
            return "changed"
    return ""


def changed_after_run(notebook: Notebook, history: list[Run]) -> str:
    """Return the sentence that names cells whose saved code is not what ran under their number, else ""."""
    ran = {run.number: _plain(run.source) for run in history}
    code = [cell for cell in notebook.cells if cell.kind == "code"]
    odd = [cell for cell in code if cell.count in ran and ran[cell.count] != _plain(cell.source)]
    if not odd or shared(notebook, history) < len(odd):  # the numbers are those of an earlier kernel
        return ""
    was, they, it = ("was", "it", "it") if len(odd) == 1 else ("were", "they", "them")
    return (
        f"{marked(odd, code)} {was} changed after {they} ran: the output is that of the old code; "
        f"run {it} again, then save."
    )
