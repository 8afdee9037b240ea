"""What `labgrade release` prints."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from labgrader.release import Change

_WRONG = ("different", "missing", "superfluous")
_STYLES = {"new": "green", "updated": "green", "unchanged": "dim", **dict.fromkeys(_WRONG, "red")}
_HINTS = {
    "missing": "there is no such notebook; run `{again}`.",
    "superfluous": "no master makes this notebook; delete it, or bring its master back.",
}


def show(changes: list[Change], console: Console, *, check: bool, again: str = "labgrade release") -> bool:
    """Print a table of the notebooks, then what differs and what to do.

    Args:
        changes: what `release` returned.
        console: where to print.
        check: whether it was a check, which wrote nothing.
        again: the command that makes what was checked.

    Returns:
        whether all is well: always after a release; after a check, if each notebook is what its master makes.
    """
    folders = sorted({_short(change.path.parent) for change in changes})
    table = Table(
        Column("Lab", overflow="fold"),
        *("Result", "Cells", "Points"),
        Column("Repository", overflow="fold"),
        caption=f"Notebooks in {', '.join(folders)}" if folders else None,
    )
    for change in changes:
        known = change.cells > 0
        table.add_row(
            escape(change.lab),
            f"[{_STYLES[change.status]}]{change.status}[/]",
            f"{change.cells}" if known else "",
            f"{change.points:g}" if known else "",
            escape(change.repo) or ("none" if known else ""),
        )
    console.print(table)
    for change in changes:
        for difference in change.differences:
            _say(console, f"{_short(change.path)}: {difference}")
        if hint := _HINTS.get(change.status):
            _say(console, f"{_short(change.path)}: {hint.format(again=again)}")
        for warning in change.warnings:
            _say(console, f"Note: {warning}")
    if not check and any(change.cells and not change.repo for change in changes):
        _say(
            console, "Note: without a repository these do not open in Colab; pass --repo OWNER/NAME for that."
        )
    good = not check or all(change.status == "unchanged" for change in changes)
    if not good:
        _say(
            console,
            f"The notebooks are not what the masters make: run `{again}` and commit the result.",
        )
    return good


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _short(path: Path) -> str:
    """Return the path from here where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)
