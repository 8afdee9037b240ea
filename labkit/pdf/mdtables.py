"""Tables in Markdown as Jupyter reads them (GitHub's rules): rows may be shorter or longer than the head."""

from __future__ import annotations

import re
from typing import Any

_ROW = r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*"
PATTERN = rf"^ {{0,3}}(?P<table_head>\S[^\n]*)\n {{0,3}}(?P<table_sides>{_ROW})(?:\n|$)"
_OTHER = re.compile(  # a line that begins another block
    r"[ \t]*$|(?: {4}|\t)| {0,3}(?:#{1,6}(?:\s|$)|>|```|~~~|<[A-Za-z/!]|[-+*][ \t]|\d{1,9}[.)][ \t]"
    r"|(?:\*[ \t]*){3,}$|(?:-[ \t]*){3,}$|(?:_[ \t]*){3,}$)"
)
# A bar in a formula parts no cells, as Jupyter takes formulas out first.
_PIECE = re.compile(r"\\.|`[^`|\n]*`|\$\$[^$\n]+\$\$|\$(?:[^$\\\n]|\\.)+?\$(?![0-9$])|[^|]", re.DOTALL)


def register(block: Any) -> None:
    """Have mistune's block parser read tables in this way, also in lists and quotes, as Jupyter does."""
    block.register("table", PATTERN, parse)
    for rules in (block.list_rules, block.block_quote_rules):
        if "table" not in rules:
            block.insert_rule(rules, "table", before="paragraph")


def cells_of(line: str) -> list[str]:
    """Return the cells of a line of a table.

    Example:
        >>> cells_of("| a | $|x|$ | b \\\\| c |")
        ['a', '$|x|$', 'b | c']
    """
    text, cells, cell, at = line.strip(), [], "", 0
    text = text.removeprefix("|")
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece:
            cell += "|" if piece[0] == r"\|" else piece[0]
            at = piece.end()
        else:
            cells.append(cell.strip())
            cell, at = "", at + 1
    return cells if not cell.strip() and text.endswith("|") else [*cells, cell.strip()]


def parse(_block: Any, match: re.Match[str], state: Any) -> int | None:
    """Read a table as mistune's block parsers do; None: it is none."""
    head, sides = cells_of(match["table_head"]), match["table_sides"].strip().strip("|").split("|")
    if len(head) != len(sides) or "|" not in match["table_head"] + match["table_sides"]:
        return None
    aligned = [_side(side.strip()) for side in sides]
    at, rows, beyond = match.end(), [], 0
    while at < state.cursor_max:
        line = state.get_line(at)
        if _OTHER.match(line.rstrip("\n")):
            break
        found = cells_of(line)
        beyond += max(0, len(found) - len(head))
        row = (found + [""] * len(head))[: len(head)]
        rows.append({"type": "table_row", "children": _cells(row, aligned, head=False)})
        at += len(line)
    children = [
        {"type": "table_head", "children": _cells(head, aligned, head=True)},
        {"type": "table_body", "children": rows},
    ]
    state.append_token({"type": "table", "children": children})
    if beyond:
        cells = "1 cell" if beyond == 1 else f"{beyond} cells"
        said = f"*[{cells} beyond the last column not shown, as in Jupyter]*"
        state.append_token({"type": "paragraph", "text": said})
    return int(at)


def _side(dashes: str) -> str | None:
    left, right = dashes.startswith(":"), dashes.endswith(":")
    return "center" if left and right else "left" if left else "right" if right else None


def _cells(texts: list[str], aligned: list[str | None], *, head: bool) -> list[dict[str, Any]]:
    return [
        {"type": "table_cell", "text": text, "attrs": {"align": side, "head": head}}
        for text, side in zip(texts, aligned, strict=True)
    ]
