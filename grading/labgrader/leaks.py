"""What a released lab must not hold: solutions, hidden tests, mark schemes, outputs, foreign metadata."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from labgrader.course import CourseError
from labgrader.masters import KERNELSPEC, Master, hidden_text, visible_text
from labgrader.regions import KINDS
from labgrader.stamp import Stamp, answers, stamp_lines

CODE_STUB = '# YOUR CODE HERE\nraise NotImplementedError("write your code here, then delete this line")'
"""What stands in a student's notebook where the master has a code solution."""
TEXT_STUB = "YOUR ANSWER HERE"
"""What stands where the master has a written one."""

_MARKERS = tuple(text for kind in KINDS for text in (kind.begin, kind.end))
_CELL_KEYS = {
    "code": {"id", "cell_type", "metadata", "source", "outputs", "execution_count"},
    "markdown": {"id", "cell_type", "metadata", "source"},
    "raw": {"id", "cell_type", "metadata", "source"},
}
_BAD_FILES = (
    "*.pyc",
    "__pycache__",
    "gradebook.db*",
    ".course_secret*",
    ".ipynb_checkpoints",
    "[0-9][0-9]_*.py",
    "*.ipynb",
)
_SHORT = 12
"""A hidden line of fewer characters than this counts as leaked only where it stands as a line of its own."""
_TRIVIAL = 30
"""A hidden line of fewer characters than this may stand in the visible text too, as `h, w = x.shape` does."""


class LeakError(CourseError):
    """A lab that must not be released; `leaks` has every reason."""

    def __init__(self, leaks: tuple[Leak, ...]) -> None:
        super().__init__("\n".join(f"{leak}" for leak in leaks))
        self.leaks = leaks


@dataclass(frozen=True)
class Leak:
    """One thing that students must not get: the file, the cell (or "") and what is there."""

    file: str
    cell: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}{f', cell {self.cell}' if self.cell else ''}: {self.what}"


def notebook_leaks(notebook: Any, master: Master, stamp: Stamp) -> tuple[Leak, ...]:
    """Return everything in a student notebook that students must not get.

    Besides what is known to be secret, every line counts that is neither in the master's visible part nor
    written by the release, and so does every cell, key and metadata entry that the release does not make.

    Args:
        notebook: the student's notebook, as nbformat or plain JSON data.
        master: the lab it was made from.
        stamp: the stamp it carries.
    """
    file = f"{master.lab}.ipynb"
    words = _Words(master, stamp)
    found = [Leak(file, "", what) for what in _notebook(notebook, master, stamp)]
    sources = {cell["id"]: cell for cell in master.notebook.cells}
    seen: set[str] = set()
    for number, cell in enumerate(notebook.get("cells", []), start=1):
        name = str(cell.get("id", number))
        if name not in sources or name in seen:
            found.append(Leak(file, f"{number}", "the cell is not one of the master's"))
        seen.add(name)
        found += [Leak(file, name, what) for what in _cell(cell, sources.get(name), words)]
    return tuple(found)


def folder_leaks(folder: Path, lab: str, *, ignore: Iterable[str] = ()) -> tuple[Leak, ...]:
    """Return the files of a release folder that students must not get.

    Args:
        folder: the lab's release folder, or the source folder that it is copied from.
        lab: the lab's name.
        ignore: names or globs that are not copied, as nbgrader's `CourseDirectory.ignore`.
    """
    found = []
    ignored = tuple(ignore)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if any(fnmatch(part, pattern) for part in name.split("/") for pattern in ignored):
            continue
        if path.is_symlink():
            found.append(Leak(name, "", "a link; expected plain files"))
        elif name != f"{lab}.ipynb" and any(
            fnmatch(part, bad) for part in name.split("/") for bad in _BAD_FILES
        ):
            found.append(Leak(name, "", "a file that stays with the instructor"))
    return tuple(found)


