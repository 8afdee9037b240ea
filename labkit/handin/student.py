"""Who hands in: said in the call, by the notebook, or asked once and kept for the next lab."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.handin.errors import HandinError, UseError
from labkit.plainfile import whole

if TYPE_CHECKING:
    from labkit.pdf.notebook import Notebook

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_UNKNOWN = (
    'It is not known who hands in; say it: labkit handin NOTEBOOK --id ID --name "NAME", '
    'or in Python: labkit.handin(student="your id", name="your name").'
)
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


@dataclass(frozen=True)
class Student:
    """A student: id, name, and where they are known from ("": said just now)."""

    id: str
    name: str
    source: str = ""


def checked_id(student: str) -> str:
    """Return a student id that may stand in a file name on every system.

    Example:
        >>> checked_id(" s123 ")
        's123'
    """
    text = unicodedata.normalize("NFKC", student).strip()
    if _RESERVED.fullmatch(text):
        raise UseError(
            f"The student id is {student!r}, a name that Windows keeps for a device; put a letter before it, "
            f"as in {'s' + text!r}."
        )
    if not _ID.fullmatch(text) or text.endswith("."):
        raise UseError(
            f"The student id is {student!r}; expected 1 to 40 letters A-Z, digits, '.', '_' or '-', "
            "starting with a letter or digit. A name in any script goes into `name`."
        )
    return text


def who(
    notebook: Notebook, student: str | None, name: str | None, *, ask: Callable[[str], str] | None
) -> Student:
    """Return who hands in.

    Args:
        notebook: it may say so itself, in its metadata.
        student: id as said in the call, or None.
        name: name as said in the call, or None.
        ask: how to ask the student; None: there is nobody to ask.

    Raises:
        HandinError: nothing is known and there is nobody to ask, or the id cannot stand in a file name.
    """
    from labkit.pdf.titles import student_of

    kept = _kept()
    if name is not None and not name.strip():
        raise UseError("The name is empty; give your name in any script, or leave it out.")
    if student is not None:
        known = kept.name if kept is not None and kept.id == checked_id(student) else ""
        if name is None and kept is not None and kept.name and not known and ask is not None:
            name = _one_line(_answer(ask, f"Name of {checked_id(student)} (any script, for the PDF): "))
        said = Student(checked_id(student), name or known)
        if kept is not None and kept != said:  # a slip of the pen is mended for the next lab, too
            _keep(said)
        return said
    told_id, told_name = student_of(notebook)
    if told_id:
        return Student(checked_id(told_id), name or told_name, "as the notebook says")
    if kept is not None:
        return Student(checked_id(kept.id), name or kept.name, "kept from last time")
    if ask is None:
        raise HandinError(_UNKNOWN)
    asked = _asked(ask, name)
    _keep(asked)
    return asked


def _asked(ask: Callable[[str], str], name: str | None) -> Student:
    """Ask for id and name; an id that cannot be is explained, and asked for again."""
    for _ in range(5):
        given = _answer(ask, "Student id (for the file names): ")
        try:
            student = checked_id(given)
        except HandinError as error:
            print(error)
            continue
        return Student(student, _one_line(name or _answer(ask, "Name (any script, for the PDF): ")))
    raise HandinError("No student id was given; nothing was handed in.")


def _answer(ask: Callable[[str], str], question: str) -> str:
    try:
        return ask(question)
    except (EOFError, NotImplementedError):  # the latter is IPython's, for a kernel that cannot ask
        raise HandinError(_UNKNOWN) from None


def _one_line(name: str) -> str:
    return " ".join(name.split())[:120]


def config_file() -> Path:
    """Return the file in which a student who was asked is kept."""
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or str(Path.home() / "AppData" / "Roaming")
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "labkit" / "student.json"


def _kept() -> Student | None:
    try:
        found = json.loads(config_file().read_bytes())
        return Student(checked_id(str(found["id"])), str(found.get("name", "")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, HandinError):
        return None


def _keep(student: Student) -> None:
    """Keep who was asked for the next lab, where a file can be written; without it one is asked again."""
    file = config_file()
    kept = {"id": student.id, "name": student.name}
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file, mode=0o600) as stream:
            stream.write(json.dumps(kept, ensure_ascii=False).encode())
