"""Reading a file that a student names, or saying in one sentence why not; writing one whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".labkit-"  # how the name of a file begins that is still being written
MOST_READ = 64 << 20  # bytes of a notebook or PDF; nothing bigger is collected and graded


class FileError(Exception):
    """A file that cannot be read: why, and what to do."""


def check_plain(path: Path) -> None:
    """Raise a `FileError` for a pipe or a device, which would be waited for."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise FileError(f"{path} is no plain file but a pipe or a device; name the file itself.")


def read_file(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        FileError: there is no such file, or it cannot be read.
    """
    check_plain(path)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileError(f"There is no file {path}; check the name, or go to its folder.") from None
    except PermissionError as error:
        if path.is_dir():  # what Windows says of a folder
            raise FileError(f"{path} is a folder; name the file in it.") from None
        raise FileError(
            f"{path} cannot be read: {error.strerror}; give yourself the right to read it, or copy it."
        ) from None
    except IsADirectoryError:
        raise FileError(f"{path} is a folder; name the file in it.") from None
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}.") from None


@contextmanager
def whole(path: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """Open a file to write; it takes the place of `path` once all of it is on the disk.

    Args:
        path: the file; its folder is there.
        mode: its permissions.

    Raises:
        OSError: it cannot be written there; what was there is as it was.

    Example:
        >>> with whole(Path("a.txt")) as file: file.write(b"all of it")  # doctest: +SKIP
    """
    import tempfile

    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
