"""What students get to see of the marker's notebook."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from labgrader.regions import HIDDEN, replace

_SCHEME = re.compile(r"^\s*#+\s*(BEGIN|END) MARK SCHEME\s*$", re.MULTILINE)
_TEST_LINE = re.compile(r"(test, line \d+: )(.*)")  # of a traceback


def for_students(nb: Any) -> Any:
    """Return a notebook as students see it: without hidden tests, the marks of a mark scheme in words.

    Args:
        nb: the autograded notebook, which stays as it is.
    """
    nb = deepcopy(nb)
    for cell in nb.cells:
        role = cell.metadata.get("nbgrader", {})
        if not role.get("locked") and not (role.get("grade") and not role.get("solution")):
            continue
        source, shown = cell.source, replace(cell.source, HIDDEN, "# hidden tests ran here")
        cell.source = _SCHEME.sub(_scheme_line, shown)
        if shown == source:
            continue
        hidden = {line.strip() for line in set(source.split("\n")) - set(shown.split("\n"))}
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                output.traceback = [
                    _without(line, hidden) for line in "\n".join(output.traceback).split("\n")
                ]
    return nb


def _without(line: str, hidden: set[str]) -> str:
    """Return a line of a traceback; of a hidden test's, only where it is."""
    found = _TEST_LINE.fullmatch(line)
    code = found[2].removesuffix(" … (cut)").strip() if found else ""
    return f"{found[1]}(hidden)" if found and any(each.startswith(code) for each in hidden) else line


def _scheme_line(found: re.Match[str]) -> str:
    return "\n\n**How it is marked**\n" if found[1] == "BEGIN" else ""
