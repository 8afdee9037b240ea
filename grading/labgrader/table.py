"""The class table that `labgrade grade` prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from labgrader.graded import Graded
from labgrader.plan import Planned


def class_table(entries: Sequence[Graded], *, cells: bool = False) -> Table:
    """Return a table with a line for each student: points, what waits for a person, what was odd or lost.

    Args:
        entries: the class, as `grade_class` returns it.
        cells: show each cell's points in place of the notes, see `notes_table`.
    """
    names = list(next((entry.marks for entry in entries if entry.marks), {})) if cells else []
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("student", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("to mark", justify="right")
    for name in names:  # as narrow as its words
        words = re.sub(r"(?<=_)(?=.)", "\n", name.removeprefix("test-"))
        table.add_column(Text(words, overflow="fold"), justify="right")
    if not cells:
        table.add_column("notes", ratio=1)
    for entry in entries:
        points = f"{entry.points:g} / {entry.max:g}" if entry.marks else "-"
        waiting = str(entry.waiting) if entry.waiting else ""
        by_cell = [_points(entry.marks.get(name)) if entry.marks else "-" for name in names]
        said = [] if cells else [Text(notes(entry), overflow="fold")]
        table.add_row(entry.student, points, waiting, *by_cell, *said)
    return table


def room(table: Table) -> int:
    """Return how wide a table of cells' points must at least be to show all of them."""
    values = [max(map(len, map(str, column.cells)), default=0) for column in table.columns]
    first, points, *others = values
    return first + points + (max(others, default=0) + 4) * len(others) + 3  # two spaces, a line, one to spare


def notes_table(entries: Sequence[Graded]) -> Table:
    """Return a table of what there is to say, for beside the cells' points there is no room for it."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("student", no_wrap=True)
    table.add_column("notes", ratio=1)
    for entry in entries:
        if said := notes(entry):
            table.add_row(entry.student, Text(said, overflow="fold"))
    return table


def notes(entry: Graded, *, most: int = 3) -> str:
    """Return what there is to say about one submission, each reason once.

    Args:
        entry: the submission.
        most: how many reasons to give.

    Example:
        >>> notes(Graded("amy", {}, 9, state="failed", error="no space left"))
        'NOT GRADED: no space left'
        >>> notes(Graded("bob", {"test-f": 0.0}, 2, reasons=(("test-f", "not written yet"),)))
        'f: not written yet'
    """
    if not entry.marks:
        return f"NOT GRADED: {entry.error}"
    said: dict[str, None] = {}
    for name, reason in entry.reasons:
        exercise = name.removeprefix("test-")
        reason = _short(reason)
        if reason not in map(_short, entry.flags):
            said[reason if reason.startswith(f"{exercise}:") else f"{exercise}: {reason}"] = None
    lost = list(said)
    more = [f"and {len(lost) - most} more"] if len(lost) > most else []
    flags = [flag for flag in entry.flags if not any(flag.split(" ")[0] == name for name, _ in entry.reasons)]
    return "; ".join([*filter(None, [entry.late]), *flags, *lost[:most], *more])


def summary(entries: Sequence[Graded], seconds: float) -> str:
    """Return one line about the class.

    Example:
        >>> summary([Graded("amy", {"a": 2.0}, 2), Graded("bob", {}, 2, state="failed", error="?")], 3.21)
        '1 graded, 0 on record already, 1 not graded; mean 2 of 2 points; 3.2 seconds'
    """
    graded = [entry for entry in entries if entry.marks]
    new = sum(entry.state == "graded" for entry in entries)
    mean = sum(entry.points for entry in graded) / len(graded) if graded else 0.0
    most = entries[0].max if entries else 0.0
    return (
        f"{new} graded, {len(graded) - new} on record already, {len(entries) - len(graded)} not graded; "
        f"mean {mean:.3g} of {most:g} points; {seconds:.1f} seconds"
    )


def alike(entries: Sequence[Graded], *, least: int = 3) -> list[str]:
    """Return a line for each test in which a whole class has nothing, for one and the same reason.

    Args:
        entries: the class.
        least: how many make a class.

    Example:
        >>> lost = (("test-f", "f: stopped with ValueError"),)
        >>> alike([Graded(name, {"test-f": 0.0}, 2, reasons=lost) for name in ("amy", "bob", "cy")])
        ['Nobody has a point in test-f, and for all 3 the reason is the same: f: stopped with ValueError']
    """
    graded = [entry for entry in entries if entry.marks]
    if len(graded) < least:
        return []
    return [
        f"Nobody has a point in {name}, and for all {len(graded)} the reason is the same: {_short(reason)}"
        for name, reason in graded[0].reasons
        if not reason.endswith("not written yet")
        and all((name, reason) in entry.reasons and entry.marks.get(name) == 0 for entry in graded)
    ]


def plan_table(planned: Sequence[Planned]) -> Table:
    """Return a table of what a run would do: who would be graded, and why."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("student", no_wrap=True)
    table.add_column("would be", no_wrap=True)
    table.add_column("because", ratio=1)
    for entry in planned:
        kept = f"{_count(entry.by_hand, 'mark')} given by hand would stay" if entry.by_hand else ""
        why = "; ".join(filter(None, [entry.why, kept if entry.why else ""]))
        table.add_row(entry.student, "graded" if entry.why else "left alone", Text(why, overflow="fold"))
    return table


def plan_summary(planned: Sequence[Planned]) -> str:
    """Return one line about what a run would do.

    Example:
        >>> plan_summary([Planned("amy", "new"), Planned("bob")])
        'Would grade 1 of 2 submissions (1 new); 1 on record stays. Nothing was done.'
    """
    todo = [entry.why for entry in planned if entry.why]
    why = ", ".join(f"{count} {why}" for why, count in Counter(todo).most_common())
    stay = len(planned) - len(todo)
    return (
        f"Would grade {len(todo)} of {_count(len(planned), 'submission')}{f' ({why})' if why else ''}; "
        f"{stay} on record stay{'s' if stay == 1 else ''}. Nothing was done."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _short(reason: str, width: int = 90) -> str:
    """Return a reason's first sentence if the whole is too long for a table."""
    return reason if len(reason) <= width else reason.split(". ")[0][: 2 * width]


def _points(points: float | None) -> str:
    """Return a cell's points, a question mark for what a person gives."""
    return "?" if points is None else f"{points:g}"
