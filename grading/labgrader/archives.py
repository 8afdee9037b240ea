"""Unpack archives that nobody vouches for: zip, tar, tar.gz, within limits, and say what was left out."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from labgrader.members import MIB, Entry, Limits, Members, RefusedError
from labgrader.names import folded, is_clutter, path_fault, shown
from labgrader.untrusted import NotPlainError, Refused, open_plain

__all__ = ["CLASS", "HANDIN", "Budget", "Extracted", "Limits", "Member", "extract", "room_for"]

HANDIN = Limits()
CLASS = Limits(files=20_000, total_bytes=8_192 * MIB, file_bytes=256 * MIB)
_CHUNK = 1 << 16
_LISTED = 20  # refused members named one by one; the rest are counted
_BAD_NAME = (errno.EINVAL, errno.ENAMETOOLONG, errno.EILSEQ, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)


@dataclass(frozen=True)
class Member:
    """One unpacked file: its name in the archive, where it lies, its size and its time (UTC, if known)."""

    name: str
    path: Path
    size: int
    when: datetime | None


@dataclass(frozen=True)
class Extracted:
    """What an archive gave: the sound files, and what was refused."""

    files: tuple[Member, ...]
    refused: tuple[Refused, ...]


class Budget:
    """Bytes that may still be unpacked; shared by an archive and the archives inside it."""

    def __init__(self, left: int) -> None:
        self.left = left


def room_for(limits: Limits, folder: Path) -> Budget:
    """Return a budget within the limits that also leaves a tenth of the disk's free space alone."""
    return Budget(min(limits.total_bytes, shutil.disk_usage(folder).free * 9 // 10))


def extract(
    archive: Path,
    into: Path,
    *,
    limits: Limits = HANDIN,
    budget: Budget | None = None,
    ours: bool = False,
) -> Extracted:
    """Unpack a zip, tar or tar.gz into a folder, as far as it is sound.

    Nothing in the archive can make this raise, write outside `into`, overwrite a file, make a link, or write
    more than the limits allow, whatever its headers claim. What operating systems leave in archives
    (`__MACOSX`, `.DS_Store`) is passed over.

    Args:
        archive: the file; its content, not its name, says what it is.
        into: folder to unpack into, made if missing; best a fresh one.
        limits: see `Limits`.
        budget: allowance of bytes shared with other archives.
        ours: the file was named by its user, so it may be a link; its content is trusted no more.

    Returns:
        Extracted: the files written, and each refused member with its reason.

    Raises:
        OSError: the disk is full, or `into` cannot be written.

    Example:
        >>> import tempfile
        >>> extract(Path("no-such.zip"), Path(tempfile.mkdtemp())).refused[0].reason
        'cannot be read: No such file or directory'
    """
    into.mkdir(parents=True, exist_ok=True)
    budget = budget if budget is not None else Budget(limits.total_bytes)
    names = _Names(limits)
    files: list[Member] = []
    refused: list[Refused] = []
    try:
        source = open_plain(archive.resolve() if ours else archive, ours=ours)
    except NotPlainError as error:
        return Extracted((), (Refused(shown(archive.name), str(error)),))
    with source, Members(source, limits=limits, room=budget.left, folder=into) as members:
        for entry in _sound(members, archive, refused):
            if is_clutter(entry.name):
                continue
            fault = entry.fault or names.fault(entry)
            if fault:
                refused.append(Refused(shown(entry.name), fault))
            elif not entry.folder:
                try:
                    files.append(_write(entry, into / entry.name, limits, budget))
                except RefusedError as error:
                    refused.append(Refused(shown(entry.name), str(error)))
    if len(refused) > _LISTED:
        refused[_LISTED:] = [Refused("…", f"{len(refused) - _LISTED:,} more refused")]
    return Extracted(tuple(files), tuple(refused))


def _sound(members: Members, archive: Path, refused: list[Refused]) -> Iterator[Entry]:
    """Yield the entries until the archive ends or turns out damaged; note the latter."""
    reason = ""
    try:
        yield from members
    except RefusedError as error:
        reason = str(error)
    except (
        Exception
    ) as error:  # zipfile and tarfile raise many kinds on hostile bytes; all mean the same here
        reason = f"damaged: {_why(error)}"
    for note in filter(None, (members.note, reason)):
        refused.append(Refused(shown(archive.name), note))


class _Names:
    """The names seen so far in one archive: safe ones, each once, each folder spelt one way."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.files: set[str] = set()
        self.folders: dict[str, str] = {}

    def fault(self, entry: Entry) -> str | None:
        """Return why this name must not join the ones before; None, and remember it, if it may."""
        fault = path_fault(entry.name, length=self.limits.name_length, depth=self.limits.depth)
        if fault:
            return fault
        parts = entry.name.removesuffix("/").split("/")
        paths = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        keys = [folded(path) for path in paths]
        folders = len(parts) if entry.folder else len(parts) - 1
        for path, key in zip(paths[:folders], keys[:folders], strict=True):
            if key in self.files:
                return "a file and a folder of one name"
            if self.folders.get(key, path) != path:
                return "in a folder that occurs twice, differing only in case or Unicode form"
        if not entry.folder:
            if keys[-1] in self.files:
                return "a name that occurs twice, or differs only in case or Unicode form"
            if keys[-1] in self.folders:
                return "a file and a folder of one name"
            self.files.add(keys[-1])
        self.folders.update(zip(keys[:folders], paths[:folders], strict=True))
        return None


def _write(entry: Entry, path: Path, limits: Limits, budget: Budget) -> Member:
    """Stream one member to a new file; what it really holds counts, not what its header says."""
    if entry.size > limits.file_bytes:
        raise RefusedError(f"{entry.size:,} bytes, the most for one file is {limits.file_bytes:,}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
    except OSError as error:
        if error.errno in _BAD_NAME:
            raise RefusedError(f"a name that cannot be written here ({error.strerror})") from None
        raise
    written = 0
    with contextlib.ExitStack() as undo:
        undo.callback(path.unlink, missing_ok=True)
        with open(handle, "wb") as target:
            for chunk in _chunks(entry):
                written += len(chunk)
                budget.left -= len(chunk)
                if budget.left < 0:
                    raise RefusedError("the archive unpacks to more than is allowed altogether")
                if written > limits.file_bytes:
                    raise RefusedError(
                        f"unpacks to more than {limits.file_bytes:,} bytes, the most for one file"
                    )
                if written > max(MIB, entry.packed * limits.ratio):
                    raise RefusedError(f"unpacks to more than {limits.ratio} times its packed size")
                target.write(chunk)
        if written != entry.size:
            raise RefusedError(f"damaged: {written:,} bytes where its header says {entry.size:,}")
        undo.pop_all()
    return Member(entry.name, path, written, entry.when)


def _chunks(entry: Entry) -> Iterator[bytes]:
    """Yield a member's bytes; whatever its packing makes the library raise is one kind of refusal."""
    try:
        source = entry.open()
        if source is not None:
            with source:
                while chunk := source.read(_CHUNK):
                    yield chunk
    except (
        Exception
    ) as error:  # zlib.error, BadZipFile, EOFError, NotImplementedError, ...: the bytes are bad
        raise RefusedError(f"damaged: {_why(error)}") from None


def _why(error: Exception) -> str:
    return shown(str(error) or type(error).__name__)
