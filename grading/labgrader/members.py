"""List the members of a zip, tar or tar.gz that nobody vouches for, with what speaks against each."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from labkit.plainfile import MOST_READ

MIB = 1 << 20
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold.

    Args:
        files: most entries looked at, folders and refused ones included.
        total_bytes: most bytes unpacked altogether.
        file_bytes: most bytes of one file.
        ratio: most times that a file may be bigger than it is packed (counted above 1 MiB only).
        name_length: most bytes of one path.
        depth: most parts of one path, the file's own name included.
    """

    files: int = 1_000
    total_bytes: int = 200 * MIB
    file_bytes: int = MOST_READ
    ratio: int = 200
    name_length: int = 240
    depth: int = 8


@dataclass(frozen=True)
class Entry:
    """A member as its header describes it; `fault` is what already speaks against it, None for nothing."""

    name: str
    folder: bool
    size: int
    packed: int
    when: datetime | None
    fault: str | None
    open: Callable[[], IO[bytes] | None]


class RefusedError(Exception):
    """A member, or the rest of an archive, is not to be unpacked; the message says why."""


class Members:
    """The members of one open archive, as an iterator; leave it to free what it holds.

    Args:
        file: the archive, open for reading, seekable; its first bytes say what it is.
        limits: see `Limits`.
        room: most bytes that a .gz may unpack to on the way.
        folder: where it unpacks to, in a file without a name.

    Raises:
        RefusedError: from `next`, when the archive or the rest of it is not to be unpacked.
        Exception: from `next`, of many kinds, when its bytes are damaged or forged.
    """

    def __init__(self, file: IO[bytes], *, limits: Limits, room: int, folder: Path) -> None:
        self.limits = limits
        self.room, self.folder = room, folder
        self.note = ""  # what was odd about the archive as a whole
        self._stack = contextlib.ExitStack()
        self._entries = self._list(file)

    def __enter__(self) -> Members:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Entry]:
        return self

    def __next__(self) -> Entry:
        return next(self._entries)

    def _list(self, file: IO[bytes]) -> Iterator[Entry]:
        head = _head(file)
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield from self._zip(_Guarded(file, 8 * MIB))
            return
        if head.startswith(b"\x1f\x8b"):
            file = self._gunzip(file)
            head = _head(file)
        if head[257:262] != b"ustar":
            raise RefusedError("not a zip, tar or tar.gz archive")
        yield from self._tar(_Guarded(file, MIB))

    def _zip(self, file: _Guarded) -> Iterator[Entry]:
        archive = self._stack.enter_context(zipfile.ZipFile(file))
        infos = archive.infolist()
        overlapping = _overlapping(infos)
        for count, info in enumerate(infos):
            if count >= self.limits.files:
                raise RefusedError(
                    f"{len(infos):,} entries, the most is {self.limits.files:,}; the rest was left out"
                )
            shared = info.header_offset in overlapping
            name = _zip_name(info)
            yield Entry(
                name=name,
                folder=name.endswith("/"),
                size=info.file_size,
                packed=info.compress_size,
                when=_zip_when(info),
                fault="shares its bytes with another member" if shared else _zip_fault(info),
                open=lambda info=info: archive.open(info),  # type: ignore[misc]
            )

    def _tar(self, file: _Guarded) -> Iterator[Entry]:
        archive = self._stack.enter_context(tarfile.TarFile(fileobj=file, mode="r", errorlevel=2))
        for count, info in enumerate(archive):
            if count >= self.limits.files:
                raise RefusedError(f"more than {self.limits.files:,} entries; the rest was left out")
            when = None
            with contextlib.suppress(ValueError, OverflowError, OSError):
                when = datetime.fromtimestamp(info.mtime, UTC)
            yield Entry(
                name=info.name + "/" * info.isdir(),
                folder=info.isdir(),
                size=info.size,
                packed=info.size,
                when=when,
                fault=_tar_fault(info),
                open=lambda info=info: archive.extractfile(info),  # type: ignore[misc]
            )

    def _gunzip(self, file: IO[bytes]) -> IO[bytes]:
        """Unpack a .gz to a nameless temporary file, within the room; one cut short gives what it has."""
        packed = file.seek(0, os.SEEK_END)
        file.seek(0)
        headers = 1_536 * (self.limits.files + 1)
        most = min(max(MIB, packed * self.limits.ratio), min(self.limits.total_bytes, self.room) + headers)
        spool = self._stack.enter_context(tempfile.TemporaryFile(dir=self.folder))  # noqa: SIM115
        try:
            with gzip.GzipFile(fileobj=file) as source:
                while chunk := source.read1(_CHUNK):  # read1: what comes before a cut is not lost
                    if spool.tell() + len(chunk) > most:
                        raise RefusedError(
                            "unpacks to more than is allowed altogether, or for its packed size"
                        )
                    spool.write(chunk)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            self.note = f"cut short or damaged: {error}"
        spool.seek(0)
        return spool


class _Guarded(io.BufferedIOBase):
    """A file that refuses to be read in one huge piece, whatever sizes a forged header claims."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self.file = file
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        asked = self.most + 1 if size is None or size < 0 else size
        data = self.file.read(min(asked, self.most + 1))
        if asked > self.most and len(data) > self.most:
            raise RefusedError(f"damaged: one of its headers takes more than {self.most:,} bytes")
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _head(file: IO[bytes]) -> bytes:
    head = file.read(512)
    file.seek(0)
    return head


def _overlapping(infos: list[zipfile.ZipInfo]) -> set[int]:
    """Return the header offsets of members whose bytes are claimed twice: how flat zip bombs are made."""
    found: set[int] = set()
    reach, owner = 0, -1
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < reach:
            found.update((owner, info.header_offset))
        end = info.header_offset + 30 + info.compress_size  # 30: the local header without its name
        if end > reach:
            reach, owner = end, info.header_offset
    return found


def _zip_fault(info: zipfile.ZipInfo) -> str | None:
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link" if kind == stat.S_IFLNK else "a device, pipe or socket"
    if mode & 0o6000:
        return "a setuid or setgid bit"
    if info.flag_bits & 0x2041:
        return "encrypted; it must be handed in without a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"packed by zip's method {info.compress_type}; expected stored or deflated"
    return None


def _tar_fault(info: tarfile.TarInfo) -> str | None:
    if info.issym() or info.islnk():
        return "a link"
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or info.issparse():
        return "a device, pipe or other special file"
    if info.mode & 0o6000:
        return "a setuid or setgid bit"
    return None


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return a member's name as stored, with the slashes that some Windows tools write as backslashes.

    macOS writes UTF-8 unsaid, which the library reads as cp437.
    """
    name = info.orig_filename
    if not info.flag_bits & 0x800 and not name.isascii():
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _zip_when(info: zipfile.ZipInfo) -> datetime | None:
    """Return a member's time: UTC where the archive says so, else the maker's wall clock taken for ours."""
    extra = info.extra
    while len(extra) >= 4:
        tag, size = struct.unpack("<HH", extra[:4])
        if tag == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return datetime.fromtimestamp(struct.unpack("<i", extra[5:9])[0], UTC)
        extra = extra[4 + size :]
    try:
        when = datetime(*info.date_time)
        return when.astimezone(UTC) if when.year > 1980 else None
    except (ValueError, OverflowError, OSError):
        return None
