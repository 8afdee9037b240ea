"""What a command says, in one sentence, of files and gradebooks that cannot be used."""

from __future__ import annotations

import errno
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from labgrader.course import CourseError

_FULL = "free some space, then run the same command again; what was recorded stays."
_ADVICE = {
    errno.ENOENT: "make that folder or mend the name, then run the same command again.",
    errno.EACCES: "give yourself the right to use it, or name another place.",
    errno.EPERM: "give yourself the right to use it, or name another place.",
    errno.EROFS: "nothing can be written there; name another place.",
    errno.EISDIR: "name a file in it.",
    errno.EEXIST: "a file is where a folder should be; move it away.",
    errno.ENOTDIR: "a file is where a folder should be; move it away.",
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
}
_DAMAGED = (
    "put a copy of it back, or move it away, then release and grade again "
    "(marks given by hand are only in the gradebook)."
)


def sentence(error: Exception) -> str | None:
    """Return what went wrong and what to do, None for an error that is none of these but a mistake of ours.

    Example:
        >>> sentence(NotADirectoryError(20, "Not a directory", "/x/submitted"))
        '/x/submitted: Not a directory; a file is where a folder should be; move it away.'
    """
    if isinstance(error, CourseError):
        return str(error)
    if isinstance(error, DBAPIError):
        said = str(error.orig)
        advice = (
            _DAMAGED if "not a database" in said or "malformed" in said else _FULL if "full" in said else ""
        )
        return f"The gradebook.db cannot be used: {said}{f'; {advice}' if advice else '.'}"
    if not isinstance(error, OSError) or error.strerror is None:
        return None
    name = error.filename2 or error.filename
    place = Path(name) if isinstance(name, str) else None
    if place is not None and place.name.startswith(
        "."
    ):  # a temporary name of ours: what counts is its folder
        place = place.parent
    advice = _ADVICE.get(error.errno or 0, "")
    return f"{f'{place}: ' if place else ''}{error.strerror}{f'; {advice}' if advice else '.'}"