class _Words:
    """The texts to look for and the lines to expect."""

    def __init__(self, master: Master, stamp: Stamp) -> None:
        visible = visible_text(master)
        self.allowed = {_squeeze(line) for line in visible.split("\n")}
        self.allowed |= {
            _squeeze(line) for line in (*CODE_STUB.split("\n"), TEXT_STUB, *stamp_lines(stamp, master.lab))
        }
        everything = _squeeze(visible)
        hidden = [
            (_squeeze(line), kind) for kind, text in hidden_text(master).items() for line in text.split("\n")
        ]
        self.secret = {
            line: kind
            for line, kind in hidden
            if line and (line not in self.allowed or len(line) >= _TRIVIAL)
        }
        self.long = {
            line
            for line in self.secret
            if len(line) >= _TRIVIAL or (len(line) >= _SHORT and line not in everything)
        }

    def leaked(self, text: str) -> Iterator[str]:
        """Yield what a text gives away."""
        for marker in (*_MARKERS, "secret("):
            if marker in text:
                yield f"the text {marker!r}"
        squeezed = _squeeze(text)
        lines = {_squeeze(line) for line in text.split("\n")}
        for line, kind in self.secret.items():
            if line in lines or (line in self.long and line in squeezed):
                yield f"a line of a {kind}: {line!r}"


def _notebook(notebook: Any, master: Master, stamp: Stamp) -> Iterator[str]:
    """Yield what is wrong outside the cells."""
    if extra := sorted(set(notebook) - {"cells", "metadata", "nbformat", "nbformat_minor"}):
        yield f"the notebook has {', '.join(extra)}"
    metadata = notebook.get("metadata", {})
    if extra := sorted(set(metadata) - {"kernelspec", "labkit"}):
        yield f"the notebook's metadata has {', '.join(extra)}"
    if metadata.get("kernelspec") != KERNELSPEC:
        yield f"the notebook's kernelspec is {metadata.get('kernelspec')!r}"
    expected = {
        **master.notebook.metadata["labkit"],
        "version": stamp.version,
        "repo": stamp.repo,
        "ref": stamp.ref,
        "answers": answers(master.notebook),
    }
    if metadata.get("labkit") != expected:
        yield f"the notebook's labkit entry is {metadata.get('labkit')!r}"


def _cell(cell: Any, original: Any, words: _Words) -> Iterator[str]:
    """Yield what is wrong with one cell."""
    if cell.get("outputs"):
        yield "outputs"
    if cell.get("execution_count") is not None:
        yield "an execution count"
    if cell.get("attachments"):
        yield "attachments"
    known = _CELL_KEYS.get(cell.get("cell_type"), set())
    if extra := sorted(set(cell) - known - {"attachments"}):
        yield f"the entries {', '.join(extra)}"
    yield from _metadata(cell.get("metadata", {}), original)
    source = _text(cell.get("source", ""))
    yield from words.leaked(source)
    for number, line in enumerate(source.split("\n"), start=1):
        squeezed = _squeeze(line)
        if squeezed not in words.allowed and squeezed not in words.secret:
            yield f"line {number} is not in the visible part of the master: {squeezed!r}"


def _metadata(metadata: Any, original: Any) -> Iterator[str]:
    """Yield the metadata that neither the master nor nbgrader's release steps put there."""
    own = dict(original["metadata"]) if original is not None else {}
    for key, value in sorted(metadata.items()):
        if key in ("deletable", "editable"):
            good = value is False
        elif key == "nbgrader":
            rest = (
                {k: v for k, v in value.items() if k not in ("checksum", "cell_type")}
                if isinstance(value, dict)
                else value
            )
            good = rest == own.get(key) and _checked(value)
        else:
            good = value == own.get(key)
        if not good:
            yield f"the metadata {key}: {value!r}"


def _checked(nbgrader: Any) -> bool:
    checksum, kind = nbgrader.get("checksum"), nbgrader.get("cell_type", "code")
    return (checksum is None or bool(re.fullmatch(r"[0-9a-f]{32}", str(checksum)))) and kind in _CELL_KEYS


def _text(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _squeeze(text: str) -> str:
    """Return the text with each run of white space as one space, and none at the ends."""
    return " ".join(text.split())
