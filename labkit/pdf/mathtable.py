"""Tables of a formula: matrices, arrays with their rules, cases, alignments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from xml.etree.ElementTree import Element

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
RULES = ("hline", "hdash", "vline", "vdash", "cline")
RULE = "stroke: 0.5pt"


def tag(element: Element) -> str:
    """Return the name of an element of MathML."""
    return str(element.tag).removeprefix(NAMESPACE)


def table(element: Element, write: Callable[[Iterable[Element]], str], *, small: bool = False) -> str:
    """Return a matrix, array, cases or alignment as a grid on the math axis.

    Args:
        element: the table.
        write: gives the Typst source of the elements of a cell.
        small: in the size of an index.
    """
    shown = element.get("displaystyle") == "true"
    rows: list[list[str]] = []
    sides = (element.get("columnalign") or "").split()
    rules: list[tuple[str, int]] = []  # each with the number of the row below it
    for row in element:
        cells = [cell for cell in row if tag(cell) == "mtd"]
        sides = sides or [cell.get("columnalign") or "center" for cell in cells]
        found = _take_rules(cells[0]) if cells else []
        rules += [(rule, len(rows)) for rule in found]
        if found and len(cells) == 1 and not len(cells[0]) and row is element[-1]:
            break  # nothing but the rule below the last row
        rows.append([write(cell) for cell in cells])
    width = max((len(row) for row in rows), default=0)
    if not width:
        return ""
    if shown and width == 1:
        sides = ["center"]
    known = [side if side in ("left", "right", "center") else "center" for side in sides] or ["center"]
    sides = (known + known[-1:] * width)[:width]
    gaps = [
        "0.28em" if pair == ("right", "left") else "2em" if shown else "0.9em" for pair in pairwise(sides)
    ]
    extra = [_rule(rule, at, width) for rule, at in rules]
    style = "display({})" if shown else "script({})" if small else "{}"
    cells_out = [
        f"[${style.format(cell)}$]" if cell else "[]"
        for row in rows
        for cell in row + [""] * (width - len(row))
    ]
    gap = "0.8em" if shown else "0.1em" if small else "0.5em"
    gaps = ["0.3em"] * len(gaps) if small else gaps
    if rules:  # the room is inside the cells, so that rules meet and touch nothing
        gaps, gap, extra = [], "0em", ["inset: (x: 0.5em, y: 0.36em)", *extra]
    head = [str(width), _tuple(sides), _tuple(gaps), gap]
    return f"#math-grid({', '.join(head + extra + cells_out)})"


def _take_rules(cell: Element) -> list[str]:
    """Return the rules that `mathargs` put at the top of a cell, which is left without them."""
    found = []
    while len(cell) and (kind := cell[0].get("mathcolor", "").removeprefix("labkit-")).startswith(RULES):
        found.append(kind)
        cell.remove(cell[0])
    return found


def _rule(rule: str, row: int, width: int) -> str:
    """Return a rule of a table as Typst's grid draws it."""
    kind, *numbers = rule.split(":")
    stroke = 'stroke: (thickness: 0.5pt, dash: "dashed")' if kind.endswith("dash") else RULE
    if kind.startswith("v"):
        return f"grid.vline(x: {min(int(numbers[0]), width)}, {stroke})"
    if kind == "cline":
        first, last = (min(max(1, int(number)), width) for number in numbers)
        return f"grid.hline(y: {row}, start: {min(first, last) - 1}, end: {last}, {stroke})"
    return f"grid.hline(y: {row}, {stroke})"


def _tuple(items: list[str]) -> str:
    return "(" + "".join(f"{item}, " for item in items) + ")"
