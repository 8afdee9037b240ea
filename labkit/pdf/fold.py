"""Long text on paper: the beginning, the end, and how much is left out between them."""

from __future__ import annotations

from labkit.pdf.ansi import settle

MAX_LINES = 400  # of one text output; the rest is folded with its count
MAX_LINE = 4_000  # characters
_MAX_BAR = 40_000  # characters of a line that overwrites itself


def folded(text: str, limit: int = MAX_LINES, *, terminal: bool = False) -> str:
    """Return text whose middle lines are replaced by their count when there are too many.

    Args:
        text: the text, however long.
        limit: most lines that are shown.
        terminal: carriage returns and backspaces act as in a terminal.

    Example:
        >>> folded("1\\n2\\n3\\n4\\n5", limit=3)
        '1\\n… 3 lines not shown here; the attached notebook has them …\\n5'
    """
    text = text.strip("\n")
    total = text.count("\n") + 1
    if total <= limit:
        return "\n".join(_line(line, terminal) for line in text.split("\n"))
    keep = max(1, (limit - 1) // 2)
    first, last = text.split("\n", keep)[:keep], text.rsplit("\n", keep)[1:]
    said = f"… {total - 2 * keep:,} lines not shown here; the attached notebook has them …"
    return "\n".join(
        [*(_line(line, terminal) for line in first), said, *(_line(line, terminal) for line in last)]
    )


def _line(line: str, terminal: bool) -> str:
    if terminal and ("\r" in line or "\b" in line):
        line = settle(line[-_MAX_BAR:])
    if len(line) <= MAX_LINE:
        return line
    return f"{line[:MAX_LINE]}… {len(line) - MAX_LINE:,} characters not shown here …"
