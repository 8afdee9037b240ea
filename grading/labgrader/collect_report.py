"""What `labgrade collect` says of a class: a table, and a line that counts."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from labgrader.collect import Collected


def table(rows: Sequence[Collected], *, title: str | None = None) -> Table:
    """Return the table of what was collected: who, when, the pair, what was odd."""
    columns = ("student", "handed in (UTC)", "", "pair", "worth a look")
    result = Table(*columns, title=title, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        pair = (row.pair_reason,) if row.pair in ("not proven", "text only") else ()
        style = (
            "red" if row.status == "refused" else None if row.pair == "proven" and not row.odd else "yellow"
        )
        when = f"{row.when:%Y-%m-%d %H:%M}" if row.when else ""
        odd = "\n".join(pair + row.odd) if row.student else f"{row.source}: {' '.join(row.odd)}"
        result.add_row(escape(row.student) or "?", when, row.status, row.pair, escape(odd), style=style)
    return result


def summary(rows: Sequence[Collected]) -> str:
    """Return one line that counts the rows.

    Example:
        >>> summary([Collected("amy", "01", "new", None, "amy.zip", "proven")])
        '1 new · 1 pair proven'
    """
    kinds = [row.status for row in rows]
    counts = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)]
    proven = sum(row.pair == "proven" for row in rows)
    return " · ".join([*counts, f"{proven} pair{'s' * (proven != 1)} proven"])
