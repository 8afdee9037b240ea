"""The one error of the hand-in, and how it speaks of files that cannot be written."""

from __future__ import annotations

import errno

_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


class HandinError(Exception):
    """The pair could not be made: what is wrong and what to do."""

    def _render_traceback_(self) -> list[str]:
        """Let a notebook show the sentence, without the lines of this package."""
        return [f"HandinError: {self}"]


class UseError(HandinError):
    """A hand-in that was asked for in a way that cannot be."""


def make_room(error: OSError) -> str:
    """Return "free some space or " where that helps against an error, else "".

    Example:
        >>> make_room(OSError(errno.EROFS, "Read-only file system"))
        ''
    """
    return "free some space or " if error.errno in _FULL else ""
