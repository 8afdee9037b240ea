"""Which names are safe: members of archives, folders of students."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"]
)
_JOINERS = "\u200c\u200d"  # zero-width (non-)joiner: honest letters of Persian, Hindi and other names
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_CLUTTER = frozenset(
    ["__macosx", ".ds_store", "thumbs.db", "desktop.ini", ".ipynb_checkpoints", "__pycache__"]
)
_STUDENT = re.compile(r"\w[\w.@'-]{0,63}", re.UNICODE)


def part_fault(part: str) -> str | None:
    """Return why one component of a path is not a safe file name anywhere, or None.

    Example:
        >>> part_fault("nul.txt")
        'a name that Windows reserves'
        >>> part_fault("01_convolution_amy.ipynb") is None
        True
    """
    if part in ("", ".", ".."):
        return f"a path with an empty, . or .. part ({part!r})"
    if any(unicodedata.category(char) in _HIDDEN and char not in _JOINERS for char in part):
        return "control or invisible characters in its name"
    if "\\" in part:
        return "a backslash in its name"
    if any(char in '<>:"|?*' for char in part):
        return "a character in its name that is a drive letter, a stream or a wildcard elsewhere"
    if part != part.strip(" ") or part.endswith("."):
        return "a name that starts or ends with a space, or ends with a dot"
    if part.split(".")[0].rstrip(" ").lower() in _DEVICES:
        return "a name that Windows reserves"
    return None


def path_fault(name: str, *, length: int = 240, depth: int = 8) -> str | None:
    """Return why an archive member's name must not be unpacked, or None.

    Args:
        name: the member's name, parts separated by "/"; one "/" at the end marks a folder.
        length: most bytes of UTF-8 that the name may take.
        depth: most parts that it may have.

    Returns:
        The reason as a noun phrase, or None for a safe relative name.

    Example:
        >>> path_fault("../../etc/passwd")
        "a path with an empty, . or .. part ('..')"
        >>> path_fault("amy/01_convolution.ipynb") is None
        True
    """
    if name.startswith("/"):
        return "an absolute path"
    if re.match(r"[A-Za-z]:", name):
        return "a drive letter in its path"
    if len(name.encode("utf-8", "surrogatepass")) > length:
        return f"a name of more than {length} bytes"
    parts = name.removesuffix("/").split("/")
    if len(parts) > depth:
        return f"a path more than {depth} folders deep"
    return next((fault for fault in map(part_fault, parts) if fault), None)


def folded(name: str) -> str:
    """Return the form in which two names are one file on a disk that ignores case or Unicode form.

    Example:
        >>> folded("ZOE\u0301.ipynb") == folded("zo\u00e9.ipynb")
        True
    """
    plain = "".join(char for char in name if char not in _JOINERS)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", plain).casefold())


def student_fault(student: str) -> str | None:
    """Return why a text cannot be a student's id (and so a folder's name), or None.

    Example:
        >>> student_fault("o'brien-42") is None, student_fault("a b")
        (True, "'a b' is not a student id: expected up to 64 letters, digits and . _ - @ '")
    """
    if not _STUDENT.fullmatch(student) or part_fault(student):
        return f"{shown(student)!r} is not a student id: expected up to 64 letters, digits and . _ - @ '"
    return None


def is_clutter(name: str) -> bool:
    """Return whether a path is what an operating system or Jupyter leaves about, and nobody handed in.

    Example:
        >>> is_clutter("__MACOSX/._a.ipynb"), is_clutter("a/.DS_Store"), is_clutter("a.ipynb")
        (True, True, False)
    """
    parts = PurePosixPath(name.lower()).parts
    return any(part in _CLUTTER or part.startswith("._") for part in parts)


def shown(text: str, *, width: int = 80) -> str:
    r"""Return a text from a student as something safe to print: no control characters, not too long.

    Example:
        >>> print(shown("a\x1b[2Jb"))
        a\x1b[2Jb
    """
    safe = "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _HIDDEN else char
        for char in text[: 2 * width]
    )
    return safe if len(safe) <= width and len(text) <= 2 * width else safe[: width - 1] + "…"
