"""Files that come from others: plain ones only, no links, no devices, of moderate size."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from labgrader.names import is_clutter, shown
from labkit.plainfile import MOST_READ


@dataclass(frozen=True)
class Refused:
    """One thing that was left out, and why; the name is made safe to print."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class NotPlainError(Exception):
    """A path that is not one plain file of moderate size; the message says why."""


def open_plain(path: Path, *, most: int | None = None, ours: bool = False) -> BinaryIO:
    """Open a file for reading if it is a plain one: no link, no device, one name only.

    Args:
        path: the file.
        most: most bytes it may have; None for no limit.
        ours: the file is not a student's, so it may have other names.

    Raises:
        NotPlainError: it is something else, is too big or cannot be read.
    """
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        if path.is_symlink():
            raise NotPlainError("a link")
        handle = os.open(path, flags)
    except OSError as error:
        raise NotPlainError(f"cannot be read: {error.strerror}") from None
    status = os.fstat(handle)
    fault = _fault(status, most, ours=ours)
    if fault:
        os.close(handle)
        raise NotPlainError(fault)
    return open(handle, "rb")


def read_plain(path: Path, *, most: int = MOST_READ) -> bytes:
    """Return the bytes of a plain file.

    Raises:
        NotPlainError: it is not plain, or has more than `most` bytes.
    """
    with open_plain(path, most=most) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise NotPlainError(f"more than {most:,} bytes")
    return data


def plain_files(folder: Path, *, files: int = 20_000, depth: int = 8) -> tuple[list[Path], list[Refused]]:
    """List the plain files under a folder, sorted, links never followed, system clutter passed over.

    Args:
        folder: where to look.
        files: most entries looked at.
        depth: most folders deep.

    Returns:
        The files, and what was refused with its reason (names relative to the folder).
    """
    found: list[Path] = []
    refused: list[Refused] = []
    waiting = [(folder, 1)]
    seen = 0
    while waiting:
        here, level = waiting.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            refused.append(Refused(shown(str(here.relative_to(folder))), f"cannot be read: {error.strerror}"))
            continue
        for entry in entries:
            name = os.path.relpath(entry.path, folder)
            if is_clutter(entry.name):
                continue
            seen += 1
            if seen > files:
                refused.append(Refused(shown(name), f"more than {files:,} files; the rest was left out"))
                return sorted(found), refused
            if entry.is_dir(follow_symlinks=False):
                if level < depth:
                    waiting.append((Path(entry.path), level + 1))
                else:
                    refused.append(Refused(shown(name), f"a folder more than {depth} deep"))
            elif fault := _fault(entry.stat(follow_symlinks=False), None):
                refused.append(Refused(shown(name), fault))
            else:
                found.append(Path(entry.path))
    return sorted(found), refused


def _fault(status: os.stat_result, most: int | None, *, ours: bool = False) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "a link"
    if not stat.S_ISREG(status.st_mode):
        return "not a plain file"
    if status.st_nlink > 1 and not ours:
        return "a hard link: the file has another name elsewhere"
    if most is not None and status.st_size > most:
        return f"{status.st_size:,} bytes, the most is {most:,}"
    return None
