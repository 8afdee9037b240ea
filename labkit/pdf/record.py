"""The last page: with what the notebook was run, and how long its cells took, as the notebook says."""

from __future__ import annotations

import re
from datetime import datetime

from labkit.pdf.notebook import Cell, Json, Notebook, as_dict, text_of
from labkit.pdf.typ import array, call, lit

MAX_ROWS = 16
_ROWS = {
    "python": "Python",
    "torch": "PyTorch",
    "torchvision": "torchvision",
    "numpy": "NumPy",
    "labkit": "labkit",
    "device": "Device",
    "system": "System",
    "where": "Handed in from",
    "saved": "Notebook saved",
    "made": "Handed in",
}
_NOT_TIMED = (
    "The notebook does not hold the cells' times. JupyterLab keeps them when "
    "Settings > Notebook > Record timing is on."
)


def _of(notebook: Notebook) -> Json:
    return as_dict(as_dict(notebook.metadata.get("labkit")).get("record"))


def date_of(notebook: Notebook) -> str:
    """Return when the notebook was handed in, as it says itself, "" where it does not."""
    made = text_of(_of(notebook).get("made"))
    return made[:16].replace("T", " ") if re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d", made) else ""


def seconds_of(cell: Cell) -> float | None:
    """Return how long a cell took by its execution metadata, None where it does not say.

    Example:
        >>> times = {"shell.execute_reply": "2026-01-01T10:00:02Z",
        ...          "iopub.execute_input": "2026-01-01T10:00:00.5Z"}
        >>> seconds_of(Cell("code", "", 1, (), {}, {"execution": times}))
        1.5
    """
    times = as_dict(cell.metadata.get("execution"))
    start = times.get("iopub.execute_input") or times.get("iopub.status.busy")
    end = times.get("shell.execute_reply") or times.get("iopub.status.idle")
    try:
        took = (datetime.fromisoformat(text_of(end)) - datetime.fromisoformat(text_of(start))).total_seconds()
    except (ValueError, TypeError):
        return None
    return took if 0 <= took < 1e6 else None


def facts(notebook: Notebook) -> list[tuple[str, str]]:
    """Return what the notebook was run with, by name; nothing when it was not handed in."""
    record = _of(notebook)
    return [
        (name, " ".join(text_of(record.get(key)).split())[:200])
        for key, name in _ROWS.items()
        if record.get(key)
    ]


def record_page(notebook: Notebook) -> str:
    """Return the Typst expression of the last page, "" when the notebook was not handed in."""
    rows = facts(notebook)
    if not rows:
        return ""
    timed = [(cell, seconds) for cell in notebook.cells if (seconds := seconds_of(cell)) is not None]
    longest = sorted(timed, key=lambda pair: -pair[1])[:MAX_ROWS]
    cells = [
        array(
            [
                lit(f"[{cell.count if cell.count is not None else ' '}]"),
                lit(_first_line(cell)),
                lit(_time(took)),
            ]
        )
        for cell, took in longest
    ]
    total = sum(took for _, took in timed)
    said = _NOT_TIMED
    if timed:
        kind = "; the longest" if len(timed) > len(longest) else ""
        said = f"{len(timed)} {'cells' if len(timed) > 1 else 'cell'} took {_time(total)} in all{kind}:"
    return call("record-page", array(array([lit(a), lit(b)]) for a, b in rows), lit(said), array(cells))


def _first_line(cell: Cell) -> str:
    line = next((line.strip() for line in cell.source[:5000].split("\n") if line.strip()), "")
    return line if len(line) <= 60 else f"{line[:59]}…"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 60 else f"{int(seconds // 60)} min {seconds % 60:02.0f} s"
