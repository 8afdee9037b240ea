"""The marked regions of a master's cells: solutions, hidden tests, mark schemes."""

from __future__ import annotations

from dataclasses import dataclass


class RegionError(ValueError):
    """Markers that do not pair up."""


@dataclass(frozen=True)
class Kind:
    """One kind of region, by the texts that nbgrader looks for in its first and last line."""

    begin: str
    end: str


SOLUTION = Kind("BEGIN SOLUTION", "END SOLUTION")
HIDDEN = Kind("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
MARKS = Kind("BEGIN MARK SCHEME", "END MARK SCHEME")
KINDS = (SOLUTION, HIDDEN, MARKS)


def regions(source: str, kind: Kind) -> list[str]:
    """Return the text inside each region of one kind, without the marker lines.

    Raises:
        RegionError: a region that is nested, never ends, or ends without a beginning.

    Example:
        >>> regions("a\\n### BEGIN SOLUTION\\nb\\n### END SOLUTION", SOLUTION)
        ['b']
    """
    return ["\n".join(lines) for inside, lines in _split(source, kind) if inside]


def drop(source: str, *kinds: Kind) -> str:
    """Return the source without the regions of these kinds and without their marker lines.

    Raises:
        RegionError: as `regions`.

    Example:
        >>> drop("a\\n### BEGIN SOLUTION\\nb\\n### END SOLUTION\\nc", SOLUTION)
        'a\\nc'
    """
    for kind in kinds:
        source = "\n".join(line for inside, lines in _split(source, kind) if not inside for line in lines)
    return source


def replace(source: str, kind: Kind, line: str) -> str:
    """Return the source with one line in place of each region of a kind, indented as its first line was.

    Of a region that never ends, nothing after its beginning is left.

    Example:
        >>> replace("a\\n  ### BEGIN SOLUTION\\nb\\n### END SOLUTION\\nc", SOLUTION, "# ...")
        'a\\n  # ...\\nc'
    """
    lines: list[str] = []
    inside = False
    for each in source.split("\n"):
        if not inside and kind.begin in each:
            inside = True
            lines.append(each[: len(each) - len(each.lstrip())] + line)
        elif inside and kind.end in each:
            inside = False
        elif not inside:
            lines.append(each)
    return "\n".join(lines)


def _split(source: str, kind: Kind) -> list[tuple[bool, list[str]]]:
    """Return the source as runs of lines, each with whether it lies inside a region."""
    runs: list[tuple[bool, list[str]]] = [(False, [])]
    for number, line in enumerate(source.split("\n"), start=1):
        inside = runs[-1][0]
        if kind.begin in line:
            if inside:
                raise RegionError(f"line {number} has a second {kind.begin!r} before {kind.end!r}")
            runs.append((True, []))
        elif kind.end in line:
            if not inside:
                raise RegionError(f"line {number} has {kind.end!r} without {kind.begin!r}")
            runs.append((False, []))
        else:
            runs[-1][1].append(line)
    if runs[-1][0]:
        raise RegionError(f"{kind.begin!r} has no {kind.end!r}")
    return runs
