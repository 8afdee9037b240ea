"""Reading a file that a student names, or saying in one sentence why it cannot be read."""

from __future__ import annotations

from pathlib import Path

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
