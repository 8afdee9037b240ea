"""Long text on paper: the beginning, the end, and how much is left out between them."""

from __future__ import annotations

from labkit.pdf.ansi import settle

MAX_LINES = 60  # of one text output: about a page; the rest is folded with its count
LINE = 100  # characters; a longer line counts as the lines that it fills
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
    keep = max(1, (limit - 1) // 2)
    first = _within([_line(line, terminal) for line in text.split("\n", keep)[:keep]], keep)
    end = [_line(line, terminal) for line in text.rsplit("\n", keep)[-keep:]]
    last = _within(end[::-1], keep)[::-1]
    left_out = total - len(first) - len(last)
    if total <= limit:
        lines = [_line(line, terminal) for line in text.split("\n")]
        if left_out <= 0 or sum(map(_height, lines)) <= limit:
            return "\n".join(lines)
    said = "1 line" if left_out == 1 else f"{left_out:,} lines"
    return "\n".join([*first, f"… {said} not shown here; the attached notebook has them …", *last])


def _height(line: str) -> int:
    return 1 + len(line) // LINE


def _within(lines: list[str], height: int) -> list[str]:
    """Return the first lines that together are not too tall, at least one."""
    kept, used = lines[:1], _height(lines[0])
    for line in lines[1:]:
        used += _height(line)
        if used > height:
            break
        kept.append(line)
    return kept


def _line(line: str, terminal: bool) -> str:
    if terminal and ("\r" in line or "\b" in line):
        line = settle(line[-_MAX_BAR:])
    if len(line) <= MAX_LINE:
        return line
    return f"{line[:MAX_LINE]}… {len(line) - MAX_LINE:,} characters not shown here …"
